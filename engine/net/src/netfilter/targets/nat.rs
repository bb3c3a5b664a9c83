//! `-j DNAT`, `SNAT`, `MASQUERADE`, `REDIRECT`: what the first packet of a flow is translated to.
//!
//! Sources: linux xt_nat.c, xt_MASQUERADE.c, xt_REDIRECT.c, nf_nat_masquerade.c, nf_nat_redirect.c;
//! libxt_NAT.c for the words.

use super::{Action, Outcome, Place, Target};
use crate::netfilter::Hook;
use crate::netfilter::conntrack::Tracked;
use crate::netfilter::context::Context;
use crate::netfilter::header::{DCCP, ICMP, SCTP, TCP, UDP};
use crate::netfilter::matches::Style;
use crate::netfilter::nat::{self, Manip, Range};
use crate::netfilter::rule::Family;
use crate::netfilter::text::names;
use crate::netfilter::text::number;
use crate::netfilter::text::option::{Draft, Extension, Given, Opt, Takes, Value, opt};
use crate::netfilter::text::problem::{Problem, bad};
use std::net::{IpAddr, Ipv4Addr};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Dnat,
    Snat,
    Masquerade,
    Redirect,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nat {
    pub kind: Kind,
    pub range: Range,
}

const TO: u8 = 0;
const PORTS: u8 = 1;
const RANDOM: u8 = 2;
const RANDOM_FULLY: u8 = 3;
const PERSISTENT: u8 = 4;

const TO_DESTINATION: Opt = opt("to-destination", TO, Takes::Text(0, 0)).mandatory();
const TO_SOURCE: Opt = opt("to-source", TO, Takes::Text(0, 0)).mandatory();
const TO_PORTS: Opt = opt("to-ports", PORTS, Takes::Text(0, 0));
const RANDOMLY: Opt = opt("random", RANDOM, Takes::Nothing);
const FULLY: Opt = opt("random-fully", RANDOM_FULLY, Takes::Nothing);
const PERSISTENTLY: Opt = opt("persistent", PERSISTENT, Takes::Nothing);

fn start(kind: Kind) -> Box<dyn Draft<Target>> {
    Box::new(Nat { kind, range: Range::default() })
}

pub(super) const EXTENSIONS: &[Extension<Target>] = &[
    Extension {
        name: "DNAT",
        family: None,
        options: &[TO_DESTINATION, RANDOMLY, PERSISTENTLY],
        start: |_| start(Kind::Dnat),
    },
    Extension {
        name: "SNAT",
        family: None,
        options: &[TO_SOURCE, RANDOMLY, FULLY, PERSISTENTLY],
        start: |_| start(Kind::Snat),
    },
    Extension {
        name: "MASQUERADE",
        family: None,
        options: &[TO_PORTS, RANDOMLY, FULLY],
        start: |_| start(Kind::Masquerade),
    },
    Extension {
        name: "REDIRECT",
        family: None,
        options: &[TO_PORTS, RANDOMLY],
        start: |_| start(Kind::Redirect),
    },
];

/// `A`, `A-B`, `A-B/BASE`; the first may be a service's name.
fn read_ports(text: &str, range: &mut Range, given: &Given<'_>) -> Result<(), Problem> {
    if !matches!(given.protocol.0, TCP | UDP | SCTP | DCCP | ICMP) {
        return bad("Need TCP, UDP, SCTP or DCCP with port specification");
    }
    let not_valid = |text: &str| bad(format!("Port `{text}' not valid"));
    let (first, rest) = match number::prefix_within(text, 0, 65535) {
        Some((port, rest)) => (port as u16, rest),
        None => match names::service_port(text, None) {
            Some(port) => (port, ""),
            None => return not_valid(text),
        },
    };
    if rest.is_empty() {
        range.ports = Some((first, first));
        return Ok(());
    }
    let Some(rest) = rest.strip_prefix('-') else {
        return match rest.starts_with(':') {
            true => bad("Invalid port:port syntax - use dash"),
            false => bad(format!("Garbage after port value: `{rest}'")),
        };
    };
    let Some((last, end)) = number::prefix_within(rest, 0, 65535) else { return not_valid(rest) };
    if last < u64::from(first) {
        return bad(format!("Port range `{rest}' funky"));
    }
    range.ports = Some((first, last as u16));
    match end.strip_prefix('/') {
        None if end.is_empty() => Ok(()),
        None => bad(format!("Garbage after port range: `{end}'")),
        Some(base) => {
            let number = number::within(base, 1, 65535).map(|number| number as u16);
            let Some(base) = number.or_else(|| names::service_port(base, None)) else {
                return not_valid(base);
            };
            range.base = Some(base);
            Ok(())
        }
    }
}

/// `ADDR[-ADDR][:PORTS]`, IPv6 in brackets where ports follow.
fn read_to(given: &Given<'_>, range: &mut Range) -> Result<(), Problem> {
    let text = given.text;
    let (addresses, ports) = match text.strip_prefix('[') {
        Some(inner) => {
            let Some((address, after)) = inner.split_once(']').filter(|_| given.family == Family::V6) else {
                return bad("Invalid address format");
            };
            (address, after.find(':').map(|at| &after[at + 1..]))
        }
        None => match text.split_once(':').filter(|(_, rest)| !rest.contains(':')) {
            Some((addresses, ports)) => (addresses, Some(ports)),
            None => (text, None),
        },
    };
    if let Some(ports) = ports {
        read_ports(ports, range, given)?;
        if addresses.is_empty() {
            return Ok(());
        }
    }
    let address = |text: &str| match given.family.parse(text) {
        Some(address) => Ok(address),
        None => Err(Problem::Parameter(format!("Bad IP address \"{text}\""))),
    };
    range.addresses = Some(match addresses.split_once('-') {
        Some((first, last)) => (address(first)?, address(last)?),
        None => (address(addresses)?, address(addresses)?),
    });
    Ok(())
}

