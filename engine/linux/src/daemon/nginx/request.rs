//! A request as nginx reads it, and the variables that come of it.
//!
//! Source: nginx 1.22 `http/ngx_http_parse.c` (complex URIs), `http/ngx_http_variables.c`.

use crate::percent;
use crate::socket::Socket;
use net::Errno;
use sim::Instant;
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// Four buffers of 8 KiB (large_client_header_buffers).
const HEAD_BYTES: usize = 32 << 10;
const HEADERS: usize = 100;
const BODY_BYTES: usize = 1 << 20;

#[derive(Clone, Debug)]
pub(super) struct Request {
    pub method: String,
    /// As it was sent, with its `?`.
    pub target: String,
    /// Decoded, without dots and doubled slashes.
    pub path: String,
    pub query: Option<String>,
    /// The 1 of HTTP/1.1; `None` is HTTP/0.9.
    pub minor: Option<u8>,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub peer: SocketAddr,
    pub local: SocketAddr,
    /// Set by `set`, and by what regular expressions caught.
    pub variables: BTreeMap<String, String>,
    pub server_name: String,
}

/// What came instead of a request.
pub(super) enum Bad {
    /// The client is gone or silent.
    Nothing,
    /// To be answered with this.
    Status(u16),
}

impl From<Errno> for Bad {
    fn from(_: Errno) -> Bad {
        Bad::Nothing
    }
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(other, _)| other.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// Without port, in small letters.
    pub fn host(&self) -> Option<String> {
        let host = self.header("Host")?;
        let end = match host.rfind(']') {
            Some(at) => at + 1,
            None => host.find(':').unwrap_or(host.len()),
        };
        Some(host[..end].to_ascii_lowercase())
    }

    /// The path and query to pass on.
    pub fn keeps_alive(&self) -> bool {
        let says = |word: &str| {
            self.header("Connection").is_some_and(|value| value.to_ascii_lowercase().contains(word))
        };
        match self.minor {
            Some(1) => !says("close"),
            Some(_) => says("keep-alive"),
            None => false,
        }
    }

    fn variable(&self, name: &str) -> String {
        if let Some(value) = self.variables.get(name) {
            return value.clone();
        }
        let query = || self.query.clone().unwrap_or_default();
        match name {
            "host" => self.host().unwrap_or_else(|| self.server_name.clone()),
            "remote_addr" => self.peer.ip().to_canonical().to_string(),
            "remote_port" => self.peer.port().to_string(),
            "server_addr" => self.local.ip().to_canonical().to_string(),
            "server_port" => self.local.port().to_string(),
            "server_name" => self.server_name.clone(),
            "request_uri" => self.target.clone(),
            "uri" | "document_uri" => self.path.clone(),
            "args" | "query_string" => query(),
            "is_args" => String::from(if self.query.is_some() { "?" } else { "" }),
            "scheme" => String::from("http"),
            "request_method" => self.method.clone(),
            "server_protocol" => format!("HTTP/1.{}", self.minor.unwrap_or(0)),
            "proxy_add_x_forwarded_for" => {
                let address = self.peer.ip().to_canonical();
                self.header("X-Forwarded-For")
                    .map_or(address.to_string(), |before| format!("{before}, {address}"))
            }
            "nginx_version" => String::from("1.22.1"),
            name => {
                if let Some(field) = name.strip_prefix("http_") {
                    return self.header(&field.replace('_', "-")).unwrap_or_default().to_owned();
                }
                let wanted = name.strip_prefix("arg_").unwrap_or_default();
                let found = query();
                let mut pairs = found.split('&').filter_map(|pair| pair.split_once('='));
                pairs.find(|(key, _)| *key == wanted).map(|(_, value)| value.to_owned()).unwrap_or_default()
            }
        }
    }

    /// `$name` and `${name}` filled in.
    pub fn filled(&self, text: &str) -> String {
        let mut filled = String::new();
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            filled.push_str(&rest[..at]);
            rest = &rest[at + 1..];
            let braced = rest.strip_prefix('{').and_then(|inner| inner.split_once('}'));
            if let Some((name, after)) = braced {
                filled.push_str(&self.variable(name));
                rest = after;
                continue;
            }
            let number = rest.starts_with(|first: char| first.is_ascii_digit());
            let is_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
            let end = if number { 1 } else { rest.find(|letter| !is_name(letter)).unwrap_or(rest.len()) };
            match end {
                0 => filled.push('$'),
                end => filled.push_str(&self.variable(&rest[..end])),
            }
            rest = &rest[end..];
        }
        filled + rest
    }
}

