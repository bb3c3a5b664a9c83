//! Segments on their way out of TCP: by whom, and which of them go a second time.
//!
//! Called when a connection's tables are in order again. Always: every segment begins a journey of its own, told with
//! the program's name, or as the kernel's where no program stands behind it.

use super::connection::Connection;
use crate::ip::header::ethertype;
use crate::{Errno, Network, Packet};
use api::journey::StopKind;
use api::{DeviceId, JourneyId, NetnsId};
use std::time::Duration;

/// On whose behalf segments go out.
#[derive(Clone, Debug)]
pub(super) struct Sender {
    ns: NetnsId,
    owner: Option<(u32, u32)>,
    mark: u32,
    device: Option<DeviceId>,
    /// Not looked up where nobody follows packets.
    program: Option<String>,
    cause: Option<JourneyId>,
}

impl Sender {
    pub fn of(connection: &Connection, traced: bool) -> Sender {
        Sender {
            ns: connection.flow.ns,
            owner: Some((connection.owner.uid, connection.owner.gid)),
            mark: connection.options.mark,
            device: connection.options.device,
            program: (traced && !connection.owner.program.is_empty())
                .then(|| connection.owner.program.clone()),
            cause: connection.options.cause,
        }
    }

    /// Resets and acknowledgements that belong to no program.
    pub fn kernel(ns: NetnsId, mark: u32) -> Sender {
        Sender { ns, owner: None, mark, device: None, program: None, cause: None }
    }
}

/// A whole packet with one segment.
#[derive(Debug)]
pub(super) struct Sent {
    pub packet: Packet,
    /// It went out before, so long ago.
    pub again_after: Option<Duration>,
}

impl Network {
    pub(super) fn tcp_output(&mut self, sender: &Sender, Sent { mut packet, again_after }: Sent) {
        let by = sender.program.as_deref().unwrap_or("TCP");
        packet.journey = self.journey_begin(sender.ns, by, sender.cause, ethertype::IPV4, packet.data());
        packet.mark = sender.mark;
        packet.owner = sender.owner;
        packet.sound = 1;
        if let Some(waited) = again_after.filter(|_| self.trace.on) {
            let waited_ms = u32::try_from(waited.as_millis()).unwrap_or(u32::MAX);
            self.stop_in(&packet, sender.ns, StopKind::Retransmit { waited_ms }.into());
        }
        // TCP asks again by its timers; what became of this one packet shows in its journey.
        if let Err(errno) = self.hand_over(sender.ns, packet, sender.device) {
            let _: Errno = errno;
        }
    }
}
