//! What the page knows, as plain values that native tests can run.
//!
//! Always: no browser call, no clock, no chance in here; `page/` and `part/` only show what stands here.

pub mod bytes;
pub mod checks;
pub mod clock;
pub mod command;
pub mod cut;
pub mod filter;
pub mod frames;
pub mod journey;
pub mod lab;
pub mod live;
pub mod objects;
pub mod panes;
pub mod picture;
pub mod progress;
pub mod route;
pub mod share;
pub mod stage;
pub mod tables;
pub mod teach;
pub mod timeline;
pub mod viewport;
