//! What the kubelet remembers of a pod between two looks at it.

use super::probe::{self, Verdicts};
use crate::object;
use crate::object::{Kind, Time, Value, default};
use container::runtime::PodName;
use sim::Instant;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// The annotation that names the static pod which a pod mirrors.
pub const MIRROR: &str = "kubernetes.io/config.mirror";

/// A delay that doubles from failure to failure.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    pub until: Instant,
    pub delay: Duration,
}

impl Backoff {
    /// The next one, from `first` to `last`.
    pub fn after(before: Option<Backoff>, now: Instant, first: Duration, last: Duration) -> Backoff {
        let delay = before.map_or(first, |it| (it.delay * 2).min(last));
        Backoff { until: now + delay, delay }
    }
}

/// How far the image of a container is.
#[derive(Clone, Debug)]
pub enum Pull {
    Until(Instant, u64),
    Failed(Backoff, String),
}

pub struct Pod {
    pub object: Value,
    pub is_static: bool,
    /// Its manifest or its object is gone.
    pub unwanted: bool,
    pub mirror: Option<Value>,
    /// The mirror has been asked for.
    pub mirroring: bool,
    /// When it wants to be looked at again.
    pub next: Option<Instant>,
    pub sandboxes: u32,
    pub sandbox_backoff: Option<Backoff>,
    pub pulls: BTreeMap<String, Pull>,
    pub restarts: BTreeMap<String, Backoff>,
    /// Why a container waits: reason and message.
    pub waiting: BTreeMap<String, (String, String)>,
    /// What the log says of it.
    pub complained: String,
    pub verdicts: BTreeMap<String, Verdicts>,
    /// Instances of containers that probes run for.
    pub probed: BTreeSet<String>,
    /// When its volumes were written last.
    pub mounted: Option<Instant>,
    pub volume_backoff: Option<Backoff>,
    /// Since when it is ended, and until when its containers may take.
    pub deadline: Option<Instant>,
    /// The end has been told of, and nothing is left to do.
    pub over: bool,
    pub started: Option<Time>,
    /// The status that was sent last.
    pub told: Value,
}

impl Pod {
    pub fn new(object: Value) -> Pod {
        Pod {
            object,
            is_static: false,
            unwanted: false,
            mirror: None,
            mirroring: false,
            next: None,
            sandboxes: 0,
            sandbox_backoff: None,
            pulls: BTreeMap::new(),
            restarts: BTreeMap::new(),
            waiting: BTreeMap::new(),
            complained: String::new(),
            verdicts: BTreeMap::new(),
            probed: BTreeSet::new(),
            mounted: None,
            volume_backoff: None,
            deadline: None,
            over: false,
            started: None,
            told: Value::Null,
        }
    }

    pub fn uid(&self) -> String {
        self.object["metadata"].str("uid").to_owned()
    }

    pub fn namespace(&self) -> String {
        self.object["metadata"].str("namespace").to_owned()
    }

    pub fn name(&self) -> String {
        self.object["metadata"].str("name").to_owned()
    }

    pub fn pod_name(&self) -> PodName {
        PodName { namespace: self.namespace(), name: self.name(), uid: self.uid() }
    }

    pub fn spec(&self) -> &Value {
        self.object.get("spec")
    }

    pub fn on_host_network(&self) -> bool {
        self.spec().is_true("hostNetwork")
    }

    /// Asks to be looked at no later than that.
    pub fn look_at(&mut self, at: Instant) {
        self.next = Some(self.next.map_or(at, |it| it.min(at)));
    }

    pub fn is_ending(&self) -> bool {
        self.unwanted || !self.object["metadata"].str("deletionTimestamp").is_empty()
    }

    /// The object that the API server keeps of it.
    pub fn api_object(&self) -> Option<&Value> {
        if self.is_static { self.mirror.as_ref() } else { Some(&self.object) }
    }

    pub fn probed(&mut self, container: &str, kind: probe::Kind, well: bool) {
        let verdicts = self.verdicts.entry(container.to_owned()).or_default();
        match kind {
            probe::Kind::Startup => verdicts.started = Some(well),
            probe::Kind::Liveness => verdicts.lives = Some(well),
            probe::Kind::Readiness => verdicts.ready = Some(well),
        }
    }

    /// Namespace and name of a static pod, of which only one runs at a time.
    pub fn full_name_of_static(&self) -> Option<(String, String)> {
        self.is_static.then(|| (self.namespace(), self.name()))
    }

    /// `name_namespace(uid)`, as kubelet's messages name it.
    pub fn full_name(&self) -> String {
        format!("{}_{}({})", self.name(), self.namespace(), self.uid())
    }
}

/// Makes a manifest the pod that runs: name, uid, node and defaults.
pub fn make_static(object: &mut Value, uid: &str, node: &str) {
    let name = format!("{}-{node}", object["metadata"].str("name"));
    let metadata = &mut object["metadata"];
    metadata.set("name", name);
    metadata.set("uid", uid);
    if metadata.str("namespace").is_empty() {
        metadata.set("namespace", "default");
    }
    for (key, value) in [("kubernetes.io/config.hash", uid), ("kubernetes.io/config.source", "file")] {
        metadata["annotations"].set(key, value);
    }
    object["spec"].set("nodeName", node);
    if !object["spec"].has("tolerations") {
        object["spec"].set("tolerations", vec![object!({"effect": "NoExecute", "operator": "Exists"})]);
    }
    default::apply(Kind::Pod, object);
}
