//! The IPv4 header: read, checked, written.
//!
//! Always: readers take bytes that begin with a header that was checked, or at least 20 bytes of one.
//! Sources: RFC 791 §3.1; RFC 1071 (checksum); RFC 1624 (changing it by halves).

use crate::Packet;
use api::DropReason;
use std::net::Ipv4Addr;

/// Without options.
pub(crate) const IPV4_HEADER: usize = 20;

pub(crate) mod protocol {
    pub const ICMP: u8 = 1;
    pub const IGMP: u8 = 2;
    pub const IPIP: u8 = 4;
    pub const TCP: u8 = 6;
    pub const UDP: u8 = 17;
}

pub(crate) mod ethertype {
    pub const IPV4: u16 = 0x0800;
    pub const ARP: u16 = 0x0806;
    pub const VLAN: u16 = 0x8100;
    pub const QINQ: u16 = 0x88a8;
    pub const IPV6: u16 = 0x86dd;
}

/// Bits of the fragment field.
pub(crate) const DONT_FRAGMENT: u16 = 0x4000;
pub(crate) const MORE_FRAGMENTS: u16 = 0x2000;
pub(crate) const FRAGMENT_OFFSET: u16 = 0x1fff;

/// The Internet checksum of `bytes`, to be added to; [`fold`] makes it one.
pub(crate) fn sum(bytes: &[u8]) -> u64 {
    let halves = |word: [u8; 8]| {
        let word = u64::from_ne_bytes(word);
        (word & 0xffff_ffff) + (word >> 32)
    };
    let (words, rest) = bytes.as_chunks::<8>();
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    words.iter().fold(halves(last), |total, word| total + halves(*word))
}

/// The checksum that goes into a header, in its order of bytes.
pub(crate) fn fold(mut sum: u64) -> [u8; 2] {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    (!(sum as u16)).to_ne_bytes()
}

pub(crate) fn checksum(bytes: &[u8]) -> [u8; 2] {
    fold(sum(bytes))
}

/// The sum over a transport's pseudo header.
pub(crate) fn pseudo(source: Ipv4Addr, destination: Ipv4Addr, protocol: u8, length: usize) -> u64 {
    let [a, b] = (length as u16).to_be_bytes();
    let words = [source.octets(), destination.octets(), [0, protocol, a, b]];
    words.map(|word| u64::from(u32::from_ne_bytes(word))).iter().sum()
}

/// Of a TCP or UDP message with its pseudo header; zeros where the one inside is right.
pub(crate) fn transport_checksum(
    source: Ipv4Addr,
    destination: Ipv4Addr,
    protocol: u8,
    message: &[u8],
) -> [u8; 2] {
    fold(pseudo(source, destination, protocol, message.len()) + sum(message))
}

#[inline]
fn word(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

#[inline]
fn address(bytes: &[u8], at: usize) -> Ipv4Addr {
    Ipv4Addr::new(bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3])
}

#[inline]
pub(crate) fn header_length(bytes: &[u8]) -> usize {
    usize::from(bytes[0] & 15) * 4
}

#[inline]
pub(crate) fn tos(bytes: &[u8]) -> u8 {
    bytes[1]
}

#[inline]
pub(crate) fn total_length(bytes: &[u8]) -> usize {
    usize::from(word(bytes, 2))
}

#[inline]
pub(crate) fn identification(bytes: &[u8]) -> u16 {
    word(bytes, 4)
}

/// Flags and offset.
#[inline]
pub(crate) fn fragment(bytes: &[u8]) -> u16 {
    word(bytes, 6)
}

/// Is it a piece of a larger packet?
#[inline]
pub(crate) fn is_fragment(bytes: &[u8]) -> bool {
    fragment(bytes) & (MORE_FRAGMENTS | FRAGMENT_OFFSET) != 0
}

#[inline]
pub(crate) fn ttl(bytes: &[u8]) -> u8 {
    bytes[8]
}

#[inline]
pub(crate) fn protocol_of(bytes: &[u8]) -> u8 {
    bytes[9]
}

#[inline]
pub(crate) fn source(bytes: &[u8]) -> Ipv4Addr {
    address(bytes, 12)
}

#[inline]
pub(crate) fn destination(bytes: &[u8]) -> Ipv4Addr {
    address(bytes, 16)
}

/// What follows the header.
pub(crate) fn payload(bytes: &[u8]) -> &[u8] {
    bytes.get(header_length(bytes)..).unwrap_or(&[])
}

/// Ports of a first or only piece of TCP or UDP; zeros else.
pub(crate) fn ports(bytes: &[u8]) -> (u16, u16) {
    let inner = payload(bytes);
    let ported = matches!(protocol_of(bytes), protocol::TCP | protocol::UDP);
    if ported && inner.len() >= 4 && fragment(bytes) & FRAGMENT_OFFSET == 0 {
        (word(inner, 0), word(inner, 2))
    } else {
        (0, 0)
    }
}

