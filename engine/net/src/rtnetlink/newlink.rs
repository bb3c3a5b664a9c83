//! `RTM_NEWLINK` that makes links: `ip link add`.
//!
//! Always: a refused request leaves nothing behind. The other end of a veth is made first and has the lower index.
//! Differs from Linux: links are made before their remaining settings are checked, and destroyed again if one is
//! refused, so that an index may be used up.
//! Sources: net/core/rtnetlink.c (`rtnl_newlink`), drivers/net/{veth,macvlan,dummy,vxlan}.c, net/8021q/vlan_netlink.c.

use super::{
    IpvlanFlag, IpvlanMode, LinkKind, LinkRequest, MacvlanMode, NetlinkError, NetlinkResult, TunnelRequest,
    VlanRequest,
};
use crate::device::{Ipvlan, Kind, Macvlan, Tunnel, Vlan, flags};
use crate::{Errno, Mac, Network};
use api::{DeviceId, NetnsId};
use std::net::Ipv4Addr;

/// Devices of one namespace; one more is ENOMEM.
const MAX_DEVICES: usize = 65_536;
/// MTUs that a veth may be made with.
const VETH_MTU: std::ops::RangeInclusive<u32> = 68..=65_535;
/// Bytes of a name with its end (`IFNAMSIZ`).
const NAME_SIZE: usize = 16;

fn refuse<T>(errno: Errno, words: &str) -> NetlinkResult<T> {
    Err(NetlinkError::new(errno, words))
}

/// `dev_valid_name`
pub(crate) fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() < NAME_SIZE
        && name != "."
        && name != ".."
        && !name.bytes().any(|byte| matches!(byte, b'/' | b':') || byte.is_ascii_whitespace())
}

impl Network {
    /// Makes a link (CREATE | EXCL), with a veth's other end. Gives the link's id.
    pub fn link_add(&mut self, ns: NetnsId, request: &LinkRequest) -> NetlinkResult<DeviceId> {
        let made = self.link_make(ns, request);
        let made = made.and_then(|device| match self.link_configure(device, request) {
            Ok(()) => Ok(device),
            Err(error) => {
                self.device_unregister(device);
                Err(error)
            }
        });
        self.settle();
        made
    }

    fn link_make(&mut self, ns: NetnsId, request: &LinkRequest) -> NetlinkResult<DeviceId> {
        let Some(kind) = &request.kind else { return Err(Errno::EOPNOTSUPP.into()) };
        let to = request.netns.unwrap_or(ns);
        if !self.netns[to].alive || !self.netns[ns].alive {
            return Err(Errno::EINVAL.into());
        }
        if self.netns[to].devices.len() + 2 > MAX_DEVICES {
            return Err(Errno::ENOMEM.into());
        }
        if let Some(name) = request.name.as_deref().filter(|name| !name.contains('%')) {
            if !is_name(name) {
                return Err(Errno::EINVAL.into());
            }
            if self.device_index(to, name).is_some() {
                return Err(Errno::EEXIST.into());
            }
        }
        if request.mac.is_some_and(|mac| !mac.is_valid()) {
            return Err(Errno::EADDRNOTAVAIL.into());
        }
        match kind {
            LinkKind::Veth { peer } => self.veth_make(ns, to, request, peer),
            LinkKind::Bridge(_) => self.plain_make(to, request, "bridge", Kind::Bridge(Box::default())),
            LinkKind::Dummy => self.plain_make(to, request, "dummy", Kind::Dummy),
            LinkKind::Vxlan(vxlan) => self.vxlan_make(ns, to, request, vxlan),
            LinkKind::Vlan(vlan) => self.vlan_make(ns, to, request, vlan),
            LinkKind::Macvlan { mode } => self.macvlan_make(ns, to, request, *mode),
            LinkKind::Ipvlan { mode, flag } => self.ipvlan_make(ns, to, request, *mode, *flag),
            LinkKind::Ipip(tunnel) => self.ipip_make(ns, to, request, tunnel),
            LinkKind::Unknown(_) => refuse(Errno::EOPNOTSUPP, "Unknown device type"),
        }
    }

