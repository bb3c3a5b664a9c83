//! The shell: bash as a learner meets it, and Debian's sh (dash) for scripts.
//!
//! From text to tree in `syntax/`, from words to fields in `expand/`, and here what is run: `execute` (lists and
//! compound commands), `simple` (one command), `redirect`, `job`; `builtin/` are the commands it is itself;
//! `interactive` with `readline/` is what stands between a prompt and all that.
//!
//! Always: each command makes at least one system call, so no loop holds up the world; nesting is bounded.
//! Differs from bash: a subshell is a process that starts with a copy of the shell; no `coproc`, and of `bind`
//! only two variables. Not simulated options and builtins say so.
//! Source: bash(1) 5.2; dash(1) 0.5.12.

pub mod arithmetic;
mod assignment;
mod builtin;
mod completion;
mod compound;
mod condition;
pub mod escape;
mod execute;
mod expand;
mod frame;
mod history;
#[cfg(test)]
mod hostile;
mod interactive;
mod job;
mod option;
pub mod pattern;
mod prompt;
pub mod quoting;
mod random;
mod readline;
mod redirect;
mod simple;
mod start;
mod syntax;
mod trace;
mod trap;
mod variables;

pub use builtin::is_name;
pub use start::{bash, sh};
pub use syntax::Dialect;

use crate::cmd::Exit;
use crate::fs::Fd;
use crate::process::ProcessId;
use crate::run::{Group, Start};
use crate::signal::Signal;
use crate::sys::{Sys, Syscall};
use frame::{Frame, Function};
use job::Jobs;
use option::Options;
use sim::Instant;
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;
use syntax::SyntaxError;
use trap::Traps;
use variables::Variables;

/// What comes after a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Flow {
    Next,
    /// `break N`: out of that many loops.
    Break(u32),
    Continue(u32),
    Return,
    Exit,
    /// An error: the rest of the line is thrown away.
    Discard,
}

/// An expansion or redirection that failed; it has been complained of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The rest of the line is thrown away.
    Discard,
    /// A shell that is not interactive ends with that status.
    Exit(u8),
}

/// Functions, `eval`s and `source`s inside one another; one more is an error.
const CALLS: u32 = 32;

#[derive(Clone)]
pub(crate) struct Shell {
    sys: Sys,
    dialect: Dialect,
    /// `$0`
    name: String,
    /// What errors begin with: `$0`, or the file being sourced.
    source: String,
    interactive: bool,
    login: bool,
    /// `-c`
    command_string: bool,
    stdin_script: bool,
    warned_of_jobs: bool,
    /// Errors name the line.
    numbered: bool,
    positional: Vec<String>,
    variables: Variables,
    functions: BTreeMap<String, Function>,
    aliases: Rc<BTreeMap<String, String>>,
    options: Options,
    traps: Traps,
    jobs: Jobs,
    /// Where commands were found, and how often they were run since.
    hashed: BTreeMap<String, (String, u32)>,
    history: Vec<String>,
    completions: completion::Completions,
    status: u8,
    pipe_status: Vec<u8>,
    /// Status of the last `$(…)` of the command being expanded.
    substituted: Option<u8>,
    last_background: Option<u32>,
    line: u32,
    pid: u32,
    own_pid: u32,
    subshell: u32,
    /// Command substitutions inside one another, for `set -x`.
    indirection: usize,
    /// Inside that many loops, functions, conditions.
    loops: u32,
    calls: u32,
    conditions: u32,
    /// Functions being run and files being sourced, the innermost last.
    frames: Vec<Frame>,
    /// `BASH_COMMAND`
    command_text: String,
    /// `$_`
    last_argument: String,
    /// The condition about to be traced stands after `!`.
    negated_condition: bool,
    /// `pushd`: directories below the current one.
    directories: Vec<String>,
    disabled: std::collections::BTreeSet<String>,
    nesting: usize,
    process_fds: Vec<Fd>,
    environment_changed: bool,
    /// A caught signal whose trap is still to run.
    signalled: Vec<Signal>,
    interrupted: bool,
    getopts: (usize, usize),
    random: random::Random,
    /// What `SECONDS` was set to, at `started`.
    seconds: i64,
    started: Instant,
    clock: Instant,
    realtime: Duration,
}

type Running<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// How [`Shell::fork`] starts a subshell.
#[derive(Clone, Copy, Debug, Default)]
struct Fork {
    group: Group,
    /// Not waited for: without job control it ignores what the keyboard sends.
    background: bool,
}

