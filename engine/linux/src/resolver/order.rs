//! Which of several addresses is tried first (RFC 3484, as glibc orders them).
//!
//! Always: addresses that compare equal keep their order.
//! Differs from glibc: no `/etc/gai.conf`, no deprecated or home addresses, no rule 7 (native transport).
//! Source: glibc 2.36 `sysdeps/posix/getaddrinfo.c`.

use std::cmp::Ordering;
use std::net::{IpAddr, Ipv6Addr};

/// A destination, and from where it would be reached.
#[derive(Clone, Copy, Debug)]
pub(super) struct Destination {
    pub address: IpAddr,
    pub source: Option<IpAddr>,
    /// Of the source's network.
    pub prefix: u8,
}

pub(super) fn sort(destinations: &mut [Destination]) {
    destinations.sort_by(compare);
}

fn compare(a: &Destination, b: &Destination) -> Ordering {
    let reachable = b.source.is_some().cmp(&a.source.is_some());
    let matching = |of: fn(IpAddr) -> u32| {
        let fits = |it: &Destination| it.source.is_some_and(|source| of(source) == of(it.address));
        if a.source.is_some() { fits(b).cmp(&fits(a)) } else { Ordering::Equal }
    };
    reachable
        .then_with(|| matching(scope))
        .then_with(|| matching(label))
        .then_with(|| precedence(b.address).cmp(&precedence(a.address)))
        .then_with(|| scope(a.address).cmp(&scope(b.address)))
        .then_with(|| common_prefix(b, a).cmp(&common_prefix(a, b)))
}

fn scope(address: IpAddr) -> u32 {
    match address {
        IpAddr::V4(v4) if v4.is_link_local() || v4.is_loopback() => 2,
        IpAddr::V4(_) => 14,
        IpAddr::V6(v6) if v6.is_multicast() => u32::from(v6.octets()[1] & 15),
        IpAddr::V6(v6) if v6.is_loopback() || v6.segments()[0] & 0xffc0 == 0xfe80 => 2,
        IpAddr::V6(v6) if v6.segments()[0] & 0xffc0 == 0xfec0 => 5,
        IpAddr::V6(_) => 14,
    }
}

fn wide(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped(),
        IpAddr::V6(v6) => v6,
    }
}

fn first_match(address: IpAddr, table: &[(u128, u32, u32)]) -> u32 {
    let bits = wide(address).to_bits();
    let fits =
        |(prefix, length, _): &&(u128, u32, u32)| *length == 0 || (bits ^ prefix) >> (128 - length) == 0;
    table.iter().find(fits).map_or(0, |(_, _, value)| *value)
}

fn label(address: IpAddr) -> u32 {
    const LABELS: [(u128, u32, u32); 8] = [
        (1, 128, 0),
        (0x2002 << 112, 16, 2),
        (0, 96, 3),
        (0xffff << 32, 96, 4),
        (0xfec0 << 112, 10, 5),
        (0xfc00 << 112, 7, 6),
        (0x2001_0000 << 96, 32, 7),
        (0, 0, 1),
    ];
    first_match(address, &LABELS)
}

fn precedence(address: IpAddr) -> u32 {
    const PRECEDENCES: [(u128, u32, u32); 5] =
        [(1, 128, 50), (0x2002 << 112, 16, 30), (0, 96, 20), (0xffff << 32, 96, 10), (0, 0, 40)];
    first_match(address, &PRECEDENCES)
}

/// Rule 9: leading bits that destination and source share, as far as the rule looks at them.
fn common_prefix(this: &Destination, other: &Destination) -> u32 {
    match (this.address, this.source, other.address, other.source) {
        (IpAddr::V4(to), Some(IpAddr::V4(from)), IpAddr::V4(_), _) => {
            let differing = to.to_bits() ^ from.to_bits();
            let mask = u32::MAX.checked_shl(32 - u32::from(this.prefix.min(32))).unwrap_or(u32::MAX);
            if differing & mask == 0 { differing.leading_zeros() } else { 0 }
        }
        (IpAddr::V6(to), Some(IpAddr::V6(from)), IpAddr::V6(to2), Some(IpAddr::V6(from2))) => {
            let (mine, others) = (to.to_bits() ^ from.to_bits(), to2.to_bits() ^ from2.to_bits());
            let word = |bits: u128, index: u32| (bits >> (96 - 32 * index)) as u32;
            let differs = |index: &u32| word(mine, *index) != 0 || word(others, *index) != 0;
            (0..4).find(differs).map_or(0, |index| word(mine, index).leading_zeros())
        }
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(destinations: &[(&str, &str, u8)]) -> Vec<String> {
        let mut list: Vec<Destination> = destinations
            .iter()
            .map(|(address, source, prefix)| Destination {
                address: address.parse().expect("an address"),
                source: source.parse().ok(),
                prefix: *prefix,
            })
            .collect();
        sort(&mut list);
        list.iter().map(|it| it.address.to_string()).collect()
    }

    #[test]
    fn what_cannot_be_reached_comes_last() {
        assert_eq!(
            sorted(&[("2001:db8::1", "", 0), ("10.0.0.1", "10.0.0.2", 24)]),
            ["10.0.0.1", "2001:db8::1"]
        );
        assert_eq!(sorted(&[("127.0.0.1", "127.0.0.1", 8), ("::1", "::1", 128)]), ["::1", "127.0.0.1"]);
    }

    #[test]
    fn the_nearer_network_wins_and_strangers_keep_their_order() {
        assert_eq!(
            sorted(&[("10.9.0.1", "10.0.0.2", 24), ("10.0.0.1", "10.0.0.2", 24)]),
            ["10.0.0.1", "10.9.0.1"]
        );
        assert_eq!(
            sorted(&[("10.9.0.1", "10.0.0.2", 24), ("10.8.0.1", "10.0.0.2", 24)]),
            ["10.9.0.1", "10.8.0.1"]
        );
    }
}
