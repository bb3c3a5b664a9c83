//! Where a packet meets the table: which flow it belongs to, and the confirming of a flow at its first packet's end.
//!
//! Called at PREROUTING, OUTPUT (`track`) and INPUT, POSTROUTING (`confirm`).
//! Always: a packet that belongs to no flow and opens none is left untracked, which rules call INVALID.
//! Sources: linux nf_conntrack_core.c, nf_conntrack_proto_{udp,icmp}.c.

use super::flow::{Flow, Info, Protocol, Relation, status};
use super::tcp::{Judgement, Tcp, TcpState, has_valid_flags};
use super::tuple::{Direction, Tuple};
use super::{Conntrack, EventKind, FlowId, Space};
use crate::netfilter::checksum;
use crate::netfilter::header::{Header, ICMP, SCTP, TCP, UDP, UDPLITE};
use api::{DropReason, NetnsId};
use sim::Instant;

/// What conntrack knows of a packet (`skb->_nfct`).
#[derive(Clone, Debug, Default)]
pub enum Tracked {
    /// Not looked at, or belonging to no flow.
    #[default]
    Unseen,
    /// `NOTRACK`
    Untracked,
    /// The packet carries its flow: the first one until both are through, a reset that ended it to its own end.
    Carried(Box<Flow>, Info),
    Confirmed(FlowId, Info),
}

impl Tracked {
    /// For a packet that the kernel makes in answer to this one (an ICMP error, a reset): it belongs to the same
    /// flow, the other way (`nf_conntrack_attach`).
    #[must_use]
    pub fn answer(&self) -> Tracked {
        let turn = |info: &Info| Info { relation: Relation::Related, direction: info.direction.other() };
        match self {
            Tracked::Unseen => Tracked::Unseen,
            Tracked::Untracked => Tracked::Untracked,
            Tracked::Carried(flow, info) => Tracked::Carried(flow.clone(), turn(info)),
            Tracked::Confirmed(id, info) => Tracked::Confirmed(*id, turn(info)),
        }
    }

    /// Where the packet leaves its namespace: forgotten (`nf_reset_ct`).
    pub fn reset(&mut self) {
        *self = Tracked::Unseen;
    }
}

/// One packet at one hook, as conntrack needs it.
#[derive(Clone, Copy)]
pub(crate) struct Tracking<'a> {
    pub netns: NetnsId,
    /// PREROUTING, where checksums are looked at; else OUTPUT.
    pub incoming: bool,
    /// Its checksum is known to be right.
    pub sound: bool,
    pub header: &'a Header,
    pub bytes: &'a [u8],
    pub now: Instant,
}

