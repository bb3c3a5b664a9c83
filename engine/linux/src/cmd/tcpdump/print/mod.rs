//! Packets as text, as tcpdump prints them.
//!
//! Called by `tcpdump`; calls nothing: names it lacks are asked for in [`Printer::wanted`], and the packet is printed
//! again when they are there.
//! Always: reading beyond what was captured ends the line with `[|protocol]`, as in tcpdump; tunnels and quoted
//! packets are opened no deeper than [`DEPTH`].
//! Differs from tcpdump: protocols that no program here speaks (NTP, SNMP, RIP, BGP …) print as plain UDP or TCP.
//! Sources: tcpdump 4.99.3 (print.c, netdissect.h and the print-*.c named in each file).

mod arp;
mod dns;
mod ethernet;
mod hex;
mod icmp;
mod icmp6;
mod igmp;
mod ip;
mod ip6;
mod llc;
mod names;
mod tcp;
mod text;
mod tunnel;
mod udp;
mod words;

pub use names::{Lookup, Services};
pub use tcp::Sequences;

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

/// Packets within packets that are looked into.
const DEPTH: u32 = 24;

/// The flags that change what is printed.
#[derive(Clone, Debug, Default)]
pub struct Style {
    /// `-v`, counted
    pub verbose: u32,
    /// `-e`
    pub link: bool,
    /// `-n`, counted
    pub numeric: u32,
    /// `-N`
    pub short_names: bool,
    /// `-q`
    pub quiet: u32,
    /// `-S`
    pub absolute: bool,
    /// `-K`
    pub no_checksums: bool,
    /// `-t`, counted
    pub time: u32,
    /// `--nano`
    pub nanoseconds: bool,
    /// `-x`, `-X`, `-A`, counted
    pub hex: u32,
    pub hex_ascii: u32,
    pub ascii: u32,
    /// `-#`
    pub numbered: bool,
    pub cooked: bool,
}

/// One packet as captured.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// Since 1970.
    pub at: Duration,
    pub bytes: &'a [u8],
    /// On the wire; more than `bytes` where the snapshot length cut it.
    pub length: u32,
    pub number: u64,
}

/// Reading went beyond what was captured.
pub(super) struct Cut;

type Printed = Result<(), Cut>;

/// What was captured of a layer, cut to its own length.
#[derive(Clone, Copy, Debug)]
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn u8(self, at: usize) -> Result<u8, Cut> {
        self.0.get(at).copied().ok_or(Cut)
    }

    fn u16(self, at: usize) -> Result<u16, Cut> {
        Ok(u16::from_be_bytes(*self.0.get(at..).and_then(<[u8]>::first_chunk).ok_or(Cut)?))
    }

    fn u24(self, at: usize) -> Result<u32, Cut> {
        Ok(u32::from(self.u8(at)?) << 16 | u32::from(self.u16(at + 1)?))
    }

    fn u32(self, at: usize) -> Result<u32, Cut> {
        Ok(u32::from_be_bytes(*self.0.get(at..).and_then(<[u8]>::first_chunk).ok_or(Cut)?))
    }

    fn ipv4(self, at: usize) -> Result<IpAddr, Cut> {
        Ok(IpAddr::V4(self.u32(at)?.into()))
    }

    fn ipv6(self, at: usize) -> Result<IpAddr, Cut> {
        let octets: &[u8; 16] = self.0.get(at..).and_then(<[u8]>::first_chunk).ok_or(Cut)?;
        Ok(IpAddr::V6((*octets).into()))
    }

    fn mac(self, at: usize) -> Result<String, Cut> {
        Ok(colons(self.0.get(at..at + 6).ok_or(Cut)?))
    }

    fn slice(self, at: usize, length: usize) -> Result<&'a [u8], Cut> {
        self.0.get(at..at + length).ok_or(Cut)
    }

    /// What follows the first `at` bytes; nothing where there are fewer.
    fn after(self, at: usize) -> Bytes<'a> {
        Bytes(self.0.get(at..).unwrap_or_default())
    }

    /// The first `length` bytes, or as many as there are.
    fn first(self, length: usize) -> Bytes<'a> {
        Bytes(&self.0[..length.min(self.0.len())])
    }

    fn len(self) -> usize {
        self.0.len()
    }
}

