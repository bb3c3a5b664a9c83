//! `/etc/hosts`: names without a server.
//!
//! Always: the first line of an address names it; a name may have several lines (`multi on`, Debian's host.conf).
//! Sources: hosts(5); glibc 2.36 `nss/nss_files/files-hosts.c`.

use super::HostEntry;
use net::rtnetlink::Family;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// One line: its address and its names, the official one first (empty where the line has none).
#[derive(Clone, Debug, PartialEq, Eq)]
struct Line<'a> {
    address: IpAddr,
    names: Vec<&'a str>,
}

impl Line<'_> {
    fn has(&self, name: &str) -> bool {
        self.names.iter().any(|it| it.eq_ignore_ascii_case(name))
    }

    fn entry(&self) -> HostEntry {
        let names = || self.names.iter().map(|name| (*name).to_owned());
        HostEntry {
            name: names().next().unwrap_or_default(),
            aliases: names().skip(1).collect(),
            addresses: vec![self.address],
        }
    }
}

/// The file's lines as they look for one family: for IPv4, `::1` stands for 127.0.0.1.
fn lines(text: &str, family: Option<Family>) -> impl Iterator<Item = Line<'_>> {
    text.lines().filter_map(move |line| {
        let mut words = line.split('#').next()?.split_ascii_whitespace();
        let address: IpAddr = words.next()?.parse().ok()?;
        let address = match (family, address) {
            (Some(Family::Inet), IpAddr::V6(Ipv6Addr::LOCALHOST)) => IpAddr::V4(Ipv4Addr::LOCALHOST),
            (Some(Family::Inet), IpAddr::V6(v6)) => IpAddr::V4(v6.to_ipv4_mapped()?),
            (Some(Family::Inet6), IpAddr::V4(_)) => return None,
            (_, address) => address,
        };
        Some(Line { address, names: words.collect() })
    })
}

/// gethostbyname2(3): all lines of that name in one entry, the other lines' names as aliases.
pub(super) fn by_name(text: &str, name: &str, family: Family) -> Option<HostEntry> {
    let mut found = lines(text, Some(family)).filter(|line| line.has(name));
    let mut entry = found.next()?.entry();
    for line in found {
        let other = line.entry();
        entry.addresses.extend(other.addresses);
        entry.aliases.extend(other.aliases);
        if other.name != entry.name {
            entry.aliases.push(other.name);
        }
    }
    Some(entry)
}

/// Addresses of both families in the order of the lines; getaddrinfo(3).
pub(super) fn by_name_any(text: &str, name: &str) -> Option<HostEntry> {
    let mut found = lines(text, None).filter(|line| line.has(name));
    let mut entry = found.next()?.entry();
    entry.addresses.extend(found.map(|line| line.address));
    Some(entry)
}

pub(super) fn by_address(text: &str, address: IpAddr) -> Option<HostEntry> {
    let family = Family::of(address);
    lines(text, Some(family)).find(|line| line.address == address).map(|line| line.entry())
}

/// gethostent(3)
pub(super) fn all(text: &str) -> Vec<HostEntry> {
    lines(text, Some(Family::Inet)).map(|line| line.entry()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "127.0.0.1 localhost\n::1 localhost ip6-localhost\n10.0.0.1 twice a\n10.0.0.2\tTwice b # c\n\
                        300.1.1.1 broken\n10.0.0.3\n";

    fn shown(entry: Option<HostEntry>) -> String {
        entry.map_or(String::new(), |it| format!("{} {:?} {:?}", it.name, it.aliases, it.addresses))
    }

    #[test]
    fn several_lines_of_a_name_are_one_entry() {
        assert_eq!(
            shown(by_name(TEXT, "TWICE", Family::Inet)),
            r#"twice ["a", "b", "Twice"] [10.0.0.1, 10.0.0.2]"#
        );
        assert_eq!(shown(by_name(TEXT, "broken", Family::Inet)), "");
    }

    #[test]
    fn localhost_has_two_lines_and_each_family_sees_its_own() {
        assert_eq!(shown(by_name(TEXT, "localhost", Family::Inet6)), r#"localhost ["ip6-localhost"] [::1]"#);
        assert_eq!(
            shown(by_name(TEXT, "localhost", Family::Inet)),
            r#"localhost ["ip6-localhost"] [127.0.0.1, 127.0.0.1]"#
        );
        assert_eq!(shown(by_name_any(TEXT, "localhost")), "localhost [] [127.0.0.1, ::1]");
    }

    #[test]
    fn an_address_goes_by_its_first_line() {
        let address = |text: &str| text.parse().expect("an address");
        assert_eq!(shown(by_address(TEXT, address("10.0.0.2"))), r#"Twice ["b"] [10.0.0.2]"#);
        assert_eq!(shown(by_address(TEXT, address("10.0.0.3"))), " [] [10.0.0.3]");
        assert_eq!(all(TEXT).len(), 5);
    }
}
