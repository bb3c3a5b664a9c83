//! DNS. Source: tcpdump 4.99.3, print-domain.c.

use super::words::{Table, relative, word};
use super::{Bytes, Printed, Printer};
use std::net::{Ipv4Addr, Ipv6Addr};

const HEADER: usize = 12;
/// RFC 1035, 2.3.4.
const MOST_NAME: usize = 255;
const OPCODES: [&str; 16] = [
    "",
    " inv_q",
    " stat",
    " op3",
    " notify",
    " update",
    " op6",
    " op7",
    " op8",
    " updateA",
    " updateD",
    " updateDA",
    " updateM",
    " updateMA",
    " zoneInit",
    " zoneRef",
];
const CODES: [&str; 24] = [
    "",
    " FormErr",
    " ServFail",
    " NXDomain",
    " NotImp",
    " Refused",
    " YXDomain",
    " YXRRSet",
    " NXRRSet",
    " NotAuth",
    " NotZone",
    " Resp11",
    " Resp12",
    " Resp13",
    " Resp14",
    " NoChange",
    " BadVers",
    "Resp17",
    " Resp18",
    " Resp19",
    " Resp20",
    "Resp21",
    " Resp22",
    " BadCookie",
];
const TYPES: Table = &[
    (1, "A"),
    (2, "NS"),
    (5, "CNAME"),
    (6, "SOA"),
    (10, "NULL"),
    (12, "PTR"),
    (13, "HINFO"),
    (15, "MX"),
    (16, "TXT"),
    (17, "RP"),
    (28, "AAAA"),
    (29, "LOC"),
    (33, "SRV"),
    (35, "NAPTR"),
    (37, "CERT"),
    (39, "DNAME"),
    (41, "OPT"),
    (43, "DS"),
    (44, "SSHFP"),
    (46, "RRSIG"),
    (47, "NSEC"),
    (48, "DNSKEY"),
    (99, "SPF"),
    (249, "TKEY"),
    (250, "TSIG"),
    (251, "IXFR"),
    (252, "AXFR"),
    (255, "ANY"),
    (256, "URI"),
];
const CLASSES: Table = &[(1, "IN"), (3, "CHAOS"), (4, "HS"), (255, "ANY")];
const OPTIONS: Table = &[
    (1, "LLQ"),
    (2, "UL"),
    (3, "NSID"),
    (5, "DAU"),
    (6, "DHU"),
    (7, "N3U"),
    (8, "ECS"),
    (9, "EXPIRE"),
    (10, "COOKIE"),
    (11, "KEEPALIVE"),
    (12, "PADDING"),
    (13, "CHAIN"),
    (14, "KEY-TAG"),
    (16, "CLIENT-TAG"),
    (17, "SERVER-TAG"),
];
const OPT: u16 = 41;

/// The message, and whether it is multicast DNS.
#[derive(Clone, Copy)]
struct Message<'a> {
    bytes: Bytes<'a>,
    multicast: bool,
}

/// Where a name ends, without looking at it.
fn skip(bytes: Bytes, mut at: usize) -> Option<usize> {
    loop {
        match bytes.u8(at).ok()? {
            0 => return Some(at + 1),
            length if length & 0xc0 == 0xc0 => return Some(at + 2),
            length if length & 0xc0 == 0 => at += 1 + usize::from(length),
            _ => return None,
        }
    }
}

/// The response code with the bits of an OPT record, read before anything is printed.
fn code(bytes: Bytes, flags: u16, counts: [u16; 4]) -> u16 {
    let short = flags & 0xf;
    let extended = || -> Option<u16> {
        let mut at = HEADER;
        for _ in 0..counts[0] {
            at = skip(bytes, at)? + 4;
        }
        let before = u32::from(counts[1]) + u32::from(counts[2]);
        for index in 0..before + u32::from(counts[3]) {
            at = skip(bytes, at)?;
            if index >= before && bytes.u16(at).ok()? == OPT {
                return Some(u16::from(bytes.u8(at + 4).ok()?) << 4);
            }
            at += 10 + usize::from(bytes.u16(at + 8).ok()?);
        }
        None
    };
    short | extended().unwrap_or(0)
}

