//! What HTTP/1 and HTTP/2 may be told about their connections, downstream and upstream.
//!
//! Sources: envoy.config.core.v3 (protocol), envoy.extensions.upstreams.http.v3.

use super::core::Percent;
use super::reader::Rule;
use super::schema::{choice, message, oneof};
use std::time::Duration;

message! {
    struct HttpProtocolOptions = "envoy.config.core.v3.HttpProtocolOptions" {
        idle_timeout: Option<Duration>,
        max_connection_duration: Option<Duration>,
        max_headers_count: Option<u32> = [Rule::Gte(1.0)],
        max_response_headers_kb: Option<u32> = [Rule::Above(0.0, 8192.0)],
        max_stream_duration: Option<Duration>,
        headers_with_underscores_action: HeadersWithUnderscoresAction,
        max_requests_per_connection: Option<u32>,
    }
    struct Http1ProtocolOptions = "envoy.config.core.v3.Http1ProtocolOptions" {
        allow_absolute_url: Option<bool>,
        accept_http_10: bool,
        default_host_for_http_10: String,
        header_key_format: Option<HeaderKeyFormat>,
        enable_trailers: bool,
        allow_chunked_length: bool,
        override_stream_error_on_invalid_http_message: Option<bool>,
    }
    lacks ["send_fully_qualified_url" "use_balsa_parser" "allow_custom_methods" "ignore_http_11_upgrade"]
    struct HeaderKeyFormat = "envoy.config.core.v3.Http1ProtocolOptions.HeaderKeyFormat" {
    }
    oneof {
        header_format: HeaderKeyFormatHeaderFormat,
    }
    lacks ["stateful_formatter"]
    struct ProperCaseWords = "envoy.config.core.v3.Http1ProtocolOptions.HeaderKeyFormat.ProperCaseWords" {
    }
    struct Http2ProtocolOptions = "envoy.config.core.v3.Http2ProtocolOptions" {
        hpack_table_size: Option<u32>,
        max_concurrent_streams: Option<u32> = [Rule::Range(1.0, 2147483647.0)],
        initial_stream_window_size: Option<u32> = [Rule::Range(65535.0, 2147483647.0)],
        initial_connection_window_size: Option<u32> = [Rule::Range(65535.0, 2147483647.0)],
        allow_connect: bool,
        max_outbound_frames: Option<u32> = [Rule::Gte(1.0)],
        max_outbound_control_frames: Option<u32> = [Rule::Gte(1.0)],
        max_consecutive_inbound_frames_with_empty_payload: Option<u32>,
        max_inbound_priority_frames_per_stream: Option<u32>,
        max_inbound_window_update_frames_per_data_frame_sent: Option<u32> = [Rule::Gte(1.0)],
        stream_error_on_invalid_http_messaging: bool,
        override_stream_error_on_invalid_http_message: Option<bool>,
        connection_keepalive: Option<KeepaliveSettings>,
    }
    lacks [
        "allow_metadata" "custom_settings_parameters" "use_oghttp2_codec" "max_metadata_size"
        "enable_huffman_encoding"
    ]
    struct KeepaliveSettings = "envoy.config.core.v3.KeepaliveSettings" {
        interval: Option<Duration> = [Rule::AtLeastSecs(0.001)],
        timeout: Duration = [Rule::Required, Rule::AtLeastSecs(0.001)],
        interval_jitter: Option<Percent>,
        connection_idle_interval: Option<Duration> = [Rule::AtLeastSecs(0.001)],
    }
    struct SchemeHeaderTransformation = "envoy.config.core.v3.SchemeHeaderTransformation" {
        match_upstream: bool,
    }
    oneof {
        transformation: Option<SchemeHeaderTransformationTransformation>,
    }
    struct UpstreamHttp = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions" {
        common_http_protocol_options: Option<HttpProtocolOptions>,
        upstream_http_protocol_options: Option<UpstreamHttpProtocolOptions>,
    }
    oneof {
        upstream_protocol_options: UpstreamHttpUpstreamProtocolOptions,
    }
    lacks [
        "http_filters" "header_validation_config" "outlier_detection" "request_mirror_policies"
        "hash_policy" "retry_policy"
    ]
    struct ExplicitHttpConfig = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions.ExplicitHttpConfig" {
    }
    oneof {
        protocol_config: ExplicitHttpConfigProtocolConfig,
    }
    lacks ["http3_protocol_options"]
    struct UseDownstreamHttpConfig = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions.UseDownstreamHttpConfig" {
        http_protocol_options: Option<Http1ProtocolOptions>,
        http2_protocol_options: Option<Http2ProtocolOptions>,
    }
    lacks ["http3_protocol_options"]
    struct AutoHttpConfig = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions.AutoHttpConfig" {
        http_protocol_options: Option<Http1ProtocolOptions>,
        http2_protocol_options: Option<Http2ProtocolOptions>,
    }
    lacks ["http3_protocol_options" "alternate_protocols_cache_options"]
    struct UpstreamHttpProtocolOptions = "envoy.config.core.v3.UpstreamHttpProtocolOptions" {
        auto_sni: bool,
        auto_san_validation: bool,
        override_auto_sni_header: String,
    }
}

oneof! {
    HeaderKeyFormatHeaderFormat {
        proper_case_words: ProperCaseWords(ProperCaseWords),
    }
    SchemeHeaderTransformationTransformation {
        scheme_to_overwrite: SchemeToOverwrite(String) = [Rule::In(&["http", "https"])],
    }
    UpstreamHttpUpstreamProtocolOptions {
        explicit_http_config: ExplicitHttpConfig(ExplicitHttpConfig),
        use_downstream_protocol_config: UseDownstreamProtocolConfig(UseDownstreamHttpConfig),
        auto_config: AutoConfig(AutoHttpConfig),
    }
    ExplicitHttpConfigProtocolConfig {
        http_protocol_options: HttpProtocolOptions(Http1ProtocolOptions),
        http2_protocol_options: Http2ProtocolOptions(Http2ProtocolOptions),
    }
}

choice! {
    HeadersWithUnderscoresAction = "envoy.config.core.v3.HttpProtocolOptions.HeadersWithUnderscoresAction" {
        Allow = 0 "ALLOW", RejectRequest = 1 "REJECT_REQUEST", DropHeader = 2 "DROP_HEADER",
    }
}
