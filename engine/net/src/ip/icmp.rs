//! ICMP: errors about packets, answers to echo requests, and what is learnt from others' errors.
//!
//! Called by all stages of the path for errors, by `path/local_in.rs` for what arrives.
//! Always: no error is sent about an ICMP error, about a later fragment, or about a broadcast; errors are limited to
//! one a second and destination after a burst of six, as `net.ipv4.icmp_ratelimit` has it.
//! Differs from Linux: no timestamp replies, no extensions, no IP options copied.
//! Sources: RFC 792, RFC 1812 §4.3.2; net/ipv4/icmp.c (`icmp_send`, `icmp_rcv`), inetpeer.c.

use super::header::{
    DONT_FRAGMENT, FRAGMENT_OFFSET, Fields, IPV4_HEADER, checksum, destination, ethertype, fragment,
    header_length, payload, protocol, protocol_of, push, source, tos, total_length,
};
use crate::path::FlowKey;
use crate::rtnetlink::RouteType;
use crate::socket::Delivery;
use crate::sysctl::{Conf, Key};
use crate::{Network, Packet};
use api::{DropReason, NetnsId};
use sim::Instant;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

pub(crate) mod icmp_type {
    pub const ECHO_REPLY: u8 = 0;
    pub const UNREACHABLE: u8 = 3;
    pub const SOURCE_QUENCH: u8 = 4;
    pub const REDIRECT: u8 = 5;
    pub const ECHO: u8 = 8;
    pub const TIME_EXCEEDED: u8 = 11;
    pub const PARAMETER_PROBLEM: u8 = 12;
}

/// Codes of "destination unreachable".
pub(crate) mod unreachable {
    pub const NET: u8 = 0;
    pub const HOST: u8 = 1;
    pub const PROTOCOL: u8 = 2;
    pub const FRAGMENTATION_NEEDED: u8 = 4;
    pub const FILTERED: u8 = 13;
}

/// Errors at one stroke to one destination (`XRLIM_BURST_FACTOR`).
const BURST: u64 = 6;
/// Destinations whose errors are counted; beyond it the counting starts anew.
const MAX_PEERS: usize = 4096;
/// An error quotes so much that it stays within this (RFC 1812 §4.3.2.3).
const LONGEST_ERROR: usize = 576;
/// Smaller than this no path MTU is believed (RFC 791).
const SMALLEST_MTU: u32 = 68;

/// How many ICMP errors were sent lately.
#[derive(Debug, Default)]
pub(crate) struct IcmpLimits {
    peers: BTreeMap<Ipv4Addr, (u64, Instant)>,
    /// Redirects sent to a host since it was last silent, and when the last one.
    redirects: BTreeMap<Ipv4Addr, (u32, Instant)>,
    credit: u64,
    stamp: Option<Instant>,
}

impl IcmpLimits {
    /// A bucket of `icmp_msgs_burst`, filled by `icmp_msgs_per_sec`.
    fn allow_global(&mut self, now: Instant, per_second: u64, burst: u64) -> bool {
        let fill = match self.stamp {
            None => burst,
            Some(stamp) => (now.since(stamp).as_millis() as u64).saturating_mul(per_second) / 1000,
        };
        if fill > 0 {
            self.credit = self.credit.saturating_add(fill).min(burst);
            self.stamp = Some(now);
        }
        let allowed = self.credit > 0;
        self.credit = self.credit.saturating_sub(1);
        allowed
    }

    /// `inet_peer_xrlim_allow`: tokens are milliseconds.
    fn allow_peer(&mut self, peer: Ipv4Addr, now: Instant, every: u64) -> bool {
        if self.peers.len() >= MAX_PEERS && !self.peers.contains_key(&peer) {
            self.peers.clear();
        }
        let (tokens, last) = self.peers.entry(peer).or_insert((BURST * every, now));
        *tokens = (*tokens + now.since(*last).as_millis() as u64).min(BURST * every);
        *last = now;
        let allowed = *tokens >= every;
        if allowed {
            *tokens -= every;
        }
        allowed
    }

    /// A redirect each time the waiting has doubled, until `limit`; anew after `silence`.
    pub fn allow_redirect(
        &mut self,
        host: Ipv4Addr,
        now: Instant,
        limit: u32,
        load: Duration,
        silence: Duration,
    ) -> bool {
        if self.redirects.len() >= MAX_PEERS && !self.redirects.contains_key(&host) {
            self.redirects.clear();
        }
        let (count, last) = self.redirects.entry(host).or_insert((0, now));
        if now.since(*last) > silence {
            *count = 0;
        }
        let wait = load.saturating_mul(1_u32.checked_shl(*count).unwrap_or(u32::MAX));
        let allowed = *count < limit && (*count == 0 || now.since(*last) > wait);
        if allowed {
            *count += 1;
        }
        if allowed || *count >= limit {
            *last = now;
        }
        allowed
    }
}

