//! A compiled connection manager.

use super::LocalReplies;
use crate::access_log::{self, AccessLog};
use crate::config::extension::HttpFilterConfig;
use crate::config::hcm as config;
use crate::config::protocol::{self, HeadersWithUnderscoresAction as Underscores, Http2ProtocolOptions};
use crate::filter::{fault, health_check, jwt, ratelimit, rbac};
use crate::http1::{Limits, encode::Case, head};
use crate::matcher::cidr;
use crate::source::{self, ReadFile, timeout};
use crate::stats::{Stats, stats};
use ipnet::IpNet;
use std::rc::Rc;
use std::time::Duration;

stats! {
    /// Stats of a connection manager.
    HcmStats {
        downstream_cx_total downstream_cx_http1_total downstream_cx_http2_total downstream_cx_destroy
        downstream_cx_destroy_local downstream_cx_destroy_remote downstream_cx_destroy_active_rq
        downstream_cx_destroy_local_active_rq downstream_cx_destroy_remote_active_rq
        downstream_cx_upgrades_total downstream_cx_protocol_error downstream_cx_idle_timeout
        downstream_cx_max_duration_reached downstream_cx_max_requests_reached downstream_cx_drain_close
        downstream_cx_rx_bytes_total downstream_cx_tx_bytes_total downstream_cx_ssl_total
        downstream_rq_total downstream_rq_http1_total downstream_rq_http2_total downstream_rq_1xx downstream_rq_2xx
        downstream_rq_3xx downstream_rq_4xx downstream_rq_5xx downstream_rq_completed downstream_rq_rx_reset
        downstream_rq_tx_reset downstream_rq_timeout downstream_rq_header_timeout downstream_rq_idle_timeout
        downstream_rq_max_duration_reached downstream_rq_non_relative_path downstream_rq_too_large
        downstream_rq_ws_on_non_ws_route downstream_rq_redirected_with_normalized_path downstream_rq_response_before_rq_complete
        no_route no_cluster rq_direct_response rq_redirect rq_total rq_reset_after_downstream_response_started
        rs_too_large
    } {
        downstream_cx_active downstream_cx_http1_active downstream_cx_http2_active downstream_cx_upgrades_active
        downstream_cx_ssl_active downstream_rq_active
    }
}

/// Where routes come from.
#[derive(Clone, Debug)]
pub enum RouteSource {
    /// Compiled with the connection manager.
    Own(Rc<crate::route::RouteTable>),
    /// By discovery, under this name.
    Discovered(String),
}

/// A filter of the chain.
#[derive(Debug)]
pub struct FilterEntry {
    /// Its name, under which routes configure it.
    pub name: String,
    /// Whether only a route can switch it on.
    pub is_disabled: bool,
    /// The filter.
    pub filter: HttpFilter,
}

/// The filters there are.
#[derive(Debug)]
pub enum HttpFilter {
    /// Forwards.
    Router { suppresses_headers: bool },
    /// Access control.
    Rbac(rbac::Rbac),
    /// Aborts and delays.
    Fault(Box<fault::Fault>),
    /// Tokens.
    Jwt(Box<jwt::Jwt>),
    /// A bucket of tokens.
    RateLimit(Box<ratelimit::RateLimit>),
    /// Cross-origin requests.
    Cors,
    /// Answers health checks.
    HealthCheck(health_check::HealthCheck),
}

/// The times of a connection manager, in nanoseconds; none means never.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// A connection without requests.
    pub idle_timeout: Option<u64>,
    /// A stream without bytes.
    pub stream_idle: Option<u64>,
    /// Until a request has arrived.
    pub request_timeout: Option<u64>,
    /// Until its head has.
    pub head_timeout: Option<u64>,
    /// How long a connection may last.
    pub max_duration: Option<u64>,
    /// How long a stream may last.
    pub max_stream_duration: Option<u64>,
    /// Between the two GOAWAYs of a draining connection.
    pub drain: u64,
    /// How long a client may take to close a connection that ends.
    pub delayed_close: Option<u64>,
}

