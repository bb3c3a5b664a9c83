//! `-m recent`: lists of addresses seen lately, kept by rules; `/proc/net/xt_recent/NAME`.
//!
//! Sources: linux xt_recent.c; libxt_recent.c for the words.

use super::{Match, Matcher, Style, not};
use crate::netfilter::context::Context;
use crate::netfilter::rule::{Family, and};
use crate::netfilter::text::option::{Draft, Extension, Given, Opt, Takes, Value, opt};
use crate::netfilter::text::problem::{Problem, bad};
use std::cell::Cell;
use std::net::IpAddr;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Action {
    #[default]
    Set,
    Check,
    Update,
    Remove,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recent {
    pub action: Action,
    pub invert: bool,
    /// 0 does not ask.
    pub seconds: u32,
    pub reap: bool,
    /// 0 does not ask.
    pub hits: u32,
    pub ttl: bool,
    pub name: String,
    pub mask: IpAddr,
    pub destination: bool,
}

const ANY: u32 = 0b1111;
const OPTIONS: &[Opt] = &[
    opt("set", 0, Takes::Nothing).excludes(ANY).invertible(),
    opt("rcheck", 1, Takes::Nothing).excludes(ANY).invertible(),
    opt("update", 2, Takes::Nothing).excludes(ANY).invertible(),
    opt("remove", 3, Takes::Nothing).excludes(ANY).invertible(),
    opt("seconds", 4, Takes::Integer(32, 1, 0)),
    opt("reap", 5, Takes::Nothing).requires(1 << 4),
    opt("hitcount", 6, Takes::Integer(32, 0, 0)),
    opt("rttl", 7, Takes::Nothing).excludes(1 | 1 << 3),
    opt("name", 8, Takes::Text(0, 0)),
    opt("rsource", 9, Takes::Nothing),
    opt("rdest", 10, Takes::Nothing),
    opt("mask", 11, Takes::Host),
];

pub(super) const EXTENSIONS: &[Extension<Match>] = &[Extension {
    name: "recent",
    family: None,
    options: OPTIONS,
    start: |family: Family| {
        Box::new(Recent {
            action: Action::Set,
            invert: false,
            seconds: 0,
            reap: false,
            hits: 0,
            ttl: false,
            name: "DEFAULT".to_owned(),
            mask: family.mask(128),
            destination: false,
        })
    },
}];

impl Draft<Match> for Recent {
    fn set(&mut self, id: u8, value: &Value, given: &mut Given<'_>) -> Result<(), Problem> {
        match id {
            0..=3 => {
                self.action = [Action::Set, Action::Check, Action::Update, Action::Remove][usize::from(id)];
                self.invert |= given.invert;
            }
            4 => self.seconds = value.number() as u32,
            5 => self.reap = true,
            6 => self.hits = value.number() as u32,
            7 => self.ttl = true,
            8 => self.name = given.text.to_owned(),
            9 => self.destination = false,
            10 => self.destination = true,
            _ => {
                if let Value::Address(mask) = value {
                    self.mask = *mask;
                }
            }
        }
        Ok(())
    }

    fn check(&mut self, seen: u32) -> Result<(), Problem> {
        match seen & ANY {
            0 => bad("recent: you must specify one of `--set', `--rcheck' `--update' or `--remove'"),
            _ => Ok(()),
        }
    }

    fn finish(self: Box<Self>) -> Match {
        Match::Recent(*self)
    }
}

impl Matcher for Recent {
    fn name(&self) -> &'static str {
        "recent"
    }

    fn save(&self, out: &mut String) {
        out.push_str(not(self.invert));
        out.push_str(match self.action {
            Action::Set => " --set",
            Action::Check => " --rcheck",
            Action::Update => " --update",
            Action::Remove => " --remove",
        });
        if self.seconds != 0 {
            put!(out, " --seconds {}", self.seconds);
        }
        if self.reap {
            out.push_str(" --reap");
        }
        if self.hits != 0 {
            put!(out, " --hitcount {}", self.hits);
        }
        if self.ttl {
            out.push_str(" --rttl");
        }
        let side = if self.destination { "--rdest" } else { "--rsource" };
        put!(out, " --name {} --mask {} {side}", self.name, self.mask);
    }

    fn print(&self, out: &mut String, _: &Style<'_>) {
        put!(out, "{} recent:", not(self.invert));
        out.push_str(match self.action {
            Action::Set => " SET",
            Action::Check => " CHECK",
            Action::Update => " UPDATE",
            Action::Remove => " REMOVE",
        });
        if self.seconds != 0 {
            put!(out, " seconds: {}", self.seconds);
        }
        if self.reap {
            out.push_str(" reap");
        }
        if self.hits != 0 {
            put!(out, " hit_count: {}", self.hits);
        }
        if self.ttl {
            out.push_str(" TTL-Match");
        }
        let side = if self.destination { "dest" } else { "source" };
        put!(out, " name: {} side: {side} mask: {}", self.name, self.mask);
    }

    fn matches(&self, at: &mut Context<'_>, _: &[Cell<u64>]) -> bool {
        let address = if self.destination { at.header.destination } else { at.header.source };
        // As seen before forwarding took one away.
        let forwarded = at.state.output.is_some() && at.owner().is_none();
        let ttl = at.header.ttl.saturating_add(u8::from(forwarded));
        let now = at.now;
        at.memory.recent.meet(self, and(address, self.mask), ttl, now)
    }
}
