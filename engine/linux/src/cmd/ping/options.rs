//! What `ping` was asked for: its options, checked in the order and with the words of iputils.
//!
//! Source: iputils 20221126 `ping/ping.c` (main), `iputils_common.c` (numbers).

use super::Fatal;
use crate::cmd::Args;
use crate::cmd::getopt::{Found, Getopt};
use net::rtnetlink::Family;
use net::socket::MtuDiscover;
use std::net::{IpAddr, Ipv6Addr};

/// MAX_DUP_CHK: how many sequence numbers are told apart.
pub(super) const SEQUENCES: i64 = 0x10000;

#[derive(Clone, Debug)]
pub(super) struct Options {
    pub family: Option<Family>,
    pub count: i64,
    pub interval_ms: i64,
    pub interval_given: bool,
    pub preload: i64,
    pub deadline_s: u64,
    pub linger_ms: i64,
    pub data_bytes: usize,
    pub ttl: Option<u8>,
    pub tos: u8,
    pub mark: Option<u32>,
    pub ident: Option<u16>,
    pub mtu_discover: Option<MtuDiscover>,
    pub source: Option<IpAddr>,
    pub device: Option<String>,
    /// `-r`: only to neighbours.
    pub direct: bool,
    pub pattern: Option<String>,
    pub adaptive: bool,
    pub audible: bool,
    pub broadcast: bool,
    pub flood: bool,
    pub numeric: bool,
    pub outstanding: bool,
    pub quiet: bool,
    pub strict_source: bool,
    pub timestamp: bool,
    pub verbose: bool,
    pub targets: Vec<String>,
    /// Told on stderr before anything else.
    pub warnings: Vec<String>,
}

/// How reading the options ends early.
pub(super) enum Stop {
    Fatal(Fatal),
    /// The usage on stderr, after this line if any.
    Usage(String),
    Version,
}

impl From<Fatal> for Stop {
    fn from(fatal: Fatal) -> Stop {
        Stop::Fatal(fatal)
    }
}

pub(super) const USAGE: &str = "
Usage
  ping [options] <destination>

Options:
  <destination>      dns name or ip address
  -a                 use audible ping
  -A                 use adaptive ping
  -B                 sticky source address
  -c <count>         stop after <count> replies
  -C                 call connect() syscall on socket creation
  -D                 print timestamps
  -d                 use SO_DEBUG socket option
  -e <identifier>    define identifier for ping session, default is random for
                     SOCK_RAW and kernel defined for SOCK_DGRAM
                     Imply using SOCK_RAW (for IPv4 only for identifier 0)
  -f                 flood ping
  -h                 print help and exit
  -I <interface>     either interface name or address
  -i <interval>      seconds between sending each packet
  -L                 suppress loopback of multicast packets
  -l <preload>       send <preload> number of packages while waiting replies
  -m <mark>          tag the packets going out
  -M <pmtud opt>     define mtu discovery, can be one of <do|dont|want>
  -n                 no dns name resolution
  -O                 report outstanding replies
  -p <pattern>       contents of padding byte
  -q                 quiet output
  -Q <tclass>        use quality of service <tclass> bits
  -s <size>          use <size> as number of data bytes to be sent
  -S <size>          use <size> as SO_SNDBUF socket option value
  -t <ttl>           define time to live
  -U                 print user-to-user latency
  -v                 verbose output
  -V                 print version and exit
  -w <deadline>      reply wait <deadline> in seconds
  -W <timeout>       time to wait for response

IPv4 options:
  -4                 use IPv4
  -b                 allow pinging broadcast
  -R                 record route
  -T <timestamp>     define timestamp, can be one of <tsonly|tsandaddr|tsprespec>

IPv6 options:
  -6                 use IPv6
  -F <flowlabel>     define flow label, default is random
  -N <nodeinfo opt>  use icmp6 node info query, try <help> as argument

For more details see ping(8).
";

const SHORT: &str = "h?4bRT:6F:N:aABc:CdDe:fi:I:l:Lm:M:nOp:qQ:rs:S:t:UvVw:W:";

