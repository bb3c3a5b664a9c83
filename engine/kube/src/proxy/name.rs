//! Names of service ports and of the chains that belong to them.
//!
//! Always: a chain's name is a prefix and 16 characters of base32(sha256(…)), so that it fits in the 28 that iptables
//! allows, and it depends on names, protocol and (for endpoints) address only: it is the same on every node.
//! Source: kube-proxy's `servicePortChainName` and `servicePortEndpointChainName`, Kubernetes 1.36.

use sha2::{Digest, Sha256};
use std::fmt;

const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
/// Characters of the hash that a chain's name carries.
const HASH_LENGTH: usize = 16;
const PREFIXES: [&str; 5] = ["KUBE-SVC-", "KUBE-SVL-", "KUBE-SEP-", "KUBE-FW-", "KUBE-EXT-"];

#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct NamespacedName {
    pub namespace: String,
    pub name: String,
}

impl NamespacedName {
    pub fn new(namespace: &str, name: &str) -> NamespacedName {
        NamespacedName { namespace: namespace.to_owned(), name: name.to_owned() }
    }
}

impl fmt::Display for NamespacedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// A transport that Services know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Protocol {
    Tcp,
    Udp,
    Sctp,
}

impl Protocol {
    pub fn parse(text: &str) -> Option<Protocol> {
        match text {
            "TCP" => Some(Protocol::Tcp),
            "UDP" => Some(Protocol::Udp),
            "SCTP" => Some(Protocol::Sctp),
            _ => None,
        }
    }

    /// As iptables spells it.
    pub fn lower(self) -> &'static str {
        match self {
            Protocol::Tcp => "tcp",
            Protocol::Udp => "udp",
            Protocol::Sctp => "sctp",
        }
    }
}

/// One port of one Service: what kube-proxy keeps rules for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ServicePortName {
    pub service: NamespacedName,
    /// Empty for the unnamed port of a Service with only one.
    pub port: String,
    pub protocol: Protocol,
}

/// `default/web:http`, or `default/web` for an unnamed port.
impl fmt::Display for ServicePortName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.service.fmt(f)?;
        if self.port.is_empty() { Ok(()) } else { write!(f, ":{}", self.port) }
    }
}

impl ServicePortName {
    /// The part that this port's KUBE-SVC, KUBE-SVL, KUBE-EXT and KUBE-FW chains share.
    pub fn hash(&self) -> String {
        hash(&format!("{self}{}", self.protocol.lower()))
    }

    /// The chain of one endpoint, written `ip:port` (IPv6 in brackets).
    pub fn endpoint_chain(&self, endpoint: &str) -> String {
        format!("KUBE-SEP-{}", hash(&format!("{self}{}{endpoint}", self.protocol.lower())))
    }
}

/// Whether a chain is one of those that are made for a Service, and so may be deleted when nothing needs it.
pub fn is_service_chain(name: &str) -> bool {
    PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

fn hash(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    let mut bits = 0_u32;
    let mut held = 0;
    let mut encoded = String::with_capacity(HASH_LENGTH);
    for byte in digest {
        bits = bits << 8 | u32::from(byte);
        held += 8;
        while held >= 5 && encoded.len() < HASH_LENGTH {
            held -= 5;
            encoded.push(BASE32[(bits >> held & 31) as usize] as char);
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chains_are_named_as_on_every_other_node() {
        let name = ServicePortName {
            service: NamespacedName::new("default", "kubernetes"),
            port: "https".to_owned(),
            protocol: Protocol::Tcp,
        };
        assert_eq!(name.hash(), "NPX46M4PTMTKRN6Y");
        assert_eq!(name.endpoint_chain("10.244.1.5:8080"), "KUBE-SEP-IFVYFD7U7EJ3TJEB");
    }
}
