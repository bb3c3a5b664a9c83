//! Probes and their answers.
//!
//! Always: a probe is a whole Ethernet frame with an ARP packet of RFC 826 in it.

use super::Asked;
use crate::signal::Signal;
use crate::sys::{Sys, Woke};
use api::DeviceId;
use net::socket::{Frame, FrameKind};
use net::{Mac, SocketKind};
use sim::Instant;
use std::net::Ipv4Addr;
use std::time::Duration;

const ETHERTYPE: u16 = 0x0806;
/// Ethernet, IPv4, six and four bytes.
const KIND: [u8; 6] = [0, 1, 8, 0, 6, 4];
const REQUEST: u16 = 1;
const REPLY: u16 = 2;
const ETHERNET: usize = 14;
const PACKET: usize = 28;

/// What an ARP packet says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Arp {
    operation: u16,
    sender: Mac,
    source: Ipv4Addr,
    target: Mac,
    destination: Ipv4Addr,
}

impl Arp {
    fn frame(self, to: Mac) -> Vec<u8> {
        let mut frame = Vec::with_capacity(ETHERNET + PACKET);
        frame.extend(to.0);
        frame.extend(self.sender.0);
        frame.extend(ETHERTYPE.to_be_bytes());
        frame.extend(KIND);
        frame.extend(self.operation.to_be_bytes());
        frame.extend(self.sender.0);
        frame.extend(self.source.octets());
        frame.extend(self.target.0);
        frame.extend(self.destination.octets());
        frame
    }

    /// What a frame says, where it is ARP of IPv4 over Ethernet.
    fn read(frame: &[u8]) -> Option<Arp> {
        let packet = frame.get(ETHERNET..ETHERNET + PACKET)?;
        let operation = u16::from_be_bytes([packet[6], packet[7]]);
        if packet[..6] != KIND || !matches!(operation, REQUEST | REPLY) {
            return None;
        }
        let ip = |at: usize| Ipv4Addr::new(packet[at], packet[at + 1], packet[at + 2], packet[at + 3]);
        Some(Arp {
            operation,
            sender: Mac::from_slice(&packet[8..14]),
            source: ip(14),
            target: Mac::from_slice(&packet[18..24]),
            destination: ip(24),
        })
    }
}

/// `02:00:00:00:00:0B`
fn capital(mac: Mac) -> String {
    mac.0.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":")
}

/// A run of probes under way.
#[derive(Debug)]
pub struct Exchange {
    asked: Asked,
    device: DeviceId,
    me: Mac,
    /// Whom the next probe goes to.
    he: Mac,
    source: Ipv4Addr,
    target: Ipv4Addr,
    last: Option<Instant>,
    unicasting: bool,
    sent: i32,
    broadcast_sent: i32,
    received: i32,
    broadcasts: i32,
    requests: i32,
}

impl Exchange {
    pub fn new(
        asked: Asked,
        device: DeviceId,
        me: Mac,
        he: Mac,
        source: Ipv4Addr,
        target: Ipv4Addr,
    ) -> Exchange {
        Exchange {
            asked,
            device,
            me,
            he,
            source,
            target,
            last: None,
            unicasting: false,
            sent: 0,
            broadcast_sent: 0,
            received: 0,
            broadcasts: 0,
            requests: 0,
        }
    }

    fn probe(&self) -> Vec<u8> {
        let (operation, target) = match self.asked.answer {
            true => (REPLY, self.me),
            false => (REQUEST, self.he),
        };
        let (sender, source, destination) = (self.me, self.source, self.target);
        Arp { operation, sender, source, target, destination }.frame(self.he)
    }

    /// Until enough was sent, enough came, the time is up or a signal comes.
    pub async fn run(mut self, sys: &Sys) -> u8 {
        for signal in [Signal::Int, Signal::Quit, Signal::Term] {
            sys.catch(signal).await;
        }
        let kind = SocketKind::Packet { device: Some(self.device), protocol: ETHERTYPE };
        let socket = match sys.socket_capable(kind).await {
            Ok(socket) => socket,
            Err(errno) => {
                sys.eprint(format!("arping: socket: {errno}\n")).await;
                return 2;
            }
        };
        let start = sys.now().await;
        let end = (self.asked.timeout > 0).then(|| start + Duration::from_secs(self.asked.timeout as u64));
        // An interval of nothing never comes round: a timer without a value is off.
        let interval = Duration::from_secs(self.asked.interval as u64);
        let mut due = (!interval.is_zero()).then(|| start + interval);
        self.send(sys, &socket).await;
        let mut status = 0;
        loop {
            match socket.call(|net, id| net.recv_frame(id)).await {
                Ok(frame) => {
                    if self.take(sys, &frame).await {
                        break;
                    }
                    continue;
                }
                Err(net::Errno::EAGAIN) => {}
                Err(errno) => {
                    sys.eprint(format!("arping: recvfrom: {errno}\n")).await;
                    if errno != net::Errno::ENETDOWN {
                        break;
                    }
                    status |= 2;
                    continue;
                }
            }
            let deadline = [due, end].into_iter().flatten().min();
            match sys.wait(&[socket.wait_on()], deadline).await {
                Woke::Ready(_) => {}
                Woke::Signal(_) => break,
                Woke::Timeout if end == deadline && due != deadline => break,
                Woke::Timeout => {
                    if self.asked.count.is_some_and(|count| self.sent >= count) {
                        break;
                    }
                    self.send(sys, &socket).await;
                    due = due.map(|due| due + interval);
                    if end.is_some() && end == deadline {
                        break;
                    }
                }
            }
        }
        status | self.finish(sys).await
    }

