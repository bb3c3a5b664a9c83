//! The container runtime of a node (containerd): its images, sandboxes and containers, and what has happened to them.
//!
//! Attached to the node's machine; changed by whoever runs there (kubelet, crictl) through the functions of this file.
//! Always: a sandbox has a network namespace bound at `/run/netns/cni-…` (or the node's own) and a pause container; what
//! ends is noted here and told under [`CHANGED`]; ids are made of names and attempts, so a replay has the same ones.
//! Differs from containerd: kubelet calls functions, not gRPC; containers are children of containerd without shims.
//! Source: CRI `api.proto`.

use crate::image::{self, Image, Reference, hex};
use api::{MachineId, NetnsId};
use linux::{ContainerId, Exit, FileSystem, ProcessId, Signal, Start, Stdin, System, WaitOn};
use net::Errno;
use sim::Instant;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// The notice under which a node's runtime tells of changes.
pub const CHANGED: u32 = 100;
/// What `sandbox_image` of containerd's configuration names.
pub const PAUSE_IMAGE: &str = "registry.k8s.io/pause:3.10.1";

pub struct Runtime {
    tables: Vec<&'static [Image]>,
    pub images: BTreeMap<String, (Reference, &'static Image)>,
    trees: BTreeMap<&'static str, Rc<FileSystem>>,
    pub sandboxes: BTreeMap<String, Sandbox>,
    pub containers: BTreeMap<String, Container>,
    /// Ids of sandboxes and of containers by the uid of their pod.
    of_pod: BTreeMap<String, [BTreeSet<String>; 2]>,
    /// Containers by their first process while it runs.
    of_process: BTreeMap<ProcessId, String>,
    /// Pods of which something has ended, until somebody takes note.
    pub changed: BTreeSet<String>,
    /// The process that containers are children of.
    pub(crate) daemon: Option<ProcessId>,
}

/// Whose sandbox or container: what kubelet labels them with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PodName {
    pub namespace: String,
    pub name: String,
    pub uid: String,
}

pub struct Sandbox {
    pub id: String,
    pub pod: PodName,
    pub attempt: u32,
    pub created: Instant,
    /// Its path below `/run/netns`; none on the node's network.
    pub netns_name: Option<String>,
    pub netns: NetnsId,
    pub hostname: Option<String>,
    pub ready: bool,
    /// What the CNI plugins answered.
    pub addresses: Vec<String>,
    pub result: String,
    pub pause: ContainerId,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Created,
    Running,
    Exited,
}

pub struct Container {
    pub id: String,
    pub sandbox: String,
    pub pod: PodName,
    pub name: String,
    pub image: Reference,
    pub attempt: u32,
    pub state: State,
    pub created: Instant,
    pub started: Instant,
    pub finished: Instant,
    pub exit: u8,
    pub signal: u8,
    /// Why it did not start.
    pub message: String,
    pub process: Option<ProcessId>,
    pub inner: ContainerId,
    pub environment: BTreeMap<String, String>,
    pub cwd: String,
    pub uid: u32,
    pub gid: u32,
    pub stdin: Stdin,
    pub stdin_once: bool,
}

/// What a container is to be.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    pub name: String,
    pub image: String,
    pub attempt: u32,
    /// Instead of the image's entrypoint and arguments.
    pub command: Vec<String>,
    pub args: Vec<String>,
    pub environment: Vec<(String, String)>,
    pub cwd: String,
    /// Instead of the image's user, and of group 0 for such a one.
    pub uid: Option<u32>,
    pub gid: Option<u32>,
    /// Paths of the node and where they are mounted.
    pub mounts: Vec<(String, String)>,
    pub stdin: Stdin,
    /// Input ends when the first who brought some leaves.
    pub stdin_once: bool,
}

impl Runtime {
    pub fn new(tables: Vec<&'static [Image]>) -> Runtime {
        Runtime {
            tables,
            images: BTreeMap::new(),
            trees: BTreeMap::new(),
            sandboxes: BTreeMap::new(),
            containers: BTreeMap::new(),
            of_pod: BTreeMap::new(),
            of_process: BTreeMap::new(),
            changed: BTreeSet::new(),
            daemon: None,
        }
    }

    pub fn of(system: &System, machine: MachineId) -> Option<&Runtime> {
        system.attached(machine)
    }

    pub fn of_mut(system: &mut System, machine: MachineId) -> Option<&mut Runtime> {
        system.attached_mut(machine)
    }

    /// Is containerd there to be asked?
    pub fn is_running(system: &System, machine: MachineId) -> bool {
        let daemon = Runtime::of(system, machine).and_then(|it| it.daemon);
        daemon.and_then(|it| system.find_process(it)).is_some_and(|it| it.exit.is_none())
    }

