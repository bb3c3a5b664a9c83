//! The spanning tree of bridges, and the states of their ports; without it a port forwards at once.
//!
//! Always: while STP is on, a port passes through listening and learning, each for the forward delay; of several ways
//! between two bridges one is kept open.
//! Differs from Linux: no rapid spanning tree in user space (`stp_state 2`).
//! Sources: IEEE 802.1D-1998 §8; net/bridge/br_stp.c, br_stp_if.c, br_stp_bpdu.c.

use super::bridge::{Bridge, hundredths};
use super::port::{PORT_BITS, Port, PortState, port_flags};
use super::stp_timer::{StpTimer, Timer};
use crate::rtnetlink::BridgeId;
use crate::{Mac, Network};
use api::DeviceId;
use std::time::Duration;

/// At most one configuration message a second leaves a port.
const HOLD_TIME: Duration = Duration::from_secs(1);

impl PortState {
    pub fn name(self) -> &'static str {
        match self {
            PortState::Disabled => "disabled",
            PortState::Listening => "listening",
            PortState::Learning => "learning",
            PortState::Forwarding => "forwarding",
            PortState::Blocking => "blocking",
        }
    }
}

/// A configuration message (IEEE 802.1D-1998 §8.5.1); times in hundredths of a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Config {
    pub topology_change: bool,
    pub topology_change_ack: bool,
    pub root: BridgeId,
    pub root_path_cost: u32,
    pub bridge: BridgeId,
    pub port: u16,
    pub message_age: u32,
    pub max_age: u32,
    pub hello_time: u32,
    pub forward_delay: u32,
}

impl Network {
    /// The better bridge is silent: its port offers itself.
    pub(super) fn stp_message_age(&mut self, bridge: DeviceId, device: DeviceId) {
        let was_root = self.stp_is_root(bridge);
        self.port_become_designated(device);
        self.stp_configuration_update(bridge);
        self.stp_select_states(bridge);
        if self.stp_is_root(bridge) && !was_root {
            self.stp_become_root(bridge);
        }
    }

    pub(crate) fn port_set_state(&mut self, device: DeviceId, state: PortState) {
        self.port_mut(device).state = state;
        self.generation += 1;
        self.notify_link(device);
    }

    pub(crate) fn br(&self, bridge: DeviceId) -> &Bridge {
        self.devices[bridge].bridge().expect("the device is a bridge")
    }

    pub(crate) fn stp_is_root(&self, bridge: DeviceId) -> bool {
        let br = self.br(bridge);
        br.id == br.designated_root
    }

    fn is_designated(&self, bridge: DeviceId, port: &Port) -> bool {
        port.designated_bridge == self.br(bridge).id && port.designated_port == port.id
    }

    /// `br_init_port`
    pub(crate) fn port_init(&mut self, device: DeviceId) {
        let port = self.port_mut(device);
        port.id = port.priority << PORT_BITS | port.number;
        self.port_become_designated(device);
        let port = self.port_mut(device);
        port.state = PortState::Blocking;
        port.topology_change_ack = false;
        port.config_pending = false;
    }

    fn port_become_designated(&mut self, device: DeviceId) {
        let br = self.br(self.port(device).bridge);
        let (root, id, cost) = (br.designated_root, br.id, br.root_path_cost);
        let port = self.port_mut(device);
        port.designated_root = root;
        port.designated_cost = cost;
        port.designated_bridge = id;
        port.designated_port = port.id;
    }

    pub(crate) fn stp_enable_bridge(&mut self, bridge: DeviceId) {
        if self.br(bridge).stp != 0 {
            let hello = hundredths(self.br(bridge).hello_time);
            self.stp_set(bridge, StpTimer::Hello, hello);
        }
        self.stp_config_generation(bridge);
        for port in self.br(bridge).ports.clone() {
            if self.port_is_alive(port) {
                self.stp_enable_port(port);
            }
        }
    }

