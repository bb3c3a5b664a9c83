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
        cluster_not_found_response_code: ClusterNotFoundResponseCode,
        metadata_match: Option<Metadata>,
        prefix_rewrite: String,
        regex_rewrite: Option<RegexMatchAndSubstitute>,
        append_x_forwarded_host: bool,
        timeout: Option<Duration>,
        idle_timeout: Option<Duration>,
        retry_policy: Option<RetryPolicy>,
        request_mirror_policies: Vec<RequestMirrorPolicy>,
        priority: RoutingPriority,
        hash_policy: Vec<HashPolicy>,
        max_grpc_timeout: Option<Duration>,
        grpc_timeout_offset: Option<Duration>,
        upgrade_configs: Vec<RouteUpgradeConfig>,
        max_stream_duration: Option<MaxStreamDuration>,
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
        clusters: Vec<ClusterWeight> = [Rule::MinItems(1)],
        total_weight: Option<u32>,
        runtime_key_prefix: String,
    }
    oneof {
        random_value_specifier: Option<WeightedClusterRandomValueSpecifier>,
    }
    lacks ["use_hash_policy"]
    struct ClusterWeight = "envoy.config.route.v3.WeightedCluster.ClusterWeight" {
        name: String,
        cluster_header: String,
        weight: Option<u32>,
        metadata_match: Option<Metadata>,
        request_headers_to_add: Vec<HeaderValueOption> = [Rule::MaxItems(1000)],
        request_headers_to_remove: Vec<String>,
        response_headers_to_add: Vec<HeaderValueOption> = [Rule::MaxItems(1000)],
        response_headers_to_remove: Vec<String>,
        typed_per_filter_config: BTreeMap<String, PerFilterConfig>,
    }
    oneof {
        host_rewrite_specifier: Option<ClusterWeightHostRewriteSpecifier>,
    }
    struct RequestMirrorPolicy = "envoy.config.route.v3.RouteAction.RequestMirrorPolicy" {
        cluster: String,
        cluster_header: String,
        runtime_fraction: Option<RuntimeFractionalPercent>,
        trace_sampled: Option<bool>,
        disable_shadow_host_suffix_append: bool,
    }
    lacks ["request_headers_mutations" "host_rewrite_literal"]
    struct HashPolicy = "envoy.config.route.v3.RouteAction.HashPolicy" {
        terminal: bool,
    }
    oneof {
        policy_specifier: HashPolicyPolicySpecifier,
    }
    lacks ["filter_state"]
    struct HashHeader = "envoy.config.route.v3.RouteAction.HashPolicy.Header" {
        header_name: String = [Rule::MinLen(1)],
        regex_rewrite: Option<RegexMatchAndSubstitute>,
    }
    struct HashCookie = "envoy.config.route.v3.RouteAction.HashPolicy.Cookie" {
        name: String = [Rule::MinLen(1)],
        ttl: Option<Duration>,
        path: String,
        attributes: Vec<HashCookieAttribute>,
    }
    struct HashCookieAttribute = "envoy.config.route.v3.RouteAction.HashPolicy.CookieAttribute" {
        name: String = [Rule::MinLen(1)],
        value: String,
    }
    struct HashConnection = "envoy.config.route.v3.RouteAction.HashPolicy.ConnectionProperties" {
        source_ip: bool,
    }
    struct HashQueryParameter = "envoy.config.route.v3.RouteAction.HashPolicy.QueryParameter" {
        name: String = [Rule::MinLen(1)],
    }
    struct RouteUpgradeConfig = "envoy.config.route.v3.RouteAction.UpgradeConfig" {
        upgrade_type: String = [Rule::MinLen(1)],
        enabled: Option<bool>,
        connect_config: Option<ConnectConfig>,
    }
    struct ConnectConfig = "envoy.config.route.v3.RouteAction.UpgradeConfig.ConnectConfig" {
        allow_post: bool,
    }
    lacks ["proxy_protocol_config"]
    struct MaxStreamDuration = "envoy.config.route.v3.RouteAction.MaxStreamDuration" {
        max_stream_duration: Option<Duration>,
        grpc_timeout_header_max: Option<Duration>,
        grpc_timeout_header_offset: Option<Duration>,
    }
    struct RetryPolicy = "envoy.config.route.v3.RetryPolicy" {
        retry_on: String,
        num_retries: Option<u32>,
        per_try_timeout: Option<Duration>,
        per_try_idle_timeout: Option<Duration>,
        retry_host_predicate: Vec<RetryHostPredicate>,
        host_selection_retry_max_attempts: i64,
        retriable_status_codes: Vec<u32>,
        retry_back_off: Option<RetryBackOff>,
        rate_limited_retry_back_off: Option<RateLimitedRetryBackOff>,
        retriable_headers: Vec<HeaderMatcher>,
        retriable_request_headers: Vec<HeaderMatcher>,
    }
    lacks ["retry_priority" "retry_options_predicates"]
    struct RetryHostPredicate = "envoy.config.route.v3.RetryPolicy.RetryHostPredicate" {
        name: String = [Rule::MinLen(1)],
    }
    oneof {
        config_type: Option<RetryHostPredicateConfigType>,
    }
    struct RetryBackOff = "envoy.config.route.v3.RetryPolicy.RetryBackOff" {
        base_interval: Duration = [Rule::Required, Rule::Positive],
        max_interval: Option<Duration> = [Rule::Positive],
    }
    struct RateLimitedRetryBackOff = "envoy.config.route.v3.RetryPolicy.RateLimitedRetryBackOff" {
        reset_headers: Vec<ResetHeader> = [Rule::MinItems(1)],
        max_interval: Option<Duration> = [Rule::Positive],
    }
    struct ResetHeader = "envoy.config.route.v3.RetryPolicy.ResetHeader" {
        name: String = [Rule::MinLen(1)],
        format: ResetHeaderFormat,
    }
    struct RedirectAction = "envoy.config.route.v3.RedirectAction" {
        host_redirect: String,
        port_redirect: u32,
        response_code: RedirectResponseCode,
        strip_query: bool,
    }
    oneof {
        scheme_rewrite_specifier: Option<RedirectActionSchemeRewriteSpecifier>,
        path_rewrite_specifier: Option<RedirectActionPathRewriteSpecifier>,
    }
    struct DirectResponseAction = "envoy.config.route.v3.DirectResponseAction" {
        status: u32 = [Rule::Half(200.0, 600.0)],
        body: Option<DataSource>,
        body_format: Option<SubstitutionFormatString>,
    }
}

