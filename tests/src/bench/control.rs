//! A Deployment of many pods: through API server, controllers and scheduler, with kubelets that only say "ready".

use super::{Outcome, resident};
use kube::api::{Api, Request};
use kube::controller::ControllerManager;
use kube::object;
use kube::object::{Kind, Time, Value};
use kube::scheduler::Scheduler;
use kube::store::What;
use std::net::Ipv4Addr;
use web_time::Instant;

const NODES: u32 = 10;
/// Rounds within which all pods are ready; more would be a fault.
const ROUNDS: u32 = 1_000;

/// From `apply` until all are available.
pub struct Done {
    pub milliseconds: f64,
    /// Memory for each Pod.
    pub bytes: f64,
}

pub fn deployment(replicas: u32) -> Outcome<Done> {
    let mut api = Api::new(1, Time(1_795_000_000));
    api.bootstrap(Ipv4Addr::new(172, 18, 0, 2), 6443, "10.96.0.0/12".parse()?);
    for number in 1..=NODES {
        let node = object!({
            "apiVersion": "v1", "kind": "Node", "metadata": {"name": (format!("worker-{number}"))},
            "status": {
                "allocatable": {"cpu": "64", "memory": "256Gi", "pods": "1000"},
                "conditions": [{"type": "Ready", "status": "True"}]
            }
        });
        post(&mut api, "/api/v1/nodes", &node)?;
    }
    let (mut controllers, mut scheduler) = (ControllerManager::new(), Scheduler::new());
    controllers.step(&mut api);
    let web = object!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {
            "replicas": replicas, "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "c", "image": "nginx"}]}
            }
        }
    });
    let (started, before) = (Instant::now(), resident());
    post(&mut api, "/apis/apps/v1/namespaces/default/deployments", &web)?;
    let mut seen = 0;
    for _ in 0..ROUNDS {
        controllers.step(&mut api);
        scheduler.step(&mut api);
        make_ready(&mut api, &mut seen)?;
        let web = api.store.get(Kind::Deployment, "default", "web").ok_or("the Deployment is gone")?;
        if web["status"].int("availableReplicas") == i64::from(replicas) {
            let milliseconds = started.elapsed().as_secs_f64() * 1e3;
            return Ok(Done { milliseconds, bytes: (resident() - before) / f64::from(replicas) });
        }
    }
    Err("the pods do not come up".into())
}

fn post(api: &mut Api, path: &str, object: &Value) -> Outcome<()> {
    let request = Request::new("POST", path)
        .with_header("X-Remote-User", "kubernetes-admin")
        .with_header("X-Remote-Group", "system:masters")
        .with_body("application/json", object.to_string());
    let response = api.handle(&request);
    if response.is_success() { Ok(()) } else { Err(response.body.into()) }
}

/// What kubelets do with the pods that were bound to them since `seen`.
fn make_ready(api: &mut Api, seen: &mut u64) -> Outcome<()> {
    let changes = api.store.changes_since(*seen).ok_or("fell behind")?;
    let is_bound = |it: &Value| !it["spec"].str("nodeName").is_empty();
    let bound = changes.filter(|it| it.kind == Kind::Pod && it.what != What::Deleted);
    let bound: Vec<Value> = bound
        .filter(|it| is_bound(&it.object) && !is_bound(&it.before))
        .map(|it| it.object.clone())
        .collect();
    *seen = api.store.revision();
    for mut pod in bound {
        let now = api.store.now().rfc3339();
        pod["status"].set("phase", "Running");
        pod["status"].set("podIP", "10.244.1.2");
        pod["status"]
            .set("conditions", object!([{"type": "Ready", "status": "True", "lastTransitionTime": now}]));
        api.store.put(Kind::Pod, pod);
    }
    Ok(())
}