    pub(crate) fn stp_disable_bridge(&mut self, bridge: DeviceId) {
        for port in self.br(bridge).ports.clone() {
            if self.port(port).state != PortState::Disabled {
                self.stp_disable_port(port);
            }
        }
        let br = self.bridge_of(bridge);
        br.topology_change = false;
        br.topology_change_detected = false;
        [&mut br.hello, &mut br.tcn, &mut br.topology].into_iter().for_each(Timer::stop);
    }

    pub(crate) fn stp_enable_port(&mut self, device: DeviceId) {
        self.port_init(device);
        let bridge = self.port(device).bridge;
        self.stp_select_states(bridge);
        self.notify_link(device);
    }

    pub(crate) fn stp_disable_port(&mut self, device: DeviceId) {
        let bridge = self.port(device).bridge;
        let was_root = self.stp_is_root(bridge);
        self.port_become_designated(device);
        let port = self.port_mut(device);
        port.topology_change_ack = false;
        port.config_pending = false;
        [&mut port.message_age, &mut port.forward_delay, &mut port.hold].into_iter().for_each(Timer::stop);
        self.port_set_state(device, PortState::Disabled);
        self.fdb_forget_port(bridge, device, false);
        self.stp_configuration_update(bridge);
        self.stp_select_states(bridge);
        if self.stp_is_root(bridge) && !was_root {
            self.stp_become_root(bridge);
        }
    }

    /// `br_configuration_update`: which bridge is the root, and which port leads there.
    pub(crate) fn stp_configuration_update(&mut self, bridge: DeviceId) {
        let br = self.br(bridge);
        let (id, mut root) = (br.id, None);
        for device in &br.ports {
            let port = self.port(*device);
            if port.state == PortState::Disabled
                || self.is_designated(bridge, port)
                || port.designated_root >= id
            {
                continue;
            }
            let rank = (
                port.designated_root,
                port.designated_cost.saturating_add(port.cost),
                port.designated_bridge,
                port.designated_port,
                port.id,
            );
            let better = root.as_ref().is_none_or(|(best, _)| rank < *best);
            if better && !port.has(port_flags::ROOT_BLOCK) {
                root = Some((rank, *device));
            }
        }
        let numbers = root.map(|(rank, device)| (rank.0, rank.1, self.port(device).number));
        let br = self.bridge_of(bridge);
        (br.designated_root, br.root_path_cost, br.root_port) = numbers.unwrap_or((id, 0, 0));
        self.stp_designated_ports(bridge);
    }

    /// `br_designated_port_selection`
    fn stp_designated_ports(&mut self, bridge: DeviceId) {
        for device in self.br(bridge).ports.clone() {
            let (port, br) = (self.port(device), self.br(bridge));
            if port.state == PortState::Disabled {
                continue;
            }
            let ours = (br.root_path_cost, br.id, port.id);
            let theirs = (port.designated_cost, port.designated_bridge, port.designated_port);
            if self.is_designated(bridge, port) || port.designated_root != br.designated_root || ours < theirs
            {
                self.port_become_designated(device);
            }
        }
    }

    /// `br_port_state_selection`: who forwards; a bridge with no live port has no carrier.
    pub(crate) fn stp_select_states(&mut self, bridge: DeviceId) {
        let mut live = 0;
        for device in self.br(bridge).ports.clone() {
            let port = self.port(device);
            if port.state == PortState::Disabled {
                continue;
            }
            if port.number == self.br(bridge).root_port {
                let port = self.port_mut(device);
                port.config_pending = false;
                port.topology_change_ack = false;
                self.port_make_forwarding(bridge, device);
            } else if self.is_designated(bridge, port) {
                self.port_mut(device).message_age.stop();
                self.port_make_forwarding(bridge, device);
            } else {
                let port = self.port_mut(device);
                port.config_pending = false;
                port.topology_change_ack = false;
                self.port_make_blocking(bridge, device);
            }
            live += usize::from(self.port(device).state == PortState::Forwarding);
        }
        self.carrier_set(bridge, live > 0);
    }

