//! How dig shows a message: header, pseudo section, sections, statistics; or just the data with `+short`.
//!
//! Source: BIND 9.18 `bin/dig/dig.c` (printmessage, received), `lib/dns/message.c` (section and OPT texts).

use super::Tool;
use super::exchange::{Seen, shown};
use super::lookup::Lookup;
use super::style::{Style, ttl_text};
use crate::calendar::Date;
use crate::dns::{Edns, Kind, Message, Name, Rcode, Record, option};
use std::collections::VecDeque;
use std::fmt::Write;
use std::net::IpAddr;

pub(super) struct Dig {
    pub short: bool,
    pub print_command: bool,
}

/// Extended errors by their number (RFC 8914 §5.2).
const EXTENDED_ERRORS: [&str; 25] = [
    "Other",
    "Unsupported DNSKEY Algorithm",
    "Unsupported DS Digest Type",
    "Stale Answer",
    "Forged Answer",
    "DNSSEC Indeterminate",
    "DNSSEC Bogus",
    "Signature Expired",
    "Signature Not Yet Valid",
    "DNSKEY Missing",
    "RRSIGs Missing",
    "No Zone Key Bit Set",
    "NSEC Missing",
    "Cached Error",
    "Not Ready",
    "Blocked",
    "Censored",
    "Filtered",
    "Prohibited",
    "Stale NXDOMAIN Answer",
    "Not Authoritative",
    "Not Supported",
    "No Reachable Authority",
    "Network Error",
    "Invalid Data",
];

fn style_of(lookup: &Lookup) -> Style {
    let mut style = Style::new(lookup.no_ttl, lookup.no_class, lookup.multiline);
    style.ttl_units = lookup.ttl_units;
    style.expand_aaaa = lookup.expand_aaaa;
    style.unknown_format = lookup.unknown_format;
    style.comments = lookup.record_comments > 0 || (lookup.multiline && lookup.record_comments == 0);
    style
}

impl Tool for Dig {
    fn message(&mut self, _: &mut VecDeque<Lookup>, lookup: &mut Lookup, seen: &Seen<'_>) -> String {
        let mut text = String::new();
        let greeting = std::mem::take(&mut lookup.greeting);
        if !self.short && self.print_command {
            text += &greeting;
        }
        let style = style_of(lookup);
        if self.short {
            if lookup.answer {
                seen.message
                    .answers
                    .iter()
                    .for_each(|record| text += &self.short_line(lookup, &style, record, seen));
            }
            return text;
        }
        if lookup.comments {
            header(&mut text, lookup, seen);
            text.push('\n');
            if let Some(edns) = &seen.message.edns {
                opt_section(&mut text, edns, seen);
            }
        }
        let Message { questions, answers, authorities, additionals, .. } = seen.message;
        if lookup.question && !questions.is_empty() {
            let lines: String = questions.iter().map(|it| format!(";{}", style.question(it))).collect();
            section(&mut text, lookup, "QUESTION", &lines);
        }
        let sections = [
            (lookup.answer, "ANSWER", answers),
            (lookup.authority, "AUTHORITY", authorities),
            (lookup.additional, "ADDITIONAL", additionals),
        ];
        for (wanted, name, records) in sections {
            if wanted && !records.is_empty() {
                let lines: String = records.iter().map(|record| style.record(record)).collect();
                section(&mut text, lookup, name, &lines);
            }
        }
        text
    }

    fn received(&mut self, lookup: &Lookup, seen: &Seen<'_>) -> String {
        if self.short {
            return String::new();
        }
        let server = format!("{}({})", shown(seen.server), seen.typed);
        let time = match lookup.microseconds {
            true => format!("{} usec", seen.micros),
            false => format!("{} msec", seen.micros / 1000),
        };
        if lookup.stats {
            let transport = if lookup.tcp { "TCP" } else { "UDP" };
            let date = Date::from_seconds(seen.when);
            let (weekday, month) = (date.weekday_name(), date.month_name());
            let when = format!("{weekday} {month} {:02} {} UTC {}", date.day, date.clock(), date.year);
            return format!(
                ";; Query time: {time}\n;; SERVER: {server} ({transport})\n;; WHEN: {when}\n;; MSG SIZE  rcvd: {}\n\n",
                seen.bytes
            );
        }
        match lookup.identify {
            true => {
                format!(";; Received {} bytes from {server} in {}\n\n", seen.bytes, short_time(lookup, seen))
            }
            false => String::new(),
        }
    }
}

fn short_time(lookup: &Lookup, seen: &Seen<'_>) -> String {
    if lookup.microseconds { format!("{} us", seen.micros) } else { format!("{} ms", seen.micros / 1000) }
}

impl Dig {
    fn short_line(&self, lookup: &Lookup, style: &Style, record: &Record, seen: &Seen<'_>) -> String {
        let mut line = style.data(&record.data);
        if lookup.identify {
            write!(line, " from server {} in {}.", seen.server.ip(), short_time(lookup, seen)).ok();
        }
        line + "\n"
    }
}

