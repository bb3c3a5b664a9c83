//! `RTM_NEWROUTE`, `RTM_DELROUTE` and dumps of routes: `ip route`.
//!
//! Sources: net/ipv4/fib_frontend.c (`rtm_to_fib_config`), fib_semantics.c (`fib_create_info`, `fib_check_nh`).

use super::{
    Family, NetlinkError, NetlinkResult, Nexthop, NexthopRequest, Route, RouteRequest, RouteType,
    nexthop_flags as nh, protocol, scope, table,
};
use crate::ip::{FibQuery, FibRoute, Hop, RouteMatch};
use crate::sysctl::Conf;
use crate::{Errno, Network};
use api::{DeviceId, NetnsId};
use ipnet::{IpNet, Ipv4Net};
use std::net::{IpAddr, Ipv4Addr};

/// Next hops of one route; more are E2BIG.
const MAX_HOPS: usize = 256;

fn refuse<T>(errno: Errno, words: &str) -> NetlinkResult<T> {
    Err(NetlinkError::new(errno, words))
}

/// The narrowest scope a route of that type may have (`fib_props`).
fn widest_scope(kind: RouteType) -> u8 {
    match kind {
        RouteType::Local => scope::HOST,
        RouteType::Broadcast | RouteType::Anycast => scope::LINK,
        _ => scope::UNIVERSE,
    }
}

/// Types that are an answer without a way out.
fn is_error(kind: RouteType) -> bool {
    matches!(kind, RouteType::Blackhole | RouteType::Unreachable | RouteType::Prohibit | RouteType::Throw)
}

fn v4(address: Option<IpAddr>) -> NetlinkResult<Option<Ipv4Addr>> {
    match address {
        None => Ok(None),
        Some(IpAddr::V4(address)) => Ok(Some(address)),
        Some(IpAddr::V6(_)) => {
            refuse(Errno::EOPNOTSUPP, "IPv6 next hops: not simulated in vethlab; use an IPv4 one")
        }
    }
}

impl RouteRequest {
    /// What `ip` would say where nothing was typed.
    fn scope_on_adding(&self) -> u8 {
        self.scope.unwrap_or(match self.kind {
            RouteType::Local | RouteType::Nat => scope::HOST,
            RouteType::Broadcast | RouteType::Multicast | RouteType::Anycast => scope::LINK,
            RouteType::Unicast | RouteType::Unspec => {
                let via = self.multipath || self.nexthops.iter().any(|hop| hop.gateway.is_some());
                if via { scope::UNIVERSE } else { scope::LINK }
            }
            _ => scope::UNIVERSE,
        })
    }

    fn prefix(&self) -> NetlinkResult<(u32, u8)> {
        match self.destination {
            IpNet::V4(net) if net.trunc() == net => Ok((net.network().into(), net.prefix_len())),
            IpNet::V4(_) => refuse(Errno::EINVAL, "Invalid prefix for given prefix length"),
            IpNet::V6(_) => refuse(Errno::EOPNOTSUPP, "IPv6 routes: not simulated in vethlab; use IPv4"),
        }
    }

    fn table(&self) -> u32 {
        if self.table == table::UNSPEC { table::MAIN } else { self.table }
    }
}

impl Network {
    pub fn route_add(&mut self, ns: NetnsId, request: &RouteRequest) -> NetlinkResult<()> {
        let (prefix, length) = request.prefix()?;
        let route = self.route_build(ns, request)?;
        self.route_insert(ns, request.table(), prefix, length, route, request.mode)
    }

