//! Raw sockets: whole IP packets of one protocol.
//!
//! Always: every raw socket that fits gets its own copy, before the protocol itself looks at the packet.
//! Differs from Linux: no IP options, no multicast routing sockets.
//! Sources: raw(7); net/ipv4/raw.c.

use super::header::{IPV4, Ipv4};
use super::{Datagram, Delivery, SocketId, SocketKind};
use crate::ip::header::seal;
use crate::{Errno, Network, Packet};
use api::{JourneyId, NetnsId};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// IPPROTO_RAW: for sending only, with the program's own header.
const IPPROTO_RAW: u8 = 255;

impl Network {
    pub(super) fn raw_send(&mut self, id: SocketId, bytes: &[u8], to: IpAddr) -> Result<usize, Errno> {
        if bytes.len() > usize::from(u16::MAX) {
            return Err(Errno::EMSGSIZE);
        }
        let socket = self.sockets.get(id)?;
        let SocketKind::Raw { protocol } = socket.kind else { return Err(Errno::ENOTSOCK) };
        let own_header = socket.options.header_included || protocol == IPPROTO_RAW;
        let to = if to.is_unspecified() { Ipv4Addr::LOCALHOST.into() } else { to };
        let way = self.socket_way(id, to, Some((protocol, 0, 0)))?;
        self.way_allowed(id, &way)?;
        let (IpAddr::V4(src), IpAddr::V4(dst)) = (way.source, to) else { return Err(Errno::ENETUNREACH) };
        if own_header {
            let packet = self.own_header(id, bytes, src, way.mtu, dst)?;
            self.socket_output(id, packet)?;
        } else {
            if bytes.len() + IPV4 > usize::from(u16::MAX) {
                self.local_error(id, Errno::EMSGSIZE, way.mtu, SocketAddr::new(to, 0));
                return Err(Errno::EMSGSIZE);
            }
            self.datagram_out(id, &way, (src, dst), protocol, Packet::new(JourneyId(0), bytes))?;
        }
        Ok(bytes.len())
    }

    /// The kernel fills in what the program left at zero: source, identification; and always length and checksum.
    fn own_header(
        &mut self,
        id: SocketId,
        bytes: &[u8],
        src: Ipv4Addr,
        mtu: u32,
        dst: Ipv4Addr,
    ) -> Result<Packet, Errno> {
        let first = bytes.first().copied().unwrap_or(0);
        let header_length = usize::from(first & 0xf) * 4;
        if bytes.len() < IPV4 || header_length < IPV4 || bytes.len() < header_length {
            return Err(Errno::EINVAL);
        }
        if bytes.len() > mtu as usize {
            self.local_error(id, Errno::EMSGSIZE, mtu, SocketAddr::new(dst.into(), 0));
            return Err(Errno::EMSGSIZE);
        }
        let mut packet = Packet::new(JourneyId(0), bytes);
        let header = packet.data_mut();
        header[2..4].copy_from_slice(&(bytes.len() as u16).to_be_bytes());
        if header[4..6] == [0, 0] {
            header[4..6].copy_from_slice(&self.ip_id().to_be_bytes());
        }
        if header[12..16] == [0, 0, 0, 0] {
            header[12..16].copy_from_slice(&src.octets());
        }
        seal(header);
        Ok(packet)
    }

    /// Copies for all raw sockets that fit; the last taker, if any.
    pub(super) fn raw_deliver(&mut self, ns: NetnsId, ip: &Ipv4, packet: &Packet) -> Option<SocketId> {
        let space = self.sockets.space(ns)?;
        if space.raw.is_empty() {
            return None;
        }
        let takes = |id: &&SocketId| {
            self.sockets.get(**id).is_ok_and(|socket| {
                let protocol = matches!(socket.kind, SocketKind::Raw { protocol } if protocol == ip.protocol);
                let local = socket.local.ip().is_unspecified() || socket.local.ip() == IpAddr::V4(ip.dst);
                let peer = socket.peer.is_none_or(|peer| peer.ip() == IpAddr::V4(ip.src));
                let device = socket.options.device.is_none_or(|on| packet.device == Some(on));
                let blocked = ip.protocol == super::header::ICMP_PROTOCOL
                    && ip
                        .payload
                        .first()
                        .is_some_and(|kind| *kind < 32 && socket.options.icmp_filter & (1 << kind) != 0);
                protocol && local && peer && device && !blocked
            })
        };
        let takers: Vec<SocketId> = space.raw.iter().filter(takes).copied().collect();
        let mut taken = None;
        for id in takers {
            let datagram = Datagram {
                bytes: packet.data().to_vec(),
                from: SocketAddr::new(ip.src.into(), 0),
                to: SocketAddr::new(ip.dst.into(), 0),
                ttl: ip.ttl,
                tos: ip.tos,
                device: packet.device,
                at: self.now,
            };
            if let Delivery::Delivered(id) = self.queue_datagram(id, datagram) {
                taken = Some(id);
            }
        }
        taken
    }
}
