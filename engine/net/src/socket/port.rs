//! Ports: who may bind which, and which one a socket gets that does not care.
//!
//! Always: drawn from the world's random stream, so that a replayed world gives the same ports again.
//! Differs from Linux: a random start instead of a keyed hash of the addresses; `ip_local_reserved_ports` is not
//! heeded.
//! Sources: net/ipv4/inet_connection_sock.c (bind takes odd ports first), inet_hashtables.c (connect takes even
//! ones), udp.c; sysctl net.ipv4.ip_local_port_range, ip_unprivileged_port_start.

use super::table::{Body, Socket, Sockets};
use super::{SocketId, SocketKind};
use crate::sysctl::Key;
use crate::{Errno, Network};
use api::NetnsId;
use std::net::{IpAddr, SocketAddr};

/// Which ports a search begins with.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Parity {
    /// `connect`
    Even,
    /// `bind` to port 0
    Odd,
    /// UDP
    Either,
}

impl Network {
    /// A free port by `fits`, from a random place on; `None` where all are taken.
    pub(super) fn free_port(
        &mut self,
        ns: NetnsId,
        parity: Parity,
        fits: impl Fn(&Network, u16) -> bool,
    ) -> Option<u16> {
        let (low, high) = self.netns[ns].sysctl.local_ports;
        let count = u32::from(high - low) + 1;
        let start = self.rng.below(count);
        let port = |offset: u32| low + ((start + offset) % count) as u16;
        let wanted = |port: u16| match parity {
            Parity::Even => port.is_multiple_of(2),
            Parity::Odd => port % 2 == 1,
            Parity::Either => true,
        };
        let first = (0..count).map(port).filter(|port| wanted(*port)).find(|port| fits(self, *port));
        first.or_else(|| (0..count).map(port).filter(|port| !wanted(*port)).find(|port| fits(self, *port)))
    }

    /// `bind` of a TCP or UDP socket: EACCES, EADDRINUSE.
    pub(super) fn claim_port(&mut self, id: SocketId, local: SocketAddr) -> Result<u16, Errno> {
        let socket = self.sockets.get(id)?;
        let (ns, udp) = (socket.ns, socket.kind == SocketKind::Udp);
        if local.port() == 0 {
            let parity = if udp { Parity::Either } else { Parity::Odd };
            let fits = |network: &Network, port| {
                !network.sockets.conflicts(id, SocketAddr::new(local.ip(), port), true)
            };
            return self.free_port(ns, parity, fits).ok_or(Errno::EADDRINUSE);
        }
        let first = self.netns[ns].sysctl.int(Key::IpUnprivilegedPortStart);
        if socket.owner.uid != 0 && i64::from(local.port()) < first {
            return Err(Errno::EACCES);
        }
        match self.sockets.conflicts(id, local, false) {
            true => Err(Errno::EADDRINUSE),
            false => Ok(local.port()),
        }
    }
}

impl Sockets {
    /// Would `id` bound to `local` stand in another's way? `any` asks for a port nobody else holds at all.
    fn conflicts(&self, id: SocketId, local: SocketAddr, any: bool) -> bool {
        let Ok(mine) = self.get(id) else { return false };
        let Some(space) = self.space(mine.ns) else { return false };
        let holders = if mine.kind == SocketKind::Udp { &space.udp } else { &space.tcp };
        let others = holders.get(&local.port()).into_iter().flatten();
        others
            .filter(|other| **other != id)
            .filter_map(|other| self.get(*other).ok())
            .any(|other| overlaps(mine, local, other) && (any || !may_share(mine, other)))
            || (mine.kind == SocketKind::Tcp
                && !mine.options.reuse_addr
                && self.tcp.time_wait_holds(mine.ns, local.port()))
    }
}

/// Do the two addresses (and devices) name a place in common?
fn overlaps(mine: &Socket, local: SocketAddr, other: &Socket) -> bool {
    if let (Some(a), Some(b)) = (mine.options.device, other.options.device)
        && a != b
    {
        return false;
    }
    let (a, b) = (local.ip().to_canonical(), other.local.ip().to_canonical());
    if !a.is_unspecified() && !b.is_unspecified() {
        return a == b;
    }
    a.is_ipv4() == b.is_ipv4() || both_families(a, mine) || both_families(b, other)
}

/// `[::]` without V6Only is every IPv4 address too.
fn both_families(address: IpAddr, socket: &Socket) -> bool {
    address.is_ipv6() && address.is_unspecified() && !socket.options.v6_only
}

fn may_share(mine: &Socket, other: &Socket) -> bool {
    let listening = matches!(&other.body, Body::Tcp(tcp) if tcp.is_listener());
    let by_address = mine.options.reuse_addr && other.options.reuse_addr && !listening;
    let by_port = mine.options.reuse_port && other.options.reuse_port && mine.owner.uid == other.owner.uid;
    by_address || by_port
}
