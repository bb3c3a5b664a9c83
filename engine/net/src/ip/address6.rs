//! IPv6 addresses of devices, as far as `ip addr` and `ip -6 route` show them.
//!
//! Always: a device that is ready (up, with carrier, IPv6 not switched off) has a link-local address made of its MAC,
//! tentative until nobody objected for a second; a device that goes down loses its IPv6 addresses.
//! Differs from Linux: IPv6 carries no traffic yet; no router advertisements, no temporary addresses, lifetimes do not
//! run out, and after three router solicitations a device is silent.
//! Sources: RFC 4862 §5; net/ipv6/addrconf.c.

use crate::device::{Kind, flags};
use crate::network::Event;
use crate::rtnetlink::{
    AddressMode, AddressRequest, FOREVER, Mode, NetlinkError, NetlinkResult, Nexthop, OperState, Route,
    RouteType, address_flags as af, nexthop_flags as nh, protocol, table,
};
use crate::sysctl::{Conf6, Conf6Set};
use crate::{Errno, Mac, Network};
use api::{DeviceId, NetnsId};
use ipnet::{IpNet, Ipv6Net};
use sim::Instant;
use std::net::Ipv6Addr;
use std::time::Duration;

/// Addresses of one device; one more is ENOBUFS.
const MAX_ADDRESSES: usize = 256;
/// IPv6 leaves a device whose MTU is smaller alone (RFC 8200 §5).
const LEAST_MTU: u32 = 1280;
const ALL_NODES: Mac = Mac([0x33, 0x33, 0, 0, 0, 1]);
/// How long an address waits for objections.
const DAD_TIME: Duration = Duration::from_secs(1);
const SOLICITATIONS: u8 = 3;
const SOLICITATION_INTERVAL: Duration = Duration::from_secs(4);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address6 {
    pub local: Ipv6Addr,
    pub prefix: u8,
    /// Of `address_flags`.
    pub flags: u32,
    pub valid: u32,
    pub preferred: u32,
    pub protocol: u8,
    /// When to ask whether somebody has it already.
    probe: Option<Instant>,
    /// When it is taken to be ours.
    done: Option<Instant>,
}

impl Address6 {
    pub fn is_link_local(&self) -> bool {
        self.local.segments()[0] & 0xffc0 == 0xfe80
    }

    pub fn is_tentative(&self) -> bool {
        self.flags & af::TENTATIVE != 0
    }
}

/// What IPv6 keeps for a device (`struct inet6_dev`).
#[derive(Debug, Default)]
pub(crate) struct In6Device {
    pub addresses: Vec<Address6>,
    pub conf: Conf6Set,
    /// It was ready once since it came up.
    ready: bool,
    solicited: u8,
    solicit: Option<Instant>,
    generation: u32,
}

/// The last 64 bits made of a MAC (RFC 4291 appendix A).
pub(crate) fn link_local(Mac([a, b, c, d, e, f]): Mac) -> Ipv6Addr {
    Ipv6Addr::from([0xfe, 0x80, 0, 0, 0, 0, 0, 0, a ^ 2, b, c, 0xff, 0xfe, d, e, f])
}

/// The group in which neighbours look for that address (RFC 4291 §2.7.1), as a MAC.
pub(crate) fn solicited_node_mac(address: Ipv6Addr) -> Mac {
    let [.., d, e, f] = address.octets();
    Mac([0x33, 0x33, 0xff, d, e, f])
}

impl Network {
    pub(crate) fn new_in6_device(&mut self, ns: NetnsId) -> In6Device {
        In6Device { conf: self.netns[ns].sysctl.default6.clone(), ..In6Device::default() }
    }

    fn ipv6_is_off(&self, device: DeviceId) -> bool {
        self.devices[device].ip6.conf.get(Conf6::DisableIpv6) != 0
    }

