//! Internet checksums: checked whole, and mended where an address or port is rewritten.
//!
//! Called by conntrack (check) and NAT and targets (mend). Always: a right checksum stays right, a wrong one wrong.
//! Sources: RFC 1071, RFC 1624 (eqn. 3).

use super::header::{Header, ICMP, TCP, UDP};
use std::net::IpAddr;

fn sum(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<4>();
    let mut total: u64 = words.iter().map(|word| u64::from(u32::from_be_bytes(*word))).sum();
    let mut last = [0; 4];
    last[..rest.len()].copy_from_slice(rest);
    total += u64::from(u32::from_be_bytes(last));
    total
}

fn fold(mut total: u64) -> u16 {
    while total > 0xffff {
        total = (total & 0xffff) + (total >> 16);
    }
    total as u16
}

/// The checksum of these bytes (its own field being zero).
pub(crate) fn of(bytes: &[u8]) -> u16 {
    !fold(sum(bytes))
}

fn octets(address: IpAddr) -> ([u8; 16], usize) {
    let mut bytes = [0; 16];
    match address {
        IpAddr::V4(it) => {
            bytes[..4].copy_from_slice(&it.octets());
            (bytes, 4)
        }
        IpAddr::V6(it) => (it.octets(), 16),
    }
}

/// Whether TCP, UDP or ICMP is right; a fragment, or UDP without a checksum, counts as right.
pub(crate) fn transport_is_valid(header: &Header, bytes: &[u8]) -> bool {
    let upper = header.upper(bytes);
    if header.is_later_fragment() || header.more_fragments {
        return true;
    }
    let pseudo = match header.protocol {
        ICMP => 0,
        UDP if upper.get(6..8) == Some(&[0, 0]) => return true,
        TCP | UDP => {
            let ((source, length), (destination, _)) = (octets(header.source), octets(header.destination));
            sum(&source[..length])
                + sum(&destination[..length])
                + u64::from(header.protocol)
                + upper.len() as u64
        }
        _ => return true,
    };
    fold(pseudo + sum(upper)) == 0xffff
}

/// Mends the checksum at `at` where `old` became `new` (both of an even length).
pub(crate) fn mend(bytes: &mut [u8], at: usize, old: &[u8], new: &[u8]) {
    let Some([high, low]) = bytes.get(at..at + 2) else { return };
    let checksum = u16::from_be_bytes([*high, *low]);
    let removed: u64 = old.chunks(2).map(|word| u64::from(!u16::from_be_bytes([word[0], word[1]]))).sum();
    let mended = !fold(u64::from(!checksum) + removed + sum(new));
    bytes[at..at + 2].copy_from_slice(&mended.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mended_checksum_is_the_one_computed_anew() {
        let mut bytes = [0x45, 0, 0, 40, 1, 2, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 96, 0, 20];
        let right = of(&bytes);
        bytes[10..12].copy_from_slice(&right.to_be_bytes());
        assert_eq!(of(&bytes), 0);
        let old = [10, 96, 0, 20];
        for new in [[10, 244, 2, 7], [0, 0, 0, 0], [255, 255, 255, 255]] {
            let mut changed = bytes;
            changed[16..20].copy_from_slice(&new);
            mend(&mut changed, 10, &old, &new);
            assert_eq!(of(&changed), 0, "{new:?}");
        }
    }

    #[test]
    fn odd_lengths_are_summed_as_if_a_zero_followed() {
        assert_eq!(of(&[1, 2, 3]), of(&[1, 2, 3, 0]));
    }
}
