//! The router: a request is answered, redirected, or sent to a host of its cluster.
//!
//! Source: Envoy's documentation "Router".

use super::reply::Reply;
use super::slab::Key;
use super::stream::Owner;
use super::upstream::Link;
use super::{Proxy, Timer};
use crate::access_log::{Flag, Subject};
use crate::balance::Choice;
use crate::cluster::breaker::Resource;
use crate::config::cluster::{ClusterLbConfig, DiscoveryType};
use crate::config::core::RoutingPriority;
use crate::config::extension::Struct;
use crate::hcm::HttpFilter;
use crate::http::HeaderMap;
use crate::route::action::grpc_timeout;
use crate::route::{Action, Forward, RetryPolicy, rewrite};
use crate::source::LONGEST;
use crate::timer::TimerId;
use std::net::SocketAddr;

const MILLISECOND: u64 = 1_000_000;
/// What a request says to the router, and to nobody behind it.
const CONSUMED: &[&str] = &[
    "x-envoy-retry-on",
    "x-envoy-retry-grpc-on",
    "x-envoy-max-retries",
    "x-envoy-retriable-status-codes",
    "x-envoy-retriable-header-names",
    "x-envoy-upstream-alt-stat-name",
    "x-envoy-upstream-rq-timeout-alt-response",
    "x-envoy-hedge-on-per-try-timeout",
];

/// One try at an upstream.
pub(crate) struct Attempt {
    pub host: u32,
    pub link: Link,
    /// Whether the whole request was handed over.
    pub is_sent: bool,
}

/// What the router knows of a request.
pub(crate) struct Router {
    pub cluster: usize,
    pub priority: usize,
    pub policy: Option<RetryPolicy>,
    pub retries: u32,
    pub tried: Vec<u32>,
    pub hash: Option<u64>,
    pub subset: Option<Struct>,
    pub cookies: Vec<String>,
    pub attempt: Option<Attempt>,
    pub started: u64,
    pub timeout: Option<u64>,
    pub per_try: Option<u64>,
    pub global_timer: Option<TimerId>,
    pub per_try_timer: Option<TimerId>,
    pub back_off: Option<TimerId>,
    pub per_try_idle: Option<TimerId>,
    pub shadows: Vec<Key>,
    /// Whether the body is kept for a retry.
    pub keeps_body: bool,
    pub buffer_limit: usize,
    pub suppresses: bool,
    /// Whether a retry of this request counts against the cluster's budget.
    pub counts_retry: bool,
}

/// The times a request asks for itself: `x-envoy-upstream-rq-timeout-ms` and its like, in nanoseconds.
fn asked_time(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get_str(name)?.parse::<u64>().ok()?.checked_mul(MILLISECOND).map(|it| it.min(LONGEST))
}

/// How long the response may take, and one attempt.
fn timeouts(
    forward: &Forward,
    policy: Option<&RetryPolicy>,
    is_grpc: bool,
    headers: &mut HeaderMap,
) -> (Option<u64>, Option<u64>) {
    let mut timeout = forward.timeout;
    if is_grpc && let Some(max) = forward.max_grpc_timeout {
        let max = crate::source::nanos(max);
        timeout = match grpc_timeout(headers) {
            Some(asked) if max == 0 || asked < max => Some(asked),
            _ => Some(max).filter(|it| *it > 0),
        };
    }
    let mut per_try = policy.and_then(|it| it.per_try_timeout);
    if let Some(asked) = asked_time(headers, "x-envoy-upstream-rq-timeout-ms") {
        timeout = Some(asked).filter(|it| *it > 0);
    }
    headers.remove("x-envoy-upstream-rq-timeout-ms");
    if let Some(asked) = asked_time(headers, "x-envoy-upstream-rq-per-try-timeout-ms") {
        per_try = Some(asked).filter(|it| *it > 0);
    }
    headers.remove("x-envoy-upstream-rq-per-try-timeout-ms");
    if timeout.is_some_and(|it| per_try.is_some_and(|per_try| per_try >= it)) {
        per_try = None;
    }
    (timeout, per_try)
}

