//! One exchange with one server: the question sent, what comes judged, and shown.
//!
//! `run.rs` chooses name and server and decides what a failure leads to. Always: what came is the answer only when
//! id, opcode and question are those that were sent.
//! Source: BIND 9.18 `bin/dig/dighost.c` (recv_done), `bin/dig/dig.c` (received).

use super::lookup::Lookup;
use super::run::Run;
use super::{Failed, Tool};
use crate::dns::{Compression, Kind, Message, Name, Rcode, option};
use crate::resolver::MessageStream;
use crate::socket::Socket;
use net::{Errno, SocketKind};
use sim::Instant;
use std::net::SocketAddr;
use std::time::Duration;

/// UDP_TIMEOUT and TCP_TIMEOUT, seconds.
const UDP_SECONDS: u32 = 5;
const TCP_SECONDS: u32 = 10;

/// A message that came or goes, with what is told of it.
pub(super) struct Seen<'a> {
    pub message: &'a Message,
    /// It is the question.
    pub outgoing: bool,
    pub bytes: usize,
    pub server: SocketAddr,
    pub typed: &'a str,
    /// The name that was asked for, with what the search list added.
    pub name: &'a Name,
    pub micros: u64,
    /// The wall clock, seconds since 1970.
    pub when: u64,
    /// The server sent our cookie back.
    pub cookie: Option<bool>,
}

/// What a message that came means for the waiting.
pub(super) enum Next {
    /// Not what was waited for.
    Wait,
    /// This look-up is over.
    Over,
    /// The next server, please.
    Server,
}

/// One exchange under way.
pub(super) struct Exchange<'a> {
    pub lookup: &'a mut Lookup,
    pub name: Name,
    pub query: Message,
    pub server: SocketAddr,
    pub typed: String,
    pub has_next: bool,
    pub sent_at: Instant,
}

impl<T: Tool> Run<T> {
    fn patience(&self, tcp: bool) -> Duration {
        let standard = if tcp { TCP_SECONDS } else { UDP_SECONDS };
        Duration::from_secs(u64::from(if self.settings.timeout > 0 {
            self.settings.timeout
        } else {
            standard
        }))
    }

    pub(super) async fn connect(&self, lookup: &Lookup, server: SocketAddr) -> Result<Socket, Errno> {
        let kind = if lookup.tcp { SocketKind::Tcp } else { SocketKind::Udp };
        let socket = self.sys.socket(kind).await?;
        if let Some(local) = self.settings.local {
            socket.bind(local).await?;
        }
        let deadline = self.sys.now().await + self.patience(lookup.tcp);
        socket.connect(server, Some(deadline)).await?.ok_or(Errno::ETIMEDOUT)?;
        Ok(socket)
    }

    /// Sends the question and reads until the answer has come; the inner error is the transport's.
    pub(super) async fn talk(
        &mut self,
        exchange: &mut Exchange<'_>,
        socket: &Socket,
    ) -> Result<Result<Next, Errno>, Failed> {
        let bytes = exchange.query.write(Compression::Full);
        exchange.sent_at = self.sys.now().await;
        let tcp = exchange.lookup.tcp;
        let sent = match tcp {
            false => socket.send(bytes.clone()).await.map(|_| ()),
            true => {
                let mut framed = (bytes.len() as u16).to_be_bytes().to_vec();
                framed.extend(&bytes);
                socket.write(&framed, None).await.map(|_| ())
            }
        };
        // A question that could not leave is waited for like one that got lost.
        sent.ok();
        if exchange.lookup.query {
            let text = self.shown_query(exchange, bytes.len()).await;
            self.sys.print(text).await;
        }
        let deadline = exchange.sent_at + self.patience(tcp);
        let mut stream = MessageStream::new(socket);
        loop {
            let received = match tcp {
                true => match stream.next(Some(deadline)).await {
                    Ok(Some(bytes)) => Ok(bytes),
                    Ok(None) => Err(Errno::EPIPE),
                    Err(errno) => Err(errno),
                },
                false => match socket.recv_from(Some(deadline)).await {
                    Ok(Some(datagram)) => Ok(datagram.bytes),
                    Ok(None) => Err(Errno::ETIMEDOUT),
                    Err(errno) => Err(errno),
                },
            };
            match received {
                Err(errno) => return Ok(Err(errno)),
                Ok(bytes) => match self.judge(exchange, &bytes).await? {
                    Next::Wait => {}
                    next => return Ok(Ok(next)),
                },
            }
        }
    }

