//! The rewriting of addresses and ports in a packet's bytes, with the checksums that cover them.
//!
//! Called by NAT at each hook. Always: valid checksums stay valid; the packet quoted in an ICMP error is rewritten
//! as well, so that its sender recognises it.
//! Differs from Linux: SCTP's checksum does not cover addresses, and its ports are rewritten without a new CRC32c.
//! Sources: linux nf_nat_proto.c; RFC 5508 §4 (ICMP errors).

use super::{Manip, is_translated};
use crate::netfilter::checksum;
use crate::netfilter::conntrack::{Flow, Info, Relation, Tuple};
use crate::netfilter::header::{Header, ICMP, TCP, UDP, UDPLITE, has_ports};
use std::net::IpAddr;

/// Applies a flow's translation to one of its packets; false where it cannot be (a redirect, a cut packet).
#[must_use]
pub(crate) fn translate(bytes: &mut [u8], flow: &Flow, info: Info, manip: Manip) -> bool {
    if !is_translated(flow, info.direction, manip) {
        return true;
    }
    let Some(header) = Header::read(bytes) else { return false };
    // What this packet looks like from the other side, turned round, is what it is to become.
    let other = flow.tuple(info.direction.other());
    if info.relation == Relation::Related && header.protocol == ICMP {
        return translate_error(bytes, &header, other, manip);
    }
    let Some(target) = other.inverted() else { return false };
    rewrite(bytes, 0, &header, &target, manip);
    true
}

/// An ICMP error: the packet it quotes goes the other way, so it is rewritten in its other half.
fn translate_error(bytes: &mut [u8], header: &Header, other: &Tuple, manip: Manip) -> bool {
    const REDIRECT: u8 = 5;
    let quoted = header.transport + 8;
    if header.upper(bytes).first() == Some(&REDIRECT) {
        return false;
    }
    let Some(inner) = bytes.get(quoted..).and_then(Header::read) else { return false };
    rewrite(bytes, quoted, &inner, other, manip.other());
    let end = header.length.min(bytes.len());
    let Some(message) = bytes.get_mut(header.transport..end) else { return false };
    message[2..4].fill(0);
    let sum = crate::ip::header::checksum(message);
    message[2..4].copy_from_slice(&sum);
    let outer = Tuple { source: other.destination, destination: other.source, protocol: ICMP, ..*other };
    rewrite_addresses(bytes, 0, header, &outer, manip);
    true
}

fn rewrite(bytes: &mut [u8], at: usize, header: &Header, target: &Tuple, manip: Manip) {
    let (old, new) = rewrite_addresses(bytes, at, header, target, manip);
    if header.is_later_fragment() {
        return;
    }
    let upper = at + header.transport;
    let checksum_at = match header.protocol {
        TCP => upper + 16,
        UDP | UDPLITE => upper + 6,
        ICMP => upper + 2,
        _ => usize::MAX,
    };
    let no_checksum = header.protocol == UDP && bytes.get(upper + 6..upper + 8) == Some(&[0, 0]);
    let mend = |bytes: &mut [u8], old: &[u8], new: &[u8]| {
        if checksum_at != usize::MAX && !no_checksum {
            checksum::mend(bytes, checksum_at, old, new);
        }
    };
    if header.protocol != ICMP {
        mend(bytes, old.as_slice(), new.as_slice());
    }
    let (port_at, port) = match (header.protocol, manip) {
        (ICMP, _) => (upper + 4, target.source_port),
        (protocol, _) if !has_ports(protocol) => return,
        (_, Manip::Source) => (upper, target.source_port),
        (_, Manip::Destination) => (upper + 2, target.destination_port),
    };
    let Some(field) = bytes.get_mut(port_at..port_at + 2) else { return };
    let before = [field[0], field[1]];
    let after = port.to_be_bytes();
    field.copy_from_slice(&after);
    mend(bytes, &before, &after);
    if header.protocol == UDP && !no_checksum && bytes.get(upper + 6..upper + 8) == Some(&[0, 0]) {
        bytes[upper + 6..upper + 8].fill(0xff);
    }
}

/// An address as bytes in network order.
struct Octets([u8; 16], usize);

impl Octets {
    fn of(address: IpAddr) -> Octets {
        let mut octets = [0; 16];
        match address {
            IpAddr::V4(it) => octets[..4].copy_from_slice(&it.octets()),
            IpAddr::V6(it) => octets = it.octets(),
        }
        Octets(octets, if address.is_ipv4() { 4 } else { 16 })
    }

    fn as_slice(&self) -> &[u8] {
        &self.0[..self.1]
    }
}

/// Rewrites one address of an IP header, and IPv4's checksum; the old and the new address.
fn rewrite_addresses(
    bytes: &mut [u8],
    at: usize,
    header: &Header,
    target: &Tuple,
    manip: Manip,
) -> (Octets, Octets) {
    let (old, new) = match manip {
        Manip::Source => (header.source, target.source),
        Manip::Destination => (header.destination, target.destination),
    };
    let (old_octets, new_octets) = (Octets::of(old), Octets::of(new));
    let place = at
        + match (old, manip) {
            (IpAddr::V4(_), Manip::Source) => 12,
            (IpAddr::V4(_), Manip::Destination) => 16,
            (IpAddr::V6(_), Manip::Source) => 8,
            (IpAddr::V6(_), Manip::Destination) => 24,
        };
    let length = old_octets.1;
    if new_octets.1 == length && bytes.len() >= place + length {
        bytes[place..place + length].copy_from_slice(new_octets.as_slice());
        if old.is_ipv4() {
            checksum::mend(bytes, at + 10, old_octets.as_slice(), new_octets.as_slice());
        }
    }
    (old_octets, new_octets)
}
