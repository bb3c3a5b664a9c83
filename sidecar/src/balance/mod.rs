//! Which endpoint of a cluster gets a request.
//!
//! Called by the router and tcp_proxy with what is known of the request; told of every change of members, health and
//! load. Always: the same hosts, seed and calls give the same choices; hashing policies place as Envoy places.
//! Differs from Envoy: no zone-aware routing to the local zone, no slow start; a change of hosts begins the round anew.
//! Sources: Envoy `source/extensions/load_balancing_policies`.

mod edf;
pub mod hash;
pub mod hash_policy;
mod level;
mod priority;
mod subset;
mod table;
#[cfg(test)]
mod tests;

use self::level::Level;
use self::priority::Loads;
use self::subset::{Destination, Labels};
use self::table::RingSize;
use crate::config::cluster::{
    Cluster, ClusterLbConfig, CommonLbConfigLocalityConfigSpecifier as LocalityConfig,
};
use crate::config::cluster::{HashFunction, LbPolicy, LbSubsetConfig};
use crate::config::extension::Struct;
use crate::random::Random;
use std::collections::BTreeMap;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Health {
    #[default]
    Healthy,
    Degraded,
    Unhealthy,
}

/// An endpoint as balancing sees it.
#[derive(Debug, Clone, Default)]
pub struct Host {
    /// The caller's own name for it.
    pub id: u32,
    /// `10.0.0.1:80`: the key of hashing when there is no other.
    pub address: String,
    pub hostname: String,
    /// `hash_key` of its `envoy.lb` metadata.
    pub hash_key: Option<String>,
    pub weight: u32,
    pub priority: u32,
    /// Region, zone, sub-zone.
    pub locality: (String, String, String),
    pub locality_weight: u32,
    /// Its `envoy.lb` metadata, by which subsets are made.
    pub metadata: Struct,
    pub health: Health,
    /// Requests under way.
    pub active: u32,
}

/// What is known of the request.
#[derive(Default)]
pub struct Choice<'a> {
    pub hash: Option<u64>,
    /// The route's `envoy.lb` metadata match.
    pub metadata: Option<&'a Struct>,
    /// Hosts that a retry would rather not have again.
    pub skip: Option<&'a dyn Fn(u32) -> bool>,
    /// How often to choose again when the chosen one is to be skipped (`host_selection_retry_max_attempts`).
    pub attempts: u32,
}

/// Counters and gauges of the cluster.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    pub lb_healthy_panic: u64,
    pub lb_subsets_selected: u64,
    pub lb_subsets_fallback: u64,
    pub lb_subsets_active: u64,
    /// Of the hash table built last: entries, and those of the host with the fewest and the most.
    pub table_size: u64,
    pub least_entries: u64,
    pub most_entries: u64,
}

#[derive(Debug, Clone, Copy)]
enum Policy {
    RoundRobin,
    LeastRequest,
    Random,
    RingHash(RingSize),
    Maglev(u64),
}

#[derive(Debug, Clone)]
struct Settings {
    policy: Policy,
    choices: u32,
    bias: f64,
    panic_threshold: u32,
    fail_on_panic: bool,
    by_locality: bool,
    hash_hostname: bool,
    overprovisioning: u64,
    weighted_priority_health: bool,
}

