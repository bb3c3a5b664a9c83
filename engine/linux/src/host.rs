//! A machine: its name, its own network namespace, its files and its next process number.
//!
//! Always: `netns` lives as long as the machine; a named namespace is the file `/run/netns/NAME`; any other
//! namespace lives while a process runs in it or a file stands for it.

use crate::cmd::Command;
use crate::container::ContainerId;
use crate::fs::{self, FileSystem, Inode, Node, View};
use crate::process::{Process, ProcessId};
use crate::sys::{Sys, Syscall};
use crate::system::System;
use api::topology::Role;
use api::{MachineId, NetnsId};
use net::Errno;
use std::any::{Any, TypeId};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

#[derive(Debug)]
pub struct Host {
    pub machine: MachineId,
    pub hostname: String,
    pub role: Role,
    pub netns: NetnsId,
    pub files: FileSystem,
    pub(crate) next_pid: u32,
    /// Processes by their number, zombies included.
    pub(crate) processes: BTreeMap<u32, ProcessId>,
}

impl Host {
    pub(crate) fn new<'a>(
        machine: MachineId,
        hostname: &str,
        role: Role,
        netns: NetnsId,
        commands: impl Iterator<Item = &'a Command>,
    ) -> Host {
        let files = fs::standard(hostname, commands);
        let processes = BTreeMap::new();
        Host { machine, hostname: hostname.to_owned(), role, netns, files, next_pid: 1, processes }
    }
}

/// What crates above keep with machines, by type. Looked up, never iterated.
pub(crate) type Attachments = BTreeMap<(MachineId, TypeId), Box<dyn Any>>;

/// Where `ip netns add` binds a namespace to a name.
pub const NETNS_RUN: &str = "/run/netns";

impl System {
    /// How a namespace is called in text: `router`, `host/red`.
    pub fn place_name(&self, machine: MachineId, netns: NetnsId) -> String {
        let host = &self.host(machine).hostname;
        match self.netns_names(machine).into_iter().find(|(_, id)| *id == netns) {
            Some((name, _)) => format!("{host}/{name}"),
            None => host.clone(),
        }
    }

    /// The namespaces bound to a name on that machine, the newest first.
    pub fn netns_names(&self, machine: MachineId) -> Vec<(String, NetnsId)> {
        let view = self.root_view(machine);
        let entries = self.read_dir_path(&view, NETNS_RUN).unwrap_or_default();
        let netns = |name: String| {
            let netns = self.netns_of_path(&view, &format!("{NETNS_RUN}/{name}")).ok()?;
            Some((name, netns))
        };
        entries.into_iter().filter_map(|entry| netns(entry.name)).collect()
    }

    pub fn netns_named(&self, machine: MachineId, name: &str) -> Option<NetnsId> {
        self.netns_of_path(&self.root_view(machine), &format!("{NETNS_RUN}/{name}")).ok()
    }

    /// A new namespace, bound to a name: what `ip netns add` does. `EEXIST` where the name is taken.
    pub fn netns_add(&mut self, machine: MachineId, name: &str) -> Result<NetnsId, Errno> {
        self.netns_bind(machine, name, None)
    }

    /// Binds a namespace (or a new one) to a name; `ip netns attach`. `EEXIST` where the name is taken.
    pub fn netns_bind(
        &mut self,
        machine: MachineId,
        name: &str,
        netns: Option<NetnsId>,
    ) -> Result<NetnsId, Errno> {
        let view = self.root_view(machine);
        if let Err(errno) = self.mkdir_path(&view, NETNS_RUN, 0o755)
            && errno != Errno::EEXIST
        {
            return Err(errno);
        }
        let found = self.walk(&view, &format!("{NETNS_RUN}/{name}"), false)?;
        if found.place.is_some() {
            return Err(Errno::EEXIST);
        }
        let netns = match netns {
            Some(netns) => netns,
            None => self.netns_new(machine)?,
        };
        self.net.netns_rename(netns, Some(name));
        let made = self.create_at(&view, &found, Inode::new(Node::Netns(netns), 0o444, 0, 0, self.now()));
        if made.is_err() {
            self.release_netns(machine, netns);
        }
        made.map(|_| netns)
    }

    /// Takes the name away; the namespace goes with its last user.
    pub fn netns_delete(&mut self, machine: MachineId, name: &str) -> Result<(), Errno> {
        let view = self.root_view(machine);
        self.unlink_path(&view, &format!("{NETNS_RUN}/{name}"))
    }

    /// A new namespace that nothing holds yet: bind it or start a process in it before anything else runs.
    pub fn netns_new(&mut self, machine: MachineId) -> Result<NetnsId, Errno> {
        self.net.netns_add(machine, None).map_err(|refused| refused.errno)
    }

    /// The namespace that the file at `path` stands for; `EINVAL` where it is another kind of file.
    pub(crate) fn netns_of_path(&self, view: &View, path: &str) -> Result<NetnsId, Errno> {
        use crate::fs::{Place, Synthetic, synthetic_lookup};
        let found = self.walk(view, path, true)?;
        match found.existing()? {
            Place::Disk(disk, inode) => match self.tree(*disk).get(*inode).node {
                Node::Netns(netns) => Ok(netns),
                _ => Err(Errno::EINVAL),
            },
            Place::Synthetic(path) => match synthetic_lookup(self, view, path) {
                Some(Synthetic::Netns(netns)) => Ok(netns),
                _ => Err(Errno::EINVAL),
            },
        }
    }