    /// A device that is registered is in the group of all nodes, IPv6 switched off or not.
    pub(crate) fn ipv6_device_added(&mut self, device: DeviceId) {
        let it = &mut self.devices[device];
        if it.mtu >= LEAST_MTU && it.has_header() {
            it.group_join(ALL_NODES);
        }
        let mtu = it.mtu.min(i32::MAX as u32) as i32;
        it.ip6.conf.set(Conf6::Mtu, mtu);
    }

    pub(crate) fn ipv6_device_up(&mut self, device: DeviceId) {
        let it = &self.devices[device];
        if self.ipv6_is_off(device) || (it.mtu < LEAST_MTU && !it.is_loopback()) {
            return;
        }
        if it.is_loopback() {
            if it.ip6.addresses.is_empty() {
                self.address6_put(device, Ipv6Addr::LOCALHOST, 128, af::PERMANENT);
            }
            return;
        }
        let up = matches!(it.operstate, OperState::Up | OperState::Unknown);
        if it.carrier && up && !it.ip6.ready {
            self.ipv6_ready(device);
        }
    }

    pub(crate) fn ipv6_device_change(&mut self, device: DeviceId) {
        if self.devices[device].is_up() {
            self.ipv6_device_up(device);
        }
    }

    /// All addresses go (`addrconf_ifdown`).
    pub(crate) fn ipv6_device_down(&mut self, device: DeviceId) {
        let it = &mut self.devices[device];
        it.ip6.ready = false;
        it.ip6.solicit = None;
        it.ip6.generation = it.ip6.generation.wrapping_add(1);
        for address in std::mem::take(&mut it.ip6.addresses) {
            it.group_leave(solicited_node_mac(address.local));
        }
        self.generation += 1;
    }

    pub(crate) fn ipv6_device_gone(&mut self, device: DeviceId) {
        self.ipv6_device_down(device);
        self.devices[device].group_leave(ALL_NODES);
    }

    pub(crate) fn ipv6_mtu(&mut self, device: DeviceId) {
        let it = &mut self.devices[device];
        let mtu = it.mtu;
        it.ip6.conf.set(Conf6::Mtu, mtu.min(i32::MAX as u32) as i32);
        if mtu < LEAST_MTU {
            self.ipv6_device_down(device);
        } else if it.is_up() {
            self.ipv6_device_up(device);
        }
    }

    /// `disable_ipv6` was changed.
    pub(crate) fn ipv6_enable(&mut self, device: DeviceId, on: bool) {
        match (on, self.devices[device].is_up()) {
            (true, true) => self.ipv6_device_up(device),
            (true, false) => {}
            (false, _) => self.ipv6_device_down(device),
        }
    }

    /// `addrconf_dev_config`
    fn ipv6_ready(&mut self, device: DeviceId) {
        let it = &mut self.devices[device];
        it.ip6.ready = true;
        let (mac, mode) = (it.mac, it.address_mode);
        let bare = matches!(it.kind, Kind::Ipip(_));
        if !bare && mode != AddressMode::None && it.ip6.conf.get(Conf6::AddrGenMode) != 1 {
            self.address6_put(device, link_local(mac), 64, af::PERMANENT);
        }
        // Those that were given by hand while it was not ready.
        let waiting: Vec<usize> = {
            let list = &self.devices[device].ip6.addresses;
            (0..list.len()).filter(|at| list[*at].is_tentative() && list[*at].done.is_none()).collect()
        };
        for at in waiting {
            self.address6_check(device, at);
        }
    }

    fn address6_put(&mut self, device: DeviceId, local: Ipv6Addr, prefix: u8, flags: u32) {
        let address = Address6 {
            local,
            prefix,
            flags,
            valid: FOREVER,
            preferred: FOREVER,
            protocol: 0,
            probe: None,
            done: None,
        };
        self.address6_insert(device, address);
    }

    fn address6_insert(&mut self, device: DeviceId, address: Address6) {
        let it = &mut self.devices[device];
        it.group_join(solicited_node_mac(address.local));
        // By scope, the widest first; a new one ahead of its like.
        let rank = |address: &Address6| {
            if address.local.is_loopback() { 2 } else { u8::from(address.is_link_local()) }
        };
        let place = it.ip6.addresses.partition_point(|other| rank(other) < rank(&address));
        it.ip6.addresses.insert(place, address);
        self.generation += 1;
        self.address6_check(device, place);
    }

