//! Carrying out what the lab's store asks for, and finding the world a lab begins with.
//!
//! Always: the learner's own world of a lesson is kept under that lesson; a shared one is kept in its own address.

use super::lab::{LabPage, Msg};
use crate::platform::{clipboard, file, location, storage};
use api::request::Replay;
use app::store::lab::{Effect, unreadable};
use app::store::progress::{Done, Progress};
use app::store::route::Route;
use app::store::share;
use app::words;
use lessons::Lesson;
use std::rc::Rc;
use yew::prelude::*;

impl LabPage {
    pub(super) fn perform(&mut self, ctx: &Context<Self>, effects: Vec<Effect>) {
        let props = ctx.props();
        for effect in effects {
            match effect {
                Effect::Send(command) => props.engine.send(&command),
                Effect::Output(tty, bytes) => match self.terminals.get(&tty) {
                    Some(terminal) => terminal.write(&bytes),
                    None => self.early.entry(tty).or_default().extend(bytes),
                },
                Effect::ClearTerminals => {
                    self.early.clear();
                    self.terminals.values().for_each(|terminal| terminal.reset());
                }
                Effect::FocusTerminal(tty) => self.focus_next = Some(tty),
                Effect::Keep(replay) => self.keep(ctx, &replay),
                Effect::Link(replay) => link(ctx, &replay),
                Effect::Download { name, mime, bytes } => file::save(&name, mime, &bytes),
                Effect::Learned(done) => learned(&props.id, done),
                Effect::NewEngine => props.engine.end(),
                Effect::Announce(text) => self.announcement = text,
            }
        }
    }

    fn keep(&mut self, ctx: &Context<Self>, replay: &Replay) {
        let props = ctx.props();
        let packed = share::pack(replay);
        if props.shared.is_some() {
            location::replace(&address(&props.id, packed));
        } else {
            storage::set(&format!("world.{}", props.id), &packed);
        }
        self.keep_view(ctx);
    }

    /// What is looked at is kept apart from the world: it changes without a request.
    pub(super) fn keep_view(&self, ctx: &Context<Self>) {
        storage::set(&format!("view.{}", ctx.props().id), &self.lab.view_text());
    }

    /// The lesson is there (or is not): the world begins as the address says, as it was kept, or as the lesson has it.
    pub(super) fn lesson_came(&mut self, ctx: &Context<Self>, lesson: Option<Rc<Lesson>>) {
        let props = ctx.props();
        let Some(lesson) = lesson else {
            self.lesson_failed = true;
            return;
        };
        self.lab.lesson = Some(Rc::clone(&lesson));
        self.set_title();
        opened(&props.id);
        let shared = props.shared.as_ref().map(|payload| share::unpack(payload));
        let kept = storage::get(&format!("world.{}", props.id)).map(|text| share::unpack(&text));
        let replay = match (shared, kept) {
            (Some(Ok(replay)), _) => {
                self.toast(words::OPENED_SHARED, false);
                Some(replay)
            }
            (Some(Err(error)), _) => {
                self.toast(&format!("{} {}", unreadable(error), words::BEGINS_ANEW), true);
                None
            }
            (None, Some(Ok(replay))) if same_lab(&replay, &lesson) => Some(replay),
            (None, Some(_)) => {
                self.toast(words::KEPT_UNREADABLE, false);
                None
            }
            (None, None) => None,
        };
        if let Some(replay) = replay.or_else(|| self.lab.fresh()) {
            let effects = self.lab.boot(replay);
            self.perform(ctx, effects);
        }
    }
}

/// A lesson that was changed since begins anew.
fn same_lab(replay: &Replay, lesson: &Lesson) -> bool {
    replay.lab == lesson.lab && replay.seed == lesson.seed
}

fn address(id: &str, payload: String) -> String {
    let id = (id != "sandbox").then(|| id.to_string());
    Route::Lab { id, shared: Some(payload) }.to_string()
}

fn link(ctx: &Context<LabPage>, replay: &Replay) {
    let hash = address(&ctx.props().id, share::pack(replay));
    let url = location::link(&hash);
    let told = ctx.link().callback(move |done: bool| {
        if !done {
            location::replace(&hash);
        }
        Msg::Toast(if done { words::SHARED } else { words::SHARE_FAILED }, false)
    });
    clipboard::copy(&url, move |done| told.emit(done));
}

fn progress(change: impl FnOnce(&mut Progress)) {
    let mut progress = Progress::read(&storage::get("progress").unwrap_or_default());
    change(&mut progress);
    storage::set("progress", &progress.write());
}

fn learned(id: &str, done: Done) {
    progress(|progress| drop(progress.lessons.insert(id.to_string(), done)));
}

fn opened(id: &str) {
    progress(|progress| {
        progress.lessons.entry(id.to_string()).or_default();
        progress.last = Some(id.to_string());
    });
}