oneof! {
    RouteActionClusterSpecifier {
        cluster: Cluster(String) = [Rule::MinLen(1)],
        cluster_header: ClusterHeader(String) = [Rule::MinLen(1)],
        weighted_clusters: WeightedClusters(WeightedCluster),
    }
    RouteActionHostRewriteSpecifier {
        host_rewrite_literal: HostRewriteLiteral(String),
        auto_host_rewrite: AutoHostRewrite(bool),
        host_rewrite_header: HostRewriteHeader(String),
        host_rewrite_path_regex: HostRewritePathRegex(RegexMatchAndSubstitute),
    }
    WeightedClusterRandomValueSpecifier {
        header_name: HeaderName(String),
    }
    ClusterWeightHostRewriteSpecifier {
        host_rewrite_literal: HostRewriteLiteral(String),
    }
    HashPolicyPolicySpecifier {
        header: Header(HashHeader),
        cookie: Cookie(HashCookie),
        connection_properties: ConnectionProperties(HashConnection),
        query_parameter: QueryParameter(HashQueryParameter),
    }
    RetryHostPredicateConfigType {
        typed_config: TypedConfig(RetryHostPredicateConfig),
    }
    RedirectActionSchemeRewriteSpecifier {
        https_redirect: HttpsRedirect(bool),
        scheme_redirect: SchemeRedirect(String),
    }
    RedirectActionPathRewriteSpecifier {
        path_redirect: PathRedirect(String),
        prefix_rewrite: PrefixRewrite(String),
        regex_rewrite: RegexRewrite(RegexMatchAndSubstitute),
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
