//! Active health checks: hosts are asked now and then whether they are well.
//!
//! Source: Envoy's documentation "Health checking".

use super::slab::Key;
use super::upstream::{Kind, Up};
use super::wire::Ending;
use super::{ConnId, Output, Proxy, Timer};
use crate::cluster::Protocol;
use crate::config::core::RequestMethod;
use crate::config::health_check::{
    HealthCheck, HealthCheckHealthChecker as Checker, HealthCheckPayloadPayload, HttpHealthCheck,
};
use crate::http::HeaderMap;
use crate::http1::encode::{self, Case};
use crate::http1::{Decoder, Item, Limits};
use crate::http2::{self, Event};
use crate::source::{LONGEST, nanos};
use crate::timer::TimerId;

/// A check under way.
pub(crate) struct Check {
    pub index: usize,
    pub is_done: bool,
    pub timer: Option<TimerId>,
    decoder: Decoder,
    http2: Option<Box<http2::Codec>>,
    received: Vec<u8>,
    status: Option<u16>,
}

/// Until a host's cluster has traffic, it is checked once in so long.
const NO_TRAFFIC_INTERVAL: u64 = 60_000_000_000;

fn payload(config: &crate::config::health_check::HealthCheckPayload) -> Vec<u8> {
    match &config.payload {
        HealthCheckPayloadPayload::Text(hex) => (0..hex.len() / 2)
            .filter_map(|it| hex.get(it * 2..it * 2 + 2).and_then(|it| u8::from_str_radix(it, 16).ok()))
            .collect(),
        HealthCheckPayloadPayload::Binary(text) => crate::source::base64(text).unwrap_or_default(),
    }
}

/// What came of a check.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Outcome {
    Well,
    /// It answered, and not as it should: it is ill at once.
    Ill,
    /// As `Ill`, but only so many in a row count.
    Retriable,
    /// There was no answer; only so many in a row count.
    Silent,
}

/// What a status says of a host.
fn outcome(config: &HttpHealthCheck, status: Option<u16>) -> Outcome {
    match status {
        None => Outcome::Silent,
        Some(it) if is_expected(config, it) => Outcome::Well,
        Some(it)
            if config
                .retriable_statuses
                .iter()
                .any(|range| (range.start..range.end).contains(&i64::from(it))) =>
        {
            Outcome::Retriable
        }
        Some(_) => Outcome::Ill,
    }
}

fn is_expected(config: &HttpHealthCheck, status: u16) -> bool {
    if config.expected_statuses.is_empty() {
        return status == 200;
    }
    config.expected_statuses.iter().any(|it| (it.start..it.end).contains(&i64::from(status)))
}

impl Proxy {
    fn check_config(&mut self, id: usize, index: usize) -> Option<HealthCheck> {
        self.cluster(id)?.config.health_checks.get(index).cloned()
    }

    /// Starts checks of a new host, at once.
    pub(super) fn start_checks(&mut self, id: usize, host: u32) {
        let Some(cluster) = self.cluster(id) else { return };
        let is_off = cluster.hosts.get(&host).is_some_and(|it| it.checked.is_off);
        let count = if is_off { 0 } else { cluster.config.health_checks.len() };
        for check in 0..count {
            self.timers.set(self.now, Timer::HealthCheck { cluster: id, host, check });
        }
    }

    /// Time for a check.
    pub(super) fn health_check(&mut self, id: usize, host: u32, index: usize) {
        let Some(config) = self.check_config(id, index) else { return };
        let Some(Some(cluster)) = self.clusters.get_mut(id) else { return };
        let Some(it) = cluster.hosts.get(&host).filter(|it| !it.is_removed) else { return };
        let mut to = it.check_address;
        if let Some(port) = config.alt_port {
            to.set_port(port as u16);
        }
        let is_http2 = cluster.protocol == Protocol::Http2
            && matches!(config.health_checker, Checker::HttpHealthCheck(_));
        let codec = is_http2.then(|| {
            Box::new(http2::Codec::client(http2::Settings::new(
                &cluster.http2,
                &crate::http1::Limits::default(),
            )))
        });
        if let Some(stats) = cluster.health_stats {
            self.stats.inc(stats.attempt);
        }
        let check = Check {
            index,
            is_done: false,
            timer: None,
            decoder: Decoder::responses(Limits::default()),
            http2: codec,
            received: Vec::new(),
            status: None,
        };
        let Some(key) = self.connect(id, host, 0, Kind::Check(Box::new(check)), Some(to)) else { return };
        let timer = Some(self.timers.set(self.now + nanos(config.timeout), Timer::HealthTimeout(key)));
        if let Some(Up { kind: Kind::Check(check), .. }) = self.up(key) {
            check.timer = timer;
        }
    }

    fn check_of(&mut self, key: Key) -> Option<(usize, u32, &mut Check)> {
        let up = self.ups.get_mut(key)?;
        match &mut up.kind {
            Kind::Check(check) => Some((up.cluster, up.host, check)),
            _ => None,
        }
    }

