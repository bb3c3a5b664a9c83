//! What the learner does, folded in.
//!
//! Always: every control of the page ends in `act`; a request that changes the world is sent, never applied here.

use super::{Act, Effect, Lab, Pace, SaveFor, Tab};
use crate::store::command;
use crate::store::filter::Filter;
use crate::words;
use api::request::{Command, Request, Speed};
use api::{FrameId, JourneyId, TtyId};
use std::rc::Rc;

/// A terminal's size until the page has measured it.
const COLUMNS: u16 = 80;
const ROWS: u16 = 24;
/// Terminals at once; more would only slow the page down.
pub const TTYS: usize = 24;

impl Lab {
    pub fn act(&mut self, act: Act, page_ms: f64) -> Vec<Effect> {
        match act {
            Act::Pace(pace) => self.set_pace(pace),
            Act::TogglePause => {
                let pace = if self.pace == Pace::Paused { self.before_pause } else { Pace::Paused };
                self.set_pace(pace)
            }
            Act::StepEvent | Act::StepPacket | Act::StepBack | Act::ToTheEnd | Act::Seek(_) => {
                self.travel(&act)
            }
            Act::Undo | Act::Redo | Act::Reset => self.rewrite(&act),
            Act::Check => self.check_now(),
            Act::Hint => self.hint(),
            Act::Solution => self.show_solution(),
            Act::Mode(mode) => {
                self.mode = mode;
                self.judge_if_due(page_ms)
            }
            Act::Answer { check, said } => self.answer(&check, &said),
            Act::OpenCheck(id) => {
                if let Some(lesson) = self.lesson.clone() {
                    Rc::make_mut(&mut self.checks).toggle(&lesson, &id);
                }
                Vec::new()
            }
            Act::ShowMe(check) => self.show_me(&check),
            Act::PlayJourney => self.play(),
            Act::OpenTty(machine) => self.open_tty(&machine),
            Act::CloseTty(tty) => self.request(Request::CloseTty { tty }),
            Act::SelectTty(tty) => {
                self.active = Some(tty);
                vec![Effect::FocusTerminal(tty)]
            }
            Act::Typed { tty, bytes } => self.request(Request::Type { tty, bytes }),
            Act::Resized { tty, columns, rows } => self.request(Request::Resize { tty, columns, rows }),
            Act::Run { line, on } => self.run(&line, on),
            Act::Share => self.save(SaveFor::Link),
            Act::Export => self.save(SaveFor::File),
            Act::Import(text) => self.import(&text),
            Act::Capture(device) => self.ask_capture(device),
            Act::Restart => self.restart(),
            other => self.look(other, page_ms),
        }
    }

    /// Acts that only change what is looked at.
    fn look(&mut self, act: Act, page_ms: f64) -> Vec<Effect> {
        match act {
            Act::Tab(tab) => self.tab = tab,
            Act::Pick(pick) => {
                self.pick = pick;
                self.place = pick.is_some();
                return self.refresh(page_ms);
            }
            Act::PickFrame(frame) => return self.pick_frame(frame),
            Act::PickJourney(journey) => return self.pick_journey(journey),
            Act::Filter(text) => {
                // A filter half typed leaves the last whole one in force.
                match Filter::parse(&text) {
                    Ok(filter) => (self.filter, self.filter_error) = (filter, None),
                    Err(error) => self.filter_error = Some(error),
                }
                self.filter_text = text;
                return self.ask_fields();
            }
            Act::Chores(shown) => self.chores = shown,
            Act::Kind(kind) => (self.kind, self.namespace, self.object) = (kind, None, None),
            Act::Namespace(namespace) => self.namespace = namespace,
            Act::Place(place) => {
                self.place = place;
                return self.refresh(page_ms);
            }
            Act::Object(object) => {
                if let Some(key) = &object {
                    self.tab = Tab::Objects;
                    self.place = false;
                    if self.kind != key.kind {
                        (self.kind, self.namespace) = (key.kind.clone(), None);
                    }
                }
                self.object_shown = self.object_shown.take().filter(|it| Some(&it.key) == object.as_ref());
                (self.object, self.object_stale) = (object, true);
                return self.refresh(page_ms);
            }
            Act::Field(range) => self.field = range,
            Act::Fold(machine) => {
                if !self.memory.folded.remove(&machine) {
                    self.memory.folded.insert(machine);
                }
                self.draw();
            }
            Act::Screen(width, height) => {
                self.screen = (width, height);
                self.draw();
            }
            Act::Dismiss(id) => Rc::make_mut(&mut self.toasts).retain(|toast| toast.id != id),
            _ => {}
        }
        Vec::new()
    }

    fn pick_frame(&mut self, frame: FrameId) -> Vec<Effect> {
        self.frame = Some(frame);
        self.field = None;
        self.dissection = self.dissection.take().filter(|it| it.row.frame == frame);
        let mut effects = self.ask_frame(frame);
        let journey = self.frames.read().get(frame).map(|row| row.journey);
        effects.extend(journey.map_or(Vec::new(), |journey| self.ask_journey(journey)));
        effects
    }

