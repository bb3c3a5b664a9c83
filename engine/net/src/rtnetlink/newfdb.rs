//! `RTM_NEWNEIGH` and its like for forwarding entries: `bridge fdb`.
//!
//! Differs from Linux: an entry's VLAN is not looked at.
//! Sources: net/core/rtnetlink.c (`rtnl_fdb_add`, `rtnl_fdb_dump`, `ndo_dflt_fdb_dump`), net/bridge/br_fdb.c,
//! drivers/net/vxlan/vxlan_core.c (`vxlan_fdb_update_existing`).

use super::{FdbEntry, FdbRequest, Mode, NetlinkError, NetlinkResult, ntf, nud};
use crate::device::{BridgeEntry, MAX_REMOTES, PortState, Remote, VxlanEntry};
use crate::{Errno, Mac, Network};
use api::{DeviceId, NetnsId};
use std::net::{IpAddr, Ipv4Addr};

impl Network {
    /// Into the bridge's table (MASTER) or the device's own (SELF, the default).
    pub fn fdb_add(&mut self, ns: NetnsId, request: &FdbRequest) -> NetlinkResult<()> {
        let device = self.device_id(ns, request.index).ok_or(Errno::ENODEV)?;
        if !(request.mac.is_valid() || request.mac.is_zero() || request.mac.is_multicast()) {
            return Err(NetlinkError::new(Errno::EINVAL, "invalid address"));
        }
        if request.flags & ntf::MASTER != 0 {
            let bridge = self.devices[device].master().ok_or(Errno::EOPNOTSUPP)?;
            self.bridge_fdb_add(bridge, Some(device), request)?;
        }
        if request.flags & ntf::MASTER == 0 || request.flags & ntf::SELF != 0 {
            if self.devices[device].vxlan().is_some() {
                self.vxlan_fdb_add(device, request)?;
            } else if self.devices[device].bridge().is_some() {
                self.bridge_fdb_add(device, None, request)?;
            } else {
                self.device_fdb_add(device, request)?;
            }
        }
        Ok(())
    }

    fn bridge_fdb_add(
        &mut self,
        bridge: DeviceId,
        port: Option<DeviceId>,
        request: &FdbRequest,
    ) -> NetlinkResult<()> {
        if request.state & (nud::PERMANENT | nud::NOARP | nud::REACHABLE) == 0 {
            return Err(Errno::EINVAL.into());
        }
        let now = self.now;
        let local = request.state & nud::PERMANENT != 0;
        let fixed = local || request.state & nud::NOARP != 0;
        if request.flags & ntf::STICKY != 0 && local {
            return Err(Errno::EINVAL.into());
        }
        if request.mac.is_zero() {
            return Err(Errno::EINVAL.into());
        }
        // A port that does not learn takes fixed entries only.
        let learns = |state| matches!(state, PortState::Learning | PortState::Forwarding);
        let port_learns =
            port.and_then(|port| self.devices[port].port.as_deref()).is_none_or(|it| learns(it.state));
        if !fixed && !port_learns {
            return Err(Errno::EPERM.into());
        }
        if port.is_none() && !local {
            return Err(NetlinkError::new(Errno::EINVAL, "FDB entry towards bridge must be permanent"));
        }
        let Some(br) = self.devices[bridge].bridge_mut() else { return Err(Errno::EOPNOTSUPP.into()) };
        let there = br.fdb.find(request.mac, now, br.hold_time()).cloned();
        match (&there, request.mode) {
            (Some(_), Mode::Add) => return Err(Errno::EEXIST.into()),
            (None, Mode::Change) => return Err(Errno::ENOENT.into()),
            _ => {}
        }
        let fresh = BridgeEntry::local(request.mac, port, now);
        let entry = BridgeEntry {
            port,
            local,
            fixed,
            by_user: true,
            ext_learnt: request.flags & ntf::EXT_LEARNED != 0,
            sticky: request.flags & ntf::STICKY != 0,
            updated: now,
            ..fresh
        };
        br.fdb.insert(entry);
        Ok(())
    }

