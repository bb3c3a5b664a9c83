//! Where a packet that came in goes: up to this machine, on to another, or nowhere (`ip_route_input_slow`).
//!
//! Stands behind PREROUTING. Always: martian sources and destinations go no further.
//! Sources: net/ipv4/route.c, fib_frontend.c (`fib_validate_source`); RFC 1812 §4.2.2.11, §5.3.7, RFC 3704 (rp_filter).

use super::route::{RouteResult, flow_hash, query_of};
use crate::ip::{FibQuery, FibResult};
use crate::rtnetlink::{RouteType, nexthop_flags as nh, route_flags as rtcf, scope, table};
use crate::sysctl::{Conf, Key};
use crate::{Errno, Network, Packet};
use api::{DeviceId, DropReason, NetnsId};
use std::net::{IpAddr, Ipv4Addr};

/// What is to be done with a packet that came in.
#[derive(Clone, Copy, Debug)]
pub(crate) enum InputRoute {
    Local(RouteResult),
    Forward(RouteResult),
    /// The sender is told by that errno; the reason stands for the route.
    Unreachable(Errno, DropReason),
    Drop(DropReason, &'static str),
}

impl Network {
    pub(crate) fn route_input(&mut self, ns: NetnsId, device: DeviceId, packet: &Packet) -> InputRoute {
        let bytes = packet.data();
        let mut query = query_of(bytes);
        let (source, destination) = (Ipv4Addr::from(query.source), Ipv4Addr::from(query.destination));
        if destination.is_multicast() {
            return self.route_input_group(ns, device, source, destination);
        }
        let localnet = |it: &Network| it.conf_or(device, Conf::RouteLocalnet);
        if source.is_multicast() || source.is_broadcast() {
            return InputRoute::Drop(DropReason::IpInvalidSource, "martian source");
        }
        let to_all = destination.is_broadcast() || (source.is_unspecified() && destination.is_unspecified());
        if !to_all {
            if source.is_unspecified() {
                return InputRoute::Drop(DropReason::IpInvalidSource, "martian source 0.0.0.0");
            }
            if destination.is_unspecified() {
                return InputRoute::Drop(DropReason::IpInvalidSource, "martian destination 0.0.0.0");
            }
            if destination.is_loopback() && !localnet(self) {
                return InputRoute::Drop(DropReason::IpInvalidSource, "martian destination 127.0.0.0/8");
            }
            if source.is_loopback() && !localnet(self) {
                return InputRoute::Drop(DropReason::IpInvalidSource, "martian source 127.0.0.0/8");
            }
        }
        query.iif = Some(device);
        query.mark = packet.mark;
        query.hash = flow_hash(&query, self.netns[ns].sysctl.int(Key::FibMultipathHashPolicy) == 1);
        let found = if to_all {
            return self.route_input_broadcast(ns, device, source, destination, &query);
        } else {
            self.fib_lookup(ns, &query)
        };
        let found = match found {
            Ok(found) => found,
            Err(_) if self.devices[device].ip.conf.get(Conf::Forwarding) == 0 => {
                return self.input_unreachable(ns, device, Errno::EHOSTUNREACH);
            }
            Err(errno) => return self.input_unreachable(ns, device, errno),
        };
        match found.kind {
            RouteType::Broadcast => self.route_input_broadcast(ns, device, source, destination, &query),
            RouteType::Local => match self.validate_source(ns, device, source, &query, None) {
                Ok(_) => InputRoute::Local(self.input_local(ns, device, source, destination, &found)),
                Err((reason, detail)) => InputRoute::Drop(reason, detail),
            },
            _ if self.devices[device].ip.conf.get(Conf::Forwarding) == 0 => {
                self.input_unreachable(ns, device, Errno::EHOSTUNREACH)
            }
            RouteType::Unicast => self.route_input_forward(ns, device, source, destination, &query, &found),
            _ => InputRoute::Drop(DropReason::IpInNoRoutes, "martian destination"),
        }
    }

