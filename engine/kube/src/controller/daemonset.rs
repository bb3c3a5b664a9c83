//! DaemonSet: one pod on each node that its template fits.
//!
//! Always: a pod is made for a node (an affinity for its name) and placed there by the scheduler, as in the real one.
//! Differs from Kubernetes: `maxSurge` is not looked at: an old pod goes before its successor comes.
//! Sources: kubernetes `pkg/controller/daemon`.

use super::{Controller, Plan, View, Write, node_lifecycle, pod, revision, wake_itself, wake_owner};
use crate::object;
use crate::object::{Kind, Value, hash};
use crate::scheduler::filter;
use crate::store::Key;
use std::collections::BTreeMap;

const HASH: &str = "controller-revision-hash";
const GENERATION: &str = "deprecated.daemonset.template.generation";
/// Taints every daemon bears, as far as a node can have them.
const BORNE: [(&str, &str); 6] = [
    ("node.kubernetes.io/not-ready", "NoExecute"),
    ("node.kubernetes.io/unreachable", "NoExecute"),
    ("node.kubernetes.io/disk-pressure", "NoSchedule"),
    ("node.kubernetes.io/memory-pressure", "NoSchedule"),
    ("node.kubernetes.io/pid-pressure", "NoSchedule"),
    ("node.kubernetes.io/unschedulable", "NoSchedule"),
];

pub const DAEMONSET: Controller = Controller {
    name: "daemonset-controller",
    wakes: |store, change, keys| {
        wake_itself(Kind::DaemonSet, change, keys);
        if matches!(change.kind, Kind::Pod | Kind::ControllerRevision) {
            wake_owner(Kind::DaemonSet, change, keys);
        }
        let shape =
            |node: &Value| (node["metadata"].get("labels").clone(), node.at(&["spec", "taints"]).clone());
        if change.kind == Kind::Node
            && (shape(&change.before) != shape(&change.object) || change.before.is_null())
        {
            keys.extend(store.list(Kind::DaemonSet, None).map(|it| Key::of(Kind::DaemonSet, it)));
        }
    },
    reconcile,
};

fn reconcile(view: &View, key: &Key) -> Plan {
    let mut plan = Plan::default();
    let Some(set) = view.store.get(Kind::DaemonSet, &key.namespace, &key.name) else { return plan };
    if pod::is_terminating(set) {
        return plan;
    }
    let hash = hash::of_template(set.at(&["spec", "template"]), set["status"].get("collisionCount").as_int());
    let revisions = revision::all(view, set);
    let (name, is_there) = revision::renew(&mut plan, set, &revisions, &hash);
    if !is_there {
        return plan;
    }
    let hash = name.strip_prefix(&format!("{}-", key.name)).unwrap_or(&hash).to_owned();
    let pods = pod::claim(view, &mut plan, set);
    let mut by_node: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
    for pod in &pods {
        by_node.entry(node_of(pod)).or_default().push(pod);
    }
    let tolerant = tolerant(set);
    let mut counts = Counts::default();
    let mut stale: Vec<&Value> = Vec::new();
    for node in view.store.list(Kind::Node, None) {
        let here = by_node.remove(node["metadata"].str("name")).unwrap_or_default();
        let (runs, stays) = fits(&tolerant, node);
        manage(&mut plan, set, node, &here, (runs, stays), &hash);
        counts.count(view, &mut plan, set, &here, runs, &hash);
        stale.extend(here.iter().filter(|it| runs && is_stale(it, &hash) && pod::is_active(it)));
    }
    // Of nodes that are gone.
    for pod in by_node.into_values().flatten().filter(|it| !pod::is_terminating(it)) {
        plan.write(pod::delete(set, pod));
    }
    roll(view, &mut plan, set, stale, &counts);
    let live: Vec<String> = pods
        .iter()
        .map(|it| format!("{}-{}", key.name, it.at(&["metadata", "labels", HASH]).as_str()))
        .collect();
    let live: Vec<&str> = live.iter().map(String::as_str).chain([name.as_str()]).collect();
    revision::clean_up(&mut plan, set, &revisions, &live);
    plan.status(Kind::DaemonSet, set, counts.status(set));
    plan
}

/// The node a daemon is meant for, bound or not.
fn node_of(pod: &Value) -> &str {
    let bound = pod["spec"].str("nodeName");
    if !bound.is_empty() {
        return bound;
    }
    let terms =
        pod.at(&["spec", "affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution"]);
    let fields = terms.get("nodeSelectorTerms").items().iter().flat_map(|it| it.get("matchFields").items());
    let values = fields.flat_map(|it| it.get("values").items());
    values.map(Value::as_str).next().unwrap_or("")
}

/// A pod of the template with what daemons bear, to be tried on nodes.
fn tolerant(set: &Value) -> Value {
    let mut pod = pod::from_template(set, set.at(&["spec", "template"]), "");
    let host = pod["spec"].is_true("hostNetwork");
    let all =
        BORNE.iter().copied().chain(host.then_some(("node.kubernetes.io/network-unavailable", "NoSchedule")));
    for (key, effect) in all {
        let there = pod["spec"].get("tolerations").items();
        if !there
            .iter()
            .any(|it| it.str("key") == key && it.str("effect") == effect && it.str("operator") == "Exists")
        {
            pod["spec"]["tolerations"].push(object!({"key": key, "operator": "Exists", "effect": effect}));
        }
    }
    pod
}

