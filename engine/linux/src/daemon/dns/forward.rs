//! A running server: what it does with each question, and questions passed on to others.
//!
//! Always: a question that was passed on is remembered for ten seconds, and at most 150 of them; nobody's answer is
//! silence, as the client will ask again.
//! Source: dnsmasq 2.90 `src/forward.c`.

use super::cache::Cache;
use super::log::Log;
use super::zones::{Outcome, fit_edns};
use super::{EDNS_BYTES, Server, UDP_BYTES, Zones};
use crate::dns::{Compression, Message};
use crate::sys::Sys;
use net::{Errno, SocketKind};
use std::cell::{Cell, RefCell};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// TIMEOUT
const PATIENCE: Duration = Duration::from_secs(10);
/// FTABSIZ: further questions are dropped.
const FORWARDS: usize = 150;

/// The servers for what no rule covers.
#[derive(Clone, Debug)]
pub enum Standard {
    These(Vec<SocketAddr>),
    /// `nameserver` lines of that file, read anew for each question, and these.
    File(String, Vec<SocketAddr>),
}

impl Standard {
    pub async fn servers(&self, sys: &Sys) -> Vec<SocketAddr> {
        let (path, mut servers) = match self {
            Standard::These(servers) => return servers.clone(),
            Standard::File(path, servers) => (path, servers.clone()),
        };
        let text = sys.read_file(path).await.unwrap_or_default();
        let text = String::from_utf8_lossy(&text).into_owned();
        servers.extend(text.lines().filter_map(|line| {
            let mut words = line.split_whitespace();
            let address = words.next().filter(|word| *word == "nameserver").and_then(|_| words.next())?;
            Some(SocketAddr::new(address.parse().ok()?, 53))
        }));
        servers
    }
}

pub(super) struct Service {
    zones: RefCell<Zones>,
    standard: Standard,
    only: Vec<IpAddr>,
    log: Log,
    cache: RefCell<Cache>,
    waiting: Cell<usize>,
}

impl Service {
    pub fn new(server: Server) -> Service {
        let Server { zones, standard, only, log, cache_size, .. } = server;
        let (zones, cache) = (RefCell::new(zones), RefCell::new(Cache::new(cache_size)));
        Service { zones, standard, only, log, cache, waiting: Cell::new(0) }
    }

    pub fn hears(&self, address: IpAddr) -> bool {
        self.only.is_empty() || self.only.contains(&address.to_canonical())
    }

    /// Nothing where the bytes are no question, or nobody answered it.
    pub async fn answered(&self, sys: &Sys, bytes: &[u8], from: SocketAddr, stream: bool) -> Option<Vec<u8>> {
        let query = Message::read(bytes).ok().filter(|message| !message.flags.response)?;
        let standard = self.standard.servers(sys).await;
        let outcome = self.zones.borrow_mut().outcome(&query, &standard);
        self.log.query(sys, &query, from).await;
        let now = sys.now().await;
        let (mut answer, source) = match outcome {
            Outcome::Answer(answer) => (answer, "config"),
            Outcome::Ask(servers) => {
                let cached = self.cache.borrow().find(&query, now);
                match cached {
                    Some(answer) => (answer, "cached"),
                    None => (self.forward(sys, &query, &servers).await?, "reply"),
                }
            }
        };
        self.log.answer(sys, &answer, source).await;
        fit_edns(&query, &mut answer);
        let asked = query.edns.as_ref().map_or(UDP_BYTES, |edns| edns.udp_size.clamp(UDP_BYTES, EDNS_BYTES));
        let limit = if stream { usize::from(u16::MAX) } else { usize::from(asked) };
        Some(answer.write_within(Compression::Owners, limit))
    }

    async fn forward(&self, sys: &Sys, query: &Message, servers: &[SocketAddr]) -> Option<Message> {
        if self.waiting.get() >= FORWARDS {
            return None;
        }
        self.waiting.set(self.waiting.get() + 1);
        let answer = self.ask(sys, query, servers).await;
        self.waiting.set(self.waiting.get() - 1);
        let answer = answer?;
        let now = sys.now().await;
        self.cache.borrow_mut().keep(&answer, now);
        Some(answer)
    }

    /// Asks them all from one port; the first answer counts.
    async fn ask(&self, sys: &Sys, query: &Message, servers: &[SocketAddr]) -> Option<Message> {
        let socket = sys.socket(SocketKind::Udp).await.ok()?;
        let id = sys.ask(|system, _| system.random.next_u32() as u16).await;
        let asked = Message { id, ..query.clone() };
        let deadline = sys.now().await + PATIENCE;
        for server in servers {
            self.log.forwarded(sys, query, *server).await;
            // A server that cannot be reached is one that does not answer.
            socket.send_to(asked.write(Compression::Full), *server).await.ok();
        }
        loop {
            let datagram = match socket.recv_from(Some(deadline)).await {
                Ok(Some(datagram)) => datagram,
                Ok(None) | Err(Errno::EBADF | Errno::EINTR) => return None,
                Err(_) => continue,
            };
            let Ok(mut answer) = Message::read(&datagram.bytes) else { continue };
            if servers.contains(&datagram.from) && answer.answers_to(&asked) {
                answer.id = query.id;
                answer.flags.recursion_available = true;
                return Some(answer);
            }
        }
    }
}
