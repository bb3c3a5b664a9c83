//! The expressions of `ss`: `sport = :80`, `dst 10.0.0.0/8`, `( dport = :ssh or sport = :ssh )`.
//!
//! Always: an address of a mapped IPv6 socket is compared as the IPv4 address it is.
//! Source: iproute2 6.1.0 misc/ssfilter.y, misc/ss.c (`parse_hostcond`).

use super::options::{Options, Stop};
use crate::cmd::services::Services;
use api::DeviceId;
use net::SocketInfo;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

/// An address with the bits that count, and a port; what is missing fits all.
#[derive(Clone, Copy, Debug, Default)]
pub struct Host {
    address: Option<(IpAddr, u8)>,
    port: Option<u16>,
}

#[derive(Clone, Debug)]
pub enum Filter {
    Source(Host),
    Destination(Host),
    /// At least and at most that port.
    SourceFrom(u16),
    SourceTo(u16),
    DestinationFrom(u16),
    DestinationTo(u16),
    Device(String),
    Mark(u32, u32),
    Not(Box<Filter>),
    And(Box<Filter>, Box<Filter>),
    Or(Box<Filter>, Box<Filter>),
}

impl Host {
    fn takes(&self, at: SocketAddr) -> bool {
        let prefix = self.address.is_none_or(|(prefix, bits)| within(at.ip().to_canonical(), prefix, bits));
        prefix && self.port.is_none_or(|port| port == at.port())
    }
}

fn within(address: IpAddr, prefix: IpAddr, bits: u8) -> bool {
    match (address, prefix) {
        (IpAddr::V4(one), IpAddr::V4(other)) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0);
            (one.to_bits() ^ other.to_bits()) & mask == 0
        }
        (IpAddr::V6(one), IpAddr::V6(other)) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or(0);
            (one.to_bits() ^ other.to_bits()) & mask == 0
        }
        _ => false,
    }
}

impl Filter {
    pub fn takes(&self, socket: &SocketInfo, devices: &BTreeMap<DeviceId, String>) -> bool {
        match self {
            Filter::Source(host) => host.takes(socket.local),
            Filter::Destination(host) => host.takes(socket.peer),
            Filter::SourceFrom(port) => socket.local.port() >= *port,
            Filter::SourceTo(port) => socket.local.port() <= *port,
            Filter::DestinationFrom(port) => socket.peer.port() >= *port,
            Filter::DestinationTo(port) => socket.peer.port() <= *port,
            Filter::Device(name) => socket.device.is_some_and(|it| devices.get(&it) == Some(name)),
            Filter::Mark(mark, mask) => socket.mark & mask == *mark,
            Filter::Not(one) => !one.takes(socket, devices),
            Filter::And(one, other) => one.takes(socket, devices) && other.takes(socket, devices),
            Filter::Or(one, other) => one.takes(socket, devices) || other.takes(socket, devices),
        }
    }
}

/// Which column of a condition: `src`, `dport`, ….
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Source,
    Destination,
}

struct Parser<'a> {
    tokens: Vec<String>,
    at: usize,
    options: &'a Options,
    services: &'a Services,
}

pub fn parse(words: &[String], options: &Options, services: &Services) -> Result<Option<Filter>, Stop> {
    let tokens: Vec<String> = words.iter().flat_map(|word| tokens(word)).collect();
    if tokens.is_empty() {
        return Ok(None);
    }
    let mut parser = Parser { tokens, at: 0, options, services };
    let filter = parser.list()?;
    match parser.at == parser.tokens.len() {
        true => Ok(Some(filter)),
        false => Err(syntax()),
    }
}

fn syntax() -> Stop {
    Stop::Usage("ss: bison bellows (while parsing filter): \"syntax error!\" Sorry.\n".to_owned())
}

fn is_operator(text: &str) -> bool {
    matches!(text, "(" | ")" | "!" | "=" | "==" | "!=" | "<" | ">" | "<=" | ">=" | "&" | "&&" | "|" | "||")
}

/// Words are split at blanks; operators may stand right beside a word.
fn tokens(text: &str) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        let mut rest = word;
        while !rest.is_empty() {
            let length = match rest.as_bytes() {
                [b'!' | b'=' | b'<' | b'>', b'=', ..] | [b'&', b'&', ..] | [b'|', b'|', ..] => 2,
                [b'(' | b')' | b'!' | b'=' | b'<' | b'>' | b'&' | b'|', ..] => 1,
                _ => rest.find(|it| "()!=<>&|".contains(it)).unwrap_or(rest.len()),
            };
            let (token, more) = rest.split_at(length);
            out.push(token.to_owned());
            rest = more;
        }
    }
    out
}

