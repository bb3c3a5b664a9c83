//! TCP's windows as conntrack sees them from the middle of the path.
//!
//! Called by the TCP tracker for each segment. Always: a segment outside changes nothing, unless told to be liberal.
//! Sources: linux nf_conntrack_proto_tcp.c, tcp_in_window(); van Rooij (2001), boundaries I to IV.

use super::sysctl::Settings;
use super::tcp::{Kind, Seen, Tcp, TcpState, after, before, flag};
use super::tuple::Direction;
use crate::netfilter::header::{ACK, RST, SYN, TcpHeader};

/// Acknowledgements may lag that far behind (`MAXACKWINCONST`).
const MAX_ACK_WINDOW: u32 = 66000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Window {
    Inside,
    /// Late, but harmless: it passes and teaches nothing.
    Ignore,
    Outside,
}

/// The numbers of one segment, adjusted on the way through.
struct Segment {
    sequence: u32,
    end: u32,
    ack: u32,
    /// The highest byte acknowledged, selectively or not.
    sack: u32,
    window: u32,
}

impl Tcp {
    pub(super) fn in_window(
        &mut self,
        direction: Direction,
        kind: Kind,
        header: &TcpHeader<'_>,
        settings: &Settings,
    ) -> Window {
        let (mut sender, mut receiver) =
            (self.seen[direction as usize], self.seen[direction.other() as usize]);
        let ack = header.acknowledgement();
        let mut segment = Segment {
            sequence: header.sequence(),
            end: header.sequence().wrapping_add(header.sequence_length()),
            ack,
            sack: match receiver.flags & flag::SACK_PERMITTED {
                0 => ack,
                _ => Tcp::selective_ack(header, ack),
            },
            window: header.window().into(),
        };
        let learnt = self.learn(direction, header, &segment, &mut sender, &mut receiver);
        if !learnt {
            segment.adjust(header, self.state, &sender, &receiver);
            let judgement = segment.judge(&sender, &receiver);
            if judgement != Window::Inside {
                let liberal = sender.flags & flag::BE_LIBERAL != 0 || settings.tcp_be_liberal;
                return if liberal { Window::Inside } else { judgement };
            }
            segment.update(header, &mut sender, &mut receiver);
            if kind == Kind::Ack {
                self.note_retransmission(direction, &segment, header.window());
            }
        }
        self.seen[direction as usize] = sender;
        self.seen[direction.other() as usize] = receiver;
        Window::Inside
    }

    /// First sight of an end, or a SYN sent anew; true where nothing is left to check (simultaneous open).
    fn learn(
        &self,
        direction: Direction,
        header: &TcpHeader<'_>,
        segment: &Segment,
        sender: &mut Seen,
        receiver: &mut Seen,
    ) -> bool {
        let restarted = matches!(
            (self.state, direction),
            (TcpState::SynSent, Direction::Original) | (TcpState::SynRecv, Direction::Reply)
        );
        if sender.max_window == 0 && header.has(SYN) {
            (sender.end, sender.max_end, sender.max_window) =
                (segment.end, segment.end, segment.window.max(1));
            Tcp::read_options(sender, header);
            if sender.flags & receiver.flags & flag::WINDOW_SCALE == 0 {
                (sender.scale, receiver.scale) = (0, 0);
            }
            return !header.has(ACK);
        }
        if sender.max_window == 0 {
            let window = (segment.window << sender.scale).max(1);
            (sender.end, sender.max_window) = (segment.end, window);
            sender.max_end = segment.end.wrapping_add(window);
            if receiver.max_window == 0 {
                (receiver.end, receiver.max_end) = (segment.sack, segment.sack);
            }
        } else if restarted && after(segment.end, sender.end) {
            (sender.end, sender.max_end, sender.max_window) =
                (segment.end, segment.end, segment.window.max(1));
            Tcp::read_options(sender, header);
        }
        false
    }

    fn note_retransmission(&mut self, direction: Direction, segment: &Segment, window: u16) {
        let last = (self.last_direction, self.last_sequence, self.last_ack, self.last_end, self.last_window);
        if last == (direction, segment.sequence, segment.ack, segment.end, window) {
            self.retransmitted = self.retransmitted.saturating_add(1);
            return;
        }
        self.last_direction = direction;
        self.last_sequence = segment.sequence;
        self.last_ack = segment.ack;
        self.last_end = segment.end;
        self.last_window = window;
        self.retransmitted = 0;
    }
}

impl Segment {
    /// A segment without ACK, data or both is judged by what was seen before.
    fn adjust(&mut self, header: &TcpHeader<'_>, state: TcpState, sender: &Seen, receiver: &Seen) {
        if !header.has(ACK) || (header.has(RST) && self.ack == 0) {
            (self.ack, self.sack) = (receiver.end, receiver.end);
        }
        if self.sequence == self.end
            && (!header.has(RST) || (self.sequence == 0 && state == TcpState::SynSent))
        {
            (self.sequence, self.end) = (sender.end, sender.end);
        }
    }

    fn judge(&self, sender: &Seen, receiver: &Seen) -> Window {
        let lag = sender.max_window.max(MAX_ACK_WINDOW);
        let in_receive_window = receiver.max_window == 0
            || after(self.end, sender.end.wrapping_sub(receiver.max_window).wrapping_sub(1));
        match () {
            () if !before(self.sequence, sender.max_end.wrapping_add(1)) => Window::Outside,
            () if !before(self.sack, receiver.end.wrapping_add(1)) => Window::Outside,
            () if !in_receive_window => Window::Ignore,
            () if !after(self.sack, receiver.end.wrapping_sub(lag).wrapping_sub(1)) => Window::Ignore,
            () => Window::Inside,
        }
    }

    fn update(&mut self, header: &TcpHeader<'_>, sender: &mut Seen, receiver: &mut Seen) {
        if !header.has(SYN) {
            self.window <<= sender.scale;
        }
        let window = self.window.wrapping_add(self.sack.wrapping_sub(self.ack));
        sender.max_window = sender.max_window.max(window);
        if after(self.end, sender.end) {
            sender.end = self.end;
            sender.flags |= flag::UNACKNOWLEDGED;
        }
        if header.has(ACK) && (sender.flags & flag::MAXACK_SET == 0 || after(self.ack, sender.max_ack)) {
            sender.max_ack = self.ack;
            sender.flags |= flag::MAXACK_SET;
        }
        if receiver.max_window != 0 && after(self.end, sender.max_end) {
            receiver.max_window = receiver.max_window.wrapping_add(self.end.wrapping_sub(sender.max_end));
        }
        let right = self.sack.wrapping_add(self.window);
        if after(right, receiver.max_end.wrapping_sub(1)) {
            receiver.max_end = right.wrapping_add(u32::from(self.window == 0));
        }
        if self.ack == receiver.end {
            receiver.flags &= !flag::UNACKNOWLEDGED;
        }
    }
}
