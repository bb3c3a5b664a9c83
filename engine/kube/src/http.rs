//! HTTP/1.1 as the cluster's parts speak it with each other, over the simulated TCP.
//!
//! Stands under `client` and the servers of `component` and `kubelet`. Always: a head longer than [`HEAD_BYTES`] or a body
//! longer than [`BODY_BYTES`] ends the connection; a stream goes in chunks.
//! Differs from Kubernetes: of TLS the greeting alone, for those who begin with it (`linux::tls`); so a client says who it is in the headers
//! `X-Remote-User` and `X-Remote-Group`; HTTP/1.1 where they speak HTTP/2. Source: RFC 9112.

use crate::api::Response;
use linux::percent::{self, UNRESERVED};
use linux::socket::Socket;
use linux::tls::{self, Certificate};
use net::Errno;
use sim::Instant;

const HEAD_BYTES: usize = 64 << 10;
const BODY_BYTES: usize = 8 << 20;

pub struct Connection {
    pub socket: Socket,
    buffer: Vec<u8>,
}

/// A first line and the headers after it.
#[derive(Clone, Debug, Default)]
pub struct Head {
    pub first: String,
    pub headers: Vec<(String, String)>,
}

impl Head {
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(it, _)| it.eq_ignore_ascii_case(name)).map_or("", |(_, value)| value)
    }

    /// A response's status code.
    pub fn code(&self) -> u16 {
        self.first.split(' ').nth(1).and_then(|it| it.parse().ok()).unwrap_or(0)
    }

    pub fn is_chunked(&self) -> bool {
        self.header("Transfer-Encoding").eq_ignore_ascii_case("chunked")
    }
}

impl Connection {
    pub fn new(socket: Socket) -> Connection {
        Connection { socket, buffer: Vec::new() }
    }

    /// More bytes in the buffer; false at the end. The deadline is `ETIMEDOUT`.
    async fn fill(&mut self, deadline: Option<Instant>) -> Result<bool, Errno> {
        let some = self.socket.read(deadline).await?.ok_or(Errno::ETIMEDOUT)?;
        self.buffer.extend_from_slice(&some);
        Ok(!some.is_empty())
    }

    /// Answers a client that begins with TLS; one that does not goes on as it began.
    pub async fn greet(&mut self, certificate: &Certificate) -> Result<(), Errno> {
        loop {
            match tls::hello_length(&self.buffer) {
                None => return Ok(()),
                Some(Some(length)) if self.buffer.len() >= length => {
                    self.buffer.drain(..length);
                    return self.socket.write(&tls::answer(certificate), None).await.map(drop);
                }
                Some(_) if !self.fill(None).await? => return Err(Errno::ECONNRESET),
                Some(_) => {}
            }
        }
    }

