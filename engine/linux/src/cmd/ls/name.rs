//! Names as `ls` writes them: quoted, marked with their kind, coloured.

use super::Row;
use crate::fs::{FileKind, Stat};

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Quoting {
    Literal,
    Shell,
    ShellAlways,
    ShellEscape,
    ShellEscapeAlways,
    C,
    Escape,
}

pub const STYLES: &[(&str, Quoting)] = &[
    ("literal", Quoting::Literal),
    ("shell", Quoting::Shell),
    ("shell-always", Quoting::ShellAlways),
    ("shell-escape", Quoting::ShellEscape),
    ("shell-escape-always", Quoting::ShellEscapeAlways),
    ("c", Quoting::C),
    ("c-maybe", Quoting::C),
    ("escape", Quoting::Escape),
    ("locale", Quoting::C),
    ("clocale", Quoting::C),
];

impl Quoting {
    pub fn quote(self, name: &str, question_marks: bool) -> String {
        match self {
            Quoting::Literal if question_marks => {
                name.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
            }
            Quoting::Literal => name.to_owned(),
            Quoting::C => format!("\"{}\"", escaped(name, '"')),
            Quoting::Escape => escaped(name, ' '),
            Quoting::Shell | Quoting::ShellAlways => {
                let always = self == Quoting::ShellAlways;
                let shown: String = match question_marks {
                    true => name.chars().map(|c| if c.is_control() { '?' } else { c }).collect(),
                    false => name.to_owned(),
                };
                if always || needs_quotes(name) { in_quotes(&shown) } else { shown }
            }
            Quoting::ShellEscape | Quoting::ShellEscapeAlways => {
                let always = self == Quoting::ShellEscapeAlways;
                if name.contains(char::is_control) {
                    with_dollars(name)
                } else if always || needs_quotes(name) {
                    in_quotes(name)
                } else {
                    name.to_owned()
                }
            }
        }
    }

    /// A directory's name above its list; a colon in it needs quotes too.
    pub fn title(self, name: &str) -> String {
        match self {
            Quoting::Literal => name.to_owned(),
            _ if name.contains(':') && self != Quoting::C && self != Quoting::Escape => in_quotes(name),
            _ => self.quote(name, false),
        }
    }

    /// Names without quotes stand one column further in where others have them.
    pub fn aligns(self) -> bool {
        matches!(self, Quoting::Shell | Quoting::ShellEscape)
    }
}

fn needs_quotes(name: &str) -> bool {
    name.is_empty()
        || name.starts_with(['~', '#'])
        || name.contains(|c: char| c.is_control() || " !\"$&'()*;<=>?[\\]^`{|}".contains(c))
}

fn in_quotes(name: &str) -> String {
    match name.contains('\'') {
        true if !name.contains(['"', '$', '`', '\\', '!']) => format!("\"{name}\""),
        _ => format!("'{}'", name.replace('\'', "'\\''")),
    }
}

/// `'a'$'\n''b'`
fn with_dollars(name: &str) -> String {
    let mut out = "'".to_owned();
    let mut special = false;
    for c in name.chars() {
        if c.is_control() != special {
            out.push_str(if special { "''" } else { "'$'" });
            special = !special;
        }
        match c {
            '\'' => out.push_str("'\\''"),
            c if c.is_control() => out.push_str(&escaped(&c.to_string(), '\'')),
            c => out.push(c),
        }
    }
    out + "'"
}

/// As in C; `also` is escaped too.
fn escaped(name: &str, also: char) -> String {
    let mut out = String::new();
    for c in name.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{b}' => out.push_str("\\v"),
            '\u{c}' => out.push_str("\\f"),
            c if c == also => {
                out.push('\\');
                out.push(c);
            }
            c if c.is_control() => out.push_str(&format!("\\{:03o}", c as u32)),
            c => out.push(c),
        }
    }
    out
}

/// What stands behind a name: `/`, `*`, `@` …
pub fn indicator(stat: &Stat, style: Option<char>) -> &'static str {
    match (style, stat.kind) {
        (None, _) => "",
        (Some(_), FileKind::Directory) => "/",
        (Some('p'), _) => "",
        (Some(_), FileKind::Symlink) => "@",
        (Some(_), FileKind::Fifo) => "|",
        (Some(_), FileKind::Socket) => "=",
        (Some('F'), FileKind::File) if stat.mode & 0o111 != 0 => "*",
        _ => "",
    }
}

/// The colour of `dircolors`' own table.
fn color(stat: &Stat) -> Option<&'static str> {
    match stat.kind {
        FileKind::Directory if stat.mode & 0o1002 == 0o1002 => Some("30;42"),
        FileKind::Directory if stat.mode & 0o002 != 0 => Some("34;42"),
        FileKind::Directory if stat.mode & 0o1000 != 0 => Some("37;44"),
        FileKind::Directory => Some("01;34"),
        FileKind::Symlink => Some("01;36"),
        FileKind::Fifo => Some("33"),
        FileKind::Socket => Some("01;35"),
        FileKind::CharacterDevice => Some("01;33"),
        FileKind::File if stat.mode & 0o4000 != 0 => Some("37;41"),
        FileKind::File if stat.mode & 0o2000 != 0 => Some("30;43"),
        FileKind::File if stat.mode & 0o111 != 0 => Some("01;32"),
        FileKind::File => None,
    }
}

/// A name in its colour; the first colour of all is led by a reset.
pub fn colored(text: &str, stat: &Stat, first: &mut bool) -> String {
    match color(stat) {
        Some(code) => {
            let lead = if std::mem::replace(first, false) { "\u{1b}[0m" } else { "" };
            format!("{lead}\u{1b}[{code}m{text}\u{1b}[0m")
        }
        None => text.to_owned(),
    }
}

/// fnmatch(3), as the shell matches names.
pub fn matches(pattern: &str, name: &str) -> bool {
    crate::cmd::find::matches(pattern, name, false)
}

/// The name and its mark, without colour.
pub fn plain(row: &Row, quoting: Quoting, style: Option<char>, question_marks: bool) -> String {
    quoting.quote(&row.name, question_marks) + indicator(&row.stat, style)
}
