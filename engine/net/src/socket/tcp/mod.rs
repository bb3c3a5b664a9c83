//! TCP sockets: listeners, connections, TIME-WAIT, and which segment is whose.
//!
//! Called by `socket/mod.rs` (programs), [`Network::deliver`] (segments) and the event queue (timers).
//! Always: a flow (namespace and both ends) is filed once, as a connection or as a TIME-WAIT; a connection without a
//! program lives until both sides are done; what is sent goes out after all tables are in order again, so that a
//! segment to this very machine may come back at once.
//! Differs from Linux: no SYN cookies (a full backlog drops), no fast open, no MD5 or AO; IPv4 only so far.
//! Sources: RFC 9293; net/ipv4/tcp_ipv4.c, tcp_minisocks.c, inet_connection_sock.c.

mod call;
mod congestion;
mod connection;
mod dress;
mod engine;
mod info;
mod listener;
mod output;
mod rto;
mod segment;
mod table;
mod time_wait;
mod timer;

use self::connection::Connection;
use self::dress::whole;
use self::engine::{Outbox, Stack};
use self::listener::Listener;
use self::output::{Sender, Sent};
use self::segment::{ACK, RST, SYN, Segment};
pub(crate) use self::table::{ConnectionId, Tcp};
use self::table::{Filed, POOL};
use self::time_wait::{Outcome, TimeWait};
use super::error::IcmpError;
use super::header::{Ipv4, TCP_PROTOCOL};
use super::table::Body;
use super::{Delivery, Owner, SocketId};
use crate::ip::header::transport_checksum;
use crate::network::Event;
use crate::{Errno, Network, Packet};
use api::{DropReason, NetnsId};
use sim::Instant;
use smoltcp::socket::tcp::State;
use std::net::{Ipv4Addr, SocketAddr};

/// Both ends of a connection, as seen from here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Flow {
    pub ns: NetnsId,
    pub local: SocketAddr,
    pub remote: SocketAddr,
}

/// What a program could notice of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Glance {
    state: State,
    readable: usize,
    writable: bool,
    fin: bool,
}

impl Glance {
    fn of(connection: &Connection) -> Glance {
        Glance {
            state: connection.state(),
            readable: connection.engine.socket().recv_queue(),
            writable: connection.writable(),
            fin: connection.fin_received,
        }
    }
}

/// What a TCP socket of a program is.
#[derive(Debug, Default)]
pub(crate) enum TcpState {
    #[default]
    Closed,
    Listener(Listener),
    Connection(ConnectionId),
}

