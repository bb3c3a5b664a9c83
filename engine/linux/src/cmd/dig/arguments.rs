//! dig's command line: options before the first name hold for all names, those behind a name for that name.
//!
//! Source: BIND 9.18 `bin/dig/dig.c` (parse_args, dash_option, printgreeting).

use super::lookup::{Lookup, Settings, reverse_name};
use super::plus::Target;
use super::{Failed, VERSION};
use crate::dns::{Class, Kind};
use crate::sys::Sys;
use net::rtnetlink::Family;
use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};

/// Options that stand alone, and those with a value.
const SINGLE: &str = "46dhimnruv";
const VALUED: &str = "bcfkpqtyx";

pub(super) const USAGE: &str = "Usage:  dig [@global-server] [domain] [q-type] [q-class] {q-opt}
            {global-d-opt} host [@local-server] {local-d-opt}
            [ host [@local-server] {local-d-opt} [...]]
";

/// What the command line came to.
pub(super) struct Line {
    pub settings: Settings,
    pub lookups: VecDeque<Lookup>,
    pub short: bool,
    pub print_command: bool,
    /// Print this and look nothing up.
    pub instead: Option<String>,
    pub instead_on_stderr: bool,
    /// What holds for all names.
    default: Lookup,
    /// The name that was last given; options go to it until the next one.
    current: Option<usize>,
    /// Names may still be types or classes.
    open: bool,
    addresses: usize,
    greeted: bool,
    domain: Option<String>,
    /// -f: a file of command lines.
    pub batch: Option<String>,
    words: Vec<String>,
}

pub(super) fn invalid(option: &str) -> Failed {
    let hint = "Use \"dig -h\" (or \"dig -h | more\") for complete list of options";
    Failed::usage(1, format!("Invalid option: {option}\n{USAGE}\n{hint}\n"))
}

impl Line {
    /// `common` are the words before a line of a batch file.
    pub async fn read(sys: &Sys, common: &[String], own_words: &[String]) -> Result<Line, Failed> {
        let words = [common, own_words].concat();
        let family = check(&words)?;
        let settings = Settings::load(sys, family, None).await?;
        let mut default = Lookup::new(settings.tries);
        default.ad = true;
        default.edns = Some(0);
        default.cookie = true;
        let mut line = Line {
            settings,
            lookups: VecDeque::new(),
            short: false,
            print_command: true,
            instead: None,
            instead_on_stderr: false,
            default,
            current: None,
            open: true,
            addresses: 0,
            greeted: false,
            domain: None,
            batch: None,
            words: own_words.to_vec(),
        };
        let home = sys.env("HOME").await.unwrap_or_default();
        let own = sys.read_file(&format!("{home}/.digrc")).await.unwrap_or_default();
        if !words.iter().any(|word| word == "-r") {
            for words in String::from_utf8_lossy(&own).lines() {
                let words: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
                line.walk(sys, &words, true).await?;
            }
        }
        line.walk(sys, &words, false).await?;
        if line.lookups.is_empty() && line.instead.is_none() && line.batch.is_none() {
            line.lookups.push_back(Lookup {
                text: ".".to_owned(),
                kind: Kind::NS,
                kind_set: true,
                new_search: true,
                ..line.default.clone()
            });
            line.greet();
        }
        if let Some(domain) = line.domain.take() {
            line.settings.search = vec![domain];
            line.settings.use_search = true;
        }
        Ok(line)
    }

    async fn walk(&mut self, sys: &Sys, words: &[String], config: bool) -> Result<(), Failed> {
        let mut words = words.iter();
        while let Some(word) = words.next() {
            if word.starts_with('%') || self.instead.is_some() {
                return Ok(());
            }
            if let Some(server) = word.strip_prefix('@') {
                let found = self.settings.find_servers(sys, server).await?;
                self.addresses = found.len();
                self.lookup().servers.extend(found);
            } else if let Some(option) = word.strip_prefix('+') {
                self.plus(option)?;
            } else if let Some(option) = word.strip_prefix('-') {
                self.dash(sys, option, &mut words, config).await?;
            } else {
                let taken = self.open && self.type_or_class(sys, word).await;
                if !taken && !config {
                    self.add(word.clone());
                }
            }
        }
        Ok(())
    }

    fn plus(&mut self, option: &str) -> Result<(), Failed> {
        let mut target = Target {
            lookup: match self.current.and_then(|index| self.lookups.get_mut(index)) {
                Some(lookup) => lookup,
                None => &mut self.default,
            },
            settings: &mut self.settings,
            short: &mut self.short,
            print_command: &mut self.print_command,
            domain: &mut self.domain,
        };
        target.set(option)
    }

    fn lookup(&mut self) -> &mut Lookup {
        match self.current.and_then(|index| self.lookups.get_mut(index)) {
            Some(lookup) => lookup,
            None => &mut self.default,
        }
    }

    /// The next name to look up.
    fn add(&mut self, text: String) -> &mut Lookup {
        self.lookups.push_back(Lookup { text, new_search: true, ..self.default.clone() });
        self.current = Some(self.lookups.len() - 1);
        self.greet();
        self.lookup()
    }

