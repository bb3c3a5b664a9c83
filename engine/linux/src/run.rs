//! Starting programs and waiting for them: exec(2), posix_spawn(3), waitpid(2), kill(2).
//!
//! Always: an executable file holds the name of the [`Command`] that it is, or starts with `#!`.
//! Differs from Linux: no fork; [`Sys::spawn`] starts a program at once, a subshell starts with a copy of its shell.

use crate::cmd::{Args, Command, Exit};
use crate::container::ContainerId;
use crate::fs::{Access, Descriptor, Fd, FileKind, Node, Place, View, allows};
use crate::process::{Process, ProcessId, Program};
use crate::signal::Signal;
use crate::sys::{Sys, Syscall};
use crate::system::{Spawn, System};
use crate::waiting::WaitOn;
use api::NetnsId;
use net::Errno;
use std::collections::BTreeMap;
use std::future::pending;
use std::task::Poll;

/// How an executable's bytes begin; the command's name follows. See `fs/tree.rs`.
pub const MAGIC: &[u8] = b"\x7fELF vethlab ";
/// `_PATH_DEFPATH` of Debian's shells, where `PATH` is not set.
pub const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// Interpreters that `#!` may name one after the other.
const INTERPRETERS: usize = 4;

/// Which process group a new process joins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Group {
    /// The starter's.
    #[default]
    Same,
    /// Its own.
    New,
    Of(ProcessId),
}

/// What a new process gets that is not its starter's.
#[derive(Clone, Debug, Default)]
pub struct Start {
    /// `argv`; the first is looked up in `PATH` unless `path` is set.
    pub arguments: Vec<String>,
    pub path: Option<String>,
    pub environment: Option<BTreeMap<String, String>>,
    pub cwd: Option<String>,
    /// A namespace, and the name under which it was found.
    pub netns: Option<(NetnsId, Option<String>)>,
    pub uid: Option<u32>,
    /// Without it the group has the number of a new user; exec(2) leaves it as it is.
    pub gid: Option<u32>,
    /// Into whose root it goes; `cwd` and `path` are meant there.
    pub container: Option<ContainerId>,
    /// Each new descriptor with the one of ours that it copies; `None`: all that are not close-on-exec.
    pub files: Option<Vec<(Fd, Fd)>>,
    pub group: Group,
}

impl Start {
    pub fn new<S: Into<String>>(arguments: impl IntoIterator<Item = S>) -> Start {
        Start { arguments: arguments.into_iter().map(Into::into).collect(), ..Start::default() }
    }
}

impl System {
    /// The file that a command word names: itself where it has a slash, else the first in `search`.
    /// `EACCES` where one is found that is not executable, as execvp(3) says.
    pub(crate) fn find_executable(&self, view: &View, word: &str, search: &str) -> Result<String, Errno> {
        if word.contains('/') {
            return self.check_executable(view, word).map(|()| word.to_owned());
        }
        if word.is_empty() {
            return Err(Errno::ENOENT);
        }
        let mut error = Errno::ENOENT;
        for directory in search.split(':') {
            let directory = if directory.is_empty() { "." } else { directory };
            let path = format!("{}/{word}", directory.trim_end_matches('/'));
            match self.check_executable(view, &path) {
                Ok(()) => return Ok(path),
                Err(Errno::EACCES) => error = Errno::EACCES,
                Err(_) => {}
            }
        }
        Err(error)
    }

    fn check_executable(&self, view: &View, path: &str) -> Result<(), Errno> {
        let stat = self.stat_path(view, path, true)?;
        if stat.kind != FileKind::File || !allows(&stat, view, Access::Search) {
            return Err(Errno::EACCES);
        }
        Ok(())
    }

    /// What an executable file runs: a command, with the arguments that `#!` puts in front.
    /// `ENOEXEC` where it is neither; a shell then reads it as a script.
    pub(crate) fn load(
        &self,
        view: &View,
        path: &str,
        arguments: Vec<String>,
    ) -> Result<(&'static Command, Vec<String>), Errno> {
        let (mut path, mut arguments) = (path.to_owned(), arguments);
        for _ in 0..INTERPRETERS {
            self.check_executable(view, &path)?;
            let found = self.walk(view, &path, true)?;
            let Place::Disk(disk, inode) = *found.existing()? else { return Err(Errno::EACCES) };
            let Node::File(bytes) = &self.tree(disk).get(inode).node else {
                return Err(Errno::EACCES);
            };
            if let Some(name) = bytes.strip_prefix(MAGIC) {
                let name = String::from_utf8_lossy(name);
                return self.command(name.trim_end()).map(|it| (it, arguments)).ok_or(Errno::ENOEXEC);
            }
            let Some(line) = bytes.strip_prefix(b"#!") else { return Err(Errno::ENOEXEC) };
            let line = line.split(|byte| *byte == b'\n').next().unwrap_or_default();
            let line = String::from_utf8_lossy(line);
            let (interpreter, option) = match line.trim().split_once([' ', '\t']) {
                Some((interpreter, option)) => (interpreter.to_owned(), Some(option.trim().to_owned())),
                None => (line.trim().to_owned(), None),
            };
            let rest = arguments.into_iter().skip(1);
            arguments = [interpreter.clone()].into_iter().chain(option).chain([path]).chain(rest).collect();
            path = interpreter;
        }
        Err(Errno::ELOOP)
    }

