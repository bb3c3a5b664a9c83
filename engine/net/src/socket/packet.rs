//! Packet sockets (AF_PACKET): frames as they pass a device, for tcpdump and arping.
//!
//! Called by [`Network::tap`](crate::Network) at every device.
//! Always: bounded by SO_RCVBUF; what does not fit is counted, and the packet itself goes on untouched.
//! Differs from Linux: no mapped ring, no fanout; a socket for one EtherType sees frames before the bridge takes them.
//! Sources: packet(7); net/packet/af_packet.c (`packet_rcv`).

use super::table::Body;
use super::{ALL_PROTOCOLS, Frame, FrameKind, FrameView, SocketId, SocketKind};
use crate::{Errno, Network};
use api::{DeviceId, FrameId, JourneyId, NetnsId};
use std::collections::VecDeque;

/// What one queued frame costs beside its bytes.
const OVERHEAD: usize = 768;
/// Destination, source, EtherType.
const ETHERNET: usize = 14;

#[derive(Debug, Default)]
pub(super) struct FrameQueue {
    frames: VecDeque<Frame>,
    bytes: usize,
    drops: u32,
}

impl FrameQueue {
    fn push(&mut self, frame: Frame, limit: u32) -> bool {
        if self.bytes > limit as usize {
            self.drops += 1;
            return false;
        }
        self.bytes += frame.bytes.len() + OVERHEAD;
        self.frames.push_back(frame);
        true
    }

    pub fn pop(&mut self) -> Option<Frame> {
        let frame = self.frames.pop_front()?;
        self.bytes -= frame.bytes.len() + OVERHEAD;
        Some(frame)
    }

    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    pub fn queued(&self) -> u32 {
        self.bytes as u32
    }

    pub fn take_drops(&mut self) -> u32 {
        std::mem::take(&mut self.drops)
    }
}

impl Network {
    /// Is any packet socket open in this namespace? Asked for every frame at every device.
    pub(crate) fn packet_listened(&self, ns: NetnsId) -> bool {
        self.sockets.packets_open > 0 && self.sockets.space(ns).is_some_and(|space| !space.packet.is_empty())
    }

    pub(crate) fn packet_deliver(
        &mut self,
        ns: NetnsId,
        view: &FrameView,
        frame: Option<FrameId>,
        journey: JourneyId,
    ) {
        let Some(ethertype) = view.bytes.get(12..ETHERNET).map(|two| u16::from_be_bytes([two[0], two[1]]))
        else {
            return;
        };
        let takes = |id: &&SocketId| {
            self.sockets.get(**id).is_ok_and(|socket| {
                let SocketKind::Packet { device, protocol } = socket.kind else { return false };
                let protocol =
                    protocol == ALL_PROTOCOLS || (protocol == ethertype && view.kind != FrameKind::Outgoing);
                protocol
                    && device.is_none_or(|on| on == view.device)
                    && socket.options.filter.as_ref().is_none_or(|filter| (filter.0)(view))
            })
        };
        let Some(space) = self.sockets.space(ns) else { return };
        let takers: Vec<SocketId> = space.packet.iter().filter(takes).copied().collect();
        let at = self.now;
        for id in takers {
            let Ok(socket) = self.sockets.get_mut(id) else { continue };
            let limit = socket.options.receive_buffer;
            let Body::Packet(queue) = &mut socket.body else { continue };
            let copy = Frame {
                bytes: view.bytes.to_vec(),
                device: view.device,
                kind: view.kind,
                at,
                frame,
                journey,
            };
            if queue.push(copy, limit) {
                self.sockets.wake(id);
            }
        }
    }

    /// EMSGSIZE beyond the MTU, EINVAL for less than an Ethernet header, ENETDOWN where the device is down.
    pub fn send_frame(&mut self, id: SocketId, device: DeviceId, frame: &[u8]) -> Result<usize, Errno> {
        let socket = self.sockets.get(id)?;
        let SocketKind::Packet { .. } = socket.kind else { return Err(Errno::EOPNOTSUPP) };
        if frame.len() < ETHERNET {
            return Err(Errno::EINVAL);
        }
        let ns = socket.ns;
        self.frame_hand_over(ns, device, frame)?;
        Ok(frame.len())
    }
}
