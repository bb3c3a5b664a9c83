//! Requests and responses on connections to hosts, HTTP/1 above all.

use super::slab::Key;
use super::upstream::{Kind, Link, Up};
use super::wire::Ending;
use super::{ConnId, Proxy};
use crate::http::HeaderMap;
use crate::http1::Item;
use crate::http1::decoder::has_token;
use crate::http1::encode;
use crate::http1::head::Version;

impl Proxy {
    /// Reads a response.
    pub(super) fn up_http1(&mut self, key: Key, bytes: &[u8]) {
        let mut rest = bytes;
        loop {
            let Some(up) = self.up(key) else { return };
            let (host, is_ending) = (up.host, up.wire.end != Ending::Open);
            let Kind::Http1 { decoder, stream, closes, has_trailers, .. } = &mut up.kind else { return };
            let Some(request) = *stream else {
                // What follows an answer that nobody waits for any more is nobody's.
                if !rest.is_empty() && !is_ending {
                    self.up_broken(key, None);
                }
                return;
            };
            match decoder.next(&mut rest) {
                Ok(Some(Item::Head { headers, version, is_end, .. })) => {
                    *closes |= has_token(&headers, "connection", b"close")
                        || (version != Version::Http11 && !has_token(&headers, "connection", b"keep-alive"));
                    if is_end {
                        self.up_response_done(key, request);
                    }
                    self.upstream_headers(request, headers, is_end, host);
                }
                Ok(Some(Item::Interim(headers))) => self.upstream_interim(request, &headers),
                Ok(Some(Item::Data(data))) => {
                    self.upstream_data(request, data, false);
                    self.gate_response(request);
                }
                Ok(Some(Item::End(trailers))) => {
                    let passes = *has_trailers;
                    self.up_response_done(key, request);
                    self.upstream_end(request, trailers.filter(|_| passes));
                }
                Ok(None) => return,
                Err(_) => return self.up_broken(key, Some(request)),
            }
        }
    }

    /// An interim response is counted, and goes on only where that is asked for.
    pub(super) fn upstream_interim(&mut self, request: Key, headers: &HeaderMap) {
        let Some(stream) = self.stream(request) else { return };
        let is_first = !std::mem::replace(&mut stream.saw_interim, true);
        let cluster = stream.router.as_ref().map(|it| it.cluster).filter(|_| is_first);
        if let (Some(id), Some(status)) = (cluster, headers.get_str(":status").and_then(|it| it.parse().ok()))
        {
            self.charge(request, id, status);
        }
        let wants = self.stream(request).is_some_and(|it| it.settings.proxies_100);
        if wants && headers.get(":status") == Some(b"100") {
            self.send_interim(request, headers);
        }
    }

    /// An HTTP/1 response is complete: its connection is free, if the request was complete as well.
    pub(super) fn up_response_done(&mut self, key: Key, request: Key) {
        let attempt =
            self.stream(request).and_then(|it| it.router.as_ref()).and_then(|it| it.attempt.as_ref());
        let is_sent = attempt.is_some_and(|it| it.is_sent);
        if let Some(Up { kind: Kind::Http1 { closes, .. }, was_busy, .. }) = self.up(key) {
            *closes |= !is_sent;
            *was_busy |= !is_sent;
        }
        self.detach(Link::Http1(key), request, true);
    }

    /// A connection is used again, or closed if it must not be.
    pub(super) fn up_reuse(&mut self, key: Key) {
        let Some(up) = self.ups.get(key) else { return };
        let (id, requests, is_idle) = (up.cluster, up.requests, up.active() == 0);
        let most = self.cluster(id).map_or(0, |it| it.max_requests);
        let is_spent = most > 0 && requests >= most;
        let ends = match self.ups.get(key).map(|it| &it.kind) {
            Some(Kind::Http1 { closes, .. }) => *closes,
            Some(Kind::Http2 { codec, .. }) => codec.is_going_away(),
            _ => true,
        };
        if is_spent || ends {
            self.drop_from_pool(key);
            if is_idle {
                if is_spent && let Some(cluster) = self.cluster(id) {
                    let stat = cluster.stats.upstream_cx_max_requests;
                    self.stats.inc(stat);
                }
                let Some(up) = self.ups.get(key) else { return };
                let (host, priority, is_http2) =
                    (up.host, up.priority, matches!(up.kind, Kind::Http2 { .. }));
                self.end(ConnId::opened(key.index), Ending::Close);
                self.replace_connection(id, host, priority, is_http2);
            }
            return;
        }
        self.serve_pending(key);
    }

