//! vxlan: Ethernet frames inside UDP, to the VTEPs that the device's FDB names.
//!
//! Always: an outer packet is a real one, routed, filtered and counted like any that a program here sends.
//! Differs from Linux: IPv4 VTEPs only, multicast groups are sent to but not joined, no `external`, no VNI filter,
//! no GBP and GPE extensions, no ECN copied in and out; `rsc`, `l2miss`, `l3miss` and what is for IPv6 are shown, and
//! change nothing.
//! Sources: RFC 7348; drivers/net/vxlan/vxlan_core.c (`vxlan_xmit_one`, `vxlan_rcv`, `vxlan_snoop`).

use super::Kind;
use super::vxlan_fdb::{MAX_LEARNT, Remote, VxlanEntry, VxlanFdb};
use crate::hash::hash_of;
use crate::ip::header::{self, Fields, ethertype, fold, protocol, pseudo, push, sum, transport_checksum};
use crate::ip::is_unfragmentable;
use crate::packet::ETHERNET;
use crate::path::{FlowKey, RouteResult};
use crate::rtnetlink::{VxlanInfo, nud, route_flags as rtcf};
use crate::trace::note::Note;
use crate::{Errno, Mac, Network, Packet};
use api::{DeviceId, DropReason, NetnsId};
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

/// UDP and VXLAN headers.
const UDP: usize = 8;
const VXLAN: usize = 8;
/// What encapsulation adds to an inner IP packet: Ethernet, IP, UDP, VXLAN.
pub(crate) const OVERHEAD: u32 = (ETHERNET + header::IPV4_HEADER + UDP + VXLAN) as u32;
/// `tos inherit`, `df set`, `df inherit`, as the kernel writes them.
const INHERIT_TOS: u8 = 1;
const DF_SET: u8 = 1;
const DF_INHERIT: u8 = 2;
/// The two bits of the TOS that are about congestion.
const ECN: u8 = 3;
/// "The VNI is valid."
const FLAG_VNI: u8 = 0x08;

#[derive(Debug)]
pub(crate) struct Vxlan {
    /// What `ip -d link` shows.
    pub info: VxlanInfo,
    /// Where its outer packets live: the namespace in which it was made.
    pub net: NetnsId,
    /// `dev`
    pub lower: Option<DeviceId>,
    pub fdb: VxlanFdb,
}

impl Vxlan {
    pub fn key(&self) -> (u16, u32) {
        (self.info.destination_port, self.info.id)
    }

    /// By `maxaddress`.
    pub fn is_full(&self) -> bool {
        self.info.max_address != 0 && self.fdb.len() >= self.info.max_address as usize
    }

    fn ageing(&self) -> Duration {
        Duration::from_secs(self.info.ageing.into())
    }
}

impl Network {
    fn vxlan(&self, device: DeviceId) -> &Vxlan {
        self.devices[device].vxlan().expect("the device is a vxlan")
    }

    fn vxlan_mut(&mut self, device: DeviceId) -> &mut Vxlan {
        self.devices[device].vxlan_mut().expect("the device is a vxlan")
    }

    /// Up, it listens on its UDP port.
    pub(super) fn vxlan_open(&mut self, device: DeviceId) -> Result<(), Errno> {
        let (net, key) = (self.vxlan(device).net, self.vxlan(device).key());
        if self.netns[net].vxlans.contains_key(&key) {
            return Err(Errno::EEXIST);
        }
        self.netns[net].vxlans.insert(key, device);
        *self.netns[net].vxlan_ports.entry(key.0).or_default() += 1;
        Ok(())
    }

    /// Down, it does not, and forgets what it learnt.
    pub(super) fn vxlan_close(&mut self, device: DeviceId) {
        let (net, key) = (self.vxlan(device).net, self.vxlan(device).key());
        let it = &mut self.netns[net];
        if it.vxlans.remove(&key).is_some() {
            if let Some(count) = it.vxlan_ports.get_mut(&key.0) {
                *count -= 1;
            }
            it.vxlan_ports.retain(|_, count| *count > 0);
        }
        let kept = |entry: &VxlanEntry| entry.state & (nud::PERMANENT | nud::NOARP) != 0;
        self.vxlan_mut(device).fdb.clear(kept);
    }

