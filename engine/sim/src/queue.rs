//! What happens next: events in the exact order of (time, order of asking).
//!
//! Always: two events of one instant come out in the order they went in; a cancelled event never comes out.
//! Events that wait for one of a few constant delays (a veth, a cable) stand in a queue per delay, where they
//! need no sorting; all others stand in a heap.
//! Differs from Linux: no timer slack, no jiffies; every timer fires at its nanosecond.

use crate::Instant;
use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, VecDeque};
use std::time::Duration;

/// Delays with a queue of their own; further ones go to the heap.
const MAX_LANES: usize = 8;

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
struct Lane<T> {
    delay: Duration,
    entries: VecDeque<Entry<T>>,
}

/// Where the next event stands.
#[derive(Clone, Copy, Debug)]
enum Place {
    Heap,
    Lane(usize),
}

#[derive(Debug)]
pub struct EventQueue<T> {
    heap: BinaryHeap<Reverse<Entry<T>>>,
    lanes: Vec<Lane<T>>,
    /// Tickets of the heap whose events must not come out.
    cancelled: BTreeSet<Ticket>,
    next: u64,
}

impl<T> Default for EventQueue<T> {
    fn default() -> Self {
        EventQueue { heap: BinaryHeap::new(), lanes: Vec::new(), cancelled: BTreeSet::new(), next: 0 }
    }
}

impl<T> EventQueue<T> {
    pub fn push(&mut self, at: Instant, event: T) -> Ticket {
        let ticket = self.ticket();
        self.heap.push(Reverse(Entry { at, ticket, event }));
        ticket
    }

    /// An event `delay` from `now`, which must not run backwards from call to call. It cannot be cancelled.
    pub fn push_after(&mut self, now: Instant, delay: Duration, event: T) {
        let at = now + delay;
        let ticket = self.ticket();
        let entry = Entry { at, ticket, event };
        let lane = match self.lanes.iter().position(|lane| lane.delay == delay) {
            Some(lane) => lane,
            None if self.lanes.len() < MAX_LANES => {
                self.lanes.push(Lane { delay, entries: VecDeque::new() });
                self.lanes.len() - 1
            }
            None => return self.heap.push(Reverse(entry)),
        };
        self.lanes[lane].entries.push_back(entry);
    }

    /// The event of `ticket` must still be queued: the owner forgets its ticket when the event comes out.
    pub fn cancel(&mut self, ticket: Ticket) {
        self.cancelled.insert(ticket);
    }

    /// When the next event is due.
    pub fn next_at(&mut self) -> Option<Instant> {
        self.head().map(|(at, _, _)| at)
    }

    /// The next event due at or before `until`.
    pub fn pop(&mut self, until: Instant) -> Option<(Instant, T)> {
        let (_, _, place) = self.head().filter(|(at, _, _)| *at <= until)?;
        let entry = match place {
            Place::Heap => self.heap.pop()?.0,
            Place::Lane(lane) => self.lanes[lane].entries.pop_front()?,
        };
        Some((entry.at, entry.event))
    }

    pub fn len(&self) -> usize {
        let in_lanes: usize = self.lanes.iter().map(|lane| lane.entries.len()).sum();
        self.heap.len() + in_lanes - self.cancelled.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn ticket(&mut self) -> Ticket {
        self.next += 1;
        Ticket(self.next - 1)
    }

    fn head(&mut self) -> Option<(Instant, Ticket, Place)> {
        while let Some(Reverse(entry)) = self.heap.peek() {
            if self.cancelled.is_empty() || !self.cancelled.remove(&entry.ticket) {
                break;
            }
            self.heap.pop();
        }
        let heap = self.heap.peek().map(|Reverse(entry)| (entry.at, entry.ticket, Place::Heap));
        let lanes = self.lanes.iter().enumerate().filter_map(|(index, lane)| {
            let entry = lane.entries.front()?;
            Some((entry.at, entry.ticket, Place::Lane(index)))
        });
        lanes.chain(heap).min_by_key(|(at, ticket, _)| (*at, *ticket))
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

    #[test]
    fn delays_and_instants_come_out_in_one_order() {
        let mut queue = EventQueue::default();
        let at = Instant::from_nanos;
        for step in 0..20_u64 {
            queue.push(at(step + 3), step * 100);
            for delay in 0..10 {
                queue.push_after(at(step), Duration::from_nanos(delay), step * 100 + delay + 1);
            }
        }
        let mut expected: Vec<(u64, u64)> = (0..20)
            .flat_map(|step| {
                let timers = std::iter::once((step + 3, step * 100));
                timers.chain((0..10).map(move |delay| (step + delay, step * 100 + delay + 1)))
            })
            .collect();
        expected.sort_by_key(|(at, _)| *at);
        let out: Vec<_> =
            std::iter::from_fn(|| queue.pop(Instant::NEVER)).map(|(at, event)| (at.nanos(), event)).collect();
        assert_eq!(out, expected);
    }
}
