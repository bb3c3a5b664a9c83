//! Running a sed script over lines.

use super::super::input::{Lines, open_fd, read_text};
use super::super::tool::quoted_if_needed;
use super::TOOL;
use super::program::{Action, Piece, Program, Substitute};
use crate::cmd::Exit;
use crate::fs::OpenFlags;
use crate::regex::{Match, Regex};
use crate::sys::Sys;
use std::collections::{BTreeMap, VecDeque};

/// Commands that one line may take (a script may loop); then the run ends with an error.
const STEPS: usize = 1_000_000;
/// What pattern and hold space may hold.
const SPACE: usize = 8 << 20;

pub(super) struct Runner {
    pub(super) sys: Sys,
    pub(super) program: Program,
    pub(super) quiet: bool,
    /// Which ranges are open, and to which line if that is known.
    pub(super) ranges: BTreeMap<usize, Option<usize>>,
    pub(super) pattern: String,
    pub(super) hold: String,
    pub(super) line: usize,
    pub(super) newline: bool,
    appended: Vec<Appended>,
    pub(super) last_regex: Option<Regex>,
    pub(super) written: BTreeMap<String, bool>,
    /// Output of `-i`; else it goes to stdout.
    pub(super) into: Option<String>,
    pub(super) exit: Exit,
}

enum Appended {
    Text(String),
    File(String),
}

/// Where lines come from; one is read ahead, for `$`.
struct Input {
    files: VecDeque<String>,
    lines: Option<Lines>,
    ahead: Option<(String, bool)>,
}

/// What a cycle ends with.
enum End {
    Line,
    /// Without printing.
    Deleted,
    /// `D`: the next cycle begins with what is left.
    Again,
    Quit(u8, bool),
}

impl Runner {
    pub fn new(sys: &Sys, program: Program, quiet: bool) -> Runner {
        let quiet = quiet || program.quiet;
        Runner {
            sys: sys.clone(),
            program,
            quiet,
            ranges: BTreeMap::new(),
            pattern: String::new(),
            hold: String::new(),
            line: 0,
            newline: true,
            appended: Vec::new(),
            last_regex: None,
            written: BTreeMap::new(),
            into: None,
            exit: Exit::OK,
        }
    }

    pub async fn files(&mut self, files: &[String], separate: bool) -> Exit {
        let groups: Vec<Vec<String>> = match separate {
            true => files.iter().map(|file| vec![file.clone()]).collect(),
            false => vec![files.to_vec()],
        };
        for group in groups {
            if let Some(exit) = self.run(group).await {
                return exit;
            }
        }
        self.exit
    }

    pub async fn in_place(&mut self, files: &[String], suffix: &str) -> Exit {
        for path in files {
            let stat = self.sys.stat(path).await;
            match stat {
                Ok(stat) if stat.kind != crate::FileKind::File => {
                    TOOL.complain(&self.sys, format!("couldn't edit {path}: not a regular file")).await;
                    self.exit = Exit(4);
                    continue;
                }
                Err(errno) => {
                    TOOL.complain(&self.sys, format!("can't read {path}: {errno}")).await;
                    self.exit = Exit(2);
                    continue;
                }
                Ok(_) => {}
            }
            self.into = Some(String::new());
            self.line = 0;
            let quit = self.run(vec![path.clone()]).await;
            let text = self.into.take().unwrap_or_default();
            if !suffix.is_empty() {
                let backup =
                    if suffix.contains('*') { suffix.replace('*', path) } else { format!("{path}{suffix}") };
                let old = self.sys.read_file(path).await.unwrap_or_default();
                self.sys.write_file(&backup, &old).await.ok();
            }
            if let Err(errno) = self.sys.write_file(path, text.as_bytes()).await {
                TOOL.complain(&self.sys, format!("couldn't open temporary file: {path}: {errno}")).await;
                return Exit(4);
            }
            if let Some(exit) = quit {
                return exit;
            }
        }
        self.exit
    }

    /// `Some` where the script said to quit.
    async fn run(&mut self, files: Vec<String>) -> Option<Exit> {
        let mut input = Input { files: files.into(), lines: None, ahead: None };
        self.fill(&mut input).await;
        let mut again = false;
        loop {
            if !again && !self.next_line(&mut input).await {
                return None;
            }
            let end = self.cycle(&mut input).await;
            if let End::Line | End::Quit(_, true) = end
                && !self.quiet
            {
                self.print_pattern().await;
            }
            self.flush_appended().await;
            again = match end {
                End::Quit(code, _) => return Some(if code == 0 { self.exit } else { Exit(code) }),
                End::Again => true,
                _ => false,
            };
        }
    }

