//! What the API server fills in where a manifest is silent.
//!
//! Always: fixed defaults stand in the schema's table; here are those that depend on another field. Twice is the
//! same as once. Sources: kubernetes `pkg/apis/*/v1/defaults.go`.

use super::kind::Kind;
use super::schema::{Struct, Type, schema};
use super::value::Value;
use crate::object;

pub fn apply(kind: Kind, object: &mut Value) {
    if let Some(id) = kind.resource().type_id() {
        structure(schema().get(id), object);
    }
    match kind {
        Kind::Namespace => {
            let name = object["metadata"].str("name").to_owned();
            object["metadata"]["labels"].set("kubernetes.io/metadata.name", name);
        }
        Kind::Pod => pod(&mut object["spec"]),
        Kind::ReplicaSet if object["metadata"]["labels"].is_empty() => {
            let labels = object.at(&["spec", "template", "metadata", "labels"]).clone();
            if !labels.is_empty() {
                object["metadata"].set("labels", labels);
            }
        }
        _ => {}
    }
}

fn set_if_missing(map: &mut Value, name: &str, value: impl Into<Value>) {
    if !map.has(name) || map.get(name).is_null() {
        map.set(name, value);
    }
}

fn structure(its: &'static Struct, value: &mut Value) {
    if !value.is_map() {
        return;
    }
    for field in &its.fields {
        if field.default.is_some()
            && (!value.has(field.name) || value.get(field.name).is_null())
            && applies(its, field.name, value)
        {
            value.set(field.name, field.default_value().unwrap_or_default());
        }
        if value.has(field.name) && holds_structs(&field.kind) {
            walk(&field.kind, &mut value[field.name]);
        }
    }
    special(its, value);
}

/// A default of the table that waits for another field.
fn applies(its: &Struct, field: &str, value: &Value) -> bool {
    match (its.name, field) {
        ("ServiceSpec", "sessionAffinity") => true,
        ("Container", "resources") => false,
        ("EndpointPort", _) => its.package == "core" || its.package == "discovery",
        ("HTTPRouteSpec", _) => value.get("rules").is_null(),
        _ => true,
    }
}

fn holds_structs(kind: &Type) -> bool {
    match kind {
        Type::Struct(_) => true,
        Type::List(item) | Type::Map(item) => holds_structs(item),
        _ => false,
    }
}

fn walk(kind: &Type, value: &mut Value) {
    match kind {
        Type::Struct(id) => structure(schema().get(*id), value),
        Type::List(item) if !value.is_empty() => value.items_mut().iter_mut().for_each(|it| walk(item, it)),
        Type::Map(item) if value.is_map() => value.fields_mut().retain(|_, it| {
            walk(item, it);
            true
        }),
        _ => {}
    }
}

