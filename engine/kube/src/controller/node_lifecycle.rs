//! Node lifecycle: notices that a kubelet fell silent, taints its node, and evicts pods that do not tolerate that.
//!
//! Differs from Kubernetes: no zones, no limit on evictions a second.
//! Sources: kubernetes `pkg/controller/{nodelifecycle,tainteviction,podgc}`; `--node-monitor-grace-period` (50 s).

use super::{Controller, Event, Plan, View, Write, pod, wake_itself};
use crate::api::scale::set_condition;
use crate::object;
use crate::object::{Kind, Time, Value};
use crate::store::{Key, What};

const GRACE: i64 = 50;

pub const NODE_LIFECYCLE: Controller = Controller {
    name: "node-controller",
    wakes: |_, change, keys| wake_itself(Kind::Node, change, keys),
    reconcile,
};

fn reconcile(view: &View, key: &Key) -> Plan {
    let mut plan = Plan::default();
    let Some(node) = view.store.get(Kind::Node, "", &key.name) else {
        // What was left on a node that is gone goes too.
        for pod in on_node(view, &key.name) {
            plan.write(Write::Remove(Key::of(Kind::Pod, pod)));
        }
        return plan;
    };
    let end = Time(last_sign(view, node).0 + GRACE);
    let ready = pod::condition(node, "Ready");
    if end > view.now {
        plan.look_again(end);
    } else if ready.str("status") != "Unknown" {
        let mut status = node.get("status").clone();
        let (reason, message) = if ready.is_null() {
            ("NodeStatusNeverUpdated", "Kubelet never posted node status.")
        } else {
            ("NodeStatusUnknown", "Kubelet stopped posting node status.")
        };
        for kind in ["Ready", "MemoryPressure", "DiskPressure", "PIDPressure"] {
            set_condition(&mut status, kind, "Unknown", reason, message, view.now);
        }
        plan.status(Kind::Node, node, status);
        if ready.str("status") == "True" {
            not_ready(view, &mut plan, node);
        }
        return plan;
    }
    if ready.str("status") == "False" {
        not_ready(view, &mut plan, node);
    }
    let taints = taints(node, view.now);
    if taints.as_slice() != node.at(&["spec", "taints"]).items() {
        let mut changed = node.clone();
        if taints.is_empty() {
            changed["spec"].remove("taints");
        } else {
            changed["spec"].set("taints", taints);
        }
        plan.write(Write::Update(Kind::Node, changed));
    }
    plan
}

fn on_node<'a>(view: &View<'a>, name: &'a str) -> impl Iterator<Item = &'a Value> {
    view.store.list(Kind::Pod, None).filter(move |it| it["spec"].str("nodeName") == name)
}

fn last_sign(view: &View, node: &Value) -> Time {
    let name = node["metadata"].str("name");
    let lease = view.store.get(Kind::Lease, "kube-node-lease", name).unwrap_or(object::NULL);
    let texts = [
        lease.at(&["spec", "renewTime"]).as_str(),
        pod::condition(node, "Ready").str("lastHeartbeatTime"),
        node["metadata"].str("creationTimestamp"),
    ];
    texts.iter().filter_map(|it| Time::parse(it)).max().unwrap_or(view.now)
}

/// The pods of a node that does not answer count as not ready.
fn not_ready(view: &View, plan: &mut Plan, node: &Value) {
    let name = node["metadata"].str("name");
    let mut is_first = true;
    for pod in on_node(view, name).filter(|it| pod::is_ready(it)) {
        if std::mem::take(&mut is_first) {
            let message = format!("Node {name} status is now: NodeNotReady");
            plan.write(Write::Tell(Event::normal(node, "NodeNotReady", message)));
        }
        let mut status = pod.get("status").clone();
        set_condition(&mut status, "Ready", "False", "", "", view.now);
        plan.status(Kind::Pod, pod, status);
        plan.write(Write::Tell(Event::warning(pod, "NodeNotReady", "Node is not ready")));
    }
}

