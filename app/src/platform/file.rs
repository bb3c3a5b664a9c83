//! Files out of the page and into it.

use super::document;
use super::listener::Listener;
use std::cell::RefCell;
use std::rc::Rc;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{Blob, BlobPropertyBag, HtmlAnchorElement, HtmlInputElement, Url};

/// Offers bytes as a download.
pub fn save(name: &str, mime: &str, bytes: &[u8]) {
    let parts = js_sys::Array::of1(&js_sys::Uint8Array::from(bytes));
    let options = BlobPropertyBag::new();
    options.set_type(mime);
    let Ok(blob) = Blob::new_with_u8_array_sequence_and_options(&parts, &options) else { return };
    let Ok(url) = Url::create_object_url_with_blob(&blob) else { return };
    if let Some(anchor) =
        document().create_element("a").ok().and_then(|it| it.dyn_into::<HtmlAnchorElement>().ok())
    {
        anchor.set_href(&url);
        anchor.set_download(name);
        anchor.click();
    }
    drop(Url::revoke_object_url(&url));
}

/// Lets the learner choose a file, and reads it as text.
pub fn open(then: impl Fn(String) + 'static) {
    let Some(input) =
        document().create_element("input").ok().and_then(|it| it.dyn_into::<HtmlInputElement>().ok())
    else {
        return;
    };
    input.set_type("file");
    let chooser = input.clone();
    let then = Rc::new(then);
    let keep: Rc<RefCell<Option<Listener>>> = Rc::default();
    let kept = Rc::clone(&keep);
    *keep.borrow_mut() = Some(Listener::new(&input, "change", move |_| {
        let file = chooser.files().and_then(|files| files.get(0));
        let (then, kept) = (Rc::clone(&then), Rc::clone(&kept));
        spawn_local(async move {
            if let Some(file) = file
                && let Ok(text) = JsFuture::from(file.text()).await
            {
                then(text.as_string().unwrap_or_default());
            }
            kept.borrow_mut().take();
        });
    }));
    input.click();
}
