//! `seq`, `yes`, `true`, `false`, `sleep`, `rev`, `nl`: the small ones. Source: coreutils, util-linux.
//! ```transcript
//! host# seq 1 2 5
//! 1
//! 3
//! 5
//! ```

use super::coreutils::{HELP, Line, VERSION, contents, misused, or_stdin, quoted};
use super::{Args, Command, Exit};
use crate::sys::{Sys, Woke};
use std::time::Duration;

pub const SEQ: Command =
    Command { name: "seq", path: "/usr/bin/seq", man: "seq(1)", run: |sys, args| Box::pin(seq(sys, args)) };
pub const YES: Command =
    Command { name: "yes", path: "/usr/bin/yes", man: "yes(1)", run: |sys, args| Box::pin(yes(sys, args)) };
pub const TRUE: Command =
    Command { name: "true", path: "/usr/bin/true", man: "true(1)", run: |_, _| Box::pin(async { Exit::OK }) };
pub const FALSE: Command = Command {
    name: "false",
    path: "/usr/bin/false",
    man: "false(1)",
    run: |_, _| Box::pin(async { Exit::FAILURE }),
};
pub const SLEEP: Command = Command {
    name: "sleep",
    path: "/usr/bin/sleep",
    man: "sleep(1)",
    run: |sys, args| Box::pin(sleep(sys, args)),
};
pub const REV: Command =
    Command { name: "rev", path: "/usr/bin/rev", man: "rev(1)", run: |sys, args| Box::pin(rev(sys, args)) };
pub const NL: Command =
    Command { name: "nl", path: "/usr/bin/nl", man: "nl(1)", run: |sys, args| Box::pin(nl(sys, args)) };

/// Numbers that `seq` prints before others may run.
const BATCH: usize = 1000;

async fn seq(sys: Sys, args: Args) -> Exit {
    let mut words: Vec<&str> = args.rest().iter().map(String::as_str).collect();
    let (mut separator, mut wide) = ("\n", false);
    while let [first, rest @ ..] = &words[..] {
        match (*first, rest) {
            ("-s", [value, ..]) => (separator, words) = (value, rest[1..].to_vec()),
            ("-w", _) => (wide, words) = (true, rest.to_vec()),
            _ => break,
        }
    }
    if words.is_empty() || words.len() > 3 {
        let words = words
            .get(3)
            .map_or("missing operand".to_owned(), |extra| format!("extra operand {}", quoted(extra)));
        return misused(&sys, "seq", &words).await;
    }
    if let Some(wrong) = words.iter().find(|word| word.parse::<f64>().is_err()) {
        return misused(&sys, "seq", &format!("invalid floating point argument: {}", quoted(wrong))).await;
    }
    let decimals =
        words.iter().map(|word| word.split_once('.').map_or(0, |(_, part)| part.len())).max().unwrap_or(0);
    let values: Vec<f64> = words.iter().filter_map(|word| word.parse().ok()).collect();
    let (from, step, to) = match values[..] {
        [to] => (1.0, 1.0, to),
        [from, to] => (from, 1.0, to),
        [from, step, to] => (from, step, to),
        _ => return Exit::FAILURE,
    };
    if step == 0.0 {
        return misused(&sys, "seq", &format!("invalid Zero increment value: {}", quoted(words[1]))).await;
    }
    let text = |value: f64| format!("{value:.decimals$}");
    let width = if wide { text(from).len().max(text(to).len()) } else { 0 };
    let count = ((to - from) / step + 1e-9).floor();
    let mut at = 0_u64;
    while at as f64 <= count && count >= 0.0 {
        let mut out = String::new();
        for _ in 0..BATCH {
            if at as f64 > count {
                break;
            }
            out.push_str(&format!("{:0>width$}", text(from + step * at as f64)));
            at += 1;
            out.push_str(if at as f64 > count { "\n" } else { separator });
        }
        sys.print(out).await;
    }
    Exit::OK
}

async fn yes(sys: Sys, args: Args) -> Exit {
    let line = if args.rest().is_empty() { "y".to_owned() } else { args.rest().join(" ") } + "\n";
    while sys.write(1, line.repeat(64).as_bytes()).await.is_ok() {}
    Exit::FAILURE
}

/// `1.5`, `2m`, `1h`, `1d`
pub(super) fn interval(text: &str) -> Option<Duration> {
    let (digits, unit) = match text.chars().last()? {
        's' => (&text[..text.len() - 1], 1.0),
        'm' => (&text[..text.len() - 1], 60.0),
        'h' => (&text[..text.len() - 1], 3_600.0),
        'd' => (&text[..text.len() - 1], 86_400.0),
        _ => (text, 1.0),
    };
    if matches!(text, "inf" | "infinity") {
        return Some(Duration::from_secs(u64::from(u32::MAX)));
    }
    Duration::try_from_secs_f64(digits.parse::<f64>().ok()? * unit).ok()
}

async fn sleep(sys: Sys, args: Args) -> Exit {
    if args.rest().is_empty() {
        return misused(&sys, "sleep", "missing operand").await;
    }
    let mut total = Duration::ZERO;
    for word in args.rest() {
        match interval(word) {
            Some(time) => total = total.saturating_add(time),
            None => return misused(&sys, "sleep", &format!("invalid time interval {}", quoted(word))).await,
        }
    }
    let end = sys.now().await + total;
    while sys.wait(&[], Some(end)).await != Woke::Timeout {}
    Exit::OK
}

async fn rev(sys: Sys, args: Args) -> Exit {
    for operand in or_stdin(args.rest().to_vec()) {
        let Some(bytes) = contents(&sys, "rev", &operand).await else { return Exit::FAILURE };
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let lines: String = text.lines().map(|line| line.chars().rev().collect::<String>() + "\n").collect();
        sys.print(lines).await;
    }
    Exit::OK
}

async fn nl(sys: Sys, args: Args) -> Exit {
    let line = match Line::read(&sys, &args, "b:", &[HELP, VERSION], "[OPTION]... [FILE]...", 1).await {
        Ok(line) => line,
        Err(exit) => return exit,
    };
    let all = line.value('b') == Some("a");
    let mut number = 0;
    for operand in or_stdin(line.operands) {
        let Some(bytes) = contents(&sys, "nl", &operand).await else { return Exit::FAILURE };
        for text in String::from_utf8_lossy(&bytes).lines() {
            if text.is_empty() && !all {
                sys.print("       \n").await;
                continue;
            }
            number += 1;
            sys.print(format!("{number:>6}\t{text}\n")).await;
        }
    }
    Exit::OK
}