    /// Duplicate address detection, where it is called for.
    fn address6_check(&mut self, device: DeviceId, at: usize) {
        let wait = self.neighbour_rng.below(1_000_000_000);
        let probe = self.now + Duration::from_nanos(wait.into());
        let it = &mut self.devices[device];
        let none = it.flags & (flags::NOARP | flags::LOOPBACK) != 0
            || it.ip6.conf.get(Conf6::AcceptDad) < 1
            || it.ip6.conf.get(Conf6::DadTransmits) < 1;
        let address = &mut it.ip6.addresses[at];
        if none || address.flags & af::NODAD != 0 {
            return;
        }
        address.flags |= af::TENTATIVE;
        if it.ip6.ready {
            address.probe = Some(probe);
            address.done = Some(probe + DAD_TIME);
            let generation = it.ip6.generation;
            self.queue.push(probe, Event::Ipv6 { device, generation });
            self.queue.push(probe + DAD_TIME, Event::Ipv6 { device, generation });
        }
    }

    pub(crate) fn ipv6_timer(&mut self, device: DeviceId, generation: u32) {
        let now = self.now;
        let Some(it) = self.devices.get_mut(device).filter(|it| it.ip6.generation == generation) else {
            return;
        };
        let due = |at: &mut Option<Instant>| at.take_if(|at| *at <= now).is_some();
        let mut asked = Vec::new();
        let mut ours = Vec::new();
        for address in &mut it.ip6.addresses {
            if due(&mut address.probe) {
                asked.push(address.local);
            }
            if due(&mut address.done) {
                address.flags &= !af::TENTATIVE;
                ours.push(address.clone());
            }
        }
        let solicit = due(&mut it.ip6.solicit);
        for address in asked {
            self.nd_join_report(device, Ipv6Addr::UNSPECIFIED, address);
            self.nd_probe(device, address);
        }
        for address in ours {
            self.generation += 1;
            if address.is_link_local() {
                self.nd_join_report(device, address.local, address.local);
                self.devices[device].ip6.solicited = 0;
                self.ipv6_solicit(device);
            }
        }
        if solicit {
            self.ipv6_solicit(device);
        }
    }

    /// Asks whether there is a router, unless this is one.
    fn ipv6_solicit(&mut self, device: DeviceId) {
        let at = self.now + SOLICITATION_INTERVAL;
        let it = &mut self.devices[device];
        let source =
            it.ip6.addresses.iter().find(|it| it.is_link_local() && !it.is_tentative()).map(|it| it.local);
        let asks = it.ip6.conf.get(Conf6::AcceptRa) > 0 && it.ip6.conf.get(Conf6::Forwarding) == 0;
        let Some(source) = source.filter(|_| asks && it.ip6.solicited < SOLICITATIONS) else { return };
        it.ip6.solicited += 1;
        if it.ip6.solicited < SOLICITATIONS {
            it.ip6.solicit = Some(at);
            let generation = it.ip6.generation;
            self.queue.push(at, Event::Ipv6 { device, generation });
        }
        self.nd_router_solicit(device, source);
    }

