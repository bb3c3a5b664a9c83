//! Sockets: how a program sends and receives. The system calls are methods of [`Network`].
//!
//! Stands on top of the packet path: `path/local_in` calls [`Network::deliver`]; what a socket sends goes
//! to `path/local_out`. All calls are non-blocking (EAGAIN); a process that waits is told by [`Network::take_woken`].
//! Always: a closed id is EBADF for ever; readiness changes are reported once each, in order.

mod api;
mod datagram;
mod error;
mod header;
mod icmp;
mod info;
mod option;
mod packet;
mod port;
mod raw;
mod route;
mod table;
mod tcp;
#[cfg(test)]
mod tests;
mod udp;

pub use self::api::*;
pub(crate) use self::table::Sockets;
pub(crate) use self::tcp::TcpEvent;

use self::header::{ICMP_PROTOCOL, Ipv4, TCP_PROTOCOL, UDP_PROTOCOL};
use self::table::Body;
use crate::{Errno, Network, Packet};
use ::api::{DeviceId, DropReason, JourneyId, NetnsId};
use std::net::{IpAddr, SocketAddr};

const PROTOCOL_UNREACHABLE: u8 = 2;

/// What became of a packet for this machine.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// A socket took it.
    Delivered(SocketId),
    /// The kernel took it (a segment of a connection that no program holds any more).
    Consumed(&'static str),
    Dropped(DropReason),
    /// Dropped, and the sender is to be told by ICMP destination unreachable of that code.
    Unreachable {
        code: u8,
        reason: DropReason,
    },
}

/// Socket calls of a program. `id` of a closed socket is EBADF in all of them.
impl Network {
    pub fn socket(&mut self, ns: NetnsId, kind: SocketKind, owner: Owner) -> Result<SocketId, Errno> {
        match kind {
            SocketKind::Icmp => self.ping_allowed(ns, owner.gid)?,
            SocketKind::Raw { .. } | SocketKind::Packet { .. } if owner.uid != 0 => return Err(Errno::EPERM),
            _ => {}
        }
        self.socket_capable(ns, kind, owner)
    }

    /// As [`Network::socket`], of a program whose file carries CAP_NET_RAW.
    pub fn socket_capable(&mut self, ns: NetnsId, kind: SocketKind, owner: Owner) -> Result<SocketId, Errno> {
        let body = match kind {
            SocketKind::Tcp => Body::Tcp(tcp::TcpState::default()),
            SocketKind::Packet { .. } => Body::Packet(packet::FrameQueue::default()),
            _ => Body::Datagram(datagram::Queue::default()),
        };
        let id = self.sockets.insert(ns, kind, owner, body)?;
        let space = self.sockets.spaces.entry(ns).or_default();
        match kind {
            SocketKind::Raw { .. } => drop(space.raw.insert(id)),
            SocketKind::Packet { .. } => {
                space.packet.insert(id);
                self.sockets.packets_open += 1;
            }
            _ => {}
        }
        Ok(id)
    }

    /// Port 0 takes a free port of `net.ipv4.ip_local_port_range`. An ICMP socket's port is its identifier.
    pub fn bind(&mut self, id: SocketId, local: SocketAddr) -> Result<(), Errno> {
        let socket = self.sockets.get(id)?;
        if let SocketKind::Packet { .. } = socket.kind {
            return Err(Errno::EINVAL);
        }
        let has_port = matches!(socket.kind, SocketKind::Tcp | SocketKind::Udp | SocketKind::Icmp);
        if has_port && socket.local.port() != 0 {
            return Err(Errno::EINVAL);
        }
        if !socket.options.transparent && !self.may_bind(socket.ns, local.ip()) {
            return Err(Errno::EADDRNOTAVAIL);
        }
        match socket.kind {
            SocketKind::Tcp => self.tcp_bind(id, local),
            SocketKind::Udp => {
                let port = self.claim_port(id, local)?;
                self.sockets.get_mut(id)?.port_bound = true;
                self.udp_set_local(id, SocketAddr::new(local.ip(), port))
            }
            SocketKind::Icmp => self.icmp_bind(id, local),
            _ => {
                self.sockets.get_mut(id)?.local = SocketAddr::new(local.ip(), 0);
                Ok(())
            }
        }
    }

    /// `backlog` is bounded by `net.core.somaxconn`.
    pub fn listen(&mut self, id: SocketId, backlog: u32) -> Result<(), Errno> {
        match self.sockets.get(id)?.kind {
            SocketKind::Tcp => self.tcp_listen(id, backlog),
            _ => Err(Errno::EOPNOTSUPP),
        }
    }

