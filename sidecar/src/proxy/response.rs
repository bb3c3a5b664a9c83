//! A response goes to the client: the connection manager's headers, the codec, and what follows the last byte.

use super::downstream::State;
use super::slab::Key;
use super::stream::{Owner, Stream};
use super::{ConnId, Proxy};
use crate::config::hcm::ServerHeaderTransformation as Server;
use crate::filter::cors::Cors;
use crate::hcm::request;
use crate::http::HeaderMap;
use crate::http1::encode::{self, Asked};
use crate::http2::Code;
use std::borrow::Cow;

impl Stream {
    /// What the router adds to a response, and the route's changes of it.
    pub(super) fn route_response(&mut self, headers: &mut HeaderMap, now: u64) {
        let Some(met) = self.met.clone() else { return };
        if met.host.counts_attempts_in_response && self.info.attempts > 0 {
            headers.set("x-envoy-attempt-count", self.info.attempts.to_string());
        }
        let weighted = match &met.route.action {
            crate::route::Action::Forward(it) => self.chosen.as_ref().and_then(|chosen| it.entry(chosen)),
            _ => None,
        };
        for mutations in met.response_mutations(weighted.map(|it| &it.response)) {
            if !mutations.is_empty() {
                let subject = crate::access_log::Subject { response: headers, ..self.subject(now) };
                let values = mutations.evaluate(&subject);
                mutations.apply(&values, headers);
            }
        }
    }
}

impl Proxy {
    /// Filters see the response, the last first.
    pub(super) fn response_filters(&mut self, key: Key, headers: &mut HeaderMap) {
        let Some(stream) = self.stream(key) else { return };
        for (name, value) in std::mem::take(&mut stream.response_extra).iter() {
            headers.set(name, value);
        }
        if let (Some((name, request)), Some(met)) = (&stream.cors, &stream.met) {
            Cors(&met.cors(name)).decorate(request, headers);
        }
    }

    /// An interim response.
    pub(super) fn send_interim(&mut self, key: Key, headers: &HeaderMap) {
        let Some(stream) = self.stream(key) else { return };
        match stream.owner {
            Owner::Http1(number) => {
                let case = stream.settings.case;
                let Some(down) = self.down(number) else { return };
                let asked = Asked { is_head: false, is_http10: false, is_connect: false };
                encode::response(headers, false, asked, case, &mut down.wire.out);
                self.touch(ConnId::accepted(number));
            }
            Owner::Http2(number, id) => self.http2_headers(number, id, headers, false),
            Owner::Shadow => {}
        }
    }

    /// The response's headers.
    pub(super) fn send_headers(&mut self, key: Key, mut headers: HeaderMap, is_end: bool) {
        let date = self.date();
        let Some(stream) = self.streams.get_mut(key) else { return };
        stream.response_started = true;
        let settings = stream.settings.clone();
        if !stream.request_ended && stream.owner != Owner::Shadow {
            self.stats.inc(settings.stats.downstream_rq_response_before_rq_complete);
        }
        let code: u16 = headers.get_str(":status").and_then(|it| it.parse().ok()).unwrap_or(0);
        stream.info.code = code;
        if !(stream.is_upgrade && code == 101) {
            headers.remove("connection");
            headers.remove("upgrade");
        }
        for name in ["keep-alive", "proxy-connection"] {
            headers.remove(name);
        }
        headers.remove("transfer-encoding");
        // RFC 9110 section 8.6: these have no length.
        if matches!(code, 100..=199 | 204) {
            headers.remove("content-length");
        }
        headers.set("date", &*date);
        match settings.server_header {
            Server::Overwrite => headers.set("server", &settings.server_name),
            Server::AppendIfAbsent if !headers.contains("server") => {
                headers.append("server", &settings.server_name)
            }
            Server::AppendIfAbsent | Server::PassThrough => {}
        }
        if !settings.via.is_empty() {
            request::add_via(&settings, &mut headers);
        }
        if settings.returns_request_id
            && let Some(id) = stream.request.get("x-request-id")
        {
            headers.set("x-request-id", id);
        }
        self.count_response(key, code);
        let Some(owner) = self.stream(key).map(|it| it.owner) else { return };
        self.write_headers(key, owner, &mut headers, is_end);
        if let Some(stream) = self.stream(key) {
            stream.response = headers;
        }
        if let Owner::Http2(number, id) = owner {
            let Some(headers) = self.stream(key).map(|it| std::mem::take(&mut it.response)) else { return };
            self.http2_headers(number, id, &headers, is_end);
            if let Some(stream) = self.stream(key) {
                stream.response = headers;
            }
        }
        self.rearm_idle(key);
        if is_end {
            self.response_done(key);
        }
    }

