//! A cluster's control plane as its machine keeps it: the API server's state, the controllers and the scheduler.
//!
//! Attached to the control-plane machine; the programs of `component` work on it. Always: whoever changes the store does it
//! through [`change`], which tells of it under [`STORE`], so that nobody asks twice for what has not changed.
//! Differs from kubeadm: etcd holds no bytes of its own; controllers and scheduler use the store directly.

use crate::api::{Api, Request, Response};
use crate::controller::ControllerManager;
use crate::object::{KINDS, Kind, Time};
use crate::scheduler::Scheduler;
use api::MachineId;
use linux::{System, WaitOn};
use std::collections::BTreeSet;
use std::net::Ipv4Addr;

/// The notice under which the control plane's machine tells that the store has changed.
pub const STORE: u32 = 1;
/// And, from here on by kind, that objects of one kind have.
const CHANGED: u32 = 1_000;
/// Every so many changes all who watch are told, before the store forgets what they have not seen.
const LONGEST_SILENCE: u64 = 8_192;

/// The notice under which the control plane's machine tells that objects of that kind have changed.
pub fn changed(kind: Kind) -> u32 {
    CHANGED + kind as u32
}

pub struct Cluster {
    pub api: Api,
    controllers: ControllerManager,
    scheduler: Scheduler,
}

impl Cluster {
    pub fn new(seed: u64, now: Time) -> Cluster {
        Cluster {
            api: Api::new(seed, now),
            controllers: ControllerManager::new(),
            scheduler: Scheduler::new(),
        }
    }

    /// The first and the last address that Services of type LoadBalancer get.
    pub fn set_pool(&mut self, pool: Option<(Ipv4Addr, Ipv4Addr)>) {
        self.controllers.settings.pool = pool;
    }

    /// Lets the controllers do what there is to do; when they want to be called next.
    pub fn run_controllers(&mut self) -> Option<Time> {
        self.controllers.step(&mut self.api)
    }

    pub fn run_scheduler(&mut self) -> Option<Time> {
        self.scheduler.step(&mut self.api)
    }
}

/// The wall clock in whole seconds.
pub fn now(system: &System) -> Time {
    Time(i64::try_from(system.realtime(system.now()).as_secs()).unwrap_or(i64::MAX))
}

/// Lets `act` work on the cluster of that machine, and tells of changes. `None` where there is no cluster.
pub fn change<T>(system: &mut System, machine: MachineId, act: impl FnOnce(&mut Cluster) -> T) -> Option<T> {
    let now = now(system);
    let cluster = system.attached_mut::<Cluster>(machine)?;
    cluster.api.set_now(now);
    let before = cluster.api.store.revision();
    let done = act(cluster);
    let store = &cluster.api.store;
    if store.revision() != before {
        let kinds: BTreeSet<Kind> = match store.changes_since(before) {
            Some(changes) if before / LONGEST_SILENCE == store.revision() / LONGEST_SILENCE => {
                changes.map(|it| it.kind).collect()
            }
            _ => KINDS.iter().map(|it| it.kind).collect(),
        };
        system.wake(WaitOn::Notice(machine, STORE));
        kinds.into_iter().for_each(|kind| system.wake(WaitOn::Notice(machine, changed(kind))));
    }
    Some(done)
}

/// What the API server answers.
pub fn handle(system: &mut System, machine: MachineId, request: &Request) -> Response {
    change(system, machine, |cluster| cluster.api.handle(request))
        .unwrap_or_else(|| Response::text(503, "no cluster on this machine"))
}
