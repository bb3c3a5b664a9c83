//! Streams into a pod: a command in a container (exec), its process 1 (attach), a port (port-forward).
//!
//! Stands under `server`, on `websocket`. Always: a stream ends when the program does, with how it ended, or when the client
//! hangs up; a port is reached from within the pod's network, as `localhost`.
//! Differs from Kubernetes: no runtime of its own port in between; an upgrade request's header [`TERMINAL`] names the page's
//! terminal that somebody types on, as `ssh.rs` of linux does.
//! Sources: kubernetes `pkg/kubelet/server/server.go`, `cri-streaming`; containerd `internal/cri/server/sandbox_portforward_linux.go`.

use super::Kubelet;
use crate::api::{Request, Response};
use crate::client::said;
use crate::http::Connection;
use crate::object::json;
use crate::websocket::{self, CLOSE, RESIZE, STDERR, STDIN, STDOUT, WebSocket};
use api::NetnsId;
use container::runtime::{self, Container, Runtime, State};
use linux::daemon::Remote;
use linux::socket::Socket;
use linux::{ContainerId, LogPlace, System, WaitOn};
use net::{Errno, SocketKind};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

/// The header that says whose keys these are, in small letters.
pub const TERMINAL: &str = "x-vethlab-terminal";
/// What one turn takes from the network.
const BUFFER: usize = 16_384;
/// How long a port may take to be reached.
const DIAL: Duration = Duration::from_secs(30);

/// A container that runs: its id, its place in the kernel, and whether its input ends with the first who brings some.
struct Running {
    id: String,
    inner: ContainerId,
    stdin_once: bool,
}

async fn running(kubelet: &Kubelet, (namespace, pod, name): (&str, &str, &str)) -> Option<Running> {
    let machine = kubelet.machine;
    let (namespace, pod, name) = (namespace.to_owned(), pod.to_owned(), name.to_owned());
    let find = move |system: &mut System, _| {
        let is_it = |it: &&Container| {
            let is_named = it.pod.namespace == namespace && it.pod.name == pod && it.name == name;
            is_named && it.state == State::Running
        };
        let it = Runtime::of(system, machine)?.containers.values().find(is_it)?;
        Some(Running { id: it.id.clone(), inner: it.inner, stdin_once: it.stdin_once })
    };
    kubelet.sys.ask(find).await
}

/// Exec or attach, by the first word of the path.
pub async fn program(
    kubelet: &Rc<Kubelet>,
    connection: Connection,
    request: &Request,
    place: (&str, &str, &str),
) -> Result<(), Errno> {
    let Some(container) = running(kubelet, place).await else {
        let words = format!("container not found (\"{}\")", place.2);
        return connection.respond(&Response::text(500, &words)).await;
    };
    let accepted = WebSocket::accept(&kubelet.sys, connection, request, websocket::STREAMS).await?;
    let Some(mut socket) = accepted else { return Ok(()) };
    let reads = request.is_true("input");
    if request.path.starts_with("/attach") {
        let mut attached = Attached::new(kubelet, container, reads).await;
        let ended = attached.relay(&mut socket).await;
        attached.leave().await;
        return ended;
    }
    let words = request.query.iter().filter(|(name, _)| name == "command").map(|(_, word)| word.clone());
    let words: Vec<String> = words.collect();
    let (machine, id, asked) = (kubelet.machine, container.id.clone(), words.clone());
    let start = kubelet.sys.ask(move |system, _| runtime::exec_start(system, machine, &id, asked)).await;
    let Some(mut start) = start else {
        return socket.finish(&websocket::failed("container not found")).await;
    };
    let typed_from = request.header(TERMINAL).parse().unwrap_or(u32::MAX);
    let window = request.is_true("tty").then_some((80, 24, typed_from));
    if let Some(environment) = start.environment.as_mut().filter(|_| window.is_some()) {
        environment.entry("TERM".to_owned()).or_insert_with(|| "xterm".to_owned());
    }
    match Remote::start(&kubelet.sys, start, window).await {
        Ok(mut program) => {
            if !reads {
                program.end_input();
            }
            let ended = relay(kubelet, &mut socket, &mut program).await;
            program.hang_up().await;
            ended
        }
        Err(errno) => socket.finish(&websocket::failed(&not_started(&container.id, &words, errno))).await,
    }
}

