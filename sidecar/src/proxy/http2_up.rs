//! HTTP/2 towards hosts.

use super::retrying::Reset;
use super::slab::Key;
use super::upstream::{Kind, Link};
use super::{ConnId, Proxy};
use crate::http::HeaderMap;
use crate::http2::{Code, Codec, Event};

/// What HTTP/2 has no place for.
const HTTP1_ONLY: &[&str] = &[
    "connection",
    "keep-alive",
    "proxy-connection",
    "transfer-encoding",
    "upgrade",
    "host",
    "http2-settings",
];

impl Proxy {
    fn up_codec(&mut self, key: Key) -> Option<&mut Codec> {
        match &mut self.ups.get_mut(key)?.kind {
            Kind::Http2 { codec, .. } => Some(codec),
            _ => None,
        }
    }

    /// What the codec has to say goes out. While the driver holds too much it stays where it is counted.
    pub(super) fn http2_up_flush(&mut self, key: Key) {
        let Some(up) = self.ups.get_mut(key) else { return };
        if let Kind::Http2 { codec, .. } = &mut up.kind
            && (!up.wire.is_blocked || codec.has_failed())
        {
            codec.take_output(&mut up.wire.out);
            self.touch(ConnId::opened(key.index));
        }
    }

    pub(super) fn http2_up_headers(&mut self, key: Key, id: u32, request: Key, is_end: bool) {
        let Some(stream) = self.streams.get(request) else { return };
        let mut headers = stream.request.clone();
        headers.remove_all(HTTP1_ONLY);
        if let Some(codec) = self.up_codec(key) {
            codec.send_headers(id, &headers, is_end);
        }
        self.http2_up_flush(key);
    }

    pub(super) fn http2_up_data(&mut self, key: Key, id: u32, data: &[u8], is_end: bool) {
        if let Some(codec) = self.up_codec(key) {
            codec.send_data(id, data, is_end);
        }
        self.http2_up_flush(key);
    }

    pub(super) fn http2_up_trailers(&mut self, key: Key, id: u32, trailers: &HeaderMap) {
        if let Some(codec) = self.up_codec(key) {
            codec.send_trailers(id, trailers);
        }
        self.http2_up_flush(key);
    }

    pub(super) fn up_reset_stream(&mut self, key: Key, id: u32, code: Code) {
        if let Some(codec) = self.up_codec(key) {
            codec.reset(id, code);
        }
        self.http2_up_flush(key);
    }

    pub(super) fn up_http2(&mut self, key: Key, bytes: &[u8]) {
        let Some(codec) = self.up_codec(key) else { return };
        let result = codec.receive(bytes);
        while let Some(event) = self.up_codec(key).and_then(Codec::poll) {
            self.up_http2_event(key, event);
        }
        self.http2_up_flush(key);
        if result.is_err() {
            self.up_broken(key, None);
        }
    }

    fn up_http2_request(&mut self, key: Key, id: u32) -> Option<Key> {
        match &self.ups.get(key)?.kind {
            Kind::Http2 { streams, .. } => streams.get(&id).copied(),
            _ => None,
        }
    }

    fn up_http2_event(&mut self, key: Key, event: Event) {
        match event {
            Event::Headers { stream, headers, end } => {
                let Some(request) = self.up_http2_request(key, stream) else { return };
                let Some(host) = self.ups.get(key).map(|it| it.host) else { return };
                if headers.get(":status").is_some_and(|it| it.starts_with(b"1")) {
                    return self.upstream_interim(request, &headers);
                }
                if end {
                    self.http2_up_done(key, stream, request);
                }
                self.upstream_headers(request, headers, end, host);
            }
            Event::Data { stream, bytes, end } => {
                let found = self.up_http2_request(key, stream).and_then(|it| Some((it, self.stream(it)?)));
                let Some((request, it)) = found else {
                    if let Some(codec) = self.up_codec(key) {
                        codec.release(stream, bytes.len() as u32);
                    }
                    return;
                };
                it.response_credit += bytes.len() as u32;
                if !bytes.is_empty() && self.stream(request).is_some_and(|it| it.is_head) {
                    return self.http2_up_lost(key, stream, request, Reset::Protocol);
                }
                if end {
                    self.http2_up_done(key, stream, request);
                }
                self.upstream_data(request, &bytes, end);
                self.gate_response(request);
            }
            Event::Trailers { stream, headers } => {
                let Some(request) = self.up_http2_request(key, stream) else { return };
                self.http2_up_done(key, stream, request);
                self.upstream_end(request, Some(headers));
            }
            Event::Reset { stream, code, .. } => {
                let Some(request) = self.up_http2_request(key, stream) else { return };
                let reset = match code {
                    _ if code == Code::RefusedStream as u32 => Reset::RemoteRefused,
                    _ if code == Code::ProtocolError as u32 => Reset::Protocol,
                    _ => Reset::Remote,
                };
                self.http2_up_lost(key, stream, request, reset);
            }
            Event::GoAway { .. } => {
                self.drop_from_pool(key);
                self.up_reuse(key);
            }
            Event::WindowOpen { stream } => {
                if let Some(request) = self.up_http2_request(key, stream) {
                    self.gate_request(request);
                }
            }
        }
    }

    /// A stream failed; its connection goes on.
    fn http2_up_lost(&mut self, key: Key, id: u32, request: Key, reset: Reset) {
        let priority =
            self.streams.get(request).and_then(|it| it.router.as_ref()).map_or(0, |it| it.priority);
        self.release(key, Link::Http2(key, id), priority);
        if reset == Reset::Protocol {
            self.up_reset_stream(key, id, Code::ProtocolError);
        }
        if let Some(cluster) = self.ups.get(key).map(|it| it.cluster) {
            self.count_stream_reset(cluster, Some(reset));
        }
        self.attempt_failed(request, reset, "");
        self.up_reuse(key);
    }

    fn http2_up_done(&mut self, key: Key, id: u32, request: Key) {
        let attempt =
            self.stream(request).and_then(|it| it.router.as_ref()).and_then(|it| it.attempt.as_ref());
        if !attempt.is_some_and(|it| it.is_sent) {
            self.up_reset_stream(key, id, Code::NoError);
        }
        self.detach(Link::Http2(key, id), request, true);
    }
}
