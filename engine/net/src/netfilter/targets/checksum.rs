//! `-j CHECKSUM`: fills in a checksum left to the network card.
//!
//! Differs from Linux: packets have their checksums here from the beginning, so there is nothing to fill in.
//! Sources: linux xt_CHECKSUM.c; libxt_CHECKSUM.c for the words.

use super::{Action, Outcome, Place, Target};
use crate::netfilter::context::Context;
use crate::netfilter::matches::Style;
use crate::netfilter::text::option::{Draft, Extension, Given, Opt, Takes, Value, opt};
use crate::netfilter::text::problem::Problem;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checksum;

const OPTIONS: &[Opt] = &[opt("checksum-fill", 0, Takes::Nothing).mandatory()];

pub(super) const EXTENSIONS: &[Extension<Target>] =
    &[Extension { name: "CHECKSUM", family: None, options: OPTIONS, start: |_| Box::new(Checksum) }];

impl Draft<Target> for Checksum {
    fn set(&mut self, _: u8, _: &Value, _: &mut Given<'_>) -> Result<(), Problem> {
        Ok(())
    }

    fn finish(self: Box<Self>) -> Target {
        Target::Checksum(*self)
    }
}

impl Action for Checksum {
    fn name(&self) -> &'static str {
        "CHECKSUM"
    }

    fn save(&self, out: &mut String) {
        out.push_str(" --checksum-fill");
    }

    fn print(&self, out: &mut String, _: &Style<'_>) {
        out.push_str(" CHECKSUM fill");
    }

    fn place(&self) -> Place {
        Place { table: Some("mangle"), hooks: None }
    }

    fn act(&self, _: &mut Context<'_>) -> Outcome {
        Outcome::Continue
    }
}
