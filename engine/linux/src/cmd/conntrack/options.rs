//! `conntrack`'s words: the command, what it is about, and how to print it.
//!
//! Always: options of a protocol are known only after `-p`, as in the real tool.
//! Sources: conntrack(8); conntrack-tools 1.4.7 src/conntrack.c, extensions/libct_proto_*.c.

use super::show::{PROTOCOLS, Style, state};
use net::netfilter::conntrack::{EventKind, Flow, TcpState, Tuple, status};
use std::net::IpAddr;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    List,
    Get,
    Delete,
    Create,
    Update,
    Events,
    Flush,
    Count,
    Statistics,
    Help,
    Version,
}

/// An address and, where written, a prefix or a port.
type Place = (IpAddr, Option<u16>);

/// What a flow has to be like; what one is made of.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    pub family: Option<u8>,
    pub protocol: Option<u8>,
    pub source: Option<Place>,
    pub destination: Option<Place>,
    pub reply_source: Option<Place>,
    pub reply_destination: Option<Place>,
    pub ports: [Option<u16>; 4],
    pub icmp: [Option<u16>; 3],
    pub state: Option<TcpState>,
    pub mark: Option<(u32, u32)>,
    pub status: u32,
    pub timeout: Option<u64>,
    pub src_nat: Option<Option<Place>>,
    pub dst_nat: Option<Option<Place>>,
    pub any_nat: Option<Option<Place>>,
}

#[derive(Clone, Debug)]
pub struct Asked {
    pub verb: Verb,
    /// The table of expectations: always empty here.
    pub expectations: bool,
    pub wanted: Wanted,
    pub style: Style,
    pub events: Vec<EventKind>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Takes {
    Nothing,
    Value,
    MayValue,
}

use Takes::{MayValue, Nothing, Value};

/// Letter, long names, what follows.
const OPTIONS: &[(char, &[&str], Takes)] = &[
    ('L', &["dump"], MayValue),
    ('G', &["get"], MayValue),
    ('D', &["delete"], MayValue),
    ('I', &["create"], MayValue),
    ('A', &["add"], MayValue),
    ('U', &["update"], MayValue),
    ('E', &["event"], MayValue),
    ('F', &["flush"], MayValue),
    ('C', &["count"], MayValue),
    ('S', &["stats"], Nothing),
    ('h', &["help"], Nothing),
    ('V', &["version"], Nothing),
    ('s', &["src", "orig-src"], Value),
    ('d', &["dst", "orig-dst"], Value),
    ('r', &["reply-src"], Value),
    ('q', &["reply-dst"], Value),
    ('p', &["protonum"], Value),
    ('f', &["family"], Value),
    ('t', &["timeout"], Value),
    ('u', &["status"], Value),
    ('m', &["mark"], Value),
    ('e', &["event-mask"], Value),
    ('o', &["output"], Value),
    ('z', &["zero"], Nothing),
    ('n', &["src-nat"], MayValue),
    ('g', &["dst-nat"], MayValue),
    ('j', &["any-nat"], MayValue),
    ('b', &["buffer-size"], Value),
    ('w', &["zone"], Value),
    ('l', &["label"], Value),
];

/// Of TCP, UDP and their like.
const PORT_OPTIONS: &[(&str, usize)] = &[
    ("sport", 0),
    ("orig-port-src", 0),
    ("dport", 1),
    ("orig-port-dst", 1),
    ("reply-port-src", 2),
    ("reply-port-dst", 3),
];

const ICMP_OPTIONS: &[(&str, usize)] = &[("icmp-type", 0), ("icmp-code", 1), ("icmp-id", 2)];

fn read_address(text: &str) -> Result<Place, String> {
    let (address, prefix) = text.split_once('/').map_or((text, None), |(one, other)| (one, Some(other)));
    let wrong = || format!("Invalid IP address `{text}'");
    let prefix = prefix.map(|prefix| prefix.parse().map_err(|_| wrong())).transpose()?;
    Ok((address.parse().map_err(|_| wrong())?, prefix))
}

/// `ADDRESS[:PORT]`
fn read_translated(text: &str) -> Result<Place, String> {
    match text.split_once(':') {
        Some((address, port)) if !port.contains(':') => {
            let port = port.parse().map_err(|_| format!("Invalid port number `{port}'"))?;
            Ok((read_address(address)?.0, Some(port)))
        }
        _ => Ok((read_address(text)?.0, None)),
    }
}

fn read_number(text: &str) -> u32 {
    match text.strip_prefix("0x") {
        Some(hex) => u32::from_str_radix(hex, 16).unwrap_or(0),
        None => text.parse().unwrap_or(0),
    }
}

/// Reads words, one after another, as getopt does.
pub struct Reader<'a> {
    words: std::slice::Iter<'a, String>,
    asked: Asked,
    verb: Option<Verb>,
}