impl Shell {
    /// What an error message begins with.
    fn prefix(&self) -> String {
        match (self.numbered, self.dialect) {
            (false, Dialect::Bash) => format!("{}: ", self.source),
            (true, Dialect::Bash) => format!("{}: line {}: ", self.source, self.line),
            (_, Dialect::Dash) => format!("{}: {}: ", self.source, self.line),
        }
    }

    fn complain_line(&self, words: impl AsRef<str>) -> Syscall<()> {
        self.sys.eprint(format!("{}{}\n", self.prefix(), words.as_ref()))
    }

    /// Says what is wrong; the line is thrown away with status 1.
    async fn complain(&mut self, words: impl AsRef<str>) -> Failure {
        self.complain_line(words).await;
        self.status = 1;
        Failure::Discard
    }

    /// An error that ends a shell which is not interactive.
    fn fatal(&mut self, status: u8) -> Failure {
        // 127 is what a whole `bash -c` ends with; a script or a subshell ends with 1.
        let status = if status == 127 && !(self.command_string && self.subshell == 0) { 1 } else { status };
        self.status = if self.interactive { 1 } else { status };
        if self.interactive { Failure::Discard } else { Failure::Exit(status) }
    }

    fn failed(&mut self, failure: Failure) -> Flow {
        match failure {
            Failure::Discard if self.dialect == Dialect::Dash && !self.interactive => {
                self.status = 2;
                Flow::Exit
            }
            Failure::Discard => {
                self.status = self.status.max(1);
                Flow::Discard
            }
            Failure::Exit(status) => {
                self.status = status;
                Flow::Exit
            }
        }
    }

    async fn report_syntax(&mut self, error: &SyntaxError, context: &str) {
        use syntax::Fault;
        if matches!(&error.fault, Fault::Condition(words) if words.is_empty()) {
            return;
        }
        let words = match (&error.fault, self.dialect) {
            (Fault::Token(token), Dialect::Bash) => format!("syntax error near unexpected token `{token}'"),
            (Fault::Unclosed(c), Dialect::Bash) => format!("unexpected EOF while looking for matching `{c}'"),
            (Fault::EndOfFile, Dialect::Bash) => "syntax error: unexpected end of file".to_owned(),
            (Fault::Said(words) | Fault::Condition(words), Dialect::Bash) => words.clone(),
            (Fault::Token(token), Dialect::Dash) if token == "newline" => {
                "Syntax error: newline unexpected".into()
            }
            (Fault::Token(token), Dialect::Dash) => {
                let word = token.starts_with(|c: char| c.is_alphanumeric() || "\"'$./".contains(c));
                let reserved =
                    ["do", "done", "then", "fi", "else", "elif", "esac", "in"].contains(&token.as_str());
                match word && !reserved {
                    true => "Syntax error: word unexpected".to_owned(),
                    false => format!("Syntax error: \"{token}\" unexpected"),
                }
            }
            (Fault::Unclosed('"' | '\''), Dialect::Dash) => "Syntax error: Unterminated quoted string".into(),
            (Fault::Unclosed('}'), Dialect::Dash) => "Syntax error: Missing '}'".into(),
            (Fault::Unclosed('`'), Dialect::Dash) => "Syntax error: EOF in backquote substitution".into(),
            (Fault::Unclosed(_) | Fault::EndOfFile, Dialect::Dash) => {
                "Syntax error: end of file unexpected".into()
            }
            (Fault::Said(words) | Fault::Condition(words), Dialect::Dash) => format!("Syntax error: {words}"),
        };
        let file = self.frames.last().map(|frame| frame.source.clone()).unwrap_or_default();
        let shown = if context == trap::SOURCED { "" } else { context };
        let numbered = self.numbered || !context.is_empty();
        let prefix = match (numbered, self.dialect) {
            (false, Dialect::Bash) => format!("{}: ", self.source),
            (true, Dialect::Bash) if !self.numbered && context == trap::SOURCED => {
                format!("{}: {file}: line {}: ", self.source, error.line)
            }
            (true, Dialect::Bash) => format!("{}: {shown}line {}: ", self.source, error.line),
            (_, Dialect::Dash) => format!("{}: {}: ", self.source, error.line),
        };
        let mut message = format!("{prefix}{words}\n");
        if let (Fault::Token(_), true, Dialect::Bash) = (&error.fault, numbered, self.dialect) {
            message.push_str(&format!("{prefix}`{}'\n", error.text));
        }
        self.sys.eprint(message).await;
    }