    /// UDP ports that VXLAN devices of this namespace hold, as `ss` shows them.
    pub fn vxlan_ports(&self, ns: NetnsId) -> Vec<u16> {
        self.netns[ns].vxlan_ports.keys().copied().collect()
    }

    pub(super) fn vxlan_transmit(&mut self, device: DeviceId, packet: Packet) {
        let to = Mac::from_slice(packet.data());
        let arp = packet.data().get(12..14) == Some(&ethertype::ARP.to_be_bytes());
        if arp && self.vxlan(device).info.proxy {
            return self.vxlan_arp_reduce(device, packet);
        }
        let now = self.now;
        let vxlan = self.vxlan_mut(device);
        let ageing = vxlan.ageing();
        vxlan.expire_one(to, now, ageing);
        let known = vxlan.fdb.find(to).map(|entry| entry.mac);
        let mac = known.unwrap_or(Mac::ZERO);
        let Some(entry) = vxlan.fdb.find_mut(mac).filter(|entry| !entry.remotes.is_empty()) else {
            self.devices[device].stats.tx_dropped += 1;
            let detail = if self.trace.on { format!("nothing for {to}") } else { String::new() };
            return self.drop_at(device, packet, DropReason::VxlanNoRemote, &detail);
        };
        entry.used = now;
        let first = entry.remotes[0];
        let others: Vec<Remote> = entry.remotes[1..].to_vec();
        for remote in others {
            let copy = self.fork(&packet);
            self.vxlan_transmit_to(device, copy, &remote);
        }
        self.vxlan_transmit_to(device, packet, &first);
    }

    /// `vxlan_xmit_one`
    fn vxlan_transmit_to(&mut self, device: DeviceId, packet: Packet, remote: &Remote) {
        let vxlan = self.vxlan(device);
        let (net, port, info) = (vxlan.net, remote.port, &vxlan.info);
        let ttl = match info.ttl {
            _ if info.ttl_inherit => inner_ip(packet.data()).map_or(0, header::ttl),
            0 if remote.address.is_multicast() => 1,
            ttl => ttl,
        };
        let tos =
            if info.tos == INHERIT_TOS { inner_ip(packet.data()).map_or(0, header::tos) } else { info.tos };
        let (tos, summed) = (tos & !ECN, info.udp_checksum);
        let dont_fragment = info.df == DF_SET || (info.df == DF_INHERIT && is_uncut(packet.data()));
        let source_port = self.vxlan_source_port(net, info.source_ports, packet.data());
        let flow = FlowKey {
            destination: IpAddr::V4(remote.address),
            source: info.local,
            oif: self.device_id(net, remote.via),
            tos,
            mark: packet.mark,
            protocol: protocol::UDP,
            source_port,
            destination_port: port,
            ..FlowKey::default()
        };
        let route = match self.vxlan_route(device, net, &flow) {
            Ok(route) => route,
            Err((reason, detail)) => return self.drop_at(device, packet, reason, &detail),
        };
        if route.flags & rtcf::LOCAL != 0 && route.flags & (rtcf::BROADCAST | rtcf::MULTICAST) == 0 {
            return self.vxlan_bypass(device, packet, net, port, remote.vni);
        }
        let source = crate::path::v4(route.source);
        let inner_mtu = route.mtu.saturating_sub(OVERHEAD);
        let Some(mut packet) = self.tunnel_check_mtu(device, packet, inner_mtu) else { return };
        self.count_sent(device, packet.len() - ETHERNET);
        self.tunnel_scrub(device, net, &mut packet);
        let sum = |length| {
            if summed { Some(pseudo(source, remote.address, protocol::UDP, length)) } else { None }
        };
        encapsulate(&mut packet, remote.vni, source_port, port, sum);
        let fields = Fields {
            source,
            destination: remote.address,
            protocol: protocol::UDP,
            ttl: if ttl == 0 { self.default_ttl(net) } else { ttl },
            tos,
            identification: self.next_identification(net),
            dont_fragment,
        };
        push(&mut packet, &fields);
        if self.trace.on {
            let source = (source, source_port).into();
            let destination = (remote.address, port).into();
            let note = Note::Vxlan { inward: false, source, destination, vni: remote.vni };
            self.stop(&packet, device, None, note);
        }
        self.local_out(net, packet, &route);
    }

