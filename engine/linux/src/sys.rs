//! The system as a program sees it: a handle whose every call is an `await`.
//!
//! Always: a call is a closure that the scheduler runs on the [`System`]; it either answers, or has noted what it
//! waits for ([`System::wait_on`]) and is tried again when that comes, and then only. Dropping the future takes the call back.
//! Here stand the calls of time, network and waiting; files, processes and terminals add theirs beside their own code.

use crate::cmd::Exit;
use crate::process::ProcessId;
use crate::signal::Signal;
use crate::system::System;
use crate::waiting::WaitOn;
use api::NetnsId;
use net::{Errno, Network};
use sim::Instant;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// A call in the mailbox. Every kind of call is one of these two, so that what waits for it is the same code for all.
enum Call {
    Once(Box<dyn FnOnce(&mut System, ProcessId)>),
    /// Tried until it says that it has answered.
    Until(Box<dyn FnMut(&mut System, ProcessId) -> bool>),
}

/// In the place of a call's number: whatever the process waits for.
pub(crate) const ALL_CALLS: u64 = 0;

/// Calls of one process that have no answer yet, in the order they were made.
#[derive(Default)]
pub(crate) struct Mailbox {
    /// How many were made; the first has number 1.
    made: u64,
    /// Calls up to that number were tried.
    tried: u64,
    calls: Vec<(u64, Call)>,
}

/// Calls that were taken out to be run.
pub(crate) struct Calls(Vec<(u64, Call)>);

impl Calls {
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Runs each; those still unanswered remain.
    pub(crate) fn run(&mut self, system: &mut System, id: ProcessId) {
        let run = |(number, call)| {
            system.calling = number;
            match call {
                Call::Once(call) => {
                    call(system, id);
                    None
                }
                Call::Until(mut call) => (!call(system, id)).then_some((number, Call::Until(call))),
            }
        };
        self.0 = std::mem::take(&mut self.0).into_iter().filter_map(run).collect();
        system.calling = ALL_CALLS;
    }
}

impl Mailbox {
    /// Takes out the open calls that were not tried yet, and those that were woken; what is still unanswered then is
    /// put back by [`Mailbox::put_back`].
    pub(crate) fn take_due(&mut self, woken: &BTreeSet<u64>) -> Calls {
        let tried = std::mem::replace(&mut self.tried, self.made);
        let tried = if woken.contains(&ALL_CALLS) { ALL_CALLS } else { tried };
        let mut due = self.calls.split_off(self.calls.partition_point(|(number, _)| *number <= tried));
        for at in woken.iter().rev().filter_map(|it| self.find(*it)).collect::<Vec<_>>() {
            due.insert(0, self.calls.remove(at));
        }
        Calls(due)
    }

    pub(crate) fn put_back(&mut self, unanswered: Calls) {
        for (number, call) in unanswered.0 {
            let at = self.calls.partition_point(|(other, _)| *other < number);
            self.calls.insert(at, (number, call));
        }
    }

    fn find(&self, number: u64) -> Option<usize> {
        self.calls.binary_search_by_key(&number, |(number, _)| *number).ok()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    fn add(&mut self, call: Call) -> u64 {
        self.made += 1;
        self.calls.push((self.made, call));
        self.made
    }
}

/// A program's handle on the system. Clones are the same process.
#[derive(Clone)]
pub struct Sys {
    pub id: ProcessId,
    mailbox: Rc<RefCell<Mailbox>>,
}

/// Why a [`Sys::wait`] ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Woke {
    /// That thing (index into what was asked for) may be ready.
    Ready(usize),
    Timeout,
    /// A caught signal came.
    Signal(Signal),
}

/// Where a call leaves its answer, and who is called then.
struct Slot<T> {
    answer: Option<T>,
    waker: Option<Waker>,
}

impl<T> Slot<T> {
    fn new() -> Rc<RefCell<Slot<T>>> {
        Rc::new(RefCell::new(Slot { answer: None, waker: None }))
    }

