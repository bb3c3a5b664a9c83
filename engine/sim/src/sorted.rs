//! `SortedMap` and `SortedSet`: what `BTreeMap` and `BTreeSet` do, with far less code for each pair of types.
//!
//! The engine is downloaded before anything can be typed, and it has hundreds of tables. Always: the entries stand in
//! the order of their keys, in runs of at most [`RUN`] that are never empty; finding one is two binary searches,
//! putting one in moves at most a run. Differs from `BTreeMap`: a range that ends before it begins is empty.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::iter::{Flatten, Map};
use std::ops::{Bound, Index, RangeBounds};

/// Entries of one run.
const RUN: usize = 64;

/// A run and an entry of it. After the last entry comes the first of the run that is not there.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    run: usize,
    index: usize,
}

/// Binary search, once for all types.
fn search(entries: usize, compare: &mut dyn FnMut(usize) -> Ordering) -> Result<usize, usize> {
    let (mut from, mut to) = (0, entries);
    while from < to {
        let middle = from + (to - from) / 2;
        match compare(middle) {
            Ordering::Less => from = middle + 1,
            Ordering::Greater => to = middle,
            Ordering::Equal => return Ok(middle),
        }
    }
    Err(from)
}

#[derive(Clone)]
pub struct SortedMap<K, V> {
    runs: Vec<Vec<(K, V)>>,
}

impl<K, V> SortedMap<K, V> {
    pub const fn new() -> SortedMap<K, V> {
        SortedMap { runs: Vec::new() }
    }

    pub fn len(&self) -> usize {
        self.runs.iter().map(Vec::len).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    pub fn clear(&mut self) {
        self.runs.clear();
    }

    fn first_place(&self) -> Place {
        Place { run: 0, index: 0 }
    }

    fn end(&self) -> Place {
        Place { run: self.runs.len(), index: 0 }
    }

    pub fn iter(&self) -> Iter<'_, K, V> {
        Iter { runs: &self.runs, front: self.first_place(), back: self.end() }
    }

    pub fn iter_mut(&mut self) -> IterMut<'_, K, V> {
        self.runs.iter_mut().flatten().map(|(key, value)| (key, value))
    }

    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &K> + Clone {
        self.iter().map(|(key, _)| key)
    }

    pub fn values(&self) -> impl DoubleEndedIterator<Item = &V> + Clone {
        self.iter().map(|(_, value)| value)
    }

    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.iter_mut().map(|(_, value)| value)
    }

    pub fn into_keys(self) -> impl DoubleEndedIterator<Item = K> {
        self.into_iter().map(|(key, _)| key)
    }

    pub fn into_values(self) -> impl DoubleEndedIterator<Item = V> {
        self.into_iter().map(|(_, value)| value)
    }

    pub fn first_key_value(&self) -> Option<(&K, &V)> {
        self.iter().next()
    }

    pub fn last_key_value(&self) -> Option<(&K, &V)> {
        self.iter().next_back()
    }

    pub fn pop_first(&mut self) -> Option<(K, V)> {
        (!self.is_empty()).then(|| self.take(self.first_place()))
    }

    pub fn pop_last(&mut self) -> Option<(K, V)> {
        let run = self.runs.len().checked_sub(1)?;
        Some(self.take(Place { run, index: self.runs[run].len() - 1 }))
    }

    pub fn retain(&mut self, mut keep: impl FnMut(&K, &mut V) -> bool) {
        self.runs.iter_mut().for_each(|run| run.retain_mut(|(key, value)| keep(key, value)));
        self.runs.retain(|run| !run.is_empty());
    }

    fn take(&mut self, place: Place) -> (K, V) {
        let entry = self.runs[place.run].remove(place.index);
        if self.runs[place.run].is_empty() {
            self.runs.remove(place.run);
        }
        entry
    }

    /// Puts an entry where its key belongs.
    fn put(&mut self, mut place: Place, entry: (K, V)) -> &mut V {
        if self.runs.is_empty() {
            self.runs.push(Vec::new());
        }
        let full = self.runs[place.run].len();
        if full >= RUN {
            // What is filled from below leaves its runs full.
            let cut = if place.index == full { full } else { full / 2 };
            let rest = self.runs[place.run].split_off(cut);
            self.runs.insert(place.run + 1, rest);
            if place.index > cut || cut == full {
                place = Place { run: place.run + 1, index: place.index - cut };
            }
        }
        let run = &mut self.runs[place.run];
        run.insert(place.index, entry);
        &mut run[place.index].1
    }
}

