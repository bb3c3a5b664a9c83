//! `tail`: the end of files, and what is appended to them. Source: tail(1), coreutils. Not simulated: --pid, --retry.
//! ```transcript
//! host# seq 5 | tail -n 2
//! 4
//! 5
//! ```

use super::coreutils::{HELP, Line, VERSION, contents, count, or_stdin, quoted};
use super::getopt::{Long, Takes};
use super::head::old_style;
use super::{Args, Command, Exit};
use crate::sys::{Sys, Woke};
use std::time::Duration;

pub const TAIL: Command = Command {
    name: "tail",
    path: "/usr/bin/tail",
    man: "tail(1)",
    run: |sys, args| Box::pin(tail(sys, args)),
};

const LONG: &[Long] = &[
    HELP,
    VERSION,
    ("bytes", Takes::Value, 'c'),
    ("follow", Takes::MayValue, 'f'),
    ("lines", Takes::Value, 'n'),
    ("quiet", Takes::Nothing, 'q'),
    ("silent", Takes::Nothing, 'q'),
    ("verbose", Takes::Nothing, 'v'),
];
/// How often a followed file is looked at (`--sleep-interval`).
const INTERVAL: Duration = Duration::from_secs(1);

async fn tail(sys: Sys, args: Args) -> Exit {
    let line =
        match Line::read(&sys, &old_style(&args, &['-', '+']), "c:fFn:qv", LONG, "[OPTION]... [FILE]...", 1)
            .await
        {
            Ok(line) => line,
            Err(exit) => return exit,
        };
    let (mut bytes, mut from_start, mut amount) = (false, false, 10);
    for (letter, value) in &line.options {
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
    let operands = or_stdin(line.operands.clone());
    let titled = line.has('v') || (operands.len() > 1 && !line.has('q'));
    let (mut exit, mut followed) = (Exit::OK, Vec::new());
    for (at, operand) in operands.iter().enumerate() {
        let whole =
            if operand == "-" { contents(&sys, "tail", operand).await } else { file(&sys, operand).await };
        let Some(whole) = whole else {
            exit = Exit::FAILURE;
            continue;
        };
        if titled {
            let name = if operand == "-" { "standard input" } else { operand };
            sys.print(format!("{}==> {name} <==\n", if at == 0 { "" } else { "\n" })).await;
        }
        sys.write(1, &whole[start(&whole, bytes, from_start, amount)..]).await.unwrap_or_default();
        followed.push((operand.clone(), whole.len()));
    }
    if (line.has('f') || line.has('F')) && !followed.is_empty() {
        follow(&sys, followed).await;
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

/// Where what is shown begins.
fn start(whole: &[u8], bytes: bool, from_start: bool, amount: usize) -> usize {
    let lines: Vec<usize> = match bytes {
        true => vec![1; whole.len()],
        false => whole.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::len).collect(),
    };
    let skipped = if from_start {
        amount.saturating_sub(1).min(lines.len())
    } else {
        lines.len().saturating_sub(amount)
    };
    lines[..skipped].iter().sum()
}

/// Prints what is appended, until a signal ends it.
async fn follow(sys: &Sys, mut files: Vec<(String, usize)>) {
    while sys.sleep(INTERVAL).await == Woke::Timeout {
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
