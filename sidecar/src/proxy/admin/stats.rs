//! `/stats`: counters and gauges as text, JSON or in Prometheus' form.
//!
//! Differs from Envoy: no histograms, and no text readouts.
//! Source: Envoy `source/server/admin/{stats_params,stats_render,prometheus_stats}.cc`, `common/config/well_known_names.cc`.

use super::{JSON, Page, TEXT, is_flag, unescaped};
use crate::proxy::Proxy;
use regex::Regex;
use serde_json::{Value, json};
use std::fmt::Write as _;

/// How Prometheus' form is announced.
const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Which stats are asked for.
struct Wanted {
    filter: Option<Regex>,
    is_inverted: bool,
    used_only: bool,
    kind: String,
}

impl Wanted {
    fn new(path: &[u8]) -> Result<Wanted, Page> {
        let filter = match unescaped(path, "filter").map(|it| Regex::new(&it)) {
            None => None,
            Some(Ok(filter)) => Some(filter),
            Some(Err(_)) => return Err((400, "Invalid re2 regex".to_owned(), TEXT)),
        };
        let kind = unescaped(path, "type").unwrap_or_default().to_ascii_lowercase();
        if !["", "all", "counters", "gauges", "histograms", "textreadouts"].contains(&kind.as_str()) {
            let usage = "usage: /stats?type=(All|Counters|Gauges|Histograms|TextReadouts)\n\n";
            return Err((400, usage.to_owned(), TEXT));
        }
        let (is_inverted, used_only) = (is_flag(path, "invert_filter"), is_flag(path, "usedonly"));
        Ok(Wanted { filter, is_inverted, used_only, kind })
    }

    fn has(&self, name: &str, is_gauge: bool, is_used: bool) -> bool {
        let is_kind = match self.kind.as_str() {
            "counters" => !is_gauge,
            "gauges" => is_gauge,
            "histograms" | "textreadouts" => false,
            _ => true,
        };
        let fits = self.filter.as_ref().is_none_or(|it| it.is_match(name) != self.is_inverted);
        is_kind && fits && (is_used || !self.used_only)
    }
}

impl Proxy {
    /// The page; `is_prometheus`: of the path that has a form of its own.
    pub(super) fn admin_stats(&mut self, path: &[u8], is_prometheus: bool) -> Page {
        let wanted = match Wanted::new(path) {
            Ok(wanted) => wanted,
            Err(page) => return page,
        };
        self.set_server_stats();
        let all = self.stats.iter().filter(|it| wanted.has(it.name, it.is_gauge, it.is_used));
        let all: Vec<(&str, u64, bool)> = all.map(|it| (it.name, it.value, it.is_gauge)).collect();
        match unescaped(path, "format").as_deref() {
            _ if is_prometheus => (200, prometheus(&all), PROMETHEUS),
            Some("prometheus") => (200, prometheus(&all), TEXT),
            Some("json") => {
                let all: Vec<Value> = all.iter().map(|it| json!({ "name": it.0, "value": it.1 })).collect();
                (200, json!({ "stats": all }).to_string(), JSON)
            }
            None | Some("text" | "") => {
                let mut text = String::new();
                for (name, value, _) in all {
                    // Writing into a string cannot fail.
                    writeln!(text, "{name}: {value}").unwrap_or_default();
                }
                (200, text, TEXT)
            }
            Some("html" | "active-html") => super::not_simulated("format=html"),
            Some(_) => {
                let usage = "usage: /stats?format=(html|active-html|json|prometheus|text)\n\n";
                (400, usage.to_owned(), TEXT)
            }
        }
    }

    fn set_server_stats(&mut self) {
        let state = match self.state() {
            "LIVE" => 0,
            "DRAINING" => 1,
            _ => 3,
        };
        let uptime = (self.now - self.started) / crate::proxy::SECOND;
        let connections = self.downs.iter().flatten().count() as u64;
        for (name, value) in [
            ("server.concurrency", 1),
            ("server.live", u64::from(state == 0)),
            ("server.state", state),
            ("server.total_connections", connections),
            ("server.uptime", uptime),
        ] {
            let stat = self.stats.gauge(name);
            self.stats.set(stat, value);
        }
    }
}

/// All of them in Prometheus' form: counters first, then gauges, each by the name without its labels.
fn prometheus(all: &[(&str, u64, bool)]) -> String {
    let mut lines: Vec<(bool, String, &str, Vec<(&str, &str)>, u64)> = all
        .iter()
        .map(|(name, value, is_gauge)| {
            let (metric, labels) = tagged(name);
            (*is_gauge, metric, *name, labels, *value)
        })
        .collect();
    lines.sort();
    let (mut text, mut last) = (String::new(), String::new());
    for (is_gauge, metric, _, labels, value) in lines {
        let clean = |it: char| if it.is_ascii_alphanumeric() || it == '_' { it } else { '_' };
        let shown: String = "envoy_".chars().chain(metric.chars().map(clean)).collect();
        if metric != last {
            let kind = if is_gauge { "gauge" } else { "counter" };
            writeln!(text, "# TYPE {shown} {kind}").unwrap_or_default();
            last = metric;
        }
        let label = |(name, value): &(&str, &str)| {
            let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            format!("envoy_{name}=\"{value}\"")
        };
        let labels: Vec<String> = labels.iter().map(label).collect();
        writeln!(text, "{shown}{{{}}} {value}", labels.join(",")).unwrap_or_default();
    }
    text
}

