//! Journeys: each packet's life, stop by stop, to its one verdict; and what the picture draws of them.
//!
//! Every stage of the packet path reports here; nothing here decides anything.
//! Always: a packet's end goes through `delivered`, `consumed` or `dropped`, which take the packet, so that a journey
//! ends once; the counts of begun and ended journeys hold with tracing off, too.
//! Differs from Linux: no kernel keeps such a log; nftrace, dropwatch and tcpdump together come near.

pub(crate) mod note;

use self::note::{Mark, Note};
use crate::summary;
use crate::{Network, Packet};
use api::event::{Event, Flight};
use api::journey::{Stop, StopKind, Verdict};
use api::{DeviceId, DropReason, FrameId, Journey, JourneyId, MachineId, NetnsId};
use std::collections::VecDeque;
use std::time::Duration;

/// Journeys that are remembered; older ones are forgotten.
pub const MAX_JOURNEYS: usize = 4096;
/// Stops that are remembered of one journey; those in the middle of a longer one are left out.
const MAX_STOPS: usize = 96;
/// Flights and drops kept for a picture that does not fetch them; the oldest go first.
const MAX_PENDING: usize = 4096;

/// A [`Journey`] as it is kept: its stops are put into words when it is read.
#[derive(Clone, Debug)]
struct Life {
    id: JourneyId,
    summary: String,
    marks: Vec<Mark>,
    verdict: Option<Verdict>,
    cause: Option<JourneyId>,
}

/// What tells whose packet it is.
#[derive(Debug)]
pub struct Outline<'a> {
    pub id: JourneyId,
    pub summary: &'a str,
    /// Who made it, where that is known.
    pub maker: &'a str,
    pub cause: Option<JourneyId>,
    /// It is under way still.
    pub is_open: bool,
    /// Each end that was rewritten, before and after: `ADDRESS:PORT`.
    pub rewrites: Vec<(String, String)>,
}

impl Life {
    fn outline(&self) -> Outline<'_> {
        let maker = match self.marks.first().map(|mark| &mark.note) {
            Some(Note::Made(by)) => by,
            _ => "",
        };
        let rewrites = self.marks.iter().filter_map(|mark| match &mark.note {
            Note::Nat { before, after, .. } => Some((before.tell(), after.tell())),
            _ => None,
        });
        Outline {
            id: self.id,
            summary: &self.summary,
            maker,
            cause: self.cause,
            is_open: self.verdict.is_none(),
            rewrites: rewrites.collect(),
        }
    }
}

#[derive(Debug)]
pub(crate) struct Trace {
    pub on: bool,
    /// The number of the first journey in `journeys`, which stand without a gap.
    first: u64,
    journeys: VecDeque<Life>,
    next: u64,
    begun: u64,
    ended: u64,
    /// Somebody draws: flights and drops are kept for [`Network::take_trace`].
    watching: bool,
    pending: VecDeque<Event>,
}

impl Default for Trace {
    fn default() -> Trace {
        Trace {
            on: true,
            first: 1,
            journeys: VecDeque::new(),
            next: 1,
            begun: 0,
            ended: 0,
            watching: false,
            pending: VecDeque::new(),
        }
    }
}

impl Trace {
    pub fn begin(&mut self) -> JourneyId {
        self.begun += 1;
        let id = JourneyId(self.next);
        self.next += 1;
        if self.on {
            // The oldest makes room, and leaves its list of stops.
            let mut marks = Vec::new();
            if self.journeys.len() == MAX_JOURNEYS {
                let oldest = self.journeys.pop_front();
                self.first += 1;
                marks = oldest.map(|oldest| oldest.marks).unwrap_or_default();
                marks.clear();
            }
            self.journeys.push_back(Life { id, summary: String::new(), marks, verdict: None, cause: None });
        } else {
            self.first = self.next;
            self.journeys.clear();
        }
        id
    }

    fn tell(&mut self, event: Event) {
        if self.pending.len() == MAX_PENDING {
            self.pending.pop_front();
        }
        self.pending.push_back(event);
    }

    fn get(&self, id: JourneyId) -> Option<&Life> {
        self.journeys.get(usize::try_from(id.0.checked_sub(self.first)?).ok()?)
    }

    fn get_mut(&mut self, id: JourneyId) -> Option<&mut Life> {
        self.journeys.get_mut(usize::try_from(id.0.checked_sub(self.first)?).ok()?)
    }
}

/// What the page and `why` ask.
impl Network {
    /// Without it packets run faster and leave no journeys, flights and drops.
    pub fn set_tracing(&mut self, on: bool) {
        self.trace.on = on;
    }

    pub fn journey(&self, id: JourneyId) -> Option<Journey> {
        self.trace.get(id).map(|life| self.told(life))
    }

