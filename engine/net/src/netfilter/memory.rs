//! What rules of a namespace remember between packets: lists of `recent`, ipsets, log lines.
//!
//! Held beside the tables; handed to matches and targets. Always: bounded.
//! Sources: linux xt_recent.c (limits as its module parameters have them).

use super::ipset::Sets;
use super::matches::Match;
use super::matches::recent::{Action, Recent};
use super::table::Tables;
use sim::Instant;
use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::time::Duration;

/// Lines of the kernel's log; one more drops the oldest.
const MAX_LOG: usize = 1000;
/// Addresses of one list (`ip_list_tot`).
const MAX_ENTRIES: usize = 100;
/// Stamps of one address, at least (`ip_pkt_list_tot` rounded up).
const MIN_STAMPS: usize = 32;
/// Jiffies a second, and their count at boot (INITIAL_JIFFIES is five minutes before the counter wraps).
const HZ: u64 = 250;
const INITIAL_JIFFIES: u64 = 0x1_0000_0000 - 300 * HZ;

#[derive(Debug, Default)]
pub struct Memory {
    pub recent: RecentLists,
    pub sets: Sets,
    log: VecDeque<LogLine>,
}

/// One line of the kernel's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    pub at: Instant,
    /// As in syslog(3).
    pub level: u8,
    pub text: String,
}

impl Memory {
    pub(crate) fn log(&mut self, at: Instant, level: u8, text: String) {
        if self.log.len() == MAX_LOG {
            self.log.pop_front();
        }
        self.log.push_back(LogLine { at, level, text });
    }

    /// The oldest first.
    pub fn logged(&self) -> Vec<LogLine> {
        self.log.iter().cloned().collect()
    }

    pub fn clear_log(&mut self) {
        self.log.clear();
    }
}

/// Of one address.
#[derive(Clone, Debug)]
struct Entry {
    address: IpAddr,
    ttl: u8,
    /// When it was seen, a ring as in the kernel: `next` is the place of the next one.
    stamps: Vec<Instant>,
    next: usize,
}

impl Entry {
    /// Notes a packet; the oldest stamp goes when there are more than `most`.
    fn note(&mut self, now: Instant, ttl: u8, most: usize) {
        self.next %= most;
        if self.next < self.stamps.len() {
            self.stamps[self.next] = now;
        } else {
            self.stamps.push(now);
        }
        self.next += 1;
        self.ttl = ttl;
    }

    fn last_seen(&self) -> Instant {
        self.stamps.get(self.next.wrapping_sub(1)).copied().unwrap_or(Instant::BOOT)
    }
}

#[derive(Debug)]
struct List {
    /// Stamps kept of an address, less one (`nstamps_max_mask`).
    most: usize,
    /// Least recently used first.
    entries: Vec<Entry>,
}

/// `/proc/net/xt_recent`
#[derive(Debug, Default)]
pub struct RecentLists {
    lists: BTreeMap<String, List>,
}

impl RecentLists {
    /// The lists that rules name are there, and no others; one grows to the hit counts asked of it.
    pub(super) fn sync(&mut self, tables: &Tables) {
        let mut wanted: BTreeMap<&str, usize> = BTreeMap::new();
        for one in tables.rules().flat_map(|rule| &rule.spec.matches) {
            if let Match::Recent(rule) = one {
                let most = (rule.hits as usize).max(MIN_STAMPS).next_power_of_two();
                let known = wanted.entry(&rule.name).or_default();
                *known = most.max(*known);
            }
        }
        self.lists.retain(|name, _| wanted.contains_key(name.as_str()));
        for (name, most) in wanted {
            let list = self.lists.entry(name.to_owned()).or_insert(List { most, entries: Vec::new() });
            list.most = list.most.max(most);
        }
    }