    /// The device itself, with its name, MAC, MTU and queues; not registered yet.
    pub(super) fn link_bare(
        &mut self,
        to: NetnsId,
        request: &LinkRequest,
        stem: &str,
        kind: Kind,
    ) -> NetlinkResult<DeviceId> {
        let pattern = request.name.clone().unwrap_or_else(|| format!("{stem}%d"));
        let name = self.free_name(to, &pattern).ok_or(Errno::EINVAL)?;
        if !is_name(&name) {
            return Err(Errno::EINVAL.into());
        }
        if let Some(index) = request.index {
            if index == 0 || index > i32::MAX as u32 {
                return Err(Errno::EINVAL.into());
            }
            if self.device_id(to, index).is_some() {
                return Err(Errno::EEXIST.into());
            }
        }
        let device = self.device_new(to, request.index, &name, kind);
        let it = &mut self.devices[device];
        if let Some(mac) = request.mac {
            (it.mac, it.mac_is_set) = (mac, true);
        }
        it.broadcast = request.broadcast.unwrap_or(it.broadcast);
        it.txqlen = request.txqlen.unwrap_or(it.txqlen);
        it.tx_queues = request.tx_queues.unwrap_or(it.tx_queues);
        it.rx_queues = request.rx_queues.unwrap_or(it.rx_queues);
        it.group = request.group.unwrap_or(0);
        it.address_mode = request.address_mode.unwrap_or_default();
        Ok(device)
    }

    /// Takes back what [`Network::link_bare`] made, before anyone knew of it.
    pub(super) fn link_unmake(&mut self, device: DeviceId) {
        if let Some(it) = self.devices.remove(device) {
            self.netns[it.netns].devices.remove(&it.ifindex);
        }
    }

    /// The MTU asked for, within what the device bears.
    pub(super) fn link_mtu(&mut self, device: DeviceId, mtu: Option<u32>) -> NetlinkResult<()> {
        let it = &mut self.devices[device];
        match mtu {
            None => Ok(()),
            // Beyond what a C int holds it counts as negative.
            Some(mtu) if mtu < it.min_mtu || mtu > i32::MAX as u32 => {
                refuse(Errno::EINVAL, "mtu less than device minimum")
            }
            Some(mtu) if it.max_mtu > 0 && mtu > it.max_mtu => {
                refuse(Errno::EINVAL, "mtu greater than device maximum")
            }
            Some(mtu) => {
                it.mtu = mtu;
                Ok(())
            }
        }
    }

    /// A name for a pattern such as `veth%d`: the lowest number that is free (`dev_alloc_name`).
    pub(crate) fn free_name(&self, ns: NetnsId, pattern: &str) -> Option<String> {
        let Some((before, after)) = pattern.split_once("%d") else {
            let free = !pattern.contains('%') && self.device_index(ns, pattern).is_none();
            return free.then(|| pattern.to_owned());
        };
        if after.contains('%') || before.contains('%') {
            return None;
        }
        // A number with leading zeros is another name.
        let number = |name: &str| {
            let digits = name.strip_prefix(before)?.strip_suffix(after)?;
            let number: usize = digits.parse().ok()?;
            (number.to_string() == digits).then_some(number)
        };
        let devices = self.netns[ns].devices.values().map(|device| &self.devices[*device]);
        let names =
            devices.flat_map(|it| std::iter::once(&*it.name).chain(it.altnames.iter().map(String::as_str)));
        let taken: std::collections::BTreeSet<usize> = names.filter_map(number).collect();
        let free = (0..MAX_DEVICES).find(|number| !taken.contains(number))?;
        Some(format!("{before}{free}{after}"))
    }

