//! Bridged IPv4 frames visit iptables when `net.bridge.bridge-nf-call-iptables` is 1 (`br_netfilter`).
//!
//! Called by `device/bridge.rs` with frames that start at their Ethernet header.
//! Always: a frame that was seen at PREROUTING here is not shown to it again by the IP layer.
//! Differs from Linux: fragments are not joined for the hooks; a bridged packet whose new next hop must first be asked
//! for by ARP leaves with the bridge's MAC as its source.
//! Sources: net/bridge/br_netfilter_hooks.c.

use super::route::FlowKey;
use super::route_input::InputRoute;
use crate::ip::header::{self, ethertype};
use crate::ip::is_unfragmentable;
use crate::netfilter::{Hook, HookState};
use crate::packet::PacketType;
use crate::rtnetlink::{RouteType, route_flags as rtcf};
use crate::sysctl::{Conf, Key};
use crate::{Network, Packet};
use api::{DeviceId, DropReason, NetnsId};
use std::net::IpAddr;

/// What becomes of a bridged packet whose destination PREROUTING changed.
enum Dnat {
    /// The bridge goes on with it.
    Bridge(Packet),
    Ended,
}

impl Network {
    fn bridge_calls_iptables(&self, bridge: DeviceId, packet: &Packet) -> bool {
        packet.protocol == ethertype::IPV4
            && (self.netns[self.devices[bridge].netns].sysctl.int(Key::BridgeNfCallIptables) != 0
                || self.devices[bridge].bridge().is_some_and(|br| br.nf_call_iptables))
    }

    /// `br_nf_pre_routing`: gives the frame back, or `None` where it ended or went another way.
    pub(crate) fn bridge_prerouting(
        &mut self,
        bridge: DeviceId,
        port: DeviceId,
        mut packet: Packet,
    ) -> Option<Packet> {
        if !self.bridge_calls_iptables(bridge, &packet) {
            return Some(packet);
        }
        if !packet.pull_frame() {
            self.drop_at(port, packet, DropReason::PktTooSmall, "");
            return None;
        }
        match header::check(packet.data()) {
            Ok(total) => packet.truncate(total),
            Err(reason) => {
                self.drop_at(port, packet, reason, "");
                return None;
            }
        }
        packet.port = Some(port);
        let ns = self.devices[bridge].netns;
        let before = header::destination(packet.data());
        let kind = packet.kind;
        if kind == PacketType::OtherHost {
            packet.kind = PacketType::Host;
        }
        packet.device = Some(bridge);
        let state = HookState {
            netns: ns,
            hook: Hook::Prerouting,
            input: Some(bridge),
            output: None,
            physical_input: Some(port),
            physical_output: None,
        };
        let mut packet = self.hook(&state, packet)?;
        packet.bridged = true;
        packet.kind = kind;
        if header::destination(packet.data()) != before {
            match self.bridge_dnat(ns, bridge, packet) {
                Dnat::Bridge(next) => packet = next,
                Dnat::Ended => return None,
            }
        }
        packet.device = Some(port);
        let framed = packet.unpull_frame();
        debug_assert!(framed, "the Ethernet header is in front");
        Some(packet)
    }

    /// DNAT on a bridge: to another of its ports it stays bridged, else it goes up to be routed.
    fn bridge_dnat(&mut self, ns: NetnsId, bridge: DeviceId, mut packet: Packet) -> Dnat {
        packet.kind = PacketType::Host;
        let route = match self.route_input(ns, bridge, &packet) {
            InputRoute::Forward(route) if route.device == bridge => route,
            InputRoute::Local(_) | InputRoute::Forward(_) => {
                let mac = self.devices[bridge].mac;
                packet.set_frame_destination(mac);
                return Dnat::Bridge(packet);
            }
            InputRoute::Unreachable(_, reason) => {
                self.drop_in(ns, packet, reason, "after DNAT on the bridge");
                return Dnat::Ended;
            }
            InputRoute::Drop(reason, detail) => {
                // Bridged traffic does not need ip_forward.
                let flow = FlowKey {
                    destination: IpAddr::V4(header::destination(packet.data())),
                    tos: header::tos(packet.data()),
                    ..FlowKey::default()
                };
                let routes = self.devices[bridge].ip.conf.get(Conf::Forwarding) != 0;
                match self.route_output(ns, &flow) {
                    Ok(route) if !routes && route.device == bridge && route.kind == RouteType::Unicast => {
                        route
                    }
                    _ => {
                        self.drop_in(ns, packet, reason, detail);
                        return Dnat::Ended;
                    }
                }
            }
        };
        debug_assert_eq!(route.flags & rtcf::LOCAL, 0);
        match self.neighbour_mac(ns, bridge, route.next_hop()) {
            Some(mac) => {
                packet.set_frame_destination(mac);
                Dnat::Bridge(packet)
            }
            None => {
                self.neighbour_output(ns, packet, &route);
                Dnat::Ended
            }
        }
    }

    /// `br_nf_forward_ip` and `br_nf_post_routing`, for a frame that goes from one port to another: what leaves then,
    /// in pieces where it is too large for the port.
    pub(crate) fn bridge_forward_hooks(
        &mut self,
        bridge: DeviceId,
        input: DeviceId,
        port: DeviceId,
        mut packet: Packet,
    ) -> Vec<Packet> {
        let ns = self.devices[bridge].netns;
        let pulled = packet.pull_frame();
        debug_assert!(pulled, "it was checked at PREROUTING");
        let state = HookState {
            netns: ns,
            hook: Hook::Forward,
            input: Some(bridge),
            output: Some(bridge),
            physical_input: Some(input),
            physical_output: Some(port),
        };
        let Some(packet) = self.hook(&state, packet) else { return Vec::new() };
        let state = HookState { hook: Hook::Postrouting, input: None, ..state };
        let Some(mut packet) = self.hook(&state, packet) else { return Vec::new() };
        let mtu = self.devices[port].mtu as usize;
        if packet.len() <= mtu {
            let framed = packet.unpull_frame();
            debug_assert!(framed, "the Ethernet header is in front");
            return vec![packet];
        }
        if is_unfragmentable(packet.data()) {
            let detail = if self.trace.on { format!("MTU {mtu}") } else { String::new() };
            self.drop_at(port, packet, DropReason::PktTooBig, &detail);
            return Vec::new();
        }
        let header = *packet.mac_header().expect("the Ethernet header is in front");
        let mut pieces = self.fragment(ns, packet, mtu);
        for piece in &mut pieces {
            piece.push(header.len()).copy_from_slice(&header);
        }
        pieces
    }
}
