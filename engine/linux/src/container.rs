//! What a container is to the kernel: a root of its own (pivot_root), a hostname of its own (UTS namespace), process
//! numbers from 1 (PID namespace), files of the machine mounted into it, and what its processes print.
//!
//! Stands beside `host`; a runtime of a crate above makes containers and starts their first process. The network
//! namespace is no part of it: several containers share one, or the machine's.
//! Always: with process 1 of a container all its processes end; a mounted file lives as long as the container.
//! Differs from Linux: the root lies over its image's tree as by overlayfs, but `/proc/mounts` shows no mounts.
//! Source: pid_namespaces(7), mount_namespaces(7).

use crate::captured::environment;
use crate::cmd::Args;
use crate::fs::{
    Descriptor, Device, Disk, FileSystem, InodeNumber, OpenFileId, OpenFlags, OpenKind, Place, View,
};
use crate::process::ProcessId;
use crate::run::{DEFAULT_PATH, Start};
use crate::signal::Signal;
use crate::system::{Spawn, System};
use crate::waiting::WaitOn;
use api::{MachineId, TtyId};
use net::Errno;
use sim::Instant;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

/// Bytes kept of what a container prints; what is older is forgotten, as kubelet rotates a log.
const LOG_BYTES: usize = 256 << 10;

/// Containers of any machine of the world; never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ContainerId(pub u32);

/// A line, or the beginning of one, that a container printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Printed {
    pub at: Instant,
    /// 1 or 2.
    pub stream: u8,
    pub text: Vec<u8>,
}

/// What process 1 of a container reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stdin {
    /// `/dev/null`
    #[default]
    Nothing,
    Pipe,
    /// Its output goes there too, and from there to the log.
    Terminal,
}

/// How those outside reach it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Input {
    None,
    /// The pipe's write end.
    Pipe(OpenFileId),
    Terminal(TtyId),
}

/// A place in what a container prints: a line, and bytes of it.
pub type LogPlace = (usize, usize);

#[derive(Debug)]
pub struct Container {
    pub machine: MachineId,
    /// `None`: the machine's.
    pub(crate) hostname: Option<String>,
    files: FileSystem,
    mounts: BTreeMap<String, (Disk, InodeNumber)>,
    last_pid: u32,
    /// Processes by their number in it, zombies included.
    pub(crate) processes: BTreeMap<u32, ProcessId>,
    log: VecDeque<Printed>,
    log_bytes: usize,
    /// How many lines have been forgotten.
    forgotten: usize,
    input: Input,
}

impl Container {
    /// One more process; its number here.
    pub(crate) fn add_process(&mut self, id: ProcessId) -> u32 {
        self.last_pid += 1;
        self.processes.insert(self.last_pid, id);
        self.last_pid
    }

    /// What is mounted at that path.
    pub(crate) fn mounted(&self, path: &str) -> Option<(Disk, InodeNumber)> {
        self.mounts.get(path).copied()
    }

    /// What was printed from line `from` on, and the number of the line after the last.
    pub fn log(&self, from: usize) -> (impl Iterator<Item = &Printed>, usize) {
        let skip = from.saturating_sub(self.forgotten).min(self.log.len());
        (self.log.range(skip..), self.forgotten + self.log.len())
    }

    /// What was printed from that place on, each piece with its stream, and the place after it.
    pub fn log_since(&self, (from, mut skip): LogPlace) -> (Vec<(u8, Vec<u8>)>, LogPlace) {
        let (lines, next) = self.log(from);
        let mut pieces = Vec::new();
        for line in lines {
            pieces.push((line.stream, line.text.get(skip..).unwrap_or_default().to_vec()));
            skip = 0;
        }
        match self.log.back().filter(|it| !it.text.ends_with(b"\n")) {
            Some(begun) => (pieces, (next - 1, begun.text.len())),
            None => (pieces, (next, 0)),
        }
    }

