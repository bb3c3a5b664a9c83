//! Which of the fitting nodes is best.
//!
//! Always: a sum of the real plugins' scores with their weights, from 0 to 100 each.
//! Differs from Kubernetes: images on a node do not count. Source: kubernetes `pkg/scheduler/framework/plugins`.

use super::filter::term;
use super::node::{Node, Resources};
use super::topology;
use crate::controller::node_lifecycle::tolerates;
use crate::object::Value;
use crate::store::{Store, controller_of};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// The best node; none if none fits.
pub fn best(
    store: &Store,
    nodes: &BTreeMap<String, Node>,
    fitting: &[String],
    pod: &Value,
) -> Option<String> {
    if let [only] = fitting {
        return Some(only.clone());
    }
    let fitting: Vec<(&String, &Node)> = fitting.iter().filter_map(|it| Some((it, nodes.get(it)?))).collect();
    let mut scores = vec![0.0; fitting.len()];
    let asked = Resources::asked(pod).at_least_something();
    let owner = controller_of(pod).str("uid");
    let mut add = |weight: f64, raw: Vec<f64>, more_is_better: bool| {
        let most = raw.iter().copied().fold(0.0, f64::max);
        for (score, raw) in scores.iter_mut().zip(raw) {
            let part = if most == 0.0 { 0.0 } else { raw / most * 100.0 };
            let whole = if most == 0.0 && more_is_better { 0.0 } else { 100.0 };
            *score += weight * if more_is_better { part } else { whole - part };
        }
    };
    let each = |of: &dyn Fn(&Node) -> f64| fitting.iter().map(|(_, node)| of(node)).collect::<Vec<f64>>();
    add(3.0, each(&|node| unwelcome(pod, node)), false);
    add(2.0, each(&|node| preferred(pod, node)), true);
    add(2.0, each(&|node| node.of_owner(owner) as f64), false);
    if !pod.at(&["spec", "affinity"]).is_null() {
        let near = topology::preferences(store, nodes, pod);
        let least = fitting.iter().map(|(_, it)| near(it)).fold(0.0, f64::min);
        add(2.0, each(&|node| near(node) - least), true);
    }
    for (score, (_, node)) in scores.iter_mut().zip(&fitting) {
        let (cpu, memory) = used(node, asked);
        let free = |part: f64| (1.0 - part).max(0.0) * 100.0;
        *score += (free(cpu) + free(memory)) / 2.0 + (1.0 - (cpu - memory).abs() / 2.0) * 100.0;
    }
    // A score is as fine as a whole number, as in the real one.
    let rank = |(at, (name, node)): (usize, &(&String, &Node))| {
        (Reverse(scores[at].round() as i64), node.pods.len(), (*name).clone())
    };
    fitting.iter().enumerate().map(rank).min().map(|it| it.2)
}

/// The share of a node that would be taken.
fn used(node: &Node, asked: Resources) -> (f64, f64) {
    let share = |held: i128, more: i128, all: i128| {
        if all <= 0 { 1.0 } else { ((held + more) as f64 / all as f64).min(1.0) }
    };
    let (held, all) = (node.felt, node.allocatable);
    (
        share(held.cpu_milli, asked.cpu_milli, all.cpu_milli),
        share(held.memory_bytes, asked.memory_bytes, all.memory_bytes),
    )
}

/// How many taints would rather not have the pod.
fn unwelcome(pod: &Value, node: &Node) -> f64 {
    let tolerations = pod.at(&["spec", "tolerations"]).items();
    let taints = node.object.at(&["spec", "taints"]).items().iter();
    let soft = taints.filter(|it| it.str("effect") == "PreferNoSchedule");
    soft.filter(|taint| !tolerations.iter().any(|it| tolerates(it, taint))).count() as f64
}

/// The weights of the preferred node affinity that this node meets.
fn preferred(pod: &Value, node: &Node) -> f64 {
    let list = "preferredDuringSchedulingIgnoredDuringExecution";
    let terms = pod.at(&["spec", "affinity", "nodeAffinity", list]).items().iter();
    terms.filter(|it| term(it.get("preference"), &node.object)).map(|it| it.int("weight") as f64).sum()
}
