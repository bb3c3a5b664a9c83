//! `-m ttl`: the time to live.
//!
//! Sources: linux xt_hl.c; libipt_ttl.c for the words.

use super::{Match, Matcher, Style};
use crate::netfilter::context::Context;
use crate::netfilter::rule::Family;
use crate::netfilter::text::option::{Draft, Extension, Given, Opt, Takes, Value, opt};
use crate::netfilter::text::problem::{Problem, bad};
use std::cell::Cell;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    #[default]
    Equal,
    NotEqual,
    Less,
    Greater,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ttl {
    pub mode: Mode,
    pub ttl: u8,
}

const ANY: u32 = 0b111;
const OPTIONS: &[Opt] = &[
    opt("ttl-lt", 1, Takes::Integer(8, 0, 0)).excludes(ANY),
    opt("ttl-gt", 2, Takes::Integer(8, 0, 0)).excludes(ANY),
    opt("ttl-eq", 0, Takes::Integer(8, 0, 0)).excludes(ANY).invertible(),
    opt("ttl", 0, Takes::Integer(8, 0, 0)).excludes(ANY),
];

pub(super) const EXTENSIONS: &[Extension<Match>] = &[Extension {
    name: "ttl",
    family: Some(Family::V4),
    options: OPTIONS,
    start: |_| Box::new(Ttl::default()),
}];

impl Draft<Match> for Ttl {
    fn set(&mut self, id: u8, value: &Value, given: &mut Given<'_>) -> Result<(), Problem> {
        self.ttl = value.number() as u8;
        self.mode = match id {
            0 if given.invert => Mode::NotEqual,
            0 => Mode::Equal,
            1 => Mode::Less,
            _ => Mode::Greater,
        };
        Ok(())
    }

    fn check(&mut self, seen: u32) -> Result<(), Problem> {
        match seen {
            0 => bad("TTL match: You must specify one of `--ttl-eq', `--ttl-lt', `--ttl-gt"),
            _ => Ok(()),
        }
    }

    fn finish(self: Box<Self>) -> Match {
        Match::Ttl(*self)
    }
}

impl Matcher for Ttl {
    fn name(&self) -> &'static str {
        "ttl"
    }

    fn save(&self, out: &mut String) {
        out.push_str(match self.mode {
            Mode::Equal => " --ttl-eq",
            Mode::NotEqual => " ! --ttl-eq",
            Mode::Less => " --ttl-lt",
            Mode::Greater => " --ttl-gt",
        });
        put!(out, " {}", self.ttl);
    }

    fn print(&self, out: &mut String, _: &Style<'_>) {
        let sign = match self.mode {
            Mode::Equal => "==",
            Mode::NotEqual => "!=",
            Mode::Less => "<",
            Mode::Greater => ">",
        };
        put!(out, " TTL match TTL {sign} {}", self.ttl);
    }

    fn matches(&self, at: &mut Context<'_>, _: &[Cell<u64>]) -> bool {
        match self.mode {
            Mode::Equal => at.header.ttl == self.ttl,
            Mode::NotEqual => at.header.ttl != self.ttl,
            Mode::Less => at.header.ttl < self.ttl,
            Mode::Greater => at.header.ttl > self.ttl,
        }
    }
}
