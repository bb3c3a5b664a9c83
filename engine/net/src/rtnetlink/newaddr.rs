//! `RTM_NEWADDR`, `RTM_DELADDR`, `RTM_GETADDR`: `ip address`.
//!
//! Sources: net/ipv4/devinet.c (`inet_rtm_newaddr`, `inet_rtm_deladdr`), net/ipv6/addrconf.c.

use super::{Address, AddressRequest, Family, Mode, NetlinkError, NetlinkResult, address_flags as af, scope};
use crate::ip::{Address6, InetAddress};
use crate::sysctl::Conf;
use crate::{Errno, Network};
use api::{DeviceId, NetnsId};
use std::net::{IpAddr, Ipv4Addr};

/// Bytes of a label with its end (`IFNAMSIZ`).
const LABEL_SIZE: usize = 16;

impl Network {
    /// Mode::Add refuses one that is there (EEXIST), Mode::Replace and Mode::Change renew its lifetimes and metric.
    pub fn address_add(&mut self, ns: NetnsId, request: &AddressRequest, mode: Mode) -> NetlinkResult<()> {
        let words = NetlinkError::new(Errno::ENODEV, "ipv4: Device not found");
        let device = self.device_id(ns, request.index).ok_or(words)?;
        let added = match request.local {
            Some(IpAddr::V4(local)) => self.address4_add(device, local, request, mode),
            Some(IpAddr::V6(local)) => self.address6_add(device, local, request, mode),
            None => Err(Errno::EOPNOTSUPP.into()),
        };
        self.settle();
        added
    }

    fn address4_add(
        &mut self,
        device: DeviceId,
        local: Ipv4Addr,
        request: &AddressRequest,
        mode: Mode,
    ) -> NetlinkResult<()> {
        let peer = match request.peer {
            Some(IpAddr::V4(peer)) => peer,
            _ => local,
        };
        if request.prefix > 32 {
            return Err(NetlinkError::new(Errno::EINVAL, "ipv4: Invalid prefix length"));
        }
        if request.valid == 0 || request.preferred > request.valid {
            return Err(NetlinkError::new(Errno::EINVAL, "ipv4: address lifetime invalid"));
        }
        let label = request.label.clone().unwrap_or_else(|| self.devices[device].name.to_string());
        if label.len() >= LABEL_SIZE {
            return Err(NetlinkError::new(Errno::ERANGE, "Attribute failed policy validation"));
        }
        if local.is_unspecified() {
            return Ok(());
        }
        self.devices[device].ip.conf.own_all();
        if let Some(at) = self.address_same(device, local, peer, request.prefix) {
            if !matches!(mode, Mode::Replace | Mode::Change) {
                return Err(NetlinkError::new(Errno::EEXIST, "ipv4: Address already assigned"));
            }
            self.address_set_metric(device, at, request.metric.unwrap_or(0));
            let now = self.now;
            let it = &mut self.devices[device].ip.addresses[at];
            (it.valid, it.preferred, it.since) = (request.valid, request.preferred, now);
            it.flags =
                it.flags & !af::PERMANENT | if request.valid == super::FOREVER { af::PERMANENT } else { 0 };
            it.protocol = request.protocol;
            let it = it.clone();
            self.notify_address(device, &it, true);
            return Ok(());
        }
        let forever = if request.valid == super::FOREVER { af::PERMANENT } else { 0 };
        let kept = request.flags & (af::NOPREFIXROUTE | af::HOMEADDRESS | af::NODAD | af::MCAUTOJOIN);
        let address = InetAddress {
            local,
            peer,
            prefix: request.prefix,
            broadcast: request.broadcast,
            label,
            scope: request.scope,
            flags: kept | forever,
            metric: request.metric.unwrap_or(0),
            valid: request.valid,
            preferred: request.preferred,
            protocol: request.protocol,
            since: self.now,
        };
        self.address_insert(device, address)?;
        if self.conf_or(device, Conf::ArpNotify) && self.devices[device].is_up() {
            self.arp_announce(device, local);
        }
        Ok(())
    }

