//! `-s` and `-d`: addresses, networks, host names, several at once.
//!
//! Sources: libxtables xtables_ipparse_multiple(), xtables_ip6parse_multiple().

use super::names::Names;
use super::number;
use super::problem::{Problem, Query, bad};
use crate::netfilter::rule::{Family, Masked, and, dotted};
use std::net::IpAddr;

/// A comma-separated list of `HOST[/MASK]`.
pub(super) fn parse(text: &str, family: Family, names: &Names) -> Result<Vec<Masked>, Problem> {
    let mut found = Vec::new();
    for part in text.split(',') {
        let part = part.trim_start();
        if part.len() > 255 {
            return bad("Hostname too long");
        }
        let (host, mask) = match part.rsplit_once('/') {
            Some((host, mask)) => (host, parse_mask(mask, family)?),
            None => (part, family.mask(128)),
        };
        // With a mask of nothing the name does not matter.
        let addresses = if mask == family.mask(0) { vec![family.any()] } else { hosts(host, family, names)? };
        found.extend(addresses.into_iter().map(|address| Masked { address: and(address, mask), mask }));
    }
    Ok(found)
}

fn parse_mask(text: &str, family: Family) -> Result<IpAddr, Problem> {
    let whole = match family {
        Family::V4 => dotted(text, true).map(IpAddr::from),
        Family::V6 => family.parse(text),
    };
    if let Some(mask) = whole {
        return Ok(mask);
    }
    match number::within(text, 0, family.bits().into()) {
        Some(length) => Ok(family.mask(length as u8)),
        None => bad(format!("invalid mask `{text}' specified")),
    }
}

fn hosts(name: &str, family: Family, names: &Names) -> Result<Vec<IpAddr>, Problem> {
    let number = match family {
        Family::V4 => dotted(name, false).map(IpAddr::from),
        Family::V6 => family.parse(name),
    };
    if let Some(address) = number {
        return Ok(vec![address]);
    }
    let not_found = || bad(format!("host/network `{name}' not found"));
    // What no resolver would be asked about.
    if name.is_empty() || name.parse::<IpAddr>().is_ok() || is_number(name) {
        return not_found();
    }
    match names.hosts.get(name) {
        None => Err(Problem::Need(Query::Host(name.to_owned()))),
        Some(addresses) => {
            let mine: Vec<_> =
                addresses.iter().copied().filter(|address| Family::of(*address) == family).collect();
            if mine.is_empty() { not_found() } else { Ok(mine) }
        }
    }
}

/// Digits and dots only: getaddrinfo(3) takes it for an address, and a wrong one for nothing.
fn is_number(name: &str) -> bool {
    name.split('.').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()))
}
