//! Passing a request on: which server of an upstream gets it, and what becomes of its answer.
//!
//! Differs from nginx: an answer is taken whole before it is passed on; no caching, no keep-alive to upstreams.
//! Source: nginx 1.22 `http/modules/ngx_http_proxy_module.c`, `http/ngx_http_upstream_round_robin.c`.

use super::answer::Answer;
use super::config::{Location, Match, Peer, Upstream};
use super::request::Request;
use super::{HIDDEN, Nginx};
use crate::resolver::{self, Hints};
use crate::socket::Socket;
use crate::sys::Sys;
use net::SocketKind;
use sim::Instant;
use std::net::SocketAddr;
use std::time::Duration;

/// An answer beyond this is cut off.
const ANSWER_BYTES: usize = 16 << 20;

/// What is remembered of a server of an upstream.
#[derive(Clone, Debug, Default)]
pub(super) struct Health {
    current: i64,
    effective: Option<i64>,
    fails: u32,
    checked: Instant,
}

/// Why a server gave no answer: the status that stands for it.
type Failed = u16;

impl Nginx {
    pub(super) async fn proxy(
        &self,
        sys: &Sys,
        request: &Request,
        location: &Location,
        url: &str,
        rewritten: bool,
    ) -> Answer {
        let filled = request.filled(url);
        let rest = filled.strip_prefix("http://").unwrap_or(&filled);
        let (host, own) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let query = request.query.as_ref().map(|query| format!("?{query}")).unwrap_or_default();
        let target = match &location.matches {
            _ if own.is_empty() && !rewritten => request.target.clone(),
            _ if own.is_empty() || rewritten => request.path.clone() + &query,
            Match::Prefix(prefix) | Match::Firm(prefix) | Match::Exact(prefix) => {
                format!("{own}{}{query}", request.path.strip_prefix(prefix.as_str()).unwrap_or_default())
            }
            Match::Regex(_) => own.to_owned(),
        };
        let bytes = self.message(request, location, host, &target);
        let single = Upstream {
            name: host.to_owned(),
            peers: vec![Peer {
                address: if host.contains(':') { host.to_owned() } else { format!("{host}:80") },
                weight: 1,
                down: false,
                backup: false,
                max_fails: 0,
                fail_timeout: 10,
            }],
        };
        let upstream = self.config.upstreams.iter().find(|upstream| upstream.name == host).unwrap_or(&single);
        let mut tried = Vec::new();
        let mut failed = 502;
        while let Some(index) = self.choose(sys, upstream, &tried).await {
            tried.push(index);
            match self.exchange(sys, &upstream.peers[index], location, &bytes, request).await {
                Ok(mut answer) => {
                    self.succeeded(upstream, index);
                    redirected(&mut answer, host);
                    return answer;
                }
                Err(status) => {
                    failed = status;
                    self.failed(sys, upstream, index).await;
                }
            }
        }
        Answer::page(failed, self.config.tokens)
    }

    /// The request in HTTP/1.0, as the upstream gets it.
    fn message(&self, request: &Request, location: &Location, host: &str, target: &str) -> Vec<u8> {
        let mut text = format!("{} {target} HTTP/1.0\r\n", request.method);
        let set = &location.settings.proxy_headers;
        let is_set = |name: &str| set.iter().any(|(other, _)| other.eq_ignore_ascii_case(name));
        let mut request = request.clone();
        request.variables.insert(String::from("proxy_host"), host.to_owned());
        for (name, value) in set {
            let value = request.filled(value);
            if !value.is_empty() {
                text += &format!("{name}: {value}\r\n");
            }
        }
        if !is_set("Host") {
            text += &format!("Host: {host}\r\n");
        }
        if !is_set("Connection") {
            text += "Connection: close\r\n";
        }
        if !request.body.is_empty() {
            text += &format!("Content-Length: {}\r\n", request.body.len());
        }
        const OWN: &[&str] = &[
            "Host",
            "Connection",
            "Content-Length",
            "Transfer-Encoding",
            "TE",
            "Keep-Alive",
            "Expect",
            "Upgrade",
        ];
        for (name, value) in &request.headers {
            if !is_set(name) && !OWN.iter().any(|own| own.eq_ignore_ascii_case(name)) {
                text += &format!("{name}: {value}\r\n");
            }
        }
        let mut bytes = (text + "\r\n").into_bytes();
        bytes.extend(&request.body);
        bytes
    }

