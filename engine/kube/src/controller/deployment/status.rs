//! A Deployment's status: counts of its sets, and the conditions Available, Progressing and ReplicaFailure.
//!
//! Sources: kubernetes `pkg/controller/deployment/{progress,sync}.go`.

use super::replicas::{Sets, bounds};
use super::{Kind, Plan, Value, View, pod};
use crate::object::Time;

/// `math.MaxInt32`: a deadline that never comes.
const NEVER: i64 = 2_147_483_647;

pub fn has_deadline(deployment: &Value) -> bool {
    deployment["spec"].get("progressDeadlineSeconds").as_int().is_some_and(|it| it != NEVER)
}

/// Sets a condition anew at the end of the list, unless it stands there with this status and reason.
pub fn set(status: &mut Value, kind: &str, is: &str, reason: &str, message: &str, now: Time) {
    let old = status.get("conditions").items().iter().find(|it| it.str("type") == kind).cloned();
    if old.as_ref().is_some_and(|it| it.str("status") == is && it.str("reason") == reason) {
        return;
    }
    let since = old.filter(|it| it.str("status") == is).map(|it| it.get("lastTransitionTime").clone());
    status["conditions"].items_mut().retain(|it| it.str("type") != kind);
    status["conditions"].push(crate::object!({
        "type": kind, "status": is, "reason": reason, "message": message, "lastUpdateTime": (now.rfc3339()),
        "lastTransitionTime": (since.unwrap_or_else(|| now.rfc3339().into()))
    }));
}

/// The status with the condition that says that the rollout was paused or resumed, if that is new.
pub fn pause_condition(view: &View, deployment: &Value) -> Option<Value> {
    let progressing = pod::condition(deployment, "Progressing");
    if !has_deadline(deployment) || progressing.str("reason") == "ProgressDeadlineExceeded" {
        return None;
    }
    let (reason, message) = match (deployment["spec"].is_true("paused"), progressing.str("reason")) {
        (true, was) if was != "DeploymentPaused" => ("DeploymentPaused", "Deployment is paused"),
        (false, "DeploymentPaused") => ("DeploymentResumed", "Deployment is resumed"),
        _ => return None,
    };
    let mut status = deployment.get("status").clone();
    set(&mut status, "Progressing", "Unknown", reason, message, view.now);
    Some(status)
}

pub fn is_complete(deployment: &Value, status: &Value) -> bool {
    let wanted = deployment["spec"].int("replicas");
    ["updatedReplicas", "replicas", "availableReplicas"].iter().all(|it| status.int(it) == wanted)
        && status.int("observedGeneration") >= deployment["metadata"].int("generation")
}

/// Writes the status; with `rolls`, how the rollout goes too.
pub fn write(view: &View, plan: &mut Plan, deployment: &Value, sets: &Sets, rolls: bool) {
    let mut status = counted(view, deployment, sets);
    if rolls {
        progress(view, plan, deployment, sets, &mut status);
    }
    plan.status(Kind::Deployment, deployment, status);
}

fn counted(view: &View, deployment: &Value, sets: &Sets) -> Value {
    let sum = |name: &str| sets.sum("status", name);
    let available = sum("availableReplicas");
    let mut status = Value::map();
    let old = deployment.get("status");
    for name in ["conditions", "collisionCount"] {
        if old.has(name) {
            status.set(name, old.get(name));
        }
    }
    let updated = sets.new.map_or(0, |it| it["status"].int("replicas"));
    let missing = (sets.sum("spec", "replicas") - available).max(0);
    for (name, number) in [
        ("observedGeneration", deployment["metadata"].int("generation")),
        ("replicas", sum("replicas")),
        ("updatedReplicas", updated),
        ("readyReplicas", sum("readyReplicas")),
        ("availableReplicas", available),
        ("unavailableReplicas", missing),
    ] {
        if number > 0 {
            status.set(name, number);
        }
    }
    status.set("terminatingReplicas", sum("terminatingReplicas"));
    if available >= deployment["spec"].int("replicas") - bounds(deployment).0 {
        let message = "Deployment has minimum availability.";
        set(&mut status, "Available", "True", "MinimumReplicasAvailable", message, view.now);
    } else {
        let message = "Deployment does not have minimum availability.";
        set(&mut status, "Available", "False", "MinimumReplicasUnavailable", message, view.now);
    }
    status
}

fn progress(view: &View, plan: &mut Plan, deployment: &Value, sets: &Sets, status: &mut Value) {
    let old = deployment.get("status");
    if !has_deadline(deployment) {
        status["conditions"].items_mut().retain(|it| it.str("type") != "Progressing");
    }
    let current = pod::condition(deployment, "Progressing");
    let was_complete = status.int("replicas") == status.int("updatedReplicas")
        && current.str("reason") == "NewReplicaSetAvailable";
    let subject = sets.new.map_or_else(
        || format!("Deployment \"{}\"", deployment["metadata"].str("name")),
        |it| format!("ReplicaSet \"{}\"", it["metadata"].str("name")),
    );
    if has_deadline(deployment) && !was_complete {
        if is_complete(deployment, status) {
            let message = format!("{subject} has successfully progressed.");
            set(status, "Progressing", "True", "NewReplicaSetAvailable", &message, view.now);
        } else if moved_on(old, status) {
            let message = format!("{subject} is progressing.");
            // The reason may be the same: what counts is when it last moved.
            let since = current.get("lastTransitionTime").clone();
            status["conditions"].items_mut().retain(|it| it.str("type") != "Progressing");
            set(status, "Progressing", "True", "ReplicaSetUpdated", &message, view.now);
            if current.str("status") == "True"
                && let Some(last) = status["conditions"].items_mut().last_mut()
            {
                last.set("lastTransitionTime", since);
            }
        } else if let Some(end) = deadline(deployment, current) {
            if end <= view.now {
                let message = format!("{subject} has timed out progressing.");
                set(status, "Progressing", "False", "ProgressDeadlineExceeded", &message, view.now);
            } else {
                plan.look_again(end);
            }
        }
    }
    if let Some(end) =
        deadline(deployment, pod::condition(&crate::object!({"status": (&*status)}), "Progressing"))
        && end > view.now
    {
        plan.look_again(end);
    }
    let failures = sets.all().map(|it| pod::condition(it, "ReplicaFailure"));
    let failure = failures.filter(|it| it.str("status") == "True").last().cloned();
    match failure {
        Some(it) => set(status, "ReplicaFailure", "True", it.str("reason"), it.str("message"), view.now),
        None => status["conditions"].items_mut().retain(|it| it.str("type") != "ReplicaFailure"),
    }
}

fn moved_on(old: &Value, new: &Value) -> bool {
    let stale = |it: &Value| it.int("replicas") - it.int("updatedReplicas");
    new.int("updatedReplicas") > old.int("updatedReplicas")
        || stale(new) < stale(old)
        || new.int("readyReplicas") > old.int("readyReplicas")
        || new.int("availableReplicas") > old.int("availableReplicas")
}

/// When a rollout that stands still is given up.
fn deadline(deployment: &Value, progressing: &Value) -> Option<Time> {
    let seconds = deployment["spec"].get("progressDeadlineSeconds").as_int()?;
    if matches!(progressing.str("reason"), "NewReplicaSetAvailable" | "ProgressDeadlineExceeded") {
        return None;
    }
    Some(Time(Time::parse(progressing.str("lastUpdateTime"))?.0 + seconds))
}
