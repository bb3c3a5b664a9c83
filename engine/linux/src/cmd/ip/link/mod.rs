//! `ip link`: links are added, changed, deleted and listed.
//!
//! Differs from iproute2: no virtual functions, XDP or vrf; `xstats` and `afstats` are not simulated.

pub mod kind;
pub mod parse;
pub mod print;
pub mod stats;

use super::address::list;
use crate::cmd::iproute2::run::{Run, refused};
use crate::cmd::iproute2::{Stop, Words, matches};
use crate::process::ProcessId;
use crate::system::System;
use net::Errno;
use net::rtnetlink::{LinkKind, NetlinkError};
use parse::{Context, Target};
use std::cell::RefCell;
use std::collections::BTreeMap;

/// Types whose options iproute2 knows, be they in this kernel or not.
const KINDS: &[&str] = &[
    "amt",
    "bareudp",
    "bond",
    "bond_slave",
    "bridge",
    "bridge_slave",
    "can",
    "dsa",
    "dummy",
    "erspan",
    "geneve",
    "gre",
    "gretap",
    "gtp",
    "hsr",
    "ifb",
    "ip6erspan",
    "ip6gre",
    "ip6gretap",
    "ip6tnl",
    "ipip",
    "ipoib",
    "ipvlan",
    "ipvtap",
    "macsec",
    "macvlan",
    "macvtap",
    "netdevsim",
    "nlmon",
    "rmnet",
    "sit",
    "team",
    "team_slave",
    "vcan",
    "veth",
    "vlan",
    "vrf",
    "vrf_slave",
    "vti",
    "vti6",
    "vxcan",
    "vxlan",
    "wwan",
    "xfrm",
    "virt_wifi",
];

pub fn usage() -> Stop {
    Stop::exit(255, include_str!("../usage/link.txt"))
}

/// Words after a type that takes none.
pub(super) fn garbage(word: &str) -> Stop {
    Stop::fail(1, format!("Garbage instead of arguments \"{word} ...\". Try \"ip link help\".\n"))
}

fn garbage_exit(word: &str) -> Stop {
    Stop { status: 255, exits: true, ..garbage(word) }
}

pub async fn link(run: &mut Run, mut words: Words<'_>) -> Result<(), Stop> {
    let Some(verb) = words.next() else { return list::links(run, words).await };
    if matches(verb, "add") {
        add(run, words, false).await
    } else if matches(verb, "set") || matches(verb, "change") {
        set(run, words).await
    } else if matches(verb, "replace") {
        add(run, words, true).await
    } else if matches(verb, "delete") {
        delete(run, words).await
    } else if matches(verb, "show") || matches(verb, "lst") || matches(verb, "list") {
        list::links(run, words).await
    } else if matches(verb, "xstats") || matches(verb, "afstats") {
        Err(Stop::not_simulated("ip", &format!("link {verb}"), "ip -s link"))
    } else if matches(verb, "property") {
        property(run, words).await
    } else if matches(verb, "help") {
        match words.next().and_then(kind::usage) {
            Some(text) => {
                run.out.text(text);
                Ok(())
            }
            None => Err(usage()),
        }
    } else {
        Err(Stop::exit(255, format!("Command \"{verb}\" is unknown, try \"ip link help\".\n")))
    }
}

pub fn machine_netns(system: &mut System, id: ProcessId) -> api::NetnsId {
    system.host(system.process(id).machine).netns
}

/// Looks up what stands behind each `netns`: a name, a path, or a process.
async fn targets(run: &Run, words: &Words<'_>) -> BTreeMap<String, Target> {
    let mut found = BTreeMap::new();
    let rest = words.rest();
    for (word, value) in rest.iter().zip(rest.iter().skip(1)) {
        if word != "netns" || found.contains_key(value) {
            continue;
        }
        let path = if value.contains('/') { value.clone() } else { format!("/run/netns/{value}") };
        if let Ok(netns) = run.sys.netns_at(&path).await {
            found.insert(value.clone(), Target::Netns(netns));
        } else if let Some(pid) = crate::cmd::iproute2::number::integer(value) {
            let target = match run.sys.netns_at(&format!("/proc/{pid}/ns/net")).await {
                Ok(netns) => Target::Netns(netns),
                // Process 1 is the machine itself.
                Err(_) if pid == 1 => Target::Netns(run.sys.ask(machine_netns).await),
                Err(_) => Target::NoProcess,
            };
            found.insert(value.clone(), target);
        }
    }
    found
}

