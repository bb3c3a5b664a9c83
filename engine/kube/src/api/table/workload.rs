//! Rows of what runs Pods: Deployments, ReplicaSets, DaemonSets, StatefulSets, Jobs.
//!
//! Source: kubernetes `printers.go`.

use super::{age, name};
use crate::object::selector::{labels_shown, shown};
use crate::object::time::age as shown_age;
use crate::object::{Time, Value};

fn images(template: &Value) -> [Value; 2] {
    let all = template.at(&["spec", "containers"]).items();
    let join = |field: &str| Value::from(all.iter().map(|it| it.str(field)).collect::<Vec<_>>().join(","));
    [join("name"), join("image")]
}

pub fn deployment(it: &Value, now: Time) -> Vec<Value> {
    let (spec, status) = (it.get("spec"), it.get("status"));
    let [containers, images] = images(spec.get("template"));
    vec![
        name(it),
        Value::from(format!("{}/{}", status.int("readyReplicas"), spec.int("replicas"))),
        Value::from(status.int("updatedReplicas")),
        Value::from(status.int("availableReplicas")),
        age(it, now),
        containers,
        images,
        Value::from(shown(spec.get("selector"))),
    ]
}

pub fn replica_set(it: &Value, now: Time) -> Vec<Value> {
    let (spec, status) = (it.get("spec"), it.get("status"));
    let [containers, images] = images(spec.get("template"));
    vec![
        name(it),
        Value::from(spec.int("replicas")),
        Value::from(status.int("replicas")),
        Value::from(status.int("readyReplicas")),
        age(it, now),
        containers,
        images,
        Value::from(shown(spec.get("selector"))),
    ]
}

pub fn daemon_set(it: &Value, now: Time) -> Vec<Value> {
    let (spec, status) = (it.get("spec"), it.get("status"));
    let [containers, images] = images(spec.get("template"));
    vec![
        name(it),
        Value::from(status.int("desiredNumberScheduled")),
        Value::from(status.int("currentNumberScheduled")),
        Value::from(status.int("numberReady")),
        Value::from(status.int("updatedNumberScheduled")),
        Value::from(status.int("numberAvailable")),
        Value::from(labels_shown(spec.at(&["template", "spec", "nodeSelector"]))),
        age(it, now),
        containers,
        images,
        Value::from(shown(spec.get("selector"))),
    ]
}

pub fn stateful_set(it: &Value, now: Time) -> Vec<Value> {
    let (spec, status) = (it.get("spec"), it.get("status"));
    let [containers, images] = images(spec.get("template"));
    let ready = format!("{}/{}", status.int("readyReplicas"), spec.int("replicas"));
    vec![name(it), Value::from(ready), age(it, now), containers, images]
}

pub fn job(it: &Value, now: Time) -> Vec<Value> {
    let (spec, status) = (it.get("spec"), it.get("status"));
    let [containers, images] = images(spec.get("template"));
    let completions = match (spec.get("completions").as_int(), spec.int("parallelism")) {
        (Some(count), _) => format!("{}/{count}", status.int("succeeded")),
        (None, parallel) if parallel > 1 => format!("{}/1 of {parallel}", status.int("succeeded")),
        _ => format!("{}/1", status.int("succeeded")),
    };
    let duration = match Time::parse(status.str("startTime")) {
        None => String::new(),
        Some(start) => {
            let end = Time::parse(status.str("completionTime")).unwrap_or(now);
            shown_age(end.0 - start.0)
        }
    };
    let has = |kind: &str| super::pod::condition(status, kind) == "True";
    let word = match () {
        () if has("Complete") => "Complete",
        () if has("Failed") => "Failed",
        () if it["metadata"].has("deletionTimestamp") => "Terminating",
        () if has("Suspended") => "Suspended",
        () if has("FailureTarget") => "FailureTarget",
        () if has("SuccessCriteriaMet") => "SuccessCriteriaMet",
        () => "Running",
    };
    vec![
        name(it),
        Value::from(word),
        Value::from(completions),
        Value::from(duration),
        age(it, now),
        containers,
        images,
        Value::from(shown(spec.get("selector"))),
    ]
}

pub fn revision(it: &Value, now: Time) -> Vec<Value> {
    let owner = crate::store::controller_of(it);
    let owner = if owner.is_null() {
        "<none>".to_owned()
    } else {
        let (group, _) = owner.str("apiVersion").split_once('/').unwrap_or(("", ""));
        let kind = owner.str("kind").to_lowercase();
        let dotted = if group.is_empty() { kind } else { format!("{kind}.{group}") };
        format!("{dotted}/{}", owner.str("name"))
    };
    vec![name(it), Value::from(owner), Value::from(it.int("revision")), age(it, now)]
}
