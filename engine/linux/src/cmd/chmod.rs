//! `chmod`: change the mode of files. Source: chmod(1), coreutils 9.1, `src/chmod.c`, `lib/modechange.c`.
//! ```transcript
//! host# touch f; chmod u+x,go-r f; ls -l f | cut -c1-10
//! -rwx------
//! ```

use super::getopt::Takes::{Nothing, Value};
use super::ls::permissions;
use super::tool::{Options, Tool, quoted};
use super::{Args, Command, Exit};
use crate::fs::{FileKind, Stat};
use crate::sys::Sys;

pub const CHMOD: Command = Command {
    name: "chmod",
    path: "/usr/bin/chmod",
    man: "chmod(1)",
    run: |sys, args| Box::pin(chmod(sys, args)),
};

const TOOL: Tool = Tool::gnu(
    "chmod",
    "Rcfv",
    &[
        ("changes", Nothing, 'c'),
        ("no-preserve-root", Nothing, '\u{3}'),
        ("preserve-root", Nothing, '\u{4}'),
        ("quiet", Nothing, 'f'),
        ("recursive", Nothing, 'R'),
        ("reference", Value, '\u{5}'),
        ("silent", Nothing, 'f'),
        ("verbose", Nothing, 'v'),
    ],
);

/// Directories that `-R` goes down.
pub(super) const DEPTH: usize = 64;

/// A mode as it was written, or as a file's is.
enum Mode {
    Text(String),
    Like(u16),
}

impl Mode {
    fn of(&self, stat: &Stat, umask: u16) -> Option<u16> {
        let directory = stat.kind == FileKind::Directory;
        match self {
            Mode::Like(mode) => Some(*mode),
            Mode::Text(text) => parse(text, stat.mode, umask, directory),
        }
    }
}

/// `755`, `u+x`: what it makes of `mode`.
pub fn parse(text: &str, mode: u16, umask: u16, directory: bool) -> Option<u16> {
    if text.is_empty() || !text.bytes().all(|byte| (b'0'..b'8').contains(&byte)) {
        return symbolic(text, mode, umask, directory);
    }
    let value = u32::from_str_radix(text, 8).ok().filter(|value| *value <= 0o7777)? as u16;
    // Few digits leave a directory its set-id bits.
    let kept = if directory && text.len() < 5 { mode & 0o6000 } else { 0 };
    Some(value | kept)
}

/// `-x` is a mode, not an option.
fn is_mode(word: &str) -> bool {
    let mut letters = word.chars();
    letters.next() == Some('-')
        && letters.next().is_some_and(|letter| "rwxXstugoa,+=01234567".contains(letter))
}

async fn chmod(sys: Sys, args: Args) -> Exit {
    let mut words = args.rest().to_vec();
    let end = words.iter().position(|word| word == "--").unwrap_or(words.len());
    let dashed = words[..end].iter().position(|word| is_mode(word)).map(|at| words.remove(at));
    let options = match TOOL.options_of(&sys, args.name(), &words).await {
        Ok(options) => options,
        Err(exit) => return exit,
    };
    let mut files = options.operands.clone();
    let surprises = dashed.is_some();
    let umask = sys.ask(|system, id| system.process(id).umask).await;
    let mode = match (options.value('\u{5}').map(str::to_owned), dashed) {
        (Some(_), Some(_)) => return TOOL.wrong(&sys, "cannot combine mode and --reference options").await,
        (Some(like), None) => match sys.stat(&like).await {
            Ok(stat) => Mode::Like(stat.mode),
            Err(errno) => {
                TOOL.complain(&sys, format!("failed to get attributes of {}: {errno}", quoted(&like))).await;
                return Exit::FAILURE;
            }
        },
        (None, Some(text)) => Mode::Text(text),
        (None, None) if files.is_empty() => return TOOL.wrong(&sys, "missing operand").await,
        (None, None) => Mode::Text(files.remove(0)),
    };
    if files.is_empty() {
        return match &mode {
            Mode::Text(text) => TOOL.wrong(&sys, format!("missing operand after {}", quoted(text))).await,
            Mode::Like(_) => TOOL.wrong(&sys, "missing operand").await,
        };
    }
    if let Mode::Text(text) = &mode
        && parse(text, 0, 0, false).is_none()
    {
        return TOOL.wrong(&sys, format!("invalid mode: {}", quoted(text))).await;
    }
    let mut change = Change { sys: &sys, options: &options, mode, umask, surprises, exit: Exit::OK };
    for file in &files {
        change.tree(file).await;
    }
    change.exit
}

struct Change<'a> {
    sys: &'a Sys,
    options: &'a Options,
    mode: Mode,
    umask: u16,
    /// Complain where the umask keeps bits that the mode named.
    surprises: bool,
    exit: Exit,
}

