//! Carrier, and what the kernel makes of its coming and going: operational state, `linkdown` routes, lost neighbours.
//!
//! Always: a change of carrier is noted at once and acted on later: urgent ones when the kernel lets go of its lock,
//! others at most once a second and machine. That is why an operational state lags behind.
//! Sources: net/core/link_watch.c; RFC 2863 §3.1.14.

use super::Kind;
use crate::Network;
use crate::network::Event;
use crate::rtnetlink::OperState;
use api::{DeviceId, MachineId};
use sim::Instant;
use std::time::Duration;

/// Not more often than this are changes looked at that are not urgent.
const INTERVAL: Duration = Duration::from_secs(1);

/// One machine's list of devices whose carrier changed.
#[derive(Debug, Default)]
pub(crate) struct LinkWatch {
    pending: Vec<DeviceId>,
    /// From when on changes that are not urgent may be looked at.
    next: Instant,
    /// When the queue will have us look; `None` while it does not.
    due: Option<Instant>,
}

impl Network {
    pub(crate) fn carrier_set(&mut self, device: DeviceId, carrier: bool) {
        let it = &mut self.devices[device];
        if it.carrier == carrier {
            return;
        }
        it.carrier = carrier;
        it.stats.carrier_changes += 1;
        if carrier {
            it.carrier_up_count += 1;
        } else {
            it.carrier_down_count += 1;
        }
        self.generation += 1;
        self.linkwatch_fire(device);
    }

    /// Something about the device's carrier is to be looked at (`linkwatch_fire_event`).
    pub(crate) fn linkwatch_fire(&mut self, device: DeviceId) {
        let urgent = self.is_urgent(device);
        let it = &mut self.devices[device];
        let machine = self.netns[it.netns].machine;
        if !std::mem::replace(&mut it.watched, true) {
            self.machines[machine].watch.pending.push(device);
        } else if !urgent {
            return;
        }
        self.linkwatch_schedule(machine, urgent);
    }

    fn linkwatch_schedule(&mut self, machine: MachineId, urgent: bool) {
        let now = self.now;
        let watch = &mut self.machines[machine].watch;
        if urgent || watch.next <= now {
            if !self.watch_now.contains(&machine) {
                self.watch_now.push(machine);
            }
        } else if watch.due.is_none() {
            let at = watch.next;
            watch.due = Some(at);
            self.queue.push(at, Event::LinkWatch(machine));
        }
    }

    pub(crate) fn linkwatch_due(&mut self, machine: MachineId) {
        self.machines[machine].watch.due = None;
        self.linkwatch_run(machine);
    }

    pub(crate) fn linkwatch_run(&mut self, machine: MachineId) {
        let now = self.now;
        let watch = &mut self.machines[machine].watch;
        let urgent_only = watch.next > now;
        if !urgent_only {
            watch.next = now + INTERVAL;
        }
        for device in std::mem::take(&mut watch.pending) {
            if self.devices.get(device).is_none() {
                continue;
            }
            if urgent_only && !self.is_urgent(device) {
                self.machines[machine].watch.pending.push(device);
            } else {
                self.linkwatch_act(device);
            }
        }
        if !self.machines[machine].watch.pending.is_empty() {
            self.linkwatch_schedule(machine, false);
        }
    }

    /// Looks at one device now if it waits to be looked at (a query of that one link does so).
    pub(crate) fn linkwatch_sync(&mut self, device: DeviceId) {
        if self.devices[device].watched {
            let machine = self.netns[self.devices[device].netns].machine;
            self.machines[machine].watch.pending.retain(|other| *other != device);
            self.linkwatch_act(device);
        }
    }

    fn linkwatch_act(&mut self, device: DeviceId) {
        let operstate = self.default_operstate(device);
        let it = &mut self.devices[device];
        it.watched = false;
        it.operstate = operstate;
        if it.is_up() {
            it.active = it.carrier;
            self.netdev_change(device);
        }
    }

    /// The state before anybody looks: known only where carrier is missing (`linkwatch_init_dev`).
    pub(crate) fn linkwatch_init(&mut self, device: DeviceId) {
        if !self.devices[device].carrier {
            self.devices[device].operstate = self.default_operstate(device);
        }
    }

    fn is_urgent(&self, device: DeviceId) -> bool {
        let it = &self.devices[device];
        it.is_up() && (it.ifindex != self.iflink(device) || (it.carrier && !it.active))
    }

    /// The index of the peer or lower device, in whatever namespace that is; its own where there is none.
    pub(crate) fn iflink(&self, device: DeviceId) -> u32 {
        let it = &self.devices[device];
        match it.kind {
            Kind::Veth { .. } | Kind::Ipip(_) | Kind::Vlan(_) | Kind::Macvlan(_) | Kind::Ipvlan(_) => {
                it.lower().and_then(|lower| self.devices.get(lower)).map_or(0, |lower| lower.ifindex)
            }
            _ => it.ifindex,
        }
    }

    /// As `default_operstate` has it, which looks the lower device's index up in the wrong namespace.
    fn default_operstate(&self, device: DeviceId) -> OperState {
        let it = &self.devices[device];
        if it.carrier {
            return OperState::Up;
        }
        let iflink = self.iflink(device);
        if iflink == it.ifindex {
            return OperState::Down;
        }
        match self.device_id(it.netns, iflink) {
            Some(peer) if !self.devices[peer].carrier => OperState::LowerLayerDown,
            _ => OperState::Down,
        }
    }

    /// A device over another has the other's carrier (`netif_stacked_transfer_operstate`).
    pub(crate) fn carrier_from_lower(&mut self, lower: DeviceId, device: DeviceId) {
        let carrier = self.devices[lower].carrier;
        self.carrier_set(device, carrier);
    }
}
