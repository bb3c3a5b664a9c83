//! Answers that the proxy gives itself.

use super::Proxy;
use super::slab::Key;
use crate::access_log::Subject;
use crate::http::HeaderMap;
use std::borrow::Cow;

/// An answer.
pub(crate) struct Reply {
    pub status: u16,
    pub body: String,
    pub details: Cow<'static, str>,
    pub headers: Vec<(String, String)>,
    /// Whether the router gives it: then the route's changes of response headers are made.
    pub is_router: bool,
    pub grpc: Option<u32>,
    /// Whether the connection ends with it.
    pub closes: bool,
}

impl Reply {
    pub fn new(status: u16, body: &str, details: impl Into<Cow<'static, str>>) -> Reply {
        let details = details.into();
        Reply {
            status,
            body: body.to_owned(),
            details,
            headers: Vec::new(),
            is_router: false,
            grpc: None,
            closes: false,
        }
    }

    pub fn with(mut self, name: &str, value: String) -> Reply {
        self.headers.push((name.to_owned(), value));
        self
    }

    pub fn closing(mut self) -> Reply {
        self.closes = true;
        self
    }

    pub fn of_router(mut self) -> Reply {
        self.is_router = true;
        self
    }
}

/// The gRPC status of an HTTP status.
fn grpc_status(status: u16) -> u32 {
    match status {
        400 => 13,
        401 => 16,
        403 => 7,
        404 => 12,
        429 | 502 | 503 | 504 => 14,
        _ => 2,
    }
}

/// Percent-encoded, as `grpc-message` has it.
fn grpc_message(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if (0x20..0x7f).contains(&byte) && byte != b'%' {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

impl Proxy {
    /// Answers a request, whatever has become of it so far.
    pub(super) fn reply(&mut self, key: Key, reply: Reply) {
        self.cancel_router(key);
        let now = self.now;
        let Some(stream) = self.streams.get_mut(key) else { return };
        if stream.response_started {
            return self.reset_stream(key, reply.details);
        }
        stream.info.details = reply.details;
        stream.info.code = reply.status;
        stream.closes |= reply.closes || !stream.request_ended;
        let mut headers: HeaderMap = [(":status", reply.status.to_string())].into_iter().collect();
        for (name, value) in &reply.headers {
            headers.append(name, value);
        }
        if reply.is_router {
            stream.route_response(&mut headers, now);
        }
        let settings = stream.settings.clone();
        let subject = Subject { response: &headers.clone(), ..stream.subject(now) };
        let (status, body) =
            settings.local_replies.rewrite(&subject, &mut self.random, &mut headers, reply.body);
        stream.info.code = status;
        let is_grpc = stream.is_grpc;
        if is_grpc {
            let status = reply.grpc.unwrap_or_else(|| grpc_status(status));
            headers.set(":status", "200");
            headers.set("content-type", "application/grpc");
            headers.set("grpc-status", status.to_string());
            if !body.is_empty() {
                headers.set("grpc-message", grpc_message(&body));
            }
            stream.info.code = 200;
        } else if !body.is_empty() {
            headers.set("content-length", body.len().to_string());
        }
        let is_end = is_grpc || body.is_empty() || stream.is_head;
        self.response_filters(key, &mut headers);
        self.send_headers(key, headers, is_end);
        if !is_end {
            self.send_data(key, body.as_bytes(), true);
        }
    }
}
