//! Connection tracking: remembers each flow, so that replies find their way back.
//!
//! Stands at PREROUTING and OUTPUT, ahead of NAT; what passes INPUT or POSTROUTING is confirmed there. Called by
//! `netfilter/hook`; calls nothing. One table for all namespaces, keyed by (namespace, tuple).
//! Always: a confirmed flow is filed under both its tuples, an unconfirmed one under neither.
//! Differs from Linux: no zones, expectations or helpers (ftp, sip); SCTP, DCCP and GRE have the generic tracker, so
//! that their own timeouts change nothing; a full table drops without a line in the log; a flow is forgotten within a second of its end
//! (Linux's collector may leave it a minute); listings are in the order of confirmation, not of a hash.
//! Sources: kernel doc nf_conntrack-sysctl; linux nf_conntrack_core.c; RFC 5382 REQ-5 (TCP idle time).

mod event;
mod flow;
mod sysctl;
mod tcp;
mod track;
mod tuple;
mod window;

pub use event::{Event, EventKind};
pub use flow::{Counter, Flow, Info, Protocol, Relation, status};
pub use sysctl::Settings;
pub use tcp::TcpState;
pub use track::Tracked;
pub(crate) use track::Tracking;
pub use tuple::{Direction, Tuple};

use crate::hash::Map;
use api::NetnsId;
use sim::{Instant, Rng};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Slots looked at for a flow to drop when the table is full (`early_drop`).
const EARLY_DROP_SCAN: usize = 256;
/// Bits of `conntrack -S`, named as it prints them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    pub found: u64,
    pub invalid: u64,
    pub insert: u64,
    pub insert_failed: u64,
    pub drop: u64,
    pub early_drop: u64,
    pub error: u64,
    pub search_restart: u64,
    pub clash_resolve: u64,
}

/// A flow's place in the table; stale once the flow is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FlowId {
    index: u32,
    generation: u32,
}

#[derive(Debug)]
struct Slot {
    generation: u32,
    /// The second under which it is filed to be looked at for expiry.
    filed: u64,
    flow: Option<Box<Flow>>,
}

/// What one namespace has of its own.
#[derive(Debug, Default)]
pub struct Space {
    pub settings: Settings,
    pub statistics: Statistics,
    count: u32,
    events: event::Events,
}

/// Where a source is mapped to, so that it keeps its mapping towards others: (namespace, protocol, address, port).
type Source = (NetnsId, u8, IpAddr, u16);

#[derive(Debug)]
pub struct Conntrack {
    /// Chance of rules and port choices (`statistic`, `--random`).
    pub(crate) rng: Rng,
    slots: Vec<Slot>,
    free: Vec<u32>,
    index: Map<(NetnsId, Tuple), (u32, Direction)>,
    by_source: Map<Source, Vec<FlowId>>,
    spaces: BTreeMap<NetnsId, Space>,
    /// Flows to look at, by the second of their end.
    ends: BTreeMap<u64, Vec<FlowId>>,
    next_serial: u32,
    /// Where the next search for a flow to drop begins.
    drop_cursor: usize,
}

/// The first whole second at or after `at`.
fn second_of(at: Instant) -> u64 {
    at.nanos().div_ceil(1_000_000_000)
}

fn source_of(netns: NetnsId, tuple: &Tuple) -> Source {
    (netns, tuple.protocol, tuple.source, tuple.source_port)
}

impl Conntrack {
    pub fn new(seed: u64) -> Conntrack {
        Conntrack {
            rng: Rng::stream(seed, "netfilter"),
            slots: Vec::new(),
            free: Vec::new(),
            index: Map::default(),
            by_source: Map::default(),
            spaces: BTreeMap::new(),
            ends: BTreeMap::new(),
            next_serial: 0,
            drop_cursor: 0,
        }
    }

    pub fn space(&mut self, netns: NetnsId) -> &mut Space {
        self.spaces.entry(netns).or_default()
    }

