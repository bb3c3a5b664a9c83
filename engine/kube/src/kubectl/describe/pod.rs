//! `describe pod`.

use super::container::{self, Place};
use super::{Text, volume};
use crate::kubectl::session::Session;
use crate::object::{Kind, Time, Value};
use crate::store::controller_of;

pub fn describe(out: &mut Text, pod: &Value, now: Time) {
    let (metadata, spec, status) = (pod.get("metadata"), pod.get("spec"), pod.get("status"));
    out.field(0, "Name", metadata.str("name"));
    out.field(0, "Namespace", metadata.str("namespace"));
    if spec.has("priority") {
        out.field(0, "Priority", spec.int("priority"));
    }
    out.some(0, "Priority Class Name", spec.str("priorityClassName"));
    out.some(0, "Runtime Class Name", spec.str("runtimeClassName"));
    out.some(0, "Service Account", spec.str("serviceAccountName"));
    match spec.str("nodeName") {
        "" => out.field(0, "Node", "<none>"),
        node => out.field(0, "Node", format!("{node}/{}", status.str("hostIP"))),
    }
    if let Some(time) = Time::parse(status.str("startTime")) {
        out.field(0, "Start Time", time.rfc1123());
    }
    out.labels("Labels", metadata.get("labels"));
    out.annotations("Annotations", metadata.get("annotations"));
    let phase = status.str("phase");
    if metadata.has("deletionTimestamp") && !matches!(phase, "Failed" | "Succeeded") {
        let lasts = now.age_of(metadata.str("deletionTimestamp"));
        out.field(0, "Status", format!("Terminating (lasts {lasts})"));
        out.field(0, "Termination Grace Period", format!("{}s", metadata.int("deletionGracePeriodSeconds")));
    } else {
        out.field(0, "Status", phase);
    }
    out.some(0, "Reason", status.str("reason"));
    out.some(0, "Message", status.str("message"));
    let profile = spec.at(&["securityContext", "seccompProfile"]);
    out.some(0, "SeccompProfile", profile.str("type"));
    out.some(0, "LocalhostProfile", profile.str("localhostProfile"));
    out.field(0, "IP", status.str("podIP"));
    let addresses = status.get("podIPs").items();
    out.line(0, if addresses.is_empty() { "IPs:\t<none>" } else { "IPs:" });
    addresses.iter().for_each(|it| out.field(1, "IP", it.str("ip")));
    let owner = controller_of(pod);
    if !owner.is_null() {
        out.field(0, "Controlled By", format!("{}/{}", owner.str("kind"), owner.str("name")));
    }
    out.some(0, "NominatedNodeName", status.str("nominatedNodeName"));
    if spec.has("resources") {
        out.line(0, "Resources:");
        container::resources(out, 1, spec.get("resources"));
    }
    containers(out, pod);
    gates(out, spec, status);
    let conditions = status.get("conditions").items();
    if !conditions.is_empty() {
        out.line(0, "Conditions:\n  Type\tStatus");
        conditions.iter().for_each(|it| out.line(0, format!("  {} \t{} ", it.str("type"), it.str("status"))));
    }
    volume::describe(out, spec.get("volumes"), "");
    out.some(0, "QoS Class", status.str("qosClass"));
    super::map(out, 0, "Node-Selectors", spec.get("nodeSelector"));
    container::tolerations(out, "Tolerations", spec.get("tolerations"));
    container::spread(out, "", spec.get("topologySpreadConstraints"));
}

fn containers(out: &mut Text, pod: &Value) {
    let (spec, status) = (pod.get("spec"), pod.get("status"));
    let place = Place { space: "", pod };
    for (label, list, statuses) in [
        ("Init Containers", "initContainers", "initContainerStatuses"),
        ("Containers", "containers", "containerStatuses"),
        ("Ephemeral Containers", "ephemeralContainers", "ephemeralContainerStatuses"),
    ] {
        if list == "containers" || !spec.get(list).is_empty() {
            container::describe(out, label, spec.get(list), status.get(statuses), place);
        }
    }
}

fn gates(out: &mut Text, spec: &Value, status: &Value) {
    let gates = spec.get("readinessGates").items();
    if gates.is_empty() {
        return;
    }
    out.line(0, "Readiness Gates:\n  Type\tStatus");
    for it in gates {
        let kind = it.str("conditionType");
        let found = status.get("conditions").items().iter().find(|it| it.str("type") == kind);
        out.line(0, format!("  {kind} \t{} ", found.map_or("<none>", |it| it.str("status"))));
    }
}

/// `2 Running / 0 Waiting / 0 Succeeded / 0 Failed` of the pods a selector chooses and an owner controls.
pub async fn count(session: &mut Session<'_>, owner: &Value) -> String {
    let namespace = owner["metadata"].str("namespace").to_owned();
    let uid = owner["metadata"].str("uid");
    let pods = session.list(Kind::Pod, &namespace, &[]).await.unwrap_or_default();
    let its: Vec<&Value> = pods.iter().filter(|it| controller_of(it).str("uid") == uid).collect();
    let of = |phase: &str| its.iter().filter(|it| it["status"].str("phase") == phase).count();
    format!(
        "{} Running / {} Waiting / {} Succeeded / {} Failed",
        of("Running"),
        of("Pending"),
        of("Succeeded"),
        of("Failed")
    )
}
