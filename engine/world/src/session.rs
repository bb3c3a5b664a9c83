//! A learner's sitting: a world on a tape of requests, with speed, undo, redo, and steps in both directions.
//!
//! Stands between the worker and [`World`]. Knows no clock: the worker says how much real time has passed.
//! Always: the world is what the tape up to the cursor makes of lab and seed; going back is replaying less of it.

use crate::World;
use api::event::Event;
use api::inspect::Answer;
use api::request::{Command, Recorded, Replay, Request, Speed};
use api::{Fact, Lab, Probe, TtyId};
use std::collections::BTreeMap;

/// Events of the engine that one command may run before it gives up (a storm).
const BUDGET: usize = 2_000_000;
/// How far ahead a step looks for something to happen: ten virtual seconds.
const HORIZON: u64 = 10_000_000_000;
/// Flights and drops older than this are not drawn after a replay: one virtual second.
const RECENT: u64 = 1_000_000_000;

/// A command line on the tape: the requests that typed it.
#[derive(Clone, Debug)]
struct Line {
    tty: TtyId,
    first: usize,
    last: usize,
    /// A line for the page (`lab …`), which undo passes over.
    of_page: bool,
}

pub struct Session {
    lab: Lab,
    seed: u64,
    tape: Vec<Recorded>,
    /// How much of the tape the world has heard.
    cursor: usize,
    world: World,
    /// When the lab had booted.
    booted: u64,
    lines: Vec<Line>,
    /// Where on the tape the line being typed on a terminal begins.
    typing: BTreeMap<TtyId, usize>,
    redo: Vec<Vec<Request>>,
    /// The world before the last reset, until something else is typed and undone.
    shelved: Option<Replay>,
    speed: Speed,
    /// The part of a nanosecond that slow motion has not spent yet.
    owed: f64,
    out: Vec<Event>,
}

impl Session {
    pub fn new(replay: Replay) -> Session {
        let mut session = Session {
            // Of no lab, until the one of the replay boots below.
            world: World::boot(&Lab::default(), replay.seed),
            lab: replay.lab,
            seed: replay.seed,
            tape: replay.requests,
            cursor: 0,
            lines: Vec::new(),
            typing: BTreeMap::new(),
            booted: 0,
            redo: Vec::new(),
            shelved: None,
            speed: Speed::Live,
            owed: 0.0,
            out: Vec::new(),
        };
        session.rebuild(replay.until);
        session
    }

    /// All that brings this session's world back.
    pub fn replay(&self) -> Replay {
        Replay {
            lab: self.lab.clone(),
            seed: self.seed,
            requests: self.tape.clone(),
            until: self.world.now(),
        }
    }

    pub fn world(&self) -> &World {
        &self.world
    }

    pub fn take_events(&mut self) -> Vec<Event> {
        self.gather();
        std::mem::take(&mut self.out)
    }

    pub fn command(&mut self, command: Command) {
        match command {
            Command::Boot(replay) => *self = Session::new(replay),
            Command::Request(request) => self.request(request),
            Command::Speed(speed) => self.speed = speed,
            Command::StepEvent => {
                self.speed = Speed::Paused;
                self.step(self.world.now() + HORIZON);
            }
            Command::StepPacket => self.step_until(|world, before| world.flights() > before),
            Command::StepBack => {
                let before = self.world.last_flight(self.world.now());
                self.speed = Speed::Paused;
                self.rebuild(before.map_or(0, |at| at.saturating_sub(1)));
            }
            Command::Seek(at) => {
                self.speed = Speed::Paused;
                if at < self.world.now() { self.rebuild(at) } else { self.advance(at, BUDGET) }
            }
            Command::ToTheEnd => self.step_until(|world, _| world.settled()),
            Command::Undo => self.undo(),
            Command::Redo => self.redo(),
            Command::Reset => self.reset(),
            Command::Save => self.out.push(Event::Replay(self.replay())),
            Command::Probes { id, probes } => {
                let facts = self.facts(&probes);
                self.out.push(Event::Facts { id, facts });
            }
            Command::Query { id, query } => {
                let answer = self.world.answer(&query).unwrap_or(Answer::Gone);
                self.out.push(Event::Answer { id, answer });
            }
        }
        self.clock();
    }

    /// Lets `elapsed` nanoseconds of real time pass; false where the engine could not keep up with `budget` events.
    pub fn tick(&mut self, elapsed: u64, budget: usize) -> bool {
        let factor = match self.speed {
            Speed::Live => 1.0,
            Speed::Slow(factor) => factor,
            Speed::Paused => return true,
        };
        self.owed += elapsed as f64 * factor;
        let whole = self.owed.floor();
        self.owed -= whole;
        let target = self.world.now() + whole as u64;
        self.advance(target, budget);
        self.clock();
        self.world.now() >= target
    }

    /// When something is due next, in virtual nanoseconds; the worker may sleep until then.
    pub fn next_at(&mut self) -> Option<u64> {
        let taped = self.tape.get(self.cursor).map(|recorded| recorded.at);
        [self.world.next_at(), taped].into_iter().flatten().min()
    }

    fn clock(&mut self) {
        self.gather();
        self.out.push(Event::Clock {
            now: self.world.now(),
            speed: self.speed,
            settled: self.world.settled(),
            undo: self.lines.iter().filter(|line| !line.of_page).count() as u32
                + u32::from(self.shelved.is_some()),
            redo: self.redo.len() as u32,
        });
    }

    /// A request of now: what was still on the tape from an earlier look back is given up.
    fn request(&mut self, request: Request) {
        self.tape.truncate(self.cursor);
        self.redo.clear();
        self.tape.push(Recorded { at: self.world.now(), request });
        self.play_next();
    }

