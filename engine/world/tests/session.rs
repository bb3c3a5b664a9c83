//! A sitting as the page has it: keys in, events out, and every way back.

use api::event::Event;
use api::lab::{CableSpec, Lab, MachineSpec, Setup};
use api::request::{Command, Replay, Request, Speed};
use api::topology::{Role, Topology};
use api::{Fact, Probe, TtyId};
use world::Session;

const TTY: TtyId = TtyId(1);

/// Two machines on one cable, with addresses.
fn lab() -> Lab {
    let machine = |name: &str| MachineSpec { name: name.to_owned(), role: Role::Host, at: None };
    let setup = |on: &str, run: &str| Setup { on: on.to_owned(), run: run.to_owned() };
    Lab {
        name: "two".to_owned(),
        machines: vec![machine("a"), machine("b")],
        cables: vec![CableSpec {
            ends: ("a:eth0".to_owned(), "b:eth0".to_owned()),
            latency_us: 100,
            mbit: 0,
            loss_permille: 0,
            macs: Some(("02:00:00:00:00:0a".to_owned(), "02:00:00:00:00:0b".to_owned())),
        }],
        setup: vec![
            setup("a", "ip link set eth0 up; ip addr add 10.0.0.1/24 dev eth0"),
            setup("b", "ip link set eth0 up; ip addr add 10.0.0.2/24 dev eth0"),
        ],
        cluster: None,
    }
}

/// The page's end: what it has heard.
struct Page {
    session: Session,
    screen: String,
    topology: Topology,
    flights: usize,
    entered: Vec<String>,
    clock: (u64, u32, u32),
}

impl Page {
    fn open() -> Page {
        let session = Session::new(Replay { lab: lab(), seed: 1, requests: Vec::new(), until: 0 });
        let mut page = Page {
            session,
            screen: String::new(),
            topology: Topology::default(),
            flights: 0,
            entered: Vec::new(),
            clock: (0, 0, 0),
        };
        page.hear();
        page.ask(Command::Request(Request::OpenTty {
            tty: TTY,
            machine: "a".to_owned(),
            columns: 80,
            rows: 24,
        }));
        page.ask(Command::ToTheEnd);
        page
    }

    fn ask(&mut self, command: Command) {
        self.session.command(command);
        self.hear();
    }

    fn hear(&mut self) {
        for event in self.session.take_events() {
            match event {
                Event::Booted { .. } => {
                    self.screen.clear();
                    self.topology = Topology::default();
                }
                Event::Topology(delta) => self.topology.apply(delta),
                Event::Output { bytes, .. } => self.screen.push_str(&String::from_utf8_lossy(&bytes)),
                Event::Flight(_) => self.flights += 1,
                Event::CommandEntered { line, .. } => self.entered.push(line),
                Event::Clock { now, undo, redo, .. } => self.clock = (now, undo, redo),
                Event::LabFault { words } => panic!("{words}"),
                _ => {}
            }
        }
    }

    /// Types a line and lets it run to its end; what it printed.
    fn run(&mut self, line: &str) -> String {
        let before = self.screen.len();
        self.ask(Command::Request(Request::Type { tty: TTY, bytes: format!("{line}\r").into_bytes() }));
        self.ask(Command::ToTheEnd);
        self.screen[before..].to_owned()
    }
}

#[test]
fn a_ping_crosses_the_cable_and_the_page_sees_it() {
    let mut page = Page::open();
    assert!(page.screen.ends_with("root@a:~# "), "{:?}", page.screen);
    let printed = page.run("ping -c 1 10.0.0.2");
    assert!(printed.contains("1 packets transmitted, 1 received, 0% packet loss"), "{printed}");
    assert!(printed.ends_with("root@a:~# "), "{printed}");
    assert_eq!(page.entered, ["ping -c 1 10.0.0.2"]);
    assert!(page.flights >= 4, "ARP and ICMP, there and back: {}", page.flights);
    assert_eq!(page.topology.machines.len(), 2);
    assert!(page.topology.devices.values().any(|device| device.name == "eth0" && device.running));
}

#[test]
fn undo_takes_a_line_back_and_redo_types_it_again() {
    let mut page = Page::open();
    page.run("ip link set eth0 down");
    page.run("echo kept > /tmp/f");
    page.ask(Command::Undo);
    assert!(!page.run("cat /tmp/f").contains("kept"), "undone");
    page.ask(Command::Undo);
    page.ask(Command::Undo);
    let (_, undo, redo) = page.clock;
    assert_eq!((undo, redo), (0, 2), "the line after the first undo gave its redo up");
    assert!(page.run("ping -c 1 10.0.0.2").contains("1 received"));
}

#[test]
fn reset_goes_back_to_the_lab_as_it_booted_and_can_itself_be_undone() {
    let mut page = Page::open();
    page.run("ip link set eth0 down");
    page.ask(Command::Reset);
    assert!(page.run("ip -br link show eth0").contains("UP"));
    page.ask(Command::Undo);
    page.ask(Command::Undo);
    assert!(page.run("ip -br link show eth0").contains("DOWN"));
}

#[test]
fn time_steps_forward_by_packets_and_back_to_before_each() {
    let mut page = Page::open();
    page.ask(Command::Speed(Speed::Paused));
    page.ask(Command::Request(Request::Type { tty: TTY, bytes: b"ping -c 1 10.0.0.2\r".to_vec() }));
    let mut times = Vec::new();
    for _ in 0..3 {
        page.ask(Command::StepPacket);
        times.push(page.clock.0);
    }
    assert!(times.is_sorted_by(|a, b| a < b), "{times:?}");
    page.ask(Command::StepBack);
    assert!(page.clock.0 < times[2], "{:?} {times:?}", page.clock);
    page.ask(Command::StepPacket);
    assert_eq!(page.clock.0, times[2], "the same packet again, at the same nanosecond");
}

#[test]
fn a_replay_brings_the_same_screen_back() {
    let mut page = Page::open();
    page.run("ping -c 2 10.0.0.2; ip neigh");
    let replay = page.session.replay();
    let mut again = Session::new(replay);
    let screen: String = again
        .take_events()
        .into_iter()
        .filter_map(|event| match event {
            Event::Output { bytes, .. } => Some(String::from_utf8_lossy(&bytes).into_owned()),
            _ => None,
        })
        .collect();
    assert_eq!(screen, page.screen);
}

#[test]
fn a_probe_sends_traffic_that_the_learner_never_sees() {
    let mut page = Page::open();
    let probe = |to: &str| Probe::Reach { from: "a".to_owned(), to: to.to_owned(), timeout_ms: 1000 };
    let before = page.session.replay();
    page.session.command(Command::Probes {
        id: 7,
        probes: vec![probe("ping:10.0.0.2"), probe("http://10.0.0.2:81/")],
    });
    let facts: Vec<Fact> = page
        .session
        .take_events()
        .into_iter()
        .find_map(|event| if let Event::Facts { id: 7, facts } = event { Some(facts) } else { None })
        .expect("an answer");
    use api::probe::Outcome;
    assert!(
        matches!(&facts[0], Fact::Reached { outcome: Outcome::Answered { from, .. }, .. } if from == "10.0.0.2"),
        "{facts:?}"
    );
    let Fact::Reached { outcome: Outcome::Refused { .. }, end: Some(end), .. } = &facts[1] else {
        panic!("{facts:?}")
    };
    assert_eq!((end.place.as_str(), end.reason.name()), ("b", "NO_SOCKET"));
    assert_eq!(page.session.replay(), before);
    assert!(page.run("ip neigh").lines().all(|line| !line.contains("lladdr")), "no ARP was sent here");
}
