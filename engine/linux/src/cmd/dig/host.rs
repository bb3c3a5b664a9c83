//! `host`: look a name up, in words. Source: host(1), BIND 9.18.49. Not simulated: -C -i -l -m -n -D.

use super::exchange::{Seen, shown};
use super::lookup::{Lookup, Settings, reverse_name};
use super::run::Run;
use super::show::chase_aliases;
use super::style::Style;
use super::{Failed, Tool, VERSION};
use crate::cmd::getopt::{Found, Getopt};
use crate::cmd::{Args, Command, Exit};
use crate::dns::{Class, Kind, Message, Name, Rcode, Record};
use crate::sys::Sys;
use net::rtnetlink::Family;
use std::collections::VecDeque;

pub const HOST: Command = Command {
    name: "host",
    path: "/usr/bin/host",
    man: "host(1)",
    run: |sys, args| Box::pin(host(sys, args)),
};

const SHORT: &str = "+46aAc:dilnm:p:rst:vVwCDN:R:TUW:";
/// INT_MAX seconds: for ever.
const FOR_EVER: u32 = i32::MAX as u32;

const USAGE: &str = "Usage: host [-aCdilrTvVw] [-c class] [-N ndots] [-t type] [-W time]
            [-R number] [-m flag] [-p port] hostname [server]
       -a is equivalent to -v -t ANY
       -A is like -a but omits RRSIG, NSEC, NSEC3
       -c specifies query class for non-IN data
       -C compares SOA records on authoritative nameservers
       -d is equivalent to -v
       -l lists all hosts in a domain, using AXFR
       -m set memory debugging flag (trace|record|usage)
       -N changes the number of dots allowed before root lookup is done
       -p specifies the port on the server to query
       -r disables recursive processing
       -R specifies number of retries for UDP packets
       -s a SERVFAIL response should stop query
       -t specifies the query type
       -T enables TCP/IP mode
       -U enables UDP mode
       -v enables verbose output
       -V print version number and exit
       -w specifies to wait forever for a reply
       -W specifies how long to wait for a reply
       -4 use IPv4 query transport only
       -6 use IPv6 query transport only
";

struct Host {
    short: bool,
    /// No type was asked for: AAAA and MX follow A.
    default_lookups: bool,
    listed_server: bool,
    printed_server: bool,
    /// DNSSEC's records are left out (`-A`).
    almost_all: bool,
    tries: u32,
    /// Of the answers so far; `None` before the first.
    error: Option<bool>,
}

async fn host(sys: Sys, args: Args) -> Exit {
    match run_host(&sys, &args).await {
        Ok(exit) => exit,
        Err(failed) => failed.tell(&sys, args.name(), 0).await,
    }
}

async fn run_host(sys: &Sys, args: &Args) -> Result<Exit, Failed> {
    let (options, operands) = options(args)?;
    if options.iter().any(|(letter, _)| *letter == 'V') {
        sys.eprint(format!("host {VERSION}\n")).await;
        return Ok(Exit::OK);
    }
    let mut settings = Settings::load(sys, family(&options)?, Some(2)).await?;
    let mut lookup = Lookup::new(settings.tries);
    (lookup.servfail_stops, lookup.comments) = (false, false);
    let mut tool = Host {
        short: true,
        default_lookups: true,
        listed_server: false,
        printed_server: false,
        almost_all: false,
        tries: 2,
        error: None,
    };
    for (letter, value) in options {
        apply(letter, &value, &mut settings, &mut lookup, &mut tool)?;
    }
    (lookup.retries, tool.tries) = (settings.tries, settings.tries);
    let Some(name) = operands.first() else { return Err(Failed::usage(1, USAGE)) };
    match operands.get(1) {
        Some(server) => {
            settings.servers = settings.find_servers(sys, server).await?;
            tool.listed_server = true;
        }
        None => settings.check_recursion = true,
    }
    match reverse_name(name, true) {
        Some(reverse) => {
            (lookup.text, lookup.kind, lookup.kind_set) = (reverse, Kind::PTR, true);
            tool.default_lookups = false;
        }
        None => {
            lookup.text = name.clone();
            settings.use_search = true;
        }
    }
    lookup.new_search = true;
    lookup.stats = false;
    let mut run = Run::new(sys, settings, tool).await;
    run.queue.push_back(lookup);
    match run.run().await {
        // BIND's `fatalexit` of host.
        Err(Failed { code: Some(10), said, text, whole }) => Err(Failed { code: Some(1), said, text, whole }),
        Err(failed) => Err(failed),
        Ok(()) => Ok(Exit(u8::from(run.tool.error != Some(false)))),
    }
}

