//! `yes`, `true`, `false`, `sleep`, `rev`, `nl`: the small ones. Source: coreutils 9.1, util-linux 2.38.
//! ```transcript
//! host# printf 'a\nb\n' | nl -w2 -s') '
//!  1) a
//!  2) b
//! ```

use super::getopt::Takes::{Nothing, Value};
use super::input::{contents, lines, or_stdin, read_file};
use super::tool::{COREUTILS, Options, Tool, quoted};
use super::{Args, Command, Exit};
use crate::regex::{Regex, Syntax};
use crate::sys::{Sys, Woke};
use std::time::Duration;

super::programs! {
    YES "yes" "yes(1)" yes
    TRUE "true" "true(1)" truth
    FALSE "false" "false(1)" falsehood
    SLEEP "sleep" "sleep(1)" sleep
    REV "rev" "rev(1)" rev
    NL "nl" "nl(1)" nl
}

const fn plain(name: &'static str) -> Tool {
    Tool::gnu(name, "+", &[])
}

/// Only a lone `--help` or `--version` is heard.
async fn deaf(sys: &Sys, args: &Args, exit: Exit) -> Exit {
    if let [word] = args.rest() {
        match word.as_str() {
            "--help" => {
                let name = args.name();
                sys.print(format!("Usage: {name} [ignored command line arguments]\n  or:  {name} OPTION\n"))
                    .await;
            }
            "--version" => {
                let name = args.name().rsplit('/').next().unwrap_or_default();
                sys.print(format!("{name} {COREUTILS}\n")).await;
            }
            _ => {}
        }
    }
    exit
}

async fn truth(sys: Sys, args: Args) -> Exit {
    deaf(&sys, &args, Exit::OK).await
}

async fn falsehood(sys: Sys, args: Args) -> Exit {
    deaf(&sys, &args, Exit::FAILURE).await
}

async fn yes(sys: Sys, args: Args) -> Exit {
    let options = match plain("yes").options(&sys, &args).await {
        Ok(options) => options,
        Err(exit) => return exit,
    };
    let line = if options.operands.is_empty() { "y".to_owned() } else { options.operands.join(" ") } + "\n";
    while sys.write(1, line.repeat(64).as_bytes()).await.is_ok() {
        sys.yield_now().await;
    }
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
    if matches!(digits, "inf" | "infinity") {
        return Some(Duration::from_secs(u64::from(u32::MAX)));
    }
    let most = f64::from(u32::MAX);
    let value = digits.parse::<f64>().ok().filter(|value| *value >= 0.0)?;
    Duration::try_from_secs_f64((value * unit).min(most)).ok()
}

async fn sleep(sys: Sys, args: Args) -> Exit {
    let tool = plain("sleep");
    let options = match tool.options(&sys, &args).await {
        Ok(options) => options,
        Err(exit) => return exit,
    };
    if options.operands.is_empty() {
        return tool.wrong(&sys, "missing operand").await;
    }
    let mut total = Duration::ZERO;
    let mut wrong = false;
    for word in &options.operands {
        match interval(word) {
            Some(time) => total = total.saturating_add(time),
            None => {
                tool.complain(&sys, format!("invalid time interval {}", quoted(word))).await;
                wrong = true;
            }
        }
    }
    if wrong {
        return tool.try_help(&sys).await;
    }
    let end = sys.now().await + total;
    while sys.wait(&[], Some(end)).await != Woke::Timeout {}
    Exit::OK
}

async fn rev(sys: Sys, args: Args) -> Exit {
    let tool = Tool { short: "", package: "from util-linux 2.38.1", ..plain("rev") };
    let options = match tool.options(&sys, &args).await {
        Ok(options) => options,
        Err(exit) => return exit,
    };
    let mut exit = Exit::OK;
    for operand in or_stdin(options.operands) {
        match read_file(&sys, &operand).await {
            Ok(bytes) => {
                let text = String::from_utf8_lossy(&bytes).into_owned();
                let lines: String = text
                    .split_inclusive('\n')
                    .map(|line| {
                        let (bare, end) = line.strip_suffix('\n').map_or((line, ""), |bare| (bare, "\n"));
                        bare.chars().rev().collect::<String>() + end
                    })
                    .collect();
                sys.print(lines).await;
            }
            Err(errno) => {
                tool.complain(&sys, format!("cannot open {operand}: {errno}")).await;
                exit = Exit::FAILURE;
            }
        }
    }
    exit
}

