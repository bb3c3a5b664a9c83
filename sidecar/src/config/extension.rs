//! Extensions by place: what may stand as a network filter, an HTTP filter, a transport socket, and so on.
//!
//! Always: an extension of Envoy's that vethlab lacks says so; a type that Envoy does not know either gets Envoy's
//! "could not find @type".
//! Sources: Envoy's extension list (`source/extensions/all_extensions.bzl`).

use super::access_log::{FileAccessLog, StderrAccessLog, StdoutAccessLog};
use super::cluster::Cluster;
use super::endpoint::ClusterLoadAssignment;
use super::hcm::HttpConnectionManager;
use super::http_filter::{Cors, CorsPolicy, HealthCheckFilter, HttpFault, LocalRateLimit, Router};
use super::jwt::{JwtAuthentication, JwtPerRoute};
use super::listener::Listener;
use super::protocol::UpstreamHttp;
use super::rbac::{NetworkRbac, Rbac, RbacPerRoute};
use super::reader::{Reader, Refused};
use super::route::RouteConfiguration;
use super::schema::{any, message};
use super::tcp::{ConnectionLimit, TcpProxy};
use super::tls_context::{DownstreamTlsContext, Secret, UpstreamTlsContext};

/// A free-form tree, as `google.protobuf.Struct`.
pub type Struct = serde_json::Map<String, serde_json::Value>;

message! {
    struct Empty = "google.protobuf.Empty" {}
    struct OriginalDst = "envoy.extensions.filters.listener.original_dst.v3.OriginalDst" {}
    struct TlsInspector = "envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector" {
        1 enable_ja3_fingerprinting: Option<bool>,
        3 enable_ja4_fingerprinting: Option<bool>,
        2 initial_read_buffer_size: Option<u32>,
    }
    struct HttpInspector = "envoy.extensions.filters.listener.http_inspector.v3.HttpInspector" {}
    struct RawBuffer = "envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer" {}
    struct UuidRequestIdConfig = "envoy.extensions.request_id.uuid.v3.UuidRequestIdConfig" {
        1 pack_trace_reason: Option<bool>,
        2 use_request_id_for_trace_sampling: Option<bool>,
    }
    struct PreviousHostsPredicate = "envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate" {}
    /// A file of discovery, or a state-of-the-world answer of a server.
    struct DiscoveryResponse = "envoy.service.discovery.v3.DiscoveryResponse" {
        1 version_info: String,
        2 resources: Vec<Resource>,
        4 type_url: String,
        5 nonce: String,
    }
    lacks ["canary" "control_plane" "resource_errors"]
    /// Switches a filter off, or configures it, for one route.
    struct FilterConfig = "envoy.config.route.v3.FilterConfig" {
        1 config: Box<PerFilterConfig>,
        2 is_optional: bool,
        3 disabled: bool,
    }
}

any! {
    ListenerFilterConfig {
        OriginalDst(OriginalDst),
        TlsInspector(TlsInspector),
        HttpInspector(HttpInspector),
    }
    NetworkFilter {
        HttpConnectionManager(Box<HttpConnectionManager>),
        TcpProxy(TcpProxy),
        Rbac(NetworkRbac),
        ConnectionLimit(ConnectionLimit),
    }
    HttpFilterConfig {
        Router(Router),
        Rbac(Rbac),
        Fault(Box<HttpFault>),
        JwtAuthn(JwtAuthentication),
        LocalRateLimit(Box<LocalRateLimit>),
        Cors(Cors),
        HealthCheck(HealthCheckFilter),
    }
    PerFilterConfig {
        Rbac(RbacPerRoute),
        Fault(Box<HttpFault>),
        JwtAuthn(JwtPerRoute),
        LocalRateLimit(Box<LocalRateLimit>),
        Cors(CorsPolicy),
        Filter(FilterConfig),
    }
    AccessLogConfig {
        Stdout(StdoutAccessLog),
        Stderr(StderrAccessLog),
        File(FileAccessLog),
    }
    TransportSocketConfig {
        DownstreamTls(Box<DownstreamTlsContext>),
        UpstreamTls(Box<UpstreamTlsContext>),
        RawBuffer(RawBuffer),
    }
    RequestIdConfig {
        Uuid(UuidRequestIdConfig),
    }
    RetryHostPredicateConfig {
        PreviousHosts(PreviousHostsPredicate),
    }
    ProtocolOptions {
        Http(Box<UpstreamHttp>),
    }
    /// What discovery brings.
    Resource {
        Listener(Box<Listener>),
        Cluster(Box<Cluster>),
        RouteConfiguration(Box<RouteConfiguration>),
        ClusterLoadAssignment(ClusterLoadAssignment),
        Secret(Box<Secret>),
    }
}

