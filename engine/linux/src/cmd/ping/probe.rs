//! The loop of `ping`: when to send, what to wait for, what to say of each answer.
//!
//! Always: the pace is kept by tokens of milliseconds, as in the real one; waiting is waiting, never spinning.
//! Source: iputils 20221126 `ping_common.c` (pinger, main_loop), `ping.c` and `ping6_common.c` (parse_reply).

use super::icmp::{self, Echo};
use super::options::Options;
use super::statistics::{Statistics, trip_text};
use crate::cmd::Exit;
use crate::process::ProcessId;
use crate::resolver;
use crate::signal::Signal;
use crate::socket::Socket;
use crate::sys::{Sys, Woke};
use crate::system::System;
use net::socket::ReceivedError;
use net::{Datagram, Errno, SocketOption};
use sim::Instant;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// MININTERVAL: the shortest wait, milliseconds.
const SHORTEST_MS: i64 = 10;
/// `sizeof(struct timeval)`: smaller packets are not timed.
const STAMP_BYTES: usize = 16;
/// Datagrams and errors that are read at one go before it is time to look at the clock again.
const READ_AT_ONCE: usize = 1024;

pub(super) struct Pinger {
    pub sys: Sys,
    pub program: String,
    pub options: Options,
    pub host: String,
    pub target: SocketAddr,
    pub socket: Socket,
    pub ident: u16,
    /// Answers may come from others.
    pub multicast: bool,
    /// What stands behind the ICMP header.
    pub data: Vec<u8>,
    pub interval_ms: i64,
    pub counted: Statistics,
    tokens: i64,
    last_sent: Option<Instant>,
    alarm: Option<Instant>,
    exiting: bool,
    /// Without a terminal, a flood's dots are never wiped.
    columns: i64,
}

/// What stood first in the error queue.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Queued {
    Nothing,
    /// About another program's packet.
    Foreign,
    Icmp,
    /// Of this machine itself.
    Local,
}

/// What became of a request.
enum Sent {
    Yes,
    /// The buffer is full; try again soon.
    Later,
    No,
}

impl Pinger {
    pub fn new(
        sys: Sys,
        program: &str,
        options: Options,
        host: String,
        target: SocketAddr,
        socket: Socket,
    ) -> Pinger {
        let interval_ms = if options.flood && !options.interval_given { 0 } else { options.interval_ms };
        Pinger {
            sys,
            program: program.to_owned(),
            host,
            target,
            socket,
            ident: 0,
            multicast: target.ip().is_multicast() || options.broadcast,
            data: (0..options.data_bytes).map(|index| index as u8).collect(),
            interval_ms,
            counted: Statistics::new(),
            tokens: 0,
            last_sent: None,
            alarm: None,
            exiting: false,
            columns: i64::from(i32::MAX),
            options,
        }
    }

    fn timed(&self) -> bool {
        self.options.data_bytes >= STAMP_BYTES
    }

    pub async fn run(mut self) -> Exit {
        self.sys.catch(Signal::Int).await;
        self.sys.catch(Signal::Quit).await;
        let started = self.sys.now().await;
        if self.options.deadline_s > 0 {
            self.alarm = Some(started + Duration::from_secs(self.options.deadline_s));
        }
        if let Some((columns, _)) = self.sys.terminal_size().await {
            self.columns = i64::from(columns);
        }
        while !self.is_over() {
            let next = loop {
                let next = self.send_if_due().await;
                let next = self.schedule_exit(next).await;
                if next > 0 {
                    break next;
                }
            };
            self.wait(next).await;
        }
        let took = self.last_sent.map_or(Duration::ZERO, |at| at.since(started));
        let steady = self.interval_ms > 0 && !self.options.flood && !self.options.adaptive;
        self.sys.print(self.counted.summary(&self.host, self.timed(), took, steady)).await;
        let missing = self.options.deadline_s > 0 && self.counted.received < self.options.count;
        Exit(u8::from(self.counted.received == 0 || missing))
    }

    fn is_over(&self) -> bool {
        let counted = &self.counted;
        let enough = self.options.count > 0 && counted.received + counted.errors >= self.options.count;
        self.exiting || enough || (self.options.deadline_s > 0 && counted.errors > 0)
    }

