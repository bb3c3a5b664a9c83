//! Namespaces: `ip netns add`, `delete`, and the ids by which they know one another.
//!
//! Always: an id is given when one namespace is first mentioned in another's messages, the lowest that is free.
//! Sources: ip-netns(8); net/core/net_namespace.c (`peernet2id_alloc`, `default_device_exit_net`).

use super::{Change, NetlinkError, NetlinkResult};
use crate::device::Kind;
use crate::{Errno, Network};
use api::{DeviceId, MachineId, NetnsId};

/// Namespaces of one world; one more is ENOSPC (`user.max_net_namespaces`).
const MAX_NETNS: usize = 16_384;

impl Network {
    /// A namespace on that machine; `name` is what the picture shows (`/run/netns/NAME` is the machine's business).
    pub fn netns_add(&mut self, machine: MachineId, name: Option<&str>) -> NetlinkResult<NetnsId> {
        if self.netns.iter().filter(|(_, it)| it.alive).count() >= MAX_NETNS {
            return Err(Errno::ENOSPC.into());
        }
        let own = self.machines[machine].netns;
        let sysctl = self.netns[own].sysctl.inherited();
        let ns = self.netns_new(machine, name, sysctl);
        self.settle();
        Ok(ns)
    }

    /// What the picture calls it, once it has (another) name.
    pub fn netns_rename(&mut self, ns: NetnsId, name: Option<&str>) {
        self.netns[ns].name = name.map(str::to_owned);
        self.generation += 1;
    }

    /// Its devices go with it, but for network cards, which fall back to the machine's own namespace. That one
    /// itself cannot go: EBUSY.
    pub fn netns_delete(&mut self, ns: NetnsId) -> NetlinkResult<()> {
        if self.machines[self.netns[ns].machine].netns == ns {
            return Err(Errno::EBUSY.into());
        }
        if !std::mem::replace(&mut self.netns[ns].alive, false) {
            return Err(Errno::ENOENT.into());
        }
        let own = self.machines[self.netns[ns].machine].netns;
        let loopback = self.netns[ns].loopback;
        let devices: Vec<DeviceId> = self.netns[ns].devices.values().copied().collect();
        for device in devices {
            match self.devices.get(device).map(|it| &it.kind) {
                Some(Kind::Nic(_)) => self.device_fall_back(device, own),
                Some(_) if device != loopback => self.device_unregister(device),
                _ => {}
            }
        }
        self.device_close(loopback);
        for (_, other) in self.netns_list() {
            if let Some(id) = self.netns_id(other, ns) {
                self.netns[other].ids.remove(&id);
                self.netns[other].change(|| Change::DelNetnsId(id));
            }
        }
        self.netfilter_netns_gone(ns);
        self.sockets_netns_gone(ns);
        let it = &mut self.netns[ns];
        it.ids.clear();
        it.name = None;
        self.generation += 1;
        self.settle();
        Ok(())
    }

    /// A card goes back to where it came from, by another name if its own is taken there.
    fn device_fall_back(&mut self, device: DeviceId, own: NetnsId) {
        let taken = self.device_index(own, &self.devices[device].name).is_some();
        let name = taken.then(|| self.free_name(own, "dev%d")).flatten();
        let moved = self.device_move(device, own, name.as_deref());
        debug_assert!(moved.is_ok(), "a free name in a namespace that lives");
    }

    fn netns_list(&self) -> Vec<(MachineId, NetnsId)> {
        self.netns.iter().map(|(id, it)| (it.machine, id)).collect()
    }

    /// Is the namespace there (not deleted)?
    pub fn netns_is_alive(&self, ns: NetnsId) -> bool {
        self.netns.get(ns).is_some_and(|it| it.alive)
    }

    /// `RTM_GETNSID`: the id by which `ns` knows `other`, where it has one (`ip netns list`, `link-netnsid`).
    pub fn netns_id(&self, ns: NetnsId, other: NetnsId) -> Option<i32> {
        self.netns[ns].ids.iter().find(|(_, it)| **it == other).map(|(id, _)| *id)
    }

    /// `ip netns set`: EEXIST where `other` has an id or the id is taken. `None` takes the lowest free one.
    pub fn netns_id_set(&mut self, ns: NetnsId, other: NetnsId, id: Option<i32>) -> NetlinkResult<()> {
        if self.netns_id(ns, other).is_some() {
            return Err(NetlinkError::new(Errno::EEXIST, "Peer netns already has a nsid assigned"));
        }
        if id.is_some_and(|id| self.netns[ns].ids.contains_key(&id)) {
            return Err(NetlinkError::new(Errno::EEXIST, "The specified nsid is already used"));
        }
        match id {
            Some(id) if id < 0 => return Err(Errno::EINVAL.into()),
            Some(id) => {
                self.netns[ns].ids.insert(id, other);
                self.netns[ns].change(|| Change::NewNetnsId(id));
            }
            None => drop(self.netns_id_alloc(ns, other)),
        }
        Ok(())
    }

    /// `ip netns list-id`, in the order of ids.
    pub fn netns_ids(&self, ns: NetnsId) -> Vec<(i32, NetnsId)> {
        self.netns[ns].ids.iter().map(|(id, other)| (*id, *other)).collect()
    }

    /// `peernet2id_alloc`
    pub(crate) fn netns_id_alloc(&mut self, ns: NetnsId, other: NetnsId) -> i32 {
        if let Some(id) = self.netns_id(ns, other) {
            return id;
        }
        let it = &mut self.netns[ns];
        let id = (0..).find(|id| !it.ids.contains_key(id)).expect("fewer namespaces than numbers");
        it.ids.insert(id, other);
        it.change(|| Change::NewNetnsId(id));
        id
    }
}
