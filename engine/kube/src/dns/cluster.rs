//! What the kubernetes plugin has seen of the cluster: Services, EndpointSlices, Pods and Namespaces, by name and address.
//!
//! Always: an index holds what its objects say now; endpoints that are not ready are not in it.
//! Differs from CoreDNS: multi-cluster Services and node zones are left out.
//! Sources: CoreDNS `plugin/kubernetes/{controller,object}`.

use crate::object::endpointslice::EndpointSlice;
use crate::object::service::Service;
use std::collections::{BTreeMap, BTreeSet};

/// Where an endpoint's name would be longer than a label, its Pod's name does not count.
const LABEL_BYTES: usize = 64;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceView {
    pub namespace: String,
    pub name: String,
    /// `None` alone for a headless one.
    pub cluster_ips: Vec<String>,
    pub ports: Vec<PortView>,
    pub external_name: Option<String>,
}

impl ServiceView {
    pub fn is_headless(&self) -> bool {
        self.cluster_ips.first().is_some_and(|ip| ip == "None")
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PortView {
    pub name: String,
    pub protocol: String,
    /// -1 for a Service or slice that names no ports.
    pub port: i32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressView {
    pub ip: String,
    pub hostname: Option<String>,
    pub target: Option<String>,
}

/// One slice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointsView {
    pub namespace: String,
    pub service: String,
    pub addresses: Vec<AddressView>,
    pub ports: Vec<PortView>,
}

/// Namespace and name.
type Key = (String, String);

#[derive(Clone, Debug, Default)]
pub struct Cluster {
    services: BTreeMap<Key, ServiceView>,
    by_cluster_ip: BTreeMap<String, BTreeSet<Key>>,
    slices: BTreeMap<Key, EndpointsView>,
    slices_of: BTreeMap<Key, BTreeSet<Key>>,
    by_endpoint_ip: BTreeMap<String, BTreeSet<Key>>,
    /// Address to namespace, of Pods.
    pods: BTreeMap<Key, String>,
    by_pod_ip: BTreeMap<String, BTreeSet<Key>>,
    namespaces: BTreeSet<String>,
    /// Seconds since 1970 of the last change; the zone's serial.
    pub modified: u32,
    /// Whether all there was at first has been seen.
    pub is_synced: bool,
}

impl Cluster {
    pub fn namespace_set(&mut self, name: &str) {
        self.namespaces.insert(name.to_owned());
    }

    pub fn namespace_delete(&mut self, name: &str) {
        self.namespaces.remove(name);
    }

    pub fn has_namespace(&self, name: &str) -> bool {
        self.namespaces.contains(name)
    }

    pub fn service_set(&mut self, service: &Service) {
        let (metadata, spec) = (&service.metadata, &service.spec);
        self.service_delete(&metadata.namespace, &metadata.name);
        let mut ports: Vec<PortView> = spec
            .ports
            .iter()
            .map(|port| PortView {
                name: port.name.clone(),
                protocol: port.protocol().to_owned(),
                port: i32::from(port.port),
            })
            .collect();
        if ports.is_empty() {
            ports.push(PortView { port: -1, ..PortView::default() });
        }
        let cluster_ips = match spec.cluster_ips.is_empty() {
            true => vec![spec.cluster_ip.clone()],
            false => spec.cluster_ips.clone(),
        };
        let view = ServiceView {
            namespace: metadata.namespace.clone(),
            name: metadata.name.clone(),
            cluster_ips,
            ports,
            external_name: spec.is_external_name().then(|| spec.external_name.clone()),
        };
        let key = (view.namespace.clone(), view.name.clone());
        for ip in &view.cluster_ips {
            self.by_cluster_ip.entry(ip.clone()).or_default().insert(key.clone());
        }
        self.services.insert(key, view);
    }

    pub fn service_delete(&mut self, namespace: &str, name: &str) {
        let key = (namespace.to_owned(), name.to_owned());
        let Some(view) = self.services.remove(&key) else { return };
        for ip in &view.cluster_ips {
            forget(&mut self.by_cluster_ip, ip, &key);
        }
    }

    pub fn slice_set(&mut self, slice: &EndpointSlice) {
        let metadata = &slice.metadata;
        self.slice_delete(&metadata.namespace, &metadata.name);
        let mut ports: Vec<PortView> = slice
            .ports
            .iter()
            .map(|port| PortView {
                name: port.name.clone().unwrap_or_default(),
                protocol: port.protocol.clone().unwrap_or_default(),
                port: port.port.map_or(-1, i32::from),
            })
            .collect();
        if ports.is_empty() {
            ports.push(PortView { port: -1, ..PortView::default() });
        }
        let mut addresses = Vec::new();
        for endpoint in slice.endpoints.iter().filter(|it| it.conditions.is_ready()) {
            let target = endpoint.target_ref.as_ref().map(|target| target.name.clone());
            addresses.extend(endpoint.addresses.iter().map(|ip| AddressView {
                ip: ip.clone(),
                hostname: endpoint.hostname.clone().filter(|name| !name.is_empty()),
                target: target.clone().filter(|name| name.len() < LABEL_BYTES && !name.is_empty()),
            }));
        }
        let service = slice.service().unwrap_or_default().to_owned();
        let view = EndpointsView { namespace: metadata.namespace.clone(), service, addresses, ports };
        let key = (metadata.namespace.clone(), metadata.name.clone());
        for address in &view.addresses {
            self.by_endpoint_ip.entry(address.ip.clone()).or_default().insert(key.clone());
        }
        let service = (view.namespace.clone(), view.service.clone());
        self.slices_of.entry(service).or_default().insert(key.clone());
        self.slices.insert(key, view);
    }

    pub fn slice_delete(&mut self, namespace: &str, name: &str) {
        let key = (namespace.to_owned(), name.to_owned());
        let Some(view) = self.slices.remove(&key) else { return };
        for address in &view.addresses {
            forget(&mut self.by_endpoint_ip, &address.ip, &key);
        }
        forget(&mut self.slices_of, &(view.namespace, view.service), &key);
    }

    pub fn pod_set(&mut self, namespace: &str, name: &str, ip: &str) {
        self.pod_delete(namespace, name);
        let key = (namespace.to_owned(), name.to_owned());
        self.by_pod_ip.entry(ip.to_owned()).or_default().insert(key.clone());
        self.pods.insert(key, ip.to_owned());
    }

    pub fn pod_delete(&mut self, namespace: &str, name: &str) {
        let key = (namespace.to_owned(), name.to_owned());
        if let Some(ip) = self.pods.remove(&key) {
            forget(&mut self.by_pod_ip, &ip, &key);
        }
    }

    pub fn service(&self, namespace: &str, name: &str) -> Option<&ServiceView> {
        self.services.get(&(namespace.to_owned(), name.to_owned()))
    }

    /// The first Service that has this cluster IP.
    pub fn services_at(&self, ip: &str) -> impl Iterator<Item = &ServiceView> {
        self.by_cluster_ip.get(ip).into_iter().flatten().filter_map(|key| self.services.get(key))
    }

    pub fn endpoints(&self, namespace: &str, service: &str) -> impl Iterator<Item = &EndpointsView> {
        let slices = self.slices_of.get(&(namespace.to_owned(), service.to_owned()));
        slices.into_iter().flatten().filter_map(|key| self.slices.get(key))
    }

    /// The slices that hold this address.
    pub fn endpoints_at(&self, ip: &str) -> impl Iterator<Item = &EndpointsView> {
        self.by_endpoint_ip.get(ip).into_iter().flatten().filter_map(|key| self.slices.get(key))
    }

    /// Namespaces of Pods with this address.
    pub fn pods_at(&self, ip: &str) -> impl Iterator<Item = &str> {
        self.by_pod_ip.get(ip).into_iter().flatten().map(|(namespace, _)| namespace.as_str())
    }
}

fn forget<K: Ord>(index: &mut BTreeMap<K, BTreeSet<Key>>, at: &K, key: &Key) {
    if let Some(keys) = index.get_mut(at) {
        keys.remove(key);
        if keys.is_empty() {
            index.remove(at);
        }
    }
}
