//! The loop between prompt and command: lines come from a terminal or a pipe, until one is whole.
//!
//! Always: a line entered at a prompt is told to the world before it runs.
//! Source: bash(1), "INVOCATION", "HISTORY".

use super::syntax::{Fault, Parser};
use super::{Flow, Shell};
use crate::cmd::Exit;
use crate::signal::Signal;

/// Lines that one command may have.
const COMMAND_LINES: usize = 10_000;

/// Signals that an interactive shell does not die of.
pub(super) const CAUGHT: &[Signal] = &[
    Signal::Int,
    Signal::Quit,
    Signal::Term,
    Signal::TerminalStop,
    Signal::TtyIn,
    Signal::TtyOut,
    Signal::Hup,
];

impl Shell {
    /// A script on stdin, read line by line, for its commands may read stdin too.
    pub(super) async fn run_stdin(&mut self) -> Exit {
        let flow = self.read_and_run().await;
        self.finish(flow).await
    }

    async fn read_and_run(&mut self) -> Flow {
        let (mut line, mut pending, mut first) = (0, String::new(), 1);
        loop {
            let read = self.sys.read_line(0).await;
            let ended = read.is_none();
            if let Some(read) = read {
                if pending.is_empty() {
                    first = line + 1;
                }
                line += 1;
                pending.push_str(&read);
                pending.push('\n');
            }
            if pending.is_empty() && ended {
                return Flow::Next;
            }
            let mut parser = Parser::new(&pending, self.dialect, self.aliases_in_use()).at_line(first);
            parser.more_may_come(!ended);
            loop {
                match parser.next_command() {
                    Ok(None) => {
                        pending.clear();
                        break;
                    }
                    Ok(Some(list)) => {
                        let flow = self.run_list(&list, false).await;
                        if !matches!(flow, Flow::Next | Flow::Discard) {
                            return flow;
                        }
                    }
                    Err(error) if error.is_incomplete() && !ended && (line as usize) < COMMAND_LINES => break,
                    Err(error) => {
                        self.report_syntax(&error, "").await;
                        self.status = 2;
                        pending.clear();
                        if matches!(error.fault, Fault::Token(_)) {
                            return Flow::Exit;
                        }
                        break;
                    }
                }
            }
            if ended {
                return Flow::Next;
            }
        }
    }

    pub(super) async fn read_profile(&mut self) {
        for path in ["/etc/profile", "~/.bash_profile", "~/.profile"] {
            let home = self.scalar("HOME").unwrap_or_default();
            let path = path.replacen('~', &home, 1);
            if self.sys.exists(&path).await {
                let flow = self.run_text(&format!(". {path}"), "").await;
                debug_assert!(flow != Flow::Break(0));
            }
        }
    }

    /// Prompt after prompt until `exit` or the end of input.
    pub(super) async fn interact(&mut self, _plain: bool) -> Exit {
        self.run_stdin().await
    }
}
