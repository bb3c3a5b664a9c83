//! Sockets: how a program sends and receives. The system calls are methods of [`Network`].
//!
//! Stands on top of the packet path: `path/local_in` calls [`Network::deliver`]; what a socket sends goes
//! to `path/local_out`. All calls are non-blocking (EAGAIN); a process that waits is told by [`Network::take_woken`].
//! Always: a closed id is EBADF for ever; readiness changes are reported once each, in order.

mod api;

pub use self::api::*;

use crate::{Errno, Network, Packet};
use ::api::{DeviceId, DropReason, FrameId, NetnsId};
use std::net::SocketAddr;

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
        let (_, _, _) = (ns, kind, owner);
        Err(Errno::ESOCKTNOSUPPORT)
    }

    /// Port 0 takes a free port of `net.ipv4.ip_local_port_range`. An ICMP socket's port is its identifier.
    pub fn bind(&mut self, id: SocketId, local: SocketAddr) -> Result<(), Errno> {
        let _ = (id, local);
        Err(Errno::EBADF)
    }

    pub fn listen(&mut self, id: SocketId, backlog: u32) -> Result<(), Errno> {
        let _ = (id, backlog);
        Err(Errno::EBADF)
    }

    /// The new socket belongs to the listener's owner.
    pub fn accept(&mut self, id: SocketId) -> Result<(SocketId, SocketAddr), Errno> {
        let _ = id;
        Err(Errno::EBADF)
    }

    /// TCP: EINPROGRESS; the socket becomes writable when connected, `take_error` says what went wrong.
    pub fn connect(&mut self, id: SocketId, peer: SocketAddr) -> Result<(), Errno> {
        let _ = (id, peer);
        Err(Errno::EBADF)
    }

    /// How many bytes were taken. TCP may take fewer than given.
    pub fn send(&mut self, id: SocketId, bytes: &[u8]) -> Result<usize, Errno> {
        let _ = (id, bytes);
        Err(Errno::EBADF)
    }

    pub fn send_to(&mut self, id: SocketId, bytes: &[u8], to: SocketAddr) -> Result<usize, Errno> {
        let _ = (id, bytes, to);
        Err(Errno::EBADF)
    }

    /// A packet socket's sending: `frame` from the Ethernet header.
    pub fn send_frame(&mut self, id: SocketId, device: DeviceId, frame: &[u8]) -> Result<usize, Errno> {
        let _ = (id, device, frame);
        Err(Errno::EBADF)
    }

    /// Up to `max` bytes; of a stream, an empty answer is the end.
    pub fn recv(&mut self, id: SocketId, max: usize) -> Result<Vec<u8>, Errno> {
        let _ = (id, max);
        Err(Errno::EBADF)
    }

    pub fn recv_from(&mut self, id: SocketId) -> Result<Datagram, Errno> {
        let _ = id;
        Err(Errno::EBADF)
    }

    pub fn recv_frame(&mut self, id: SocketId) -> Result<Frame, Errno> {
        let _ = id;
        Err(Errno::EBADF)
    }

    /// The oldest entry of the error queue (MSG_ERRQUEUE); EAGAIN where it is empty.
    pub fn recv_error(&mut self, id: SocketId) -> Result<ReceivedError, Errno> {
        let _ = id;
        Err(Errno::EBADF)
    }

    pub fn shutdown(&mut self, id: SocketId, how: Shutdown) -> Result<(), Errno> {
        let _ = (id, how);
        Err(Errno::EBADF)
    }

    /// A TCP connection goes on closing without its program.
    pub fn close(&mut self, id: SocketId) -> Result<(), Errno> {
        let _ = id;
        Err(Errno::EBADF)
    }

    pub fn set_option(&mut self, id: SocketId, option: SocketOption) -> Result<(), Errno> {
        let _ = (id, option);
        Err(Errno::EBADF)
    }

    /// SO_ERROR: what went wrong since last asked.
    pub fn take_error(&mut self, id: SocketId) -> Result<Option<Errno>, Errno> {
        let _ = id;
        Err(Errno::EBADF)
    }

    pub fn local_address(&self, id: SocketId) -> Result<SocketAddr, Errno> {
        let _ = id;
        Err(Errno::EBADF)
    }

    pub fn peer_address(&self, id: SocketId) -> Result<SocketAddr, Errno> {
        let _ = id;
        Err(Errno::EBADF)
    }

    /// SO_ORIGINAL_DST: where the client meant to go before REDIRECT or DNAT.
    pub fn original_destination(&self, id: SocketId) -> Result<SocketAddr, Errno> {
        let _ = id;
        Err(Errno::EBADF)
    }

    /// IP_MTU of a connected socket.
    pub fn path_mtu(&self, id: SocketId) -> Result<u32, Errno> {
        let _ = id;
        Err(Errno::EBADF)
    }

    pub fn readiness(&self, id: SocketId) -> Result<Readiness, Errno> {
        let _ = id;
        Err(Errno::EBADF)
    }

    /// Sockets whose readiness changed since last asked, each once, in the order in which they changed.
    pub fn take_woken(&mut self) -> Vec<SocketId> {
        Vec::new()
    }

    /// Frames a packet socket lost because its program was too slow, since last asked (PACKET_STATISTICS).
    pub fn take_packet_drops(&mut self, id: SocketId) -> Result<u32, Errno> {
        let _ = id;
        Err(Errno::EBADF)
    }

    /// All sockets of a namespace, newest first within each kind, as the kernel lists them for `ss`.
    pub fn sockets(&self, ns: NetnsId) -> Vec<SocketInfo> {
        let _ = ns;
        Vec::new()
    }

    /// The process that holds a socket changed its name or handed it over (`fork`, `exec`).
    pub fn set_owner(&mut self, id: SocketId, owner: Owner) -> Result<(), Errno> {
        let _ = (id, owner);
        Err(Errno::EBADF)
    }
}

/// What the packet path calls.
impl Network {
    /// A whole packet for this machine, past INPUT: `data()` starts at its IP header. All protocols come here,
    /// ICMP too (raw and ping sockets; answering echo requests is the path's). The packet is copied where taken.
    pub(crate) fn deliver(&mut self, ns: NetnsId, packet: &Packet) -> Delivery {
        let _ = (ns, packet);
        Delivery::Dropped(DropReason::NoSocket)
    }

    /// An ICMP error for this machine: `data()` starts at the error's own IP header. Called after the path has
    /// noted a new path MTU or redirect in the route.
    pub(crate) fn icmp_error(&mut self, ns: NetnsId, packet: &Packet) {
        let _ = (ns, packet);
    }

    /// A frame goes out of (`out`) or came into a device: `data()` starts at its Ethernet header, checksums whole.
    /// Its number if anything keeps or shows frames. `host` is what the device made of the destination address.
    pub(crate) fn tap(&mut self, device: DeviceId, kind: FrameKind, packet: &Packet) -> Option<FrameId> {
        let _ = (device, kind, packet);
        None
    }

    /// A device or namespace goes away, or an address: its sockets hear of it.
    pub(crate) fn sockets_device_gone(&mut self, device: DeviceId) {
        let _ = device;
    }
}
