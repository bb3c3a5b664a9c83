//! Routes come and go: by request, with addresses, with carrier, with devices.
//!
//! Always: a change of any kind raises the namespace's generation, so that nothing goes on by an old route.
//! Sources: net/ipv4/fib_trie.c (`fib_table_insert`, `fib_table_delete`), fib_semantics.c (`fib_sync_down_dev`,
//! `fib_sync_up`), fib_frontend.c (`fib_disable_ip`).

use super::fib::MAX_ROUTES;
use super::{FibQuery, FibResult, FibRoute, Hop};
use crate::rtnetlink::{Change, Mode, NetlinkResult, RouteType, nexthop_flags as nh, scope};
use crate::sysctl::Conf;
use crate::{Errno, Network};
use api::{DeviceId, NetnsId};
use std::net::Ipv4Addr;

/// What of a route `route_delete` was told; a route must agree with all of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct RouteMatch {
    pub kind: Option<RouteType>,
    pub tos: u8,
    pub scope: Option<u8>,
    pub protocol: Option<u8>,
    pub priority: Option<u32>,
    pub prefsrc: Option<Ipv4Addr>,
    pub device: Option<DeviceId>,
    pub gateway: Option<Ipv4Addr>,
}

impl RouteMatch {
    fn fits(&self, route: &FibRoute) -> bool {
        let hop = route.hops.first();
        self.kind.is_none_or(|kind| kind == route.kind)
            && self.tos == route.tos
            && self.scope.is_none_or(|scope| scope == route.scope)
            && self.protocol.is_none_or(|protocol| protocol == route.protocol)
            && self.priority.is_none_or(|priority| priority == 0 || priority == route.priority)
            && (self.prefsrc.is_none() || self.prefsrc == route.prefsrc)
            && (self.device.is_none() || self.device == hop.and_then(|hop| hop.device))
            && (self.gateway.is_none() || self.gateway == hop.and_then(|hop| hop.gateway))
    }
}

impl Network {
    /// Something that routing depends on is another now.
    pub(crate) fn routes_changed(&mut self, ns: NetnsId) {
        let fib = &mut self.netns[ns].fib;
        fib.generation = fib.generation.wrapping_add(1);
    }

    /// `fib_table_insert`
    pub(crate) fn route_insert(
        &mut self,
        ns: NetnsId,
        table: u32,
        prefix: u32,
        length: u8,
        route: FibRoute,
        mode: Mode,
    ) -> NetlinkResult<()> {
        if self.netns[ns].fib.routes() >= MAX_ROUTES {
            return Err(Errno::ENOBUFS.into());
        }
        let fib = &mut self.netns[ns].fib;
        let routes = fib.table(table).map_or(&[][..], |it| it.routes(prefix, length));
        let key = |other: &FibRoute| (other.tos, other.priority) == (route.tos, route.priority);
        let first = routes.iter().position(|other| {
            other.tos < route.tos || (other.tos == route.tos && other.priority >= route.priority)
        });
        let first = first.unwrap_or(routes.len());
        let same = routes[first..].iter().take_while(|other| key(other)).count();
        let twin = routes[first..first + same].iter().position(|other| other.same_info(&route));
        let mut place = first;
        if same > 0 {
            match (mode, twin) {
                (Mode::Add, _) => return Err(Errno::EEXIST.into()),
                // Already so.
                (Mode::Replace | Mode::Change, Some(0)) => return Ok(()),
                (_, Some(_)) => return Err(Errno::EEXIST.into()),
                (Mode::Replace | Mode::Change, None) => {
                    let it = fib.tables.get_mut(&table).expect("a table that has this prefix");
                    it.remove(prefix, length, first);
                }
                (Mode::Append, None) => place = first + same,
                (Mode::Prepend, None) => {}
            }
        } else if mode == Mode::Change {
            return Err(Errno::ENOENT.into());
        }
        fib.tables.entry(table).or_default().insert(prefix, length, place, route.clone());
        self.routes_changed(ns);
        self.notify_route(ns, table, Ipv4Addr::from(prefix), length, &route, true);
        Ok(())
    }

    /// A route of the kernel's own; one that is there already stays.
    pub(super) fn route_append(&mut self, ns: NetnsId, table: u32, prefix: u32, length: u8, route: FibRoute) {
        // A full table or a double is no fault of the address that called for the route.
        let added = self.route_insert(ns, table, prefix, length, route, Mode::Append);
        debug_assert!(
            added.is_ok() || added.is_err_and(|error| matches!(error.errno, Errno::EEXIST | Errno::ENOBUFS))
        );
    }

    pub(super) fn route_take(&mut self, ns: NetnsId, table: u32, prefix: u32, length: u8, route: &FibRoute) {
        let wanted = RouteMatch {
            kind: Some(route.kind),
            scope: Some(route.scope),
            protocol: Some(route.protocol),
            priority: Some(route.priority),
            prefsrc: route.prefsrc,
            device: route.hops.first().and_then(|hop| hop.device),
            ..RouteMatch::default()
        };
        // It may have been deleted by hand.
        if let Err(error) = self.route_remove(ns, table, prefix, length, &wanted) {
            debug_assert_eq!(error, Errno::ESRCH);
        }
    }

