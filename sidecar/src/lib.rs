//! An L7 proxy that real Envoy v3 configuration drives, without sockets, clock or executor.
//!
//! `proxy` takes an `Input` at a time and gives `Output`s; a driver (`sidecar/native`, or a simulated pod) moves the
//! bytes. `config` reads the bootstrap; `http1`, `http2` and `tls` speak the protocols; `filter` and `balance` decide.
//! Always: the same inputs at the same times with the same seed give the same outputs.

pub mod access_log;
pub mod balance;
pub mod cluster;
pub mod config;
pub mod filter;
pub mod hcm;
pub mod http;
pub mod http1;
pub mod http2;
pub mod matcher;
pub mod proxy;
pub mod random;
pub mod route;
pub mod source;
pub mod stats;
pub mod timer;
#[cfg(feature = "tls")]
pub mod tls;
