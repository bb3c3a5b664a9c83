//! What keeps a pod off a node, and the words for it.
//!
//! Always: the first filter that objects gives the reason, in the order of the real scheduler's plugins; reasons are
//! counted and sorted as texts.
//! Source: kubernetes `pkg/scheduler/framework/plugins`, `framework/types.go` (FitError).

use super::node::{Node, Resources};
use super::topology;
use crate::controller::node_lifecycle::tolerates;
use crate::object::Value;
use crate::object::selector::Selector;
use crate::store::Store;
use std::collections::BTreeMap;

/// Why a pod cannot run on a node; whether the end of other pods could change that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Objection {
    pub words: &'static str,
    pub is_final: bool,
}

const fn never(words: &'static str) -> Objection {
    Objection { words, is_final: true }
}

const fn not_now(words: &'static str) -> Objection {
    Objection { words, is_final: false }
}

const UNSCHEDULABLE: Objection = never("node(s) were unschedulable");
const OTHER_NODE: Objection = never("node(s) didn't match the requested node name");
const TAINTS: Objection = never("node(s) had untolerated taint(s)");
const AFFINITY: Objection = never("node(s) didn't match Pod's node affinity/selector");
const PORTS: Objection = not_now("node(s) didn't have free ports for the requested pod ports");
const PODS: Objection = not_now("Too many pods");
const CPU: Objection = not_now("Insufficient cpu");
const MEMORY: Objection = not_now("Insufficient memory");
/// A request that exceeds what the whole node has is not helped by preemption either.
const CPU_EVER: Objection = never("Insufficient cpu");
const MEMORY_EVER: Objection = never("Insufficient memory");
pub const SPREAD: Objection = not_now("node(s) didn't match pod topology spread constraints");
pub const SPREAD_LABEL: Objection =
    never("node(s) didn't match pod topology spread constraints (missing required label)");
pub const POD_AFFINITY: Objection = never("node(s) didn't match pod affinity rules");
pub const POD_ANTI_AFFINITY: Objection = not_now("node(s) didn't match pod anti-affinity rules");
pub const EXISTING_ANTI_AFFINITY: Objection =
    not_now("node(s) didn't satisfy existing pods anti-affinity rules");

/// What became of all nodes.
#[derive(Debug, Default)]
pub struct Verdict {
    pub fitting: Vec<String>,
    objections: BTreeMap<&'static str, usize>,
    nodes: usize,
    hopeless: usize,
}

impl Verdict {
    /// The message of a pod that fits nowhere.
    pub fn message(&self) -> String {
        if self.nodes == 0 {
            return "no nodes available to schedule pods".to_owned();
        }
        let all = self.nodes;
        let mut reasons: Vec<String> =
            self.objections.iter().map(|(words, count)| format!("{count} {words}")).collect();
        reasons.sort();
        let hopeful = all - self.hopeless;
        let mut victims = Vec::new();
        if hopeful > 0 {
            victims.push(format!("{hopeful} No preemption victims found for incoming pod"));
        }
        if self.hopeless > 0 {
            victims.push(format!("{} Preemption is not helpful for scheduling", self.hopeless));
        }
        victims.sort();
        format!(
            "0/{all} nodes are available: {}. no new claims to deallocate, preemption: 0/{all} nodes are available: {}.",
            reasons.join(", "),
            victims.join(", ")
        )
    }
}

/// Tries every node. `others_object` says that some pod on a node wants others kept away.
pub fn judge(store: &Store, nodes: &BTreeMap<String, Node>, others_object: bool, pod: &Value) -> Verdict {
    let mut verdict = Verdict::default();
    let asked = Resources::asked(pod);
    let around = topology::Around::of(store, nodes, others_object, pod);
    for (name, node) in nodes.iter().filter(|(_, it)| it.object.is_map()) {
        verdict.nodes += 1;
        let mut objections = alone(pod, node, asked);
        if objections.is_empty() {
            objections.extend(around.objection(node));
        }
        if objections.is_empty() {
            verdict.fitting.push(name.clone());
        }
        verdict.hopeless += usize::from(objections.iter().any(|it| it.is_final));
        for objection in objections {
            *verdict.objections.entry(objection.words).or_default() += 1;
        }
    }
    verdict
}

