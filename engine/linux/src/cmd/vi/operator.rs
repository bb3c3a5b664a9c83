//! Operators on a part of the text: delete, change, yank, shift, case; and putting back.
//!
//! Source: Vim's change.txt; ops.c for when a part counts as whole lines.

use super::buffer::{Line, Pos};
use super::command::Command;
use super::editor::{Editor, Mode, Register};
use super::motion::{Kind, Motion};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Char,
    Line,
    Block,
}

/// A part of the text; for characters `to` is behind the last, for a block columns count on the screen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Region {
    pub shape: Shape,
    pub from: Pos,
    pub to: Pos,
}

/// More lines than this are worth a message.
const REPORT: usize = 2;

impl Editor {
    /// An operator with its motion; false is a beep.
    pub fn operate(&mut self, command: &Command) -> bool {
        let operator = command.operator.unwrap_or_default();
        let at = self.cursor;
        let motion = if command.key == operator {
            let last = at.line + command.times() - 1;
            let stuck = last > self.buffer.last() && at.line == self.buffer.last();
            let to = Pos::new(last.min(self.buffer.last()), at.col);
            (!stuck).then_some(Motion { from: at, to, kind: Kind::Line })
        } else if matches!(command.key, 'i' | 'a') {
            self.object(command)
        } else {
            let empty = self.buffer.line(at.line).is_empty();
            let here = Motion { from: at, to: at, kind: Kind::Exclusive };
            self.motion(command).or((empty && operator == 'c' && command.key == 'l').then_some(here))
        };
        let Some(motion) = motion else { return false };
        let region = self.region(motion, operator);
        let small = !"%`/?nN{}".contains(command.key);
        self.apply(operator, region, command.register, 1, small)
    }

    fn region(&self, motion: Motion, operator: char) -> Region {
        let (from, mut to) = (motion.from.min(motion.to), motion.from.max(motion.to));
        let mut shape = if motion.kind == Kind::Line { Shape::Line } else { Shape::Char };
        let in_indent = from.col <= self.buffer.indent(from.line);
        if motion.kind == Kind::Inclusive {
            to.col = (to.col + 1).min(self.buffer.line(to.line).len());
        } else if motion.kind == Kind::Exclusive && to.col == 0 && to.line > from.line {
            to = Pos::new(to.line - 1, self.buffer.line(to.line - 1).len());
            shape = if in_indent { Shape::Line } else { Shape::Char };
        }
        let rest = self.buffer.line(to.line).get(to.col..).unwrap_or_default();
        if operator == 'd' && to.line > from.line && in_indent && rest.iter().all(|c| c.is_whitespace()) {
            shape = Shape::Line;
        }
        Region { shape, from, to }
    }

    /// Does it to that part. `times` is how far lines are shifted.
    pub fn apply(
        &mut self,
        operator: char,
        region: Region,
        register: Option<char>,
        times: usize,
        small: bool,
    ) -> bool {
        let lines = region.to.line - region.from.line + 1;
        let start = Pos::new(region.from.line, self.first_nonblank(region.from.line));
        match operator {
            'y' => {
                let text = self.text(region);
                self.keep(register, text, false, small);
                self.cursor = match region.shape {
                    Shape::Block => {
                        Pos::new(region.from.line, self.col_at(region.from.line, region.from.col))
                    }
                    _ => region.from,
                };
                if lines > REPORT {
                    let block = if region.shape == Shape::Block { "block of " } else { "" };
                    let into = register.map(|name| format!(" into \"{name}")).unwrap_or_default();
                    self.say(format!("{block}{lines} lines yanked{into}"));
                }
            }
            'd' => {
                let text = self.text(region);
                self.keep(register, text, true, small);
                self.delete(region);
            }
            'c' => {
                let text = self.text(region);
                self.keep(register, text, true, small);
                self.change(region);
            }
            '>' | '<' => {
                for line in region.from.line..=region.to.line {
                    self.shift_line(line, operator == '>', times);
                }
                self.cursor = Pos::new(start.line, self.first_nonblank(start.line));
                if lines > REPORT {
                    let often = if times == 1 { "time" } else { "times" };
                    self.say(format!("{lines} lines {operator}ed {times} {often}"));
                }
            }
            '~' | 'u' | 'U' => {
                self.rewrite(region, |c| match operator {
                    'u' => c.to_lowercase().next().unwrap_or(c),
                    'U' => c.to_uppercase().next().unwrap_or(c),
                    _ => swap_case(c),
                });
                self.cursor = region.from;
            }
            _ => {
                self.fail(format!("{operator}: not simulated in vethlab"));
                return false;
            }
        }
        true
    }

