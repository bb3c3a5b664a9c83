//! Devices that stand on others: which may, and who takes a frame that came in on the lower one.
//!
//! Always: nothing stands on itself, not even through others, and towers end (whatever walks up or down comes back).
//! Sources: net/core/dev.c (`__netdev_upper_dev_link`; `__netif_receive_skb_core`: VLANs first, then the device's rx
//! handler: a bridge, macvlan, ipvlan).

use super::Kind;
use crate::ip::header::ethertype;
use crate::{Errno, Network, Packet};
use api::DeviceId;

/// Devices in a tower (`MAX_NEST_DEV`); one more is EMLINK.
const MAX_LEVELS: usize = 8;

impl Network {
    /// May `upper` (`None`: a fresh one) be put on `lower`?
    pub(crate) fn may_stand(&self, lower: DeviceId, upper: Option<DeviceId>) -> Result<(), Errno> {
        if upper.is_some_and(|upper| self.stands_on(lower, upper)) {
            return Err(Errno::EBUSY);
        }
        let above = upper.map_or(1, |upper| self.levels_above(upper));
        if self.levels_below(lower) + above > MAX_LEVELS { Err(Errno::EMLINK) } else { Ok(()) }
    }

    /// What it stands on: a bridge on its ports. The other end of a veth and a tunnel's `dev` do not count.
    fn lowers(&self, device: DeviceId) -> Vec<DeviceId> {
        match &self.devices[device].kind {
            Kind::Bridge(bridge) => bridge.ports.clone(),
            Kind::Veth { .. } | Kind::Ipip(_) => Vec::new(),
            _ => self.devices[device].lower().into_iter().collect(),
        }
    }

    fn stands_on(&self, device: DeviceId, below: DeviceId) -> bool {
        device == below || self.lowers(device).into_iter().any(|lower| self.stands_on(lower, below))
    }

    fn levels_below(&self, device: DeviceId) -> usize {
        1 + self.lowers(device).into_iter().map(|lower| self.levels_below(lower)).max().unwrap_or(0)
    }

    fn levels_above(&self, device: DeviceId) -> usize {
        let it = &self.devices[device];
        let uppers = it.uppers.iter().filter(|upper| !matches!(self.devices[**upper].kind, Kind::Ipip(_)));
        1 + uppers.copied().chain(it.master()).map(|upper| self.levels_above(upper)).max().unwrap_or(0)
    }

    /// Gives the frame back if nobody above takes it, so that the device's own stack gets it.
    pub(crate) fn receive_by_upper(&mut self, device: DeviceId, mut packet: Packet) -> Option<Packet> {
        let tagged = matches!(packet.protocol, ethertype::VLAN | ethertype::QINQ);
        if tagged {
            packet = self.vlan_receive(device, packet)?;
        }
        if self.devices[device].port.is_some() {
            self.bridge_receive(device, packet);
            return None;
        }
        let handler = self.devices[device].uppers.iter().find_map(|upper| match self.devices[*upper].kind {
            Kind::Macvlan(_) => Some(true),
            Kind::Ipvlan(_) => Some(false),
            _ => None,
        });
        match handler {
            Some(true) => self.macvlan_receive(device, packet),
            Some(false) => self.ipvlan_receive(device, packet),
            None if tagged => {
                self.vlan_unknown(device, packet);
                None
            }
            None => Some(packet),
        }
    }
}
