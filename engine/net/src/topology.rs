//! What stands where, for the picture: a snapshot of machines, namespaces and devices.
//!
//! Always: while [`Network::topology_generation`] stays, so does the snapshot.

use crate::Network;
use crate::device::{Device, Kind, PortState};
use api::topology as shown;
use ipnet::IpNet;

impl Network {
    /// Changes whenever [`Network::topology`] would.
    pub fn topology_generation(&self) -> u64 {
        self.generation
    }

    /// Where the lab's author put a machine is not known here: `at` is `None`.
    pub fn topology(&self) -> shown::Topology {
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
            devices: self
                .devices
                .iter()
                .filter(|(_, it)| self.netns[it.netns].alive)
                .map(|(id, it)| (id, self.device_shown(it)))
                .collect(),
            services: Default::default(),
        }
    }

    fn device_shown(&self, it: &Device) -> shown::Device {
        let v4 = it.ip.addresses.iter().filter_map(|it| IpNet::new(it.local.into(), it.prefix).ok());
        let v6 = it.ip6.addresses.iter().filter_map(|it| IpNet::new(it.local.into(), it.prefix).ok());
        let forwards = it.port.as_ref().is_none_or(|port| port.state == PortState::Forwarding);
        let peer = match &it.kind {
            Kind::Nic(nic) => nic.other,
            _ => it.lower(),
        };
        shown::Device {
            netns: it.netns,
            ifindex: it.ifindex,
            name: it.name.to_string(),
            kind: it.kind.name().to_owned(),
            mac: it.mac.to_string(),
            mtu: it.mtu,
            up: it.is_up(),
            running: it.is_up() && it.carrier && forwards,
            addresses: v4.chain(v6).collect(),
            master: it.master(),
            peer: peer.filter(|id| self.devices.get(*id).is_some()),
            detail: detail(it),
        }
    }
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
