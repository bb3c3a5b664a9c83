//! ipsets: named sets of addresses, networks and ports that rules look up.
//!
//! ```text
//!   rule ──▶ test_packet ──▶ Set ──▶ Member        command.rs ──▶ Sets
//!                             └──▶ prefixes in use, longest first
//! ```
//! Always: a set holds each element once. Sets stand in the order of their slots; a new one takes the first free.
//! Differs from Linux: members stand in order, not by hash; `skbinfo` is remembered, not used.
//! Sources: ipset(8); linux ip_set_core.c, ip_set_hash_gen.h.

mod command;
mod element;
mod kind;
mod options;
mod show;

pub use command::{Caller, Output, run};
pub use kind::Kind;

pub(crate) use element::Look;

use super::rule::Family;
use element::{Key, Part, Shape, masked, of_packet, width};
use sim::Instant;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::Duration;

/// Sets that one namespace can hold.
pub const MAX_SETS: usize = 65534;

/// Which side of a packet a part of an element is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Source,
    Destination,
}

/// How `-m set` looks a packet up.
pub(crate) struct TestOptions {
    pub count: bool,
    pub count_members: bool,
    pub return_nomatch: bool,
}

/// First and last element that a bitmap has room for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Range {
    Addresses(u128, u128),
    Ports(u16, u16),
}

/// How a set was created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    pub kind: &'static Kind,
    pub family: Family,
    pub hash_size: u32,
    pub max: u32,
    pub netmask: Option<u8>,
    pub range: Option<Range>,
    pub timeout: Option<u32>,
    pub counters: bool,
    pub comment: bool,
    pub skbinfo: bool,
    pub forceadd: bool,
    pub bucket_size: u8,
    /// The seed of its hash, where it was given (as `restore` gives it back).
    pub initval: Option<u32>,
    /// Of a `list:set`.
    pub size: u32,
}

#[derive(Clone, Debug, Default)]
pub struct Member {
    /// `None`: for ever.
    expires: Option<Instant>,
    packets: u64,
    bytes: u64,
    comment: Option<String>,
    nomatch: bool,
    /// Of a `list:set`: where it stands.
    place: u32,
}

#[derive(Clone, Debug)]
pub struct Set {
    name: String,
    settings: Settings,
    initval: u32,
    members: BTreeMap<Key, Member>,
    /// Prefix lengths in use, longest first, and how many members have them.
    prefixes: BTreeMap<Reverse<Vec<u8>>, usize>,
}

#[derive(Clone, Debug, Default)]
pub struct Sets {
    slots: Vec<Option<Set>>,
}

fn prefixes_of(key: &Key) -> Vec<u8> {
    let prefix = |part: &Part| if let Part::Net(_, prefix) = part { Some(*prefix) } else { None };
    key.iter().filter_map(prefix).collect()
}

fn with_prefixes(key: &Key, prefixes: &[u8]) -> Key {
    let mut lengths = prefixes.iter();
    let part = |part: &Part| match part {
        Part::Net(address, full) => {
            let prefix = *lengths.next().unwrap_or(full);
            Part::Net(masked(*address, prefix), prefix)
        }
        other => other.clone(),
    };
    key.iter().map(part).collect()
}

impl Set {
    fn shape(&self) -> Shape {
        Shape { kind: self.settings.kind, family: self.settings.family, netmask: self.settings.netmask }
    }

    fn capacity(&self) -> usize {
        match () {
            () if self.settings.kind.is_list() => self.settings.size as usize,
            () if self.settings.kind.is_bitmap() => usize::MAX,
            () => self.settings.max as usize,
        }
    }

    fn drop_expired(&mut self, now: Instant) {
        if self.settings.timeout.is_some() {
            let gone = |member: &Member| member.expires.is_some_and(|at| at <= now);
            let keys: Vec<Key> =
                self.members.iter().filter(|(_, member)| gone(member)).map(|(key, _)| key.clone()).collect();
            keys.iter().for_each(|key| self.remove(key));
        }
    }

    fn insert(&mut self, key: Key, mut member: Member) {
        if member.place == 0 && self.settings.kind.is_list() {
            member.place = self.members.values().map(|it| it.place).max().unwrap_or(0) + 1;
        }
        let prefixes = prefixes_of(&key);
        if self.members.insert(key, member).is_none() {
            *self.prefixes.entry(Reverse(prefixes)).or_default() += 1;
        }
    }

    fn remove(&mut self, key: &Key) {
        if self.members.remove(key).is_none() {
            return;
        }
        let prefixes = Reverse(prefixes_of(key));
        if let Some(count) = self.prefixes.get_mut(&prefixes) {
            *count -= 1;
            if *count == 0 {
                self.prefixes.remove(&prefixes);
            }
        }
    }

    fn is_live(&self, key: &Key, now: Instant) -> bool {
        self.members.get(key).is_some_and(|member| member.expires.is_none_or(|at| at > now))
    }

