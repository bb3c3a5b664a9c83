//! Network devices: what all of them have, and which kinds there are.
//!
//! Stands below the packet path (frames go out through [`transmit`](self) and come in at `path/ingress.rs`) and
//! below `rtnetlink/link.rs`, which makes, changes and lists devices. One file for each kind of link.
//! Always: a device stands in exactly one namespace; its ifindex is unique there, its [`DeviceId`] in the world.
//! Differs from Linux: one queue, no offloads, no `struct Qdisc`: a device either has a queueing discipline or not.
//! Sources: include/linux/netdevice.h, net/core/dev.c.

mod bpdu;
mod bridge;
mod cable;
mod carrier;
mod fdb;
mod ipip;
mod ipvlan;
mod loopback;
mod macvlan;
mod notify;
mod open;
mod port;
mod stp;
mod stp_timer;
mod transmit;
mod tunnel_mtu;
mod upper;
mod veth;
mod vlan;
mod vxlan;
mod vxlan_fdb;

pub(crate) use bridge::{Bridge, hundredths};
pub use cable::Cable;
pub(crate) use cable::Nic;
pub(crate) use carrier::LinkWatch;
pub(crate) use fdb::BridgeEntry;
pub(crate) use ipip::Tunnel;
pub(crate) use ipvlan::Ipvlan;
pub(crate) use macvlan::Macvlan;
pub(crate) use port::{PORT_BITS, Port, PortState, port_flags};
pub(crate) use stp_timer::StpTimer;
pub(crate) use vlan::Vlan;
pub(crate) use vxlan::{OVERHEAD as VXLAN_OVERHEAD, Vxlan};
pub(crate) use vxlan_fdb::{MAX_REMOTES, Remote, VxlanEntry};

use crate::Mac;
use crate::ip::{In6Device, InDevice};
use crate::rtnetlink::{AddressMode, LinkAddress, LinkType, OperState};
use api::{DeviceId, NetnsId};

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

#[derive(Debug)]
pub(crate) struct Device {
    pub netns: NetnsId,
    pub ifindex: u32,
    pub name: std::rc::Rc<str>,
    pub altnames: Vec<String>,
    pub kind: Kind,
    pub mac: Mac,
    pub broadcast: Mac,
    /// The MAC was given, not drawn or taken from a port (`NET_ADDR_SET`).
    pub mac_is_set: bool,
    pub mtu: u32,
    pub min_mtu: u32,
    pub max_mtu: u32,
    pub txqlen: u32,
    pub tx_queues: u32,
    pub rx_queues: u32,
    pub group: u32,
    pub alias: Option<String>,
    /// UP and what belongs to the kind; PROMISC and ALLMULTI as they were asked for by hand.
    pub flags: u32,
    pub promiscuity: u32,
    pub allmulti: u32,
    pub carrier: bool,
    pub carrier_up_count: u32,
    pub carrier_down_count: u32,
    pub operstate: OperState,
    /// It was up once: its queueing discipline is attached (else `noop`).
    pub attached: bool,
    /// Frames pass its queueing discipline: up, and carrier was seen (`dev_activate`).
    pub active: bool,
    /// A change of carrier waits to be looked at.
    pub watched: bool,
    /// What the bridge whose port this is keeps for it.
    pub port: Option<Box<Port>>,
    /// Devices that stand on this one: vlan, macvlan, ipvlan, and vxlan or tunnels bound to it.
    pub uppers: Vec<DeviceId>,
    pub ip: InDevice,
    pub ip6: In6Device,
    pub address_mode: AddressMode,
    /// Group addresses that upper layers want, with how many want each (`dev->mc`).
    pub groups: Vec<(Mac, u32)>,
    /// Further own addresses (`dev->uc`).
    pub unicast: Vec<(Mac, u32)>,
    pub stats: Stats,
    /// Frames on their way to or from it, for the bound of its queue.
    pub in_flight: u32,
}

/// `type …` of `ip link`, with what is particular to it.
#[derive(Debug)]
pub(crate) enum Kind {
    Loopback,
    Nic(Nic),
    /// The other end; `None` while both are being made or destroyed.
    Veth {
        peer: Option<DeviceId>,
    },
    Bridge(Box<Bridge>),
    Vxlan(Box<Vxlan>),
    Dummy,
    Vlan(Vlan),
    Macvlan(Macvlan),
    Ipvlan(Ipvlan),
    Ipip(Tunnel),
}

