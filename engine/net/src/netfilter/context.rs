//! A packet at a hook, with everything that rules may ask about it or do to it.
//!
//! Made once a hook; handed to every match and target. Always: `header` is that of the packet's bytes.

use super::conntrack::{Conntrack, Flow, Info};
use super::header::Header;
use super::memory::Memory;
use super::{Hook, HookState};
use crate::Packet;
use api::{DeviceId, NetnsId};
use sim::Instant;
use std::net::IpAddr;

/// What an address is to a namespace (`enum rtn_type`), in the kernel's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum AddressType {
    Unspec,
    Unicast,
    Local,
    Broadcast,
    Anycast,
    Multicast,
    Blackhole,
    Unreachable,
    Prohibit,
    Throw,
    Nat,
    Xresolve,
}

/// What netfilter asks of the rest of the stack.
pub(crate) trait Surroundings {
    fn device_name(&self, device: DeviceId) -> &str;
    /// By the FIB, as if the address were a destination; with a device, as seen from it.
    fn address_type(&self, netns: NetnsId, address: IpAddr, device: Option<DeviceId>) -> AddressType;
    /// The address a packet towards `to` would get when it leaves by that device (`inet_select_addr`).
    fn source_address(&self, device: DeviceId, to: IpAddr) -> Option<IpAddr>;
    /// The MTU of the way to an address.
    fn path_mtu(&self, netns: NetnsId, to: IpAddr) -> Option<u32>;
    fn device_mtu(&self, device: DeviceId) -> u32;
    /// Whether it is a machine's first namespace: only there LOG writes.
    fn is_initial(&self, netns: NetnsId) -> bool;
    /// The first address of a device (REDIRECT).
    fn first_address(&self, device: DeviceId) -> Option<IpAddr>;
}

pub(crate) struct Context<'a> {
    pub packet: &'a mut Packet,
    pub header: Header,
    pub state: &'a HookState,
    /// Names of the devices, empty where there is none.
    pub input: &'a str,
    pub output: &'a str,
    pub physical_input: &'a str,
    pub physical_output: &'a str,
    pub surroundings: &'a dyn Surroundings,
    pub conntrack: &'a mut Conntrack,
    pub memory: &'a mut Memory,
    pub now: Instant,
}

impl Context<'_> {
    pub fn netns(&self) -> NetnsId {
        self.state.netns
    }

    pub fn hook(&self) -> Hook {
        self.state.hook
    }

    /// The packet's flow, where conntrack knows one.
    pub fn flow(&self) -> Option<(&Flow, Info)> {
        self.conntrack.flow_of(&self.packet.tracked)
    }

    pub fn flow_mut(&mut self) -> Option<(&mut Flow, Info)> {
        self.conntrack.flow_of_mut(&mut self.packet.tracked)
    }

    /// User and group of the program that sent it.
    pub fn owner(&self) -> Option<(u32, u32)> {
        self.packet.owner
    }

    /// The Ethernet header of the frame it came in.
    pub fn frame_header(&self) -> Option<[u8; 14]> {
        self.packet.mac_header().copied()
    }

    pub fn source_mac(&self) -> Option<[u8; 6]> {
        let header = self.frame_header()?;
        let mut mac = [0; 6];
        mac.copy_from_slice(&header[6..12]);
        Some(mac)
    }

    /// 0 for us, 1 broadcast, 2 multicast, 3 for another host.
    pub fn packet_type(&self) -> u8 {
        self.packet.kind as u8
    }

    /// After the packet's bytes were changed.
    pub fn read_header_anew(&mut self) {
        if let Some(header) = Header::read(self.packet.data()) {
            self.header = header;
        }
    }
}
