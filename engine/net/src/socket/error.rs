//! ICMP errors, brought to the sockets whose packets caused them.
//!
//! Called by `path` for every ICMP error addressed to this machine.
//! Always: an error reaches at most one socket (raw sockets: every one of that protocol that is connected or asks).
//! Sources: net/ipv4/icmp.c (`icmp_err_convert`), udp.c (`__udp4_lib_err`), raw.c (`raw_err`), ping.c, tcp_ipv4.c.

use super::header::{self, ICMP_PROTOCOL, Ipv4, TCP_PROTOCOL, UDP_PROTOCOL};
use super::{ReceivedError, SocketId, SocketKind};
use crate::{Errno, Network};
use api::NetnsId;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

const UNREACHABLE: u8 = 3;
pub(super) const SOURCE_QUENCH: u8 = 4;
pub(super) const REDIRECT: u8 = 5;
const TIME_EXCEEDED: u8 = 11;
const PARAMETER_PROBLEM: u8 = 12;
const FRAGMENTATION_NEEDED: u8 = 4;
/// Of every ICMP error, in front of the packet that caused it.
const HEADER: usize = 8;

/// An ICMP error, taken apart.
#[derive(Clone, Copy, Debug)]
pub(super) struct IcmpError<'a> {
    pub offender: Ipv4Addr,
    pub icmp_type: u8,
    pub code: u8,
    pub errno: Errno,
    /// The connection is over (port unreachable); else a hint that may pass.
    pub fatal: bool,
    pub info: u32,
    pub ttl: u8,
    /// The packet that caused it, as far as it came along.
    pub inner: Ipv4<'a>,
}

impl<'a> IcmpError<'a> {
    fn parse(packet: &'a [u8]) -> Option<IcmpError<'a>> {
        let ip = Ipv4::parse(packet).filter(|ip| ip.protocol == ICMP_PROTOCOL)?;
        let head: &[u8; HEADER] = ip.payload.first_chunk()?;
        let (errno, fatal) = meaning(head[0], head[1])?;
        let info = match (head[0], head[1]) {
            (UNREACHABLE, FRAGMENTATION_NEEDED) => u32::from(u16::from_be_bytes([head[6], head[7]])),
            (REDIRECT, _) => u32::from_be_bytes([head[4], head[5], head[6], head[7]]),
            _ => 0,
        };
        let inner = Ipv4::parse(&ip.payload[HEADER..])?;
        let (offender, icmp_type, code, ttl) = (ip.src, head[0], head[1], ip.ttl);
        Some(IcmpError { offender, icmp_type, code, errno, fatal, info, ttl, inner })
    }

    fn received(&self, destination: SocketAddr, payload: &[u8], at: sim::Instant) -> ReceivedError {
        ReceivedError {
            errno: self.errno,
            offender: Some(self.offender.into()),
            icmp_type: self.icmp_type,
            icmp_code: self.code,
            info: self.info,
            destination,
            payload: payload.to_vec(),
            ttl: self.ttl,
            at,
        }
    }
}

fn meaning(icmp_type: u8, code: u8) -> Option<(Errno, bool)> {
    Some(match (icmp_type, code) {
        (UNREACHABLE, 0 | 11) => (Errno::ENETUNREACH, false),
        (UNREACHABLE, 1 | 12) => (Errno::EHOSTUNREACH, false),
        (UNREACHABLE, 2) => (Errno::ENOPROTOOPT, true),
        (UNREACHABLE, 3) => (Errno::ECONNREFUSED, true),
        (UNREACHABLE, FRAGMENTATION_NEEDED) => (Errno::EMSGSIZE, false),
        (UNREACHABLE, 5) => (Errno::EOPNOTSUPP, false),
        (UNREACHABLE, 6 | 8 | 9) => (Errno::ENETUNREACH, true),
        (UNREACHABLE, 7) => (Errno::EHOSTDOWN, true),
        (UNREACHABLE, 10 | 13 | 14 | 15) => (Errno::EHOSTUNREACH, true),
        (TIME_EXCEEDED, _) => (Errno::EHOSTUNREACH, false),
        (PARAMETER_PROBLEM, _) => (Errno::EPROTO, true),
        (SOURCE_QUENCH | REDIRECT, _) => (Errno::EHOSTUNREACH, false),
        _ => return None,
    })
}

impl Network {
    /// An ICMP error for this machine: `packet` starts at the error's own IP header. Called after the path has
    /// noted a new path MTU or redirect in the route.
    pub(crate) fn icmp_error(&mut self, ns: NetnsId, packet: &[u8]) {
        let Some(error) = IcmpError::parse(packet) else { return };
        self.raw_error(ns, &error);
        match error.inner.protocol {
            UDP_PROTOCOL => self.udp_error(ns, &error),
            ICMP_PROTOCOL => self.ping_error(ns, &error),
            TCP_PROTOCOL => self.tcp_error(ns, &error),
            _ => {}
        }
    }