    /// A new process of `parent` running `program`, with the parent's surroundings as `start` changes them.
    pub(crate) fn start_program(
        &mut self,
        parent: ProcessId,
        start: &Start,
        program: impl FnOnce(Sys) -> Program,
    ) -> Result<ProcessId, Errno> {
        let (files, spawn) = {
            let from = self.process(parent);
            let files: BTreeMap<Fd, Descriptor> = match &start.files {
                None => {
                    from.files.iter().filter(|(_, it)| !it.close_on_exec).map(|(fd, it)| (*fd, *it)).collect()
                }
                Some(copies) => {
                    let copy = |(new, old): &(Fd, Fd)| {
                        let file = from.files.get(old).ok_or(Errno::EBADF)?.file;
                        Ok((*new, Descriptor { file, close_on_exec: false }))
                    };
                    copies.iter().map(copy).collect::<Result<_, Errno>>()?
                }
            };
            let (netns, netns_name) = start.netns.clone().unwrap_or((from.netns, from.netns_name.clone()));
            let spawn = Spawn {
                machine: from.machine,
                container: start.container.or(from.container),
                parent: Some(parent),
                netns,
                netns_name,
                uid: start.uid.unwrap_or(from.uid),
                cwd: start.cwd.clone().unwrap_or_else(|| from.cwd.clone()),
                environment: start.environment.clone().unwrap_or_else(|| from.environment.clone()),
                arguments: start.arguments.clone(),
                group: match start.group {
                    Group::Same => Some(from.group),
                    Group::New => None,
                    Group::Of(group) => Some(group),
                },
                tty: from.tty,
            };
            (files, spawn)
        };
        let from = self.process(parent);
        let gid = start.gid.or(start.uid).unwrap_or(from.gid);
        let (umask, ignored) = (from.umask, from.ignored.clone());
        let id = self.spawn_program(spawn, program)?;
        files.values().for_each(|descriptor| self.hold(descriptor.file));
        let process = self.process_mut(id);
        (process.files, process.gid, process.umask, process.ignored) = (files, gid, umask, ignored);
        Ok(id)
    }

    fn locate(&self, id: ProcessId, start: &Start) -> Result<(&'static Command, Vec<String>), Errno> {
        let mut view = self.view(id);
        view.container = start.container.or(view.container);
        view.cwd = start.cwd.clone().unwrap_or(view.cwd);
        if let Some((netns, name)) = &start.netns {
            (view.netns, view.netns_name) = (*netns, name.clone());
        }
        (view.uid, view.gid) = (start.uid.unwrap_or(view.uid), start.gid.or(start.uid).unwrap_or(view.gid));
        let environment = start.environment.as_ref().unwrap_or(&self.process(id).environment);
        let search = environment.get("PATH").map_or(DEFAULT_PATH, String::as_str);
        let word = start.arguments.first().ok_or(Errno::ENOENT)?;
        let path = match &start.path {
            Some(path) => path.clone(),
            None => self.find_executable(&view, word, search)?,
        };
        match self.load(&view, &path, start.arguments.clone()) {
            // execvp(3) hands a file that is no program to the shell.
            Err(Errno::ENOEXEC) => {
                let shell = self.command("sh").ok_or(Errno::ENOEXEC)?;
                let rest = start.arguments.iter().skip(1).cloned();
                Ok((shell, ["sh".to_owned(), path].into_iter().chain(rest).collect()))
            }
            loaded => loaded,
        }
    }
}

impl Sys {
    /// Starts a command as a child process.
    pub fn spawn(&self, start: Start) -> Syscall<Result<ProcessId, Errno>> {
        self.ask(move |system, id| {
            let (command, arguments) = system.locate(id, &start)?;
            let shown = Start { arguments, ..start };
            let args = Args::new(shown.arguments.clone());
            system.start_program(id, &shown, |sys| (command.run)(sys, args))
        })
    }