    /// A further address of an ordinary device (`ndo_dflt_fdb_add`): it must be permanent.
    fn device_fdb_add(&mut self, device: DeviceId, request: &FdbRequest) -> NetlinkResult<()> {
        if request.state & nud::PERMANENT == 0 {
            return Err(NetlinkError::new(
                Errno::EINVAL,
                "default FDB implementation only supports local addresses",
            ));
        }
        let it = &mut self.devices[device];
        let list = if request.mac.is_multicast() { &mut it.groups } else { &mut it.unicast };
        if list.iter().any(|(mac, _)| *mac == request.mac) {
            let quiet = request.mode != Mode::Add;
            return if quiet { Ok(()) } else { Err(Errno::EEXIST.into()) };
        }
        if request.mac.is_zero() {
            return Err(Errno::EINVAL.into());
        }
        list.push((request.mac, 1));
        Ok(())
    }

    fn vxlan_fdb_add(&mut self, device: DeviceId, request: &FdbRequest) -> NetlinkResult<()> {
        if request.state & (nud::PERMANENT | nud::REACHABLE) == 0 {
            return Err(Errno::EINVAL.into());
        }
        let Some(address) = request.dst else { return Err(Errno::EINVAL.into()) };
        let IpAddr::V4(address) = address else { return Err(Errno::EAFNOSUPPORT.into()) };
        let now = self.now;
        let Some(vxlan) = self.devices[device].vxlan_mut() else { return Err(Errno::EOPNOTSUPP.into()) };
        let (port, vni) = vxlan.key();
        let remote = Remote {
            address,
            port: request.port.filter(|port| *port != 0).unwrap_or(port),
            vni: request.vni.unwrap_or(vni),
            via: request.via.unwrap_or(0),
        };
        let many = request.mac.is_multicast() || request.mac.is_zero();
        let flags = request.flags & !(ntf::SELF | ntf::MASTER);
        let Some(entry) = vxlan.fdb.find_mut(request.mac) else {
            return match request.mode {
                Mode::Change => Err(Errno::ENOENT.into()),
                Mode::Replace if many => Err(Errno::EOPNOTSUPP.into()),
                _ if vxlan.is_full() => Err(Errno::ENOSPC.into()),
                _ => {
                    let remotes = vec![remote];
                    let state = request.state;
                    vxlan.fdb.insert(VxlanEntry {
                        mac: request.mac,
                        state,
                        flags,
                        remotes,
                        used: now,
                        updated: now,
                    });
                    Ok(())
                }
            };
        };
        match request.mode {
            Mode::Add => return Err(Errno::EEXIST.into()),
            Mode::Replace | Mode::Change if many => {
                return Err(NetlinkError::new(Errno::EOPNOTSUPP, "Cannot replace non-unicast fdb entries"));
            }
            Mode::Replace | Mode::Change => entry.remotes = vec![remote],
            // A second VTEP for one machine's MAC is not taken, nor refused.
            Mode::Append | Mode::Prepend if !many => {}
            Mode::Append | Mode::Prepend => {
                if entry.remotes.len() >= MAX_REMOTES {
                    return Err(Errno::ENOSPC.into());
                }
                if !entry.remotes.contains(&remote) {
                    entry.remotes.push(remote);
                }
            }
        }
        (entry.state, entry.flags, entry.updated) = (request.state, flags, now);
        Ok(())
    }

    pub fn fdb_delete(&mut self, ns: NetnsId, request: &FdbRequest) -> NetlinkResult<()> {
        let device = self.device_id(ns, request.index).ok_or(Errno::ENODEV)?;
        if request.flags & ntf::MASTER != 0 {
            let bridge = self.devices[device].master().ok_or(Errno::EOPNOTSUPP)?;
            self.bridge_fdb_delete(bridge, Some(device), request.mac)?;
        }
        if request.flags & ntf::MASTER == 0 || request.flags & ntf::SELF != 0 {
            if self.devices[device].vxlan().is_some() {
                self.vxlan_fdb_delete(device, request)?;
            } else if self.devices[device].bridge().is_some() {
                self.bridge_fdb_delete(device, None, request.mac)?;
            } else {
                let it = &mut self.devices[device];
                let list = if request.mac.is_multicast() { &mut it.groups } else { &mut it.unicast };
                let at = list.iter().position(|(mac, _)| *mac == request.mac).ok_or(Errno::ENOENT)?;
                list.remove(at);
            }
        }
        Ok(())
    }

