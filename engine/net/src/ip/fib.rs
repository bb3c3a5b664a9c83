//! The FIB: routing tables, and the longest-prefix match in them.
//!
//! Stands between `rtnetlink/route.rs`, which fills the tables, and `path/route.rs`, which asks them.
//! Always: within a table and prefix, routes stand by falling TOS, rising metric, then as they were added.
//! Differs from Linux: one hash per prefix length instead of a trie, with the same answers and the same order of
//! dumps; routes do not share their next hops. IPv4 only (the IPv6 routes that are listed follow from addresses).
//! Sources: net/ipv4/fib_trie.c (`fib_table_lookup`, `fib_find_alias`), fib_semantics.c (`fib_props`).

use crate::Errno;
use crate::hash::Map;
use crate::rtnetlink::{Metric, RouteType, nexthop_flags as nh};
use api::DeviceId;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;

/// Routes of one namespace, all tables together; one more is ENOBUFS.
pub(crate) const MAX_ROUTES: usize = 65_536;

/// One way out of a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hop {
    /// `None` for blackhole and its like.
    pub device: Option<DeviceId>,
    pub gateway: Option<Ipv4Addr>,
    /// How far away the next hop itself is.
    pub scope: u8,
    /// `weight` less one.
    pub weight: u8,
    /// Of `nexthop_flags`.
    pub flags: u32,
}

/// One route (`struct fib_alias` with its `fib_info`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FibRoute {
    pub tos: u8,
    pub kind: RouteType,
    pub protocol: u8,
    pub scope: u8,
    pub priority: u32,
    pub prefsrc: Option<Ipv4Addr>,
    pub hops: Vec<Hop>,
    pub metrics: Vec<(Metric, u32)>,
}

impl FibRoute {
    /// No next hop of it can be used.
    pub fn is_dead(&self) -> bool {
        !self.hops.is_empty() && self.hops.iter().all(|hop| hop.flags & nh::DEAD != 0)
    }

    pub fn metric(&self, metric: Metric) -> Option<u32> {
        self.metrics.iter().find(|(which, _)| *which == metric).map(|(_, value)| *value)
    }

    /// The same but for place and TOS (`fib_find_info`: would share one `fib_info`).
    pub fn same_info(&self, other: &FibRoute) -> bool {
        let key = |route: &FibRoute| (route.protocol, route.scope, route.priority, route.prefsrc, route.kind);
        let flat = |hop: &Hop| Hop { flags: hop.flags & !(nh::DEAD | nh::LINKDOWN), ..*hop };
        key(self) == key(other)
            && self.metrics == other.metrics
            && self.hops.iter().map(flat).eq(other.hops.iter().map(flat))
    }
}

/// What the FIB says of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FibResult {
    pub kind: RouteType,
    pub table: u32,
    pub prefix: Ipv4Addr,
    pub prefix_length: u8,
    pub scope: u8,
    pub hop: Hop,
    pub prefsrc: Option<Ipv4Addr>,
    /// A fixed MTU of the route (`mtu`).
    pub mtu: Option<u32>,
}

/// What is asked.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct FibQuery {
    pub destination: u32,
    pub source: u32,
    pub tos: u8,
    /// Only routes of this scope or narrower.
    pub scope: u8,
    pub oif: Option<DeviceId>,
    /// For rules; loopback for what is made here.
    pub iif: Option<DeviceId>,
    pub mark: u32,
    pub uid: Option<u32>,
    pub protocol: u8,
    pub source_port: u16,
    pub destination_port: u16,
    /// Picks among equal ways.
    pub hash: u32,
    /// Also ways whose carrier is lost, whatever `ignore_routes_with_linkdown` says.
    pub ignore_linkstate: bool,
}

/// No route in this table: the next rule is asked.
pub(crate) const NOT_HERE: Errno = Errno::EAGAIN;

pub(crate) fn mask(length: u8) -> u32 {
    u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0)
}

#[derive(Debug, Default)]
pub(crate) struct Table {
    /// By prefix, then by length from the longest: the order of a dump.
    prefixes: BTreeMap<(u32, u8), usize>,
    slots: Vec<Vec<FibRoute>>,
    free: Vec<usize>,
    /// Longest first.
    lengths: Vec<(u8, Map<u32, usize>)>,
    count: usize,
}

