//! Spanning tree messages on the wire: configuration and topology change notification.
//!
//! Sources: IEEE 802.1D-1998 §9; net/bridge/br_stp_bpdu.c.

use super::port::{PortState, port_flags};
use super::stp::Config;
use crate::packet::ETHERNET;
use crate::rtnetlink::BridgeId;
use crate::{Mac, Network, Packet};
use api::{DeviceId, DropReason};

/// Service access points of the spanning tree, unnumbered information.
const LLC: [u8; 3] = [0x42, 0x42, 0x03];
const CONFIG: u8 = 0;
const TCN: u8 = 0x80;
const CONFIG_LENGTH: usize = 35;
const TCN_LENGTH: usize = 4;

/// Bridges write times in 256ths of a second.
fn ticks(hundredths: u32) -> [u8; 2] {
    (u64::from(hundredths) * 256 / 100).min(0xffff).to_be_bytes()[6..].try_into().unwrap_or_default()
}

fn hundredths(bytes: &[u8]) -> u32 {
    (u32::from(u16::from_be_bytes([bytes[0], bytes[1]])) * 100).div_ceil(256)
}

fn write_id(bytes: &mut [u8], id: BridgeId) {
    bytes[..2].copy_from_slice(&id.priority.to_be_bytes());
    bytes[2..8].copy_from_slice(&id.mac.0);
}

fn read_id(bytes: &[u8]) -> BridgeId {
    BridgeId { priority: u16::from_be_bytes([bytes[0], bytes[1]]), mac: Mac::from_slice(&bytes[2..]) }
}

impl Config {
    fn bytes(&self) -> [u8; CONFIG_LENGTH] {
        let mut bytes = [0; CONFIG_LENGTH];
        bytes[3] = CONFIG;
        bytes[4] = u8::from(self.topology_change) | u8::from(self.topology_change_ack) << 7;
        write_id(&mut bytes[5..], self.root);
        bytes[13..17].copy_from_slice(&self.root_path_cost.to_be_bytes());
        write_id(&mut bytes[17..], self.bridge);
        bytes[25..27].copy_from_slice(&self.port.to_be_bytes());
        bytes[27..29].copy_from_slice(&ticks(self.message_age));
        bytes[29..31].copy_from_slice(&ticks(self.max_age));
        bytes[31..33].copy_from_slice(&ticks(self.hello_time));
        bytes[33..35].copy_from_slice(&ticks(self.forward_delay));
        bytes
    }

    fn read(bytes: &[u8; CONFIG_LENGTH]) -> Config {
        Config {
            topology_change: bytes[4] & 1 != 0,
            topology_change_ack: bytes[4] & 0x80 != 0,
            root: read_id(&bytes[5..]),
            root_path_cost: u32::from_be_bytes([bytes[13], bytes[14], bytes[15], bytes[16]]),
            bridge: read_id(&bytes[17..]),
            port: u16::from_be_bytes([bytes[25], bytes[26]]),
            message_age: hundredths(&bytes[27..]),
            max_age: hundredths(&bytes[29..]),
            hello_time: hundredths(&bytes[31..]),
            forward_delay: hundredths(&bytes[33..]),
        }
    }
}

impl Network {
    pub(super) fn stp_send_config(&mut self, bridge: DeviceId, device: DeviceId, config: &Config) {
        if self.br(bridge).stp != 0 {
            self.stp_send(bridge, device, &config.bytes());
        }
    }

    pub(super) fn stp_transmit_tcn(&mut self, bridge: DeviceId) {
        let number = self.br(bridge).root_port;
        let root = self.br(bridge).ports.iter().copied().find(|port| self.port(*port).number == number);
        if let Some(root) = root.filter(|_| self.br(bridge).stp != 0) {
            self.stp_send(bridge, root, &[0, 0, 0, TCN]);
        }
    }

    fn stp_send(&mut self, bridge: DeviceId, device: DeviceId, message: &[u8]) {
        if !self.devices[device].active {
            return;
        }
        let mut bytes = LLC.to_vec();
        bytes.extend_from_slice(message);
        let length = bytes.len() as u16;
        let ns = self.devices[device].netns;
        let journey = self.journey_begin(ns, "STP", None, length, &bytes);
        let mut packet = Packet::new(journey, &bytes);
        let (to, from) = (self.br(bridge).group_address, self.devices[device].mac);
        let header = packet.push(ETHERNET);
        header[..6].copy_from_slice(&to.0);
        header[6..12].copy_from_slice(&from.0);
        header[12..].copy_from_slice(&length.to_be_bytes());
        self.transmit(device, packet);
    }

    /// A frame to the bridges' own addresses: the tree's messages are heeded, others go up on the port's device.
    pub(super) fn stp_receive(&mut self, device: DeviceId, packet: Packet) {
        let bridge = self.port(device).bridge;
        let bytes = packet.data();
        let message = bytes.get(ETHERNET..).unwrap_or(&[]);
        let ours = Mac::from_slice(bytes) == self.br(bridge).group_address && message.starts_with(&LLC);
        if !ours {
            return self.receive_protocol(device, packet);
        }
        let (up, state) = (self.devices[bridge].is_up(), self.port(device).state);
        if self.br(bridge).stp == 0 || !up || state == PortState::Disabled {
            return self.drop_at(device, packet, DropReason::BridgeIngressStpState, state.name());
        }
        if self.port(device).has(port_flags::GUARD) {
            self.stp_disable_port(device);
            let detail = "the port is guarded: no bridge may be behind it";
            return self.drop_at(device, packet, DropReason::BridgeIngressStpState, detail);
        }
        let body = &message[LLC.len()..];
        match (body.get(3), body.first_chunk::<CONFIG_LENGTH>()) {
            (Some(&CONFIG), Some(bytes)) => {
                let config = Config::read(bytes);
                if config.message_age > config.max_age {
                    return self.drop_at(
                        device,
                        packet,
                        DropReason::UnhandledProto,
                        "an STP message too old",
                    );
                }
                self.stp_received_config(bridge, device, &config);
            }
            (Some(&TCN), _) if body.len() >= TCN_LENGTH => self.stp_received_tcn(bridge, device),
            _ => return self.drop_at(device, packet, DropReason::PktTooSmall, "not an STP message"),
        }
        self.consumed(device, packet, "STP");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_message_is_read_as_it_was_written() {
        let id = |last| BridgeId { priority: 0x8000, mac: Mac([2, 0, 0, 0, 0, last]) };
        let config = Config {
            topology_change: true,
            topology_change_ack: false,
            root: id(1),
            root_path_cost: 19,
            bridge: id(2),
            port: 0x8001,
            message_age: 100,
            max_age: 2000,
            hello_time: 200,
            forward_delay: 1500,
        };
        assert_eq!(Config::read(&config.bytes()), config);
    }
}
