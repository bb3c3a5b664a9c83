//! What a Pod may be made of, and what of it may change.
//!
//! Differs from Kubernetes: the refused change of a spec is told without the difference of the two specs.
//! Source: kubernetes `pkg/apis/core/validation/validation.go`.

use super::meta::{not_negative, port, port_or_name, word};
use super::name;
use crate::object::quantity::Quantity;
use crate::object::{Cause, Value};
use std::collections::BTreeSet;

/// A pod's spec, at `path`; a template's restart policy is checked by its owner.
pub fn validate(spec: &Value, path: &str, is_pod: bool, causes: &mut Vec<Cause>) {
    let volumes = volumes(spec, path, causes);
    containers(spec, path, &volumes, causes);
    let at = |field: &str| format!("{path}.{field}");
    if is_pod {
        word(spec.str("restartPolicy"), &["Always", "OnFailure", "Never"], at("restartPolicy"), causes);
    }
    word(
        spec.str("dnsPolicy"),
        &["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"],
        at("dnsPolicy"),
        causes,
    );
    dns(spec, path, causes);
    for (key, value) in spec.get("nodeSelector").fields() {
        super::meta::label(key, value.as_str(), &at("nodeSelector"), causes);
    }
    for (field, rule) in [
        ("nodeName", name::dns1123_subdomain as fn(&str) -> _),
        ("serviceAccountName", name::dns1123_subdomain),
    ] {
        let its = spec.str(field);
        if !its.is_empty()
            && let Err(why) = rule(its)
        {
            causes.push(Cause::invalid(at(field), its, &why));
        }
    }
    for field in ["hostname", "subdomain"] {
        let its = spec.str(field);
        if !its.is_empty()
            && let Err(why) = name::dns1123_label(its)
        {
            causes.push(Cause::invalid(at(field), its, &why));
        }
    }
    not_negative(spec.get("terminationGracePeriodSeconds"), at("terminationGracePeriodSeconds"), causes);
    for (number, toleration) in spec.get("tolerations").items().iter().enumerate() {
        toleration_of(toleration, &format!("{path}.tolerations[{number}]"), causes);
    }
}

fn dns(spec: &Value, path: &str, causes: &mut Vec<Cause>) {
    let config = spec.get("dnsConfig");
    if spec.str("dnsPolicy") == "None" && config.get("nameservers").is_empty() {
        let detail = "must provide at least one DNS nameserver when `dnsPolicy` is None";
        causes.push(Cause::required(format!("{path}.dnsConfig.nameservers"), detail));
    }
    if config.get("nameservers").len() > 3 {
        let value = config.get("nameservers").clone();
        let detail = "must not have more than 3 nameservers";
        causes.push(Cause::invalid(format!("{path}.dnsConfig.nameservers"), value, detail));
    }
    for (at, server) in config.get("nameservers").items().iter().enumerate() {
        if server.as_str().parse::<std::net::IpAddr>().is_err() {
            let path = format!("{path}.dnsConfig.nameservers[{at}]");
            causes.push(Cause::invalid(
                path,
                server,
                "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)",
            ));
        }
    }
}

fn toleration_of(it: &Value, path: &str, causes: &mut Vec<Cause>) {
    let (key, operator) = (it.str("key"), it.str("operator"));
    if !key.is_empty()
        && let Err(why) = name::qualified_name(key)
    {
        causes.push(Cause::invalid(format!("{path}.key"), key, &why));
    }
    if key.is_empty() && operator != "Exists" {
        let detail =
            "operator must be Exists when `key` is empty, which means \"match all values and all keys\"";
        causes.push(Cause::invalid(format!("{path}.operator"), operator, detail));
    }
    match operator {
        "Exists" if !it.str("value").is_empty() => {
            let detail = "value must be empty when `operator` is 'Exists'";
            causes.push(Cause::invalid(format!("{path}.operator"), it, detail));
        }
        "" | "Equal" | "Exists" => {}
        other => causes.push(Cause::unsupported(format!("{path}.operator"), other, &["Equal", "Exists"])),
    }
    let effect = it.str("effect");
    if !effect.is_empty() && !["NoSchedule", "PreferNoSchedule", "NoExecute"].contains(&effect) {
        let words = ["NoExecute", "NoSchedule", "PreferNoSchedule"];
        causes.push(Cause::unsupported(format!("{path}.effect"), effect, &words));
    }
}