/// A name without those parts that are labels, and the labels.
fn tagged(name: &str) -> (String, Vec<(&str, &str)>) {
    let (mut rest, mut labels) = (name, Vec::new());
    let mut ending = "";
    if let Some((head, code)) = name.rsplit_once("_rq_") {
        let is_code = code.len() == 3 && code.bytes().all(|it| it.is_ascii_digit());
        if is_code {
            labels.push(("response_code", code));
            rest = &name[..head.len() + "_rq".len()];
        } else if code.len() == 3 && code.ends_with("xx") && code.as_bytes()[0].is_ascii_digit() {
            labels.push(("response_code_class", &code[..1]));
            (rest, ending) = (&name[..head.len() + "_rq".len()], "_xx");
        }
    }
    let mut metric = String::new();
    let mut outer = None;
    if let Some((address, after)) = rest.strip_prefix("listener.").and_then(listener_address) {
        outer = Some(("listener_address", address));
        (metric, rest) = ("listener.".to_owned(), after);
    } else if let Some(after) = rest.strip_prefix("listener.admin.") {
        (metric, rest) = ("listener.admin.".to_owned(), after);
    }
    for (prefix, label) in [
        ("http.", "http_conn_manager_prefix"),
        ("cluster.", "cluster_name"),
        ("tcp.", "tcp_prefix"),
        ("connection_limit.", "connection_limit_prefix"),
        ("sds.", "xds_resource_name"),
    ] {
        let Some((value, after)) = rest.strip_prefix(prefix).and_then(|it| it.split_once('.')) else {
            continue;
        };
        metric.push_str(prefix);
        rest = after;
        if let Some((table, after)) = rest.strip_prefix("rds.").and_then(|it| it.rsplit_once('.')) {
            labels.push(("rds_route_config", table));
            metric.push_str("rds.");
            rest = after;
        }
        labels.push((label, value));
        break;
    }
    if let Some((prefix, _)) = rest.split_once(".http_local_rate_limit.") {
        labels.push(("local_http_ratelimit_prefix", prefix));
        rest = &rest[prefix.len() + 1..];
    }
    if let Some(at) = rest.find("ssl.versions.") {
        let version = &rest[at + "ssl.versions.".len()..];
        labels.push(("ssl_version", version));
        rest = &rest[..at + "ssl.versions".len()];
    }
    labels.extend(outer);
    metric.push_str(rest);
    metric.push_str(ending);
    (metric, labels)
}

/// `127.0.0.1_80` or `[__1]_80`, and what stands behind the dot after it.
fn listener_address(text: &str) -> Option<(&str, &str)> {
    let host = text.bytes().take_while(|it| it.is_ascii_hexdigit() || b".[]_".contains(it)).count();
    let dot = text[..host].rfind('.').filter(|at| text[..*at].contains('_'))?;
    let address = &text[..dot];
    let port = address.rsplit_once('_')?.1;
    (!port.is_empty() && port.bytes().all(|it| it.is_ascii_digit())).then_some((address, &text[dot + 1..]))
}

#[cfg(test)]
mod tests {
    use super::tagged;

    #[test]
    fn parts_of_a_name_are_labels() {
        let of = |name| {
            let (metric, labels) = tagged(name);
            let labels: Vec<String> = labels.iter().map(|it| format!("{}={}", it.0, it.1)).collect();
            format!("{metric} {}", labels.join(" "))
        };
        assert_eq!(
            of("cluster.a.external.upstream_rq_200"),
            "cluster.external.upstream_rq response_code=200 cluster_name=a"
        );
        assert_eq!(
            of("http.in.downstream_rq_2xx"),
            "http.downstream_rq_xx response_code_class=2 http_conn_manager_prefix=in"
        );
        assert_eq!(
            of("listener.127.0.0.1_80.http.in.downstream_rq_2xx"),
            "listener.http.downstream_rq_xx response_code_class=2 http_conn_manager_prefix=in \
             listener_address=127.0.0.1_80"
        );
        assert_eq!(
            of("http.dyn.rds.rt.update_success"),
            "http.rds.update_success rds_route_config=rt http_conn_manager_prefix=dyn"
        );
        assert_eq!(of("listener_manager.listener_added"), "listener_manager.listener_added ");
        assert_eq!(
            of("listener.127.0.0.1_80.downstream_cx_total"),
            "listener.downstream_cx_total listener_address=127.0.0.1_80"
        );
    }
}
