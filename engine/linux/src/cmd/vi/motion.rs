//! Motions: where a command goes from the cursor.
//!
//! Always: what is reached is a place of the text, or just behind a line's last character.
//! Source: Vim's motion.txt; textobject.c and normal.c for what words do at the ends of lines.

use super::buffer::Pos;
use super::command::Command;
use super::editor::Editor;
use super::keyboard::*;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Exclusive,
    Inclusive,
    Line,
}

/// What lies between cursor and target, or between two places (a text object).
#[derive(Clone, Copy, Debug)]
pub(super) struct Motion {
    pub from: Pos,
    pub to: Pos,
    pub kind: Kind,
}

/// How a step to the next or the last character went.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Within,
    OverEnd,
    Stopped,
}

impl Editor {
    /// `None` is a beep: there is nothing there.
    pub fn motion(&mut self, command: &Command) -> Option<Motion> {
        let at = self.cursor;
        let (count, end) = (command.times(), self.buffer.line(at.line).len());
        let exclusive = |to: Pos| Some(Motion { from: at, to, kind: Kind::Exclusive });
        let inclusive = |to: Pos| Some(Motion { from: at, to, kind: Kind::Inclusive });
        match command.key {
            'h' | LEFT | '\u{8}' if at.col > 0 => exclusive(Pos::new(at.line, at.col.saturating_sub(count))),
            'l' | RIGHT | ' ' if at.col + usize::from(command.operator.is_none()) < end => {
                let most = end - usize::from(command.operator.is_none());
                exclusive(Pos::new(at.line, (at.col + count).min(most)))
            }
            '\u{8}' if at.line > 0 => exclusive(self.last_col(at.line - 1)),
            ' ' if at.line < self.buffer.last() => exclusive(Pos::new(at.line + 1, 0)),
            'j' | DOWN | '\u{e}' | '\n' => self.vertical(at.line + count, at.line == self.buffer.last()),
            'k' | UP | '\u{10}' => self.vertical(at.line.saturating_sub(count), at.line == 0),
            '+' | '\r' => self.to_line(at.line + count, at.line == self.buffer.last()),
            '-' => self.to_line(at.line.saturating_sub(count), at.line == 0),
            '_' => self.to_line(at.line + count - 1, false),
            '0' | HOME => exclusive(Pos::new(at.line, 0)),
            '^' => exclusive(Pos::new(at.line, self.first_nonblank(at.line))),
            '|' => exclusive(Pos::new(at.line, self.col_at(at.line, count - 1))),
            '$' | END => {
                self.want = usize::MAX;
                self.keeps_want = true;
                inclusive(self.last_col((at.line + count - 1).min(self.buffer.last())))
            }
            'G' => self.jump_to_line(command.count.map_or(self.buffer.last(), |count| count - 1)),
            'g' => self.g_motion(command),
            'w' | 'W' => self.word_motion(command),
            'b' | 'B' => exclusive(self.repeated(count, |it, at| it.word_back(at, command.key == 'B'))?),
            'e' | 'E' => {
                inclusive(self.repeated(count, |it, at| it.word_end(at, command.key == 'E', false))?)
            }
            'f' | 'F' | 't' | 'T' => {
                self.find = Some((command.key, command.second));
                self.find_char(command.key, command.second, count, false)
            }
            ';' | ',' => {
                let (key, wanted) = self.find?;
                let key = match (command.key, key.is_lowercase()) {
                    (';', _) => key,
                    (_, true) => key.to_ascii_uppercase(),
                    _ => key.to_ascii_lowercase(),
                };
                self.find_char(key, wanted, count, true)
            }
            '{' | '}' => self.paragraph(command.key == '}', count),
            '%' => self.percent(command.count),
            'H' | 'M' | 'L' => self.window_line(command),
            'n' | 'N' => self.search_again(command.key == 'N', count),
            '*' | '#' => self.search_word(command.key == '#', true, count),
            '/' | '?' => self.search_for(command.pattern.as_deref()?, command.key == '?', count),
            '\'' | '`' => self.to_mark(command.second, command.key == '\''),
            _ => None,
        }
    }

