//! dig's `+options`: each may be shortened as far as dig lets it, and turned round by `no`.
//!
//! Source: BIND 9.18 `bin/dig/dig.c` (plus_option).

use super::Failed;
use super::arguments::invalid;
use super::lookup::{EDNS_BYTES, Lookup, Settings};
use crate::dns::Opcode;
use std::net::IpAddr;

/// What an option may change.
pub(super) struct Target<'a> {
    pub lookup: &'a mut Lookup,
    pub settings: &'a mut Settings,
    pub short: &'a mut bool,
    pub print_command: &'a mut bool,
    pub domain: &'a mut Option<String>,
}

/// MAXTRIES, MAXTIMEOUT, MAXNDOTS, COMMSIZE
const TRIES: u32 = 0xffff_ffff;
const TIMEOUT: u32 = 0xffff;
const NDOTS: u32 = 0xffff;

/// Names with the fewest letters that are enough.
const NAMES: &[(&str, usize)] = &[
    ("aaonly", 2),
    ("aaflag", 2),
    ("additional", 3),
    ("adflag", 3),
    ("ad", 2),
    ("all", 2),
    ("answer", 2),
    ("authority", 2),
    ("badcookie", 2),
    ("besteffort", 2),
    ("bufsize", 2),
    ("cdflag", 3),
    ("cd", 2),
    ("class", 2),
    ("cmd", 2),
    ("comments", 3),
    ("cookie", 3),
    ("coflag", 3),
    ("co", 2),
    ("crypto", 2),
    ("defname", 2),
    ("dns64prefix", 4),
    ("dnssec", 4),
    ("do", 2),
    ("domain", 3),
    ("dscp", 2),
    ("edns", 4),
    ("ednsflags", 5),
    ("ednsnegotiation", 5),
    ("ednsopt", 5),
    ("expandaaaa", 4),
    ("expire", 4),
    ("fail", 2),
    ("header-only", 2),
    ("https", 2),
    ("https-get", 6),
    ("https-post", 6),
    ("http-plain", 5),
    ("identify", 3),
    ("idnin", 4),
    ("idnout", 4),
    ("ignore", 1),
    ("keepalive", 5),
    ("keepopen", 5),
    ("multiline", 2),
    ("ndots", 2),
    ("nsid", 3),
    ("nssearch", 3),
    ("onesoa", 2),
    ("opcode", 2),
    ("padding", 1),
    ("qid", 2),
    ("qr", 2),
    ("question", 2),
    ("raflag", 2),
    ("rdflag", 2),
    ("recurse", 3),
    ("retry", 3),
    ("retries", 3),
    ("rrcomments", 2),
    ("search", 2),
    ("short", 4),
    ("showbadcookie", 5),
    ("showsearch", 5),
    ("split", 2),
    ("stats", 2),
    ("subnet", 2),
    ("tcflag", 3),
    ("tcp", 3),
    ("timeout", 2),
    ("tls", 3),
    ("tls-ca", 6),
    ("tls-certfile", 6),
    ("tls-hostname", 5),
    ("tls-keyfile", 5),
    ("trace", 3),
    ("tries", 3),
    ("ttlid", 3),
    ("ttlunits", 4),
    ("unknownformat", 3),
    ("vc", 1),
    ("yaml", 1),
    ("zflag", 1),
];

