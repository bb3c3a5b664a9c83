//! The page, as far as it can be thought without a browser: what it knows (`store`) and what it says (`words`).
//!
//! Stands on `api` and `lessons` only. The components that show it are in the binary, for wasm alone.
//! Always: everything here is pure and is tested natively.

pub mod store;
pub mod words;