impl Proxy {
    /// The router's turn.
    pub(super) fn start_router(&mut self, key: Key) {
        let Some(stream) = self.streams.get_mut(key) else { return };
        let stats = stream.settings.stats;
        self.stats.inc(stats.rq_total);
        let Some(met) = stream.met.clone() else {
            stream.info.flags.set(Flag::NoRouteFound);
            self.stats.inc(stats.no_route);
            return self.reply(key, Reply::new(404, "", "route_not_found"));
        };
        if stream.wants_tls {
            let text = |name: &str| stream.request.get_str(name).unwrap_or_default();
            let location = format!("https://{}{}", text(":authority"), text(":path"));
            self.stats.inc(stats.rq_redirect);
            return self.reply(key, Reply::new(301, "", "direct_response").with("location", location));
        }
        match &met.route.action {
            Action::Direct { status, body, layout } => {
                let mut text = body.clone();
                if let Some(layout) = layout {
                    let mut out = Vec::new();
                    let subject = Subject { body, ..stream.subject(0) };
                    layout.write(&subject, &mut out);
                    text = String::from_utf8_lossy(&out).into_owned();
                }
                let mut reply = Reply::new(*status, &text, "direct_response").of_router();
                // RFC 9110 section 10.2.2: what was created, or where to go, is named.
                if *status == 201 || (300..400).contains(status) {
                    let text = |name: &str| stream.request.get_str(name).unwrap_or_default();
                    let location = format!("{}://{}{}", text(":scheme"), text(":authority"), text(":path"));
                    reply = reply.with("location", location);
                }
                self.stats.inc(stats.rq_direct_response);
                self.reply(key, reply);
            }
            Action::Redirect(redirect) => {
                let location = redirect.location(&met.route, &stream.request);
                let location = String::from_utf8_lossy(&location).into_owned();
                self.stats.inc(stats.rq_direct_response);
                self.reply(
                    key,
                    Reply::new(redirect.status, "", "direct_response").with("location", location).of_router(),
                );
            }
            Action::Forward(forward) => self.start_forward(key, forward),
        }
    }

    fn start_forward(&mut self, key: Key, forward: &Forward) {
        let Some(stream) = self.streams.get_mut(key) else { return };
        let stats = stream.settings.stats;
        let found =
            stream.chosen.clone().and_then(|it| Some((self.cluster_names.get(&it.name).copied()?, it)));
        let Some((id, chosen)) = found else {
            stream.info.flags.set(Flag::NoClusterFound);
            self.stats.inc(stats.no_cluster);
            return self.reply(key, Reply::new(forward.not_found, "", "cluster_not_found"));
        };
        let Some(Some(cluster)) = self.clusters.get(id) else { return };
        let limit = cluster.buffer_limit;
        let met = stream.met.clone();
        let is_grpc = stream.is_grpc;
        let policy = RetryPolicy::of_request(forward.retry.as_ref(), &stream.request);
        let (timeout, per_try) = timeouts(forward, policy.as_ref(), is_grpc, &mut stream.request);
        let mut cookies = Vec::new();
        let hash = forward.hash.hash(&stream.request, &stream.info.connection, &mut cookies);
        stream.request.remove_all(CONSUMED);
        let weighted = forward.entry(&chosen);
        if let Some(met) = &met {
            for mutations in met.request_mutations(weighted.map(|it| &it.request)) {
                if !mutations.is_empty() {
                    let values = mutations.evaluate(&stream.subject(self.now));
                    mutations.apply(&values, &mut stream.request);
                }
            }
            rewrite::host(forward, weighted.and_then(|it| it.host.as_deref()), &mut stream.request);
            rewrite::path(&met.route, forward, &mut stream.request);
        }
        let buffer_limit = met.as_ref().and_then(|it| it.route.buffer_limit).map_or(limit, |it| it as usize);
        let suppresses = stream
            .settings
            .filters
            .iter()
            .any(|it| matches!(it.filter, HttpFilter::Router { suppresses_headers: true }));
        stream.router = Some(Box::new(Router {
            cluster: id,
            priority: usize::from(forward.priority == RoutingPriority::High),
            retries: policy.as_ref().map_or(0, |it| it.retries),
            keeps_body: policy.is_some(),
            policy,
            tried: Vec::new(),
            hash,
            subset: forward.subset(&chosen),
            cookies,
            attempt: None,
            started: self.now,
            timeout,
            per_try,
            global_timer: None,
            per_try_timer: None,
            back_off: None,
            per_try_idle: None,
            shadows: Vec::new(),
            buffer_limit,
            suppresses,
            counts_retry: false,
        }));
        let shadows = self.make_shadows(key, forward);
        let Some(stream) = self.stream(key) else { return };
        if stream.request_ended {
            self.start_global_timer(key);
        }
        self.begin_attempt(key);
        self.send_shadows(key, shadows);
    }

    fn start_global_timer(&mut self, key: Key) {
        let now = self.now;
        let Some(router) = self.streams.get_mut(key).and_then(|it| it.router.as_mut()) else { return };
        if router.global_timer.is_none()
            && let Some(timeout) = router.timeout
        {
            router.global_timer = Some(self.timers.set(now + timeout, Timer::RouteTimeout(key)));
        }
    }

