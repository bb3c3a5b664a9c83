//! A cluster's objects for whoever looks on from outside: what changed, as rows of kubectl's tables, and one object whole.
//!
//! Stands beside the API server, on the store. Always: looking changes nothing; the cost of [`View::news`] grows with
//! what has changed, not with what is there.
//! Differs from a watch: Events are told with the object they are about, not as a kind.

use crate::cluster::Cluster;
use crate::kubectl;
use crate::object::endpointslice::SERVICE_NAME;
use crate::object::{KINDS, Kind, Time, Value};
use crate::store::{Key, Store};
use ::api::cluster::{Columns, ObjectKey, ObjectRow, ObjectShown, ObjectsDelta};
use ::api::inspect::Table;
use ::api::topology::{Endpoint, Service};
use std::collections::{BTreeMap, BTreeSet};

/// Two looks a day apart tell which cells a clock changes.
const DAY: i64 = 86_400;

/// What was told so far.
#[derive(Debug, Default)]
pub struct View {
    revision: u64,
    told: BTreeSet<ObjectKey>,
    kinds: BTreeSet<Kind>,
    /// Objects of which a cell other than the age changes by itself, and the cells told last.
    running: BTreeMap<Key, Vec<String>>,
    at: Time,
    /// By `NAMESPACE/NAME`.
    pub services: BTreeMap<String, Service>,
    /// Of each slice, by `NAMESPACE/NAME`: its Service and its endpoints.
    slices: BTreeMap<String, (String, Vec<Endpoint>)>,
    slices_of: BTreeMap<String, BTreeSet<String>>,
    /// `services` changed since this was last set to false.
    pub services_changed: bool,
}

impl View {
    /// What has changed since the last call.
    pub fn news(&mut self, cluster: &Cluster, epoch: i64, now: Time) -> ObjectsDelta {
        let store = &cluster.api.store;
        let mut delta = ObjectsDelta { epoch, ..ObjectsDelta::default() };
        if store.revision() != self.revision {
            let changed: BTreeSet<Key> = match store.changes_since(self.revision) {
                Some(changes) => changes.map(|it| Key::of(it.kind, &it.object)).collect(),
                None => self.everything(store),
            };
            self.revision = store.revision();
            changed.into_iter().for_each(|key| self.look(store, key, now, &mut delta));
        }
        if now > self.at {
            self.at = now;
            self.go_on(store, now, &mut delta);
        }
        delta
    }

    /// Too much has changed to be told one by one: what is there, and what was.
    fn everything(&self, store: &Store) -> BTreeSet<Key> {
        let kinds = KINDS.iter().map(|it| it.kind);
        let there = kinds.flat_map(|kind| store.list(kind, None).map(move |it| Key::of(kind, it)));
        let told = self.told.iter().filter_map(|it| {
            let kind = self.kinds.iter().find(|kind| kind.name() == it.kind)?;
            Some(Key::new(*kind, &it.namespace, &it.name))
        });
        there.chain(told).collect()
    }

    fn look(&mut self, store: &Store, key: Key, now: Time, delta: &mut ObjectsDelta) {
        let object = store.get(key.kind, &key.namespace, &key.name);
        match key.kind {
            Kind::Event => return,
            Kind::Service => self.service(&key, object),
            Kind::EndpointSlice => self.slice(&key, object),
            _ => {}
        }
        let named = shown(&key);
        self.running.remove(&key);
        let Some(object) = object else {
            if self.told.remove(&named) {
                delta.gone.push(named);
            }
            return;
        };
        let (headers, cells, age) = row(key.kind, object, now);
        if row(key.kind, object, Time(now.0 + DAY)).1 != cells {
            self.running.insert(key.clone(), cells.clone());
        }
        if self.kinds.insert(key.kind) {
            let (kind, resource) = (key.kind.name().to_owned(), key.kind.resource().qualified());
            delta.columns.push(Columns { kind, resource, headers, age });
        }
        self.told.insert(named.clone());
        delta.put.push(ObjectRow { key: named, cells, born: born(object) });
    }

    /// Cells that time itself has changed.
    fn go_on(&mut self, store: &Store, now: Time, delta: &mut ObjectsDelta) {
        for (key, told) in &mut self.running {
            let Some(object) = store.get(key.kind, &key.namespace, &key.name) else { continue };
            let (_, cells, _) = row(key.kind, object, now);
            if *told != cells {
                told.clone_from(&cells);
                delta.put.push(ObjectRow { key: shown(key), cells, born: born(object) });
            }
        }
    }

