//! What the page may ask of the worker.
//!
//! Always: a `Request` changes the world and is recorded with its time, so that seed + requests replay it;
//! every other `Command` moves time or asks, and leaves no trace in the world.

use crate::cluster::ObjectKey;
use crate::{DeviceId, FrameId, JourneyId, Lab, MachineId, NetnsId, Probe, TtyId};
use serde::{Deserialize, Serialize};

/// Changes the world; recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request {
    /// A login shell in a new terminal; answered by `Event::TtyOpened`.
    OpenTty {
        tty: TtyId,
        machine: String,
        columns: u16,
        rows: u16,
    },
    Type {
        tty: TtyId,
        bytes: Vec<u8>,
    },
    Resize {
        tty: TtyId,
        columns: u16,
        rows: u16,
    },
    CloseTty {
        tty: TtyId,
    },
}

/// A request and when it came, in nanoseconds since boot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorded {
    pub at: u64,
    pub request: Request,
}

/// All that brings a world back: what a share link, an autosave and a bug report carry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replay {
    pub lab: Lab,
    pub seed: u64,
    pub requests: Vec<Recorded>,
    /// The clock when it was saved.
    pub until: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Speed {
    /// A virtual second a second.
    Live,
    /// Virtual seconds a second, below 1.
    Slow(f64),
    Paused,
}

/// What the page posts to the worker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Command {
    Boot(Replay),
    Request(Request),
    Speed(Speed),
    /// One event of the queue.
    StepEvent,
    /// Until the next frame has crossed a device.
    StepPacket,
    /// Back to just before the last frame crossed a device (the world is replayed).
    StepBack,
    /// To that instant, forward or back.
    Seek(u64),
    /// On until nothing happens any more, or ten virtual seconds have passed.
    ToTheEnd,
    /// Takes the last command line back (the world is replayed without it) or does it again.
    Undo,
    Redo,
    /// The lab as it booted.
    Reset,
    /// Answered by `Event::Replay`.
    Save,
    /// Answered by `Event::Facts` with the same number; asked of a forked replay.
    Probes {
        id: u32,
        probes: Vec<Probe>,
    },
    /// Answered by `Event::Answer` with the same number.
    Query {
        id: u32,
        query: Query,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Query {
    Journey(JourneyId),
    Frame(FrameId),
    /// Several at once, for a filter that asks for fields; those that are gone are left out.
    Frames(Vec<FrameId>),
    /// Frames captured, as a pcapng file; of one device or of all.
    Pcapng(Option<DeviceId>),
    /// The tables of a namespace: links, addresses, routes, neighbours, FDB, rules, conntrack, sockets.
    Netns(NetnsId),
    Device(DeviceId),
    Machine(MachineId),
    /// An object of the cluster.
    Object(ObjectKey),
}
