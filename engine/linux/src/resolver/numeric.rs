//! Addresses written as numbers, as inet_aton(3) reads them.
//!
//! Source: inet(3): one to four parts, the last one fills what is left; decimal, 0x… or 0… each.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// `10.0.0.2`, `10.2`, `0x7f000001`; nothing may stand around it.
pub fn inet_aton(text: &str) -> Option<Ipv4Addr> {
    let parts: Vec<u32> = text.split('.').map(part).collect::<Option<_>>()?;
    let (last, first) = parts.split_last()?;
    if first.len() > 3 || first.iter().any(|octet| *octet > 255) {
        return None;
    }
    let room = 32 - 8 * first.len() as u32;
    if u64::from(*last) >= 1 << room {
        return None;
    }
    let high = first.iter().enumerate().map(|(index, octet)| octet << (24 - 8 * index as u32));
    Some(Ipv4Addr::from(high.sum::<u32>() | last))
}

fn part(text: &str) -> Option<u32> {
    let (digits, radix) = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(hex) => (hex, 16),
        None if text.len() > 1 && text.starts_with('0') => (&text[1..], 8),
        None => (text, 10),
    };
    // `from_str_radix` would take a sign.
    digits
        .starts_with(|first: char| first.is_digit(radix))
        .then(|| u32::from_str_radix(digits, radix).ok())?
}

/// What getaddrinfo(3) takes for an address without asking anybody; a scope (`%eth0`) is handed back beside it.
pub fn address(text: &str) -> Option<(IpAddr, Option<&str>)> {
    if let Some(v4) = inet_aton(text) {
        return Some((IpAddr::V4(v4), None));
    }
    let (address, scope) = match text.split_once('%') {
        Some((address, scope)) => (address, Some(scope)),
        None => (text, None),
    };
    let v6: Ipv6Addr = address.parse().ok()?;
    Some((IpAddr::V6(v6), scope))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_forms_fill_from_the_right() {
        let read = |text| inet_aton(text).map(|address| address.to_string());
        assert_eq!(read("10.0.0.2").as_deref(), Some("10.0.0.2"));
        assert_eq!(read("10.2").as_deref(), Some("10.0.0.2"));
        assert_eq!(read("0").as_deref(), Some("0.0.0.0"));
        assert_eq!(read("127.1").as_deref(), Some("127.0.0.1"));
        assert_eq!(read("0x7f000001").as_deref(), Some("127.0.0.1"));
        assert_eq!(read("010.0.0.1").as_deref(), Some("8.0.0.1"));
        for wrong in
            ["", "300.1.1.1", "10.0.0.0.2", "10.", ".1", "1.2.3.256", "a", "+1", "1.2.3.4 ", "4294967296"]
        {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
