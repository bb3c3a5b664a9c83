//! A lab's Kubernetes cluster: its machines, their network, and waiting until all of it is Ready.
//!
//! Always: the machines are set up by the commands a person would type; the cluster starts as kubeadm left it.

mod objects;
mod place;
mod pods;

pub use objects::Objects;
pub use pods::name as name_pods;

use crate::World;
use api::lab::{CableSpec, ClusterSpec, MachineSpec, PodNetwork, Setup};
use api::topology::Role;
use api::{Lab, MachineId};
use kube::boot::{self, Node};
use kube::cluster;
use std::net::Ipv4Addr;

/// How long a cluster may take to be Ready: two virtual minutes.
const PATIENCE: u64 = 120_000_000_000;
/// How often it is asked whether it is: every tenth of a virtual second.
const STEP: u64 = 100_000_000;

/// Names and addresses of the nodes, the control plane's first.
fn nodes(spec: &ClusterSpec) -> Vec<(String, Ipv4Addr)> {
    spec.nodes().into_iter().zip(2..).map(|(name, last)| (name, Ipv4Addr::new(172, 18, 0, last))).collect()
}

/// The lab with the machines of its cluster and their cables to a switch; and the commands that give them addresses.
pub fn with_machines(lab: &Lab) -> (Lab, Vec<Setup>) {
    let mut lab = lab.clone();
    let Some(spec) = lab.cluster.clone() else { return (lab, Vec::new()) };
    let nodes = nodes(&spec);
    let machine = |name: &str, role, at| MachineSpec { name: name.to_owned(), role, at: Some(at) };
    let mut setup = vec![Setup {
        on: ClusterSpec::SWITCH.to_owned(),
        run: "ip link add br0 type bridge mcast_snooping 0; ip link set br0 up; ip addr add 172.18.0.1/16 dev br0; \
              for p in /sys/class/net/port*; do p=${p##*/}; ip link set $p master br0; ip link set $p up; done; \
              dnsmasq --no-hosts --no-resolv --local=/#/ --host-record=example.com,192.0.2.80 \
              --host-record=www.example.com,192.0.2.81; sysctl -qw net.ipv4.ip_forward=1"
            .to_owned(),
    }];
    for (at, (_, via)) in nodes.iter().enumerate() {
        setup[0].run += &format!("; ip route add 10.244.{at}.0/24 via {via}");
    }
    for (at, (name, address)) in nodes.iter().enumerate() {
        let column = i32::try_from(at).unwrap_or(0);
        lab.machines.push(machine(name, Role::Node, (column, 1)));
        lab.cables.push(CableSpec {
            ends: (format!("{name}:eth0"), format!("{}:port{}", ClusterSpec::SWITCH, at + 1)),
            latency_us: 50,
            mbit: 0,
            loss_permille: 0,
            macs: Some((format!("02:42:ac:12:00:{:02x}", at + 2), format!("02:00:00:00:01:{:02x}", at + 1))),
        });
        let mut run = format!(
            "ip link set lo up; ip link set eth0 up; ip addr add {address}/16 dev eth0; \
             ip route add default via 172.18.0.1; sysctl -qw net.ipv4.ip_forward=1; \
             echo nameserver 172.18.0.1 > /etc/resolv.conf"
        );
        let routed =
            nodes.iter().enumerate().filter(|(other, _)| *other != at && spec.network == PodNetwork::Bridge);
        for (other, (_, via)) in routed {
            run += &format!("; ip route add 10.244.{other}.0/24 via {via}");
        }
        setup.push(Setup { on: name.clone(), run });
    }
    lab.machines.push(machine(ClusterSpec::SWITCH, Role::Switch, (1, 2)));
    (lab, setup)
}

/// What the page follows of the world's cluster.
pub fn objects(world: &World) -> Option<Objects> {
    world.control_plane().map(Objects::of)
}

impl World {
    /// Starts the cluster and waits until it is settled, or says what is not.
    pub(crate) fn start_cluster(&mut self, lab: &Lab, seed: u64) {
        let Some(spec) = &lab.cluster else { return };
        let node = |(at, (name, address)): (usize, (String, Ipv4Addr))| {
            let machine = self.machine(&name)?;
            Some(Node { machine, name, address, is_control_plane: at == 0 })
        };
        let nodes: Vec<Node> = nodes(spec).into_iter().enumerate().filter_map(node).collect();
        boot::boot(&mut self.system, seed, &nodes, spec.network);
        let Some(master) = nodes.first().map(|it| it.machine) else { return };
        cluster::change(&mut self.system, master, |it| it.set_pool(spec.pool));
        let end = self.now() + PATIENCE;
        while !boot::is_settled(&self.system, master, nodes.len()) {
            let until = self.now() + STEP;
            self.advance_to(until);
            if self.now() >= end {
                return self.complain("cluster", "not all nodes and pods of kube-system became Ready");
            }
        }
    }

    /// The machine that holds the cluster's store.
    pub fn control_plane(&self) -> Option<MachineId> {
        self.machine(ClusterSpec::CONTROL_PLANE)
    }
}