    /// The way to a VTEP; what is wrong with it counts as the device's error.
    fn vxlan_route(
        &mut self,
        device: DeviceId,
        net: NetnsId,
        flow: &FlowKey,
    ) -> Result<RouteResult, (DropReason, String)> {
        let found = self.route_output(net, flow);
        let stats = &mut self.devices[device].stats;
        match found {
            Ok(route) if route.device == device => {
                stats.collisions += 1;
                stats.tx_errors += 1;
                let detail = "the way to the VTEP leads through this device";
                Err((DropReason::TunnelTxLoop, detail.to_owned()))
            }
            Ok(route) => Ok(route),
            Err(errno) => {
                stats.tx_errors += 1;
                stats.tx_carrier_errors += u64::from(errno == Errno::ENETUNREACH);
                Err((DropReason::IpOutNoRoutes, format!("no route to the VTEP {}", flow.destination)))
            }
        }
    }

    /// The VTEP is this machine itself: straight into the other device (`vxlan_encap_bypass`).
    fn vxlan_bypass(&mut self, device: DeviceId, packet: Packet, net: NetnsId, port: u16, vni: u32) {
        let Some(other) = self.netns[net].vxlans.get(&(port, vni)).copied() else {
            self.devices[device].stats.tx_errors += 1;
            return self.drop_at(
                device,
                packet,
                DropReason::VxlanVniNotFound,
                "the VTEP is this machine itself",
            );
        };
        self.count_sent(device, packet.len() - ETHERNET);
        self.vxlan_inner(other, packet, None);
    }

    /// A hash of the inner flow, so that routers on the way may spread flows (RFC 7348 §5).
    fn vxlan_source_port(&self, net: NetnsId, (low, high): (u16, u16), frame: &[u8]) -> u16 {
        let (low, high) = if low < high { (low, high) } else { self.netns[net].sysctl.local_ports };
        let hash = if let Some(bytes) = inner_ip(frame) {
            let ports = header::ports(bytes);
            hash_of(&(header::source(bytes), header::destination(bytes), header::protocol_of(bytes), ports))
        } else {
            hash_of(&(Mac::from_slice(frame), Mac::from_slice(frame.get(6..).unwrap_or(&[]))))
        };
        let hash = hash as u32 ^ (hash >> 32) as u32;
        low + ((u64::from(hash) * u64::from(high - low)) >> 32) as u16
    }

    /// A UDP packet to a port of VXLAN devices, its IP header first (`vxlan_rcv`).
    pub(crate) fn vxlan_receive(&mut self, ns: NetnsId, port: u16, mut packet: Packet) {
        let bytes = packet.data();
        let (source, destination) = (header::source(bytes), header::destination(bytes));
        let start = header::header_length(bytes);
        let datagram = &bytes[start..];
        if datagram.len() < UDP + VXLAN + ETHERNET {
            return self.drop_in(ns, packet, DropReason::PktTooSmall, "");
        }
        let summed = datagram[6..8] != [0, 0] && packet.sound == 0;
        if summed && transport_checksum(source, destination, protocol::UDP, datagram) != [0, 0] {
            return self.drop_in(ns, packet, DropReason::UdpCsum, "");
        }
        let vxlan = &datagram[UDP..];
        if vxlan[0] & FLAG_VNI == 0 {
            return self.drop_in(ns, packet, DropReason::VxlanInvalidHdr, "");
        }
        let vni = u32::from_be_bytes([0, vxlan[4], vxlan[5], vxlan[6]]);
        let Some(device) = self.netns[ns].vxlans.get(&(port, vni)).copied() else {
            let detail = if self.trace.on { format!("vni {vni}") } else { String::new() };
            return self.drop_in(ns, packet, DropReason::VxlanVniNotFound, &detail);
        };
        if self.trace.on {
            let from = u16::from_be_bytes([datagram[0], datagram[1]]);
            let note = Note::Vxlan {
                inward: true,
                source: (source, from).into(),
                destination: (destination, port).into(),
                vni,
            };
            self.stop(&packet, device, None, note);
        }
        let inside = packet.pull(start + UDP + VXLAN);
        debug_assert!(inside, "the length was checked");
        packet.sound = packet.sound.saturating_sub(1);
        self.vxlan_inner(device, packet, Some(source));
    }