impl Change<'_> {
    async fn complain(&mut self, words: String) {
        self.exit = Exit::FAILURE;
        if !self.options.has('f') {
            TOOL.complain(self.sys, words).await;
        }
    }

    async fn tree(&mut self, start: &str) {
        let mut todo = vec![(start.to_owned(), 0)];
        while let Some((path, depth)) = todo.pop() {
            let Some(stat) = self.one(&path, depth > 0).await else { continue };
            if !self.options.has('R') || stat.kind != FileKind::Directory || depth >= DEPTH {
                continue;
            }
            match self.sys.read_dir(&path).await {
                Ok(entries) => {
                    let base = path.trim_end_matches('/');
                    let below = entries.into_iter().rev();
                    let below = below.filter(|entry| entry.stat.kind != FileKind::Symlink);
                    todo.extend(below.map(|entry| (format!("{base}/{}", entry.name), depth + 1)));
                }
                Err(errno) => {
                    self.complain(format!("cannot read directory {}: {errno}", quoted(&path))).await
                }
            }
        }
    }

    async fn one(&mut self, path: &str, below: bool) -> Option<Stat> {
        let stat = match self.sys.stat(path).await {
            Ok(stat) => stat,
            Err(errno) => {
                let dangling = !below && self.sys.lstat(path).await.is_ok();
                let words = match dangling {
                    true => format!("cannot operate on dangling symlink {}", quoted(path)),
                    false => format!("cannot access {}: {errno}", quoted(path)),
                };
                self.complain(words).await;
                return None;
            }
        };
        let new = self.mode.of(&stat, self.umask).unwrap_or(stat.mode);
        if let Err(errno) = self.sys.chmod(path, new).await {
            self.complain(format!("changing permissions of {}: {errno}", quoted(path))).await;
            return Some(stat);
        }
        let shown = |mode: u16| format!("{mode:04o} ({})", permissions(mode));
        if new != stat.mode && (self.options.has('v') || self.options.has('c')) {
            let (from, to) = (shown(stat.mode), shown(new));
            self.sys.print(format!("mode of {} changed from {from} to {to}\n", quoted(path))).await;
        } else if self.options.has('v') {
            self.sys.print(format!("mode of {} retained as {}\n", quoted(path), shown(new))).await;
        }
        let plain = self.mode.of(&stat, 0).unwrap_or(new);
        if self.surprises && new & !plain != 0 {
            let (is, not) = (permissions(new), permissions(plain));
            self.complain(format!("{path}: new permissions are {is}, not {not}")).await;
        }
        Some(stat)
    }
}

/// What a symbolic mode (`u+x,go=r`) makes of `mode`; `None` where it is none. `directory` counts for `X`.
pub fn symbolic(text: &str, mode: u16, umask: u16, directory: bool) -> Option<u16> {
    let mut mode = mode;
    for clause in text.split(',') {
        let split = clause.find(['+', '-', '='])?;
        let (who, mut rest) = clause.split_at(split);
        let mut affected = 0;
        for letter in who.chars() {
            affected |= match letter {
                'u' => 0o4700,
                'g' => 0o2070,
                'o' => 0o1007,
                'a' => 0o7777,
                _ => return None,
            };
        }
        while let Some(operator) = rest.chars().next() {
            if !"+-=".contains(operator) {
                return None;
            }
            let end = rest[1..].find(['+', '-', '=']).map_or(rest.len(), |at| at + 1);
            let bits = bits(&rest[1..end], mode, directory)?;
            // A directory keeps the set-id bits that were not named.
            let omitted = if directory { 0o6000 & !bits } else { 0 };
            let value = bits & if affected == 0 { !umask } else { affected } & !omitted;
            mode = match operator {
                '+' => mode | value,
                '-' => mode & !value,
                _ => mode & (if affected == 0 { 0 } else { !affected } | omitted) | value,
            };
            rest = &rest[end..];
        }
    }
    Some(mode & 0o7777)
}

/// The bits that the letters behind an operator name.
fn bits(letters: &str, mode: u16, directory: bool) -> Option<u16> {
    if !letters.is_empty() && letters.bytes().all(|byte| (b'0'..b'8').contains(&byte)) {
        return u16::from_str_radix(letters, 8).ok().filter(|bits| *bits <= 0o7777);
    }
    let copied = match letters {
        "u" => Some(mode >> 6 & 7),
        "g" => Some(mode >> 3 & 7),
        "o" => Some(mode & 7),
        _ => None,
    };
    if let Some(copied) = copied {
        return Some(copied * 0o111);
    }
    letters.chars().try_fold(0, |bits, letter| {
        Some(
            bits | match letter {
                'r' => 0o444,
                'w' => 0o222,
                'x' => 0o111,
                'X' if directory || mode & 0o111 != 0 => 0o111,
                'X' => 0,
                's' => 0o6000,
                't' => 0o1000,
                _ => return None,
            },
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_made_as_chmod_makes_them() {
        assert_eq!(parse("755", 0o644, 0o022, false), Some(0o755));
        assert_eq!(parse("u+x,go-r", 0o644, 0o022, false), Some(0o700));
        assert_eq!(parse("+w", 0o444, 0o022, false), Some(0o644));
        assert_eq!(parse("a+X", 0o644, 0o022, false), Some(0o644));
        assert_eq!(parse("a+X", 0o644, 0o022, true), Some(0o755));
        assert_eq!(parse("g=u", 0o640, 0o022, false), Some(0o660));
        assert_eq!(parse("755", 0o2644, 0o022, true), Some(0o2755));
        assert_eq!(parse("rwx", 0o644, 0o022, false), None);
        assert_eq!(parse("99", 0o644, 0o022, false), None);
        assert_eq!(parse("é+x", 0o644, 0o022, false), None);
    }
}
