//! Outlier detection: hosts that fail requests are left alone for a while.
//!
//! A host goes for failures in a row as soon as they are counted; for its share of failures, among the others' or on its
//! own, at the end of an interval.
//! Source: Envoy `source/common/upstream/outlier_detection_impl.cc`.

use super::{Proxy, Timer};
use crate::cluster::host::{Outlier, Volume};
use crate::config::cluster::OutlierDetection;
use crate::source::nanos;
use std::time::Duration;

/// For what hosts are ejected.
const KINDS: [&str; 7] = [
    "consecutive_5xx",
    "consecutive_gateway_failure",
    "consecutive_local_origin_failure",
    "success_rate",
    "local_origin_success_rate",
    "failure_percentage",
    "local_origin_failure_percentage",
];

fn or(duration: Option<Duration>, seconds: u64) -> u64 {
    duration.map_or(seconds * 1_000_000_000, nanos)
}

/// Whose errors a share is made of.
#[derive(Clone, Copy, PartialEq)]
enum Origin {
    /// Answers; and, unless errors are split, all else that went wrong.
    External,
    /// Connections, where errors are split.
    Local,
}

impl Origin {
    fn volume(self, outlier: &mut Outlier) -> &mut Volume {
        match self {
            Origin::External => &mut outlier.volume,
            Origin::Local => &mut outlier.local_volume,
        }
    }
}

impl Proxy {
    /// A request to a host came to this. `is_local`: there was no answer of the host's own.
    pub(super) fn outlier_result(&mut self, id: usize, host: u32, code: u16, is_local: bool) {
        let Some(Some(cluster)) = self.clusters.get_mut(id) else { return };
        let Some(config) = cluster.config.outlier_detection.clone() else { return };
        let Some(it) = cluster.hosts.get_mut(&host) else { return };
        let is_split = config.split_external_local_origin_errors;
        let outlier = &mut it.outlier;
        if is_local && is_split {
            outlier.local_volume.count(false);
            outlier.consecutive_local += 1;
            if outlier.consecutive_local == config.consecutive_local_origin_failure.unwrap_or(5) {
                let enforcing = config.enforcing_consecutive_local_origin_failure.unwrap_or(100);
                self.detect(id, host, "consecutive_local_origin_failure", enforcing);
            }
            return;
        }
        let is_failure = code >= 500;
        outlier.volume.count(!is_failure);
        if is_split {
            // There was a connection for it.
            outlier.local_volume.count(true);
            outlier.consecutive_local = 0;
        }
        if !is_failure {
            (outlier.consecutive_5xx, outlier.consecutive_gateway) = (0, 0);
            return;
        }
        let is_gateway = matches!(code, 502..=504);
        outlier.consecutive_gateway = if is_gateway { outlier.consecutive_gateway + 1 } else { 0 };
        outlier.consecutive_5xx += 1;
        let gateway = outlier.consecutive_gateway == config.consecutive_gateway_failure.unwrap_or(5);
        let any = outlier.consecutive_5xx == config.consecutive_5xx.unwrap_or(5);
        if is_gateway && gateway {
            let enforcing = config.enforcing_consecutive_gateway_failure.unwrap_or(0);
            self.detect(id, host, "consecutive_gateway_failure", enforcing);
        }
        if any {
            self.detect(id, host, "consecutive_5xx", config.enforcing_consecutive_5xx.unwrap_or(100));
        }
    }

