//! bridge: a switch of devices; it learns who is behind which port, and floods what it does not know.
//!
//! Stands between its ports (their frames come here from `path/ingress.rs`) and the stack of its own namespace (the
//! bridge is a device there). Always: a frame leaves only by ports that forward, and never by the port it came in by
//! unless that is a hairpin port.
//! Differs from Linux: no VLAN filtering, no multicast database (groups are flooded), no per-port proxy ARP; the port
//! flags fastleave, mcast_to_unicast, proxy_arp_wifi, neigh_suppress and vlan_tunnel are shown, and change nothing.
//! Sources: net/bridge/br_input.c, br_forward.c, br_device.c, br_stp_if.c; IEEE 802.1D-1998.

use super::Kind;
use super::fdb::{BridgeEntry, Fdb, Learnt};
use super::port::{PortState, port_flags};
use super::stp_timer::Timer;
use crate::ip::group_mac;
use crate::packet::PacketType;
use crate::rtnetlink::BridgeId;
use crate::trace::note::Note;
use crate::{Mac, Network, Packet};
use api::journey::StopKind;
use api::{DeviceId, DropReason};
use std::net::Ipv4Addr;
use std::time::Duration;

/// The group of all multicast snoopers (RFC 4286), which a bridge that snoops is in, in both families.
const SNOOPERS: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 106);
const SNOOPERS_6: Mac = Mac([0x33, 0x33, 0, 0, 0, 0x6a]);
/// Bridges talk about the spanning tree by this address.
pub(crate) const STP_GROUP: Mac = Mac([0x01, 0x80, 0xc2, 0, 0, 0]);

/// Times are in hundredths of a second.
#[derive(Debug)]
pub(crate) struct Bridge {
    /// The newest first, which is the order of flooding.
    pub ports: Vec<DeviceId>,
    pub fdb: Fdb,
    pub id: BridgeId,
    pub designated_root: BridgeId,
    pub root_path_cost: u32,
    pub root_port: u16,
    pub max_age: u32,
    pub hello_time: u32,
    pub forward_delay: u32,
    pub bridge_max_age: u32,
    pub bridge_hello_time: u32,
    pub bridge_forward_delay: u32,
    pub ageing_time: u32,
    /// 0 off, 1 by the kernel.
    pub stp: u32,
    pub topology_change: bool,
    pub topology_change_detected: bool,
    pub hello: Timer,
    pub tcn: Timer,
    pub topology: Timer,
    pub group_address: Mac,
    pub group_fwd_mask: u16,
    pub mcast_snooping: bool,
    pub mcast_router: u8,
    pub mcast_querier: bool,
    pub nf_call_iptables: bool,
    pub nf_call_ip6tables: bool,
    pub nf_call_arptables: bool,
    pub mtu_by_user: bool,
}

impl Default for Bridge {
    fn default() -> Bridge {
        let id = BridgeId { priority: 0x8000, mac: Mac::ZERO };
        Bridge {
            ports: Vec::new(),
            fdb: Fdb::default(),
            id,
            designated_root: id,
            root_path_cost: 0,
            root_port: 0,
            max_age: 2000,
            hello_time: 200,
            forward_delay: 1500,
            bridge_max_age: 2000,
            bridge_hello_time: 200,
            bridge_forward_delay: 1500,
            ageing_time: 30000,
            stp: 0,
            topology_change: false,
            topology_change_detected: false,
            hello: Timer::default(),
            tcn: Timer::default(),
            topology: Timer::default(),
            group_address: STP_GROUP,
            group_fwd_mask: 0,
            mcast_snooping: true,
            mcast_router: 1,
            mcast_querier: false,
            nf_call_iptables: false,
            nf_call_ip6tables: false,
            nf_call_arptables: false,
            mtu_by_user: false,
        }
    }
}

pub(crate) fn hundredths(time: u32) -> Duration {
    Duration::from_millis(u64::from(time) * 10)
}

impl Bridge {
    /// How long a learnt address is kept: shorter after a change of the tree.
    #[inline]
    pub fn hold_time(&self) -> Duration {
        hundredths(if self.topology_change { self.forward_delay } else { self.ageing_time })
    }
}

/// Where the bridge sends a frame.
enum To {
    /// Up, to its own namespace only.
    Up,
    Port(DeviceId),
    All,
}

impl Network {
    pub(super) fn bridge_of(&mut self, bridge: DeviceId) -> &mut Bridge {
        self.devices[bridge].bridge_mut().expect("the device is a bridge")
    }

