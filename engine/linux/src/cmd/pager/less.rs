//! `less`: moving about in a text, and finding words in it.

use super::Keyboard;
use super::page::Text;
use crate::cmd::tool::Options;
use crate::regex::{Regex, Syntax};
use crate::sys::Sys;

/// To the other screen and back (xterm's smcup and rmcup).
const ENTER: &str = "\u{1b}[?1049h";
const LEAVE: &str = "\u{1b}[?1049l";
/// The longest number before a command, and the longest pattern.
const DIGITS: usize = 9;
const PATTERN: usize = 1000;

const HELP: &str = "\
  SPACE f PgDn    forward one window          b PgUp   backward one window\n\
  Enter j Down    forward one line            k y Up   backward one line\n\
  d               forward half a window       u        backward half a window\n\
  g Home          to the first line (or line N)\n\
  G End           to the last line (or line N)\n\
  /pattern        search forward              ?pattern search backward\n\
  n               repeat the search           N        repeat it in reverse\n\
  = ^G            file name and line numbers\n\
  q               quit\n\n                       Press any key to go on.";

struct View<'a> {
    sys: &'a Sys,
    keyboard: Keyboard,
    text: Text,
    /// The row at the top.
    top: usize,
    /// Said on the last row instead of the prompt.
    said: Option<String>,
    first: bool,
    ignore_case: bool,
    /// What was looked for last, and was it backwards?
    search: Option<(Regex, bool)>,
}

pub(super) async fn less(
    sys: &Sys,
    keyboard: Keyboard,
    text: Text,
    options: &Options,
    commands: Vec<String>,
) {
    if options.has('F') && text.rows.len() <= text.page() {
        let rows: String = text.rows.iter().map(|(_, row)| row.clone() + "\n").collect();
        sys.print(rows).await;
        return;
    }
    let ignore_case = options.has('i') || options.has('I');
    let mut view = View { sys, keyboard, text, top: 0, said: None, first: true, ignore_case, search: None };
    for command in commands {
        match command[1..].strip_prefix('/') {
            Some(pattern) => view.look_for(pattern, false),
            None if command == "+G" => view.top = view.text.last(),
            None => view.to_line(command[1..].trim_end_matches('g').parse().unwrap_or(1)),
        }
    }
    let plain = options.has('X');
    if !plain {
        sys.print(ENTER).await;
    }
    view.walk(options.has('e')).await;
    sys.print(if plain { "\r\u{1b}[K" } else { LEAVE }).await;
}

