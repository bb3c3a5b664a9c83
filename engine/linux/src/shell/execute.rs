//! Running what was read: lists, pipelines, compound commands.
//!
//! Always: `status` holds the status of what ran last.
//! Source: bash(1), "SHELL GRAMMAR".

use super::syntax::{AndOr, Command, Join, Kind, List, Pipeline, TimeFormat};
use super::trap::Event;
use super::{Failure, Flow, Fork, Function, Running, Shell};
use crate::cmd::Exit;
use crate::fs::Fd;
use crate::process::ProcessId;
use std::rc::Rc;

impl Shell {
    /// Runs a list as the whole of a subshell, traps and all.
    pub(super) fn run_to_end<'a>(&'a mut self, list: &'a List) -> Running<'a, Exit> {
        Box::pin(async move {
            let flow = self.run_list(list, true).await;
            self.finish(flow).await
        })
    }

    /// The end of a shell: the EXIT trap, then its status.
    pub(super) async fn finish(&mut self, flow: Flow) -> Exit {
        if flow == Flow::Discard && self.status == 0 {
            self.status = 1;
        }
        if let Some(command) = self.traps.get(Event::Exit).map(str::to_owned) {
            let status = self.status;
            if self.run_trap(Event::Exit, &command).await != Flow::Exit {
                self.status = status;
            }
        }
        Exit(self.status)
    }

    /// `tail`: nothing comes after it, so its last command may take the place of the shell.
    pub(super) fn run_list<'a>(&'a mut self, list: &'a List, tail: bool) -> Running<'a, Flow> {
        Box::pin(async move {
            for (index, item) in list.items.iter().enumerate() {
                let flow = if item.background {
                    Box::pin(self.run_background(&item.and_or)).await
                } else {
                    Box::pin(self.run_and_or(&item.and_or, tail && index + 1 == list.items.len())).await
                };
                if flow != Flow::Next {
                    return flow;
                }
            }
            Flow::Next
        })
    }

    async fn run_and_or(&mut self, and_or: &AndOr, tail: bool) -> Flow {
        let alone = and_or.rest.is_empty();
        let mut flow = Box::pin(self.run_pipeline(&and_or.first, !alone, tail && alone)).await;
        for (index, (join, pipeline)) in and_or.rest.iter().enumerate() {
            if flow != Flow::Next {
                return flow;
            }
            if (*join == Join::And) == (self.status == 0) {
                let checked = index + 1 < and_or.rest.len();
                flow = Box::pin(self.run_pipeline(pipeline, checked, false)).await;
            }
        }
        flow
    }

    /// `checked`: something asks for its status, so `set -e` does not.
    async fn run_pipeline(&mut self, pipeline: &Pipeline, checked: bool, tail: bool) -> Flow {
        let began = self.clock;
        if checked || pipeline.negated {
            self.conditions += 1;
        }
        let flow = match pipeline.commands.as_slice() {
            [] => {
                self.status = 0;
                Flow::Next
            }
            [command] => {
                let tail = tail && !pipeline.negated && pipeline.timed.is_none() && self.traps.is_empty();
                let flow = self.run_command(command, tail).await;
                if !matches!(
                    command.kind,
                    Kind::Group(_) | Kind::If { .. } | Kind::For { .. } | Kind::While { .. }
                ) {
                    self.pipe_status = vec![self.status];
                }
                flow
            }
            commands => Box::pin(self.run_commands(commands, &pipeline.printed())).await,
        };
        if checked || pipeline.negated {
            self.conditions -= 1;
        }
        if pipeline.negated {
            self.status = u8::from(self.status == 0);
        }
        if let Some(format) = pipeline.timed {
            self.clock = self.sys.now().await;
            self.print_time(format, self.clock.since(began)).await;
        }
        // Of a loop or a group, the command that failed in it has been noticed.
        let counts = match pipeline.commands.as_slice() {
            [command] => matches!(
                command.kind,
                Kind::Simple(_) | Kind::Subshell(_) | Kind::Arithmetic(_) | Kind::Conditional(_)
            ),
            _ => true,
        };
        if flow == Flow::Next && self.status != 0 && counts && !checked && !pipeline.negated {
            return self.after_failure().await;
        }
        flow
    }

    /// A command failed and nobody asked: the ERR trap, and `set -e`.
    async fn after_failure(&mut self) -> Flow {
        if self.conditions > 0 {
            return Flow::Next;
        }
        if let Some(command) = self.traps.get(Event::Err).map(str::to_owned) {
            let flow = self.run_trap(Event::Err, &command).await;
            if flow != Flow::Next {
                return flow;
            }
        }
        if self.options.errexit { Flow::Exit } else { Flow::Next }
    }

    async fn print_time(&mut self, format: TimeFormat, took: std::time::Duration) {
        let format = match (format, self.scalar("TIMEFORMAT")) {
            (TimeFormat::Posix, _) => "real %2R\nuser %2U\nsys %2S".to_owned(),
            (TimeFormat::Bash, None) => "\nreal\t%3lR\nuser\t%3lU\nsys\t%3lS".to_owned(),
            (TimeFormat::Bash, Some(format)) if format.is_empty() => return,
            (TimeFormat::Bash, Some(format)) => format,
        };
        match time_text(&format, took) {
            Ok(text) => self.sys.eprint(text + "\n").await,
            Err(letter) => {
                self.complain_line(format!("TIMEFORMAT: `{letter}': invalid format character")).await
            }
        }
    }

