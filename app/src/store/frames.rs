//! The frames the page knows: rows of the Packets pane, what is filtered out of them, and their marks on the time bar.
//!
//! Folded from `Event::Frames`. Always: rows are in the order of their ids; at most `ROWS` are kept, the oldest go first.

use super::filter::{Filter, Frame, both_ends};
use api::event::Protocol;
use api::inspect::{Dissection, Field, FrameRow};
use api::{DeviceId, FrameId, JourneyId};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Rows kept; the engine itself keeps about as many.
pub const ROWS: usize = 5_000;
/// Chores remembered by number: about those whose frames are kept.
const JOURNEYS: usize = 10_000;
/// A deeper tree than this is not a packet.
const DEPTH: usize = 12;

#[derive(Debug, Default)]
pub struct Frames {
    rows: VecDeque<FrameRow>,
    /// Frames of a cluster's chores, kept apart so that they push nobody else's out.
    chores: VecDeque<FrameRow>,
    /// Whose frames those are; at most `JOURNEYS`, the oldest go first.
    chore_journeys: BTreeSet<JourneyId>,
    /// (name, value) of every field, for frames that were taken apart for a filter.
    fields: BTreeMap<FrameId, Vec<(String, String)>>,
}

impl Frames {
    pub fn clear(&mut self) {
        *self = Frames::default();
    }

    pub fn add(&mut self, rows: Vec<FrameRow>) {
        for row in rows {
            let list = if self.is_chore(row.journey) { &mut self.chores } else { &mut self.rows };
            if list.back().is_none_or(|last| last.frame < row.frame) {
                list.push_back(row);
            }
        }
        for list in [&mut self.rows, &mut self.chores] {
            let spare = list.len().saturating_sub(ROWS);
            list.drain(..spare).for_each(|row| drop(self.fields.remove(&row.frame)));
        }
    }

    /// These packets are a cluster's chores; told before their frames come.
    pub fn note_chores(&mut self, journeys: Vec<JourneyId>) {
        self.chore_journeys.extend(journeys);
        while self.chore_journeys.len() > JOURNEYS {
            self.chore_journeys.pop_first();
        }
    }

    pub fn is_chore(&self, journey: JourneyId) -> bool {
        self.chore_journeys.contains(&journey)
    }

    /// There are frames of a cluster's chores, shown or not.
    pub fn has_chores(&self) -> bool {
        !self.chores.is_empty()
    }

    pub fn learn(&mut self, dissections: &[Dissection]) {
        for dissection in dissections {
            let mut flat = Vec::new();
            flatten(&dissection.layers, 0, &mut flat);
            flat.push(("frame.number".into(), dissection.row.frame.0.to_string()));
            flat.push(("frame.len".into(), dissection.row.length.to_string()));
            self.fields.insert(dissection.row.frame, flat);
        }
    }

    pub fn get(&self, frame: FrameId) -> Option<&FrameRow> {
        let find = |rows: &VecDeque<FrameRow>| rows.binary_search_by_key(&frame, |row| row.frame).ok();
        let other = || find(&self.chores).and_then(|index| self.chores.get(index));
        find(&self.rows).and_then(|index| self.rows.get(index)).or_else(other)
    }

    /// The last frame of a packet's life that is still known.
    pub fn last_of(&self, journey: JourneyId) -> Option<FrameId> {
        let mut all = self.rows.iter().rev().chain(self.chores.iter().rev());
        all.find(|row| row.journey == journey).map(|row| row.frame)
    }

    /// Whether rows are left out of an unfiltered list.
    pub fn hides(&self) -> bool {
        self.rows.iter().any(is_housekeeping)
    }

    /// The rows to show: on these devices (empty: on all), and as the filter says. Without a filter the housekeeping
    /// of IPv6 is left out; a cluster's chores come in only where they are wanted.
    pub fn shown(&self, devices: &BTreeSet<DeviceId>, filter: Option<&Filter>, chores: bool) -> Vec<FrameId> {
        let shown = |rows: &VecDeque<FrameRow>| {
            rows.iter()
                .filter(|row| devices.is_empty() || devices.contains(&row.device))
                .filter(|row| filter.map_or(!is_housekeeping(row), |filter| self.passes(row, filter)))
                .map(|row| row.frame)
                .collect::<Vec<_>>()
        };
        let mut frames = shown(&self.rows);
        if chores && self.has_chores() {
            frames.extend(shown(&self.chores));
            frames.sort_unstable();
        }
        frames
    }

