//! The page's end of the worker's edge: commands out, events in, both as postcard.
//!
//! Always: a command sent before the engine is ready waits and keeps its order; of an engine that was ended nothing is
//! heard any more. A boot starts the engine that its lab needs; one that runs and can do it serves the next lab too.

use crate::platform::service_worker;
use crate::platform::worker::{EngineWorker, Message};
use api::lab::EngineKind;
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
    worker: Option<(EngineKind, EngineWorker)>,
    ready: bool,
    loaded: f64,
    failed: Option<String>,
    waiting: Vec<Vec<u8>>,
    hears: Option<Callback<Said>>,
    /// Counts starts, so that what an earlier engine still says is not heard.
    turn: u32,
}

impl Engine {
    /// Starts a worker that can do this, unless one runs; one that runs and cannot is ended.
    pub fn start(&self, kind: EngineKind) {
        if self.inner.borrow().worker.as_ref().is_some_and(|(runs, _)| *runs >= kind) {
            return;
        }
        self.end();
        let turn = self.inner.borrow().turn;
        let engine = self.clone();
        let worker = EngineWorker::start(kind, move |message| engine.message(turn, message));
        let first = if worker.is_some() { Message::Loading(0.0) } else { Message::Failed(String::new()) };
        self.inner.borrow_mut().worker = worker.map(|it| (kind, it));
        self.message(turn, first);
    }

    /// Ends the engine that runs, and forgets what it has not yet been told.
    pub fn end(&self) {
        let mut inner = self.inner.borrow_mut();
        (inner.worker, inner.ready, inner.loaded, inner.failed) = (None, false, 0.0, None);
        inner.waiting.clear();
        inner.turn += 1;
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
        if let Command::Boot(replay) = command {
            self.start(replay.lab.engine());
        }
        let bytes = postcard::to_stdvec(command).expect("a command is plain data");
        let mut inner = self.inner.borrow_mut();
        match &inner.worker {
            Some((_, worker)) if inner.ready => worker.post(&bytes),
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
                    service_worker::fetch_rest();
                    let waiting = std::mem::take(&mut inner.waiting);
                    if let Some((_, worker)) = &inner.worker {
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
