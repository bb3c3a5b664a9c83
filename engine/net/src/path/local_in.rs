//! A packet for this machine: fragments are joined, INPUT is passed, its protocol takes it.
//!
//! Sources: net/ipv4/ip_input.c (`ip_local_deliver`).

use crate::ip::header::{self, protocol};
use crate::ip::{Defragment, icmp_type, unreachable};
use crate::netfilter::{Hook, HookState};
use crate::socket::Delivery;
use crate::{Network, Packet};
use api::{DropReason, NetnsId};

impl Network {
    pub(crate) fn local_in(&mut self, ns: NetnsId, mut packet: Packet) {
        if header::is_fragment(packet.data()) {
            match self.defragment(ns, packet, Defragment::LocalDeliver) {
                Some(whole) => packet = whole,
                None => return,
            }
        }
        let state = HookState {
            netns: ns,
            hook: Hook::Input,
            input: packet.device,
            output: None,
            physical_input: packet.port,
            physical_output: None,
        };
        if let Some(packet) = self.hook(&state, packet) {
            self.local_deliver(ns, packet);
        }
    }

    fn local_deliver(&mut self, ns: NetnsId, mut packet: Packet) {
        let bytes = packet.data();
        let kind = header::protocol_of(bytes);
        if kind == protocol::UDP && !self.netns[ns].vxlan_ports.is_empty() {
            let (_, port) = header::ports(bytes);
            if self.netns[ns].vxlan_ports.contains_key(&port) {
                return self.vxlan_receive(ns, port, packet);
            }
        }
        let delivery = self.deliver(ns, &mut packet);
        match kind {
            protocol::ICMP => self.icmp_receive(ns, packet, delivery),
            protocol::IPIP => {
                if let Some(packet) = self.ipip_receive(ns, packet) {
                    self.conclude_unknown(ns, packet, delivery);
                }
            }
            protocol::IGMP => self.consumed_in(ns, packet, "IGMP"),
            protocol::TCP | protocol::UDP => self.conclude(ns, packet, delivery),
            _ => self.conclude_unknown(ns, packet, delivery),
        }
    }

    /// No transport has that protocol: unless a raw socket took it, the sender is told.
    fn conclude_unknown(&mut self, ns: NetnsId, packet: Packet, delivery: Delivery) {
        let delivery = match delivery {
            Delivery::Dropped(_) => {
                Delivery::Unreachable { code: unreachable::PROTOCOL, reason: DropReason::IpNoProto }
            }
            other => other,
        };
        self.conclude(ns, packet, delivery);
    }

    /// The end of a packet that came up here, as sockets saw it.
    pub(crate) fn conclude(&mut self, ns: NetnsId, packet: Packet, delivery: Delivery) {
        match delivery {
            Delivery::Delivered(_) => {
                let bytes = packet.data();
                let (kind, (_, port)) = (header::protocol_of(bytes), header::ports(bytes));
                self.delivered(ns, packet, || match kind {
                    protocol::TCP => format!("TCP port {port}"),
                    protocol::UDP => format!("UDP port {port}"),
                    protocol::ICMP => "ICMP socket".to_owned(),
                    other => format!("raw socket, protocol {other}"),
                });
            }
            Delivery::Consumed(by) => self.consumed_in(ns, packet, by),
            Delivery::Dropped(reason) => self.drop_in(ns, packet, reason, ""),
            Delivery::Unreachable { code, reason } => {
                self.icmp_error_send(ns, &packet, icmp_type::UNREACHABLE, code, 0, true);
                self.drop_in(ns, packet, reason, "");
            }
        }
    }
}
