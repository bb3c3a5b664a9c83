//! Questions to the engine: each has a number, and is remembered until its answer comes.
//!
//! Always: at most one question for tables, for fields and for checks is open at a time.

use super::{Effect, Filter, Lab, Pick, Question, Tab};
use api::request::{Command, Query};
use api::{DeviceId, FrameId, JourneyId};

/// Frames taken apart at one stroke for a filter.
const FIELDS: usize = 200;
/// Tables are asked for at most this often.
const TABLES_MS: f64 = 400.0;

impl Lab {
    fn number(&mut self, question: Question) -> u32 {
        self.next_question = self.next_question.wrapping_add(1);
        self.questions.insert(self.next_question, question);
        self.next_question
    }

    fn query(&mut self, question: Question, query: Query) -> Vec<Effect> {
        let id = self.number(question);
        vec![Effect::Send(Command::Query { id, query })]
    }

    fn open(&self, question: fn(&Question) -> bool) -> bool {
        self.questions.values().any(question)
    }

    pub(super) fn ask_journey(&mut self, journey: JourneyId) -> Vec<Effect> {
        self.query(Question::Journey, Query::Journey(journey))
    }

    pub(super) fn ask_frame(&mut self, frame: FrameId) -> Vec<Effect> {
        self.query(Question::Frame(frame), Query::Frame(frame))
    }

    /// When this is answered, what was commanded before is done.
    pub(super) fn ask_turn(&mut self) -> Vec<Effect> {
        self.query(Question::Turn, Query::Frames(Vec::new()))
    }

    /// The fields of frames that the filter cannot judge yet.
    pub(super) fn ask_fields(&mut self) -> Vec<Effect> {
        let needed = self.filter.as_ref().is_some_and(Filter::needs_fields);
        if !needed || self.open(|it| matches!(it, Question::Fields)) {
            return Vec::new();
        }
        let unknown = self.frames.read().unknown(&self.picked_devices(), FIELDS);
        if unknown.is_empty() { Vec::new() } else { self.query(Question::Fields, Query::Frames(unknown)) }
    }

    pub(super) fn ask_capture(&mut self, device: Option<DeviceId>) -> Vec<Effect> {
        let on =
            device.and_then(|id| self.topology.devices.get(&id)).map(|device| format!("-{}", device.name));
        let name = format!("{}{}.pcapng", self.name(), on.unwrap_or_default());
        self.query(Question::Capture(name), Query::Pcapng(device))
    }

    pub(super) fn ask_checks(&mut self) -> Vec<Effect> {
        let Some(lesson) = self.lesson.clone() else { return Vec::new() };
        if self.open(|it| matches!(it, Question::Checks)) {
            return Vec::new();
        }
        let probes = super::Checks::probes(&lesson);
        self.unjudged = false;
        let id = self.number(Question::Checks);
        vec![Effect::Send(Command::Probes { id, probes })]
    }

    /// What the open pane is about: the selection, else the machine of the open terminal. Rules belong to a netns.
    pub fn table_pick(&self) -> Option<Pick> {
        let pick = self.pick.or_else(|| self.home_pick());
        match (pick, self.tab) {
            (Some(Pick::Device(id)), Tab::Rules) => {
                self.topology.devices.get(&id).map(|it| Pick::Netns(it.netns))
            }
            (pick, _) => pick,
        }
    }

    /// To be called about ten times a second: asks for what the open pane lacks.
    pub fn refresh(&mut self, page_ms: f64) -> Vec<Effect> {
        let mut effects = if self.booted { self.judge_if_due(page_ms) } else { Vec::new() };
        match self.tab {
            Tab::Packets => effects.extend(self.ask_fields()),
            Tab::Journey => {}
            Tab::Objects if self.shows_cluster() => effects.extend(self.ask_object(page_ms)),
            Tab::Objects | Tab::Rules => effects.extend(self.ask_tables(page_ms)),
        }
        effects.extend(self.keep_if_due());
        effects
    }

    fn ask_object(&mut self, page_ms: f64) -> Vec<Effect> {
        let there = self.object.clone().filter(|key| self.objects.read().has(key));
        let Some(key) = there.filter(|_| self.object_stale) else { return Vec::new() };
        let asked = self.open(|it| matches!(it, Question::Object(_)));
        if asked || (self.object_shown.is_some() && page_ms - self.asked_tables_ms < TABLES_MS) {
            return Vec::new();
        }
        (self.asked_tables_ms, self.object_stale) = (page_ms, false);
        self.query(Question::Object(key.clone()), Query::Object(key))
    }

    fn ask_tables(&mut self, page_ms: f64) -> Vec<Effect> {
        let Some(pick) = self.table_pick().filter(|_| self.booted) else { return Vec::new() };
        let due = self.tables_stale && page_ms - self.asked_tables_ms >= TABLES_MS;
        if !(due || self.tables_of != Some(pick)) || self.open(|it| matches!(it, Question::Tables(_))) {
            return Vec::new();
        }
        self.asked_tables_ms = page_ms;
        self.tables_stale = !self.clock.settled;
        let query = match pick {
            Pick::Machine(id) => Query::Machine(id),
            Pick::Netns(id) => Query::Netns(id),
            Pick::Device(id) => Query::Device(id),
        };
        self.query(Question::Tables(pick), query)
    }
}
