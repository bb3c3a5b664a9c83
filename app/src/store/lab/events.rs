//! What the engine says, folded in.
//!
//! Always: after `Booted` the world is forgotten and built again from what follows; terminals that do not come back
//! are gone at the next `Clock`.

use super::{Crash, Effect, Lab, Question, SaveFor, Tty};
use crate::store::clock::Clock;
use crate::store::frames::{is_housekeeping, is_housekeeping_text};
use crate::store::picture::layout_for;
use crate::store::timeline::{Mark, What};
use crate::words;
use api::cluster::ObjectsDelta;
use api::event::{Event, Flight, Protocol};
use api::inspect::{Answer, FrameRow};
use api::topology::{Delta, Topology};
use api::{Fact, JourneyId, TtyId};
use std::rc::Rc;

/// Packets remembered because their end is not shown.
const QUIET: usize = 256;

impl Lab {
    /// Takes a batch in, at page time `page_ms`.
    pub fn events(&mut self, batch: Vec<Event>, page_ms: f64) -> Vec<Effect> {
        let mut effects = Vec::new();
        let mut drawn = false;
        if !self.booted
            && !batch.iter().any(|event| matches!(event, Event::Booted { .. } | Event::Crashed { .. }))
        {
            return effects;
        }
        for event in &batch {
            if let Event::Frames(rows) = event {
                self.note_quiet(rows);
            }
        }
        let replayed = batch.iter().any(|event| matches!(event, Event::Booted { .. }));
        for event in batch {
            drawn |= matches!(event, Event::Topology(_) | Event::Booted { .. });
            match event {
                Event::LabCommand { .. } if replayed || self.rebuilding.is_some() => {}
                Event::LabCommand { words, .. } => effects.extend(self.lab_command(&words, page_ms)),
                Event::Flight(flight) => {
                    // Its ends must be known before it can be placed.
                    if drawn {
                        self.draw();
                        drawn = false;
                    }
                    self.flight(flight);
                }
                other => effects.extend(self.event(other, page_ms)),
            }
        }
        if drawn {
            self.draw();
        }
        effects
    }

    fn event(&mut self, event: Event, page_ms: f64) -> Vec<Effect> {
        match event {
            Event::Booted { .. } => return self.booted(),
            Event::Clock { now, speed, settled, undo, redo } => {
                self.clock = Clock { now, speed, settled, undo, redo, seen_ms: page_ms };
                self.follow_speed();
                Rc::make_mut(&mut self.timeline).reach(now);
                return self.clock_struck(page_ms);
            }
            Event::Topology(delta) => self.changed(delta),
            Event::TtyOpened { tty, machine } => return self.tty_opened(tty, machine),
            Event::Output { tty, bytes } => return vec![Effect::Output(tty, bytes)],
            Event::TtyClosed { tty } => self.tty_closed(tty),
            Event::Dropped { journey, .. } if self.is_hidden(journey) => {}
            Event::Dropped { at, journey, machine, netns, device, reason } => {
                self.stage.change(|stage| stage.drop_at(machine, netns, device, (reason, journey)));
                Rc::make_mut(&mut self.timeline).add(Mark { at, what: What::Drop });
            }
            Event::Objects(delta) => self.objects_changed(delta),
            Event::Chores(journeys) => self.frames.change(|frames| frames.note_chores(journeys)),
            Event::Frames(rows) => self.frames_came(rows),
            Event::CommandEntered { .. } => {
                Rc::make_mut(&mut self.checks).begun = true;
                self.commanded_ms = page_ms;
                self.touched();
            }
            Event::Facts { id, facts } => return self.facts_came(id, &facts),
            Event::Answer { id, answer } => return self.answered(id, answer),
            Event::Replay(replay) => {
                let why = self.saves.pop_front();
                return match why {
                    _ if replay.lab.name != self.lab_name => Vec::new(),
                    Some(SaveFor::Keeping) | None => {
                        self.kept = Some(replay.clone());
                        vec![Effect::Keep(replay)]
                    }
                    Some(SaveFor::Link) => vec![Effect::Link(replay)],
                    Some(SaveFor::File) => vec![Effect::Download {
                        name: format!("{}.vethlab", self.name()),
                        mime: "text/plain",
                        bytes: crate::store::share::pack(&replay).into_bytes(),
                    }],
                };
            }
            Event::Crashed { message, replay } => {
                self.crash = Some(Crash { message, replay: Box::new(replay) });
                return vec![Effect::Announce(words::CRASHED.into())];
            }
            Event::LabFault { words } => return vec![self.toast(words, true)],
            Event::LabCommand { .. } | Event::Flight(_) => {}
        }
        Vec::new()
    }

