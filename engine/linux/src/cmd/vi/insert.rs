//! Insert and Replace mode.
//!
//! Not simulated: completion (Ctrl-N, Ctrl-P, Ctrl-X), digraphs, abbreviations.
//! Source: Vim's insert.txt.

use super::buffer::{Line, Pos};
use super::command::Command;
use super::editor::{Editor, Mode};
use super::keyboard::*;
use super::operator::{Region, Shape};

/// What is being inserted.
#[derive(Default)]
pub(super) struct Insertion {
    count: usize,
    keys: Vec<char>,
    /// `o` and `O` open a line for each time.
    pub opens: Option<bool>,
    /// What Insert mode put in last, for register `.`.
    pub last: String,
    /// Ctrl-V, Ctrl-R: the next key is meant as it is, or names a register.
    prefix: Option<char>,
    /// The indent was made by autoindent and nothing was typed behind it.
    indented: bool,
    /// What Replace mode typed over in this line, the last letter last.
    over: Vec<Option<char>>,
    /// Other lines of a block that get the same text, at that column of the screen.
    block: Option<Block>,
    start: Pos,
}

struct Block {
    last: usize,
    column: usize,
    append: bool,
    /// Characters of the first line before.
    length: usize,
    /// Where the cursor goes at the end, but after `c`.
    left: Option<usize>,
}

impl Editor {
    pub fn enter_insert(&mut self, mode: Mode, count: usize) {
        self.mode = mode;
        if !self.replaying {
            self.once = None;
        }
        self.message = None;
        let old = std::mem::take(&mut self.insertion);
        let indented = old.indented && self.cursor.col > 0;
        let (count, start) = (count, self.cursor);
        self.insertion = super::insert::Insertion {
            count,
            last: old.last,
            indented,
            block: old.block,
            start,
            ..Default::default()
        };
    }

    /// What is inserted in the first line of a block will go into the others.
    pub fn start_block(&mut self, region: Region, append: bool, changes: bool) {
        let column = if append { region.to.col } else { region.from.col };
        let at = region.from.line;
        let mut line = self.buffer.line(at).to_vec();
        let short = column.saturating_sub(self.column_of(Pos::new(at, line.len())));
        if append && short > 0 {
            line.extend(std::iter::repeat_n(' ', short));
            self.buffer.set(at, line);
        }
        let end = Region { from: Pos::new(at, column), to: Pos::new(at, column), ..region };
        self.cursor = Pos::new(at, self.span(end, at).0);
        let length = self.buffer.line(at).len();
        let left = Region { to: region.from, ..region };
        let left = Some(self.span(left, at).0).filter(|_| !changes);
        self.insertion.block = Some(Block { last: region.to.line, column, append, length, left });
    }

    /// A new line under the cursor's, or over it.
    pub fn open_line(&mut self, below: bool) {
        let from = self.cursor.line;
        let at = from + usize::from(below);
        let indent = match self.options.autoindent && !self.options.paste {
            true => self.buffer.line(from)[..self.buffer.indent(from)].to_vec(),
            false => Line::new(),
        };
        self.cursor = Pos::new(at, indent.len());
        self.buffer.replace(at, 0, vec![indent]);
        self.reindent(at);
        self.insertion.indented = self.cursor.col > 0;
    }

    /// The indent that the rules for YAML want of a new line.
    fn reindent(&mut self, at: usize) {
        if self.options.yaml && !self.options.paste && !self.pasting {
            let columns = super::yaml::indent(&self.buffer, at, self.options.shift());
            let behind = self.cursor.col - self.buffer.indent(at).min(self.cursor.col);
            self.set_indent(at, columns);
            self.cursor.col = self.buffer.indent(at) + behind;
        }
    }

    /// A key that will be repeated by `.` and by a count.
    pub fn record(&mut self, key: char) {
        if !self.replaying && self.dot_open {
            self.dot.keys.push(key);
        }
        if matches!(self.mode, Mode::Insert | Mode::Replace) {
            self.insertion.keys.push(key);
        }
    }

