//! Options of matches and targets: what each takes, and the checks that libxtables makes for all of them.
//!
//! Called by the parser for each option an extension knows. Always: the checks and their words are libxtables'.
//! Sources: libxtables xtoptions.c.

use super::names::{self, Names};
use super::number;
use super::problem::{Problem, Query, bad};
use crate::netfilter::rule::{Family, Masked};
use std::net::IpAddr;

/// What follows an option (`enum xt_option_type`).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Takes {
    Nothing,
    /// A whole number of so many bits, within bounds (0 as upper bound is the type's).
    Integer(u8, u64, u64),
    /// `A:B` of so many bits.
    Range(u8),
    Float(u32, u32),
    /// At least and at most so many characters, where not 0.
    Text(usize, usize),
    /// `value[/mask]`
    Mark,
    Level,
    Host,
    HostMask,
    Protocol,
    /// `A:B` of ports, named or not.
    Ports,
    Mac,
    /// Handed over as it stands, without any of the checks below (extensions of the older kind).
    Raw,
    /// As `Raw`, and takes nothing.
    RawNothing,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Opt {
    pub name: &'static str,
    /// Its bit in the set of options seen; synonyms share it.
    pub id: u8,
    pub takes: Takes,
    pub mandatory: bool,
    pub invertible: bool,
    /// Options (bits) that exclude it, and that it requires.
    pub excludes: u32,
    pub requires: u32,
}

pub(crate) const fn opt(name: &'static str, id: u8, takes: Takes) -> Opt {
    Opt { name, id, takes, mandatory: false, invertible: false, excludes: 0, requires: 0 }
}

impl Opt {
    pub const fn mandatory(mut self) -> Opt {
        self.mandatory = true;
        self
    }
    pub const fn invertible(mut self) -> Opt {
        self.invertible = true;
        self
    }
    pub const fn excludes(mut self, bits: u32) -> Opt {
        self.excludes = bits;
        self
    }
    pub const fn requires(mut self, bits: u32) -> Opt {
        self.requires = bits;
        self
    }

    pub fn takes_argument(&self) -> bool {
        !matches!(self.takes, Takes::Nothing | Takes::RawNothing)
    }

    fn is_raw(&self) -> bool {
        matches!(self.takes, Takes::Raw | Takes::RawNothing)
    }
}

/// What an option was given, read as its type.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Nothing,
    Number(u64),
    /// First and last, and how many of them were written.
    Range(u64, u64, usize),
    Float(f64),
    Text,
    Mark(u32, u32),
    Address(IpAddr),
    Masked(Masked),
    Mac([u8; 6]),
}

impl Value {
    pub fn number(&self) -> u64 {
        if let Value::Number(number) = self { *number } else { 0 }
    }
    pub fn range(&self) -> (u64, u64) {
        if let Value::Range(first, last, _) = self { (*first, *last) } else { (0, 0) }
    }
    pub fn mark(&self) -> (u32, u32) {
        if let Value::Mark(mark, mask) = self { (*mark, *mask) } else { (0, 0) }
    }
}

/// Everything an extension may ask while it reads one of its options.
pub(crate) struct Given<'a> {
    pub text: &'a str,
    pub invert: bool,
    pub family: Family,
    /// The rule's `-p`, and whether it is inverted.
    pub protocol: (u8, bool),
    pub names: &'a Names,
    /// The family of an ipset of that name; `None` where there is none. A `list:set` has none of its own.
    pub sets: &'a dyn Fn(&str) -> Option<Option<Family>>,
    /// Arguments not read yet; an extension of the older kind may take some.
    pub rest: &'a mut std::collections::VecDeque<String>,
    pub warnings: &'a mut String,
}

/// An extension while its options are read. `T` is what it becomes.
pub(crate) trait Draft<T> {
    fn set(&mut self, id: u8, value: &Value, given: &mut Given<'_>) -> Result<(), Problem>;
    /// All options are read; `seen` are their bits.
    fn check(&mut self, _seen: u32) -> Result<(), Problem> {
        Ok(())
    }
    fn finish(self: Box<Self>) -> T;
}

/// A match or target as the parser knows it.
pub(crate) struct Extension<T: 'static> {
    pub name: &'static str,
    /// `None` serves both.
    pub family: Option<Family>,
    pub options: &'static [Opt],
    pub start: fn(Family) -> Box<dyn Draft<T>>,
}

