//! Ex commands that work on whole lines: delete, yank, put, copy, move, join, shift, print.
//!
//! Source: Vim's change.txt, various.txt.

use super::buffer::{Line, Pos};
use super::editor::Editor;
use super::ex::Ex;
use super::operator::{Region, Shape};

impl Editor {
    /// Commands on the lines that were named.
    pub fn on_lines(&mut self, ex: &Ex) -> Result<(), String> {
        let (mut from, mut to) = (ex.from, ex.to);
        let mut args = ex.args;
        let mut register = None;
        if let ("delete" | "yank" | "put", Some(name)) =
            (ex.name, args.chars().next().filter(|c| !c.is_ascii_digit()))
        {
            (register, args) = (Some(name), args[name.len_utf8()..].trim_start());
        }
        if ["delete", "yank", "join", ">", "<", "print", "number", "#"].contains(&ex.name) && !args.is_empty()
        {
            let args = args.trim_start_matches(['>', '<']).trim();
            match args.parse::<usize>() {
                _ if args.is_empty() => {}
                Ok(count) if count > 0 => {
                    (from, to) = (to, to.saturating_add(count - 1).min(self.buffer.last()))
                }
                _ => return Err(format!("E488: Trailing characters: {args}")),
            }
        }
        let region = Region { shape: Shape::Line, from: Pos::new(from, 0), to: Pos::new(to, 0) };
        match ex.name {
            "delete" => drop(self.apply('d', region, register, 1, false)),
            "yank" => {
                let at = self.cursor;
                self.apply('y', region, register, 1, false);
                self.cursor = at;
            }
            ">" | "<" => {
                let times = 1 + ex.args.chars().take_while(|c| ex.name.starts_with(*c)).count();
                self.apply(ex.name.chars().next().unwrap_or('>'), region, None, times, false);
                self.cursor = Pos::new(to, self.first_nonblank(to));
            }
            "join" => {
                let lines = if ex.given < 2 { 2 } else { to - from + 1 };
                self.join(from, lines, !ex.bang);
            }
            "put" => {
                self.cursor = Pos::new(to, 0);
                if let Some(mut text) = self.register(register) {
                    text.shape = Shape::Line;
                    let added = text.lines.len();
                    let at = if ex.bang && !ex.zero { to } else { ex.behind() };
                    self.buffer.replace(at, 0, text.lines);
                    self.cursor = Pos::new(at + added - 1, 0);
                    self.report_lines(added, true);
                } else {
                    return Err(format!("E353: Nothing in register {}", register.unwrap_or('"')));
                }
            }
            "copy" | "move" => self.copy_or_move(ex)?,
            "k" | "mark" => match args.chars().next() {
                Some(name) => drop(self.buffer.marks.insert(name, Pos::new(to, 0))),
                None => return Err("E471: Argument required".to_owned()),
            },
            "retab" if ex.bang || !args.is_empty() => {
                return Err(format!(
                    "retab{} {args}: not simulated in vethlab",
                    if ex.bang { "!" } else { "" }
                ));
            }
            "retab" => {
                for at in if ex.given == 0 { 0..=self.buffer.last() } else { from..=to } {
                    self.retab(at);
                }
            }
            _ => self.print_lines(ex.name, from, to),
        }
        Ok(())
    }

    /// Blanks with a tab among them become what the options want.
    fn retab(&mut self, at: usize) {
        let line = self.buffer.line(at);
        if !line.contains(&'\t') {
            return;
        }
        let is_blank = |c: &char| matches!(c, ' ' | '\t');
        let (mut new, mut column) = (Line::new(), 0);
        for run in line.chunk_by(|a, b| is_blank(a) == is_blank(b)) {
            let from = column;
            column = run.iter().fold(from, |column, c| column + self.text_width(*c, column));
            if run.contains(&'\t') {
                new.extend(self.blanks(from, column));
            } else {
                new.extend(run);
            }
        }
        self.buffer.set(at, new);
    }

    fn copy_or_move(&mut self, ex: &Ex) -> Result<(), String> {
        let zero = ex.args.trim() == "0";
        let (Some(line), rest) = self.address(ex.args)? else {
            return Err("E14: Invalid address".to_owned());
        };
        if !rest.is_empty() {
            return Err(format!("E488: Trailing characters: {rest}"));
        }
        if line > self.buffer.last() {
            return Err("E16: Invalid range".to_owned());
        }
        let target = if zero { 0 } else { line + 1 };
        let (count, lines) = (ex.to - ex.from + 1, self.buffer.lines()[ex.from..=ex.to].to_vec());
        let mut end = target + count;
        if ex.name == "copy" {
            self.buffer.replace(target, 0, lines);
        } else {
            if target > ex.from && target <= ex.to {
                return Err("E134: Cannot move a range of lines into itself".to_owned());
            }
            let (start, stop) = (ex.from.min(target), (ex.to + 1).max(target));
            let mut all = self.buffer.lines()[start..stop].to_vec();
            if target <= ex.from {
                all.rotate_right(count)
            } else {
                all.rotate_left(count)
            }
            self.buffer.replace(start, stop - start, all);
            end -= if target > ex.to { count } else { 0 };
        }
        self.cursor = Pos::new(end - 1, 0);
        self.report_lines(if ex.name == "copy" { count } else { 0 }, true);
        Ok(())
    }

    fn print_lines(&mut self, name: &str, from: usize, to: usize) {
        let numbered = name != "print" || self.options.number;
        let shown = |at: usize| {
            let text: String = self.buffer.line(at).iter().collect();
            if numbered { format!("{:>3} {text}", at + 1) } else { text }
        };
        let lines: Vec<String> = (from..=to).take(1000).map(shown).collect();
        self.cursor = Pos::new(to, self.first_nonblank(to));
        match lines.as_slice() {
            [one] if !self.replaying => self.say(one.clone()),
            _ => self.pause(lines),
        }
    }
}
