//! vlan: a device for the frames of one VLAN on another device (IEEE 802.1Q).
//!
//! Always: what goes out gets the tag, what comes in with it loses it.
//! Differs from Linux: no priority maps, no GVRP and MVRP.
//! Sources: net/8021q/vlan_dev.c, vlan_core.c; IEEE 802.1Q-2018 §9.

use crate::packet::ETHERNET;
use crate::{Network, Packet};
use api::{DeviceId, DropReason};

pub(crate) const TAG: usize = 4;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Vlan {
    pub lower: DeviceId,
    pub id: u16,
    /// 0x8100 or 0x88a8.
    pub protocol: u16,
    pub reorder_header: bool,
    pub loose_binding: bool,
}

impl Network {
    pub(super) fn vlan_transmit(&mut self, device: DeviceId, mut packet: Packet) {
        let super::Kind::Vlan(vlan) = self.devices[device].kind else { return };
        self.count_sent(device, packet.len());
        let mut addresses = [0; 12];
        addresses.copy_from_slice(&packet.data()[..12]);
        let front = packet.push(TAG);
        front.fill(0);
        let bytes = packet.data_mut();
        bytes[..12].copy_from_slice(&addresses);
        bytes[12..14].copy_from_slice(&vlan.protocol.to_be_bytes());
        bytes[14..16].copy_from_slice(&vlan.id.to_be_bytes());
        self.transmit(vlan.lower, packet);
    }

    /// A tagged frame came in on `lower`: it is given to that VLAN's device, or back if there is none.
    pub(super) fn vlan_receive(&mut self, lower: DeviceId, mut packet: Packet) -> Option<Packet> {
        let bytes = packet.data();
        if bytes.len() < ETHERNET + TAG {
            self.drop_at(lower, packet, DropReason::PktTooSmall, "");
            return None;
        }
        let (protocol, id) = (u16::from_be_bytes([bytes[12], bytes[13]]), id_of(bytes));
        let of_tag = |upper: &DeviceId| matches!(self.devices[*upper].kind, super::Kind::Vlan(vlan) if vlan.id == id && vlan.protocol == protocol);
        let Some(device) = self.devices[lower].uppers.iter().copied().find(of_tag) else {
            return Some(packet);
        };
        let mut addresses = [0; 12];
        addresses.copy_from_slice(&bytes[..12]);
        let inside = packet.pull(TAG);
        debug_assert!(inside, "the length was checked");
        packet.data_mut()[..12].copy_from_slice(&addresses);
        packet.forget_frame();
        self.count_received(device, packet.len() - ETHERNET);
        self.receive(device, packet);
        None
    }

    /// Nobody on `lower` knows its tag.
    pub(super) fn vlan_unknown(&mut self, lower: DeviceId, packet: Packet) {
        self.devices[lower].stats.rx_dropped += 1;
        let id = id_of(packet.data());
        let detail = if self.trace.on { format!("VLAN {id}") } else { String::new() };
        self.drop_at(lower, packet, DropReason::UnhandledProto, &detail);
    }
}

fn id_of(frame: &[u8]) -> u16 {
    u16::from_be_bytes([frame[14], frame[15]]) & 0xfff
}
