//! Questions to a cluster: asked in Pods, and filled in with what the API server and the nodes say.

use api::lab::{ClusterSpec, Lab, Setup};
use api::probe::Outcome;
use api::{Fact, Probe};
use world::World;

const SETUP: &str = "kubectl create namespace shop; \
    kubectl create deployment web -n shop --image=registry.k8s.io/e2e-test-images/agnhost:2.53 -- /agnhost netexec; \
    kubectl expose deployment web -n shop --port=80 --target-port=8080; \
    kubectl rollout status -n shop deployment/web";

fn world() -> World {
    let setup = vec![Setup { on: "control-plane".to_owned(), run: SETUP.to_owned() }];
    let cluster = Some(ClusterSpec { workers: 1, ..ClusterSpec::default() });
    let mut world = World::boot(&Lab { name: "shop".to_owned(), setup, cluster, ..Lab::default() }, 1);
    let faults: Vec<api::event::Event> = world
        .take_events()
        .into_iter()
        .filter(|event| matches!(event, api::event::Event::LabFault { .. }))
        .collect();
    assert!(faults.is_empty(), "{faults:?}");
    world
}

fn text(world: &mut World, text: &str) -> Result<String, String> {
    match world.probe(&Probe::Text { text: text.to_owned() }) {
        Fact::Text(filled) => filled,
        other => panic!("{other:?}"),
    }
}

fn reach(world: &mut World, from: &str, to: &str) -> Fact {
    world.probe(&Probe::Reach { from: from.to_owned(), to: to.to_owned(), timeout_ms: 3000 })
}

#[test]
fn a_pod_is_asked_by_its_label_with_its_own_resolver_and_tools_it_lacks() {
    let mut world = world();
    let fact = reach(&mut world, "pod/shop/app=web", "http://web/hostname");
    let Fact::Reached { outcome: Outcome::Answered { status: 200, body, .. }, journeys, .. } = &fact else {
        panic!("{fact:?}")
    };
    assert!(body.starts_with("web-"), "{body}");
    assert!(!journeys.is_empty());
    let Fact::Impossible(words) = reach(&mut world, "pod/shop/app=nobody", "http://web/") else {
        panic!("nobody was asked")
    };
    assert_eq!(words, "no Pod with the label app=nobody runs in the namespace shop");
}

#[test]
fn texts_are_filled_in_with_objects_and_the_nodes_end_of_a_cable() {
    let mut world = world();
    assert_eq!(text(&mut world, "port {svc/shop/web .spec.ports[0].port}!"), Ok("port 80!".to_owned()));
    assert_eq!(text(&mut world, "{pods/shop/app=web .items[*].spec.nodeName}"), Ok("worker-1".to_owned()));
    let name = text(&mut world, "{pods/shop/app=web .items[0].metadata.name}").expect("a Pod");
    let veth = text(&mut world, &format!("{{veth pod/shop/{name}}}")).expect("a cable");
    assert!(veth.starts_with("veth"), "{veth}");
    let missing = text(&mut world, "{svc/shop/wbe .spec.clusterIP}").expect_err("there is none");
    assert_eq!(missing, "Error from server (NotFound): services \"wbe\" not found");
    let address = reach(&mut world, "worker-1", "http://{svc/shop/wbe .spec.clusterIP}/");
    assert!(matches!(address, Fact::Reached { outcome: Outcome::NoName { .. }, .. }), "{address:?}");
}
