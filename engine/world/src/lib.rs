//! One world: a lab's machines under a clock, asked by requests, answering with events; and its replay.
//!
//! Stands on all of the engine; the page's worker and the tests stand on it.
//! Always: lab, seed and recorded requests determine the world, so undo, step back, share links and forked
//! probes are one thing: replay.

mod chores;
#[cfg_attr(not(feature = "cluster"), path = "no_cluster.rs")]
mod cluster;
mod inspect;
mod probe;
mod session;
mod world;

pub use session::Session;
pub use world::World;
