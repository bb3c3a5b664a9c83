//! The endpoints of service ports, gathered from EndpointSlices.
//!
//! Always: the endpoints of a port are sorted by the text `ip:port`, each once; those of another family are left out.
//! Sources: kube-proxy's `EndpointSliceCache` and `BaseEndpointInfo`, Kubernetes 1.36.

use super::name::{NamespacedName, Protocol, ServicePortName};
use super::port::Family;
use crate::object::endpointslice::{EndpointSlice, Hint};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    pub address: SocketAddr,
    /// `10.244.1.5:8080`, `[fd00::5]:8080`
    pub text: String,
    /// `KUBE-SEP-…`
    pub chain: String,
    /// On this node.
    pub is_local: bool,
    pub is_ready: bool,
    pub is_serving: bool,
    pub is_terminating: bool,
    pub zone_hints: Vec<String>,
    pub node_hints: Vec<String>,
}

pub type Endpoints = BTreeMap<ServicePortName, Vec<Endpoint>>;

/// The slices of every Service.
#[derive(Clone, Debug, Default)]
pub struct Slices {
    of_service: BTreeMap<NamespacedName, BTreeMap<String, EndpointSlice>>,
    /// Slice to Service.
    service_of: BTreeMap<NamespacedName, NamespacedName>,
}

impl Slices {
    /// The Service whose endpoints may have changed; none where the slice says nothing new or nothing to us.
    pub fn set(&mut self, slice: EndpointSlice, family: Family) -> Option<NamespacedName> {
        if slice.address_type != family.name() {
            return None;
        }
        let service = NamespacedName::new(&slice.metadata.namespace, slice.service()?);
        let name = slice.metadata.name.clone();
        self.service_of.insert(NamespacedName::new(&service.namespace, &name), service.clone());
        let slices = self.of_service.entry(service.clone()).or_default();
        let is_same =
            slices.get(&name).is_some_and(|it| it.endpoints == slice.endpoints && it.ports == slice.ports);
        slices.insert(name, slice);
        (!is_same).then_some(service)
    }

    /// The Service whose slice is gone.
    pub fn delete(&mut self, namespace: &str, name: &str) -> Option<NamespacedName> {
        let service = self.service_of.remove(&NamespacedName::new(namespace, name))?;
        let slices = self.of_service.get_mut(&service)?;
        slices.remove(name);
        if slices.is_empty() {
            self.of_service.remove(&service);
        }
        Some(service)
    }

    /// All endpoints of one Service, by port.
    pub fn endpoints(&self, service: &NamespacedName, family: Family, node: &str) -> Endpoints {
        let mut found: BTreeMap<ServicePortName, BTreeMap<String, Endpoint>> = BTreeMap::new();
        for slice in self.of_service.get(service).into_iter().flat_map(BTreeMap::values) {
            for port in &slice.ports {
                let Some(number) = port.port else { continue };
                let Some(protocol) = Protocol::parse(port.protocol.as_deref().unwrap_or("TCP")) else {
                    continue;
                };
                let port = port.name.clone().unwrap_or_default();
                let name = ServicePortName { service: service.clone(), port, protocol };
                let of_port = found.entry(name.clone()).or_default();
                for endpoint in endpoints_of(slice, number, family, node) {
                    let chain = name.endpoint_chain(&endpoint.text);
                    of_port.insert(endpoint.text.clone(), Endpoint { chain, ..endpoint });
                }
            }
        }
        found.into_iter().map(|(name, endpoints)| (name, endpoints.into_values().collect())).collect()
    }
}

/// Of one port of a slice; only the first address of each endpoint counts.
fn endpoints_of<'a>(
    slice: &'a EndpointSlice,
    port: u16,
    family: Family,
    node: &'a str,
) -> impl Iterator<Item = Endpoint> + 'a {
    let names = |hints: &[Hint]| hints.iter().map(|hint| hint.name.clone()).collect();
    slice.endpoints.iter().filter_map(move |it| {
        let address: IpAddr = it.addresses.first()?.parse().ok()?;
        let address = (Family::of(address) == family).then(|| SocketAddr::new(address, port))?;
        Some(Endpoint {
            address,
            text: address.to_string(),
            chain: String::new(),
            is_local: !node.is_empty() && it.node_name.as_deref() == Some(node),
            is_ready: it.conditions.is_ready(),
            is_serving: it.conditions.serving.unwrap_or(true),
            is_terminating: it.conditions.is_terminating(),
            zone_hints: names(&it.hints.for_zones),
            node_hints: names(&it.hints.for_nodes),
        })
    })
}

/// Whether connection tracking may hold flows to a UDP endpoint that is gone, or to nobody where there is one now.
pub fn leaves_stale_flows(old: &[Endpoint], new: &[Endpoint]) -> bool {
    let serves = |endpoints: &[Endpoint]| endpoints.iter().any(|it| it.is_serving);
    let is_gone = |it: &Endpoint| it.is_serving && !new.iter().any(|other| other.text == it.text);
    old.iter().any(is_gone) || (serves(new) && !serves(old))
}
