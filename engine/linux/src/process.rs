//! A process: a program as a future, and what the kernel keeps for it.
//!
//! Always: a process is polled only by the system's scheduler; once `exit` is set its program is gone and the
//! entry waits for its parent (a zombie).
//! Differs from Linux: no fork; a program starts with what its parent hands over (files, environment, netns).

use crate::cmd::Exit;
use crate::container::ContainerId;
use crate::fs::{Descriptor, Fd};
use crate::signal::Signal;
use crate::sys::Mailbox;
use crate::waiting::{Timer, WaitOn};
use api::{MachineId, NetnsId, TtyId};
use sim::Instant;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

/// A process of any machine of the world. What `ps` shows is [`Process::pid`], counted per machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProcessId(pub u32);

pub type Program = Pin<Box<dyn Future<Output = Exit>>>;

pub struct Process {
    pub id: ProcessId,
    /// The number on its machine.
    pub pid: u32,
    pub parent: Option<ProcessId>,
    pub machine: MachineId,
    pub container: Option<ContainerId>,
    /// The number in its container.
    pub(crate) inner_pid: u32,
    pub netns: NetnsId,
    /// Set by `ip netns exec NAME`: `/etc/netns/NAME/*` lies over `/etc`.
    pub netns_name: Option<String>,
    pub uid: u32,
    pub gid: u32,
    pub umask: u16,
    pub cwd: String,
    pub environment: BTreeMap<String, String>,
    pub(crate) files: BTreeMap<Fd, Descriptor>,
    /// What `ps` shows.
    pub name: String,
    pub arguments: Vec<String>,
    pub started: Instant,
    /// Process group, for Ctrl-C and job control: the id of its first process.
    pub group: ProcessId,
    pub tty: Option<TtyId>,
    /// Signals the program asked to be told of, instead of the default action.
    pub(crate) caught: BTreeSet<Signal>,
    /// Signals that do nothing; children inherit them.
    pub(crate) ignored: BTreeSet<Signal>,
    pub(crate) pending: VecDeque<Signal>,
    /// How it ends itself at a signal that would kill it, even as process 1.
    pub(crate) ends_itself: Option<Exit>,
    pub stopped: bool,
    /// Why it is stopped.
    pub(crate) stop_signal: Option<Signal>,
    pub exit: Option<Exit>,
    pub killed_by: Option<Signal>,
    pub(crate) program: Option<Program>,
    /// What runs from now on instead of the program that called exec(2).
    pub(crate) replacement: Option<Program>,
    pub(crate) mailbox: Rc<RefCell<Mailbox>>,
    /// What its calls wait for and when it is woken, as the system has noted it; its children, zombies included.
    pub(crate) waits: BTreeMap<WaitOn, Vec<u64>>,
    /// Calls for which something has come.
    pub(crate) woken: BTreeSet<u64>,
    pub(crate) timers: BTreeSet<Timer>,
    pub(crate) children: BTreeSet<ProcessId>,
}

impl Process {
    /// The number it has for itself: what `$$` and `getpid(2)` say.
    pub fn own_pid(&self) -> u32 {
        if self.container.is_some() { self.inner_pid } else { self.pid }
    }

    /// The number by which a process of that container, or of the machine, knows it.
    pub(crate) fn pid_for(&self, onlooker: Option<ContainerId>) -> u32 {
        if onlooker.is_some() { self.own_pid() } else { self.pid }
    }

    /// The state letter that `ps` shows.
    pub fn state(&self) -> char {
        match (self.exit, self.stopped) {
            (Some(_), _) => 'Z',
            (_, true) => 'T',
            _ => 'S',
        }
    }
}
