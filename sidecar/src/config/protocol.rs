//! What HTTP/1 and HTTP/2 may be told about their connections, downstream and upstream.
//!
//! Sources: envoy.config.core.v3 (protocol), envoy.extensions.upstreams.http.v3.

use super::core::Percent;
use super::reader::Rule;
use super::schema::{choice, message, oneof};
use std::time::Duration;

message! {
    struct HttpProtocolOptions = "envoy.config.core.v3.HttpProtocolOptions" {
        1 idle_timeout: Option<Duration>,
        3 max_connection_duration: Option<Duration>,
        2 max_headers_count: Option<u32> = [Rule::Gte(1.0)],
        7 max_response_headers_kb: Option<u32> = [Rule::Above(0.0, 8192.0)],
        4 max_stream_duration: Option<Duration>,
        5 headers_with_underscores_action: HeadersWithUnderscoresAction,
        6 max_requests_per_connection: Option<u32>,
    }
    struct Http1ProtocolOptions = "envoy.config.core.v3.Http1ProtocolOptions" {
        1 allow_absolute_url: Option<bool>,
        2 accept_http_10: bool,
        3 default_host_for_http_10: String,
        4 header_key_format: Option<HeaderKeyFormat>,
        5 enable_trailers: bool,
        6 allow_chunked_length: bool,
        7 override_stream_error_on_invalid_http_message: Option<bool>,
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
        1 hpack_table_size: Option<u32>,
        2 max_concurrent_streams: Option<u32> = [Rule::Range(1.0, 2147483647.0)],
        3 initial_stream_window_size: Option<u32> = [Rule::Range(65535.0, 2147483647.0)],
        4 initial_connection_window_size: Option<u32> = [Rule::Range(65535.0, 2147483647.0)],
        5 allow_connect: bool,
        7 max_outbound_frames: Option<u32> = [Rule::Gte(1.0)],
        8 max_outbound_control_frames: Option<u32> = [Rule::Gte(1.0)],
        9 max_consecutive_inbound_frames_with_empty_payload: Option<u32>,
        10 max_inbound_priority_frames_per_stream: Option<u32>,
        11 max_inbound_window_update_frames_per_data_frame_sent: Option<u32> = [Rule::Gte(1.0)],
        12 stream_error_on_invalid_http_messaging: bool,
        14 override_stream_error_on_invalid_http_message: Option<bool>,
        15 connection_keepalive: Option<KeepaliveSettings>,
    }
    lacks [
        "allow_metadata" "custom_settings_parameters" "use_oghttp2_codec" "max_metadata_size"
        "enable_huffman_encoding"
    ]
    struct KeepaliveSettings = "envoy.config.core.v3.KeepaliveSettings" {
        1 interval: Option<Duration> = [Rule::AtLeastSecs(0.001)],
        2 timeout: Duration = [Rule::Required, Rule::AtLeastSecs(0.001)],
        3 interval_jitter: Option<Percent>,
        4 connection_idle_interval: Option<Duration> = [Rule::AtLeastSecs(0.001)],
    }
    struct SchemeHeaderTransformation = "envoy.config.core.v3.SchemeHeaderTransformation" {
        2 match_upstream: bool,
    }
    oneof {
        transformation: Option<SchemeHeaderTransformationTransformation>,
    }
    struct UpstreamHttp = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions" {
        1 common_http_protocol_options: Option<HttpProtocolOptions>,
        2 upstream_http_protocol_options: Option<UpstreamHttpProtocolOptions>,
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
        1 http_protocol_options: Option<Http1ProtocolOptions>,
        2 http2_protocol_options: Option<Http2ProtocolOptions>,
    }
    lacks ["http3_protocol_options"]
    struct AutoHttpConfig = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions.AutoHttpConfig" {
        1 http_protocol_options: Option<Http1ProtocolOptions>,
        2 http2_protocol_options: Option<Http2ProtocolOptions>,
    }
    lacks ["http3_protocol_options" "alternate_protocols_cache_options"]
    struct UpstreamHttpProtocolOptions = "envoy.config.core.v3.UpstreamHttpProtocolOptions" {
        1 auto_sni: bool,
        2 auto_san_validation: bool,
        3 override_auto_sni_header: String,
    }
}

oneof! {
    HeaderKeyFormatHeaderFormat {
        1 proper_case_words: ProperCaseWords(ProperCaseWords),
    }
    SchemeHeaderTransformationTransformation {
        1 scheme_to_overwrite: SchemeToOverwrite(String) = [Rule::In(&["http", "https"])],
    }
    UpstreamHttpUpstreamProtocolOptions {
        3 explicit_http_config: ExplicitHttpConfig(ExplicitHttpConfig),
        4 use_downstream_protocol_config: UseDownstreamProtocolConfig(UseDownstreamHttpConfig),
        5 auto_config: AutoConfig(AutoHttpConfig),
    }
    ExplicitHttpConfigProtocolConfig {
        1 http_protocol_options: HttpProtocolOptions(Http1ProtocolOptions),
        2 http2_protocol_options: Http2ProtocolOptions(Http2ProtocolOptions),
    }
}

choice! {
    HeadersWithUnderscoresAction = "envoy.config.core.v3.HttpProtocolOptions.HeadersWithUnderscoresAction" {
        Allow = 0 "ALLOW", RejectRequest = 1 "REJECT_REQUEST", DropHeader = 2 "DROP_HEADER",
    }
}