    /// The next server by smooth weighted round robin; `None`: no live upstreams.
    async fn choose(&self, sys: &Sys, upstream: &Upstream, tried: &[usize]) -> Option<usize> {
        let now = sys.now().await;
        let mut health = self.health.borrow_mut();
        let single = upstream.peers.len() == 1;
        for backup in [false, true] {
            let (mut best, mut total): (Option<(usize, i64)>, i64) = (None, 0);
            for (index, peer) in upstream.peers.iter().enumerate() {
                let state = health.entry((upstream.name.clone(), index)).or_default();
                let resting = !single
                    && peer.max_fails > 0
                    && state.fails >= peer.max_fails
                    && now - state.checked <= Duration::from_secs(peer.fail_timeout);
                if peer.down && !single || peer.backup != backup || tried.contains(&index) || resting {
                    continue;
                }
                let effective = state.effective.unwrap_or(peer.weight);
                state.current += effective;
                total += effective;
                if effective < peer.weight {
                    state.effective = Some(effective + 1);
                }
                if best.is_none_or(|(_, current)| state.current > current) {
                    best = Some((index, state.current));
                }
            }
            if let Some((index, _)) = best {
                if let Some(state) = health.get_mut(&(upstream.name.clone(), index)) {
                    state.current -= total;
                }
                return Some(index);
            }
        }
        None
    }

    fn succeeded(&self, upstream: &Upstream, index: usize) {
        if let Some(state) = self.health.borrow_mut().get_mut(&(upstream.name.clone(), index)) {
            state.fails = 0;
        }
    }

    async fn failed(&self, sys: &Sys, upstream: &Upstream, index: usize) {
        let now = sys.now().await;
        let peer = &upstream.peers[index];
        if let Some(state) = self.health.borrow_mut().get_mut(&(upstream.name.clone(), index)) {
            state.fails = state.fails.saturating_add(1);
            state.checked = now;
            if peer.max_fails > 0 {
                let effective =
                    state.effective.unwrap_or(peer.weight) - peer.weight / i64::from(peer.max_fails);
                state.effective = Some(effective.max(0));
            }
        }
    }

    async fn exchange(
        &self,
        sys: &Sys,
        peer: &Peer,
        location: &Location,
        bytes: &[u8],
        request: &Request,
    ) -> Result<Answer, Failed> {
        let address = resolved(sys, &peer.address).await.ok_or(502u16)?;
        let seconds = |seconds| Duration::from_secs(seconds);
        let deadline = sys.now().await + seconds(location.settings.connect_timeout);
        let socket = sys.socket(SocketKind::Tcp).await.map_err(|_| 502u16)?;
        match socket.connect(address, Some(deadline)).await {
            Ok(Some(())) => {}
            Ok(None) => return Err(504),
            Err(_) => return Err(502),
        }
        let deadline = sys.now().await + seconds(location.settings.read_timeout);
        socket.write(bytes, Some(deadline)).await.map_err(|_| 502u16)?.ok_or(504u16)?;
        let mut answer = Vec::new();
        loop {
            if let Some(parsed) = parsed(&answer, false, request)? {
                return Ok(parsed);
            }
            let deadline = sys.now().await + seconds(location.settings.read_timeout);
            match read(&socket, deadline).await? {
                bytes if bytes.is_empty() => return parsed(&answer, true, request)?.ok_or(502),
                bytes if answer.len() + bytes.len() > ANSWER_BYTES => return Err(502),
                bytes => answer.extend(bytes),
            }
        }
    }
}

