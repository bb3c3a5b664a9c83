//! Which lines are in the window, and the commands that scroll it.
//!
//! Source: Vim's scroll.txt; move.c for where the window goes when the cursor leaves it.

use super::buffer::Pos;
use super::command::Command;
use super::editor::Editor;
use super::keyboard::{PAGE_DOWN, PAGE_UP};
use super::motion::{Kind, Motion};

impl Editor {
    /// Rows for text: all but the last.
    pub fn height(&self) -> usize {
        self.rows.saturating_sub(1).max(1)
    }

    /// Columns of the line numbers.
    pub fn number_columns(&self) -> usize {
        if !self.options.number && !self.options.relativenumber {
            return 0;
        }
        (self.buffer.lines().len().to_string().len() + 1).max(4)
    }

    pub fn text_columns(&self) -> usize {
        self.columns.saturating_sub(self.number_columns()).max(1)
    }

    /// Rows of one line, at most those of the window and one more.
    pub fn rows_of(&self, line: usize) -> usize {
        if !self.options.wrap {
            return 1;
        }
        let most = (self.height() + 1) * self.text_columns();
        let wide = self.column_of(Pos::new(line, most)) + usize::from(self.options.list);
        wide.div_ceil(self.text_columns()).clamp(1, self.height() + 1)
    }

    /// The first line that is not wholly in the window.
    pub fn bottom(&self) -> usize {
        let (mut line, mut used) = (self.top, 0);
        while line <= self.buffer.last() {
            used += self.rows_of(line);
            if used > self.height() {
                break;
            }
            line += 1;
        }
        line
    }

    fn scrolloff(&self) -> usize {
        self.options.scrolloff.min((self.height() - 1) / 2)
    }

    /// The window follows the cursor.
    pub fn follow(&mut self, line: usize) {
        let (last, height, off) = (self.buffer.last(), self.height(), self.scrolloff());
        self.top = self.top.min(last);
        let bottom = self.bottom();
        if line < self.top + off && self.top > 0 {
            let wanted = line.saturating_sub(off);
            if wanted < self.top {
                let far = self.top - wanted >= (height / 2).saturating_sub(1).max(2);
                self.top = if far { self.middle(line) } else { wanted };
            }
        } else if (line + off).min(last) >= bottom {
            let last = (line + off).min(last);
            self.top =
                if last + 1 - bottom > height + 1 { self.middle(line) } else { self.top_for(last).min(line) };
        }
        self.left = if self.options.wrap { 0 } else { self.left };
    }

    /// The top that has this line at the bottom.
    fn top_for(&self, last: usize) -> usize {
        let (mut top, mut used) = (last, self.rows_of(last));
        while top > 0 && used + self.rows_of(top - 1) <= self.height() {
            used += self.rows_of(top - 1);
            top -= 1;
        }
        top
    }

    /// The top that has this line in the middle, or lower where the text ends.
    fn middle(&self, line: usize) -> usize {
        let (mut top, mut end, mut used) = (line, line, self.rows_of(line));
        let (mut above, mut below) = (0, 0);
        while top > 0 {
            let next =
                if above < below { Some(top - 1) } else { (end < self.buffer.last()).then_some(end + 1) };
            let rows = next.map_or(0, |line| self.rows_of(line));
            used += rows;
            if used > self.height() {
                break;
            }
            match next {
                _ if above < below => (top, above) = (top - 1, above + rows),
                Some(line) => (end, below) = (line, below + rows),
                None => below += 1,
            }
        }
        top
    }

    /// The cursor comes along when the window moves.
    fn bring_cursor(&mut self) {
        let off = self.scrolloff();
        let first = if self.top == 0 { 0 } else { self.top + off };
        let bottom = self.bottom();
        let last =
            if bottom > self.buffer.last() { self.buffer.last() } else { bottom.saturating_sub(1 + off) };
        let line = self.cursor.line.min(last.max(self.top)).max(first.min(self.buffer.last()));
        if line != self.cursor.line {
            self.cursor = Pos::new(line, self.col_at(line, self.want));
        }
    }

