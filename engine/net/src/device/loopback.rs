//! `lo`: what goes out comes in again.
//!
//! Differs from Linux: only an ICMP error comes in within the call that sent it, so that a program meets the error
//! that its own packet brought about; all else takes a moment, so that time moves on.
//! Sources: drivers/net/loopback.c.

use super::transmit::LOOPBACK_DELAY;
use crate::ip::header::{self, ethertype, protocol};
use crate::network::Event;
use crate::packet::ETHERNET;
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
        if is_error_about_a_datagram(packet.data()) {
            return self.arrive(device, packet);
        }
        self.queue.push_after(self.now, LOOPBACK_DELAY, Event::Arrive { device, packet });
    }
}

/// An ICMP "unreachable" that quotes no TCP segment: a connection is not to be changed while it sends.
fn is_error_about_a_datagram(frame: &[u8]) -> bool {
    const UNREACHABLE: u8 = 3;
    let Some((ethernet, ip)) = frame.split_at_checked(ETHERNET) else { return false };
    if ethernet[12..] != ethertype::IPV4.to_be_bytes() || header::protocol_of(ip) != protocol::ICMP {
        return false;
    }
    let message = header::payload(ip);
    let quoted = message.get(8..).filter(|it| it.len() >= header::IPV4_HEADER);
    message.first() == Some(&UNREACHABLE) && quoted.is_some_and(|it| header::protocol_of(it) != protocol::TCP)
}
