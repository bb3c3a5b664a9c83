//! `bridge`: ports and forwarding entries of bridges.
//!
//! Always: options and errors are those of iproute2, a refusal of the kernel ends with status 255.
//! Differs from iproute2: the kernel is one without VLAN filtering, and it does not tell of multicast groups.
//! Source: bridge(8) of iproute2 6.1.0 and its observable behaviour.

mod fdb;
mod link;
mod mdb;
mod monitor;
mod vlan;

use super::iproute2::run::{Object, Options, Run};
use super::iproute2::{Family, Stop, Words, batch, matches};
use super::{Args, Command, Exit};
use crate::sys::Sys;
use net::rtnetlink::{LinkInfo, NetlinkResult};
use net::{Errno, Network};

pub const BRIDGE: Command = Command {
    name: "bridge",
    path: "/usr/sbin/bridge",
    man: "bridge(8)",
    run: |sys, args| Box::pin(bridge(sys, args)),
};

/// The order decides what a beginning stands for.
const OBJECTS: &[&str] = &["link", "fdb", "mdb", "vlan", "vni", "monitor", "help"];

fn usage() -> Stop {
    Stop::exit(255, include_str!("usage/bridge.txt"))
}

#[derive(Debug, Default)]
struct Parsed {
    options: Options,
    color: Option<String>,
    netns: Option<String>,
    batch: Option<String>,
    version: bool,
}

fn option(parsed: &mut Parsed, word: &str, words: &mut Words<'_>) -> Result<(), Stop> {
    let is = |full| matches(word, full);
    let options = &mut parsed.options;
    match word {
        _ if is("-help") => return Err(usage()),
        _ if is("-Version") => parsed.version = true,
        _ if is("-stats") || is("-statistics") => options.stats = options.stats.saturating_add(1),
        _ if is("-details") => options.details = true,
        _ if is("-oneline") => options.dress.oneline = true,
        _ if is("-timestamp") => options.timestamp = 1,
        _ if is("-family") => {
            let value = words.next().filter(|value| *value != "help").ok_or_else(usage)?;
            options.family = match value {
                "inet" => Family::Inet,
                "inet6" => Family::Inet6,
                _ => return Err(Stop::wrong("invalid protocol family", value)),
            };
        }
        "-4" => options.family = Family::Inet,
        "-6" => options.family = Family::Inet6,
        _ if is("-netns") => parsed.netns = Some(words.value()?.to_owned()),
        _ if batch::take_color(word, &mut parsed.color) => {}
        // Ranges of VLANs, of which there are none.
        _ if is("-compressvlans") => {}
        _ if is("-force") => options.force = true,
        _ if is("-json") => options.dress.json = true,
        _ if is("-pretty") => options.dress.pretty = true,
        _ if is("-batch") => parsed.batch = Some(words.next().ok_or_else(usage)?.to_owned()),
        _ => {
            return Err(Stop::exit(255, format!("Option \"{word}\" is unknown, try \"bridge help\".\n")));
        }
    }
    Ok(())
}

fn options(words: &mut Words<'_>) -> Result<Parsed, Stop> {
    let mut parsed = Parsed::default();
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

async fn bridge(sys: Sys, args: Args) -> Exit {
    let mut words = Words::new(args.rest());
    let parsed = match options(&mut words) {
        Ok(parsed) => parsed,
        Err(stop) => return stop.told(&sys).await,
    };
    if parsed.version {
        sys.print("bridge utility, 6.1.0\n").await;
        return Exit::OK;
    }
    let mut run = match Run::start(sys.clone(), parsed.options, parsed.netns, parsed.color).await {
        Ok(run) => run,
        Err(stop) => return stop.told(&sys).await,
    };
    let object: Object = |run, object, words| Box::pin(dispatch(run, object, words));
    match (parsed.batch, words.next()) {
        (Some(file), _) => run.batch(&file, object).await,
        (None, Some(word)) => run.one(object, word, words).await,
        (None, None) => usage().told(&sys).await,
    }
}

async fn dispatch(run: &mut Run, object: &str, words: Words<'_>) -> Result<(), Stop> {
    match OBJECTS.iter().copied().find(|full| matches(object, full)) {
        Some("link") => link::link(run, words).await,
        Some("fdb") => fdb::fdb(run, words).await,
        Some("mdb") => mdb::mdb(run, words).await,
        Some("vlan") => vlan::vlan(run, words).await,
        Some("monitor") => monitor::monitor(run, words).await,
        Some("help") => Err(usage()),
        Some(other) => Err(Stop::not_simulated("bridge", other, "bridge help")),
        None => Err(Stop::fail(255, format!("Object \"{object}\" is unknown, try \"bridge help\".\n"))),
    }
}

/// `bridge`'s own commands leave with 255 where `ip`'s leave with 1.
fn no_device(name: &str) -> Stop {
    Stop::fail(255, format!("Cannot find device \"{name}\"\n"))
}

fn no_bridge(name: &str) -> Stop {
    Stop::fail(255, format!("Cannot find bridge device \"{name}\"\n"))
}

fn unknown_command(object: &str, verb: &str) -> Stop {
    Stop::exit(255, format!("Command \"{verb}\" is unknown, try \"bridge {object} help\".\n"))
}

/// What is asked of a device that is neither the right kind of port nor of bridge.
fn unsupported<T>() -> NetlinkResult<T> {
    Err(Errno::EOPNOTSUPP.into())
}

fn is_bridge(net: &mut Network, netns: api::NetnsId, index: u32) -> bool {
    net.link_by_index(netns, index).is_ok_and(|link| matches!(link.kind, LinkInfo::Bridge(_)))
}
