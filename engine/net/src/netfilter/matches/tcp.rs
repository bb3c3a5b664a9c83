//! `-m tcp`: ports, flags and one option of a TCP segment. Comes by itself with `-p tcp`.
//!
//! Sources: linux xt_tcpudp.c; libxt_tcp.c for the words.

use super::{Match, Matcher, Style, not};
use crate::netfilter::context::Context;
use crate::netfilter::text::names;
use crate::netfilter::text::number;
use crate::netfilter::text::option::{Draft, Extension, Given, Opt, Takes, Value, opt, port};
use crate::netfilter::text::problem::{Problem, bad};
use std::cell::Cell;

/// First and last port, and whether the match is inverted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ports {
    pub first: u16,
    pub last: u16,
    pub invert: bool,
}

impl Default for Ports {
    fn default() -> Ports {
        Ports { first: 0, last: u16::MAX, invert: false }
    }
}

impl Ports {
    pub fn holds(&self, port: u16) -> bool {
        (self.first..=self.last).contains(&port) != self.invert
    }

    fn is_any(&self) -> bool {
        self.first == 0 && self.last == u16::MAX
    }

    /// One port, not inverted.
    pub fn exactly(&self) -> Option<u16> {
        (self.first == self.last && !self.invert).then_some(self.first)
    }

    pub(super) fn save(&self, out: &mut String, name: &str) {
        if self.is_any() {
            return;
        }
        put!(out, "{} --{name} {}", not(self.invert), self.first);
        if self.first != self.last {
            put!(out, ":{}", self.last);
        }
    }

    pub(super) fn print(&self, out: &mut String, name: &str, style: &Style<'_>, protocol: &str) {
        if self.is_any() && !self.invert {
            return;
        }
        let invert = if self.invert { "!" } else { "" };
        let plural = if self.first == self.last { "" } else { "s" };
        put!(out, " {name}{plural}:{invert}{}", port_text(self.first, style, protocol));
        if self.first != self.last {
            put!(out, ":{}", port_text(self.last, style, protocol));
        }
    }
}

/// A port, by name where the style has names and the port has one.
pub(super) fn port_text(port: u16, style: &Style<'_>, protocol: &str) -> String {
    let name = if style.numeric { None } else { names::service_name(port, protocol) };
    name.map_or_else(|| port.to_string(), str::to_owned)
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tcp {
    pub source: Ports,
    pub destination: Ports,
    /// Mask, value, inverted.
    pub flags: Option<(u8, u8, bool)>,
    /// The option's kind, inverted.
    pub option: Option<(u8, bool)>,
}

#[derive(Default)]
struct Reading {
    tcp: Tcp,
    seen: u32,
}

const SOURCE: u8 = 0;
const DESTINATION: u8 = 1;
const SYN_ONLY: u8 = 2;
const FLAGS: u8 = 3;
const OPTION: u8 = 4;

const OPTIONS: &[Opt] = &[
    opt("source-port", SOURCE, Takes::Raw),
    opt("sport", SOURCE, Takes::Raw),
    opt("destination-port", DESTINATION, Takes::Raw),
    opt("dport", DESTINATION, Takes::Raw),
    opt("syn", SYN_ONLY, Takes::RawNothing),
    opt("tcp-flags", FLAGS, Takes::Raw),
    opt("tcp-option", OPTION, Takes::Raw),
];

pub(super) const EXTENSIONS: &[Extension<Match>] =
    &[Extension { name: "tcp", family: None, options: OPTIONS, start: |_| Box::new(Reading::default()) }];

const NAMES: [(&str, u8); 8] = [
    ("FIN", 0x01),
    ("SYN", 0x02),
    ("RST", 0x04),
    ("PSH", 0x08),
    ("ACK", 0x10),
    ("URG", 0x20),
    ("ALL", 0x3f),
    ("NONE", 0),
];

fn read_ports(text: &str, invert: bool) -> Result<Ports, Problem> {
    let Some((first, last)) = text.split_once(':') else {
        let port = port(text, "tcp")?;
        return Ok(Ports { first: port, last: port, invert });
    };
    let first = if first.is_empty() { 0 } else { port(first, "tcp")? };
    let last = if last.is_empty() { u16::MAX } else { port(last, "tcp")? };
    if first > last {
        return bad("invalid portrange (min > max)");
    }
    Ok(Ports { first, last, invert })
}

fn read_flags(text: &str) -> Result<u8, Problem> {
    let mut flags = 0;
    for name in text.split(',').filter(|name| !name.is_empty()) {
        match NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
            Some((_, bits)) => flags |= bits,
            None => return bad(format!("Unknown TCP flag `{name}'")),
        }
    }
    Ok(flags)
}

