//! What `brctl` shows.

use super::{Told, bridge, ports};
use crate::cmd::ip::link::kind::bridge_slave::state_name;
use crate::cmd::iproute2::lladdr;
use api::NetnsId;
use net::rtnetlink::{BridgeId, BridgeInfo, FdbEntry, Link, LinkInfo, PortInfo, nud};
use net::{Errno, Network};
use std::fmt::Write;

/// `8000.020000000101`
fn id(id: BridgeId) -> String {
    let mac: String = id.mac.0.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{:04x}.{mac}", id.priority)
}

/// Hundredths of a second, as seconds.
fn timer(hundredths: u64) -> String {
    format!("{:4}.{:02}", hundredths / 100, hundredths % 100)
}

fn no_bridge(name: &str, errno: Errno) -> String {
    match errno {
        Errno::ENODEV => format!("bridge {name} does not exist!"),
        _ => format!("device {name} is not a bridge!"),
    }
}

pub fn bridges(net: &mut Network, ns: NetnsId, words: &[String]) -> Told {
    let mut told = Told::default();
    let mut names = words.to_vec();
    if names.is_empty() {
        let links = net.links(ns);
        names.extend(links.into_iter().filter(|it| matches!(it.kind, LinkInfo::Bridge(_))).map(|it| it.name));
        names.sort();
    }
    for name in names {
        match bridge(net, ns, &name) {
            Err(errno) => {
                told.err += &(no_bridge(&name, errno) + "\n");
                told.failed = true;
            }
            Ok(link) => {
                if told.out.is_empty() {
                    told.out += "bridge name\tbridge id\t\tSTP enabled\tinterfaces\n";
                }
                told.out += &row(&name, &link, &ports(net, ns, &link));
            }
        }
    }
    told
}

fn row(name: &str, bridge: &Link, ports: &[Link]) -> String {
    let LinkInfo::Bridge(info) = &bridge.kind else { return String::new() };
    let names: Vec<&str> = ports.iter().map(|port| port.name.as_str()).collect();
    let stp = if info.stp_state != 0 { "yes" } else { "no" };
    format!("{name}\t\t{}\t{stp}\t\t{}\n", id(info.bridge_id), names.join("\n\t\t\t\t\t\t\t"))
}

pub fn macs(net: &mut Network, ns: NetnsId, words: &[String]) -> Told {
    let bridge = match bridge(net, ns, &words[0]) {
        Ok(bridge) => bridge,
        Err(errno) => return Told::error(format!("read of forward table failed: {errno}")),
    };
    let ports = ports(net, ns, &bridge);
    let mut entries = net.fdb(ns);
    // What is the bridge's own has no port and is not told.
    entries.retain(|entry| entry.master == Some(bridge.index) && entry.index != bridge.index);
    entries.sort_by_key(|entry| entry.mac);
    let mut out = "port no\tmac addr\t\tis local?\tageing timer\n".to_owned();
    for entry in &entries {
        let port = ports.iter().find(|port| port.index == entry.index).and_then(|link| link.port.as_ref());
        out += &mac_row(port.map_or(0, |port| port.port_no), entry);
    }
    Told { out, ..Told::default() }
}

fn mac_row(port: u16, entry: &FdbEntry) -> String {
    let local = if entry.state & nud::PERMANENT != 0 { "yes" } else { "no" };
    let is_static = entry.state & (nud::PERMANENT | nud::NOARP) != 0;
    let age = timer(if is_static { 0 } else { u64::from(entry.updated) * 100 });
    format!("{port:3}\t{}\t{local}\t\t{age}\n", lladdr::text(&entry.mac.0))
}

pub fn stp(net: &mut Network, ns: NetnsId, words: &[String]) -> Told {
    let name = &words[0];
    let bridge = match bridge(net, ns, name) {
        Ok(bridge) => bridge,
        Err(errno) => return Told::error(no_bridge(name, errno)),
    };
    let mut out = match &bridge.kind {
        LinkInfo::Bridge(info) => bridge_text(name, info),
        _ => String::new(),
    };
    for port in ports(net, ns, &bridge) {
        if let Some(info) = &port.port {
            out += &port_text(&port.name, info);
        }
    }
    Told { out, ..Told::default() }
}