/// What the words ask for; `None` where there are none.
pub fn read(words: &[String]) -> Result<Option<Asked>, String> {
    let asked = Asked {
        verb: Verb::Help,
        expectations: false,
        wanted: Wanted::default(),
        style: Style::default(),
        events: Vec::new(),
    };
    let mut reader = Reader { words: words.iter(), asked, verb: None };
    while let Some(word) = reader.words.next() {
        reader.word(word)?;
    }
    let Some(verb) = reader.verb else { return Ok(None) };
    reader.asked.verb = verb;
    Ok(Some(reader.asked))
}

impl Reader<'_> {
    /// The next word where it is no option.
    fn optional(&mut self) -> Option<String> {
        let next = self.words.as_slice().first().filter(|word| !word.starts_with('-'))?;
        self.words.next();
        Some(next.clone())
    }

    fn value(&mut self, shown: &str, given: Option<&str>) -> Result<String, String> {
        match given {
            Some(value) => Ok(value.to_owned()),
            None => {
                self.words.next().cloned().ok_or_else(|| format!("option `{shown}' requires an argument"))
            }
        }
    }

    fn word(&mut self, word: &str) -> Result<(), String> {
        if let Some(long) = word.strip_prefix("--") {
            let (name, given) = long.split_once('=').map_or((long, None), |(one, other)| (one, Some(other)));
            if let Some((letter, _, takes)) = OPTIONS.iter().find(|row| row.1.contains(&name)) {
                return self.option(*letter, *takes, word, given);
            }
            return self.of_protocol(name, word, given);
        }
        let mut letters = word.strip_prefix('-').unwrap_or_default().chars();
        let Some(letter) = letters.next() else { return Ok(()) };
        let known = OPTIONS.iter().find(|row| row.0 == letter);
        let (_, _, takes) = known.ok_or_else(|| format!("unknown option `-{letter}'"))?;
        let rest = letters.as_str();
        self.option(letter, *takes, &format!("-{letter}"), Some(rest).filter(|rest| !rest.is_empty()))
    }

    fn of_protocol(&mut self, name: &str, shown: &str, given: Option<&str>) -> Result<(), String> {
        let unknown = || format!("unknown option `{shown}'");
        let protocol = self.asked.wanted.protocol.ok_or_else(unknown)?;
        if let (6, "state") = (protocol, name) {
            let text = self.value(shown, given)?;
            let found = TcpState::ALL.into_iter().find(|state| state.name() == text);
            self.asked.wanted.state = Some(found.ok_or_else(|| format!("unknown TCP state `{text}'"))?);
            return Ok(());
        }
        let rows = if matches!(protocol, 1 | 58) { ICMP_OPTIONS } else { PORT_OPTIONS };
        let (_, at) = rows.iter().find(|row| row.0 == name).ok_or_else(unknown)?;
        let number = Some(read_number(&self.value(shown, given)?) as u16);
        match protocol {
            1 | 58 => self.asked.wanted.icmp[*at] = number,
            _ => self.asked.wanted.ports[*at] = number,
        }
        Ok(())
    }

    fn option(&mut self, letter: char, takes: Takes, shown: &str, given: Option<&str>) -> Result<(), String> {
        if "LGDIAUEFCShV".contains(letter) {
            return self.command(letter, takes);
        }
        let value = match takes {
            Nothing => String::new(),
            Value => self.value(shown, given)?,
            MayValue => given.map(str::to_owned).or_else(|| self.optional()).unwrap_or_default(),
        };
        let wanted = &mut self.asked.wanted;
        let translated = |value: &str| match value {
            "" => Ok(None),
            text => read_translated(text).map(Some),
        };
        match letter {
            's' => wanted.source = Some(read_address(&value)?),
            'd' => wanted.destination = Some(read_address(&value)?),
            'r' => wanted.reply_source = Some(read_address(&value)?),
            'q' => wanted.reply_destination = Some(read_address(&value)?),
            'p' => {
                let known = PROTOCOLS.iter().find(|row| row.0 == value);
                wanted.protocol = match known {
                    Some(row) => Some(row.1),
                    None => Some(value.parse().map_err(|_| format!("`{value}' unsupported protocol"))?),
                };
            }
            'f' => {
                wanted.family = match value.as_str() {
                    "ipv4" => Some(4),
                    "ipv6" => Some(6),
                    _ => return Err(format!("`{value}' unsupported protocol")),
                }
            }
            't' => wanted.timeout = Some(read_number(&value).into()),
            'u' => wanted.status |= read_status(&value)?,
            'm' => {
                let (mark, mask) = value.split_once('/').unwrap_or((&value, "0xffffffff"));
                wanted.mark = Some((read_number(mark), read_number(mask)));
            }
            'n' => wanted.src_nat = Some(translated(&value)?),
            'g' => wanted.dst_nat = Some(translated(&value)?),
            'j' => wanted.any_nat = Some(translated(&value)?),
            'e' => self.asked.events = read_events(&value)?,
            'o' => read_output(&value, &mut self.asked.style)?,
            _ => {}
        }
        Ok(())
    }

    fn command(&mut self, letter: char, takes: Takes) -> Result<(), String> {
        let verb = match letter {
            'L' => Verb::List,
            'G' => Verb::Get,
            'D' => Verb::Delete,
            'I' | 'A' => Verb::Create,
            'U' => Verb::Update,
            'E' => Verb::Events,
            'F' => Verb::Flush,
            'C' => Verb::Count,
            'S' => Verb::Statistics,
            'V' => Verb::Version,
            _ => Verb::Help,
        };
        if self.verb.is_some() {
            return Err("Invalid commands combination".into());
        }
        self.verb = Some(verb);
        if takes == MayValue {
            match self.optional().as_deref() {
                None | Some("conntrack" | "dying" | "unconfirmed") => {}
                Some("expect") => self.asked.expectations = true,
                Some(other) => return Err(format!("unknown type `{other}'")),
            }
        }
        Ok(())
    }
}

