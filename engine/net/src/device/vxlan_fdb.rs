//! A VXLAN device's forwarding database: behind which VTEP a MAC is.
//!
//! Always: the all-zero MAC names where unknown, broadcast and multicast frames go; an entry names one or more VTEPs.
//! Sources: drivers/net/vxlan/vxlan_core.c (`vxlan_fdb_update`, `vxlan_snoop`); bridge(8).

use crate::Mac;
use crate::hash::Map;
use sim::Instant;
use std::net::Ipv4Addr;
use std::time::Duration;

/// Learnt addresses of one device; a further one is not learnt.
pub(crate) const MAX_LEARNT: usize = 8192;
/// VTEPs behind one MAC.
pub(crate) const MAX_REMOTES: usize = 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Remote {
    pub address: Ipv4Addr,
    pub port: u16,
    pub vni: u32,
    /// `via`: the lower device's ifindex, 0 for none.
    pub via: u32,
}

#[derive(Clone, Debug)]
pub(crate) struct VxlanEntry {
    pub mac: Mac,
    /// Of `nud`.
    pub state: u16,
    /// Of `ntf`, SELF aside.
    pub flags: u8,
    pub remotes: Vec<Remote>,
    pub used: Instant,
    pub updated: Instant,
}

#[derive(Debug, Default)]
pub(crate) struct VxlanFdb {
    places: Map<Mac, u32>,
    entries: Vec<Option<VxlanEntry>>,
}

impl VxlanFdb {
    #[inline]
    pub fn find(&self, mac: Mac) -> Option<&VxlanEntry> {
        self.entries[*self.places.get(&mac)? as usize].as_ref()
    }

    #[inline]
    pub fn find_mut(&mut self, mac: Mac) -> Option<&mut VxlanEntry> {
        self.entries[*self.places.get(&mac)? as usize].as_mut()
    }

    pub fn insert(&mut self, entry: VxlanEntry) {
        self.places.insert(entry.mac, self.entries.len() as u32);
        self.entries.push(Some(entry));
    }

    pub fn remove(&mut self, mac: Mac) -> bool {
        let Some(at) = self.places.remove(&mac) else { return false };
        self.entries[at as usize] = None;
        if self.entries.len() > 2 * self.places.len() + 16 {
            self.compact();
        }
        true
    }

    /// Forgets what was learnt and not seen for `ageing`; zero keeps all.
    pub fn expire(&mut self, now: Instant, ageing: Duration) {
        use crate::rtnetlink::nud;
        if ageing.is_zero() {
            return;
        }
        for at in 0..self.entries.len() {
            let old = |entry: &mut VxlanEntry| {
                entry.state & (nud::PERMANENT | nud::NOARP) == 0 && entry.used + ageing <= now
            };
            if let Some(entry) = self.entries[at].take_if(old) {
                self.places.remove(&entry.mac);
            }
        }
        self.compact();
    }

    fn compact(&mut self) {
        self.entries.retain(Option::is_some);
        for (at, entry) in self.entries.iter().flatten().enumerate() {
            self.places.insert(entry.mac, at as u32);
        }
    }

    pub fn clear(&mut self, keep: impl Fn(&VxlanEntry) -> bool) {
        for entry in &mut self.entries {
            if let Some(gone) = entry.take_if(|entry| !keep(entry)) {
                self.places.remove(&gone.mac);
            }
        }
        self.compact();
    }

    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// In the order in which they came.
    pub fn iter(&self) -> impl Iterator<Item = &VxlanEntry> {
        self.entries.iter().flatten()
    }
}
