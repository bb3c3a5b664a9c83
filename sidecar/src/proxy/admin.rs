//! The admin page: what the proxy says of itself, and how it is told to drain.
//!
//! Source: Envoy's documentation "Administration interface".

use super::reply::Reply;
use super::slab::Key;
use super::{Output, Proxy};
use crate::balance::Health;
use crate::matcher::query_value;
use regex::Regex;
use serde_json::{Value, json};
use std::fmt::Write as _;

impl Proxy {
    /// Answers a request to the admin page.
    pub(super) fn admin(&mut self, key: Key) {
        let Some(stream) = self.stream(key) else { return };
        let path = stream.request.get(":path").unwrap_or_default().to_vec();
        let is_post = stream.request.get(":method") == Some(b"POST");
        let bare = String::from_utf8_lossy(crate::route::without_query(&path)).into_owned();
        let changes = matches!(
            bare.as_str(),
            "/healthcheck/fail"
                | "/healthcheck/ok"
                | "/drain_listeners"
                | "/reset_counters"
                | "/quitquitquit"
                | "/logging"
        );
        let (status, body, kind) = match bare.as_str() {
            _ if changes && !is_post => (
                405,
                format!("Method {} not allowed, POST required.", if is_post { "POST" } else { "GET" }),
                "text/plain",
            ),
            "/ready" => self.ready(),
            "/healthcheck/fail" => self.fail_checks(true),
            "/healthcheck/ok" => self.fail_checks(false),
            "/drain_listeners" => self.drain_listeners(),
            "/reset_counters" => {
                self.stats.reset_counters();
                ok()
            }
            "/stats" => self.admin_stats(&path),
            "/stats/prometheus" => (200, self.prometheus(), "text/plain; version=0.0.4; charset=utf-8"),
            "/clusters" => (200, self.admin_clusters(), "text/plain; charset=UTF-8"),
            "/listeners" => (200, self.admin_listeners(), "text/plain; charset=UTF-8"),
            "/server_info" => (200, self.server_info(), "application/json"),
            "/config_dump" => (200, self.config_dump(), "application/json"),
            "/certs" => (200, pretty(&json!({ "certificates": [] })), "application/json"),
            "/" | "/help" => (200, HELP.to_owned(), "text/plain; charset=UTF-8"),
            _ => (404, format!("invalid path. admin commands are:\n{HELP}"), "text/plain; charset=UTF-8"),
        };
        let reply = Reply::new(status, &body, "admin_filter_response");
        let reply = reply
            .with("content-type", kind.to_owned())
            .with("cache-control", "no-cache, max-age=0".to_owned());
        self.reply(key, reply.with("x-content-type-options", "nosniff".to_owned()));
    }

