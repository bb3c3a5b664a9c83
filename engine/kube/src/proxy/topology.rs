//! Which of a service port's endpoints this node uses: by readiness, traffic policy and topology hints.
//!
//! Always: endpoints that are shutting down are used only where no ready one is left, and hints only where every ready
//! endpoint has them and one is meant for this node (or its zone); otherwise they are ignored.
//! Source: kube-proxy's `CategorizeEndpoints`, Kubernetes 1.36.

use super::endpoints::Endpoint;
use super::port::PortInfo;
use std::collections::BTreeMap;

/// Where this node is.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    pub node: &'a str,
    /// Empty where the node carries no `topology.kubernetes.io/zone`.
    pub zone: &'a str,
}

#[derive(Clone, Debug, Default)]
pub struct Choice<'a> {
    /// For policy Cluster.
    pub cluster: Vec<&'a Endpoint>,
    /// For policy Local.
    pub local: Vec<&'a Endpoint>,
    /// Both together, each once: those that get a chain of their own.
    pub reachable: Vec<&'a Endpoint>,
    /// Usable ones anywhere in the cluster.
    pub has_any: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    All,
    SameNode,
    SameZone,
}

pub fn choose<'a>(endpoints: &'a [Endpoint], port: &PortInfo, place: Place<'_>) -> Choice<'a> {
    let mut choice = Choice::default();
    if endpoints.is_empty() {
        return choice;
    }
    let of = |keep: &dyn Fn(&Endpoint) -> bool| endpoints.iter().filter(|it| keep(it)).collect::<Vec<_>>();
    let is_draining = |it: &Endpoint| it.is_serving && it.is_terminating;
    let (mut mode, mut uses_draining) = (Mode::All, false);
    if port.uses_cluster_endpoints() {
        mode = mode_by_hints(endpoints, place);
        choice.cluster = of(&|it| it.is_ready && is_near(it, mode, place));
        if choice.cluster.is_empty() {
            choice.cluster = of(&is_draining);
            uses_draining = true;
        }
        choice.has_any = !choice.cluster.is_empty();
    }
    if !port.uses_local_endpoints() {
        choice.reachable = choice.cluster.clone();
        return choice;
    }
    choice.has_any |= endpoints.iter().any(|it| it.is_ready || is_draining(it));
    choice.local = of(&|it| it.is_local && it.is_ready);
    if choice.local.is_empty() {
        choice.local = of(&|it| it.is_local && is_draining(it));
        uses_draining |= !choice.local.is_empty();
    }
    if !port.uses_cluster_endpoints() {
        choice.reachable = choice.local.clone();
        return choice;
    }
    if mode == Mode::All && !uses_draining {
        choice.reachable = choice.cluster.clone();
        return choice;
    }
    let both: BTreeMap<&str, &Endpoint> =
        choice.cluster.iter().chain(&choice.local).map(|it| (it.text.as_str(), *it)).collect();
    choice.reachable = both.into_values().collect();
    choice
}

fn mode_by_hints(endpoints: &[Endpoint], place: Place<'_>) -> Mode {
    let meant_for = |hints: fn(&Endpoint) -> &[String], here: &str| {
        let mut ready = endpoints.iter().filter(|it| it.is_ready);
        ready.clone().all(|it| !hints(it).is_empty())
            && ready.any(|it| hints(it).iter().any(|hint| hint == here))
    };
    if meant_for(|it| &it.node_hints, place.node) {
        Mode::SameNode
    } else if meant_for(|it| &it.zone_hints, place.zone) {
        Mode::SameZone
    } else {
        Mode::All
    }
}

fn is_near(endpoint: &Endpoint, mode: Mode, place: Place<'_>) -> bool {
    match mode {
        Mode::All => true,
        Mode::SameNode => endpoint.node_hints.iter().any(|hint| hint == place.node),
        Mode::SameZone => endpoint.zone_hints.iter().any(|hint| hint == place.zone),
    }
}
