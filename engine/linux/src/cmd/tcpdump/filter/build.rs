//! What the primitives of a filter expression stand for.
//!
//! Called by `parse`. Sources: libpcap 1.10.3, gencode.c (`gen_host`, `gen_port`, `gen_proto`, `gen_load`); its
//! messages word for word.

use super::expression::{Arith, Base, Compare, Expression, LinkType};
use super::{Names, Refusal};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const IPV4: u32 = 0x0800;
const ARP: u32 = 0x0806;
const RARP: u32 = 0x8035;
const IPV6: u32 = 0x86dd;
const STP_SAP: u32 = 0x42;
const TCP: u32 = 6;
const UDP: u32 = 17;
const SCTP: u32 = 132;
const FRAGMENT: u32 = 44;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Direction {
    #[default]
    Default,
    Source,
    Destination,
    Either,
    Both,
    /// Of 802.11 frames.
    Wireless(&'static str),
}

/// The qualifiers in front of an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Qualifiers {
    /// `link`, `ip`, `tcp` …
    pub protocol: Option<&'static str>,
    pub direction: Direction,
    /// `host`, `net`, `port`, `portrange`, `proto`, `protochain`, `gateway`
    pub kind: Option<&'static str>,
}

pub(super) type Built = Result<Expression, Refusal>;

fn refuse<T>(text: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal(text.into()))
}

/// How many bytes of VLAN tags the expression so far has put in front.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub link: LinkType,
    pub shift: u32,
    /// An `ip broadcast` needs the netmask of the device.
    pub netmask: Option<u32>,
    /// Directions and indexes are known for frames of a device, not for those of a file.
    pub live: bool,
}

impl Place {
    fn network(&self) -> Base {
        Base::Network { shift: self.shift }
    }

    pub fn link_type(&self, value: u32) -> Expression {
        Expression::LinkType { shift: self.shift, value }
    }

    fn equal(&self, base: Base, at: u32, size: u8, value: u32) -> Expression {
        Expression::Bytes { base, at, size, mask: u32::MAX, compare: Compare::Equal, value }
    }

    /// Applies `at` to the source's offset, the destination's, or both.
    fn directed(&self, direction: Direction, source: Expression, destination: Expression, of: &str) -> Built {
        Ok(match direction {
            Direction::Source => source,
            Direction::Destination => destination,
            Direction::Both => source.and(destination),
            Direction::Default | Direction::Either => source.or(destination),
            Direction::Wireless(word) => return refuse(wireless(word, of)),
        })
    }

    fn address(&self, kind: u32, value: u32, mask: u32, direction: Direction, at: (u32, u32)) -> Built {
        let part = |at| Expression::Bytes {
            base: self.network(),
            at,
            size: 4,
            mask,
            compare: Compare::Equal,
            value,
        };
        let of = "addresses other than 802.11 MAC addresses";
        Ok(self.link_type(kind).and(self.directed(direction, part(at.0), part(at.1), of)?))
    }

    pub fn host(&self, address: Ipv4Addr, mask: u32, q: &Qualifiers) -> Built {
        let (value, direction) = (address.to_bits(), q.direction);
        let what = if q.kind == Some("net") { "net" } else { "host" };
        let ip = || self.address(IPV4, value, mask, direction, (12, 16));
        let arp = || self.address(ARP, value, mask, direction, (14, 24));
        let rarp = || self.address(RARP, value, mask, direction, (14, 24));
        match q.protocol {
            None => Ok(ip()?.or(arp()?).or(rarp()?)),
            Some("ip") => ip(),
            Some("arp") => arp(),
            Some("rarp") => rarp(),
            Some("link") => refuse(format!("link-layer modifier applied to {what}")),
            Some("ip6") => refuse("'ip6' modifier applied to ip host"),
            Some(name @ ("lat" | "sca" | "moprc" | "mopdl" | "aarp" | "iso" | "ipx")) => {
                refuse(format!("{} host filtering not implemented", name.to_uppercase()))
            }
            Some("atalk") => refuse("AppleTalk host filtering not implemented"),
            Some(name) => refuse(format!("'{name}' modifier applied to {what}")),
        }
    }

    pub fn host6(&self, address: Ipv6Addr, prefix: u32, q: &Qualifiers) -> Built {
        match q.protocol {
            None | Some("ip6") => {}
            Some("link") => return refuse("link-layer modifier applied to ip6 host"),
            Some("ip") => return refuse("'ip' modifier applied to ip6 host"),
            Some(name) => return refuse(format!("'{name}' modifier applied to ip6 host")),
        }
        let mask = if prefix == 0 { 0 } else { u128::MAX << (128 - prefix) };
        let part = |at: u32| {
            (0..4).fold(Expression::Always(true), |so_far, word| {
                let word_of = |whole: u128| (whole >> (96 - 32 * word)) as u32;
                let mask = word_of(mask);
                let value = word_of(address.to_bits()) & mask;
                let at = at + 4 * word;
                let base = self.network();
                so_far.and(Expression::Bytes { base, at, size: 4, mask, compare: Compare::Equal, value })
            })
        };
        let of = "addresses other than 802.11 MAC addresses";
        Ok(self.link_type(IPV6).and(self.directed(q.direction, part(8), part(24), of)?))
    }