    /// The new socket belongs to the listener's owner.
    pub fn accept(&mut self, id: SocketId) -> Result<(SocketId, SocketAddr), Errno> {
        match self.sockets.get(id)?.kind {
            SocketKind::Tcp => self.tcp_accept(id),
            _ => Err(Errno::EOPNOTSUPP),
        }
    }

    /// TCP: EINPROGRESS; the socket becomes writable when connected, `take_error` says what went wrong.
    /// UDP: port 0 dissolves the association (AF_UNSPEC).
    pub fn connect(&mut self, id: SocketId, peer: SocketAddr) -> Result<(), Errno> {
        match self.sockets.get(id)?.kind {
            SocketKind::Tcp => self.tcp_connect(id, peer),
            SocketKind::Udp if peer.port() == 0 => self.udp_disconnect(id),
            SocketKind::Udp => self.udp_connect(id, peer),
            SocketKind::Packet { .. } => Err(Errno::EOPNOTSUPP),
            SocketKind::Icmp | SocketKind::Raw { .. } => {
                let way = self.socket_way(id, peer.ip(), None)?;
                self.way_allowed(id, &way)?;
                let socket = self.sockets.get_mut(id)?;
                socket.peer = Some(SocketAddr::new(peer.ip(), 0));
                if socket.local.ip().is_unspecified() {
                    socket.local.set_ip(way.source);
                }
                let local = socket.local;
                match socket.kind == SocketKind::Icmp && local.port() == 0 {
                    true => self.icmp_bind(id, local),
                    false => Ok(()),
                }
            }
        }
    }

    /// How many bytes were taken. TCP may take fewer than given.
    pub fn send(&mut self, id: SocketId, bytes: &[u8]) -> Result<usize, Errno> {
        let socket = self.sockets.get(id)?;
        match (&socket.body, socket.peer) {
            (Body::Tcp(_), _) => self.tcp_send(id, bytes),
            (_, Some(peer)) => self.send_to(id, bytes, peer),
            (_, None) => Err(Errno::EDESTADDRREQ),
        }
    }

    pub fn send_to(&mut self, id: SocketId, bytes: &[u8], to: SocketAddr) -> Result<usize, Errno> {
        let socket = self.sockets.get_mut(id)?;
        let kind = socket.kind;
        if kind == SocketKind::Tcp {
            return self.tcp_send(id, bytes);
        }
        if socket.shut_write {
            return Err(Errno::EPIPE);
        }
        if let Some(errno) = socket.error.take() {
            return Err(errno);
        }
        match kind {
            SocketKind::Udp => self.udp_send(id, bytes, to),
            SocketKind::Icmp => self.icmp_send(id, bytes, to.ip()),
            SocketKind::Raw { .. } => self.raw_send(id, bytes, to.ip()),
            SocketKind::Packet { .. } | SocketKind::Tcp => Err(Errno::EDESTADDRREQ),
        }
    }

    /// As [`Network::send_to`], from that address of this machine (IP_PKTINFO).
    pub fn send_from(
        &mut self,
        id: SocketId,
        bytes: &[u8],
        to: SocketAddr,
        source: IpAddr,
    ) -> Result<usize, Errno> {
        let socket = self.sockets.get_mut(id)?;
        let bound = socket.local;
        socket.local.set_ip(source);
        let sent = self.send_to(id, bytes, to);
        self.sockets.get_mut(id)?.local = bound;
        sent
    }

    /// Up to `max` bytes; of a stream, an empty answer is the end.
    pub fn recv(&mut self, id: SocketId, max: usize) -> Result<Vec<u8>, Errno> {
        match self.sockets.get(id)?.body {
            Body::Tcp(_) => self.tcp_recv(id, max),
            Body::Packet(_) => self.recv_frame(id).map(|frame| frame.bytes),
            Body::Datagram(_) => self.recv_from(id).map(|mut datagram| {
                datagram.bytes.truncate(max);
                datagram.bytes
            }),
        }
    }

    pub fn recv_from(&mut self, id: SocketId) -> Result<Datagram, Errno> {
        let socket = self.sockets.get_mut(id)?;
        if let Some(errno) = socket.error.take() {
            return Err(errno);
        }
        match &mut socket.body {
            Body::Datagram(queue) => queue.pop().ok_or(Errno::EAGAIN),
            _ => Err(Errno::EOPNOTSUPP),
        }
    }