    pub fn insert_key(&mut self, key: char) {
        let is_plain = self.insertion.prefix.is_none() && !self.pasting;
        if is_plain && matches!(key, ESC | '\u{3}') {
            return self.leave_insert();
        }
        if is_plain && key == '\u{f}' {
            return self.insert_once();
        }
        self.record(key);
        match self.insertion.prefix.take() {
            Some('\u{16}') => return self.insert_text(&[key]),
            Some(_) => {
                let text = self.register(Some(key)).map(|it| {
                    let mut text = it.lines.join(&'\n');
                    text.extend((it.shape == Shape::Line).then_some('\n'));
                    text
                });
                return text.iter().flatten().for_each(|c| self.insert_literal(*c));
            }
            None => {}
        }
        if self.pasting {
            return self.insert_literal(key);
        }
        match key {
            '\r' | '\n' => self.break_line(),
            '\t' => self.insert_tab(),
            '\u{8}' => self.erase(Self::erase_one),
            '\u{17}' => self.erase(Self::erase_word),
            '\u{15}' => self.erase(Self::erase_line),
            '\u{16}' | '\u{12}' => self.insertion.prefix = Some(key),
            '\u{14}' | '\u{4}' => {
                let end = self.buffer.line(self.cursor.line).len();
                let (columns, shift) = (self.indent_columns(self.cursor.line), self.options.shift().max(1));
                let columns = match key {
                    '\u{14}' => (columns / shift + 1) * shift,
                    _ => columns.saturating_sub(1) / shift * shift,
                };
                self.set_indent(self.cursor.line, columns);
                let now = self.buffer.line(self.cursor.line).len();
                self.cursor.col = (self.cursor.col + now).saturating_sub(end);
            }
            DELETE => {
                let at = self.cursor;
                let mut line = self.buffer.line(at.line).to_vec();
                if at.col < line.len() {
                    line.remove(at.col);
                    self.buffer.set(at.line, line);
                } else if at.line < self.buffer.last() {
                    line.extend(self.buffer.line(at.line + 1));
                    self.buffer.replace(at.line, 2, vec![line]);
                }
            }
            UP | DOWN | LEFT | RIGHT | HOME | END | PAGE_UP | PAGE_DOWN => self.insert_move(key),
            key if is_text(key) => {
                self.insert_text(&[key]);
                self.electric(key);
            }
            _ => self.beep(),
        }
    }

    /// Ctrl-O: one command of Normal mode. What was inserted is neither counted nor filled into a block afterwards.
    fn insert_once(&mut self) {
        let at = self.cursor;
        if let Some(block) = self.insertion.block.take() {
            self.fill_block(block);
        }
        self.insertion.count = 1;
        self.cursor = at;
        self.once = Some((at, self.mode));
        self.mode = Mode::Normal;
    }

    /// Arrow keys begin an insertion of its own.
    fn insert_move(&mut self, key: char) {
        self.strip_indent();
        self.keeps_want = false;
        if matches!(key, UP | DOWN) && self.insertion.keys.len() > 1 {
            self.want = self.column_of(self.cursor);
        }
        let end = self.buffer.line(self.cursor.line).len();
        match key {
            RIGHT => self.cursor.col = (self.cursor.col + 1).min(end),
            END => self.cursor.col = end,
            PAGE_UP | PAGE_DOWN => drop(self.scroll(&Command { key, ..Command::default() })),
            _ => {
                if let Some(motion) = self.motion(&Command { key, ..Command::default() }) {
                    self.cursor = motion.to;
                }
            }
        }
        let mode = self.mode;
        self.enter_insert(mode, 1);
        self.insertion.block = None;
        self.buffer.close_step();
        self.buffer.before = self.cursor;
        if !matches!(key, UP | DOWN) {
            self.want = self.column_of(self.cursor);
        }
    }

    /// An indent with nothing behind it does not stay.
    fn strip_indent(&mut self) {
        let line = self.cursor.line;
        if std::mem::take(&mut self.insertion.indented)
            && self.buffer.indent(line) == self.buffer.line(line).len()
        {
            self.buffer.set(line, Line::new());
            self.cursor.col = 0;
        }
    }

    pub fn leave_insert(&mut self) {
        let keys = std::mem::take(&mut self.insertion.keys);
        let opens = self.insertion.opens.take();
        self.insertion.last = keys.iter().filter(|key| is_text(**key) || **key == '\r').collect();
        let count = std::mem::replace(&mut self.insertion.count, 1);
        let all = keys.len().saturating_mul(count);
        if count > 1 && opens.is_none() && self.mode == Mode::Insert && keys.iter().all(|key| is_text(*key)) {
            if all < super::buffer::CHARS {
                self.insert_text(&keys.repeat(count - 1));
            }
        } else if count > 1 {
            // Each time takes a step of its own for each key.
            for _ in 1..count.min(1 + super::editor::REPLAYS / (keys.len() + 1)) {
                if let Some(below) = opens {
                    self.open_line(below);
                }
                self.replay(&keys);
            }
            self.insertion.keys.clear();
        }
        self.strip_indent();
        if let Some(block) = self.insertion.block.take() {
            self.fill_block(block);
        }
        self.buffer.marks.insert('^', self.cursor);
        self.cursor.col = self.cursor.col.saturating_sub(1);
        self.mode = Mode::Normal;
        self.message = None;
        self.dot_open &= self.replaying;
        self.want = self.column_of(self.cursor);
    }

