//! The health_check filter: the proxy answers for itself, or for the clusters behind it.
//!
//! Sources: Envoy `filters/http/health_check/health_check.cc`.

use crate::config::http_filter::HealthCheckFilter;
use crate::http::headers::HeaderMap;
use crate::matcher::HeaderMatcher;

#[derive(Debug, Clone)]
pub struct HealthCheck {
    /// Requests go on to the upstream unless the proxy was told to fail.
    pub pass_through: bool,
    headers: Vec<HeaderMatcher>,
    min_healthy: Vec<(String, f64)>,
}

/// How many hosts a cluster has, and how many of them can serve.
#[derive(Debug, Clone, Copy)]
pub struct Membership {
    pub total: u64,
    pub available: u64,
}

/// The status and details of the proxy's own answer; any but 200 carries the flag LH.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub details: &'static str,
}

impl HealthCheck {
    pub fn new(config: &HealthCheckFilter) -> Result<HealthCheck, String> {
        let percentages = &config.cluster_min_healthy_percentages;
        Ok(HealthCheck {
            pass_through: config.pass_through_mode,
            headers: HeaderMatcher::all(&config.headers)?,
            min_healthy: percentages.iter().map(|(name, it)| (name.clone(), it.value)).collect(),
        })
    }

    pub fn matches(&self, headers: &HeaderMap) -> bool {
        self.headers.iter().all(|it| it.matches(headers))
    }

    /// The answer to a request that matches; none lets it pass. `failed` is what `/healthcheck/fail` set.
    pub fn answer(&self, failed: bool, cluster: impl Fn(&str) -> Option<Membership>) -> Option<Answer> {
        if failed {
            return Some(Answer { status: 503, details: "health_check_failed" });
        }
        if self.pass_through {
            return None;
        }
        for (name, least) in &self.min_healthy {
            let details = match cluster(name) {
                None => "health_check_failed_cluster_not_found",
                Some(it) if it.total == 0 && *least == 0.0 => continue,
                Some(it) if it.total == 0 => "health_check_failed_cluster_empty",
                Some(it) if 100.0 * (it.available as f64) < it.total as f64 * least => {
                    "health_check_failed_cluster_unhealthy"
                }
                Some(_) => continue,
            };
            return Some(Answer { status: 503, details });
        }
        Some(Answer { status: 200, details: "health_check_ok" })
    }
}
