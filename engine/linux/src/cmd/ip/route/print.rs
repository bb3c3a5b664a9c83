//! One route as `ip route` shows it, and the answer to `ip route get`.

use crate::cmd::ip::address::print::color;
use crate::cmd::iproute2::names::List;
use crate::cmd::iproute2::run::{Options, Snapshot};
use crate::cmd::iproute2::{Color, Names, Printer, prefix};
use ipnet::IpNet;
use net::rtnetlink::{Metric, Nexthop, Route, RouteAnswer, RouteType, nexthop_flags, protocol, table};
use std::net::IpAddr;

/// `RTM_F_*` that a listing names; the last is the same bit as the cache's `mc`, which shows for multicast.
const ROUTE_FLAGS: &[(u32, &str)] = &[
    (0x100, "notify"),
    (nexthop_flags::LINKDOWN, "linkdown"),
    (nexthop_flags::UNRESOLVED, "unresolved"),
    (0x4000, "rt_offload"),
    (0x8000, "rt_trap"),
    (0x2000_0000, "rt_offload_failed"),
];
/// `RTCF_*` in the order in which the cache line names them.
const CACHE_FLAGS: &[(u32, &str)] = &[
    (0x8000_0000, "local"),
    (0x4000_0000, "reject"),
    (0x2000_0000, "mc"),
    (0x1000_0000, "brd"),
    (0x0800_0000, "dst-nat"),
    (0x0080_0000, "src-nat"),
    (0x0040_0000, "masq"),
    (0x0002_0000, "dst-direct"),
    (0x0400_0000, "src-direct"),
    (0x0004_0000, "redirected"),
    (0x0100_0000, "redirect"),
    (0x0020_0000, "fastroute"),
    (0x0001_0000, "notify"),
    (0x0008_0000, "proxy"),
];

/// What a listing of routes leaves out because it was asked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked {
    pub table: bool,
    pub tos: bool,
    pub gateway: bool,
    pub device: bool,
    pub protocol: bool,
    pub scope: bool,
    pub source: bool,
    pub metric: bool,
    pub input: bool,
}

/// What routes are printed with.
pub struct Row<'a> {
    pub options: &'a Options,
    pub names: &'a Names,
    pub snapshot: &'a Snapshot,
    pub asked: Asked,
    pub deleted: bool,
}

