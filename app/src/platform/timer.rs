//! The page's own time, and timers that stop when dropped.

use super::window;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;

/// Milliseconds since the page was opened.
pub fn now_ms() -> f64 {
    window().performance().map_or(0.0, |performance| performance.now())
}

pub struct Interval {
    id: i32,
    _closure: Closure<dyn FnMut()>,
}

impl Interval {
    pub fn new(ms: u32, on: impl FnMut() + 'static) -> Interval {
        let closure = Closure::<dyn FnMut()>::new(on);
        let set = window().set_interval_with_callback_and_timeout_and_arguments_0(
            closure.as_ref().unchecked_ref(),
            ms.min(i32::MAX as u32) as i32,
        );
        Interval { id: set.unwrap_or(0), _closure: closure }
    }
}

impl Drop for Interval {
    fn drop(&mut self) {
        window().clear_interval_with_handle(self.id);
    }
}
