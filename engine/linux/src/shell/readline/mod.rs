//! Reading a line at a prompt: keys in, an edited line out, drawn as it changes.
//!
//! Stands between the terminal and `interactive.rs`. Always: what stands on the screen after each key is the prompt
//! and the text, wrapped at the terminal's width, with the cursor where the next character goes.
//! Differs from readline: every character is one column wide; no vi mode, no macros, no undo of edits.
//! Source: readline(3).

mod completion;
mod editor;
mod keys;

use super::Shell;
use crate::fs::STDIN;
use editor::Editor;
use keys::{Key, Keys};

/// How reading a line ended.
pub(super) enum Read {
    Line(String),
    /// Ctrl-C
    Interrupted,
    /// Ctrl-D on an empty line, or the terminal is gone.
    End,
}

/// What stands on the screen.
struct Screen {
    prompt: String,
    /// Columns of the prompt's last line.
    width: usize,
    columns: usize,
    /// The cursor's row below the prompt's.
    row: usize,
}

impl Screen {
    fn new(prompt: &str, columns: usize) -> Screen {
        let (mut width, mut hidden) = (0, false);
        for c in prompt.chars() {
            match c {
                '\u{1}' => hidden = true,
                '\u{2}' => hidden = false,
                '\n' => width = 0,
                _ if hidden => {}
                _ => width += 1,
            }
        }
        let prompt = prompt.replace(['\u{1}', '\u{2}'], "");
        Screen { prompt, width: width % columns.max(1), columns: columns.max(1), row: 0 }
    }

    /// The text drawn anew, with the cursor at `cursor`.
    fn draw(&mut self, text: &[char], cursor: usize) -> String {
        let last_line = self.prompt.rsplit('\n').next().unwrap_or_default();
        let mut out = String::new();
        if self.row > 0 {
            out.push_str(&format!("\x1b[{}A", self.row));
        }
        out.push('\r');
        out.push_str(last_line);
        out.extend(text);
        let total = self.width + text.len();
        if total > 0 && total.is_multiple_of(self.columns) {
            out.push_str("\r\n");
        }
        out.push_str("\x1b[J");
        let (end_row, row) = (total / self.columns, (self.width + cursor) / self.columns);
        if end_row > row {
            out.push_str(&format!("\x1b[{}A", end_row - row));
        }
        out.push('\r');
        let column = (self.width + cursor) % self.columns;
        if column > 0 {
            out.push_str(&format!("\x1b[{column}C"));
        }
        self.row = row;
        out
    }
}

impl Shell {
    /// One line, edited. `history` is what the arrow keys walk through.
    pub(super) async fn read_edited(&mut self, prompt: &str) -> Read {
        let columns = self.sys.terminal_size().await.map_or(80, |(columns, _)| usize::from(columns));
        let mut screen = Screen::new(prompt, columns);
        self.sys.raw_terminal(true).await;
        self.sys.eprint(&screen.prompt).await;
        let (mut keys, mut editor, mut tabs) = (Keys::default(), Editor::default(), 0);
        let read = loop {
            let byte = match self.sys.read(STDIN, 1).await {
                Ok(bytes) if !bytes.is_empty() => bytes[0],
                _ => break Read::End,
            };
            let Some(key) = keys.feed(byte) else { continue };
            tabs = if key == Key::Ctrl('i') { tabs + 1 } else { 0 };
            match key {
                Key::Ctrl('m') => {
                    let end = screen.draw(&editor.text, editor.text.len());
                    self.sys
                        .eprint(if editor.cursor == editor.text.len() {
                            "\r\n".to_owned()
                        } else {
                            end + "\r\n"
                        })
                        .await;
                    break Read::Line(editor.line());
                }
                Key::Ctrl('c') => {
                    self.sys.eprint("^C\r\n").await;
                    break Read::Interrupted;
                }
                Key::Ctrl('d') if editor.text.is_empty() => break Read::End,
                Key::Ctrl('l') => {
                    self.sys.eprint(format!("\x1b[H\x1b[2J{}", screen.prompt)).await;
                    screen.row = 0;
                    let drawn = screen.draw(&editor.text, editor.cursor);
                    self.sys.eprint(drawn).await;
                }
                Key::Ctrl('i') => self.complete(&mut editor, &mut screen, tabs > 1).await,
                Key::Ctrl('r') => {
                    if let Some(read) = self.search(&mut editor, &mut screen).await {
                        break read;
                    }
                }
                Key::Char(c) => {
                    let at_end = editor.cursor == editor.text.len();
                    editor.insert(c);
                    let fits = !(screen.width + editor.text.len()).is_multiple_of(screen.columns);
                    // The common case is one character more at the end: no need to draw all anew.
                    let drawn =
                        if at_end && fits { c.to_string() } else { screen.draw(&editor.text, editor.cursor) };
                    self.sys.eprint(drawn).await;
                }
                key => {
                    if edit(&mut editor, key, &self.history) {
                        let drawn = screen.draw(&editor.text, editor.cursor);
                        self.sys.eprint(drawn).await;
                    }
                }
            }
        };
        self.sys.raw_terminal(false).await;
        read
    }

