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
mod duration;
mod metrics;
mod plugin;
mod records;
pub mod request;
pub mod server;
mod zone;

pub use chain::Ask;