    /// Something happened that a check or a table may depend on.
    fn touched(&mut self) {
        (self.unjudged, self.unkept, self.tables_stale) = (true, true, true);
    }

    fn booted(&mut self) -> Vec<Effect> {
        self.rebuilding = Some(self.ttys.iter().map(|tty| tty.id).collect());
        self.topology = Rc::new(Topology::default());
        self.frames.change(|frames| frames.clear());
        self.objects.change(|objects| objects.clear());
        (self.object_shown, self.object_stale) = (None, true);
        self.stage.change(|stage| stage.clear());
        if !self.travelling {
            Rc::make_mut(&mut self.timeline).clear();
        }
        self.frame = None;
        self.dissection = None;
        self.shown = self.shown.take().filter(|shown| shown.forked || self.travelling);
        self.questions.clear();
        self.touched();
        self.booted = true;
        vec![Effect::ClearTerminals]
    }

    fn changed(&mut self, delta: Delta) {
        Rc::make_mut(&mut self.topology).apply(delta);
        self.touched();
        let gone = match self.pick {
            Some(super::Pick::Machine(id)) => !self.topology.machines.contains_key(&id),
            Some(super::Pick::Netns(id)) => !self.topology.netns.contains_key(&id),
            Some(super::Pick::Device(id)) => !self.topology.devices.contains_key(&id),
            None => false,
        };
        // While a world is rebuilt, what was selected is only about to come back.
        if gone && self.rebuilding.is_none() {
            self.pick = None;
        }
    }

    fn objects_changed(&mut self, delta: ObjectsDelta) {
        self.object_stale |= delta.put.iter().any(|row| Some(&row.key) == self.object.as_ref());
        self.objects.change(|objects| objects.apply(delta));
    }

    /// Lays the picture out anew.
    pub(super) fn draw(&mut self) {
        self.picture = Rc::new(layout_for(&self.topology, &mut self.memory, self.screen));
    }

    /// The filter names IPv6, so its housekeeping is drawn as well.
    fn asks_for_ipv6(&self) -> bool {
        self.filter_text.contains("v6")
    }

    /// Its end is no more worth a mark than its way.
    fn is_hidden(&self, journey: JourneyId) -> bool {
        (self.quiet.contains(&journey) && !self.asks_for_ipv6()) || self.is_hidden_chore(journey)
    }

    fn is_hidden_chore(&self, journey: JourneyId) -> bool {
        !self.chores && self.frames.read().is_chore(journey)
    }

    fn flight(&mut self, flight: Flight) {
        if self.is_hidden_chore(flight.journey) {
            return;
        }
        if flight.protocol == Protocol::Ipv6 && is_housekeeping_text(&flight.label) && !self.asks_for_ipv6() {
            return;
        }
        let netns = |id| self.topology.devices.get(&id).map(|device| device.netns);
        let (Some(from), Some(to)) = (netns(flight.from), netns(flight.to)) else { return };
        let clock = self.clock;
        self.stage.change(|stage| stage.fly(flight, from, to, &clock));
    }

    /// Packets whose end is no more worth a mark than their way.
    fn note_quiet(&mut self, rows: &[FrameRow]) {
        for row in rows.iter().filter(|row| is_housekeeping(row)) {
            if self.quiet.back() != Some(&row.journey) {
                self.quiet.push_back(row.journey);
            }
        }
        while self.quiet.len() > QUIET {
            self.quiet.pop_front();
        }
    }

    fn frames_came(&mut self, rows: Vec<FrameRow>) {
        let seen: Vec<&FrameRow> = rows
            .iter()
            .filter(|row| row.out && !is_housekeeping(row) && !self.is_hidden_chore(row.journey))
            .collect();
        let timeline = Rc::make_mut(&mut self.timeline);
        for row in seen {
            timeline.add(Mark { at: row.at, what: What::Frame(row.protocol) });
        }
        self.frames.change(|frames| frames.add(rows));
        self.tables_stale = true;
    }

