//! The sockets of `coredns`: queries from clients to the server, questions of the server to others.
//!
//! Always: a query is answered from the address it was sent to by the socket it came in by; a question to another server
//! is given up after two seconds, with the words that Go's dialer has for it.
//! Source: CoreDNS 1.14.2 `core/dnsserver`, `plugin/pkg/proxy`; RFC 1035 §4.2.2.

use super::chain::Ask;
use super::request::Transport;
use super::server::{Action, Server};
use linux::Sys;
use linux::daemon::{Crew, seen};
use linux::socket::Socket;
use net::{Errno, SocketKind};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

/// `readTimeout`, `minDialTimeout`
const PATIENCE: Duration = Duration::from_secs(2);
/// An idle TCP client is hung up.
const IDLE: Duration = Duration::from_secs(10);
const BACKLOG: u32 = 4096;

/// Where an answer goes.
#[derive(Clone)]
enum Client {
    Udp(Rc<Socket>, SocketAddr),
    /// The answer is put here.
    Tcp(Rc<RefCell<Option<Option<Vec<u8>>>>>),
}

/// The server, as all conversations of the process see it.
#[derive(Clone)]
pub struct Shared {
    pub sys: Sys,
    server: Rc<RefCell<Server>>,
    clients: Rc<RefCell<BTreeMap<u64, Client>>>,
    crew: Rc<RefCell<Option<Crew>>>,
    ending: Rc<Cell<bool>>,
    over: Rc<RefCell<Option<Result<(), String>>>>,
}

impl Shared {
    pub fn new(sys: &Sys, server: Server) -> Shared {
        Shared {
            sys: sys.clone(),
            server: Rc::new(RefCell::new(server)),
            clients: Rc::default(),
            crew: Rc::default(),
            ending: Rc::default(),
            over: Rc::default(),
        }
    }

    pub fn with<T>(&self, act: impl FnOnce(&mut Server) -> T) -> T {
        act(&mut self.server.borrow_mut())
    }

    /// A new configuration; what has been seen of the cluster goes over to it.
    pub fn replace(&self, server: Server) {
        let old = std::mem::replace(&mut *self.server.borrow_mut(), server);
        self.server.borrow_mut().take_over(&old);
        self.clients.borrow_mut().clear();
    }

    pub fn begin_ending(&self) {
        self.ending.set(true);
    }

    pub fn is_ending(&self) -> bool {
        self.ending.get()
    }

    pub fn end(&self, result: Result<(), String>) {
        self.over.borrow_mut().get_or_insert(result);
    }

    /// Runs all conversations until the process is to end.
    pub async fn until_over(&self, crew: &Crew) -> Result<(), String> {
        let mut all = Box::pin(crew.run());
        poll_fn(|context| {
            let is_done = all.as_mut().poll(context).is_ready();
            match self.over.borrow_mut().take() {
                Some(result) => Poll::Ready(result),
                None if is_done => Poll::Ready(Ok(())),
                None => Poll::Pending,
            }
        })
        .await
    }

    /// It listens now.
    pub async fn listening(&self, crew: &Crew) {
        self.crew.borrow_mut().replace(crew.clone());
        let now = self.sys.now().await;
        let actions = self.with(|server| server.listening(now));
        self.perform(actions).await;
    }

    /// Looks after what is due by time.
    pub async fn tick(self) {
        loop {
            let due = seen(|| self.with(|server| server.next_tick())).await;
            let now = self.sys.now().await;
            if due > now {
                self.sys.sleep(due.since(now)).await;
            }
            let now = self.sys.now().await;
            let actions = self.with(|server| server.tick(now));
            self.perform(actions).await;
        }
    }

    async fn perform(&self, actions: Vec<Action>) {
        for line in self.with(Server::take_log) {
            self.sys.print(line + "\n").await;
        }
        for action in actions {
            match action {
                Action::Answer { query, bytes } => self.answer(query, Some(bytes)).await,
                Action::Silence { query } => self.answer(query, None).await,
                Action::Ask(ask) => {
                    let crew = self.crew.borrow().clone();
                    if let Some(crew) = crew {
                        crew.add(self.clone().ask(ask));
                    }
                }
                Action::Exit(why) => self.end(Err(why)),
            }
        }
    }

    async fn answer(&self, query: u64, bytes: Option<Vec<u8>>) {
        let client = self.clients.borrow_mut().remove(&query);
        match (client, bytes) {
            (Some(Client::Udp(socket, to)), Some(bytes)) => {
                // A client that is gone gets nothing.
                socket.send_to(bytes, to).await.ok();
            }
            (Some(Client::Tcp(slot)), bytes) => {
                slot.borrow_mut().replace(bytes);
            }
            (Some(Client::Udp(..)), None) | (None, _) => {}
        }
    }

    /// A question to another server, to its end.
    async fn ask(self, ask: Ask) {
        let answer = exchange(&self.sys, &ask).await;
        let now = self.sys.now().await;
        let actions = self.with(|server| server.answered(now, ask.id, answer));
        self.perform(actions).await;
    }

