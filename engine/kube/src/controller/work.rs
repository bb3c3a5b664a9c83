//! What drives the controllers: reads what changed, asks those whom it concerns, and writes what they say.
//!
//! Always: a key is asked for once however often its objects changed; a write that fails becomes an Event and is tried
//! again with a growing pause, never dropped. Everything happens in the order of the change log and of `ALL`.
//! Source: client-go `util/workqueue` (a pause of 5 ms that doubles, up to 1,000 s; here in whole seconds).

use super::tally::Tally;
use super::{ALL, Controller, Event, Plan, Settings, View, Write, event};
use crate::api::delete::Deletion;
use crate::api::path::{Path, Target};
use crate::api::{Api, Options};
use crate::component::page::AUTHORITY;
use crate::object::{Kind, Status, Time, Value};
use crate::store::Key;
use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

/// Rounds of one step. A world that has not come to rest by then goes on in the next step, a second later.
const MOST_ROUNDS: u32 = 10_000;
const LONGEST_PAUSE: i64 = 1_000;

/// kube-controller-manager.
#[derive(Debug)]
pub struct ControllerManager {
    pub settings: Settings,
    seen: u64,
    tally: Tally,
    /// Keys to ask for, by controller.
    queue: BTreeSet<(usize, Key)>,
    later: BTreeSet<(Time, usize, Key)>,
    /// How often a key failed in a row, and how the last time.
    failures: BTreeMap<(usize, Key), (u32, String)>,
}

impl Default for ControllerManager {
    fn default() -> ControllerManager {
        ControllerManager::new()
    }
}

impl ControllerManager {
    pub fn new() -> ControllerManager {
        let cluster_cidr =
            ipnet::Ipv4Net::new(Ipv4Addr::new(10, 244, 0, 0), 16).expect("16 bits are few enough");
        ControllerManager {
            settings: Settings { cluster_cidr, pool: None, root_ca: AUTHORITY.to_owned() },
            seen: 0,
            tally: Tally::default(),
            queue: BTreeSet::new(),
            later: BTreeSet::new(),
            failures: BTreeMap::new(),
        }
    }

    /// Works until nothing is left to do; says when something will be, though nothing changes.
    pub fn step(&mut self, api: &mut Api) -> Option<Time> {
        let now = api.store.now();
        while self.later.first().is_some_and(|it| it.0 <= now) {
            if let Some((_, index, key)) = self.later.pop_first() {
                self.queue.insert((index, key));
            }
        }
        for _ in 0..MOST_ROUNDS {
            self.read(api);
            let Some((index, key)) = self.queue.pop_first() else {
                return self.later.first().map(|it| it.0);
            };
            self.ask(api, index, &key);
        }
        Some(Time(now.0 + 1))
    }

    fn read(&mut self, api: &Api) {
        let revision = api.store.revision();
        if revision == self.seen {
            return;
        }
        let mut keys = BTreeSet::new();
        match api.store.changes_since(self.seen) {
            Some(changes) => {
                for change in changes {
                    self.tally.take_in(change);
                    for (index, controller) in ALL.iter().enumerate() {
                        (controller.wakes)(&api.store, change, &mut keys);
                        self.queue.extend(std::mem::take(&mut keys).into_iter().map(|key| (index, key)));
                    }
                }
            }
            None => self.relist(api),
        }
        self.seen = revision;
    }

    /// Asks for everything, as an informer that fell behind.
    fn relist(&mut self, api: &Api) {
        self.tally.recount(&api.store);
        for resource in crate::object::KINDS {
            for object in api.store.list(resource.kind, None) {
                let change = crate::store::Change {
                    revision: 0,
                    kind: resource.kind,
                    what: crate::store::What::Added,
                    object: object.clone(),
                    before: Value::Null,
                };
                for (index, controller) in ALL.iter().enumerate() {
                    let mut keys = BTreeSet::new();
                    (controller.wakes)(&api.store, &change, &mut keys);
                    self.queue.extend(keys.into_iter().map(|key| (index, key)));
                }
            }
        }
    }

