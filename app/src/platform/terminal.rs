//! xterm.js, through the one JavaScript file of the page that knows it (`www/js/terminal.js`).
//!
//! Always: bytes written before xterm.js has loaded are shown when it has; a dropped terminal is disposed of.

use wasm_bindgen::closure::Closure;
use wasm_bindgen::prelude::wasm_bindgen;
use web_sys::HtmlElement;

#[wasm_bindgen(raw_module = "./js/terminal.js")]
extern "C" {
    #[wasm_bindgen(js_name = Terminal)]
    type JsTerminal;

    #[wasm_bindgen(constructor, js_class = "Terminal")]
    fn new(
        host: &HtmlElement,
        label: &str,
        screen_reader: bool,
        on_data: &Closure<dyn FnMut(Vec<u8>)>,
        on_size: &Closure<dyn FnMut(u16, u16)>,
    ) -> JsTerminal;

    #[wasm_bindgen(method)]
    fn write(this: &JsTerminal, bytes: &[u8]);
    #[wasm_bindgen(method)]
    fn reset(this: &JsTerminal);
    #[wasm_bindgen(method)]
    fn focus(this: &JsTerminal);
    #[wasm_bindgen(method)]
    fn theme(this: &JsTerminal);
    #[wasm_bindgen(method, js_name = screenReader)]
    fn screen_reader(this: &JsTerminal, on: bool);
    #[wasm_bindgen(method)]
    fn dispose(this: &JsTerminal);
}

pub struct Terminal {
    js: JsTerminal,
    _on_data: Closure<dyn FnMut(Vec<u8>)>,
    _on_size: Closure<dyn FnMut(u16, u16)>,
}

impl Terminal {
    pub fn open(
        host: &HtmlElement,
        label: &str,
        screen_reader: bool,
        on_data: impl FnMut(Vec<u8>) + 'static,
        on_size: impl FnMut(u16, u16) + 'static,
    ) -> Terminal {
        let on_data = Closure::new(on_data);
        let on_size = Closure::new(on_size);
        let js = JsTerminal::new(host, label, screen_reader, &on_data, &on_size);
        Terminal { js, _on_data: on_data, _on_size: on_size }
    }

    pub fn write(&self, bytes: &[u8]) {
        self.js.write(bytes);
    }

    pub fn reset(&self) {
        self.js.reset();
    }

    pub fn focus(&self) {
        self.js.focus();
    }

    /// Reads the colours of the page again.
    pub fn theme(&self) {
        self.js.theme();
    }

    pub fn screen_reader(&self, on: bool) {
        self.js.screen_reader(on);
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.js.dispose();
    }
}
