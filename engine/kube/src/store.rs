//! The cluster's only truth: objects by kind, namespace and name, and the order in which they changed.
//!
//! Stands under the API server and the controllers; knows no kind's rules. Always: every change takes the next
//! revision; the order of a list is etcd's (the key `namespace/name`, byte by byte); a reader that fell behind the
//! kept changes is told so and lists again.
//! Differs from etcd: one copy, nothing is compacted but by age in changes.

use crate::object::{Kind, Time, Value};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Bound;
use std::rc::Rc;

/// Changes kept for those who watch; older ones are gone, as after etcd's compaction.
const MOST_CHANGES: usize = 32_768;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    pub kind: Kind,
    /// Empty for what belongs to no namespace.
    pub namespace: Rc<str>,
    pub name: Rc<str>,
}

impl Key {
    pub fn new(kind: Kind, namespace: &str, name: &str) -> Key {
        Key { kind, namespace: namespace.into(), name: name.into() }
    }

    pub fn of(kind: Kind, object: &Value) -> Key {
        let metadata = object.get("metadata");
        Key::new(kind, metadata.str("namespace"), metadata.str("name"))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    Added,
    Modified,
    Deleted,
}

/// One change: what the object became, or was when it went.
#[derive(Clone, Debug)]
pub struct Change {
    pub revision: u64,
    pub kind: Kind,
    pub what: What,
    pub object: Value,
    /// Before the change; null for what was added.
    pub before: Value,
}

#[derive(Debug, Default)]
pub struct Store {
    kinds: BTreeMap<Kind, BTreeMap<Rc<str>, Value>>,
    /// By the uid of the owner that controls them, empty if none does: kind, and key of the object.
    owned: BTreeMap<Rc<str>, BTreeSet<(Kind, Rc<str>)>>,
    revision: u64,
    changes: VecDeque<Change>,
    now: Time,
}

fn path(namespace: &str, name: &str) -> String {
    let mut path = String::with_capacity(namespace.len() + name.len() + 1);
    path.push_str(namespace);
    path.push('/');
    path.push_str(name);
    path
}

impl Store {
    pub fn now(&self) -> Time {
        self.now
    }

    /// Time passes; it never goes back but when a recording is set up.
    pub fn set_now(&mut self, now: Time) {
        self.now = now;
    }

    pub fn revision(&self) -> u64 {
        self.revision
    }

    pub fn get(&self, kind: Kind, namespace: &str, name: &str) -> Option<&Value> {
        self.kinds.get(&kind)?.get(path(namespace, name).as_str())
    }

    /// How many of a kind there are.
    pub fn count(&self, kind: Kind) -> usize {
        self.kinds.get(&kind).map_or(0, BTreeMap::len)
    }

    /// All of a kind, of one namespace if named, in key order.
    pub fn list<'a>(
        &'a self,
        kind: Kind,
        namespace: Option<&str>,
    ) -> impl Iterator<Item = &'a Value> + use<'a> {
        let bounds = match namespace {
            None => (Bound::Unbounded, Bound::Unbounded),
            // '0' follows '/'.
            Some(it) => (Bound::Included(format!("{it}/")), Bound::Excluded(format!("{it}0"))),
        };
        let of_kind = self.kinds.get(&kind);
        let range = of_kind.map(|objects| {
            let bounds = (as_str(&bounds.0), as_str(&bounds.1));
            objects.range::<str, _>(bounds)
        });
        range.into_iter().flatten().map(|(_, object)| object)
    }

    /// Writes under the next revision, whatever stood there.
    pub fn put(&mut self, kind: Kind, mut object: Value) -> Value {
        self.revision += 1;
        object["metadata"].set("resourceVersion", self.revision.to_string());
        let before = self.file(kind, object.clone());
        let what = if before.is_some() { What::Modified } else { What::Added };
        self.note(kind, what, object.clone(), before.unwrap_or_default());
        object
    }

    pub fn remove(&mut self, kind: Kind, namespace: &str, name: &str) -> Option<Value> {
        let (key, mut object) = self.kinds.get_mut(&kind)?.remove_entry(path(namespace, name).as_str())?;
        self.revision += 1;
        let before = object.clone();
        self.forget_owner(kind, &key, &before);
        object["metadata"].set("resourceVersion", self.revision.to_string());
        self.note(kind, What::Deleted, object.clone(), before);
        Some(object)
    }

    /// Takes an object in as it is, with its revision: how a recorded world is set up.
    pub fn load(&mut self, kind: Kind, object: Value) {
        let revision = object["metadata"].str("resourceVersion").parse().unwrap_or(self.revision + 1);
        self.revision = self.revision.max(revision);
        self.file(kind, object.clone());
        self.note(kind, What::Added, object, Value::Null);
    }