/// The taints that a node's conditions ask for, after those that are not this controller's.
fn taints(node: &Value, now: Time) -> Vec<Value> {
    const BY_CONDITION: [(&str, &str, &str, &str); 8] = [
        ("Ready", "False", "node.kubernetes.io/not-ready", "NoSchedule"),
        ("Ready", "Unknown", "node.kubernetes.io/unreachable", "NoSchedule"),
        ("MemoryPressure", "True", "node.kubernetes.io/memory-pressure", "NoSchedule"),
        ("DiskPressure", "True", "node.kubernetes.io/disk-pressure", "NoSchedule"),
        ("PIDPressure", "True", "node.kubernetes.io/pid-pressure", "NoSchedule"),
        ("NetworkUnavailable", "True", "node.kubernetes.io/network-unavailable", "NoSchedule"),
        ("Ready", "False", "node.kubernetes.io/not-ready", "NoExecute"),
        ("Ready", "Unknown", "node.kubernetes.io/unreachable", "NoExecute"),
    ];
    const UNSCHEDULABLE: &str = "node.kubernetes.io/unschedulable";
    let there = node.at(&["spec", "taints"]).items();
    let is_ours = |it: &Value| {
        it.str("key") == UNSCHEDULABLE
            || BY_CONDITION
                .iter()
                .any(|(.., key, effect)| it.str("key") == *key && it.str("effect") == *effect)
    };
    let mut taints: Vec<Value> = there.iter().filter(|it| !is_ours(it)).cloned().collect();
    let mut add = |key: &str, effect: &str| {
        let old = there.iter().find(|it| it.str("key") == key && it.str("effect") == effect).cloned();
        taints.push(old.unwrap_or_else(|| {
            let mut taint = object!({"key": key, "effect": effect});
            if effect == "NoExecute" || key == UNSCHEDULABLE {
                taint.set("timeAdded", now.rfc3339());
            }
            taint
        }));
    };
    for (kind, status, key, effect) in BY_CONDITION {
        let condition = pod::condition(node, kind);
        // A node that never told anything is not ready.
        let is = if condition.is_null() && kind == "Ready" { "False" } else { condition.str("status") };
        if is == status {
            add(key, effect);
        }
    }
    if node["spec"].is_true("unschedulable") {
        add(UNSCHEDULABLE, "NoSchedule");
    }
    taints
}

pub const TAINT_EVICTION: Controller = Controller {
    name: "taint-eviction-controller",
    wakes: |_, change, keys| {
        if change.kind == Kind::Node
            && change.before.at(&["spec", "taints"]) != change.object.at(&["spec", "taints"])
        {
            wake_itself(Kind::Node, change, keys);
        }
        let node = change.object["spec"].str("nodeName");
        let is_moved = change.before["spec"].str("nodeName") != node;
        if change.kind == Kind::Pod && change.what != What::Deleted && is_moved && !node.is_empty() {
            keys.insert(Key::new(Kind::Node, "", node));
        }
    },
    reconcile: evict,
};

/// Deletes what does not tolerate a `NoExecute` taint, when its time is over.
fn evict(view: &View, key: &Key) -> Plan {
    let mut plan = Plan::default();
    let Some(node) = view.store.get(Kind::Node, "", &key.name) else { return plan };
    let taints = node.at(&["spec", "taints"]).items();
    let taints: Vec<&Value> = taints.iter().filter(|it| it.str("effect") == "NoExecute").collect();
    if taints.is_empty() {
        return plan;
    }
    for pod in on_node(view, &key.name).filter(|it| !pod::is_terminating(it)) {
        let tolerations = pod.at(&["spec", "tolerations"]).items();
        let mut end: Option<Time> = None;
        for taint in &taints {
            let mut fitting = tolerations.iter().filter(|it| tolerates(it, taint)).peekable();
            if fitting.peek().is_none() {
                end = Some(view.now);
                break;
            }
            let since = Time::parse(taint.str("timeAdded")).unwrap_or(view.now);
            let seconds = fitting.filter_map(|it| it.get("tolerationSeconds").as_int()).min();
            let its = seconds.map(|it| Time(since.0.saturating_add(it.max(0))));
            end = end.into_iter().chain(its).min();
        }
        match end {
            Some(at) if at <= view.now => {
                let (namespace, name) = (pod["metadata"].str("namespace"), pod["metadata"].str("name"));
                let message = format!("Marking for deletion Pod {namespace}/{name}");
                let told = Event::normal(pod, "TaintManagerEviction", message);
                plan.write(Write::Tell(told));
                plan.write(Write::Delete(Key::of(Kind::Pod, pod), None));
            }
            Some(at) => plan.look_again(at),
            None => {}
        }
    }
    plan
}

/// Whether a toleration lets a pod bear a taint.
pub fn tolerates(toleration: &Value, taint: &Value) -> bool {
    let (effect, key) = (toleration.str("effect"), toleration.str("key"));
    let is_met =
        (effect.is_empty() || effect == taint.str("effect")) && (key.is_empty() || key == taint.str("key"));
    let number = |it: &Value| it.str("value").parse::<i64>().ok();
    is_met
        && match toleration.str("operator") {
            "Exists" => true,
            "Gt" => number(taint) > number(toleration),
            "Lt" => number(taint) < number(toleration),
            _ => toleration.str("value") == taint.str("value"),
        }
}
