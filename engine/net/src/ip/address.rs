//! IPv4 addresses of devices, and the routes that come and go with them.
//!
//! Stands between `rtnetlink/address.rs` and the FIB. Always: of the addresses of one subnet on a device the first
//! is primary; the local, broadcast and connected routes are those that the list of addresses calls for.
//! Differs from Linux: lifetimes are kept and shown, but nothing expires.
//! Sources: net/ipv4/devinet.c (`__inet_insert_ifa`, `__inet_del_ifa`, `inet_select_addr`), fib_frontend.c
//! (`fib_add_ifaddr`, `fib_del_ifaddr`).

use super::fib::mask;
use super::{FibRoute, Hop};
use crate::device::flags;
use crate::rtnetlink::{
    Change, FOREVER, NetlinkError, NetlinkResult, RouteType, address_flags as af, protocol, scope, table,
};
use crate::sysctl::{Conf, ConfSet, NeighConf, NeighConfSet};
use crate::{Errno, Network};
use api::{DeviceId, NetnsId};
use sim::Instant;
use std::net::Ipv4Addr;
use std::time::Duration;

/// Addresses of one device; one more is ENOBUFS.
const MAX_ADDRESSES: usize = 4096;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct InetAddress {
    pub local: Ipv4Addr,
    /// The other end of a point-to-point address; else `local`.
    pub peer: Ipv4Addr,
    pub prefix: u8,
    pub broadcast: Option<Ipv4Addr>,
    pub label: String,
    pub scope: u8,
    /// Of `address_flags`.
    pub flags: u32,
    /// Of the connected route.
    pub metric: u32,
    pub valid: u32,
    pub preferred: u32,
    pub protocol: u8,
    pub since: Instant,
}

impl InetAddress {
    pub fn mask(&self) -> u32 {
        mask(self.prefix)
    }

    pub fn network(&self) -> u32 {
        u32::from(self.peer) & self.mask()
    }

    pub fn is_secondary(&self) -> bool {
        self.flags & af::SECONDARY != 0
    }

    /// Is it in the same subnet (`inet_ifa_match`)?
    pub fn covers(&self, address: Ipv4Addr) -> bool {
        (u32::from(address) ^ u32::from(self.peer)) & self.mask() == 0
    }
}

/// What IPv4 keeps for a device (`struct in_device`).
#[derive(Debug, Default)]
pub(crate) struct InDevice {
    pub addresses: Vec<InetAddress>,
    pub conf: ConfSet,
    pub neigh: NeighConfSet,
    /// Group memberships, with how many want each.
    pub groups: Vec<(Ipv4Addr, u32)>,
    /// How long a neighbour counts as reachable, drawn anew now and then.
    pub reachable: Duration,
    pub reachable_drawn: Instant,
}

/// So often is the reachable time drawn anew (`neigh_periodic_work`).
const REDRAW: Duration = Duration::from_secs(300);

impl Network {
    pub(crate) fn new_in_device(&mut self, ns: NetnsId) -> InDevice {
        let sysctl = &self.netns[ns].sysctl;
        let mut conf = sysctl.default.clone();
        conf.own = 0;
        let neigh = sysctl.neigh_default.clone();
        let reachable = self.draw_reachable(&neigh);
        InDevice { conf, neigh, reachable, reachable_drawn: self.now, ..InDevice::default() }
    }

    /// Evenly from half to one and a half of the base (`neigh_rand_reach_time`).
    fn draw_reachable(&mut self, neigh: &NeighConfSet) -> Duration {
        let base = u32::try_from(neigh.get(NeighConf::BaseReachableTimeMs)).unwrap_or(0);
        Duration::from_millis(u64::from(self.neighbour_rng.below(base)) + u64::from(base / 2))
    }

    pub(crate) fn reachable_time(&mut self, device: DeviceId) -> Duration {
        let ip = &self.devices[device].ip;
        if self.now.since(ip.reachable_drawn) >= REDRAW {
            self.neighbour_parameters_changed(device);
        }
        self.devices[device].ip.reachable
    }

    pub(crate) fn neighbour_parameters_changed(&mut self, device: DeviceId) {
        let neigh = self.devices[device].ip.neigh.clone();
        let reachable = self.draw_reachable(&neigh);
        let now = self.now;
        let ip = &mut self.devices[device].ip;
        (ip.reachable, ip.reachable_drawn) = (reachable, now);
    }

