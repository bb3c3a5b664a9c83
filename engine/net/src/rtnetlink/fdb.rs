//! Forwarding entries of bridges and VXLAN devices: what `bridge fdb` asks for and lists.

use super::Mode;
use crate::Mac;
use std::net::IpAddr;

/// `RTM_NEWNEIGH` and `RTM_DELNEIGH` of family `AF_BRIDGE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FdbRequest {
    /// `dev`
    pub index: u32,
    pub mac: Mac,
    /// Of [`super::ntf`]: SELF, MASTER (both, or none, as they were typed), STICKY, EXT_LEARNED, USE, ROUTER.
    pub flags: u8,
    /// Of [`super::nud`]: PERMANENT (`local`, the default), NOARP (`static`), REACHABLE (`dynamic`).
    pub state: u16,
    pub vlan: Option<u16>,
    pub dst: Option<IpAddr>,
    pub port: Option<u16>,
    pub vni: Option<u32>,
    pub via: Option<u32>,
    pub mode: Mode,
}

/// One row of a forwarding dump.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FdbEntry {
    pub index: u32,
    pub device: String,
    pub mac: Mac,
    pub vlan: Option<u16>,
    /// The bridge, for an entry in a bridge's table.
    pub master: Option<u32>,
    /// Of [`super::ntf`].
    pub flags: u8,
    /// Of [`super::nud`].
    pub state: u16,
    pub dst: Option<IpAddr>,
    /// Where it differs from the device's own.
    pub port: Option<u16>,
    pub vni: Option<u32>,
    pub via: Option<u32>,
    /// Seconds since it was used and changed.
    pub used: u32,
    pub updated: u32,
}
