//! ARP: asks for the MAC of an IPv4 address, answers for one's own, and learns.
//!
//! Always: a request teaches the one asked about the one who asks; an unsolicited word only changes what is known.
//! Sources: RFC 826, RFC 5227; net/ipv4/arp.c (`arp_process`, `arp_solicit`); kernel doc ip-sysctl (arp_*).

use super::state::Update;
use super::table::NeighbourId;
use crate::device::flags;
use crate::ip::FibQuery;
use crate::ip::header::ethertype;
use crate::network::Event;
use crate::packet::PacketType;
use crate::rtnetlink::{RouteType, nud, scope};
use crate::sysctl::{Conf, NeighConf};
use crate::{Mac, Network, Packet};
use api::{DeviceId, DropReason, JourneyId, NetnsId};
use std::net::Ipv4Addr;
use std::time::Duration;

const LENGTH: usize = 28;
const REQUEST: u16 = 1;
const REPLY: u16 = 2;

/// An ARP message between Ethernet and IPv4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    operation: u16,
    pub sender_mac: Mac,
    pub sender: Ipv4Addr,
    pub target_mac: Mac,
    pub target: Ipv4Addr,
}

impl Message {
    /// `None` where it is about something else than Ethernet and IPv4, or neither request nor reply.
    pub fn read(bytes: &[u8]) -> Option<Message> {
        let bytes: &[u8; LENGTH] = bytes.first_chunk()?;
        let address = |at: usize| Ipv4Addr::new(bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]);
        let operation = u16::from_be_bytes([bytes[6], bytes[7]]);
        let known = bytes[..6] == [0, 1, 8, 0, 6, 4] && matches!(operation, REQUEST | REPLY);
        known.then(|| Message {
            operation,
            sender_mac: Mac::from_slice(&bytes[8..]),
            sender: address(14),
            target_mac: Mac::from_slice(&bytes[18..]),
            target: address(24),
        })
    }

    pub fn is_request(&self) -> bool {
        self.operation == REQUEST
    }

    /// The answer that what was asked for is at `mac`.
    pub fn reply(&self, mac: Mac) -> Message {
        Message {
            operation: REPLY,
            sender_mac: mac,
            sender: self.target,
            target_mac: self.sender_mac,
            target: self.sender,
        }
    }

    pub fn bytes(&self) -> [u8; LENGTH] {
        let mut bytes = [0; LENGTH];
        bytes[..6].copy_from_slice(&[0, 1, 8, 0, 6, 4]);
        bytes[6..8].copy_from_slice(&self.operation.to_be_bytes());
        bytes[8..14].copy_from_slice(&self.sender_mac.0);
        bytes[14..18].copy_from_slice(&self.sender.octets());
        bytes[18..24].copy_from_slice(&self.target_mac.0);
        bytes[24..28].copy_from_slice(&self.target.octets());
        bytes
    }
}

impl Network {
    fn arp_send(&mut self, device: DeviceId, to: Mac, message: Message, cause: Option<JourneyId>, depth: u8) {
        let it = &self.devices[device];
        // Nothing is asked on a device that does no ARP.
        if it.flags & flags::NOARP != 0 || !it.has_header() {
            return;
        }
        let ns = it.netns;
        let bytes = message.bytes();
        let journey = self.journey_begin(ns, "ARP", cause, ethertype::ARP, &bytes);
        let mut packet = Packet::new(journey, &bytes);
        packet.depth = depth;
        self.frame_push(device, to, ethertype::ARP, packet);
    }

    /// Asks for the address of an entry, by unicast while an old MAC is known (`arp_solicit`).
    pub(super) fn arp_solicit(&mut self, ns: NetnsId, id: NeighbourId, cause: Option<JourneyId>, depth: u8) {
        let Some(entry) = self.netns[ns].neighbours.get(id) else { return };
        let (device, target, mac, probes) = (entry.device, entry.address, entry.mac, entry.probes);
        let wanted = entry.waiting.back().map(|packet| crate::ip::header::source(packet.data()));
        let announce = self.conf_max(device, Conf::ArpAnnounce);
        let ours = wanted.filter(|source| self.address_kind(ns, *source) == RouteType::Local);
        let chosen = match announce {
            0 => ours,
            1 => ours.filter(|source| {
                self.devices[device].ip.addresses.iter().any(|it| it.covers(*source) && it.covers(target))
            }),
            _ => None,
        };
        let Some(sender) = chosen.or_else(|| self.select_source(ns, Some(device), Some(target), scope::LINK))
        else {
            return;
        };
        let unicast = u32::try_from(self.devices[device].ip.neigh.get(NeighConf::UcastSolicit)).unwrap_or(0);
        let to = if probes < unicast { mac } else { self.devices[device].broadcast };
        let sender_mac = self.devices[device].mac;
        let target_mac = if probes < unicast { mac } else { Mac::ZERO };
        let message = Message { operation: REQUEST, sender_mac, sender, target_mac, target };
        self.arp_send(device, to, message, cause, depth);
    }

