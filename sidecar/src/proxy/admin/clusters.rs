//! `/clusters`: each cluster's limits and hosts, as text or as JSON.
//!
//! Source: Envoy `source/server/admin/clusters_handler.cc`, envoy.admin.v3 (clusters).

use super::config_dump::{address, locality};
use super::{JSON, Page, TEXT, pretty, unescaped};
use crate::balance::Health;
use crate::cluster::breaker::Resource;
use crate::cluster::{Cluster, Host};
use crate::config::cluster::{ClusterClusterDiscoveryType as Discovery, DiscoveryType};
use crate::proxy::Proxy;
use regex::Regex;
use serde_json::{Map, Value, json};
use std::fmt::Write as _;

const LIMITS: [(Resource, &str); 4] = [
    (Resource::Connections, "max_connections"),
    (Resource::Pending, "max_pending_requests"),
    (Resource::Requests, "max_requests"),
    (Resource::Retries, "max_retries"),
];

/// A host's counters and gauges by name, as both forms show them.
fn counts(host: &Host) -> [(&'static str, u64, bool); 9] {
    let it = &host.totals;
    [
        ("cx_active", u64::from(host.connections), true),
        ("cx_connect_fail", it.connect_failures, false),
        ("cx_total", it.connections, false),
        ("rq_active", u64::from(host.active), true),
        ("rq_error", it.errors, false),
        ("rq_pending_active", host.pending.len() as u64, true),
        ("rq_success", it.successes, false),
        ("rq_timeout", it.timeouts, false),
        ("rq_total", it.requests, false),
    ]
}

/// The name under which endpoints are discovered; none where they are not, or under the cluster's own.
fn service_name(cluster: &Cluster) -> Option<&str> {
    let is_eds = cluster.config.cluster_discovery_type == Some(Discovery::Type(DiscoveryType::Eds));
    let name = cluster.config.eds_cluster_config.as_ref().map(|it| it.service_name.as_str());
    name.filter(|it| is_eds && !it.is_empty())
}

fn observability_name(cluster: &Cluster) -> &str {
    let other = cluster.config.alt_stat_name.as_str();
    if other.is_empty() { &cluster.name } else { other }
}

impl Proxy {
    /// The page.
    pub(super) fn admin_clusters(&self, path: &[u8]) -> Page {
        let filter = match unescaped(path, "filter").map(|it| Regex::new(&it)) {
            None => None,
            Some(Ok(filter)) => Some(filter),
            Some(Err(_)) => return (400, "Invalid re2 regex".to_owned(), TEXT),
        };
        let all = self.cluster_names.values().filter_map(|id| self.clusters.get(*id)?.as_ref());
        let wanted = all.filter(|it| filter.as_ref().is_none_or(|filter| filter.is_match(&it.name)));
        if unescaped(path, "format").as_deref() == Some("json") {
            let all: Vec<Value> = wanted.map(|it| self.cluster_status(it)).collect();
            let mut fields = Map::new();
            if !all.is_empty() {
                fields.insert("cluster_statuses".to_owned(), all.into());
            }
            return (200, pretty(&fields.into()), JSON);
        }
        let mut text = String::new();
        wanted.for_each(|it| self.cluster_text(it, &mut text));
        (200, text, TEXT)
    }

    fn cluster_text(&self, cluster: &Cluster, text: &mut String) {
        let name = &cluster.name;
        // Writing into a string cannot fail.
        let mut put = |line: std::fmt::Arguments<'_>| writeln!(text, "{name}::{line}").unwrap_or_default();
        put(format_args!("observability_name::{}", observability_name(cluster)));
        for (breakers, priority) in cluster.breakers.iter().zip(["default", "high"]) {
            for (resource, limit) in LIMITS {
                put(format_args!("{priority}_priority::{limit}::{}", breakers.most(resource)));
            }
        }
        put(format_args!("added_via_api::{}", self.discovery.clusters.contains_key(&**name)));
        if let Some(service) = service_name(cluster) {
            put(format_args!("eds_service_name::{service}"));
        }
        for host in cluster.hosts.values().filter(|it| !it.is_removed) {
            let at = host.address;
            for (name, value, _) in counts(host) {
                put(format_args!("{at}::{name}::{value}"));
            }
            let (region, zone, sub_zone) = &host.seen.locality;
            put(format_args!("{at}::hostname::{}", host.seen.hostname));
            put(format_args!("{at}::health_flags::{}", health_flags(host)));
            put(format_args!("{at}::weight::{}", host.seen.weight));
            put(format_args!("{at}::region::{region}"));
            put(format_args!("{at}::zone::{zone}"));
            put(format_args!("{at}::sub_zone::{sub_zone}"));
            put(format_args!("{at}::canary::false"));
            put(format_args!("{at}::priority::{}", host.seen.priority));
            let rate = host.outlier.success_rate.map_or_else(|| "-1".to_owned(), |it| it.to_string());
            put(format_args!("{at}::success_rate::{rate}"));
            put(format_args!("{at}::local_origin_success_rate::-1"));
        }
    }

    fn cluster_status(&self, cluster: &Cluster) -> Value {
        let mut fields = Map::new();
        let mut put = |name: &str, value: Value| drop(fields.insert(name.to_owned(), value));
        put("name", (*cluster.name).into());
        if self.discovery.clusters.contains_key(&*cluster.name) {
            put("added_via_api", true.into());
        }
        let hosts: Vec<Value> = cluster.hosts.values().filter(|it| !it.is_removed).map(host_status).collect();
        if !hosts.is_empty() {
            put("host_statuses", hosts.into());
        }
        let thresholds = cluster.breakers.iter().zip(["", "HIGH"]).map(|(breakers, priority)| {
            let mut fields = Map::new();
            if !priority.is_empty() {
                fields.insert("priority".to_owned(), priority.into());
            }
            for (resource, limit) in LIMITS {
                fields.insert(limit.to_owned(), breakers.most(resource).into());
            }
            Value::Object(fields)
        });
        put("circuit_breakers", json!({ "thresholds": thresholds.collect::<Vec<_>>() }));
        put("observability_name", observability_name(cluster).into());
        if let Some(service) = service_name(cluster) {
            put("eds_service_name", service.into());
        }
        fields.into()
    }
}

/// `healthy`, or why not.
fn health_flags(host: &Host) -> String {
    let flags: String = [
        (host.checked.is_failed, "/failed_active_hc"),
        (host.outlier.ejected_at.is_some(), "/failed_outlier_check"),
        (host.assigned == Health::Unhealthy, "/failed_eds_health"),
        (host.assigned == Health::Degraded, "/degraded_eds_health"),
        (host.is_leaving, "/pending_dynamic_removal"),
    ]
    .iter()
    .filter(|it| it.0)
    .map(|it| it.1)
    .collect();
    if flags.is_empty() { "healthy".to_owned() } else { flags }
}

fn host_status(host: &Host) -> Value {
    let mut all = counts(host);
    // Counters stand before gauges.
    all.sort_by_key(|it| it.2);
    let stats = all.iter().map(|(name, value, is_gauge)| {
        let mut fields = Map::new();
        if *is_gauge {
            fields.insert("type".to_owned(), "GAUGE".into());
        }
        if *value > 0 {
            fields.insert("value".to_owned(), value.to_string().into());
        }
        fields.insert("name".to_owned(), (*name).into());
        Value::Object(fields)
    });
    let mut health = Map::new();
    let flags = [
        (host.checked.is_failed, "failed_active_health_check"),
        (host.outlier.ejected_at.is_some(), "failed_outlier_check"),
        (host.is_leaving, "pending_dynamic_removal"),
    ];
    for (_, name) in flags.iter().filter(|it| it.0) {
        health.insert((*name).to_owned(), true.into());
    }
    let assigned = match host.assigned {
        Health::Healthy => "HEALTHY",
        Health::Degraded => "DEGRADED",
        Health::Unhealthy => "UNHEALTHY",
    };
    health.insert("eds_health_status".to_owned(), assigned.into());
    let (region, zone, sub_zone) = &host.seen.locality;
    let mut fields = Map::new();
    let mut put = |name: &str, value: Value| drop(fields.insert(name.to_owned(), value));
    put("address", address(host.address));
    put("stats", stats.collect());
    put("health_status", health.into());
    if let Some(rate) = host.outlier.success_rate {
        put("success_rate", json!({ "value": rate }));
    }
    put("weight", host.seen.weight.into());
    if !host.seen.hostname.is_empty() {
        put("hostname", host.seen.hostname.as_str().into());
    }
    if host.seen.priority > 0 {
        put("priority", host.seen.priority.into());
    }
    put("locality", locality(region, zone, sub_zone));
    fields.into()
}
