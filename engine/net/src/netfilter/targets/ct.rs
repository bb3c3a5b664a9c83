//! `-j CT` and `-j NOTRACK`: keep conntrack away from the packet.
//!
//! Differs from Linux: of CT only `--notrack` is simulated.
//! Sources: linux xt_CT.c; libxt_CT.c for the words.

use super::{Action, Outcome, Place, Target};
use crate::netfilter::conntrack::Tracked;
use crate::netfilter::context::Context;
use crate::netfilter::matches::Style;
use crate::netfilter::text::option::{Draft, Extension, Given, Opt, Takes, Value, opt};
use crate::netfilter::text::problem::Problem;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ct {
    pub notrack: bool,
    /// Written as `-j NOTRACK`.
    pub alias: bool,
}

const OPTIONS: &[Opt] = &[
    opt("notrack", 0, Takes::Nothing),
    opt("helper", 1, Takes::Text(0, 0)),
    opt("timeout", 2, Takes::Text(0, 0)),
    opt("ctevents", 3, Takes::Text(0, 0)),
    opt("expevents", 4, Takes::Text(0, 0)),
    opt("zone-orig", 6, Takes::Text(0, 0)),
    opt("zone-reply", 7, Takes::Text(0, 0)),
    opt("zone", 5, Takes::Text(0, 0)),
];

pub(super) const EXTENSIONS: &[Extension<Target>] = &[
    Extension { name: "CT", family: None, options: OPTIONS, start: |_| Box::new(Ct::default()) },
    Extension {
        name: "NOTRACK",
        family: None,
        options: &[],
        start: |_| Box::new(Ct { notrack: true, alias: true }),
    },
];

impl Draft<Target> for Ct {
    fn set(&mut self, id: u8, _: &Value, _: &mut Given<'_>) -> Result<(), Problem> {
        if id != 0 {
            let what = OPTIONS.iter().find(|option| option.id == id).map_or("", |option| option.name);
            return Err(Problem::NotSimulated {
                what: format!("-j CT --{what}"),
                instead: "-j CT --notrack",
            });
        }
        self.notrack = true;
        Ok(())
    }

    fn finish(self: Box<Self>) -> Target {
        Target::Ct(*self)
    }
}

impl Action for Ct {
    fn name(&self) -> &'static str {
        if self.alias { "NOTRACK" } else { "CT" }
    }

    fn needs_conntrack(&self) -> bool {
        true
    }

    fn save(&self, out: &mut String) {
        if self.notrack && !self.alias {
            out.push_str(" --notrack");
        }
    }

    fn print(&self, out: &mut String, _: &Style<'_>) {
        match (self.alias, self.notrack) {
            (true, _) => out.push_str(" NOTRACK"),
            (false, true) => out.push_str(" CT notrack"),
            (false, false) => out.push_str(" CT"),
        }
    }

    fn place(&self) -> Place {
        Place { table: Some("raw"), hooks: None }
    }

    fn act(&self, at: &mut Context<'_>) -> Outcome {
        if self.notrack && matches!(at.packet.tracked, Tracked::Unseen) {
            at.packet.tracked = Tracked::Untracked;
        }
        Outcome::Continue
    }
}