impl Table {
    pub fn len(&self) -> usize {
        self.count
    }

    /// Routes in the order of a dump.
    pub fn iter(&self) -> impl Iterator<Item = (Ipv4Addr, u8, &FibRoute)> {
        self.prefixes.iter().flat_map(|((prefix, rest), slot)| {
            self.slots[*slot].iter().map(move |route| (Ipv4Addr::from(*prefix), 32 - rest, route))
        })
    }

    pub fn routes(&self, prefix: u32, length: u8) -> &[FibRoute] {
        self.prefixes.get(&(prefix, 32 - length)).map_or(&[], |slot| &self.slots[*slot])
    }

    /// Puts a route at that place among those of its prefix.
    pub fn insert(&mut self, prefix: u32, length: u8, at: usize, route: FibRoute) {
        let Table { prefixes, slots, free, lengths, .. } = self;
        let slot = *prefixes.entry((prefix, 32 - length)).or_insert_with(|| {
            let slot = free.pop().unwrap_or_else(|| {
                slots.push(Vec::new());
                slots.len() - 1
            });
            let place = lengths.partition_point(|(other, _)| *other > length);
            if lengths.get(place).is_none_or(|(other, _)| *other != length) {
                lengths.insert(place, (length, Map::default()));
            }
            lengths[place].1.insert(prefix, slot);
            slot
        });
        slots[slot].insert(at, route);
        self.count += 1;
    }

    /// Takes the route at that place among those of its prefix out; it must be there.
    pub fn remove(&mut self, prefix: u32, length: u8, at: usize) -> FibRoute {
        let slot = *self.prefixes.get(&(prefix, 32 - length)).expect("the prefix was just looked up");
        let route = self.slots[slot].remove(at);
        self.count -= 1;
        if self.slots[slot].is_empty() {
            self.forget(prefix, 32 - length);
        }
        route
    }

    fn forget(&mut self, prefix: u32, rest: u8) {
        if let Some(slot) = self.prefixes.remove(&(prefix, rest)) {
            self.free.push(slot);
        }
        if let Some(place) = self.lengths.iter().position(|(length, _)| *length == 32 - rest) {
            self.lengths[place].1.remove(&prefix);
            if self.lengths[place].1.is_empty() {
                self.lengths.remove(place);
            }
        }
    }

    /// Keeps only the routes of which `keep` says true; it may change them. Gives what was taken out.
    pub fn retain(&mut self, mut keep: impl FnMut(&mut FibRoute) -> bool) -> Vec<(Ipv4Addr, u8, FibRoute)> {
        let mut gone = Vec::new();
        let mut empty = Vec::new();
        for ((prefix, rest), slot) in &self.prefixes {
            let routes = &mut self.slots[*slot];
            let mut at = 0;
            while at < routes.len() {
                if keep(&mut routes[at]) {
                    at += 1;
                } else {
                    gone.push((Ipv4Addr::from(*prefix), 32 - rest, routes.remove(at)));
                }
            }
            if routes.is_empty() {
                empty.push((*prefix, *rest));
            }
        }
        empty.iter().for_each(|(prefix, rest)| self.forget(*prefix, *rest));
        self.count -= gone.len();
        gone
    }

    /// Longest-prefix match. `usable` says whether a way out without carrier may be used.
    pub fn lookup(
        &self,
        table: u32,
        query: &FibQuery,
        mut usable: impl FnMut(&Hop) -> bool,
    ) -> Result<FibResult, Errno> {
        for (length, map) in &self.lengths {
            let prefix = query.destination & mask(*length);
            let Some(slot) = map.get(&prefix) else { continue };
            for route in &self.slots[*slot] {
                if (route.tos != 0 && route.tos != query.tos) || route.is_dead() || route.scope < query.scope
                {
                    continue;
                }
                if let Some(errno) = error_of(route.kind) {
                    return Err(errno);
                }
                if let Some(hop) = pick(route, query, &mut usable) {
                    return Ok(FibResult {
                        kind: route.kind,
                        table,
                        prefix: Ipv4Addr::from(prefix),
                        prefix_length: *length,
                        scope: route.scope,
                        hop,
                        prefsrc: route.prefsrc,
                        mtu: route.metric(Metric::Mtu),
                    });
                }
            }
        }
        Err(NOT_HERE)
    }
}

