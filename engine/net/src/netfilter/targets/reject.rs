//! `-j REJECT`: drops the packet and tells its sender.
//!
//! Differs from Linux: none; the path sends what this says.
//! Sources: linux ipt_REJECT.c, nf_reject_ipv4.c; libipt_REJECT.c for the words.

use super::{Action, Outcome, Place, Target};
use crate::netfilter::context::Context;
use crate::netfilter::header::{RST, TCP};
use crate::netfilter::matches::Style;
use crate::netfilter::rule::Family;
use crate::netfilter::text::option::{Draft, Extension, Given, Opt, Takes, Value, opt};
use crate::netfilter::text::problem::{Problem, bad};
use crate::netfilter::{Hook, RejectWith};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reject {
    pub with: RejectWith,
}

/// Name, short name, what is sent.
const KINDS: [(&str, &str, RejectWith); 8] = [
    ("icmp-net-unreachable", "net-unreach", RejectWith::Icmp { code: 0 }),
    ("icmp-host-unreachable", "host-unreach", RejectWith::Icmp { code: 1 }),
    ("icmp-proto-unreachable", "proto-unreach", RejectWith::Icmp { code: 2 }),
    ("icmp-port-unreachable", "port-unreach", RejectWith::Icmp { code: 3 }),
    ("icmp-net-prohibited", "net-prohib", RejectWith::Icmp { code: 9 }),
    ("icmp-host-prohibited", "host-prohib", RejectWith::Icmp { code: 10 }),
    ("tcp-reset", "tcp-rst", RejectWith::TcpReset),
    ("icmp-admin-prohibited", "admin-prohib", RejectWith::Icmp { code: 13 }),
];

const OPTIONS: &[Opt] = &[opt("reject-with", 0, Takes::Text(0, 0))];

pub(super) const EXTENSIONS: &[Extension<Target>] = &[Extension {
    name: "REJECT",
    family: Some(Family::V4),
    options: OPTIONS,
    start: |_| Box::new(Reject { with: RejectWith::Icmp { code: 3 } }),
}];

impl Reject {
    pub fn kind(&self) -> &'static str {
        KINDS.iter().find(|(.., with)| *with == self.with).map_or("", |(name, ..)| name)
    }
}

impl Draft<Target> for Reject {
    fn set(&mut self, _: u8, _: &Value, given: &mut Given<'_>) -> Result<(), Problem> {
        let text = given.text;
        let begins = |name: &str| {
            name.len() >= text.len()
                && name.is_char_boundary(text.len())
                && name[..text.len()].eq_ignore_ascii_case(text)
        };
        if let Some((.., with)) = KINDS.iter().find(|(name, short, _)| begins(name) || begins(short)) {
            self.with = *with;
            return Ok(());
        }
        if begins("echo-reply") || begins("echoreply") {
            given.warnings.push_str("--reject-with echo-reply no longer supported\n");
        }
        bad(format!("unknown reject type \"{text}\""))
    }

    fn finish(self: Box<Self>) -> Target {
        Target::Reject(*self)
    }
}

impl Action for Reject {
    fn name(&self) -> &'static str {
        "REJECT"
    }

    fn save(&self, out: &mut String) {
        put!(out, " --reject-with {}", self.kind());
    }

    fn print(&self, out: &mut String, _: &Style<'_>) {
        put!(out, " reject-with {}", self.kind());
    }

    fn place(&self) -> Place {
        Place { table: Some("filter"), hooks: Some(&[Hook::Input, Hook::Forward, Hook::Output]) }
    }

    fn fits_protocol(&self, protocol: u8, invert: bool) -> bool {
        self.with != RejectWith::TcpReset || (protocol == TCP && !invert)
    }

    fn act(&self, at: &mut Context<'_>) -> Outcome {
        let is_reset = at.header.tcp(at.packet.data()).is_some_and(|header| header.has(RST));
        match self.with {
            // Nobody answers a reset, a later fragment or a broadcast.
            RejectWith::TcpReset if is_reset => Outcome::Drop,
            _ if at.header.is_later_fragment() => Outcome::Drop,
            with => Outcome::Reject(with),
        }
    }
}