    async fn shown_query(&mut self, exchange: &mut Exchange<'_>, bytes: usize) -> String {
        let seen = Seen {
            message: &exchange.query,
            outgoing: true,
            bytes,
            server: exchange.server,
            typed: &exchange.typed,
            name: &exchange.name,
            micros: 0,
            when: self.sys.realtime().await.as_secs(),
            cookie: None,
        };
        let mut text = self.tool.message(&mut self.queue, exchange.lookup, &seen);
        if exchange.lookup.stats {
            text += &format!(";; QUERY SIZE: {bytes}\n\n");
        }
        text
    }

    /// Is this the answer, and what does it lead to?
    async fn judge(&mut self, exchange: &mut Exchange<'_>, bytes: &[u8]) -> Result<Next, Failed> {
        let micros = self.sys.now().await.since(exchange.sent_at).as_micros() as u64;
        let tcp = exchange.lookup.tcp;
        let over = if tcp { Next::Over } else { Next::Wait };
        let Some(id) = bytes.get(..2).filter(|_| bytes.len() >= 12) else {
            let text = if tcp {
                "ERROR: short (< header size) message"
            } else {
                "Warning: short (< header size) message received"
            };
            self.warn(text).await;
            return Ok(over);
        };
        let (id, expected) = (u16::from_be_bytes([id[0], id[1]]), exchange.query.id);
        if id != expected {
            let level = if tcp { "ERROR" } else { "Warning" };
            self.warn(&format!("{level}: ID mismatch: expected ID {expected}, got {id}")).await;
            return Ok(over);
        }
        let message = match Message::read(bytes) {
            Ok(message) => message,
            Err(error) => {
                let dump = hex_dump(bytes);
                self.sys.print(format!(";; Got bad packet: {error}\n{dump}")).await;
                return Ok(Next::Over);
            }
        };
        if !message.flags.response {
            self.warn("Warning: query response not set").await;
        }
        if message.opcode != exchange.query.opcode {
            let (wanted, got) = (exchange.query.opcode, message.opcode);
            self.warn(&format!("Warning: Opcode mismatch: expected {wanted}, got {got}")).await;
            return Ok(Next::Wait);
        }
        if let Some(other) = message.questions.iter().find(|it| {
            let lookup = &exchange.lookup;
            it.kind != lookup.kind || it.class != lookup.class || !it.name.same(&exchange.name)
        }) {
            let shown = format!("{}/{}/{}", other.name.relative(), other.kind, other.class);
            self.warn(&format!(";; Question section mismatch: got {shown}")).await;
            return Ok(over);
        }
        self.act(exchange, &message, bytes.len(), micros).await
    }

