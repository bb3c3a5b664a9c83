//! The options of `nc`, and the ports it was given.
//!
//! Always: a number that is none is told with strtonum(3)'s word for it.

use crate::cmd::Args;
use crate::cmd::getopt::{Found, Getopt};
use net::SocketOption;
use net::rtnetlink::Family;
use std::time::Duration;

pub const USAGE: &str = include_str!("usage.txt");
pub const SUMMARY: &str = include_str!("summary.txt");

const SHORT: &str = "46bCDdFhI:i:klM:m:NnO:P:p:q:rSs:T:tUuV:vW:w:X:x:Zz";

pub enum Stop {
    Help,
    /// What stands before the usage.
    Usage(String),
    Fatal(String),
}

#[derive(Clone, Debug, Default)]
pub struct Options {
    pub family: Option<Family>,
    pub broadcast: bool,
    pub crlf: bool,
    /// -d
    pub no_stdin: bool,
    pub interval: Option<Duration>,
    pub keep: bool,
    pub listen: bool,
    pub ttl: Option<u8>,
    /// -N
    pub shut: bool,
    pub numeric: bool,
    pub source_port: Option<String>,
    /// -q
    pub quit: Option<Duration>,
    pub random: bool,
    pub source: Option<String>,
    pub tos: Option<u8>,
    pub udp: bool,
    pub verbose: bool,
    /// -W
    pub packets: Option<u64>,
    /// -w
    pub timeout: Option<Duration>,
    pub scan: bool,
    pub host: Option<String>,
    pub port: Option<String>,
    /// Those behind the first.
    pub more_ports: Vec<String>,
}

/// strtonum(3)
pub fn number(text: &str, least: i64, most: i64) -> Result<i64, &'static str> {
    match text.trim_start().parse::<i128>() {
        Err(_) => Err("invalid"),
        Ok(value) if value < i128::from(least) => Err("too small"),
        Ok(value) if value > i128::from(most) => Err("too large"),
        Ok(value) => i64::try_from(value).map_err(|_| "invalid"),
    }
}

fn limit(what: &str, text: &str, least: i64, most: i64) -> Result<u64, Stop> {
    let found = number(text, least, most).map_err(|why| Stop::Fatal(format!("{what} {why}: {text}")))?;
    Ok(found.unsigned_abs())
}

fn missing(option: char) -> Stop {
    Stop::Fatal(format!("-{option}: not simulated in vethlab; use nc without it"))
}

impl Options {
    pub fn parse(args: &Args) -> Result<Options, Stop> {
        let mut options = Options::default();
        let mut getopt = Getopt::new("nc", args.rest(), SHORT, &[]);
        for found in getopt.by_ref() {
            match found {
                Found::Option(letter, value) => options.take(letter, &value.unwrap_or_default())?,
                Found::Wrong(text) => return Err(Stop::Usage(text)),
            }
        }
        options.finish(getopt.operands())
    }

    fn take(&mut self, letter: char, value: &str) -> Result<(), Stop> {
        let most = i64::from(i32::MAX);
        let seconds = |what: &str| limit(what, value, 0, most / 1000).map(Duration::from_secs);
        match letter {
            '4' => self.family = Some(Family::Inet),
            '6' => self.family = Some(Family::Inet6),
            'b' => self.broadcast = true,
            'C' => self.crlf = true,
            'd' => self.no_stdin = true,
            'h' => return Err(Stop::Help),
            'i' => self.interval = Some(seconds("interval")?),
            'k' => self.keep = true,
            'l' => self.listen = true,
            'M' => match number(value, 0, 255) {
                Ok(ttl) => self.ttl = u8::try_from(ttl).ok().filter(|it| *it > 0),
                Err(why) => return Err(Stop::Fatal(format!("ttl is {why}"))),
            },
            'm' => match number(value, 0, 255) {
                Ok(_) => return Err(missing('m')),
                Err(why) => return Err(Stop::Fatal(format!("minttl is {why}"))),
            },
            'N' => self.shut = true,
            'n' => self.numeric = true,
            'p' => self.source_port = Some(value.to_owned()),
            'q' => match number(value, -most - 1, most) {
                Ok(time) => {
                    self.quit = u64::try_from(time).ok().map(Duration::from_secs);
                    self.shut |= self.quit.is_some();
                }
                Err(why) => return Err(Stop::Fatal(format!("quit timer {why}: {value}"))),
            },
            'r' => self.random = true,
            's' => self.source = Some(value.to_owned()),
            'T' => self.tos = Some(tos(value)?),
            'u' => self.udp = true,
            'v' => self.verbose = true,
            'W' => self.packets = Some(limit("receive limit", value, 1, most)?),
            // 0 is to wait as long as it takes.
            'w' => self.timeout = Some(seconds("timeout")?).filter(|it| !it.is_zero()),
            'z' => self.scan = true,
            'X' if !["4", "5", "connect"].contains(&value) => {
                return Err(Stop::Fatal("unsupported proxy protocol".to_owned()));
            }
            'V' => return Err(Stop::Fatal("no alternate routing table support available".to_owned())),
            'I' | 'O' => {
                let what = if letter == 'I' { "TCP receive window" } else { "TCP send window" };
                limit(what, value, 1, 1 << 30)?;
                return Err(missing(letter));
            }
            // No socket debugging can be seen here.
            'D' => {}
            other => return Err(missing(other)),
        }
        Ok(())
    }

