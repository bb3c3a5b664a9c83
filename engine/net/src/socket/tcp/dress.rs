//! A segment of smoltcp's, dressed as Linux would have sent it.
//!
//! Called by `tcp` for all that smoltcp puts out; keeps the connection's own count of what is under way.
//! Always: what leaves has Linux's options, scale and identification, and a valid checksum.
//! Sources: net/ipv4/tcp_output.c (`tcp_select_window`, `tcp_syn_options`), ip_output.c.

use super::connection::{Connection, FIRST_WINDOW, WINDOW_SCALE};
use super::output::Sent;
use super::segment::{ACK, FIN, HEADER, MOST_HEADER, PSH, RST, SYN, Segment, TIMESTAMPS_ALIGNED, before};
use crate::Packet;
use crate::ip::header::{Fields, push, transport_checksum};
use crate::socket::header::{IPV4, TCP_PROTOCOL};
use api::JourneyId;
use sim::Instant;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

impl Connection {
    /// The whole IP packet for a segment of smoltcp's, as Linux would have written it.
    pub fn dress(&mut self, now: Instant, raw: &[u8]) -> Option<Sent> {
        let plain = Segment::parse(raw.get(IPV4..)?)?;
        let payload = raw.get(IPV4 + plain.header..)?;
        let mut segment = Segment { mss: None, scale: None, sack_permitted: false, ..plain };
        let first = plain.has(SYN);
        if first {
            let active = !plain.has(ACK);
            segment.mss = u16::try_from(self.mtu - (IPV4 + HEADER) as u32).ok();
            segment.scale = if active { Some(WINDOW_SCALE) } else { self.agreed.scale.map(|(ours, _)| ours) };
            segment.sack_permitted = active || self.agreed.sack;
            segment.window = self.first_window();
        } else if let Some((ours, _)) = self.agreed.scale {
            segment.window = plain.window >> ours;
        }
        if plain.has(FIN) && !payload.is_empty() {
            segment.flags |= PSH;
        }
        segment.timestamps = self.agreed.timestamps.then(|| (self.timestamp(now), self.timestamp_recent));
        let again_after = self.note_sent(now, &segment, payload.len() as u32);
        Some(Sent { packet: self.wrap(&segment, payload)?, again_after })
    }

    pub fn timestamp(&self, now: Instant) -> u32 {
        ((now.nanos() / 1_000_000) as u32).wrapping_add(self.timestamp_offset)
    }

    /// The first window is whole segments.
    fn first_window(&self) -> u16 {
        let options = if self.agreed.timestamps && self.listener.is_some() { TIMESTAMPS_ALIGNED } else { 0 };
        let mss = self.mtu - (IPV4 + HEADER) as u32 - options;
        (FIRST_WINDOW / mss.max(1) * mss).clamp(1, 65_535) as u16
    }

    /// Counts a segment; how long ago the last one was, where it goes a second time.
    fn note_sent(&mut self, now: Instant, segment: &Segment, payload: u32) -> Option<Duration> {
        let mut again_after = None;
        if self.snd_nxt == self.snd_una && segment.has(SYN) {
            self.snd_una = segment.seq;
            self.snd_nxt = segment.seq;
        }
        let end = segment.seq.wrapping_add(segment.length());
        let length = segment.length();
        if length > 0 && !segment.has(RST) {
            if before(segment.seq, self.snd_nxt) {
                again_after = self.last_send.map(|last| now.since(last));
                self.rto.retransmitted();
                self.count.bytes_retransmitted += u64::from(payload);
                self.count.retransmits_total += 1;
            } else {
                self.rto.sent(end, now);
            }
            self.last_send = Some(now);
        }
        if before(self.snd_nxt, end) {
            self.snd_nxt = end;
        }
        if segment.has(ACK) {
            if self.rcv_nxt != segment.ack && !segment.has(SYN) {
                self.quick_acks = self.quick_acks.saturating_sub(1);
            }
            self.rcv_nxt = segment.ack;
            self.deadlines.fin_ack = None;
        }
        self.told_window = segment.window;
        self.count.segments_out += 1;
        self.count.data_segments_out += u64::from(payload > 0);
        self.count.bytes_sent += u64::from(payload);
        again_after
    }

    /// A segment of our own making: keep-alive probes, challenge acknowledgements, resets of orphans.
    pub fn craft(&mut self, now: Instant, flags: u8, seq: u32) -> Option<Sent> {
        let segment = Segment {
            src_port: self.flow.local.port(),
            dst_port: self.flow.remote.port(),
            seq,
            ack: self.rcv_nxt,
            flags,
            window: self.told_window,
            timestamps: self.agreed.timestamps.then(|| (self.timestamp(now), self.timestamp_recent)),
            ..Segment::default()
        };
        self.count.segments_out += 1;
        Some(Sent { packet: self.wrap(&segment, &[])?, again_after: None })
    }

    fn wrap(&mut self, segment: &Segment, payload: &[u8]) -> Option<Packet> {
        let (IpAddr::V4(src), IpAddr::V4(dst)) = (self.flow.local.ip(), self.flow.remote.ip()) else {
            return None;
        };
        // The answer to a SYN is made before there is a socket that could count.
        let unnumbered = segment.has(SYN) && segment.has(ACK);
        if !unnumbered {
            self.ip_id = self.ip_id.wrapping_add(1);
        }
        let id = if unnumbered { 0 } else { self.ip_id };
        Some(whole(src, dst, self.ttl, self.options.tos, id, segment, payload))
    }
}

/// A whole packet with one segment.
pub(super) fn whole(
    src: Ipv4Addr,
    dst: Ipv4Addr,
    ttl: u8,
    tos: u8,
    id: u16,
    segment: &Segment,
    payload: &[u8],
) -> Packet {
    let mut packet = Packet::with_room(JourneyId(0), MOST_HEADER + payload.len());
    segment.emit(&mut packet);
    packet.append(payload);
    let sum = transport_checksum(src, dst, TCP_PROTOCOL, packet.data());
    packet.data_mut()[16..18].copy_from_slice(&sum);
    let fields = Fields {
        source: src,
        destination: dst,
        protocol: TCP_PROTOCOL,
        ttl,
        tos,
        identification: id,
        dont_fragment: true,
    };
    push(&mut packet, &fields);
    packet
}