impl Printer<'_> {
    pub(super) fn dns_over_tcp(&mut self, payload: Bytes, length: u32) -> Printed {
        self.protocol = "domain";
        if length < 2 {
            self.say(format!(" [DNS over TCP: length {length} < 2]"));
            self.invalid();
            return Ok(());
        }
        let claimed = u32::from(payload.u16(0)?);
        if claimed != length - 2 {
            self.say(format!(" [prefix length({claimed}) != length({})]", length - 2));
            self.invalid();
            return Ok(());
        }
        self.say(" ");
        self.dns(payload.after(2), length - 2, false)
    }

    pub(super) fn dns(&mut self, payload: Bytes, length: u32, multicast: bool) -> Printed {
        self.protocol = "domain";
        if length < HEADER as u32 {
            self.say(format!("domain [length {length} < {HEADER}]"));
            self.invalid();
            return Ok(());
        }
        let bytes = payload.first(length as usize);
        bytes.slice(0, HEADER)?;
        let flags = bytes.u16(2)?;
        let counts = [bytes.u16(4)?, bytes.u16(6)?, bytes.u16(8)?, bytes.u16(10)?];
        let message = Message { bytes, multicast };
        let printed = match flags & 0x8000 != 0 {
            true => self.response(message, flags, counts),
            false => self.query(message, flags, counts),
        };
        match printed {
            Some(()) => self.say(format!(" ({length})")),
            None => self.truncated(),
        }
        Ok(())
    }

    fn response(&mut self, message: Message, flags: u16, counts: [u16; 4]) -> Option<()> {
        let bytes = message.bytes;
        let code = code(bytes, flags, counts);
        let code = CODES
            .get(usize::from(code))
            .map_or_else(|| format!(" Resp{}", code & 0xfff), |it| it.to_string());
        let mark = |set: bool, mark: &'static str| if set { mark } else { "" };
        self.say(format!(
            "{}{}{code}{}{}{}{}",
            bytes.u16(0).ok()?,
            OPCODES[usize::from(flags >> 11 & 0xf)],
            mark(flags & 0x0400 != 0, "*"),
            mark(flags & 0x0080 == 0, "-"),
            mark(flags & 0x0200 != 0, "|"),
            mark(flags & 0x0020 != 0, "$"),
        ));
        let [questions, answers, authorities, additional] = counts;
        if questions != 1 {
            self.say(format!(" [{questions}q]"));
        }
        let mut at = HEADER;
        for index in 0..questions {
            self.say(if index == 0 { "" } else { "," });
            at = match self.verbose(2) {
                true => {
                    self.say(" q:");
                    self.question(message, at)?
                }
                false => skip(bytes, at)? + 4,
            };
        }
        self.say(format!(" {answers}/{authorities}/{additional}"));
        at = self.section("", message, at, answers)?;
        if self.verbose(2) {
            at = self.section(" ns:", message, at, authorities)?;
            self.section(" ar:", message, at, additional)?;
        }
        Some(())
    }

    fn query(&mut self, message: Message, flags: u16, counts: [u16; 4]) -> Option<()> {
        let bytes = message.bytes;
        let mark = |set: bool, mark: &'static str| if set { mark } else { "" };
        self.say(format!(
            "{}{}{}{}",
            bytes.u16(0).ok()?,
            OPCODES[usize::from(flags >> 11 & 0xf)],
            mark(flags & 0x0100 != 0, "+"),
            mark(flags & 0x0010 != 0, "%"),
        ));
        if flags & 0x06cf != 0 {
            self.say(format!(" [b2&3=0x{flags:x}]"));
        }
        let [questions, answers, authorities, additional] = counts;
        let odd = |count: u16, usual: u16, unit: &str| {
            if count == usual { String::new() } else { format!(" [{count}{unit}]") }
        };
        if flags >> 11 & 0xf == 1 {
            self.say(odd(questions, 0, "q"));
            self.say(odd(answers, 1, "a"));
        } else {
            self.say(odd(answers, 0, "a"));
            self.say(odd(questions, 1, "q"));
        }
        self.say(odd(authorities, 0, "n"));
        self.say(odd(additional, 0, "au"));
        let mut at = HEADER;
        for _ in 0..questions {
            at = self.question(message, at)?;
        }
        if self.verbose(2) {
            at = self.section("", message, at, answers)?;
            at = self.section(" ns:", message, at, authorities)?;
            self.section(" ar:", message, at, additional)?;
        }
        Some(())
    }

    /// Records of a section, commas between.
    fn section(&mut self, title: &str, message: Message, mut at: usize, count: u16) -> Option<usize> {
        for index in 0..count {
            // The first answer is tried even where nothing is left.
            if at >= message.bytes.len() && (index > 0 || !title.is_empty()) {
                return None;
            }
            self.say(if index == 0 { title } else { "," });
            at = self.record(message, at)?;
        }
        Some(at)
    }

    fn question(&mut self, message: Message, at: usize) -> Option<usize> {
        let bytes = message.bytes;
        let after = skip(bytes, at)?;
        let (kind, class) = (bytes.u16(after).ok()?, bytes.u16(after + 2).ok()?);
        self.say(format!(" {}", type_name(kind)));
        self.class(if message.multicast { class & 0x7fff } else { class });
        if message.multicast {
            self.say(if class & 0x8000 != 0 { " (QU)" } else { " (QM)" });
        }
        self.say("? ");
        Some(self.name(bytes, at)? + 4)
    }

    fn class(&mut self, class: u16) {
        if class != 1 {
            let name = word(CLASSES, class.into()).map_or_else(|| format!("(Class {class})"), str::to_string);
            self.say(format!(" {name}"));
        }
    }

    fn record(&mut self, message: Message, at: usize) -> Option<usize> {
        let bytes = message.bytes;
        let at = match self.verbose(1) {
            true => {
                self.say(" ");
                self.name(bytes, at)?
            }
            false => skip(bytes, at).unwrap_or(bytes.len()),
        };
        if bytes.slice(at, 10).is_err() {
            return Some(bytes.len());
        }
        let (kind, class, ttl) = (bytes.u16(at).ok()?, bytes.u16(at + 2).ok()?, bytes.u32(at + 4).ok()?);
        let plain = if message.multicast { class & 0x7fff } else { class };
        if kind != OPT {
            self.class(plain);
        }
        if message.multicast && class & 0x8000 != 0 {
            self.say(" (Cache flush)");
        }
        if kind != OPT && self.verbose(3) {
            self.say(format!(" [{}]", relative(ttl)));
        }
        let length = usize::from(bytes.u16(at + 8).ok()?);
        let (data, end) = (at + 10, at + 10 + length);
        self.say(format!(" {}", type_name(kind)));
        if end > bytes.len() {
            return None;
        }
        match kind {
            OPT => self.options(bytes, data, end, plain, ttl)?,
            _ => self.data(kind, bytes, data, end)?,
        }
        Some(end)
    }

    fn data(&mut self, kind: u16, bytes: Bytes, data: usize, end: usize) -> Option<()> {
        match kind {
            1 => self.say(format!(" {}", Ipv4Addr::from(bytes.u32(data).ok()?))),
            28 => {
                let octets: &[u8; 16] = bytes.slice(data, 16).ok()?.first_chunk()?;
                self.say(format!(" {}", Ipv6Addr::from(*octets)));
            }
            2 | 5 | 12 | 39 => {
                self.say(" ");
                self.name(bytes, data)?;
            }
            6 if self.verbose(1) => {
                self.say(" ");
                let at = self.name(bytes, data)?;
                self.say(" ");
                let at = self.name(bytes, at)?;
                for number in 0..5 {
                    self.say(format!(" {}", bytes.u32(at + number * 4).ok()?));
                }
            }
            15 => {
                self.say(" ");
                self.name(bytes, data + 2)?;
                self.say(format!(" {}", bytes.u16(data).ok()?));
            }
            16 => {
                let mut at = data;
                while at < end {
                    let length = usize::from(bytes.u8(at).ok()?);
                    let text: String =
                        bytes.slice(at + 1, length).ok()?.iter().map(|it| super::text::shown(*it)).collect();
                    self.say(format!(" \"{text}\""));
                    at += 1 + length;
                }
            }
            33 => {
                self.say(" ");
                self.name(bytes, data + 6)?;
                let (priority, weight, port) =
                    (bytes.u16(data).ok()?, bytes.u16(data + 2).ok()?, bytes.u16(data + 4).ok()?);
                self.say(format!(":{port} {priority} {weight}"));
            }
            _ => {}
        }
        Some(())
    }

    fn options(&mut self, bytes: Bytes, mut at: usize, end: usize, size: u16, ttl: u32) -> Option<()> {
        self.say(format!(" UDPsize={size}"));
        if ttl & 0x8000 != 0 {
            self.say(" DO");
        }
        if at >= end {
            return Some(());
        }
        self.say(" [");
        while at < end {
            let (code, length) = (bytes.u16(at).ok()?, usize::from(bytes.u16(at + 2).ok()?));
            let value = bytes.slice(at + 4, length).ok()?;
            self.say(word(OPTIONS, code.into()).map_or_else(|| format!("Opt{code}"), str::to_string));
            if length > 0 {
                self.say(" ");
                self.option(code, value);
            }
            at += 4 + length;
            if at < end {
                self.say(",");
            }
        }
        self.say("]");
        Some(())
    }

    fn option(&mut self, code: u16, value: &[u8]) {
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        match (code, value) {
            (10, value) if matches!(value.len(), 8 | 16..=40) => {
                let (client, server) = value.split_at(8);
                self.say(hex(client));
                if !server.is_empty() {
                    self.say(format!(" {}", hex(server)));
                }
            }
            (11, [high, low]) => {
                let tenths = u16::from_be_bytes([*high, *low]);
                self.say(format!("{}.{} sec", tenths / 10, tenths % 10));
            }
            (9, [a, b, c, d]) => self.say(format!("{} sec", u32::from_be_bytes([*a, *b, *c, *d]))),
            (9..=11, _) => self.invalid(),
            (12, value) => self.say(format!("({})", value.len())),
            (8, value) => match value {
                [0, 1, source, scope, address @ ..] if address.len() <= 4 => {
                    let mut octets = [0; 4];
                    octets[..address.len()].copy_from_slice(address);
                    self.say(format!("{}/{source}/{scope}", Ipv4Addr::from(octets)));
                }
                [0, 2, source, scope, address @ ..] if address.len() <= 16 => {
                    let mut octets = [0; 16];
                    octets[..address.len()].copy_from_slice(address);
                    self.say(format!("{}/{source}/{scope}", Ipv6Addr::from(octets)));
                }
                _ => self.invalid(),
            },
            (_, value) => self.say(hex(value)),
        }
    }

    /// A name, and where it ends. Pointers may only lead back.
    fn name(&mut self, bytes: Bytes, at: usize) -> Option<usize> {
        let (mut at, mut furthest, mut end, mut letters) = (at, at, None, 0);
        let mut first = true;
        loop {
            let length = usize::from(bytes.u8(at).ok()?);
            match length & 0xc0 {
                0xc0 => {
                    let target = usize::from(bytes.u16(at).ok()? & 0x3fff);
                    end.get_or_insert(at + 2);
                    if target >= furthest {
                        self.say("<BAD PTR>");
                        return None;
                    }
                    furthest = target;
                    at = target;
                }
                0 if length == 0 => {
                    if first {
                        self.say(".");
                    }
                    if letters > MOST_NAME {
                        self.say("<DOMAIN NAME TOO LONG>");
                    }
                    return Some(end.unwrap_or(at + 1));
                }
                0 => {
                    let label = bytes.slice(at + 1, length).ok()?;
                    let room = MOST_NAME.saturating_sub(letters);
                    let text: String =
                        label.iter().take(room).map(|byte| super::text::shown(*byte)).collect();
                    self.say(text);
                    letters += length;
                    if letters <= MOST_NAME {
                        self.say(".");
                    }
                    letters += 1;
                    at += 1 + length;
                    first = false;
                }
                _ => {
                    self.say("<BAD LABEL TYPE>");
                    return None;
                }
            }
        }
    }
}

fn type_name(kind: u16) -> String {
    word(TYPES, kind.into()).map_or_else(|| format!("Type{kind}"), str::to_string)
}
