//! `sshd`: lets the users of a machine in over TCP port 22, with a terminal or for one command.
//!
//! Stands on real sockets; speaks `ssh.rs`. Always: a session's processes hang up when its connection is gone; the
//! connection ends when its program has ended and nothing holds its output any more.
//! Differs from OpenSSH: see `ssh.rs` (no keys, no encryption); one process for all sessions; no forwarding, no sftp.
//! Source: sshd(8).

use super::crew::Crew;
use super::remote::Remote;
use crate::cmd::Exit;
use crate::process::ProcessId;
use crate::run::Start;
use crate::socket::Socket;
use crate::ssh::{BANNER, Incoming, Message, PORT};
use crate::sys::Sys;
use crate::system::{Spawn, System};
use api::MachineId;
use net::{Errno, SocketKind, SocketOption};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

const BACKLOG: u32 = 128;
/// What one turn takes from the network.
const BUFFER: usize = 16_384;
/// PATH of a login by ssh on Debian.
const ROOT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const USER_PATH: &str = "/usr/local/bin:/usr/bin:/bin:/usr/games";

impl System {
    /// Starts the SSH server of a machine.
    pub fn sshd_start(&mut self, machine: MachineId) -> Result<ProcessId, Errno> {
        let name = "sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups";
        let spawn = Spawn::of_root(machine, self.host(machine).netns, name);
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
    let start = start(&user, window.is_some(), command, places);
    let mut program = Remote::start(sys, start, window).await?;
    let ended = relay(sys, &mut program, &connection, incoming).await;
    program.hang_up().await;
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

/// What a login starts: the user's shell, or a command in it.
fn start(
    user: &User,
    has_terminal: bool,
    command: Option<String>,
    places: (SocketAddr, SocketAddr),
) -> Start {
    let arguments = match command {
        Some(command) => vec![user.shell.clone(), "-c".to_owned(), command],
        None => vec![format!("-{}", user.shell.rsplit('/').next().unwrap_or_default())],
    };
    Start {
        arguments,
        path: Some(user.shell.clone()),
        environment: Some(environment(user, has_terminal, places)),
        cwd: Some(user.home.clone()),
        uid: Some(user.uid),
        ..Start::default()
    }
}

/// Until the program has ended, or the connection.
async fn relay(
    sys: &Sys,
    program: &mut Remote,
    connection: &Socket,
    mut incoming: Incoming,
) -> Result<(), Errno> {
    loop {
        while let Some(message) = incoming.message()? {
            match message {
                Message::Data(bytes) => program.type_in(&bytes),
                Message::End => program.end_input(),
                Message::Window(columns, rows) => program.resize(columns, rows).await,
                _ => return Err(Errno::EINVAL),
            }
        }
        let mut waits = Vec::new();
        let turn = program.turn(&mut waits).await;
        for (bytes, message) in
            [(turn.output, Message::Data as fn(Vec<u8>) -> Message), (turn.errors, Message::Errors)]
        {
            if !bytes.is_empty() {
                connection.write(&message(bytes).encode(), None).await?;
            }
        }
        if let Some(status) = turn.over {
            connection.write(&Message::Exit(status).encode(), None).await?;
            return Ok(());
        }
        let mut moved = turn.moved;
        if program.has_room() {
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
            sys.wait(&waits, None).await;
        }
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
