//! `lo`: what goes out comes in again.
//!
//! Sources: drivers/net/loopback.c.

use super::transmit::LOOPBACK_DELAY;
use crate::network::Event;
use crate::{Network, Packet};
use api::DeviceId;

impl Network {
    pub(super) fn loopback_transmit(&mut self, device: DeviceId, mut packet: Packet) {
        let length = packet.len() as u64;
        let stats = &mut self.devices[device].stats;
        stats.tx_packets += 1;
        stats.tx_bytes += length;
        stats.rx_packets += 1;
        stats.rx_bytes += length;
        // Whose it was is forgotten; what conntrack knows of it is not.
        packet.owner = None;
        packet.device = None;
        self.queue.push_after(self.now, LOOPBACK_DELAY, Event::Arrive { device, packet });
    }
}