    /// The connection is there: the question is asked.
    pub(super) fn check_ready(&mut self, key: Key) {
        let Some((id, host, check)) = self.check_of(key) else { return };
        let index = check.index;
        let Some(config) = self.check_config(id, index) else { return };
        match &config.health_checker {
            Checker::TcpHealthCheck(tcp) => {
                let question = tcp.send.as_ref().map(payload).unwrap_or_default();
                if tcp.receive.is_empty() && question.is_empty() {
                    return self.check_over(key, Outcome::Well);
                }
                if let Some(up) = self.up(key) {
                    up.wire.out.extend_from_slice(&question);
                }
            }
            Checker::HttpHealthCheck(http) => {
                let Some(Some(cluster)) = self.clusters.get(id) else { return };
                let hostname = cluster.hosts.get(&host).map_or("", |it| &it.seen.hostname);
                let name = if !http.host.is_empty() {
                    &http.host
                } else if !hostname.is_empty() {
                    hostname
                } else {
                    &cluster.name
                };
                let method =
                    if http.method == RequestMethod::Unspecified { "GET" } else { http.method.word() };
                let mut headers: HeaderMap = [
                    (":method", method),
                    (":scheme", "http"),
                    (":path", &http.path),
                    (":authority", name),
                    ("user-agent", "Envoy/HC"),
                ]
                .into_iter()
                .collect();
                for it in &http.request_headers_to_add {
                    headers.append(&it.header.key, &it.header.value);
                }
                headers.remove_all(&http.request_headers_to_remove);
                let is_head = method == "HEAD";
                let Some(up) = self.ups.get_mut(key) else { return };
                let Kind::Check(check) = &mut up.kind else { return };
                match &mut check.http2 {
                    Some(codec) => {
                        if let Some(stream) = codec.open() {
                            codec.send_headers(stream, &headers, true);
                        }
                        codec.take_output(&mut up.wire.out);
                    }
                    None => {
                        check.decoder.expect(is_head, false);
                        encode::request(&headers, true, Case::Lower, &mut up.wire.out);
                    }
                }
            }
        }
        self.touch(ConnId::opened(key.index));
    }

    pub(super) fn check_data(&mut self, key: Key, bytes: &[u8]) {
        let Some((id, _, check)) = self.check_of(key) else { return };
        if check.is_done {
            return;
        }
        let index = check.index;
        let Some(config) = self.check_config(id, index) else { return };
        let Some((_, _, check)) = self.check_of(key) else { return };
        let verdict = match &config.health_checker {
            Checker::TcpHealthCheck(tcp) => {
                check.received.extend_from_slice(bytes);
                let mut rest = check.received.as_slice();
                let all =
                    tcp.receive.iter().map(payload).all(|want| match memchr::memmem::find(rest, &want) {
                        Some(at) => {
                            rest = &rest[at + want.len()..];
                            true
                        }
                        None => false,
                    });
                all.then_some(Outcome::Well)
            }
            Checker::HttpHealthCheck(http) => check.http(bytes).map(|it| outcome(http, it)),
        };
        if let Some(Up { kind: Kind::Check(check), wire, .. }) = self.ups.get_mut(key)
            && let Some(codec) = &mut check.http2
        {
            codec.take_output(&mut wire.out);
            self.touch(ConnId::opened(key.index));
        }
        if let Some(outcome) = verdict {
            self.check_over(key, outcome);
        }
    }

    pub(super) fn check_ended(&mut self, key: Key) {
        let Some((id, _, check)) = self.check_of(key) else { return };
        let (status, index) = (check.status, check.index);
        let Some(config) = self.check_config(id, index) else { return };
        let outcome = match &config.health_checker {
            Checker::HttpHealthCheck(http) => outcome(http, status),
            Checker::TcpHealthCheck(_) => Outcome::Silent,
        };
        self.check_over(key, outcome);
    }

    pub(super) fn health_timeout(&mut self, key: Key) {
        let Some((id, host, check)) = self.check_of(key) else { return };
        check.timer = None;
        check.is_done = true;
        let index = check.index;
        self.forget_up(key.index);
        self.output.push_back(Output::Reset(ConnId::opened(key.index)));
        self.check_failed(id, host, index, Outcome::Silent);
    }

    fn check_over(&mut self, key: Key, outcome: Outcome) {
        let Some((id, host, check)) = self.check_of(key) else { return };
        if std::mem::replace(&mut check.is_done, true) {
            return;
        }
        let index = check.index;
        let mut timer = check.timer.take();
        self.timers.cancel(&mut timer);
        self.end(ConnId::opened(key.index), Ending::Close);
        if outcome == Outcome::Well {
            self.check_passed(id, host, index);
        } else {
            self.check_failed(id, host, index, outcome);
        }
    }

