//! The neighbour table of one namespace, and the way of a packet through it to its device.
//!
//! Stands between `path/egress.rs` and `device/`. Always: an entry belongs to one device and address; packets wait in
//! it only while it is incomplete.
//! Differs from Linux: addresses that need no question (broadcast, groups, `lo`) have no entries.
//! Sources: net/core/neighbour.c (`neigh_resolve_output`, `___neigh_create`), arp.c (`arp_constructor`).

use super::state::Entry;
use crate::device::flags;
use crate::hash::Map;
use crate::ip::group_mac;
use crate::ip::header::ethertype;
use crate::packet::ETHERNET;
use crate::path::RouteResult;
use crate::rtnetlink::{Change, RouteType, nud};
use crate::trace::note::Note;
use crate::{Mac, Network, Packet};
use api::{DeviceId, DropReason, NetnsId};
use std::net::Ipv4Addr;
use std::time::Duration;

/// Entries of one namespace (`gc_thresh3`); when it is full, and nothing can be forgotten, a packet ends.
const MAX_ENTRIES: usize = 1024;
/// Below this nothing is forgotten (`gc_thresh1`).
const FEW_ENTRIES: usize = 128;

/// The place of an entry in its table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NeighbourId(u32);

#[derive(Debug, Default)]
pub(crate) struct NeighbourTable {
    places: Map<u64, u32>,
    entries: Vec<Option<Entry>>,
    free: Vec<u32>,
    /// `ip neigh add proxy`: addresses answered for on a device.
    pub proxies: Vec<(DeviceId, Ipv4Addr)>,
}

fn key(device: DeviceId, address: Ipv4Addr) -> u64 {
    u64::from(device.0) << 32 | u64::from(u32::from(address))
}

impl NeighbourTable {
    #[inline]
    pub fn find(&self, device: DeviceId, address: Ipv4Addr) -> Option<NeighbourId> {
        self.places.get(&key(device, address)).map(|place| NeighbourId(*place))
    }

    #[inline]
    pub fn get(&self, id: NeighbourId) -> Option<&Entry> {
        self.entries.get(id.0 as usize)?.as_ref()
    }

    #[inline]
    pub fn get_mut(&mut self, id: NeighbourId) -> Option<&mut Entry> {
        self.entries.get_mut(id.0 as usize)?.as_mut()
    }

    pub fn len(&self) -> usize {
        self.places.len()
    }

    pub fn iter(&self) -> impl Iterator<Item = (NeighbourId, &Entry)> {
        self.entries
            .iter()
            .enumerate()
            .filter_map(|(at, entry)| Some((NeighbourId(at as u32), entry.as_ref()?)))
    }

    fn insert(&mut self, entry: Entry) -> NeighbourId {
        let at = self.free.pop().unwrap_or(self.entries.len() as u32);
        self.places.insert(key(entry.device, entry.address), at);
        match self.entries.get_mut(at as usize) {
            Some(place) => *place = Some(entry),
            None => self.entries.push(Some(entry)),
        }
        NeighbourId(at)
    }

    fn remove(&mut self, id: NeighbourId) -> Option<Entry> {
        let entry = self.entries.get_mut(id.0 as usize)?.take()?;
        self.places.remove(&key(entry.device, entry.address));
        self.free.push(id.0);
        Some(entry)
    }
}

/// How a frame to some next hop is addressed.
enum Addressed {
    To(Mac),
    /// The device has no link-layer addresses.
    Bare,
    Ask,
}

