//! Jobs: what a shell started, in the foreground or behind `&`, and what became of it.
//!
//! Always: a child is waited for exactly once; jobs are told of before the next prompt.
//! Source: bash(1), "JOB CONTROL".

use super::syntax::AndOr;
use super::{Flow, Fork, Shell};
use crate::cmd::Exit;
use crate::process::ProcessId;
use crate::run::Group;
use crate::signal::Signal;
use crate::system::ChildState;
use crate::waiting::WaitOn;
use std::rc::Rc;
use std::task::Poll;

/// Jobs a shell remembers; the oldest finished ones are forgotten first.
const JOBS: usize = 512;

#[derive(Clone, Debug)]
pub(super) struct Member {
    pub process: ProcessId,
    pub pid: u32,
    pub state: ChildState,
}

#[derive(Clone, Debug)]
pub(super) struct Job {
    pub number: usize,
    pub group: ProcessId,
    pub members: Vec<Member>,
    pub text: String,
    /// Its last change has been told.
    pub told: bool,
    /// In the foreground: not listed unless it stops.
    pub foreground: bool,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Jobs {
    pub list: Vec<Job>,
    /// Numbers, the current one (`%+`) last.
    order: Vec<usize>,
    /// These are the jobs of the shell that this one is a subshell of: shown, not waited for.
    inherited: bool,
    /// How processes ended that were waited for, for who asks again.
    waited: std::collections::BTreeMap<u32, u8>,
}

impl Job {
    pub fn state(&self) -> ChildState {
        let states = || self.members.iter().map(|member| member.state);
        if states().any(|state| state == ChildState::Running) {
            return ChildState::Running;
        }
        states()
            .find(|state| matches!(state, ChildState::Stopped(_)))
            .unwrap_or_else(|| self.members.last().map_or(ChildState::Gone, |member| member.state))
    }

    pub fn is_over(&self) -> bool {
        !matches!(self.state(), ChildState::Running | ChildState::Stopped(_))
    }

    pub fn is_stopped(&self) -> bool {
        matches!(self.state(), ChildState::Stopped(_))
    }

    /// The word of `jobs`.
    fn word(&self) -> String {
        match self.state() {
            ChildState::Running => "Running".to_owned(),
            ChildState::Stopped(Signal::TerminalStop) => "Stopped".to_owned(),
            ChildState::Stopped(signal) => signal.text().to_owned(),
            ChildState::Exited(_, Some(signal)) => signal.text().to_owned(),
            ChildState::Exited(Exit(0), None) | ChildState::Gone => "Done".to_owned(),
            ChildState::Exited(Exit(status), None) => format!("Exit {status}"),
        }
    }
}

impl Jobs {
    fn add(&mut self, members: Vec<Member>, group: ProcessId, text: String, foreground: bool) -> usize {
        if std::mem::take(&mut self.inherited) {
            (self.list, self.order) = Default::default();
        }
        if self.list.len() >= JOBS
            && let Some(index) = self.list.iter().position(Job::is_over)
        {
            self.list.remove(index);
        }
        let number = self.list.iter().map(|job| job.number).max().unwrap_or(0) + 1;
        self.list.push(Job { number, group, members, text, told: false, foreground });
        self.order.push(number);
        number
    }

    /// In a subshell.
    pub fn inherit(&mut self) {
        self.inherited = true;
        self.waited.clear();
    }

    /// The jobs whose processes are children of this shell.
    pub fn own(&self) -> &[Job] {
        if self.inherited { &[] } else { &self.list }
    }

    /// A process was waited for by its number; its job, when over, is forgotten.
    pub fn note_waited(&mut self, pid: u32, status: u8) {
        if self.waited.len() >= JOBS {
            self.waited.pop_first();
        }
        self.waited.insert(pid, status);
        let over = self.list.iter().find(|job| job.is_over() && job.members.iter().any(|it| it.pid == pid));
        if let Some(number) = over.map(|job| job.number) {
            self.remove(number);
        }
    }

    pub fn waited(&self, pid: u32) -> Option<u8> {
        self.waited.get(&pid).copied()
    }

