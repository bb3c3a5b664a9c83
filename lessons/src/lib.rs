//! Lessons as data: their types, the judge that turns facts into ticks, and (feature `author`) their reader.
//!
//! Stands on `api` only. The page uses the types and the judge; tests and the publisher use the reader.
//! Always: a lesson holds no code; a check is a question to the world ([`api::Probe`]) and what is expected.

mod check;
mod expect;
mod judge;
mod lesson;

#[cfg(feature = "author")]
pub mod author;

pub use check::{Ask, Check, Expect, Flow, Want};
pub use judge::{Judgement, State, judge};
pub use lesson::*;