    /// The first name brings the command line along.
    fn greet(&mut self) {
        if std::mem::replace(&mut self.greeted, true) || !self.print_command {
            return;
        }
        let mut text = format!("\n; <<>> DiG {VERSION} <<>> {}\n", self.words.join(" "));
        if self.words.is_empty() {
            text = format!("\n; <<>> DiG {VERSION} <<>>\n");
        }
        if self.addresses > 0 {
            text += &format!(
                "; ({} server{} found)\n",
                self.addresses,
                if self.addresses > 1 { "s" } else { "" }
            );
        }
        text += &format!(";; global options:{} +cmd\n", if self.short { " +short" } else { "" });
        if let Some(lookup) = self.lookups.back_mut() {
            lookup.greeting = text;
        }
    }

    async fn type_or_class(&mut self, sys: &Sys, word: &str) -> bool {
        if word.eq_ignore_ascii_case("ixfr") {
            sys.eprint(";; Warning, ixfr requires a serial number\n").await;
            return true;
        }
        if let Some(kind) = Kind::parse(word) {
            if self.lookup().kind_set {
                sys.eprint(";; Warning, extra type option\n").await;
            }
            self.set_kind(kind);
            return true;
        }
        let Some(class) = Class::parse(word) else { return false };
        if self.lookup().class_set {
            sys.eprint(";; Warning, extra class option\n").await;
        }
        (self.lookup().class, self.lookup().class_set) = (class, true);
        true
    }

    fn set_kind(&mut self, kind: Kind) {
        let lookup = self.lookup();
        (lookup.kind, lookup.kind_set) = (kind, true);
        match kind {
            Kind::AXFR => (lookup.question, lookup.comments) = (false, false),
            Kind::ANY if !lookup.tcp_set => lookup.tcp = true,
            _ => {}
        }
    }

    async fn dash(
        &mut self,
        sys: &Sys,
        option: &str,
        words: &mut std::slice::Iter<'_, String>,
        config: bool,
    ) -> Result<(), Failed> {
        let mut rest = option;
        while let Some(letter) = rest.chars().next().filter(|letter| SINGLE.contains(*letter)) {
            match letter {
                'h' => self.instead = Some(include_str!("help.txt").to_owned()),
                'v' => (self.instead, self.instead_on_stderr) = (Some(format!("DiG {VERSION}\n")), true),
                'u' => self.lookup().microseconds = true,
                _ => {}
            }
            rest = &rest[1..];
        }
        let Some(letter) = rest.chars().next() else { return Ok(()) };
        let value = match &rest[letter.len_utf8()..] {
            "" => words.next().cloned().ok_or_else(|| invalid(&format!("-{rest}")))?,
            value => value.to_owned(),
        };
        self.dash_value(sys, letter, rest, value, config).await
    }

    async fn dash_value(
        &mut self,
        sys: &Sys,
        letter: char,
        rest: &str,
        value: String,
        config: bool,
    ) -> Result<(), Failed> {
        match letter {
            'b' => self.bind(&value)?,
            'c' => {
                self.open = false;
                match Class::parse(&value) {
                    Some(class) => (self.lookup().class, self.lookup().class_set) = (class, true),
                    None => sys.eprint(format!(";; Warning, ignoring invalid class {value}\n")).await,
                }
            }
            'p' => {
                self.settings.port = port_number(&value)?;
            }
            'q' if config => {}
            'q' => {
                self.add(value);
            }
            't' => {
                self.open = false;
                match Kind::parse(&value).filter(|kind| *kind != Kind::IXFR) {
                    Some(kind) => self.set_kind(kind),
                    None => sys.eprint(format!(";; Warning, ignoring invalid type {value}\n")).await,
                }
            }
            'x' => {
                let name = reverse_name(&value, false).unwrap_or_default();
                let lookup = self.add(name);
                if !lookup.kind_set {
                    lookup.kind = Kind::PTR;
                }
            }
            'f' => self.batch = Some(value),
            'k' | 'y' => {
                return Err(Failed::exit(
                    1,
                    format!("-{letter}: not simulated in vethlab; use dig without it"),
                ));
            }
            _ => return Err(invalid(&format!("-{rest}"))),
        }
        Ok(())
    }

    fn bind(&mut self, value: &str) -> Result<(), Failed> {
        let (address, port) = match value.split_once('#') {
            Some((address, port)) => (address, port_number(port)?),
            None => (value, 0),
        };
        let Ok(address) = address.parse::<IpAddr>() else {
            return Err(Failed::fatal(format!("invalid address {value}")));
        };
        self.settings.local = Some(SocketAddr::new(address, port));
        (self.settings.v4, self.settings.v6) = (address.is_ipv4(), address.is_ipv6());
        Ok(())
    }
}

fn port_number(text: &str) -> Result<u16, Failed> {
    text.parse().map_err(|_| Failed::fatal("Couldn't parse port number").number("port number", text))
}

/// What dig looks at before it reads resolv.conf: unknown letters, missing values, and the family.
fn check(words: &[String]) -> Result<Option<Family>, Failed> {
    let mut family = None;
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let Some(option) = word.strip_prefix('-') else { continue };
        let rest = option.trim_start_matches(|letter| SINGLE.contains(letter));
        for letter in option[..option.len() - rest.len()].chars() {
            let wanted = match letter {
                '4' => Family::Inet,
                '6' => Family::Inet6,
                _ => continue,
            };
            if family.replace(wanted).is_some_and(|before| before != wanted) {
                return Err(Failed::fatal("only one of -4 and -6 allowed"));
            }
        }
        let Some(letter) = rest.chars().next() else { continue };
        let known = VALUED.contains(letter);
        if !known || (rest.len() == 1 && words.next().is_none()) {
            return Err(invalid(&format!("-{rest}")));
        }
    }
    Ok(family)
}
