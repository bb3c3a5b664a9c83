//! `xargs`: commands with arguments from stdin. Source: xargs(1), findutils 4.9.0. Not simulated: -E -o -p, --show-limits.
//! ```transcript
//! host# printf 'a b\nc\n' | xargs -n 1 echo got
//! got a
//! got b
//! got c
//! ```

use super::env::not_started;
use super::getopt::Takes::{MayValue, Nothing, Value};
use super::input::read_file;
use super::tool::{Options, Tool, quoted};
use super::{Args, Command, Exit};
use crate::fs::STDIN;
use crate::process::ProcessId;
use crate::run::Start;
use crate::sys::Sys;

pub const XARGS: Command = Command {
    name: "xargs",
    path: "/usr/bin/xargs",
    man: "xargs(1)",
    run: |sys, args| Box::pin(xargs(sys, args)),
};

const TOOL: Tool = Tool {
    name: "xargs",
    short: "+0a:d:E:e::I:i::L:l::n:oP:prs:tx",
    long: &[
        ("arg-file", Value, 'a'),
        ("delimiter", Value, 'd'),
        ("eof", MayValue, 'e'),
        ("exit", Nothing, 'x'),
        ("interactive", Nothing, 'p'),
        ("max-args", Value, 'n'),
        ("max-chars", Value, 's'),
        ("max-lines", MayValue, 'l'),
        ("max-procs", Value, 'P'),
        ("no-run-if-empty", Nothing, 'r'),
        ("null", Nothing, '0'),
        ("open-tty", Nothing, 'o'),
        ("process-slot-var", Value, '\u{3}'),
        ("replace", MayValue, 'i'),
        ("show-limits", Nothing, '\u{4}'),
        ("verbose", Nothing, 't'),
    ],
    missing: "Eeop\u{3}\u{4}",
    usage: 1,
    package: "(GNU findutils) 4.9.0",
};

/// Words that one command gets at most, and their bytes.
const WORDS: usize = 5000;
const BYTES: usize = 128 * 1024;
/// Commands that may run at once.
const CHILDREN: usize = 64;

/// The words of each line: blanks part them, quotes and backslashes keep them together.
fn words(text: &str) -> (Vec<Vec<String>>, Option<String>) {
    let (mut rows, mut row, mut word, mut quote) = (Vec::new(), Vec::new(), None::<String>, None);
    let mut letters = text.chars();
    let mut blank = false;
    while let Some(letter) = letters.next() {
        match (quote, letter) {
            (Some(open), _) if open == letter => quote = None,
            (Some(open), '\n') => {
                rows.push(row);
                return (rows, Some(unmatched(open)));
            }
            (Some(_), _) => word.get_or_insert_default().push(letter),
            (None, '\'' | '"') => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (None, '\\') => word.get_or_insert_default().extend(letters.next()),
            (None, ' ' | '\t') => row.extend(word.take()),
            (None, '\n') => {
                row.extend(word.take());
                // A blank at the end joins the next line.
                if !blank && !row.is_empty() {
                    rows.push(std::mem::take(&mut row));
                }
            }
            (None, _) => word.get_or_insert_default().push(letter),
        }
        blank = matches!(letter, ' ' | '\t');
    }
    if let Some(open) = quote {
        rows.push(row);
        return (rows, Some(unmatched(open)));
    }
    row.extend(word);
    if !row.is_empty() {
        rows.push(row);
    }
    (rows, None)
}

fn unmatched(open: char) -> String {
    let kind = if open == '"' { "double" } else { "single" };
    format!("unmatched {kind} quote; by default quotes are special to xargs unless you use the -0 option")
}

/// What the options come to.
struct Plan {
    replace: Option<String>,
    lines: Option<usize>,
    count: usize,
    bytes: usize,
    at_once: usize,
    delimiter: Option<char>,
}

impl Plan {
    fn parse(options: &Options) -> Result<Plan, String> {
        let number = |letter: char, least: usize| -> Result<Option<usize>, String> {
            let Some(text) = options.value(letter) else { return Ok(None) };
            match text.parse::<i64>() {
                Err(_) => Err(format!("invalid number \"{text}\" for -{letter} option")),
                Ok(value) if value < least as i64 => {
                    Err(format!("value {value} for -{letter} option should be >= {least}"))
                }
                Ok(value) => Ok(usize::try_from(value).ok()),
            }
        };
        let replace = match options.last_of("Ii") {
            Some('I') => options.value('I').map(str::to_owned),
            Some(_) => Some(options.value('i').unwrap_or("{}").to_owned()),
            None => None,
        };
        let short_lines = options.has('l').then(|| number('l', 1).map(|found| found.unwrap_or(1)));
        let lines = match short_lines {
            Some(found) => Some(found?),
            None => number('L', 1)?,
        };
        let delimiter = match (options.has('0'), options.value('d')) {
            (true, _) => Some('\0'),
            (_, Some(text)) => {
                let text = crate::shell::escape::expand(text, crate::shell::escape::Style::Format).0;
                match text.chars().collect::<Vec<_>>()[..] {
                    [one] => Some(one),
                    _ => {
                        let words = "Invalid input delimiter specification";
                        let more = "the delimiter must be either a single character or an escape sequence starting with \\.";
                        return Err(format!("{words} {text}: {more}"));
                    }
                }
            }
            _ => None,
        };
        Ok(Plan {
            replace,
            lines,
            count: number('n', 1)?.unwrap_or(WORDS).min(WORDS),
            bytes: number('s', 1)?.unwrap_or(BYTES).min(BYTES),
            at_once: match number('P', 0)?.unwrap_or(1) {
                0 => CHILDREN,
                count => count.min(CHILDREN),
            },
            delimiter,
        })
    }

