//! Recordings of the real tools, replayed in our world: what differs is our bug.
//!
//! A recording is a script for a fresh host with the exact output of each step. [`golden`] reads it, [`script`] runs it
//! on a [`machine::Machine`], [`normalise`] hides what chance decides on both sides alike, [`judge`] compares.
//! Always: what a recording compares is compared, character by character, and nothing is forgiven beyond its options.

pub mod golden;
pub mod host;
pub mod judge;
pub mod known;
pub mod kube;
pub mod machine;
pub mod normalise;
pub mod report;
pub mod script;