    fn fill_block(&mut self, block: Block) {
        let first = self.insertion.start;
        let now = self.buffer.line(first.line).len();
        if self.cursor.line != first.line || now <= block.length {
            return;
        }
        let text = self.buffer.line(first.line)[first.col..first.col + now - block.length].to_vec();
        let place = Pos::new(first.line, block.column);
        for at in first.line + 1..=block.last.min(self.buffer.last()) {
            let mut line = self.buffer.line(at).to_vec();
            let short = block.column.saturating_sub(self.column_of(Pos::new(at, line.len())));
            if short > 0 && !block.append {
                continue;
            }
            line.extend(std::iter::repeat_n(' ', short));
            self.buffer.set(at, line.clone());
            let col = self.span(Region { shape: Shape::Block, from: place, to: place }, at).0;
            line.splice(col..col, text.iter().copied());
            self.buffer.set(at, line);
        }
        self.cursor = block.left.map_or(self.cursor, |left| Pos::new(first.line, left + 1));
    }

    pub fn insert_text(&mut self, text: &[char]) {
        let at = self.cursor;
        let mut line = self.buffer.line(at.line).to_vec();
        let col = at.col.min(line.len());
        let over = if self.mode == Mode::Replace { text.len().min(line.len() - col) } else { 0 };
        if self.mode == Mode::Replace {
            self.insertion.over.extend((col..col + text.len()).map(|col| line.get(col).copied()));
        }
        line.splice(col..col + over, text.iter().copied());
        self.buffer.set(at.line, line);
        self.cursor.col = col + text.len();
        self.insertion.indented = false;
    }

    fn insert_literal(&mut self, c: char) {
        if matches!(c, '\r' | '\n') { self.split_line(Line::new()) } else { self.insert_text(&[c]) }
    }

    fn split_line(&mut self, indent: Line) {
        let at = self.cursor;
        let mut line = self.buffer.line(at.line).to_vec();
        let tail = line.split_off(at.col.min(line.len()));
        self.insertion.over.clear();
        self.cursor = Pos::new(at.line + 1, indent.len());
        let next = [indent, tail].concat();
        self.buffer.replace(at.line, 1, vec![line, next]);
    }

    fn break_line(&mut self) {
        if !self.options.autoindent || self.options.paste {
            return self.split_line(Line::new());
        }
        let at = self.cursor.line;
        let indent = self.buffer.line(at)[..self.buffer.indent(at).min(self.cursor.col)].to_vec();
        // Blanks that stood before the cursor's rest are the indent's now.
        let rest = self.buffer.line(at).get(self.cursor.col..).unwrap_or_default();
        let blanks = rest.iter().take_while(|c| matches!(c, ' ' | '\t')).count();
        if blanks > 0 && self.mode == Mode::Insert {
            let mut line = self.buffer.line(at).to_vec();
            line.drain(self.cursor.col..self.cursor.col + blanks);
            self.buffer.set(at, line);
        }
        let empty = self.insertion.indented && self.buffer.indent(at) == self.buffer.line(at).len();
        self.split_line(indent);
        if empty {
            self.buffer.set(at, Line::new());
        }
        self.reindent(at + 1);
        self.insertion.indented = self.cursor.col > 0;
    }

    fn insert_tab(&mut self) {
        let options = &self.options;
        let column = self.column_of(self.cursor);
        if options.paste || options.softtabstop == 0 && !options.expandtab {
            return self.insert_text(&['\t']);
        }
        let stop = if options.softtabstop > 0 { options.softtabstop } else { options.tabstop };
        let wide = stop - column % stop;
        if options.expandtab {
            return self.insert_text(&vec![' '; wide]);
        }
        // Blanks before the cursor and the new ones become tabs as far as they fill them.
        let at = self.cursor;
        let line = self.buffer.line(at.line);
        let before = line[..at.col].iter().rev().take_while(|c| matches!(c, ' ' | '\t')).count();
        let blanks = self.blanks(self.column_of(Pos::new(at.line, at.col - before)), column + wide);
        let mut line = line.to_vec();
        self.cursor.col = at.col - before + blanks.len();
        line.splice(at.col - before..at.col, blanks);
        self.buffer.set(at.line, line);
        self.insertion.indented = false;
    }

