//! Active health checks.
//!
//! Sources: envoy.config.core.v3 (health_check).

use super::core::{HeaderValueOption, Int64Range, RequestMethod};
use super::reader::Rule;
use super::schema::{message, oneof};
use std::time::Duration;

message! {
    struct HealthCheck = "envoy.config.core.v3.HealthCheck" {
        timeout: Duration = [Rule::Required, Rule::Positive],
        interval: Duration = [Rule::Required, Rule::Positive],
        initial_jitter: Option<Duration>,
        interval_jitter: Option<Duration>,
        interval_jitter_percent: u32,
        unhealthy_threshold: u32 = [Rule::Required],
        healthy_threshold: u32 = [Rule::Required],
        alt_port: Option<u32>,
        reuse_connection: Option<bool>,
        no_traffic_interval: Option<Duration> = [Rule::Positive],
        no_traffic_healthy_interval: Option<Duration> = [Rule::Positive],
        unhealthy_interval: Option<Duration> = [Rule::Positive],
        unhealthy_edge_interval: Option<Duration> = [Rule::Positive],
        healthy_edge_interval: Option<Duration> = [Rule::Positive],
        always_log_health_check_failures: bool,
        always_log_health_check_success: bool,
    }
    oneof {
        health_checker: HealthCheckHealthChecker,
    }
    lacks [
        "grpc_health_check" "custom_health_check" "event_log_path" "event_logger" "event_service"
        "tls_options" "transport_socket_match_criteria"
    ]
    struct HttpHealthCheck = "envoy.config.core.v3.HealthCheck.HttpHealthCheck" {
        host: String,
        path: String = [Rule::MinLen(1)],
        request_headers_to_add: Vec<HeaderValueOption> = [Rule::MaxItems(1000)],
        request_headers_to_remove: Vec<String>,
        expected_statuses: Vec<Int64Range>,
        retriable_statuses: Vec<Int64Range>,
        method: RequestMethod,
    }
    lacks ["send" "receive" "response_buffer_size" "codec_client_type" "service_name_matcher"]
    struct TcpHealthCheck = "envoy.config.core.v3.HealthCheck.TcpHealthCheck" {
        send: Option<HealthCheckPayload>,
        receive: Vec<HealthCheckPayload>,
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
        http_health_check: HttpHealthCheck(HttpHealthCheck),
        tcp_health_check: TcpHealthCheck(TcpHealthCheck),
    }
    HealthCheckPayloadPayload {
        text: Text(String) = [Rule::MinLen(1)],
        binary: Binary(String),
    }
}
