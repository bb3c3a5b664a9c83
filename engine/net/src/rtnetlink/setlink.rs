//! `RTM_NEWLINK` that changes links, and `RTM_DELLINK`: `ip link set`, `ip link del`.
//!
//! Always: in the kernel's order: namespace, MAC, MTU, group, name, alias, broadcast, master, flags, queue length.
//! What was changed before a refusal stays changed, as in Linux.
//! Sources: net/core/rtnetlink.c (`do_setlink`, `do_set_master`), net/core/dev.c.

use super::newlink::is_name;
use super::{LinkKind, LinkRequest, MacvlanMode, NetlinkError, NetlinkResult};
use crate::device::{Kind, flags};
use crate::{Errno, Mac, Network};
use api::{DeviceId, NetnsId};

/// Bytes of an alias (`IFALIASZ`); more are EINVAL.
const ALIAS_SIZE: usize = 256;
/// Bytes of an altname (`ALTIFNAMSIZ`).
const ALTNAME_SIZE: usize = 128;
/// The smallest MTU that IPv4 lives with.
const LEAST_MTU: u32 = 68;

impl Network {
    /// Changes one link, named by index or name: ENODEV where there is none.
    pub fn link_set(&mut self, ns: NetnsId, request: &LinkRequest) -> NetlinkResult<()> {
        let index = match (request.index, &request.name) {
            (Some(index), _) => Some(index),
            (None, Some(name)) => self.device_index(ns, name),
            (None, None) => return Err(Errno::EINVAL.into()),
        };
        let device = index.and_then(|index| self.device_id(ns, index)).ok_or(Errno::ENODEV)?;
        let changed = self.link_change(device, request);
        self.settle();
        changed
    }

    /// All links of `group` are changed as asked (`ip link set group N …`).
    pub fn link_set_group(&mut self, ns: NetnsId, group: u32, request: &LinkRequest) -> NetlinkResult<()> {
        for device in self.link_group(ns, group) {
            self.link_change(device, request)?;
        }
        self.settle();
        Ok(())
    }

    fn link_group(&self, ns: NetnsId, group: u32) -> Vec<DeviceId> {
        let of_group = |device: &DeviceId| self.devices[*device].group == group;
        self.netns[ns].devices.values().copied().filter(of_group).collect()
    }

    /// Destroys a link: EOPNOTSUPP for `lo` and network cards.
    pub fn link_delete(&mut self, ns: NetnsId, index: u32) -> NetlinkResult<()> {
        let device = self.device_id(ns, index).ok_or(Errno::ENODEV)?;
        if matches!(self.devices[device].kind, Kind::Loopback | Kind::Nic(_)) {
            return Err(Errno::EOPNOTSUPP.into());
        }
        self.device_unregister(device);
        self.settle();
        Ok(())
    }

    pub fn link_delete_group(&mut self, ns: NetnsId, group: u32) -> NetlinkResult<()> {
        let devices = self.link_group(ns, group);
        // The group of everything cannot be deleted, nor one that is empty.
        if group == 0 {
            return Err(Errno::EPERM.into());
        }
        if devices.is_empty() {
            return Err(Errno::ENODEV.into());
        }
        if devices.iter().any(|device| matches!(self.devices[*device].kind, Kind::Loopback | Kind::Nic(_))) {
            return Err(Errno::EOPNOTSUPP.into());
        }
        devices.into_iter().for_each(|device| self.device_unregister(device));
        self.settle();
        Ok(())
    }

    /// `ip link property add dev X altname Y`
    pub fn link_altname_add(&mut self, ns: NetnsId, index: u32, altname: &str) -> NetlinkResult<()> {
        let device = self.device_id(ns, index).ok_or(Errno::ENODEV)?;
        let fits = !altname.is_empty()
            && altname.len() < ALTNAME_SIZE
            && !altname.contains(['/', ':', ' ', '\t', '\n']);
        if !fits || altname == "." || altname == ".." {
            return Err(Errno::EINVAL.into());
        }
        if self.device_index(ns, altname).is_some() {
            return Err(Errno::EEXIST.into());
        }
        self.devices[device].altnames.push(altname.to_owned());
        self.notify_link(device);
        Ok(())
    }