    /// In words.
    fn told(&self, life: &Life) -> Journey {
        let stop = |mark: &Mark| Stop {
            at: mark.at,
            machine: mark.machine,
            netns: mark.netns,
            device: mark.device,
            device_name: mark.device_name.as_deref().unwrap_or_default().to_owned(),
            frame: mark.frame,
            kind: mark.note.tell(),
        };
        Journey {
            id: life.id,
            summary: life.summary.clone(),
            stops: life.marks.iter().map(stop).collect(),
            verdict: life.verdict,
            cause: life.cause,
        }
    }

    /// The number that the next packet will get.
    pub fn next_journey(&self) -> JourneyId {
        JourneyId(self.trace.next)
    }

    /// Journeys with numbers from `first` on, as far as they are remembered, the oldest first.
    pub fn journeys_since(&self, first: JourneyId) -> Vec<Journey> {
        self.journeys_from(first).collect()
    }

    /// As [`Network::journeys_since`], one after the other.
    pub fn journeys_from(&self, first: JourneyId) -> impl Iterator<Item = Journey> {
        let known = usize::try_from(first.0.saturating_sub(self.trace.first)).unwrap_or(usize::MAX);
        self.trace.journeys.range(known.min(self.trace.journeys.len())..).map(|life| self.told(life))
    }

    /// As [`Network::journeys_from`], without a word of what happened on the way.
    pub fn outlines_from(&self, first: JourneyId) -> impl Iterator<Item = Outline<'_>> {
        let known = usize::try_from(first.0.saturating_sub(self.trace.first)).unwrap_or(usize::MAX);
        self.trace.journeys.range(known.min(self.trace.journeys.len())..).map(Life::outline)
    }

    /// The last packets made on that machine, the oldest first, without ARP, IPv6 and STP talk (unless dropped).
    pub fn journeys_of(&self, machine: MachineId, last: usize) -> Vec<Journey> {
        let wanted = |life: &&Life| {
            let made = life.marks.first().filter(|mark| mark.machine == machine).map(|mark| &mark.note);
            let Some(Note::Made(by)) = made else { return false };
            let talk = matches!(&**by, "ARP" | "IPv6" | "STP");
            !talk || matches!(life.verdict, Some(Verdict::Dropped(_)))
        };
        let newest = self.trace.journeys.iter().rev();
        let mut journeys: Vec<Journey> =
            newest.filter(wanted).take(last).map(|life| self.told(life)).collect();
        journeys.reverse();
        journeys
    }

    /// Packets under way: none, and the wire is quiet.
    pub fn open_journeys(&self) -> usize {
        usize::try_from(self.trace.begun - self.trace.ended).unwrap_or(usize::MAX)
    }

    /// From now on flights and drops are kept for [`Network::take_trace`], or no more.
    pub fn set_watching(&mut self, on: bool) {
        self.trace.watching = on;
        self.trace.pending.clear();
    }

    /// Flights and drops since last asked, in causal order.
    pub fn take_trace(&mut self) -> Vec<Event> {
        self.trace.pending.drain(..).collect()
    }

    /// Packets made, and packets that came to their end; what lies between is under way.
    pub fn packet_counts(&self) -> (u64, u64) {
        (self.trace.begun, self.trace.ended)
    }
}

/// What the stages of the path report.
impl Network {
    /// A packet is made in `ns`: `bytes` from its layer-3 header, `protocol` its EtherType; `cause` is the packet
    /// that it answers.
    pub(crate) fn journey_begin(
        &mut self,
        ns: NetnsId,
        by: &str,
        cause: Option<JourneyId>,
        protocol: u16,
        bytes: &[u8],
    ) -> JourneyId {
        let id = self.trace.begin();
        if self.trace.on {
            let mark = self.mark(ns, None, None, Note::Made(by.into()));
            if let Some(journey) = self.trace.get_mut(id) {
                journey.summary = summary::line(protocol, bytes);
                journey.cause = cause;
                journey.marks.push(mark);
            }
        }
        id
    }

    /// A copy with a life of its own, whose story begins with the original's.
    pub(crate) fn fork(&mut self, packet: &Packet) -> Packet {
        let mut copy = packet.clone();
        copy.journey = self.trace.begin();
        if self.trace.on {
            let story = self.trace.get(packet.journey).cloned();
            if let (Some(story), Some(journey)) = (story, self.trace.get_mut(copy.journey)) {
                *journey = Life { id: copy.journey, verdict: None, cause: Some(packet.journey), ..story };
            }
        }
        copy
    }

    fn mark(&self, ns: NetnsId, device: Option<DeviceId>, frame: Option<FrameId>, note: Note) -> Mark {
        let name = device.and_then(|id| self.devices.get(id)).map(|device| device.name.clone());
        let machine = self.netns[ns].machine;
        Mark { at: self.now.nanos(), machine, netns: ns, device, device_name: name, frame, note }
    }

