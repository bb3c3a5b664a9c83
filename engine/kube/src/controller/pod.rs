//! Pods as controllers see them: active, ready, available; made from a template; which goes first.
//!
//! Sources: kubernetes `pkg/api/v1/pod/util.go`, `pkg/controller/controller_utils.go`.

use super::{Event, Plan, View, Write};
use crate::object;
use crate::object::selector::Selector;
use crate::object::{Kind, Time, Value};
use crate::store::{Key, Store, controller_of};
use std::cmp::Reverse;

/// A condition's status; empty if it was never set.
pub fn condition<'a>(object: &'a Value, kind: &str) -> &'a Value {
    let conditions = object.at(&["status", "conditions"]).items();
    conditions.iter().find(|it| it.str("type") == kind).unwrap_or(object::NULL)
}

pub fn is_ready(pod: &Value) -> bool {
    condition(pod, "Ready").str("status") == "True"
}

pub fn phase(pod: &Value) -> &str {
    pod.at(&["status", "phase"]).as_str()
}

pub fn is_terminal(pod: &Value) -> bool {
    matches!(phase(pod), "Succeeded" | "Failed")
}

pub fn is_terminating(object: &Value) -> bool {
    object["metadata"].has("deletionTimestamp")
}

pub fn is_active(pod: &Value) -> bool {
    !is_terminal(pod) && !is_terminating(pod)
}

/// Ready for at least so many seconds; otherwise when it will be, if it stays ready.
pub fn is_available(pod: &Value, seconds: i64, now: Time) -> Result<(), Option<Time>> {
    if !is_ready(pod) {
        return Err(None);
    }
    if seconds == 0 {
        return Ok(());
    }
    let since = Time::parse(condition(pod, "Ready").str("lastTransitionTime")).unwrap_or(now);
    let then = Time(since.0 + seconds);
    if then <= now { Ok(()) } else { Err(Some(then)) }
}

/// How many of these pods are ready and available; asks the plan to look again when one will be.
pub fn count_ready(plan: &mut Plan, pods: &[&Value], seconds: i64, now: Time) -> (usize, usize) {
    let (mut ready, mut available) = (0, 0);
    for pod in pods {
        ready += usize::from(is_ready(pod));
        match is_available(pod, seconds, now) {
            Ok(()) => available += 1,
            Err(Some(then)) => plan.look_again(then),
            Err(None) => {}
        }
    }
    (ready, available)
}

/// A reference that makes `owner` the one in control.
pub fn owner_reference(owner: &Value) -> Value {
    let metadata = owner.get("metadata");
    object!({
        "apiVersion": (owner.get("apiVersion")), "kind": (owner.get("kind")), "name": (metadata.get("name")),
        "uid": (metadata.get("uid")), "controller": true, "blockOwnerDeletion": true
    })
}

/// A Pod of the owner's template. With an empty name it gets one that begins with the owner's.
pub fn from_template(owner: &Value, template: &Value, name: &str) -> Value {
    let mut metadata = Value::map();
    for field in ["labels", "annotations", "finalizers"] {
        let value = template["metadata"].get(field);
        if !value.is_empty() {
            metadata.set(field, value);
        }
    }
    metadata.set("namespace", owner["metadata"].get("namespace"));
    if name.is_empty() {
        metadata.set("generateName", format!("{}-", owner["metadata"].str("name")));
    } else {
        metadata.set("name", name);
    }
    metadata.set("ownerReferences", Value::list(vec![owner_reference(owner)]));
    object!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": (template.get("spec"))})
}

/// Writes that make such a Pod and delete one, each with what ReplicaSet, DaemonSet and Job tell of it.
pub fn create(owner: &Value, pod: Value) -> Write {
    Write::Create(Kind::Pod, pod, Some(Event::normal(owner, "SuccessfulCreate", "Created pod: {}")))
}

pub fn delete(owner: &Value, pod: &Value) -> Write {
    let message = format!("Deleted pod: {}", pod["metadata"].str("name"));
    Write::Delete(Key::of(Kind::Pod, pod), Some(Event::normal(owner, "SuccessfulDelete", message)))
}

/// The pods that belong to an owner. Orphans that its selector chooses are taken in; what it no longer chooses is let go.
pub fn claim<'a>(view: &View<'a>, plan: &mut Plan, owner: &Value) -> Vec<&'a Value> {
    let selector = Selector::of(owner.at(&["spec", "selector"]));
    let (uid, namespace) = (owner["metadata"].str("uid"), owner["metadata"].str("namespace"));
    let is_chosen = |pod: &&Value| selector.matches(pod["metadata"].get("labels"));
    let (kept, strange): (Vec<&Value>, Vec<&Value>) = owned(view.store, uid).partition(is_chosen);
    if is_terminating(owner) {
        return kept;
    }
    for pod in strange.into_iter().filter(|it| !is_terminating(it)) {
        let mut freed = pod.clone();
        freed["metadata"]["ownerReferences"].items_mut().retain(|it| it.str("uid") != uid);
        plan.write(Write::Update(Kind::Pod, freed));
    }
    let orphans = view.store.orphans(Kind::Pod, namespace);
    for pod in orphans.filter(is_chosen).filter(|it| is_active(it)) {
        let mut taken = pod.clone();
        taken["metadata"]["ownerReferences"].push(owner_reference(owner));
        plan.write(Write::Update(Kind::Pod, taken));
    }
    kept
}

pub fn owned<'a>(store: &'a Store, uid: &str) -> impl Iterator<Item = &'a Value> {
    store.owned_by(Kind::Pod, uid)
}

/// Sorts so that the first are those that a smaller number of replicas misses least.
pub fn by_dispensability(pods: &mut [&Value]) {
    let mut on_node = std::collections::BTreeMap::new();
    for pod in pods.iter() {
        *on_node.entry(pod["spec"].str("nodeName").to_owned()).or_insert(0u32) += 1;
    }
    pods.sort_by_cached_key(|pod| {
        let node = pod["spec"].str("nodeName");
        let cost = pod.at(&["metadata", "annotations", "controller.kubernetes.io/pod-deletion-cost"]);
        let restarts =
            pod.at(&["status", "containerStatuses"]).items().iter().map(|it| it.int("restartCount"));
        let ready_since = Time::parse(condition(pod, "Ready").str("lastTransitionTime"));
        let phase = match phase(pod) {
            "Pending" => 0,
            "Running" => 2,
            _ => 1,
        };
        (
            !node.is_empty(),
            phase,
            is_ready(pod),
            cost.as_str().parse::<i64>().unwrap_or(0),
            Reverse(on_node.get(node).copied().unwrap_or(0)),
            Reverse(ready_since.unwrap_or_default()),
            Reverse(restarts.max().unwrap_or(0)),
            Reverse(pod["metadata"].str("creationTimestamp").to_owned()),
        )
    });
}

/// Wakes the controllers of a namespace's owners whose selector chooses a pod that nobody controls.
pub fn wake_for_orphan(
    store: &Store,
    kind: Kind,
    change: &crate::store::Change,
    keys: &mut std::collections::BTreeSet<Key>,
) {
    let metadata = change.object.get("metadata");
    if change.kind != Kind::Pod
        || !controller_of(&change.object).is_null()
        || metadata.get("labels").is_empty()
    {
        return;
    }
    for owner in store.list(kind, Some(metadata.str("namespace"))) {
        if Selector::of(owner.at(&["spec", "selector"])).matches(metadata.get("labels")) {
            keys.insert(Key::of(kind, owner));
        }
    }
}
