//! The system as a program sees it: a handle whose every call is an `await`.
//!
//! Always: a call is a closure that the scheduler runs on the [`System`]; it either answers, or has noted what it
//! waits for ([`System::wait_on`]) and is tried again when that comes. Dropping the future takes the call back.
//! Here stand the calls of time, network and waiting; files, processes and terminals add theirs beside their own code.

use crate::process::ProcessId;
use crate::signal::Signal;
use crate::system::{System, WaitOn};
use api::NetnsId;
use net::{Errno, Network};
use sim::Instant;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

type Call = Box<dyn FnMut(&mut System, ProcessId) -> bool>;

/// Calls of one process that have no answer yet.
#[derive(Default)]
pub(crate) struct Mailbox {
    next: u64,
    calls: BTreeMap<u64, Call>,
}

impl Mailbox {
    /// Takes the open calls out; those still unanswered are put back by [`Mailbox::put_back`].
    pub(crate) fn take(&mut self) -> BTreeMap<u64, Call> {
        std::mem::take(&mut self.calls)
    }

    pub(crate) fn put_back(&mut self, unanswered: BTreeMap<u64, Call>) {
        self.calls.extend(unanswered);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.calls.is_empty()
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

struct Answer<T, F> {
    call: Option<F>,
    number: Option<u64>,
    slot: Rc<RefCell<Option<T>>>,
    mailbox: Rc<RefCell<Mailbox>>,
}

impl<T, F> Unpin for Answer<T, F> {}

impl<T: 'static, F: FnMut(&mut System, ProcessId) -> Poll<T> + 'static> Future for Answer<T, F> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<T> {
        if let Some(answer) = self.slot.borrow_mut().take() {
            return Poll::Ready(answer);
        }
        if let Some(mut call) = self.call.take() {
            let slot = self.slot.clone();
            let mut mailbox = self.mailbox.borrow_mut();
            let number = mailbox.next;
            mailbox.next += 1;
            mailbox.calls.insert(
                number,
                Box::new(move |system, id| match call(system, id) {
                    Poll::Ready(answer) => slot.borrow_mut().replace(answer).is_none(),
                    Poll::Pending => false,
                }),
            );
            drop(mailbox);
            self.number = Some(number);
        }
        Poll::Pending
    }
}

impl<T, F> Drop for Answer<T, F> {
    fn drop(&mut self) {
        if let (Some(number), Ok(mut mailbox)) = (self.number, self.mailbox.try_borrow_mut()) {
            mailbox.calls.remove(&number);
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
        let mut call = Some(call);
        // Only a program that is being thrown away finds its mailbox taken.
        let Ok(mut mailbox) = self.mailbox.try_borrow_mut() else { return };
        let number = mailbox.next;
        mailbox.next += 1;
        mailbox.calls.insert(
            number,
            Box::new(move |system, id| {
                if let Some(call) = call.take() {
                    call(system, id);
                }
                true
            }),
        );
    }

    /// A system call that may have to wait: `call` answers, or notes what it waits for and is tried again.
    pub fn call<T: 'static>(
        &self,
        call: impl FnMut(&mut System, ProcessId) -> Poll<T> + 'static,
    ) -> impl Future<Output = T> {
        Answer { call: Some(call), number: None, slot: Rc::default(), mailbox: self.mailbox.clone() }
    }

    /// A system call that answers at once.
    pub async fn ask<T: 'static>(&self, question: impl FnOnce(&mut System, ProcessId) -> T + 'static) -> T {
        let mut question = Some(question);
        self.call(move |system, id| {
            let question = question.take().expect("a call that answers is made once");
            Poll::Ready(question(system, id))
        })
        .await
    }

    /// Asks the network of this process's netns.
    pub async fn net<T: 'static>(&self, question: impl FnOnce(&mut Network, NetnsId) -> T + 'static) -> T {
        self.ask(move |system, id| {
            let netns = system.process(id).netns;
            question(&mut system.net, netns)
        })
        .await
    }

    /// A socket call that waits while it would block (`EAGAIN`).
    pub async fn block_on<T: 'static>(
        &self,
        on: WaitOn,
        mut attempt: impl FnMut(&mut System, ProcessId) -> Result<T, Errno> + 'static,
    ) -> Result<T, Errno> {
        self.call(move |system, id| match attempt(system, id) {
            Err(Errno::EAGAIN) => {
                system.wait_on(on, id);
                Poll::Pending
            }
            answer => Poll::Ready(answer),
        })
        .await
    }

    /// Waits for the first of several things, a caught signal, or the deadline; poll(2).
    /// A thing that is ready already is not noticed: try it first, then wait.
    pub async fn wait(&self, on: &[WaitOn], deadline: Option<Instant>) -> Woke {
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
        .await
    }

    /// An environment variable.
    pub async fn env(&self, name: &str) -> Option<String> {
        let name = name.to_owned();
        self.ask(move |system, id| system.process(id).environment.get(&name).cloned()).await
    }

    pub async fn cwd(&self) -> String {
        self.ask(|system, id| system.process(id).cwd.clone()).await
    }

    /// The effective user; 0 is root.
    pub async fn uid(&self) -> u32 {
        self.ask(|system, id| system.process(id).uid).await
    }

    /// This process's number on its machine.
    pub async fn pid(&self) -> u32 {
        self.ask(|system, id| system.process(id).own_pid()).await
    }

    /// The wall clock: time since 1970.
    pub async fn realtime(&self) -> Duration {
        self.ask(|system, _| system.realtime(system.now())).await
    }

    pub async fn now(&self) -> Instant {
        self.ask(|system, _| system.now()).await
    }

    /// Sleeps; a caught signal ends it early.
    pub async fn sleep(&self, time: Duration) -> Woke {
        let deadline = self.now().await + time;
        self.wait(&[], Some(deadline)).await
    }

    /// Lets others run: every loop of a program that makes no other call has one of these.
    pub async fn yield_now(&self) {
        self.ask(|_, _| ()).await;
    }

    /// Waits for news that [`System::wake`] tells of under that number.
    pub async fn notice(&self, number: u32, deadline: Option<Instant>) -> Woke {
        let machine = self.ask(|system, id| system.process(id).machine).await;
        self.wait(&[WaitOn::Notice(machine, number)], deadline).await
    }

    /// From now on this signal is told by [`Sys::wait`] instead of ending the process.
    pub async fn catch(&self, signal: Signal) {
        self.ask(move |system, id| system.catch(id, signal)).await;
    }
}
