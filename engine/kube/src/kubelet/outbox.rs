//! What the kubelet tells the API server: statuses, events, deletions; carried away by a future of its own.
//!
//! Always: of statuses only the newest of a pod is sent; an event that was said before is counted, not said again; what the
//! API server cannot be told is kept and told when it is back.
//! Source: kubernetes `pkg/kubelet/status`, client-go `tools/record`.

use super::pod::Pod;
use super::{Kubelet, SEND};
use crate::api::Request;
use crate::client::path_of;
use crate::object;
use crate::object::{Kind, Value, json};
use linux::WaitOn;
use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::time::Duration;

/// Events kept while the API server is away; the oldest go first.
const EVENTS: usize = 1000;
/// Events remembered so that their like are counted.
const REMEMBERED: usize = 4096;
/// Between attempts while the API server is away.
const PATIENCE: Duration = Duration::from_secs(2);

#[derive(Default)]
pub struct Outbox {
    statuses: RefCell<BTreeMap<(String, String), Value>>,
    creations: RefCell<VecDeque<Value>>,
    deletions: RefCell<VecDeque<(String, String, String)>>,
    events: RefCell<VecDeque<Value>>,
    /// Name and count of events that were said.
    said: RefCell<BTreeMap<String, (String, i64)>>,
}

impl Outbox {
    /// The status of that object, from now on.
    pub fn status(&self, kubelet: &Kubelet, object: &Value, status: Value) {
        let metadata = object.get("metadata");
        let key = (metadata.str("namespace").to_owned(), metadata.str("name").to_owned());
        let patch = object!({"metadata": {"uid": (metadata.get("uid"))}, "status": status});
        self.statuses.borrow_mut().insert(key, patch);
        kubelet.ring(SEND);
    }

    /// The mirror of a static pod.
    pub fn create(&self, kubelet: &Kubelet, object: Value) {
        self.creations.borrow_mut().push_back(object);
        kubelet.ring(SEND);
    }

    /// That nothing is left of that pod.
    pub fn delete(&self, kubelet: &Kubelet, object: &Value) {
        let metadata = object.get("metadata");
        let part = |name: &str| metadata.str(name).to_owned();
        self.deletions.borrow_mut().push_back((part("namespace"), part("name"), part("uid")));
        kubelet.ring(SEND);
    }
}

impl Kubelet {
    /// Says something about a pod, or about one of its containers.
    pub fn event(&self, pod: &Pod, kind: &str, reason: &str, message: &str, container: &str) {
        let Some(object) = pod.api_object() else { return };
        let metadata = object.get("metadata");
        let mut about = object!({
            "apiVersion": "v1", "kind": "Pod", "name": (metadata.get("name")), "namespace": (metadata.get("namespace")),
            "resourceVersion": (metadata.get("resourceVersion")), "uid": (metadata.get("uid"))
        });
        if !container.is_empty() {
            let inits = pod.spec().get("initContainers").items();
            let list = if inits.iter().any(|it| it.str("name") == container) {
                "initContainers"
            } else {
                "containers"
            };
            about.set("fieldPath", format!("spec.{list}{{{container}}}"));
        }
        self.say(about, kind, reason, message);
    }

    /// Says something about any object.
    pub fn say(&self, about: Value, kind: &str, reason: &str, message: &str) {
        let mut events = self.outbox.events.borrow_mut();
        if events.len() == EVENTS {
            events.pop_front();
        }
        events.push_back(
            object!({"involvedObject": about, "type": kind, "reason": reason, "message": message}),
        );
        drop(events);
        self.ring(SEND);
    }
}

/// Carries away what there is, for ever.
pub async fn carry(kubelet: Rc<Kubelet>) {
    loop {
        let sent = send(&kubelet).await;
        let machine = kubelet.machine;
        match sent {
            Ok(true) => {}
            Ok(false) => drop(kubelet.sys.wait(&[WaitOn::Notice(machine, SEND)], None).await),
            Err(_) => drop(kubelet.sys.sleep(PATIENCE).await),
        }
    }
}