impl Network {
    /// Tells the sender of `packet` (its IP header first) what became of it. `local` where it was for this machine:
    /// then the error comes from the address it was sent to.
    pub(crate) fn icmp_error_send(
        &mut self,
        ns: NetnsId,
        packet: &Packet,
        kind: u8,
        code: u8,
        info: u32,
        local: bool,
    ) {
        let bytes = packet.data();
        if bytes.len() < IPV4_HEADER
            || packet.kind != crate::packet::PacketType::Host
            || fragment(bytes) & FRAGMENT_OFFSET != 0
            || is_icmp_error(bytes)
            || destination(bytes).is_multicast()
        {
            return;
        }
        let to = source(bytes);
        let flow = FlowKey {
            destination: IpAddr::V4(to),
            source: local.then(|| IpAddr::V4(destination(bytes))),
            protocol: protocol::ICMP,
            tos: (tos(bytes) & 0x1e) | 0xc0,
            mark: self.reply_mark(ns, packet),
            ..FlowKey::default()
        };
        let Ok(mut route) = self.route_output(ns, &flow) else { return };
        if !local && self.netns[ns].sysctl.int(Key::IcmpErrorsUseInboundIfaddr) != 0 {
            let inbound = packet.device.filter(|device| self.devices.get(*device).is_some());
            if let Some(address) = inbound.and_then(|it| self.select_source(ns, Some(it), Some(to), 253)) {
                route.source = IpAddr::V4(address);
            }
        }
        if !self.icmp_allowed(ns, to, kind, code, self.devices[route.device].is_loopback()) {
            return;
        }
        let IpAddr::V4(from) = route.source else { return };
        let room = (route.mtu as usize).min(LONGEST_ERROR).saturating_sub(IPV4_HEADER + 8);
        // Where not even the header fits, nothing is said.
        if room <= IPV4_HEADER {
            return;
        }
        let quoted = &bytes[..bytes.len().min(room)];
        let mut message = vec![0; 8 + quoted.len()];
        (message[0], message[1]) = (kind, code);
        message[4..8].copy_from_slice(&info.to_be_bytes());
        message[8..].copy_from_slice(quoted);
        let fields = Fields {
            source: from,
            destination: to,
            protocol: protocol::ICMP,
            ttl: self.default_ttl(ns),
            tos: flow.tos,
            identification: self.next_identification(ns),
            dont_fragment: false,
        };
        self.icmp_emit(ns, message, fields, &route, flow.mark, packet);
    }

    /// Whether it gets away is its own story.
    fn icmp_emit(
        &mut self,
        ns: NetnsId,
        mut message: Vec<u8>,
        fields: Fields,
        route: &crate::path::RouteResult,
        mark: u32,
        cause: &Packet,
    ) {
        message[2..4].fill(0);
        let sum = checksum(&message);
        message[2..4].copy_from_slice(&sum);
        let mut answer = Packet::new(api::JourneyId(0), &message);
        push(&mut answer, &fields);
        answer.journey = self.journey_begin(ns, "ICMP", Some(cause.journey), ethertype::IPV4, answer.data());
        answer.mark = mark;
        answer.depth = cause.depth;
        answer.tracked = cause.tracked.answer();
        self.local_out(ns, answer, route);
    }

    /// `fwmark_reflect`
    fn reply_mark(&self, ns: NetnsId, packet: &Packet) -> u32 {
        if self.netns[ns].sysctl.int(Key::FwmarkReflect) != 0 { packet.mark } else { 0 }
    }

    fn icmp_allowed(&mut self, ns: NetnsId, to: Ipv4Addr, kind: u8, code: u8, loopback: bool) -> bool {
        let now = self.now;
        let it = &mut self.netns[ns];
        let limited = it.sysctl.int(Key::IcmpRatemask) >> kind & 1 == 1;
        let discovery = kind == icmp_type::UNREACHABLE && code == unreachable::FRAGMENTATION_NEEDED;
        if !limited || discovery || loopback {
            return true;
        }
        let number = |key| u64::try_from(it.sysctl.int(key)).unwrap_or(0);
        let (per_second, burst) = (number(Key::IcmpMsgsPerSec), number(Key::IcmpMsgsBurst));
        let every = number(Key::IcmpRatelimit);
        it.icmp.allow_global(now, per_second, burst) && (every == 0 || it.icmp.allow_peer(to, now, every))
    }