    async fn fill(&mut self, input: &mut Input) {
        loop {
            if let Some(lines) = &mut input.lines {
                match lines.next_text().await {
                    Ok(Some(line)) => {
                        input.ahead = Some(line);
                        return;
                    }
                    Ok(None) => input.lines = None,
                    Err(errno) => {
                        TOOL.complain(&self.sys, format!("read error: {errno}")).await;
                        self.exit = Exit(2);
                        input.lines = None;
                    }
                }
            }
            let Some(path) = input.files.pop_front() else {
                input.ahead = None;
                return;
            };
            match open_fd(&self.sys, &path).await {
                Ok(fd) => {
                    let directory =
                        self.sys.stat(&path).await.is_ok_and(|it| it.kind == crate::FileKind::Directory);
                    if directory {
                        TOOL.complain(&self.sys, format!("read error on {path}: Is a directory")).await;
                        self.exit = Exit(2);
                        continue;
                    }
                    input.lines = Some(Lines::new(&self.sys, fd));
                }
                Err(errno) => {
                    TOOL.complain(&self.sys, format!("can't read {}: {errno}", quoted_if_needed(&path)))
                        .await;
                    self.exit = Exit(2);
                }
            }
        }
    }

    async fn next_line(&mut self, input: &mut Input) -> bool {
        let Some((line, newline)) = input.ahead.take() else { return false };
        (self.pattern, self.newline) = (line, newline);
        self.line += 1;
        self.fill(input).await;
        true
    }

    async fn put(&mut self, text: &str) {
        match &mut self.into {
            Some(into) => into.push_str(text),
            None => self.sys.print(text).await,
        }
    }

    async fn print_pattern(&mut self) {
        let text = format!("{}{}", self.pattern, if self.newline { "\n" } else { "" });
        self.put(&text).await;
    }

    async fn flush_appended(&mut self) {
        for appended in std::mem::take(&mut self.appended) {
            let text = match appended {
                Appended::Text(text) => text,
                Appended::File(path) => read_text(&self.sys, &path).await.unwrap_or_default(),
            };
            self.put(&text).await;
        }
    }

    async fn cycle(&mut self, input: &mut Input) -> End {
        let (mut at, mut substituted) = (0, false);
        for _ in 0..STEPS {
            let Some(step) = self.program.steps.get(at).cloned() else { return End::Line };
            let here = at;
            at += 1;
            let chosen = self.applies(here, &step, input.ahead.is_none());
            if !chosen {
                if let Action::Block(end) = step.action {
                    at = end + 1;
                }
                continue;
            }
            match step.action {
                Action::Block(_) | Action::EndBlock | Action::Label => {}
                Action::Delete => return End::Deleted,
                Action::DeleteFirst => match self.pattern.split_once('\n') {
                    None => return End::Deleted,
                    Some((_, rest)) => {
                        self.pattern = rest.to_owned();
                        return End::Again;
                    }
                },
                Action::Append(text) => self.appended.push(Appended::Text(text)),
                Action::Insert(text) => self.put(&text).await,
                Action::Change(text) => {
                    // Of a range the text comes once, at its end.
                    if step.second.is_none() || step.negated || !self.ranges.contains_key(&here) {
                        self.put(&text).await;
                    }
                    return End::Deleted;
                }
                Action::Read(path) => self.appended.push(Appended::File(path)),
                Action::Quit(code, print) => return End::Quit(code, print),
                Action::Branch(label) => at = self.target(&label),
                Action::BranchIf(label) => {
                    if std::mem::take(&mut substituted) {
                        at = self.target(&label);
                    }
                }
                Action::BranchUnless(label) => {
                    if !std::mem::take(&mut substituted) {
                        at = self.target(&label);
                    }
                }
                Action::Substitute(substitute) => substituted |= self.substitute(&substitute).await,
                Action::Next | Action::NextAppend => {
                    if input.ahead.is_none() {
                        return End::Quit(0, true);
                    }
                    self.next(input, matches!(step.action, Action::NextAppend)).await;
                }
                action => self.edit(action).await,
            }
            if self.pattern.len() > SPACE {
                TOOL.complain(&self.sys, "memory exhausted").await;
                return End::Quit(4, false);
            }
        }
        TOOL.complain(
            &self.sys,
            format!("a script of more than {STEPS} steps a line is not simulated in vethlab"),
        )
        .await;
        End::Quit(4, false)
    }

    /// `n`, and `N` which keeps what is there.
    async fn next(&mut self, input: &mut Input, append: bool) {
        if append {
            let before = std::mem::take(&mut self.pattern);
            self.flush_appended().await;
            self.next_line(input).await;
            self.pattern = format!("{before}\n{}", self.pattern);
            return;
        }
        if !self.quiet {
            self.print_pattern().await;
        }
        self.flush_appended().await;
        self.next_line(input).await;
    }

