//! Outlier detection: hosts that fail requests are left alone for a while.
//!
//! Differs from Envoy: success rate and failure percentage are not computed.
//! Source: Envoy's documentation "Outlier detection".

use super::{Proxy, Timer};
use crate::source::nanos;
use std::time::Duration;

fn or(duration: Option<Duration>, seconds: u64) -> u64 {
    duration.map_or(seconds * 1_000_000_000, nanos)
}

impl Proxy {
    /// A request to a host came to this. `is_local`: there was no answer of the host's own.
    pub(super) fn outlier_result(&mut self, id: usize, host: u32, code: u16, is_local: bool) {
        let Some(Some(cluster)) = self.clusters.get_mut(id) else { return };
        let Some(config) = cluster.config.outlier_detection.clone() else { return };
        let Some(it) = cluster.hosts.get_mut(&host) else { return };
        let is_split = config.split_external_local_origin_errors;
        let outlier = &mut it.outlier;
        let is_failure = code >= 500;
        outlier.volume.0 += 1;
        outlier.volume.1 += u64::from(!is_failure);
        if !is_failure {
            (outlier.consecutive_5xx, outlier.consecutive_gateway, outlier.consecutive_local) = (0, 0, 0);
            return;
        }
        if is_local && is_split {
            outlier.consecutive_local += 1;
            if outlier.consecutive_local >= config.consecutive_local_origin_failure.unwrap_or(5) {
                let enforcing = config.enforcing_consecutive_local_origin_failure.unwrap_or(100);
                self.eject(id, host, "consecutive_local_origin_failure", enforcing);
            }
            return;
        }
        let is_gateway = matches!(code, 502..=504);
        outlier.consecutive_gateway = if is_gateway { outlier.consecutive_gateway + 1 } else { 0 };
        outlier.consecutive_5xx += 1;
        let gateway = outlier.consecutive_gateway == config.consecutive_gateway_failure.unwrap_or(5);
        let any = outlier.consecutive_5xx == config.consecutive_5xx.unwrap_or(5);
        if is_gateway && gateway {
            self.eject(
                id,
                host,
                "consecutive_gateway_failure",
                config.enforcing_consecutive_gateway_failure.unwrap_or(0),
            );
        }
        if any {
            self.eject(id, host, "consecutive_5xx", config.enforcing_consecutive_5xx.unwrap_or(100));
        }
    }

    fn eject(&mut self, id: usize, host: u32, kind: &str, enforcing: u32) {
        let Some(Some(cluster)) = self.clusters.get_mut(id) else { return };
        let prefix = format!("{}outlier_detection.", cluster.prefix);
        self.stats.count(&format!("{prefix}ejections_detected_{kind}"));
        let Some(config) = cluster.config.outlier_detection.clone() else { return };
        let total = cluster.hosts.values().filter(|it| !it.is_removed).count() as u32;
        let most = config.max_ejection_percent.unwrap_or(10);
        let ejected = cluster.outliers_ejected;
        let Some(it) = cluster.hosts.get_mut(&host) else { return };
        it.outlier.consecutive_5xx = 0;
        it.outlier.consecutive_gateway = 0;
        it.outlier.consecutive_local = 0;
        if it.outlier.ejected_at.is_some() {
            return;
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
        if self.random.below(100) >= u64::from(enforcing) {
            return;
        }
        it.outlier.ejected_at = Some(self.now);
        it.outlier.ejections += 1;
        cluster.outliers_ejected += 1;
        let active = self.stats.gauge(&format!("{prefix}ejections_active"));
        self.stats.add(active, 1);
        self.stats.count(&format!("{prefix}ejections_total"));
        self.stats.count(&format!("{prefix}ejections_enforced_total"));
        self.stats.count(&format!("{prefix}ejections_enforced_{kind}"));
        self.stats.count(&format!("{prefix}ejections_{kind}"));
        cluster.refresh(&mut self.stats);
    }

    /// Hosts whose time is over come back.
    pub(super) fn outlier_interval(&mut self, id: usize) {
        let now = self.now;
        let Some(Some(cluster)) = self.clusters.get_mut(id) else { return };
        let Some(config) = cluster.config.outlier_detection.clone() else { return };
        let base = or(config.base_ejection_time, 30);
        let most = or(config.max_ejection_time, 300).max(base);
        let mut returned = 0;
        for it in cluster.hosts.values_mut() {
            let wait = base.saturating_mul(u64::from(it.outlier.ejections.max(1))).min(most);
            match it.outlier.ejected_at {
                Some(since) if now >= since + wait => {
                    it.outlier.ejected_at = None;
                    returned += 1;
                }
                Some(_) => {}
                // A host that behaves is forgiven one ejection an interval.
                None => it.outlier.ejections = it.outlier.ejections.saturating_sub(1),
            }
        }
        if returned > 0 {
            cluster.outliers_ejected -= returned.min(cluster.outliers_ejected);
            let active = self.stats.gauge(&format!("{}outlier_detection.ejections_active", cluster.prefix));
            self.stats.set(active, u64::from(cluster.outliers_ejected));
            cluster.refresh(&mut self.stats);
        }
        self.timers.set(now + or(config.interval, 10), Timer::Outliers(id));
    }

    /// Starts the interval of a cluster that has outlier detection.
    pub(super) fn start_outliers(&mut self, id: usize) {
        let interval = self
            .cluster(id)
            .and_then(|it| it.config.outlier_detection.as_ref().map(|it| or(it.interval, 10)));
        if let Some(interval) = interval {
            self.timers.set(self.now + interval, Timer::Outliers(id));
        }
    }
}
