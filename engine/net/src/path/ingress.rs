//! A frame comes in by a device: the taps, the bridge or what else stands on the device, then its protocol.
//!
//! Called with every frame that arrives. Always: the frame starts at its Ethernet header (an IP tunnel's at IP).
//! Sources: net/core/dev.c (`__netif_receive_skb_core`), net/ethernet/eth.c (`eth_type_trans`), ip_input.c (`ip_rcv`).

use super::route_input::InputRoute;
use crate::device::Kind;
use crate::ip::Defragment;
use crate::ip::header::{self, ethertype};
use crate::netfilter::{Hook, HookState};
use crate::packet::{ETHERNET, PacketType};
use crate::rtnetlink::{RouteType, route_flags as rtcf};
use crate::socket::FrameKind;
use crate::sysctl::Conf;
use crate::trace::note::Note;
use crate::{Errno, Mac, Network, Packet};
use api::{DeviceId, DropReason, NetnsId};

impl From<PacketType> for FrameKind {
    fn from(kind: PacketType) -> FrameKind {
        match kind {
            PacketType::Host => FrameKind::Host,
            PacketType::Broadcast => FrameKind::Broadcast,
            PacketType::Multicast => FrameKind::Multicast,
            PacketType::OtherHost => FrameKind::OtherHost,
        }
    }
}

impl Network {
    /// A frame reached the end of a veth, of a cable, of `lo`.
    pub(crate) fn arrive(&mut self, device: DeviceId, packet: Packet) {
        let Some(it) = self.devices.get_mut(device) else {
            return self.drop_nowhere(packet, DropReason::DeviceGone);
        };
        match it.kind {
            Kind::Nic(_) => self.cable_arrived(device, packet.len()),
            Kind::Veth { .. } => it.in_flight = it.in_flight.saturating_sub(1),
            _ => {}
        }
        self.receive(device, packet);
    }

    /// `netif_receive_skb`
    pub(crate) fn receive(&mut self, device: DeviceId, mut packet: Packet) {
        let it = &self.devices[device];
        if !it.is_up() {
            return self.drop_at(device, packet, DropReason::DevReady, "the device is down");
        }
        packet.device = Some(device);
        if !it.has_header() {
            return self.receive_headless(device, packet);
        }
        if packet.len() < ETHERNET {
            return self.drop_at(device, packet, DropReason::PktTooSmall, "");
        }
        let destination = Mac::from_slice(packet.data());
        packet.kind = if destination == it.mac {
            PacketType::Host
        } else if destination.is_broadcast() {
            PacketType::Broadcast
        } else if destination.is_multicast() {
            self.devices[device].stats.multicast +=
                u64::from(matches!(self.devices[device].kind, Kind::Nic(_)));
            PacketType::Multicast
        } else {
            PacketType::OtherHost
        };
        let ns = self.devices[device].netns;
        let frame = self.tap(ns, device, packet.kind.into(), &packet);
        if self.trace.on {
            self.stop(&packet, device, frame, Note::Received);
        }
        let bytes = packet.data();
        packet.protocol = u16::from_be_bytes([bytes[12], bytes[13]]);
        let it = &self.devices[device];
        if it.port.is_some() || !it.uppers.is_empty() {
            match self.receive_by_upper(device, packet) {
                Some(rest) => packet = rest,
                None => return,
            }
        }
        self.receive_protocol(device, packet);
    }

    /// An IP tunnel's packets have no Ethernet header.
    fn receive_headless(&mut self, device: DeviceId, mut packet: Packet) {
        packet.kind = PacketType::Host;
        packet.protocol = ethertype::IPV4;
        packet.forget_frame();
        let ns = self.devices[device].netns;
        let frame = self.tap(ns, device, FrameKind::Host, &packet);
        if self.trace.on {
            self.stop(&packet, device, frame, Note::Received);
        }
        self.ip_receive(ns, device, packet);
    }

