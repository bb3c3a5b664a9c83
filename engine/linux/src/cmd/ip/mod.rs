//! `ip`: links, addresses, routes, rules, neighbours and namespaces.
//!
//! Always: objects, commands and keywords may be shortened, and the first that fits in the real tool's order is
//! meant. A kernel's refusal ends with status 2, a wrong word with 1 or 255, as in the real tool.
//! Differs from iproute2: objects of other protocols (xfrm, mptcp, l2tp …) are not simulated.
//! Source: ip(8) of iproute2 6.1.0 and its observable behaviour.

pub(super) mod address;
pub(super) mod link;
mod maddr;
pub(super) mod monitor;
mod neigh;
mod netns;
mod nexthop;
mod route;
mod rule;
mod tunnel;

use super::iproute2::run::{Object, Options, Run};
use super::iproute2::{Family, Stop, Words, batch, matches, number};
use super::{Args, Command, Exit};
use crate::sys::Sys;

pub const IP: Command =
    Command { name: "ip", path: "/usr/sbin/ip", man: "ip(8)", run: |sys, args| Box::pin(ip(sys, args)) };

/// As many rounds a flush makes unless `-loops` says otherwise.
const FLUSH_ROUNDS: u32 = 10;

/// The order decides what a beginning stands for.
const OBJECTS: &[&str] = &[
    "address",
    "addrlabel",
    "maddress",
    "route",
    "rule",
    "neighbor",
    "neighbour",
    "ntable",
    "ntbl",
    "link",
    "l2tp",
    "fou",
    "ila",
    "macsec",
    "tunnel",
    "tunl",
    "tuntap",
    "tap",
    "token",
    "tcpmetrics",
    "tcp_metrics",
    "monitor",
    "xfrm",
    "mroute",
    "mrule",
    "netns",
    "netconf",
    "vrf",
    "sr",
    "nexthop",
    "mptcp",
    "ioam",
    "help",
    "stats",
];

fn usage() -> Stop {
    Stop::exit(255, include_str!("usage/ip.txt"))
}

/// What the options before the object asked for.
#[derive(Debug, Default)]
struct Parsed {
    options: Options,
    numeric: bool,
    /// `-color`: always, auto or never; the last word counts.
    color: Option<String>,
    netns: Option<String>,
    batch: Option<String>,
    version: bool,
}

fn options(words: &mut Words<'_>) -> Result<Parsed, Stop> {
    let mut parsed =
        Parsed { options: Options { loops: FLUSH_ROUNDS, ..Options::default() }, ..Parsed::default() };
    while let Some(word) = words.peek().filter(|word| word.starts_with('-')) {
        words.next();
        if word == "--" {
            break;
        }
        let word = if word.starts_with("--") { &word[1..] } else { word };
        option(&mut parsed, word, words)?;
        if parsed.version {
            break;
        }
    }
    Ok(parsed)
}

