//! Multicast groups a namespace takes part in, and what its devices listen to because of it.
//!
//! Always: a device that is up is in 224.0.0.1, the group of all hosts.
//! Differs from Linux: groups are joined, but not reported by IGMP, since no multicast router stands here.
//! Sources: net/ipv4/igmp.c; RFC 1112 §6.4 (group addresses in Ethernet).

use crate::device::flags;
use crate::{Mac, Network};
use api::DeviceId;
use std::net::Ipv4Addr;

const ALL_HOSTS: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 1);

/// The Ethernet address that frames to an IPv4 group have.
pub(crate) fn group_mac(group: Ipv4Addr) -> Mac {
    let [_, b, c, d] = group.octets();
    Mac([0x01, 0x00, 0x5e, b & 0x7f, c, d])
}

impl Network {
    pub(crate) fn multicast_up(&mut self, device: DeviceId) {
        self.group_join(device, ALL_HOSTS);
    }

    /// All groups are left.
    pub(crate) fn multicast_down(&mut self, device: DeviceId) {
        for (group, _) in std::mem::take(&mut self.devices[device].ip.groups) {
            self.devices[device].group_leave(group_mac(group));
        }
    }

    pub(crate) fn group_join(&mut self, device: DeviceId, group: Ipv4Addr) {
        let it = &mut self.devices[device];
        match it.ip.groups.iter_mut().find(|(other, _)| *other == group) {
            Some((_, users)) => *users += 1,
            None => {
                it.ip.groups.push((group, 1));
                // A link that does no multicast filters nothing.
                if it.flags & (flags::MULTICAST | flags::LOOPBACK) != 0 {
                    it.group_join(group_mac(group));
                }
            }
        }
    }

    pub(crate) fn group_leave(&mut self, device: DeviceId, group: Ipv4Addr) {
        let it = &mut self.devices[device];
        let Some(at) = it.ip.groups.iter().position(|(other, _)| *other == group) else { return };
        it.ip.groups[at].1 -= 1;
        if it.ip.groups[at].1 == 0 {
            it.ip.groups.remove(at);
            it.group_leave(group_mac(group));
        }
    }

    /// Does this device's namespace want packets to that group from there (`ip_check_mc_rcu`)?
    pub(crate) fn is_member(&self, device: DeviceId, group: Ipv4Addr) -> bool {
        self.devices[device].ip.groups.iter().any(|(other, _)| *other == group)
    }
}
