//! The options of `ss`, and which sockets it takes.
//!
//! Always: without -a, -l or a state only what is connected; a family brings its tables, a table its families.

use super::filter::{self, Filter};
use crate::cmd::Args;
use crate::cmd::getopt::{Found, Getopt, Long, Takes};
use crate::cmd::services::Services;
use api::DeviceId;
use net::{SocketInfo, SocketState};
use std::collections::{BTreeMap, BTreeSet};

pub const USAGE: &str = include_str!("usage.txt");

const SHORT: &str = "dhaletuwxnro460spTbEf:mMiA:D:F:vVzZN:KHSO";
const LONG: &[Long] = &[
    ("numeric", Takes::Nothing, 'n'),
    ("resolve", Takes::Nothing, 'r'),
    ("options", Takes::Nothing, 'o'),
    ("extended", Takes::Nothing, 'e'),
    ("memory", Takes::Nothing, 'm'),
    ("info", Takes::Nothing, 'i'),
    ("processes", Takes::Nothing, 'p'),
    ("threads", Takes::Nothing, 'T'),
    ("tcp", Takes::Nothing, 't'),
    ("sctp", Takes::Nothing, 'S'),
    ("dccp", Takes::Nothing, 'd'),
    ("udp", Takes::Nothing, 'u'),
    ("raw", Takes::Nothing, 'w'),
    ("unix", Takes::Nothing, 'x'),
    ("all", Takes::Nothing, 'a'),
    ("listening", Takes::Nothing, 'l'),
    ("ipv4", Takes::Nothing, '4'),
    ("ipv6", Takes::Nothing, '6'),
    ("packet", Takes::Nothing, '0'),
    ("family", Takes::Value, 'f'),
    ("socket", Takes::Value, 'A'),
    ("query", Takes::Value, 'A'),
    ("summary", Takes::Nothing, 's'),
    ("version", Takes::Nothing, 'V'),
    ("help", Takes::Nothing, 'h'),
    ("no-header", Takes::Nothing, 'H'),
    ("net", Takes::Value, 'N'),
    ("oneline", Takes::Nothing, 'O'),
];

pub enum Stop {
    Print(String),
    /// What stands before the usage.
    Usage(String),
    Fatal(String),
    /// With exit status 1.
    Refused(String),
}

#[derive(Default)]
pub struct Options {
    pub numeric: bool,
    pub timers: bool,
    pub details: bool,
    pub memory: bool,
    pub info: bool,
    pub processes: bool,
    pub oneline: bool,
    pub no_header: bool,
    pub summary: bool,
    /// -N
    pub netns: Option<String>,
    /// -s and nothing else that would list sockets.
    pub only_summary: bool,
    /// As the Netid column names them.
    pub databases: BTreeSet<&'static str>,
    v4: bool,
    v6: bool,
    pub states: BTreeSet<SocketState>,
    filter: Option<Filter>,
}

use SocketState::{
    Close, CloseWait, Closing, Established, FinWait1, FinWait2, LastAck, Listen, SynRecv, SynSent, TimeWait,
};

const ALL_STATES: [SocketState; 11] =
    [Established, SynSent, SynRecv, FinWait1, FinWait2, TimeWait, Close, CloseWait, LastAck, Listen, Closing];
const INET: [&str; 5] = ["tcp", "udp", "raw", "dccp", "mptcp"];
const UNIX: [&str; 3] = ["u_str", "u_dgr", "u_seq"];
const PACKET: [&str; 2] = ["p_raw", "p_dgr"];

fn without(left_out: &[SocketState]) -> BTreeSet<SocketState> {
    ALL_STATES.into_iter().filter(|it| !left_out.contains(it)).collect()
}

fn connected() -> BTreeSet<SocketState> {
    without(&[Listen, Close, TimeWait, SynRecv])
}

