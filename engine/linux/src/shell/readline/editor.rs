//! The line being edited: text, cursor, what was killed, where in the history.
//!
//! Always: the cursor stands between two characters of the text; nothing here prints.
//! Source: readline(3), "EDITING COMMANDS".

/// Characters of one line; more are not taken.
const MAX_CHARS: usize = 16_384;

#[derive(Clone, Debug, Default)]
pub(super) struct Editor {
    pub text: Vec<char>,
    pub cursor: usize,
    killed: Vec<char>,
    /// Counted from the end of the history; 0 is the new line itself.
    back: usize,
    /// The new line, while an old one is shown.
    kept: Vec<char>,
}

impl Editor {
    pub fn line(&self) -> String {
        self.text.iter().collect()
    }

    pub fn set(&mut self, line: &str) {
        self.text = line.chars().take(MAX_CHARS).collect();
        self.cursor = self.text.len();
    }

    pub fn insert(&mut self, c: char) {
        if self.text.len() < MAX_CHARS {
            self.text.insert(self.cursor, c);
            self.cursor += 1;
        }
    }

    pub fn erase_before(&mut self) {
        if self.cursor > 0 {
            self.cursor -= 1;
            self.text.remove(self.cursor);
        }
    }

    pub fn erase_at(&mut self) {
        if self.cursor < self.text.len() {
            self.text.remove(self.cursor);
        }
    }

    fn kill(&mut self, from: usize, to: usize) {
        if from < to {
            self.killed = self.text.drain(from..to).collect();
            self.cursor = from;
        }
    }

    pub fn kill_to_end(&mut self) {
        self.kill(self.cursor, self.text.len());
    }

    pub fn kill_to_start(&mut self) {
        self.kill(0, self.cursor);
    }

    /// Ctrl-W: back to a blank.
    pub fn kill_blank_word(&mut self) {
        let before = &self.text[..self.cursor];
        let word = before.iter().rposition(|c| !c.is_whitespace()).map_or(0, |end| {
            before[..end].iter().rposition(|c| c.is_whitespace()).map_or(0, |blank| blank + 1)
        });
        self.kill(word, self.cursor);
    }

    pub fn kill_word_before(&mut self) {
        self.kill(self.word_start(), self.cursor);
    }

    pub fn kill_word_after(&mut self) {
        self.kill(self.cursor, self.word_end());
    }

    pub fn yank(&mut self) {
        self.killed.clone().into_iter().for_each(|c| self.insert(c));
    }

    /// Where the word before the cursor begins.
    pub fn word_start(&self) -> usize {
        let before = &self.text[..self.cursor];
        let end = before.iter().rposition(|c| c.is_alphanumeric()).map_or(0, |at| at + 1);
        before[..end].iter().rposition(|c| !c.is_alphanumeric()).map_or(0, |at| at + 1)
    }

    /// Where the word after the cursor ends.
    pub fn word_end(&self) -> usize {
        let after = &self.text[self.cursor..];
        let start = after.iter().position(|c| c.is_alphanumeric()).unwrap_or(after.len());
        self.cursor
            + start
            + after[start..].iter().position(|c| !c.is_alphanumeric()).unwrap_or(after.len() - start)
    }

    /// Ctrl-T: the two characters around the cursor change places.
    pub fn transpose(&mut self) {
        if self.cursor == 0 || self.text.len() < 2 {
            return;
        }
        let at = self.cursor.min(self.text.len() - 1);
        self.text.swap(at - 1, at);
        self.cursor = at + 1;
    }

    /// So many lines up (down where negative) in the history.
    pub fn walk(&mut self, history: &[String], up: bool) {
        let back = if up { self.back + 1 } else { self.back.saturating_sub(1) };
        if back > history.len() || back == self.back {
            return;
        }
        if self.back == 0 {
            self.kept = self.text.clone();
        }
        self.back = back;
        match history.len().checked_sub(back).filter(|_| back > 0) {
            Some(at) => self.set(&history[at]),
            None => {
                self.text = std::mem::take(&mut self.kept);
                self.cursor = self.text.len();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn editor(line: &str) -> Editor {
        let mut editor = Editor::default();
        editor.set(line);
        editor
    }

    #[test]
    fn words_are_killed_and_come_back() {
        let mut it = editor("ip -n red addr");
        it.kill_blank_word();
        assert_eq!(it.line(), "ip -n red ");
        it.cursor = 0;
        it.yank();
        assert_eq!(it.line(), "addrip -n red ");
        let mut it = editor("curl http://web.shop/");
        it.kill_word_before();
        assert_eq!(it.line(), "curl http://web.");
        it.kill_to_start();
        assert_eq!((it.line().as_str(), it.cursor), ("", 0));
    }

    #[test]
    fn the_history_is_walked_and_the_new_line_kept() {
        let history = ["one".to_owned(), "two".to_owned()];
        let mut it = editor("thr");
        it.walk(&history, true);
        assert_eq!(it.line(), "two");
        it.walk(&history, true);
        it.walk(&history, true);
        assert_eq!(it.line(), "one");
        it.walk(&history, false);
        it.walk(&history, false);
        it.walk(&history, false);
        assert_eq!(it.line(), "thr");
    }

    #[test]
    fn no_key_moves_beyond_the_text() {
        let mut it = editor("é");
        it.transpose();
        it.erase_at();
        it.erase_before();
        it.erase_before();
        it.kill_word_after();
        it.kill_to_end();
        assert_eq!((it.line().as_str(), it.cursor), ("", 0));
    }
}
