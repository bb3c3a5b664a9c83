//! Hash maps with a fixed hasher: the same in every run, natively and in wasm.
//!
//! Always: looked up, never iterated; what is iterated is ordered.
//! Sources: the multiply-rotate hash of rustc (FxHash); strong enough, since nobody floods these tables on purpose.

use std::hash::{BuildHasherDefault, Hasher};

pub(crate) type Map<K, V> = hashbrown::HashMap<K, V, BuildHasherDefault<FixedHasher>>;

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct FixedHasher(u64);

impl FixedHasher {
    #[inline]
    fn add(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95);
    }
}

impl Hasher for FixedHasher {
    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.add(u64::from_le_bytes(word));
        }
    }
    #[inline]
    fn write_u8(&mut self, value: u8) {
        self.add(value.into());
    }
    #[inline]
    fn write_u16(&mut self, value: u16) {
        self.add(value.into());
    }
    #[inline]
    fn write_u32(&mut self, value: u32) {
        self.add(value.into());
    }
    #[inline]
    fn write_u64(&mut self, value: u64) {
        self.add(value);
    }
    #[inline]
    fn write_usize(&mut self, value: usize) {
        self.add(value as u64);
    }
    #[inline]
    fn finish(&self) -> u64 {
        // The table uses the low bits for the place and the high ones for the tag: mix once more.
        self.0 ^ (self.0 >> 29)
    }
}

/// The hash of one value, for flow hashes (VXLAN source port, multipath).
pub(crate) fn hash_of(value: &impl std::hash::Hash) -> u64 {
    let mut hasher = FixedHasher::default();
    value.hash(&mut hasher);
    hasher.finish()
}
