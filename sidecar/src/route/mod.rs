//! Route tables: which virtual host and which of its routes a request meets, and what becomes of it there.
//!
//! Called by the connection manager. Always: within a virtual host the first route that matches wins.
//! Differs from Envoy: no matcher trees, no internal redirects.
//! Source: Envoy's documentation "HTTP routing" and envoy.config.route.v3.

pub mod action;
mod index;
pub mod mutation;
pub mod redirect;
pub mod retry;
pub mod rewrite;
pub mod table;

pub use action::{Action, Forward};
pub use mutation::Mutations;
pub use retry::RetryPolicy;
pub use table::RouteTable;

use crate::config::extension::PerFilterConfig;
use crate::config::route::{self as config, RouteMatchPathSpecifier as PathConfig};
use crate::filter::PerRoute;
use crate::http::{Connection, HeaderMap};
use crate::matcher::{HeaderMatcher, QueryMatcher, whole_regex};
use crate::random::Random;
use crate::source::ReadFile;
use regex::bytes::Regex;
use std::collections::BTreeMap;
use std::rc::Rc;

/// Configuration of filters for one route, virtual host or table, by the filter's name.
pub type PerFilter = BTreeMap<String, PerRoute>;

/// Compiles such configuration.
pub fn per_filter(config: &BTreeMap<String, PerFilterConfig>) -> Result<PerFilter, String> {
    config.iter().map(|(name, it)| Ok((name.clone(), PerRoute::new(name, it)?))).collect()
}

/// What a path must be.
#[derive(Debug)]
pub enum Path {
    Prefix(String),
    Exact(String),
    Separated(String),
    Regex(Regex),
    Connect,
}

/// One route.
#[derive(Debug)]
pub struct Route {
    /// Its name; none if it has none.
    pub name: Option<Rc<str>>,
    path: Path,
    ignores_case: bool,
    headers: Vec<HeaderMatcher>,
    query: Vec<QueryMatcher>,
    fraction: Option<crate::config::core::FractionalPercent>,
    is_grpc: bool,
    tls: Option<config::TlsContextMatchOptions>,
    /// What becomes of the request.
    pub action: Action,
    /// Changes of request headers by the route itself.
    pub request: Mutations,
    /// Changes of response headers by the route itself.
    pub response: Mutations,
    /// Filters' configuration for this route.
    pub per_filter: PerFilter,
    /// How many bytes of a request are kept for retries.
    pub buffer_limit: Option<u32>,
}

/// A request as routes see it.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    /// Its headers.
    pub headers: &'a HeaderMap,
    /// Its connection.
    pub connection: &'a Connection,
}

/// The path of a request without its query.
pub fn without_query(path: &[u8]) -> &[u8] {
    path.iter().position(|it| matches!(it, b'?' | b'#')).map_or(path, |at| &path[..at])
}

impl Path {
    /// Compiles the path of a match.
    pub fn new(config: &PathConfig) -> Result<Path, String> {
        Ok(match config {
            PathConfig::Prefix(it) => Path::Prefix(it.clone()),
            PathConfig::Path(it) => Path::Exact(it.clone()),
            PathConfig::PathSeparatedPrefix(it) => Path::Separated(it.clone()),
            PathConfig::SafeRegex(it) => Path::Regex(whole_regex(&it.regex)?),
            PathConfig::ConnectMatcher(_) => Path::Connect,
        })
    }

    /// Whether it fits a request.
    pub fn matches(&self, path: &[u8], headers: &HeaderMap, ignores_case: bool) -> bool {
        let starts = |with: &str| match path.get(..with.len()) {
            Some(start) if ignores_case => start.eq_ignore_ascii_case(with.as_bytes()),
            Some(start) => start == with.as_bytes(),
            None => false,
        };
        match self {
            Path::Prefix(prefix) => starts(prefix),
            Path::Exact(exact) => without_query(path).len() == exact.len() && starts(exact),
            Path::Separated(prefix) => {
                starts(prefix) && without_query(path).get(prefix.len()).is_none_or(|next| *next == b'/')
            }
            Path::Regex(regex) => regex.is_match(without_query(path)),
            Path::Connect => headers.get(":method") == Some(b"CONNECT"),
        }
    }
}

impl Route {
    fn new(config: &config::Route, host: &config::VirtualHost, read: ReadFile<'_>) -> Result<Route, String> {
        let matching = &config.r#match;
        Ok(Route {
            name: (!config.name.is_empty()).then(|| config.name.as_str().into()),
            path: Path::new(&matching.path_specifier)?,
            ignores_case: matching.case_sensitive == Some(false),
            headers: HeaderMatcher::all(&matching.headers)?,
            query: matching.query_parameters.iter().map(QueryMatcher::new).collect::<Result<_, _>>()?,
            fraction: matching.runtime_fraction.as_ref().map(|it| it.default_value.clone()),
            is_grpc: matching.grpc.is_some(),
            tls: matching.tls_context.clone(),
            action: Action::new(&config.action, host, read)?,
            request: Mutations::new(&config.request_headers_to_add, &config.request_headers_to_remove)?,
            response: Mutations::new(&config.response_headers_to_add, &config.response_headers_to_remove)?,
            per_filter: per_filter(&config.typed_per_filter_config)?,
            buffer_limit: config.per_request_buffer_limit_bytes.or(host.per_request_buffer_limit_bytes),
        })
    }

    /// The start of the path that `prefix_rewrite` replaces: what the route matched.
    pub fn matched_len(&self, path: &[u8]) -> usize {
        match &self.path {
            Path::Prefix(it) | Path::Exact(it) | Path::Separated(it) => it.len().min(path.len()),
            Path::Regex(_) | Path::Connect => without_query(path).len(),
        }
    }

    fn matches(&self, asked: &Asked<'_>, random: &mut Random) -> bool {
        let path = asked.headers.get(":path").unwrap_or_default();
        let peer = asked.connection.peer.as_ref();
        self.path.matches(path, asked.headers, self.ignores_case)
            && self.headers.iter().all(|it| it.matches(asked.headers))
            && self.query.iter().all(|it| it.matches(path))
            && (!self.is_grpc || is_grpc(asked.headers))
            && self.tls.as_ref().is_none_or(|tls| {
                tls.presented.is_none_or(|it| it == peer.is_some())
                    && tls.validated.is_none_or(|it| it == peer.is_some_and(|it| it.is_validated))
            })
            && self.fraction.as_ref().is_none_or(|it| it.holds(random.draw()))
    }
}

/// Whether a message's content type is that of gRPC.
pub fn is_grpc(headers: &HeaderMap) -> bool {
    headers.get("content-type").is_some_and(|it| {
        it.strip_prefix(b"application/grpc")
            .is_some_and(|rest| matches!(rest.first(), None | Some(b'+' | b';')))
    })
}
