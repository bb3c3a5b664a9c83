//! Back-pressure: whose bytes are read no more while those they would go to cannot be written.
//!
//! A client or host on HTTP/1 is simply not read; on HTTP/2 its stream's window is not opened again, so that the other
//! streams of its connection go on. Always: what waits for one stream is at most `FULL` and what was on its way.
//! Source: Envoy's documentation "Flow control".

use super::downstream::State;
use super::slab::Key;
use super::stream::{Owner, Stream};
use super::upstream::{Kind, Link};
use super::{ConnId, Proxy};

/// So many bytes may wait for a stream: Envoy's default of `per_connection_buffer_limit_bytes`.
const FULL: usize = 1 << 20;

fn link(stream: &Stream) -> Option<Link> {
    stream.router.as_ref()?.attempt.as_ref().map(|it| it.link)
}

impl Proxy {
    /// Whether more of a request's body would only pile up.
    pub(super) fn is_request_full(&self, key: Key) -> bool {
        let Some(stream) = self.streams.get(key) else { return false };
        match link(stream) {
            None | Some(Link::Pending) => stream.body.len() >= FULL,
            Some(Link::Http1(up)) => self.ups.get(up).is_some_and(|it| it.wire.is_blocked),
            Some(Link::Http2(up, id)) => self.ups.get(up).is_some_and(|it| match &it.kind {
                Kind::Http2 { codec, .. } => it.wire.is_blocked || codec.buffered(id) >= FULL,
                _ => false,
            }),
        }
    }

    fn is_response_full(&self, owner: Owner) -> bool {
        let down = |number: u32| self.downs.get(number as usize)?.as_deref();
        match owner {
            Owner::Http1(number) => down(number).is_some_and(|it| it.wire.is_blocked),
            Owner::Http2(number, id) => down(number).is_some_and(|it| match &it.state {
                State::Http2(http2) => it.wire.is_blocked || http2.codec.buffered(id) >= FULL,
                _ => false,
            }),
            Owner::Shadow => false,
        }
    }

    /// Lets a request's body come, or not, as its way upstream is free or full.
    pub(super) fn gate_request(&mut self, key: Key) {
        let is_full = self.is_request_full(key);
        let Some(stream) = self.stream(key) else { return };
        match stream.owner {
            Owner::Http1(number) => self.set_paused(ConnId::accepted(number), is_full),
            Owner::Http2(number, id) if !is_full => {
                let credit = std::mem::take(&mut stream.request_credit);
                if credit > 0
                    && let Some(State::Http2(it)) = self.down(number).map(|it| &mut it.state)
                {
                    it.codec.release(id, credit);
                    self.http2_flush(number);
                }
            }
            Owner::Http2(..) => {}
            // Nobody waits for a copy: one that cannot be written is given up.
            Owner::Shadow if is_full => self.drop_stream(key),
            Owner::Shadow => {}
        }
    }

    /// Lets a response's body come, or not, as its way to the client is free or full.
    pub(super) fn gate_response(&mut self, key: Key) {
        let Some(stream) = self.streams.get(key) else { return };
        let (is_full, link) = (self.is_response_full(stream.owner), link(stream));
        match link {
            Some(Link::Http1(up)) => self.set_paused(ConnId::opened(up.index), is_full),
            Some(Link::Http2(up, id)) if !is_full => {
                let Some(stream) = self.stream(key) else { return };
                let credit = std::mem::take(&mut stream.response_credit);
                if credit > 0
                    && let Some(Kind::Http2 { codec, .. }) = self.up(up).map(|it| &mut it.kind)
                {
                    codec.release(id, credit);
                    self.http2_up_flush(up);
                }
            }
            _ => {}
        }
    }

    /// The driver holds many bytes of a connection, or few again.
    pub(super) fn set_blocked(&mut self, conn: ConnId, blocked: bool) {
        if let Some(wire) = self.wire(conn) {
            wire.is_blocked = blocked;
        }
        let (number, is_down) = conn.parts();
        if is_down {
            self.down_blocked(number, blocked);
        } else {
            self.up_blocked(number, blocked);
        }
    }

    fn down_blocked(&mut self, number: u32, blocked: bool) {
        let keys: Vec<Key> = match self.down(number).map(|it| &it.state) {
            Some(State::Http1(it)) => it.stream.into_iter().collect(),
            Some(State::Http2(it)) => it.streams.values().copied().collect(),
            Some(State::Tcp(it)) => {
                let upstream = it.upstream();
                return upstream.into_iter().for_each(|it| self.set_paused(it, blocked));
            }
            _ => return,
        };
        if !blocked {
            self.http2_flush(number);
        }
        keys.into_iter().for_each(|key| self.gate_response(key));
    }

    fn up_blocked(&mut self, number: u32, blocked: bool) {
        let Some(up) = self.ups.key_at(number) else { return };
        let keys: Vec<Key> = match self.ups.get(up).map(|it| &it.kind) {
            Some(Kind::Http1 { stream, .. }) => stream.iter().copied().collect(),
            Some(Kind::Http2 { streams, .. }) => streams.values().copied().collect(),
            Some(Kind::Tcp(down)) => {
                let down = ConnId::accepted(*down);
                return self.set_paused(down, blocked);
            }
            Some(Kind::Check(_)) | None => return,
        };
        if !blocked {
            self.http2_up_flush(up);
        }
        keys.into_iter().for_each(|key| self.gate_request(key));
    }
}