    /// A frame out of its tunnel: learn from it, and let it in.
    fn vxlan_inner(&mut self, device: DeviceId, mut packet: Packet, vtep: Option<Ipv4Addr>) {
        let from = Mac::from_slice(&packet.data()[6..]);
        if from == self.devices[device].mac {
            self.devices[device].stats.rx_errors += 1;
            return self.drop_at(device, packet, DropReason::LocalMac, "");
        }
        let learnt = match self.vxlan(device).info.learning {
            true => self.vxlan_snoop(device, from, vtep),
            false => Ok(()),
        };
        if let Err((reason, detail)) = learnt {
            return self.drop_at(device, packet, reason, detail);
        }
        if !self.devices[device].is_up() {
            self.devices[device].stats.rx_dropped += 1;
            return self.drop_at(device, packet, DropReason::DevReady, "the device is down");
        }
        self.tunnel_scrub(device, self.vxlan(device).net, &mut packet);
        packet.forget_frame();
        self.count_received(device, packet.len() - ETHERNET);
        self.receive(device, packet);
    }

    /// A mark stays within its namespace: `net` is where the tunnel's outer packets live.
    pub(super) fn tunnel_scrub(&self, device: DeviceId, net: NetnsId, packet: &mut Packet) {
        if self.devices[device].netns == net { packet.scrub_same_netns() } else { packet.scrub() }
    }

    /// `vxlan_snoop`: that MAC is behind that VTEP.
    fn vxlan_snoop(
        &mut self,
        device: DeviceId,
        from: Mac,
        vtep: Option<Ipv4Addr>,
    ) -> Result<(), (DropReason, &'static str)> {
        if !from.is_valid() {
            return Err((DropReason::IpInvalidSource, "a group as source MAC"));
        }
        let now = self.now;
        let up = self.devices[device].is_up();
        let vxlan = self.vxlan_mut(device);
        let Some(vtep) = vtep.or(match vxlan.info.local {
            Some(IpAddr::V4(local)) => Some(local),
            _ => None,
        }) else {
            return Ok(());
        };
        let ageing = vxlan.ageing();
        vxlan.expire_one(from, now, ageing);
        let (port, vni) = vxlan.key();
        if let Some(entry) = vxlan.fdb.find_mut(from) {
            if entry.remotes.first().is_some_and(|remote| remote.address == vtep) {
                entry.updated = now;
                return Ok(());
            }
            if entry.state & (nud::PERMANENT | nud::NOARP) != 0 {
                return Err((DropReason::VxlanEntryLocal, "its MAC stands in the FDB for another VTEP"));
            }
            if let Some(remote) = entry.remotes.first_mut() {
                remote.address = vtep;
            }
            entry.updated = now;
        } else if up {
            if vxlan.is_full() || vxlan.fdb.len() >= MAX_LEARNT {
                vxlan.fdb.expire(now, ageing);
            }
            if !vxlan.is_full() && vxlan.fdb.len() < MAX_LEARNT {
                let remotes = vec![Remote { address: vtep, port, vni, via: 0 }];
                let entry = VxlanEntry {
                    mac: from,
                    state: nud::REACHABLE,
                    flags: 0,
                    remotes,
                    used: now,
                    updated: now,
                };
                vxlan.fdb.insert(entry);
            }
        }
        Ok(())
    }