    fn g_motion(&mut self, command: &Command) -> Option<Motion> {
        let (at, count) = (self.cursor, command.times());
        match command.second {
            'g' => self.jump_to_line(count - 1),
            'j' | 'k' => self.motion(&Command { key: command.second, ..command.clone() }),
            'e' | 'E' => {
                let to = self.repeated(count, |it, at| it.word_end_back(at, command.second == 'E'))?;
                Some(Motion { from: at, to, kind: Kind::Inclusive })
            }
            '_' => {
                let line = (at.line + count - 1).min(self.buffer.last());
                let text = self.buffer.line(line);
                let end = text.iter().rposition(|c| !c.is_whitespace()).unwrap_or(0);
                Some(Motion { from: at, to: Pos::new(line, end), kind: Kind::Inclusive })
            }
            '*' | '#' => self.search_word(command.second == '#', false, count),
            _ => None,
        }
    }

    /// The last character of a line.
    pub fn last_col(&self, line: usize) -> Pos {
        Pos::new(line, self.buffer.line(line).len().saturating_sub(1))
    }

    pub fn first_nonblank(&self, line: usize) -> usize {
        self.buffer.indent(line).min(self.last_col(line).col)
    }

    /// Up and down in the column that was wanted first.
    fn vertical(&mut self, line: usize, stuck: bool) -> Option<Motion> {
        if stuck {
            return None;
        }
        self.keeps_want = true;
        let line = line.min(self.buffer.last());
        let to = Pos::new(line, self.col_at(line, self.want));
        Some(Motion { from: self.cursor, to, kind: Kind::Line })
    }

    fn to_line(&mut self, line: usize, stuck: bool) -> Option<Motion> {
        if stuck {
            return None;
        }
        let line = line.min(self.buffer.last());
        let to = Pos::new(line, self.first_nonblank(line));
        Some(Motion { from: self.cursor, to, kind: Kind::Line })
    }

    fn jump_to_line(&mut self, line: usize) -> Option<Motion> {
        self.set_jump();
        self.to_line(line, false)
    }

    /// Where `''` goes back to.
    pub fn set_jump(&mut self) {
        self.buffer.marks.insert('\'', self.cursor);
    }

    fn to_mark(&mut self, name: char, by_line: bool) -> Option<Motion> {
        let name = if name == '`' { '\'' } else { name };
        let Some(mark) = self.buffer.marks.get(&name).copied() else {
            self.fail("E20: Mark not set");
            return None;
        };
        self.set_jump();
        if by_line {
            return self.to_line(mark.line, false);
        }
        let to = Pos::new(mark.line.min(self.buffer.last()), mark.col);
        Some(Motion { from: self.cursor, to, kind: Kind::Exclusive })
    }

    fn find_char(&mut self, key: char, wanted: char, count: usize, again: bool) -> Option<Motion> {
        let (at, line) = (self.cursor, self.buffer.line(self.cursor.line));
        let till = matches!(key, 't' | 'T');
        // `;` after `t` does not stay where it is.
        let skip = 1 + usize::from(till && again && count == 1);
        let is_wanted = |it: &(usize, &char)| *it.1 == wanted;
        let (col, kind) = if key.is_lowercase() {
            let found = line.iter().enumerate().skip(at.col + skip).filter(is_wanted).nth(count - 1)?.0;
            (found - usize::from(till), Kind::Inclusive)
        } else {
            let before = line.get(..(at.col + 1).saturating_sub(skip)).unwrap_or(line);
            let found = before.iter().enumerate().rev().filter(is_wanted).nth(count - 1)?.0;
            (found + usize::from(till), Kind::Exclusive)
        };
        Some(Motion { from: at, to: Pos::new(at.line, col), kind })
    }

