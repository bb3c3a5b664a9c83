//! The worker that owns the world: commands in, events out, both as postcard in a `Uint8Array`.
//!
//! Stands between `app/engine.rs` and `world::Session`. Real time enters at one line of `edge.rs` and nowhere else.
//! Always: a command is answered before the next is read; nothing waits; a panic is told to the page with the replay
//! up to the command before. Built for wasm alone, natively there is nothing to run; and twice: `engine` knows Linux,
//! `cluster` Kubernetes too. A page fetches the second for a lab that needs it (`api::lab::Lab::engine`).

#[cfg(target_arch = "wasm32")]
mod edge;

pub fn start() {
    #[cfg(target_arch = "wasm32")]
    edge::start();
}
