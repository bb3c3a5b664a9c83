//! `bridge link`: the ports of bridges and their switches.
//!
//! Differs from iproute2: no backup ports and no hardware modes.

use super::{is_bridge, no_bridge, no_device, unknown_command, unsupported};
use crate::cmd::ip::link::kind::bridge_slave::{state_name, state_number, switch};
use crate::cmd::ip::link::print::{Listing, flags_of};
use crate::cmd::iproute2::number::{atoi, integer};
use crate::cmd::iproute2::run::{Run, Snapshot, refused};
use crate::cmd::iproute2::{Family, Printer, Stop, Words, matches};
use net::rtnetlink::{Link, LinkRequest, PortRequest};

fn usage() -> Stop {
    Stop::exit(255, include_str!("usage/link.txt"))
}

pub async fn link(run: &mut Run, mut words: Words<'_>) -> Result<(), Stop> {
    match words.next() {
        None => show(run, words).await,
        Some(verb) if matches(verb, "set") || matches(verb, "change") => set(run, words).await,
        Some(verb) if matches(verb, "show") || matches(verb, "lst") || matches(verb, "list") => {
            show(run, words).await
        }
        Some(verb) if matches(verb, "help") => Err(usage()),
        Some(verb) => Err(unknown_command("link", verb)),
    }
}

async fn show(run: &mut Run, mut words: Words<'_>) -> Result<(), Stop> {
    let mut device = None;
    while let Some(word) = words.next() {
        if word == "dev" {
            let value = words.value()?;
            if device.is_some() {
                return Err(Stop::second("dev", value));
            }
            device = Some(value);
        }
    }
    let snapshot = run.snapshot().await;
    let only = device.map(|name| snapshot.index(name).ok_or_else(|| no_device(name))).transpose()?;
    run.out.begin();
    for link in snapshot.links.iter().filter(|link| link.port.is_some()) {
        if only.is_none_or(|index| index == link.index) {
            run.out.open_object(None);
            row(run, &snapshot, link);
            run.out.close_object();
        }
    }
    run.out.end();
    Ok(())
}

/// One port, its line ended.
pub fn row(run: &mut Run, snapshot: &Snapshot, link: &Link) {
    let options = run.options.clone();
    let listing = Listing {
        options: &options,
        names: &run.names,
        snapshot,
        links_only: true,
        family: Family::Bridge,
        queue: false,
    };
    let out = &mut run.out;
    out.field("ifindex", link.index, format_args!("{}: ", link.index));
    let lower_down = listing.name_and_link(out, link, true, |name| format!("{name}: "));
    flags_of(out, link.flags, lower_down);
    out.field("mtu", link.mtu, format_args!("mtu {} ", link.mtu));
    if let Some(master) = link.master {
        let name = snapshot.name(master);
        out.field("master", &name, format_args!("master {name} "));
    }
    if let Some(port) = &link.port {
        let state = state_name(port.state);
        out.field("state", state, format_args!("state {state} "));
        out.field("priority", port.priority, format_args!("priority {} ", port.priority));
        out.field("cost", port.cost, format_args!("cost {} ", port.cost));
        if options.details {
            out.line();
            out.text("    ");
            switches(out, link);
        }
    }
    out.text("\n");
}

fn switches(out: &mut Printer, link: &Link) {
    let Some(port) = &link.port else { return };
    switch(out, "hairpin", port.hairpin);
    switch(out, "guard", port.guard);
    switch(out, "root_block", port.root_block);
    switch(out, "fastleave", port.fastleave);
    switch(out, "learning", port.learning);
    switch(out, "flood", port.flood);
    switch(out, "mcast_flood", port.mcast_flood);
    switch(out, "bcast_flood", port.bcast_flood);
    out.field("mcast_router", port.mcast_router, format_args!("mcast_router {} ", port.mcast_router));
    switch(out, "mcast_to_unicast", port.mcast_to_unicast);
    switch(out, "neigh_suppress", port.neigh_suppress);
    switch(out, "vlan_tunnel", port.vlan_tunnel);
    switch(out, "isolated", port.isolated);
    switch(out, "locked", port.locked);
}

