//! `ip route show` and `ip route flush`: which routes are meant.

use super::print::{Asked, Row};
use super::usage;
use crate::cmd::iproute2::names::List;
use crate::cmd::iproute2::prefix::same_bits;
use crate::cmd::iproute2::run::{Run, Snapshot, refusal};
use crate::cmd::iproute2::{Family, Names, Prefix, Stop, Words, matches, number};
use net::rtnetlink::{Family as Kernel, Mode, NetlinkResult, NexthopRequest, Route, RouteRequest, table};
use net::{Errno, Network};
use std::net::IpAddr;

#[derive(Clone, Debug)]
struct Filter {
    /// `None` is `table all`.
    table: Option<u32>,
    cache: bool,
    tos: Option<u8>,
    protocol: Option<u8>,
    scope: Option<u8>,
    kind: Option<u8>,
    device: Option<u32>,
    input: Option<u32>,
    metric: Option<u32>,
    gateway: Option<Prefix>,
    source: Option<Prefix>,
    /// `root`: routes in that prefix.
    root: Option<Prefix>,
    /// `match`: routes that cover it.
    covering: Option<Prefix>,
    asked: Asked,
}

impl Filter {
    fn read(
        words: &mut Words<'_>,
        family: Family,
        snapshot: &Snapshot,
        names: &Names,
    ) -> Result<Filter, Stop> {
        let mut filter = Filter {
            table: Some(table::MAIN),
            cache: false,
            tos: None,
            protocol: None,
            scope: None,
            kind: None,
            device: None,
            input: None,
            metric: None,
            gateway: None,
            source: None,
            root: None,
            covering: None,
            asked: Asked::default(),
        };
        let (mut device, mut input) = (None, None);
        while let Some(word) = words.next() {
            match word {
                "dev" | "oif" => device = Some(words.value()?),
                "iif" => input = Some(words.value()?),
                _ => filter.word(word, words, family, names)?,
            }
        }
        filter.input = input.map(|name| snapshot.device(name)).transpose()?;
        filter.device = device.map(|name| snapshot.device(name)).transpose()?;
        filter.asked.device = filter.device.is_some();
        filter.asked.input = filter.input.is_some();
        filter.asked.table = filter.table.is_some();
        let host = |prefix: &Option<Prefix>| prefix.is_some_and(|it| it.length == it.family.bits());
        filter.asked.gateway = host(&filter.gateway);
        filter.asked.source = host(&filter.source);
        Ok(filter)
    }

    fn word(&mut self, word: &str, words: &mut Words<'_>, family: Family, names: &Names) -> Result<(), Stop> {
        let is = |full| matches(word, full);
        let byte = |list, value: &str| names.number(list, value).and_then(|it| u8::try_from(it).ok());
        match word {
            _ if is("table") => self.table(words.value()?, names)?,
            _ if is("vrf") => return Err(Stop::wrong("Invalid VRF\n", words.value()?)),
            _ if is("cached") || is("cloned") => self.cache = true,
            _ if word == "tos" || is("dsfield") => {
                let value = words.value()?;
                let tos = byte(List::DsField, value);
                self.tos = Some(tos.ok_or_else(|| Stop::wrong("TOS value is invalid\n", value))?);
                self.asked.tos = true;
            }
            _ if is("protocol") => {
                let value = words.value()?;
                self.protocol = byte(List::Protocol, value);
                self.asked.protocol = self.protocol.is_some();
                if self.protocol.is_none() && value != "all" {
                    return Err(Stop::wrong("invalid \"protocol\"\n", value));
                }
            }
            _ if is("scope") => {
                let value = words.value()?;
                self.scope = byte(List::Scope, value);
                self.asked.scope = self.scope.is_some();
                if self.scope.is_none() && value != "all" {
                    return Err(Stop::wrong("invalid \"scope\"\n", value));
                }
            }
            _ if is("type") => {
                let value = words.value()?;
                let kind = Names::route_type_number(value);
                self.kind = Some(kind.ok_or_else(|| Stop::wrong("node type value is invalid\n", value))?);
            }
            "mark" => {
                let value = words.value()?;
                if number::unsigned::<u32>(value).is_none() {
                    return Err(Stop::wrong("invalid mark value", value));
                }
            }
            _ if is("metric") || is("priority") || word == "preference" => {
                let value = words.value()?;
                let metric = number::unsigned(value);
                self.metric =
                    Some(metric.ok_or_else(|| Stop::wrong("\"metric\" value is invalid\n", value))?);
                self.asked.metric = true;
            }
            "via" => {
                let value = words.value()?;
                let (family, value) = match Family::from_name(value) {
                    Some(family) => (family, words.value()?),
                    None => (family, value),
                };
                self.gateway = Some(Prefix::parse(value, family)?);
            }
            "src" => self.source = Some(Prefix::parse(words.value()?, family)?),
            _ if is("realms") || is("from") => {
                return Err(Stop::not_simulated("ip", word, "ip rule"));
            }
            _ => self.destination(word, words, family)?,
        }
        Ok(())
    }

