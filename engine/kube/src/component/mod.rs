//! The control plane's programs: what its static pods run.

pub mod apiserver;
pub mod controller;
pub mod etcd;
pub mod page;
mod resource_proxy;
