//! Judging the checks, showing the failing packet, hints and solution.
//!
//! Always: checks are judged in *Learn* whenever the world has settled after a change, in *Practise* when asked; what
//! was ever green is kept as progress.

use super::{Effect, Lab, Mode, Shown, Tab};
use crate::words;
use api::event::{Flight, Protocol, Rewrite};
use api::journey::{Journey, StopKind, Verdict};
use api::{Fact, FrameId};
use std::rc::Rc;

/// A world that does not settle (a ping that runs on, a tcpdump left open) is judged this long after a command.
const IMPATIENT_MS: f64 = 1_200.0;

impl Lab {
    pub(super) fn judge_if_due(&mut self, page_ms: f64) -> Vec<Effect> {
        let quiet = self.clock.settled || page_ms - self.commanded_ms > IMPATIENT_MS;
        if self.unjudged && quiet && self.mode == Mode::Learn { self.ask_checks() } else { Vec::new() }
    }

    pub(super) fn judged(&mut self, facts: &[Fact]) -> Vec<Effect> {
        let Some(lesson) = self.lesson.clone() else { return Vec::new() };
        let before = self.checks.green();
        let checks = Rc::make_mut(&mut self.checks);
        checks.facts(&lesson, facts);
        self.after_judging(&before)
    }

    pub(super) fn answer(&mut self, check: &str, said: &str) -> Vec<Effect> {
        let Some(lesson) = self.lesson.clone() else { return Vec::new() };
        let before = self.checks.green();
        let checks = Rc::make_mut(&mut self.checks);
        checks.begun = true;
        checks.say(&lesson, check, said);
        self.after_judging(&before)
    }

    fn after_judging(&mut self, before: &std::collections::BTreeSet<String>) -> Vec<Effect> {
        let Some(lesson) = self.lesson.clone() else { return Vec::new() };
        let green = self.checks.green();
        let mut effects: Vec<Effect> = lesson
            .checks
            .iter()
            .filter(|check| self.checks.begun && green.contains(&check.id) && !before.contains(&check.id))
            .map(|check| Effect::Announce(format!("{} {}", words::PASSED, plain(&check.label))))
            .collect();
        self.done.checks.extend(green);
        if self.checks.solved(&lesson) && self.checks.begun && !self.done.solved {
            self.done.solved = true;
            self.done.clean = self.done.hints == 0 && !self.done.solution;
            effects.push(Effect::Announce(words::SOLVED.into()));
        }
        if self.checks.begun {
            effects.push(Effect::Learned(self.done.clone()));
        }
        effects
    }

    pub(super) fn check_now(&mut self) -> Vec<Effect> {
        let checks = Rc::make_mut(&mut self.checks);
        (checks.asked, checks.begun) = (true, true);
        self.ask_checks()
    }

    pub(super) fn hint(&mut self) -> Vec<Effect> {
        let all = self.lesson.as_ref().map_or(0, |lesson| lesson.hints.len());
        if all == 0 {
            return vec![self.toast(words::NO_HINTS, false)];
        }
        self.hints = (self.hints + 1).min(all);
        self.done.hints = self.done.hints.max(self.hints);
        vec![Effect::Learned(self.done.clone())]
    }

    pub(super) fn show_solution(&mut self) -> Vec<Effect> {
        self.solution = !self.solution;
        self.done.solution |= self.solution && !self.done.solved;
        vec![Effect::Learned(self.done.clone())]
    }

    /// Shows the packet of a failed check: its journey in the drawer, and its way in the picture.
    pub(super) fn show_me(&mut self, check: &str) -> Vec<Effect> {
        let journey = self.checks.judgement(check).and_then(|judgement| judgement.show.clone());
        let Some(journey) = journey else { return vec![self.toast(words::NO_PACKET, false)] };
        self.shown = Some(Shown { journey: Rc::new(journey), forked: true });
        self.tab = Tab::Journey;
        self.play()
    }

    /// Plays the shown journey on the stage, beside whatever else is going on.
    pub(super) fn play(&mut self) -> Vec<Effect> {
        let Some(shown) = self.shown.clone() else { return Vec::new() };
        let clock = self.clock;
        for flight in flights(&shown.journey) {
            let netns = |id| self.topology.devices.get(&id).map(|device| device.netns);
            if let (Some(from), Some(to)) = (netns(flight.from), netns(flight.to)) {
                self.stage.change(|stage| stage.fly(flight, from, to, &clock));
            }
        }
        let last = shown.journey.stops.last();
        if let (Some(Verdict::Dropped(reason)), Some(stop)) = (shown.journey.verdict, last) {
            let why = (reason, shown.journey.id);
            self.stage.change(|stage| stage.drop_at(stop.machine, stop.netns, stop.device, why));
        }
        Vec::new()
    }
}

/// The hops of a journey: wherever it left one device and came in on another.
/// They are dated at the beginning of time, so that the stage draws them at its own pace, paused or not.
pub fn flights(journey: &Journey) -> Vec<Flight> {
    let mut flights = Vec::new();
    let (mut left, mut dnat) = (None, None);
    for stop in &journey.stops {
        match (&stop.kind, stop.device, left) {
            (StopKind::Nat { kind, before, after }, ..) if kind == "DNAT" => {
                dnat = Some(Rewrite { before: before.clone(), after: after.clone() });
            }
            (StopKind::Sent, Some(device), _) => left = Some(device),
            (StopKind::Received, Some(device), Some(from)) if device != from => {
                flights.push(Flight {
                    frame: stop.frame.unwrap_or(FrameId(0)),
                    journey: journey.id,
                    from,
                    to: device,
                    sent: 0,
                    arrives: 0,
                    protocol: protocol(&journey.summary),
                    label: String::new(),
                    depth: 0,
                    dnat: dnat.take(),
                });
                left = None;
            }
            _ => {}
        }
    }
    if let Some(first) = flights.first_mut() {
        // Who sends to whom can be seen; what is said cannot.
        let what = journey.summary.split_once(": ").map_or(journey.summary.as_str(), |(_, what)| what);
        first.label = what.to_string();
    }
    flights
}

/// The colour of a journey whose frames are not at hand, from its line in tcpdump's words.
fn protocol(summary: &str) -> Protocol {
    let has = |word: &str| summary.contains(word);
    if has("ARP") || has("who-has") {
        Protocol::Arp
    } else if has("ICMP") {
        Protocol::Icmp
    } else if has("Flags [") {
        Protocol::Tcp
    } else if has(".53:") || has("A?") {
        Protocol::Dns
    } else if has("UDP") {
        Protocol::Udp
    } else {
        Protocol::Other
    }
}

/// A label without its markup, to be read aloud.
pub fn plain(html: &str) -> String {
    let mut text = String::new();
    let mut inside = false;
    for c in html.chars() {
        match c {
            '<' => inside = true,
            '>' => inside = false,
            c if !inside => text.push(c),
            _ => {}
        }
    }
    text.replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"")
}
