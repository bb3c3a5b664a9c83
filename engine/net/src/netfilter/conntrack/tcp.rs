//! TCP's tracker: which state a flow is in, and whether a segment lies in its windows.
//!
//! Called for each TCP packet of a flow. Always: an invalid segment changes no state.
//! Differs from Linux: no sequence adjustment (no helpers rewrite payload here), no SYN proxy.
//! Sources: linux nf_conntrack_proto_tcp.c; Guido van Rooij, "Real stateful TCP packet filtering" (2001).

use super::flow::{Flow, Protocol, status};
use super::sysctl::{Settings, TcpTimeouts};
use super::tuple::Direction;
use super::window::Window;
use crate::netfilter::header::{ACK, FIN, PSH, RST, SYN, TcpHeader, URG};
use std::time::Duration;

/// `enum tcp_conntrack`, in the kernel's order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum TcpState {
    #[default]
    None,
    SynSent,
    SynRecv,
    Established,
    FinWait,
    CloseWait,
    LastAck,
    TimeWait,
    Close,
    SynSent2,
}

impl TcpState {
    pub const ALL: [TcpState; 10] = [
        TcpState::None,
        TcpState::SynSent,
        TcpState::SynRecv,
        TcpState::Established,
        TcpState::FinWait,
        TcpState::CloseWait,
        TcpState::LastAck,
        TcpState::TimeWait,
        TcpState::Close,
        TcpState::SynSent2,
    ];

    /// As `conntrack -L` prints it.
    pub fn name(self) -> &'static str {
        match self {
            TcpState::None => "NONE",
            TcpState::SynSent => "SYN_SENT",
            TcpState::SynRecv => "SYN_RECV",
            TcpState::Established => "ESTABLISHED",
            TcpState::FinWait => "FIN_WAIT",
            TcpState::CloseWait => "CLOSE_WAIT",
            TcpState::LastAck => "LAST_ACK",
            TcpState::TimeWait => "TIME_WAIT",
            TcpState::Close => "CLOSE",
            TcpState::SynSent2 => "SYN_SENT2",
        }
    }
}

/// `ip_ct_tcp_state.flags`
pub(super) mod flag {
    pub const WINDOW_SCALE: u8 = 0x01;
    pub const SACK_PERMITTED: u8 = 0x02;
    pub const CLOSE_INIT: u8 = 0x04;
    pub const BE_LIBERAL: u8 = 0x08;
    pub const UNACKNOWLEDGED: u8 = 0x10;
    pub const MAXACK_SET: u8 = 0x20;
}

/// What was seen of one end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    pub end: u32,
    pub max_end: u32,
    pub max_window: u32,
    pub max_ack: u32,
    pub scale: u8,
    pub flags: u8,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tcp {
    pub state: TcpState,
    pub(super) seen: [Seen; 2],
    pub(super) last_direction: Direction,
    last_kind: Option<Kind>,
    pub(super) last_sequence: u32,
    pub(super) last_ack: u32,
    pub(super) last_end: u32,
    pub(super) last_window: u16,
    last_scale: u8,
    last_flags: u8,
    simultaneous_open: bool,
    challenge_ack: bool,
    pub(super) retransmitted: u8,
}

/// `enum tcp_bit_set`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Syn,
    SynAck,
    Fin,
    Ack,
    Rst,
    Nothing,
}

fn kind(header: &TcpHeader<'_>) -> Kind {
    match () {
        () if header.has(RST) => Kind::Rst,
        () if header.has(SYN) && header.has(ACK) => Kind::SynAck,
        () if header.has(SYN) => Kind::Syn,
        () if header.has(FIN) => Kind::Fin,
        () if header.has(ACK) => Kind::Ack,
        () => Kind::Nothing,
    }
}

/// An entry of the state table: the next state, ignore (`g`), or invalid (`v`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    State(TcpState),
    Ignore,
    Invalid,
}