    fn table(&mut self, value: &str, names: &Names) -> Result<(), Stop> {
        match (names.number(List::Table, value), value) {
            (Some(table::UNSPEC), _) | (None, "all") => self.table = None,
            (Some(table), _) => self.table = Some(table),
            (None, "cache") => self.cache = true,
            (None, "help") => return Err(usage()),
            (None, _) => return Err(Stop::wrong("table id value is invalid\n", value)),
        }
        Ok(())
    }

    fn destination(&mut self, word: &str, words: &mut Words<'_>, family: Family) -> Result<(), Stop> {
        let word = if matches(word, "to") { words.value()? } else { word };
        if matches(word, "root") {
            self.root = Some(Prefix::parse(words.value()?, family)?);
        } else if matches(word, "match") {
            self.covering = Some(Prefix::parse(words.value()?, family)?);
        } else {
            let word = if matches(word, "exact") { words.value()? } else { word };
            let exact = Prefix::parse(word, family)?;
            (self.root, self.covering) = (Some(exact), Some(exact));
        }
        Ok(())
    }

    fn fits(&self, route: &Route) -> bool {
        let hop = route.nexthops.first().filter(|_| route.nexthops.len() == 1);
        let (address, length) = (route.destination.addr(), route.destination.prefix_len());
        let family = Family::of(address);
        // A prefix without a family (`default`) is measured by its length alone.
        let in_root = |root: Prefix| {
            let same = root.family == Family::Unspec || root.family == family;
            same && root.length <= length && (root.length == 0 || same_bits(address, root.ip(), root.length))
        };
        let covers = |wanted: Prefix| {
            let same = wanted.family == Family::Unspec || wanted.family == family;
            let to = if wanted.family == Family::Unspec { address } else { wanted.ip() };
            same && wanted.length >= length && same_bits(address, to, length)
        };
        let held = |prefix: Option<Prefix>, value: Option<IpAddr>| match prefix {
            None => true,
            Some(prefix) if prefix.family != Family::Unspec && prefix.family != family => false,
            Some(prefix) if prefix.length == 0 => true,
            Some(prefix) => value.is_some_and(|value| prefix.covers(value)),
        };
        self.table.is_none_or(|table| route.table == table)
            && self.tos.is_none_or(|tos| route.tos == tos)
            && self.protocol.is_none_or(|protocol| route.protocol == protocol)
            && self.scope.is_none_or(|scope| route.scope == scope)
            && self.kind.is_none_or(|kind| route.kind as u8 == kind)
            && self.metric.is_none_or(|metric| route.priority == metric)
            && self.device.is_none_or(|index| hop.is_some_and(|hop| hop.index == index))
            && self.input.is_none()
            && self.root.is_none_or(in_root)
            && self.covering.is_none_or(covers)
            && held(self.gateway, hop.and_then(|hop| hop.gateway))
            && held(self.source, route.prefsrc)
    }
}

/// One dump for one family, or one after the other for all.
fn dump(net: &Network, ns: api::NetnsId, family: Family, table: Option<u32>) -> NetlinkResult<Vec<Route>> {
    let of = |family| match net.routes(ns, family, table) {
        Err(error) if error.errno == Errno::ENOENT && table == Some(table::MAIN) => Ok(Vec::new()),
        answer => answer,
    };
    match (family, table) {
        (Family::Inet6, _) => of(Kernel::Inet6),
        (Family::Inet, _) | (Family::Unspec, Some(_)) => of(Kernel::Inet),
        (Family::Unspec, None) => Ok([of(Kernel::Inet)?, of(Kernel::Inet6)?].concat()),
        _ => Ok(Vec::new()),
    }
}

