//! The format of a recording: plain text, the first character of a line says what it is.
//!
//! Always: a line that cannot be read is an error with file and line; nothing is skipped but remarks.
//! Source: the README beside the recordings; `record.py` where that leaves room (`%` options wait for the next step;
//! an empty line ends a payload, but output may go on after it).

use regex::Regex;
use std::collections::BTreeMap;
use std::time::Duration;

/// One scenario: what to do on a fresh host, in order.
#[derive(Debug)]
pub struct Golden {
    pub header: BTreeMap<String, String>,
    pub items: Vec<Item>,
}

#[derive(Debug)]
pub enum Item {
    Step(Step),
    /// `& NAME command`
    Start {
        name: String,
        command: String,
    },
    /// `+ KIND ID key=value…`
    FixtureStart(FixtureLine),
    /// `- ID`
    FixtureStop(String),
    /// `~ S`
    Advance(Duration),
}

#[derive(Debug)]
pub struct FixtureLine {
    pub line: usize,
    pub kind: String,
    pub id: String,
    pub options: BTreeMap<String, String>,
    pub payload: Vec<String>,
    pub has_payload: bool,
}

/// What is counted: something done, with what it must give.
#[derive(Debug)]
pub struct Step {
    pub line: usize,
    pub action: Action,
    pub options: Options,
    pub expected: Expected,
}

#[derive(Debug)]
pub enum Action {
    /// `$ command`
    Run(String),
    /// `= NAME [SIGNAL]`
    Wait { name: String, signal: Option<String> },
    /// `* N ±T command`
    Shares { times: u32, tolerance: f64, command: String },
}

#[derive(Debug, Default)]
pub struct Options {
    pub sort: bool,
    pub cols: bool,
    pub norm: Vec<String>,
    pub drop: Option<Regex>,
    pub no_stderr: bool,
    pub only_exit: bool,
    pub timeout: Option<Duration>,
    /// Columns and rows.
    pub tty: Option<(u16, u16)>,
}

#[derive(Debug, Default)]
pub struct Expected {
    pub code: i32,
    pub stdout: Vec<String>,
    pub stderr: Vec<String>,
    pub stdout_ends_open: bool,
    pub stderr_ends_open: bool,
}

/// What is wrong, with the line it is in.
#[derive(Debug, PartialEq, Eq)]
pub struct Unreadable {
    pub line: usize,
    pub why: String,
}

/// Is this text a recording? Chosen by content: a header line, before any step.
pub fn is_golden(text: &str) -> bool {
    let first = text.lines().find(|line| !line.is_empty() && !line.starts_with('#'));
    first.is_some_and(|line| line.starts_with("@title:"))
}

pub fn parse(text: &str) -> Result<Golden, Unreadable> {
    let mut reader = Reader::default();
    for (index, line) in text.split('\n').enumerate() {
        reader.line = index + 1;
        reader.read(line).map_err(|why| Unreadable { line: index + 1, why })?;
    }
    reader.finish().map_err(|why| Unreadable { line: reader.line, why })?;
    Ok(Golden { header: reader.header, items: reader.items })
}

/// What a `>` line goes on with.
#[derive(Default, PartialEq, Eq)]
enum Open {
    #[default]
    Nothing,
    Command,
    Payload,
}

#[derive(Default)]
struct Reader {
    line: usize,
    header: BTreeMap<String, String>,
    items: Vec<Item>,
    /// Options that wait for their step.
    options: Vec<(String, String)>,
    /// The command or statement being read, whole lines joined; turned into an action when its last line is known.
    pending: Option<(char, usize, String)>,
    open: Open,
    /// May output lines follow?
    takes_output: bool,
}

impl Reader {
    fn read(&mut self, line: &str) -> Result<(), String> {
        let Some(first) = line.chars().next() else {
            return self.close();
        };
        let rest = line.char_indices().nth(2).map_or("", |(start, _)| &line[start..]);
        if first == '>' {
            return self.go_on(rest);
        }
        if "|!?\\".contains(first) {
            return self.output(first, rest);
        }
        self.close()?;
        match first {
            '$' | '=' | '*' | '&' => {
                self.pending = Some((first, self.line, rest.to_owned()));
                self.open = Open::Command;
            }
            '%' => {
                let (name, value) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
                self.options.push((name.to_owned(), value.trim_start().to_owned()));
            }
            '@' => self.head(&line[1..]),
            '#' => {}
            '+' => self.fixture(rest)?,
            '-' => self.items.push(Item::FixtureStop(rest.trim().to_owned())),
            '~' => {
                self.items.push(Item::Advance(seconds(rest.split_whitespace().next().unwrap_or_default())?))
            }
            _ => return Err(format!("cannot read {line:?}")),
        }
        if first == '&' {
            self.takes_output = false;
        }
        Ok(())
    }

