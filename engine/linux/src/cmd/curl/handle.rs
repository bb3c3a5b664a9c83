//! One URL after another: connections kept and taken up again, requests, redirects.
//!
//! Source: curl 7.88.1 `lib/multi.c`, `lib/url.c` (ConnectionExists), `lib/transfer.c` (Curl_follow).

use super::connect::Target;
use super::options::Options;
use super::show::Show;
use super::sink::Sink;
use super::url::Url;
use crate::socket::Socket;
use crate::sys::Sys;
use net::Errno;
use sim::Instant;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

/// An end of a transfer that is not the good one: curl's exit code and its words.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    pub code: u8,
    pub text: String,
    /// The server refused the connection (for --retry-connrefused).
    pub refused: bool,
}

impl Failure {
    pub fn new(code: u8, text: impl Into<String>) -> Failure {
        Failure { code, text: text.into(), refused: false }
    }
}

/// What -w can tell of a transfer.
#[derive(Clone, Debug, Default)]
pub(super) struct Info {
    pub url: String,
    pub effective: String,
    pub method: String,
    pub scheme: String,
    pub status: u16,
    pub version: &'static str,
    pub content_type: Option<String>,
    pub referer: Option<String>,
    pub redirect: Option<String>,
    pub redirects: u32,
    pub connects: u32,
    pub local: Option<SocketAddr>,
    pub remote: Option<SocketAddr>,
    pub headers: Vec<(String, String)>,
    pub header_bytes: u64,
    pub request_bytes: u64,
    pub received: u64,
    pub sent: u64,
    pub name_looked_up: Duration,
    pub connected: Duration,
    pub pretransfer: Duration,
    pub first_byte: Duration,
    pub redirected: Duration,
    pub total: Duration,
    pub retry_after: Option<u64>,
}

/// What a request carries.
#[derive(Clone, Debug, Default)]
pub(super) struct Body {
    pub bytes: Vec<u8>,
    pub content_type: Option<String>,
    /// -T: sent after a 100 (Continue), by PUT; without a length where it comes from stdin.
    pub upload: bool,
    pub chunked: bool,
}

pub(super) struct Connection {
    pub id: u32,
    pub socket: Socket,
    pub target: Target,
    pub scheme: String,
    pub local: SocketAddr,
    pub remote: SocketAddr,
    /// It carried a request before.
    pub used: bool,
}

pub(super) struct Handle<'a> {
    pub sys: Sys,
    pub options: &'a Options,
    pub show: Show,
    pub names: BTreeMap<(String, u16), Vec<SocketAddr>>,
    kept: Vec<Connection>,
    next_id: u32,
    /// When the transfer began, and its last request.
    pub operation: Instant,
    pub single: Instant,
}

/// How a request ended well.
pub(super) struct Answer {
    /// The connection can carry another.
    pub keep: bool,
    /// The URL that was led to, if it is to be followed.
    pub follow: Option<String>,
}

