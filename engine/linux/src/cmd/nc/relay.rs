//! Between the terminal and the socket, both ways at once, until one side is done.
//!
//! Always: the end of stdin alone does not end it; -N and -q shut the socket's sending side then. -w ends it when
//! nothing came from either side for so long.

use super::options::Options;
use crate::fs::{STDIN, STDOUT};
use crate::socket::Socket;
use crate::sys::{Sys, Woke};
use crate::waiting::WaitOn;
use net::{Errno, Shutdown};
use sim::Instant;

const BUFFER: usize = 16_384;

/// What there is to read now.
enum Got {
    Bytes(Vec<u8>),
    End,
    /// Nothing yet, and what to wait for.
    Wait(Option<WaitOn>),
}

/// How the two directions stand.
struct Relay<'a> {
    sys: &'a Sys,
    options: &'a Options,
    socket: &'a Socket,
    input: bool,
    network: bool,
    packets: u64,
    quit_at: Option<Instant>,
}

/// `first` is what has been read from the socket already.
pub async fn relay(sys: &Sys, options: &Options, socket: &Socket, first: Option<Vec<u8>>) {
    let mut relay =
        Relay { sys, options, socket, input: !options.no_stdin, network: true, packets: 0, quit_at: None };
    if let Some(bytes) = first {
        relay.show(bytes).await;
    }
    while relay.network || (relay.input && !options.listen) {
        if relay.turn().await.is_none() {
            return;
        }
    }
}

impl Relay<'_> {
    /// Takes what is there, or waits for more; `None` where it is over.
    async fn turn(&mut self) -> Option<()> {
        let mut waits = Vec::new();
        let mut moved = false;
        if self.network {
            match self.from_network().await {
                Got::Bytes(bytes) => {
                    moved = true;
                    self.show(bytes).await;
                    if self.options.packets.is_some_and(|most| self.packets >= most) {
                        return None;
                    }
                }
                Got::End => {
                    self.network = false;
                    return Some(());
                }
                Got::Wait(on) => waits.extend(on),
            }
        }
        if self.input {
            match self.from_stdin().await {
                Got::Bytes(bytes) => {
                    moved = true;
                    self.send(bytes).await?;
                }
                Got::End => {
                    self.stdin_ended().await?;
                    return Some(());
                }
                Got::Wait(on) => waits.extend(on),
            }
        }
        if moved {
            return Some(());
        }
        let idle = match self.options.timeout {
            Some(time) => Some(self.sys.now().await + time),
            None => None,
        };
        let deadline = [idle, self.quit_at].into_iter().flatten().min();
        match self.sys.wait(&waits, deadline).await {
            Woke::Ready(_) => Some(()),
            Woke::Timeout | Woke::Signal(_) => None,
        }
    }

    async fn from_network(&self) -> Got {
        let udp = self.options.udp;
        let read = self.socket.call(move |net, id| match udp {
            true => net.recv_from(id).map(|datagram| datagram.bytes),
            false => net.recv(id, BUFFER),
        });
        match read.await {
            Ok(bytes) if bytes.is_empty() => Got::End,
            Ok(bytes) => Got::Bytes(bytes),
            Err(Errno::EAGAIN) => Got::Wait(Some(self.socket.wait_on())),
            Err(_) => Got::End,
        }
    }

    async fn from_stdin(&self) -> Got {
        let read = self.sys.ask(|system, id| {
            let file = system.descriptor(id, STDIN)?.file;
            match system.read_file_open(id, file, BUFFER) {
                Err(Errno::EAGAIN) => Ok(Got::Wait(system.file_wait(file))),
                Ok(bytes) if bytes.is_empty() => Ok(Got::End),
                answer => answer.map(Got::Bytes),
            }
        });
        read.await.unwrap_or(Got::End)
    }

    async fn show(&mut self, bytes: Vec<u8>) {
        self.packets += 1;
        self.sys.write(STDOUT, &bytes).await.ok();
    }

    async fn send(&mut self, bytes: Vec<u8>) -> Option<()> {
        let bytes = if self.options.crlf { with_crlf(&bytes) } else { bytes };
        let Some(interval) = self.options.interval else { return self.put(&bytes).await };
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.put(line).await?;
            self.sys.sleep(interval).await;
        }
        Some(())
    }

    async fn put(&mut self, bytes: &[u8]) -> Option<()> {
        let sent = match self.options.udp {
            true => self.socket.send(bytes.to_vec()).await.map(|_| ()),
            false => self.socket.write(bytes, None).await.map(|_| ()),
        };
        if sent.is_err() {
            self.input = false;
        }
        Some(())
    }

    async fn stdin_ended(&mut self) -> Option<()> {
        self.input = false;
        if self.options.shut {
            self.socket.shutdown(Shutdown::Write).await.ok();
        }
        match self.options.quit {
            Some(time) if time.is_zero() => None,
            Some(time) => {
                self.quit_at = Some(self.sys.now().await + time);
                Some(())
            }
            None => Some(()),
        }
    }
}

/// -C: each newline becomes CR LF, unless it is one already.
fn with_crlf(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + 8);
    for byte in bytes {
        if *byte == b'\n' && out.last() != Some(&b'\r') {
            out.push(b'\r');
        }
        out.push(*byte);
    }
    out
}