    /// `fib_create_info`
    fn route_build(&self, ns: NetnsId, request: &RouteRequest) -> NetlinkResult<FibRoute> {
        let wanted = request.scope_on_adding();
        if wanted < widest_scope(request.kind) {
            return refuse(Errno::EINVAL, "Invalid scope");
        }
        if request.nexthops.len() > MAX_HOPS {
            return Err(Errno::E2BIG.into());
        }
        let prefsrc = v4(request.prefsrc)?;
        let mut route = FibRoute {
            tos: request.tos & 0xfc,
            kind: request.kind,
            protocol: request.protocol.unwrap_or(protocol::BOOT),
            scope: wanted,
            priority: request.priority.unwrap_or(0),
            prefsrc,
            hops: Vec::new(),
            metrics: request.metrics.clone(),
        };
        if is_error(request.kind) {
            let named = request.nexthops.iter().any(|hop| hop.gateway.is_some() || hop.device.is_some());
            if named || request.multipath {
                let words = "Gateway, device and multipath can not be specified for this route type";
                return refuse(Errno::EINVAL, words);
            }
        } else {
            let typed = [NexthopRequest::default()];
            let hops = if request.nexthops.is_empty() { &typed[..] } else { &request.nexthops[..] };
            if wanted == scope::HOST && hops.len() != 1 {
                return refuse(Errno::EINVAL, "Route with host scope can not have multiple nexthops");
            }
            for hop in hops {
                route.hops.push(self.hop_check(ns, request, wanted, hop)?);
            }
        }
        if let Some(source) = prefsrc {
            let own = self.address_kind(ns, source) == RouteType::Local;
            let itself = request.kind == RouteType::Local && IpAddr::V4(source) == request.destination.addr();
            if !own && !itself {
                return refuse(Errno::EINVAL, "Invalid prefsrc address");
            }
        }
        Ok(route)
    }

    /// `fib_check_nh`
    fn hop_check(
        &self,
        ns: NetnsId,
        request: &RouteRequest,
        wanted: u8,
        hop: &NexthopRequest,
    ) -> NetlinkResult<Hop> {
        let device = match hop.device {
            Some(index) => Some(self.device_id(ns, index).ok_or(Errno::ENODEV)?),
            None => None,
        };
        let gateway = v4(hop.gateway)?.filter(|gateway| !gateway.is_unspecified());
        if wanted == scope::HOST {
            if gateway.is_some() {
                return refuse(Errno::EINVAL, "Route with host scope can not have a gateway");
            }
            let device = device.ok_or(Errno::ENODEV)?;
            return Ok(Hop {
                device: Some(device),
                gateway,
                scope: scope::NOWHERE,
                weight: hop.hops,
                flags: 0,
            });
        }
        let (device, far, flags) = match gateway {
            None => (self.hop_on_link(device, hop)?, scope::HOST, 0),
            Some(gateway) if hop.onlink => {
                (self.hop_onlink(ns, device, gateway, wanted)?, scope::LINK, nh::ONLINK)
            }
            Some(gateway) => {
                let (device, far) = self.hop_by_gateway(ns, device, gateway, wanted, request.table())?;
                (device, far, 0)
            }
        };
        let linkdown = if self.devices[device].carrier { 0 } else { nh::LINKDOWN };
        Ok(Hop { device: Some(device), gateway, scope: far, weight: hop.hops, flags: flags | linkdown })
    }

    /// Without a gateway: the destination itself is on the device's link.
    fn hop_on_link(&self, device: Option<DeviceId>, hop: &NexthopRequest) -> NetlinkResult<DeviceId> {
        if hop.onlink || hop.pervasive {
            let words = "Invalid flags for nexthop - PERVASIVE and ONLINK can not be set";
            return refuse(Errno::EINVAL, words);
        }
        let device = device.ok_or(Errno::ENODEV)?;
        if self.devices[device].is_up() {
            Ok(device)
        } else {
            refuse(Errno::ENETDOWN, "Device for nexthop is not up")
        }
    }

    /// A gateway that is taken to be on the link, whatever the other routes say.
    fn hop_onlink(
        &self,
        ns: NetnsId,
        device: Option<DeviceId>,
        gateway: Ipv4Addr,
        wanted: u8,
    ) -> NetlinkResult<DeviceId> {
        if wanted >= scope::LINK {
            return refuse(Errno::EINVAL, "Nexthop has invalid scope");
        }
        let Some(device) = device else { return refuse(Errno::ENODEV, "Nexthop device required for onlink") };
        if !self.devices[device].is_up() {
            return refuse(Errno::ENETDOWN, "Nexthop device is not up");
        }
        if self.address_kind(ns, gateway) != RouteType::Unicast {
            return refuse(Errno::EINVAL, "Nexthop has invalid gateway");
        }
        Ok(device)
    }