    fn port_make_forwarding(&mut self, bridge: DeviceId, device: DeviceId) {
        if self.port(device).state != PortState::Blocking {
            return;
        }
        let (stp, delay) = (self.br(bridge).stp, self.br(bridge).forward_delay);
        if stp == 0 || delay == 0 {
            self.port_set_state(device, PortState::Forwarding);
            self.stp_topology_change_detection(bridge);
            self.port_mut(device).forward_delay.stop();
        } else {
            self.port_set_state(device, PortState::Listening);
        }
        if delay != 0 {
            self.stp_set(device, StpTimer::ForwardDelay, hundredths(delay));
        }
    }

    fn port_make_blocking(&mut self, bridge: DeviceId, device: DeviceId) {
        let state = self.port(device).state;
        if matches!(state, PortState::Disabled | PortState::Blocking) {
            return;
        }
        if matches!(state, PortState::Forwarding | PortState::Learning) {
            self.stp_topology_change_detection(bridge);
        }
        self.port_set_state(device, PortState::Blocking);
        self.port_mut(device).forward_delay.stop();
    }

    /// `br_topology_change_detection`: addresses may be elsewhere now, everyone must hear of it.
    pub(crate) fn stp_topology_change_detection(&mut self, bridge: DeviceId) {
        if self.br(bridge).stp == 0 {
            return;
        }
        if self.stp_is_root(bridge) {
            let br = self.bridge_of(bridge);
            br.topology_change = true;
            let time = hundredths(br.bridge_forward_delay) + hundredths(br.bridge_max_age);
            self.stp_set(bridge, StpTimer::Topology, time);
        } else if !self.br(bridge).topology_change_detected {
            self.stp_transmit_tcn(bridge);
            let hello = hundredths(self.br(bridge).bridge_hello_time);
            self.stp_set(bridge, StpTimer::Tcn, hello);
        }
        self.bridge_of(bridge).topology_change_detected = true;
    }

    pub(crate) fn stp_become_root(&mut self, bridge: DeviceId) {
        let br = self.bridge_of(bridge);
        br.max_age = br.bridge_max_age;
        br.hello_time = br.bridge_hello_time;
        br.forward_delay = br.bridge_forward_delay;
        br.tcn.stop();
        self.stp_topology_change_detection(bridge);
        if self.devices[bridge].is_up() {
            self.stp_config_generation(bridge);
            let hello = hundredths(self.br(bridge).hello_time);
            if self.br(bridge).stp != 0 {
                self.stp_set(bridge, StpTimer::Hello, hello);
            }
        }
    }

    /// Each port that serves its link says who the root is.
    pub(crate) fn stp_config_generation(&mut self, bridge: DeviceId) {
        for device in self.br(bridge).ports.clone() {
            let port = self.port(device);
            if port.state != PortState::Disabled && self.is_designated(bridge, port) {
                self.stp_transmit_config(device);
            }
        }
    }

    /// `br_transmit_config`
    pub(crate) fn stp_transmit_config(&mut self, device: DeviceId) {
        if self.port(device).hold.is_running() {
            self.port_mut(device).config_pending = true;
            return;
        }
        let bridge = self.port(device).bridge;
        let (port, br) = (self.port(device), self.br(bridge));
        let now = self.now;
        let root = br.ports.iter().map(|other| self.port(*other)).find(|other| other.number == br.root_port);
        // The message is as old as the root's when it came, and a little older.
        let message_age = match root {
            Some(root) => (u64::from(br.max_age).saturating_sub(root.message_age.left(now)) + 1) as u32,
            None => 0,
        };
        let config = Config {
            topology_change: br.topology_change,
            topology_change_ack: port.topology_change_ack,
            root: br.designated_root,
            root_path_cost: br.root_path_cost,
            bridge: br.id,
            port: port.id,
            message_age,
            max_age: br.max_age,
            hello_time: br.hello_time,
            forward_delay: br.forward_delay,
        };
        if config.message_age >= br.max_age {
            return;
        }
        self.stp_send_config(bridge, device, &config);
        let port = self.port_mut(device);
        port.topology_change_ack = false;
        port.config_pending = false;
        if self.br(bridge).stp != 0 {
            self.stp_set(device, StpTimer::Hold, HOLD_TIME);
        }
    }