/// What `set` asks for, and of whom: the bridge (`master`) or the device (`self`).
#[derive(Debug, Default)]
struct Change<'a> {
    device: Option<&'a str>,
    port: PortRequest,
    is_self: bool,
    master: bool,
}

fn on_off(words: &mut Words<'_>, key: &str) -> Result<Option<bool>, Stop> {
    if words.is_empty() {
        return Err(Stop::incomplete());
    }
    words.on_off_prefix(key).map(Some).map_err(|text| Stop::fail(234, text))
}

impl<'a> Change<'a> {
    fn word(&mut self, word: &'a str, words: &mut Words<'a>, snapshot: &Snapshot) -> Result<(), Stop> {
        let port = &mut self.port;
        match word {
            "dev" => self.device = Some(words.value()?),
            "guard" => port.guard = on_off(words, word)?,
            "hairpin" => port.hairpin = on_off(words, word)?,
            "fastleave" => port.fastleave = on_off(words, word)?,
            "root_block" => port.root_block = on_off(words, word)?,
            "learning" => port.learning = on_off(words, word)?,
            // The kernel takes it, and only switch hardware heeds it.
            "learning_sync" => {
                on_off(words, word)?;
            }
            "flood" => port.flood = on_off(words, word)?,
            "mcast_router" => port.mcast_router = Some(atoi(words.value()?) as u8).filter(|it| *it < 128),
            "mcast_flood" => port.mcast_flood = on_off(words, word)?,
            "bcast_flood" => port.bcast_flood = on_off(words, word)?,
            "mcast_to_unicast" => port.mcast_to_unicast = on_off(words, word)?,
            "cost" => port.cost = Some(atoi(words.value()?) as u32).filter(|cost| *cost > 0),
            "priority" => port.priority = u16::try_from(atoi(words.value()?) as i16).ok(),
            "state" => {
                let value = words.value()?;
                let number = integer(value).filter(|_| !value.starts_with('0') || value == "0");
                let number = number.map(|it| it as u8).or_else(|| state_number(value));
                let wrong = || Stop::fail(255, "Error: invalid STP port state\n");
                port.state = Some(number.ok_or_else(wrong)?).filter(|it| *it < 128);
            }
            "hwmode" => {
                if !matches!(words.value()?, "vepa" | "veb") {
                    return Err(Stop::fail(255, "Mode argument must be \"vepa\" or \"veb\".\n"));
                }
                self.is_self = true;
            }
            "self" => self.is_self = true,
            "master" => self.master = true,
            "neigh_suppress" => port.neigh_suppress = on_off(words, word)?,
            "vlan_tunnel" => port.vlan_tunnel = on_off(words, word)?,
            "isolated" => port.isolated = on_off(words, word)?,
            "locked" => port.locked = on_off(words, word)?,
            "backup_port" => {
                let value = words.value()?;
                if snapshot.index(value).is_none() {
                    return Err(Stop::fail(255, format!("Error: device {value} does not exist\n")));
                }
                return Err(Stop::not_simulated("bridge", word, ""));
            }
            "nobackup_port" => return Err(Stop::not_simulated("bridge", word, "")),
            _ => return Err(usage()),
        }
        Ok(())
    }
}

async fn set(run: &mut Run, mut words: Words<'_>) -> Result<(), Stop> {
    let snapshot = run.snapshot().await;
    let mut change = Change::default();
    while let Some(word) = words.next() {
        change.word(word, &mut words, &snapshot)?;
    }
    let name = change.device.ok_or_else(|| Stop::fail(255, "Device is a required argument.\n"))?;
    let index = snapshot.index(name).ok_or_else(|| no_bridge(name))?;
    let Change { port, is_self, master, .. } = change;
    let done = run
        .change(move |net, ns| {
            if master || !is_self {
                if !net.link_by_index(ns, index).is_ok_and(|link| link.port.is_some()) {
                    return unsupported();
                }
                let request = LinkRequest { index: Some(index), port: Some(port), ..LinkRequest::default() };
                net.link_set(ns, &request)?;
            }
            // Of drivers only a bridge's own has such a call, and it has nothing to switch.
            if is_self && !is_bridge(net, ns, index) {
                return unsupported();
            }
            Ok(())
        })
        .await;
    done.map_err(|error| refused(&error, 255))
}
