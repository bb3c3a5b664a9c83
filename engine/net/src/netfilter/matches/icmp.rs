//! `-m icmp`: type and code of an ICMP message. Comes by itself with `-p icmp`.
//!
//! Sources: linux xt_tcpudp.c (icmp_match); libipt_icmp.c, libxt_icmp.h for the words.

use super::{Match, Matcher, Style, not};
use crate::netfilter::context::Context;
use crate::netfilter::header::ICMP;
use crate::netfilter::rule::Family;
use crate::netfilter::text::number;
use crate::netfilter::text::option::{Draft, Extension, Given, Opt, Takes, Value, opt};
use crate::netfilter::text::problem::{Problem, bad};
use std::cell::Cell;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Icmp {
    /// 255 is any.
    pub kind: u8,
    pub codes: (u8, u8),
    pub invert: bool,
}

const OPTIONS: &[Opt] = &[opt("icmp-type", 0, Takes::Text(0, 0)).mandatory().invertible()];

pub(super) const EXTENSIONS: &[Extension<Match>] = &[Extension {
    name: "icmp",
    family: Some(Family::V4),
    options: OPTIONS,
    start: |_| Box::new(Icmp { kind: 255, codes: (0, 255), invert: false }),
}];

/// Name, type, first and last code; the first of equal meaning is the one listed.
const NAMES: [(&str, u8, u8, u8); 39] = [
    ("any", 255, 0, 255),
    ("echo-reply", 0, 0, 255),
    ("pong", 0, 0, 255),
    ("destination-unreachable", 3, 0, 255),
    ("network-unreachable", 3, 0, 0),
    ("host-unreachable", 3, 1, 1),
    ("protocol-unreachable", 3, 2, 2),
    ("port-unreachable", 3, 3, 3),
    ("fragmentation-needed", 3, 4, 4),
    ("source-route-failed", 3, 5, 5),
    ("network-unknown", 3, 6, 6),
    ("host-unknown", 3, 7, 7),
    ("network-prohibited", 3, 9, 9),
    ("host-prohibited", 3, 10, 10),
    ("TOS-network-unreachable", 3, 11, 11),
    ("TOS-host-unreachable", 3, 12, 12),
    ("communication-prohibited", 3, 13, 13),
    ("host-precedence-violation", 3, 14, 14),
    ("precedence-cutoff", 3, 15, 15),
    ("source-quench", 4, 0, 255),
    ("redirect", 5, 0, 255),
    ("network-redirect", 5, 0, 0),
    ("host-redirect", 5, 1, 1),
    ("TOS-network-redirect", 5, 2, 2),
    ("TOS-host-redirect", 5, 3, 3),
    ("echo-request", 8, 0, 255),
    ("ping", 8, 0, 255),
    ("router-advertisement", 9, 0, 255),
    ("router-solicitation", 10, 0, 255),
    ("time-exceeded", 11, 0, 255),
    ("ttl-exceeded", 11, 0, 255),
    ("ttl-zero-during-transit", 11, 0, 0),
    ("ttl-zero-during-reassembly", 11, 1, 1),
    ("parameter-problem", 12, 0, 255),
    ("ip-header-bad", 12, 0, 0),
    ("required-option-missing", 12, 1, 1),
    ("timestamp-request", 13, 0, 255),
    ("timestamp-reply", 14, 0, 255),
    ("address-mask-request", 17, 0, 255),
];
const ADDRESS_MASK_REPLY: (&str, u8, u8, u8) = ("address-mask-reply", 18, 0, 255);

fn names() -> impl Iterator<Item = &'static (&'static str, u8, u8, u8)> {
    NAMES.iter().chain(std::iter::once(&ADDRESS_MASK_REPLY))
}

/// `A` or `A:B`, and what follows.
fn read_range(text: &str) -> Option<((u8, u8), &str)> {
    let (first, rest) = number::prefix_within(text, 0, 255)?;
    match rest.strip_prefix(':') {
        None => Some(((first as u8, first as u8), rest)),
        Some(rest) => {
            let (last, rest) = number::prefix_within(rest, 0, 255)?;
            Some(((first as u8, last as u8), rest))
        }
    }
}

impl Icmp {
    /// A name, any unambiguous beginning of one, or `TYPE[/CODE]`.
    fn read(&mut self, text: &str) -> Result<(), Problem> {
        let begins = |name: &str| {
            name.len() >= text.len()
                && name.is_char_boundary(text.len())
                && name[..text.len()].eq_ignore_ascii_case(text)
        };
        let mut found = names().filter(|(name, ..)| begins(name));
        if let Some((name, kind, first, last)) = found.next() {
            if let Some((other, ..)) = found.next() {
                return bad(format!("Ambiguous ICMP type `{text}': `{name}' or `{other}'?"));
            }
            (self.kind, self.codes) = (*kind, (*first, *last));
            return Ok(());
        }
        let Some(((kind, last), rest)) = read_range(text) else {
            return bad(format!("Unknown ICMP type `{text}'"));
        };
        if kind != last {
            return bad("ICMP type range not supported");
        }
        (self.kind, self.codes) = (kind, (0, 255));
        let Some(code) = rest.strip_prefix('/') else {
            return match rest.chars().next() {
                None => Ok(()),
                Some(c) => bad(format!("unknown character {c}")),
            };
        };
        let Some((codes, rest)) = read_range(code) else { return bad(format!("Unknown ICMP code `{text}'")) };
        self.codes = codes;
        match rest.chars().next() {
            None => Ok(()),
            Some(c) => bad(format!("unknown character {c}")),
        }
    }
}

impl Draft<Match> for Icmp {
    fn set(&mut self, _: u8, _: &Value, given: &mut Given<'_>) -> Result<(), Problem> {
        self.invert = given.invert;
        self.read(given.text)
    }

    fn finish(self: Box<Self>) -> Match {
        Match::Icmp(*self)
    }
}

impl Matcher for Icmp {
    fn name(&self) -> &'static str {
        "icmp"
    }

    fn save(&self, out: &mut String) {
        out.push_str(not(self.invert));
        if self.kind == 255 {
            out.push_str(" --icmp-type any");
            return;
        }
        put!(out, " --icmp-type {}", self.kind);
        if self.codes != (0, 255) {
            put!(out, "/{}", self.codes.0);
        }
    }

    fn print(&self, out: &mut String, style: &Style<'_>) {
        out.push_str(" icmp");
        let (first, last) = self.codes;
        let name = names().find(|(_, kind, a, b)| (*kind, *a, *b) == (self.kind, first, last));
        if let Some((name, ..)) = name.filter(|_| !style.numeric) {
            put!(out, " {}{name}", if self.invert { "!" } else { "" });
            return;
        }
        put!(out, "{}type {}", not(self.invert), self.kind);
        if first == last {
            put!(out, " code {first}");
        } else if (first, last) != (0, 255) {
            put!(out, " codes {first}-{last}");
        }
    }

    fn matches(&self, at: &mut Context<'_>, _: &[Cell<u64>]) -> bool {
        let message = at.header.icmp(at.packet.data()).filter(|_| at.header.protocol == ICMP);
        message.is_some_and(|(kind, code)| {
            let matches =
                self.kind == 255 || (kind == self.kind && (self.codes.0..=self.codes.1).contains(&code));
            matches != self.invert
        })
    }
}