    /// What part of a line belongs to the region.
    pub fn span(&self, region: Region, line: usize) -> (usize, usize) {
        let end = self.buffer.line(line).len();
        match region.shape {
            Shape::Line => (0, end),
            Shape::Char => {
                let from = if line == region.from.line { region.from.col } else { 0 };
                let to = if line == region.to.line { region.to.col } else { end };
                (from.min(end), to.min(end).max(from.min(end)))
            }
            Shape::Block => {
                let mut column = 0;
                let (mut from, mut to) = (end, end);
                for (col, c) in self.buffer.line(line).iter().enumerate() {
                    let next = column + self.width(*c, column);
                    if next > region.from.col {
                        from = from.min(col);
                    }
                    if column >= region.to.col {
                        to = to.min(col);
                    }
                    column = next;
                }
                (from, to.max(from))
            }
        }
    }

    fn text(&self, region: Region) -> Register {
        let part = |line: usize| {
            let (from, to) = self.span(region, line);
            self.buffer.line(line)[from..to].to_vec()
        };
        Register { lines: (region.from.line..=region.to.line).map(part).collect(), shape: region.shape }
    }

    /// Puts a text where `p` finds it.
    fn keep(&mut self, name: Option<char>, text: Register, deleted: bool, small: bool) {
        match name {
            Some('_') => return,
            Some(name) if name.is_ascii_uppercase() => {
                let name = name.to_ascii_lowercase();
                let mut all =
                    self.registers.remove(&name).unwrap_or(Register { lines: Vec::new(), shape: text.shape });
                if all.shape == Shape::Char && text.shape == Shape::Char && !all.lines.is_empty() {
                    let mut lines = text.lines.into_iter();
                    let first = lines.next().unwrap_or_default();
                    all.lines.last_mut().expect("it is not empty").extend(first);
                    all.lines.extend(lines);
                } else {
                    all.lines.extend(text.lines);
                    all.shape = if all.shape == text.shape { all.shape } else { Shape::Line };
                }
                self.registers.insert('"', all.clone());
                self.registers.insert(name, all);
                return;
            }
            Some(name) if name.is_ascii_lowercase() => drop(self.registers.insert(name, text.clone())),
            _ if !deleted => drop(self.registers.insert('0', text.clone())),
            _ if small && text.lines.len() == 1 && text.shape != Shape::Line => {
                self.registers.insert('-', text.clone());
            }
            _ => {
                for number in ('1'..='8').rev() {
                    if let Some(older) = self.registers.remove(&number) {
                        self.registers.insert(char::from(number as u8 + 1), older);
                    }
                }
                self.registers.insert('1', text.clone());
            }
        }
        self.registers.insert('"', text);
    }

    pub fn delete(&mut self, region: Region) {
        let (from, to) = (region.from, region.to);
        match region.shape {
            Shape::Line => {
                self.buffer.replace(from.line, to.line - from.line + 1, Vec::new());
                let line = from.line.min(self.buffer.last());
                self.cursor = Pos::new(line, self.first_nonblank(line));
                self.report_lines(to.line - from.line + 1, false);
            }
            Shape::Char => {
                let mut line = self.buffer.line(from.line)[..self.span(region, from.line).0].to_vec();
                line.extend(&self.buffer.line(to.line)[self.span(region, to.line).1..]);
                self.buffer.replace(from.line, to.line - from.line + 1, vec![line]);
                self.cursor = from;
                self.report_lines(to.line - from.line, false);
            }
            Shape::Block => {
                self.map_lines(region, |line, from, to| drop(line.drain(from..to)));
                self.cursor = Pos::new(from.line, self.col_at(from.line, from.col));
            }
        }
    }

