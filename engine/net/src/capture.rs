//! Frames as they pass devices: kept for the page's Packets pane and for export as pcapng.
//!
//! Called by the packet path at every device ([`Network::tap`]) and by `world` for the page.
//! Always: bounded in frames and bytes, the oldest go first; a [`FrameId`] is given to every frame that anything
//! keeps or shows, and never twice.
//! Differs from Linux: frames are whole, with their checksums filled in; tcpdump on a real host sees those that the
//! card fills in later as wrong.
//! Sources: draft-ietf-opsawg-pcapng; packet(7).

use crate::dissect::{self, Link};
use crate::packet::SharedBytes;
use crate::socket::{FrameKind, FrameView};
use crate::{Network, Packet};
use api::inspect::{Dissection, FrameRow};
use api::{DeviceId, FrameId, JourneyId, NetnsId};
use std::collections::{BTreeMap, VecDeque};

/// Frames kept; beyond, the oldest are forgotten.
const MOST_FRAMES: usize = 20_000;
/// Bytes kept in them.
const MOST_BYTES: usize = 32 << 20;

#[derive(Clone, Debug)]
struct Kept {
    frame: FrameId,
    at: u64,
    device: DeviceId,
    link: Link,
    out: bool,
    journey: JourneyId,
    bytes: SharedBytes,
}

#[derive(Debug, Default)]
pub(crate) struct Capture {
    last: u64,
    /// The page watches: frames are kept.
    on: bool,
    frames: VecDeque<Kept>,
    bytes: usize,
    /// What devices were called when they were first seen; they may be gone at export.
    names: BTreeMap<DeviceId, String>,
}

impl Capture {
    fn keep(&mut self, frame: Kept) {
        self.bytes += frame.bytes.len();
        self.frames.push_back(frame);
        while self.frames.len() > MOST_FRAMES || self.bytes > MOST_BYTES {
            let Some(oldest) = self.frames.pop_front() else { return };
            self.bytes -= oldest.bytes.len();
        }
    }

    fn find(&self, frame: FrameId) -> Option<&Kept> {
        let index = self.frames.binary_search_by_key(&frame, |kept| kept.frame).ok()?;
        self.frames.get(index)
    }
}

impl Kept {
    fn row(&self) -> FrameRow {
        let summary = dissect::summary(&self.bytes, self.link);
        FrameRow {
            frame: self.frame,
            at: self.at,
            device: self.device,
            out: self.out,
            journey: self.journey,
            source: summary.source,
            destination: summary.destination,
            protocol: summary.protocol,
            info: summary.info,
            length: self.bytes.len() as u32,
        }
    }
}

impl Network {
    /// Keeps frames from now on, or no more.
    pub fn set_capturing(&mut self, on: bool) {
        self.sockets.capture.on = on;
    }

    /// A frame goes out of ([`FrameKind::Outgoing`]) or came into a device of `ns`: `data()` starts at its Ethernet
    /// header, checksums filled in. Its number, where anything keeps or shows frames.
    pub(crate) fn tap(
        &mut self,
        ns: NetnsId,
        device: DeviceId,
        kind: FrameKind,
        packet: &Packet,
    ) -> Option<FrameId> {
        let listened = self.packet_listened(ns);
        let link = if self.devices[device].has_header() { Link::Ethernet } else { Link::Raw };
        let capture = &mut self.sockets.capture;
        if !capture.on && !listened {
            return None;
        }
        capture.last += 1;
        let frame = FrameId(capture.last);
        if capture.on {
            let (at, out) = (self.now.nanos(), kind == FrameKind::Outgoing);
            capture.keep(Kept {
                frame,
                at,
                device,
                link,
                out,
                journey: packet.journey,
                bytes: packet.share(),
            });
            if !capture.names.contains_key(&device) {
                let name = self.device_label(device);
                self.sockets.capture.names.insert(device, name);
            }
        }
        if listened {
            let view = FrameView { bytes: packet.data(), device, kind };
            self.packet_deliver(ns, &view, Some(frame), packet.journey);
        }
        Some(frame)
    }

    /// Rows of the frames kept with numbers from `first` on.
    pub fn frames_since(&self, first: FrameId) -> Vec<FrameRow> {
        let frames = &self.sockets.capture.frames;
        let start = frames.partition_point(|kept| kept.frame < first);
        frames.range(start..).map(Kept::row).collect()
    }

    /// The number the next frame will have.
    pub fn next_frame(&self) -> FrameId {
        FrameId(self.sockets.capture.last + 1)
    }

    /// `None` where it is not kept (any more).
    pub fn dissect(&self, frame: FrameId) -> Option<Dissection> {
        let kept = self.sockets.capture.find(frame)?;
        Some(Dissection {
            row: kept.row(),
            bytes: kept.bytes.to_vec(),
            layers: dissect::tree(&kept.bytes, kept.link),
        })
    }

