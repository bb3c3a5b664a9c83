//! `tail`: the end of files, and what is appended to them. Source: tail(1), coreutils. Not simulated: --pid, --retry.
//! ```transcript
//! host# seq 5 | tail -n 2
//! 4
//! 5
//! ```

use super::getopt::Takes::{MayValue, Nothing, Value};
use super::head::{count, old_style};
use super::input::{contents, or_stdin};
use super::small::interval;
use super::tool::{Tool, quoted};
use super::{Args, Command, Exit};
use crate::sys::{Sys, Woke};
use std::time::Duration;

pub const TAIL: Command = Command {
    name: "tail",
    path: "/usr/bin/tail",
    man: "tail(1)",
    run: |sys, args| Box::pin(tail(sys, args)),
};

const TOOL: Tool = Tool {
    missing: "\u{3}\u{4}\u{5}",
    ..Tool::gnu(
        "tail",
        "c:fFn:qs:vz",
        &[
            ("bytes", Value, 'c'),
            ("follow", MayValue, 'f'),
            ("lines", Value, 'n'),
            ("quiet", Nothing, 'q'),
            ("silent", Nothing, 'q'),
            ("verbose", Nothing, 'v'),
            ("max-unchanged-stats", Value, '\u{3}'),
            ("pid", Value, '\u{4}'),
            ("retry", Nothing, '\u{5}'),
            ("sleep-interval", Value, 's'),
            ("zero-terminated", Nothing, 'z'),
        ],
    )
};
/// How often a followed file is looked at (`--sleep-interval`).
const INTERVAL: Duration = Duration::from_secs(1);
/// Not more often than this, however short the interval asked for.
const SHORTEST: Duration = Duration::from_millis(10);

async fn tail(sys: Sys, args: Args) -> Exit {
    let options = match TOOL.options(&sys, &old_style(&args, &['-', '+'])).await {
        Ok(options) => options,
        Err(exit) => return exit,
    };
    let every = options.value('s').map_or(Some(INTERVAL), interval);
    let Some(every) = every.map(|every| every.max(SHORTEST)) else {
        let shown = quoted(options.value('s').unwrap_or_default());
        TOOL.complain(&sys, format!("invalid number of seconds: {shown}")).await;
        return Exit::FAILURE;
    };
    let end = if options.has('z') { 0 } else { b'\n' };
    let (mut bytes, mut from_start, mut amount) = (false, false, 10);
    for (letter, value) in &options.flags {
        if let ('c' | 'n', Some(value)) = (letter, value) {
            bytes = *letter == 'c';
            from_start = value.starts_with('+');
            let Some(given) = count(value.trim_start_matches(['+', '-'])) else {
                let what = if bytes { "bytes" } else { "lines" };
                sys.eprint(format!("tail: invalid number of {what}: {}\n", quoted(value))).await;
                return Exit::FAILURE;
            };
            amount = usize::try_from(given).unwrap_or(usize::MAX);
        }
    }
    let operands = or_stdin(options.operands.clone());
    let titled = options.has('v') || (operands.len() > 1 && !options.has('q'));
    let (mut exit, mut followed) = (Exit::OK, Vec::new());
    for operand in &operands {
        let whole =
            if operand == "-" { contents(&sys, "tail", operand).await } else { file(&sys, operand).await };
        let Some(whole) = whole else {
            exit = Exit::FAILURE;
            continue;
        };
        if titled {
            let name = if operand == "-" { "standard input" } else { operand };
            sys.print(format!("{}==> {name} <==\n", if followed.is_empty() { "" } else { "\n" })).await;
        }
        sys.write(1, &whole[start(&whole, (!bytes).then_some(end), from_start, amount)..])
            .await
            .unwrap_or_default();
        followed.push((operand.clone(), whole.len()));
    }
    if (options.has('f') || options.has('F')) && !followed.is_empty() {
        follow(&sys, followed, every).await;
    }
    exit
}

async fn file(sys: &Sys, operand: &str) -> Option<Vec<u8>> {
    match sys.read_file(operand).await {
        Ok(bytes) => Some(bytes),
        Err(net::Errno::EISDIR) => {
            sys.eprint(format!("tail: error reading {}: Is a directory\n", quoted(operand))).await;
            None
        }
        Err(errno) => {
            sys.eprint(format!("tail: cannot open {} for reading: {errno}\n", quoted(operand))).await;
            None
        }
    }
}

/// Where what is shown begins: so many lines with their `end`, or bytes.
fn start(whole: &[u8], end: Option<u8>, from_start: bool, amount: usize) -> usize {
    let lines: Vec<usize> = match end {
        None => vec![1; whole.len()],
        Some(end) => whole.split_inclusive(|byte| *byte == end).map(<[u8]>::len).collect(),
    };
    let skipped = if from_start {
        amount.saturating_sub(1).min(lines.len())
    } else {
        lines.len().saturating_sub(amount)
    };
    lines[..skipped].iter().sum()
}

/// Prints what is appended, until a signal ends it.
async fn follow(sys: &Sys, mut files: Vec<(String, usize)>, every: Duration) {
    while sys.sleep(every).await == Woke::Timeout {
        for (name, shown) in &mut files {
            let Ok(bytes) = sys.read_file(name).await else { continue };
            if bytes.len() < *shown {
                sys.eprint(format!("tail: {name}: file truncated\n")).await;
                *shown = 0;
            }
            if sys.write(1, &bytes[*shown..]).await.is_err() {
                return;
            }
            *shown = bytes.len();
        }
    }
}
