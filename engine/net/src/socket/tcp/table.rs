//! The tables of TCP: connections under numbers, flows, TIME-WAITs, smoltcp's interfaces.
//!
//! Always: a number names one connection for ever (slot and generation).

use super::Flow;
use super::connection::Connection;
use super::engine::{Engine, Outbox, Stack};
use super::time_wait::TimeWait;
use crate::hash::Map;
use api::NetnsId;
use std::collections::BTreeMap;

/// smoltcp sockets kept for the next connection, with their buffers.
pub(super) const POOL: usize = 64;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ConnectionId {
    index: u32,
    generation: u32,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Filed {
    Connection(ConnectionId),
    TimeWait(u64),
}

#[derive(Debug, Default)]
pub(super) struct Connections {
    slots: Vec<(u32, Option<Box<Connection>>)>,
    free: Vec<u32>,
}

impl Connections {
    pub(super) fn insert(&mut self, connection: Connection) -> ConnectionId {
        let connection = Some(Box::new(connection));
        if let Some(index) = self.free.pop() {
            let slot = &mut self.slots[index as usize];
            slot.1 = connection;
            return ConnectionId { index, generation: slot.0 };
        }
        self.slots.push((0, connection));
        ConnectionId { index: self.slots.len() as u32 - 1, generation: 0 }
    }

    pub(super) fn get(&self, id: ConnectionId) -> Option<&Connection> {
        let (generation, connection) = self.slots.get(id.index as usize)?;
        connection.as_deref().filter(|_| *generation == id.generation)
    }

    pub(super) fn get_mut(&mut self, id: ConnectionId) -> Option<&mut Connection> {
        let (generation, connection) = self.slots.get_mut(id.index as usize)?;
        connection.as_deref_mut().filter(|_| *generation == id.generation)
    }

    pub(super) fn remove(&mut self, id: ConnectionId) -> Option<Box<Connection>> {
        self.get(id)?;
        let (generation, connection) = self.slots.get_mut(id.index as usize)?;
        *generation = generation.wrapping_add(1);
        self.free.push(id.index);
        connection.take()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Connection> {
        self.slots.iter().filter_map(|(_, connection)| connection.as_deref())
    }
}

#[derive(Debug, Default)]
pub(crate) struct Tcp {
    pub(super) connections: Connections,
    pub(super) flows: Map<Flow, Filed>,
    pub(super) stacks: BTreeMap<(NetnsId, u32), Stack>,
    /// By a number that grows: the oldest first.
    pub(super) time_waits: BTreeMap<u64, TimeWait>,
    pub(super) last_time_wait: u64,
    /// The queue will call when the oldest ends.
    pub(super) time_wait_awaited: bool,
    pub(super) pool: Vec<Engine>,
    pub(super) outbox: Outbox,
}

impl Tcp {
    pub(super) fn engine(&mut self) -> Engine {
        self.pool.pop().unwrap_or_else(Engine::new)
    }

    /// Connections that still live there get new ones.
    pub(in crate::socket) fn stacks_forget(&mut self, ns: NetnsId) {
        self.stacks.retain(|(it, _), _| *it != ns);
    }

    /// Is the pair of ends free for a new connection?
    pub(super) fn flow_free(&self, flow: &Flow) -> bool {
        !self.flows.contains_key(flow)
    }

    pub(in crate::socket) fn time_wait_holds(&self, ns: NetnsId, port: u16) -> bool {
        self.time_waits.values().any(|it| it.flow.ns == ns && it.flow.local.port() == port)
    }
}