    pub fn link_altname_delete(&mut self, ns: NetnsId, index: u32, altname: &str) -> NetlinkResult<()> {
        let device = self.device_id(ns, index).ok_or(Errno::ENODEV)?;
        let altnames = &mut self.devices[device].altnames;
        let at = altnames.iter().position(|other| other == altname).ok_or(Errno::ENOENT)?;
        altnames.remove(at);
        self.notify_link(device);
        Ok(())
    }

    /// `do_setlink`
    pub(super) fn link_change(&mut self, device: DeviceId, request: &LinkRequest) -> NetlinkResult<()> {
        if let Some(to) = request.netns {
            let name = request.new_name.as_deref();
            if name.is_some_and(|name| !is_name(name)) {
                return Err(Errno::EINVAL.into());
            }
            self.device_move(device, to, name)?;
        }
        if let Some(mac) = request.mac {
            self.link_set_mac(device, mac)?;
        }
        if let Some(mtu) = request.mtu {
            self.link_set_mtu(device, mtu)?;
        }
        if let Some(group) = request.group {
            self.devices[device].group = group;
        }
        if let Some(name) = request.new_name.as_deref().filter(|_| request.netns.is_none()) {
            self.link_rename(device, name)?;
        }
        if let Some(alias) = &request.alias {
            if alias.len() >= ALIAS_SIZE {
                return Err(Errno::EINVAL.into());
            }
            self.devices[device].alias = (!alias.is_empty()).then(|| alias.clone());
        }
        if let Some(broadcast) = request.broadcast {
            self.devices[device].broadcast = broadcast;
        }
        if let Some(master) = request.master {
            self.link_set_master(device, master)?;
        }
        self.link_set_flags(device, request)?;
        if let Some(carrier) = request.carrier {
            match self.devices[device].kind {
                Kind::Dummy | Kind::Macvlan(_) => self.carrier_set(device, carrier),
                _ => return Err(Errno::EOPNOTSUPP.into()),
            }
        }
        if let Some(txqlen) = request.txqlen {
            self.devices[device].txqlen = txqlen;
        }
        if let Some(mode) = request.address_mode {
            self.devices[device].address_mode = mode;
        }
        if let Some(kind) =
            request.kind.as_ref().filter(|_| request.name.is_none() || request.index.is_some())
        {
            self.link_change_kind(device, kind)?;
        }
        if let Some(port) = &request.port {
            self.port_change(device, port)?;
        }
        self.generation += 1;
        self.notify_link(device);
        Ok(())
    }

    fn link_set_mac(&mut self, device: DeviceId, mac: Mac) -> NetlinkResult<()> {
        if !mac.is_valid() {
            return Err(Errno::EADDRNOTAVAIL.into());
        }
        match self.devices[device].kind {
            Kind::Bridge(_) => {
                self.devices[device].mac_is_set = true;
                if self.devices[device].mac != mac {
                    self.bridge_set_mac(device, mac);
                }
            }
            Kind::Ipvlan(_) | Kind::Ipip(_) => return Err(Errno::EOPNOTSUPP.into()),
            Kind::Macvlan(_) => self.macvlan_set_mac(device, mac)?,
            _ => self.devices[device].mac = mac,
        }
        self.devices[device].mac_is_set = true;
        self.netdev_address(device);
        Ok(())
    }

    fn link_set_mtu(&mut self, device: DeviceId, mtu: u32) -> NetlinkResult<()> {
        if self.devices[device].mtu == mtu {
            return Ok(());
        }
        let lower = self.devices[device].lower().and_then(|lower| self.devices.get(lower)).map(|it| it.mtu);
        match (&self.devices[device].kind, lower) {
            (Kind::Macvlan(_) | Kind::Ipvlan(_), Some(most)) if mtu > most => {
                return Err(Errno::EINVAL.into());
            }
            (Kind::Vlan(_), Some(most)) if mtu > most => return Err(Errno::ERANGE.into()),
            (Kind::Vxlan(_), Some(most)) if mtu > most.saturating_sub(crate::device::VXLAN_OVERHEAD) => {
                return Err(Errno::EINVAL.into());
            }
            _ => {}
        }
        self.link_mtu(device, Some(mtu))?;
        if let Some(bridge) = self.devices[device].bridge_mut() {
            bridge.mtu_by_user = true;
        }
        if mtu < LEAST_MTU {
            // IPv4 gives the device up.
            self.addresses_gone(device);
        }
        self.netdev_mtu(device);
        Ok(())
    }

