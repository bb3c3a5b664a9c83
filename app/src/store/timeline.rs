//! The time bar's axis: when something happened, and where that is on a bar of a given width.
//!
//! Always: later is never left of earlier. A second of nothing takes little more room than a millisecond of it
//! (the width of a gap grows with its logarithm), so that both an ARP exchange and a timeout can be seen.

use api::event::Protocol;
use std::collections::VecDeque;

/// Marks kept; a bar has no room for more.
const MARKS: usize = 400;
/// A gap of this length has the width of one unit.
const UNIT_NS: f64 = 100_000.0;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    Frame(Protocol),
    Drop,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    pub at: u64,
    pub what: What,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Timeline {
    marks: VecDeque<Mark>,
    /// The latest instant this world has been at; beyond `now` after a step back.
    horizon: u64,
}

impl Timeline {
    pub fn clear(&mut self) {
        *self = Timeline::default();
    }

    pub fn add(&mut self, mark: Mark) {
        let index = self.marks.partition_point(|it| it.at <= mark.at);
        let same = index > 0 && self.marks.get(index - 1) == Some(&mark);
        if !same {
            self.marks.insert(index, mark);
        }
        if self.marks.len() > MARKS {
            self.marks.pop_front();
        }
        self.horizon = self.horizon.max(mark.at);
    }

    pub fn reach(&mut self, now: u64) {
        self.horizon = self.horizon.max(now);
    }

    /// Something new was typed in the past: what was ahead will never be.
    pub fn cut(&mut self, now: u64) {
        self.marks.retain(|mark| mark.at <= now);
        self.horizon = now;
    }

    pub fn horizon(&self) -> u64 {
        self.horizon
    }

    pub fn marks(&self) -> impl Iterator<Item = &Mark> {
        self.marks.iter()
    }

    /// Knots of the axis: instants and their places in units, from the left end on.
    fn knots(&self) -> Vec<(u64, f64)> {
        let first = self.marks.front().map_or(0, |mark| mark.at);
        let mut knots = vec![(if self.marks.len() < MARKS { 0 } else { first }, 0.0)];
        for at in self.marks.iter().map(|mark| mark.at).chain([self.horizon]) {
            let (last, x) = knots.last().copied().unwrap_or_default();
            if at > last {
                knots.push((at, x + width(at - last)));
            }
        }
        knots
    }

    /// Where an instant is, from 0 to 1.
    pub fn place(&self, at: u64) -> f64 {
        place_on(&self.knots(), at)
    }

    /// Every mark with its place.
    pub fn places(&self) -> impl Iterator<Item = (Mark, f64)> {
        let knots = self.knots();
        self.marks.iter().map(move |mark| (*mark, place_on(&knots, mark.at)))
    }

    /// The instant at a place from 0 to 1; near a mark it is exactly the mark's.
    pub fn instant(&self, place: f64) -> u64 {
        let knots = self.knots();
        let whole = knots.last().map_or(0.0, |knot| knot.1);
        let x = place.clamp(0.0, 1.0) * whole;
        let after = knots.partition_point(|knot| knot.1 <= x);
        match (after.checked_sub(1).and_then(|index| knots.get(index)), knots.get(after)) {
            (Some((from, left)), Some((to, right))) => {
                let share = (x - left) / (right - left);
                from + ((to - from) as f64 * share) as u64
            }
            (Some((from, _)), None) => *from,
            _ => 0,
        }
    }
}

fn place_on(knots: &[(u64, f64)], at: u64) -> f64 {
    let whole = knots.last().map_or(0.0, |knot| knot.1);
    let after = knots.partition_point(|knot| knot.0 <= at);
    let x = match (after.checked_sub(1).and_then(|index| knots.get(index)), knots.get(after)) {
        (Some((from, left)), Some((to, right))) => {
            left + (right - left) * (at - from) as f64 / (to - from) as f64
        }
        (Some((_, left)), None) => *left,
        _ => 0.0,
    };
    if whole > 0.0 { x / whole } else { 1.0 }
}

fn width(gap: u64) -> f64 {
    (1.0 + gap as f64 / UNIT_NS).log2().max(0.05)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timeline(instants: &[u64]) -> Timeline {
        let mut timeline = Timeline::default();
        instants.iter().for_each(|at| timeline.add(Mark { at: *at, what: What::Drop }));
        timeline
    }

    #[test]
    fn later_is_right_of_earlier_and_places_lead_back() {
        let line = timeline(&[1_000, 500_000, 1_000_000_000, 1_000_100_000]);
        let places: Vec<f64> = line.places().map(|(_, place)| place).collect();
        assert!(places.windows(2).all(|pair| pair[0] < pair[1]), "{places:?}");
        for mark in line.marks() {
            assert!(line.instant(line.place(mark.at)).abs_diff(mark.at) <= 1_000);
        }
    }

    #[test]
    fn a_second_of_nothing_does_not_push_the_rest_into_one_spot() {
        let line = timeline(&[0, 100_000, 1_000_000_000, 1_000_100_000]);
        assert!(line.place(100_000) - line.place(0) > 0.04);
    }

    #[test]
    fn what_was_ahead_stays_until_something_new_is_typed() {
        let mut line = timeline(&[100, 200, 300]);
        line.reach(400);
        assert_eq!(line.horizon(), 400);
        assert!(line.place(200) < 1.0);
        line.cut(200);
        assert_eq!((line.horizon(), line.marks().count()), (200, 2));
        assert_eq!(line.place(200), 1.0);
    }

    #[test]
    fn an_empty_bar_has_one_instant() {
        let line = Timeline::default();
        assert_eq!((line.instant(0.5), line.place(7)), (0, 1.0));
    }
}
