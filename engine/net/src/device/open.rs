//! A device's life: it is registered, brought up, taken down, moved to another namespace, and destroyed.
//!
//! Always: what stands on a device goes before it does; no table mentions a device that is gone.
//! Sources: net/core/dev.c (`__dev_open`, `__dev_close_many`, `unregister_netdevice_many`,
//! `__dev_change_net_namespace`).

use super::{Kind, flags};
use crate::rtnetlink::{Change, NetlinkError, NetlinkResult};
use crate::{Errno, Network};
use api::{DeviceId, NetnsId};

impl Network {
    /// A device made by `device_new` and filled in becomes known to everyone.
    pub(crate) fn device_registered(&mut self, device: DeviceId) {
        self.linkwatch_init(device);
        self.ipv6_device_added(device);
        self.rules_attach(device);
        self.generation += 1;
        self.notify_link(device);
    }

    /// `ip link set X up`. What refuses is the kind of device.
    pub(crate) fn device_open(&mut self, device: DeviceId) -> Result<(), Errno> {
        if self.devices[device].is_up() {
            return Ok(());
        }
        match &self.devices[device].kind {
            Kind::Vlan(vlan) if !self.devices[vlan.lower].is_up() => return Err(Errno::ENETDOWN),
            Kind::Macvlan(_) => self.macvlan_may_have(device, self.devices[device].mac)?,
            Kind::Vxlan(_) => self.vxlan_open(device)?,
            _ => {}
        }
        let it = &mut self.devices[device];
        it.flags |= flags::UP;
        it.attached = true;
        self.generation += 1;
        match self.devices[device].kind {
            Kind::Veth { peer } => self.veth_carrier(device, peer),
            Kind::Nic(_) => self.cable_carrier(device),
            Kind::Bridge(_) => self.bridge_open(device),
            Kind::Macvlan(_) => self.macvlan_opened(device),
            _ => {}
        }
        let it = &mut self.devices[device];
        it.active = it.carrier;
        self.netdev_up(device);
        Ok(())
    }

    pub(crate) fn device_close(&mut self, device: DeviceId) {
        if !self.devices[device].is_up() {
            return;
        }
        let it = &mut self.devices[device];
        it.flags &= !flags::UP;
        it.active = false;
        self.generation += 1;
        match self.devices[device].kind {
            Kind::Veth { peer } => self.veth_carrier(device, peer),
            Kind::Nic(_) => self.cable_carrier(device),
            Kind::Bridge(_) => self.bridge_close(device),
            Kind::Vxlan(_) => self.vxlan_close(device),
            Kind::Macvlan(_) => self.macvlan_closed(device),
            _ => {}
        }
        self.netdev_down(device);
    }

    /// Destroys a device, and with it a veth's other end and all that stands on it.
    pub(crate) fn device_unregister(&mut self, device: DeviceId) {
        let Some(it) = self.devices.get(device) else { return };
        if let Kind::Veth { peer: Some(peer) } = it.kind {
            self.veth_part(device, peer);
            self.device_unregister_one(device);
            self.device_unregister_one(peer);
        } else {
            self.device_unregister_one(device);
        }
    }

    fn device_unregister_one(&mut self, device: DeviceId) {
        for upper in self.devices[device].uppers.clone() {
            self.device_unregister(upper);
        }
        self.device_close(device);
        if let Some(bridge) = self.devices[device].bridge() {
            let ports: Vec<DeviceId> = bridge.ports.clone();
            ports.into_iter().for_each(|port| self.bridge_port_remove(port));
        }
        self.netdev_unregister(device);
        let lower = self.devices[device].lower();
        if let Some(lower) = lower.and_then(|lower| self.devices.get_mut(lower)) {
            lower.uppers.retain(|upper| *upper != device);
        }
        if let Kind::Nic(_) = self.devices[device].kind {
            self.cable_cut(device);
        }
        self.notify_link_gone(device);
        self.sockets_device_gone(device);
        let it = self.devices.remove(device).expect("a device that is destroyed was there");
        self.netns[it.netns].devices.remove(&it.ifindex);
        self.rules_detach(it.netns, device);
        self.generation += 1;
    }

    /// What IP, the bridge and others knew of it in this namespace is forgotten.
    fn netdev_unregister(&mut self, device: DeviceId) {
        if self.devices[device].port.is_some() {
            self.bridge_port_remove(device);
        }
        self.addresses_gone(device);
        self.ipv6_device_gone(device);
        self.routes_device_gone(device);
        self.neighbours_device_gone(device);
    }

    /// `ip link set X netns Y`: it arrives down, without addresses, with its index if that is free there.
    pub(crate) fn device_move(
        &mut self,
        device: DeviceId,
        to: NetnsId,
        name: Option<&str>,
    ) -> NetlinkResult<()> {
        let it = &self.devices[device];
        let from = it.netns;
        let name = name.unwrap_or(&it.name).to_owned();
        if from == to {
            return Ok(());
        }
        if it.kind.is_netns_local() {
            return Err(NetlinkError::new(Errno::EINVAL, "The interface netns is immutable"));
        }
        if !self.netns[to].alive {
            return Err(Errno::EINVAL.into());
        }
        if self.device_index(to, &name).is_some() {
            let words = "An interface with the same name exists in the target netns";
            return Err(NetlinkError::new(Errno::EEXIST, words));
        }
        self.device_close(device);
        self.netdev_unregister(device);
        self.netns_id_alloc(from, to);
        self.notify_link_gone(device);
        self.sockets_device_gone(device);
        let index = self.devices[device].ifindex;
        self.netns[from].devices.remove(&index);
        self.rules_detach(from, device);
        let index =
            if self.netns[to].devices.contains_key(&index) { self.netns[to].next_index() } else { index };
        self.netns[to].devices.insert(index, device);
        let (ip, ip6) = (self.new_in_device(to), self.new_in6_device(to));
        let it = &mut self.devices[device];
        (it.netns, it.ifindex, it.name) = (to, index, name.into());
        (it.ip, it.ip6) = (ip, ip6);
        it.groups.clear();
        it.attached = false;
        self.ipv6_device_added(device);
        self.rules_attach(device);
        self.generation += 1;
        self.notify_link(device);
        // The other end sees where it went.
        if let Kind::Veth { peer: Some(peer) } = self.devices[device].kind {
            self.notify_link(peer);
        }
        Ok(())
    }

    /// Tells `ip monitor`, and gives ids to namespaces this link points into, as a message about it does.
    pub(crate) fn notify_link(&mut self, device: DeviceId) {
        self.link_netnsid(device);
        let ns = self.devices[device].netns;
        if self.netns[ns].changes.is_some() {
            let link = Box::new(self.link_row(device));
            self.netns[ns].change(|| Change::NewLink(link));
        }
    }

    fn notify_link_gone(&mut self, device: DeviceId) {
        let ns = self.devices[device].netns;
        if self.netns[ns].changes.is_some() {
            let link = Box::new(self.link_row(device));
            self.netns[ns].change(|| Change::DelLink(link));
        }
    }
}
