//! veth: two devices, each of which receives what the other sends.
//!
//! Always: an end has carrier while both ends are up; destroying one destroys the other.
//! Differs from Linux: a frame takes [`VETH_DELAY`](super::transmit) to cross, so that time moves on a path and
//! a loop cannot hold the world at one instant.
//! Sources: veth(4); drivers/net/veth.c.

use super::Kind;
use super::transmit::{MAX_IN_FLIGHT, VETH_DELAY};
use crate::network::Event;
use crate::{Network, Packet};
use api::{DeviceId, DropReason};

impl Network {
    /// Carrier after one end went up or down.
    pub(super) fn veth_carrier(&mut self, device: DeviceId, peer: Option<DeviceId>) {
        let Some(peer) = peer else { return };
        let carrier = self.devices[device].is_up() && self.devices[peer].is_up();
        self.carrier_set(device, carrier);
        self.carrier_set(peer, carrier);
    }

    /// Joins two fresh devices, neither of which has carrier yet.
    pub(crate) fn veth_join(&mut self, a: DeviceId, b: DeviceId) {
        self.devices[a].kind = Kind::Veth { peer: Some(b) };
        self.devices[b].kind = Kind::Veth { peer: Some(a) };
    }

    /// Before both are destroyed.
    pub(super) fn veth_part(&mut self, a: DeviceId, b: DeviceId) {
        for end in [a, b] {
            self.device_close(end);
        }
        for end in [a, b] {
            self.devices[end].kind = Kind::Veth { peer: None };
        }
    }

    pub(super) fn veth_transmit(&mut self, device: DeviceId, peer: Option<DeviceId>, mut packet: Packet) {
        let length = packet.len();
        let there = peer.and_then(|id| self.devices.get(id));
        let refused = match there {
            None => Some((DropReason::DeviceGone, "the other end is gone")),
            Some(peer) if !peer.is_up() => Some((DropReason::DevReady, "the other end is down")),
            Some(peer) if length > peer.longest_frame() => {
                Some((DropReason::PktTooBig, "larger than the other end's MTU"))
            }
            Some(peer) if peer.in_flight >= MAX_IN_FLIGHT => {
                Some((DropReason::QdiscDrop, "too many frames are on their way to the other end"))
            }
            Some(_) => None,
        };
        let (Some(peer), None) = (peer, refused) else {
            self.devices[device].stats.tx_dropped += 1;
            let (reason, detail) = refused.unwrap_or((DropReason::DeviceGone, ""));
            return self.drop_at(device, packet, reason, detail);
        };
        self.fly(device, peer, &packet, VETH_DELAY);
        if self.devices[peer].netns == self.devices[device].netns {
            packet.scrub_same_netns();
        } else {
            packet.scrub();
        }
        let stats = &mut self.devices[device].stats;
        stats.tx_packets += 1;
        stats.tx_bytes += length as u64;
        let it = &mut self.devices[peer];
        it.stats.rx_packets += 1;
        it.stats.rx_bytes += length as u64;
        it.in_flight += 1;
        self.queue.push_after(self.now, VETH_DELAY, Event::Arrive { device: peer, packet });
    }
}
