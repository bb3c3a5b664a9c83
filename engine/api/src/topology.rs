//! What stands where: machines, namespaces, devices and what joins them; and the difference between two such states.
//!
//! Always: applying the delta of (a, b) to a gives b; the page keeps a copy that is rebuilt from deltas alone.

use crate::{DeviceId, MachineId, NetnsId};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::IpAddr;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Topology {
    pub machines: BTreeMap<MachineId, Machine>,
    pub netns: BTreeMap<NetnsId, Netns>,
    pub devices: BTreeMap<DeviceId, Device>,
    /// By `NAMESPACE/NAME`.
    pub services: BTreeMap<String, Service>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    pub name: String,
    pub role: Role,
    /// Where the lab's author put it, in grid cells; `None` leaves it to the layout.
    pub at: Option<(i32, i32)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Role {
    Host,
    Router,
    Switch,
    Node,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Netns {
    pub machine: MachineId,
    /// The name `ip netns` shows; `None` is the machine's own.
    pub name: Option<String>,
    /// What runs in it, where a runtime made it: a Pod as `NAMESPACE/NAME`.
    pub title: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    pub netns: NetnsId,
    pub ifindex: u32,
    pub name: String,
    /// As `ip link add type` says it: veth, bridge, vxlan, dummy, vlan, macvlan, …; `nic` for a cabled port; `loopback`.
    pub kind: String,
    pub mac: String,
    pub mtu: u32,
    /// The administrator said `up`.
    pub up: bool,
    /// Frames can pass (carrier; for a bridge port also the forwarding state).
    pub running: bool,
    pub addresses: Vec<IpNet>,
    /// The bridge this is a port of.
    pub master: Option<DeviceId>,
    /// The other end of a veth, of a cable; the lower device of a vlan, macvlan, vxlan.
    pub peer: Option<DeviceId>,
    /// `vni 100 port 4789 remote 192.168.1.12` and the like, for a label.
    pub detail: String,
}

/// A Kubernetes Service: it stands nowhere, but what is sent to it goes somewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    pub namespace: String,
    pub name: String,
    /// `ClusterIP`, `NodePort`, …
    pub kind: String,
    /// The cluster IP; `None` where it is headless.
    pub address: String,
    /// As kubectl shows them: `80/TCP`, `80:30080/TCP`.
    pub ports: Vec<String>,
    pub endpoints: Vec<Endpoint>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    pub address: IpAddr,
    pub ready: bool,
}

/// The difference between two topologies: what to put, what to take away.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delta {
    pub put: Topology,
    pub gone_machines: Vec<MachineId>,
    pub gone_netns: Vec<NetnsId>,
    pub gone_devices: Vec<DeviceId>,
    pub gone_services: Vec<String>,
}

impl Topology {
    pub fn delta(&self, next: &Topology) -> Delta {
        fn put<K: Ord + Clone, V: Clone + PartialEq>(
            old: &BTreeMap<K, V>,
            new: &BTreeMap<K, V>,
        ) -> BTreeMap<K, V> {
            new.iter().filter(|(k, v)| old.get(k) != Some(v)).map(|(k, v)| (k.clone(), v.clone())).collect()
        }
        fn gone<K: Ord + Clone, V>(old: &BTreeMap<K, V>, new: &BTreeMap<K, V>) -> Vec<K> {
            old.keys().filter(|k| !new.contains_key(k)).cloned().collect()
        }
        Delta {
            put: Topology {
                machines: put(&self.machines, &next.machines),
                netns: put(&self.netns, &next.netns),
                devices: put(&self.devices, &next.devices),
                services: put(&self.services, &next.services),
            },
            gone_machines: gone(&self.machines, &next.machines),
            gone_netns: gone(&self.netns, &next.netns),
            gone_devices: gone(&self.devices, &next.devices),
            gone_services: gone(&self.services, &next.services),
        }
    }

    pub fn apply(&mut self, delta: Delta) {
        delta.gone_machines.iter().for_each(|id| drop(self.machines.remove(id)));
        delta.gone_netns.iter().for_each(|id| drop(self.netns.remove(id)));
        delta.gone_devices.iter().for_each(|id| drop(self.devices.remove(id)));
        delta.gone_services.iter().for_each(|name| drop(self.services.remove(name)));
        self.machines.extend(delta.put.machines);
        self.netns.extend(delta.put.netns);
        self.devices.extend(delta.put.devices);
        self.services.extend(delta.put.services);
    }
}

impl Delta {
    pub fn is_empty(&self) -> bool {
        *self == Delta::default()
    }
}