    pub fn recv_frame(&mut self, id: SocketId) -> Result<Frame, Errno> {
        let socket = self.sockets.get_mut(id)?;
        if let Some(errno) = socket.error.take() {
            return Err(errno);
        }
        match &mut socket.body {
            Body::Packet(queue) => queue.pop().ok_or(Errno::EAGAIN),
            _ => Err(Errno::EOPNOTSUPP),
        }
    }

    /// The oldest entry of the error queue (MSG_ERRQUEUE); EAGAIN where it is empty.
    pub fn recv_error(&mut self, id: SocketId) -> Result<ReceivedError, Errno> {
        let socket = self.sockets.get_mut(id)?;
        let error = socket.errors.pop_front().ok_or(Errno::EAGAIN)?;
        // The next queued error stands for SO_ERROR now.
        socket.error = socket.errors.front().map(|next| next.errno);
        Ok(error)
    }

    /// ENOTCONN where nothing is connected.
    pub fn shutdown(&mut self, id: SocketId, how: Shutdown) -> Result<(), Errno> {
        let socket = self.sockets.get_mut(id)?;
        if let Body::Tcp(_) = socket.body {
            return self.tcp_shutdown(id, how);
        }
        if socket.peer.is_none() {
            return Err(Errno::ENOTCONN);
        }
        socket.shut_read |= how != Shutdown::Write;
        socket.shut_write |= how != Shutdown::Read;
        self.sockets.wake(id);
        Ok(())
    }

    /// A TCP connection goes on closing without its program.
    pub fn close(&mut self, id: SocketId) -> Result<(), Errno> {
        let socket = self.sockets.get(id)?;
        let (ns, port) = (socket.ns, socket.local.port());
        if let Body::Tcp(_) = socket.body {
            self.tcp_close(id);
        }
        self.sockets.remove(id)?;
        let space = self.sockets.spaces.entry(ns).or_default();
        space.raw.remove(&id);
        if space.packet.remove(&id) {
            self.sockets.packets_open -= 1;
        }
        if space.icmp.get(&port) == Some(&id) {
            space.icmp.remove(&port);
        }
        for holders in [&mut space.udp, &mut space.tcp] {
            if let Some(ids) = holders.get_mut(&port) {
                ids.remove(&id);
                if ids.is_empty() {
                    holders.remove(&port);
                }
            }
        }
        Ok(())
    }

    /// SO_ERROR: what went wrong since last asked.
    pub fn take_error(&mut self, id: SocketId) -> Result<Option<Errno>, Errno> {
        Ok(self.sockets.get_mut(id)?.error.take())
    }

    /// Unspecified address and port 0 before anything chose them.
    pub fn local_address(&self, id: SocketId) -> Result<SocketAddr, Errno> {
        Ok(self.sockets.get(id)?.local)
    }

    pub fn peer_address(&self, id: SocketId) -> Result<SocketAddr, Errno> {
        self.sockets.get(id)?.peer.ok_or(Errno::ENOTCONN)
    }

    /// SO_ORIGINAL_DST: where the client meant to go before REDIRECT or DNAT. ENOENT where conntrack knows no such flow.
    pub fn original_destination(&self, id: SocketId) -> Result<SocketAddr, Errno> {
        let socket = self.sockets.get(id)?;
        let peer = socket.peer.ok_or(Errno::ENOTCONN)?;
        self.flow_destination(socket.ns, peer, socket.local).ok_or(Errno::ENOENT)
    }

    /// IP_MTU of a connected socket.
    pub fn path_mtu(&self, id: SocketId) -> Result<u32, Errno> {
        let peer = self.peer_address(id)?;
        Ok(self.socket_way(id, peer.ip(), None)?.mtu)
    }

    pub fn readiness(&self, id: SocketId) -> Result<Readiness, Errno> {
        let socket = self.sockets.get(id)?;
        let error = socket.error.is_some() || !socket.errors.is_empty();
        let waiting = match &socket.body {
            Body::Tcp(_) => return self.tcp_readiness(id),
            Body::Datagram(queue) => !queue.is_empty(),
            Body::Packet(queue) => !queue.is_empty(),
        };
        Ok(Readiness {
            readable: waiting || socket.error.is_some() || socket.shut_read,
            writable: true,
            hangup: socket.shut_read && socket.shut_write,
            error,
        })
    }

    /// Sockets whose readiness changed since last asked, each once, in the order in which they changed.
    pub fn take_woken(&mut self) -> Vec<SocketId> {
        self.sockets.take_woken()
    }

