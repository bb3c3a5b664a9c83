//! kube-controller-manager: controllers that make the cluster what its objects say it should be.
//!
//! Stands beside the API server. A controller is a file with a pure `reconcile`: it reads the store and says what ought
//! to be written; it is not told what changed, so twice is the same as once, and it knows no other controller. What
//! drives them stands in `work`.
//! Differs from Kubernetes: the controllers read and write the store directly, on the machine of the API server; so no
//! other writer can come between their reading and their writing.

pub mod daemonset;
pub mod deployment;
pub mod endpoints;
pub mod endpointslice;
pub mod event;
pub mod garbage;
pub mod job;
pub mod load_balancer;
pub mod namespace;
pub mod node_ipam;
pub mod node_lifecycle;
pub mod pod;
pub mod replicaset;
pub mod revision;
pub mod service_account;
pub mod service_network;
pub mod statefulset;
pub mod tally;
mod work;

pub use work::ControllerManager;

use crate::object::{Kind, Time, Value};
use crate::store::{Change, Key, Store};
use std::collections::BTreeSet;

/// One controller: which keys a change concerns, and what a key's objects ought to be.
#[derive(Debug)]
pub struct Controller {
    /// As its Events are signed.
    pub name: &'static str,
    pub wakes: fn(&Store, &Change, &mut BTreeSet<Key>),
    pub reconcile: fn(&View, &Key) -> Plan,
}

/// What a controller looks at.
#[derive(Debug)]
pub struct View<'a> {
    pub store: &'a Store,
    pub settings: &'a Settings,
    pub tally: &'a tally::Tally,
    pub now: Time,
    /// Why a write for this key failed the last time.
    pub failure: Option<&'a str>,
}

/// The controller manager's flags.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `--cluster-cidr`, whose parts of 256 addresses become the nodes' `podCIDR`.
    pub cluster_cidr: ipnet::Ipv4Net,
    /// Addresses that Services of type LoadBalancer get; none without a pool.
    pub pool: Option<(std::net::Ipv4Addr, std::net::Ipv4Addr)>,
    /// `kube-root-ca.crt` of each namespace.
    pub root_ca: String,
}

/// What ought to be written, in order, and when to look again though nothing changes.
#[derive(Debug, Default)]
pub struct Plan {
    pub writes: Vec<Write>,
    pub again: Option<Time>,
}

#[derive(Debug)]
pub enum Write {
    /// With what is told of it: `{}` stands for the name the object gets.
    Create(Kind, Value, Option<Event>),
    Update(Kind, Value),
    Status(Kind, Value),
    /// A namespace's own finalizers.
    Finalize(Value),
    Delete(Key, Option<Event>),
    /// Without waiting for a kubelet.
    Remove(Key),
    Tell(Event),
}

/// What is told of an object.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    pub about: Value,
    pub kind: &'static str,
    pub reason: &'static str,
    pub message: String,
}

impl Event {
    pub fn normal(about: &Value, reason: &'static str, message: impl Into<String>) -> Event {
        Event { about: about.clone(), kind: "Normal", reason, message: message.into() }
    }

    pub fn warning(about: &Value, reason: &'static str, message: impl Into<String>) -> Event {
        Event { about: about.clone(), kind: "Warning", reason, message: message.into() }
    }
}

impl Plan {
    pub fn nothing() -> Plan {
        Plan::default()
    }

    pub fn write(&mut self, write: Write) {
        self.writes.push(write);
    }

    /// Writes a status unless it stands so already.
    pub fn status(&mut self, kind: Kind, object: &Value, status: Value) {
        if *object.get("status") != status {
            let mut changed = object.clone();
            changed.set("status", status);
            self.write(Write::Status(kind, changed));
        }
    }

    pub fn look_again(&mut self, at: Time) {
        self.again = Some(self.again.map_or(at, |before| before.min(at)));
    }
}

/// The key of the owner that controls a changed object, before and after the change.
pub fn wake_owner(kind: Kind, change: &Change, keys: &mut BTreeSet<Key>) {
    for object in [&change.before, &change.object] {
        let owner = crate::store::controller_of(object);
        if owner.str("kind") == kind.name() {
            keys.insert(Key::new(kind, object["metadata"].str("namespace"), owner.str("name")));
        }
    }
}

/// The changed object's own key, if it is of this kind.
pub fn wake_itself(kind: Kind, change: &Change, keys: &mut BTreeSet<Key>) {
    if change.kind == kind {
        keys.insert(Key::of(kind, &change.object));
    }
}

/// All controllers, in the order in which they are asked.
pub const ALL: &[&Controller] = &[
    &namespace::NAMESPACE,
    &service_account::SERVICE_ACCOUNT,
    &service_account::ROOT_CA,
    &node_ipam::NODE_IPAM,
    &node_lifecycle::NODE_LIFECYCLE,
    &node_lifecycle::TAINT_EVICTION,
    &service_network::SERVICE_CIDR,
    &service_network::IP_ADDRESS,
    &load_balancer::LOAD_BALANCER,
    &deployment::DEPLOYMENT,
    &replicaset::REPLICASET,
    &statefulset::STATEFULSET,
    &daemonset::DAEMONSET,
    &job::JOB,
    &endpointslice::ENDPOINTSLICE,
    &endpoints::ENDPOINTS,
    &garbage::GARBAGE_COLLECTOR,
];
