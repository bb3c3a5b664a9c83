//! `-m multiport`: up to fifteen ports or ranges at once.
//!
//! Sources: linux xt_multiport.c; libxt_multiport.c for the words.

use super::tcp::port_text;
use super::{Match, Matcher, Style, not};
use crate::netfilter::context::Context;
use crate::netfilter::text::option::{Draft, Extension, Given, Opt, Takes, Value, opt, port};
use crate::netfilter::text::problem::{Problem, bad};
use std::cell::Cell;

/// `XT_MULTI_PORTS`; a range counts twice.
const MAX_PORTS: usize = 15;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Side {
    #[default]
    Source,
    Destination,
    Either,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Multiport {
    pub side: Side,
    /// First and last; equal for a single port.
    pub ports: Vec<(u16, u16)>,
    pub invert: bool,
}

const ANY: u32 = 0b111;
const OPTIONS: &[Opt] = &[
    opt("source-ports", 0, Takes::Text(0, 0)).invertible().excludes(ANY),
    opt("sports", 0, Takes::Text(0, 0)).invertible().excludes(ANY),
    opt("destination-ports", 1, Takes::Text(0, 0)).invertible().excludes(ANY),
    opt("dports", 1, Takes::Text(0, 0)).invertible().excludes(ANY),
    opt("ports", 2, Takes::Text(0, 0)).invertible().excludes(ANY),
];

pub(super) const EXTENSIONS: &[Extension<Match>] = &[Extension {
    name: "multiport",
    family: None,
    options: OPTIONS,
    start: |_| Box::new(Multiport::default()),
}];

fn protocol_name(protocol: u8) -> Option<&'static str> {
    Some(match protocol {
        6 => "tcp",
        17 => "udp",
        136 => "udplite",
        132 => "sctp",
        33 => "dccp",
        _ => return None,
    })
}

fn check_protocol((protocol, invert): (u8, bool)) -> Result<&'static str, Problem> {
    match protocol_name(protocol) {
        Some(name) if !invert => Ok(name),
        None if protocol == 0 && !invert => {
            bad("multiport needs `-p tcp', `-p udp', `-p udplite', `-p sctp' or `-p dccp'")
        }
        _ => bad("multiport only works with TCP, UDP, UDPLITE, SCTP and DCCP"),
    }
}

impl Draft<Match> for Multiport {
    fn set(&mut self, id: u8, _: &Value, given: &mut Given<'_>) -> Result<(), Problem> {
        const TOO_MANY: &str = "too many ports specified";
        let protocol = check_protocol(given.protocol)?;
        self.ports.clear();
        let mut count = 0;
        for part in given.text.split(',') {
            let range = part.split_once(':');
            count += if range.is_some() { 2 } else { 1 };
            if count > MAX_PORTS {
                return bad(TOO_MANY);
            }
            let (first, last) = match range {
                None => {
                    let port = port(part, protocol)?;
                    (port, port)
                }
                Some((first, last)) => {
                    let range = (port(first, protocol)?, port(last, protocol)?);
                    if range.0 >= range.1 {
                        return bad("invalid portrange specified");
                    }
                    range
                }
            };
            self.ports.push((first, last));
        }
        self.side = [Side::Source, Side::Destination, Side::Either][usize::from(id.min(2))];
        self.invert = given.invert;
        Ok(())
    }

    fn check(&mut self, seen: u32) -> Result<(), Problem> {
        if seen == 0 { bad("multiport expection an option") } else { Ok(()) }
    }

    fn finish(self: Box<Self>) -> Match {
        Match::Multiport(*self)
    }
}

impl Multiport {
    fn word(&self) -> &'static str {
        match self.side {
            Side::Source => "sports",
            Side::Destination => "dports",
            Side::Either => "ports",
        }
    }

    fn list(&self, text: impl Fn(u16) -> String) -> String {
        let one = |(first, last): &(u16, u16)| match first == last {
            true => text(*first),
            false => format!("{}:{}", text(*first), text(*last)),
        };
        self.ports.iter().map(one).collect::<Vec<_>>().join(",")
    }
}

impl Matcher for Multiport {
    fn name(&self) -> &'static str {
        "multiport"
    }

    fn save(&self, out: &mut String) {
        put!(out, "{} --{} {}", not(self.invert), self.word(), self.list(|port| port.to_string()));
    }

    fn print(&self, out: &mut String, style: &Style<'_>) {
        let protocol = protocol_name(style.protocol).unwrap_or_default();
        put!(out, " multiport {} {}", self.word(), if self.invert { " !" } else { "" });
        out.push_str(&self.list(|port| port_text(port, style, protocol)));
    }

    fn matches(&self, at: &mut Context<'_>, _: &[Cell<u64>]) -> bool {
        let Some((source, destination)) = at.header.ports(at.packet.data()) else { return false };
        let holds = |port: u16| self.ports.iter().any(|(first, last)| (*first..=*last).contains(&port));
        let matches = match self.side {
            Side::Source => holds(source),
            Side::Destination => holds(destination),
            Side::Either => holds(source) || holds(destination),
        };
        matches != self.invert
    }
}