    fn passes(&self, row: &FrameRow, filter: &Filter) -> bool {
        let text = format!("{} {} {:?} {}", row.source, row.destination, row.protocol, row.info);
        match self.fields.get(&row.frame) {
            Some(fields) => filter.matches(&Frame { fields, text: &text }),
            None => !filter.needs_fields() && filter.matches(&Frame { fields: &[], text: &text }),
        }
    }

    /// The first field a filter names that no packet here has, once some were taken apart.
    pub fn unheard(&self, filter: &Filter) -> Option<String> {
        let heard = |name: &str| {
            let ends = both_ends(name);
            let mut names = self.fields.values().flatten().map(|(name, _)| name.as_str());
            names.any(|it| it.eq_ignore_ascii_case(name) || ends.contains(&it))
        };
        let unheard = || filter.names().into_iter().find(|name| !heard(name));
        if self.fields.is_empty() { None } else { unheard().map(str::to_string) }
    }

    /// Frames whose fields are not known yet, the newest first, at most `limit`.
    pub fn unknown(&self, devices: &BTreeSet<DeviceId>, limit: usize) -> Vec<FrameId> {
        self.rows
            .iter()
            .rev()
            .chain(self.chores.iter().rev())
            .filter(|row| devices.is_empty() || devices.contains(&row.device))
            .map(|row| row.frame)
            .filter(|frame| !self.fields.contains_key(frame))
            .take(limit)
            .collect()
    }
}

/// What every IPv6 interface says unasked: solicitations, advertisements, multicast listener reports. True, but it
/// drowns what a learner has sent.
pub fn is_housekeeping(row: &FrameRow) -> bool {
    matches!(row.protocol, Protocol::Ipv6 | Protocol::Vxlan) && is_housekeeping_text(&row.info)
}

pub fn is_housekeeping_text(text: &str) -> bool {
    let text = text.to_lowercase();
    ["solicitation", "advertisement", "listener"].iter().any(|word| text.contains(word))
}

/// ARP's own words name who asks whom; its two MAC addresses would only push them out of sight.
pub fn says_ends(row: &FrameRow) -> bool {
    row.protocol == Protocol::Arp
}

/// Ports and flags of `41822 → 80 [SYN] Seq=0 …`.
fn segment(info: &str) -> Option<(&str, &str)> {
    let (ports, rest) = info.split_once(" [")?;
    let (flags, rest) = rest.split_once(']')?;
    (ports.contains('→') && rest.starts_with(" Seq=")).then_some((ports, flags))
}

/// Wireshark's words for a packet, without those that a narrow list has no room for.
pub fn brief(info: &str) -> String {
    let (tunnel, info) = match info.strip_prefix("VNI ").and_then(|rest| rest.split_once(": ")) {
        Some((vni, inner)) => (format!("VNI {vni}: "), inner),
        None => (String::new(), info),
    };
    let without_id = |rest: &str| rest.split_once(' ').map_or(String::new(), |(_, said)| said.to_string());
    let text = if let Some(rest) = info.strip_prefix("Standard query response ") {
        format!("response {}", without_id(rest))
    } else if let Some(rest) = info.strip_prefix("Standard query ") {
        format!("query {}", without_id(rest))
    } else if let Some(rest) = info.strip_prefix("Echo (ping) ") {
        let sequence = rest.split_once("seq=").and_then(|(_, rest)| rest.split('/').next());
        let what = rest.split(' ').next().unwrap_or_default();
        sequence.map_or(format!("Echo {what}"), |sequence| format!("Echo {what} {sequence}"))
    } else if let Some((ports, flags)) = segment(info) {
        format!("[{flags}] {ports}")
    } else {
        info.to_string()
    };
    tunnel + &text
}

