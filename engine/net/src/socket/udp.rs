//! UDP sockets.
//!
//! Called by `socket/mod.rs` (programs) and [`Network::deliver`]. A datagram goes to the socket that fits best:
//! by address, peer and device; among equals to the newest, with SO_REUSEPORT to one by the flow's hash.
//! Differs from Linux: no UDP-Lite, no encapsulation sockets, no corking, no GRO.
//! Sources: udp(7); net/ipv4/udp.c (`compute_score`, `udp_sendmsg`, `__udp4_lib_mcast_deliver`).

use super::header::{self, Ipv4, UDP_PROTOCOL};
use super::route::{Kind, Way};
use super::table::{ANY, Body, Socket};
use super::{Datagram, Delivery, SocketId};
use crate::ip::header::transport_checksum;
use crate::{Errno, Network, Packet};
use api::{DeviceId, DropReason, NetnsId};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// The largest payload of one datagram: 65535 less the IP and UDP headers.
const MOST_PAYLOAD: usize = 65_507;
const PORT_UNREACHABLE: u8 = 3;

impl Network {
    /// A port for a socket that sends before it was bound.
    pub(super) fn udp_autobind(&mut self, id: SocketId) -> Result<(), Errno> {
        let local = self.sockets.get(id)?.local;
        if local.port() != 0 {
            return Ok(());
        }
        let port = self.claim_port(id, local).map_err(|_| Errno::EAGAIN)?;
        self.udp_set_local(id, SocketAddr::new(local.ip(), port))
    }

    pub(super) fn udp_set_local(&mut self, id: SocketId, local: SocketAddr) -> Result<(), Errno> {
        let socket = self.sockets.get_mut(id)?;
        let (ns, before) = (socket.ns, std::mem::replace(&mut socket.local, local));
        let space = self.sockets.spaces.entry(ns).or_default();
        if before.port() != 0 && before.port() != local.port() {
            space.udp.entry(before.port()).or_default().remove(&id);
        }
        if local.port() != 0 {
            space.udp.entry(local.port()).or_default().insert(id);
        }
        Ok(())
    }

    pub(super) fn udp_connect(&mut self, id: SocketId, peer: SocketAddr) -> Result<(), Errno> {
        let way = self.socket_way(id, peer.ip(), None)?;
        self.way_allowed(id, &way)?;
        let socket = self.sockets.get_mut(id)?;
        socket.peer = Some(peer);
        let mut local = socket.local;
        if local.ip().is_unspecified() {
            local.set_ip(way.source);
        }
        self.udp_set_local(id, local)?;
        self.udp_autobind(id)
    }

    /// Dissolves the association; the address chosen by `connect` goes with it.
    pub(super) fn udp_disconnect(&mut self, id: SocketId) -> Result<(), Errno> {
        let socket = self.sockets.get_mut(id)?;
        socket.peer = None;
        if !socket.port_bound {
            self.udp_set_local(id, ANY)?;
        }
        Ok(())
    }

    pub(super) fn udp_send(&mut self, id: SocketId, bytes: &[u8], to: SocketAddr) -> Result<usize, Errno> {
        if to.port() == 0 {
            return Err(Errno::EINVAL);
        }
        if bytes.len() > MOST_PAYLOAD {
            return Err(Errno::EMSGSIZE);
        }
        // To the unspecified address is to this machine itself.
        let to = match to.ip() {
            IpAddr::V4(Ipv4Addr::UNSPECIFIED) => SocketAddr::new(Ipv4Addr::LOCALHOST.into(), to.port()),
            _ => to,
        };
        self.udp_autobind(id)?;
        let way = self.socket_way(
            id,
            to.ip(),
            Some((UDP_PROTOCOL, self.sockets.get(id)?.local.port(), to.port())),
        )?;
        self.way_allowed(id, &way)?;
        let (IpAddr::V4(src), IpAddr::V4(dst)) = (way.source, to.ip()) else {
            return Err(Errno::ENETUNREACH);
        };
        let port = self.sockets.get(id)?.local.port();
        let message = header::udp((src, port), (dst, to.port()), bytes);
        self.datagram_out(id, &way, (src, dst), UDP_PROTOCOL, message)?;
        Ok(bytes.len())
    }

    /// EACCES where broadcast is not asked for.
    pub(super) fn way_allowed(&self, id: SocketId, way: &Way) -> Result<(), Errno> {
        match way.kind == Kind::Broadcast && !self.sockets.get(id)?.options.broadcast {
            true => Err(Errno::EACCES),
            false => Ok(()),
        }
    }

