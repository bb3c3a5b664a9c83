//! nginx: servers by name, locations by path, answers of its own, files, and passing on to upstreams.
//!
//! Always: every answer has nginx's order of fields and its pages to the byte.
//! Differs from nginx: one process with no workers; HTTP/1.x without TLS; the directives that `config.rs` knows.
//! Source: nginx 1.22 `http/ngx_http_core_module.c`, `http/ngx_http_request.c`.

mod answer;
mod config;
mod files;
mod proxy;
mod request;
mod syntax;

use super::Complaint;
use super::crew::Crew;
use super::fixture::Listen;
use crate::calendar::Date;
use crate::socket::Socket;
use crate::sys::Sys;
use answer::Answer;
use config::{Config, Flag, Location, Match, Server, Step};
use net::{Errno, Shutdown};
use proxy::Health;
use request::{Bad, Request};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

/// NGX_LISTEN_BACKLOG
const BACKLOG: u32 = 511;
/// How often a request's path may be rewritten.
const REWRITES: usize = 10;
/// client_header_timeout
const HEAD_TIME: Duration = Duration::from_secs(60);
/// lingering_timeout
const LINGER: Duration = Duration::from_secs(5);
/// What an upstream's answer loses on its way.
const HIDDEN: &[&str] =
    &["date", "server", "x-pad", "connection", "keep-alive", "x-accel-redirect", "x-accel-expires"];

#[derive(Debug)]
pub struct Nginx {
    config: Config,
    health: RefCell<BTreeMap<(String, usize), Health>>,
}

impl Nginx {
    /// A server of what stands inside of `http { … }`; else nginx's complaint.
    pub fn parse(text: &str) -> Result<Nginx, Complaint> {
        let told = |(what, line): syntax::Wrong| format!("nginx: [emerg] {what} in line {line}");
        let config = syntax::read(text).and_then(|directives| Config::new(&directives)).map_err(told)?;
        Ok(Nginx { config, health: RefCell::default() })
    }

    /// Until a caught signal comes.
    pub async fn serve(self, sys: Sys) -> Result<(), Errno> {
        run(sys, Crew::default(), Rc::new(self)).await
    }
}

/// The fixture's server: the inside of `http { … }`, without log and version.
pub(super) fn fixture(payload: &[String]) -> Result<Nginx, Complaint> {
    let text = format!("access_log off; server_tokens off;\n{}", payload.join("\n"));
    let told =
        |(what, line): syntax::Wrong| format!("nginx: [emerg] {what} in line {}", line.saturating_sub(1));
    let config = syntax::read(&text).and_then(|directives| Config::new(&directives)).map_err(told)?;
    Ok(Nginx { config, health: RefCell::default() })
}

pub(super) async fn run(sys: Sys, crew: Crew, nginx: Rc<Nginx>) -> Result<(), Errno> {
    let mut places: Vec<SocketAddr> = Vec::new();
    for (local, _) in nginx.config.servers.iter().flat_map(|server| &server.listens) {
        if !places.contains(local) {
            places.push(*local);
        }
    }
    for local in places {
        // `ipv6only=on` is what nginx sets by itself.
        let listener = Listen { local, dual: false, backlog: BACKLOG }.tcp(&sys).await?;
        let (nginx, sys, inner) = (Rc::clone(&nginx), sys.clone(), crew.clone());
        crew.add(inner.serve(listener, move |connection, peer| {
            let (nginx, sys) = (Rc::clone(&nginx), sys.clone());
            async move {
                // The client may hang up at any time; then there is nobody to tell.
                nginx.converse(&sys, connection, local, peer).await.ok();
            }
        }));
    }
    crew.run().await;
    Ok(())
}

/// What the rewrite steps lead to.
enum Led {
    /// On to the location's content; true if the path was rewritten.
    On(bool),
    /// To another location.
    Again,
    Answer(Answer),
}