impl Parser<'_> {
    fn peek(&self) -> &str {
        self.tokens.get(self.at).map_or("", String::as_str)
    }

    fn next(&mut self) -> String {
        self.at += 1;
        self.tokens.get(self.at - 1).cloned().unwrap_or_default()
    }

    fn list(&mut self) -> Result<Filter, Stop> {
        let mut left = self.and()?;
        while matches!(self.peek(), "or" | "|" | "||") {
            self.next();
            left = Filter::Or(Box::new(left), Box::new(self.and()?));
        }
        Ok(left)
    }

    fn and(&mut self) -> Result<Filter, Stop> {
        let mut left = self.expression()?;
        loop {
            match self.peek() {
                "" | ")" | "or" | "|" | "||" => return Ok(left),
                "and" | "&" | "&&" => _ = self.next(),
                _ => {}
            }
            left = Filter::And(Box::new(left), Box::new(self.expression()?));
        }
    }

    fn expression(&mut self) -> Result<Filter, Stop> {
        let word = self.next();
        match word.as_str() {
            "(" => {
                let inner = self.list()?;
                if self.next() != ")" {
                    return Err(syntax());
                }
                Ok(inner)
            }
            "!" | "not" => Ok(Filter::Not(Box::new(self.expression()?))),
            "src" => self.condition(Side::Source, false),
            "dst" => self.condition(Side::Destination, false),
            "sport" => self.condition(Side::Source, true),
            "dport" => self.condition(Side::Destination, true),
            "dev" => {
                let negated = self.negated();
                let name = self.next();
                Ok(negate(negated, Filter::Device(name)))
            }
            "fwmark" => {
                let negated = self.negated();
                let value = self.next();
                let (mark, mask) = value.split_once('/').unwrap_or((&value, "0xffffffff"));
                let (mark, mask) = number(mark).zip(number(mask)).ok_or_else(syntax)?;
                Ok(negate(negated, Filter::Mark(mark, mask)))
            }
            // An address by itself is read, and then is in the wrong place.
            word if !word.is_empty() && !is_operator(word) => {
                self.host(word, false)?;
                Err(syntax())
            }
            _ => Err(syntax()),
        }
    }

    fn negated(&mut self) -> bool {
        match self.peek() {
            "=" | "==" | "eq" => {
                self.next();
                false
            }
            "!=" | "ne" | "neq" => {
                self.next();
                true
            }
            _ => false,
        }
    }

    fn condition(&mut self, side: Side, port: bool) -> Result<Filter, Stop> {
        let compared = match self.peek() {
            found @ ("=" | "==" | "eq" | "!=" | "ne" | "neq") => {
                let found = found.to_owned();
                self.next();
                found
            }
            found @ (">=" | "<=" | ">" | "<" | "ge" | "geq" | "le" | "leq" | "gt" | "lt") if port => {
                let found = found.to_owned();
                self.next();
                found
            }
            _ => "=".to_owned(),
        };
        let value = self.next();
        if value.is_empty() || is_operator(&value) {
            return Err(syntax());
        }
        let host = self.host(&value, port)?;
        let same = match side {
            Side::Source => Filter::Source(host),
            Side::Destination => Filter::Destination(host),
        };
        let number = host.port.unwrap_or_default();
        let (from, to) = match side {
            Side::Source => (Filter::SourceFrom(number), Filter::SourceTo(number)),
            Side::Destination => (Filter::DestinationFrom(number), Filter::DestinationTo(number)),
        };
        Ok(match compared.as_str() {
            "!=" | "ne" | "neq" => negate(true, same),
            ">=" | "ge" | "geq" => from,
            "<=" | "le" | "leq" => to,
            ">" | "gt" => negate(true, to),
            "<" | "lt" => negate(true, from),
            _ => same,
        })
    }

    /// parse_hostcond()
    fn host(&self, text: &str, is_port: bool) -> Result<Host, Stop> {
        let (address, port) = match text.strip_prefix('[').and_then(|it| it.split_once(']')) {
            Some((address, port)) => (address, port.trim_start_matches(':')),
            None if is_port => ("", text.trim_start_matches(':')),
            None if text.starts_with('*') => ("", text[1..].trim_start_matches(':')),
            None => text.rsplit_once(':').unwrap_or((text, "")),
        };
        let port = match port {
            "" | "*" => None,
            port => Some(self.port(port)?),
        };
        let address = match address {
            "" | "*" => None,
            address => Some(prefix(address).ok_or_else(|| {
                Stop::Refused(format!(
                    "Error: an inet prefix is expected rather than \"{address}\".\nCannot parse dst/src address.\n"
                ))
            })?),
        };
        Ok(Host { address, port })
    }

    fn port(&self, text: &str) -> Result<u16, Stop> {
        let named = || {
            let udp =
                self.options.databases.contains("udp").then(|| self.services.port(text, "udp")).flatten();
            let tcp =
                self.options.databases.contains("tcp").then(|| self.services.port(text, "tcp")).flatten();
            udp.or(tcp)
        };
        text.parse().ok().or_else(named).ok_or_else(|| {
            Stop::Refused(format!(
                "Error: \"{text}\" does not look like a port.\nCannot parse dst/src address.\n"
            ))
        })
    }
}

fn negate(negated: bool, filter: Filter) -> Filter {
    if negated { Filter::Not(Box::new(filter)) } else { filter }
}

fn number(text: &str) -> Option<u32> {
    match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

fn prefix(text: &str) -> Option<(IpAddr, u8)> {
    let (address, bits) = text.split_once('/').unwrap_or((text, ""));
    let address: IpAddr = match address.parse() {
        Ok(address) => address,
        Err(_) => IpAddr::V4(crate::resolver::inet_aton(address)?),
    };
    let most = if address.is_ipv4() { 32 } else { 128 };
    let bits = if bits.is_empty() { most } else { bits.parse().ok().filter(|it| *it <= most)? };
    Some((address, bits))
}
