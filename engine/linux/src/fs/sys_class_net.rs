//! `/sys/class/net`: devices as files.
//!
//! Always: what is read here is what rtnetlink tells of the reader's namespace.
//! Differs from Linux: devices are directories, not links into /sys/devices; a choice of files.
//! Source: the kernel's Documentation/ABI/testing/sysfs-class-net.

use super::path::View;
use super::synthetic::Synthetic;
use crate::system::System;
use net::rtnetlink::{
    BridgeId, BridgeInfo, BridgeRequest, Link, LinkAddress, LinkInfo, LinkKind, LinkRequest, LinkType,
    PortInfo, PortRequest,
};
use net::{Errno, Network};

const FILES: &[&str] = &[
    "addr_len",
    "address",
    "broadcast",
    "carrier",
    "carrier_changes",
    "duplex",
    "flags",
    "ifalias",
    "ifindex",
    "iflink",
    "link_mode",
    "mtu",
    "operstate",
    "proto_down",
    "speed",
    "tx_queue_len",
    "type",
];
const STATISTICS: &[&str] = &[
    "collisions",
    "multicast",
    "rx_bytes",
    "rx_dropped",
    "rx_errors",
    "rx_missed_errors",
    "rx_nohandler",
    "rx_packets",
    "tx_bytes",
    "tx_carrier_errors",
    "tx_dropped",
    "tx_errors",
    "tx_packets",
];
const BRIDGE: &[&str] = &[
    "ageing_time",
    "bridge_id",
    "forward_delay",
    "gc_timer",
    "hello_time",
    "hello_timer",
    "max_age",
    "priority",
    "root_id",
    "root_path_cost",
    "root_port",
    "stp_state",
    "topology_change",
    "topology_change_detected",
    "vlan_filtering",
];
const PORT: &[&str] = &[
    "designated_bridge",
    "designated_cost",
    "designated_port",
    "designated_root",
    "hairpin_mode",
    "isolated",
    "learning",
    "multicast_flood",
    "path_cost",
    "port_id",
    "port_no",
    "priority",
    "state",
    "unicast_flood",
];

fn links(net: &Network, view: &View) -> Vec<Link> {
    // Listing gives ids to namespaces; reading a file does not.
    net.links_seen(view.netns)
}

fn names<'a>(all: impl IntoIterator<Item = &'a str>) -> Synthetic {
    Synthetic::Directory(all.into_iter().map(str::to_owned).collect())
}

/// `below` follows `/sys/class/net`.
pub fn lookup(system: &System, view: &View, below: &str) -> Option<Synthetic> {
    let links = links(&system.net, view);
    if below.is_empty() {
        let mut all: Vec<&str> = links.iter().map(|link| link.name.as_str()).collect();
        all.sort_unstable();
        return Some(names(all));
    }
    let (name, rest) = below.split_once('/').unwrap_or((below, ""));
    let link = links.iter().find(|link| link.name == name)?;
    let file = |all: &[&str], name: &str, mode: u16| all.contains(&name).then_some(Synthetic::File { mode });
    let is_bridge = matches!(link.kind, LinkInfo::Bridge(_));
    match rest.split_once('/').unwrap_or((rest, "")) {
        ("", "") => {
            let mut all = FILES.to_vec();
            all.extend(["statistics"]);
            all.extend(is_bridge.then_some(["bridge", "brif"]).into_iter().flatten());
            all.extend(link.port.is_some().then_some(["brport", "master"]).into_iter().flatten());
            all.sort_unstable();
            Some(names(all))
        }
        ("statistics", "") => Some(names(STATISTICS.iter().copied())),
        ("statistics", name) => file(STATISTICS, name, 0o444),
        ("bridge", "") if is_bridge => Some(names(BRIDGE.iter().copied())),
        ("bridge", name) if is_bridge => file(BRIDGE, name, 0o644),
        ("brif", "") if is_bridge => {
            let ports = links.iter().filter(|port| port.master == Some(link.index) && port.port.is_some());
            let mut all: Vec<&str> = ports.map(|port| port.name.as_str()).collect();
            all.sort_unstable();
            Some(names(all))
        }
        ("brif", name) if is_bridge => {
            let port = links.iter().find(|port| port.name == name && port.master == Some(link.index))?;
            port.port.as_ref().map(|_| Synthetic::Symlink(format!("../../{name}/brport")))
        }
        ("brport", "") if link.port.is_some() => Some(names(PORT.iter().copied())),
        ("brport", name) if link.port.is_some() => file(PORT, name, 0o644),
        ("master", "") => {
            let master = links.iter().find(|it| Some(it.index) == link.master)?;
            Some(Synthetic::Symlink(format!("../{}", master.name)))
        }
        (name, "") => {
            let writable = matches!(name, "mtu" | "tx_queue_len" | "ifalias" | "flags" | "carrier");
            file(FILES, name, if writable { 0o644 } else { 0o444 })
        }
        _ => None,
    }
}

