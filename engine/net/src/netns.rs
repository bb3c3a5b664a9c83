//! A network namespace: one whole network stack.
//!
//! Owned by [`Network`](crate::Network). Always: it has a loopback device with ifindex 1 from its first moment;
//! a namespace that was deleted stays as an empty shell, so that a late event or program finds nothing in it.
//! Sources: network_namespaces(7); net/core/net_namespace.c.

use crate::device::flags;
use crate::hash::Map;
use crate::ip::{Exceptions, Fib, FragmentQueues, IcmpLimits};
use crate::neighbour::NeighbourTable;
use crate::rtnetlink::{Change, ChangeLog};
use crate::sysctl::Sysctl;
use api::{DeviceId, MachineId, NetnsId};
use std::collections::BTreeMap;

#[derive(Debug)]
pub(crate) struct Netns {
    pub machine: MachineId,
    /// What `ip netns` calls it; the machine's own has no name.
    pub name: Option<String>,
    pub alive: bool,
    pub loopback: DeviceId,
    /// By ifindex, which is the order of every listing.
    pub devices: BTreeMap<u32, DeviceId>,
    /// The last ifindex that was given by counting.
    pub last_index: u32,
    /// The ids by which other namespaces are known here.
    pub ids: BTreeMap<i32, NetnsId>,
    pub fib: Fib,
    pub exceptions: Exceptions,
    /// Own IPv4 addresses: how often, and the device of the first (`inet_addr_lst`).
    pub own: Map<u32, Vec<DeviceId>>,
    pub neighbours: NeighbourTable,
    pub fragments: FragmentQueues,
    pub icmp: IcmpLimits,
    pub sysctl: Sysctl,
    /// UDP ports where VXLAN devices listen, and the devices by VNI.
    pub vxlans: Map<(u16, u32), DeviceId>,
    pub vxlan_ports: BTreeMap<u16, u32>,
    /// Counts up for packets that may be fragmented.
    pub ip_id: u16,
    /// While `ip monitor` runs.
    pub changes: Option<ChangeLog>,
}

impl Netns {
    pub fn new(machine: MachineId, name: Option<&str>, loopback: DeviceId, sysctl: Sysctl) -> Netns {
        Netns {
            machine,
            name: name.map(str::to_owned),
            alive: true,
            loopback,
            devices: BTreeMap::new(),
            last_index: 0,
            ids: BTreeMap::new(),
            fib: Fib::default(),
            exceptions: Exceptions::default(),
            own: Map::default(),
            neighbours: NeighbourTable::default(),
            fragments: FragmentQueues::default(),
            icmp: IcmpLimits::default(),
            sysctl,
            vxlans: Map::default(),
            vxlan_ports: BTreeMap::new(),
            ip_id: 0,
            changes: None,
        }
    }

    /// The next free index, counting on from the last one that was given (`xa_alloc_cyclic`).
    pub fn next_index(&mut self) -> u32 {
        loop {
            self.last_index = self.last_index % (i32::MAX as u32) + 1;
            if !self.devices.contains_key(&self.last_index) {
                return self.last_index;
            }
        }
    }

    /// Is that one of its own addresses, on a link that is up or not?
    #[inline]
    pub fn has_address(&self, address: u32) -> bool {
        self.own.contains_key(&address)
    }

    pub fn change(&mut self, change: impl FnOnce() -> Change) {
        if let Some(changes) = &mut self.changes {
            changes.push(change());
        }
    }
}

/// Flags a new loopback device has.
pub(crate) const LOOPBACK_FLAGS: u32 = flags::LOOPBACK;
