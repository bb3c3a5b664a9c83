//! Timers of the spanning tree: hello, topology change, message age, forward delay, hold.
//!
//! Always: of each at most one run is pending; stopping or setting it anew voids the old one.
//! Sources: net/bridge/br_stp_timer.c; IEEE 802.1D-1998 §8.5.

use super::bridge::hundredths;
use super::port::PortState;
use crate::Network;
use crate::network::Event;
use api::DeviceId;
use sim::Instant;
use std::time::Duration;

/// Which timer of a bridge or port is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StpTimer {
    Hello,
    Tcn,
    Topology,
    MessageAge,
    ForwardDelay,
    Hold,
}

/// A timer of which at most one run is pending.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Timer {
    at: Option<Instant>,
    generation: u32,
}

impl Timer {
    pub fn stop(&mut self) {
        self.at = None;
        self.generation = self.generation.wrapping_add(1);
    }

    pub fn is_running(&self) -> bool {
        self.at.is_some()
    }

    /// Hundredths of a second left.
    pub fn left(&self, now: Instant) -> u64 {
        self.at.map_or(0, |at| at.since(now).as_millis() as u64 / 10)
    }

    fn set(&mut self, at: Instant) -> u32 {
        self.stop();
        self.at = Some(at);
        self.generation
    }

    /// Its time has come, unless it was stopped or set anew.
    fn fire(&mut self, generation: u32) -> bool {
        let due = self.at.is_some() && self.generation == generation;
        if due {
            self.at = None;
        }
        due
    }
}

impl Network {
    pub(crate) fn stp_set(&mut self, device: DeviceId, timer: StpTimer, after: Duration) {
        let at = self.now + after;
        let generation = self.stp_timer_of(device, timer).map(|it| it.set(at));
        if let Some(generation) = generation {
            self.queue.push(at, Event::Stp { device, timer, generation });
        }
    }

    fn stp_timer_of(&mut self, device: DeviceId, timer: StpTimer) -> Option<&mut Timer> {
        let it = self.devices.get_mut(device)?;
        match timer {
            StpTimer::Hello => it.bridge_mut().map(|br| &mut br.hello),
            StpTimer::Tcn => it.bridge_mut().map(|br| &mut br.tcn),
            StpTimer::Topology => it.bridge_mut().map(|br| &mut br.topology),
            StpTimer::MessageAge => it.port.as_mut().map(|port| &mut port.message_age),
            StpTimer::ForwardDelay => it.port.as_mut().map(|port| &mut port.forward_delay),
            StpTimer::Hold => it.port.as_mut().map(|port| &mut port.hold),
        }
    }

    pub(crate) fn stp_timer(&mut self, device: DeviceId, timer: StpTimer, generation: u32) {
        if !self.stp_timer_of(device, timer).is_some_and(|it| it.fire(generation)) {
            return;
        }
        let bridge = self.devices[device].master().unwrap_or(device);
        let up = self.devices[bridge].is_up();
        match timer {
            StpTimer::Hello if up => {
                self.stp_config_generation(bridge);
                if self.br(bridge).stp != 0 {
                    let hello = hundredths(self.br(bridge).hello_time);
                    self.stp_set(bridge, StpTimer::Hello, hello);
                }
            }
            StpTimer::Tcn if up && !self.stp_is_root(bridge) => {
                self.stp_transmit_tcn(bridge);
                let hello = hundredths(self.br(bridge).bridge_hello_time);
                self.stp_set(bridge, StpTimer::Tcn, hello);
            }
            StpTimer::Topology => {
                self.bridge_of(bridge).topology_change_detected = false;
                self.bridge_of(bridge).topology_change = false;
            }
            StpTimer::MessageAge if self.port(device).state != PortState::Disabled => {
                self.stp_message_age(bridge, device);
            }
            StpTimer::ForwardDelay => self.stp_forward_delay(bridge, device),
            StpTimer::Hold if self.port(device).config_pending => self.stp_transmit_config(device),
            _ => {}
        }
    }

    /// A port listens, then learns, then forwards.
    fn stp_forward_delay(&mut self, bridge: DeviceId, device: DeviceId) {
        match self.port(device).state {
            PortState::Listening => {
                self.port_set_state(device, PortState::Learning);
                let delay = hundredths(self.br(bridge).forward_delay);
                self.stp_set(device, StpTimer::ForwardDelay, delay);
            }
            PortState::Learning => {
                self.port_set_state(device, PortState::Forwarding);
                let id = self.br(bridge).id;
                let serves =
                    self.br(bridge).ports.iter().any(|port| self.port(*port).designated_bridge == id);
                if serves {
                    self.stp_topology_change_detection(bridge);
                }
                self.carrier_set(bridge, true);
            }
            _ => {}
        }
    }
}
