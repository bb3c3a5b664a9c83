//! The clipboard, where the browser lets us.

use super::window;
use wasm_bindgen_futures::{JsFuture, spawn_local};

/// Copies, then tells whether it worked.
pub fn copy(text: &str, then: impl FnOnce(bool) + 'static) {
    let has = js_sys::Reflect::get(&window().navigator(), &"clipboard".into()).is_ok_and(|it| it.is_object());
    if !has {
        then(false);
        return;
    }
    let promise = window().navigator().clipboard().write_text(text);
    spawn_local(async move { then(JsFuture::from(promise).await.is_ok()) });
}
