//! Fetching a text of this site.

use super::window;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::Response;

/// Fetches a text, then hands it on.
pub fn then(url: String, on: impl FnOnce(Option<String>) + 'static) {
    spawn_local(async move { on(text(&url).await) });
}

/// `None` when it is not there or cannot be reached.
async fn text(url: &str) -> Option<String> {
    let response: Response = JsFuture::from(window().fetch_with_str(url)).await.ok()?.dyn_into().ok()?;
    if !response.ok() {
        return None;
    }
    JsFuture::from(response.text().ok()?).await.ok()?.as_string()
}
