//! The headers that sockets write and read: IPv4, UDP, ICMP echo; and the Internet checksum.
//!
//! Always: a parsed header lies within its packet; what is written carries valid checksums.
//! Differs from Linux: no IP options on what sockets send.
//! Sources: RFC 791, 768, 792, 1071.

use std::net::Ipv4Addr;

pub(super) const IPV4: usize = 20;
pub(super) const UDP: usize = 8;

pub(super) const ICMP_PROTOCOL: u8 = 1;
pub(super) const TCP_PROTOCOL: u8 = 6;
pub(super) const UDP_PROTOCOL: u8 = 17;

const DONT_FRAGMENT: u16 = 0x4000;

/// Sums 16-bit words, eight bytes at a time; carries are folded in at the end.
fn sum(mut total: u64, bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    for word in words {
        let (next, carry) = total.overflowing_add(u64::from_be_bytes(*word));
        total = next + u64::from(carry);
    }
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    let (next, carry) = total.overflowing_add(u64::from_be_bytes(last));
    next + u64::from(carry)
}

fn fold(mut total: u64) -> u16 {
    while total > 0xffff {
        total = (total & 0xffff) + (total >> 16);
    }
    !(total as u16)
}

/// Of a header or ICMP message: to be written into it, or zero where it is already right.
pub(super) fn checksum(bytes: &[u8]) -> u16 {
    fold(sum(0, bytes))
}

/// Of a TCP or UDP segment with its pseudo-header; zero where the one inside is right.
pub(super) fn transport_checksum(src: Ipv4Addr, dst: Ipv4Addr, protocol: u8, segment: &[u8]) -> u16 {
    let pseudo =
        u64::from(src.to_bits()) + u64::from(dst.to_bits()) + u64::from(protocol) + segment.len() as u64;
    fold(sum(pseudo, segment))
}

/// What a socket says of the IP header it wants.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ipv4Header {
    pub src: Ipv4Addr,
    pub dst: Ipv4Addr,
    pub protocol: u8,
    pub ttl: u8,
    pub tos: u8,
    pub id: u16,
    pub dont_fragment: bool,
}

impl Ipv4Header {
    /// Writes the first 20 bytes of `packet`, which is the whole packet.
    pub fn write(&self, packet: &mut [u8]) {
        let length = packet.len() as u16;
        let header = &mut packet[..IPV4];
        header[0] = 0x45;
        header[1] = self.tos;
        header[2..4].copy_from_slice(&length.to_be_bytes());
        header[4..6].copy_from_slice(&self.id.to_be_bytes());
        header[6..8].copy_from_slice(&if self.dont_fragment { DONT_FRAGMENT } else { 0 }.to_be_bytes());
        header[8] = self.ttl;
        header[9] = self.protocol;
        header[10..12].fill(0);
        header[12..16].copy_from_slice(&self.src.octets());
        header[16..20].copy_from_slice(&self.dst.octets());
        let sum = checksum(header);
        header[10..12].copy_from_slice(&sum.to_be_bytes());
    }

    /// A whole packet around `payload`, which is a finished transport message but for a TCP or UDP checksum.
    pub fn around(&self, payload: &[u8]) -> Vec<u8> {
        let mut packet = vec![0; IPV4 + payload.len()];
        packet[IPV4..].copy_from_slice(payload);
        self.write(&mut packet);
        packet
    }
}

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

/// A UDP message with its checksum.
pub(super) fn udp(src: (Ipv4Addr, u16), dst: (Ipv4Addr, u16), payload: &[u8]) -> Vec<u8> {
    let mut message = Vec::with_capacity(UDP + payload.len());
    message.extend_from_slice(&src.1.to_be_bytes());
    message.extend_from_slice(&dst.1.to_be_bytes());
    message.extend_from_slice(&((UDP + payload.len()) as u16).to_be_bytes());
    message.extend_from_slice(&[0, 0]);
    message.extend_from_slice(payload);
    let sum = match transport_checksum(src.0, dst.0, UDP_PROTOCOL, &message) {
        0 => 0xffff,
        sum => sum,
    };
    message[6..8].copy_from_slice(&sum.to_be_bytes());
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checksum_over_its_own_header_is_zero() {
        let header = Ipv4Header {
            src: Ipv4Addr::new(10, 0, 0, 1),
            dst: Ipv4Addr::new(10, 0, 0, 2),
            protocol: UDP_PROTOCOL,
            ttl: 64,
            tos: 0,
            id: 7,
            dont_fragment: true,
        };
        let message = udp((header.src, 5), (header.dst, 53), b"odd");
        let packet = header.around(&message);
        assert_eq!(checksum(&packet[..IPV4]), 0);
        assert_eq!(transport_checksum(header.src, header.dst, UDP_PROTOCOL, &message), 0);
        let parsed = Ipv4::parse(&packet).expect("a packet just written");
        assert_eq!((parsed.src, parsed.payload), (header.src, &message[..]));
    }

    #[test]
    fn wide_sums_equal_narrow_ones() {
        let bytes: Vec<u8> = (0..=255).chain(250..=255).chain([255; 99]).collect();
        for end in 0..bytes.len() {
            let narrow: u64 = bytes[..end]
                .chunks(2)
                .map(|pair| u64::from(pair[0]) << 8 | pair.get(1).map_or(0, |low| u64::from(*low)))
                .sum();
            assert_eq!(checksum(&bytes[..end]), fold(narrow), "{end} bytes");
        }
    }
}
