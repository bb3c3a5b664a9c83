//! `-m conntrack` and `-m state`: what connection tracking says of the packet.
//!
//! Sources: linux xt_conntrack.c; libxt_conntrack.c for the words.

use super::{Match, Matcher, Style, not};
use crate::netfilter::conntrack::{Direction, Relation, Tracked, Tuple, status};
use crate::netfilter::context::Context;
use crate::netfilter::rule::{Family, Masked};
use crate::netfilter::text::option::{Draft, Extension, Given, Opt, Takes, Value, opt};
use crate::netfilter::text::problem::{Problem, bad};
use std::cell::Cell;

/// Bits of `--ctstate`, in the order of listings.
mod state {
    pub const INVALID: u32 = 1;
    pub const NEW: u32 = 2;
    pub const RELATED: u32 = 4;
    pub const ESTABLISHED: u32 = 8;
    pub const UNTRACKED: u32 = 16;
    pub const SNAT: u32 = 32;
    pub const DNAT: u32 = 64;
}

const STATES: [(&str, u32); 7] = [
    ("INVALID", state::INVALID),
    ("NEW", state::NEW),
    ("RELATED", state::RELATED),
    ("ESTABLISHED", state::ESTABLISHED),
    ("UNTRACKED", state::UNTRACKED),
    ("SNAT", state::SNAT),
    ("DNAT", state::DNAT),
];

const STATUSES: [(&str, u32); 5] = [
    ("NONE", 0),
    ("EXPECTED", 1),
    ("SEEN_REPLY", status::SEEN_REPLY),
    ("ASSURED", status::ASSURED),
    ("CONFIRMED", status::CONFIRMED),
];

/// One question, and whether it is inverted.
type Ask<T> = Option<(T, bool)>;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConntrackMatch {
    /// Written as `-m state`.
    pub alias: bool,
    pub states: Ask<u32>,
    pub protocol: Ask<u8>,
    /// Original source and destination, reply source and destination.
    pub addresses: [Ask<Masked>; 4],
    /// The same of ports.
    pub ports: [Ask<(u16, u16)>; 4],
    pub status: Ask<u32>,
    /// Seconds left, first and last.
    pub expires: Ask<(u32, u32)>,
    pub direction: Option<Direction>,
}

const STATE: u8 = 0;
const PROTOCOL: u8 = 1;
const ADDRESSES: u8 = 2;
const STATUS: u8 = 6;
const EXPIRE: u8 = 7;
const PORTS: u8 = 8;
const DIRECTION: u8 = 12;

const OPTIONS: &[Opt] = &[
    opt("ctstate", STATE, Takes::Text(0, 0)).invertible(),
    opt("ctproto", PROTOCOL, Takes::Protocol).invertible(),
    opt("ctorigsrc", ADDRESSES, Takes::HostMask).invertible(),
    opt("ctorigdst", ADDRESSES + 1, Takes::HostMask).invertible(),
    opt("ctreplsrc", ADDRESSES + 2, Takes::HostMask).invertible(),
    opt("ctrepldst", ADDRESSES + 3, Takes::HostMask).invertible(),
    opt("ctstatus", STATUS, Takes::Text(0, 0)).invertible(),
    opt("ctexpire", EXPIRE, Takes::Range(32)).invertible(),
    opt("ctorigsrcport", PORTS, Takes::Ports).invertible(),
    opt("ctorigdstport", PORTS + 1, Takes::Ports).invertible(),
    opt("ctreplsrcport", PORTS + 2, Takes::Ports).invertible(),
    opt("ctrepldstport", PORTS + 3, Takes::Ports).invertible(),
    opt("ctdir", DIRECTION, Takes::Text(0, 0)),
];

const STATE_OPTIONS: &[Opt] = &[opt("state", STATE, Takes::Text(0, 0)).mandatory().invertible()];

pub(super) const EXTENSIONS: &[Extension<Match>] = &[
    Extension {
        name: "conntrack",
        family: None,
        options: OPTIONS,
        start: |_| Box::new(ConntrackMatch::default()),
    },
    Extension {
        name: "state",
        family: None,
        options: STATE_OPTIONS,
        start: |_| Box::new(ConntrackMatch { alias: true, ..ConntrackMatch::default() }),
    },
];