    fn all_sent(&self) -> bool {
        self.options.count > 0
            && self.counted.transmitted >= self.options.count
            && self.options.deadline_s == 0
    }

    /// After the last request: the end comes by itself, twice the longest trip later.
    async fn schedule_exit(&mut self, next: i64) -> i64 {
        if !self.all_sent() || self.alarm.is_some() {
            return next;
        }
        let wait_us = match self.counted.received {
            0 => self.options.linger_ms * 1000,
            _ => (2 * self.counted.longest).max(1000 * self.interval_ms),
        };
        // A timer of nothing never rings.
        if wait_us == 0 {
            return next;
        }
        self.alarm = Some(self.sys.now().await + Duration::from_micros(wait_us as u64));
        next.max(wait_us / 1000)
    }

    /// Sends where it is time to; how many milliseconds are left until it is.
    async fn send_if_due(&mut self) -> i64 {
        if self.exiting || self.all_sent() {
            return 1000;
        }
        let now = self.sys.now().await;
        match self.last_sent {
            None => {
                self.last_sent = Some(now);
                self.tokens = self.interval_ms * (self.options.preload - 1);
            }
            Some(last) => {
                let passed = i64::try_from(now.since(last).as_millis()).unwrap_or(i64::MAX / 2);
                if self.interval_ms == 0
                    && passed < SHORTEST_MS
                    && self.counted.in_flight() >= self.options.preload
                {
                    return SHORTEST_MS - passed;
                }
                let tokens =
                    (passed + self.tokens).min(self.interval_ms.saturating_mul(self.options.preload));
                if tokens < self.interval_ms {
                    return self.interval_ms - tokens;
                }
                self.last_sent = Some(now);
                self.tokens = tokens - self.interval_ms;
            }
        }
        let transmitted = self.counted.transmitted;
        if self.options.outstanding && transmitted > 0 && !self.counted.is_answered(transmitted) {
            let stamp = self.stamp().await;
            let sequence = transmitted % super::options::SEQUENCES;
            self.sys.print(format!("{stamp}no answer yet for icmp_seq={sequence}\n")).await;
        }
        match self.send().await {
            Sent::Yes => {
                self.counted.sent();
                let few = self.options.preload < self.columns && self.counted.pipe() < self.columns;
                if !self.options.quiet
                    && self.options.flood
                    && (few || self.counted.in_flight() < self.columns)
                {
                    self.sys.print(".").await;
                }
                self.interval_ms - self.tokens
            }
            Sent::Later => {
                self.tokens += self.interval_ms;
                SHORTEST_MS
            }
            Sent::No => {
                self.counted.sent();
                self.tokens = 0;
                self.interval_ms.max(SHORTEST_MS)
            }
        }
    }

    async fn send(&mut self) -> Sent {
        self.counted.forget_next();
        if self.timed() {
            let now = self.sys.realtime().await;
            self.data[..8].copy_from_slice(&now.as_secs().to_le_bytes());
            self.data[8..16].copy_from_slice(&u64::from(now.subsec_micros()).to_le_bytes());
        }
        let kind = if self.target.is_ipv4() { icmp::ECHO } else { icmp::ECHO6 };
        let sequence = (self.counted.transmitted + 1) as u16;
        let message = Echo { kind, ident: self.ident, sequence }.write(&self.data);
        for _ in 0..READ_AT_ONCE {
            let errno = match self.socket.send_to(message.clone(), self.target).await {
                Ok(_) => return Sent::Yes,
                Err(Errno::EAGAIN | Errno::ENOBUFS) => return Sent::Later,
                Err(errno) => errno,
            };
            match self.read_error().await {
                // Another ping's error was in the way.
                Queued::Foreign => {}
                // The packet met its ICMP error within the call, as with REJECT in OUTPUT.
                Queued::Icmp if !self.options.quiet => {
                    match self.options.flood {
                        true => self.sys.print("E").await,
                        false => self.sys.eprint(format!("{}: sendmsg: {errno}\n", self.program)).await,
                    }
                    break;
                }
                _ => break,
            }
        }
        Sent::No
    }