    fn state(&self) -> &'static str {
        match () {
            _ if self.is_failing_checks || self.is_draining => "DRAINING",
            _ if !self.discovery.is_ready() => "INITIALIZING",
            _ => "LIVE",
        }
    }

    fn ready(&self) -> (u16, String, &'static str) {
        let state = self.state();
        (if state == "LIVE" { 200 } else { 503 }, format!("{state}\n"), "text/plain; charset=UTF-8")
    }

    fn fail_checks(&mut self, fails: bool) -> (u16, String, &'static str) {
        self.is_failing_checks = fails;
        ok()
    }

    fn drain_listeners(&mut self) -> (u16, String, &'static str) {
        self.is_draining = true;
        self.listeners_drained();
        let numbers: Vec<u32> = (0..self.downs.len() as u32).collect();
        for number in numbers {
            let is_admin = self.down(number).and_then(|it| it.settings()).is_some_and(|it| it.is_admin);
            if !is_admin {
                self.drain_down(number);
            }
        }
        ok()
    }

    /// No listener but that of the admin page listens any longer.
    pub(super) fn listeners_drained(&mut self) {
        for (at, listener) in self.listeners.iter_mut().enumerate() {
            if let Some(listener) = listener
                && !listener.is_admin()
                && std::mem::take(&mut listener.is_bound)
            {
                self.output.push_back(Output::Unlisten(at as u32));
            }
        }
    }

    fn admin_stats(&self, path: &[u8]) -> (u16, String, &'static str) {
        let filter = query_value(path, b"filter").map(|it| unescape(&String::from_utf8_lossy(it)));
        let filter = match filter.map(|it| Regex::new(&it)) {
            None => None,
            Some(Ok(filter)) => Some(filter),
            Some(Err(_)) => return (400, "Invalid re2 regex".to_owned(), "text/plain"),
        };
        let used_only = path.windows(8).any(|it| it == b"usedonly");
        let wanted = |name: &str, value: u64| {
            filter.as_ref().is_none_or(|it| it.is_match(name)) && !(used_only && value == 0)
        };
        let all: Vec<(&str, u64)> =
            self.stats.iter().filter(|it| wanted(it.0, it.1)).map(|it| (it.0, it.1)).collect();
        match query_value(path, b"format") {
            Some(b"json") => {
                let stats: Vec<Value> =
                    all.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect();
                (200, json!({ "stats": stats }).to_string(), "application/json")
            }
            Some(b"prometheus") => (200, self.prometheus(), "text/plain; version=0.0.4; charset=utf-8"),
            _ => {
                let mut text = String::new();
                for (name, value) in all {
                    // Writing into a string cannot fail.
                    writeln!(text, "{name}: {value}").unwrap_or_default();
                }
                (200, text, "text/plain; charset=UTF-8")
            }
        }
    }

    fn prometheus(&self) -> String {
        let mut lines: Vec<(String, bool, String, u64)> = self
            .stats
            .iter()
            .map(|(name, value, is_gauge)| {
                let (metric, labels) = metric(name);
                (metric, is_gauge, labels, value)
            })
            .collect();
        lines.sort();
        let (mut text, mut last) = (String::new(), String::new());
        for (metric, is_gauge, labels, value) in lines {
            if metric != last {
                let kind = if is_gauge { "gauge" } else { "counter" };
                writeln!(text, "# TYPE {metric} {kind}").unwrap_or_default();
                last.clone_from(&metric);
            }
            writeln!(text, "{metric}{{{labels}}} {value}").unwrap_or_default();
        }
        text
    }

    fn admin_clusters(&self) -> String {
        let mut text = String::new();
        for cluster in self.cluster_names.values().filter_map(|id| self.clusters.get(*id)?.as_ref()) {
            let name = &cluster.name;
            let mut put = |line: String| writeln!(text, "{name}::{line}").unwrap_or_default();
            put(format!("observability_name::{name}"));
            for host in cluster.hosts.values().filter(|it| !it.is_removed) {
                let at = host.address;
                let mut flags = Vec::new();
                if host.checked.is_failed {
                    flags.push("/failed_active_hc");
                }
                if host.outlier.ejected_at.is_some() {
                    flags.push("/failed_outlier_check");
                }
                if host.assigned == Health::Unhealthy {
                    flags.push("/failed_eds_health");
                }
                let flags = if flags.is_empty() { "healthy".to_owned() } else { flags.concat() };
                put(format!("{at}::cx_active::{}", host.connections));
                put(format!("{at}::rq_active::{}", host.active));
                put(format!("{at}::rq_error::{}", host.totals.1));
                put(format!("{at}::rq_success::{}", host.totals.2));
                put(format!("{at}::rq_total::{}", host.totals.0));
                put(format!("{at}::hostname::{}", host.seen.hostname));
                put(format!("{at}::health_flags::{flags}"));
                put(format!("{at}::weight::{}", host.seen.weight));
                put(format!("{at}::region::{}", host.seen.locality.0));
                put(format!("{at}::zone::{}", host.seen.locality.1));
                put(format!("{at}::sub_zone::{}", host.seen.locality.2));
                put(format!("{at}::canary::false"));
                put(format!("{at}::priority::{}", host.seen.priority));
                put(format!("{at}::success_rate::-1"));
            }
        }
        text
    }

    fn admin_listeners(&self) -> String {
        let mut text = String::new();
        for listener in self.listeners.iter().flatten().filter(|it| !it.is_admin()) {
            writeln!(text, "{}::{}", listener.config.name, listener.address).unwrap_or_default();
        }
        text
    }

    fn server_info(&self) -> String {
        let node = self.bootstrap.node.clone().unwrap_or_default();
        pretty(&json!({
            "version": format!("{}/vethlab", env!("CARGO_PKG_VERSION")),
            "state": self.state(),
            "uptime_current_epoch": format!("{}s", (self.now - self.started) / super::SECOND),
            "node": { "id": node.id, "cluster": node.cluster },
        }))
    }

    fn config_dump(&self) -> String {
        let clusters: Vec<&str> = self.cluster_names.keys().map(|it| &**it).collect();
        let listeners: Vec<String> = self
            .listeners
            .iter()
            .flatten()
            .filter(|it| !it.is_admin())
            .map(|it| it.config.name.clone())
            .collect();
        let tables: Vec<Value> = self
            .route_tables
            .values()
            .map(|it| json!({ "name": it.name, "virtual_hosts": it.host_names().collect::<Vec<_>>() }))
            .collect();
        pretty(&json!({ "configs": [
            { "@type": "type.googleapis.com/envoy.admin.v3.ClustersConfigDump", "clusters": clusters },
            { "@type": "type.googleapis.com/envoy.admin.v3.ListenersConfigDump", "listeners": listeners },
            { "@type": "type.googleapis.com/envoy.admin.v3.RoutesConfigDump", "dynamic_route_configs": tables },
        ] }))
    }
}

