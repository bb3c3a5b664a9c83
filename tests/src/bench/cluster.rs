//! A whole cluster, as the page has it: machines, kubelets, containers, rules and packets.
//!
//! The Deployment is what `kubectl apply` on the control plane makes of a manifest; it counts as done once the API
//! says that all of its Pods are available. Turns are as long as those of the page's worker, events and all.

use super::{Outcome, resident, timed};
use api::Lab;
use api::lab::ClusterSpec;
use kube::cluster::Cluster;
use kube::object::Kind;
use linux::ExecOptions;
use std::time::Duration;
use web_time::Instant;
use world::World;

/// Boots, of which the middle one counts.
const BOOTS: usize = 7;
/// A node takes 110 Pods.
const PODS_OF_A_NODE: u32 = 100;
/// Events of the engine in one turn, and virtual time from one to the next, as in `app/worker`.
const TURN: usize = 20_000;
const BEAT: Duration = Duration::from_millis(12);
/// Virtual time after which it is given up.
const PATIENCE: Duration = Duration::from_secs(300);

fn lab(workers: u8) -> Lab {
    let cluster = ClusterSpec { workers, ..ClusterSpec::default() };
    Lab { name: "bench".to_owned(), cluster: Some(cluster), ..Lab::default() }
}

/// Milliseconds until a control plane, two workers and all that runs on them are Ready.
pub fn boot() -> Outcome<f64> {
    let lab = lab(2);
    let mut times: Vec<f64> = (0..BOOTS).map(|_| timed(|| World::boot(&lab, 1)).1).collect();
    times.sort_by(f64::total_cmp);
    Ok(times[BOOTS / 2])
}

pub struct Done {
    pub milliseconds: f64,
    pub virtual_seconds: f64,
    /// Milliseconds.
    pub longest_turn: f64,
    /// Memory for each Pod, of the engine alone.
    pub bytes: f64,
}

/// A Deployment of so many Pods, from `kubectl apply` until all are available.
pub fn deployment(replicas: u32) -> Outcome<Done> {
    let workers = u8::try_from(replicas.div_ceil(PODS_OF_A_NODE))?;
    let mut world = World::boot(&lab(workers), 1);
    world.take_events();
    let master = world.control_plane().ok_or("no control plane")?;
    let manifest = format!(
        "cat > web.yaml <<end
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web}}
spec:
  replicas: {replicas}
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec:
      containers: [{{name: web, image: 'registry.k8s.io/e2e-test-images/agnhost:2.40', args: [netexec]}}]
end
kubectl apply -f web.yaml"
    );
    let (from, before, started) = (world.now(), resident(), Instant::now());
    let command = world.system_mut().exec(master, &manifest, ExecOptions::default());
    let mut longest_turn: f64 = 0.0;
    let available = |world: &mut World| {
        let cluster = world.system_mut().attached::<Cluster>(master)?;
        Some(cluster.api.store.get(Kind::Deployment, "default", "web")?["status"].int("availableReplicas"))
    };
    while available(&mut world) != Some(i64::from(replicas)) {
        let until = world.now() + BEAT.as_nanos() as u64;
        let turn = || {
            let mut budget = TURN;
            world.advance(until, &mut budget);
            world.take_events();
        };
        longest_turn = longest_turn.max(timed(turn).1);
        if world.now() - from > PATIENCE.as_nanos() as u64 {
            let (_, said) = world.system_mut().take_output(command);
            return Err(format!("the Pods do not come up: {}", String::from_utf8_lossy(&said)).into());
        }
    }
    Ok(Done {
        milliseconds: started.elapsed().as_secs_f64() * 1e3,
        virtual_seconds: (world.now() - from) as f64 / 1e9,
        longest_turn,
        bytes: (resident() - before) / f64::from(replicas),
    })
}
