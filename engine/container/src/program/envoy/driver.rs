//! Envoy's event loop on the sockets of this world: what became ready goes to the proxy, what it asks for is done.
//!
//! Called by the program once something it waits for is ready; runs on the system itself, so that a turn is one call.
//! Always: a turn ends when every socket would block or has had its share; after each input the proxy is polled until it
//! waits. The proxy's time is the machine's wall clock in nanoseconds.
//! Differs from Envoy: one worker thread; a closed connection is read on for a second in place of `delayed_close_timeout`.

use super::connection::{Connection, Flushed, Lingering};
use super::log::AccessLogs;
use api::JourneyId;
use linux::{ProcessId, System, WaitOn};
use net::{Errno, Network, SocketId, SocketKind, SocketOption};
use sidecar::proxy::{ConnId, Input, Output, Proxy};
use sim::Instant;
use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, SocketAddr};

/// Reads of one connection before the others have their turn, and bytes of one read.
const READS: usize = 8;
const READ_BYTES: usize = 65_536;
const ACCEPTS: usize = 64;
/// Clients at a time; a further one waits in the backlog.
const CLIENTS: usize = 1024;
/// `tcp_backlog_size` where it is not set.
const BACKLOG: u32 = 4096;

/// An input that an output brought about; it is handed over once the proxy waits.
enum Pending {
    Failed(ConnId, Errno),
    Blocked(ConnId),
    Drained(ConnId),
    Broken(ConnId),
}

pub struct Driver {
    proxy: Proxy,
    process: ProcessId,
    /// What the wall clock shows when the world begins.
    epoch: u64,
    listeners: BTreeMap<u32, SocketId>,
    connections: BTreeMap<ConnId, Connection>,
    /// Numbers of clients' connections that are free again, and the first that never was given.
    free: Vec<u32>,
    next: u32,
    lingering: Vec<Lingering>,
    pending: VecDeque<Pending>,
    /// The proxy wants bytes of a connection again whose turn may be over.
    has_resumed: bool,
    until: Option<u64>,
    pub logs: AccessLogs,
    /// Names to look up and files to watch that the program has not seen to yet.
    pub names: Vec<String>,
    pub files: Vec<String>,
    /// What could not be done for the proxy: to listen, to ask a server of discovery.
    pub fault: Option<String>,
}

/// What the program waits for next.
pub struct Waiting {
    pub on: Vec<WaitOn>,
    pub until: Option<Instant>,
    /// Not all that is ready was looked at.
    pub is_short: bool,
}