    /// Tells the link of an address that was just put on a device (`arp_notify`).
    pub(crate) fn arp_announce(&mut self, device: DeviceId, address: Ipv4Addr) {
        let it = &self.devices[device];
        let (mac, broadcast) = (it.mac, it.broadcast);
        let message = Message {
            operation: REQUEST,
            sender_mac: mac,
            sender: address,
            target_mac: Mac::ZERO,
            target: address,
        };
        self.arp_send(device, broadcast, message, None, 0);
    }

    /// A frame of EtherType ARP, its Ethernet header off (`arp_rcv`, `arp_process`).
    pub(crate) fn arp_receive(&mut self, ns: NetnsId, device: DeviceId, packet: Packet) {
        if packet.kind == PacketType::OtherHost {
            return self.drop_at(device, packet, DropReason::OtherHost, "");
        }
        if self.devices[device].flags & (flags::NOARP | flags::LOOPBACK) != 0 {
            return self.drop_at(device, packet, DropReason::ArpNotForUs, "this device does no ARP");
        }
        if packet.len() < LENGTH {
            return self.drop_at(device, packet, DropReason::PktTooSmall, "");
        }
        let Some(message) = Message::read(packet.data()) else {
            return self.drop_at(device, packet, DropReason::UnhandledProto, "not IPv4 over Ethernet");
        };
        let local = self.conf_or(device, Conf::RouteLocalnet);
        if message.target.is_multicast() || (message.target.is_loopback() && !local) {
            return self.drop_at(device, packet, DropReason::ArpNotForUs, "not to be asked for");
        }
        if message.sender == message.target && self.conf_or(device, Conf::DropGratuitousArp) {
            return self.drop_at(device, packet, DropReason::ArpNotForUs, "drop_gratuitous_arp");
        }
        if message.sender.is_unspecified() {
            // Somebody checks whether the address is free (RFC 5227).
            let ours = self.address_kind(ns, message.target) == RouteType::Local;
            if message.operation == REQUEST && ours && !self.arp_ignored(ns, device, &message) {
                self.arp_reply(device, &message, &packet);
            }
            return self.consumed(device, packet, "ARP probe");
        }
        if message.operation == REQUEST && self.arp_answer(ns, device, &message, &packet) {
            return self.consumed(device, packet, "ARP request");
        }
        self.arp_learn(ns, device, &message, &packet);
        let by = if message.operation == REQUEST { "ARP request for another" } else { "ARP reply" };
        self.consumed(device, packet, by);
    }

    /// Is the request about this machine, or one it answers for? Then it learns who asks, and replies.
    fn arp_answer(&mut self, ns: NetnsId, device: DeviceId, message: &Message, packet: &Packet) -> bool {
        let query = FibQuery {
            destination: message.target.into(),
            source: message.sender.into(),
            iif: Some(device),
            ..FibQuery::default()
        };
        let to_all = message.target.is_broadcast() || message.target.is_unspecified();
        let found = self.fib_lookup(ns, &query).ok().filter(|_| !to_all);
        let Some(found) = found else { return false };
        if found.kind == RouteType::Local {
            if self.validate_source(ns, device, message.sender, &query, None).is_err() {
                return false;
            }
            let ignored = self.arp_ignored(ns, device, message) || self.arp_filtered(ns, device, message);
            if !ignored && self.arp_learn_asker(ns, device, message) {
                self.arp_reply(device, message, packet);
            }
            return true;
        }
        if self.devices[device].ip.conf.get(Conf::Forwarding) == 0 || found.kind != RouteType::Unicast {
            return false;
        }
        let Some(out) = found.hop.device else { return false };
        if self.validate_source(ns, device, message.sender, &query, Some(out)).is_err() {
            return false;
        }
        let listed = self.netns[ns].neighbours.proxies.contains(&(device, message.target));
        let proxied = if out == device {
            self.conf_or(device, Conf::ProxyArpPvlan)
        } else {
            self.conf_or(device, Conf::ProxyArp) || listed
        };
        if !proxied || !self.arp_learn_asker(ns, device, message) {
            return false;
        }
        let delay = u32::try_from(self.devices[device].ip.neigh.get(NeighConf::ProxyDelay)).unwrap_or(0);
        if packet.kind == PacketType::Host || delay == 0 {
            self.arp_reply(device, message, packet);
        } else {
            // Others, who have the address, go first.
            let wait = Duration::from_millis(10) * self.neighbour_rng.below(delay);
            let later = self.fork(packet);
            self.queue.push(self.now + wait, Event::ProxyArp { device, packet: later });
        }
        true
    }

