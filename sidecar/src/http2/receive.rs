//! What a peer sends, frame by frame, and what it may not send.
//!
//! Sources: RFC 9113 §5, §6; Envoy `protocol_constraints.cc` (floods), `conn_manager_impl.cc` (premature resets).

use super::frame::{self, Code, Header, Kind, MAX_31};
use super::message::{self, Block, Shape, VIOLATION};
use super::stream::Stream;
use super::{Codec, ConnectionError, Event};

/// A header block whose end has not come.
#[derive(Debug)]
pub struct OpenBlock {
    stream: u32,
    end: bool,
    bytes: Vec<u8>,
    frames: u32,
}

/// What is counted against floods.
#[derive(Debug, Default)]
pub struct Counts {
    pub control_queued: u32,
    pub data_frames: u64,
    pub closed: u64,
    opened: u64,
    empty: u32,
    priority: u64,
    window_updates: u64,
    premature: u64,
}

/// Continuations beyond those that the largest header list needs.
const SPARE_CONTINUATIONS: u32 = 8;
/// Requests that a client may reset before they are answered, in number and then in proportion.
const PREMATURE_RESETS: u64 = 500;

impl Codec {
    /// Takes bytes from the wire. After an error nothing more is read; the GOAWAY is in the output.
    pub fn receive(&mut self, wire: &[u8]) -> Result<(), ConnectionError> {
        if let Some(failed) = self.failed {
            return Err(failed);
        }
        let mut input = std::mem::take(&mut self.input);
        input.extend_from_slice(wire);
        let mut at = 0;
        let outcome = loop {
            match self.step(&input[at..]) {
                Ok(0) => break Ok(()),
                Ok(used) => at += used,
                Err(error) => break Err(error),
            }
        };
        input.drain(..at);
        self.input = input;
        if let Err(error) = outcome {
            self.failed = Some(error);
            self.goaway(error.code);
        }
        outcome
    }

    /// Takes one frame; how many bytes it had, nought if it is not whole.
    fn step(&mut self, input: &[u8]) -> Result<usize, ConnectionError> {
        if self.expects_preface {
            let length = input.len().min(frame::PREFACE.len());
            if input[..length] != frame::PREFACE[..length] {
                return Err(error(Code::ProtocolError, "http2.bad_preface"));
            }
            if length == frame::PREFACE.len() {
                self.expects_preface = false;
                return Ok(length);
            }
            return Ok(0);
        }
        let Some(header) = Header::read(input) else { return Ok(0) };
        if header.length > frame::LARGEST {
            return Err(error(Code::FrameSizeError, "http2.frame_too_large"));
        }
        let Some(payload) = input.get(frame::HEADER..frame::HEADER + header.length) else { return Ok(0) };
        self.frame(&header, payload)?;
        Ok(frame::HEADER + header.length)
    }

    fn frame(&mut self, header: &Header, payload: &[u8]) -> Result<(), ConnectionError> {
        if !self.settings_seen && header.kind != Kind::Settings {
            return Err(error(Code::ProtocolError, "http2.settings_missing"));
        }
        if self
            .block
            .as_ref()
            .is_some_and(|it| header.kind != Kind::Continuation || it.stream != header.stream)
        {
            return Err(error(Code::ProtocolError, "http2.continuation_missing"));
        }
        let on_connection = matches!(header.kind, Kind::Settings | Kind::Ping | Kind::Goaway);
        let on_stream = !matches!(header.kind, Kind::WindowUpdate | Kind::Other) && !on_connection;
        if (on_connection && header.stream != 0) || (on_stream && header.stream == 0) {
            return Err(error(Code::ProtocolError, "http2.bad_stream_id"));
        }
        match header.kind {
            Kind::Data => self.data(header, payload),
            Kind::Headers => self.headers(header, payload),
            Kind::Continuation => self.continuation(header, payload),
            Kind::Priority => self.priority(payload),
            Kind::RstStream => self.rst_stream(header, payload),
            Kind::Settings => self.settings_frame(header, payload),
            Kind::PushPromise => Err(error(Code::ProtocolError, "http2.unexpected_push")),
            Kind::Ping => self.ping(header, payload),
            Kind::Goaway => self.peer_leaves(payload),
            Kind::WindowUpdate => self.window_update(header, payload),
            Kind::Other => Ok(()),
        }
    }

    fn is_idle(&self, stream: u32) -> bool {
        let theirs = (stream % 2 == 1) == self.is_server;
        if theirs { stream > self.last_peer } else { stream >= self.next_own }
    }