fn colons(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect::<Vec<_>>().join(":")
}

pub struct Printer<'a> {
    style: &'a Style,
    lookup: &'a Lookup,
    sequences: Sequences,
    /// Addresses whose names are not known yet.
    wanted: BTreeSet<IpAddr>,
    out: String,
    /// Whose printing a cut is blamed on.
    protocol: &'static str,
    depth: u32,
}

impl<'a> Printer<'a> {
    /// `sequences` goes from packet to packet.
    pub fn new(style: &'a Style, lookup: &'a Lookup, sequences: Sequences) -> Printer<'a> {
        let (wanted, out) = (BTreeSet::new(), String::new());
        Printer { style, lookup, sequences, wanted, out, protocol: "", depth: 0 }
    }

    /// The packet's lines, the sequence numbers to go on with, and the addresses whose names would be needed first.
    pub fn print(mut self, record: &Record, times: &mut Times) -> (String, Sequences, BTreeSet<IpAddr>) {
        if self.style.numbered {
            self.say(format!("{:5}  ", record.number));
        }
        self.out += &times.stamp(self.style, record.at);
        let bytes = Bytes(record.bytes);
        let header = match self.style.cooked {
            true => self.cooked(bytes, record.length),
            false => self.ethernet(bytes, record.length),
        };
        let header = header.unwrap_or_else(|Cut| {
            self.truncated();
            0
        });
        self.dump(record.bytes, header);
        self.out.push('\n');
        (self.out, self.sequences, self.wanted)
    }

    fn say(&mut self, text: impl AsRef<str>) {
        self.out.push_str(text.as_ref());
    }

    fn truncated(&mut self) {
        let protocol = self.protocol;
        self.say(format!(" [|{protocol}]"));
    }

    fn invalid(&mut self) {
        self.say(" (invalid)");
    }

    fn verbose(&self, least: u32) -> bool {
        self.style.verbose >= least
    }

    /// Runs `inner` unless that is too deep inside.
    fn deeper(&mut self, inner: impl FnOnce(&mut Self) -> Printed) -> Printed {
        self.depth += 1;
        let printed = if self.depth > DEPTH { Err(Cut) } else { inner(self) };
        self.depth -= 1;
        printed
    }
}

/// What time stamps count from.
#[derive(Clone, Debug, Default)]
pub struct Times {
    reference: Option<Duration>,
}

impl Times {
    fn stamp(&mut self, style: &Style, at: Duration) -> String {
        match style.time {
            0 => format!("{}{} ", clock(at), fraction(style, at)),
            1 => String::new(),
            2 => format!("{}{} ", at.as_secs(), fraction(style, at)),
            4 => format!("{} {}{} ", date(at), clock(at), fraction(style, at)),
            _ => {
                let reference = *self.reference.get_or_insert(at);
                let (sign, difference) = match at.checked_sub(reference) {
                    Some(later) => (' ', later),
                    None => ('-', reference - at),
                };
                if style.time == 3 {
                    self.reference = Some(at);
                }
                format!("{sign}{}{} ", clock(difference), fraction(style, difference))
            }
        }
    }
}

fn fraction(style: &Style, at: Duration) -> String {
    match style.nanoseconds {
        true => format!(".{:09}", at.subsec_nanos()),
        false => format!(".{:06}", at.subsec_micros()),
    }
}

fn clock(at: Duration) -> String {
    let seconds = at.as_secs() % 86_400;
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// Of the proleptic Gregorian calendar, UTC (Howard Hinnant, "chrono-compatible low-level date algorithms").
fn date(at: Duration) -> String {
    let days = at.as_secs() / 86_400 + 719_468;
    let era = days / 146_097;
    let day_of_era = days % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests;
