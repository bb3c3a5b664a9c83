//! What becomes of a request that a route matched: forwarded (where, how rewritten, how often tried), redirected or
//! answered.
//!
//! Sources: envoy.config.route.v3 (the acting half of route_components).

use super::core::{
    DataSource, HeaderValueOption, Metadata, RegexMatchAndSubstitute, RoutingPriority,
    RuntimeFractionalPercent, SubstitutionFormatString,
};
use super::extension::{PerFilterConfig, RetryHostPredicateConfig};
use super::reader::Rule;
use super::route::HeaderMatcher;
use super::schema::{choice, message, oneof};
use std::collections::BTreeMap;
use std::time::Duration;

message! {
    struct RouteAction = "envoy.config.route.v3.RouteAction" {
        20 cluster_not_found_response_code: ClusterNotFoundResponseCode,
        4 metadata_match: Option<Metadata>,
        5 prefix_rewrite: String,
        32 regex_rewrite: Option<RegexMatchAndSubstitute>,
        38 append_x_forwarded_host: bool,
        8 timeout: Option<Duration>,
        24 idle_timeout: Option<Duration>,
        9 retry_policy: Option<RetryPolicy>,
        30 request_mirror_policies: Vec<RequestMirrorPolicy>,
        11 priority: RoutingPriority,
        15 hash_policy: Vec<HashPolicy>,
        23 max_grpc_timeout: Option<Duration>,
        28 grpc_timeout_offset: Option<Duration>,
        25 upgrade_configs: Vec<RouteUpgradeConfig>,
        36 max_stream_duration: Option<MaxStreamDuration>,
    }
    oneof {
        cluster_specifier: RouteActionClusterSpecifier,
        host_rewrite_specifier: Option<RouteActionHostRewriteSpecifier>,
    }
    lacks [
        "cluster_specifier_plugin" "inline_cluster_specifier_plugin" "path_rewrite_policy" "path_rewrite"
        "host_rewrite" "flush_timeout" "early_data_policy" "retry_policy_typed_config" "rate_limits"
        "include_vh_rate_limits" "cors" "internal_redirect_policy" "internal_redirect_action"
        "max_internal_redirects" "hedge_policy"
    ]
    struct WeightedCluster = "envoy.config.route.v3.WeightedCluster" {
        1 clusters: Vec<ClusterWeight> = [Rule::MinItems(1)],
        3 total_weight: Option<u32>,
        2 runtime_key_prefix: String,
    }
    oneof {
        random_value_specifier: Option<WeightedClusterRandomValueSpecifier>,
    }
    lacks ["use_hash_policy"]
    struct ClusterWeight = "envoy.config.route.v3.WeightedCluster.ClusterWeight" {
        1 name: String,
        12 cluster_header: String,
        2 weight: Option<u32>,
        3 metadata_match: Option<Metadata>,
        4 request_headers_to_add: Vec<HeaderValueOption> = [Rule::MaxItems(1000)],
        9 request_headers_to_remove: Vec<String>,
        5 response_headers_to_add: Vec<HeaderValueOption> = [Rule::MaxItems(1000)],
        6 response_headers_to_remove: Vec<String>,
        10 typed_per_filter_config: BTreeMap<String, PerFilterConfig>,
    }
    oneof {
        host_rewrite_specifier: Option<ClusterWeightHostRewriteSpecifier>,
    }
    struct RequestMirrorPolicy = "envoy.config.route.v3.RouteAction.RequestMirrorPolicy" {
        1 cluster: String,
        5 cluster_header: String,
        3 runtime_fraction: Option<RuntimeFractionalPercent>,
        4 trace_sampled: Option<bool>,
        6 disable_shadow_host_suffix_append: bool,
    }
    lacks ["request_headers_mutations" "host_rewrite_literal"]
    struct HashPolicy = "envoy.config.route.v3.RouteAction.HashPolicy" {
        4 terminal: bool,
    }
    oneof {
        policy_specifier: HashPolicyPolicySpecifier,
    }
    lacks ["filter_state"]
    struct HashHeader = "envoy.config.route.v3.RouteAction.HashPolicy.Header" {
        1 header_name: String = [Rule::MinLen(1)],
        2 regex_rewrite: Option<RegexMatchAndSubstitute>,
    }
    struct HashCookie = "envoy.config.route.v3.RouteAction.HashPolicy.Cookie" {
        1 name: String = [Rule::MinLen(1)],
        2 ttl: Option<Duration>,
        3 path: String,
        4 attributes: Vec<HashCookieAttribute>,
    }
    struct HashCookieAttribute = "envoy.config.route.v3.RouteAction.HashPolicy.CookieAttribute" {
        1 name: String = [Rule::MinLen(1)],
        2 value: String,
    }
    struct HashConnection = "envoy.config.route.v3.RouteAction.HashPolicy.ConnectionProperties" {
        1 source_ip: bool,
    }
    struct HashQueryParameter = "envoy.config.route.v3.RouteAction.HashPolicy.QueryParameter" {
        1 name: String = [Rule::MinLen(1)],
    }
    struct RouteUpgradeConfig = "envoy.config.route.v3.RouteAction.UpgradeConfig" {
        1 upgrade_type: String = [Rule::MinLen(1)],
        2 enabled: Option<bool>,
        3 connect_config: Option<ConnectConfig>,
    }
    struct ConnectConfig = "envoy.config.route.v3.RouteAction.UpgradeConfig.ConnectConfig" {
        2 allow_post: bool,
    }
    lacks ["proxy_protocol_config"]
    struct MaxStreamDuration = "envoy.config.route.v3.RouteAction.MaxStreamDuration" {
        1 max_stream_duration: Option<Duration>,
        2 grpc_timeout_header_max: Option<Duration>,
        3 grpc_timeout_header_offset: Option<Duration>,
    }
    struct RetryPolicy = "envoy.config.route.v3.RetryPolicy" {
        1 retry_on: String,
        2 num_retries: Option<u32>,
        3 per_try_timeout: Option<Duration>,
        13 per_try_idle_timeout: Option<Duration>,
        5 retry_host_predicate: Vec<RetryHostPredicate>,
        6 host_selection_retry_max_attempts: i64,
        7 retriable_status_codes: Vec<u32>,
        8 retry_back_off: Option<RetryBackOff>,
        11 rate_limited_retry_back_off: Option<RateLimitedRetryBackOff>,
        9 retriable_headers: Vec<HeaderMatcher>,
        10 retriable_request_headers: Vec<HeaderMatcher>,
    }
    lacks ["retry_priority" "retry_options_predicates"]
    struct RetryHostPredicate = "envoy.config.route.v3.RetryPolicy.RetryHostPredicate" {
        1 name: String = [Rule::MinLen(1)],
    }
    oneof {
        config_type: Option<RetryHostPredicateConfigType>,
    }
    struct RetryBackOff = "envoy.config.route.v3.RetryPolicy.RetryBackOff" {
        1 base_interval: Duration = [Rule::Required, Rule::Positive],
        2 max_interval: Option<Duration> = [Rule::Positive],
    }
    struct RateLimitedRetryBackOff = "envoy.config.route.v3.RetryPolicy.RateLimitedRetryBackOff" {
        1 reset_headers: Vec<ResetHeader> = [Rule::MinItems(1)],
        2 max_interval: Option<Duration> = [Rule::Positive],
    }
    struct ResetHeader = "envoy.config.route.v3.RetryPolicy.ResetHeader" {
        1 name: String = [Rule::MinLen(1)],
        2 format: ResetHeaderFormat,
    }
    struct RedirectAction = "envoy.config.route.v3.RedirectAction" {
        1 host_redirect: String,
        8 port_redirect: u32,
        3 response_code: RedirectResponseCode,
        6 strip_query: bool,
    }
    oneof {
        scheme_rewrite_specifier: Option<RedirectActionSchemeRewriteSpecifier>,
        path_rewrite_specifier: Option<RedirectActionPathRewriteSpecifier>,
    }
    struct DirectResponseAction = "envoy.config.route.v3.DirectResponseAction" {
        1 status: u32 = [Rule::Half(200.0, 600.0)],
        2 body: Option<DataSource>,
        3 body_format: Option<SubstitutionFormatString>,
    }
}

