//! What stands where, for the picture: machines, namespaces, and the devices that have changed.
//!
//! Always: while [`Network::topology_generation`] stays, so does all of this.

use crate::Network;
use crate::device::{Device, Kind, PortState};
use api::DeviceId;
use api::topology as shown;
use ipnet::IpNet;
use std::collections::BTreeMap;

impl Network {
    /// Changes whenever what stands here would.
    pub fn topology_generation(&self) -> u64 {
        self.generation
    }

    /// Machines and namespaces, without their devices. Where the lab's author put a machine is not known here: `at` is
    /// `None`.
    pub fn places(&self) -> shown::Topology {
        let machine =
            |it: &crate::Machine| shown::Machine { name: it.name.to_string(), role: it.role, at: None };
        let netns = self.netns.iter().filter(|(_, it)| it.alive);
        shown::Topology {
            machines: self.machines.iter().map(|(id, it)| (id, machine(it))).collect(),
            netns: netns
                .map(|(id, it)| {
                    (id, shown::Netns { machine: it.machine, name: it.name.clone(), title: None })
                })
                .collect(),
            devices: Default::default(),
            services: Default::default(),
        }
    }

    /// Devices that are others than they were `told`, and those that are gone. What has not changed costs no more than
    /// to look at it.
    pub fn devices_changed(
        &self,
        told: &BTreeMap<DeviceId, shown::Device>,
    ) -> (BTreeMap<DeviceId, shown::Device>, Vec<DeviceId>) {
        let stands = |it: &Device| self.netns[it.netns].alive;
        let mut known = told.iter().peekable();
        let mut put = BTreeMap::new();
        for (id, it) in self.devices.iter().filter(|(_, it)| stands(it)) {
            while known.next_if(|(other, _)| **other < id).is_some() {}
            let before = known.next_if(|(other, _)| **other == id);
            if before.is_none_or(|(_, before)| !self.is_shown_as(it, before)) {
                put.insert(id, self.device_shown(it));
            }
        }
        let is_gone = |id: &&DeviceId| self.devices.get(**id).is_none_or(|it| !stands(it));
        (put, told.keys().filter(is_gone).copied().collect())
    }

    /// Whether [`Network::device_shown`] would come to that.
    fn is_shown_as(&self, it: &Device, before: &shown::Device) -> bool {
        before.netns == it.netns
            && before.ifindex == it.ifindex
            && *before.name == *it.name
            && before.kind == it.kind.name()
            && before.mac.parse() == Ok(it.mac)
            && before.mtu == it.mtu
            && before.up == it.is_up()
            && before.running == is_running(it)
            && before.addresses.iter().copied().eq(addresses(it))
            && before.master == it.master()
            && before.peer == self.peer_shown(it)
            && before.detail == detail(it)
    }

    fn peer_shown(&self, it: &Device) -> Option<DeviceId> {
        let peer = match &it.kind {
            Kind::Nic(nic) => nic.other,
            _ => it.lower(),
        };
        peer.filter(|id| self.devices.get(*id).is_some())
    }

    fn device_shown(&self, it: &Device) -> shown::Device {
        shown::Device {
            netns: it.netns,
            ifindex: it.ifindex,
            name: it.name.to_string(),
            kind: it.kind.name().to_owned(),
            mac: it.mac.to_string(),
            mtu: it.mtu,
            up: it.is_up(),
            running: is_running(it),
            addresses: addresses(it).collect(),
            master: it.master(),
            peer: self.peer_shown(it),
            detail: detail(it),
        }
    }
}

fn is_running(it: &Device) -> bool {
    let forwards = it.port.as_ref().is_none_or(|port| port.state == PortState::Forwarding);
    it.is_up() && it.carrier && forwards
}

fn addresses(it: &Device) -> impl Iterator<Item = IpNet> {
    let v4 = it.ip.addresses.iter().filter_map(|it| IpNet::new(it.local.into(), it.prefix).ok());
    let v6 = it.ip6.addresses.iter().filter_map(|it| IpNet::new(it.local.into(), it.prefix).ok());
    v4.chain(v6)
}

fn detail(it: &Device) -> String {
    match &it.kind {
        Kind::Vxlan(vxlan) => {
            let info = &vxlan.info;
            let remote = info.remote.map_or(String::new(), |remote| format!(" remote {remote}"));
            format!("vni {} port {}{remote}", info.id, info.destination_port)
        }
        Kind::Vlan(vlan) => format!("id {}", vlan.id),
        Kind::Macvlan(macvlan) => format!("mode {:?}", macvlan.mode).to_lowercase(),
        Kind::Ipvlan(ipvlan) => format!("mode {:?}", ipvlan.mode).to_lowercase(),
        Kind::Ipip(tunnel) => format!("{} to {}", tunnel.local, tunnel.remote),
        Kind::Bridge(bridge) if bridge.stp != 0 => "stp on".to_owned(),
        _ => String::new(),
    }
}