    async fn act(
        &mut self,
        exchange: &mut Exchange<'_>,
        message: &Message,
        bytes: usize,
        micros: u64,
    ) -> Result<Next, Failed> {
        if message.flags.truncated && !exchange.lookup.ignore_truncation && !exchange.lookup.tcp {
            if exchange.lookup.comments {
                self.warn("Truncated, retrying in TCP mode.").await;
            }
            self.requeue(Lookup { tcp: true, ..exchange.lookup.clone() })?;
            return Ok(Next::Over);
        }
        let failed = message.rcode == Rcode::SERVFAIL && !exchange.lookup.servfail_stops;
        let no_recursion =
            self.settings.check_recursion && !message.flags.recursion_available && exchange.lookup.recurse;
        if failed || no_recursion {
            let what = if failed { "SERVFAIL reply" } else { "recursion not available" };
            let trying = if exchange.has_next { ", trying next server" } else { "" };
            if exchange.lookup.comments {
                self.warn(&format!("Got {what} from {}{trying}", exchange.server.ip())).await;
            }
            if exchange.has_next {
                return Ok(Next::Server);
            }
        }
        if exchange.lookup.kind == Kind::AXFR
            && (message.rcode != Rcode::NOERROR || message.answers.is_empty())
        {
            let text = format!("{}; Transfer failed.\n", exchange.lookup.greeting);
            self.sys.print(text).await;
            return Ok(Next::Over);
        }
        let cookie = self.cookie_of(exchange, message).await;
        let seen = Seen {
            message,
            outgoing: false,
            bytes,
            server: exchange.server,
            typed: &exchange.typed,
            name: &exchange.name,
            micros,
            when: self.sys.realtime().await.as_secs(),
            cookie,
        };
        let lookup = &mut *exchange.lookup;
        if message.rcode == Rcode::NXDOMAIN && (lookup.origin.is_some() || lookup.need_search) {
            if !self.next_origin(lookup)? || self.settings.show_search {
                let text = self.tool.message(&mut self.queue, lookup, &seen);
                let more = self.tool.received(lookup, &seen);
                self.sys.print(text + &more).await;
            }
        } else {
            let text = self.tool.message(&mut self.queue, lookup, &seen);
            self.sys.print(text).await;
        }
        if message.rcode == Rcode::NOERROR || lookup.origin.is_none() {
            let text = self.tool.received(lookup, &seen);
            self.sys.print(text).await;
        }
        Ok(Next::Over)
    }

    async fn cookie_of(&self, exchange: &Exchange<'_>, message: &Message) -> Option<bool> {
        let options = exchange.query.edns.as_ref().map(|edns| &edns.options)?;
        let sent = &options.iter().find(|(code, _)| *code == option::COOKIE)?.1;
        let got = &message.edns.as_ref()?.options.iter().find(|(code, _)| *code == option::COOKIE)?.1;
        if got.len() < 8 {
            self.warn("Warning: COOKIE bad token (too short)").await;
            return Some(false);
        }
        let same = got[..8] == sent[..];
        if !same {
            self.warn("Warning: Client COOKIE mismatch").await;
        }
        Some(same)
    }
}

/// `10.0.0.53#53`
pub(super) fn shown(server: SocketAddr) -> String {
    format!("{}#{}", server.ip(), server.port())
}

/// `isc_result_totext` of what an errno becomes.
pub(super) fn result_text(errno: Errno) -> &'static str {
    match errno {
        Errno::ETIMEDOUT => "timed out",
        Errno::EADDRNOTAVAIL => "address not available",
        Errno::EADDRINUSE => "address in use",
        Errno::EPERM | Errno::EACCES => "permission denied",
        Errno::ENETUNREACH => "network unreachable",
        Errno::EHOSTUNREACH => "host unreachable",
        Errno::ENETDOWN => "network down",
        Errno::EHOSTDOWN => "host down",
        Errno::ECONNREFUSED => "connection refused",
        Errno::ECONNRESET => "connection reset",
        Errno::ENOBUFS => "not enough free resources",
        Errno::EPIPE => "end of file",
        Errno::EAFNOSUPPORT => "address family not supported",
        Errno::EINVAL => "invalid file",
        _ => "unexpected error",
    }
}

/// What a packet that cannot be read looks like.
fn hex_dump(bytes: &[u8]) -> String {
    let mut text = format!("{} bytes\n", bytes.len());
    for row in bytes.chunks(16) {
        let digits: String = row.iter().map(|byte| format!("{byte:02x} ")).collect();
        let readable =
            row.iter().map(|byte| if (b'!'..=b'}').contains(byte) { char::from(*byte) } else { '.' });
        text += &format!("{digits:<48}         {}\n", readable.collect::<String>());
    }
    text
}
