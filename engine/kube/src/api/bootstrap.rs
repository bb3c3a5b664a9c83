//! What a new cluster holds: its namespaces, the usual roles, the network of Services, and the Service `kubernetes` before
//! the API.
//!
//! Always: twice is the same as once; an endpoint that moved is corrected.
//! Differs from Kubernetes: of the default roles only those for people, whole instead of aggregated.
//! Sources: kubernetes `pkg/controlplane/controller/{systemnamespaces,kubernetesservice,defaultservicecidr}`.

use super::{Api, Options};
use crate::object;
use crate::object::{Kind, Value, yaml};
use std::net::Ipv4Addr;

const NAMESPACES: [&str; 4] = ["default", "kube-node-lease", "kube-public", "kube-system"];

impl Api {
    /// Fills an empty store: `address` and `port` are where the API server listens, `services` is its
    /// `--service-cluster-ip-range`.
    pub fn bootstrap(&mut self, address: Ipv4Addr, port: u16, services: ipnet::Ipv4Net) {
        for name in NAMESPACES {
            let namespace = object!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
            self.ensure(Kind::Namespace, "", name, namespace);
        }
        for text in include_str!("roles.yaml").split("---\n") {
            let role = yaml::parse(text).expect("our own roles are YAML");
            let kind =
                Kind::of(role.str("apiVersion"), role.str("kind")).expect("our own roles have known kinds");
            let name = role["metadata"].str("name").to_owned();
            self.ensure(kind, "", &name, role);
        }
        let cidr = object!({
            "apiVersion": "networking.k8s.io/v1", "kind": "ServiceCIDR", "metadata": {"name": "kubernetes"},
            "spec": {"cidrs": [(services.to_string())]}
        });
        self.ensure(Kind::ServiceCIDR, "", "kubernetes", cidr);
        let first = services.hosts().next().unwrap_or(services.addr());
        let service = object!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": {
                "name": "kubernetes", "namespace": "default",
                "labels": {"component": "apiserver", "provider": "kubernetes"}
            },
            "spec": {
                "clusterIP": (first.to_string()), "type": "ClusterIP", "sessionAffinity": "None",
                "ports": [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": (u32::from(port))}]
            }
        });
        self.ensure(Kind::Service, "default", "kubernetes", service);
        self.point(address, port);
    }

    fn point(&mut self, address: Ipv4Addr, port: u16) {
        let ports = object!([{"name": "https", "port": (u32::from(port)), "protocol": "TCP"}]);
        let slice = object!({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
            "metadata": {"name": "kubernetes", "namespace": "default", "labels": {"kubernetes.io/service-name": "kubernetes"}},
            "endpoints": [{"addresses": [(address.to_string())], "conditions": {"ready": true}}],
            "ports": (ports.clone())
        });
        let endpoints = object!({
            "apiVersion": "v1", "kind": "Endpoints",
            "metadata": {
                "name": "kubernetes", "namespace": "default",
                "labels": {"endpointslice.kubernetes.io/skip-mirror": "true"}
            },
            "subsets": [{"addresses": [{"ip": (address.to_string())}], "ports": ports}]
        });
        for (kind, wanted, part) in
            [(Kind::EndpointSlice, slice, "endpoints"), (Kind::Endpoints, endpoints, "subsets")]
        {
            let there = self.store.get(kind, "default", "kubernetes");
            if there.is_none_or(|it| it.get(part) != wanted.get(part)) {
                self.store.remove(kind, "default", "kubernetes");
                self.ensure(kind, "default", "kubernetes", wanted);
            }
        }
    }

    fn ensure(&mut self, kind: Kind, namespace: &str, name: &str, object: Value) {
        if self.store.get(kind, namespace, name).is_none() {
            let made = self.create(kind, namespace, object, &mut Options::default());
            debug_assert!(made.is_ok(), "{made:?}");
        }
    }
}
