//! What the picture plays: flights of frames and marks of drops, stretched so that an eye can follow.
//!
//! Fed by `Event::Flight` and `Event::Dropped`, read at every animation frame. Time here is counted in *beats*: a
//! beat lasts `BEAT_MS` on the page, less when a backlog has to be played down.
//! Always: a frame leaves a netns only after what came into that netns before it has arrived (cause before effect);
//! a frame is never drawn further than the world's own clock has it; at most `SHOWS` flights are kept.
//! Differs from the real thing: microseconds are drawn as half seconds. Paused or slow, the true share of the way is shown.

use crate::store::clock::Clock;
use api::event::Flight;
use api::{DeviceId, DropReason, JourneyId, MachineId, NetnsId};
use std::collections::{BTreeMap, VecDeque};

/// How long a hop is drawn when there is no hurry.
pub const BEAT_MS: f64 = 480.0;
/// Beats of a hop before which the destination is rewritten: the eye follows both addresses.
const REWRITE: f64 = 3.0;
/// Beats that may wait before the play gets faster.
const PATIENCE: f64 = 4.0;
/// The play is never faster than this many times its usual speed.
const HURRY: f64 = 60.0;
/// Flights kept; older ones end at once when there are more.
const SHOWS: usize = 320;
/// Flights at rest and drop marks kept.
const MARKS: usize = 32;
/// How long an arrived envelope, and a drop mark, stay in a running world.
const REST_MS: f64 = 420.0;
const MARK_MS: f64 = 6_000.0;

#[derive(Clone, Debug, PartialEq)]
pub struct Show {
    pub flight: Flight,
    /// The device on which the same packet arrived last: the envelope is drawn from there.
    pub came_by: Option<DeviceId>,
    start: f64,
    length: f64,
}

/// A packet's bad end, as a mark.
#[derive(Clone, Debug, PartialEq)]
pub struct Mark {
    pub machine: MachineId,
    pub netns: NetnsId,
    pub device: Option<DeviceId>,
    pub reason: DropReason,
    pub journey: JourneyId,
    /// How many ended like this here, one after another.
    pub count: u32,
    start: f64,
    left_ms: f64,
}

impl Mark {
    /// What is seen of it: two marks alike in this look alike.
    pub fn face(&self) -> (NetnsId, Option<DeviceId>, JourneyId, u32) {
        (self.netns, self.device, self.journey, self.count)
    }
}

/// An envelope to draw: where on its way from 0 to 1, and how visible.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Envelope<'a> {
    pub flight: &'a Flight,
    pub came_by: Option<DeviceId>,
    pub share: f64,
    pub faded: bool,
}

#[derive(Debug, Default)]
pub struct Stage {
    head: f64,
    shows: VecDeque<Show>,
    resting: VecDeque<(Show, f64)>,
    marks: VecDeque<Mark>,
    /// The beat from which a netns may send on.
    ready: BTreeMap<NetnsId, f64>,
    /// Where a journey's envelope arrives last.
    last: BTreeMap<JourneyId, DeviceId>,
}

impl Stage {
    pub fn clear(&mut self) {
        *self = Stage::default();
    }

    /// Takes a flight in; `from` and `to` are the netns of its two ends.
    pub fn fly(&mut self, flight: Flight, from: NetnsId, to: NetnsId, clock: &Clock) {
        let start = self.ready.get(&from).copied().unwrap_or(0.0).max(self.head);
        let rate = clock.rate();
        let true_ms = if rate > 0.0 { flight.arrives.saturating_sub(flight.sent) as f64 / rate } else { 0.0 };
        let length = (true_ms / BEAT_MS).max(if flight.dnat.is_some() { REWRITE } else { 1.0 });
        let ready = self.ready.entry(to).or_insert(0.0);
        *ready = ready.max(start + length);
        let came_by = self.last.insert(flight.journey, flight.to);
        self.resting.retain(|(show, _)| show.flight.journey != flight.journey);
        self.shows.push_back(Show { flight, came_by, start, length });
        if self.shows.len() > SHOWS {
            self.shows.pop_front();
            // What is skipped is not waited for.
            self.head = self.shows.front().map_or(self.head, |show| self.head.max(show.start));
        }
        self.forget();
    }

