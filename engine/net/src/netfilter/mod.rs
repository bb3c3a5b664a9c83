//! Netfilter: the five hooks, the tables that hang on them, connection tracking and NAT.
//!
//! Stands beside the packet path, which calls [`Network::netfilter`](crate::Network) at each hook and acts on
//! what it says; nothing here sends a packet.

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

/// What conntrack knows of a packet (`skb->_nfct`). Its fields are netfilter's own.
#[derive(Clone, Debug, Default)]
pub struct Tracked {}

impl Tracked {
    /// For a packet that the kernel makes in answer to this one (an ICMP error, a reset): it belongs to the same
    /// flow, the other way (`nf_conntrack_attach`).
    #[must_use]
    pub fn answer(&self) -> Tracked {
        Tracked {}
    }

    /// Where the packet leaves its namespace, or the stack for a socket: forgotten (`nf_reset_ct`).
    pub fn reset(&mut self) {
        *self = Tracked {};
    }
}

/// One namespace's tables and switches. Idle (and nearly free) until a rule or policy is asked for.
#[derive(Debug, Default)]
pub struct Netfilter {}

impl crate::Network {
    /// Takes `packet`, whose data start at its IP header, through one hook: every table there, conntrack and NAT.
    ///
    /// Addresses, ports and mark may be others afterwards; the path routes anew where they are (at OUTPUT).
    pub(crate) fn netfilter(&mut self, _state: &HookState, _packet: &mut crate::Packet) -> HookVerdict {
        HookVerdict::Accept
    }
}