    fn put(&mut self, answer: T) {
        self.answer = Some(answer);
        self.waker.take().into_iter().for_each(Waker::wake);
    }
}

/// A system call that was made: a future of its answer. Dropping it takes the call back.
#[must_use = "a system call is made to be awaited"]
pub struct Syscall<T> {
    slot: Rc<RefCell<Slot<T>>>,
    /// What takes the call back.
    _ticket: Ticket,
}

struct Ticket {
    number: u64,
    mailbox: Rc<RefCell<Mailbox>>,
}

impl<T> Future for Syscall<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let mut slot = self.slot.borrow_mut();
        if let Some(answer) = slot.answer.take() {
            return Poll::Ready(answer);
        }
        slot.waker = Some(context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if let Ok(mut mailbox) = self.mailbox.try_borrow_mut() {
            let at = mailbox.find(self.number);
            at.map(|at| mailbox.calls.remove(at));
        }
    }
}

impl Sys {
    pub(crate) fn new(id: ProcessId) -> Sys {
        Sys { id, mailbox: Rc::default() }
    }

    pub(crate) fn mailbox(&self) -> Rc<RefCell<Mailbox>> {
        self.mailbox.clone()
    }

    /// A system call whose answer nobody waits for; made before the program's next one.
    pub fn post(&self, call: impl FnOnce(&mut System, ProcessId) + 'static) {
        // Only a program that is being thrown away finds its mailbox taken.
        if let Ok(mut mailbox) = self.mailbox.try_borrow_mut() {
            mailbox.add(Call::Once(Box::new(call)));
        }
    }

    fn ticket(&self, call: Call) -> Ticket {
        Ticket { number: self.mailbox.borrow_mut().add(call), mailbox: self.mailbox.clone() }
    }

