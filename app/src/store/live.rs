//! A value too large to compare or to copy at each change: shared, with a version that says whether it changed.
//!
//! Used for what grows with every packet. Always: two handles are equal exactly if nothing was changed between them,
//! so a component that shows one is drawn again only when it must be.

use std::cell::{Ref, RefCell};
use std::rc::Rc;

#[derive(Debug, Default)]
pub struct Live<T> {
    cell: Rc<RefCell<T>>,
    version: u64,
}

impl<T> Live<T> {
    pub fn change<R>(&mut self, change: impl FnOnce(&mut T) -> R) -> R {
        self.version += 1;
        change(&mut self.cell.borrow_mut())
    }

    /// Borrows for reading; must not be held across a `change`.
    pub fn read(&self) -> Ref<'_, T> {
        self.cell.borrow()
    }

    /// Changes without being seen to: for what is drawn at every animation frame anyway.
    pub fn quietly<R>(&self, change: impl FnOnce(&mut T) -> R) -> R {
        change(&mut self.cell.borrow_mut())
    }

    pub fn version(&self) -> u64 {
        self.version
    }
}

impl<T> Clone for Live<T> {
    fn clone(&self) -> Self {
        Live { cell: Rc::clone(&self.cell), version: self.version }
    }
}

impl<T> PartialEq for Live<T> {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.cell, &other.cell) && self.version == other.version
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_differs_from_what_it_was_before_a_change() {
        let mut live = Live::<Vec<u8>>::default();
        let before = live.clone();
        assert!(before == live);
        live.change(|it| it.push(1));
        assert!(before != live);
        assert_eq!(*before.read(), [1]);
    }
}
