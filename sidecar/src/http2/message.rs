//! A header block as a message: decoded, judged by the rules of HTTP/2, and made a `HeaderMap`.
//!
//! Always: pseudo-headers stand first, once each, and are those of a request or of a response; crumbs of a cookie are
//! put together again. Sources: RFC 9113 §8; Envoy `http2/codec_impl.cc`, `header_utility.cc`.

use super::hpack::{Broken, Decoder};
use crate::http::headers::HeaderMap;
use crate::http1::head::Underscores;

/// What a block turned out to be.
#[derive(Debug)]
pub enum Block {
    Whole(HeaderMap),
    /// Refused by a limit or by the configuration, in Envoy's words for it.
    Refused(&'static str),
    /// Against the rules of HTTP/2 (§8.1.1), likewise.
    Malformed(&'static str),
}

/// A message that lacks something, or whose parts do not go together.
pub const VIOLATION: &str = "http2.violation.of.messaging.rule";
const INVALID_FIELD: &str = "http2.invalid.header.field";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    Request,
    Response,
    Trailers,
}

#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes of all names and values.
    pub bytes: usize,
    pub fields: usize,
    /// What becomes of names with underscores.
    pub underscores: Underscores,
}

/// Fields that belong to a connection and have no place in HTTP/2 (§8.2.2).
const CONNECTION_SPECIFIC: &[&str] =
    &["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade", "http2-settings"];

pub fn read(decoder: &mut Decoder, block: &[u8], shape: Shape, limits: Limits) -> Result<Block, Broken> {
    let mut map = HeaderMap::new();
    let mut cookie: Vec<u8> = Vec::new();
    let (mut bytes, mut fields, mut regular, mut malformed) = (0usize, 0usize, false, false);
    let mut has_underscore = false;
    decoder.decode(block, |name, value| {
        bytes += name.len() + value.len();
        fields += 1;
        if malformed || bytes > limits.bytes || fields > limits.fields {
            return;
        }
        let pseudo = name.first() == Some(&b':');
        if pseudo {
            malformed |= regular || !is_pseudo(name, shape) || map.contains(name);
        } else {
            regular = true;
            malformed |= !is_field(name, value);
        }
        malformed |= value.iter().any(|it| matches!(it, 0 | b'\r' | b'\n'));
        malformed |= name == b":path" && value.is_empty();
        if limits.underscores != Underscores::Allow && name.contains(&b'_') {
            has_underscore = true;
            return;
        }
        if name == b"cookie" {
            if !cookie.is_empty() {
                cookie.extend_from_slice(b"; ");
            }
            cookie.extend_from_slice(value);
        } else if !malformed {
            map.append_joined(name, value, shape == Shape::Response);
        }
    })?;
    if bytes > limits.bytes {
        return Ok(Block::Refused("http2.header_list_size_too_large"));
    }
    if fields > limits.fields {
        return Ok(Block::Refused("http2.too_many_headers"));
    }
    if malformed {
        return Ok(Block::Malformed(INVALID_FIELD));
    }
    if has_underscore && limits.underscores == Underscores::Reject {
        return Ok(Block::Refused("http2.unexpected_underscore"));
    }
    if !is_complete(&map, shape) {
        return Ok(Block::Malformed(VIOLATION));
    }
    if !cookie.is_empty() {
        map.append("cookie", &cookie);
    }
    if shape == Shape::Request {
        settle_authority(&mut map);
    }
    Ok(Block::Whole(map))
}

fn is_pseudo(name: &[u8], shape: Shape) -> bool {
    match shape {
        Shape::Request => {
            [&b":method"[..], b":scheme", b":path", b":authority", b":protocol"].contains(&name)
        }
        Shape::Response => name == b":status",
        Shape::Trailers => false,
    }
}

fn is_field(name: &[u8], value: &[u8]) -> bool {
    let is_letter = |it: &u8| {
        matches!(it, b'a'..=b'z' | b'0'..=b'9' | b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.'
            | b'^' | b'_' | b'`' | b'|' | b'~')
    };
    let is_hop = CONNECTION_SPECIFIC.iter().any(|it| it.as_bytes() == name);
    let te = name == b"te" && !value.eq_ignore_ascii_case(b"trailers");
    !name.is_empty() && name.iter().all(is_letter) && !is_hop && !te
}

fn is_complete(map: &HeaderMap, shape: Shape) -> bool {
    match shape {
        Shape::Trailers => true,
        Shape::Response => {
            map.get(":status").is_some_and(|it| it.len() == 3 && it.iter().all(u8::is_ascii_digit))
        }
        Shape::Request => match map.get(":method") {
            None | Some(b"") => false,
            Some(b"CONNECT") if !map.contains(":protocol") => {
                map.contains(":authority") && !map.contains(":path") && !map.contains(":scheme")
            }
            Some(_) => {
                let path = map.get(":path").unwrap_or_default();
                let has_host = map.contains(":authority") || map.contains("host");
                map.contains(":scheme") && has_host && (path.starts_with(b"/") || path == b"*")
            }
        },
    }
}

/// `host` is the authority of a request that has no other, and goes.
fn settle_authority(map: &mut HeaderMap) {
    let Some(host) = map.get("host").map(<[u8]>::to_vec) else { return };
    if !map.contains(":authority") {
        map.set(":authority", host);
    }
    map.remove("host");
}

/// The announced length of a body; `Err` when it is none, or two that differ.
pub fn content_length(map: &HeaderMap) -> Result<Option<u64>, ()> {
    let mut found = None;
    for value in map.get_all("content-length") {
        let number = std::str::from_utf8(value).ok().filter(|it| it.bytes().all(|it| it.is_ascii_digit()));
        let number = number.and_then(|it| it.parse().ok()).ok_or(())?;
        if found.is_some_and(|it| it != number) {
            return Err(());
        }
        found = Some(number);
    }
    Ok(found)
}