    /// A host was found to be an outlier; in so many of a hundred cases it goes.
    fn detect(&mut self, id: usize, host: u32, kind: &str, enforcing: u32) {
        let Some(Some(cluster)) = self.clusters.get_mut(id) else { return };
        let prefix = format!("{}outlier_detection.", cluster.prefix);
        let Some(config) = cluster.config.outlier_detection.clone() else { return };
        let total = cluster.hosts.values().filter(|it| !it.is_removed).count() as u32;
        let most = config.max_ejection_percent.unwrap_or(10);
        let ejected = cluster.outliers_ejected;
        let Some(it) = cluster.hosts.get_mut(&host) else { return };
        if it.outlier.ejected_at.is_some() {
            return;
        }
        self.stats.count(&format!("{prefix}ejections_detected_{kind}"));
        if matches!(kind, "consecutive_5xx" | "success_rate") {
            self.stats.count(&format!("{prefix}ejections_{kind}"));
        }
        match kind {
            "consecutive_5xx" => it.outlier.consecutive_5xx = 0,
            "consecutive_gateway_failure" => it.outlier.consecutive_gateway = 0,
            "consecutive_local_origin_failure" => it.outlier.consecutive_local = 0,
            _ => {}
        }
        // One host may go whatever the percentage, unless that is switched off; beyond, the percentage holds.
        let always_one = config.always_eject_one_host == Some(true) && ejected == 0;
        let allowed = always_one
            || (ejected + 1) * 100 <= most * total.max(1)
            || (ejected == 0 && most > 0 && total > 0 && most * total < 100);
        if !allowed {
            self.stats.count(&format!("{prefix}ejections_overflow"));
            return;
        }
        // An old counter, of what would go.
        if matches!(kind, "consecutive_5xx" | "success_rate") {
            self.stats.count(&format!("{prefix}ejections_total"));
        }
        if self.random.below(100) >= u64::from(enforcing) {
            return;
        }
        let jitter = config.max_ejection_time_jitter.map_or(0, nanos);
        it.outlier.jitter = if jitter == 0 { 0 } else { self.random.below(jitter + 1) };
        it.outlier.ejected_at = Some(self.now);
        it.outlier.ejections += 1;
        cluster.outliers_ejected += 1;
        let active = self.stats.gauge(&format!("{prefix}ejections_active"));
        self.stats.add(active, 1);
        self.stats.count(&format!("{prefix}ejections_enforced_total"));
        self.stats.count(&format!("{prefix}ejections_enforced_{kind}"));
        cluster.refresh(&mut self.stats);
    }

    /// An interval is over: hosts whose time is over come back, and shares of failures are looked at.
    pub(super) fn outlier_interval(&mut self, id: usize) {
        let now = self.now;
        let Some(Some(cluster)) = self.clusters.get_mut(id) else { return };
        let Some(config) = cluster.config.outlier_detection.clone() else { return };
        let base = or(config.base_ejection_time, 30);
        let most = or(config.max_ejection_time, 300).max(base);
        let mut returned = Vec::new();
        for (number, it) in &mut cluster.hosts {
            let wait = base.saturating_mul(u64::from(it.outlier.ejections.max(1))).min(most);
            match it.outlier.ejected_at {
                Some(since) if now >= since.saturating_add(wait).saturating_add(it.outlier.jitter) => {
                    returned.push(*number)
                }
                Some(_) => {}
                // A host that behaves is forgiven one ejection an interval.
                None => it.outlier.ejections = it.outlier.ejections.saturating_sub(1),
            }
            it.outlier.success_rate = None;
        }
        returned.into_iter().for_each(|host| self.uneject(id, host));
        self.judge_shares(id, &config, Origin::External);
        self.judge_shares(id, &config, Origin::Local);
        self.timers.set(now + or(config.interval, 10), Timer::Outliers(id));
    }

    /// An ejected host comes back.
    fn uneject(&mut self, id: usize, host: u32) {
        let Some(Some(cluster)) = self.clusters.get_mut(id) else { return };
        let Some(it) = cluster.hosts.get_mut(&host) else { return };
        if it.outlier.ejected_at.take().is_none() {
            return;
        }
        (it.outlier.consecutive_5xx, it.outlier.consecutive_gateway, it.outlier.consecutive_local) =
            (0, 0, 0);
        cluster.outliers_ejected = cluster.outliers_ejected.saturating_sub(1);
        let active = self.stats.gauge(&format!("{}outlier_detection.ejections_active", cluster.prefix));
        self.stats.set(active, u64::from(cluster.outliers_ejected));
        cluster.refresh(&mut self.stats);
    }

    /// A host passed an active health check, which ends its ejection unless that is switched off.
    pub(super) fn outlier_checked(&mut self, id: usize, host: u32) {
        let asks = |it: &OutlierDetection| it.successful_active_health_check_uneject_host != Some(false);
        let Some(cluster) = self.cluster(id) else { return };
        let is_failed = cluster.hosts.get(&host).is_none_or(|it| it.checked.is_failed);
        if cluster.config.outlier_detection.as_ref().is_some_and(asks) && !is_failed {
            self.uneject(id, host);
        }
    }

