//! kube-proxy's metrics, as 127.0.0.1:10249/metrics shows them.
//!
//! Always: a family is shown with its help and type, in order of name.
//! Differs from kube-proxy: histograms' buckets, client and Go metrics are left out.
//! Source: `pkg/proxy/metrics`, Kubernetes 1.36.

use super::iptables::Sync;
use super::port::Family;
use std::collections::BTreeMap;

const FAMILIES: &[(&str, &str, &str)] = &[
    (
        "kubeproxy_iptables_ct_state_invalid_dropped_packets_total",
        "counter",
        "[ALPHA] packets dropped by iptables to work around conntrack problems",
    ),
    ("kubeproxy_proxy_healthz_total", "counter", "[ALPHA] Cumulative proxy healthz HTTP status"),
    ("kubeproxy_proxy_livez_total", "counter", "[ALPHA] Cumulative proxy livez HTTP status"),
    (
        "kubeproxy_sync_full_proxy_rules_duration_seconds_count",
        "counter",
        "[ALPHA] SyncProxyRules latency in seconds for full resyncs",
    ),
    (
        "kubeproxy_sync_partial_proxy_rules_duration_seconds_count",
        "counter",
        "[ALPHA] SyncProxyRules latency in seconds for partial resyncs",
    ),
    (
        "kubeproxy_sync_proxy_rules_endpoint_changes_pending",
        "gauge",
        "[ALPHA] Pending proxy rules Endpoint changes",
    ),
    (
        "kubeproxy_sync_proxy_rules_endpoint_changes_total",
        "counter",
        "[ALPHA] Cumulative proxy rules Endpoint changes",
    ),
    (
        "kubeproxy_sync_proxy_rules_iptables_last",
        "gauge",
        "[ALPHA] Number of iptables rules written by kube-proxy in last sync",
    ),
    (
        "kubeproxy_sync_proxy_rules_iptables_partial_restore_failures_total",
        "counter",
        "[ALPHA] Cumulative proxy iptables partial restore failures",
    ),
    (
        "kubeproxy_sync_proxy_rules_iptables_restore_failures_total",
        "counter",
        "[ALPHA] Cumulative proxy iptables restore failures",
    ),
    (
        "kubeproxy_sync_proxy_rules_iptables_total",
        "gauge",
        "[ALPHA] Total number of iptables rules owned by kube-proxy",
    ),
    (
        "kubeproxy_sync_proxy_rules_last_queued_timestamp_seconds",
        "gauge",
        "[ALPHA] The last time a sync of proxy rules was queued",
    ),
    (
        "kubeproxy_sync_proxy_rules_last_timestamp_seconds",
        "gauge",
        "[ALPHA] The last time proxy rules were successfully synced",
    ),
    (
        "kubeproxy_sync_proxy_rules_no_local_endpoints_total",
        "gauge",
        "[ALPHA] Number of services with a Local traffic policy and no endpoints",
    ),
    (
        "kubeproxy_sync_proxy_rules_service_changes_pending",
        "gauge",
        "[ALPHA] Pending proxy rules Service changes",
    ),
    (
        "kubeproxy_sync_proxy_rules_service_changes_total",
        "counter",
        "[ALPHA] Cumulative proxy rules Service changes",
    ),
];

#[derive(Clone, Debug, Default)]
pub struct Metrics {
    values: BTreeMap<(String, String), f64>,
}

impl Metrics {
    pub fn add(&mut self, name: &str, labels: &str, count: f64) {
        *self.values.entry((format!("kubeproxy_{name}"), labels.to_owned())).or_default() += count;
    }

    pub fn set(&mut self, name: &str, labels: &str, value: f64) {
        self.values.insert((format!("kubeproxy_{name}"), labels.to_owned()), value);
    }

    /// A sync went through at that time, in seconds since 1970.
    pub fn synced(&mut self, sync: &Sync, family: Family, at: f64) {
        let kind = if sync.is_full { "full" } else { "partial" };
        let family = format!("ip_family=\"{}\"", family.name());
        self.add(&format!("sync_{kind}_proxy_rules_duration_seconds_count"), &family, 1.0);
        self.set("sync_proxy_rules_last_timestamp_seconds", &family, at);
        let counts = &sync.counts;
        for (name, table, count) in [
            ("sync_proxy_rules_iptables_total", "filter", counts.filter_rules),
            ("sync_proxy_rules_iptables_total", "nat", counts.nat_rules),
            ("sync_proxy_rules_iptables_last", "filter", counts.filter_rules),
            ("sync_proxy_rules_iptables_last", "nat", counts.nat_rules_written),
        ] {
            self.set(name, &format!("{family},table=\"{table}\""), count as f64);
        }
        for (policy, count) in
            [("internal", counts.no_local_internal), ("external", counts.no_local_external)]
        {
            let labels = format!("{family},traffic_policy=\"{policy}\"");
            self.set("sync_proxy_rules_no_local_endpoints_total", &labels, count as f64);
        }
    }

    /// In the text form that Prometheus reads.
    pub fn text(&self) -> String {
        let mut out = String::new();
        for (name, kind, help) in FAMILIES {
            let rows = self.values.range(((*name).to_owned(), String::new())..);
            let mut rows = rows.take_while(|((it, _), _)| it == name).peekable();
            if rows.peek().is_none() {
                continue;
            }
            out += &format!("# HELP {name} {help}\n# TYPE {name} {kind}\n");
            for ((_, labels), value) in rows {
                let labels = if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
                out += &format!("{name}{labels} {value}\n");
            }
        }
        out
    }
}
