//! DNS messages. Sources: RFC 1035, 3596 (AAAA), 2782 (SRV), 6891 (EDNS).

use super::Dissector;
use super::field::{Layer, printable, with};
use api::event::Protocol;
use api::inspect::Field;

const HEADER: usize = 12;
/// Compression pointers followed in one name; a loop ends here.
const MOST_JUMPS: usize = 16;
const MOST_RECORDS: usize = 64;

fn kind_name(kind: u16) -> String {
    match kind {
        1 => "A",
        2 => "NS",
        5 => "CNAME",
        6 => "SOA",
        12 => "PTR",
        15 => "MX",
        16 => "TXT",
        28 => "AAAA",
        33 => "SRV",
        41 => "OPT",
        255 => "ANY",
        other => return format!("TYPE{other}"),
    }
    .into()
}

fn code_name(code: u16) -> &'static str {
    match code {
        0 => "No error",
        1 => "Format error",
        2 => "Server failure",
        3 => "No such name",
        4 => "Not implemented",
        5 => "Refused",
        _ => "Unknown error",
    }
}

/// A name and where it ends; `None` where it is broken.
fn name(message: Layer, mut at: usize) -> Option<(String, usize)> {
    let (mut labels, mut end, mut jumps) = (Vec::new(), None, 0);
    loop {
        let length = usize::from(message.u8(at)?);
        if length & 0xc0 == 0xc0 {
            end.get_or_insert(at + 2);
            jumps += 1;
            if jumps > MOST_JUMPS {
                return None;
            }
            at = usize::from(message.u16(at)? & 0x3fff);
        } else if length == 0 {
            let name = if labels.is_empty() { "<Root>".into() } else { labels.join(".") };
            return Some((name, end.unwrap_or(at + 1)));
        } else {
            labels.push(printable(message.bytes.get(at + 1..at + 1 + length)?));
            at += 1 + length;
        }
    }
}

struct Record {
    name: String,
    kind: u16,
    data: String,
    field: Field,
    end: usize,
}

fn record(message: Layer, at: usize) -> Option<Record> {
    let (owner, after) = name(message, at)?;
    let (kind, length) = (message.u16(after)?, usize::from(message.u16(after + 8)?));
    let (ttl, data) = (message.u32(after + 4)?, after + 10);
    let end = data + length;
    message.bytes.get(data..end)?;
    let target = |at| name(message, at).map_or_else(String::new, |(name, _)| name);
    let value = match kind {
        1 => message.ipv4(data).map_or_else(String::new, |ip| ip.to_string()),
        28 => message.ipv6(data).map_or_else(String::new, |ip| ip.to_string()),
        2 | 5 | 12 => target(data),
        15 => format!("{} {}", message.u16(data)?, target(data + 2)),
        33 => format!(
            "{} {} {} {}",
            message.u16(data)?,
            message.u16(data + 2)?,
            message.u16(data + 4)?,
            target(data + 6)
        ),
        6 => target(data),
        16 => printable(message.bytes.get(data + 1..end).unwrap_or_default()),
        _ => String::new(),
    };
    let kind_text = kind_name(kind);
    let text = match kind {
        41 => "<Root>: type OPT".to_string(),
        _ => format!("{owner}: type {kind_text}, class IN, {value}"),
    };
    let fields = vec![
        message.plain("dns.resp.name", "Name", at, after - at, &owner),
        message.field("dns.resp.type", after, 2, format!("Type: {kind_text} ({kind})"), kind),
        message.plain("dns.resp.ttl", "Time to live", after + 4, 4, ttl),
        message.plain("dns.resp.len", "Data length", after + 8, 2, length),
        message.field("dns.rdata", data, length, format!("Data: {value}"), &value),
    ];
    let field = with(message.field("dns.resp", at, end - at, text, &value), fields);
    Some(Record { name: owner, kind, data: value, field, end })
}

pub(super) fn over_tcp(to: &mut Dissector, payload: Layer) {
    let Some(length) = payload.u16(0) else { return };
    let message = payload.after(2);
    if usize::from(length) == message.bytes.len() {
        dns(to, message);
    }
}