    /// Hands the next request of the tape to the world.
    fn play_next(&mut self) {
        let index = self.cursor;
        let Some(recorded) = self.tape.get(index) else { return };
        if let Request::Type { tty, .. } = recorded.request {
            self.typing.entry(tty).or_insert(index);
        }
        self.world.handle(&recorded.request);
        self.cursor += 1;
    }

    /// Runs to `until`, playing the tape on the way; stops short where `budget` events are spent.
    fn advance(&mut self, until: u64, budget: usize) {
        let mut left = budget;
        while let Some(at) = self.tape.get(self.cursor).map(|recorded| recorded.at).filter(|at| *at <= until)
        {
            if !self.world.advance(at, &mut left) {
                return;
            }
            self.play_next();
            self.note_lines();
        }
        self.world.advance(until, &mut left);
        self.note_lines();
    }

    /// One event, or one request of the tape if that is due first.
    fn step(&mut self, until: u64) -> bool {
        let taped = self.tape.get(self.cursor).map(|recorded| recorded.at);
        let due = self.world.next_at();
        let stepped = match taped {
            Some(at) if at <= until && due.is_none_or(|due| at < due) => {
                let mut budget = BUDGET;
                self.world.advance(at, &mut budget);
                self.play_next();
                true
            }
            _ => self.world.step(until),
        };
        self.note_lines();
        stepped
    }

    fn step_until(&mut self, done: impl Fn(&World, u64) -> bool) {
        self.speed = Speed::Paused;
        let horizon = self.world.now() + HORIZON;
        let before = self.world.flights();
        for _ in 0..BUDGET {
            if !self.step(horizon) || done(&self.world, before) {
                break;
            }
        }
    }

    /// Notes the command lines that were entered since the last look, and which requests typed them.
    fn note_lines(&mut self) {
        for (tty, line) in self.world.take_entered() {
            let last = self.cursor.saturating_sub(1);
            let first = self.typing.remove(&tty).unwrap_or(last);
            self.lines.push(Line {
                tty,
                first,
                last,
                of_page: line.split_whitespace().next() == Some("lab"),
            });
        }
    }

    /// Boots anew and plays the tape up to `until`; the page hears a whole new state.
    fn rebuild(&mut self, until: u64) {
        self.world = World::boot(&self.lab, self.seed);
        self.booted = self.world.now();
        self.cursor = 0;
        self.lines.clear();
        self.typing.clear();
        self.out.clear();
        self.owed = 0.0;
        self.advance(until.max(self.world.now()), BUDGET);
        self.gather();
        let now = self.world.now();
        self.out.retain(|event| match event {
            Event::LabCommand { .. } => false,
            Event::Flight(flight) => flight.sent + RECENT >= now,
            Event::Dropped { at, .. } => at + RECENT >= now,
            _ => true,
        });
        self.out.insert(0, Event::Booted { seed: self.seed });
        self.clock();
    }

    fn gather(&mut self) {
        self.note_lines();
        self.out.extend(self.world.take_events());
    }

    /// Takes the last command line back: its requests leave the tape, the clock goes back to when it began.
    fn undo(&mut self) {
        self.note_lines();
        let Some(line) = self.lines.iter().rfind(|line| !line.of_page).cloned() else {
            if let Some(replay) = self.shelved.take() {
                *self = Session::new(replay);
            }
            return;
        };
        let before = self.tape[line.first].at;
        self.tape.truncate(self.cursor);
        let mut taken = Vec::new();
        for mut recorded in self.tape.split_off(line.first) {
            match recorded.request {
                Request::Type { tty, .. }
                    if tty == line.tty && self.tape.len() + taken.len() <= line.last =>
                {
                    taken.push(recorded.request);
                }
                _ => {
                    recorded.at = before;
                    self.tape.push(recorded);
                }
            }
        }
        self.redo.push(taken);
        self.rebuild(before);
    }

    /// Types the line that was taken back last, again.
    fn redo(&mut self) {
        let Some(requests) = self.redo.pop() else { return };
        self.tape.truncate(self.cursor);
        for request in requests {
            self.tape.push(Recorded { at: self.world.now(), request });
            self.play_next();
        }
    }

    /// The lab as it booted, with its terminals open. What was there is shelved: undo brings it back.
    fn reset(&mut self) {
        self.shelved = Some(self.replay());
        self.tape
            .retain(|recorded| matches!(recorded.request, Request::OpenTty { .. } | Request::Resize { .. }));
        let boot = self.booted;
        self.tape.iter_mut().for_each(|recorded| recorded.at = boot);
        self.redo.clear();
        self.speed = Speed::Live;
        self.rebuild(boot);
    }

    /// Asks each probe of a world of its own, so that no question disturbs another or the learner. A cluster takes long
    /// to boot, and is never quite still anyway: there one world is asked all of them in their order.
    fn facts(&self, probes: &[Probe]) -> Vec<Fact> {
        if self.lab.cluster.is_some() {
            let mut world = self.fork();
            return probes.iter().map(|probe| world.probe(probe)).collect();
        }
        probes.iter().map(|probe| self.fork().probe(probe)).collect()
    }

    /// Asks the sitting's own world, which nobody will look at any more.
    pub fn last_facts(mut self, probes: &[Probe]) -> Vec<Fact> {
        self.note_lines();
        probes.iter().map(|probe| self.world.probe(probe)).collect()
    }

    /// A second world, at the same point of the same tape.
    fn fork(&self) -> World {
        World::replayed(&self.lab, self.seed, &self.tape[..self.cursor], self.world.now())
    }
}
