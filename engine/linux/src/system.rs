//! All machines of a world with the network between them, and the scheduler of their processes; the only owner.
//!
//! Always: ready processes run in the order of their ids; a process that makes too many calls at one instant is
//! put off by [`SLICE`], so that no loop of a learner stops the world.
//! Differs from Linux: a processor of no cost; programs take no time unless they wait or spin.

use crate::cmd::{Args, Command, Exit};
use crate::host::Host;
use crate::process::{Process, ProcessId, Program, Signal};
use crate::sys::Sys;
use api::{MachineId, NetnsId, TtyId};
use net::Network;
use sim::{EventQueue, Instant};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// System calls a process may make at one instant before it is put off.
const CALLS_PER_SLICE: u32 = 20_000;
/// By how long such a process is put off.
const SLICE: Duration = Duration::from_millis(10);

/// What a process can wait for besides time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum WaitOn {
    Child(ProcessId),
    /// A thing of another module under that module's own number (pipe, terminal, socket).
    Pipe(u32),
    Tty(TtyId),
    Socket(u32),
}

/// What a new process starts with.
pub struct Spawn {
    pub machine: MachineId,
    pub parent: Option<ProcessId>,
    pub netns: NetnsId,
    pub netns_name: Option<String>,
    pub uid: u32,
    pub cwd: String,
    pub environment: BTreeMap<String, String>,
    /// The first is the name `ps` shows.
    pub arguments: Vec<String>,
    pub group: Option<ProcessId>,
    pub tty: Option<TtyId>,
}

pub struct System {
    pub net: Network,
    hosts: BTreeMap<MachineId, Host>,
    commands: BTreeMap<&'static str, &'static Command>,
    processes: BTreeMap<ProcessId, Process>,
    next_process: u32,
    ready: BTreeSet<ProcessId>,
    waiting: BTreeMap<WaitOn, BTreeSet<ProcessId>>,
    timers: EventQueue<ProcessId>,
}

impl System {
    /// `commands` are all programs that machines of this world have.
    pub fn new(seed: u64, commands: impl IntoIterator<Item = &'static Command>) -> System {
        System {
            net: Network::new(seed),
            hosts: BTreeMap::new(),
            commands: commands.into_iter().map(|command| (command.name, command)).collect(),
            processes: BTreeMap::new(),
            next_process: 1,
            ready: BTreeSet::new(),
            waiting: BTreeMap::new(),
            timers: EventQueue::default(),
        }
    }

    pub fn now(&self) -> Instant {
        self.net.now()
    }

    pub fn host(&self, machine: MachineId) -> &Host {
        &self.hosts[&machine]
    }

    pub fn host_mut(&mut self, machine: MachineId) -> &mut Host {
        self.hosts.get_mut(&machine).expect("machines are never removed")
    }

    pub fn hosts(&self) -> impl Iterator<Item = &Host> {
        self.hosts.values()
    }

