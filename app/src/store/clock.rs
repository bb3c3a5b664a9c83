//! The world's clock as the page knows it, and how an instant is written.
//!
//! Folded from `Event::Clock`. Always: between two such events the clock runs on at the last known speed, but never
//! further than `RUN_ON_MS`, so that the picture cannot run ahead of a busy engine.

use api::request::Speed;

/// How long the clock is trusted without news from the engine.
const RUN_ON_MS: f64 = 120.0;
/// Nanoseconds in a millisecond.
pub const MS: u64 = 1_000_000;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Clock {
    pub now: u64,
    pub speed: Speed,
    /// Nothing is going on: no command runs, no packet is under way.
    pub settled: bool,
    pub undo: u32,
    pub redo: u32,
    /// Page time (milliseconds) at which `now` was true.
    pub seen_ms: f64,
}

impl Default for Clock {
    fn default() -> Self {
        Clock { now: 0, speed: Speed::Live, settled: false, undo: 0, redo: 0, seen_ms: 0.0 }
    }
}

impl Clock {
    /// Virtual nanoseconds in a millisecond of the learner's time.
    pub fn rate(&self) -> f64 {
        match self.speed {
            Speed::Live => MS as f64,
            Speed::Slow(factor) => MS as f64 * factor.clamp(0.0, 1.0),
            Speed::Paused => 0.0,
        }
    }

    /// The virtual instant at page time `page_ms`.
    pub fn at(&self, page_ms: f64) -> u64 {
        let passed = (page_ms - self.seen_ms).clamp(0.0, RUN_ON_MS);
        self.now.saturating_add((passed * self.rate()) as u64)
    }

    pub fn paused(&self) -> bool {
        self.speed == Speed::Paused
    }
}

/// `00:12.004 318`: minutes, seconds, milliseconds, microseconds.
pub fn clock_text(now: u64) -> String {
    let micros = now / 1_000;
    let seconds = micros / 1_000_000;
    format!("{:02}:{:02}.{:03} {:03}", seconds / 60, seconds % 60, micros / 1_000 % 1_000, micros % 1_000)
}

/// Seconds with microseconds, as a packet list shows them.
pub fn seconds_text(at: u64) -> String {
    format!("{}.{:06}", at / 1_000_000_000, at / 1_000 % 1_000_000)
}

/// How long something took, with the unit that reads best.
pub fn span_text(ns: u64) -> String {
    match ns {
        0..1_000 => format!("{ns} ns"),
        1_000..1_000_000 => format!("{} µs", ns / 1_000),
        1_000_000..1_000_000_000 => format!("{:.1} ms", ns as f64 / 1e6),
        _ => format!("{:.2} s", ns as f64 / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_reads_to_the_microsecond() {
        assert_eq!(clock_text(12_004_318_000), "00:12.004 318");
        assert_eq!(clock_text(0), "00:00.000 000");
        assert_eq!(clock_text(61_000_000_000 + 999), "01:01.000 000");
        assert_eq!(seconds_text(12_004_318_999), "12.004318");
    }

    #[test]
    fn a_live_clock_runs_on_but_not_far() {
        let clock = Clock { now: 5 * MS, seen_ms: 100.0, ..Clock::default() };
        assert_eq!(clock.at(110.0), 15 * MS);
        assert_eq!(clock.at(90.0), 5 * MS);
        assert_eq!(clock.at(9_999.0), 125 * MS);
    }

    #[test]
    fn a_paused_clock_stands_and_a_slow_one_crawls() {
        let paused = Clock { now: 7, speed: Speed::Paused, ..Clock::default() };
        assert_eq!(paused.at(50.0), 7);
        let slow = Clock { speed: Speed::Slow(0.001), ..Clock::default() };
        assert_eq!(slow.at(50.0), 50_000);
    }
}