    /// Writes the head of an HTTP/1 response, and tells a client on HTTP/2 of a drain.
    fn write_headers(&mut self, key: Key, owner: Owner, headers: &mut HeaderMap, is_end: bool) {
        let (is_failing, is_draining) = (self.is_failing_checks, self.is_draining);
        let Some(stream) = self.streams.get_mut(key) else { return };
        let settings = stream.settings.clone();
        let code = stream.info.code;
        let mut closes = stream.closes;
        if let Some(number) = owner.down()
            && let Some(down) = self.downs.get_mut(number as usize).and_then(|it| it.as_deref_mut())
        {
            let is_spent = settings.max_requests > 0 && down.requests >= settings.max_requests;
            if is_spent && !down.is_draining {
                self.stats.inc(settings.stats.downstream_cx_max_requests_reached);
            }
            let is_bidding_farewell = !settings.is_admin && (is_failing || is_draining);
            let drains = is_spent || down.is_draining || is_bidding_farewell;
            if let State::Http1(http1) = &mut down.state {
                // An answer ahead of the request's end: nobody waits for the rest of it.
                let is_switched = stream.is_upgrade && (code == 101 || (200..300).contains(&code));
                closes |= http1.closes || !(stream.request_ended || is_switched);
                http1.ends_at_once |= is_spent;
                if drains && !closes {
                    closes = true;
                    if !is_spent {
                        self.stats.inc(settings.stats.downstream_cx_drain_close);
                    }
                }
                http1.closes = closes;
                let http10_keeps = stream.is_http10 && !closes;
                if code != 101 {
                    if closes {
                        headers.set("connection", "close");
                    } else if http10_keeps {
                        headers.set("connection", "keep-alive");
                    }
                }
                let is_connect = stream.request.get(":method") == Some(b"CONNECT");
                let asked = Asked { is_head: stream.is_head, is_http10: stream.is_http10, is_connect };
                http1.framing = encode::response(headers, is_end, asked, settings.case, &mut down.wire.out);
                if stream.is_http10
                    && http1.framing == encode::Framing::Plain
                    && !headers.contains("content-length")
                    && !is_end
                {
                    http1.closes = true;
                    http1.ends_by_close = true;
                }
                self.touch(ConnId::accepted(number));
            } else if drains && !down.is_draining {
                self.drain_http2(number);
            }
        }
    }

    fn count_response(&mut self, key: Key, code: u16) {
        let Some(stream) = self.stream(key) else { return };
        if stream.owner == Owner::Shadow || stream.info.is_health_check {
            return;
        }
        let (owner, stats) = (stream.owner, stream.settings.stats);
        self.stats.inc(stats.downstream_rq_completed);
        let class = usize::from(code / 100);
        let classes = [
            stats.downstream_rq_1xx,
            stats.downstream_rq_2xx,
            stats.downstream_rq_3xx,
            stats.downstream_rq_4xx,
            stats.downstream_rq_5xx,
        ];
        if let Some(stat) = class.checked_sub(1).and_then(|it| classes.get(it)) {
            self.stats.inc(*stat);
        }
        if let Some(of_listener) = owner.down().and_then(|it| self.down(it)?.chain.as_ref()?.answers.clone())
        {
            of_listener
                .iter()
                .enumerate()
                .filter(|it| it.0 == 0 || it.0 == class)
                .for_each(|it| self.stats.inc(*it.1));
        }
    }

    /// A piece of the response's body.
    pub(super) fn send_data(&mut self, key: Key, data: &[u8], is_end: bool) {
        let Some(stream) = self.stream(key) else { return };
        if stream.response_ended {
            return;
        }
        let data = if stream.is_head { &[] } else { data };
        stream.info.sent += data.len() as u64;
        match stream.owner {
            Owner::Http1(number) => {
                if let Some(down) = self.down(number)
                    && let State::Http1(http1) = &mut down.state
                {
                    encode::data(data, http1.framing, &mut down.wire.out);
                    if is_end {
                        encode::end(None, http1.framing, encode::Case::Lower, &mut down.wire.out);
                    }
                    self.touch(ConnId::accepted(number));
                }
            }
            Owner::Http2(number, id) => self.http2_send_data(number, id, data, is_end),
            Owner::Shadow => {}
        }
        self.rearm_idle(key);
        if is_end {
            self.response_done(key);
        }
    }