impl<K: Ord, V> SortedMap<K, V> {
    /// Where the key is, or where it belongs.
    fn find<Q: Ord + ?Sized>(&self, key: &Q) -> Result<Place, Place>
    where
        K: Borrow<Q>,
    {
        let run = match self.runs.len() {
            0 => return Err(self.first_place()),
            1 => 0,
            runs => match search(runs, &mut |run| self.runs[run][0].0.borrow().cmp(key)) {
                Ok(run) => run,
                Err(run) => run.saturating_sub(1),
            },
        };
        let entries = &self.runs[run];
        match search(entries.len(), &mut |index| entries[index].0.borrow().cmp(key)) {
            Ok(index) => Ok(Place { run, index }),
            Err(index) => Err(Place { run, index }),
        }
    }

    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.find(key).ok().map(|place| &self.runs[place.run][place.index].1)
    }

    pub fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        self.find(key).ok().map(|place| &mut self.runs[place.run][place.index].1)
    }

    pub fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.find(key).is_ok()
    }

    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        match self.find(&key) {
            Ok(place) => Some(std::mem::replace(&mut self.runs[place.run][place.index].1, value)),
            Err(place) => {
                self.put(place, (key, value));
                None
            }
        }
    }

    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        self.find(key).ok().map(|place| self.take(place).1)
    }

    pub fn entry(&mut self, key: K) -> Entry<'_, K, V> {
        Entry { found: self.find(&key), key, map: self }
    }

    pub fn range<Q: Ord + ?Sized>(&self, range: impl RangeBounds<Q>) -> Iter<'_, K, V>
    where
        K: Borrow<Q>,
    {
        let front = match range.start_bound() {
            Bound::Unbounded => self.first_place(),
            Bound::Included(key) => self.place(key, false),
            Bound::Excluded(key) => self.place(key, true),
        };
        let back = match range.end_bound() {
            Bound::Unbounded => self.end(),
            Bound::Included(key) => self.place(key, true),
            Bound::Excluded(key) => self.place(key, false),
        };
        Iter { runs: &self.runs, front, back: back.max(front) }
    }

    /// The first entry from the key on, or after it.
    fn place<Q: Ord + ?Sized>(&self, key: &Q, after: bool) -> Place
    where
        K: Borrow<Q>,
    {
        let place = match self.find(key) {
            Ok(place) => Place { run: place.run, index: place.index + usize::from(after) },
            Err(place) => place,
        };
        match self.runs.get(place.run) {
            Some(run) if place.index >= run.len() => Place { run: place.run + 1, index: 0 },
            _ => place,
        }
    }
}

/// A key's place in a map, with or without a value.
pub struct Entry<'a, K, V> {
    found: Result<Place, Place>,
    key: K,
    map: &'a mut SortedMap<K, V>,
}

impl<'a, K: Ord, V> Entry<'a, K, V> {
    pub fn or_insert_with(self, value: impl FnOnce() -> V) -> &'a mut V {
        match self.found {
            Ok(place) => &mut self.map.runs[place.run][place.index].1,
            Err(place) => self.map.put(place, (self.key, value())),
        }
    }

    pub fn or_insert(self, value: V) -> &'a mut V {
        self.or_insert_with(|| value)
    }

    pub fn or_default(self) -> &'a mut V
    where
        V: Default,
    {
        self.or_insert_with(V::default)
    }

    pub fn and_modify(self, change: impl FnOnce(&mut V)) -> Entry<'a, K, V> {
        if let Ok(place) = self.found {
            change(&mut self.map.runs[place.run][place.index].1);
        }
        self
    }
}