fn bridge_text(name: &str, info: &BridgeInfo) -> String {
    let mut out = format!("{name}\n bridge id\t\t{}\n", id(info.bridge_id));
    let mut line = |left: String, right: &str, value: String| {
        // Writing to a string cannot fail.
        writeln!(out, " {left}\t\t\t{right}{value}").ok();
    };
    line(
        format!("designated root\t{}\n root port\t\t{:4}", id(info.designated_root), info.root_port),
        "path cost\t\t",
        format!("{:4}", info.root_path_cost),
    );
    let max_age = timer(info.max_age.into());
    line(format!("max age\t\t{max_age}"), "bridge max age\t\t", max_age.clone());
    let hello = timer(info.hello_time.into());
    line(format!("hello time\t\t{hello}"), "bridge hello time\t", hello.clone());
    let delay = timer(info.forward_delay.into());
    line(format!("forward delay\t\t{delay}"), "bridge forward delay\t", delay.clone());
    let ageing = timer(info.ageing_time.into());
    line(
        format!("ageing time\t\t{ageing}\n hello timer\t\t{}", timer(info.hello_timer)),
        "tcn timer\t\t",
        timer(info.tcn_timer),
    );
    line(
        format!("topology change timer\t{}", timer(info.topology_change_timer)),
        "gc timer\t\t",
        timer(info.gc_timer),
    );
    out += " flags\t\t\t";
    out += if info.topology_change { "TOPOLOGY_CHANGE " } else { "" };
    out += if info.topology_change_detected { "TOPOLOGY_CHANGE_DETECTED " } else { "" };
    out + "\n\n\n"
}

fn port_text(name: &str, info: &PortInfo) -> String {
    let mut out = format!("{name} ({})\n", info.port_no);
    out += &format!(" port id\t\t{:04x}\t\t\tstate\t\t{:>15}\n", info.port_id, state_name(info.state));
    out += &format!(" designated root\t{}\tpath cost\t\t{:4}\n", id(info.designated_root), info.cost);
    out += &format!(
        " designated bridge\t{}\tmessage age timer\t{}\n",
        id(info.designated_bridge),
        timer(info.message_age_timer)
    );
    out += &format!(
        " designated port\t{:04x}\t\t\tforward delay timer\t{}\n",
        info.designated_port,
        timer(info.forward_delay_timer)
    );
    out += &format!(
        " designated cost\t{:4}\t\t\thold timer\t\t{}\n",
        info.designated_cost,
        timer(info.hold_timer)
    );
    out += " flags\t\t\t";
    out += if info.config_pending { "CONFIG_PENDING " } else { "" };
    out += if info.topology_change_ack { "TOPOLOGY_CHANGE_ACK " } else { "" };
    out += if info.hairpin { "\n hairpin mode\t\t   1" } else { "" };
    out + "\n\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use net::Mac;

    const ROOT: BridgeId = BridgeId { priority: 0x8000, mac: Mac([2, 0, 0, 0, 1, 1]) };

    #[test]
    fn a_bridge_is_told_as_the_real_one() {
        let info = BridgeInfo {
            bridge_id: ROOT,
            designated_root: ROOT,
            max_age: 2000,
            hello_time: 200,
            forward_delay: 1500,
            ageing_time: 30_000,
            gc_timer: 27_341,
            ..BridgeInfo::default()
        };
        let expected = "br0\n bridge id\t\t8000.020000000101\n designated root\t8000.020000000101\n \
                        root port\t\t   0\t\t\tpath cost\t\t   0\n \
                        max age\t\t  20.00\t\t\tbridge max age\t\t  20.00\n \
                        hello time\t\t   2.00\t\t\tbridge hello time\t   2.00\n \
                        forward delay\t\t  15.00\t\t\tbridge forward delay\t  15.00\n \
                        ageing time\t\t 300.00\n \
                        hello timer\t\t   0.00\t\t\ttcn timer\t\t   0.00\n \
                        topology change timer\t   0.00\t\t\tgc timer\t\t 273.41\n flags\t\t\t\n\n\n";
        assert_eq!(bridge_text("br0", &info), expected);
    }

    #[test]
    fn a_port_is_told_as_the_real_one() {
        let info = PortInfo {
            port_no: 1,
            port_id: 0x8001,
            designated_port: 0x8001,
            state: 3,
            cost: 2,
            designated_root: ROOT,
            designated_bridge: ROOT,
            hairpin: true,
            ..PortInfo::default()
        };
        let expected = "p1 (1)\n port id\t\t8001\t\t\tstate\t\t     forwarding\n \
                        designated root\t8000.020000000101\tpath cost\t\t   2\n \
                        designated bridge\t8000.020000000101\tmessage age timer\t   0.00\n \
                        designated port\t8001\t\t\tforward delay timer\t   0.00\n \
                        designated cost\t   0\t\t\thold timer\t\t   0.00\n \
                        flags\t\t\t\n hairpin mode\t\t   1\n\n";
        assert_eq!(port_text("p1", &info), expected);
    }
}
