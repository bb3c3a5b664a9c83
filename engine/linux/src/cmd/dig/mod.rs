//! `dig`, `host` and `nslookup`: ask name servers, and show what they say. Source: dig(1), BIND 9.18.49.
//! Not simulated in dig: -f -k -y, +trace, +nssearch, +yaml, +dns64prefix, +https…, +tls…, +ednsopt, transfers.
//!
//! The three share `lookup` (what is asked) and `run` (how); each shows the answers its own way.
//! Always: they ask the servers of resolv.conf or those named, whatever nsswitch.conf says.

mod arguments;
mod exchange;
mod host;
mod lookup;
mod nslookup;
mod plus;
mod run;
mod show;
mod style;

pub use host::HOST;
pub use nslookup::NSLOOKUP;

use super::{Args, Command, Exit};
use crate::dns::Name;
use crate::sys::Sys;
use arguments::Line;
use exchange::Seen;
use lookup::Lookup;
use run::Run;
use show::Dig;
use std::collections::VecDeque;

pub const DIG: Command =
    Command { name: "dig", path: "/usr/bin/dig", man: "dig(1)", run: |sys, args| Box::pin(dig(sys, args)) };

/// Debian's PACKAGE_VERSION
const VERSION: &str = "9.18.49-1~deb12u3-Debian";

/// Why a run ended before its time.
#[derive(Debug)]
struct Failed {
    /// `None`: 1, or a higher code that was due already.
    code: Option<u8>,
    /// For stdout, ahead of the rest.
    said: String,
    /// For stderr, behind the program's name unless `whole`.
    text: String,
    whole: bool,
}

impl Failed {
    fn fatal(text: impl Into<String>) -> Failed {
        Failed { code: None, said: String::new(), text: text.into(), whole: false }
    }

    fn exit(code: u8, text: impl Into<String>) -> Failed {
        Failed { code: Some(code), ..Failed::fatal(text) }
    }

    /// These words as they are.
    fn usage(code: u8, text: impl Into<String>) -> Failed {
        Failed { code: Some(code), whole: true, ..Failed::fatal(text) }
    }

    /// A number that is none, or is too large: told on stdout, as BIND does.
    fn number(self, what: &str, value: &str) -> Failed {
        let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
        let why = if digits { "out of range" } else { "not a valid number" };
        Failed { said: format!("invalid {what} '{value}': {why}\n"), ..self }
    }

    /// Tells it; the exit code.
    async fn tell(self, sys: &Sys, program: &str, due: u8) -> Exit {
        sys.print(self.said).await;
        let text = if self.whole { self.text } else { format!("{program}: {}\n", self.text) };
        sys.eprint(text).await;
        Exit(self.code.unwrap_or(due.max(1)))
    }
}

/// What tells the three programs apart: how they show things.
trait Tool {
    /// A name is about to be asked for.
    fn trying(&mut self, _name: &Name) -> String {
        String::new()
    }

    /// A message came (or goes, for `+qr`); further look-ups may be put at the end of the queue.
    fn message(&mut self, queue: &mut VecDeque<Lookup>, lookup: &mut Lookup, seen: &Seen<'_>) -> String;

    /// After an answer.
    fn received(&mut self, _lookup: &Lookup, _seen: &Seen<'_>) -> String {
        String::new()
    }
}

async fn dig(sys: Sys, args: Args) -> Exit {
    let mut due = 0;
    match run_dig(&sys, &args, &mut due).await {
        Ok(exit) => exit,
        Err(failed) => failed.tell(&sys, args.name(), due).await,
    }
}

async fn run_dig(sys: &Sys, args: &Args, due: &mut u8) -> Result<Exit, Failed> {
    let line = Line::read(sys, &[], args.rest()).await?;
    let Some(path) = &line.batch else { return run_line(sys, line, due).await };
    let bytes = sys.read_file(path).await.map_err(|errno| {
        Failed::usage(8, format!("{path}: {}\ndig: couldn't open specified batch file\n", errno.text()))
    })?;
    // What stands beside the file's name holds for each of its lines.
    let mut common = args.rest().to_vec();
    if let Some(at) = common.iter().position(|word| word.starts_with("-f")) {
        let count = if common[at] == "-f" { 2 } else { 1 };
        common.drain(at..(at + count).min(common.len()));
    }
    let mut exit = Exit::OK;
    for text in String::from_utf8_lossy(&bytes).lines() {
        let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        if words.first().is_none_or(|word| word.starts_with(['#', ';'])) {
            continue;
        }
        let line = Line::read(sys, &common, &words).await?;
        exit = run_line(sys, line, due).await?;
    }
    Ok(exit)
}

async fn run_line(sys: &Sys, line: Line, due: &mut u8) -> Result<Exit, Failed> {
    if let Some(text) = line.instead {
        match line.instead_on_stderr {
            true => sys.eprint(text).await,
            false => sys.print(text).await,
        }
        return Ok(Exit::OK);
    }
    let mut run =
        Run::new(sys, line.settings, Dig { short: line.short, print_command: line.print_command }).await;
    run.queue = line.lookups;
    let outcome = run.run().await;
    *due = run.exit;
    outcome.map(|()| Exit(run.exit))
}
