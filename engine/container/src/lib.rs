//! Containers on Linux machines: images, the runtime that makes sandboxes and containers of them, and what connects them (CNI).
//!
//! Stands on `linux` and `sidecar`; `kube` and `world` stand on it. Always: a container is processes on the node's own machine, with a
//! root, a hostname and process numbers of their own and a network namespace that is bound under `/run/netns`; a CNI
//! plugin is an executable that is told what to do by its environment and its standard input.

pub mod cni;
pub mod containerd;
mod crictl;
pub mod image;
pub mod network;
pub mod output;
pub mod program;
pub mod runtime;
pub mod unit;

pub use image::{Image, Reference};
pub use runtime::Runtime;

use linux::Command;

/// Programs of this crate: on nodes, and in images.
pub static COMMANDS: &[&Command] = &[
    &program::netexec::AGNHOST,
    &program::client::CALLER,
    &containerd::CONTAINERD,
    &crictl::CRICTL,
    &program::envoy::ENVOY,
    &program::envoy::ENTRYPOINT,
    &program::httpd::HTTPD,
    &unit::JOURNALCTL,
    &program::nginx::NGINX,
    &program::nsenter::NSENTER,
    &program::pause::PAUSE,
    &program::redis::REDIS_SERVER,
    &unit::SYSTEMCTL,
    &program::wget::WGET,
    &program::whoami::WHOAMI,
];