    pub(super) fn start_per_try(&mut self, key: Key) {
        let now = self.now;
        let Some(stream) = self.streams.get_mut(key) else { return };
        let is_ended = stream.request_ended;
        let Some(router) = stream.router.as_mut() else { return };
        self.timers.cancel(&mut router.per_try_timer);
        if is_ended && let Some(per_try) = router.per_try {
            router.per_try_timer = Some(self.timers.set(now + per_try, Timer::PerTry(key)));
        }
    }

    /// An attempt may be silent for so long from now on.
    pub(super) fn rearm_per_try_idle(&mut self, key: Key) {
        let now = self.now;
        let Some(router) = self.streams.get_mut(key).and_then(|it| it.router.as_mut()) else { return };
        self.timers.cancel(&mut router.per_try_idle);
        if let Some(idle) = router.policy.as_ref().and_then(|it| it.per_try_idle) {
            router.per_try_idle = Some(self.timers.set(now + idle, Timer::PerTryIdle(key)));
        }
    }

    /// Sends the request to a host, for the first time or again.
    pub(super) fn begin_attempt(&mut self, key: Key) {
        let now = self.now;
        let Some(stream) = self.streams.get_mut(key) else { return };
        stream.info.attempts += 1;
        let attempts = stream.info.attempts;
        let met = stream.met.clone();
        if met.as_ref().is_some_and(|it| it.host.counts_attempts) {
            stream.request.set("x-envoy-attempt-count", attempts.to_string());
        }
        let Some(router) = stream.router.as_mut() else { return };
        if !router.suppresses {
            let left = router.timeout.map(|it| it.saturating_sub(now - router.started));
            let expected = [router.per_try, left].into_iter().flatten().min();
            match expected {
                Some(expected) => stream
                    .request
                    .set("x-envoy-expected-rq-timeout-ms", (expected / MILLISECOND).max(1).to_string()),
                None => drop(stream.request.remove("x-envoy-expected-rq-timeout-ms")),
            }
        }
        let id = router.cluster;
        let chosen = self.choose_host(key);
        if let Some(down) = self.stream(key).and_then(|it| it.owner.down()) {
            self.note_host(down, id, chosen);
        }
        let Some(host) = chosen else {
            let Some(stream) = self.stream(key) else { return };
            stream.info.flags.set(Flag::NoHealthyUpstream);
            self.charge(key, id, 503);
            return self
                .reply(key, Reply::new(503, "no healthy upstream", "no_healthy_upstream").of_router());
        };
        let hostname = self.cluster(id).and_then(|it| it.hosts.get(&host)).map(|it| it.seen.hostname.clone());
        let Some(stream) = self.stream(key) else { return };
        if let (Some(Action::Forward(forward)), Some(hostname)) =
            (met.as_ref().map(|it| &it.route.action), hostname)
            && stream.owner != Owner::Shadow
        {
            rewrite::automatic_host(forward, &hostname, &mut stream.request);
        }
        if let Some(router) = stream.router.as_mut() {
            router.attempt = Some(Attempt { host, link: Link::Pending, is_sent: false });
        }
        self.pool_request(key, id, host);
    }

    fn choose_host(&mut self, key: Key) -> Option<u32> {
        let stream = self.streams.get_mut(key)?;
        let router = stream.router.as_mut()?;
        let Some(Some(cluster)) = self.clusters.get_mut(router.cluster) else { return None };
        if matches!(
            &cluster.config.cluster_discovery_type,
            Some(crate::config::cluster::ClusterClusterDiscoveryType::Type(DiscoveryType::OriginalDst))
        ) {
            let address = original_dst(
                cluster.config.lb_config.as_ref(),
                &stream.request,
                stream.info.connection.local,
            );
            let Some(address) = address else {
                self.stats.inc(cluster.stats.upstream_cx_none_healthy);
                return None;
            };
            return Some(cluster.original_host(address, &mut self.stats));
        }
        let avoids = router.policy.as_ref().and_then(|it| it.avoids_previous);
        let tried = &router.tried;
        let skip = |id: u32| tried.contains(&id);
        let choice = Choice {
            hash: router.hash,
            metadata: router.subset.as_ref(),
            skip: if avoids.is_some() && !tried.is_empty() { Some(&skip) } else { None },
            attempts: avoids.unwrap_or(0),
        };
        cluster.choose(&choice, &mut self.stats)
    }