/// A name that has to be there, be a label, and be the only one of its list.
fn named<'a>(its: &'a str, path: &str, names: &mut BTreeSet<&'a str>, causes: &mut Vec<Cause>) {
    let path = format!("{path}.name");
    if its.is_empty() {
        causes.push(Cause::required(path, ""));
    } else if let Err(why) = name::dns1123_label(its) {
        causes.push(Cause::invalid(path, its, &why));
    } else if !names.insert(its) {
        causes.push(Cause::duplicate(path, its));
    }
}

fn volumes<'a>(spec: &'a Value, path: &str, causes: &mut Vec<Cause>) -> BTreeSet<&'a str> {
    let mut names = BTreeSet::new();
    for (at, volume) in spec.get("volumes").items().iter().enumerate() {
        let path = format!("{path}.volumes[{at}]");
        let its = volume.str("name");
        named(its, &path, &mut names, causes);
        let sources: Vec<&str> =
            volume.fields().map(|(name, _)| &**name).filter(|it| *it != "name").collect();
        if let [_, second, ..] = sources[..] {
            let detail = "may not specify more than 1 volume type";
            causes.push(Cause::forbidden(format!("{path}.{second}"), detail));
        }
        for (source, field) in [("configMap", "name"), ("secret", "secretName"), ("hostPath", "path")] {
            if volume.has(source) && volume[source].str(field).is_empty() {
                causes.push(Cause::required(format!("{path}.{source}.{field}"), ""));
            }
        }
    }
    names
}

fn containers(spec: &Value, path: &str, volumes: &BTreeSet<&str>, causes: &mut Vec<Cause>) {
    let mut names = BTreeSet::new();
    if spec.get("containers").is_empty() {
        causes.push(Cause::required(format!("{path}.containers"), ""));
    }
    for list in ["containers", "initContainers"] {
        for (at, container) in spec.get(list).items().iter().enumerate() {
            let path = format!("{path}.{list}[{at}]");
            let its = container.str("name");
            named(its, &path, &mut names, causes);
            container_of(container, &path, volumes, causes);
        }
    }
}

fn container_of(container: &Value, path: &str, volumes: &BTreeSet<&str>, causes: &mut Vec<Cause>) {
    let image = container.str("image");
    if image.is_empty() {
        causes.push(Cause::required(format!("{path}.image"), ""));
    } else if image.trim() != image {
        let detail = "must not have leading or trailing whitespace";
        causes.push(Cause::invalid(format!("{path}.image"), image, detail));
    }
    ports(container, path, causes);
    for (at, variable) in container.get("env").items().iter().enumerate() {
        let its = variable.str("name");
        if its.is_empty() {
            causes.push(Cause::required(format!("{path}.env[{at}].name"), ""));
        } else if let Err(why) = name::env_name(its) {
            causes.push(Cause::invalid(format!("{path}.env[{at}].name"), its, &why));
        }
        if !variable.str("value").is_empty() && variable.has("valueFrom") {
            let detail = "may not be specified when `value` is not empty";
            causes.push(Cause::invalid(format!("{path}.env[{at}].valueFrom"), "", detail));
        }
    }
    let mut places = BTreeSet::new();
    for (at, mount) in container.get("volumeMounts").items().iter().enumerate() {
        let path = format!("{path}.volumeMounts[{at}]");
        let (its, place) = (mount.str("name"), mount.str("mountPath"));
        if its.is_empty() {
            causes.push(Cause::required(format!("{path}.name"), ""));
        } else if !volumes.contains(its) {
            causes.push(Cause::not_found(format!("{path}.name"), its));
        }
        if place.is_empty() {
            causes.push(Cause::required(format!("{path}.mountPath"), ""));
        } else if !places.insert(place) {
            causes.push(Cause::invalid(format!("{path}.mountPath"), place, "must be unique"));
        }
    }
    for kind in ["livenessProbe", "readinessProbe", "startupProbe"] {
        if container.has(kind) {
            probe(&container[kind], &format!("{path}.{kind}"), kind != "readinessProbe", causes);
        }
    }
    let policies = ["Always", "IfNotPresent", "Never"];
    word(container.str("imagePullPolicy"), &policies, format!("{path}.imagePullPolicy"), causes);
    resources(container.get("resources"), &format!("{path}.resources"), causes);
}

fn ports(container: &Value, path: &str, causes: &mut Vec<Cause>) {
    let mut names = BTreeSet::new();
    for (at, it) in container.get("ports").items().iter().enumerate() {
        let path = format!("{path}.ports[{at}]");
        let its = it.str("name");
        if !its.is_empty() {
            if let Err(why) = name::port_name(its) {
                causes.push(Cause::invalid(format!("{path}.name"), its, &why));
            } else if !names.insert(its) {
                causes.push(Cause::duplicate(format!("{path}.name"), its));
            }
        }
        match it.int("containerPort") {
            0 => causes.push(Cause::required(format!("{path}.containerPort"), "")),
            number => port(number, format!("{path}.containerPort"), causes),
        }
        if it.int("hostPort") != 0 {
            port(it.int("hostPort"), format!("{path}.hostPort"), causes);
        }
        word(it.str("protocol"), &["SCTP", "TCP", "UDP"], format!("{path}.protocol"), causes);
    }
}