    async fn run_commands(&mut self, commands: &[Rc<Command>], source: &str) -> Flow {
        let (mut children, mut before) = (Vec::new(), None);
        let mut group = self.job_group();
        for (index, command) in commands.iter().enumerate() {
            let last = index + 1 == commands.len();
            let next = match last {
                true => None,
                false => match self.sys.pipe().await {
                    Ok(ends) => Some(ends),
                    Err(errno) => {
                        self.complain(format!("cannot make pipe: {errno}")).await;
                        return Flow::Discard;
                    }
                },
            };
            let redirect: Vec<_> =
                before.map(|fd| (0, fd)).into_iter().chain(next.map(|(_, writer)| (1, writer))).collect();
            let close: Vec<_> =
                before.into_iter().chain(next.into_iter().flat_map(|(a, b)| [a, b])).collect();
            if matches!(command.kind, Kind::Simple(_)) {
                self.line = command.line;
                if self.before(command.printed()).await == Flow::Exit {
                    return Flow::Exit;
                }
            }
            if last && self.options.lastpipe && !self.options.monitor {
                return self.run_last(command, before, children, source).await;
            }
            let command = Rc::clone(command);
            let how = Fork { group, background: false };
            let child = self
                .fork(&redirect, &close, how, move |mut shell| async move {
                    let tail = shell.traps.is_empty();
                    let flow = shell.run_command(&command, tail).await;
                    shell.finish(flow).await
                })
                .await;
            for fd in before.into_iter().chain(next.map(|(_, writer)| writer)) {
                self.sys.close(fd).await.ok();
            }
            before = next.map(|(reader, _)| reader);
            match child {
                Ok(child) => {
                    group = self.group_after(group, child);
                    children.push(child);
                }
                Err(failure) => {
                    if let Some(fd) = before {
                        self.sys.close(fd).await.ok();
                    }
                    return self.failed(failure);
                }
            }
        }
        self.wait_foreground(children, source).await
    }

    /// `shopt -s lastpipe`: the last command of a pipeline in this very shell.
    async fn run_last(
        &mut self,
        command: &Command,
        input: Option<Fd>,
        children: Vec<ProcessId>,
        source: &str,
    ) -> Flow {
        let kept = self.sys.dup_above(0, 10).await.ok();
        if let Some(fd) = input {
            self.sys.dup2(fd, 0).await.ok();
            self.sys.close(fd).await.ok();
        }
        let flow = self.run_command(command, false).await;
        let status = self.status;
        match kept {
            Some(fd) => {
                self.sys.dup2(fd, 0).await.ok();
                self.sys.close(fd).await.ok();
            }
            None => drop(self.sys.close(0).await),
        }
        let waited = self.wait_foreground(children, source).await;
        self.pipe_status.push(status);
        self.status = if status == 0 && self.options.pipefail { self.status } else { status };
        if flow == Flow::Next { waited } else { flow }
    }

    /// Runs one command of any kind.
    pub(super) fn run_command<'a>(&'a mut self, command: &'a Command, tail: bool) -> Running<'a, Flow> {
        Box::pin(async move {
            if self.options.noexec && !self.interactive {
                return Flow::Next;
            }
            if let Kind::Simple(simple) = &command.kind {
                return match Box::pin(self.run_simple(command, simple, tail)).await {
                    Ok(flow) => flow,
                    Err(failure) => self.failed(failure),
                };
            }
            self.line = command.line;
            if let Kind::Function { name, body } = &command.kind {
                let function = Function { body: Rc::clone(body), source: self.definition_source() };
                self.functions.insert(name.clone(), function);
                self.status = 0;
                return Flow::Next;
            }
            let kept = self.process_fds.len();
            let saved = match self.redirect(&command.redirects).await {
                Ok(saved) => saved,
                Err(Failure::Discard) => {
                    self.status = 1;
                    return Flow::Next;
                }
                Err(failure) => return self.failed(failure),
            };
            let flow = match Box::pin(self.run_compound(command)).await {
                Ok(flow) => flow,
                Err(failure) => self.failed(failure),
            };
            self.undo_redirects(saved).await;
            self.close_process_fds(kept).await;
            flow
        })
    }
}

/// What `TIMEFORMAT` says of a command that took so long and no processor time.
fn time_text(format: &str, took: std::time::Duration) -> Result<String, char> {
    let mut text = String::new();
    let mut chars = format.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '%' {
            text.push(c);
            continue;
        }
        let digits = chars.next_if(char::is_ascii_digit).and_then(|c| c.to_digit(10));
        let digits = digits.unwrap_or(3).min(3) as usize;
        let long = chars.next_if_eq(&'l').is_some();
        let time = match chars.next() {
            Some('%') | None => {
                text.push('%');
                continue;
            }
            Some('R') => took,
            Some('U' | 'S') => std::time::Duration::ZERO,
            Some('P') => {
                text.push_str("0.00");
                continue;
            }
            Some(other) => return Err(other),
        };
        let fraction = format!("{:03}", time.subsec_millis());
        let fraction = if digits == 0 { String::new() } else { format!(".{}", &fraction[..digits]) };
        text.push_str(&match long {
            true => format!("{}m{}{fraction}s", time.as_secs() / 60, time.as_secs() % 60),
            false => format!("{}{fraction}", time.as_secs()),
        });
    }
    Ok(text)
}
