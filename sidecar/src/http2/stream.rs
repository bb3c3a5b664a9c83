//! One stream of a connection: what each side has said and may still say.
//!
//! Source: RFC 9113 §5.1, §5.2.

use super::frame::{self, Kind};
use crate::http::headers::HeaderMap;
use std::collections::VecDeque;

#[derive(Debug, Default)]
pub struct Stream {
    /// How much we may send.
    pub send_window: i64,
    /// How much the peer may send.
    pub receive_window: i64,
    /// What was read and not yet credited to the peer.
    pub credit: u32,
    pub headers_seen: bool,
    pub local_ended: bool,
    pub remote_ended: bool,
    pub headers_sent: bool,
    /// The body's length as the headers announce it, and as it came.
    pub announced: Option<u64>,
    pub received: u64,
    /// Bytes that wait for room in a window.
    waiting: VecDeque<u8>,
    end_waits: bool,
    pub trailers: Option<HeaderMap>,
}

impl Stream {
    pub fn new(send_window: i64, receive_window: i64) -> Stream {
        Stream { send_window, receive_window, ..Stream::default() }
    }

    pub fn is_done(&self) -> bool {
        self.local_ended && self.remote_ended
    }

    pub fn buffered(&self) -> usize {
        self.waiting.len()
    }

    pub fn queue(&mut self, bytes: &[u8], end: bool) {
        self.waiting.extend(bytes);
        self.end_waits |= end;
    }

    pub fn has_work(&self) -> bool {
        !self.local_ended && (!self.waiting.is_empty() || self.end_waits || self.trailers.is_some())
    }

    /// Whether all of the body is out, so that trailers may follow.
    pub fn wants_trailers(&self) -> bool {
        self.trailers.is_some() && self.waiting.is_empty() && !self.local_ended
    }

    /// Puts one DATA frame as large as the windows and the peer's frame size let it be; whether one was put.
    pub fn put_data(
        &mut self,
        id: u32,
        connection_window: &mut i64,
        largest: usize,
        out: &mut Vec<u8>,
    ) -> bool {
        let room = self.send_window.min(*connection_window).max(0) as usize;
        let length = self.waiting.len().min(room).min(largest);
        let last = length == self.waiting.len() && self.end_waits && self.trailers.is_none();
        if self.local_ended || (length == 0 && !last) {
            return false;
        }
        let flags = if last { frame::END_STREAM } else { 0 };
        let (head, tail) = self.waiting.as_slices();
        if length <= head.len() {
            frame::put(out, Kind::Data, flags, id, &head[..length]);
        } else {
            let mut payload = head.to_vec();
            payload.extend_from_slice(&tail[..length - head.len()]);
            frame::put(out, Kind::Data, flags, id, &payload);
        }
        self.waiting.drain(..length);
        self.send_window -= length as i64;
        *connection_window -= length as i64;
        self.local_ended |= last;
        true
    }
}