    /// `3 fewer lines`
    pub fn report_lines(&mut self, count: usize, more: bool) {
        if self.buffer.none {
            self.say("--No lines in buffer--");
        } else if count > REPORT {
            self.say(format!("{count} {} lines", if more { "more" } else { "fewer" }));
        }
    }

    fn change(&mut self, region: Region) {
        match region.shape {
            Shape::Line => {
                let indent = if self.options.autoindent { self.buffer.indent(region.from.line) } else { 0 };
                let line = self.buffer.line(region.from.line)[..indent].to_vec();
                self.buffer.replace(region.from.line, region.to.line - region.from.line + 1, vec![line]);
                self.cursor = Pos::new(region.from.line, indent);
            }
            _ => self.delete(region),
        }
        if region.shape == Shape::Block {
            self.start_block(region, false, true);
        }
        self.cursor.col = match region.shape {
            Shape::Char => region.from.col,
            Shape::Block => self.span(region, region.from.line).0,
            Shape::Line => self.cursor.col,
        };
        self.enter_insert(Mode::Insert, 1);
    }

    /// Changes the part of each line that belongs to the region.
    pub fn map_lines(&mut self, region: Region, mut change: impl FnMut(&mut Line, usize, usize)) {
        let mut lines = Vec::new();
        for at in region.from.line..=region.to.line {
            let (from, to) = self.span(region, at);
            let mut line = self.buffer.line(at).to_vec();
            change(&mut line, from, to);
            lines.push(line);
        }
        self.buffer.replace(region.from.line, lines.len(), lines);
    }

    pub fn rewrite(&mut self, region: Region, letter: impl Fn(char) -> char) {
        self.map_lines(region, |line, from, to| line[from..to].iter_mut().for_each(|c| *c = letter(*c)));
    }

    /// Columns of a line's indent.
    pub fn indent_columns(&self, line: usize) -> usize {
        let blanks = self.buffer.line(line).iter().take(self.buffer.indent(line));
        blanks.fold(0, |column, c| column + self.text_width(*c, column))
    }

    /// Blanks from one column to another: tabs as far as they fill it, where they are wanted.
    pub fn blanks(&self, from: usize, to: usize) -> Line {
        let (stop, mut reached, mut blanks) = (self.options.tabstop, from, Line::new());
        while !self.options.expandtab && reached / stop * stop + stop <= to {
            blanks.push('\t');
            reached = reached / stop * stop + stop;
        }
        blanks.extend(std::iter::repeat_n(' ', to - reached));
        blanks
    }

    pub fn set_indent(&mut self, at: usize, columns: usize) {
        let mut line = self.blanks(0, columns);
        line.extend(&self.buffer.line(at)[self.buffer.indent(at)..]);
        self.buffer.set(at, line);
    }

    pub fn shift_line(&mut self, line: usize, right: bool, times: usize) {
        if self.buffer.line(line).is_empty() {
            return;
        }
        let (now, shift) = (self.indent_columns(line), self.options.shift());
        let by = shift.saturating_mul(times).min(4096);
        let whole = if self.options.shiftround && shift > 0 { now % shift } else { 0 };
        let columns = match (right, whole) {
            (true, whole) => now - whole + by,
            (false, 0) => now.saturating_sub(by),
            (false, whole) => (now - whole).saturating_sub(by.saturating_sub(shift)),
        };
        self.set_indent(line, columns);
    }