    /// A line that goes on is one entry, unless the other stream came in between.
    fn print(&mut self, at: Instant, stream: u8, bytes: &[u8]) {
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.log_bytes += line.len();
            match self.log.back_mut().filter(|it| it.stream == stream && !it.text.ends_with(b"\n")) {
                Some(begun) if begun.text.len() < LOG_BYTES / 2 => begun.text.extend_from_slice(line),
                _ => self.log.push_back(Printed { at, stream, text: line.to_vec() }),
            }
        }
        while self.log_bytes > LOG_BYTES
            && let Some(gone) = self.log.pop_front()
        {
            self.log_bytes -= gone.text.len();
            self.forgotten += 1;
        }
    }
}

impl System {
    /// A container that nothing runs in yet; `files` are its image's.
    pub fn container_add(
        &mut self,
        machine: MachineId,
        files: Rc<FileSystem>,
        hostname: Option<String>,
    ) -> ContainerId {
        self.next_container += 1;
        let id = ContainerId(self.next_container);
        let container = Container {
            machine,
            hostname,
            files: FileSystem::over(files),
            mounts: BTreeMap::new(),
            last_pid: 0,
            processes: BTreeMap::new(),
            log: VecDeque::new(),
            log_bytes: 0,
            forgotten: 0,
            input: Input::None,
        };
        self.containers.insert(id, container);
        id
    }

    pub fn container(&self, id: ContainerId) -> &Container {
        self.containers.get(&id).expect("a container lives while something names it")
    }

    pub fn find_container(&self, id: ContainerId) -> Option<&Container> {
        self.containers.get(&id)
    }

    /// Does any process still run in it?
    pub fn container_lives(&self, id: ContainerId) -> bool {
        let mut inside = self.find_container(id).into_iter().flat_map(|it| it.processes.values());
        inside.any(|it| self.find_process(*it).is_some_and(|it| it.exit.is_none()))
    }

    /// What `hostname` says in it.
    pub fn container_hostname(&self, id: ContainerId) -> &str {
        self.hostname_of(self.container(id).machine, Some(id))
    }

    pub(crate) fn container_mut(&mut self, id: ContainerId) -> &mut Container {
        self.containers.get_mut(&id).expect("a container lives while something names it")
    }

    /// Ends what runs in it and forgets it.
    pub fn container_remove(&mut self, id: ContainerId) {
        self.end_container(id);
        if let Some(gone) = self.containers.remove(&id) {
            for (disk, inode) in gone.mounts.into_values() {
                let files = self.tree_mut(disk);
                files.get_mut(inode).opens -= 1;
                files.release(inode);
            }
        }
        self.wake(WaitOn::Log(id));
    }

    /// All that still runs in it is killed.
    pub(crate) fn end_container(&mut self, id: ContainerId) {
        let all = self.find_container(id).map(|it| it.processes.values().copied().collect());
        let mut inside: Vec<ProcessId> = all.unwrap_or_default();
        inside.retain(|it| self.find_process(*it).is_some_and(|it| it.exit.is_none()));
        inside.into_iter().for_each(|process| self.signal(process, Signal::Kill));
        self.container_end_input(id);
        if let Some(Input::Terminal(tty)) = self.find_container(id).map(|it| it.input) {
            self.pty_forget(tty);
            self.container_mut(id).input = Input::None;
        }
        self.wake(WaitOn::Log(id));
    }