pub fn read(system: &System, view: &View, below: &str) -> Result<Vec<u8>, Errno> {
    let (name, rest) = below.split_once('/').ok_or(Errno::EISDIR)?;
    let links = links(&system.net, view);
    let link = links.iter().find(|link| link.name == name).ok_or(Errno::ENOENT)?;
    let text = match rest.split_once('/') {
        None => of_device(link, rest)?,
        Some(("statistics", name)) => statistic(link, name).ok_or(Errno::ENOENT)?.to_string(),
        Some(("bridge", name)) => match &link.kind {
            LinkInfo::Bridge(info) => of_bridge(info, name).ok_or(Errno::ENOENT)?,
            _ => return Err(Errno::ENOENT),
        },
        Some(("brport", name)) => {
            link.port.as_ref().and_then(|port| of_port(port, name)).ok_or(Errno::ENOENT)?
        }
        Some(_) => return Err(Errno::ENOENT),
    };
    Ok((text + "\n").into_bytes())
}

fn address(address: LinkAddress) -> String {
    match address {
        LinkAddress::Ether(mac) => mac.to_string(),
        LinkAddress::Ipv4(v4) => v4.octets().map(|byte| format!("{byte:02x}")).join(":"),
    }
}

fn of_device(link: &Link, name: &str) -> Result<String, Errno> {
    Ok(match name {
        "addr_len" => if link.link_type == LinkType::Ipip { "4" } else { "6" }.to_owned(),
        "address" => address(link.address),
        "broadcast" => address(link.broadcast),
        // Only a running device knows.
        "carrier" if !link.is_up() => return Err(Errno::EINVAL),
        "carrier" => u8::from(link.carrier).to_string(),
        "carrier_changes" => (link.carrier_up_count + link.carrier_down_count).to_string(),
        "speed" | "duplex" if !link.is_up() => return Err(Errno::EINVAL),
        "speed" => match link.kind {
            LinkInfo::Veth => "10000".to_owned(),
            _ => return Err(Errno::EINVAL),
        },
        "duplex" => match link.kind {
            LinkInfo::Veth => "full".to_owned(),
            _ => return Err(Errno::EINVAL),
        },
        "flags" => format!("0x{:x}", link.flags & 0xffff & !net::device::flags::RUNNING),
        "ifalias" => link.alias.clone().unwrap_or_default(),
        "ifindex" => link.index.to_string(),
        "iflink" => link.link.unwrap_or(link.index).to_string(),
        "link_mode" | "proto_down" => "0".to_owned(),
        "mtu" => link.mtu.to_string(),
        "operstate" => link.operstate.name().to_ascii_lowercase(),
        "tx_queue_len" => link.txqlen.to_string(),
        "type" => match link.link_type {
            LinkType::Ether => "1",
            LinkType::Loopback => "772",
            LinkType::Ipip => "768",
        }
        .to_owned(),
        _ => return Err(Errno::ENOENT),
    })
}

fn statistic(link: &Link, name: &str) -> Option<u64> {
    let stats = &link.stats;
    Some(match name {
        "collisions" => stats.collisions,
        "multicast" => stats.multicast,
        "rx_bytes" => stats.rx_bytes,
        "rx_dropped" => stats.rx_dropped,
        "rx_errors" => stats.rx_errors,
        "rx_missed_errors" => stats.rx_missed,
        "rx_nohandler" => stats.rx_nohandler,
        "rx_packets" => stats.rx_packets,
        "tx_bytes" => stats.tx_bytes,
        "tx_carrier_errors" => stats.tx_carrier_errors,
        "tx_dropped" => stats.tx_dropped,
        "tx_errors" => stats.tx_errors,
        "tx_packets" => stats.tx_packets,
        _ => return None,
    })
}

