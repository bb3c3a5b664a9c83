//! A service port as kube-proxy sees it in one address family.
//!
//! Always: addresses of the other family are left out; a Service without a cluster IP of this family has no port here.
//! Source: kube-proxy's `BaseServicePortInfo`, Kubernetes 1.36.

use super::name::{NamespacedName, Protocol, ServicePortName};
use crate::object::service::{Service, ServicePort};
use ipnet::IpNet;
use std::net::IpAddr;

/// Services that another proxy looks after carry this label.
const SERVICE_PROXY_NAME: &str = "service.kubernetes.io/service-proxy-name";
/// The label of what has no cluster IP.
const HEADLESS: &str = "service.kubernetes.io/headless";
/// `DefaultClientIPServiceAffinitySeconds`
const AFFINITY_SECONDS: u32 = 10_800;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    V4,
    V6,
}

impl Family {
    pub fn of(address: IpAddr) -> Family {
        if address.is_ipv4() { Family::V4 } else { Family::V6 }
    }

    /// As the API and the metrics' labels spell it.
    pub fn name(self) -> &'static str {
        match self {
            Family::V4 => "IPv4",
            Family::V6 => "IPv6",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortInfo {
    pub name: ServicePortName,
    pub cluster_ip: IpAddr,
    pub port: u16,
    pub node_port: u16,
    /// Status addresses whose `ipMode` is VIP.
    pub load_balancer_vips: Vec<IpAddr>,
    pub load_balancer_source_ranges: Vec<IpNet>,
    pub external_ips: Vec<IpAddr>,
    /// Seconds that a client keeps its endpoint; `None` without session affinity.
    pub affinity_seconds: Option<u32>,
    pub health_check_node_port: u16,
    pub internal_policy_local: bool,
    pub external_policy_local: bool,
}

impl PortInfo {
    pub fn is_externally_accessible(&self) -> bool {
        self.node_port != 0 || !self.load_balancer_vips.is_empty() || !self.external_ips.is_empty()
    }

    /// Whether endpoints on other nodes can be chosen. Traffic from this node to an external address takes any
    /// endpoint even under `externalTrafficPolicy: Local`, so such Services need them too.
    pub fn uses_cluster_endpoints(&self) -> bool {
        !self.internal_policy_local || self.is_externally_accessible()
    }

    pub fn uses_local_endpoints(&self) -> bool {
        self.internal_policy_local || (self.external_policy_local && self.is_externally_accessible())
    }
}

/// The ports of a Service that kube-proxy makes rules for.
pub fn ports_of(service: &Service, family: Family) -> Vec<PortInfo> {
    let spec = &service.spec;
    let is_another_s =
        [SERVICE_PROXY_NAME, HEADLESS].iter().any(|it| service.metadata.labels.contains_key(*it));
    if is_another_s || spec.cluster_ip.is_empty() || spec.is_headless() || spec.is_external_name() {
        return Vec::new();
    }
    let Some(cluster_ip) = cluster_ip(service, family) else { return Vec::new() };
    let name = NamespacedName::new(&service.metadata.namespace, &service.metadata.name);
    spec.ports.iter().filter_map(|port| port_info(service, port, &name, cluster_ip)).collect()
}

fn port_info(
    service: &Service,
    port: &ServicePort,
    name: &NamespacedName,
    cluster_ip: IpAddr,
) -> Option<PortInfo> {
    let spec = &service.spec;
    let is_ours = |address: &IpAddr| address.is_ipv4() == cluster_ip.is_ipv4();
    let protocol = Protocol::parse(port.protocol())?;
    let timeout = || {
        let client_ip = spec.session_affinity_config.as_ref()?.client_ip.as_ref()?;
        client_ip.timeout_seconds
    };
    let external_ips: Vec<IpAddr> =
        spec.external_ips.iter().filter_map(|ip| ip.parse().ok()).filter(is_ours).collect();
    let ingress = service.status.load_balancer.ingress.iter();
    let vips = ingress.filter(|it| it.ip_mode.as_deref().unwrap_or("VIP") == "VIP");
    let can_be_reached_from_outside =
        matches!(spec.kind.as_str(), "NodePort" | "LoadBalancer") || !spec.external_ips.is_empty();
    let external_policy_local = can_be_reached_from_outside && spec.external_traffic_policy == "Local";
    let needs_health_check = spec.kind == "LoadBalancer" && external_policy_local;
    Some(PortInfo {
        name: ServicePortName { service: name.clone(), port: port.name.clone(), protocol },
        cluster_ip,
        port: port.port,
        node_port: port.node_port,
        load_balancer_vips: vips.filter_map(|it| it.ip.parse().ok()).filter(is_ours).collect(),
        load_balancer_source_ranges: source_ranges(&spec.load_balancer_source_ranges, cluster_ip),
        external_ips,
        affinity_seconds: (spec.session_affinity == "ClientIP")
            .then(|| timeout().unwrap_or(AFFINITY_SECONDS)),
        health_check_node_port: if needs_health_check { spec.health_check_node_port } else { 0 },
        internal_policy_local: spec.internal_traffic_policy.as_deref() == Some("Local"),
        external_policy_local,
    })
}

fn source_ranges(texts: &[String], cluster_ip: IpAddr) -> Vec<IpNet> {
    let parsed = texts.iter().filter_map(|text| text.trim().parse::<IpNet>().ok());
    parsed.map(|net| net.trunc()).filter(|net| net.addr().is_ipv4() == cluster_ip.is_ipv4()).collect()
}

/// `GetClusterIPByFamily`: by the list of families, or by the address itself where there is none.
fn cluster_ip(service: &Service, family: Family) -> Option<IpAddr> {
    let spec = &service.spec;
    let text = if spec.ip_families.is_empty() {
        &spec.cluster_ip
    } else {
        let index = spec.ip_families.iter().position(|it| it == family.name())?;
        spec.cluster_ips.get(index)?
    };
    text.parse().ok().filter(|address| Family::of(*address) == family)
}
