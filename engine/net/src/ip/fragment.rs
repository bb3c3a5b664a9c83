//! Fragments: cutting a packet to an MTU, and putting the pieces together again.
//!
//! Stands at the way out (`path/egress.rs`) and at the way in (`path/local_in.rs`, conntrack).
//! Always: pieces carry multiples of eight bytes but for the last; a whole continues the first piece's journey, the
//! other pieces end as consumed.
//! Differs from Linux: pieces are counted against the limits by their bytes, not by what their buffers take.
//! Sources: RFC 791 §3.2; net/ipv4/ip_output.c (`ip_do_fragment`), ip_fragment.c; RFC 5722 (overlaps).

use super::header::{
    DONT_FRAGMENT, FRAGMENT_OFFSET, MORE_FRAGMENTS, destination, fragment, header_length, identification,
    protocol_of, seal, source, total_length,
};
use super::icmp::icmp_type;
use crate::network::Event;
use crate::sysctl::Key;
use crate::{Network, Packet};
use api::journey::StopKind;
use api::{DropReason, NetnsId};
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

/// Pieces of one packet; a further one ends them all.
const MAX_PIECES: usize = 1024;

/// Which packet a piece belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FragmentKey {
    source: Ipv4Addr,
    destination: Ipv4Addr,
    id: u16,
    protocol: u8,
    /// Conntrack's pieces and those for a local socket are gathered apart.
    user: u8,
}

/// Who puts the pieces together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Defragment {
    LocalDeliver = 0,
    /// Conntrack at PREROUTING or OUTPUT (`nf_defrag_ipv4`).
    Conntrack = 1,
}

#[derive(Debug)]
struct Pieces {
    /// By offset; no two overlap.
    pieces: Vec<(usize, Packet)>,
    /// Known once the last piece came.
    length: Option<usize>,
    generation: u32,
}

#[derive(Debug, Default)]
pub(crate) struct FragmentQueues {
    queues: BTreeMap<FragmentKey, Pieces>,
    bytes: usize,
    generation: u32,
}

/// Where a piece's payload stands in the whole, and whether more follows.
fn range(bytes: &[u8]) -> (usize, usize, bool) {
    let start = usize::from(fragment(bytes) & FRAGMENT_OFFSET) * 8;
    (start, start + total_length(bytes) - header_length(bytes), fragment(bytes) & MORE_FRAGMENTS != 0)
}

impl Network {
    /// Cuts a packet (its IP header first) into pieces of at most `mtu` bytes. The first keeps its journey.
    pub(crate) fn fragment(&mut self, ns: NetnsId, packet: Packet, mtu: usize) -> Vec<Packet> {
        let header = header_length(packet.data());
        let room = mtu.saturating_sub(header) & !7;
        if room == 0 {
            self.drop_in(ns, packet, DropReason::PktTooBig, "the MTU has no room for any payload");
            return Vec::new();
        }
        let field = fragment(packet.data());
        let (offset, more) = (field & FRAGMENT_OFFSET, field & MORE_FRAGMENTS);
        let payload = packet.len() - header;
        let count = payload.div_ceil(room);
        if self.trace.on {
            let kind = StopKind::Fragment { pieces: count as u32, mtu: mtu as u32 };
            self.stop_in(&packet, ns, kind.into());
        }
        let mut pieces = Vec::with_capacity(count);
        for index in (0..count).rev() {
            let mut piece = if index == 0 { packet.clone() } else { self.fork(&packet) };
            let start = index * room;
            let end = payload.min(start + room);
            let bytes = piece.data_mut();
            bytes.copy_within(header + start..header + end, header);
            piece.truncate(header + end - start);
            let bytes = piece.data_mut();
            bytes[2..4].copy_from_slice(&((header + end - start) as u16).to_be_bytes());
            let last = index + 1 == count;
            let field = (offset + (start / 8) as u16) | if last { more } else { MORE_FRAGMENTS };
            bytes[6..8].copy_from_slice(&field.to_be_bytes());
            seal(bytes);
            pieces.push(piece);
        }
        pieces.reverse();
        pieces
    }