    /// Starts a command whether or not its file is there.
    pub async fn spawn_command(&self, name: &'static str, start: Start) -> Result<ProcessId, Errno> {
        self.ask(move |system, id| {
            let command = system.command(name).ok_or(Errno::ENOENT)?;
            let args = Args::new(start.arguments.clone());
            system.start_program(id, &start, |sys| (command.run)(sys, args))
        })
        .await
    }

    /// The container that the process of that number runs in.
    pub async fn container_of(&self, pid: u32) -> Option<ContainerId> {
        self.ask(move |system, id| {
            let own = system.process(id);
            system.process_numbered(own.machine, own.container, pid)?.container
        })
        .await
    }

    /// Becomes that program; returns only where it cannot.
    pub async fn exec(&self, start: Start) -> Errno {
        let failed = self
            .ask(move |system, id| {
                let (command, arguments) = match system.locate(id, &start) {
                    Ok(located) => located,
                    Err(errno) => return errno,
                };
                system.become_program(id, &start, arguments, command);
                Errno::EINTR
            })
            .await;
        if failed == Errno::EINTR { pending().await } else { failed }
    }

    /// Starts a command and waits for its end; `in_netns` as in `ip netns exec`.
    pub async fn run<S: Into<String>>(
        &self,
        arguments: impl IntoIterator<Item = S>,
        in_netns: Option<(NetnsId, Option<String>)>,
    ) -> Result<Exit, Errno> {
        let child = self.spawn(Start { netns: in_netns, ..Start::new(arguments) }).await?;
        Ok(self.wait_child(child).await)
    }

    /// Waits until that child has ended, and lets go of it. 127 where it is no child of ours.
    pub fn wait_child(&self, child: ProcessId) -> Syscall<Exit> {
        self.call(move |system, id| match system.reap(id, child) {
            Some(exit) => Poll::Ready(exit),
            None => {
                system.wait_on(WaitOn::Child(child), id);
                Poll::Pending
            }
        })
    }

    /// The same, until the deadline; `None` where it still runs then.
    pub async fn wait_child_until(&self, child: ProcessId, deadline: sim::Instant) -> Option<Exit> {
        loop {
            if let Some(exit) = self.ask(move |system, id| system.reap(id, child)).await {
                return Some(exit);
            }
            if self.wait(&[WaitOn::Child(child)], Some(deadline)).await == crate::sys::Woke::Timeout {
                return None;
            }
        }
    }

    /// kill(2), by the process number on this machine; a negative one means its process group.
    pub fn kill(&self, pid: i64, signal: Option<Signal>) -> Syscall<Result<(), Errno>> {
        self.ask(move |system, id| system.kill(id, pid, signal))
    }
}

impl System {
    fn reap(&mut self, parent: ProcessId, child: ProcessId) -> Option<Exit> {
        match self.find_process(child) {
            Some(process) if process.parent == Some(parent) => {
                let exit = process.exit?;
                self.forget_process(child);
                Some(exit)
            }
            _ => Some(Exit(127)),
        }
    }

    fn kill(&mut self, id: ProcessId, pid: i64, signal: Option<Signal>) -> Result<(), Errno> {
        let (machine, uid, own) = (self.process(id).machine, self.process(id).uid, self.process(id).group);
        let number = u32::try_from(pid.unsigned_abs()).map_err(|_| Errno::ESRCH)?;
        let container = self.process(id).container;
        let here: Vec<_> = self.processes_seen(machine, container).collect();
        let group = here
            .iter()
            .find(|process| process.pid_for(container) == number && pid < 0)
            .map(|process| process.group)
            .or((pid == 0).then_some(own));
        let chosen = |process: &&&Process| match pid {
            -1 => process.pid_for(container) != 1 && process.id != id,
            1.. => process.pid_for(container) == number,
            _ => Some(process.group) == group,
        };
        let targets: Vec<_> = here.iter().filter(chosen).collect();
        if targets.is_empty() {
            return Err(Errno::ESRCH);
        }
        let allowed = targets.into_iter().filter(|process| uid == 0 || uid == process.uid);
        let allowed: Vec<_> = allowed.map(|process| (process.id, process.pid_for(container) == 1)).collect();
        if allowed.is_empty() {
            return Err(Errno::EPERM);
        }
        let Some(signal) = signal else { return Ok(()) };
        // Not even a sure signal from within ends or stops a process 1; pid_namespaces(7).
        let is_kept = matches!(signal, Signal::Kill | Signal::Stop);
        for (target, _) in allowed.into_iter().filter(|(_, is_first)| !(*is_first && is_kept)) {
            self.signal(target, signal);
        }
        Ok(())
    }
}
