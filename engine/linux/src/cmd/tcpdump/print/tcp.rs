//! TCP. Source: tcpdump 4.99.3, print-tcp.c.

use super::ip::{Ends, should_be};
use super::words::{Table, bits, word};
use super::{Bytes, Cut, Printed, Printer};
use std::collections::BTreeMap;
use std::net::IpAddr;

const HEADER: u32 = 20;
const PROTOCOL: u8 = 6;
const SYN: u8 = 0x02;
const ACK: u8 = 0x10;
const URG: u8 = 0x20;
/// SYN, FIN and RST, which always show their sequence number.
const SHOWN: u8 = 0x07;
const FLAGS: Table =
    &[(0x01, "F"), (0x02, "S"), (0x04, "R"), (0x08, "P"), (0x10, "."), (0x20, "U"), (0x40, "E"), (0x80, "W")];
const OPTIONS: Table = &[
    (0, "eol"),
    (1, "nop"),
    (2, "mss"),
    (3, "wscale"),
    (4, "sackOK"),
    (5, "sack"),
    (6, "echo"),
    (7, "echoreply"),
    (8, "TS"),
    (11, "cc"),
    (12, "ccnew"),
    (13, "ccecho"),
    (19, "md5"),
    (20, "scps"),
    (28, "uto"),
    (29, "tcp-ao"),
    (30, "mptcp"),
    (34, "tfo"),
    (254, "exp"),
];
/// Conversations whose first sequence numbers are remembered; beyond, numbers are shown as they are.
const CONVERSATIONS: usize = 10_000;

type Conversation = ((IpAddr, u16), (IpAddr, u16));

/// The first sequence numbers of each conversation (of the lower end, of the other).
#[derive(Clone, Debug, Default)]
pub struct Sequences(BTreeMap<Conversation, (u32, u32)>);

/// What is taken off a segment's numbers to show them.
#[derive(Clone, Copy, Debug, Default)]
struct Relative {
    seq: u32,
    ack: u32,
    /// Off the numbers of selective acknowledgements.
    sack: u32,
}

impl Sequences {
    fn relative(
        &mut self,
        from: (IpAddr, u16),
        to: (IpAddr, u16),
        seq: u32,
        ack: u32,
        syn: bool,
    ) -> Relative {
        let reversed = from.1 > to.1 || (from.1 == to.1 && from.0 > to.0);
        let key = if reversed { (to, from) } else { (from, to) };
        let known = self.0.get(&key).copied().filter(|_| !syn);
        match known {
            Some((first, second)) if reversed => Relative { seq: second, ack: first, sack: first },
            Some((first, second)) => Relative { seq: first, ack: second, sack: second },
            None => {
                let before = ack.wrapping_sub(1);
                let (first, second) = if reversed { (before, seq) } else { (seq, before) };
                if self.0.len() < CONVERSATIONS || self.0.contains_key(&key) {
                    self.0.insert(key, (first, second));
                }
                Relative { seq: 0, ack: 0, sack: if reversed { first } else { second } }
            }
        }
    }
}