impl Row<'_> {
    fn table(&self, out: &mut Printer, id: u32) {
        if id != table::UNSPEC && (id != table::MAIN || self.options.details) && !self.asked.table {
            let name = self.names.text(List::Table, id);
            out.field("table", &name, format_args!("table {name} "));
        }
    }

    fn kind(&self, out: &mut Printer, kind: RouteType) {
        if kind != RouteType::Unicast || self.options.details {
            let name = self.names.route_type(kind as u8);
            out.field("type", &name, format_args!("{name} "));
        }
    }

    fn device(&self, out: &mut Printer, key: &str, index: u32) {
        let name = self.snapshot.name(index);
        out.json(key, &name);
        out.text(format_args!("{key} "));
        out.text_in(Some(Color::Ifname), format_args!("{name} "));
    }

    fn protocol_and_scope(&self, out: &mut Printer, proto: u8, scope: u8) {
        if (proto != protocol::BOOT || self.options.details) && !self.asked.protocol {
            let name = self.names.text(List::Protocol, u32::from(proto));
            out.field("protocol", &name, format_args!("proto {name} "));
        }
        if (scope != net::rtnetlink::scope::UNIVERSE || self.options.details) && !self.asked.scope {
            let name = self.names.text(List::Scope, u32::from(scope));
            out.field("scope", &name, format_args!("scope {name} "));
        }
    }

    pub fn route(&self, out: &mut Printer, route: &Route) {
        out.open_object(None);
        if self.deleted {
            out.field("deleted", true, "Deleted ");
        }
        self.kind(out, route.kind);
        destination(out, route.destination);
        if route.tos != 0 && !self.asked.tos {
            let tos = self.names.text(List::DsField, u32::from(route.tos));
            out.field("tos", &tos, format_args!("tos {tos} "));
        }
        let single = match route.nexthops.as_slice() {
            [one] => Some(one),
            _ => None,
        };
        if let Some(hop) = single {
            if let Some(address) = hop.gateway.filter(|_| !self.asked.gateway) {
                gateway(out, address);
            }
            if hop.index != 0 && !self.asked.device {
                self.device(out, "dev", hop.index);
            }
        }
        self.table(out, route.table);
        self.protocol_and_scope(out, route.protocol, route.scope);
        if let Some(source) = route.prefsrc.filter(|_| !self.asked.source) {
            preferred_source(out, source);
        }
        let ipv6 = matches!(route.destination, IpNet::V6(_));
        if (route.priority != 0 || ipv6) && !self.asked.metric {
            out.field("metric", route.priority, format_args!("metric {} ", route.priority));
        }
        flags(out, route.flags | single.map_or(0, |hop| hop.flags));
        metrics(out, &route.metrics);
        if ipv6 {
            out.field("pref", "medium", "pref medium");
        }
        if route.nexthops.len() > 1 {
            self.multipath(out, &route.nexthops);
        }
        out.text("\n");
        out.close_object();
    }

    fn multipath(&self, out: &mut Printer, hops: &[Nexthop]) {
        out.open_array("nexthops");
        for hop in hops {
            out.open_object(None);
            out.line();
            out.text("\tnexthop ");
            if let Some(address) = hop.gateway {
                gateway(out, address);
            }
            let name = self.snapshot.name(hop.index);
            out.field("dev", &name, format_args!("dev {name} "));
            let weight = i32::from(hop.hops) + 1;
            out.field("weight", weight, format_args!("weight {weight} "));
            flags(out, hop.flags);
            out.close_object();
        }
        out.close_array();
    }

    /// `ip route get`
    pub fn answer(&self, out: &mut Printer, answer: &RouteAnswer) {
        if let Some(route) = &answer.route
            && answer.destination.is_ipv4()
        {
            return self.route(out, route);
        }
        let ipv6 = answer.destination.is_ipv6();
        out.open_object(None);
        self.kind(out, answer.kind);
        destination(out, IpNet::from(answer.destination));
        let from = answer.from.or(ipv6.then_some(IpAddr::from([0; 16])));
        if let Some(from) = from {
            let text = prefix::text(from);
            out.field_in(color(from), "from", &text, format_args!("from {text} "));
        }
        if let Some(address) = answer.gateway {
            gateway(out, address);
        }
        if answer.oif != 0 {
            self.device(out, "dev", answer.oif);
        }
        self.table(out, answer.table);
        let route = answer.route.as_ref().filter(|_| ipv6);
        if let Some(route) = route {
            self.protocol_and_scope(out, route.protocol, route.scope);
        }
        if let Some(source) = answer.prefsrc {
            preferred_source(out, source);
        }
        if let Some(route) = route {
            out.field("metric", route.priority, format_args!("metric {} ", route.priority));
        }
        flags(out, answer.flags);
        if answer.mark != 0 {
            out.json("mark", answer.mark);
            match answer.mark {
                mark @ 16.. => out.text(format_args!("mark {mark:#x} ")),
                mark => out.text(format_args!("mark {mark} ")),
            }
        }
        if let Some(uid) = answer.uid {
            out.field("uid", uid, format_args!("uid {uid} "));
        }
        if !ipv6 {
            cache_flags(out, answer.flags);
        }
        if let Some(seconds) = answer.expires {
            out.field("expires", seconds, format_args!("expires {seconds}sec "));
        }
        metrics(out, &answer.metrics);
        if let Some(index) = answer.iif {
            self.device(out, "iif", index);
        }
        if ipv6 {
            out.field("pref", "medium", "pref medium");
        }
        out.text("\n");
        out.close_object();
    }
}

fn destination(out: &mut Printer, net: IpNet) {
    let (address, length) = (net.addr(), net.prefix_len());
    let (color, text) = if length == 0 && address.is_unspecified() {
        (None, "default".to_owned())
    } else if length == net.max_prefix_len() {
        (color(address), prefix::text(address))
    } else {
        (color(address), format!("{}/{length}", prefix::text(address)))
    };
    out.field_in(color, "dst", &text, format_args!("{text} "));
}