pub(super) fn dns(to: &mut Dissector, message: Layer) {
    let (Some(id), Some(flags)) = (message.u16(0), message.u16(2)) else { return };
    if message.bytes.len() < HEADER {
        return;
    }
    let counts = [4, 6, 8, 10].map(|at| usize::from(message.u16(at).unwrap_or_default()));
    let (response, code) = (flags & 0x8000 != 0, flags & 0xf);
    let (mut at, mut fields, mut asked) = (HEADER, header_fields(message, flags, counts), Vec::new());
    for _ in 0..counts[0].min(MOST_RECORDS) {
        let Some((owner, end)) = name(message, at) else { break };
        let kind = kind_name(message.u16(end).unwrap_or_default());
        let text = format!("{owner}: type {kind}, class IN");
        fields.push(with(
            message.field("dns.qry", at, end + 4 - at, text, &owner),
            vec![
                message.plain("dns.qry.name", "Name", at, end - at, &owner),
                message.plain("dns.qry.type", "Type", end, 2, &kind),
            ],
        ));
        asked.push((kind, owner));
        at = end + 4;
    }
    let mut answers = String::new();
    for index in 0..counts[1..].iter().sum::<usize>().min(MOST_RECORDS) {
        let Some(found) = record(message, at) else { break };
        if found.kind != 41 && (index < counts[1] || found.kind == 6) {
            let data = if found.kind == 6 { &found.name } else { &found.data };
            answers += &format!(" {} {data}", kind_name(found.kind));
        }
        at = found.end;
        fields.push(found.field);
    }
    let question = asked.first().map_or_else(String::new, |(kind, name)| format!("{kind} {name}"));
    let (info, label) = match (response, code) {
        (false, _) => (format!("Standard query 0x{id:04x} {question}"), question),
        (true, 0) => {
            let first = answers.trim_start().split(' ').nth(1).unwrap_or("no records").to_string();
            let name = asked.first().map_or("", |(_, name)| name);
            (format!("Standard query response 0x{id:04x} {question}{answers}"), format!("{name} = {first}"))
        }
        (true, code) => {
            let what = code_name(code);
            (
                format!("Standard query response 0x{id:04x} {what} {question}{answers}"),
                format!("{what}: {question}"),
            )
        }
    };
    to.layer(|| {
        let kind = if response { "response" } else { "query" };
        with(message.field("dns", 0, message.bytes.len(), format!("Domain Name System ({kind})"), ""), fields)
    });
    to.say(Protocol::Dns, info, label);
}

fn header_fields(message: Layer, flags: u16, counts: [usize; 4]) -> Vec<Field> {
    let bit = |name: &str, label: &str, mask: u16| message.bit(name, label, 2, 2, flags & mask != 0);
    let [questions, answers, authorities, additional] = counts;
    vec![
        message.hex("dns.id", "Transaction ID", 0, 2, message.u16(0).unwrap_or_default().into()),
        with(
            message.hex("dns.flags", "Flags", 2, 2, flags.into()),
            vec![
                bit("dns.flags.response", "Response", 0x8000),
                bit("dns.flags.authoritative", "Authoritative", 0x0400),
                bit("dns.flags.truncated", "Truncated", 0x0200),
                bit("dns.flags.recdesired", "Recursion desired", 0x0100),
                bit("dns.flags.recavail", "Recursion available", 0x0080),
                message.field(
                    "dns.flags.rcode",
                    2,
                    2,
                    format!("Reply code: {}", code_name(flags & 0xf)),
                    flags & 0xf,
                ),
            ],
        ),
        message.plain("dns.count.queries", "Questions", 4, 2, questions),
        message.plain("dns.count.answers", "Answer RRs", 6, 2, answers),
        message.plain("dns.count.auth_rr", "Authority RRs", 8, 2, authorities),
        message.plain("dns.count.add_rr", "Additional RRs", 10, 2, additional),
    ]
}
