//! One thing to look up, and the settings of the whole run: what dig, host and nslookup share.
//!
//! Source: BIND 9.18 `bin/dig/dighost.c` (make_empty_lookup, clone_lookup, setup_lookup, setup_system).

use super::Failed;
use crate::dns::{Class, Edns, Kind, Message, Name, Opcode, Question, option};
use crate::resolver::{self, GaiError, Hints};
use crate::sys::Sys;
use net::rtnetlink::Family;
use std::net::{IpAddr, SocketAddr};

/// DEFAULT_EDNS_BUFSIZE
pub(super) const EDNS_BYTES: u16 = 1232;
/// RESCONFMAXNAMESERVERS, RESCONFMAXSEARCH
const SERVERS: usize = 3;
const DOMAINS: usize = 8;

/// A server: the address that is asked, and what was typed to mean it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Server {
    pub address: IpAddr,
    pub typed: String,
}

#[derive(Clone, Debug)]
pub(super) struct Lookup {
    pub text: String,
    pub kind: Kind,
    pub kind_set: bool,
    pub class: Class,
    pub class_set: bool,
    /// None: the run's servers.
    pub servers: Vec<Server>,
    /// Which entry of the search list is behind the name; `None`: none.
    pub origin: Option<usize>,
    pub new_search: bool,
    pub need_search: bool,
    pub done_as_is: bool,
    pub retries: u32,
    pub tcp: bool,
    pub tcp_set: bool,
    pub opcode: Opcode,
    pub recurse: bool,
    pub aa: bool,
    pub ad: bool,
    pub cd: bool,
    pub ra: bool,
    pub tc: bool,
    pub z: bool,
    pub id: Option<u16>,
    pub header_only: bool,
    /// The version; `None` without EDNS.
    pub edns: Option<u8>,
    pub udp_size: Option<u16>,
    pub dnssec: bool,
    pub nsid: bool,
    pub cookie: bool,
    pub subnet: Option<Vec<u8>>,
    pub ignore_truncation: bool,
    pub servfail_stops: bool,
    pub comments: bool,
    pub stats: bool,
    pub question: bool,
    pub answer: bool,
    pub authority: bool,
    pub additional: bool,
    pub identify: bool,
    pub query: bool,
    pub microseconds: bool,
    pub no_ttl: bool,
    pub no_class: bool,
    pub ttl_units: bool,
    pub multiline: bool,
    pub record_comments: i8,
    pub expand_aaaa: bool,
    pub unknown_format: bool,
    /// What dig prints before the first answer.
    pub greeting: String,
}

impl Lookup {
    pub fn new(tries: u32) -> Lookup {
        Lookup {
            text: String::new(),
            kind: Kind::A,
            kind_set: false,
            class: Class::IN,
            class_set: false,
            servers: Vec::new(),
            origin: None,
            new_search: false,
            need_search: false,
            done_as_is: false,
            retries: tries,
            tcp: false,
            tcp_set: false,
            opcode: Opcode::QUERY,
            recurse: true,
            aa: false,
            ad: false,
            cd: false,
            ra: false,
            tc: false,
            z: false,
            id: None,
            header_only: false,
            edns: None,
            udp_size: None,
            dnssec: false,
            nsid: false,
            cookie: false,
            subnet: None,
            ignore_truncation: false,
            servfail_stops: true,
            comments: true,
            stats: true,
            question: true,
            answer: true,
            authority: true,
            additional: true,
            identify: false,
            query: false,
            microseconds: false,
            no_ttl: false,
            no_class: false,
            ttl_units: false,
            multiline: false,
            record_comments: 0,
            expand_aaaa: false,
            unknown_format: false,
            greeting: String::new(),
        }
    }

    /// The question as it goes out; `cookie` is eight random bytes.
    pub fn message(&self, name: Name, id: u16, cookie: [u8; 8]) -> Message {
        let mut message = Message::query(self.id.unwrap_or(id), name.clone(), self.kind);
        message.opcode = self.opcode;
        message.questions = vec![Question { name, kind: self.kind, class: self.class }];
        if self.header_only {
            message.questions.clear();
        }
        message.flags.recursion_desired = self.recurse && self.kind != Kind::AXFR;
        message.flags.authoritative = self.aa;
        message.flags.authentic_data = self.ad;
        message.flags.checking_disabled = self.cd;
        message.flags.recursion_available = self.ra;
        message.flags.truncated = self.tc;
        message.flags.z = self.z;
        let wants_edns =
            self.udp_size.is_some() || self.dnssec || self.edns.is_some() || self.subnet.is_some();
        if wants_edns {
            let mut options = Vec::new();
            if self.nsid {
                options.push((option::NSID, Vec::new()));
            }
            if let Some(subnet) = &self.subnet {
                options.push((option::CLIENT_SUBNET, subnet.clone()));
            }
            if self.cookie {
                options.push((option::COOKIE, cookie.to_vec()));
            }
            message.edns = Some(Edns {
                version: self.edns.unwrap_or(0),
                udp_size: self.udp_size.unwrap_or(EDNS_BYTES),
                dnssec_ok: self.dnssec,
                options,
            });
        }
        message
    }
}

/// What holds for the whole run.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub servers: Vec<Server>,
    pub search: Vec<String>,
    pub use_search: bool,
    pub show_search: bool,
    pub ndots: u32,
    /// Seconds; 0 is the default of the transport.
    pub timeout: u32,
    pub tries: u32,
    pub port: u16,
    pub local: Option<SocketAddr>,
    pub v4: bool,
    pub v6: bool,
    /// A server that does not recurse is passed over.
    pub check_recursion: bool,
}