/// An extension in the rule being read.
pub(crate) struct Reading<T: 'static> {
    pub extension: &'static Extension<T>,
    pub draft: Box<dyn Draft<T>>,
    pub seen: u32,
}

impl<T> Reading<T> {
    pub fn new(extension: &'static Extension<T>, family: Family) -> Reading<T> {
        Reading { extension, draft: (extension.start)(family), seen: 0 }
    }

    /// One option of this extension, with the checks of `xtables_option_parse`.
    pub fn read(
        &mut self,
        option: &Opt,
        argument: Option<&str>,
        given: &mut Given<'_>,
    ) -> Result<(), Problem> {
        let (name, bit) = (self.extension.name, 1 << option.id);
        if option.is_raw() {
            self.draft.set(option.id, &Value::Text, given)?;
            self.seen |= bit;
            return Ok(());
        }
        if self.seen & bit != 0 {
            return bad(format!("{name}: option \"--{}\" can only be used once.\n", option.name));
        }
        if given.invert && !option.invertible {
            return bad(format!("{name}: option \"--{}\" cannot be inverted.\n", option.name));
        }
        let value = read_value(name, option, argument.unwrap_or_default(), given)?;
        self.seen |= bit;
        self.draft.set(option.id, &value, given)
    }

    /// The checks once all options are read (`xtables_option_mfcall`).
    pub fn finish(mut self) -> Result<T, Problem> {
        self.draft.check(self.seen)?;
        let name = self.extension.name;
        let options = self.extension.options;
        for option in options.iter().filter(|option| !option.is_raw()) {
            let bit = 1 << option.id;
            if self.seen & bit == 0 {
                if option.mandatory {
                    return bad(format!("{name}: option \"--{}\" must be specified\n", option.name));
                }
                continue;
            }
            for id in 0..32 {
                let Some(other) = options.iter().find(|other| other.id == id && id != option.id) else {
                    continue;
                };
                if option.requires & (1 << id) != 0 && self.seen & (1 << id) == 0 {
                    return bad(format!(
                        "{name}: option \"--{}\" also requires \"--{}\".\n",
                        option.name, other.name
                    ));
                }
                if option.excludes & (1 << id) != 0 && self.seen & (1 << id) != 0 {
                    return bad(format!(
                        "{name}: option \"--{}\" cannot be used together with \"--{}\".\n",
                        option.name, other.name
                    ));
                }
            }
        }
        Ok(self.draft.finish())
    }
}

fn largest(bits: u8) -> u64 {
    u64::MAX >> (64 - bits)
}

fn read_value(name: &str, option: &Opt, text: &str, given: &mut Given<'_>) -> Result<Value, Problem> {
    match option.takes {
        Takes::Nothing | Takes::RawNothing => Ok(Value::Nothing),
        Takes::Raw => Ok(Value::Text),
        Takes::Integer(bits, min, max) => {
            let max = if max == 0 { largest(bits) } else { max };
            match number::within(text, min, max) {
                Some(number) => Ok(Value::Number(number)),
                None => bad(format!(
                    "{name}: bad value for option \"--{}\", or out of range ({min}-{max}).\n",
                    option.name
                )),
            }
        }
        Takes::Range(bits) => read_range(name, option.name, bits, text),
        Takes::Float(min, max) => match text.trim_start().parse::<f64>() {
            Ok(number) if (f64::from(min)..=f64::from(max)).contains(&number) => Ok(Value::Float(number)),
            _ => bad(format!(
                "{name}: bad value for option \"--{}\", or out of range ({min}-{max}).\n",
                option.name
            )),
        },
        Takes::Text(min, _) if text.len() < min => {
            bad(format!("Argument must have a minimum length of {min} characters\n"))
        }
        Takes::Text(_, max) if max != 0 && text.len() > max => {
            bad(format!("Argument must have a maximum length of {max} characters\n"))
        }
        Takes::Text(..) => Ok(Value::Text),
        Takes::Mark => read_mark(name, option.name, text),
        Takes::Level => read_level(text),
        Takes::Host => Ok(Value::Address(host(text, given)?)),
        Takes::HostMask => read_host_mask(name, option.name, text, given),
        Takes::Protocol => Ok(Value::Number(protocol(text)?.into())),
        Takes::Ports => read_ports(name, option.name, text),
        Takes::Mac => read_mac(text),
    }
}