fn flatten(fields: &[Field], depth: usize, into: &mut Vec<(String, String)>) {
    if depth > DEPTH {
        return;
    }
    for field in fields {
        if !field.name.is_empty() {
            into.push((field.name.clone(), field.value.clone()));
        }
        flatten(&field.fields, depth + 1, into);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(frame: u64, device: u32) -> FrameRow {
        FrameRow {
            frame: FrameId(frame),
            at: frame,
            device: DeviceId(device),
            out: false,
            journey: JourneyId(frame),
            source: "10.0.0.1".into(),
            destination: "10.0.0.2".into(),
            protocol: Protocol::Icmp,
            info: format!("Echo (ping) request seq={frame}"),
            length: 98,
        }
    }

    fn dissected(frame: u64, name: &str, value: &str) -> Dissection {
        let field = |name: &str, value: &str| Field {
            name: name.into(),
            text: String::new(),
            value: value.into(),
            start: 0,
            length: 0,
            fields: Vec::new(),
        };
        let layer = Field { fields: vec![field(name, value)], ..field("ip", "") };
        Dissection { row: row(frame, 1), bytes: Vec::new(), layers: vec![layer] }
    }

    #[test]
    fn a_device_and_a_text_narrow_the_list() {
        let mut frames = Frames::default();
        frames.add((1..=6).map(|n| row(n, n as u32 % 2)).collect());
        assert_eq!(frames.shown(&BTreeSet::new(), None, false).len(), 6);
        assert_eq!(frames.shown(&[DeviceId(1)].into(), None, false).len(), 3);
        let filter = Filter::parse("\"seq=4\"").expect("a filter");
        assert_eq!(frames.shown(&BTreeSet::new(), filter.as_ref(), false), [FrameId(4)]);
    }

    #[test]
    fn a_field_filter_shows_a_frame_once_it_is_taken_apart() {
        let mut frames = Frames::default();
        frames.add(vec![row(1, 1), row(2, 1)]);
        let filter = Filter::parse("ip.ttl == 64 && frame.number == 2").expect("a filter");
        assert!(frames.shown(&BTreeSet::new(), filter.as_ref(), false).is_empty());
        assert_eq!(frames.unknown(&BTreeSet::new(), 9), [FrameId(2), FrameId(1)]);
        frames.learn(&[dissected(1, "ip.ttl", "64"), dissected(2, "ip.ttl", "64")]);
        assert_eq!(frames.shown(&BTreeSet::new(), filter.as_ref(), false), [FrameId(2)]);
        assert!(frames.unknown(&BTreeSet::new(), 9).is_empty());
        assert_eq!(frames.unheard(&filter.expect("a filter")), None);
        let wrong = Filter::parse("ip.ttl == 1 or ip.adr == 1").expect("a filter").expect("not empty");
        assert_eq!(frames.unheard(&wrong).as_deref(), Some("ip.adr"));
    }

    #[test]
    fn the_housekeeping_of_ipv6_shows_only_when_it_is_asked_for() {
        let mut frames = Frames::default();
        let quiet = FrameRow { protocol: Protocol::Ipv6, info: "Router Solicitation".into(), ..row(2, 1) };
        frames.add(vec![row(1, 1), quiet]);
        assert!(frames.hides());
        assert_eq!(frames.shown(&BTreeSet::new(), None, false), [FrameId(1)]);
        let filter = Filter::parse("solicitation").expect("a filter");
        assert_eq!(frames.shown(&BTreeSet::new(), filter.as_ref(), false), [FrameId(2)]);
    }

    #[test]
    fn a_clusters_chores_show_when_they_are_wanted_and_push_nobody_out() {
        let mut frames = Frames::default();
        frames.add(vec![row(1, 1)]);
        frames.note_chores((2..=ROWS as u64 + 9).map(JourneyId).collect());
        frames.add((2..=ROWS as u64 + 9).map(|n| row(n, 1)).collect());
        frames.add(vec![row(ROWS as u64 + 10, 1)]);
        let ends = [FrameId(1), FrameId(ROWS as u64 + 10)];
        assert_eq!(frames.shown(&BTreeSet::new(), None, false), ends);
        let all = frames.shown(&BTreeSet::new(), None, true);
        assert_eq!((all.len(), all[0], all[ROWS + 1]), (ROWS + 2, ends[0], ends[1]));
        assert!(frames.get(FrameId(ROWS as u64)).is_some());
    }

    #[test]
    fn a_narrow_list_says_the_same_in_fewer_words() {
        assert_eq!(brief("Echo (ping) request  id=0x0007, seq=3/768, ttl=64"), "Echo request 3");
        assert_eq!(brief("VNI 42: Standard query 0x1234 A www.lab"), "VNI 42: query A www.lab");
        assert_eq!(brief("Standard query response 0x1234 No such name A x"), "response No such name A x");
        assert_eq!(brief("41822 → 80 [SYN, ACK] Seq=0 Win=9"), "[SYN, ACK] 41822 → 80");
        assert_eq!(brief("Time-to-live exceeded"), "Time-to-live exceeded");
    }

    #[test]
    fn old_rows_make_room_and_none_comes_twice() {
        let mut frames = Frames::default();
        frames.add((1..=ROWS as u64 + 10).map(|n| row(n, 1)).collect());
        frames.add(vec![row(50, 1)]);
        assert_eq!(frames.shown(&BTreeSet::new(), None, false).len(), ROWS);
        assert_eq!(frames.get(FrameId(10)), None);
        assert_eq!(frames.get(FrameId(11)).map(|row| row.frame), Some(FrameId(11)));
    }
}