/// What a node itself has against a pod.
fn alone(pod: &Value, node: &Node, asked: Resources) -> Vec<Objection> {
    let spec = pod.get("spec");
    let tolerations = spec.get("tolerations").items();
    let bears = |taint: &Value| tolerations.iter().any(|it| tolerates(it, taint));
    let cordon = crate::object!({"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"});
    if node.object["spec"].is_true("unschedulable") && !bears(&cordon) {
        return vec![UNSCHEDULABLE];
    }
    let wanted = spec.str("nodeName");
    if !wanted.is_empty() && wanted != node.object["metadata"].str("name") {
        return vec![OTHER_NODE];
    }
    let taints = node.object.at(&["spec", "taints"]).items().iter();
    if taints.filter(|it| matches!(it.str("effect"), "NoSchedule" | "NoExecute")).any(|it| !bears(it)) {
        return vec![TAINTS];
    }
    if !selects(pod, &node.object) {
        return vec![AFFINITY];
    }
    if !ports_are_free(pod, node) {
        return vec![PORTS];
    }
    let mut objections = Vec::new();
    if node.pods.len() + 1 > node.most_pods {
        objections.push(PODS);
    }
    let (has, held) = (node.allocatable, node.asked);
    if asked.cpu_milli > 0 && asked.cpu_milli > has.cpu_milli - held.cpu_milli {
        objections.push(if asked.cpu_milli > has.cpu_milli { CPU_EVER } else { CPU });
    }
    if asked.memory_bytes > 0 && asked.memory_bytes > has.memory_bytes - held.memory_bytes {
        objections.push(if asked.memory_bytes > has.memory_bytes { MEMORY_EVER } else { MEMORY });
    }
    objections
}

/// Whether `nodeSelector` and the required node affinity choose a node.
pub fn selects(pod: &Value, node: &Value) -> bool {
    let labels = node["metadata"].get("labels");
    if !Selector::of_map(pod.at(&["spec", "nodeSelector"])).matches(labels) {
        return false;
    }
    let required = "requiredDuringSchedulingIgnoredDuringExecution";
    let required = pod.at(&["spec", "affinity", "nodeAffinity", required]);
    required.is_null() || required.get("nodeSelectorTerms").items().iter().any(|it| term(it, node))
}

/// One term of a node affinity; one that says nothing chooses nothing.
pub fn term(term: &Value, node: &Value) -> bool {
    let (expressions, fields) = (term.get("matchExpressions"), term.get("matchFields"));
    if expressions.is_empty() && fields.is_empty() {
        return false;
    }
    let name = crate::object!({"metadata.name": (node["metadata"].get("name"))});
    let by_label = Selector::of_expressions(expressions).matches(node["metadata"].get("labels"));
    by_label && Selector::of_expressions(fields).matches(&name)
}

fn host_ports(pod: &Value) -> Vec<(i64, &str, &str)> {
    let ports = pod.at(&["spec", "containers"]).items().iter().flat_map(|it| it.get("ports").items());
    let of_host = ports.filter(|it| it.int("hostPort") > 0);
    of_host.map(|it| (it.int("hostPort"), it.str("protocol"), it.str("hostIP"))).collect()
}

fn ports_are_free(pod: &Value, node: &Node) -> bool {
    let wanted = host_ports(pod);
    if wanted.is_empty() {
        return true;
    }
    let any = |ip: &str| matches!(ip, "" | "0.0.0.0");
    let clashes = |(port, protocol, ip): &(i64, &str, &str)| {
        let held = node.pods.values().flat_map(host_ports);
        let mut same = held.filter(|it| it.0 == *port && it.1 == *protocol);
        same.any(|it| any(it.2) || any(ip) || it.2 == *ip)
    };
    !wanted.iter().any(clashes)
}
