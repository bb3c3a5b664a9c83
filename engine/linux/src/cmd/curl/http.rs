//! A request in HTTP/1.1 and what is made of its answer.
//!
//! Always: an answer's head is told line by line as it comes.
//! Differs from curl: no HTTP/2, no upgrade, no cookies kept; a compressed body stays as it came.
//! Source: curl 7.88.1 `lib/http.c` (Curl_http, Curl_http_readwrite_headers), `lib/http_chunks.c`.

use super::handle::{Answer, Body, Connection, Failure, Handle, Info, Method};
use super::show::Mark;
use super::sink::Sink;
use super::url::Url;
use crate::socket::Socket;
use sim::Instant;

/// CURL_MAX_HTTP_HEADER
const LINE_BYTES: usize = 100 * 1024;

/// How the body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Length(u64),
    Chunks,
    Close,
}

/// The head of an answer.
struct Head {
    status: u16,
    old: bool,
    length: Option<u64>,
    chunked: bool,
    close: bool,
    keep_alive: bool,
    location: Option<String>,
}

/// What comes over the connection.
struct Incoming<'a> {
    socket: &'a Socket,
    buffer: Vec<u8>,
    ended: bool,
}

impl Handle<'_> {
    /// Asks and takes the answer.
    #[expect(clippy::too_many_arguments, reason = "one request's whole circumstances")]
    pub async fn converse(
        &mut self,
        connection: &Connection,
        url: &Url,
        method: &Method,
        body: &Body,
        trusted: bool,
        info: &mut Info,
        sink: &mut Sink,
    ) -> Result<Answer, Failure> {
        let carries = matches!(method.kind, "POST" | "PUT");
        let (request, expects) = self.request_text(connection, url, method, body, trusted).await;
        info.request_bytes += request.len() as u64;
        self.send(&connection.socket, request.as_bytes()).await?;
        self.show.lines(Mark::HeadOut, request.as_bytes()).await;
        let mut incoming = Incoming { socket: &connection.socket, buffer: Vec::new(), ended: false };
        (info.received, info.sent) = (0, 0);
        let mut waiting = false;
        if carries {
            waiting = expects && self.awaits_continue(&mut incoming).await?;
            if !waiting {
                self.send_body(&connection.socket, body, info).await?;
            }
        }
        let head = loop {
            let head = self.head(&mut incoming, method, info, sink).await?;
            if head.status == 100 {
                if waiting {
                    waiting = false;
                    self.send_body(&connection.socket, body, info).await?;
                }
                continue;
            }
            if head.status >= 200 || head.status == 101 {
                break head;
            }
        };
        self.body(&mut incoming, url, method, &head, info, sink).await
    }

    /// Waits for the server to say something; true if it did.
    async fn awaits_continue(&mut self, incoming: &mut Incoming<'_>) -> Result<bool, Failure> {
        let until = self.sys.now().await + self.options.expect_timeout;
        match incoming.socket.read(Some(until)).await {
            Ok(None) => {
                self.show.info("Done waiting for 100-continue").await;
                Ok(false)
            }
            Ok(Some(bytes)) => {
                incoming.ended = bytes.is_empty();
                incoming.buffer = bytes;
                Ok(true)
            }
            Err(errno) => Err(self.fail(56, format!("Recv failure: {errno}")).await),
        }
    }

    pub async fn late(&mut self, received: u64, of: Option<u64>) -> Failure {
        let millis = (self.sys.now().await - self.single).as_millis();
        let of = of.map(|of| format!(" out of {of}")).unwrap_or_default();
        self.fail(
            28,
            format!("Operation timed out after {millis} milliseconds with {received}{of} bytes received"),
        )
        .await
    }

    /// More of what comes; says whether there was any.
    async fn more(
        &mut self,
        incoming: &mut Incoming<'_>,
        received: u64,
        of: Option<u64>,
    ) -> Result<bool, Failure> {
        if incoming.ended {
            return Ok(false);
        }
        let deadline = self.deadline(false);
        loop {
            let tick = self.show.next_tick();
            let until = match (deadline, tick) {
                (Some(deadline), Some(tick)) => Some(deadline.min(tick)),
                (deadline, tick) => deadline.or(tick),
            };
            let answer = incoming.socket.read(until).await;
            let now: Instant = self.sys.now().await;
            match answer {
                Ok(Some(bytes)) => {
                    incoming.ended = bytes.is_empty();
                    incoming.buffer.extend(bytes);
                    return Ok(!incoming.ended);
                }
                Ok(None) if deadline.is_some_and(|deadline| now >= deadline) => {
                    return Err(self.late(received, of).await);
                }
                Ok(None) => self.show.tick(now).await,
                Err(errno) => return Err(self.fail(56, format!("Recv failure: {errno}")).await),
            }
        }
    }

    /// One head, to its empty line.
    async fn head(
        &mut self,
        incoming: &mut Incoming<'_>,
        method: &Method,
        info: &mut Info,
        sink: &mut Sink,
    ) -> Result<Head, Failure> {
        let mut head = Head {
            status: 0,
            old: false,
            length: None,
            chunked: false,
            close: false,
            keep_alive: false,
            location: None,
        };
        info.headers.clear();
        info.redirect = None;
        loop {
            let line = match self.line(incoming, info.header_bytes).await? {
                Some(line) => line,
                // The server went away within the head; curl takes that as its end.
                None => {
                    head.length = Some(0);
                    return Ok(head);
                }
            };
            if info.first_byte.is_zero() {
                info.first_byte = self.sys.now().await - self.operation;
            }
            let text = String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned();
            if head.status == 0 {
                let Some((status, old)) = status(&text) else {
                    return Err(self.fail(1, String::from("Received HTTP/0.9 when not allowed")).await);
                };
                (head.status, head.old, info.status) = (status, old, status);
                info.version = if old { "1" } else { "1.1" };
                if old {
                    self.show.info("HTTP 1.0, assume close after body").await;
                }
            } else if text.is_empty() {
                self.head_ends(&line, &head, method, info, sink).await?;
                return Ok(head);
            } else {
                self.field(&text, &mut head, info).await?;
            }
            self.show_head(&line, info, sink).await?;
        }
    }

    async fn show_head(&mut self, line: &[u8], info: &mut Info, sink: &mut Sink) -> Result<(), Failure> {
        info.header_bytes += line.len() as u64;
        self.show.lines(Mark::HeadIn, line).await;
        self.keep_head(line, sink).await
    }

    /// -i, -I and -D
    async fn keep_head(&mut self, line: &[u8], sink: &mut Sink) -> Result<(), Failure> {
        match self.options.dump_header.as_deref() {
            Some("-") => self.sys.write(1, line).await.unwrap_or_default(),
            Some(path) if self.sys.append_file(path, line).await.is_err() => {
                return Err(Failure::new(23, "Failed writing received data to disk/application"));
            }
            _ => {}
        }
        if self.options.include || self.options.head { sink.write(line).await } else { Ok(()) }
    }

    async fn head_ends(
        &mut self,
        line: &[u8],
        head: &Head,
        method: &Method,
        info: &mut Info,
        sink: &mut Sink,
    ) -> Result<(), Failure> {
        if (100..200).contains(&head.status) {
            info.header_bytes += line.len() as u64;
            return self.keep_head(line, sink).await;
        }
        let has_body = method.kind != "HEAD" && !matches!(head.status, 204 | 304);
        if has_body && head.length.is_none() && !head.chunked && !head.close && !head.old {
            self.show.info("no chunk, no close, no size. Assume close to signal end").await;
        }
        if self.options.fail && head.status >= 400 {
            let text = format!("The requested URL returned error: {}", head.status);
            return Err(self.fail(22, text).await);
        }
        self.show_head(line, info, sink).await
    }

    /// A line of the head; `None` if the server stopped in the middle of the head.
    async fn line(&mut self, incoming: &mut Incoming<'_>, so_far: u64) -> Result<Option<Vec<u8>>, Failure> {
        loop {
            if let Some(at) = incoming.buffer.iter().position(|byte| *byte == b'\n') {
                return Ok(Some(incoming.buffer.drain(..=at).collect()));
            }
            let begun = incoming.buffer.len() >= 5;
            if so_far == 0 && begun && !incoming.buffer.starts_with(b"HTTP/") {
                return Err(self.fail(1, String::from("Received HTTP/0.9 when not allowed")).await);
            }
            if incoming.buffer.len() > LINE_BYTES {
                return Err(self.fail(56, String::from("Too large response headers: 102401 > 102400")).await);
            }
            if !self.more(incoming, 0, None).await? {
                if so_far == 0 && incoming.buffer.is_empty() {
                    return Err(self.fail(52, String::from("Empty reply from server")).await);
                }
                if so_far == 0 && !b"HTTP/".starts_with(incoming.buffer.get(..5).unwrap_or(&incoming.buffer))
                {
                    return Err(self.fail(1, String::from("Received HTTP/0.9 when not allowed")).await);
                }
                return Ok(None);
            }
        }
    }

    async fn field(&mut self, text: &str, head: &mut Head, info: &mut Info) -> Result<(), Failure> {
        let (name, value) = text.split_once(':').unwrap_or((text, ""));
        let value = value.trim();
        info.headers.push((name.to_owned(), value.to_owned()));
        let has = |word: &str| value.split(',').any(|part| part.trim().eq_ignore_ascii_case(word));
        match name.to_ascii_lowercase().as_str() {
            "content-length" if !self.options.ignore_length => match value.parse() {
                Ok(length) => head.length = Some(length),
                Err(_) => return Err(self.fail(8, String::from("Invalid Content-Length: value")).await),
            },
            "content-type" => info.content_type = Some(value.to_owned()),
            "transfer-encoding" => head.chunked |= has("chunked"),
            "connection" => {
                head.close |= has("close");
                head.keep_alive |= has("keep-alive");
            }
            "location" => head.location = Some(value.to_owned()),
            "retry-after" => info.retry_after = value.parse().ok(),
            "www-authenticate" if head.status == 401 && self.options.user.is_some() => {
                self.show.info("Authentication problem. Ignoring this.").await;
            }
            _ => {}
        }
        Ok(())
    }

    async fn body(
        &mut self,
        incoming: &mut Incoming<'_>,
        url: &Url,
        method: &Method,
        head: &Head,
        info: &mut Info,
        sink: &mut Sink,
    ) -> Result<Answer, Failure> {
        let end = match head {
            _ if method.kind == "HEAD" || matches!(head.status, 204 | 304) => End::Length(0),
            Head { chunked: true, .. } => End::Chunks,
            Head { length: Some(length), .. } => End::Length(*length),
            _ => End::Close,
        };
        let close = head.close || end == End::Close || head.old && !head.keep_alive;
        let redirect = head.location.as_deref().filter(|_| (300..400).contains(&head.status));
        let next = redirect.map(|location| url.join(location));
        info.redirect = next.clone();
        let follow = next.filter(|_| self.options.location);
        if follow.is_some() {
            if close {
                return Ok(Answer { keep: false, follow });
            }
            self.show.info("Ignoring the response-body").await;
        }
        let mut out = Some(sink).filter(|_| follow.is_none());
        let excess = match end {
            End::Chunks => self.chunks(incoming, &mut out, info).await?,
            End::Length(length) => self.until(incoming, Some(length), &mut out, info).await?,
            End::Close => self.until(incoming, None, &mut out, info).await?,
        };
        Ok(Answer { keep: !close && !excess, follow })
    }

    async fn take(
        &mut self,
        bytes: &[u8],
        out: &mut Option<&mut Sink>,
        info: &mut Info,
    ) -> Result<(), Failure> {
        info.received += bytes.len() as u64;
        self.show.received(bytes.len());
        match out {
            Some(sink) if !bytes.is_empty() => {
                let done = sink.write(bytes).await;
                if let Err(failure) = &done {
                    self.show.info(&failure.text).await;
                }
                done
            }
            _ => Ok(()),
        }
    }

    /// A body of this length, or to the connection's end; true if more came than that.
    async fn until(
        &mut self,
        incoming: &mut Incoming<'_>,
        length: Option<u64>,
        out: &mut Option<&mut Sink>,
        info: &mut Info,
    ) -> Result<bool, Failure> {
        self.show.expect(length);
        let mut left = length;
        while left != Some(0) {
            if incoming.buffer.is_empty() && !self.more(incoming, info.received, length).await? {
                return match left {
                    None => Ok(false),
                    Some(left) => Err(self
                        .fail(18, format!("transfer closed with {left} bytes remaining to read"))
                        .await),
                };
            }
            let bytes = std::mem::take(&mut incoming.buffer);
            self.show.data(Mark::DataIn, bytes.len()).await;
            let part =
                left.map_or(bytes.len(), |left| usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len()));
            if part < bytes.len() {
                let (excess, size) = (bytes.len() - part, length.unwrap_or_default());
                let count = info.received;
                let text = format!(
                    "Excess found in a read: excess = {excess}, size = {size}, maxdownload = {size}, bytecount = {count}"
                );
                self.show.info(text).await;
                self.take(&bytes[..part], out, info).await?;
                return Ok(true);
            }
            self.take(&bytes, out, info).await?;
            left = left.map(|left| left - part as u64);
        }
        Ok(!incoming.buffer.is_empty())
    }

    async fn chunks(
        &mut self,
        incoming: &mut Incoming<'_>,
        out: &mut Option<&mut Sink>,
        info: &mut Info,
    ) -> Result<bool, Failure> {
        self.show.data(Mark::DataIn, incoming.buffer.len()).await;
        loop {
            let line = self.chunk_line(incoming, info).await?;
            let digits: String = line.chars().take_while(char::is_ascii_hexdigit).collect();
            let Ok(size) = usize::from_str_radix(&digits, 16) else {
                return Err(self
                    .fail(56, String::from("Illegal or missing hexadecimal sequence in chunked-encoding"))
                    .await);
            };
            if size == 0 {
                while !self.chunk_line(incoming, info).await?.is_empty() {}
                return Ok(!incoming.buffer.is_empty());
            }
            let mut left = size;
            while left > 0 {
                if incoming.buffer.is_empty() {
                    self.more_chunk(incoming, info).await?;
                }
                let part = left.min(incoming.buffer.len());
                let bytes: Vec<u8> = incoming.buffer.drain(..part).collect();
                self.take(&bytes, out, info).await?;
                left -= part;
            }
            self.chunk_line(incoming, info).await?;
        }
    }

    async fn more_chunk(&mut self, incoming: &mut Incoming<'_>, info: &Info) -> Result<(), Failure> {
        if self.more(incoming, info.received, None).await? {
            self.show.data(Mark::DataIn, incoming.buffer.len()).await;
            return Ok(());
        }
        Err(self.fail(18, String::from("transfer closed with outstanding read data remaining")).await)
    }

    async fn chunk_line(&mut self, incoming: &mut Incoming<'_>, info: &Info) -> Result<String, Failure> {
        loop {
            if let Some(at) = incoming.buffer.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = incoming.buffer.drain(..=at).collect();
                return Ok(String::from_utf8_lossy(&line).trim_end().to_owned());
            }
            if incoming.buffer.len() > LINE_BYTES {
                return Err(self.fail(56, String::from("Too long chunk header")).await);
            }
            self.more_chunk(incoming, info).await?;
        }
    }
}

/// `HTTP/1.1 200 OK` or `None`; true for HTTP/1.0.
fn status(line: &str) -> Option<(u16, bool)> {
    let (version, rest) = line.strip_prefix("HTTP/")?.split_once(' ')?;
    let status = rest.trim_start().get(..3)?.parse().ok()?;
    Some((status, version == "1.0"))
}
