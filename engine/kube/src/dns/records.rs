//! From a name in the cluster's zone to what it stands for.
//!
//! Always: a name that says nothing but where others lie (the zone, `svc`, `pod`, a namespace) is there without records;
//! every other name that nothing stands for is not there.
//! Differs from CoreDNS: no multi-cluster and no zone-scoped names.
//! Sources: CoreDNS 1.14.7 `plugin/kubernetes/{kubernetes,parse,reverse,ns}.go`.

use super::cluster::{AddressView, Cluster, PortView, ServiceView};
use super::plugin::kubernetes::{Kubernetes, Pods};
use linux::dns::Kind;
use std::net::IpAddr;

/// No such name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    Address(IpAddr),
    /// Another name: an ExternalName Service.
    Name(String),
}

impl Host {
    /// The type of an address.
    pub fn kind(&self) -> Option<Kind> {
        match self {
            Host::Address(IpAddr::V4(_)) => Some(Kind::A),
            Host::Address(IpAddr::V6(_)) => Some(Kind::AAAA),
            Host::Name(_) => None,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub host: Host,
    /// -1 where no port is named.
    pub port: i32,
    /// Its own name, as an SRV record points to it.
    pub name: String,
}

/// One look-up.
pub struct Query<'a> {
    pub plugin: &'a Kubernetes,
    pub cluster: &'a Cluster,
    /// As written in the question.
    pub zone: &'a str,
}

/// What is put behind a label to make a name in the zone.
pub fn below(zone: &str) -> &str {
    if zone == "." { "" } else { zone }
}

/// The parts of a name below the zone.
#[derive(Debug, Default)]
struct Parts<'a> {
    port: &'a str,
    protocol: &'a str,
    endpoint: &'a str,
    service: &'a str,
    namespace: &'a str,
    is_pod: bool,
}

