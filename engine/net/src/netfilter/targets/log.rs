//! `-j LOG`: a line in the kernel's log for each packet.
//!
//! Differs from Linux: none in the text; as there, only a machine's first namespace writes.
//! Sources: linux nf_log_syslog.c; libxt_LOG.c for the words.

use super::{Action, Outcome, Target};
use crate::netfilter::context::Context;
use crate::netfilter::header::{Header, ICMP, TCP, UDP, UDPLITE};
use crate::netfilter::matches::Style;
use crate::netfilter::text::option::{Draft, Extension, Given, Opt, Takes, Value, opt, save_string};
use crate::netfilter::text::problem::{Problem, bad};

/// Bits of `logflags`, as `iptables -nL` prints them.
mod flag {
    pub const SEQUENCE: u8 = 0x01;
    pub const TCP_OPTIONS: u8 = 0x02;
    pub const IP_OPTIONS: u8 = 0x04;
    pub const UID: u8 = 0x08;
    pub const MAC_DECODE: u8 = 0x20;
}

/// Longest prefix; more is cut.
const MAX_PREFIX: usize = 29;
const WARNING: u8 = 4;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    pub level: u8,
    pub flags: u8,
    pub prefix: String,
}

const OPTIONS: &[Opt] = &[
    opt("log-level", 6, Takes::Level),
    opt("log-prefix", 7, Takes::Text(1, 0)),
    opt("log-tcp-sequence", 0, Takes::Nothing),
    opt("log-tcp-options", 1, Takes::Nothing),
    opt("log-ip-options", 2, Takes::Nothing),
    opt("log-uid", 3, Takes::Nothing),
    opt("log-macdecode", 5, Takes::Nothing),
];

pub(super) const EXTENSIONS: &[Extension<Target>] = &[Extension {
    name: "LOG",
    family: None,
    options: OPTIONS,
    start: |_| Box::new(Log { level: WARNING, flags: 0, prefix: String::new() }),
}];

/// The first name of each level in syslog.h.
const LEVELS: [&str; 8] = ["emerg", "alert", "crit", "error", "warning", "notice", "info", "debug"];
const WORDS: [(u8, &str); 5] = [
    (flag::SEQUENCE, "tcp-sequence"),
    (flag::TCP_OPTIONS, "tcp-options"),
    (flag::IP_OPTIONS, "ip-options"),
    (flag::UID, "uid"),
    (flag::MAC_DECODE, "macdecode"),
];

impl Draft<Target> for Log {
    fn set(&mut self, id: u8, value: &Value, given: &mut Given<'_>) -> Result<(), Problem> {
        match id {
            6 => self.level = value.number() as u8,
            7 if given.text.contains('\n') => return bad("Newlines not allowed in --log-prefix"),
            7 => {
                let mut end = given.text.len().min(MAX_PREFIX);
                while !given.text.is_char_boundary(end) {
                    end -= 1;
                }
                self.prefix = given.text[..end].to_owned();
            }
            bit => self.flags |= 1 << bit,
        }
        Ok(())
    }

    fn finish(self: Box<Self>) -> Target {
        Target::Log(*self)
    }
}

impl Action for Log {
    fn name(&self) -> &'static str {
        "LOG"
    }

    fn save(&self, out: &mut String) {
        if !self.prefix.is_empty() {
            out.push_str(" --log-prefix");
            save_string(out, &self.prefix);
        }
        if self.level != WARNING {
            put!(out, " --log-level {}", self.level);
        }
        for (_, word) in WORDS.iter().filter(|(bit, _)| self.flags & bit != 0) {
            put!(out, " --log-{word}");
        }
    }

    fn print(&self, out: &mut String, style: &Style<'_>) {
        out.push_str(" LOG");
        if style.numeric {
            put!(out, " flags {} level {}", self.flags, self.level);
        } else {
            put!(out, " level {}", LEVELS[usize::from(self.level & 7)]);
            for (_, word) in WORDS.iter().filter(|(bit, _)| self.flags & bit != 0) {
                put!(out, " {word}");
            }
        }
        if !self.prefix.is_empty() {
            put!(out, " prefix \"{}\"", self.prefix);
        }
    }

    fn act(&self, at: &mut Context<'_>) -> Outcome {
        if at.surroundings.is_initial(at.netns()) {
            let line = self.line(at);
            at.memory.log(at.now, self.level, line);
        }
        Outcome::Continue
    }
}

impl Log {
    fn line(&self, at: &Context<'_>) -> String {
        let mut line = format!("{}IN={} OUT={} ", self.prefix, at.input, at.output);
        if !at.physical_input.is_empty() {
            put!(line, "PHYSIN={} ", at.physical_input);
        }
        if !at.physical_output.is_empty() {
            put!(line, "PHYSOUT={} ", at.physical_output);
        }
        if !at.input.is_empty() {
            self.frame_header(&mut line, at);
        }
        self.ip_packet(&mut line, at.packet.data(), &at.header, true);
        if let Some((user, group)) = at.owner().filter(|_| self.flags & flag::UID != 0) {
            put!(line, "UID={user} GID={group} ");
        }
        if at.packet.mark != 0 {
            put!(line, "MARK={:#x} ", at.packet.mark);
        }
        line
    }

