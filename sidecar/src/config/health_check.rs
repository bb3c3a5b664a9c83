//! Active health checks.
//!
//! Sources: envoy.config.core.v3 (health_check).

use super::core::{HeaderValueOption, Int64Range, RequestMethod};
use super::reader::Rule;
use super::schema::{message, oneof};
use std::time::Duration;

message! {
    struct HealthCheck = "envoy.config.core.v3.HealthCheck" {
        1 timeout: Duration = [Rule::Required, Rule::Positive],
        2 interval: Duration = [Rule::Required, Rule::Positive],
        20 initial_jitter: Option<Duration>,
        3 interval_jitter: Option<Duration>,
        18 interval_jitter_percent: u32,
        4 unhealthy_threshold: u32 = [Rule::Required],
        5 healthy_threshold: u32 = [Rule::Required],
        6 alt_port: Option<u32>,
        7 reuse_connection: Option<bool>,
        12 no_traffic_interval: Option<Duration> = [Rule::Positive],
        24 no_traffic_healthy_interval: Option<Duration> = [Rule::Positive],
        14 unhealthy_interval: Option<Duration> = [Rule::Positive],
        15 unhealthy_edge_interval: Option<Duration> = [Rule::Positive],
        16 healthy_edge_interval: Option<Duration> = [Rule::Positive],
        19 always_log_health_check_failures: bool,
        26 always_log_health_check_success: bool,
    }
    oneof {
        health_checker: HealthCheckHealthChecker,
    }
    lacks [
        "grpc_health_check" "custom_health_check" "event_log_path" "event_logger" "event_service"
        "tls_options" "transport_socket_match_criteria"
    ]
    struct HttpHealthCheck = "envoy.config.core.v3.HealthCheck.HttpHealthCheck" {
        1 host: String,
        2 path: String = [Rule::MinLen(1)],
        6 request_headers_to_add: Vec<HeaderValueOption> = [Rule::MaxItems(1000)],
        8 request_headers_to_remove: Vec<String>,
        9 expected_statuses: Vec<Int64Range>,
        12 retriable_statuses: Vec<Int64Range>,
        13 method: RequestMethod,
    }
    lacks ["send" "receive" "response_buffer_size" "codec_client_type" "service_name_matcher"]
    struct TcpHealthCheck = "envoy.config.core.v3.HealthCheck.TcpHealthCheck" {
        1 send: Option<HealthCheckPayload>,
        2 receive: Vec<HealthCheckPayload>,
    }
    lacks ["proxy_protocol_config"]
    struct HealthCheckPayload = "envoy.config.core.v3.HealthCheck.Payload" {
    }
    oneof {
        payload: HealthCheckPayloadPayload,
    }
}

oneof! {
    HealthCheckHealthChecker {
        8 http_health_check: HttpHealthCheck(HttpHealthCheck),
        9 tcp_health_check: TcpHealthCheck(TcpHealthCheck),
    }
    HealthCheckPayloadPayload {
        1 text: Text(String) = [Rule::MinLen(1)],
        2 binary: Binary(String),
    }
}
