//! Names of hosts and networks, both ways.
//!
//! Source: inet_aton(3), getnetbyname(3), net-tools' lib/inet.c as seen from outside.

use crate::resolver::{gethostbyname2, inet_aton, name_of};
use crate::sys::Sys;
use net::rtnetlink::Family;
use std::net::{IpAddr, Ipv4Addr};

/// An address, and whether its name was a network's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resolved {
    pub address: Ipv4Addr,
    pub is_network: bool,
}

/// The networks of /etc/networks.
async fn networks(sys: &Sys) -> Vec<(String, Ipv4Addr)> {
    let text = sys.read_file("/etc/networks").await.unwrap_or_default();
    let mut all = Vec::new();
    for line in String::from_utf8_lossy(&text).lines() {
        let mut words = line.split('#').next().unwrap_or_default().split_whitespace();
        let (Some(name), Some(number)) = (words.next(), words.next()) else { continue };
        let Some(address) = network_number(number) else { continue };
        all.push((name.to_owned(), address));
        all.extend(words.map(|alias| (alias.to_owned(), address)));
    }
    all
}

/// `127` is 127.0.0.0 here.
fn network_number(word: &str) -> Option<Ipv4Addr> {
    let missing = 3usize.checked_sub(word.matches('.').count())?;
    (word.to_owned() + &".0".repeat(missing)).parse().ok()
}

/// The address of `default`, of digits, of a network or of a host; the error is what is told of the name.
pub async fn resolve(sys: &Sys, name: &str, hosts_first: bool) -> Result<Resolved, String> {
    if name == "default" {
        return Ok(Resolved { address: Ipv4Addr::UNSPECIFIED, is_network: true });
    }
    if let Some(address) = inet_aton(name) {
        return Ok(Resolved { address, is_network: false });
    }
    let host = if hosts_first { Some(host(sys, name).await) } else { None };
    if let Some(Ok(address)) = host {
        return Ok(Resolved { address, is_network: false });
    }
    let known = networks(sys).await.into_iter().find(|(known, _)| known == name);
    if let Some((_, address)) = known {
        return Ok(Resolved { address, is_network: true });
    }
    let found = match host {
        Some(found) => found,
        None => self::host(sys, name).await,
    };
    found.map(|address| Resolved { address, is_network: false }).map_err(|text| format!("{name}: {text}\n"))
}

async fn host(sys: &Sys, name: &str) -> Result<Ipv4Addr, &'static str> {
    let entry = gethostbyname2(sys, name, Family::Inet).await.map_err(|error| error.text())?;
    let address = entry.addresses.iter().find_map(|address| match address {
        IpAddr::V4(v4) => Some(*v4),
        IpAddr::V6(_) => None,
    });
    address.ok_or("No address associated with name")
}

/// How an address is to be told.
#[derive(Clone, Copy, Debug)]
pub struct Telling {
    pub numeric: bool,
    /// 0.0.0.0/0 is `default`, not `*`.
    pub default: bool,
    pub host: bool,
    pub mask: Ipv4Addr,
}

pub async fn tell(sys: &Sys, address: Ipv4Addr, how: Telling) -> String {
    if how.numeric {
        return address.to_string();
    }
    if address.is_unspecified() {
        return match (how.mask.is_unspecified(), how.default) {
            (true, true) => "default".to_owned(),
            (true, false) => "*".to_owned(),
            (false, _) => "0.0.0.0".to_owned(),
        };
    }
    let name = if how.host || !(address & !how.mask).is_unspecified() {
        name_of(sys, address.into()).await
    } else {
        networks(sys).await.into_iter().find(|(_, known)| *known == address).map(|(name, _)| name)
    };
    name.unwrap_or_else(|| address.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_networks_number_is_filled_up_on_the_right() {
        assert_eq!(network_number("127"), Some(Ipv4Addr::new(127, 0, 0, 0)));
        assert_eq!(network_number("169.254.0.0"), Some(Ipv4Addr::new(169, 254, 0, 0)));
        assert_eq!(network_number("1.2.3.4.5"), None);
        assert_eq!(network_number("x"), None);
    }
}