fn scan_state(word: &str) -> Result<BTreeSet<SocketState>, Stop> {
    let one = |state| Ok(BTreeSet::from([state]));
    match word.to_ascii_lowercase().as_str() {
        "close" | "closed" | "unconnected" => one(Close),
        "syn-rcv" | "syn-recv" => one(SynRecv),
        "established" => one(Established),
        "all" => Ok(without(&[])),
        "connected" => Ok(without(&[Close, Listen])),
        "synchronized" => Ok(without(&[Close, Listen, SynSent])),
        "bucket" => Ok(BTreeSet::from([SynRecv, TimeWait])),
        "big" => Ok(without(&[SynRecv, TimeWait])),
        "syn-sent" => one(SynSent),
        "fin-wait-1" => one(FinWait1),
        "fin-wait-2" => one(FinWait2),
        "time-wait" => one(TimeWait),
        "close-wait" => one(CloseWait),
        "last-ack" => one(LastAck),
        "listening" => one(Listen),
        "closing" => one(Closing),
        _ => Err(Stop::Fatal(format!("ss: wrong state name: {word}\n"))),
    }
}

/// How a table named with -A reads.
fn tables(word: &str) -> Option<Vec<&'static str>> {
    Some(match word {
        "all" => [&INET[..], &UNIX, &PACKET, &["nl"]].concat(),
        "inet" => INET.to_vec(),
        "tcp" => vec!["tcp"],
        "udp" => vec!["udp"],
        "raw" => vec!["raw"],
        "unix" => UNIX.to_vec(),
        "unix_stream" | "u_str" => vec!["u_str"],
        "unix_dgram" | "u_dgr" => vec!["u_dgr"],
        "unix_seqpacket" | "u_seq" => vec!["u_seq"],
        "packet" => PACKET.to_vec(),
        "packet_raw" | "p_raw" => vec!["p_raw"],
        "packet_dgram" | "p_dgr" => vec!["p_dgr"],
        "netlink" => vec!["nl"],
        "dccp" | "sctp" | "mptcp" | "tipc" | "xdp" | "vsock" | "vsock_stream" | "vsock_dgram" => {
            vec!["other"]
        }
        _ => return None,
    })
}

impl Options {
    pub fn parse(args: &Args, services: &Services) -> Result<Options, Stop> {
        let mut options = Options::default();
        let mut states: Option<BTreeSet<SocketState>> = None;
        let mut own_states = BTreeSet::new();
        let mut getopt = Getopt::new("ss", args.rest(), SHORT, LONG);
        for found in getopt.by_ref() {
            let (letter, value) = match found {
                Found::Option(letter, value) => (letter, value.unwrap_or_default()),
                Found::Wrong(text) => return Err(Stop::Usage(text)),
            };
            match letter {
                'a' => states = Some(without(&[])),
                'l' => states = Some(BTreeSet::from([Listen, Close])),
                'A' => states = states.or_else(|| Some(connected())),
                _ => {}
            }
            options.take(letter, &value, &mut own_states)?;
        }
        let operands = getopt.operands();
        let defaults = options.databases.is_empty() && !options.v4 && !options.v6;
        options.only_summary = options.summary && defaults && operands.is_empty();
        let rest = scan_states(&operands, &mut states)?;
        if defaults {
            options.databases.extend([&INET[..], &UNIX, &PACKET, &["nl"]].concat());
            states = states.or_else(|| Some(connected()));
        }
        options.merge(states.unwrap_or(own_states));
        options.filter = filter::parse(rest, &options, services)?;
        Ok(options)
    }

