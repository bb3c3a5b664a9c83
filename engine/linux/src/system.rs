//! All machines of a world with the network between them, and their processes; the only owner.
//!
//! Always: what a process waits for is noted here; the scheduler (`schedule.rs`) runs what is ready.
//! Differs from Linux: a processor of no cost; programs take no time unless they wait or spin.

use crate::captured::Captured;
use crate::cmd::{Args, Command, Exit};
use crate::container::{Container, ContainerId};
use crate::fs::OpenFiles;
use crate::host::{Attachments, Host};
use crate::process::{Process, ProcessId, Program};
use crate::signal::Signal;
use crate::sys::{ALL_CALLS, Sys};
use crate::waiting::{Timer, WaitOn};
use api::topology::Role;
use api::{MachineId, NetnsId, TtyId};
use net::{Errno, Network};
use sim::{Instant, Rng};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;
use std::time::Duration;

/// Processes of one machine, zombies included; one more is `EAGAIN` (`fork: Resource temporarily unavailable`).
pub(crate) const PROCESSES: usize = 4096;
/// The wall clock when the world boots: Monday, 5 January 2026, 09:00 UTC.
pub const BOOT_SECONDS: u64 = 1_767_603_600;

/// What has become of a child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChildState {
    Running,
    Stopped(Signal),
    /// Its status, and the signal that killed it.
    Exited(Exit, Option<Signal>),
    /// Not a child, or waited for already.
    Gone,
}

impl ChildState {
    pub fn status(self) -> u8 {
        match self {
            ChildState::Running => 0,
            ChildState::Stopped(signal) => 128 + signal.number(),
            ChildState::Exited(exit, _) => exit.0,
            ChildState::Gone => 127,
        }
    }
}

/// What a new process starts with.
pub struct Spawn {
    pub machine: MachineId,
    pub container: Option<ContainerId>,
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

impl Spawn {
    /// A process of root's without parent, terminal and environment, in `/` of the machine.
    pub fn of_root(machine: MachineId, netns: NetnsId, name: &str) -> Spawn {
        Spawn {
            machine,
            container: None,
            parent: None,
            netns,
            netns_name: None,
            uid: 0,
            cwd: "/".to_owned(),
            environment: BTreeMap::new(),
            arguments: vec![name.to_owned()],
            group: None,
            tty: None,
        }
    }
}

pub struct System {
    pub net: Network,
    hosts: BTreeMap<MachineId, Host>,
    commands: BTreeMap<&'static str, &'static Command>,
    /// Those that every machine has.
    usual: Vec<&'static Command>,
    pub(crate) processes: BTreeMap<ProcessId, Process>,
    next_process: u32,
    pub(crate) open: OpenFiles,
    pub(crate) captured: BTreeMap<ProcessId, Captured>,
    pub(crate) random: Rng,
    pub(crate) sockets: crate::socket::Held,
    pub(crate) terminals: crate::tty::Terminals,
    pub(crate) containers: BTreeMap<ContainerId, Container>,
    pub(crate) next_container: u32,
    pub(crate) attachments: Attachments,
    /// How many living processes run in each namespace.
    pub(crate) netns_users: BTreeMap<NetnsId, u32>,
    seed: u64,
    pub(crate) ready: BTreeSet<ProcessId>,
    pub(crate) waiting: BTreeMap<WaitOn, BTreeSet<ProcessId>>,
    /// Whose they are, and which call of it waits.
    pub(crate) timers: BTreeMap<Timer, (ProcessId, u64)>,
    /// The number of the system call that is being tried.
    pub(crate) calling: u64,
    pub(crate) next_timer: u64,
}

impl System {
    /// `commands` are the programs that every machine of this world has.
    pub fn new(seed: u64, commands: impl IntoIterator<Item = &'static Command>) -> System {
        let usual: Vec<_> = commands.into_iter().collect();
        System {
            net: Network::new(seed),
            hosts: BTreeMap::new(),
            commands: usual.iter().map(|command| (command.name, *command)).collect(),
            usual,
            processes: BTreeMap::new(),
            next_process: 1,
            open: OpenFiles::default(),
            captured: BTreeMap::new(),
            random: Rng::stream(seed, "/dev/random"),
            sockets: crate::socket::Held::new(),
            terminals: crate::tty::Terminals::default(),
            containers: BTreeMap::new(),
            next_container: 0,
            attachments: Attachments::default(),
            netns_users: BTreeMap::new(),
            seed,
            ready: BTreeSet::new(),
            waiting: BTreeMap::new(),
            timers: BTreeMap::new(),
            calling: ALL_CALLS,
            next_timer: 0,
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

    /// Programs of a crate above, for the machines and images that name them.
    pub fn add_commands(&mut self, commands: &'static [&'static Command]) {
        self.commands.extend(commands.iter().map(|command| (command.name, *command)));
    }

    /// The programs that every machine has.
    pub fn usual_commands(&self) -> impl Iterator<Item = &'static Command> {
        self.usual.iter().copied()
    }

