//! One tracked flow: its two tuples, what has been seen of it, and when it will be forgotten (Linux: nf_conn).
//!
//! Held by the table once confirmed; before that it travels inside its first packet and dies with it.
//! Always: `reply` is what answers will look like, after all translation.
//! Differs from Linux: no helpers, labels, zones or security marks.
//! Sources: linux include/uapi/linux/netfilter/nf_conntrack_common.h.

use super::tcp::Tcp;
use super::tuple::{Direction, Tuple};
use crate::netfilter::header::{ICMP, TCP, UDP, UDPLITE};
use api::{DeviceId, NetnsId};
use sim::Instant;
use std::time::Duration;

/// `enum ip_conntrack_status`
pub mod status {
    pub const SEEN_REPLY: u32 = 1 << 1;
    pub const ASSURED: u32 = 1 << 2;
    pub const CONFIRMED: u32 = 1 << 3;
    pub const SRC_NAT: u32 = 1 << 4;
    pub const DST_NAT: u32 = 1 << 5;
    pub const NAT: u32 = SRC_NAT | DST_NAT;
    pub const SRC_NAT_DONE: u32 = 1 << 7;
    pub const DST_NAT_DONE: u32 = 1 << 8;
    pub const FIXED_TIMEOUT: u32 = 1 << 10;
}

/// A packet's place in its flow (`enum ip_conntrack_info`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    New,
    Established,
    /// An ICMP error about the flow, or the kernel's own answer to one of its packets.
    Related,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Info {
    pub relation: Relation,
    pub direction: Direction,
}

const UDP_STREAM_AFTER: Duration = Duration::from_secs(2);

/// What a protocol's tracker remembers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Protocol {
    Tcp(Box<Tcp>),
    /// A flow that is still answered then is a stream.
    Udp {
        stream_at: Instant,
    },
    Icmp,
    Generic,
}

impl Protocol {
    fn of(protocol: u8, now: Instant) -> Protocol {
        match protocol {
            TCP => Protocol::Tcp(Box::default()),
            UDP | UDPLITE => Protocol::Udp { stream_at: now + UDP_STREAM_AFTER },
            ICMP => Protocol::Icmp,
            _ => Protocol::Generic,
        }
    }
}

/// Packets and bytes of one direction (`nf_conntrack_acct`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counter {
    pub packets: u64,
    pub bytes: u64,
}

#[derive(Clone, Debug)]
pub struct Flow {
    pub netns: NetnsId,
    /// Never given twice; `conntrack -L -o id` prints it.
    pub serial: u32,
    pub original: Tuple,
    pub reply: Tuple,
    /// Of [`status`].
    pub status: u32,
    /// `CONNMARK`, `conntrack -m`
    pub mark: u32,
    pub expires: Instant,
    pub protocol: Protocol,
    /// The device whose address a MASQUERADE took: the flow goes when the address does.
    pub masquerade: Option<DeviceId>,
    /// When it was confirmed (`nf_conntrack_timestamp`).
    pub started: Instant,
    /// Counted only while `nf_conntrack_acct` is on.
    pub counters: Option<[Counter; 2]>,
}

impl Flow {
    pub fn new(netns: NetnsId, original: Tuple, reply: Tuple, now: Instant) -> Flow {
        Flow {
            netns,
            serial: 0,
            original,
            reply,
            status: 0,
            mark: 0,
            expires: Instant::BOOT,
            protocol: Protocol::of(original.protocol, now),
            masquerade: None,
            started: Instant::BOOT,
            counters: None,
        }
    }

    pub fn tuple(&self, direction: Direction) -> &Tuple {
        match direction {
            Direction::Original => &self.original,
            Direction::Reply => &self.reply,
        }
    }

    /// Any of these bits of [`status`].
    pub fn has(&self, bits: u32) -> bool {
        self.status & bits != 0
    }

    pub fn is_confirmed(&self) -> bool {
        self.has(status::CONFIRMED)
    }

    /// Seconds left, as listings show it.
    pub fn seconds_left(&self, now: Instant) -> u64 {
        self.expires.since(now).as_secs()
    }

    /// From now on it lives that long, unless its lifetime was fixed by hand.
    pub fn refresh(&mut self, now: Instant, timeout: Duration) {
        if !self.has(status::FIXED_TIMEOUT) {
            self.expires = now + timeout;
        }
    }
}
