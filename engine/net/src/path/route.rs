//! Where a packet made here goes: device, next hop, source, MTU (`ip_route_output_key`).
//!
//! Called by sockets, by ICMP, by tunnels and by `ip route get`. Always: an answer holds as long as the namespace's
//! route generation stays.
//! Sources: net/ipv4/route.c (`ip_route_output_key_hash_rcu`, `__mkroute_output`).

use crate::hash::hash_of;
use crate::ip::header::{destination, ports, protocol_of, source, tos};
use crate::ip::{FibQuery, FibResult, Hop};
use crate::rtnetlink::{RouteType, route_flags as rtcf, scope};
use crate::sysctl::{Conf, Key};
use crate::{Errno, Network};
use api::{DeviceId, NetnsId};
use std::net::{IpAddr, Ipv4Addr};

/// What is known of a packet before it is routed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlowKey {
    /// Unspecified is this machine itself.
    pub destination: IpAddr,
    /// `None` or unspecified lets the route choose.
    pub source: Option<IpAddr>,
    /// Bound to a device (SO_BINDTODEVICE, IP_MULTICAST_IF).
    pub oif: Option<DeviceId>,
    pub tos: u8,
    pub mark: u32,
    pub uid: Option<u32>,
    pub protocol: u8,
    pub source_port: u16,
    pub destination_port: u16,
    /// The source need not be ours (IP_TRANSPARENT, IP_HDRINCL).
    pub any_source: bool,
    /// Only destinations on the link (SO_DONTROUTE).
    pub on_link: bool,
}

impl Default for FlowKey {
    fn default() -> FlowKey {
        FlowKey {
            destination: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            source: None,
            oif: None,
            tos: 0,
            mark: 0,
            uid: Some(0),
            protocol: 0,
            source_port: 0,
            destination_port: 0,
            any_source: false,
            on_link: false,
        }
    }
}

/// Where a packet goes (`struct rtable`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RouteResult {
    pub kind: RouteType,
    pub destination: IpAddr,
    /// What the packet's source is to be.
    pub source: IpAddr,
    /// It leaves by this device; `lo` where it is for this machine.
    pub device: DeviceId,
    /// `None`: the destination itself is the next hop.
    pub gateway: Option<IpAddr>,
    /// What the path bears, as far as is known: the device's MTU, the route's, or a learnt one.
    pub mtu: u32,
    /// A learnt MTU, which is not to be probed beyond.
    pub mtu_learnt: bool,
    /// Of `route_flags`: LOCAL, BROADCAST, MULTICAST, REDIRECTED, DOREDIRECT.
    pub flags: u32,
    pub table: u32,
    /// Where it would be received, for what is local: the device that has the address.
    pub local_device: Option<DeviceId>,
    /// Found while the namespace's FIB had this generation.
    pub generation: u32,
}

impl RouteResult {
    pub fn is_local(&self) -> bool {
        self.flags & rtcf::LOCAL != 0
    }

    pub fn is_broadcast(&self) -> bool {
        self.flags & rtcf::BROADCAST != 0
    }

    pub fn is_multicast(&self) -> bool {
        self.flags & rtcf::MULTICAST != 0
    }

    pub(crate) fn next_hop(&self) -> Ipv4Addr {
        v4(self.gateway.unwrap_or(self.destination))
    }
}

/// IPv6 does not come here.
pub(crate) fn v4(address: IpAddr) -> Ipv4Addr {
    match address {
        IpAddr::V4(address) => address,
        IpAddr::V6(_) => Ipv4Addr::UNSPECIFIED,
    }
}

/// What to ask the FIB about a packet (its IP header first), as if it were made here.
pub(crate) fn query_of(bytes: &[u8]) -> FibQuery {
    let (source_port, destination_port) = ports(bytes);
    FibQuery {
        destination: destination(bytes).into(),
        source: source(bytes).into(),
        tos: tos(bytes) & 0x1c,
        protocol: protocol_of(bytes),
        source_port,
        destination_port,
        ..FibQuery::default()
    }
}

/// Picks among equal ways: always the same for a flow.
pub(crate) fn flow_hash(query: &FibQuery, ports: bool) -> u32 {
    let addresses = (query.source, query.destination);
    let hash = if ports {
        hash_of(&(addresses, query.protocol, query.source_port, query.destination_port))
    } else {
        hash_of(&addresses)
    };
    (hash >> 32) as u32 ^ hash as u32
}