/// `A:B`; a missing end is the smallest or largest.
fn read_range(name: &str, option: &str, bits: u8, text: &str) -> Result<Value, Problem> {
    let max = largest(bits);
    let mut values = [0, 0];
    let mut count = 0;
    let mut rest = text;
    loop {
        if count == 2 {
            return bad(format!("{name}: Too many components for option \"--{option}\" (max: 2)\n"));
        }
        let end;
        if rest.is_empty() || rest.starts_with(':') {
            values[count] = if count == 1 { max } else { 0 };
            end = rest;
        } else {
            let Some((value, after)) = number::prefix_within(rest, 0, max) else {
                return bad(format!(
                    "{name}: bad value for option \"--{option}\" near \"{rest}\", or out of range (0-{max}).\n"
                ));
            };
            if !after.is_empty() && !after.starts_with(':') {
                return bad(format!(
                    "{name}: Argument to \"--{option}\" has unexpected characters near \"{after}\".\n"
                ));
            }
            values[count] = value;
            end = after;
        }
        count += 1;
        match end.strip_prefix(':') {
            Some(next) => rest = next,
            None => break,
        }
    }
    Ok(Value::Range(values[0], if count == 2 { values[1] } else { values[0] }, count))
}

/// `value[/mask]`, the mask being all ones where not given.
fn read_mark(name: &str, option: &str, text: &str) -> Result<Value, Problem> {
    let max = u64::from(u32::MAX);
    let bad_value =
        || bad(format!("{name}: bad integer value for option \"--{option}\", or out of range.\n"));
    let Some((mark, rest)) = number::prefix_within(text, 0, max) else { return bad_value() };
    if rest.is_empty() {
        return Ok(Value::Mark(mark as u32, u32::MAX));
    }
    let garbage = || bad(format!("{name}: trailing garbage after value for option \"--{option}\".\n"));
    let Some(mask) = rest.strip_prefix('/') else { return garbage() };
    match number::prefix_within(mask, 0, max) {
        Some((mask, "")) => Ok(Value::Mark(mark as u32, mask as u32)),
        Some(_) => garbage(),
        None => bad_value(),
    }
}

/// A level of syslog(3), by number or name.
fn read_level(text: &str) -> Result<Value, Problem> {
    const LEVELS: [(&str, u64); 9] = [
        ("alert", 1),
        ("crit", 2),
        ("debug", 7),
        ("emerg", 0),
        ("error", 3),
        ("info", 6),
        ("notice", 5),
        ("panic", 0),
        ("warning", 4),
    ];
    let named = || LEVELS.iter().find(|(name, _)| *name == text).map(|(_, level)| *level);
    match number::within(text, 0, 7).or_else(named) {
        Some(level) => Ok(Value::Number(level)),
        None => bad(format!("log level \"{text}\" unknown\n")),
    }
}

/// One address, by number or name.
fn host(text: &str, given: &Given<'_>) -> Result<IpAddr, Problem> {
    if let Some(address) = given.family.parse(text) {
        return Ok(address);
    }
    let unknown = || Problem::Parameter("getaddrinfo: Name or service not known\n".into());
    if text.parse::<IpAddr>().is_ok() {
        return bad("getaddrinfo: Address family for hostname not supported\n");
    }
    let addresses = given.names.hosts.get(text).ok_or_else(|| Problem::Need(Query::Host(text.to_owned())))?;
    let mut mine = addresses.iter().filter(|it| Family::of(**it) == given.family);
    let first = *mine.next().ok_or_else(unknown)?;
    if mine.any(|other| *other != first) {
        return bad(format!("{text} resolves to more than one address\n"));
    }
    Ok(first)
}

fn read_host_mask(name: &str, option: &str, text: &str, given: &Given<'_>) -> Result<Value, Problem> {
    let family = given.family;
    let Some((address, mask)) = text.split_once('/') else {
        return Ok(Value::Masked(Masked::host(host(text, given)?)));
    };
    let address = host(address, given)?;
    if let Some(length) = number::within(mask, 0, family.bits().into()) {
        return Ok(Value::Masked(Masked { address, mask: family.mask(length as u8) }));
    }
    match family.parse(mask) {
        Some(mask) => Ok(Value::Masked(Masked { address, mask })),
        None => bad(format!(
            "{name}: bad value for option \"--{option}\", neither a valid network mask nor valid CIDR (0-{}).\n",
            family.bits()
        )),
    }
}

