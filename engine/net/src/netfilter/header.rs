//! An IP header as netfilter looks at it: once read, many times asked.
//!
//! Called by conntrack, NAT, matches and targets. Always: what it points to lies inside the bytes it was read from.
//! Differs from Linux: IPv6 extension headers other than hop-by-hop, routing, fragment and destination options
//! end the walk, and count as the upper layer.
//! Sources: RFC 791, RFC 8200 §4; linux include/net/ip.h, ipv6_find_hdr().

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub(crate) const ICMP: u8 = 1;
pub(crate) const TCP: u8 = 6;
pub(crate) const UDP: u8 = 17;
pub(crate) const DCCP: u8 = 33;
pub(crate) const ICMPV6: u8 = 58;
pub(crate) const SCTP: u8 = 132;
pub(crate) const UDPLITE: u8 = 136;

/// Extension headers looked through at most.
const MAX_EXTENSIONS: usize = 8;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub source: IpAddr,
    pub destination: IpAddr,
    pub protocol: u8,
    pub tos: u8,
    pub ttl: u8,
    /// Of the whole packet, header included.
    pub length: usize,
    /// Fragment offset in bytes.
    pub offset: u16,
    pub more_fragments: bool,
    /// Where the upper layer starts.
    pub transport: usize,
}

impl Header {
    /// `None` where the bytes are no whole IP header.
    pub fn read(bytes: &[u8]) -> Option<Header> {
        match bytes.first()? >> 4 {
            4 => Header::read_v4(bytes),
            6 => Header::read_v6(bytes),
            _ => None,
        }
    }

    fn read_v4(bytes: &[u8]) -> Option<Header> {
        let transport = usize::from(bytes[0] & 0xf) * 4;
        if transport < 20 || bytes.len() < transport {
            return None;
        }
        let word = |at: usize| u16::from_be_bytes([bytes[at], bytes[at + 1]]);
        let address = |at: usize| Ipv4Addr::new(bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]);
        Some(Header {
            source: address(12).into(),
            destination: address(16).into(),
            protocol: bytes[9],
            tos: bytes[1],
            ttl: bytes[8],
            length: usize::from(word(2)).min(bytes.len()).max(transport),
            offset: (word(6) & 0x1fff) << 3,
            more_fragments: word(6) & 0x2000 != 0,
            transport,
        })
    }

    fn read_v6(bytes: &[u8]) -> Option<Header> {
        if bytes.len() < 40 {
            return None;
        }
        let address = |at: usize| {
            let mut octets = [0; 16];
            octets.copy_from_slice(&bytes[at..at + 16]);
            IpAddr::from(Ipv6Addr::from(octets))
        };
        let mut header = Header {
            source: address(8),
            destination: address(24),
            protocol: bytes[6],
            tos: bytes[0] << 4 | bytes[1] >> 4,
            ttl: bytes[7],
            length: (40 + usize::from(u16::from_be_bytes([bytes[4], bytes[5]]))).min(bytes.len()),
            offset: 0,
            more_fragments: false,
            transport: 40,
        };
        for _ in 0..MAX_EXTENSIONS {
            let Some(extension) = bytes.get(header.transport..header.transport + 8) else { break };
            let length = match header.protocol {
                0 | 43 | 60 => (usize::from(extension[1]) + 1) * 8,
                44 => {
                    let word = u16::from_be_bytes([extension[2], extension[3]]);
                    (header.offset, header.more_fragments) = (word & 0xfff8, word & 1 != 0);
                    8
                }
                _ => break,
            };
            header.protocol = extension[0];
            header.transport += length;
        }
        header.transport = header.transport.min(bytes.len());
        Some(header)
    }

    /// A second or further fragment: its bytes are no upper-layer header.
    pub fn is_later_fragment(&self) -> bool {
        self.offset != 0
    }

    /// The upper layer's header and payload.
    pub fn upper<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        let end = self.length.min(bytes.len());
        bytes.get(self.transport..end).unwrap_or_default()
    }

    /// Source and destination port of the protocols that have them.
    pub fn ports(&self, bytes: &[u8]) -> Option<(u16, u16)> {
        if self.is_later_fragment() || !has_ports(self.protocol) {
            return None;
        }
        match self.upper(bytes) {
            [a, b, c, d, ..] => Some((u16::from_be_bytes([*a, *b]), u16::from_be_bytes([*c, *d]))),
            _ => None,
        }
    }

    /// Type and code.
    pub fn icmp(&self, bytes: &[u8]) -> Option<(u8, u8)> {
        match self.upper(bytes) {
            [kind, code, ..] if !self.is_later_fragment() && matches!(self.protocol, ICMP | ICMPV6) => {
                Some((*kind, *code))
            }
            _ => None,
        }
    }

    /// The fixed TCP header, where the packet holds one.
    pub fn tcp<'a>(&self, bytes: &'a [u8]) -> Option<TcpHeader<'a>> {
        (self.protocol == TCP && !self.is_later_fragment()).then(|| TcpHeader::read(self.upper(bytes)))?
    }
}

pub(crate) fn has_ports(protocol: u8) -> bool {
    matches!(protocol, TCP | UDP | DCCP | SCTP | UDPLITE)
}

/// A TCP segment from its header on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TcpHeader<'a> {
    segment: &'a [u8],
}

pub(crate) const FIN: u8 = 0x01;
pub(crate) const SYN: u8 = 0x02;
pub(crate) const RST: u8 = 0x04;
pub(crate) const PSH: u8 = 0x08;
pub(crate) const ACK: u8 = 0x10;
pub(crate) const URG: u8 = 0x20;

impl<'a> TcpHeader<'a> {
    fn read(segment: &'a [u8]) -> Option<TcpHeader<'a>> {
        (segment.len() >= 20).then_some(TcpHeader { segment })
    }

    fn long(&self, at: usize) -> u32 {
        let bytes = self.segment;
        u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
    }

    pub fn sequence(&self) -> u32 {
        self.long(4)
    }

    pub fn acknowledgement(&self) -> u32 {
        self.long(8)
    }

    pub fn flags(&self) -> u8 {
        self.segment[13]
    }

    pub fn has(&self, flag: u8) -> bool {
        self.flags() & flag != 0
    }

    pub fn window(&self) -> u16 {
        u16::from_be_bytes([self.segment[14], self.segment[15]])
    }

    pub fn header_length(&self) -> usize {
        usize::from(self.segment[12] >> 4) * 4
    }

    pub fn is_well_formed(&self) -> bool {
        (20..=self.segment.len()).contains(&self.header_length())
    }

    /// Sequence space it takes: data, SYN and FIN.
    pub fn sequence_length(&self) -> u32 {
        let data = self.segment.len().saturating_sub(self.header_length()) as u32;
        data + u32::from(self.has(SYN)) + u32::from(self.has(FIN))
    }

    /// Options as (kind, data without kind and length); ends at the first malformed one.
    pub fn options(&self) -> impl Iterator<Item = (u8, &'a [u8])> + use<'a> {
        let end = self.header_length().min(self.segment.len());
        let mut rest = self.segment.get(20..end).unwrap_or_default();
        std::iter::from_fn(move || {
            loop {
                match rest {
                    [] | [0, ..] => return None,
                    [1, next @ ..] => rest = next,
                    [kind, length, ..] if *length >= 2 && usize::from(*length) <= rest.len() => {
                        let (option, next) = rest.split_at(usize::from(*length));
                        rest = next;
                        return Some((*kind, &option[2..]));
                    }
                    _ => return None,
                }
            }
        })
    }
}
