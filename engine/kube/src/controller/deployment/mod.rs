//! Deployment: ReplicaSets of its templates, old and new, and how one gives way to the other.
//!
//! Always: at most one step of scaling in a look; the change it makes brings the next look.
//! Source: kubernetes `pkg/controller/deployment`.

mod replicas;
mod revision;
mod rolling;
mod status;

use super::{Controller, Plan, View, Write, pod, wake_itself, wake_owner};
use crate::object::{Kind, Value};
use crate::store::{Key, controller_of};
use replicas::Sets;
pub use replicas::share;

pub const DEPLOYMENT: Controller = Controller {
    name: "deployment-controller",
    wakes: |store, change, keys| {
        wake_itself(Kind::Deployment, change, keys);
        if change.kind == Kind::ReplicaSet {
            wake_owner(Kind::Deployment, change, keys);
        }
        // A Recreate rollout waits for the last old pod to go.
        let set = controller_of(&change.before);
        if change.kind == Kind::Pod && set.str("kind") == "ReplicaSet" {
            let namespace = change.before["metadata"].str("namespace");
            let owner = store.get(Kind::ReplicaSet, namespace, set.str("name")).map(controller_of);
            if let Some(owner) = owner.filter(|it| it.str("kind") == "Deployment") {
                let key = Key::new(Kind::Deployment, namespace, owner.str("name"));
                let waits = |it: &Value| it.at(&["spec", "strategy", "type"]).as_str() == "Recreate";
                if store.get(Kind::Deployment, namespace, owner.str("name")).is_some_and(waits) {
                    keys.insert(key);
                }
            }
        }
    },
    reconcile,
};

fn reconcile(view: &View, key: &Key) -> Plan {
    let mut plan = Plan::default();
    let Some(deployment) = view.store.get(Kind::Deployment, &key.namespace, &key.name) else { return plan };
    let sets = Sets::of(view.store, deployment);
    if pod::is_terminating(deployment) {
        status::write(view, &mut plan, deployment, &sets, false);
        return plan;
    }
    if let Some(marked) = status::pause_condition(view, deployment) {
        plan.status(Kind::Deployment, deployment, marked);
        return plan;
    }
    let spec = deployment.get("spec");
    if spec.is_true("paused") || sets.were_made_for_another_number(deployment) {
        if !replicas::scale(&mut plan, deployment, &sets) && spec.is_true("paused") {
            revision::clean_up(&mut plan, deployment, &sets);
        }
        status::write(view, &mut plan, deployment, &sets, false);
        return plan;
    }
    if spec.at(&["strategy", "type"]).as_str() == "Recreate" {
        recreate(view, &mut plan, deployment, &sets);
    } else {
        roll(view, &mut plan, deployment, &sets);
    }
    plan
}

fn roll(view: &View, plan: &mut Plan, deployment: &Value, sets: &Sets) {
    if revision::renew(view, plan, deployment, sets) {
        return;
    }
    let moved = rolling::grow(plan, deployment, sets) || rolling::shrink(plan, deployment, sets);
    if !moved && status::is_complete(deployment, deployment.get("status")) {
        revision::clean_up(plan, deployment, sets);
    }
    status::write(view, plan, deployment, sets, true);
}

fn recreate(view: &View, plan: &mut Plan, deployment: &Value, sets: &Sets) {
    let mut moved = false;
    for old in sets.old.iter().filter(|it| it["spec"].int("replicas") > 0) {
        moved |= replicas::resize(plan, deployment, old, 0);
    }
    if moved {
        return status::write(view, plan, deployment, sets, true);
    }
    let runs =
        |set: &&Value| pod::owned(view.store, set["metadata"].str("uid")).any(|it| !pod::is_terminal(it));
    if sets.old.iter().any(runs) {
        return status::write(view, plan, deployment, sets, true);
    }
    if revision::renew(view, plan, deployment, sets) {
        return;
    }
    if let Some(new) = sets.new {
        replicas::resize(plan, deployment, new, deployment["spec"].int("replicas"));
    }
    if status::is_complete(deployment, deployment.get("status")) {
        revision::clean_up(plan, deployment, sets);
    }
    status::write(view, plan, deployment, sets, true);
}
