//! A packet on its way through the stack: its bytes, and what the stack knows about it (Linux: sk_buff).
//!
//! Always: `data()` starts at the header of the layer that holds the packet now; headers are pushed and pulled,
//! never copied, while the headroom lasts and nobody else holds the bytes. A packet is moved as one pointer.
//! Differs from Linux: one linear buffer; no segmentation offload, so every packet has the size it has on the wire.

use api::{DeviceId, JourneyId};
use std::ops::{Deref, DerefMut};
use std::rc::Rc;

/// Room in front for a datagram's own headers (Ethernet, IP, UDP: 42 bytes) and those of two tunnels (VXLAN: 50 each).
const HEADROOM: usize = 144;
/// Of an Ethernet header.
pub(crate) const ETHERNET: usize = 14;

/// `skb->pkt_type`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum PacketType {
    #[default]
    Host,
    Broadcast,
    Multicast,
    OtherHost,
}

#[derive(Clone, Debug)]
pub struct Packet(Box<Buffer>);

/// The inside of a [`Packet`].
#[derive(Clone, Debug)]
pub struct Buffer {
    /// Copied before they are written where others hold them too: copies of the packet, and frames that are kept.
    bytes: Rc<Vec<u8>>,
    head: usize,
    /// Where the Ethernet header of the frame it came in stands in `bytes`.
    mac_header: Option<u32>,
    pub journey: JourneyId,
    /// The device it came in by (`skb->dev` on the way up).
    pub device: Option<DeviceId>,
    /// The bridge port it came in by, where bridged packets visit iptables (`-m physdev`).
    pub port: Option<DeviceId>,
    /// `skb->mark`
    pub mark: u32,
    /// Filled in by conntrack at PREROUTING or OUTPUT.
    pub tracked: crate::netfilter::Tracked,
    /// The sending program's user and group, for `-m owner`; `None` for what the kernel sends or forwards.
    pub owner: Option<(u32, u32)>,
    /// Its sender heard from the other end just now, so the next hop is there (MSG_CONFIRM, progress of TCP).
    pub confirm: bool,
    /// Transport headers, from the outermost in, whose checksums are known to be right (`CHECKSUM_UNNECESSARY`,
    /// `csum_level`): this engine wrote them, and whoever rewrites a part of them mends them.
    pub(crate) sound: u8,
    /// Devices gone through since a program or a timer made it; ends loops.
    pub depth: u8,
    pub(crate) kind: PacketType,
    /// EtherType of what `data()` holds, once the Ethernet header is off.
    pub(crate) protocol: u16,
    /// It went out over loopback with its route: it is for this machine, without asking the FIB again.
    pub(crate) looped: bool,
    /// It passed PREROUTING on a bridge port already (`nf_bridge`), which the IP layer does not repeat.
    pub(crate) bridged: bool,
    /// The largest fragment it was put together from; it is sent on in pieces no larger.
    pub(crate) fragment_size: u16,
    /// The router it came from is on the way it goes: the sender is told a shorter way (`IPSKB_DOREDIRECT`).
    pub(crate) redirect: bool,
}

/// What a packet held at some moment.
#[derive(Clone, Debug)]
pub(crate) struct SharedBytes {
    bytes: Rc<Vec<u8>>,
    head: usize,
}

impl Deref for SharedBytes {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.bytes[self.head..]
    }
}

impl Deref for Packet {
    type Target = Buffer;
    fn deref(&self) -> &Buffer {
        &self.0
    }
}

impl DerefMut for Packet {
    fn deref_mut(&mut self) -> &mut Buffer {
        &mut self.0
    }
}

impl Packet {
    /// A packet whose layer-3 header and payload are `bytes`.
    pub fn new(journey: JourneyId, bytes: &[u8]) -> Packet {
        let mut packet = Packet::with_room(journey, bytes.len());
        packet.append(bytes);
        packet
    }

    /// An empty packet, with room for so many bytes and for headers in front.
    pub(crate) fn with_room(journey: JourneyId, length: usize) -> Packet {
        let mut bytes = Vec::with_capacity(HEADROOM + length);
        bytes.resize(HEADROOM, 0);
        Packet(Box::new(Buffer {
            bytes: Rc::new(bytes),
            head: HEADROOM,
            mac_header: None,
            journey,
            device: None,
            port: None,
            mark: 0,
            tracked: crate::netfilter::Tracked::default(),
            owner: None,
            confirm: false,
            sound: 0,
            depth: 0,
            kind: PacketType::Host,
            protocol: 0,
            looped: false,
            bridged: false,
            fragment_size: 0,
            redirect: false,
        }))
    }
}

impl Buffer {
    pub fn data(&self) -> &[u8] {
        &self.bytes[self.head..]
    }

