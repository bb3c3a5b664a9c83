//! Network devices.

/// `IFF_*`
pub mod flags {
    pub const UP: u32 = 0x1;
    pub const BROADCAST: u32 = 0x2;
    pub const LOOPBACK: u32 = 0x8;
    pub const POINTOPOINT: u32 = 0x10;
    pub const NOTRAILERS: u32 = 0x20;
    pub const RUNNING: u32 = 0x40;
    pub const NOARP: u32 = 0x80;
    pub const PROMISC: u32 = 0x100;
    pub const ALLMULTI: u32 = 0x200;
    pub const MASTER: u32 = 0x400;
    pub const SLAVE: u32 = 0x800;
    pub const MULTICAST: u32 = 0x1000;
    pub const DYNAMIC: u32 = 0x8000;
    pub const LOWER_UP: u32 = 0x1_0000;
    pub const DORMANT: u32 = 0x2_0000;
    pub const ECHO: u32 = 0x4_0000;
}

/// `struct rtnl_link_stats64`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    pub rx_bytes: u64,
    pub rx_packets: u64,
    pub rx_errors: u64,
    pub rx_dropped: u64,
    /// Arrived while nothing upwards was there to take them.
    pub rx_missed: u64,
    pub multicast: u64,
    pub rx_length_errors: u64,
    pub rx_over_errors: u64,
    pub rx_nohandler: u64,
    pub tx_bytes: u64,
    pub tx_packets: u64,
    pub tx_errors: u64,
    pub tx_dropped: u64,
    pub tx_carrier_errors: u64,
    pub tx_aborted_errors: u64,
    pub collisions: u64,
    /// How often carrier came or went (`transns`).
    pub carrier_changes: u32,
}
