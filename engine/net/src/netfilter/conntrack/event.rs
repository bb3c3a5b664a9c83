//! What `conntrack -E` is told: flows made, changed and forgotten.
//!
//! Always: bounded; what nobody fetches is dropped, oldest first, as a netlink socket's buffer overflows.
//! Sources: linux nf_conntrack_ecache.c, nf_conntrack_netlink.c.

use super::{Conntrack, Flow, FlowId};
use api::NetnsId;
use sim::Instant;
use std::collections::VecDeque;

/// Events kept for a listener.
const MAX_EVENTS: usize = 4096;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EventKind {
    New,
    Update,
    Destroy,
}

#[derive(Clone, Debug)]
pub struct Event {
    pub kind: EventKind,
    pub at: Instant,
    /// As it was then.
    pub flow: Flow,
}

#[derive(Debug, Default)]
pub(super) struct Events {
    listeners: u32,
    /// How many came before the first one kept.
    first: u64,
    kept: VecDeque<Event>,
}

impl Conntrack {
    pub(super) fn tell(&mut self, kind: EventKind, id: FlowId, at: Instant) {
        let Some(netns) = self.flow(id).map(|flow| flow.netns) else { return };
        if self.spaces.get(&netns).is_none_or(|space| space.events.listeners == 0) {
            return;
        }
        let Some(flow) = self.flow(id).cloned() else { return };
        let events = &mut self.space(netns).events;
        if events.kept.len() == MAX_EVENTS {
            events.kept.pop_front();
            events.first += 1;
        }
        events.kept.push_back(Event { kind, at, flow });
    }

    /// Someone listens from now on; gives the number of the next event.
    pub fn listen(&mut self, netns: NetnsId) -> u64 {
        let events = &mut self.space(netns).events;
        events.listeners += 1;
        events.first + events.kept.len() as u64
    }

    pub fn stop_listening(&mut self, netns: NetnsId) {
        let events = &mut self.space(netns).events;
        events.listeners = events.listeners.saturating_sub(1);
        if events.listeners == 0 {
            events.first += events.kept.len() as u64;
            events.kept.clear();
        }
    }

    /// Events from number `from` on, and the number of the next.
    pub fn events_since(&self, netns: NetnsId, from: u64) -> (Vec<Event>, u64) {
        let Some(space) = self.spaces.get(&netns) else { return (Vec::new(), from) };
        let events = &space.events;
        let skip = usize::try_from(from.saturating_sub(events.first)).unwrap_or(usize::MAX);
        (events.kept.iter().skip(skip).cloned().collect(), events.first + events.kept.len() as u64)
    }
}