    /// The member that covers this one: itself, or the network it lies in.
    fn find(&self, key: &Key, now: Instant) -> Option<Key> {
        let whole = prefixes_of(key).iter().all(|prefix| *prefix == width(self.settings.family));
        if !self.settings.kind.has_networks() || !whole {
            return self.is_live(key, now).then(|| key.clone());
        }
        let masked = self.prefixes.keys().map(|Reverse(prefixes)| with_prefixes(key, prefixes));
        masked.into_iter().find(|one| self.is_live(one, now))
    }

    fn expiry(&self, timeout: Option<u32>, now: Instant) -> Option<Instant> {
        let seconds = timeout.or(self.settings.timeout).filter(|seconds| *seconds != 0)?;
        self.settings.timeout.map(|_| now + Duration::from_secs(seconds.into()))
    }

    /// Members as they are listed.
    fn listed(&self, now: Instant) -> Vec<(&Key, &Member)> {
        let mut members: Vec<_> = self.members.iter().filter(|(key, _)| self.is_live(key, now)).collect();
        if self.settings.kind.is_list() {
            members.sort_by_key(|(_, member)| member.place);
        }
        members
    }
}

impl Sets {
    fn get(&self, name: &str) -> Option<&Set> {
        self.iter().find(|set| set.name == name)
    }

    fn get_mut(&mut self, name: &str) -> Option<&mut Set> {
        self.slots.iter_mut().flatten().find(|set| set.name == name)
    }

    fn iter(&self) -> impl Iterator<Item = &Set> {
        self.slots.iter().flatten()
    }

    fn create(&mut self, set: Set) {
        match self.slots.iter_mut().find(|slot| slot.is_none()) {
            Some(free) => *free = Some(set),
            None => self.slots.push(Some(set)),
        }
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.iter().map(|set| set.name.clone()).collect()
    }

    /// The family of a set; `Some(None)` where it has none of its own.
    pub(crate) fn family(&self, name: &str) -> Option<Option<Family>> {
        self.get(name).map(|set| {
            let any = !set.settings.kind.has_family() && set.settings.kind.name != "bitmap:ip";
            (!any).then_some(set.settings.family)
        })
    }

    /// In how many sets of type `list:set` it is.
    pub(crate) fn members_named(&self, name: &str) -> usize {
        let key = vec![Part::Set(name.to_owned())];
        self.iter().filter(|set| set.members.contains_key(&key)).count()
    }

    /// Counters of the element that the packet is covered by.
    pub(crate) fn test_packet(
        &mut self,
        name: &str,
        options: &TestOptions,
        look: &Look<'_>,
        now: Instant,
    ) -> Option<(u64, u64)> {
        let set = self.get(name)?;
        if set.settings.kind.is_list() {
            let inner: Vec<String> =
                set.listed(now)
                    .into_iter()
                    .filter_map(|(key, _)| {
                        if let [Part::Set(inner)] = key.as_slice() { Some(inner.clone()) } else { None }
                    })
                    .collect();
            let found = inner.iter().find_map(|inner| {
                self.get(inner).filter(|set| !set.settings.kind.is_list())?;
                let within = TestOptions { count: options.count_members, ..*options };
                self.test_packet(inner, &within, look, now).map(|counters| (inner.clone(), counters))
            });
            let (inner, counters) = found?;
            if let Some(set) = self.get_mut(name) {
                set.count(&vec![Part::Set(inner)], options.count, look);
            }
            return Some(counters);
        }
        let set = self.get_mut(name)?;
        let key = of_packet(&set.shape(), look)?;
        let found = set.find(&key, now)?;
        // Asked of a set that cannot have `nomatch`, the option says nothing.
        let wanted = options.return_nomatch && set.settings.kind.has_networks();
        if set.members.get(&found)?.nomatch != wanted {
            return None;
        }
        set.count(&found, options.count, look);
        set.members.get(&found).map(|member| (member.packets, member.bytes))
    }

    pub(crate) fn add_packet(
        &mut self,
        name: &str,
        look: &Look<'_>,
        timeout: Option<u32>,
        exist: bool,
        now: Instant,
    ) {
        let Some(set) = self.get_mut(name) else { return };
        let Some(key) = of_packet(&set.shape(), look) else { return };
        set.drop_expired(now);
        let is_new = !set.members.contains_key(&key);
        if (is_new && set.members.len() < set.capacity()) || (!is_new && exist) {
            let expires = set.expiry(timeout, now);
            set.insert(key, Member { expires, ..Member::default() });
        }
    }

    pub(crate) fn delete_packet(&mut self, name: &str, look: &Look<'_>) {
        let Some(set) = self.get_mut(name) else { return };
        if let Some(key) = of_packet(&set.shape(), look) {
            set.remove(&key);
        }
    }
}

impl Set {
    fn count(&mut self, key: &Key, wanted: bool, look: &Look<'_>) {
        if let (true, true, Some(member)) = (wanted, self.settings.counters, self.members.get_mut(key)) {
            member.packets += 1;
            member.bytes += look.header.length as u64;
        }
    }
}
