//! A request arrives: what the connection manager checks and sets, the route it meets, and the filters it passes.

use super::reply::Reply;
use super::slab::Key;
use super::stream::{Owner, Stream};
use super::downstream::State;
use super::{ConnId, Proxy, Timer};
use crate::access_log::{Flag, Info};
use crate::filter::PerRoute;
use crate::hcm::settings::HttpFilter;
use crate::hcm::{RouteSource, Settings, path, request};
use crate::http::HeaderMap;
use crate::http1::decoder::has_token;
use crate::http1::encode;
use crate::http1::head::{Error, Version};
use crate::route::{Action, Asked, RouteTable};
use std::borrow::Cow;
use std::rc::Rc;

/// What a filter decided.
enum Decision {
    Continue,
    /// It has answered, or holds the request.
    Stop,
}

impl Proxy {
    pub(super) fn stream(&mut self, key: Key) -> Option<&mut Stream> {
        self.streams.get_mut(key)
    }

    /// A stream for a request on a client's connection.
    pub(super) fn new_stream(&mut self, owner: Owner, headers: HeaderMap, protocol: Option<&'static str>) -> Option<Key> {
        let now = self.now;
        let down = self.down(owner.down()?)?;
        let settings = down.settings()?.clone();
        down.requests += 1;
        let mut info = Info::new(now, &down.facts, &down.chain.as_ref()?.name);
        info.protocol = protocol;
        let stats = settings.stats;
        self.stats.inc(stats.downstream_rq_total);
        self.stats.inc(stats.downstream_rq_active);
        self.stats.inc(if matches!(owner, Owner::Http2(..)) { stats.downstream_rq_http2_total } else { stats.downstream_rq_http1_total });
        if let Some(number) = owner.down() {
            self.set_down_idle(number, false);
        }
        let key = self.streams.insert(Stream::new(owner, &settings, info, headers));
        let timer = |timeout: Option<u64>, what| timeout.map(|it| (now + it, what));
        let request = timer(settings.request_timeout, Timer::RequestTimeout(key)).map(|it| self.timers.set(it.0, it.1));
        let duration = timer(settings.max_stream_duration, Timer::StreamMaxDuration(key)).map(|it| self.timers.set(it.0, it.1));
        if let Some(stream) = self.stream(key) {
            stream.request_timer = request;
            stream.max_duration = duration;
        }
        self.rearm_idle(key);
        Some(key)
    }

    pub(super) fn http1_request(
        &mut self,
        number: u32,
        mut headers: HeaderMap,
        version: Version,
        is_end: bool,
        is_upgrade: bool,
    ) {
        let Some(settings) = self.down(number).and_then(|it| it.settings().cloned()) else { return };
        if let Some(down) = self.downs.get_mut(number as usize).and_then(|it| it.as_deref_mut()) {
            self.timers.cancel(&mut down.head);
        }
        if version == Version::Other || (version == Version::Http10 && settings.http10.is_none()) {
            return self.http1_error(number, Error::LOW_VERSION);
        }
        let is_http10 = version == Version::Http10;
        let keeps = if is_http10 { has_token(&headers, "connection", b"keep-alive") } else { !has_token(&headers, "connection", b"close") };
        if !request::drop_nominated(&mut headers) {
            return self.http1_error(number, Error { status: 400, details: "http1.connection_header_rejected" });
        }
        if !request::settle_target(&mut headers) {
            return self.http1_error(number, Error::URL);
        }
        if is_http10 && !headers.contains(":authority") {
            headers.append(":authority", settings.http10.as_deref().unwrap_or_default());
        }
        let Some(key) = self.new_stream(Owner::Http1(number), headers, Some(encode::version_name(version))) else { return };
        if let Some(State::Http1(http1)) = self.down(number).map(|it| &mut it.state) {
            http1.stream = Some(key);
            http1.closes = !keeps;
        }
        if let Some(stream) = self.stream(key) {
            stream.is_http10 = is_http10;
            stream.is_upgrade = is_upgrade;
        }
        self.request_headers(key, is_end);
    }