impl Options {
    pub fn parse(args: &Args) -> Result<Options, Stop> {
        let mut options = Options {
            family: match args.name().chars().last() {
                Some('4') => Some(Family::Inet),
                Some('6') => Some(Family::Inet6),
                _ => None,
            },
            count: 0,
            interval_ms: 1000,
            interval_given: false,
            preload: 1,
            deadline_s: 0,
            linger_ms: 10_000,
            data_bytes: 56,
            ttl: None,
            tos: 0,
            mark: None,
            ident: None,
            mtu_discover: None,
            source: None,
            device: None,
            direct: false,
            pattern: None,
            adaptive: false,
            audible: false,
            broadcast: false,
            flood: false,
            numeric: false,
            outstanding: false,
            quiet: false,
            strict_source: false,
            timestamp: false,
            verbose: false,
            targets: Vec::new(),
            warnings: Vec::new(),
        };
        let mut words = Getopt::new(args.name(), args.rest(), SHORT, &[]);
        for found in words.by_ref() {
            match found {
                Found::Wrong(text) => return Err(Stop::Usage(text)),
                Found::Option('V', _) => return Err(Stop::Version),
                Found::Option('h' | '?', _) => return Err(Stop::Usage(String::new())),
                Found::Option(letter, value) => options.set(letter, &value.unwrap_or_default())?,
            }
        }
        options.targets = words.operands();
        if options.targets.is_empty() {
            return Err(Fatal(1, "usage error: Destination address required".to_owned()).into());
        }
        Ok(options)
    }

    fn set(&mut self, letter: char, value: &str) -> Result<(), Fatal> {
        match letter {
            '4' | '6' => {
                let family = if letter == '4' { Family::Inet } else { Family::Inet6 };
                if self.family.replace(family).is_some_and(|before| before != family) {
                    return Err(Fatal(2, "only one -4 or -6 option may be specified".to_owned()));
                }
            }
            'A' => self.adaptive = true,
            'a' => self.audible = true,
            'B' => self.strict_source = true,
            'b' => self.broadcast = true,
            'c' => self.count = number(value, 1, i64::MAX)?,
            'D' => self.timestamp = true,
            'e' => self.ident = Some(number(value, 0, 0xffff)? as u16),
            'f' => (self.flood, self.numeric) = (true, true),
            'I' => self.set_source(value)?,
            'i' => {
                let seconds = self.seconds(value, "bad timing interval")?;
                if seconds > f64::from(i32::MAX) / 1000.0 {
                    return Err(Fatal(2, format!("bad timing interval: {value}")));
                }
                (self.interval_ms, self.interval_given) = (((seconds * 1000.0) as i64).max(0), true);
            }
            'l' => self.preload = number(value, 1, SEQUENCES)?,
            'M' => {
                self.mtu_discover = Some(match value {
                    "do" => MtuDiscover::Do,
                    "dont" => MtuDiscover::Dont,
                    "want" => MtuDiscover::Want,
                    _ => return Err(Fatal(2, format!("invalid -M argument: {value}"))),
                });
            }
            'm' => self.mark = Some(number(value, 0, i64::from(u32::MAX))? as u32),
            'n' => self.numeric = true,
            'O' => self.outstanding = true,
            'p' => self.pattern = Some(value.to_owned()),
            'Q' => self.tos = tos(value)?,
            'q' => self.quiet = true,
            's' => self.data_bytes = number(value, 0, i64::from(i32::MAX))? as usize,
            't' => self.ttl = Some(number(value, 0, 255)? as u8),
            'v' => self.verbose = true,
            'W' => {
                let seconds = self.seconds(value, "bad linger time")?;
                if !(0.0..=f64::from(i32::MAX) / 1000.0).contains(&seconds) {
                    return Err(Fatal(2, format!("bad linger time: {value}")));
                }
                self.linger_ms = (seconds * 1000.0) as i64;
            }
            'w' => self.deadline_s = number(value, 0, i64::from(i32::MAX))? as u64,
            'r' => self.direct = true,
            'S' => _ = number(value, 1, i64::from(i32::MAX))?,
            'T' if !matches!(value, "tsonly" | "tsandaddr") && !value.starts_with("tsprespec") => {
                return Err(Fatal(2, format!("invalid timestamp type: {value}")));
            }
            // Nothing of these can be seen here: no socket debugging, one clock for the stamps of kernel and program,
            // no buffer that one ping fills, no copies of multicasts on a raw socket that filters for replies.
            'd' | 'U' | 'L' | 'C' => {}
            _ => {
                return Err(Fatal(
                    2,
                    format!("-{letter}: not simulated in vethlab; use {}", instead_of(letter)),
                ));
            }
        }
        Ok(())
    }

    fn set_source(&mut self, value: &str) -> Result<(), Fatal> {
        if value.contains(':') {
            let (address, device) = match value.split_once('%') {
                Some((address, device)) => (address, Some(device.to_owned())),
                None => (value, None),
            };
            let parsed: Result<Ipv6Addr, _> = address.parse();
            let Ok(address) = parsed else {
                return Err(Fatal(2, format!("invalid source address: {value}")));
            };
            self.source = Some(IpAddr::V6(address));
            self.device = device.or(self.device.take());
            self.strict_source = true;
        } else if let Ok(address) = value.parse() {
            self.source = Some(IpAddr::V4(address));
            self.strict_source = true;
        } else {
            self.device = Some(value.to_owned());
        }
        Ok(())
    }