    /// `fib_table_delete`: the first that fits.
    pub(crate) fn route_remove(
        &mut self,
        ns: NetnsId,
        table: u32,
        prefix: u32,
        length: u8,
        wanted: &RouteMatch,
    ) -> Result<(), Errno> {
        let it = self.netns[ns].fib.tables.get_mut(&table).ok_or(Errno::ESRCH)?;
        let at = it.routes(prefix, length).iter().position(|route| wanted.fits(route)).ok_or(Errno::ESRCH)?;
        let gone = it.remove(prefix, length, at);
        self.routes_changed(ns);
        self.notify_route(ns, table, Ipv4Addr::from(prefix), length, &gone, false);
        Ok(())
    }

    /// Takes out what `keep` refuses, in all tables.
    fn routes_retain(&mut self, ns: NetnsId, mut keep: impl FnMut(&mut FibRoute) -> bool) {
        let mut gone = Vec::new();
        for (table, it) in &mut self.netns[ns].fib.tables {
            gone.extend(it.retain(&mut keep).into_iter().map(|it| (*table, it)));
        }
        self.routes_changed(ns);
        for (table, (prefix, length, route)) in gone {
            self.notify_route(ns, table, prefix, length, &route, false);
        }
    }

    /// An address is no longer ours: routes that prefer it as source go.
    pub(super) fn routes_source_gone(&mut self, ns: NetnsId, source: Ipv4Addr) {
        self.routes_retain(ns, |route| route.prefsrc != Some(source));
    }

    /// The device went down, or (`force`) has no addresses any more (`fib_disable_ip`).
    pub(crate) fn routes_disable(&mut self, device: DeviceId, force: bool) {
        let ns = self.devices[device].netns;
        let hits = |hop: &Hop| hop.device == Some(device) && (force || hop.scope != scope::NOWHERE);
        self.routes_retain(ns, |route| {
            route
                .hops
                .iter_mut()
                .filter(|hop| hits(hop))
                .for_each(|hop| hop.flags |= nh::DEAD | nh::LINKDOWN);
            !route.is_dead()
        });
        self.neighbours_flush(device, false);
    }

    /// The device leaves: no route over it stays, be it one way of several.
    pub(crate) fn routes_device_gone(&mut self, device: DeviceId) {
        let ns = self.devices[device].netns;
        self.routes_retain(ns, |route| route.hops.iter().all(|hop| hop.device != Some(device)));
        self.netns[ns].exceptions.forget_device(device);
    }

    /// Carrier is lost: routes stay, marked.
    pub(crate) fn routes_linkdown(&mut self, device: DeviceId) {
        let ns = self.devices[device].netns;
        self.routes_retain(ns, |route| {
            let over = |hop: &&mut Hop| hop.device == Some(device) && hop.scope != scope::NOWHERE;
            route.hops.iter_mut().filter(over).for_each(|hop| hop.flags |= nh::LINKDOWN);
            true
        });
    }

    /// Device or carrier came back: `what` (DEAD or LINKDOWN) is taken from its ways out.
    pub(crate) fn routes_revive(&mut self, device: DeviceId, what: u32) {
        let it = &self.devices[device];
        if !it.is_up() {
            return;
        }
        let (ns, carrier) = (it.netns, it.carrier);
        let what = if what == nh::DEAD && carrier { nh::DEAD | nh::LINKDOWN } else { what };
        self.routes_retain(ns, |route| {
            let over = |hop: &&mut Hop| hop.device == Some(device);
            route.hops.iter_mut().filter(over).for_each(|hop| hop.flags &= !what);
            true
        });
    }

    /// Asks rules and tables. Ways without carrier count unless their device says otherwise.
    #[inline]
    pub(crate) fn fib_lookup(&self, ns: NetnsId, query: &FibQuery) -> Result<FibResult, Errno> {
        self.netns[ns].fib.lookup(query, |hop| self.may_use_linkdown(hop))
    }

    pub(crate) fn may_use_linkdown(&self, hop: &Hop) -> bool {
        hop.device.is_none_or(|device| !self.conf_or(device, Conf::IgnoreRoutesWithLinkdown))
    }

    /// The source a route asks for, or the one its way out suggests (`fib_result_prefsrc`).
    pub(crate) fn preferred_source(&self, ns: NetnsId, found: &FibResult) -> Option<Ipv4Addr> {
        found.prefsrc.or_else(|| self.select_source(ns, found.hop.device, found.hop.gateway, found.scope))
    }

    fn notify_route(
        &mut self,
        ns: NetnsId,
        table: u32,
        prefix: Ipv4Addr,
        length: u8,
        route: &FibRoute,
        new: bool,
    ) {
        if self.netns[ns].changes.is_some() {
            let row = self.route_row(table, prefix, length, route);
            self.netns[ns].change(|| if new { Change::NewRoute(row) } else { Change::DelRoute(row) });
        }
    }
}
