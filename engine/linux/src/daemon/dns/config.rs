//! What dnsmasq is told on its command line and in `/etc/dnsmasq.conf`: the same options, `--name=value` and `name=value`.
//!
//! Always: an option that dnsmasq knows and this one does not says `not simulated`; one that nobody knows is dnsmasq's
//! own error, with the line of the file.
//! Source: dnsmasq(8); texts of dnsmasq 2.90 `option.c`.

use crate::daemon::Complaint;
use std::net::IpAddr;

/// What the options come to. `lines` are zones and records as [`super::Zones::parse`] reads them.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    pub port: Option<u16>,
    pub listen: Vec<IpAddr>,
    pub lines: Vec<String>,
    /// Without servers to forward to.
    pub no_resolv: bool,
    /// Without the names of `/etc/hosts`.
    pub no_hosts: bool,
    /// Files like `/etc/hosts`.
    pub hosts: Vec<String>,
    /// Stays in the foreground.
    pub foreground: bool,
    /// Reads its configuration and says whether it is right.
    pub test: bool,
    pub conf_file: Option<String>,
}

/// Options without a value: letter and name.
pub const FLAGS: &[(char, &str)] = &[
    ('d', "no-daemon"),
    ('h', "no-hosts"),
    ('k', "keep-in-foreground"),
    ('R', "no-resolv"),
    ('z', "bind-interfaces"),
    ('\0', "test"),
];
/// Options with one.
pub const VALUES: &[(char, &str)] = &[
    ('a', "listen-address"),
    ('C', "conf-file"),
    ('H', "addn-hosts"),
    ('p', "port"),
    ('S', "server"),
    ('\0', "cname"),
    ('\0', "host-record"),
    ('\0', "local"),
    ('m', "mx-host"),
    ('Y', "txt-record"),
];
/// What dnsmasq has besides, and learners use.
const MISSING: &[&str] = &[
    "address",
    "all-servers",
    "auth-server",
    "auth-zone",
    "bind-dynamic",
    "bogus-priv",
    "cache-size",
    "conf-dir",
    "dhcp-host",
    "dhcp-option",
    "dhcp-range",
    "dnssec",
    "domain",
    "domain-needed",
    "except-interface",
    "expand-hosts",
    "filterwin2k",
    "group",
    "interface",
    "local-ttl",
    "localise-queries",
    "log-facility",
    "log-queries",
    "naptr-record",
    "neg-ttl",
    "no-negcache",
    "no-poll",
    "pid-file",
    "ptr-record",
    "query-port",
    "resolv-file",
    "rev-server",
    "selfmx",
    "srv-host",
    "stop-dns-rebind",
    "strict-order",
    "user",
];

impl Settings {
    /// One option. The complaint is dnsmasq's, without its place.
    pub fn set(&mut self, name: &str, value: Option<&str>) -> Result<(), Complaint> {
        let flag = FLAGS.iter().any(|(_, known)| *known == name);
        let valued = VALUES.iter().any(|(_, known)| *known == name);
        match (flag, valued, value) {
            (true, _, Some(_)) => Err("extraneous parameter".to_owned()),
            (_, true, None) => Err("missing parameter".to_owned()),
            (true, _, None) => {
                self.flag(name);
                Ok(())
            }
            (_, true, Some(value)) => self.value(name, value),
            _ if MISSING.contains(&name) => Err(format!(
                "{name}: not simulated in vethlab; use host-record=, cname=, local= or addn-hosts="
            )),
            _ => Err("bad option".to_owned()),
        }
    }

    fn flag(&mut self, name: &str) {
        match name {
            "no-hosts" => self.no_hosts = true,
            "no-resolv" => self.no_resolv = true,
            "test" => self.test = true,
            // Sockets are bound to their addresses in any case.
            "bind-interfaces" => {}
            _ => self.foreground = true,
        }
    }

    fn value(&mut self, name: &str, value: &str) -> Result<(), Complaint> {
        let words: Vec<&str> = value.split(',').map(str::trim).collect();
        match (name, words.as_slice()) {
            ("listen-address", addresses) => {
                for address in addresses {
                    self.listen.push(address.parse().map_err(|_| "bad option")?);
                }
            }
            ("port", [port]) => self.port = Some(port.parse().map_err(|_| "bad option")?),
            ("conf-file", _) => self.conf_file = Some(value.to_owned()),
            ("addn-hosts", _) => self.hosts.push(value.to_owned()),
            ("local" | "server", _) => self.domains(name, value)?,
            ("host-record", names) => self.host(names).ok_or("Bad host-record")?,
            ("cname", [aliases @ .., target]) if !aliases.is_empty() => {
                self.lines.extend(aliases.iter().map(|alias| format!("{alias} 0 CNAME {target}")));
            }
            ("cname", _) => return Err("bad CNAME".to_owned()),
            ("mx-host", [name, target]) => self.lines.push(format!("{name} 0 MX 1 {target}")),
            ("mx-host", [name, target, preference]) => {
                let preference: u16 = preference.parse().map_err(|_| "bad MX preference")?;
                self.lines.push(format!("{name} 0 MX {preference} {target}"));
            }
            ("mx-host", _) => return Err("bad MX name".to_owned()),
            ("txt-record", [name, text @ ..]) if !text.is_empty() => {
                self.lines.push(format!("{name} 0 TXT \"{}\"", text.join(",")));
            }
            _ => return Err("bad option".to_owned()),
        }
        Ok(())
    }