    /// Commands that print or change the pattern or hold space, and go on.
    async fn edit(&mut self, action: Action) {
        match action {
            Action::Print => self.print_pattern().await,
            Action::PrintFirst => {
                let first = self.pattern.split('\n').next().unwrap_or_default().to_owned() + "\n";
                self.put(&first).await;
            }
            Action::List => {
                let text = listed(&self.pattern);
                self.put(&text).await;
            }
            Action::LineNumber => {
                let text = format!("{}\n", self.line);
                self.put(&text).await;
            }
            Action::Hold => self.hold.clone_from(&self.pattern),
            Action::HoldAppend => append(&mut self.hold, &self.pattern),
            Action::Get => self.pattern.clone_from(&self.hold),
            Action::GetAppend => append(&mut self.pattern, &self.hold),
            Action::Exchange => std::mem::swap(&mut self.hold, &mut self.pattern),
            Action::Zap => self.pattern.clear(),
            Action::Write(path) => {
                let text = format!("{}\n", self.pattern);
                self.write(&path, &text).await;
            }
            Action::Translate(pairs) => {
                let swap = |c: char| pairs.iter().find(|(from, _)| *from == c).map_or(c, |(_, to)| *to);
                self.pattern = self.pattern.chars().map(swap).collect();
            }
            _ => {}
        }
    }

    fn target(&self, label: &str) -> usize {
        match label {
            "" => self.program.steps.len(),
            label => {
                self.program.labels.iter().find(|(known, _)| known == label).map_or(usize::MAX, |(_, at)| *at)
            }
        }
    }

    async fn substitute(&mut self, substitute: &Substitute) -> bool {
        let Some(regex) = substitute.regex.clone().or_else(|| self.last_regex.clone()) else {
            return false;
        };
        self.last_regex = Some(regex.clone());
        let chars: Vec<char> = self.pattern.chars().collect();
        let first = substitute.number.max(1);
        let (mut out, mut at, mut changed) = (Vec::new(), 0, false);
        for (index, found) in regex.find_all(&chars).into_iter().enumerate() {
            if index + 1 < first {
                continue;
            }
            if index + 1 > first && !substitute.global {
                break;
            }
            out.extend(&chars[at..found.start]);
            out.extend(replaced(&substitute.with, &chars, &found));
            at = found.end;
            changed = true;
        }
        if !changed {
            return false;
        }
        out.extend(&chars[at..]);
        self.pattern = out.into_iter().collect();
        for _ in 0..substitute.print {
            self.print_pattern().await;
        }
        if let Some(path) = &substitute.write {
            let text = format!("{}\n", self.pattern);
            self.write(path, &text).await;
        }
        true
    }

    /// The first write of a run empties the file.
    async fn write(&mut self, path: &str, text: &str) {
        match path {
            "/dev/stdout" => return self.put(text).await,
            "/dev/stderr" => return self.sys.eprint(text).await,
            _ => {}
        }
        let flags = if self.written.insert(path.to_owned(), true).is_some() {
            OpenFlags::APPEND
        } else {
            OpenFlags::WRITE
        };
        match self.sys.open(path, flags).await {
            Ok(fd) => {
                self.sys.write(fd, text.as_bytes()).await.ok();
                self.sys.close(fd).await.ok();
            }
            Err(errno) => {
                TOOL.complain(&self.sys, format!("couldn't open file {path}: {errno}")).await;
                self.exit = Exit(4);
            }
        }
    }
}

fn append(space: &mut String, text: &str) {
    if space.len() + text.len() < SPACE {
        space.push('\n');
        space.push_str(text);
    }
}

fn replaced(with: &[Piece], chars: &[char], found: &Match) -> Vec<char> {
    let (mut out, mut all, mut next) = (Vec::new(), 'E', 'E');
    for piece in with {
        let text: Vec<char> = match piece {
            Piece::Text(text) => text.chars().collect(),
            Piece::Group(0) => chars[found.start..found.end].to_vec(),
            Piece::Group(group) => match found.groups.get(group - 1).copied().flatten() {
                Some((start, end)) => chars[start..end].to_vec(),
                None => Vec::new(),
            },
            Piece::Case(case @ ('u' | 'l')) => {
                next = *case;
                continue;
            }
            Piece::Case(case) => {
                (all, next) = (*case, 'E');
                continue;
            }
        };
        for c in text {
            let case = if next == 'E' { all } else { next };
            next = 'E';
            match case {
                'U' | 'u' => out.extend(c.to_uppercase()),
                'L' | 'l' => out.extend(c.to_lowercase()),
                _ => out.push(c),
            }
        }
    }
    out
}

/// As `l` prints it: escapes, and lines folded at 70 columns.
fn listed(text: &str) -> String {
    let (mut out, mut column) = (String::new(), 0);
    for c in text.chars() {
        let shown = match c {
            '\\' => "\\\\".to_owned(),
            '\x07' => "\\a".to_owned(),
            '\x08' => "\\b".to_owned(),
            '\x0c' => "\\f".to_owned(),
            '\n' => "\\n".to_owned(),
            '\r' => "\\r".to_owned(),
            '\t' => "\\t".to_owned(),
            '\x0b' => "\\v".to_owned(),
            ' '..='~' => c.to_string(),
            c => {
                let mut buffer = [0; 4];
                c.encode_utf8(&mut buffer).bytes().map(|byte| format!("\\{byte:03o}")).collect()
            }
        };
        if column + shown.len() > 69 {
            out.push_str("\\\n");
            column = 0;
        }
        column += shown.len();
        out.push_str(&shown);
    }
    out + "$\n"
}
