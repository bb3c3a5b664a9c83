//! HTTP/2 without sockets: bytes in, events out; headers and bodies in, bytes out. Both sides.
//!
//! The connection manager and the upstream pools hold one `Codec` per connection: `receive` what came, `poll` until
//! there is no more, `take_output` what must go.
//! Always: memory is bounded by the announced windows, the header limits and the caps below; a peer that floods with
//! control frames, empty frames, continuations or resets is told to calm down and closed.
//! Differs from Envoy: no CONNECT-UDP, no METADATA frames, no push; priorities are read and not heeded.
//! Sources: RFC 9113; Envoy `http2/codec_impl.cc`, `protocol_constraints.cc`, `conn_manager_impl.cc`.

mod frame;
mod hpack;
mod huffman;
mod message;
mod receive;
mod stream;
#[cfg(test)]
mod tests;

pub use self::frame::Code;

use self::frame::{Kind, MAX_31};
use self::message::Limits;
use self::stream::Stream;
use crate::config::protocol::Http2ProtocolOptions;
use crate::http::headers::HeaderMap;
use crate::http1::{self, head::Underscores};
use std::collections::{BTreeMap, VecDeque};

/// What we announce, and what we allow a peer.
#[derive(Debug, Clone)]
pub struct Settings {
    pub table_size: u32,
    pub max_concurrent_streams: u32,
    pub stream_window: u32,
    pub connection_window: u32,
    /// Limits of a header list.
    pub max_header_bytes: usize,
    pub max_header_fields: usize,
    /// What becomes of names with underscores.
    pub underscores: Underscores,
    pub allow_connect: bool,
    /// A malformed message resets its stream only, not the connection.
    pub stream_error_on_invalid: bool,
    pub max_control_frames: u32,
    pub max_empty_frames: u32,
    pub max_priority_frames: u32,
    pub max_window_updates: u32,
}

impl Settings {
    /// Envoy's defaults where nothing is configured.
    pub fn new(config: &Http2ProtocolOptions, limits: &http1::Limits) -> Settings {
        Settings {
            table_size: config.hpack_table_size.unwrap_or(4096),
            max_concurrent_streams: config.max_concurrent_streams.unwrap_or(1024),
            stream_window: config.initial_stream_window_size.unwrap_or(16 << 20),
            connection_window: config.initial_connection_window_size.unwrap_or(24 << 20),
            max_header_bytes: limits.head_bytes,
            max_header_fields: limits.fields,
            underscores: limits.underscores,
            allow_connect: config.allow_connect,
            stream_error_on_invalid: config
                .override_stream_error_on_invalid_http_message
                .unwrap_or(config.stream_error_on_invalid_http_messaging),
            max_control_frames: config.max_outbound_control_frames.unwrap_or(1000),
            max_empty_frames: config.max_consecutive_inbound_frames_with_empty_payload.unwrap_or(1),
            max_priority_frames: config.max_inbound_priority_frames_per_stream.unwrap_or(100),
            max_window_updates: config.max_inbound_window_update_frames_per_data_frame_sent.unwrap_or(10),
        }
    }
}

/// What happened on a connection.
#[derive(Debug)]
pub enum Event {
    /// A request's or a response's headers; an interim response (1xx) comes first, as often as it likes.
    Headers {
        stream: u32,
        headers: HeaderMap,
        end: bool,
    },
    Data {
        stream: u32,
        bytes: Vec<u8>,
        end: bool,
    },
    /// The end, after a body.
    Trailers {
        stream: u32,
        headers: HeaderMap,
    },
    /// The stream is gone: the peer reset it, or we did because of what it sent (then `details` say why).
    Reset {
        stream: u32,
        code: u32,
        details: &'static str,
    },
    /// The peer takes no stream beyond `last`.
    GoAway {
        last: u32,
        code: u32,
    },
    /// There is room again for a stream that has bytes waiting, and they went.
    WindowOpen {
        stream: u32,
    },
}

/// Why a connection ends: the code of the GOAWAY that is still to be taken, and Envoy's details.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionError {
    pub code: Code,
    pub details: &'static str,
}

/// One connection.
#[derive(Debug)]
pub struct Codec {
    settings: Settings,
    is_server: bool,
    streams: BTreeMap<u32, Stream>,
    encoder: hpack::Encoder,
    decoder: hpack::Decoder,
    input: Vec<u8>,
    output: Vec<u8>,
    events: VecDeque<Event>,
    /// A client's preface is still to come.
    expects_preface: bool,
    settings_seen: bool,
    block: Option<receive::OpenBlock>,
    send_window: i64,
    receive_window: i64,
    credit: u32,
    peer_window: i64,
    peer_frame: usize,
    peer_streams: u32,
    /// The highest stream that the peer opened, and the next that we open.
    last_peer: u32,
    next_own: u32,
    counts: receive::Counts,
    peer_goaway: Option<u32>,
    own_goaway: Option<u32>,
    failed: Option<ConnectionError>,
}