impl Query<'_> {
    /// `Records`: none is no failure where the name is there without any.
    pub fn records(&self, name: &str) -> Result<Vec<Found>, Failure> {
        let Some(parts) = self.parts(name)? else { return Ok(Vec::new()) };
        if !self.has_namespace(parts.namespace) {
            return Err(Failure);
        }
        if parts.is_pod { self.pods(&parts) } else { self.services(&parts) }
    }

    /// None for a name above all namespaces.
    fn parts<'b>(&self, name: &'b str) -> Result<Option<Parts<'b>>, Failure> {
        let base = name.get(..name.len().saturating_sub(self.zone.len())).unwrap_or_default();
        let base = base.strip_suffix('.').unwrap_or(base);
        if matches!(base, "" | "svc" | "pod") {
            return Ok(None);
        }
        let mut labels: Vec<&str> = base.split('.').collect();
        let is_pod = match labels.pop() {
            Some("pod") => true,
            Some("svc") => false,
            _ => return Err(Failure),
        };
        let mut parts = Parts { is_pod, ..Parts::default() };
        parts.namespace = labels.pop().unwrap_or_default();
        parts.service = labels.pop().unwrap_or_default();
        match labels.as_slice() {
            [] => {}
            [endpoint] => parts.endpoint = endpoint,
            [port, protocol] => {
                parts.port = port.strip_prefix('_').unwrap_or(port);
                parts.protocol = protocol.strip_prefix('_').unwrap_or(protocol);
            }
            _ => return Err(Failure),
        }
        Ok(Some(parts))
    }

    fn has_namespace(&self, namespace: &str) -> bool {
        let wanted = &self.plugin.namespaces;
        (wanted.is_empty() || wanted.contains(namespace)) && self.cluster.has_namespace(namespace)
    }

    fn pods(&self, parts: &Parts<'_>) -> Result<Vec<Found>, Failure> {
        if self.plugin.pods == Pods::Disabled {
            return Err(Failure);
        }
        let label = parts.service;
        if label.is_empty() {
            return Ok(Vec::new());
        }
        let is_v4 = label.matches('-').count() == 3 && !label.contains("--");
        let text = label.replace('-', if is_v4 { "." } else { ":" });
        let address: IpAddr = text.parse().map_err(|_| Failure)?;
        let found = Found { host: Host::Address(address), port: 0, name: String::new() };
        let is_there = self.plugin.pods == Pods::Insecure
            || self.cluster.pods_at(&text).any(|namespace| namespace == parts.namespace);
        if is_there { Ok(vec![found]) } else { Err(Failure) }
    }

    fn services(&self, parts: &Parts<'_>) -> Result<Vec<Found>, Failure> {
        if parts.service.is_empty() {
            return Ok(Vec::new());
        }
        let service = self.cluster.service(parts.namespace, parts.service).ok_or(Failure)?;
        let name = format!("{}.{}.svc.{}", service.name, service.namespace, below(self.zone));
        if let Some(target) = &service.external_name {
            let is_plain = parts.endpoint.is_empty() && parts.port.is_empty() && parts.protocol.is_empty();
            let is_name = target.parse::<IpAddr>().is_err();
            let found = Found { host: Host::Name(target.clone()), port: 0, name };
            return if is_plain && is_name { Ok(vec![found]) } else { Err(Failure) };
        }
        let is_headless = service.is_headless();
        if self.plugin.ignore_empty_service && !is_headless && !self.has_endpoints(service) {
            return Err(Failure);
        }
        let mut found = Vec::new();
        let is_asked = |port: &PortView| {
            (parts.port.is_empty() || parts.port.eq_ignore_ascii_case(&port.name))
                && (parts.protocol.is_empty() || parts.protocol.eq_ignore_ascii_case(&port.protocol))
        };
        if is_headless || !parts.endpoint.is_empty() {
            let slices = self.cluster.endpoints(&service.namespace, &service.name);
            for slice in slices.filter(|_| !self.plugin.no_endpoints) {
                for address in &slice.addresses {
                    let hostname = self.hostname(address);
                    if !parts.endpoint.is_empty() && !parts.endpoint.eq_ignore_ascii_case(&hostname) {
                        continue;
                    }
                    let Ok(ip) = address.ip.parse() else { continue };
                    for port in slice.ports.iter().filter(|port| is_asked(port)) {
                        let name = format!("{hostname}.{name}");
                        found.push(Found { host: Host::Address(ip), port: port.port, name });
                    }
                }
            }
            return if found.is_empty() { Err(Failure) } else { Ok(found) };
        }
        let mut has_port = false;
        for port in service.ports.iter().filter(|port| is_asked(port)) {
            has_port = true;
            for ip in service.cluster_ips.iter().filter_map(|ip| ip.parse().ok()) {
                found.push(Found { host: Host::Address(ip), port: port.port, name: name.clone() });
            }
        }
        if has_port { Ok(found) } else { Err(Failure) }
    }

    fn has_endpoints(&self, service: &ServiceView) -> bool {
        self.cluster.endpoints(&service.namespace, &service.name).any(|slice| !slice.addresses.is_empty())
    }

    /// The label of an endpoint: its hostname, its Pod's name where that is wanted, or its address with dashes.
    fn hostname(&self, address: &AddressView) -> String {
        let target = address.target.as_ref().filter(|_| self.plugin.endpoint_pod_names);
        if let Some(name) = address.hostname.as_ref().or(target) {
            return name.clone();
        }
        let dashed = address.ip.replace(['.', ':'], "-");
        // A name must not end in a dash.
        if address.ip.contains(':') && dashed.ends_with('-') { dashed + "0" } else { dashed }
    }

    /// Names of an address: the Service whose cluster IP it is, else the endpoints that have it.
    pub fn names_of(&self, address: IpAddr) -> Vec<String> {
        let (text, zone) = (address.to_string(), self.plugin.primary_zone());
        let is_exposed = |namespace: &str| self.plugin.namespaces.is_empty() || self.has_namespace(namespace);
        let mut services = self.cluster.services_at(&text).filter(|it| is_exposed(&it.namespace));
        if let Some(service) = services.next() {
            return vec![format!("{}.{}.svc.{zone}", service.name, service.namespace)];
        }
        let mut names = Vec::new();
        for slice in self.cluster.endpoints_at(&text).filter(|it| is_exposed(&it.namespace)) {
            for address in slice.addresses.iter().filter(|it| it.ip == text) {
                let hostname = self.hostname(address);
                names.push(format!("{hostname}.{}.{}.svc.{zone}", slice.service, slice.namespace));
            }
        }
        names
    }

    /// The Services behind which this server stands, or its own addresses where it stands behind none.
    pub fn name_servers(&self, own: &[IpAddr]) -> Vec<Found> {
        let mut found = Vec::new();
        let mut is_endpoint = false;
        for address in own {
            for slice in self.cluster.endpoints_at(&address.to_string()) {
                is_endpoint = true;
                let Some(service) = self.cluster.service(&slice.namespace, &slice.service) else { continue };
                let name = format!("{}.{}.svc.{}", service.name, service.namespace, below(self.zone));
                if service.is_headless() {
                    found.extend(slice.addresses.iter().filter_map(|it| {
                        let name = format!("{}.{name}", self.hostname(it));
                        Some(Found { host: Host::Address(it.ip.parse().ok()?), port: 0, name })
                    }));
                } else {
                    let ips = service.cluster_ips.iter().filter_map(|ip| ip.parse().ok());
                    found.extend(ips.map(|ip| Found {
                        host: Host::Address(ip),
                        port: 0,
                        name: name.clone(),
                    }));
                }
            }
        }
        if !is_endpoint {
            let name = format!("ns.dns.{}", below(self.zone));
            found.extend(own.iter().map(|ip| Found {
                host: Host::Address(*ip),
                port: 0,
                name: name.clone(),
            }));
        }
        found
    }
}