    /// Frames a packet socket lost because its program was too slow, since last asked (PACKET_STATISTICS).
    pub fn take_packet_drops(&mut self, id: SocketId) -> Result<u32, Errno> {
        match &mut self.sockets.get_mut(id)?.body {
            Body::Packet(queue) => Ok(queue.take_drops()),
            _ => Err(Errno::ENOPROTOOPT),
        }
    }

    /// The process that holds a socket changed its name or handed it over (`fork`, `exec`).
    pub fn set_owner(&mut self, id: SocketId, owner: Owner) -> Result<(), Errno> {
        self.sockets.get_mut(id)?.owner = owner;
        Ok(())
    }

    /// The packet that this socket heard last; a listener's is that of the newest handshake.
    pub fn last_heard(&self, id: SocketId) -> Option<JourneyId> {
        self.sockets.get(id).ok()?.heard
    }

    /// What a TCP socket sends from now on is told as caused by that packet: a proxy speaks for whom it listens to.
    pub fn set_cause(&mut self, id: SocketId, cause: JourneyId) -> Result<(), Errno> {
        self.sockets.get_mut(id)?.options.cause = Some(cause);
        self.tcp_option_changed(id);
        Ok(())
    }

    /// The namespace a socket was made in: it stays there, wherever its process goes.
    pub fn socket_netns(&self, id: SocketId) -> Result<NetnsId, Errno> {
        Ok(self.sockets.get(id)?.ns)
    }
}

/// What the packet path calls.
impl Network {
    /// A whole packet for this machine, past INPUT: `data()` starts at its IP header. All protocols come here,
    /// ICMP too (raw and ping sockets; answering echo requests is the path's). It is copied where taken.
    pub(crate) fn deliver(&mut self, ns: NetnsId, packet: &mut Packet) -> Delivery {
        let Some(ip) = Ipv4::parse(packet.data()) else {
            return Delivery::Dropped(DropReason::UnhandledProto);
        };
        if ip.protocol == TCP_PROTOCOL {
            self.raw_deliver(ns, &ip, packet);
            let delivery = self.tcp_deliver(ns, packet);
            if let Delivery::Delivered(id) = delivery
                && let Ok(socket) = self.sockets.get_mut(id)
            {
                socket.heard = Some(packet.journey);
            }
            return delivery;
        }
        let raw = self.raw_deliver(ns, &ip, packet);
        let outcome = match ip.protocol {
            UDP_PROTOCOL => self.udp_deliver(ns, &ip, packet),
            ICMP_PROTOCOL => self.icmp_deliver(ns, &ip, packet),
            _ => Delivery::Unreachable { code: PROTOCOL_UNREACHABLE, reason: DropReason::IpNoProto },
        };
        match (outcome, raw, ip.protocol) {
            // A raw socket makes up for a missing protocol, not for a missing UDP listener.
            (Delivery::Unreachable { .. } | Delivery::Dropped(DropReason::NoSocket), Some(id), protocol)
                if protocol != UDP_PROTOCOL =>
            {
                Delivery::Delivered(id)
            }
            (outcome, ..) => outcome,
        }
    }

    /// Puts a message into a socket's queue and wakes its program.
    fn queue_datagram(&mut self, id: SocketId, datagram: Datagram) -> Delivery {
        let Ok(socket) = self.sockets.get_mut(id) else { return Delivery::Dropped(DropReason::NoSocket) };
        let limit = socket.options.receive_buffer;
        let Body::Datagram(queue) = &mut socket.body else { return Delivery::Dropped(DropReason::NoSocket) };
        if !queue.push(datagram, limit) {
            return Delivery::Dropped(DropReason::SocketRcvbuff);
        }
        self.sockets.wake(id);
        Delivery::Delivered(id)
    }

    /// A namespace is gone: nothing is kept for connections that will not come.
    pub(crate) fn sockets_netns_gone(&mut self, ns: NetnsId) {
        self.sockets.tcp.stacks_forget(ns);
    }

    /// A device goes away: packet sockets on it hear of it; others bound to it stay so, to nothing.
    pub(crate) fn sockets_device_gone(&mut self, device: DeviceId) {
        for id in self.sockets.ids_bound_to(device) {
            if let Ok(SocketKind::Packet { .. }) = self.sockets.get(id).map(|socket| socket.kind) {
                self.sockets.fail(id, Errno::ENETDOWN);
            }
        }
    }
}
