//! Names of fields and short texts: what stands in every object is kept once.
//!
//! Under `value`, which makes all its texts here. Always: a text that is shared differs in nothing from one of its own.
//! How many are remembered is bounded: a new one takes the place of another, and only costs its own bytes again.

use std::cell::RefCell;
use std::rc::Rc;

/// Texts remembered.
const PLACES: usize = 4096;
/// Bytes of the longest that is remembered.
const LONGEST: usize = 64;

thread_local! {
    static NAMES: RefCell<Vec<Option<Rc<str>>>> = RefCell::new(vec![None; PLACES]);
    static TEXTS: RefCell<Vec<Option<Rc<str>>>> = RefCell::new(vec![None; PLACES]);
}

/// The name of a field.
pub fn name(name: &str) -> Rc<str> {
    NAMES.with_borrow_mut(|known| shared(known, name))
}

/// A text in a field.
pub fn text(text: &str) -> Rc<str> {
    TEXTS.with_borrow_mut(|known| shared(known, text))
}

fn shared(known: &mut [Option<Rc<str>>], text: &str) -> Rc<str> {
    if text.len() > LONGEST {
        return text.into();
    }
    // FNV-1a.
    let hash =
        text.bytes().fold(0x811c_9dc5_u32, |it, byte| (it ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    let place = &mut known[hash as usize % PLACES];
    match place {
        Some(it) if **it == *text => it.clone(),
        _ => place.insert(text.into()).clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_word_is_one_and_a_long_text_is_its_own() {
        assert!(Rc::ptr_eq(&name("metadata"), &name("metadata")));
        let long = "x".repeat(LONGEST + 1);
        assert!(!Rc::ptr_eq(&text(&long), &text(&long)));
        assert_eq!(*text(&long), *long);
    }
}
