//! Nothing is lost unaccounted: every packet comes to exactly one end, and a wire gives out what went in.
//!
//! Always: over labs drawn by chance ([`tests::labs`]); a failure prints the story, which can be typed by hand.

use api::event::{Event, Flight};
use api::inspect::FrameRow;
use api::journey::{Journey, StopKind, Verdict};
use api::{DropReason, JourneyId};
use linux::ExecOptions;
use net::Network;
use std::collections::BTreeMap;
use std::time::Duration;
use tests::labs::Story;
use world::World;

const STORIES: u64 = 16;
const ACTS: usize = 25;

/// A world, and what it has told so far.
struct Told {
    world: World,
    flights: Vec<Flight>,
    frames: Vec<FrameRow>,
}

impl Told {
    fn listen(&mut self) {
        for event in self.world.take_events() {
            match event {
                Event::Flight(flight) => self.flights.push(flight),
                Event::Frames(rows) => self.frames.extend(rows),
                _ => {}
            }
        }
    }

    fn run(&mut self, on: &str, run: &str, time: Duration) {
        let machine = self.world.machine(on).expect("a machine of the story");
        let system = self.world.system_mut();
        let id = system.exec(machine, run, ExecOptions::default());
        let patience = system.now() + Duration::from_secs(20);
        while system.exit_of(id).is_none() && system.step(patience) {}
        self.pass(time);
    }

    fn pass(&mut self, time: Duration) {
        let system = self.world.system_mut();
        let until = system.now() + time;
        while system.step(until) {}
        self.listen();
    }

    fn net(&mut self) -> &mut Network {
        &mut self.world.system_mut().net
    }
}

/// The story, told to its end: all links are taken down, so that nobody says anything any more.
fn told(story: &Story) -> Told {
    let mut told =
        Told { world: World::boot(&story.lab, story.seed), flights: Vec::new(), frames: Vec::new() };
    for act in &story.acts {
        told.run(&act.on, &act.run, act.pause);
    }
    for machine in &story.lab.machines {
        let down = "for l in /sys/class/net/*; do ip link set ${l##*/} down; done";
        told.run(&machine.name, down, Duration::ZERO);
        told.run(
            &machine.name,
            &format!("for n in $(ip netns list | cut -d' ' -f1); do ip netns exec $n bash -c '{down}'; done"),
            Duration::ZERO,
        );
    }
    told.pass(Duration::from_secs(200));
    told
}

fn is_end(kind: &StopKind) -> bool {
    matches!(kind, StopKind::Delivered { .. } | StopKind::Consumed { .. } | StopKind::Dropped { .. })
}

/// It is told from where it was made to where it ended.
fn is_whole(journey: &Journey) -> bool {
    let ends = journey.stops.iter().filter(|stop| is_end(&stop.kind)).count();
    let last = journey.stops.last().is_some_and(|stop| is_end(&stop.kind));
    let made = journey.stops.first().is_some_and(|stop| matches!(stop.kind, StopKind::Made { .. }));
    made && !journey.summary.is_empty() && journey.verdict.is_some() && ends == 1 && last
}

#[test]
fn every_packet_ends_exactly_once() {
    for seed in 0..STORIES {
        let story = Story::drawn(seed, ACTS);
        let mut told = told(&story);
        let (begun, ended) = told.net().packet_counts();
        let journeys = told.net().journeys_since(JourneyId(0));
        let odd = journeys.iter().find(|journey| !is_whole(journey));
        assert!(odd.is_none(), "{story}\n{odd:#?}");
        assert_eq!(begun, ended, "{story}");
        assert!(begun > 50, "a story in which nothing is said: {story}");
    }
}

/// Of each pair of devices on one wire: frames and bytes that went in, came out, and were lost on it.
#[test]
fn a_wire_gives_out_what_went_in() {
    for seed in 0..STORIES {
        let story = Story::drawn(seed, ACTS);
        let mut told = told(&story);
        let (flights, frames) = (std::mem::take(&mut told.flights), std::mem::take(&mut told.frames));
        let came_in: BTreeMap<_, _> =
            frames.iter().filter(|row| !row.out).map(|row| ((row.journey, row.device), row.frame)).collect();
        let mut crossed = 0;
        for flight in &flights {
            let net = told.net();
            let Some(sent) = net.dissect(flight.frame) else { continue };
            match came_in.get(&(flight.journey, flight.to)) {
                // A frame that goes round in a loop passes a device more than once.
                Some(frame) => {
                    let Some(got) = net.dissect(*frame) else { continue };
                    if sent.row.length == got.row.length {
                        crossed += 1;
                    }
                    assert!(
                        sent.bytes == got.bytes || loops(&frames, flight),
                        "{story}\n{flight:?}\n{:?}\n{:?}",
                        sent.row,
                        got.row
                    );
                }
                None => {
                    let verdict = net.journey(flight.journey).and_then(|journey| journey.verdict);
                    let gone = matches!(
                        verdict,
                        None | Some(Verdict::Dropped(DropReason::DevReady | DropReason::DeviceGone))
                    );
                    assert!(gone, "{story}\n{flight:?} never came out: {verdict:?}");
                }
            }
        }
        assert!(crossed > 50, "{crossed} frames crossed a wire: {story}");
    }
}

fn loops(frames: &[FrameRow], flight: &Flight) -> bool {
    let passes = |row: &&FrameRow| row.journey == flight.journey && row.device == flight.to && !row.out;
    frames.iter().filter(passes).count() > 1
}
