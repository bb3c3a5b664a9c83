//! What comes back from an upstream: a response, or a failure; and whether it is tried again.

use super::reply::Reply;
use super::slab::Key;
use super::stream::Owner;
use super::{Proxy, Timer};
use crate::access_log::Flag;
use crate::cluster::breaker::Resource;
use crate::http::HeaderMap;
use crate::route::retry::Failure;
use std::borrow::Cow;

/// How an attempt failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reset {
    Overflow,
    RemoteConnectionFailure,
    ConnectionTimeout,
    ConnectionTermination,
    Remote,
    RemoteRefused,
    Protocol,
}

impl Reset {
    /// In Envoy's words.
    fn text(self) -> &'static str {
        match self {
            Reset::Overflow => "overflow",
            Reset::RemoteConnectionFailure => "remote connection failure",
            Reset::ConnectionTimeout => "connection timeout",
            Reset::ConnectionTermination => "connection termination",
            Reset::Remote => "remote reset",
            Reset::RemoteRefused => "remote refused stream reset",
            Reset::Protocol => "protocol error",
        }
    }

    fn flag(self) -> Flag {
        match self {
            Reset::Overflow => Flag::UpstreamOverflow,
            Reset::RemoteConnectionFailure | Reset::ConnectionTimeout => Flag::UpstreamConnectionFailure,
            Reset::ConnectionTermination => Flag::UpstreamConnectionTermination,
            Reset::Remote | Reset::RemoteRefused => Flag::UpstreamRemoteReset,
            Reset::Protocol => Flag::UpstreamProtocolError,
        }
    }

    fn failure(self, is_sent: bool) -> Option<Failure> {
        match self {
            Reset::Overflow => None,
            Reset::RemoteConnectionFailure | Reset::ConnectionTimeout => Some(Failure::Connect),
            Reset::RemoteRefused => Some(Failure::Refused),
            Reset::ConnectionTermination | Reset::Remote | Reset::Protocol => {
                Some(Failure::Reset { is_sent })
            }
        }
    }
}

/// What the policy says.
enum Verdict {
    Retry,
    No,
}

impl Proxy {
    /// An attempt failed; it is detached already. `why` goes into the details.
    pub(super) fn attempt_failed(&mut self, key: Key, reset: Reset, why: &str) {
        let Some(stream) = self.stream(key) else { return };
        let response_started = stream.response_started;
        let Some(router) = stream.router.as_mut() else { return };
        let (id, attempt) = (router.cluster, router.attempt.take());
        let is_sent = attempt.as_ref().is_some_and(|it| it.is_sent);
        if let Some(attempt) = &attempt
            && reset != Reset::Overflow
        {
            self.outlier_result(id, attempt.host, 503, true);
            self.count_host(id, attempt.host, |it| it.errors += 1);
        }
        if !response_started
            && let Some(failure) = reset.failure(is_sent)
            && matches!(
                self.decide(key, |policy, _| policy.wants_after_failure(failure), &HeaderMap::new()),
                Verdict::Retry
            )
        {
            return self.schedule_retry(key, attempt.map(|it| it.host), None);
        }
        let Some(stream) = self.stream(key) else { return };
        stream.info.flags.set(reset.flag());
        let token = reset.text().replace(' ', "_");
        let detail = match why.is_empty() {
            true => token,
            false => format!("{token}|{}", why.replace(' ', "_")),
        };
        if response_started {
            let details = format!("upstream_reset_after_response_started{{{detail}}}");
            return self.reset_stream(key, details.into());
        }
        let attempts = stream.info.attempts;
        let mut body = String::from("upstream connect error or disconnect/reset before headers. ");
        if attempts > 1 {
            body.push_str("retried and the latest ");
        }
        body.push_str("reset reason: ");
        body.push_str(reset.text());
        if !stream.info.transport_failure.is_empty() {
            body.push_str(", transport failure reason: ");
            body.push_str(&stream.info.transport_failure);
        }
        let status = if reset == Reset::Protocol { 502 } else { 503 };
        self.charge(key, id, status);
        let details: Cow<'static, str> = format!("upstream_reset_before_response_started{{{detail}}}").into();
        let mut reply = Reply::new(status, &body, details).of_router();
        if reset == Reset::Overflow {
            reply = reply.with("x-envoy-overloaded", "true".to_owned());
        }
        self.reply(key, reply);
    }

