//! macvlan: further devices with MACs of their own on one lower device.
//!
//! Always: the lower device's own stack and its macvlans do not hear one another.
//! Differs from Linux: no `source` mode lists, no offload; broadcasts are not queued.
//! Sources: drivers/net/macvlan.c.

use super::transmit::VETH_DELAY;
use super::{Kind, flags};
use crate::network::Event;
use crate::packet::ETHERNET;
use crate::rtnetlink::MacvlanMode;
use crate::{Errno, Mac, Network, Packet};
use api::{DeviceId, DropReason};

#[derive(Clone, Copy, Debug)]
pub(crate) struct Macvlan {
    pub lower: DeviceId,
    pub mode: MacvlanMode,
}

impl Network {
    fn macvlan(&self, device: DeviceId) -> Macvlan {
        match self.devices[device].kind {
            Kind::Macvlan(macvlan) => macvlan,
            _ => unreachable!("the device is a macvlan"),
        }
    }

    fn macvlans(&self, lower: DeviceId) -> impl Iterator<Item = (DeviceId, MacvlanMode)> {
        self.devices[lower].uppers.iter().filter_map(|upper| match self.devices[*upper].kind {
            Kind::Macvlan(macvlan) => Some((*upper, macvlan.mode)),
            _ => None,
        })
    }

    /// Two of one lower device may not have the same MAC while up.
    pub(super) fn macvlan_may_have(&self, device: DeviceId, mac: Mac) -> Result<(), Errno> {
        let Macvlan { lower, mode } = self.macvlan(device);
        let passthru = mode == MacvlanMode::Passthru;
        let mut others =
            self.macvlans(lower).filter(|(other, _)| *other != device && self.devices[*other].is_up());
        let taken = others.any(|(other, _)| self.devices[other].mac == mac);
        if !passthru && (taken || self.devices[lower].mac == mac) { Err(Errno::EADDRINUSE) } else { Ok(()) }
    }

    /// Its addresses and routes stay (`macvlan_set_mac_address`).
    pub(crate) fn macvlan_set_mac(&mut self, device: DeviceId, mac: Mac) -> Result<(), Errno> {
        if self.devices[device].mac == mac {
            return Ok(());
        }
        self.macvlan_may_have(device, mac)?;
        let up = self.devices[device].is_up();
        if up {
            self.macvlan_closed(device);
        }
        self.devices[device].mac = mac;
        if up {
            self.macvlan_opened(device);
        }
        Ok(())
    }

    pub(super) fn macvlan_opened(&mut self, device: DeviceId) {
        let (Macvlan { lower, mode }, mac) = (self.macvlan(device), self.devices[device].mac);
        let it = &mut self.devices[lower];
        match it.unicast.iter_mut().find(|(other, _)| *other == mac) {
            _ if mode == MacvlanMode::Passthru => it.promiscuity += 1,
            Some((_, users)) => *users += 1,
            None => it.unicast.push((mac, 1)),
        }
        self.carrier_from_lower(lower, device);
    }

    pub(super) fn macvlan_closed(&mut self, device: DeviceId) {
        let (Macvlan { lower, mode }, mac) = (self.macvlan(device), self.devices[device].mac);
        let Some(it) = self.devices.get_mut(lower) else { return };
        if mode == MacvlanMode::Passthru {
            it.promiscuity = it.promiscuity.saturating_sub(1);
        } else if let Some((_, users)) = it.unicast.iter_mut().find(|(other, _)| *other == mac) {
            *users -= 1;
        }
        it.unicast.retain(|(_, users)| *users > 0);
    }

    pub(super) fn macvlan_transmit(&mut self, device: DeviceId, packet: Packet) {
        let Macvlan { lower, mode } = self.macvlan(device);
        self.count_sent(device, packet.len());
        let to = Mac::from_slice(packet.data());
        if mode == MacvlanMode::Bridge {
            if to.is_multicast() {
                self.macvlan_spread(lower, &packet, Some(device), |mode| mode == MacvlanMode::Bridge);
            } else {
                let bridged = |(other, mode): &(DeviceId, MacvlanMode)| {
                    *mode == MacvlanMode::Bridge && self.devices[*other].mac == to
                };
                let there = self.macvlans(lower).find(bridged);
                if let Some((other, _)) = there {
                    return self.macvlan_hand_over(other, packet);
                }
            }
        }
        self.transmit(lower, packet);
    }

    /// A frame for another macvlan of the same lower device.
    fn macvlan_hand_over(&mut self, device: DeviceId, mut packet: Packet) {
        if !self.devices[device].is_up() {
            return self.drop_at(device, packet, DropReason::DevReady, "the device is down");
        }
        packet.scrub();
        packet.forget_frame();
        self.count_received(device, packet.len() - ETHERNET);
        self.queue.push_after(self.now, VETH_DELAY, Event::Arrive { device, packet });
    }

    /// Copies of a broadcast to those whose mode takes it.
    fn macvlan_spread(
        &mut self,
        lower: DeviceId,
        packet: &Packet,
        except: Option<DeviceId>,
        takes: impl Fn(MacvlanMode) -> bool,
    ) {
        let group = Mac::from_slice(packet.data());
        let wants = |id: DeviceId| {
            let it = &self.devices[id];
            group.is_broadcast()
                || it.groups.iter().any(|(mac, _)| *mac == group)
                || it.flags & (flags::ALLMULTI | flags::PROMISC) != 0
        };
        let to: Vec<DeviceId> = self
            .macvlans(lower)
            .filter(|(other, mode)| {
                Some(*other) != except && takes(*mode) && self.devices[*other].is_up() && wants(*other)
            })
            .map(|(other, _)| other)
            .collect();
        for other in to {
            let copy = self.fork(packet);
            self.macvlan_hand_over(other, copy);
        }
    }

    /// A frame came in on the lower device: gives it back if the lower device's own stack is to have it
    /// (`macvlan_handle_frame`).
    pub(super) fn macvlan_receive(&mut self, lower: DeviceId, packet: Packet) -> Option<Packet> {
        let (to, from) = (Mac::from_slice(packet.data()), Mac::from_slice(&packet.data()[6..]));
        if to.is_multicast() {
            // From one of ours, reflected by a VEPA switch: only the others need it.
            let sender = self.macvlans(lower).find(|(other, _)| self.devices[*other].mac == from);
            match sender {
                Some((device, MacvlanMode::Vepa)) => {
                    self.macvlan_spread(lower, &packet, Some(device), |mode| {
                        mode == MacvlanMode::Vepa || mode == MacvlanMode::Bridge
                    });
                }
                Some((device, _)) => {
                    self.macvlan_spread(lower, &packet, Some(device), |mode| mode == MacvlanMode::Vepa)
                }
                None => self.macvlan_spread(lower, &packet, None, |_| true),
            }
            return Some(packet);
        }
        let passthru = self.macvlans(lower).find(|(_, mode)| *mode == MacvlanMode::Passthru);
        let target =
            passthru.or_else(|| self.macvlans(lower).find(|(other, _)| self.devices[*other].mac == to));
        let Some((device, _)) = target else { return Some(packet) };
        if !self.devices[device].is_up() {
            self.drop_at(device, packet, DropReason::DevReady, "the device is down");
            return None;
        }
        let mut packet = packet;
        packet.forget_frame();
        self.count_received(device, packet.len() - ETHERNET);
        self.receive(device, packet);
        None
    }
}
