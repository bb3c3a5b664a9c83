//! Events: what the cluster's parts tell of its objects, counted when it happens again.
//!
//! Always: the same component telling the same of the same object raises one Event's count; an Event is forgotten an
//! hour after it was last told.
//! Differs from Kubernetes: no aggregation of similar messages, no rate limit. Sources: client-go `tools/record`,
//! kube-apiserver `--event-ttl`.

use super::Event;
use crate::api::{Api, Options};
use crate::object;
use crate::object::{Kind, Time, Value};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

const TTL: i64 = 3600;
/// Events whose repetition is noticed, as in client-go's cache; the oldest are forgotten.
const MOST_KNOWN: usize = 4096;
/// Part of an object that every Event about it repeats.
const REFERENCE: [&str; 2] = ["apiVersion", "kind"];

/// What was told lately, and when it is forgotten.
#[derive(Debug, Default)]
pub struct Recorder {
    known: BTreeMap<Rc<str>, Rc<str>>,
    order: VecDeque<Rc<str>>,
    ends: VecDeque<(Time, Rc<str>, Rc<str>)>,
    count: u64,
}

impl Recorder {
    pub(crate) fn note_made(&mut self, namespace: &str, name: &str, now: Time) {
        self.ends.push_back((Time(now.0 + TTL), namespace.into(), name.into()));
    }

    fn next_name(&mut self, about: &str, now: Time) -> String {
        self.count += 1;
        // The moment in nanoseconds, as client-go names them.
        let nanoseconds = (now.0 as u64).wrapping_mul(1_000_000_000).wrapping_add(self.count);
        format!("{about}.{nanoseconds:x}")
    }
}

/// Writes an Event, or counts one that is there.
pub fn record(api: &mut Api, component: &str, event: &Event) {
    let about = &event.about;
    let metadata = about.get("metadata");
    let namespace =
        Some(metadata.str("namespace")).filter(|it| !it.is_empty()).unwrap_or("default").to_owned();
    let same = format!(
        "{component}\n{}\n{namespace}\n{}\n{}\n{}\n{}",
        about.str("kind"),
        metadata.str("name"),
        metadata.str("uid"),
        event.reason,
        event.message
    );
    let now = api.store.now();
    if let Some(name) = api.recorder.known.get(same.as_str()).cloned()
        && let Some(found) = api.store.get(Kind::Event, &namespace, &name)
    {
        let mut counted = found.clone();
        counted.set("count", found.int("count") + 1);
        counted.set("lastTimestamp", now.rfc3339());
        api.store.put(Kind::Event, counted);
        return;
    }
    let name = api.recorder.next_name(metadata.str("name"), now);
    let known: Rc<str> = same.into();
    if api.recorder.order.len() == MOST_KNOWN
        && let Some(oldest) = api.recorder.order.pop_front()
    {
        api.recorder.known.remove(&oldest);
    }
    api.recorder.order.push_back(known.clone());
    api.recorder.known.insert(known, name.as_str().into());
    let mut written = object!({
        "apiVersion": "v1", "kind": "Event",
        "metadata": {"name": name, "namespace": (namespace.as_str())},
        "involvedObject": (reference(about)),
        "type": (event.kind), "reason": (event.reason), "message": (event.message.as_str()),
        "reportingComponent": component
    });
    if component == "default-scheduler" {
        written.set("eventTime", now.rfc3339().replace('Z', ".000000Z"));
        written.set("action", if event.kind == "Normal" { "Binding" } else { "Scheduling" });
        written.set("reportingInstance", "default-scheduler-control-plane");
    } else {
        written.set("source", object!({"component": component}));
        written.set("firstTimestamp", now.rfc3339());
        written.set("lastTimestamp", now.rfc3339());
        written.set("count", 1);
    }
    // In a namespace that ends nothing new is told.
    api.create(Kind::Event, &namespace, written, &mut Options::default()).ok();
}

/// An object as another one names it.
pub fn reference(about: &Value) -> Value {
    let mut reference = Value::map();
    for name in REFERENCE {
        reference.set(name, about.get(name));
    }
    for name in ["namespace", "name", "uid", "resourceVersion"] {
        let value = about["metadata"].get(name);
        if !value.is_empty() {
            reference.set(name, value);
        }
    }
    reference
}

/// Forgets what was told more than an hour ago.
pub(crate) fn forget_old(api: &mut Api) {
    let now = api.store.now();
    while api.recorder.ends.front().is_some_and(|it| it.0 <= now) {
        let Some((_, namespace, name)) = api.recorder.ends.pop_front() else { return };
        let Some(found) = api.store.get(Kind::Event, &namespace, &name) else { continue };
        match Time::parse(found.str("lastTimestamp")).map(|it| Time(it.0 + TTL)).filter(|it| *it > now) {
            // Told again since: it is looked at anew then, a little late for those behind it.
            Some(end) => api.recorder.ends.push_back((end, namespace, name)),
            None => {
                api.store.remove(Kind::Event, &namespace, &name);
            }
        }
    }
}