    pub fn get(&mut self, number: usize) -> Option<&mut Job> {
        self.list.iter_mut().find(|job| job.number == number)
    }

    pub fn remove(&mut self, number: usize) {
        self.list.retain(|job| job.number != number);
        self.order.retain(|known| *known != number);
    }

    fn make_current(&mut self, number: usize) {
        self.order.retain(|known| *known != number);
        self.order.push(number);
    }

    /// The jobs that `%+` and `%-` stand for: stopped ones first, then the latest.
    fn current(&self) -> (Option<usize>, Option<usize>) {
        let known = |number: &&usize| self.list.iter().any(|job| job.number == **number && !job.foreground);
        let stopped = |number: &usize| {
            self.list.iter().any(|job| job.number == *number && matches!(job.state(), ChildState::Stopped(_)))
        };
        let mut numbers: Vec<usize> = self.order.iter().filter(known).copied().collect();
        numbers.sort_by_key(stopped);
        (numbers.pop(), numbers.pop())
    }

    /// What `%2`, `%+`, `%-`, `%name`, `%?text` stands for.
    pub fn find(&self, spec: &str) -> Option<usize> {
        let (current, previous) = self.current();
        match spec.strip_prefix('%').unwrap_or(spec) {
            "" | "+" | "%" => current,
            "-" => previous.or(current),
            name => match name.parse::<usize>() {
                Ok(number) => self.list.iter().find(|job| job.number == number).map(|job| job.number),
                Err(_) => match name.strip_prefix('?') {
                    Some(part) => self.list.iter().find(|job| job.text.contains(part)).map(|job| job.number),
                    None => self.list.iter().find(|job| job.text.starts_with(name)).map(|job| job.number),
                },
            },
        }
    }

    /// `[1]+  Running                 sleep 100 &`
    pub fn line(&self, job: &Job, with_pid: bool) -> String {
        let (current, previous) = self.current();
        let mark = match Some(job.number) {
            number if number == current => '+',
            number if number == previous => '-',
            _ => ' ',
        };
        let pid = match with_pid {
            true => format!("{:>5} ", job.members.first().map_or(0, |member| member.pid)),
            false => String::new(),
        };
        let running = if job.state() == ChildState::Running { " &" } else { "" };
        format!("[{}]{mark}  {pid}{:<23} {}{running}\n", job.number, job.word(), job.text)
    }
}

impl Shell {
    /// Which group a new foreground job's first process joins.
    pub(super) fn job_group(&self) -> Group {
        if self.options.monitor { Group::New } else { Group::Same }
    }

    pub(super) fn group_after(&self, group: Group, first: ProcessId) -> Group {
        if group == Group::New { Group::Of(first) } else { group }
    }

    async fn members(&self, children: Vec<ProcessId>) -> Vec<Member> {
        self.sys
            .ask(move |system, _| {
                let member = |process: ProcessId| {
                    let pid = system.find_process(process).map_or(0, crate::Process::own_pid);
                    Member { process, pid, state: ChildState::Running }
                };
                children.into_iter().map(member).collect()
            })
            .await
    }

    /// Waits for a foreground job: its status is the last one's (with `pipefail` the last failed one's).
    pub(super) async fn wait_foreground(&mut self, children: Vec<ProcessId>, source: &str) -> Flow {
        let members = self.members(children).await;
        let Some(first) = members.first().map(|member| member.process) else { return Flow::Next };
        let number = self.jobs.add(members, first, source.to_owned(), true);
        let flow = self.wait_job(number).await;
        if self.traps.get(super::trap::Event::Signal(Signal::Child)).is_some() {
            self.signalled.push(Signal::Child);
        }
        self.tell_dead().await;
        flow
    }

