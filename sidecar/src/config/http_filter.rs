//! Configuration of the small HTTP filters: router, fault, cors, health_check, local_ratelimit.
//!
//! Sources: envoy.extensions.filters.http.{router,fault,cors,health_check,local_ratelimit}.v3.

use super::access_log::AccessLog;
use super::core::{
    FractionalPercent, HeaderValueOption, HttpStatus, Percent, RuntimeFractionalPercent, StringMatcher,
    TokenBucket,
};
use super::reader::Rule;
use super::route::HeaderMatcher;
use super::schema::{choice, message, oneof};
use std::collections::BTreeMap;
use std::time::Duration;

message! {
    struct Router = "envoy.extensions.filters.http.router.v3.Router" {
        dynamic_stats: Option<bool>,
        start_child_span: bool,
        upstream_log: Vec<AccessLog>,
        suppress_envoy_headers: bool,
        respect_expected_rq_timeout: bool,
        suppress_grpc_request_failure_code_stats: bool,
    }
    lacks [
        "upstream_log_options" "strict_check_headers" "upstream_http_filters"
        "reject_connect_request_early_data"
    ]
    struct HttpFault = "envoy.extensions.filters.http.fault.v3.HTTPFault" {
        delay: Option<FaultDelay>,
        abort: Option<FaultAbort>,
        upstream_cluster: String,
        headers: Vec<HeaderMatcher>,
        max_active_faults: Option<u32>,
        delay_percent_runtime: String,
        abort_percent_runtime: String,
        delay_duration_runtime: String,
        abort_http_status_runtime: String,
        max_active_faults_runtime: String,
        disable_downstream_cluster_stats: bool,
    }
    lacks [
        "downstream_nodes" "response_rate_limit" "response_rate_limit_percent_runtime"
        "abort_grpc_status_runtime" "filter_metadata"
    ]
    struct FaultAbort = "envoy.extensions.filters.http.fault.v3.FaultAbort" {
        percentage: Option<FractionalPercent>,
    }
    oneof {
        error_type: FaultAbortErrorType,
    }
    struct HeaderAbort = "envoy.extensions.filters.http.fault.v3.FaultAbort.HeaderAbort" {
    }
    struct FaultDelay = "envoy.extensions.filters.common.fault.v3.FaultDelay" {
        percentage: Option<FractionalPercent>,
    }
    oneof {
        fault_delay_secifier: FaultDelayFaultDelaySecifier,
    }
    struct HeaderDelay = "envoy.extensions.filters.common.fault.v3.FaultDelay.HeaderDelay" {
    }
    struct Cors = "envoy.extensions.filters.http.cors.v3.Cors" {
    }
    struct CorsPolicy = "envoy.extensions.filters.http.cors.v3.CorsPolicy" {
        allow_origin_string_match: Vec<StringMatcher>,
        allow_methods: String,
        allow_headers: String,
        expose_headers: String,
        max_age: String,
        allow_credentials: Option<bool>,
        filter_enabled: Option<RuntimeFractionalPercent>,
        shadow_enabled: Option<RuntimeFractionalPercent>,
        allow_private_network_access: Option<bool>,
        forward_not_matching_preflights: Option<bool>,
    }
    struct HealthCheckFilter = "envoy.extensions.filters.http.health_check.v3.HealthCheck" {
        pass_through_mode: bool = [Rule::Required],
        cluster_min_healthy_percentages: BTreeMap<String, Percent>,
        headers: Vec<HeaderMatcher>,
    }
    lacks ["cache_time"]
    struct LocalRateLimit = "envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit" {
        stat_prefix: String = [Rule::MinLen(1)],
        status: Option<HttpStatus>,
        token_bucket: Option<TokenBucket>,
        filter_enabled: Option<RuntimeFractionalPercent>,
        filter_enforced: Option<RuntimeFractionalPercent>,
        request_headers_to_add_when_not_enforced: Vec<HeaderValueOption> = [Rule::MaxItems(10)],
        response_headers_to_add: Vec<HeaderValueOption> = [Rule::MaxItems(10)],
        local_rate_limit_per_downstream_connection: bool,
        enable_x_ratelimit_headers: XRateLimitHeadersRfcVersion,
        rate_limited_as_resource_exhausted: bool,
    }
    lacks [
        "descriptors" "stage" "local_cluster_rate_limit" "vh_rate_limits"
        "always_consume_default_token_bucket" "rate_limits" "max_dynamic_descriptors"
    ]
}

oneof! {
    FaultAbortErrorType {
        http_status: HttpStatus(u32) = [Rule::Half(200.0, 600.0)],
        grpc_status: GrpcStatus(u32),
        header_abort: HeaderAbort(HeaderAbort),
    }
    FaultDelayFaultDelaySecifier {
        fixed_delay: FixedDelay(Duration) = [Rule::Positive],
        header_delay: HeaderDelay(HeaderDelay),
    }
}

choice! {
    XRateLimitHeadersRfcVersion = "envoy.extensions.common.ratelimit.v3.XRateLimitHeadersRFCVersion" {
        Off = 0 "OFF", DraftVersion03 = 1 "DRAFT_VERSION_03",
    }
}