/// Packages whose types the tables above know, though each in its own place only.
const SIMULATED: &[&str] = &[
    "envoy.config.cluster.v3",
    "envoy.config.endpoint.v3",
    "envoy.config.listener.v3",
    "envoy.config.route.v3",
    "envoy.extensions.access_loggers.file.v3",
    "envoy.extensions.access_loggers.stream.v3",
    "envoy.extensions.filters.http.cors.v3",
    "envoy.extensions.filters.http.fault.v3",
    "envoy.extensions.filters.http.health_check.v3",
    "envoy.extensions.filters.http.jwt_authn.v3",
    "envoy.extensions.filters.http.local_ratelimit.v3",
    "envoy.extensions.filters.http.rbac.v3",
    "envoy.extensions.filters.http.router.v3",
    "envoy.extensions.filters.listener.http_inspector.v3",
    "envoy.extensions.filters.listener.original_dst.v3",
    "envoy.extensions.filters.listener.tls_inspector.v3",
    "envoy.extensions.filters.network.connection_limit.v3",
    "envoy.extensions.filters.network.http_connection_manager.v3",
    "envoy.extensions.filters.network.rbac.v3",
    "envoy.extensions.filters.network.tcp_proxy.v3",
    "envoy.extensions.transport_sockets.raw_buffer.v3",
    "envoy.extensions.transport_sockets.tls.v3",
    "envoy.extensions.upstreams.http.v3",
    "google.protobuf",
];

/// Extensions of Envoy that vethlab has not, by the last part of their package (before `v3`).
const LACKING: &[&str] = &[
    "adaptive_concurrency",
    "admission_control",
    "alternate_protocols_cache",
    "api_key_auth",
    "aws_lambda",
    "aws_request_signing",
    "bandwidth_limit",
    "basic_auth",
    "buffer",
    "cache",
    "cdn_loop",
    "composite",
    "compressor",
    "connect_grpc_bridge",
    "credential_injector",
    "csrf",
    "custom_response",
    "decompressor",
    "dynamic_forward_proxy",
    "dynamic_modules",
    "ext_authz",
    "ext_proc",
    "file_system_buffer",
    "gcp_authn",
    "geoip",
    "grpc_field_extraction",
    "grpc_http1_bridge",
    "grpc_http1_reverse_bridge",
    "grpc_json_transcoder",
    "grpc_stats",
    "grpc_web",
    "gzip",
    "header_mutation",
    "header_to_metadata",
    "ip_tagging",
    "json_to_metadata",
    "kill_request",
    "lua",
    "oauth2",
    "on_demand",
    "original_src",
    "proto_message_extraction",
    "rate_limit_quota",
    "ratelimit",
    "set_filter_state",
    "set_metadata",
    "stateful_session",
    "tap",
    "thrift_to_metadata",
    "upstream_codec",
    "wasm",
    "direct_response",
    "dubbo_proxy",
    "echo",
    "generic_proxy",
    "geneve",
    "local_ratelimit",
    "meta_protocol_proxy",
    "mongo_proxy",
    "redis_proxy",
    "sni_cluster",
    "sni_dynamic_forward_proxy",
    "thrift_proxy",
    "zookeeper_proxy",
    "proxy_protocol",
    "fluentd",
    "grpc",
    "open_telemetry",
    "filters",
    "alts",
    "http_11_proxy",
    "internal_upstream",
    "quic",
    "s2a",
    "starttls",
    "tcp_stats",
    "omit_canary_hosts",
    "omit_host_metadata",
    "metadata_exchange",
    "peer_metadata",
];

/// Refuses an extension that is none of those that may stand here; one that merely stands elsewhere is let through, so
/// that its place is judged with the name of its filter.
pub fn known_elsewhere(reader: &mut Reader, url: &str) -> Result<(), Refused> {
    let package = url.rsplit_once('.').map_or(url, |it| it.0);
    if SIMULATED.contains(&package) {
        return Ok(());
    }
    let mut parts = package.rsplit('.');
    let (version, folder) = (parts.next(), parts.next());
    let lacking =
        version.is_some_and(|it| it.starts_with('v')) && folder.is_some_and(|it| LACKING.contains(&it));
    if lacking || package.starts_with("udpa.") || package.starts_with("xds.") || package.starts_with("stats")
    {
        reader.not_simulated(url);
        return Ok(());
    }
    Err(reader.unplaced(&format!("could not find @type 'type.googleapis.com/{url}'")))
}