    /// A frame came in by a port (`br_handle_frame`).
    pub(crate) fn bridge_receive(&mut self, device: DeviceId, mut packet: Packet) {
        let port = self.port(device);
        let (bridge, state, mask) = (port.bridge, port.state, port.group_fwd_mask);
        let (to, from) = (Mac::from_slice(packet.data()), Mac::from_slice(&packet.data()[6..]));
        if !from.is_valid() {
            return self.drop_at(device, packet, DropReason::IpInvalidSource, "a group as source MAC");
        }
        if to.is_link_local() {
            let br = self.devices[bridge].bridge().expect("a port's bridge");
            let listed = (br.group_fwd_mask | mask) >> (to.0[5] & 15) & 1 != 0;
            let passes = match to.0[5] {
                0x00 => br.stp == 0 || listed,
                0x01 => return self.drop_at(device, packet, DropReason::UnhandledProto, "IEEE pause frame"),
                _ => listed,
            };
            if !passes {
                return self.stp_receive(device, packet);
            }
        }
        if !matches!(state, PortState::Forwarding | PortState::Learning) {
            return self.drop_at(device, packet, DropReason::BridgeIngressStpState, state.name());
        }
        if to == self.devices[bridge].mac {
            packet.kind = PacketType::Host;
        }
        if let Some(packet) = self.bridge_prerouting(bridge, device, packet) {
            self.bridge_finish(bridge, device, packet);
        }
    }

    /// `br_handle_frame_finish`: learn, then decide.
    pub(crate) fn bridge_finish(&mut self, bridge: DeviceId, device: DeviceId, mut packet: Packet) {
        let now = self.now;
        let port = self.port(device);
        let (learns, learning_only) = (port.has(port_flags::LEARNING), port.state == PortState::Learning);
        let locked = port.has(port_flags::LOCKED);
        let (to, from) = (Mac::from_slice(packet.data()), Mac::from_slice(&packet.data()[6..]));
        if locked && !self.bridge_knows(bridge, from, device) {
            return self.drop_at(device, packet, DropReason::BridgeIngressStpState, "the port is locked");
        }
        let br = self.bridge_of(bridge);
        let hold = br.hold_time();
        if learns && br.fdb.learn(from, device, now, hold) == Learnt::Changed && self.trace.on {
            let port = self.devices[device].name.to_string();
            self.stop(&packet, bridge, None, StopKind::BridgeLearn { mac: from.to_string(), port }.into());
        }
        if learning_only {
            return self.drop_at(device, packet, DropReason::BridgeIngressStpState, "learning");
        }
        let promiscuous = self.devices[bridge].flags & super::flags::PROMISC != 0;
        let where_to = if to.is_multicast() {
            packet.kind = if to.is_broadcast() { PacketType::Broadcast } else { PacketType::Multicast };
            To::All
        } else {
            let br = self.bridge_of(bridge);
            match br.fdb.find(to, now, hold) {
                Some(entry) if entry.local => To::Up,
                Some(BridgeEntry { port: Some(port), .. }) => To::Port(*port),
                Some(_) => To::Up,
                None => To::All,
            }
        };
        match where_to {
            To::Up => {
                if self.trace.on {
                    self.stop(&packet, bridge, None, StopKind::BridgeLocal.into());
                }
                self.bridge_up(bridge, packet);
            }
            To::Port(port) => {
                if promiscuous {
                    let copy = self.fork(&packet);
                    self.bridge_up(bridge, copy);
                }
                self.bridge_forward(bridge, port, packet, Some(device));
            }
            To::All => {
                let up = to.is_multicast() || promiscuous;
                self.bridge_flood(bridge, packet, Some(device), up);
            }
        }
    }

    fn bridge_knows(&mut self, bridge: DeviceId, from: Mac, device: DeviceId) -> bool {
        let now = self.now;
        let br = self.bridge_of(bridge);
        let hold = br.hold_time();
        br.fdb.find(from, now, hold).is_some_and(|entry| entry.port == Some(device) && !entry.local)
    }

    /// Towards the one port that is known (`br_forward`). `input` is `None` for what the bridge itself sends.
    fn bridge_forward(&mut self, bridge: DeviceId, port: DeviceId, packet: Packet, input: Option<DeviceId>) {
        if let Some((reason, detail)) = self.port_refuses(port, input) {
            return self.drop_at(input.unwrap_or(bridge), packet, reason, detail);
        }
        if self.trace.on {
            let name = self.devices[port].name.clone();
            self.stop(&packet, bridge, None, Note::BridgeForward(name));
        }
        self.bridge_egress(bridge, port, packet, input);
    }