    fn data(&mut self, header: &Header, payload: &[u8]) -> Result<(), ConnectionError> {
        let body = unpad(header, payload)?;
        let end = header.has(frame::END_STREAM);
        if body.is_empty() && !end {
            self.empty_frame()?;
        } else {
            self.counts.empty = 0;
        }
        if self.is_idle(header.stream) {
            return Err(error(Code::ProtocolError, "http2.data_on_idle_stream"));
        }
        let length = payload.len() as u32;
        self.receive_window -= i64::from(length);
        if self.receive_window < 0 {
            return Err(error(Code::FlowControlError, "http2.connection_window_exceeded"));
        }
        let Some(stream) = self.streams.get_mut(&header.stream).filter(|it| !it.remote_ended) else {
            // Sent before the peer knew that the stream was gone.
            self.credit += length;
            self.credit_connection();
            return Ok(());
        };
        stream.receive_window -= i64::from(length);
        // The padding is used as soon as it is read.
        let padding = length - body.len() as u32;
        stream.credit += length;
        stream.received += body.len() as u64;
        let excess = stream.announced.is_some_and(|it| stream.received > it || (end && stream.received < it));
        if !stream.headers_seen {
            return Err(error(Code::ProtocolError, "http2.data_before_headers"));
        }
        if stream.receive_window < 0 {
            self.fail_stream(header.stream, Code::FlowControlError, "http2.stream_window_exceeded");
            return Ok(());
        }
        if excess {
            self.fail_stream(header.stream, Code::ProtocolError, VIOLATION);
            return Ok(());
        }
        stream.remote_ended = end;
        self.events.push_back(Event::Data { stream: header.stream, bytes: body.to_vec(), end });
        if padding > 0 {
            self.release(header.stream, padding);
        }
        self.finish(header.stream);
        Ok(())
    }

    fn empty_frame(&mut self) -> Result<(), ConnectionError> {
        self.counts.empty += 1;
        if self.counts.empty > self.settings.max_empty_frames {
            return Err(error(Code::EnhanceYourCalm, "http2.inbound_empty_frames_flood"));
        }
        Ok(())
    }

    fn headers(&mut self, header: &Header, payload: &[u8]) -> Result<(), ConnectionError> {
        let mut fragment = unpad(header, payload)?;
        if header.has(frame::PRIORITY) {
            fragment = fragment.get(5..).ok_or(error(Code::FrameSizeError, "http2.headers_too_short"))?;
        }
        let known = self.streams.contains_key(&header.stream);
        if !known && self.is_idle(header.stream) {
            if !self.is_server || header.stream.is_multiple_of(2) {
                return Err(error(Code::ProtocolError, "http2.bad_stream_id"));
            }
            self.last_peer = header.stream;
            self.counts.opened += 1;
            let too_many = self.streams.len() as u64 >= u64::from(self.settings.max_concurrent_streams);
            if too_many || self.own_goaway.is_some() {
                self.put_reset(header.stream, Code::RefusedStream);
                self.control_queued()?;
            } else {
                let stream = Stream::new(self.peer_window, self.settings.stream_window.into());
                self.streams.insert(header.stream, stream);
            }
        }
        let end = header.has(frame::END_STREAM);
        if fragment.is_empty() && !end {
            self.empty_frame()?;
        }
        let block = OpenBlock { stream: header.stream, end, bytes: fragment.to_vec(), frames: 0 };
        self.take_block(block, header.has(frame::END_HEADERS))
    }

    fn continuation(&mut self, header: &Header, payload: &[u8]) -> Result<(), ConnectionError> {
        let Some(mut block) = self.block.take() else {
            return Err(error(Code::ProtocolError, "http2.unexpected_continuation"));
        };
        block.frames += 1;
        block.bytes.extend_from_slice(payload);
        let most = self.settings.max_header_bytes;
        let frames = (most / frame::LARGEST) as u32 + SPARE_CONTINUATIONS;
        // Coded at its worst a field takes more than its bytes, but not twice as many.
        if block.frames > frames || block.bytes.len() > most.saturating_mul(2) {
            return Err(error(Code::EnhanceYourCalm, "http2.too_many_continuations"));
        }
        if payload.is_empty() {
            self.empty_frame()?;
        }
        self.take_block(block, header.has(frame::END_HEADERS))
    }

    fn take_block(&mut self, block: OpenBlock, whole: bool) -> Result<(), ConnectionError> {
        if !whole {
            self.block = Some(block);
            return Ok(());
        }
        let limits = self.limits();
        let stream = self.streams.get(&block.stream);
        let shape = match stream {
            Some(it) if it.headers_seen => Shape::Trailers,
            _ if self.is_server => Shape::Request,
            _ => Shape::Response,
        };
        let ended = stream.is_none_or(|it| it.remote_ended);
        // The tables must stay alike, also when the stream is gone.
        let read = message::read(&mut self.decoder, &block.bytes, shape, limits)
            .map_err(|_| error(Code::CompressionError, "http2.hpack_error"))?;
        if ended {
            return Ok(());
        }
        match read {
            Block::Malformed(details) => self.malformed(block.stream, details),
            Block::Refused(details) => {
                self.fail_stream(block.stream, Code::InternalError, details);
                Ok(())
            }
            Block::Whole(_) if shape == Shape::Trailers && !block.end => {
                self.malformed(block.stream, VIOLATION)
            }
            Block::Whole(map) => self.message(block.stream, map, shape, block.end),
        }
    }

