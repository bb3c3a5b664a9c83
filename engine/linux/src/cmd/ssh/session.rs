//! An ssh session as the client sees it: keys and stdin one way, stdout and stderr the other.
//!
//! Always: the terminal is raw for as long as a session with a terminal lasts, so that Ctrl-C reaches the other side.
//! Source: ssh(1), "ESCAPE CHARACTERS".

use super::Exit;
use crate::fs::{Found, STDERR, STDIN, STDOUT};
use crate::signal::Signal;
use crate::socket::Socket;
use crate::ssh::{Incoming, Message};
use crate::sys::{Sys, Woke};
use net::Errno;

const BUFFER: usize = 16_384;

pub(super) struct Session<'a> {
    sys: &'a Sys,
    connection: &'a Socket,
    incoming: Incoming,
    terminal: bool,
    input: bool,
    escape: Escape,
}

/// How far `~.` at the start of a line has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Escape {
    LineStart,
    Tilde,
    Inside,
}

impl<'a> Session<'a> {
    pub fn new(
        sys: &'a Sys,
        connection: &'a Socket,
        incoming: Incoming,
        terminal: bool,
        input: bool,
    ) -> Session<'a> {
        Session { sys, connection, incoming, terminal, input, escape: Escape::LineStart }
    }

    /// How the program on the other side ended; `None` where it would not let the user in.
    pub async fn run(&mut self) -> Result<Option<Exit>, Errno> {
        if self.terminal {
            self.sys.catch(Signal::WindowChange).await;
            self.sys.raw_terminal(true).await;
        }
        if !self.input {
            self.connection.write(&Message::End.encode(), None).await?;
        }
        let ended = self.relay().await;
        if self.terminal {
            self.sys.raw_terminal(false).await;
        }
        ended
    }

    async fn relay(&mut self) -> Result<Option<Exit>, Errno> {
        loop {
            while let Some(message) = self.incoming.message()? {
                match message {
                    Message::Data(bytes) => self.show(STDOUT, &bytes).await,
                    Message::Errors(bytes) => self.show(STDERR, &bytes).await,
                    Message::Exit(status) => return Ok(Some(Exit(status))),
                    Message::Denied => return Ok(None),
                    _ => return Err(Errno::EINVAL),
                }
            }
            let mut waits = Vec::new();
            let mut moved = false;
            match self.connection.call(|net, id| net.recv(id, BUFFER)).await {
                Ok(bytes) if bytes.is_empty() => return Err(Errno::ECONNRESET),
                Ok(bytes) => {
                    moved = true;
                    self.incoming.feed(&bytes);
                }
                Err(Errno::EAGAIN) => waits.push(self.connection.wait_on()),
                Err(errno) => return Err(errno),
            }
            if self.input {
                match self.sys.read_now(STDIN, BUFFER).await {
                    Found::Bytes(bytes) => {
                        moved = true;
                        let Some(bytes) = self.without_escape(bytes) else { return Ok(Some(Exit(255))) };
                        self.connection.write(&Message::Data(bytes).encode(), None).await?;
                    }
                    Found::End => {
                        moved = true;
                        self.input = false;
                        self.connection.write(&Message::End.encode(), None).await?;
                    }
                    Found::Wait(on) => waits.extend(on),
                }
            }
            if !moved && self.sys.wait(&waits, None).await == Woke::Signal(Signal::WindowChange) {
                let (columns, rows) = self.sys.terminal_size().await.unwrap_or((80, 24));
                self.connection.write(&Message::Window(columns, rows).encode(), None).await?;
            }
        }
    }

    async fn show(&self, fd: crate::fs::Fd, bytes: &[u8]) {
        self.sys.write(fd, bytes).await.ok();
    }

    /// `None` where `~.` was typed at the start of a line: hang up.
    fn without_escape(&mut self, bytes: Vec<u8>) -> Option<Vec<u8>> {
        if !self.terminal {
            return Some(bytes);
        }
        let mut kept = Vec::new();
        for byte in bytes {
            match (self.escape, byte) {
                (Escape::LineStart, b'~') => {
                    self.escape = Escape::Tilde;
                    continue;
                }
                (Escape::Tilde, b'.') => return None,
                (Escape::Tilde, b'~') => {}
                (Escape::Tilde, _) => kept.push(b'~'),
                _ => {}
            }
            kept.push(byte);
            self.escape = if matches!(byte, b'\r' | b'\n') { Escape::LineStart } else { Escape::Inside };
        }
        Some(kept)
    }
}
