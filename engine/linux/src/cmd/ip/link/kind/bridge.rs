//! `type bridge`: the options of a bridge, and what `ip -d link show br0` says of one.
//!
//! Differs from Linux: multicast snooping's own numbers are shown as a fresh bridge has them and cannot be set.

use super::{not_simulated, unknown};
use crate::cmd::iproute2::json::Value;
use crate::cmd::iproute2::{Printer, Stop, Words, lladdr, matches, number};
use net::Mac;
use net::rtnetlink::{BridgeId, BridgeInfo, BridgeRequest};

/// Options of the real tool that stay as they are.
const NOT_SIMULATED: &[&str] = &[
    "vlan_protocol",
    "vlan_default_pvid",
    "vlan_stats_enabled",
    "vlan_stats_per_port",
    "no_linklocal_learn",
    "mcast_vlan_snooping",
    "mcast_query_use_ifaddr",
    "mcast_hash_elasticity",
    "mcast_hash_max",
    "mcast_last_member_count",
    "mcast_startup_query_count",
    "mcast_last_member_interval",
    "mcast_membership_interval",
    "mcast_querier_interval",
    "mcast_query_interval",
    "mcast_query_response_interval",
    "mcast_startup_query_interval",
    "mcast_stats_enabled",
    "mcast_igmp_version",
    "mcast_mld_version",
];

fn value<T: TryFrom<u64>>(words: &mut Words<'_>, key: &str) -> Result<T, Stop> {
    let word = words.value()?;
    number::unsigned(word).ok_or_else(|| Stop::wrong(&format!("invalid {key}"), word))
}

fn flag(words: &mut Words<'_>, key: &str) -> Result<Option<bool>, Stop> {
    value::<u8>(words, key).map(|value| Some(value != 0))
}

pub fn parse(words: &mut Words<'_>, request: &mut BridgeRequest) -> Result<(), Stop> {
    // The order is the real tool's: it decides what a beginning stands for.
    const KEYS: &[&str] = &[
        "forward_delay",
        "hello_time",
        "max_age",
        "ageing_time",
        "stp_state",
        "priority",
        "vlan_filtering",
        "vlan_protocol",
        "group_fwd_mask",
        "group_address",
        "fdb_flush",
        "vlan_default_pvid",
        "vlan_stats_enabled",
        "vlan_stats_per_port",
        "mcast_router",
        "mcast_snooping",
        "mcast_query_use_ifaddr",
        "mcast_querier",
        "mcast_hash_elasticity",
        "mcast_hash_max",
        "mcast_last_member_count",
        "mcast_startup_query_count",
        "mcast_last_member_interval",
        "mcast_membership_interval",
        "mcast_querier_interval",
        "mcast_query_interval",
        "mcast_query_response_interval",
        "mcast_startup_query_interval",
        "mcast_stats_enabled",
        "mcast_igmp_version",
        "mcast_mld_version",
        "nf_call_iptables",
        "nf_call_ip6tables",
        "nf_call_arptables",
        "help",
    ];
    while let Some(word) = words.next() {
        let exact = ["no_linklocal_learn", "mcast_vlan_snooping"].into_iter().find(|key| *key == word);
        let key = exact.or_else(|| KEYS.iter().copied().find(|key| matches(word, key)));
        match key {
            Some("forward_delay") => request.forward_delay = Some(value(words, "forward_delay")?),
            Some("hello_time") => request.hello_time = Some(value(words, "hello_time")?),
            Some("max_age") => request.max_age = Some(value(words, "max_age")?),
            Some("ageing_time") => request.ageing_time = Some(value(words, "ageing_time")?),
            Some("stp_state") => request.stp_state = Some(value(words, "stp_state")?),
            Some("priority") => request.priority = Some(value(words, "priority")?),
            Some("vlan_filtering") => request.vlan_filtering = flag(words, "vlan_filtering")?,
            Some("group_fwd_mask") => request.group_fwd_mask = Some(value(words, "group_fwd_mask")?),
            Some("group_address") => {
                let bytes = lladdr::parse(words.value()?).map_err(|text| Stop::fail(1, text))?;
                request.group_address = Some(Mac::from_slice(&bytes));
            }
            Some("fdb_flush") => request.fdb_flush = true,
            Some("mcast_router") => request.mcast_router = Some(value(words, "mcast_router")?),
            Some("mcast_snooping") => request.mcast_snooping = flag(words, "mcast_snooping")?,
            Some("mcast_querier") => request.mcast_querier = flag(words, "mcast_querier")?,
            Some("nf_call_iptables") => request.nf_call_iptables = flag(words, "nf_call_iptables")?,
            Some("nf_call_ip6tables") => request.nf_call_ip6tables = flag(words, "nf_call_ip6tables")?,
            Some("nf_call_arptables") => request.nf_call_arptables = flag(words, "nf_call_arptables")?,
            Some("help") => return Err(unknown(String::new(), "bridge")),
            Some(key) if NOT_SIMULATED.contains(&key) => return Err(not_simulated(key)),
            _ => return Err(unknown(format!("bridge: unknown command \"{word}\"?\n"), "bridge")),
        }
    }
    Ok(())
}

