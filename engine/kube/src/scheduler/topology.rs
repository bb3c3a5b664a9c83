//! Pods that want to be near others, or far from them: pod affinity, anti-affinity, and spreading over a topology.
//!
//! Always: two nodes are in one domain if they have the same value of the topology key.
//! Differs from Kubernetes: `matchLabelKeys`, `minDomains` and the node policies of spread constraints are not looked at.
//! Sources: kubernetes `plugins/interpodaffinity`, `plugins/podtopologyspread`.

use super::filter::{
    EXISTING_ANTI_AFFINITY, Objection, POD_AFFINITY, POD_ANTI_AFFINITY, SPREAD, SPREAD_LABEL, selects,
};
use super::node::Node;
use crate::object::selector::Selector;
use crate::object::{Kind, Value};
use crate::store::Store;
use std::collections::{BTreeMap, BTreeSet};

const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";

/// Whether a pod wants others kept away.
pub fn is_exclusive(pod: &Value) -> bool {
    !pod.at(&["spec", "affinity", "podAntiAffinity", REQUIRED]).is_empty()
}

/// A term of an affinity: which pods it means, and in what domains.
struct Term {
    key: String,
    namespaces: Option<BTreeSet<String>>,
    selector: Option<Selector>,
}

impl Term {
    fn of(store: &Store, owner: &Value, term: &Value) -> Term {
        let mut names: BTreeSet<String> =
            term.get("namespaces").items().iter().map(|it| it.as_str().to_owned()).collect();
        let by_label = term.get("namespaceSelector");
        let namespaces = if by_label.is_null() {
            if names.is_empty() {
                names.insert(owner["metadata"].str("namespace").to_owned());
            }
            Some(names)
        } else if by_label.is_empty() {
            None
        } else {
            let selector = Selector::of(by_label);
            let all =
                store.list(Kind::Namespace, None).filter(|it| selector.matches(it["metadata"].get("labels")));
            names.extend(all.map(|it| it["metadata"].str("name").to_owned()));
            Some(names)
        };
        let selector = term.get("labelSelector");
        let selector = (!selector.is_null()).then(|| Selector::of(selector));
        Term { key: term.str("topologyKey").to_owned(), namespaces, selector }
    }

    fn means(&self, pod: &Value) -> bool {
        let metadata = pod.get("metadata");
        self.namespaces.as_ref().is_none_or(|it| it.contains(metadata.str("namespace")))
            && self.selector.as_ref().is_some_and(|it| it.matches(metadata.get("labels")))
    }
}

fn terms(store: &Store, pod: &Value, kind: &str) -> Vec<Term> {
    let list = pod.at(&["spec", "affinity", kind, REQUIRED]).items().iter();
    list.map(|it| Term::of(store, pod, it)).collect()
}

fn domain<'a>(node: &'a Node, key: &str) -> Option<&'a str> {
    let labels = node.object["metadata"].get("labels");
    labels.has(key).then(|| labels.str(key))
}

/// A constraint with the pods counted in each domain.
struct Spread {
    key: String,
    counts: BTreeMap<String, i64>,
    most: i64,
    /// 1 if the pod itself is one of those that are counted.
    own: i64,
}

/// What the pods around have to say about a new one.
#[derive(Default)]
pub struct Around {
    /// Domains that an affinity wants, by its key; all must be met.
    wanted: Vec<(String, BTreeSet<String>)>,
    avoided: BTreeSet<(String, String)>,
    avoiding: BTreeSet<(String, String)>,
    spreads: Vec<Spread>,
}