    /// `__inet_insert_ifa`
    pub(crate) fn address_insert(&mut self, device: DeviceId, mut new: InetAddress) -> NetlinkResult<()> {
        let list = &self.devices[device].ip.addresses;
        if list.len() >= MAX_ADDRESSES {
            return Err(Errno::ENOBUFS.into());
        }
        new.flags &= !af::SECONDARY;
        let mut place = 0;
        for (at, old) in list.iter().enumerate() {
            if !old.is_secondary() && new.scope <= old.scope {
                place = at + 1;
            }
            if old.prefix == new.prefix && old.covers(new.peer) {
                if old.local == new.local {
                    return Err(NetlinkError::new(Errno::EEXIST, "ipv4: Address already assigned"));
                }
                if old.scope != new.scope {
                    return Err(NetlinkError::new(Errno::EINVAL, "ipv4: Invalid scope value"));
                }
                new.flags |= af::SECONDARY;
            }
        }
        if new.is_secondary() {
            place = list.len();
        }
        let ns = self.devices[device].netns;
        self.devices[device].ip.addresses.insert(place, new.clone());
        self.netns[ns].own.entry(new.local.into()).or_default().push(device);
        self.generation += 1;
        self.notify_address(device, &new, true);
        if self.devices[device].is_up() {
            self.address_add_routes(device, &new);
        }
        self.routes_changed(ns);
        Ok(())
    }

    /// `__inet_del_ifa`: a primary address takes its secondary ones with it, or hands over to the first of them.
    pub(crate) fn address_remove(&mut self, device: DeviceId, at: usize) {
        let promotes = self.conf_or(device, Conf::PromoteSecondaries);
        let gone = self.devices[device].ip.addresses[at].clone();
        let mut promoted = None;
        if !gone.is_secondary() {
            let dependent =
                |it: &InetAddress| it.is_secondary() && it.prefix == gone.prefix && it.covers(gone.peer);
            let list = self.devices[device].ip.addresses.clone();
            for other in list.iter().filter(|it| dependent(it)) {
                if promotes {
                    promoted = Some(other.local);
                    break;
                }
                if let Some(place) = self.address_place(device, other.local, other.prefix) {
                    self.address_take_out(device, place);
                }
            }
        }
        let Some(at) = self.address_place(device, gone.local, gone.prefix) else { return };
        // The routes of the secondary ones that follow are set up anew under the new primary one.
        let later: Vec<InetAddress> = promoted
            .map(|_| {
                let same = |it: &&InetAddress| it.prefix == gone.prefix && it.covers(gone.peer);
                self.devices[device].ip.addresses[at + 1..].iter().filter(same).cloned().collect()
            })
            .unwrap_or_default();
        self.address_take_out(device, at);
        if let Some(local) = promoted {
            self.address_promote(device, local, gone.prefix);
            for other in later.iter().filter(|it| it.local != local) {
                self.address_add_routes(device, other);
            }
        }
        self.generation += 1;
        let ns = self.devices[device].netns;
        self.routes_changed(ns);
    }

    fn address_promote(&mut self, device: DeviceId, local: Ipv4Addr, prefix: u8) {
        let Some(at) = self.address_place(device, local, prefix) else { return };
        let list = &mut self.devices[device].ip.addresses;
        let mut it = list.remove(at);
        it.flags &= !af::SECONDARY;
        let place = list.iter().rposition(|other| !other.is_secondary() && it.scope <= other.scope);
        list.insert(place.map_or(0, |last| last + 1), it.clone());
        self.notify_address(device, &it, true);
        if self.devices[device].is_up() {
            self.address_add_routes(device, &it);
        }
    }

    pub(crate) fn address_place(&self, device: DeviceId, local: Ipv4Addr, prefix: u8) -> Option<usize> {
        self.devices[device].ip.addresses.iter().position(|it| it.local == local && it.prefix == prefix)
    }

    /// Takes one address out and its routes away.
    fn address_take_out(&mut self, device: DeviceId, at: usize) {
        let gone = self.devices[device].ip.addresses.remove(at);
        let ns = self.devices[device].netns;
        let local = u32::from(gone.local);
        if let Some(owners) = self.netns[ns].own.get_mut(&local) {
            if let Some(place) = owners.iter().position(|owner| *owner == device) {
                owners.remove(place);
            }
            if owners.is_empty() {
                self.netns[ns].own.remove(&local);
            }
        }
        self.notify_address(device, &gone, false);
        self.netfilter_device_changed(ns, device, Some(gone.local.into()));
        self.address_del_routes(device, &gone);
        if self.devices[device].ip.addresses.is_empty() {
            self.routes_disable(device, true);
        }
    }

    /// All of a device that leaves.
    pub(crate) fn addresses_gone(&mut self, device: DeviceId) {
        while !self.devices[device].ip.addresses.is_empty() {
            self.address_take_out(device, 0);
        }
        self.multicast_down(device);
    }