impl Settings {
    fn new(cluster: &Cluster) -> Settings {
        let common = cluster.common_lb_config.clone().unwrap_or_default();
        let policy = match (cluster.lb_policy, &cluster.lb_config) {
            (LbPolicy::LeastRequest, _) => Policy::LeastRequest,
            (LbPolicy::Random, _) => Policy::Random,
            (LbPolicy::RingHash, Some(ClusterLbConfig::RingHashLbConfig(it))) => Policy::RingHash(RingSize {
                least: it.minimum_ring_size.unwrap_or(LEAST_RING),
                most: it.maximum_ring_size.unwrap_or(MOST_RING),
                murmur: it.hash_function == HashFunction::MurmurHash2,
            }),
            (LbPolicy::RingHash, _) => {
                Policy::RingHash(RingSize { least: LEAST_RING, most: MOST_RING, murmur: false })
            }
            (LbPolicy::Maglev, Some(ClusterLbConfig::MaglevLbConfig(it))) => {
                Policy::Maglev(it.table_size.unwrap_or(MAGLEV_TABLE))
            }
            (LbPolicy::Maglev, _) => Policy::Maglev(MAGLEV_TABLE),
            _ => Policy::RoundRobin,
        };
        let (choices, bias) = match &cluster.lb_config {
            Some(ClusterLbConfig::LeastRequestLbConfig(it)) => (
                it.choice_count.unwrap_or(2),
                it.active_request_bias.as_ref().map_or(1.0, |it| it.default_value),
            ),
            _ => (2, 1.0),
        };
        let assignment =
            cluster.load_assignment.as_ref().and_then(|it| it.policy.clone()).unwrap_or_default();
        Settings {
            policy,
            choices,
            bias,
            panic_threshold: common.healthy_panic_threshold.map_or(50, |it| it.value.round() as u32),
            fail_on_panic: matches!(&common.locality_config_specifier,
                Some(LocalityConfig::ZoneAwareLbConfig(it)) if it.fail_traffic_on_panic),
            by_locality: matches!(
                common.locality_config_specifier,
                Some(LocalityConfig::LocalityWeightedLbConfig(_))
            ),
            hash_hostname: common.consistent_hashing_lb_config.is_some_and(|it| it.use_hostname_for_hashing),
            overprovisioning: assignment.overprovisioning_factor.unwrap_or(140).into(),
            weighted_priority_health: assignment.weighted_priority_health,
        }
    }

    /// What a host's turn weighs: less the more requests it has, under LEAST_REQUEST.
    fn weight(&self, host: &Host) -> f64 {
        let weight = f64::from(host.weight);
        match self.policy {
            Policy::LeastRequest => weight / (f64::from(host.active) + 1.0).powf(self.bias),
            _ => weight,
        }
    }

    fn is_hashing(&self) -> bool {
        matches!(self.policy, Policy::RingHash(_) | Policy::Maglev(_))
    }
}

/// Defaults of `ring_hash_lb_config` and `maglev_lb_config`.
const LEAST_RING: u64 = 1024;
const MOST_RING: u64 = 8_388_608;
const MAGLEV_TABLE: u64 = 65_537;

/// A set of hosts that is balanced on its own: the whole cluster, or a subset.
#[derive(Debug, Clone, Default)]
struct Pool {
    levels: Vec<Level>,
    loads: Loads,
}

impl Pool {
    fn new(members: &[usize], hosts: &[Host], settings: &Settings, random: &mut Random) -> Pool {
        let count = hosts.iter().map(|it| it.priority as usize + 1).max().unwrap_or(1);
        let mut split = vec![Vec::new(); count];
        members.iter().for_each(|it| split[hosts[*it].priority as usize].push(*it));
        let mut levels: Vec<Level> =
            split.into_iter().map(|it| Level::new(it, hosts, settings, random)).collect();
        let census: Vec<_> =
            levels.iter().map(|it| it.census(hosts, settings.weighted_priority_health)).collect();
        let loads = Loads::new(&census, settings.overprovisioning, settings.panic_threshold);
        if settings.is_hashing() {
            for (level, panic) in levels.iter_mut().zip(&loads.panic) {
                level.build_table(hosts, settings, *panic);
            }
        }
        Pool { levels, loads }
    }

    fn is_empty(&self) -> bool {
        self.levels.iter().all(Level::is_empty)
    }

    fn choose(
        &mut self,
        choice: &Choice<'_>,
        hosts: &[Host],
        settings: &Settings,
        random: &mut Random,
        panics: &mut u64,
    ) -> Option<usize> {
        let hash = choice.hash.filter(|_| settings.is_hashing()).unwrap_or_else(|| random.draw());
        let mut chosen = None;
        for attempt in 0..=choice.attempts {
            let drawn = if settings.is_hashing() || attempt == 0 { hash } else { random.draw() };
            let (priority, availability) = self.loads.choose(drawn);
            let panic = self.loads.panic.get(priority).copied().unwrap_or(false);
            let level = self.levels.get_mut(priority)?;
            if panic {
                *panics += 1;
            }
            chosen = match &level.table {
                Some(table) => table.choose(hash, attempt),
                None if panic && settings.fail_on_panic => None,
                None => level.pick(panic, availability, hosts, settings, random),
            };
            let host = &hosts[chosen?];
            if !choice.skip.is_some_and(|skip| skip(host.id)) {
                break;
            }
        }
        chosen
    }
}

