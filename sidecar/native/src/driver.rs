//! The loop: readiness to inputs, outputs to system calls.
//!
//! Always: after each input the proxy is polled until it waits; bytes are written once it does.

use crate::connection::{Connection, Flushed, Lingering};
use crate::files::{self, Files};
use crate::log::Logs;
use crate::names::Names;
use crate::unix_nanos;
use mio::event::Event;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token, Waker};
use sidecar::proxy::{ConnId, Input, Output, Proxy};
use std::collections::{BTreeMap, VecDeque};
use std::io::{ErrorKind, Read};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const WAKER: Token = Token(0);
/// Tokens of listeners follow the waker's; those of connections and of lingering ones have the rest.
const CONNECTIONS: usize = 1 << 32;
const LINGERING: usize = 1 << 48;
const SCRATCH: usize = 64 << 10;
/// Reads of one connection before the others have their turn.
const READS: usize = 8;
const ACCEPTS: usize = 64;
/// How Linux says that a connection has begun that does not block.
const EINPROGRESS: i32 = 115;

/// An input that an output brought about; it is handed over once the proxy waits.
enum Pending {
    Failed(ConnId, String),
    Blocked(ConnId),
    Drained(ConnId),
    Broken(ConnId),
}

struct Driver {
    proxy: Proxy,
    poll: Poll,
    listeners: BTreeMap<u32, (TcpListener, SocketAddr)>,
    /// By the number and the side that gave it.
    accepted: Vec<Option<Connection>>,
    opened: Vec<Option<Connection>>,
    free: Vec<u32>,
    lingering: BTreeMap<usize, Lingering>,
    next_lingering: usize,
    pending: VecDeque<Pending>,
    /// Connections with bytes to write, and those that may have more to read.
    unflushed: Vec<ConnId>,
    unread: Vec<ConnId>,
    files: Files,
    logs: Logs,
    names: Names,
    wait: Option<u64>,
    began: (u64, Instant),
    scratch: Vec<u8>,
}

/// Runs until SIGTERM or SIGINT.
pub fn run(proxy: Proxy) -> Result<(), String> {
    let ended = Arc::new(AtomicBool::new(false));
    let told = |error: std::io::Error| error.to_string();
    for signal in [signal_hook::consts::SIGTERM, signal_hook::consts::SIGINT] {
        signal_hook::flag::register(signal, ended.clone()).map_err(told)?;
    }
    let poll = Poll::new().map_err(told)?;
    let waker = Arc::new(Waker::new(poll.registry(), WAKER).map_err(told)?);
    let mut driver = Driver {
        proxy,
        poll,
        listeners: BTreeMap::new(),
        accepted: Vec::new(),
        opened: Vec::new(),
        free: Vec::new(),
        lingering: BTreeMap::new(),
        next_lingering: LINGERING,
        pending: VecDeque::new(),
        unflushed: Vec::new(),
        unread: Vec::new(),
        files: Files::default(),
        logs: Logs::default(),
        names: Names::new(waker),
        wait: None,
        began: (unix_nanos(), Instant::now()),
        scratch: vec![0; SCRATCH],
    };
    driver.settle()?;
    let mut events = Events::with_capacity(1024);
    while !ended.load(Ordering::Relaxed) {
        driver.turn(&mut events)?;
    }
    driver.logs.flush();
    Ok(())
}

fn token(conn: ConnId) -> Token {
    let (number, is_accepted) = conn.parts();
    Token(CONNECTIONS + 2 * number as usize + usize::from(!is_accepted))
}

impl Driver {
    fn now(&self) -> u64 {
        self.began.0 + self.began.1.elapsed().as_nanos() as u64
    }