fn special(its: &Struct, value: &mut Value) {
    match its.name {
        "Container" => container(value),
        "PodSpec" => pod_spec(value),
        "Volume" => {
            if value.len() == 1 && value.has("name") {
                value.set("emptyDir", Value::map());
            }
        }
        "ServiceSpec" => service(value),
        "DeploymentSpec" => {
            set_if_missing(&mut value["strategy"], "type", "RollingUpdate");
            if value["strategy"].str("type") == "RollingUpdate" {
                let rolling = &mut value["strategy"]["rollingUpdate"];
                set_if_missing(rolling, "maxUnavailable", "25%");
                set_if_missing(rolling, "maxSurge", "25%");
            }
        }
        "DaemonSetSpec" => {
            set_if_missing(&mut value["updateStrategy"], "type", "RollingUpdate");
            if value["updateStrategy"].str("type") == "RollingUpdate" {
                let rolling = &mut value["updateStrategy"]["rollingUpdate"];
                set_if_missing(rolling, "maxUnavailable", 1);
                set_if_missing(rolling, "maxSurge", 0);
            }
        }
        "StatefulSetSpec" => {
            set_if_missing(&mut value["updateStrategy"], "type", "RollingUpdate");
            if value["updateStrategy"].str("type") == "RollingUpdate" {
                set_if_missing(&mut value["updateStrategy"]["rollingUpdate"], "partition", 0);
            }
            let retention = &mut value["persistentVolumeClaimRetentionPolicy"];
            set_if_missing(retention, "whenDeleted", "Retain");
            set_if_missing(retention, "whenScaled", "Retain");
        }
        "JobSpec" => {
            if !value.has("completions") && !value.has("parallelism") {
                value.set("completions", 1);
            }
            set_if_missing(value, "parallelism", 1);
        }
        "NetworkPolicySpec" => {
            if value["policyTypes"].is_empty() {
                let egress = value.has("egress");
                let both = [Value::from("Ingress"), Value::from("Egress")];
                value.set("policyTypes", both[..if egress { 2 } else { 1 }].to_vec());
            }
        }
        "NamespaceSpec" => {
            if value["finalizers"].is_empty() {
                value.set("finalizers", object!(["kubernetes"]));
            }
        }
        "NamespaceStatus" => set_if_missing(value, "phase", "Active"),
        _ => {}
    }
}

fn container(value: &mut Value) {
    if !value.has("imagePullPolicy") {
        let policy = if is_latest(value.str("image")) { "Always" } else { "IfNotPresent" };
        value.set("imagePullPolicy", policy);
    }
    // What a container may have at most, it asks for, unless it says otherwise.
    let limits = value.at(&["resources", "limits"]).clone();
    for (name, amount) in limits.fields() {
        set_if_missing(&mut value["resources"]["requests"], name, amount);
    }
}

/// Whether an image's tag is `latest`, said or unsaid.
fn is_latest(image: &str) -> bool {
    let last = image.rsplit('/').next().unwrap_or_default();
    !image.contains('@') && last.split_once(':').is_none_or(|(_, tag)| tag == "latest")
}

fn pod_spec(value: &mut Value) {
    let (account, old) = (value.get("serviceAccountName").clone(), value.get("serviceAccount").clone());
    match (account.is_empty(), old.is_empty()) {
        (false, _) => value.set("serviceAccount", account),
        (true, false) => value.set("serviceAccountName", old),
        _ => {}
    }
    if value.is_true("hostNetwork") {
        for list in ["containers", "initContainers"] {
            if value[list].is_empty() {
                continue;
            }
            for container in value[list].items_mut().iter_mut().filter(|it| !it.get("ports").is_empty()) {
                for port in container["ports"].items_mut() {
                    let number = port.get("containerPort").clone();
                    set_if_missing(port, "hostPort", number);
                }
            }
        }
    }
}

fn pod(spec: &mut Value) {
    set_if_missing(spec, "enableServiceLinks", true);
}

fn service(value: &mut Value) {
    let kind = value.str("type").to_owned();
    if value.str("sessionAffinity") == "ClientIP" {
        set_if_missing(&mut value["sessionAffinityConfig"]["clientIP"], "timeoutSeconds", 10_800);
    } else if value.str("sessionAffinity") == "None" {
        value.remove("sessionAffinityConfig");
    }
    let is_outer = kind == "NodePort" || kind == "LoadBalancer";
    if is_outer || kind == "ClusterIP" && !value.get("externalIPs").is_empty() {
        set_if_missing(value, "externalTrafficPolicy", "Cluster");
    }
    if kind != "ExternalName" {
        set_if_missing(value, "internalTrafficPolicy", "Cluster");
    }
    if kind == "LoadBalancer" {
        set_if_missing(value, "allocateLoadBalancerNodePorts", true);
    }
    if value["ports"].is_empty() {
        return;
    }
    for port in value["ports"].items_mut() {
        let target = port.get("targetPort");
        if target.is_empty() || *target == Value::Int(0) {
            let number = port.get("port").clone();
            port.set("targetPort", number);
        }
    }
}
