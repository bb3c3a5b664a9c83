//! Looking for a pattern: Vim's regular expressions, and where they are found.
//!
//! Differs from Vim: a match lies within one line; no `\@`, `\&`, `\%` but `\%(`, no offsets after the pattern.
//! Source: Vim's pattern.txt.

use super::buffer::{Buffer, Pos};
use super::editor::Editor;
use super::motion::{Kind, Motion};
use super::options::Options;
use crate::regex::{Regex, Syntax};

/// The farthest that a count goes from match to match.
const HUNTS: usize = 200;

/// A pattern as Vim reads it. `again` is what `~` stands for.
pub(super) fn compile(pattern: &str, options: &Options, again: &str) -> Result<Regex, String> {
    let mut ignore = options.ignorecase && !(options.smartcase && pattern.chars().any(char::is_uppercase));
    let perl = Translation { chars: pattern.chars().collect(), at: 0, out: String::new(), again }
        .run(&mut ignore)?;
    Regex::new(&perl, Syntax::Perl, ignore).map_err(|words| match words.as_str() {
        "missing closing parenthesis" => "E54: Unmatched \\(".to_owned(),
        "unmatched closing parenthesis" => "E55: Unmatched \\)".to_owned(),
        _ => format!("E383: Invalid search string: {pattern}"),
    })
}

struct Translation<'a> {
    chars: Vec<char>,
    at: usize,
    out: String,
    again: &'a str,
}

impl Translation<'_> {
    fn next(&mut self) -> Option<char> {
        self.at += 1;
        self.chars.get(self.at - 1).copied()
    }

    fn run(mut self, ignore: &mut bool) -> Result<String, String> {
        // What stands for itself, or is special, without a backslash.
        let mut plain = MAGIC;
        let (mut first, mut ends) = (true, 0);
        while let Some(c) = self.next() {
            let (mut special, mut c) = (plain.contains(c), c);
            if c == '\\' {
                c = self.next().unwrap_or('\\');
                match c {
                    'v' => plain = VERY_MAGIC,
                    'm' => plain = MAGIC,
                    'M' | 'V' => plain = "^$",
                    'c' | 'C' => *ignore = c == 'c',
                    'z' if self.next() == Some('s') => self.out.push_str("\\K"),
                    'z' => {
                        self.out.push_str("(?=");
                        ends += 1;
                    }
                    c => {
                        if let Some(class) = class(c) {
                            self.out.push_str(&class);
                            first = false;
                            continue;
                        }
                        special = !plain.contains(c);
                    }
                }
                if "vmMVcCz".contains(c) {
                    continue;
                }
            }
            first = if special { self.special(c, first, plain)? } else { self.literal(c) };
        }
        self.out.extend(std::iter::repeat_n(')', ends));
        Ok(self.out)
    }

    fn literal(&mut self, c: char) -> bool {
        if ".*[]^$+?|(){}\\".contains(c) {
            self.out.push('\\');
        }
        self.out.push(c);
        false
    }

    /// Is what follows at the start of a branch?
    fn special(&mut self, c: char, first: bool, plain: &str) -> Result<bool, String> {
        let rest = &self.chars[self.at.min(self.chars.len())..];
        match c {
            '*' if first => return Ok(self.literal(c)),
            '.' | '*' | '+' => self.out.push(c),
            '=' | '?' => self.out.push('?'),
            '<' => self.out.push_str("\\b(?=\\w)"),
            '>' => self.out.push_str("\\b(?<=\\w)"),
            '^' if first => {
                self.out.push('^');
                return Ok(true);
            }
            '$' if rest.is_empty() || matches!(rest, ['\\', '|' | ')', ..]) || plain == VERY_MAGIC => {
                self.out.push('$');
            }
            '|' | '(' => {
                self.out.push(c);
                return Ok(true);
            }
            ')' => self.out.push(c),
            '%' if rest.first() == Some(&'(') => {
                self.at += 1;
                self.out.push_str("(?:");
                return Ok(true);
            }
            '~' => {
                for c in self.again.chars() {
                    self.literal(c);
                }
            }
            '[' => match set_end(rest) {
                None => return Ok(self.literal('[')),
                Some(end) => {
                    self.out.push('[');
                    self.out.extend(&rest[..=end]);
                    self.at += end + 1;
                }
            },
            '{' => self.braces()?,
            '@' | '&' | '%' | '_' => return Err(format!("\\{c}: not simulated in vethlab")),
            c => return Ok(self.literal(c)),
        }
        Ok(false)
    }

    /// `{n,m}`, `{-n,m}`: as few as will do.
    fn braces(&mut self) -> Result<(), String> {
        let mut text = String::new();
        loop {
            match self.next() {
                Some('}') => break,
                Some('\\') => {}
                Some(c) => text.push(c),
                None => return Err("E554: Syntax error in \\{...}".to_owned()),
            }
        }
        let (lazy, text) = match text.strip_prefix('-') {
            Some(text) => ("?", text),
            None => ("", text.as_str()),
        };
        self.out.push_str(&match (text, text.strip_prefix(',')) {
            ("" | ",", _) => format!("*{lazy}"),
            (_, Some(most)) => format!("{{0,{most}}}{lazy}"),
            _ => format!("{{{text}}}{lazy}"),
        });
        Ok(())
    }
}

