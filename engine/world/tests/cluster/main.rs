//! A cluster boots, and its parts reach each other with packets: how it is booted, typed in and looked at.

mod describe;
mod faults;
mod https;
mod kubectl;
mod nodes;
mod pods;
mod services;
mod streams;

use api::Lab;
use api::lab::{ClusterSpec, PodNetwork};
use kube::api::Request;
use kube::cluster::{Cluster, change};
use kube::object::{Kind, Value, yaml};
use linux::ExecOptions;
use std::time::Duration;
use streams::Terminal;
use world::World;

fn cluster() -> World {
    cluster_with(PodNetwork::Bridge)
}

fn cluster_with(network: PodNetwork) -> World {
    let spec = ClusterSpec { workers: 2, network, pool: None };
    let lab = Lab { name: "cluster".to_owned(), cluster: Some(spec), ..Lab::default() };
    let mut world = World::boot(&lab, 1);
    let faults: Vec<String> = world
        .take_events()
        .into_iter()
        .filter_map(|it| match it {
            api::event::Event::LabFault { words } => Some(words),
            _ => None,
        })
        .collect();
    assert!(
        faults.is_empty(),
        "{faults:?}\n{}",
        run(
            &mut world,
            "control-plane",
            "crictl ps -a; crictl pods; for c in $(crictl ps -aq); do crictl logs $c; done; journalctl -u kubelet; ss -tlnp"
        )
    );
    world
}

/// What a command prints on a machine: both streams.
fn run(world: &mut World, machine: &str, command: &str) -> String {
    let machine = world.machine(machine).expect("a machine of the lab");
    let system = world.system_mut();
    let id = system.exec(machine, command, ExecOptions::default());
    system.run_until_exit(id, Duration::from_secs(60));
    let (out, err) = system.take_output(id);
    String::from_utf8_lossy(&[out, err].concat()).into_owned()
}

fn wait(world: &mut World, seconds: u64) {
    let until = world.now() + seconds * 1_000_000_000;
    let mut budget = usize::MAX;
    world.advance(until, &mut budget);
}

/// Creates an object as the administrator.
fn create(world: &mut World, text: &str) {
    let master = world.control_plane().expect("a cluster");
    let object = yaml::parse(text).expect("it is YAML");
    let kind = Kind::of(object.str("apiVersion"), object.str("kind")).expect("a kind we have");
    let path = kube::client::path_of(kind, object["metadata"].str("namespace"), "");
    let request = Request::new("POST", path)
        .with_header("X-Remote-User", "kubernetes-admin")
        .with_header("X-Remote-Group", "system:masters")
        .with_body("application/json", kube::object::json::compact(&object));
    let answer =
        change(world.system_mut(), master, |cluster| cluster.api.handle(&request)).expect("a cluster");
    assert!(answer.is_success(), "{}", answer.body);
}

fn get(world: &mut World, kind: Kind, namespace: &str, name: &str) -> Value {
    let master = world.control_plane().expect("a cluster");
    let cluster = world.system_mut().attached::<Cluster>(master).expect("a cluster");
    cluster.api.store.get(kind, namespace, name).cloned().unwrap_or_default()
}

/// Waits until the pods of that selector are ready, or a minute is over.
fn wait_ready(world: &mut World, selector: &str) {
    let wait = format!("kubectl wait --for=condition=Ready pod -l {selector} --timeout=60s");
    let said = run(world, "control-plane", &wait);
    assert!(said.contains("condition met"), "{said}");
}

const ECHO: &str = "
apiVersion: v1
kind: Pod
metadata: {name: echo, namespace: default}
spec:
  automountServiceAccountToken: false
  nodeName: worker-1
  containers:
  - {name: echo, image: 'registry.k8s.io/e2e-test-images/agnhost:2.53', args: [netexec]}
";

const WEBS: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: default}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: web, image: 'registry.k8s.io/e2e-test-images/agnhost:2.53', args: [netexec]}
";