    /// The settings of a namespace, where it has any of its own.
    pub fn settings(&self, netns: NetnsId) -> Option<&Settings> {
        self.spaces.get(&netns).map(|space| &space.settings)
    }

    /// Flows of that namespace.
    pub fn count(&self, netns: NetnsId) -> u32 {
        self.spaces.get(&netns).map_or(0, |space| space.count)
    }

    pub fn flow(&self, id: FlowId) -> Option<&Flow> {
        let slot = self.slots.get(id.index as usize)?;
        (slot.generation == id.generation).then_some(slot.flow.as_deref())?
    }

    pub fn flow_mut(&mut self, id: FlowId) -> Option<&mut Flow> {
        let slot = self.slots.get_mut(id.index as usize)?;
        (slot.generation == id.generation).then_some(slot.flow.as_deref_mut())?
    }

    /// The flow one of whose tuples that is, and which.
    pub fn find(&self, netns: NetnsId, tuple: &Tuple) -> Option<(FlowId, Direction)> {
        let (index, direction) = *self.index.get(&(netns, *tuple))?;
        Some((FlowId { index, generation: self.slots[index as usize].generation }, direction))
    }

    /// The flows of a namespace, oldest first.
    pub fn list(&self, netns: NetnsId) -> Vec<(FlowId, &Flow)> {
        if self.count(netns) == 0 {
            return Vec::new();
        }
        let mut flows: Vec<_> = self.ids().filter(|(_, flow)| flow.netns == netns).collect();
        flows.sort_unstable_by_key(|(_, flow)| flow.serial);
        flows
    }

    fn ids(&self) -> impl Iterator<Item = (FlowId, &Flow)> {
        self.slots.iter().enumerate().filter_map(|(index, slot)| {
            let id = FlowId { index: index as u32, generation: slot.generation };
            Some((id, slot.flow.as_deref()?))
        })
    }