    fn tty_opened(&mut self, tty: TtyId, machine: String) -> Vec<Effect> {
        self.next_tty = self.next_tty.max(tty.0 + 1);
        if let Some(gone) = &mut self.rebuilding {
            gone.remove(&tty);
        }
        let known = self.ttys.iter().any(|it| it.id == tty);
        if !known {
            let before = self.ttys.iter().filter(|it| it.machine == machine).count();
            let title = if before == 0 { machine.clone() } else { format!("{machine} {}", before + 1) };
            Rc::make_mut(&mut self.ttys).push(Tty { id: tty, machine: machine.clone(), title });
            if self.rebuilding.is_none() || self.active.is_none() {
                self.active = Some(tty);
            }
        }
        self.unkept = true;
        let (now, later) = self.waiting.drain(..).partition(|(on, _)| *on == machine);
        self.waiting = later;
        let lines: Vec<(String, String)> = now;
        lines.into_iter().flat_map(|(_, line)| self.type_line(tty, &line)).collect()
    }

    fn tty_closed(&mut self, tty: TtyId) {
        Rc::make_mut(&mut self.ttys).retain(|it| it.id != tty);
        if self.active == Some(tty) {
            self.active = self.ttys.last().map(|it| it.id);
        }
        self.touched();
    }

    /// The world has said what it had to say for now.
    fn clock_struck(&mut self, page_ms: f64) -> Vec<Effect> {
        if let Some(gone) = self.rebuilding.take() {
            gone.into_iter().for_each(|tty| self.tty_closed(tty));
            self.travelling = false;
            if self.ttys.iter().all(|tty| Some(tty.id) != self.active) {
                self.active = self.ttys.first().map(|tty| tty.id);
            }
            if self.ttys.is_empty() {
                return self.first_terminal();
            }
        }
        self.judge_if_due(page_ms)
    }

    fn answered(&mut self, id: u32, answer: Answer) -> Vec<Effect> {
        let Some(question) = self.questions.remove(&id) else { return Vec::new() };
        match (question, answer) {
            (Question::Journey, Answer::Journey(journey)) => {
                self.shown = Some(super::Shown { journey: Rc::new(journey), forked: false });
            }
            (Question::Frame(frame), Answer::Frame(dissection)) => {
                let known = Rc::new(dissection);
                self.frames.change(|frames| frames.learn(std::slice::from_ref(&*known)));
                if self.frame == Some(frame) {
                    self.dissection = Some(known);
                }
            }
            (Question::Fields, Answer::Frames(dissections)) => {
                let any = !dissections.is_empty();
                self.frames.change(|frames| frames.learn(&dissections));
                return if any { self.ask_fields() } else { Vec::new() };
            }
            (Question::Tables(pick), Answer::Tables(tables)) => {
                let same = self.tables_of == Some(pick);
                self.tables_of = Some(pick);
                Rc::make_mut(&mut self.tables).renew(tables, same);
            }
            (Question::Object(key), Answer::Object(shown)) if self.object.as_ref() == Some(&key) => {
                self.object_shown = Some(Rc::new(*shown));
            }
            // It went while it was asked for; its row has gone, too.
            (Question::Object(_), Answer::Gone) => {}
            (Question::Capture(name), Answer::Pcapng(bytes)) => {
                return vec![Effect::Download { name, mime: "application/x-pcapng", bytes }];
            }
            (_, Answer::Gone) => return vec![self.toast(words::GONE, true)],
            _ => {}
        }
        Vec::new()
    }

    fn facts_came(&mut self, id: u32, facts: &[Fact]) -> Vec<Effect> {
        match self.questions.remove(&id) {
            Some(Question::Checks) => self.judged(facts),
            _ => Vec::new(),
        }
    }

    /// For file names: the lesson's id, or the sandbox.
    pub(super) fn name(&self) -> String {
        self.lesson.as_ref().map_or_else(|| "sandbox".to_string(), |lesson| lesson.id.clone())
    }
}
