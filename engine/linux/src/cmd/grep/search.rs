//! Searching one file: which lines match, and how they are shown.

use super::super::input::{Lines, open_fd};
use super::super::tool::Options;
use super::TOOL;
use crate::regex::{Match, Regex};
use crate::sys::Sys;
use std::collections::VecDeque;

/// What is made of a file with a NUL in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Binary {
    /// That it matches is told, not where.
    Told,
    Text,
    /// It never matches.
    Without,
}

pub(super) struct Search {
    pub sys: Sys,
    pub patterns: Vec<Regex>,
    pub options: Options,
    /// Names of files are shown.
    pub names: bool,
    /// Lines before and after.
    pub context: (usize, usize),
    pub limit: Option<usize>,
    pub binary: Binary,
    /// What ends a line.
    pub end: char,
    pub color: bool,
    pub matched: bool,
    pub failed: bool,
    /// A group of lines has been shown, so the next one begins with `--`.
    pub separate: bool,
}

impl Search {
    pub async fn complain(&mut self, words: String) {
        self.failed = true;
        if !self.options.has('s') {
            TOOL.complain(&self.sys, words).await;
        }
    }

    /// True where nothing more is to be done.
    pub async fn file(&mut self, path: &str) -> bool {
        let label = self.options.value(super::LABEL).map(str::to_owned);
        let shown = if path == "-" { label.as_deref().unwrap_or("(standard input)") } else { path };
        let fd = match open_fd(&self.sys, path).await {
            Ok(fd) => fd,
            Err(errno) => {
                self.complain(format!("{shown}: {errno}")).await;
                return false;
            }
        };
        let mut lines = Lines::ended_by(&self.sys, fd, self.end as u8);
        let done = self.lines(shown, &mut lines).await;
        if path != "-" {
            self.sys.close(fd).await.ok();
        }
        done
    }

    async fn lines(&mut self, shown: &str, lines: &mut Lines) -> bool {
        let (mut count, mut after, [mut number, mut last_shown, mut offset]) = (0, 0, [0_usize; 3]);
        let mut before: VecDeque<(usize, String)> = VecDeque::new();
        let listing = "lLcq".chars().any(|letter| self.options.has(letter));
        loop {
            let line = match lines.next_text().await {
                Ok(Some((line, _))) => line,
                Ok(None) => break,
                Err(errno) => {
                    self.complain(format!("{shown}: {errno}")).await;
                    break;
                }
            };
            let binary = line.contains('\0') && self.binary != Binary::Text;
            if binary && self.binary == Binary::Without {
                break;
            }
            number += 1;
            let start = offset;
            offset += line.len() + 1;
            let chars: Vec<char> = line.chars().collect();
            let found = self.find(&chars, 0).is_some() != self.options.has('v');
            if found && self.limit.is_none_or(|limit| count < limit) {
                count += 1;
                self.matched = true;
                if self.options.has('q') {
                    return true;
                }
                if listing {
                    if !self.options.has('c') {
                        break;
                    }
                } else if binary {
                    self.sys.eprint(format!("grep: {shown}: binary file matches\n")).await;
                    break;
                } else {
                    self.separator(last_shown, number - before.len()).await;
                    self.show_before(shown, &mut before).await;
                    self.show(shown, number, start, &line, true).await;
                    last_shown = number;
                    after = self.context.1;
                }
                if self.limit == Some(count) && after == 0 {
                    break;
                }
            } else if after > 0 && !listing {
                after -= 1;
                self.show(shown, number, start, &line, false).await;
                last_shown = number;
                if after == 0 && self.limit.is_some_and(|limit| count >= limit) {
                    break;
                }
            } else if self.context.0 > 0 && !listing {
                before.push_back((number, line));
                if before.len() > self.context.0 {
                    before.pop_front();
                }
            }
        }
        self.summary(shown, count).await;
        false
    }

    async fn show_before(&mut self, shown: &str, before: &mut VecDeque<(usize, String)>) {
        for (number, line) in before.drain(..) {
            self.show(shown, number, 0, &line, false).await;
        }
    }

    async fn summary(&mut self, shown: &str, count: usize) {
        let end = if self.options.has('Z') { "\0" } else { "\n" };
        if self.options.has('l') {
            if count > 0 {
                self.sys.print(format!("{shown}{end}")).await;
            }
        } else if self.options.has('L') {
            if count == 0 {
                self.sys.print(format!("{shown}{end}")).await;
            }
        } else if self.options.has('c') {
            let name = if self.names {
                format!("{}{}", self.paint("35", shown), self.paint("36", ":"))
            } else {
                String::new()
            };
            self.sys.print(format!("{name}{count}\n")).await;
        }
    }

