//! Whole sessions of a learner against an engine that is played by the test.

use super::*;
use api::event::{Event, Flight, Protocol};
use api::inspect::{Answer, FrameRow};
use api::probe::{End, Fact, Outcome};
use api::request::{Query, Request, Speed};
use api::topology::{Delta, Device, Machine, Netns, Role};
use api::{DropReason, FrameId};

fn topology() -> Topology {
    let mut topology = Topology::default();
    for (id, name, peer) in [(1, "a", 2), (2, "b", 1)] {
        topology.machines.insert(MachineId(id), Machine { name: name.into(), role: Role::Host, at: None });
        topology.netns.insert(NetnsId(id), Netns { machine: MachineId(id), name: None, title: None });
        let device = Device {
            netns: NetnsId(id),
            ifindex: 2,
            name: "eth0".into(),
            kind: "nic".into(),
            mac: String::new(),
            mtu: 1500,
            up: true,
            running: true,
            addresses: Vec::new(),
            master: None,
            peer: Some(DeviceId(peer)),
            detail: String::new(),
        };
        topology.devices.insert(DeviceId(id), device);
    }
    topology
}

fn clock(now: u64, settled: bool) -> Event {
    Event::Clock { now, speed: Speed::Live, settled, undo: 1, redo: 0 }
}

fn booted() -> Vec<Event> {
    let delta = Topology::default().delta(&topology());
    vec![Event::Booted { seed: 1 }, Event::Topology(delta), clock(0, true)]
}

fn opened(tty: u32, machine: &str) -> Event {
    Event::TtyOpened { tty: TtyId(tty), machine: machine.into() }
}

/// A lab that stands, with one terminal on `a`.
fn lab() -> Lab {
    let mut lab = Lab::default();
    lab.events(booted(), 0.0);
    lab.events(vec![opened(1, "a"), clock(1, true)], 1.0);
    lab
}

fn sent(effects: &[Effect]) -> Vec<&Command> {
    effects
        .iter()
        .filter_map(|it| if let Effect::Send(command) = it { Some(command) } else { None })
        .collect()
}

fn row(frame: u64, journey: u64) -> FrameRow {
    FrameRow {
        frame: FrameId(frame),
        at: frame,
        device: DeviceId(1),
        out: true,
        journey: JourneyId(journey),
        source: "10.0.0.1".into(),
        destination: "10.0.0.2".into(),
        protocol: Protocol::Icmp,
        info: "Echo request".into(),
        length: 98,
    }
}

#[test]
fn a_world_without_a_terminal_gets_one() {
    let mut lab = Lab::default();
    let effects = lab.events(booted(), 0.0);
    let opens = |command: &&Command| matches!(command, Command::Request(Request::OpenTty { machine, tty: TtyId(1), .. }) if machine == "a");
    assert_eq!(sent(&effects).iter().filter(|it| opens(it)).count(), 1);
    assert_eq!(lab.picture.machines.len(), 2);
}

#[test]
fn terminals_that_do_not_come_back_after_a_replay_are_gone() {
    let mut lab = lab();
    lab.events(vec![opened(2, "b"), opened(3, "a"), clock(2, true)], 2.0);
    assert_eq!(lab.ttys.iter().map(|tty| tty.title.as_str()).collect::<Vec<_>>(), ["a", "b", "a 2"]);
    let mut again = booted();
    again.insert(2, opened(1, "a"));
    let effects = lab.events(again, 3.0);
    assert_eq!(effects[0], Effect::ClearTerminals);
    assert_eq!(lab.ttys.iter().map(|tty| tty.id).collect::<Vec<_>>(), [TtyId(1)]);
    assert_eq!(lab.active, Some(TtyId(1)));
}

#[test]
fn a_replayed_lab_command_is_not_obeyed_again() {
    let mut lab = lab();
    let undo = Event::LabCommand { tty: TtyId(1), words: vec!["undo".into()] };
    let mut replay = booted();
    replay.push(undo.clone());
    assert!(!sent(&lab.events(replay, 1.0)).contains(&&Command::Undo));
    assert!(sent(&lab.events(vec![undo], 2.0)).contains(&&Command::Undo));
}

#[test]
fn a_command_of_the_lesson_is_typed_where_it_belongs() {
    let mut lab = lab();
    let run = |on: Option<&str>| Act::Run { line: "ip addr".into(), on: on.map(Into::into) };
    let typed = |tty| Command::Request(Request::Type { tty: TtyId(tty), bytes: b"ip addr\r".to_vec() });
    assert!(sent(&lab.act(run(None), 2.0)).contains(&&typed(1)));
    // There is no terminal on b yet: one is opened, and the line follows when it is there.
    let effects = lab.act(run(Some("b")), 3.0);
    assert!(
        matches!(sent(&effects)[0], Command::Request(Request::OpenTty { machine, .. }) if machine == "b")
    );
    let effects = lab.events(vec![opened(2, "b")], 4.0);
    assert!(sent(&effects).contains(&&typed(2)));
}

