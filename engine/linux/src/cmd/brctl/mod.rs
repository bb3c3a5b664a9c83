//! `brctl`: the older words for bridges and their ports.
//!
//! Always: what is asked is done at one stroke, then told; errors are the real program's own words.
//! Differs from bridge-utils: the age of an address is known to the second.
//! Source: brctl(8) of bridge-utils 1.7.1 and its observable behaviour.

mod change;
mod show;

use super::getopt::{Found, Getopt, Long, Takes};
use super::{Args, Command, Exit};
use crate::sys::Sys;
use api::NetnsId;
use net::rtnetlink::{Link, LinkInfo};
use net::{Errno, Network};

pub const BRCTL: Command = Command {
    name: "brctl",
    path: "/usr/sbin/brctl",
    man: "brctl(8)",
    run: |sys, args| Box::pin(brctl(sys, args)),
};

const OPTIONS: &[Long] = &[("help", Takes::Nothing, 'h'), ("version", Takes::Nothing, 'V')];

/// The longest name a device may have (IFNAMSIZ less its end).
const NAME_BYTES: usize = 15;

/// What a command prints, and how it ends.
#[derive(Debug, Default, PartialEq, Eq)]
struct Told {
    out: String,
    err: String,
    failed: bool,
}

impl Told {
    fn error(text: String) -> Told {
        Told { err: text + "\n", failed: true, ..Told::default() }
    }

    /// Nothing said, or an error.
    fn done(result: Result<(), String>) -> Told {
        result.map_or_else(Told::error, |()| Told::default())
    }
}

type Run = fn(&mut Network, NetnsId, &[String]) -> Told;

/// Least number of arguments, name, what it does, and its help.
const COMMANDS: &[(usize, &str, Run, &str)] = &[
    (1, "addbr", change::add_bridge, "<bridge>\t\tadd bridge"),
    (1, "delbr", change::delete_bridge, "<bridge>\t\tdelete bridge"),
    (2, "addif", change::add_ports, "<bridge> <device>\tadd interface to bridge"),
    (2, "delif", change::delete_ports, "<bridge> <device>\tdelete interface from bridge"),
    (3, "hairpin", change::hairpin, "<bridge> <port> {on|off}\tturn hairpin on/off"),
    (2, "setageing", change::ageing, "<bridge> <time>\t\tset ageing time"),
    (2, "setbridgeprio", change::bridge_priority, "<bridge> <prio>\t\tset bridge priority"),
    (2, "setfd", change::forward_delay, "<bridge> <time>\t\tset bridge forward delay"),
    (2, "sethello", change::hello, "<bridge> <time>\t\tset hello time"),
    (2, "setmaxage", change::max_age, "<bridge> <time>\t\tset max message age"),
    (3, "setpathcost", change::path_cost, "<bridge> <port> <cost>\tset path cost"),
    (3, "setportprio", change::port_priority, "<bridge> <port> <prio>\tset port priority"),
    (0, "show", show::bridges, "[ <bridge> ]\t\tshow a list of bridges"),
    (1, "showmacs", show::macs, "<bridge>\t\tshow a list of mac addrs"),
    (1, "showstp", show::stp, "<bridge>\t\tshow bridge stp info"),
    (2, "stp", change::stp, "<bridge> {on|off}\tturn stp on/off"),
];

fn help() -> String {
    let lines = COMMANDS.iter().map(|(_, name, _, help)| format!("\t{name:<10}\t{help}\n"));
    format!("Usage: brctl [commands]\ncommands:\n{}", lines.collect::<String>())
}

