//! DNS messages: names, records and their wire form, for the resolver, `dig` and its kin, and name servers.
//!
//! Pure: bytes in, bytes out; who sends them stands in `resolver`, `cmd/dig` and `daemon/dns`.
//! Always: what arrives is read with its letters' case and order kept; a pointer leads backwards only, so reading ends.
//! Differs from the real thing: records of kinds not listed in [`Data`] are kept as bytes and shown as RFC 3597 says.
//! Sources: RFC 1035, 2782 (SRV), 3597 (unknown types), 6891 (EDNS), 7873 (cookies), 8914 (extended errors).
//! Own code, not a crate: how names are compressed and in what order records stand decides sizes that `dig` prints,
//! and each server has its own way ([`Compression`]).

mod data;
mod kind;
mod message;
mod name;
mod wire;

pub use data::Data;
pub use kind::{Class, Kind, Opcode, Rcode};
pub use message::{Edns, Flags, Message, Question, Record, option};
pub use name::{Name, NameError};
pub use wire::{Compression, WireError};