    pub fn mac(&self, octets: [u8; 6], q: &Qualifiers) -> Built {
        if q.protocol != Some("link") || !matches!(q.kind, None | Some("host")) {
            return refuse("ethernet address used in non-ether expression");
        }
        if self.link != LinkType::Ethernet {
            return refuse(
                "ethernet addresses supported only on ethernet/FDDI/token ring/802.11/ATM LANE/Fibre Channel",
            );
        }
        let of = "802.11 MAC addresses";
        match q.direction {
            Direction::Wireless(word) => {
                refuse(format!("{} only supported on 802.11 with 802.11 headers", quoted(word)))
            }
            direction => self.directed(direction, self.ether(6, octets), self.ether(0, octets), of),
        }
    }

    fn ether(&self, at: u32, octets: [u8; 6]) -> Expression {
        let [a, b, c, d, e, f] = octets;
        let high = self.equal(Base::Link, at, 4, u32::from_be_bytes([a, b, c, d]));
        high.and(self.equal(Base::Link, at + 4, 2, u32::from(u16::from_be_bytes([e, f]))))
    }

    /// Ports from `low` to `high` of TCP, UDP and SCTP, or of the one named.
    pub fn ports(&self, low: u32, high: u32, protocol: Option<u32>, direction: Direction, of: &str) -> Built {
        let (low, high) = (low.min(high), low.max(high));
        let protocols: &[u32] = match protocol {
            Some(TCP) => &[TCP],
            Some(UDP) => &[UDP],
            Some(_) => &[SCTP],
            None => &[TCP, UDP, SCTP],
        };
        let within = |base: Base, at: u32| {
            let test =
                |compare, value| Expression::Bytes { base, at, size: 2, mask: u32::MAX, compare, value };
            match low == high {
                true => test(Compare::Equal, low),
                false => test(Compare::AtLeast, low).and(test(Compare::Greater, high).negated()),
            }
        };
        let of_protocol = |base: Base, at: u32| {
            protocols
                .iter()
                .map(|protocol| self.equal(base, at, 1, *protocol))
                .reduce(Expression::or)
                .unwrap_or(Expression::Always(false))
        };
        let transport = Base::Transport { shift: self.shift };
        let v4 = self
            .link_type(IPV4)
            .and(of_protocol(self.network(), 9))
            .and(self.first_fragment())
            .and(self.directed(direction, within(transport, 0), within(transport, 2), of)?);
        let v6 = self.link_type(IPV6).and(of_protocol(self.network(), 6)).and(self.directed(
            direction,
            within(self.network(), 40),
            within(self.network(), 42),
            of,
        )?);
        Ok(v4.or(v6))
    }

    fn first_fragment(&self) -> Expression {
        Expression::Bytes {
            base: self.network(),
            at: 6,
            size: 2,
            mask: 0x1fff,
            compare: Compare::Equal,
            value: 0,
        }
    }

    /// `proto N` behind a qualifier.
    pub fn protocol(&self, number: u32, q: &Qualifiers) -> Built {
        if q.direction != Direction::Default {
            return refuse("direction applied to 'proto'");
        }
        let v4 = || self.link_type(IPV4).and(self.equal(self.network(), 9, 1, number));
        let v6 = || {
            let in_fragment =
                self.equal(self.network(), 6, 1, FRAGMENT).and(self.equal(self.network(), 40, 1, number));
            self.link_type(IPV6).and(in_fragment.or(self.equal(self.network(), 6, 1, number)))
        };
        match q.protocol {
            None => Ok(v4().or(v6())),
            Some("link") => Ok(self.link_type(number)),
            Some("ip") => Ok(v4()),
            Some("ip6") => Ok(v6()),
            Some(name @ ("arp" | "rarp")) => refuse(format!("{name} does not encapsulate another protocol")),
            Some(name @ ("lat" | "sca" | "moprc" | "mopdl")) => {
                refuse(format!("{} does not encapsulate another protocol", name.to_uppercase()))
            }
            Some("atalk") => refuse("AppleTalk encapsulation is not specifiable"),
            Some("decnet") => refuse("DECNET encapsulation is not specifiable"),
            Some("clnp") => refuse("'clnp proto' is not supported"),
            Some(name) => refuse(format!("'{name} proto' is bogus")),
        }
    }

