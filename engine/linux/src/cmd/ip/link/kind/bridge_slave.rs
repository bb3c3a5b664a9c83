//! `type bridge_slave`: the options of a bridge's port, and what `-details` says of one.

use super::bridge::{hexadecimal, id_text, timer};
use super::{not_simulated, unknown};
use crate::cmd::iproute2::{Printer, Stop, Words, matches, number};
use net::rtnetlink::{PortInfo, PortRequest};

/// `BR_STATE_*`
pub const STATES: [&str; 5] = ["disabled", "listening", "learning", "forwarding", "blocking"];

fn value<T: TryFrom<u64>>(words: &mut Words<'_>, message: &str) -> Result<T, Stop> {
    let word = words.value()?;
    number::unsigned(word).ok_or_else(|| Stop::wrong(message, word))
}

fn on_off(words: &mut Words<'_>, key: &str) -> Result<Option<bool>, Stop> {
    if words.peek().is_none() {
        return Err(Stop::incomplete());
    }
    words.on_off_prefix(key).map(Some).map_err(|text| Stop::exit(1, text))
}

pub fn parse(words: &mut Words<'_>) -> Result<PortRequest, Stop> {
    const KEYS: &[&str] = &[
        "fdb_flush",
        "state",
        "priority",
        "cost",
        "hairpin",
        "guard",
        "root_block",
        "fastleave",
        "learning",
        "flood",
        "mcast_flood",
        "bcast_flood",
        "mcast_to_unicast",
        "proxy_arp",
        "proxy_arp_wifi",
        "mcast_router",
        "mcast_fast_leave",
        "neigh_suppress",
        "group_fwd_mask",
        "vlan_tunnel",
        "isolated",
        "locked",
        "backup_port",
        "nobackup_port",
        "help",
    ];
    let mut port = PortRequest::default();
    while let Some(word) = words.next() {
        let Some(key) = KEYS.iter().copied().find(|key| matches(word, key)) else {
            return Err(unknown(format!("bridge_slave: unknown option \"{word}\"?\n"), "bridge_slave"));
        };
        match key {
            "fdb_flush" => port.fdb_flush = true,
            "state" => port.state = Some(value(words, "state is invalid")?),
            "priority" => port.priority = Some(value(words, "priority is invalid")?),
            "cost" => port.cost = Some(value(words, "cost is invalid")?),
            "hairpin" => port.hairpin = on_off(words, key)?,
            "guard" => port.guard = on_off(words, key)?,
            "root_block" => port.root_block = on_off(words, key)?,
            "fastleave" | "mcast_fast_leave" => port.fastleave = on_off(words, key)?,
            "learning" => port.learning = on_off(words, key)?,
            "flood" => port.flood = on_off(words, key)?,
            "mcast_flood" => port.mcast_flood = on_off(words, key)?,
            "bcast_flood" => port.bcast_flood = on_off(words, key)?,
            "mcast_to_unicast" => port.mcast_to_unicast = on_off(words, key)?,
            "proxy_arp" => port.proxy_arp = on_off(words, key)?,
            "proxy_arp_wifi" => port.proxy_arp_wifi = on_off(words, key)?,
            "mcast_router" => port.mcast_router = Some(value(words, "invalid mcast_router")?),
            "neigh_suppress" => port.neigh_suppress = on_off(words, key)?,
            "group_fwd_mask" => port.group_fwd_mask = Some(value(words, "invalid group_fwd_mask")?),
            "vlan_tunnel" => port.vlan_tunnel = on_off(words, key)?,
            "isolated" => port.isolated = on_off(words, key)?,
            "locked" => port.locked = on_off(words, key)?,
            "backup_port" | "nobackup_port" => return Err(not_simulated(key)),
            _ => return Err(unknown(String::new(), "bridge_slave")),
        }
    }
    Ok(port)
}

/// `hairpin off `
pub fn switch(out: &mut Printer, name: &str, on: bool) {
    out.field(name, on, format_args!("{name} {} ", if on { "on" } else { "off" }));
}

pub fn state_number(name: &str) -> Option<u8> {
    STATES.iter().zip(0..).find(|(known, _)| **known == name).map(|(_, number)| number)
}

pub fn state_name(state: u8) -> &'static str {
    STATES.get(usize::from(state)).copied().unwrap_or("disabled")
}

pub fn print(out: &mut Printer, port: &PortInfo) {
    let state = state_name(port.state);
    out.field("state", state, format_args!("state {state} "));
    out.field("priority", port.priority, format_args!("priority {} ", port.priority));
    out.field("cost", port.cost, format_args!("cost {} ", port.cost));
    switch(out, "hairpin", port.hairpin);
    switch(out, "guard", port.guard);
    switch(out, "root_block", port.root_block);
    switch(out, "fastleave", port.fastleave);
    switch(out, "learning", port.learning);
    switch(out, "flood", port.flood);
    let id = hexadecimal(port.port_id);
    out.field("id", &id, format_args!("port_id {id} "));
    let no = hexadecimal(port.port_no);
    out.field("no", &no, format_args!("port_no {no} "));
    out.field(
        "designated_port",
        port.designated_port,
        format_args!("designated_port {} ", port.designated_port),
    );
    out.field(
        "designated_cost",
        port.designated_cost,
        format_args!("designated_cost {} ", port.designated_cost),
    );
    let bridge = id_text(port.designated_bridge);
    out.field("bridge_id", &bridge, format_args!("designated_bridge {bridge} "));
    let root = id_text(port.designated_root);
    out.field("root_id", &root, format_args!("designated_root {root} "));
    timer(out, "hold_timer", port.hold_timer);
    timer(out, "message_age_timer", port.message_age_timer);
    timer(out, "forward_delay_timer", port.forward_delay_timer);
    let ack = u8::from(port.topology_change_ack);
    out.field("topology_change_ack", ack, format_args!("topology_change_ack {ack} "));
    let pending = u8::from(port.config_pending);
    out.field("config_pending", pending, format_args!("config_pending {pending} "));
    switch(out, "proxy_arp", port.proxy_arp);
    switch(out, "proxy_arp_wifi", port.proxy_arp_wifi);
    out.field("multicast_router", port.mcast_router, format_args!("mcast_router {} ", port.mcast_router));
    out.text(if port.fastleave { "mcast_fast_leave on " } else { "mcast_fast_leave off " });
    switch(out, "mcast_flood", port.mcast_flood);
    switch(out, "bcast_flood", port.bcast_flood);
    switch(out, "mcast_to_unicast", port.mcast_to_unicast);
    switch(out, "neigh_suppress", port.neigh_suppress);
    let mask = hexadecimal(port.group_fwd_mask);
    out.field("group_fwd_mask", &mask, format_args!("group_fwd_mask {mask} "));
    let names = mask_names(port.group_fwd_mask);
    out.field("group_fwd_mask_str", &names, format_args!("group_fwd_mask_str {names} "));
    switch(out, "vlan_tunnel", port.vlan_tunnel);
    switch(out, "isolated", port.isolated);
    switch(out, "locked", port.locked);
}

/// The protocols whose group addresses are let through.
fn mask_names(mask: u16) -> String {
    let name = |bit: u16| match bit {
        0 => "stp".to_owned(),
        2 => "lacp".to_owned(),
        14 => "lldp".to_owned(),
        bit => format!("{:#x}", 1u32 << bit),
    };
    match mask {
        0 => "0x0".to_owned(),
        mask => (0..16).filter(|bit| mask & (1 << bit) != 0).map(name).collect::<Vec<_>>().join(","),
    }
}