    pub(crate) fn address6_add(
        &mut self,
        device: DeviceId,
        local: Ipv6Addr,
        request: &AddressRequest,
        mode: Mode,
    ) -> NetlinkResult<()> {
        if request.prefix > 128 {
            return Err(NetlinkError::new(Errno::EINVAL, "Invalid prefix length"));
        }
        if self.ipv6_is_off(device) {
            return Err(NetlinkError::new(Errno::EACCES, "IPv6 is disabled on this device"));
        }
        let list = &mut self.devices[device].ip6.addresses;
        if let Some(there) = list.iter_mut().find(|it| it.local == local) {
            if !matches!(mode, Mode::Replace | Mode::Change) {
                return Err(NetlinkError::new(Errno::EEXIST, "address already assigned"));
            }
            (there.valid, there.preferred) = (request.valid, request.preferred);
            return Ok(());
        }
        if list.len() >= MAX_ADDRESSES {
            return Err(Errno::ENOBUFS.into());
        }
        if local.is_multicast() || local.is_unspecified() {
            return Err(NetlinkError::new(Errno::EADDRNOTAVAIL, "Cannot assign requested address"));
        }
        let forever = if request.valid == FOREVER { af::PERMANENT } else { 0 };
        let kept = request.flags & (af::NODAD | af::NOPREFIXROUTE | af::HOMEADDRESS | af::MANAGETEMPADDR);
        let address = Address6 {
            local,
            prefix: request.prefix,
            flags: kept | forever,
            valid: request.valid,
            preferred: request.preferred,
            protocol: request.protocol,
            probe: None,
            done: None,
        };
        self.address6_insert(device, address);
        Ok(())
    }

    pub(crate) fn address6_delete(
        &mut self,
        device: DeviceId,
        local: Ipv6Addr,
        prefix: u8,
    ) -> NetlinkResult<()> {
        let list = &mut self.devices[device].ip6.addresses;
        let at = list.iter().position(|it| it.local == local && it.prefix == prefix);
        let missing = NetlinkError::new(Errno::EADDRNOTAVAIL, "address not found");
        list.remove(at.ok_or(missing)?);
        self.devices[device].group_leave(solicited_node_mac(local));
        self.generation += 1;
        Ok(())
    }

    /// IPv6 routes as they follow from addresses: connected ones in main, own addresses and groups in local.
    pub(crate) fn routes6(&self, ns: NetnsId, wanted: Option<u32>) -> Vec<Route> {
        let devices: Vec<DeviceId> = self.netns[ns].devices.values().copied().collect();
        let mut main = Vec::new();
        let mut local = Vec::new();
        for id in devices {
            let it = &self.devices[id];
            for address in &it.ip6.addresses {
                let host = IpNet::V6(Ipv6Net::from(address.local));
                if !address.is_tentative() {
                    local.push(self.route6(id, host, RouteType::Local, table::LOCAL, 0));
                }
                let net = Ipv6Net::new(address.local, address.prefix).map(|net| net.trunc());
                let connected = !address.local.is_loopback() && address.flags & af::NOPREFIXROUTE == 0;
                if let Some(net) = net.ok().filter(|_| connected) {
                    main.push(self.route6(id, IpNet::V6(net), RouteType::Unicast, table::MAIN, 256));
                }
            }
            if it.ip6.ready && it.flags & flags::MULTICAST != 0 {
                let groups = IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0), 8));
                local.push(self.route6(id, groups, RouteType::Multicast, table::LOCAL, 256));
            }
        }
        main.sort_by_key(|route| route.destination);
        local.sort_by_key(|route| route.destination);
        match wanted {
            None => main.into_iter().chain(local).collect(),
            Some(table::MAIN) => main,
            Some(table::LOCAL) => local,
            Some(_) => Vec::new(),
        }
    }

    fn route6(
        &self,
        device: DeviceId,
        destination: IpNet,
        kind: RouteType,
        table: u32,
        priority: u32,
    ) -> Route {
        let it = &self.devices[device];
        let linkdown = if it.carrier || kind == RouteType::Local { 0 } else { nh::LINKDOWN };
        Route {
            destination,
            kind,
            tos: 0,
            table,
            protocol: protocol::KERNEL,
            scope: 0,
            priority,
            prefsrc: None,
            nexthops: vec![Nexthop {
                gateway: None,
                index: it.ifindex,
                device: it.name.to_string(),
                hops: 0,
                flags: linkdown,
            }],
            metrics: Vec::new(),
            flags: linkdown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_local_address_is_made_of_the_mac() {
        assert_eq!(link_local(Mac([2, 0, 0, 0, 0, 0x10])).to_string(), "fe80::ff:fe00:10");
        assert_eq!(solicited_node_mac(link_local(Mac([2, 0, 0, 1, 2, 3]))).to_string(), "33:33:ff:01:02:03");
    }
}