/// Sends one thing; false where there is none. An error means that the API server is not there.
async fn send(kubelet: &Rc<Kubelet>) -> Result<bool, String> {
    let outbox = &kubelet.outbox;
    let status = outbox.statuses.borrow_mut().pop_first();
    if let Some((key, patch)) = status {
        let path = format!("{}/status", path_of(Kind::Pod, &key.0, &key.1));
        let request =
            Request::new("PATCH", path).with_body("application/merge-patch+json", json::compact(&patch));
        // A pod that is gone needs no status.
        if let Err(why) = kubelet.client.send(request).await {
            outbox.statuses.borrow_mut().entry(key).or_insert(patch);
            return Err(why);
        }
        return Ok(true);
    }
    let deletion = outbox.deletions.borrow().front().cloned();
    if let Some((namespace, name, uid)) = deletion {
        let body = object!({"kind": "DeleteOptions", "apiVersion": "v1", "gracePeriodSeconds": 0, "preconditions": {"uid": uid}});
        let request = Request::new("DELETE", path_of(Kind::Pod, &namespace, &name))
            .with_body("application/json", json::compact(&body));
        kubelet.client.send(request).await?;
        outbox.deletions.borrow_mut().pop_front();
        return Ok(true);
    }
    // A mirror comes after the one that it takes the place of.
    let creation = outbox.creations.borrow().front().cloned();
    if let Some(object) = creation {
        let namespace = object["metadata"].str("namespace").to_owned();
        let body = json::compact(&object);
        kubelet
            .client
            .send(
                Request::new("POST", path_of(Kind::Pod, &namespace, "")).with_body("application/json", body),
            )
            .await?;
        outbox.creations.borrow_mut().pop_front();
        return Ok(true);
    }
    let event = outbox.events.borrow().front().cloned();
    let Some(event) = event else { return Ok(false) };
    send_event(kubelet, &event).await?;
    outbox.events.borrow_mut().pop_front();
    Ok(true)
}

async fn send_event(kubelet: &Rc<Kubelet>, event: &Value) -> Result<(), String> {
    let now = kubelet.sys.ask(|system, _| crate::cluster::now(system)).await.rfc3339();
    let nanos = kubelet.sys.realtime().await.as_nanos();
    let about = event.get("involvedObject");
    let namespace = match about.str("namespace") {
        "" => "default".to_owned(),
        it => it.to_owned(),
    };
    let key = json::compact(&{
        let mut event = event.clone();
        event["involvedObject"].remove("resourceVersion");
        event
    });
    let said = kubelet.outbox.said.borrow().get(&key).cloned();
    if let Some((name, count)) = said {
        let patch = object!({"count": (count + 1), "lastTimestamp": (&now)});
        let path = path_of(Kind::Event, &namespace, &name);
        let request =
            Request::new("PATCH", path).with_body("application/merge-patch+json", json::compact(&patch));
        if kubelet.client.send(request).await?.is_success() {
            kubelet.outbox.said.borrow_mut().insert(key, (name, count + 1));
            return Ok(());
        }
    }
    let name = format!("{}.{nanos:x}", about.str("name"));
    let mut object = event.clone();
    object.set("apiVersion", "v1");
    object.set("kind", "Event");
    object.set("metadata", object!({"name": (&name), "namespace": (&namespace)}));
    object.set("count", 1);
    object.set("firstTimestamp", &now);
    object.set("lastTimestamp", &now);
    object.set("source", object!({"component": "kubelet", "host": (&kubelet.node)}));
    object.set("reportingComponent", "kubelet");
    object.set("reportingInstance", &kubelet.node);
    let request = Request::new("POST", path_of(Kind::Event, &namespace, ""))
        .with_body("application/json", json::compact(&object));
    kubelet.client.send(request).await?;
    let mut said = kubelet.outbox.said.borrow_mut();
    if said.len() == REMEMBERED {
        said.pop_first();
    }
    said.insert(key, (name, 1));
    Ok(())
}
