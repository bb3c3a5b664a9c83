//! The line typed after `:`, `/` or `?`.
//!
//! Not simulated: completion with Tab, the command-line window.
//! Source: Vim's cmdline.txt.

use super::buffer::Pos;
use super::editor::{Editor, Mode};
use super::keyboard::*;

/// Lines remembered of each kind, as `history` of defaults.vim.
const HISTORY: usize = 200;

#[derive(Default)]
pub(super) struct Entry {
    pub kind: char,
    pub text: Vec<char>,
    pub at: usize,
    /// Lines entered before, with their kind.
    history: Vec<(char, String)>,
    walked: usize,
    /// What was typed before walking.
    typed: String,
    /// Ctrl-R or Ctrl-V came.
    prefix: Option<char>,
    top: usize,
}

impl Editor {
    pub fn begin_entry(&mut self, kind: char, text: &str) {
        let entry = &mut self.entry;
        (entry.kind, entry.text, entry.walked, entry.top) = (kind, text.chars().collect(), 0, self.top);
        entry.at = entry.text.len();
        entry.prefix = None;
        self.message = None;
        self.mode = Mode::Entry;
    }

    pub fn entry_key(&mut self, key: char) {
        let (at, kind) = (self.entry.at, self.entry.kind);
        if let Some(prefix) = self.entry.prefix.take() {
            let text = match (prefix, key) {
                ('\u{12}', '\u{17}') => self.word_at_cursor().1,
                ('\u{12}', _) => self.register(Some(key)).map(|it| it.lines.join(&' ')).unwrap_or_default(),
                _ => vec![key],
            };
            self.entry.at += text.len();
            self.entry.text.splice(at..at, text);
            return self.show_preview();
        }
        let entry = &mut self.entry;
        match key {
            ESC | '\u{3}' => return self.end_entry(),
            '\u{8}' if entry.text.is_empty() => return self.end_entry(),
            '\r' | '\n' => return self.accept(),
            '\u{8}' if at > 0 => {
                entry.at -= 1;
                entry.text.remove(at - 1);
            }
            DELETE if at < entry.text.len() => drop(entry.text.remove(at)),
            '\u{15}' => {
                entry.text.drain(..at);
                entry.at = 0;
            }
            '\u{17}' => {
                let before = &entry.text[..at];
                let blanks = before.iter().rev().take_while(|c| c.is_whitespace()).count();
                let is_word = |c: &char| c.is_alphanumeric() || *c == '_';
                let mut rest = before[..at - blanks].iter().rev();
                let word = rest.clone().next().is_some_and(is_word);
                let count =
                    blanks + rest.by_ref().take_while(|c| !c.is_whitespace() && is_word(c) == word).count();
                entry.text.drain(at - count..at);
                entry.at -= count;
            }
            LEFT => entry.at = at.saturating_sub(1),
            RIGHT => entry.at = (at + 1).min(entry.text.len()),
            HOME | '\u{2}' => entry.at = 0,
            END | '\u{5}' => entry.at = entry.text.len(),
            UP | '\u{10}' => self.walk(1),
            DOWN | '\u{e}' => self.walk(-1),
            '\u{12}' | '\u{16}' => entry.prefix = Some(key),
            key if is_text(key) && entry.text.len() < 4096 => {
                entry.text.insert(at, key);
                entry.at += 1;
            }
            _ => self.beep(),
        }
        if kind != ':' {
            self.show_preview();
        }
    }

    /// Through the lines entered before that begin with what was typed.
    fn walk(&mut self, step: isize) {
        let entry = &mut self.entry;
        if entry.walked == 0 {
            entry.typed = entry.text.iter().collect();
        }
        let mut kept = entry
            .history
            .iter()
            .rev()
            .filter(|(kind, text)| *kind == entry.kind && text.starts_with(&entry.typed));
        let wanted = entry.walked.saturating_add_signed(step);
        let text = match wanted {
            0 => Some(entry.typed.clone()),
            _ => kept.nth(wanted - 1).map(|(_, text)| text.clone()),
        };
        if let Some(text) = text {
            entry.walked = wanted;
            entry.text = text.chars().collect();
            entry.at = entry.text.len();
        }
    }

    /// With incsearch: where what has been typed so far is found.
    fn show_preview(&mut self) {
        self.preview = None;
        let text: String = self.entry.text.iter().collect();
        if !self.options.incsearch || self.entry.kind == ':' || text.is_empty() {
            return;
        }
        let backwards = self.entry.kind == '?';
        let pattern = super::search::until_delimiter(&text, self.entry.kind).0;
        if let Ok(regex) = self.regex(&pattern) {
            let found =
                super::search::find(&self.buffer, &regex, self.cursor, backwards, self.options.wrapscan);
            self.preview = found.map(|(start, end, _)| (start, Pos::new(end.line, end.col)));
        }
    }

    fn end_entry(&mut self) {
        self.mode = self.was_visual.take().map_or(Mode::Normal, Mode::Visual);
        self.preview = None;
        self.waiting = None;
        self.top = self.entry.top;
    }

    fn accept(&mut self) {
        let text: String = self.entry.text.iter().collect();
        let kind = self.entry.kind;
        let waiting = self.waiting.take();
        self.end_entry();
        if !text.is_empty() {
            let line = (kind, text.clone());
            self.entry.history.retain(|it| *it != line);
            self.entry.history.push(line);
            let over = self.entry.history.len().saturating_sub(2 * HISTORY);
            self.entry.history.drain(..over);
        }
        let Some((command, mut keys)) = waiting else {
            if !text.is_empty() {
                self.last_entered = text.clone();
            }
            self.message = Some((format!(":{text}"), super::editor::Tone::Plain));
            self.entered = Some(text);
            return;
        };
        keys.extend(text.chars().chain(['\r']));
        self.execute(super::command::Command { pattern: Some(text), ..command }, keys);
    }
}
