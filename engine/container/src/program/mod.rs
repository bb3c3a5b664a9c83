//! The programs of images: servers that say who they are, clients that never stop, and small tools of nodes.

pub mod client;
pub mod envoy;
mod http;
pub mod httpd;
pub mod netexec;
pub mod nginx;
pub mod nsenter;
pub mod pause;
pub mod redis;
pub mod wget;
pub mod whoami;