pub async fn show(run: &mut Run, mut words: Words<'_>) -> Result<(), Stop> {
    let snapshot = run.snapshot().await;
    let family = run.options.family;
    let filter = Filter::read(&mut words, family, &snapshot, &run.names)?;
    if filter.cache {
        return Err(Stop::not_simulated("ip", "route show cache", "ip route get ADDRESS"));
    }
    run.out.begin();
    let wanted = filter.table;
    let routes = run
        .kernel(move |net, ns| dump(net, ns, family, wanted))
        .await
        .map_err(|error| Stop::fail(2, format!("{}Dump terminated\n", refusal(&error))))?;
    let options = run.options.clone();
    let row = Row {
        options: &options,
        names: &run.names,
        snapshot: &snapshot,
        asked: filter.asked,
        deleted: false,
    };
    routes.iter().filter(|route| filter.fits(route)).for_each(|route| row.route(&mut run.out, route));
    run.out.end();
    Ok(())
}

pub async fn flush(run: &mut Run, mut words: Words<'_>) -> Result<(), Stop> {
    if words.is_empty() {
        return Err(Stop::fail(1, "\"ip route flush\" requires arguments.\n"));
    }
    let snapshot = run.snapshot().await;
    let (family, stats) = (run.options.family, run.options.stats);
    let filter = Filter::read(&mut words, family, &snapshot, &run.names)?;
    if filter.cache {
        return flush_cache(run).await;
    }
    let options = run.options.clone();
    let mut round = 0;
    loop {
        let wanted = filter.table;
        let answer = run.kernel(move |net, ns| dump(net, ns, family, wanted)).await;
        let mut routes =
            answer.map_err(|error| Stop::fail(2, format!("{}Flush terminated\n", refusal(&error))))?;
        routes.retain(|route| filter.fits(route));
        if routes.is_empty() {
            run.tell_flushed(round);
            return Ok(());
        }
        round += 1;
        if stats > 1 {
            let row = Row {
                options: &options,
                names: &run.names,
                snapshot: &snapshot,
                asked: filter.asked,
                deleted: false,
            };
            routes.iter().for_each(|route| row.route(&mut run.out, route));
        }
        let count = routes.len();
        let done = run
            .change(move |net, ns| routes.iter().try_for_each(|route| net.route_delete(ns, &exactly(route))))
            .await;
        done.map_err(|error| Stop::fail(2, format!("Failed to send flush request: {}\n", error.errno)))?;
        if stats > 0 {
            run.out.text(format_args!("\n*** Round {round}, deleting {count} entries ***\n"));
        }
    }
}

async fn flush_cache(run: &mut Run) -> Result<(), Stop> {
    const PATH: &str = "/proc/sys/net/ipv4/route/flush";
    if run.options.family != Family::Inet6 {
        if let Err(error) = run.sys.write_file(PATH, b"-1").await {
            return Err(Stop::fail(0, format!("Cannot open \"{PATH}\": {error}\n")));
        }
        if run.options.stats > 0 {
            run.out.text("*** IPv4 routing cache is flushed.\n");
        }
    }
    Ok(())
}

/// The request that takes away this route and no other.
fn exactly(route: &Route) -> RouteRequest {
    RouteRequest {
        kind: route.kind,
        tos: route.tos,
        table: route.table,
        protocol: Some(route.protocol),
        scope: Some(route.scope),
        priority: (route.priority != 0).then_some(route.priority),
        prefsrc: route.prefsrc,
        nexthops: route
            .nexthops
            .iter()
            .filter(|hop| hop.index != 0 || hop.gateway.is_some())
            .map(|hop| NexthopRequest {
                gateway: hop.gateway,
                device: (hop.index != 0).then_some(hop.index),
                hops: hop.hops,
                ..NexthopRequest::default()
            })
            .collect(),
        mode: Mode::default(),
        multipath: route.nexthops.len() > 1,
        ..RouteRequest::new(route.destination)
    }
}
