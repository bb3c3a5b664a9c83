//! Virtual time, the order of events, and chance: what makes a world the same every time.
//!
//! Stands at the bottom of the line of crates; calls nothing.
//! Always: no wall clock, no operating system's randomness, no threads.

mod queue;
mod rng;
mod time;

pub use queue::{EventQueue, Ticket};
pub use rng::Rng;
pub use time::Instant;