/// One letter a state, in the order of [`TcpState`]: n s r e f c l t x 2; g ignores, v is invalid.
const ORIGINAL: [&[u8; 10]; 6] =
    [b"ssgggggss2", b"vvrvvvvvvr", b"vvffllltxv", b"eveeccttxv", b"vxxxxxxxxx", b"vvvvvvvvvv"];
const REPLY: [&[u8; 10]; 6] =
    [b"v2vvvvvsv2", b"vrgggggggr", b"vvffllltxv", b"vgreccttxg", b"vxxxxxxxxx", b"vvvvvvvvvv"];

fn next_state(direction: Direction, kind: Kind, state: TcpState) -> Next {
    let table = match direction {
        Direction::Original => &ORIGINAL,
        Direction::Reply => &REPLY,
    };
    match table[kind as usize][state as usize] {
        b'g' => Next::Ignore,
        b'v' => Next::Invalid,
        letter => {
            let at = b"nsrefcltx2".iter().position(|it| *it == letter).unwrap_or(0);
            Next::State(TcpState::ALL[at])
        }
    }
}

pub(super) fn before(a: u32, b: u32) -> bool {
    (a.wrapping_sub(b) as i32) < 0
}

pub(super) fn after(a: u32, b: u32) -> bool {
    before(b, a)
}

/// Combinations that no sound stack sends.
pub(crate) fn has_valid_flags(header: &TcpHeader<'_>) -> bool {
    let flags = header.flags() & (FIN | SYN | RST | PSH | ACK | URG) & !PSH;
    [SYN, SYN | URG, SYN | ACK, RST, RST | ACK, FIN | ACK, FIN | ACK | URG, ACK, ACK | URG].contains(&flags)
}

/// What the tracker says of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Judgement {
    /// The flow goes on and lives that long from now; `None` leaves its lifetime.
    Accept(Option<Duration>),
    /// The packet belongs to no flow.
    Invalid,
    /// The flow is over (closed before): forget it and look again.
    Repeat,
    /// The only answer was a reset: forget the flow, let the packet pass.
    Kill,
}

impl Tcp {
    fn end(&mut self, direction: Direction) -> &mut Seen {
        &mut self.seen[direction as usize]
    }

    /// SACK and window scale as a SYN announces them.
    pub(super) fn read_options(seen: &mut Seen, header: &TcpHeader<'_>) {
        seen.scale = 0;
        seen.flags = 0;
        for (kind, data) in header.options() {
            match (kind, data) {
                (4, []) => seen.flags |= flag::SACK_PERMITTED,
                (3, [scale]) => {
                    seen.scale = (*scale).min(14);
                    seen.flags |= flag::WINDOW_SCALE;
                }
                _ => {}
            }
        }
    }

    /// The highest block end of a SACK option, at least the acknowledgement itself.
    pub(super) fn selective_ack(header: &TcpHeader<'_>, ack: u32) -> u32 {
        let blocks =
            header.options().filter(|(kind, _)| *kind == 5).flat_map(|(_, data)| data.chunks_exact(8));
        blocks
            .map(|block| u32::from_be_bytes([block[4], block[5], block[6], block[7]]))
            .fold(ack, |highest, end| if after(end, highest) { end } else { highest })
    }

    /// The first packet of a flow: false where it opens none.
    pub(crate) fn open(&mut self, header: &TcpHeader<'_>, settings: &Settings) -> bool {
        let Next::State(state) = next_state(Direction::Original, kind(header), TcpState::None) else {
            return false;
        };
        let end = header.sequence().wrapping_add(header.sequence_length());
        let window = u32::from(header.window()).max(1);
        if state == TcpState::SynSent {
            let sender = self.end(Direction::Original);
            (sender.end, sender.max_end, sender.max_window) = (end, end, window);
            Tcp::read_options(sender, header);
        } else if !settings.tcp_loose {
            return false;
        } else {
            let sender = self.end(Direction::Original);
            (sender.end, sender.max_end, sender.max_window) = (end, end.wrapping_add(window), window);
            // The scale is unknown: judge what follows with leniency.
            sender.flags = flag::SACK_PERMITTED | flag::BE_LIBERAL;
            self.end(Direction::Reply).flags = flag::SACK_PERMITTED | flag::BE_LIBERAL;
        }
        self.last_kind = None;
        true
    }