    /// Ejects hosts that succeed much less often than the others, or less often than they may.
    fn judge_shares(&mut self, id: usize, config: &OutlierDetection, origin: Origin) {
        let Some(Some(cluster)) = self.clusters.get_mut(id) else { return };
        let rate_volume = u64::from(config.success_rate_request_volume.unwrap_or(100));
        let failure_volume = u64::from(config.failure_percentage_request_volume.unwrap_or(50));
        let (mut by_rate, mut by_failures) = (Vec::new(), Vec::new());
        for (number, host) in cluster.hosts.iter_mut().filter(|it| !it.1.is_removed) {
            let volume = std::mem::take(origin.volume(&mut host.outlier));
            if host.outlier.ejected_at.is_some() || volume.total == 0 {
                continue;
            }
            let found = (*number, volume.rate());
            if volume.total >= rate_volume.min(failure_volume) && origin == Origin::External {
                host.outlier.success_rate = Some(found.1);
            }
            if volume.total >= rate_volume {
                by_rate.push(found);
            }
            if volume.total >= failure_volume {
                by_failures.push(found);
            }
        }
        let (rate, failures, rate_enforcing, failures_enforcing) = match origin {
            Origin::External => (
                "success_rate",
                "failure_percentage",
                config.enforcing_success_rate.unwrap_or(100),
                config.enforcing_failure_percentage.unwrap_or(0),
            ),
            Origin::Local => (
                "local_origin_success_rate",
                "local_origin_failure_percentage",
                config.enforcing_local_origin_success_rate.unwrap_or(100),
                config.enforcing_failure_percentage_local_origin.unwrap_or(0),
            ),
        };
        let enough = |hosts: usize, least: Option<u32>| hosts > 0 && hosts >= least.unwrap_or(5) as usize;
        if enough(by_rate.len(), config.success_rate_minimum_hosts) {
            let factor = f64::from(config.success_rate_stdev_factor.unwrap_or(1900)) / 1000.0;
            let least = least_rate(&by_rate, factor);
            for (host, _) in by_rate.iter().filter(|it| it.1 < least) {
                self.detect(id, *host, rate, rate_enforcing);
            }
        }
        if enough(by_failures.len(), config.failure_percentage_minimum_hosts) {
            let most = f64::from(config.failure_percentage_threshold.unwrap_or(85));
            for (host, _) in by_failures.iter().filter(|it| 100.0 - it.1 >= most) {
                self.detect(id, *host, failures, failures_enforcing);
            }
        }
    }

    /// Starts the interval of a cluster that has outlier detection.
    pub(super) fn start_outliers(&mut self, id: usize) {
        let Some(Some(cluster)) = self.clusters.get(id) else { return };
        let Some(config) = &cluster.config.outlier_detection else { return };
        self.timers.set(self.now + or(config.interval, 10), Timer::Outliers(id));
        let prefix = format!("{}outlier_detection.ejections_", cluster.prefix);
        for name in ["total", "enforced_total", "overflow", "consecutive_5xx", "success_rate"] {
            self.stats.counter(&format!("{prefix}{name}"));
        }
        for kind in KINDS {
            self.stats.counter(&format!("{prefix}detected_{kind}"));
            self.stats.counter(&format!("{prefix}enforced_{kind}"));
        }
        self.stats.gauge(&format!("{prefix}active"));
    }
}

/// So many standard deviations below the mean of all shares.
fn least_rate(all: &[(u32, f64)], deviations: f64) -> f64 {
    let count = all.len() as f64;
    let mean = all.iter().map(|it| it.1).sum::<f64>() / count;
    let variance = all.iter().map(|it| (it.1 - mean).powi(2)).sum::<f64>() / count;
    mean - deviations * variance.sqrt()
}

#[cfg(test)]
mod tests {
    use super::least_rate;

    #[test]
    fn a_host_far_below_the_others_is_below_the_least_rate() {
        let rates = [(0, 100.0), (1, 100.0), (2, 100.0), (3, 100.0), (4, 0.0)];
        let least = least_rate(&rates, 1.9);
        assert_eq!(least, 80.0 - 1.9 * 40.0);
        assert!(rates[4].1 < least && rates[0].1 > least);
    }
}
