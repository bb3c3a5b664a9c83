//! A packet made here: OUTPUT, perhaps another route after it, then out (`__ip_local_out`).
//!
//! Sources: net/ipv4/ip_output.c; net/netfilter (`ip_route_me_harder`).

use super::route::{FlowKey, RouteResult};
use crate::ip::header;
use crate::netfilter::{Hook, HookState, HookVerdict};
use crate::{Errno, Network, Packet};
use api::{DropReason, NetnsId};
use std::net::IpAddr;

/// What of a packet a route depends on.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Routed {
    source: std::net::Ipv4Addr,
    destination: std::net::Ipv4Addr,
    tos: u8,
    mark: u32,
}

impl Routed {
    fn of(packet: &Packet) -> Routed {
        let bytes = packet.data();
        Routed {
            source: header::source(bytes),
            destination: header::destination(bytes),
            tos: header::tos(bytes),
            mark: packet.mark,
        }
    }
}

impl Network {
    /// A whole IP packet made here, along a route found for it. An error is what the sending program sees: EPERM
    /// where a rule dropped it, ENOBUFS or EMSGSIZE; the packet's journey ends in any case.
    pub(crate) fn output(
        &mut self,
        ns: NetnsId,
        mut packet: Packet,
        route: &RouteResult,
    ) -> Result<(), Errno> {
        packet.device = None;
        if self.trace.on {
            self.stop_in(&packet, ns, self.route_note(route));
        }
        let before = Routed::of(&packet);
        let state = HookState {
            netns: ns,
            hook: Hook::Output,
            input: None,
            output: Some(route.device),
            physical_input: None,
            physical_output: None,
        };
        match self.netfilter(&state, &mut packet) {
            HookVerdict::Accept => {}
            HookVerdict::Drop(reason) => {
                self.drop_in(ns, packet, reason, "OUTPUT");
                return Err(Errno::EPERM);
            }
            HookVerdict::Reject(with) => {
                self.reject(&state, packet, with);
                return Err(Errno::EPERM);
            }
        }
        let after = Routed::of(&packet);
        if before == after {
            return self.egress_local(ns, packet, route);
        }
        match self.route_again(ns, &packet, &after) {
            Ok(route) => {
                if self.trace.on {
                    self.stop_in(&packet, ns, self.route_note(&route));
                }
                self.egress_local(ns, packet, &route)
            }
            Err(errno) => {
                self.drop_in(ns, packet, DropReason::IpOutNoRoutes, "routed again after OUTPUT");
                Err(errno)
            }
        }
    }

    /// [`Network::output`] for what the kernel itself sends.
    pub(crate) fn local_out(&mut self, ns: NetnsId, packet: Packet, route: &RouteResult) {
        if let Err(errno) = self.output(ns, packet, route) {
            debug_assert_ne!(errno, Errno::EAGAIN, "nothing here asks to be tried again");
        }
    }

    /// Destination, source or mark were changed by OUTPUT (`ip_route_me_harder`).
    fn route_again(&self, ns: NetnsId, packet: &Packet, now: &Routed) -> Result<RouteResult, Errno> {
        let (source_port, destination_port) = header::ports(packet.data());
        let flow = FlowKey {
            destination: IpAddr::V4(now.destination),
            source: Some(IpAddr::V4(now.source)),
            oif: None,
            tos: now.tos,
            mark: now.mark,
            uid: packet.owner.map(|it| it.0),
            protocol: header::protocol_of(packet.data()),
            source_port,
            destination_port,
            any_source: true,
            on_link: false,
        };
        self.route_output(ns, &flow)
    }
}
