//! Deployments, ReplicaSets, DaemonSets, StatefulSets and Jobs.
//!
//! Sources: kubernetes `pkg/apis/apps/validation`, `pkg/apis/batch/validation`.

use super::meta::{label, not_negative, selector};
use super::pod;
use crate::object::selector::Selector;
use crate::object::{Cause, Kind, Value};

pub fn validate(kind: Kind, object: &Value, causes: &mut Vec<Cause>) {
    let spec = object.get("spec");
    not_negative(spec.get("replicas"), "spec.replicas", causes);
    not_negative(spec.get("minReadySeconds"), "spec.minReadySeconds", causes);
    not_negative(spec.get("revisionHistoryLimit"), "spec.revisionHistoryLimit", causes);
    if kind == Kind::Job {
        return job(spec, causes);
    }
    let chosen = spec.get("selector");
    if chosen.is_null() {
        causes.push(Cause::required("spec.selector", ""));
    } else {
        selector(chosen, "spec.selector", causes);
        if chosen.is_empty()
            || chosen.get("matchLabels").is_empty() && chosen.get("matchExpressions").is_empty()
        {
            let detail = match kind {
                Kind::Deployment => "empty selector is invalid for deployment",
                Kind::StatefulSet => "empty selector is invalid for statefulset",
                Kind::DaemonSet => "empty selector is invalid for daemonset",
                _ => "empty selector is invalid for deployment",
            };
            causes.push(Cause::invalid("spec.selector", chosen, detail));
        }
    }
    let template = spec.get("template");
    let labels = template.get("metadata").get("labels");
    if !chosen.is_null() && !chosen.is_empty() && !Selector::of(chosen).matches(labels) {
        let shown = if labels.is_null() { Value::Null } else { labels.clone() };
        let detail = "`selector` does not match template `labels`";
        causes.push(Cause::invalid("spec.template.metadata.labels", shown, detail));
    }
    template_of(template, causes);
    let policy = template.get("spec").str("restartPolicy");
    if policy != "Always" {
        causes.push(Cause::unsupported("spec.template.spec.restartPolicy", policy, &["Always"]));
    }
    strategy(kind, spec, causes);
}

fn template_of(template: &Value, causes: &mut Vec<Cause>) {
    for (key, value) in template.get("metadata").get("labels").fields() {
        label(key, value.as_str(), "spec.template.labels", causes);
    }
    pod::validate(template.get("spec"), "spec.template.spec", false, causes);
}

fn strategy(kind: Kind, spec: &Value, causes: &mut Vec<Cause>) {
    if kind != Kind::Deployment {
        return;
    }
    let strategy = spec.get("strategy");
    let rolling = strategy.get("rollingUpdate");
    match strategy.str("type") {
        "Recreate" => {
            if !rolling.is_null() {
                let detail = "may not be specified when strategy `type` is 'Recreate'";
                causes.push(Cause::forbidden("spec.strategy.rollingUpdate", detail));
            }
        }
        "RollingUpdate" => {
            let none = |it: &Value| *it == Value::Int(0) || it.as_str() == "0%";
            if none(rolling.get("maxSurge")) && none(rolling.get("maxUnavailable")) {
                let detail = "may not be 0 when `maxSurge` is 0";
                let value = rolling.get("maxUnavailable");
                causes.push(Cause::invalid("spec.strategy.rollingUpdate.maxUnavailable", value, detail));
            }
        }
        other => {
            causes.push(Cause::unsupported("spec.strategy.type", other, &["Recreate", "RollingUpdate"]));
        }
    }
    let deadline = spec.int("progressDeadlineSeconds");
    if spec.has("progressDeadlineSeconds") && deadline <= spec.int("minReadySeconds") {
        let detail = "must be greater than minReadySeconds";
        causes.push(Cause::invalid("spec.progressDeadlineSeconds", deadline, detail));
    }
}

fn job(spec: &Value, causes: &mut Vec<Cause>) {
    for field in
        ["parallelism", "completions", "backoffLimit", "activeDeadlineSeconds", "ttlSecondsAfterFinished"]
    {
        not_negative(spec.get(field), format!("spec.{field}"), causes);
    }
    template_of(spec.get("template"), causes);
    let policy = spec.at(&["template", "spec", "restartPolicy"]).as_str();
    if !["Never", "OnFailure"].contains(&policy) {
        let mut cause =
            Cause::unsupported("spec.template.spec.restartPolicy", policy, &["Never", "OnFailure"]);
        if policy == "Always" {
            cause =
                Cause::required("spec.template.spec.restartPolicy", "valid values: \"OnFailure\", \"Never\"");
            cause.reason = "FieldValueRequired";
        }
        causes.push(cause);
    }
}

/// Fields that stay as they were made.
pub fn update(kind: Kind, before: &Value, after: &Value, causes: &mut Vec<Cause>) {
    let (old, new) = (before.get("spec"), after.get("spec"));
    if kind == Kind::StatefulSet {
        const MAY: &[&str] = &[
            "replicas",
            "ordinals",
            "template",
            "updateStrategy",
            "revisionHistoryLimit",
            "persistentVolumeClaimRetentionPolicy",
            "minReadySeconds",
        ];
        let strip = |spec: &Value| {
            let mut spec = spec.clone();
            MAY.iter().for_each(|it| {
                spec.remove(it);
            });
            spec
        };
        if strip(old) != strip(new) {
            let detail = "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', \
                          'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and \
                          'minReadySeconds' are forbidden";
            causes.push(Cause::forbidden("spec", detail));
        }
        return;
    }
    let frozen: &[&str] = if kind == Kind::Job {
        &["completions", "selector", "template", "completionMode"]
    } else {
        &["selector"]
    };
    for field in frozen {
        if old.get(field) != new.get(field) {
            causes.push(Cause::invalid(format!("spec.{field}"), new.get(field), "field is immutable"));
        }
    }
}
