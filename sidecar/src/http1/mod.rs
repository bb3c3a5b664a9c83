//! HTTP/1: reading heads and bodies, writing them.
//!
//! Both sides share `body`; `head` reads what comes first in a message, `encode` writes all of it.

pub mod body;
pub mod decoder;
pub mod encode;
pub mod head;

pub use decoder::{Decoder, Item, Limits};
