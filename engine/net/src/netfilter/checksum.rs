//! Internet checksums: checked whole, and mended where an address or port is rewritten.
//!
//! Called by conntrack (check) and NAT and targets (mend). Always: a right checksum stays right, a wrong one wrong.
//! Sources: RFC 1071, RFC 1624 (eqn. 3).

use super::header::{Header, ICMP, TCP, UDP};
use crate::ip::header::{fold, pseudo, sum};
use std::net::IpAddr;

/// Whether TCP, UDP or ICMP is right; a fragment, UDP without a checksum, or IPv6 counts as right.
pub(crate) fn transport_is_valid(header: &Header, bytes: &[u8]) -> bool {
    let upper = header.upper(bytes);
    if header.is_later_fragment() || header.more_fragments {
        return true;
    }
    let pseudo = match header.protocol {
        ICMP => 0,
        UDP if upper.get(6..8) == Some(&[0, 0]) => return true,
        TCP | UDP => match (header.source, header.destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                pseudo(source, destination, header.protocol, upper.len())
            }
            _ => return true,
        },
        _ => return true,
    };
    fold(pseudo + sum(upper)) == [0, 0]
}

/// Mends the checksum at `at` where `old` became `new` (both of an even length).
pub(crate) fn mend(bytes: &mut [u8], at: usize, old: &[u8], new: &[u8]) {
    let Some([high, low]) = bytes.get(at..at + 2) else { return };
    let inverse = |pair: &[u8]| u64::from(!u16::from_ne_bytes([pair[0], pair[1]]));
    let removed: u64 = old.chunks(2).map(inverse).sum();
    let mended = fold(inverse(&[*high, *low]) + removed + sum(new));
    bytes[at..at + 2].copy_from_slice(&mended);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ip::header::checksum;

    #[test]
    fn a_mended_checksum_is_the_one_computed_anew() {
        let mut bytes = [0x45, 0, 0, 40, 1, 2, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 96, 0, 20];
        let right = checksum(&bytes);
        bytes[10..12].copy_from_slice(&right);
        assert_eq!(checksum(&bytes), [0, 0]);
        let old = [10, 96, 0, 20];
        for new in [[10, 244, 2, 7], [0, 0, 0, 0], [255, 255, 255, 255]] {
            let mut changed = bytes;
            changed[16..20].copy_from_slice(&new);
            mend(&mut changed, 10, &old, &new);
            assert_eq!(checksum(&changed), [0, 0], "{new:?}");
        }
    }
}