impl Network {
    /// `ip_route_output_key_hash_rcu`
    pub(crate) fn route_output(&self, ns: NetnsId, flow: &FlowKey) -> Result<RouteResult, Errno> {
        let IpAddr::V4(mut destination) = flow.destination else { return Err(Errno::ENETUNREACH) };
        let mut source = flow.source.map(v4).filter(|it| !it.is_unspecified());
        let mut oif = flow.oif.filter(|device| self.devices.get(*device).is_some_and(|it| it.netns == ns));
        if flow.oif.is_some() && oif.is_none() {
            return Err(Errno::ENODEV);
        }
        let loopback = self.netns[ns].loopback;
        let narrow = if flow.on_link { scope::LINK } else { scope::UNIVERSE };
        if let Some(source) = source {
            self.check_source(ns, source, flow.any_source)?;
            if oif.is_none() && (destination.is_multicast() || destination.is_broadcast()) {
                oif = Some(self.device_of_address(ns, source).ok_or(Errno::ENETUNREACH)?);
                return Ok(self.on_link_route(ns, oif, source, destination));
            }
        }
        if let Some(device) = oif {
            if !self.devices[device].is_up() {
                return Err(Errno::ENETUNREACH);
            }
            let here = destination.octets()[..3] == [224, 0, 0] || destination.is_broadcast();
            if here || flow.protocol == crate::ip::header::protocol::IGMP {
                let wanted = source.or_else(|| self.select_source(ns, oif, None, scope::LINK));
                let source = wanted.unwrap_or(Ipv4Addr::UNSPECIFIED);
                return Ok(self.on_link_route(ns, oif, source, destination));
            }
            if source.is_none() && destination.is_multicast() {
                source = self.select_source(ns, oif, None, narrow);
            } else if source.is_none() && destination.is_unspecified() {
                source = self.select_source(ns, oif, None, scope::HOST);
            }
        }
        if destination.is_unspecified() {
            destination = source.unwrap_or(Ipv4Addr::LOCALHOST);
            let source = destination;
            return Ok(self.local_route(ns, loopback, source, destination));
        }
        let mut query = FibQuery {
            destination: destination.into(),
            source: source.map_or(0, u32::from),
            tos: flow.tos & 0x1c,
            scope: narrow,
            oif,
            iif: Some(loopback),
            mark: flow.mark,
            uid: flow.uid,
            protocol: flow.protocol,
            source_port: flow.source_port,
            destination_port: flow.destination_port,
            hash: 0,
            ignore_linkstate: false,
        };
        query.hash = flow_hash(&query, self.netns[ns].sysctl.int(Key::FibMultipathHashPolicy) == 1);
        let found = match self.fib_lookup(ns, &query) {
            Ok(found) => found,
            Err(_) if oif.is_some() => {
                // Bound to a device, without a route: taken to be on its link.
                let wanted = source.or_else(|| self.select_source(ns, oif, None, scope::LINK));
                let source = wanted.unwrap_or(Ipv4Addr::UNSPECIFIED);
                return Ok(self.on_link_route(ns, oif, source, destination));
            }
            Err(errno) => return Err(errno),
        };
        self.route_made(ns, destination, source, &found)
    }

    /// `__mkroute_output`
    fn route_made(
        &self,
        ns: NetnsId,
        destination: Ipv4Addr,
        source: Option<Ipv4Addr>,
        found: &FibResult,
    ) -> Result<RouteResult, Errno> {
        let loopback = self.netns[ns].loopback;
        if found.kind == RouteType::Local {
            let source = source.or(found.prefsrc).unwrap_or(destination);
            let local_device = found.hop.device;
            return Ok(RouteResult {
                local_device,
                table: found.table,
                ..self.local_route(ns, loopback, source, destination)
            });
        }
        let wanted = source.or_else(|| self.preferred_source(ns, found));
        let source = wanted.unwrap_or(Ipv4Addr::UNSPECIFIED);
        let device = found.hop.device.ok_or(Errno::ENETUNREACH)?;
        if source.is_loopback()
            && !self.devices[device].is_loopback()
            && !self.conf_or(device, Conf::RouteLocalnet)
        {
            return Err(Errno::EINVAL);
        }
        let mut route = self.on_link_route(ns, Some(device), source, destination);
        route.table = found.table;
        if found.kind == RouteType::Broadcast {
            route.kind = RouteType::Broadcast;
            route.flags = rtcf::BROADCAST | rtcf::LOCAL;
        }
        if route.kind == RouteType::Unicast {
            route.kind = found.kind;
            route.gateway = found.hop.gateway.map(IpAddr::V4);
            route.mtu = self.hop_mtu(found);
            self.apply_exception(ns, destination, &found.hop, &mut route);
        }
        Ok(route)
    }