    fn head(&mut self, text: &str) {
        let (key, value) = text.split_once(':').unwrap_or((text, ""));
        let entry = self.header.entry(key.trim().to_owned()).or_default();
        if !entry.is_empty() {
            entry.push(' ');
        }
        entry.push_str(value.trim());
    }

    fn go_on(&mut self, rest: &str) -> Result<(), String> {
        match (&self.open, &mut self.pending, self.items.last_mut()) {
            (Open::Command, Some((_, _, text)), _) => {
                text.push('\n');
                text.push_str(rest);
            }
            (Open::Payload, _, Some(Item::FixtureStart(fixture))) => {
                fixture.has_payload = true;
                fixture.payload.push(rest.to_owned());
            }
            _ => return Err("'>' continues nothing".to_owned()),
        }
        Ok(())
    }

    /// The statement that was open is whole: make it an item.
    fn close(&mut self) -> Result<(), String> {
        self.open = Open::Nothing;
        let Some((kind, line, text)) = self.pending.take() else { return Ok(()) };
        if kind == '&' {
            let (name, command) = text.split_once(' ').ok_or("'&' wants a name and a command")?;
            self.items.push(Item::Start { name: name.to_owned(), command: command.to_owned() });
            return Ok(());
        }
        let step = Step {
            line,
            action: action(kind, &text)?,
            options: self.options()?,
            expected: Expected::default(),
        };
        self.items.push(Item::Step(step));
        self.takes_output = true;
        Ok(())
    }

    fn options(&mut self) -> Result<Options, String> {
        let mut options = Options::default();
        for (name, value) in std::mem::take(&mut self.options) {
            match name.as_str() {
                "sort" => options.sort = true,
                "cols" => options.cols = true,
                "norm" => options.norm = value.split_whitespace().map(str::to_owned).collect(),
                "drop" => {
                    options.drop = Some(Regex::new(&value).map_err(|error| format!("% drop: {error}"))?)
                }
                "no-stderr" => options.no_stderr = true,
                "only-exit" => options.only_exit = true,
                "timeout" => options.timeout = Some(seconds(&value)?),
                "tty" => {
                    let size = value.split_once('x').and_then(|(w, h)| w.parse().ok().zip(h.parse().ok()));
                    options.tty = Some(size.ok_or(format!("% tty wants WxH, not {value:?}"))?);
                }
                _ => return Err(format!("unknown option {name:?}")),
            }
        }
        Ok(options)
    }

    fn output(&mut self, first: char, rest: &str) -> Result<(), String> {
        self.close()?;
        let last_step = self.items.iter_mut().rev().find_map(|item| match item {
            Item::Step(step) => Some(&mut step.expected),
            _ => None,
        });
        let Some(expected) = last_step.filter(|_| self.takes_output) else {
            return Err(format!("{first:?} line without a step"));
        };
        match (first, rest.trim()) {
            ('|', _) => expected.stdout.push(rest.to_owned()),
            ('!', _) => expected.stderr.push(rest.to_owned()),
            ('?', code) => expected.code = code.parse().map_err(|_| format!("no exit code: {code:?}"))?,
            (_, "stdout") => expected.stdout_ends_open = true,
            (_, "stderr") => expected.stderr_ends_open = true,
            _ => return Err(format!("no stream: {rest:?}")),
        }
        Ok(())
    }

    fn fixture(&mut self, rest: &str) -> Result<(), String> {
        let words = shlex::split(rest).ok_or("quotes do not match")?;
        let mut words = words.into_iter();
        let kind = words.next().ok_or("'+' wants a kind")?;
        let id = words.next().unwrap_or_default();
        let option = |word: String| match word.split_once('=') {
            Some((name, value)) => Ok((name.to_owned(), value.to_owned())),
            None => Err(format!("{word:?} is not key=value")),
        };
        let options = words.map(option).collect::<Result<_, String>>()?;
        let (payload, has_payload) = (Vec::new(), false);
        self.items.push(Item::FixtureStart(FixtureLine {
            line: self.line,
            kind,
            id,
            options,
            payload,
            has_payload,
        }));
        self.open = Open::Payload;
        Ok(())
    }

    fn finish(&mut self) -> Result<(), String> {
        self.close()?;
        match self.options.first() {
            Some((name, _)) => Err(format!("option {name:?} without a step")),
            None => Ok(()),
        }
    }
}

