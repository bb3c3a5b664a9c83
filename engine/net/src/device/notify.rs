//! Who is told when something about a device changes: IP, ARP, IPv6, the bridge it is a port of, what stands on it.
//!
//! Always: told in the order in which the kernel's notifiers stand. Sources: the `*_netdev_event` of devinet.c,
//! fib_frontend.c, arp.c, addrconf.c, br.c, macvlan.c, 8021q/vlan.c.

use super::{Kind, flags};
use crate::Network;
use crate::rtnetlink::nexthop_flags as nh;
use api::DeviceId;

impl Network {
    pub(crate) fn netdev_up(&mut self, device: DeviceId) {
        self.inet_device_up(device);
        self.routes_revive(device, nh::DEAD);
        self.addresses_to_routes(device);
        self.ipv6_device_up(device);
        self.bridge_port_up(device);
        for upper in self.devices[device].uppers.clone() {
            match self.devices[upper].kind {
                Kind::Macvlan(_) | Kind::Ipvlan(_) => self.carrier_from_lower(device, upper),
                Kind::Vlan(_) => {
                    self.carrier_from_lower(device, upper);
                    // It follows its lower device up, unless that refuses.
                    if self.device_open(upper).is_err() {
                        continue;
                    }
                }
                _ => {}
            }
        }
        self.notify_link(device);
    }

    pub(crate) fn netdev_down(&mut self, device: DeviceId) {
        let ns = self.devices[device].netns;
        self.netfilter_device_changed(ns, device, None);
        self.routes_disable(device, false);
        self.ipv6_device_down(device);
        self.bridge_port_down(device);
        for upper in self.devices[device].uppers.clone() {
            match self.devices[upper].kind {
                Kind::Macvlan(_) | Kind::Ipvlan(_) => self.carrier_from_lower(device, upper),
                Kind::Vlan(_) => {
                    self.device_close(upper);
                    self.carrier_from_lower(device, upper);
                }
                _ => {}
            }
        }
        self.notify_link(device);
    }

    /// Its carrier or operational state is another now.
    pub(crate) fn netdev_change(&mut self, device: DeviceId) {
        let it = &self.devices[device];
        if it.shown_flags() & (flags::RUNNING | flags::LOWER_UP) != 0 {
            self.routes_revive(device, nh::LINKDOWN);
        } else {
            self.routes_linkdown(device);
        }
        if !self.devices[device].carrier {
            self.neighbours_carrier_lost(device);
        }
        self.ipv6_device_change(device);
        self.bridge_port_carrier(device);
        for upper in self.devices[device].uppers.clone() {
            if matches!(self.devices[upper].kind, Kind::Macvlan(_) | Kind::Ipvlan(_) | Kind::Vlan(_)) {
                self.carrier_from_lower(device, upper);
            }
        }
        self.generation += 1;
        self.notify_link(device);
    }

    /// Its MAC is another now.
    pub(crate) fn netdev_address(&mut self, device: DeviceId) {
        self.neighbours_flush(device, true);
        let ns = self.devices[device].netns;
        self.routes_changed(ns);
        if self.devices[device].port.is_some() {
            self.bridge_port_address(device);
        }
        for upper in self.devices[device].uppers.clone() {
            if let Kind::Ipvlan(_) = self.devices[upper].kind {
                self.devices[upper].mac = self.devices[device].mac;
                self.netdev_address(upper);
            }
        }
        self.generation += 1;
    }

    pub(crate) fn netdev_mtu(&mut self, device: DeviceId) {
        let mtu = self.devices[device].mtu;
        self.ipv6_mtu(device);
        if let Some(bridge) = self.devices[device].master() {
            self.bridge_mtu_adjust(bridge);
        }
        for upper in self.devices[device].uppers.clone() {
            let shrinks = self.devices[upper].mtu > mtu;
            if shrinks
                && matches!(self.devices[upper].kind, Kind::Macvlan(_) | Kind::Vlan(_) | Kind::Ipvlan(_))
            {
                self.devices[upper].mtu = mtu;
                self.netdev_mtu(upper);
            }
        }
        let ns = self.devices[device].netns;
        self.routes_changed(ns);
        self.generation += 1;
    }
}
