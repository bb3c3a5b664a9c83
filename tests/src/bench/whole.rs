//! What a learner waits for: a lab that boots, a tape that is replayed, commands that talk; and what it all weighs.

use super::{Outcome, resident};
use api::TtyId;
use api::lab::{CableSpec, Lab, MachineSpec, Setup};
use api::request::{Command, Replay, Request};
use api::topology::Role;
use linux::ExecOptions;
use std::time::Duration;
use web_time::Instant;
use world::{Session, World};

const TTY: TtyId = TtyId(1);
const LINES: usize = 100;
const REQUESTS: usize = 500;
const WEIGHED: usize = 2_000;

/// Boots of every lab of the course: milliseconds for the slowest, and its name.
#[cfg(not(target_arch = "wasm32"))]
pub fn slowest_boot() -> Outcome<(f64, String)> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../lessons");
    let mut slowest = (Duration::ZERO, String::new());
    for authored in lessons::author::read_course(&root)? {
        let started = Instant::now();
        World::boot(&authored.lesson.lab, authored.lesson.seed);
        slowest = slowest.max((started.elapsed(), authored.lesson.id));
    }
    Ok((slowest.0.as_secs_f64() * 1e3, slowest.1))
}

/// a and b on one cable; b serves HTTP.
fn lab() -> Lab {
    let machine = |name: &str| MachineSpec { name: name.to_owned(), role: Role::Host, at: None };
    let setup = |on: &str, run: &str| Setup { on: on.to_owned(), run: run.to_owned() };
    let cable = CableSpec {
        ends: ("a:eth0".to_owned(), "b:eth0".to_owned()),
        latency_us: 100,
        mbit: 0,
        loss_permille: 0,
        macs: None,
    };
    Lab {
        name: "two".to_owned(),
        machines: vec![machine("a"), machine("b")],
        cables: vec![cable],
        setup: vec![
            setup("a", "ip link set eth0 up; ip addr add 10.0.0.1/24 dev eth0"),
            setup(
                "b",
                "ip link set eth0 up; ip addr add 10.0.0.2/24 dev eth0; cd /srv && (python3 -m http.server 80 > /dev/null 2>&1 &)",
            ),
        ],
        cluster: None,
    }
}

/// Milliseconds to bring back a sitting of a hundred lines, as undo, a share link and each probe do.
pub fn replay() -> Outcome<f64> {
    let mut session = Session::new(Replay { lab: lab(), seed: 1, requests: Vec::new(), until: 0 });
    let open = Request::OpenTty { tty: TTY, machine: "a".to_owned(), columns: 80, rows: 24 };
    session.command(Command::Request(open));
    for line in 0..LINES {
        let text =
            ["ping -c 1 10.0.0.2", "ip addr show eth0", "curl -s 10.0.0.2 | head -3", "ip neigh"][line % 4];
        let bytes = format!("{text}\r").into_bytes();
        session.command(Command::Request(Request::Type { tty: TTY, bytes }));
        session.command(Command::ToTheEnd);
        session.take_events();
    }
    let replay = session.replay();
    let started = Instant::now();
    Session::new(replay).take_events();
    Ok(started.elapsed().as_secs_f64() * 1e3)
}

/// Requests a second that a shell loop gets through.
pub fn requests() -> Outcome<f64> {
    let mut world = World::boot(&lab(), 1);
    let machine = world.machine("a").ok_or("no machine")?;
    let system = world.system_mut();
    let run =
        format!("for i in $(seq {REQUESTS}); do curl -sS -o /dev/null http://10.0.0.2/ || exit 9; done");
    let started = Instant::now();
    let id = system.exec(machine, &run, ExecOptions::default());
    let until = system.now() + Duration::from_secs(600);
    while system.exit_of(id).is_none() && system.step(until) {}
    match system.exit_of(id) {
        Some(exit) if exit.0 == 0 => Ok(REQUESTS as f64 / started.elapsed().as_secs_f64()),
        other => {
            let (_, said) = system.take_output(id);
            let said = String::from_utf8_lossy(&said);
            Err(format!("the loop of requests came to {other:?}: {}", said.trim_end()).into())
        }
    }
}

/// Bytes of a namespace, and of a veth pair between two.
pub fn memory() -> Outcome<(f64, f64)> {
    let mut world = World::boot(&lab(), 1);
    let machine = world.machine("a").ok_or("no machine")?;
    let system = world.system_mut();
    let mut run = |text: String| {
        let before = resident();
        let id = system.exec(machine, &text, ExecOptions::default());
        let until = system.now() + Duration::from_secs(600);
        while system.exit_of(id).is_none() && system.step(until) {}
        (resident() - before) / WEIGHED as f64
    };
    let netns = run(format!("for i in $(seq {WEIGHED}); do ip netns add n$i; done"));
    let veth = run(format!(
        "for i in $(seq {WEIGHED}); do ip link add v$i type veth peer name eth0 netns n$i; ip addr add 10.0.0.1/32 dev v$i; ip link set v$i up; done"
    ));
    Ok((netns, veth))
}