    /// `--` between groups that do not touch.
    async fn separator(&mut self, last_shown: usize, first: usize) {
        let context = self.context != (0, 0) || "ABC".chars().any(|letter| self.options.has(letter));
        let apart = self.separate && (last_shown == 0 || first > last_shown + 1);
        if context && apart && !self.options.has(super::NO_SEPARATOR) {
            let dashes = self.paint("36", self.options.value(super::SEPARATOR).unwrap_or("--"));
            self.sys.print(format!("{dashes}\n")).await;
        }
        self.separate = true;
    }

    async fn show(&mut self, name: &str, number: usize, start: usize, line: &str, matched: bool) {
        let mark = self.paint("36", if matched { ":" } else { "-" });
        let mut head = String::new();
        if self.names {
            head.push_str(&format!("{}{mark}", self.paint("35", name)));
        }
        if self.options.has('n') {
            head.push_str(&format!("{}{mark}", self.paint("32", &number.to_string())));
        }
        let offset = |at: usize| match self.options.has('b') {
            true => format!("{}{mark}", self.paint("32", &at.to_string())),
            false => String::new(),
        };
        let chars: Vec<char> = line.chars().collect();
        if self.options.has('o') {
            if !matched || self.options.has('v') {
                return;
            }
            let mut text = String::new();
            for found in self.find_all(&chars) {
                let piece: String = chars[found.start..found.end].iter().collect();
                let before: usize = chars[..found.start].iter().map(|c| c.len_utf8()).sum();
                let piece = self.paint("01;31", &piece);
                text.push_str(&format!("{head}{}{piece}{}", offset(start + before), self.end));
            }
            self.sys.print(text).await;
            return;
        }
        let painted = if self.color && matched != self.options.has('v') {
            self.painted(&chars)
        } else {
            line.to_owned()
        };
        self.sys.print(format!("{head}{}{painted}{}", offset(start), self.end)).await;
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.color { format!("\x1b[{code}m\x1b[K{text}\x1b[m\x1b[K") } else { text.to_owned() }
    }

    fn painted(&self, chars: &[char]) -> String {
        let (mut out, mut at) = (String::new(), 0);
        for found in self.find_all(chars) {
            out.extend(&chars[at..found.start]);
            out.push_str(&self.paint("01;31", &chars[found.start..found.end].iter().collect::<String>()));
            at = found.end;
        }
        out.extend(&chars[at..]);
        out
    }

    /// All matches that are not empty.
    fn find_all(&self, chars: &[char]) -> Vec<Match> {
        let (mut all, mut from) = (Vec::new(), 0);
        while let Some(found) = self.find(chars, from) {
            from = if found.end > found.start { found.end } else { found.end + 1 };
            if found.end > found.start {
                all.push(found);
            }
            if from > chars.len() {
                break;
            }
        }
        all
    }

    /// The leftmost longest match of any pattern, as a whole word or line where that is asked for.
    fn find(&self, chars: &[char], from: usize) -> Option<Match> {
        let matches = self.patterns.iter().filter_map(|regex| self.find_one(regex, chars, from));
        matches.min_by_key(|found| (found.start, usize::MAX - found.end))
    }

    fn find_one(&self, regex: &Regex, chars: &[char], from: usize) -> Option<Match> {
        if self.options.has('P') {
            return regex.find_at(chars, from);
        }
        if self.options.has('x') {
            let found = regex.find_at(chars, 0)?;
            return (from == 0 && found.start == 0 && found.end == chars.len()).then_some(found);
        }
        if !self.options.has('w') {
            return regex.find_at(chars, from);
        }
        let word = |at: usize| chars.get(at).is_some_and(|c| c.is_ascii_alphanumeric() || *c == '_');
        let mut start = from;
        while start <= chars.len() {
            let found = regex.find_at(chars, start)?;
            // A shorter match may end at a word's edge where the longest does not.
            let edges = |end: usize| (found.start == 0 || !word(found.start - 1)) && !word(end);
            for end in (found.start + 1..=found.end).rev() {
                let shorter = end == found.end
                    || regex
                        .find_at(&chars[..end], found.start)
                        .is_some_and(|it| (it.start, it.end) == (found.start, end));
                if edges(end) && shorter {
                    return Some(Match { end, ..found });
                }
            }
            start = found.start + 1;
        }
        None
    }
}
