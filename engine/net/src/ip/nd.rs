//! What a device says when it gets an IPv6 address: group reports, duplicate address detection, router solicitation.
//!
//! Always: whole frames with valid checksums; bridges learn from them as from any other.
//! Differs from Linux: nothing is answered, since IPv6 carries no traffic yet.
//! Sources: RFC 4861 §4, RFC 4862 §5.4, RFC 3810 §5.2 (listener reports).

use super::address6::solicited_node_mac;
use super::header::{ethertype, fold, sum};
use crate::packet::PacketType;
use crate::{Mac, Network, Packet};
use api::{DeviceId, DropReason, NetnsId};
use std::net::Ipv6Addr;

const ICMPV6: u8 = 58;
const HOP_BY_HOP: u8 = 0;
const IPV6_HEADER: usize = 40;
const ROUTER_SOLICITATION: u8 = 133;
const NEIGHBOUR_SOLICITATION: u8 = 135;
const LISTENER_REPORT: u8 = 143;
/// Router alert, and padding to eight bytes (RFC 2711).
const ROUTER_ALERT: [u8; 8] = [ICMPV6, 0, 5, 2, 0, 0, 1, 0];

fn solicited_node(address: Ipv6Addr) -> Ipv6Addr {
    let [.., d, e, f] = address.octets();
    Ipv6Addr::from([0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, d, e, f])
}

impl Network {
    /// "I listen to the group of `address`."
    pub(super) fn nd_join_report(&mut self, device: DeviceId, source: Ipv6Addr, address: Ipv6Addr) {
        let mut message = vec![LISTENER_REPORT, 0, 0, 0, 0, 0, 0, 1, 4, 0, 0, 0];
        message.extend_from_slice(&solicited_node(address).octets());
        let routers = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x16);
        let to = Mac([0x33, 0x33, 0, 0, 0, 0x16]);
        self.nd_send(device, to, source, routers, 1, &ROUTER_ALERT, message);
    }

    /// "Does anybody have this address?"
    pub(super) fn nd_probe(&mut self, device: DeviceId, address: Ipv6Addr) {
        let mut message = vec![NEIGHBOUR_SOLICITATION, 0, 0, 0, 0, 0, 0, 0];
        message.extend_from_slice(&address.octets());
        // A nonce, so that its own probe coming back is no objection (RFC 7527).
        let mut nonce = [14, 1, 0, 0, 0, 0, 0, 0];
        self.neighbour_rng.fill(&mut nonce[2..]);
        message.extend_from_slice(&nonce);
        let to = solicited_node_mac(address);
        self.nd_send(device, to, Ipv6Addr::UNSPECIFIED, solicited_node(address), 255, &[], message);
    }

    /// "Is there a router?"
    pub(super) fn nd_router_solicit(&mut self, device: DeviceId, source: Ipv6Addr) {
        let mac = self.devices[device].mac;
        let mut message = vec![ROUTER_SOLICITATION, 0, 0, 0, 0, 0, 0, 0, 1, 1];
        message.extend_from_slice(&mac.0);
        let routers = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 2);
        self.nd_send(device, Mac([0x33, 0x33, 0, 0, 0, 2]), source, routers, 255, &[], message);
    }

    #[allow(clippy::too_many_arguments)]
    fn nd_send(
        &mut self,
        device: DeviceId,
        to: Mac,
        source: Ipv6Addr,
        destination: Ipv6Addr,
        hops: u8,
        options: &[u8],
        mut message: Vec<u8>,
    ) {
        if !self.devices[device].active {
            return;
        }
        let length = message.len();
        let pseudo = sum(&source.octets())
            + sum(&destination.octets())
            + sum(&(length as u32).to_be_bytes())
            + sum(&[0, 0, 0, ICMPV6]);
        let check = fold(pseudo + sum(&message));
        message[2..4].copy_from_slice(&check);
        let mut bytes = vec![0; IPV6_HEADER];
        bytes[0] = 0x60;
        bytes[4..6].copy_from_slice(&((options.len() + length) as u16).to_be_bytes());
        bytes[6] = if options.is_empty() { ICMPV6 } else { HOP_BY_HOP };
        bytes[7] = hops;
        bytes[8..24].copy_from_slice(&source.octets());
        bytes[24..40].copy_from_slice(&destination.octets());
        bytes.extend_from_slice(options);
        bytes.extend_from_slice(&message);
        let ns = self.devices[device].netns;
        let journey = self.journey_begin(ns, "IPv6", None, ethertype::IPV6, &bytes);
        let packet = Packet::new(journey, &bytes);
        self.frame_push(device, to, ethertype::IPV6, packet);
    }

    /// A frame of EtherType IPv6, its Ethernet header off.
    pub(crate) fn ipv6_receive(&mut self, ns: NetnsId, device: DeviceId, packet: Packet) {
        if packet.kind == PacketType::OtherHost {
            return self.drop_at(device, packet, DropReason::OtherHost, "");
        }
        let bytes = packet.data();
        let next = bytes.get(6).copied();
        let talk =
            next == Some(ICMPV6) || (next == Some(HOP_BY_HOP) && bytes.get(IPV6_HEADER) == Some(&ICMPV6));
        if talk {
            self.consumed_in(ns, packet, "IPv6 neighbour discovery");
        } else {
            self.drop_at(device, packet, DropReason::Ipv6Disabled, "");
        }
    }
}