fn action(kind: char, text: &str) -> Result<Action, String> {
    match kind {
        '$' => Ok(Action::Run(text.to_owned())),
        '=' => {
            let mut words = text.split_whitespace().map(str::to_owned);
            let name = words.next().ok_or("'=' wants a name")?;
            Ok(Action::Wait { name, signal: words.next() })
        }
        _ => {
            let wrong = || format!("'*' wants N ±T command, not {text:?}");
            let (times, rest) = text.split_once(" ±").ok_or_else(wrong)?;
            let (tolerance, command) = rest.split_once(' ').ok_or_else(wrong)?;
            let (times, tolerance) = times.parse().ok().zip(tolerance.parse().ok()).ok_or_else(wrong)?;
            Ok(Action::Shares { times, tolerance, command: command.to_owned() })
        }
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let number: f64 = text.parse().map_err(|_| format!("no time: {text:?}"))?;
    Duration::try_from_secs_f64(number).map_err(|_| format!("no time: {text:?}"))
}

impl Action {
    /// As it stands in the recording, its first line.
    pub fn title(&self) -> String {
        match self {
            Action::Run(command) => format!("$ {}", command.lines().next().unwrap_or_default()),
            Action::Wait { name, signal } => format!("= {name} {}", signal.as_deref().unwrap_or_default()),
            Action::Shares { times, tolerance, command } => format!("* {times} ±{tolerance} {command}"),
        }
    }
}

impl Golden {
    pub fn steps(&self) -> impl Iterator<Item = &Step> {
        self.items.iter().filter_map(|item| match item {
            Item::Step(step) => Some(step),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(text: &str) -> Step {
        let items = parse(text).unwrap().items.into_iter();
        items.filter_map(|item| if let Item::Step(step) = item { Some(step) } else { None }).last().unwrap()
    }

    #[test]
    fn a_step_has_its_command_options_and_both_streams() {
        let step =
            step("@title: x\n% sort\n% norm a b\n$ one\n> two\n>\n? 3\n| out\n|\n|  x\n\\ stdout\n! err\n");
        assert!(matches!(&step.action, Action::Run(it) if it == "one\ntwo\n"));
        assert_eq!((step.line, step.options.sort, step.options.norm.join(",")), (4, true, "a,b".to_owned()));
        let expected = step.expected;
        assert_eq!(
            (expected.code, expected.stdout, expected.stderr),
            (3, vec_of(&["out", "", " x"]), vec_of(&["err"]))
        );
        assert!(expected.stdout_ends_open && !expected.stderr_ends_open);
    }

    #[test]
    fn the_other_lines_are_items() {
        let text = "+ http web ns=a body=\"{id} sees\"\n+ file /x mode=755\n> #!/bin/sh\n>\n\n& dump tcpdump -c 1\n~ 1.5\n- web\n= dump INT\n| x\n";
        let items = parse(text).unwrap().items;
        assert!(
            matches!(&items[0], Item::FixtureStart(it) if it.options["body"] == "{id} sees" && !it.has_payload)
        );
        assert!(
            matches!(&items[1], Item::FixtureStart(it) if it.id == "/x" && it.payload == ["#!/bin/sh", ""])
        );
        assert!(
            matches!(&items[2], Item::Start { name, command } if name == "dump" && command == "tcpdump -c 1")
        );
        assert!(matches!(items[3], Item::Advance(it) if it == Duration::from_millis(1500)));
        assert!(matches!(&items[4], Item::FixtureStop(it) if it == "web"));
        assert!(
            matches!(&items[5], Item::Step(Step { action: Action::Wait { signal: Some(it), .. }, .. }) if it == "INT")
        );
        let shares = step("* 60 ±24 curl -s x\n| 50% a\n| 50% b\n");
        assert!(
            matches!(&shares.action, Action::Shares { times: 60, tolerance: 24.0, command } if command == "curl -s x")
        );
    }

    #[test]
    fn what_cannot_be_read_names_its_line() {
        let wrong = |text| parse(text).map(|_| ()).unwrap_err();
        assert_eq!(wrong("$ a\n\n> b").why, "'>' continues nothing");
        assert_eq!(wrong("\n| b"), Unreadable { line: 2, why: "'|' line without a step".to_owned() });
        assert_eq!(wrong("$ a\n& x y\n| b").line, 3);
        assert_eq!(wrong("% frob\n$ a\n").why, "unknown option \"frob\"");
        assert_eq!(wrong("hello").why, "cannot read \"hello\"");
    }

    fn vec_of(lines: &[&str]) -> Vec<String> {
        lines.iter().map(|it| it.to_string()).collect()
    }
}
