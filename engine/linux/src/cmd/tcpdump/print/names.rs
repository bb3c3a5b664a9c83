//! Addresses and ports as text, by name unless `-n` was given.
//!
//! Sources: tcpdump 4.99.3, addrtoname.c.

use super::Printer;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Ports' names by /etc/services.
#[derive(Clone, Debug, Default)]
pub struct Services {
    tcp: BTreeMap<u16, String>,
    udp: BTreeMap<u16, String>,
}

impl Services {
    pub fn parse(text: &str) -> Services {
        let mut services = Services::default();
        for line in text.lines() {
            let mut words = line.split('#').next().unwrap_or_default().split_whitespace();
            let (Some(name), Some((port, protocol))) =
                (words.next(), words.next().and_then(|it| it.split_once('/')))
            else {
                continue;
            };
            let table = match protocol {
                "tcp" => &mut services.tcp,
                "udp" => &mut services.udp,
                _ => continue,
            };
            if let Ok(port) = port.parse() {
                table.entry(port).or_insert_with(|| name.to_string());
            }
        }
        services
    }

    pub fn tcp(&self, port: u16) -> Option<&str> {
        self.tcp.get(&port).map(String::as_str)
    }

    pub fn udp(&self, port: u16) -> Option<&str> {
        self.udp.get(&port).map(String::as_str)
    }
}

/// What is known of names.
#[derive(Clone, Debug, Default)]
pub struct Lookup {
    /// `None` for an address that has no name.
    pub hosts: BTreeMap<IpAddr, Option<String>>,
    pub services: Services,
    /// Devices by index, for the cooked header.
    pub devices: BTreeMap<u32, String>,
}

impl Printer<'_> {
    pub(super) fn host(&mut self, address: IpAddr) -> String {
        if self.style.numeric > 0 {
            return address.to_string();
        }
        match self.lookup.hosts.get(&address) {
            Some(Some(name)) if self.style.short_names => {
                name.split('.').next().unwrap_or_default().to_string()
            }
            Some(Some(name)) => name.clone(),
            Some(None) => address.to_string(),
            None => {
                self.wanted.insert(address);
                address.to_string()
            }
        }
    }

    pub(super) fn tcp_port(&self, port: u16) -> String {
        self.port(self.lookup.services.tcp(port), port)
    }

    pub(super) fn udp_port(&self, port: u16) -> String {
        self.port(self.lookup.services.udp(port), port)
    }

    fn port(&self, name: Option<&str>, port: u16) -> String {
        match name {
            Some(name) if self.style.numeric == 0 => name.to_string(),
            _ => port.to_string(),
        }
    }
}