    fn ask(&mut self, api: &mut Api, index: usize, key: &Key) {
        let controller = ALL[index];
        let place = (index, key.clone());
        let now = api.store.now();
        let failure = self.failures.get(&place).map(|it| it.1.as_str());
        let view = View { store: &api.store, settings: &self.settings, tally: &self.tally, now, failure };
        let plan = (controller.reconcile)(&view, key);
        if let Some(at) = plan.again {
            self.later.insert((at.max(Time(now.0 + 1)), index, key.clone()));
        }
        match write_all(api, controller, plan) {
            Ok(()) => {
                self.failures.remove(&place);
            }
            Err(status) => {
                let failed = self.failures.entry(place).or_default();
                let pause = 1i64.checked_shl(failed.0.min(10)).unwrap_or(LONGEST_PAUSE).min(LONGEST_PAUSE);
                *failed = (failed.0 + 1, status.message);
                self.later.insert((Time(now.0 + pause), index, key.clone()));
            }
        }
    }
}

fn write_all(api: &mut Api, controller: &Controller, plan: Plan) -> Result<(), Status> {
    for write in plan.writes {
        one(api, controller, write)?;
    }
    Ok(())
}

fn one(api: &mut Api, controller: &Controller, write: Write) -> Result<(), Status> {
    match write {
        Write::Create(kind, object, told) => {
            let namespace = object["metadata"].str("namespace").to_owned();
            match api.create(kind, &namespace, object, &mut Options::default()) {
                Ok(made) => {
                    if let Some(mut told) = told {
                        told.message = told.message.replace("{}", made["metadata"].str("name"));
                        event::record(api, controller.name, &told);
                    }
                    Ok(())
                }
                Err(status) => {
                    if let Some(told) = told {
                        event::record(api, controller.name, &refusal(&told, &status));
                    }
                    Err(status)
                }
            }
        }
        Write::Update(kind, object) => update(api, kind, object, ""),
        Write::Status(kind, object) => update(api, kind, object, "status"),
        Write::Finalize(object) => update(api, Kind::Namespace, object, "finalize"),
        Write::Delete(key, told) => {
            delete(api, &key, None)?;
            if let Some(told) = told {
                event::record(api, controller.name, &told);
            }
            Ok(())
        }
        Write::Remove(key) => delete(api, &key, Some(0)),
        Write::Tell(told) => {
            event::record(api, controller.name, &told);
            Ok(())
        }
    }
}

/// What is told when an object could not be made.
fn refusal(told: &Event, status: &Status) -> Event {
    let message = match told.about.str("kind") {
        "StatefulSet" => {
            format!("{} failed error: {}", told.message.trim_end_matches(" successful"), status.message)
        }
        _ => format!("Error creating: {}", status.message),
    };
    Event { kind: "Warning", reason: "FailedCreate", message, ..told.clone() }
}

fn update(api: &mut Api, kind: Kind, mut object: Value, part: &str) -> Result<(), Status> {
    let metadata = &mut object["metadata"];
    // Nobody can have written since this was read.
    metadata.remove("resourceVersion");
    let (namespace, name) = (metadata.str("namespace").to_owned(), metadata.str("name").to_owned());
    let path = Path { kind, namespace, name, target: Target::Object, rest: String::new() };
    gone_is_fine(api.update(&path, object, part, &mut Options::default()).map(|_| ()))
}

fn delete(api: &mut Api, key: &Key, grace: Option<i64>) -> Result<(), Status> {
    let deletion = Deletion { grace, ..Deletion::default() };
    gone_is_fine(api.delete(key.kind, &key.namespace, &key.name, &deletion).map(|_| ()))
}

fn gone_is_fine(result: Result<(), Status>) -> Result<(), Status> {
    match result {
        Err(status) if status.reason == "NotFound" => Ok(()),
        other => other,
    }
}
