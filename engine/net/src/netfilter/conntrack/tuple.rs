//! A conntrack tuple: what tells one flow's packets, in one direction, from all others.
//!
//! Called by the table, the trackers and NAT. Always: inverting twice gives the same tuple.
//! Differs from Linux: no zones; GRE keys, ESP and AH are tracked by addresses only (as the generic tracker does).
//! Sources: linux nf_conntrack_core.c, nf_conntrack_proto_icmp.c.

use crate::netfilter::header::{self, Header, ICMP};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::net::IpAddr;

/// Which way a packet of a flow goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    #[default]
    Original,
    Reply,
}

impl Direction {
    #[must_use]
    pub fn other(self) -> Direction {
        match self {
            Direction::Original => Direction::Reply,
            Direction::Reply => Direction::Original,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tuple {
    pub source: IpAddr,
    pub destination: IpAddr,
    pub protocol: u8,
    /// ICMP: the identifier.
    pub source_port: u16,
    /// ICMP: type and code.
    pub destination_port: u16,
}

/// Every tracked packet is looked up by it: in as few words as it fits in.
impl Hash for Tuple {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        for address in [self.source, self.destination] {
            match address {
                IpAddr::V4(it) => hasher.write_u32(it.into()),
                IpAddr::V6(it) => hasher.write_u128(it.into()),
            }
        }
        let ports = u64::from(self.destination_port) << 16 | u64::from(self.source_port);
        hasher.write_u64(u64::from(self.protocol) << 32 | ports);
    }
}

impl Tuple {
    /// `None` for what cannot be told apart: later fragments, cut headers, ICMP messages that belong to no exchange.
    pub(crate) fn of(header: &Header, bytes: &[u8]) -> Option<Tuple> {
        let (source_port, destination_port) = match header.protocol {
            _ if header.is_later_fragment() => return None,
            ICMP => match header.upper(bytes) {
                [kind, code, _, _, high, low, ..] => {
                    (u16::from_be_bytes([*high, *low]), u16::from_be_bytes([*kind, *code]))
                }
                _ => return None,
            },
            protocol if header::has_ports(protocol) => header.ports(bytes)?,
            _ => (0, 0),
        };
        let (source, destination, protocol) = (header.source, header.destination, header.protocol);
        Some(Tuple { source, destination, protocol, source_port, destination_port })
    }

    /// The tuple of the answers; `None` for ICMP types that have no answer.
    pub fn inverted(&self) -> Option<Tuple> {
        let (source_port, destination_port) = match self.protocol {
            ICMP => {
                let [kind, code] = self.destination_port.to_be_bytes();
                (self.source_port, u16::from_be_bytes([icmp_answer(kind)?, code]))
            }
            _ => (self.destination_port, self.source_port),
        };
        let (source, destination) = (self.destination, self.source);
        Some(Tuple { source, destination, source_port, destination_port, ..*self })
    }

    /// ICMP type and code.
    pub fn icmp(&self) -> (u8, u8) {
        let [kind, code] = self.destination_port.to_be_bytes();
        (kind, code)
    }
}

/// Echo, timestamp, information and address mask: request to reply and back.
fn icmp_answer(kind: u8) -> Option<u8> {
    Some(match kind {
        8 => 0,
        0 => 8,
        13 => 14,
        14 => 13,
        15 => 16,
        16 => 15,
        17 => 18,
        18 => 17,
        _ => return None,
    })
}

/// As `conntrack -L` writes it.
impl fmt::Display for Tuple {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "src={} dst={}", self.source, self.destination)?;
        match self.protocol {
            ICMP => {
                let (kind, code) = self.icmp();
                write!(f, " type={kind} code={code} id={}", self.source_port)
            }
            protocol if header::has_ports(protocol) => {
                write!(f, " sport={} dport={}", self.source_port, self.destination_port)
            }
            _ => Ok(()),
        }
    }
}
