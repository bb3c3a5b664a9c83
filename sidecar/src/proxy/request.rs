//! A request arrives: what the connection manager checks and sets, the route it meets, and the filters it passes.

use super::downstream::State;
use super::reply::Reply;
use super::slab::Key;
use super::stream::{Owner, Stream};
use super::{Proxy, Timer};
use crate::access_log::{Flag, Info};
use crate::config::route::TlsRequirement;
use crate::hcm::{RouteSource, Settings, path, request};
use crate::http::HeaderMap;
use crate::http1::decoder::has_token;
use crate::http1::encode;
use crate::http1::head::{Error, Version};
use crate::route::{Action, Asked, RouteTable};
use std::rc::Rc;

impl Proxy {
    pub(super) fn stream(&mut self, key: Key) -> Option<&mut Stream> {
        self.streams.get_mut(key)
    }

    /// A stream for a request on a client's connection.
    pub(super) fn new_stream(
        &mut self,
        owner: Owner,
        headers: HeaderMap,
        protocol: Option<&'static str>,
    ) -> Option<Key> {
        let now = self.now;
        let down = self.down(owner.down()?)?;
        let settings = down.settings()?.clone();
        down.requests += 1;
        let mut info = Info::new(now, &down.facts, &down.chain.as_ref()?.name);
        info.protocol = protocol;
        if let Some(entry) = &mut down.entry {
            entry.info.protocol = protocol.or(entry.info.protocol);
        }
        let stats = settings.stats;
        self.stats.inc(stats.downstream_rq_total);
        self.stats.inc(stats.downstream_rq_active);
        self.stats.inc(if matches!(owner, Owner::Http2(..)) {
            stats.downstream_rq_http2_total
        } else {
            stats.downstream_rq_http1_total
        });
        let key = self.streams.insert(Stream::new(owner, &settings, info, headers));
        let timer = |timeout: Option<u64>, what| timeout.map(|it| (now + it, what));
        let request = timer(settings.times.request_timeout, Timer::RequestTimeout(key))
            .map(|it| self.timers.set(it.0, it.1));
        let duration = timer(settings.times.max_stream_duration, Timer::StreamMaxDuration(key))
            .map(|it| self.timers.set(it.0, it.1));
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
        let keeps = if is_http10 {
            has_token(&headers, "connection", b"keep-alive")
        } else {
            !has_token(&headers, "connection", b"close")
        };
        if !request::drop_nominated(&mut headers) {
            return self
                .http1_error(number, Error { status: 400, details: "http1.connection_header_rejected" });
        }
        if !request::settle_target(&mut headers) {
            return self.http1_error(number, Error::URL);
        }
        if !headers.get(":authority").is_none_or(request::is_authority) {
            return self.http1_error(number, Error::AUTHORITY);
        }
        if is_http10 && !headers.contains(":authority") {
            headers.append(":authority", settings.http10.as_deref().unwrap_or_default());
        }
        let Some(key) = self.new_stream(Owner::Http1(number), headers, Some(encode::version_name(version)))
        else {
            return;
        };
        if let Some(State::Http1(http1)) = self.down(number).map(|it| &mut it.state) {
            http1.stream = Some(key);
            http1.closes = !keeps;
            http1.ends_at_once = !keeps;
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
            self.note_protocol_error(number);
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
        self.request_arrives(key, is_end);
        if let Some(stream) = self.stream(key) {
            stream.is_arriving = false;
        }
    }

    fn request_arrives(&mut self, key: Key, is_end: bool) {
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
        stream.info.remote =
            request::mutate(&settings, &connection, own, &mut self.random, &mut stream.request);
        if settings.adds_user_agent {
            request::add_user_agent(&self.node_cluster, &self.node_id, &mut stream.request);
        }
        stream.info.start = stream.info.start.min(now);
        self.route(key);
        self.note_route(key);
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
        if stream.request.get(":method") == Some(b"QUERY") && !stream.request.contains("content-type") {
            self.reply(key, Reply::new(400, "", "query_missing_content_type"));
            return false;
        }
        let path = stream.request.get(":path").unwrap_or_default().to_vec();
        if path.first() != Some(&b'/') {
            self.stats.inc(settings.stats.downstream_rq_non_relative_path);
            self.reply(key, Reply::new(404, "", "absolute_path_rejected"));
            return false;
        }
        if path.contains(&b'#') {
            self.reply(key, Reply::new(400, "", "path_normalization_failed").closing());
            return false;
        }
        match path::normalize(&path, settings.normalizes, settings.merges_slashes, settings.escaped_slashes) {
            path::Outcome::Go(new) if new != path => stream.request.set(":path", new),
            path::Outcome::Go(_) => {}
            path::Outcome::Refuse(new) => {
                stream.request.set(":path", new);
                self.reply(key, Reply::new(400, "", "path_normalization_failed").closing());
                return false;
            }
            path::Outcome::Redirect(new) => {
                stream.request.set(":path", &new);
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
        let protocol =
            if is_connect { "connect" } else { stream.request.get_str("upgrade").unwrap_or_default() };
        let route = match stream.met.as_ref().map(|it| &it.route.action) {
            Some(Action::Forward(forward)) => forward.upgrades.as_slice(),
            _ => &[],
        };
        if is_connect && stream.met.is_none() {
            stream.info.flags.set(Flag::NoRouteFound);
            self.reply(key, Reply::new(404, "", "route_not_found"));
            return false;
        }
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
        let is_tls = stream.request.get("x-forwarded-proto") == Some(b"https");
        let is_internal = stream.request.contains("x-envoy-internal");
        stream.wants_tls = !is_tls
            && match met.host.require_tls {
                TlsRequirement::None => false,
                TlsRequirement::ExternalOnly => !is_internal,
                TlsRequirement::All => true,
            };
        if stream.wants_tls {
            return;
        }
        stream.info.route = met.route.name.clone();
        stream.info.virtual_host = Some(met.host.name.clone());
        let Action::Forward(forward) = &met.route.action else { return };
        stream.chosen = forward.choose(&stream.request, &mut self.random);
        let (idle, duration) = (forward.idle_timeout, forward.duration(stream.is_grpc, &stream.request));
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
        match stream.idle_timeout {
            Some(timeout) => self.timers.put_off(&mut stream.idle, now + timeout, Timer::StreamIdle(key)),
            None => self.timers.cancel(&mut stream.idle),
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
        let (status, body) =
            if stream.request_ended { (504, "stream timeout") } else { (408, "stream timeout") };
        self.reply(key, Reply::new(status, body, "stream_idle_timeout"));
    }

    pub(super) fn stream_max_duration(&mut self, key: Key) {
        let Some(stream) = self.stream(key) else { return };
        stream.max_duration = None;
        let stats = stream.settings.stats;
        self.stats.inc(stats.downstream_rq_max_duration_reached);
        let Some(stream) = self.stream(key) else { return };
        if stream.response_started {
            return self.reset_stream(key, "max_duration_timeout".into());
        }
        let status = if stream.request_ended { 504 } else { 408 };
        let mut reply = Reply::new(status, "downstream duration timeout", "max_duration_timeout");
        // gRPC's DEADLINE_EXCEEDED.
        reply.grpc = Some(4);
        self.reply(key, reply);
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
        let is_in_head = matches!(self.down(number).map(|it| &it.state),
            Some(State::Http1(it)) if it.stream.is_none() && it.decoder.is_in_head());
        let begun =
            if is_in_head { self.new_stream(Owner::Http1(number), HeaderMap::new(), None) } else { None };
        let keys: Vec<Key> = match self.down(number).map(|it| &mut it.state) {
            Some(State::Http1(http1)) => http1.stream.take().or(begun).into_iter().collect(),
            Some(State::Http2(http2)) => std::mem::take(&mut http2.streams).into_values().collect(),
            _ => return,
        };
        if let Some(down) = self.down(number) {
            down.was_busy |= !keys.is_empty();
        }
        for key in keys {
            let Some(stream) = self.streams.get_mut(key) else { continue };
            self.stats.inc(stream.settings.stats.downstream_rq_rx_reset);
            stream.info.flags.set(Flag::DownstreamConnectionTermination);
            stream.info.details = why.into();
            self.drop_stream(key);
        }
    }
}