    pub fn drop_at(
        &mut self,
        machine: MachineId,
        netns: NetnsId,
        device: Option<DeviceId>,
        why: (DropReason, JourneyId),
    ) {
        let (reason, journey) = why;
        let start = self.ready.get(&netns).copied().unwrap_or(0.0).max(self.head);
        let same = |mark: &&mut Mark| mark.netns == netns && mark.device == device && mark.reason == reason;
        if let Some(mark) = self.marks.iter_mut().find(same) {
            mark.count += 1;
            mark.left_ms = MARK_MS;
            mark.journey = journey;
            return;
        }
        self.marks.push_back(Mark {
            machine,
            netns,
            device,
            reason,
            journey,
            count: 1,
            start,
            left_ms: MARK_MS,
        });
        if self.marks.len() > MARKS {
            self.marks.pop_front();
        }
    }

    /// Plays on by `ms` of page time. Answers whether anything still moves or fades.
    pub fn advance(&mut self, ms: f64, clock: &Clock, page_ms: f64) -> bool {
        let end = self.shows.iter().map(|show| show.start + show.length).fold(self.head, f64::max);
        let hurry = ((end - self.head) / PATIENCE).clamp(1.0, HURRY);
        self.head += ms / BEAT_MS * hurry;
        let now = clock.at(page_ms);
        let (head, playing) = (self.head, !self.shows.is_empty());
        let mut index = 0;
        while index < self.shows.len() {
            let show = &self.shows[index];
            if show.start + show.length <= head && show.flight.arrives <= now {
                if let Some(done) = self.shows.remove(index) {
                    self.resting.push_back((done, REST_MS));
                }
            } else {
                index += 1;
            }
        }
        if !clock.paused() || playing {
            self.resting.iter_mut().for_each(|(_, left)| *left -= ms);
            self.resting.retain(|(_, left)| *left > 0.0);
            self.marks.iter_mut().filter(|mark| mark.start <= head).for_each(|mark| mark.left_ms -= ms);
            self.marks.retain(|mark| mark.left_ms > 0.0);
        }
        while self.resting.len() > MARKS {
            self.resting.pop_front();
        }
        let fading = !self.resting.is_empty() || !self.marks.is_empty();
        let waits = fading && !clock.paused();
        let stuck = clock.paused() && self.shows.iter().all(|show| show.start + show.length <= head);
        waits || !(self.shows.is_empty() || stuck)
    }

    /// What to draw now; the oldest first.
    pub fn envelopes(&self, clock: &Clock, page_ms: f64) -> impl Iterator<Item = Envelope<'_>> {
        let (head, now) = (self.head, clock.at(page_ms));
        let flying = self.shows.iter().filter(move |show| show.start <= head).map(move |show| Envelope {
            flight: &show.flight,
            came_by: show.came_by,
            share: ((head - show.start) / show.length).min(true_share(&show.flight, now)).clamp(0.0, 1.0),
            faded: false,
        });
        let resting = self.resting.iter().map(|(show, left)| Envelope {
            flight: &show.flight,
            came_by: show.came_by,
            share: 1.0,
            faded: *left < REST_MS / 2.0,
        });
        resting.chain(flying)
    }

    pub fn marks(&self) -> impl Iterator<Item = &Mark> {
        self.marks.iter().filter(|mark| mark.start <= self.head)
    }

    /// Beats that are not yet played.
    pub fn backlog(&self) -> f64 {
        self.shows.iter().map(|show| show.start + show.length).fold(self.head, f64::max) - self.head
    }

    /// Nobody asks any more about places and journeys that are long past.
    fn forget(&mut self) {
        let head = self.head;
        if self.ready.len() > SHOWS {
            self.ready.retain(|_, beat| *beat > head);
        }
        if self.last.len() > SHOWS {
            let oldest = self.shows.iter().map(|show| show.flight.journey).min();
            self.last.retain(|journey, _| oldest.is_none_or(|oldest| *journey >= oldest));
        }
    }
}