fn v4(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

impl Driver {
    pub fn new(mut proxy: Proxy, process: ProcessId, epoch: u64, logs: AccessLogs) -> Driver {
        proxy.tell_decisions();
        Driver {
            proxy,
            process,
            epoch,
            listeners: BTreeMap::new(),
            connections: BTreeMap::new(),
            free: Vec::new(),
            next: 0,
            lingering: Vec::new(),
            pending: VecDeque::new(),
            has_resumed: false,
            until: None,
            logs,
            names: Vec::new(),
            files: Vec::new(),
            fault: None,
        }
    }

    pub fn now(&self, system: &System) -> u64 {
        self.epoch + system.now().nanos()
    }

    /// All that can be done now; then what is to be waited for.
    pub fn turn(&mut self, system: &mut System) -> Waiting {
        self.settle(system);
        if self.until.is_some_and(|it| it <= self.now(system)) {
            self.hand(system, Input::Time);
        }
        let mut is_short = false;
        for listener in self.listeners.keys().copied().collect::<Vec<_>>() {
            is_short |= self.accept(system, listener);
        }
        for conn in self.connections.keys().copied().collect::<Vec<_>>() {
            self.connected(system, conn);
            self.flush(system, conn);
            self.settle(system);
            is_short |= self.read(system, conn);
        }
        let now = system.now();
        let process = self.process;
        self.lingering.retain_mut(|it| {
            let is_over = it.step(system) || it.until <= now;
            if is_over {
                system.socket_close(process, it.connection.socket);
            }
            !is_over
        });
        is_short |= std::mem::take(&mut self.has_resumed);
        self.waiting(is_short)
    }

    fn waiting(&self, is_short: bool) -> Waiting {
        let sockets = self.listeners.values().chain(self.connections.values().map(|it| &it.socket));
        let on = sockets.chain(self.lingering.iter().map(|it| &it.connection.socket));
        let at = |unix: u64| Instant::from_nanos(unix.saturating_sub(self.epoch));
        let timers = [self.until, self.logs.due()].into_iter().flatten().map(at);
        Waiting {
            on: on.map(|it| WaitOn::Socket(*it)).collect(),
            until: timers.chain(self.lingering.iter().map(|it| it.until)).min(),
            is_short,
        }
    }

    /// A watched file has (new) contents.
    pub fn file(&mut self, system: &mut System, path: &str, contents: &[u8]) {
        self.hand(system, Input::File { path, contents });
    }

    /// A name was looked up.
    pub fn resolved(&mut self, system: &mut System, name: &str, addresses: &[IpAddr]) {
        self.hand(system, Input::Resolved { name, addresses });
    }

    /// Takes those who wait; whether more may.
    fn accept(&mut self, system: &mut System, listener: u32) -> bool {
        for _ in 0..ACCEPTS {
            let Some(socket) = self.listeners.get(&listener).copied() else { return false };
            if self.next as usize - self.free.len() >= CLIENTS {
                return false;
            }
            let Ok((accepted, remote)) = system.socket_accept(self.process, socket) else { return false };
            let net = &mut system.net;
            // It cannot fail on a socket that was just made.
            net.set_option(accepted, SocketOption::NoDelay(true)).ok();
            let Ok(local) = net.local_address(accepted).map(v4) else {
                system.socket_close(self.process, accepted);
                continue;
            };
            let original_dst = net.original_destination(accepted).ok().filter(|it| *it != local);
            let heard = net.last_heard(socket);
            let number = self.free.pop().unwrap_or_else(|| {
                self.next += 1;
                self.next - 1
            });
            let conn = ConnId::accepted(number);
            let mut connection = Connection::new(accepted, false);
            connection.heard = heard;
            self.connections.insert(conn, connection);
            self.hand(system, Input::Accepted { conn, listener, local, remote: v4(remote), original_dst });
        }
        true
    }

    /// Looks whether a connection that was asked for is there.
    fn connected(&mut self, system: &mut System, conn: ConnId) {
        let Some(it) = self.connections.get_mut(&conn).filter(|it| it.is_connecting) else { return };
        let socket = it.socket;
        let (ready, error) = (system.net.readiness(socket), system.net.take_error(socket));
        if let Ok(Some(errno)) | Err(errno) = error {
            self.take(system, conn);
            return self.hand(system, Input::Failed { conn, reason: &errno.to_string() });
        }
        if ready.is_ok_and(|it| it.writable)
            && let Ok(local) = system.net.local_address(socket)
        {
            it.is_connecting = false;
            self.hand(system, Input::Opened { conn, local: v4(local) });
        }
    }

    /// Reads what there is, as long as the proxy wants it; whether more may be there.
    fn read(&mut self, system: &mut System, conn: ConnId) -> bool {
        for _ in 0..READS {
            let ready = self.connections.get_mut(&conn).filter(|it| !it.is_paused && !it.is_connecting);
            let Some(it) = ready else { return false };
            match system.net.recv(it.socket, READ_BYTES) {
                Ok(bytes) if bytes.is_empty() => {
                    if std::mem::replace(&mut it.has_ended, true) {
                        return false;
                    }
                    self.hand(system, Input::Ended(conn));
                }
                Ok(bytes) => {
                    it.heard = system.net.last_heard(it.socket);
                    self.hand(system, Input::Data(conn, &bytes));
                }
                Err(Errno::EAGAIN) => return false,
                Err(_) => {
                    self.broken(system, conn);
                    self.settle(system);
                    return false;
                }
            }
        }
        true
    }

    /// The peer has reset it, or it is lost. Of a client's the proxy still tells what became of it; the number of one of
    /// its own it may give anew at once.
    fn broken(&mut self, system: &mut System, conn: ConnId) {
        let now = self.now(system);
        let Some(it) = self.connections.get_mut(&conn) else { return };
        it.is_gone = true;
        let is_client = conn.parts().1;
        if !is_client {
            self.take(system, conn);
        }
        self.proxy.handle(now, Input::Closed { conn, is_reset: true });
        self.poll(system);
        if is_client {
            self.take(system, conn);
        }
    }

    fn flush(&mut self, system: &mut System, conn: ConnId) {
        let Some(it) = self.connections.get_mut(&conn) else { return };
        match it.flush(system) {
            Flushed::Fine | Flushed::Done => {}
            Flushed::Drained => self.pending.push_back(Pending::Drained(conn)),
            Flushed::Broken => self.pending.push_back(Pending::Broken(conn)),
        }
    }

    /// Takes a connection out and closes its socket; a client's number is free again.
    fn take(&mut self, system: &mut System, conn: ConnId) {
        if let Some(it) = self.forget(conn) {
            system.socket_close(self.process, it.socket);
        }
    }

    fn forget(&mut self, conn: ConnId) -> Option<Connection> {
        let taken = self.connections.remove(&conn)?;
        if let (number, true) = conn.parts() {
            self.free.push(number);
        }
        Some(taken)
    }

    /// Gives the proxy an input and does what it asks for.
    fn hand(&mut self, system: &mut System, input: Input<'_>) {
        let now = self.now(system);
        self.proxy.handle(now, input);
        self.settle(system);
    }

    fn poll(&mut self, system: &mut System) {
        loop {
            match self.proxy.poll() {
                Output::Wait(until) => {
                    self.until = until;
                    return;
                }
                output => self.obey(system, output),
            }
        }
    }

    fn settle(&mut self, system: &mut System) {
        self.poll(system);
        while let Some(pending) = self.pending.pop_front() {
            let now = self.now(system);
            match pending {
                Pending::Failed(conn, errno) => {
                    self.proxy.handle(now, Input::Failed { conn, reason: &errno.to_string() });
                }
                Pending::Blocked(conn) => self.proxy.handle(now, Input::Blocked(conn)),
                Pending::Drained(conn) => self.proxy.handle(now, Input::Drained(conn)),
                Pending::Broken(conn) => self.broken(system, conn),
            }
            self.poll(system);
        }
    }

    fn obey(&mut self, system: &mut System, output: Output) {
        match output {
            Output::Listen { listener, address } => self.listen(system, listener, address),
            Output::Unlisten(listener) => {
                if let Some(socket) = self.listeners.remove(&listener) {
                    system.socket_close(self.process, socket);
                }
            }
            Output::Connect { conn, to, from, client } => {
                let cause = client.and_then(|it| self.heard(it));
                if let Err(errno) = self.connect(system, conn, (to, from), cause) {
                    self.pending.push_back(Pending::Failed(conn, errno));
                }
            }
            Output::Send(conn, bytes) => {
                if self.connections.get_mut(&conn).is_some_and(|it| it.queue(&bytes)) {
                    self.pending.push_back(Pending::Blocked(conn));
                }
                self.flush(system, conn);
            }
            Output::End(conn) => {
                if let Some(it) = self.connections.get_mut(&conn) {
                    it.end();
                }
                self.flush(system, conn);
            }
            Output::Close(conn) => self.linger(system, conn),
            Output::Reset(conn) => {
                if let Some(it) = self.connections.get(&conn) {
                    system.net.set_option(it.socket, SocketOption::LingerZero(true)).ok();
                }
                self.take(system, conn);
            }
            Output::Pause(conn) | Output::Resume(conn) => {
                if let Some(it) = self.connections.get_mut(&conn) {
                    it.is_paused = matches!(output, Output::Pause(_));
                    self.has_resumed |= !it.is_paused;
                }
            }
            Output::Resolve(name) => self.names.push(name),
            Output::Watch(path) => self.files.push(path),
            Output::Log { sink, line } => {
                let now = self.now(system);
                self.logs.write(now, sink, &line);
            }
            Output::Note { conn, part, words } => {
                if let Some(it) = self.connections.get_mut(&conn) {
                    it.note(system, part, words);
                }
            }
            Output::Serve { conn, client } => {
                if let (Some(it), Some(heard)) = (self.connections.get(&conn), self.heard(client)) {
                    system.net.set_cause(it.socket, heard).ok();
                }
            }
            Output::Discovery { cluster, .. } => {
                let why = "not simulated in vethlab; use path_config_source";
                self.fault = Some(format!("discovery from the servers of cluster '{cluster}': {why}"));
            }
            Output::Wait(until) => self.until = until,
        }
    }

    fn heard(&self, client: ConnId) -> Option<JourneyId> {
        self.connections.get(&client)?.heard
    }

    /// Ends a connection that the proxy no longer knows; its number may stand for another one at once.
    fn linger(&mut self, system: &mut System, conn: ConnId) {
        if self.connections.get(&conn).is_some_and(|it| it.is_connecting || it.is_gone) {
            return self.take(system, conn);
        }
        let Some(connection) = self.forget(conn) else { return };
        let mut lingering = Lingering::new(connection, system.now());
        if lingering.step(system) {
            system.socket_close(self.process, lingering.connection.socket);
        } else {
            self.lingering.push(lingering);
        }
    }

    fn listen(&mut self, system: &mut System, listener: u32, address: SocketAddr) {
        let listening = system.socket_open(self.process, SocketKind::Tcp).and_then(|socket| {
            let net = &mut system.net;
            net.set_option(socket, SocketOption::ReuseAddr(true))?;
            net.set_option(socket, SocketOption::ReusePort(true))?;
            net.bind(socket, address)?;
            net.listen(socket, BACKLOG)?;
            Ok(socket)
        });
        match listening {
            Ok(socket) => {
                self.listeners.insert(listener, socket);
            }
            Err(errno) => self.fault = Some(format!("cannot bind '{address}': {errno}")),
        }
    }

    fn connect(
        &mut self,
        system: &mut System,
        conn: ConnId,
        (to, from): (SocketAddr, Option<IpAddr>),
        cause: Option<JourneyId>,
    ) -> Result<(), Errno> {
        let socket = system.socket_open(self.process, SocketKind::Tcp)?;
        if let Err(errno) = begin(&mut system.net, socket, (to, from), cause) {
            system.socket_close(self.process, socket);
            return Err(errno);
        }
        self.connections.insert(conn, Connection::new(socket, true));
        Ok(())
    }
}

fn begin(
    net: &mut Network,
    socket: SocketId,
    (to, from): (SocketAddr, Option<IpAddr>),
    cause: Option<JourneyId>,
) -> Result<(), Errno> {
    net.set_option(socket, SocketOption::NoDelay(true))?;
    if let Some(cause) = cause {
        net.set_cause(socket, cause)?;
    }
    if let Some(from) = from {
        net.bind(socket, SocketAddr::new(from, 0))?;
    }
    match net.connect(socket, to) {
        Err(Errno::EINPROGRESS) => Ok(()),
        outcome => outcome,
    }
}
