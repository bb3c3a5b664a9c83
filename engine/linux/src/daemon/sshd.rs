//! `sshd`: lets the users of a machine in over TCP port 22, with a terminal or for one command.
//!
//! Stands on real sockets; speaks `ssh.rs`. Always: a session's processes hang up when its connection is gone; the
//! connection ends when its program has ended and nothing holds its output any more.
//! Differs from OpenSSH: see `ssh.rs` (no keys, no encryption); one process for all sessions; no forwarding, no sftp.
//! Source: sshd(8).

use super::crew::Crew;
use crate::cmd::Exit;
use crate::fs::Fd;
use crate::process::ProcessId;
use crate::run::{Group, Start};
use crate::socket::Socket;
use crate::ssh::{BANNER, Incoming, Message, PORT};
use crate::sys::Sys;
use crate::system::{ChildState, Spawn, System, WaitOn};
use api::{MachineId, TtyId};
use net::{Errno, SocketKind, SocketOption};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

const BACKLOG: u32 = 128;
/// What one turn takes from a pipe, a terminal or the network.
const BUFFER: usize = 16_384;
/// Input that the program has not read yet; beyond it the network is not read.
const PENDING: usize = 64 * 1024;
/// PATH of a login by ssh on Debian.
const ROOT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const USER_PATH: &str = "/usr/local/bin:/usr/bin:/bin:/usr/games";

impl System {
    /// Starts the SSH server of a machine.
    pub fn sshd_start(&mut self, machine: MachineId) -> Result<ProcessId, Errno> {
        let spawn = Spawn {
            machine,
            container: None,
            parent: None,
            netns: self.host(machine).netns,
            netns_name: None,
            uid: 0,
            cwd: "/".to_owned(),
            environment: BTreeMap::new(),
            arguments: vec!["sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups".to_owned()],
            group: None,
            tty: None,
        };
        let id = self.spawn_program(spawn, |sys| Box::pin(serve(sys)))?;
        self.process_mut(id).name = "sshd".to_owned();
        Ok(id)
    }
}

async fn serve(sys: Sys) -> Exit {
    let crew = Crew::default();
    for address in [IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V6(Ipv6Addr::UNSPECIFIED)] {
        let Ok(listener) = listen(&sys, SocketAddr::new(address, PORT)).await else { return Exit(255) };
        let (sys, inner) = (sys.clone(), crew.clone());
        crew.add(inner.serve(listener, move |connection, peer| {
            let sys = sys.clone();
            async move {
                // The client may hang up at any time; then there is nobody to tell.
                converse(&sys, connection, peer).await.ok();
            }
        }));
    }
    crew.run().await;
    Exit::OK
}

async fn listen(sys: &Sys, local: SocketAddr) -> Result<Socket, Errno> {
    let socket = sys.socket(SocketKind::Tcp).await?;
    socket.set(SocketOption::ReuseAddr(true)).await?;
    if local.is_ipv6() {
        socket.set(SocketOption::V6Only(true)).await?;
    }
    socket.bind(local).await?;
    socket.call(|net, id| net.listen(id, BACKLOG)).await?;
    Ok(socket)
}

/// A user of /etc/passwd who may log in.
struct User {
    name: String,
    uid: u32,
    home: String,
    shell: String,
}

async fn user(sys: &Sys, name: &str) -> Option<User> {
    let bytes = sys.read_file("/etc/passwd").await.ok()?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let fields: Vec<&str> =
        text.lines().map(|line| line.split(':').collect::<Vec<_>>()).find(|fields| fields[0] == name)?;
    let [name, _, uid, _, _, home, shell] = fields[..] else { return None };
    Some(User { name: name.into(), uid: uid.parse().ok()?, home: home.into(), shell: shell.into() })
}

async fn converse(sys: &Sys, connection: Socket, peer: SocketAddr) -> Result<(), Errno> {
    connection.write(format!("{BANNER}\r\n").as_bytes(), None).await?;
    let mut incoming = Incoming::default();
    while incoming.banner()?.is_none() {
        more(&connection, &mut incoming).await?;
    }
    let Message::Login(name) = next(&connection, &mut incoming).await? else { return Err(Errno::EINVAL) };
    let Some(user) = user(sys, &name).await else {
        connection.write(&Message::Denied.encode(), None).await?;
        return Ok(());
    };
    let mut window = None;
    let command = loop {
        match next(&connection, &mut incoming).await? {
            Message::Terminal(columns, rows, tty) => window = Some((columns, rows, tty)),
            Message::Shell => break None,
            Message::Command(command) => break Some(command),
            _ => return Err(Errno::EINVAL),
        }
    };
    let local = connection.local().await?;
    let places = (peer, local);
    let mut session = Session::begin(sys, &user, window, command, places).await?;
    let ended = session.relay(&connection, incoming).await;
    session.hang_up().await;
    ended
}

async fn more(connection: &Socket, incoming: &mut Incoming) -> Result<(), Errno> {
    let bytes = connection.read(None).await?.unwrap_or_default();
    if bytes.is_empty() {
        return Err(Errno::ECONNRESET);
    }
    incoming.feed(&bytes);
    Ok(())
}