    /// A shell without job control says of its background jobs only that they were killed.
    pub(super) async fn tell_dead(&mut self) {
        if self.interactive || self.dialect == super::Dialect::Dash {
            return;
        }
        self.update_jobs().await;
        let quiet = [Signal::Int, Signal::Term, Signal::Pipe];
        let mut lines = Vec::new();
        for job in self.jobs.list.iter_mut().filter(|job| !job.told && !job.foreground && job.is_over()) {
            job.told = true;
            if let Some(Member { pid, state: ChildState::Exited(_, Some(signal)), .. }) = job.members.last()
                && !quiet.contains(signal)
            {
                lines.push(format!("{pid:>5} {:<23} {}", signal.text(), job.text));
            }
        }
        for line in lines {
            self.complain_line(line).await;
        }
    }

    /// Waits until that job is over or stopped; gives it the terminal meanwhile.
    pub(super) async fn wait_job(&mut self, number: usize) -> Flow {
        let control = self.options.monitor && self.subshell == 0;
        let Some(job) = self.jobs.get(number) else { return Flow::Next };
        job.foreground = true;
        let group = job.group;
        if control {
            self.sys.ask(move |system, id| system.tty_foreground(id, Some(group))).await;
        }
        self.until_changed(number).await;
        if control {
            self.sys.ask(|system, id| system.tty_foreground(id, None)).await;
        }
        let Some(job) = self.jobs.get(number) else { return Flow::Next };
        let (state, text) = (job.state(), job.text.clone());
        let statuses: Vec<u8> = job.members.iter().map(|member| member.state.status()).collect();
        let killed = job.members.last().map(|member| (member.state, member.pid));
        if matches!(state, ChildState::Stopped(_)) {
            job.foreground = false;
            job.told = true;
            self.status = state.status();
            self.jobs.make_current(number);
            let line =
                self.jobs.get(number).cloned().map(|job| self.jobs.line(&job, false)).unwrap_or_default();
            self.sys.eprint(format!("\n{line}")).await;
            return Flow::Next;
        }
        self.jobs.remove(number);
        self.pipe_status.clone_from(&statuses);
        let failed = statuses.iter().rev().find(|status| **status != 0).copied().unwrap_or(0);
        self.status = if self.options.pipefail { failed } else { statuses.last().copied().unwrap_or(0) };
        match killed {
            Some((ChildState::Exited(_, Some(signal)), pid)) => self.tell_killed(signal, pid, &text).await,
            _ => Flow::Next,
        }
    }

    /// A foreground job was killed: bash says so, except of Ctrl-C and a broken pipe.
    async fn tell_killed(&mut self, signal: Signal, pid: u32, text: &str) -> Flow {
        let interactive = self.interactive && self.subshell == 0;
        match signal {
            Signal::Int if interactive => {
                self.sys.eprint("\n").await;
                self.interrupted = true;
                return Flow::Discard;
            }
            Signal::Int | Signal::Pipe => {}
            _ if interactive => self.sys.eprint(format!("{}\n", signal.text())).await,
            Signal::Term => self.sys.eprint(format!("{}\n", signal.text())).await,
            _ if self.dialect == super::Dialect::Dash => {
                self.sys.eprint(format!("{}\n", signal.text())).await
            }
            _ => self.complain_line(format!("{pid:>5} {:<23} {text}", signal.text())).await,
        }
        Flow::Next
    }

    /// Waits until nothing of the job runs any more.
    async fn until_changed(&mut self, number: usize) {
        loop {
            let Some(job) = self.jobs.get(number) else { return };
            let waiting: Vec<ProcessId> = job
                .members
                .iter()
                .filter(|member| matches!(member.state, ChildState::Running | ChildState::Stopped(_)))
                .map(|member| member.process)
                .collect();
            let states =
                self.sys
                    .call(move |system, id| {
                        let states: Vec<_> =
                            waiting.iter().map(|child| (*child, system.child_state(id, *child))).collect();
                        if states.iter().any(|(_, state)| *state == ChildState::Running) {
                            system.wait_on(WaitOn::Children(id), id);
                            // What is over must not be lost: it has been reaped by now.
                            if states.iter().all(|(_, state)| {
                                matches!(state, ChildState::Running | ChildState::Stopped(_))
                            }) {
                                return Poll::Pending;
                            }
                        }
                        Poll::Ready(states)
                    })
                    .await;
            let Some(job) = self.jobs.get(number) else { return };
            for (process, state) in states {
                if let Some(member) = job.members.iter_mut().find(|member| member.process == process) {
                    member.state = state;
                }
            }
            if job.state() != ChildState::Running {
                return;
            }
        }
    }