impl Draft<Target> for Nat {
    fn set(&mut self, id: u8, _: &Value, given: &mut Given<'_>) -> Result<(), Problem> {
        match id {
            TO => read_to(given, &mut self.range)?,
            PORTS => read_ports(given.text, &mut self.range, given)?,
            RANDOM => self.range.random = true,
            RANDOM_FULLY => self.range.random_fully = true,
            _ => self.range.persistent = true,
        }
        Ok(())
    }

    fn finish(self: Box<Self>) -> Target {
        Target::Nat(*self)
    }
}

/// Hooks where the source is translated; elsewhere it is the destination.
pub(super) fn is_source_hook(hook: Hook) -> bool {
    matches!(hook, Hook::Input | Hook::Postrouting)
}

/// Gives the packet's flow its translation, if it has none yet.
pub(super) fn translate(at: &mut Context<'_>, range: &Range) -> Outcome {
    let manip = if is_source_hook(at.hook()) { Manip::Source } else { Manip::Destination };
    let mut tracked = std::mem::take(&mut at.packet.tracked);
    if let Tracked::Carried(flow, _) = &mut tracked {
        nat::setup(at.conntrack, flow, range, manip);
    }
    at.packet.tracked = tracked;
    Outcome::Accept
}

impl Nat {
    fn range_text(&self) -> String {
        let range = &self.range;
        let mut text = String::new();
        if let Some((first, last)) = range.addresses {
            let brackets = first.is_ipv6() && range.ports.is_some();
            let addresses = if first == last { first.to_string() } else { format!("{first}-{last}") };
            text = if brackets { format!("[{addresses}]") } else { addresses };
        }
        if let Some((first, last)) = range.ports {
            let colon = if matches!(self.kind, Kind::Masquerade | Kind::Redirect) { "" } else { ":" };
            put!(text, "{colon}{first}");
            if first != last {
                put!(text, "-{last}");
            }
            if let Some(base) = range.base {
                put!(text, "/{base}");
            }
        }
        text
    }

    fn dump(&self, out: &mut String, word: &str, prefix: &str) {
        let text = self.range_text();
        if !text.is_empty() {
            put!(out, " {word}{text}");
        }
        for (flag, set) in [
            ("random", self.range.random),
            ("random-fully", self.range.random_fully),
            ("persistent", self.range.persistent),
        ] {
            if set {
                put!(out, " {prefix}{flag}");
            }
        }
    }

    /// MASQUERADE: the address of the device it leaves by.
    fn masquerade(&self, at: &mut Context<'_>) -> Outcome {
        let Some(output) = at.state.output else { return Outcome::Drop };
        let Some(address) = at.surroundings.source_address(output, at.header.destination) else {
            return Outcome::Drop;
        };
        let outcome = translate(at, &Range { addresses: Some((address, address)), ..self.range.clone() });
        if let Some((flow, _)) = at.flow_mut() {
            flow.masquerade = Some(output);
        }
        outcome
    }

    /// REDIRECT: this machine, on the device it came in by.
    fn redirect(&self, at: &mut Context<'_>) -> Outcome {
        let address: Option<IpAddr> = match at.hook() {
            Hook::Output => Some(Ipv4Addr::LOCALHOST.into()),
            _ => at.state.input.and_then(|device| at.surroundings.first_address(device)),
        };
        let Some(address) = address else { return Outcome::Drop };
        translate(at, &Range { addresses: Some((address, address)), ..self.range.clone() })
    }
}

impl Action for Nat {
    fn name(&self) -> &'static str {
        match self.kind {
            Kind::Dnat => "DNAT",
            Kind::Snat => "SNAT",
            Kind::Masquerade => "MASQUERADE",
            Kind::Redirect => "REDIRECT",
        }
    }

    fn needs_conntrack(&self) -> bool {
        true
    }

    fn save(&self, out: &mut String) {
        let word = match self.kind {
            Kind::Dnat => "--to-destination ",
            Kind::Snat => "--to-source ",
            Kind::Masquerade | Kind::Redirect => "--to-ports ",
        };
        self.dump(out, word, "--");
    }

    fn print(&self, out: &mut String, _: &Style<'_>) {
        let word = match self.kind {
            Kind::Dnat | Kind::Snat => "to:",
            Kind::Masquerade => "masq ports: ",
            Kind::Redirect => "redir ports ",
        };
        self.dump(out, word, "");
    }

    fn place(&self) -> Place {
        let hooks: &[Hook] = match self.kind {
            Kind::Dnat | Kind::Redirect => &[Hook::Prerouting, Hook::Output],
            Kind::Snat => &[Hook::Postrouting, Hook::Input],
            Kind::Masquerade => &[Hook::Postrouting],
        };
        Place { table: Some("nat"), hooks: Some(hooks) }
    }

    fn act(&self, at: &mut Context<'_>) -> Outcome {
        match self.kind {
            Kind::Dnat | Kind::Snat => translate(at, &self.range),
            Kind::Masquerade => self.masquerade(at),
            Kind::Redirect => self.redirect(at),
        }
    }
}