    /// One wait for what happens, and all that follows from it.
    fn turn(&mut self, events: &mut Events) -> Result<(), String> {
        let timeout = self.timeout();
        match self.poll.poll(events, timeout) {
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(()),
            outcome => outcome.map_err(|error| error.to_string())?,
        }
        for event in events.iter() {
            self.event(event)?;
        }
        for conn in std::mem::take(&mut self.unread) {
            self.read(conn)?;
        }
        while let Some((name, addresses)) = self.names.answered() {
            self.hand(Input::Resolved { name: &name, addresses: &addresses })?;
        }
        for (path, contents) in self.files.changed() {
            self.hand(Input::File { path: &path, contents: &contents })?;
        }
        if self.wait.is_some_and(|it| it <= self.now()) {
            self.hand(Input::Time)?;
        }
        let now = Instant::now();
        self.lingering.retain(|_, it| it.until > now);
        if self.logs.due() == Some(Duration::ZERO) {
            self.logs.flush();
        }
        Ok(())
    }

    fn timeout(&self) -> Option<Duration> {
        let due = self.wait.map(|it| Duration::from_nanos(it.saturating_sub(self.now())));
        let files = (!self.files.is_empty()).then_some(files::INTERVAL);
        let linger =
            self.lingering.values().next().map(|it| it.until.saturating_duration_since(Instant::now()));
        let unread = (!self.unread.is_empty()).then_some(Duration::ZERO);
        [due, files, linger, unread, self.logs.due()].into_iter().flatten().min()
    }

    fn event(&mut self, event: &Event) -> Result<(), String> {
        let (token, writable, has_end) = (event.token(), event.is_writable(), event.is_read_closed());
        let readable = event.is_readable() || has_end;
        if token == WAKER {
            return Ok(());
        }
        if token.0 >= LINGERING {
            if self.lingering.get_mut(&token.0).is_some_and(Lingering::step) {
                self.lingering.remove(&token.0);
            }
            return Ok(());
        }
        if token.0 < CONNECTIONS {
            return self.accept(token.0 as u32 - 1);
        }
        let (number, is_opened) = ((token.0 - CONNECTIONS) / 2, (token.0 - CONNECTIONS) % 2 == 1);
        let table = if is_opened { &mut self.opened } else { &mut self.accepted };
        let Some(Some(it)) = table.get_mut(number) else { return Ok(()) };
        let conn = it.id;
        it.is_readable |= readable;
        it.has_end |= has_end;
        if it.is_connecting {
            if writable || readable {
                return self.connected(conn);
            }
            return Ok(());
        }
        if writable {
            self.unflushed.push(conn);
            self.settle()?;
        }
        if readable {
            self.read(conn)?;
        }
        Ok(())
    }

    fn slot(&mut self, conn: ConnId) -> &mut Option<Connection> {
        let (number, is_accepted) = conn.parts();
        let table = if is_accepted { &mut self.accepted } else { &mut self.opened };
        if table.len() <= number as usize {
            table.resize_with(number as usize + 1, || None);
        }
        &mut table[number as usize]
    }

    /// Takes a connection out; the number of an accepted one is free again.
    fn take(&mut self, conn: ConnId) -> Option<Connection> {
        let taken = self.slot(conn).take();
        if let (Some(_), (number, true)) = (&taken, conn.parts()) {
            self.free.push(number);
        }
        taken
    }

    fn accept(&mut self, listener: u32) -> Result<(), String> {
        for _ in 0..ACCEPTS {
            let Some((socket, local)) = self.listeners.get(&listener) else { return Ok(()) };
            let local = *local;
            let (mut stream, remote) = match socket.accept() {
                Ok(accepted) => accepted,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                // A client that left again, or no more descriptors: the others go on.
                Err(_) => continue,
            };
            stream.set_nodelay(true).unwrap_or_default();
            let local = stream.local_addr().unwrap_or(local);
            let original =
                socket2::SockRef::from(&stream).original_dst_v4().ok().and_then(|it| it.as_socket());
            let number = self.free.pop().unwrap_or(self.accepted.len() as u32);
            let conn = ConnId::accepted(number);
            let both = Interest::READABLE | Interest::WRITABLE;
            if self.poll.registry().register(&mut stream, token(conn), both).is_err() {
                continue;
            }
            *self.slot(conn) = Some(Connection::new(conn, stream, false));
            let original_dst = original.filter(|it| *it != local);
            self.hand(Input::Accepted { conn, listener, local, remote, original_dst })?;
        }
        Ok(())
    }

