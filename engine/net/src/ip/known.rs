//! Answers of the FIB, known until something that routing depends on changes.
//!
//! Stands before the tables: a packet asks for its way up to twice a namespace, and thousands ask for the same.
//! Always: the answer is the tables' own; what depends on more than the destination is not kept (policy rules, several
//! ways). Differs from Linux, whose cached routes hang on sockets and next hops.

use super::{Fib, FibQuery, FibResult};
use api::{DeviceId, NetnsId};
use std::cell::Cell;

/// Answers kept, of all namespaces together; a new one takes the place of another.
const PLACES: usize = 1024;

/// What an answer depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Asked {
    ns: NetnsId,
    generation: u32,
    destination: u32,
    oif: Option<DeviceId>,
    tos: u8,
    scope: u8,
    ignore_linkstate: bool,
}

impl Asked {
    fn place(&self) -> usize {
        let mixed = (self.destination ^ self.ns.0.rotate_left(16)).wrapping_mul(0x9e37_79b1);
        (mixed >> 22) as usize % PLACES
    }
}

#[derive(Debug, Default)]
pub(crate) struct KnownRoutes {
    answers: Box<[Cell<Option<(Asked, FibResult)>>]>,
}

impl KnownRoutes {
    pub fn new() -> KnownRoutes {
        KnownRoutes { answers: (0..PLACES).map(|_| Cell::new(None)).collect() }
    }

    /// The known answer, or what `look_up` finds.
    pub fn find<E>(
        &self,
        ns: NetnsId,
        fib: &Fib,
        query: &FibQuery,
        look_up: impl FnOnce() -> Result<FibResult, E>,
    ) -> Result<FibResult, E> {
        if fib.custom_rules {
            return look_up();
        }
        let FibQuery { destination, oif, tos, scope, ignore_linkstate, .. } = *query;
        let asked = Asked { ns, generation: fib.generation, destination, oif, tos, scope, ignore_linkstate };
        let place = &self.answers[asked.place()];
        if let Some((_, answer)) = place.get().filter(|(known, _)| *known == asked) {
            return Ok(answer);
        }
        let answer = look_up()?;
        if !answer.has_others {
            place.set(Some((asked, answer)));
        }
        Ok(answer)
    }
}
