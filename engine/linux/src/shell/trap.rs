//! Traps: commands that run when a signal comes, when the shell ends, or when a command fails.
//!
//! Source: bash(1), "trap".

use super::syntax::{Dialect, Fault, Parser};
use super::{Flow, Shell};
use crate::signal::Signal;
use std::collections::BTreeMap;

/// The context of [`Shell::run_text`] for the text of a file.
pub(super) const SOURCED: &str = "source";

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Event {
    Exit,
    Signal(Signal),
    Debug,
    Err,
    Return,
}

impl Event {
    /// Reads `0`, `EXIT`, `INT`, `SIGINT`, `2`.
    pub fn parse(word: &str) -> Option<Event> {
        match word.to_ascii_uppercase().as_str() {
            "0" | "EXIT" => Some(Event::Exit),
            "DEBUG" => Some(Event::Debug),
            "ERR" => Some(Event::Err),
            "RETURN" => Some(Event::Return),
            _ => Signal::parse(word).map(Event::Signal),
        }
    }

    pub fn name(self) -> String {
        match self {
            Event::Exit => "EXIT".to_owned(),
            Event::Debug => "DEBUG".to_owned(),
            Event::Err => "ERR".to_owned(),
            Event::Return => "RETURN".to_owned(),
            Event::Signal(signal) => format!("SIG{}", signal.name()),
        }
    }
}

#[derive(Clone, Debug, Default)]
pub(super) struct Traps {
    /// An empty command ignores the signal.
    commands: BTreeMap<Event, String>,
    /// A trap is running: no other of the same kind.
    running: Vec<Event>,
}

impl Traps {
    pub fn get(&self, event: Event) -> Option<&str> {
        self.commands.get(&event).map(String::as_str)
    }

    pub fn all(&self) -> impl Iterator<Item = (&Event, &String)> {
        self.commands.iter()
    }

    pub fn is_empty(&self) -> bool {
        self.commands.is_empty()
    }

    /// A trap's command is being run.
    pub fn is_running(&self) -> bool {
        !self.running.is_empty()
    }

    /// A subshell keeps what is ignored, and what `set -T` and `set -E` hand on, and forgets the rest.
    pub fn in_subshell(&mut self, functrace: bool, errtrace: bool) {
        self.commands.retain(|event, command| match event {
            Event::Signal(_) => command.is_empty(),
            Event::Debug | Event::Return => functrace,
            Event::Err => errtrace,
            Event::Exit => false,
        });
        self.running.clear();
    }

    /// A function does not inherit these, unless `set -T` or `set -E` hand them on.
    pub fn enter_function(&mut self, functrace: bool, errtrace: bool) -> Vec<(Event, String)> {
        let kept = |event: &Event| match event {
            Event::Debug | Event::Return => functrace,
            Event::Err => errtrace,
            _ => true,
        };
        let hidden: Vec<Event> =
            [Event::Debug, Event::Return, Event::Err].into_iter().filter(|event| !kept(event)).collect();
        hidden.into_iter().filter_map(|event| Some((event, self.commands.remove(&event)?))).collect()
    }

    /// What the function set itself stays.
    pub fn leave_function(&mut self, hidden: Vec<(Event, String)>) {
        for (event, command) in hidden {
            self.commands.entry(event).or_insert(command);
        }
    }
}

impl Shell {
    pub(super) async fn set_trap(&mut self, event: Event, command: Option<String>) {
        let ignore = command.as_deref() == Some("");
        let caught = command.is_some() && !ignore;
        match command {
            Some(command) => drop(self.traps.commands.insert(event, command)),
            None => drop(self.traps.commands.remove(&event)),
        }
        let Event::Signal(signal) = event else { return };
        let always = self.interactive && self.subshell == 0 && super::interactive::CAUGHT.contains(&signal);
        self.sys
            .ask(move |system, id| {
                let process = system.process_mut(id);
                process.ignored.remove(&signal);
                process.caught.remove(&signal);
                if ignore {
                    process.ignored.insert(signal);
                } else if caught || always {
                    process.caught.insert(signal);
                }
            })
            .await;
    }

    /// Runs the traps of the signals that came.
    pub(super) async fn run_traps(&mut self) -> Flow {
        while !self.signalled.is_empty() {
            let signal = self.signalled.remove(0);
            match self.traps.get(Event::Signal(signal)).map(str::to_owned) {
                Some(command) => {
                    let flow = self.run_trap(Event::Signal(signal), &command).await;
                    if flow != Flow::Next {
                        return flow;
                    }
                }
                // Ctrl-C at an interactive shell throws the line away.
                None if signal == Signal::Int && self.interactive => {
                    self.status = 130;
                    self.interrupted = true;
                    return Flow::Discard;
                }
                None if signal == Signal::Hup && self.interactive => {
                    self.status = 129;
                    return Flow::Exit;
                }
                None => {}
            }
        }
        Flow::Next
    }

    pub(super) async fn run_trap(&mut self, event: Event, command: &str) -> Flow {
        if command.is_empty() || self.traps.running.contains(&event) {
            return Flow::Next;
        }
        self.traps.running.push(event);
        let (status, line) = (self.status, self.line);
        let deeper = usize::from(event != Event::Exit);
        self.indirection += deeper;
        let flow = self.run_text(command, "").await;
        self.indirection -= deeper;
        self.traps.running.pop();
        self.line = line;
        if flow == Flow::Exit {
            return flow;
        }
        self.status = status;
        flow
    }

    /// Runs a text here and now: `eval`, a trap, a command string.
    pub(super) fn run_text<'a>(&'a mut self, text: &'a str, context: &'a str) -> super::Running<'a, Flow> {
        Box::pin(async move {
            self.calls += 1;
            if self.calls > super::CALLS {
                self.calls -= 1;
                let failure =
                    self.complain(format!("more than {} calls inside one another", super::CALLS)).await;
                return self.failed(failure);
            }
            let flow = self.run_text_inner(text, context).await;
            self.calls -= 1;
            flow
        })
    }

    async fn run_text_inner(&mut self, text: &str, context: &str) -> Flow {
        let first_line = match context {
            "-c: " | SOURCED => 1,
            // The lines of the text itself were read before.
            "eval: " => self.line + text.trim_end().matches('\n').count() as u32,
            _ => self.line,
        };
        let mut parser = Parser::new(text, self.dialect, self.aliases_in_use()).at_line(first_line);
        loop {
            parser.set_aliases(self.aliases_in_use());
            let read = parser.next_command();
            for (line, warning) in std::mem::take(&mut parser.warnings) {
                self.line = line;
                self.complain_line(warning).await;
            }
            match read {
                Ok(None) => return Flow::Next,
                Ok(Some(list)) => {
                    self.show_read(&mut parser).await;
                    let tail = context == "-c: " && parser.at_end();
                    let flow = self.run_list(&list, tail).await;
                    if flow != Flow::Next {
                        return flow;
                    }
                }
                Err(error) => {
                    self.report_syntax(&error, context).await;
                    let evaluated = matches!(context, "eval: " | SOURCED | "");
                    // A condition that means nothing leaves `bash -c` with the status it had.
                    if evaluated || !matches!(error.fault, Fault::Condition(_)) {
                        self.status = 2;
                    }
                    return match () {
                        () if !evaluated
                            && matches!(error.fault, Fault::Condition(_))
                            && !self.interactive =>
                        {
                            Flow::Exit
                        }
                        () if self.dialect == Dialect::Dash && !self.interactive => Flow::Exit,
                        () if evaluated => Flow::Next,
                        () => Flow::Discard,
                    };
                }
            }
        }
    }
}
