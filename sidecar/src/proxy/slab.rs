//! Things by number, where a number is used again but never mistaken.

/// Names one thing of a slab, and nothing else after it is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// Its place.
    pub index: u32,
    generation: u32,
}

#[derive(Debug)]
struct Slot<T> {
    generation: u32,
    value: Option<T>,
}

/// Things by number.
#[derive(Debug)]
pub struct Slab<T> {
    slots: Vec<Slot<T>>,
    free: Vec<u32>,
}

impl<T> Default for Slab<T> {
    fn default() -> Slab<T> {
        Slab { slots: Vec::new(), free: Vec::new() }
    }
}

impl<T> Slab<T> {
    /// Puts a thing in.
    pub fn insert(&mut self, value: T) -> Key {
        if let Some(index) = self.free.pop() {
            let slot = &mut self.slots[index as usize];
            slot.value = Some(value);
            return Key { index, generation: slot.generation };
        }
        self.slots.push(Slot { generation: 0, value: Some(value) });
        Key { index: (self.slots.len() - 1) as u32, generation: 0 }
    }

    /// The thing, if it is still there.
    pub fn get(&self, key: Key) -> Option<&T> {
        self.slots.get(key.index as usize).filter(|it| it.generation == key.generation)?.value.as_ref()
    }

    /// The thing, to be changed.
    pub fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        self.slots.get_mut(key.index as usize).filter(|it| it.generation == key.generation)?.value.as_mut()
    }

    /// Takes a thing out.
    pub fn remove(&mut self, key: Key) -> Option<T> {
        let slot = self.slots.get_mut(key.index as usize).filter(|it| it.generation == key.generation)?;
        let value = slot.value.take()?;
        slot.generation = slot.generation.wrapping_add(1);
        self.free.push(key.index);
        Some(value)
    }

    /// The key of a place that is taken.
    pub fn key_at(&self, index: u32) -> Option<Key> {
        let slot = self.slots.get(index as usize).filter(|it| it.value.is_some())?;
        Some(Key { index, generation: slot.generation })
    }

    /// All keys.
    pub fn keys(&self) -> Vec<Key> {
        (0..self.slots.len() as u32).filter_map(|it| self.key_at(it)).collect()
    }
}
