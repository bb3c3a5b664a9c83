//! What components show about themselves over HTTP: health, readiness, metrics.
//!
//! Always: one request a connection; a path that nobody answers for is 404.
//! Differs from Go's server: connections are not kept open.

use linux::Sys;
use linux::daemon::Crew;
use linux::socket::Socket;
use net::{Errno, Shutdown};
use sim::Instant;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

/// A request's head is read up to this; a longer one is hung up.
const HEAD_BYTES: usize = 64 << 10;
/// How long is waited for the request, and for the client's end after the answer.
const PATIENCE: Duration = Duration::from_secs(30);
const BACKLOG: u32 = 4096;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    pub status: u16,
    pub content_type: &'static str,
    pub body: String,
}

impl Page {
    pub fn plain(status: u16, body: impl Into<String>) -> Page {
        Page { status, content_type: "text/plain; charset=utf-8", body: body.into() }
    }

    pub fn json(status: u16, body: impl Into<String>) -> Page {
        Page { status, content_type: "application/json", body: body.into() }
    }

    /// In the text form that Prometheus reads.
    pub fn metrics(body: impl Into<String>) -> Page {
        Page { content_type: "text/plain; version=0.0.4; charset=utf-8", ..Page::plain(200, body) }
    }

    pub fn missing() -> Page {
        Page::plain(404, "404 page not found\n")
    }

    fn head(&self) -> String {
        let (status, length) = (self.status, self.body.len());
        let words = match status {
            200 => "OK",
            404 => "Not Found",
            500 => "Internal Server Error",
            _ => "Service Unavailable",
        };
        let sniff = if status == 200 && self.content_type.starts_with("text") {
            ""
        } else {
            "X-Content-Type-Options: nosniff\r\n"
        };
        format!(
            "HTTP/1.1 {status} {words}\r\nContent-Type: {}\r\n{sniff}Content-Length: {length}\r\nConnection: close\r\n\r\n",
            self.content_type
        )
    }
}

/// Listens, and answers each path by `answer` until the process ends.
pub async fn serve(
    sys: &Sys,
    crew: &Crew,
    local: SocketAddr,
    answer: impl Fn(&str, Instant) -> Page + 'static,
) -> Result<(), Errno> {
    let listener = sys.listen(local, BACKLOG).await?;
    let (sys, answer) = (sys.clone(), Rc::new(answer));
    crew.add(crew.clone().serve(listener, move |connection, _| {
        let (sys, answer) = (sys.clone(), Rc::clone(&answer));
        async move {
            // The client may hang up at any time; then there is nobody to tell.
            converse(&sys, &connection, &*answer).await.ok();
        }
    }));
    Ok(())
}

async fn converse(
    sys: &Sys,
    connection: &Socket,
    answer: &dyn Fn(&str, Instant) -> Page,
) -> Result<(), Errno> {
    let deadline = sys.now().await + PATIENCE;
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        match connection.read(Some(deadline)).await? {
            Some(bytes) if !bytes.is_empty() && head.len() < HEAD_BYTES => head.extend(bytes),
            _ => return Ok(()),
        }
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let mut words = head.split([' ', '\r']);
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let page = answer(target.split('?').next().unwrap_or_default(), sys.now().await);
    let body = if method == "HEAD" { "" } else { &page.body };
    connection.write((page.head() + body).as_bytes(), Some(deadline)).await?;
    connection.shutdown(Shutdown::Write).await?;
    while connection.read(Some(deadline)).await?.is_some_and(|bytes| !bytes.is_empty()) {}
    Ok(())
}