    /// `should_deliver`
    fn port_refuses(&self, port: DeviceId, input: Option<DeviceId>) -> Option<(DropReason, &'static str)> {
        let out = self.port(port);
        if input == Some(port) && !out.has(port_flags::HAIRPIN) {
            return Some((DropReason::BridgeHairpin, ""));
        }
        if out.state != PortState::Forwarding {
            return Some((DropReason::BridgeNoEgressPort, "the port to it does not forward"));
        }
        let isolated =
            |id: DeviceId| self.devices[id].port.as_ref().is_some_and(|it| it.has(port_flags::ISOLATED));
        if out.has(port_flags::ISOLATED) && input.is_some_and(isolated) {
            return Some((DropReason::BridgeNoEgressPort, "both ports are isolated"));
        }
        None
    }

    /// To all ports that take it (`br_flood`), and up where `up`.
    fn bridge_flood(&mut self, bridge: DeviceId, packet: Packet, input: Option<DeviceId>, up: bool) {
        let to = Mac::from_slice(packet.data());
        let wanted = if to.is_broadcast() {
            port_flags::BCAST_FLOOD
        } else if to.is_multicast() {
            port_flags::MCAST_FLOOD
        } else {
            port_flags::FLOOD
        };
        let takes = |it: &Network, port: DeviceId| {
            let flags = it.port(port);
            let floods = flags.has(wanted) || (input.is_none() && to.is_multicast());
            floods && !flags.has(port_flags::PROXY_ARP) && it.port_refuses(port, input).is_none()
        };
        let ports: Vec<DeviceId> = {
            let br = self.devices[bridge].bridge().expect("the device is a bridge");
            br.ports.iter().copied().filter(|port| takes(self, *port)).collect()
        };
        if self.trace.on && !ports.is_empty() {
            let names = ports.iter().map(|port| self.devices[*port].name.to_string()).collect();
            self.stop(&packet, bridge, None, StopKind::BridgeFlood { ports: names }.into());
        }
        let Some((last, others)) = ports.split_last() else {
            if up {
                return self.bridge_up(bridge, packet);
            }
            return self.drop_at(input.unwrap_or(bridge), packet, DropReason::BridgeNoEgressPort, "");
        };
        for port in others {
            let copy = self.fork(&packet);
            self.bridge_egress(bridge, *port, copy, input);
        }
        if up {
            let copy = self.fork(&packet);
            self.bridge_egress(bridge, *last, copy, input);
            self.bridge_up(bridge, packet);
        } else {
            self.bridge_egress(bridge, *last, packet, input);
        }
    }

    /// Out of a port (`__br_forward`).
    fn bridge_egress(&mut self, bridge: DeviceId, port: DeviceId, packet: Packet, input: Option<DeviceId>) {
        match input {
            Some(input) if packet.bridged => {
                for piece in self.bridge_forward_hooks(bridge, input, port, packet) {
                    self.bridge_push(port, piece);
                }
            }
            _ => self.bridge_push(port, packet),
        }
    }

    fn bridge_push(&mut self, port: DeviceId, packet: Packet) {
        if packet.len() > self.devices[port].longest_frame() {
            let detail =
                if self.trace.on { format!("MTU {}", self.devices[port].mtu) } else { String::new() };
            return self.drop_at(port, packet, DropReason::PktTooBig, &detail);
        }
        self.transmit(port, packet);
    }

    /// Up to the bridge's own namespace (`br_pass_frame_up`).
    pub(crate) fn bridge_up(&mut self, bridge: DeviceId, packet: Packet) {
        // Linux counts these without their Ethernet headers.
        self.count_received(bridge, packet.len() - crate::packet::ETHERNET);
        self.receive(bridge, packet);
    }

    /// The stack sends by the bridge (`br_dev_xmit`).
    pub(super) fn bridge_transmit(&mut self, bridge: DeviceId, packet: Packet) {
        self.count_sent(bridge, packet.len());
        let to = Mac::from_slice(packet.data());
        // A bridged packet that waited for its new next hop's MAC goes on as what it is.
        let input = if packet.bridged { packet.port } else { None };
        if to.is_multicast() {
            return self.bridge_flood(bridge, packet, None, false);
        }
        let now = self.now;
        let br = self.bridge_of(bridge);
        let hold = br.hold_time();
        match br.fdb.find(to, now, hold).map(|entry| entry.port) {
            Some(Some(port)) => self.bridge_forward(bridge, port, packet, input),
            Some(None) => {
                self.drop_at(bridge, packet, DropReason::BridgeNoEgressPort, "to the bridge itself")
            }
            None => self.bridge_flood(bridge, packet, input, false),
        }
    }