/// A compiled connection manager. Times are in nanoseconds; none means never.
#[derive(Debug)]
pub struct Settings {
    /// Whether it is that of the admin page.
    pub is_admin: bool,
    /// `http.PREFIX.`
    pub prefix: String,
    /// Its stats.
    pub stats: HcmStats,
    /// AUTO, HTTP1 or HTTP2.
    pub codec: config::CodecType,
    /// Where routes come from.
    pub routes: RouteSource,
    /// The filters, in the order of requests.
    pub filters: Vec<FilterEntry>,
    /// The access logs.
    pub logs: Vec<AccessLog>,
    /// What an HTTP/1 message may have.
    pub limits: Limits,
    /// How HTTP/1 field names are written.
    pub case: Case,
    /// Whether HTTP/1 trailers pass.
    pub has_trailers: bool,
    /// Whether HTTP/1.0 is accepted, and the host of a request without one.
    pub http10: Option<String>,
    /// HTTP/2's options.
    pub http2: Http2ProtocolOptions,
    /// What `server` says.
    pub server_name: String,
    /// Whether it says so.
    pub server_header: config::ServerHeaderTransformation,
    /// The scheme that requests are given.
    pub scheme: Option<String>,
    /// Whether the peer's address is the client's.
    pub uses_remote: bool,
    /// How many proxies ahead are trusted.
    pub trusted_hops: usize,
    /// Whether `x-forwarded-for` is left alone.
    pub skips_xff: bool,
    /// Which addresses are internal; none: no address is.
    pub internal: Option<Vec<IpNet>>,
    /// Added to `via`.
    pub via: String,
    /// Whether `x-request-id` is made.
    pub makes_request_id: bool,
    /// Whether an external client's is kept.
    pub keeps_request_id: bool,
    /// Whether it goes into responses.
    pub returns_request_id: bool,
    /// What becomes of `x-forwarded-client-cert`.
    pub client_cert: config::ForwardClientCertDetails,
    /// What is put into it.
    pub client_cert_parts: config::SetCurrentClientCertDetails,
    /// Whether `100 Continue` comes from upstream.
    pub proxies_100: bool,
    /// Which upgrades are allowed.
    pub upgrades: Vec<(String, bool)>,
    /// Whether paths are normalised.
    pub normalizes: bool,
    /// Whether double slashes are one.
    pub merges_slashes: bool,
    /// What becomes of escaped slashes.
    pub escaped_slashes: config::PathWithEscapedSlashesAction,
    /// How the proxy's own answers are mapped.
    pub local_replies: LocalReplies,
    /// Whether the host's port is dropped: any, or that of the listener.
    pub strips_any_port: bool,
    /// Only the listener's own.
    pub strips_matching_port: bool,
    /// Whether the host's last dot is dropped.
    pub strips_dot: bool,
    /// Whether `x-forwarded-port` is set.
    pub appends_port: bool,
    /// Whether a malformed request costs its stream only.
    pub keeps_on_error: bool,
    /// Its times.
    pub times: Times,
    /// How many requests a connection serves.
    pub max_requests: u32,
    /// Whether requests say which proxy they passed, to the host and in place of a user agent that is missing.
    pub adds_user_agent: bool,
}

/// What all connection managers of a proxy share.
pub struct Surroundings<'a> {
    /// Reads files.
    pub read: ReadFile<'a>,
    /// Whether a cluster exists.
    pub knows: &'a dyn Fn(&str) -> bool,
    /// Where stats are made.
    pub stats: &'a mut Stats,
}

const HOUR: Duration = Duration::from_secs(3600);
const FIVE_MINUTES: Duration = Duration::from_secs(300);

fn limits(config: &config::HttpConnectionManager, common: &protocol::HttpProtocolOptions) -> Limits {
    Limits {
        head_bytes: config.max_request_headers_kb.unwrap_or(60) as usize * 1024,
        fields: common.max_headers_count.unwrap_or(100) as usize,
        underscores: match common.headers_with_underscores_action {
            Underscores::Allow => head::Underscores::Allow,
            Underscores::RejectRequest => head::Underscores::Reject,
            Underscores::DropHeader => head::Underscores::Drop,
        },
        is_chunked_length_allowed: config
            .http_protocol_options
            .as_ref()
            .is_some_and(|it| it.allow_chunked_length),
    }
}

fn filter(config: &config::HttpFilter, around: &mut Surroundings<'_>) -> Result<FilterEntry, String> {
    let filter = match config.typed() {
        Some(HttpFilterConfig::Rbac(it)) => HttpFilter::Rbac(rbac::Rbac::new(it)?),
        Some(HttpFilterConfig::Fault(it)) => HttpFilter::Fault(Box::new(fault::Fault::new(it)?)),
        Some(HttpFilterConfig::JwtAuthn(it)) => HttpFilter::Jwt(Box::new(jwt::Jwt::new(it, around.read)?)),
        Some(HttpFilterConfig::LocalRateLimit(it)) => {
            HttpFilter::RateLimit(Box::new(ratelimit::RateLimit::new(it)?))
        }
        Some(HttpFilterConfig::Cors(_)) => HttpFilter::Cors,
        Some(HttpFilterConfig::HealthCheck(it)) => {
            HttpFilter::HealthCheck(health_check::HealthCheck::new(it)?)
        }
        Some(HttpFilterConfig::Router(it)) => {
            HttpFilter::Router { suppresses_headers: it.suppress_envoy_headers }
        }
        _ => {
            return Err(format!("Didn't find a registered implementation for '{}'", config.name));
        }
    };
    Ok(FilterEntry { name: config.name.clone(), is_disabled: config.disabled, filter })
}

