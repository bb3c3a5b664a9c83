//! Elements of ipsets: read from text, printed, put together from a packet.
//!
//! Always: a network has no bits beyond its prefix.
//! Differs from Linux: host names are not looked up.
//! Sources: ipset 7.17 lib/parse.c, lib/print.c; linux ip_set_getport.c.

use super::Side;
use super::kind::{Dimension, Kind};
use crate::netfilter::header::{Header, ICMP, ICMPV6, SCTP, TCP, UDP, UDPLITE};
use crate::netfilter::rule::Family;
use crate::netfilter::text::names;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Elements that one line of text may stand for.
const MAX_EXPANSION: u128 = 1 << 20;
const MAX_INTERFACE: usize = 15;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    Net(IpAddr, u8),
    Port(u8, u16),
    BarePort(u16),
    Mac([u8; 6]),
    Interface(String),
    Set(String),
}

pub type Key = Vec<Part>;

/// `icmp:NAME`: names of type and code, the printed one first.
const ICMP_NAMES: &[(&str, u8, u8)] = &[
    ("echo-reply", 0, 0),
    ("pong", 0, 0),
    ("network-unreachable", 3, 0),
    ("host-unreachable", 3, 1),
    ("protocol-unreachable", 3, 2),
    ("port-unreachable", 3, 3),
    ("fragmentation-needed", 3, 4),
    ("host-prohibited", 3, 10),
    ("communication-prohibited", 3, 13),
    ("source-quench", 4, 0),
    ("network-redirect", 5, 0),
    ("host-redirect", 5, 1),
    ("echo-request", 8, 0),
    ("ping", 8, 0),
    ("router-advertisement", 9, 0),
    ("router-solicitation", 10, 0),
    ("ttl-zero-during-transit", 11, 0),
    ("ttl-zero-during-reassembly", 11, 1),
    ("ip-header-bad", 12, 0),
    ("timestamp-request", 13, 0),
    ("timestamp-reply", 14, 0),
];

pub(super) fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(it) => it.to_bits().into(),
        IpAddr::V6(it) => it.to_bits(),
    }
}

pub(super) fn width(family: Family) -> u8 {
    if family == Family::V4 { 32 } else { 128 }
}

fn address(value: u128, family: Family) -> IpAddr {
    match family {
        Family::V4 => Ipv4Addr::from_bits(value as u32).into(),
        Family::V6 => Ipv6Addr::from_bits(value).into(),
    }
}

pub(super) fn family_of(address: IpAddr) -> Family {
    if address.is_ipv4() { Family::V4 } else { Family::V6 }
}

/// The network that an address lies in.
pub(super) fn masked(of: IpAddr, prefix: u8) -> IpAddr {
    let family = family_of(of);
    let host = u32::from(width(family).saturating_sub(prefix));
    let value = bits(of).checked_shr(host).and_then(|it| it.checked_shl(host)).unwrap_or(0);
    address(value, family)
}

/// What elements of a set look like.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    pub kind: &'static Kind,
    pub family: Family,
    pub netmask: Option<u8>,
}

/// All elements that a text stands for, in the kernel's order.
pub(super) fn read(text: &str, shape: &Shape) -> Result<Vec<Key>, String> {
    let pieces: Vec<&str> = text.splitn(shape.kind.dimensions.len(), ',').collect();
    if pieces.len() < shape.kind.dimensions.len() {
        let missing = if pieces.len() == 1 { "Second" } else { "Third" };
        return Err(format!("Syntax error: {missing} element is missing from {text}."));
    }
    let mut keys: Vec<Key> = vec![Vec::new()];
    for (piece, dimension) in pieces.iter().zip(shape.kind.dimensions) {
        let parts = read_part(piece, *dimension, shape)?;
        if parts.len() as u128 * keys.len() as u128 > MAX_EXPANSION {
            return Err("The specified range is too large, split it up into smaller ranges".into());
        }
        keys = keys
            .iter()
            .flat_map(|key| parts.iter().map(|part| key.iter().chain([part]).cloned().collect()))
            .collect();
    }
    Ok(keys)
}

fn read_part(text: &str, dimension: Dimension, shape: &Shape) -> Result<Vec<Part>, String> {
    match dimension {
        Dimension::Address => read_hosts(text, shape),
        Dimension::Network => read_networks(text, shape.family),
        Dimension::Port => read_ports(text),
        Dimension::BarePort => {
            let (first, last) = read_port_range(text.rsplit(':').next().unwrap_or(text), "tcp")?;
            Ok((first..=last).map(Part::BarePort).collect())
        }
        Dimension::Mac => Ok(vec![Part::Mac(read_mac(text)?)]),
        Dimension::Interface if text.len() > MAX_INTERFACE => {
            Err(format!("Syntax error: interface name '{text}' is longer than {MAX_INTERFACE} characters"))
        }
        Dimension::Interface => Ok(vec![Part::Interface(text.to_owned())]),
        Dimension::Set => Ok(vec![Part::Set(text.to_owned())]),
    }
}

