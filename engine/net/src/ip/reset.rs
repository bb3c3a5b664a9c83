//! What a router or firewall sends on its own account besides errors: TCP resets and redirects.
//!
//! Sources: net/ipv4/netfilter/nf_reject_ipv4.c (`nf_send_reset`); net/ipv4/route.c (`ip_rt_send_redirect`).

use super::header::{
    FRAGMENT_OFFSET, Fields, destination, ethertype, fold, fragment, payload, protocol, protocol_of, pseudo,
    push, source, sum,
};
use super::icmp::icmp_type;
use crate::path::{FlowKey, RouteResult};
use crate::sysctl::Key;
use crate::{Network, Packet};
use api::NetnsId;
use std::net::IpAddr;
use std::time::Duration;

const TCP_HEADER: usize = 20;
const FIN: u8 = 0x01;
const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const ACK: u8 = 0x10;

impl Network {
    /// Answers a segment with a reset, as if the other end had sent it.
    pub(crate) fn reset_send(&mut self, ns: NetnsId, packet: &Packet) {
        let bytes = packet.data();
        let segment = payload(bytes);
        if protocol_of(bytes) != protocol::TCP
            || fragment(bytes) & FRAGMENT_OFFSET != 0
            || segment.len() < TCP_HEADER
            || segment[13] & RST != 0
        {
            return;
        }
        let (from, to) = (destination(bytes), source(bytes));
        if fold(pseudo(to, from, protocol::TCP, segment.len()) + sum(segment)) != [0, 0] {
            return;
        }
        let flow = FlowKey {
            destination: IpAddr::V4(to),
            source: Some(IpAddr::V4(from)),
            protocol: protocol::TCP,
            mark: if self.netns[ns].sysctl.int(Key::FwmarkReflect) != 0 { packet.mark } else { 0 },
            any_source: true,
            ..FlowKey::default()
        };
        let Ok(route) = self.route_output(ns, &flow) else { return };
        let reset = reset_of(segment, pseudo(from, to, protocol::TCP, TCP_HEADER));
        let mut answer = Packet::new(api::JourneyId(0), &reset);
        let fields = Fields {
            source: from,
            destination: to,
            protocol: protocol::TCP,
            ttl: self.default_ttl(ns),
            tos: 0,
            identification: 0,
            dont_fragment: true,
        };
        push(&mut answer, &fields);
        answer.journey =
            self.journey_begin(ns, "REJECT", Some(packet.journey), ethertype::IPV4, answer.data());
        (answer.mark, answer.depth) = (flow.mark, packet.depth);
        answer.tracked = packet.tracked.answer();
        self.local_out(ns, answer, &route);
    }

    /// Tells the sender of a forwarded packet that it may go straight to the next hop; ever more seldom if it does
    /// not listen.
    pub(crate) fn redirect_send(&mut self, ns: NetnsId, packet: &Packet, route: &RouteResult) {
        let now = self.now;
        let it = &mut self.netns[ns];
        let limit = u32::try_from(it.sysctl.int(Key::RouteRedirectNumber)).unwrap_or(0);
        let load = Duration::from_millis(u64::try_from(it.sysctl.int(Key::RouteRedirectLoad)).unwrap_or(0));
        let silence =
            Duration::from_millis(u64::try_from(it.sysctl.int(Key::RouteRedirectSilence)).unwrap_or(0));
        if it.icmp.allow_redirect(source(packet.data()), now, limit, load, silence) {
            let gateway = u32::from(route.next_hop());
            self.icmp_error_send(ns, packet, icmp_type::REDIRECT, 1, gateway, false);
        }
    }
}

/// The reset that fits a segment; `pseudo` is the sum of its pseudo header.
fn reset_of(segment: &[u8], pseudo: u64) -> [u8; TCP_HEADER] {
    let flags = segment[13];
    let header = usize::from(segment[12] >> 4) * 4;
    let mut reset = [0; TCP_HEADER];
    reset[0..2].copy_from_slice(&segment[2..4]);
    reset[2..4].copy_from_slice(&segment[0..2]);
    reset[12] = 5 << 4;
    if flags & ACK != 0 {
        reset[4..8].copy_from_slice(&segment[8..12]);
        reset[13] = RST;
    } else {
        let sequence = u32::from_be_bytes([segment[4], segment[5], segment[6], segment[7]]);
        let data = segment.len().saturating_sub(header) as u32;
        let space = data + u32::from(flags & SYN != 0) + u32::from(flags & FIN != 0);
        reset[8..12].copy_from_slice(&sequence.wrapping_add(space).to_be_bytes());
        reset[13] = RST | ACK;
    }
    let check = fold(pseudo + sum(&reset));
    reset[16..18].copy_from_slice(&check);
    reset
}