impl Nginx {
    async fn converse(
        &self,
        sys: &Sys,
        connection: Socket,
        listen: SocketAddr,
        peer: SocketAddr,
    ) -> Result<(), Errno> {
        let local = connection.local().await?;
        let mut buffer = Vec::new();
        let mut wait = HEAD_TIME;
        loop {
            let deadline = sys.now().await + wait;
            let (request, answer, idle) =
                match request::read(&connection, &mut buffer, (peer, local), deadline).await {
                    Err(Bad::Nothing) => return Ok(()),
                    Err(Bad::Status(status)) => {
                        (None, Answer { close: true, ..Answer::page(status, self.config.tokens) }, 0)
                    }
                    Ok(mut request) => {
                        let server = self.server(listen, request.host().as_deref());
                        request.server_name = server.names.first().cloned().unwrap_or_default();
                        let (answer, idle) = self.answer(sys, server, &mut request).await;
                        (Some(request), answer, idle)
                    }
                };
            if answer.status == 444 {
                return Ok(());
            }
            let keep = !answer.close && idle > 0 && request.as_ref().is_some_and(Request::keeps_alive);
            let date = Date::from_duration(sys.realtime().await);
            self.log(sys, request.as_ref(), peer, &answer, date).await;
            let bytes = answer.bytes(request.as_ref(), self.config.tokens, &date.http(), keep);
            connection.write(&bytes, None).await?;
            if !keep {
                break;
            }
            wait = Duration::from_secs(idle);
        }
        connection.shutdown(Shutdown::Write).await?;
        let deadline = sys.now().await + LINGER;
        while connection.read(Some(deadline)).await?.is_some_and(|bytes| !bytes.is_empty()) {}
        Ok(())
    }

    /// The server of that address which goes by the name, or the default one.
    fn server(&self, listen: SocketAddr, host: Option<&str>) -> &Server {
        let here = || {
            let hears = move |server: &&Server| server.listens.iter().any(|(local, _)| *local == listen);
            self.config.servers.iter().filter(hears)
        };
        let host = host.unwrap_or_default();
        let named = |name: &str| here().find(|server| server.names.iter().any(|other| other == name));
        let mut found = named(host).filter(|_| !host.is_empty());
        // `*.lab` before `www.*`, the longest first.
        for (at, _) in host.match_indices('.') {
            found = found.or_else(|| named(&format!("*{}", &host[at..])));
            found = found.or_else(|| named(&host[at..]));
        }
        found = found.or_else(|| {
            here().find(|server| server.names.iter().any(|name| Some(host) == name.strip_prefix('.')))
        });
        for (at, _) in host.rmatch_indices('.') {
            found = found.or_else(|| named(&format!("{}.*", &host[..at])));
        }
        let by_regex = |name: &String| {
            let pattern = name.strip_prefix('~').and_then(|pattern| regex_lite::Regex::new(pattern).ok());
            pattern.is_some_and(|pattern| pattern.is_match(host))
        };
        found = found.or_else(|| here().find(|server| server.names.iter().any(by_regex)));
        let standard = || here().find(|server| server.listens.contains(&(listen, true)));
        found.or_else(standard).or_else(|| here().next()).expect("a listener stems from a server")
    }

    /// The answer, and how many seconds the connection may stay idle.
    async fn answer(&self, sys: &Sys, server: &Server, request: &mut Request) -> (Answer, u64) {
        if let Led::Answer(answer) = self.steps(&server.steps, request) {
            return (with_headers(answer, &server.settings, request), server.settings.keepalive);
        }
        for _ in 0..=REWRITES {
            let Some(location) = find(&server.locations, request) else {
                let answer = files::serve(sys, self, &server.settings, request).await;
                return (with_headers(answer, &server.settings, request), server.settings.keepalive);
            };
            let rewritten = match self.steps(&location.steps, request) {
                Led::Again => continue,
                Led::On(rewritten) => rewritten,
                Led::Answer(mut answer) => {
                    if answer.content_type.is_none() && !answer.body.is_empty() {
                        answer.content_type = Some(location.settings.default_type.clone());
                    }
                    return (with_headers(answer, &location.settings, request), location.settings.keepalive);
                }
            };
            let answer = match &location.proxy {
                Some(url) => self.proxy(sys, request, location, url, rewritten).await,
                None => files::serve(sys, self, &location.settings, request).await,
            };
            return (with_headers(answer, &location.settings, request), location.settings.keepalive);
        }
        (Answer::page(500, self.config.tokens), 0)
    }