    /// Counts a status against a cluster, be it an upstream's or ours in its place.
    pub(super) fn charge(&mut self, key: Key, cluster: usize, code: u16) {
        let is_internal = |it: &super::stream::Stream| it.request.get("x-envoy-internal") == Some(b"true");
        let who = if self.streams.get(key).is_some_and(is_internal) { "internal." } else { "external." };
        if let Some(Some(it)) = self.clusters.get_mut(cluster) {
            it.count_code(code, who, &mut self.stats);
        }
    }

    /// A piece of the request's body on its way upstream.
    pub(super) fn router_data(&mut self, key: Key, data: &[u8], is_end: bool) {
        let Some(stream) = self.streams.get_mut(key) else { return };
        let mut shadows = Vec::new();
        let mut ready = None;
        match stream.router.as_mut() {
            None => stream.body.extend_from_slice(data),
            Some(router) => {
                shadows.clone_from(&router.shadows);
                let link = router.attempt.as_ref().map(|it| it.link).filter(|it| *it != Link::Pending);
                if router.keeps_body && stream.body.len() + data.len() > router.buffer_limit {
                    router.keeps_body = false;
                    if link.is_some() {
                        stream.body = Vec::new();
                    }
                }
                if link.is_none() || router.keeps_body {
                    stream.body.extend_from_slice(data);
                }
                ready = link;
            }
        }
        if let Some(link) = ready {
            self.up_send_data(link, data, is_end);
        }
        for shadow in shadows {
            self.request_data(shadow, data, is_end);
        }
        self.gate_request(key);
    }

    /// The request is complete.
    pub(super) fn router_end(&mut self, key: Key) {
        let Some(stream) = self.stream(key) else { return };
        let trailers = stream.request_trailers.clone();
        let Some(router) = stream.router.as_mut() else { return };
        let shadows = router.shadows.clone();
        let mut link = None;
        if let Some(attempt) = router.attempt.as_mut()
            && attempt.link != Link::Pending
        {
            attempt.is_sent = true;
            link = Some(attempt.link);
        }
        if let Some(link) = link {
            self.up_send_end(link, trailers.as_ref());
        }
        self.start_global_timer(key);
        if link.is_some() {
            self.start_per_try(key);
        }
        for shadow in shadows {
            self.request_end(shadow, trailers.clone());
        }
    }

    /// The response takes too long.
    pub(super) fn route_timeout(&mut self, key: Key) {
        let Some(router) = self.stream(key).and_then(|it| it.router.as_mut()) else { return };
        router.global_timer = None;
        let id = router.cluster;
        let host = router.attempt.as_ref().map(|it| it.host);
        if let Some(cluster) = self.cluster(id) {
            let stat = cluster.stats.upstream_rq_timeout;
            self.stats.inc(stat);
        }
        if let Some(host) = host {
            self.outlier_result(id, host, 504, true);
            self.count_host(id, host, |it| it.timeouts += 1);
        }
        let Some(stream) = self.stream(key) else { return };
        stream.info.flags.set(Flag::UpstreamRequestTimeout);
        if stream.response_started {
            return self.reset_stream(key, "response_timeout".into());
        }
        self.charge(key, id, 504);
        self.reply(key, Reply::new(504, "upstream request timeout", "response_timeout").of_router());
    }

    /// Gives up what is under way upstream.
    pub(super) fn cancel_router(&mut self, key: Key) {
        let Some(mut router) = self.stream(key).and_then(|it| it.router.take()) else { return };
        for timer in [
            &mut router.global_timer,
            &mut router.per_try_timer,
            &mut router.back_off,
            &mut router.per_try_idle,
        ] {
            self.timers.cancel(timer);
        }
        if router.counts_retry
            && let Some(Some(cluster)) = self.clusters.get_mut(router.cluster)
        {
            cluster.breakers[router.priority].sub(Resource::Retries, &mut self.stats);
        }
        if let Some(attempt) = router.attempt.take() {
            self.abandon(key, router.cluster, &attempt);
        }
    }
}

/// Where an ORIGINAL_DST cluster sends a request.
pub(super) fn original_dst(
    config: Option<&ClusterLbConfig>,
    headers: &HeaderMap,
    local: SocketAddr,
) -> Option<SocketAddr> {
    let Some(ClusterLbConfig::OriginalDstLbConfig(it)) = config else { return Some(local) };
    let mut address = local;
    if it.use_http_header {
        let name =
            if it.http_header_name.is_empty() { "x-envoy-original-dst-host" } else { &it.http_header_name };
        address = headers.get_str(name.to_ascii_lowercase())?.parse().ok()?;
    }
    if let Some(port) = it.upstream_port_override {
        address.set_port(port as u16);
    }
    Some(address)
}
