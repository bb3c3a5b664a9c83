//! A frame too large for the path of its tunnel: who sent it is told, where that can be done.
//!
//! Called by `vxlan` before it encapsulates. Always: what is routed into the tunnel goes on, cut outside if need be,
//! and its sender's route learns the MTU; what a bridge hands to the tunnel and may not be cut ends here, and the
//! tunnel answers in the name of the host it was for.
//! Sources: net/ipv4/ip_tunnel_core.c (`skb_tunnel_check_pmtu`, `iptunnel_pmtud_build_icmp`).

use crate::ip::header::{self, Fields, ethertype, protocol};
use crate::ip::{icmp_type, is_icmp_error, is_unfragmentable, unreachable};
use crate::packet::{ETHERNET, PacketType};
use crate::{Network, Packet};
use api::{DeviceId, DropReason};

/// A smaller path is not told of.
const LEAST_TOLD: u32 = 576;
/// The answer is no longer than this (RFC 1812 §4.3.2.3).
const LONGEST: usize = 576;
const ICMP_HEADER: usize = 8;

impl Network {
    /// `mtu` is what the tunnel's path bears of the inner IP packet; `None` where the frame ended here.
    pub(super) fn tunnel_check_mtu(&mut self, device: DeviceId, packet: Packet, mtu: u32) -> Option<Packet> {
        let (frame, inner) = packet.data().split_at_checked(ETHERNET)?;
        let ip = frame[12..] == ethertype::IPV4.to_be_bytes() && inner.len() >= header::IPV4_HEADER;
        if inner.len() <= mtu as usize || !ip {
            return Some(packet);
        }
        let it = &self.devices[device];
        if it.port.is_none() || packet.kind != PacketType::OtherHost {
            self.path_mtu_learn(it.netns, inner, mtu);
            return Some(packet);
        }
        let (source, destination) = (header::source(inner), header::destination(inner));
        let told = mtu >= LEAST_TOLD
            && is_unfragmentable(inner)
            && !is_icmp_error(inner)
            && !destination.is_broadcast()
            && !destination.is_multicast()
            && !(source.is_unspecified() || source.is_loopback() || source.is_multicast());
        if !told {
            return Some(packet);
        }
        let answer = self.too_big_answer(device, &packet, mtu);
        self.count_received(device, answer.len() - ETHERNET);
        self.receive(device, answer);
        let detail = if self.trace.on { format!("MTU {mtu} inside the tunnel") } else { String::new() };
        self.drop_at(device, packet, DropReason::PktTooBig, &detail);
        None
    }

    /// "Fragmentation needed", as a frame from the far host to the sender.
    fn too_big_answer(&mut self, device: DeviceId, packet: &Packet, mtu: u32) -> Packet {
        let ns = self.devices[device].netns;
        let (frame, inner) = packet.data().split_at(ETHERNET);
        let quoted = &inner[..inner.len().min(LONGEST - header::IPV4_HEADER - ICMP_HEADER)];
        let mut message = vec![0; ICMP_HEADER + quoted.len()];
        (message[0], message[1]) = (icmp_type::UNREACHABLE, unreachable::FRAGMENTATION_NEEDED);
        message[4..8].copy_from_slice(&mtu.to_be_bytes());
        message[ICMP_HEADER..].copy_from_slice(quoted);
        let sum = header::checksum(&message);
        message[2..4].copy_from_slice(&sum);
        let fields = Fields {
            source: header::destination(inner),
            destination: header::source(inner),
            protocol: protocol::ICMP,
            ttl: 64,
            tos: 0,
            identification: 0,
            dont_fragment: true,
        };
        let mut answer = Packet::new(api::JourneyId(0), &message);
        header::push(&mut answer, &fields);
        answer.journey = self.journey_begin(ns, "ICMP", Some(packet.journey), ethertype::IPV4, answer.data());
        answer.depth = packet.depth + 1;
        let back = answer.push(ETHERNET);
        back[..6].copy_from_slice(&frame[6..12]);
        back[6..12].copy_from_slice(&frame[..6]);
        back[12..].copy_from_slice(&ethertype::IPV4.to_be_bytes());
        answer
    }
}
