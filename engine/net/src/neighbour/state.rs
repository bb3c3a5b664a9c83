//! A neighbour's states and timers: incomplete, reachable, stale, delay, probe, failed.
//!
//! Always: only incomplete, reachable, delay and probe have a timer; an answer confirms, silence fails.
//! Sources: RFC 4861 §7.3.2; net/core/neighbour.c (`neigh_timer_handler`, `__neigh_event_send`, `__neigh_update`).

use super::table::NeighbourId;
use crate::ip::{icmp_type, unreachable};
use crate::network::Event;
use crate::rtnetlink::{Change, nud};
use crate::sysctl::NeighConf;
use crate::{Mac, Network, Packet};
use api::journey::StopKind;
use api::{DeviceId, DropReason, JourneyId, NetnsId};
use sim::Instant;
use std::collections::VecDeque;
use std::net::Ipv4Addr;
use std::time::Duration;

const CONNECTED: u16 = nud::PERMANENT | nud::NOARP | nud::REACHABLE;
const VALID: u16 = CONNECTED | nud::PROBE | nud::STALE | nud::DELAY;
const IN_TIMER: u16 = nud::INCOMPLETE | nud::REACHABLE | nud::DELAY | nud::PROBE;

/// Never sooner does a timer fire again.
const SHORTEST: Duration = Duration::from_millis(10);
/// What a waiting packet counts for beyond its bytes, against `unres_qlen_bytes`.
const OVERHEAD: usize = 576;

#[derive(Debug)]
pub(crate) struct Entry {
    pub device: DeviceId,
    pub address: Ipv4Addr,
    pub mac: Mac,
    pub state: u16,
    /// Of `ntf`.
    pub flags: u8,
    pub protocol: u8,
    pub used: Instant,
    /// Nanoseconds since boot; before it for one that nobody vouched for.
    pub confirmed: i64,
    pub updated: Instant,
    pub probes: u32,
    pub waiting: VecDeque<Packet>,
    waiting_bytes: usize,
    /// A timer of an older generation is void.
    generation: u32,
}

impl Entry {
    pub fn new(device: DeviceId, address: Ipv4Addr, now: Instant) -> Entry {
        Entry {
            device,
            address,
            mac: Mac::ZERO,
            state: nud::NONE,
            flags: 0,
            protocol: 0,
            used: now,
            confirmed: unconfirmed(now),
            updated: now,
            probes: 0,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            generation: 0,
        }
    }

    /// Vouched for no longer ago than `within`?
    fn is_confirmed(&self, now: Instant, within: Duration) -> bool {
        nanos(now) <= self.confirmed.saturating_add(within.as_nanos() as i64)
    }

    pub fn confirmed_ago(&self, now: Instant) -> Duration {
        Duration::from_nanos(u64::try_from(nanos(now) - self.confirmed).unwrap_or(0))
    }

    /// Somebody heard from it just now.
    pub fn confirm(&mut self, now: Instant) {
        self.confirmed = nanos(now);
    }

    #[inline]
    pub fn is_connected(&self) -> bool {
        self.state & CONNECTED != 0
    }

    pub fn is_valid(&self) -> bool {
        self.state & VALID != 0
    }
}

fn nanos(at: Instant) -> i64 {
    i64::try_from(at.nanos()).unwrap_or(i64::MAX)
}

/// An address that nobody vouched for counts as confirmed a minute ago.
fn unconfirmed(now: Instant) -> i64 {
    nanos(now) - 60_000_000_000
}

/// What an update may do (`NEIGH_UPDATE_F_*`).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Update {
    /// An address that is known may be replaced by another.
    pub overrides: bool,
    /// By a person (`ip neigh`), whose word counts above all.
    pub admin: bool,
}

impl Network {
    fn neigh_conf(&self, device: DeviceId, conf: NeighConf) -> u64 {
        u64::try_from(self.devices[device].ip.neigh.get(conf)).unwrap_or(0)
    }

    fn delay_probe_time(&self, device: DeviceId) -> Duration {
        Duration::from_secs(self.neigh_conf(device, NeighConf::DelayFirstProbeTime))
    }

    fn retrans_time(&self, device: DeviceId) -> Duration {
        Duration::from_millis(self.neigh_conf(device, NeighConf::RetransTimeMs)).max(SHORTEST)
    }

    fn neighbour(&mut self, ns: NetnsId, id: NeighbourId) -> &mut Entry {
        self.netns[ns].neighbours.get_mut(id).expect("an entry that is worked on is there")
    }

    fn neighbour_arm(&mut self, ns: NetnsId, id: NeighbourId, at: Instant) {
        let entry = self.neighbour(ns, id);
        entry.generation = entry.generation.wrapping_add(1);
        let generation = entry.generation;
        self.queue.push(at, Event::Neighbour { ns, id, generation });
    }

