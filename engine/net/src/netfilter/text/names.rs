//! Names that rule text may hold instead of numbers: services, protocols, hosts, users.
//!
//! The caller fills in users and what it knows of hosts; a host that is not there yet is asked for by
//! [`Problem::Need`](super::Problem), resolved by the caller, and the text is read again.
//! Differs from Linux: services and protocols are Debian 12's, whatever the machine's files say.
//! Sources: getservbyname(3), getprotobyname(3), getaddrinfo(3); netbase 6.4.

use std::collections::BTreeMap;
use std::net::IpAddr;

/// `/etc/services` of Debian 12, without comments.
pub const SERVICES: &str = include_str!("services.txt");
/// `/etc/protocols` of Debian 12, without comments.
pub const PROTOCOLS: &str = include_str!("protocols.txt");

/// What the world outside the rules is called.
#[derive(Clone, Debug, Default)]
pub struct Names {
    pub users: BTreeMap<String, u32>,
    pub groups: BTreeMap<String, u32>,
    /// Addresses of names looked up so far; none where there is no such name.
    pub hosts: BTreeMap<String, Vec<IpAddr>>,
    /// Names of addresses looked up so far, where they have one.
    pub addresses: BTreeMap<IpAddr, Option<String>>,
}

/// One row of a name file: name, value, aliases.
fn rows(text: &'static str) -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    text.lines().filter_map(|line| {
        let (name, rest) = line.split_once(' ')?;
        let (value, aliases) = rest.split_once(' ').unwrap_or((rest, ""));
        Some((name, value, aliases))
    })
}

fn is_called(name: &str, row: &(&str, &str, &str)) -> bool {
    row.0 == name || row.2.split(' ').any(|alias| alias == name)
}

/// The port of a service; of any protocol where none is given.
pub fn service_port(name: &str, protocol: Option<&str>) -> Option<u16> {
    let mut found = rows(SERVICES).filter(|row| is_called(name, row)).filter_map(|row| row.1.split_once('/'));
    found.find(|(_, of)| protocol.is_none_or(|it| it == *of))?.0.parse().ok()
}

pub fn service_name(port: u16, protocol: &str) -> Option<&'static str> {
    rows(SERVICES)
        .find(|row| {
            row.1.split_once('/').is_some_and(|(number, of)| of == protocol && number.parse() == Ok(port))
        })
        .map(|row| row.0)
}

pub fn protocol_number(name: &str) -> Option<u8> {
    rows(PROTOCOLS).find(|row| is_called(name, row))?.1.parse().ok()
}

pub fn protocol_name(number: u8) -> Option<&'static str> {
    rows(PROTOCOLS).find(|row| row.1.parse() == Ok(number)).map(|row| row.0)
}

impl Names {
    pub(crate) fn user_name(&self, id: u32) -> Option<&str> {
        self.users.iter().find(|(_, number)| **number == id).map(|(name, _)| name.as_str())
    }

    pub(crate) fn group_name(&self, id: u32) -> Option<&str> {
        self.groups.iter().find(|(_, number)| **number == id).map(|(name, _)| name.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_and_protocols_are_found_both_ways() {
        assert_eq!(service_port("http", Some("tcp")), Some(80));
        assert_eq!(service_port("www", Some("tcp")), Some(80));
        assert_eq!(service_port("http", Some("udp")), None);
        assert_eq!(service_port("domain", None), Some(53));
        assert_eq!(service_name(8080, "tcp"), Some("http-alt"));
        assert_eq!(service_name(8443, "tcp"), None);
        assert_eq!(protocol_number("TCP"), Some(6));
        assert_eq!(protocol_name(47), Some("gre"));
    }
}