#[test]
fn checks_are_judged_when_the_world_has_settled_after_a_command_and_not_twice() {
    let mut lab = lab();
    lab.lesson = Some(Rc::new(ping_lesson()));
    let entered = Event::CommandEntered { tty: TtyId(1), line: "ping 10.0.0.2".into(), at: 2 };
    assert!(sent(&lab.events(vec![entered, clock(2, false)], 2.0)).is_empty());
    let effects = lab.events(vec![clock(3, true)], 3.0);
    let Some(Command::Probes { id, probes }) = sent(&effects).first().copied() else { panic!("{effects:?}") };
    assert_eq!(probes.len(), 1);
    assert!(sent(&lab.events(vec![clock(4, true)], 4.0)).is_empty(), "one question at a time");
    lab.events(vec![Event::Facts { id: *id, facts: vec![refused()] }], 5.0);
    let row = lab.checks.rows(&ping_lesson()).remove(0);
    assert_eq!((row.look, row.open), (crate::store::checks::Look::Fail, true));
    assert!(sent(&lab.events(vec![clock(6, true)], 6.0)).is_empty(), "nothing changed");
    lab.act(Act::ShowMe("reach".into()), 7.0);
    assert_eq!((lab.tab, lab.shown.map(|it| it.forked)), (Tab::Journey, Some(true)));
}

#[test]
fn a_world_that_never_settles_is_judged_all_the_same() {
    let mut lab = lab();
    lab.lesson = Some(Rc::new(ping_lesson()));
    lab.events(vec![Event::CommandEntered { tty: TtyId(1), line: "tcpdump".into(), at: 2 }], 100.0);
    assert!(sent(&lab.events(vec![clock(3, false)], 200.0)).is_empty());
    assert_eq!(sent(&lab.events(vec![clock(4, false)], 2_000.0)).len(), 1);
}

#[test]
fn in_practise_mode_the_learner_asks() {
    let mut lab = lab();
    lab.lesson = Some(Rc::new(ping_lesson()));
    lab.act(Act::Mode(Mode::Practise), 1.0);
    lab.events(vec![Event::CommandEntered { tty: TtyId(1), line: "x".into(), at: 2 }], 2.0);
    assert!(sent(&lab.events(vec![clock(3, true)], 9_000.0)).is_empty());
    assert_eq!(sent(&lab.act(Act::Check, 9_001.0)).len(), 1);
}

#[test]
fn a_packet_chosen_is_taken_apart_and_its_way_is_shown() {
    let mut lab = lab();
    lab.events(vec![Event::Frames(vec![row(1, 7), row(2, 8)])], 2.0);
    let effects = lab.act(Act::PickFrame(FrameId(2)), 3.0);
    let queries: Vec<&Query> = sent(&effects)
        .into_iter()
        .filter_map(|it| if let Command::Query { query, .. } = it { Some(query) } else { None })
        .collect();
    assert_eq!(queries, [&Query::Frame(FrameId(2)), &Query::Journey(JourneyId(8))]);
}

#[test]
fn stepping_back_keeps_what_lies_ahead_on_the_time_bar_until_something_is_typed() {
    let mut lab = lab();
    lab.events(vec![Event::Frames(vec![row(100, 1), row(200, 2)]), clock(300, true)], 2.0);
    lab.act(Act::StepBack, 3.0);
    let mut earlier = booted();
    earlier.pop();
    earlier.push(opened(1, "a"));
    earlier.push(Event::Frames(vec![row(100, 1)]));
    earlier.push(clock(150, true));
    lab.events(earlier, 4.0);
    assert_eq!((lab.timeline.horizon(), lab.timeline.marks().count()), (300, 2));
    lab.act(Act::Typed { tty: TtyId(1), bytes: b"x".to_vec() }, 5.0);
    assert_eq!((lab.timeline.horizon(), lab.timeline.marks().count()), (150, 1));
}

#[test]
fn what_was_typed_is_kept_and_a_second_keeping_waits_for_the_first() {
    let mut lab = lab();
    lab.refresh(10.0);
    lab.saves.clear();
    lab.unkept = false;
    lab.act(Act::Typed { tty: TtyId(1), bytes: b"x".to_vec() }, 11.0);
    assert_eq!(sent(&lab.refresh(12.0)), [&Command::Save]);
    lab.act(Act::Typed { tty: TtyId(1), bytes: b"y".to_vec() }, 13.0);
    assert!(sent(&lab.refresh(14.0)).is_empty());
    let replay = Replay { lab: api::Lab::default(), seed: 1, requests: Vec::new(), until: 5 };
    assert_eq!(lab.events(vec![Event::Replay(replay.clone())], 15.0), [Effect::Keep(replay)]);
    assert_eq!(sent(&lab.refresh(16.0)), [&Command::Save]);
}

