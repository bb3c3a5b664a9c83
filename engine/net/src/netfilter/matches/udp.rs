//! `-m udp`: ports of a UDP datagram. Comes by itself with `-p udp`.
//!
//! Sources: linux xt_tcpudp.c; libxt_udp.c for the words.

use super::tcp::Ports;
use super::{Match, Matcher, Style};
use crate::netfilter::context::Context;
use crate::netfilter::header::{UDP, UDPLITE};
use crate::netfilter::text::option::{Draft, Extension, Given, Opt, Takes, Value, opt};
use crate::netfilter::text::problem::Problem;
use std::cell::Cell;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Udp {
    pub source: Ports,
    pub destination: Ports,
}

const SOURCE: u8 = 0;
const DESTINATION: u8 = 1;

const OPTIONS: &[Opt] = &[
    opt("source-port", SOURCE, Takes::Ports).invertible(),
    opt("sport", SOURCE, Takes::Ports).invertible(),
    opt("destination-port", DESTINATION, Takes::Ports).invertible(),
    opt("dport", DESTINATION, Takes::Ports).invertible(),
];

pub(super) const EXTENSIONS: &[Extension<Match>] =
    &[Extension { name: "udp", family: None, options: OPTIONS, start: |_| Box::new(Udp::default()) }];

impl Draft<Match> for Udp {
    fn set(&mut self, id: u8, value: &Value, given: &mut Given<'_>) -> Result<(), Problem> {
        let (first, last) = value.range();
        let ports = Ports { first: first as u16, last: last as u16, invert: given.invert };
        match id {
            SOURCE => self.source = ports,
            _ => self.destination = ports,
        }
        Ok(())
    }

    fn finish(self: Box<Self>) -> Match {
        Match::Udp(*self)
    }
}

impl Matcher for Udp {
    fn name(&self) -> &'static str {
        "udp"
    }

    fn save(&self, out: &mut String) {
        self.source.save(out, "sport");
        self.destination.save(out, "dport");
    }

    fn print(&self, out: &mut String, style: &Style<'_>) {
        out.push_str(" udp");
        self.source.print(out, "spt", style, "udp");
        self.destination.print(out, "dpt", style, "udp");
    }

    fn matches(&self, at: &mut Context<'_>, _: &[Cell<u64>]) -> bool {
        matches!(at.header.protocol, UDP | UDPLITE)
            && at.header.ports(at.packet.data()).is_some_and(|(source, destination)| {
                self.source.holds(source) && self.destination.holds(destination)
            })
    }
}