    fn neighbour_enter(&mut self, ns: NetnsId, id: NeighbourId, state: u16) {
        let now = self.now;
        let entry = self.neighbour(ns, id);
        // Void whatever timer the old state had.
        entry.generation = entry.generation.wrapping_add(1);
        (entry.state, entry.updated) = (state, now);
    }

    /// A packet is to be sent to it: gives it back if it may go, keeps or drops it else (`__neigh_event_send`).
    pub(crate) fn neighbour_event_send(
        &mut self,
        ns: NetnsId,
        id: NeighbourId,
        packet: Packet,
    ) -> Option<Packet> {
        let state = self.neighbour(ns, id).state;
        if state & (CONNECTED | nud::DELAY | nud::PROBE | nud::STALE) != 0 {
            self.neighbour_event(ns, id, None);
            return Some(packet);
        }
        let device = self.neighbour(ns, id).device;
        if self.neigh_conf(device, NeighConf::McastSolicit) + self.neigh_conf(device, NeighConf::AppSolicit)
            == 0
        {
            self.neighbour_enter(ns, id, nud::FAILED);
            self.drop_at(device, packet, DropReason::NeighFailed, "mcast_solicit is 0");
            return None;
        }
        let cause = packet.journey;
        if self.trace.on {
            let (ip, name) =
                (self.neighbour(ns, id).address.to_string(), self.devices[device].name.to_string());
            self.stop(&packet, device, None, StopKind::NeighbourWait { ip, device: name }.into());
        }
        let room = usize::try_from(self.neigh_conf(device, NeighConf::UnresQlenBytes)).unwrap_or(0);
        let size = packet.len() + OVERHEAD;
        let mut crowded_out = Vec::new();
        let entry = self.neighbour(ns, id);
        while entry.waiting_bytes + size > room {
            let Some(first) = entry.waiting.pop_front() else { break };
            entry.waiting_bytes -= first.len() + OVERHEAD;
            crowded_out.push(first);
        }
        entry.waiting_bytes += size;
        entry.waiting.push_back(packet);
        crowded_out.into_iter().for_each(|it| self.drop_at(device, it, DropReason::NeighQueueFull, ""));
        self.neighbour_event(ns, id, Some(cause));
        None
    }

    /// It is used: a stale one is watched from now on, an unknown one is asked for.
    pub(crate) fn neighbour_event(&mut self, ns: NetnsId, id: NeighbourId, cause: Option<JourneyId>) {
        let now = self.now;
        let entry = self.neighbour(ns, id);
        entry.used = now;
        let (state, device) = (entry.state, entry.device);
        if state & (CONNECTED | nud::DELAY | nud::PROBE | nud::INCOMPLETE) != 0 {
            return;
        }
        if state & nud::STALE != 0 {
            self.neighbour_enter(ns, id, nud::DELAY);
            let at = now + self.delay_probe_time(device);
            return self.neighbour_arm(ns, id, at);
        }
        let unicast = self.neigh_conf(device, NeighConf::UcastSolicit);
        self.neighbour_enter(ns, id, nud::INCOMPLETE);
        self.neighbour(ns, id).probes = unicast as u32;
        let at = now + self.retrans_time(device);
        self.neighbour_arm(ns, id, at);
        self.neighbour_probe(ns, id, cause);
    }

    /// Asks once more.
    fn neighbour_probe(&mut self, ns: NetnsId, id: NeighbourId, cause: Option<JourneyId>) {
        let entry = self.neighbour(ns, id);
        let cause = cause.or_else(|| entry.waiting.back().map(|packet| packet.journey));
        let depth = entry.waiting.back().map_or(0, |packet| packet.depth);
        self.arp_solicit(ns, id, cause, depth);
        if let Some(entry) = self.netns[ns].neighbours.get_mut(id) {
            entry.probes += 1;
        }
    }

    /// `neigh_timer_handler`
    pub(crate) fn neighbour_timer(&mut self, ns: NetnsId, id: NeighbourId, generation: u32) {
        let now = self.now;
        let Some(entry) = self.netns[ns].neighbours.get(id) else { return };
        if entry.generation != generation || entry.state & IN_TIMER == 0 {
            return;
        }
        let (state, device) = (entry.state, entry.device);
        let used = entry.used;
        let (delay, retrans) = (self.delay_probe_time(device), self.retrans_time(device));
        let reachable = self.reachable_time(device);
        let entry = self.neighbour(ns, id);
        let until = Instant::from_nanos(u64::try_from(entry.confirmed).unwrap_or(0)) + reachable;
        let next = match state {
            nud::REACHABLE if entry.is_confirmed(now, reachable) => until,
            nud::REACHABLE if now <= used + delay => {
                self.neighbour_enter(ns, id, nud::DELAY);
                now + delay
            }
            nud::REACHABLE => {
                self.neighbour_enter(ns, id, nud::STALE);
                return self.notify_neighbour(ns, id);
            }
            nud::DELAY if entry.is_confirmed(now, delay) => {
                self.neighbour_enter(ns, id, nud::REACHABLE);
                self.notify_neighbour(ns, id);
                until
            }
            nud::DELAY => {
                self.neighbour_enter(ns, id, nud::PROBE);
                self.neighbour(ns, id).probes = 0;
                self.notify_neighbour(ns, id);
                now + retrans
            }
            _ => now + retrans,
        };
        let state = self.neighbour(ns, id).state;
        let asking = state & (nud::INCOMPLETE | nud::PROBE) != 0;
        if asking && self.neighbour(ns, id).probes >= self.most_probes(device, state) {
            return self.neighbour_fail(ns, id);
        }
        self.neighbour_arm(ns, id, next.max(now + SHORTEST));
        if asking {
            self.neighbour_probe(ns, id, None);
        }
    }

