//! `nslookup`: look names up, one by one or in a dialogue. Source: nslookup(1), BIND 9.18.49.
//! Not simulated: finger, root, ls, view (neither are they in the real one), d2.
//!
//! ```text
//! > set type=MX
//! > example.com
//! ```

use super::exchange::{Seen, shown};
use super::lookup::{Lookup, Settings, reverse_name};
use super::run::Run;
use super::show::chase_aliases;
use super::{Failed, Tool, VERSION};
use crate::cmd::{Args, Command, Exit};
use crate::dns::{Class, Data, Kind, Message, Rcode, Record};
use crate::fs::STDIN;
use crate::sys::Sys;
use std::collections::VecDeque;
use std::net::SocketAddr;

pub const NSLOOKUP: Command = Command {
    name: "nslookup",
    path: "/usr/bin/nslookup",
    man: "nslookup(1)",
    run: |sys, args| Box::pin(nslookup(sys, args)),
};

const USAGE: &str = "Usage:
   nslookup [-opt ...]             # interactive mode using default server
   nslookup [-opt ...] - server    # interactive mode using 'server'
   nslookup [-opt ...] host        # just look up 'host' using default server
   nslookup [-opt ...] host server # just look up 'host' using 'server'
";

/// What `set` changes, and what the answers have been so far.
struct Nslookup {
    short: bool,
    tcp: Option<bool>,
    recurse: bool,
    fail: bool,
    /// As typed.
    kind: String,
    class: String,
    /// No type was asked for: AAAA follows A.
    default_lookups: bool,
    no_address: bool,
    tries: u32,
    reached: bool,
    failed: bool,
}

async fn nslookup(sys: Sys, args: Args) -> Exit {
    match run_nslookup(&sys, &args).await {
        Ok(exit) => exit,
        Err(failed) => failed.tell(&sys, args.name(), 0).await,
    }
}

async fn run_nslookup(sys: &Sys, args: &Args) -> Result<Exit, Failed> {
    let mut settings = Settings::load(sys, None, None).await?;
    (settings.use_search, settings.check_recursion) = (true, true);
    let tool = Nslookup {
        short: true,
        tcp: None,
        recurse: true,
        fail: false,
        kind: "A".to_owned(),
        class: "IN".to_owned(),
        default_lookups: true,
        no_address: false,
        tries: settings.tries,
        reached: false,
        failed: false,
    };
    let mut run = Run::new(sys, settings, tool).await;
    let mut first = None;
    let mut words = args.rest().iter().peekable();
    while let Some(word) = words.next() {
        match word.strip_prefix('-') {
            Some(option) if option.to_ascii_lowercase().starts_with("ver") => {
                sys.eprint(format!("nslookup {VERSION}\n")).await;
                return Ok(Exit::OK);
            }
            Some("") => first = first.or(Some(None)),
            Some(option) => run.set(option).await,
            None if first.is_none() => first = Some(Some(run.lookup(word))),
            None if words.peek().is_some() => return Err(Failed::usage(1, USAGE)),
            None => run.set_server(word).await?,
        }
    }
    match first.flatten() {
        Some(mut lookup) => {
            // The server may stand behind the name.
            lookup.servers.clear();
            run.queue.push_back(lookup);
            run.run().await?;
        }
        None => run.dialogue().await?,
    }
    sys.print("\n").await;
    Ok(Exit(u8::from(!run.tool.reached || run.tool.failed)))
}

impl Run<Nslookup> {
    async fn dialogue(&mut self) -> Result<(), Failed> {
        let interactive = self.sys.is_tty(STDIN).await;
        loop {
            if interactive {
                self.sys.print("> ").await;
            }
            let Some(line) = self.sys.read_line(STDIN).await else { return Ok(()) };
            let mut words = line.split([' ', '\t', '\r']).filter(|word| !word.is_empty());
            let Some(word) = words.next() else { continue };
            match (word.to_ascii_lowercase().as_str(), words.next()) {
                ("set", Some(option)) => self.set(option).await,
                ("server" | "lserver", server) => {
                    if let Some(server) = server {
                        self.set_server(server).await?;
                    }
                    let text = self.shown_servers();
                    self.sys.print(text).await;
                }
                ("exit", _) => return Ok(()),
                ("help" | "?", _) => {
                    self.sys.print(format!("The '{word}' command is not yet implemented.\n")).await;
                }
                ("finger" | "root" | "ls" | "view", _) => {
                    self.sys.print(format!("The '{word}' command is not implemented.\n")).await;
                }
                _ => {
                    let lookup = self.lookup(word);
                    self.queue.push_back(lookup);
                    self.run().await?;
                }
            }
        }
    }