fn gateway(out: &mut Printer, address: IpAddr) {
    let text = prefix::text(address);
    out.json("gateway", &text);
    out.text("via ");
    out.text_in(color(address), format_args!("{text} "));
}

fn preferred_source(out: &mut Printer, address: IpAddr) {
    let text = prefix::text(address);
    out.json("prefsrc", &text);
    out.text("src ");
    out.text_in(color(address), format_args!("{text} "));
}

fn flags(out: &mut Printer, flags: u32) {
    let hop = [
        (nexthop_flags::DEAD, "dead"),
        (nexthop_flags::ONLINK, "onlink"),
        (nexthop_flags::PERVASIVE, "pervasive"),
        (nexthop_flags::OFFLOAD, "offload"),
    ];
    out.open_array("flags");
    for (bit, name) in hop.iter().chain(ROUTE_FLAGS) {
        if flags & bit != 0 {
            out.item(*name, format_args!("{name} "));
        }
    }
    out.close_array();
}

fn cache_flags(out: &mut Printer, flags: u32) {
    let mut left = flags & !0xffff;
    out.open_array("cache");
    out.line();
    out.text("    cache ");
    if left != 0 {
        out.text("<");
    }
    for (bit, name) in CACHE_FLAGS {
        if left & bit != 0 {
            left &= !bit;
            out.item(*name, format_args!("{name}{}", if left != 0 { "," } else { "> " }));
        }
    }
    out.close_array();
}

fn metrics(out: &mut Printer, metrics: &[(Metric, u32)]) {
    if metrics.is_empty() {
        return;
    }
    let locked = metrics.iter().find(|(metric, _)| *metric == Metric::Lock).map_or(0, |(_, mask)| *mask);
    out.open_array("metrics");
    out.open_object(None);
    let mut sorted: Vec<_> = metrics.iter().filter(|(metric, _)| *metric != Metric::Lock).collect();
    sorted.sort_by_key(|(metric, _)| *metric as u32);
    for (metric, value) in sorted {
        if *metric == Metric::HopLimit && *value == u32::MAX {
            continue;
        }
        let name = name(*metric);
        let lock = if locked & (1 << (*metric as u32)) != 0 { "lock " } else { "" };
        out.text(format_args!("{name} {lock}"));
        match metric {
            Metric::Features => out.field("ecn", null(), "ecn "),
            Metric::Rtt | Metric::RttVar | Metric::RtoMin => {
                let value = match metric {
                    Metric::Rtt => value / 8,
                    Metric::RttVar => value / 4,
                    _ => *value,
                };
                out.json(name, value);
                match value {
                    1000.. => out.text(format_args!("{}s ", f64::from(value) / 1000.0)),
                    _ => out.text(format_args!("{value}ms ")),
                }
            }
            _ => out.field(name, *value, format_args!("{value} ")),
        }
    }
    out.close_object();
    out.close_array();
}

fn null() -> crate::cmd::iproute2::json::Value<'static> {
    crate::cmd::iproute2::json::Value::Null
}

fn name(metric: Metric) -> &'static str {
    match metric {
        Metric::Lock => "lock",
        Metric::Mtu => "mtu",
        Metric::Window => "window",
        Metric::Rtt => "rtt",
        Metric::RttVar => "rttvar",
        Metric::SsThresh => "ssthresh",
        Metric::Cwnd => "cwnd",
        Metric::AdvMss => "advmss",
        Metric::Reordering => "reordering",
        Metric::HopLimit => "hoplimit",
        Metric::InitCwnd => "initcwnd",
        Metric::Features => "features",
        Metric::RtoMin => "rto_min",
        Metric::InitRwnd => "initrwnd",
        Metric::QuickAck => "quickack",
        Metric::CongestionControl => "congctl",
        Metric::FastOpenNoCookie => "fastopen_no_cookie",
    }
}
