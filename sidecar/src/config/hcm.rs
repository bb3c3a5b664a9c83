//! The HTTP connection manager: how a downstream connection is read, which routes and filters its requests pass, what is
//! logged and what the proxy answers itself.
//!
//! Sources: envoy.extensions.filters.network.http_connection_manager.v3.

use super::access_log::{AccessLog, AccessLogFilter};
use super::bootstrap::ConfigSource;
use super::core::{CidrRange, DataSource, HeaderValueOption, SubstitutionFormatString};
use super::extension::{HttpFilterConfig, RequestIdConfig};
use super::protocol::{
    Http1ProtocolOptions, Http2ProtocolOptions, HttpProtocolOptions, SchemeHeaderTransformation,
};
use super::reader::Rule;
use super::route::RouteConfiguration;
use super::schema::{choice, message, oneof};
use std::time::Duration;

message! {
    struct HttpConnectionManager = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager" {
        1 codec_type: CodecType,
        2 stat_prefix: String = [Rule::MinLen(1)],
        5 http_filters: Vec<HttpFilter>,
        6 add_user_agent: Option<bool>,
        35 common_http_protocol_options: Option<HttpProtocolOptions>,
        8 http_protocol_options: Option<Http1ProtocolOptions>,
        9 http2_protocol_options: Option<Http2ProtocolOptions>,
        10 server_name: String,
        34 server_header_transformation: ServerHeaderTransformation,
        48 scheme_header_transformation: Option<SchemeHeaderTransformation>,
        29 max_request_headers_kb: Option<u32> = [Rule::Above(0.0, 8192.0)],
        24 stream_idle_timeout: Option<Duration>,
        59 stream_flush_timeout: Option<Duration>,
        28 request_timeout: Option<Duration>,
        41 request_headers_timeout: Option<Duration>,
        12 drain_timeout: Option<Duration>,
        26 delayed_close_timeout: Option<Duration>,
        13 access_log: Vec<AccessLog>,
        54 access_log_flush_interval: Option<Duration> = [Rule::AtLeastSecs(0.001)],
        55 flush_access_log_on_new_request: bool,
        14 use_remote_address: Option<bool>,
        19 xff_num_trusted_hops: u32,
        25 internal_address_config: Option<InternalAddressConfig>,
        21 skip_xff_append: bool,
        22 via: String,
        15 generate_request_id: Option<bool>,
        32 preserve_external_request_id: bool,
        37 always_set_request_id_in_response: bool,
        16 forward_client_cert_details: ForwardClientCertDetails,
        17 set_current_client_cert_details: Option<SetCurrentClientCertDetails>,
        18 proxy_100_continue: bool,
        20 represent_ipv4_remote_address_as_ipv4_mapped_ipv6: bool,
        23 upgrade_configs: Vec<UpgradeConfig>,
        30 normalize_path: Option<bool>,
        33 merge_slashes: bool,
        45 path_with_escaped_slashes_action: PathWithEscapedSlashesAction,
        36 request_id_extension: Option<RequestIDExtension>,
        38 local_reply_config: Option<LocalReplyConfig>,
        39 strip_matching_host_port: bool,
        40 stream_error_on_invalid_http_message: Option<bool>,
        47 strip_trailing_host_dot: bool,
        51 append_x_forwarded_port: bool,
    }
    oneof {
        route_specifier: HttpConnectionManagerRouteSpecifier,
        strip_port_mode: Option<HttpConnectionManagerStripPortMode>,
    }
    lacks [
        "scoped_routes" "tracing" "http1_safe_max_connection_duration" "http3_protocol_options"
        "access_log_options" "original_ip_detection_extensions" "early_header_mutation_extensions"
        "forward_client_cert_matcher" "path_normalization_options" "proxy_status_config"
        "typed_header_validation_config" "append_local_overload" "add_proxy_protocol_connection_state"
        "forward_proto_config"
    ]
    struct InternalAddressConfig = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.InternalAddressConfig" {
        1 unix_sockets: bool,
        2 cidr_ranges: Vec<CidrRange>,
    }
    struct SetCurrentClientCertDetails = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.SetCurrentClientCertDetails" {
        1 subject: Option<bool>,
        3 cert: bool,
        6 chain: bool,
        4 dns: bool,
        5 uri: bool,
    }
    struct UpgradeConfig = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.UpgradeConfig" {
        1 upgrade_type: String,
        3 enabled: Option<bool>,
    }
    lacks ["filters"]
    struct LocalReplyConfig = "envoy.extensions.filters.network.http_connection_manager.v3.LocalReplyConfig" {
        1 mappers: Vec<ResponseMapper>,
        2 body_format: Option<SubstitutionFormatString>,
    }
    struct ResponseMapper = "envoy.extensions.filters.network.http_connection_manager.v3.ResponseMapper" {
        1 filter: AccessLogFilter = [Rule::Required],
        2 status_code: Option<u32> = [Rule::Half(200.0, 600.0)],
        3 body: Option<DataSource>,
        4 body_format_override: Option<SubstitutionFormatString>,
        5 headers_to_add: Vec<HeaderValueOption> = [Rule::MaxItems(1000)],
    }
    struct Rds = "envoy.extensions.filters.network.http_connection_manager.v3.Rds" {
        1 config_source: Option<ConfigSource>,
        2 route_config_name: String,
    }
    struct HttpFilter = "envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter" {
        1 name: String = [Rule::MinLen(1)],
        6 is_optional: bool,
        7 disabled: bool,
    }
    oneof {
        config_type: Option<HttpFilterConfigType>,
    }
    lacks ["config_discovery"]
    struct RequestIDExtension = "envoy.extensions.filters.network.http_connection_manager.v3.RequestIDExtension" {
        1 typed_config: RequestIdConfig,
    }
}