    /// Judges one segment, and moves on where it is sound.
    pub(crate) fn judge(
        flow: &mut Flow,
        direction: Direction,
        header: &TcpHeader<'_>,
        settings: &Settings,
    ) -> Judgement {
        let (seen_reply, assured) = (flow.has(status::SEEN_REPLY), flow.has(status::ASSURED));
        let Protocol::Tcp(tcp) = &mut flow.protocol else { return Judgement::Invalid };
        let kind = kind(header);
        let (old, mut new) = match tcp.step(direction, kind, header, assured) {
            Ok(step) => step,
            Err(judgement) => return judgement,
        };
        let mut skip_window = false;
        match new {
            TcpState::TimeWait
                if kind == Kind::Ack
                    && old == TcpState::LastAck
                    && tcp.challenge_ack
                    && tcp.last_direction != direction =>
            {
                // The other end challenged a SYN that we let pass: the old connection goes on (RFC 5961 §4).
                tcp.challenge_ack = false;
                return Judgement::Accept(None);
            }
            TcpState::SynSent2 => tcp.simultaneous_open = true,
            TcpState::SynRecv
                if direction == Direction::Reply && kind == Kind::Ack && tcp.simultaneous_open =>
            {
                new = TcpState::Established;
            }
            TcpState::Close if kind == Kind::Rst => {
                match tcp.judge_reset(direction, header, seen_reply, assured) {
                    Reset::Invalid => return Judgement::Invalid,
                    Reset::InWindow => skip_window = true,
                    Reset::Keep => new = old,
                    Reset::Close => {}
                }
            }
            _ => {}
        }
        if !skip_window {
            match tcp.in_window(direction, kind, header, settings) {
                Window::Inside => {}
                Window::Ignore => return Judgement::Accept(None),
                Window::Outside => return Judgement::Invalid,
            }
        }
        tcp.last_kind = Some(kind);
        tcp.last_direction = direction;
        tcp.state = new;
        if old != new && new == TcpState::FinWait {
            tcp.end(direction).flags |= flag::CLOSE_INIT;
        }
        let timeout = tcp.timeout(kind, settings);
        Tcp::settle(flow, header, kind, old, new, timeout, &settings.tcp)
    }

    /// The state before and after a segment of that kind; a verdict where it changes none.
    fn step(
        &mut self,
        direction: Direction,
        kind: Kind,
        header: &TcpHeader<'_>,
        assured: bool,
    ) -> Result<(TcpState, TcpState), Judgement> {
        let old = self.state;
        let reopened = (TcpState::SynSent, TcpState::SynRecv);
        match next_state(direction, kind, old) {
            Next::Invalid => Err(Judgement::Invalid),
            Next::State(TcpState::SynSent) if old >= TcpState::TimeWait && self.may_reopen(direction) => {
                Err(Judgement::Repeat)
            }
            Next::State(state) if state != TcpState::SynSent || old < TcpState::TimeWait => Ok((old, state)),
            Next::Ignore | Next::State(_) => match self.ignore(direction, kind, header, assured) {
                true => Ok(reopened),
                false => Err(Judgement::Accept(None)),
            },
        }
    }

    /// The lifetime after a sound segment, and whether the flow is assured now.
    fn settle(
        flow: &mut Flow,
        header: &TcpHeader<'_>,
        kind: Kind,
        old: TcpState,
        new: TcpState,
        mut timeout: Duration,
        timeouts: &TcpTimeouts,
    ) -> Judgement {
        if !flow.has(status::SEEN_REPLY) {
            if header.has(RST) {
                return Judgement::Kill;
            }
            if kind == Kind::Syn && old == TcpState::SynSent {
                return Judgement::Accept(None);
            }
            if new == TcpState::Established {
                timeout = timeout.min(timeouts.unacknowledged);
            }
        } else if !flow.has(status::ASSURED)
            && matches!(old, TcpState::SynRecv | TcpState::Established)
            && new == TcpState::Established
        {
            flow.status |= status::ASSURED;
        }
        Judgement::Accept(Some(timeout))
    }