    /// No way: silence where this machine is no router, else the sender is told.
    fn input_unreachable(&self, _ns: NetnsId, device: DeviceId, errno: Errno) -> InputRoute {
        if self.devices[device].ip.conf.get(Conf::Forwarding) == 0 {
            return InputRoute::Drop(DropReason::IpForwardingDisabled, "net.ipv4.ip_forward is 0");
        }
        let reason = match errno {
            Errno::EINVAL => DropReason::IpBlackhole,
            Errno::EHOSTUNREACH => DropReason::IpUnreachable,
            Errno::EACCES => DropReason::IpProhibit,
            _ => DropReason::IpInNoRoutes,
        };
        if errno == Errno::EINVAL {
            InputRoute::Drop(reason, "")
        } else {
            InputRoute::Unreachable(errno, reason)
        }
    }

    fn input_local(
        &self,
        ns: NetnsId,
        device: DeviceId,
        source: Ipv4Addr,
        destination: Ipv4Addr,
        found: &FibResult,
    ) -> RouteResult {
        RouteResult {
            kind: found.kind,
            destination: IpAddr::V4(destination),
            source: IpAddr::V4(source),
            device,
            gateway: None,
            mtu: self.devices[self.netns[ns].loopback].mtu,
            mtu_learnt: false,
            flags: rtcf::LOCAL | if found.kind == RouteType::Broadcast { rtcf::BROADCAST } else { 0 },
            table: table::LOCAL,
            local_device: found.hop.device,
            generation: self.netns[ns].fib.generation,
        }
    }

    fn route_input_broadcast(
        &self,
        ns: NetnsId,
        device: DeviceId,
        source: Ipv4Addr,
        destination: Ipv4Addr,
        query: &FibQuery,
    ) -> InputRoute {
        if !source.is_unspecified()
            && let Err((reason, detail)) = self.validate_source(ns, device, source, query, None)
        {
            return InputRoute::Drop(reason, detail);
        }
        InputRoute::Local(RouteResult {
            kind: RouteType::Broadcast,
            destination: IpAddr::V4(destination),
            source: IpAddr::V4(source),
            device,
            gateway: None,
            mtu: self.devices[device].mtu,
            mtu_learnt: false,
            flags: rtcf::LOCAL | rtcf::BROADCAST,
            table: table::LOCAL,
            local_device: Some(device),
            generation: self.netns[ns].fib.generation,
        })
    }

    fn route_input_group(
        &self,
        ns: NetnsId,
        device: DeviceId,
        source: Ipv4Addr,
        destination: Ipv4Addr,
    ) -> InputRoute {
        if source.is_multicast()
            || source.is_broadcast()
            || (source.is_loopback() && !self.conf_or(device, Conf::RouteLocalnet))
        {
            return InputRoute::Drop(DropReason::IpInvalidSource, "martian source");
        }
        if !self.is_member(device, destination) {
            return InputRoute::Drop(DropReason::IpInNoRoutes, "nobody here is in that multicast group");
        }
        InputRoute::Local(RouteResult {
            kind: RouteType::Multicast,
            destination: IpAddr::V4(destination),
            source: IpAddr::V4(source),
            device,
            gateway: None,
            mtu: self.devices[device].mtu,
            mtu_learnt: false,
            flags: rtcf::LOCAL | rtcf::MULTICAST,
            table: table::LOCAL,
            local_device: Some(device),
            generation: self.netns[ns].fib.generation,
        })
    }

