//! The picture in words: the same machines, netns, devices and links, as a list that can be read aloud.
//!
//! Always: whatever `layout` draws from the topology is said here, folded or not.

use super::{addresses, devices_of, netns_of};
use api::topology::{Device, Topology};
use api::{DeviceId, MachineId, NetnsId};

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

/// A device in one line.
pub fn device_words(topology: &Topology, device: &Device) -> String {
    let mut words = Vec::new();
    if let Some(name) = topology.netns.get(&device.netns).and_then(|netns| netns.name.as_ref()) {
        words.push(format!("netns {name}"));
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

/// `machine`, or `machine/netns`.
pub fn place_name(topology: &Topology, netns: NetnsId) -> String {
    let Some(netns) = topology.netns.get(&netns) else { return String::new() };
    let machine = topology.machines.get(&netns.machine).map_or("", |machine| machine.name.as_str());
    match &netns.name {
        Some(name) => format!("{machine}/{name}"),
        None => machine.to_string(),
    }
}