fn flag_names(mut flags: u8) -> String {
    let mut names = Vec::new();
    for (name, bits) in &NAMES[..6] {
        if flags & bits != 0 {
            names.push(*name);
            flags &= !bits;
        }
    }
    if names.is_empty() { "NONE".to_owned() } else { names.join(",") }
}

impl Reading {
    fn once(&mut self, id: u8, words: &str) -> Result<(), Problem> {
        let bit = 1 << id;
        if self.seen & bit != 0 {
            return bad(words);
        }
        self.seen |= bit;
        Ok(())
    }
}

impl Draft<Match> for Reading {
    fn set(&mut self, id: u8, _: &Value, given: &mut Given<'_>) -> Result<(), Problem> {
        const ONE_OF: &str = "Only one of `--syn' or `--tcp-flags'  allowed";
        match id {
            SOURCE => {
                self.once(id, "Only one `--source-port' allowed")?;
                self.tcp.source = read_ports(given.text, given.invert)?;
            }
            DESTINATION => {
                self.once(id, "Only one `--destination-port' allowed")?;
                self.tcp.destination = read_ports(given.text, given.invert)?;
            }
            SYN_ONLY => {
                self.once(FLAGS, ONE_OF)?;
                self.tcp.flags = Some((0x17, 0x02, given.invert));
            }
            FLAGS => {
                self.once(FLAGS, ONE_OF)?;
                let wanted = given.rest.front().filter(|next| !next.starts_with(['-', '!'])).cloned();
                let Some(wanted) = wanted else { return bad("--tcp-flags requires two args.") };
                given.rest.pop_front();
                self.tcp.flags = Some((read_flags(given.text)?, read_flags(&wanted)?, given.invert));
            }
            _ => {
                self.once(OPTION, "Only one `--tcp-option' allowed")?;
                let Some(kind) = number::within(given.text, 1, 255) else {
                    return bad(format!("Bad TCP option \"{}\"", given.text));
                };
                self.tcp.option = Some((kind as u8, given.invert));
            }
        }
        Ok(())
    }

    fn finish(self: Box<Self>) -> Match {
        Match::Tcp(self.tcp)
    }
}

impl Matcher for Tcp {
    fn name(&self) -> &'static str {
        "tcp"
    }

    fn save(&self, out: &mut String) {
        self.source.save(out, "sport");
        self.destination.save(out, "dport");
        if let Some((kind, invert)) = self.option {
            put!(out, "{} --tcp-option {kind}", not(invert));
        }
        if let Some((mask, value, invert)) = self.flags.filter(|(mask, _, invert)| *mask != 0 || *invert) {
            let (mask, value) = (flag_names(mask), flag_names(value));
            put!(out, "{} --tcp-flags {mask} {value}", not(invert));
        }
    }

    fn print(&self, out: &mut String, style: &Style<'_>) {
        out.push_str(" tcp");
        self.source.print(out, "spt", style, "tcp");
        self.destination.print(out, "dpt", style, "tcp");
        if let Some((kind, invert)) = self.option {
            put!(out, " option={}{kind}", if invert { "!" } else { "" });
        }
        if let Some((mask, value, invert)) = self.flags.filter(|(mask, _, invert)| *mask != 0 || *invert) {
            put!(out, " flags:{}", if invert { "!" } else { "" });
            match style.numeric {
                true => put!(out, "0x{mask:02X}/0x{value:02X}"),
                false => put!(out, "{}/{}", flag_names(mask), flag_names(value)),
            }
        }
    }

    fn matches(&self, at: &mut Context<'_>, _: &[Cell<u64>]) -> bool {
        let Some(header) = at.header.tcp(at.packet.data()) else { return false };
        let Some((source, destination)) = at.header.ports(at.packet.data()) else { return false };
        self.source.holds(source)
            && self.destination.holds(destination)
            && self.flags.is_none_or(|(mask, value, invert)| (header.flags() & mask == value) != invert)
            && self.option.is_none_or(|(kind, invert)| header.options().any(|(it, _)| it == kind) != invert)
    }
}