async fn read(socket: &Socket, deadline: Instant) -> Result<Vec<u8>, Failed> {
    socket.read(Some(deadline)).await.map_err(|_| 502u16)?.ok_or(504)
}

async fn resolved(sys: &Sys, address: &str) -> Option<SocketAddr> {
    if let Ok(address) = address.parse() {
        return Some(address);
    }
    let (host, port) = address.rsplit_once(':')?;
    let found = resolver::getaddrinfo(sys, host.trim_matches(['[', ']']), Hints::default()).await.ok()?;
    Some(SocketAddr::new(found.first()?.address, port.parse().ok()?))
}

/// A whole answer; `None`: there is more to come.
fn parsed(bytes: &[u8], ended: bool, request: &Request) -> Result<Option<Answer>, Failed> {
    let mut headers = [httparse::EMPTY_HEADER; 100];
    let mut head = httparse::Response::new(&mut headers);
    let length = match head.parse(bytes) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(_) => return Err(502),
    };
    let status = head.code.ok_or(502u16)?;
    let line = format!("{status} {}", head.reason.unwrap_or_default());
    let mut answer = Answer {
        status,
        status_line: Some(line.trim_end().to_owned()),
        unmeasured: true,
        ..Answer::default()
    };
    let (mut measured, mut chunked) = (None, false);
    for header in head.headers.iter() {
        let value = String::from_utf8_lossy(header.value).into_owned();
        match header.name.to_ascii_lowercase().as_str() {
            "content-type" => answer.content_type = Some(value),
            "content-length" => measured = Some(value.parse::<usize>().map_err(|_| 502u16)?),
            "last-modified" => answer.last_modified = Some(value),
            "location" => answer.location = Some(value),
            "transfer-encoding" => chunked = value.to_ascii_lowercase().contains("chunked"),
            name if HIDDEN.contains(&name) => {}
            _ => answer.headers.push((header.name.to_owned(), value)),
        }
    }
    let body = &bytes[length..];
    if request.method == "HEAD" || matches!(status, 204 | 304) {
        (answer.unmeasured, answer.length) = (measured.is_none(), measured.map(|length| length as u64));
        return Ok(Some(answer));
    }
    if chunked {
        return match unchunked(body)? {
            Some(body) => Ok(Some(Answer { body, ..answer })),
            None if ended => Err(502),
            None => Ok(None),
        };
    }
    match measured {
        Some(length) if body.len() >= length => {
            Ok(Some(Answer { body: body[..length].to_vec(), unmeasured: false, ..answer }))
        }
        Some(_) if ended => Err(502),
        None if ended => Ok(Some(Answer { body: body.to_vec(), ..answer })),
        _ => Ok(None),
    }
}

fn unchunked(mut bytes: &[u8]) -> Result<Option<Vec<u8>>, Failed> {
    let mut body = Vec::new();
    loop {
        match httparse::parse_chunk_size(bytes) {
            Err(_) => return Err(502),
            Ok(httparse::Status::Partial) => return Ok(None),
            Ok(httparse::Status::Complete((_, 0))) => return Ok(Some(body)),
            Ok(httparse::Status::Complete((head, size))) => {
                let size = usize::try_from(size).ok().filter(|size| *size <= ANSWER_BYTES).ok_or(502u16)?;
                let Some(chunk) = bytes.get(head..head + size) else { return Ok(None) };
                body.extend(chunk);
                let Some(rest) = bytes.get(head + size + 2..) else { return Ok(None) };
                bytes = rest;
            }
        }
    }
}

/// proxy_redirect default: the upstream's own name is not the client's business.
fn redirected(answer: &mut Answer, host: &str) {
    let own = format!("http://{host}/");
    if let Some(location) = &mut answer.location
        && let Some(rest) = location.strip_prefix(&own)
    {
        *location = format!("/{rest}");
    }
}