    /// All programs of this world, by name.
    pub fn commands(&self) -> impl Iterator<Item = &'static Command> {
        self.commands.values().copied()
    }

    pub(crate) fn seed(&self) -> u64 {
        self.seed
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

    /// What a process sees of the others: all of its machine, or those of its container.
    pub(crate) fn processes_seen(
        &self,
        machine: MachineId,
        container: Option<ContainerId>,
    ) -> impl Iterator<Item = &Process> {
        self.numbers_seen(machine, container)
            .into_iter()
            .flatten()
            .filter_map(|(_, id)| self.processes.get(id))
    }

    /// Processes by the numbers that such an onlooker knows them by.
    fn numbers_seen(
        &self,
        machine: MachineId,
        container: Option<ContainerId>,
    ) -> Option<&BTreeMap<u32, ProcessId>> {
        match container {
            Some(it) => self.find_container(it).map(|it| &it.processes),
            None => self.hosts.get(&machine).map(|it| &it.processes),
        }
    }

    /// The process of that number, as such an onlooker counts.
    pub(crate) fn process_numbered(
        &self,
        machine: MachineId,
        container: Option<ContainerId>,
        pid: u32,
    ) -> Option<&Process> {
        self.processes.get(self.numbers_seen(machine, container)?.get(&pid)?)
    }

    /// A new machine with the standard file tree, its own namespace and process 1.
    pub fn machine_add(&mut self, name: &str, role: Role) -> MachineId {
        let (machine, netns) = self.net.machine_add(name, role);
        let host = Host::new(machine, name, role, netns, self.usual.iter().copied());
        self.hosts.insert(machine, host);
        self.start_init(machine);
        machine
    }

    /// Process 1, which does nothing but be there.
    fn start_init(&mut self, machine: MachineId) {
        let spawn = Spawn::of_root(machine, self.host(machine).netns, "/sbin/init");
        let init = self.spawn_program(spawn, |_| Box::pin(std::future::pending()));
        self.process_mut(init.expect("a new machine has room for process 1")).name = "systemd".to_owned();
    }

    /// Starts a command as a process without files.
    pub fn spawn(&mut self, command: &'static Command, spawn: Spawn) -> Result<ProcessId, Errno> {
        let arguments = Args::new(spawn.arguments.clone());
        self.spawn_program(spawn, |sys| (command.run)(sys, arguments))
    }

    /// Starts any program (a daemon, a subshell) as a process without files.
    pub fn spawn_program(
        &mut self,
        spawn: Spawn,
        program: impl FnOnce(Sys) -> Program,
    ) -> Result<ProcessId, Errno> {
        let machine = spawn.machine;
        if self.host(machine).processes.len() >= PROCESSES {
            return Err(Errno::EAGAIN);
        }
        let id = ProcessId(self.next_process);
        self.next_process += 1;
        let host = self.host_mut(machine);
        let pid = host.next_pid;
        host.next_pid += 1;
        host.processes.insert(pid, id);
        let inner_pid = spawn.container.map_or(0, |it| self.container_mut(it).add_process(id));
        self.netns_used(spawn.netns);
        let sys = Sys::new(id);
        let mailbox = sys.mailbox();
        let process = Process {
            id,
            pid,
            parent: spawn.parent,
            machine,
            container: spawn.container,
            inner_pid,
            netns: spawn.netns,
            netns_name: spawn.netns_name,
            uid: spawn.uid,
            gid: spawn.uid,
            umask: 0o022,
            cwd: spawn.cwd,
            environment: spawn.environment,
            files: BTreeMap::new(),
            name: command_name(&spawn.arguments),
            arguments: spawn.arguments,
            started: self.now(),
            group: spawn.group.unwrap_or(id),
            tty: spawn.tty,
            caught: BTreeSet::new(),
            ignored: BTreeSet::new(),
            pending: VecDeque::new(),
            ends_itself: None,
            stopped: false,
            stop_signal: None,
            exit: None,
            killed_by: None,
            program: Some(program(sys)),
            replacement: None,
            mailbox,
            waits: BTreeMap::new(),
            woken: BTreeSet::new(),
            timers: BTreeSet::new(),
            children: BTreeSet::new(),
        };
        if let Some(parent) = spawn.parent.and_then(|it| self.processes.get_mut(&it)) {
            parent.children.insert(id);
        }
        self.processes.insert(id, process);
        self.ready.insert(id);
        Ok(id)
    }

    /// exec(2): the process goes on as that command.
    pub(crate) fn become_program(
        &mut self,
        id: ProcessId,
        start: &crate::run::Start,
        arguments: Vec<String>,
        command: &'static Command,
    ) {
        let sys = Sys::new(id);
        let mailbox = sys.mailbox();
        let program = (command.run)(sys, Args::new(arguments.clone()));
        let process = self.process_mut(id);
        process.name = command_name(&arguments);
        process.arguments = arguments;
        process.replacement = Some(program);
        process.mailbox = mailbox;
        process.caught.clear();
        process.pending.clear();
        process.ends_itself = None;
        process.environment = start.environment.clone().unwrap_or_else(|| process.environment.clone());
        process.cwd = start.cwd.clone().unwrap_or_else(|| process.cwd.clone());
        process.uid = start.uid.unwrap_or(process.uid);
        process.gid = start.gid.unwrap_or(process.gid);
        let (machine, left) = (process.machine, process.netns);
        if let Some((netns, name)) = start.netns.clone() {
            (process.netns, process.netns_name) = (netns, name);
        }
        let entered = process.netns;
        let closing: Vec<_> =
            process.files.iter().filter(|(_, it)| it.close_on_exec).map(|(fd, _)| *fd).collect();
        for fd in closing {
            self.close_fd(id, fd).expect("it was just listed");
        }
        if entered != left {
            self.netns_used(entered);
            self.netns_left(left);
            self.release_netns(machine, left);
        }
    }

    /// The wall clock at that instant: time since 1970.
    pub fn realtime(&self, at: Instant) -> Duration {
        Duration::from_secs(BOOT_SECONDS) + at.since(Instant::BOOT)
    }

    pub(crate) fn catch(&mut self, id: ProcessId, signal: Signal) {
        let process = self.process_mut(id);
        process.caught.insert(signal);
        process.ignored.remove(&signal);
    }

    pub(crate) fn take_signal(&mut self, id: ProcessId) -> Option<Signal> {
        self.process_mut(id).pending.pop_front()
    }

    /// For whatever else of the process waits: a signal ends all its waits.
    pub(crate) fn put_back_signal(&mut self, id: ProcessId, signal: Signal) {
        self.process_mut(id).pending.push_front(signal);
        self.wake_whole(id);
    }

    pub(crate) fn nobody_is_ready(&self) -> bool {
        self.ready.is_empty()
    }

    /// The process is over: its files are closed, its children go to process 1, its parent is told.
    pub(crate) fn end(&mut self, id: ProcessId, exit: Exit) {
        let process = self.process_mut(id);
        process.program = None;
        process.replacement = None;
        process.mailbox = Rc::default();
        process.exit = Some(exit);
        process.stopped = false;
        let files = std::mem::take(&mut process.files);
        let children = std::mem::take(&mut process.children);
        let parent = process.parent;
        let first_of = process.container.filter(|_| process.inner_pid == 1);
        let (machine, netns) = (process.machine, process.netns);
        let own_netns = self.host(machine).netns != netns;
        self.netns_left(netns);
        files.into_values().for_each(|descriptor| self.drop_file(descriptor.file));
        self.close_sockets_of(id);
        self.stop_waiting(id);
        if let Some(captured) = self.captured.get_mut(&id) {
            captured.exit = Some(exit);
        }
        children.into_iter().for_each(|child| self.orphan(child));
        self.tell_parent(id);
        // Process 1 reaps at once what has no parent.
        if parent.is_none() {
            self.forget_process(id);
        }
        if own_netns {
            self.release_netns(machine, netns);
        }
        if let Some(container) = first_of {
            self.end_container(container);
        }
    }

    /// Process 1 takes it over, and reaps it at once if it has ended.
    pub(crate) fn orphan(&mut self, id: ProcessId) {
        let Some(process) = self.processes.get_mut(&id) else { return };
        let (parent, is_over) = (process.parent.take(), process.exit.is_some());
        if let Some(parent) = parent.and_then(|it| self.processes.get_mut(&it)) {
            parent.children.remove(&id);
        }
        if is_over {
            self.forget_process(id);
        }
    }

    /// What has become of a child; one that has ended is waited for thereby.
    pub(crate) fn child_state(&mut self, parent: ProcessId, child: ProcessId) -> ChildState {
        let Some(process) = self.processes.get(&child).filter(|process| process.parent == Some(parent))
        else {
            return ChildState::Gone;
        };
        match (process.exit, process.stopped, process.stop_signal) {
            (Some(exit), _, _) => {
                let killed_by = process.killed_by;
                self.forget_process(child);
                ChildState::Exited(exit, killed_by)
            }
            (None, true, Some(signal)) => ChildState::Stopped(signal),
            _ => ChildState::Running,
        }
    }

    /// Children that have ended, each with the signal that killed it; they are waited for thereby.
    pub fn reap_children(&mut self, parent: ProcessId) -> Vec<(ProcessId, Exit, Option<Signal>)> {
        let ended = |it: &Process| Some((it.id, it.exit?, it.killed_by));
        let children = self.find_process(parent).map(|it| it.children.clone()).unwrap_or_default();
        let over: Vec<_> = children.iter().filter_map(|it| self.find_process(*it).and_then(ended)).collect();
        over.iter().for_each(|(id, ..)| self.forget_process(*id));
        over
    }

    /// The entry of a process that has been waited for.
    pub(crate) fn forget_process(&mut self, id: ProcessId) {
        let Some(process) = self.processes.remove(&id) else { return };
        self.ready.remove(&id);
        self.host_mut(process.machine).processes.remove(&process.pid);
        if let Some(container) = process.container.and_then(|it| self.containers.get_mut(&it)) {
            container.processes.remove(&process.inner_pid);
        }
        if let Some(parent) = process.parent.and_then(|it| self.processes.get_mut(&it)) {
            parent.children.remove(&id);
        }
    }
}

/// The name that `ps` shows: the last part of the path, 15 bytes at most (TASK_COMM_LEN).
fn command_name(arguments: &[String]) -> String {
    let word = arguments.first().map_or("", String::as_str);
    word.rsplit('/').next().unwrap_or_default().trim_start_matches('-').chars().take(15).collect()
}