    pub fn has_image(&self, name: &str) -> bool {
        Reference::parse(name).is_some_and(|it| self.images.contains_key(&it.full()))
    }

    /// What the registry says to a pull; the image's size.
    pub fn resolve(&self, name: &str) -> Result<u64, String> {
        let reference = Reference::parse(name).ok_or("invalid reference format")?;
        image::find(&self.tables, &reference).map(|it| it.bytes)
    }

    /// The image is here from now on.
    pub fn pull(&mut self, name: &str) -> Result<u64, String> {
        let reference = Reference::parse(name).ok_or("invalid reference format")?;
        let image = image::find(&self.tables, &reference)?;
        self.images.insert(reference.full(), (reference, image));
        Ok(image.bytes)
    }

    /// Containers of a pod, the oldest first.
    pub fn containers_of<'a>(&'a self, uid: &'a str) -> impl Iterator<Item = &'a Container> + 'a {
        let ids = self.of_pod.get(uid).into_iter().flat_map(|[_, ids]| ids);
        let mut all: Vec<&Container> = ids.filter_map(|it| self.containers.get(it)).collect();
        all.sort_by_key(|it| (it.created, it.attempt));
        all.into_iter()
    }

    pub fn sandbox_of(&self, uid: &str) -> Option<&Sandbox> {
        let [ids, _] = self.of_pod.get(uid)?;
        ids.iter().filter_map(|it| self.sandboxes.get(it)).max_by_key(|it| it.attempt)
    }

    fn add_sandbox(&mut self, sandbox: Sandbox) {
        self.of_pod.entry(sandbox.pod.uid.clone()).or_default()[0].insert(sandbox.id.clone());
        self.sandboxes.insert(sandbox.id.clone(), sandbox);
    }

    fn add_container(&mut self, container: Container) {
        self.of_pod.entry(container.pod.uid.clone()).or_default()[1].insert(container.id.clone());
        self.containers.insert(container.id.clone(), container);
    }

    /// No sandbox and no container of that id belongs to the pod any more.
    fn leave_pod(&mut self, uid: &str, id: &str) {
        let Some(ids) = self.of_pod.get_mut(uid) else { return };
        for ids in ids.iter_mut() {
            ids.remove(id);
        }
        if ids.iter().all(BTreeSet::is_empty) {
            self.of_pod.remove(uid);
        }
    }

    /// By a prefix of its id that is long enough to be the only one.
    pub fn container_named(&self, prefix: &str) -> Option<&Container> {
        let mut found = self.containers.values().filter(|it| it.id.starts_with(prefix));
        found.next().filter(|_| !prefix.is_empty() && found.next().is_none())
    }
}

fn tree(system: &mut System, machine: MachineId, image: &'static Image) -> Rc<FileSystem> {
    if let Some(tree) = Runtime::of(system, machine).and_then(|it| it.trees.get(image.repository)) {
        return Rc::clone(tree);
    }
    let tree = Rc::new(image.files(system));
    if let Some(runtime) = Runtime::of_mut(system, machine) {
        runtime.trees.insert(image.repository, Rc::clone(&tree));
    }
    tree
}

/// A new sandbox: its namespace and its pause container. What connects it comes after.
pub fn run_sandbox(
    system: &mut System,
    machine: MachineId,
    pod: PodName,
    attempt: u32,
    hostname: Option<String>,
) -> Result<String, String> {
    let said = |errno: Errno| format!("failed to create network namespace for sandbox: {errno}");
    let id = hex(&format!("sandbox {} {attempt}", pod.uid));
    let (netns, netns_name) = match &hostname {
        None => (system.host(machine).netns, None),
        Some(_) => {
            let name = netns_name(&id);
            (system.netns_add(machine, &name).map_err(said)?, Some(name))
        }
    };
    let runtime = Runtime::of_mut(system, machine).ok_or("containerd is not running")?;
    runtime.pull(PAUSE_IMAGE)?;
    let pause = Reference::parse(PAUSE_IMAGE).ok_or("invalid reference format")?;
    let image = image::find(&runtime.tables, &pause)?;
    let daemon = runtime.daemon;
    let files = tree(system, machine, image);
    let pause = system.container_add(machine, files, hostname.clone());
    let start = Start { netns: Some((netns, None)), uid: Some(65535), ..Start::new(["/pause"]) };
    system
        .container_start(pause, daemon, start, Stdin::Nothing)
        .map_err(|errno| format!("failed to start sandbox: {errno}"))?;
    let created = system.now();
    let sandbox = Sandbox {
        id: id.clone(),
        pod,
        attempt,
        created,
        netns_name,
        netns,
        hostname,
        ready: true,
        addresses: Vec::new(),
        result: String::new(),
        pause,
    };
    if let Some(runtime) = Runtime::of_mut(system, machine) {
        runtime.add_sandbox(sandbox);
    }
    Ok(id)
}