    /// An ICMP message for this machine; `delivery` is what sockets made of it.
    pub(crate) fn icmp_receive(&mut self, ns: NetnsId, packet: Packet, delivery: Delivery) {
        let bytes = packet.data();
        let message = payload(bytes);
        if message.len() < 8 {
            return self.drop_in(ns, packet, DropReason::PktTooSmall, "");
        }
        if checksum(message) != [0, 0] {
            return self.drop_in(ns, packet, DropReason::IcmpCsum, "");
        }
        let kind = message[0];
        let group = packet.kind != crate::packet::PacketType::Host;
        match kind {
            icmp_type::ECHO => {
                let sysctl = &self.netns[ns].sysctl;
                if sysctl.int(Key::IcmpEchoIgnoreAll) != 0 {
                    return self.drop_in(
                        ns,
                        packet,
                        DropReason::IcmpRateLimit,
                        "net.ipv4.icmp_echo_ignore_all",
                    );
                }
                if group && sysctl.int(Key::IcmpEchoIgnoreBroadcasts) != 0 {
                    let detail = "net.ipv4.icmp_echo_ignore_broadcasts";
                    return self.drop_in(ns, packet, DropReason::IcmpRateLimit, detail);
                }
                self.icmp_echo_reply(ns, &packet);
                self.consumed_in(ns, packet, "ICMP echo");
            }
            icmp_type::ECHO_REPLY => self.conclude(ns, packet, delivery),
            icmp_type::UNREACHABLE
            | icmp_type::TIME_EXCEEDED
            | icmp_type::PARAMETER_PROBLEM
            | icmp_type::SOURCE_QUENCH
            | icmp_type::REDIRECT => {
                if message.len() < 8 + IPV4_HEADER || message.len() < 8 + header_length(&message[8..]) {
                    return self.drop_in(ns, packet, DropReason::PktTooSmall, "");
                }
                if kind == icmp_type::REDIRECT {
                    self.icmp_redirect(ns, &packet);
                } else {
                    self.icmp_path_mtu(ns, &packet);
                }
                self.icmp_error(ns, packet.data());
                self.consumed_in(ns, packet, "ICMP error");
            }
            _ => self.conclude(ns, packet, delivery),
        }
    }

    fn icmp_echo_reply(&mut self, ns: NetnsId, packet: &Packet) {
        let bytes = packet.data();
        let mut message = payload(bytes)[..total_length(bytes) - header_length(bytes)].to_vec();
        message[0] = icmp_type::ECHO_REPLY;
        let to = source(bytes);
        // A broadcast is answered from the address that routing picks.
        let ours = self.address_kind(ns, destination(bytes)) == RouteType::Local;
        let flow = FlowKey {
            destination: IpAddr::V4(to),
            source: ours.then(|| IpAddr::V4(destination(bytes))),
            protocol: protocol::ICMP,
            tos: tos(bytes),
            mark: self.reply_mark(ns, packet),
            ..FlowKey::default()
        };
        let Ok(route) = self.route_output(ns, &flow) else { return };
        let IpAddr::V4(from) = route.source else { return };
        let fields = Fields {
            source: from,
            destination: to,
            protocol: protocol::ICMP,
            ttl: self.default_ttl(ns),
            tos: tos(bytes),
            identification: self.next_identification(ns),
            dont_fragment: false,
        };
        self.icmp_emit(ns, message, fields, &route, flow.mark, packet);
    }

    /// "Fragmentation needed": the path to that host bears less (`__ip_rt_update_pmtu`).
    fn icmp_path_mtu(&mut self, ns: NetnsId, packet: &Packet) {
        let message = payload(packet.data());
        if (message[0], message[1]) != (icmp_type::UNREACHABLE, unreachable::FRAGMENTATION_NEEDED) {
            return;
        }
        if self.netns[ns].sysctl.int(Key::IpNoPmtuDisc) != 0 {
            return;
        }
        let mtu = u32::from(u16::from_be_bytes([message[6], message[7]]));
        self.path_mtu_learn(ns, &message[8..], mtu);
    }

