//! An event listener that is taken off when it is dropped.

use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{AddEventListenerOptions, Event, EventTarget};

pub struct Listener {
    target: EventTarget,
    kind: &'static str,
    capture: bool,
    closure: Closure<dyn FnMut(Event)>,
}

impl Listener {
    pub fn new(target: &EventTarget, kind: &'static str, on: impl FnMut(Event) + 'static) -> Listener {
        Listener::with(target, kind, false, on)
    }

    /// Hears the event before anything inside the target does.
    pub fn first(target: &EventTarget, kind: &'static str, on: impl FnMut(Event) + 'static) -> Listener {
        Listener::with(target, kind, true, on)
    }

    fn with(
        target: &EventTarget,
        kind: &'static str,
        capture: bool,
        on: impl FnMut(Event) + 'static,
    ) -> Listener {
        let closure = Closure::<dyn FnMut(Event)>::new(on);
        let options = AddEventListenerOptions::new();
        options.set_capture(capture);
        // A wheel listener must be able to stop the page from scrolling.
        options.set_passive(false);
        let added = target.add_event_listener_with_callback_and_add_event_listener_options(
            kind,
            closure.as_ref().unchecked_ref(),
            &options,
        );
        debug_assert!(added.is_ok(), "a listener can be added");
        Listener { target: target.clone(), kind, capture, closure }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let callback = self.closure.as_ref().unchecked_ref();
        let removed =
            self.target.remove_event_listener_with_callback_and_bool(self.kind, callback, self.capture);
        debug_assert!(removed.is_ok(), "what was added can be removed");
    }
}
