//! `/proc/net`: the tables of the reader's namespace, as older tools read them.
//!
//! Always: the same rows as rtnetlink's, in the kernel's columns.
//! Differs from Linux: only the files that people read by hand.
//! Source: proc(5), proc_pid_net(5).

use super::path::View;
use super::synthetic::Synthetic;
use crate::system::System;
use net::Errno;
use net::rtnetlink::{Family, Metric, Neighbour, Route, RouteType, ntf, nud, table};
use std::net::IpAddr;

pub const FILES: [&str; 4] = ["arp", "dev", "if_inet6", "route"];
/// What a line of `route` is filled up to.
const ROUTE_COLUMNS: usize = 127;

pub fn lookup(below: &str) -> Option<Synthetic> {
    match below {
        name if FILES.contains(&name) => Some(Synthetic::File { mode: 0o444 }),
        _ => None,
    }
}

pub fn read(system: &System, view: &View, below: &str) -> Result<Vec<u8>, Errno> {
    let text = match below {
        "arp" => arp(system, view),
        "dev" => dev(system, view),
        "if_inet6" => if_inet6(system, view),
        "route" => route(system, view),
        _ => return Err(Errno::ENOENT),
    };
    Ok(text.into_bytes())
}

fn dev(system: &System, view: &View) -> String {
    let mut out = "Inter-|   Receive                                                |  Transmit\n \
                   face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs \
                   drop fifo colls carrier compressed\n"
        .to_owned();
    for link in system.net.links_seen(view.netns) {
        let stats = &link.stats;
        let dropped = stats.rx_dropped + stats.rx_missed;
        let frame = stats.rx_length_errors + stats.rx_over_errors;
        let carrier = stats.tx_carrier_errors + stats.tx_aborted_errors;
        out += &format!(
            "{:>6}: {:7} {:7} {:4} {dropped:4} {:4} {frame:5} {:10} {:9} {:8} {:7} {:4} {:4} {:4} {:5} \
             {carrier:7} {:10}\n",
            link.name,
            stats.rx_bytes,
            stats.rx_packets,
            stats.rx_errors,
            0,
            0,
            stats.multicast,
            stats.tx_bytes,
            stats.tx_packets,
            stats.tx_errors,
            stats.tx_dropped,
            0,
            stats.collisions,
            0
        );
    }
    out
}

fn arp(system: &System, view: &View) -> String {
    let mut out =
        "IP address       HW type     Flags       HW address            Mask     Device\n".to_owned();
    let row = |entry: &Neighbour| {
        let flags = match entry.state {
            _ if entry.flags & ntf::PROXY != 0 => 0xc,
            state if state & nud::PERMANENT != 0 => 0x6,
            state if state & (nud::INCOMPLETE | nud::FAILED) == 0 => 0x2,
            _ => 0,
        };
        let mac = entry.mac.unwrap_or_default().to_string();
        let device = if entry.index == 0 { "*" } else { entry.device.as_str() };
        format!("{:<16} 0x{:<10x}0x{flags:<10x}{mac:<17}     *        {device}\n", entry.destination, 1)
    };
    for entry in system.net.neighbours(view.netns, Family::Inet, false) {
        if entry.state & nud::NOARP == 0 {
            out += &row(&entry);
        }
    }
    for entry in system.net.neighbours(view.netns, Family::Inet, true) {
        out += &row(&entry);
    }
    out
}

/// An address in the order of its bytes in memory.
fn memory(address: IpAddr) -> String {
    match address {
        IpAddr::V4(v4) => format!("{:08X}", u32::from_le_bytes(v4.octets())),
        IpAddr::V6(v6) => v6.octets().iter().map(|byte| format!("{byte:02x}")).collect(),
    }
}

fn route(system: &System, view: &View) -> String {
    let heading = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT";
    let mut out = format!("{heading:<ROUTE_COLUMNS$}\n");
    let routes = system.net.routes(view.netns, Family::Inet, Some(table::MAIN)).unwrap_or_default();
    let routes: Vec<_> =
        routes.iter().filter(|it| !matches!(it.kind, RouteType::Broadcast | RouteType::Multicast)).collect();
    for route in &routes {
        out += &format!("{:<ROUTE_COLUMNS$}\n", route_row(route));
    }
    // Without any route the kernel writes nothing at all, not even the heading.
    if routes.is_empty() { String::new() } else { out }
}

fn route_row(route: &Route) -> String {
    let hop = route.nexthops.first();
    let gateway = hop.and_then(|hop| hop.gateway).unwrap_or(IpAddr::from([0; 4]));
    let mut flags = 0x1;
    flags |= if gateway.is_unspecified() { 0 } else { 0x2 };
    flags |= if route.destination.prefix_len() == 32 { 0x4 } else { 0 };
    flags |= if matches!(route.kind, RouteType::Unreachable | RouteType::Prohibit) { 0x200 } else { 0 };
    let metric =
        |which: Metric| route.metrics.iter().find(|(it, _)| *it == which).map_or(0, |(_, value)| *value);
    let mss = match metric(Metric::AdvMss) {
        0 => 0,
        advmss => advmss + 40,
    };
    format!(
        "{}\t{}\t{}\t{flags:04X}\t0\t0\t{}\t{}\t{mss}\t{}\t{}",
        hop.map_or("*", |hop| if hop.index == 0 { "*" } else { hop.device.as_str() }),
        memory(route.destination.addr()),
        memory(gateway),
        route.priority,
        memory(route.destination.netmask()),
        metric(Metric::Window),
        metric(Metric::Rtt) >> 3
    )
}

fn if_inet6(system: &System, view: &View) -> String {
    let mut out = String::new();
    for address in system.net.addresses(view.netns, Family::Inet6) {
        let IpAddr::V6(v6) = address.local else { continue };
        let scope = match v6.segments()[0] {
            _ if v6.is_loopback() => 0x10,
            0xfe80..=0xfebf => 0x20,
            0xfec0..=0xfeff => 0x40,
            _ => 0,
        };
        out += &format!(
            "{} {:02x} {:02x} {scope:02x} {:02x} {:>8}\n",
            memory(address.local),
            address.index,
            address.prefix,
            address.flags & 0xff,
            address.device
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_stands_as_in_memory() {
        assert_eq!(memory(IpAddr::from([192, 168, 1, 1])), "0101A8C0");
        assert_eq!(memory(IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1])), "00000000000000000000000000000001");
    }
}