    /// A gateway that another route must lead to: by which device, and how far it is.
    fn hop_by_gateway(
        &self,
        ns: NetnsId,
        device: Option<DeviceId>,
        gateway: Ipv4Addr,
        wanted: u8,
        own: u32,
    ) -> NetlinkResult<(DeviceId, u8)> {
        let query = FibQuery {
            destination: gateway.into(),
            scope: wanted.saturating_add(1).max(scope::LINK),
            oif: device,
            iif: Some(self.netns[ns].loopback),
            ignore_linkstate: true,
            ..FibQuery::default()
        };
        let fib = &self.netns[ns].fib;
        let inside = fib.table(own).filter(|_| own != table::MAIN);
        let inside = inside.and_then(|it| it.lookup(own, &query, |_| true).ok());
        let found = match inside.map_or_else(|| self.fib_lookup(ns, &query), Ok) {
            Ok(found) => found,
            Err(errno) => return refuse(errno, "Nexthop has invalid gateway"),
        };
        if !matches!(found.kind, RouteType::Unicast | RouteType::Local) {
            return refuse(Errno::EINVAL, "Nexthop has invalid gateway");
        }
        let Some(device) = found.hop.device else {
            return refuse(Errno::EINVAL, "No egress device for nexthop gateway");
        };
        if self.devices[device].is_up() { Ok((device, found.scope)) } else { Err(Errno::ENETDOWN.into()) }
    }

    /// Takes the first route that agrees with all that was said: ESRCH where none does.
    pub fn route_delete(&mut self, ns: NetnsId, request: &RouteRequest) -> NetlinkResult<()> {
        let (prefix, length) = request.prefix()?;
        let hop = request.nexthops.first().cloned().unwrap_or_default();
        let device = match hop.device {
            Some(index) => Some(self.device_id(ns, index).ok_or(Errno::ESRCH)?),
            None => None,
        };
        let wanted = RouteMatch {
            kind: (request.kind != RouteType::Unspec).then_some(request.kind),
            tos: request.tos & 0xfc,
            scope: request.scope.filter(|scope| *scope != scope::NOWHERE),
            protocol: request.protocol.filter(|protocol| *protocol != protocol::UNSPEC),
            priority: request.priority,
            prefsrc: v4(request.prefsrc)?,
            device,
            gateway: v4(hop.gateway)?,
        };
        if self.netns[ns].fib.table(request.table()).is_none() {
            return refuse(Errno::ESRCH, "FIB table does not exist");
        }
        Ok(self.route_remove(ns, request.table(), prefix, length, &wanted)?)
    }

    /// `table` `None` is all tables, main and default ahead of local. A table that was never written to is ENOENT
    /// "ipv4: FIB table does not exist".
    pub fn routes(&self, ns: NetnsId, family: Family, table: Option<u32>) -> NetlinkResult<Vec<Route>> {
        if family == Family::Inet6 {
            return Ok(self.routes6(ns, table));
        }
        let fib = &self.netns[ns].fib;
        let tables: Vec<u32> = match table {
            Some(id) if fib.table(id).is_none() => {
                return refuse(Errno::ENOENT, "ipv4: FIB table does not exist");
            }
            Some(id) => vec![id],
            None => fib.tables.keys().copied().collect(),
        };
        let rows = tables.into_iter().filter_map(|id| Some((id, fib.table(id)?))).flat_map(|(id, it)| {
            it.iter().map(move |(prefix, length, route)| self.route_row(id, prefix, length, route))
        });
        Ok(rows.collect())
    }

    pub(crate) fn route_row(&self, table: u32, prefix: Ipv4Addr, length: u8, route: &FibRoute) -> Route {
        let hops: Vec<Nexthop> = route.hops.iter().map(|hop| self.hop_row(hop)).collect();
        Route {
            destination: Ipv4Net::new(prefix, length)
                .map_or_else(|_| IpNet::V4(Ipv4Net::default()), IpNet::V4),
            kind: route.kind,
            tos: route.tos,
            table,
            protocol: route.protocol,
            scope: route.scope,
            priority: route.priority,
            prefsrc: route.prefsrc.map(IpAddr::V4),
            flags: hops.first().filter(|_| hops.len() == 1).map_or(0, |hop| hop.flags),
            nexthops: hops,
            metrics: route.metrics.clone(),
        }
    }

    fn hop_row(&self, hop: &Hop) -> Nexthop {
        let device = hop.device.and_then(|id| self.devices.get(id));
        let unused = hop.flags & nh::LINKDOWN != 0
            && hop.device.is_some_and(|device| self.conf_or(device, Conf::IgnoreRoutesWithLinkdown));
        Nexthop {
            gateway: hop.gateway.map(IpAddr::V4),
            index: device.map_or(0, |it| it.ifindex),
            device: device.map_or(String::new(), |it| it.name.to_string()),
            hops: hop.weight,
            flags: hop.flags | if unused { nh::DEAD } else { 0 },
        }
    }
}
