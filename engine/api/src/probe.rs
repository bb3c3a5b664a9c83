//! Questions a lesson may put to the world, and the facts that answer them.
//!
//! Always: a probe is asked of a forked replay, so it may send traffic and still change nothing the learner sees.
//! A place reads `machine`, `machine/netns`, or `pod/NAMESPACE/NAME`: a Pod of the cluster, with the tools of
//! nicolaka/netshoot, as `kubectl debug` would bring them in. In place of a name may stand a label, `pod/shop/app=web`:
//! the first running Pod of those.
//! In a target, a name or a [`Probe::Text`], `{KIND/NAMESPACE/NAME JSONPATH}` stands for what the API server says of an
//! object (or of all that have a label), and `{veth pod/NAMESPACE/NAME}` for the node's end of a Pod's cable.

use crate::{DropReason, Journey};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Probe {
    /// Sends real traffic: `ping:10.0.0.2`, `http://host:port/path`, `tcp://host:port`, `udp://host:port`.
    Reach {
        from: String,
        to: String,
        timeout_ms: u32,
    },
    /// One query through the place's own resolver configuration.
    Dns {
        from: String,
        name: String,
        record: String,
    },
    /// Rows of a kernel table, as the tool prints them: route, rule, neigh, fdb, link, addr, iptables, conntrack, sysctl, socket.
    Table {
        at: String,
        table: String,
        argument: String,
    },
    File {
        on: String,
        path: String,
    },
    /// Was a command entered on any terminal whose first word is this?
    Used {
        command: String,
    },
    /// A text with what stands in braces filled in.
    Text {
        text: String,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fact {
    /// `journeys` are the packets of the flow in order; `end` is where the one that decided the outcome was dropped.
    Reached {
        outcome: Outcome,
        journeys: Vec<Journey>,
        end: Option<End>,
    },
    /// `status` is `NOERROR`, `NXDOMAIN` …, or the resolver's words; `records` read `A 10.0.0.5`.
    Resolved {
        status: String,
        records: Vec<String>,
        journeys: Vec<Journey>,
        end: Option<End>,
    },
    Rows(Vec<String>),
    File(Option<String>),
    Used(bool),
    /// The text filled in, or what kubectl said instead.
    Text(Result<String, String>),
    /// The question itself cannot be asked (no such machine, netns, table).
    Impossible(String),
}

/// Where and why a packet was dropped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// `router`, `host/red`
    pub place: String,
    pub reason: DropReason,
    pub detail: String,
    /// The packet in tcpdump's words.
    pub summary: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// `status` is 0 where the protocol has none.
    Answered {
        status: u16,
        body: String,
        from: String,
        after_us: u64,
    },
    Refused {
        after_us: u64,
    },
    TimedOut,
    /// An ICMP error came: its words as ping prints them, and who sent it.
    Unreachable {
        what: String,
        by: String,
    },
    /// The name did not resolve; the resolver's words.
    NoName {
        words: String,
    },
}