    fn connected(&mut self, conn: ConnId) -> Result<(), String> {
        let Some(it) = self.slot(conn) else { return Ok(()) };
        if let Ok(Some(error)) | Err(error) = it.stream.take_error() {
            return self.failed(conn, &error);
        }
        match (it.stream.peer_addr(), it.stream.local_addr()) {
            (Ok(_), Ok(local)) => {
                it.is_connecting = false;
                self.unflushed.push(conn);
                self.hand(Input::Opened { conn, local })?;
                self.read(conn)
            }
            // Not there yet.
            _ => Ok(()),
        }
    }

    fn failed(&mut self, conn: ConnId, error: &std::io::Error) -> Result<(), String> {
        self.take(conn);
        self.hand(Input::Failed { conn, reason: &reason(error) })
    }

    /// Reads what there is, as long as the proxy wants it and the others need not wait too long.
    fn read(&mut self, conn: ConnId) -> Result<(), String> {
        for _ in 0..READS {
            let mut scratch = std::mem::take(&mut self.scratch);
            let ready =
                self.slot(conn).as_mut().filter(|it| it.is_readable && !it.is_paused && !it.is_connecting);
            let Some(it) = ready else {
                self.scratch = scratch;
                return Ok(());
            };
            let outcome = it.stream.read(&mut scratch);
            it.is_readable = match &outcome {
                Ok(0) => false,
                // Fewer bytes than there was room for were all (epoll(7)); what follows them is a new event.
                Ok(length) => *length == scratch.len() || it.has_end,
                Err(error) => error.kind() == ErrorKind::Interrupted,
            };
            let handed = match outcome {
                Ok(0) => self.hand(Input::Ended(conn)),
                Ok(length) => self.hand(Input::Data(conn, &scratch[..length])),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
                    Ok(())
                }
                Err(_) => {
                    self.take(conn);
                    self.hand(Input::Closed { conn, is_reset: true })
                }
            };
            self.scratch = scratch;
            handed?;
        }
        self.unread.push(conn);
        Ok(())
    }

    fn flush(&mut self, conn: ConnId) {
        let Some(it) = self.slot(conn) else { return };
        match it.flush() {
            Flushed::Fine | Flushed::Done => {}
            Flushed::Drained => self.pending.push_back(Pending::Drained(conn)),
            Flushed::Broken => {
                self.take(conn);
                self.pending.push_back(Pending::Broken(conn));
            }
        }
    }

    /// Ends a connection that the proxy no longer knows; its number may stand for another one at once.
    fn linger(&mut self, conn: ConnId) {
        let Some(connection) = self.take(conn).filter(|it| !it.is_connecting) else { return };
        let mut lingering = Lingering::new(connection);
        if lingering.step() {
            return;
        }
        let token = Token(self.next_lingering);
        self.next_lingering += 1;
        let both = Interest::READABLE | Interest::WRITABLE;
        if self.poll.registry().reregister(&mut lingering.connection.stream, token, both).is_ok() {
            self.lingering.insert(token.0, lingering);
        }
    }

    /// Gives the proxy an input, does what it asks for, and writes.
    fn hand(&mut self, input: Input<'_>) -> Result<(), String> {
        let now = self.now();
        self.proxy.handle(now, input);
        self.settle()
    }

    fn settle(&mut self) -> Result<(), String> {
        loop {
            loop {
                match self.proxy.poll() {
                    Output::Wait(until) => {
                        self.wait = until;
                        break;
                    }
                    output => self.obey(output)?,
                }
            }
            if self.pending.is_empty() {
                for conn in std::mem::take(&mut self.unflushed) {
                    self.flush(conn);
                }
            }
            let now = self.now();
            match self.pending.pop_front() {
                Some(Pending::Failed(conn, reason)) => {
                    self.proxy.handle(now, Input::Failed { conn, reason: &reason });
                }
                Some(Pending::Blocked(conn)) => self.proxy.handle(now, Input::Blocked(conn)),
                Some(Pending::Drained(conn)) => self.proxy.handle(now, Input::Drained(conn)),
                Some(Pending::Broken(conn)) => self.proxy.handle(now, Input::Closed { conn, is_reset: true }),
                None => return Ok(()),
            }
        }
    }

    fn obey(&mut self, output: Output) -> Result<(), String> {
        match output {
            Output::Listen { listener, address } => self.listen(listener, address)?,
            Output::Unlisten(listener) => {
                self.listeners.remove(&listener);
            }
            Output::Connect { conn, to, from, client: _ } => {
                if let Err(error) = self.connect(conn, to, from) {
                    self.pending.push_back(Pending::Failed(conn, reason(&error)));
                }
            }
            Output::Send(conn, bytes) => {
                if self.slot(conn).as_mut().is_some_and(|it| it.queue(bytes)) {
                    self.pending.push_back(Pending::Blocked(conn));
                }
                self.unflushed.push(conn);
            }
            Output::End(conn) => {
                if let Some(it) = self.slot(conn) {
                    it.end();
                }
                self.unflushed.push(conn);
            }
            Output::Close(conn) => self.linger(conn),
            Output::Reset(conn) => {
                if let Some(it) = self.take(conn) {
                    it.reset();
                }
            }
            Output::Pause(conn) => {
                if let Some(it) = self.slot(conn) {
                    it.is_paused = true;
                }
            }
            Output::Resume(conn) => {
                if let Some(it) = self.slot(conn) {
                    it.is_paused = false;
                    self.unread.push(conn);
                }
            }
            Output::Resolve(name) => self.names.ask(name),
            Output::Watch(path) => self.files.watch(path),
            Output::Note { .. } | Output::Serve { .. } => {}
            Output::Log { sink, line } => self.logs.write(sink, &line),
            Output::Discovery { cluster, .. } => {
                return Err(format!(
                    "discovery from the servers of cluster '{cluster}': not simulated in vethlab on real sockets; use path_config_source"
                ));
            }
            Output::Wait(until) => self.wait = until,
        }
        Ok(())
    }

    fn listen(&mut self, listener: u32, address: SocketAddr) -> Result<(), String> {
        let told = |error: std::io::Error| format!("cannot bind '{address}': {}", reason(&error));
        let mut socket = TcpListener::bind(address).map_err(told)?;
        let token = Token(listener as usize + 1);
        self.poll.registry().register(&mut socket, token, Interest::READABLE).map_err(told)?;
        self.listeners.insert(listener, (socket, address));
        Ok(())
    }

    fn connect(&mut self, conn: ConnId, to: SocketAddr, from: Option<IpAddr>) -> std::io::Result<()> {
        let mut stream = match from {
            None => TcpStream::connect(to)?,
            Some(from) => bound(from, to)?,
        };
        stream.set_nodelay(true)?;
        self.poll.registry().register(&mut stream, token(conn), Interest::READABLE | Interest::WRITABLE)?;
        *self.slot(conn) = Some(Connection::new(conn, stream, true));
        Ok(())
    }
}

/// Connects from an address of ours.
fn bound(from: IpAddr, to: SocketAddr) -> std::io::Result<TcpStream> {
    use socket2::{Domain, Protocol, Socket, Type};
    let socket = Socket::new(Domain::for_address(to), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    socket.bind(&SocketAddr::new(from, 0).into())?;
    match socket.connect(&to.into()) {
        Err(error) if error.raw_os_error() != Some(EINPROGRESS) => Err(error),
        _ => Ok(TcpStream::from_std(socket.into())),
    }
}

/// The system's words for an error, as Envoy logs them.
fn reason(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_owned()
}
