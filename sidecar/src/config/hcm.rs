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
        codec_type: CodecType,
        stat_prefix: String = [Rule::MinLen(1)],
        http_filters: Vec<HttpFilter>,
        add_user_agent: Option<bool>,
        common_http_protocol_options: Option<HttpProtocolOptions>,
        http_protocol_options: Option<Http1ProtocolOptions>,
        http2_protocol_options: Option<Http2ProtocolOptions>,
        server_name: String,
        server_header_transformation: ServerHeaderTransformation,
        scheme_header_transformation: Option<SchemeHeaderTransformation>,
        max_request_headers_kb: Option<u32> = [Rule::Above(0.0, 8192.0)],
        stream_idle_timeout: Option<Duration>,
        stream_flush_timeout: Option<Duration>,
        request_timeout: Option<Duration>,
        request_headers_timeout: Option<Duration>,
        drain_timeout: Option<Duration>,
        delayed_close_timeout: Option<Duration>,
        access_log: Vec<AccessLog>,
        access_log_flush_interval: Option<Duration> = [Rule::AtLeastSecs(0.001)],
        flush_access_log_on_new_request: bool,
        use_remote_address: Option<bool>,
        xff_num_trusted_hops: u32,
        internal_address_config: Option<InternalAddressConfig>,
        skip_xff_append: bool,
        via: String,
        generate_request_id: Option<bool>,
        preserve_external_request_id: bool,
        always_set_request_id_in_response: bool,
        forward_client_cert_details: ForwardClientCertDetails,
        set_current_client_cert_details: Option<SetCurrentClientCertDetails>,
        proxy_100_continue: bool,
        represent_ipv4_remote_address_as_ipv4_mapped_ipv6: bool,
        upgrade_configs: Vec<UpgradeConfig>,
        normalize_path: Option<bool>,
        merge_slashes: bool,
        path_with_escaped_slashes_action: PathWithEscapedSlashesAction,
        request_id_extension: Option<RequestIDExtension>,
        local_reply_config: Option<LocalReplyConfig>,
        strip_matching_host_port: bool,
        stream_error_on_invalid_http_message: Option<bool>,
        strip_trailing_host_dot: bool,
        append_x_forwarded_port: bool,
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
        unix_sockets: bool,
        cidr_ranges: Vec<CidrRange>,
    }
    struct SetCurrentClientCertDetails = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.SetCurrentClientCertDetails" {
        subject: Option<bool>,
        cert: bool,
        chain: bool,
        dns: bool,
        uri: bool,
    }
    struct UpgradeConfig = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.UpgradeConfig" {
        upgrade_type: String,
        enabled: Option<bool>,
    }
    lacks ["filters"]
    struct LocalReplyConfig = "envoy.extensions.filters.network.http_connection_manager.v3.LocalReplyConfig" {
        mappers: Vec<ResponseMapper>,
        body_format: Option<SubstitutionFormatString>,
    }
    struct ResponseMapper = "envoy.extensions.filters.network.http_connection_manager.v3.ResponseMapper" {
        filter: AccessLogFilter = [Rule::Required],
        status_code: Option<u32> = [Rule::Half(200.0, 600.0)],
        body: Option<DataSource>,
        body_format_override: Option<SubstitutionFormatString>,
        headers_to_add: Vec<HeaderValueOption> = [Rule::MaxItems(1000)],
    }
    struct Rds = "envoy.extensions.filters.network.http_connection_manager.v3.Rds" {
        config_source: Option<ConfigSource>,
        route_config_name: String,
    }
    struct HttpFilter = "envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter" {
        name: String = [Rule::MinLen(1)],
        is_optional: bool,
        disabled: bool,
    }
    oneof {
        config_type: Option<HttpFilterConfigType>,
    }
    lacks ["config_discovery"]
    struct RequestIDExtension = "envoy.extensions.filters.network.http_connection_manager.v3.RequestIDExtension" {
        typed_config: RequestIdConfig,
    }
}

oneof! {
    HttpConnectionManagerRouteSpecifier {
        rds: Rds(Rds),
        route_config: RouteConfig(Box<RouteConfiguration>),
    }
    HttpConnectionManagerStripPortMode {
        strip_any_host_port: StripAnyHostPort(bool),
    }
    HttpFilterConfigType {
        typed_config: TypedConfig(HttpFilterConfig),
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
