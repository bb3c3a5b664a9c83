//! One packet's life, stop by stop, in words that the terminal's `why`, the picture and the Journey pane share.
//!
//! Always: stops are in the order of time; a finished journey has exactly one `Verdict`; what a proxy made of a packet
//! follows its end.
//! Differs from Linux: there is no such log in a kernel; nftrace, dropwatch and tcpdump together come near.

use crate::{DeviceId, DropReason, FrameId, JourneyId, MachineId, NetnsId};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Journey {
    pub id: JourneyId,
    /// One line as tcpdump would put it: `10.0.0.1.41822 > 10.96.0.20.80: Flags [S]`.
    pub summary: String,
    pub stops: Vec<Stop>,
    /// `None` while the packet is still on its way.
    pub verdict: Option<Verdict>,
    /// The journey of the packet that caused this one (an ICMP error, a reset, an ARP request), if any.
    pub cause: Option<JourneyId>,
}

/// How a packet ended; exactly once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verdict {
    /// A socket took it.
    Delivered,
    /// The kernel itself took it: an ARP message, an ICMP echo, a fragment joined to its whole.
    Consumed,
    Dropped(DropReason),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stop {
    /// Virtual time, nanoseconds since boot.
    pub at: u64,
    pub machine: MachineId,
    pub netns: NetnsId,
    pub device: Option<DeviceId>,
    /// The name the device had at that time, for text.
    pub device_name: String,
    /// The frame on that device, where this stop is a frame going out or coming in.
    pub frame: Option<FrameId>,
    pub kind: StopKind,
}

/// What happened at a stop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StopKind {
    /// A program or the kernel made the packet.
    Made {
        by: String,
    },
    Sent,
    Received,
    BridgeLearn {
        mac: String,
        port: String,
    },
    BridgeForward {
        port: String,
    },
    BridgeFlood {
        ports: Vec<String>,
    },
    BridgeLocal,
    /// One rule matched. `rule` counts from 1 in its chain; `walked` rules were looked at on the way.
    Rule {
        hook: String,
        table: String,
        chain: String,
        rule: u32,
        walked: u32,
        text: String,
    },
    /// A base chain ended in its policy.
    Policy {
        hook: String,
        table: String,
        chain: String,
        walked: u32,
        policy: String,
    },
    Conntrack {
        state: String,
        tuple: String,
    },
    /// An address or port was rewritten (`DNAT`, `SNAT`, `un-DNAT`, `un-SNAT`).
    Nat {
        kind: String,
        before: String,
        after: String,
    },
    /// `route` reads as `ip route get` would print it.
    Route {
        to: String,
        route: String,
    },
    Forward {
        ttl: u8,
    },
    NeighbourWait {
        ip: String,
        device: String,
    },
    Neighbour {
        ip: String,
        mac: String,
    },
    Fragment {
        pieces: u32,
        mtu: u32,
    },
    Encapsulate {
        how: String,
        outer: String,
    },
    Decapsulate {
        how: String,
        outer: String,
    },
    /// Sent again by TCP because no acknowledgement came.
    Retransmit {
        waited_ms: u32,
    },
    Delivered {
        to: String,
    },
    /// What a proxy decided about what it was sent, in the words of Envoy's admin page; `part` is `listener`,
    /// `filter_chain`, `route`, `cluster`, `endpoint` or `response`. Stands behind `Delivered`.
    Proxy {
        part: String,
        words: String,
    },
    Consumed {
        by: String,
    },
    Dropped {
        reason: DropReason,
        detail: String,
    },
}

impl StopKind {
    /// One line: what the Journey pane, `why` and a lesson's `path` check read.
    pub fn text(&self) -> String {
        match self {
            StopKind::Made { by } => format!("made by {by}"),
            StopKind::Sent => "sent".to_owned(),
            StopKind::Received => "received".to_owned(),
            StopKind::BridgeLearn { mac, port } => format!("bridge learns {mac} at {port}"),
            StopKind::BridgeForward { port } => format!("bridge forwards to {port}"),
            StopKind::BridgeFlood { ports } => format!("bridge floods to {}", ports.join(" ")),
            StopKind::BridgeLocal => "bridge hands up to the host".to_owned(),
            StopKind::Rule { hook, table, chain, rule, text, .. } => {
                format!("{hook} {table} {chain} rule {rule}: {text}")
            }
            StopKind::Policy { hook, table, chain, policy, .. } => {
                format!("{hook} {table} {chain} policy {policy}")
            }
            StopKind::Conntrack { state, tuple } => format!("conntrack {state} {tuple}"),
            StopKind::Nat { kind, before, after } => format!("{kind} {before} → {after}"),
            StopKind::Route { to, route } => format!("route to {to}: {route}"),
            StopKind::Forward { ttl } => format!("forward ttl {ttl}"),
            StopKind::NeighbourWait { ip, device } => format!("waits for the MAC of {ip} on {device}"),
            StopKind::Neighbour { ip, mac } => format!("neighbour {ip} is {mac}"),
            StopKind::Fragment { pieces, mtu } => format!("fragment into {pieces} for mtu {mtu}"),
            StopKind::Encapsulate { how, outer } => format!("encapsulate {how} {outer}"),
            StopKind::Decapsulate { how, outer } => format!("decapsulate {how} {outer}"),
            StopKind::Retransmit { waited_ms } => format!("sent again after {waited_ms} ms"),
            StopKind::Delivered { to } => format!("delivered to {to}"),
            StopKind::Proxy { part, words } => format!("{part} {words}"),
            StopKind::Consumed { by } => format!("consumed by {by}"),
            StopKind::Dropped { reason, detail } if detail.is_empty() => format!("dropped {}", reason.name()),
            StopKind::Dropped { reason, detail } => format!("dropped {}: {detail}", reason.name()),
        }
    }
}
