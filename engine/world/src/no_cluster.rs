//! In the place of `cluster` where the engine is built without it: a lab with a cluster is told to be impossible here.
//!
//! Always: the page gives such a lab to the other engine (`api::lab::Lab::engine`), so that nobody reads this.

use crate::World;
use api::Lab;

pub fn with_machines(lab: &Lab) -> Lab {
    lab.clone()
}

impl World {
    pub(crate) fn start_cluster(&mut self, lab: &Lab, _seed: u64) {
        if lab.cluster.is_some() {
            self.complain("cluster", "this engine was built without clusters");
        }
    }
}
