//! What `ip monitor` sees: each change of a table, in its namespace, in the order in which it came about.

use super::{Address, FdbEntry, Link, Neighbour, Route, Rule};
use crate::Network;
use api::NetnsId;
use std::collections::VecDeque;

/// Changes kept for a slow `ip monitor`; the oldest go first.
const MAX_CHANGES: usize = 4096;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    NewLink(Box<Link>),
    DelLink(Box<Link>),
    NewAddress(Address),
    DelAddress(Address),
    NewRoute(Route),
    DelRoute(Route),
    NewRule(Rule),
    DelRule(Rule),
    NewNeighbour(Neighbour),
    DelNeighbour(Neighbour),
    NewFdb(FdbEntry),
    DelFdb(FdbEntry),
    NewNetnsId(i32),
    DelNetnsId(i32),
}

/// What every listener of a namespace reads, each from where it is.
#[derive(Clone, Debug, Default)]
pub struct ChangeLog {
    listeners: u32,
    /// The number of the oldest change that is kept.
    first: u64,
    changes: VecDeque<Change>,
}

impl ChangeLog {
    pub(crate) fn push(&mut self, change: Change) {
        if self.changes.len() == MAX_CHANGES {
            self.changes.pop_front();
            self.first += 1;
        }
        self.changes.push_back(change);
    }

    fn next(&self) -> u64 {
        self.first + self.changes.len() as u64
    }
}

impl Network {
    /// From now on changes of this namespace's tables are kept (`ip monitor`). Gives the number of the next one.
    pub fn monitor_start(&mut self, ns: NetnsId) -> u64 {
        let log = self.netns[ns].changes.get_or_insert_default();
        log.listeners += 1;
        log.next()
    }

    /// With the last listener the log goes.
    pub fn monitor_end(&mut self, ns: NetnsId) {
        let changes = &mut self.netns[ns].changes;
        if let Some(log) = changes {
            log.listeners = log.listeners.saturating_sub(1);
            if log.listeners == 0 {
                *changes = None;
            }
        }
    }

    /// The changes from that number on, and the number of the next one.
    pub fn changes_since(&self, ns: NetnsId, number: u64) -> (Vec<Change>, u64) {
        let Some(log) = &self.netns[ns].changes else { return (Vec::new(), number) };
        let skipped = usize::try_from(number.saturating_sub(log.first)).unwrap_or(usize::MAX);
        (log.changes.iter().skip(skipped).cloned().collect(), log.next())
    }
}