/// Options with their values, and what is none.
type Split = (Vec<(char, String)>, Vec<String>);

fn options(args: &Args) -> Result<Split, Failed> {
    let mut words = Getopt::new(args.name(), args.rest(), SHORT, &[]);
    let mut options = Vec::new();
    for found in words.by_ref() {
        match found {
            Found::Option(letter, value) => options.push((letter, value.unwrap_or_default())),
            Found::Wrong(text) => {
                let text = text.replace("invalid option", "illegal option").replace('\'', "");
                return Err(Failed::usage(1, text + USAGE));
            }
        }
    }
    Ok((options, words.operands()))
}

fn family(options: &[(char, String)]) -> Result<Option<Family>, Failed> {
    let has = |wanted| options.iter().any(|(letter, _)| *letter == wanted);
    match (has('4'), has('6')) {
        (true, true) => Err(Failed::fatal("only one of -4 and -6 allowed")),
        (true, false) => Ok(Some(Family::Inet)),
        (false, true) => Ok(Some(Family::Inet6)),
        _ => Ok(None),
    }
}

fn apply(
    letter: char,
    value: &str,
    settings: &mut Settings,
    lookup: &mut Lookup,
    tool: &mut Host,
) -> Result<(), Failed> {
    // atoi(3)
    let number = || value.parse::<u32>().unwrap_or(0);
    match letter {
        '4' | '6' => {}
        'v' | 'd' => tool.short = false,
        'r' => lookup.recurse = false,
        's' => lookup.servfail_stops = true,
        't' => {
            let kind = Kind::parse(value).filter(|kind| *kind != Kind::IXFR);
            lookup.kind = kind.ok_or_else(|| Failed::exit(2, format!("invalid type: {value}\n")))?;
            lookup.kind_set = true;
            tool.default_lookups = false;
            lookup.tcp |= lookup.kind == Kind::ANY && !lookup.tcp_set;
        }
        'c' => {
            lookup.class =
                Class::parse(value).ok_or_else(|| Failed::exit(2, format!("invalid class: {value}\n")))?;
            tool.default_lookups = false;
        }
        'a' | 'A' => {
            tool.almost_all |= letter == 'A';
            (lookup.kind, lookup.kind_set) = (Kind::ANY, true);
            (tool.short, tool.default_lookups) = (false, false);
        }
        'w' => settings.timeout = FOR_EVER,
        'W' => settings.timeout = number().max(1),
        'R' => settings.tries = number().saturating_add(1).max(2),
        'T' | 'U' => (lookup.tcp, lookup.tcp_set) = (letter == 'T', true),
        'N' => settings.ndots = number(),
        'p' => settings.port = number() as u16,
        other => {
            let text = format!("-{other}: not simulated in vethlab; use host without it");
            return Err(Failed::exit(1, text));
        }
    }
    Ok(())
}

/// What a record says, between its name and its data.
fn says(kind: Kind) -> String {
    match kind {
        Kind::A => "has address".to_owned(),
        Kind::NS => "name server".to_owned(),
        Kind::CNAME => "is an alias for".to_owned(),
        Kind::WKS => "has well known services".to_owned(),
        Kind::PTR => "domain name pointer".to_owned(),
        Kind::HINFO => "host information".to_owned(),
        Kind::MX => "mail is handled by".to_owned(),
        Kind::TXT => "descriptive text".to_owned(),
        Kind::X25 => "x25 address".to_owned(),
        Kind::ISDN => "ISDN address".to_owned(),
        Kind::SIG => "has signature".to_owned(),
        Kind::KEY => "has key".to_owned(),
        Kind::AAAA => "has IPv6 address".to_owned(),
        Kind::LOC => "location".to_owned(),
        kind => format!("has {kind} record"),
    }
}

