//! A bridge port: a device that hands all its frames to a bridge.
//!
//! Always: a port's own MAC is a local entry of the bridge's FDB; a port's device is promiscuous.
//! Sources: net/bridge/br_if.c (`br_add_if`, `del_nbp`, `port_cost`), br.c (`br_device_event`).

use super::Kind;
use super::fdb::BridgeEntry;
use super::stp_timer::Timer;
use crate::rtnetlink::{BridgeId, LinkType, NetlinkError, NetlinkResult, OperState};
use crate::{Errno, Mac, Network};
use api::DeviceId;

/// Ports of one bridge (`BR_MAX_PORTS`); one more is EXFULL.
const MAX_PORTS: usize = 1023;
/// The port's number stands in the low bits of its id.
pub(crate) const PORT_BITS: u16 = 10;
const DEFAULT_PRIORITY: u16 = 0x8000 >> PORT_BITS;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum PortState {
    #[default]
    Disabled = 0,
    Listening = 1,
    Learning = 2,
    Forwarding = 3,
    Blocking = 4,
}

/// What `bridge link set` switches.
pub(crate) mod port_flags {
    pub const HAIRPIN: u32 = 1;
    pub const GUARD: u32 = 1 << 1;
    pub const ROOT_BLOCK: u32 = 1 << 2;
    pub const FASTLEAVE: u32 = 1 << 3;
    pub const LEARNING: u32 = 1 << 4;
    pub const FLOOD: u32 = 1 << 5;
    pub const MCAST_FLOOD: u32 = 1 << 6;
    pub const BCAST_FLOOD: u32 = 1 << 7;
    pub const MCAST_TO_UNICAST: u32 = 1 << 8;
    pub const PROXY_ARP: u32 = 1 << 9;
    pub const PROXY_ARP_WIFI: u32 = 1 << 10;
    pub const NEIGH_SUPPRESS: u32 = 1 << 11;
    pub const VLAN_TUNNEL: u32 = 1 << 12;
    pub const ISOLATED: u32 = 1 << 13;
    pub const LOCKED: u32 = 1 << 14;
    pub const ADMIN_COST: u32 = 1 << 15;
}

#[derive(Debug)]
pub(crate) struct Port {
    pub bridge: DeviceId,
    pub number: u16,
    pub priority: u16,
    /// Priority and number together.
    pub id: u16,
    pub cost: u32,
    pub state: PortState,
    pub flags: u32,
    pub mcast_router: u8,
    pub group_fwd_mask: u16,
    pub designated_root: BridgeId,
    pub designated_bridge: BridgeId,
    pub designated_cost: u32,
    pub designated_port: u16,
    pub config_pending: bool,
    pub topology_change_ack: bool,
    pub message_age: Timer,
    pub forward_delay: Timer,
    pub hold: Timer,
}

impl Port {
    fn new(bridge: DeviceId, number: u16, cost: u32) -> Port {
        use port_flags::{BCAST_FLOOD, FLOOD, LEARNING, MCAST_FLOOD};
        Port {
            bridge,
            number,
            priority: DEFAULT_PRIORITY,
            id: DEFAULT_PRIORITY << PORT_BITS | number,
            cost,
            state: PortState::Disabled,
            flags: LEARNING | FLOOD | MCAST_FLOOD | BCAST_FLOOD,
            mcast_router: 1,
            group_fwd_mask: 0,
            designated_root: BridgeId::default(),
            designated_bridge: BridgeId::default(),
            designated_cost: 0,
            designated_port: 0,
            config_pending: false,
            topology_change_ack: false,
            message_age: Timer::default(),
            forward_delay: Timer::default(),
            hold: Timer::default(),
        }
    }

    #[inline]
    pub fn has(&self, flag: u32) -> bool {
        self.flags & flag != 0
    }
}

impl Network {
    /// `br_add_if`
    pub(crate) fn bridge_port_add(&mut self, bridge: DeviceId, device: DeviceId) -> NetlinkResult<()> {
        let it = &self.devices[device];
        if it.is_loopback() || it.link_type() != LinkType::Ether || !it.has_header() {
            return Err(Errno::EINVAL.into());
        }
        if matches!(it.kind, Kind::Bridge(_)) {
            return Err(NetlinkError::new(Errno::ELOOP, "Can not enslave a bridge to a bridge"));
        }
        if !it.mac.is_valid() {
            return Err(Errno::EINVAL.into());
        }
        if it.port.is_some() || it.uppers.iter().any(|upper| self.takes_all(*upper)) {
            return Err(Errno::EBUSY.into());
        }
        let Some(br) = self.devices[bridge].bridge() else { return Err(Errno::EOPNOTSUPP.into()) };
        if br.ports.len() >= MAX_PORTS {
            return Err(Errno::EXFULL.into());
        }
        self.may_stand(device, Some(bridge))?;
        let numbers: Vec<u16> =
            br.ports.iter().filter_map(|port| Some(self.devices[*port].port.as_ref()?.number)).collect();
        let number =
            (1..).find(|number| !numbers.contains(number)).expect("there are fewer ports than numbers");
        let cost = self.port_cost(device);
        let it = &mut self.devices[device];
        it.port = Some(Box::new(Port::new(bridge, number, cost)));
        it.promiscuity += 1;
        it.allmulti += 1;
        let mac = it.mac;
        self.bridge_of(bridge).ports.insert(0, device);
        self.port_init(device);
        self.port_mut(device).state = PortState::Disabled;
        self.fdb_add_local(bridge, Some(device), mac);
        let changed = self.bridge_recalculate_id(bridge);
        if self.port_is_alive(device) && self.devices[bridge].is_up() {
            self.stp_enable_port(device);
        }
        self.generation += 1;
        self.notify_link(device);
        if changed {
            self.netdev_address(bridge);
        }
        self.bridge_mtu_adjust(bridge);
        Ok(())
    }