    fn bridge_fdb_delete(&mut self, bridge: DeviceId, port: Option<DeviceId>, mac: Mac) -> NetlinkResult<()> {
        let now = self.now;
        let Some(br) = self.devices[bridge].bridge_mut() else { return Err(Errno::EOPNOTSUPP.into()) };
        let hold = br.hold_time();
        let there = br.fdb.find(mac, now, hold).is_some_and(|entry| entry.port == port);
        if !there {
            return Err(Errno::ENOENT.into());
        }
        br.fdb.remove(mac);
        Ok(())
    }

    fn vxlan_fdb_delete(&mut self, device: DeviceId, request: &FdbRequest) -> NetlinkResult<()> {
        let Some(vxlan) = self.devices[device].vxlan_mut() else { return Err(Errno::EOPNOTSUPP.into()) };
        let (port, vni) = vxlan.key();
        let entry = vxlan.fdb.find_mut(request.mac).ok_or(Errno::ENOENT)?;
        if let Some(IpAddr::V4(address)) = request.dst.filter(|dst| !dst.is_unspecified()) {
            let remote = Remote {
                address,
                port: request.port.filter(|port| *port != 0).unwrap_or(port),
                vni: request.vni.unwrap_or(vni),
                via: request.via.unwrap_or(0),
            };
            // One that is not there is no mistake.
            let Some(at) = entry.remotes.iter().position(|other| *other == remote) else { return Ok(()) };
            if entry.remotes.len() > 1 {
                entry.remotes.remove(at);
                return Ok(());
            }
        }
        vxlan.fdb.remove(request.mac);
        Ok(())
    }

    /// All forwarding entries, device by device as the kernel dumps them.
    pub fn fdb(&self, ns: NetnsId) -> Vec<FdbEntry> {
        let mut rows = Vec::new();
        for device in self.netns[ns].devices.values().copied() {
            if let Some(bridge) = self.devices[device].master() {
                rows.extend(self.bridge_fdb_rows(bridge, Some(device)));
            }
            let it = &self.devices[device];
            if it.vxlan().is_some() {
                rows.extend(self.vxlan_fdb_rows(device));
                continue;
            }
            // The list of further addresses is Ethernet's.
            let own = it.unicast.iter().chain(&it.groups).filter(|_| !it.is_loopback() && it.has_header());
            rows.extend(own.map(|(mac, _)| FdbEntry {
                flags: ntf::SELF,
                state: nud::PERMANENT,
                ..self.fdb_row(device, *mac)
            }));
            if it.bridge().is_some() {
                rows.extend(self.bridge_fdb_rows(device, None));
            }
        }
        rows
    }

    fn fdb_row(&self, device: DeviceId, mac: Mac) -> FdbEntry {
        let it = &self.devices[device];
        FdbEntry {
            index: it.ifindex,
            device: it.name.to_string(),
            mac,
            vlan: None,
            master: None,
            flags: 0,
            state: 0,
            dst: None,
            port: None,
            vni: None,
            via: None,
            used: 0,
            updated: 0,
        }
    }

    fn bridge_fdb_rows(&self, bridge: DeviceId, port: Option<DeviceId>) -> Vec<FdbEntry> {
        let now = self.now;
        let Some(br) = self.devices[bridge].bridge() else { return Vec::new() };
        let entries = br.fdb.entries(now, br.hold_time());
        let of_port = entries.into_iter().filter(|entry| entry.port == port);
        of_port.map(|entry| self.bridge_fdb_row(bridge, entry)).collect()
    }

