//! HTTP/2 towards clients.

use super::downstream::State;
use super::slab::Key;
use super::stream::Owner;
use super::{ConnId, Proxy, Timer};
use crate::access_log::Flag;
use crate::hcm::Settings;
use crate::http::HeaderMap;
use crate::http2::{self, Code, Codec, Event};
use std::collections::BTreeMap;
use std::rc::Rc;

/// HTTP/2 on a client's connection.
pub(crate) struct Http2Down {
    pub codec: Codec,
    pub streams: BTreeMap<u32, Key>,
    /// Whether the last GOAWAY is out.
    pub is_last: bool,
}

impl Proxy {
    fn down_codec(&mut self, number: u32) -> Option<&mut Codec> {
        match &mut self.down(number)?.state {
            State::Http2(it) => Some(&mut it.codec),
            _ => None,
        }
    }

    pub(super) fn start_http2(&mut self, number: u32, settings: &Rc<Settings>) {
        let options = http2::Settings::new(&settings.http2, &settings.limits);
        let Some(down) = self.down(number) else { return };
        let it = Http2Down { codec: Codec::server(options), streams: BTreeMap::new(), is_last: false };
        down.state = State::Http2(Box::new(it));
        self.stats.inc(settings.stats.downstream_cx_http2_total);
        self.stats.inc(settings.stats.downstream_cx_http2_active);
        self.http2_flush(number);
    }

    /// What the codec has to say goes out. While the driver holds too much it stays where it is counted.
    pub(super) fn http2_flush(&mut self, number: u32) {
        let Some(down) = self.down(number) else { return };
        if let State::Http2(it) = &mut down.state
            && (!down.wire.is_blocked || it.codec.has_failed())
        {
            it.codec.take_output(&mut down.wire.out);
            self.touch(ConnId::accepted(number));
        }
    }

    pub(super) fn down_http2(&mut self, number: u32, bytes: &[u8]) {
        let Some(codec) = self.down_codec(number) else { return };
        let result = codec.receive(bytes);
        while let Some(event) = self.down_codec(number).and_then(Codec::poll) {
            self.down_http2_event(number, event);
        }
        self.http2_flush(number);
        if result.is_err() {
            if let Some(settings) = self.down(number).and_then(|it| it.settings().cloned()) {
                self.stats.inc(settings.stats.downstream_cx_protocol_error);
            }
            self.note_protocol_error(number);
            self.streams_of_down_gone(number, "http2.violation.of.messaging.rule");
            self.close_down(number);
        }
    }

    fn http2_stream(&mut self, number: u32, id: u32) -> Option<Key> {
        match &self.down(number)?.state {
            State::Http2(it) => it.streams.get(&id).copied(),
            _ => None,
        }
    }

    fn down_http2_event(&mut self, number: u32, event: Event) {
        match event {
            Event::Headers { stream, headers, end } => {
                let Some(key) = self.new_stream(Owner::Http2(number, stream), headers, Some("HTTP/2")) else {
                    return;
                };
                if let Some(State::Http2(it)) = self.down(number).map(|it| &mut it.state) {
                    it.streams.insert(stream, key);
                }
                self.request_headers(key, end);
            }
            Event::Data { stream, bytes, end } => {
                let found = self.http2_stream(number, stream).and_then(|key| Some((key, self.stream(key)?)));
                let Some((key, it)) = found else {
                    if let Some(codec) = self.down_codec(number) {
                        codec.release(stream, bytes.len() as u32);
                    }
                    return;
                };
                it.request_credit += bytes.len() as u32;
                if !bytes.is_empty() {
                    self.request_data(key, &bytes, false);
                }
                if end {
                    self.request_end(key, None);
                }
            }
            Event::Trailers { stream, headers } => {
                if let Some(key) = self.http2_stream(number, stream) {
                    self.request_end(key, Some(headers));
                }
            }
            Event::Reset { stream, code, details } => {
                self.http2_stream_gone(number, stream, code, details);
            }
            Event::WindowOpen { stream } => {
                if let Some(key) = self.http2_stream(number, stream) {
                    self.gate_response(key);
                }
            }
            Event::GoAway { .. } => {}
        }
    }