    /// NETDEV_UP for IPv4: `lo` gets its address, groups are joined.
    pub(crate) fn inet_device_up(&mut self, device: DeviceId) {
        let it = &self.devices[device];
        if it.is_loopback() && it.ip.addresses.is_empty() {
            let localhost = InetAddress {
                local: Ipv4Addr::LOCALHOST,
                peer: Ipv4Addr::LOCALHOST,
                prefix: 8,
                broadcast: None,
                label: it.name.to_string(),
                scope: scope::HOST,
                flags: af::PERMANENT,
                metric: 0,
                valid: FOREVER,
                preferred: FOREVER,
                protocol: 0,
                since: self.now,
            };
            self.address_insert(device, localhost).expect("the first address of lo is no double");
        }
        self.multicast_up(device);
    }

    /// The routes of all its addresses, when it comes up.
    pub(crate) fn addresses_to_routes(&mut self, device: DeviceId) {
        for address in self.devices[device].ip.addresses.clone() {
            self.address_add_routes(device, &address);
        }
        let ns = self.devices[device].netns;
        self.routes_changed(ns);
    }

    /// `fib_add_ifaddr`
    fn address_add_routes(&mut self, device: DeviceId, it: &InetAddress) {
        let list = &self.devices[device].ip.addresses;
        let same_prefix =
            |other: &&InetAddress| !other.is_secondary() && other.covers(Ipv4Addr::from(it.network()));
        let source = if it.is_secondary() {
            match list.iter().filter(|other| other.prefix == it.prefix).find(same_prefix) {
                Some(primary) => primary.local,
                None => return,
            }
        } else {
            it.local
        };
        self.magic_add(device, RouteType::Local, it.local.into(), 32, source, 0);
        if !self.devices[device].is_up() {
            return;
        }
        if let Some(broadcast) = it.broadcast.filter(|it| !it.is_broadcast() && !it.is_unspecified()) {
            self.magic_add(device, RouteType::Broadcast, broadcast.into(), 32, source, 0);
        }
        let (network, local) = (it.network(), u32::from(it.local));
        if network != 0 && !it.is_secondary() && (network != local || it.prefix < 32) {
            if it.flags & af::NOPREFIXROUTE == 0 {
                let kind = self.connected_kind(device);
                self.magic_add(device, kind, network, it.prefix, source, it.metric);
            }
            if it.prefix < 31 {
                self.magic_add(device, RouteType::Broadcast, network | !it.mask(), 32, source, 0);
            }
        }
    }

    fn connected_kind(&self, device: DeviceId) -> RouteType {
        if self.devices[device].flags & flags::LOOPBACK != 0 { RouteType::Local } else { RouteType::Unicast }
    }

    /// `fib_del_ifaddr`: what another address still calls for stays.
    fn address_del_routes(&mut self, device: DeviceId, gone: &InetAddress) {
        let list = &self.devices[device].ip.addresses;
        let network = gone.network();
        let source = match list
            .iter()
            .find(|it| !it.is_secondary() && it.prefix == gone.prefix && it.covers(gone.peer))
        {
            Some(primary) if gone.is_secondary() => primary.local,
            _ => gone.local,
        };
        let wanted_broadcast = |address: u32| {
            list.iter().any(|it| {
                it.broadcast.is_some_and(|broadcast| u32::from(broadcast) == address)
                    || (it.prefix < 31 && !it.is_secondary() && it.network() | !it.mask() == address)
            })
        };
        let same_prefix = list.iter().any(|it| {
            !it.is_secondary() && it.prefix == gone.prefix && it.network() == network && it.peer == gone.peer
        });
        let mut broadcasts: Vec<u32> = gone.broadcast.iter().map(|it| u32::from(*it)).collect();
        if gone.prefix < 31 {
            broadcasts.push(network | !gone.mask());
        }
        broadcasts.retain(|address| !wanted_broadcast(*address));
        let still_local = list.iter().any(|it| it.local == gone.local);
        if !gone.is_secondary() && !same_prefix && gone.flags & af::NOPREFIXROUTE == 0 {
            let kind = self.connected_kind(device);
            self.magic_delete(device, kind, network, gone.prefix, source, gone.metric);
        }
        for address in broadcasts {
            self.magic_delete(device, RouteType::Broadcast, address, 32, source, 0);
        }
        if !still_local {
            self.magic_delete(device, RouteType::Local, gone.local.into(), 32, source, 0);
            let ns = self.devices[device].netns;
            if !self.netns[ns].has_address(gone.local.into()) {
                self.routes_source_gone(ns, gone.local);
            }
        }
    }