    /// A number of seconds as strtod(3) reads it; what follows the number is complained about and forgiven.
    fn seconds(&mut self, text: &str, what: &str) -> Result<f64, Fatal> {
        if text.is_empty() {
            return Err(Fatal(2, format!("{what}: ")));
        }
        let numeric = |end: &usize| text.is_char_boundary(*end) && text[..*end].parse::<f64>().is_ok();
        let end = (1..=text.len()).rev().find(numeric).unwrap_or(0);
        let seconds: f64 = text[..end].parse().unwrap_or(0.0);
        if end < text.len() {
            self.warnings.push(format!("option argument contains garbage: {}", &text[end..]));
            self.warnings.push("this will become fatal error in the future".to_owned());
        }
        if !(seconds.is_normal() || seconds == 0.0) {
            return Err(Fatal(2, format!("{what}: {text}: Numerical result out of range")));
        }
        Ok(seconds)
    }
}

/// What shows the same thing.
fn instead_of(letter: char) -> &'static str {
    match letter {
        'R' | 'T' => "traceroute",
        'N' => "ping -6",
        'F' => "ping without it",
        _ => "tcpdump",
    }
}

fn number(text: &str, least: i64, most: i64) -> Result<i64, Fatal> {
    let trimmed = text.trim_start();
    let digits = trimmed.strip_prefix(['+', '-']).unwrap_or(trimmed);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Fatal(1, format!("invalid argument: '{text}'")));
    }
    let Ok(value) = trimmed.parse::<i64>() else {
        return Err(Fatal(1, format!("invalid argument: '{text}': Numerical result out of range")));
    };
    if !(least..=most).contains(&value) {
        let range = format!("out of range: {least} <= value <= {most}");
        return Err(Fatal(1, format!("invalid argument: '{text}': {range}")));
    }
    Ok(value)
}

fn tos(text: &str) -> Result<u8, Fatal> {
    let hexadecimal = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    let value = match hexadecimal {
        Some(digits) => i64::from_str_radix(digits, 16),
        None => text.parse(),
    };
    let Ok(value) = value else { return Err(Fatal(2, format!("bad TOS value: {text}"))) };
    u8::try_from(value)
        .map_err(|_| Fatal(2, format!("the decimal value of TOS bits must be in range 0-255: {value}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(line: &str) -> (u8, String) {
        let words = format!("ping {line}").split_whitespace().map(str::to_owned).collect();
        match Options::parse(&Args::new(words)) {
            Err(Stop::Fatal(Fatal(code, text))) => (code, text),
            Err(Stop::Usage(text)) => (2, text),
            _ => (0, String::new()),
        }
    }

    #[test]
    fn numbers_are_refused_with_iputils_words() {
        let range = "out of range: 1 <= value <= 9223372036854775807";
        assert_eq!(refused("-c 0 a"), (1, format!("invalid argument: '0': {range}")));
        assert_eq!(refused("-c abc a"), (1, "invalid argument: 'abc'".to_owned()));
        let big = "99999999999999999999";
        assert_eq!(
            refused(&format!("-c {big} a")),
            (1, format!("invalid argument: '{big}': Numerical result out of range"))
        );
        assert_eq!(
            refused("-i inf a"),
            (2, "bad timing interval: inf: Numerical result out of range".to_owned())
        );
        assert_eq!(refused("-W -1 a"), (2, "bad linger time: -1".to_owned()));
        assert_eq!(
            refused("-Q 300 a"),
            (2, "the decimal value of TOS bits must be in range 0-255: 300".to_owned())
        );
    }

    #[test]
    fn wrong_words_are_told_as_getopt_tells_them() {
        assert_eq!(refused("--frob a").1, "ping: invalid option -- '-'\n");
        assert_eq!(refused("-c").1, "ping: option requires an argument -- 'c'\n");
        assert_eq!(refused(""), (1, "usage error: Destination address required".to_owned()));
        assert_eq!(refused("-4 -6 a"), (2, "only one -4 or -6 option may be specified".to_owned()));
        assert_eq!(refused("-R a"), (2, "-R: not simulated in vethlab; use traceroute".to_owned()));
    }

    #[test]
    fn garbage_behind_seconds_is_forgiven() {
        let words = ["ping", "-i", "0.2x", "a"].map(str::to_owned).to_vec();
        let Ok(options) = Options::parse(&Args::new(words)) else { panic!("0.2x is forgiven") };
        assert_eq!(options.interval_ms, 200);
        assert_eq!(options.warnings[0], "option argument contains garbage: x");
    }
}