    /// The client reset a stream, or what it sent there cannot be taken; then it may not have become a request yet.
    fn http2_stream_gone(&mut self, number: u32, id: u32, code: u32, details: &'static str) {
        let is_ours = details != "http2.remote_reset";
        let known = self.http2_stream(number, id);
        let key = match known {
            None if is_ours => self.new_stream(Owner::Http2(number, id), HeaderMap::new(), Some("HTTP/2")),
            other => other,
        };
        let Some(key) = key else { return };
        if let Some(State::Http2(it)) = self.down(number).map(|it| &mut it.state) {
            it.streams.remove(&id);
        }
        let Some(stream) = self.stream(key) else { return };
        stream.info.flags.set(match (is_ours, code == Code::ProtocolError as u32) {
            (true, true) => Flag::DownstreamProtocolError,
            (true, false) => Flag::DownstreamRemoteReset,
            (false, _) => Flag::DownstreamConnectionTermination,
        });
        stream.info.details = if known.is_some() { "http2.remote_reset" } else { details }.into();
        let stats = stream.settings.stats;
        self.stats.inc(stats.downstream_rq_rx_reset);
        self.drop_stream(key);
        self.http2_maybe_idle(number);
    }

    pub(super) fn http2_headers(&mut self, number: u32, id: u32, headers: &HeaderMap, is_end: bool) {
        if let Some(codec) = self.down_codec(number) {
            codec.send_headers(id, headers, is_end);
        }
        self.http2_flush(number);
    }

    pub(super) fn http2_send_data(&mut self, number: u32, id: u32, data: &[u8], is_end: bool) {
        if let Some(codec) = self.down_codec(number) {
            codec.send_data(id, data, is_end);
        }
        self.http2_flush(number);
    }

    pub(super) fn http2_send_trailers(&mut self, number: u32, id: u32, trailers: &HeaderMap) {
        if let Some(codec) = self.down_codec(number) {
            codec.send_trailers(id, trailers);
        }
        self.http2_flush(number);
    }

    pub(super) fn http2_reset(&mut self, number: u32, id: u32, code: Code) {
        if let Some(codec) = self.down_codec(number) {
            codec.reset(id, code);
        }
        self.http2_flush(number);
        self.http2_stream_done(number, id, true);
    }

    pub(super) fn http2_stream_done(&mut self, number: u32, id: u32, was_whole: bool) {
        if !was_whole && let Some(codec) = self.down_codec(number) {
            codec.reset(id, Code::NoError);
        }
        if let Some(State::Http2(it)) = self.down(number).map(|it| &mut it.state) {
            it.streams.remove(&id);
        }
        self.http2_flush(number);
        self.http2_maybe_idle(number);
    }

    fn http2_maybe_idle(&mut self, number: u32) {
        let Some(State::Http2(it)) = self.down(number).map(|it| &it.state) else { return };
        if !it.streams.is_empty() {
            return;
        }
        if it.is_last {
            self.close_down(number);
        } else {
            self.set_down_idle(number);
        }
    }

    /// Tells the client to go elsewhere: now with a notice, and for good after the drain time.
    pub(super) fn drain_http2(&mut self, number: u32) {
        let Some(down) = self.down(number) else { return };
        if std::mem::replace(&mut down.is_draining, true) {
            return;
        }
        let wait = down.settings().map_or(0, |it| it.times.drain);
        if let Some(codec) = self.down_codec(number) {
            codec.shutdown_notice();
        }
        self.http2_flush(number);
        let timer = Some(self.timers.set(self.now + wait, Timer::DownDrain(number)));
        if let Some(down) = self.down(number) {
            down.drain = timer;
        }
    }

    pub(super) fn http2_drained(&mut self, number: u32) {
        if let Some(codec) = self.down_codec(number) {
            codec.goaway(Code::NoError);
        }
        self.http2_flush(number);
        let Some(State::Http2(it)) = self.down(number).map(|it| &mut it.state) else { return };
        it.is_last = true;
        if it.streams.is_empty() {
            self.close_down(number);
        }
    }
}