impl<'a> Handle<'a> {
    pub fn new(sys: &Sys, options: &'a Options) -> Handle<'a> {
        Handle {
            sys: sys.clone(),
            options,
            show: Show::new(sys, options.verbose),
            names: BTreeMap::new(),
            kept: Vec::new(),
            next_id: 0,
            operation: Instant::default(),
            single: Instant::default(),
        }
    }

    /// Tells -v's reader, and returns it.
    pub async fn fail(&mut self, code: u8, text: String) -> Failure {
        self.show.info(&text).await;
        Failure::new(code, text)
    }

    /// One transfer, with all that it is redirected to.
    pub async fn transfer(
        &mut self,
        text: &str,
        body: &Body,
        info: &mut Info,
        sink: &mut Sink,
    ) -> Result<(), Failure> {
        self.operation = self.sys.now().await;
        self.resolve_entries().await;
        let mut text = text.to_owned();
        let mut method = Method::new(self.options, body);
        let mut origin: Option<Url> = None;
        loop {
            self.single = self.sys.now().await;
            info.redirected = if info.redirects > 0 { self.single - self.operation } else { Duration::ZERO };
            let url = match self.read_url(&text).await {
                Ok(url) => url,
                Err(failure) => {
                    self.show.info("Closing connection -1").await;
                    return Err(failure);
                }
            };
            info.effective = url.text();
            info.method = method.word().to_owned();
            let own = origin.get_or_insert_with(|| url.clone());
            let trusted =
                self.options.trusted || (own.host.as_str(), own.port()) == (url.host.as_str(), url.port());
            self.show.request(self.single).await;
            let answer = self.request(&url, &method, body, trusted, info, sink).await;
            info.total = self.sys.now().await - self.operation;
            let Some(next) = answer? else { return Ok(()) };
            if self.options.redirects.is_some_and(|most| info.redirects >= most) {
                let most = self.options.redirects.unwrap_or_default();
                return Err(self.fail(47, format!("Maximum ({most}) redirects followed")).await);
            }
            info.redirects += 1;
            self.follow(&url, &next, &mut method, info.status).await;
            text = next;
        }
    }

    async fn follow(&mut self, from: &Url, next: &str, method: &mut Method, status: u16) {
        if let Some(to) = Url::parse(next, false) {
            if to.port() != from.port() {
                self.show
                    .info(format!("Clear auth, redirects to port from {} to {}", from.port(), to.port()))
                    .await;
            } else if to.scheme != from.scheme {
                self.show
                    .info(format!("Clear auth, redirects scheme from {} to {}", from.scheme, to.scheme))
                    .await;
            }
        }
        self.show.info(format!("Issue another request to this URL: '{next}'")).await;
        let keep = match status {
            301 => self.options.keep_post[0],
            302 => self.options.keep_post[1],
            303 => self.options.keep_post[2],
            _ => true,
        };
        if keep || matches!(method.kind, "GET" | "HEAD") {
            return;
        }
        if status == 303 {
            self.show.info("Switch to GET").await;
            method.kind = "GET";
        } else if method.kind == "POST" {
            self.show.info("Switch from POST to GET").await;
            method.kind = "GET";
        }
    }

    async fn read_url(&mut self, text: &str) -> Result<Url, Failure> {
        const MALFORMED: &str = "URL using bad/illegal format or missing URL";
        let url = Url::parse(text, self.options.path_as_is).ok_or_else(|| Failure::new(3, MALFORMED))?;
        const OTHERS: &[&str] = &[
            "dict", "file", "ftp", "ftps", "gopher", "gophers", "imap", "imaps", "ldap", "ldaps", "mqtt",
            "pop3", "pop3s", "rtmp", "rtsp", "scp", "sftp", "smb", "smbs", "smtp", "smtps", "telnet", "tftp",
        ];
        match url.scheme.as_str() {
            "http" | "https" => Ok(url),
            other if OTHERS.contains(&other) => {
                Err(self.fail(1, format!("{other}://: not simulated in vethlab; use http://")).await)
            }
            _ => Err(self
                .fail(1, format!("Protocol \"{}\" not supported or disabled in libcurl", url.scheme))
                .await),
        }
    }

    /// `--resolve HOST:PORT:ADDRESS[,ADDRESS]…`
    async fn resolve_entries(&mut self) {
        for entry in &self.options.resolve {
            let mut parts = entry.trim_start_matches('+').splitn(3, ':');
            let (Some(host), Some(port), addresses) = (parts.next(), parts.next(), parts.next()) else {
                continue;
            };
            let Ok(port) = port.parse() else { continue };
            let Some(addresses) = addresses else {
                self.names.remove(&(host.trim_start_matches('-').to_ascii_lowercase(), port));
                continue;
            };
            let found: Vec<_> = addresses
                .split(',')
                .filter_map(|text| text.trim_matches(['[', ']']).parse().ok())
                .map(|address| SocketAddr::new(address, port))
                .collect();
            self.show.info(format!("Added {host}:{port}:{addresses} to DNS cache")).await;
            self.names.insert((host.to_ascii_lowercase(), port), found);
        }
    }

    /// One request and its answer; says where it leads.
    async fn request(
        &mut self,
        url: &Url,
        method: &Method,
        body: &Body,
        trusted: bool,
        info: &mut Info,
        sink: &mut Sink,
    ) -> Result<Option<String>, Failure> {
        let target = self.target(url);
        loop {
            let id = self.next_id;
            let outcome = match self.connection(&target, url, info).await {
                Ok(connection) => {
                    let outcome = self.converse(&connection, url, method, body, trusted, info, sink).await;
                    Ok((connection, outcome))
                }
                Err(failure) => Err(failure),
            };
            let now = self.sys.now().await;
            match outcome {
                Err(failure) => {
                    self.next_id = self.next_id.max(id + 1);
                    self.show.done(now).await;
                    self.show.info(format!("Closing connection {id}")).await;
                    return Err(failure);
                }
                // A kept connection that the server had just closed.
                Ok((connection, Err(failure))) if connection.used && failure.code == 52 => {
                    self.show.info("Connection died, retrying a fresh connect (retry count: 1)").await;
                    self.show.info(format!("Closing connection {}", connection.id)).await;
                }
                Ok((connection, Err(failure))) => {
                    self.show.done(now).await;
                    self.show.info(format!("Closing connection {}", connection.id)).await;
                    return Err(failure);
                }
                Ok((mut connection, Ok(answer))) => {
                    self.show.done(now).await;
                    if answer.keep {
                        let text = format!(
                            "Connection #{} to host {} left intact",
                            connection.id, connection.target.shown
                        );
                        self.show.info(text).await;
                        connection.used = true;
                        self.kept.push(connection);
                    } else {
                        self.show.info(format!("Closing connection {}", connection.id)).await;
                    }
                    return Ok(answer.follow);
                }
            }
        }
    }

    /// A kept connection to there, or a new one.
    async fn connection(
        &mut self,
        target: &Target,
        url: &Url,
        info: &mut Info,
    ) -> Result<Connection, Failure> {
        if let Some(connection) = self.kept_to(target, url).await {
            (info.local, info.remote) = (Some(connection.local), Some(connection.remote));
            info.scheme.clone_from(&url.scheme);
            let spent = self.sys.now().await - self.operation;
            (info.name_looked_up, info.connected, info.pretransfer) = (spent, spent, spent);
            return Ok(connection);
        }
        let id = self.next_id;
        self.next_id += 1;
        if target.host != url.host && !target.proxy {
            self.show.info(format!("Connecting to hostname: {}", target.host)).await;
        }
        if (target.port != url.port() || target.host != url.host) && !target.proxy {
            self.show.info(format!("Connecting to port: {}", target.port)).await;
        }
        let addresses = self.addresses(target).await?;
        info.name_looked_up = self.sys.now().await - self.operation;
        let (socket, remote) = self.dial(target, &addresses).await?;
        info.connects += 1;
        info.scheme.clone_from(&url.scheme);
        let local = socket.local().await.unwrap_or(remote);
        info.connected = self.sys.now().await - self.operation;
        (info.local, info.remote) = (Some(local), Some(remote));
        let text = format!("Connected to {} ({}) port {} (#{id})", target.shown, remote.ip(), remote.port());
        self.show.info(text).await;
        if url.scheme == "https" {
            self.greet(&socket, url).await?;
        }
        info.pretransfer = self.sys.now().await - self.operation;
        let scheme = url.scheme.clone();
        Ok(Connection { id, socket, target: target.clone(), scheme, local, remote, used: false })
    }

    async fn kept_to(&mut self, target: &Target, url: &Url) -> Option<Connection> {
        let fits = |kept: &Connection| kept.target == *target && kept.scheme == url.scheme;
        let mut told = false;
        while let Some(at) = self.kept.iter().position(fits) {
            let kept = self.kept.remove(at);
            if !told {
                told = true;
                let place = 0x5572_0e95_a440_u64 + u64::from(self.sys.pid().await) * 0x1_1000;
                self.show.info(format!("Found bundle for host: {place:#x} [serially]")).await;
                self.show.info("Can not multiplex, even if we wanted to").await;
            }
            // Nothing to read yet: the server still waits for us.
            let alive = matches!(kept.socket.call(|net, id| net.recv(id, 1)).await, Err(Errno::EAGAIN));
            if alive {
                let text =
                    format!("Re-using existing connection #{} with host {}", kept.id, kept.target.shown);
                self.show.info(text).await;
                return Some(kept);
            }
            self.show.info(format!("Connection {} seems to be dead", kept.id)).await;
            self.show.info(format!("Closing connection {}", kept.id)).await;
        }
        None
    }
}

/// How to ask.
#[derive(Clone, Debug)]
pub(super) struct Method {
    /// GET, HEAD, POST or PUT, by what is sent.
    pub kind: &'static str,
    /// -X
    pub custom: Option<String>,
}

impl Method {
    fn new(options: &Options, body: &Body) -> Method {
        let kind = match () {
            () if options.head => "HEAD",
            () if body.upload => "PUT",
            () if body.content_type.is_some() => "POST",
            () => "GET",
        };
        Method { kind, custom: options.method.clone() }
    }

    pub fn word(&self) -> &str {
        self.custom.as_deref().unwrap_or(self.kind)
    }
}