fn probe(probe: &Value, path: &str, once: bool, causes: &mut Vec<Cause>) {
    let kinds: Vec<&str> =
        ["exec", "httpGet", "tcpSocket", "grpc"].into_iter().filter(|it| probe.has(it)).collect();
    match kinds[..] {
        [] => causes.push(Cause::required(path, "must specify a handler type")),
        [_] => {}
        [_, second, ..] => {
            causes.push(Cause::forbidden(
                format!("{path}.{second}"),
                "may not specify more than 1 handler type",
            ));
        }
    }
    if probe.has("exec") && probe["exec"].get("command").is_empty() {
        causes.push(Cause::required(format!("{path}.exec.command"), ""));
    }
    for kind in ["httpGet", "tcpSocket", "grpc"] {
        if probe.has(kind) {
            port_or_name(probe[kind].get("port"), &format!("{path}.{kind}.port"), causes);
        }
    }
    for field in
        ["initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"]
    {
        not_negative(probe.get(field), format!("{path}.{field}"), causes);
    }
    if once && probe.int("successThreshold") > 1 {
        causes.push(Cause::invalid(
            format!("{path}.successThreshold"),
            probe.int("successThreshold"),
            "must be 1",
        ));
    }
}

fn resources(resources: &Value, path: &str, causes: &mut Vec<Cause>) {
    for list in ["limits", "requests"] {
        for (name, amount) in resources.get(list).fields() {
            let path = format!("{path}.{list}");
            let is_known = name.contains('/')
                || ["cpu", "memory", "ephemeral-storage"].contains(&&**name)
                || name.starts_with("hugepages-");
            if !is_known {
                causes.push(Cause::invalid(
                    format!("{path}[{name}]"),
                    &**name,
                    "must be a standard resource for containers",
                ));
            }
            if Quantity::of(amount.as_str()).milli() < 0 {
                let detail = "must be greater than or equal to 0";
                causes.push(Cause::invalid(format!("{path}[{name}]"), amount, detail));
            }
        }
    }
    for (name, amount) in resources.get("requests").fields() {
        let limit = resources.get("limits").get(name);
        if !limit.is_null() && Quantity::of(amount.as_str()).milli() > Quantity::of(limit.as_str()).milli() {
            let detail = format!("must be less than or equal to {name} limit of {}", limit.as_str());
            causes.push(Cause::invalid(format!("{path}.requests"), amount, &detail));
        }
    }
}

const MAY_CHANGE: &str = "pod updates may not change fields other than \
    `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only \
    additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was \
    previously negative)";

/// Of a Pod that exists, images may change, tolerations may be added, and little else.
pub fn update(before: &Value, after: &Value, causes: &mut Vec<Cause>) {
    for (at, container) in after["spec"].get("containers").items().iter().enumerate() {
        if container.str("image").is_empty() {
            causes.push(Cause::required(format!("spec.containers[{at}].image"), ""));
        }
    }
    let (old, new) = (&before["spec"], &after["spec"]);
    if old.get("containers").len() != new.get("containers").len() {
        let detail = "pod updates may not add or remove containers";
        causes.push(Cause::forbidden("spec.containers", detail));
        return;
    }
    let mut munged = new.clone();
    for list in ["containers", "initContainers"] {
        if munged.get(list).is_empty() {
            continue;
        }
        let images: Vec<Value> = old.get(list).items().iter().map(|it| it.get("image").clone()).collect();
        for (container, image) in munged[list].items_mut().iter_mut().zip(images) {
            container.set("image", image);
        }
    }
    let kept = old.get("tolerations").items().iter().all(|it| new.get("tolerations").items().contains(it));
    if !kept {
        let detail = "existing toleration can not be modified except its tolerationSeconds";
        causes.push(Cause::forbidden("spec.tolerations", detail));
        return;
    }
    for field in ["tolerations", "activeDeadlineSeconds"] {
        match old.get(field) {
            Value::Null => {
                munged.remove(field);
            }
            value => munged.set(field, value),
        }
    }
    if munged != *old {
        causes.push(Cause::forbidden("spec", MAY_CHANGE));
    }
}
