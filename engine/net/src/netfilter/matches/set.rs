//! `-m set`: whether the packet's addresses and ports are in an ipset.
//!
//! Sources: linux xt_set.c; libxt_set.c, libxt_set.h for the words.

use super::{Match, Matcher, Style, not};
use crate::netfilter::context::Context;
use crate::netfilter::ipset::{Look, Side, TestOptions};
use crate::netfilter::rule::Family;
use crate::netfilter::text::number;
use crate::netfilter::text::option::{Draft, Extension, Given, Opt, Takes, Value, opt};
use crate::netfilter::text::problem::{Problem, bad};
use std::cell::Cell;

/// `IPSET_MAXNAMELEN` without the end of string.
const MAX_NAME: usize = 31;
/// `IPSET_DIM_MAX`
const MAX_SIDES: usize = 6;

/// How a counter of the element is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compare {
    Equal,
    NotEqual,
    Less,
    Greater,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Set {
    pub name: String,
    pub sides: Vec<Side>,
    pub invert: bool,
    pub return_nomatch: bool,
    /// `! --update-counters`, `! --update-subcounters`
    pub keep_counters: bool,
    pub keep_subcounters: bool,
    pub packets: Option<(Compare, u64)>,
    pub bytes: Option<(Compare, u64)>,
}

const OPTIONS: &[Opt] = &[
    opt("match-set", 0, Takes::Raw),
    opt("set", 1, Takes::Raw),
    opt("return-nomatch", 2, Takes::RawNothing),
    opt("update-counters", 3, Takes::RawNothing),
    opt("packets-eq", 4, Takes::Raw),
    opt("packets-lt", 5, Takes::Raw),
    opt("packets-gt", 6, Takes::Raw),
    opt("bytes-eq", 7, Takes::Raw),
    opt("bytes-lt", 8, Takes::Raw),
    opt("bytes-gt", 9, Takes::Raw),
    opt("update-subcounters", 10, Takes::RawNothing),
];

pub(super) const EXTENSIONS: &[Extension<Match>] =
    &[Extension { name: "set", family: None, options: OPTIONS, start: |_| Box::new(Set::default()) }];

/// `src,dst`: which side of the packet each part of the element is looked up with.
pub(crate) fn read_sides(text: &str) -> Result<Vec<Side>, Problem> {
    let mut sides = Vec::new();
    for part in text.split(',') {
        if sides.len() == MAX_SIDES {
            return bad(format!("Can't be more src/dst options than {MAX_SIDES}."));
        }
        sides.push(match part {
            _ if part.starts_with("src") => Side::Source,
            _ if part.starts_with("dst") => Side::Destination,
            _ => return bad("You must spefify (the comma separated list of) 'src' or 'dst'."),
        });
    }
    Ok(sides)
}

/// The name of a set that exists and fits the rule's family.
pub(crate) fn read_set_name(given: &Given<'_>) -> Result<String, Problem> {
    let name = given.text;
    if name.len() > MAX_NAME {
        return bad(format!("setname `{name}' too long, max {MAX_NAME} characters."));
    }
    match (given.sets)(name) {
        None => bad(format!("Set {name} doesn't exist.\n")),
        Some(Some(family)) if family != given.family => {
            let family = if family == Family::V4 { "IPv4" } else { "IPv6" };
            bad(format!("The protocol family of set {name} is {family}, which is not applicable.\n"))
        }
        Some(_) => Ok(name.to_owned()),
    }
}

/// The second argument of an option that takes two.
pub(crate) fn second_argument(given: &mut Given<'_>, option: &str) -> Result<String, Problem> {
    match given.rest.front() {
        Some(next) if !next.starts_with(['-', '!']) => Ok(given.rest.pop_front().unwrap_or_default()),
        _ => bad(format!("--{option} requires two args.")),
    }
}

fn read_counter(text: &str) -> Result<u64, Problem> {
    match number::within(text, 0, u64::MAX) {
        Some(value) => Ok(value),
        None => bad(format!("Cannot parse {text} as a counter value")),
    }
}

