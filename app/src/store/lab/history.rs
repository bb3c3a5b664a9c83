//! Keeping, sharing and bringing back a world; undo, redo, reset and travel in time.
//!
//! Always: what is typed is kept within a second; a world kept is one that `Command::Boot` brings back.

use super::{Act, Effect, Lab, SaveFor};
use crate::store::share::{ShareError, unpack};
use crate::words;
use api::request::{Command, Replay};
use std::rc::Rc;

impl Lab {
    /// The world as the lesson begins it.
    pub fn fresh(&self) -> Option<Replay> {
        let lesson = self.lesson.as_ref()?;
        Some(Replay { lab: lesson.lab.clone(), seed: lesson.seed, requests: Vec::new(), until: 0 })
    }

    pub fn boot(&mut self, replay: Replay) -> Vec<Effect> {
        self.lab_name.clone_from(&replay.lab.name);
        let mut effects = vec![Effect::Send(Command::Boot(replay))];
        effects.extend(self.set_pace(super::Pace::Live));
        effects
    }

    pub(super) fn save(&mut self, why: SaveFor) -> Vec<Effect> {
        self.saves.push_back(why);
        vec![Effect::Send(Command::Save)]
    }

    pub(super) fn keep_if_due(&mut self) -> Vec<Effect> {
        if !self.unkept || !self.booted || self.crash.is_some() || self.saves.contains(&SaveFor::Keeping) {
            return Vec::new();
        }
        self.unkept = false;
        self.save(SaveFor::Keeping)
    }

    /// At once, because the page is about to be hidden or closed.
    pub fn keep_now(&mut self) -> Vec<Effect> {
        self.unkept |= self.booted;
        self.keep_if_due()
    }

    pub(super) fn travel(&mut self, act: &Act) -> Vec<Effect> {
        let command = match act {
            Act::StepEvent => Command::StepEvent,
            Act::StepPacket => Command::StepPacket,
            Act::StepBack => Command::StepBack,
            Act::Seek(at) => Command::Seek(*at),
            _ => Command::ToTheEnd,
        };
        self.travelling = true;
        self.unkept = true;
        let mut effects = match act {
            Act::ToTheEnd => Vec::new(),
            _ => self.set_pace(super::Pace::Paused),
        };
        effects.push(Effect::Send(command));
        effects.extend(self.ask_turn());
        effects
    }

    pub(super) fn rewrite(&mut self, act: &Act) -> Vec<Effect> {
        let (command, said) = match act {
            Act::Undo if self.clock.undo == 0 => return vec![self.toast(words::NOTHING_TO_UNDO, false)],
            Act::Redo if self.clock.redo == 0 => return vec![self.toast(words::NOTHING_TO_REDO, false)],
            Act::Undo => (Command::Undo, words::UNDONE),
            Act::Redo => (Command::Redo, words::REDONE),
            _ => (Command::Reset, words::RESET_DONE),
        };
        if *act == Act::Reset {
            self.checks = Rc::default();
            (self.hints, self.solution) = (0, false);
            self.memory.sizes.clear();
        }
        self.travelling = false;
        let mut effects = vec![Effect::Send(command)];
        effects.extend(self.ask_turn());
        effects.push(self.toast(said, false));
        effects
    }

    pub(super) fn import(&mut self, text: &str) -> Vec<Effect> {
        match unpack(text) {
            Ok(replay) => {
                let mut effects = self.begin_anew(replay);
                effects.push(self.toast(words::IMPORTED, false));
                effects
            }
            Err(error) => vec![self.toast(unreadable(error), true)],
        }
    }

    /// The engine has ended without a last word (its stack or its memory ran out): the world is brought back as it was
    /// last kept. Answers whether that is so; an engine that never ran has only failed to load.
    pub fn engine_ended(&mut self, message: &str) -> bool {
        if self.booted && self.crash.is_none() {
            let replay = self.kept.clone().or_else(|| self.fresh());
            self.crash = replay.map(|it| super::Crash { message: message.to_string(), replay: Box::new(it) });
        }
        self.crash.is_some()
    }

    pub(super) fn restart(&mut self) -> Vec<Effect> {
        let Some(crash) = self.crash.take() else { return Vec::new() };
        let mut effects = self.begin_anew(*crash.replay);
        effects.extend(self.active.map(Effect::FocusTerminal));
        effects
    }

    /// In an engine of its own: that which runs has ended, or is not one for this lab.
    fn begin_anew(&mut self, replay: Replay) -> Vec<Effect> {
        self.questions.clear();
        self.saves.clear();
        let mut effects = vec![Effect::NewEngine];
        effects.extend(self.boot(replay));
        effects
    }
}

pub fn unreadable(error: ShareError) -> &'static str {
    match error {
        ShareError::NotOurs => words::LINK_NOT_OURS,
        ShareError::OtherVersion => words::LINK_OTHER_VERSION,
    }
}