impl Codec {
    pub fn server(settings: Settings) -> Codec {
        Codec::new(settings, true)
    }

    pub fn client(settings: Settings) -> Codec {
        Codec::new(settings, false)
    }

    fn new(settings: Settings, is_server: bool) -> Codec {
        let mut codec = Codec {
            decoder: hpack::Decoder::new(settings.table_size as usize),
            encoder: hpack::Encoder::new(),
            receive_window: settings.connection_window.into(),
            is_server,
            streams: BTreeMap::new(),
            input: Vec::new(),
            output: Vec::new(),
            events: VecDeque::new(),
            expects_preface: is_server,
            settings_seen: false,
            block: None,
            send_window: 65_535,
            credit: 0,
            peer_window: 65_535,
            peer_frame: frame::LARGEST,
            peer_streams: if is_server { MAX_31 } else { settings.max_concurrent_streams },
            last_peer: 0,
            next_own: if is_server { 2 } else { 1 },
            counts: receive::Counts::default(),
            peer_goaway: None,
            own_goaway: None,
            failed: None,
            settings,
        };
        codec.greet();
        codec
    }

    fn greet(&mut self) {
        if !self.is_server {
            self.output.extend_from_slice(frame::PREFACE);
        }
        let ours = &self.settings;
        let mut payload = Vec::new();
        let mut put = |id: u16, value: u32| {
            payload.extend_from_slice(&id.to_be_bytes());
            payload.extend_from_slice(&value.to_be_bytes());
        };
        if ours.table_size != 4096 {
            put(1, ours.table_size);
        }
        if !self.is_server {
            put(2, 0);
        }
        put(3, ours.max_concurrent_streams);
        put(4, ours.stream_window);
        if self.is_server && ours.allow_connect {
            put(8, 1);
        }
        frame::put(&mut self.output, Kind::Settings, 0, 0, &payload);
        let more = ours.connection_window.saturating_sub(65_535);
        if more > 0 {
            frame::put(&mut self.output, Kind::WindowUpdate, 0, 0, &more.to_be_bytes());
        }
    }

