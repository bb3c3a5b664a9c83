//! A bridge's forwarding database (FDB): which MAC is behind which port.
//!
//! Always: one entry a MAC; what was learnt and not seen for the ageing time is gone.
//! Differs from Linux: an entry is gone at its very instant, not when a worker next looks; no VLANs.
//! Sources: net/bridge/br_fdb.c; IEEE 802.1D-1998 §7.9.

use crate::Mac;
use crate::hash::Map;
use api::DeviceId;
use sim::Instant;
use std::time::Duration;

/// Learnt addresses of one bridge; a further one is not learnt, and its frames are flooded.
pub(crate) const MAX_LEARNT: usize = 8192;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BridgeEntry {
    pub mac: Mac,
    /// `None`: the bridge itself.
    pub port: Option<DeviceId>,
    /// An address of the bridge or of a port: frames to it go up.
    pub local: bool,
    /// Does not age.
    pub fixed: bool,
    pub by_user: bool,
    pub ext_learnt: bool,
    /// Does not move to another port.
    pub sticky: bool,
    pub used: Instant,
    pub updated: Instant,
    /// Later ones stand first in a dump.
    pub(crate) order: u64,
}

impl BridgeEntry {
    pub fn learnt(mac: Mac, port: DeviceId, now: Instant) -> BridgeEntry {
        BridgeEntry {
            mac,
            port: Some(port),
            local: false,
            fixed: false,
            by_user: false,
            ext_learnt: false,
            sticky: false,
            used: now,
            updated: now,
            order: 0,
        }
    }

    pub fn local(mac: Mac, port: Option<DeviceId>, now: Instant) -> BridgeEntry {
        let any = BridgeEntry::learnt(mac, DeviceId(0), now);
        BridgeEntry { port, local: true, fixed: true, ..any }
    }

    fn has_expired(&self, now: Instant, hold: Duration) -> bool {
        !self.fixed && !self.ext_learnt && self.updated + hold <= now
    }
}

/// What learning did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Learnt {
    Nothing,
    /// New, or on another port than before.
    Changed,
}

#[derive(Debug, Default)]
pub(crate) struct Fdb {
    places: Map<Mac, u32>,
    entries: Vec<Option<BridgeEntry>>,
    free: Vec<u32>,
    order: u64,
}

impl Fdb {
    #[inline]
    pub fn find(&self, mac: Mac, now: Instant, hold: Duration) -> Option<&BridgeEntry> {
        let entry = self.entries[*self.places.get(&mac)? as usize].as_ref()?;
        (!entry.has_expired(now, hold)).then_some(entry)
    }

    pub fn find_mut(&mut self, mac: Mac) -> Option<&mut BridgeEntry> {
        self.entries[*self.places.get(&mac)? as usize].as_mut()
    }

    pub fn insert(&mut self, mut entry: BridgeEntry) {
        self.order += 1;
        entry.order = self.order;
        self.remove(entry.mac);
        let mac = entry.mac;
        let at = match self.free.pop() {
            Some(at) => {
                self.entries[at as usize] = Some(entry);
                at
            }
            None => {
                self.entries.push(Some(entry));
                self.entries.len() as u32 - 1
            }
        };
        self.places.insert(mac, at);
    }

    pub fn remove(&mut self, mac: Mac) -> Option<BridgeEntry> {
        let at = self.places.remove(&mac)?;
        self.free.push(at);
        self.entries[at as usize].take()
    }

    /// `br_fdb_update`: a frame from `mac` came in by `port`.
    #[inline]
    pub fn learn(&mut self, mac: Mac, port: DeviceId, now: Instant, hold: Duration) -> Learnt {
        if hold.is_zero() {
            return Learnt::Nothing;
        }
        if let Some(entry) = self.find_mut(mac) {
            // A frame from one of our own addresses: a loop, or a double address. It teaches nothing.
            if entry.local {
                return Learnt::Nothing;
            }
            let expired = entry.has_expired(now, hold);
            entry.updated = now;
            if entry.port == Some(port) || entry.sticky {
                return if expired { Learnt::Changed } else { Learnt::Nothing };
            }
            entry.port = Some(port);
            entry.ext_learnt = false;
            return Learnt::Changed;
        }
        if self.places.len() >= MAX_LEARNT {
            self.expire(now, hold);
            if self.places.len() >= MAX_LEARNT {
                return Learnt::Nothing;
            }
        }
        self.insert(BridgeEntry::learnt(mac, port, now));
        Learnt::Changed
    }

    /// Forgets what has aged.
    pub fn expire(&mut self, now: Instant, hold: Duration) {
        self.retain(|entry| !entry.has_expired(now, hold));
    }

    pub fn retain(&mut self, keep: impl Fn(&BridgeEntry) -> bool) {
        for at in 0..self.entries.len() {
            if let Some(entry) = self.entries[at].take_if(|entry| !keep(entry)) {
                self.places.remove(&entry.mac);
                self.free.push(at as u32);
            }
        }
    }

    /// Entries that have not aged, the newest first.
    pub fn entries(&self, now: Instant, hold: Duration) -> Vec<&BridgeEntry> {
        let alive = self.entries.iter().flatten().filter(|entry| !entry.has_expired(now, hold));
        let mut entries: Vec<&BridgeEntry> = alive.collect();
        entries.sort_by_key(|entry| std::cmp::Reverse(entry.order));
        entries
    }

    /// When the next entry ages, for the shown timer.
    pub fn next_expiry(&self, hold: Duration) -> Option<Instant> {
        let ageing = self.entries.iter().flatten().filter(|entry| !entry.fixed && !entry.ext_learnt);
        ageing.map(|entry| entry.updated + hold).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOLD: Duration = Duration::from_secs(300);
    const A: Mac = Mac([2, 0, 0, 0, 0, 0xa]);

    fn at(seconds: u64) -> Instant {
        Instant::BOOT + Duration::from_secs(seconds)
    }

    #[test]
    fn an_address_is_learnt_moves_and_ages() {
        let mut fdb = Fdb::default();
        let port = |fdb: &Fdb, when| fdb.find(A, at(when), HOLD).and_then(|entry| entry.port);
        assert_eq!(fdb.learn(A, DeviceId(1), at(0), HOLD), Learnt::Changed);
        assert_eq!(fdb.learn(A, DeviceId(1), at(100), HOLD), Learnt::Nothing);
        assert_eq!(port(&fdb, 399), Some(DeviceId(1)));
        assert_eq!(fdb.learn(A, DeviceId(2), at(200), HOLD), Learnt::Changed);
        assert_eq!(port(&fdb, 499), Some(DeviceId(2)));
        assert_eq!(port(&fdb, 500), None);
        assert_eq!(fdb.learn(A, DeviceId(2), at(600), Duration::ZERO), Learnt::Nothing);
        assert_eq!(port(&fdb, 600), None);
    }

    #[test]
    fn a_local_address_is_not_learnt_away() {
        let mut fdb = Fdb::default();
        fdb.insert(BridgeEntry::local(A, Some(DeviceId(1)), at(0)));
        assert_eq!(fdb.learn(A, DeviceId(2), at(1), HOLD), Learnt::Nothing);
        assert!(fdb.find(A, at(9999), HOLD).is_some_and(|entry| entry.local));
    }
}
