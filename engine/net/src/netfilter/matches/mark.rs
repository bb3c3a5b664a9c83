//! `-m mark`: the mark that earlier rules or the socket gave the packet.
//!
//! Sources: linux xt_mark.c; libxt_mark.c for the words.

use super::{Match, Matcher, Style, not};
use crate::netfilter::context::Context;
use crate::netfilter::text::option::{Draft, Extension, Given, Opt, Takes, Value, opt};
use crate::netfilter::text::problem::Problem;
use std::cell::Cell;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mark {
    pub mark: u32,
    pub mask: u32,
    pub invert: bool,
}

const OPTIONS: &[Opt] = &[opt("mark", 0, Takes::Mark).mandatory().invertible()];

pub(super) const EXTENSIONS: &[Extension<Match>] =
    &[Extension { name: "mark", family: None, options: OPTIONS, start: |_| Box::new(Mark::default()) }];

/// ` 0x4000/0x4000`, without the mask where it is all ones.
pub(super) fn mark_text(mark: u32, mask: u32) -> String {
    match mask {
        u32::MAX => format!(" {mark:#x}"),
        _ => format!(" {mark:#x}/{mask:#x}"),
    }
}

impl Draft<Match> for Mark {
    fn set(&mut self, _: u8, value: &Value, given: &mut Given<'_>) -> Result<(), Problem> {
        (self.mark, self.mask) = value.mark();
        self.invert = given.invert;
        Ok(())
    }

    fn finish(self: Box<Self>) -> Match {
        Match::Mark(*self)
    }
}

impl Matcher for Mark {
    fn name(&self) -> &'static str {
        "mark"
    }

    fn save(&self, out: &mut String) {
        put!(out, "{} --mark{}", not(self.invert), mark_text(self.mark, self.mask));
    }

    fn print(&self, out: &mut String, _: &Style<'_>) {
        put!(out, " mark match{}{}", not(self.invert), mark_text(self.mark, self.mask));
    }

    fn matches(&self, at: &mut Context<'_>, _: &[Cell<u64>]) -> bool {
        (at.packet.mark & self.mask == self.mark) != self.invert
    }
}
