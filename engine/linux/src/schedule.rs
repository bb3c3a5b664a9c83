//! The scheduler: which process runs next, for how long, and what a signal does to it.
//!
//! Always: ready processes run in the order of their ids; one that makes too many calls at one instant is put off.
//! Source: signal(7).

use crate::cmd::Exit;
use crate::process::ProcessId;
use crate::signal::{DefaultAction, Signal};
use crate::system::System;
use crate::waiting::WaitOn;
use sim::Instant;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// System calls a process may make at one instant before it is put off.
const CALLS_PER_SLICE: u32 = 20_000;
/// By how long such a process is put off.
const SLICE: Duration = Duration::from_millis(10);

impl System {
    /// When something is due next, of a process or of the network.
    pub fn next_at(&mut self) -> Option<Instant> {
        self.wake_sockets();
        if !self.ready.is_empty() {
            return Some(self.now());
        }
        [self.timers.keys().next().map(|(at, _)| *at), self.net.next_at()].into_iter().flatten().min()
    }

    /// Runs what is due next, at or before `until`; else sets the clock there and says false.
    pub fn step(&mut self, until: Instant) -> bool {
        self.wake_sockets();
        if let Some(id) = self.ready.pop_first() {
            self.poll(id);
            return true;
        }
        let timer = self.timers.keys().next().map_or(Instant::NEVER, |(at, _)| *at);
        let packet = self.net.next_at().unwrap_or(Instant::NEVER);
        if timer < packet && timer <= until {
            self.net.step(timer);
            self.timer_over();
            return true;
        }
        self.net.step(until)
    }

    /// Polls one process until it waits, ends, or has used up its slice.
    fn poll(&mut self, id: ProcessId) {
        let Some(process) = self.processes.get_mut(&id) else { return };
        if process.stopped || process.exit.is_some() {
            return;
        }
        let Some(mut program) = process.program.take() else { return };
        let mut mailbox = process.mailbox.clone();
        let mut made = 0;
        let mut first = mailbox.borrow().is_empty();
        loop {
            let woken = self.processes.get_mut(&id).map(|it| std::mem::take(&mut it.woken));
            let mut calls = mailbox.borrow_mut().take_due(&woken.unwrap_or_default());
            made += calls.len() as u32;
            let before = calls.len();
            calls.run(self, id);
            let answered = calls.len() < before;
            mailbox.borrow_mut().put_back(calls);
            // A call may have ended this process, or made it another program.
            let Some(process) = self.processes.get_mut(&id).filter(|process| process.exit.is_none()) else {
                return;
            };
            if let Some(replacement) = process.replacement.take() {
                program = replacement;
                mailbox = Rc::clone(&process.mailbox);
            } else if process.stopped || (!answered && !first) {
                break;
            }
            first = false;
            if let Poll::Ready(exit) = program.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                return self.end(id, exit);
            }
            if made > CALLS_PER_SLICE {
                self.wake_at(self.now() + SLICE, id);
                break;
            }
        }
        if let Some(process) = self.processes.get_mut(&id) {
            process.program = Some(program);
        }
    }

    /// A signal comes: the program is told if it asked for that, else the default action is done.
    pub fn signal(&mut self, id: ProcessId, signal: Signal) {
        let Some(process) = self.processes.get_mut(&id).filter(|process| process.exit.is_none()) else {
            return;
        };
        if signal == Signal::Cont && process.stopped {
            process.stopped = false;
            self.wake_whole(id);
            self.tell_parent(id);
        }
        let Some(process) = self.processes.get_mut(&id) else { return };
        let certain = matches!(signal, Signal::Kill | Signal::Stop);
        if !certain && process.ignored.contains(&signal) {
            return;
        }
        if !certain && process.caught.contains(&signal) {
            process.pending.push_back(signal);
            self.wake_whole(id);
            return;
        }
        match signal.default_action() {
            DefaultAction::Ignore | DefaultAction::Continue => {}
            DefaultAction::Stop => {
                process.stopped = true;
                process.stop_signal = Some(signal);
                self.tell_parent(id);
            }
            DefaultAction::Terminate if !certain && process.ends_itself.is_some() => {
                let exit = process.ends_itself.unwrap_or(Exit::OK);
                self.end(id, exit);
            }
            // Process 1 is not killed by what it did not ask for, but by a sure signal from outside; pid_namespaces(7).
            DefaultAction::Terminate if process.own_pid() == 1 && !certain => {}
            DefaultAction::Terminate => {
                process.killed_by = Some(signal);
                self.end(id, Exit(128 + signal.number()));
            }
        }
    }

    /// The same, to every process of a group.
    pub fn signal_group(&mut self, group: ProcessId, signal: Signal) {
        let members: Vec<_> = self
            .processes
            .values()
            .filter(|process| process.group == group)
            .map(|process| process.id)
            .collect();
        members.into_iter().for_each(|id| self.signal(id, signal));
    }

    pub(crate) fn tell_parent(&mut self, id: ProcessId) {
        self.wake(WaitOn::Child(id));
        if let Some(parent) = self.process(id).parent {
            self.wake(WaitOn::Children(parent));
        }
    }
}