    /// Gives a connection its next request.
    pub(super) fn up_begin(&mut self, key: Key, request: Key) -> Option<Link> {
        let stream = self.streams.get(request)?;
        let (is_head, may_upgrade) = (stream.is_head, stream.is_upgrade);
        let up = self.ups.get_mut(key)?;
        up.requests += 1;
        match &mut up.kind {
            Kind::Http1 { decoder, stream, .. } => {
                decoder.expect(is_head, may_upgrade);
                *stream = Some(request);
                Some(Link::Http1(key))
            }
            Kind::Http2 { codec, streams, .. } => {
                let id = codec.open()?;
                streams.insert(id, request);
                Some(Link::Http2(key, id))
            }
            Kind::Tcp(_) | Kind::Check(_) => None,
        }
    }

    /// Sends the head of a request, and what there is of its body.
    pub(super) fn up_send_request(&mut self, link: Link, request: Key) {
        let Some(stream) = self.streams.get_mut(request) else { return };
        let is_ended = stream.request_ended && !stream.is_upgrade;
        let keeps = stream.router.as_ref().is_some_and(|it| it.keeps_body);
        let body = if keeps { stream.body.clone() } else { std::mem::take(&mut stream.body) };
        let trailers = stream.request_trailers.clone();
        let is_bare = is_ended && body.is_empty() && trailers.is_none();
        match link {
            Link::Http1(key) => {
                let Some(up) = self.ups.get_mut(key) else { return };
                if let Kind::Http1 { framing, case, .. } = &mut up.kind {
                    *framing = encode::request(&stream.request, is_bare, *case, &mut up.wire.out);
                }
                // A client's own chunked framing ends even where the message is bare.
                self.touch(ConnId::opened(key.index));
            }
            Link::Http2(key, id) => self.http2_up_headers(key, id, request, is_bare),
            Link::Pending => return,
        }
        if !body.is_empty() {
            self.up_send_data(link, &body, false);
        }
        if is_ended {
            if !is_bare {
                self.up_send_end(link, trailers.as_ref());
            }
            if let Some(attempt) =
                self.stream(request).and_then(|it| it.router.as_mut()).and_then(|it| it.attempt.as_mut())
            {
                attempt.is_sent = true;
            }
        }
        self.rearm_per_try_idle(request);
        self.gate_request(request);
    }

    pub(super) fn up_send_data(&mut self, link: Link, data: &[u8], _is_end: bool) {
        match link {
            Link::Http1(key) => {
                let Some(up) = self.up(key) else { return };
                if let Kind::Http1 { framing, .. } = &up.kind {
                    encode::data(data, *framing, &mut up.wire.out);
                }
                self.touch(ConnId::opened(key.index));
            }
            Link::Http2(key, id) => self.http2_up_data(key, id, data, false),
            Link::Pending => {}
        }
    }

    pub(super) fn up_send_end(&mut self, link: Link, trailers: Option<&HeaderMap>) {
        match link {
            Link::Http1(key) => {
                let Some(up) = self.up(key) else { return };
                if let Kind::Http1 { framing, case, has_trailers, .. } = &up.kind {
                    encode::end(trailers.filter(|_| *has_trailers), *framing, *case, &mut up.wire.out);
                }
                self.touch(ConnId::opened(key.index));
            }
            Link::Http2(key, id) => match trailers {
                Some(trailers) => self.http2_up_trailers(key, id, trailers),
                None => self.http2_up_data(key, id, &[], true),
            },
            Link::Pending => {}
        }
    }
}