    /// Mounts a file or directory of the machine at `path` of a container (`mount --bind`), making the mount point.
    pub fn container_mount(&mut self, id: ContainerId, source: &str, path: &str) -> Result<(), Errno> {
        let machine = self.container(id).machine;
        let source = self.walk(&self.root_view(machine), source, true)?;
        let Place::Disk(disk, inode) = *source.existing()? else { return Err(Errno::EINVAL) };
        let is_directory = self.tree(disk).directory(inode).is_some();
        let mut view = self.root_view(machine);
        view.container = Some(id);
        let mut at = String::new();
        for name in path.split('/').filter(|name| !name.is_empty()) {
            at = format!("{at}/{name}");
            if self.walk(&view, &at, true)?.place.is_none() {
                if at.len() == path.trim_end_matches('/').len() && !is_directory {
                    self.write_path(&view, &at, b"", OpenFlags::WRITE, 0o644)?;
                } else {
                    self.mkdir_path(&view, &at, 0o755)?;
                }
            }
        }
        let point = self.walk(&view, path, true)?.path;
        self.tree_mut(disk).get_mut(inode).opens += 1;
        if let Some((disk, old)) = self.container_mut(id).mounts.insert(point, (disk, inode)) {
            self.tree_mut(disk).get_mut(old).opens -= 1;
        }
        Ok(())
    }

    /// Starts a program in a container, with its output to the container's log. The first one is its process 1.
    pub fn container_start(
        &mut self,
        id: ContainerId,
        parent: Option<ProcessId>,
        start: Start,
        stdin: Stdin,
    ) -> Result<ProcessId, Errno> {
        let machine = self.container(id).machine;
        let (netns, netns_name) = start.netns.unwrap_or((self.host(machine).netns, None));
        let mut view = View::root(machine, netns);
        (view.container, view.uid) = (Some(id), start.uid.unwrap_or(0));
        view.gid = start.gid.unwrap_or(view.uid);
        view.cwd = start.cwd.unwrap_or_else(|| "/".to_owned());
        let environment = start.environment.unwrap_or_else(environment);
        let search = environment.get("PATH").map_or(DEFAULT_PATH, String::as_str);
        let word = start.arguments.first().ok_or(Errno::ENOENT)?;
        let path = self.find_executable(&view, word, search)?;
        let (command, arguments) = self.load(&view, &path, start.arguments)?;
        let spawn = Spawn {
            machine,
            container: Some(id),
            parent,
            netns,
            netns_name,
            uid: view.uid,
            cwd: view.cwd,
            environment,
            arguments: arguments.clone(),
            group: None,
            tty: None,
        };
        let process = self.spawn_program(spawn, |sys| (command.run)(sys, Args::new(arguments)))?;
        self.process_mut(process).gid = view.gid;
        self.give_streams(id, process, stdin);
        Ok(process)
    }

    fn give_streams(&mut self, id: ContainerId, process: ProcessId, stdin: Stdin) {
        let write = OpenFlags { write: true, ..OpenFlags::default() };
        let both = OpenFlags { read: true, ..write };
        let mut streams = [
            (0, OpenKind::Device(Device::Null), OpenFlags::READ, "/dev/null"),
            (1, OpenKind::Log(id, 1), write, "pipe:[1]"),
            (2, OpenKind::Log(id, 2), write, "pipe:[2]"),
        ];
        if stdin == Stdin::Terminal {
            let tty = self.pty_of_container(process, id);
            streams = [0, 1, 2].map(|fd| (fd, OpenKind::Tty(tty), both, "/dev/pts/0"));
            self.container_mut(id).input = Input::Terminal(tty);
        }
        for (fd, kind, flags, path) in streams {
            let file = self.open_kind(kind, flags, path.to_owned());
            self.install(process, fd, Descriptor { file, close_on_exec: false });
        }
        if stdin == Stdin::Pipe {
            let (file, writer) = self.open_pipe();
            self.install(process, 0, Descriptor { file, close_on_exec: false });
            self.container_mut(id).input = Input::Pipe(writer);
        }
    }

    /// Hands process 1 input: how many bytes it took. `EAGAIN` where its pipe is full, `EPIPE` where it has none.
    pub fn container_input(&mut self, who: ProcessId, id: ContainerId, bytes: &[u8]) -> Result<usize, Errno> {
        match self.find_container(id).map_or(Input::None, |it| it.input) {
            Input::Pipe(writer) => self.write_file_open(who, writer, bytes),
            Input::Terminal(tty) => {
                self.tty_input(tty, bytes);
                Ok(bytes.len())
            }
            Input::None => Err(Errno::EPIPE),
        }
    }

