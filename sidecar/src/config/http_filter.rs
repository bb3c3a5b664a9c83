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
        1 dynamic_stats: Option<bool>,
        2 start_child_span: bool,
        3 upstream_log: Vec<AccessLog>,
        4 suppress_envoy_headers: bool,
        6 respect_expected_rq_timeout: bool,
        7 suppress_grpc_request_failure_code_stats: bool,
    }
    lacks [
        "upstream_log_options" "strict_check_headers" "upstream_http_filters"
        "reject_connect_request_early_data"
    ]
    struct HttpFault = "envoy.extensions.filters.http.fault.v3.HTTPFault" {
        1 delay: Option<FaultDelay>,
        2 abort: Option<FaultAbort>,
        3 upstream_cluster: String,
        4 headers: Vec<HeaderMatcher>,
        6 max_active_faults: Option<u32>,
        8 delay_percent_runtime: String,
        9 abort_percent_runtime: String,
        10 delay_duration_runtime: String,
        11 abort_http_status_runtime: String,
        12 max_active_faults_runtime: String,
        15 disable_downstream_cluster_stats: bool,
    }
    lacks [
        "downstream_nodes" "response_rate_limit" "response_rate_limit_percent_runtime"
        "abort_grpc_status_runtime" "filter_metadata"
    ]
    struct FaultAbort = "envoy.extensions.filters.http.fault.v3.FaultAbort" {
        3 percentage: Option<FractionalPercent>,
    }
    oneof {
        error_type: FaultAbortErrorType,
    }
    struct HeaderAbort = "envoy.extensions.filters.http.fault.v3.FaultAbort.HeaderAbort" {
    }
    struct FaultDelay = "envoy.extensions.filters.common.fault.v3.FaultDelay" {
        4 percentage: Option<FractionalPercent>,
    }
    oneof {
        fault_delay_secifier: FaultDelayFaultDelaySecifier,
    }
    struct HeaderDelay = "envoy.extensions.filters.common.fault.v3.FaultDelay.HeaderDelay" {
    }
    struct Cors = "envoy.extensions.filters.http.cors.v3.Cors" {
    }
    struct CorsPolicy = "envoy.extensions.filters.http.cors.v3.CorsPolicy" {
        1 allow_origin_string_match: Vec<StringMatcher>,
        2 allow_methods: String,
        3 allow_headers: String,
        4 expose_headers: String,
        5 max_age: String,
        6 allow_credentials: Option<bool>,
        7 filter_enabled: Option<RuntimeFractionalPercent>,
        8 shadow_enabled: Option<RuntimeFractionalPercent>,
        9 allow_private_network_access: Option<bool>,
        10 forward_not_matching_preflights: Option<bool>,
    }
    struct HealthCheckFilter = "envoy.extensions.filters.http.health_check.v3.HealthCheck" {
        1 pass_through_mode: bool = [Rule::Required],
        4 cluster_min_healthy_percentages: BTreeMap<String, Percent>,
        5 headers: Vec<HeaderMatcher>,
    }
    lacks ["cache_time"]
    struct LocalRateLimit = "envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit" {
        1 stat_prefix: String = [Rule::MinLen(1)],
        2 status: Option<HttpStatus>,
        3 token_bucket: Option<TokenBucket>,
        4 filter_enabled: Option<RuntimeFractionalPercent>,
        5 filter_enforced: Option<RuntimeFractionalPercent>,
        10 request_headers_to_add_when_not_enforced: Vec<HeaderValueOption> = [Rule::MaxItems(10)],
        6 response_headers_to_add: Vec<HeaderValueOption> = [Rule::MaxItems(10)],
        11 local_rate_limit_per_downstream_connection: bool,
        12 enable_x_ratelimit_headers: XRateLimitHeadersRfcVersion,
        15 rate_limited_as_resource_exhausted: bool,
    }
    lacks [
        "descriptors" "stage" "local_cluster_rate_limit" "vh_rate_limits"
        "always_consume_default_token_bucket" "rate_limits" "max_dynamic_descriptors"
    ]
}

oneof! {
    FaultAbortErrorType {
        2 http_status: HttpStatus(u32) = [Rule::Half(200.0, 600.0)],
        5 grpc_status: GrpcStatus(u32),
        4 header_abort: HeaderAbort(HeaderAbort),
    }
    FaultDelayFaultDelaySecifier {
        3 fixed_delay: FixedDelay(Duration) = [Rule::Positive],
        5 header_delay: HeaderDelay(HeaderDelay),
    }
}

choice! {
    XRateLimitHeadersRfcVersion = "envoy.extensions.common.ratelimit.v3.XRateLimitHeadersRFCVersion" {
        Off = 0 "OFF", DraftVersion03 = 1 "DRAFT_VERSION_03",
    }
}
