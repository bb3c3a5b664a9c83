//! Sets as `ipset list` and `ipset save` print them.
//!
//! Sources: ipset 7.17 lib/session.c, lib/print.c.

use super::{Member, Range, Set, element};
use crate::netfilter::rule::Family;
use sim::Instant;

fn header(set: &Set) -> String {
    let settings = &set.settings;
    let mut out = String::new();
    if settings.kind.has_family() {
        put!(out, " family {}", if settings.family == Family::V4 { "inet" } else { "inet6" });
    }
    if settings.kind.is_hash() {
        put!(out, " hashsize {} maxelem {}", settings.hash_size, settings.max);
    }
    match &settings.range {
        Some(Range::Addresses(first, last)) => {
            let text = |value: u128| std::net::Ipv4Addr::from_bits(value as u32);
            put!(out, " range {}-{}", text(*first), text(*last));
        }
        Some(Range::Ports(first, last)) => put!(out, " range {first}-{last}"),
        None => {}
    }
    if settings.kind.is_list() {
        put!(out, " size {}", settings.size);
    }
    if let Some(prefix) = settings.netmask {
        put!(out, " netmask {prefix}");
    }
    if let Some(seconds) = settings.timeout {
        put!(out, " timeout {seconds}");
    }
    let words = [
        ("counters", settings.counters),
        ("comment", settings.comment),
        ("skbinfo", settings.skbinfo),
        ("forceadd", settings.forceadd),
    ];
    for (word, _) in words.iter().filter(|(_, is_on)| *is_on) {
        put!(out, " {word}");
    }
    if settings.kind.is_hash() {
        put!(out, " bucketsize {} initval 0x{:08x}", settings.bucket_size, set.initval);
    }
    out.split_off(out.len().min(1))
}

fn member_text(set: &Set, key: &element::Key, member: &Member, now: Instant) -> String {
    let mut out = element::text(key);
    if set.settings.timeout.is_some() {
        let left = member.expires.map_or(0, |at| at.since(now).as_secs().max(1));
        put!(out, " timeout {left}");
    }
    if set.settings.counters {
        put!(out, " packets {} bytes {}", member.packets, member.bytes);
    }
    if let Some(comment) = &member.comment {
        put!(out, " comment \"{comment}\"");
    }
    if member.nomatch {
        out.push_str(" nomatch");
    }
    out
}

/// About what the kernel would report: a fixed part, and something per member.
fn memory(set: &Set) -> usize {
    let per_member = 24 + 24 * set.settings.kind.dimensions.len();
    let fixed = if set.settings.kind.is_hash() { 200 } else { 80 };
    fixed + per_member * set.members.len()
}

pub(super) fn list(out: &mut String, set: &Set, references: usize, terse: bool, now: Instant) {
    let (kind, members) = (set.settings.kind, set.listed(now));
    put!(
        out,
        "Name: {}\nType: {}\nRevision: {}\nHeader: {}\n",
        set.name,
        kind.name,
        kind.revision,
        header(set)
    );
    put!(out, "Size in memory: {}\nReferences: {references}\n", memory(set));
    put!(out, "Number of entries: {}\n", members.len());
    if !terse {
        out.push_str("Members:\n");
        members.iter().for_each(|(key, member)| put!(out, "{}\n", member_text(set, key, member, now)));
    }
}

pub(super) fn save(out: &mut String, set: &Set, now: Instant) {
    put!(out, "create {} {} {}\n", set.name, set.settings.kind.name, header(set));
    for (key, member) in set.listed(now) {
        put!(out, "add {} {}\n", set.name, member_text(set, key, member, now));
    }
}