    fn paragraph(&mut self, forward: bool, count: usize) -> Option<Motion> {
        let (at, last) = (self.cursor, self.buffer.last());
        self.set_jump();
        let mut line = at.line;
        for _ in 0..count {
            let mut text = false;
            loop {
                let empty = self.buffer.line(line).is_empty();
                if empty && text || line == if forward { last } else { 0 } {
                    break;
                }
                text |= !empty;
                line = if forward { line + 1 } else { line - 1 };
            }
        }
        let to_end = forward && line == last && !self.buffer.line(line).is_empty();
        let (to, kind) = match to_end {
            true => (self.last_col(line), Kind::Inclusive),
            false => (Pos::new(line, 0), Kind::Exclusive),
        };
        (to != at).then_some(Motion { from: at, to, kind })
    }

    fn percent(&mut self, count: Option<usize>) -> Option<Motion> {
        let at = self.cursor;
        if let Some(percent) = count {
            let lines = self.buffer.lines().len();
            return if percent > 100 {
                None
            } else {
                self.jump_to_line((percent * lines).div_ceil(100).max(1) - 1)
            };
        }
        let line = self.buffer.line(at.line);
        let col = (at.col..line.len()).find(|col| "()[]{}".contains(line[*col]))?;
        let to = self.matching(Pos::new(at.line, col))?;
        self.set_jump();
        Some(Motion { from: at, to, kind: Kind::Inclusive })
    }

    /// The bracket that belongs to the one there.
    pub fn matching(&self, from: Pos) -> Option<Pos> {
        let here = self.buffer.char_at(from)?;
        let (open, close) = ["()", "[]", "{}"].into_iter().find(|pair| pair.contains(here)).map(|pair| {
            let mut pair = pair.chars();
            (pair.next().unwrap_or('('), pair.next().unwrap_or(')'))
        })?;
        let (mut depth, mut at) = (0_usize, from);
        loop {
            match self.buffer.char_at(at) {
                Some(c) if c == here => depth += 1,
                Some(c) if c == open || c == close => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return Some(at);
            }
            let step = if here == open { self.forward(&mut at) } else { self.back(&mut at) };
            if step == Step::Stopped {
                return None;
            }
        }
    }

    /// One character on; behind a line's last one is a place of its own.
    pub fn forward(&self, at: &mut Pos) -> Step {
        let end = self.buffer.line(at.line).len();
        if at.col < end {
            at.col += 1;
            return if at.col == end { Step::OverEnd } else { Step::Within };
        }
        if at.line == self.buffer.last() {
            return Step::Stopped;
        }
        *at = Pos::new(at.line + 1, 0);
        Step::OverEnd
    }

    pub fn back(&self, at: &mut Pos) -> Step {
        if at.col > 0 {
            at.col -= 1;
            return Step::Within;
        }
        if at.line == 0 {
            return Step::Stopped;
        }
        *at = Pos::new(at.line - 1, self.buffer.line(at.line - 1).len());
        Step::OverEnd
    }

    /// 0 is blank; words are of one class each.
    pub fn class(&self, at: Pos, big: bool) -> u8 {
        match self.buffer.char_at(at) {
            None | Some(' ' | '\t') => 0,
            Some(_) if big => 1,
            Some(c) if c.is_alphanumeric() || c == '_' => 2,
            Some(_) => 1,
        }
    }

    fn is_empty_line(&self, at: Pos) -> bool {
        self.buffer.line(at.line).is_empty()
    }

    /// As often as that goes; `None` where not even once.
    fn repeated(&self, count: usize, step: impl Fn(&Editor, Pos) -> Option<Pos>) -> Option<Pos> {
        let mut at = self.cursor;
        for done in 0..count {
            match step(self, at) {
                Some(next) => at = next,
                None if done == 0 => return None,
                None => break,
            }
        }
        Some(at)
    }