    fn service(&mut self, key: &Key, object: Option<&Value>) {
        self.services_changed = true;
        let path = format!("{}/{}", key.namespace, key.name);
        let Some(object) = object else {
            self.services.remove(&path);
            return;
        };
        let spec = object.get("spec");
        let port = |it: &Value| {
            let node = it.int("nodePort");
            let node = if node == 0 { String::new() } else { format!(":{node}") };
            format!("{}{node}/{}", it.int("port"), it.str("protocol"))
        };
        let service = Service {
            namespace: key.namespace.to_string(),
            name: key.name.to_string(),
            kind: spec.str("type").to_owned(),
            address: spec.str("clusterIP").to_owned(),
            ports: spec.get("ports").items().iter().map(port).collect(),
            endpoints: Vec::new(),
        };
        self.services.insert(path.clone(), service);
        self.join(&path);
    }

    fn slice(&mut self, key: &Key, object: Option<&Value>) {
        let slice = format!("{}/{}", key.namespace, key.name);
        if let Some((before, _)) = self.slices.remove(&slice) {
            self.slices_of.entry(before.clone()).or_default().remove(&slice);
            self.join(&before);
        }
        let Some(object) = object else { return };
        let service = object["metadata"].get("labels").str(SERVICE_NAME);
        let service = format!("{}/{service}", key.namespace);
        self.slices.insert(slice.clone(), (service.clone(), endpoints(object)));
        self.slices_of.entry(service.clone()).or_default().insert(slice);
        self.join(&service);
    }

    /// Gives a Service the endpoints of its slices.
    fn join(&mut self, service: &str) {
        let Some(known) = self.services.get_mut(service) else { return };
        let slices = self.slices_of.get(service).into_iter().flatten();
        let endpoints =
            slices.filter_map(|it| self.slices.get(it)).flat_map(|(_, all)| all.clone()).collect();
        if known.endpoints != endpoints {
            known.endpoints = endpoints;
            self.services_changed = true;
        }
    }
}

fn shown(key: &Key) -> ObjectKey {
    ObjectKey {
        kind: key.kind.name().to_owned(),
        namespace: key.namespace.to_string(),
        name: key.name.to_string(),
    }
}

/// Headers and cells of one object; the age among them is left blank.
fn row(kind: Kind, object: &Value, now: Time) -> (Vec<String>, Vec<String>, Option<usize>) {
    let (headers, mut rows) = kubectl::wide(kind, std::slice::from_ref(object), now);
    let mut cells = rows.pop().unwrap_or_default();
    let age = headers.iter().position(|it| it == "AGE");
    age.and_then(|age| cells.get_mut(age)).into_iter().for_each(String::clear);
    (headers, cells, age)
}

fn born(object: &Value) -> Option<i64> {
    Time::parse(object["metadata"].str("creationTimestamp")).map(|it| it.0)
}

fn endpoints(slice: &Value) -> Vec<Endpoint> {
    let each = |it: &Value| {
        let ready = it["conditions"].get("ready").as_bool().unwrap_or(true);
        let address = it.get("addresses").items().first().and_then(|it| it.as_str().parse().ok())?;
        Some(Endpoint { address, ready })
    };
    slice.get("endpoints").items().iter().filter_map(each).collect()
}

/// One object whole, with what happened to it; `None` where it is not there (any more).
pub fn object(cluster: &Cluster, key: &ObjectKey, now: Time) -> Option<ObjectShown> {
    let kind = KINDS.iter().find(|it| it.name == key.kind)?.kind;
    let store = &cluster.api.store;
    let object = store.get(kind, &key.namespace, &key.name)?;
    let namespace = Some(key.namespace.as_str()).filter(|it| !it.is_empty());
    let mut events: Vec<&Value> =
        store.list(Kind::Event, namespace).filter(|it| kubectl::is_about(it, kind, object)).collect();
    events.sort_by_key(|it| kubectl::when(it));
    let columns = ["Type", "Reason", "Age", "From", "Message"];
    Some(ObjectShown {
        key: key.clone(),
        yaml: kubectl::yaml_of(object),
        events: Table {
            title: "Events".to_owned(),
            command: String::new(),
            columns: columns.map(str::to_owned).into(),
            rows: events.iter().map(|it| kubectl::described(it, now).into()).collect(),
        },
    })
}
