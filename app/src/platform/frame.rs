//! One animation frame: called once before the next paint, unless dropped before.

use super::window;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;

pub struct AnimationFrame {
    id: i32,
    _closure: Closure<dyn FnMut(f64)>,
}

impl AnimationFrame {
    /// `on` is given the page time in milliseconds.
    pub fn request(on: impl FnOnce(f64) + 'static) -> AnimationFrame {
        let closure = Closure::once(on);
        let id = window().request_animation_frame(closure.as_ref().unchecked_ref()).unwrap_or(0);
        AnimationFrame { id, _closure: closure }
    }
}

impl Drop for AnimationFrame {
    fn drop(&mut self) {
        // Of a frame that has been drawn nothing is left to cancel, and nothing is said.
        drop(window().cancel_animation_frame(self.id));
    }
}