/// A comma-separated list of names, each cut as short as one likes; the text from the wrong one on.
pub(super) fn read_list<'a>(text: &'a str, names: &[(&str, u32)], zero_is_wrong: bool) -> Result<u32, &'a str> {
    let mut bits = 0;
    let mut rest = text;
    loop {
        let (part, next) = match rest.split_once(',') {
            Some((part, next)) => (part, Some(next)),
            None => (rest, None),
        };
        let begins = |name: &str| {
            !part.is_empty()
                && name.len() >= part.len()
                && name.is_char_boundary(part.len())
                && name[..part.len()].eq_ignore_ascii_case(part)
        };
        match names.iter().find(|(name, _)| begins(name)) {
            Some((_, bit)) if *bit != 0 || !zero_is_wrong => bits |= bit,
            _ => return Err(rest),
        }
        match next {
            Some(next) => rest = next,
            None => return Ok(bits),
        }
    }
}

/// `--ctstate` tries them in the kernel header's order.
const READ_ORDER: [(&str, u32); 7] =
    [STATES[0], STATES[1], STATES[3], STATES[2], STATES[4], STATES[5], STATES[6]];

impl Draft<Match> for ConntrackMatch {
    fn set(&mut self, id: u8, value: &Value, given: &mut Given<'_>) -> Result<(), Problem> {
        let (text, invert) = (given.text, given.invert);
        match id {
            STATE if self.alias => match read_list(text, &READ_ORDER[..5], true) {
                Ok(states) => self.states = Some((states, invert)),
                Err("") => {
                    return bad(
                        "\"--state\" requires a list of states with no spaces, e.g. ESTABLISHED,RELATED",
                    );
                }
                Err(rest) => return bad(format!("Bad state \"{rest}\"")),
            },
            STATE => match read_list(text, &READ_ORDER, true) {
                Ok(states) => self.states = Some((states, invert)),
                Err(rest) => return bad(format!("Bad ctstate \"{rest}\"")),
            },
            PROTOCOL => self.protocol = Some((value.number() as u8, invert)),
            STATUS => match read_list(text, &STATUSES, false) {
                Ok(bits) => self.status = Some((bits, invert)),
                Err(rest) => return bad(format!("Bad ctstatus \"{rest}\"")),
            },
            EXPIRE => {
                let (first, last) = value.range();
                self.expires = Some(((first as u32, last as u32), invert));
            }
            DIRECTION => {
                self.direction = Some(match text {
                    _ if text.eq_ignore_ascii_case("ORIGINAL") => Direction::Original,
                    _ if text.eq_ignore_ascii_case("REPLY") => Direction::Reply,
                    _ => return bad(format!("conntrack: Bad value for \"--ctdir\" option: \"{text}\"")),
                });
            }
            _ => match value {
                Value::Masked(masked) => {
                    self.addresses[usize::from(id - ADDRESSES)] = Some((*masked, invert))
                }
                _ => {
                    let (first, last) = value.range();
                    self.ports[usize::from(id - PORTS)] = Some(((first as u16, last as u16), invert));
                }
            },
        }
        Ok(())
    }

    fn check(&mut self, seen: u32) -> Result<(), Problem> {
        match seen {
            0 if !self.alias => bad("conntrack: At least one option is required"),
            _ => Ok(()),
        }
    }

    fn finish(self: Box<Self>) -> Match {
        Match::ConntrackMatch(*self)
    }
}

fn list(names: &[(&str, u32)], bits: u32) -> String {
    let set: Vec<_> = names.iter().filter(|(_, bit)| bits & bit != 0).map(|(name, _)| *name).collect();
    set.join(",")
}