pub struct Iter<'a, K, V> {
    runs: &'a [Vec<(K, V)>],
    front: Place,
    back: Place,
}

impl<K, V> Clone for Iter<'_, K, V> {
    fn clone(&self) -> Self {
        Iter { ..*self }
    }
}

impl<'a, K, V> Iterator for Iter<'a, K, V> {
    type Item = (&'a K, &'a V);

    fn next(&mut self) -> Option<Self::Item> {
        if self.front == self.back {
            return None;
        }
        let run = &self.runs[self.front.run];
        let (key, value) = &run[self.front.index];
        self.front.index += 1;
        if self.front.index == run.len() {
            self.front = Place { run: self.front.run + 1, index: 0 };
        }
        Some((key, value))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let whole: usize = self.runs[self.front.run..self.back.run].iter().map(Vec::len).sum();
        let left = whole + self.back.index - self.front.index;
        (left, Some(left))
    }
}

impl<K, V> ExactSizeIterator for Iter<'_, K, V> {}

impl<K, V> DoubleEndedIterator for Iter<'_, K, V> {
    fn next_back(&mut self) -> Option<Self::Item> {
        if self.front == self.back {
            return None;
        }
        if self.back.index == 0 {
            let run = self.back.run - 1;
            self.back = Place { run, index: self.runs[run].len() };
        }
        self.back.index -= 1;
        let (key, value) = &self.runs[self.back.run][self.back.index];
        Some((key, value))
    }
}

pub type IterMut<'a, K, V> =
    Map<Flatten<std::slice::IterMut<'a, Vec<(K, V)>>>, fn(&'a mut (K, V)) -> (&'a K, &'a mut V)>;

impl<'a, K, V> IntoIterator for &'a SortedMap<K, V> {
    type Item = (&'a K, &'a V);
    type IntoIter = Iter<'a, K, V>;

    fn into_iter(self) -> Iter<'a, K, V> {
        self.iter()
    }
}

impl<'a, K, V> IntoIterator for &'a mut SortedMap<K, V> {
    type Item = (&'a K, &'a mut V);
    type IntoIter = IterMut<'a, K, V>;

    fn into_iter(self) -> IterMut<'a, K, V> {
        self.iter_mut()
    }
}

impl<K, V> IntoIterator for SortedMap<K, V> {
    type Item = (K, V);
    type IntoIter = Flatten<std::vec::IntoIter<Vec<(K, V)>>>;

    fn into_iter(self) -> Self::IntoIter {
        self.runs.into_iter().flatten()
    }
}

impl<K: Ord, V> Extend<(K, V)> for SortedMap<K, V> {
    fn extend<T: IntoIterator<Item = (K, V)>>(&mut self, entries: T) {
        entries.into_iter().for_each(|(key, value)| drop(self.insert(key, value)));
    }
}

impl<K: Ord, V> FromIterator<(K, V)> for SortedMap<K, V> {
    fn from_iter<T: IntoIterator<Item = (K, V)>>(entries: T) -> Self {
        let mut map = SortedMap::new();
        map.extend(entries);
        map
    }
}

impl<K: Ord, V, const N: usize> From<[(K, V); N]> for SortedMap<K, V> {
    fn from(entries: [(K, V); N]) -> Self {
        entries.into_iter().collect()
    }
}

impl<K: Ord + Borrow<Q>, V, Q: Ord + ?Sized> Index<&Q> for SortedMap<K, V> {
    type Output = V;

    fn index(&self, key: &Q) -> &V {
        self.get(key).expect("the key is in the map")
    }
}

impl<K, V> Default for SortedMap<K, V> {
    fn default() -> Self {
        SortedMap::new()
    }
}

impl<K: fmt::Debug, V: fmt::Debug> fmt::Debug for SortedMap<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<K: PartialEq, V: PartialEq> PartialEq for SortedMap<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl<K: Eq, V: Eq> Eq for SortedMap<K, V> {}

impl<K: Hash, V: Hash> Hash for SortedMap<K, V> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.iter().for_each(|entry| entry.hash(state));
    }
}