    /// The frames kept, of one device or of all, as a pcapng file.
    pub fn pcapng(&self, device: Option<DeviceId>) -> Vec<u8> {
        let capture = &self.sockets.capture;
        let mut file = Pcapng::new();
        let wanted = |kept: &&Kept| device.is_none_or(|device| kept.device == device);
        let unnamed = String::new();
        for kept in capture.frames.iter().filter(wanted) {
            let name = capture.names.get(&kept.device).unwrap_or(&unnamed);
            let interface = file.interface(kept.device, kept.link, name);
            file.frame(interface, kept);
        }
        file.bytes
    }
}

const SNAPLEN: u32 = 262_144;

struct Pcapng {
    bytes: Vec<u8>,
    interfaces: Vec<DeviceId>,
}

impl Pcapng {
    fn new() -> Pcapng {
        let mut file = Pcapng { bytes: Vec::new(), interfaces: Vec::new() };
        // Byte order, version 1.0, length of the section not given.
        let mut section = vec![0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0];
        section.extend([0xff; 8]);
        option(&mut section, 4, b"vethlab");
        end_of_options(&mut section);
        file.block(0x0a0d_0d0a, &section);
        file
    }

    fn block(&mut self, kind: u32, body: &[u8]) {
        let length = (body.len() + 12) as u32;
        self.bytes.extend(kind.to_le_bytes());
        self.bytes.extend(length.to_le_bytes());
        self.bytes.extend(body);
        self.bytes.extend(length.to_le_bytes());
    }

    /// The interface's number in the file; described at its first frame.
    fn interface(&mut self, device: DeviceId, link: Link, name: &str) -> u32 {
        if let Some(known) = self.interfaces.iter().position(|it| *it == device) {
            return known as u32;
        }
        // LINKTYPE_ETHERNET, LINKTYPE_RAW
        let link: u16 = if link == Link::Ethernet { 1 } else { 101 };
        let mut body = Vec::from(link.to_le_bytes());
        body.extend([0, 0]);
        body.extend(SNAPLEN.to_le_bytes());
        option(&mut body, 2, name.as_bytes());
        // Time in units of 10^-9 s.
        option(&mut body, 9, &[9]);
        end_of_options(&mut body);
        self.block(1, &body);
        self.interfaces.push(device);
        self.interfaces.len() as u32 - 1
    }

    fn frame(&mut self, interface: u32, kept: &Kept) {
        let length = (kept.bytes.len() as u32).to_le_bytes();
        let mut body = Vec::from(interface.to_le_bytes());
        body.extend(((kept.at >> 32) as u32).to_le_bytes());
        body.extend((kept.at as u32).to_le_bytes());
        body.extend(length);
        body.extend(length);
        body.extend(&*kept.bytes);
        pad(&mut body);
        option(&mut body, 2, &if kept.out { 2u32 } else { 1 }.to_le_bytes());
        end_of_options(&mut body);
        self.block(6, &body);
    }
}

fn pad(bytes: &mut Vec<u8>) {
    bytes.resize(bytes.len().next_multiple_of(4), 0);
}

fn option(body: &mut Vec<u8>, code: u16, value: &[u8]) {
    let value = &value[..value.len().min(usize::from(u16::MAX))];
    body.extend(code.to_le_bytes());
    body.extend((value.len() as u16).to_le_bytes());
    body.extend(value);
    pad(body);
}

fn end_of_options(body: &mut Vec<u8>) {
    body.extend([0; 4]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(capture: &mut Capture, length: usize) {
        capture.last += 1;
        let (frame, device) = (FrameId(capture.last), DeviceId(1));
        let bytes = Packet::new(JourneyId(1), &vec![0; length]).share();
        capture.keep(Kept {
            frame,
            at: 1,
            device,
            link: Link::Ethernet,
            out: true,
            journey: JourneyId(1),
            bytes,
        });
    }

    #[test]
    fn the_oldest_frames_go_first_and_the_rest_is_found() {
        let mut capture = Capture::default();
        (0..MOST_FRAMES + 5).for_each(|_| kept(&mut capture, 60));
        assert!(capture.find(FrameId(5)).is_none());
        assert!(capture.find(FrameId(6)).is_some());
        (0..1000).for_each(|_| kept(&mut capture, 65_000));
        assert!(capture.bytes <= MOST_BYTES);
    }

    #[test]
    fn every_block_says_its_length_twice() {
        let mut capture = Capture::default();
        kept(&mut capture, 61);
        let mut file = Pcapng::new();
        let interface = file.interface(DeviceId(1), Link::Ethernet, "eth0");
        capture.frames.iter().for_each(|frame| file.frame(interface, frame));
        let mut rest = file.bytes.as_slice();
        let word = |bytes: &[u8], at: usize| {
            u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
        };
        let mut kinds = Vec::new();
        while !rest.is_empty() {
            let length = word(rest, 4) as usize;
            assert_eq!(word(rest, length - 4) as usize, length);
            kinds.push(word(rest, 0));
            rest = &rest[length..];
        }
        assert_eq!(kinds, [0x0a0d_0d0a, 1, 6]);
    }
}
