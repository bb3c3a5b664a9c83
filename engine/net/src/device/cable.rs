//! Network cards, and the cables between the cards of two machines.
//!
//! Always: a cable joins exactly two cards; a card has carrier while its cable's other card is up, and it itself.
//! A cable loses frames, delays them and passes so many bits a second, each way by itself.
//! Differs from Linux: no driver, no auto-negotiation; the queue of a card is one FIFO ([`MAX_IN_FLIGHT`] frames).
//! Sources: IEEE 802.3 §4.4 for what a frame takes on the wire (preamble, check sequence, gap: 24 bytes).

use super::Kind;
use super::transmit::MAX_IN_FLIGHT;
use crate::network::Event;
use crate::rtnetlink::NetlinkResult;
use crate::{Errno, Network, Packet};
use api::{DeviceId, DropReason};
use sim::Instant;
use std::time::Duration;

/// One way of a cable; the same both ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cable {
    pub latency: Duration,
    /// 0 is without limit.
    pub bits_per_second: u64,
    /// Of a thousand frames, how many are lost.
    pub loss_permille: u16,
}

impl Default for Cable {
    fn default() -> Cable {
        Cable { latency: Duration::from_micros(100), bits_per_second: 0, loss_permille: 0 }
    }
}

/// Preamble, start of frame, check sequence, gap.
const OVERHEAD_BYTES: u64 = 24;
/// The shortest frame without its check sequence.
const SHORTEST: u64 = 60;

#[derive(Debug, Default)]
pub(crate) struct Nic {
    pub other: Option<DeviceId>,
    cable: Cable,
    /// Until then it is sending.
    busy: Instant,
}

impl Nic {
    /// The speed that its driver would report; 0 is not known.
    pub fn megabits(&self) -> u64 {
        self.cable.bits_per_second / 1_000_000
    }
}

impl Network {
    /// Joins two cards that have no cable yet: EINVAL where one is no card, EBUSY where one has a cable.
    pub fn cable_connect(&mut self, a: DeviceId, b: DeviceId, cable: Cable) -> NetlinkResult<()> {
        for end in [a, b] {
            match self.devices.get(end).map(|device| &device.kind) {
                Some(Kind::Nic(nic)) if nic.other.is_none() && a != b => {}
                Some(Kind::Nic(_)) => return Err(Errno::EBUSY.into()),
                Some(_) => return Err(Errno::EINVAL.into()),
                None => return Err(Errno::ENODEV.into()),
            }
        }
        for (end, other) in [(a, b), (b, a)] {
            self.devices[end].kind = Kind::Nic(Nic { other: Some(other), cable, busy: Instant::BOOT });
        }
        self.cable_carrier(a);
        self.generation += 1;
        self.settle();
        Ok(())
    }

    /// Another latency, bandwidth or loss for the cable at that card, both ways.
    pub fn cable_set(&mut self, device: DeviceId, cable: Cable) -> NetlinkResult<()> {
        let other = match self.devices.get(device).map(|it| &it.kind) {
            Some(Kind::Nic(Nic { other: Some(other), .. })) => *other,
            _ => return Err(Errno::EINVAL.into()),
        };
        for end in [device, other] {
            if let Kind::Nic(nic) = &mut self.devices[end].kind {
                nic.cable = cable;
            }
        }
        Ok(())
    }

    /// Carrier after one end went up or down.
    pub(super) fn cable_carrier(&mut self, device: DeviceId) {
        let Kind::Nic(Nic { other: Some(other), .. }) = self.devices[device].kind else { return };
        let carrier = self.devices[device].is_up() && self.devices[other].is_up();
        self.carrier_set(device, carrier);
        self.carrier_set(other, carrier);
    }

    /// Before a card is destroyed: the other one hangs on nothing.
    pub(super) fn cable_cut(&mut self, device: DeviceId) {
        let Kind::Nic(Nic { other: Some(other), .. }) = self.devices[device].kind else { return };
        for end in [device, other] {
            self.devices[end].kind = Kind::Nic(Nic::default());
            self.carrier_set(end, false);
        }
    }

    pub(super) fn nic_transmit(&mut self, device: DeviceId, mut packet: Packet) {
        let now = self.now;
        let length = packet.len() as u64;
        let it = &mut self.devices[device];
        let Kind::Nic(nic) = &mut it.kind else { return };
        let Some(other) = nic.other else {
            return self.drop_at(device, packet, DropReason::DevReady, "no cable");
        };
        if it.in_flight >= MAX_IN_FLIGHT {
            it.stats.tx_dropped += 1;
            return self.drop_at(device, packet, DropReason::QdiscDrop, "the card's queue is full");
        }
        let Cable { latency, bits_per_second, loss_permille } = nic.cable;
        let bits = (length.max(SHORTEST) + OVERHEAD_BYTES) * 8;
        let sending = bits.saturating_mul(1_000_000_000).checked_div(bits_per_second).unwrap_or(0);
        nic.busy = nic.busy.max(now) + Duration::from_nanos(sending);
        let arrives = nic.busy + latency;
        it.stats.tx_packets += 1;
        it.stats.tx_bytes += length;
        if loss_permille > 0 && self.loss_rng.below(1000) < u32::from(loss_permille) {
            return self.drop_at(device, packet, DropReason::CableLoss, "");
        }
        self.devices[device].in_flight += 1;
        self.fly(device, other, &packet, arrives - now);
        packet.scrub();
        if bits_per_second == 0 {
            self.queue.push_after(now, latency, Event::Arrive { device: other, packet });
        } else {
            self.queue.push(arrives, Event::Arrive { device: other, packet });
        }
    }

    /// A frame came out of the cable at `device`: its other end has room for one more.
    pub(crate) fn cable_arrived(&mut self, device: DeviceId, length: usize) {
        let it = &mut self.devices[device];
        it.stats.rx_packets += 1;
        it.stats.rx_bytes += length as u64;
        if let Kind::Nic(Nic { other: Some(other), .. }) = it.kind {
            let other = &mut self.devices[other];
            other.in_flight = other.in_flight.saturating_sub(1);
        }
    }
}
