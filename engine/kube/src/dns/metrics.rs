//! prometheus: what has been counted, and how it is shown at :9153/metrics.
//!
//! Differs from CoreDNS: histograms and Go's own metrics are left out.
//! Source: CoreDNS 1.14.7 `plugin/metrics`.

use super::chain::Cx;
use super::request::{Outcome, Request};
use linux::dns::Rcode;
use std::collections::BTreeMap;
use std::fmt::Write as _;

const HELP: &[(&str, &str)] = &[
    ("coredns_cache_hits_total", "The count of cache hits."),
    (
        "coredns_cache_misses_total",
        "The count of cache misses. Deprecated, derive misses from cache hits/requests counters.",
    ),
    ("coredns_dns_requests_total", "Counter of DNS requests made per zone, protocol and family."),
    ("coredns_dns_responses_total", "Counter of response status codes."),
];

#[derive(Clone, Debug, Default)]
pub struct Metrics {
    /// By name and labels as they are shown.
    counters: BTreeMap<(String, String), u64>,
}

impl Metrics {
    pub fn count(&mut self, name: &str, labels: &[(&str, &str)]) {
        let labels: Vec<String> = labels.iter().map(|(key, value)| format!("{key}=\"{value}\"")).collect();
        *self.counters.entry((name.to_owned(), labels.join(","))).or_default() += 1;
    }

    /// In the text form that Prometheus reads.
    pub fn text(&self) -> String {
        let mut out = String::new();
        let mut last = "";
        for ((name, labels), count) in &self.counters {
            if name != last {
                let help = HELP.iter().find(|(it, _)| it == name).map_or("", |(_, help)| help);
                write!(out, "# HELP {name} {help}\n# TYPE {name} counter\n").expect("a String takes all");
                last = name;
            }
            let labels = if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
            writeln!(out, "{name}{labels} {count}").expect("a String takes all");
        }
        out
    }
}

pub async fn serve(cx: &Cx, request: Request) -> Outcome {
    let block = &cx.core.blocks[cx.block];
    let (server, zone) = (format!("dns://:{}", block.port), block.zone.clone());
    let (kind, proto) = (request.kind().to_string(), request.transport.name());
    let family = if request.client.is_ipv4() { "1" } else { "2" };
    let labels = [
        ("family", family),
        ("proto", proto),
        ("server", &server),
        ("type", &kind),
        ("view", ""),
        ("zone", &zone),
    ];
    cx.with(|state| state.metrics.count("coredns_dns_requests_total", &labels));
    let outcome = cx.next("prometheus", request).await;
    let rcode: Rcode = outcome.reply.as_ref().map_or(outcome.rcode, |reply| reply.rcode);
    let rcode = rcode.to_string();
    let labels =
        [("plugin", outcome.by), ("rcode", &rcode), ("server", &server), ("view", ""), ("zone", &zone)];
    cx.with(|state| state.metrics.count("coredns_dns_responses_total", &labels));
    outcome
}
