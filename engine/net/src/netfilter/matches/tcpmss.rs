//! `-m tcpmss`: the MSS that a TCP segment announces.
//!
//! Sources: linux xt_tcpmss.c; libxt_tcpmss.c for the words.

use super::length::range_text;
use super::{Match, Matcher, Style, not};
use crate::netfilter::context::Context;
use crate::netfilter::text::option::{Draft, Extension, Given, Opt, Takes, Value, opt};
use crate::netfilter::text::problem::{Problem, bad};
use std::cell::Cell;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tcpmss {
    pub first: u16,
    pub last: u16,
    pub invert: bool,
}

const OPTIONS: &[Opt] = &[opt("mss", 0, Takes::Range(16)).mandatory().invertible()];

pub(super) const EXTENSIONS: &[Extension<Match>] =
    &[Extension { name: "tcpmss", family: None, options: OPTIONS, start: |_| Box::new(Tcpmss::default()) }];

impl Draft<Match> for Tcpmss {
    fn set(&mut self, _: u8, value: &Value, given: &mut Given<'_>) -> Result<(), Problem> {
        let (first, last) = value.range();
        if last < first {
            return bad("tcpmss: invalid range given");
        }
        (self.first, self.last, self.invert) = (first as u16, last as u16, given.invert);
        Ok(())
    }

    fn finish(self: Box<Self>) -> Match {
        Match::Tcpmss(*self)
    }
}

impl Matcher for Tcpmss {
    fn name(&self) -> &'static str {
        "tcpmss"
    }

    fn save(&self, out: &mut String) {
        put!(out, "{} --mss {}", not(self.invert), range_text(self.first, self.last));
    }

    fn print(&self, out: &mut String, _: &Style<'_>) {
        let invert = if self.invert { "!" } else { "" };
        put!(out, " tcpmss match {invert}{}", range_text(self.first, self.last));
    }

    fn matches(&self, at: &mut Context<'_>, _: &[Cell<u64>]) -> bool {
        const MSS: u8 = 2;
        let Some(header) = at.header.tcp(at.packet.data()) else { return false };
        let announced = header.options().find_map(|(kind, data)| match (kind, data) {
            (MSS, [high, low]) => Some(u16::from_be_bytes([*high, *low])),
            _ => None,
        });
        announced.map_or(self.invert, |mss| (self.first..=self.last).contains(&mss) != self.invert)
    }
}