async fn next(connection: &Socket, incoming: &mut Incoming) -> Result<Message, Errno> {
    loop {
        match incoming.message()? {
            Some(message) => return Ok(message),
            None => more(connection, incoming).await?,
        }
    }
}

/// A program that somebody logged in for, and how its input and output are reached.
struct Session<'a> {
    sys: &'a Sys,
    child: ProcessId,
    ends: Ends,
    /// For its stdin, and whether that is all.
    pending: Vec<u8>,
    ended: bool,
    status: Option<u8>,
}

enum Ends {
    Terminal(TtyId),
    /// stdin, stdout, stderr; `None` once closed.
    Pipes([Option<Fd>; 3]),
}

impl<'a> Session<'a> {
    async fn begin(
        sys: &'a Sys,
        user: &User,
        window: Option<(u16, u16, u32)>,
        command: Option<String>,
        places: (SocketAddr, SocketAddr),
    ) -> Result<Session<'a>, Errno> {
        let arguments = match command {
            Some(command) => vec![user.shell.clone(), "-c".to_owned(), command],
            None => vec![format!("-{}", user.shell.rsplit('/').next().unwrap_or_default())],
        };
        let start = Start {
            arguments,
            path: Some(user.shell.clone()),
            environment: Some(environment(user, window.is_some(), places)),
            cwd: Some(user.home.clone()),
            uid: Some(user.uid),
            group: Group::New,
            ..Start::default()
        };
        let (child, ends) = match window {
            Some((columns, rows, types)) => {
                let tty = sys.ask(move |system, id| system.pty_open(id, columns, rows, types)).await;
                let fd = sys.ask(move |system, id| system.pty_fd(id, tty)).await?;
                let child = sys.spawn(Start { files: Some(vec![(0, fd), (1, fd), (2, fd)]), ..start }).await;
                sys.close(fd).await.ok();
                let child = child?;
                sys.ask(move |system, _| system.pty_give(tty, child)).await;
                (child, Ends::Terminal(tty))
            }
            None => {
                let (input, output, errors) = (sys.pipe().await?, sys.pipe().await?, sys.pipe().await?);
                let files = vec![(0, input.0), (1, output.1), (2, errors.1)];
                let child = sys.spawn(Start { files: Some(files), ..start }).await;
                for fd in [input.0, output.1, errors.1] {
                    sys.close(fd).await.ok();
                }
                (child?, Ends::Pipes([Some(input.1), Some(output.0), Some(errors.0)]))
            }
        };
        Ok(Session { sys, child, ends, pending: Vec::new(), ended: false, status: None })
    }

    /// Until the program has ended, or the connection.
    async fn relay(&mut self, connection: &Socket, mut incoming: Incoming) -> Result<(), Errno> {
        loop {
            let mut waits = Vec::new();
            let mut moved = self.take_messages(&mut incoming).await?;
            moved |= self.feed_program(&mut waits).await;
            let (answers, open) = self.from_program(&mut waits).await;
            for answer in &answers {
                connection.write(&answer.encode(), None).await?;
            }
            moved |= !answers.is_empty();
            self.look_at_child(&mut waits).await;
            if let Some(status) = self.status
                && !open
                && answers.is_empty()
            {
                connection.write(&Message::Exit(status).encode(), None).await?;
                return Ok(());
            }
            if self.pending.len() < PENDING {
                match connection.call(|net, id| net.recv(id, BUFFER)).await {
                    Ok(bytes) if bytes.is_empty() => return Err(Errno::ECONNRESET),
                    Ok(bytes) => {
                        moved = true;
                        incoming.feed(&bytes);
                    }
                    Err(Errno::EAGAIN) => waits.push(connection.wait_on()),
                    Err(errno) => return Err(errno),
                }
            }
            if !moved {
                self.sys.wait(&waits, None).await;
            }
        }
    }

    async fn take_messages(&mut self, incoming: &mut Incoming) -> Result<bool, Errno> {
        let mut moved = false;
        while let Some(message) = incoming.message()? {
            moved = true;
            match (message, &self.ends) {
                (Message::Data(bytes), _) => self.pending.extend(bytes),
                (Message::End, _) => self.ended = true,
                (Message::Window(columns, rows), Ends::Terminal(tty)) => {
                    let tty = *tty;
                    self.sys.ask(move |system, _| system.tty_resize(tty, columns, rows)).await;
                }
                _ => return Err(Errno::EINVAL),
            }
        }
        Ok(moved)
    }

    /// Hands on what was typed, as far as the program takes it.
    async fn feed_program(&mut self, waits: &mut Vec<WaitOn>) -> bool {
        let bytes = std::mem::take(&mut self.pending);
        match &mut self.ends {
            Ends::Terminal(tty) => {
                let tty = *tty;
                let moved = !bytes.is_empty();
                self.sys.ask(move |system, _| system.tty_input(tty, &bytes)).await;
                moved
            }
            Ends::Pipes([input, ..]) => {
                let Some(fd) = *input else { return false };
                let (written, rest, wait) = self.sys.ask(move |system, id| push(system, id, fd, bytes)).await;
                self.pending = rest;
                waits.extend(wait.filter(|_| !self.pending.is_empty()));
                if written.is_err() || self.ended && self.pending.is_empty() {
                    *input = None;
                    self.pending.clear();
                    self.sys.close(fd).await.ok();
                }
                matches!(written, Ok(count) if count > 0)
            }
        }
    }

    /// What the program has printed; and whether more may come.
    async fn from_program(&mut self, waits: &mut Vec<WaitOn>) -> (Vec<Message>, bool) {
        match &mut self.ends {
            Ends::Terminal(tty) => {
                let tty = *tty;
                let bytes = self.sys.ask(move |system, _| system.pty_output(tty)).await;
                waits.push(WaitOn::TtyOutput(tty));
                (if bytes.is_empty() { Vec::new() } else { vec![Message::Data(bytes)] }, false)
            }
            Ends::Pipes([_, output, errors]) => {
                let mut messages = Vec::new();
                for (end, is_error) in [(output, false), (errors, true)] {
                    let Some(fd) = *end else { continue };
                    let (read, wait) = self.sys.ask(move |system, id| pull(system, id, fd)).await;
                    match read {
                        Ok(bytes) if bytes.is_empty() => {
                            *end = None;
                            self.sys.close(fd).await.ok();
                        }
                        Ok(bytes) if is_error => messages.push(Message::Errors(bytes)),
                        Ok(bytes) => messages.push(Message::Data(bytes)),
                        Err(_) => waits.extend(wait),
                    }
                }
                let open = matches!(&self.ends, Ends::Pipes([_, a, b]) if a.is_some() || b.is_some());
                (messages, open)
            }
        }
    }

    async fn look_at_child(&mut self, waits: &mut Vec<WaitOn>) {
        if self.status.is_some() {
            return;
        }
        let child = self.child;
        match self.sys.ask(move |system, id| system.child_state(id, child)).await {
            ChildState::Running | ChildState::Stopped(_) => waits.push(WaitOn::Child(child)),
            state => self.status = Some(state.status()),
        }
    }

    /// The connection is over: so is the terminal.
    async fn hang_up(&mut self) {
        match &self.ends {
            Ends::Terminal(tty) => {
                let tty = *tty;
                self.sys.ask(move |system, _| system.tty_close(tty)).await;
            }
            Ends::Pipes(ends) => {
                for fd in ends.iter().flatten() {
                    self.sys.close(*fd).await.ok();
                }
                // It may go on; process 1 takes it over.
                if self.status.is_none() {
                    let child = self.child;
                    self.sys.ask(move |system, _| system.process_mut(child).parent = None).await;
                }
            }
        }
    }
}

