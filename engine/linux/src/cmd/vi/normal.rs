//! Commands of Normal mode, but motions and operators.
//!
//! Not simulated: windows, tabs, folds, tags; each beeps, as a key without a meaning does.
//! Source: Vim's index.txt.

use super::buffer::{Pos, Undone};
use super::command::Command;
use super::editor::{Editor, Mode, Register, Wish};
use super::keyboard::*;
use super::operator::{Region, Shape, swap_case};

impl Editor {
    pub fn execute(&mut self, command: Command, keys: Vec<char>) {
        if !self.replaying {
            self.buffer.close_step();
            self.buffer.before = self.cursor;
        }
        self.keeps_want = false;
        if matches!(command.key, '/' | '?') && command.pattern.is_none() {
            self.was_visual = match self.mode {
                Mode::Visual(shape) => Some(shape),
                _ => None,
            };
            self.begin_entry(command.key, "");
            self.waiting = Some((command, keys));
            return;
        }
        if command.key == ':' && command.operator.is_none() {
            let range = match (self.mode, command.count) {
                (Mode::Visual(_), _) => "'<,'>".to_owned(),
                (_, Some(1)) => ".".to_owned(),
                (_, Some(count)) => format!(".,.+{}", count - 1),
                _ => String::new(),
            };
            self.leave_visual();
            self.begin_entry(':', &range);
            return;
        }
        let before = self.mode;
        if !self.replaying && is_change(&command, before) {
            let selected = match before {
                Mode::Visual(shape) => {
                    let region = self.selection(shape);
                    let columns = region.to.col.saturating_sub(region.from.col);
                    let columns = if region.to.line > region.from.line && shape == Shape::Char {
                        region.to.col
                    } else {
                        columns
                    };
                    Some((shape, region.to.line - region.from.line, columns))
                }
                _ => None,
            };
            self.dot = super::editor::Dot { keys, selected };
            self.dot_open = true;
        }
        let done = match before {
            Mode::Visual(shape) => self.visual(&command, shape),
            _ if command.operator.is_some() => self.operate(&command),
            _ => self.simple(&command),
        };
        if !done {
            self.beep();
        }
        if !matches!(self.mode, Mode::Insert | Mode::Replace) && !self.replaying {
            self.dot_open = false;
        }
        if !self.keeps_want && !matches!(self.mode, Mode::Insert | Mode::Replace) {
            self.settle();
            self.want = self.column_of(self.cursor);
        }
    }

    /// The same command in other words: `x` is `dl`.
    fn as_operator(&mut self, command: &Command, operator: char, key: char) -> bool {
        self.operate(&Command { operator: Some(operator), key, ..command.clone() })
    }

    fn simple(&mut self, command: &Command) -> bool {
        let count = command.times();
        match command.key {
            'x' | DELETE => return self.as_operator(command, 'd', 'l'),
            'X' => return self.as_operator(command, 'd', 'h'),
            'D' => return self.buffer.none || self.as_operator(command, 'd', '$'),
            'C' => return self.as_operator(command, 'c', '$'),
            's' => return self.as_operator(command, 'c', 'l'),
            'S' => return self.as_operator(command, 'c', 'c'),
            'Y' => return self.as_operator(command, 'y', 'y'),
            'i' | INSERT => self.enter_insert(Mode::Insert, count),
            'a' => {
                self.cursor.col += usize::from(!self.buffer.line(self.cursor.line).is_empty());
                self.enter_insert(Mode::Insert, count);
            }
            'I' => {
                self.cursor.col = self.buffer.indent(self.cursor.line);
                self.enter_insert(Mode::Insert, count);
            }
            'A' => {
                self.cursor.col = self.buffer.line(self.cursor.line).len();
                self.enter_insert(Mode::Insert, count);
            }
            'o' | 'O' => {
                self.open_line(command.key == 'o');
                self.enter_insert(Mode::Insert, count);
                self.insertion.opens = Some(command.key == 'o');
            }
            'R' => self.enter_insert(Mode::Replace, count),
            'p' | 'P' => return self.put(command.register, command.key == 'p', count),
            'J' => return self.join(self.cursor.line, count.max(2), true),
            'r' => return self.replace_letters(command.second, count),
            '~' => return self.swap_letters(count),
            'u' | '\u{12}' => (0..count).for_each(|_| self.undo(command.key == 'u')),
            'U' => match self.buffer.restore_line() {
                Some(line) => self.cursor = Pos::new(line, 0),
                None => return false,
            },
            '.' => self.repeat(command.count),
            'v' => self.start_visual(Shape::Char),
            'V' => self.start_visual(Shape::Line),
            '\u{16}' => self.start_visual(Shape::Block),
            'm' if command.second.is_ascii_alphabetic() || command.second == '\'' => {
                self.buffer.marks.insert(command.second, self.cursor);
            }
            'q' | '@' => return self.macros(command),
            '&' => self.entered = Some("s".to_owned()),
            '\u{1}' | '\u{18}' => return self.add(command.key == '\u{1}', count),
            '\u{7}' => self.say_place(),
            '\u{c}' => self.wish = Some(Wish::Redraw),
            '\u{1a}' => self.wish = Some(Wish::Suspend),
            'Z' if command.second == 'Z' => self.entered = Some("x".to_owned()),
            'Z' if command.second == 'Q' => self.entered = Some("q!".to_owned()),
            'g' if command.second == 'J' => return self.join(self.cursor.line, count.max(2), false),
            'g' if command.second == 'v' => return self.select_again(),
            'g' if command.second == '&' => self.entered = Some("%s//~/&".to_owned()),
            _ if self.scroll(command) => {}
            _ => match self.motion(command) {
                Some(motion) => self.cursor = motion.to,
                None => return false,
            },
        }
        true
    }