    pub(super) fn udp_deliver(&mut self, ns: NetnsId, ip: &Ipv4, packet: &Packet) -> Delivery {
        let Some((from, to)) = header::ports(ip.payload) else {
            return Delivery::Dropped(DropReason::PktTooSmall);
        };
        if ip.payload.len() < header::UDP {
            return Delivery::Dropped(DropReason::PktTooSmall);
        }
        let length = usize::from(u16::from_be_bytes([ip.payload[4], ip.payload[5]]));
        if length < header::UDP || length > ip.payload.len() {
            return Delivery::Dropped(DropReason::PktTooSmall);
        }
        let message = &ip.payload[..length];
        let summed = message[6..8] != [0, 0] && packet.sound == 0;
        if summed && transport_checksum(ip.src, ip.dst, UDP_PROTOCOL, message) != [0, 0] {
            return Delivery::Dropped(DropReason::UdpCsum);
        }
        let flow = Flow { src: (ip.src, from), dst: (ip.dst, to), device: packet.device };
        let many = self.is_for_many(ns, ip.dst, packet);
        let takers =
            if many { self.udp_group(ns, &flow) } else { self.udp_lookup(ns, &flow).into_iter().collect() };
        let mut outcome = match many {
            true => Delivery::Dropped(DropReason::NoSocket),
            false => Delivery::Unreachable { code: PORT_UNREACHABLE, reason: DropReason::NoSocket },
        };
        for id in takers {
            let datagram = Datagram {
                bytes: message[header::UDP..].to_vec(),
                from: SocketAddr::new(ip.src.into(), from),
                to: SocketAddr::new(ip.dst.into(), to),
                ttl: ip.ttl,
                tos: ip.tos,
                device: packet.device,
                at: self.now,
            };
            outcome = self.queue_datagram(id, datagram);
        }
        outcome
    }

    /// The one socket for a unicast datagram.
    fn udp_lookup(&self, ns: NetnsId, flow: &Flow) -> Option<SocketId> {
        let bound = self.sockets.space(ns)?.udp.get(&flow.dst.1)?;
        let scored = bound.iter().filter_map(|id| {
            let socket = self.sockets.get(*id).ok()?;
            Some((score(socket, flow)?, socket.inode, *id))
        });
        let mut best: Vec<(u32, u64, SocketId)> = Vec::new();
        for found in scored {
            match best.first().map_or(std::cmp::Ordering::Greater, |so_far| found.0.cmp(&so_far.0)) {
                std::cmp::Ordering::Greater => best = vec![found],
                std::cmp::Ordering::Equal => best.push(found),
                std::cmp::Ordering::Less => {}
            }
        }
        let newest = best.iter().max_by_key(|(_, inode, _)| *inode)?;
        let shared = self.sockets.get(newest.2).is_ok_and(|socket| socket.options.reuse_port);
        if shared && best.len() > 1 {
            let hash = u64::from(flow.src.0.to_bits()) * 31 + u64::from(flow.src.1) * 7919;
            return Some(best[(hash % best.len() as u64) as usize].2);
        }
        Some(newest.2)
    }

    /// All sockets for a broadcast or multicast datagram.
    fn udp_group(&self, ns: NetnsId, flow: &Flow) -> Vec<SocketId> {
        let Some(bound) = self.sockets.space(ns).and_then(|space| space.udp.get(&flow.dst.1)) else {
            return Vec::new();
        };
        let takes = |id: &&SocketId| {
            self.sockets.get(**id).is_ok_and(|socket| {
                let member = !flow.dst.0.is_multicast()
                    || socket.options.groups.iter().any(|(group, device)| {
                        *group == IpAddr::V4(flow.dst.0) && device.is_none_or(|on| flow.device == Some(on))
                    });
                member && score(socket, flow).is_some()
            })
        };
        bound.iter().filter(takes).copied().collect()
    }
}

struct Flow {
    src: (Ipv4Addr, u16),
    dst: (Ipv4Addr, u16),
    device: Option<DeviceId>,
}

/// `None` where the socket does not take it; higher is nearer.
fn score(socket: &Socket, flow: &Flow) -> Option<u32> {
    let Body::Datagram(_) = socket.body else { return None };
    if socket.v6() && (socket.options.v6_only || !socket.local.ip().is_unspecified()) {
        return None;
    }
    let mut score = if socket.v6() { 1 } else { 2 };
    if !socket.local.ip().is_unspecified() {
        if socket.local.ip() != IpAddr::V4(flow.dst.0) {
            return None;
        }
        score += 4;
    }
    if let Some(peer) = socket.peer {
        if peer != SocketAddr::new(flow.src.0.into(), flow.src.1) {
            return None;
        }
        score += 8;
    }
    if let Some(device) = socket.options.device {
        if flow.device != Some(device) {
            return None;
        }
        score += 4;
    }
    Some(score)
}
