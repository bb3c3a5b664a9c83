//! TCP headers as Linux writes them: option order, padding, scaling.
//!
//! Called by `tcp` for every segment in and out; smoltcp never sees a window scale or a timestamp of the wire.
//! Always: a parsed segment's header lies within its bytes; what is emitted has at most 40 bytes of options.
//! Sources: RFC 9293, 7323 (scale, timestamps), 2018 (SACK); net/ipv4/tcp_output.c (`tcp_options_write`).

use crate::Packet;

pub(super) const HEADER: usize = 20;
/// Header with the largest data offset.
pub(super) const MOST_HEADER: usize = 60;

pub(super) const FIN: u8 = 0x01;
pub(super) const SYN: u8 = 0x02;
pub(super) const RST: u8 = 0x04;
pub(super) const PSH: u8 = 0x08;
pub(super) const ACK: u8 = 0x10;

const END: u8 = 0;
const NOP: u8 = 1;
const MSS: u8 = 2;
const WINDOW_SCALE: u8 = 3;
const SACK_PERMITTED: u8 = 4;
const SACK: u8 = 5;
const TIMESTAMPS: u8 = 8;
/// RFC 7323, 2.3.
const MOST_SCALE: u8 = 14;
/// What `nop,nop,TS` takes off every segment's payload.
pub(super) const TIMESTAMPS_ALIGNED: u32 = 12;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Segment {
    pub src_port: u16,
    pub dst_port: u16,
    pub seq: u32,
    pub ack: u32,
    pub flags: u8,
    pub window: u16,
    pub mss: Option<u16>,
    pub scale: Option<u8>,
    pub sack_permitted: bool,
    /// (value, echo reply)
    pub timestamps: Option<(u32, u32)>,
    pub sack: [Option<(u32, u32)>; 3],
    /// Bytes in front of the payload.
    pub header: usize,
    pub payload: usize,
}

fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

impl Segment {
    pub fn parse(bytes: &[u8]) -> Option<Segment> {
        let header = usize::from(bytes.get(12)? >> 4) * 4;
        if header < HEADER || header > bytes.len() {
            return None;
        }
        let mut segment = Segment {
            src_port: be16(bytes, 0)?,
            dst_port: be16(bytes, 2)?,
            seq: be32(bytes, 4)?,
            ack: be32(bytes, 8)?,
            flags: bytes[13],
            window: be16(bytes, 14)?,
            header,
            payload: bytes.len() - header,
            ..Segment::default()
        };
        segment.read_options(&bytes[HEADER..header]);
        Some(segment)
    }

    fn read_options(&mut self, options: &[u8]) {
        for (kind, value) in options_of(options) {
            match kind {
                MSS => self.mss = be16(value, 0),
                WINDOW_SCALE => self.scale = value.first().map(|scale| (*scale).min(MOST_SCALE)),
                SACK_PERMITTED => self.sack_permitted = true,
                TIMESTAMPS => self.timestamps = be32(value, 0).zip(be32(value, 4)),
                SACK => {
                    for (block, slot) in value.chunks_exact(8).zip(&mut self.sack) {
                        *slot = be32(block, 0).zip(be32(block, 4));
                    }
                }
                _ => {}
            }
        }
    }

    pub fn has(&self, flags: u8) -> bool {
        self.flags & flags != 0
    }

    /// How far it moves the sequence number on.
    pub fn length(&self) -> u32 {
        self.payload as u32 + u32::from(self.has(SYN)) + u32::from(self.has(FIN))
    }

    pub fn end(&self) -> u32 {
        self.seq.wrapping_add(self.length())
    }

    /// The flags that go together in a real segment.
    pub fn flags_make_sense(&self) -> bool {
        let one_of = [SYN, FIN, RST].iter().filter(|flag| self.has(**flag)).count() <= 1;
        one_of && (self.has(ACK) || self.has(SYN) || self.has(RST))
    }

