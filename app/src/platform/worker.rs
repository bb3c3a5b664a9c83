//! The worker that holds the engine: bytes to it, bytes and its loading progress from it.

use super::listener::Listener;
use api::lab::EngineKind;
use wasm_bindgen::JsCast;
use web_sys::{MessageEvent, Worker, WorkerOptions, WorkerType};

pub enum Message {
    /// How much of the engine is loaded, 0 to 1; below 0: it cannot be told.
    Loading(f64),
    Ready,
    Bytes(Vec<u8>),
    Failed(String),
}

pub struct EngineWorker {
    worker: Worker,
    _listeners: [Listener; 2],
}

impl EngineWorker {
    /// `None` where there are no module workers.
    pub fn start(kind: EngineKind, on: impl Fn(Message) + Clone + 'static) -> Option<EngineWorker> {
        let options = WorkerOptions::new();
        options.set_type(WorkerType::Module);
        options.set_name(match kind {
            EngineKind::Linux => "engine",
            EngineKind::Cluster => "cluster",
        });
        let worker = Worker::new_with_options("./js/engine-worker.js", &options).ok()?;
        let hear = on.clone();
        let message = Listener::new(&worker, "message", move |event| {
            let Some(event) = event.dyn_ref::<MessageEvent>() else { return };
            hear(read(&event.data()));
        });
        let error = Listener::new(&worker, "error", move |event| {
            let words = event.dyn_ref::<web_sys::ErrorEvent>().map(web_sys::ErrorEvent::message);
            on(Message::Failed(words.unwrap_or_default()));
        });
        Some(EngineWorker { worker, _listeners: [message, error] })
    }

    pub fn post(&self, bytes: &[u8]) {
        let posted = self.worker.post_message(&js_sys::Uint8Array::from(bytes));
        debug_assert!(posted.is_ok(), "bytes can be posted");
    }
}

impl Drop for EngineWorker {
    fn drop(&mut self) {
        self.worker.terminate();
    }
}

fn read(data: &wasm_bindgen::JsValue) -> Message {
    if let Some(bytes) = data.dyn_ref::<js_sys::Uint8Array>() {
        return Message::Bytes(bytes.to_vec());
    }
    match (data.as_f64(), data.as_string()) {
        (Some(share), _) => Message::Loading(share),
        (None, Some(word)) if word == "ready" => Message::Ready,
        (None, word) => Message::Failed(word.unwrap_or_default()),
    }
}
