//! An EndpointSlice as kube-proxy and CoreDNS read it.
//!
//! Always: an unknown condition is told apart from a false one.
//! Source: `discovery.k8s.io/v1` of the Kubernetes API.

use super::metadata::{Metadata, or_default};
use serde::Deserialize;

/// The label that names the slice's Service.
pub const SERVICE_NAME: &str = "kubernetes.io/service-name";

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EndpointSlice {
    pub metadata: Metadata,
    pub address_type: String,
    #[serde(deserialize_with = "or_default")]
    pub endpoints: Vec<Endpoint>,
    #[serde(deserialize_with = "or_default")]
    pub ports: Vec<EndpointPort>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Endpoint {
    #[serde(deserialize_with = "or_default")]
    pub addresses: Vec<String>,
    #[serde(deserialize_with = "or_default")]
    pub conditions: Conditions,
    pub hostname: Option<String>,
    pub node_name: Option<String>,
    pub zone: Option<String>,
    pub target_ref: Option<TargetRef>,
    #[serde(deserialize_with = "or_default")]
    pub hints: Hints,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Conditions {
    pub ready: Option<bool>,
    pub serving: Option<bool>,
    pub terminating: Option<bool>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Hints {
    #[serde(deserialize_with = "or_default")]
    pub for_zones: Vec<Hint>,
    #[serde(deserialize_with = "or_default")]
    pub for_nodes: Vec<Hint>,
}

/// Of a zone or of a node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Hint {
    pub name: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct TargetRef {
    pub kind: String,
    pub name: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EndpointPort {
    pub name: Option<String>,
    pub port: Option<u16>,
    pub protocol: Option<String>,
}

impl EndpointSlice {
    /// The Service it belongs to, by its label.
    pub fn service(&self) -> Option<&str> {
        self.metadata.labels.get(SERVICE_NAME).map(String::as_str).filter(|name| !name.is_empty())
    }
}

impl Conditions {
    /// Unknown counts as ready.
    pub fn is_ready(self) -> bool {
        self.ready.unwrap_or(true)
    }

    /// Unknown counts as what `ready` says.
    pub fn is_serving(self) -> bool {
        self.serving.unwrap_or(self.is_ready())
    }

    pub fn is_terminating(self) -> bool {
        self.terminating.unwrap_or(false)
    }
}