    /// Looks what has become of the jobs, without waiting.
    pub(super) async fn update_jobs(&mut self) {
        let ids: Vec<ProcessId> = self
            .jobs
            .own()
            .iter()
            .flat_map(|job| &job.members)
            .filter(|member| matches!(member.state, ChildState::Running | ChildState::Stopped(_)))
            .map(|member| member.process)
            .collect();
        if ids.is_empty() {
            return;
        }
        let states: Vec<_> = self
            .sys
            .ask(move |system, id| {
                ids.into_iter().map(|child| (child, system.child_state(id, child))).collect()
            })
            .await;
        for (process, state) in states {
            for job in &mut self.jobs.list {
                if let Some(member) = job.members.iter_mut().find(|member| member.process == process)
                    && member.state != state
                {
                    member.state = state;
                    job.told = false;
                }
            }
        }
    }

    /// Before a prompt: what has changed.
    pub(super) async fn tell_jobs(&mut self) {
        self.update_jobs().await;
        let changed: Vec<_> = self.jobs.list.iter().filter(|job| !job.told).cloned().collect();
        for job in changed {
            if job.state() != ChildState::Running {
                let line = self.jobs.line(&job, false);
                if self.options.monitor {
                    self.sys.eprint(line).await;
                }
            }
            if job.is_over() {
                self.jobs.remove(job.number);
            } else if let Some(job) = self.jobs.get(job.number) {
                job.told = true;
            }
        }
    }

    pub(super) async fn run_background(&mut self, and_or: &Rc<AndOr>) -> Flow {
        let body = Rc::clone(and_or);
        let group = if self.options.monitor { Group::New } else { Group::Same };
        let quiet = !self.options.monitor;
        let how = Fork { group, background: true };
        let child = self
            .fork(&[], &[], how, move |mut shell| async move {
                if quiet && let Ok(fd) = shell.sys.open("/dev/null", crate::OpenFlags::READ).await {
                    shell.sys.dup2(fd, 0).await.ok();
                    shell.sys.close(fd).await.ok();
                }
                let list = super::syntax::List {
                    items: vec![super::syntax::Item { and_or: body, background: false }],
                };
                shell.run_to_end(&list).await
            })
            .await;
        let child = match child {
            Ok(child) => child,
            Err(failure) => return self.failed(failure),
        };
        let members = self.members(vec![child]).await;
        let pid = members.first().map_or(0, |member| member.pid);
        self.last_background = Some(pid);
        let number = self.jobs.add(members, child, and_or.printed(), false);
        if let Some(job) = self.jobs.get(number) {
            job.told = true;
        }
        if self.interactive && self.subshell == 0 {
            self.sys.eprint(format!("[{number}] {pid}\n")).await;
        }
        self.status = 0;
        Flow::Next
    }

    /// Waits for one process of a job (`wait PID`): its status, or `Err(signal)` where a trapped signal came.
    pub(super) async fn wait_process(&mut self, process: ProcessId) -> Result<u8, Signal> {
        let state = self
            .sys
            .call(move |system, id| {
                if let Some(signal) = system.take_signal(id) {
                    return Poll::Ready(Err(signal));
                }
                match system.child_state(id, process) {
                    ChildState::Running => {
                        system.wait_on(WaitOn::Children(id), id);
                        Poll::Pending
                    }
                    state => Poll::Ready(Ok(state)),
                }
            })
            .await;
        match state {
            Ok(state) => {
                for job in &mut self.jobs.list {
                    if let Some(member) = job.members.iter_mut().find(|member| member.process == process) {
                        member.state = state;
                        job.told = false;
                    }
                }
                Ok(state.status())
            }
            Err(signal) => {
                self.signalled.push(signal);
                Err(signal)
            }
        }
    }
}