    /// A request that is no HTTP/1: answered if that can be done, and the connection closed.
    pub(super) fn http1_error(&mut self, number: u32, error: Error) {
        let Some(down) = self.down(number) else { return };
        let Some(settings) = down.settings().cloned() else { return };
        let State::Http1(http1) = &down.state else { return };
        let current = http1.stream;
        if error.status != 408 {
            self.stats.inc(settings.stats.downstream_cx_protocol_error);
        }
        let key = match current {
            Some(key) => key,
            None => {
                let Some(key) = self.new_stream(Owner::Http1(number), HeaderMap::new(), None) else { return };
                if let Some(State::Http1(http1)) = self.down(number).map(|it| &mut it.state) {
                    http1.stream = Some(key);
                }
                key
            }
        };
        if let Some(State::Http1(http1)) = self.down(number).map(|it| &mut it.state) {
            http1.closes = true;
        }
        let Some(stream) = self.stream(key) else { return };
        if error.status != 408 {
            stream.info.flags.set(Flag::DownstreamProtocolError);
        }
        stream.closes = true;
        if stream.response_started {
            return self.reset_stream(key, error.details.into());
        }
        let body = if error.status == 408 { "request header timeout" } else { encode::reason(error.status) };
        self.reply(key, Reply::new(error.status, body, error.details));
    }

    /// A request's headers, from either version.
    pub(super) fn request_headers(&mut self, key: Key, is_end: bool) {
        let now = self.now;
        let Some(stream) = self.stream(key) else { return };
        if is_end {
            stream.request_ended = true;
            stream.info.request_end = Some(now);
            let mut timer = stream.request_timer.take();
            self.timers.cancel(&mut timer);
        }
        let Some(stream) = self.stream(key) else { return };
        if stream.settings.is_admin {
            if is_end {
                self.admin(key);
            }
            return;
        }
        if !self.check(key) {
            return;
        }
        self.expect_continue(key);
        let (own, now) = (self.own_address, self.now);
        let Some(stream) = self.streams.get_mut(key) else { return };
        let settings = stream.settings.clone();
        let connection = stream.info.connection.clone();
        request::strip_host(&settings, connection.local.port(), &mut stream.request);
        stream.info.remote = request::mutate(&settings, &connection, own, &mut self.random, &mut stream.request);
        stream.info.start = stream.info.start.min(now);
        self.route(key);
        let Some(stream) = self.stream(key) else { return };
        if stream.is_upgrade && !self.check_upgrade(key, &settings) {
            return;
        }
        self.run_filters(key);
    }

    /// `100 Continue` comes from here, unless the upstream is to say it.
    fn expect_continue(&mut self, key: Key) {
        let Some(stream) = self.stream(key) else { return };
        let expects = stream.request.get("expect").is_some_and(|it| it.eq_ignore_ascii_case(b"100-continue"));
        if expects && !stream.settings.proxies_100 {
            stream.request.remove("expect");
            let interim: HeaderMap = [(":status", "100")].into_iter().collect();
            self.send_interim(key, &interim);
        }
    }

    /// What no request may lack. False: it has been answered.
    fn check(&mut self, key: Key) -> bool {
        let Some(stream) = self.stream(key) else { return false };
        let settings = stream.settings.clone();
        let is_connect = stream.request.get(":method") == Some(b"CONNECT");
        if !stream.request.contains(":authority") {
            self.reply(key, Reply::new(400, "", "missing_host_header").closing());
            return false;
        }
        if is_connect {
            return true;
        }
        let path = stream.request.get(":path").unwrap_or_default().to_vec();
        if path.first() != Some(&b'/') {
            self.stats.inc(settings.stats.downstream_rq_non_relative_path);
            self.reply(key, Reply::new(404, "", "absolute_path_rejected"));
            return false;
        }
        match path::normalize(&path, settings.normalizes, settings.merges_slashes, settings.escaped_slashes) {
            path::Outcome::Go(new) if new != path => stream.request.set(":path", new),
            path::Outcome::Go(_) => {}
            path::Outcome::Refuse => {
                self.reply(key, Reply::new(400, "", "path_normalization_failed"));
                return false;
            }
            path::Outcome::Redirect(new) => {
                self.stats.inc(settings.stats.downstream_rq_redirected_with_normalized_path);
                let location = String::from_utf8_lossy(&new).into_owned();
                self.reply(key, Reply::new(307, "", "path_normalization_failed").with("location", location));
                return false;
            }
        }
        true
    }

