//! Names of things as small numbers: equal numbers mean the same thing for the whole life of a world.
//!
//! Always: an id is never used twice in one world, so a page may keep it across deltas.
//! Differs from Linux: an ifindex is unique in its netns only; a `DeviceId` is unique in the world.

use serde::{Deserialize, Serialize};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident $inner:ty) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(pub $inner);
    };
}

id!(/// A simulated computer: a host, a router, a switch, a node.
    MachineId u32);
id!(/// A network namespace: one whole network stack.
    NetnsId u32);
id!(/// A network device, wherever it stands and however often it is renamed or moved.
    DeviceId u32);
id!(/// One terminal on a machine.
    TtyId u32);
id!(/// One packet's life, from the socket or kernel that made it to its only verdict.
    JourneyId u64);
id!(/// One frame on one device, in the order in which the world put them there, from 1.
    FrameId u64);