    /// What somebody with more input waits for.
    pub fn container_input_wait(&self, id: ContainerId) -> Option<WaitOn> {
        match self.find_container(id)?.input {
            Input::Pipe(writer) => self.file_wait(writer),
            _ => None,
        }
    }

    /// No more input comes; a terminal stays.
    pub fn container_end_input(&mut self, id: ContainerId) {
        if let Some(Input::Pipe(writer)) = self.find_container(id).map(|it| it.input) {
            self.container_mut(id).input = Input::None;
            self.drop_file(writer);
        }
    }

    pub fn container_resize(&mut self, id: ContainerId, columns: u16, rows: u16) {
        if let Some(Input::Terminal(tty)) = self.find_container(id).map(|it| it.input) {
            self.tty_resize(tty, columns, rows);
        }
    }

    /// Its processes or its runtime print.
    pub(crate) fn container_print(&mut self, id: ContainerId, stream: u8, bytes: &[u8]) {
        let now = self.now();
        if let Some(container) = self.containers.get_mut(&id) {
            container.print(now, stream, bytes);
            self.wake(WaitOn::Log(id));
        }
    }

    pub(crate) fn tree(&self, disk: Disk) -> &FileSystem {
        match disk {
            Disk::Machine(machine) => &self.host(machine).files,
            Disk::Container(id) => &self.container(id).files,
        }
    }

    pub(crate) fn tree_mut(&mut self, disk: Disk) -> &mut FileSystem {
        match disk {
            Disk::Machine(machine) => &mut self.host_mut(machine).files,
            Disk::Container(id) => &mut self.container_mut(id).files,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cmd;
    use api::topology::Role;
    use std::time::Duration;

    /// Runs `sh -c` as process 1 of a new container with those mounts; what it printed.
    fn run(command: &str, mounts: &[(&str, &str)]) -> String {
        let mut system = System::new(1, cmd::ALL.iter().copied());
        let machine = system.machine_add("node", Role::Node);
        let mut files = FileSystem::skeleton();
        for name in ["sh", "cat", "ps", "hostname", "mv", "sleep", "ls", "kill"] {
            files.put_command(&format!("/bin/{name}"), name);
        }
        let id = system.container_add(machine, Rc::new(files), Some("web".to_owned()));
        for (source, path) in mounts {
            system.container_mount(id, source, path).expect("both are there");
        }
        let start = Start::new(["sh", "-c", command]);
        system.container_start(id, None, start, Stdin::Nothing).expect("it has a shell");
        let until = system.now() + Duration::from_secs(100);
        while system.step(until) {}
        let container = system.container(id);
        container.log(0).0.map(|it| String::from_utf8_lossy(&it.text).into_owned()).collect()
    }

    #[test]
    fn a_container_has_its_own_root_hostname_and_process_numbers() {
        let missing = "cat: /etc/os-release: No such file or directory\n";
        assert_eq!(run("cat /etc/os-release", &[]), missing);
        assert_eq!(run("hostname; echo $$", &[]), "web\n1\n");
        assert_eq!(run("ps -eo pid=,comm=; true", &[]), "      1 sh\n      2 ps\n");
    }

    #[test]
    fn a_mounted_file_is_the_machines_and_cannot_be_moved() {
        let mounts = [("/etc/debian_version", "/etc/hosts"), ("/usr/lib", "/lib/node")];
        assert_eq!(
            run("cat /etc/hosts; mv /etc/hosts /tmp/x; ls /lib", &mounts),
            "12.12\nmv: cannot move '/etc/hosts' to '/tmp/x': Device or resource busy\nnode\n"
        );
    }

    #[test]
    fn with_process_1_all_others_end_and_nothing_from_within_ends_it() {
        let command = "(sleep 5; echo late) & kill -TERM 1; kill -KILL 1; echo alive; exit 3";
        assert_eq!(run(command, &[]), "alive\n");
    }
}
