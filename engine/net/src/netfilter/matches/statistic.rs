//! `-m statistic`: every n-th packet, or packets by chance.
//!
//! Sources: linux xt_statistic.c; libxt_statistic.c for the words.

use super::{Match, Matcher, Style, not};
use crate::netfilter::context::Context;
use crate::netfilter::text::option::{Draft, Extension, Given, Opt, Takes, Value, opt};
use crate::netfilter::text::problem::{Problem, bad};
use std::cell::Cell;

/// A probability of one.
const ONE: f64 = 2_147_483_648.0;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Of 2^31.
    Random(u32),
    Nth {
        every: u32,
        packet: u32,
    },
    #[default]
    None,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Statistic {
    pub mode: Mode,
    pub invert: bool,
}

#[derive(Default)]
struct Reading {
    random: bool,
    nth: bool,
    probability: f64,
    every: u32,
    packet: u32,
    invert: bool,
}

const PROBABILITY: u32 = 1 << 1;
const EVERY: u32 = 1 << 2;
const PACKET: u32 = 1 << 3;
const OPTIONS: &[Opt] = &[
    opt("mode", 0, Takes::Text(0, 0)).mandatory(),
    opt("probability", 1, Takes::Float(0, 1)).invertible().excludes(EVERY | PACKET),
    opt("every", 2, Takes::Integer(32, 1, 0)).invertible().excludes(PROBABILITY).requires(PACKET),
    opt("packet", 3, Takes::Integer(32, 0, 0)).excludes(PROBABILITY).requires(EVERY),
];

pub(super) const EXTENSIONS: &[Extension<Match>] = &[Extension {
    name: "statistic",
    family: None,
    options: OPTIONS,
    start: |_| Box::new(Reading { every: 1, ..Reading::default() }),
}];

impl Draft<Match> for Reading {
    fn set(&mut self, id: u8, value: &Value, given: &mut Given<'_>) -> Result<(), Problem> {
        self.invert |= given.invert;
        match (id, value) {
            (0, _) => match given.text {
                "random" => (self.random, self.nth) = (true, false),
                "nth" => (self.random, self.nth) = (false, true),
                mode => return bad(format!("Bad mode \"{mode}\"")),
            },
            (1, Value::Float(probability)) => self.probability = *probability,
            (2, _) => self.every = value.number() as u32,
            _ => self.packet = value.number() as u32,
        }
        Ok(())
    }

    fn check(&mut self, seen: u32) -> Result<(), Problem> {
        if self.random && seen & PROBABILITY == 0 {
            return bad("--probability must be specified when using random mode");
        }
        if self.nth && seen & (EVERY | PACKET) == 0 {
            return bad("--every and --packet must be specified when using nth mode");
        }
        if self.nth && self.packet >= self.every {
            return bad("the --packet p must be 0 <= p <= n-1");
        }
        Ok(())
    }

    fn finish(self: Box<Self>) -> Match {
        let mode = match self.nth {
            true => Mode::Nth { every: self.every, packet: self.packet },
            false => Mode::Random((ONE * self.probability).round() as u32),
        };
        Match::Statistic(Statistic { mode, invert: self.invert })
    }
}

impl Statistic {
    fn dump(&self, out: &mut String, prefix: &str) {
        let invert = not(self.invert);
        match self.mode {
            Mode::Random(probability) => {
                let share = f64::from(probability) / ONE;
                put!(out, " {prefix}mode random{invert} {prefix}probability {share:.11}");
            }
            Mode::Nth { every, packet } => {
                put!(out, " {prefix}mode nth{invert} {prefix}every {every}");
                if packet != 0 || !prefix.is_empty() {
                    put!(out, " {prefix}packet {packet}");
                }
            }
            Mode::None => {}
        }
    }
}

impl Matcher for Statistic {
    fn name(&self) -> &'static str {
        "statistic"
    }

    fn save(&self, out: &mut String) {
        self.dump(out, "--");
    }

    fn print(&self, out: &mut String, _: &Style<'_>) {
        out.push_str(" statistic");
        self.dump(out, "");
    }

    /// How many packets the rule has seen.
    fn initial_cells(&self) -> &'static [u64] {
        &[0]
    }

    fn matches(&self, at: &mut Context<'_>, cells: &[Cell<u64>]) -> bool {
        let matches = match self.mode {
            Mode::Random(probability) => at.conntrack.rng.next_u32() & 0x7fff_ffff < probability,
            Mode::Nth { every, packet } => {
                let [seen] = cells else { return false };
                let place = seen.get();
                seen.set((place + 1) % u64::from(every.max(1)));
                place == u64::from(packet)
            }
            Mode::None => false,
        };
        matches != self.invert
    }
}
