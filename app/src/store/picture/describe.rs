//! The picture in words: the same machines, netns, devices and links, as a list that can be read aloud.
//!
//! Always: whatever `layout` draws from the topology is said here, folded or not.

use super::{addresses, devices_of, netns_of};
use crate::store::cut::cut;
use api::topology::{Device, Endpoint, Netns, Service, Topology};
use api::{DeviceId, MachineId, NetnsId};
use std::net::IpAddr;

/// One machine in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    pub id: MachineId,
    pub name: String,
    pub role: &'static str,
    pub rows: Vec<DescribedDevice>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DescribedDevice {
    pub id: DeviceId,
    pub netns: NetnsId,
    /// `eth0, nic, 10.0.0.1/24, up, joined to sw eth1`.
    pub words: String,
}

pub fn describe(topology: &Topology) -> Vec<Described> {
    topology
        .machines
        .iter()
        .map(|(id, machine)| {
            let (own, named) = netns_of(topology, *id);
            let rows = own.into_iter().chain(named).flat_map(|netns| rows(topology, netns)).collect();
            Described { id: *id, name: machine.name.clone(), role: role(machine.role), rows }
        })
        .collect()
}

pub fn role(role: api::topology::Role) -> &'static str {
    match role {
        api::topology::Role::Host => "host",
        api::topology::Role::Router => "router",
        api::topology::Role::Switch => "switch",
        api::topology::Role::Node => "node",
    }
}

fn rows(topology: &Topology, netns: NetnsId) -> Vec<DescribedDevice> {
    devices_of(topology, netns)
        .map(|(id, device)| DescribedDevice { id, netns, words: device_words(topology, device) })
        .collect()
}

/// A Service in one line.
pub fn service_words(topology: &Topology, service: &Service) -> String {
    let whose = |address: &IpAddr| {
        let has = |it: &&Device| it.addresses.iter().any(|net| net.addr() == *address);
        let netns = topology.devices.values().find(has).and_then(|it| topology.netns.get(&it.netns))?;
        netns.title.as_deref().map(pod_name)
    };
    let end = |it: &Endpoint| {
        let state = if it.ready { "" } else { " (not ready)" };
        format!("{}{state}", whose(&it.address).map_or_else(|| it.address.to_string(), str::to_owned))
    };
    let ends: Vec<String> = service.endpoints.iter().map(end).collect();
    let ends = if ends.is_empty() { "no endpoints".to_owned() } else { format!("to {}", ends.join(" and ")) };
    format!(
        "{}/{}, {}, {} {}, {ends}",
        service.namespace,
        service.name,
        service.kind,
        service.address,
        service.ports.join(" ")
    )
}

/// A device in one line.
pub fn device_words(topology: &Topology, device: &Device) -> String {
    let mut words = Vec::new();
    if let Some(netns) = topology.netns.get(&device.netns) {
        words.extend(netns.title.as_ref().map(|title| format!("Pod {title}")));
        words.extend(netns.name.as_ref().map(|name| format!("netns {name}")));
    }
    words.push(device.name.clone());
    words.push(device.kind.clone());
    words.extend(Some(addresses(device)).filter(|text| !text.is_empty()));
    words.push(state(device).to_string());
    let name = |id: DeviceId| topology.devices.get(&id).map(|it| (full_name(topology, it), it));
    words.extend(device.master.and_then(name).map(|(bridge, _)| format!("port of {bridge}")));
    words.extend(device.peer.and_then(name).map(|(peer, _)| match device.kind.as_str() {
        "nic" | "veth" => format!("joined to {peer}"),
        _ => format!("on {peer}"),
    }));
    words.join(", ")
}

pub fn state(device: &Device) -> &'static str {
    match (device.up, device.running) {
        (true, true) => "up",
        (true, false) => "up, no carrier",
        (false, _) => "down",
    }
}

/// `machine eth0`, or `machine/netns veth0`.
pub fn full_name(topology: &Topology, device: &Device) -> String {
    format!("{} {}", place_name(topology, device.netns), device.name)
}

/// `machine`, or `machine/netns`; a Pod has a name of its own in the whole cluster.
pub fn place_name(topology: &Topology, netns: NetnsId) -> String {
    let Some(netns) = topology.netns.get(&netns) else { return String::new() };
    if let Some(title) = &netns.title {
        return pod_name(title).to_owned();
    }
    let machine = topology.machines.get(&netns.machine).map_or("", |machine| machine.name.as_str());
    match &netns.name {
        Some(name) => format!("{machine}/{name}"),
        None => machine.to_string(),
    }
}

/// A Pod's name as one says it: the namespace goes without saying where it is `default`.
pub fn pod_name(title: &str) -> &str {
    title.strip_prefix("default/").unwrap_or(title)
}

/// Letters of a netns's name that are drawn: about as wide as its address.
const DRAWN: usize = 16;

/// What is written on a netns's box: where there is no room for a Pod's namespace, without it, and cut where that is
/// still too long.
pub fn drawn_name(netns: &Netns) -> String {
    let whole = netns.title.as_deref().map_or(netns.name.as_deref().unwrap_or_default(), pod_name);
    let bare = whole.split_once('/').map_or(whole, |(_, name)| name);
    if whole.chars().count() <= DRAWN { whole.to_owned() } else { cut(bare, DRAWN) }
}

/// The whole of it, for a tooltip.
pub fn whole_name(netns: &Netns) -> String {
    let name = netns.name.as_deref().unwrap_or_default();
    netns.title.as_ref().map_or(name.to_owned(), |title| format!("Pod {title}, netns {name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(title: Option<&str>, name: &str) -> String {
        let netns =
            Netns { machine: MachineId(1), name: Some(name.into()), title: title.map(ToOwned::to_owned) };
        drawn_name(&netns)
    }

    #[test]
    fn a_pod_is_called_by_its_name_and_its_namespace_where_there_is_room() {
        assert_eq!(drawn(None, "red"), "red");
        assert_eq!(drawn(Some("default/web-0"), "cni-1"), "web-0");
        assert_eq!(drawn(Some("dev/web-0"), "cni-1"), "dev/web-0");
        assert_eq!(drawn(Some("kube-system/kube-proxy-d9l88"), "cni-1"), "kube-proxy-d9l88");
    }

    #[test]
    fn of_a_name_that_is_too_long_beginning_and_end_are_drawn() {
        assert_eq!(drawn(Some("kube-system/coredns-dc6f86497-jq7gq"), "cni-1"), "coredns-…jq7gq");
        assert_eq!(drawn(None, "cni-01234567-89ab-cdef-0123-456789abcdef"), "cni-…bcdef");
    }
}
