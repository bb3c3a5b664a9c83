//! traceroute's command line, and what it says of mistakes in it.
//!
//! Source: traceroute 2.1.2 `traceroute/traceroute.c`, `libsupp/clif.c`.

use net::rtnetlink::Family;
use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    /// Datagrams to one port after another.
    Rising,
    Icmp,
    Tcp,
    /// Datagrams to one port.
    Udp,
}

#[derive(Clone, Debug)]
pub(super) struct Options {
    pub family: Option<Family>,
    pub method: Method,
    pub first: u8,
    pub most: u8,
    pub queries: usize,
    pub at_once: usize,
    pub port: Option<u16>,
    pub wait: Duration,
    pub here: f64,
    pub near: f64,
    pub pause: Duration,
    pub numeric: bool,
    pub dont_fragment: bool,
    pub tos: Option<u8>,
    pub device: Option<String>,
    pub source: Option<String>,
    pub host: Option<String>,
    /// The word's index, for messages.
    pub host_at: usize,
    pub length: Option<u32>,
}

/// What to do instead of tracing.
pub(super) enum Stop {
    Help,
    Version,
    /// Told on stderr; exit code 2.
    Wrong(String),
}

/// The options with a value: letter, long name, what the value is called.
const VALUED: &[(char, &str, &str)] = &[
    ('f', "first", "first_ttl"),
    ('g', "gateway", "gate,..."),
    ('i', "interface", "device"),
    ('m', "max-hops", "max_ttl"),
    ('N', "sim-queries", "squeries"),
    ('p', "port", "port"),
    ('t', "tos", "tos"),
    ('l', "flowlabel", "flow_label"),
    ('w', "wait", "MAX,HERE,NEAR"),
    ('q', "queries", "nqueries"),
    ('s', "source", "src_addr"),
    ('z', "sendwait", "sendwait"),
    ('M', "module", "name"),
    ('O', "options", "OPTS,..."),
    ('P', "protocol", "prot"),
];
const PLAIN: &[(char, &str)] = &[
    ('4', ""),
    ('6', ""),
    ('d', "debug"),
    ('F', "dont-fragment"),
    ('I', "icmp"),
    ('T', "tcp"),
    ('n', ""),
    ('r', ""),
    ('e', "extensions"),
    ('A', "as-path-lookups"),
    ('U', "udp"),
    ('D', "dccp"),
    ('V', "version"),
];

impl Options {
    pub fn parse(words: &[String]) -> Result<Options, Stop> {
        let mut options = Options {
            family: None,
            method: Method::Rising,
            first: 1,
            most: 30,
            queries: 3,
            at_once: 16,
            port: None,
            wait: Duration::from_secs(5),
            here: 3.0,
            near: 10.0,
            pause: Duration::ZERO,
            numeric: false,
            dont_fragment: false,
            tos: None,
            device: None,
            source: None,
            host: None,
            host_at: 0,
            length: None,
        };
        let (mut at, mut position) = (0, 0);
        while let Some(word) = words.get(at) {
            at += 1;
            if let Some(long) = word.strip_prefix("--") {
                at += options.long(word, long, words.get(at), at)?;
            } else if word.len() > 1 && word.starts_with('-') {
                at += options.cluster(word, words.get(at), at)?;
            } else {
                position += 1;
                options.operand(word, position, at)?;
            }
        }
        if options.host.is_none() {
            return Err(Stop::Wrong(String::from("Specify \"host\" missing argument.")));
        }
        Ok(options)
    }

    fn operand(&mut self, word: &str, position: usize, at: usize) -> Result<(), Stop> {
        match position {
            1 => (self.host, self.host_at) = (Some(word.to_owned()), at),
            2 => {
                let wrong = || {
                    Stop::Wrong(format!(
                        "Cannot handle \"packetlen\" cmdline arg `{word}' on position 2 (argc {at})"
                    ))
                };
                self.length = Some(word.parse().map_err(|_| wrong())?);
            }
            _ => return Err(Stop::Wrong(format!("Extra arg `{word}' (position {position}, argc {at})"))),
        }
        Ok(())
    }

    fn long(&mut self, word: &str, long: &str, next: Option<&String>, at: usize) -> Result<usize, Stop> {
        let (name, value) = long.split_once('=').map_or((long, None), |(name, value)| (name, Some(value)));
        if name == "help" {
            return Err(Stop::Help);
        }
        if let Some((letter, ..)) = PLAIN.iter().find(|(_, long)| *long == name && !name.is_empty()) {
            return self.plain(*letter, word, at).map(|()| 0);
        }
        let Some((letter, _, what)) = VALUED.iter().find(|(_, long, _)| *long == name) else {
            if matches!(name, "mtu" | "back" | "fwmark" | "sport") {
                return Err(not_simulated(&format!("--{name}")));
            }
            return Err(Stop::Wrong(format!("Bad option `{word}' (argc {at})")));
        };
        let Some(text) = value.or(next.map(String::as_str)) else {
            return Err(Stop::Wrong(format!(
                "Option `{word}' (argc {at}) requires an argument: `--{name}={what}'"
            )));
        };
        let used = usize::from(value.is_none());
        self.valued(*letter, &format!("--{name}"), text, at + used).map(|()| used)
    }