fn option(parsed: &mut Parsed, word: &str, words: &mut Words<'_>) -> Result<(), Stop> {
    let is = |full| matches(word, full);
    let options = &mut parsed.options;
    match word {
        _ if is("-loops") => {
            let value = words.next().ok_or_else(usage)?;
            options.loops = number::unsigned(value).unwrap_or(0);
        }
        _ if is("-family") => {
            let value = words.next().filter(|value| *value != "help").ok_or_else(usage)?;
            let family = Family::from_name(value);
            options.family = family.ok_or_else(|| Stop::wrong("invalid protocol family", value))?;
        }
        "-4" => options.family = Family::Inet,
        "-6" => options.family = Family::Inet6,
        "-0" => options.family = Family::Packet,
        "-M" => options.family = Family::Mpls,
        "-B" => options.family = Family::Bridge,
        _ if is("-human") || is("-human-readable") => options.human = true,
        _ if is("-iec") => options.iec = true,
        _ if is("-stats") || is("-statistics") => options.stats = options.stats.saturating_add(1),
        _ if is("-details") => options.details = true,
        _ if is("-resolve") => options.resolve = true,
        _ if is("-oneline") => options.dress.oneline = true,
        _ if is("-timestamp") => options.timestamp = options.timestamp.max(1),
        _ if is("-tshort") => options.timestamp = 2,
        _ if is("-Version") => parsed.version = true,
        _ if is("-force") => options.force = true,
        _ if is("-batch") => parsed.batch = Some(words.next().ok_or_else(usage)?.to_owned()),
        _ if is("-brief") => options.brief = true,
        _ if is("-json") => options.dress.json = true,
        _ if is("-pretty") => options.dress.pretty = true,
        _ if is("-rcvbuf") => {
            let size = words.next().ok_or_else(usage)?;
            if number::unsigned::<u32>(size).is_none() {
                return Err(Stop::exit(255, format!("Invalid rcvbuf size '{size}'\n")));
            }
        }
        _ if batch::take_color(word, &mut parsed.color) => {}
        _ if is("-help") => return Err(usage()),
        _ if is("-netns") => parsed.netns = Some(words.next().unwrap_or("(null)").to_owned()),
        _ if is("-Numeric") => parsed.numeric = true,
        _ if is("-all") => options.all = true,
        "-echo" => options.echo = true,
        _ => return Err(Stop::exit(255, format!("Option \"{word}\" is unknown, try \"ip -help\".\n"))),
    }
    Ok(())
}

async fn ip(sys: Sys, args: Args) -> Exit {
    let mut words = Words::new(args.rest());
    let parsed = match options(&mut words) {
        Ok(parsed) => parsed,
        Err(stop) => return stop.told(&sys).await,
    };
    if parsed.version {
        sys.print("ip utility, iproute2-6.1.0, libbpf 1.1.2\n").await;
        return Exit::OK;
    }
    let mut run = match Run::start(sys.clone(), parsed.options, parsed.netns, parsed.color).await {
        Ok(run) => run,
        Err(stop) => return stop.told(&sys).await,
    };
    run.names.numeric = parsed.numeric;
    let object: Object = |run, object, words| Box::pin(dispatch(run, object, words));
    match (parsed.batch, words.next()) {
        (Some(file), _) => run.batch(&file, object).await,
        (None, Some(word)) => run.one(object, word, words).await,
        (None, None) => usage().told(&sys).await,
    }
}

async fn dispatch(run: &mut Run, object: &str, words: Words<'_>) -> Result<(), Stop> {
    let Some(full) = OBJECTS.iter().find(|full| matches(object, full)) else {
        return Err(Stop::fail(1, format!("Object \"{object}\" is unknown, try \"ip help\".\n")));
    };
    match *full {
        "address" => address::address(run, words).await,
        "link" => link::link(run, words).await,
        "route" => route::route(run, words).await,
        "rule" => rule::rule(run, words).await,
        "neighbor" | "neighbour" => neigh::neigh(run, words).await,
        "netns" => netns::netns(run, words).await,
        "monitor" => monitor::monitor(run, words).await,
        "maddress" => maddr::maddr(run, words).await,
        "tunnel" | "tunl" => tunnel::tunnel(run, words).await,
        "nexthop" => nexthop::nexthop(run, words).await,
        "stats" => stats(words).await,
        "help" => Err(usage()),
        other => Err(Stop::not_simulated("ip", other, "ip help")),
    }
}

/// `ip stats show`: one line per device and group, of which only link counters are simulated.
async fn stats(mut words: Words<'_>) -> Result<(), Stop> {
    match words.next() {
        Some(word) if matches(word, "help") => Err(Stop::exit(0, include_str!("usage/stats.txt"))),
        Some(word) if !matches(word, "show") && !matches(word, "set") => {
            Err(Stop::exit(255, format!("Command \"{word}\" is unknown, try \"ip stats help\".\n")))
        }
        _ => Err(Stop::not_simulated("ip", "stats", "ip -s link")),
    }
}
