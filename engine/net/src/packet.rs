//! A packet on its way through the stack: its bytes, and what the stack knows about it (Linux: sk_buff).
//!
//! Always: `data()` starts at the header of the layer that holds the packet now; headers are pushed and pulled,
//! never copied, while the headroom lasts.

use api::{DeviceId, JourneyId};

/// Room in front for the headers of two tunnels (Ethernet, IP, UDP, VXLAN: 50 bytes each).
const HEADROOM: usize = 128;

#[derive(Clone, Debug)]
pub struct Packet {
    bytes: Vec<u8>,
    head: usize,
    pub journey: JourneyId,
    /// The device it came in by (`skb->dev` on the way up).
    pub device: Option<DeviceId>,
    /// The bridge port it came in by, for `-m physdev` and hairpin checks.
    pub port: Option<DeviceId>,
    /// `skb->mark`
    pub mark: u32,
    /// Filled in by conntrack at PREROUTING or OUTPUT.
    pub tracked: crate::netfilter::Tracked,
    /// The sending program's user, for `-m owner`; `None` for what the kernel sends or forwards.
    pub owner: Option<u32>,
    /// Devices gone through at one stroke, to end loops.
    pub depth: u8,
}

impl Packet {
    /// A packet whose layer-3 header and payload are `bytes`.
    pub fn new(journey: JourneyId, bytes: &[u8]) -> Packet {
        let mut buffer = Vec::with_capacity(HEADROOM + bytes.len());
        buffer.resize(HEADROOM, 0);
        buffer.extend_from_slice(bytes);
        Packet {
            bytes: buffer,
            head: HEADROOM,
            journey,
            device: None,
            port: None,
            mark: 0,
            tracked: crate::netfilter::Tracked::default(),
            owner: None,
            depth: 0,
        }
    }

    pub fn data(&self) -> &[u8] {
        &self.bytes[self.head..]
    }

    pub fn data_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[self.head..]
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
            self.bytes.splice(0..0, std::iter::repeat_n(0, grow));
            self.head += grow;
        }
        self.head -= header;
        let front = &mut self.bytes[self.head..self.head + header];
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

    /// Cuts what follows the first `length` bytes (Ethernet padding).
    pub fn truncate(&mut self, length: usize) {
        self.bytes.truncate(self.head + length);
    }

    pub fn append(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
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
}