    fn check_upgrade(&mut self, key: Key, settings: &Settings) -> bool {
        let Some(stream) = self.stream(key) else { return false };
        let is_connect = stream.request.get(":method") == Some(b"CONNECT");
        let protocol = if is_connect { "connect" } else { stream.request.get_str("upgrade").unwrap_or_default() };
        let route = match stream.met.as_ref().map(|it| &it.route.action) {
            Some(Action::Forward(forward)) => forward.upgrades.as_slice(),
            _ => &[],
        };
        if settings.allows_upgrade(protocol, route) {
            self.stats.inc(settings.stats.downstream_cx_upgrades_total);
            self.stats.inc(settings.stats.downstream_cx_upgrades_active);
            return true;
        }
        self.stats.inc(settings.stats.downstream_rq_ws_on_non_ws_route);
        self.reply(key, Reply::new(403, "", "upgrade_failed"));
        false
    }

    /// Finds the route and the cluster, for the filters to see.
    fn route(&mut self, key: Key) {
        let Some(stream) = self.streams.get_mut(key) else { return };
        let table: Option<Rc<RouteTable>> = match &stream.settings.routes {
            RouteSource::Own(table) => Some(table.clone()),
            RouteSource::Discovered(name) => self.route_tables.get(name).cloned(),
        };
        let Some(table) = table else { return };
        let asked = Asked { headers: &stream.request, connection: &stream.info.connection };
        stream.met = table.meet(&asked, &mut self.random);
        let Some(met) = &stream.met else { return };
        stream.info.route = met.route.name.clone();
        stream.info.virtual_host = Some(met.host.name.clone());
        let Action::Forward(forward) = &met.route.action else { return };
        stream.chosen = forward.choose(&stream.request, &mut self.random);
        let (idle, duration) = (forward.idle_timeout, forward.max_duration);
        if let Some(idle) = idle {
            stream.idle_timeout = idle;
        }
        if let Some(chosen) = &stream.chosen
            && self.cluster_names.contains_key(&chosen.name)
        {
            stream.info.cluster = Some(chosen.name.clone());
        }
        if let Some(duration) = duration {
            let timer = Some(self.timers.set(self.now + duration, Timer::StreamMaxDuration(key)));
            if let Some(stream) = self.streams.get_mut(key) {
                self.timers.cancel(&mut stream.max_duration);
                stream.max_duration = timer;
            }
        }
        self.rearm_idle(key);
    }

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
            match self.filter(key, &settings, &entry.filter, own) {
                Decision::Continue => {}
                Decision::Stop => return,
            }
        }
    }

    fn filter(&mut self, key: Key, settings: &Rc<Settings>, filter: &HttpFilter, own: Option<&PerRoute>) -> Decision {
        match filter {
            HttpFilter::Router { .. } => {
                self.start_router(key);
                Decision::Stop
            }
            HttpFilter::Rbac(rbac) => self.rbac(key, settings, rbac, own),
            HttpFilter::Fault(fault) => self.fault(key, settings, fault, own),
            HttpFilter::Jwt(jwt) => self.jwt(key, settings, jwt, own),
            HttpFilter::RateLimit(limit) => self.rate_limit(key, limit, own),
            HttpFilter::Cors => self.cors(key, settings, own),
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
        let Some(stream) = self.streams.get_mut(key) else { return Decision::Stop };
        let verdict = rbac.decide(&stream.request, &stream.info.connection);
        let prefix = format!("{}rbac.", settings.prefix);
        if let Some((allowed, _)) = &verdict.shadow {
            let name = if *allowed { "shadow_allowed" } else { "shadow_denied" };
            self.stats.count(&format!("{prefix}{name}"));
        }
        if verdict.is_enforced {
            self.stats.count(&format!("{prefix}{}", if verdict.allowed { "allowed" } else { "denied" }));
        }
        if verdict.allowed {
            return Decision::Continue;
        }
        let details = format!("rbac_access_denied_matched_policy[{}]", verdict.policy.replace(' ', "_"));
        self.reply(key, Reply::new(403, "RBAC: access denied", Cow::Owned(details)));
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
            stream.response_extra.clear();
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
        let Err(denied) = result else { return Decision::Continue };
        let mut reply = Reply::new(denied.status, "", Cow::Owned(denied.details));
        reply.body = denied.body;
        if let Some(value) = denied.www_authenticate {
            reply = reply.with("www-authenticate", value);
        }
        self.reply(key, reply);
        Decision::Stop
    }

    fn rate_limit(&mut self, key: Key, limit: &crate::filter::ratelimit::RateLimit, own: Option<&PerRoute>) -> Decision {
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
                stream.response_extra.extend(decided.headers);
            }
            return Decision::Continue;
        }
        self.stats.count(&format!("{prefix}rate_limited"));
        if !decided.enforced {
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
        for (name, value) in extra.iter() {
            reply.headers.push((String::from_utf8_lossy(name).into_owned(), String::from_utf8_lossy(value).into_owned()));
        }
        reply.headers.extend(decided.headers);
        self.reply(key, reply);
        Decision::Stop
    }

    fn cors(&mut self, key: Key, settings: &Settings, own: Option<&PerRoute>) -> Decision {
        let Some(PerRoute::Cors(policy)) = own else { return Decision::Continue };
        let Some(stream) = self.stream(key) else { return Decision::Stop };
        let Some(origin) = stream.request.get("origin").filter(|it| !it.is_empty()).map(<[u8]>::to_vec) else { return Decision::Continue };
        let is_allowed = policy.is_allowed(&origin);
        let name = if is_allowed { "origin_valid" } else { "origin_invalid" };
        self.stats.count(&format!("{}cors.{name}", settings.prefix));
        let Some(stream) = self.stream(key) else { return Decision::Stop };
        if let Some(answer) = policy.preflight(&stream.request) {
            let text = |it: &[u8]| String::from_utf8_lossy(it).into_owned();
            let mut reply = Reply::new(200, "", "cors_response");
            reply.headers = answer.iter().map(|(name, value)| (text(name), text(value))).collect();
            self.reply(key, reply);
            return Decision::Stop;
        }
        if is_allowed {
            stream.cors_origin = Some(origin);
        }
        Decision::Continue
    }

    fn health_check_filter(&mut self, key: Key, check: &crate::filter::health_check::HealthCheck) -> Decision {
        let Some(stream) = self.stream(key) else { return Decision::Stop };
        if check.pass_through || !check.matches(&stream.request) {
            return Decision::Continue;
        }
        let mut is_ok = !self.is_failing_checks;
        for (name, percent) in &check.min_healthy {
            let healthy = self.cluster_named(name).and_then(|id| self.clusters.get(id)?.as_ref()).map(|it| {
                let all: Vec<_> = it.hosts.values().filter(|it| !it.is_removed).collect();
                let up = all.iter().filter(|it| it.health() != crate::balance::Health::Unhealthy).count();
                (up as f64, all.len() as f64)
            });
            is_ok &= healthy.is_some_and(|(up, all)| up * 100.0 >= all * percent && (all > 0.0 || *percent == 0.0));
        }
        let cluster = self.node_cluster.clone();
        let failing = self.is_failing_checks;
        let mut reply = match is_ok {
            true => Reply::new(200, "", "health_check_ok"),
            false => Reply::new(503, "", if failing { "health_check_failed" } else { "health_check_failed_cluster_health_check_failed" }),
        };
        if !is_ok && let Some(stream) = self.stream(key) {
            stream.info.flags.set(Flag::FailedLocalHealthCheck);
        }
        if failing {
            reply = reply.with("x-envoy-immediate-health-check-fail", "true".to_owned());
        }
        self.reply(key, reply.with("x-envoy-upstream-healthchecked-cluster", cluster));
        Decision::Stop
    }

    /// A piece of the request's body.
    pub(super) fn request_data(&mut self, key: Key, data: &[u8], is_end: bool) {
        let now = self.now;
        let Some(stream) = self.stream(key) else { return };
        stream.info.received += data.len() as u64;
        self.rearm_idle(key);
        self.router_data(key, data, is_end);
        if is_end && let Some(stream) = self.streams.get_mut(key) {
            stream.request_ended = true;
            stream.info.request_end = Some(now);
            self.timers.cancel(&mut stream.request_timer);
        }
    }

    /// The end of the request, with or without trailers.
    pub(super) fn request_end(&mut self, key: Key, trailers: Option<HeaderMap>) {
        let now = self.now;
        let Some(stream) = self.streams.get_mut(key) else { return };
        stream.request_ended = true;
        stream.info.request_end = Some(now);
        self.timers.cancel(&mut stream.request_timer);
        if stream.settings.is_admin {
            return self.admin(key);
        }
        if matches!(stream.owner, Owner::Http2(..)) || stream.settings.has_trailers {
            stream.request_trailers = trailers;
        }
        self.router_end(key);
    }

    pub(super) fn rearm_idle(&mut self, key: Key) {
        let now = self.now;
        let Some(stream) = self.streams.get_mut(key) else { return };
        self.timers.cancel(&mut stream.idle);
        if let Some(timeout) = stream.idle_timeout {
            stream.idle = Some(self.timers.set(now + timeout, Timer::StreamIdle(key)));
        }
    }

    pub(super) fn stream_idle(&mut self, key: Key) {
        let Some(stream) = self.stream(key) else { return };
        stream.idle = None;
        stream.info.flags.set(Flag::StreamIdleTimeout);
        let stats = stream.settings.stats;
        self.stats.inc(stats.downstream_rq_idle_timeout);
        let Some(stream) = self.stream(key) else { return };
        if stream.response_started {
            return self.reset_stream(key, "stream_idle_timeout".into());
        }
        let (status, body) = if stream.request_ended { (504, "stream timeout") } else { (408, "stream timeout") };
        self.reply(key, Reply::new(status, body, "stream_idle_timeout"));
    }

    pub(super) fn stream_max_duration(&mut self, key: Key) {
        let Some(stream) = self.stream(key) else { return };
        stream.max_duration = None;
        let stats = stream.settings.stats;
        self.stats.inc(stats.downstream_rq_max_duration_reached);
        let Some(stream) = self.stream(key) else { return };
        stream.info.flags.set(Flag::UpstreamMaxStreamDurationReached);
        if stream.response_started {
            return self.reset_stream(key, "max_duration_timeout".into());
        }
        let status = if stream.request_ended { 504 } else { 408 };
        self.reply(key, Reply::new(status, "downstream duration timeout", "max_duration_timeout"));
    }

    pub(super) fn request_timeout(&mut self, key: Key) {
        let Some(stream) = self.stream(key) else { return };
        stream.request_timer = None;
        let stats = stream.settings.stats;
        self.stats.inc(stats.downstream_rq_timeout);
        self.reply(key, Reply::new(408, "request timeout", "request_overall_timeout"));
    }

    /// The client's connection is going: what is under way on it is over.
    pub(super) fn streams_of_down_gone(&mut self, number: u32, why: &'static str) {
        let keys: Vec<Key> = match self.down(number).map(|it| &mut it.state) {
            Some(State::Http1(http1)) => http1.stream.take().into_iter().collect(),
            Some(State::Http2(http2)) => std::mem::take(&mut http2.streams).into_values().collect(),
            _ => return,
        };
        for key in keys {
            let Some(stream) = self.stream(key) else { continue };
            stream.info.flags.set(Flag::DownstreamConnectionTermination);
            stream.info.details = why.into();
            self.drop_stream(key);
        }
    }

    /// The client's connection of a stream, by id.
    pub(super) fn conn_of(&mut self, key: Key) -> Option<ConnId> {
        self.stream(key)?.owner.down().map(ConnId::accepted)
    }
}