    /// `p`, `P`; false where the register is empty.
    pub fn put(&mut self, name: Option<char>, after: bool, count: usize) -> bool {
        let Some(text) = self.register(name) else {
            self.fail(format!("E353: Nothing in register {}", name.unwrap_or('"')));
            return false;
        };
        // The lines of a block are filled up to the longest.
        let wide = text.lines.iter().map(Vec::len).max().unwrap_or(0);
        let size: usize = match text.shape {
            Shape::Block => text.lines.len().saturating_mul(wide + 1),
            _ => text.lines.iter().map(|line| line.len() + 1).sum(),
        };
        if size.saturating_mul(count) > super::buffer::CHARS {
            self.buffer.refused = true;
            return true;
        }
        let at = self.cursor;
        match text.shape {
            Shape::Line => {
                let line = at.line + usize::from(after);
                let lines: Vec<Line> = std::iter::repeat_n(text.lines, count).flatten().collect();
                let added = lines.len();
                self.buffer.replace(line, 0, lines);
                self.cursor = Pos::new(line, self.first_nonblank(line));
                self.report_lines(added, true);
            }
            Shape::Char => {
                let line = self.buffer.line(at.line);
                let col = if line.is_empty() { 0 } else { at.col + usize::from(after) }.min(line.len());
                let mut lines = vec![line[..col].to_vec()];
                let tail = line[col..].to_vec();
                for _ in 0..count {
                    let mut more = text.lines.iter();
                    lines.last_mut().expect("there is one").extend(more.next().into_iter().flatten());
                    lines.extend(more.cloned());
                }
                let end = lines.last().map_or(0, Vec::len);
                lines.last_mut().expect("there is one").extend(tail);
                let added = lines.len() - 1;
                self.buffer.replace(at.line, 1, lines);
                self.cursor = Pos::new(at.line, if added == 0 { end.saturating_sub(1) } else { col });
                self.report_lines(added, true);
            }
            Shape::Block => self.put_block(text, after, count),
        }
        true
    }

    fn put_block(&mut self, text: Register, after: bool, count: usize) {
        let at = self.cursor;
        let behind = usize::from(after && !self.buffer.line(at.line).is_empty());
        let column = self.column_of(Pos::new(at.line, at.col + behind));
        let wide = text.lines.iter().map(Vec::len).max().unwrap_or(0);
        let mut lines = Vec::new();
        for (offset, part) in text.lines.iter().enumerate() {
            let line = at.line + offset;
            let place =
                Region { shape: Shape::Block, from: Pos::new(line, column), to: Pos::new(line, column) };
            let mut new = self.buffer.line(line).to_vec();
            let col = self.span(place, line).0;
            let short = column.saturating_sub(self.column_of(Pos::new(line, new.len())));
            new.extend(std::iter::repeat_n(' ', short));
            let tail = new.split_off((col + short).min(new.len()));
            for left in (0..count).rev() {
                new.extend(part);
                if left > 0 || !tail.is_empty() {
                    new.extend(std::iter::repeat_n(' ', wide - part.len()));
                }
            }
            new.extend(tail);
            lines.push(new);
        }
        let over = self.buffer.lines().len() - at.line;
        self.buffer.replace(at.line, lines.len().min(over), lines);
        self.cursor = Pos::new(at.line, at.col + behind);
    }

    /// What a register holds; those that Vim makes up itself included.
    pub fn register(&self, name: Option<char>) -> Option<Register> {
        let made = |text: &str| Register { lines: vec![text.chars().collect()], shape: Shape::Char };
        match name.unwrap_or('"') {
            '%' => self.path.as_deref().map(made),
            ':' => Some(made(&self.last_entered)).filter(|it| !it.lines[0].is_empty()),
            '/' => self.pattern.as_ref().map(|(pattern, _)| made(pattern)),
            '.' => Some(made(&self.insertion.last)).filter(|it| !it.lines[0].is_empty()),
            '+' | '*' => self.registers.get(&'"').cloned(),
            name => self.registers.get(&name.to_ascii_lowercase()).cloned(),
        }
    }
}

pub(super) fn swap_case(c: char) -> char {
    let other = if c.is_lowercase() { c.to_uppercase().next() } else { c.to_lowercase().next() };
    other.unwrap_or(c)
}