    /// `br_dev_open`
    pub(super) fn bridge_open(&mut self, bridge: DeviceId) {
        self.stp_enable_bridge(bridge);
        if self.bridge_of(bridge).mcast_snooping {
            self.bridge_snoop(bridge, true);
        }
    }

    pub(super) fn bridge_close(&mut self, bridge: DeviceId) {
        self.stp_disable_bridge(bridge);
        if self.bridge_of(bridge).mcast_snooping {
            self.bridge_snoop(bridge, false);
        }
    }

    /// A bridge that snoops multicast, while it is up, is itself in the snoopers' groups.
    pub(crate) fn bridge_snoop(&mut self, bridge: DeviceId, on: bool) {
        debug_assert_eq!(group_mac(SNOOPERS).0[5], SNOOPERS_6.0[5]);
        if on {
            self.group_join(bridge, SNOOPERS);
            self.devices[bridge].group_join(SNOOPERS_6);
        } else {
            self.group_leave(bridge, SNOOPERS);
            self.devices[bridge].group_leave(SNOOPERS_6);
        }
    }

    /// The least MTU of its ports, unless someone set it by hand (`br_mtu_auto_adjust`).
    pub(super) fn bridge_mtu_adjust(&mut self, bridge: DeviceId) {
        let Some(br) = self.devices[bridge].bridge() else { return };
        if br.mtu_by_user {
            return;
        }
        let mtu = br.ports.iter().map(|port| self.devices[*port].mtu).min().unwrap_or(1500);
        if self.devices[bridge].mtu != mtu {
            self.devices[bridge].mtu = mtu;
            self.netdev_mtu(bridge);
        }
    }

    /// The lowest MAC of its ports is the bridge's, unless one was set (`br_stp_recalculate_bridge_id`).
    pub(super) fn bridge_recalculate_id(&mut self, bridge: DeviceId) -> bool {
        if self.devices[bridge].mac_is_set {
            return false;
        }
        let Kind::Bridge(br) = &self.devices[bridge].kind else { return false };
        let mac = br.ports.iter().map(|port| self.devices[*port].mac).min().unwrap_or(Mac::ZERO);
        if br.id.mac == mac {
            return false;
        }
        self.bridge_set_mac(bridge, mac);
        true
    }

    pub(crate) fn fdb_add_local(&mut self, bridge: DeviceId, port: Option<DeviceId>, mac: Mac) {
        let now = self.now;
        let br = self.bridge_of(bridge);
        // Several ports may have one address: the first counts.
        let there = br.fdb.find_mut(mac).is_some_and(|entry| entry.local);
        if mac.is_valid() && !there {
            br.fdb.insert(BridgeEntry::local(mac, port, now));
        }
    }

    /// An own address goes, unless another port or the bridge has the same.
    pub(crate) fn fdb_delete_local(&mut self, bridge: DeviceId, port: Option<DeviceId>, mac: Mac) {
        let Kind::Bridge(br) = &self.devices[bridge].kind else { return };
        let twin =
            br.ports.iter().copied().find(|other| Some(*other) != port && self.devices[*other].mac == mac);
        let bridge_has_it = port.is_some() && self.devices[bridge].mac == mac;
        let br = self.bridge_of(bridge);
        match br.fdb.find_mut(mac) {
            Some(entry) if twin.is_some() || bridge_has_it => {
                entry.port = twin;
                entry.by_user = false;
            }
            Some(_) => drop(br.fdb.remove(mac)),
            None => {}
        }
    }

    /// Entries of a port go: all of them, or only what was learnt.
    pub(crate) fn fdb_forget_port(&mut self, bridge: DeviceId, port: DeviceId, all: bool) {
        let (now, hold) = (self.now, self.bridge_of(bridge).hold_time());
        let br = self.bridge_of(bridge);
        let of_port = |entry: &BridgeEntry| entry.port == Some(port) && (all || !entry.fixed);
        let local: Vec<Mac> = br
            .fdb
            .entries(now, hold)
            .iter()
            .filter(|entry| entry.local && of_port(entry))
            .map(|entry| entry.mac)
            .collect();
        br.fdb.retain(|entry| entry.local || !of_port(entry));
        local.into_iter().for_each(|mac| self.fdb_delete_local(bridge, Some(port), mac));
    }
}