    fn plain_make(
        &mut self,
        to: NetnsId,
        request: &LinkRequest,
        stem: &str,
        kind: Kind,
    ) -> NetlinkResult<DeviceId> {
        let device = self.link_bare(to, request, stem, kind)?;
        if let Kind::Dummy = self.devices[device].kind {
            let it = &mut self.devices[device];
            it.flags = flags::BROADCAST | flags::NOARP;
            (it.min_mtu, it.max_mtu) = (0, 0);
        }
        if let Err(error) = self.link_mtu(device, request.mtu) {
            self.link_unmake(device);
            return Err(error);
        }
        self.device_registered(device);
        if let (Kind::Bridge(_), Some(mac)) = (&self.devices[device].kind, request.mac) {
            self.bridge_set_mac(device, mac);
        }
        if let Some(bridge) = self.devices[device].bridge_mut() {
            bridge.mtu_by_user = request.mtu.is_some();
        }
        Ok(device)
    }

    fn veth_make(
        &mut self,
        ns: NetnsId,
        to: NetnsId,
        request: &LinkRequest,
        peer: &LinkRequest,
    ) -> NetlinkResult<DeviceId> {
        let peer_to = peer.netns.unwrap_or(ns);
        if !self.netns[peer_to].alive {
            return Err(Errno::EINVAL.into());
        }
        if let Some(name) = peer.name.as_deref().filter(|name| !name.contains('%')) {
            let same = peer_to == to && request.name.as_deref() == Some(name);
            if same || self.device_index(peer_to, name).is_some() {
                return Err(Errno::EEXIST.into());
            }
        }
        if peer.mac.is_some_and(|mac| !mac.is_valid()) {
            return Err(Errno::EADDRNOTAVAIL.into());
        }
        // The driver looks at MTUs first, and has no words for it (`veth_validate`).
        if [request.mtu, peer.mtu].into_iter().flatten().any(|mtu| !VETH_MTU.contains(&mtu)) {
            return Err(Errno::EINVAL.into());
        }
        let none = || Kind::Veth { peer: None };
        let other = self.link_bare(peer_to, peer, "veth", none())?;
        // A veth's end has as many queues as the machine has processors: one.
        let made = self.link_mtu(other, peer.mtu).and_then(|()| {
            self.device_registered(other);
            self.carrier_set(other, false);
            self.link_bare(to, request, "veth", none())
        });
        let device = match made {
            Ok(device) => device,
            Err(error) => {
                self.device_unregister(other);
                return Err(error);
            }
        };
        let mtu = self.link_mtu(device, request.mtu);
        self.device_registered(device);
        self.carrier_set(device, false);
        self.veth_join(device, other);
        let configured = mtu.and_then(|()| self.link_configure(other, peer));
        if let Err(error) = configured {
            self.device_unregister(device);
            return Err(error);
        }
        self.notify_link(device);
        Ok(device)
    }

    /// The lower device that `link` names, in the namespace of the request.
    fn lower_of(&self, ns: NetnsId, request: &LinkRequest) -> Option<Option<DeviceId>> {
        request.link.map(|index| self.device_id(ns, index))
    }

    /// A fresh device is put on its lower one.
    fn stack_on(&mut self, device: DeviceId, lower: DeviceId) {
        self.devices[lower].uppers.push(device);
        self.device_registered(device);
        self.carrier_from_lower(lower, device);
        if matches!(self.devices[device].kind, Kind::Macvlan(_) | Kind::Vlan(_)) {
            self.linkwatch_fire(device);
        }
        self.notify_link(device);
    }

    /// The MTU of a device over another: the other's, unless a smaller one is asked for.
    fn stacked_mtu(
        &mut self,
        device: DeviceId,
        most: u32,
        request: &LinkRequest,
        too_much: Errno,
    ) -> NetlinkResult<()> {
        let it = &mut self.devices[device];
        it.mtu = most;
        let refused = match request.mtu {
            Some(mtu) if mtu > most => Err(too_much.into()),
            mtu => self.link_mtu(device, mtu),
        };
        if refused.is_err() {
            self.link_unmake(device);
        }
        refused
    }

