//! The routing tables as `route` and `netstat -r` show them.
//!
//! Always: what /proc/net/route tells: the main table, without broadcast and multicast routes, first hops only.
//! Differs from net-tools: no reference counts and uses of IPv6 routes.

use super::names::{Telling, tell};
use crate::cmd::iproute2::prefix;
use crate::sys::Sys;
use net::rtnetlink::{Family, Metric, Route, RouteType, table};
use std::net::{IpAddr, Ipv4Addr};

/// Columns: `route`, `route -e` and `netstat -r`, `route -ee`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Columns {
    Metric,
    Window,
    All,
}

/// The table of IPv4.
pub async fn inet(sys: &Sys, columns: Columns, numeric: bool) -> String {
    let routes = sys.net(|net, ns| net.routes(ns, Family::Inet, Some(table::MAIN))).await.unwrap_or_default();
    let heading = "Kernel IP routing table\nDestination     Gateway         Genmask         Flags";
    let mut out = heading.to_owned()
        + match columns {
            Columns::Metric => " Metric Ref    Use Iface\n",
            Columns::Window => "   MSS Window  irtt Iface\n",
            Columns::All => " Metric Ref    Use Iface    MSS   Window irtt\n",
        };
    for route in &routes {
        if matches!(route.kind, RouteType::Broadcast | RouteType::Multicast) {
            continue;
        }
        out += &inet_row(sys, route, columns, numeric).await;
    }
    out
}

fn metric(route: &Route, which: Metric) -> u32 {
    route.metrics.iter().find(|(metric, _)| *metric == which).map_or(0, |(_, value)| *value)
}

async fn inet_row(sys: &Sys, route: &Route, columns: Columns, numeric: bool) -> String {
    let (IpAddr::V4(destination), IpAddr::V4(mask)) = (route.destination.addr(), route.destination.netmask())
    else {
        return String::new();
    };
    let hop = route.nexthops.first();
    let gateway = match hop.and_then(|hop| hop.gateway) {
        Some(IpAddr::V4(gateway)) => gateway,
        _ => Ipv4Addr::UNSPECIFIED,
    };
    let is_host = route.destination.prefix_len() == 32;
    let rejects = matches!(route.kind, RouteType::Unreachable | RouteType::Prohibit);
    let flags = match (rejects, gateway.is_unspecified()) {
        (true, _) => "!",
        (false, false) => "UG",
        (false, true) => "U",
    };
    let flags = flags.to_owned() + if is_host { "H" } else { "" };
    let telling = Telling { numeric, default: true, host: is_host, mask };
    let mut to = tell(sys, destination, telling).await;
    let telling = Telling { numeric, default: false, host: true, mask: Ipv4Addr::new(255, 255, 255, 0) };
    let mut via = match gateway.is_unspecified() {
        true => "0.0.0.0".to_owned(),
        false => tell(sys, gateway, telling).await,
    };
    to = super::cut(&to, 15);
    via = super::cut(&via, 15);
    let device = hop.map_or("*", |hop| if hop.index == 0 { "*" } else { hop.device.as_str() });
    let mask = mask.to_string();
    let window = metric(route, Metric::Window);
    // What the kernel tells is the largest segment with its headers.
    let mss = match metric(route, Metric::AdvMss) {
        0 => 0,
        advmss => advmss + 40,
    };
    let priority = route.priority;
    let first = if rejects { "-" } else { via.as_str() };
    let head = format!("{to:<15} {first:<15} {mask:<15} {flags:<5}");
    match (columns, rejects) {
        (Columns::Metric, true) => format!("{head} {priority:<6} -  {:7} -\n", 0),
        (Columns::Metric, false) => format!("{head} {priority:<6} {:<2} {:7} {device}\n", 0, 0),
        (Columns::Window, true) => format!("{head}     - -          - -\n"),
        (Columns::Window, false) => format!("{head} {mss:5} {window:<5} {:6} {device}\n", 0),
        (Columns::All, true) => format!("{head} {priority:<6} -  {:7} -        -     -      -\n", 0),
        (Columns::All, false) => {
            format!("{head} {priority:<6} {:<3} {:6} {device:<6.6}   {mss:<5} {window:<6} 0\n", 0, 0)
        }
    }
}

/// The table of IPv6: main, then local, each ended by what says "no route" where it has no default.
pub async fn inet6(sys: &Sys, numeric: bool) -> String {
    let mut out = "Kernel IPv6 routing table\n".to_owned();
    out += "Destination                    Next Hop                   Flag Met Ref  Use If\n";
    for id in [table::MAIN, table::LOCAL] {
        let routes =
            sys.net(move |net, ns| net.routes(ns, Family::Inet6, Some(id))).await.unwrap_or_default();
        for route in &routes {
            out += &inet6_row(route, numeric);
        }
        if id == table::LOCAL || routes.iter().all(|route| route.destination.prefix_len() != 0) {
            let any = any_text(numeric);
            out += &format!("{:<30} {any:<26} !n   -1  1      0 lo\n", format!("{any}/0"));
        }
    }
    out
}

fn any_text(numeric: bool) -> &'static str {
    if numeric { "::" } else { "[::]" }
}

fn inet6_row(route: &Route, numeric: bool) -> String {
    let name = |address: IpAddr| match address.is_unspecified() {
        true => any_text(numeric).to_owned(),
        false => prefix::text(address),
    };
    let hop = route.nexthops.first();
    let gateway = hop.and_then(|hop| hop.gateway).unwrap_or(IpAddr::from([0; 16]));
    let mut flags = "U".to_owned();
    if matches!(route.kind, RouteType::Unreachable | RouteType::Prohibit | RouteType::Blackhole) {
        flags += "!";
    }
    flags += if gateway.is_unspecified() { "" } else { "G" };
    flags += if route.kind == RouteType::Local { "n" } else { "" };
    let to = format!("{}/{}", name(route.destination.addr()), route.destination.prefix_len());
    let device = hop.map_or("lo", |hop| hop.device.as_str());
    format!("{to:<30} {:<26} {flags:<4} {:<3} 1 {:6} {device}\n", name(gateway), route.priority, 0)
}
