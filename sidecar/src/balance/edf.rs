//! Earliest deadline first: serves items in proportion to their weights, spread as evenly as can be.
//!
//! Each item is due one over its weight after its last turn; the one due first goes next, the one queued first among
//! equals. Always: an item comes back after each pick, so the queue neither grows nor shrinks.
//! Sources: Envoy `edf_scheduler.h`.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

#[derive(Debug, Clone, Copy)]
struct Entry {
    deadline: f64,
    order: u64,
    item: usize,
}

impl Ord for Entry {
    /// Reversed: the heap gives its greatest, we want the earliest.
    fn cmp(&self, other: &Self) -> Ordering {
        other.deadline.total_cmp(&self.deadline).then(other.order.cmp(&self.order))
    }
}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Entry {}

#[derive(Debug, Clone, Default)]
pub struct Edf {
    queue: BinaryHeap<Entry>,
    now: f64,
    order: u64,
}

impl Edf {
    /// Items whose weight is not above nought are left out.
    pub fn new(items: impl IntoIterator<Item = (usize, f64)>) -> Edf {
        let mut edf = Edf::default();
        for (item, weight) in items {
            edf.add(item, weight);
        }
        edf
    }

    fn add(&mut self, item: usize, weight: f64) {
        if weight > 0.0 {
            self.queue.push(Entry { deadline: self.now + 1.0 / weight, order: self.order, item });
            self.order += 1;
        }
    }

    /// The next item; it queues again with the weight it has now.
    pub fn pick(&mut self, weight: impl Fn(usize) -> f64) -> Option<usize> {
        let Entry { deadline, item, .. } = self.queue.pop()?;
        self.now = deadline;
        // A weight of nought would lose the item for good.
        self.add(item, weight(item).max(f64::MIN_POSITIVE));
        Some(item)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_of_four_and_one_interleave() {
        let weights = [4.0, 1.0];
        let mut edf = Edf::new(weights.iter().copied().enumerate());
        let row: Vec<_> = (0..10).filter_map(|_| edf.pick(|it| weights[it])).collect();
        assert_eq!(row, [0, 0, 0, 1, 0, 0, 0, 0, 1, 0]);
    }
}