impl Around {
    pub fn of(store: &Store, nodes: &BTreeMap<String, Node>, others_object: bool, pod: &Value) -> Around {
        let mut around = Around::default();
        let near = terms(store, pod, "podAffinity");
        let far = terms(store, pod, "podAntiAffinity");
        let is_asked = !near.is_empty() || !far.is_empty() || others_object;
        let is_spread = !pod.at(&["spec", "topologySpreadConstraints"]).is_empty();
        if !is_asked && !is_spread {
            return around;
        }
        around.wanted = near.iter().map(|it| (it.key.clone(), BTreeSet::new())).collect();
        for node in nodes.values() {
            for other in node.pods.values() {
                for (term, (key, domains)) in near.iter().zip(&mut around.wanted) {
                    if term.means(other) {
                        domains.extend(domain(node, key).map(str::to_owned));
                    }
                }
                let of = |key: &str| domain(node, key).map(|it| (key.to_owned(), it.to_owned()));
                around.avoided.extend(far.iter().filter(|it| it.means(other)).filter_map(|it| of(&it.key)));
                if others_object && is_exclusive(other) {
                    let theirs = terms(store, other, "podAntiAffinity").into_iter();
                    around.avoiding.extend(theirs.filter(|it| it.means(pod)).filter_map(|it| of(&it.key)));
                }
            }
        }
        // The first of a group that wants to be together may go anywhere.
        let is_first = around.wanted.iter().all(|it| it.1.is_empty()) && near.iter().all(|it| it.means(pod));
        if is_first {
            for (key, domains) in &mut around.wanted {
                domains.extend(nodes.values().filter_map(|it| domain(it, key)).map(str::to_owned));
            }
        }
        around.spreads = spreads(nodes, pod);
        around
    }

    pub fn objection(&self, node: &Node) -> Option<Objection> {
        for spread in &self.spreads {
            let Some(here) = domain(node, &spread.key) else { return Some(SPREAD_LABEL) };
            let least = spread.counts.values().min().copied().unwrap_or(0);
            if spread.counts.get(here).copied().unwrap_or(0) + spread.own - least > spread.most {
                return Some(SPREAD);
            }
        }
        let is_in = |(key, domains): &(String, BTreeSet<String>)| {
            domain(node, key).is_some_and(|it| domains.contains(it))
        };
        if !self.wanted.iter().all(is_in) {
            return Some(POD_AFFINITY);
        }
        let touches = |set: &BTreeSet<(String, String)>| {
            set.iter().any(|(key, value)| domain(node, key) == Some(value))
        };
        if touches(&self.avoided) {
            return Some(POD_ANTI_AFFINITY);
        }
        touches(&self.avoiding).then_some(EXISTING_ANTI_AFFINITY)
    }
}

fn spreads(nodes: &BTreeMap<String, Node>, pod: &Value) -> Vec<Spread> {
    let constraints = pod.at(&["spec", "topologySpreadConstraints"]).items().iter();
    let hard = constraints.filter(|it| it.str("whenUnsatisfiable") != "ScheduleAnyway");
    let made = hard.map(|constraint| {
        let selector = Selector::of(constraint.get("labelSelector"));
        let namespace = pod["metadata"].str("namespace");
        let counted = |it: &&Value| {
            it["metadata"].str("namespace") == namespace && selector.matches(it["metadata"].get("labels"))
        };
        let key = constraint.str("topologyKey").to_owned();
        let mut counts: BTreeMap<String, i64> = BTreeMap::new();
        for node in nodes.values().filter(|it| it.object.is_map() && selects(pod, &it.object)) {
            let Some(here) = domain(node, &key) else { continue };
            let count = node.pods.values().filter(counted).count();
            *counts.entry(here.to_owned()).or_default() += i64::try_from(count).unwrap_or(i64::MAX);
        }
        let own = i64::from(selector.matches(pod["metadata"].get("labels")));
        Spread { key, counts, most: constraint.int("maxSkew"), own }
    });
    made.collect()
}

/// How much a pod's preferences speak for a node.
pub fn preferences<'a>(
    store: &Store,
    nodes: &'a BTreeMap<String, Node>,
    pod: &Value,
) -> impl Fn(&Node) -> f64 + 'a {
    let mut weights: BTreeMap<(String, String), f64> = BTreeMap::new();
    for (kind, sign) in [("podAffinity", 1.0), ("podAntiAffinity", -1.0)] {
        for preference in pod.at(&["spec", "affinity", kind, PREFERRED]).items() {
            let term = Term::of(store, pod, preference.get("podAffinityTerm"));
            for node in nodes.values() {
                let Some(here) = domain(node, &term.key) else { continue };
                let count = node.pods.values().filter(|it| term.means(it)).count() as f64;
                let place = (term.key.clone(), here.to_owned());
                *weights.entry(place).or_default() += sign * count * preference.int("weight") as f64;
            }
        }
    }
    move |node| {
        let here = weights.iter().filter(|((key, value), _)| domain(node, key) == Some(value));
        here.map(|it| it.1).sum()
    }
}
