//! Who takes a frame that came in on a device on which others stand: a vlan, a macvlan, an ipvlan.
//!
//! Sources: net/core/dev.c (`__netif_receive_skb_core`: VLANs first, then the device's rx handler).

use super::Kind;
use crate::ip::header::ethertype;
use crate::{Network, Packet};
use api::DeviceId;

impl Network {
    /// Gives the frame back if nobody above takes it, so that the device's own stack gets it.
    pub(crate) fn receive_by_upper(&mut self, device: DeviceId, packet: Packet) -> Option<Packet> {
        if matches!(packet.protocol, ethertype::VLAN | ethertype::QINQ) {
            self.vlan_receive(device, packet);
            return None;
        }
        let handler = self.devices[device].uppers.iter().find_map(|upper| match self.devices[*upper].kind {
            Kind::Macvlan(_) => Some(true),
            Kind::Ipvlan(_) => Some(false),
            _ => None,
        });
        match handler {
            Some(true) => self.macvlan_receive(device, packet),
            Some(false) => self.ipvlan_receive(device, packet),
            None => Some(packet),
        }
    }
}
