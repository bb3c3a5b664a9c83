//! `RTM_NEWNEIGH`, `RTM_DELNEIGH`, `RTM_GETNEIGH` for IP: `ip neigh`, `arp`.
//!
//! Sources: net/core/neighbour.c (`neigh_add`, `neigh_delete`, `neigh_fill_info`).

use super::{Family, Mode, Neighbour, NeighbourRequest, NetlinkError, NetlinkResult, ntf, nud};
use crate::neighbour::{Entry, Update};
use crate::{Errno, Network};
use api::NetnsId;
use std::net::{IpAddr, Ipv4Addr};

fn address(address: IpAddr) -> NetlinkResult<Ipv4Addr> {
    match address {
        IpAddr::V4(address) => Ok(address),
        IpAddr::V6(_) => Err(NetlinkError::new(
            Errno::EOPNOTSUPP,
            "IPv6 neighbours: not simulated in vethlab; use IPv4 addresses",
        )),
    }
}

impl Network {
    pub fn neighbour_add(&mut self, ns: NetnsId, request: &NeighbourRequest) -> NetlinkResult<()> {
        let destination = address(request.destination)?;
        let device = self.device_id(ns, request.index).ok_or(Errno::ENODEV)?;
        if request.flags & ntf::PROXY != 0 {
            let proxies = &mut self.netns[ns].neighbours.proxies;
            if !proxies.contains(&(device, destination)) {
                proxies.push((device, destination));
            }
            return Ok(());
        }
        let permanent = request.state & (nud::PERMANENT | nud::NOARP) != 0;
        let found = self.netns[ns].neighbours.find(device, destination);
        let id = match (found, request.mode) {
            (Some(_), Mode::Add) => return Err(Errno::EEXIST.into()),
            (Some(id), _) => id,
            (None, Mode::Change) => return Err(Errno::ENOENT.into()),
            (None, _) if permanent && request.mac.is_none() && self.devices[device].has_header() => {
                return Err(NetlinkError::new(Errno::EINVAL, "No link layer address given"));
            }
            (None, _) => self.neighbour_create(ns, device, destination).ok_or(Errno::ENOBUFS)?,
        };
        if request.flags & ntf::USE != 0 {
            self.neighbour_event(ns, id, None);
            return Ok(());
        }
        let fresh = found.is_none();
        let update = Update { overrides: true, admin: true };
        let told = self.neighbour_update(ns, id, request.mac, request.state, update);
        match told {
            Ok(()) => {
                if let Some(entry) = self.netns[ns].neighbours.get_mut(id) {
                    entry.flags = request.flags & (ntf::ROUTER | ntf::EXT_LEARNED);
                    entry.protocol = request.protocol;
                }
                Ok(())
            }
            Err(errno) => {
                if fresh {
                    self.neighbour_remove(ns, id);
                }
                Err(errno.into())
            }
        }
    }

    /// ENOENT where there is no such entry.
    pub fn neighbour_delete(&mut self, ns: NetnsId, request: &NeighbourRequest) -> NetlinkResult<()> {
        let destination = address(request.destination)?;
        let device = self.device_id(ns, request.index).ok_or(Errno::ENODEV)?;
        if request.flags & ntf::PROXY != 0 {
            let proxies = &mut self.netns[ns].neighbours.proxies;
            let at = proxies.iter().position(|it| *it == (device, destination)).ok_or(Errno::ENOENT)?;
            proxies.remove(at);
            return Ok(());
        }
        let id = self.netns[ns].neighbours.find(device, destination).ok_or(Errno::ENOENT)?;
        self.neighbour_remove(ns, id);
        Ok(())
    }

    /// By device and address. Proxy entries (`ip neigh show proxy`) are apart.
    pub fn neighbours(&self, ns: NetnsId, family: Family, proxy: bool) -> Vec<Neighbour> {
        if family == Family::Inet6 {
            return Vec::new();
        }
        let table = &self.netns[ns].neighbours;
        let mut rows: Vec<Neighbour> = if proxy {
            let of_proxy = |(device, address): &(api::DeviceId, Ipv4Addr)| {
                let mut row = self.neighbour_row(&Entry::new(*device, *address, self.now))?;
                row.flags = ntf::PROXY;
                Some(row)
            };
            table.proxies.iter().filter_map(of_proxy).collect()
        } else {
            table.iter().filter_map(|(_, entry)| self.neighbour_row(entry)).collect()
        };
        rows.sort_by_key(|row| (row.index, row.destination));
        rows
    }

    pub(crate) fn neighbour_row(&self, entry: &Entry) -> Option<Neighbour> {
        let device = self.devices.get(entry.device)?;
        let ago = |at: sim::Instant| u32::try_from(self.now.since(at).as_secs()).unwrap_or(u32::MAX);
        Some(Neighbour {
            index: device.ifindex,
            device: device.name.to_string(),
            destination: IpAddr::V4(entry.address),
            mac: entry.is_valid().then_some(entry.mac),
            state: entry.state,
            flags: entry.flags,
            protocol: entry.protocol,
            references: u32::from(
                entry.state & (nud::REACHABLE | nud::DELAY | nud::PROBE | nud::INCOMPLETE) != 0,
            ),
            used: ago(entry.used),
            confirmed: u32::try_from(entry.confirmed_ago(self.now).as_secs()).unwrap_or(u32::MAX),
            updated: ago(entry.updated),
            probes: entry.probes,
        })
    }
}