/// Whether a daemon is to run on a node, and whether one that runs there may stay.
fn fits(pod: &Value, node: &Value) -> (bool, bool) {
    let named = pod["spec"].str("nodeName");
    let is_named = named.is_empty() || named == node["metadata"].str("name");
    if !is_named || !filter::selects(pod, node) {
        return (false, false);
    }
    let tolerations = pod.at(&["spec", "tolerations"]).items();
    let bears = |effects: &[&str]| {
        let mut taints =
            node.at(&["spec", "taints"]).items().iter().filter(|it| effects.contains(&it.str("effect")));
        taints.all(|taint| tolerations.iter().any(|it| node_lifecycle::tolerates(it, taint)))
    };
    (bears(&["NoSchedule", "NoExecute"]), bears(&["NoExecute"]))
}

fn manage(plan: &mut Plan, set: &Value, node: &Value, here: &[&Value], fit: (bool, bool), hash: &str) {
    let live: Vec<&&Value> = here.iter().filter(|it| !pod::is_terminating(it)).collect();
    let (runs, stays) = fit;
    if !stays {
        live.iter().for_each(|it| plan.write(pod::delete(set, it)));
    } else if runs {
        let mut kept = 0;
        for pod in live {
            if pod::phase(pod) == "Failed" {
                let (namespace, name) = (pod["metadata"].str("namespace"), pod["metadata"].str("name"));
                let node = node["metadata"].str("name");
                let message =
                    format!("Found failed daemon pod {namespace}/{name} on node {node}, will try to kill it");
                plan.write(Write::Tell(super::Event::warning(set, "FailedDaemonPod", message)));
                plan.write(pod::delete(set, pod));
            } else if kept > 0 {
                plan.write(pod::delete(set, pod));
            } else {
                kept += 1;
            }
        }
        if here.is_empty() {
            plan.write(pod::create(set, made_for(set, node, hash)));
        }
    }
}

fn made_for(set: &Value, node: &Value, hash: &str) -> Value {
    let mut pod = tolerant(set);
    let labels = &mut pod["metadata"]["labels"];
    labels.set(HASH, hash);
    let generation = set.at(&["metadata", "annotations", GENERATION]).as_str();
    labels.set("pod-template-generation", if generation.is_empty() { "1" } else { generation });
    let field = object!({
        "key": "metadata.name", "operator": "In", "values": [(node["metadata"].get("name"))]
    });
    let required = "requiredDuringSchedulingIgnoredDuringExecution";
    let affinity = &mut pod["spec"]["affinity"]["nodeAffinity"][required];
    let mut terms: Vec<Value> = affinity.get("nodeSelectorTerms").items().to_vec();
    terms.iter_mut().for_each(|it| it.set("matchFields", Value::list(vec![field.clone()])));
    if terms.is_empty() {
        terms.push(object!({"matchFields": [field]}));
    }
    affinity.set("nodeSelectorTerms", terms);
    pod
}

fn is_stale(pod: &Value, hash: &str) -> bool {
    pod.at(&["metadata", "labels", HASH]).as_str() != hash
}

/// Replaces daemons of an old template, as many at a time as may be missing.
fn roll(view: &View, plan: &mut Plan, set: &Value, stale: Vec<&Value>, counts: &Counts) {
    let strategy = set.at(&["spec", "updateStrategy"]);
    if strategy.str("type") == "OnDelete" {
        return;
    }
    let most = strategy.at(&["rollingUpdate", "maxUnavailable"]);
    let most = if most.is_null() { 1 } else { super::deployment::share(most, counts.desired, true).max(1) };
    let mut room = most - (counts.desired - counts.available);
    let seconds = set["spec"].int("minReadySeconds");
    for pod in stale {
        let is_available = pod::is_available(pod, seconds, view.now).is_ok();
        if is_available && room <= 0 {
            continue;
        }
        room -= i64::from(is_available);
        plan.write(pod::delete(set, pod));
    }
}

#[derive(Default)]
struct Counts {
    desired: i64,
    current: i64,
    misplaced: i64,
    ready: i64,
    updated: i64,
    available: i64,
}

impl Counts {
    fn count(&mut self, view: &View, plan: &mut Plan, set: &Value, here: &[&Value], runs: bool, hash: &str) {
        let live: Vec<&Value> = here.iter().copied().filter(|it| !pod::is_terminating(it)).collect();
        if !runs {
            self.misplaced += i64::from(!live.is_empty());
            return;
        }
        self.desired += 1;
        let Some(first) = live.first().copied() else { return };
        self.current += 1;
        let (ready, available) =
            pod::count_ready(plan, &[first], set["spec"].int("minReadySeconds"), view.now);
        self.ready += i64::from(ready > 0);
        self.available += i64::from(available > 0);
        self.updated += i64::from(!is_stale(first, hash));
    }

    fn status(&self, set: &Value) -> Value {
        let mut status = object!({
            "currentNumberScheduled": (self.current), "desiredNumberScheduled": (self.desired),
            "numberMisscheduled": (self.misplaced), "numberReady": (self.ready),
            "observedGeneration": (set["metadata"].get("generation"))
        });
        let missing = self.desired - self.available;
        for (name, number) in [
            ("updatedNumberScheduled", self.updated),
            ("numberAvailable", self.available),
            ("numberUnavailable", missing),
        ] {
            if number > 0 {
                status.set(name, number);
            }
        }
        status
    }
}