/// The request and whether all links of a group are meant.
async fn read(run: &Run, words: &mut Words<'_>, creates: bool) -> Result<(parse::Parsed, String), Stop> {
    let targets = targets(run, words).await;
    let snapshot = run.snapshot().await;
    let warnings = RefCell::new(String::new());
    let context =
        Context { snapshot: &snapshot, names: &run.names, targets: &targets, creates, warnings: &warnings };
    let mut parsed = parse::link(words, &context)?;
    if let Some(kind) = parsed.kind.clone() {
        if !words.is_empty() && !KINDS.contains(&kind.as_str()) {
            return Err(match words.peek() {
                Some(word) if !matches(word, "help") => garbage(word),
                _ => usage(),
            });
        }
        let told = kind::parse(&kind, words, &mut parsed.request, &context);
        told.map_err(|stop| Stop { text: warnings.borrow().clone() + &stop.text, ..stop })?;
    }
    if parsed.no_process {
        return Err(refused(&Errno::ESRCH.into(), 2));
    }
    if run.options.echo {
        return Err(Stop::not_simulated("ip", "-echo", "ip link show"));
    }
    Ok((parsed, warnings.into_inner()))
}

async fn add(run: &mut Run, mut words: Words<'_>, replace: bool) -> Result<(), Stop> {
    let (parsed, warnings) = read(run, &mut words, true).await?;
    if parsed.kind.is_none() {
        return Err(Stop::fail(1, "Not enough information: \"type\" argument is required\n"));
    }
    run.sys.eprint(warnings).await;
    let request = parsed.request;
    run.request(move |net, ns| {
        if request.name.as_ref().is_some_and(|name| name.len() > parse::NAME_BYTES) {
            return Err(NetlinkError::new(Errno::ERANGE, "Attribute failed policy validation"));
        }
        let there = request.name.as_deref().and_then(|name| net.device_index(ns, name));
        match there.filter(|_| replace) {
            Some(index) => {
                let change = net::rtnetlink::LinkRequest { index: Some(index), name: None, ..request };
                net.link_set(ns, &change)
            }
            None => net.link_add(ns, &request).map(|_| ()),
        }
    })
    .await
}

async fn set(run: &mut Run, mut words: Words<'_>) -> Result<(), Stop> {
    let (parsed, warnings) = read(run, &mut words, false).await?;
    run.sys.eprint(warnings).await;
    let (request, group) = (parsed.request, parsed.whole_group);
    run.request(move |net, ns| match group {
        Some(group) => net.link_set_group(ns, group, &request),
        None => net.link_set(ns, &request),
    })
    .await
}

async fn delete(run: &mut Run, mut words: Words<'_>) -> Result<(), Stop> {
    let (parsed, _) = read(run, &mut words, false).await?;
    let (index, group) = (parsed.request.index, parsed.whole_group);
    let kind = parsed.request.kind.as_ref().map(|kind: &LinkKind| kind.name().to_owned());
    run.request(move |net, ns| match (group, index, kind) {
        (Some(group), ..) => net.link_delete_group(ns, group),
        (None, Some(index), _) => net.link_delete(ns, index),
        (None, None, _) => Err(Errno::EINVAL.into()),
    })
    .await
}

/// `ip link property { add | del } dev DEV [ altname NAME … ]`
async fn property(run: &mut Run, mut words: Words<'_>) -> Result<(), Stop> {
    let Some(verb) = words.next() else { return Err(usage()) };
    let adds = match verb {
        _ if matches(verb, "add") => true,
        _ if matches(verb, "del") => false,
        _ if matches(verb, "help") => return Err(usage()),
        _ => return Err(Stop::exit(255, "Operator required\n")),
    };
    let (mut device, mut altnames) = (None, Vec::new());
    while let Some(word) = words.next() {
        if matches(word, "altname") {
            let name = words.value()?;
            if !parse::is_altname(name) {
                return Err(Stop::wrong("not a valid altname", name));
            }
            altnames.push(name.to_owned());
        } else if matches(word, "help") {
            return Err(usage());
        } else {
            let name = if word == "dev" { words.value()? } else { word };
            if device.is_some() {
                return Err(Stop::garbage("dev", name));
            }
            if !parse::is_altname(name) {
                return Err(Stop::wrong("\"dev\" not a valid ifname", name));
            }
            device = Some(name.to_owned());
        }
    }
    let Some(device) = device else {
        return Err(Stop::exit(255, "Not enough of information: \"dev\" argument is required.\n"));
    };
    let index = run.snapshot().await.device(&device)?;
    run.request(move |net, ns| {
        altnames.iter().try_for_each(|name| match adds {
            true => net.link_altname_add(ns, index, name),
            false => net.link_altname_delete(ns, index, name),
        })
    })
    .await
}
