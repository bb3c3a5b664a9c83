//! A process: a program as a future, and what the kernel keeps for it.
//!
//! Always: a process is polled only by the system's scheduler; once `exit` is set its program is gone and the
//! entry waits for its parent (a zombie).
//! Differs from Linux: no fork; a program starts with what its parent hands over (files, environment, netns).

use crate::cmd::Exit;
use crate::sys::Mailbox;
use api::{MachineId, NetnsId, TtyId};
use sim::Instant;
use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

/// A process of any machine of the world. What `ps` shows is [`Process::pid`], counted per machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProcessId(pub u32);

pub type Program = Pin<Box<dyn Future<Output = Exit>>>;

/// signal(7), those that a learner can send or meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Signal {
    Hup = 1,
    Int = 2,
    Quit = 3,
    Kill = 9,
    Usr1 = 10,
    Usr2 = 12,
    Pipe = 13,
    Alarm = 14,
    Term = 15,
    Child = 17,
    Cont = 18,
    Stop = 19,
    TerminalStop = 20,
}

pub struct Process {
    pub id: ProcessId,
    /// The number on its machine.
    pub pid: u32,
    pub parent: Option<ProcessId>,
    pub machine: MachineId,
    pub netns: NetnsId,
    /// Set by `ip netns exec NAME`: `/etc/netns/NAME/*` lies over `/etc`.
    pub netns_name: Option<String>,
    pub uid: u32,
    pub gid: u32,
    pub cwd: String,
    pub environment: BTreeMap<String, String>,
    /// What `ps` shows.
    pub name: String,
    pub arguments: Vec<String>,
    pub started: Instant,
    /// Process group, for Ctrl-C and job control: the id of its first process.
    pub group: ProcessId,
    pub tty: Option<TtyId>,
    /// Signals the program asked to be told of, instead of the default action.
    pub(crate) caught: Vec<Signal>,
    pub(crate) pending: VecDeque<Signal>,
    pub(crate) stopped: bool,
    pub exit: Option<Exit>,
    pub(crate) program: Option<Program>,
    pub(crate) mailbox: Rc<RefCell<Mailbox>>,
}
