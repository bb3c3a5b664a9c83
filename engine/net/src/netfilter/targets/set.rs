//! `-j SET`: adds the packet's addresses and ports to an ipset, or takes them out.
//!
//! Differs from Linux: `--map-set` is not simulated.
//! Sources: linux xt_set.c; libxt_SET.c for the words.

use super::{Action, Outcome, Target};
use crate::netfilter::context::Context;
use crate::netfilter::ipset::{Look, Side};
use crate::netfilter::matches::Style;
use crate::netfilter::matches::set::{read_set_name, read_sides, second_argument, sides_text};
use crate::netfilter::text::number;
use crate::netfilter::text::option::{Draft, Extension, Given, Opt, Takes, Value, opt};
use crate::netfilter::text::problem::{Problem, bad};

/// A set and what of the packet is looked at.
type Chosen = Option<(String, Vec<Side>)>;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Set {
    pub add: Chosen,
    pub del: Chosen,
    pub timeout: Option<u32>,
    pub exist: bool,
}

const OPTIONS: &[Opt] = &[
    opt("add-set", 0, Takes::Raw),
    opt("del-set", 1, Takes::Raw),
    opt("timeout", 2, Takes::Raw),
    opt("exist", 3, Takes::RawNothing),
    opt("map-set", 4, Takes::Raw),
    opt("map-mark", 5, Takes::RawNothing),
    opt("map-prio", 6, Takes::RawNothing),
    opt("map-queue", 7, Takes::RawNothing),
];

pub(super) const EXTENSIONS: &[Extension<Target>] =
    &[Extension { name: "SET", family: None, options: OPTIONS, start: |_| Box::new(Set::default()) }];

impl Draft<Target> for Set {
    fn set(&mut self, id: u8, _: &Value, given: &mut Given<'_>) -> Result<(), Problem> {
        match id {
            0 | 1 => {
                let word = if id == 0 { "add-set" } else { "del-set" };
                if given.invert {
                    return bad(format!("unexpected `!' before --{word}"));
                }
                let name = read_set_name(given)?;
                let sides = read_sides(&second_argument(given, word)?)?;
                *(if id == 0 { &mut self.add } else { &mut self.del }) = Some((name, sides));
            }
            2 => match number::within(given.text, 0, u64::from(u32::MAX) - 1) {
                Some(seconds) => self.timeout = Some(seconds as u32),
                None => return bad("Invalid value for option --timeout or out of range 0-4294967294"),
            },
            3 => self.exist = true,
            _ => {
                return Err(Problem::NotSimulated {
                    what: "-j SET --map-set".into(),
                    instead: "-j MARK with -m set",
                });
            }
        }
        Ok(())
    }

    fn check(&mut self, _: u32) -> Result<(), Problem> {
        match (&self.add, &self.del) {
            (None, None) => bad("You must specify either `--add-set' or `--del-set' or `--map-set'"),
            _ => Ok(()),
        }
    }

    fn finish(self: Box<Self>) -> Target {
        Target::Set(*self)
    }
}

impl Set {
    fn dump(&self, out: &mut String, prefix: &str) {
        if let Some((name, sides)) = &self.add {
            put!(out, " {prefix}add-set {name} {}", sides_text(sides));
        }
        if self.exist {
            put!(out, " {prefix}exist");
        }
        if let Some(timeout) = self.timeout {
            put!(out, " {prefix}timeout {timeout}");
        }
        if let Some((name, sides)) = &self.del {
            put!(out, " {prefix}del-set {name} {}", sides_text(sides));
        }
    }
}

impl Action for Set {
    fn name(&self) -> &'static str {
        "SET"
    }

    fn save(&self, out: &mut String) {
        self.dump(out, "--");
    }

    fn print(&self, out: &mut String, _: &Style<'_>) {
        self.dump(out, "");
    }

    fn act(&self, at: &mut Context<'_>) -> Outcome {
        let Context { packet, header, memory, state, surroundings, now, .. } = at;
        let interface = state.input.map(|device| surroundings.device_name(device)).unwrap_or_default();
        if let Some((name, sides)) = &self.add {
            let look = Look { sides, header, bytes: packet.data(), interface };
            memory.sets.add_packet(name, &look, self.timeout, self.exist, *now);
        }
        if let Some((name, sides)) = &self.del {
            memory.sets.delete_packet(name, &Look { sides, header, bytes: packet.data(), interface });
        }
        Outcome::Continue
    }
}
