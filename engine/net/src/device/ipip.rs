//! ipip: IPv4 inside IPv4.
//!
//! Always: a tunnel takes only what comes from its remote end to its local one.
//! Differs from Linux: no `tunl0`, no keyed tunnels, no `external`; the outer path's MTU is not learnt for the inner.
//! Sources: RFC 2003; net/ipv4/ipip.c, ip_tunnel.c.

use super::Kind;
use crate::ip::header::{self, Fields, protocol, push};
use crate::ip::{icmp_type, is_unfragmentable, unreachable};
use crate::path::FlowKey;
use crate::{Network, Packet};
use api::journey::StopKind;
use api::{DeviceId, DropReason, NetnsId};
use std::net::{IpAddr, Ipv4Addr};

#[derive(Clone, Copy, Debug)]
pub(crate) struct Tunnel {
    pub local: Ipv4Addr,
    pub remote: Ipv4Addr,
    pub link: Option<DeviceId>,
    /// 0: the inner packet's.
    pub ttl: u8,
    /// 1: the inner packet's.
    pub tos: u8,
    pub path_mtu_discovery: bool,
    /// Where its outer packets live.
    pub net: NetnsId,
}

impl Network {
    pub(super) fn ipip_transmit(&mut self, device: DeviceId, mut packet: Packet) {
        let Kind::Ipip(tunnel) = self.devices[device].kind else { return };
        let bytes = packet.data();
        let (tos, ttl) = (header::tos(bytes), header::ttl(bytes));
        if tunnel.remote.is_unspecified() {
            self.devices[device].stats.tx_errors += 1;
            return self.drop_at(device, packet, DropReason::IpOutNoRoutes, "the tunnel has no remote end");
        }
        let tos = if tunnel.tos == 1 { tos } else { tunnel.tos };
        let flow = FlowKey {
            destination: IpAddr::V4(tunnel.remote),
            source: Some(IpAddr::V4(tunnel.local)),
            oif: tunnel.link,
            tos,
            mark: packet.mark,
            protocol: protocol::IPIP,
            ..FlowKey::default()
        };
        let route = match self.route_output(tunnel.net, &flow) {
            Ok(route) if route.device != device => route,
            found => {
                let stats = &mut self.devices[device].stats;
                stats.tx_errors += 1;
                stats.collisions += u64::from(found.is_ok());
                stats.tx_carrier_errors += u64::from(found.is_err());
                let reason = if found.is_ok() { DropReason::TunnelTxLoop } else { DropReason::IpOutNoRoutes };
                return self.drop_at(device, packet, reason, "on the way to the tunnel's other end");
            }
        };
        let room = route.mtu.saturating_sub(header::IPV4_HEADER as u32);
        if tunnel.path_mtu_discovery && is_unfragmentable(packet.data()) && packet.len() > room as usize {
            let ns = self.devices[device].netns;
            self.icmp_error_send(
                ns,
                &packet,
                icmp_type::UNREACHABLE,
                unreachable::FRAGMENTATION_NEEDED,
                room,
                false,
            );
            self.devices[device].stats.tx_errors += 1;
            return self.drop_at(device, packet, DropReason::PktTooBig, "");
        }
        let IpAddr::V4(source) = route.source else { return };
        self.count_sent(device, packet.len());
        let dont_fragment = tunnel.path_mtu_discovery && is_unfragmentable(packet.data());
        self.tunnel_scrub(device, tunnel.net, &mut packet);
        let fields = Fields {
            source,
            destination: tunnel.remote,
            protocol: protocol::IPIP,
            ttl: if tunnel.ttl == 0 { ttl } else { tunnel.ttl },
            tos,
            identification: self.next_identification(tunnel.net),
            dont_fragment,
        };
        push(&mut packet, &fields);
        if self.trace.on {
            let outer = format!("{source} > {}", tunnel.remote);
            self.stop(&packet, device, None, StopKind::Encapsulate { how: "ipip".to_owned(), outer }.into());
        }
        self.local_out(tunnel.net, packet, &route);
    }

    /// An IPIP packet for this machine: gives it back if it belongs to no tunnel here.
    pub(crate) fn ipip_receive(&mut self, ns: NetnsId, mut packet: Packet) -> Option<Packet> {
        let bytes = packet.data();
        let (source, destination) = (header::source(bytes), header::destination(bytes));
        let start = header::header_length(bytes);
        let fits = |tunnel: &Tunnel| {
            tunnel.net == ns
                && (tunnel.remote == source || tunnel.remote.is_unspecified())
                && (tunnel.local == destination || tunnel.local.is_unspecified())
        };
        // Its own link first, then both ends known, the remote one, the local one (`ip_tunnel_lookup`).
        let there = self.devices.iter().filter_map(|(id, device)| match &device.kind {
            Kind::Ipip(it) if device.is_up() && fits(it) => {
                let rank =
                    (it.link == packet.device, !it.remote.is_unspecified(), !it.local.is_unspecified());
                Some((rank, id))
            }
            _ => None,
        });
        let Some((_, device)) = there.max() else { return Some(packet) };
        if self.trace.on {
            let outer = format!("{source} > {destination}");
            self.stop(&packet, device, None, StopKind::Decapsulate { how: "ipip".to_owned(), outer }.into());
        }
        let inside = packet.pull(start);
        debug_assert!(inside, "the header was checked");
        self.tunnel_scrub(device, ns, &mut packet);
        packet.forget_frame();
        self.count_received(device, packet.len());
        self.receive(device, packet);
        None
    }
}