#[test]
fn after_a_crash_the_world_is_brought_back_by_its_replay() {
    let mut lab = lab();
    let replay = Replay { lab: api::Lab::default(), seed: 9, requests: Vec::new(), until: 5 };
    lab.events(
        vec![Event::Crashed { message: "a filed flow has two tuples".into(), replay: replay.clone() }],
        2.0,
    );
    assert!(lab.crash.is_some());
    assert!(sent(&lab.act(Act::Typed { tty: TtyId(1), bytes: b"x".to_vec() }, 3.0)).is_empty());
    let effects = lab.act(Act::Restart, 4.0);
    assert_eq!(effects[..2], [Effect::NewEngine, Effect::Send(Command::Boot(replay))]);
    assert!(lab.crash.is_none());
}

#[test]
fn an_engine_that_ends_without_a_word_is_brought_back_as_the_world_was_kept() {
    let mut lab = lab();
    lab.saves.clear();
    let replay = Replay { lab: api::Lab::default(), seed: 3, requests: Vec::new(), until: 5 };
    lab.events(vec![Event::Replay(replay.clone())], 2.0);
    assert!(lab.engine_ended("stack overflow"));
    assert!(sent(&lab.act(Act::Restart, 4.0)).contains(&&Command::Boot(replay)));
    assert!(!Lab::default().engine_ended("not found"), "an engine that never ran is another matter");
}

#[test]
fn tables_of_the_open_terminals_machine_are_asked_for_when_nothing_is_selected() {
    let mut lab = lab();
    lab.act(Act::Tab(Tab::Objects), 1.0);
    let effects = lab.refresh(1_000.0);
    let asked = |it: &&Command| matches!(it, Command::Query { query: Query::Machine(MachineId(1)), .. });
    assert!(sent(&effects).iter().any(asked));
    let id = lab.next_question;
    lab.events(vec![Event::Answer { id, answer: Answer::Tables(Vec::new()) }], 1_001.0);
    lab.act(Act::Pick(Some(Pick::Device(DeviceId(2)))), 1_002.0);
    lab.act(Act::Tab(Tab::Rules), 1_003.0);
    assert_eq!(lab.table_pick(), Some(Pick::Netns(NetnsId(2))), "rules belong to a netns");
}

#[test]
fn the_learner_is_told_to_wait_until_the_world_is_where_it_was_asked_to_be() {
    let mut lab = lab();
    assert!(!lab.busy());
    lab.act(Act::StepBack, 1.0);
    assert!(lab.busy());
    lab.events(vec![clock(3, true)], 2.0);
    assert!(lab.busy(), "a clock that struck before tells nothing");
    let id = lab.next_question;
    lab.events(vec![Event::Answer { id, answer: Answer::Frames(Vec::new()) }], 3.0);
    assert!(!lab.busy());
    lab.act(Act::Reset, 4.0);
    assert!(lab.busy());
    lab.events(booted(), 5.0);
    assert!(!lab.busy());
}

#[test]
fn a_flight_is_staged_as_soon_as_its_ends_are_known() {
    let mut lab = Lab::default();
    let flight = Flight {
        frame: FrameId(1),
        journey: JourneyId(1),
        from: DeviceId(1),
        to: DeviceId(2),
        sent: 0,
        arrives: 10,
        protocol: Protocol::Arp,
        label: String::new(),
        depth: 0,
        dnat: None,
    };
    let mut batch = booted();
    batch.push(Event::Flight(flight));
    lab.events(batch, 0.0);
    assert!(lab.stage.read().backlog() > 0.0);
    assert_eq!(lab.picture.path(None, DeviceId(1), DeviceId(2)).len(), 2);
}

#[test]
fn a_selected_thing_that_goes_away_is_no_longer_selected() {
    let mut lab = lab();
    lab.act(Act::Pick(Some(Pick::Device(DeviceId(2)))), 1.0);
    lab.events(vec![Event::Topology(Delta { gone_devices: vec![DeviceId(2)], ..Delta::default() })], 2.0);
    assert_eq!(lab.pick, None);
}

fn refused() -> Fact {
    let journey = Journey {
        id: JourneyId(4),
        summary: "10.0.0.1 > 10.0.0.2: ICMP echo request".into(),
        stops: Vec::new(),
        verdict: Some(api::journey::Verdict::Dropped(DropReason::NeighFailed)),
        cause: None,
    };
    let end = End {
        place: "a".into(),
        reason: DropReason::NeighFailed,
        detail: String::new(),
        summary: journey.summary.clone(),
    };
    Fact::Reached { outcome: Outcome::TimedOut, journeys: vec![journey], end: Some(end) }
}

fn ping_lesson() -> Lesson {
    let json = serde_json::json!({
        "id": "t", "kind": "lesson", "title": "T", "track": "t", "order": 1, "exams": [], "weight": 1,
        "target_seconds": 60, "needs": [], "profile": "linux", "host": "a", "seed": 1, "docs": [],
        "lab": {}, "reviewed": {"against": "", "date": ""}, "sections": [], "hints": [], "debrief": "",
        "solution": {"html": "", "run": []},
        "checks": [{
            "id": "reach", "label": "a reaches b", "points": 1, "step": null, "invariant": false, "why": "",
            "hint": "", "docs": [],
            "ask": {"Reach": [{"from": "a", "to": "ping:10.0.0.2", "expect": "answered"}]}
        }]
    });
    serde_json::from_value(json).expect("a lesson")
}
