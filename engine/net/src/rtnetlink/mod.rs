//! Rtnetlink: how links, addresses, routes, rules, neighbours and forwarding entries are asked for and listed.
//!
//! Stands between the tools (`ip`, `bridge`, `ifconfig`, `route`, CNI plugins) and the tables of the stack.
//! Always: a request is checked as the kernel checks it, in its order, and refused with its errno and its
//! extended-ack words; a refused request changes nothing.
//! Differs from Linux: requests are Rust values instead of attribute lists; no privileges, no namespaced users.
//! Sources: rtnetlink(7), netlink(7); net/core/rtnetlink.c, net/ipv4/{devinet,fib_frontend,fib_semantics}.c.

mod address;
mod bridge_link;
mod fdb;
mod getlink;
mod getroute;
mod link;
mod monitor;
mod neighbour;
mod netns;
mod newaddr;
mod newfdb;
mod newlink;
mod newneigh;
mod newroute;
mod newrule;
mod route;
mod rule;
mod setlink;

pub use address::*;
pub use fdb::*;
pub use link::*;
pub use monitor::*;
pub use neighbour::*;
pub use route::*;
pub use rule::*;

use crate::Errno;

/// A refused request. A tool prints `Error: MESSAGE.` where there is a message, else `RTNETLINK answers: ERRNO`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetlinkError {
    pub errno: Errno,
    /// The extended acknowledgement's words, without the full stop that tools add.
    pub message: Option<String>,
}

pub type NetlinkResult<T> = Result<T, NetlinkError>;

impl NetlinkError {
    pub fn new(errno: Errno, message: &str) -> NetlinkError {
        NetlinkError { errno, message: Some(message.to_owned()) }
    }
}

impl std::fmt::Display for NetlinkError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.message {
            Some(message) => f.write_str(message),
            None => self.errno.fmt(f),
        }
    }
}

impl std::error::Error for NetlinkError {}

impl From<Errno> for NetlinkError {
    fn from(errno: Errno) -> NetlinkError {
        NetlinkError { errno, message: None }
    }
}

/// How an entry is to be added: `NLM_F_CREATE`, `NLM_F_EXCL`, `NLM_F_REPLACE`, `NLM_F_APPEND`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// `add`: it must be new (CREATE | EXCL).
    #[default]
    Add,
    /// `replace`: new or in the place of what is there (CREATE | REPLACE).
    Replace,
    /// `change`: it must be there (REPLACE).
    Change,
    /// `append`: beside what is there (CREATE | APPEND).
    Append,
    /// `prepend`: ahead of what is there (CREATE).
    Prepend,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    Inet,
    Inet6,
}

impl Family {
    pub fn of(address: std::net::IpAddr) -> Family {
        if address.is_ipv4() { Family::Inet } else { Family::Inet6 }
    }

    /// Bits of an address.
    pub fn bits(self) -> u8 {
        match self {
            Family::Inet => 32,
            Family::Inet6 => 128,
        }
    }
}