impl Network {
    /// `ip_finish_output2`: gives the packet its frame and its device, now or when the neighbour has answered.
    pub(crate) fn neighbour_output(&mut self, ns: NetnsId, packet: Packet, route: &RouteResult) {
        let (device, next) = (route.device, route.next_hop());
        if let Some(id) = self.netns[ns].neighbours.find(device, next) {
            return self.neighbour_send(ns, id, packet);
        }
        match self.addressed(ns, device, next, route) {
            Addressed::To(mac) => self.frame_and_transmit(device, mac, packet),
            Addressed::Bare => self.transmit(device, packet),
            Addressed::Ask => match self.neighbour_create(ns, device, next) {
                Some(id) => self.neighbour_send(ns, id, packet),
                None => {
                    self.drop_at(device, packet, DropReason::NeighQueueFull, "the neighbour table is full")
                }
            },
        }
    }

    fn addressed(&self, ns: NetnsId, device: DeviceId, next: Ipv4Addr, route: &RouteResult) -> Addressed {
        let it = &self.devices[device];
        if !it.has_header() {
            return Addressed::Bare;
        }
        if it.flags & (flags::NOARP | flags::LOOPBACK) != 0 {
            return Addressed::To(it.mac);
        }
        if next.is_multicast() {
            return Addressed::To(group_mac(next));
        }
        let to_all = it.flags & flags::POINTOPOINT != 0
            || route.is_broadcast()
            || self.address_kind(ns, next) == RouteType::Broadcast;
        if to_all { Addressed::To(it.broadcast) } else { Addressed::Ask }
    }

    /// `neigh_output`
    fn neighbour_send(&mut self, ns: NetnsId, id: NeighbourId, packet: Packet) {
        let now = self.now;
        let entry = self.netns[ns].neighbours.get_mut(id).expect("the entry was just found");
        let device = entry.device;
        if packet.confirm {
            entry.confirm(now);
        }
        if entry.is_connected() {
            entry.used = now;
            let mac = entry.mac;
            return self.neighbour_frame(ns, device, id, mac, packet);
        }
        if let Some(packet) = self.neighbour_event_send(ns, id, packet) {
            // Believed still, but watched.
            let entry = self.netns[ns].neighbours.get(id).expect("sending does not remove an entry");
            let mac = entry.mac;
            self.neighbour_frame(ns, device, id, mac, packet);
        }
    }

    pub(crate) fn neighbour_frame(
        &mut self,
        ns: NetnsId,
        device: DeviceId,
        id: NeighbourId,
        mac: Mac,
        packet: Packet,
    ) {
        if self.trace.on {
            let ip = self.netns[ns].neighbours.get(id).map(|entry| entry.address.into());
            self.stop(&packet, device, None, Note::Neighbour { ip, mac });
        }
        self.frame_and_transmit(device, mac, packet);
    }

    /// Puts the Ethernet header in front of an IPv4 packet and sends the frame.
    fn frame_and_transmit(&mut self, device: DeviceId, to: Mac, packet: Packet) {
        self.frame_push(device, to, ethertype::IPV4, packet);
    }

    pub(crate) fn frame_push(&mut self, device: DeviceId, to: Mac, protocol: u16, mut packet: Packet) {
        let from = self.devices[device].mac;
        let header = packet.push(ETHERNET);
        header[..6].copy_from_slice(&to.0);
        header[6..12].copy_from_slice(&from.0);
        header[12..14].copy_from_slice(&protocol.to_be_bytes());
        packet.protocol = protocol;
        self.transmit(device, packet);
    }

    /// A new entry that nobody has asked about yet; `None` where the table is full.
    pub(crate) fn neighbour_create(
        &mut self,
        ns: NetnsId,
        device: DeviceId,
        address: Ipv4Addr,
    ) -> Option<NeighbourId> {
        if self.netns[ns].neighbours.len() >= FEW_ENTRIES {
            self.neighbours_forget(ns);
        }
        if self.netns[ns].neighbours.len() >= MAX_ENTRIES {
            return None;
        }
        let entry = Entry::new(device, address, self.now);
        Some(self.netns[ns].neighbours.insert(entry))
    }