    /// `__mkroute_input`
    fn route_input_forward(
        &self,
        ns: NetnsId,
        device: DeviceId,
        source: Ipv4Addr,
        destination: Ipv4Addr,
        query: &FibQuery,
        found: &FibResult,
    ) -> InputRoute {
        let Some(out) = found.hop.device else {
            return InputRoute::Drop(DropReason::IpInNoRoutes, "a route without a device");
        };
        let near = match self.validate_source(ns, device, source, query, Some(out)) {
            Ok(near) => near,
            Err((reason, detail)) => return InputRoute::Drop(reason, detail),
        };
        let mut route = RouteResult {
            kind: found.kind,
            destination: IpAddr::V4(destination),
            source: IpAddr::V4(source),
            device: out,
            gateway: found.hop.gateway.map(IpAddr::V4),
            mtu: self.hop_mtu(found),
            mtu_learnt: false,
            flags: 0,
            table: found.table,
            local_device: None,
            generation: self.netns[ns].fib.generation,
        };
        // Back to where it came from, on one link: the sender may go there straight.
        let straight = || {
            self.conf_or(device, Conf::SharedMedia)
                || found.hop.gateway.is_some_and(|gateway| self.is_on_link(device, source, gateway))
        };
        if out == device && near && self.conf_or(device, Conf::SendRedirects) && straight() {
            route.flags |= rtcf::DOREDIRECT;
        }
        self.apply_exception(ns, destination, &found.hop, &mut route);
        InputRoute::Forward(route)
    }

    fn is_on_link(&self, device: DeviceId, a: Ipv4Addr, b: Ipv4Addr) -> bool {
        self.devices[device].ip.addresses.iter().any(|it| it.covers(a) && it.covers(b))
    }

    /// May a packet from `source` come in there? Says whether the source is a neighbour (`fib_validate_source`).
    pub(crate) fn validate_source(
        &self,
        ns: NetnsId,
        device: DeviceId,
        source: Ipv4Addr,
        query: &FibQuery,
        out: Option<DeviceId>,
    ) -> Result<bool, (DropReason, &'static str)> {
        let filter = self.conf_max(device, Conf::RpFilter);
        let accept_local = self.conf_or(device, Conf::AcceptLocal);
        let it = &self.netns[ns];
        let back_out = out == Some(device) && self.conf_or(device, Conf::SendRedirects);
        if filter == 0 && !back_out && !it.fib.custom_rules {
            if !accept_local && it.has_address(source.into()) {
                return Err((DropReason::IpLocalSource, "martian source: one of our own addresses"));
            }
            return Ok(false);
        }
        let back = FibQuery {
            destination: source.into(),
            source: query.destination,
            iif: Some(out.unwrap_or(it.loopback)),
            mark: if self.conf_or(device, Conf::SrcValidMark) { query.mark } else { 0 },
            tos: query.tos,
            ..FibQuery::default()
        };
        let refused = Err((DropReason::IpRpFilter, "the way back to the sender leaves by another device"));
        let found = match self.fib_lookup(ns, &back) {
            Ok(found) => found,
            Err(_) if filter == 0 => return Ok(false),
            Err(_) => return Err((DropReason::IpRpFilter, "no route back to the sender")),
        };
        if found.kind != RouteType::Unicast && !(found.kind == RouteType::Local && accept_local) {
            return Err((DropReason::IpLocalSource, "martian source: one of our own addresses"));
        }
        if self.leads_to(ns, &found, device) {
            return Ok(found.hop.scope >= scope::HOST);
        }
        if self.devices[device].ip.addresses.is_empty() {
            return if filter == 0 { Ok(false) } else { refused };
        }
        if filter == 1 {
            return refused;
        }
        let there = FibQuery { oif: Some(device), ignore_linkstate: true, ..back };
        let found = self.fib_lookup(ns, &there).ok().filter(|found| found.kind == RouteType::Unicast);
        Ok(found.is_some_and(|found| found.hop.scope >= scope::HOST))
    }

    /// Does any way of the route that was found lead out of `device`?
    fn leads_to(&self, ns: NetnsId, found: &FibResult, device: DeviceId) -> bool {
        if found.hop.device == Some(device) {
            return true;
        }
        let routes = self.netns[ns]
            .fib
            .table(found.table)
            .map(|it| it.routes(found.prefix.into(), found.prefix_length));
        routes.unwrap_or(&[]).iter().any(|route| {
            route.scope == found.scope
                && route.hops.iter().any(|hop| hop.device == Some(device) && hop.flags & nh::DEAD == 0)
        })
    }
}
