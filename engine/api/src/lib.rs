//! The words that the engine, the lessons and the page share: plain data, no behaviour beyond wording.
//!
//! Stands beside the line of crates; anyone may use it, it uses nobody.
//! Always: every type here can cross the worker's edge (serde, postcard), so no untagged or skipped fields.
//! Differs from the real thing: nothing here is a wire format of Linux or Kubernetes.

pub mod cluster;
pub mod drop_reason;
pub mod event;
pub mod ids;
pub mod inspect;
pub mod journey;
pub mod lab;
pub mod probe;
pub mod request;
pub mod topology;

pub use drop_reason::DropReason;
pub use event::Event;
pub use ids::*;
pub use journey::{Journey, Stop, StopKind};
pub use lab::Lab;
pub use probe::{Fact, Probe};
pub use request::{Command, Request};
pub use topology::Topology;