    /// What has come in and was not asked for by any other call.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.buffer)
    }

    async fn line(&mut self, deadline: Option<Instant>) -> Result<String, Errno> {
        loop {
            if let Some(at) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=at).collect();
                return Ok(String::from_utf8_lossy(&line).trim_end().to_owned());
            }
            if self.buffer.len() > HEAD_BYTES || !self.fill(deadline).await? {
                return Err(Errno::ECONNRESET);
            }
        }
    }

    async fn exactly(&mut self, count: usize, deadline: Option<Instant>) -> Result<Vec<u8>, Errno> {
        if count > BODY_BYTES {
            return Err(Errno::EMSGSIZE);
        }
        while self.buffer.len() < count {
            if !self.fill(deadline).await? {
                return Err(Errno::ECONNRESET);
            }
        }
        Ok(self.buffer.drain(..count).collect())
    }

    /// The next head; `None` where the other side ended instead.
    pub async fn head(&mut self, deadline: Option<Instant>) -> Result<Option<Head>, Errno> {
        if self.buffer.is_empty() && !self.fill(deadline).await? {
            return Ok(None);
        }
        let mut head = Head { first: self.line(deadline).await?, headers: Vec::new() };
        let mut size = 0;
        loop {
            let line = self.line(deadline).await?;
            size += line.len();
            let Some((name, value)) = line.split_once(':') else { break };
            head.headers.push((name.to_owned(), value.trim().to_owned()));
            if size > HEAD_BYTES {
                return Err(Errno::EMSGSIZE);
            }
        }
        Ok(Some(head))
    }

    /// The whole body that belongs to a head.
    pub async fn body(&mut self, head: &Head, deadline: Option<Instant>) -> Result<Vec<u8>, Errno> {
        if !head.is_chunked() {
            let length = head.header("Content-Length").parse().unwrap_or(0);
            return self.exactly(length, deadline).await;
        }
        let mut body = Vec::new();
        while let Some(chunk) = self.chunk(deadline).await? {
            body.extend(chunk);
            if body.len() > BODY_BYTES {
                return Err(Errno::EMSGSIZE);
            }
        }
        Ok(body)
    }

    /// The next chunk; `None` after the last one.
    pub async fn chunk(&mut self, deadline: Option<Instant>) -> Result<Option<Vec<u8>>, Errno> {
        let line = self.line(deadline).await?;
        let size = usize::from_str_radix(line.trim(), 16).map_err(|_| Errno::EINVAL)?;
        let bytes = self.exactly(size, deadline).await?;
        self.line(deadline).await?;
        Ok((size > 0).then_some(bytes))
    }

    /// Begins an answer in chunks.
    pub async fn begin_stream(&self, content_type: &str) -> Result<(), Errno> {
        let head =
            format!("HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nTransfer-Encoding: chunked\r\n\r\n");
        self.socket.write(head.as_bytes(), None).await.map(drop)
    }

    /// One chunk; an empty one is the end.
    pub async fn write_chunk(&self, bytes: &[u8]) -> Result<(), Errno> {
        let head = format!("{:x}\r\n", bytes.len());
        self.socket.write(&[head.as_bytes(), bytes, b"\r\n"].concat(), None).await.map(drop)
    }

    pub async fn respond(&self, response: &Response) -> Result<(), Errno> {
        let mut text = format!("HTTP/1.1 {} {}\r\n", response.code, reason(response.code));
        for (name, value) in &response.headers {
            match name.as_str() {
                "Warning" => text += &format!("Warning: 299 - {value:?}\r\n"),
                _ => text += &format!("{name}: {value}\r\n"),
            }
        }
        text += &format!("Content-Length: {}\r\n\r\n{}", response.body.len(), response.body);
        self.socket.write(text.as_bytes(), None).await.map(drop)
    }
}

/// Path and query of a request's target.
pub fn target(text: &str) -> (String, Vec<(String, String)>) {
    let (path, query) = text.split_once('?').unwrap_or((text, ""));
    let pair = |it: &str| {
        let (name, value) = it.split_once('=').unwrap_or((it, ""));
        (percent::decode_form(name), percent::decode_form(value))
    };
    (path.to_owned(), query.split('&').filter(|it| !it.is_empty()).map(pair).collect())
}

/// The words of a query.
pub fn query(pairs: &[(String, String)]) -> String {
    let plain = |text: &str| percent::encode(text.as_bytes(), UNRESERVED).replace("%20", "+");
    let words: Vec<String> =
        pairs.iter().map(|(name, value)| format!("{}={}", plain(name), plain(value))).collect();
    if words.is_empty() { String::new() } else { format!("?{}", words.join("&")) }
}

/// The method as the API's requests name it; `None` for one that no server here knows.
pub fn method(word: &str) -> Option<&'static str> {
    ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"].into_iter().find(|it| *it == word)
}

fn reason(code: u16) -> &'static str {
    match code {
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        409 => "Conflict",
        410 => "Gone",
        413 => "Request Entity Too Large",
        415 => "Unsupported Media Type",
        422 => "Unprocessable Entity",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        _ => "",
    }
}