    /// Files a flow under both its tuples; the flow already there under one of them where they clash.
    pub(crate) fn insert(&mut self, mut flow: Box<Flow>, now: Instant) -> Result<FlowId, FlowId> {
        let netns = flow.netns;
        for tuple in [&flow.original, &flow.reply] {
            if let Some((there, _)) = self.find(netns, tuple) {
                return Err(there);
            }
        }
        self.next_serial = self.next_serial.wrapping_add(1);
        flow.serial = serial_number(self.next_serial);
        flow.status |= status::CONFIRMED;
        flow.started = now;
        let index = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot { generation: 0, filed: 0, flow: None });
            (self.slots.len() - 1) as u32
        });
        let slot = &mut self.slots[index as usize];
        let id = FlowId { index, generation: slot.generation };
        self.index.insert((netns, flow.original), (index, Direction::Original));
        self.index.insert((netns, flow.reply), (index, Direction::Reply));
        if flow.has(status::SRC_NAT) {
            self.by_source.entry(source_of(netns, &flow.original)).or_default().push(id);
        }
        slot.filed = u64::MAX;
        slot.flow = Some(flow);
        self.space(netns).count += 1;
        self.file(id);
        self.tell(EventKind::New, id, now);
        Ok(id)
    }

    /// Files the flow under the second of its end, unless it is looked at earlier anyway.
    pub(crate) fn file(&mut self, id: FlowId) {
        let Some(flow) = self.flow(id) else { return };
        let second = second_of(flow.expires);
        let slot = &mut self.slots[id.index as usize];
        if second < slot.filed {
            slot.filed = second;
            self.ends.entry(second).or_default().push(id);
        }
    }

    /// Forgets a flow.
    pub(crate) fn remove(&mut self, id: FlowId, now: Instant) -> Option<Box<Flow>> {
        self.flow(id)?;
        self.tell(EventKind::Destroy, id, now);
        let slot = &mut self.slots[id.index as usize];
        let flow = slot.flow.take()?;
        slot.generation = slot.generation.wrapping_add(1);
        self.free.push(id.index);
        self.index.remove(&(flow.netns, flow.original));
        self.index.remove(&(flow.netns, flow.reply));
        if flow.has(status::SRC_NAT) {
            let source = source_of(flow.netns, &flow.original);
            if let Some(ids) = self.by_source.get_mut(&source) {
                ids.retain(|other| *other != id);
                if ids.is_empty() {
                    self.by_source.remove(&source);
                }
            }
        }
        self.space(flow.netns).count -= 1;
        Some(flow)
    }

    /// Forgets every flow of that namespace that `which` points at; how many.
    pub fn remove_where(
        &mut self,
        netns: NetnsId,
        now: Instant,
        mut which: impl FnMut(&Flow) -> bool,
    ) -> usize {
        let ids: Vec<_> =
            self.list(netns).into_iter().filter(|(_, flow)| which(flow)).map(|(id, _)| id).collect();
        ids.iter().for_each(|id| {
            self.remove(*id, now);
        });
        ids.len()
    }

    pub fn statistics(&self, netns: NetnsId) -> Statistics {
        self.spaces.get(&netns).map_or_else(Statistics::default, |space| space.statistics)
    }

    /// Changes a flow by hand.
    pub(crate) fn change(&mut self, id: FlowId, now: Instant, change: impl FnOnce(&mut Flow)) {
        if let Some(flow) = self.flow_mut(id) {
            change(flow);
            self.file(id);
            self.tell(EventKind::Update, id, now);
        }
    }

    /// A namespace is gone, and all it knew.
    pub fn remove_netns(&mut self, netns: NetnsId, now: Instant) {
        self.remove_where(netns, now, |_| true);
        self.spaces.remove(&netns);
    }

    /// Flows that translate that source, newest last.
    pub(crate) fn of_source<'a>(
        &'a self,
        netns: NetnsId,
        tuple: &Tuple,
    ) -> impl Iterator<Item = &'a Flow> + use<'a> {
        self.by_source.get(&source_of(netns, tuple)).into_iter().flatten().filter_map(|id| self.flow(*id))
    }

    /// When a flow may end next.
    pub fn next_end(&self) -> Option<Instant> {
        let (second, _) = self.ends.first_key_value()?;
        Some(Instant::from_nanos(second.saturating_mul(1_000_000_000)))
    }

    /// Forgets the flows whose time has come.
    pub fn expire(&mut self, now: Instant) {
        while let Some(entry) = self.ends.first_entry() {
            let second = *entry.key();
            if second > now.nanos() / 1_000_000_000 {
                break;
            }
            for id in entry.remove() {
                let Some(flow) = self.flow(id) else { continue };
                let over = flow.expires <= now;
                let slot = &mut self.slots[id.index as usize];
                if slot.filed != second {
                    continue;
                }
                slot.filed = u64::MAX;
                if over {
                    self.remove(id, now);
                } else {
                    self.file(id);
                }
            }
        }
    }

    /// Makes room in a full table: drops one flow that is not assured (`early_drop`).
    pub(crate) fn drop_early(&mut self, netns: NetnsId, now: Instant) -> bool {
        let length = self.slots.len();
        for step in 0..length.min(EARLY_DROP_SCAN) {
            let index = (self.drop_cursor + step) % length;
            let slot = &self.slots[index];
            let droppable = |flow: &Flow| flow.netns == netns && !flow.has(status::ASSURED);
            if slot.flow.as_deref().is_some_and(droppable) {
                self.drop_cursor = index + 1;
                let id = FlowId { index: index as u32, generation: slot.generation };
                self.space(netns).statistics.early_drop += 1;
                return self.remove(id, now).is_some();
            }
        }
        false
    }
}

/// Linux shows a hash of the entry's address; ours is a hash of its number, so that it looks as arbitrary and is
/// never given twice.
fn serial_number(count: u32) -> u32 {
    // Multiplying by an odd number permutes the 32-bit numbers.
    count.wrapping_mul(0x9e37_79b1)
}