/// `8000.020000000101`
fn id(id: BridgeId) -> String {
    format!("{:04x}.{}", id.priority, id.mac.to_string().replace(':', ""))
}

fn of_bridge(info: &BridgeInfo, name: &str) -> Option<String> {
    Some(match name {
        "ageing_time" => info.ageing_time.to_string(),
        "bridge_id" => id(info.bridge_id),
        "forward_delay" => info.forward_delay.to_string(),
        "gc_timer" => info.gc_timer.to_string(),
        "hello_time" => info.hello_time.to_string(),
        "hello_timer" => info.hello_timer.to_string(),
        "max_age" => info.max_age.to_string(),
        "priority" => info.priority.to_string(),
        "root_id" => id(info.designated_root),
        "root_path_cost" => info.root_path_cost.to_string(),
        "root_port" => info.root_port.to_string(),
        "stp_state" => info.stp_state.to_string(),
        "topology_change" => u8::from(info.topology_change).to_string(),
        "topology_change_detected" => u8::from(info.topology_change_detected).to_string(),
        "vlan_filtering" => u8::from(info.vlan_filtering).to_string(),
        _ => return None,
    })
}

fn of_port(port: &PortInfo, name: &str) -> Option<String> {
    let switch = |on: bool| u8::from(on).to_string();
    Some(match name {
        "designated_bridge" => id(port.designated_bridge),
        "designated_cost" => port.designated_cost.to_string(),
        "designated_port" => port.designated_port.to_string(),
        "designated_root" => id(port.designated_root),
        "hairpin_mode" => switch(port.hairpin),
        "isolated" => switch(port.isolated),
        "learning" => switch(port.learning),
        "multicast_flood" => switch(port.mcast_flood),
        "path_cost" => port.cost.to_string(),
        "port_id" => format!("0x{:x}", port.port_id),
        "port_no" => format!("0x{:x}", port.port_no),
        "priority" => port.priority.to_string(),
        "state" => port.state.to_string(),
        "unicast_flood" => switch(port.flood),
        _ => return None,
    })
}

/// Writing changes what the file tells of, as `ip link set` would.
pub fn write(system: &mut System, view: &View, below: &str, bytes: &[u8]) -> Result<(), Errno> {
    let text = String::from_utf8_lossy(bytes);
    let text = text.trim();
    let number = || text.parse::<u32>().map_err(|_| Errno::EINVAL);
    let (name, rest) = below.split_once('/').ok_or(Errno::EISDIR)?;
    let index = system.net.device_index(view.netns, name).ok_or(Errno::ENOENT)?;
    let mut request = LinkRequest { index: Some(index), ..LinkRequest::default() };
    match rest.split_once('/') {
        None => match rest {
            "mtu" => request.mtu = Some(number()?),
            "tx_queue_len" => request.txqlen = Some(number()?),
            "ifalias" => request.alias = Some(text.to_owned()),
            _ => return Err(Errno::EACCES),
        },
        Some(("bridge", name)) => {
            let value = number()?;
            let mut bridge = BridgeRequest::default();
            match name {
                "ageing_time" => bridge.ageing_time = Some(value),
                "forward_delay" => bridge.forward_delay = Some(value),
                "hello_time" => bridge.hello_time = Some(value),
                "max_age" => bridge.max_age = Some(value),
                "priority" => bridge.priority = Some(value as u16),
                "stp_state" => bridge.stp_state = Some(value),
                _ => return Err(Errno::EACCES),
            }
            request.kind = Some(LinkKind::Bridge(bridge));
        }
        Some(("brport", name)) => {
            let value = number()?;
            let on = Some(value != 0);
            let mut port = PortRequest::default();
            match name {
                "hairpin_mode" => port.hairpin = on,
                "isolated" => port.isolated = on,
                "learning" => port.learning = on,
                "multicast_flood" => port.mcast_flood = on,
                "unicast_flood" => port.flood = on,
                "path_cost" => port.cost = Some(value),
                "priority" => port.priority = Some(value as u16),
                _ => return Err(Errno::EACCES),
            }
            request.port = Some(port);
        }
        Some(_) => return Err(Errno::EACCES),
    }
    system.net.link_set(view.netns, &request).map_err(|error| error.errno)
}
