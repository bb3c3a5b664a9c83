//! The words of a filter expression.
//!
//! Sources: pcap-filter(7); libpcap 1.10.3, scanner.l (the longest match wins, as with flex).

use super::Refusal;
use std::net::Ipv6Addr;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// A keyword, in the one spelling the parser knows.
    Word(&'static str),
    /// A name that is no keyword.
    Id(String),
    Number(u32),
    /// `10.0`, `10.0.0.1`
    Address(String),
    Address6(String),
    Mac([u8; 6]),
    /// Operators and brackets.
    Sign(&'static str),
}

const SIGNS: [&str; 23] = [
    "&&", "||", ">=", "<=", "!=", "==", "<<", ">>", "+", "-", "*", "/", "%", ":", "[", "]", "!", "<", ">",
    "(", ")", "&", "|",
];

/// (as written, as the parser knows it)
const KEYWORDS: &[(&str, &str)] = &[
    ("dst", "dst"),
    ("src", "src"),
    ("link", "link"),
    ("ether", "link"),
    ("ppp", "link"),
    ("slip", "link"),
    ("fddi", "link"),
    ("tr", "link"),
    ("wlan", "link"),
    ("arp", "arp"),
    ("rarp", "rarp"),
    ("ip", "ip"),
    ("sctp", "sctp"),
    ("tcp", "tcp"),
    ("udp", "udp"),
    ("icmp", "icmp"),
    ("igmp", "igmp"),
    ("igrp", "igrp"),
    ("pim", "pim"),
    ("vrrp", "vrrp"),
    ("carp", "carp"),
    ("radio", "radio"),
    ("ip6", "ip6"),
    ("icmp6", "icmp6"),
    ("ah", "ah"),
    ("esp", "esp"),
    ("stp", "stp"),
    ("atalk", "atalk"),
    ("aarp", "aarp"),
    ("decnet", "decnet"),
    ("lat", "lat"),
    ("sca", "sca"),
    ("moprc", "moprc"),
    ("mopdl", "mopdl"),
    ("iso", "iso"),
    ("esis", "esis"),
    ("es-is", "esis"),
    ("isis", "isis"),
    ("is-is", "isis"),
    ("l1", "l1"),
    ("l2", "l2"),
    ("iih", "iih"),
    ("lsp", "lsp"),
    ("snp", "snp"),
    ("csnp", "csnp"),
    ("psnp", "psnp"),
    ("clnp", "clnp"),
    ("ipx", "ipx"),
    ("netbeui", "netbeui"),
    ("host", "host"),
    ("net", "net"),
    ("mask", "mask"),
    ("port", "port"),
    ("portrange", "portrange"),
    ("proto", "proto"),
    ("protochain", "protochain"),
    ("gateway", "gateway"),
    ("type", "type"),
    ("subtype", "subtype"),
    ("direction", "dir"),
    ("dir", "dir"),
    ("address1", "addr1"),
    ("addr1", "addr1"),
    ("address2", "addr2"),
    ("addr2", "addr2"),
    ("address3", "addr3"),
    ("addr3", "addr3"),
    ("address4", "addr4"),
    ("addr4", "addr4"),
    ("ra", "ra"),
    ("ta", "ta"),
    ("less", "less"),
    ("greater", "greater"),
    ("byte", "byte"),
    ("broadcast", "broadcast"),
    ("multicast", "multicast"),
    ("and", "and"),
    ("or", "or"),
    ("not", "not"),
    ("len", "len"),
    ("length", "len"),
    ("inbound", "inbound"),
    ("outbound", "outbound"),
    ("ifindex", "ifindex"),
    ("vlan", "vlan"),
    ("mpls", "mpls"),
    ("pppoed", "pppoed"),
    ("pppoes", "pppoes"),
    ("geneve", "geneve"),
    ("llc", "llc"),
    ("on", "ifname"),
    ("ifname", "ifname"),
    ("rset", "rset"),
    ("ruleset", "rset"),
    ("rnr", "rnr"),
    ("rulenum", "rnr"),
    ("srnr", "srnr"),
    ("subrulenum", "srnr"),
    ("reason", "reason"),
    ("action", "action"),
    ("lane", "atm"),
    ("metac", "atm"),
    ("bcc", "atm"),
    ("oam", "atm"),
    ("oamf4", "atm"),
    ("oamf4ec", "atm"),
    ("oamf4sc", "atm"),
    ("sc", "atm"),
    ("ilmic", "atm"),
    ("vpi", "atm"),
    ("vci", "atm"),
    ("connectmsg", "atm"),
    ("metaconnect", "atm"),
    ("fisu", "mtp"),
    ("lssu", "mtp"),
    ("lsu", "mtp"),
    ("msu", "mtp"),
    ("hfisu", "mtp"),
    ("hlssu", "mtp"),
    ("hmsu", "mtp"),
    ("sio", "mtp"),
    ("opc", "mtp"),
    ("dpc", "mtp"),
    ("sls", "mtp"),
    ("hsio", "mtp"),
    ("hopc", "mtp"),
    ("hdpc", "mtp"),
    ("hsls", "mtp"),
];

/// Names that stand for numbers.
const NUMBERS: &[(&str, u32)] = &[
    ("icmptype", 0),
    ("icmpcode", 1),
    ("icmp-echoreply", 0),
    ("icmp-unreach", 3),
    ("icmp-sourcequench", 4),
    ("icmp-redirect", 5),
    ("icmp-echo", 8),
    ("icmp-routeradvert", 9),
    ("icmp-routersolicit", 10),
    ("icmp-timxceed", 11),
    ("icmp-paramprob", 12),
    ("icmp-tstamp", 13),
    ("icmp-tstampreply", 14),
    ("icmp-ireq", 15),
    ("icmp-ireqreply", 16),
    ("icmp-maskreq", 17),
    ("icmp-maskreply", 18),
    ("icmp6type", 0),
    ("icmp6code", 1),
    ("icmp6-destinationunreach", 1),
    ("icmp6-packettoobig", 2),
    ("icmp6-timeexceeded", 3),
    ("icmp6-parameterproblem", 4),
    ("icmp6-echo", 128),
    ("icmp6-echoreply", 129),
    ("icmp6-multicastlistenerquery", 130),
    ("icmp6-multicastlistenerreportv1", 131),
    ("icmp6-multicastlistenerdone", 132),
    ("icmp6-routersolicit", 133),
    ("icmp6-routeradvert", 134),
    ("icmp6-neighborsolicit", 135),
    ("icmp6-neighboradvert", 136),
    ("icmp6-redirect", 137),
    ("icmp6-routerrenum", 138),
    ("icmp6-nodeinformationquery", 139),
    ("icmp6-nodeinformationresponse", 140),
    ("icmp6-ineighbordiscoverysolicit", 141),
    ("icmp6-ineighbordiscoveryadvert", 142),
    ("icmp6-multicastlistenerreportv2", 143),
    ("icmp6-homeagentdiscoveryrequest", 144),
    ("icmp6-homeagentdiscoveryreply", 145),
    ("icmp6-mobileprefixsolicit", 146),
    ("icmp6-mobileprefixadvert", 147),
    ("icmp6-certpathsolicit", 148),
    ("icmp6-certpathadvert", 149),
    ("icmp6-multicastrouteradvert", 151),
    ("icmp6-multicastroutersolicit", 152),
    ("icmp6-multicastrouterterm", 153),
    ("tcpflags", 13),
    ("tcp-fin", 0x01),
    ("tcp-syn", 0x02),
    ("tcp-rst", 0x04),
    ("tcp-push", 0x08),
    ("tcp-ack", 0x10),
    ("tcp-urg", 0x20),
    ("tcp-ece", 0x40),
    ("tcp-cwr", 0x80),
];

/// Splits an expression into tokens, each with the fault that reading it would bring, as the scanner meets them one
/// by one.
pub(super) fn tokens(text: &str) -> Vec<Result<Token, Refusal>> {
    let mut found = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches([' ', '\r', '\n', '\t']);
        if rest.is_empty() {
            return found;
        }
        let (token, length) = next(rest);
        let failed = token.is_err();
        found.push(token);
        if failed {
            return found;
        }
        rest = &rest[length..];
    }
}

