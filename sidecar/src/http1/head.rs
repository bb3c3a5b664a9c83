//! The head of an HTTP/1 message: request or status line and fields.
//!
//! Strict where laxness would let two parties read two messages out of one.
//! Always: a refused head names Envoy's response code details.
//! Sources: RFC 9112 sections 2 to 5; Envoy's http1 codec documentation.

use crate::http::HeaderMap;
use memchr::{memchr, memmem};

/// What a peer did wrong, in Envoy's words for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Error {
    /// The status of the answer to a client.
    pub status: u16,
    /// The response code details.
    pub details: &'static str,
}

impl Error {
    /// Not HTTP/1.
    pub const CODEC: Error = Error { status: 400, details: "http1.codec_error" };
    /// A version below 1.1 that is not accepted.
    pub const LOW_VERSION: Error = Error { status: 426, details: "low_version" };
    /// More bytes of fields than allowed.
    pub const TOO_LARGE: Error = Error { status: 431, details: "http1.headers_too_large" };
    /// More fields than allowed.
    pub const TOO_MANY: Error = Error { status: 431, details: "http1.too_many_headers" };
    /// Two lengths of one body.
    pub const LENGTH_AND_CHUNKED: Error =
        Error { status: 400, details: "http1.content_length_and_chunked_not_allowed" };
    /// A transfer coding other than chunked.
    pub const TRANSFER_ENCODING: Error = Error { status: 501, details: "http1.invalid_transfer_encoding" };
    /// A field name with an underscore where those are refused.
    pub const UNDERSCORE: Error = Error { status: 400, details: "http1.unexpected_underscore" };
    /// A field name or value with a byte that may not stand there.
    pub const CHARACTERS: Error = Error { status: 400, details: "http1.invalid_characters" };
    /// A host with a character that no authority has.
    pub const AUTHORITY: Error = Error { status: 400, details: "http.invalid_authority" };
    /// A target that is no path, no URL and no authority.
    pub const URL: Error = Error { status: 400, details: "http1.invalid_url" };
}

/// The version of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// HTTP/1.0.
    Http10,
    /// HTTP/1.1.
    Http11,
    /// Anything else that has the form of a version, and none at all.
    Other,
}

/// What becomes of field names with an underscore.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Underscores {
    /// They pass.
    #[default]
    Allow,
    /// The request is refused.
    Reject,
    /// The field is dropped.
    Drop,
}

/// Where the head ends in `bytes`, behind its empty line.
pub fn end(bytes: &[u8], searched: usize) -> Option<usize> {
    let from = searched.saturating_sub(3);
    let crlf = memmem::find(&bytes[from..], b"\n\r\n").map(|it| from + it + 3);
    match memmem::find(&bytes[from..crlf.unwrap_or(bytes.len())], b"\n\n") {
        Some(bare) => Some(from + bare + 2),
        None => crlf,
    }
}

