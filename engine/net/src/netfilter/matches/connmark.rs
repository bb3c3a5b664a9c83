//! `-m connmark`: the mark of the packet's flow.
//!
//! Sources: linux xt_connmark.c; libxt_connmark.c for the words.

use super::mark::mark_text;
use super::{Match, Matcher, Style, not};
use crate::netfilter::context::Context;
use crate::netfilter::text::option::{Draft, Extension, Given, Opt, Takes, Value, opt};
use crate::netfilter::text::problem::Problem;
use std::cell::Cell;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Connmark {
    pub mark: u32,
    pub mask: u32,
    pub invert: bool,
}

const OPTIONS: &[Opt] = &[opt("mark", 0, Takes::Mark).mandatory().invertible()];

pub(super) const EXTENSIONS: &[Extension<Match>] = &[Extension {
    name: "connmark",
    family: None,
    options: OPTIONS,
    start: |_| Box::new(Connmark::default()),
}];

impl Draft<Match> for Connmark {
    fn set(&mut self, _: u8, value: &Value, given: &mut Given<'_>) -> Result<(), Problem> {
        (self.mark, self.mask) = value.mark();
        self.invert = given.invert;
        Ok(())
    }

    fn finish(self: Box<Self>) -> Match {
        Match::Connmark(*self)
    }
}

impl Matcher for Connmark {
    fn name(&self) -> &'static str {
        "connmark"
    }

    fn needs_conntrack(&self) -> bool {
        true
    }

    fn save(&self, out: &mut String) {
        put!(out, "{} --mark{}", not(self.invert), mark_text(self.mark, self.mask));
    }

    fn print(&self, out: &mut String, _: &Style<'_>) {
        let invert = if self.invert { "!" } else { "" };
        put!(out, " connmark match {invert}{}", mark_text(self.mark, self.mask));
    }

    fn matches(&self, at: &mut Context<'_>, _: &[Cell<u64>]) -> bool {
        at.flow().is_some_and(|(flow, _)| (flow.mark & self.mask == self.mark) != self.invert)
    }
}
