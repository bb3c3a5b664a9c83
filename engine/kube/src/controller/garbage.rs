//! Garbage collection: what lost its owner goes; an owner that is deleted in the foreground waits for what it owns.
//!
//! Differs from Kubernetes: of several owners only the one in control counts.
//! Source: kubernetes `pkg/controller/garbagecollector`.

use super::{Controller, Plan, View, Write, pod};
use crate::object::{Kind, Value};
use crate::store::{Key, What, controller_of};

const FOREGROUND: &str = "foregroundDeletion";
const ORPHAN: &str = "orphan";

pub const GARBAGE_COLLECTOR: Controller = Controller {
    name: "garbage-collector-controller",
    wakes: |store, change, keys| {
        let object = &change.object;
        let owner = controller_of(object);
        match change.what {
            What::Deleted => {
                let uid = object["metadata"].str("uid");
                keys.extend(store.dependents(uid).map(|(kind, it)| Key::of(kind, it)));
                if let Some(kind) = Kind::of(owner.str("apiVersion"), owner.str("kind")) {
                    keys.insert(owner_key(kind, object, owner));
                }
            }
            What::Added if owner.is_null() => {}
            What::Modified if !pod::is_terminating(object) => {}
            _ => {
                keys.insert(Key::of(change.kind, object));
            }
        }
    },
    reconcile,
};

fn owner_key(kind: Kind, object: &Value, owner: &Value) -> Key {
    let namespace = if kind.resource().namespaced { object["metadata"].str("namespace") } else { "" };
    Key::new(kind, namespace, owner.str("name"))
}

fn reconcile(view: &View, key: &Key) -> Plan {
    let mut plan = Plan::default();
    let Some(object) = view.store.get(key.kind, &key.namespace, &key.name) else { return plan };
    let uid = object["metadata"].str("uid");
    let has = |name: &str| object["metadata"].get("finalizers").items().iter().any(|it| it.as_str() == name);
    if pod::is_terminating(object) && has(ORPHAN) {
        for (kind, dependent) in view.store.dependents(uid) {
            let mut freed = dependent.clone();
            freed["metadata"]["ownerReferences"].items_mut().retain(|it| it.str("uid") != uid);
            plan.write(Write::Update(kind, freed));
        }
        plan.write(Write::Update(key.kind, without(object, ORPHAN)));
    } else if pod::is_terminating(object) && has(FOREGROUND) {
        let mut is_alone = true;
        for (kind, dependent) in view.store.dependents(uid) {
            is_alone = false;
            if !pod::is_terminating(dependent) {
                plan.write(Write::Delete(Key::of(kind, dependent), None));
            }
        }
        if is_alone {
            plan.write(Write::Update(key.kind, without(object, FOREGROUND)));
        }
    }
    let owner = controller_of(object);
    if let Some(kind) = Kind::of(owner.str("apiVersion"), owner.str("kind"))
        && !pod::is_terminating(object)
    {
        let its = owner_key(kind, object, owner);
        let found = view.store.get(kind, &its.namespace, &its.name);
        if found.is_none_or(|it| it["metadata"].str("uid") != owner.str("uid")) {
            plan.write(Write::Delete(key.clone(), None));
        }
    }
    plan
}

fn without(object: &Value, finalizer: &str) -> Value {
    let mut freed = object.clone();
    freed["metadata"]["finalizers"].items_mut().retain(|it| it.as_str() != finalizer);
    freed
}
