//! What holds for all crates together: house rules, recordings of the real tools, the page in a real browser.
//!
//! Stands above everything; nothing stands on it.

pub mod bench;
pub mod labs;
pub mod parity;
pub mod proof;
