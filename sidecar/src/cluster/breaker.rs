//! Circuit breakers: limits on what a cluster is burdened with.
//!
//! Source: Envoy's documentation "Circuit breaking".

use crate::config::cluster as config;
use crate::config::core::RoutingPriority;
use crate::stats::{Stat, Stats};

/// What is limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource {
    /// Connections.
    Connections,
    /// Requests that wait for one.
    Pending,
    /// Requests.
    Requests,
    /// Retries under way.
    Retries,
}

const ALL: [(Resource, &str, u64); 4] = [
    (Resource::Connections, "cx", 1024),
    (Resource::Pending, "rq_pending", 1024),
    (Resource::Requests, "rq", 1024),
    (Resource::Retries, "rq_retry", 3),
];

#[derive(Clone, Copy, Debug)]
struct Limit {
    max: u64,
    used: u64,
    open: Stat,
    remaining: Option<Stat>,
}

/// The limits of one priority.
#[derive(Clone, Debug)]
pub struct Breakers {
    limits: [Limit; 4],
    /// Percent of active requests, and the least number, if retries have a budget.
    budget: Option<(f64, u64)>,
}

impl Breakers {
    /// The limit of a resource.
    pub fn most(&self, resource: Resource) -> u64 {
        self.limits[resource as usize].max
    }

    /// Those of default and of high priority.
    pub fn both(config: Option<&config::CircuitBreakers>, prefix: &str, stats: &mut Stats) -> [Breakers; 2] {
        [(RoutingPriority::Default, "default"), (RoutingPriority::High, "high")].map(|(priority, name)| {
            let found = config.and_then(|it| it.thresholds.iter().find(|it| it.priority == priority));
            let thresholds = found.cloned().unwrap_or_default();
            let limits = ALL.map(|(resource, short, default)| {
                let max = match resource {
                    Resource::Connections => thresholds.max_connections,
                    Resource::Pending => thresholds.max_pending_requests,
                    Resource::Requests => thresholds.max_requests,
                    Resource::Retries => thresholds.max_retries,
                };
                let max = max.map_or(default, u64::from);
                let open = stats.gauge(&format!("{prefix}circuit_breakers.{name}.{short}_open"));
                let remaining = thresholds.track_remaining.then(|| {
                    let short = match resource {
                        Resource::Retries => "retries",
                        Resource::Pending => "pending",
                        _ => short,
                    };
                    stats.gauge(&format!("{prefix}circuit_breakers.{name}.remaining_{short}"))
                });
                remaining.iter().for_each(|it| stats.set(*it, max));
                stats.set(open, u64::from(max == 0));
                Limit { max, used: 0, open, remaining }
            });
            let budget = thresholds.retry_budget.map(|it| {
                let percent = it.budget_percent.map_or(20.0, |it| it.value);
                (percent, u64::from(it.min_retry_concurrency.unwrap_or(3)))
            });
            Breakers { limits, budget }
        })
    }

    fn limit(&mut self, resource: Resource) -> &mut Limit {
        &mut self.limits[resource as usize]
    }

    /// Whether one more is allowed.
    pub fn allows(&self, resource: Resource) -> bool {
        let limit = &self.limits[resource as usize];
        match (resource, self.budget) {
            (Resource::Retries, Some((percent, least))) => {
                let active = self.limits[Resource::Requests as usize].used
                    + self.limits[Resource::Pending as usize].used;
                limit.used < ((active as f64 * percent / 100.0) as u64).max(least)
            }
            _ => limit.used < limit.max,
        }
    }

    /// How many there are.
    pub fn used(&self, resource: Resource) -> u64 {
        self.limits[resource as usize].used
    }

    /// One more.
    pub fn add(&mut self, resource: Resource, stats: &mut Stats) {
        self.limit(resource).used += 1;
        self.publish(resource, stats);
    }

    /// One less.
    pub fn sub(&mut self, resource: Resource, stats: &mut Stats) {
        let limit = self.limit(resource);
        limit.used = limit.used.saturating_sub(1);
        self.publish(resource, stats);
    }

    fn publish(&mut self, resource: Resource, stats: &mut Stats) {
        let limit = self.limit(resource);
        stats.set(limit.open, u64::from(limit.used >= limit.max));
        if let Some(remaining) = limit.remaining {
            stats.set(remaining, limit.max.saturating_sub(limit.used));
        }
    }
}