/// `cni-` and what looks like a UUID, as containerd's `netns.NewNetNS` names it.
fn netns_name(id: &str) -> String {
    format!("cni-{}-{}-{}-{}-{}", &id[..8], &id[8..12], &id[12..16], &id[16..20], &id[20..32])
}

/// Ends the sandbox's pause container; its namespace goes when it is unbound.
pub fn stop_sandbox(system: &mut System, machine: MachineId, id: &str) {
    let Some(sandbox) = Runtime::of_mut(system, machine).and_then(|it| it.sandboxes.get_mut(id)) else {
        return;
    };
    sandbox.ready = false;
    let (pause, name) = (sandbox.pause, sandbox.netns_name.take());
    system.container_remove(pause);
    if let Some(name) = name {
        system.netns_delete(machine, &name).ok();
    }
}

/// Forgets a stopped sandbox.
pub fn remove_sandbox(system: &mut System, machine: MachineId, id: &str) {
    let Some(runtime) = Runtime::of_mut(system, machine) else { return };
    if let Some(gone) = runtime.sandboxes.remove(id) {
        runtime.leave_pod(&gone.pod.uid, id);
    }
}

/// A container of a sandbox, not started yet. The image has to be here.
pub fn create_container(
    system: &mut System,
    machine: MachineId,
    sandbox: &str,
    wanted: &Wanted,
) -> Result<String, String> {
    let runtime = Runtime::of(system, machine).ok_or("containerd is not running")?;
    let home = runtime.sandboxes.get(sandbox).ok_or("sandbox not found")?;
    let (pod, hostname) = (home.pod.clone(), home.hostname.clone());
    let reference = Reference::parse(&wanted.image).ok_or("invalid reference format")?;
    let (reference, image) = runtime.images.get(&reference.full()).cloned().ok_or("image not found")?;
    let files = tree(system, machine, image);
    let inner = system.container_add(machine, files, hostname);
    for (source, path) in &wanted.mounts {
        if let Err(errno) = system.container_mount(inner, source, path) {
            system.container_remove(inner);
            return Err(format!("failed to mount \"{source}\" at \"{path}\": {errno}"));
        }
    }
    let mut environment: BTreeMap<String, String> = [("PATH", linux::DEFAULT_PATH), ("HOME", "/root")]
        .iter()
        .chain(image.environment)
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    environment.insert("HOSTNAME".to_owned(), system.container_hostname(inner).to_owned());
    environment.extend(wanted.environment.iter().cloned());
    let id = hex(&format!("container {} {} {}", pod.uid, wanted.name, wanted.attempt));
    let now = system.now();
    let container = Container {
        id: id.clone(),
        sandbox: sandbox.to_owned(),
        pod,
        name: wanted.name.clone(),
        image: reference,
        attempt: wanted.attempt,
        state: State::Created,
        created: now,
        started: now,
        finished: now,
        exit: 0,
        signal: 0,
        message: String::new(),
        process: None,
        inner,
        environment,
        cwd: if wanted.cwd.is_empty() { image.workdir.to_owned() } else { wanted.cwd.clone() },
        uid: wanted.uid.unwrap_or(image.uid),
        gid: wanted.gid.unwrap_or(if wanted.uid.is_some() { 0 } else { image.uid }),
        stdin: wanted.stdin,
        stdin_once: wanted.stdin_once,
    };
    if let Some(runtime) = Runtime::of_mut(system, machine) {
        runtime.add_container(container);
    }
    Ok(id)
}

/// What a container runs: `command` replaces entrypoint and arguments of the image, `args` the arguments.
fn arguments(image: &Image, wanted: &Wanted) -> Vec<String> {
    let words = |list: &[&str]| list.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
    match (wanted.command.is_empty(), wanted.args.is_empty()) {
        (true, true) => [words(image.entrypoint), words(image.cmd)].concat(),
        (true, false) => [words(image.entrypoint), wanted.args.clone()].concat(),
        (false, _) => [wanted.command.clone(), wanted.args.clone()].concat(),
    }
}