    /// The next thing that happened.
    pub fn poll(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Moves what must be sent; call it when the transport can take bytes, for what waits here is counted.
    pub fn take_output(&mut self, wire: &mut Vec<u8>) {
        wire.append(&mut self.output);
        self.counts.control_queued = 0;
    }

    /// Opens a stream, unless the peer takes no more (limit, GOAWAY).
    pub fn open(&mut self) -> Option<u32> {
        let full = self.streams.len() as u64 >= u64::from(self.peer_streams);
        if full || self.peer_goaway.is_some() || self.failed.is_some() || self.next_own > MAX_31 {
            return None;
        }
        let id = self.next_own;
        self.next_own += 2;
        self.streams.insert(id, Stream::new(self.peer_window, self.settings.stream_window.into()));
        Some(id)
    }

    /// How many streams are open.
    pub fn active(&self) -> usize {
        self.streams.len()
    }

    /// Sends headers; pseudo-headers go first, wherever they stand. Nothing happens on a stream that is gone.
    pub fn send_headers(&mut self, stream: u32, headers: &HeaderMap, end: bool) {
        let Some(it) = self.streams.get_mut(&stream).filter(|it| !it.local_ended) else { return };
        it.headers_sent = true;
        it.local_ended = end;
        self.put_block(stream, headers, end);
        self.finish(stream);
    }

    /// Sends headers that end the stream, behind what still waits of the body.
    pub fn send_trailers(&mut self, stream: u32, headers: &HeaderMap) {
        if let Some(it) = self.streams.get_mut(&stream) {
            it.trailers = Some(headers.clone());
        }
        self.pump(stream);
    }

    fn put_block(&mut self, stream: u32, headers: &HeaderMap, end: bool) {
        let mut block = Vec::new();
        self.encoder.begin(&mut block);
        let is_pseudo = |name: &[u8]| name.first() == Some(&b':');
        for (name, value) in headers.iter().filter(|it| is_pseudo(it.0)) {
            self.encoder.field(&mut block, name, value);
        }
        for (name, value) in headers.iter().filter(|it| !is_pseudo(it.0)) {
            self.encoder.field(&mut block, name, value);
        }
        let mut parts = block.chunks(self.peer_frame).peekable();
        let first = parts.next().unwrap_or_default();
        let last = |more: bool| if more { 0 } else { frame::END_HEADERS };
        let flags = if end { frame::END_STREAM } else { 0 };
        frame::put(&mut self.output, Kind::Headers, flags | last(parts.peek().is_some()), stream, first);
        while let Some(part) = parts.next() {
            frame::put(&mut self.output, Kind::Continuation, last(parts.peek().is_some()), stream, part);
        }
    }

    /// Sends a piece of a body; what the windows do not let through waits here (`buffered`).
    pub fn send_data(&mut self, stream: u32, bytes: &[u8], end: bool) {
        if let Some(it) = self.streams.get_mut(&stream).filter(|it| !it.local_ended) {
            it.queue(bytes, end);
        }
        self.pump(stream);
    }

    /// How many bytes of a stream wait for room.
    pub fn buffered(&self, stream: u32) -> usize {
        self.streams.get(&stream).map_or(0, Stream::buffered)
    }

    /// Puts what the windows allow of one stream.
    fn pump(&mut self, id: u32) {
        let Some(stream) = self.streams.get_mut(&id) else { return };
        while stream.put_data(id, &mut self.send_window, self.peer_frame, &mut self.output) {
            self.counts.data_frames += 1;
        }
        if stream.wants_trailers() {
            stream.local_ended = true;
            if let Some(trailers) = stream.trailers.take() {
                self.put_block(id, &trailers, true);
            }
        }
        self.finish(id);
    }

    /// Puts one frame of each stream that waits, again and again, so that none starves the others.
    fn pump_all(&mut self) {
        let waiting: Vec<u32> = self.streams.iter().filter(|it| it.1.has_work()).map(|it| *it.0).collect();
        let mut put = !waiting.is_empty();
        while put {
            put = false;
            for id in &waiting {
                let Some(stream) = self.streams.get_mut(id) else { continue };
                if stream.put_data(*id, &mut self.send_window, self.peer_frame, &mut self.output) {
                    self.counts.data_frames += 1;
                    put = true;
                }
            }
        }
        for id in waiting {
            self.pump(id);
            if self.buffered(id) == 0 {
                self.events.push_back(Event::WindowOpen { stream: id });
            }
        }
    }

    /// Forgets a stream that both sides have ended.
    fn finish(&mut self, id: u32) {
        if self.streams.get(&id).is_some_and(Stream::is_done) {
            self.drop_stream(id);
        }
    }

    fn drop_stream(&mut self, id: u32) {
        if let Some(stream) = self.streams.remove(&id) {
            self.counts.closed += 1;
            self.credit += stream.credit;
            self.credit_connection();
        }
    }

    /// Ends a stream at once.
    pub fn reset(&mut self, stream: u32, code: Code) {
        if self.streams.contains_key(&stream) {
            self.put_reset(stream, code);
            self.drop_stream(stream);
        }
    }

    fn put_reset(&mut self, stream: u32, code: Code) {
        frame::put(&mut self.output, Kind::RstStream, 0, stream, &(code as u32).to_be_bytes());
    }

    /// Tells the peer to open no more streams, while those under way go on: first without a limit, so that none that it
    /// is just opening is lost (`goaway` follows).
    pub fn shutdown_notice(&mut self) {
        self.put_goaway(MAX_31, Code::NoError);
    }

    /// Tells the peer which stream was the last that is served.
    pub fn goaway(&mut self, code: Code) {
        self.own_goaway = Some(self.last_peer);
        self.put_goaway(self.last_peer, code);
    }

    fn put_goaway(&mut self, last: u32, code: Code) {
        let mut payload = last.to_be_bytes().to_vec();
        payload.extend_from_slice(&(code as u32).to_be_bytes());
        frame::put(&mut self.output, Kind::Goaway, 0, 0, &payload);
    }

    /// Whether the connection was ended for what the peer sent.
    pub fn has_failed(&self) -> bool {
        self.failed.is_some()
    }

    /// Whether the peer takes no more streams.
    pub fn is_going_away(&self) -> bool {
        self.peer_goaway.is_some() || self.failed.is_some()
    }

    /// Says that `length` bytes of a stream's body were used, so that the peer may send as many more.
    pub fn release(&mut self, stream: u32, length: u32) {
        if let Some(it) = self.streams.get_mut(&stream) {
            let length = length.min(it.credit);
            it.credit -= length;
            self.credit += length;
            let used = i64::from(self.settings.stream_window) - it.receive_window - i64::from(it.credit);
            // Half a window at a time keeps updates few.
            if !it.remote_ended && used >= i64::from(self.settings.stream_window / 2) {
                it.receive_window += used;
                frame::put(&mut self.output, Kind::WindowUpdate, 0, stream, &(used as u32).to_be_bytes());
            }
        }
        self.credit_connection();
    }

    fn credit_connection(&mut self) {
        if self.credit >= self.settings.connection_window / 2 {
            let more = std::mem::take(&mut self.credit);
            self.receive_window += i64::from(more);
            frame::put(&mut self.output, Kind::WindowUpdate, 0, 0, &more.to_be_bytes());
        }
    }

    fn limits(&self) -> Limits {
        Limits {
            bytes: self.settings.max_header_bytes,
            fields: self.settings.max_header_fields,
            underscores: self.settings.underscores,
        }
    }
}
