//! The address bar: its hash is the page's route.

use super::listener::Listener;
use super::window;

pub fn hash() -> String {
    window().location().hash().unwrap_or_default()
}

/// Goes there, with an entry in the browser's history.
pub fn go(hash: &str) {
    drop(window().location().set_hash(hash));
}

/// Changes the address without a trace in the history and without `hashchange`.
pub fn replace(hash: &str) {
    if let Ok(history) = window().history() {
        drop(history.replace_state_with_url(&wasm_bindgen::JsValue::NULL, "", Some(hash)));
    }
}

/// The whole address with another hash.
pub fn link(hash: &str) -> String {
    let href = window().location().href().unwrap_or_default();
    let base = href.split('#').next().unwrap_or_default();
    format!("{base}{hash}")
}

pub fn reload() {
    drop(window().location().reload());
}

pub fn on_hash(on: impl Fn(String) + 'static) -> Listener {
    Listener::new(&window(), "hashchange", move |_| on(hash()))
}
