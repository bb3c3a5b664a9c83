//! What dnsmasq is told on its command line and in `/etc/dnsmasq.conf`: the same options, `--name=value` and `name=value`.
//!
//! Always: an option that dnsmasq knows and this one does not says `not simulated`; one that nobody knows is dnsmasq's
//! own error, with the line of the file.
//! Source: dnsmasq(8); texts of dnsmasq 2.90 `option.c`.

use super::log::To;
use super::{Log, Rule, Standard, Zones};
use crate::daemon::Complaint;
use crate::dns::{Data, Kind, Name};
use net::Errno;
use std::net::{IpAddr, SocketAddr};

/// CACHESIZ
const CACHE_SIZE: usize = 150;
/// NAMESERVER_PORT
const PORT: u16 = 53;

/// What the options come to. `lines` are records as [`Zones::parse`] reads them.
#[derive(Clone, Debug)]
pub struct Settings {
    pub port: u16,
    pub listen: Vec<IpAddr>,
    pub interfaces: Vec<String>,
    /// One socket for each address, in place of one for all.
    pub bind_interfaces: bool,
    pub lines: Vec<String>,
    rules: Vec<(Name, Rule)>,
    others: Vec<(Name, Kind, Data)>,
    /// `mx-host` without a target means this machine.
    own_mail: Vec<String>,
    pub servers: Vec<SocketAddr>,
    pub dots_needed: bool,
    pub private_here: bool,
    /// Without the servers of `/etc/resolv.conf`.
    pub no_resolv: bool,
    pub resolv_file: String,
    /// Without the names of `/etc/hosts`.
    pub no_hosts: bool,
    /// Files like `/etc/hosts`.
    pub hosts: Vec<String>,
    /// Those that were read, and how many names they gave.
    pub read: Vec<(String, Result<usize, Errno>)>,
    /// Stays in the foreground.
    pub foreground: bool,
    /// In the foreground and says there what it does.
    pub debug: bool,
    /// Reads its configuration and says whether it is right.
    pub test: bool,
    pub conf_file: Option<String>,
    pub cache_size: usize,
    pub log_queries: bool,
    pub log_file: Option<String>,
    pub pid_file: String,
    pub user: Option<String>,
    pub group: Option<String>,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            port: PORT,
            listen: Vec::new(),
            interfaces: Vec::new(),
            bind_interfaces: false,
            lines: Vec::new(),
            rules: Vec::new(),
            others: Vec::new(),
            own_mail: Vec::new(),
            servers: Vec::new(),
            dots_needed: false,
            private_here: false,
            no_resolv: false,
            resolv_file: "/etc/resolv.conf".to_owned(),
            no_hosts: false,
            hosts: Vec::new(),
            read: Vec::new(),
            foreground: false,
            debug: false,
            test: false,
            conf_file: None,
            cache_size: CACHE_SIZE,
            log_queries: false,
            log_file: None,
            pid_file: "/run/dnsmasq.pid".to_owned(),
            user: None,
            group: None,
        }
    }
}

/// Options without a value.
const FLAGS: &[&str] = &[
    "all-servers",
    "bind-interfaces",
    "bogus-priv",
    "domain-needed",
    "keep-in-foreground",
    "no-daemon",
    "no-hosts",
    "no-negcache",
    "no-poll",
    "no-resolv",
    "test",
];
/// Options with one.
const VALUES: &[&str] = &[
    "addn-hosts",
    "address",
    "cache-size",
    "cname",
    "conf-file",
    "group",
    "host-record",
    "interface",
    "listen-address",
    "local",
    "log-facility",
    "mx-host",
    "port",
    "ptr-record",
    "resolv-file",
    "server",
    "srv-host",
    "txt-record",
    "user",
];
/// Options that may have one.
const MAYBE: &[&str] = &["log-queries", "pid-file"];
/// What dnsmasq has besides, and learners use.
const MISSING: &[&str] = &[
    "auth-server",
    "auth-zone",
    "bind-dynamic",
    "conf-dir",
    "dhcp-host",
    "dhcp-option",
    "dhcp-range",
    "dnssec",
    "domain",
    "except-interface",
    "expand-hosts",
    "filterwin2k",
    "local-ttl",
    "localise-queries",
    "naptr-record",
    "neg-ttl",
    "query-port",
    "rev-server",
    "selfmx",
    "stop-dns-rebind",
    "strict-order",
];

/// Why an option is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    Told(Complaint),
    /// Without words of its own.
    Plain,
}

