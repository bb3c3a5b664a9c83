//! What kube-proxy tells about its health: /healthz and /livez, and a server for each Service that load balancers ask.
//!
//! Always: a Service's answer is 200 only where it has endpoints on this node and kube-proxy is healthy itself.
//! Source: `pkg/proxy/healthcheck`, Kubernetes 1.36.

use super::iptables::Proxier;
use super::name::NamespacedName;
use super::rules::local_ready;
use crate::page::Page;
use linux::Date;
use sim::Instant;
use std::collections::BTreeMap;
use std::time::Duration;

#[derive(Clone, Debug)]
pub struct Health {
    /// How long a change may wait for its sync.
    timeout: Duration,
    last_updated: Option<Instant>,
    oldest_queued: Option<Instant>,
    /// Neither being deleted nor about to be by the autoscaler.
    pub node_eligible: bool,
    /// Services that are to be asked for: port, and endpoints on this node.
    pub services: BTreeMap<NamespacedName, (u16, usize)>,
}

impl Health {
    pub fn new(sync_period: Duration) -> Health {
        Health {
            timeout: 2 * sync_period,
            last_updated: None,
            oldest_queued: None,
            node_eligible: true,
            services: BTreeMap::new(),
        }
    }

    pub fn queued(&mut self, now: Instant) {
        self.oldest_queued.get_or_insert(now);
    }

    /// A sync was done.
    pub fn updated(&mut self, now: Instant, proxier: &Proxier) {
        (self.oldest_queued, self.last_updated) = (None, Some(now));
        self.services.clear();
        for (port, endpoints) in proxier.service_ports().filter(|(port, _)| port.health_check_node_port != 0)
        {
            let here = local_ready(endpoints);
            self.services.insert(port.name.service.clone(), (port.health_check_node_port, here));
        }
    }

    pub fn is_healthy(&self, now: Instant) -> bool {
        match (self.last_updated, self.oldest_queued) {
            (Some(_), Some(queued)) => now.since(queued) < self.timeout,
            _ => true,
        }
    }

    /// `boot` is the time at which the machine's clock stood at zero.
    pub fn page(&self, path: &str, now: Instant, boot: Duration) -> Page {
        let is_live = self.is_healthy(now);
        let time = |at: Option<Instant>| match at {
            Some(at) => shown(boot + at.since(Instant::BOOT)),
            None => "0001-01-01 00:00:00 +0000 UTC".to_owned(),
        };
        let current = time(Some(now));
        let status = |is_good: bool| if is_good { 200 } else { 503 };
        let last = |is_good: bool| if is_good { current.clone() } else { time(self.last_updated) };
        match path {
            "/healthz" => {
                let is_good = is_live && self.node_eligible;
                let (last, eligible) = (last(is_good), self.node_eligible);
                Page::json(
                    status(is_good),
                    format!(
                        "{{\"lastUpdated\": \"{last}\",\"currentTime\": \"{current}\", \"nodeEligible\": {eligible}}}"
                    ),
                )
            }
            "/livez" => {
                let last = last(is_live);
                let body = format!("{{\"lastUpdated\": \"{last}\",\"currentTime\": \"{current}\"}}");
                Page::json(status(is_live), body)
            }
            _ => Page::missing(),
        }
    }

    /// The answer of a Service's own server.
    pub fn service_page(&self, service: &NamespacedName, now: Instant) -> Page {
        let here = self.services.get(service).map_or(0, |(_, here)| *here);
        let is_healthy = self.is_healthy(now);
        let (namespace, name) = (&service.namespace, &service.name);
        let body = format!(
            "{{\n\t\"service\": {{\n\t\t\"namespace\": \"{namespace}\",\n\t\t\"name\": \"{name}\"\n\t}},\n\t\"localEndpoints\": {here},\n\t\"serviceProxyHealthy\": {is_healthy}\n}}"
        );
        Page::json(if here > 0 && is_healthy { 200 } else { 503 }, body)
    }
}

/// As Go prints a time.
fn shown(since_1970: Duration) -> String {
    let date = Date::from_duration(since_1970);
    let (year, month, day, clock, nanos) = (date.year, date.month, date.day, date.clock(), date.nanos);
    let fraction = format!("{nanos:09}");
    let fraction = fraction.trim_end_matches('0');
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{year:04}-{month:02}-{day:02} {clock}{point}{fraction} +0000 UTC")
}