impl TcpState {
    pub fn is_listener(&self) -> bool {
        matches!(self, TcpState::Listener(_))
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum TcpEvent {
    Timer(ConnectionId),
    /// The oldest TIME-WAIT may be over.
    TimeWait,
}

impl Network {
    pub(crate) fn tcp_event(&mut self, event: TcpEvent) {
        match event {
            TcpEvent::Timer(id) => self.tcp_timer(id),
            TcpEvent::TimeWait => self.tcp_expire_time_waits(),
        }
    }

    /// A segment for this machine.
    pub(super) fn tcp_deliver(&mut self, ns: NetnsId, packet: &mut Packet) -> Delivery {
        let Some(ip) = Ipv4::parse(packet.data()) else { return Delivery::Dropped(DropReason::IpInHdr) };
        let (src, dst, tos) = (ip.src, ip.dst, ip.tos);
        let at = usize::from(packet.data()[0] & 0xf) * 4;
        let Some(segment) = Segment::parse(ip.payload) else {
            return Delivery::Dropped(DropReason::PktTooSmall);
        };
        if packet.sound == 0 && transport_checksum(src, dst, TCP_PROTOCOL, ip.payload) != [0, 0] {
            return Delivery::Dropped(DropReason::TcpCsum);
        }
        if self.is_for_many(ns, dst, packet) || segment.src_port == 0 {
            return Delivery::Dropped(DropReason::NoSocket);
        }
        let flow = Flow {
            ns,
            local: SocketAddr::new(dst.into(), segment.dst_port),
            remote: SocketAddr::new(src.into(), segment.src_port),
        };
        match self.sockets.tcp.flows.get(&flow).copied() {
            Some(Filed::Connection(id)) => self.tcp_segment(id, packet, at, &segment),
            Some(Filed::TimeWait(number)) => self.tcp_time_wait_segment(number, packet, at, &segment),
            None => match self.tcp_listener(flow, packet.device) {
                Some(listener) => self.tcp_syn(listener, flow, packet, at, &segment),
                None => {
                    self.tcp_refuse(ns, (src, dst), tos, &segment);
                    Delivery::Dropped(DropReason::NoSocket)
                }
            },
        }
    }

    /// Nobody is there: a reset tells the sender.
    fn tcp_refuse(&mut self, ns: NetnsId, (src, dst): (Ipv4Addr, Ipv4Addr), tos: u8, segment: &Segment) {
        if segment.has(RST) {
            return;
        }
        let mut answer = Segment {
            src_port: segment.dst_port,
            dst_port: segment.src_port,
            flags: RST,
            ..Segment::default()
        };
        match segment.has(ACK) {
            true => answer.seq = segment.ack,
            false => {
                answer.flags |= ACK;
                answer.ack = segment.end();
            }
        }
        let ttl = self.default_ttl(ns);
        let packet = whole(dst, src, ttl, tos, 0, &answer, &[]);
        self.tcp_output(&Sender::kernel(ns, 0), Sent { packet, again_after: None });
    }

    /// Runs `act` on a connection with its stack, then sends what came of it and tells the program.
    fn tcp_drive(
        &mut self,
        id: ConnectionId,
        act: impl FnOnce(&mut Connection, Instant, &mut Stack, &mut Outbox),
    ) {
        let (now, seed) = (self.now, self.seed);
        let tcp = &mut self.sockets.tcp;
        let Some(connection) = tcp.connections.get_mut(id) else { return };
        let key = (connection.flow.ns, connection.stack_mtu());
        let stack = tcp.stacks.entry(key).or_insert_with(|| Stack::new(seed, key.0, key.1 as usize));
        let before = Glance::of(connection);
        let mut outbox = std::mem::take(&mut tcp.outbox);
        act(connection, now, stack, &mut outbox);
        let packets: Vec<Sent> = outbox.packets().filter_map(|raw| connection.dress(now, raw)).collect();
        outbox.clear();
        connection.arm(now);
        let sender = Sender::of(connection, self.trace.on);
        self.sockets.tcp.outbox = outbox;
        self.tcp_settle(id, before);
        packets.into_iter().for_each(|sent| self.tcp_output(&sender, sent));
        self.tcp_schedule(id);
    }

    /// A segment of a connection we know.
    fn tcp_segment(
        &mut self,
        id: ConnectionId,
        packet: &mut Packet,
        at: usize,
        segment: &Segment,
    ) -> Delivery {
        if !segment.flags_make_sense() {
            return Delivery::Dropped(DropReason::TcpFlags);
        }
        let Some(connection) = self.sockets.tcp.connections.get(id) else {
            return Delivery::Dropped(DropReason::NoSocket);
        };
        let (state, socket, listener) = (connection.state(), connection.socket, connection.listener);
        let orphan = socket.is_none() && listener.is_none();
        if state == State::SynReceived && segment.has(ACK) && self.tcp_accept_full(listener) {
            return Delivery::Dropped(DropReason::TcpListenOverflow);
        }
        let closing = matches!(state, State::FinWait1 | State::FinWait2);
        if orphan && closing && segment.payload > 0 {
            // Data that nobody will ever read.
            self.tcp_reset(id, segment);
            return Delivery::Consumed("tcp");
        }
        let reset = segment.has(RST);
        let had_fin = connection.fin_received;
        self.tcp_drive(id, |connection, now, stack, outbox| {
            connection.receive(now, stack, packet.data_mut(), at, segment, outbox);
            let fin = connection.fin_received && !had_fin;
            let idle = connection.engine.socket().send_queue() == 0 && connection.socket.is_some();
            if fin && idle && connection.state() == State::CloseWait {
                connection.enter_ping_pong();
                connection.deadlines.fin_ack = Some(now + connection::DELAYED_ACK);
            } else if !idle || connection.deadlines.fin_ack.is_none() {
                connection.transmit(now, stack, outbox);
            }
            if segment.payload > 0 && connection.is_interactive() {
                connection.deadlines.delayed_ack = Some(now + connection::DELAYED_ACK);
            }
        });
        let ended =
            self.sockets.tcp.connections.get(id).is_none_or(|connection| connection.state() == State::Closed);
        if reset && (ended || state == State::SynReceived) {
            self.tcp_end(id, Some(Connection::error_after_reset(state)));
        }
        match socket.or(listener) {
            Some(id) => Delivery::Delivered(id),
            None => Delivery::Consumed("tcp"),
        }
    }

    /// Follows a change of state: the backlog, TIME-WAIT, the end; and wakes the program.
    fn tcp_settle(&mut self, id: ConnectionId, glance: Glance) {
        let Some(connection) = self.sockets.tcp.connections.get(id) else { return };
        let changed = Glance::of(connection) != glance;
        let (before, after) = (glance.state, connection.state());
        let (socket, listener) = (connection.socket, connection.listener);
        if before == State::SynReceived && after != before && after != State::Closed && after != State::Listen
        {
            if let Some(listener) = listener {
                self.tcp_established(listener, id);
            }
        } else if after == State::TimeWait && before != after {
            self.tcp_begin_time_wait(id);
        } else if after == State::Closed && before == State::LastAck {
            self.tcp_end(id, None);
        }
        if let Some(socket) = socket.filter(|_| changed) {
            self.sockets.wake(socket);
        }
    }

    fn tcp_begin_time_wait(&mut self, id: ConnectionId) {
        let until = self.now + time_wait::LENGTH;
        let Some(connection) = self.sockets.tcp.connections.get_mut(id) else { return };
        let waiting = connection.time_wait(until);
        self.tcp_end(id, None);
        if self.sockets.tcp.time_waits.len() < time_wait::MOST {
            self.tcp_file_time_wait(waiting);
        }
    }

    /// Under the next number, as the one that ends last.
    fn tcp_file_time_wait(&mut self, waiting: TimeWait) {
        let tcp = &mut self.sockets.tcp;
        tcp.last_time_wait += 1;
        tcp.flows.insert(waiting.flow, Filed::TimeWait(tcp.last_time_wait));
        if !std::mem::replace(&mut tcp.time_wait_awaited, true) {
            self.queue.push(waiting.until, Event::Tcp(TcpEvent::TimeWait));
        }
        tcp.time_waits.insert(tcp.last_time_wait, waiting);
    }

    fn tcp_expire_time_waits(&mut self) {
        self.sockets.tcp.time_wait_awaited = false;
        while let Some((number, first)) = self.sockets.tcp.time_waits.first_key_value() {
            if first.until > self.now {
                self.queue.push(first.until, Event::Tcp(TcpEvent::TimeWait));
                self.sockets.tcp.time_wait_awaited = true;
                return;
            }
            let number = *number;
            self.tcp_end_time_wait(number);
        }
    }

    fn tcp_renew_time_wait(&mut self, number: u64) {
        if let Some(waiting) = self.sockets.tcp.time_waits.remove(&number) {
            self.tcp_file_time_wait(TimeWait { until: self.now + time_wait::LENGTH, ..waiting });
        }
    }

    fn tcp_end_time_wait(&mut self, number: u64) {
        if let Some(ended) = self.sockets.tcp.time_waits.remove(&number) {
            self.sockets.tcp.flows.remove(&ended.flow);
        }
    }

    fn tcp_time_wait_segment(
        &mut self,
        number: u64,
        packet: &mut Packet,
        at: usize,
        segment: &Segment,
    ) -> Delivery {
        let Some(waiting) = self.sockets.tcp.time_waits.get(&number) else {
            return Delivery::Dropped(DropReason::NoSocket);
        };
        let flow = waiting.flow;
        match waiting.receive(segment) {
            Outcome::Ignore => {}
            Outcome::Renew => self.tcp_renew_time_wait(number),
            Outcome::End => self.tcp_end_time_wait(number),
            Outcome::Acknowledge => {
                let answer = waiting.answer((self.now.nanos() / 1_000_000) as u32);
                let (mark, tos) = (waiting.mark, waiting.tos);
                if segment.has(ACK) {
                    self.tcp_renew_time_wait(number);
                }
                if let (std::net::IpAddr::V4(src), std::net::IpAddr::V4(dst)) =
                    (flow.local.ip(), flow.remote.ip())
                {
                    let ttl = self.default_ttl(flow.ns);
                    let packet = whole(src, dst, ttl, tos, 0, &answer, &[]);
                    self.tcp_output(&Sender::kernel(flow.ns, mark), Sent { packet, again_after: None });
                }
            }
            Outcome::Reopen => {
                if let Some(listener) = self.tcp_listener(flow, packet.device) {
                    self.tcp_end_time_wait(number);
                    return self.tcp_syn(listener, flow, packet, at, segment);
                }
            }
        }
        Delivery::Consumed("tcp")
    }

    /// The connection is over for the network: its ends are free again. A program may still read what came.
    fn tcp_end(&mut self, id: ConnectionId, errno: Option<Errno>) {
        let Some(connection) = self.sockets.tcp.connections.get_mut(id) else { return };
        let (flow, socket, listener) = (connection.flow, connection.socket, connection.listener);
        if std::mem::replace(&mut connection.linked, false) {
            self.sockets.tcp.flows.remove(&flow);
        }
        if let Some(listener) = listener {
            self.tcp_leave_backlog(listener, id);
        }
        match socket {
            Some(socket) => {
                if let Some(errno) = errno {
                    self.sockets.fail(socket, errno);
                }
                let Some(connection) = self.sockets.tcp.connections.get_mut(id) else { return };
                if errno.is_some() && !connection.ended() {
                    connection.engine.socket_mut().abort();
                }
                connection.arm(self.now);
                self.sockets.wake(socket);
            }
            None => self.tcp_forget(id),
        }
    }

    /// Removes a connection that no program holds.
    fn tcp_forget(&mut self, id: ConnectionId) {
        let Some(mut connection) = self.sockets.tcp.connections.remove(id) else { return };
        if connection.linked {
            self.sockets.tcp.flows.remove(&connection.flow);
        }
        if self.sockets.tcp.pool.len() < POOL {
            connection.engine.socket_mut().abort();
            self.sockets.tcp.pool.push(connection.engine);
        }
    }

    /// Answers a segment with a reset and ends the connection.
    fn tcp_reset(&mut self, id: ConnectionId, segment: &Segment) {
        let now = self.now;
        let Some(connection) = self.sockets.tcp.connections.get_mut(id) else { return };
        let seq = if segment.has(ACK) { segment.ack } else { connection.snd_nxt };
        let reset = connection.craft(now, RST, seq);
        let sender = Sender::of(connection, self.trace.on);
        reset.into_iter().for_each(|sent| self.tcp_output(&sender, sent));
        self.tcp_end(id, None);
    }

    /// An ICMP error about a segment of ours.
    pub(super) fn tcp_error(&mut self, ns: NetnsId, error: &IcmpError) {
        let inner: &Ipv4 = &error.inner;
        let Some((local, remote)) = super::header::ports(inner.payload) else { return };
        let flow = Flow {
            ns,
            local: SocketAddr::new(inner.src.into(), local),
            remote: SocketAddr::new(inner.dst.into(), remote),
        };
        let Some(Filed::Connection(id)) = self.sockets.tcp.flows.get(&flow).copied() else { return };
        let Some(connection) = self.sockets.tcp.connections.get_mut(id) else { return };
        let seq =
            inner.payload.get(4..8).map(|four| u32::from_be_bytes([four[0], four[1], four[2], four[3]]));
        let ours =
            seq.is_some_and(|seq| seq.wrapping_sub(connection.snd_una) <= connection.outstanding().max(1));
        if !ours {
            return;
        }
        if error.errno == Errno::EMSGSIZE {
            return self.tcp_mtu_changed(id);
        }
        if error.icmp_type == super::error::REDIRECT || error.icmp_type == super::error::SOURCE_QUENCH {
            return;
        }
        match connection.state() {
            State::SynSent | State::SynReceived => self.tcp_end(id, Some(error.errno)),
            _ => connection.soft_error = Some(error.errno),
        }
    }

    /// The path takes less than we sent: cut anew, and send again at once.
    fn tcp_mtu_changed(&mut self, id: ConnectionId) {
        let Some(connection) = self.sockets.tcp.connections.get(id) else { return };
        let Ok(way) = self.flow_way(&connection.flow, &connection.options) else { return };
        let Some(connection) = self.sockets.tcp.connections.get_mut(id) else { return };
        if way.mtu >= connection.mtu {
            return;
        }
        connection.set_mtu(way.mtu);
        connection.deadlines.retransmit = None;
        self.tcp_drive(id, |connection, now, stack, outbox| connection.send_again(now, stack, outbox));
    }

    /// A new connection's random numbers: timestamps' offset and first IP identification.
    fn tcp_random(&self, flow: &Flow) -> u64 {
        crate::hash::hash_of(&(self.seed, self.now.nanos(), flow))
    }
}

fn first_syn(segment: &Segment) -> bool {
    segment.has(SYN) && !segment.has(ACK | RST)
}

impl Body {
    pub(super) fn connection(&self) -> Option<ConnectionId> {
        match self {
            Body::Tcp(TcpState::Connection(id)) => Some(*id),
            _ => None,
        }
    }
}

/// The listener or connection behind a socket.
impl Network {
    fn tcp_state(&self, id: SocketId) -> Result<&TcpState, Errno> {
        match &self.sockets.get(id)?.body {
            Body::Tcp(state) => Ok(state),
            _ => Err(Errno::ENOTSOCK),
        }
    }

    fn tcp_state_mut(&mut self, id: SocketId) -> Result<&mut TcpState, Errno> {
        match &mut self.sockets.get_mut(id)?.body {
            Body::Tcp(state) => Ok(state),
            _ => Err(Errno::ENOTSOCK),
        }
    }
}

#[cfg(test)]
pub(super) fn describe(packet: &[u8]) -> String {
    let ip = Ipv4::parse(packet).expect("a packet");
    let segment = Segment::parse(ip.payload).expect("a segment");
    assert_eq!(transport_checksum(ip.src, ip.dst, TCP_PROTOCOL, ip.payload), [0, 0]);
    let names = [(SYN, 'S'), (segment::FIN, 'F'), (segment::PSH, 'P'), (RST, 'R'), (ACK, '.')];
    let flags: String = names.iter().filter(|(flag, _)| segment.has(*flag)).map(|(_, name)| *name).collect();
    format!("{} [{flags}] {} win {}", ip.src, segment.payload, segment.window)
}
