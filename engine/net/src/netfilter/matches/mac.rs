//! `-m mac`: the source address of the frame the packet came in.
//!
//! Sources: linux xt_mac.c; libxt_mac.c for the words.

use super::{Match, Matcher, Style, not};
use crate::netfilter::context::Context;
use crate::netfilter::text::option::{Draft, Extension, Given, Opt, Takes, Value, opt};
use crate::netfilter::text::problem::Problem;
use std::cell::Cell;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mac {
    pub source: [u8; 6],
    pub invert: bool,
}

const OPTIONS: &[Opt] = &[opt("mac-source", 0, Takes::Mac).mandatory().invertible()];

pub(super) const EXTENSIONS: &[Extension<Match>] =
    &[Extension { name: "mac", family: None, options: OPTIONS, start: |_| Box::new(Mac::default()) }];

impl Draft<Match> for Mac {
    fn set(&mut self, _: u8, value: &Value, given: &mut Given<'_>) -> Result<(), Problem> {
        if let Value::Mac(mac) = value {
            self.source = *mac;
        }
        self.invert = given.invert;
        Ok(())
    }

    fn finish(self: Box<Self>) -> Match {
        Match::Mac(*self)
    }
}

impl Mac {
    fn text(&self) -> String {
        self.source.map(|octet| format!("{octet:02x}")).join(":")
    }
}

impl Matcher for Mac {
    fn name(&self) -> &'static str {
        "mac"
    }

    fn save(&self, out: &mut String) {
        put!(out, "{} --mac-source {}", not(self.invert), self.text());
    }

    fn print(&self, out: &mut String, _: &Style<'_>) {
        put!(out, " MAC {}{}", if self.invert { "! " } else { "" }, self.text());
    }

    fn matches(&self, at: &mut Context<'_>, _: &[Cell<u64>]) -> bool {
        at.source_mac().is_some_and(|mac| (mac == self.source) != self.invert)
    }
}
