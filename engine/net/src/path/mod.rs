//! The packet path, in the kernel's order: in, route, up or on, out.
//!
//! `ingress` takes frames from devices; `route` asks the FIB; `local_in` hands up, `forward` hands on; `local_out`
//! takes what is made here; `egress` sends. A stage decides, and it alone acts and records.

mod bridge_netfilter;
mod egress;
mod forward;
mod ingress;
mod local_in;
mod local_out;
mod route;
mod route_input;

pub use route::{FlowKey, RouteResult};
pub(crate) use route::{query_of, v4};
pub(crate) use route_input::InputRoute;