/// The longest of all that could stand here.
fn next(rest: &str) -> (Result<Token, Refusal>, usize) {
    if let Some(escaped) = rest.strip_prefix('\\') {
        let end = escaped.find([' ', '!', '(', ')', '\n', '\t']).unwrap_or(escaped.len());
        if end > 0 {
            return (Ok(Token::Id(escaped[..end].to_string())), end + 1);
        }
    }
    let run = |allowed: fn(char) -> bool| rest.find(|c: char| !allowed(c)).unwrap_or(rest.len());
    let hex = run(|c| c.is_ascii_hexdigit() || matches!(c, ':' | '-' | '.'));
    let longest_mac = (11..=hex.min(17)).rev().find_map(|end| Some((mac(&rest[..end])?, end)));
    let longest_v6 = {
        let most = run(|c| c.is_ascii_hexdigit() || matches!(c, ':' | '.')).min(45);
        let colons = |end: &usize| rest[..*end].matches(':').count() >= 2;
        (2..=most).rev().filter(colons).find(|end| rest[..*end].parse::<Ipv6Addr>().is_ok())
    };
    let word = word_length(rest);
    let address = address_length(rest);
    let number = number_length(rest);
    let longest = [longest_mac.map(|it| it.1), longest_v6, Some(word), Some(address), Some(number)];
    let longest = longest.into_iter().flatten().max().unwrap_or(0);
    if longest == 0 {
        return match SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
            Some(sign) => (Ok(Token::Sign(if *sign == "==" { "=" } else { sign })), sign.len()),
            None if rest.starts_with('=') => (Ok(Token::Sign("=")), 1),
            None if rest.starts_with('^') => (Ok(Token::Sign("^")), 1),
            None => (Err(Refusal::syntax()), 0),
        };
    }
    let text = &rest[..longest];
    // Among equally long ones the scanner takes the one that stands first in its list.
    let token = match () {
        _ if let Some((octets, _)) = longest_mac.filter(|it| it.1 == longest) => Ok(Token::Mac(octets)),
        _ if number == longest => self::number(text).map(Token::Number),
        _ if address == longest => Ok(Token::Address(text.to_string())),
        _ if longest_v6 == Some(longest) => Ok(Token::Address6(text.to_string())),
        _ => Ok(self::word(text)),
    };
    (token, longest)
}

