//! The edge itself: messages, the beat of the world, and the last word after a panic.
//!
//! Always: one beat runs at most `BUDGET` events of the engine, so that a command never waits long; a world that falls
//! behind goes on at once, else it sleeps until the next beat. Behind a hidden tab beats are rare, and of the time
//! between two of them at most `LONGEST_MS` count.

use api::TtyId;
use api::event::Event;
use api::request::{Command, Replay, Request};
use std::cell::{Cell, RefCell};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{DedicatedWorkerGlobalScope, MessageChannel, MessageEvent, MessagePort};
use world::Session;

/// From one beat to the next, where the world keeps up.
const BEAT_MS: i32 = 12;
const LONGEST_MS: f64 = 250.0;
const BUDGET: usize = 20_000;
/// A clock that only runs on is told this often.
const CLOCK_MS: f64 = 100.0;

thread_local! {
    static SESSION: RefCell<Option<Session>> = const { RefCell::new(None) };
    /// The world before the command line that runs: what is left after a panic.
    static BEFORE: RefCell<Option<Replay>> = const { RefCell::new(None) };
    static LAST_MS: Cell<f64> = const { Cell::new(0.0) };
    /// The clock that was told last, and when.
    static CLOCK: RefCell<Option<Event>> = const { RefCell::new(None) };
    static TOLD_MS: Cell<f64> = const { Cell::new(0.0) };
    /// The engine has panicked, and nothing is done any more.
    static DEAD: Cell<bool> = const { Cell::new(false) };
    /// What the panic said, where it was built to say something.
    static SAID: RefCell<Option<String>> = const { RefCell::new(None) };
    static AT_ONCE: RefCell<Option<MessagePort>> = const { RefCell::new(None) };
}

fn scope() -> DedicatedWorkerGlobalScope {
    js_sys::global().unchecked_into()
}

pub fn start() {
    std::panic::set_hook(Box::new(|info| SAID.with(|said| *said.borrow_mut() = Some(info.to_string()))));
    let on_message = Closure::<dyn FnMut(MessageEvent)>::new(|event: MessageEvent| {
        let bytes = js_sys::Uint8Array::new(&event.data()).to_vec();
        match postcard::from_bytes(&bytes) {
            Ok(command) => obey(command),
            Err(error) => panic!("the page and the engine are of one version: {error}"),
        }
    });
    scope().set_onmessage(Some(on_message.as_ref().unchecked_ref()));
    on_message.forget();
    beats();
    let told = scope().post_message(&JsValue::from_str("ready"));
    debug_assert!(told.is_ok(), "a word can be posted");
}

/// Called from outside when the engine has trapped, with the trap's words: tells the page what is left.
///
/// The site's engine ends at a panic without formatting its message, which would be a third of the download.
#[wasm_bindgen]
pub fn last_words(trap: &str) {
    // What is left of the world is not to be trusted; the page starts another worker.
    if DEAD.replace(true) {
        return;
    }
    let message = SAID.with(|said| said.try_borrow().ok().and_then(|it| it.clone()));
    let message = message.unwrap_or_else(|| trap.to_owned());
    let replay = BEFORE.with(|before| before.try_borrow().ok().and_then(|it| it.clone()));
    let replay =
        replay.unwrap_or(Replay { lab: api::Lab::default(), seed: 0, requests: Vec::new(), until: 0 });
    post(&[Event::Crashed { message, replay }]);
}

fn obey(command: Command) {
    if DEAD.get() {
        return;
    }
    SESSION.with(|session| {
        let mut session = session.borrow_mut();
        remember(session.as_ref(), &command);
        match (session.as_mut(), command) {
            (_, Command::Boot(replay)) => *session = Some(Session::new(replay)),
            (Some(session), command) => session.command(command),
            (None, _) => return,
        }
        tell(session.as_mut(), f64::INFINITY);
    });
}

