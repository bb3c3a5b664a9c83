//! `date`: the time, in any form. Source: date(1), coreutils 9.1. Not simulated: setting the clock, --debug.
//! ```transcript
//! host# date -d '2024-02-28 2 days' +%F
//! 2024-03-01
//! ```

pub(super) mod parse;

use super::getopt::Takes::{MayValue, Nothing, Value};
use super::input::read_text;
use super::tool::{COREUTILS, Options, Tool, quoted, quoted_if_needed};
use super::{Args, Command, Exit};
use crate::calendar::Date;
use crate::sys::Sys;
use sim::Instant;

pub const DATE: Command = Command {
    name: "date",
    path: "/usr/bin/date",
    man: "date(1)",
    run: |sys, args| Box::pin(date(sys, args)),
};

const TOOL: Tool = Tool {
    name: "date",
    short: "d:f:I::r:Rs:u",
    long: &[
        ("date", Value, 'd'),
        ("debug", Nothing, '\u{3}'),
        ("file", Value, 'f'),
        ("iso-8601", MayValue, 'I'),
        ("reference", Value, 'r'),
        ("resolution", Nothing, '\u{4}'),
        ("rfc-2822", Nothing, 'R'),
        ("rfc-3339", Value, '\u{5}'),
        ("rfc-email", Nothing, 'R'),
        ("set", Value, 's'),
        ("uct", Nothing, 'u'),
        ("universal", Nothing, 'u'),
        ("utc", Nothing, 'u'),
    ],
    missing: "s\u{3}",
    usage: 1,
    package: COREUTILS,
};

const ISO: [(&str, &str); 5] = [
    ("hours", "%Y-%m-%dT%H%:z"),
    ("minutes", "%Y-%m-%dT%H:%M%:z"),
    ("date", "%Y-%m-%d"),
    ("seconds", "%Y-%m-%dT%H:%M:%S%:z"),
    ("ns", "%Y-%m-%dT%H:%M:%S,%N%:z"),
];
const RFC_3339: [(&str, &str); 3] =
    [("date", "%Y-%m-%d"), ("seconds", "%Y-%m-%d %H:%M:%S%:z"), ("ns", "%Y-%m-%d %H:%M:%S.%N%:z")];

/// The format that a word's beginning names; the error is what is told.
fn named(table: &[(&str, &'static str)], word: &str, option: &str) -> Result<&'static str, String> {
    let fits: Vec<_> = table.iter().filter(|(name, _)| name.starts_with(word) && !word.is_empty()).collect();
    match fits.as_slice() {
        [one] => Ok(one.1),
        several => {
            let kind = if several.is_empty() { "invalid" } else { "ambiguous" };
            let names: String = table.iter().map(|(name, _)| format!("\n  - {}", quoted(name))).collect();
            Err(format!(
                "{kind} argument {} for {}\nValid arguments are:{names}",
                quoted(word),
                quoted(option)
            ))
        }
    }
}

fn format(options: &Options) -> Result<Option<String>, String> {
    let mut format: Option<String> = None;
    for (letter, value) in &options.flags {
        let chosen = match letter {
            'I' => named(&ISO, value.as_deref().unwrap_or("date"), "--iso-8601")?,
            'R' => "%a, %d %b %Y %H:%M:%S %z",
            '\u{5}' => named(&RFC_3339, value.as_deref().unwrap_or_default(), "--rfc-3339")?,
            '\u{4}' => "%s.%N",
            _ => continue,
        };
        if format.is_some() {
            return Err("multiple output formats specified".to_owned());
        }
        format = Some(chosen.to_owned());
    }
    Ok(format)
}

async fn date(sys: Sys, args: Args) -> Exit {
    let options = match TOOL.options(&sys, &args).await {
        Ok(options) => options,
        Err(exit) => return exit,
    };
    let mut chosen = match format(&options) {
        Ok(chosen) => chosen,
        Err(words) if words.starts_with("multiple") => {
            TOOL.complain(&sys, words).await;
            return Exit::FAILURE;
        }
        Err(words) => return TOOL.wrong(&sys, words).await,
    };
    let sources = options.flags.iter().filter(|(letter, _)| matches!(letter, 'd' | 'f' | 'r')).count();
    if sources > 1 {
        return TOOL.wrong(&sys, "the options to specify dates for printing are mutually exclusive").await;
    }
    if let Some(extra) = options.operands.get(1) {
        return TOOL.extra_operand(&sys, extra).await;
    }
    if let Some(operand) = options.operands.first() {
        match operand.strip_prefix('+') {
            Some(_) if chosen.is_some() => {
                TOOL.complain(&sys, "multiple output formats specified").await;
                return Exit::FAILURE;
            }
            Some(format) => chosen = Some(format.to_owned()),
            None if sources > 0 => {
                let words = format!(
                    "the argument {} lacks a leading '+';\nwhen using an option to specify date(s), any \
                     non-option\nargument must be a format string beginning with '+'",
                    quoted(operand)
                );
                return TOOL.wrong(&sys, words).await;
            }
            None => {
                TOOL.complain(&sys, format!("invalid date {}", quoted(operand))).await;
                return Exit::FAILURE;
            }
        }
    }
    let format = chosen.unwrap_or_else(|| "%a %b %e %H:%M:%S %Z %Y".to_owned());
    print(&sys, &options, &format).await
}

async fn print(sys: &Sys, options: &Options, format: &str) -> Exit {
    let now = sys.realtime().await;
    let mut texts: Vec<String> = Vec::new();
    if let Some(path) = options.value('r') {
        return match sys.stat(path).await {
            Ok(stat) => {
                let boot = now.saturating_sub(sys.now().await.since(Instant::BOOT));
                let at = Date::from_duration(boot + stat.modified.since(Instant::BOOT));
                sys.print(at.format(format) + "\n").await;
                Exit::OK
            }
            Err(errno) => {
                TOOL.complain(sys, format!("{}: {errno}", quoted_if_needed(path))).await;
                Exit::FAILURE
            }
        };
    }
    if let Some(path) = options.value('f') {
        match read_text(sys, path).await {
            Ok(text) => texts.extend(text.lines().map(str::to_owned)),
            Err(errno) => {
                TOOL.complain(sys, format!("{}: {errno}", quoted_if_needed(path))).await;
                return Exit::FAILURE;
            }
        }
    } else if let Some(text) = options.value('d') {
        texts.push(text.to_owned());
    } else {
        sys.print(Date::from_duration(now).format(format) + "\n").await;
        return Exit::OK;
    }
    let mut exit = Exit::OK;
    for text in texts {
        match parse::parse(&text, now) {
            Some(date) => sys.print(date.format(format) + "\n").await,
            None => {
                TOOL.complain(sys, format!("invalid date {}", quoted(&text))).await;
                exit = Exit::FAILURE;
            }
        }
    }
    exit
}
