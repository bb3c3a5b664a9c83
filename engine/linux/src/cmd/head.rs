//! `head`: the beginning of files. Source: head(1), coreutils.
//! ```transcript
//! host# seq 5 | head -n 2
//! 1
//! 2
//! ```

use super::getopt::Takes::{Nothing, Value};
use super::input::{Lines, close, open, or_stdin};
use super::tool::{Tool, quoted};
use super::{Args, Command, Exit};
use crate::fs::Fd;
use crate::sys::Sys;

pub const HEAD: Command = Command {
    name: "head",
    path: "/usr/bin/head",
    man: "head(1)",
    run: |sys, args| Box::pin(head(sys, args)),
};

const TOOL: Tool = Tool::gnu(
    "head",
    "c:n:qvz",
    &[
        ("bytes", Value, 'c'),
        ("lines", Value, 'n'),
        ("quiet", Nothing, 'q'),
        ("silent", Nothing, 'q'),
        ("verbose", Nothing, 'v'),
        ("zero-terminated", Nothing, 'z'),
    ],
);

/// `-5`, `-5q`, and for `tail` `+5f`: the count in front, as it once was.
pub(super) fn old_style(args: &Args, signs: &[char]) -> Args {
    let mut words = args.rest().to_vec();
    let old = words.first().and_then(|word| {
        let sign = word.chars().next().filter(|sign| signs.contains(sign))?;
        let end = word[1..].find(|c: char| !c.is_ascii_digit()).map_or(word.len(), |at| at + 1);
        let (digits, letters) = word[1..].split_at(end - 1);
        let known = letters.chars().all(|letter| "bcfklmqv".contains(letter));
        let count = if sign == '+' { format!("+{digits}") } else { digits.to_owned() };
        (!digits.is_empty() && known).then(|| (count, letters.to_owned()))
    });
    if let Some((count, letters)) = old {
        let kind = if letters.contains('c') { 'c' } else { 'n' };
        words[0] = format!("-{kind}{count}");
        let flags = letters.chars().filter(|letter| "fqv".contains(*letter));
        words.splice(1..1, flags.map(|letter| format!("-{letter}")));
    }
    Args::new(std::iter::once(args.name().to_owned()).chain(words).collect())
}

/// A count with the suffixes of the core utilities (`10K`, `2MB`).
pub(super) fn count(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let unit = match &text[digits.len()..] {
        "" => 1,
        "b" => 512,
        "K" | "KiB" | "k" => 1 << 10,
        "kB" | "KB" => 1000,
        "M" | "MiB" | "m" => 1 << 20,
        "MB" => 1_000_000,
        "G" | "GiB" => 1 << 30,
        "GB" => 1_000_000_000,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(unit)
}

/// How much: so many lines or bytes, or all but the last so many.
struct Amount {
    bytes: bool,
    but_last: bool,
    count: u64,
    /// What ends a line.
    end: u8,
}

async fn head(sys: Sys, args: Args) -> Exit {
    let options = match TOOL.options(&sys, &old_style(&args, &['-'])).await {
        Ok(options) => options,
        Err(exit) => return exit,
    };
    let end = if options.has('z') { 0 } else { b'\n' };
    let mut amount = Amount { bytes: false, but_last: false, count: 10, end };
    for (letter, value) in &options.flags {
        if let ('c' | 'n', Some(value)) = (letter, value) {
            let (but_last, digits) =
                value.strip_prefix('-').map_or((false, value.as_str()), |rest| (true, rest));
            let Some(count) = count(digits.trim_start_matches('+')) else {
                let what = if *letter == 'c' { "bytes" } else { "lines" };
                sys.eprint(format!("head: invalid number of {what}: {}\n", quoted(value))).await;
                return Exit::FAILURE;
            };
            amount = Amount { bytes: *letter == 'c', but_last, count, end };
        }
    }
    let operands = or_stdin(options.operands.clone());
    let titled = options.has('v') || (operands.len() > 1 && !options.has('q'));
    let (mut exit, mut first) = (Exit::OK, true);
    for operand in operands {
        let Some(fd) = open_told(&sys, &operand).await else {
            exit = Exit::FAILURE;
            continue;
        };
        if titled {
            let name = if operand == "-" { "standard input" } else { &operand };
            sys.print(format!("{}==> {name} <==\n", if first { "" } else { "\n" })).await;
        }
        first = false;
        if !copy(&sys, fd, &amount, &operand).await {
            exit = Exit::FAILURE;
        }
        close(&sys, fd).await;
    }
    exit
}

async fn open_told(sys: &Sys, operand: &str) -> Option<Fd> {
    if operand == "-" {
        return open(sys, "head", operand).await;
    }
    match sys.open(operand, crate::fs::OpenFlags::READ).await {
        Ok(fd) => Some(fd),
        Err(errno) => {
            sys.eprint(format!("head: cannot open {} for reading: {errno}\n", quoted(operand))).await;
            None
        }
    }
}

async fn copy(sys: &Sys, fd: Fd, amount: &Amount, operand: &str) -> bool {
    let mut lines = Lines::ended_by(sys, fd, amount.end);
    let wanted = usize::try_from(amount.count).unwrap_or(usize::MAX);
    if amount.but_last || amount.bytes {
        let mut whole = Vec::new();
        while let Some(chunk) = lines.chunk().await {
            whole.extend(chunk);
            if amount.bytes && !amount.but_last && whole.len() >= wanted {
                break;
            }
        }
        let keep = match (amount.bytes, amount.but_last) {
            (true, false) => whole.len().min(wanted),
            (true, true) => whole.len().saturating_sub(wanted),
            (false, _) => {
                let all: Vec<usize> =
                    whole.split_inclusive(|byte| *byte == amount.end).map(<[u8]>::len).collect();
                all[..all.len().saturating_sub(wanted)].iter().sum()
            }
        };
        sys.write(1, &whole[..keep]).await.unwrap_or_default();
    } else {
        for _ in 0..wanted {
            let Some(text) = lines.next().await else { break };
            if sys.write(1, &text).await.is_err() {
                return false;
            }
        }
    }
    match lines.refused() {
        None => true,
        Some(errno) => {
            let name = if operand == "-" { "standard input" } else { operand };
            sys.eprint(format!("head: error reading {}: {errno}\n", quoted(name))).await;
            false
        }
    }
}