impl From<&str> for Refusal {
    fn from(words: &str) -> Refusal {
        Refusal::Told(words.to_owned())
    }
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T, Refusal> {
    text.parse().map_err(|_| Refusal::Plain)
}

fn name(text: &str) -> Result<Name, Refusal> {
    Name::parse(text).map_err(|_| Refusal::Plain)
}

impl Settings {
    /// One option.
    pub fn set(&mut self, name: &str, value: Option<&str>) -> Result<(), Refusal> {
        match (FLAGS.contains(&name), VALUES.contains(&name), MAYBE.contains(&name), value) {
            (true, _, _, Some(_)) => Err("extraneous parameter".into()),
            (_, true, _, None) => Err("missing parameter".into()),
            (true, ..) => {
                self.flag(name);
                Ok(())
            }
            (_, true, _, Some(value)) => self.value(name, value),
            (_, _, true, value) => self.maybe(name, value),
            _ if MISSING.contains(&name) => Err(Refusal::Told(format!(
                "{name}: not simulated in vethlab; use server=, address=, host-record= or addn-hosts="
            ))),
            _ => Err("bad option".into()),
        }
    }

    fn flag(&mut self, name: &str) {
        match name {
            "no-hosts" => self.no_hosts = true,
            "no-resolv" => self.no_resolv = true,
            "test" => self.test = true,
            "bind-interfaces" => self.bind_interfaces = true,
            "domain-needed" => self.dots_needed = true,
            "bogus-priv" => self.private_here = true,
            "no-daemon" => (self.foreground, self.debug) = (true, true),
            "keep-in-foreground" => self.foreground = true,
            // All servers are asked anyway, their file is read for each question, and what does not exist is not kept.
            _ => {}
        }
    }

    fn maybe(&mut self, name: &str, value: Option<&str>) -> Result<(), Refusal> {
        match (name, value) {
            ("log-queries", None) => self.log_queries = true,
            ("log-queries", Some(how)) => {
                return Err(Refusal::Told(format!(
                    "log-queries={how}: not simulated in vethlab; use log-queries"
                )));
            }
            (_, path) => self.pid_file = path.unwrap_or_default().to_owned(),
        }
        Ok(())
    }

    fn value(&mut self, option: &str, value: &str) -> Result<(), Refusal> {
        let words: Vec<&str> = value.split(',').map(str::trim).collect();
        match (option, words.as_slice()) {
            ("listen-address", addresses) => {
                for address in addresses {
                    self.listen.push(number(address)?);
                }
            }
            ("interface", names) => self.interfaces.extend(names.iter().map(|name| (*name).to_owned())),
            ("port", [port]) => self.port = number(port)?,
            ("cache-size", [size]) => self.cache_size = number(size)?,
            ("conf-file", _) => self.conf_file = Some(value.to_owned()),
            ("addn-hosts", _) => self.hosts.push(value.to_owned()),
            ("resolv-file", _) => self.resolv_file = value.to_owned(),
            ("log-facility", _) => self.log_file = Some(value.to_owned()),
            ("user", _) => self.user = Some(value.to_owned()),
            ("group", _) => self.group = Some(value.to_owned()),
            ("address", _) => self.address(value)?,
            ("local" | "server", _) => self.upstream(value)?,
            ("host-record", names) => self.host(names).ok_or("Bad host-record")?,
            ("cname", [aliases @ .., target, ttl]) if !aliases.is_empty() && ttl.parse::<u32>().is_ok() => {
                self.lines.extend(aliases.iter().map(|alias| format!("{alias} {ttl} CNAME {target}")));
            }
            ("cname", [aliases @ .., target]) if !aliases.is_empty() => {
                self.lines.extend(aliases.iter().map(|alias| format!("{alias} 0 CNAME {target}")));
            }
            ("cname", _) => return Err("bad CNAME".into()),
            ("mx-host", [name]) => self.own_mail.push((*name).to_owned()),
            ("mx-host", [name, target]) => self.lines.push(format!("{name} 0 MX 1 {target}")),
            ("mx-host", [name, target, preference]) => {
                let preference: u16 = preference.parse().map_err(|_| "bad MX preference")?;
                self.lines.push(format!("{name} 0 MX {preference} {target}"));
            }
            ("txt-record", [owner, text @ ..]) => {
                let strings =
                    if text.is_empty() { vec![Vec::new()] } else { text.iter().map(unquoted).collect() };
                self.others.push((name(owner)?, Kind::TXT, Data::Strings(strings)));
            }
            ("ptr-record", [owner, rest @ ..]) => {
                let target = name(rest.first().copied().unwrap_or_default())?;
                self.others.push((name(owner)?, Kind::PTR, Data::Name(target)));
            }
            ("srv-host", [owner, rest @ ..]) => self.service(owner, rest)?,
            _ => return Err(Refusal::Plain),
        }
        Ok(())
    }

    /// `SERVICE[,TARGET[,PORT[,PRIORITY[,WEIGHT]]]]`
    fn service(&mut self, owner: &str, rest: &[&str]) -> Result<(), Refusal> {
        let target = name(rest.first().copied().unwrap_or("."))?;
        let given = |index: usize, otherwise: u16, words: &str| -> Result<u16, Refusal> {
            rest.get(index).map_or(Ok(otherwise), |text| text.parse().map_err(|_| words.into()))
        };
        let port = given(1, 1, "invalid port number")?;
        let (priority, weight) = (given(2, 0, "invalid priority")?, given(3, 0, "invalid weight")?);
        self.others.push((name(owner)?, Kind::SRV, Data::Srv { priority, weight, port, target }));
        Ok(())
    }

