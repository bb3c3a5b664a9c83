//! Kubernetes: the store, its API, controllers, kubelet, kube-proxy, CoreDNS and kubectl.
//!
//! Stands on `linux`; `world` stands on it. Always: the store is the cluster's only truth; nothing here changes the
//! network by a private door: kube-proxy writes `iptables-restore` text, the kubelet makes link and address requests.

pub mod api;
pub mod client;
pub mod controller;
pub mod dns;
pub mod feed;
pub mod flannel;
pub mod http;
pub mod klog;
pub mod kubectl;
pub mod object;
pub mod page;
pub mod proxy;
pub mod scheduler;
pub mod store;
pub mod validation;
