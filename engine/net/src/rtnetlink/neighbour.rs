//! Neighbours: what `ip neigh` and `arp` ask for and list.

use super::Mode;
use crate::Mac;
use std::net::IpAddr;

/// `NUD_*`
pub mod nud {
    pub const INCOMPLETE: u16 = 0x01;
    pub const REACHABLE: u16 = 0x02;
    pub const STALE: u16 = 0x04;
    pub const DELAY: u16 = 0x08;
    pub const PROBE: u16 = 0x10;
    pub const FAILED: u16 = 0x20;
    pub const NOARP: u16 = 0x40;
    pub const PERMANENT: u16 = 0x80;
    pub const NONE: u16 = 0x00;
}

/// `NTF_*`, shared by neighbours and forwarding entries.
pub mod ntf {
    pub const USE: u8 = 0x01;
    pub const SELF: u8 = 0x02;
    pub const MASTER: u8 = 0x04;
    pub const PROXY: u8 = 0x08;
    pub const EXT_LEARNED: u8 = 0x10;
    pub const OFFLOADED: u8 = 0x20;
    pub const STICKY: u8 = 0x40;
    pub const ROUTER: u8 = 0x80;
}

/// `RTM_NEWNEIGH`, `RTM_DELNEIGH`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NeighbourRequest {
    pub index: u32,
    pub destination: IpAddr,
    pub mac: Option<Mac>,
    /// Of [`nud`]; `ip neigh add` says PERMANENT where nothing is typed.
    pub state: u16,
    /// Of [`ntf`].
    pub flags: u8,
    pub protocol: u8,
    pub mode: Mode,
}

/// One row of a neighbour dump.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Neighbour {
    pub index: u32,
    pub device: String,
    pub destination: IpAddr,
    /// None while nobody has answered.
    pub mac: Option<Mac>,
    /// Of [`nud`].
    pub state: u16,
    /// Of [`ntf`].
    pub flags: u8,
    pub protocol: u8,
    /// `ref`: shown by `-s` where not zero.
    pub references: u32,
    /// Seconds since it was used, confirmed, changed.
    pub used: u32,
    pub confirmed: u32,
    pub updated: u32,
    pub probes: u32,
}
