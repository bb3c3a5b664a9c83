//! `tcpdump`: shows packets as they pass a device. Source: tcpdump(1), tcpdump 4.99.3 with libpcap 1.10.3.
//! Not simulated: -d -E -C -G -I -M -m -T -V -W -Y -z.
//!
//! Always: packets reach it through a packet socket with the filter in it, so what the kernel counts is what the
//! filter let through; printing changes nothing on the wire but for the look-ups of names (`-n` makes none).
//! Differs from tcpdump: `-y LINUX_SLL` and pcapng files are not there.

mod device;
mod file;
pub mod filter;
mod live;
mod options;
mod print;

use super::{Args, Command, Exit};
use crate::fs::{Fd, OpenFlags, STDOUT};
use crate::resolver::{self, Hints};
use crate::sys::Sys;
use filter::{Compiled, LinkType, Names};
use options::{MOST_SNAPLEN, Options, Stop, USAGE, VERSION_TEXT};
use print::{Lookup, Printer, Record, Sequences, Services, Times};
use std::time::Duration;

pub const TCPDUMP: Command = Command {
    name: "tcpdump",
    path: "/usr/bin/tcpdump",
    man: "tcpdump(8)",
    run: |sys, args| Box::pin(tcpdump(sys, args)),
};

/// Names looked up for one filter; a filter may hold as many as it has words.
const MOST_NAMES: usize = 100;
/// What stdio writes at a time when stdout is no terminal.
const STDIO_BUFFER: usize = 4096;

/// An error that ends the program, without `tcpdump: `.
struct Fatal(String);

impl From<String> for Fatal {
    fn from(text: String) -> Fatal {
        Fatal(text)
    }
}

async fn tcpdump(sys: Sys, args: Args) -> Exit {
    let program = args.name().rsplit('/').next().unwrap_or("tcpdump").to_string();
    let options = match Options::parse(&program, args.rest()) {
        Ok(options) => options,
        Err(stop) => return stopped(&sys, &program, stop).await,
    };
    match run(&sys, &program, options).await {
        Ok(exit) => exit,
        Err(Fatal(text)) => {
            sys.eprint(format!("{program}: {text}\n")).await;
            Exit::FAILURE
        }
    }
}

async fn stopped(sys: &Sys, program: &str, stop: Stop) -> Exit {
    match stop {
        Stop::Usage(text) => {
            sys.eprint(text + VERSION_TEXT + USAGE).await;
            Exit::FAILURE
        }
        Stop::Help => {
            sys.print(VERSION_TEXT.to_string() + USAGE).await;
            Exit::OK
        }
        Stop::Version => {
            sys.print(VERSION_TEXT).await;
            Exit::OK
        }
        Stop::Error(text) => {
            sys.eprint(format!("{program}: {text}\n")).await;
            Exit::FAILURE
        }
    }
}

async fn run(sys: &Sys, program: &str, options: Options) -> Result<Exit, Fatal> {
    if options.list_devices {
        sys.print(device::list(sys).await).await;
        return Ok(Exit::OK);
    }
    match options.read.clone() {
        Some(path) => read(sys, program, options, &path).await,
        None => live::capture(sys, program, options).await,
    }
}

/// The filter's text: the words of the command line, or a file's.
async fn expression(sys: &Sys, options: &Options) -> Result<String, Fatal> {
    let Some(path) = &options.filter_file else { return Ok(options.expression.join(" ")) };
    let bytes = sys.read_file(path).await.map_err(|errno| format!("can't open {path}: {errno}"))?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    // Comments end with their line.
    Ok(text.lines().map(|line| line.split('#').next().unwrap_or_default()).collect::<Vec<_>>().join("\n"))
}

async fn compile(
    sys: &Sys,
    options: &Options,
    link: LinkType,
    netmask: Option<u32>,
    live: bool,
) -> Result<Compiled, Fatal> {
    let text = expression(sys, options).await?;
    let read = async |path: &str| {
        String::from_utf8_lossy(&sys.read_file(path).await.unwrap_or_default()).into_owned()
    };
    let mut names = Names {
        services: read("/etc/services").await,
        networks: read("/etc/networks").await,
        ..Names::default()
    };
    for _ in 0..MOST_NAMES {
        match filter::compile(&text, link, netmask, live, &names) {
            Ok(compiled) => return Ok(compiled),
            Err(refusal) => match refusal.wanted() {
                None => return Err(Fatal(refusal.0)),
                Some(name) => {
                    let name = name.to_string();
                    let found = resolver::getaddrinfo(sys, &name, Hints::default()).await.unwrap_or_default();
                    names.hosts.insert(name, found.into_iter().map(|info| info.address).collect());
                }
            },
        }
    }
    Err(Fatal("expression is too complex".into()))
}

/// Where packets go: printed, or into a file.
struct Output<'a> {
    sys: &'a Sys,
    options: &'a Options,
    lookup: Lookup,
    sequences: Sequences,
    times: Times,
    /// Printed, and not yet written.
    pending: String,
    flush: bool,
    file: Option<(Fd, Vec<u8>)>,
    captured: u64,
}