    fn word_motion(&mut self, command: &Command) -> Option<Motion> {
        let (from, big, count) = (self.cursor, command.key == 'W', command.times());
        // `cw` on a word is `ce`, but stays on a word of one letter.
        if command.operator == Some('c') && self.class(from, big) != 0 {
            let mut to = from;
            for done in 0..count {
                to = self.word_end(to, big, done == 0).unwrap_or_else(|| self.last_col(self.buffer.last()));
            }
            return Some(Motion { from, to, kind: Kind::Inclusive });
        }
        let mut to = from;
        for left in (0..count).rev() {
            let ends = command.operator.is_some() && left == 0;
            match self.word_on(to, big, ends) {
                Some(next) => to = next,
                None if command.operator.is_some() => {
                    to = Pos::new(to.line, self.buffer.line(to.line).len());
                    break;
                }
                None if to == from => {
                    // Only the last letter of the text is left to go to.
                    let end = self.last_col(self.buffer.last());
                    return (end > from).then_some(Motion { from, to: end, kind: Kind::Exclusive });
                }
                None => break,
            }
        }
        if command.operator.is_none() {
            to.col = to.col.min(self.last_col(to.line).col);
        }
        Some(Motion { from, to, kind: Kind::Exclusive })
    }

    /// The next word; with `ends` not beyond this line.
    fn word_on(&self, mut at: Pos, big: bool, ends: bool) -> Option<Pos> {
        let (class, in_last) = (self.class(at, big), at.line == self.buffer.last());
        let step = self.forward(&mut at);
        if step == Step::Stopped || step == Step::OverEnd && in_last {
            return None;
        }
        if step == Step::OverEnd && ends {
            return Some(at);
        }
        while class != 0 && self.class(at, big) == class {
            let step = self.forward(&mut at);
            if step == Step::Stopped || step == Step::OverEnd && ends {
                return Some(at);
            }
        }
        while self.class(at, big) == 0 && !(at.col == 0 && self.is_empty_line(at)) {
            let step = self.forward(&mut at);
            if step == Step::Stopped || step == Step::OverEnd && in_last {
                return Some(at);
            }
        }
        Some(at)
    }

    fn word_back(&self, mut at: Pos, big: bool) -> Option<Pos> {
        if self.back(&mut at) == Step::Stopped {
            return None;
        }
        while self.class(at, big) == 0 {
            if at.col == 0 && self.is_empty_line(at) || self.back(&mut at) == Step::Stopped {
                return Some(at);
            }
        }
        let class = self.class(at, big);
        loop {
            let last = at;
            if self.back(&mut at) == Step::Stopped || self.class(at, big) != class {
                return Some(last);
            }
        }
    }

    /// With `stays` a word of one letter is its own end.
    fn word_end(&self, mut at: Pos, big: bool, stays: bool) -> Option<Pos> {
        let class = self.class(at, big);
        let start = at;
        if self.forward(&mut at) == Step::Stopped {
            return None;
        }
        if class == 0 || self.class(at, big) != class {
            if stays && class != 0 {
                return Some(start);
            }
            while self.class(at, big) == 0 {
                if self.forward(&mut at) == Step::Stopped {
                    return None;
                }
            }
        }
        let class = self.class(at, big);
        loop {
            let last = at;
            if self.forward(&mut at) == Step::Stopped || self.class(at, big) != class {
                return Some(last);
            }
        }
    }

    fn word_end_back(&self, mut at: Pos, big: bool) -> Option<Pos> {
        let class = self.class(at, big);
        while class != 0 && self.class(at, big) == class {
            if self.back(&mut at) == Step::Stopped {
                return Some(at);
            }
        }
        if class == 0 && self.back(&mut at) == Step::Stopped {
            return None;
        }
        while self.class(at, big) == 0 && !(at.col == 0 && self.is_empty_line(at)) {
            if self.back(&mut at) == Step::Stopped {
                break;
            }
        }
        Some(at)
    }
}
