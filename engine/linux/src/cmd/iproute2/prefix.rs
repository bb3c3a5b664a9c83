//! Addresses and prefixes as iproute2 reads them: `10.0.0/24` is 10.0.0.0/24, `default` is everything.
//!
//! Always: a parsed prefix knows its family, and whether the length was written.
//! Differs from ipnet: host bits may be set; the kernel says whether they may.

use super::Stop;
use super::number;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An address family; `-4`, `-6`, `-0`, `-family`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Family {
    #[default]
    Unspec,
    Inet,
    Inet6,
    Packet,
    Mpls,
    Bridge,
}

impl Family {
    /// `inet`, as keywords and listings name it.
    pub fn name(self) -> &'static str {
        match self {
            Family::Unspec => "???",
            Family::Inet => "inet",
            Family::Inet6 => "inet6",
            Family::Packet => "link",
            Family::Mpls => "mpls",
            Family::Bridge => "bridge",
        }
    }

    pub fn from_name(name: &str) -> Option<Family> {
        [Family::Inet, Family::Inet6, Family::Packet, Family::Mpls, Family::Bridge]
            .into_iter()
            .find(|family| family.name() == name)
    }

    /// Bits of an address.
    pub fn bits(self) -> u8 {
        match self {
            Family::Inet => 32,
            Family::Inet6 => 128,
            Family::Mpls => 20,
            _ => 0,
        }
    }

    pub fn of(address: IpAddr) -> Family {
        match address {
            IpAddr::V4(_) => Family::Inet,
            IpAddr::V6(_) => Family::Inet6,
        }
    }

    fn allows(self, other: Family) -> bool {
        self == Family::Unspec || self == other
    }

    fn expected(self) -> &'static str {
        if self == Family::Unspec { "any valid" } else { self.name() }
    }
}

/// An address with a length, or one of the words for all addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prefix {
    /// [`Family::Unspec`] for `default`, `all` and `any` where no family was asked for.
    pub family: Family,
    /// `None`: `default`, `all`, `any`.
    pub address: Option<IpAddr>,
    pub length: u8,
    /// The length was written, or the word was `default`.
    pub length_given: bool,
}

impl Prefix {
    /// The address, or the unspecified one of the family (IPv4 where there is none).
    pub fn ip(&self) -> IpAddr {
        self.address.unwrap_or(match self.family {
            Family::Inet6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
            _ => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        })
    }

    /// Reads a prefix of `family`.
    pub fn parse(word: &str, family: Family) -> Result<Prefix, Stop> {
        if family == Family::Packet {
            return Err(Stop::exit(
                1,
                format!("Error: \"{word}\" may be inet prefix, but it is not allowed in this context.\n"),
            ));
        }
        Prefix::try_parse(word, family).ok_or_else(|| {
            Stop::exit(
                1,
                format!("Error: {} prefix is expected rather than \"{word}\".\n", family.expected()),
            )
        })
    }

    fn try_parse(word: &str, family: Family) -> Option<Prefix> {
        let (address, length) = match word.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (word, None),
        };
        let mut prefix = parse_address(address, family)?;
        match length {
            None if prefix.address.is_none() => prefix.length = 0,
            None => prefix.length = prefix.family.bits(),
            Some(_) if prefix.address.is_none() => return None,
            Some(length) => {
                prefix.length = netmask(length).filter(|length| *length <= prefix.family.bits())?;
                prefix.length_given = true;
            }
        }
        Some(prefix)
    }

    /// Reads an address without a length.
    pub fn address(word: &str, family: Family) -> Result<Prefix, Stop> {
        parse_address(word, family).ok_or_else(|| {
            Stop::exit(
                1,
                format!("Error: {} address is expected rather than \"{word}\".\n", family.expected()),
            )
        })
    }

    /// The first `length` bits of both are the same.
    pub fn covers(&self, address: IpAddr) -> bool {
        same_bits(self.ip(), address, self.length)
    }
}

/// The first `length` bits of two addresses of one family are the same.
pub fn same_bits(a: IpAddr, b: IpAddr, length: u8) -> bool {
    let bits = |address: IpAddr| match address {
        IpAddr::V4(v4) => u128::from(v4.to_bits()) << 96,
        IpAddr::V6(v6) => v6.to_bits(),
    };
    Family::of(a) == Family::of(b)
        && (bits(a) ^ bits(b)).checked_shr(128 - u32::from(length.min(128))).unwrap_or(0) == 0
}