oneof! {
    RouteActionClusterSpecifier {
        1 cluster: Cluster(String) = [Rule::MinLen(1)],
        2 cluster_header: ClusterHeader(String) = [Rule::MinLen(1)],
        3 weighted_clusters: WeightedClusters(WeightedCluster),
    }
    RouteActionHostRewriteSpecifier {
        6 host_rewrite_literal: HostRewriteLiteral(String),
        7 auto_host_rewrite: AutoHostRewrite(bool),
        29 host_rewrite_header: HostRewriteHeader(String),
        35 host_rewrite_path_regex: HostRewritePathRegex(RegexMatchAndSubstitute),
    }
    WeightedClusterRandomValueSpecifier {
        4 header_name: HeaderName(String),
    }
    ClusterWeightHostRewriteSpecifier {
        11 host_rewrite_literal: HostRewriteLiteral(String),
    }
    HashPolicyPolicySpecifier {
        1 header: Header(HashHeader),
        2 cookie: Cookie(HashCookie),
        3 connection_properties: ConnectionProperties(HashConnection),
        5 query_parameter: QueryParameter(HashQueryParameter),
    }
    RetryHostPredicateConfigType {
        3 typed_config: TypedConfig(RetryHostPredicateConfig),
    }
    RedirectActionSchemeRewriteSpecifier {
        4 https_redirect: HttpsRedirect(bool),
        7 scheme_redirect: SchemeRedirect(String),
    }
    RedirectActionPathRewriteSpecifier {
        2 path_redirect: PathRedirect(String),
        5 prefix_rewrite: PrefixRewrite(String),
        9 regex_rewrite: RegexRewrite(RegexMatchAndSubstitute),
    }
}

choice! {
    ClusterNotFoundResponseCode = "envoy.config.route.v3.RouteAction.ClusterNotFoundResponseCode" {
        ServiceUnavailable = 0 "SERVICE_UNAVAILABLE", NotFound = 1 "NOT_FOUND",
        InternalServerError = 2 "INTERNAL_SERVER_ERROR",
    }
    ResetHeaderFormat = "envoy.config.route.v3.RetryPolicy.ResetHeaderFormat" {
        Seconds = 0 "SECONDS", UnixTimestamp = 1 "UNIX_TIMESTAMP",
    }
    RedirectResponseCode = "envoy.config.route.v3.RedirectAction.RedirectResponseCode" {
        MovedPermanently = 0 "MOVED_PERMANENTLY", Found = 1 "FOUND", SeeOther = 2 "SEE_OTHER",
        TemporaryRedirect = 3 "TEMPORARY_REDIRECT", PermanentRedirect = 4 "PERMANENT_REDIRECT",
    }
}