    fn cluster(&mut self, word: &str, next: Option<&String>, at: usize) -> Result<usize, Stop> {
        let mut rest = &word[1..];
        while let Some(letter) = rest.chars().next() {
            rest = &rest[letter.len_utf8()..];
            if let Some((_, _, what)) = VALUED.iter().find(|(it, ..)| *it == letter) {
                let used = usize::from(rest.is_empty());
                let text = if used == 0 { Some(rest) } else { next.map(String::as_str) };
                let Some(text) = text else {
                    let told =
                        format!("Option `-{letter}' (argc {at}) requires an argument: `-{letter} {what}'");
                    return Err(Stop::Wrong(told));
                };
                return self.valued(letter, &format!("-{letter}"), text, at + used).map(|()| used);
            }
            self.plain(letter, word, at)?;
        }
        Ok(0)
    }

    fn plain(&mut self, letter: char, word: &str, at: usize) -> Result<(), Stop> {
        match letter {
            '4' => self.family = Some(Family::Inet),
            '6' => self.family = Some(Family::Inet6),
            'F' => self.dont_fragment = true,
            'I' => self.method = Method::Icmp,
            'T' => self.method = Method::Tcp,
            'U' => self.method = Method::Udp,
            'n' => self.numeric = true,
            'V' => return Err(Stop::Version),
            'd' | 'r' | 'e' | 'A' | 'D' => return Err(not_simulated(&format!("-{letter}"))),
            _ => return Err(Stop::Wrong(format!("Bad option `{word}' (argc {at})"))),
        }
        Ok(())
    }

    fn valued(&mut self, letter: char, name: &str, text: &str, at: usize) -> Result<(), Stop> {
        let wrong = || Stop::Wrong(format!("Cannot handle `{name}' option with arg `{text}' (argc {at})"));
        let number = || text.parse::<u32>().map_err(|_| wrong());
        let range = |told: &str| Stop::Wrong(told.to_owned());
        match letter {
            'f' => self.first = number()?.try_into().map_err(|_| range("first hop out of range"))?,
            'm' => self.most = number()?.try_into().map_err(|_| range("max hops cannot be more than 255"))?,
            'q' => match number()? {
                queries @ 1..=10 => self.queries = queries as usize,
                _ => return Err(range("no more than 10 probes per hop")),
            },
            'N' => self.at_once = (number()? as usize).max(1),
            'p' => self.port = Some(number()?.try_into().map_err(|_| wrong())?),
            't' => self.tos = Some(number()?.try_into().map_err(|_| wrong())?),
            'i' => self.device = Some(text.to_owned()),
            's' => self.source = Some(text.to_owned()),
            'z' => {
                let pause: f64 = text.parse().map_err(|_| wrong())?;
                let seconds = if pause > 10.0 { pause / 1000.0 } else { pause };
                self.pause = Duration::try_from_secs_f64(seconds).map_err(|_| wrong())?;
            }
            'w' => {
                let mut parts = text.split(',').map(|part| part.parse::<f64>().map_err(|_| wrong()));
                if let Some(seconds) = parts.next() {
                    self.wait = Duration::try_from_secs_f64(seconds?).map_err(|_| wrong())?;
                }
                self.here = parts.next().unwrap_or(Ok(0.0))?;
                self.near = parts.next().unwrap_or(Ok(0.0))?;
            }
            'M' => {
                self.method = match text {
                    "default" | "traditional" => Method::Rising,
                    "icmp" => Method::Icmp,
                    "tcp" => Method::Tcp,
                    "udp" => Method::Udp,
                    "tcpconn" | "udplite" | "dccp" | "raw" => {
                        return Err(not_simulated(&format!("-M {text}")));
                    }
                    _ => return Err(Stop::Wrong(format!("Unknown traceroute module {text}"))),
                }
            }
            _ => return Err(not_simulated(name)),
        }
        Ok(())
    }
}

fn not_simulated(name: &str) -> Stop {
    Stop::Wrong(format!("traceroute: {name}: not simulated in vethlab; use the default, -I, -T or -U"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(line: &str) -> String {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        match Options::parse(&words) {
            Err(Stop::Wrong(told)) => told,
            _ => String::from("fine"),
        }
    }

    #[test]
    fn mistakes_are_told_as_traceroute_tells_them() {
        assert_eq!(wrong("-x h"), "Bad option `-x' (argc 1)");
        assert_eq!(wrong("-m"), "Option `-m' (argc 1) requires an argument: `-m max_ttl'");
        assert_eq!(wrong("-q x h"), "Cannot handle `-q' option with arg `x' (argc 2)");
        assert_eq!(wrong("h 5 6"), "Extra arg `6' (position 3, argc 3)");
        assert_eq!(wrong("-q 11 h"), "no more than 10 probes per hop");
        assert_eq!(wrong("-nq1 -w 2 h"), "fine");
    }
}