    async fn send(&mut self, sys: &Sys, socket: &crate::socket::Socket) {
        let (device, frame) = (self.device, self.probe());
        let now = sys.now().await;
        if socket.call(move |net, id| net.send_frame(id, device, &frame)).await.is_ok() {
            self.last = Some(now);
            self.sent += 1;
            self.broadcast_sent += i32::from(!self.unicasting);
        }
    }

    fn is_for_us(&self, arp: &Arp) -> bool {
        if arp.source != self.target {
            return false;
        }
        match self.asked.duplicates {
            false => arp.destination == self.source && arp.target == self.me,
            true => arp.sender != self.me && (self.source.is_unspecified() || self.source == arp.destination),
        }
    }

    /// True where nothing more is to be waited for.
    async fn take(&mut self, sys: &Sys, frame: &Frame) -> bool {
        if matches!(frame.kind, FrameKind::OtherHost | FrameKind::Outgoing) {
            return false;
        }
        let Some(arp) = Arp::read(&frame.bytes).filter(|arp| self.is_for_us(arp)) else { return false };
        if !self.asked.quiet {
            sys.print(self.line(&arp, frame)).await;
        }
        self.received += 1;
        if self.asked.timeout > 0 && Some(self.received) == self.asked.count {
            return true;
        }
        self.broadcasts += i32::from(frame.kind != FrameKind::Host);
        self.requests += i32::from(arp.operation == REQUEST);
        if self.asked.quit_on_reply {
            return true;
        }
        if !self.asked.broadcast_only {
            (self.he, self.unicasting) = (arp.sender, true);
        }
        false
    }

    fn line(&self, arp: &Arp, frame: &Frame) -> String {
        let cast = if frame.kind == FrameKind::Host { "Unicast" } else { "Broadcast" };
        let what = if arp.operation == REPLY { "reply" } else { "request" };
        let mut out = format!("{cast} {what} from {} [{}] ", arp.source, capital(arp.sender));
        let other = arp.destination != self.source;
        if other {
            out += &format!("for {} ", arp.destination);
        }
        if arp.target != self.me {
            out += if other { "" } else { "for " };
            out += &format!("[{}]", capital(arp.target));
        }
        match self.last {
            None => out + " UNSOLICITED?\n",
            Some(last) => {
                let nanos = frame.at.since(last).as_nanos() as i64;
                let micros = (nanos + 500) / 1000;
                let millis = (micros + 500) / 1000;
                // The real one's arithmetic: the rest is counted from half a millisecond.
                out + &format!(" {millis}.{:03}ms\n", micros - (millis * 1000 - 500))
            }
        }
    }

    async fn finish(&self, sys: &Sys) -> u8 {
        if !self.asked.quiet {
            let mut out = format!("Sent {} probes ({} broadcast(s))\n", self.sent, self.broadcast_sent);
            out += &format!("Received {} response(s)", self.received);
            let requests = format!("{} request(s)", self.requests);
            let broadcasts = format!("{} broadcast(s)", self.broadcasts);
            let kinds = [(self.requests, requests), (self.broadcasts, broadcasts)];
            let kinds: Vec<String> =
                kinds.into_iter().filter(|(number, _)| *number > 0).map(|(_, text)| text).collect();
            if !kinds.is_empty() {
                out += &format!(" ({})", kinds.join(", "));
            }
            sys.print(out + "\n").await;
        }
        let nothing = self.received == 0;
        let (first, second) = match (self.asked.unsolicited, self.asked.duplicates) {
            (true, true) => (!nothing, false),
            (true, false) => (false, false),
            (false, true) => (!nothing, self.broadcast_sent == self.received),
            (false, false) if self.asked.timeout > 0 && self.asked.count.is_none() => (nothing, nothing),
            (false, false) => (nothing, self.sent != self.received),
        };
        u8::from(first || second)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probe_reads_back_as_what_it_says() {
        let arp = Arp {
            operation: REQUEST,
            sender: Mac([2, 0, 0, 0, 0, 0x0a]),
            source: Ipv4Addr::new(10, 0, 0, 1),
            target: Mac([0xff; 6]),
            destination: Ipv4Addr::new(10, 0, 0, 2),
        };
        let frame = arp.frame(Mac([0xff; 6]));
        assert_eq!(frame.len(), 42);
        assert_eq!(Arp::read(&frame), Some(arp));
        assert_eq!(Arp::read(&frame[..41]), None);
        assert_eq!(capital(arp.sender), "02:00:00:00:00:0A");
    }
}