fn header(text: &mut String, lookup: &Lookup, seen: &Seen<'_>) {
    let message = seen.message;
    let flags = message.flags;
    *text += if seen.outgoing { ";; Sending:\n" } else { ";; Got answer:\n" };
    let local = Name::parse("local").unwrap_or_default();
    if message.questions.iter().any(|question| question.name.is_within(&local)) {
        *text += ";; WARNING: .local is reserved for Multicast DNS\n;; You are currently testing what happens when an \
                  mDNS query is leaked to DNS\n";
    }
    let (opcode, rcode) = (message.opcode, message.rcode);
    writeln!(text, ";; ->>HEADER<<- opcode: {opcode}, status: {rcode}, id: {}", message.id).ok();
    *text += ";; flags:";
    flags.names().iter().for_each(|name| *text += &format!(" {name}"));
    if flags.z {
        *text += "; MBZ: 0x4";
    }
    let counts = [message.questions.len(), message.answers.len(), message.authorities.len()];
    let [questions, answers, authorities] = counts;
    let additionals = message.additional_count();
    writeln!(
        text,
        "; QUERY: {questions}, ANSWER: {answers}, AUTHORITY: {authorities}, ADDITIONAL: {additionals}"
    )
    .ok();
    if seen.outgoing {
        return;
    }
    if flags.recursion_desired && !flags.recursion_available {
        *text += ";; WARNING: recursion requested but not available\n";
    }
    let refused = matches!(rcode, Rcode::FORMERR | Rcode::NOTIMP);
    if lookup.edns.is_some() && message.edns.is_none() && refused {
        let more = if lookup.dnssec { "+nodnssec " } else { "" };
        writeln!(text, "\n;; WARNING: EDNS query returned status {rcode} - retry with '{more}+noedns'").ok();
    }
}

fn section(text: &mut String, lookup: &Lookup, name: &str, lines: &str) {
    if lookup.comments {
        *text += &format!(";; {name} SECTION:\n");
    }
    *text += lines;
    if lookup.comments {
        text.push('\n');
    }
}

fn opt_section(text: &mut String, edns: &Edns, seen: &Seen<'_>) {
    let flags = if edns.dnssec_ok { " do" } else { "" };
    let (version, size) = (edns.version, edns.udp_size);
    writeln!(text, ";; OPT PSEUDOSECTION:\n; EDNS: version: {version}, flags:{flags}; udp: {size}").ok();
    for (code, value) in &edns.options {
        *text += &opt_line(*code, value, seen);
    }
}

fn opt_line(code: u16, value: &[u8], seen: &Seen<'_>) -> String {
    let name = match code {
        option::NSID => "NSID:".to_owned(),
        option::COOKIE => {
            let digits: String = value.iter().map(|byte| format!("{byte:02x}")).collect();
            let verdict = match seen.cookie {
                Some(true) if value.len() >= 16 => " (good)",
                Some(true) => " (echoed)",
                Some(false) => " (bad)",
                None => "",
            };
            return format!("; COOKIE: {digits}{verdict}\n");
        }
        option::CLIENT_SUBNET => match subnet_text(value) {
            Some(text) => return format!("; CLIENT-SUBNET: {text}\n"),
            None => "CLIENT-SUBNET:".to_owned(),
        },
        option::EDE if value.len() >= 2 => return extended_error(value),
        9 if value.len() == 4 => {
            let seconds = value.iter().fold(0_u32, |seconds, byte| seconds << 8 | u32::from(*byte));
            return format!("; EXPIRE: {seconds} ({})\n", ttl_text(seconds, true));
        }
        12 if value.is_empty() => return "; PAD:\n".to_owned(),
        12 => return format!("; PAD: ({} bytes)\n", value.len()),
        code => format!("OPT={code}:"),
    };
    if value.is_empty() {
        return format!("; {name}\n");
    }
    let digits: String = value.iter().map(|byte| format!("{byte:02x} ")).collect();
    format!("; {name} {digits}(\"{}\")\n", printable(value))
}

fn printable(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| if (32..127).contains(byte) { char::from(*byte) } else { '.' }).collect()
}

fn extended_error(value: &[u8]) -> String {
    let code = u16::from_be_bytes([value[0], value[1]]);
    let mut text = format!("; EDE: {code}");
    if let Some(name) = EXTENDED_ERRORS.get(usize::from(code)) {
        write!(text, " ({name})").ok();
    }
    if value.len() > 2 {
        write!(text, ": ({})", String::from_utf8_lossy(&value[2..])).ok();
    }
    text + "\n"
}

fn subnet_text(value: &[u8]) -> Option<String> {
    let [high, low, length, scope, octets @ ..] = value else { return None };
    let mut whole = [0_u8; 16];
    whole.get_mut(..octets.len())?.copy_from_slice(octets);
    let address = match u16::from_be_bytes([*high, *low]) {
        1 => IpAddr::from([whole[0], whole[1], whole[2], whole[3]]),
        2 => IpAddr::from(whole),
        _ => return None,
    };
    Some(format!("{address}/{length}/{scope}"))
}

/// Where a chain of aliases leads.
pub(super) fn chase_aliases(message: &Message, name: &Name) -> Name {
    let mut name = name.clone();
    for _ in 0..message.answers.len() {
        let alias = message.answers.iter().find(|it| it.kind == Kind::CNAME && it.name.same(&name));
        match alias.and_then(|record| record.data.name()) {
            Some(target) => name = target.clone(),
            None => break,
        }
    }
    name
}