    /// Backspace and its like: at the start of a line the line above.
    fn erase(&mut self, how: fn(&Editor) -> usize) {
        let at = self.cursor;
        let mut line = self.buffer.line(at.line).to_vec();
        if self.mode == Mode::Replace {
            if at.col > 0
                && let Some(was) = self.insertion.over.pop()
            {
                line.splice(at.col - 1..at.col, was);
                self.buffer.set(at.line, line);
                self.cursor.col -= 1;
            }
            return;
        }
        if at.col > 0 {
            let from = how(self).min(at.col - 1);
            line.drain(from..at.col);
            self.buffer.set(at.line, line);
            self.cursor.col = from;
        } else if at.line > 0 {
            let mut above = self.buffer.line(at.line - 1).to_vec();
            self.cursor = Pos::new(at.line - 1, above.len());
            above.append(&mut line);
            self.buffer.replace(at.line - 1, 2, vec![above]);
        }
        self.insertion.indented = false;
    }

    /// One character; in a run of blanks back to the last soft tab stop.
    fn erase_one(&self) -> usize {
        let (at, stop) = (self.cursor, self.options.softtabstop);
        let line = self.buffer.line(at.line);
        if stop == 0 || self.options.paste || line.get(at.col.wrapping_sub(1)) != Some(&' ') {
            return at.col - 1;
        }
        let wanted = (self.column_of(at) - 1) / stop * stop;
        let mut col = at.col - 1;
        while col > 0 && line[col - 1] == ' ' && self.column_of(Pos::new(at.line, col)) > wanted {
            col -= 1;
        }
        col
    }

    fn erase_word(&self) -> usize {
        let class = |col: usize| self.class(Pos::new(self.cursor.line, col), false);
        let mut col = self.cursor.col;
        while col > 0 && class(col - 1) == 0 {
            col -= 1;
        }
        let word = if col > 0 { class(col - 1) } else { 0 };
        while col > 0 && class(col - 1) == word {
            col -= 1;
        }
        self.before_insertion(col)
    }

    fn erase_line(&self) -> usize {
        let indent = self.buffer.indent(self.cursor.line);
        let col = if indent < self.cursor.col { indent } else { 0 };
        self.before_insertion(col)
    }

    /// Erasing stops once where the insertion began.
    fn before_insertion(&self, col: usize) -> usize {
        let start = self.insertion.start;
        let stops = start.line == self.cursor.line && (col..self.cursor.col).contains(&start.col);
        if stops { start.col } else { col }
    }

    /// Keys that make the rules for YAML look at the line again.
    fn electric(&mut self, key: char) {
        let first = self.buffer.indent(self.cursor.line) + 1 == self.cursor.col;
        let fits = match key {
            ':' => true,
            '#' | '}' | ']' | '-' => first,
            _ => false,
        };
        if fits {
            self.reindent(self.cursor.line);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::cmd::vi::tests::transcripts;

    #[test]
    fn replace_mode_gives_back_what_it_typed_over_wherever_that_went() {
        transcripts(&[
            ("        ab", "8lRxy\u{4}\u{7f}\u{7f}\u{1b}", "ab", "1,1"),
            ("abcdef", "Rxy\u{1b}[3~\u{7f}\u{7f}\u{1b}", "abdef", "1,1"),
            ("abcdef", "llRX\rY\u{1b}", "abX\nYef", "2,1"),
        ]);
    }

    #[test]
    fn one_command_of_normal_mode_comes_back_to_where_it_was_asked_for() {
        transcripts(&[
            ("ab\ncd", "aX\u{f}aY\u{1b}jx", "aXbY\nc", "2,1"),
            ("abcdef", "RX\u{f}lYZ\u{1b}", "XbYZef", "1,4"),
            ("\nabcdefghij", "\u{16}jIZ\u{f}A!\u{1b}", "Z!\nZabcdefghij", "1,2"),
        ]);
    }

    #[test]
    fn a_paste_is_repeated_as_text() {
        transcripts(&[("x", "\u{1b}[200~dd\u{1b}[201~.", "ddddx", "1,4")]);
    }
}