/// Is that a header a host may go on with? Gives the packet's length (`ip_rcv_core`).
pub(crate) fn check(bytes: &[u8]) -> Result<usize, DropReason> {
    if bytes.len() < IPV4_HEADER {
        return Err(DropReason::PktTooSmall);
    }
    let header = header_length(bytes);
    if bytes[0] >> 4 != 4 || header < IPV4_HEADER {
        return Err(DropReason::IpInHdr);
    }
    if bytes.len() < header {
        return Err(DropReason::PktTooSmall);
    }
    if checksum(&bytes[..header]) != [0, 0] {
        return Err(DropReason::IpCsum);
    }
    let total = total_length(bytes);
    if bytes.len() < total {
        return Err(DropReason::PktTooSmall);
    }
    if total < header { Err(DropReason::IpInHdr) } else { Ok(total) }
}

/// Writes the header's checksum anew.
pub(crate) fn seal(bytes: &mut [u8]) {
    let header = header_length(bytes);
    bytes[10..12].fill(0);
    let sum = checksum(&bytes[..header]);
    bytes[10..12].copy_from_slice(&sum);
}

/// One hop less to live; the checksum follows (RFC 1624).
pub(crate) fn decrease_ttl(bytes: &mut [u8]) -> u8 {
    let check = u32::from(word(bytes, 10)) + 0x0100;
    let check = (check + u32::from(check >= 0xffff)) as u16;
    bytes[10..12].copy_from_slice(&check.to_be_bytes());
    bytes[8] -= 1;
    bytes[8]
}

/// What a new header says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fields {
    pub source: Ipv4Addr,
    pub destination: Ipv4Addr,
    pub protocol: u8,
    pub ttl: u8,
    pub tos: u8,
    pub identification: u16,
    pub dont_fragment: bool,
}

/// Puts a header without options in front of the packet.
pub(crate) fn push(packet: &mut Packet, fields: &Fields) {
    let total = packet.len() + IPV4_HEADER;
    let bytes = packet.push(IPV4_HEADER);
    write(bytes, fields, total);
}

/// Writes a header without options into 20 zeroed bytes.
pub(crate) fn write(bytes: &mut [u8], fields: &Fields, total: usize) {
    bytes[0] = 0x45;
    bytes[1] = fields.tos;
    bytes[2..4].copy_from_slice(&(total as u16).to_be_bytes());
    bytes[4..6].copy_from_slice(&fields.identification.to_be_bytes());
    let flags = if fields.dont_fragment { DONT_FRAGMENT } else { 0 };
    bytes[6..8].copy_from_slice(&flags.to_be_bytes());
    bytes[8] = fields.ttl;
    bytes[9] = fields.protocol;
    bytes[12..16].copy_from_slice(&fields.source.octets());
    bytes[16..20].copy_from_slice(&fields.destination.octets());
    seal(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;
    use api::JourneyId;

    fn packet() -> Packet {
        let mut packet = Packet::new(JourneyId(1), b"payload");
        let fields = Fields {
            source: Ipv4Addr::new(10, 0, 0, 1),
            destination: Ipv4Addr::new(10, 0, 0, 2),
            protocol: protocol::UDP,
            ttl: 64,
            tos: 0,
            identification: 7,
            dont_fragment: true,
        };
        push(&mut packet, &fields);
        packet
    }

    #[test]
    fn a_written_header_is_whole_and_stays_so_down_to_ttl_zero() {
        let mut packet = packet();
        assert_eq!(check(packet.data()), Ok(27));
        for left in (0..64).rev() {
            assert_eq!(decrease_ttl(packet.data_mut()), left);
            assert_eq!(check(packet.data()), Ok(27), "ttl {left}");
        }
    }

    #[test]
    fn a_broken_header_is_named_by_its_fault() {
        let fault = |at: usize, value: u8| {
            let mut packet = packet();
            packet.data_mut()[at] = value;
            if at != 10 {
                seal(packet.data_mut());
            }
            check(packet.data())
        };
        assert_eq!(fault(0, 0x65), Err(DropReason::IpInHdr));
        assert_eq!(fault(10, 0), Err(DropReason::IpCsum));
        assert_eq!(fault(3, 200), Err(DropReason::PktTooSmall));
        assert_eq!(fault(3, 19), Err(DropReason::IpInHdr));
        assert_eq!(check(&[0x45; 10]), Err(DropReason::PktTooSmall));
    }

    #[test]
    fn the_sum_is_that_of_rfc_1071() {
        let bytes = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
        assert_eq!(checksum(&bytes), (!0xddf2_u16).to_be_bytes());
        assert_eq!(checksum(&[0xff]), (!0xff00_u16).to_be_bytes());
    }

    #[test]
    fn a_sum_by_words_is_that_by_pairs_of_bytes() {
        let bytes: Vec<u8> = (0..=255).chain(250..=255).chain([255; 99]).collect();
        for end in 0..bytes.len() {
            let pairs = bytes[..end].chunks(2);
            let narrow =
                pairs.map(|pair| u64::from(u16::from_ne_bytes([pair[0], *pair.get(1).unwrap_or(&0)])));
            assert_eq!(checksum(&bytes[..end]), fold(narrow.sum()), "{end} bytes");
        }
    }
}
