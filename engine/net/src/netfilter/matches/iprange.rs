//! `-m iprange`: addresses from one to another.
//!
//! Sources: linux xt_iprange.c; libxt_iprange.c for the words.

use super::{Match, Matcher, Style, not};
use crate::netfilter::context::Context;
use crate::netfilter::rule::{Family, dotted};
use crate::netfilter::text::option::{Draft, Extension, Given, Opt, Takes, Value, opt};
use crate::netfilter::text::problem::{Problem, bad};
use std::cell::Cell;
use std::net::IpAddr;

type Range = (IpAddr, IpAddr, bool);

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Iprange {
    /// First, last, inverted.
    pub source: Option<Range>,
    pub destination: Option<Range>,
}

const OPTIONS: &[Opt] = &[
    opt("src-range", 0, Takes::Text(0, 0)).invertible(),
    opt("dst-range", 1, Takes::Text(0, 0)).invertible(),
];

pub(super) const EXTENSIONS: &[Extension<Match>] =
    &[Extension { name: "iprange", family: None, options: OPTIONS, start: |_| Box::new(Iprange::default()) }];

fn read(given: &mut Given<'_>, option: &str) -> Result<Range, Problem> {
    let address = |text: &str| {
        let address = match given.family {
            Family::V4 => dotted(text, false).map(IpAddr::from),
            Family::V6 => given.family.parse(text),
        };
        address.ok_or_else(|| {
            Problem::Parameter(format!("iprange: Bad value for \"--{option}\" option: \"{text}\""))
        })
    };
    let (first, last) = given.text.split_once('-').unwrap_or((given.text, given.text));
    let range = (address(first)?, address(last)?, given.invert);
    if range.0 > range.1 {
        given
            .warnings
            .push_str(&format!("xt_iprange: range {first}-{last} is reversed and will never match\n"));
    }
    Ok(range)
}

impl Draft<Match> for Iprange {
    fn set(&mut self, id: u8, _: &Value, given: &mut Given<'_>) -> Result<(), Problem> {
        match id {
            0 => self.source = Some(read(given, "src-range")?),
            _ => self.destination = Some(read(given, "dst-range")?),
        }
        Ok(())
    }

    fn check(&mut self, seen: u32) -> Result<(), Problem> {
        match seen {
            0 => bad("iprange match: You must specify `--src-range' or `--dst-range'"),
            _ => Ok(()),
        }
    }

    fn finish(self: Box<Self>) -> Match {
        Match::Iprange(*self)
    }
}

impl Matcher for Iprange {
    fn name(&self) -> &'static str {
        "iprange"
    }

    fn save(&self, out: &mut String) {
        for (word, range) in [("src", self.source), ("dst", self.destination)] {
            if let Some((first, last, invert)) = range {
                put!(out, "{} --{word}-range {first}-{last}", not(invert));
            }
        }
    }

    fn print(&self, out: &mut String, _: &Style<'_>) {
        for (word, range) in [("source", self.source), ("destination", self.destination)] {
            if let Some((first, last, invert)) = range {
                put!(out, " {word} IP range{} {first}-{last}", not(invert));
            }
        }
    }

    fn matches(&self, at: &mut Context<'_>, _: &[Cell<u64>]) -> bool {
        let holds = |range: Option<Range>, address: IpAddr| {
            range.is_none_or(|(first, last, invert)| (first..=last).contains(&address) != invert)
        };
        holds(self.source, at.header.source) && holds(self.destination, at.header.destination)
    }
}
