//! `-m pkttype`: whether the frame was for us, for all, for a group, for another.
//!
//! Sources: linux xt_pkttype.c; libxt_pkttype.c for the words.

use super::{Match, Matcher, Style, not};
use crate::netfilter::context::Context;
use crate::netfilter::text::option::{Draft, Extension, Given, Opt, Takes, Value, opt};
use crate::netfilter::text::problem::{Problem, bad};
use std::cell::Cell;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pkttype {
    /// 0 host, 1 broadcast, 2 multicast, 3 other host.
    pub kind: u8,
    pub invert: bool,
}

const NAMES: [(&str, u8); 7] = [
    ("unicast", 0),
    ("broadcast", 1),
    ("multicast", 2),
    ("otherhost", 3),
    ("bcast", 1),
    ("mcast", 2),
    ("host", 0),
];

const OPTIONS: &[Opt] = &[opt("pkt-type", 0, Takes::Text(0, 0)).mandatory().invertible()];

pub(super) const EXTENSIONS: &[Extension<Match>] =
    &[Extension { name: "pkttype", family: None, options: OPTIONS, start: |_| Box::new(Pkttype::default()) }];

impl Draft<Match> for Pkttype {
    fn set(&mut self, _: u8, _: &Value, given: &mut Given<'_>) -> Result<(), Problem> {
        let Some((_, kind)) = NAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(given.text)) else {
            return bad(format!("Bad packet type '{}'", given.text));
        };
        (self.kind, self.invert) = (*kind, given.invert);
        Ok(())
    }

    fn finish(self: Box<Self>) -> Match {
        Match::Pkttype(*self)
    }
}

impl Matcher for Pkttype {
    fn name(&self) -> &'static str {
        "pkttype"
    }

    fn save(&self, out: &mut String) {
        put!(out, "{} --pkt-type {}", not(self.invert), NAMES[usize::from(self.kind)].0);
    }

    fn print(&self, out: &mut String, _: &Style<'_>) {
        put!(out, " PKTTYPE {}= {}", if self.invert { "!" } else { "" }, NAMES[usize::from(self.kind)].0);
    }

    fn matches(&self, at: &mut Context<'_>, _: &[Cell<u64>]) -> bool {
        (at.packet_type() == self.kind) != self.invert
    }
}