    /// What was learnt of that host.
    pub(super) fn apply_exception(&self, ns: NetnsId, host: Ipv4Addr, hop: &Hop, route: &mut RouteResult) {
        if let Some(learnt) = self.netns[ns].exceptions.get(host, hop, self.now) {
            if let Some(gateway) = learnt.gateway {
                route.gateway = Some(IpAddr::V4(gateway));
                route.flags |= rtcf::REDIRECTED;
            }
            if let Some(mtu) = learnt.mtu {
                route.mtu = route.mtu.min(mtu);
                route.mtu_learnt = true;
            }
        }
    }

    /// The route's own MTU, else the device's.
    #[inline]
    pub(crate) fn hop_mtu(&self, found: &FibResult) -> u32 {
        let device = found.hop.device.map_or(u32::from(u16::MAX), |device| self.devices[device].mtu);
        found.mtu.unwrap_or(device).min(u32::from(u16::MAX))
    }

    /// May a packet made here have that source?
    fn check_source(&self, ns: NetnsId, source: Ipv4Addr, any: bool) -> Result<(), Errno> {
        if source.is_multicast() || source.is_broadcast() || source.octets()[0] == 0 {
            return Err(Errno::EINVAL);
        }
        if any || self.is_local_address(ns, source) { Ok(()) } else { Err(Errno::ENETUNREACH) }
    }

    /// Is it one of the addresses this namespace answers for (`__ip_dev_find`)?
    pub(crate) fn is_local_address(&self, ns: NetnsId, address: Ipv4Addr) -> bool {
        self.netns[ns].has_address(address.into()) || self.address_kind(ns, address) == RouteType::Local
    }

    pub(crate) fn device_of_address(&self, ns: NetnsId, address: Ipv4Addr) -> Option<DeviceId> {
        let owner = self.netns[ns].own.get(&u32::from(address)).and_then(|owners| owners.first().copied());
        owner.or_else(|| {
            let query = FibQuery { destination: address.into(), ..FibQuery::default() };
            let local = self.netns[ns].fib.table(crate::rtnetlink::table::LOCAL)?;
            let found = local.lookup(0, &query, |_| true).ok()?;
            (found.kind == RouteType::Local).then_some(found.hop.device)?
        })
    }

    fn local_route(
        &self,
        ns: NetnsId,
        loopback: DeviceId,
        source: Ipv4Addr,
        destination: Ipv4Addr,
    ) -> RouteResult {
        RouteResult {
            kind: RouteType::Local,
            destination: IpAddr::V4(destination),
            source: IpAddr::V4(source),
            device: loopback,
            gateway: None,
            mtu: self.devices[loopback].mtu,
            mtu_learnt: false,
            flags: rtcf::LOCAL,
            table: crate::rtnetlink::table::LOCAL,
            local_device: None,
            generation: self.netns[ns].fib.generation,
        }
    }

    /// Straight to the destination on that device's link, broadcast and groups among them.
    fn on_link_route(
        &self,
        ns: NetnsId,
        device: Option<DeviceId>,
        source: Ipv4Addr,
        destination: Ipv4Addr,
    ) -> RouteResult {
        let device = device.unwrap_or(self.netns[ns].loopback);
        let (kind, flags) = if destination.is_broadcast() {
            (RouteType::Broadcast, rtcf::BROADCAST | rtcf::LOCAL)
        } else if destination.is_multicast() {
            let member = if self.is_member(device, destination) { rtcf::LOCAL } else { 0 };
            (RouteType::Multicast, rtcf::MULTICAST | member)
        } else {
            (RouteType::Unicast, 0)
        };
        let local = if self.devices[device].is_loopback() { rtcf::LOCAL } else { 0 };
        RouteResult {
            kind,
            destination: IpAddr::V4(destination),
            source: IpAddr::V4(source),
            device,
            gateway: None,
            mtu: self.devices[device].mtu.min(u32::from(u16::MAX)),
            mtu_learnt: false,
            flags: flags | local,
            table: crate::rtnetlink::table::MAIN,
            local_device: None,
            generation: self.netns[ns].fib.generation,
        }
    }
}