impl Conntrack {
    /// The flow a packet belongs to.
    pub(crate) fn flow_of<'a>(&'a self, tracked: &'a Tracked) -> Option<(&'a Flow, Info)> {
        match tracked {
            Tracked::Carried(flow, info) => Some((flow, *info)),
            Tracked::Confirmed(id, info) => Some((self.flow(*id)?, *info)),
            Tracked::Unseen | Tracked::Untracked => None,
        }
    }

    pub(crate) fn flow_of_mut<'a>(&'a mut self, tracked: &'a mut Tracked) -> Option<(&'a mut Flow, Info)> {
        match tracked {
            Tracked::Carried(flow, info) => Some((flow, *info)),
            Tracked::Confirmed(id, info) => Some((self.flow_mut(*id)?, *info)),
            Tracked::Unseen | Tracked::Untracked => None,
        }
    }

    /// Finds or opens the packet's flow; the reason to drop it where the table is full.
    pub(crate) fn track(&mut self, at: Tracking<'_>) -> Result<Tracked, DropReason> {
        if at.header.is_later_fragment() {
            return Ok(Tracked::Unseen);
        }
        self.space(at.netns);
        if !self.is_sound(&at) {
            return Ok(self.invalid(at.netns));
        }
        if at.header.protocol == ICMP && is_icmp_error(at.header, at.bytes) {
            return Ok(self.track_error(&at));
        }
        let Some(tuple) = Tuple::of(at.header, at.bytes) else { return Ok(self.invalid(at.netns)) };
        // A closed connection may be opened anew by the same packet: forget it and look once more.
        for _ in 0..2 {
            let Some((id, direction)) = self.find_live(at.netns, &tuple, at.now) else {
                return self.open(&at, tuple);
            };
            match self.follow(&at, id, direction) {
                Judgement::Accept(_) => {
                    let info = self.see(id, direction, at.now);
                    return Ok(Tracked::Confirmed(id, info));
                }
                Judgement::Kill => {
                    let info = self.see(id, direction, at.now);
                    let killed = self.remove(id, at.now);
                    return Ok(killed.map_or(Tracked::Unseen, |flow| Tracked::Carried(flow, info)));
                }
                Judgement::Repeat => {
                    self.remove(id, at.now);
                }
                Judgement::Invalid => break,
            }
        }
        Ok(self.invalid(at.netns))
    }

    fn invalid(&mut self, netns: NetnsId) -> Tracked {
        self.space(netns).statistics.invalid += 1;
        Tracked::Unseen
    }

    fn find_live(&mut self, netns: NetnsId, tuple: &Tuple, now: Instant) -> Option<(FlowId, Direction)> {
        let (id, direction) = self.find(netns, tuple)?;
        if self.flow(id)?.expires <= now {
            self.remove(id, now);
            return None;
        }
        Some((id, direction))
    }

    /// Headers whole, checksums right on the way in, flags possible.
    fn is_sound(&self, at: &Tracking<'_>) -> bool {
        let upper = at.header.upper(at.bytes);
        let check =
            at.incoming && !at.sound && self.settings(at.netns).is_none_or(|settings| settings.checksum);
        match at.header.protocol {
            TCP => {
                let Some(header) = at.header.tcp(at.bytes) else { return false };
                header.is_well_formed()
                    && has_valid_flags(&header)
                    && (!check || checksum::transport_is_valid(at.header, at.bytes))
            }
            UDP | UDPLITE => {
                upper.len() >= 8
                    && (at.header.protocol == UDPLITE
                        || !check
                        || checksum::transport_is_valid(at.header, at.bytes))
            }
            ICMP => {
                upper.len() >= 8
                    && upper[0] <= HIGHEST_ICMP_TYPE
                    && (!check || checksum::transport_is_valid(at.header, at.bytes))
            }
            SCTP => upper.len() >= 12,
            _ => true,
        }
    }

    /// An ICMP error belongs to the flow whose packet it quotes.
    fn track_error(&mut self, at: &Tracking<'_>) -> Tracked {
        let quoted = at.header.upper(at.bytes).get(8..).unwrap_or_default();
        let found = Header::read(quoted)
            .and_then(|inner| Tuple::of(&inner, quoted))
            .and_then(|tuple| tuple.inverted())
            .and_then(|tuple| self.find_live(at.netns, &tuple, at.now));
        let Some((id, direction)) = found else { return self.invalid(at.netns) };
        let meant_for = self.flow(id).map(|flow| flow.tuple(direction).destination);
        if meant_for != Some(at.header.destination) {
            return self.invalid(at.netns);
        }
        Tracked::Confirmed(id, Info { relation: Relation::Related, direction })
    }

    /// A packet that no flow knows: it opens one, where its protocol allows.
    fn open(&mut self, at: &Tracking<'_>, tuple: Tuple) -> Result<Tracked, DropReason> {
        let Some(reply) = tuple.inverted() else { return Ok(self.invalid(at.netns)) };
        let Space { settings, count, .. } = self.space(at.netns);
        if *count >= settings.max && settings.max != 0 && !self.drop_early(at.netns, at.now) {
            self.space(at.netns).statistics.drop += 1;
            return Err(DropReason::ConntrackInvalid);
        }
        let settings = &self.space(at.netns).settings;
        let mut flow = Box::new(Flow::new(at.netns, tuple, reply, at.now));
        flow.counters = settings.acct.then(Default::default);
        let opens = match (&mut flow.protocol, at.header.tcp(at.bytes)) {
            (Protocol::Tcp(tcp), Some(header)) => tcp.open(&header, settings),
            (Protocol::Tcp(_), None) => false,
            (Protocol::Icmp, _) => matches!(tuple.icmp().0, 8 | 13 | 15 | 17),
            _ => true,
        };
        let direction = Direction::Original;
        if !opens || judge(&mut flow, direction, at, settings) == Judgement::Invalid {
            return Ok(self.invalid(at.netns));
        }
        count_packet(&mut flow, direction, at);
        Ok(Tracked::Carried(flow, Info { relation: Relation::New, direction }))
    }

    /// A packet of a known flow: its state moves on, its life is prolonged.
    fn follow(&mut self, at: &Tracking<'_>, id: FlowId, direction: Direction) -> Judgement {
        let Conntrack { slots, spaces, .. } = self;
        let flow = slots.get_mut(id.index as usize).and_then(|slot| slot.flow.as_deref_mut());
        let (Some(flow), Some(space)) = (flow, spaces.get(&at.netns)) else { return Judgement::Invalid };
        let before = (flow.status, tcp_state(flow));
        let judgement = judge(flow, direction, at, &space.settings);
        if matches!(judgement, Judgement::Accept(_)) {
            count_packet(flow, direction, at);
        }
        let changed = before != (flow.status, tcp_state(flow));
        self.file(id);
        if changed {
            self.tell(EventKind::Update, id, at.now);
        }
        judgement
    }

    /// Notes that the packet was seen, and says how it relates.
    fn see(&mut self, id: FlowId, direction: Direction, now: Instant) -> Info {
        let Some(flow) = self.flow_mut(id) else { return Info { relation: Relation::New, direction } };
        let first_reply = direction == Direction::Reply && !flow.has(status::SEEN_REPLY);
        if first_reply {
            flow.status |= status::SEEN_REPLY;
        }
        let established = direction == Direction::Reply || flow.has(status::SEEN_REPLY);
        // TCP tells its first reply with the change of state.
        if first_reply && tcp_state(flow).is_none() {
            self.tell(EventKind::Update, id, now);
        }
        Info { relation: if established { Relation::Established } else { Relation::New }, direction }
    }

    /// Files an unconfirmed flow; the reason to drop its packet where another flow has one of its tuples.
    pub(crate) fn confirm(&mut self, tracked: &mut Tracked, now: Instant) -> Result<(), DropReason> {
        let Tracked::Carried(flow, info) = tracked else { return Ok(()) };
        if info.direction != Direction::Original || flow.is_confirmed() {
            return Ok(());
        }
        let (netns, tuples, info) = (flow.netns, (flow.original, flow.reply), *info);
        match self.insert(flow.clone(), now) {
            Ok(id) => {
                *tracked = Tracked::Confirmed(id, info);
                Ok(())
            }
            Err(there) if self.flow(there).is_some_and(|it| (it.original, it.reply) == tuples) => {
                // The same flow was confirmed by a twin of this packet (a flooded copy): join it.
                self.space(netns).statistics.clash_resolve += 1;
                *tracked = Tracked::Confirmed(there, info);
                Ok(())
            }
            Err(_) => {
                let statistics = &mut self.space(netns).statistics;
                statistics.insert_failed += 1;
                statistics.drop += 1;
                Err(DropReason::NatExhausted)
            }
        }
    }
}