    /// A protocol's name by itself: `tcp`, `arp`.
    pub fn abbreviation(&self, name: &str) -> Built {
        let of = |number, protocol| {
            let q = Qualifiers { protocol, direction: Direction::Default, kind: None };
            self.protocol(number, &q)
        };
        match name {
            "sctp" => of(SCTP, None),
            "tcp" => of(TCP, None),
            "udp" => of(UDP, None),
            "icmp" => of(1, Some("ip")),
            "igmp" => of(2, Some("ip")),
            "igrp" => of(9, Some("ip")),
            "pim" => of(103, None),
            "vrrp" | "carp" => of(112, Some("ip")),
            "icmp6" => of(58, Some("ip6")),
            "ah" => of(51, None),
            "esp" => of(50, None),
            "ip" => Ok(self.link_type(IPV4)),
            "ip6" => Ok(self.link_type(IPV6)),
            "arp" => Ok(self.link_type(ARP)),
            "rarp" => Ok(self.link_type(RARP)),
            "stp" => Ok(self.link_type(STP_SAP)),
            "atalk" => Ok(self.link_type(0x809b)),
            "aarp" => Ok(self.link_type(0x80f3)),
            "decnet" => Ok(self.link_type(0x6003)),
            "lat" => Ok(self.link_type(0x6004)),
            "sca" => Ok(self.link_type(0x6007)),
            "mopdl" => Ok(self.link_type(0x6001)),
            "moprc" => Ok(self.link_type(0x6002)),
            "link" => refuse("link layer applied in wrong context"),
            "radio" => refuse("'radio' is not a valid protocol type"),
            other => refuse(super::not_simulated(other)),
        }
    }

    /// `tcp[…]`: where it reads, and what must hold for it to be read.
    pub fn load(&self, protocol: &str, index: Arith, size: u32) -> Result<(Arith, Vec<Expression>), Refusal> {
        if !matches!(size, 1 | 2 | 4) {
            return refuse("data size must be 1, 2, or 4");
        }
        let load = |base| Arith::Load { base, index: Box::new(index.clone()), size: size as u8 };
        match protocol {
            "link" => Ok((load(Base::Link), Vec::new())),
            "ip" | "arp" | "rarp" | "ip6" | "atalk" | "decnet" | "sca" | "lat" | "moprc" | "mopdl" => {
                Ok((load(self.network()), vec![self.abbreviation(protocol)?]))
            }
            "tcp" | "udp" | "icmp" | "igmp" | "sctp" | "igrp" | "pim" | "vrrp" | "carp" => {
                let guards = vec![self.link_type(IPV4), self.abbreviation(protocol)?, self.first_fragment()];
                Ok((load(Base::Transport { shift: self.shift }), guards))
            }
            "icmp6" => {
                let behind = Arith::Binary {
                    sign: "+",
                    left: Box::new(index.clone()),
                    right: Box::new(Arith::Number(40)),
                };
                let load = Arith::Load { base: self.network(), index: Box::new(behind), size: size as u8 };
                Ok((load, vec![self.link_type(IPV6), self.equal(self.network(), 6, 1, 58)]))
            }
            "radio" => refuse("radio information not present in capture"),
            _ => refuse("unsupported index operation"),
        }
    }

    pub fn broadcast(&self, protocol: Option<&str>) -> Built {
        match (protocol, self.link) {
            (None | Some("link"), LinkType::Ethernet) => Ok(self.ether(0, [0xff; 6])),
            (None | Some("link"), LinkType::Cooked) => refuse("not a broadcast link"),
            (Some("ip"), _) => {
                let Some(netmask) = self.netmask else {
                    return refuse("netmask not known, so 'ip broadcast' not supported");
                };
                let hosts = !netmask;
                let host = |value| Expression::Bytes {
                    base: self.network(),
                    at: 16,
                    size: 4,
                    mask: hosts,
                    compare: Compare::Equal,
                    value,
                };
                Ok(self.link_type(IPV4).and(host(0).or(host(hosts))))
            }
            _ => refuse("only link-layer/IP broadcast filters supported"),
        }
    }

    pub fn multicast(&self, protocol: Option<&str>) -> Built {
        let first =
            |base, at, mask, compare, value| Expression::Bytes { base, at, size: 1, mask, compare, value };
        match (protocol, self.link) {
            (None | Some("link"), LinkType::Ethernet) => Ok(first(Base::Link, 0, 1, Compare::Equal, 1)),
            (None | Some("link"), LinkType::Cooked) => refuse(
                "link-layer multicast filters supported only on ethernet/FDDI/token ring/ARCNET/802.11/ATM LANE/Fibre Channel",
            ),
            (Some("ip"), _) => {
                Ok(self.link_type(IPV4).and(first(self.network(), 16, 0xff, Compare::AtLeast, 224)))
            }
            (Some("ip6"), _) => {
                Ok(self.link_type(IPV6).and(first(self.network(), 24, 0xff, Compare::Equal, 255)))
            }
            _ => refuse("only IP multicast filters supported on ethernet/FDDI"),
        }
    }