    fn file(&mut self, kind: Kind, object: Value) -> Option<Value> {
        let key: Rc<str> = path(object["metadata"].str("namespace"), object["metadata"].str("name")).into();
        let owner: Rc<str> = controller_of(&object).str("uid").into();
        let before = self.kinds.entry(kind).or_default().insert(key.clone(), object);
        if before.as_ref().map(|it| controller_of(it).str("uid")) != Some(&*owner) {
            if let Some(before) = &before {
                self.forget_owner(kind, &key, before);
            }
            self.owned.entry(owner).or_default().insert((kind, key));
        }
        before
    }

    fn forget_owner(&mut self, kind: Kind, key: &Rc<str>, object: &Value) {
        let uid = controller_of(object).str("uid");
        if let Some(owned) = self.owned.get_mut(uid) {
            owned.remove(&(kind, key.clone()));
            if owned.is_empty() {
                self.owned.remove(uid);
            }
        }
    }

    fn note(&mut self, kind: Kind, what: What, object: Value, before: Value) {
        if self.changes.len() == MOST_CHANGES {
            self.changes.pop_front();
        }
        self.changes.push_back(Change { revision: self.revision, kind, what, object, before });
    }

    /// What changed after a revision; `None` if that is no longer known and the reader must list again.
    pub fn changes_since(&self, revision: u64) -> Option<impl Iterator<Item = &Change>> {
        let oldest = self.changes.front().map_or(self.revision + 1, |it| it.revision);
        if revision < self.revision && revision + 1 < oldest && self.changes.len() == MOST_CHANGES {
            return None;
        }
        let start = self.changes.partition_point(|it| it.revision <= revision);
        Some(self.changes.range(start..))
    }

    /// Objects of a kind that the owner of this uid controls, in key order.
    pub fn owned_by(&self, kind: Kind, uid: &str) -> impl Iterator<Item = &Value> {
        let of_kind = move |it: &&(Kind, Rc<str>)| it.0 == kind;
        let keys = self.owned.get(uid).into_iter().flatten().filter(of_kind);
        keys.filter_map(move |(_, key)| self.kinds.get(&kind)?.get(key))
    }

    /// All objects that the owner of this uid controls.
    pub fn dependents(&self, uid: &str) -> impl Iterator<Item = (Kind, &Value)> {
        let keys = Some(uid).filter(|it| !it.is_empty()).and_then(|it| self.owned.get(it));
        keys.into_iter().flatten().filter_map(|(kind, key)| Some((*kind, self.kinds.get(kind)?.get(key)?)))
    }

    /// Objects of a kind in a namespace that nobody controls.
    pub fn orphans(&self, kind: Kind, namespace: &str) -> impl Iterator<Item = &Value> {
        let bounds = (kind, Rc::from(format!("{namespace}/")))..(kind, Rc::from(format!("{namespace}0")));
        let keys = self.owned.get("").into_iter().flat_map(move |all| all.range(bounds.clone()));
        keys.filter_map(move |(_, key)| self.kinds.get(&kind)?.get(key))
    }
}

fn as_str(bound: &Bound<String>) -> Bound<&str> {
    match bound {
        Bound::Included(it) => Bound::Included(it),
        Bound::Excluded(it) => Bound::Excluded(it),
        Bound::Unbounded => Bound::Unbounded,
    }
}

/// The owner reference that controls an object; null if none does.
pub fn controller_of(object: &Value) -> &Value {
    let owners = object.get("metadata").get("ownerReferences").items();
    owners.iter().find(|it| it.is_true("controller")).unwrap_or(crate::object::NULL)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object;

    #[test]
    fn a_list_is_in_etcds_order_and_a_watch_sees_each_change() {
        let mut store = Store::default();
        for (namespace, name) in [("b", "x"), ("a-b", "y"), ("a", "z")] {
            store.put(Kind::Pod, object!({"metadata": {"namespace": namespace, "name": name}}));
        }
        let names: Vec<&str> = store.list(Kind::Pod, None).map(|it| it["metadata"].str("name")).collect();
        assert_eq!(names, ["y", "z", "x"]);
        assert_eq!(store.list(Kind::Pod, Some("a")).count(), 1);
        store.remove(Kind::Pod, "a", "z");
        let seen: Vec<What> = store.changes_since(2).expect("kept").map(|it| it.what).collect();
        assert_eq!(seen, [What::Added, What::Deleted]);
    }
}
