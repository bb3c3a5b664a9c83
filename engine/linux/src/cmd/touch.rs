//! `touch`: new files, and newer times of old ones. Source: touch(1), coreutils 9.1.
//! Differs: only the time of the last change is kept, and none before the machine's start.
//! ```transcript
//! host# touch f; ls f
//! f
//! ```

use super::date::parse;
use super::getopt::Takes::{Nothing, Value};
use super::tool::{COREUTILS, Options, Tool, quoted};
use super::{Args, Command, Exit};
use crate::calendar::Date;
use crate::fs::OpenFlags;
use crate::sys::Sys;
use net::Errno;
use sim::Instant;
use std::time::Duration;

pub const TOUCH: Command = Command {
    name: "touch",
    path: "/usr/bin/touch",
    man: "touch(1)",
    run: |sys, args| Box::pin(touch(sys, args)),
};

const TOOL: Tool = Tool {
    name: "touch",
    short: "acd:fhmr:t:",
    long: &[
        ("date", Value, 'd'),
        ("no-create", Nothing, 'c'),
        ("no-dereference", Nothing, 'h'),
        ("reference", Value, 'r'),
        ("time", Value, '\u{3}'),
    ],
    missing: "ah\u{3}",
    usage: 1,
    package: COREUTILS,
};

/// `[[CC]YY]MMDDhhmm[.ss]`
fn stamp(text: &str, this_year: i64) -> Option<Date> {
    let (digits, second) = match text.split_once('.') {
        Some((digits, second)) if second.len() == 2 => (digits, second.parse().ok()?),
        Some(_) => return None,
        None => (text, 0),
    };
    if !digits.bytes().all(|digit| digit.is_ascii_digit()) || !matches!(digits.len(), 8 | 10 | 12) {
        return None;
    }
    let (year, rest) = digits.split_at(digits.len() - 8);
    let year = match (year.len(), year.parse::<i64>()) {
        (2, Ok(year)) => year + if year < 69 { 2000 } else { 1900 },
        (4, Ok(year)) => year,
        _ => this_year,
    };
    let part = |at: usize| rest[at..at + 2].parse::<u32>().ok();
    let date =
        Date { year, month: part(0)?, day: part(2)?, hour: part(4)?, minute: part(6)?, second, nanos: 0 };
    (Date::from_signed(date.epoch(), 0) == date).then_some(date)
}

/// The time that the options ask for; it has been told where there is none.
async fn time(sys: &Sys, options: &Options) -> Result<Instant, Exit> {
    let now = sys.now().await;
    let realtime = sys.realtime().await;
    let seconds = if let Some(like) = options.value('r') {
        return match sys.stat(like).await {
            Ok(stat) => Ok(stat.modified),
            Err(errno) => {
                TOOL.complain(sys, format!("failed to get attributes of {}: {errno}", quoted(like))).await;
                Err(Exit::FAILURE)
            }
        };
    } else if let Some(text) = options.value('d') {
        match parse::parse(text, realtime) {
            Some(date) => (date.epoch(), date.nanos),
            None => {
                TOOL.complain(sys, format!("invalid date format {}", quoted(text))).await;
                return Err(Exit::FAILURE);
            }
        }
    } else if let Some(text) = options.value('t') {
        match stamp(text, Date::from_duration(realtime).year) {
            Some(date) => (date.epoch(), 0),
            None => {
                TOOL.complain(sys, format!("invalid date format {}", quoted(text))).await;
                return Err(Exit::FAILURE);
            }
        }
    } else {
        return Ok(now);
    };
    let boot = realtime.saturating_sub(now.since(Instant::BOOT));
    let wanted = u64::try_from(seconds.0).ok().map(|whole| Duration::new(whole, seconds.1));
    match wanted.and_then(|wanted| wanted.checked_sub(boot)) {
        Some(since) => Ok(Instant::BOOT + since),
        None => {
            let words = "a time before the machine's start: not simulated in vethlab";
            TOOL.complain(sys, words).await;
            Err(Exit::FAILURE)
        }
    }
}

async fn touch(sys: Sys, args: Args) -> Exit {
    let options = match TOOL.options(&sys, &args).await {
        Ok(options) => options,
        Err(exit) => return exit,
    };
    if options.operands.is_empty() {
        return TOOL.wrong(&sys, "missing file operand").await;
    }
    let time = match time(&sys, &options).await {
        Ok(time) => time,
        Err(exit) => return exit,
    };
    let mut exit = Exit::OK;
    for path in &options.operands {
        let done = match sys.stat(path).await {
            Ok(_) => sys.utime(path, time).await,
            Err(Errno::ENOENT) if options.has('c') => Ok(()),
            Err(Errno::ENOENT) => match sys.open(path, OpenFlags::APPEND).await {
                Ok(fd) => {
                    sys.close(fd).await.ok();
                    sys.utime(path, time).await
                }
                Err(errno) => Err(errno),
            },
            Err(errno) => Err(errno),
        };
        if let Err(errno) = done {
            TOOL.complain(&sys, format!("cannot touch {}: {errno}", quoted(path))).await;
            exit = Exit::FAILURE;
        }
    }
    exit
}
