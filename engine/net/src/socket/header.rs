//! The headers that sockets read, and the one of UDP, which they write.
//!
//! Always: a parsed header lies within its packet; what is written carries valid checksums.
//! Sources: RFC 791, 768.

use crate::Packet;
use crate::ip::header::transport_checksum;
use api::JourneyId;
use std::net::Ipv4Addr;

pub(super) const IPV4: usize = 20;
pub(super) const UDP: usize = 8;

pub(super) const ICMP_PROTOCOL: u8 = 1;
pub(super) const TCP_PROTOCOL: u8 = 6;
pub(super) const UDP_PROTOCOL: u8 = 17;

/// An IPv4 packet as received.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ipv4<'a> {
    pub src: Ipv4Addr,
    pub dst: Ipv4Addr,
    pub protocol: u8,
    pub ttl: u8,
    pub tos: u8,
    pub payload: &'a [u8],
}

impl<'a> Ipv4<'a> {
    /// `None` where it is not IPv4 or shorter than its header says. A payload cut short (as inside an ICMP error)
    /// is as long as what is there.
    pub fn parse(packet: &'a [u8]) -> Option<Ipv4<'a>> {
        let header: &[u8; IPV4] = packet.first_chunk()?;
        let header_length = usize::from(header[0] & 0xf) * 4;
        let total = usize::from(u16::from_be_bytes([header[2], header[3]]));
        if header[0] >> 4 != 4 || header_length < IPV4 || total < header_length {
            return None;
        }
        Some(Ipv4 {
            src: Ipv4Addr::from_octets([header[12], header[13], header[14], header[15]]),
            dst: Ipv4Addr::from_octets([header[16], header[17], header[18], header[19]]),
            protocol: header[9],
            ttl: header[8],
            tos: header[1],
            payload: packet.get(header_length..total.min(packet.len()))?,
        })
    }
}

/// The two ports that a TCP or UDP message begins with.
pub(super) fn ports(message: &[u8]) -> Option<(u16, u16)> {
    let &[a, b, c, d] = message.first_chunk()?;
    Some((u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])))
}

/// A UDP message with its checksum, as a packet without its IP header.
pub(super) fn udp(src: (Ipv4Addr, u16), dst: (Ipv4Addr, u16), payload: &[u8]) -> Packet {
    let mut message = Packet::new(JourneyId(0), payload);
    let header = message.push(UDP);
    header[..2].copy_from_slice(&src.1.to_be_bytes());
    header[2..4].copy_from_slice(&dst.1.to_be_bytes());
    header[4..6].copy_from_slice(&((UDP + payload.len()) as u16).to_be_bytes());
    let sum = match transport_checksum(src.0, dst.0, UDP_PROTOCOL, message.data()) {
        [0, 0] => [0xff, 0xff],
        sum => sum,
    };
    message.data_mut()[6..8].copy_from_slice(&sum);
    message
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ip::header::{Fields, checksum, push};

    #[test]
    fn a_checksum_over_its_own_header_is_zero() {
        let fields = Fields {
            source: Ipv4Addr::new(10, 0, 0, 1),
            destination: Ipv4Addr::new(10, 0, 0, 2),
            protocol: UDP_PROTOCOL,
            ttl: 64,
            tos: 0,
            identification: 7,
            dont_fragment: true,
        };
        let (source, destination) = (fields.source, fields.destination);
        let mut packet = udp((source, 5), (destination, 53), b"odd");
        let message = packet.data().to_vec();
        push(&mut packet, &fields);
        assert_eq!(checksum(&packet.data()[..IPV4]), [0, 0]);
        assert_eq!(transport_checksum(source, destination, UDP_PROTOCOL, &message), [0, 0]);
        let parsed = Ipv4::parse(packet.data()).expect("a packet just written");
        assert_eq!((parsed.src, parsed.payload), (source, &message[..]));
    }
}
