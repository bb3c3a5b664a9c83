//! The hosts of one priority, grouped the ways a pick may ask for them, and the pick itself.
//!
//! Sources: Envoy `load_balancer_impl.cc` (`EdfLoadBalancerBase`), `round_robin_lb.h`, `least_request_lb.cc`,
//! `random_lb.cc`, `upstream_impl.cc` (`HostSetImpl::chooseLocality`), `thread_aware_lb_impl.cc`.

use super::edf::Edf;
use super::priority::{Availability, Census};
use super::table::{Share, Table};
use super::{Health, Host, Policy, Settings};
use crate::random::Random;

/// Hosts to pick among, and where the picking stands.
#[derive(Debug, Clone, Default)]
struct Group {
    hosts: Vec<usize>,
    /// Only where weights differ.
    edf: Option<Edf>,
    turn: u64,
}

/// One locality's hosts.
#[derive(Debug, Clone)]
struct Locality {
    weight: u32,
    hosts: Vec<usize>,
    healthy: Group,
    degraded: Group,
}

/// One priority.
#[derive(Debug, Clone, Default)]
pub struct Level {
    all: Group,
    healthy: Group,
    degraded: Group,
    localities: Vec<Locality>,
    healthy_localities: Edf,
    degraded_localities: Edf,
    pub table: Option<Table>,
}

impl Group {
    fn new(hosts: Vec<usize>, all: &[Host], settings: &Settings, random: &mut Random) -> Group {
        let mut group = Group { turn: random.draw() >> 1, ..Group::default() };
        let uneven = hosts.windows(2).any(|pair| all[pair[0]].weight != all[pair[1]].weight);
        if uneven && matches!(settings.policy, Policy::RoundRobin | Policy::LeastRequest) {
            let mut edf = Edf::new(hosts.iter().map(|it| (*it, settings.weight(&all[*it]))));
            // Many proxies that start at once must not all begin with the heaviest host.
            for _ in 0..random.below(hosts.len() as u64) {
                edf.pick(|it| settings.weight(&all[it]));
            }
            group.edf = Some(edf);
        }
        group.hosts = hosts;
        group
    }

    fn pick(&mut self, all: &[Host], settings: &Settings, random: &mut Random) -> Option<usize> {
        if let Some(edf) = &mut self.edf {
            return edf.pick(|it| settings.weight(&all[it]));
        }
        let count = self.hosts.len() as u64;
        if count == 0 {
            return None;
        }
        let mut drawn = || self.hosts[random.below(count) as usize];
        match settings.policy {
            Policy::RoundRobin => {
                self.turn += 1;
                Some(self.hosts[(self.turn % count) as usize])
            }
            // So few hosts are all looked at; among equals chance decides.
            Policy::LeastRequest if count <= u64::from(settings.choices) => {
                let least = self.hosts.iter().map(|it| all[*it].active).min()?;
                let idle: Vec<usize> =
                    self.hosts.iter().copied().filter(|it| all[*it].active == least).collect();
                Some(idle[random.below(idle.len() as u64) as usize])
            }
            Policy::LeastRequest => {
                let mut best = drawn();
                for _ in 1..settings.choices {
                    let other = drawn();
                    if all[other].active < all[best].active {
                        best = other;
                    }
                }
                Some(best)
            }
            _ => Some(drawn()),
        }
    }
}

impl Level {
    /// Groups the hosts (indices into `all`) of one priority.
    pub fn new(hosts: Vec<usize>, all: &[Host], settings: &Settings, random: &mut Random) -> Level {
        let of = |health: Health| -> Vec<usize> {
            hosts.iter().copied().filter(|it| all[*it].health == health).collect()
        };
        let (healthy, degraded) = (of(Health::Healthy), of(Health::Degraded));
        let mut level = Level {
            healthy: Group::new(healthy, all, settings, random),
            degraded: Group::new(degraded, all, settings, random),
            ..Level::default()
        };
        if settings.by_locality {
            level.group_localities(&hosts, all, settings, random);
        }
        level.all = Group::new(hosts, all, settings, random);
        level
    }