    /// What the rule says of a packet with that address.
    pub(crate) fn meet(&mut self, rule: &Recent, address: IpAddr, ttl: u8, now: Instant) -> bool {
        let Some(list) = self.lists.get_mut(&rule.name) else { return false };
        let found =
            list.entries.iter().position(|entry| entry.address == address && (!rule.ttl || entry.ttl == ttl));
        let Some(at) = found else {
            if rule.action != Action::Set {
                return rule.invert;
            }
            list.add(address, ttl, now);
            return !rule.invert;
        };
        let most = list.most;
        match rule.action {
            Action::Set => {
                let mut entry = list.entries.remove(at);
                entry.note(now, ttl, most);
                list.entries.push(entry);
                !rule.invert
            }
            Action::Remove => {
                list.entries.remove(at);
                !rule.invert
            }
            Action::Check | Action::Update => {
                let oldest = now.nanos().saturating_sub(u64::from(rule.seconds) * 1_000_000_000);
                let mut hits = 0;
                let mut matches = rule.invert;
                for stamp in &list.entries[at].stamps {
                    if rule.seconds != 0 && stamp.nanos() < oldest {
                        continue;
                    }
                    hits += 1;
                    if rule.hits == 0 || hits >= rule.hits {
                        matches = !rule.invert;
                        break;
                    }
                }
                if rule.reap {
                    list.reap(now, rule.seconds);
                }
                if rule.action == Action::Update
                    && matches != rule.invert
                    && let Some(at) = list.entries.iter().position(|entry| entry.address == address)
                {
                    let mut entry = list.entries.remove(at);
                    entry.note(now, ttl, most);
                    list.entries.push(entry);
                }
                matches
            }
        }
    }

    /// The names of the lists.
    pub fn names(&self) -> Vec<&str> {
        self.lists.keys().map(String::as_str).collect()
    }

    /// The file of one list.
    pub fn show(&self, name: &str) -> Option<String> {
        let list = self.lists.get(name)?;
        let mut text = String::new();
        for entry in &list.entries {
            let jiffies = |at: Instant| INITIAL_JIFFIES + at.nanos() / (1_000_000_000 / HZ);
            put!(text, "src={} ttl: {} ", entry.address, entry.ttl);
            put!(text, "last_seen: {} oldest_pkt: {}", jiffies(entry.last_seen()), entry.next);
            for (index, stamp) in entry.stamps.iter().enumerate() {
                put!(text, "{} {}", if index == 0 { "" } else { "," }, jiffies(*stamp));
            }
            text.push('\n');
        }
        Some(text)
    }

    /// A line written to the file of a list: `+ADDR`, `-ADDR` or `/`. False where it is none of these.
    pub fn write(&mut self, name: &str, line: &str, now: Instant) -> bool {
        let Some(list) = self.lists.get_mut(name) else { return false };
        let line = line.trim_end();
        if line.starts_with('/') {
            list.entries.clear();
            return true;
        }
        let (add, address) = match line.split_at_checked(1) {
            Some(("+", address)) => (true, address),
            Some(("-", address)) => (false, address),
            _ => return false,
        };
        let Ok(address) = address.parse::<IpAddr>() else { return false };
        match list.entries.iter().position(|entry| entry.address == address) {
            Some(at) => {
                let mut entry = list.entries.remove(at);
                if add {
                    entry.note(now, entry.ttl, list.most);
                    list.entries.push(entry);
                }
            }
            None if add => list.add(address, 0, now),
            None => {}
        }
        true
    }
}

impl List {
    /// In a full list the least recently used address makes room.
    fn add(&mut self, address: IpAddr, ttl: u8, now: Instant) {
        if self.entries.len() >= MAX_ENTRIES {
            self.entries.remove(0);
        }
        self.entries.push(Entry { address, ttl, stamps: vec![now], next: 1 });
    }

    /// Forgets the least recently used address where its time is over (`recent_entry_reap`).
    fn reap(&mut self, now: Instant, seconds: u32) {
        let over = Duration::from_secs(seconds.into());
        if self.entries.first().is_some_and(|entry| now.since(entry.last_seen()) > over) {
            self.entries.remove(0);
        }
    }
}