    /// Puts the header behind what is in `bytes`, options in Linux's order.
    pub fn emit(&self, bytes: &mut Packet) {
        let start = bytes.len();
        bytes.append(&self.src_port.to_be_bytes());
        bytes.append(&self.dst_port.to_be_bytes());
        bytes.append(&self.seq.to_be_bytes());
        bytes.append(&self.ack.to_be_bytes());
        bytes.append(&[0, self.flags]);
        bytes.append(&self.window.to_be_bytes());
        bytes.append(&[0; 4]);
        if let Some(mss) = self.mss {
            bytes.append(&[MSS, 4]);
            bytes.append(&mss.to_be_bytes());
        }
        if let Some((value, echo)) = self.timestamps {
            let front = if self.sack_permitted { [SACK_PERMITTED, 2] } else { [NOP, NOP] };
            bytes.append(&front);
            bytes.append(&[TIMESTAMPS, 10]);
            bytes.append(&value.to_be_bytes());
            bytes.append(&echo.to_be_bytes());
        } else if self.sack_permitted {
            bytes.append(&[NOP, NOP, SACK_PERMITTED, 2]);
        }
        if let Some(scale) = self.scale {
            bytes.append(&[NOP, WINDOW_SCALE, 3, scale]);
        }
        let blocks = self.sack.iter().flatten().count();
        if blocks > 0 {
            bytes.append(&[NOP, NOP, SACK, 2 + 8 * blocks as u8]);
            for (left, right) in self.sack.iter().flatten() {
                bytes.append(&left.to_be_bytes());
                bytes.append(&right.to_be_bytes());
            }
        }
        let length = bytes.len() - start;
        bytes.data_mut()[start + 12] = ((length / 4) << 4) as u8;
    }
}

/// (kind, value) of each option but NOP, up to END or the first that does not fit.
fn options_of(mut options: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    std::iter::from_fn(move || {
        loop {
            match *options {
                [] | [END, ..] => return None,
                [NOP, ref rest @ ..] => options = rest,
                [kind, length, ..] => {
                    let value = options.get(2..usize::from(length))?;
                    options = &options[usize::from(length)..];
                    return Some((kind, value));
                }
                [_] => return None,
            }
        }
    })
}

/// Makes a received header fit for smoltcp, which knows no scale and no timestamps of the wire: the MSS less what our
/// options take, no scale, and a window in plain bytes.
pub(super) fn plain(header: &mut [u8], mss_less: u16, window: u16) {
    header[14..16].copy_from_slice(&window.to_be_bytes());
    let mut at = HEADER;
    while at < header.len() {
        let length = match header[at] {
            END => return,
            NOP => 1,
            _ => header.get(at + 1).map_or(1, |length| usize::from(*length).max(2)),
        };
        match header.get(at..at + length) {
            Some([MSS, 4, high, low]) => {
                let mss = u16::from_be_bytes([*high, *low]).saturating_sub(mss_less).max(1);
                header[at + 2..at + 4].copy_from_slice(&mss.to_be_bytes());
            }
            Some([WINDOW_SCALE, ..]) => header[at..at + length].fill(NOP),
            Some(_) => {}
            None => return,
        }
        at += length;
    }
}

/// Is `a` before `b` on the circle of sequence numbers?
pub(super) fn before(a: u32, b: u32) -> bool {
    (a.wrapping_sub(b) as i32) < 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn emitted(segment: &Segment) -> Vec<u8> {
        let mut packet = Packet::with_room(api::JourneyId(0), MOST_HEADER);
        segment.emit(&mut packet);
        packet.data().to_vec()
    }

    fn syn() -> Segment {
        Segment {
            src_port: 40000,
            dst_port: 80,
            seq: 7,
            flags: SYN,
            window: 64240,
            mss: Some(1460),
            scale: Some(10),
            sack_permitted: true,
            timestamps: Some((1, 0)),
            header: 40,
            ..Segment::default()
        }
    }

    #[test]
    fn a_syn_has_the_options_of_linux_in_their_order() {
        let bytes = emitted(&syn());
        assert_eq!(bytes[20..], [2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 10]);
        assert_eq!(Segment::parse(&bytes), Some(syn()));
    }

    #[test]
    fn smoltcp_gets_no_scale_and_a_smaller_mss() {
        let mut bytes = emitted(&syn());
        plain(&mut bytes, 12, 1000);
        let parsed = Segment::parse(&bytes).expect("still a segment");
        assert_eq!((parsed.mss, parsed.scale, parsed.window), (Some(1448), None, 1000));
    }

    #[test]
    fn broken_options_are_read_as_far_as_they_go() {
        let mut bytes = emitted(&syn());
        for at in 20..40 {
            for value in [0, 1, 2, 3, 5, 8, 255] {
                let kept = std::mem::replace(&mut bytes[at], value);
                assert!(Segment::parse(&bytes).is_some());
                plain(&mut bytes.clone(), 12, 1);
                bytes[at] = kept;
            }
        }
    }
}