/// The balancing of one cluster.
#[derive(Debug, Clone)]
pub struct Balancer {
    settings: Settings,
    subset_config: Option<LbSubsetConfig>,
    hosts: Vec<Host>,
    index: BTreeMap<u32, usize>,
    whole: Pool,
    default_subset: Pool,
    subsets: BTreeMap<Labels, Pool>,
    random: Random,
    pub stats: Stats,
}

impl Balancer {
    pub fn new(cluster: &Cluster, seed: u64) -> Balancer {
        Balancer {
            settings: Settings::new(cluster),
            subset_config: cluster.lb_subset_config.clone().filter(|it| !it.subset_selectors.is_empty()),
            hosts: Vec::new(),
            index: BTreeMap::new(),
            whole: Pool::default(),
            default_subset: Pool::default(),
            subsets: BTreeMap::new(),
            random: Random::new(seed),
            stats: Stats::default(),
        }
    }

    /// Over-provisioning and the like, as an endpoint assignment that comes by discovery sets them.
    pub fn set_policy(&mut self, overprovisioning: Option<u32>, weighted_priority_health: bool) {
        self.settings.overprovisioning = overprovisioning.unwrap_or(140).into();
        self.settings.weighted_priority_health = weighted_priority_health;
    }

    /// All hosts, whenever one came, went, or changed its health, weight or metadata.
    pub fn update(&mut self, hosts: Vec<Host>) {
        self.index = hosts.iter().enumerate().map(|(at, it)| (it.id, at)).collect();
        self.hosts = hosts;
        let all: Vec<usize> = (0..self.hosts.len()).collect();
        self.whole = Pool::new(&all, &self.hosts, &self.settings, &mut self.random);
        if let Some(config) = &self.subset_config {
            let mut settings = self.settings.clone();
            settings.by_locality &= config.locality_weight_aware;
            let members = subset::default_members(config, &self.hosts);
            self.default_subset = Pool::new(&members, &self.hosts, &settings, &mut self.random);
            self.subsets = subset::members(config, &self.hosts)
                .into_iter()
                .map(|(labels, members)| {
                    (labels, Pool::new(&members, &self.hosts, &settings, &mut self.random))
                })
                .collect();
            // Envoy counts them in the main thread and in its one worker.
            self.stats.lb_subsets_active = 2 * self.subsets.len() as u64;
        }
        if let Some(table) = self.whole.levels.iter().rev().find_map(|it| it.table.as_ref()) {
            self.stats.table_size = table.len() as u64;
            (self.stats.least_entries, self.stats.most_entries) = table.spread();
        }
    }

    /// How many requests a host has under way; a host that is gone is none of ours.
    pub fn set_active(&mut self, id: u32, active: u32) {
        if let Some(at) = self.index.get(&id) {
            self.hosts[*at].active = active;
        }
    }

    /// The host for a request, or none: no hosts, none healthy with panic off, or no such subset.
    pub fn choose(&mut self, choice: &Choice<'_>) -> Option<u32> {
        let Balancer { settings, hosts, random, stats, .. } = self;
        let pool = match &self.subset_config {
            None => &mut self.whole,
            Some(config) => {
                let wanted = choice.metadata.filter(|it| !it.is_empty()).map(subset::labels);
                let stands = |labels: &Labels| self.subsets.get(labels).is_some_and(|it| !it.is_empty());
                let (destination, fallback) = subset::destination(config, wanted, stands);
                stats.lb_subsets_fallback += u64::from(fallback && destination != Destination::Nowhere);
                match destination {
                    Destination::Subset(labels) => {
                        stats.lb_subsets_selected += 1;
                        self.subsets.get_mut(&labels)?
                    }
                    Destination::Any => &mut self.whole,
                    Destination::Default => &mut self.default_subset,
                    Destination::Nowhere => return None,
                }
            }
        };
        let chosen = pool.choose(choice, hosts, settings, random, &mut stats.lb_healthy_panic)?;
        Some(hosts[chosen].id)
    }
}