    /// `proxy`: ARP requests are answered from the neighbour table, and go no further (`arp_reduce`).
    fn vxlan_arp_reduce(&mut self, device: DeviceId, packet: Packet) {
        let bytes = packet.data().get(ETHERNET..).unwrap_or(&[]);
        let Some(request) = crate::neighbour::Message::read(bytes).filter(|it| it.is_request()) else {
            return self.consumed(device, packet, "vxlan proxy");
        };
        let ns = self.devices[device].netns;
        let it = &self.netns[ns].neighbours;
        let known =
            it.find(device, request.target).and_then(|id| it.get(id)).filter(|entry| entry.is_connected());
        let Some(mac) = known.map(|entry| entry.mac) else {
            return self.drop_at(
                device,
                packet,
                DropReason::NeighFailed,
                "the VXLAN proxy does not know that neighbour",
            );
        };
        let reply = request.reply(mac).bytes();
        let journey = self.journey_begin(ns, "vxlan proxy", Some(packet.journey), ethertype::ARP, &reply);
        let mut answer = Packet::new(journey, &reply);
        answer.depth = packet.depth + 1;
        let frame = answer.push(ETHERNET);
        frame[..6].copy_from_slice(&request.sender_mac.0);
        frame[6..12].copy_from_slice(&mac.0);
        frame[12..].copy_from_slice(&ethertype::ARP.to_be_bytes());
        self.consumed(device, packet, "vxlan proxy");
        self.count_received(device, answer.len() - ETHERNET);
        self.receive(device, answer);
    }

    /// Devices whose outer packets live in `net`, with that VNI and port.
    pub(crate) fn vxlan_twin(&self, net: NetnsId, key: (u16, u32), except: Option<DeviceId>) -> bool {
        self.devices.iter().any(|(id, device)| {
            Some(id) != except
                && matches!(&device.kind, Kind::Vxlan(vxlan) if vxlan.net == net && vxlan.key() == key)
        })
    }
}

impl Vxlan {
    /// An entry that was learnt and not seen for long is not there.
    fn expire_one(&mut self, mac: Mac, now: sim::Instant, ageing: Duration) {
        let old = self.fdb.find(mac).is_some_and(|entry| {
            entry.state & (nud::PERMANENT | nud::NOARP) == 0
                && !ageing.is_zero()
                && entry.updated + ageing <= now
        });
        if old {
            self.fdb.remove(mac);
        }
    }
}

/// The IPv4 packet in the frame.
fn inner_ip(frame: &[u8]) -> Option<&[u8]> {
    let ip = frame.get(12..14)? == ethertype::IPV4.to_be_bytes();
    frame.get(ETHERNET..).filter(|bytes| ip && bytes.len() >= header::IPV4_HEADER)
}

/// May what is inside not be cut? IPv6 never may.
fn is_uncut(frame: &[u8]) -> bool {
    let six = frame.get(12..14) == Some(&ethertype::IPV6.to_be_bytes());
    six || inner_ip(frame).is_some_and(is_unfragmentable)
}

/// Puts VXLAN and UDP headers in front; `pseudo` is the pseudo header's sum for that length, where there is to be a
/// checksum.
fn encapsulate(packet: &mut Packet, vni: u32, from: u16, to: u16, pseudo: impl FnOnce(usize) -> Option<u64>) {
    // The outer checksum will be right, too; of an unknown inner one nothing is said by it.
    packet.sound = if packet.sound == 0 { 0 } else { packet.sound.saturating_add(1) };
    let bytes = packet.push(UDP + VXLAN);
    bytes[UDP] = FLAG_VNI;
    bytes[UDP + 4..UDP + 7].copy_from_slice(&vni.to_be_bytes()[1..]);
    bytes[..2].copy_from_slice(&from.to_be_bytes());
    bytes[2..4].copy_from_slice(&to.to_be_bytes());
    let length = packet.len();
    packet.data_mut()[4..6].copy_from_slice(&(length as u16).to_be_bytes());
    if let Some(pseudo) = pseudo(length) {
        let check = match fold(pseudo + sum(packet.data())) {
            // Zero would say that there is none (RFC 768).
            [0, 0] => [0xff, 0xff],
            check => check,
        };
        packet.data_mut()[6..8].copy_from_slice(&check);
    }
}