    fn lookup(&mut self, word: &str) -> Lookup {
        let tool = &mut self.tool;
        tool.no_address = false;
        let mut lookup = Lookup::new(tool.tries);
        match reverse_name(word, true) {
            Some(reverse) => (lookup.text, lookup.kind) = (reverse, Kind::PTR),
            None => {
                (lookup.text, lookup.kind) = (word.to_owned(), Kind::parse(&tool.kind).unwrap_or(Kind::A))
            }
        }
        lookup.kind_set = true;
        lookup.class = Class::parse(&tool.class).unwrap_or(Class::IN);
        lookup.recurse = tool.recurse;
        lookup.tcp = tool.tcp.unwrap_or(lookup.kind == Kind::ANY);
        lookup.new_search = true;
        lookup.servfail_stops = tool.fail;
        lookup.stats = false;
        lookup
    }

    async fn set_server(&mut self, typed: &str) -> Result<(), Failed> {
        self.settings.servers = self.settings.find_servers(&self.sys, typed).await?;
        self.settings.check_recursion = false;
        Ok(())
    }

    fn shown_servers(&self) -> String {
        let line = |server: &super::lookup::Server| {
            let address = SocketAddr::new(server.address, self.settings.port);
            format!("Default server: {}\nAddress: {}\n", server.typed, shown(address))
        };
        self.settings.servers.iter().map(line).collect()
    }

    fn shown_settings(&self) -> String {
        let (tool, settings) = (&self.tool, &self.settings);
        let no = |on: bool, word: &str| if on { word.to_owned() } else { format!("no{word}") };
        format!(
            "{}\nSet options:\n  {}\t\t\t{}\t\tnod2\n  {}\t\t{}\n  timeout = {}\t\tretry = {}\tport = {}\tndots = {}\n  \
             querytype = {:<8}\tclass = {}\n  srchlist = {}\n",
            self.shown_servers(),
            no(tool.tcp == Some(true), "vc"),
            no(!tool.short, "debug"),
            no(settings.use_search, "search"),
            no(tool.recurse, "recurse"),
            settings.timeout,
            tool.tries,
            settings.port,
            settings.ndots,
            tool.kind,
            tool.class,
            settings.search.join("/"),
        )
    }

    /// `set option`, or `-option`.
    async fn set(&mut self, option: &str) {
        let text = match option.split_once('=') {
            Some((name, value)) => self.set_value(&name.to_ascii_lowercase(), value),
            None => self.set_flag(&option.to_ascii_lowercase()),
        };
        let text = text.unwrap_or_else(|| format!("*** Invalid option: {option}\n"));
        self.sys.print(text).await;
    }

    /// What to say; `None` where there is no such option.
    fn set_value(&mut self, name: &str, value: &str) -> Option<String> {
        let mut wrong = String::new();
        let mut number = |what: &str, most: u32| {
            let found = value.parse::<u32>().ok().filter(|number| *number <= most);
            if found.is_none() {
                wrong = Failed::fatal("").number(what, value).said;
            }
            found
        };
        match name {
            "class" | "cl" if Class::parse(value).is_none() => {
                wrong = format!("unknown query class: {value}\n")
            }
            "class" | "cl" => self.tool.class = value.to_owned(),
            "type" | "ty" | "querytype" | "query" | "qu" | "q" => match Kind::parse(value) {
                Some(_) => (self.tool.kind, self.tool.default_lookups) = (value.to_owned(), false),
                None => wrong = format!("unknown query type: {value}\n"),
            },
            "domain" | "do" => {
                (self.settings.search, self.settings.use_search) = (vec![value.to_owned()], true)
            }
            "port" | "po" => {
                self.settings.port = number("port", 65_535).map_or(self.settings.port, |it| it as u16)
            }
            "timeout" | "t" => {
                self.settings.timeout = number("timeout", u32::MAX).unwrap_or(self.settings.timeout);
            }
            "retry" | "ret" => self.tool.tries = number("tries", i32::MAX as u32).unwrap_or(self.tool.tries),
            "ndots" => self.settings.ndots = number("ndots", 128).unwrap_or(self.settings.ndots),
            _ => return None,
        }
        Some(wrong)
    }

    fn set_flag(&mut self, word: &str) -> Option<String> {
        const FLAGS: [(&str, usize); 16] = [
            ("all", 3),
            ("recurse", 3),
            ("norecurse", 5),
            ("defname", 3),
            ("nodefname", 5),
            ("vc", 2),
            ("novc", 4),
            ("debug", 3),
            ("nodebug", 5),
            ("d2", 2),
            ("nod2", 4),
            ("search", 3),
            ("nosearch", 5),
            ("sil", 3),
            ("fail", 3),
            ("nofail", 5),
        ];
        let fits = |(name, least): &&(&str, usize)| word.len() >= *least && name.starts_with(word);
        match FLAGS.iter().find(fits)?.0 {
            "all" => return Some(self.shown_settings()),
            "recurse" => self.tool.recurse = true,
            "norecurse" => self.tool.recurse = false,
            "defname" | "search" => self.settings.use_search = true,
            "nodefname" | "nosearch" => self.settings.use_search = false,
            "vc" => self.tool.tcp = Some(true),
            "novc" => self.tool.tcp = Some(false),
            "debug" => (self.tool.short, self.settings.show_search) = (false, true),
            "nodebug" => (self.tool.short, self.settings.show_search) = (true, false),
            "fail" => self.tool.fail = true,
            "nofail" => self.tool.fail = false,
            "d2" => return Some("set d2: not simulated in vethlab; use set debug\n".to_owned()),
            _ => {}
        }
        Some(String::new())
    }
}

