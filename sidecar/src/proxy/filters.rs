//! The HTTP filters: what each one's decision means for the request.

use super::reply::Reply;
use super::slab::Key;
use super::{Proxy, Timer};
use crate::access_log::Flag;
use crate::filter::PerRoute;
use crate::filter::cors::Cors;
use crate::filter::rbac::{Facts, Verdict};
use crate::hcm::Settings;
use crate::hcm::settings::{FilterEntry, HttpFilter};
use crate::http::HeaderMap;
use std::borrow::Cow;
use std::rc::Rc;

/// What a filter decided.
enum Decision {
    Continue,
    /// It has answered, or holds the request.
    Stop,
}

impl Proxy {
    /// Runs the filters from where the request stands.
    pub(super) fn run_filters(&mut self, key: Key) {
        loop {
            let Some(stream) = self.stream(key) else { return };
            if stream.is_waiting || stream.response_started {
                return;
            }
            let settings = stream.settings.clone();
            let at = stream.filter;
            let Some(entry) = settings.filters.get(at) else { return };
            stream.filter += 1;
            let met = stream.met.clone();
            let own = met.as_ref().and_then(|it| it.per_filter(&entry.name));
            if matches!(own, Some(PerRoute::Disabled)) || (entry.is_disabled && own.is_none()) {
                continue;
            }
            match self.filter(key, &settings, entry, own) {
                Decision::Continue => {}
                Decision::Stop => return,
            }
        }
    }

    fn filter(
        &mut self,
        key: Key,
        settings: &Rc<Settings>,
        entry: &FilterEntry,
        own: Option<&PerRoute>,
    ) -> Decision {
        match &entry.filter {
            HttpFilter::Router { .. } => {
                self.start_router(key);
                Decision::Stop
            }
            HttpFilter::Rbac(rbac) => self.rbac(key, settings, rbac, own),
            HttpFilter::Fault(fault) => self.fault(key, settings, fault, own),
            HttpFilter::Jwt(jwt) => self.jwt(key, settings, jwt, own),
            HttpFilter::RateLimit(limit) => self.rate_limit(key, limit, own),
            HttpFilter::Cors => self.cors(key, settings, &entry.name),
            HttpFilter::HealthCheck(check) => self.health_check_filter(key, check),
        }
    }

    fn rbac(
        &mut self,
        key: Key,
        settings: &Settings,
        rbac: &crate::filter::rbac::Rbac,
        own: Option<&PerRoute>,
    ) -> Decision {
        let rbac = match own {
            Some(PerRoute::Rbac(None)) => return Decision::Continue,
            Some(PerRoute::Rbac(Some(own))) => own,
            _ => rbac,
        };
        let Some(stream) = self.stream(key) else { return Decision::Stop };
        let facts = Facts {
            headers: &stream.request,
            connection: &stream.info.connection,
            metadata: &stream.metadata,
        };
        let (verdict, shadow) = rbac.decide(&facts);
        let name = |verdict: &Verdict| if verdict.allowed { "allowed" } else { "denied" };
        if let Some(shadow) = &shadow {
            self.stats.count(&format!(
                "{}rbac.{}shadow_{}",
                settings.prefix,
                dotted(&rbac.shadow_stat_prefix),
                name(shadow)
            ));
        }
        let Some(verdict) = verdict else { return Decision::Continue };
        let prefix = format!("{}rbac.{}", settings.prefix, dotted(&rbac.stat_prefix));
        self.stats.count(&format!("{prefix}{}", name(&verdict)));
        if verdict.allowed {
            return Decision::Continue;
        }
        self.reply(key, Reply::new(403, "RBAC: access denied", Cow::Owned(verdict.details())));
        Decision::Stop
    }

    fn fault(
        &mut self,
        key: Key,
        settings: &Settings,
        fault: &crate::filter::fault::Fault,
        own: Option<&PerRoute>,
    ) -> Decision {
        let fault = if let Some(PerRoute::Fault(own)) = own { own } else { fault };
        let Some(stream) = self.streams.get_mut(key) else { return Decision::Stop };
        let cluster = stream.chosen.as_ref().map_or("", |it| &*it.name);
        let injected = fault.decide(&stream.request, cluster, &mut self.random);
        if let Some(delay) = injected.delay {
            stream.info.flags.set(Flag::DelayInjected);
            stream.is_waiting = true;
            stream.delay = Some(self.timers.set(self.now + delay, Timer::Delay(key)));
            if let Some(abort) = injected.abort {
                stream.abort_after_delay = Some((abort.status, abort.grpc));
            }
            self.stats.count(&format!("{}fault.delays_injected", settings.prefix));
            return Decision::Stop;
        }
        let Some(abort) = injected.abort else { return Decision::Continue };
        self.abort_by_fault(key, abort.status, abort.grpc);
        Decision::Stop
    }

    fn abort_by_fault(&mut self, key: Key, status: u16, grpc: Option<u32>) {
        let Some(stream) = self.stream(key) else { return };
        stream.info.flags.set(Flag::FaultInjected);
        let name = format!("{}fault.aborts_injected", stream.settings.prefix);
        self.stats.count(&name);
        let mut reply = Reply::new(status, "fault filter abort", "fault_filter_abort");
        reply.grpc = grpc;
        self.reply(key, reply);
    }

    pub(super) fn delay_over(&mut self, key: Key) {
        let Some(stream) = self.stream(key) else { return };
        stream.delay = None;
        stream.is_waiting = false;
        match stream.abort_after_delay.take() {
            Some((status, grpc)) => self.abort_by_fault(key, status, grpc),
            None => self.run_filters(key),
        }
    }

