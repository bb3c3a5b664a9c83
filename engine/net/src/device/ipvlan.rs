//! ipvlan: further devices on one lower device that share its MAC and are told apart by their IP addresses.
//!
//! Always: all of one lower device are in one mode.
//! Differs from Linux: L2 mode as `ip link add type ipvlan mode l2` has it; l3 and l3s are answered "not simulated".
//! Sources: kernel doc ipvlan; drivers/net/ipvlan/ipvlan_core.c.

use super::Kind;
use super::transmit::VETH_DELAY;
use crate::ip::header::{self, ethertype};
use crate::network::Event;
use crate::packet::ETHERNET;
use crate::rtnetlink::{IpvlanFlag, IpvlanMode};
use crate::{Mac, Network, Packet};
use api::{DeviceId, DropReason};
use std::net::Ipv4Addr;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Ipvlan {
    pub lower: DeviceId,
    pub mode: IpvlanMode,
    pub flag: IpvlanFlag,
}

/// The IPv4 address a frame is for: its destination, or whom an ARP message asks for or answers.
fn address_of(frame: &[u8]) -> Option<Ipv4Addr> {
    let bytes = frame.get(ETHERNET..)?;
    match u16::from_be_bytes([*frame.get(12)?, *frame.get(13)?]) {
        ethertype::IPV4 if bytes.len() >= header::IPV4_HEADER => Some(header::destination(bytes)),
        ethertype::ARP => crate::neighbour::Message::read(bytes).map(|message| message.target),
        _ => None,
    }
}

impl Network {
    fn ipvlans(&self, lower: DeviceId) -> impl Iterator<Item = DeviceId> {
        let uppers = self.devices[lower].uppers.iter().copied();
        uppers.filter(|upper| matches!(self.devices[*upper].kind, Kind::Ipvlan(_)))
    }

    fn ipvlan_of(&self, lower: DeviceId, address: Ipv4Addr) -> Option<DeviceId> {
        self.ipvlans(lower)
            .find(|upper| self.devices[*upper].ip.addresses.iter().any(|it| it.local == address))
    }

    pub(super) fn ipvlan_transmit(&mut self, device: DeviceId, packet: Packet) {
        let Kind::Ipvlan(Ipvlan { lower, flag, .. }) = self.devices[device].kind else { return };
        self.count_sent(device, packet.len());
        let to = Mac::from_slice(packet.data());
        if flag == IpvlanFlag::Bridge && !to.is_multicast() && to == self.devices[lower].mac {
            let other = address_of(packet.data()).and_then(|address| self.ipvlan_of(lower, address));
            if let Some(other) = other {
                return self.ipvlan_hand_over(other, packet);
            }
            // To the lower device's own stack there is no way.
            return self.drop_at(
                device,
                packet,
                DropReason::OtherHost,
                "ipvlan does not reach its lower device",
            );
        }
        if to.is_multicast() && flag == IpvlanFlag::Bridge {
            self.ipvlan_spread(lower, &packet, Some(device));
        }
        self.transmit(lower, packet);
    }

    fn ipvlan_hand_over(&mut self, device: DeviceId, mut packet: Packet) {
        packet.scrub();
        packet.forget_frame();
        self.count_received(device, packet.len() - ETHERNET);
        self.queue.push_after(self.now, VETH_DELAY, Event::Arrive { device, packet });
    }

    fn ipvlan_spread(&mut self, lower: DeviceId, packet: &Packet, except: Option<DeviceId>) {
        let up = |id: &DeviceId| Some(*id) != except && self.devices[*id].is_up();
        let to: Vec<DeviceId> = self.ipvlans(lower).filter(up).collect();
        for other in to {
            let copy = self.fork(packet);
            self.ipvlan_hand_over(other, copy);
        }
    }

    /// A frame came in on the lower device: gives it back if that one's own stack is to have it.
    pub(super) fn ipvlan_receive(&mut self, lower: DeviceId, packet: Packet) -> Option<Packet> {
        if Mac::from_slice(packet.data()).is_multicast() {
            self.ipvlan_spread(lower, &packet, None);
            return Some(packet);
        }
        let Some(device) = address_of(packet.data()).and_then(|it| self.ipvlan_of(lower, it)) else {
            return Some(packet);
        };
        let mut packet = packet;
        packet.forget_frame();
        self.count_received(device, packet.len() - ETHERNET);
        self.receive(device, packet);
        None
    }
}