/// What the kubelet makes of the runtime's answer, which comes as an error of its own.
fn not_started(id: &str, words: &[String], errno: Errno) -> String {
    let word = words.first().map_or("", String::as_str);
    let why = match errno {
        Errno::ENOENT if word.contains('/') => {
            format!("exec: \"{word}\": stat {word}: no such file or directory")
        }
        Errno::ENOENT => format!("exec: \"{word}\": executable file not found in $PATH"),
        errno => format!("exec: \"{word}\": {}", errno.to_string().to_lowercase()),
    };
    let exec = container::image::hex(&format!("exec {id} {}", words.join(" ")));
    format!(
        "Internal error occurred: error executing command in container: failed to exec in container: failed to start exec \
         \"{exec}\": OCI runtime exec failed: exec failed: unable to start container process: {why}"
    )
}

/// Columns and rows of a message on the resize channel.
fn size(bytes: &[u8]) -> Option<(u16, u16)> {
    let size = json::parse(&String::from_utf8_lossy(bytes)).ok()?;
    Some((u16::try_from(size.int("Width")).ok()?, u16::try_from(size.int("Height")).ok()?))
}

/// Until the program has ended, or the client has gone.
async fn relay(kubelet: &Kubelet, socket: &mut WebSocket, program: &mut Remote) -> Result<(), Errno> {
    loop {
        let mut moved = false;
        while program.has_room()
            && let Some((channel, bytes)) = socket.receive().await?
        {
            moved = true;
            match channel {
                STDIN => program.type_in(&bytes),
                CLOSE if bytes.first() == Some(&STDIN) => program.end_input(),
                RESIZE => {
                    if let Some((columns, rows)) = size(&bytes) {
                        program.resize(columns, rows).await;
                    }
                }
                _ => {}
            }
        }
        let mut waits = Vec::new();
        let turn = program.turn(&mut waits).await;
        for (channel, bytes) in [(STDOUT, &turn.output), (STDERR, &turn.errors)] {
            if !bytes.is_empty() {
                socket.send(channel, bytes).await?;
            }
        }
        if let Some(status) = turn.over {
            return socket.finish(&websocket::ended(status)).await;
        }
        if !moved && !turn.moved {
            if program.has_room() {
                waits.push(socket.wait_on());
            }
            kubelet.sys.wait(&waits, None).await;
        }
    }
}

/// Somebody at the streams of a container's process 1.
struct Attached<'a> {
    kubelet: &'a Kubelet,
    container: Running,
    reads: bool,
    /// What process 1 has not taken yet.
    pending: Vec<u8>,
    shown: LogPlace,
}