    /// Waits that many milliseconds at most, and takes what comes meanwhile.
    async fn wait(&mut self, milliseconds: i64) {
        let until = self.sys.now().await + Duration::from_millis(milliseconds as u64);
        let until = self.alarm.map_or(until, |alarm| alarm.min(until));
        if !self.read_all().await {
            match self.sys.wait(&[self.socket.wait_on()], Some(until)).await {
                Woke::Ready(_) => {
                    self.read_all().await;
                }
                Woke::Signal(Signal::Quit) => {
                    let status = self.counted.status(self.timed());
                    self.sys.eprint(status).await;
                }
                Woke::Signal(_) => self.exiting = true,
                Woke::Timeout => {}
            }
        }
        let now = self.sys.now().await;
        self.exiting |= self.alarm.is_some_and(|alarm| alarm <= now);
    }

    /// Everything that has come: errors first, as the kernel hands them out. Whether there was anything.
    async fn read_all(&mut self) -> bool {
        for count in 0..READ_AT_ONCE {
            if self.read_error().await == Queued::Nothing {
                match self.socket.call(|net, id| net.recv_from(id)).await {
                    Ok(datagram) => self.read(datagram).await,
                    Err(Errno::EAGAIN) => return count > 0,
                    // The error that goes with an entry of the queue.
                    Err(_) => {}
                }
            }
            if self.counted.in_flight() == 0 {
                return true;
            }
        }
        true
    }

    /// Tells one entry of the error queue.
    async fn read_error(&mut self) -> Queued {
        let Ok(error) = self.socket.call(|net, id| net.recv_error(id)).await else { return Queued::Nothing };
        // The socket's own error goes with the entry.
        self.socket.call(|net, id| net.take_error(id)).await.ok();
        match error.offender {
            Some(offender) => return self.read_icmp_error(&error, offender).await,
            None if self.options.quiet => {}
            None => {
                self.counted.errors += 1;
                let text = match error.errno {
                    Errno::EMSGSIZE if self.target.is_ipv4() => {
                        format!("message too long, mtu={}", error.info)
                    }
                    Errno::EMSGSIZE => format!("message too long, mtu: {}", error.info),
                    errno => errno.text().to_owned(),
                };
                match self.options.flood {
                    true => self.sys.print("E").await,
                    false => self.sys.eprint(format!("{}: local error: {text}\n", self.program)).await,
                }
            }
        }
        Queued::Local
    }

    async fn read_icmp_error(&mut self, error: &ReceivedError, offender: IpAddr) -> Queued {
        let Some(echo) = Echo::read(&error.payload) else { return Queued::Foreign };
        let ours = matches!(echo.kind, icmp::ECHO | icmp::ECHO6) && echo.ident == self.ident;
        if !ours || error.destination.ip() != self.target.ip() {
            return Queued::Foreign;
        }
        if self.target.is_ipv4() {
            self.counted.acknowledge(echo.sequence);
        }
        self.counted.errors += 1;
        if self.options.quiet {
            return Queued::Icmp;
        }
        if self.options.flood {
            self.sys.print("\u{8}E").await;
            return Queued::Icmp;
        }
        let text = match self.target.is_ipv4() {
            true => icmp::text(error.icmp_type, error.icmp_code, error.info),
            false => icmp::text6(error.icmp_type, error.icmp_code, error.info),
        };
        let (stamp, from) = (self.stamp().await, self.shown(offender).await);
        self.sys.print(format!("{stamp}From {from} icmp_seq={} {text}\n", echo.sequence)).await;
        Queued::Icmp
    }

    async fn read(&mut self, datagram: Datagram) {
        let message = match self.target.is_ipv4() {
            true => icmp::behind_ip(&datagram.bytes),
            false => Some(datagram.bytes.as_slice()),
        };
        let Some(message) = message else { return };
        let Some(echo) = Echo::read(message) else { return };
        match echo.kind {
            icmp::ECHO_REPLY | icmp::ECHO_REPLY6 if echo.ident == self.ident => {
                self.read_reply(echo, message, &datagram).await;
            }
            icmp::REDIRECT | icmp::QUENCH if self.target.is_ipv4() => {
                self.read_hint(message, &datagram).await
            }
            _ => {}
        }
    }