/// The methods that Envoy's parser knows; others it refuses unless `allow_custom_methods` is set.
const METHODS: [&[u8]; 35] = [
    b"ACL",
    b"BIND",
    b"CHECKOUT",
    b"CONNECT",
    b"COPY",
    b"DELETE",
    b"GET",
    b"HEAD",
    b"LINK",
    b"LOCK",
    b"MERGE",
    b"MKACTIVITY",
    b"MKCALENDAR",
    b"MKCOL",
    b"MOVE",
    b"MSEARCH",
    b"NOTIFY",
    b"OPTIONS",
    b"PATCH",
    b"POST",
    b"PROPFIND",
    b"PROPPATCH",
    b"PURGE",
    b"PUT",
    b"QUERY",
    b"REBIND",
    b"REPORT",
    b"SEARCH",
    b"SOURCE",
    b"SUBSCRIBE",
    b"TRACE",
    b"UNBIND",
    b"UNLINK",
    b"UNLOCK",
    b"UNSUBSCRIBE",
];

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn trim(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = value {
        value = rest;
    }
    while let [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

fn version(word: &[u8]) -> Result<Version, Error> {
    match word {
        b"HTTP/1.1" => Ok(Version::Http11),
        b"HTTP/1.0" => Ok(Version::Http10),
        [b'H', b'T', b'T', b'P', b'/', major, b'.', minor]
            if major.is_ascii_digit() && minor.is_ascii_digit() =>
        {
            Ok(Version::Other)
        }
        _ => Err(Error::CODEC),
    }
}

fn line<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let at = memchr(b'\n', rest)?;
    let found = &rest[..at];
    *rest = &rest[at + 1..];
    Some(found.strip_suffix(b"\r").unwrap_or(found))
}

/// Reads a request head into `into`: `:method`, `:path` (the target as sent) and the fields.
pub fn request(mut head: &[u8], underscores: Underscores, into: &mut HeaderMap) -> Result<Version, Error> {
    while let [b'\r' | b'\n', rest @ ..] = head {
        head = rest;
    }
    let first = line(&mut head).ok_or(Error::CODEC)?;
    let mut words = first.split(|byte| *byte == b' ').filter(|it| !it.is_empty());
    let (Some(method), Some(target)) = (words.next(), words.next()) else { return Err(Error::CODEC) };
    if !method.iter().all(|byte| is_token(*byte)) || target.iter().any(|byte| *byte <= 0x20 || *byte >= 0x7f)
    {
        return Err(Error::CODEC);
    }
    if METHODS.binary_search(&method).is_err() {
        return Err(Error::CODEC);
    }
    let version = words.next().map_or(Ok(Version::Other), version)?;
    if words.next().is_some() {
        return Err(Error::CODEC);
    }
    into.append(":method", method);
    into.append(":path", target);
    fields(head, underscores, into)?;
    Ok(version)
}

/// Reads a response head into `into`: `:status` and the fields. The reason phrase is not kept, as Envoy does not.
pub fn response(mut head: &[u8], into: &mut HeaderMap) -> Result<Version, Error> {
    let first = line(&mut head).ok_or(Error::CODEC)?;
    let mut words = first.splitn(3, |byte| *byte == b' ');
    let version = version(words.next().unwrap_or_default())?;
    let status = words.next().unwrap_or_default();
    if status.len() != 3 || !status.iter().all(u8::is_ascii_digit) || status[0] == b'0' {
        return Err(Error::CODEC);
    }
    into.append(":status", status);
    fields(head, Underscores::Allow, into)?;
    Ok(version)
}

/// Reads fields up to the empty line: of a head, or of a trailer section.
pub fn fields(mut rest: &[u8], underscores: Underscores, into: &mut HeaderMap) -> Result<(), Error> {
    let mut is_first = true;
    let is_response = into.contains(":status");
    while let Some(field) = line(&mut rest) {
        if field.is_empty() {
            return Ok(());
        }
        if matches!(field[0], b' ' | b'\t') {
            // A folded line goes on where the one before ended.
            if is_first {
                return Err(Error::CODEC);
            }
            into.extend_last(trim(field));
            continue;
        }
        is_first = false;
        let colon = memchr(b':', field).ok_or(Error::CODEC)?;
        let (name, value) = (&field[..colon], trim(&field[colon + 1..]));
        if name.is_empty() || !name.iter().all(|byte| is_token(*byte)) {
            return Err(Error::CODEC);
        }
        if value.iter().any(|byte| (*byte < 0x20 && *byte != b'\t') || *byte == 0x7f) {
            return Err(Error::CHARACTERS);
        }
        if underscores != Underscores::Allow && memchr(b'_', name).is_some() {
            match underscores {
                Underscores::Reject => return Err(Error::UNDERSCORE),
                _ => continue,
            }
        }
        into.append_joined(name, value, is_response);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<(Version, HeaderMap), Error> {
        let mut map = HeaderMap::new();
        let version = request(text.as_bytes(), Underscores::Reject, &mut map)?;
        Ok((version, map))
    }

    #[test]
    fn a_request_is_read_and_a_malformed_one_refused() {
        let (version, map) = read("GET /a?b HTTP/1.1\r\nHost: x\r\nA:  b \r\n\r\n").unwrap();
        assert_eq!(
            (version, map.get_str(":path"), map.get_str("host")),
            (Version::Http11, Some("/a?b"), Some("x"))
        );
        assert_eq!(map.get_str("a"), Some("b"));
        assert!(METHODS.is_sorted());
        assert_eq!(read("BREW / HTTP/1.1\r\n\r\n").unwrap_err(), Error::CODEC);
        assert_eq!(read("GET /\r\n\r\n").unwrap().0, Version::Other);
        assert_eq!(read("GET/HTTP/1.1\r\n\r\n").unwrap_err(), Error::CODEC);
        assert_eq!(read("GE{T / HTTP/1.1\r\n\r\n").unwrap_err(), Error::CODEC);
        assert_eq!(read("GET / HTTP/1.1\r\nbroken header\r\n\r\n").unwrap_err(), Error::CODEC);
        assert_eq!(read("GET / HTTP/1.1\r\nx_under: 1\r\n\r\n").unwrap_err(), Error::UNDERSCORE);
    }
}