    /// The input as lines of words, and what is wrong behind them.
    fn split(&self, text: &str) -> (Vec<Vec<String>>, Option<String>) {
        match (self.delimiter, &self.replace) {
            (Some(delimiter), _) => {
                let whole = text.strip_suffix(delimiter).unwrap_or(text);
                let items = whole.split(delimiter).map(|item| vec![item.to_owned()]);
                (if text.is_empty() { Vec::new() } else { items.collect() }, None)
            }
            (None, Some(_)) => {
                let lines =
                    text.lines().map(|line| line.trim_start().to_owned()).filter(|line| !line.is_empty());
                (lines.map(|line| vec![line]).collect(), None)
            }
            (None, None) => words(text),
        }
    }

    /// The arguments of each command.
    fn batches(&self, rows: Vec<Vec<String>>, fixed: usize) -> Vec<Vec<String>> {
        if self.replace.is_some() {
            return rows;
        }
        if let Some(lines) = self.lines {
            return rows.chunks(lines).map(|rows| rows.concat()).collect();
        }
        let mut batches: Vec<Vec<String>> = Vec::new();
        let mut bytes = 0;
        for item in rows.into_iter().flatten() {
            let length = item.len() + 1;
            match batches.last_mut() {
                Some(batch) if batch.len() < self.count && fixed + bytes + length <= self.bytes => {
                    bytes += length;
                    batch.push(item);
                }
                _ => {
                    bytes = length;
                    batches.push(vec![item]);
                }
            }
        }
        batches
    }
}

async fn xargs(sys: Sys, args: Args) -> Exit {
    let options = match TOOL.options(&sys, &args).await {
        Ok(options) => options,
        Err(exit) => return exit,
    };
    let plan = match Plan::parse(&options) {
        Ok(plan) => plan,
        Err(words) => return TOOL.wrong(&sys, words).await,
    };
    let input = match options.value('a') {
        None => sys.read_all(STDIN).await.unwrap_or_default(),
        Some(path) => match read_file(&sys, path).await {
            Ok(bytes) => bytes,
            Err(errno) => {
                TOOL.complain(&sys, format!("Cannot open input file {}: {errno}", quoted(path))).await;
                return Exit::FAILURE;
            }
        },
    };
    let (rows, wrong) = plan.split(&String::from_utf8_lossy(&input));
    let command =
        if options.operands.is_empty() { vec!["echo".to_owned()] } else { options.operands.clone() };
    let fixed = command.iter().map(|word| word.len() + 1).sum();
    let mut batches = plan.batches(rows, fixed);
    if batches.is_empty() && wrong.is_none() && !options.has('r') && plan.replace.is_none() {
        batches.push(Vec::new());
    }
    let mut running: Vec<ProcessId> = Vec::new();
    let mut exit = Exit::OK;
    let name = command[0].clone();
    for batch in batches {
        let argv: Vec<String> = match &plan.replace {
            Some(mark) => command.iter().map(|word| word.replace(mark, &batch[0])).collect(),
            None => command.iter().cloned().chain(batch).collect(),
        };
        if options.has('t') {
            sys.eprint(format!("{}\n", argv.join(" "))).await;
        }
        match sys.spawn(Start::new(argv)).await {
            Ok(child) => running.push(child),
            Err(errno) => return not_started(&sys, "xargs", &name, errno).await,
        }
        if running.len() >= plan.at_once
            && let Err(stop) = ended(&sys, &name, running.remove(0), &mut exit).await
        {
            return stop;
        }
    }
    for child in running {
        if let Err(stop) = ended(&sys, &name, child, &mut exit).await {
            return stop;
        }
    }
    if let Some(words) = wrong {
        TOOL.complain(&sys, words).await;
        return Exit::FAILURE;
    }
    exit
}

/// Waits for one command; the error is that of xargs itself, which ends.
async fn ended(sys: &Sys, name: &str, child: ProcessId, exit: &mut Exit) -> Result<(), Exit> {
    match sys.wait_child(child).await {
        Exit(0) => Ok(()),
        Exit(255) => {
            TOOL.complain(sys, format!("{name}: exited with status 255; aborting")).await;
            Err(Exit(124))
        }
        Exit(code @ 129..) => {
            TOOL.complain(sys, format!("{name}: terminated by signal {}", code - 128)).await;
            Err(Exit(125))
        }
        Exit(_) => {
            *exit = Exit(123);
            Ok(())
        }
    }
}