impl Printer<'_> {
    pub(super) fn tcp(&mut self, ends: Ends, tcp: Bytes, length: u32) -> Printed {
        self.protocol = "tcp";
        let (Ok(from), Ok(to)) = (tcp.u16(0), tcp.u16(2)) else {
            let (src, dst) = (self.host(ends.src), self.host(ends.dst));
            self.say(format!("{src} > {dst}:"));
            self.truncated();
            return Ok(());
        };
        let (from_name, to_name) = (self.tcp_port(from), self.tcp_port(to));
        match ends.protocol == PROTOCOL {
            true => {
                let (src, dst) = (self.host(ends.src), self.host(ends.dst));
                self.say(format!("{src}.{from_name} > {dst}.{to_name}: "));
            }
            false => self.say(format!("{from_name} > {to_name}: ")),
        }
        if tcp.len() < HEADER as usize {
            self.truncated();
            return Ok(());
        }
        let header = u32::from(tcp.u8(12)? >> 4) * 4;
        if header < HEADER {
            self.say(format!(
                " tcp {} [bad hdr length {header} - too short, < {HEADER}]",
                length.wrapping_sub(header)
            ));
            return Ok(());
        }
        if self.style.quiet > 0 {
            self.say(format!("tcp {}", length.wrapping_sub(header)));
            if header > length {
                self.say(format!(" [bad hdr length {header} - too long, > {length}]"));
            }
            return Ok(());
        }
        self.segment(ends, (from, to), tcp, header, length)
    }

    fn segment(
        &mut self,
        ends: Ends,
        (from, to): (u16, u16),
        tcp: Bytes,
        header: u32,
        length: u32,
    ) -> Printed {
        let flags = tcp.u8(13)?;
        let (mut seq, mut ack) = (tcp.u32(4)?, tcp.u32(8)?);
        self.say(format!("Flags [{}]", bits(FLAGS, flags.into(), "none", "")));
        let mut relative = Relative::default();
        if !self.style.absolute && flags & ACK != 0 {
            relative = self.sequences.relative((ends.src, from), (ends.dst, to), seq, ack, flags & SYN != 0);
            seq = seq.wrapping_sub(relative.seq);
            ack = ack.wrapping_sub(relative.ack);
        }
        if header > length {
            self.say(format!(" [bad hdr length {header} - too long, > {length}]"));
            return Ok(());
        }
        if self.verbose(1)
            && !self.style.no_checksums
            && !ends.fragmented
            && let Ok(whole) = tcp.slice(0, length as usize)
        {
            let (is, sum) = (tcp.u16(16)?, ends.checksum(PROTOCOL, whole));
            self.say(format!(", cksum 0x{is:04x}"));
            match sum {
                0 => self.say(" (correct)"),
                sum => self.say(format!(" (incorrect -> 0x{:04x})", should_be(is, sum))),
            }
        }
        let payload = length - header;
        if self.verbose(2) || payload > 0 || flags & SHOWN != 0 {
            self.say(format!(", seq {seq}"));
            if payload > 0 {
                self.say(format!(":{}", seq.wrapping_add(payload)));
            }
        }
        if flags & ACK != 0 {
            self.say(format!(", ack {ack}"));
        }
        self.say(format!(", win {}", tcp.u16(14)?));
        if flags & URG != 0 {
            self.say(format!(", urg {}", tcp.u16(18)?));
        }
        if header > HEADER
            && !self.tcp_options(tcp.after(HEADER as usize), (header - HEADER) as usize, relative)?
        {
            return Ok(());
        }
        self.say(format!(", length {payload}"));
        if payload == 0 {
            return Ok(());
        }
        if tcp.len() < header as usize {
            self.say(format!(" [remaining caplen({}) < header length({header})]", tcp.len()));
            return Err(Cut);
        }
        self.tcp_payload((from, to), flags, tcp.after(header as usize), payload)
    }

    /// False where an option is broken and the line ends there.
    fn tcp_options(&mut self, options: Bytes, length: usize, relative: Relative) -> Result<bool, Cut> {
        self.say(", options [");
        let mut at = 0;
        while at < length {
            if at > 0 {
                self.say(",");
            }
            let kind = options.u8(at)?;
            let size = if kind < 2 { 1 } else { usize::from(options.u8(at + 1)?) };
            if kind >= 2 && (size < 2 || size > length - at) {
                return Ok(self.bad_option(at > 0));
            }
            self.say(word(OPTIONS, kind.into()).map_or_else(|| format!("unknown-{kind}"), str::to_string));
            let value = options.after(at + 2);
            let room = length - at - size.min(2);
            let wants = match kind {
                2 => 2,
                3 => 1,
                8 => 8,
                _ => 0,
            };
            if wants > room {
                return Ok(self.bad_option(at > 0));
            }
            if wants > 0 && value.slice(0, wants).is_err() {
                return Ok(self.cut_option(at > 0));
            }
            match kind {
                2 => self.say(format!(" {}", value.u16(0)?)),
                3 => self.say(format!(" {}", value.u8(0)?)),
                8 => self.say(format!(" val {} ecr {}", value.u32(0)?, value.u32(4)?)),
                5 if (size - 2) % 8 != 0 => self.say(" invalid sack"),
                5 => {
                    self.say(format!(" {} ", (size - 2) / 8));
                    for block in 0..(size - 2) / 8 {
                        let (Ok(left), Ok(right)) = (value.u32(block * 8), value.u32(block * 8 + 4)) else {
                            return Ok(self.cut_option(at > 0));
                        };
                        let (left, right) =
                            (left.wrapping_sub(relative.sack), right.wrapping_sub(relative.sack));
                        self.say(format!("{{{left}:{right}}}"));
                    }
                }
                0 | 1 | 4 => {}
                _ => {
                    let bytes = value.slice(0, size - 2)?;
                    if !bytes.is_empty() {
                        self.say(format!(
                            " 0x{}",
                            bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>()
                        ));
                    }
                }
            }
            let expected = if matches!(kind, 2 | 3 | 8) { wants + 2 } else { size };
            if matches!(kind, 2 | 3 | 4 | 8) && size != expected.max(2) {
                self.say(format!("[len {size}]"));
            }
            // What was printed counts, not what the option claims.
            at += if kind < 2 { 1 } else { expected };
            if kind == 0 {
                break;
            }
        }
        self.say("]");
        Ok(true)
    }

    fn cut_option(&mut self, later: bool) -> bool {
        self.truncated();
        self.say(if later { ">" } else { "" });
        false
    }

    fn bad_option(&mut self, later: bool) -> bool {
        self.say("[bad opt]");
        if later {
            self.say("]");
        }
        false
    }

    fn tcp_payload(&mut self, (from, to): (u16, u16), flags: u8, payload: Bytes, length: u32) -> Printed {
        let payload = payload.first(length as usize);
        let port = |wanted: u16| from == wanted || to == wanted;
        if flags & 0x04 != 0 && self.verbose(1) {
            let text: String = payload.0.iter().take(64).map(|byte| super::text::shown(*byte)).collect();
            self.say(format!(" [RST {text}]"));
            return Ok(());
        }
        match () {
            _ if port(25) => self.lines("smtp", payload, length),
            _ if port(43) => self.lines("whois", payload, length),
            _ if port(22) => self.ssh(payload, length),
            _ if port(21) => self.lines("ftp", payload, length),
            _ if port(80) || port(8080) => self.http(payload, length),
            _ if port(53) => self.dns_over_tcp(payload, length),
            _ => Ok(()),
        }
    }
}
