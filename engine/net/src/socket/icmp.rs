//! ICMP ("ping") sockets: SOCK_DGRAM with IPPROTO_ICMP, open to the users of `net.ipv4.ping_group_range`.
//!
//! Always: they send echo requests only; the identifier is the socket's, whatever the program wrote.
//! Sources: icmp(7); net/ipv4/ping.c.

use super::header::{self, ICMP_PROTOCOL, Ipv4};
use super::{Datagram, Delivery, SocketId};
use crate::ip::header::checksum;
use crate::{Errno, Network, Packet};
use api::{DropReason, JourneyId, NetnsId};
use std::net::{IpAddr, SocketAddr};

/// Of an echo message.
const HEADER: usize = 8;
pub(super) const ECHO_REQUEST: u8 = 8;
const ECHO_REPLY: u8 = 0;

impl Network {
    /// EACCES for groups outside of `ping_group_range`; by default nobody, root included, is inside.
    pub(super) fn ping_allowed(&self, ns: NetnsId, gid: u32) -> Result<(), Errno> {
        let text = self.sysctl_get(ns, "net/ipv4/ping_group_range").unwrap_or_default();
        let mut numbers = text.split_whitespace().filter_map(|word| word.parse::<u32>().ok());
        match (numbers.next(), numbers.next()) {
            (Some(low), Some(high)) if (low..=high).contains(&gid) => Ok(()),
            _ => Err(Errno::EACCES),
        }
    }

    /// Takes an identifier; 0 is the next free one.
    pub(super) fn icmp_bind(&mut self, id: SocketId, local: SocketAddr) -> Result<(), Errno> {
        let ns = self.sockets.get(id)?.ns;
        let taken = |network: &Network, ident: u16| {
            network
                .sockets
                .space(ns)
                .is_some_and(|space| space.icmp.get(&ident).is_some_and(|holder| *holder != id))
        };
        let ident = match local.port() {
            0 => {
                let rover = self.sockets.icmp_rover;
                let free = (1..=u16::MAX)
                    .map(|step| rover.wrapping_add(step))
                    .find(|it| *it != 0 && !taken(self, *it));
                free.ok_or(Errno::EADDRINUSE)?
            }
            ident if taken(self, ident) => return Err(Errno::EADDRINUSE),
            ident => ident,
        };
        self.sockets.icmp_rover = ident;
        let socket = self.sockets.get_mut(id)?;
        let before = std::mem::replace(&mut socket.local, SocketAddr::new(local.ip(), ident)).port();
        let space = self.sockets.spaces.entry(ns).or_default();
        if space.icmp.get(&before) == Some(&id) {
            space.icmp.remove(&before);
        }
        space.icmp.insert(ident, id);
        Ok(())
    }

    pub(super) fn icmp_send(&mut self, id: SocketId, bytes: &[u8], to: IpAddr) -> Result<usize, Errno> {
        if bytes.len() < HEADER || bytes[0] != ECHO_REQUEST || bytes[1] != 0 {
            return Err(Errno::EINVAL);
        }
        if bytes.len() > usize::from(u16::MAX) - header::IPV4 {
            return Err(Errno::EMSGSIZE);
        }
        let local = self.sockets.get(id)?.local;
        if local.port() == 0 {
            self.icmp_bind(id, local)?;
        }
        let way = self.socket_way(id, to, None)?;
        self.way_allowed(id, &way)?;
        let (IpAddr::V4(src), IpAddr::V4(dst)) = (way.source, to) else { return Err(Errno::ENETUNREACH) };
        let mut packet = Packet::new(JourneyId(0), bytes);
        let message = packet.data_mut();
        message[4..6].copy_from_slice(&self.sockets.get(id)?.local.port().to_be_bytes());
        message[2..4].fill(0);
        let sum = checksum(message);
        message[2..4].copy_from_slice(&sum);
        self.datagram_out(id, &way, (src, dst), ICMP_PROTOCOL, packet)?;
        Ok(bytes.len())
    }

    /// Echo replies go to the socket with their identifier.
    pub(super) fn icmp_deliver(&mut self, ns: NetnsId, ip: &Ipv4, packet: &Packet) -> Delivery {
        let Some(head) = ip.payload.first_chunk::<HEADER>() else {
            return Delivery::Dropped(DropReason::PktTooSmall);
        };
        let ident = u16::from_be_bytes([head[4], head[5]]);
        let taker = match head[0] {
            ECHO_REPLY => self.sockets.space(ns).and_then(|space| space.icmp.get(&ident)).copied(),
            _ => None,
        };
        let fits = |id: &SocketId| {
            self.sockets.get(*id).is_ok_and(|socket| {
                let address = socket.local.ip().is_unspecified() || socket.local.ip() == IpAddr::V4(ip.dst);
                address && socket.options.device.is_none_or(|on| packet.device == Some(on))
            })
        };
        let Some(id) = taker.filter(fits) else { return Delivery::Dropped(DropReason::NoSocket) };
        let datagram = Datagram {
            bytes: ip.payload.to_vec(),
            from: SocketAddr::new(ip.src.into(), 0),
            to: SocketAddr::new(ip.dst.into(), 0),
            ttl: ip.ttl,
            tos: ip.tos,
            device: packet.device,
            at: self.now,
        };
        self.queue_datagram(id, datagram)
    }
}