    pub(crate) fn arp_proxy_answer(&mut self, device: DeviceId, packet: Packet) {
        if self.devices.get(device).is_none() {
            return self.drop_nowhere(packet, DropReason::DeviceGone);
        }
        if let Some(message) = Message::read(packet.data()) {
            self.arp_reply(device, &message, &packet);
        }
        self.consumed(device, packet, "ARP request, answered for another");
    }

    fn arp_reply(&mut self, device: DeviceId, request: &Message, packet: &Packet) {
        let reply = request.reply(self.devices[device].mac);
        self.arp_send(device, request.sender_mac, reply, Some(packet.journey), packet.depth);
    }

    /// Who asks is known from now on (`neigh_event_ns`).
    fn arp_learn_asker(&mut self, ns: NetnsId, device: DeviceId, message: &Message) -> bool {
        let found = self.netns[ns].neighbours.find(device, message.sender);
        let Some(id) = found.or_else(|| self.neighbour_create(ns, device, message.sender)) else {
            return false;
        };
        let update = Update { overrides: true, admin: false };
        // A permanent entry stays as it is, and the answer goes out all the same.
        let told = self.neighbour_update(ns, id, Some(message.sender_mac), nud::STALE, update);
        told.is_ok() || told == Err(crate::Errno::EPERM)
    }

    fn arp_learn(&mut self, ns: NetnsId, device: DeviceId, message: &Message, packet: &Packet) {
        let accept = self.conf_max(device, Conf::ArpAccept);
        let unicast = || self.address_kind(ns, message.sender) == RouteType::Unicast;
        let gratuitous = message.sender == message.target
            && unicast()
            && (message.operation == REQUEST || message.target_mac == message.sender_mac);
        let wanted = accept != 0 && (gratuitous || (message.operation == REPLY && unicast()));
        let found = self.netns[ns].neighbours.find(device, message.sender);
        let id = match found {
            Some(id) => id,
            None if wanted => match self.neighbour_create(ns, device, message.sender) {
                Some(id) => id,
                None => return,
            },
            None => return,
        };
        let lock = u64::try_from(self.devices[device].ip.neigh.get(NeighConf::Locktime)).unwrap_or(0);
        let updated = self.netns[ns].neighbours.get(id).map_or(self.now, |entry| entry.updated);
        let overrides = gratuitous || self.now.since(updated) > Duration::from_millis(lock * 10);
        let solicited = message.operation == REPLY && packet.kind == PacketType::Host;
        let state = if solicited { nud::REACHABLE } else { nud::STALE };
        let told = self.neighbour_update(
            ns,
            id,
            Some(message.sender_mac),
            state,
            Update { overrides, admin: false },
        );
        debug_assert!(told.is_ok() || told == Err(crate::Errno::EPERM));
    }

    /// `arp_ignore`
    fn arp_ignored(&self, ns: NetnsId, device: DeviceId, message: &Message) -> bool {
        let (target, sender) = (message.target, message.sender);
        let on_device = |narrowest: u8| {
            self.devices[device].ip.addresses.iter().any(|it| {
                it.local == target && it.scope <= narrowest && (sender.is_unspecified() || it.covers(sender))
            })
        };
        let here = self.devices[device].ip.addresses.iter().any(|it| it.local == target);
        match self.conf_max(device, Conf::ArpIgnore) {
            0 => false,
            1 => !here,
            2 => !on_device(scope::HOST),
            3 => {
                let mut devices = self.netns[ns].devices.values().map(|id| &self.devices[*id].ip.addresses);
                !devices.any(|list| list.iter().any(|it| it.local == target && it.scope < scope::LINK))
            }
            8 => true,
            _ => false,
        }
    }

    /// `arp_filter`: answers only where packets to the asker would leave.
    fn arp_filtered(&self, ns: NetnsId, device: DeviceId, message: &Message) -> bool {
        if !self.conf_or(device, Conf::ArpFilter) {
            return false;
        }
        let query = FibQuery {
            destination: message.sender.into(),
            source: message.target.into(),
            ..FibQuery::default()
        };
        !self.fib_lookup(ns, &query).is_ok_and(|found| found.hop.device == Some(device))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_read_as_it_was_written_and_other_hardware_is_not_ours() {
        let message = Message {
            operation: REPLY,
            sender_mac: Mac([2, 0, 0, 0, 0, 1]),
            sender: Ipv4Addr::new(10, 0, 0, 1),
            target_mac: Mac([2, 0, 0, 0, 0, 2]),
            target: Ipv4Addr::new(10, 0, 0, 2),
        };
        let mut bytes = message.bytes();
        assert_eq!(Message::read(&bytes), Some(message));
        assert_eq!(Message::read(&bytes[..27]), None);
        bytes[1] = 6;
        assert_eq!(Message::read(&bytes), None);
    }
}