    fn repeat(&mut self, count: Option<usize>) {
        let dot = self.dot.clone();
        if let Some((shape, lines, columns)) = dot.selected {
            self.anchor = self.cursor;
            let line = (self.cursor.line + lines).min(self.buffer.last());
            let col = if lines > 0 && shape == Shape::Char { columns } else { self.cursor.col + columns };
            self.cursor = Pos::new(line, col.saturating_sub(1));
            self.mode = Mode::Visual(shape);
        }
        let mut keys = dot.keys.as_slice();
        let mut all = Vec::new();
        if let Some(count) = count {
            // The new count takes the place of the old one, behind a register's name.
            if let ['"', _, rest @ ..] = keys {
                all.extend(&keys[..2]);
                keys = rest;
            }
            let digits = keys.iter().take_while(|c| c.is_ascii_digit() && **c != '0').count();
            keys = &keys[digits..];
            all.extend(count.to_string().chars());
        }
        all.extend(keys);
        self.replay(&all);
        if matches!(self.mode, Mode::Insert | Mode::Replace) {
            self.leave_insert();
        }
    }

    fn undo(&mut self, back: bool) {
        let done = if back { self.buffer.undo() } else { self.buffer.redo() };
        let Some(Undone { cursor, exact, lines_before, lines_after, number, made }) = done else {
            self.say(format!("Already at {} change", if back { "oldest" } else { "newest" }));
            return;
        };
        let what = match lines_after as i64 - lines_before as i64 {
            1 => "1 more line".to_owned(),
            more @ 2.. => format!("{more} more lines"),
            -1 => "1 line less".to_owned(),
            fewer @ ..=-2 => format!("{} fewer lines", -fewer),
            0 if lines_after == 1 => "1 change".to_owned(),
            _ => format!("{lines_after} changes"),
        };
        let ago = self.buffer.now.saturating_sub(made);
        let when = match ago {
            1 => "1 second ago".to_owned(),
            100.. => format!("{:02}:{:02}:{:02}", made / 3600 % 24, made / 60 % 60, made % 60),
            _ => format!("{ago} seconds ago"),
        };
        self.say(format!("{what}; {} #{number}  {when}", if back { "before" } else { "after" }));
        self.cursor = cursor;
        if !exact {
            self.cursor.col = self.first_nonblank(cursor.line);
        }
    }

    /// Joins lines, with a blank between unless `plain` text is wanted.
    pub fn join(&mut self, at: usize, count: usize, blank: bool) -> bool {
        let last = (at + count - 1).min(self.buffer.last());
        if last == at {
            return false;
        }
        let mut line = self.buffer.line(at).to_vec();
        let mut col = line.len();
        for next in at + 1..=last {
            let next = self.buffer.line(next);
            let next =
                if blank { &next[next.iter().take_while(|c| c.is_whitespace()).count()..] } else { next };
            col = line.len();
            let ends = line.last().is_none_or(|c| matches!(c, ' ' | '\t'));
            if blank && !ends && !next.is_empty() && next[0] != ')' {
                line.push(' ');
            } else if blank && !line.is_empty() && ends {
                col -= 1;
            }
            line.extend(next);
        }
        self.buffer.replace(at, last - at + 1, vec![line]);
        self.cursor = Pos::new(at, col);
        true
    }

