//! The test web server: every request gets the same status and a body made from a template.
//!
//! In the template stand `{id} {peer} {peerport} {local} {localport} {path} {host} {method} {xff} {data}`.
//! Always: one request a connection; the answer closes it.

use super::crew::Crew;
use super::fixture::Listen;
use crate::socket::Socket;
use crate::sys::Sys;
use net::{Errno, Shutdown};
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

/// A request's head and body are read up to this; a longer one is cut off by closing.
const REQUEST_BYTES: usize = 16 << 20;
/// How long the server waits for the client's end after answering.
const DRAIN: Duration = Duration::from_secs(2);

#[derive(Clone, Debug)]
pub(super) struct Server {
    pub id: String,
    pub listen: Listen,
    pub body: String,
    pub status: u16,
    pub delay: Duration,
    pub location: Option<String>,
}

pub(super) async fn run(sys: Sys, crew: Crew, server: Server) -> Result<(), Errno> {
    let listener = server.listen.tcp(&sys).await?;
    let (server, inner) = (Rc::new(server), crew.clone());
    crew.add(inner.serve(listener, move |connection, peer| {
        let (sys, server) = (sys.clone(), Rc::clone(&server));
        async move {
            // The client may hang up at any time; then there is nobody to tell.
            server.converse(&sys, connection, peer).await.ok();
        }
    }));
    crew.run().await;
    Ok(())
}

/// What the template may name.
struct Request {
    method: String,
    path: String,
    host: String,
    forwarded_for: String,
    data: String,
}

impl Server {
    async fn converse(&self, sys: &Sys, connection: Socket, peer: SocketAddr) -> Result<(), Errno> {
        let Some(request) = read(&connection).await? else { return Ok(()) };
        if !self.delay.is_zero() {
            sys.sleep(self.delay).await;
        }
        let local = connection.local().await?;
        let body = self.filled(&request, peer, local);
        let location = self.location.as_ref().map(|url| format!("Location: {url}\r\n")).unwrap_or_default();
        let mut answer = format!(
            "HTTP/1.1 {} {}\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n{location}Connection: close\r\n\r\n",
            self.status,
            reason(self.status),
            body.len(),
        );
        if request.method != "HEAD" {
            answer.push_str(&body);
        }
        connection.write(answer.as_bytes(), None).await?;
        connection.shutdown(Shutdown::Write).await?;
        loop {
            let deadline = sys.now().await + DRAIN;
            if connection.read(Some(deadline)).await?.is_none_or(|bytes| bytes.is_empty()) {
                return Ok(());
            }
        }
    }

    fn filled(&self, request: &Request, peer: SocketAddr, local: SocketAddr) -> String {
        let mut body = self.body.clone();
        let values = [
            ("{id}", self.id.clone()),
            ("{peer}", plain(peer.ip())),
            ("{peerport}", peer.port().to_string()),
            ("{local}", plain(local.ip())),
            ("{localport}", local.port().to_string()),
            ("{path}", request.path.clone()),
            ("{host}", request.host.clone()),
            ("{method}", request.method.clone()),
            ("{xff}", request.forwarded_for.clone()),
            ("{data}", request.data.clone()),
        ];
        for (word, value) in values {
            body = body.replace(word, &value);
        }
        body + "\n"
    }
}

/// An address without the IPv6 wrapping of a dual-stack socket.
pub(super) fn plain(address: IpAddr) -> String {
    address.to_canonical().to_string()
}

/// Bytes as ISO 8859-1, which has a character for each.
fn latin1(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}

/// The request; `None` where the client said nothing whole.
async fn read(connection: &Socket) -> Result<Option<Request>, Errno> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at;
        }
        let some = connection.read(None).await?.unwrap_or_default();
        if some.is_empty() || bytes.len() > REQUEST_BYTES {
            return Ok(None);
        }
        bytes.extend(some);
    };
    let head = latin1(&bytes[..end]);
    let mut data = bytes.split_off(end + 4);
    let mut lines = head.split("\r\n");
    let words: Vec<&str> = lines.next().unwrap_or_default().split(' ').collect();
    let headers: Vec<(String, &str)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim()))
        .collect();
    let header = |name: &str| headers.iter().rev().find(|(it, _)| it == name).map(|(_, value)| *value);
    let length: usize =
        header("content-length").and_then(|it| it.parse().ok()).unwrap_or(0).min(REQUEST_BYTES);
    while data.len() < length {
        let some = connection.read(None).await?.unwrap_or_default();
        if some.is_empty() {
            break;
        }
        data.extend(some);
    }
    Ok(Some(Request {
        method: words.first().copied().unwrap_or_default().to_owned(),
        path: words.get(1).copied().unwrap_or_default().to_owned(),
        host: header("host").unwrap_or_default().to_owned(),
        forwarded_for: header("x-forwarded-for").unwrap_or("-").to_owned(),
        data: latin1(&data),
    }))
}

fn reason(status: u16) -> &'static str {
    match status {
        201 => "Created",
        301 => "Moved Permanently",
        302 => "Found",
        400 => "Bad Request",
        403 => "Forbidden",
        404 => "Not Found",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        _ => "OK",
    }
}