impl ConntrackMatch {
    fn dump(&self, out: &mut String, prefix: &str, address: impl Fn(&Masked) -> String) {
        if let Some((states, invert)) = self.states {
            let word = if self.alias { "state" } else { "ctstate" };
            put!(out, "{} {prefix}{word} {}", not(invert), list(&STATES, states));
        }
        if let Some((protocol, invert)) = self.protocol {
            put!(out, "{} {prefix}ctproto {protocol}", not(invert));
        }
        const WORDS: [&str; 4] = ["ctorigsrc", "ctorigdst", "ctreplsrc", "ctrepldst"];
        for (word, asked) in WORDS.iter().zip(&self.addresses) {
            if let Some((masked, invert)) = asked {
                put!(out, "{} {prefix}{word} {}", not(*invert), address(masked));
            }
        }
        for (word, asked) in WORDS.iter().zip(&self.ports) {
            if let Some(((first, last), invert)) = asked {
                put!(out, "{} {prefix}{word}port {first}", not(*invert));
                if *last != 0 && first != last {
                    put!(out, ":{last}");
                }
            }
        }
        if let Some((bits, invert)) = self.status {
            let names = list(&STATUSES[1..], bits);
            put!(out, "{} {prefix}ctstatus {}", not(invert), if bits == 0 { "NONE" } else { &names });
        }
        if let Some(((first, last), invert)) = self.expires {
            put!(out, "{} {prefix}ctexpire {first}", not(invert));
            if first != last {
                put!(out, ":{last}");
            }
        }
        match self.direction {
            Some(Direction::Original) => put!(out, " {prefix}ctdir ORIGINAL"),
            Some(Direction::Reply) => put!(out, " {prefix}ctdir REPLY"),
            None => {}
        }
    }

    fn matches_state(&self, at: &Context<'_>, asked: u32, invert: bool) -> bool {
        let bits = match at.flow() {
            Some((flow, info)) => {
                let relation = match info.relation {
                    Relation::New => state::NEW,
                    Relation::Established => state::ESTABLISHED,
                    Relation::Related => state::RELATED,
                };
                let snat = if flow.has(status::SRC_NAT) { state::SNAT } else { 0 };
                let dnat = if flow.has(status::DST_NAT) { state::DNAT } else { 0 };
                relation | snat | dnat
            }
            None if matches!(at.packet.tracked, Tracked::Untracked) => state::UNTRACKED,
            None => state::INVALID,
        };
        (bits & asked != 0) != invert
    }
}

impl Matcher for ConntrackMatch {
    fn name(&self) -> &'static str {
        if self.alias { "state" } else { "conntrack" }
    }

    fn needs_conntrack(&self) -> bool {
        true
    }

    fn save(&self, out: &mut String) {
        self.dump(out, "--", |masked| format!("{}{}", masked.address, masked.mask_suffix()));
    }

    fn print(&self, out: &mut String, style: &Style<'_>) {
        self.dump(out, "", |masked| {
            if !style.numeric && masked.address == Family::of(masked.address).any() {
                return "anywhere".to_owned();
            }
            format!("{}{}", masked.address, masked.mask_suffix())
        });
    }

    fn matches(&self, at: &mut Context<'_>, _: &[Cell<u64>]) -> bool {
        if let Some((states, invert)) = self.states
            && !self.matches_state(at, states, invert)
        {
            return false;
        }
        let now = at.now;
        let Some((flow, info)) = at.flow() else {
            // Without a flow nothing but the state can be asked.
            return self.states.is_some();
        };
        let (original, reply): (&Tuple, &Tuple) = (&flow.original, &flow.reply);
        let addresses = [original.source, original.destination, reply.source, reply.destination];
        let ports =
            [original.source_port, original.destination_port, reply.source_port, reply.destination_port];
        self.direction.is_none_or(|it| it == info.direction)
            && self.protocol.is_none_or(|(it, invert)| (it == original.protocol) != invert)
            && self
                .addresses
                .iter()
                .zip(addresses)
                .all(|(asked, address)| asked.is_none_or(|(masked, invert)| masked.holds(address) != invert))
            && self.ports.iter().zip(ports).all(|(asked, port)| {
                asked.is_none_or(|((first, last), invert)| (first..=last).contains(&port) != invert)
            })
            && self.status.is_none_or(|(bits, invert)| flow.has(bits) != invert)
            && self.expires.is_none_or(|((first, last), invert)| {
                let left = flow.seconds_left(now);
                (u64::from(first)..=u64::from(last)).contains(&left) != invert
            })
    }
}
