//! Listening sockets: the half-open connections and those that wait for `accept`.
//!
//! Always: a connection stands in one listener's books, from its SYN to `accept`; the backlog bounds both kinds.
//! Differs from Linux: no SYN cookies, so a full backlog drops SYNs (TCP_LISTEN_OVERFLOW).
//! Sources: listen(2); net/ipv4/inet_connection_sock.c, tcp_minisocks.c; sysctl net.core.somaxconn.

use super::connection::Connection;
use super::{ConnectionId, Filed, Flow, TcpState, first_syn};
use crate::socket::header::Ipv4;
use crate::socket::{Delivery, SocketId};
use crate::{Network, Packet};
use api::{DeviceId, DropReason};
use std::collections::{BTreeSet, VecDeque};
use std::net::IpAddr;

use super::segment::{RST, Segment};

#[derive(Debug, Default)]
pub(crate) struct Listener {
    pub backlog: u32,
    pub half_open: BTreeSet<ConnectionId>,
    pub established: VecDeque<ConnectionId>,
}

impl Listener {
    /// Linux lets one more in than was asked for.
    fn full(&self) -> bool {
        self.established.len() as u64 > u64::from(self.backlog)
    }
}

impl Network {
    /// The listener for a new flow: by address, then device; among equals the newest.
    pub(super) fn tcp_listener(&self, flow: Flow, device: Option<DeviceId>) -> Option<SocketId> {
        let listeners = self.sockets.space(flow.ns)?.listeners.get(&flow.local.port())?;
        let score = |id: &SocketId| {
            let socket = self.sockets.get(*id).ok()?;
            let any = socket.local.ip().is_unspecified();
            let fits = match socket.local.ip() {
                IpAddr::V6(_) => any && !socket.options.v6_only,
                address => any || address == flow.local.ip(),
            };
            let on_device = socket.options.device.is_none_or(|on| device == Some(on));
            (fits && on_device).then(|| {
                let family = if socket.v6() { 1 } else { 2 };
                family + if any { 0 } else { 4 } + if socket.options.device.is_some() { 4 } else { 0 }
            })
        };
        let scored: Vec<(u32, SocketId)> =
            listeners.iter().filter_map(|id| Some((score(id)?, *id))).collect();
        let best = scored.iter().map(|(score, _)| *score).max()?;
        let equal: Vec<SocketId> =
            scored.into_iter().filter(|(score, _)| *score == best).map(|(_, id)| id).collect();
        let shared =
            equal.len() > 1 && self.sockets.get(equal[0]).is_ok_and(|socket| socket.options.reuse_port);
        let which = if shared { crate::hash::hash_of(&flow) % equal.len() as u64 } else { 0 };
        equal.get(which as usize).copied()
    }

    /// A segment for a listener: a SYN begins a connection, anything else is refused.
    pub(super) fn tcp_syn(
        &mut self,
        listener: SocketId,
        flow: Flow,
        packet: &mut Packet,
        at: usize,
        segment: &Segment,
    ) -> Delivery {
        if !first_syn(segment) || !segment.flags_make_sense() {
            if let Some(ip) = Ipv4::parse(packet.data()).filter(|_| !segment.has(RST)) {
                let (ends, tos) = ((ip.src, ip.dst), ip.tos);
                self.tcp_refuse(flow.ns, ends, tos, segment);
            }
            return Delivery::Dropped(DropReason::NoSocket);
        }
        let Ok(TcpState::Listener(books)) = self.tcp_state(listener) else {
            return Delivery::Dropped(DropReason::NoSocket);
        };
        let crowded = books.full() || books.half_open.len() as u64 > u64::from(books.backlog.max(8));
        if crowded {
            return Delivery::Dropped(DropReason::TcpListenOverflow);
        }
        let Ok(socket) = self.sockets.get(listener) else { return Delivery::Dropped(DropReason::NoSocket) };
        let Ok(way) = self.flow_way(&flow, &socket.options) else {
            return Delivery::Dropped(DropReason::IpOutNoRoutes);
        };
        let (options, owner, random) = (socket.options.clone(), socket.owner.clone(), self.tcp_random(&flow));
        let ttl = options.ttl.unwrap_or_else(|| self.default_ttl(flow.ns));
        let engine = self.sockets.tcp.engine();
        let mut connection = Connection::new(flow, engine, &options, owner, way.mtu, random);
        connection.ttl = ttl;
        connection.listener = Some(listener);
        connection.agreed.timestamps = segment.timestamps.is_some();
        if !connection.listen() {
            return Delivery::Dropped(DropReason::NoSocket);
        }
        let id = self.sockets.tcp.connections.insert(connection);
        self.sockets.tcp.flows.insert(flow, Filed::Connection(id));
        if let Ok(TcpState::Listener(books)) = self.tcp_state_mut(listener) {
            books.half_open.insert(id);
        }
        self.tcp_drive(id, |connection, now, stack, outbox| {
            connection.receive(now, stack, packet.data_mut(), at, segment, outbox);
            connection.transmit(now, stack, outbox);
        });
        Delivery::Delivered(listener)
    }

    /// Has the listener no room for one more established connection? Then the last ACK is not looked at, and comes again.
    pub(super) fn tcp_accept_full(&self, listener: Option<SocketId>) -> bool {
        let Some(Ok(TcpState::Listener(books))) = listener.map(|id| self.tcp_state(id)) else { return false };
        books.full()
    }

    /// The handshake is complete: `accept` may have it.
    pub(super) fn tcp_established(&mut self, listener: SocketId, id: ConnectionId) {
        let inode = self.sockets.new_inode();
        if let Some(connection) = self.sockets.tcp.connections.get_mut(id) {
            connection.inode = inode;
        }
        if let Ok(TcpState::Listener(books)) = self.tcp_state_mut(listener) {
            books.half_open.remove(&id);
            books.established.push_back(id);
            self.sockets.wake(listener);
        }
    }

    pub(super) fn tcp_leave_backlog(&mut self, listener: SocketId, id: ConnectionId) {
        if let Ok(TcpState::Listener(books)) = self.tcp_state_mut(listener) {
            books.half_open.remove(&id);
            books.established.retain(|waiting| *waiting != id);
        }
    }

    /// The listener closes: those who were not accepted are reset.
    pub(super) fn tcp_close_listener(&mut self, books: Listener) {
        for id in books.established {
            if let Some(connection) = self.sockets.tcp.connections.get_mut(id) {
                connection.listener = None;
                connection.engine.socket_mut().abort();
            }
            self.tcp_drive(id, |connection, now, stack, outbox| connection.transmit(now, stack, outbox));
            self.tcp_forget(id);
        }
        for id in books.half_open {
            self.tcp_forget(id);
        }
    }
}