impl Kind {
    /// As `ip link add type` says it; `nic` and `loopback` have no such word.
    pub fn name(&self) -> &'static str {
        match self {
            Kind::Loopback => "loopback",
            Kind::Nic(_) => "nic",
            Kind::Veth { .. } => "veth",
            Kind::Bridge(_) => "bridge",
            Kind::Vxlan(_) => "vxlan",
            Kind::Dummy => "dummy",
            Kind::Vlan(_) => "vlan",
            Kind::Macvlan(_) => "macvlan",
            Kind::Ipvlan(_) => "ipvlan",
            Kind::Ipip(_) => "ipip",
        }
    }

    /// Frames are handed on at once, without a queue (`IFF_NO_QUEUE`).
    fn is_queueless(&self) -> bool {
        !matches!(self, Kind::Nic(_))
    }

    /// It cannot leave its namespace (`netns_immutable`).
    pub fn is_netns_local(&self) -> bool {
        matches!(self, Kind::Loopback | Kind::Bridge(_))
    }
}

impl Device {
    #[inline]
    pub fn is_up(&self) -> bool {
        self.flags & flags::UP != 0
    }

    pub fn is_loopback(&self) -> bool {
        self.flags & flags::LOOPBACK != 0
    }

    /// No link-layer header, no ARP: an IP tunnel, or ipvlan's and its like's point of view.
    pub fn has_header(&self) -> bool {
        !matches!(self.kind, Kind::Ipip(_))
    }

    /// `noop`, `noqueue`, `fq_codel`
    pub fn qdisc(&self) -> &'static str {
        match (self.attached, self.kind.is_queueless()) {
            (false, _) => "noop",
            (true, true) => "noqueue",
            (true, false) => "fq_codel",
        }
    }

    /// What is shown as its flags (`dev_get_flags`).
    pub fn shown_flags(&self) -> u32 {
        let running = self.is_up() && matches!(self.operstate, OperState::Up | OperState::Unknown);
        let lower_up = self.is_up() && self.carrier;
        self.flags | if running { flags::RUNNING } else { 0 } | if lower_up { flags::LOWER_UP } else { 0 }
    }

    /// A device that is down is shown as such, whatever was found last.
    pub fn shown_operstate(&self) -> OperState {
        if self.is_up() { self.operstate } else { OperState::Down }
    }

    pub fn link_type(&self) -> LinkType {
        match self.kind {
            Kind::Loopback => LinkType::Loopback,
            Kind::Ipip(_) => LinkType::Ipip,
            _ => LinkType::Ether,
        }
    }

    pub fn link_addresses(&self) -> (LinkAddress, LinkAddress) {
        match &self.kind {
            Kind::Ipip(tunnel) => (LinkAddress::Ipv4(tunnel.local), LinkAddress::Ipv4(tunnel.remote)),
            _ => (LinkAddress::Ether(self.mac), LinkAddress::Ether(self.broadcast)),
        }
    }

    pub fn bridge(&self) -> Option<&Bridge> {
        match &self.kind {
            Kind::Bridge(bridge) => Some(bridge),
            _ => None,
        }
    }

    pub fn bridge_mut(&mut self) -> Option<&mut Bridge> {
        match &mut self.kind {
            Kind::Bridge(bridge) => Some(bridge),
            _ => None,
        }
    }

    pub fn vxlan(&self) -> Option<&Vxlan> {
        match &self.kind {
            Kind::Vxlan(vxlan) => Some(vxlan),
            _ => None,
        }
    }

    pub fn vxlan_mut(&mut self) -> Option<&mut Vxlan> {
        match &mut self.kind {
            Kind::Vxlan(vxlan) => Some(vxlan),
            _ => None,
        }
    }

    /// The device it stands on or is the other end of.
    pub fn lower(&self) -> Option<DeviceId> {
        match &self.kind {
            Kind::Veth { peer } => *peer,
            Kind::Vlan(vlan) => Some(vlan.lower),
            Kind::Macvlan(macvlan) => Some(macvlan.lower),
            Kind::Ipvlan(ipvlan) => Some(ipvlan.lower),
            Kind::Vxlan(vxlan) => vxlan.lower,
            Kind::Ipip(tunnel) => tunnel.link,
            Kind::Nic(_) | Kind::Loopback | Kind::Bridge(_) | Kind::Dummy => None,
        }
    }

    pub fn master(&self) -> Option<DeviceId> {
        self.port.as_ref().map(|port| port.bridge)
    }

    /// One more or one fewer wants frames to that group address.
    pub fn group_join(&mut self, mac: Mac) {
        match self.groups.iter_mut().find(|(group, _)| *group == mac) {
            Some((_, users)) => *users += 1,
            None => self.groups.push((mac, 1)),
        }
    }

    pub fn group_leave(&mut self, mac: Mac) {
        if let Some((_, users)) = self.groups.iter_mut().find(|(group, _)| *group == mac) {
            *users -= 1;
        }
        self.groups.retain(|(_, users)| *users > 0);
    }
}
