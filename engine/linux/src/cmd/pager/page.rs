//! A text laid out in rows of a terminal, and `more`, which prints it row after row.

use super::Keyboard;
use crate::cmd::tool::Options;
use crate::regex::Regex;
use crate::sys::Sys;

/// Columns of a tab stop.
const TAB: usize = 8;

/// Rows of the screen's width, each with the line it is of.
pub(super) struct Text {
    pub name: String,
    pub rows: Vec<(usize, String)>,
    pub lines: Vec<String>,
    pub height: usize,
}

impl Text {
    pub fn new(files: &[(String, Vec<u8>)], width: usize, height: usize, options: &Options) -> Text {
        let mut lines: Vec<String> = Vec::new();
        for (name, bytes) in files {
            if files.len() > 1 {
                lines.extend([":".repeat(14), name.clone(), ":".repeat(14)]);
            }
            lines.extend(String::from_utf8_lossy(bytes).lines().map(|line| plain(line, options.has('R'))));
        }
        let numbered = options.has('N');
        let room = if numbered { width.saturating_sub(8).max(1) } else { width };
        let mut rows = Vec::new();
        for (at, line) in lines.iter().enumerate() {
            let lead = |first: bool| match (numbered, first) {
                (false, _) => String::new(),
                (true, true) => format!("{:>7} ", at + 1),
                (true, false) => " ".repeat(8),
            };
            let chars: Vec<char> = line.chars().collect();
            let colored = options.has('R') && line.contains('\u{1b}');
            if chars.is_empty() || colored || options.has('S') {
                let shown = if colored { line.clone() } else { chars.iter().take(room).collect() };
                rows.push((at, lead(true) + &shown));
                continue;
            }
            for (piece, chars) in chars.chunks(room).enumerate() {
                rows.push((at, lead(piece == 0) + &chars.iter().collect::<String>()));
            }
        }
        let name = files.first().map(|(name, _)| name.clone()).unwrap_or_default();
        Text { name, rows, lines, height }
    }

    /// Rows of one page; the last row of the screen is for the prompt.
    pub fn page(&self) -> usize {
        self.height - 1
    }

    /// The first row of the last page.
    pub fn last(&self) -> usize {
        self.rows.len().saturating_sub(self.page())
    }

    /// The first row of a line that matches, from `line` on or before it.
    pub fn search(&self, regex: &Regex, line: usize, backwards: bool) -> Option<usize> {
        let matches = |at: &usize| self.lines.get(*at).is_some_and(|line| regex.is_match(line));
        let found = match backwards {
            true => (0..line.min(self.lines.len())).rev().find(matches),
            false => (line..self.lines.len()).find(matches),
        }?;
        self.rows.iter().position(|(line, _)| *line == found)
    }
}

/// Tabs as blanks and control characters as `^X`, so that a row is as wide as it is long.
fn plain(line: &str, raw: bool) -> String {
    let mut out = String::new();
    let mut column = 0;
    for c in line.chars() {
        match c {
            '\t' => {
                let room = TAB - column % TAB;
                out.push_str(&" ".repeat(room));
                column += room;
                continue;
            }
            '\u{1b}' if raw => out.push(c),
            c if c.is_ascii_control() => {
                out.push('^');
                out.push(char::from((c as u8) ^ 64));
                column += 1;
            }
            c => out.push(c),
        }
        column += 1;
    }
    out
}

/// `more`: a page, then a line for Enter and a page for the space bar; ends with the text.
pub(super) async fn more(sys: &Sys, mut keyboard: Keyboard, text: Text) {
    let mut shown = 0;
    let mut next = text.page();
    loop {
        let end = (shown + next).min(text.rows.len());
        let rows: String = text.rows[shown..end].iter().map(|(_, row)| row.clone() + "\n").collect();
        sys.print(rows).await;
        shown = end;
        if shown >= text.rows.len() {
            return;
        }
        let percent = shown * 100 / text.rows.len();
        sys.print(format!("\u{1b}[7m--More--({percent}%)\u{1b}[27m")).await;
        next = loop {
            match keyboard.byte().await {
                None | Some(b'q' | b'Q' | 3 | 28) => {
                    sys.print("\r\u{1b}[K").await;
                    return;
                }
                Some(b' ' | b'f' | b'z') => break text.page(),
                Some(b'\r' | b'\n' | b's') => break 1,
                Some(b'd' | 4) => break (text.page() / 2).max(1),
                Some(_) => {}
            }
        };
        sys.print("\r\u{1b}[K").await;
    }
}
