//! Timers: a heap by time in which an entry can be taken back.
//!
//! Always: entries of one time fire in the order in which they were set; a timer taken back never fires.

/// A timer that was set. Only its owner holds it, and gives it up when it fires or is taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimerId(u32);

#[derive(Clone, Copy, Debug)]
struct Entry<T> {
    at: u64,
    order: u64,
    /// It was put off until then, and is found a new place once `at` has come.
    later: Option<(u64, u64)>,
    place: usize,
    what: T,
}

/// All timers of a proxy.
#[derive(Debug)]
pub struct Timers<T> {
    entries: Vec<Option<Entry<T>>>,
    free: Vec<u32>,
    heap: Vec<u32>,
    order: u64,
}

impl<T> Default for Timers<T> {
    fn default() -> Timers<T> {
        Timers { entries: Vec::new(), free: Vec::new(), heap: Vec::new(), order: 0 }
    }
}

impl<T: Copy> Timers<T> {
    /// Sets a timer that fires at `at` or soon after.
    pub fn set(&mut self, at: u64, what: T) -> TimerId {
        self.order += 1;
        let entry = Some(Entry { at, order: self.order, later: None, place: self.heap.len(), what });
        let id = match self.free.pop() {
            Some(id) => {
                self.entries[id as usize] = entry;
                id
            }
            None => {
                self.entries.push(entry);
                (self.entries.len() - 1) as u32
            }
        };
        self.heap.push(id);
        self.rise(self.heap.len() - 1);
        TimerId(id)
    }

    /// Sets a timer, or puts one that is set off until then: what is put off again and again costs next to nothing.
    pub fn put_off(&mut self, timer: &mut Option<TimerId>, at: u64, what: T) {
        if let Some(TimerId(id)) = timer
            && let Some(Some(entry)) = self.entries.get_mut(*id as usize)
            && entry.at <= at
        {
            self.order += 1;
            entry.later = Some((at, self.order));
            return;
        }
        self.cancel(timer);
        *timer = Some(self.set(at, what));
    }

    /// Takes a timer back; one that fired already is no longer there.
    pub fn cancel(&mut self, timer: &mut Option<TimerId>) {
        if let Some(TimerId(id)) = timer.take() {
            self.remove(id);
        }
    }

    /// When the next one fires, or has to be put where it belongs.
    pub fn next_at(&self) -> Option<u64> {
        self.heap.first().and_then(|id| self.entry(*id)).map(|it| it.at)
    }

    /// The next one that is due at `now`.
    pub fn pop(&mut self, now: u64) -> Option<T> {
        loop {
            let id = *self.heap.first()?;
            let entry = self.entries.get_mut(id as usize)?.as_mut()?;
            if entry.at > now {
                return None;
            }
            let Some(later) = entry.later.take() else {
                let what = entry.what;
                self.remove(id);
                return Some(what);
            };
            (entry.at, entry.order) = later;
            self.sink(0);
        }
    }

    fn entry(&self, id: u32) -> Option<&Entry<T>> {
        self.entries.get(id as usize)?.as_ref()
    }

    fn key(&self, place: usize) -> (u64, u64) {
        self.heap
            .get(place)
            .and_then(|id| self.entry(*id))
            .map_or((u64::MAX, u64::MAX), |it| (it.at, it.order))
    }

    fn remove(&mut self, id: u32) {
        let Some(entry) = self.entries.get_mut(id as usize).and_then(Option::take) else { return };
        self.free.push(id);
        let last = self.heap.len() - 1;
        self.heap.swap(entry.place, last);
        self.heap.pop();
        if entry.place < self.heap.len() {
            self.settle(entry.place);
            self.sink(entry.place);
            self.rise(entry.place);
        }
    }

    fn settle(&mut self, place: usize) {
        let id = self.heap[place] as usize;
        if let Some(entry) = self.entries[id].as_mut() {
            entry.place = place;
        }
    }

    fn swap(&mut self, one: usize, other: usize) {
        self.heap.swap(one, other);
        self.settle(one);
        self.settle(other);
    }

    fn rise(&mut self, mut place: usize) {
        while place > 0 && self.key(place) < self.key((place - 1) / 2) {
            self.swap(place, (place - 1) / 2);
            place = (place - 1) / 2;
        }
    }

    fn sink(&mut self, mut place: usize) {
        loop {
            let child = 2 * place + 1;
            let child = if self.key(child + 1) < self.key(child) { child + 1 } else { child };
            if self.key(child) >= self.key(place) {
                return;
            }
            self.swap(place, child);
            place = child;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timers_fire_in_order_and_not_once_taken_back() {
        let mut timers = Timers::default();
        let set: Vec<_> = [50, 10, 30, 10, 40, 20].into_iter().map(|at| timers.set(at, at)).collect();
        timers.cancel(&mut Some(set[2]));
        assert_eq!(timers.next_at(), Some(10));
        let fired: Vec<u64> = std::iter::from_fn(|| timers.pop(45)).collect();
        assert_eq!(fired, [10, 10, 20, 40]);
        assert_eq!(timers.next_at(), Some(50));
    }

    #[test]
    fn a_timer_that_is_put_off_fires_later_and_behind_those_of_its_new_time() {
        let mut timers = Timers::default();
        let mut idle = Some(timers.set(10, "idle"));
        for at in [12, 15, 20, 30] {
            timers.put_off(&mut idle, at, "idle");
        }
        timers.set(30, "late");
        timers.put_off(&mut idle, 30, "idle");
        assert_eq!(timers.pop(29), None);
        assert_eq!((timers.pop(30), timers.pop(30), timers.pop(99)), (Some("late"), Some("idle"), None));
        idle = None;
        timers.put_off(&mut idle, 40, "idle");
        timers.put_off(&mut idle, 35, "idle");
        assert_eq!((timers.next_at(), timers.pop(35), timers.pop(99)), (Some(35), Some("idle"), None));
    }
}