    fn most_probes(&self, device: DeviceId, state: u16) -> u32 {
        let again = if state == nud::PROBE { NeighConf::McastResolicit } else { NeighConf::McastSolicit };
        let parts = [NeighConf::UcastSolicit, NeighConf::AppSolicit, again];
        parts.map(|conf| self.neigh_conf(device, conf) as u32).iter().sum()
    }

    /// Nobody answered: senders of what waits are told (`neigh_invalidate`).
    fn neighbour_fail(&mut self, ns: NetnsId, id: NeighbourId) {
        self.neighbour_enter(ns, id, nud::FAILED);
        self.notify_neighbour(ns, id);
        // An error sent here may make more packets wait in this very entry.
        let entry = self.neighbour(ns, id);
        let waiting = std::mem::take(&mut entry.waiting);
        entry.waiting_bytes = 0;
        let device = entry.device;
        for packet in waiting {
            self.icmp_error_send(ns, &packet, icmp_type::UNREACHABLE, unreachable::HOST, 0, false);
            self.drop_at(device, packet, DropReason::NeighFailed, "");
        }
    }

    /// News of a neighbour, from ARP or from a person (`__neigh_update`). EPERM where it is permanent.
    pub(crate) fn neighbour_update(
        &mut self,
        ns: NetnsId,
        id: NeighbourId,
        mac: Option<Mac>,
        state: u16,
        update: Update,
    ) -> Result<(), crate::Errno> {
        let now = self.now;
        let entry = self.neighbour(ns, id);
        let (old, device) = (entry.state, entry.device);
        if !update.admin && old & (nud::NOARP | nud::PERMANENT) != 0 {
            return Err(crate::Errno::EPERM);
        }
        if state & VALID == 0 {
            self.neighbour_enter(ns, id, state);
            if state & nud::FAILED != 0 && old & (nud::INCOMPLETE | nud::PROBE) != 0 {
                self.neighbour_fail(ns, id);
            } else {
                self.notify_neighbour(ns, id);
            }
            return Ok(());
        }
        let mac = match mac {
            Some(mac) => mac,
            None if old & VALID != 0 => entry.mac,
            None => return Err(crate::Errno::EINVAL),
        };
        let was_valid = old & VALID != 0;
        let same = was_valid && mac == entry.mac;
        if state & CONNECTED != 0 {
            entry.confirmed = nanos(now);
        }
        if was_valid && !same && !update.overrides {
            return Ok(());
        }
        // A stale word about what is known to be so changes nothing.
        if same && state == nud::STALE && !update.admin {
            return Ok(());
        }
        if state != old || !same {
            entry.updated = now;
        }
        if state != old {
            self.neighbour_enter(ns, id, state);
            self.neighbour(ns, id).probes = 0;
            if state & IN_TIMER != 0 {
                let wait = if state == nud::REACHABLE { self.reachable_time(device) } else { Duration::ZERO };
                self.neighbour_arm(ns, id, now + wait);
            }
        }
        let entry = self.neighbour(ns, id);
        if !same {
            entry.mac = mac;
            if state & CONNECTED == 0 {
                entry.confirmed = unconfirmed(now);
            }
        }
        self.notify_neighbour(ns, id);
        self.neighbour_release(ns, id);
        Ok(())
    }

    /// What waited for the answer goes.
    fn neighbour_release(&mut self, ns: NetnsId, id: NeighbourId) {
        let entry = self.neighbour(ns, id);
        let waiting = std::mem::take(&mut entry.waiting);
        entry.waiting_bytes = 0;
        let (device, mac) = (entry.device, entry.mac);
        for packet in waiting {
            self.neighbour_event(ns, id, None);
            self.neighbour_frame(ns, device, id, mac, packet);
        }
    }

    fn notify_neighbour(&mut self, ns: NetnsId, id: NeighbourId) {
        if self.netns[ns].changes.is_some() {
            let row = self.netns[ns].neighbours.get(id).and_then(|entry| self.neighbour_row(entry));
            if let Some(row) = row {
                self.netns[ns].change(|| Change::NewNeighbour(row));
            }
        }
    }
}
