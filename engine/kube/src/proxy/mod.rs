//! kube-proxy: what makes a Service's address lead to its endpoints, on every node.
//!
//! [`iptables`] holds the mode of that name: [`Proxier`](iptables::Proxier) is told of Services and EndpointSlices and
//! returns text for the node's own `iptables-restore`. Always: it changes nothing itself, knows no clock, and gives the
//! same text for the same cluster and node.
//! Differs from kube-proxy: no userspace mode; ipvs and nftables modes are not there yet.
//! Source: `pkg/proxy`, Kubernetes 1.36.

pub mod config;
pub mod conntrack;
pub mod endpoints;
pub mod health;
pub mod iptables;
pub mod jump;
pub mod local;
pub mod metrics;
pub mod name;
mod node;
pub mod port;
pub mod program;
mod rules;
mod sync;
mod topology;
