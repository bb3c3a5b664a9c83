//! The keyboard of the whole page, heard before anything on it.

use super::listener::Listener;
use super::window;
use wasm_bindgen::JsCast;
use web_sys::KeyboardEvent;

#[derive(Clone, Debug)]
pub struct Key {
    pub code: String,
    pub alt: bool,
    pub shift: bool,
    pub control: bool,
}

/// `on` answers whether it took the key; then nothing else hears it.
pub fn on_key(on: impl Fn(&Key) -> bool + 'static) -> Listener {
    Listener::first(&window(), "keydown", move |event| {
        let Some(event) = event.dyn_ref::<KeyboardEvent>() else { return };
        let control = event.ctrl_key() || event.meta_key();
        let key = Key { code: event.code(), alt: event.alt_key(), shift: event.shift_key(), control };
        if !event.is_composing() && on(&key) {
            event.prevent_default();
            event.stop_propagation();
        }
    })
}

/// Called when the page is about to be hidden, perhaps for ever.
pub fn on_hide(on: impl Fn() + 'static) -> Listener {
    Listener::new(&super::document(), "visibilitychange", move |_| {
        if super::document().visibility_state() == web_sys::VisibilityState::Hidden {
            on();
        }
    })
}
