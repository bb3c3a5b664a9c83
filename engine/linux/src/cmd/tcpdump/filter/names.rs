//! Names in a filter: hosts, networks, ports, protocols.
//!
//! Always: compiling asks for one unknown host at a time; the caller resolves it and compiles again.
//! Sources: libpcap 1.10.3, nametoaddr.c.

use super::Refusal;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

const TCP: u32 = 6;
const UDP: u32 = 17;

/// What is known of names; filled by the caller.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// Empty where the name does not resolve.
    pub hosts: BTreeMap<String, Vec<IpAddr>>,
    /// The text of /etc/services.
    pub services: String,
    /// The text of /etc/networks.
    pub networks: String,
}

impl Names {
    pub(super) fn host(&self, name: &str) -> Result<&[IpAddr], Refusal> {
        match self.hosts.get(name) {
            None => Err(Refusal::wants(name)),
            Some(addresses) if addresses.is_empty() => Err(Refusal(format!("unknown host '{name}'"))),
            Some(addresses) => Ok(addresses),
        }
    }

    /// The port and its protocol; `None` for the protocol where both know it.
    pub(super) fn port(&self, name: &str) -> Option<(u32, Option<u32>)> {
        let rows = self.services.lines().filter_map(|line| {
            let line = line.split('#').next()?;
            let mut words = line.split_whitespace();
            let (first, (port, protocol)) = (words.next()?, words.next()?.split_once('/')?);
            let named = first == name || words.any(|alias| alias == name);
            named.then(|| Some((port.parse::<u32>().ok()?, protocol)))?
        });
        let (mut tcp, mut udp) = (None, None);
        for (port, protocol) in rows {
            match protocol {
                "tcp" => tcp = tcp.or(Some(port)),
                "udp" => udp = udp.or(Some(port)),
                _ => {}
            }
        }
        match (tcp, udp) {
            (Some(port), Some(_)) => Some((port, None)),
            (Some(port), None) => Some((port, Some(TCP))),
            (None, Some(port)) => Some((port, Some(UDP))),
            (None, None) => name.parse().ok().map(|port| (port, None)),
        }
    }

    pub(super) fn net(&self, name: &str) -> Option<(Ipv4Addr, u32)> {
        let row = self.networks.lines().find_map(|line| {
            let mut words = line.split('#').next()?.split_whitespace();
            let (first, number) = (words.next()?, words.next()?);
            (first == name || words.any(|alias| alias == name)).then(|| number.to_string())
        })?;
        // Trailing zero octets are no part of a network's number.
        let significant = row.trim_end_matches(".0");
        dotted(significant)
    }
}

/// `10`, `10.1`, `10.1.2`, `10.1.2.3`: the address and the mask of the octets that are given.
pub(super) fn dotted(text: &str) -> Option<(Ipv4Addr, u32)> {
    let mut value: u32 = 0;
    let mut bits = 0;
    for part in text.split('.') {
        let octet: u32 = part.parse().ok().filter(|octet| *octet <= 255)?;
        value = value << 8 | octet;
        bits += 8;
    }
    let left = 32 - bits;
    let mask = if left == 32 { 0 } else { u32::MAX << left };
    Some((Ipv4Addr::from_bits(if left == 32 { 0 } else { value << left }), mask))
}

/// /etc/protocols
pub(super) fn ip_protocol(name: &str) -> Option<u32> {
    Some(match name {
        "ip" => 0,
        "icmp" => 1,
        "igmp" => 2,
        "ipencap" => 4,
        "tcp" => 6,
        "egp" => 8,
        "igp" => 9,
        "udp" => 17,
        "ipv6" => 41,
        "ipv6-route" => 43,
        "ipv6-frag" => 44,
        "rsvp" => 46,
        "gre" => 47,
        "esp" => 50,
        "ah" => 51,
        "ipv6-icmp" => 58,
        "ospf" => 89,
        "pim" => 103,
        "vrrp" => 112,
        "sctp" => 132,
        _ => return None,
    })
}

pub(super) fn ether_protocol(name: &str) -> Option<u32> {
    Some(match name {
        "ip" => 0x0800,
        "ip6" => 0x86dd,
        "arp" => 0x0806,
        "rarp" => 0x8035,
        "loopback" => 0x9000,
        "stp" => 0x42,
        "aarp" => 0x80f3,
        "atalk" => 0x809b,
        "decnet" => 0x6003,
        "lat" => 0x6004,
        "moprc" => 0x6002,
        "mopdl" => 0x6001,
        "sca" => 0x6007,
        "ipx" => 0xe0,
        "netbeui" => 0xf0,
        "iso" => 0xfe,
        _ => return None,
    })
}
