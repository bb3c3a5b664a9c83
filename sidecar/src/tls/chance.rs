//! The chance that a handshake draws: a row of numbers that belongs to one proxy.
//!
//! rustls asks a provider that knows no connection for its random bytes. So a session lays its proxy's row out
//! (`Chance::during`) for as long as it works; the seeded provider draws from the row that is laid out.
//! Always: without a row laid out nothing is drawn and the handshake fails, so that no other chance can slip in.
//! Not for secrets: whoever knows the seed knows every key. The provider of `ring` draws from the machine instead.

#[cfg(feature = "tls-seeded")]
use crate::random::Random;
#[cfg(feature = "tls-seeded")]
use std::cell::RefCell;
#[cfg(feature = "tls-seeded")]
use std::rc::Rc;

/// A row of numbers, shared by all sessions of a proxy.
#[cfg(feature = "tls-seeded")]
#[derive(Clone, Debug)]
pub struct Chance(Rc<RefCell<Random>>);

#[cfg(feature = "tls-seeded")]
thread_local! {
    static LAID_OUT: RefCell<Option<Chance>> = const { RefCell::new(None) };
}

#[cfg(feature = "tls-seeded")]
impl Chance {
    pub fn new(seed: u64) -> Chance {
        Chance(Rc::new(RefCell::new(Random::new(seed))))
    }

    /// Lays the row out while `work` is done.
    pub(super) fn during<T>(&self, work: impl FnOnce() -> T) -> T {
        let before = LAID_OUT.replace(Some(self.clone()));
        let done = work();
        LAID_OUT.set(before);
        done
    }

    /// Fills bytes from the row that is laid out. False: there is none.
    pub(super) fn fill(bytes: &mut [u8]) -> bool {
        LAID_OUT.with_borrow(|row| {
            let Some(row) = row else { return false };
            let mut row = row.0.borrow_mut();
            for part in bytes.chunks_mut(8) {
                part.copy_from_slice(&row.draw().to_le_bytes()[..part.len()]);
            }
            true
        })
    }
}

/// Nothing: this build has no cryptography that draws from a seed.
#[cfg(not(feature = "tls-seeded"))]
#[derive(Clone, Debug)]
pub struct Chance;

#[cfg(not(feature = "tls-seeded"))]
impl Chance {
    pub fn new(_: u64) -> Chance {
        Chance
    }

    pub(super) fn during<T>(&self, work: impl FnOnce() -> T) -> T {
        work()
    }
}