    fn timeout(&self, kind: Kind, settings: &Settings) -> Duration {
        let timeouts = &settings.tcp;
        let normal = timeouts.of(self.state);
        let flags = self.seen[0].flags | self.seen[1].flags;
        match () {
            () if self.retransmitted >= settings.tcp_max_retrans => normal.min(timeouts.max_retrans),
            () if kind == Kind::Rst => timeouts.of(TcpState::Close),
            () if flags & flag::UNACKNOWLEDGED != 0 => normal.min(timeouts.unacknowledged),
            () if self.last_window == 0 => normal.min(timeouts.max_retrans),
            () => normal,
        }
    }

    fn may_reopen(&self, direction: Direction) -> bool {
        let flags = self.seen[0].flags | self.seen[1].flags;
        flags & flag::CLOSE_INIT != 0
            || (self.last_direction == direction && self.last_kind == Some(Kind::Rst))
    }

    /// A segment that may belong to a connection we have lost track of is let through and noted; true where it is
    /// the SYN/ACK to a SYN let through before, which brings us back in step.
    fn ignore(&mut self, direction: Direction, kind: Kind, header: &TcpHeader<'_>, assured: bool) -> bool {
        if kind == Kind::SynAck
            && self.last_kind == Some(Kind::Syn)
            && self.last_direction != direction
            && header.acknowledgement() == self.last_end
        {
            let (end, scale, flags) = (self.last_end, self.last_scale, self.last_flags);
            let window = u32::from(self.last_window).max(1);
            let other = self.last_direction;
            *self.end(other) = Seen { end, max_end: end, max_window: window, max_ack: 0, scale, flags };
            *self.end(direction) = Seen::default();
            return true;
        }
        self.last_kind = Some(kind);
        self.last_direction = direction;
        self.last_sequence = header.sequence();
        self.last_end = header.sequence().wrapping_add(header.sequence_length());
        self.last_window = header.window();
        if kind == Kind::Syn && direction == Direction::Original {
            let mut seen = Seen::default();
            Tcp::read_options(&mut seen, header);
            (self.last_flags, self.last_scale) = (seen.flags, seen.scale);
            self.challenge_ack = assured && self.state == TcpState::Established;
        }
        if self.state == TcpState::SynSent && kind == Kind::Ack && direction == Direction::Reply {
            self.last_ack = header.acknowledgement();
        }
        false
    }

    fn judge_reset(
        &self,
        direction: Direction,
        header: &TcpHeader<'_>,
        seen_reply: bool,
        assured: bool,
    ) -> Reset {
        let peer = &self.seen[direction.other() as usize];
        let sequence = header.sequence();
        let mut judgement = Reset::Close;
        if peer.flags & flag::MAXACK_SET != 0 {
            let established = assured && self.state == TcpState::Established;
            if sequence == 0 && !established {
                return Reset::Close;
            }
            if before(sequence, peer.max_ack) {
                return Reset::Invalid;
            }
            let in_train = self.last_kind == Some(Kind::Ack)
                && self.last_direction == direction
                && sequence == self.last_end;
            if !established || sequence == peer.max_ack || in_train {
                return Reset::Close;
            }
            // Not where the peer stands: it may answer with a challenge ACK, and the connection goes on.
            judgement = Reset::Keep;
        }
        let answers_ignored = (seen_reply && self.last_kind == Some(Kind::Syn))
            || (!assured && self.last_kind == Some(Kind::Ack));
        if answers_ignored && header.acknowledgement() == self.last_end {
            return Reset::InWindow;
        }
        judgement
    }
}

enum Reset {
    Invalid,
    InWindow,
    Keep,
    Close,
}
