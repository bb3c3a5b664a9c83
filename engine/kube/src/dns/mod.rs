//! CoreDNS: the cluster's name server.
//!
//! [`server::Server`] reads a Corefile and answers messages; it opens no socket and knows no clock. Always: a name of the
//! cluster is answered from what the kubernetes plugin was told of it, and nothing else.
//! Differs from CoreDNS: plugins that this crate lacks are refused by name when the Corefile is read.
//! Source: CoreDNS 1.14.7.

mod build;
mod chain;
pub mod cluster;
pub mod corefile;
mod dispenser;
pub mod duration;
mod listen;
mod metrics;
mod plugin;
pub mod program;
mod records;
pub mod request;
pub mod resolv_conf;
pub mod server;
pub mod upkeep;
mod zone;

pub use chain::Ask;
