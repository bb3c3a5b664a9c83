//! In the place of `cluster` where the engine is built without it: a lab with a cluster is told to be impossible here.
//!
//! Always: the page gives such a lab to the other engine (`api::lab::Lab::engine`), so that nobody reads this.

use crate::World;
use crate::probe::Place;
use api::Lab;
use api::lab::Setup;
use api::topology::Topology;
use linux::System;

const MISSING: &str = "this engine was built without clusters";

pub fn with_machines(lab: &Lab) -> (Lab, Vec<Setup>) {
    (lab.clone(), Vec::new())
}

pub fn name_pods(_system: &System, _topology: &mut Topology) {}

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
