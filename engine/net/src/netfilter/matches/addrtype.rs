//! `-m addrtype`: what the FIB says an address is (LOCAL, BROADCAST, …).
//!
//! Sources: linux xt_addrtype.c; libxt_addrtype.c for the words.

use super::{Match, Matcher, Style, not};
use crate::netfilter::context::{AddressType, Context};
use crate::netfilter::text::option::{Draft, Extension, Given, Opt, Takes, Value, opt};
use crate::netfilter::text::problem::{Problem, bad};
use api::DeviceId;
use std::cell::Cell;
use std::net::IpAddr;

const NAMES: [(&str, AddressType); 12] = [
    ("UNSPEC", AddressType::Unspec),
    ("UNICAST", AddressType::Unicast),
    ("LOCAL", AddressType::Local),
    ("BROADCAST", AddressType::Broadcast),
    ("ANYCAST", AddressType::Anycast),
    ("MULTICAST", AddressType::Multicast),
    ("BLACKHOLE", AddressType::Blackhole),
    ("UNREACHABLE", AddressType::Unreachable),
    ("PROHIBIT", AddressType::Prohibit),
    ("THROW", AddressType::Throw),
    ("NAT", AddressType::Nat),
    ("XRESOLVE", AddressType::Xresolve),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    Input,
    Output,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Addrtype {
    /// A bit for each type, in the order of [`NAMES`], and whether it is inverted.
    pub source: Option<(u16, bool)>,
    pub destination: Option<(u16, bool)>,
    pub limit: Option<Limit>,
}

const OPTIONS: &[Opt] = &[
    opt("src-type", 0, Takes::Text(0, 0)).invertible(),
    opt("dst-type", 1, Takes::Text(0, 0)).invertible(),
    opt("limit-iface-in", 2, Takes::Nothing).excludes(1 << 3),
    opt("limit-iface-out", 3, Takes::Nothing).excludes(1 << 2),
];

pub(super) const EXTENSIONS: &[Extension<Match>] = &[Extension {
    name: "addrtype",
    family: None,
    options: OPTIONS,
    start: |_| Box::new(Addrtype::default()),
}];

/// A bit for each of [`NAMES`] that a comma-separated list holds.
fn read(text: &str) -> Result<u16, Problem> {
    let names: Vec<_> = NAMES.iter().enumerate().map(|(at, (name, _))| (*name, 1 << at)).collect();
    match super::conntrack::read_list(text, &names, false) {
        Ok(bits) => Ok(bits as u16),
        Err(rest) if rest.contains(',') => bad(format!("addrtype: bad type `{rest}'")),
        Err(rest) => bad(format!("addrtype: bad type \"{rest}\"")),
    }
}

fn list(bits: u16) -> String {
    let set = NAMES.iter().enumerate().filter(|(at, _)| bits & (1 << at) != 0);
    set.map(|(_, (name, _))| *name).collect::<Vec<_>>().join(",")
}

impl Draft<Match> for Addrtype {
    fn set(&mut self, id: u8, _: &Value, given: &mut Given<'_>) -> Result<(), Problem> {
        match id {
            0 => self.source = Some((read(given.text)?, given.invert)),
            1 => self.destination = Some((read(given.text)?, given.invert)),
            2 => self.limit = Some(Limit::Input),
            _ => self.limit = Some(Limit::Output),
        }
        Ok(())
    }

    fn check(&mut self, _: u32) -> Result<(), Problem> {
        match (self.source, self.destination) {
            (None, None) => bad("addrtype: you must specify --src-type or --dst-type"),
            _ => Ok(()),
        }
    }

    fn finish(self: Box<Self>) -> Match {
        Match::Addrtype(*self)
    }
}

impl Matcher for Addrtype {
    fn name(&self) -> &'static str {
        "addrtype"
    }

    fn save(&self, out: &mut String) {
        for (word, asked) in [("src", self.source), ("dst", self.destination)] {
            if let Some((bits, invert)) = asked {
                put!(out, "{} --{word}-type {}", not(invert), list(bits));
            }
        }
        match self.limit {
            Some(Limit::Input) => out.push_str(" --limit-iface-in"),
            Some(Limit::Output) => out.push_str(" --limit-iface-out"),
            None => {}
        }
    }

    fn print(&self, out: &mut String, _: &Style<'_>) {
        out.push_str(" ADDRTYPE match");
        for (word, asked) in [("src", self.source), ("dst", self.destination)] {
            if let Some((bits, invert)) = asked {
                put!(out, " {word}-type {}{}", if invert { "!" } else { "" }, list(bits));
            }
        }
        match self.limit {
            Some(Limit::Input) => out.push_str(" limit-in"),
            Some(Limit::Output) => out.push_str(" limit-out"),
            None => {}
        }
    }

    fn matches(&self, at: &mut Context<'_>, _: &[Cell<u64>]) -> bool {
        let device: Option<DeviceId> = match self.limit {
            Some(Limit::Input) => at.state.input,
            Some(Limit::Output) => at.state.output,
            None => None,
        };
        let is = |address: IpAddr, asked: Option<(u16, bool)>| {
            asked.is_none_or(|(bits, invert)| {
                let kind = at.surroundings.address_type(at.netns(), address, device);
                (bits & (1 << kind as u16) != 0) != invert
            })
        };
        is(at.header.source, self.source) && is(at.header.destination, self.destination)
    }
}