    /// The connected route goes over to another metric (`fib_modify_prefix_metric`).
    pub(crate) fn address_set_metric(&mut self, device: DeviceId, at: usize, metric: u32) {
        let it = &mut self.devices[device].ip.addresses[at];
        let before = std::mem::replace(&mut it.metric, metric);
        let (network, prefix, local) = (it.network(), it.prefix, it.local);
        let routed = network != 0
            && !it.is_secondary()
            && it.flags & af::NOPREFIXROUTE == 0
            && (network != u32::from(local) || prefix < 32);
        if before != metric && routed && self.devices[device].is_up() {
            let kind = self.connected_kind(device);
            self.magic_add(device, kind, network, prefix, local, metric);
            self.magic_delete(device, kind, network, prefix, local, before);
            let ns = self.devices[device].netns;
            self.routes_changed(ns);
        }
    }

    /// A route the kernel itself makes (`fib_magic`).
    fn magic(&self, device: DeviceId, kind: RouteType, source: Ipv4Addr, priority: u32) -> FibRoute {
        let local = kind == RouteType::Local;
        let linkdown =
            if local || self.devices[device].carrier { 0 } else { crate::rtnetlink::nexthop_flags::LINKDOWN };
        let hop_scope = if local { scope::NOWHERE } else { scope::HOST };
        FibRoute {
            tos: 0,
            kind,
            protocol: protocol::KERNEL,
            scope: if local { scope::HOST } else { scope::LINK },
            priority,
            prefsrc: Some(source),
            hops: vec![Hop {
                device: Some(device),
                gateway: None,
                scope: hop_scope,
                weight: 0,
                flags: linkdown,
            }],
            metrics: Vec::new(),
        }
    }

    fn magic_add(
        &mut self,
        device: DeviceId,
        kind: RouteType,
        prefix: u32,
        length: u8,
        source: Ipv4Addr,
        priority: u32,
    ) {
        let route = self.magic(device, kind, source, priority);
        let ns = self.devices[device].netns;
        let table = if kind == RouteType::Unicast { table::MAIN } else { table::LOCAL };
        self.route_append(ns, table, prefix, length, route);
    }

    fn magic_delete(
        &mut self,
        device: DeviceId,
        kind: RouteType,
        prefix: u32,
        length: u8,
        source: Ipv4Addr,
        priority: u32,
    ) {
        let route = self.magic(device, kind, source, priority);
        let ns = self.devices[device].netns;
        let table = if kind == RouteType::Unicast { table::MAIN } else { table::LOCAL };
        self.route_take(ns, table, prefix, length, &route);
    }

    /// The source address for packets out of `device` towards `next`, no wider than `wanted` (`inet_select_addr`).
    pub(crate) fn select_source(
        &self,
        ns: NetnsId,
        device: Option<DeviceId>,
        next: Option<Ipv4Addr>,
        wanted: u8,
    ) -> Option<Ipv4Addr> {
        let mut found = None;
        if let Some(device) = device {
            let widest = if self.conf_or(device, Conf::RouteLocalnet) { scope::LINK } else { scope::HOST };
            for it in self.devices[device].ip.addresses.iter().filter(|it| !it.is_secondary()) {
                if it.scope.min(widest) > wanted {
                    continue;
                }
                if next.is_none_or(|next| it.covers(next)) {
                    return Some(it.local);
                }
                found = found.or(Some(it.local));
            }
        }
        let elsewhere = || {
            let addresses = self.netns[ns].devices.values().flat_map(|id| &self.devices[*id].ip.addresses);
            let mut fitting =
                addresses.filter(|it| !it.is_secondary() && it.scope != scope::LINK && it.scope <= wanted);
            fitting.next().map(|it| it.local)
        };
        found.or_else(elsewhere)
    }

    pub(crate) fn notify_address(&mut self, device: DeviceId, address: &InetAddress, new: bool) {
        let ns = self.devices[device].netns;
        if self.netns[ns].changes.is_some() {
            let row = self.address_row(device, address);
            self.netns[ns].change(|| if new { Change::NewAddress(row) } else { Change::DelAddress(row) });
        }
    }

    /// What kind of address that is to this namespace (`inet_addr_type`).
    pub(crate) fn address_kind(&self, ns: NetnsId, address: Ipv4Addr) -> RouteType {
        if address.is_unspecified() || address.is_broadcast() {
            return RouteType::Broadcast;
        }
        if address.is_multicast() {
            return RouteType::Multicast;
        }
        let query = super::FibQuery { destination: address.into(), ..Default::default() };
        let local = self.netns[ns].fib.table(table::LOCAL);
        local
            .and_then(|it| it.lookup(table::LOCAL, &query, |_| true).ok())
            .map_or(RouteType::Unicast, |it| it.kind)
    }
}