impl<'a> Output<'a> {
    async fn new(sys: &'a Sys, options: &'a Options, link_type: u32) -> Result<Output<'a>, Fatal> {
        let services = Services::parse(&String::from_utf8_lossy(
            &sys.read_file("/etc/services").await.unwrap_or_default(),
        ));
        let file = match options.write.as_deref() {
            None => None,
            Some("-") => Some(STDOUT),
            Some(path) => {
                Some(sys.open(path, OpenFlags::WRITE).await.map_err(|errno| format!("{path}: {errno}"))?)
            }
        };
        let header = file::header(link_type, options.snaplen, options.style.nanoseconds);
        let flush = options.unbuffered || sys.is_tty(STDOUT).await;
        Ok(Output {
            sys,
            options,
            lookup: Lookup { services, ..Lookup::default() },
            sequences: Sequences::default(),
            times: Times::default(),
            pending: String::new(),
            flush,
            file: file.map(|fd| (fd, header)),
            captured: 0,
        })
    }

    async fn packet(&mut self, at: Duration, bytes: &[u8], length: u32) {
        self.captured += 1;
        if self.options.only_count {
            return;
        }
        let (nanoseconds, by_packet) = (self.options.style.nanoseconds, self.options.packet_buffered);
        if let Some((fd, pending)) = &mut self.file {
            pending.extend(file::record(at, bytes, length, nanoseconds));
            if by_packet || pending.len() >= STDIO_BUFFER {
                let (fd, ready) = (*fd, std::mem::take(pending));
                self.sys.write(fd, &ready).await.ok();
            }
            if !self.options.print {
                return;
            }
        }
        let record = Record { at, bytes, length, number: self.captured };
        let text = self.printed(&record).await;
        self.pending += &text;
        if self.flush || self.pending.len() >= STDIO_BUFFER {
            self.flush().await;
        }
    }

    /// Prints, looks up the names that were missing, and prints again.
    async fn printed(&mut self, record: &Record<'_>) -> String {
        loop {
            let mut times = self.times.clone();
            let printer = Printer::new(&self.options.style, &self.lookup, self.sequences.clone());
            let (text, sequences, wanted) = printer.print(record, &mut times);
            if wanted.is_empty() {
                (self.sequences, self.times) = (sequences, times);
                return text;
            }
            for address in wanted {
                let name = resolver::name_of(self.sys, address).await;
                self.lookup.hosts.insert(address, name);
            }
        }
    }

    async fn flush(&mut self) {
        let text = std::mem::take(&mut self.pending);
        if !text.is_empty() {
            self.sys.print(text).await;
        }
    }

    async fn finish(&mut self) {
        self.flush().await;
        if let Some((fd, pending)) = &mut self.file {
            let (fd, ready) = (*fd, std::mem::take(pending));
            self.sys.write(fd, &ready).await.ok();
        }
    }
}

/// `-r`: packets of a file.
async fn read(sys: &Sys, program: &str, mut options: Options, path: &str) -> Result<Exit, Fatal> {
    let bytes = match path {
        "-" => sys.read_all(crate::fs::STDIN).await.unwrap_or_default(),
        path => sys.read_file(path).await.map_err(|errno| format!("{path}: {errno}"))?,
    };
    let saved = file::parse(&bytes)?;
    let (link, words) = match saved.link_type {
        file::ETHERNET => (LinkType::Ethernet, "EN10MB (Ethernet)"),
        file::SLL2 => (LinkType::Cooked, "LINUX_SLL2 (Linux cooked v2)"),
        other => {
            return Err(Fatal(format!(
                "link type {other}: not simulated in vethlab; use EN10MB or LINUX_SLL2"
            )));
        }
    };
    sys.eprint(format!("reading from file {path}, link-type {words}, snapshot length {}\n", saved.snaplen))
        .await;
    if link == LinkType::Cooked {
        options.style.cooked = true;
        sys.eprint("Warning: interface names might be incorrect\n").await;
    }
    if options.snaplen == MOST_SNAPLEN {
        options.snaplen = saved.snaplen;
    }
    let compiled = compile(sys, &options, link, Some(0), false).await?;
    let mut output = Output::new(sys, &options, saved.link_type).await?;
    output.lookup.devices = live::device_names(sys).await;
    for packet in &saved.packets {
        let ifindex = match link {
            LinkType::Cooked => {
                packet.bytes.get(4..8).and_then(<[u8]>::first_chunk).map_or(0, |it| u32::from_be_bytes(*it))
            }
            LinkType::Ethernet => 0,
        };
        let input = filter::Input { bytes: &packet.bytes, outgoing: false, ifindex };
        if compiled.matches(&input) {
            output.packet(packet.at, &packet.bytes, packet.length).await;
            if options.count.is_some_and(|count| output.captured >= count) {
                break;
            }
        }
    }
    output.finish().await;
    if options.only_count {
        let captured = output.captured;
        sys.print(format!("{captured} packet{}\n", if captured == 1 { "" } else { "s" })).await;
    }
    if let Some(fault) = saved.fault.filter(|_| options.count.is_none_or(|count| output.captured < count)) {
        sys.eprint(format!("{program}: pcap_loop: {fault}\n")).await;
        return Ok(Exit::FAILURE);
    }
    Ok(Exit::OK)
}
