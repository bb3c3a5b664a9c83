//! Writes HTTP/1 messages.
//!
//! Pseudo-headers become the first line and `host`. Framing follows Envoy: a length that is known stays, a message
//! without one is chunked, one that ends with its head says `content-length: 0` where a body could have been.

use super::head::Version;
use crate::http::HeaderMap;

/// How a body is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// As it is: its length was announced, or it is opaque, or there is none.
    Plain,
    /// In chunks.
    Chunked,
}

/// How field names are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Case {
    /// As HTTP/2 has them.
    #[default]
    Lower,
    /// `Content-Type`: `proper_case_words`.
    Proper,
}

impl Case {
    fn write(self, name: &[u8], out: &mut Vec<u8>) {
        let at = out.len();
        out.extend_from_slice(name);
        if self == Case::Proper {
            let mut is_first = true;
            for byte in &mut out[at..] {
                if is_first {
                    byte.make_ascii_uppercase();
                }
                is_first = !byte.is_ascii_alphanumeric();
            }
        }
    }
}

/// What a response answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Whether it was HEAD.
    pub is_head: bool,
    /// Its version: an HTTP/1.0 client is sent no chunks.
    pub is_http10: bool,
    /// Whether it was CONNECT.
    pub is_connect: bool,
}

fn field(name: &[u8], value: &[u8], case: Case, out: &mut Vec<u8>) {
    case.write(name, out);
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

fn fields(headers: &HeaderMap, case: Case, out: &mut Vec<u8>) {
    for (name, value) in headers.iter().filter(|(name, _)| !name.starts_with(b":")) {
        field(name, value, case, out);
    }
}

/// Writes a request head.
pub fn request(headers: &HeaderMap, is_end: bool, case: Case, out: &mut Vec<u8>) -> Framing {
    let method = headers.get(":method").unwrap_or(b"GET");
    out.extend_from_slice(method);
    out.push(b' ');
    let target = if method == b"CONNECT" { ":authority" } else { ":path" };
    out.extend_from_slice(headers.get(target).unwrap_or(b"/"));
    out.extend_from_slice(b" HTTP/1.1\r\n");
    if let Some(authority) = headers.get(":authority") {
        field(b"host", authority, case, out);
    }
    fields(headers, case, out);
    let is_framed = headers.contains("content-length") || headers.contains("transfer-encoding");
    let is_upgrade = headers.contains("upgrade") || method == b"CONNECT";
    let framing = match () {
        _ if headers.contains("transfer-encoding") => Framing::Chunked,
        _ if is_framed || is_upgrade => Framing::Plain,
        _ if is_end => {
            // A method that may have a body says that there is none.
            if !matches!(method, b"GET" | b"HEAD" | b"DELETE" | b"TRACE" | b"CONNECT") {
                field(b"content-length", b"0", case, out);
            }
            Framing::Plain
        }
        _ => {
            field(b"transfer-encoding", b"chunked", case, out);
            Framing::Chunked
        }
    };
    out.extend_from_slice(b"\r\n");
    framing
}

/// Writes a response head.
pub fn response(headers: &HeaderMap, is_end: bool, asked: Asked, case: Case, out: &mut Vec<u8>) -> Framing {
    let status = headers.get_str(":status").and_then(|it| it.parse().ok()).unwrap_or(0u16);
    out.extend_from_slice(if asked.is_http10 { b"HTTP/1.0 " } else { b"HTTP/1.1 " });
    out.extend_from_slice(headers.get(":status").unwrap_or(b"500"));
    out.push(b' ');
    out.extend_from_slice(reason(status).as_bytes());
    out.extend_from_slice(b"\r\n");
    fields(headers, case, out);
    let has_no_body = (100..200).contains(&status) || status == 204 || status == 304;
    let framing = match () {
        _ if headers.contains("transfer-encoding") => Framing::Chunked,
        _ if headers.contains("content-length")
            || has_no_body
            || (asked.is_connect && (200..300).contains(&status)) =>
        {
            Framing::Plain
        }
        _ if is_end && !asked.is_head => {
            field(b"content-length", b"0", case, out);
            Framing::Plain
        }
        _ if asked.is_http10 => Framing::Plain,
        _ => {
            field(b"transfer-encoding", b"chunked", case, out);
            Framing::Chunked
        }
    };
    out.extend_from_slice(b"\r\n");
    framing
}

/// Writes a piece of a body.
pub fn data(bytes: &[u8], framing: Framing, out: &mut Vec<u8>) {
    if bytes.is_empty() {
        return;
    }
    if framing == Framing::Chunked {
        hex(bytes.len(), out);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(bytes);
    if framing == Framing::Chunked {
        out.extend_from_slice(b"\r\n");
    }
}

/// Writes the end of a body, with trailers where they are enabled.
pub fn end(trailers: Option<&HeaderMap>, framing: Framing, case: Case, out: &mut Vec<u8>) {
    if framing == Framing::Chunked {
        out.extend_from_slice(b"0\r\n");
        if let Some(trailers) = trailers {
            fields(trailers, case, out);
        }
        out.extend_from_slice(b"\r\n");
    }
}

fn hex(number: usize, out: &mut Vec<u8>) {
    let digits = (usize::BITS - number.leading_zeros()).div_ceil(4).max(1);
    for place in (0..digits).rev() {
        out.push(b"0123456789abcdef"[(number >> (place * 4)) & 15]);
    }
}

/// The version as access logs print it.
pub fn version_name(version: Version) -> &'static str {
    match version {
        Version::Http10 => "HTTP/1.0",
        _ => "HTTP/1.1",
    }
}

/// Envoy's reason phrase of a status.
pub fn reason(status: u16) -> &'static str {
    const REASONS: &[(u16, &str)] = &[
        (100, "Continue"),
        (101, "Switching Protocols"),
        (200, "OK"),
        (201, "Created"),
        (202, "Accepted"),
        (203, "Non-Authoritative Information"),
        (204, "No Content"),
        (205, "Reset Content"),
        (206, "Partial Content"),
        (207, "Multi-Status"),
        (208, "Already Reported"),
        (226, "IM Used"),
        (300, "Multiple Choices"),
        (301, "Moved Permanently"),
        (302, "Found"),
        (303, "See Other"),
        (304, "Not Modified"),
        (305, "Use Proxy"),
        (307, "Temporary Redirect"),
        (308, "Permanent Redirect"),
        (400, "Bad Request"),
        (401, "Unauthorized"),
        (402, "Payment Required"),
        (403, "Forbidden"),
        (404, "Not Found"),
        (405, "Method Not Allowed"),
        (406, "Not Acceptable"),
        (407, "Proxy Authentication Required"),
        (408, "Request Timeout"),
        (409, "Conflict"),
        (410, "Gone"),
        (411, "Length Required"),
        (412, "Precondition Failed"),
        (413, "Payload Too Large"),
        (414, "URI Too Long"),
        (415, "Unsupported Media Type"),
        (416, "Range Not Satisfiable"),
        (417, "Expectation Failed"),
        (421, "Misdirected Request"),
        (422, "Unprocessable Entity"),
        (423, "Locked"),
        (424, "Failed Dependency"),
        (426, "Upgrade Required"),
        (428, "Precondition Required"),
        (429, "Too Many Requests"),
        (431, "Request Header Fields Too Large"),
        (500, "Internal Server Error"),
        (501, "Not Implemented"),
        (502, "Bad Gateway"),
        (503, "Service Unavailable"),
        (504, "Gateway Timeout"),
        (505, "HTTP Version Not Supported"),
        (506, "Variant Also Negotiates"),
        (507, "Insufficient Storage"),
        (508, "Loop Detected"),
        (510, "Not Extended"),
        (511, "Network Authentication Required"),
    ];
    REASONS.binary_search_by_key(&status, |it| it.0).map_or("Unknown", |at| REASONS[at].1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_without_a_length_is_chunked_or_says_nought() {
        let written = |status: &str, is_end, is_head| {
            let headers: HeaderMap = [(":status", status)].into_iter().collect();
            let (mut out, asked) = (Vec::new(), Asked { is_head, is_http10: false, is_connect: false });
            response(&headers, is_end, asked, Case::Proper, &mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(written("410", true, false), "HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n");
        assert_eq!(
            written("404", true, true),
            "HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n"
        );
        assert_eq!(written("204", true, false), "HTTP/1.1 204 No Content\r\n\r\n");
        assert_eq!(written("555", true, false), "HTTP/1.1 555 Unknown\r\nContent-Length: 0\r\n\r\n");
    }

    #[test]
    fn chunks_carry_their_size() {
        let mut out = Vec::new();
        data(b"0123456789abcdefg", Framing::Chunked, &mut out);
        end(None, Framing::Chunked, Case::Lower, &mut out);
        assert_eq!(out, b"11\r\n0123456789abcdefg\r\n0\r\n\r\n");
    }
}
