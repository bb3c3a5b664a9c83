//! `-m limit`: a token bucket shared by all packets of the rule.
//!
//! Differs from Linux: credit is counted in nanoseconds instead of jiffies.
//! Sources: linux xt_limit.c; libxt_limit.c for the words.

use super::{Match, Matcher, Style};
use crate::netfilter::context::Context;
use crate::netfilter::text::option::{Draft, Extension, Given, Opt, Takes, Value, opt};
use crate::netfilter::text::problem::{Problem, bad};
use std::cell::Cell;

/// `XT_LIMIT_SCALE`: periods are in tenths of milliseconds.
const SCALE: u32 = 10_000;
const NANOS: u64 = 1_000_000_000 / SCALE as u64;
const DEFAULT_BURST: u32 = 5;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Of one packet, in tenths of milliseconds.
    pub period: u32,
    pub burst: u32,
}

const OPTIONS: &[Opt] =
    &[opt("limit", 0, Takes::Text(0, 0)), opt("limit-burst", 1, Takes::Integer(32, 0, 10_000))];

pub(super) const EXTENSIONS: &[Extension<Match>] = &[Extension {
    name: "limit",
    family: None,
    options: OPTIONS,
    start: |_| Box::new(Limit { period: SCALE * 3600 / 3, burst: DEFAULT_BURST }),
}];

/// atoi(3)
fn leading_number(text: &str) -> u32 {
    let text = text.trim_start();
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text[..end].parse().unwrap_or(0)
}

fn read_rate(text: &str) -> Result<u32, Problem> {
    let wrong = || bad(format!("bad rate \"{text}\"'"));
    let seconds = match text.split_once('/') {
        None => 1,
        Some((_, unit)) => {
            let begins = |name: &str| {
                !unit.is_empty()
                    && name.len() >= unit.len()
                    && name.is_char_boundary(unit.len())
                    && name[..unit.len()].eq_ignore_ascii_case(unit)
            };
            match () {
                () if begins("second") => 1,
                () if begins("minute") => 60,
                () if begins("hour") => 3600,
                () if begins("day") => 86_400,
                () => return wrong(),
            }
        }
    };
    match leading_number(text) {
        0 => wrong(),
        rate => match SCALE * seconds / rate {
            0 => bad(format!("Rate too fast \"{text}\"")),
            period => Ok(period),
        },
    }
}

/// The largest unit that still gives a whole number of packets.
fn rate_text(period: u32) -> String {
    const UNITS: [(&str, u32); 4] =
        [("day", SCALE * 86_400), ("hour", SCALE * 3600), ("min", SCALE * 60), ("sec", SCALE)];
    let mut unit = UNITS[0];
    for next in &UNITS[1..] {
        if period > next.1 || next.1 / period < next.1 % period {
            break;
        }
        unit = *next;
    }
    format!("{}/{}", unit.1 / period, unit.0)
}

impl Draft<Match> for Limit {
    fn set(&mut self, id: u8, value: &Value, given: &mut Given<'_>) -> Result<(), Problem> {
        match id {
            0 => self.period = read_rate(given.text)?,
            _ => self.burst = value.number() as u32,
        }
        Ok(())
    }

    fn finish(self: Box<Self>) -> Match {
        Match::Limit(*self)
    }
}

impl Matcher for Limit {
    fn name(&self) -> &'static str {
        "limit"
    }

    fn save(&self, out: &mut String) {
        put!(out, " --limit {}", rate_text(self.period));
        if self.burst != DEFAULT_BURST {
            put!(out, " --limit-burst {}", self.burst);
        }
    }

    fn print(&self, out: &mut String, _: &Style<'_>) {
        put!(out, " limit: avg {} burst {}", rate_text(self.period), self.burst);
    }

    /// The moment up to which credit is spent; packets may spend `burst` periods ahead of now.
    fn initial_cells(&self) -> &'static [u64] {
        &[0]
    }

    fn matches(&self, at: &mut Context<'_>, cells: &[Cell<u64>]) -> bool {
        let [spent] = cells else { return false };
        let (period, now) = (u64::from(self.period) * NANOS, at.now.nanos());
        let full = period * u64::from(self.burst.max(1));
        let from = spent.get().max(now);
        let after = from + period;
        if after > now + full {
            return false;
        }
        spent.set(after);
        true
    }
}