    /// `br_received_config_bpdu`
    pub(crate) fn stp_received_config(&mut self, bridge: DeviceId, device: DeviceId, config: &Config) {
        let was_root = self.stp_is_root(bridge);
        let (port, br) = (self.port(device), self.br(bridge));
        let offered = (config.root, config.root_path_cost, config.bridge);
        let known = (port.designated_root, port.designated_cost, port.designated_bridge);
        let supersedes = offered < known
            || offered == known && (config.bridge != br.id || config.port <= port.designated_port);
        if !supersedes {
            if self.is_designated(bridge, port) {
                self.stp_transmit_config(device);
            }
            return;
        }
        let port = self.port_mut(device);
        port.designated_root = config.root;
        port.designated_cost = config.root_path_cost;
        port.designated_bridge = config.bridge;
        port.designated_port = config.port;
        let left = hundredths(config.max_age.saturating_sub(config.message_age));
        self.stp_set(device, StpTimer::MessageAge, left);
        self.stp_configuration_update(bridge);
        self.stp_select_states(bridge);
        if !self.stp_is_root(bridge) && was_root {
            let br = self.bridge_of(bridge);
            br.hello.stop();
            if br.topology_change_detected {
                br.topology.stop();
                self.stp_transmit_tcn(bridge);
                let hello = hundredths(self.br(bridge).bridge_hello_time);
                self.stp_set(bridge, StpTimer::Tcn, hello);
            }
        }
        if self.port(device).number == self.br(bridge).root_port {
            let br = self.bridge_of(bridge);
            br.max_age = config.max_age;
            br.hello_time = config.hello_time;
            br.forward_delay = config.forward_delay;
            br.topology_change = config.topology_change;
            self.stp_config_generation(bridge);
            if config.topology_change_ack {
                let br = self.bridge_of(bridge);
                br.topology_change_detected = false;
                br.tcn.stop();
            }
        }
    }

    /// `br_received_tcn_bpdu`
    pub(crate) fn stp_received_tcn(&mut self, bridge: DeviceId, device: DeviceId) {
        if self.is_designated(bridge, self.port(device)) {
            self.stp_topology_change_detection(bridge);
            self.port_mut(device).topology_change_ack = true;
            self.stp_transmit_config(device);
        }
    }

    /// `br_stp_change_bridge_id`
    pub(crate) fn bridge_set_mac(&mut self, bridge: DeviceId, mac: Mac) {
        let was_root = self.stp_is_root(bridge);
        let old = self.devices[bridge].mac;
        let br = self.bridge_of(bridge);
        let unowned = br.fdb.find_mut(old).is_some_and(|it| it.local && it.port.is_none() && !it.by_user);
        if unowned {
            self.fdb_delete_local(bridge, None, old);
        }
        self.fdb_add_local(bridge, None, mac);
        let br = self.bridge_of(bridge);
        let old = std::mem::replace(&mut br.id.mac, mac);
        let ports = br.ports.clone();
        self.devices[bridge].mac = mac;
        for device in ports {
            let port = self.port_mut(device);
            if port.designated_bridge.mac == old {
                port.designated_bridge.mac = mac;
            }
            if port.designated_root.mac == old {
                port.designated_root.mac = mac;
            }
        }
        self.stp_configuration_update(bridge);
        self.stp_select_states(bridge);
        if self.stp_is_root(bridge) && !was_root {
            self.stp_become_root(bridge);
        }
        self.generation += 1;
    }
}
