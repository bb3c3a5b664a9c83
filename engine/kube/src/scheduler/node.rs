//! What the scheduler keeps of a node: the object, the pods on it, and what they ask for.

use crate::object::quantity::Quantity;
use crate::object::{Kind, Value};
use crate::store::{Key, controller_of};
use std::collections::BTreeMap;

/// What counts for a pod that asks for nothing, when nodes are compared: 100m and 200Mi.
const LEAST_CPU: i128 = 100;
const LEAST_MEMORY: i128 = 200 << 20;

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Resources {
    pub cpu_milli: i128,
    pub memory_bytes: i128,
}

impl Resources {
    fn of(list: &Value) -> Resources {
        let quantity = |name: &str| Quantity::of(list.str(name));
        Resources { cpu_milli: quantity("cpu").milli(), memory_bytes: quantity("memory").value() }
    }

    fn plus(self, other: Resources) -> Resources {
        Resources {
            cpu_milli: self.cpu_milli.saturating_add(other.cpu_milli),
            memory_bytes: self.memory_bytes.saturating_add(other.memory_bytes),
        }
    }

    fn minus(self, other: Resources) -> Resources {
        Resources {
            cpu_milli: self.cpu_milli - other.cpu_milli,
            memory_bytes: self.memory_bytes - other.memory_bytes,
        }
    }

    /// What a pod asks for: its containers together, or an init container that asks for more.
    pub fn asked(pod: &Value) -> Resources {
        let spec = pod.get("spec");
        let request = |it: &Value| Resources::of(it.at(&["resources", "requests"]));
        let mut sum = Resources::default();
        for container in spec.get("containers").items() {
            sum = sum.plus(request(container));
        }
        for container in spec.get("initContainers").items() {
            let its = request(container);
            if container.str("restartPolicy") == "Always" {
                sum = sum.plus(its);
            } else {
                sum.cpu_milli = sum.cpu_milli.max(its.cpu_milli);
                sum.memory_bytes = sum.memory_bytes.max(its.memory_bytes);
            }
        }
        sum.plus(Resources::of(spec.get("overhead")))
    }

    pub fn at_least_something(self) -> Resources {
        Resources {
            cpu_milli: if self.cpu_milli == 0 { LEAST_CPU } else { self.cpu_milli },
            memory_bytes: if self.memory_bytes == 0 { LEAST_MEMORY } else { self.memory_bytes },
        }
    }
}

#[derive(Debug, Default)]
pub struct Node {
    /// Null while only its pods are known.
    pub object: Value,
    pub allocatable: Resources,
    pub most_pods: usize,
    pub asked: Resources,
    /// As `asked`, but a pod that asks for nothing counts too.
    pub felt: Resources,
    pub pods: BTreeMap<Key, Value>,
    /// How many pods of each owner.
    owners: BTreeMap<String, usize>,
}

impl Node {
    /// Takes the object; says whether a pod that did not fit may fit now.
    pub fn set(&mut self, object: &Value) -> bool {
        let allocatable = object.at(&["status", "allocatable"]);
        self.allocatable = Resources::of(allocatable);
        let pods = Quantity::of(allocatable.str("pods")).value();
        self.most_pods = usize::try_from(pods).unwrap_or(0);
        let before = std::mem::replace(&mut self.object, object.clone());
        before.get("spec") != object.get("spec")
            || before["metadata"].get("labels") != object["metadata"].get("labels")
            || before.at(&["status", "allocatable"]) != allocatable
    }

    pub fn add(&mut self, key: &Key, pod: &Value) {
        debug_assert_eq!(key.kind, Kind::Pod);
        let asked = Resources::asked(pod);
        self.asked = self.asked.plus(asked);
        self.felt = self.felt.plus(asked.at_least_something());
        *self.owners.entry(controller_of(pod).str("uid").to_owned()).or_default() += 1;
        self.pods.insert(key.clone(), pod.clone());
    }

    pub fn remove(&mut self, key: &Key) -> Option<Value> {
        let pod = self.pods.remove(key)?;
        let asked = Resources::asked(&pod);
        self.asked = self.asked.minus(asked);
        self.felt = self.felt.minus(asked.at_least_something());
        if let Some(count) = self.owners.get_mut(controller_of(&pod).str("uid")) {
            *count -= 1;
            if *count == 0 {
                self.owners.remove(controller_of(&pod).str("uid"));
            }
        }
        Some(pod)
    }

    /// How many pods here have the same owner.
    pub fn of_owner(&self, uid: &str) -> usize {
        if uid.is_empty() { 0 } else { self.owners.get(uid).copied().unwrap_or(0) }
    }
}