impl View<'_> {
    async fn walk(&mut self, leaves_at_end: bool) {
        let mut number = String::new();
        let mut pending_z = false;
        self.draw().await;
        while let Some(byte) = self.keyboard.byte().await {
            if byte.is_ascii_digit() && number.len() < DIGITS {
                number.push(char::from(byte));
                self.prompt(&format!(":{number}")).await;
                continue;
            }
            let count = std::mem::take(&mut number).parse::<usize>().ok();
            if std::mem::replace(&mut pending_z, byte == b'Z') && byte == b'Z' {
                return;
            }
            let at_end = self.top >= self.text.last();
            let page = self.text.page();
            match byte {
                b'q' | b'Q' => return,
                b' ' | b'f' | 6 | 22 if at_end && leaves_at_end => return,
                b' ' | b'f' | b'z' | 6 | 22 => self.down(count.unwrap_or(page)),
                b'\r' | b'\n' | b'j' | b'e' | 5 | 14 => self.down(count.unwrap_or(1)),
                b'd' | 4 => self.down(count.unwrap_or((page / 2).max(1))),
                b'b' | b'w' | 2 => self.up(count.unwrap_or(page)),
                b'k' | b'y' | 11 | 16 | 25 => self.up(count.unwrap_or(1)),
                b'u' | 21 => self.up(count.unwrap_or((page / 2).max(1))),
                b'g' | b'<' => self.to_line(count.unwrap_or(1)),
                b'G' | b'>' => match count {
                    Some(line) => self.to_line(line),
                    None => self.top = self.text.last(),
                },
                b'/' | b'?' => self.ask(byte).await,
                b'n' | b'N' => self.again(byte == b'N'),
                b'=' | 7 => self.said = Some(self.place()),
                b'h' | b'H' => {
                    self.sys.print(format!("\u{1b}[H\u{1b}[2J{HELP}")).await;
                    self.keyboard.byte().await;
                }
                b':' if self.keyboard.byte().await == Some(b'q') => return,
                0x1b => self.escape().await,
                12 | b'r' | b'Z' | b':' => {}
                _ => self.sys.print("\u{7}").await,
            }
            self.draw().await;
        }
    }

    /// The rest of an arrow key or its like.
    async fn escape(&mut self) {
        let first = self.keyboard.byte().await;
        if !matches!(first, Some(b'[' | b'O')) {
            if first == Some(b'v') {
                self.up(self.text.page());
            }
            return;
        }
        let mut sequence = Vec::new();
        while let Some(byte) = self.keyboard.byte().await {
            sequence.push(byte);
            if (0x40..=0x7e).contains(&byte) || sequence.len() > 8 {
                break;
            }
        }
        match sequence.as_slice() {
            b"A" => self.up(1),
            b"B" => self.down(1),
            b"5~" => self.up(self.text.page()),
            b"6~" => self.down(self.text.page()),
            b"H" | b"1~" => self.top = 0,
            b"F" | b"4~" => self.top = self.text.last(),
            _ => {}
        }
    }

    fn down(&mut self, rows: usize) {
        self.top = self.top.saturating_add(rows).min(self.text.last());
    }

    fn up(&mut self, rows: usize) {
        self.top = self.top.saturating_sub(rows);
    }

    /// Counted from 1.
    fn to_line(&mut self, line: usize) {
        let row = self.text.rows.iter().position(|(at, _)| at + 1 >= line);
        self.top = row.unwrap_or(self.text.rows.len()).min(self.text.last());
    }

    fn line(&self) -> usize {
        self.text.rows.get(self.top).map_or(0, |(line, _)| *line)
    }

    async fn ask(&mut self, mark: u8) {
        let mut pattern = Vec::new();
        loop {
            let shown = String::from_utf8_lossy(&pattern).into_owned();
            self.prompt(&format!("{}{shown}", char::from(mark))).await;
            match self.keyboard.byte().await {
                None | Some(3 | 0x1b) => return,
                Some(b'\r' | b'\n') => break,
                Some(8 | 127) => {
                    if pattern.pop().is_none() {
                        return;
                    }
                }
                Some(byte) if pattern.len() < PATTERN => pattern.push(byte),
                Some(_) => {}
            }
        }
        let backwards = mark == b'?';
        if pattern.is_empty() {
            self.again(backwards);
        } else {
            self.look_for(&String::from_utf8_lossy(&pattern), backwards);
        }
    }

    fn look_for(&mut self, pattern: &str, backwards: bool) {
        match Regex::new(pattern, Syntax::Extended, self.ignore_case) {
            Ok(regex) => {
                let from = if self.first || backwards { self.line() } else { self.line() + 1 };
                self.go(&regex, from, backwards);
                self.search = Some((regex, backwards));
            }
            Err(words) => self.said = Some(format!("Invalid pattern: {words}  (press RETURN)")),
        }
    }

    fn again(&mut self, reverse: bool) {
        let Some((regex, backwards)) = self.search.clone() else {
            self.said = Some("No previous regular expression  (press RETURN)".to_owned());
            return;
        };
        let backwards = backwards != reverse;
        let from = if backwards { self.line() } else { self.line() + 1 };
        self.go(&regex, from, backwards);
    }

    fn go(&mut self, regex: &Regex, from: usize, backwards: bool) {
        match self.text.search(regex, from, backwards) {
            Some(row) => self.top = row,
            None => self.said = Some("Pattern not found  (press RETURN)".to_owned()),
        }
    }

    /// `f lines 1-23/100 23%`
    fn place(&self) -> String {
        let last = (self.top + self.text.page()).min(self.text.rows.len());
        let line = |row: usize| self.text.rows.get(row).map_or(0, |(line, _)| line + 1);
        let (from, to, all) = (line(self.top), line(last.saturating_sub(1)), self.text.lines.len());
        let end = if last >= self.text.rows.len() {
            "(END)".to_owned()
        } else {
            format!("{}%", to * 100 / all.max(1))
        };
        format!("{} lines {from}-{to}/{all} {end}", self.text.name).trim_start().to_owned()
    }

    async fn prompt(&self, text: &str) {
        self.sys.print(format!("\r\u{1b}[K{text}")).await;
    }

    async fn draw(&mut self) {
        let mut screen = "\u{1b}[H\u{1b}[2J".to_owned();
        for offset in 0..self.text.page() {
            match self.text.rows.get(self.top + offset) {
                Some((_, row)) => screen.push_str(&self.highlighted(row)),
                None => screen.push('~'),
            }
            screen.push_str("\r\n");
        }
        let ended = self.top >= self.text.last();
        let prompt = match (self.said.take(), ended, self.first && !self.text.name.is_empty()) {
            (Some(said), ..) => format!("\u{1b}[7m{said}\u{1b}[27m"),
            (None, true, true) => format!("\u{1b}[7m{} (END)\u{1b}[27m", self.text.name),
            (None, true, false) => "\u{1b}[7m(END)\u{1b}[27m".to_owned(),
            (None, false, true) => format!("\u{1b}[7m{}\u{1b}[27m", self.text.name),
            (None, false, false) => ":".to_owned(),
        };
        self.first = false;
        self.sys.print(screen + &prompt).await;
    }

    /// What was looked for stands out.
    fn highlighted(&self, row: &str) -> String {
        let Some((regex, _)) = self.search.as_ref().filter(|_| !row.contains('\u{1b}')) else {
            return row.to_owned();
        };
        let chars: Vec<char> = row.chars().collect();
        let mut out = String::new();
        let mut at = 0;
        for found in regex.find_all(&chars).into_iter().filter(|found| found.start < found.end) {
            out.extend(&chars[at..found.start]);
            out.push_str("\u{1b}[7m");
            out.extend(&chars[found.start..found.end]);
            out.push_str("\u{1b}[27m");
            at = found.end;
        }
        out.extend(&chars[at..]);
        out
    }
}
