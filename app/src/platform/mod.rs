//! The browser, as far as the page needs it. Nothing outside this folder calls a browser API.
//!
//! Always: a listener, timer or worker lives as long as the Rust value that stands for it.

pub mod canvas;
pub mod clipboard;
pub mod element;
pub mod fetch;
pub mod file;
pub mod frame;
pub mod keys;
pub mod listener;
pub mod location;
pub mod resize;
pub mod service_worker;
pub mod storage;
pub mod terminal;
pub mod theme;
pub mod timer;
pub mod worker;

/// The window; a page without one is not a page.
pub fn window() -> web_sys::Window {
    web_sys::window().expect("a page has a window")
}

pub fn document() -> web_sys::Document {
    window().document().expect("a window has a document")
}