    /// A redirect, or a source quench: told, but no error.
    async fn read_hint(&self, message: &[u8], datagram: &Datagram) {
        let Some(inner) = message.get(8..).and_then(icmp::behind_ip).and_then(Echo::read) else { return };
        let asked = message.get(24..28).is_some_and(|address| match self.target.ip() {
            IpAddr::V4(v4) => v4.octets() == *address,
            IpAddr::V6(_) => false,
        });
        if inner.kind != icmp::ECHO || inner.ident != self.ident || !asked {
            return;
        }
        if self.options.quiet || self.options.flood {
            return;
        }
        let gateway = u32::from_be_bytes([message[4], message[5], message[6], message[7]]);
        let (stamp, from) = (self.stamp().await, self.shown(datagram.from.ip()).await);
        let text = icmp::text(message[0], message[1], gateway);
        self.sys.print(format!("{stamp}From {from}: icmp_seq={} {text}\n", inner.sequence)).await;
    }

    async fn read_reply(&mut self, echo: Echo, message: &[u8], datagram: &Datagram) {
        let other = !self.multicast && datagram.from.ip() != self.target.ip();
        let from = self.shown(datagram.from.ip()).await;
        let trip = self.trip(message, datagram).await;
        let answer = self.counted.gather(echo.sequence, trip);
        if self.options.adaptive && trip.is_some() {
            self.interval_ms = (self.counted.average8 / 8 + 500) / 1000;
        }
        if self.options.quiet {
            return;
        }
        if self.options.flood {
            return self.sys.print("\u{8} \u{8}").await;
        }
        let mut line = format!("{}{} bytes from {from}:", self.stamp().await, message.len());
        line += &format!(" icmp_seq={}", echo.sequence);
        if self.options.verbose {
            line += &format!(" ident={}", self.ident);
        }
        line += &format!(" ttl={}", datagram.ttl);
        if message.len() < self.options.data_bytes + 8 {
            return self.sys.print(line + " (truncated)\n").await;
        }
        if self.timed() {
            line += &format!(" time={} ms", trip_text(answer.trip_us));
        }
        if answer.duplicate && (!self.multicast || self.options.verbose) {
            line += " (DUP!)";
        }
        if other {
            line += " (DIFFERENT ADDRESS!)";
        }
        if self.options.audible {
            line.push('\u{7}');
        }
        self.sys.print(line + "\n").await;
    }

    /// From the stamp that went out to the arrival.
    async fn trip(&self, message: &[u8], datagram: &Datagram) -> Option<Duration> {
        let at = datagram.at;
        let arrived = self.sys.ask(move |system: &mut System, _: ProcessId| system.realtime(at)).await;
        let eight = |from: usize| Some(u64::from_le_bytes(message.get(from..from + 8)?.try_into().ok()?));
        let (seconds, micros) = (eight(8)?, eight(16)?);
        let stamp = Duration::from_secs(seconds).checked_add(Duration::from_micros(micros))?;
        let arrived = Duration::from_micros(arrived.as_micros() as u64);
        self.timed().then(|| arrived.saturating_sub(stamp))
    }

    /// An address, with its name where there is one and names are wanted.
    async fn shown(&self, address: IpAddr) -> String {
        let name = match self.options.numeric || self.exiting {
            true => None,
            false => resolver::name_of(&self.sys, address).await,
        };
        name.map_or_else(|| address.to_string(), |name| format!("{name} ({address})"))
    }

    /// `-D`
    async fn stamp(&self) -> String {
        if !self.options.timestamp {
            return String::new();
        }
        let now = self.sys.realtime().await;
        format!("[{}.{:06}] ", now.as_secs(), now.subsec_micros())
    }

    /// Which ICMP messages the raw socket takes: replies, errors, hints.
    pub async fn filter(&self) {
        if self.target.is_ipv4() {
            use icmp::{ECHO_REPLY, EXCEEDED, PARAMETER, QUENCH, REDIRECT, UNREACHABLE};
            let wanted = [ECHO_REPLY, UNREACHABLE, QUENCH, REDIRECT, EXCEEDED, PARAMETER];
            let mask = !wanted.iter().fold(0_u32, |mask, kind| mask | 1 << kind);
            self.socket.set(SocketOption::IcmpFilter(mask)).await.ok();
        }
    }
}
