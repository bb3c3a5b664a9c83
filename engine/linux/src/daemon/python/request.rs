//! One connection: requests read, answered, and logged on stderr.
//!
//! Always: an answer to HTTP/0.9 has no head; an error closes the connection.
//! Source: Python 3.11.2 `http/server.py` (BaseHTTPRequestHandler).

use super::{Site, files};
use crate::calendar::Date;
use crate::socket::Socket;
use crate::sys::Sys;
use net::{Errno, Shutdown};
use std::net::SocketAddr;
use std::time::Duration;

/// What a request's head may be long; Python allows a hundred lines of 64 KiB.
const HEAD_BYTES: usize = 1 << 20;
const LINE_BYTES: usize = 65_536;
const HEADERS: usize = 100;

/// A request that could be read so far that it can be answered.
pub(super) struct Request {
    /// The first line, as it is logged.
    line: String,
    pub method: String,
    pub target: String,
    /// Without it there is no head in the answer.
    version: Option<(u64, u64)>,
    headers: Vec<(String, String)>,
}

/// An answer, from the status to the body.
#[derive(Default)]
pub(super) struct Answer {
    pub status: u16,
    pub reason: String,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
    /// It is one of `send_error`.
    pub error: bool,
}

impl Answer {
    pub fn error(status: u16, reason: &str) -> Answer {
        let explained = match status {
            400 => "Bad request syntax or unsupported method",
            404 => "Nothing matches the given URI",
            414 => "URI is too long",
            431 => "The server is unwilling to process the request because its header fields are too large",
            501 => "Server does not support this operation",
            _ => "Cannot fulfill request",
        };
        let body = format!(
            "<!DOCTYPE HTML>\n<html lang=\"en\">\n    <head>\n        <meta charset=\"utf-8\">\n        \
             <title>Error response</title>\n    </head>\n    <body>\n        <h1>Error response</h1>\n        \
             <p>Error code: {status}</p>\n        <p>Message: {}.</p>\n        \
             <p>Error code explanation: {status} - {explained}.</p>\n    </body>\n</html>\n",
            files::escaped(reason)
        );
        let headers = vec![
            ("Connection", String::from("close")),
            ("Content-Type", String::from("text/html;charset=utf-8")),
            ("Content-Length", body.len().to_string()),
        ];
        Answer { status, reason: reason.to_owned(), headers, body: body.into_bytes(), error: true }
    }
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(it, _)| it.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    fn empty(line: String) -> Request {
        let (method, target) = (String::new(), String::new());
        Request { line, method, target, version: None, headers: Vec::new() }
    }
}

/// `repr()` of a text.
fn repr(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut shown = String::from(quote);
    for letter in text.chars() {
        match letter {
            '\\' => shown.push_str("\\\\"),
            '\t' => shown.push_str("\\t"),
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            letter if letter == quote => shown.extend(['\\', quote]),
            letter if letter.is_control() || matches!(letter, '\u{a0}' | '\u{ad}') => {
                shown += &format!("\\x{:02x}", u32::from(letter));
            }
            letter => shown.push(letter),
        }
    }
    shown.push(quote);
    shown
}

/// What the first line says, or the error it is answered with.
fn parse(line: &str) -> (Request, Option<Answer>) {
    let mut request = Request::empty(line.to_owned());
    let words: Vec<&str> = line.split_whitespace().collect();
    let bad = |what: &str, of: &str| Some(Answer::error(400, &format!("{what} ({})", repr(of))));
    if words.len() >= 3 {
        let version = words[words.len() - 1];
        let digits = |part: &str| {
            let fits = !part.is_empty() && part.len() <= 10 && part.bytes().all(|it| it.is_ascii_digit());
            fits.then(|| part.parse::<u64>().ok()).flatten()
        };
        let number = version.strip_prefix("HTTP/").unwrap_or_default();
        let found = number.split_once('.').and_then(|(major, minor)| digits(major).zip(digits(minor)));
        let Some(found) = found else { return (request, bad("Bad request version", version)) };
        if found >= (2, 0) {
            return (request, Some(Answer::error(505, &format!("Invalid HTTP version ({number})"))));
        }
        request.version = Some(found);
    }
    let (method, target) = match words.as_slice() {
        [method, target] if *method == "GET" => (method, target),
        [method, _] => return (request, bad("Bad HTTP/0.9 request type", method)),
        [method, target, _] => (method, target),
        _ => return (request, bad("Bad request syntax", line)),
    };
    request.method = (*method).to_owned();
    let slashes = target.starts_with("//");
    let short = format!("/{}", target.trim_start_matches('/'));
    request.target = if slashes { short } else { (*target).to_owned() };
    let answer = match request.method.as_str() {
        "GET" | "HEAD" => None,
        other => Some(Answer::error(501, &format!("Unsupported method ({})", repr(other)))),
    };
    (request, answer)
}

/// The bytes up to the end of the head; `None` where the client ended before it said anything.
async fn head(connection: &Socket, buffer: &mut Vec<u8>) -> Result<Option<String>, Errno> {
    loop {
        let ends = [b"\r\n\r\n".as_slice(), b"\n\n"].into_iter();
        let found = ends.filter_map(|end| {
            let at = buffer.windows(end.len()).position(|window| window == end)?;
            Some(at + end.len())
        });
        // A first line of two words is HTTP/0.9, but Python reads on for headers all the same.
        if let Some(end) = found.min().or((buffer.len() > HEAD_BYTES).then_some(buffer.len())) {
            let head: Vec<u8> = buffer.drain(..end).collect();
            return Ok(Some(head.iter().map(|byte| char::from(*byte)).collect()));
        }
        if buffer.starts_with(b"\r\n") || buffer.starts_with(b"\n") {
            return Ok(None);
        }
        let some = connection.read(None).await?.unwrap_or_default();
        if some.is_empty() {
            let head: Vec<u8> = std::mem::take(buffer);
            return Ok((!head.is_empty()).then(|| head.iter().map(|byte| char::from(*byte)).collect()));
        }
        buffer.extend(some);
    }
}