    pub fn command(&self, name: &str) -> Option<&'static Command> {
        self.commands.get(name).copied()
    }

    /// A process that is alive or not yet waited for.
    pub fn process(&self, id: ProcessId) -> &Process {
        &self.processes[&id]
    }

    pub fn process_mut(&mut self, id: ProcessId) -> &mut Process {
        self.processes.get_mut(&id).expect("a process that makes a call is there")
    }

    pub fn find_process(&self, id: ProcessId) -> Option<&Process> {
        self.processes.get(&id)
    }

    pub fn processes(&self) -> impl Iterator<Item = &Process> {
        self.processes.values()
    }

    /// Starts a command as a process.
    pub fn spawn(&mut self, command: &'static Command, spawn: Spawn) -> ProcessId {
        let arguments = Args::new(spawn.arguments.clone());
        self.spawn_program(spawn, |sys| (command.run)(sys, arguments))
    }

    /// Starts any program (a daemon, a subshell) as a process.
    pub fn spawn_program(&mut self, spawn: Spawn, program: impl FnOnce(Sys) -> Program) -> ProcessId {
        let id = ProcessId(self.next_process);
        self.next_process += 1;
        let host = self.host_mut(spawn.machine);
        let pid = host.next_pid;
        host.next_pid += 1;
        let sys = Sys::new(id);
        let mailbox = sys.mailbox();
        let process = Process {
            id,
            pid,
            parent: spawn.parent,
            machine: spawn.machine,
            netns: spawn.netns,
            netns_name: spawn.netns_name,
            uid: spawn.uid,
            gid: spawn.uid,
            cwd: spawn.cwd,
            environment: spawn.environment,
            name: spawn.arguments.first().cloned().unwrap_or_default(),
            arguments: spawn.arguments,
            started: self.now(),
            group: spawn.group.unwrap_or(id),
            tty: spawn.tty,
            caught: Vec::new(),
            pending: VecDeque::new(),
            stopped: false,
            exit: None,
            program: Some(program(sys)),
            mailbox,
        };
        self.processes.insert(id, process);
        self.ready.insert(id);
        id
    }

    /// Notes that `id` waits; forgotten when the thing wakes it.
    pub fn wait_on(&mut self, thing: WaitOn, id: ProcessId) {
        self.waiting.entry(thing).or_default().insert(id);
    }

    pub(crate) fn is_waiting(&self, thing: WaitOn, id: ProcessId) -> bool {
        self.waiting.get(&thing).is_some_and(|ids| ids.contains(&id))
    }

    pub(crate) fn forget(&mut self, thing: WaitOn, id: ProcessId) {
        if let Some(ids) = self.waiting.get_mut(&thing) {
            ids.remove(&id);
        }
    }

    pub fn wake_at(&mut self, at: Instant, id: ProcessId) {
        self.timers.push(at, id);
    }

    /// Wakes all that wait for `thing`.
    pub fn wake(&mut self, thing: WaitOn) {
        if let Some(ids) = self.waiting.remove(&thing) {
            self.ready.extend(ids);
        }
    }

    pub(crate) fn catch(&mut self, id: ProcessId, signal: Signal) {
        let caught = &mut self.process_mut(id).caught;
        if !caught.contains(&signal) {
            caught.push(signal);
        }
    }

    pub(crate) fn take_signal(&mut self, id: ProcessId) -> Option<Signal> {
        self.process_mut(id).pending.pop_front()
    }

    /// When something is due next, of a process or of the network.
    pub fn next_at(&mut self) -> Option<Instant> {
        if !self.ready.is_empty() {
            return Some(self.now());
        }
        [self.timers.next_at(), self.net.next_at()].into_iter().flatten().min()
    }

    /// Runs what is due next, at or before `until`; else sets the clock there and says false.
    pub fn step(&mut self, until: Instant) -> bool {
        if let Some(id) = self.ready.pop_first() {
            self.poll(id);
            return true;
        }
        let timer = self.timers.next_at().unwrap_or(Instant::NEVER);
        let packet = self.net.next_at().unwrap_or(Instant::NEVER);
        if timer < packet && timer <= until {
            self.net.step(timer);
            if let Some((_, id)) = self.timers.pop(timer) {
                self.ready.insert(id);
            }
            return true;
        }
        self.net.step(until)
    }

    /// Polls one process until it waits, ends, or has used up its slice.
    fn poll(&mut self, id: ProcessId) {
        let Some(process) = self.processes.get_mut(&id) else { return };
        if process.stopped {
            return;
        }
        let Some(mut program) = process.program.take() else { return };
        let mailbox = process.mailbox.clone();
        let mut made = 0;
        let mut first = mailbox.borrow().is_empty();
        loop {
            let mut calls = mailbox.borrow_mut().take();
            made += calls.len() as u32;
            let before = calls.len();
            calls.retain(|_, call| !call(self, id));
            let answered = calls.len() < before;
            mailbox.borrow_mut().put_back(calls);
            if !answered && !first {
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
        if let Some(process) = self.processes.get_mut(&id).filter(|process| process.exit.is_none()) {
            process.program = Some(program);
        }
    }

    /// The process is over: its parent is told.
    pub(crate) fn end(&mut self, id: ProcessId, exit: Exit) {
        let process = self.process_mut(id);
        process.program = None;
        process.exit = Some(exit);
        self.wake(WaitOn::Child(id));
    }
}
