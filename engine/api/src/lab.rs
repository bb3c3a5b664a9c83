//! A lab: the machines and cables that stand when a world boots, and the commands that set it up.
//!
//! Always: a lab and a seed determine the world. Read from `lessons/labs/*.toml` by the `lessons` crate.

use crate::topology::Role;
use serde::{Deserialize, Serialize};
use std::net::Ipv4Addr;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Lab {
    pub name: String,
    pub machines: Vec<MachineSpec>,
    pub cables: Vec<CableSpec>,
    /// Commands run at boot, in this order, before anybody may type.
    pub setup: Vec<Setup>,
    /// A Kubernetes cluster on machines of its own, which stand beside those named above.
    pub cluster: Option<ClusterSpec>,
}

/// `control-plane` and `worker-1` to `worker-N`, on a switch `switch`, with 172.18.0.2/16 and so on in this order.
/// The switch is their gateway and their name server, 172.18.0.1: it knows `example.com` and `www.example.com`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClusterSpec {
    pub workers: u8,
    pub network: PodNetwork,
    /// The first and the last address for Services of type LoadBalancer; without them their address stays pending.
    pub pool: Option<(Ipv4Addr, Ipv4Addr)>,
}

/// What joins the Pods of different nodes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PodNetwork {
    /// The bridge plugin on each node, and routes from node to node that the lab has set up.
    #[default]
    Bridge,
    /// flannel as a DaemonSet: VXLAN between the nodes.
    Flannel,
}

impl ClusterSpec {
    /// Workers of one lab; a higher number counts as this.
    pub const WORKERS: u8 = 100;
    /// The node that holds the cluster's store.
    pub const CONTROL_PLANE: &str = "control-plane";
    /// The machine that joins the nodes.
    pub const SWITCH: &str = "switch";

    /// The nodes' names, the control plane's first.
    pub fn nodes(&self) -> Vec<String> {
        let workers = (1..=self.workers.min(Self::WORKERS)).map(|at| format!("worker-{at}"));
        std::iter::once(Self::CONTROL_PLANE.to_owned()).chain(workers).collect()
    }
}

/// What a page can fetch to run a lab. The one for clusters can do all that the other can, and is twice as large.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EngineKind {
    Linux,
    Cluster,
}

impl Lab {
    /// The least that runs it.
    pub fn engine(&self) -> EngineKind {
        if self.cluster.is_some() { EngineKind::Cluster } else { EngineKind::Linux }
    }

    /// The names of all machines, those of the cluster too.
    pub fn names(&self) -> Vec<String> {
        let nodes = self.cluster.iter().flat_map(ClusterSpec::nodes);
        let switch = self.cluster.iter().map(|_| ClusterSpec::SWITCH.to_owned());
        self.machines.iter().map(|machine| machine.name.clone()).chain(nodes).chain(switch).collect()
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MachineSpec {
    pub name: String,
    #[serde(default = "host")]
    pub role: Role,
    /// Grid cell of the picture (column, row).
    #[serde(default)]
    pub at: Option<(i32, i32)>,
}

fn host() -> Role {
    Role::Host
}

/// A cable between two network cards; the cards are made with it. An end reads `machine:device`, as in `a:eth0`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CableSpec {
    pub ends: (String, String),
    /// One way, in microseconds.
    #[serde(default = "latency")]
    pub latency_us: u32,
    /// Megabit a second; 0 is without limit.
    #[serde(default)]
    pub mbit: u32,
    /// Of a thousand frames, how many are lost.
    #[serde(default)]
    pub loss_permille: u16,
    /// MAC addresses of the two cards, where the lesson wants readable ones.
    #[serde(default)]
    pub macs: Option<(String, String)>,
}

fn latency() -> u32 {
    100
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setup {
    pub on: String,
    pub run: String,
}
