//! A request and its response, from the first byte to the access log.

use super::router::Router;
use crate::access_log::{Info, Subject};
use crate::config::extension::Struct;
use crate::hcm::Settings;
use crate::http::HeaderMap;
use crate::route::action::Chosen;
use crate::route::table::Met;
use crate::timer::TimerId;
use std::collections::BTreeMap;
use std::rc::Rc;

/// Whose request it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// That of a client on HTTP/1.
    Http1(u32),
    /// That of a client on HTTP/2, and the stream there.
    Http2(u32, u32),
    /// A copy of another request; its response is dropped.
    Shadow,
}

impl Owner {
    /// The client's connection.
    pub fn down(self) -> Option<u32> {
        match self {
            Owner::Http1(down) | Owner::Http2(down, _) => Some(down),
            Owner::Shadow => None,
        }
    }
}

/// A request and its response.
pub(crate) struct Stream {
    pub owner: Owner,
    pub settings: Rc<Settings>,
    pub info: Info,
    pub request: HeaderMap,
    pub response: HeaderMap,
    pub trailers: HeaderMap,
    pub met: Option<Met>,
    pub chosen: Option<Chosen>,
    /// The filter whose turn it is.
    pub filter: usize,
    /// Whether a filter holds the request back.
    pub is_waiting: bool,
    pub request_ended: bool,
    /// Whether its head is being read.
    pub is_arriving: bool,
    /// Whether an interim response came.
    pub saw_interim: bool,
    pub response_started: bool,
    pub response_ended: bool,
    pub is_head: bool,
    pub is_http10: bool,
    pub is_upgrade: bool,
    pub is_grpc: bool,
    /// Whether its virtual host wants TLS, and there is none.
    pub wants_tls: bool,
    /// Bytes of the request that wait for an upstream, or are kept for a retry.
    pub body: Vec<u8>,
    /// Bytes of the request, and of the response, for which an HTTP/2 peer was not given room again yet.
    pub request_credit: u32,
    pub response_credit: u32,
    pub request_trailers: Option<HeaderMap>,
    pub router: Option<Box<Router>>,
    /// What CORS found, and the name of its filter.
    pub cors: Option<(String, crate::filter::cors::Request)>,
    /// Set on the response by filters.
    pub response_extra: HeaderMap,
    /// What filters found out, by their names.
    pub metadata: BTreeMap<String, Struct>,
    pub idle: Option<TimerId>,
    pub idle_timeout: Option<u64>,
    pub max_duration: Option<TimerId>,
    pub request_timer: Option<TimerId>,
    pub delay: Option<TimerId>,
    /// The abort that follows a delay: status and gRPC status.
    pub abort_after_delay: Option<(u16, Option<u32>)>,
    /// Whether the client's connection is to end with the response.
    pub closes: bool,
}

impl Stream {
    pub fn new(owner: Owner, settings: &Rc<Settings>, info: Info, request: HeaderMap) -> Stream {
        Stream {
            owner,
            settings: settings.clone(),
            info,
            is_head: request.get(":method") == Some(b"HEAD"),
            is_grpc: crate::route::is_grpc(&request),
            request,
            response: HeaderMap::new(),
            trailers: HeaderMap::new(),
            met: None,
            chosen: None,
            filter: 0,
            is_waiting: false,
            request_ended: false,
            is_arriving: true,
            saw_interim: false,
            response_started: false,
            response_ended: false,
            is_http10: false,
            is_upgrade: false,
            wants_tls: false,
            body: Vec::new(),
            request_credit: 0,
            response_credit: 0,
            request_trailers: None,
            router: None,
            cors: None,
            response_extra: HeaderMap::new(),
            metadata: BTreeMap::new(),
            idle: None,
            idle_timeout: settings.times.stream_idle,
            max_duration: None,
            request_timer: None,
            delay: None,
            abort_after_delay: None,
            closes: false,
        }
    }

    /// What formats may ask of it.
    pub fn subject(&self, now: u64) -> Subject<'_> {
        Subject {
            info: &self.info,
            request: &self.request,
            response: &self.response,
            trailers: &self.trailers,
            body: "",
            now,
        }
    }
}