    /// A system call that may have to wait: `call` answers, or notes what it waits for and is tried again.
    pub fn call<T: 'static>(
        &self,
        mut call: impl FnMut(&mut System, ProcessId) -> Poll<T> + 'static,
    ) -> Syscall<T> {
        let slot = Slot::new();
        let answered = Rc::clone(&slot);
        let call = Call::Until(Box::new(move |system, id| match call(system, id) {
            Poll::Ready(answer) => {
                answered.borrow_mut().put(answer);
                true
            }
            Poll::Pending => false,
        }));
        Syscall { slot, _ticket: self.ticket(call) }
    }

    /// A system call that answers at once.
    pub fn ask<T: 'static>(
        &self,
        question: impl FnOnce(&mut System, ProcessId) -> T + 'static,
    ) -> Syscall<T> {
        let slot = Slot::new();
        let answered = Rc::clone(&slot);
        let call = Call::Once(Box::new(move |system, id| {
            let answer = question(system, id);
            answered.borrow_mut().put(answer);
        }));
        Syscall { slot, _ticket: self.ticket(call) }
    }

    /// Asks the network of this process's netns.
    pub fn net<T: 'static>(&self, question: impl FnOnce(&mut Network, NetnsId) -> T + 'static) -> Syscall<T> {
        self.ask(move |system, id| {
            let netns = system.process(id).netns;
            question(&mut system.net, netns)
        })
    }

    /// As [`Sys::net`], for what needs CAP_NET_ADMIN: EPERM to everyone but root.
    pub async fn net_admin<T: 'static, E: From<Errno> + 'static>(
        &self,
        change: impl FnOnce(&mut Network, NetnsId) -> Result<T, E> + 'static,
    ) -> Result<T, E> {
        self.ask(move |system, id| {
            let (netns, uid) = (system.process(id).netns, system.process(id).uid);
            if uid == 0 { change(&mut system.net, netns) } else { Err(Errno::EPERM.into()) }
        })
        .await
    }

    /// A socket call that waits while it would block (`EAGAIN`).
    pub fn block_on<T: 'static>(
        &self,
        on: WaitOn,
        mut attempt: impl FnMut(&mut System, ProcessId) -> Result<T, Errno> + 'static,
    ) -> Syscall<Result<T, Errno>> {
        self.call(move |system, id| match attempt(system, id) {
            Err(Errno::EAGAIN) => {
                system.wait_on(on, id);
                Poll::Pending
            }
            answer => Poll::Ready(answer),
        })
    }

    /// Waits for the first of several things, a caught signal, or the deadline; poll(2).
    /// A thing that is ready already is not noticed: try it first, then wait.
    pub fn wait(&self, on: &[WaitOn], deadline: Option<Instant>) -> Syscall<Woke> {
        let on = on.to_vec();
        let mut noted = false;
        let mut timer = None;
        self.call(move |system, id| {
            let signal = system.take_signal(id);
            if !noted && signal.is_none() {
                noted = true;
                on.iter().for_each(|thing| system.wait_on(*thing, id));
                timer = deadline.map(|at| system.timer_add(at, id));
                return Poll::Pending;
            }
            let ready = on.iter().position(|thing| !system.is_waiting(*thing, id));
            let woke = match (signal, ready) {
                (Some(signal), _) => Woke::Signal(signal),
                (None, Some(index)) => Woke::Ready(index),
                (None, None) if deadline.is_some_and(|at| at <= system.now()) => Woke::Timeout,
                (None, None) => return Poll::Pending,
            };
            on.iter().for_each(|thing| system.forget(*thing, id));
            if let Some(timer) = timer.take() {
                system.timer_cancel(timer);
            }
            Poll::Ready(woke)
        })
    }

    /// An environment variable.
    pub fn env(&self, name: &str) -> Syscall<Option<String>> {
        let name = name.to_owned();
        self.ask(move |system, id| system.process(id).environment.get(&name).cloned())
    }

    /// getrandom(2)
    pub fn random(&self, count: usize) -> Syscall<Vec<u8>> {
        self.ask(move |system, _| {
            let mut bytes = vec![0; count];
            system.random.fill(&mut bytes);
            bytes
        })
    }

    pub fn cwd(&self) -> Syscall<String> {
        self.ask(|system, id| system.process(id).cwd.clone())
    }

    /// The effective user; 0 is root.
    pub fn uid(&self) -> Syscall<u32> {
        self.ask(|system, id| system.process(id).uid)
    }

    /// This process's number on its machine.
    pub fn pid(&self) -> Syscall<u32> {
        self.ask(|system, id| system.process(id).own_pid())
    }

    /// The wall clock: time since 1970.
    pub fn realtime(&self) -> Syscall<Duration> {
        self.ask(|system, _| system.realtime(system.now()))
    }

    pub fn now(&self) -> Syscall<Instant> {
        self.ask(|system, _| system.now())
    }

    /// Sleeps; a caught signal ends it early.
    pub async fn sleep(&self, time: Duration) -> Woke {
        let deadline = self.now().await + time;
        self.wait(&[], Some(deadline)).await
    }

    /// Lets others run: every loop of a program that makes no other call has one of these.
    pub fn yield_now(&self) -> Syscall<()> {
        self.ask(|_, _| ())
    }

    /// Waits for news that [`System::wake`] tells of under that number.
    pub async fn notice(&self, number: u32, deadline: Option<Instant>) -> Woke {
        let machine = self.ask(|system, id| system.process(id).machine).await;
        self.wait(&[WaitOn::Notice(machine, number)], deadline).await
    }

    /// From now on it ends by itself with that status where a signal would kill it: what the runtime of Go does (status 2)
    /// for a program that asks for no signals, and what a short handler does.
    pub fn end_at_signals(&self, exit: Exit) -> Syscall<()> {
        self.ask(move |system, id| system.process_mut(id).ends_itself = Some(exit))
    }

    /// From now on this signal is told by [`Sys::wait`] instead of ending the process.
    pub fn catch(&self, signal: Signal) -> Syscall<()> {
        self.ask(move |system, id| system.catch(id, signal))
    }
}