/// `8000.2:0:0:0:0:99`: iproute2 prints the address without leading zeros.
pub fn id_text(id: BridgeId) -> String {
    let [a, b, c, d, e, f] = id.mac.0;
    format!("{:04x}.{a:x}:{b:x}:{c:x}:{d:x}:{e:x}:{f:x}", id.priority)
}

/// A timer in hundredths of a second.
pub fn timer(out: &mut Printer, name: &str, hundredths: u64) {
    let (seconds, rest) = (hundredths / 100, hundredths % 100);
    out.json(name, Value::Raw(&format!("{seconds}.{rest:02}")));
    out.text(format_args!("{name} {seconds:>4}.{rest:02} "));
}

/// `%#x` of C, which writes no 0x before zero.
pub fn hexadecimal(value: u16) -> String {
    if value == 0 { "0".to_owned() } else { format!("{value:#x}") }
}

pub fn print(out: &mut Printer, info: &BridgeInfo) {
    let number = |out: &mut Printer, json: &str, text: &str, value: u32| {
        out.field(json, value, format_args!("{text} {value} "));
    };
    number(out, "forward_delay", "forward_delay", info.forward_delay);
    number(out, "hello_time", "hello_time", info.hello_time);
    number(out, "max_age", "max_age", info.max_age);
    number(out, "ageing_time", "ageing_time", info.ageing_time);
    number(out, "stp_state", "stp_state", info.stp_state);
    number(out, "priority", "priority", u32::from(info.priority));
    number(out, "vlan_filtering", "vlan_filtering", u32::from(info.vlan_filtering));
    let id = id_text(info.bridge_id);
    out.field("bridge_id", &id, format_args!("bridge_id {id} "));
    // The real tool prints the bridge's own id here too.
    out.field("root_id", &id, format_args!("designated_root {id} "));
    number(out, "root_port", "root_port", u32::from(info.root_port));
    number(out, "root_path_cost", "root_path_cost", info.root_path_cost);
    number(out, "topology_change", "topology_change", u32::from(info.topology_change));
    let detected = u32::from(info.topology_change_detected);
    number(out, "topology_change_detected", "topology_change_detected", detected);
    timer(out, "hello_timer", info.hello_timer);
    timer(out, "tcn_timer", info.tcn_timer);
    timer(out, "topology_change_timer", info.topology_change_timer);
    timer(out, "gc_timer", info.gc_timer);
    let mask = hexadecimal(info.group_fwd_mask);
    out.field("group_fwd_mask", &mask, format_args!("group_fwd_mask {mask} "));
    let group = lladdr::text(&info.group_address.0);
    out.field("group_addr", &group, format_args!("group_address {group} "));
    multicast(out, info);
    for (name, on) in [
        ("nf_call_iptables", info.nf_call_iptables),
        ("nf_call_ip6tables", info.nf_call_ip6tables),
        ("nf_call_arptables", info.nf_call_arptables),
    ] {
        number(out, name, name, u32::from(on));
    }
}

fn multicast(out: &mut Printer, info: &BridgeInfo) {
    for (json, text, value) in [
        ("mcast_snooping", "mcast_snooping", u32::from(info.mcast_snooping)),
        ("no_linklocal_learn", "no_linklocal_learn", 0),
        ("mcast_vlan_snooping", "mcast_vlan_snooping", 0),
        ("mcast_router", "mcast_router", u32::from(info.mcast_router)),
        ("mcast_query_use_ifaddr", "mcast_query_use_ifaddr", 0),
        ("mcast_querier", "mcast_querier", u32::from(info.mcast_querier)),
        ("mcast_hash_elasticity", "mcast_hash_elasticity", 16),
        ("mcast_hash_max", "mcast_hash_max", 4096),
        ("mcast_last_member_cnt", "mcast_last_member_count", 2),
        ("mcast_startup_query_cnt", "mcast_startup_query_count", 2),
        ("mcast_last_member_intvl", "mcast_last_member_interval", 100),
        ("mcast_membership_intvl", "mcast_membership_interval", 26_000),
        ("mcast_querier_intvl", "mcast_querier_interval", 25_500),
        ("mcast_query_intvl", "mcast_query_interval", 12_500),
        ("mcast_query_response_intvl", "mcast_query_response_interval", 1000),
        ("mcast_startup_query_intvl", "mcast_startup_query_interval", 3124),
        ("mcast_stats_enabled", "mcast_stats_enabled", 0),
        ("mcast_igmp_version", "mcast_igmp_version", 2),
        ("mcast_mld_version", "mcast_mld_version", 1),
    ] {
        out.field(json, value, format_args!("{text} {value} "));
    }
}