/// Starts it. Where its program cannot be run the error is runc's, and the container counts as ended with 128.
pub fn start_container(
    system: &mut System,
    machine: MachineId,
    id: &str,
    wanted: &Wanted,
) -> Result<(), String> {
    let Some(runtime) = Runtime::of(system, machine) else {
        return Err("containerd is not running".to_owned());
    };
    let Some(container) = runtime.containers.get(id) else { return Err("container not found".to_owned()) };
    let netns = runtime.sandboxes.get(&container.sandbox).map(|it| it.netns).ok_or("sandbox not found")?;
    let image = runtime.images.get(&container.image.full()).map(|it| it.1).ok_or("image not found")?;
    let arguments = arguments(image, wanted);
    let word = arguments.first().cloned().unwrap_or_default();
    let (inner, daemon) = (container.inner, runtime.daemon);
    let start = Start {
        netns: Some((netns, None)),
        uid: Some(container.uid),
        gid: Some(container.gid),
        environment: Some(container.environment.clone()),
        cwd: Some(container.cwd.clone()),
        ..Start::new(arguments)
    };
    let started = system.container_start(inner, daemon, start, wanted.stdin);
    let now = system.now();
    let gone = "container not found";
    let runtime = Runtime::of_mut(system, machine).ok_or(gone)?;
    let container = runtime.containers.get_mut(id).ok_or(gone)?;
    container.started = now;
    let errno = match started {
        Ok(process) => {
            (container.process, container.state) = (Some(process), State::Running);
            runtime.of_process.insert(process, id.to_owned());
            return Ok(());
        }
        Err(errno) => errno,
    };
    let why = match errno {
        _ if word.is_empty() => "no command specified".to_owned(),
        Errno::ENOENT if word.contains('/') => {
            format!("exec: \"{word}\": stat {word}: no such file or directory")
        }
        Errno::ENOENT => format!("exec: \"{word}\": executable file not found in $PATH"),
        Errno::ENOEXEC => format!("exec {word}: exec format error"),
        errno => format!("exec: \"{word}\": {}", errno.to_string().to_lowercase()),
    };
    let message = format!(
        "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: \
         unable to start container process: error during container init: {why}"
    );
    (container.state, container.exit, container.finished) = (State::Exited, 128, now);
    container.message.clone_from(&message);
    Err(message)
}

/// How a command is started in a running container: in its root, namespace and environment.
pub fn exec_start(system: &System, machine: MachineId, id: &str, arguments: Vec<String>) -> Option<Start> {
    let runtime = Runtime::of(system, machine)?;
    let container = runtime.containers.get(id).filter(|it| it.state == State::Running)?;
    let sandbox = runtime.sandboxes.get(&container.sandbox)?;
    Some(Start {
        container: Some(container.inner),
        netns: Some((sandbox.netns, None)),
        environment: Some(container.environment.clone()),
        cwd: Some(container.cwd.clone()),
        uid: Some(container.uid),
        gid: Some(container.gid),
        ..Start::new(arguments)
    })
}

/// Sends its first process a signal; nothing happens where it has ended.
pub fn signal_container(system: &mut System, machine: MachineId, id: &str, signal: Signal) {
    let process = Runtime::of(system, machine).and_then(|it| it.containers.get(id)).and_then(|it| it.process);
    if let Some(process) = process.filter(|it| system.find_process(*it).is_some()) {
        system.signal(process, signal);
    }
}

/// Forgets a container and its files.
pub fn remove_container(system: &mut System, machine: MachineId, id: &str) {
    let Some(runtime) = Runtime::of_mut(system, machine) else { return };
    if let Some(container) = runtime.containers.remove(id) {
        runtime.leave_pod(&container.pod.uid, id);
        container.process.map(|it| runtime.of_process.remove(&it));
        system.container_remove(container.inner);
    }
}

/// A child of containerd has ended.
pub(crate) fn ended(system: &mut System, machine: MachineId, process: ProcessId, exit: Exit, signal: u8) {
    let now = system.now();
    let Some(runtime) = Runtime::of_mut(system, machine) else { return };
    let found = runtime.of_process.remove(&process);
    if let Some(container) = found.and_then(|it| runtime.containers.get_mut(&it)) {
        (container.state, container.exit, container.signal) = (State::Exited, exit.0, signal);
        (container.finished, container.process) = (now, None);
        let uid = container.pod.uid.clone();
        runtime.changed.insert(uid);
    } else {
        // A pause that was killed takes its sandbox with it.
        let ready = runtime.sandboxes.values().filter(|it| it.ready).map(|it| (it.id.clone(), it.pause));
        let ready: Vec<(String, ContainerId)> = ready.collect();
        let over = ready.into_iter().filter(|it| !system.container_lives(it.1));
        let over: Vec<String> = over.map(|it| it.0).collect();
        if let Some(runtime) = Runtime::of_mut(system, machine) {
            for id in over {
                if let Some(sandbox) = runtime.sandboxes.get_mut(&id) {
                    sandbox.ready = false;
                    runtime.changed.insert(sandbox.pod.uid.clone());
                }
            }
        }
    }
    system.wake(WaitOn::Notice(machine, CHANGED));
}