    pub fn data_mut(&mut self) -> &mut [u8] {
        let head = self.head;
        &mut Rc::make_mut(&mut self.bytes)[head..]
    }

    /// The bytes as they stand, which stay so whatever is written into the packet later.
    pub(crate) fn share(&self) -> SharedBytes {
        SharedBytes { bytes: self.bytes.clone(), head: self.head }
    }

    pub fn len(&self) -> usize {
        self.bytes.len() - self.head
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Puts a header of that many bytes in front, zeroed, and gives it to be written.
    pub fn push(&mut self, header: usize) -> &mut [u8] {
        if self.head < header {
            let grow = HEADROOM + header;
            Rc::make_mut(&mut self.bytes).splice(0..0, std::iter::repeat_n(0, grow));
            self.head += grow;
            self.mac_header = None;
        }
        self.head -= header;
        // What came in front of the packet is no frame any more.
        self.mac_header = self.mac_header.filter(|at| *at as usize + ETHERNET <= self.head);
        let front = &mut self.data_mut()[..header];
        front.fill(0);
        front
    }

    /// Takes the header of that many bytes away; false (and nothing taken) where the packet is shorter.
    #[must_use]
    pub fn pull(&mut self, header: usize) -> bool {
        let enough = self.len() >= header;
        if enough {
            self.head += header;
        }
        enough
    }

    /// Takes the Ethernet header off, but remembers where it was.
    #[must_use]
    pub(crate) fn pull_frame(&mut self) -> bool {
        self.mac_header = u32::try_from(self.head).ok();
        let enough = self.pull(ETHERNET);
        if !enough {
            self.mac_header = None;
        }
        enough
    }

    /// The Ethernet header it came in with, while nothing was written over it.
    pub fn mac_header(&self) -> Option<&[u8; ETHERNET]> {
        self.bytes.get(self.mac_header? as usize..)?.first_chunk()
    }

    /// Gives the Ethernet header it came in with back; false where there is none right in front.
    #[must_use]
    pub(crate) fn unpull_frame(&mut self) -> bool {
        let there = self.mac_header.is_some_and(|at| at as usize + ETHERNET == self.head);
        if there {
            self.head -= ETHERNET;
        }
        there
    }

    /// Another destination in the Ethernet header right in front.
    pub(crate) fn set_frame_destination(&mut self, mac: crate::Mac) {
        if let Some(at) = self.mac_header {
            let at = at as usize;
            Rc::make_mut(&mut self.bytes)[at..at + 6].copy_from_slice(&mac.0);
        }
    }

    pub(crate) fn forget_frame(&mut self) {
        self.mac_header = None;
    }

    /// Cuts what follows the first `length` bytes (Ethernet padding).
    pub fn truncate(&mut self, length: usize) {
        if length < self.len() {
            Rc::make_mut(&mut self.bytes).truncate(self.head + length);
        }
    }

    pub fn append(&mut self, bytes: &[u8]) {
        Rc::make_mut(&mut self.bytes).extend_from_slice(bytes);
    }

    /// As if it came from nowhere: what one namespace or tunnel end knew of it does not go along.
    pub(crate) fn scrub(&mut self) {
        self.mark = 0;
        self.scrub_same_netns();
    }

    /// As [`Buffer::scrub`], but the mark stays (a tunnel within one namespace).
    pub(crate) fn scrub_same_netns(&mut self) {
        self.tracked.reset();
        self.device = None;
        self.port = None;
        self.owner = None;
        self.confirm = false;
        self.looped = false;
        self.bridged = false;
        self.fragment_size = 0;
        self.redirect = false;
        self.kind = PacketType::Host;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_pushed_and_pulled_without_end_of_headroom() {
        let mut packet = Packet::new(JourneyId(1), b"payload");
        for _ in 0..20 {
            packet.push(50)[0] = 9;
        }
        assert_eq!((packet.len(), packet.data()[0]), (1007, 9));
        assert!(packet.pull(1000));
        assert!(!packet.pull(8));
        assert_eq!(packet.data(), b"payload");
    }

    #[test]
    fn what_was_shared_stays_as_it_was() {
        let mut packet = Packet::new(JourneyId(1), b"payload");
        let shared = packet.share();
        packet.data_mut()[0] = b'P';
        packet.push(2).fill(9);
        packet.truncate(5);
        assert_eq!((&*shared, packet.data()), (&b"payload"[..], &b"\x09\x09Pay"[..]));
    }

    #[test]
    fn the_frame_it_came_in_is_remembered_until_something_is_written_there() {
        let mut packet = Packet::new(JourneyId(1), &[7; 20]);
        assert!(packet.pull_frame());
        assert_eq!(packet.mac_header(), Some(&[7; 14]));
        assert!(packet.unpull_frame());
        assert!(packet.pull_frame());
        packet.push(2);
        assert_eq!(packet.mac_header(), None);
    }
}