    /// Between commands: the clock, signals that came, the turn of others.
    async fn tick(&mut self) -> Flow {
        let (now, realtime, signals) = self
            .sys
            .ask(|system, id| {
                let mut signals = Vec::new();
                while let Some(signal) = system.take_signal(id) {
                    signals.push(signal);
                }
                (system.now(), system.realtime(system.now()), signals)
            })
            .await;
        (self.clock, self.realtime) = (now, realtime);
        self.signalled.extend(signals);
        self.run_traps().await
    }

    fn aliases_in_use(&self) -> Rc<BTreeMap<String, String>> {
        let used = self.options.expand_aliases || self.dialect == Dialect::Dash;
        if used { Rc::clone(&self.aliases) } else { Rc::default() }
    }

    /// Sets a variable as an assignment does; a read-only one is an error.
    async fn set_variable(&mut self, name: &str, text: String) -> Result<(), Failure> {
        let name = self.variables.referred(name);
        let variable = self.variables.get(&name);
        if variable.is_some_and(|variable| variable.readonly) {
            self.complain_line(format!("{name}: readonly variable")).await;
            return Err(if self.interactive { self.fatal(1) } else { self.readonly_failure() });
        }
        let text = match variable.is_some_and(|variable| variable.integer) {
            true => self.evaluate(&text).await?.to_string(),
            false => text,
        };
        let all = self.options.allexport;
        let variable = self.variables.entry(&name);
        variable.set(text);
        variable.exported |= all;
        self.environment_changed |= variable.exported;
        self.variable_was_set(&name);
        Ok(())
    }

    fn readonly_failure(&mut self) -> Failure {
        self.status = 1;
        match self.dialect {
            Dialect::Bash => Failure::Discard,
            Dialect::Dash => Failure::Exit(2),
        }
    }

    fn variable_was_set(&mut self, name: &str) {
        match name {
            "PATH" => self.hashed.clear(),
            "OPTIND" => self.getopts = (0, 0),
            "RANDOM" | "SECONDS" => {
                let value = self.variables.get(name).and_then(variables::Variable::value);
                let value = value.and_then(|text| text.parse::<i64>().ok()).unwrap_or(0);
                match name {
                    "RANDOM" => self.random.seed(value as u32),
                    _ => (self.seconds, self.started) = (value, self.clock),
                }
            }
            _ => {}
        }
    }

    /// The environment of what this shell starts, told to the kernel too (`/proc/self/environ`, [`Sys::env`]).
    async fn sync_environment(&mut self) {
        if std::mem::take(&mut self.environment_changed) {
            let environment = self.variables.exported();
            self.sys.ask(move |system, id| system.process_mut(id).environment = environment).await;
        }
    }

    /// A subshell: a process that goes on as a copy of this shell. `redirect` gives (its descriptor, ours);
    /// `close` are those of ours that it does not keep.
    async fn fork<P, F>(
        &mut self,
        redirect: &[(Fd, Fd)],
        close: &[Fd],
        how: Fork,
        program: P,
    ) -> Result<ProcessId, Failure>
    where
        P: FnOnce(Shell) -> F + 'static,
        F: Future<Output = Exit> + 'static,
    {
        self.sync_environment().await;
        let mut shell = self.clone();
        shell.subshell += 1;
        shell.random = self.random.branch();
        shell.jobs.inherit();
        shell.options.monitor = false;
        shell.signalled.clear();
        shell.traps.in_subshell(self.options.functrace, self.options.errtrace);
        shell.process_fds.clear();
        let (redirect, close) = (redirect.to_vec(), close.to_vec());
        let silent = how.background && !self.options.monitor;
        let interactive = self.interactive;
        let forked = self
            .sys
            .ask(move |system, id| {
                let arguments = system.process(id).arguments.clone();
                let start = Start { arguments, group: how.group, ..Start::default() };
                let child = system.start_program(id, &start, move |sys| {
                    Box::pin(async move {
                        shell.sys = sys;
                        shell.own_pid = shell.sys.pid().await;
                        for (theirs, ours) in redirect {
                            shell.sys.dup2(ours, theirs).await.ok();
                        }
                        for fd in close {
                            shell.sys.close(fd).await.ok();
                        }
                        program(shell).await
                    })
                })?;
                if silent {
                    let ignored = &mut system.process_mut(child).ignored;
                    ignored.extend([Signal::Int, Signal::Quit]);
                }
                if interactive {
                    system.process_mut(child).caught.clear();
                }
                Ok::<_, net::Errno>(child)
            })
            .await;
        match forked {
            Ok(child) => Ok(child),
            Err(errno) => {
                self.complain_line(format!("fork: {errno}")).await;
                self.status = 254;
                Err(Failure::Discard)
            }
        }
    }
}