fn read_status(text: &str) -> Result<u32, String> {
    let mut bits = 0;
    for word in text.split(',') {
        bits |= match word {
            "ASSURED" => status::ASSURED,
            "SEEN_REPLY" => status::SEEN_REPLY,
            "FIXED_TIMEOUT" => status::FIXED_TIMEOUT,
            "CONFIRMED" => status::CONFIRMED,
            "SRC_NAT" => status::SRC_NAT,
            "DST_NAT" => status::DST_NAT,
            "UNSET" | "EXPECTED" | "OFFLOAD" | "HW_OFFLOAD" => 0,
            _ => return Err(format!("Bad parameter `{word}'")),
        };
    }
    Ok(bits)
}

fn read_events(text: &str) -> Result<Vec<EventKind>, String> {
    let mut kinds = Vec::new();
    for word in text.split(',') {
        match word {
            "NEW" => kinds.push(EventKind::New),
            "UPDATES" => kinds.push(EventKind::Update),
            "DESTROY" => kinds.push(EventKind::Destroy),
            "ALL" => kinds.extend([EventKind::New, EventKind::Update, EventKind::Destroy]),
            _ => return Err(format!("Bad parameter `{word}'")),
        }
    }
    Ok(kinds)
}

fn read_output(text: &str, style: &mut Style) -> Result<(), String> {
    for word in text.split(',') {
        match word {
            "extended" => style.extended = true,
            "id" => style.id = true,
            "timestamp" => style.timestamp = true,
            "ktimestamp" | "labels" | "userspace" => {}
            "xml" | "save" => return Err(format!("-o {word} is not simulated; use -o extended")),
            _ => return Err(format!("Bad parameter `{word}'")),
        }
    }
    Ok(())
}