    /// Commands that move the window; false where this is none.
    pub fn scroll(&mut self, command: &Command) -> bool {
        let (height, last, count) = (self.height(), self.buffer.last(), command.times());
        if !"\u{4}\u{15}\u{6}\u{2}\u{5}\u{19}z".contains(command.key)
            && !matches!(command.key, PAGE_UP | PAGE_DOWN)
        {
            return false;
        }
        self.follow(self.cursor.line);
        let before = (self.top, self.cursor);
        match command.key {
            '\u{4}' | '\u{15}' => {
                let by = command.count.unwrap_or((height / 2).max(1));
                let line = match command.key {
                    '\u{4}' => {
                        let most = self.top_for(last).max(self.top);
                        self.top = (self.top + by).min(most);
                        (self.cursor.line + by).min(last)
                    }
                    _ => {
                        self.top = self.top.saturating_sub(by);
                        self.cursor.line.saturating_sub(by)
                    }
                };
                self.cursor = Pos::new(line, self.first_nonblank(line));
            }
            '\u{6}' | PAGE_DOWN => {
                self.top = (self.top + (height.saturating_sub(2)).max(1) * count).min(last);
                self.bring_cursor();
                self.cursor.col = self.first_nonblank(self.cursor.line);
            }
            '\u{2}' | PAGE_UP => {
                self.top = self.top.saturating_sub((height.saturating_sub(2)).max(1) * count);
                self.bring_cursor();
                self.cursor.col = self.first_nonblank(self.cursor.line);
            }
            '\u{5}' => {
                self.top = (self.top + count).min(last);
                self.bring_cursor();
                self.keeps_want = true;
            }
            '\u{19}' => {
                self.top = self.top.saturating_sub(count);
                self.bring_cursor();
                self.keeps_want = true;
            }
            'z' if "\rt.z-b".contains(command.second) => {
                if let Some(line) = command.count {
                    self.cursor.line = (line - 1).min(last);
                }
                if "\r.-".contains(command.second) {
                    self.cursor.col = self.first_nonblank(self.cursor.line);
                }
                let (line, off) = (self.cursor.line, self.scrolloff());
                self.top = match command.second {
                    't' | '\r' => line.saturating_sub(off),
                    '.' | 'z' => line.saturating_sub((height - 1) / 2),
                    _ => self.top_for((line + off).min(last)),
                };
                return true;
            }
            _ => return false,
        }
        if before == (self.top, self.cursor) {
            self.beep();
        }
        true
    }

    /// `H`, `M`, `L`
    pub fn window_line(&mut self, command: &Command) -> Option<Motion> {
        self.follow(self.cursor.line);
        let (bottom, off, by) = (self.bottom(), self.scrolloff(), command.times() - 1);
        let end = bottom.saturating_sub(1).max(self.top);
        let line = match command.key {
            'H' => (self.top + by.max(if self.top == 0 { 0 } else { off })).min(end),
            'L' => {
                end.saturating_sub(by.max(if bottom > self.buffer.last() { 0 } else { off })).max(self.top)
            }
            _ => self.top + (end - self.top) / 2,
        };
        self.set_jump();
        let to = Pos::new(line, self.first_nonblank(line));
        Some(Motion { from: self.cursor, to, kind: Kind::Line })
    }

    /// `All`, `Top`, `Bot` or how far down the window is.
    pub fn place(&self) -> String {
        let below = (self.buffer.last() + 1).saturating_sub(self.bottom());
        match (self.top, below) {
            (0, 0) => "All".to_owned(),
            (_, 0) => "Bot".to_owned(),
            (0, _) => "Top".to_owned(),
            (above, below) => format!("{:>2}%", above * 100 / (above + below)),
        }
    }
}
