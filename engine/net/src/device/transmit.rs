//! A frame leaves by a device: the queueing discipline, the taps, then the kind of device.
//!
//! Called by `neighbour/` (IP), `socket/` (packet sockets) and by devices that stand on others.
//! Always: `data()` starts at the Ethernet header, for an IP tunnel at the IP header; the frame's fate is decided
//! when these functions return: dropped, taken, or queued to arrive elsewhere.
//! Differs from Linux: crossing a veth or `lo` takes a little time instead of a turn of the processor.
//! Sources: net/core/dev.c (`__dev_queue_xmit`, `dev_hard_start_xmit`).

use super::{Device, Kind};
use crate::packet::ETHERNET;
use crate::socket::FrameKind;
use crate::trace::note::Note;
use crate::{Errno, Network, Packet};
use api::{DeviceId, DropReason};
use std::time::Duration;

/// What crossing a veth takes: about what two softirqs cost.
pub(crate) const VETH_DELAY: Duration = Duration::from_micros(10);
/// What the way through `lo` takes.
pub(crate) const LOOPBACK_DELAY: Duration = Duration::from_micros(10);
/// Frames under way to one end of a veth, or waiting in one card (`net.core.netdev_max_backlog`); more are dropped.
pub(crate) const MAX_IN_FLIGHT: u32 = 1000;
/// Devices a packet may go through since a program or timer made it; one more ends it, so that loops end.
const MAX_DEPTH: u8 = 250;
/// Devices that hand a frame on to one another at once, beyond the first (`XMIT_RECURSION_LIMIT`).
const MAX_HANDING_ON: u8 = 8;
/// A VLAN tag that an interface must bear beyond its MTU.
const VLAN_HEADER: usize = 4;

impl Device {
    /// The longest frame that may be forwarded to it (`is_skb_forwardable`).
    #[inline]
    pub(crate) fn longest_frame(&self) -> usize {
        self.mtu as usize + ETHERNET + VLAN_HEADER
    }
}

impl Network {
    /// `dev_queue_xmit`
    pub(crate) fn transmit(&mut self, device: DeviceId, mut packet: Packet) {
        let it = &self.devices[device];
        if !it.active {
            let detail = if it.is_up() { "no carrier" } else { "the device is down" };
            return self.drop_at(device, packet, DropReason::DevReady, detail);
        }
        packet.depth += 1;
        if packet.depth > MAX_DEPTH || self.handing_on > MAX_HANDING_ON {
            return self.drop_at(device, packet, DropReason::TunnelTxLoop, "");
        }
        let ns = self.devices[device].netns;
        let frame = self.tap(ns, device, FrameKind::Outgoing, &packet);
        if self.trace.on {
            self.stop(&packet, device, frame, Note::Sent);
        }
        self.handing_on += 1;
        match &self.devices[device].kind {
            Kind::Loopback => self.loopback_transmit(device, packet),
            Kind::Veth { peer } => self.veth_transmit(device, *peer, packet),
            Kind::Nic(_) => self.nic_transmit(device, packet),
            Kind::Bridge(_) => self.bridge_transmit(device, packet),
            Kind::Vxlan(_) => self.vxlan_transmit(device, packet),
            Kind::Vlan(_) => self.vlan_transmit(device, packet),
            Kind::Macvlan(_) => self.macvlan_transmit(device, packet),
            Kind::Ipvlan(_) => self.ipvlan_transmit(device, packet),
            Kind::Ipip(_) => self.ipip_transmit(device, packet),
            Kind::Dummy => {
                self.count_sent(device, packet.len());
                self.consumed(device, packet, "dummy");
            }
        }
        self.handing_on -= 1;
    }

    pub(super) fn count_sent(&mut self, device: DeviceId, length: usize) {
        let stats = &mut self.devices[device].stats;
        stats.tx_packets += 1;
        stats.tx_bytes += length as u64;
    }

    pub(super) fn count_received(&mut self, device: DeviceId, length: usize) {
        let stats = &mut self.devices[device].stats;
        stats.rx_packets += 1;
        stats.rx_bytes += length as u64;
    }

    /// A program's own frame, from the Ethernet header (packet sockets): ENETDOWN where the device is down, EMSGSIZE
    /// where the frame is larger than it bears.
    pub(crate) fn frame_output(&mut self, device: DeviceId, frame: &[u8]) -> Result<(), Errno> {
        let it = self.devices.get(device).ok_or(Errno::ENXIO)?;
        if !it.is_up() {
            return Err(Errno::ENETDOWN);
        }
        if frame.len() < ETHERNET {
            return Err(Errno::EINVAL);
        }
        if frame.len() > it.longest_frame() {
            return Err(Errno::EMSGSIZE);
        }
        let ns = it.netns;
        let protocol = u16::from_be_bytes([frame[12], frame[13]]);
        let journey = self.journey_begin(ns, "packet socket", None, protocol, &frame[ETHERNET..]);
        let mut packet = Packet::new(journey, frame);
        packet.protocol = protocol;
        self.transmit(device, packet);
        Ok(())
    }
}
