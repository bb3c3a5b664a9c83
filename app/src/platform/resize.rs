//! Tells the size of an element, now and whenever it changes, without ever asking the browser to lay the page out.

use js_sys::Array;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{Element, ResizeObserver, ResizeObserverEntry};

pub struct Resize {
    observer: ResizeObserver,
    _closure: Closure<dyn FnMut(Array)>,
}

impl Resize {
    /// `on` is given width and height in CSS pixels.
    pub fn of(element: &Element, on: impl Fn(f64, f64) + 'static) -> Option<Resize> {
        let closure = Closure::<dyn FnMut(Array)>::new(move |entries: Array| {
            if let Ok(entry) = entries.pop().dyn_into::<ResizeObserverEntry>() {
                let rect = entry.content_rect();
                on(rect.width(), rect.height());
            }
        });
        let observer = ResizeObserver::new(closure.as_ref().unchecked_ref()).ok()?;
        observer.observe(element);
        Some(Resize { observer, _closure: closure })
    }
}

impl Drop for Resize {
    fn drop(&mut self) {
        self.observer.disconnect();
    }
}
