//! `traceroute`: the routers on the way, found by packets that die on it. Source: traceroute(8), 2.1.2.
//! Not simulated: -A -d -D -e -g -l -O -P -r, --back, --fwmark, --mtu, --sport.
//!
//! Always: as many probes at once as -N says; lines come in order, as soon as they can.

mod options;
mod probe;

use super::{Args, Command, Exit};
use crate::resolver::{self, Hints};
use crate::sys::Sys;
use net::Errno;
use options::{Method, Options, Stop};
use probe::{Fatal, Probe, Prober};
use sim::Instant;
use std::net::IpAddr;
use std::time::Duration;

pub const TRACEROUTE: Command = Command {
    name: "traceroute",
    path: "/usr/sbin/traceroute",
    man: "traceroute(8)",
    run: |sys, args| Box::pin(traceroute(sys, args)),
};

const VERSION: &str = "Modern traceroute for Linux, version 2.1.2\nCopyright (c) 2016  Dmitry Butskoy,   License: GPL v2 \
                       or any later\n";
/// MAX_PACKET_LEN
const LONGEST: u32 = 65_000;

async fn traceroute(sys: Sys, args: Args) -> Exit {
    if args.rest().is_empty() {
        sys.eprint(include_str!("help.txt")).await;
        return Exit::OK;
    }
    let options = match Options::parse(args.rest()) {
        Ok(options) => options,
        Err(Stop::Help) => {
            sys.eprint(include_str!("help.txt")).await;
            return Exit::OK;
        }
        Err(Stop::Version) => {
            sys.eprint(VERSION).await;
            return Exit::OK;
        }
        Err(Stop::Wrong(told)) => {
            sys.eprint(told + "\n").await;
            return Exit(2);
        }
    };
    let host = options.host.clone().unwrap_or_default();
    let hints = Hints { family: options.family, ..Hints::default() };
    let target = match resolver::getaddrinfo(&sys, &host, hints).await {
        // IPv4 is preferred.
        Ok(found) => found.iter().map(|info| info.address).min_by_key(|address| !address.is_ipv4()),
        Err(error) => {
            let at = options.host_at;
            let told = format!("Cannot handle \"host\" cmdline arg `{host}' on position 1 (argc {at})");
            sys.eprint(format!("{host}: {}\n{told}\n", error.text())).await;
            return Exit(2);
        }
    };
    let Some(target) = target else { return Exit(2) };
    if options.first == 0 || options.first > options.most {
        sys.eprint("first hop out of range\n").await;
        return Exit(2);
    }
    let header = if target.is_ipv4() { 20 } else { 40 };
    let own = if options.method == Method::Tcp { 40 } else { 8 };
    if let Some(length) = options.length.filter(|length| *length > LONGEST) {
        sys.eprint(format!("too big packetlen {length} specified\n")).await;
        return Exit(2);
    }
    let length = options.length.unwrap_or(header + 40);
    let data = if own == 40 { 0 } else { length.saturating_sub(header + own) };
    let (hops, bytes) = (options.most, header + own + data);
    let mut trace = Trace {
        prober: Prober::new(&sys, &options, target, data as usize),
        probes: (0..usize::from(options.most) * options.queries).map(|_| Probe::default()).collect(),
    };
    if let Err((what, errno)) = trace.prober.begin().await {
        let denied = match errno {
            Errno::EPERM => "You do not have enough privileges to use this traceroute method.",
            _ => "",
        };
        sys.eprint(format!("{denied}\n{what}: {errno}\n")).await;
        return Exit::FAILURE;
    }
    sys.print(format!("traceroute to {host} ({target}), {hops} hops max, {bytes} byte packets")).await;
    match trace.run().await {
        Ok(()) => {
            sys.print("\n").await;
            Exit::OK
        }
        Err((what, errno)) => {
            sys.eprint(format!("\n{what}: {errno}\n")).await;
            Exit::FAILURE
        }
    }
}

struct Trace<'a> {
    prober: Prober<'a>,
    /// Those of hop 1 first.
    probes: Vec<Probe>,
}

impl Trace<'_> {
    async fn run(&mut self) -> Result<(), Fatal> {
        let queries = self.prober.options.queries;
        let (mut start, mut end) =
            ((usize::from(self.prober.options.first) - 1) * queries, self.probes.len());
        let mut last_sent: Option<Instant> = None;
        while start < end {
            let now = self.prober.sys.now().await;
            let (mut next, mut waiting, mut at) = (None, 0, start);
            while at < end {
                if at == start && !self.probes[at].done && self.probes[at].sent.is_some() {
                    let expires = self.expires(at);
                    if expires > now {
                        next = Some(expires);
                    } else {
                        self.probes[at].done = true;
                    }
                }
                if self.probes[at].done {
                    if at == start {
                        self.print(at).await;
                        start += 1;
                    }
                    if self.probes[at].last {
                        end = (at / queries + 1) * queries;
                    }
                    at += 1;
                    continue;
                }
                if self.probes[at].sent.is_none() {
                    let pause = self.prober.options.pause;
                    if let Some(last) = last_sent.filter(|last| now - *last < pause) {
                        next = Some(last + pause);
                        break;
                    }
                    self.prober.send(&mut self.probes[at], (at / queries + 1) as u8).await?;
                    last_sent = self.probes[at].sent;
                }
                waiting += 1;
                if waiting >= self.prober.options.at_once {
                    break;
                }
                at += 1;
            }
            if start < end {
                self.prober.wait(&mut self.probes, next.or(Some(now))).await;
            }
        }
        Ok(())
    }

    /// When this probe has waited long enough, by what others have taken.
    fn expires(&self, at: usize) -> Instant {
        let options = self.prober.options;
        let took = |probe: &Probe| Some(probe.received? - probe.sent?).filter(|_| probe.done);
        let hop = at - at % options.queries;
        let here = self.probes[hop..hop + options.queries].iter().find_map(took);
        let near = self.probes[at + 1..].iter().take_while(|probe| probe.sent.is_some()).find_map(took);
        let stretched =
            |time: Duration, factor: f64| (time + Duration::from_millis(1)).mul_f64(factor.clamp(0.0, 1e6));
        let wait = match (here, near) {
            (Some(time), _) if options.here > 0.0 => stretched(time, options.here).min(options.wait),
            (_, Some(time)) if options.near > 0.0 => stretched(time, options.near).min(options.wait),
            _ => options.wait,
        };
        self.probes[at].sent.unwrap_or_default() + wait
    }

    async fn print(&self, at: usize) {
        let options = self.prober.options;
        let hop = at - at % options.queries;
        let probe = &self.probes[at];
        let mut text = String::new();
        if at == hop {
            text += &format!("\n{:2} ", at / options.queries + 1);
        }
        match probe.from {
            None => text += " *",
            Some(from) => {
                let before = self.probes[hop..at].iter().rev().find_map(|probe| probe.from);
                if before != Some(from) {
                    text += &self.address(from).await;
                }
            }
        }
        if let (Some(sent), Some(received)) = (probe.sent, probe.received) {
            text += &format!("  {:.3} ms", (received - sent).as_nanos() as f64 / 1e6);
        }
        if !probe.note.is_empty() {
            text += &format!(" {}", probe.note);
        }
        self.prober.sys.print(text).await;
    }

    async fn address(&self, address: IpAddr) -> String {
        if self.prober.options.numeric {
            return format!(" {address}");
        }
        let name = resolver::name_of(&self.prober.sys, address).await;
        format!(" {} ({address})", name.unwrap_or_else(|| address.to_string()))
    }
}
