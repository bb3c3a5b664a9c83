//! What is typed after `:`: ranges, and the commands that work on lines.
//!
//! Not simulated: windows, tabs, mappings, scripts, `:normal`; each says so.
//! Source: Vim's cmdline.txt, change.txt, index.txt ("EX commands").

use super::buffer::{Line, Pos};
use super::editor::{Editor, Mode, Register, Wish};
use super::file::File;
use super::operator::Shape;
use super::search::{find, until_delimiter};
use crate::cmd::Exit;

/// Lines that `:g` does something else to than delete.
const GLOBAL: usize = 5_000;

/// What a line of ex commands asks for beyond the text.
pub(super) enum Task {
    File(File),
    /// A shell command: on its own, on lines, or with its output read behind a line.
    Shell(String),
    Filter(String, usize, usize),
}

/// Names, and how much of each is enough.
#[rustfmt::skip]
const NAMES: &[(&str, usize)] = &[
    ("abbreviate", 2), ("append", 1), ("augroup", 3), ("autocmd", 2), ("bdelete", 2), ("bnext", 2),
    ("bprevious", 2), ("buffer", 1), ("buffers", 7), ("cd", 2), ("change", 1), ("changes", 7), ("close", 3),
    ("colorscheme", 4), ("command", 3), ("copy", 2), ("cquit", 2), ("delete", 1), ("display", 2),
    ("earlier", 2), ("echo", 2), ("edit", 1), ("endif", 2), ("enew", 3), ("execute", 3), ("exit", 3),
    ("file", 1), ("filetype", 5), ("function", 2), ("global", 1), ("help", 1), ("highlight", 2),
    ("history", 3), ("if", 2), ("imap", 2), ("inoremap", 3), ("insert", 1), ("join", 1), ("jumps", 2),
    ("k", 1), ("later", 3), ("let", 3), ("list", 1), ("ls", 2), ("map", 3), ("mark", 2), ("marks", 5),
    ("messages", 3), ("move", 1), ("new", 3), ("next", 1), ("nmap", 2), ("nnoremap", 2), ("nohlsearch", 3),
    ("noremap", 2), ("normal", 4), ("number", 2), ("only", 2), ("print", 1), ("put", 2), ("pwd", 2),
    ("qall", 2), ("quit", 1), ("quitall", 5), ("read", 1), ("redo", 3), ("registers", 3), ("retab", 3),
    ("runtime", 2), ("set", 2), ("setlocal", 4), ("silent", 3), ("sort", 3), ("source", 2), ("split", 2),
    ("substitute", 1), ("syntax", 2), ("tabedit", 4), ("tabnew", 6), ("terminal", 3), ("undo", 1),
    ("undolist", 5), ("unmap", 3), ("update", 2), ("version", 2), ("vglobal", 1), ("vmap", 2), ("vnew", 3),
    ("vnoremap", 2), ("vsplit", 2), ("wall", 2), ("wincmd", 4), ("wq", 2), ("wqall", 3), ("write", 1),
    ("xall", 2), ("xit", 1), ("yank", 1),
];
#[rustfmt::skip]
const MISSING: &[&str] = &[
    "abbreviate", "append", "augroup", "autocmd", "bdelete", "bnext", "bprevious", "buffer", "buffers",
    "cd", "change", "changes", "close", "colorscheme", "command", "earlier", "echo", "endif", "enew",
    "execute", "filetype", "function", "help", "highlight", "history", "if", "imap", "inoremap", "insert",
    "jumps", "later", "let", "list", "ls", "map", "marks", "messages", "new", "nmap", "nnoremap", "noremap",
    "normal", "only", "pwd", "runtime", "silent", "sort", "source", "split", "syntax", "tabedit", "tabnew",
    "terminal", "undolist", "unmap", "version", "vmap", "vnew", "vnoremap", "vsplit", "wincmd",
];

/// A command taken apart.
pub(super) struct Ex<'a> {
    pub name: &'static str,
    pub bang: bool,
    pub args: &'a str,
    /// How many lines were named, and the first and last of them.
    pub given: usize,
    pub from: usize,
    pub to: usize,
    /// It was line 0: before the first.
    pub zero: bool,
}

impl Ex<'_> {
    /// Where lines are put in behind those that were named.
    pub fn behind(&self) -> usize {
        if self.zero { 0 } else { self.to + 1 }
    }
}