    fn group_localities(&mut self, hosts: &[usize], all: &[Host], settings: &Settings, random: &mut Random) {
        let mut names: Vec<_> = hosts.iter().map(|it| &all[*it].locality).collect();
        names.sort();
        names.dedup();
        for name in names {
            let here: Vec<usize> = hosts.iter().copied().filter(|it| &all[*it].locality == name).collect();
            let of = |health: Health| here.iter().copied().filter(|it| all[*it].health == health).collect();
            let (healthy, degraded) = (of(Health::Healthy), of(Health::Degraded));
            self.localities.push(Locality {
                weight: here.first().map_or(0, |it| all[*it].locality_weight),
                healthy: Group::new(healthy, all, settings, random),
                degraded: Group::new(degraded, all, settings, random),
                hosts: here,
            });
        }
        let factor = settings.overprovisioning as f64 / 100.0;
        let weights = |healthy| self.localities.iter().map(move |it| it.weighed(healthy, factor)).enumerate();
        (self.healthy_localities, self.degraded_localities) =
            (Edf::new(weights(true)), Edf::new(weights(false)));
    }

    /// Builds the table of a consistent-hashing cluster over the hosts in use.
    pub fn build_table(&mut self, all: &[Host], settings: &Settings, panic: bool) {
        let mut shares = Vec::new();
        if settings.by_locality {
            let sum: u64 = self.localities.iter().map(|it| u64::from(it.weight)).sum();
            for locality in self.localities.iter().filter(|it| it.weight > 0) {
                let hosts = if panic { &locality.hosts } else { &locality.healthy.hosts };
                share_out(hosts, f64::from(locality.weight) / sum as f64, all, settings, &mut shares);
            }
        } else {
            let hosts = if panic { &self.all.hosts } else { &self.healthy.hosts };
            share_out(hosts, 1.0, all, settings, &mut shares);
        }
        self.table = match settings.policy {
            Policy::RingHash(size) => Some(Table::ring(&shares, size)),
            Policy::Maglev(size) => Some(Table::maglev(&shares, size)),
            _ => None,
        };
    }

    pub fn census(&self, all: &[Host], by_weight: bool) -> Census {
        let weigh = |group: &Group| match by_weight {
            true => group.hosts.iter().map(|it| u64::from(all[*it].weight)).sum(),
            false => group.hosts.len() as u64,
        };
        Census {
            hosts: self.all.hosts.len() as u64,
            healthy: self.healthy.hosts.len() as u64,
            degraded: self.degraded.hosts.len() as u64,
            healthy_weight: weigh(&self.healthy),
            degraded_weight: weigh(&self.degraded),
            total_weight: weigh(&self.all),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.all.hosts.is_empty()
    }

    /// A host; in panic among all of them.
    pub fn pick(
        &mut self,
        panic: bool,
        availability: Availability,
        all: &[Host],
        settings: &Settings,
        random: &mut Random,
    ) -> Option<usize> {
        if panic {
            return self.all.pick(all, settings, random);
        }
        let factor = settings.overprovisioning as f64 / 100.0;
        let (edf, healthy) = match availability {
            Availability::Healthy => (&mut self.healthy_localities, true),
            Availability::Degraded => (&mut self.degraded_localities, false),
        };
        let localities = &mut self.localities;
        let weight = |it: usize| localities[it].weighed(healthy, factor);
        if let Some(chosen) = edf.pick(weight) {
            let locality = &mut localities[chosen];
            let group = if healthy { &mut locality.healthy } else { &mut locality.degraded };
            return group.pick(all, settings, random);
        }
        let group = if healthy { &mut self.healthy } else { &mut self.degraded };
        group.pick(all, settings, random)
    }
}

impl Locality {
    /// The weight that its available hosts can bear.
    fn weighed(&self, healthy: bool, factor: f64) -> f64 {
        let group = if healthy { &self.healthy } else { &self.degraded };
        let available = group.hosts.len() as f64 / self.hosts.len().max(1) as f64;
        f64::from(self.weight) * (factor * available).min(1.0)
    }
}

/// Adds hosts that share `part` of a table by their weights.
fn share_out<'h>(
    hosts: &[usize],
    part: f64,
    all: &'h [Host],
    settings: &Settings,
    shares: &mut Vec<Share<'h>>,
) {
    let sum: u64 = hosts.iter().map(|it| u64::from(all[*it].weight)).sum();
    for host in hosts.iter().copied() {
        let it = &all[host];
        let key =
            it.hash_key.as_deref().unwrap_or(if settings.hash_hostname { &it.hostname } else { &it.address });
        shares.push(Share { host, key, weight: f64::from(it.weight) * part / sum.max(1) as f64 });
    }
}