fn push(
    system: &mut System,
    id: ProcessId,
    fd: Fd,
    mut bytes: Vec<u8>,
) -> (Result<usize, Errno>, Vec<u8>, Option<WaitOn>) {
    let Ok(descriptor) = system.descriptor(id, fd) else { return (Err(Errno::EBADF), bytes, None) };
    if bytes.is_empty() {
        return (Ok(0), bytes, None);
    }
    match system.write_file_open(id, descriptor.file, &bytes) {
        Ok(count) => {
            bytes.drain(..count);
            (Ok(count), bytes, system.file_wait(descriptor.file))
        }
        Err(Errno::EAGAIN) => (Ok(0), bytes, system.file_wait(descriptor.file)),
        Err(errno) => (Err(errno), bytes, None),
    }
}

fn pull(system: &mut System, id: ProcessId, fd: Fd) -> (Result<Vec<u8>, Errno>, Option<WaitOn>) {
    match system.descriptor(id, fd) {
        Ok(descriptor) => {
            (system.read_file_open(id, descriptor.file, BUFFER), system.file_wait(descriptor.file))
        }
        Err(_) => (Ok(Vec::new()), None),
    }
}

fn environment(user: &User, tty: bool, (peer, local): (SocketAddr, SocketAddr)) -> BTreeMap<String, String> {
    let (from, at) = (peer.ip().to_canonical(), local.ip().to_canonical());
    let path = if user.uid == 0 { ROOT_PATH } else { USER_PATH };
    let mut all: BTreeMap<String, String> = [
        ("HOME", user.home.clone()),
        ("LANG", "C".to_owned()),
        ("LC_ALL", "C".to_owned()),
        ("LOGNAME", user.name.clone()),
        ("PATH", path.to_owned()),
        ("SHELL", user.shell.clone()),
        ("SSH_CLIENT", format!("{from} {} {}", peer.port(), local.port())),
        ("SSH_CONNECTION", format!("{from} {} {at} {}", peer.port(), local.port())),
        ("USER", user.name.clone()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    if tty {
        all.insert("TERM".to_owned(), "xterm-256color".to_owned());
        all.insert("SSH_TTY".to_owned(), "/dev/pts/0".to_owned());
    }
    all
}