    /// `/DOMAIN/…/ADDRESS`, `/DOMAIN/#`, `/DOMAIN/`
    fn address(&mut self, value: &str) -> Result<(), Refusal> {
        const BAD: &str = "Bad address in --address";
        let (domains, last) = value.strip_prefix('/').and_then(|rest| rest.rsplit_once('/')).ok_or(BAD)?;
        let rule = match last {
            "" => Rule::Nothing,
            "#" => Rule::Zero,
            address => Rule::Address(address.parse().map_err(|_| BAD)?),
        };
        self.domains(domains, &rule)
    }

    fn domains(&mut self, domains: &str, rule: &Rule) -> Result<(), Refusal> {
        for domain in domains.split('/') {
            let domain = if domain == "#" { "." } else { domain.trim_start_matches('.') };
            self.rules.push((name(domain)?, rule.clone()));
        }
        Ok(())
    }

    /// `ADDRESS[#PORT]`, `/DOMAIN/…/ADDRESS[#PORT]`, `/DOMAIN/`, `/DOMAIN/#`
    fn upstream(&mut self, value: &str) -> Result<(), Refusal> {
        let Some((domains, last)) = value.strip_prefix('/').and_then(|rest| rest.rsplit_once('/')) else {
            self.servers.push(server(value)?);
            return Ok(());
        };
        let rule = match last {
            "" => Rule::Local,
            "#" => Rule::Standard,
            address => Rule::Server(server(address)?),
        };
        self.domains(domains, &rule)
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
            let told = if name == "test" { Err("bad option".into()) } else { self.set(name, value) };
            told.map_err(|refusal| {
                let words = match refusal {
                    Refusal::Told(words) => words,
                    Refusal::Plain => "error".to_owned(),
                };
                format!("{words} at line {} of {path}", index + 1)
            })?;
        }
        Ok(())
    }

    /// The lines of a file like `/etc/hosts`; several names of one address each get it.
    pub fn read_hosts(&mut self, path: &str, text: &str) {
        let before = self.lines.len();
        for line in text.lines() {
            let mut words = line.split('#').next().unwrap_or_default().split_whitespace();
            let Some(Ok(address)) = words.next().map(str::parse::<IpAddr>) else { continue };
            let kind = if address.is_ipv4() { "A" } else { "AAAA" };
            self.lines.extend(words.map(|name| format!("{name} 0 {kind} {address}")));
        }
        self.read.push((path.to_owned(), Ok(self.lines.len() - before)));
    }

    pub fn standard(&self) -> Standard {
        match self.no_resolv {
            true => Standard::These(self.servers.clone()),
            false => Standard::File(self.resolv_file.clone(), self.servers.clone()),
        }
    }

    /// Where the log goes: without a daemon to stderr, else to the file; syslog is not here.
    pub fn log(&self) -> Log {
        let to = match (&self.log_file, self.debug) {
            (Some(path), _) if path == "-" => To::Stderr,
            (Some(path), _) if path.contains('/') => To::File(path.clone()),
            (_, true) => To::Stderr,
            _ => To::Nowhere,
        };
        Log { to, queries: self.log_queries }
    }

    /// Records and rules together; `host` is this machine's name.
    pub fn zones(&self, host: &str) -> Result<Zones, Complaint> {
        let mut lines = self.lines.clone();
        lines.extend(self.own_mail.iter().map(|name| format!("{name} 0 MX 1 {host}")));
        let mut zones = Zones::parse(&lines)?;
        self.rules.iter().for_each(|(domain, rule)| zones.rules.add(domain.clone(), rule.clone()));
        self.others.iter().for_each(|(name, kind, data)| zones.other(name.clone(), *kind, data.clone()));
        (zones.dots_needed, zones.private_here) = (self.dots_needed, self.private_here);
        Ok(zones)
    }
}

fn unquoted(text: &&str) -> Vec<u8> {
    text.trim_matches('"').as_bytes().to_vec()
}

fn server(text: &str) -> Result<SocketAddr, Refusal> {
    let (address, port) = match text.split_once('#') {
        Some((address, port)) => (address, port.parse().map_err(|_| "bad port")?),
        None => (text, PORT),
    };
    let address = address.parse().map_err(|_| "Cannot resolve server name")?;
    Ok(SocketAddr::new(address, port))
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
        assert_eq!(settings.rules, [(Name::parse("corp.example").expect("a name"), Rule::Local)]);
        assert_eq!(settings.listen, ["192.168.1.53".parse::<IpAddr>().expect("an address")]);
        assert_eq!(
            settings.lines,
            [
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
        assert_eq!(told("server=dns.lab"), "Cannot resolve server name at line 1 of /etc/dnsmasq.conf");
        assert_eq!(told("listen-address=x"), "error at line 1 of /etc/dnsmasq.conf");
        assert!(told("dhcp-range=10.0.0.1,10.0.0.9").contains("not simulated in vethlab"));
    }
}