    fn check_passed(&mut self, id: usize, host: u32, index: usize) {
        let Some(config) = self.check_config(id, index) else { return };
        let Some(Some(cluster)) = self.clusters.get_mut(id) else { return };
        if let Some(stats) = cluster.health_stats {
            self.stats.inc(stats.success);
        }
        let Some(it) = cluster.hosts.get_mut(&host) else { return };
        let mut changed = false;
        if it.checked.is_failed {
            it.checked.contrary += 1;
            // The very first success is enough.
            if !it.checked.is_known || it.checked.contrary >= config.healthy_threshold {
                (it.checked.is_failed, it.checked.contrary, changed) = (false, 0, true);
            }
        } else {
            it.checked.contrary = 0;
        }
        it.checked.is_known = true;
        self.outlier_checked(id, host);
        self.check_again(id, host, index, &config, changed);
    }

    /// A check failed.
    pub(super) fn check_failed(&mut self, id: usize, host: u32, index: usize, outcome: Outcome) {
        let Some(config) = self.check_config(id, index) else { return };
        let Some(Some(cluster)) = self.clusters.get_mut(id) else { return };
        if let Some(stats) = cluster.health_stats {
            self.stats.inc(stats.failure);
            if outcome == Outcome::Silent {
                self.stats.inc(stats.network_failure);
            }
        }
        let Some(it) = cluster.hosts.get_mut(&host) else { return };
        let mut changed = false;
        if !it.checked.is_failed {
            it.checked.contrary += 1;
            if outcome == Outcome::Ill || it.checked.contrary >= config.unhealthy_threshold {
                (it.checked.is_failed, it.checked.contrary, changed) = (true, 0, true);
            }
        } else {
            it.checked.contrary = 0;
        }
        it.checked.is_known = true;
        if changed && it.is_leaving {
            cluster.remove_member(host);
            self.stats.inc(cluster.stats.membership_change);
            cluster.refresh(&mut self.stats);
            return self.leave_host(id, host);
        }
        self.check_again(id, host, index, &config, changed);
    }

    fn check_again(&mut self, id: usize, host: u32, index: usize, config: &HealthCheck, changed: bool) {
        let Some(Some(cluster)) = self.clusters.get_mut(id) else { return };
        let has_traffic = self.stats.value(cluster.stats.upstream_rq_total) > 0;
        let is_failed = cluster.hosts.get(&host).is_some_and(|it| it.checked.is_failed);
        let on_edge = cluster.hosts.get(&host).is_some_and(|it| it.checked.contrary > 0) || changed;
        if changed {
            cluster.refresh(&mut self.stats);
        }
        let own = nanos(config.interval);
        let interval = match (has_traffic, is_failed) {
            (false, false) if config.no_traffic_healthy_interval.is_some() => {
                config.no_traffic_healthy_interval.map(nanos)
            }
            (false, _) => Some(config.no_traffic_interval.map_or(NO_TRAFFIC_INTERVAL, nanos)),
            (true, true) if on_edge => {
                config.unhealthy_edge_interval.or(config.unhealthy_interval).map(nanos)
            }
            (true, true) => config.unhealthy_interval.map(nanos),
            (true, false) if on_edge => config.healthy_edge_interval.map(nanos),
            (true, false) => None,
        };
        let mut wait = interval.unwrap_or(own);
        if let Some(jitter) = config.interval_jitter {
            wait += self.random.below(nanos(jitter).max(1));
        }
        if config.interval_jitter_percent > 0 {
            let percent = self.random.below(u64::from(config.interval_jitter_percent));
            wait = wait.saturating_add((wait / 100).saturating_mul(percent)).min(LONGEST);
        }
        self.timers.set(self.now + wait, Timer::HealthCheck { cluster: id, host, check: index });
    }
}

impl Check {
    /// Reads an answer: none while it is incomplete, else its status, if it has one.
    fn http(&mut self, bytes: &[u8]) -> Option<Option<u16>> {
        if let Some(codec) = &mut self.http2 {
            let broken = codec.receive(bytes).is_err();
            while let Some(event) = codec.poll() {
                match event {
                    Event::Headers { headers, end, .. } => {
                        self.status = headers.get_str(":status").and_then(|it| it.parse().ok());
                        if end {
                            return Some(self.status);
                        }
                    }
                    Event::Data { end: true, .. } | Event::Trailers { .. } => return Some(self.status),
                    Event::Reset { .. } => return Some(None),
                    _ => {}
                }
            }
            return broken.then_some(None);
        }
        let mut rest = bytes;
        loop {
            match self.decoder.next(&mut rest) {
                Ok(Some(Item::Head { headers, is_end, .. })) => {
                    self.status = headers.get_str(":status").and_then(|it| it.parse().ok());
                    if is_end {
                        return Some(self.status);
                    }
                }
                Ok(Some(Item::End(_))) => return Some(self.status),
                Ok(Some(_)) => {}
                Ok(None) => return None,
                Err(_) => return Some(None),
            }
        }
    }
}