fn ok() -> (u16, String, &'static str) {
    (200, "OK\n".to_owned(), "text/plain; charset=UTF-8")
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

/// A name as Prometheus has it: the metric, and what of the name are labels.
fn metric(name: &str) -> (String, String) {
    let clean = |it: &str| it.replace(|it: char| !it.is_ascii_alphanumeric(), "_");
    if let Some((cluster, rest)) = name.strip_prefix("cluster.").and_then(|it| {
        it.split_once(".upstream_").map(|(cluster, rest)| (cluster, format!("upstream_{rest}")))
    }) {
        return (format!("envoy_cluster_{}", clean(&rest)), format!("envoy_cluster_name=\"{cluster}\""));
    }
    if let Some((prefix, rest)) = name.strip_prefix("http.").and_then(|it| it.split_once('.')) {
        return (
            format!("envoy_http_{}", clean(rest)),
            format!("envoy_http_conn_manager_prefix=\"{prefix}\""),
        );
    }
    (format!("envoy_{}", clean(name)), String::new())
}

/// Percent-decoded.
fn unescape(text: &str) -> String {
    let bytes = text.as_bytes();
    let (mut out, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while let Some(byte) = bytes.get(at) {
        let decoded = bytes
            .get(at + 1..at + 3)
            .and_then(|it| u8::from_str_radix(std::str::from_utf8(it).ok()?, 16).ok());
        match (byte, decoded) {
            (b'%', Some(it)) => {
                out.push(it);
                at += 3;
            }
            _ => {
                out.push(*byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

const HELP: &str = "  /: Admin home page
  /certs: print certs on machine
  /clusters: upstream cluster status
  /config_dump: dump current Envoy configs
  /drain_listeners (POST): drain listeners
  /healthcheck/fail (POST): cause the server to fail health checks
  /healthcheck/ok (POST): cause the server to pass health checks
  /help: print out list of admin commands
  /listeners: print listener info
  /ready: print server state, return 200 if LIVE, otherwise return 503
  /reset_counters (POST): reset all counters to zero
  /server_info: print server version/status information
  /stats: print server stats
  /stats/prometheus: print server stats in prometheus format
";
