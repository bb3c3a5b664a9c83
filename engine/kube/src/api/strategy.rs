//! What of an object a writer may set, kind by kind: status apart from spec, generations, finalizers.
//!
//! Sources: kubernetes `pkg/registry/*/strategy.go`, apiserver `rest/{create,update,delete}.go`.

use super::delete::Deletion;
use crate::object;
use crate::object::{Kind, Time, Value};

fn has_status(kind: Kind) -> bool {
    kind.resource().subresources().contains(&"status")
}

/// Takes away what only the cluster may set.
pub fn prepare_create(kind: Kind, object: &mut Value) {
    match kind {
        Kind::Pod => {
            let class = quality(&object["spec"]);
            object.set("status", object!({"phase": "Pending", "qosClass": class}));
        }
        Kind::Namespace => object.set("status", object!({"phase": "Active"})),
        Kind::Service => object.set("status", object!({"loadBalancer": {}})),
        Kind::Ingress => object.set("status", object!({"loadBalancer": {}})),
        // Nodes come with the status their kubelet gives them.
        Kind::Node => {}
        _ if kind.resource().schema.starts_with("gateway") || kind == Kind::ServiceCIDR => {
            object.remove("status");
        }
        _ if has_status(kind) => {
            let empty = object.get("status").is_map();
            if empty {
                let fresh = empty_status(kind);
                object.set("status", fresh);
            }
        }
        _ => {}
    }
    match kind {
        Kind::Service => service_create(&mut object["spec"]),
        Kind::DaemonSet => {
            object["spec"].remove("templateGeneration");
            let annotations = &mut object["metadata"]["annotations"];
            annotations.set("deprecated.daemonset.template.generation", "1");
        }
        _ => {}
    }
}

/// Gives a Job the labels that tell its pods from all others, unless its selector was made by hand.
pub fn choose_own_pods(job: &mut Value) {
    if job["spec"].is_true("manualSelector") {
        return;
    }
    let (uid, name) = (job["metadata"].get("uid").clone(), job["metadata"].get("name").clone());
    job["spec"]["selector"]["matchLabels"].set("batch.kubernetes.io/controller-uid", &uid);
    let labels = &mut job["spec"]["template"]["metadata"]["labels"];
    for (key, value) in [("controller-uid", &uid), ("job-name", &name)] {
        labels.set(key, value);
        labels.set(&format!("batch.kubernetes.io/{key}"), value);
    }
    let labels = labels.clone();
    if job["metadata"].get("labels").is_empty() {
        job["metadata"].set("labels", labels);
    }
}

fn empty_status(kind: Kind) -> Value {
    match kind {
        Kind::ReplicaSet => object!({"replicas": 0}),
        Kind::DaemonSet => object!({
            "currentNumberScheduled": 0, "desiredNumberScheduled": 0, "numberMisscheduled": 0, "numberReady": 0
        }),
        Kind::StatefulSet => object!({"availableReplicas": 0, "replicas": 0}),
        _ => Value::map(),
    }
}

fn service_create(spec: &mut Value) {
    if spec.str("type") == "ExternalName" {
        for name in ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy"] {
            spec.remove(name);
        }
    }
}

/// Keeps of the stored object what this writer may not change, and counts the generation.
pub fn prepare_update(kind: Kind, before: &Value, object: &mut Value, part: &str) {
    let old = before.get("metadata");
    match part {
        "status" => {
            let status = object.get("status").clone();
            let (annotations, labels) =
                (object["metadata"].get("annotations").clone(), object["metadata"].get("labels").clone());
            *object = before.clone();
            object.set("status", status);
            if kind == Kind::Node {
                object["metadata"].set("annotations", annotations);
                object["metadata"].set("labels", labels);
            }
        }
        "ephemeralcontainers" => {
            let containers = object["spec"].get("ephemeralContainers").clone();
            *object = before.clone();
            object["spec"].set("ephemeralContainers", containers);
        }
        "finalize" => {
            let finalizers = object["spec"].get("finalizers").clone();
            *object = before.clone();
            object["spec"].set("finalizers", finalizers);
        }
        _ => {
            if has_status(kind) && !before.get("status").is_null() {
                object.set("status", before.get("status"));
            } else if has_status(kind) {
                object.remove("status");
            }
        }
    }
    let metadata = &mut object["metadata"];
    for name in
        ["uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "resourceVersion"]
    {
        match old.get(name) {
            Value::Null => {
                metadata.remove(name);
            }
            value => metadata.set(name, value),
        }
    }
    for name in ["annotations", "labels", "finalizers", "ownerReferences"] {
        if metadata.has(name) && metadata.get(name).is_null() {
            metadata.remove(name);
        }
    }
    if kind == Kind::Service && part.is_empty() {
        service_update(&before["spec"], &mut object["spec"]);
    }
    if kind.resource().counts_generation() {
        let changed = part.is_empty() && content(kind, before) != content(kind, object);
        let generation = old.int("generation") + i64::from(changed);
        if generation > 0 {
            object["metadata"].set("generation", generation);
        }
        if kind == Kind::DaemonSet && before["spec"].get("template") != object["spec"].get("template") {
            let name = "deprecated.daemonset.template.generation";
            let count = old.get("annotations").str(name).parse::<i64>().unwrap_or(1) + 1;
            object["metadata"]["annotations"].set(name, count.to_string());
        }
    }
}

/// What a generation counts.
fn content(kind: Kind, object: &Value) -> Value {
    if kind == Kind::EndpointSlice {
        let mut content = object.clone();
        content.remove("metadata");
        return content;
    }
    object.get("spec").clone()
}

/// Fills in what an update left out and drops what a change of type makes void.
fn service_update(before: &Value, spec: &mut Value) {
    let (was, is) = (before.str("type").to_owned(), spec.str("type").to_owned());
    if is == "ExternalName" {
        for name in [
            "clusterIP",
            "clusterIPs",
            "ipFamilies",
            "ipFamilyPolicy",
            "internalTrafficPolicy",
            "externalTrafficPolicy",
        ] {
            if spec.get(name) == before.get(name) {
                spec.remove(name);
            }
        }
        return;
    }
    if was != "ExternalName" {
        for name in ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"] {
            if spec.get(name).is_empty() {
                spec.set(name, before.get(name));
            }
        }
        let first = spec.get("clusterIP").clone();
        let is_renamed =
            first != *before.get("clusterIP") && spec.get("clusterIPs") == before.get("clusterIPs");
        if is_renamed {
            spec["clusterIPs"].items_mut()[0] = first;
        }
    }
    let is_outer = |kind: &str| kind == "NodePort" || kind == "LoadBalancer";
    if is_outer(&was) && !is_outer(&is) {
        let ports = spec["ports"].len();
        for index in 0..ports {
            let old = before["ports"].items().iter().map(|it| it.int("nodePort"));
            if old.clone().any(|it| it == spec["ports"].items()[index].int("nodePort")) {
                spec["ports"].items_mut()[index].remove("nodePort");
            }
        }
        if spec["externalIPs"].is_empty() {
            spec.remove("externalTrafficPolicy");
        }
        spec.remove("healthCheckNodePort");
        spec.remove("allocateLoadBalancerNodePorts");
    } else if is_outer(&is) {
        for port in 0..spec["ports"].len() {
            let item = &spec["ports"].items()[port];
            if item.int("nodePort") != 0 {
                continue;
            }
            let same = |it: &&Value| {
                it.get("port") == item.get("port") && it.get("protocol") == item.get("protocol")
            };
            if let Some(old) = before["ports"].items().iter().find(same).filter(|it| it.int("nodePort") != 0)
            {
                let number = old.get("nodePort").clone();
                spec["ports"].items_mut()[port].set("nodePort", number);
            }
        }
    }
}

