//! A TCP connection and what waits to be sent on it.

use mio::net::TcpStream;
use sidecar::proxy::ConnId;
use std::collections::VecDeque;
use std::io::{ErrorKind, IoSlice, Read, Write};
use std::time::{Duration, Instant};

/// More than this that waits is told to the proxy, and less than half of it again.
const MUCH: usize = 1 << 20;
const FEW: usize = 512 << 10;
/// How long a closed connection is read on, so that no reset overtakes its last bytes.
const LINGER: Duration = Duration::from_secs(1);
/// Pieces of one write.
const PIECES: usize = 64;

/// How a connection is to end once all is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    Open,
    /// Our direction ends.
    Half,
    /// Both do.
    Whole,
}

#[derive(Debug)]
pub struct Connection {
    pub id: ConnId,
    pub stream: TcpStream,
    /// A connection that is asked for and not there yet.
    pub is_connecting: bool,
    /// The proxy wants no bytes now.
    pub is_paused: bool,
    /// The kernel may hold bytes that were not read.
    pub is_readable: bool,
    /// It holds the peer's end behind them.
    pub has_end: bool,
    queue: VecDeque<Vec<u8>>,
    /// How much of the first piece is out.
    sent: usize,
    waiting: usize,
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
    pub fn new(id: ConnId, stream: TcpStream, is_connecting: bool) -> Connection {
        Connection {
            id,
            stream,
            is_connecting,
            is_paused: false,
            is_readable: !is_connecting,
            has_end: false,
            queue: VecDeque::new(),
            sent: 0,
            waiting: 0,
            is_blocked: false,
            ending: Ending::Open,
            is_shut: false,
        }
    }

    /// Queues bytes; whether that made them many.
    pub fn queue(&mut self, bytes: Vec<u8>) -> bool {
        self.waiting += bytes.len();
        if !bytes.is_empty() {
            self.queue.push_back(bytes);
        }
        let blocks = self.waiting > MUCH && !self.is_blocked;
        self.is_blocked |= blocks;
        blocks
    }

    pub fn end(&mut self) {
        if self.ending == Ending::Open {
            self.ending = Ending::Half;
        }
    }

    fn close(&mut self) {
        self.ending = Ending::Whole;
    }

    /// Sends what the kernel takes.
    pub fn flush(&mut self) -> Flushed {
        if self.is_connecting {
            return Flushed::Fine;
        }
        while !self.queue.is_empty() {
            let mut slices = [IoSlice::new(&[]); PIECES];
            for (at, (slice, piece)) in slices.iter_mut().zip(&self.queue).enumerate() {
                *slice = IoSlice::new(if at == 0 { &piece[self.sent..] } else { piece });
            }
            let count = self.queue.len().min(PIECES);
            match self.stream.write_vectored(&slices[..count]) {
                Ok(0) => return Flushed::Broken,
                Ok(length) => self.taken(length),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return Flushed::Broken,
            }
        }
        if self.queue.is_empty() && self.ending != Ending::Open && !self.is_shut {
            self.is_shut = true;
            // A peer that is gone already needs no end.
            self.stream.shutdown(std::net::Shutdown::Write).unwrap_or_default();
        }
        if self.queue.is_empty() && self.ending == Ending::Whole {
            return Flushed::Done;
        }
        if self.is_blocked && self.waiting < FEW {
            self.is_blocked = false;
            return Flushed::Drained;
        }
        Flushed::Fine
    }

    fn taken(&mut self, mut length: usize) {
        self.waiting -= length;
        while let Some(first) = self.queue.front() {
            let left = first.len() - self.sent;
            if length < left {
                self.sent += length;
                return;
            }
            length -= left;
            self.sent = 0;
            self.queue.pop_front();
        }
    }

    /// Resets instead of closing.
    pub fn reset(self) {
        // What cannot be reset is closed.
        socket2::SockRef::from(&self.stream).set_linger(Some(Duration::ZERO)).unwrap_or_default();
    }
}

/// A connection that the proxy has closed: what waits is sent, then its peer's end is awaited, so that our last bytes
/// are not lost to a reset.
#[derive(Debug)]
pub struct Lingering {
    pub connection: Connection,
    pub until: Instant,
}

impl Lingering {
    pub fn new(mut connection: Connection) -> Lingering {
        connection.close();
        Lingering { connection, until: Instant::now() + LINGER }
    }

    /// Sends what waits and drops what comes; whether all is over.
    pub fn step(&mut self) -> bool {
        let mut scratch = [0; 4096];
        let before = self.connection.waiting;
        let flushed = self.connection.flush();
        if self.connection.waiting < before {
            self.until = Instant::now() + LINGER;
        }
        if flushed == Flushed::Broken {
            return true;
        }
        loop {
            match self.connection.stream.read(&mut scratch) {
                Ok(0) => return flushed == Flushed::Done,
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return false,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return true,
            }
        }
    }
}
