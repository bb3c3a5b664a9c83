//! A TCP connection of the proxy and what waits to be sent on it.
//!
//! Always: what the kernel does not take waits here, and the proxy is told when that is much; our end follows the last byte.

use api::JourneyId;
use api::journey::StopKind;
use linux::System;
use net::{Errno, Shutdown, SocketId};
use sidecar::proxy::Part;
use sim::Instant;
use std::time::Duration;

/// More bytes than this that wait are told to the proxy, and fewer than half of it again
/// (`per_connection_buffer_limit_bytes` where it is not set).
const MUCH: usize = 1 << 20;
/// How long a closed connection is read on, so that no reset overtakes its last bytes.
const LINGER: Duration = Duration::from_secs(1);
const DROPPED_BYTES: usize = 65_536;

/// How a connection is to end once all is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    Open,
    /// Our direction ends.
    Half,
    /// Both do.
    Whole,
}

pub struct Connection {
    pub socket: SocketId,
    /// It was asked for and is not there yet.
    pub is_connecting: bool,
    /// The proxy wants no bytes now.
    pub is_paused: bool,
    /// The peer has ended, and the proxy knows.
    pub has_ended: bool,
    /// Nothing can be sent any more.
    pub is_gone: bool,
    /// The packet that brought what the proxy was given last.
    pub heard: Option<JourneyId>,
    /// The packet on which the proxy's decisions are noted: the one that began the request.
    noted: Option<JourneyId>,
    waiting: Vec<u8>,
    is_blocked: bool,
    ending: Ending,
    is_shut: bool,
}

/// What a write came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flushed {
    Fine,
    /// Few bytes wait again.
    Drained,
    /// All is sent and the connection is to be closed.
    Done,
    Broken,
}

impl Connection {
    pub fn new(socket: SocketId, is_connecting: bool) -> Connection {
        Connection {
            socket,
            is_connecting,
            is_paused: false,
            has_ended: false,
            is_gone: false,
            heard: None,
            noted: None,
            waiting: Vec::new(),
            is_blocked: false,
            ending: Ending::Open,
            is_shut: false,
        }
    }

    /// Notes what the proxy decided about a request; a note on the listener is the first of each.
    pub fn note(&mut self, system: &mut System, part: Part, words: String) {
        if part == Part::Listener {
            self.noted = self.heard;
        }
        if let Some(packet) = self.noted.or(self.heard) {
            let what = StopKind::Proxy { part: part.name().to_owned(), words };
            system.net.journey_note(self.socket, packet, what);
        }
    }

    /// Queues bytes; whether that made them many.
    pub fn queue(&mut self, bytes: &[u8]) -> bool {
        self.waiting.extend_from_slice(bytes);
        let blocks = self.waiting.len() > MUCH && !self.is_blocked;
        self.is_blocked |= blocks;
        blocks
    }

    pub fn end(&mut self) {
        if self.ending == Ending::Open {
            self.ending = Ending::Half;
        }
    }

    /// Sends what the kernel takes.
    pub fn flush(&mut self, system: &mut System) -> Flushed {
        if self.is_connecting || self.is_gone {
            return Flushed::Fine;
        }
        let mut sent = 0;
        while sent < self.waiting.len() {
            match system.net.send(self.socket, &self.waiting[sent..]) {
                Ok(length) => sent += length,
                Err(Errno::EAGAIN) => break,
                Err(_) => return Flushed::Broken,
            }
        }
        self.waiting.drain(..sent);
        if self.waiting.is_empty() && self.ending != Ending::Open && !self.is_shut {
            self.is_shut = true;
            // A peer that is gone already needs no end.
            system.net.shutdown(self.socket, Shutdown::Write).ok();
        }
        if self.waiting.is_empty() && self.ending == Ending::Whole {
            return Flushed::Done;
        }
        if self.is_blocked && self.waiting.len() < MUCH / 2 {
            self.is_blocked = false;
            return Flushed::Drained;
        }
        Flushed::Fine
    }
}

/// A connection that the proxy has closed: what waits is sent, then its peer's end is awaited.
pub struct Lingering {
    pub connection: Connection,
    pub until: Instant,
}

impl Lingering {
    pub fn new(mut connection: Connection, now: Instant) -> Lingering {
        connection.ending = Ending::Whole;
        Lingering { connection, until: now + LINGER }
    }

    /// Sends what waits and drops what comes; whether all is over.
    pub fn step(&mut self, system: &mut System) -> bool {
        let before = self.connection.waiting.len();
        let flushed = self.connection.flush(system);
        if self.connection.waiting.len() < before {
            self.until = system.now() + LINGER;
        }
        if flushed == Flushed::Broken {
            return true;
        }
        loop {
            match system.net.recv(self.connection.socket, DROPPED_BYTES) {
                Ok(bytes) if bytes.is_empty() => return flushed == Flushed::Done,
                Ok(_) => {}
                Err(Errno::EAGAIN) => return false,
                Err(_) => return true,
            }
        }
    }
}
