//! Names and zones as CoreDNS compares them: as text, with a final dot, in lower case.
//!
//! Always: a zone matches itself and all below it; of several the longest wins.
//! Source: CoreDNS `plugin/normalize.go`, `plugin/pkg/{fall,dnsutil}`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// With a final dot, in lower case.
pub fn normalise(name: &str) -> String {
    let lower = name.to_ascii_lowercase();
    if lower.ends_with('.') { lower } else { lower + "." }
}

/// Whether `name` is `zone` or below it; both normalised.
pub fn is_below(zone: &str, name: &str) -> bool {
    if zone == "." {
        return true;
    }
    match name.strip_suffix(zone) {
        Some(front) => front.is_empty() || front.ends_with('.'),
        None => false,
    }
}

/// The longest of these zones that holds `name`.
pub fn matches<'a>(zones: &'a [String], name: &str) -> Option<&'a str> {
    let holding = zones.iter().filter(|zone| is_below(zone, name));
    holding.max_by_key(|zone| zone.len()).map(String::as_str)
}

/// Zones as they are named in a Corefile; a range of addresses stands for its reverse zone.
pub fn from_args(args: &[String]) -> Vec<String> {
    args.iter().map(|arg| from_arg(arg)).collect()
}

fn from_arg(arg: &str) -> String {
    match arg.parse::<ipnet::IpNet>() {
        Ok(net) if arg.contains('/') => reverse_zone(net),
        _ => normalise(arg),
    }
}

/// Of whole octets (or nibbles): the part of the name that the range fixes.
fn reverse_zone(net: ipnet::IpNet) -> String {
    let name = linux::dns::Name::reverse(net.addr()).to_string();
    let (bits, width) = if net.addr().is_ipv4() { (8, 4) } else { (4, 32) };
    let fixed = usize::from(net.prefix_len()) / bits;
    name.splitn(width - fixed + 1, '.').last().unwrap_or_default().to_owned()
}

/// For which names a plugin that has no answer asks the next one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fallthrough(Vec<String>);

impl Fallthrough {
    /// Without zones: for all.
    pub fn from_args(args: &[String]) -> Fallthrough {
        Fallthrough(if args.is_empty() { vec![".".to_owned()] } else { from_args(args) })
    }

    pub fn is_for(&self, name: &str) -> bool {
        matches(&self.0, name).is_some()
    }
}

/// The address that a reverse name stands for.
pub fn reversed_address(name: &str) -> Option<IpAddr> {
    if let Some(front) = name.strip_suffix(".in-addr.arpa.") {
        let mut octets: Vec<u8> = front.split('.').map(|it| it.parse().ok()).collect::<Option<_>>()?;
        octets.reverse();
        let octets: [u8; 4] = octets.try_into().ok()?;
        return Some(Ipv4Addr::from(octets).into());
    }
    let front = name.strip_suffix(".ip6.arpa.")?;
    let nibbles: Vec<&str> = front.split('.').collect();
    if nibbles.len() != 32 {
        return None;
    }
    let mut bits = 0_u128;
    for nibble in nibbles.iter().rev() {
        let digit = u8::from_str_radix(nibble, 16).ok().filter(|_| nibble.len() == 1)?;
        bits = bits << 4 | u128::from(digit);
    }
    Some(Ipv6Addr::from(bits).into())
}

pub fn is_reverse(name: &str) -> bool {
    is_below("in-addr.arpa.", name) || is_below("ip6.arpa.", name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_of_addresses_is_its_reverse_zone() {
        assert_eq!(from_arg("10.0.0.0/8"), "10.in-addr.arpa.");
        assert_eq!(from_arg("10.244.0.0/16"), "244.10.in-addr.arpa.");
        assert!(from_arg("fd00::/16").ends_with("0.0.d.f.ip6.arpa."));
        assert_eq!(from_arg("Example.COM"), "example.com.");
    }

    #[test]
    fn reverse_names_are_read_back() {
        for text in ["10.96.50.10", "fd00:10:96::5020"] {
            let address: IpAddr = text.parse().expect("an address");
            let name = linux::dns::Name::reverse(address).to_string();
            assert_eq!(reversed_address(&name), Some(address));
        }
        assert_eq!(reversed_address("1.2.3.in-addr.arpa."), None);
        assert_eq!(reversed_address("300.2.3.4.in-addr.arpa."), None);
    }
}