    fn udp_error(&mut self, ns: NetnsId, error: &IcmpError) {
        let Some((local, remote)) = header::ports(error.inner.payload) else { return };
        let destination = SocketAddr::new(error.inner.dst.into(), remote);
        let Some(id) = self.udp_sender(ns, (error.inner.src, local), destination) else { return };
        let payload = error.inner.payload.get(header::UDP..).unwrap_or_default();
        // A redirect concerns the route alone.
        if error.icmp_type != REDIRECT {
            self.report(id, error, destination, payload);
        }
    }

    /// The socket that sent a datagram with these addresses.
    fn udp_sender(&self, ns: NetnsId, local: (Ipv4Addr, u16), remote: SocketAddr) -> Option<SocketId> {
        let bound = self.sockets.space(ns)?.udp.get(&local.1)?;
        let sent = |id: &&SocketId| {
            self.sockets.get(**id).is_ok_and(|socket| {
                let address = socket.local.ip().is_unspecified() || socket.local.ip() == IpAddr::V4(local.0);
                address && socket.peer.is_none_or(|peer| peer == remote)
            })
        };
        let peered = |id: &&SocketId| self.sockets.get(**id).is_ok_and(|socket| socket.peer.is_some());
        bound.iter().filter(sent).find(peered).or_else(|| bound.iter().find(sent)).copied()
    }

    fn ping_error(&mut self, ns: NetnsId, error: &IcmpError) {
        let Some(head) = error.inner.payload.first_chunk::<HEADER>() else { return };
        if head[0] != super::icmp::ECHO_REQUEST || error.icmp_type == REDIRECT {
            return;
        }
        let ident = u16::from_be_bytes([head[4], head[5]]);
        let Some(id) = self.sockets.space(ns).and_then(|space| space.icmp.get(&ident)).copied() else {
            return;
        };
        self.report(id, error, SocketAddr::new(error.inner.dst.into(), 0), error.inner.payload);
    }

    fn raw_error(&mut self, ns: NetnsId, error: &IcmpError) {
        let concerned = |id: &&SocketId| {
            self.sockets.get(**id).is_ok_and(|socket| {
                let protocol =
                    matches!(socket.kind, SocketKind::Raw { protocol } if protocol == error.inner.protocol);
                let local =
                    socket.local.ip().is_unspecified() || socket.local.ip() == IpAddr::V4(error.inner.src);
                protocol && local && socket.peer.is_none_or(|peer| peer.ip() == IpAddr::V4(error.inner.dst))
            })
        };
        let Some(space) = self.sockets.space(ns) else { return };
        let ids: Vec<SocketId> = space.raw.iter().filter(concerned).copied().collect();
        for id in ids.into_iter().filter(|_| error.icmp_type != REDIRECT) {
            self.report(id, error, SocketAddr::new(error.inner.dst.into(), 0), error.inner.payload);
        }
    }

    /// With RecvErr every error is queued and reported; without, only what ends a connected socket's hopes.
    fn report(&mut self, id: SocketId, error: &IcmpError, destination: SocketAddr, payload: &[u8]) {
        let at = self.now;
        let Ok(socket) = self.sockets.get_mut(id) else { return };
        let wants_mtu =
            error.errno == Errno::EMSGSIZE && socket.options.mtu_discover != super::MtuDiscover::Dont;
        let fatal = error.fatal || wants_mtu;
        if socket.options.recv_err {
            let received = error.received(destination, payload, at);
            socket.queue_error(received);
        } else if socket.peer.is_none() || !fatal {
            return;
        }
        self.sockets.fail(id, error.errno);
    }
}
