//! Telling pods of this cluster from everybody else: `--detect-local-mode`.
//!
//! Always: the test is written as iptables arguments; with no way to tell, no rule is made that would need one.
//! Source: kube-proxy's `LocalTrafficDetector`, Kubernetes 1.36.

use ipnet::IpNet;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DetectLocal {
    /// Nothing is known of pod addresses.
    None,
    /// Sources in this range are pods: modes ClusterCIDR and NodeCIDR.
    Cidr(IpNet),
    /// What comes in by this bridge.
    BridgeInterface(String),
    /// What comes in by a device whose name starts so.
    InterfaceNamePrefix(String),
}

impl DetectLocal {
    /// Arguments that match a pod's traffic; none where that cannot be told.
    pub fn if_local(&self) -> Option<String> {
        Some(match self {
            DetectLocal::None => return None,
            DetectLocal::Cidr(net) => format!("-s {net}"),
            DetectLocal::BridgeInterface(name) => format!("-i {name}"),
            DetectLocal::InterfaceNamePrefix(prefix) => format!("-i {prefix}+"),
        })
    }

    pub fn if_not_local(&self) -> Option<String> {
        self.if_local().map(|arguments| format!("! {arguments}"))
    }
}