    fn finish(mut self, operands: Vec<String>) -> Result<Options, Stop> {
        let fatal = |text: &str| Err(Stop::Fatal(text.to_owned()));
        let mut operands = operands.into_iter();
        match (operands.next(), operands.next()) {
            (None, _) if !self.listen || self.source_port.is_none() => match self.listen {
                true => return fatal("missing port number"),
                false => return Err(Stop::Usage(String::new())),
            },
            // -p and -s say where to listen.
            (None, _) => (self.host, self.port) = (self.source.take(), self.source_port.take()),
            (Some(port), None) if self.listen => {
                if self.source_port.is_some() {
                    return Err(Stop::Usage(String::new()));
                }
                self.port = Some(port);
            }
            (Some(_), None) => return fatal("missing port number"),
            (host, port) => {
                (self.host, self.port) = (host, port);
                self.more_ports = operands.collect();
            }
        }
        if self.listen && (self.source.is_some() || self.source_port.is_some()) {
            return Err(Stop::Usage(String::new()));
        }
        if self.listen && self.scan {
            return fatal("cannot use -z and -l");
        }
        if self.keep && !self.listen {
            return fatal("must use -l with -k");
        }
        Ok(self)
    }

    /// What every socket of it is set to.
    pub fn socket_options(&self) -> Vec<SocketOption> {
        let ttl = self.ttl.map(SocketOption::Ttl);
        let tos = self.tos.map(SocketOption::Tos);
        let broadcast = self.broadcast.then_some(SocketOption::Broadcast(true));
        [ttl, tos, broadcast].into_iter().flatten().collect()
    }
}

/// -T: a name of a class of service, or its number.
fn tos(word: &str) -> Result<u8, Stop> {
    let classes: &[(&str, u8)] =
        &[("critical", 0xa0), ("ef", 0xb8), ("inetcontrol", 0xc0), ("lowdelay", 0x10), ("netcontrol", 0xe0)];
    let named = classes.iter().find(|(name, _)| *name == word).map(|(_, value)| *value);
    let more = match word {
        "reliability" => Some(0x04),
        "throughput" => Some(0x08),
        _ => None,
    };
    let class = word.strip_prefix("cs").and_then(|it| it.parse::<u8>().ok()).filter(|it| *it < 8);
    let assured = word.strip_prefix("af").and_then(|it| it.parse::<u8>().ok());
    let assured = assured.filter(|it| (1..=4).contains(&(it / 10)) && (1..=3).contains(&(it % 10)));
    let hexadecimal = word.strip_prefix("0x").and_then(|it| u8::from_str_radix(it, 16).ok());
    named
        .or(more)
        .or(class.map(|it| it << 5))
        .or(assured.map(|it| (it / 10) << 5 | (it % 10) << 3))
        .or(hexadecimal)
        .or(word.parse().ok().filter(|it| *it > 0))
        .ok_or_else(|| Stop::Fatal(format!("illegal tos value {word}")))
}
