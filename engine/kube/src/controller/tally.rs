//! How many Pods each owner has: counted as they change, not at each look.
//!
//! Kept by `work` from the change log, read by controllers whose thousand Pods differ in nothing but a name.
//! Always: the counts are those of the store as the controllers see it; a Pod counts for the owner that controls it.

use super::pod;
use crate::object::{Kind, Value};
use crate::store::{Change, Store, What, controller_of};
use std::collections::BTreeMap;
use std::rc::Rc;

/// Pods of one owner that have the same labels.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Count {
    pub labels: Value,
    all: usize,
    pub active: usize,
    /// Of the active ones.
    pub ready: usize,
    /// On their way out, and not over yet.
    pub leaving: usize,
}

#[derive(Debug, Default)]
pub struct Tally {
    /// By the owner's uid.
    owners: BTreeMap<Rc<str>, Vec<Count>>,
}

impl Tally {
    pub fn of(&self, owner: &str) -> &[Count] {
        self.owners.get(owner).map_or(&[], Vec::as_slice)
    }

    pub fn take_in(&mut self, change: &Change) {
        if change.kind == Kind::Pod {
            self.count(&change.before, -1);
            if change.what != What::Deleted {
                self.count(&change.object, 1);
            }
        }
    }

    /// Counts anew.
    pub fn recount(&mut self, store: &Store) {
        self.owners.clear();
        store.list(Kind::Pod, None).for_each(|pod| self.count(pod, 1));
    }

    fn count(&mut self, pod: &Value, by: isize) {
        let uid = controller_of(pod).str("uid");
        if uid.is_empty() {
            return;
        }
        if !self.owners.contains_key(uid) {
            self.owners.insert(uid.into(), Vec::new());
        }
        let Some(counts) = self.owners.get_mut(uid) else { return };
        let labels = pod["metadata"].get("labels");
        let is_it = |it: &Count| it.labels.same_place(labels) || it.labels == *labels;
        let at = counts.iter().position(is_it).unwrap_or_else(|| {
            counts.push(Count { labels: labels.clone(), ..Count::default() });
            counts.len() - 1
        });
        let (over, leaving) = (pod::is_terminal(pod), pod::is_terminating(pod));
        let is_active = !over && !leaving;
        let count = &mut counts[at];
        for (number, is_one) in [
            (&mut count.all, true),
            (&mut count.active, is_active),
            (&mut count.ready, is_active && pod::is_ready(pod)),
            (&mut count.leaving, leaving && !over),
        ] {
            *number = number.saturating_add_signed(if is_one { by } else { 0 });
        }
        if count.all == 0 {
            counts.swap_remove(at);
            if counts.is_empty() {
                self.owners.remove(uid);
            }
        }
    }
}
