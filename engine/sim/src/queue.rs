//! What happens next: events in the exact order of (time, order of asking).
//!
//! Always: two events of one instant come out in the order they went in; a cancelled event never comes out.
//! Differs from Linux: no timer slack, no jiffies; every timer fires at its nanosecond.

use crate::Instant;
use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};

/// Names one queued event, so that it can be cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(u64);

#[derive(Debug)]
struct Entry<T> {
    at: Instant,
    ticket: Ticket,
    event: T,
}

impl<T> PartialEq for Entry<T> {
    fn eq(&self, other: &Self) -> bool {
        self.ticket == other.ticket
    }
}
impl<T> Eq for Entry<T> {}
impl<T> PartialOrd for Entry<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<T> Ord for Entry<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.ticket).cmp(&(other.at, other.ticket))
    }
}

#[derive(Debug)]
pub struct EventQueue<T> {
    heap: BinaryHeap<Reverse<Entry<T>>>,
    cancelled: BTreeSet<Ticket>,
    next: u64,
}

impl<T> Default for EventQueue<T> {
    fn default() -> Self {
        EventQueue { heap: BinaryHeap::new(), cancelled: BTreeSet::new(), next: 0 }
    }
}

impl<T> EventQueue<T> {
    pub fn push(&mut self, at: Instant, event: T) -> Ticket {
        let ticket = Ticket(self.next);
        self.next += 1;
        self.heap.push(Reverse(Entry { at, ticket, event }));
        ticket
    }

    /// The event of `ticket` must still be queued: the owner forgets its ticket when the event comes out.
    pub fn cancel(&mut self, ticket: Ticket) {
        self.cancelled.insert(ticket);
    }

    /// When the next event is due.
    pub fn next_at(&mut self) -> Option<Instant> {
        while let Some(Reverse(entry)) = self.heap.peek() {
            if !self.cancelled.remove(&entry.ticket) {
                return Some(entry.at);
            }
            self.heap.pop();
        }
        None
    }

    /// The next event due at or before `until`.
    pub fn pop(&mut self, until: Instant) -> Option<(Instant, T)> {
        (self.next_at()? <= until).then(|| self.heap.pop().map(|Reverse(entry)| (entry.at, entry.event)))?
    }

    pub fn len(&self) -> usize {
        self.heap.len() - self.cancelled.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_of_one_instant_keep_their_order_and_cancelled_ones_never_come() {
        let mut queue = EventQueue::default();
        let at = Instant::from_nanos;
        queue.push(at(5), 'c');
        queue.push(at(1), 'a');
        let gone = queue.push(at(1), 'x');
        queue.push(at(1), 'b');
        queue.cancel(gone);
        assert_eq!(queue.len(), 3);
        let out: String = std::iter::from_fn(|| queue.pop(at(5))).map(|(_, event)| event).collect();
        assert_eq!(out, "abc");
        assert!(queue.is_empty());
    }

    #[test]
    fn nothing_comes_before_its_time() {
        let mut queue = EventQueue::default();
        queue.push(Instant::from_nanos(10), ());
        assert_eq!(queue.pop(Instant::from_nanos(9)), None);
        assert_eq!(queue.next_at(), Some(Instant::from_nanos(10)));
    }
}