/// Keeps the world as it is before anything that may do it harm: a boot, or the key that ends a line.
fn remember(session: Option<&Session>, command: &Command) {
    let replay = match command {
        Command::Boot(replay) => Some(Replay { requests: Vec::new(), until: 0, ..replay.clone() }),
        Command::Request(Request::Type { bytes, .. }) if !bytes.contains(&b'\r') => None,
        Command::Request(Request::Type { tty, .. }) => {
            session.map(|session| before_line(session.replay(), *tty))
        }
        Command::Request(_) => session.map(Session::replay),
        _ => None,
    };
    if replay.is_some() {
        BEFORE.with(|before| *before.borrow_mut() = replay);
    }
}

/// Without the keys of the line that is about to be entered.
fn before_line(mut replay: Replay, typing: TtyId) -> Replay {
    while let Some(Request::Type { tty, bytes }) = replay.requests.last().map(|recorded| &recorded.request) {
        if *tty != typing || bytes.contains(&b'\r') {
            break;
        }
        replay.requests.pop();
    }
    replay
}

/// Posts what happened. A clock that only ran on is told ten times a second, which is as often as a page shows it.
fn tell(session: Option<&mut Session>, now_ms: f64) {
    let mut events = session.map(Session::take_events).unwrap_or_default();
    let last = events.iter().rposition(|event| matches!(event, Event::Clock { .. }));
    let mut index = 0;
    events.retain(|event| {
        index += 1;
        !matches!(event, Event::Clock { .. }) || Some(index - 1) == last
    });
    let told = match events.as_slice() {
        [] => return,
        [clock @ Event::Clock { .. }] => {
            CLOCK.with(|known| known.borrow().as_ref().is_some_and(|known| only_later(known, clock)))
                && now_ms - TOLD_MS.get() < CLOCK_MS
        }
        _ => false,
    };
    if !told {
        if let Some(clock) = events.iter().rfind(|event| matches!(event, Event::Clock { .. })) {
            CLOCK.with(|known| *known.borrow_mut() = Some(clock.clone()));
        }
        TOLD_MS.set(if now_ms.is_finite() { now_ms } else { 0.0 });
        post(&events);
    }
}

/// Two clocks that differ in nothing but the time.
fn only_later(one: &Event, other: &Event) -> bool {
    match (one, other) {
        (
            Event::Clock { now: _, speed, settled, undo, redo },
            Event::Clock { now: _, speed: speed2, settled: settled2, undo: undo2, redo: redo2 },
        ) => (speed, settled, undo, redo) == (speed2, settled2, undo2, redo2),
        _ => false,
    }
}

fn post(events: &[Event]) {
    let bytes = postcard::to_stdvec(events).expect("events are plain data");
    let told = scope().post_message(&js_sys::Uint8Array::from(bytes.as_slice()));
    debug_assert!(told.is_ok(), "bytes can be posted");
}

/// Starts the beats: by the clock, and at once after a beat that did not get through.
fn beats() {
    let by_clock = Closure::<dyn FnMut()>::new(beat);
    let set = scope()
        .set_interval_with_callback_and_timeout_and_arguments_0(by_clock.as_ref().unchecked_ref(), BEAT_MS);
    debug_assert!(set.is_ok(), "a worker has timers");
    by_clock.forget();
    if let Ok(channel) = MessageChannel::new() {
        let at_once = Closure::<dyn FnMut()>::new(beat);
        channel.port1().set_onmessage(Some(at_once.as_ref().unchecked_ref()));
        at_once.forget();
        AT_ONCE.with(|port| *port.borrow_mut() = Some(channel.port2()));
    }
}

fn beat() {
    if DEAD.get() {
        return;
    }
    // The one place where real time enters.
    let now_ms = scope().performance().map_or(0.0, |performance| performance.now());
    let elapsed_ms = (now_ms - LAST_MS.replace(now_ms)).clamp(0.0, LONGEST_MS);
    SESSION.with(|session| {
        let mut session = session.borrow_mut();
        let Some(session) = session.as_mut() else { return };
        let kept_up = session.tick((elapsed_ms * 1e6) as u64, BUDGET);
        tell(Some(session), now_ms);
        if !kept_up {
            AT_ONCE.with(|port| {
                if let Some(port) = port.borrow().as_ref() {
                    let posted = port.post_message(&JsValue::NULL);
                    debug_assert!(posted.is_ok(), "a beat can be asked for");
                }
            });
        }
    });
}
