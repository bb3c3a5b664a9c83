//! `-j TTL`: sets, raises or lowers the time to live.
//!
//! Sources: linux xt_HL.c; libipt_TTL.c for the words.

use super::{Action, Outcome, Place, Target};
use crate::netfilter::checksum;
use crate::netfilter::context::Context;
use crate::netfilter::matches::Style;
use crate::netfilter::rule::Family;
use crate::netfilter::text::option::{Draft, Extension, Given, Opt, Takes, Value, opt};
use crate::netfilter::text::problem::{Problem, bad};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    #[default]
    Set,
    Raise,
    Lower,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ttl {
    pub mode: Mode,
    pub ttl: u8,
}

const ANY: u32 = 0b111;
const OPTIONS: &[Opt] = &[
    opt("ttl-set", 0, Takes::Integer(8, 0, 0)).excludes(ANY),
    opt("ttl-dec", 2, Takes::Integer(8, 1, 0)).excludes(ANY),
    opt("ttl-inc", 1, Takes::Integer(8, 1, 0)).excludes(ANY),
];

pub(super) const EXTENSIONS: &[Extension<Target>] = &[Extension {
    name: "TTL",
    family: Some(Family::V4),
    options: OPTIONS,
    start: |_| Box::new(Ttl::default()),
}];

impl Draft<Target> for Ttl {
    fn set(&mut self, id: u8, value: &Value, _: &mut Given<'_>) -> Result<(), Problem> {
        self.mode = [Mode::Set, Mode::Raise, Mode::Lower][usize::from(id.min(2))];
        self.ttl = value.number() as u8;
        Ok(())
    }

    fn check(&mut self, seen: u32) -> Result<(), Problem> {
        if seen & ANY == 0 { bad("TTL: You must specify an action") } else { Ok(()) }
    }

    fn finish(self: Box<Self>) -> Target {
        Target::Ttl(*self)
    }
}

impl Action for Ttl {
    fn name(&self) -> &'static str {
        "TTL"
    }

    fn save(&self, out: &mut String) {
        let word = match self.mode {
            Mode::Set => "set",
            Mode::Raise => "inc",
            Mode::Lower => "dec",
        };
        put!(out, " --ttl-{word} {}", self.ttl);
    }

    fn print(&self, out: &mut String, _: &Style<'_>) {
        let word = match self.mode {
            Mode::Set => "set to",
            Mode::Raise => "increment by",
            Mode::Lower => "decrement by",
        };
        put!(out, " TTL {word} {}", self.ttl);
    }

    fn place(&self) -> Place {
        Place { table: Some("mangle"), hooks: None }
    }

    fn act(&self, at: &mut Context<'_>) -> Outcome {
        let old = at.header.ttl;
        let new = match self.mode {
            Mode::Set => self.ttl,
            Mode::Raise => old.saturating_add(self.ttl),
            Mode::Lower => old.saturating_sub(self.ttl),
        };
        if new != old && Family::of(at.header.source) == Family::V4 {
            let bytes = at.packet.data_mut();
            let (before, protocol) = ([bytes[8], bytes[9]], bytes[9]);
            bytes[8] = new;
            checksum::mend(bytes, 10, &before, &[new, protocol]);
            at.header.ttl = new;
        }
        Outcome::Continue
    }
}