impl Target<'_> {
    pub fn set(&mut self, option: &str) -> Result<(), Failed> {
        let (typed, value) = match option.split_once('=') {
            Some((typed, value)) => (typed, Some(value).filter(|value| !value.is_empty())),
            None => (option, None),
        };
        let lower = typed.to_ascii_lowercase();
        let (word, on) = match lower.strip_prefix("no") {
            Some(rest) => (rest, false),
            None => (lower.as_str(), true),
        };
        let fits = |(name, least): &&(&str, usize)| word.len() >= *least && name.starts_with(word);
        let wrong = || invalid(&format!("+{typed}"));
        let name = NAMES.iter().find(fits).ok_or_else(wrong)?.0;
        if self.set_flag(name, on) || self.set_view(name, on) {
            return Ok(());
        }
        if self.set_value(name, on, value, &wrong)? {
            return Ok(());
        }
        let instead = match name {
            "trace" | "nssearch" => "dig +norecurse @SERVER",
            "yaml" => "dig +noall +answer",
            _ => "dig without it",
        };
        Err(Failed::exit(1, format!("+{name}: not simulated in vethlab; use {instead}")))
    }

    /// What changes the question.
    fn set_flag(&mut self, name: &str, on: bool) -> bool {
        let lookup = &mut *self.lookup;
        match name {
            "aaonly" | "aaflag" => lookup.aa = on,
            "adflag" | "ad" => lookup.ad = on,
            "cdflag" | "cd" => lookup.cd = on,
            "raflag" => lookup.ra = on,
            "tcflag" => lookup.tc = on,
            "zflag" => lookup.z = on,
            "rdflag" | "recurse" => lookup.recurse = on,
            "header-only" => lookup.header_only = on,
            "cookie" | "dnssec" | "do" | "nsid" => {
                if on && lookup.edns.is_none() {
                    lookup.edns = Some(0);
                }
                match name {
                    "cookie" => lookup.cookie = on,
                    "nsid" => lookup.nsid = on,
                    _ => lookup.dnssec = on,
                }
            }
            "ignore" => lookup.ignore_truncation = on,
            "fail" => lookup.servfail_stops = on,
            "tcp" | "vc" => (lookup.tcp, lookup.tcp_set) = (on, true),
            "search" | "defname" => self.settings.use_search = on,
            "showsearch" => (self.settings.show_search, self.settings.use_search) = (on, on),
            // What these change, no server here does, or nobody could see.
            "badcookie" | "showbadcookie" | "besteffort" | "ednsnegotiation" | "keepopen" | "idnin"
            | "idnout" => {}
            _ => return false,
        }
        true
    }

    /// What changes the view.
    fn set_view(&mut self, name: &str, on: bool) -> bool {
        let lookup = &mut *self.lookup;
        match name {
            "additional" => lookup.additional = on,
            "answer" => lookup.answer = on,
            "authority" => lookup.authority = on,
            "question" => lookup.question = on,
            "comments" => lookup.comments = on,
            "stats" => lookup.stats = on,
            "cmd" => *self.print_command = on,
            "all" => {
                for flag in [
                    &mut lookup.question,
                    &mut lookup.authority,
                    &mut lookup.answer,
                    &mut lookup.additional,
                    &mut lookup.comments,
                    &mut lookup.stats,
                ] {
                    *flag = on;
                }
                *self.print_command = on;
            }
            "short" => {
                *self.short = on;
                if on {
                    *self.print_command = false;
                    (lookup.additional, lookup.answer, lookup.authority) = (false, true, false);
                    (lookup.question, lookup.comments, lookup.stats) = (false, false, false);
                    lookup.record_comments = -1;
                }
            }
            "class" => lookup.no_class = !on,
            "ttlid" => lookup.no_ttl = !on,
            "ttlunits" => (lookup.no_ttl, lookup.ttl_units) = (false, on),
            "multiline" => lookup.multiline = on,
            "rrcomments" => lookup.record_comments = if on { 1 } else { -1 },
            "identify" => lookup.identify = on,
            "qr" => lookup.query = on,
            "expandaaaa" => lookup.expand_aaaa = on,
            "unknownformat" => lookup.unknown_format = on,
            _ => return false,
        }
        true
    }

    fn set_value(
        &mut self,
        name: &str,
        on: bool,
        value: Option<&str>,
        wrong: &dyn Fn() -> Failed,
    ) -> Result<bool, Failed> {
        let needed = || value.filter(|_| on).ok_or_else(wrong);
        match name {
            "bufsize" if !on => return Err(wrong()),
            "bufsize" => {
                self.lookup.udp_size = Some(match value {
                    Some(text) => number(text, 0xffff, "buffer size", "buffer size")? as u16,
                    None => EDNS_BYTES,
                });
            }
            "domain" => *self.domain = Some(needed()?.to_owned()),
            "edns" if !on => self.lookup.edns = None,
            "edns" => {
                self.lookup.edns = Some(match value {
                    Some(text) => number(text, 255, "edns", "edns")? as u8,
                    None => 0,
                });
            }
            "ndots" => self.settings.ndots = number(needed()?, NDOTS, "ndots", "ndots")?,
            "opcode" if !on => self.lookup.opcode = Opcode::QUERY,
            "opcode" => {
                let text = value.ok_or_else(wrong)?;
                self.lookup.opcode = match Opcode::parse(text) {
                    Some(opcode) => opcode,
                    None => Opcode(number(text, 15, "opcode", "opcode")? as u16),
                };
            }
            "qid" if !on => self.lookup.id = None,
            "qid" => self.lookup.id = Some(number(value.ok_or_else(wrong)?, 0xffff, "qid", "qid")? as u16),
            "retry" | "retries" => {
                self.lookup.retries = number(needed()?, TRIES - 1, "retries", "retries")?.saturating_add(1);
            }
            "tries" => self.lookup.retries = number(needed()?, TRIES, "tries", "tries")?.max(1),
            "timeout" => self.settings.timeout = number(needed()?, TIMEOUT, "timeout", "timeout")?.max(1),
            "subnet" if !on => self.lookup.subnet = None,
            "subnet" => {
                let text = value.ok_or_else(wrong)?;
                if self.lookup.edns.is_none() {
                    self.lookup.edns = Some(0);
                }
                let prefix =
                    subnet(text).ok_or_else(|| Failed::fatal(format!("invalid address '{text}'")))?;
                self.lookup.subnet = Some(prefix);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}

fn number(text: &str, most: u32, what: &str, name: &str) -> Result<u32, Failed> {
    let parsed = text.parse().ok().filter(|number| *number <= most);
    parsed.ok_or_else(|| Failed::exit(10, format!("Couldn't parse {name}")).number(what, text))
}

/// The client-subnet option's value (RFC 7871 §6).
fn subnet(text: &str) -> Option<Vec<u8>> {
    if text == "0" {
        return Some(vec![0, 1, 0, 0]);
    }
    let (address, length) = match text.split_once('/') {
        Some((address, length)) => (address, Some(length.parse::<u8>().ok()?)),
        None => (text, None),
    };
    let (family, octets) = match address.parse().ok()? {
        IpAddr::V4(v4) => (1, v4.octets().to_vec()),
        IpAddr::V6(v6) => (2, v6.octets().to_vec()),
    };
    let most = octets.len() as u8 * 8;
    let length = length.unwrap_or(most).min(most);
    let mut value = vec![0, family, length, 0];
    value.extend(&octets[..usize::from(length).div_ceil(8)]);
    if let Some(last) = value.last_mut().filter(|_| length % 8 > 0) {
        *last &= 0xff << (8 - length % 8);
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_may_be_shortened_as_far_as_dig_lets_them() {
        let found = |word: &str| {
            NAMES.iter().find(|(name, least)| word.len() >= *least && name.starts_with(word)).map(|it| it.0)
        };
        assert_eq!(found("shor"), Some("short"));
        assert_eq!(found("sho"), None);
        assert_eq!(found("i"), Some("ignore"));
        assert_eq!(found("ide"), Some("identify"));
        assert_eq!(found("ttl"), Some("ttlid"));
        assert_eq!(found("ttlu"), Some("ttlunits"));
        assert_eq!(found("frob"), None);
    }

    #[test]
    fn a_subnet_keeps_only_the_bits_of_its_prefix() {
        assert_eq!(subnet("10.0.0.0/24"), Some(vec![0, 1, 24, 0, 10, 0, 0]));
        assert_eq!(subnet("10.255.255.255/9"), Some(vec![0, 1, 9, 0, 10, 128]));
        assert_eq!(subnet("0"), Some(vec![0, 1, 0, 0]));
        assert_eq!(subnet("x/1"), None);
    }
}