async fn brctl(sys: Sys, args: Args) -> Exit {
    let mut options = Getopt::new(args.name(), args.rest(), "Vh", OPTIONS);
    let mut err = String::new();
    match options.next() {
        Some(Found::Option('V', _)) => {
            sys.print("bridge-utils, 1.7\n").await;
            return Exit::OK;
        }
        Some(Found::Option(..)) => {
            sys.print(help()).await;
            return Exit::OK;
        }
        Some(Found::Wrong(text)) => err = format!("{text}Unknown option '?'\n"),
        None => {}
    }
    let is_root = sys.uid().await == 0;
    let words = options.operands();
    let command = words.first().filter(|_| err.is_empty());
    let known = command.and_then(|word| COMMANDS.iter().find(|(_, name, ..)| name == word));
    let Some((least, name, run, usage)) = known else {
        if let Some(command) = command {
            err = format!("never heard of command [{command}]\n");
        }
        sys.eprint(err).await;
        sys.print(help()).await;
        return Exit::FAILURE;
    };
    if words.len() <= *least {
        let text = format!("Incorrect number of arguments for command\nUsage: brctl {name} {usage}\n");
        sys.print(text).await;
        return Exit::FAILURE;
    }
    let told = match denied(name, &words[1..]).filter(|_| !is_root) {
        Some(text) => Told::error(text),
        None => sys.net(move |net, ns| run(net, ns, &words[1..])).await,
    };
    sys.eprint(told.err).await;
    sys.print(told.out).await;
    if told.failed { Exit::FAILURE } else { Exit::OK }
}

/// What a command that changes something tells anybody but root.
fn denied(command: &str, words: &[String]) -> Option<String> {
    let word = |index: usize| words.get(index).map_or("", String::as_str);
    let (bridge, port) = (word(0), word(1));
    let what = match command {
        "addbr" => "add bridge failed".to_owned(),
        "delbr" => format!("can't delete bridge {bridge}"),
        "addif" => format!("can't add {port} to bridge {bridge}"),
        "delif" => format!("can't delete {port} from {bridge}"),
        "hairpin" => format!("can't set {port} to hairpin on bridge {bridge}"),
        "stp" => "set stp status failed".to_owned(),
        "setageing" => "set ageing time failed".to_owned(),
        "setfd" => "set forward delay failed".to_owned(),
        "sethello" => "set hello timer failed".to_owned(),
        "setmaxage" => "set max age failed".to_owned(),
        "setbridgeprio" => "set bridge priority failed".to_owned(),
        "setpathcost" => "set path cost failed".to_owned(),
        "setportprio" => "set port priority failed".to_owned(),
        _ => return None,
    };
    Some(format!("{what}: {}", Errno::EPERM))
}

/// The name as the kernel sees it: cut where it is too long.
fn cut(name: &str) -> &str {
    let mut end = name.len().min(NAME_BYTES);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    &name[..end]
}

/// The bridge of that name, or why there is none: ENODEV, EOPNOTSUPP.
fn bridge(net: &mut Network, ns: NetnsId, name: &str) -> Result<Link, Errno> {
    let link = net.link_by_name(ns, cut(name)).map_err(|_| Errno::ENODEV)?;
    match link.kind {
        LinkInfo::Bridge(_) => Ok(link),
        _ => Err(Errno::EOPNOTSUPP),
    }
}

/// The ports of a bridge, by name.
fn ports(net: &mut Network, ns: NetnsId, bridge: &Link) -> Vec<Link> {
    let mut ports = net.links(ns);
    ports.retain(|link| link.master == Some(bridge.index) && link.port.is_some());
    ports.sort_by(|a, b| a.name.cmp(&b.name));
    ports
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_is_cut_at_fifteen_bytes() {
        assert_eq!(cut("averyveryverylongname"), "averyveryverylo");
        assert_eq!(cut("br0"), "br0");
        assert_eq!(cut("brücken-brückenX"), "brücken-brück");
    }

    #[test]
    fn the_help_begins_as_the_real_one() {
        assert!(help().starts_with(
            "Usage: brctl [commands]\ncommands:\n\taddbr     \t<bridge>\t\tadd bridge\n\tdelbr     \t"
        ));
    }
}
