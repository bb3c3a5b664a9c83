//! In the place of `cluster` where the engine is built without it: a lab with a cluster is told to be impossible here.
//!
//! Always: the page gives such a lab to the other engine (`api::lab::Lab::engine`), so that nobody reads this.

use crate::World;
use crate::probe::Place;
use api::Lab;
use api::cluster::{ObjectKey, ObjectShown, ObjectsDelta};
use api::lab::Setup;
use api::topology::Topology;
use linux::System;

const MISSING: &str = "this engine was built without clusters";

pub fn with_machines(lab: &Lab) -> (Lab, Vec<Setup>) {
    (lab.clone(), Vec::new())
}

pub fn name_pods(_system: &System, _topology: &mut Topology) {}

/// There is none.
#[derive(Debug)]
pub enum Objects {}

impl Objects {
    pub fn news(&mut self, _system: &System) -> Option<ObjectsDelta> {
        match *self {}
    }

    pub fn moved(&mut self) -> bool {
        match *self {}
    }

    pub fn put_services(&self, _topology: &mut Topology) {
        match *self {}
    }

    pub fn shown(&self, _system: &System, _key: &ObjectKey) -> Option<ObjectShown> {
        match *self {}
    }
}

pub fn objects(_world: &World) -> Option<Objects> {
    None
}

impl World {
    pub(crate) fn start_cluster(&mut self, lab: &Lab, _seed: u64) {
        if lab.cluster.is_some() {
            self.complain("cluster", MISSING);
        }
    }

    pub(crate) fn pod(&mut self, _pod: &str) -> Result<Place, String> {
        Err(MISSING.to_owned())
    }
}