/// A protocol, by number or name.
pub(crate) fn protocol(text: &str) -> Result<u8, Problem> {
    const OWN: [(&str, u8); 13] = [
        ("tcp", 6),
        ("sctp", 132),
        ("udp", 17),
        ("udplite", 136),
        ("icmp", 1),
        ("ipv6-icmp", 58),
        ("icmpv6", 58),
        ("esp", 50),
        ("ah", 51),
        ("mobility-header", 135),
        ("ipv6-mh", 135),
        ("mh", 135),
        ("all", 0),
    ];
    if let Some(number) = number::within(text, 0, 255) {
        return Ok(number as u8);
    }
    let own = OWN.iter().find(|(name, _)| *name == text).map(|(_, number)| *number);
    match own.or_else(|| names::protocol_number(text)) {
        Some(number) => Ok(number),
        None => bad(format!("unknown protocol \"{text}\" specified")),
    }
}

/// The name that listings give a protocol.
pub(crate) fn protocol_name(number: u8, numeric: bool) -> Option<&'static str> {
    const OWN: [(u8, &str); 9] = [
        (6, "tcp"),
        (132, "sctp"),
        (17, "udp"),
        (136, "udplite"),
        (1, "icmp"),
        (58, "ipv6-icmp"),
        (50, "esp"),
        (51, "ah"),
        (135, "mobility-header"),
    ];
    let own = OWN.iter().find(|(own, _)| *own == number).map(|(_, name)| *name);
    match number {
        0 => Some("all"),
        _ if numeric => own,
        _ => own.or_else(|| names::protocol_name(number)),
    }
}

/// getaddrinfo(3) with a service: any protocol; a number is cut to 16 bits, as glibc does.
fn any_port(text: &str) -> Option<u16> {
    match text.parse::<u32>() {
        Ok(number) => Some(number as u16),
        Err(_) => names::service_port(text, None),
    }
}

fn read_ports(name: &str, option: &str, text: &str) -> Result<Value, Problem> {
    let mut values = [0, u16::MAX];
    let mut count = 0;
    for part in text.split(':') {
        if count == 2 {
            return bad(format!("{name}: Too many components for option \"--{option}\" (max: 2)\n"));
        }
        if !part.is_empty() {
            let Some(port) = any_port(part) else {
                return bad(format!("Port \"{part}\" does not resolve to anything.\n"));
            };
            values[count] = port;
        }
        count += 1;
    }
    if count == 1 {
        values[1] = values[0];
    }
    Ok(Value::Range(values[0].into(), values[1].into(), count))
}

fn read_mac(text: &str) -> Result<Value, Problem> {
    let mut mac = [0; 6];
    let parts: Vec<_> = text.split(':').collect();
    let whole = parts.len() == 6
        && parts.iter().zip(&mut mac).all(|(part, octet)| {
            let fits = part.len() <= 2;
            match u8::from_str_radix(part, 16) {
                Ok(value) if fits => {
                    *octet = value;
                    true
                }
                _ => fits && part.is_empty(),
            }
        });
    if whole { Ok(Value::Mac(mac)) } else { bad("Invalid MAC address specified.") }
}

/// A port, by number or by the name it has for that protocol (`xtables_parse_port`).
pub(crate) fn port(text: &str, protocol: &str) -> Result<u16, Problem> {
    let number = number::within(text, 0, 65535).map(|number| number as u16);
    match number.or_else(|| names::service_port(text, Some(protocol))) {
        Some(port) => Ok(port),
        None => bad(format!("invalid port/service `{text}' specified")),
    }
}

/// A string as `iptables-save` writes it: quoted unless it is plain (`xtables_save_string`).
pub(crate) fn save_string(out: &mut String, text: &str) {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    out.push(' ');
    if !text.is_empty() && text.chars().all(plain) {
        out.push_str(text);
        return;
    }
    out.push('"');
    for c in text.chars() {
        if matches!(c, '"' | '\\' | '\'') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
}