/// What stands before a record's data.
fn says(kind: Kind) -> String {
    const NAMES: [&str; 42] = [
        "rtype_0 = ",
        "internet address = ",
        "nameserver = ",
        "md = ",
        "mf = ",
        "canonical name = ",
        "soa = ",
        "mb = ",
        "mg = ",
        "mr = ",
        "rtype_10 = ",
        "protocol = ",
        "name = ",
        "hinfo = ",
        "minfo = ",
        "mail exchanger = ",
        "text = ",
        "rp = ",
        "afsdb = ",
        "x25 address = ",
        "isdn address = ",
        "rt = ",
        "nsap = ",
        "nsap_ptr = ",
        "signature = ",
        "key = ",
        "px = ",
        "gpos = ",
        "has AAAA address ",
        "loc = ",
        "next = ",
        "rtype_31 = ",
        "rtype_32 = ",
        "service = ",
        "rtype_34 = ",
        "naptr = ",
        "kx = ",
        "cert = ",
        "v6 address = ",
        "dname = ",
        "rtype_40 = ",
        "optional = ",
    ];
    NAMES.get(usize::from(kind.0)).map_or_else(|| format!("rdata_{} = ", kind.0), |name| (*name).to_owned())
}

fn data_lines(record: &Record) -> String {
    match &record.data {
        Data::Soa { mname, rname, serial, refresh, retry, expire, minimum } => format!(
            "\torigin = {}\n\tmail addr = {}\n\tserial = {serial}\n\trefresh = {refresh}\n\tretry = {retry}\n\texpire \
             = {expire}\n\tminimum = {minimum}\n",
            mname.relative(),
            rname.relative()
        ),
        data => format!("{}{data}\n", says(record.kind)),
    }
}

/// A section as usually shown; addresses get two lines in the answer.
fn section(records: &[Record], answer: bool) -> String {
    let line = |record: &Record| {
        let name = record.name.relative();
        match record.kind {
            Kind::A | Kind::AAAA if answer => format!("Name:\t{name}\nAddress: {}\n", record.data),
            Kind::SOA => format!("{name}\n{}", data_lines(record)),
            _ => format!("{name}\t{}", data_lines(record)),
        }
    };
    records.iter().map(line).collect()
}

/// All sections, as `set debug` shows them.
fn details(message: &Message) -> String {
    let mut text = "------------\n    QUESTIONS:\n".to_owned();
    for question in &message.questions {
        let name = question.name.relative();
        text += &format!("\t{name}, type = {}, class = {}\n", question.kind, question.class);
    }
    let sections = [
        ("ANSWERS", &message.answers),
        ("AUTHORITY RECORDS", &message.authorities),
        ("ADDITIONAL RECORDS", &message.additionals),
    ];
    for (name, records) in sections {
        text += &format!("    {name}:\n");
        for record in records {
            let indent = if record.kind == Kind::SOA { "" } else { "\t" };
            let (name, ttl) = (record.name.relative(), record.ttl);
            text += &format!("    ->  {name}\n{indent}{}\tttl = {ttl}\n", data_lines(record));
        }
    }
    text + "------------\n"
}

impl Tool for Nslookup {
    fn message(&mut self, queue: &mut VecDeque<Lookup>, lookup: &mut Lookup, seen: &Seen<'_>) -> String {
        self.reached = true;
        let message = seen.message;
        let mut text = String::new();
        let leads = !self.default_lookups || lookup.kind == Kind::A;
        if leads {
            text += &format!("Server:\t\t{}\nAddress:\t{}\n\n", seen.typed, shown(seen.server));
        }
        if !self.short {
            text += &details(message);
        }
        if message.rcode != Rcode::NOERROR {
            self.failed = true;
            return text + &format!("** server can't find {}: {}\n", seen.name.relative(), message.rcode);
        }
        if self.default_lookups && lookup.kind == Kind::A {
            queue.push_back(Lookup {
                text: chase_aliases(message, seen.name).relative(),
                kind: Kind::AAAA,
                kind_set: true,
                origin: None,
                new_search: false,
                servers: Vec::new(),
                retries: self.tries,
                ..lookup.clone()
            });
        }
        if !message.flags.authoritative && leads {
            text += "Non-authoritative answer:\n";
        }
        if !message.answers.is_empty() {
            text += &section(&message.answers, true);
        } else if self.default_lookups && lookup.kind == Kind::A {
            self.no_address = true;
        } else if !self.default_lookups || (lookup.kind == Kind::AAAA && self.no_address) {
            text += &format!("*** Can't find {}: No answer\n", lookup.text);
        }
        if !message.flags.authoritative && !matches!(lookup.kind, Kind::A | Kind::AAAA) {
            text += "\nAuthoritative answers can be found from:\n";
            text += &section(&message.authorities, false);
            text += &section(&message.additionals, false);
        }
        text
    }
}