/// How far the world itself has it: 1 when it has arrived.
fn true_share(flight: &Flight, now: u64) -> f64 {
    if now >= flight.arrives {
        return 1.0;
    }
    let whole = flight.arrives.saturating_sub(flight.sent).max(1);
    now.saturating_sub(flight.sent) as f64 / whole as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use api::FrameId;
    use api::event::Protocol;
    use api::request::Speed;

    fn flight(journey: u64, from: u32, to: u32, sent: u64, arrives: u64) -> Flight {
        Flight {
            frame: FrameId(sent + 1),
            journey: JourneyId(journey),
            from: DeviceId(from),
            to: DeviceId(to),
            sent,
            arrives,
            protocol: Protocol::Icmp,
            label: String::new(),
            depth: 0,
            dnat: None,
        }
    }

    fn at(now: u64, speed: Speed) -> Clock {
        Clock { now, speed, ..Clock::default() }
    }

    #[test]
    fn hops_of_one_packet_play_one_after_another_however_short_they_were() {
        let (mut stage, clock) = (Stage::default(), at(1_000_000, Speed::Live));
        stage.fly(flight(1, 1, 2, 0, 0), NetnsId(1), NetnsId(2), &clock);
        stage.fly(flight(1, 3, 4, 0, 0), NetnsId(2), NetnsId(3), &clock);
        stage.advance(BEAT_MS / 2.0, &clock, 0.0);
        let first: Vec<Envelope> = stage.envelopes(&clock, 0.0).collect();
        assert_eq!(first.len(), 1);
        assert!((first[0].share - 0.5).abs() < 0.01);
        stage.advance(BEAT_MS, &clock, 0.0);
        let second: Vec<Envelope> = stage.envelopes(&clock, 0.0).collect();
        assert_eq!(second.iter().filter(|it| !it.faded && it.share < 1.0).count(), 1);
        assert_eq!(
            second.last().map(|it| (it.flight.from, it.came_by)),
            Some((DeviceId(3), Some(DeviceId(2))))
        );
    }

    #[test]
    fn a_flooded_frame_leaves_by_all_ports_at_once() {
        let (mut stage, clock) = (Stage::default(), at(9, Speed::Live));
        for port in 1..4 {
            stage.fly(flight(1, port, port + 10, 0, 0), NetnsId(1), NetnsId(port + 10), &clock);
        }
        stage.advance(BEAT_MS / 2.0, &clock, 0.0);
        assert_eq!(stage.envelopes(&clock, 0.0).count(), 3);
    }

    #[test]
    fn paused_a_frame_stands_where_the_world_has_it() {
        let (mut stage, clock) = (Stage::default(), at(250, Speed::Paused));
        stage.fly(flight(1, 1, 2, 0, 1_000), NetnsId(1), NetnsId(2), &clock);
        let mut moving = true;
        (0..100).for_each(|_| moving = stage.advance(16.0, &clock, 0.0));
        let shown: Vec<Envelope> = stage.envelopes(&clock, 0.0).collect();
        assert!((shown[0].share - 0.25).abs() < 0.01, "{shown:?}");
        assert!(!moving, "nothing moves while paused, so no animation frame is asked for");
    }

    #[test]
    fn a_storm_is_played_down_within_seconds() {
        let (mut stage, clock) = (Stage::default(), at(1, Speed::Live));
        for hop in 0..2_000 {
            stage.fly(flight(hop, 1, 2, 0, 0), NetnsId(1), NetnsId(1), &clock);
        }
        assert!(stage.shows.len() <= SHOWS);
        let mut ms = 0.0;
        while stage.backlog() > PATIENCE && ms < 60_000.0 {
            stage.advance(16.0, &clock, ms);
            ms += 16.0;
        }
        assert!(ms < 10_000.0, "{ms}");
    }

    #[test]
    fn like_drops_are_one_mark_with_a_count_and_go_away() {
        let (mut stage, clock) = (Stage::default(), at(1, Speed::Live));
        for journey in 0..3 {
            let why = (DropReason::NoSocket, JourneyId(journey));
            stage.drop_at(MachineId(1), NetnsId(1), None, why);
        }
        assert_eq!(stage.marks().map(|mark| mark.count).collect::<Vec<_>>(), [3]);
        stage.advance(MARK_MS + 1.0, &clock, 0.0);
        assert_eq!(stage.marks().count(), 0);
    }

    #[test]
    fn a_drop_shows_only_after_the_frame_that_brought_it() {
        let (mut stage, clock) = (Stage::default(), at(1, Speed::Live));
        stage.fly(flight(1, 1, 2, 0, 0), NetnsId(1), NetnsId(2), &clock);
        stage.drop_at(MachineId(1), NetnsId(2), None, (DropReason::NoSocket, JourneyId(1)));
        assert_eq!(stage.marks().count(), 0);
        stage.advance(BEAT_MS, &clock, 0.0);
        assert_eq!(stage.marks().count(), 1);
    }
}