    /// One more process runs in a namespace.
    pub(crate) fn netns_used(&mut self, netns: NetnsId) {
        *self.netns_users.entry(netns).or_default() += 1;
    }

    /// One process less does.
    pub(crate) fn netns_left(&mut self, netns: NetnsId) {
        if let Entry::Occupied(mut users) = self.netns_users.entry(netns) {
            *users.get_mut() -= 1;
            if *users.get() == 0 {
                users.remove();
            }
        }
    }

    /// A process or a file has let go of a namespace: it goes too, unless another or the machine holds it.
    pub(crate) fn release_netns(&mut self, machine: MachineId, netns: NetnsId) {
        let host = self.host(machine);
        let held =
            host.netns == netns || host.files.binds_netns(netns) || self.netns_users.contains_key(&netns);
        if !held && self.net.netns_is_alive(netns) {
            self.net.netns_delete(netns).expect("a namespace of a machine that is not its own can go");
        }
    }

    /// What `gethostname(2)` says to that process.
    pub(crate) fn hostname(&self, process: &Process) -> &str {
        self.hostname_of(process.machine, process.container)
    }

    pub(crate) fn hostname_of(&self, machine: MachineId, container: Option<ContainerId>) -> &str {
        let own = container.and_then(|it| self.container(it).hostname.as_deref());
        own.unwrap_or(&self.host(machine).hostname)
    }

    pub(crate) fn set_hostname(&mut self, machine: MachineId, container: Option<ContainerId>, name: &str) {
        match container {
            // On the host's network a container has the host's UTS namespace.
            Some(it) if self.container(it).hostname.is_some() => {
                self.container_mut(it).hostname = Some(name.to_owned());
            }
            _ => self.host_mut(machine).hostname = name.to_owned(),
        }
    }

    /// Gives a machine something that a crate above keeps with it; a second one of a type replaces the first.
    pub fn attach<T: 'static>(&mut self, machine: MachineId, thing: T) {
        self.attachments.insert((machine, TypeId::of::<T>()), Box::new(thing));
    }

    pub fn attached<T: 'static>(&self, machine: MachineId) -> Option<&T> {
        self.attachments.get(&(machine, TypeId::of::<T>()))?.downcast_ref()
    }

    pub fn attached_mut<T: 'static>(&mut self, machine: MachineId) -> Option<&mut T> {
        self.attachments.get_mut(&(machine, TypeId::of::<T>()))?.downcast_mut()
    }

    /// Puts the executables of those commands on a machine's disk, each at its path.
    pub fn install_commands(&mut self, machine: MachineId, commands: &[&Command]) {
        let files = &mut self.host_mut(machine).files;
        commands.iter().for_each(|command| files.put_command(command.path, command.name));
    }

    pub(crate) fn root_view(&self, machine: MachineId) -> View {
        View::root(machine, self.host(machine).netns)
    }
}

impl Sys {
    pub fn hostname(&self) -> Syscall<String> {
        self.ask(|system, id| system.hostname(system.process(id)).to_owned())
    }

    /// The namespace bound to that name: `ENOENT` where there is none, `EINVAL` where the file is none.
    pub fn netns_named(&self, name: &str) -> Syscall<Result<NetnsId, Errno>> {
        self.netns_at(&format!("{NETNS_RUN}/{name}"))
    }

    /// The one of that name, to be entered (setns(2)): EPERM to everyone but root.
    pub async fn netns_to_enter(&self, name: &str) -> Result<NetnsId, Errno> {
        let netns = self.netns_named(name).await?;
        if self.uid().await == 0 { Ok(netns) } else { Err(Errno::EPERM) }
    }

    /// `ip netns add`; `EEXIST` where the name is taken.
    pub fn netns_add(&self, name: &str) -> Syscall<Result<NetnsId, Errno>> {
        let name = name.to_owned();
        self.ask(move |system, id| system.netns_add(system.process(id).machine, &name))
    }

    pub async fn netns_delete(&self, name: &str) -> Result<(), Errno> {
        self.remove(&format!("{NETNS_RUN}/{name}")).await
    }

    /// Names and namespaces, the newest first.
    pub fn netns_names(&self) -> Syscall<Vec<(String, NetnsId)>> {
        self.ask(|system, id| system.netns_names(system.process(id).machine))
    }

    /// From now on this process runs in that namespace (setns(2)); with a name, `/etc/netns/NAME` lies over `/etc`.
    pub fn enter_netns(&self, netns: NetnsId, name: Option<&str>) -> Syscall<()> {
        let name = name.map(str::to_owned);
        self.ask(move |system, id: ProcessId| {
            system.netns_used(netns);
            let process = system.process_mut(id);
            let (machine, left) = (process.machine, std::mem::replace(&mut process.netns, netns));
            process.netns_name = name;
            system.netns_left(left);
            system.release_netns(machine, left);
        })
    }
}