    /// Takes a piece; gives the whole packet when it was the last one missing.
    pub(crate) fn defragment(&mut self, ns: NetnsId, packet: Packet, user: Defragment) -> Option<Packet> {
        let bytes = packet.data();
        let (start, end, more) = range(bytes);
        let key = FragmentKey {
            source: source(bytes),
            destination: destination(bytes),
            id: identification(bytes),
            protocol: protocol_of(bytes),
            user: user as u8,
        };
        if (more && (end - start) % 8 != 0) || end > 65535 || end == start {
            self.drop_in(ns, packet, DropReason::IpInHdr, "a piece with an odd end");
            return None;
        }
        let limit = usize::try_from(self.netns[ns].sysctl.int(Key::IpfragHighThresh)).unwrap_or(0);
        if self.netns[ns].fragments.bytes + packet.len() > limit {
            self.drop_in(ns, packet, DropReason::FragTooFar, "");
            return None;
        }
        self.fragment_queue(ns, key);
        let fragments = &mut self.netns[ns].fragments;
        let queue = fragments.queues.get_mut(&key).expect("the queue was just made");
        let place = queue.pieces.partition_point(|(at, _)| *at < start);
        let exact =
            queue.pieces.get(place).is_some_and(|(at, piece)| *at == start && range(piece.data()).1 == end);
        let overlaps = queue.pieces.get(place).is_some_and(|(at, _)| *at < end)
            || place > 0 && range(queue.pieces[place - 1].1.data()).1 > start
            || queue.length.is_some_and(|length| end > length || (!more && end != length));
        if exact {
            self.drop_in(ns, packet, DropReason::FragTooFar, "the same piece again");
            return None;
        }
        fragments.bytes += packet.len();
        queue.pieces.insert(place, (start, packet));
        if !more {
            queue.length = Some(end);
        }
        if overlaps || queue.pieces.len() > MAX_PIECES {
            self.fragments_drop(ns, key, DropReason::FragTooFar);
            return None;
        }
        self.fragments_join(ns, key)
    }

    fn fragment_queue(&mut self, ns: NetnsId, key: FragmentKey) {
        let wait = u64::try_from(self.netns[ns].sysctl.int(Key::IpfragTime)).unwrap_or(0);
        let fragments = &mut self.netns[ns].fragments;
        if fragments.queues.contains_key(&key) {
            return;
        }
        fragments.generation = fragments.generation.wrapping_add(1);
        let generation = fragments.generation;
        fragments.queues.insert(key, Pieces { pieces: Vec::new(), length: None, generation });
        self.queue.push(self.now + Duration::from_secs(wait), Event::Fragments { ns, key, generation });
    }

    /// All pieces there without a gap: the whole.
    fn fragments_join(&mut self, ns: NetnsId, key: FragmentKey) -> Option<Packet> {
        let fragments = &mut self.netns[ns].fragments;
        let queue = fragments.queues.get(&key)?;
        let mut reached = 0;
        for (start, piece) in &queue.pieces {
            if *start != reached {
                return None;
            }
            reached = range(piece.data()).1;
        }
        if queue.length != Some(reached) {
            return None;
        }
        let queue = fragments.queues.remove(&key)?;
        let header = header_length(queue.pieces.first()?.1.data());
        if header + reached > 65535 {
            for (_, piece) in queue.pieces {
                self.netns[ns].fragments.bytes -= piece.len();
                self.drop_in(ns, piece, DropReason::PktTooBig, "the whole would be larger than 65535 bytes");
            }
            return None;
        }
        let largest = queue.pieces.iter().map(|(_, piece)| piece.len()).max().unwrap_or(0);
        let unfragmentable =
            queue.pieces.iter().any(|(_, piece)| fragment(piece.data()) & DONT_FRAGMENT != 0);
        let mut pieces = queue.pieces.into_iter().map(|(_, piece)| piece);
        let mut whole = pieces.next()?;
        self.netns[ns].fragments.bytes -= whole.len();
        for piece in pieces {
            self.netns[ns].fragments.bytes -= piece.len();
            let from = header_length(piece.data());
            whole.append(&piece.data()[from..]);
            self.consumed_in(ns, piece, "joined to its whole");
        }
        whole.sound = 0;
        let total = (whole.len() as u16).to_be_bytes();
        let field = if unfragmentable { DONT_FRAGMENT } else { 0 };
        let bytes = whole.data_mut();
        bytes[2..4].copy_from_slice(&total);
        bytes[6..8].copy_from_slice(&field.to_be_bytes());
        seal(bytes);
        whole.fragment_size = largest as u16;
        whole.forget_frame();
        Some(whole)
    }

    fn fragments_drop(&mut self, ns: NetnsId, key: FragmentKey, reason: DropReason) {
        let Some(queue) = self.netns[ns].fragments.queues.remove(&key) else { return };
        for (_, piece) in queue.pieces {
            self.netns[ns].fragments.bytes -= piece.len();
            self.drop_in(ns, piece, reason, "");
        }
    }

    /// 30 seconds after the first piece: the sender is told if that one came (RFC 792).
    pub(crate) fn fragments_timeout(&mut self, ns: NetnsId, key: FragmentKey, generation: u32) {
        let Some(queue) = self.netns[ns].fragments.queues.get(&key) else { return };
        if queue.generation != generation {
            return;
        }
        let first = queue.pieces.first().filter(|(start, _)| *start == 0).map(|(_, piece)| piece.clone());
        if let Some(first) = first.filter(|_| key.user == Defragment::LocalDeliver as u8) {
            self.icmp_error_send(ns, &first, icmp_type::TIME_EXCEEDED, 1, 0, true);
        }
        self.fragments_drop(ns, key, DropReason::FragReasmTimeout);
    }
}
