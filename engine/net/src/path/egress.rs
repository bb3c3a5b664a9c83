//! The way out: POSTROUTING, fragmenting, the next hop's MAC (`ip_output`).
//!
//! Also the hooks' common part: what a verdict does to a packet.
//! Sources: net/ipv4/ip_output.c (`ip_output`, `ip_mc_output`, `ip_finish_output`).

use super::route::RouteResult;
use crate::ip::header::{self, ethertype};
use crate::ip::{icmp_type, is_unfragmentable, unreachable};
use crate::netfilter::{Hook, HookState, HookVerdict, RejectWith};
use crate::packet::PacketType;
use crate::rtnetlink::RouteType;
use crate::trace::note::{self, Note};
use crate::{Errno, Network, Packet};
use api::{DropReason, NetnsId};

impl Network {
    /// Passes a hook; `None` where the packet ended there.
    pub(crate) fn hook(&mut self, state: &HookState, mut packet: Packet) -> Option<Packet> {
        match self.netfilter(state, &mut packet) {
            HookVerdict::Accept => Some(packet),
            HookVerdict::Drop(reason) => {
                self.drop_in(state.netns, packet, reason, state.hook.name());
                None
            }
            HookVerdict::Reject(with) => {
                self.reject(state, packet, with);
                None
            }
        }
    }

    /// `-j REJECT`: the sender is told, the packet ends.
    pub(crate) fn reject(&mut self, state: &HookState, packet: Packet, with: RejectWith) {
        let ns = state.netns;
        match with {
            RejectWith::Icmp { code } => {
                let local = state.hook == Hook::Input;
                self.icmp_error_send(ns, &packet, icmp_type::UNREACHABLE, code, 0, local);
            }
            RejectWith::TcpReset => self.reset_send(ns, &packet),
        }
        self.drop_in(ns, packet, DropReason::NetfilterReject, state.hook.name());
    }

    /// A packet that is forwarded, or was made by the kernel.
    pub(crate) fn egress(&mut self, ns: NetnsId, packet: Packet, route: &RouteResult) {
        if let Err(errno) = self.egress_local(ns, packet, route) {
            debug_assert_ne!(errno, Errno::EAGAIN, "nothing here asks to be tried again");
        }
    }

    /// `ip_output`, `ip_mc_output`: broadcasts and groups that we are in also come back to us.
    pub(super) fn egress_local(
        &mut self,
        ns: NetnsId,
        mut packet: Packet,
        route: &RouteResult,
    ) -> Result<(), Errno> {
        packet.protocol = ethertype::IPV4;
        let to_many = route.is_broadcast() || route.is_multicast();
        let loopback = self.netns[ns].loopback;
        if to_many && route.is_local() && route.device != loopback && packet.device.is_none() {
            let mut copy = self.fork(&packet);
            copy.looped = true;
            if let Some(copy) = self.postrouting(ns, copy, route) {
                self.loop_back(ns, copy, route);
            }
        }
        // A group's packet with no time to live was for us alone.
        if route.kind == RouteType::Multicast && header::ttl(packet.data()) == 0 {
            self.drop_in(ns, packet, DropReason::TtlExceeded, "a multicast for this host alone");
            return Ok(());
        }
        packet.looped = route.is_local() && !to_many;
        match self.postrouting(ns, packet, route) {
            Some(packet) => self.finish_output(ns, packet, route),
            None => Err(Errno::EPERM),
        }
    }

    fn postrouting(&mut self, ns: NetnsId, packet: Packet, route: &RouteResult) -> Option<Packet> {
        let state = HookState {
            netns: ns,
            hook: Hook::Postrouting,
            input: packet.device,
            output: Some(route.device),
            physical_input: packet.port,
            physical_output: None,
        };
        self.hook(&state, packet)
    }

    /// A copy of a broadcast comes in by the device it leaves by, without going through it (`dev_loopback_xmit`).
    fn loop_back(&mut self, ns: NetnsId, mut packet: Packet, route: &RouteResult) {
        packet.device = Some(route.device);
        packet.kind = if route.is_multicast() { PacketType::Multicast } else { PacketType::Broadcast };
        self.ip_receive(ns, route.device, packet);
    }

    /// `ip_finish_output`: cut to the MTU.
    fn finish_output(&mut self, ns: NetnsId, packet: Packet, route: &RouteResult) -> Result<(), Errno> {
        let forwarded = packet.device.is_some();
        let mut mtu = if forwarded { self.forward_mtu(ns, route) } else { route.mtu } as usize;
        let once = usize::from(packet.fragment_size);
        if once != 0 && once < mtu {
            mtu = once;
        }
        if packet.len() <= mtu {
            self.neighbour_output(ns, packet, route);
            return Ok(());
        }
        if is_unfragmentable(packet.data()) && once == 0 {
            let code = unreachable::FRAGMENTATION_NEEDED;
            self.icmp_error_send(ns, &packet, icmp_type::UNREACHABLE, code, mtu as u32, false);
            let detail = if self.trace.on { format!("MTU {mtu}") } else { String::new() };
            self.drop_in(ns, packet, DropReason::PktTooBig, &detail);
            return Err(Errno::EMSGSIZE);
        }
        for piece in self.fragment(ns, packet, mtu) {
            self.neighbour_output(ns, piece, route);
        }
        Ok(())
    }

    /// A route, for the journey.
    pub(crate) fn route_note(&self, route: &RouteResult) -> Note {
        Note::Route(note::Route::of(route, self.devices[route.device].name.clone()))
    }
}
