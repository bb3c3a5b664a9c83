//! What the page hears of a cluster's objects.

use api::cluster::{ObjectKey, ObjectsDelta};
use api::event::Event;
use api::inspect::Answer;
use api::lab::ClusterSpec;
use api::request::{Query, Request};
use api::topology::Topology;
use api::{Lab, TtyId};
use world::World;

const SECOND: u64 = 1_000_000_000;

fn cluster() -> World {
    let lab = Lab {
        name: "cluster".to_owned(),
        cluster: Some(ClusterSpec { workers: 2, ..ClusterSpec::default() }),
        ..Lab::default()
    };
    let mut world = World::boot(&lab, 1);
    world.handle(&Request::OpenTty { tty: TtyId(1), machine: "control-plane".into(), columns: 80, rows: 24 });
    world
}

fn enter(world: &mut World, line: &str, seconds: u64) {
    world.handle(&Request::Type { tty: TtyId(1), bytes: format!("{line}\r").into_bytes() });
    let until = world.now() + seconds * SECOND;
    world.advance(until, &mut { usize::MAX });
}

/// What was told since the last call: objects, and the topology after it.
fn told(world: &mut World, topology: &mut Topology) -> Vec<ObjectsDelta> {
    let mut deltas = Vec::new();
    for event in world.take_events() {
        match event {
            Event::Objects(delta) => deltas.push(delta),
            Event::Topology(delta) => topology.apply(delta),
            _ => {}
        }
    }
    deltas
}

fn names<'a>(deltas: &'a [ObjectsDelta], kind: &str) -> Vec<&'a str> {
    let rows = deltas.iter().flat_map(|it| &it.put).filter(|it| it.key.kind == kind);
    rows.map(|it| it.key.name.as_str()).collect()
}

#[test]
fn all_objects_come_at_first_and_then_only_what_changes() {
    let mut world = cluster();
    let mut topology = Topology::default();
    let first = told(&mut world, &mut topology);
    assert_eq!(names(&first, "Node"), ["control-plane", "worker-1", "worker-2"]);
    enter(&mut world, "kubectl create configmap one --from-literal=a=1", 1);
    let deltas = told(&mut world, &mut topology);
    assert_eq!(names(&deltas, "ConfigMap"), ["one"]);
    assert!(names(&deltas, "Pod").is_empty(), "{deltas:?}");
    enter(&mut world, "kubectl delete configmap one", 1);
    let gone: Vec<String> = told(&mut world, &mut topology)
        .into_iter()
        .flat_map(|it| it.gone)
        .filter(|it| it.kind == "ConfigMap")
        .map(|it| it.name)
        .collect();
    assert_eq!(gone, ["one"]);
}

#[test]
fn a_service_has_its_pods_as_endpoints_and_they_have_their_names() {
    let mut world = cluster();
    let mut topology = Topology::default();
    told(&mut world, &mut topology);
    enter(&mut world, "kubectl create deployment web --image=nginx --replicas=2", 1);
    enter(&mut world, "kubectl expose deployment web --port=80", 10);
    told(&mut world, &mut topology);
    let web = topology.services.get("default/web").expect("it was exposed");
    assert_eq!((web.kind.as_str(), web.ports.join(" ")), ("ClusterIP", "80/TCP".to_owned()));
    assert_eq!(web.endpoints.iter().filter(|it| it.ready).count(), 2, "{web:?}");
    for endpoint in &web.endpoints {
        let has = |it: &&api::topology::Device| it.addresses.iter().any(|net| net.addr() == endpoint.address);
        let device = topology.devices.values().find(has).expect("a Pod has that address");
        let title = topology.netns[&device.netns].title.clone().unwrap_or_default();
        assert!(title.starts_with("default/web-"), "{title}");
    }
    enter(&mut world, "kubectl delete service web", 2);
    told(&mut world, &mut topology);
    assert!(!topology.services.contains_key("default/web"));
}

#[test]
fn an_object_is_shown_whole_with_what_happened_to_it() {
    let mut world = cluster();
    enter(&mut world, "kubectl run web --image=nginx", 5);
    let key = ObjectKey { kind: "Pod".into(), namespace: "default".into(), name: "web".into() };
    let Some(Answer::Object(shown)) = world.answer(&Query::Object(key.clone())) else {
        panic!("it is there")
    };
    assert!(shown.yaml.starts_with("apiVersion: v1\nkind: Pod\n"), "{}", shown.yaml);
    assert!(!shown.yaml.contains("managedFields"));
    let reasons: Vec<&str> = shown.events.rows.iter().map(|row| row[1].as_str()).collect();
    assert_eq!(reasons, ["Scheduled", "Pulling", "Pulled", "Created", "Started"]);
    assert_eq!(world.answer(&Query::Object(ObjectKey { name: "none".into(), ..key })), None);
}