    /// Whether there is to be another attempt, and why not if one was wanted.
    fn decide(
        &mut self,
        key: Key,
        wants: impl Fn(&crate::route::RetryPolicy, &HeaderMap) -> bool,
        headers: &HeaderMap,
    ) -> Verdict {
        let Some(stream) = self.streams.get_mut(key) else { return Verdict::No };
        let attempts = stream.info.attempts;
        let Some(router) = stream.router.as_mut() else { return Verdict::No };
        let Some(Some(cluster)) = self.clusters.get_mut(router.cluster) else { return Verdict::No };
        if std::mem::take(&mut router.counts_retry) {
            cluster.breakers[router.priority].sub(Resource::Retries, &mut self.stats);
        }
        let Some(policy) = &router.policy else { return Verdict::No };
        if !wants(policy, headers) {
            if attempts > 1 {
                self.stats.inc(cluster.stats.upstream_rq_retry_success);
            }
            return Verdict::No;
        }
        if router.retries == 0 {
            self.stats.inc(cluster.stats.upstream_rq_retry_limit_exceeded);
            stream.info.flags.set(Flag::UpstreamRetryLimitExceeded);
            return Verdict::No;
        }
        if !router.keeps_body {
            return Verdict::No;
        }
        if !cluster.breakers[router.priority].allows(Resource::Retries) {
            self.stats.inc(cluster.stats.upstream_rq_retry_overflow);
            stream.info.flags.set(Flag::UpstreamOverflow);
            return Verdict::No;
        }
        router.retries -= 1;
        router.counts_retry = true;
        cluster.breakers[router.priority].add(Resource::Retries, &mut self.stats);
        self.stats.inc(cluster.stats.upstream_rq_retry);
        Verdict::Retry
    }

    fn schedule_retry(&mut self, key: Key, host: Option<u32>, asked: Option<u64>) {
        let now = self.now;
        let Some(stream) = self.streams.get_mut(key) else { return };
        let retry = stream.info.attempts.saturating_sub(1);
        let Some(router) = stream.router.as_mut() else { return };
        router.tried.extend(host);
        self.timers.cancel(&mut router.per_try_timer);
        self.timers.cancel(&mut router.per_try_idle);
        let Some(policy) = &router.policy else { return };
        let wait = asked.unwrap_or_else(|| policy.back_off(retry, &mut self.random));
        router.back_off = Some(self.timers.set(now + wait, Timer::BackOff(key)));
        if let Some(Some(cluster)) = self.clusters.get(router.cluster) {
            let stats = cluster.stats;
            self.stats.inc(if asked.is_some() {
                stats.upstream_rq_retry_backoff_ratelimited
            } else {
                stats.upstream_rq_retry_backoff_exponential
            });
        }
    }

    pub(super) fn back_off_over(&mut self, key: Key) {
        let Some(router) = self.stream(key).and_then(|it| it.router.as_mut()) else { return };
        router.back_off = None;
        self.begin_attempt(key);
    }

    /// One attempt takes too long.
    pub(super) fn per_try_timeout(&mut self, key: Key) {
        let Some(router) = self.streams.get_mut(key).and_then(|it| it.router.as_mut()) else { return };
        self.timers.cancel(&mut router.per_try_timer);
        self.timers.cancel(&mut router.per_try_idle);
        let id = router.cluster;
        let Some(attempt) = router.attempt.take() else { return };
        self.abandon(key, id, &attempt);
        if let Some(Some(cluster)) = self.clusters.get(id) {
            let stat = cluster.stats.upstream_rq_per_try_timeout;
            self.stats.inc(stat);
        }
        self.outlier_result(id, attempt.host, 504, true);
        self.count_host(id, attempt.host, |it| it.timeouts += 1);
        let Some(stream) = self.stream(key) else { return };
        if stream.response_started {
            stream.info.flags.set(Flag::UpstreamRequestTimeout);
            return self.reset_stream(key, "upstream_per_try_timeout".into());
        }
        if matches!(
            self.decide(
                key,
                |policy, _| policy.wants_after_failure(Failure::PerTryTimeout),
                &HeaderMap::new()
            ),
            Verdict::Retry
        ) {
            return self.schedule_retry(key, Some(attempt.host), None);
        }
        if let Some(stream) = self.stream(key) {
            stream.info.flags.set(Flag::UpstreamRequestTimeout);
        }
        self.charge(key, id, 504);
        self.reply(key, Reply::new(504, "upstream request timeout", "upstream_per_try_timeout").of_router());
    }

