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

fn reconcile(view: &View, key: &Key) -> Plan {
    let mut plan = Plan::default();
    let Some(set) = view.store.get(Kind::ReplicaSet, &key.namespace, &key.name) else { return plan };
    let pods = pod::claim(view, &mut plan, set);
    let mut active: Vec<&Value> = pods.iter().copied().filter(|it| pod::is_active(it)).collect();
    let wanted = usize::try_from(set["spec"].int("replicas")).unwrap_or(0);
    let status = status(view, &mut plan, set, &pods, &active);
    plan.status(Kind::ReplicaSet, set, status);
    if pod::is_terminating(set) {
        return plan;
    }
    for _ in active.len()..wanted.min(active.len() + BURST) {
        plan.write(pod::create(set, pod::from_template(set, &set["spec"]["template"], "")));
    }
    if active.len() > wanted {
        let surplus = (active.len() - wanted).min(BURST);
        pod::by_dispensability(&mut active);
        for it in &active[..surplus] {
            plan.write(pod::delete(set, it));
        }
    }
    plan
}

fn status(view: &View, plan: &mut Plan, set: &Value, pods: &[&Value], active: &[&Value]) -> Value {
    let template = Selector::of_map(set.at(&["spec", "template", "metadata", "labels"]));
    let full = active.iter().filter(|it| template.matches(it["metadata"].get("labels"))).count();
    let (ready, available) = pod::count_ready(plan, active, set["spec"].int("minReadySeconds"), view.now);
    let leaving = pods.iter().filter(|it| pod::is_terminating(it) && !pod::is_terminal(it)).count();
    let mut status = Value::map();
    if let Some(why) = view.failure {
        status.set("conditions", set["status"].get("conditions"));
        set_condition(&mut status, "ReplicaFailure", "True", "FailedCreate", why, view.now);
    }
    status.set("replicas", active.len());
    for (name, count) in
        [("fullyLabeledReplicas", full), ("readyReplicas", ready), ("availableReplicas", available)]
    {
        if count > 0 {
            status.set(name, count);
        }
    }
    status.set("terminatingReplicas", leaving);
    status.set("observedGeneration", set["metadata"].get("generation"));
    status
}