oneof! {
    HttpConnectionManagerRouteSpecifier {
        3 rds: Rds(Rds),
        4 route_config: RouteConfig(Box<RouteConfiguration>),
    }
    HttpConnectionManagerStripPortMode {
        42 strip_any_host_port: StripAnyHostPort(bool),
    }
    HttpFilterConfigType {
        4 typed_config: TypedConfig(HttpFilterConfig),
    }
}

choice! {
    CodecType = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.CodecType" {
        Auto = 0 "AUTO", Http1 = 1 "HTTP1", Http2 = 2 "HTTP2", Http3 = 3 "HTTP3",
    }
    ServerHeaderTransformation = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.ServerHeaderTransformation" {
        Overwrite = 0 "OVERWRITE", AppendIfAbsent = 1 "APPEND_IF_ABSENT", PassThrough = 2 "PASS_THROUGH",
    }
    ForwardClientCertDetails = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.ForwardClientCertDetails" {
        Sanitize = 0 "SANITIZE", ForwardOnly = 1 "FORWARD_ONLY", AppendForward = 2 "APPEND_FORWARD",
        SanitizeSet = 3 "SANITIZE_SET", AlwaysForwardOnly = 4 "ALWAYS_FORWARD_ONLY",
    }
    PathWithEscapedSlashesAction = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.PathWithEscapedSlashesAction" {
        ImplementationSpecificDefault = 0 "IMPLEMENTATION_SPECIFIC_DEFAULT",
        KeepUnchanged = 1 "KEEP_UNCHANGED", RejectRequest = 2 "REJECT_REQUEST",
        UnescapeAndRedirect = 3 "UNESCAPE_AND_REDIRECT", UnescapeAndForward = 4 "UNESCAPE_AND_FORWARD",
    }
}

impl HttpFilter {
    /// What stands in `typed_config`.
    pub fn typed(&self) -> Option<&HttpFilterConfig> {
        self.config_type.as_ref().map(|HttpFilterConfigType::TypedConfig(it)| it)
    }
}
