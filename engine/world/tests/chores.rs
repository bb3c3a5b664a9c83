//! A cluster's own packets are told apart from a learner's.

use api::event::Event;
use api::journey::{Journey, StopKind};
use api::lab::{ClusterSpec, Setup};
use api::request::Request;
use api::{JourneyId, Lab, TtyId};
use std::collections::{BTreeMap, BTreeSet};
use world::World;

const SECOND: u64 = 1_000_000_000;

/// A cluster that stands, with a terminal on `control-plane`.
fn cluster() -> World {
    let lab = Lab {
        name: "cluster".to_owned(),
        cluster: Some(ClusterSpec { workers: 2, ..ClusterSpec::default() }),
        ..Lab::default()
    };
    let mut world = World::boot(&lab, 1);
    world.handle(&Request::OpenTty { tty: TtyId(1), machine: "control-plane".into(), columns: 80, rows: 24 });
    wait(&mut world, 1);
    world
}

fn wait(world: &mut World, seconds: u64) {
    let until = world.now() + seconds * SECOND;
    world.advance(until, &mut { usize::MAX });
}

fn enter(world: &mut World, line: &str) {
    world.handle(&Request::Type { tty: TtyId(1), bytes: format!("{line}\r").into_bytes() });
}

fn chores(world: &mut World) -> BTreeSet<JourneyId> {
    let told = world.take_events().into_iter();
    told.flat_map(|it| if let Event::Chores(ids) = it { ids } else { Vec::new() }).collect()
}

fn maker(journey: &Journey) -> &str {
    match journey.stops.first().map(|stop| &stop.kind) {
        Some(StopKind::Made { by }) => by,
        _ => "",
    }
}

/// What was not a chore since then: who made it, and its line.
fn rest(world: &mut World, first: JourneyId) -> BTreeMap<String, u32> {
    let own = chores(world);
    let mut rest = BTreeMap::new();
    for journey in world.system_mut().net.journeys_from(first).filter(|it| !own.contains(&it.id)) {
        *rest.entry(format!("{} {}", maker(&journey), journey.summary)).or_default() += 1;
    }
    rest
}

#[test]
fn an_idle_cluster_does_nothing_but_chores() {
    let mut world = cluster();
    chores(&mut world);
    let first = world.system_mut().net.next_journey();
    wait(&mut world, 30);
    let made = world.system_mut().net.next_journey().0 - first.0;
    assert!(made > 50, "probes and leases went out: {made}");
    assert_eq!(rest(&mut world, first), BTreeMap::new());
}

#[test]
fn what_a_labs_set_up_opened_ends_as_a_chore() {
    let create = "kubectl create deployment web --image=nginx";
    let lab = Lab {
        name: "cluster".to_owned(),
        cluster: Some(ClusterSpec { workers: 1, ..ClusterSpec::default() }),
        setup: vec![Setup { on: "control-plane".to_owned(), run: create.to_owned() }],
        ..Lab::default()
    };
    let mut world = World::boot(&lab, 1);
    let own = chores(&mut world);
    let first = *own.first().expect("chores are told from when the lab was set up");
    let seen = world.system_mut().net.journeys_from(first).filter(|it| maker(it) == "kubectl");
    let seen = seen.map(|it| it.id).collect::<Vec<_>>();
    assert!(!seen.is_empty(), "a connection ends after that");
    assert!(seen.iter().all(|id| own.contains(id)), "{seen:?} of {own:?}");
}

#[test]
fn what_a_learner_asks_of_the_api_server_is_no_chore_and_neither_is_its_answer() {
    let mut world = cluster();
    for line in [
        "kubectl get nodes",
        "curl -s -k https://10.96.0.1/version",
        "curl -s http://172.18.0.2:10256/healthz",
    ] {
        chores(&mut world);
        let first = world.system_mut().net.next_journey();
        enter(&mut world, line);
        wait(&mut world, 2);
        let rest = rest(&mut world, first);
        let by = |program: &str| rest.keys().filter(|it| it.starts_with(program)).count();
        let asked = by(line.split(' ').next().unwrap_or_default());
        let answered = by("kube-");
        assert!(asked >= 3 && answered >= 2, "{line}: {rest:#?}");
    }
}