    fn frame_header(&self, line: &mut String, at: &Context<'_>) {
        let header = at.frame_header();
        let colons = |bytes: &[u8]| bytes.iter().map(|it| format!("{it:02x}")).collect::<Vec<_>>().join(":");
        match header {
            Some(bytes) if self.flags & flag::MAC_DECODE != 0 => {
                let (destination, source) = (colons(&bytes[..6]), colons(&bytes[6..12]));
                let protocol = u16::from_be_bytes([bytes[12], bytes[13]]);
                put!(line, "MACSRC={source} MACDST={destination} MACPROTO={protocol:04x} ");
            }
            Some(bytes) => put!(line, "MAC={} ", colons(&bytes)),
            None => line.push_str("MAC= "),
        }
    }

    fn ip_packet(&self, line: &mut String, bytes: &[u8], header: &Header, outer: bool) {
        let word = |at: usize| u16::from_be_bytes([bytes[at], bytes[at + 1]]);
        put!(line, "SRC={} DST={} LEN={} ", header.source, header.destination, word(2));
        put!(line, "TOS={:#04X} PREC={:#04X} TTL={} ", header.tos & 0x1e, header.tos & 0xe0, header.ttl);
        put!(line, "ID={} ", word(4));
        for (bit, name) in [(0x8000, "CE "), (0x4000, "DF "), (0x2000, "MF ")] {
            if word(6) & bit != 0 {
                line.push_str(name);
            }
        }
        if header.offset != 0 {
            put!(line, "FRAG:{} ", header.offset / 8);
        }
        if self.flags & flag::IP_OPTIONS != 0 && header.transport > 20 {
            put!(line, "OPT ({}) ", hexadecimal(&bytes[20..header.transport]));
        }
        let upper = header.upper(bytes);
        match header.protocol {
            TCP => self.tcp(line, header, bytes, upper),
            UDP | UDPLITE => {
                line.push_str(if header.protocol == UDP { "PROTO=UDP " } else { "PROTO=UDPLITE " });
                if let (Some((source, destination)), [_, _, _, _, high, low, ..]) =
                    (header.ports(bytes), upper)
                {
                    let length = u16::from_be_bytes([*high, *low]);
                    put!(line, "SPT={source} DPT={destination} LEN={length} ");
                }
            }
            ICMP => self.icmp(line, header, bytes, upper, outer),
            protocol => put!(line, "PROTO={protocol} "),
        }
    }

    fn tcp(&self, line: &mut String, header: &Header, bytes: &[u8], upper: &[u8]) {
        line.push_str("PROTO=TCP ");
        let Some((source, destination)) = header.ports(bytes) else { return };
        put!(line, "SPT={source} DPT={destination} ");
        let Some(tcp) = header.tcp(bytes) else {
            put!(line, "INCOMPLETE [{} bytes] ", upper.len());
            return;
        };
        if self.flags & flag::SEQUENCE != 0 {
            put!(line, "SEQ={} ACK={} ", tcp.sequence(), tcp.acknowledgement());
        }
        put!(line, "WINDOW={} RES={:#04x} ", tcp.window(), upper[12] & 0x0f);
        const NAMES: [(u8, &str); 8] = [
            (0x80, "CWR "),
            (0x40, "ECE "),
            (0x20, "URG "),
            (0x10, "ACK "),
            (0x08, "PSH "),
            (0x04, "RST "),
            (0x02, "SYN "),
            (0x01, "FIN "),
        ];
        NAMES.iter().filter(|(bit, _)| tcp.has(*bit)).for_each(|(_, name)| line.push_str(name));
        put!(line, "URGP={} ", u16::from_be_bytes([upper[18], upper[19]]));
        let end = tcp.header_length().min(upper.len());
        if self.flags & flag::TCP_OPTIONS != 0 && end > 20 {
            put!(line, "OPT ({}) ", hexadecimal(&upper[20..end]));
        }
    }

    fn icmp(&self, line: &mut String, header: &Header, bytes: &[u8], upper: &[u8], outer: bool) {
        line.push_str("PROTO=ICMP ");
        let (Some((kind, code)), [_, _, _, _, a, b, c, d, ..]) = (header.icmp(bytes), upper) else { return };
        put!(line, "TYPE={kind} CODE={code} ");
        match kind {
            0 | 8 => put!(line, "ID={} SEQ={} ", u16::from_be_bytes([*a, *b]), u16::from_be_bytes([*c, *d])),
            12 => put!(line, "PARAMETER={a} "),
            5 => put!(line, "GATEWAY={a}.{b}.{c}.{d} "),
            _ => {}
        }
        if matches!(kind, 3 | 4 | 5 | 11) && outer {
            let quoted = &upper[8..];
            if let Some(inner) = Header::read(quoted).filter(|_| quoted.len() >= 20) {
                line.push('[');
                self.ip_packet(line, quoted, &inner, false);
                line.push_str("] ");
            }
            if (kind, code) == (3, 4) {
                put!(line, "MTU={} ", u16::from_be_bytes([*c, *d]));
            }
        }
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|octet| format!("{octet:02X}")).collect()
}
