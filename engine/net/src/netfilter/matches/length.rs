//! `-m length`: the length of the whole IP packet.
//!
//! Sources: linux xt_length.c; libxt_length.c for the words.

use super::{Match, Matcher, Style, not};
use crate::netfilter::context::Context;
use crate::netfilter::text::option::{Draft, Extension, Given, Opt, Takes, Value, opt};
use crate::netfilter::text::problem::Problem;
use std::cell::Cell;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Length {
    pub first: u16,
    pub last: u16,
    pub invert: bool,
}

const OPTIONS: &[Opt] = &[opt("length", 0, Takes::Range(16)).mandatory().invertible()];

pub(super) const EXTENSIONS: &[Extension<Match>] =
    &[Extension { name: "length", family: None, options: OPTIONS, start: |_| Box::new(Length::default()) }];

/// `A` or `A:B`.
pub(super) fn range_text(first: u16, last: u16) -> String {
    if first == last { first.to_string() } else { format!("{first}:{last}") }
}

impl Draft<Match> for Length {
    fn set(&mut self, _: u8, value: &Value, given: &mut Given<'_>) -> Result<(), Problem> {
        let (first, last) = value.range();
        (self.first, self.last, self.invert) = (first as u16, last as u16, given.invert);
        Ok(())
    }

    fn finish(self: Box<Self>) -> Match {
        Match::Length(*self)
    }
}

impl Matcher for Length {
    fn name(&self) -> &'static str {
        "length"
    }

    fn save(&self, out: &mut String) {
        put!(out, "{} --length {}", not(self.invert), range_text(self.first, self.last));
    }

    fn print(&self, out: &mut String, _: &Style<'_>) {
        put!(out, " length {}{}", if self.invert { "!" } else { "" }, range_text(self.first, self.last));
    }

    fn matches(&self, at: &mut Context<'_>, _: &[Cell<u64>]) -> bool {
        (usize::from(self.first)..=usize::from(self.last)).contains(&at.header.length) != self.invert
    }
}
