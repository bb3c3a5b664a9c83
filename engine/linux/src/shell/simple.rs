//! A simple command: assignments, words and redirections become a function, a builtin or a program.
//!
//! Source: bash(1), "SIMPLE COMMAND EXPANSION", "COMMAND EXECUTION".

use super::builtin::{self, Argument as Given};
use super::syntax::{Argument, Assignment, Command, Dialect, Redirect, Simple, Value};
use super::trap::Event;
use super::variables::Variable;
use super::{Failure, Flow, Function, Running, Shell};
use crate::run::Start;
use net::Errno;
use std::collections::BTreeMap;

impl Shell {
    pub(super) async fn run_simple(
        &mut self,
        command: &Command,
        simple: &Simple,
        tail: bool,
    ) -> Result<Flow, Failure> {
        self.line = command.line;
        let flow = self.tick().await;
        if flow != Flow::Next {
            return Ok(flow);
        }
        let flow = Box::pin(self.before(command.printed())).await;
        if flow != Flow::Next {
            return Ok(flow);
        }
        self.line = command.line;
        self.substituted = None;
        let kept = self.process_fds.len();
        let words = Box::pin(self.expand_arguments(&simple.words)).await?;
        let flow = match words.first().map(Given::text) {
            None => Box::pin(self.only_assignments(simple, &command.redirects)).await,
            Some(name) => {
                let last = words.last().map(Given::text).unwrap_or_default();
                let flow = Box::pin(self.run_named(name, words, simple, command, tail)).await;
                self.last_argument = last;
                flow
            }
        };
        self.close_process_fds(kept).await;
        flow
    }

    async fn expand_arguments(&mut self, arguments: &[Argument]) -> Result<Vec<Given>, Failure> {
        let mut given = Vec::new();
        for argument in arguments {
            match argument {
                Argument::Word(word) => {
                    given.extend(self.expand_word(word).await?.into_iter().map(Given::Text))
                }
                Argument::Assignment(assignment) => given.push(self.expand_assignment(assignment).await?),
            }
        }
        Ok(given)
    }

    async fn expand_assignment(&mut self, assignment: &Assignment) -> Result<Given, Failure> {
        let index = match &assignment.index {
            Some(word) => Some(self.expand_text(word).await?),
            None => None,
        };
        let value = match &assignment.value {
            Value::Scalar(word) => builtin::Given::Scalar(self.expand_value(word).await?),
            Value::Array(elements) => builtin::Given::Array(self.expand_elements(elements).await?),
        };
        Ok(Given::Assignment { name: assignment.name.clone(), index, append: assignment.append, value })
    }

    async fn only_assignments(&mut self, simple: &Simple, redirects: &[Redirect]) -> Result<Flow, Failure> {
        match self.redirect(redirects).await {
            Ok(saved) => self.undo_redirects(saved).await,
            Err(Failure::Discard) => {
                self.status = 1;
                return Ok(Flow::Next);
            }
            Err(failure) => return Err(failure),
        }
        for assignment in &simple.assignments {
            self.assign(assignment).await?;
        }
        self.status = self.substituted.unwrap_or(0);
        Ok(Flow::Next)
    }

    async fn run_named(
        &mut self,
        name: String,
        words: Vec<Given>,
        simple: &Simple,
        command: &Command,
        tail: bool,
    ) -> Result<Flow, Failure> {
        let special = name == "exec";
        let function = self.functions.get(&name).cloned();
        let is_builtin = self.runs_builtin(&name);
        if function.is_none() && !is_builtin {
            return Box::pin(self.run_external(&name, words, simple, command, tail)).await;
        }
        let keeps = special && function.is_none();
        let before = Box::pin(self.assign_temporarily(simple, keeps)).await?;
        self.trace(&words).await;
        let saved = match Box::pin(self.redirect(&command.redirects)).await {
            Ok(saved) => saved,
            Err(failure) => {
                self.restore(before);
                self.status = 1;
                return if failure == Failure::Discard { Ok(Flow::Next) } else { Err(failure) };
            }
        };
        let flow = match function {
            Some(function) => {
                let arguments = words.into_iter().skip(1).map(|word| word.text()).collect();
                self.call_function(&name, &function, arguments).await
            }
            None => {
                self.sync_environment().await;
                self.run_builtin(&name, words).await
            }
        };
        self.restore(before);
        match keeps {
            true if flow == Flow::Next && self.status == 0 => self.keep_redirects(saved).await,
            _ => self.undo_redirects(saved).await,
        }
        Ok(flow)
    }

    /// The assignments before a command count while it runs.
    async fn assign_temporarily(
        &mut self,
        simple: &Simple,
        keeps: bool,
    ) -> Result<Vec<(String, Option<Variable>)>, Failure> {
        let mut before = Vec::new();
        for assignment in &simple.assignments {
            if !keeps {
                before.push((assignment.name.clone(), self.variables.get_direct(&assignment.name).cloned()));
            }
            self.assign(assignment).await?;
            self.variables.entry(&assignment.name).exported = true;
            self.environment_changed = true;
        }
        Ok(before)
    }

    fn restore(&mut self, before: Vec<(String, Option<Variable>)>) {
        for (name, variable) in before.into_iter().rev() {
            match variable {
                Some(variable) => *self.variables.entry_direct(&name) = variable,
                None => self.variables.remove(&name),
            }
            self.environment_changed = true;
        }
    }