    fn pick_journey(&mut self, journey: JourneyId) -> Vec<Effect> {
        self.tab = Tab::Journey;
        let forked = self.shown.as_ref().is_some_and(|shown| shown.forked && shown.journey.id == journey);
        if forked {
            return Vec::new();
        }
        let frame = self.frames.read().last_of(journey);
        match frame {
            Some(frame) => self.pick_frame(frame),
            None => self.ask_journey(journey),
        }
    }

    pub(super) fn set_pace(&mut self, pace: Pace) -> Vec<Effect> {
        if self.pace != Pace::Paused {
            self.before_pause = self.pace;
        }
        self.pace = pace;
        let speed = match pace {
            Pace::Live => Speed::Live,
            Pace::Slow(factor) => Speed::Slow(factor),
            // The page itself asks for each packet.
            Pace::Packets(_) | Pace::Paused => Speed::Paused,
        };
        self.speed_asked = Some(speed);
        vec![Effect::Send(Command::Speed(speed))]
    }

    /// The engine changes speed by itself at a step, at the end, and at a reset: the page follows.
    pub(super) fn follow_speed(&mut self) {
        if self.speed_asked == Some(self.clock.speed) {
            self.speed_asked = None;
        }
        if self.speed_asked.is_some() {
            return;
        }
        match (self.clock.speed, self.pace) {
            (Speed::Paused, Pace::Live | Pace::Slow(_)) => {
                self.before_pause = self.pace;
                self.pace = Pace::Paused;
            }
            (Speed::Live, Pace::Paused | Pace::Packets(_) | Pace::Slow(_)) => self.pace = Pace::Live,
            (Speed::Slow(factor), Pace::Paused | Pace::Packets(_) | Pace::Live) => {
                self.pace = Pace::Slow(factor)
            }
            _ => {}
        }
    }

    /// The next packet of a paced world; called by the page's timer.
    pub fn beat(&mut self) -> Vec<Effect> {
        match self.pace {
            Pace::Packets(_) if !self.clock.settled => vec![Effect::Send(Command::StepPacket)],
            _ => Vec::new(),
        }
    }

    fn request(&mut self, request: Request) -> Vec<Effect> {
        if self.crash.is_some() {
            return Vec::new();
        }
        // Whoever types in the past begins another future.
        if matches!(request, Request::Type { .. }) && self.timeline.horizon() > self.clock.now {
            Rc::make_mut(&mut self.timeline).cut(self.clock.now);
        }
        self.unkept = true;
        vec![Effect::Send(Command::Request(request))]
    }

    fn open_tty(&mut self, machine: &str) -> Vec<Effect> {
        if self.ttys.len() >= TTYS {
            return vec![self.toast(words::TOO_MANY_TERMINALS, true)];
        }
        let tty = TtyId(self.next_tty.max(1));
        self.next_tty = tty.0 + 1;
        self.request(Request::OpenTty { tty, machine: machine.to_string(), columns: COLUMNS, rows: ROWS })
    }

    /// A world that has no terminal gets one, on the machine its lesson names.
    pub(super) fn first_terminal(&mut self) -> Vec<Effect> {
        let host = self.lesson.as_ref().map(|lesson| lesson.host.clone()).filter(|host| !host.is_empty());
        let first = || self.topology.machines.values().next().map(|machine| machine.name.clone());
        host.or_else(first).map_or(Vec::new(), |machine| self.open_tty(&machine))
    }

    fn run(&mut self, line: &str, on: Option<String>) -> Vec<Effect> {
        let machine_of = |tty: &super::Tty| on.as_ref().is_none_or(|on| *on == tty.machine);
        let open = self.ttys.iter().find(|tty| Some(tty.id) == self.active).filter(|tty| machine_of(tty));
        let any = open.or_else(|| self.ttys.iter().find(|tty| machine_of(tty))).map(|tty| tty.id);
        match (any, on) {
            (Some(tty), _) => {
                self.active = Some(tty);
                let mut effects = self.type_line(tty, line);
                effects.push(Effect::FocusTerminal(tty));
                effects
            }
            (None, Some(machine)) => {
                self.waiting.push((machine.clone(), line.to_string()));
                self.open_tty(&machine)
            }
            (None, None) => Vec::new(),
        }
    }

    /// Types a line as if by hand; a world that stands is set going, so that something happens.
    pub(super) fn type_line(&mut self, tty: TtyId, line: &str) -> Vec<Effect> {
        let mut bytes = line.replace('\n', "\r").into_bytes();
        bytes.push(b'\r');
        self.request(Request::Type { tty, bytes })
    }

    /// A line typed as `lab …`.
    pub(super) fn lab_command(&mut self, words: &[String], page_ms: f64) -> Vec<Effect> {
        match command::parse(words, self) {
            Ok(act) => self.act(act, page_ms),
            Err(text) => vec![self.toast(text, true)],
        }
    }
}