pub(super) async fn converse(
    sys: &Sys,
    site: &Site,
    connection: Socket,
    peer: SocketAddr,
) -> Result<(), Errno> {
    let mut buffer = Vec::new();
    while let Some(head) = head(&connection, &mut buffer).await? {
        let mut lines = head.split('\n').map(|line| line.trim_end_matches('\r'));
        let line = lines.next().unwrap_or_default();
        if line.split_whitespace().next().is_none() {
            break;
        }
        let (mut request, mut error) = if line.len() > LINE_BYTES {
            (Request::empty(String::new()), Some(Answer::error(414, "Request-URI Too Long")))
        } else {
            parse(line)
        };
        let fields: Vec<&str> = lines.take_while(|line| !line.is_empty()).collect();
        if fields.len() > HEADERS {
            error = Some(Answer::error(431, "Too many headers"));
        } else if fields.iter().any(|line| line.len() > LINE_BYTES) {
            error = Some(Answer::error(431, "Line too long"));
        }
        let field = |line: &&str| {
            line.split_once(':').map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()))
        };
        request.headers = fields.iter().filter_map(field).collect();
        let modern = site.protocol.as_str() >= "HTTP/1.1";
        let says = request.header("Connection").unwrap_or_default().to_ascii_lowercase();
        let keeps = modern
            && says != "close"
            && (request.version >= Some((1, 1)) || says == "keep-alive")
            && error.is_none();
        let expects = request.header("Expect").is_some_and(|it| it.eq_ignore_ascii_case("100-continue"));
        if expects && modern && request.version >= Some((1, 1)) {
            let text = format!("{} 100 Continue\r\n\r\n", site.protocol);
            connection.write(text.as_bytes(), None).await?;
        }
        let answer = match error {
            Some(answer) => answer,
            None => files::answer(sys, &site.directory, &request).await,
        };
        let closes = answer.error;
        send(sys, site, &connection, peer, &request, answer).await?;
        if !keeps || closes {
            break;
        }
    }
    connection.shutdown(Shutdown::Write).await
}

async fn send(
    sys: &Sys,
    site: &Site,
    connection: &Socket,
    peer: SocketAddr,
    request: &Request,
    answer: Answer,
) -> Result<(), Errno> {
    let date = Date::from_duration(sys.realtime().await);
    if answer.error {
        log(sys, peer, date, &format!("code {}, message {}", answer.status, answer.reason)).await;
    }
    log(sys, peer, date, &format!("\"{}\" {} -", request.line, answer.status)).await;
    if request.version.is_some() {
        let mut head = format!(
            "{} {} {}\r\nServer: SimpleHTTP/0.6 Python/3.11.2\r\nDate: {}\r\n",
            site.protocol,
            answer.status,
            answer.reason,
            date.http()
        );
        for (name, value) in &answer.headers {
            head += &format!("{name}: {value}\r\n");
        }
        head += "\r\n";
        // Head and body are two writes, as in Python.
        let bytes: Vec<u8> = head.chars().map(|letter| u8::try_from(letter).unwrap_or(b'?')).collect();
        connection.write(&bytes, None).await?;
    }
    if request.method != "HEAD" && !answer.body.is_empty() {
        connection.write(&answer.body, None).await?;
    }
    Ok(())
}

async fn log(sys: &Sys, peer: SocketAddr, date: Date, what: &str) {
    let mut shown = String::new();
    for letter in what.chars() {
        match letter {
            '\\' => shown.push_str("\\\\"),
            letter if letter.is_control() => shown += &format!("\\x{:02x}", u32::from(letter)),
            letter => shown.push(letter),
        }
    }
    sys.eprint(format!("{} - - [{}] {shown}\n", peer.ip(), date.format("%d/%b/%Y %H:%M:%S"))).await;
}

/// Is the file as old as the client's copy, or older?
pub(super) fn unchanged(request: &Request, modified: Duration) -> bool {
    let since = request.header("If-Modified-Since").filter(|_| request.header("If-None-Match").is_none());
    since.and_then(Date::parse_http).is_some_and(|since| modified.as_secs() as i64 <= since.epoch())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(line: &str) -> String {
        let (request, answer) = parse(line);
        answer.map_or(format!("{} {}", request.method, request.target), |it| {
            format!("{} {}", it.status, it.reason)
        })
    }

    #[test]
    fn first_lines_are_judged_as_python_judges_them() {
        assert_eq!(told("GET //x HTTP/1.1"), "GET /x");
        assert_eq!(told("GET /x"), "GET /x");
        assert_eq!(told("GET"), "400 Bad request syntax ('GET')");
        assert_eq!(told("GET / FTP"), "400 Bad request version ('FTP')");
        assert_eq!(told("GET / HTTP/2.0"), "505 Invalid HTTP version (2.0)");
        assert_eq!(told("PUT /x"), "400 Bad HTTP/0.9 request type ('PUT')");
        assert_eq!(told("POST / HTTP/1.1"), "501 Unsupported method ('POST')");
        assert_eq!(told("GET it's here HTTP/1.1"), "400 Bad request syntax (\"GET it's here HTTP/1.1\")");
    }

    #[test]
    fn the_page_of_an_error_is_as_long_as_pythons() {
        assert_eq!(Answer::error(404, "File not found").body.len(), 335);
        assert_eq!(Answer::error(501, "Unsupported method ('POST')").body.len(), 357);
    }
}
