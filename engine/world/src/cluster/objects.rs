//! A cluster's objects as the page follows them, and its Services in the picture.
//!
//! Always: read only; without a cluster there is nothing to tell.

use api::MachineId;
use api::cluster::{ObjectKey, ObjectShown, ObjectsDelta};
use api::topology::Topology;
use kube::cluster::{self, Cluster};
use kube::view::{self, View};
use linux::System;

/// Follows the cluster of one control plane.
#[derive(Debug)]
pub struct Objects {
    master: MachineId,
    view: View,
}

impl Objects {
    pub fn of(master: MachineId) -> Objects {
        Objects { master, view: View::default() }
    }

    /// What has changed since the last call.
    pub fn news(&mut self, system: &System) -> Option<ObjectsDelta> {
        let cluster = system.attached::<Cluster>(self.master)?;
        let epoch = i64::try_from(system.realtime(sim::Instant::BOOT).as_secs()).unwrap_or(i64::MAX);
        Some(self.view.news(cluster, epoch, cluster::now(system))).filter(|delta| !delta.is_empty())
    }

    /// Whether Services have changed since this was asked last.
    pub fn moved(&mut self) -> bool {
        std::mem::take(&mut self.view.services_changed)
    }

    pub fn put_services(&self, topology: &mut Topology) {
        topology.services.clone_from(&self.view.services);
    }

    pub fn shown(&self, system: &System, key: &ObjectKey) -> Option<ObjectShown> {
        view::object(system.attached(self.master)?, key, cluster::now(system))
    }
}
