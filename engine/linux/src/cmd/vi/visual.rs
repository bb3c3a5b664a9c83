//! Visual mode: a part of the text is chosen, then something is done to it.
//!
//! Differs from Vim: a block ends at columns, `$` does not stretch it to each line's end.
//! Source: Vim's visual.txt.

use super::buffer::Pos;
use super::command::Command;
use super::editor::{Editor, Mode};
use super::keyboard::{DELETE, LEFT};
use super::operator::{Region, Shape};

impl Editor {
    pub fn start_visual(&mut self, shape: Shape) {
        self.anchor = self.cursor;
        self.message = None;
        self.mode = Mode::Visual(shape);
    }

    pub fn leave_visual(&mut self) {
        if let Mode::Visual(shape) = self.mode {
            self.selected = Some((shape, self.anchor, self.cursor));
            self.mode = Mode::Normal;
            let (from, to) = (self.anchor.min(self.cursor), self.anchor.max(self.cursor));
            self.buffer.marks.extend([('<', from), ('>', to)]);
            self.settle();
        }
    }

    pub fn select_again(&mut self) -> bool {
        let Some((shape, anchor, cursor)) = self.selected else { return false };
        (self.anchor, self.cursor, self.mode) = (anchor, cursor, Mode::Visual(shape));
        true
    }

    /// What is selected.
    pub fn selection(&self, shape: Shape) -> Region {
        let (from, to) = (self.anchor.min(self.cursor), self.anchor.max(self.cursor));
        if shape != Shape::Block {
            return Region { shape, from, to: Pos::new(to.line, to.col + 1) };
        }
        let columns = [self.anchor, self.cursor].map(|at| {
            let start = self.column_of(at);
            let width = self.buffer.char_at(at).map_or(1, |c| self.width(c, start));
            (start, start + width)
        });
        let start = columns[0].0.min(columns[1].0);
        let end = columns[0].1.max(columns[1].1);
        Region { shape, from: Pos::new(from.line, start), to: Pos::new(to.line, end) }
    }

    /// The same with the end of its last line, where that is selected too: after `$`, and of an empty line.
    fn selection_with_end(&self, shape: Shape) -> Region {
        let region = self.selection(shape);
        let last = region.to.line;
        let at_end = self.want == usize::MAX && self.cursor >= self.anchor;
        if shape == Shape::Char && last < self.buffer.last() && (at_end || self.buffer.line(last).is_empty())
        {
            return Region { to: Pos::new(last + 1, 0), ..region };
        }
        region
    }

    pub fn visual(&mut self, command: &Command, shape: Shape) -> bool {
        let (region, ended) = (self.selection(shape), self.selection_with_end(shape));
        let whole = Region { shape: Shape::Line, ..region };
        let (region, operator) = match command.key {
            'd' | 'x' | DELETE => (ended, 'd'),
            'c' | 's' => (ended, 'c'),
            'X' | 'D' => (whole, 'd'),
            'C' | 'S' | 'R' => (whole, 'c'),
            'y' => (ended, 'y'),
            'Y' => (whole, 'y'),
            '>' | '<' => (whole, command.key),
            '~' | 'u' | 'U' | '=' => (region, command.key),
            'J' => {
                self.leave_visual();
                return self.join(region.from.line, (region.to.line - region.from.line + 1).max(2), true);
            }
            'r' => {
                self.leave_visual();
                self.rewrite(region, |_| command.second);
                self.cursor = region.from;
                return true;
            }
            'p' | 'P' => return self.put_over(command, ended),
            'I' | 'A' if shape == Shape::Block => {
                self.leave_visual();
                self.start_block(region, command.key == 'A', false);
                self.enter_insert(Mode::Insert, 1);
                return true;
            }
            'I' | 'A' => {
                self.leave_visual();
                self.cursor = if command.key == 'I' { region.from } else { region.to };
                self.enter_insert(Mode::Insert, 1);
                return true;
            }
            'o' | 'O' => {
                std::mem::swap(&mut self.anchor, &mut self.cursor);
                return true;
            }
            'v' | 'V' | '\u{16}' => {
                self.reshape(command.key, shape);
                return true;
            }
            'i' | 'a' => {
                let Some(motion) = self.object(command) else { return false };
                (self.anchor, self.cursor) = (motion.from, motion.to);
                if motion.kind == super::motion::Kind::Exclusive {
                    self.cursor.col = self.cursor.col.saturating_sub(1);
                } else if motion.kind == super::motion::Kind::Line {
                    self.mode = Mode::Visual(Shape::Line);
                }
                return true;
            }
            _ => {
                if !self.scroll(command) {
                    self.stand_behind_end(command.key, shape);
                    let Some(motion) = self.motion(command) else { return false };
                    self.cursor = motion.to;
                }
                return true;
            }
        };
        self.leave_visual();
        self.want = 0;
        self.apply(operator, region, command.register, command.times(), region.from.line == region.to.line)
    }