const NL_TOOL: Tool = Tool {
    name: "nl",
    short: "b:d:f:h:i:l:n:ps:v:w:",
    long: &[
        ("body-numbering", Value, 'b'),
        ("footer-numbering", Value, 'f'),
        ("header-numbering", Value, 'h'),
        ("join-blank-lines", Value, 'l'),
        ("line-increment", Value, 'i'),
        ("no-renumber", Nothing, 'p'),
        ("number-format", Value, 'n'),
        ("number-separator", Value, 's'),
        ("number-width", Value, 'w'),
        ("section-delimiter", Value, 'd'),
        ("starting-line-number", Value, 'v'),
    ],
    missing: "dfhlp",
    usage: 1,
    package: COREUTILS,
};

/// How lines are numbered; the error is what is told.
struct Numbering {
    /// `None` numbers what is not empty, a pattern what matches.
    pattern: Option<Regex>,
    all: bool,
    none: bool,
    next: i64,
    by: i64,
    width: usize,
    left: bool,
    zeros: bool,
    separator: String,
}

impl Numbering {
    fn parse(options: &Options) -> Result<Numbering, String> {
        let number = |letter: char, what: &str, default: i64| match options.value(letter) {
            None => Ok(default),
            Some(text) => text.parse::<i64>().map_err(|_| format!("invalid {what}: {}", quoted(text))),
        };
        let mut numbering = Numbering {
            pattern: None,
            all: false,
            none: false,
            next: number('v', "starting line number", 1)?,
            by: number('i', "line number increment", 1)?,
            width: usize::try_from(number('w', "line number field width", 6)?).unwrap_or(0),
            left: false,
            zeros: false,
            separator: options.value('s').unwrap_or("\t").to_owned(),
        };
        if !(1..=1000).contains(&numbering.width) {
            let shown = quoted(options.value('w').unwrap_or_default());
            return Err(format!("invalid line number field width: {shown}"));
        }
        match options.value('b') {
            None | Some("t") => {}
            Some("a") => numbering.all = true,
            Some("n") => numbering.none = true,
            Some(style) => match style.strip_prefix('p').map(|text| Regex::new(text, Syntax::Basic, false)) {
                Some(Ok(regex)) => numbering.pattern = Some(regex),
                Some(Err(words)) => return Err(words),
                None => return Err(format!("invalid body numbering style: {}", quoted(style))),
            },
        }
        match options.value('n') {
            None | Some("rn") => {}
            Some("ln") => numbering.left = true,
            Some("rz") => numbering.zeros = true,
            Some(format) => return Err(format!("invalid line numbering format: {}", quoted(format))),
        }
        Ok(numbering)
    }

    fn lead(&mut self, line: &str) -> String {
        let counts = match &self.pattern {
            Some(regex) => regex.is_match(line),
            None => self.all || !self.none && !line.is_empty(),
        };
        let width = self.width;
        if !counts {
            return " ".repeat(width + self.separator.chars().count());
        }
        let number = self.next;
        self.next = self.next.saturating_add(self.by);
        let shown = match (self.left, self.zeros) {
            (true, _) => format!("{number:<width$}"),
            (_, true) => format!("{number:0width$}"),
            _ => format!("{number:>width$}"),
        };
        shown + &self.separator
    }
}

async fn nl(sys: Sys, args: Args) -> Exit {
    let options = match NL_TOOL.options(&sys, &args).await {
        Ok(options) => options,
        Err(exit) => return exit,
    };
    let mut numbering = match Numbering::parse(&options) {
        Ok(numbering) => numbering,
        Err(words) => {
            NL_TOOL.complain(&sys, words).await;
            return NL_TOOL.try_help(&sys).await;
        }
    };
    let mut exit = Exit::OK;
    for operand in or_stdin(options.operands) {
        let Some(bytes) = contents(&sys, "nl", &operand).await else {
            exit = Exit::FAILURE;
            continue;
        };
        let mut out: Vec<u8> = Vec::new();
        for line in lines(&bytes, b'\n') {
            out.extend(numbering.lead(&String::from_utf8_lossy(&line)).into_bytes());
            out.extend(line);
            out.push(b'\n');
        }
        if sys.write(1, &out).await.is_err() {
            return Exit::FAILURE;
        }
    }
    exit
}