impl Settings {
    /// From resolv.conf, as libirs reads it. `tries` `None`: the file's attempts.
    pub async fn load(sys: &Sys, family: Option<Family>, tries: Option<u32>) -> Result<Settings, Failed> {
        let mut settings = Settings {
            servers: Vec::new(),
            search: Vec::new(),
            use_search: false,
            show_search: false,
            ndots: 1,
            timeout: 0,
            tries: tries.unwrap_or(3),
            port: 53,
            local: None,
            v4: family != Some(Family::Inet6),
            v6: family != Some(Family::Inet),
            check_recursion: false,
        };
        let text = sys.read_file("/etc/resolv.conf").await.unwrap_or_default();
        let attempts = settings
            .read(&String::from_utf8_lossy(&text))
            .ok_or_else(|| Failed::fatal("parse of /etc/resolv.conf failed"))?;
        if tries.is_none() && attempts > 0 {
            settings.tries = attempts;
        }
        if settings.servers.is_empty() {
            let fallback = [("::1", settings.v6), ("127.0.0.1", settings.v4)];
            for (text, _) in fallback.into_iter().filter(|(_, wanted)| *wanted) {
                settings
                    .servers
                    .extend(text.parse().ok().map(|address| Server { address, typed: text.to_owned() }));
            }
        }
        Ok(settings)
    }

    /// The attempts; `None` where the file is wrong.
    fn read(&mut self, text: &str) -> Option<u32> {
        let mut attempts = 3;
        let mut servers = 0;
        for line in text.lines() {
            let line = line.split([';', '#']).next().unwrap_or_default();
            let mut words = line.split_whitespace();
            match words.next() {
                Some("nameserver") => {
                    let (word, None) = (words.next()?, words.next()) else { return None };
                    if servers == SERVERS {
                        continue;
                    }
                    servers += 1;
                    let mut address = resolver::address(word)?.0;
                    if address == IpAddr::from([0, 0, 0, 0]) {
                        address = IpAddr::from([127, 0, 0, 1]);
                    }
                    if if address.is_ipv4() { self.v4 } else { self.v6 } {
                        self.servers.push(Server { address, typed: address.to_string() });
                    }
                }
                Some("domain") => self.search = vec![words.next()?.to_owned()],
                Some("search") => self.search = words.take(DOMAINS).map(str::to_owned).collect(),
                Some("options") => {
                    for word in words {
                        let number = |digits: &str| digits.parse::<u8>().ok().map(u32::from);
                        match word.split_once(':') {
                            Some(("ndots", digits)) => self.ndots = number(digits)?,
                            Some(("attempts", digits)) => attempts = number(digits)?,
                            Some(("timeout", digits)) => self.timeout = number(digits)?,
                            _ => {}
                        }
                    }
                }
                _ => {}
            }
        }
        Some(attempts)
    }

    /// The addresses of `@server`.
    pub async fn find_servers(&self, sys: &Sys, typed: &str) -> Result<Vec<Server>, Failed> {
        let found: Vec<IpAddr> = match resolver::address(typed) {
            Some((IpAddr::V4(v4), _)) if !self.v4 => vec![IpAddr::V6(v4.to_ipv6_mapped())],
            Some((address, _)) => vec![address],
            None => {
                let family = match (self.v4, self.v6) {
                    (true, false) => Some(Family::Inet),
                    (false, true) => Some(Family::Inet6),
                    _ => None,
                };
                let answer =
                    resolver::getaddrinfo(sys, typed, Hints { family, configured: true, ..Hints::default() })
                        .await;
                let found = answer.map_err(|error| {
                    let why = match error {
                        GaiError::NoName | GaiError::NoData | GaiError::AddrFamily => "not found",
                        _ => "failure",
                    };
                    Failed::fatal(format!("couldn't get address for '{typed}': {why}"))
                })?;
                found.into_iter().map(|info| info.address).collect()
            }
        };
        Ok(found.into_iter().map(|address| Server { address, typed: typed.to_owned() }).collect())
    }
}

/// The reverse name of an address; where not `strict`, of anything with dots.
pub(super) fn reverse_name(text: &str, strict: bool) -> Option<String> {
    if let Ok(IpAddr::V6(v6)) = text.parse() {
        return Some(Name::reverse(IpAddr::V6(v6)).relative());
    }
    if strict && text.parse::<std::net::Ipv4Addr>().is_err() {
        return None;
    }
    let octets: Vec<&str> = text.split('.').rev().collect();
    Some(octets.join(".") + ".in-addr.arpa.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reverse_names_need_no_whole_address_unless_strict() {
        assert_eq!(reverse_name("10.0.0", false).as_deref(), Some("0.0.10.in-addr.arpa."));
        assert_eq!(reverse_name("www", false).as_deref(), Some("www.in-addr.arpa."));
        assert_eq!(reverse_name("www", true), None);
        assert!(
            reverse_name("2001:db8::1", true).is_some_and(|name| name.ends_with("8.b.d.0.1.0.0.2.ip6.arpa"))
        );
    }

    #[test]
    fn a_question_carries_what_was_asked_for() {
        let mut lookup = Lookup::new(3);
        let name = || Name::parse("www.lab").expect("a name");
        assert_eq!(lookup.message(name(), 1, [0; 8]).edns, None);
        lookup.edns = Some(0);
        lookup.cookie = true;
        let edns = lookup.message(name(), 1, [7; 8]).edns.expect("it was asked for");
        assert_eq!(edns.options, [(option::COOKIE, vec![7; 8])]);
        lookup.recurse = false;
        assert!(!lookup.message(name(), 1, [0; 8]).flags.recursion_desired);
    }
}
