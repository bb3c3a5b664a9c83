//! Namespace: empties a namespace that is to go, then lets it.
//!
//! Source: kubernetes `pkg/controller/namespace/deletion`.

use super::{Controller, Plan, View, Write, pod, wake_itself};
use crate::object::kind::Served;
use crate::object::{KINDS, Kind, Value};
use crate::store::{Key, What};

/// The finalizer that this controller takes away.
const FINALIZER: &str = "kubernetes";

pub const NAMESPACE: Controller = Controller {
    name: "namespace-controller",
    wakes: |_, change, keys| {
        wake_itself(Kind::Namespace, change, keys);
        let namespace = change.object["metadata"].str("namespace");
        if change.what == What::Deleted && !namespace.is_empty() {
            keys.insert(Key::new(Kind::Namespace, "", namespace));
        }
    },
    reconcile,
};

fn reconcile(view: &View, key: &Key) -> Plan {
    let mut plan = Plan::default();
    let Some(namespace) = view.store.get(Kind::Namespace, "", &key.name) else { return plan };
    if !pod::is_terminating(namespace) {
        return plan;
    }
    let kinds =
        KINDS.iter().filter(|it| it.namespaced && it.served == Served::Whole && it.kind != Kind::Event);
    let mut left: Vec<(&str, usize)> = Vec::new();
    for resource in kinds {
        let mut count = 0;
        for object in view.store.list(resource.kind, Some(&key.name)) {
            count += 1;
            if !pod::is_terminating(object) {
                plan.write(Write::Delete(Key::of(resource.kind, object), None));
            }
        }
        if count > 0 {
            left.push((resource.plural, count));
        }
    }
    if left.is_empty() {
        for event in view.store.list(Kind::Event, Some(&key.name)) {
            plan.write(Write::Delete(Key::of(Kind::Event, event), None));
        }
        let mut freed = namespace.clone();
        freed["spec"]["finalizers"].items_mut().retain(|it| it.as_str() != FINALIZER);
        plan.write(Write::Finalize(freed));
    } else if plan.writes.is_empty() {
        plan.status(Kind::Namespace, namespace, status(view, namespace, &left));
    }
    plan
}

/// What still stands in the way, as conditions.
fn status(view: &View, namespace: &Value, left: &[(&str, usize)]) -> Value {
    let mut status = namespace.get("status").clone();
    let list: Vec<String> =
        left.iter().map(|(name, count)| format!("{name}. has {count} resource instances")).collect();
    let remaining = format!("Some resources are remaining: {}", list.join(", "));
    let conditions = [
        (
            "NamespaceDeletionDiscoveryFailure",
            "False",
            "ResourcesDiscovered",
            "All resources successfully discovered",
        ),
        (
            "NamespaceDeletionGroupVersionParsingFailure",
            "False",
            "ParsedGroupVersions",
            "All legacy kube types successfully parsed",
        ),
        (
            "NamespaceDeletionContentFailure",
            "False",
            "ContentDeleted",
            "All content successfully deleted, may be waiting on finalization",
        ),
        ("NamespaceContentRemaining", "True", "SomeResourcesRemain", remaining.as_str()),
        (
            "NamespaceFinalizersRemaining",
            "False",
            "ContentHasNoFinalizers",
            "All content-preserving finalizers finished",
        ),
    ];
    for (kind, is, reason, message) in conditions {
        crate::api::scale::set_condition(&mut status, kind, is, reason, message, view.now);
    }
    status
}
