//! What the browser keeps for this site, by key. Without storage (a private window, a full disk) nothing is kept and
//! nothing fails.

use super::window;

const PREFIX: &str = "vethlab.";

fn store() -> Option<web_sys::Storage> {
    window().local_storage().ok().flatten()
}

pub fn get(key: &str) -> Option<String> {
    store()?.get_item(&format!("{PREFIX}{key}")).ok().flatten()
}

/// Answers whether it is kept.
pub fn set(key: &str, value: &str) -> bool {
    store().is_some_and(|store| store.set_item(&format!("{PREFIX}{key}"), value).is_ok())
}

pub fn remove(key: &str) {
    if let Some(store) = store() {
        drop(store.remove_item(&format!("{PREFIX}{key}")));
    }
}