    /// After `$` the cursor is behind the line, so that the first step back is onto its last letter.
    fn stand_behind_end(&mut self, key: char, shape: Shape) {
        let is_behind = self.want == usize::MAX && !self.buffer.line(self.cursor.line).is_empty();
        if matches!(key, 'h' | LEFT | '\u{8}') && shape == Shape::Char && is_behind {
            self.cursor.col += 1;
        }
    }

    /// The same key again ends Visual mode, another changes what is selected.
    fn reshape(&mut self, key: char, shape: Shape) {
        let wanted = match key {
            'v' => Shape::Char,
            'V' => Shape::Line,
            _ => Shape::Block,
        };
        match shape == wanted {
            true => self.leave_visual(),
            false => self.mode = Mode::Visual(wanted),
        }
    }

    /// What was selected goes, what a register holds comes.
    fn put_over(&mut self, command: &Command, region: Region) -> bool {
        let Some(text) = self.register(command.register) else { return false };
        self.leave_visual();
        let lines_before = self.buffer.lines().len();
        let to_end = region.to.col >= self.buffer.line(region.to.line).len();
        self.apply('d', region, None, 1, region.from.line == region.to.line);
        let deleted = self.registers.insert('"', text.clone());
        let at_last = match region.shape {
            Shape::Line => region.to.line + 1 >= lines_before,
            _ => to_end,
        };
        if text.shape == Shape::Line && region.shape == Shape::Char {
            // The line opens for whole lines.
            let at = self.cursor;
            let mut line = self.buffer.line(at.line).to_vec();
            let tail = line.split_off(at.col.min(line.len()));
            self.buffer.replace(at.line, 1, vec![line, tail]);
        } else if text.shape != Shape::Line && region.shape == Shape::Line {
            self.buffer.replace(region.from.line, 0, vec![Vec::new()]);
            self.cursor = Pos::new(region.from.line, 0);
        }
        self.settle();
        let after = at_last || text.shape == Shape::Line && region.shape == Shape::Char;
        let done = self.put(None, after && !self.buffer.none, command.times());
        self.registers.extend(deleted.map(|it| ('"', it)));
        done
    }
}

#[cfg(test)]
mod tests {
    use crate::cmd::vi::tests::transcripts;

    #[test]
    fn the_end_of_a_line_is_selected_after_a_dollar_and_of_an_empty_line() {
        transcripts(&[
            ("ab\ncd\nef", "v$d", "cd\nef", "1,1"),
            ("ab\ncd\nef", "vj$d", "ef", "1,1"),
            ("ab\ncd\nef", "v$hd", "\ncd\nef", "1,0-1"),
            ("ab\ncd", "v$cX\u{1b}", "Xcd", "1,1"),
            ("a\n\nb", "jvd", "a\nb", "2,1"),
        ]);
    }
}
