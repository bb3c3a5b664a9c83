//! ReplicaSet: as many pods of its template as it says.
//!
//! Source: kubernetes `pkg/controller/replicaset`. Differs: all missing pods are made at once, up to the real burst of
//! 500, without a slow start.

use super::{Controller, Plan, View, pod, wake_itself, wake_owner};
use crate::api::scale::set_condition;
use crate::object::selector::Selector;
use crate::object::{Kind, Value};
use crate::store::Key;

/// As many pods as one look makes or deletes.
pub const BURST: usize = 500;

pub const REPLICASET: Controller = Controller {
    name: "replicaset-controller",
    wakes: |store, change, keys| {
        wake_itself(Kind::ReplicaSet, change, keys);
        if change.kind == Kind::Pod {
            wake_owner(Kind::ReplicaSet, change, keys);
            pod::wake_for_orphan(store, Kind::ReplicaSet, change, keys);
        }
    },
    reconcile,
};

/// Its pods in numbers, as its status tells them.
#[derive(Default)]
struct Counts {
    active: usize,
    fully_labelled: usize,
    ready: usize,
    available: usize,
    leaving: usize,
}

fn reconcile(view: &View, key: &Key) -> Plan {
    let mut plan = Plan::default();
    let Some(set) = view.store.get(Kind::ReplicaSet, &key.namespace, &key.name) else { return plan };
    let wanted = usize::try_from(set["spec"].int("replicas")).unwrap_or(0);
    let (counts, mut active) = match known(view, set).filter(|it| it.active <= wanted) {
        Some(counts) => (counts, Vec::new()),
        None => {
            let pods = pod::claim(view, &mut plan, set);
            let active: Vec<&Value> = pods.iter().copied().filter(|it| pod::is_active(it)).collect();
            (count(view, &mut plan, set, &pods, &active), active)
        }
    };
    plan.status(Kind::ReplicaSet, set, status(view, set, &counts));
    if pod::is_terminating(set) {
        return plan;
    }
    for _ in counts.active..wanted.min(counts.active + BURST) {
        plan.write(pod::create(set, pod::from_template(set, &set["spec"]["template"], "")));
    }
    if counts.active > wanted {
        let surplus = (counts.active - wanted).min(BURST);
        pod::by_dispensability(&mut active);
        for it in &active[..surplus] {
            plan.write(pod::delete(set, it));
        }
    }
    plan
}

/// What the tally knows, where no pod has to be looked at: none is to be taken in or let go, none ripens.
fn known(view: &View, set: &Value) -> Option<Counts> {
    let spec = set.get("spec");
    let (chosen, template) =
        (Selector::of(spec.get("selector")), Selector::of_map(spec.at(&["template", "metadata", "labels"])));
    let metadata = set.get("metadata");
    let mut orphans = view.store.orphans(Kind::Pod, metadata.str("namespace"));
    if spec.int("minReadySeconds") != 0 || orphans.any(|it| chosen.matches(it["metadata"].get("labels"))) {
        return None;
    }
    let mut counts = Counts::default();
    for it in view.tally.of(metadata.str("uid")) {
        if !chosen.matches(&it.labels) {
            return None;
        }
        counts.active += it.active;
        counts.fully_labelled += if template.matches(&it.labels) { it.active } else { 0 };
        counts.ready += it.ready;
        counts.leaving += it.leaving;
    }
    Some(Counts { available: counts.ready, ..counts })
}

fn count(view: &View, plan: &mut Plan, set: &Value, pods: &[&Value], active: &[&Value]) -> Counts {
    let template = Selector::of_map(set.at(&["spec", "template", "metadata", "labels"]));
    let fully_labelled = active.iter().filter(|it| template.matches(it["metadata"].get("labels"))).count();
    let (ready, available) = pod::count_ready(plan, active, set["spec"].int("minReadySeconds"), view.now);
    let leaving = pods.iter().filter(|it| pod::is_terminating(it) && !pod::is_terminal(it)).count();
    Counts { active: active.len(), fully_labelled, ready, available, leaving }
}

fn status(view: &View, set: &Value, counts: &Counts) -> Value {
    let mut status = Value::map();
    if let Some(why) = view.failure {
        status.set("conditions", set["status"].get("conditions"));
        set_condition(&mut status, "ReplicaFailure", "True", "FailedCreate", why, view.now);
    }
    status.set("replicas", counts.active);
    for (name, count) in [
        ("fullyLabeledReplicas", counts.fully_labelled),
        ("readyReplicas", counts.ready),
        ("availableReplicas", counts.available),
    ] {
        if count > 0 {
            status.set(name, count);
        }
    }
    status.set("terminatingReplicas", counts.leaving);
    status.set("observedGeneration", set["metadata"].get("generation"));
    status
}
