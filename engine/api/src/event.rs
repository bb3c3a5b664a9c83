//! What the worker tells the page.
//!
//! Always: same seed and requests give the same events, byte for byte; the page's state is a fold over them.

use crate::cluster::ObjectsDelta;
use crate::inspect::{Answer, FrameRow};
use crate::request::{Replay, Speed};
use crate::topology::Delta;
use crate::{DeviceId, DropReason, Fact, FrameId, JourneyId, MachineId, NetnsId, TtyId};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Event {
    /// The world stands anew (boot, reset, undo, step back): forget everything, then read on.
    Booted {
        seed: u64,
    },
    /// The clock, and whether anything is still going on (`settled`: no command runs, no packet is under way).
    Clock {
        now: u64,
        speed: Speed,
        settled: bool,
        undo: u32,
        redo: u32,
    },
    Topology(Delta),
    /// What has changed among a cluster's objects.
    Objects(ObjectsDelta),
    TtyOpened {
        tty: TtyId,
        machine: String,
    },
    Output {
        tty: TtyId,
        bytes: Vec<u8>,
    },
    TtyClosed {
        tty: TtyId,
    },
    /// A frame crosses from one device to another: draw it from `sent` to `arrives`.
    Flight(Flight),
    /// A packet ended badly, there and then.
    Dropped {
        at: u64,
        journey: JourneyId,
        machine: MachineId,
        netns: NetnsId,
        device: Option<DeviceId>,
        reason: DropReason,
    },
    /// New rows of the Packets pane.
    Frames(Vec<FrameRow>),
    /// Packets that a cluster's own programs exchange for themselves; told before their flights and frames.
    Chores(Vec<JourneyId>),
    /// A command line was entered at a prompt of that terminal.
    CommandEntered {
        tty: TtyId,
        line: String,
        at: u64,
    },
    /// A line typed as `lab …`: the page acts on it (hint, solution, reset, …).
    LabCommand {
        tty: TtyId,
        words: Vec<String>,
    },
    Facts {
        id: u32,
        facts: Vec<Fact>,
    },
    Answer {
        id: u32,
        answer: Answer,
    },
    Replay(Replay),
    /// The lab itself is at fault: a set-up command failed, a cable names nothing.
    LabFault {
        words: String,
    },
    /// The engine failed. `replay` is the world up to the command before.
    Crashed {
        message: String,
        replay: Replay,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flight {
    pub frame: FrameId,
    pub journey: JourneyId,
    pub from: DeviceId,
    pub to: DeviceId,
    pub sent: u64,
    pub arrives: u64,
    pub protocol: Protocol,
    /// A short label: `SYN 10.96.0.20:80`, `who has 10.0.0.1?`, `A web.default.svc`.
    pub label: String,
    /// How many tunnels are around it.
    pub depth: u8,
    /// Its destination was rewritten on the machine that it leaves, since it came in or was made there.
    pub dnat: Option<Rewrite>,
}

/// An address and its port, and what they became: `10.96.0.20:80`, `10.244.1.4:8080`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rewrite {
    pub before: String,
    pub after: String,
}

/// For the colour of an envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Protocol {
    Arp,
    Icmp,
    Tcp,
    Udp,
    Dns,
    Http,
    Vxlan,
    Ipv6,
    Other,
}
