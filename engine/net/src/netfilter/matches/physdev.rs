//! `-m physdev`: the bridge ports behind a bridged packet.
//!
//! Sources: linux xt_physdev.c; libxt_physdev.c for the words.

use super::{Match, Matcher, Style, not};
use crate::netfilter::context::Context;
use crate::netfilter::rule::Interface;
use crate::netfilter::text::option::{Draft, Extension, Given, Opt, Takes, Value, opt};
use crate::netfilter::text::parse::interface;
use crate::netfilter::text::problem::{Problem, bad};
use std::cell::Cell;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Physdev {
    pub input: Option<Interface>,
    pub output: Option<Interface>,
    /// `--physdev-is-in`, `-is-out`, `-is-bridged`: with whether it is inverted.
    pub is_in: Option<bool>,
    pub is_out: Option<bool>,
    pub is_bridged: Option<bool>,
}

const OPTIONS: &[Opt] = &[
    opt("physdev-in", 0, Takes::Text(0, 0)).invertible(),
    opt("physdev-out", 1, Takes::Text(0, 0)).invertible(),
    opt("physdev-is-in", 2, Takes::Nothing).invertible(),
    opt("physdev-is-out", 3, Takes::Nothing).invertible(),
    opt("physdev-is-bridged", 4, Takes::Nothing).invertible(),
];

pub(super) const EXTENSIONS: &[Extension<Match>] =
    &[Extension { name: "physdev", family: None, options: OPTIONS, start: |_| Box::new(Physdev::default()) }];

impl Draft<Match> for Physdev {
    fn set(&mut self, id: u8, _: &Value, given: &mut Given<'_>) -> Result<(), Problem> {
        match id {
            0 => self.input = Some(interface(given.text, given.invert, given.warnings)?),
            1 => self.output = Some(interface(given.text, given.invert, given.warnings)?),
            2 => self.is_in = Some(given.invert),
            3 => self.is_out = Some(given.invert),
            _ => self.is_bridged = Some(given.invert),
        }
        Ok(())
    }

    fn check(&mut self, seen: u32) -> Result<(), Problem> {
        if seen == 0 { bad("PHYSDEV: no physdev option specified") } else { Ok(()) }
    }

    fn finish(self: Box<Self>) -> Match {
        Match::Physdev(*self)
    }
}

impl Matcher for Physdev {
    fn name(&self) -> &'static str {
        "physdev"
    }

    fn save(&self, out: &mut String) {
        if let Some(invert) = self.is_in {
            put!(out, "{} --physdev-is-in", not(invert));
        }
        if let Some(input) = &self.input {
            put!(out, "{} --physdev-in {}", not(input.invert), input.pattern);
        }
        if let Some(invert) = self.is_out {
            put!(out, "{} --physdev-is-out", not(invert));
        }
        if let Some(output) = &self.output {
            put!(out, "{} --physdev-out {}", not(output.invert), output.pattern);
        }
        if let Some(invert) = self.is_bridged {
            put!(out, "{} --physdev-is-bridged", not(invert));
        }
    }

    fn print(&self, out: &mut String, _: &Style<'_>) {
        out.push_str(" PHYSDEV match");
        self.save(out);
    }

    fn matches(&self, at: &mut Context<'_>, _: &[Cell<u64>]) -> bool {
        let (input, output) = (at.physical_input, at.physical_output);
        if input.is_empty() && output.is_empty() {
            // Not a bridged packet: only what asks for its absence matches.
            return [self.is_in, self.is_out, self.is_bridged].iter().flatten().all(|invert| *invert)
                && self.input.as_ref().is_none_or(|it| it.invert)
                && self.output.as_ref().is_none_or(|it| it.invert);
        }
        let bridged = !input.is_empty() && !output.is_empty();
        self.is_bridged.is_none_or(|invert| bridged != invert)
            && self.is_in.is_none_or(|invert| input.is_empty() == invert)
            && self.is_out.is_none_or(|invert| output.is_empty() == invert)
            && self.input.as_ref().is_none_or(|it| it.matches(input))
            && self.output.as_ref().is_none_or(|it| it.matches(output))
    }
}
