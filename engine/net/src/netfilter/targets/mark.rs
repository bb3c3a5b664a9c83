//! `-j MARK`: gives the packet a mark, which later rules and routing see.
//!
//! Sources: linux xt_mark.c; libxt_MARK.c for the words.

use super::{Action, Outcome, Target};
use crate::netfilter::context::Context;
use crate::netfilter::matches::Style;
use crate::netfilter::text::option::{Draft, Extension, Given, Opt, Takes, Value, opt};
use crate::netfilter::text::problem::{Problem, bad};

/// `mark = (mark & !mask) ^ value`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mark {
    pub value: u32,
    pub mask: u32,
}

const ANY: u32 = 0b1_1111;
const NUMBER: Takes = Takes::Integer(32, 0, 0);
const OPTIONS: &[Opt] = &[
    opt("set-xmark", 4, Takes::Mark).excludes(ANY),
    opt("set-mark", 0, Takes::Mark).excludes(ANY),
    opt("and-mark", 1, NUMBER).excludes(ANY),
    opt("or-mark", 2, NUMBER).excludes(ANY),
    opt("xor-mark", 3, NUMBER).excludes(ANY),
];

pub(super) const EXTENSIONS: &[Extension<Target>] =
    &[Extension { name: "MARK", family: None, options: OPTIONS, start: |_| Box::new(Mark::default()) }];

/// Value and mask that `--set-mark` and its kin stand for.
pub(super) fn read(id: u8, value: &Value) -> (u32, u32) {
    let (mark, mask) = value.mark();
    let number = value.number() as u32;
    match id {
        0 => (mark, mark | mask),
        1 => (0, !number),
        2 => (number, number),
        3 => (number, 0),
        _ => (mark, mask),
    }
}

/// In the words of the simplest option that does the same.
pub(super) fn print(out: &mut String, name: &str, value: u32, mask: u32) {
    match (value, mask) {
        (0, _) => put!(out, " {name} and {:#x}", !mask),
        _ if value == mask => put!(out, " {name} or {value:#x}"),
        (_, 0) => put!(out, " {name} xor {value:#x}"),
        (_, u32::MAX) => put!(out, " {name} set {value:#x}"),
        _ => put!(out, " {name} xset {value:#x}/{mask:#x}"),
    }
}

impl Draft<Target> for Mark {
    fn set(&mut self, id: u8, value: &Value, _: &mut Given<'_>) -> Result<(), Problem> {
        (self.value, self.mask) = read(id, value);
        Ok(())
    }

    fn check(&mut self, seen: u32) -> Result<(), Problem> {
        match seen {
            0 => bad("MARK: One of the --set-xmark, --{and,or,xor,set}-mark options is required"),
            _ => Ok(()),
        }
    }

    fn finish(self: Box<Self>) -> Target {
        Target::Mark(*self)
    }
}

impl Action for Mark {
    fn name(&self) -> &'static str {
        "MARK"
    }

    fn save(&self, out: &mut String) {
        put!(out, " --set-xmark {:#x}/{:#x}", self.value, self.mask);
    }

    fn print(&self, out: &mut String, _: &Style<'_>) {
        print(out, "MARK", self.value, self.mask);
    }

    fn act(&self, at: &mut Context<'_>) -> Outcome {
        at.packet.mark = (at.packet.mark & !self.mask) ^ self.value;
        Outcome::Continue
    }
}