    fn jwt(
        &mut self,
        key: Key,
        settings: &Settings,
        jwt: &crate::filter::jwt::Jwt,
        own: Option<&PerRoute>,
    ) -> Decision {
        let own = if let Some(PerRoute::Jwt(own)) = own { Some(own) } else { None };
        let now = self.now / 1_000_000_000;
        let Some(stream) = self.stream(key) else { return Decision::Stop };
        let result = jwt.verify(&mut stream.request, own, now);
        let name = if result.is_ok() { "allowed" } else { "denied" };
        self.stats.count(&format!("{}jwt_authn.{name}", settings.prefix));
        let denied = match result {
            Ok(metadata) => {
                if let Some(stream) = self.stream(key) {
                    stream.metadata.insert("envoy.filters.http.jwt_authn".to_owned(), metadata);
                }
                return Decision::Continue;
            }
            Err(denied) => denied,
        };
        let mut reply = Reply::new(denied.status, "", Cow::Owned(denied.details));
        reply.body = denied.body;
        if let Some(value) = denied.www_authenticate {
            reply = reply.with("www-authenticate", value);
        }
        self.reply(key, reply);
        Decision::Stop
    }

    fn rate_limit(
        &mut self,
        key: Key,
        limit: &crate::filter::ratelimit::RateLimit,
        own: Option<&PerRoute>,
    ) -> Decision {
        let limit = if let Some(PerRoute::RateLimit(own)) = own { own } else { limit };
        let decided = limit.decide(self.now, &mut self.random);
        if !decided.enabled {
            return Decision::Continue;
        }
        let prefix = format!("{}.http_local_rate_limit.", limit.stat_prefix);
        self.stats.count(&format!("{prefix}enabled"));
        if !decided.limited {
            self.stats.count(&format!("{prefix}ok"));
            if let Some(stream) = self.stream(key) {
                limit.tell_limits(&mut stream.response_extra);
            }
            return Decision::Continue;
        }
        self.stats.count(&format!("{prefix}rate_limited"));
        if !decided.enforced {
            let now = self.now;
            if let Some(stream) = self.stream(key) {
                let values = limit.not_enforced.evaluate(&stream.subject(now));
                limit.not_enforced.apply(&values, &mut stream.request);
            }
            return Decision::Continue;
        }
        self.stats.count(&format!("{prefix}enforced"));
        let now = self.now;
        let Some(stream) = self.stream(key) else { return Decision::Stop };
        stream.info.flags.set(Flag::RateLimited);
        let mut extra = HeaderMap::new();
        let values = limit.response.evaluate(&stream.subject(now));
        limit.response.apply(&values, &mut extra);
        let mut reply = Reply::new(limit.status, "local_rate_limited", "local_rate_limited");
        reply.grpc = limit.is_resource_exhausted.then_some(8);
        limit.tell_limits(&mut extra);
        reply.headers = owned(&extra);
        self.reply(key, reply);
        Decision::Stop
    }

    fn cors(&mut self, key: Key, settings: &Settings, name: &str) -> Decision {
        let Some(stream) = self.streams.get_mut(key) else { return Decision::Stop };
        let Some(met) = stream.met.clone() else { return Decision::Continue };
        let policies = met.cors(name);
        let (request, answer) = Cors(&policies).request(&stream.request, &mut self.random);
        if let Some(is_valid) = request.origin {
            self.stats.count(&format!(
                "{}cors.{}",
                settings.prefix,
                if is_valid { "origin_valid" } else { "origin_invalid" }
            ));
        }
        if let Some(stream) = self.stream(key) {
            stream.cors = Some((name.to_owned(), request));
        }
        let Some(answer) = answer else { return Decision::Continue };
        let mut reply = Reply::new(200, "", "cors_response");
        reply.headers = owned(&answer);
        self.reply(key, reply);
        Decision::Stop
    }

    fn health_check_filter(
        &mut self,
        key: Key,
        check: &crate::filter::health_check::HealthCheck,
    ) -> Decision {
        let Some(stream) = self.stream(key) else { return Decision::Stop };
        if !check.matches(&stream.request) {
            return Decision::Continue;
        }
        let failing = self.is_failing_checks;
        let membership = |name: &str| {
            let cluster = self.clusters.get(self.cluster_named(name)?)?.as_ref()?;
            let all = cluster.hosts.values().filter(|it| !it.is_removed);
            let (mut total, mut available) = (0, 0);
            for host in all {
                total += 1;
                available += u64::from(host.health() != crate::balance::Health::Unhealthy);
            }
            Some(crate::filter::health_check::Membership { total, available })
        };
        let Some(answer) = check.answer(failing, membership) else { return Decision::Continue };
        if let Some(stream) = self.stream(key) {
            stream.info.is_health_check = true;
            if answer.status != 200 {
                stream.info.flags.set(Flag::FailedLocalHealthCheck);
            }
        }
        let mut reply = Reply::new(answer.status, "", answer.details);
        if failing {
            reply = reply.with("x-envoy-immediate-health-check-fail", "true".to_owned());
        }
        let cluster = self.node_cluster.clone();
        self.reply(key, reply.with("x-envoy-upstream-healthchecked-cluster", cluster));
        Decision::Stop
    }
}

/// A prefix of stats ends in a dot, unless it is empty.
pub(super) fn dotted(prefix: &str) -> Cow<'_, str> {
    if prefix.is_empty() || prefix.ends_with('.') {
        Cow::Borrowed(prefix)
    } else {
        Cow::Owned(format!("{prefix}."))
    }
}

/// Header fields as texts.
fn owned(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |it: &[u8]| String::from_utf8_lossy(it).into_owned();
    headers.iter().map(|(name, value)| (text(name), text(value))).collect()
}
