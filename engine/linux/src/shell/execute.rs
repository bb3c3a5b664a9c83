//! Running what was read: lists, pipelines, compound commands.
//!
//! Always: `status` holds the status of what ran last.
//! Source: bash(1), "SHELL GRAMMAR".

use super::syntax::{
    AndOr, Arm, ArmEnd, Assignment, Command, Join, Kind, List, Pipeline, TimeFormat, Value, Word,
};
use super::trap::Event;
use super::{Failure, Flow, Fork, Running, Shell};
use crate::cmd::Exit;
use crate::shell::pattern::Pattern;
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
                    self.run_background(&item.and_or).await
                } else {
                    self.run_and_or(&item.and_or, tail && index + 1 == list.items.len()).await
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
        let mut flow = self.run_pipeline(&and_or.first, !alone, tail && alone).await;
        for (index, (join, pipeline)) in and_or.rest.iter().enumerate() {
            if flow != Flow::Next {
                return flow;
            }
            if (*join == Join::And) == (self.status == 0) {
                let checked = index + 1 < and_or.rest.len();
                flow = self.run_pipeline(pipeline, checked, false).await;
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
            commands => self.run_commands(commands, &pipeline.source).await,
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
        if flow == Flow::Next && self.status != 0 && !checked && !pipeline.negated {
            return self.after_failure().await;
        }
        flow
    }

    /// A command failed and nobody asked: the ERR trap, and `set -e`.
    async fn after_failure(&mut self) -> Flow {
        if self.conditions > 0 {
            return Flow::Next;
        }
        if let Some(command) = self.traps.get(Event::Err).map(str::to_owned)
            && (self.calls == 0 || self.options.errtrace)
        {
            let flow = self.run_trap(Event::Err, &command).await;
            if flow != Flow::Next {
                return flow;
            }
        }
        if self.options.errexit { Flow::Exit } else { Flow::Next }
    }

    async fn print_time(&mut self, format: TimeFormat, took: std::time::Duration) {
        let shown = |took: std::time::Duration| {
            let (minutes, seconds) = (took.as_secs() / 60, took.as_secs() % 60);
            format!("{minutes}m{seconds}.{:03}s", took.subsec_millis())
        };
        let zero = std::time::Duration::ZERO;
        let text = match format {
            TimeFormat::Bash => {
                format!("\nreal\t{}\nuser\t{}\nsys\t{}\n", shown(took), shown(zero), shown(zero))
            }
            TimeFormat::Posix => {
                format!("real {}.{:02}\nuser 0.00\nsys 0.00\n", took.as_secs(), took.subsec_millis() / 10)
            }
        };
        self.sys.eprint(text).await;
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

    /// Runs one command of any kind.
    pub(super) fn run_command<'a>(&'a mut self, command: &'a Command, tail: bool) -> Running<'a, Flow> {
        Box::pin(async move {
            if let Kind::Simple(simple) = &command.kind {
                return match self.run_simple(command, simple, tail).await {
                    Ok(flow) => flow,
                    Err(failure) => self.failed(failure),
                };
            }
            self.line = command.line;
            if let Kind::Function { name, body } = &command.kind {
                self.functions.insert(name.clone(), Rc::clone(body));
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
            let flow = match self.run_compound(command).await {
                Ok(flow) => flow,
                Err(failure) => self.failed(failure),
            };
            self.undo_redirects(saved).await;
            self.close_process_fds(kept).await;
            flow
        })
    }

    async fn run_compound(&mut self, command: &Command) -> Result<Flow, Failure> {
        match &command.kind {
            Kind::Simple(_) | Kind::Function { .. } => Ok(Flow::Next),
            Kind::Group(list) => Ok(self.run_list(list, false).await),
            Kind::Subshell(list) => self.run_subshell(list, &command.source).await,
            Kind::If { branches, otherwise } => Ok(self.run_if(branches, otherwise.as_ref()).await),
            Kind::For { variable, words, body } => self.run_for(variable, words.as_deref(), body).await,
            Kind::Select { variable, words, body } => self.run_select(variable, words.as_deref(), body).await,
            Kind::ArithmeticFor { start, check, step, body } => {
                self.run_arithmetic_for(start, check, step, body).await
            }
            Kind::While { until, check, body } => Ok(self.run_while(*until, check, body).await),
            Kind::Case { subject, arms } => self.run_case(subject, arms).await,
            Kind::Arithmetic(word) => {
                let text = self.expand_text(word).await?;
                self.trace_plain(&format!("(( {} ))", text.trim())).await;
                self.status = match crate::shell::arithmetic::evaluate(&text, self) {
                    Ok(value) => u8::from(value == 0),
                    Err(words) => {
                        self.complain_line(format!("((: {words}")).await;
                        1
                    }
                };
                Ok(Flow::Next)
            }
            Kind::Conditional(condition) => {
                let holds = self.condition(condition).await?;
                self.status = u8::from(!holds);
                Ok(Flow::Next)
            }
        }
    }

    async fn run_subshell(&mut self, list: &Rc<List>, source: &str) -> Result<Flow, Failure> {
        let list = Rc::clone(list);
        let how = Fork { group: self.job_group(), background: false };
        let child =
            self.fork(&[], &[], how, move |mut shell| async move { shell.run_to_end(&list).await }).await?;
        Ok(self.wait_foreground(vec![child], source).await)
    }

    async fn run_if(&mut self, branches: &[(List, List)], otherwise: Option<&List>) -> Flow {
        for (check, body) in branches {
            self.conditions += 1;
            let flow = self.run_list(check, false).await;
            self.conditions -= 1;
            if flow != Flow::Next {
                return flow;
            }
            if self.status == 0 {
                return self.run_list(body, false).await;
            }
        }
        self.status = 0;
        match otherwise {
            Some(body) => self.run_list(body, false).await,
            None => Flow::Next,
        }
    }

    /// One turn of a loop: `Ok(true)` goes on, `Ok(false)` leaves the loop, `Err` leaves what is around it too.
    async fn turn(&mut self, body: &List) -> Result<bool, Flow> {
        let flow = self.run_list(body, false).await;
        self.after_turn(flow)
    }

    fn after_turn(&mut self, flow: Flow) -> Result<bool, Flow> {
        match flow {
            Flow::Next | Flow::Continue(1) => Ok(true),
            Flow::Break(1) => Ok(false),
            Flow::Break(n) => Err(Flow::Break(n - 1)),
            Flow::Continue(n) => Err(Flow::Continue(n - 1)),
            flow => Err(flow),
        }
    }

    async fn loop_items(&mut self, variable: &str, words: Option<&[Word]>) -> Result<Vec<String>, Failure> {
        if !super::builtin::is_name(variable) {
            return Err(self.complain(format!("`{variable}': not a valid identifier")).await);
        }
        match words {
            Some(words) => self.expand_words(words).await,
            None => Ok(self.positional.clone()),
        }
    }

    async fn run_for(
        &mut self,
        variable: &str,
        words: Option<&[Word]>,
        body: &List,
    ) -> Result<Flow, Failure> {
        let items = self.loop_items(variable, words).await?;
        self.status = 0;
        self.loops += 1;
        let mut flow = Flow::Next;
        for item in items {
            flow = self.tick().await;
            if flow != Flow::Next {
                break;
            }
            if let Err(failure) = self.set_variable(variable, item).await {
                flow = self.failed(failure);
                break;
            }
            match self.turn(body).await {
                Ok(true) => {}
                Ok(false) => break,
                Err(left) => {
                    flow = left;
                    break;
                }
            }
        }
        self.loops -= 1;
        Ok(flow)
    }

    async fn run_while(&mut self, until: bool, check: &List, body: &List) -> Flow {
        let mut status = 0;
        self.loops += 1;
        let flow = loop {
            let flow = self.tick().await;
            if flow != Flow::Next {
                break flow;
            }
            self.conditions += 1;
            let flow = self.run_list(check, false).await;
            self.conditions -= 1;
            match self.after_turn(flow) {
                Ok(true) => {}
                Ok(false) => break Flow::Next,
                Err(flow) => break flow,
            }
            if (self.status == 0) == until {
                self.status = status;
                break Flow::Next;
            }
            let turn = self.turn(body).await;
            status = self.status;
            match turn {
                Ok(true) => {}
                Ok(false) => break Flow::Next,
                Err(flow) => break flow,
            }
        };
        self.loops -= 1;
        flow
    }

    async fn run_arithmetic_for(
        &mut self,
        start: &Word,
        check: &Word,
        step: &Word,
        body: &List,
    ) -> Result<Flow, Failure> {
        self.loop_expression(start, 1).await?;
        let mut status = 0;
        self.loops += 1;
        let flow = loop {
            let flow = self.tick().await;
            if flow != Flow::Next {
                break Ok(flow);
            }
            match self.loop_expression(check, 1).await {
                Ok(0) => break Ok(Flow::Next),
                Ok(_) => {}
                Err(failure) => break Err(failure),
            }
            let turn = self.turn(body).await;
            status = self.status;
            match turn {
                Ok(true) => {}
                Ok(false) => break Ok(Flow::Next),
                Err(flow) => break Ok(flow),
            }
            if let Err(failure) = self.loop_expression(step, 1).await {
                break Err(failure);
            }
        };
        self.loops -= 1;
        self.status = status;
        flow
    }

    async fn loop_expression(&mut self, word: &Word, empty: i64) -> Result<i64, Failure> {
        let text = self.expand_text(word).await?;
        if text.trim().is_empty() {
            return Ok(empty);
        }
        match crate::shell::arithmetic::evaluate(&text, self) {
            Ok(value) => Ok(value),
            Err(words) => Err(self.complain(format!("((: {words}")).await),
        }
    }

    async fn run_select(
        &mut self,
        variable: &str,
        words: Option<&[Word]>,
        body: &List,
    ) -> Result<Flow, Failure> {
        let items = self.loop_items(variable, words).await?;
        self.status = 0;
        if items.is_empty() {
            return Ok(Flow::Next);
        }
        self.loops += 1;
        let mut show = true;
        let flow = loop {
            let flow = self.tick().await;
            if flow != Flow::Next {
                break flow;
            }
            if show {
                let width = items.len().to_string().len();
                for (index, item) in items.iter().enumerate() {
                    self.sys.eprint(format!("{:>width$}) {item}\n", index + 1)).await;
                }
            }
            let prompt = self.scalar("PS3").unwrap_or_else(|| "#? ".to_owned());
            self.sys.eprint(prompt).await;
            let Some(reply) = self.sys.read_line(0).await else {
                self.sys.print("\n").await;
                self.status = 1;
                break Flow::Next;
            };
            show = reply.trim().is_empty();
            if show {
                continue;
            }
            let chosen =
                reply.trim().parse::<usize>().ok().and_then(|number| items.get(number.checked_sub(1)?));
            self.set_variable("REPLY", reply.clone()).await?;
            self.set_variable(variable, chosen.cloned().unwrap_or_default()).await?;
            match self.turn(body).await {
                Ok(true) => {}
                Ok(false) => break Flow::Next,
                Err(flow) => break flow,
            }
        };
        self.loops -= 1;
        Ok(flow)
    }

    async fn run_case(&mut self, subject: &Word, arms: &[Arm]) -> Result<Flow, Failure> {
        let subject = self.expand_text(subject).await?;
        self.status = 0;
        let mut fall = false;
        for arm in arms {
            if !fall && !self.arm_matches(&subject, arm).await? {
                continue;
            }
            let flow = self.run_list(&arm.body, false).await;
            if flow != Flow::Next {
                return Ok(flow);
            }
            fall = match arm.end {
                ArmEnd::Leave => return Ok(Flow::Next),
                ArmEnd::FallThrough => true,
                ArmEnd::TestNext => false,
            };
        }
        Ok(Flow::Next)
    }

    async fn arm_matches(&mut self, subject: &str, arm: &Arm) -> Result<bool, Failure> {
        for pattern in &arm.patterns {
            let chars = self.expand_pattern(pattern).await?;
            let pattern = Pattern::new(&chars, true).ignoring_case(self.options.nocasematch);
            if pattern.matches(subject) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Makes an assignment; `name=(…)` makes an array.
    pub(super) async fn assign(&mut self, assignment: &Assignment) -> Result<(), Failure> {
        let name = &assignment.name;
        match (&assignment.value, &assignment.index) {
            (Value::Scalar(word), None) => {
                let text = self.expand_value(word).await?;
                self.assign_text(name, text, assignment.append).await
            }
            (Value::Scalar(word), Some(index)) => {
                let text = self.expand_value(word).await?;
                let index = self.expand_text(index).await?;
                self.assign_element(name, &index, text, assignment.append).await
            }
            (Value::Array(elements), _) => {
                let elements = self.expand_elements(elements).await?;
                self.assign_array(name, elements, assignment.append).await
            }
        }
    }
}
