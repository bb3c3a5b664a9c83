//! The service worker: the whole site offline, and a new version only when the learner says so.

use super::listener::Listener;
use super::window;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{ServiceWorker, ServiceWorkerContainer, ServiceWorkerRegistration, ServiceWorkerState};

/// Registers it; `on_update` is given the waiting new version.
pub fn register(on_update: impl Fn(ServiceWorker) + Clone + 'static) {
    let Some(container) = container() else { return };
    spawn_local(async move {
        let Ok(registered) = JsFuture::from(container.register("./sw.js")).await else { return };
        let Ok(registration) = registered.dyn_into::<ServiceWorkerRegistration>() else { return };
        let controlled = container.controller().is_some();
        if let Some(waiting) = registration.waiting().filter(|_| controlled) {
            on_update(waiting);
        }
        let found = registration.clone();
        let listener = Listener::new(&registration, "updatefound", move |_| {
            let Some(new) = found.installing() else { return };
            let on_update = on_update.clone();
            let state = new.clone();
            let installed = Listener::new(&new, "statechange", move |_| {
                let replaces = window().navigator().service_worker().controller().is_some();
                if state.state() == ServiceWorkerState::Installed && replaces {
                    on_update(state.clone());
                }
            });
            // Both live as long as the page: versions may come at any time.
            std::mem::forget(installed);
        });
        std::mem::forget(listener);
    });
}

/// `None` where there are no service workers, as on a page that came in the clear.
fn container() -> Option<ServiceWorkerContainer> {
    let has = js_sys::Reflect::has(&window().navigator(), &"serviceWorker".into()).unwrap_or(false);
    has.then(|| window().navigator().service_worker())
}

/// Has it keep what this visit could do without.
pub fn fetch_rest() {
    let Some(ready) = container().and_then(|it| it.ready().ok()) else { return };
    spawn_local(async move {
        let Ok(registered) = JsFuture::from(ready).await else { return };
        let Ok(registration) = registered.dyn_into::<ServiceWorkerRegistration>() else { return };
        drop(registration.active().map(|it| it.post_message(&"the rest".into())));
    });
}

/// Lets the new version take over, then loads the page anew.
pub fn take_over(new: &ServiceWorker) {
    let container = window().navigator().service_worker();
    let listener = Listener::new(&container, "controllerchange", |_| super::location::reload());
    std::mem::forget(listener);
    drop(new.post_message(&"take over".into()));
}
