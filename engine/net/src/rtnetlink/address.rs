//! Addresses: what `ip address` asks for and lists.

use std::net::{IpAddr, Ipv4Addr};

/// `IFA_F_*`
pub mod address_flags {
    pub const SECONDARY: u32 = 0x01;
    pub const NODAD: u32 = 0x02;
    pub const OPTIMISTIC: u32 = 0x04;
    pub const DADFAILED: u32 = 0x08;
    pub const HOMEADDRESS: u32 = 0x10;
    pub const DEPRECATED: u32 = 0x20;
    pub const TENTATIVE: u32 = 0x40;
    pub const PERMANENT: u32 = 0x80;
    pub const MANAGETEMPADDR: u32 = 0x100;
    pub const NOPREFIXROUTE: u32 = 0x200;
    pub const MCAUTOJOIN: u32 = 0x400;
    pub const STABLE_PRIVACY: u32 = 0x800;
}

/// `RT_SCOPE_*`, shared by addresses and routes.
pub mod scope {
    pub const UNIVERSE: u8 = 0;
    pub const SITE: u8 = 200;
    pub const LINK: u8 = 253;
    pub const HOST: u8 = 254;
    pub const NOWHERE: u8 = 255;
}

/// A lifetime without end.
pub const FOREVER: u32 = u32::MAX;

/// `RTM_NEWADDR`, `RTM_DELADDR`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressRequest {
    pub index: u32,
    /// `IFA_LOCAL`. Deleting without it (`None`) takes what the other fields match.
    pub local: Option<IpAddr>,
    /// `IFA_ADDRESS`: the other end of a point-to-point address; `None` is `local`.
    pub peer: Option<IpAddr>,
    pub prefix: u8,
    pub broadcast: Option<Ipv4Addr>,
    /// `None` is the device's name.
    pub label: Option<String>,
    pub scope: u8,
    /// Of [`address_flags`].
    pub flags: u32,
    /// Of the prefix route.
    pub metric: Option<u32>,
    /// Seconds; [`FOREVER`] where not given.
    pub valid: u32,
    pub preferred: u32,
    pub protocol: u8,
}

impl AddressRequest {
    pub fn new(index: u32, local: IpAddr, prefix: u8) -> AddressRequest {
        AddressRequest {
            index,
            local: Some(local),
            peer: None,
            prefix,
            broadcast: None,
            label: None,
            scope: scope::UNIVERSE,
            flags: 0,
            metric: None,
            valid: FOREVER,
            preferred: FOREVER,
            protocol: 0,
        }
    }
}

/// One row of an address dump.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    pub index: u32,
    pub device: String,
    pub local: IpAddr,
    /// Equal to `local` but for point-to-point addresses.
    pub peer: IpAddr,
    pub prefix: u8,
    pub broadcast: Option<Ipv4Addr>,
    /// IPv4 only.
    pub label: Option<String>,
    pub scope: u8,
    pub flags: u32,
    pub metric: Option<u32>,
    /// Seconds left; [`FOREVER`] without end.
    pub valid: u32,
    pub preferred: u32,
    pub protocol: u8,
}