    fn message(
        &mut self,
        id: u32,
        headers: crate::http::headers::HeaderMap,
        shape: Shape,
        end: bool,
    ) -> Result<(), ConnectionError> {
        let Some(stream) = self.streams.get_mut(&id) else { return Ok(()) };
        if shape == Shape::Trailers {
            if stream.announced.is_some_and(|it| it != stream.received) {
                return self.malformed(id, VIOLATION);
            }
            stream.remote_ended = true;
            self.events.push_back(Event::Trailers { stream: id, headers });
            self.finish(id);
            return Ok(());
        }
        let interim = headers.get(":status").is_some_and(|it| it.starts_with(b"1"));
        if interim && end {
            return self.malformed(id, VIOLATION);
        }
        if !interim {
            let Ok(announced) = message::content_length(&headers) else {
                return self.malformed(id, VIOLATION);
            };
            stream.headers_seen = true;
            // An answer to HEAD announces what it does not send.
            stream.announced = announced.filter(|_| !(end && shape == Shape::Response));
            if end && stream.announced.is_some_and(|it| it > 0) {
                return self.malformed(id, VIOLATION);
            }
        }
        stream.remote_ended = end;
        self.events.push_back(Event::Headers { stream: id, headers, end });
        self.finish(id);
        Ok(())
    }

    /// A message against the rules: the end of the stream, or of the connection.
    fn malformed(&mut self, stream: u32, details: &'static str) -> Result<(), ConnectionError> {
        if self.settings.stream_error_on_invalid {
            self.fail_stream(stream, Code::ProtocolError, details);
            return Ok(());
        }
        self.drop_stream(stream);
        self.events.push_back(Event::Reset { stream, code: Code::ProtocolError as u32, details });
        Err(error(Code::ProtocolError, details))
    }

    fn fail_stream(&mut self, stream: u32, code: Code, details: &'static str) {
        self.reset(stream, code);
        self.events.push_back(Event::Reset { stream, code: code as u32, details });
    }

    fn priority(&mut self, payload: &[u8]) -> Result<(), ConnectionError> {
        if payload.len() != 5 {
            return Err(error(Code::FrameSizeError, "http2.bad_priority"));
        }
        self.counts.priority += 1;
        if self.counts.priority > u64::from(self.settings.max_priority_frames) * (1 + self.counts.opened) {
            return Err(error(Code::EnhanceYourCalm, "http2.inbound_priority_frames_flood"));
        }
        Ok(())
    }

    fn rst_stream(&mut self, header: &Header, payload: &[u8]) -> Result<(), ConnectionError> {
        if payload.len() != 4 {
            return Err(error(Code::FrameSizeError, "http2.bad_rst_stream"));
        }
        if self.is_idle(header.stream) {
            return Err(error(Code::ProtocolError, "http2.rst_on_idle_stream"));
        }
        let Some(stream) = self.streams.get(&header.stream) else { return Ok(()) };
        let premature = self.is_server && !stream.headers_sent;
        self.drop_stream(header.stream);
        let code = frame::number(payload);
        self.events.push_back(Event::Reset { stream: header.stream, code, details: "http2.remote_reset" });
        self.counts.premature += u64::from(premature);
        let (resets, closed) = (self.counts.premature, self.counts.closed);
        if resets >= PREMATURE_RESETS || (closed >= PREMATURE_RESETS && resets * 2 > closed) {
            return Err(error(Code::EnhanceYourCalm, "http2.too_many_premature_resets"));
        }
        Ok(())
    }

    fn settings_frame(&mut self, header: &Header, payload: &[u8]) -> Result<(), ConnectionError> {
        if header.has(frame::ACK) {
            return if payload.is_empty() {
                Ok(())
            } else {
                Err(error(Code::FrameSizeError, "http2.bad_settings"))
            };
        }
        if !payload.len().is_multiple_of(6) {
            return Err(error(Code::FrameSizeError, "http2.bad_settings"));
        }
        self.settings_seen = true;
        for pair in payload.chunks_exact(6) {
            let value = frame::number(&pair[2..]);
            match u16::from_be_bytes([pair[0], pair[1]]) {
                1 => self.encoder.allow(value as usize),
                2 if value > 1 => return Err(error(Code::ProtocolError, "http2.bad_settings")),
                3 if !self.is_server => self.peer_streams = value.min(self.settings.max_concurrent_streams),
                4 => self.resize_windows(value)?,
                5 if !(frame::LARGEST as u32..=0xff_ffff).contains(&value) => {
                    return Err(error(Code::ProtocolError, "http2.bad_settings"));
                }
                // Larger frames than the least that all take would gain nothing.
                _ => {}
            }
        }
        frame::put(&mut self.output, Kind::Settings, frame::ACK, 0, &[]);
        self.control_queued()?;
        self.pump_all();
        Ok(())
    }