    /// `port` and `portrange` of a number or a name.
    pub fn port_number(&self, port: u32, q: &Qualifiers, word: &str) -> Built {
        let protocol = transport(q.protocol, word)?;
        if port > 65_535 {
            return refuse(format!("illegal port number {port} > 65535"));
        }
        self.ports(port, port, protocol, q.direction, port_words(word))
    }

    pub fn port_name(&self, name: &str, q: &Qualifiers, word: &str, names: &Names) -> Built {
        let asked = transport(q.protocol, word)?;
        let range = word == "portrange";
        let found = |name: &str| names.port(name);
        let (low, high, of) = match (range, name.split_once('-')) {
            (true, Some((low, high))) if !low.is_empty() && !high.is_empty() => {
                match (found(low), found(high)) {
                    (Some((low, a)), Some((high, b))) => (low, high, if a == b { a } else { None }),
                    _ => return refuse(format!("unknown port in range '{name}'")),
                }
            }
            _ => match found(name) {
                Some((port, protocol)) => (port, port, protocol),
                None if range => return refuse(format!("unknown port in range '{name}'")),
                None => return refuse(format!("unknown port '{name}'")),
            },
        };
        let protocol = match (asked, of) {
            (Some(asked), Some(is)) if asked != is => {
                let what = if range { "port in range" } else { "port" };
                return refuse(format!("{what} '{name}' is {}", if is == TCP { "tcp" } else { "udp" }));
            }
            (Some(asked), _) => Some(asked),
            (None, of) => of,
        };
        for port in [low, high] {
            if port > 65_535 {
                return refuse(format!("illegal port number {port} > 65535"));
            }
        }
        self.ports(low, high, protocol, q.direction, port_words(word))
    }

    /// A host or protocol by its name.
    pub fn name(&self, name: &str, q: &Qualifiers, names: &Names) -> Built {
        match q.kind {
            None | Some("host") if q.protocol == Some("link") => {
                refuse(format!("unknown ether host '{name}'"))
            }
            None | Some("host") => {
                let addresses = names.host(name)?;
                let mut built: Option<Expression> = None;
                for address in addresses {
                    let one = match address {
                        IpAddr::V4(_) if q.protocol == Some("ip6") => continue,
                        IpAddr::V6(_) if q.protocol == Some("ip") => continue,
                        IpAddr::V4(address) => self.host(*address, u32::MAX, q)?,
                        IpAddr::V6(address) => self.host6(*address, 128, q)?,
                    };
                    built = Some(match built {
                        Some(before) => before.or(one),
                        None => one,
                    });
                }
                let suffix = if q.protocol.is_none() { "" } else { " for specified address family" };
                built.ok_or_else(|| Refusal(format!("unknown host '{name}'{suffix}")))
            }
            Some("net") => match names.net(name) {
                Some((address, mask)) => self.host(address, mask, q),
                None => refuse(format!("unknown network '{name}'")),
            },
            Some(word @ ("port" | "portrange")) => self.port_name(name, q, word, names),
            Some("gateway") => refuse("'gateway' not supported in this configuration"),
            Some("proto") => {
                let number = match q.protocol {
                    None | Some("ip" | "ip6") => super::names::ip_protocol(name)
                        .ok_or_else(|| Refusal(format!("unknown ip proto '{name}'")))?,
                    Some("link") => super::names::ether_protocol(name)
                        .ok_or_else(|| Refusal(format!("unknown ether proto '{name}'")))?,
                    Some(_) => return refuse(format!("unknown protocol: {name}")),
                };
                self.protocol(number, q)
            }
            Some(other) => refuse(super::not_simulated(other)),
        }
    }
}

fn port_words(word: &str) -> &'static str {
    if word == "portrange" { "port ranges" } else { "ports" }
}

fn transport(protocol: Option<&str>, word: &str) -> Result<Option<u32>, Refusal> {
    match protocol {
        None => Ok(None),
        Some("tcp") => Ok(Some(TCP)),
        Some("udp") => Ok(Some(UDP)),
        Some("sctp") => Ok(Some(SCTP)),
        Some(_) => refuse(format!("illegal qualifier of '{word}'")),
    }
}

fn quoted(word: &str) -> String {
    match word.strip_prefix("addr") {
        Some(number) => format!("'addr{number}' and 'address{number}' are"),
        None => format!("'{word}' is"),
    }
}

fn wireless(word: &str, of: &str) -> String {
    match word.starts_with("addr") {
        true => format!("{} not valid qualifiers for {of}", quoted(word)),
        false => format!("{} not a valid qualifier for {of}", quoted(word)),
    }
}