    fn vlan_make(
        &mut self,
        ns: NetnsId,
        to: NetnsId,
        request: &LinkRequest,
        vlan: &VlanRequest,
    ) -> NetlinkResult<DeviceId> {
        let Some(id) = vlan.id else { return refuse(Errno::EINVAL, "VLAN properties not specified") };
        if id >= 4095 {
            return refuse(Errno::ERANGE, "Invalid VLAN id");
        }
        let lower = match self.lower_of(ns, request) {
            None => return refuse(Errno::EINVAL, "link not specified"),
            Some(None) => return refuse(Errno::ENODEV, "link does not exist"),
            Some(Some(lower)) => lower,
        };
        let protocol = vlan.protocol.unwrap_or(0x8100);
        if self.devices[lower].is_loopback() || !self.devices[lower].has_header() {
            return refuse(Errno::EOPNOTSUPP, "VLANs not supported on device");
        }
        let same = |upper: &DeviceId| matches!(self.devices[*upper].kind, Kind::Vlan(it) if it.id == id && it.protocol == protocol);
        if self.devices[lower].uppers.iter().any(same) {
            return refuse(Errno::EEXIST, "VLAN device already exists");
        }
        self.may_stand(lower, None)?;
        let reorder_header = vlan.reorder_header.unwrap_or(true);
        let loose_binding = vlan.loose_binding.unwrap_or(false);
        let kind = Kind::Vlan(Vlan { lower, id, protocol, reorder_header, loose_binding });
        let device = self.link_bare(to, request, "vlan", kind)?;
        self.stacked_mtu(device, self.devices[lower].mtu, request, Errno::ERANGE)?;
        if request.mac.is_none() {
            self.devices[device].mac = self.devices[lower].mac;
        }
        (self.devices[device].min_mtu, self.devices[device].max_mtu) = (0, 65535);
        self.stack_on(device, lower);
        Ok(device)
    }

    fn macvlan_make(
        &mut self,
        ns: NetnsId,
        to: NetnsId,
        request: &LinkRequest,
        mode: Option<MacvlanMode>,
    ) -> NetlinkResult<DeviceId> {
        let mut lower = self.lower_of(ns, request).ok_or(Errno::EINVAL)?.ok_or(Errno::ENODEV)?;
        // One on top of another is one beside the other.
        if let Kind::Macvlan(below) = self.devices[lower].kind {
            lower = below.lower;
        }
        let it = &self.devices[lower];
        if it.is_loopback() || !it.has_header() {
            return Err(Errno::EINVAL.into());
        }
        let taken = it.uppers.iter().any(|upper| matches!(self.devices[*upper].kind, Kind::Ipvlan(_)));
        if it.port.is_some() || taken {
            return Err(Errno::EBUSY.into());
        }
        let mode = mode.unwrap_or(MacvlanMode::Vepa);
        let mut others = it.uppers.iter().filter_map(|upper| match self.devices[*upper].kind {
            Kind::Macvlan(other) => Some(other.mode),
            _ => None,
        });
        let passthru = mode == MacvlanMode::Passthru;
        if others.any(|other| passthru || other == MacvlanMode::Passthru) {
            return Err(Errno::EINVAL.into());
        }
        self.may_stand(lower, None)?;
        let device = self.link_bare(to, request, "macvlan", Kind::Macvlan(Macvlan { lower, mode }))?;
        self.stacked_mtu(device, self.devices[lower].mtu, request, Errno::EINVAL)?;
        if passthru {
            self.devices[device].mac = self.devices[lower].mac;
        }
        self.stack_on(device, lower);
        Ok(device)
    }