    fn bridge_fdb_row(&self, bridge: DeviceId, entry: &BridgeEntry) -> FdbEntry {
        let ago = |at: sim::Instant| u32::try_from(self.now.since(at).as_secs()).unwrap_or(u32::MAX);
        let state = match (entry.local, entry.fixed) {
            (true, _) => nud::PERMANENT,
            (false, true) => nud::NOARP,
            (false, false) => nud::REACHABLE,
        };
        let flags =
            if entry.ext_learnt { ntf::EXT_LEARNED } else { 0 } | if entry.sticky { ntf::STICKY } else { 0 };
        FdbEntry {
            master: Some(self.devices[bridge].ifindex),
            flags,
            state,
            used: ago(entry.used),
            updated: ago(entry.updated),
            ..self.fdb_row(entry.port.unwrap_or(bridge), entry.mac)
        }
    }

    fn vxlan_fdb_rows(&self, device: DeviceId) -> Vec<FdbEntry> {
        let Some(vxlan) = self.devices[device].vxlan() else { return Vec::new() };
        let ago = |at: sim::Instant| u32::try_from(self.now.since(at).as_secs()).unwrap_or(u32::MAX);
        let ageing = std::time::Duration::from_secs(vxlan.info.ageing.into());
        let (port, vni) = vxlan.key();
        let alive = |entry: &&VxlanEntry| {
            let fixed = entry.state & (nud::PERMANENT | nud::NOARP) != 0;
            fixed || ageing.is_zero() || entry.updated + ageing > self.now
        };
        let rows = vxlan.fdb.iter().filter(alive).flat_map(|entry| {
            entry.remotes.iter().map(move |remote| FdbEntry {
                flags: entry.flags | ntf::SELF,
                state: entry.state,
                dst: Some(IpAddr::V4(remote.address)).filter(|it| *it != IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
                port: (remote.port != port).then_some(remote.port),
                vni: (remote.vni != vni).then_some(remote.vni),
                via: (remote.via != 0).then_some(remote.via),
                used: ago(entry.used),
                updated: ago(entry.updated),
                ..self.fdb_row(device, entry.mac)
            })
        });
        rows.collect()
    }

    /// `bridge fdb get MAC br BRIDGE` (`index` is the bridge's, or a VXLAN device's).
    pub fn fdb_get(&self, ns: NetnsId, index: u32, mac: Mac, vlan: Option<u16>) -> NetlinkResult<FdbEntry> {
        let device = self.device_id(ns, index).ok_or(Errno::ENODEV)?;
        let missing = NetlinkError::new(Errno::ENOENT, "Fdb entry not found");
        if self.devices[device].vxlan().is_some() {
            return self.vxlan_fdb_rows(device).into_iter().find(|row| row.mac == mac).ok_or(missing);
        }
        let bridge = self.devices[device].master().unwrap_or(device);
        let br = self.devices[bridge].bridge().ok_or(Errno::EOPNOTSUPP)?;
        // Bridges here do not tell VLANs apart.
        let found = br.fdb.find(mac, self.now, br.hold_time()).filter(|_| vlan.is_none_or(|id| id == 0));
        let found = found.ok_or(missing)?;
        Ok(self.bridge_fdb_row(bridge, found))
    }

    /// `bridge fdb flush dev X`: what is not permanent goes.
    pub fn fdb_flush(&mut self, ns: NetnsId, index: u32) -> NetlinkResult<()> {
        let device = self.device_id(ns, index).ok_or(Errno::ENODEV)?;
        if let Some(vxlan) = self.devices[device].vxlan_mut() {
            vxlan.fdb.clear(|entry| entry.mac.is_zero());
            return Ok(());
        }
        if let Some(bridge) = self.devices[device].bridge_mut() {
            bridge.fdb.retain(|entry| entry.local);
            return Ok(());
        }
        let bridge = self.devices[device].master().ok_or(Errno::EOPNOTSUPP)?;
        self.fdb_forget_port(bridge, device, false);
        Ok(())
    }
}
