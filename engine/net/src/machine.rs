//! Machines: each is one kernel with its own first namespace; further namespaces belong to a machine.
//!
//! Always: a machine's own namespace lives as long as the machine, with `lo` up, as after booting.

use crate::device::{Device, Kind, LinkWatch, flags};
use crate::netns::{LOOPBACK_FLAGS, Netns};
use crate::rtnetlink::NetlinkResult;
use crate::sysctl::Sysctl;
use crate::{Errno, Mac, Network};
use api::topology::Role;
use api::{DeviceId, MachineId, NetnsId};

/// The kernel's MTU of `lo`.
const LOOPBACK_MTU: u32 = 65536;

#[derive(Debug)]
pub struct Machine {
    pub name: String,
    pub role: Role,
    /// Its own namespace.
    pub netns: NetnsId,
    pub(crate) watch: LinkWatch,
}

impl Network {
    /// A machine with its own namespace, whose `lo` is up.
    pub fn machine_add(&mut self, name: &str, role: Role) -> (MachineId, NetnsId) {
        let machine = self.machines.insert_with(|_| Machine {
            name: name.to_owned(),
            role,
            netns: NetnsId(0),
            watch: LinkWatch::default(),
        });
        let ns = self.netns_new(machine, None, Sysctl::default());
        self.machines[machine].netns = ns;
        let loopback = self.netns[ns].loopback;
        self.device_open(loopback).expect("a new loopback comes up");
        self.settle();
        (machine, ns)
    }

    pub fn machine(&self, id: MachineId) -> &Machine {
        &self.machines[id]
    }

    pub fn machines(&self) -> impl Iterator<Item = (MachineId, &Machine)> {
        self.machines.iter()
    }

    /// The machine a namespace belongs to.
    pub fn machine_of(&self, ns: NetnsId) -> MachineId {
        self.netns[ns].machine
    }

    /// A network card named `name`; its MAC is drawn where none is given.
    pub fn nic_add(&mut self, ns: NetnsId, name: &str, mac: Option<Mac>) -> NetlinkResult<DeviceId> {
        if self.device_index(ns, name).is_some() {
            return Err(Errno::EEXIST.into());
        }
        let mac = mac.unwrap_or_else(|| self.random_card_mac());
        let device = self.device_new(ns, None, name, Kind::Nic(crate::device::Nic::default()));
        let it = &mut self.devices[device];
        (it.mac, it.mac_is_set) = (mac, true);
        it.max_mtu = 65535;
        self.device_registered(device);
        self.carrier_set(device, false);
        self.settle();
        Ok(device)
    }

    pub(crate) fn netns_new(&mut self, machine: MachineId, name: Option<&str>, sysctl: Sysctl) -> NetnsId {
        let ns = self.netns.insert_with(|_| Netns::new(machine, name, DeviceId(u32::MAX), sysctl));
        let loopback = self.device_new(ns, None, "lo", Kind::Loopback);
        self.netns[ns].loopback = loopback;
        let it = &mut self.devices[loopback];
        (it.mac, it.broadcast) = (Mac::ZERO, Mac::ZERO);
        it.flags = LOOPBACK_FLAGS;
        (it.mtu, it.min_mtu, it.max_mtu) = (LOOPBACK_MTU, 0, 0);
        self.device_registered(loopback);
        self.generation += 1;
        ns
    }

    /// As `eth_random_addr`: any unicast address that is locally administered.
    pub(crate) fn random_mac(&mut self) -> Mac {
        let mut mac = [0; 6];
        self.mac_rng.fill(&mut mac);
        mac[0] = mac[0] & 0xfe | 0x02;
        Mac(mac)
    }

    /// Of the maker whose cards virtual machines have.
    fn random_card_mac(&mut self) -> Mac {
        let Mac([_, _, _, a, b, c]) = self.random_mac();
        Mac([0x52, 0x54, 0x00, a, b, c])
    }

    /// A new device that nobody knows yet; [`Network::device_registered`] follows.
    pub(crate) fn device_new(&mut self, ns: NetnsId, index: Option<u32>, name: &str, kind: Kind) -> DeviceId {
        let ifindex = index.unwrap_or_else(|| self.netns[ns].next_index());
        let mac = self.random_mac();
        let ip = self.new_in_device(ns);
        let ip6 = self.new_in6_device(ns);
        let id = self.devices.insert_with(|_| Device {
            netns: ns,
            ifindex,
            name: name.into(),
            altnames: Vec::new(),
            kind,
            mac,
            broadcast: Mac::BROADCAST,
            mac_is_set: false,
            mtu: 1500,
            min_mtu: 68,
            max_mtu: 65535,
            txqlen: 1000,
            tx_queues: 1,
            rx_queues: 1,
            group: 0,
            alias: None,
            flags: flags::BROADCAST | flags::MULTICAST,
            promiscuity: 0,
            allmulti: 0,
            carrier: true,
            carrier_up_count: 0,
            carrier_down_count: 0,
            operstate: crate::rtnetlink::OperState::Unknown,
            attached: false,
            active: false,
            watched: false,
            port: None,
            uppers: Vec::new(),
            ip,
            ip6,
            address_mode: Default::default(),
            groups: Vec::new(),
            unicast: Vec::new(),
            stats: Default::default(),
            in_flight: 0,
        });
        self.netns[ns].devices.insert(ifindex, id);
        id
    }

    /// Its name to its index in that namespace (altnames too), without more.
    pub fn device_index(&self, ns: NetnsId, name: &str) -> Option<u32> {
        let named = |id: &DeviceId| {
            let device = &self.devices[*id];
            *device.name == *name || device.altnames.iter().any(|altname| altname == name)
        };
        self.netns[ns].devices.iter().find(|(_, id)| named(id)).map(|(index, _)| *index)
    }

    pub fn device_name(&self, ns: NetnsId, index: u32) -> Option<&str> {
        self.device_id(ns, index).map(|id| &*self.devices[id].name)
    }

    pub fn device_id(&self, ns: NetnsId, index: u32) -> Option<DeviceId> {
        self.netns[ns].devices.get(&index).copied()
    }

    /// The namespace and the ifindex of a device, while it is there.
    pub fn device_place(&self, id: DeviceId) -> Option<(NetnsId, u32)> {
        self.devices.get(id).map(|device| (device.netns, device.ifindex))
    }
}
