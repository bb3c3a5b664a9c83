//! What netfilter asks of the rest of the stack, answered by the network.
//!
//! Differs from Linux: none beyond what the asked parts differ in.

use super::context::{AddressType, Surroundings};
use crate::Network;
use api::{DeviceId, NetnsId, StopKind};
use std::net::IpAddr;

impl Surroundings for Network {
    fn device_name(&self, _device: DeviceId) -> &str {
        ""
    }

    fn address_type(&self, _netns: NetnsId, _address: IpAddr, _device: Option<DeviceId>) -> AddressType {
        AddressType::Unicast
    }

    fn source_address(&self, _device: DeviceId, _to: IpAddr) -> Option<IpAddr> {
        None
    }

    fn path_mtu(&self, _netns: NetnsId, _to: IpAddr) -> Option<u32> {
        None
    }

    fn device_mtu(&self, _device: DeviceId) -> u32 {
        1500
    }

    fn is_initial(&self, _netns: NetnsId) -> bool {
        true
    }

    fn first_address(&self, _device: DeviceId) -> Option<IpAddr> {
        None
    }
}

impl Network {
    /// Whether journeys are recorded.
    pub(super) fn netfilter_is_watched(&self) -> bool {
        false
    }

    pub(super) fn netfilter_stops(&mut self, _packet: &crate::Packet, _ns: NetnsId, _stops: Vec<StopKind>) {}
}