    pub(super) fn call_function<'a>(
        &'a mut self,
        name: &'a str,
        function: &'a Function,
        arguments: Vec<String>,
    ) -> Running<'a, Flow> {
        Box::pin(async move {
            if self.calls >= super::CALLS {
                let limit = super::CALLS;
                let words = format!("{name}: maximum function nesting level exceeded ({limit})");
                let failure = self.complain(words).await;
                return self.failed(failure);
            }
            self.calls += 1;
            let positional = std::mem::replace(&mut self.positional, arguments);
            let (loops, line) = (std::mem::take(&mut self.loops), self.line);
            let outer = self.enter_frame(name, &function.source);
            let traps = self.traps.enter_function(self.options.functrace, self.options.errtrace);
            self.variables.enter();
            let mut flow = self.run_command(&function.body, false).await;
            if let Some(command) = self.traps.get(Event::Return).map(str::to_owned)
                && flow != Flow::Exit
            {
                let after = self.run_trap(Event::Return, &command).await;
                flow = if after == Flow::Next { flow } else { after };
            }
            self.variables.leave();
            self.traps.leave_function(traps);
            self.leave_frame(outer);
            self.positional = positional;
            (self.loops, self.line) = (loops, line);
            self.calls -= 1;
            self.environment_changed = true;
            match flow {
                Flow::Return | Flow::Break(_) | Flow::Continue(_) => Flow::Next,
                flow => flow,
            }
        })
    }

    async fn run_external(
        &mut self,
        name: &str,
        words: Vec<Given>,
        simple: &Simple,
        command: &Command,
        tail: bool,
    ) -> Result<Flow, Failure> {
        let before = Box::pin(self.assign_temporarily(simple, false)).await?;
        let environment = self.variables.exported();
        let search = self.scalar("PATH").unwrap_or_default();
        self.restore(before);
        self.trace(&words).await;
        let saved = match Box::pin(self.redirect(&command.redirects)).await {
            Ok(saved) => saved,
            Err(Failure::Discard) => {
                self.status = 1;
                return Ok(Flow::Next);
            }
            Err(failure) => return Err(failure),
        };
        let arguments: Vec<String> = words.iter().map(Given::text).collect();
        let flow = match self.locate(name, &search).await {
            Err(status) => {
                self.status = status;
                self.pipe_status = vec![status];
                Flow::Next
            }
            Ok(path) => {
                let start = self.start_of(path, arguments, environment).await;
                if tail {
                    let errno = self.sys.exec(start).await;
                    self.status = self.cannot_execute(name, errno).await;
                    Flow::Next
                } else {
                    match self.sys.spawn(start).await {
                        Ok(child) => {
                            self.undo_redirects(saved).await;
                            return Ok(self.wait_foreground(vec![child], &command.printed()).await);
                        }
                        Err(errno) => {
                            self.status = self.cannot_execute(name, errno).await;
                            Flow::Next
                        }
                    }
                }
            }
        };
        self.undo_redirects(saved).await;
        Ok(flow)
    }

    /// A file that is no program is a script of this shell.
    pub(super) async fn start_of(
        &self,
        path: String,
        arguments: Vec<String>,
        environment: BTreeMap<String, String>,
    ) -> Start {
        let wanted = (path.clone(), arguments.clone());
        let script = self
            .sys
            .ask(move |system, id| {
                let view = system.view(id);
                system.load(&view, &wanted.0, wanted.1).err() == Some(Errno::ENOEXEC)
            })
            .await;
        let mut environment = environment;
        environment.insert("_".to_owned(), path.clone());
        let group = self.job_group();
        if script {
            let shell = if self.dialect == Dialect::Bash { "/bin/bash" } else { "/bin/sh" };
            let rest = arguments.into_iter().skip(1);
            let arguments = [shell.to_owned(), path].into_iter().chain(rest).collect();
            let path = Some(shell.to_owned());
            return Start { arguments, path, environment: Some(environment), group, ..Start::default() };
        }
        Start { arguments, path: Some(path), environment: Some(environment), group, ..Start::default() }
    }

    /// Where a command's file is; else says why not, and the status.
    pub(super) async fn locate(&mut self, name: &str, search: &str) -> Result<String, u8> {
        if let Some((path, hits)) = self.hashed.get_mut(name) {
            *hits += 1;
            return Ok(path.clone());
        }
        match self.find(name, search).await {
            Ok(path) => {
                if !name.contains('/') {
                    self.hashed.insert(name.to_owned(), (path.clone(), 1));
                }
                Ok(path)
            }
            Err(Errno::ENOENT) if search.is_empty() && self.dialect == Dialect::Bash => {
                self.complain_line(format!("{name}: {}", Errno::ENOENT)).await;
                Err(127)
            }
            Err(errno) => Err(self.cannot_execute(name, errno).await),
        }
    }

    pub(super) async fn find(&self, name: &str, search: &str) -> Result<String, Errno> {
        let (name, search) = (name.to_owned(), search.to_owned());
        self.sys
            .ask(move |system, id| {
                let view = system.view(id);
                system.find_executable(&view, &name, &search)
            })
            .await
    }

    async fn cannot_execute(&mut self, name: &str, errno: Errno) -> u8 {
        let dash = self.dialect == Dialect::Dash;
        let directory = self.sys.stat(name).await.is_ok_and(|stat| stat.kind == crate::FileKind::Directory);
        let (words, status) = match errno {
            Errno::ENOENT if !name.contains('/') && !dash => (format!("{name}: command not found"), 127),
            Errno::ENOENT if dash => (format!("{name}: not found"), 127),
            Errno::ENOENT if self.sys.exists(name).await => {
                (format!("{name}: cannot execute: required file not found"), 127)
            }
            Errno::ENOENT => (format!("{name}: {errno}"), 127),
            Errno::EACCES if directory && name.contains('/') && !dash => {
                (format!("{name}: Is a directory"), 126)
            }
            Errno::EAGAIN => (format!("fork: {errno}"), 254),
            _ => (format!("{name}: {errno}"), 126),
        };
        self.complain_line(words).await;
        status
    }
}