fn read_address(text: &str, family: Family) -> Result<IpAddr, String> {
    let found = match family {
        Family::V4 => text.parse::<Ipv4Addr>().ok().map(IpAddr::from),
        Family::V6 => text.parse::<Ipv6Addr>().ok().map(IpAddr::from),
    };
    let name = if family == Family::V4 { "IPv4" } else { "IPv6" };
    found.ok_or_else(|| format!("Syntax error: cannot parse {text}: resolving to {name} address failed"))
}

/// First and last address of `A`, `A/PREFIX` or `A-B`.
pub(super) fn read_span(text: &str, family: Family) -> Result<(u128, u128), String> {
    if let Some((first, last)) = text.split_once('-') {
        let (first, last) = (bits(read_address(first, family)?), bits(read_address(last, family)?));
        return Ok((first.min(last), first.max(last)));
    }
    let (network, prefix) = read_prefix(text, family)?;
    let first = bits(masked(network, prefix));
    let host = u32::from(width(family) - prefix);
    let size = 1_u128.checked_shl(host).map_or(u128::MAX, |it| it - 1);
    if prefix == width(family) { Ok((bits(network), bits(network))) } else { Ok((first, first | size)) }
}

fn read_prefix(text: &str, family: Family) -> Result<(IpAddr, u8), String> {
    let Some((network, prefix)) = text.split_once('/') else {
        return Ok((read_address(text, family)?, width(family)));
    };
    let network = read_address(network, family)?;
    let number = read_number(prefix, 0, u64::from(width(family)))?;
    Ok((network, number as u8))
}

fn read_hosts(text: &str, shape: &Shape) -> Result<Vec<Part>, String> {
    let family = shape.family;
    let (first, last) = read_span(text, family)?;
    if shape.kind.is_hash() && first == 0 {
        return Err("Null-valued element, cannot be stored in a hash type of set".into());
    }
    if last - first >= MAX_EXPANSION {
        return Err("The specified range is too large, split it up into smaller ranges".into());
    }
    let mask = shape.netmask.unwrap_or(width(family));
    let mut parts: Vec<Part> =
        (first..=last).map(|value| Part::Net(masked(address(value, family), mask), width(family))).collect();
    parts.dedup();
    Ok(parts)
}

fn read_networks(text: &str, family: Family) -> Result<Vec<Part>, String> {
    if !text.contains('-') {
        let (network, prefix) = read_prefix(text, family)?;
        if prefix == 0 {
            return Err("The value of the CIDR parameter of the IP address is invalid".into());
        }
        return Ok(vec![Part::Net(masked(network, prefix), prefix)]);
    }
    let (mut first, last) = read_span(text, family)?;
    let mut parts = Vec::new();
    loop {
        let prefix = (1..=width(family))
            .find(|prefix| {
                let host = u32::from(width(family) - prefix);
                bits(masked(address(first, family), *prefix)) == first
                    && 1_u128.checked_shl(host).is_some_and(|size| size - 1 <= last - first)
            })
            .unwrap_or(width(family));
        parts.push(Part::Net(address(first, family), prefix));
        let size = 1_u128 << (width(family) - prefix);
        match first.checked_add(size) {
            Some(next) if next <= last => first = next,
            _ => return Ok(parts),
        }
    }
}

pub(super) fn read_number(text: &str, min: u64, max: u64) -> Result<u64, String> {
    let parsed = match text.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16),
        None => text.parse(),
    };
    match parsed {
        Ok(value) if (min..=max).contains(&value) => Ok(value),
        Ok(_) => Err(format!("Syntax error: '{text}' is out of range {min}-{max}")),
        Err(_) => Err(format!("Syntax error: '{text}' is invalid as number")),
    }
}

fn read_port(text: &str, protocol: &str) -> Result<u16, String> {
    match read_number(text, 0, u16::MAX.into()) {
        Ok(port) => Ok(port as u16),
        Err(problem) => names::service_port(text, Some(protocol)).ok_or(problem),
    }
}

pub(super) fn read_port_range(text: &str, protocol: &str) -> Result<(u16, u16), String> {
    match text.split_once('-') {
        Some((first, last)) => {
            let (first, last) = (read_port(first, protocol)?, read_port(last, protocol)?);
            Ok((first.min(last), first.max(last)))
        }
        None => read_port(text, protocol).map(|port| (port, port)),
    }
}

