//! `/etc/resolv.conf`: which servers are asked, how, and what is added to short names.
//!
//! Always: there is at least one server (127.0.0.1 where the file names none) and at most [`SERVERS`].
//! Differs from glibc: no `sortlist`.
//! Sources: resolv.conf(5); glibc 2.36 `resolv/res_init.c`.

use super::numeric::inet_aton;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// MAXNS; further `nameserver` lines are not looked at.
pub const SERVERS: usize = 3;
const PORT: u16 = 53;
/// RES_MAXNDOTS, RES_MAXRETRANS, RES_MAXRETRY
const NDOTS_MOST: u32 = 15;
const TIMEOUT_MOST: u32 = 30;
const ATTEMPTS_MOST: u32 = 5;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolvConf {
    pub servers: Vec<SocketAddr>,
    pub search: Vec<String>,
    /// A name with fewer dots is first tried with the search list.
    pub ndots: u32,
    /// Seconds until the first server counts as silent.
    pub timeout: u32,
    pub attempts: u32,
    pub rotate: bool,
    pub edns0: bool,
    pub single_request: bool,
    pub single_request_reopen: bool,
    pub use_vc: bool,
    pub no_tld_query: bool,
    pub no_aaaa: bool,
    pub trust_ad: bool,
}

impl Default for ResolvConf {
    fn default() -> ResolvConf {
        ResolvConf {
            servers: Vec::new(),
            search: Vec::new(),
            ndots: 1,
            timeout: 5,
            attempts: 2,
            rotate: false,
            edns0: false,
            single_request: false,
            single_request_reopen: false,
            use_vc: false,
            no_tld_query: false,
            no_aaaa: false,
            trust_ad: false,
        }
    }
}

/// What overrides the file.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    pub hostname: String,
    /// `$LOCALDOMAIN`
    pub local_domain: Option<String>,
    /// `$RES_OPTIONS`
    pub options: Option<String>,
}

impl ResolvConf {
    pub fn parse(text: &str, around: &Surroundings) -> ResolvConf {
        let mut conf = ResolvConf::default();
        let blank = |character: char| character == ' ' || character == '\t';
        let domains = |rest: &str| rest.split(blank).filter(|it| !it.is_empty()).map(str::to_owned).collect();
        for line in text.split('\n') {
            if line.starts_with([';', '#']) {
                continue;
            }
            let Some((word, rest)) = line.split_once(blank) else { continue };
            let rest = rest.trim_start_matches(blank);
            match word {
                "domain" if !rest.is_empty() => {
                    conf.search = rest.split(blank).take(1).map(str::to_owned).collect();
                }
                "search" if !rest.is_empty() => conf.search = domains(rest),
                "nameserver" => conf.servers.extend(rest.split(blank).next().and_then(server)),
                "options" => conf.set_options(rest),
                _ => {}
            }
        }
        conf.servers.truncate(SERVERS);
        if conf.servers.is_empty() {
            conf.servers.push((Ipv4Addr::LOCALHOST, PORT).into());
        }
        if let Some(list) = &around.local_domain {
            conf.search = domains(list.split('\n').next().unwrap_or_default());
        } else if conf.search.is_empty()
            && let Some((_, domain)) = around.hostname.split_once('.')
        {
            conf.search.push(domain.to_owned());
        }
        if let Some(options) = &around.options {
            conf.set_options(options);
        }
        conf
    }

    fn set_options(&mut self, text: &str) {
        for word in text.split([' ', '\t']) {
            let number = |prefix, most| word.strip_prefix(prefix).map(|digits| atoi(digits).min(most));
            if let Some(ndots) = number("ndots:", NDOTS_MOST) {
                self.ndots = ndots;
            } else if let Some(timeout) = number("timeout:", TIMEOUT_MOST) {
                self.timeout = timeout;
            } else if let Some(attempts) = number("attempts:", ATTEMPTS_MOST) {
                self.attempts = attempts;
            } else if let Some(flag) = self.flag(word) {
                *flag = true;
            }
        }
    }

    /// The option whose name `word` starts with; glibc compares no further.
    fn flag(&mut self, word: &str) -> Option<&mut bool> {
        let word = word.replace("no_tld_query", "no-tld-query");
        let flags = [
            ("rotate", &mut self.rotate),
            ("edns0", &mut self.edns0),
            ("single-request-reopen", &mut self.single_request_reopen),
            ("single-request", &mut self.single_request),
            ("no-tld-query", &mut self.no_tld_query),
            ("no-aaaa", &mut self.no_aaaa),
            ("use-vc", &mut self.use_vc),
            ("trust-ad", &mut self.trust_ad),
        ];
        flags.into_iter().find(|(name, _)| word.starts_with(name)).map(|(_, flag)| flag)
    }
}

fn server(word: &str) -> Option<SocketAddr> {
    let address = match inet_aton(word) {
        Some(v4) => IpAddr::V4(v4),
        None => IpAddr::V6(word.split('%').next()?.parse::<Ipv6Addr>().ok()?),
    };
    Some((address, PORT).into())
}

/// atoi(3); what is below zero counts as the largest.
fn atoi(text: &str) -> u32 {
    let text = text.trim_start();
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let end = digits.find(|character: char| !character.is_ascii_digit()).unwrap_or(digits.len());
    let number: u32 = if end == 0 { 0 } else { digits[..end].parse().unwrap_or(u32::MAX) };
    if negative && number > 0 { u32::MAX } else { number }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> ResolvConf {
        ResolvConf::parse(text, &Surroundings::default())
    }

    #[test]
    fn the_last_search_or_domain_line_counts_and_three_servers_at_most() {
        let conf = parse(
            "# comment\nsearch a.lab b.lab\ndomain c.lab d.lab\nnameserver 10.0.0.1 more\nnameserver ::1\n\
             nameserver frob\nnameserver 10.0.0.2\nnameserver 10.0.0.3\n nameserver 10.0.0.4\n",
        );
        assert_eq!(conf.search, ["c.lab"]);
        let servers: Vec<String> = conf.servers.iter().map(SocketAddr::to_string).collect();
        assert_eq!(servers, ["10.0.0.1:53", "[::1]:53", "10.0.0.2:53"]);
    }

    #[test]
    fn an_empty_file_means_this_machine_and_the_domain_of_its_name() {
        let around = Surroundings { hostname: "a.lab.example".to_owned(), ..Surroundings::default() };
        let conf = ResolvConf::parse("", &around);
        assert_eq!(
            (conf.servers, conf.search),
            (vec![([127, 0, 0, 1], 53).into()], vec!["lab.example".to_owned()])
        );
    }

    #[test]
    fn options_are_bounded_and_may_be_overridden() {
        let conf = parse("options ndots:99 timeout:0 attempts:x rotate edns0 single-request-reopen frob\n");
        assert_eq!((conf.ndots, conf.timeout, conf.attempts), (15, 0, 0));
        assert!(conf.rotate && conf.edns0 && conf.single_request_reopen && !conf.single_request);
        let around = Surroundings {
            options: Some("ndots:3".to_owned()),
            local_domain: Some("x.lab y.lab".to_owned()),
            ..Surroundings::default()
        };
        let conf = ResolvConf::parse("options ndots:5\nsearch a.lab\n", &around);
        assert_eq!((conf.ndots, conf.search), (3, vec!["x.lab".to_owned(), "y.lab".to_owned()]));
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in "(nameserver|search|options|domain|ndots:|[ \\t\\n#;:.0-9a-z%-]){0,40}") {
            proptest::prop_assert!(!parse(&text).servers.is_empty());
        }
    }
}