impl Host {
    fn records(&self, records: &[Record]) -> String {
        let dnssec = |record: &&Record| {
            self.almost_all && matches!(record.kind, Kind::RRSIG | Kind::NSEC | Kind::NSEC3)
        };
        let shown = records.iter().filter(|record| !dnssec(record));
        let style = Style::new(false, false, false);
        match self.short {
            true => {
                shown.map(|it| format!("{} {} {}\n", it.name.relative(), says(it.kind), it.data)).collect()
            }
            false => shown.map(|it| style.record(it)).collect(),
        }
    }

    fn sections(&self, message: &Message) -> String {
        let mut text = String::new();
        if self.short {
            return self.records(&message.answers);
        }
        let style = Style::new(false, false, false);
        let questions: String =
            message.questions.iter().map(|it| format!(";{}", style.question(it))).collect();
        let parts = [
            ("QUESTION", questions),
            ("ANSWER", self.records(&message.answers)),
            ("AUTHORITY", self.records(&message.authorities)),
            ("ADDITIONAL", self.records(&message.additionals)),
        ];
        for (name, lines) in parts.into_iter().filter(|(_, lines)| !lines.is_empty()) {
            text += &format!("\n;; {name} SECTION:\n{lines}");
        }
        text + "\n"
    }

    fn header(&self, message: &Message) -> String {
        let (opcode, rcode, id) = (message.opcode, message.rcode, message.id);
        let counts = format!(
            "QUERY: {}, ANSWER: {}, AUTHORITY: {}, ADDITIONAL: {}",
            message.questions.len(),
            message.answers.len(),
            message.authorities.len(),
            message.additional_count()
        );
        let flags = message.flags.names().join(" ");
        let mut text = format!(
            ";; ->>HEADER<<- opcode: {opcode}, status: {rcode}, id: {id}\n;; flags: {flags}; {counts}\n"
        );
        if let Some(edns) = &message.edns {
            text += &format!(";; EDNS: version: {}, udp={}\n", edns.version, edns.udp_size);
        }
        text
    }
}

impl Tool for Host {
    fn trying(&mut self, name: &Name) -> String {
        if self.short { String::new() } else { format!("Trying \"{}\"\n", name.relative()) }
    }

    fn message(&mut self, queue: &mut VecDeque<Lookup>, lookup: &mut Lookup, seen: &Seen<'_>) -> String {
        let before = self.error == Some(true);
        self.error = Some(true);
        let message = seen.message;
        let mut text = String::new();
        if self.listed_server && !std::mem::replace(&mut self.printed_server, true) {
            let server = shown(seen.server);
            text += &format!("Using domain server:\nName: {}\nAddress: {server}\nAliases: \n\n", seen.typed);
        }
        if message.rcode != Rcode::NOERROR {
            let name = match message.rcode {
                Rcode::NXDOMAIN => lookup.text.clone(),
                _ => seen.name.relative(),
            };
            return text + &format!("Host {name} not found: {}({})\n", message.rcode.0, message.rcode);
        }
        if self.default_lookups && lookup.kind == Kind::A {
            let name = chase_aliases(message, seen.name).relative();
            for kind in [Kind::AAAA, Kind::MX] {
                queue.push_back(Lookup {
                    text: name.clone(),
                    kind,
                    kind_set: true,
                    origin: None,
                    new_search: false,
                    servers: Vec::new(),
                    retries: self.tries,
                    ..lookup.clone()
                });
            }
        }
        if !self.short {
            text += &self.header(message);
        }
        text += &self.sections(message);
        if self.short && !self.default_lookups && message.answers.is_empty() {
            text += &format!("{} has no {} record\n", seen.name.relative(), lookup.kind);
        }
        self.error = Some(before);
        text
    }

    fn received(&mut self, _: &Lookup, seen: &Seen<'_>) -> String {
        match self.short {
            true => String::new(),
            false => format!(
                "Received {} bytes from {} in {} ms\n",
                seen.bytes,
                shown(seen.server),
                seen.micros / 1000
            ),
        }
    }
}