    /// Ctrl-R: the newest line of the history that holds what is typed. `None` goes on editing.
    async fn search(&mut self, editor: &mut Editor, screen: &mut Screen) -> Option<Read> {
        let (mut wanted, mut skip, mut keys) = (String::new(), 0, Keys::default());
        let kept = screen.prompt.clone();
        let kept_width = screen.width;
        let mut answer = None;
        loop {
            let matching = self.history.iter().rev().filter(|line| line.contains(&wanted));
            let found = matching.skip(skip).find(|_| !wanted.is_empty()).cloned();
            let failed = if found.is_none() && !wanted.is_empty() { "failed " } else { "" };
            if let Some(line) = &found {
                editor.set(line);
            }
            let prompt = format!("({failed}reverse-i-search)`{wanted}': ");
            (screen.width, screen.prompt) = (prompt.chars().count() % screen.columns, prompt);
            let drawn = screen.draw(&editor.text, editor.text.len());
            self.sys.eprint(drawn).await;
            let byte = self.sys.read(STDIN, 1).await.unwrap_or_default().first().copied();
            let Some(byte) = byte else {
                answer = Some(Read::End);
                break;
            };
            match keys.feed(byte) {
                None => {}
                Some(Key::Char(c)) => {
                    wanted.push(c);
                    skip = 0;
                }
                Some(Key::Backspace) => {
                    wanted.pop();
                    skip = 0;
                }
                Some(Key::Ctrl('r')) => skip += usize::from(found.is_some()),
                Some(Key::Ctrl('g')) => {
                    editor.set("");
                    break;
                }
                Some(Key::Ctrl('c')) => {
                    self.sys.eprint("^C\r\n").await;
                    answer = Some(Read::Interrupted);
                    break;
                }
                Some(Key::Ctrl('m')) => {
                    answer = Some(Read::Line(editor.line()));
                    break;
                }
                Some(key) => {
                    edit(editor, key, &self.history);
                    break;
                }
            }
        }
        (screen.prompt, screen.width) = (kept, kept_width);
        let drawn = screen.draw(&editor.text, editor.cursor);
        if !matches!(answer, Some(Read::Interrupted)) {
            self.sys.eprint(drawn).await;
        }
        if matches!(answer, Some(Read::Line(_))) {
            self.sys.eprint("\r\n").await;
        }
        answer
    }
}

/// Keys that change the line or move in it; false where the key means nothing.
fn edit(editor: &mut Editor, key: Key, history: &[String]) -> bool {
    match key {
        Key::Ctrl('a') | Key::Home => editor.cursor = 0,
        Key::Ctrl('e') | Key::End => editor.cursor = editor.text.len(),
        Key::Ctrl('b') | Key::Left => editor.cursor = editor.cursor.saturating_sub(1),
        Key::Ctrl('f') | Key::Right => editor.cursor = (editor.cursor + 1).min(editor.text.len()),
        Key::Alt('b') | Key::WordLeft => editor.cursor = editor.word_start(),
        Key::Alt('f') | Key::WordRight => editor.cursor = editor.word_end(),
        Key::Backspace | Key::Ctrl('h') => editor.erase_before(),
        Key::Delete | Key::Ctrl('d') => editor.erase_at(),
        Key::Ctrl('w') => editor.kill_blank_word(),
        Key::Alt('\u{7f}') => editor.kill_word_before(),
        Key::Alt('d') => editor.kill_word_after(),
        Key::Ctrl('u') => editor.kill_to_start(),
        Key::Ctrl('k') => editor.kill_to_end(),
        Key::Ctrl('y') => editor.yank(),
        Key::Ctrl('t') => editor.transpose(),
        Key::Up | Key::Ctrl('p') => editor.walk(history, true),
        Key::Down | Key::Ctrl('n') => editor.walk(history, false),
        Key::Alt('.') => {
            let word = history.last().and_then(|line| line.split_whitespace().last()).unwrap_or_default();
            word.chars().for_each(|c| editor.insert(c));
        }
        _ => return false,
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_fills_the_row_puts_the_cursor_on_the_next() {
        let mut screen = Screen::new("\u{1}\x1b[32m\u{2}# ", 10);
        assert_eq!(screen.width, 2);
        let text: Vec<char> = "12345678".chars().collect();
        assert!(screen.draw(&text, 8).contains("12345678\r\n\x1b[J"));
        assert_eq!(screen.row, 1);
        assert!(screen.draw(&text, 0).starts_with("\x1b[1A\r"));
        assert_eq!(screen.row, 0);
    }
}