/// Where the bracket stands that ends a set; one at its beginning, and one of `[:digit:]`, does not.
fn set_end(rest: &[char]) -> Option<usize> {
    let mut at = usize::from(rest.first() == Some(&'^'));
    at += usize::from(rest.get(at) == Some(&']'));
    loop {
        at += match rest.get(at..)? {
            [']', ..] => return Some(at),
            ['[', ':', name @ ..] => 4 + name.windows(2).position(|it| it == [':', ']'])?,
            ['\\', ']' | '\\' | '^' | '-', ..] => 2,
            [_, ..] => 1,
            [] => return None,
        };
    }
}

const MAGIC: &str = "^$.*[~";
const VERY_MAGIC: &str = "^$.*[~+=?|(){}<>@&%";

/// `\s` and its like.
fn class(letter: char) -> Option<String> {
    let inside = match letter.to_ascii_lowercase() {
        's' => " \t",
        'd' => "0-9",
        'a' => "A-Za-z",
        'l' => "a-z",
        'x' => "0-9A-Fa-f",
        'h' => "A-Za-z_",
        'o' => "0-7",
        _ => {
            return Some(match letter {
                'u' => "[A-Z]".to_owned(),
                'U' => "[^A-Z]".to_owned(),
                'w' | 'W' | '1'..='9' => format!("\\{letter}"),
                'i' | 'k' => "\\w".to_owned(),
                'f' => "[\\w/.+,#$%~=-]".to_owned(),
                't' => "\t".to_owned(),
                'n' => "\n".to_owned(),
                'e' => "\u{1b}".to_owned(),
                'r' => "\r".to_owned(),
                _ => return None,
            });
        }
    };
    let not = if letter.is_ascii_uppercase() { "^" } else { "" };
    Some(format!("[{not}{inside}]"))
}

/// Where the next match begins and ends, and whether the search went round.
pub(super) fn find(
    buffer: &Buffer,
    regex: &Regex,
    from: Pos,
    backwards: bool,
    wraps: bool,
) -> Option<(Pos, Pos, bool)> {
    let count = buffer.lines().len();
    for step in 0..=count {
        let line =
            if backwards { (from.line + 2 * count - step) % count } else { (from.line + step) % count };
        let wrapped = if backwards { from.line < step } else { from.line + step >= count };
        if wrapped && !wraps {
            return None;
        }
        let fits = |start: usize| match (step, backwards) {
            (0, false) => start > from.col,
            (0, true) => start < from.col,
            (last, false) if last == count => start <= from.col,
            (last, true) if last == count => start >= from.col,
            _ => true,
        };
        let text = buffer.line(line);
        let mut found = regex
            .find_all(text)
            .into_iter()
            .map(|found| (found.start.min(text.len().saturating_sub(1)), found.end))
            .filter(|(start, _)| fits(*start));
        let found = if backwards { found.next_back() } else { found.next() };
        if let Some((start, end)) = found {
            return Some((Pos::new(line, start), Pos::new(line, end), wrapped));
        }
    }
    None
}

/// The pattern up to its unescaped delimiter, and what follows.
pub(super) fn until_delimiter(text: &str, delimiter: char) -> (String, Option<&str>) {
    let mut pattern = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        if c == delimiter {
            return (pattern, Some(&text[at + c.len_utf8()..]));
        }
        if c == '\\' {
            match chars.next() {
                Some((_, next)) if next == delimiter => pattern.push(next),
                Some((_, next)) => pattern.extend([c, next]),
                None => pattern.push(c),
            }
        } else {
            pattern.push(c);
        }
    }
    (pattern, None)
}

