//! What netfilter asks of the rest of the stack, answered by the network.
//!
//! Differs from Linux: none beyond what the asked parts differ in.

use super::context::{AddressType, Surroundings};
use crate::Network;
use crate::path::FlowKey;
use crate::rtnetlink::{RouteType, scope};
use crate::trace::note::Note;
use api::{DeviceId, NetnsId};
use std::net::IpAddr;

fn v4(address: IpAddr) -> Option<std::net::Ipv4Addr> {
    match address {
        IpAddr::V4(address) => Some(address),
        IpAddr::V6(_) => None,
    }
}

impl Surroundings for Network {
    fn device_name(&self, device: DeviceId) -> &str {
        self.devices.get(device).map_or("", |it| &it.name)
    }

    fn address_type(&self, netns: NetnsId, address: IpAddr, device: Option<DeviceId>) -> AddressType {
        let Some(address) = v4(address) else { return AddressType::Unicast };
        let kind = self.address_kind(netns, address);
        // With a device, an address of another device is none of ours.
        let elsewhere = || device.is_some() && self.device_of_address(netns, address) != device;
        match kind {
            RouteType::Local if elsewhere() => AddressType::Unicast,
            RouteType::Local => AddressType::Local,
            RouteType::Broadcast => AddressType::Broadcast,
            RouteType::Multicast => AddressType::Multicast,
            RouteType::Anycast => AddressType::Anycast,
            RouteType::Blackhole => AddressType::Blackhole,
            RouteType::Unreachable => AddressType::Unreachable,
            RouteType::Prohibit => AddressType::Prohibit,
            RouteType::Throw => AddressType::Throw,
            _ => AddressType::Unicast,
        }
    }

    fn source_address(&self, device: DeviceId, to: IpAddr) -> Option<IpAddr> {
        let ns = self.devices.get(device)?.netns;
        // It is to suit the next hop, as far as that can be told without the packet's mark.
        let flow = FlowKey { destination: to, oif: Some(device), ..FlowKey::default() };
        let next = self.route_output(ns, &flow).map_or(v4(to), |route| Some(route.next_hop()));
        self.select_source(ns, Some(device), next, scope::UNIVERSE).map(IpAddr::V4)
    }

    fn path_mtu(&self, netns: NetnsId, to: IpAddr) -> Option<u32> {
        let flow = FlowKey { destination: to, ..FlowKey::default() };
        self.route_output(netns, &flow).ok().map(|route| route.mtu)
    }

    fn device_mtu(&self, device: DeviceId) -> u32 {
        self.devices.get(device).map_or(1500, |it| it.mtu)
    }

    fn is_initial(&self, netns: NetnsId) -> bool {
        self.machines[self.netns[netns].machine].netns == netns
    }

    fn first_address(&self, device: DeviceId) -> Option<IpAddr> {
        self.devices.get(device)?.ip.addresses.first().map(|it| IpAddr::V4(it.local))
    }
}

impl Network {
    /// Whether journeys are recorded.
    pub(super) fn netfilter_is_watched(&self) -> bool {
        self.trace.on
    }

    pub(super) fn netfilter_stops(&mut self, packet: &crate::Packet, ns: NetnsId, stops: Vec<Note>) {
        for stop in stops {
            self.stop_in(packet, ns, stop);
        }
    }
}