/// The next request of a connection; what is behind it stays in the buffer.
pub(super) async fn read(
    connection: &Socket,
    buffer: &mut Vec<u8>,
    (peer, local): (SocketAddr, SocketAddr),
    deadline: Instant,
) -> Result<Request, Bad> {
    loop {
        while buffer.starts_with(b"\r\n") {
            buffer.drain(..2);
        }
        match parse(buffer, peer, local)? {
            Some((mut request, head)) => {
                let length: usize = match request.header("Content-Length").map(str::parse) {
                    None => 0,
                    Some(Ok(length)) if length <= BODY_BYTES => length,
                    Some(Ok(_)) => return Err(Bad::Status(413)),
                    Some(Err(_)) => return Err(Bad::Status(400)),
                };
                if request.header("Expect").is_some_and(|value| value.eq_ignore_ascii_case("100-continue")) {
                    connection.write(b"HTTP/1.1 100 Continue\r\n\r\n", Some(deadline)).await?;
                }
                while buffer.len() < head + length {
                    more(connection, buffer, deadline).await?;
                }
                request.body = buffer[head..head + length].to_vec();
                buffer.drain(..head + length);
                return Ok(request);
            }
            None if buffer.len() > HEAD_BYTES => return Err(Bad::Status(414)),
            None => more(connection, buffer, deadline).await?,
        }
    }
}

async fn more(connection: &Socket, buffer: &mut Vec<u8>, deadline: Instant) -> Result<(), Bad> {
    match connection.read(Some(deadline)).await? {
        Some(bytes) if !bytes.is_empty() => {
            buffer.extend(bytes);
            Ok(())
        }
        _ => Err(Bad::Nothing),
    }
}

/// A whole head, and how long it is; `None`: there is more to come.
fn parse(bytes: &[u8], peer: SocketAddr, local: SocketAddr) -> Result<Option<(Request, usize)>, Bad> {
    let new = |method: &str, target: &str, minor, headers| {
        let (path, query) =
            target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
        let path = normal(path).ok_or(Bad::Status(400))?;
        Ok(Request {
            method: method.to_owned(),
            target: target.to_owned(),
            path,
            query: query.map(str::to_owned),
            minor,
            headers,
            body: Vec::new(),
            peer,
            local,
            variables: BTreeMap::new(),
            server_name: String::new(),
        })
    };
    // HTTP/0.9 has no version and no fields.
    if let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
        let line = String::from_utf8_lossy(&bytes[..end]).trim_end().to_owned();
        if let Some(target) =
            line.strip_prefix("GET ").filter(|target| target.starts_with('/') && !target.contains(' '))
        {
            return new("GET", target, None, Vec::new()).map(|request| Some((request, bytes.len())));
        }
    }
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut head = httparse::Request::new(&mut headers);
    match head.parse(bytes) {
        Ok(httparse::Status::Partial) => Ok(None),
        Err(_) => Err(Bad::Status(400)),
        Ok(httparse::Status::Complete(length)) => {
            let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
            let headers: Vec<_> =
                head.headers.iter().map(|it| (it.name.to_owned(), text(it.value))).collect();
            let target = head.path.unwrap_or("/");
            // A proxy's form of a target: its host counts as the Host.
            let target = match target.strip_prefix("http://") {
                Some(rest) => rest.find('/').map_or("/", |at| &rest[at..]),
                None => target,
            };
            if !target.starts_with('/') {
                return Err(Bad::Status(400));
            }
            let request = new(head.method.unwrap_or_default(), target, head.version, headers)?;
            if request.minor == Some(1) && request.header("Host").is_none() {
                return Err(Bad::Status(400));
            }
            Ok(Some((request, length)))
        }
    }
}

/// Decoded, `//` made one, dots resolved; `None` where they lead out of the root.
fn normal(path: &str) -> Option<String> {
    let decoded = percent::decode_strictly(path)?;
    let parts: Vec<&str> = decoded.split('/').collect();
    let mut kept: Vec<&str> = Vec::new();
    for (index, part) in parts.iter().enumerate().skip(1) {
        let last = index + 1 == parts.len();
        match *part {
            "" | "." if !last => {}
            "." => kept.push(""),
            ".." => {
                kept.pop()?;
                if last {
                    kept.push("");
                }
            }
            part => kept.push(part),
        }
    }
    Some(format!("/{}", kept.join("/")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_decoded_and_its_dots_resolved() {
        assert_eq!(normal("/a/../b//c/./%64").as_deref(), Some("/b/c/d"));
        assert_eq!(normal("/a/..").as_deref(), Some("/"));
        assert_eq!(normal("/../a"), None);
        assert_eq!(normal("/%zz"), None);
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_are_too_much_for_it(text in "(GET|POST|X) [/a.%?]{0,9}( HTTP/1.[01])?\r\n([a-z]{1,3}: ?[a-z0-9]{0,3}\r\n){0,3}\r?\n?") {
            let place = SocketAddr::from(([127, 0, 0, 1], 80));
            if let Ok(Some((request, _))) = parse(text.as_bytes(), place, place) {
                request.filled("$host ${arg_a}$1$");
            }
        }
    }
}
