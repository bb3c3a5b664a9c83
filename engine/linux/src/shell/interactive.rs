//! The loop between prompt and command: lines come from a terminal or a pipe, until one is whole.
//!
//! Always: a line entered at a prompt is told to the world before it runs.
//! Source: bash(1), "INVOCATION", "HISTORY".

use super::readline::Read;
use super::syntax::{Fault, Parser};
use super::{Flow, Shell};
use crate::cmd::Exit;
use crate::signal::Signal;

/// Lines that one command may have.
const COMMAND_LINES: usize = 10_000;

/// As root's shell on Debian prompts.
const PS1: &str = "\\u@\\h:\\w\\$ ";

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

    /// Prompt after prompt until `exit` or the end of input, after the startup files where they are wanted.
    pub(super) async fn interact(&mut self, startup: bool) -> Exit {
        self.sys.ask(|system, id| system.process_mut(id).caught.extend(CAUGHT)).await;
        if self.login && startup {
            self.read_profile().await;
        } else if startup && self.sys.exists("/root/.bashrc").await {
            let flow = self.run_text(". /root/.bashrc", "").await;
            if flow == Flow::Exit {
                return self.finish(flow).await;
            }
        }
        self.read_history().await;
        let flow = self.converse().await;
        self.write_history().await;
        self.finish(flow).await
    }

    async fn converse(&mut self) -> Flow {
        let (mut pending, mut first) = (String::new(), 1);
        loop {
            if pending.is_empty() {
                self.tell_jobs().await;
                first = self.line.max(1);
            }
            let (name, default) = if pending.is_empty() { ("PS1", PS1) } else { ("PS2", "> ") };
            let text = self.scalar(name).unwrap_or_else(|| default.to_owned());
            let prompt = self.decode_prompt(&text).await;
            match self.read_edited(&prompt).await {
                Read::Line(line) => {
                    let Some(line) = self.expand_history(line).await else { continue };
                    pending.push_str(&line);
                    pending.push('\n');
                }
                Read::Interrupted => {
                    pending.clear();
                    self.status = 130;
                    continue;
                }
                Read::End if pending.is_empty() => {
                    self.sys.eprint(if self.login { "logout\n" } else { "exit\n" }).await;
                    return Flow::Exit;
                }
                Read::End => {
                    pending.clear();
                    self.sys.eprint("bash: syntax error: unexpected end of file\n").await;
                    self.status = 2;
                    continue;
                }
            }
            if pending.trim().is_empty() {
                pending.clear();
                continue;
            }
            match self.converse_once(&pending, first).await {
                Some(Flow::Exit) => return Flow::Exit,
                Some(_) => pending.clear(),
                None => {}
            }
        }
    }

    /// Runs what was entered; `None` where it is not whole yet.
    async fn converse_once(&mut self, text: &str, first: u32) -> Option<Flow> {
        let mut parser = Parser::new(text, self.dialect, self.aliases_in_use()).at_line(first);
        parser.more_may_come(true);
        // Read to the end before anything runs: a second line may belong to the first.
        loop {
            match parser.next_command() {
                Ok(None) => break,
                Ok(Some(_)) => {}
                Err(error) if error.is_incomplete() && text.lines().count() < COMMAND_LINES => return None,
                Err(_) => break,
            }
        }
        let entered = text.trim_end_matches('\n').to_owned();
        self.remember(&entered);
        self.sys.tell_entered(entered).await;
        let mut parser = Parser::new(text, self.dialect, self.aliases_in_use()).at_line(first);
        loop {
            match parser.next_command() {
                Ok(None) => return Some(Flow::Next),
                Ok(Some(list)) => match self.run_list(&list, false).await {
                    Flow::Next => {}
                    Flow::Exit => return Some(Flow::Exit),
                    _ => {
                        self.interrupted = false;
                        return Some(Flow::Discard);
                    }
                },
                Err(error) => {
                    self.report_syntax(&error, "").await;
                    self.status = 2;
                    return Some(Flow::Discard);
                }
            }
        }
    }

    /// Into the history, but not the same line twice in a row, nor one that begins with a blank.
    pub(super) fn remember(&mut self, line: &str) {
        if !line.starts_with(' ') && self.history.last().map(String::as_str) != Some(line) {
            if self.history.len() == super::history::LINES {
                self.history.remove(0);
            }
            self.history.push(line.to_owned());
        }
    }
}
