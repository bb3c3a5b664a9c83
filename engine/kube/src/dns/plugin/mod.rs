//! The plugins: one file each, with how its lines of the Corefile are read and how it serves a query.

pub mod acl;
pub mod any;
pub mod autopath;
pub mod cache;
pub mod errors;
pub mod forward;
pub mod hosts;
pub mod kubernetes;
pub mod loadbalance;
pub mod log;
pub mod loop_detect;
pub mod rewrite;
pub mod template;
pub mod whoami;