    fn add(&mut self, databases: &[&'static str], states: &mut BTreeSet<SocketState>) {
        self.databases.extend(databases);
        for database in databases {
            match *database {
                "udp" | "raw" => _ = states.insert(Established),
                "u_dgr" | "p_raw" | "p_dgr" | "nl" => _ = states.insert(Close),
                _ => states.extend(connected()),
            }
        }
    }

    fn take(&mut self, letter: char, value: &str, states: &mut BTreeSet<SocketState>) -> Result<(), Stop> {
        match letter {
            'n' => self.numeric = true,
            'o' => self.timers = true,
            'e' => (self.timers, self.details) = (true, true),
            'm' => self.memory = true,
            'i' => self.info = true,
            'p' | 'T' => self.processes = true,
            't' => self.add(&["tcp"], states),
            'u' => self.add(&["udp"], states),
            'w' => self.add(&["raw"], states),
            'x' => self.add(&UNIX, states),
            '0' => self.add(&PACKET, states),
            'd' | 'S' | 'M' => self.add(&["other"], states),
            '4' => {
                self.v4 = true;
                states.extend(connected());
            }
            '6' => {
                self.v6 = true;
                states.extend(connected());
            }
            'f' => match value {
                "inet" => self.v4 = true,
                "inet6" => self.v6 = true,
                "link" => self.add(&PACKET, states),
                "unix" => self.add(&UNIX, states),
                "netlink" => self.add(&["nl"], states),
                "tipc" | "vsock" | "xdp" => self.add(&["other"], states),
                "help" => return Err(Stop::Print(USAGE.to_owned())),
                _ => return Err(Stop::Usage(format!("ss: \"{value}\" is invalid family\n"))),
            },
            'A' => {
                for word in value.split(',') {
                    let found = tables(word);
                    let complaint = || format!("ss: \"{word}\" is illegal socket table id\n");
                    self.databases.extend(found.ok_or_else(|| Stop::Usage(complaint()))?);
                }
            }
            'N' => self.netns = Some(value.to_owned()),
            's' => self.summary = true,
            'H' => self.no_header = true,
            'O' => self.oneline = true,
            'h' => return Err(Stop::Print(USAGE.to_owned())),
            'v' | 'V' => return Err(Stop::Print("ss utility, iproute2-6.1.0\n".to_owned())),
            'Z' | 'z' => return Err(Stop::Fatal("ss: SELinux is not enabled.\n".to_owned())),
            'a' | 'l' | 'r' => {}
            other => return Err(Stop::Fatal(format!("ss: -{other} is not simulated\n"))),
        }
        Ok(())
    }

    /// filter_merge_defaults()
    fn merge(&mut self, states: BTreeSet<SocketState>) {
        self.states = states;
        let inet = self.databases.iter().any(|it| INET.contains(it));
        if (self.v4 || self.v6) && !inet {
            self.databases.extend(INET);
        }
        if !self.v4 && !self.v6 {
            (self.v4, self.v6) = (true, true);
        }
    }

    pub fn takes(&self, socket: &SocketInfo, devices: &BTreeMap<DeviceId, String>) -> bool {
        let family = if socket.v6 { self.v6 } else { self.v4 };
        family
            && self.states.contains(&socket.state)
            && self.filter.as_ref().is_none_or(|filter| filter.takes(socket, devices))
    }
}

/// `state X`, `exclude Y`; the words behind them.
fn scan_states<'a>(
    mut words: &'a [String],
    states: &mut Option<BTreeSet<SocketState>>,
) -> Result<&'a [String], Stop> {
    let mut seen = false;
    while let Some((word, rest)) = words.split_first() {
        let excluding = match word.as_str() {
            "state" => false,
            "exclude" | "excl" => true,
            _ => break,
        };
        let Some((name, rest)) = rest.split_first() else {
            return Err(Stop::Fatal("Command line is not complete. Try option \"help\"\n".to_owned()));
        };
        let named = scan_state(name)?;
        let so_far = match (seen, excluding) {
            (true, _) => states.take().unwrap_or_default(),
            (false, true) => without(&[]),
            (false, false) => BTreeSet::new(),
        };
        let now = match excluding {
            true => so_far.difference(&named).copied().collect(),
            false => so_far.union(&named).copied().collect(),
        };
        *states = Some(now);
        seen = true;
        words = rest;
    }
    Ok(words)
}
