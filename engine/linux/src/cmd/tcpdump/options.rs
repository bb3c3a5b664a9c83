//! tcpdump's options. Source: tcpdump(1), tcpdump.c 4.99.3.

use super::print::Style;
use crate::cmd::getopt::{Found, Getopt, Long, Takes};

pub(super) const MOST_SNAPLEN: u32 = 262_144;
const SHORT: &str = "aAbB:c:C:dDeE:fF:G:hHi:Ij:JKlLm:M:nNOpqQ:r:s:StT:uUvV:w:W:xXy:Yz:Z:#";

/// Long options without a letter of their own.
const COUNT: char = '\u{1}';
const PRINT: char = '\u{2}';
const VERSION: char = '\u{3}';
const MICRO: char = '\u{4}';
const NANO: char = '\u{5}';
const PRECISION: char = '\u{6}';
const IMMEDIATE: char = '\u{7}';

const LONG: &[Long] = &[
    ("buffer-size", Takes::Value, 'B'),
    ("list-interfaces", Takes::Nothing, 'D'),
    ("help", Takes::Nothing, 'h'),
    ("interface", Takes::Value, 'i'),
    ("monitor-mode", Takes::Nothing, 'I'),
    ("time-stamp-type", Takes::Value, 'j'),
    ("list-time-stamp-types", Takes::Nothing, 'J'),
    ("micro", Takes::Nothing, MICRO),
    ("nano", Takes::Nothing, NANO),
    ("time-stamp-precision", Takes::Value, PRECISION),
    ("dont-verify-checksums", Takes::Nothing, 'K'),
    ("list-data-link-types", Takes::Nothing, 'L'),
    ("no-optimize", Takes::Nothing, 'O'),
    ("no-promiscuous-mode", Takes::Nothing, 'p'),
    ("direction", Takes::Value, 'Q'),
    ("snapshot-length", Takes::Value, 's'),
    ("absolute-tcp-sequence-numbers", Takes::Nothing, 'S'),
    ("packet-buffered", Takes::Nothing, 'U'),
    ("linktype", Takes::Value, 'y'),
    ("immediate-mode", Takes::Nothing, IMMEDIATE),
    ("debug-filter-parser", Takes::Nothing, 'Y'),
    ("relinquish-privileges", Takes::Value, 'Z'),
    ("count", Takes::Nothing, COUNT),
    ("number", Takes::Nothing, '#'),
    ("print", Takes::Nothing, PRINT),
    ("version", Takes::Nothing, VERSION),
];

pub(super) const VERSION_TEXT: &str =
    "tcpdump version 4.99.3\nlibpcap version 1.10.3 (with TPACKET_V3)\nOpenSSL 3.0.19 27 Jan 2026\n";

pub(super) const USAGE: &str = "\
Usage: tcpdump [-AbdDefhHIJKlLnNOpqStuUvxX#] [ -B size ] [ -c count ] [--count]
\t\t[ -C file_size ] [ -E algo:secret ] [ -F file ] [ -G seconds ]
\t\t[ -i interface ] [ --immediate-mode ] [ -j tstamptype ]
\t\t[ -M secret ] [ --number ] [ --print ] [ -Q in|out|inout ]
\t\t[ -r file ] [ -s snaplen ] [ -T type ] [ --version ]
\t\t[ -V file ] [ -w file ] [ -W filecount ] [ -y datalinktype ]
\t\t[ --time-stamp-precision precision ] [ --micro ] [ --nano ]
\t\t[ -z postrotate-command ] [ -Z user ] [ expression ]
";

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Direction {
    #[default]
    Both,
    In,
    Out,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Options {
    pub style: Style,
    /// `-c`
    pub count: Option<u64>,
    /// `--count`
    pub only_count: bool,
    /// `-D`
    pub list_devices: bool,
    /// `-F`
    pub filter_file: Option<String>,
    /// `-i`
    pub device: Option<String>,
    /// `-J`
    pub list_stamps: bool,
    /// `-l` or `-U`
    pub unbuffered: bool,
    /// `-U`
    pub packet_buffered: bool,
    /// `-L`
    pub list_links: bool,
    pub direction: Direction,
    /// `-r`
    pub read: Option<String>,
    pub snaplen: u32,
    /// `-w`
    pub write: Option<String>,
    /// `--print`
    pub print: bool,
    /// `-y`
    pub link_type: Option<String>,
    /// The words of the filter.
    pub expression: Vec<String>,
}

/// What ends the program before it began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// Version and usage on stderr; what getopt said comes first.
    Usage(String),
    /// The same on stdout, with success.
    Help,
    Version,
    /// `tcpdump: ` and these words.
    Error(String),
}

fn error<T>(text: impl Into<String>) -> Result<T, Stop> {
    Err(Stop::Error(text.into()))
}

/// atoi(3)
fn number(text: &str) -> i64 {
    let text = text.trim_start();
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    let value: i64 = digits[..end].parse().unwrap_or(0);
    if negative { -value } else { value }
}