    fn ipvlan_make(
        &mut self,
        ns: NetnsId,
        to: NetnsId,
        request: &LinkRequest,
        mode: Option<IpvlanMode>,
        flag: Option<IpvlanFlag>,
    ) -> NetlinkResult<DeviceId> {
        let mut lower = self.lower_of(ns, request).ok_or(Errno::EINVAL)?.ok_or(Errno::ENODEV)?;
        if let Kind::Ipvlan(below) = self.devices[lower].kind {
            lower = below.lower;
        }
        let it = &self.devices[lower];
        if it.is_loopback() || !it.has_header() {
            return Err(Errno::EINVAL.into());
        }
        let taken = it.uppers.iter().any(|upper| matches!(self.devices[*upper].kind, Kind::Macvlan(_)));
        if it.port.is_some() || taken {
            return Err(Errno::EBUSY.into());
        }
        let mode = mode.unwrap_or(IpvlanMode::L3);
        if mode != IpvlanMode::L2 {
            return refuse(
                Errno::EOPNOTSUPP,
                "ipvlan in l3 and l3s mode: not simulated in vethlab; use mode l2",
            );
        }
        let flag = flag.unwrap_or(IpvlanFlag::Bridge);
        self.may_stand(lower, None)?;
        let device = self.link_bare(to, request, "ipvlan", Kind::Ipvlan(Ipvlan { lower, mode, flag }))?;
        self.stacked_mtu(device, self.devices[lower].mtu, request, Errno::EINVAL)?;
        self.devices[device].mac = self.devices[lower].mac;
        self.stack_on(device, lower);
        Ok(device)
    }

    fn ipip_make(
        &mut self,
        ns: NetnsId,
        to: NetnsId,
        request: &LinkRequest,
        tunnel: &TunnelRequest,
    ) -> NetlinkResult<DeviceId> {
        let link = match tunnel.link {
            Some(0) | None => None,
            Some(index) => Some(self.device_id(ns, index).ok_or(Errno::ENODEV)?),
        };
        let ends =
            (tunnel.local.unwrap_or(Ipv4Addr::UNSPECIFIED), tunnel.remote.unwrap_or(Ipv4Addr::UNSPECIFIED));
        let twin = |kind: &Kind| matches!(kind, Kind::Ipip(it) if it.net == ns && (it.local, it.remote) == ends && it.link == link);
        if self.devices.iter().any(|(_, device)| twin(&device.kind)) {
            return Err(Errno::EEXIST.into());
        }
        let path_mtu_discovery = tunnel.path_mtu_discovery.unwrap_or(true);
        let ttl = tunnel.ttl.unwrap_or(0);
        if ttl != 0 && !path_mtu_discovery {
            return Err(Errno::EINVAL.into());
        }
        let kind = Kind::Ipip(Tunnel {
            local: ends.0,
            remote: ends.1,
            link,
            ttl,
            tos: tunnel.tos.unwrap_or(0),
            path_mtu_discovery,
            net: ns,
        });
        let device = self.link_bare(to, request, "tunl", kind)?;
        let below = link.map_or(1500, |link| self.devices[link].mtu);
        let it = &mut self.devices[device];
        it.flags = if ends.1.is_unspecified() { flags::NOARP } else { flags::POINTOPOINT | flags::NOARP };
        (it.mac, it.broadcast) = (Mac::ZERO, Mac::ZERO);
        (it.mtu, it.min_mtu, it.max_mtu) = (below.saturating_sub(20).max(68), 68, 65515);
        if let Err(error) = self.link_mtu(device, request.mtu) {
            self.link_unmake(device);
            return Err(error);
        }
        self.device_registered(device);
        Ok(device)
    }

    /// What remains to be set on a link just made: its kind's settings, alias, master, up.
    fn link_configure(&mut self, device: DeviceId, request: &LinkRequest) -> NetlinkResult<()> {
        if let Some(LinkKind::Bridge(bridge)) = &request.kind {
            self.bridge_change(device, bridge)?;
        }
        let rest = LinkRequest {
            master: request.master,
            up: request.up,
            arp: request.arp,
            multicast: request.multicast,
            allmulticast: request.allmulticast,
            promisc: request.promisc,
            port: request.port.clone(),
            carrier: request.carrier,
            ..LinkRequest::default()
        };
        self.link_change(device, &rest)
    }
}
