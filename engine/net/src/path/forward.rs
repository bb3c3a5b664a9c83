//! A packet for another machine: time to live, MTU, FORWARD, then out (`ip_forward`).
//!
//! Sources: net/ipv4/ip_forward.c; RFC 1812 §5.3.1 (TTL), §4.2.2.9.

use super::route::RouteResult;
use crate::ip::header::{self, decrease_ttl};
use crate::ip::{icmp_type, is_unfragmentable, unreachable};
use crate::netfilter::{Hook, HookState};
use crate::packet::PacketType;
use crate::rtnetlink::route_flags as rtcf;
use crate::sysctl::Key;
use crate::trace::note::Note;
use crate::{Network, Packet};
use api::{DeviceId, DropReason, NetnsId};

impl Network {
    pub(crate) fn forward(&mut self, ns: NetnsId, input: DeviceId, mut packet: Packet, route: &RouteResult) {
        if packet.kind != PacketType::Host {
            return self.drop_in(ns, packet, DropReason::UnicastInMulticast, "");
        }
        if header::ttl(packet.data()) <= 1 {
            self.icmp_error_send(ns, &packet, icmp_type::TIME_EXCEEDED, 0, 0, false);
            return self.drop_in(ns, packet, DropReason::TtlExceeded, "");
        }
        let mtu = self.forward_mtu(ns, route);
        // What came in pieces may leave in pieces, be it forbidden to cut it.
        let length = if packet.fragment_size == 0 { packet.len() } else { packet.fragment_size.into() };
        if length > mtu as usize && is_unfragmentable(packet.data()) {
            let code = unreachable::FRAGMENTATION_NEEDED;
            self.icmp_error_send(ns, &packet, icmp_type::UNREACHABLE, code, mtu, false);
            let detail = if self.trace.on { format!("MTU {mtu}") } else { String::new() };
            return self.drop_in(ns, packet, DropReason::PktTooBig, &detail);
        }
        let left = decrease_ttl(packet.data_mut());
        if self.trace.on {
            self.stop_in(&packet, ns, Note::Forward { ttl: left });
        }
        if route.flags & rtcf::DOREDIRECT != 0 {
            self.redirect_send(ns, &packet, route);
        }
        let state = HookState {
            netns: ns,
            hook: Hook::Forward,
            input: Some(input),
            output: Some(route.device),
            physical_input: packet.port,
            physical_output: None,
        };
        if let Some(packet) = self.hook(&state, packet) {
            self.egress(ns, packet, route);
        }
    }

    /// A learnt MTU counts for forwarded packets only if `ip_forward_use_pmtu` says so.
    pub(super) fn forward_mtu(&self, ns: NetnsId, route: &RouteResult) -> u32 {
        if route.mtu_learnt && self.netns[ns].sysctl.int(Key::IpForwardUsePmtu) == 0 {
            self.devices[route.device].mtu
        } else {
            route.mtu
        }
    }
}
