//! Netfilter: the five hooks, the tables that hang on them, connection tracking and NAT.
//!
//! Stands beside the packet path, which calls [`Network::netfilter`](crate::Network) at each hook and acts on
//! what it says; nothing here sends a packet. Rules come in and go out as text only (`text/`).
//! ```text
//! hook ─▶ chain (walk) ─▶ matches/ targets/        text/ ─▶ transaction ─▶ check ─▶ table
//!   ├──▶ conntrack/                                 ipset/
//!   └──▶ nat/
//! ```
//! Always: an untouched namespace costs one test a hook.

#[macro_use]
mod words;
mod call;
mod chain;
mod check;
mod checksum;
pub mod conntrack;
mod context;
mod header;
mod hook;
pub mod ipset;
mod matches;
mod memory;
mod nat;
mod rule;
mod surroundings;
mod table;
mod targets;
pub mod text;

pub use call::Netfilter;
pub use conntrack::{Conntrack, Tracked};
pub(crate) use header::TCP;
pub use memory::LogLine;
pub use rule::Family;
pub(crate) use rule::Rule;
pub use table::Backend;
pub(crate) use text::save::rule_text;

use api::{DeviceId, DropReason, NetnsId};

/// Where on the path a packet stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hook {
    Prerouting,
    Input,
    Forward,
    Output,
    Postrouting,
}

impl Hook {
    pub const ALL: [Hook; 5] =
        [Hook::Prerouting, Hook::Input, Hook::Forward, Hook::Output, Hook::Postrouting];

    /// `PREROUTING`
    pub fn name(self) -> &'static str {
        match self {
            Hook::Prerouting => "PREROUTING",
            Hook::Input => "INPUT",
            Hook::Forward => "FORWARD",
            Hook::Output => "OUTPUT",
            Hook::Postrouting => "POSTROUTING",
        }
    }
}

/// A packet's place at a hook.
#[derive(Clone, Copy, Debug)]
pub struct HookState {
    pub netns: NetnsId,
    pub hook: Hook,
    pub input: Option<DeviceId>,
    pub output: Option<DeviceId>,
    /// Bridge ports behind `input` and `output`, for bridged packets (`-m physdev`).
    pub physical_input: Option<DeviceId>,
    pub physical_output: Option<DeviceId>,
}

/// What the sender is told of a rejected packet (`-j REJECT --reject-with`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RejectWith {
    Icmp { code: u8 },
    TcpReset,
}

#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HookVerdict {
    Accept,
    Drop(DropReason),
    Reject(RejectWith),
}