    /// A device over this one that takes its frames as a bridge would.
    fn takes_all(&self, upper: DeviceId) -> bool {
        matches!(self.devices[upper].kind, Kind::Macvlan(_) | Kind::Ipvlan(_))
    }

    /// `br_del_if`
    pub(crate) fn bridge_port_remove(&mut self, device: DeviceId) {
        let Some(bridge) = self.devices[device].master() else { return };
        self.stp_disable_port(device);
        self.bridge_of(bridge).ports.retain(|port| *port != device);
        self.fdb_forget_port(bridge, device, true);
        let it = &mut self.devices[device];
        it.port = None;
        it.promiscuity = it.promiscuity.saturating_sub(1);
        it.allmulti = it.allmulti.saturating_sub(1);
        self.bridge_mtu_adjust(bridge);
        if self.bridge_recalculate_id(bridge) {
            self.netdev_address(bridge);
        }
        self.generation += 1;
        self.notify_link(device);
    }

    pub(super) fn port_mut(&mut self, device: DeviceId) -> &mut Port {
        self.devices[device].port.as_deref_mut().expect("the device is a port")
    }

    pub(super) fn port(&self, device: DeviceId) -> &Port {
        self.devices[device].port.as_deref().expect("the device is a port")
    }

    /// Up, and not known to be without carrier (`netif_running && netif_oper_up`).
    pub(super) fn port_is_alive(&self, device: DeviceId) -> bool {
        let it = &self.devices[device];
        it.is_up() && matches!(it.operstate, OperState::Up | OperState::Unknown)
    }

    /// By the speed that the device reports (IEEE 802.1D-1998 table 8-5).
    fn port_cost(&self, device: DeviceId) -> u32 {
        match &self.devices[device].kind {
            Kind::Veth { .. } | Kind::Vxlan(_) => 2,
            Kind::Nic(nic) => match nic.megabits() {
                0 | 10_000.. => 2,
                1_000.. => 4,
                100.. => 19,
                _ => 100,
            },
            Kind::Vlan(_) | Kind::Macvlan(_) => {
                self.devices[device].lower().map_or(100, |lower| self.port_cost(lower))
            }
            _ => 100,
        }
    }

    pub(super) fn bridge_port_up(&mut self, device: DeviceId) {
        let bridge = self.devices[device].master();
        if bridge.is_some_and(|bridge| self.devices[bridge].is_up()) && self.port_is_alive(device) {
            self.stp_enable_port(device);
        }
    }

    pub(super) fn bridge_port_down(&mut self, device: DeviceId) {
        let bridge = self.devices[device].master();
        if bridge.is_some_and(|bridge| self.devices[bridge].is_up()) {
            self.stp_disable_port(device);
        }
    }

    /// `br_port_carrier_check`
    pub(super) fn bridge_port_carrier(&mut self, device: DeviceId) {
        let Some(bridge) = self.devices[device].master() else { return };
        let alive = self.port_is_alive(device);
        if alive && !self.port(device).has(port_flags::ADMIN_COST) {
            self.port_mut(device).cost = self.port_cost(device);
        }
        if !self.devices[bridge].is_up() {
            return;
        }
        match (alive, self.port(device).state) {
            (true, PortState::Disabled) => self.stp_enable_port(device),
            (true, _) | (false, PortState::Disabled) => {}
            (false, _) => self.stp_disable_port(device),
        }
    }

    /// The port's MAC changed.
    pub(super) fn bridge_port_address(&mut self, device: DeviceId) {
        let Some(bridge) = self.devices[device].master() else { return };
        let mac = self.devices[device].mac;
        let now = self.now;
        let old: Vec<Mac> = {
            let br = self.bridge_of(bridge);
            let hold = br.hold_time();
            let of_port = |entry: &&&BridgeEntry| entry.local && entry.port == Some(device) && !entry.by_user;
            br.fdb.entries(now, hold).iter().filter(of_port).map(|entry| entry.mac).collect()
        };
        for old in old.into_iter().filter(|old| *old != mac) {
            self.fdb_delete_local(bridge, Some(device), old);
        }
        self.fdb_add_local(bridge, Some(device), mac);
        if self.bridge_recalculate_id(bridge) {
            self.netdev_address(bridge);
        }
    }
}
