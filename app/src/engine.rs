//! The page's end of the worker's edge: commands out, events in, both as postcard.
//!
//! Always: a command sent before the engine is ready waits and keeps its order; after a restart nothing of the engine
//! before is heard any more. One engine serves all labs, so that the second one starts at once.

use crate::platform::worker::{EngineWorker, Message};
use api::{Command, Event};
use std::cell::RefCell;
use std::rc::Rc;
use yew::Callback;

/// What the engine's end has to say.
pub enum Said {
    /// Share of the engine that is loaded; below 0: it cannot be told.
    Loading(f64),
    Ready,
    Events(Vec<Event>),
    Failed(String),
}

#[derive(Clone, Default)]
pub struct Engine {
    inner: Rc<RefCell<Inner>>,
}

impl PartialEq for Engine {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.inner, &other.inner)
    }
}

#[derive(Default)]
struct Inner {
    worker: Option<EngineWorker>,
    ready: bool,
    loaded: f64,
    failed: Option<String>,
    waiting: Vec<Vec<u8>>,
    hears: Option<Callback<Said>>,
    /// Counts starts, so that what an earlier engine still says is not heard.
    turn: u32,
}

impl Engine {
    /// Starts the worker, unless it runs.
    pub fn start(&self) {
        if self.inner.borrow().worker.is_some() {
            return;
        }
        let turn = {
            let mut inner = self.inner.borrow_mut();
            inner.turn += 1;
            (inner.ready, inner.loaded, inner.failed) = (false, 0.0, None);
            inner.turn
        };
        let engine = self.clone();
        let worker = EngineWorker::start(move |message| engine.message(turn, message));
        let failed = worker.is_none();
        self.inner.borrow_mut().worker = worker;
        if failed {
            self.message(turn, Message::Failed(String::new()));
        }
    }

    /// Ends the engine that runs and starts another, which hears only what is sent from now on.
    pub fn restart(&self) {
        {
            let mut inner = self.inner.borrow_mut();
            inner.worker = None;
            inner.waiting.clear();
        }
        self.start();
    }

    /// From now on `hears` is told; the one before is not.
    pub fn listen(&self, hears: Callback<Said>) {
        let now = {
            let mut inner = self.inner.borrow_mut();
            inner.hears = Some(hears.clone());
            match (&inner.failed, inner.ready) {
                (Some(words), _) => Said::Failed(words.clone()),
                (None, true) => Said::Ready,
                (None, false) => Said::Loading(inner.loaded),
            }
        };
        hears.emit(now);
    }

    pub fn silence(&self) {
        self.inner.borrow_mut().hears = None;
    }

    pub fn send(&self, command: &Command) {
        let bytes = postcard::to_stdvec(command).expect("a command is plain data");
        let mut inner = self.inner.borrow_mut();
        match &inner.worker {
            Some(worker) if inner.ready => worker.post(&bytes),
            _ => inner.waiting.push(bytes),
        }
    }

    fn message(&self, turn: u32, message: Message) {
        let (hears, said) = {
            let mut inner = self.inner.borrow_mut();
            if turn != inner.turn {
                return;
            }
            let said = match message {
                Message::Loading(share) => {
                    inner.loaded = share;
                    Said::Loading(share)
                }
                Message::Ready => {
                    inner.ready = true;
                    let waiting = std::mem::take(&mut inner.waiting);
                    if let Some(worker) = &inner.worker {
                        waiting.iter().for_each(|bytes| worker.post(bytes));
                    }
                    Said::Ready
                }
                Message::Bytes(bytes) => match postcard::from_bytes(&bytes) {
                    Ok(events) => Said::Events(events),
                    Err(error) => Said::Failed(error.to_string()),
                },
                Message::Failed(words) => {
                    inner.failed = Some(words.clone());
                    Said::Failed(words)
                }
            };
            (inner.hears.clone(), said)
        };
        if let Some(hears) = hears {
            hears.emit(said);
        }
    }
}
