//! kube-scheduler: finds a node for each pod that has none, or says why there is none.
//!
//! Stands beside the API server, as the controllers do; reads the change log, keeps what is asked of each node.
//! Always: the pod of the highest priority goes first, then the oldest; a pod that fits nowhere waits until a node or a
//! pod changes, or five minutes. What may hold a pod stands in `filter`, what is better in `score`.
//! Differs from Kubernetes: no preemption, no extenders, one profile; of equal nodes the one with fewest pods, then the
//! first by name, where the real one throws dice.
//! Source: kubernetes `pkg/scheduler`.

pub mod filter;
mod node;
mod score;
mod topology;

use crate::api::Api;
use crate::api::scale::set_condition;
use crate::controller::{Event, event, pod};
use crate::object::{Kind, Time, Value};
use crate::store::{Change, Key, What};
use node::Node;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

const NAME: &str = "default-scheduler";
/// After which a pod that fits nowhere is tried again though nothing changed.
const PATIENCE: i64 = 300;

type Place = (Reverse<i64>, String, Key);

#[derive(Debug, Default)]
pub struct Scheduler {
    seen: u64,
    nodes: BTreeMap<String, Node>,
    /// Pods on all nodes that want no pod of some kind near them.
    exclusive: usize,
    queue: BTreeSet<Place>,
    waiting: BTreeMap<Key, Time>,
}

impl Scheduler {
    pub fn new() -> Scheduler {
        Scheduler::default()
    }

    /// Places what can be placed; says when it wants to try again, though nothing changes.
    pub fn step(&mut self, api: &mut Api) -> Option<Time> {
        self.read(api);
        let now = api.store.now();
        let late: Vec<Key> = self
            .waiting
            .iter()
            .filter(|(_, since)| since.0 + PATIENCE <= now.0)
            .map(|it| it.0.clone())
            .collect();
        for key in late {
            self.waiting.remove(&key);
            self.enqueue(api, key);
        }
        while let Some((_, _, key)) = self.queue.pop_first() {
            self.place(api, key);
            self.read(api);
        }
        self.waiting.values().map(|since| Time(since.0 + PATIENCE)).min()
    }

    fn enqueue(&mut self, api: &Api, key: Key) {
        if let Some(pod) = api.store.get(Kind::Pod, &key.namespace, &key.name) {
            self.queue.insert(place_of(pod, key));
        }
    }

    fn read(&mut self, api: &Api) {
        let revision = api.store.revision();
        if revision == self.seen {
            return;
        }
        if let Some(changes) = api.store.changes_since(self.seen) {
            for change in changes {
                self.take_in(api, change);
            }
        } else {
            *self = Scheduler::default();
            for kind in [Kind::Node, Kind::Pod] {
                for object in api.store.list(kind, None) {
                    let (what, before) = (What::Added, Value::Null);
                    self.take_in(api, &Change { revision, kind, what, object: object.clone(), before });
                }
            }
        }
        self.seen = revision;
    }

    fn take_in(&mut self, api: &Api, change: &Change) {
        match change.kind {
            Kind::Node => {
                let name = change.object["metadata"].str("name");
                if change.what == What::Deleted {
                    self.nodes.remove(name);
                } else {
                    let node = self.nodes.entry(name.to_owned()).or_default();
                    if node.set(&change.object) {
                        self.try_all_again(api);
                    }
                }
            }
            Kind::Pod => self.take_in_pod(api, change),
            _ => {}
        }
    }

    fn take_in_pod(&mut self, api: &Api, change: &Change) {
        let key = Key::of(Kind::Pod, &change.object);
        let is_new = change.what != What::Deleted;
        let was_on = change.before["spec"].str("nodeName");
        let is_on = change.object["spec"].str("nodeName");
        let is_held = is_new && !is_on.is_empty() && !pod::is_terminal(&change.object);
        if !was_on.is_empty()
            && let Some(gone) = self.nodes.entry(was_on.to_owned()).or_default().remove(&key)
        {
            self.exclusive -= usize::from(topology::is_exclusive(&gone));
            if !is_held {
                self.try_all_again(api);
            }
        }
        if is_held {
            self.exclusive += usize::from(topology::is_exclusive(&change.object));
            self.nodes.entry(is_on.to_owned()).or_default().add(&key, &change.object);
        }
        let is_ours = change.object["spec"].str("schedulerName") == NAME;
        if is_new && is_on.is_empty() && is_ours && pod::is_active(&change.object) {
            // A pod whose own status was written is not tried again for that.
            if !self.waiting.contains_key(&key) || change.before["spec"] != change.object["spec"] {
                self.waiting.remove(&key);
                self.queue.insert(place_of(&change.object, key));
            }
        } else {
            self.queue.remove(&place_of(&change.object, key.clone()));
            self.waiting.remove(&key);
        }
    }

    fn try_all_again(&mut self, api: &Api) {
        for (key, _) in std::mem::take(&mut self.waiting) {
            self.enqueue(api, key);
        }
    }

    fn place(&mut self, api: &mut Api, key: Key) {
        let Some(pod) = api.store.get(Kind::Pod, &key.namespace, &key.name).cloned() else { return };
        let (namespace, name) = (&*key.namespace, &*key.name);
        let verdict = filter::judge(&api.store, &self.nodes, self.exclusive > 0, &pod);
        if let Some(node) = score::best(&api.store, &self.nodes, &verdict.fitting, &pod) {
            if api.bind(namespace, name, &node).is_ok() {
                let message = format!("Successfully assigned {namespace}/{name} to {node}");
                event::record(api, NAME, &Event::normal(&pod, "Scheduled", message));
            }
            return;
        }
        let message = verdict.message();
        let condition = pod::condition(&pod, "PodScheduled");
        if condition.str("message") != message {
            let mut changed = pod.clone();
            let now = api.store.now();
            set_condition(&mut changed["status"], "PodScheduled", "False", "Unschedulable", &message, now);
            for it in changed["status"]["conditions"].items_mut() {
                if it.str("type") == "PodScheduled" {
                    it.set("lastProbeTime", Value::Null);
                    it.set("observedGeneration", pod["metadata"].get("generation"));
                }
            }
            api.store.put(Kind::Pod, changed);
        }
        event::record(api, NAME, &Event::warning(&pod, "FailedScheduling", message));
        self.waiting.insert(key, api.store.now());
    }
}

fn place_of(pod: &Value, key: Key) -> Place {
    (Reverse(pod["spec"].int("priority")), pod["metadata"].str("creationTimestamp").to_owned(), key)
}
