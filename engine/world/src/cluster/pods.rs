//! Which namespaces are Pods', for the picture: what each node's container runtime says.
//!
//! Always: read only; a namespace that no sandbox has keeps its plain name.

use api::topology::Topology;
use container::Runtime;
use linux::System;

/// Gives the namespaces of Pods their titles, `NAMESPACE/NAME`.
pub fn name(system: &System, topology: &mut Topology) {
    for machine in topology.machines.keys() {
        let Some(runtime) = Runtime::of(system, *machine) else { continue };
        for sandbox in runtime.sandboxes.values().filter(|it| it.netns_name.is_some()) {
            if let Some(netns) = topology.netns.get_mut(&sandbox.netns) {
                netns.title = Some(format!("{}/{}", sandbox.pod.namespace, sandbox.pod.name));
            }
        }
    }
}