/// Types that are an answer by themselves.
fn error_of(kind: RouteType) -> Option<Errno> {
    match kind {
        RouteType::Blackhole => Some(Errno::EINVAL),
        RouteType::Unreachable => Some(Errno::EHOSTUNREACH),
        RouteType::Prohibit => Some(Errno::EACCES),
        RouteType::Throw => Some(NOT_HERE),
        _ => None,
    }
}

/// The way out of a route that fits; of several, by the flow's hash and their weights.
fn pick(route: &FibRoute, query: &FibQuery, usable: &mut impl FnMut(&Hop) -> bool) -> Option<Hop> {
    let mut fits = |hop: &Hop| {
        hop.flags & nh::DEAD == 0
            && (query.ignore_linkstate || hop.flags & nh::LINKDOWN == 0 || usable(hop))
            && (query.oif.is_none() || query.oif == hop.device)
    };
    let first = *route.hops.iter().find(|hop| fits(hop))?;
    if route.hops.len() == 1 || query.oif.is_some() {
        return Some(first);
    }
    let fitting: Vec<Hop> = route.hops.iter().copied().filter(|hop| fits(hop)).collect();
    let total: u64 = fitting.iter().map(|hop| u64::from(hop.weight) + 1).sum();
    let mut drawn = (u64::from(query.hash) * total) >> 32;
    for hop in fitting {
        match drawn.checked_sub(u64::from(hop.weight) + 1) {
            None => return Some(hop),
            Some(rest) => drawn = rest,
        }
    }
    Some(first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtnetlink::scope;

    fn route(device: u32) -> FibRoute {
        let hop =
            Hop { device: Some(DeviceId(device)), gateway: None, scope: scope::NOWHERE, weight: 0, flags: 0 };
        FibRoute {
            tos: 0,
            kind: RouteType::Unicast,
            protocol: 3,
            scope: 0,
            priority: 0,
            prefsrc: None,
            hops: vec![hop],
            metrics: Vec::new(),
        }
    }

    fn out(table: &Table, destination: [u8; 4]) -> Option<u32> {
        let query = FibQuery { destination: u32::from_be_bytes(destination), ..FibQuery::default() };
        table.lookup(254, &query, |_| true).ok()?.hop.device.map(|device| device.0)
    }

    #[test]
    fn the_longest_prefix_wins_and_a_dead_route_is_passed_over() {
        let mut table = Table::default();
        table.insert(0, 0, 0, route(1));
        table.insert(0x0a00_0000, 8, 0, route(2));
        table.insert(0x0a01_0000, 16, 0, route(3));
        assert_eq!(out(&table, [10, 1, 2, 3]), Some(3));
        assert_eq!(out(&table, [10, 2, 2, 3]), Some(2));
        assert_eq!(out(&table, [11, 0, 0, 1]), Some(1));
        table.retain(|route| {
            if route.hops[0].device == Some(DeviceId(3)) {
                route.hops[0].flags = nh::DEAD;
            }
            true
        });
        assert_eq!(out(&table, [10, 1, 2, 3]), Some(2));
        let gone = table.retain(|route| route.hops[0].device != Some(DeviceId(2)));
        assert_eq!((gone.len(), table.len()), (1, 2));
        assert_eq!(out(&table, [10, 2, 2, 3]), Some(1));
        table.remove(0, 0, 0);
        assert_eq!(out(&table, [10, 2, 2, 3]), None);
    }

    #[test]
    fn several_ways_share_the_flows_by_their_weights() {
        let mut table = Table::default();
        let mut both = route(1);
        both.hops.push(Hop { device: Some(DeviceId(2)), weight: 2 - 1, ..both.hops[0] });
        table.insert(0, 0, 0, both);
        let mut taken = [0; 3];
        for step in 0..300_u32 {
            let query = FibQuery { hash: step * (u32::MAX / 300) + 1000, ..FibQuery::default() };
            let hop = table.lookup(254, &query, |_| true).expect("a default route").hop;
            taken[hop.device.expect("a unicast route has a device").0 as usize] += 1;
        }
        assert_eq!(taken, [0, 100, 200]);
    }
}
