//! Subsets of a cluster's hosts by their `envoy.lb` metadata, and what is done when a route asks for one that is not.
//!
//! Sources: Envoy `subset_lb.cc`.

use super::Host;
use crate::config::cluster::{LbSubsetConfig, LbSubsetFallbackPolicy, LbSubsetSelectorFallbackPolicy};
use crate::config::extension::Struct;
use std::collections::BTreeMap;

/// The labels that make a subset, sorted by key; a value as JSON writes it.
pub type Labels = Vec<(String, String)>;

/// Where a request goes that names labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    Subset(Labels),
    Any,
    Default,
    Nowhere,
}

/// The labels that a route asks for, of its `metadata_match`.
pub fn labels(metadata: &Struct) -> Labels {
    let mut labels: Labels = metadata.iter().map(|(key, value)| (key.clone(), value.to_string())).collect();
    labels.sort();
    labels
}

/// The hosts (indices) of every subset that the selectors make.
pub fn members(config: &LbSubsetConfig, hosts: &[Host]) -> BTreeMap<Labels, Vec<usize>> {
    let mut subsets: BTreeMap<Labels, Vec<usize>> = BTreeMap::new();
    for (index, host) in hosts.iter().enumerate() {
        for selector in &config.subset_selectors {
            for labels in labelled(host, &selector.keys, config.list_as_any) {
                let members = subsets.entry(labels).or_default();
                let only_one = selector.single_host_per_subset && !members.is_empty();
                if !only_one && members.last() != Some(&index) {
                    members.push(index);
                }
            }
        }
    }
    subsets
}

/// A host's labels for the keys of a selector; more than one row where a list stands for any of its values.
fn labelled(host: &Host, keys: &[String], list_as_any: bool) -> Vec<Labels> {
    let mut keys: Vec<&String> = keys.iter().collect();
    keys.sort();
    keys.dedup();
    let mut rows: Vec<Labels> = if keys.is_empty() { Vec::new() } else { vec![Vec::new()] };
    for key in keys {
        let values = match host.metadata.get(key) {
            None => return Vec::new(),
            Some(serde_json::Value::Array(list)) if list_as_any => {
                list.iter().map(ToString::to_string).collect()
            }
            Some(value) => vec![value.to_string()],
        };
        let longer = |row: &Labels| -> Vec<Labels> {
            let with = |value: &String| row.iter().cloned().chain([(key.clone(), value.clone())]).collect();
            values.iter().map(with).collect()
        };
        rows = rows.iter().flat_map(longer).collect();
    }
    rows
}

/// The hosts of the default subset: those that have all its labels.
pub fn default_members(config: &LbSubsetConfig, hosts: &[Host]) -> Vec<usize> {
    let wanted = config.default_subset.clone().unwrap_or_default();
    let has = |host: &Host| {
        wanted.iter().all(|(key, value)| match host.metadata.get(key) {
            Some(serde_json::Value::Array(list)) if config.list_as_any => list.contains(value),
            found => found == Some(value),
        })
    };
    (0..hosts.len()).filter(|it| has(&hosts[*it])).collect()
}

/// Where a request for `wanted` goes, and whether by the cluster's own fallback; `stands` says whether a subset has any
/// host.
pub fn destination(
    config: &LbSubsetConfig,
    wanted: Option<Labels>,
    stands: impl Fn(&Labels) -> bool,
) -> (Destination, bool) {
    let mut wanted = wanted;
    // A selector may reduce the labels, and the reduced ones find another selector; each step has fewer labels.
    while let Some(labels) = wanted.take() {
        if stands(&labels) {
            return (Destination::Subset(labels), false);
        }
        let same = |keys: &Vec<String>| {
            let mut keys = keys.clone();
            keys.sort();
            keys.dedup();
            keys.iter().eq(labels.iter().map(|it| &it.0))
        };
        let Some(selector) = config.subset_selectors.iter().find(|it| same(&it.keys)) else { break };
        match selector.fallback_policy {
            LbSubsetSelectorFallbackPolicy::NotDefined => break,
            LbSubsetSelectorFallbackPolicy::NoFallback => return (Destination::Nowhere, false),
            LbSubsetSelectorFallbackPolicy::AnyEndpoint => return (Destination::Any, false),
            LbSubsetSelectorFallbackPolicy::DefaultSubset => return (Destination::Default, false),
            LbSubsetSelectorFallbackPolicy::KeysSubset => {
                let keep = &selector.fallback_keys_subset;
                let fewer: Labels = labels.iter().filter(|it| keep.contains(&it.0)).cloned().collect();
                if fewer.len() == labels.len() {
                    return (Destination::Nowhere, false);
                }
                wanted = Some(fewer);
            }
        }
    }
    let fallback = match config.fallback_policy {
        LbSubsetFallbackPolicy::NoFallback => Destination::Nowhere,
        LbSubsetFallbackPolicy::AnyEndpoint => Destination::Any,
        LbSubsetFallbackPolicy::DefaultSubset => Destination::Default,
    };
    (fallback, true)
}
