//! `describe deployment`, `replicaset`, `daemonset`, `statefulset` and `job`.

use super::network::time;
use super::pod::count;
use super::{Text, container};
use crate::kubectl::jsonpath::shown;
use crate::kubectl::session::Session;
use crate::object::selector;
use crate::object::{Kind, Time, Value, time};
use crate::store::controller_of;

fn controlled(out: &mut Text, object: &Value) {
    let owner = controller_of(object);
    if !owner.is_null() {
        out.field(0, "Controlled By", format!("{}/{}", owner.str("kind"), owner.str("name")));
    }
}

fn conditions(out: &mut Text, object: &Value) {
    let conditions = object["status"].get("conditions").items();
    if !conditions.is_empty() {
        out.line(0, "Conditions:\n  Type\tStatus\tReason\n  ----\t------\t------");
        for it in conditions {
            out.line(0, format!("  {} \t{}\t{}", it.str("type"), it.str("status"), it.str("reason")));
        }
    }
}

/// The replica sets of a deployment, oldest first, and which has its template now.
pub async fn replica_sets(session: &mut Session<'_>, deployment: &Value) -> (Vec<Value>, Option<Value>) {
    let uid = deployment["metadata"].str("uid");
    let namespace = deployment["metadata"].str("namespace").to_owned();
    let all = session.list(Kind::ReplicaSet, &namespace, &[]).await.unwrap_or_default();
    let mut its: Vec<Value> = all.into_iter().filter(|it| controller_of(it).str("uid") == uid).collect();
    its.sort_by_key(|it| it["metadata"].str("creationTimestamp").to_owned());
    let template = deployment.at(&["spec", "template"]);
    let is_new = |it: &Value| {
        let mut own = it.at(&["spec", "template"]).clone();
        own["metadata"]["labels"].remove("pod-template-hash");
        own["spec"] == template["spec"] && own["metadata"]["labels"] == template["metadata"]["labels"]
    };
    let new = its.iter().position(is_new).map(|at| its.remove(at));
    (its, new)
}

fn sets_shown<'a>(sets: impl Iterator<Item = &'a Value>) -> String {
    let words: Vec<String> = sets
        .map(|it| {
            let (now, wanted) = (it["status"].int("replicas"), it["spec"].int("replicas"));
            format!("{} ({now}/{wanted} replicas created)", it["metadata"].str("name"))
        })
        .collect();
    if words.is_empty() { "<none>".to_owned() } else { words.join(", ") }
}

pub async fn deployment(session: &mut Session<'_>, out: &mut Text, object: &Value) {
    let (metadata, spec, status) = (object.get("metadata"), object.get("spec"), object.get("status"));
    out.field(0, "Name", metadata.str("name"));
    out.field(0, "Namespace", metadata.str("namespace"));
    out.field(0, "CreationTimestamp", time(metadata.str("creationTimestamp")));
    out.labels("Labels", metadata.get("labels"));
    out.annotations("Annotations", metadata.get("annotations"));
    out.field(0, "Selector", selector::shown(spec.get("selector")));
    out.field(
        0,
        "Replicas",
        format!(
            "{} desired | {} updated | {} total | {} available | {} unavailable",
            spec.int("replicas"),
            status.int("updatedReplicas"),
            status.int("replicas"),
            status.int("availableReplicas"),
            status.int("unavailableReplicas")
        ),
    );
    out.field(0, "StrategyType", spec["strategy"].str("type"));
    out.field(0, "MinReadySeconds", spec.int("minReadySeconds"));
    let rolling = spec["strategy"].get("rollingUpdate");
    if !rolling.is_null() {
        let (unavailable, surge) = (shown(rolling.get("maxUnavailable")), shown(rolling.get("maxSurge")));
        out.field(0, "RollingUpdateStrategy", format!("{unavailable} max unavailable, {surge} max surge"));
    }
    container::template(out, spec.get("template"));
    conditions(out, object);
    let (old, new) = replica_sets(session, object).await;
    if !old.is_empty() || new.is_some() {
        out.field(0, "OldReplicaSets", sets_shown(old.iter()));
        out.field(0, "NewReplicaSet", sets_shown(new.iter()));
    }
}

pub async fn replica_set(session: &mut Session<'_>, out: &mut Text, object: &Value) {
    let (metadata, spec) = (object.get("metadata"), object.get("spec"));
    out.field(0, "Name", metadata.str("name"));
    out.field(0, "Namespace", metadata.str("namespace"));
    out.field(0, "Selector", selector::shown(spec.get("selector")));
    out.labels("Labels", metadata.get("labels"));
    out.annotations("Annotations", metadata.get("annotations"));
    controlled(out, object);
    let (now, wanted) = (object["status"].int("replicas"), spec.int("replicas"));
    out.field(0, "Replicas", format!("{now} current / {wanted} desired"));
    out.field(0, "Pods Status", count(session, object).await);
    container::template(out, spec.get("template"));
    conditions(out, object);
}