    async fn take(&self, client: Client, from: SocketAddr, port: u16, via: Transport, bytes: &[u8]) {
        let now = self.sys.now().await;
        let from = SocketAddr::new(from.ip().to_canonical(), from.port());
        let (query, actions) = self.with(|server| server.handle(now, from, port, via, bytes));
        self.clients.borrow_mut().insert(query, client);
        self.perform(actions).await;
    }
}

/// `read udp 10.244.0.2:43210->10.0.0.53:53: i/o timeout`
async fn exchange(sys: &Sys, ask: &Ask) -> Result<Vec<u8>, String> {
    let deadline = sys.now().await + PATIENCE;
    let name = ask.transport.name();
    let dialing = |errno: Errno| format!("dial {name} {}: connect: {}", ask.to, errno.text().to_lowercase());
    let kind = if ask.transport == Transport::Udp { SocketKind::Udp } else { SocketKind::Tcp };
    let socket = sys.socket(kind).await.map_err(dialing)?;
    match socket.connect(ask.to, Some(deadline)).await {
        Ok(Some(())) => {}
        Ok(None) => return Err(format!("dial {name} {}: i/o timeout", ask.to)),
        Err(errno) => return Err(dialing(errno)),
    }
    let local = socket.local().await.unwrap_or(SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0));
    let failed = |what: &str, why: &str| format!("{what} {name} {local}->{}: {why}", ask.to);
    let refused = |call: &'static str| {
        move |errno: Errno| {
            format!("{call} {name} {local}->{}: {call}: {}", ask.to, errno.text().to_lowercase())
        }
    };
    if ask.transport == Transport::Udp {
        socket.send(ask.bytes.clone()).await.map_err(refused("write"))?;
        return match socket.recv_from(Some(deadline)).await {
            Ok(Some(datagram)) => Ok(datagram.bytes),
            Ok(None) => Err(failed("read", "i/o timeout")),
            Err(errno) => Err(refused("read")(errno)),
        };
    }
    let length = u16::try_from(ask.bytes.len()).unwrap_or(u16::MAX).to_be_bytes();
    let written = socket.write(&[&length, ask.bytes.as_slice()].concat(), Some(deadline)).await;
    written.map_err(refused("write"))?;
    let mut held = Vec::new();
    loop {
        if let Some(message) = message(&mut held) {
            return Ok(message);
        }
        match socket.read(Some(deadline)).await {
            Ok(Some(bytes)) if !bytes.is_empty() => held.extend(bytes),
            Ok(Some(_)) => return Err("EOF".to_owned()),
            Ok(None) => return Err(failed("read", "i/o timeout")),
            Err(errno) => return Err(refused("read")(errno)),
        }
    }
}

/// Takes the first message with its length off what was read.
fn message(held: &mut Vec<u8>) -> Option<Vec<u8>> {
    let length = usize::from(u16::from_be_bytes([*held.first()?, *held.get(1)?]));
    let message = held.get(2..2 + length)?.to_vec();
    held.drain(..2 + length);
    Some(message)
}

pub async fn serve_udp(crew: &Crew, shared: &Shared, local: SocketAddr) -> Result<(), Errno> {
    let socket = shared.sys.socket(SocketKind::Udp).await?;
    socket.bind(local).await?;
    let (socket, shared) = (Rc::new(socket), shared.clone());
    crew.add(async move {
        loop {
            match socket.recv_from(None).await {
                Ok(Some(datagram)) => {
                    let client = Client::Udp(Rc::clone(&socket), datagram.from);
                    shared.take(client, datagram.from, local.port(), Transport::Udp, &datagram.bytes).await;
                }
                // An ICMP error about an earlier answer.
                Ok(None) | Err(Errno::ECONNREFUSED) => {}
                Err(_) => return,
            }
        }
    });
    Ok(())
}

pub async fn serve_tcp(crew: &Crew, shared: &Shared, local: SocketAddr) -> Result<(), Errno> {
    let listener = shared.sys.listen(local, BACKLOG).await?;
    let shared = shared.clone();
    crew.add(
        crew.clone().serve(listener, move |connection, peer| {
            converse(shared.clone(), connection, peer, local.port())
        }),
    );
    Ok(())
}

async fn converse(shared: Shared, connection: Socket, peer: SocketAddr, port: u16) {
    let mut held = Vec::new();
    loop {
        while let Some(query) = message(&mut held) {
            let slot = Rc::new(RefCell::new(None));
            shared.take(Client::Tcp(Rc::clone(&slot)), peer, port, Transport::Tcp, &query).await;
            let Some(bytes) = seen(|| slot.borrow_mut().take()).await else { return };
            let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX).to_be_bytes();
            if connection.write(&[&length, bytes.as_slice()].concat(), None).await.is_err() {
                return;
            }
        }
        let deadline = shared.sys.now().await + IDLE;
        match connection.read(Some(deadline)).await {
            Ok(Some(bytes)) if !bytes.is_empty() => held.extend(bytes),
            _ => return,
        }
    }
}