fn read_icmp(text: &str) -> Result<u16, String> {
    if let Some((_, kind, code)) = ICMP_NAMES.iter().find(|(name, ..)| *name == text) {
        return Ok(u16::from_be_bytes([*kind, *code]));
    }
    match text.split_once('/') {
        Some((kind, code)) => {
            let (kind, code) = (read_number(kind, 0, 255)?, read_number(code, 0, 255)?);
            Ok(u16::from_be_bytes([kind as u8, code as u8]))
        }
        None => Err(format!("Cannot parse {text} as an ICMP type/code.")),
    }
}

fn read_ports(text: &str) -> Result<Vec<Part>, String> {
    let (protocol, ports) = text.split_once(':').unwrap_or(("tcp", text));
    let number = match protocol.parse::<u8>() {
        Ok(number) => number,
        Err(_) => names::protocol_number(&protocol.to_lowercase())
            .ok_or_else(|| format!("Syntax error: cannot parse '{protocol}' as a protocol"))?,
    };
    let (first, last) = match number {
        ICMP | ICMPV6 => {
            let value = read_icmp(ports)?;
            (value, value)
        }
        TCP | UDP | SCTP | UDPLITE => read_port_range(ports, protocol)?,
        _ if ports == "0" => (0, 0),
        _ => return Err("Syntax error: Protocol can be used with port 0 only.".into()),
    };
    Ok((first..=last).map(|port| Part::Port(number, port)).collect())
}

fn read_mac(text: &str) -> Result<[u8; 6], String> {
    let bytes: Option<Vec<u8>> = text.split(':').map(|byte| u8::from_str_radix(byte, 16).ok()).collect();
    bytes
        .and_then(|it| it.try_into().ok())
        .ok_or_else(|| format!("Syntax error: cannot parse '{text}' as ethernet address"))
}

fn part_text(part: &Part) -> String {
    match part {
        Part::Net(address, prefix) if *prefix == width(family_of(*address)) => address.to_string(),
        Part::Net(address, prefix) => format!("{address}/{prefix}"),
        Part::Port(protocol, port) => {
            let name = names::protocol_name(*protocol).map_or_else(|| protocol.to_string(), str::to_owned);
            let [kind, code] = port.to_be_bytes();
            let known = ICMP_NAMES.iter().find(|row| (row.1, row.2) == (kind, code));
            match (*protocol, known) {
                (ICMP, Some((word, ..))) => format!("{name}:{word}"),
                (ICMP | ICMPV6, _) => format!("{name}:{kind}/{code}"),
                _ => format!("{name}:{port}"),
            }
        }
        Part::BarePort(port) => port.to_string(),
        Part::Mac(bytes) => bytes.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":"),
        Part::Interface(name) | Part::Set(name) => name.clone(),
    }
}

pub(super) fn text(key: &Key) -> String {
    key.iter().map(part_text).collect::<Vec<_>>().join(",")
}

/// A packet as rules hand it to a set.
pub(crate) struct Look<'a> {
    pub sides: &'a [Side],
    pub header: &'a Header,
    pub bytes: &'a [u8],
    pub interface: &'a str,
}

/// The element that a packet stands for; `None` where it has no such parts.
pub(super) fn of_packet(shape: &Shape, look: &Look<'_>) -> Option<Key> {
    let full = width(shape.family);
    let mut sides = look.sides.iter();
    let part = |dimension: &Dimension| {
        let side = sides.next()?;
        match dimension {
            Dimension::Address | Dimension::Network => {
                let address =
                    if *side == Side::Source { look.header.source } else { look.header.destination };
                let fits = family_of(address) == shape.family;
                fits.then(|| Part::Net(masked(address, shape.netmask.unwrap_or(full)), full))
            }
            Dimension::Port => port_of(look, *side).map(|(protocol, port)| Part::Port(protocol, port)),
            Dimension::BarePort => port_of(look, *side).map(|(_, port)| Part::BarePort(port)),
            Dimension::Interface => Some(Part::Interface(look.interface.to_owned())),
            Dimension::Mac | Dimension::Set => None,
        }
    };
    shape.kind.dimensions.iter().map(part).collect()
}

fn port_of(look: &Look<'_>, side: Side) -> Option<(u8, u16)> {
    let protocol = look.header.protocol;
    let port = match protocol {
        TCP | UDP | SCTP | UDPLITE => {
            let (source, destination) = look.header.ports(look.bytes)?;
            if side == Side::Source { source } else { destination }
        }
        ICMP | ICMPV6 => {
            let (kind, code) = look.header.icmp(look.bytes)?;
            u16::from_be_bytes([kind, code])
        }
        _ => 0,
    };
    Some((protocol, port))
}
