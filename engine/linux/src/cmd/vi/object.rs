//! Text objects: `iw`, `a"`, `i(`, `ip` and the like.
//!
//! Not simulated: sentences, tags; an object inside a bigger one by a count.
//! Source: Vim's motion.txt, "Text object selection".

use super::buffer::Pos;
use super::command::Command;
use super::editor::Editor;
use super::motion::{Kind, Motion, Step};

impl Editor {
    /// `None` where there is none around the cursor.
    pub fn object(&self, command: &Command) -> Option<Motion> {
        let around = command.key == 'a';
        match command.second {
            'w' | 'W' => self.word_object(command.second == 'W', around, command.times()),
            quote @ ('"' | '\'' | '`') => self.quoted_object(quote, around),
            '(' | ')' | 'b' => self.bracket_object('(', ')', around),
            '[' | ']' => self.bracket_object('[', ']', around),
            '{' | '}' | 'B' => self.bracket_object('{', '}', around),
            '<' | '>' => self.bracket_object('<', '>', around),
            'p' => self.paragraph_object(around, command.times()),
            _ => None,
        }
    }

    fn word_object(&self, big: bool, around: bool, count: usize) -> Option<Motion> {
        let at = self.cursor;
        let end = self.buffer.line(at.line).len();
        let class = |col: usize| self.class(Pos::new(at.line, col), big);
        if end == 0 {
            return Some(Motion { from: at, to: at, kind: Kind::Inclusive });
        }
        let run_end = |from: usize| (from + 1..end).find(|col| class(*col) != class(from)).unwrap_or(end);
        let run_start =
            |from: usize| (0..from).rev().find(|col| class(*col) != class(from)).map_or(0, |col| col + 1);
        let mut start = run_start(at.col.min(end - 1));
        let mut stop = start;
        for _ in 0..count {
            if stop >= end {
                break;
            }
            let blank = class(stop) == 0;
            stop = run_end(stop);
            if around && stop < end && (blank || class(stop) == 0) {
                stop = run_end(stop);
            } else if around && !blank && start > 0 && class(start - 1) == 0 && run_start(start - 1) > 0 {
                // No blanks behind: those before.
                start = run_start(start - 1);
            }
        }
        let (from, to) = (Pos::new(at.line, start), Pos::new(at.line, stop - 1));
        Some(Motion { from, to, kind: Kind::Inclusive })
    }

    fn quoted_object(&self, quote: char, around: bool) -> Option<Motion> {
        let at = self.cursor;
        let line = self.buffer.line(at.line);
        let mut quotes = Vec::new();
        let mut escaped = false;
        for (col, c) in line.iter().enumerate() {
            if *c == quote && !escaped {
                quotes.push(col);
            }
            escaped = *c == '\\' && !escaped;
        }
        let pair = quotes.chunks_exact(2).find(|pair| at.col <= pair[1])?;
        let (mut from, mut to) = (pair[0], pair[1] + 1);
        if around {
            let blank = |col: &usize| line.get(*col).is_some_and(|c| c.is_whitespace());
            let behind = (to..).take_while(blank).count();
            if behind > 0 {
                to += behind;
            } else {
                from -= (0..from).rev().take_while(blank).count();
            }
        } else {
            (from, to) = (from + 1, to - 1);
        }
        let (from, to) = (Pos::new(at.line, from), Pos::new(at.line, to));
        Some(Motion { from, to, kind: Kind::Exclusive })
    }

    fn bracket_object(&self, open: char, close: char, around: bool) -> Option<Motion> {
        let (mut start, mut depth) = (self.cursor, 0_usize);
        let on_close = self.buffer.char_at(start) == Some(close);
        loop {
            match self.buffer.char_at(start) {
                Some(c) if c == open && depth == 0 => break,
                Some(c) if c == open => depth -= 1,
                Some(c) if c == close && !(on_close && start == self.cursor) => depth += 1,
                _ => {}
            }
            if self.back(&mut start) == Step::Stopped {
                return None;
            }
        }
        let (mut stop, mut depth) = (start, 0_usize);
        loop {
            match self.buffer.char_at(stop) {
                Some(c) if c == open => depth += 1,
                Some(c) if c == close => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                break;
            }
            if self.forward(&mut stop) == Step::Stopped {
                return None;
            }
        }
        if around {
            return Some(Motion { from: start, to: stop, kind: Kind::Inclusive });
        }
        let is_last = start.col + 1 >= self.buffer.line(start.line).len();
        let from = match is_last && stop.line > start.line {
            true => Pos::new(start.line + 1, 0),
            false => Pos::new(start.line, start.col + 1),
        };
        // A bracket alone on its line leaves whole lines between.
        if stop.line > from.line && self.buffer.indent(stop.line) == stop.col {
            let to = self.last_col(stop.line - 1);
            return Some(Motion { from, to, kind: if from.col == 0 { Kind::Line } else { Kind::Inclusive } });
        }
        Some(Motion { from, to: stop, kind: Kind::Exclusive })
    }

    fn paragraph_object(&self, around: bool, count: usize) -> Option<Motion> {
        let (at, last) = (self.cursor.line, self.buffer.last());
        let blank = |line: usize| self.buffer.line(line).iter().all(|c| c.is_whitespace());
        let mut start = at;
        while start > 0 && blank(start - 1) == blank(at) {
            start -= 1;
        }
        let mut stop = start;
        for step in 0..count * (1 + usize::from(around)) {
            if step > 0 && stop < last {
                stop += 1;
            }
            while stop < last && blank(stop + 1) == blank(stop) {
                stop += 1;
            }
        }
        if around && !blank(at) && !blank(stop) {
            while start > 0 && blank(start - 1) {
                start -= 1;
            }
        }
        Some(Motion { from: Pos::new(start, 0), to: self.last_col(stop), kind: Kind::Line })
    }
}