/// Marks an object that is to go.
pub fn prepare_delete(kind: Kind, object: &mut Value, deletion: &Deletion, now: Time) {
    let mut grace = deletion.grace.unwrap_or(0);
    if kind == Kind::Pod {
        let wanted = object.at(&["spec", "terminationGracePeriodSeconds"]).as_int().unwrap_or(30);
        grace = deletion.grace.unwrap_or(wanted).max(0);
        let phase = object.at(&["status", "phase"]).as_str();
        let never_ran = object["spec"].str("nodeName").is_empty() || matches!(phase, "Succeeded" | "Failed");
        if never_ran {
            grace = 0;
        }
    }
    let metadata = &mut object["metadata"];
    match deletion.propagation.as_str() {
        "Foreground" => add_finalizer(metadata, "foregroundDeletion"),
        "Orphan" => add_finalizer(metadata, "orphan"),
        _ => {}
    }
    let is_shorter = metadata.get("deletionGracePeriodSeconds").as_int().is_none_or(|it| grace < it);
    let is_marked = metadata.has("deletionTimestamp");
    if !is_marked || kind == Kind::Pod && is_shorter {
        metadata.set("deletionTimestamp", Time(now.0 + grace).rfc3339());
        metadata.set("deletionGracePeriodSeconds", grace);
        if metadata.has("generation") && !is_marked {
            let generation = metadata.int("generation") + 1;
            metadata.set("generation", generation);
        }
    }
    if kind == Kind::Namespace {
        object["status"].set("phase", "Terminating");
    }
}

fn add_finalizer(metadata: &mut Value, name: &str) {
    if !metadata.get("finalizers").items().iter().any(|it| it.as_str() == name) {
        metadata["finalizers"].push(name);
    }
}

/// Whether a marked object still has something to wait for.
pub fn waits_to_go(kind: Kind, object: &Value) -> bool {
    let metadata = object.get("metadata");
    !metadata.get("finalizers").is_empty()
        || kind == Kind::Namespace && !object.at(&["spec", "finalizers"]).is_empty()
        || kind == Kind::Pod && metadata.int("deletionGracePeriodSeconds") > 0
}

/// Whether the last finalizer left a marked object.
pub fn is_gone(object: &Value) -> bool {
    let kind = Kind::of(object.str("apiVersion"), object.str("kind"));
    let Some(kind) = kind.filter(|it| *it != Kind::Pod) else {
        let metadata = object.get("metadata");
        return metadata.has("deletionTimestamp")
            && metadata.get("finalizers").is_empty()
            && metadata.int("deletionGracePeriodSeconds") == 0;
    };
    object["metadata"].has("deletionTimestamp") && !waits_to_go(kind, object)
}

/// The quality of service a Pod's requests and limits earn.
pub fn quality(spec: &Value) -> &'static str {
    let mut any = false;
    let mut guaranteed = true;
    for container in spec.get("containers").items().iter().chain(spec.get("initContainers").items()) {
        let (requests, limits) =
            (container.at(&["resources", "requests"]), container.at(&["resources", "limits"]));
        for name in ["cpu", "memory"] {
            any |= requests.has(name) || limits.has(name);
            guaranteed &= limits.has(name) && (requests.get(name) == limits.get(name) || !requests.has(name));
        }
    }
    match (any, guaranteed) {
        (false, _) => "BestEffort",
        (true, true) => "Guaranteed",
        _ => "Burstable",
    }
}