fn parse_address(word: &str, family: Family) -> Option<Prefix> {
    let all = |length_given| Prefix { family, address: None, length: 0, length_given };
    let one = |address: IpAddr| {
        let found = Family::of(address);
        let prefix =
            Prefix { family: found, address: Some(address), length: found.bits(), length_given: false };
        family.allows(found).then_some(prefix)
    };
    match word {
        "default" => Some(all(true)),
        "all" | "any" => Some(all(false)),
        _ if word.contains(':') => one(IpAddr::V6(word.parse().ok()?)),
        _ => one(IpAddr::V4(ipv4(word)?)),
    }
}

/// Dotted numbers from the left: `10.8` is 10.8.0.0. Each may be hexadecimal or octal.
pub fn ipv4(word: &str) -> Option<Ipv4Addr> {
    let mut octets = [0; 4];
    let mut parts = word.split('.');
    for octet in &mut octets {
        let Some(part) = parts.next() else { break };
        *octet = number::unsigned(part)?;
    }
    if parts.next().is_some() {
        return None;
    }
    Some(Ipv4Addr::from(octets))
}

/// `24` or `255.255.255.0`.
fn netmask(word: &str) -> Option<u8> {
    if let Some(length) = number::unsigned::<u32>(word) {
        return u8::try_from(length).ok();
    }
    let mask = ipv4(word)?.to_bits();
    (mask.leading_ones() + mask.trailing_zeros() >= 32).then_some(mask.leading_ones() as u8)
}

/// inet_ntop(3) of glibc.
pub fn text(address: IpAddr) -> String {
    match address {
        IpAddr::V6(v6) => match v6.segments() {
            [0, 0, 0, 0, 0, 0, high, low] if high != 0 => {
                format!("::{}", Ipv4Addr::from(u32::from(high) << 16 | u32::from(low)))
            }
            _ => v6.to_string(),
        },
        IpAddr::V4(v4) => v4.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(word: &str, family: Family) -> String {
        match Prefix::parse(word, family) {
            Ok(prefix) => format!("{}/{}", text(prefix.ip()), prefix.length),
            Err(stop) => format!("{} {}", stop.status, stop.text.trim_end()),
        }
    }

    #[test]
    fn prefixes_are_read_from_the_left() {
        assert_eq!(shown("10.0.0/24", Family::Unspec), "10.0.0.0/24");
        assert_eq!(shown("10", Family::Inet), "10.0.0.0/32");
        assert_eq!(shown("192.168.1.5/255.255.255.0", Family::Unspec), "192.168.1.5/24");
        assert_eq!(shown("default", Family::Unspec), "0.0.0.0/0");
        assert_eq!(shown("2001:db8::1/64", Family::Unspec), "2001:db8::1/64");
        assert_eq!(shown("::1.2.3.4", Family::Unspec), "::1.2.3.4/128");
    }

    #[test]
    fn a_bad_prefix_says_which_family_was_expected() {
        assert_eq!(
            shown("10.51.0.0/33", Family::Unspec),
            "1 Error: any valid prefix is expected rather than \"10.51.0.0/33\"."
        );
        assert_eq!(
            shown("2001:db8::1", Family::Inet),
            "1 Error: inet prefix is expected rather than \"2001:db8::1\"."
        );
        for bad in
            ["", "1.2.3.4.5", "1.2.3.256", "1..2", "foo", "1.2.3.4/", "default/0", "1.2.3.4/255.0.255.0"]
        {
            assert!(Prefix::parse(bad, Family::Unspec).is_err(), "{bad}");
        }
        assert_eq!(
            Prefix::address("192.168.1.500", Family::Inet).unwrap_err().text,
            "Error: inet address is expected rather than \"192.168.1.500\".\n"
        );
    }

    #[test]
    fn a_prefix_covers_what_shares_its_bits() {
        let net = Prefix::parse("10.0.0.0/8", Family::Unspec).expect("a prefix");
        assert!(net.covers(IpAddr::from([10, 9, 8, 7])));
        assert!(!net.covers(IpAddr::from([11, 0, 0, 0])));
        assert!(!net.covers(IpAddr::from([0; 16])));
        let all = Prefix::parse("default", Family::Unspec).expect("a prefix");
        assert!(all.covers(IpAddr::from([1, 2, 3, 4])));
    }
}
