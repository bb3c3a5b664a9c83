//! Flows of UDP Services that lead to an endpoint that is gone: UDP has no end, so nobody else would forget them.
//!
//! Always: only flows whose Service has a serving endpoint, and which lead to none of these, are named.
//! Source: kube-proxy's `conntrack.CleanStaleEntries`, Kubernetes 1.36.

use super::iptables::Proxier;
use super::name::Protocol;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

/// What is asked of one UDP flow: where it was sent, and who answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UdpFlow {
    pub original_destination: SocketAddr,
    pub reply_source: SocketAddr,
}

impl Proxier {
    /// Which of these flows have to be deleted.
    pub fn stale_flows(&self, flows: &[UdpFlow]) -> Vec<usize> {
        let mut by_address: BTreeMap<SocketAddr, BTreeSet<SocketAddr>> = BTreeMap::new();
        let mut by_node_port: BTreeMap<u16, BTreeSet<SocketAddr>> = BTreeMap::new();
        for (port, endpoints) in self.service_ports().filter(|(port, _)| port.name.protocol == Protocol::Udp)
        {
            let serving: BTreeSet<SocketAddr> =
                endpoints.iter().filter(|it| it.is_serving).map(|it| it.address).collect();
            if serving.is_empty() {
                continue;
            }
            let others = port.load_balancer_vips.iter().chain(&port.external_ips);
            for &address in others.chain([&port.cluster_ip]) {
                by_address.insert(SocketAddr::new(address, port.port), serving.clone());
            }
            if port.node_port != 0 {
                by_node_port.insert(port.node_port, serving);
            }
        }
        let is_stale = |flow: &UdpFlow| {
            let to = flow.original_destination;
            let of_service = by_address.get(&to).into_iter().chain(by_node_port.get(&to.port()));
            of_service.into_iter().any(|serving| !serving.contains(&flow.reply_source))
        };
        flows.iter().enumerate().filter(|(_, flow)| is_stale(flow)).map(|(index, _)| index).collect()
    }
}
