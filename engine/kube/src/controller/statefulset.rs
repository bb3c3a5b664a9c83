//! StatefulSet: pods with names of their own, one after the other.
//!
//! Always: pod n comes when all below it are ready, and goes when all above it are gone, unless the policy is Parallel.
//! Differs from Kubernetes: no volume claims. Source: kubernetes `pkg/controller/statefulset`.

use super::{Controller, Event, Plan, View, Write, pod, revision, wake_itself, wake_owner};
use crate::object::{Kind, Value, hash, json};
use crate::store::Key;
use std::collections::BTreeMap;

const REVISION: &str = "controller-revision-hash";

pub const STATEFULSET: Controller = Controller {
    name: "statefulset-controller",
    wakes: |store, change, keys| {
        wake_itself(Kind::StatefulSet, change, keys);
        if matches!(change.kind, Kind::Pod | Kind::ControllerRevision) {
            wake_owner(Kind::StatefulSet, change, keys);
            pod::wake_for_orphan(store, Kind::StatefulSet, change, keys);
        }
    },
    reconcile,
};

/// What one look at a set works with.
struct Look<'a> {
    set: &'a Value,
    /// By ordinal.
    pods: BTreeMap<i64, &'a Value>,
    current: String,
    update: String,
    first: i64,
    replicas: i64,
}

fn reconcile(view: &View, key: &Key) -> Plan {
    let mut plan = Plan::default();
    let Some(set) = view.store.get(Kind::StatefulSet, &key.namespace, &key.name) else { return plan };
    let revisions = revision::all(view, set);
    let (update, is_there) = revision::renew(&mut plan, set, &revisions, &hash_of(set));
    if !is_there {
        return plan;
    }
    let noted = set["status"].str("currentRevision");
    let has_noted = revisions.iter().any(|it| it["metadata"].str("name") == noted);
    let current = if has_noted { noted.to_owned() } else { update.clone() };
    let pods = pod::claim(view, &mut plan, set);
    let ordinal = |pod: &Value| {
        let rest = pod["metadata"].str("name").strip_prefix(&*key.name)?.strip_prefix('-')?;
        rest.parse::<i64>().ok().filter(|it| it.to_string() == rest)
    };
    let pods = pods.into_iter().filter_map(|it| Some((ordinal(it)?, it))).collect();
    let first = set.at(&["spec", "ordinals", "start"]).as_int().unwrap_or(0);
    let look = Look { set, pods, current, update, first, replicas: set["spec"].int("replicas") };
    let status = look.status(view, &mut plan);
    if !pod::is_terminating(set) {
        look.act(view, &mut plan, &revisions);
    }
    let live: Vec<&str> =
        look.pods.values().map(|it| look.revision_of(it)).chain([&*look.current, &*look.update]).collect();
    revision::clean_up(&mut plan, set, &revisions, &live);
    plan.status(Kind::StatefulSet, set, status);
    plan
}

/// As `history.HashControllerRevision`: the patch's text, then the number of collisions.
fn hash_of(set: &Value) -> String {
    let mut text = json::compact(&revision::data_of(set));
    text.push_str(&set["status"].int("collisionCount").to_string());
    hash::of_bytes(text.as_bytes())
}