    /// The upstream's response begins. `is_end`: it ends as well, and the attempt is detached already.
    pub(super) fn upstream_headers(&mut self, key: Key, mut headers: HeaderMap, is_end: bool, host: u32) {
        let now = self.now;
        let Some(stream) = self.stream(key) else { return };
        if stream.owner == Owner::Shadow {
            return self.shadow_headers(key, &headers, is_end, host);
        }
        stream.info.response_start = Some(now);
        if is_end {
            stream.info.response_end = Some(now);
        }
        let status: u16 = headers.get_str(":status").and_then(|it| it.parse().ok()).unwrap_or(0);
        let Some(router) = stream.router.as_ref() else { return };
        let (id, cookies, suppresses) = (router.cluster, router.cookies.clone(), router.suppresses);
        self.outlier_result(id, host, status, false);
        if let Some(it) = self.cluster(id).and_then(|it| it.hosts.get_mut(&host)) {
            if status >= 500 { it.totals.errors += 1 } else { it.totals.successes += 1 }
        }
        if matches!(
            self.decide(key, |policy, headers| policy.wants_after_response(headers), &headers),
            Verdict::Retry
        ) {
            if let Some(Some(cluster)) = self.clusters.get_mut(id) {
                cluster.count_code_as("retry.", status, &mut self.stats);
            }
            let Some(router) = self.stream(key).and_then(|it| it.router.as_mut()) else { return };
            let asked = router.policy.as_ref().and_then(|it| it.asked_back_off(&headers, now));
            if let Some(attempt) = router.attempt.take() {
                self.abandon(key, id, &attempt);
            }
            return self.schedule_retry(key, Some(host), asked);
        }
        self.charge(key, id, status);
        let Some(stream) = self.streams.get_mut(key) else { return };
        if let Some(router) = stream.router.as_mut() {
            self.timers.cancel(&mut router.per_try_timer);
        }
        if !suppresses && let Some(asked_at) = stream.info.request_end {
            headers
                .set("x-envoy-upstream-service-time", (now.saturating_sub(asked_at) / 1_000_000).to_string());
        }
        for cookie in cookies {
            headers.append("set-cookie", cookie);
        }
        stream.info.code = status;
        stream.info.details = "via_upstream".into();
        stream.route_response(&mut headers, now);
        self.response_filters(key, &mut headers);
        self.send_headers(key, headers, is_end);
    }

    fn shadow_headers(&mut self, key: Key, headers: &HeaderMap, is_end: bool, host: u32) {
        let status: u16 = headers.get_str(":status").and_then(|it| it.parse().ok()).unwrap_or(0);
        let Some(stream) = self.stream(key) else { return };
        stream.response_started = true;
        let Some(id) = stream.router.as_ref().map(|it| it.cluster) else { return };
        self.outlier_result(id, host, status, false);
        self.charge(key, id, status);
        if is_end {
            self.drop_stream(key);
        }
    }

    /// A piece of the upstream's response. At the end the attempt is detached already.
    pub(super) fn upstream_data(&mut self, key: Key, data: &[u8], is_end: bool) {
        let now = self.now;
        let Some(stream) = self.stream(key) else { return };
        if is_end {
            stream.info.response_end = Some(now);
        }
        if stream.owner == Owner::Shadow {
            if is_end {
                self.drop_stream(key);
            }
            return;
        }
        self.rearm_per_try_idle(key);
        self.send_data(key, data, is_end);
    }

    /// The end of the upstream's response.
    pub(super) fn upstream_end(&mut self, key: Key, trailers: Option<HeaderMap>) {
        let now = self.now;
        let Some(stream) = self.stream(key) else { return };
        stream.info.response_end = Some(now);
        if stream.owner == Owner::Shadow {
            return self.drop_stream(key);
        }
        self.send_end(key, trailers);
    }
}