impl Draft<Match> for Set {
    fn set(&mut self, id: u8, _: &Value, given: &mut Given<'_>) -> Result<(), Problem> {
        match id {
            0 | 1 => {
                if id == 1 {
                    given.warnings.push_str("--set option deprecated, please use --match-set\n");
                }
                if !self.sides.is_empty() {
                    return bad("--match-set can be specified only once");
                }
                self.invert = given.invert;
                let sides = match given.rest.front() {
                    Some(next) if !next.starts_with(['-', '!']) => next.clone(),
                    _ => return bad("--match-set requires two args."),
                };
                self.name = read_set_name(given)?;
                self.sides = read_sides(&sides)?;
                given.rest.pop_front();
            }
            2 => self.return_nomatch = true,
            3 => self.keep_counters = given.invert,
            10 => self.keep_subcounters = given.invert,
            _ => {
                let value = read_counter(given.text)?;
                let compare = match (id, given.invert) {
                    (4 | 7, false) => Compare::Equal,
                    (4 | 7, true) => Compare::NotEqual,
                    (5 | 8, _) => Compare::Less,
                    _ => Compare::Greater,
                };
                match id {
                    4..=6 => self.packets = Some((compare, value)),
                    _ => self.bytes = Some((compare, value)),
                }
            }
        }
        Ok(())
    }

    fn check(&mut self, _: u32) -> Result<(), Problem> {
        match self.sides.is_empty() {
            true => bad("You must specify `--match-set' with proper arguments"),
            false => Ok(()),
        }
    }

    fn finish(self: Box<Self>) -> Match {
        Match::Set(*self)
    }
}

pub(crate) fn sides_text(sides: &[Side]) -> String {
    let words = sides.iter().map(|side| if *side == Side::Source { "src" } else { "dst" });
    words.collect::<Vec<_>>().join(",")
}

impl Set {
    fn dump(&self, out: &mut String, prefix: &str) {
        put!(out, "{} {prefix}match-set {} {}", not(self.invert), self.name, sides_text(&self.sides));
        if self.return_nomatch {
            out.push_str(" --return-nomatch");
        }
        if self.keep_counters {
            out.push_str(" ! --update-counters");
        }
        if self.keep_subcounters {
            out.push_str(" ! --update-subcounters");
        }
        for (word, asked) in [("packets", self.packets), ("bytes", self.bytes)] {
            if let Some((compare, value)) = asked {
                let (invert, sign) = match compare {
                    Compare::Equal => ("", "eq"),
                    Compare::NotEqual => (" !", "eq"),
                    Compare::Less => ("", "lt"),
                    Compare::Greater => ("", "gt"),
                };
                put!(out, "{invert} --{word}-{sign} {value}");
            }
        }
    }
}

impl Matcher for Set {
    fn name(&self) -> &'static str {
        "set"
    }

    fn save(&self, out: &mut String) {
        self.dump(out, "--");
    }

    fn print(&self, out: &mut String, _: &Style<'_>) {
        self.dump(out, "");
    }

    fn matches(&self, at: &mut Context<'_>, _: &[Cell<u64>]) -> bool {
        let fits = |asked: Option<(Compare, u64)>, value: u64| {
            asked.is_none_or(|(compare, than)| match compare {
                Compare::Equal => value == than,
                Compare::NotEqual => value != than,
                Compare::Less => value < than,
                Compare::Greater => value > than,
            })
        };
        let options = TestOptions {
            count: !self.keep_counters,
            count_members: !self.keep_subcounters,
            return_nomatch: self.return_nomatch,
        };
        let Context { packet, header, memory, state, surroundings, now, .. } = at;
        let interface = state.input.map(|device| surroundings.device_name(device)).unwrap_or_default();
        let look = Look { sides: &self.sides, header, bytes: packet.data(), interface };
        let found = memory.sets.test_packet(&self.name, &options, &look, *now);
        let matches =
            found.is_some_and(|(packets, bytes)| fits(self.packets, packets) && fits(self.bytes, bytes));
        matches != self.invert
    }
}