fn word(text: &str) -> Token {
    if let Some((_, keyword)) = KEYWORDS.iter().find(|(written, _)| *written == text) {
        return Token::Word(keyword);
    }
    match NUMBERS.iter().find(|(name, _)| *name == text) {
        Some((_, number)) => Token::Number(*number),
        None => Token::Id(text.to_string()),
    }
}

/// `[A-Za-z0-9]([-_.A-Za-z0-9]*[.A-Za-z0-9])?`
fn word_length(rest: &str) -> usize {
    if !rest.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return 0;
    }
    let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')));
    rest[..end.unwrap_or(rest.len())].trim_end_matches(['-', '_']).len()
}

fn number_length(rest: &str) -> usize {
    let hex = rest.strip_prefix("0x").or_else(|| rest.strip_prefix("0X"));
    let digits = |text: &str, hex: bool| {
        text.find(|c: char| !(if hex { c.is_ascii_hexdigit() } else { c.is_ascii_digit() }))
            .unwrap_or(text.len())
    };
    match hex.map(|hex| digits(hex, true)) {
        Some(length) if length > 0 => length + 2,
        _ => digits(rest, false),
    }
}

/// Two to four numbers with dots between.
fn address_length(rest: &str) -> usize {
    let mut end = number_length(rest);
    let mut parts = 1;
    while end > 0 && parts < 4 && rest[end..].starts_with('.') {
        match number_length(&rest[end + 1..]) {
            0 => break,
            more => end += 1 + more,
        }
        parts += 1;
    }
    if parts > 1 { end } else { 0 }
}

/// `1:2:3:4:5:6`, with dashes or dots too; `0102.0304.0506`; twelve digits.
fn mac(text: &str) -> Option<[u8; 6]> {
    let bare: String = text.chars().filter(char::is_ascii_hexdigit).collect();
    let quads: Vec<&str> = text.split('.').collect();
    let whole = text.len() == 12 && bare.len() == 12;
    if whole || (quads.len() == 3 && quads.iter().all(|quad| quad.len() == 4 && !quad.contains([':', '-']))) {
        let mut octets = [0; 6];
        for (octet, at) in octets.iter_mut().zip((0..12).step_by(2)) {
            *octet = u8::from_str_radix(bare.get(at..at + 2)?, 16).ok()?;
        }
        return Some(octets);
    }
    for separator in [':', '-', '.'] {
        let parts: Vec<&str> = text.split(separator).collect();
        if parts.len() == 6 && parts.iter().all(|part| matches!(part.len(), 1 | 2)) {
            let mut octets = [0; 6];
            for (octet, part) in octets.iter_mut().zip(parts) {
                *octet = u8::from_str_radix(part, 16).ok()?;
            }
            return Some(octets);
        }
    }
    None
}

fn number(text: &str) -> Result<u32, Refusal> {
    let hex = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    let parsed = match hex {
        Some(digits) => u32::from_str_radix(digits, 16),
        None if text.len() > 1 && text.starts_with('0') => {
            if text.contains(['8', '9']) {
                return Err(Refusal(format!("number {text} contains non-octal digit")));
            }
            u32::from_str_radix(text, 8)
        }
        None => text.parse(),
    };
    parsed.map_err(|_| Refusal(format!("number {text} overflows 32 bits")))
}