    fn steps(&self, steps: &[Step], request: &mut Request) -> Led {
        let mut rewritten = false;
        for step in steps {
            match step {
                Step::Break => break,
                Step::Set(name, value) => {
                    let value = request.filled(value);
                    request.variables.insert(name.clone(), value);
                }
                Step::Return(status, text) => {
                    return Led::Answer(self.returned(*status, text.as_deref(), request));
                }
                Step::Rewrite(regex, to, flag) => {
                    let path = request.path.clone();
                    let Some(caught) = regex.captures(&path) else { continue };
                    for index in 1..10 {
                        let part = caught.get(index).map_or("", |part| part.as_str());
                        request.variables.insert(index.to_string(), part.to_owned());
                    }
                    let filled = request.filled(to);
                    if matches!(flag, Flag::Redirect | Flag::Permanent) {
                        let status = if *flag == Flag::Permanent { 301 } else { 302 };
                        let query = request.query.as_ref().filter(|_| !filled.ends_with('?'));
                        let query = query.map(|query| format!("?{query}")).unwrap_or_default();
                        let location = Some(filled.trim_end_matches('?').to_owned() + &query);
                        return Led::Answer(Answer { location, ..Answer::page(status, self.config.tokens) });
                    }
                    rewritten = true;
                    let (path, query) = match filled.split_once('?') {
                        Some((path, "")) => (path.to_owned(), None),
                        Some((path, query)) => {
                            let old = request.query.as_ref().map(|old| format!("&{old}")).unwrap_or_default();
                            (path.to_owned(), Some(format!("{query}{old}")))
                        }
                        None => (filled, request.query.clone()),
                    };
                    (request.path, request.query) = (path, query);
                    match flag {
                        Flag::Last => return Led::Again,
                        Flag::Break => return Led::On(true),
                        _ => {}
                    }
                }
            }
        }
        // A path that was changed without a flag is looked for anew.
        if rewritten { Led::Again } else { Led::On(false) }
    }

    fn returned(&self, status: u16, text: Option<&str>, request: &Request) -> Answer {
        let filled = text.map(|text| request.filled(text));
        match (status, filled) {
            (301 | 302 | 303 | 307 | 308, Some(location)) => {
                Answer { location: Some(location), ..Answer::page(status, self.config.tokens) }
            }
            (204, _) => Answer { status, ..Answer::default() },
            (_, Some(text)) => Answer { status, body: text.into_bytes(), ..Answer::default() },
            (200..=299, None) => Answer { status, ..Answer::default() },
            (_, None) => Answer::page(status, self.config.tokens),
        }
    }

    /// The combined format.
    async fn log(&self, sys: &Sys, request: Option<&Request>, peer: SocketAddr, answer: &Answer, date: Date) {
        let Some(path) = &self.config.access_log else { return };
        let line = request.map_or(String::new(), |request| {
            let version = request.minor.map_or(String::new(), |minor| format!(" HTTP/1.{minor}"));
            format!("{} {}{version}", request.method, request.target)
        });
        let field = |name| request.and_then(|request| request.header(name)).unwrap_or("-").to_owned();
        let sent =
            if request.is_some_and(|request| request.method == "HEAD") { 0 } else { answer.body.len() };
        let text = format!(
            "{} - - [{}] \"{line}\" {} {sent} \"{}\" \"{}\"\n",
            peer.ip().to_canonical(),
            date.format("%d/%b/%Y:%H:%M:%S +0000"),
            answer.status,
            field("Referer"),
            field("User-Agent"),
        );
        // A log that cannot be written stops nobody.
        sys.append_file(path, text.as_bytes()).await.ok();
    }
}

/// Exact, or the longest prefix unless a regular expression fits.
fn find<'a>(locations: &'a [Location], request: &mut Request) -> Option<&'a Location> {
    let path = request.path.clone();
    let exact = locations.iter().find(|it| matches!(&it.matches, Match::Exact(exact) if *exact == path));
    if exact.is_some() {
        return exact;
    }
    let length = |it: &&Location| match &it.matches {
        Match::Prefix(prefix) | Match::Firm(prefix) if path.starts_with(prefix.as_str()) => prefix.len() + 1,
        _ => 0,
    };
    let longest = locations.iter().filter(|it| length(it) > 0).max_by_key(length);
    if longest.is_some_and(|it| matches!(it.matches, Match::Firm(_))) {
        return longest;
    }
    for location in locations {
        if let Match::Regex(regex) = &location.matches
            && let Some(caught) = regex.captures(&path)
        {
            for index in 1..10 {
                if let Some(part) = caught.get(index) {
                    request.variables.insert(index.to_string(), part.as_str().to_owned());
                }
            }
            return Some(location);
        }
    }
    longest
}

fn with_headers(mut answer: Answer, settings: &config::Settings, request: &Request) -> Answer {
    if answer.content_type.is_none() && !answer.body.is_empty() && answer.status_line.is_none() {
        answer.content_type = Some(settings.default_type.clone());
    }
    for (name, value, always) in &settings.headers {
        if *always || matches!(answer.status, 200 | 201 | 204 | 206 | 301..=304 | 307 | 308) {
            answer.headers.push((name.clone(), request.filled(value)));
        }
    }
    answer
}