impl Editor {
    /// Runs one line up to the first thing that it cannot do itself, which comes back with what follows it.
    pub fn ex<'a>(&mut self, line: &'a str) -> Result<Option<(Task, &'a str)>, String> {
        if !self.replaying {
            self.buffer.close_step();
            self.buffer.before = self.cursor;
        }
        let mut rest = line;
        loop {
            rest = rest.trim_start_matches([' ', '\t', ':']);
            if rest.is_empty() || rest.starts_with('"') {
                return Ok(None);
            }
            let (ex, next) = self.take_apart(rest)?;
            if let Some(task) = self.run(&ex)? {
                return Ok(Some((task, next)));
            }
            if self.mode == Mode::Confirm {
                return Ok(None);
            }
            rest = next;
        }
    }

    fn take_apart<'a>(&mut self, text: &'a str) -> Result<(Ex<'a>, &'a str), String> {
        let mut rest = text;
        let mut lines = Vec::new();
        if let Some(all) = rest.strip_prefix('%') {
            (lines, rest) = (vec![0, self.buffer.last()], all);
        } else {
            loop {
                let (line, after) = self.address(rest)?;
                lines.extend(line.or(after.starts_with([',', ';']).then_some(self.cursor.line)));
                rest = after;
                let Some(after) = rest.strip_prefix([',', ';']) else { break };
                if let (true, Some(line)) = (rest.starts_with(';'), lines.last()) {
                    self.cursor.line = self.buffer.last().min(*line);
                }
                rest = after;
                if self.address(rest)?.0.is_none() {
                    lines.push(self.cursor.line);
                    rest = rest.trim_start();
                    break;
                }
            }
        }
        let given = lines.len();
        let to = lines.pop().unwrap_or(self.cursor.line);
        let from = lines.pop().unwrap_or(to);
        if to > self.buffer.last() || from > self.buffer.last() {
            return Err("E16: Invalid range".to_owned());
        }
        let (from, to) = (from.min(to), from.max(to));
        let rest = rest.trim_start();
        let letters = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_alphabetic()).len();
        let (word, after) = match rest.chars().next() {
            // `s` and `k` need no blank before what follows.
            Some('s') if letters < 2 || !is_name(&rest[..letters]) => rest.split_at(1),
            Some('k') if letters > 1 && !is_name(&rest[..letters]) => rest.split_at(1),
            Some('d') if letters == 2 && !is_name(&rest[..letters]) => rest.split_at(1),
            Some(c) if letters == 0 && "!&<>=#".contains(c) => rest.split_at(1),
            _ => rest.split_at(letters),
        };
        let single = ["!", "&", "<", ">", "=", "#"].into_iter().find(|it| *it == word);
        let name = match (word, single) {
            ("", _) if rest.is_empty() => "",
            ("t", _) => "copy",
            (_, Some(name)) => name,
            _ => name_of(word).ok_or_else(|| format!("E492: Not an editor command: {text}"))?,
        };
        let (bang, args) = match after.strip_prefix('!').filter(|_| name != "!" && name != "read") {
            Some(after) => (true, after),
            None => (false, after),
        };
        let whole = matches!(name, "!" | "global" | "vglobal" | "autocmd" | "normal")
            || matches!(name, "read" | "write") && args.trim_start().starts_with('!');
        let (args, next) = if whole { (args, "") } else { until_bar(args) };
        let is_zero = |rest: &str| !rest.starts_with(|c: char| c.is_ascii_digit() || "+-,;".contains(c));
        let zero = given == 1 && text.strip_prefix('0').is_some_and(is_zero);
        Ok((Ex { name, bang, args: args.trim(), given, from, to, zero }, next))
    }

    /// One line number, as far as one is there.
    pub fn address<'a>(&mut self, text: &'a str) -> Result<(Option<usize>, &'a str), String> {
        let text = text.trim_start();
        let mut chars = text.chars();
        let (mut line, mut rest) = match chars.next() {
            Some('.') => (Some(self.cursor.line), chars.as_str()),
            Some('$') => (Some(self.buffer.last()), chars.as_str()),
            Some('\'') => {
                let mark = chars.next().and_then(|name| self.buffer.marks.get(&name));
                (Some(mark.ok_or("E20: Mark not set")?.line), chars.as_str())
            }
            Some(delimiter @ ('/' | '?')) => {
                let (pattern, rest) = until_delimiter(chars.as_str(), delimiter);
                let last = self.pattern.as_ref().map(|it| it.0.clone());
                let pattern = Some(pattern)
                    .filter(|it| !it.is_empty())
                    .or(last)
                    .ok_or("E35: No previous regular expression")?;
                let from = Pos::new(self.cursor.line, if delimiter == '/' { usize::MAX } else { 0 });
                let regex = self.regex(&pattern)?;
                let found = find(&self.buffer, &regex, from, delimiter == '?', self.options.wrapscan);
                let (found, ..) = found.ok_or_else(|| format!("E486: Pattern not found: {pattern}"))?;
                self.pattern = Some((pattern, delimiter == '?'));
                (Some(found.line), rest.unwrap_or_default())
            }
            Some(digit) if digit.is_ascii_digit() => {
                let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
                let number: usize = text[..end].parse().map_err(|_| "E16: Invalid range")?;
                (Some(number.saturating_sub(1)), &text[end..])
            }
            _ => (None, text),
        };
        while let Some(sign) = rest.chars().next().filter(|c| matches!(c, '+' | '-')) {
            let digits = rest[1..].find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len() - 1);
            let count: usize =
                if digits == 0 { 1 } else { rest[1..=digits].parse().map_err(|_| "E16: Invalid range")? };
            let base = line.unwrap_or(self.cursor.line);
            line = Some(if sign == '+' { base.saturating_add(count) } else { base.saturating_sub(count) });
            rest = &rest[1 + digits..];
        }
        Ok((line, rest))
    }

    fn run(&mut self, ex: &Ex) -> Result<Option<Task>, String> {
        let none = |wrong: bool, code: &str| if wrong { Err(format!("{code}: {}", ex.args)) } else { Ok(()) };
        let takes_nothing = ["nohlsearch", "redo", "undo", "quit", "quitall", "qall", "cquit"];
        none(takes_nothing.contains(&ex.name) && !ex.args.is_empty(), "E488: Trailing characters")?;
        let no_lines =
            ["nohlsearch", "redo", "set", "setlocal", "registers", "display", "wall", "edit", "file"];
        if ex.given > 0 && no_lines.contains(&ex.name) {
            return Err("E481: No range allowed".to_owned());
        }
        let unsaved = self.buffer.is_modified() && !ex.bang;
        match ex.name {
            "" => {
                self.set_jump();
                self.cursor = Pos::new(ex.to, self.first_nonblank(ex.to));
                self.want = self.column_of(self.cursor);
            }
            "quit" if unsaved => return Err("E37: No write since last change (add ! to override)".to_owned()),
            "qall" | "quitall" if unsaved => {
                let name = self.path.as_deref().unwrap_or("[No Name]");
                return Err(format!("E162: No write since last change for buffer \"{name}\""));
            }
            "quit" | "qall" | "quitall" => self.wish = Some(Wish::Over(Exit::OK)),
            "cquit" => self.wish = Some(Wish::Over(Exit::FAILURE)),
            "write" | "wq" | "wqall" | "xit" | "exit" | "xall" | "wall" | "update" | "edit" | "read" => {
                return self.file_task(ex);
            }
            "next" => return Err("E163: There is only one file to edit".to_owned()),
            "file" if ex.args.is_empty() => self.say_place(),
            "file" => {
                self.path = Some(self.expand(ex.args)?);
                self.say_place();
            }
            "set" | "setlocal" => self.set(ex.args)?,
            "nohlsearch" => self.highlight = None,
            "undo" => self.execute(super::command::Command { key: 'u', ..Default::default() }, Vec::new()),
            "redo" => {
                self.execute(super::command::Command { key: '\u{12}', ..Default::default() }, Vec::new())
            }
            "substitute" => self.substitute(ex.from, ex.to, ex.args)?,
            "&" => self.substitute(ex.from, ex.to, &format!("&{}", ex.args))?,
            "global" | "vglobal" => self.global(ex)?,
            "registers" | "display" => self.show_registers(),
            "!" if ex.given == 0 => return Ok(Some(Task::Shell(self.expand(ex.args)?))),
            "!" => return Ok(Some(Task::Filter(self.expand(ex.args)?, ex.from, ex.to))),
            "=" => self.say((if ex.given == 0 { self.buffer.lines().len() } else { ex.to + 1 }).to_string()),
            name if MISSING.contains(&name) => return Err(format!("{name}: not simulated in vethlab")),
            _ => self.on_lines(ex)?,
        }
        Ok(None)
    }

    /// `%` in a file's name or in a shell command is the file that is edited.
    fn expand(&self, text: &str) -> Result<String, String> {
        const NONE: &str = "E499: Empty file name for '%' or '#', only works with \":p:h\"";
        let (mut out, mut escaped) = (String::new(), false);
        for (at, c) in text.char_indices() {
            match (c, escaped) {
                ('%' | '#', true) => {
                    out.pop();
                    out.push(c);
                }
                ('%', false) => {
                    let mut behind = text[at + 1..].chars();
                    if let (Some(':'), Some(letter @ ('p' | 'h' | 't' | 'r' | 'e' | '~' | '.' | 's' | 'g'))) =
                        (behind.next(), behind.next())
                    {
                        return Err(format!("%:{letter}: not simulated in vethlab"));
                    }
                    out.push_str(self.path.as_deref().ok_or(NONE)?);
                }
                ('#', false) => {
                    return Err("E194: No alternate file name to substitute for '#'".to_owned());
                }
                _ => out.push(c),
            }
            escaped = c == '\\' && !escaped;
        }
        Ok(out)
    }

    fn file_task(&self, ex: &Ex) -> Result<Option<Task>, String> {
        let args = self.expand(ex.args)?;
        let args = args.as_str();
        if ex.name == "read" {
            if let Some(command) = args.strip_prefix('!') {
                return Ok(Some(Task::File(File::ReadShell(command.to_owned(), ex.behind()))));
            }
            let path = if args.is_empty() { self.path.clone() } else { Some(args.to_owned()) };
            return Ok(Some(Task::File(File::Read(path.ok_or("E32: No file name")?, ex.behind()))));
        }
        if ex.name == "edit" {
            if self.buffer.is_modified() && !ex.bang {
                return Err("E37: No write since last change (add ! to override)".to_owned());
            }
            let path = if args.is_empty() { self.path.clone() } else { Some(args.to_owned()) };
            return Ok(Some(Task::File(File::Edit(path.ok_or("E32: No file name")?))));
        }
        let quits = ["wq", "wqall", "xit", "exit", "xall"].contains(&ex.name);
        let idle = ["xit", "exit", "xall", "update", "wall", "wqall"].contains(&ex.name)
            && ex.name != "wqall"
            && !self.buffer.is_modified()
            && args.is_empty();
        let (args, append) = args.strip_prefix(">>").map_or((args, false), |args| (args.trim_start(), true));
        if let Some(command) = args.strip_prefix('!') {
            let (from, to) = if ex.given > 0 { (ex.from, ex.to) } else { (0, self.buffer.last()) };
            return Ok(Some(Task::File(File::Pipe(command.to_owned(), from, to))));
        }
        let path = if args.is_empty() { self.path.clone() } else { Some(args.to_owned()) };
        let lines = (ex.given > 0).then_some((ex.from, ex.to));
        match path {
            _ if idle => Ok(Some(Task::File(File::Nothing { quits }))),
            None => Err("E32: No file name".to_owned()),
            Some(path) => Ok(Some(Task::File(File::Write { path, lines, append, force: ex.bang, quits }))),
        }
    }

    fn set(&mut self, args: &str) -> Result<(), String> {
        if args.is_empty() || args == "all" {
            let mut lines = vec![":set".to_owned(), "--- Options ---".to_owned()];
            lines.extend(self.options.changed());
            self.pause(lines);
            return Ok(());
        }
        let mut shown = Vec::new();
        for word in args.split_whitespace() {
            shown.extend(self.options.set(word)?);
        }
        match (&self.pattern, self.options.hlsearch) {
            (Some((pattern, _)), true) => self.highlight = self.regex(pattern).ok(),
            _ => self.highlight = None,
        }
        match shown.as_slice() {
            [] => {}
            [one] => self.say(one.clone()),
            _ => self.pause(shown),
        }
        Ok(())
    }

    fn show_registers(&mut self) {
        let mut lines = vec![format!(":{}", self.last_entered), "Type Name Content".to_owned()];
        for name in "\"0123456789abcdefghijklmnopqrstuvwxyz-.:%/".chars() {
            let Some(Register { lines: text, shape }) = self.register(Some(name)) else { continue };
            let mut words: String = text.join(&'\n').into_iter().collect();
            words.push_str(if shape == Shape::Line { "\n" } else { "" });
            let words: String = words.replace('\n', "^J").replace('\t', "^I").replace('\u{1b}', "^[");
            let kind = match shape {
                Shape::Char => 'c',
                Shape::Line => 'l',
                Shape::Block => 'b',
            };
            let room = self.columns.saturating_sub(11);
            lines.push(format!("  {kind}  \"{name}   {}", words.chars().take(room).collect::<String>()));
        }
        self.pause(lines);
    }

    /// `:g/PATTERN/COMMAND`
    fn global(&mut self, ex: &Ex) -> Result<(), String> {
        let missing = || Err(format!("{}{}: not simulated in vethlab", ex.name, ex.args));
        if self.replaying {
            return missing();
        }
        let inverse = ex.bang || ex.name == "vglobal";
        let (from, to) = if ex.given == 0 { (0, self.buffer.last()) } else { (ex.from, ex.to) };
        let delimiter = ex.args.chars().next().ok_or("E148: Regular expression missing from :global")?;
        let (pattern, command) = until_delimiter(&ex.args[delimiter.len_utf8()..], delimiter);
        let last = self.pattern.as_ref().map(|it| it.0.clone());
        let pattern = Some(pattern)
            .filter(|it| !it.is_empty())
            .or(last)
            .ok_or("E35: No previous regular expression")?;
        let regex = self.regex(&pattern)?;
        self.pattern = Some((pattern.clone(), false));
        let matches = |line: &usize| regex.find_at(self.buffer.line(*line), 0).is_some() != inverse;
        let chosen: Vec<usize> = (from..=to).filter(matches).collect();
        if chosen.is_empty() {
            let words = if inverse { "E538: Pattern found in every line" } else { "E486: Pattern not found" };
            return Err(format!("{words}: {pattern}"));
        }
        let command = command.unwrap_or_default().trim();
        if matches!(command, "d" | "delete") {
            let mut kept: Vec<Line> = Vec::new();
            let mut next = chosen.iter().peekable();
            for line in from..=to {
                if next.next_if(|it| **it == line).is_none() {
                    kept.push(self.buffer.line(line).to_vec());
                }
            }
            let gone = chosen.len();
            self.buffer.replace(from, to - from + 1, kept);
            let line = (chosen[gone - 1] + 1 - gone).min(self.buffer.last());
            self.cursor = Pos::new(line, self.first_nonblank(line));
            self.report_lines(gone, false);
            return Ok(());
        }
        if chosen.len() > GLOBAL {
            return missing();
        }
        let mark = |at: usize| char::from_u32(0xf0000 + at as u32).unwrap_or('\u{f0000}');
        self.buffer.marks.extend(chosen.iter().enumerate().map(|(at, line)| (mark(at), Pos::new(*line, 0))));
        let before = std::mem::replace(&mut self.replaying, true);
        let mut failed = Ok(());
        for at in 0..chosen.len() {
            if let Some(place) = self.buffer.marks.remove(&mark(at)) {
                self.cursor = place;
                failed = match self.ex(if command.is_empty() { "p" } else { command }) {
                    Ok(None) if self.mode != Mode::Confirm => Ok(()),
                    Ok(_) => {
                        (self.mode, self.confirm, self.preview) = (Mode::Normal, None, None);
                        missing()
                    }
                    Err(words) => Err(words),
                };
                if failed.is_err() || self.buffer.refused {
                    break;
                }
            }
        }
        self.buffer.marks.retain(|name, _| *name < '\u{f0000}');
        self.replaying = before;
        failed
    }
}

fn name_of(word: &str) -> Option<&'static str> {
    let fits = |(name, least): &&(&'static str, usize)| word.len() >= *least && name.starts_with(word);
    NAMES.iter().find(fits).map(|(name, _)| *name)
}

fn is_name(word: &str) -> bool {
    name_of(word).is_some()
}

/// Up to the bar that begins another command.
fn until_bar(args: &str) -> (&str, &str) {
    let mut escaped = false;
    for (at, c) in args.char_indices() {
        if c == '|' && !escaped {
            return (&args[..at], &args[at + 1..]);
        }
        escaped = c == '\\' && !escaped;
    }
    (args, "")
}