    fn resize_windows(&mut self, window: u32) -> Result<(), ConnectionError> {
        if window > MAX_31 {
            return Err(error(Code::FlowControlError, "http2.bad_settings"));
        }
        let change = i64::from(window) - self.peer_window;
        self.peer_window = window.into();
        for stream in self.streams.values_mut() {
            stream.send_window += change;
            if stream.send_window > i64::from(MAX_31) {
                return Err(error(Code::FlowControlError, "http2.window_overflow"));
            }
        }
        Ok(())
    }

    fn ping(&mut self, header: &Header, payload: &[u8]) -> Result<(), ConnectionError> {
        if payload.len() != 8 {
            return Err(error(Code::FrameSizeError, "http2.bad_ping"));
        }
        if header.has(frame::ACK) {
            return Ok(());
        }
        frame::put(&mut self.output, Kind::Ping, frame::ACK, 0, payload);
        self.control_queued()
    }

    /// Answers that a peer provokes and does not read may not pile up.
    fn control_queued(&mut self) -> Result<(), ConnectionError> {
        self.counts.control_queued += 1;
        if self.counts.control_queued > self.settings.max_control_frames {
            return Err(error(Code::EnhanceYourCalm, "http2.outbound_control_frames_flood"));
        }
        Ok(())
    }

    fn peer_leaves(&mut self, payload: &[u8]) -> Result<(), ConnectionError> {
        if payload.len() < 8 {
            return Err(error(Code::FrameSizeError, "http2.bad_goaway"));
        }
        let (last, code) = (frame::number(payload) & MAX_31, frame::number(&payload[4..]));
        self.peer_goaway = Some(last);
        let own = u32::from(!self.is_server);
        let lost: Vec<u32> = self.streams.keys().copied().filter(|it| *it > last && it % 2 == own).collect();
        for stream in lost {
            self.drop_stream(stream);
            let code = Code::RefusedStream as u32;
            self.events.push_back(Event::Reset { stream, code, details: "http2.goaway" });
        }
        self.events.push_back(Event::GoAway { last, code });
        Ok(())
    }

    fn window_update(&mut self, header: &Header, payload: &[u8]) -> Result<(), ConnectionError> {
        if payload.len() != 4 {
            return Err(error(Code::FrameSizeError, "http2.bad_window_update"));
        }
        self.counts.window_updates += 1;
        let per_frame = u64::from(self.settings.max_window_updates) * self.counts.data_frames;
        if self.counts.window_updates
            > 5 + 2 * (self.counts.opened + u64::from(self.next_own / 2) + per_frame)
        {
            return Err(error(Code::EnhanceYourCalm, "http2.inbound_window_update_frames_flood"));
        }
        let more = i64::from(frame::number(payload) & MAX_31);
        if header.stream == 0 {
            self.send_window += more;
            if more == 0 || self.send_window > i64::from(MAX_31) {
                return Err(error(Code::FlowControlError, "http2.window_overflow"));
            }
            self.pump_all();
            return Ok(());
        }
        if self.is_idle(header.stream) {
            return Err(error(Code::ProtocolError, "http2.window_update_on_idle_stream"));
        }
        let Some(stream) = self.streams.get_mut(&header.stream) else { return Ok(()) };
        stream.send_window += more;
        if more == 0 || stream.send_window > i64::from(MAX_31) {
            let code = if more == 0 { Code::ProtocolError } else { Code::FlowControlError };
            self.fail_stream(header.stream, code, "http2.window_overflow");
            return Ok(());
        }
        if stream.has_work() {
            self.pump(header.stream);
            if self.buffered(header.stream) == 0 {
                self.events.push_back(Event::WindowOpen { stream: header.stream });
            }
        }
        Ok(())
    }
}

const fn error(code: Code, details: &'static str) -> ConnectionError {
    ConnectionError { code, details }
}

/// The payload without its padding (§6.1).
fn unpad<'p>(header: &Header, payload: &'p [u8]) -> Result<&'p [u8], ConnectionError> {
    if !header.has(frame::PADDED) {
        return Ok(payload);
    }
    let bad = error(Code::ProtocolError, "http2.bad_padding");
    let (length, rest) = payload.split_first().ok_or(bad)?;
    rest.len().checked_sub(usize::from(*length)).map(|it| &rest[..it]).ok_or(bad)
}