    fn replace_letters(&mut self, letter: char, count: usize) -> bool {
        let at = self.cursor;
        let mut line = self.buffer.line(at.line).to_vec();
        if at.col + count > line.len() || letter != '\r' && letter != '\t' && !is_text(letter) {
            return false;
        }
        if letter == '\r' {
            let tail = line.split_off(at.col);
            self.buffer.replace(at.line, 1, vec![line, tail[count..].to_vec()]);
            self.cursor = Pos::new(at.line + 1, 0);
            return true;
        }
        line[at.col..at.col + count].fill(letter);
        self.buffer.set(at.line, line);
        self.cursor.col += count - 1;
        true
    }

    fn swap_letters(&mut self, count: usize) -> bool {
        let at = self.cursor;
        let end = (at.col + count).min(self.buffer.line(at.line).len());
        let region = Region { shape: Shape::Char, from: at, to: Pos::new(at.line, end) };
        self.rewrite(region, swap_case);
        self.cursor.col = end;
        end > at.col
    }

    fn macros(&mut self, command: &Command) -> bool {
        let name = command.second;
        if command.key == '@' {
            let name = if name == '@' { self.last_macro.unwrap_or_default() } else { name };
            if name == ':' {
                self.entered = Some(self.last_entered.clone());
                return true;
            }
            let Some(Register { lines, shape }) = self.register(Some(name)) else { return false };
            self.last_macro = Some(name);
            let mut keys: Vec<char> = lines.join(&'\n');
            keys.extend((shape == Shape::Line).then_some('\n'));
            for _ in 0..command.times().min(1000) {
                if self.stuffed.len() < super::editor::REPLAYS {
                    keys.iter().rev().for_each(|key| self.stuffed.push_front(*key));
                }
            }
            return true;
        }
        if !name.is_ascii_alphanumeric() {
            return false;
        }
        self.recording = Some((name.to_ascii_lowercase(), Vec::new()));
        true
    }

    /// `q` ends a recording; true where there is one.
    pub fn end_recording(&mut self) -> bool {
        let Some((name, mut keys)) = self.recording.take() else { return false };
        keys.pop();
        self.registers.insert(name, Register { lines: vec![keys], shape: Shape::Char });
        self.message = None;
        true
    }

    /// Ctrl-A, Ctrl-X: the number at the cursor or behind it.
    fn add(&mut self, up: bool, count: usize) -> bool {
        let at = self.cursor;
        let line = self.buffer.line(at.line);
        let digit = |col: usize| line.get(col).is_some_and(char::is_ascii_digit);
        let Some(mut start) = (at.col..line.len()).find(|col| digit(*col)) else { return false };
        while start > 0 && digit(start - 1) {
            start -= 1;
        }
        let end = (start..).find(|col| !digit(*col)).unwrap_or(start);
        start -= usize::from(start > 0 && line[start - 1] == '-');
        let Ok(number) = line[start..end].iter().collect::<String>().parse::<i64>() else { return false };
        let by = count as i64;
        let number = if up { number.saturating_add(by) } else { number.saturating_sub(by) }.to_string();
        let mut new = line[..start].to_vec();
        new.extend(number.chars());
        self.cursor.col = new.len() - 1;
        new.extend(&line[end..]);
        self.buffer.set(at.line, new);
        true
    }

    /// Ctrl-G
    pub fn say_place(&mut self) {
        let name = self.path.as_deref().map_or("[No Name]".to_owned(), |path| format!("\"{path}\""));
        let modified = if self.buffer.is_modified() { " [Modified]" } else { "" };
        let new = if self.is_new { "[New] " } else { "" };
        let lines = self.buffer.lines().len();
        if self.buffer.none {
            self.say(format!("{name}{modified} {new}--No lines in buffer--"));
            return;
        }
        let percent = (self.cursor.line + 1) * 100 / lines;
        let s = if lines == 1 { "" } else { "s" };
        self.say(format!("{name}{modified} {new}{lines} line{s} --{percent}%--"));
    }
}

/// Does `.` repeat it?
fn is_change(command: &Command, mode: Mode) -> bool {
    let visual = matches!(mode, Mode::Visual(_));
    match (command.operator, command.key) {
        (Some(operator), _) => operator != 'y',
        (None, key) if visual => "dxXDcsSCRr<>~uUJpPIA".contains(key) || key == DELETE,
        (None, 'g') => command.second == 'J',
        (None, key) => "xXDCsSiaIAoORpPJr~&\u{1}\u{18}".contains(key) || matches!(key, DELETE | INSERT),
    }
}