/// `NR_ICMP_TYPES`
const HIGHEST_ICMP_TYPE: u8 = 18;

/// Unreachable, source quench, redirect, time exceeded, parameter problem.
fn is_icmp_error(header: &Header, bytes: &[u8]) -> bool {
    header.icmp(bytes).is_some_and(|(kind, _)| matches!(kind, 3 | 4 | 5 | 11 | 12))
}

fn tcp_state(flow: &Flow) -> Option<TcpState> {
    match &flow.protocol {
        Protocol::Tcp(tcp) => Some(tcp.state),
        _ => None,
    }
}

/// What the flow's protocol says of one more packet; its lifetime is renewed.
fn judge(flow: &mut Flow, direction: Direction, at: &Tracking<'_>, settings: &super::Settings) -> Judgement {
    let timeout = match &flow.protocol {
        Protocol::Tcp(_) => {
            let Some(header) = at.header.tcp(at.bytes) else { return Judgement::Invalid };
            let judgement = Tcp::judge(flow, direction, &header, settings);
            if let Judgement::Accept(Some(timeout)) = judgement {
                flow.refresh(at.now, timeout);
            }
            return judgement;
        }
        Protocol::Udp { stream_at } if flow.has(status::SEEN_REPLY) && at.now > *stream_at => {
            flow.status |= status::ASSURED;
            settings.udp_stream
        }
        Protocol::Udp { .. } => settings.udp,
        Protocol::Icmp => settings.icmp,
        Protocol::Generic => settings.generic,
    };
    flow.refresh(at.now, timeout);
    Judgement::Accept(Some(timeout))
}

fn count_packet(flow: &mut Flow, direction: Direction, at: &Tracking<'_>) {
    if let Some(counters) = &mut flow.counters {
        let counter = &mut counters[direction as usize];
        counter.packets += 1;
        counter.bytes += at.header.length as u64;
    }
}