fn times(config: &config::HttpConnectionManager, common: &protocol::HttpProtocolOptions) -> Times {
    Times {
        idle_timeout: timeout(common.idle_timeout, Some(HOUR)),
        stream_idle: timeout(config.stream_idle_timeout, Some(FIVE_MINUTES)),
        request_timeout: timeout(config.request_timeout, None),
        head_timeout: timeout(config.request_headers_timeout, None),
        max_duration: timeout(common.max_connection_duration, None),
        max_stream_duration: timeout(common.max_stream_duration, None),
        drain: config.drain_timeout.map_or(5_000_000_000, source::nanos),
        delayed_close: source::timeout(config.delayed_close_timeout, Some(Duration::from_secs(1))),
    }
}

fn route_source(
    config: &config::HttpConnectionManager,
    around: &Surroundings<'_>,
) -> Result<RouteSource, String> {
    Ok(match &config.route_specifier {
        config::HttpConnectionManagerRouteSpecifier::RouteConfig(it) => {
            let checks = it.validate_clusters != Some(false);
            let table = crate::route::RouteTable::new(it, checks.then_some(around.knows), around.read)?;
            RouteSource::Own(Rc::new(table))
        }
        config::HttpConnectionManagerRouteSpecifier::Rds(it) => {
            RouteSource::Discovered(it.route_config_name.clone())
        }
    })
}

fn upgrades(config: &config::HttpConnectionManager) -> Vec<(String, bool)> {
    let upgrade =
        |it: &config::UpgradeConfig| (it.upgrade_type.to_ascii_lowercase(), it.enabled != Some(false));
    config.upgrade_configs.iter().map(upgrade).collect()
}

impl Settings {
    /// Compiles a configuration; an error is Envoy's text for it.
    pub fn new(
        config: &config::HttpConnectionManager,
        around: &mut Surroundings<'_>,
    ) -> Result<Settings, String> {
        let prefix = format!("http.{}.", config.stat_prefix);
        let common = config.common_http_protocol_options.clone().unwrap_or_default();
        let http1 = config.http_protocol_options.clone().unwrap_or_default();
        let read = around.read;
        let routes = route_source(config, around)?;
        let filters = config.http_filters.iter().map(|it| filter(it, around));
        let filters = filters.collect::<Result<Vec<_>, _>>()?;
        let internal = config.internal_address_config.as_ref();
        let scheme = config.scheme_header_transformation.as_ref().and_then(|it| it.transformation.as_ref());
        Ok(Settings {
            is_admin: false,
            stats: HcmStats::new(around.stats, &prefix),
            codec: config.codec_type,
            routes,
            filters,
            logs: access_log::all(&config.access_log, read)?,
            limits: limits(config, &common),
            case: if http1.header_key_format.is_some() { Case::Proper } else { Case::Lower },
            has_trailers: http1.enable_trailers,
            http10: http1.accept_http_10.then(|| http1.default_host_for_http_10.clone()),
            http2: config.http2_protocol_options.clone().unwrap_or_default(),
            server_name: if config.server_name.is_empty() {
                "envoy".to_owned()
            } else {
                config.server_name.clone()
            },
            server_header: config.server_header_transformation,
            scheme: scheme
                .map(|protocol::SchemeHeaderTransformationTransformation::SchemeToOverwrite(it)| it.clone()),
            uses_remote: config.use_remote_address == Some(true),
            trusted_hops: config.xff_num_trusted_hops as usize,
            skips_xff: config.skip_xff_append,
            internal: internal
                .map(|it| it.cidr_ranges.iter().map(cidr).collect::<Result<_, _>>())
                .transpose()?,
            via: config.via.clone(),
            makes_request_id: config.generate_request_id != Some(false),
            keeps_request_id: config.preserve_external_request_id,
            returns_request_id: config.always_set_request_id_in_response,
            client_cert: config.forward_client_cert_details,
            client_cert_parts: config.set_current_client_cert_details.clone().unwrap_or_default(),
            proxies_100: config.proxy_100_continue,
            upgrades: upgrades(config),
            normalizes: config.normalize_path == Some(true),
            merges_slashes: config.merge_slashes,
            escaped_slashes: config.path_with_escaped_slashes_action,
            local_replies: LocalReplies::new(config.local_reply_config.as_ref(), read)?,
            strips_any_port: matches!(
                config.strip_port_mode,
                Some(config::HttpConnectionManagerStripPortMode::StripAnyHostPort(true))
            ),
            strips_matching_port: config.strip_matching_host_port,
            strips_dot: config.strip_trailing_host_dot,
            appends_port: config.append_x_forwarded_port,
            keeps_on_error: config.stream_error_on_invalid_http_message == Some(true)
                || http1.override_stream_error_on_invalid_http_message == Some(true),
            times: times(config, &common),
            max_requests: common.max_requests_per_connection.unwrap_or(0),
            adds_user_agent: config.add_user_agent == Some(true),
            prefix,
        })
    }

    /// Whether a protocol may be switched to, by this configuration and that of the route.
    pub fn allows_upgrade(&self, protocol: &str, route: &[(String, bool)]) -> bool {
        let protocol = protocol.to_ascii_lowercase();
        let found = route
            .iter()
            .find(|it| it.0 == protocol)
            .or_else(|| self.upgrades.iter().find(|it| it.0 == protocol));
        found.is_some_and(|it| it.1)
    }
}