impl<'a> Attached<'a> {
    /// Sees what is printed from now on.
    async fn new(kubelet: &'a Kubelet, container: Running, reads: bool) -> Attached<'a> {
        let inner = container.inner;
        let end = move |system: &mut System, _| {
            system.find_container(inner).map(|it| it.log_since((usize::MAX, 0)).1)
        };
        let shown = kubelet.sys.ask(end).await.unwrap_or_default();
        Attached { kubelet, container, reads, pending: Vec::new(), shown }
    }

    async fn relay(&mut self, socket: &mut WebSocket) -> Result<(), Errno> {
        let (inner, machine, id) = (self.container.inner, self.kubelet.machine, self.container.id.clone());
        loop {
            let mut moved = false;
            while self.pending.is_empty()
                && let Some((channel, bytes)) = socket.receive().await?
            {
                moved = true;
                self.hear(channel, bytes).await;
            }
            let mut waits = vec![WaitOn::Log(inner), socket.wait_on()];
            moved |= self.feed(&mut waits).await;
            let (shown, key) = (self.shown, id.clone());
            let look = move |system: &mut System, _| {
                let printed = system.find_container(inner).map(|it| it.log_since(shown));
                let found = Runtime::of(system, machine).and_then(|it| it.containers.get(&key));
                (printed, found.is_some_and(|it| it.state == State::Running))
            };
            let (printed, runs) = self.kubelet.sys.ask(look).await;
            let (pieces, next) = printed.unwrap_or((Vec::new(), shown));
            moved |= next != self.shown;
            self.shown = next;
            for (stream, bytes) in pieces.into_iter().filter(|it| !it.1.is_empty()) {
                socket.send(if stream == 2 { STDERR } else { STDOUT }, &bytes).await?;
            }
            if !runs {
                return socket.finish(&websocket::ended(0)).await;
            }
            if !moved {
                self.kubelet.sys.wait(&waits, None).await;
            }
        }
    }

    async fn hear(&mut self, channel: u8, bytes: Vec<u8>) {
        let inner = self.container.inner;
        match channel {
            STDIN if self.reads => self.pending = bytes,
            CLOSE if self.reads && self.container.stdin_once && bytes.first() == Some(&STDIN) => {
                self.kubelet.sys.ask(move |system, _| system.container_end_input(inner)).await;
            }
            RESIZE => {
                if let Some((columns, rows)) = size(&bytes) {
                    self.kubelet
                        .sys
                        .ask(move |system, _| system.container_resize(inner, columns, rows))
                        .await;
                }
            }
            _ => {}
        }
    }

    /// Hands on what was typed, as far as process 1 takes it.
    async fn feed(&mut self, waits: &mut Vec<WaitOn>) -> bool {
        if self.pending.is_empty() {
            return false;
        }
        let (inner, mut bytes) = (self.container.inner, std::mem::take(&mut self.pending));
        let push = move |system: &mut System, id| match system.container_input(id, inner, &bytes) {
            Ok(count) => {
                bytes.drain(..count);
                (count > 0, bytes, None)
            }
            Err(Errno::EAGAIN) => (false, bytes, system.container_input_wait(inner)),
            // Nobody reads it.
            Err(_) => (true, Vec::new(), None),
        };
        let (moved, rest, wait) = self.kubelet.sys.ask(push).await;
        self.pending = rest;
        waits.extend(wait);
        moved
    }

    async fn leave(&self) {
        if self.reads && self.container.stdin_once {
            let inner = self.container.inner;
            self.kubelet.sys.ask(move |system, _| system.container_end_input(inner)).await;
        }
    }
}

/// A sandbox whose ports are reached: its id, its namespace, and that one's path.
async fn sandbox(kubelet: &Kubelet, (namespace, pod): (&str, &str)) -> Option<(String, NetnsId, String)> {
    let (machine, namespace, pod) = (kubelet.machine, namespace.to_owned(), pod.to_owned());
    let find = move |system: &mut System, _| {
        let mut all = Runtime::of(system, machine)?.sandboxes.values();
        let it = all.find(|it| it.ready && it.pod.namespace == namespace && it.pod.name == pod)?;
        let path = it.netns_name.as_ref().map(|name| format!("/var/run/netns/{name}")).unwrap_or_default();
        Some((it.id.clone(), it.netns, path))
    };
    kubelet.sys.ask(find).await
}

/// One connection to a port of a pod.
pub async fn port(
    kubelet: &Rc<Kubelet>,
    connection: Connection,
    request: &Request,
    place: (&str, &str),
) -> Result<(), Errno> {
    let Some((id, netns, path)) = sandbox(kubelet, place).await else {
        return connection.respond(&Response::text(404, "pod does not exist")).await;
    };
    let Ok(port) = request.query("ports").parse::<u16>() else {
        return connection.respond(&Response::text(400, "query parameter \"port\" is required")).await;
    };
    let accepted = WebSocket::accept(&kubelet.sys, connection, request, websocket::PORTS).await?;
    let Some(mut socket) = accepted else { return Ok(()) };
    // Each channel begins with the port it is for.
    for channel in [DATA, FAULT] {
        socket.send(channel, &port.to_le_bytes()).await?;
    }
    let near = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
    let inside = kubelet.sys.socket_in(netns, SocketKind::Tcp).await?;
    let deadline = Some(kubelet.sys.now().await + DIAL);
    if let Err(errno) = inside.connect(near, deadline).await.and_then(|it| it.ok_or(Errno::ETIMEDOUT)) {
        let why = said("dial", near, errno).replacen("tcp", "tcp4", 1);
        let words = format!(
            "error forwarding port {port} to pod {id}, uid : failed to execute portforward in network namespace {path:?}: \
             failed to connect to localhost:{port} inside namespace {id:?}, IPv4: {why} IPv6 dial tcp6: address localhost: no \
             suitable address "
        );
        socket.send(FAULT, words.as_bytes()).await?;
        return socket.close().await;
    }
    carry(kubelet, &mut socket, &inside).await
}

/// Channels of the first port.
pub const DATA: u8 = STDIN;
pub const FAULT: u8 = STDOUT;

async fn carry(kubelet: &Kubelet, socket: &mut WebSocket, inside: &Socket) -> Result<(), Errno> {
    loop {
        let mut moved = false;
        while let Some((channel, bytes)) = socket.receive().await? {
            moved = true;
            if channel == DATA {
                inside.write(&bytes, None).await?;
            }
        }
        match inside.call(|net, id| net.recv(id, BUFFER)).await {
            Ok(bytes) if bytes.is_empty() => return socket.close().await,
            Ok(bytes) => {
                moved = true;
                socket.send(DATA, &bytes).await?;
            }
            Err(Errno::EAGAIN) => {}
            Err(_) => return socket.close().await,
        }
        if !moved {
            kubelet.sys.wait(&[socket.wait_on(), inside.wait_on()], None).await;
        }
    }
}