impl Editor {
    pub fn regex(&self, pattern: &str) -> Result<Regex, String> {
        compile(pattern, &self.options, self.replaced.as_ref().map_or("", |(_, text, _)| text))
    }

    /// What `/` is followed by, or the last pattern again.
    pub fn search_for(&mut self, words: &str, backwards: bool, count: usize) -> Option<Motion> {
        let (pattern, rest) = until_delimiter(words, if backwards { '?' } else { '/' });
        if let Some(offset) = rest.filter(|rest| !rest.is_empty()) {
            self.fail(format!("{offset}: not simulated in vethlab"));
            return None;
        }
        let Some(pattern) = Some(pattern).filter(|it| !it.is_empty()).or(self.pattern.take().map(|it| it.0))
        else {
            self.fail("E35: No previous regular expression");
            return None;
        };
        self.pattern = Some((pattern, backwards));
        self.hunt(self.cursor, backwards, count)
    }

    pub fn search_again(&mut self, reverse: bool, count: usize) -> Option<Motion> {
        let Some((_, backwards)) = self.pattern else {
            self.fail("E35: No previous regular expression");
            return None;
        };
        self.hunt(self.cursor, backwards != reverse, count)
    }

    /// `*` and `#`
    pub fn search_word(&mut self, backwards: bool, whole: bool, count: usize) -> Option<Motion> {
        let (col, word) = self.word_at_cursor();
        let Some(first) = word.first() else {
            self.fail("E348: No string under cursor");
            return None;
        };
        let is_word = first.is_alphanumeric() || *first == '_';
        let escape = |c: &char| if "\\/.*$^~[]".contains(*c) { vec!['\\', *c] } else { vec![*c] };
        let escaped: String = word.iter().flat_map(escape).collect();
        let pattern = if whole && is_word { format!("\\<{escaped}\\>") } else { escaped };
        self.pattern = Some((pattern, backwards));
        self.hunt(Pos::new(self.cursor.line, col), backwards, count)
    }

    /// The word under the cursor or the next in the line, and where it begins.
    pub fn word_at_cursor(&self) -> (usize, Vec<char>) {
        let (at, line) = (self.cursor, self.buffer.line(self.cursor.line));
        let class = |col: usize| self.class(Pos::new(at.line, col), false);
        let found = (at.col..line.len())
            .find(|col| class(*col) == 2)
            .or((at.col..line.len()).find(|col| class(*col) == 1));
        let Some(inside) = found else { return (at.col, Vec::new()) };
        let wanted = class(inside);
        let start = (0..inside).rev().take_while(|col| class(*col) == wanted).last().unwrap_or(inside);
        let end = (inside..line.len()).find(|col| class(*col) != wanted).unwrap_or(line.len());
        (start, line[start..end].to_vec())
    }

    fn hunt(&mut self, from: Pos, backwards: bool, count: usize) -> Option<Motion> {
        let (pattern, _) = self.pattern.clone()?;
        let regex = match self.regex(&pattern) {
            Ok(regex) => regex,
            Err(words) => {
                self.fail(words);
                return None;
            }
        };
        let (mut at, mut wrapped) = (from, false);
        for _ in 0..count.min(HUNTS) {
            match find(&self.buffer, &regex, at, backwards, self.options.wrapscan) {
                Some((found, _, over)) => (at, wrapped) = (found, wrapped || over),
                None => {
                    self.fail(match (self.options.wrapscan, backwards) {
                        (true, _) => format!("E486: Pattern not found: {pattern}"),
                        (false, true) => format!("E384: Search hit TOP without match for: {pattern}"),
                        (false, false) => format!("E385: Search hit BOTTOM without match for: {pattern}"),
                    });
                    return None;
                }
            }
        }
        self.highlight = self.options.hlsearch.then_some(regex);
        match (wrapped, backwards) {
            (true, true) => self.say("search hit TOP, continuing at BOTTOM"),
            (true, false) => self.say("search hit BOTTOM, continuing at TOP"),
            (false, _) => self.say(format!("{}{pattern}", if backwards { '?' } else { '/' })),
        }
        self.set_jump();
        Some(Motion { from: self.cursor, to: at, kind: Kind::Exclusive })
    }
}