    fn push_mark(&mut self, id: JourneyId, mark: Mark) {
        if let Some(life) = self.trace.get_mut(id) {
            if life.marks.len() >= MAX_STOPS {
                life.marks.remove(MAX_STOPS / 2);
            }
            life.marks.push(mark);
        }
    }

    /// Something happened to a packet on a device. Ask `trace.on` first.
    pub(crate) fn stop(&mut self, packet: &Packet, device: DeviceId, frame: Option<FrameId>, note: Note) {
        let Some(it) = self.devices.get(device) else { return };
        let mark = self.mark(it.netns, Some(device), frame, note);
        self.push_mark(packet.journey, mark);
    }

    /// Something happened to a packet inside a namespace.
    pub(crate) fn stop_in(&mut self, packet: &Packet, ns: NetnsId, note: Note) {
        let mark = self.mark(ns, packet.device, None, note);
        self.push_mark(packet.journey, mark);
    }

    /// A frame sets out from one device to another.
    pub(crate) fn fly(&mut self, from: DeviceId, to: DeviceId, packet: &Packet, delay: Duration) {
        if !self.trace.watching {
            return;
        }
        let frame = self.trace.get(packet.journey).and_then(|journey| journey.marks.last()?.frame);
        let shown = summary::flight(packet.data());
        let flight = Flight {
            frame: frame.unwrap_or(FrameId(0)),
            journey: packet.journey,
            from,
            to,
            sent: self.now.nanos(),
            arrives: (self.now + delay).nanos(),
            protocol: shown.protocol,
            label: shown.label,
            depth: shown.depth,
        };
        self.trace.tell(Event::Flight(flight));
    }

    /// A socket took it.
    pub(crate) fn delivered(&mut self, ns: NetnsId, packet: Packet, to: impl FnOnce() -> String) {
        let note = |to| StopKind::Delivered { to }.into();
        let last = self.trace.on.then(|| self.mark(ns, packet.device, None, note(to())));
        self.end(packet, last, Verdict::Delivered);
    }

    /// The kernel took it, in a namespace.
    pub(crate) fn consumed_in(&mut self, ns: NetnsId, packet: Packet, by: &str) {
        let note = || StopKind::Consumed { by: by.to_owned() }.into();
        let last = self.trace.on.then(|| self.mark(ns, packet.device, None, note()));
        self.end(packet, last, Verdict::Consumed);
    }

    /// The kernel took it, at a device.
    pub(crate) fn consumed(&mut self, device: DeviceId, packet: Packet, by: &str) {
        let note = || StopKind::Consumed { by: by.to_owned() }.into();
        let ns = self.devices[device].netns;
        let last = self.trace.on.then(|| self.mark(ns, Some(device), None, note()));
        self.end(packet, last, Verdict::Consumed);
    }

    /// It ended badly at a device.
    pub(crate) fn drop_at(&mut self, device: DeviceId, packet: Packet, reason: DropReason, detail: &str) {
        let ns = self.devices[device].netns;
        self.dropped(ns, Some(device), packet, reason, detail);
    }

    /// It ended badly in a namespace.
    pub(crate) fn drop_in(&mut self, ns: NetnsId, packet: Packet, reason: DropReason, detail: &str) {
        let device = packet.device;
        self.dropped(ns, device, packet, reason, detail);
    }

    /// It was on its way to a device that is gone.
    pub(crate) fn drop_nowhere(&mut self, packet: Packet, reason: DropReason) {
        let last = self.trace.get(packet.journey).and_then(|journey| journey.marks.last());
        let last = last.map(|mark| Mark {
            at: self.now.nanos(),
            frame: None,
            note: StopKind::Dropped { reason, detail: String::new() }.into(),
            ..mark.clone()
        });
        self.end(packet, last, Verdict::Dropped(reason));
    }

    fn dropped(
        &mut self,
        ns: NetnsId,
        device: Option<DeviceId>,
        packet: Packet,
        reason: DropReason,
        detail: &str,
    ) {
        let mut last = None;
        if self.trace.on {
            let kind = StopKind::Dropped { reason, detail: detail.to_owned() };
            last = Some(self.mark(ns, device, None, kind.into()));
        }
        if self.trace.watching {
            let machine = self.netns[ns].machine;
            let (at, journey) = (self.now.nanos(), packet.journey);
            self.trace.tell(Event::Dropped { at, journey, machine, netns: ns, device, reason });
        }
        self.end(packet, last, Verdict::Dropped(reason));
    }

    fn end(&mut self, packet: Packet, last: Option<Mark>, verdict: Verdict) {
        self.trace.ended += 1;
        if !self.trace.on {
            return;
        }
        if let Some(last) = last {
            self.push_mark(packet.journey, last);
        }
        if let Some(journey) = self.trace.get_mut(packet.journey) {
            debug_assert_eq!(journey.verdict, None, "a journey ends once: {journey:?}");
            journey.verdict = Some(verdict);
        }
    }
}