impl Options {
    pub fn parse(program: &str, words: &[String]) -> Result<Options, Stop> {
        let mut options = Options { snaplen: MOST_SNAPLEN, ..Options::default() };
        let mut getopt = Getopt::new(program, words, SHORT, LONG);
        for found in getopt.by_ref() {
            match found {
                Found::Option(letter, value) => options.take(letter, value.as_deref().unwrap_or_default())?,
                Found::Wrong(text) => return Err(Stop::Usage(text)),
            }
        }
        options.expression = getopt.operands();
        if options.style.time > 5 {
            return error("only -t, -tt, -ttt, -tttt and -ttttt are supported");
        }
        Ok(options)
    }

    fn take(&mut self, letter: char, value: &str) -> Result<(), Stop> {
        match letter {
            'A' => self.style.ascii += 1,
            'B' => {
                if number(value) <= 0 {
                    return error(format!("invalid packet buffer size {value}"));
                }
            }
            'c' => match number(value) {
                count if count > 0 => self.count = Some(count as u64),
                _ => return error(format!("invalid packet count {value}")),
            },
            COUNT => self.only_count = true,
            'D' => self.list_devices = true,
            'e' => self.style.link = true,
            'F' => self.filter_file = Some(value.to_string()),
            'h' => return Err(Stop::Help),
            'i' => self.device = Some(value.to_string()),
            'j' if !matches!(
                value,
                "host"
                    | "host_lowprec"
                    | "host_hiprec"
                    | "host_hiprec_unsynced"
                    | "adapter"
                    | "adapter_unsynced"
            ) =>
            {
                return error(format!("invalid time stamp type {value}"));
            }
            'j' if value == "host" => {}
            'J' => self.list_stamps = true,
            'K' => self.style.no_checksums = true,
            'l' => self.unbuffered = true,
            'L' => self.list_links = true,
            'n' => self.style.numeric += 1,
            'N' => self.style.short_names = true,
            // What has no effect on a simulated card or on this filter compiler.
            'O' | 'p' | 'H' | 'u' | 'b' | IMMEDIATE | 'a' => {}
            PRINT => self.print = true,
            'q' => {
                self.style.quiet += 1;
            }
            other => return self.take_more(other, value),
        }
        Ok(())
    }

    /// The letters behind `q`, and what has no letter.
    fn take_more(&mut self, letter: char, value: &str) -> Result<(), Stop> {
        match letter {
            'Q' => {
                self.direction = match value.to_ascii_lowercase().as_str() {
                    "in" => Direction::In,
                    "out" => Direction::Out,
                    "inout" => Direction::Both,
                    _ => return error(format!("unknown capture direction `{value}'")),
                };
            }
            'r' => self.read = Some(value.to_string()),
            's' => self.snaplen = snaplen(value)?,
            'S' => self.style.absolute = true,
            't' => self.style.time += 1,
            'U' => {
                self.unbuffered = true;
                self.packet_buffered = true;
            }
            'v' => self.style.verbose += 1,
            VERSION => return Err(Stop::Version),
            'w' => self.write = Some(value.to_string()),
            'x' => self.style.hex += 1,
            'X' => self.style.hex_ascii += 1,
            'y' => self.link_type = Some(link_type(value)?),
            MICRO => self.style.nanoseconds = false,
            NANO => self.style.nanoseconds = true,
            PRECISION => match value {
                "micro" => self.style.nanoseconds = false,
                "nano" => self.style.nanoseconds = true,
                _ => return error("unsupported time stamp precision"),
            },
            'Z' if value == "root" => {}
            '#' => self.style.numbered = true,
            'C' if number(value) <= 0 => return error(format!("invalid file size {value}")),
            'W' if number(value) <= 0 => return error(format!("invalid number of output files {value}")),
            'T' if !TYPES.contains(&value.to_ascii_lowercase().as_str()) => {
                return error(format!("unknown packet type `{value}'"));
            }
            other => {
                return error(format!(
                    "-{other}: not simulated in vethlab; use -i, -r, -w, -c, -n, -e, -v, -x, -X or -A"
                ));
            }
        }
        Ok(())
    }
}

const TYPES: [&str; 20] = [
    "vat",
    "wb",
    "rpc",
    "rtp",
    "rtcp",
    "snmp",
    "cnfp",
    "tftp",
    "aodv",
    "carp",
    "radius",
    "zmtp1",
    "vxlan",
    "pgm",
    "pgm_zmtp1",
    "lmp",
    "resp",
    "ptp",
    "someip",
    "domain",
];

fn snaplen(value: &str) -> Result<u32, Stop> {
    let length: Option<u32> = value.parse().ok().filter(|length| *length <= MOST_SNAPLEN);
    match length {
        Some(0) => Ok(MOST_SNAPLEN),
        Some(length) => Ok(length),
        None => error(format!("invalid snaplen {value} (must be >= 0 and <= {MOST_SNAPLEN})")),
    }
}

fn link_type(value: &str) -> Result<String, Stop> {
    match value.to_ascii_uppercase().as_str() {
        "EN10MB" => Ok("EN10MB".into()),
        "LINUX_SLL2" => Ok("LINUX_SLL2".into()),
        known @ ("LINUX_SLL" | "RAW" | "NULL" | "PPP" | "IEEE802_11" | "DOCSIS") => {
            error(format!("-y {known}: not simulated in vethlab; use EN10MB or LINUX_SLL2"))
        }
        _ => error(format!("invalid data link type {value}")),
    }
}