pub async fn daemon_set(session: &mut Session<'_>, out: &mut Text, object: &Value) {
    let (metadata, spec, status) = (object.get("metadata"), object.get("spec"), object.get("status"));
    out.field(0, "Name", metadata.str("name"));
    out.field(0, "Namespace", metadata.str("namespace"));
    out.field(0, "Selector", selector::shown(spec.get("selector")));
    let nodes = spec.at(&["template", "spec", "nodeSelector"]);
    out.field(0, "Node-Selector", selector::labels_shown(nodes));
    out.labels("Labels", metadata.get("labels"));
    out.annotations("Annotations", metadata.get("annotations"));
    for (label, field) in [
        ("Desired Number of Nodes Scheduled", "desiredNumberScheduled"),
        ("Current Number of Nodes Scheduled", "currentNumberScheduled"),
        ("Number of Nodes Scheduled with Up-to-date Pods", "updatedNumberScheduled"),
        ("Number of Nodes Scheduled with Available Pods", "numberAvailable"),
        ("Number of Nodes Misscheduled", "numberMisscheduled"),
    ] {
        out.line(0, format!("{label}: {}", status.int(field)));
    }
    out.field(0, "Pods Status", count(session, object).await);
    container::template(out, spec.get("template"));
}

pub async fn stateful_set(session: &mut Session<'_>, out: &mut Text, object: &Value) {
    let (metadata, spec, status) = (object.get("metadata"), object.get("spec"), object.get("status"));
    out.field(0, "Name", metadata.str("name"));
    out.field(0, "Namespace", metadata.str("namespace"));
    out.field(0, "CreationTimestamp", time(metadata.str("creationTimestamp")));
    out.field(0, "Selector", selector::shown(spec.get("selector")));
    out.labels("Labels", metadata.get("labels"));
    out.annotations("Annotations", metadata.get("annotations"));
    out.field(0, "Replicas", format!("{} desired | {} total", spec.int("replicas"), status.int("replicas")));
    out.field(0, "Update Strategy", spec["updateStrategy"].str("type"));
    let rolling = spec["updateStrategy"].get("rollingUpdate");
    if rolling.has("partition") {
        out.field(1, "Partition", rolling.int("partition"));
        out.some(1, "MaxUnavailable", &text_of(rolling.get("maxUnavailable")));
    }
    out.field(0, "Pods Status", count(session, object).await);
    container::template(out, spec.get("template"));
    claims(out, spec.get("volumeClaimTemplates").items());
}

/// Empty where there is nothing.
fn text_of(value: &Value) -> String {
    if value.is_null() { String::new() } else { shown(value) }
}

fn claims(out: &mut Text, claims: &[Value]) {
    if claims.is_empty() {
        out.field(0, "Volume Claims", "<none>");
        return;
    }
    out.line(0, "Volume Claims:");
    for it in claims {
        let (metadata, spec) = (it.get("metadata"), it.get("spec"));
        out.field(1, "Name", metadata.str("name"));
        out.field(1, "StorageClass", spec.str("storageClassName"));
        super::map(out, 1, "Labels", metadata.get("labels"));
        super::map(out, 1, "Annotations", metadata.get("annotations"));
        let capacity = spec.at(&["resources", "requests", "storage"]);
        out.field(1, "Capacity", if capacity.is_null() { "<default>".to_owned() } else { shown(capacity) });
        out.field(1, "Access Modes", crate::kubectl::gotemplate::shown(spec.get("accessModes")));
    }
}

pub fn job(out: &mut Text, object: &Value) {
    let (metadata, spec, status) = (object.get("metadata"), object.get("spec"), object.get("status"));
    out.field(0, "Name", metadata.str("name"));
    out.field(0, "Namespace", metadata.str("namespace"));
    if spec.has("selector") {
        out.field(0, "Selector", selector::shown(spec.get("selector")));
    }
    out.labels("Labels", metadata.get("labels"));
    out.annotations("Annotations", metadata.get("annotations"));
    controlled(out, object);
    out.some(0, "Parallelism", &text_of(spec.get("parallelism")));
    let completions = text_of(spec.get("completions"));
    out.field(0, "Completions", if completions.is_empty() { "<unset>" } else { &completions });
    out.some(0, "Completion Mode", spec.str("completionMode"));
    if spec.has("suspend") {
        out.field(0, "Suspend", spec.is_true("suspend"));
    }
    if spec.has("backoffLimit") {
        out.field(0, "Backoff Limit", spec.int("backoffLimit"));
    }
    if spec.has("ttlSecondsAfterFinished") {
        out.field(0, "TTL Seconds After Finished", spec.int("ttlSecondsAfterFinished"));
    }
    let (start, end) = (Time::parse(status.str("startTime")), Time::parse(status.str("completionTime")));
    if let Some(start) = start {
        out.field(0, "Start Time", start.rfc1123());
        if let Some(end) = end {
            out.field(0, "Completed At", end.rfc1123());
            out.field(0, "Duration", time::age(end.0 - start.0));
        }
    }
    if spec.has("activeDeadlineSeconds") {
        out.field(0, "Active Deadline Seconds", format!("{}s", spec.int("activeDeadlineSeconds")));
    }
    let ready = status.get("ready").as_int().map_or(String::new(), |it| format!(" ({it} Ready)"));
    let (active, succeeded, failed) = (status.int("active"), status.int("succeeded"), status.int("failed"));
    out.field(
        0,
        "Pods Statuses",
        format!("{active} Active{ready} / {succeeded} Succeeded / {failed} Failed"),
    );
    if spec.str("completionMode") == "Indexed" {
        out.field(0, "Completed Indexes", capped(status.str("completedIndexes")));
    }
    container::template(out, spec.get("template"));
}

/// A list that is long ends after some fifty letters.
fn capped(indexes: &str) -> String {
    const SOFT_LIMIT: usize = 50;
    match indexes.get(SOFT_LIMIT..).and_then(|rest| rest.find(',')) {
        _ if indexes.is_empty() => "<none>".to_owned(),
        Some(at) => format!("{}...", &indexes[..=SOFT_LIMIT + at]),
        None => indexes.to_owned(),
    }
}