    /// The end of the response, with or without trailers.
    pub(super) fn send_end(&mut self, key: Key, trailers: Option<HeaderMap>) {
        let Some(stream) = self.stream(key) else { return };
        if stream.response_ended {
            return;
        }
        let (owner, settings) = (stream.owner, stream.settings.clone());
        if let Some(trailers) = &trailers {
            stream.trailers = trailers.clone();
        }
        match owner {
            Owner::Http1(number) => {
                if let Some(down) = self.down(number)
                    && let State::Http1(http1) = &down.state
                {
                    let kept = trailers.as_ref().filter(|_| settings.has_trailers);
                    encode::end(kept, http1.framing, settings.case, &mut down.wire.out);
                    self.touch(ConnId::accepted(number));
                }
            }
            Owner::Http2(number, id) => match &trailers {
                Some(trailers) => self.http2_send_trailers(number, id, trailers),
                None => self.http2_send_data(number, id, &[], true),
            },
            Owner::Shadow => {}
        }
        self.response_done(key);
    }

    /// The response is complete: the request is over, even if its body was not.
    fn response_done(&mut self, key: Key) {
        self.cancel_router(key);
        let Some(stream) = self.stream(key) else { return };
        stream.response_ended = true;
        let (owner, was_whole) = (stream.owner, stream.request_ended);
        let is_switched = stream.is_upgrade && matches!(stream.info.code, 101 | 200..=299);
        // What is answered while its head is read counts as not yet read to its end.
        let was_read = was_whole && !stream.is_arriving;
        let stats = stream.settings.stats;
        if !was_whole && owner != Owner::Shadow {
            self.stats.inc(stats.downstream_rq_rx_reset);
        }
        self.finish_stream(key);
        match owner {
            Owner::Http1(number) => {
                let Some(State::Http1(http1)) = self.down(number).map(|it| &mut it.state) else { return };
                http1.stream = None;
                if http1.ends_by_close || is_switched || (http1.ends_at_once && was_read) {
                    return self.close_down_at_once(number);
                }
                if http1.closes || !was_whole {
                    return self.close_down(number);
                }
                http1.decoder.next_message();
                self.resumed.push(number);
                self.set_down_idle(number);
            }
            Owner::Http2(number, id) => self.http2_stream_done(number, id, was_whole),
            Owner::Shadow => {}
        }
    }

    /// The response cannot be finished: the client is told by a reset.
    pub(super) fn reset_stream(&mut self, key: Key, details: Cow<'static, str>) {
        let Some(stream) = self.stream(key) else { return };
        stream.info.details = details;
        let (owner, stats) = (stream.owner, stream.settings.stats);
        self.drop_stream(key);
        match owner {
            Owner::Http1(number) => {
                if let Some(State::Http1(http1)) = self.down(number).map(|it| &mut it.state) {
                    http1.stream = None;
                }
                self.stats.inc(stats.downstream_rq_tx_reset);
                self.stats.inc(stats.downstream_rq_rx_reset);
                self.close_down(number);
            }
            Owner::Http2(number, id) => {
                self.stats.inc(stats.downstream_rq_tx_reset);
                self.stats.inc(stats.downstream_rq_rx_reset);
                self.http2_reset(number, id, Code::InternalError);
            }
            Owner::Shadow => {}
        }
    }

    /// Gives up whatever is under way for a request, and forgets it.
    pub(super) fn drop_stream(&mut self, key: Key) {
        self.cancel_router(key);
        self.finish_stream(key);
    }

    /// Logs a request and forgets it.
    fn finish_stream(&mut self, key: Key) {
        let Some(mut stream) = self.streams.remove(key) else { return };
        for timer in
            [&mut stream.idle, &mut stream.max_duration, &mut stream.request_timer, &mut stream.delay]
        {
            self.timers.cancel(timer);
        }
        if stream.owner == Owner::Shadow {
            return;
        }
        let stats = stream.settings.stats;
        self.stats.dec(stats.downstream_rq_active);
        if stream.is_upgrade {
            self.stats.dec(stats.downstream_cx_upgrades_active);
        }
        self.log(&stream);
    }
}