    fn link_rename(&mut self, device: DeviceId, name: &str) -> NetlinkResult<()> {
        let it = &self.devices[device];
        if *it.name == *name {
            return Ok(());
        }
        let ns = it.netns;
        if name.contains('%') {
            let name = self.free_name(ns, name).ok_or(Errno::EINVAL)?;
            return self.link_rename(device, &name);
        }
        if !is_name(name) {
            return Err(Errno::EINVAL.into());
        }
        if self.device_index(ns, name).is_some() {
            return Err(Errno::EEXIST.into());
        }
        self.rules_detach(ns, device);
        let it = &mut self.devices[device];
        it.name = name.into();
        // Labels follow, with what stands behind their colon.
        for address in &mut it.ip.addresses {
            let suffix = address.label.find(':').map_or("", |at| &address.label[at..]);
            address.label = format!("{name}{suffix}");
        }
        self.rules_attach(device);
        self.generation += 1;
        Ok(())
    }

    /// `do_set_master`: 0 leaves.
    fn link_set_master(&mut self, device: DeviceId, master: u32) -> NetlinkResult<()> {
        let ns = self.devices[device].netns;
        if let Some(bridge) = self.devices[device].master() {
            if self.devices[bridge].ifindex == master {
                return Ok(());
            }
            self.bridge_port_remove(device);
        }
        if master == 0 {
            return Ok(());
        }
        let bridge = self.device_id(ns, master).ok_or(Errno::EINVAL)?;
        if self.devices[bridge].bridge().is_none() {
            return Err(Errno::EOPNOTSUPP.into());
        }
        self.bridge_port_add(bridge, device)
    }

    fn link_set_flags(&mut self, device: DeviceId, request: &LinkRequest) -> NetlinkResult<()> {
        let it = &mut self.devices[device];
        let mut set = |wanted: Option<bool>, flag: u32| {
            let before = it.flags;
            match wanted {
                Some(true) => it.flags |= flag,
                Some(false) => it.flags &= !flag,
                None => {}
            }
            before != it.flags
        };
        let arp = set(request.arp.map(|arp| !arp), flags::NOARP);
        set(request.multicast, flags::MULTICAST);
        set(request.trailers.map(|trailers| !trailers), flags::NOTRAILERS);
        if set(request.promisc, flags::PROMISC) {
            it.promiscuity =
                it.promiscuity.saturating_add_signed(if request.promisc == Some(true) { 1 } else { -1 });
        }
        if set(request.allmulticast, flags::ALLMULTI) {
            it.allmulti =
                it.allmulti.saturating_add_signed(if request.allmulticast == Some(true) { 1 } else { -1 });
        }
        if arp {
            self.neighbours_flush(device, true);
        }
        match request.up {
            Some(true) => self.device_open(device)?,
            Some(false) => self.device_close(device),
            None => {}
        }
        Ok(())
    }

    /// `type …` of a link that is there (`changelink`).
    fn link_change_kind(&mut self, device: DeviceId, kind: &LinkKind) -> NetlinkResult<()> {
        match (kind, &self.devices[device].kind) {
            (LinkKind::Bridge(request), Kind::Bridge(_)) => self.bridge_change(device, request),
            (LinkKind::Vxlan(request), Kind::Vxlan(_)) => self.vxlan_change(device, request),
            (LinkKind::Macvlan { mode: Some(mode) }, Kind::Macvlan(it)) => {
                if (*mode == MacvlanMode::Passthru) != (it.mode == MacvlanMode::Passthru) {
                    return Err(Errno::EINVAL.into());
                }
                let it = crate::device::Macvlan { mode: *mode, ..*it };
                self.devices[device].kind = Kind::Macvlan(it);
                Ok(())
            }
            (LinkKind::Macvlan { mode: None }, Kind::Macvlan(_)) => Ok(()),
            (LinkKind::Vlan(request), Kind::Vlan(it)) => {
                let it = crate::device::Vlan {
                    reorder_header: request.reorder_header.unwrap_or(it.reorder_header),
                    loose_binding: request.loose_binding.unwrap_or(it.loose_binding),
                    ..*it
                };
                self.devices[device].kind = Kind::Vlan(it);
                Ok(())
            }
            (LinkKind::Unknown(_), _) => Err(NetlinkError::new(Errno::EOPNOTSUPP, "Unknown device type")),
            _ => Err(Errno::EOPNOTSUPP.into()),
        }
    }
}