    /// What the bridge hands up, or a port keeps for itself: the Ethernet header comes off.
    pub(crate) fn receive_protocol(&mut self, device: DeviceId, mut packet: Packet) {
        let ns = self.devices[device].netns;
        if !packet.pull_frame() {
            return self.drop_at(device, packet, DropReason::PktTooSmall, "");
        }
        match packet.protocol {
            ethertype::IPV4 => self.ip_receive(ns, device, packet),
            ethertype::ARP => self.arp_receive(ns, device, packet),
            ethertype::IPV6 => self.ipv6_receive(ns, device, packet),
            // Up to 1500 it is a length, and the frame an 802.2 one.
            0..=1500 => self.drop_at(device, packet, DropReason::UnhandledProto, "802.2"),
            other => {
                self.devices[device].stats.rx_dropped += 1;
                let detail = format!("EtherType 0x{other:04x}");
                self.drop_at(device, packet, DropReason::UnhandledProto, &detail);
            }
        }
    }

    /// `ip_rcv`: the header is checked, PREROUTING passed.
    pub(super) fn ip_receive(&mut self, ns: NetnsId, device: DeviceId, mut packet: Packet) {
        if packet.kind == PacketType::OtherHost {
            return self.drop_at(device, packet, DropReason::OtherHost, "");
        }
        match header::check(packet.data()) {
            Ok(total) => packet.truncate(total),
            Err(reason) => return self.drop_at(device, packet, reason, ""),
        }
        if std::mem::replace(&mut packet.bridged, false) {
            return self.ip_received(ns, device, packet);
        }
        if header::is_fragment(packet.data()) && self.netfilter_joins_fragments(ns) {
            match self.defragment(ns, packet, Defragment::Conntrack) {
                Some(whole) => packet = whole,
                None => return,
            }
        }
        let before = header::destination(packet.data());
        let state = HookState {
            netns: ns,
            hook: Hook::Prerouting,
            input: Some(device),
            output: None,
            physical_input: packet.port,
            physical_output: None,
        };
        if let Some(mut packet) = self.hook(&state, packet) {
            if header::destination(packet.data()) != before {
                packet.looped = false;
            }
            self.ip_received(ns, device, packet);
        }
    }

    /// `ip_rcv_finish`: up or on?
    pub(crate) fn ip_received(&mut self, ns: NetnsId, device: DeviceId, packet: Packet) {
        if packet.looped {
            return self.local_in(ns, packet);
        }
        let route = match self.route_input(ns, device, &packet) {
            InputRoute::Local(route) | InputRoute::Forward(route) => route,
            InputRoute::Drop(reason, detail) => return self.drop_in(ns, packet, reason, detail),
            InputRoute::Unreachable(errno, reason) => {
                use crate::ip::unreachable;
                let code = match errno {
                    Errno::EHOSTUNREACH => unreachable::HOST,
                    Errno::EACCES => unreachable::FILTERED,
                    _ => unreachable::NET,
                };
                self.icmp_error_send(ns, &packet, crate::ip::icmp_type::UNREACHABLE, code, 0, false);
                return self.drop_in(ns, packet, reason, "");
            }
        };
        // RFC 1122 §3.3.6: a unicast packet in a broadcast or multicast frame.
        if matches!(packet.kind, PacketType::Broadcast | PacketType::Multicast)
            && !matches!(route.kind, RouteType::Broadcast | RouteType::Multicast)
            && self.conf_or(device, Conf::DropUnicastInL2Multicast)
        {
            return self.drop_in(ns, packet, DropReason::UnicastInMulticast, "");
        }
        if self.trace.on {
            self.stop_in(&packet, ns, self.route_note(&route));
        }
        if route.is_local() {
            let mut packet = packet;
            if route.flags & (rtcf::BROADCAST | rtcf::MULTICAST) != 0 && packet.kind == PacketType::Host {
                packet.kind = PacketType::Broadcast;
            }
            self.local_in(ns, packet);
        } else {
            self.forward(ns, device, packet, &route);
        }
    }
}
