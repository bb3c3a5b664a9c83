//! HTTP/1 towards clients: one request after the other.

use super::downstream::State;
use super::slab::Key;
use super::{ConnId, Proxy, Timer};
use crate::http1::encode::Framing;
use crate::http1::{Decoder, Item, head};

/// So many bytes of further requests are held while one is answered; the client is read no more beyond.
const HELD_LIMIT: usize = 64 * 1024;

/// HTTP/1 on a client's connection.
pub(crate) struct Http1 {
    pub decoder: Decoder,
    /// The request that is read or answered.
    pub stream: Option<Key>,
    /// Bytes of the next ones.
    pub held: Vec<u8>,
    /// Whether the connection ends with the response.
    pub closes: bool,
    /// Whether it ends at once, for the client is waiting for that.
    pub ends_at_once: bool,
    /// How the response's body is written.
    pub framing: Framing,
    /// Whether the connection's end is that of the response's body.
    pub ends_by_close: bool,
}

impl Proxy {
    /// Reads requests, one at a time.
    pub(super) fn down_http1(&mut self, number: u32, bytes: &[u8]) {
        let mut rest = bytes;
        loop {
            let Some(State::Http1(http1)) = self.down(number).map(|it| &mut it.state) else { return };
            let (stream, is_done) = (http1.stream, http1.decoder.is_done());
            if stream.is_some() && is_done {
                http1.held.extend_from_slice(rest);
                if http1.held.len() > HELD_LIMIT {
                    self.set_paused(ConnId::accepted(number), true);
                }
                return;
            }
            match http1.decoder.next(&mut rest) {
                Ok(Some(Item::Head { headers, version, is_end, is_upgrade })) => {
                    self.http1_request(number, headers, version, is_end, is_upgrade);
                }
                Ok(Some(Item::Data(data))) => {
                    if let Some(key) = stream {
                        self.request_data(key, data, false);
                    }
                }
                Ok(Some(Item::End(trailers))) => {
                    if let Some(key) = stream {
                        self.request_end(key, trailers);
                    }
                }
                Ok(Some(Item::Interim(_))) => {}
                Ok(None) => {
                    if stream.is_none() {
                        self.set_head_timer(number);
                    }
                    return;
                }
                Err(error) => return self.http1_error(number, error),
            }
        }
    }

    fn set_head_timer(&mut self, number: u32) {
        let Some(down) = self.down(number) else { return };
        let State::Http1(http1) = &down.state else { return };
        if !http1.decoder.is_in_head() || down.head.is_some() {
            return;
        }
        let Some(timeout) = down.settings().and_then(|it| it.times.head_timeout) else { return };
        let timer = Some(self.timers.set(self.now + timeout, Timer::Head(number)));
        if let Some(down) = self.down(number) {
            down.head = timer;
        }
    }

    pub(super) fn head_timeout(&mut self, number: u32) {
        let Some(down) = self.down(number) else { return };
        down.head = None;
        if let Some(settings) = down.settings().cloned() {
            self.stats.inc(settings.stats.downstream_rq_header_timeout);
        }
        self.http1_error(number, head::Error { status: 408, details: "request_header_timeout" });
    }

    /// The request before has been answered: what was held is read.
    pub(super) fn resume_down(&mut self, number: u32) {
        let Some(State::Http1(http1)) = self.down(number).map(|it| &mut it.state) else { return };
        let held = std::mem::take(&mut http1.held);
        self.set_paused(ConnId::accepted(number), false);
        if !held.is_empty() {
            self.down_http1(number, &held);
        }
    }
}