    /// `/corp.example/`: answered from here alone. With a server behind, queries would be forwarded.
    fn domains(&mut self, name: &str, value: &str) -> Result<(), Complaint> {
        let forwarded = || {
            format!("{name}={value}: forwarding is not simulated in vethlab; use {name}=/DOMAIN/ and records")
        };
        let inner = value.strip_prefix('/').ok_or_else(forwarded)?;
        let inner = inner.strip_suffix('/').ok_or_else(forwarded)?;
        self.lines.extend(inner.split('/').map(|domain| format!("zone {domain}")));
        Ok(())
    }

    /// `NAME,…[,IPv4][,IPv6][,TTL]`
    fn host(&mut self, words: &[&str]) -> Option<()> {
        let (words, ttl) = match words {
            [rest @ .., last] if !rest.is_empty() => {
                last.parse::<u32>().map_or((words, 0), |ttl| (rest, ttl))
            }
            _ => (words, 0),
        };
        let split = words.iter().position(|word| word.parse::<IpAddr>().is_ok()).unwrap_or(words.len());
        let (names, addresses) = words.split_at(split);
        if names.is_empty() || addresses.is_empty() || names.iter().any(|name| name.is_empty()) {
            return None;
        }
        for address in addresses {
            let address: IpAddr = address.parse().ok()?;
            let kind = if address.is_ipv4() { "A" } else { "AAAA" };
            self.lines.extend(names.iter().map(|name| format!("{name} {ttl} {kind} {address}")));
        }
        Some(())
    }

    /// The options of a file. The complaint names line and file.
    pub fn read(&mut self, path: &str, text: &str) -> Result<(), Complaint> {
        for (index, line) in text.lines().enumerate() {
            let line = without_remark(line).trim();
            if line.is_empty() {
                continue;
            }
            let (name, value) = match line.split_once('=') {
                Some((name, value)) => (name.trim(), Some(value.trim())),
                None => (line, None),
            };
            // A file has names only, no letters; what belongs to the command line alone is unknown in it.
            let told = if name == "test" { Err("bad option".to_owned()) } else { self.set(name, value) };
            told.map_err(|words| format!("{words} at line {} of {path}", index + 1))?;
        }
        Ok(())
    }

    /// The lines of a file like `/etc/hosts`; several names of one address each get it.
    pub fn read_hosts(&mut self, text: &str) {
        for line in text.lines() {
            let mut words = line.split('#').next().unwrap_or_default().split_whitespace();
            let Some(Ok(address)) = words.next().map(str::parse::<IpAddr>) else { continue };
            let kind = if address.is_ipv4() { "A" } else { "AAAA" };
            self.lines.extend(words.map(|name| format!("{name} 0 {kind} {address}")));
        }
    }
}

/// A `#` begins a remark at the start of a line and behind white space.
fn without_remark(line: &str) -> &str {
    let mut before = ' ';
    for (at, letter) in line.char_indices() {
        if letter == '#' && before.is_whitespace() {
            return &line[..at];
        }
        before = letter;
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Settings, Complaint> {
        let mut settings = Settings::default();
        settings.read("/etc/dnsmasq.conf", text).map(|()| settings)
    }

    #[test]
    fn a_file_gives_zones_records_and_addresses() {
        let text = "# of the office\nno-resolv\nlisten-address=192.168.1.53 # here\nlocal=/corp.example/\n\
                    host-record=web.corp.example,wiki.corp.example,192.168.1.80,60\ncname=www.corp.example,web.corp.example\n";
        let settings = read(text).expect("a right file");
        assert!(settings.no_resolv && !settings.no_hosts);
        assert_eq!(settings.listen, ["192.168.1.53".parse::<IpAddr>().expect("an address")]);
        assert_eq!(
            settings.lines,
            [
                "zone corp.example",
                "web.corp.example 60 A 192.168.1.80",
                "wiki.corp.example 60 A 192.168.1.80",
                "www.corp.example 0 CNAME web.corp.example"
            ]
        );
    }

    #[test]
    fn a_wrong_line_is_told_with_its_place() {
        let told = |text| read(text).err().unwrap_or_default();
        assert_eq!(told("no-hosts\nfrobnicate=1\n"), "bad option at line 2 of /etc/dnsmasq.conf");
        assert_eq!(told("port"), "missing parameter at line 1 of /etc/dnsmasq.conf");
        assert_eq!(told("no-hosts=1"), "extraneous parameter at line 1 of /etc/dnsmasq.conf");
        assert_eq!(told("host-record=web"), "Bad host-record at line 1 of /etc/dnsmasq.conf");
        assert!(told("server=8.8.8.8").contains("forwarding is not simulated in vethlab"));
        assert!(told("dhcp-range=10.0.0.1,10.0.0.9").contains("not simulated in vethlab"));
    }
}
