//! Things under small numbers that are never given twice.
//!
//! Always: an id stays invalid once its thing is removed; iteration is in the order of ids.

use std::marker::PhantomData;
use std::ops::{Index, IndexMut};

/// A number that names a thing in an [`Arena`].
pub(crate) trait Id: Copy {
    fn from_index(index: u32) -> Self;
    fn index(self) -> u32;
}

macro_rules! arena_id {
    ($($name:ty),*) => {
        $(impl Id for $name {
            fn from_index(index: u32) -> Self {
                Self(index)
            }
            fn index(self) -> u32 {
                self.0
            }
        })*
    };
}

arena_id!(api::NetnsId, api::DeviceId, api::MachineId);

#[derive(Debug)]
pub(crate) struct Arena<K, V> {
    things: Vec<Option<Box<V>>>,
    key: PhantomData<K>,
}

impl<K, V> Default for Arena<K, V> {
    fn default() -> Self {
        Arena { things: Vec::new(), key: PhantomData }
    }
}

impl<K: Id, V> Arena<K, V> {
    pub fn insert_with(&mut self, make: impl FnOnce(K) -> V) -> K {
        let id = K::from_index(u32::try_from(self.things.len()).expect("fewer than 2^32 things in a world"));
        self.things.push(Some(Box::new(make(id))));
        id
    }

    pub fn get(&self, id: K) -> Option<&V> {
        self.things.get(id.index() as usize)?.as_deref()
    }

    pub fn get_mut(&mut self, id: K) -> Option<&mut V> {
        self.things.get_mut(id.index() as usize)?.as_deref_mut()
    }

    pub fn remove(&mut self, id: K) -> Option<V> {
        self.things.get_mut(id.index() as usize)?.take().map(|thing| *thing)
    }

    pub fn iter(&self) -> impl Iterator<Item = (K, &V)> {
        self.things
            .iter()
            .enumerate()
            .filter_map(|(index, thing)| Some((K::from_index(index as u32), thing.as_deref()?)))
    }
}

/// For ids that are known to be there: our own mistake otherwise.
impl<K: Id, V> Index<K> for Arena<K, V> {
    type Output = V;
    #[inline]
    fn index(&self, id: K) -> &V {
        self.get(id).expect("a thing that is referred to is there")
    }
}

impl<K: Id, V> IndexMut<K> for Arena<K, V> {
    #[inline]
    fn index_mut(&mut self, id: K) -> &mut V {
        self.get_mut(id).expect("a thing that is referred to is there")
    }
}