    /// The packet `original` (its IP header) was too large for a path that bears `mtu`.
    pub(crate) fn path_mtu_learn(&mut self, ns: NetnsId, original: &[u8], mtu: u32) {
        let host = destination(original);
        let Ok(found) = self.fib_lookup(ns, &crate::path::query_of(original)) else { return };
        let sysctl = &self.netns[ns].sysctl;
        let least = u32::try_from(sysctl.int(Key::RouteMinPmtu)).unwrap_or(0);
        let expires = Duration::from_secs(u64::try_from(sysctl.int(Key::RouteMtuExpires)).unwrap_or(0));
        if mtu < SMALLEST_MTU || mtu >= self.hop_mtu(&found) {
            return;
        }
        let expires = self.now + expires;
        self.netns[ns].exceptions.learn(host, &found.hop, Some(mtu.max(least)), None, expires);
        self.routes_changed(ns);
    }

    /// A router says that another one is nearer (`__ip_do_redirect`).
    fn icmp_redirect(&mut self, ns: NetnsId, packet: &Packet) {
        let message = payload(packet.data());
        let better = Ipv4Addr::new(message[4], message[5], message[6], message[7]);
        let router = source(packet.data());
        let original = &message[8..];
        let Ok(found) = self.fib_lookup(ns, &crate::path::query_of(original)) else { return };
        let Some(device) = found.hop.device else { return };
        let gateway = self.netns[ns].exceptions.get(destination(original), &found.hop, self.now);
        let gateway = gateway.and_then(|it| it.gateway).or(found.hop.gateway);
        let forwards = self.devices[device].ip.conf.get(Conf::Forwarding) != 0;
        let accepts = if forwards {
            self.conf_and(device, Conf::AcceptRedirects)
        } else {
            self.conf_or(device, Conf::AcceptRedirects)
        };
        if gateway != Some(router)
            || better == router
            || !accepts
            || better.is_multicast()
            || better.is_broadcast()
            || better.is_unspecified()
            || self.address_kind(ns, better) != RouteType::Unicast
        {
            return;
        }
        // Believed once that router answers to ARP; the first redirect only asks for it.
        if self.neighbour_is_valid(ns, device, better) {
            let expires = Duration::from_secs(
                u64::try_from(self.netns[ns].sysctl.int(Key::RouteGcTimeout)).unwrap_or(0),
            );
            let expires = self.now + expires;
            self.netns[ns].exceptions.learn(destination(original), &found.hop, None, Some(better), expires);
            self.routes_changed(ns);
        } else {
            self.neighbour_probe_for(ns, device, better, packet);
        }
    }

    pub(crate) fn default_ttl(&self, ns: NetnsId) -> u8 {
        u8::try_from(self.netns[ns].sysctl.int(Key::IpDefaultTtl)).unwrap_or(64)
    }

    /// For a packet that may be fragmented.
    pub(crate) fn next_identification(&mut self, ns: NetnsId) -> u16 {
        let it = &mut self.netns[ns];
        if it.ip_id == 0 {
            it.ip_id = (self.rng.next_u32() >> 16) as u16 | 1;
        }
        it.ip_id = it.ip_id.wrapping_add(1);
        it.ip_id
    }
}

/// May one be sent about it?
pub(crate) fn is_icmp_error(bytes: &[u8]) -> bool {
    protocol_of(bytes) == protocol::ICMP
        && payload(bytes).first().is_none_or(|kind| !matches!(kind, 0 | 8 | 9 | 10 | 13..=18))
}

/// Is fragmenting forbidden?
pub(crate) fn is_unfragmentable(bytes: &[u8]) -> bool {
    fragment(bytes) & DONT_FRAGMENT != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn six_errors_at_once_then_one_a_second_to_each_destination() {
        let mut limits = IcmpLimits::default();
        let host = Ipv4Addr::new(10, 0, 0, 1);
        let at = |millis| Instant::BOOT + Duration::from_millis(millis);
        let allowed = (0..10).filter(|_| limits.allow_peer(host, at(0), 1000)).count();
        assert_eq!(allowed, 6);
        assert!(!limits.allow_peer(host, at(900), 1000));
        assert!(limits.allow_peer(host, at(1000), 1000));
        assert!(!limits.allow_peer(host, at(1000), 1000));
        assert!(limits.allow_peer(Ipv4Addr::new(10, 0, 0, 2), at(1000), 1000));
    }

    #[test]
    fn fifty_errors_at_once_in_all_then_a_thousand_a_second() {
        let mut limits = IcmpLimits::default();
        let at = |millis| Instant::BOOT + Duration::from_millis(millis);
        let allowed = (0..100).filter(|_| limits.allow_global(at(0), 1000, 50)).count();
        assert_eq!(allowed, 50);
        let allowed = (0..100).filter(|_| limits.allow_global(at(10), 1000, 50)).count();
        assert_eq!(allowed, 10);
    }
}