    /// Forgets entries that were not used for long (`neigh_periodic_work`).
    fn neighbours_forget(&mut self, ns: NetnsId) {
        let now = self.now;
        let old: Vec<NeighbourId> = self.netns[ns]
            .neighbours
            .iter()
            .filter(|(_, entry)| {
                let conf = &self.devices[entry.device].ip.neigh;
                let stale = conf.get(crate::sysctl::NeighConf::GcStaleTime);
                let stale = Duration::from_secs(u64::try_from(stale).unwrap_or(0));
                let idle = now.since(entry.used) > stale && entry.confirmed_ago(now) > stale;
                let held = entry.state & (nud::PERMANENT | nud::INCOMPLETE | nud::PROBE | nud::DELAY) != 0;
                !held && (entry.state == nud::FAILED || idle)
            })
            .map(|(id, _)| id)
            .collect();
        old.into_iter().for_each(|id| self.neighbour_remove(ns, id));
    }

    /// Removes an entry; what waits in it ends.
    pub(crate) fn neighbour_remove(&mut self, ns: NetnsId, id: NeighbourId) {
        let Some(entry) = self.netns[ns].neighbours.remove(id) else { return };
        if let Some(row) = self.netns[ns].changes.is_some().then(|| self.neighbour_row(&entry)).flatten() {
            self.netns[ns].change(|| Change::DelNeighbour(row));
        }
        for packet in entry.waiting {
            self.drop_in(ns, packet, DropReason::NeighDead, "");
        }
    }

    /// All of one device; permanent ones are kept if `keep` says so and the device only changed its address.
    pub(crate) fn neighbours_flush(&mut self, device: DeviceId, keep: bool) {
        let ns = self.devices[device].netns;
        let of_device = self.neighbours_of(ns, device, keep);
        of_device.into_iter().for_each(|id| self.neighbour_remove(ns, id));
    }

    fn neighbours_of(&self, ns: NetnsId, device: DeviceId, keep: bool) -> Vec<NeighbourId> {
        let chosen = |entry: &Entry| entry.device == device && !(keep && entry.state & nud::PERMANENT != 0);
        self.netns[ns].neighbours.iter().filter(|(_, entry)| chosen(entry)).map(|(id, _)| id).collect()
    }

    pub(crate) fn neighbours_device_gone(&mut self, device: DeviceId) {
        self.neighbours_flush(device, false);
        let ns = self.devices[device].netns;
        self.netns[ns].neighbours.proxies.retain(|(other, _)| *other != device);
    }

    /// Carrier is lost: what was learnt may not hold when it comes back (`arp_evict_nocarrier`).
    pub(crate) fn neighbours_carrier_lost(&mut self, device: DeviceId) {
        if self.conf_and(device, crate::sysctl::Conf::ArpEvictNocarrier) {
            self.neighbours_flush(device, true);
        }
    }

    pub(crate) fn neighbour_is_valid(&self, ns: NetnsId, device: DeviceId, address: Ipv4Addr) -> bool {
        let it = &self.netns[ns].neighbours;
        it.find(device, address).and_then(|id| it.get(id)).is_some_and(Entry::is_valid)
    }

    /// The MAC of a neighbour that is known and believed without asking again.
    pub(crate) fn neighbour_mac(&self, ns: NetnsId, device: DeviceId, address: Ipv4Addr) -> Option<Mac> {
        let it = &self.netns[ns].neighbours;
        it.find(device, address)
            .and_then(|id| it.get(id))
            .filter(|entry| entry.is_valid())
            .map(|entry| entry.mac)
    }

    /// Asks for an address without a packet that waits for it; `cause` is why.
    pub(crate) fn neighbour_probe_for(
        &mut self,
        ns: NetnsId,
        device: DeviceId,
        address: Ipv4Addr,
        cause: &Packet,
    ) {
        let found = self.netns[ns].neighbours.find(device, address);
        if let Some(id) = found.or_else(|| self.neighbour_create(ns, device, address)) {
            self.neighbour_event(ns, id, Some(cause.journey));
        }
    }
}