impl Look<'_> {
    fn revision_of<'p>(&self, pod: &'p Value) -> &'p str {
        pod.at(&["metadata", "labels", REVISION]).as_str()
    }

    fn is_wanted(&self, ordinal: i64) -> bool {
        (self.first..self.first + self.replicas).contains(&ordinal)
    }

    fn seconds(&self) -> i64 {
        self.set["spec"].int("minReadySeconds")
    }

    fn act(&self, view: &View, plan: &mut Plan, revisions: &[&Value]) {
        let is_parallel = self.set["spec"].str("podManagementPolicy") == "Parallel";
        let is_available = |pod: &Value| pod::is_available(pod, self.seconds(), view.now).is_ok();
        for ordinal in self.first..self.first.saturating_add(self.replicas) {
            match self.pods.get(&ordinal) {
                None => self.create(plan, ordinal, revisions),
                Some(pod) if pod::is_terminal(pod) && !pod::is_terminating(pod) => {
                    let (namespace, name) = (pod["metadata"].str("namespace"), pod["metadata"].str("name"));
                    let set = self.set["metadata"].str("name");
                    let message = format!(
                        "StatefulSet {namespace}/{set} is recreating {} Pod {name}",
                        pod::phase(pod).to_lowercase()
                    );
                    let reason = if pod::phase(pod) == "Failed" {
                        "RecreatingFailedPod"
                    } else {
                        "RecreatingTerminatedPod"
                    };
                    plan.write(Write::Tell(Event::warning(self.set, reason, message)));
                    self.delete(plan, pod);
                }
                Some(pod) if pod::is_terminating(pod) || !is_available(pod) => {}
                Some(_) => continue,
            }
            if !is_parallel {
                return;
            }
        }
        // The highest goes first.
        for (_, pod) in self.pods.iter().rev().filter(|(ordinal, _)| !self.is_wanted(**ordinal)) {
            if !pod::is_terminating(pod) {
                self.delete(plan, pod);
            }
            if !is_parallel {
                return;
            }
        }
        self.roll(plan, is_available);
    }

    /// Replaces pods of the old template, from the highest down to the partition.
    fn roll(&self, plan: &mut Plan, is_available: impl Fn(&Value) -> bool) {
        let strategy = self.set.at(&["spec", "updateStrategy"]);
        if strategy.str("type") == "OnDelete" {
            return;
        }
        let rolling = strategy.get("rollingUpdate");
        let lowest = rolling.int("partition").max(self.first);
        let most = rolling.get("maxUnavailable");
        let most =
            if most.is_null() { 1 } else { super::deployment::share(most, self.replicas, true).max(1) };
        let missing = self.pods.values().filter(|it| !is_available(it)).count();
        let mut room = most - i64::try_from(missing).unwrap_or(i64::MAX);
        for (_, pod) in self.pods.range(lowest..).rev() {
            if self.revision_of(pod) == self.update || pod::is_terminating(pod) {
                continue;
            }
            if is_available(pod) {
                if room <= 0 {
                    return;
                }
                room -= 1;
            }
            self.delete(plan, pod);
        }
    }

    fn create(&self, plan: &mut Plan, ordinal: i64, revisions: &[&Value]) {
        let set = self.set;
        let partition = set.at(&["spec", "updateStrategy", "rollingUpdate"]).int("partition");
        let is_old = self.current != self.update && ordinal < partition;
        let revision = if is_old { &self.current } else { &self.update };
        let kept = revisions.iter().find(|it| it["metadata"].str("name") == revision);
        let template = kept.map_or(set.at(&["spec", "template"]), |it| it.at(&["data", "spec", "template"]));
        let base = set["metadata"].str("name");
        let name = format!("{base}-{ordinal}");
        let mut pod = pod::from_template(set, template, &name);
        let metadata = &mut pod["metadata"];
        metadata.set("generateName", format!("{base}-"));
        metadata["labels"].set("statefulset.kubernetes.io/pod-name", name.as_str());
        metadata["labels"].set("apps.kubernetes.io/pod-index", ordinal.to_string());
        metadata["labels"].set(REVISION, revision.as_str());
        pod["spec"].set("hostname", name.as_str());
        let service = set["spec"].str("serviceName");
        if !service.is_empty() {
            pod["spec"].set("subdomain", service);
        }
        let message = format!("Create Pod {name} in StatefulSet {base} successful");
        plan.write(Write::Create(Kind::Pod, pod, Some(Event::normal(set, "SuccessfulCreate", message))));
    }

    fn delete(&self, plan: &mut Plan, pod: &Value) {
        let (name, set) = (pod["metadata"].str("name"), self.set["metadata"].str("name"));
        let message = format!("Delete Pod {name} in StatefulSet {set} successful");
        let told = Event::normal(self.set, "SuccessfulDelete", message);
        plan.write(Write::Delete(Key::of(Kind::Pod, pod), Some(told)));
    }

    fn status(&self, view: &View, plan: &mut Plan) -> Value {
        let made: Vec<&Value> = self.pods.values().copied().filter(|it| !pod::is_terminal(it)).collect();
        let active: Vec<&Value> = made.iter().copied().filter(|it| !pod::is_terminating(it)).collect();
        let (ready, available) = pod::count_ready(plan, &active, self.seconds(), view.now);
        let of = |revision: &str| active.iter().filter(|it| self.revision_of(it) == revision).count();
        let (mut current, updated) = (of(&self.current), of(&self.update));
        let mut name = &self.current;
        let wanted = usize::try_from(self.replicas).unwrap_or(0);
        let is_whole = updated == wanted && ready == wanted && made.len() == wanted;
        if self.current != self.update && is_whole {
            name = &self.update;
            current = updated;
        }
        let mut status = Value::map();
        status.set("collisionCount", self.set["status"].int("collisionCount"));
        status.set("currentRevision", name.as_str());
        status.set("updateRevision", self.update.as_str());
        status.set("observedGeneration", self.set["metadata"].get("generation"));
        status.set("replicas", made.len());
        status.set("availableReplicas", available);
        for (name, count) in
            [("currentReplicas", current), ("readyReplicas", ready), ("updatedReplicas", updated)]
        {
            if count > 0 {
                status.set(name, count);
            }
        }
        status
    }
}