fn covers(place: Option<Place>, address: IpAddr) -> bool {
    let Some((wanted, prefix)) = place else { return true };
    let bits = |address: IpAddr| match address {
        IpAddr::V4(it) => (u128::from(it.to_bits()) << 96, 32),
        IpAddr::V6(it) => (it.to_bits(), 128),
    };
    let ((one, width), (other, _)) = (bits(wanted), bits(address));
    let prefix = u32::from(prefix.unwrap_or(width)).min(128);
    wanted.is_ipv4() == address.is_ipv4() && (prefix == 0 || (one ^ other) >> (128 - prefix) == 0)
}

/// What libnetfilter_conntrack takes for a port: the first half of the union, which for ICMP is its identifier at
/// the source and type and code at the destination.
fn is_translated(place: Option<Place>, was: (IpAddr, u16), is: (IpAddr, u16)) -> bool {
    match place {
        None => was != is,
        Some((address, port)) => {
            (is.0 != was.0 && is.0 == address) && port.is_none_or(|port| is.1 != was.1 && is.1 == port)
        }
    }
}

impl Wanted {
    fn fits_nat(&self, flow: &Flow) -> bool {
        let (one, answer): (&Tuple, &Tuple) = (&flow.original, &flow.reply);
        let source = |place: Option<Place>| {
            flow.has(status::SRC_NAT_DONE)
                && is_translated(
                    place,
                    (one.source, one.source_port),
                    (answer.destination, answer.destination_port),
                )
        };
        let destination = |place: Option<Place>| {
            flow.has(status::DST_NAT_DONE)
                && is_translated(
                    place,
                    (one.destination, one.destination_port),
                    (answer.source, answer.source_port),
                )
        };
        self.src_nat.is_none_or(source)
            && self.dst_nat.is_none_or(destination)
            && self.any_nat.is_none_or(|place| source(place) || destination(place))
    }

    pub fn fits(&self, flow: &Flow) -> bool {
        let (one, answer) = (&flow.original, &flow.reply);
        let family = if one.source.is_ipv4() { 4 } else { 6 };
        let ports = [one.source_port, one.destination_port, answer.source_port, answer.destination_port];
        let (kind, code) = one.icmp();
        let icmp = [kind.into(), code.into(), one.source_port];
        let same = |(asked, is): (&Option<u16>, &u16)| asked.is_none_or(|asked| asked == *is);
        self.family.is_none_or(|asked| asked == family)
            && self.protocol.is_none_or(|asked| asked == one.protocol)
            && covers(self.source, one.source)
            && covers(self.destination, one.destination)
            && covers(self.reply_source, answer.source)
            && covers(self.reply_destination, answer.destination)
            && self.ports.iter().zip(&ports).all(same)
            && self.icmp.iter().zip(&icmp).all(same)
            && self.state.is_none_or(|asked| state(flow) == Some(asked.name()))
            && self.mark.is_none_or(|(mark, mask)| flow.mark & mask == mark & mask)
            && (flow.status & self.status) == self.status
            && self.fits_nat(flow)
    }
}