    fn address_same(&self, device: DeviceId, local: Ipv4Addr, peer: Ipv4Addr, prefix: u8) -> Option<usize> {
        let same = |it: &InetAddress| it.local == local && it.prefix == prefix && it.covers(peer);
        self.devices[device].ip.addresses.iter().position(same)
    }

    /// Takes the first address that agrees with all that was said: EADDRNOTAVAIL where none does.
    pub fn address_delete(&mut self, ns: NetnsId, request: &AddressRequest) -> NetlinkResult<()> {
        let words = NetlinkError::new(Errno::ENODEV, "ipv4: Device not found");
        let device = self.device_id(ns, request.index).ok_or(words)?;
        let named = request.local.or(request.peer);
        let deleted = match named {
            Some(IpAddr::V6(local)) => self.address6_delete(device, local, request.prefix),
            Some(IpAddr::V4(_)) => self.address4_delete(device, request),
            None => Err(Errno::EOPNOTSUPP.into()),
        };
        self.settle();
        deleted
    }

    fn address4_delete(&mut self, device: DeviceId, request: &AddressRequest) -> NetlinkResult<()> {
        // Without a peer any prefix fits.
        let peer = match request.peer {
            Some(IpAddr::V4(peer)) => Some(peer),
            _ => None,
        };
        let fits = |it: &InetAddress| {
            request.local.is_none_or(|local| local == IpAddr::V4(it.local))
                && request.label.as_ref().is_none_or(|label| *label == it.label)
                && peer.is_none_or(|peer| it.prefix == request.prefix && it.covers(peer))
        };
        let at = self.devices[device].ip.addresses.iter().position(fits);
        let words = NetlinkError::new(Errno::EADDRNOTAVAIL, "ipv4: Address not found");
        self.address_remove(device, at.ok_or(words)?);
        Ok(())
    }

    /// All addresses of one family, link by link, as a dump would come.
    pub fn addresses(&self, ns: NetnsId, family: Family) -> Vec<Address> {
        let devices = self.netns[ns].devices.values();
        match family {
            Family::Inet => devices
                .flat_map(|id| self.devices[*id].ip.addresses.iter().map(|it| self.address_row(*id, it)))
                .collect(),
            Family::Inet6 => devices
                .flat_map(|id| self.devices[*id].ip6.addresses.iter().map(|it| self.address6_row(*id, it)))
                .collect(),
        }
    }

    pub(crate) fn address_row(&self, device: DeviceId, it: &InetAddress) -> Address {
        let age = u32::try_from(self.now.since(it.since).as_secs()).unwrap_or(u32::MAX);
        let left =
            |lifetime: u32| if lifetime == super::FOREVER { lifetime } else { lifetime.saturating_sub(age) };
        // What stays for ever is also preferred for ever.
        let permanent = it.flags & af::PERMANENT != 0;
        let preferred = if permanent { super::FOREVER } else { left(it.preferred) };
        let deprecated = if preferred == 0 { af::DEPRECATED } else { 0 };
        Address {
            index: self.devices[device].ifindex,
            device: self.devices[device].name.to_string(),
            local: IpAddr::V4(it.local),
            peer: IpAddr::V4(it.peer),
            prefix: it.prefix,
            broadcast: it.broadcast,
            label: Some(it.label.clone()),
            scope: it.scope,
            flags: it.flags | deprecated,
            metric: (it.metric != 0).then_some(it.metric),
            valid: left(it.valid),
            preferred,
            protocol: it.protocol,
        }
    }

    pub(crate) fn address6_row(&self, device: DeviceId, it: &Address6) -> Address {
        let scope = if it.local.is_loopback() {
            scope::HOST
        } else if it.is_link_local() {
            scope::LINK
        } else {
            scope::UNIVERSE
        };
        Address {
            index: self.devices[device].ifindex,
            device: self.devices[device].name.to_string(),
            local: IpAddr::V6(it.local),
            peer: IpAddr::V6(it.local),
            prefix: it.prefix,
            broadcast: None,
            label: None,
            scope,
            flags: it.flags,
            metric: None,
            valid: it.valid,
            preferred: it.preferred,
            protocol: it.protocol,
        }
    }
}
