//! What `ip` and `bridge` share: iproute2's own library, by the names its errors and listings show.
//!
//! Always: reading arguments and writing listings is pure; the commands ask the system before and after.
//! Source: iproute2 6.1.0, its observable behaviour.

pub mod batch;
pub mod glob;
pub mod json;
pub mod listen;
pub mod lladdr;
pub mod names;
pub mod number;
pub mod prefix;
pub mod printer;
pub mod run;
pub mod words;

pub use names::Names;
pub use prefix::{Family, Prefix};
pub use printer::{Color, Printer};
pub use words::{Stop, Words, matches};
