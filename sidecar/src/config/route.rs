//! Route tables: virtual hosts by domain, their routes in order, and how a request is matched and its headers changed.
//!
//! Sources: envoy.config.route.v3 (route, and the matching half of route_components).

use super::core::{
    HeaderValueOption, Int64Range, Metadata, RegexMatcher, RuntimeFractionalPercent, StringMatcher,
};
use super::extension::PerFilterConfig;
use super::reader::Rule;
use super::route_action::{
    DirectResponseAction, RedirectAction, RequestMirrorPolicy, RetryPolicy, RouteAction,
};
use super::schema::{choice, message, oneof};
use std::collections::BTreeMap;

message! {
    struct RouteConfiguration = "envoy.config.route.v3.RouteConfiguration" {
        1 name: String,
        2 virtual_hosts: Vec<VirtualHost>,
        3 internal_only_headers: Vec<String>,
        4 response_headers_to_add: Vec<HeaderValueOption> = [Rule::MaxItems(1000)],
        5 response_headers_to_remove: Vec<String>,
        6 request_headers_to_add: Vec<HeaderValueOption> = [Rule::MaxItems(1000)],
        8 request_headers_to_remove: Vec<String>,
        10 most_specific_header_mutations_wins: bool,
        7 validate_clusters: Option<bool>,
        11 max_direct_response_body_size_bytes: Option<u32>,
        13 request_mirror_policies: Vec<RequestMirrorPolicy>,
        14 ignore_port_in_host_matching: bool,
        15 ignore_path_parameters_in_path_matching: bool,
        16 typed_per_filter_config: BTreeMap<String, PerFilterConfig>,
        17 metadata: Option<Metadata>,
    }
    lacks ["vhds" "cluster_specifier_plugins" "vhost_header"]
    struct VirtualHost = "envoy.config.route.v3.VirtualHost" {
        1 name: String = [Rule::MinLen(1)],
        2 domains: Vec<String> = [Rule::MinItems(1)],
        3 routes: Vec<Route>,
        4 require_tls: TlsRequirement,
        7 request_headers_to_add: Vec<HeaderValueOption> = [Rule::MaxItems(1000)],
        13 request_headers_to_remove: Vec<String>,
        10 response_headers_to_add: Vec<HeaderValueOption> = [Rule::MaxItems(1000)],
        11 response_headers_to_remove: Vec<String>,
        15 typed_per_filter_config: BTreeMap<String, PerFilterConfig>,
        14 include_request_attempt_count: bool,
        19 include_attempt_count_in_response: bool,
        16 retry_policy: Option<RetryPolicy>,
        23 include_is_timeout_retry_header: bool,
        18 per_request_buffer_limit_bytes: Option<u32>,
        22 request_mirror_policies: Vec<RequestMirrorPolicy>,
        24 metadata: Option<Metadata>,
    }
    lacks [
        "matcher" "virtual_clusters" "rate_limits" "cors" "retry_policy_typed_config" "hedge_policy"
        "request_body_buffer_limit"
    ]
    struct Route = "envoy.config.route.v3.Route" {
        14 name: String,
        1 r#match: RouteMatch = [Rule::Required],
        4 metadata: Option<Metadata>,
        5 decorator: Option<Decorator>,
        13 typed_per_filter_config: BTreeMap<String, PerFilterConfig>,
        9 request_headers_to_add: Vec<HeaderValueOption> = [Rule::MaxItems(1000)],
        12 request_headers_to_remove: Vec<String>,
        10 response_headers_to_add: Vec<HeaderValueOption> = [Rule::MaxItems(1000)],
        11 response_headers_to_remove: Vec<String>,
        16 per_request_buffer_limit_bytes: Option<u32>,
        19 stat_prefix: String,
    }
    oneof {
        action: Action,
    }
    lacks ["filter_action" "non_forwarding_action" "tracing" "request_body_buffer_limit"]
    struct Decorator = "envoy.config.route.v3.Decorator" {
        1 operation: String = [Rule::MinLen(1)],
        2 propagate: Option<bool>,
    }
    struct RouteMatch = "envoy.config.route.v3.RouteMatch" {
        4 case_sensitive: Option<bool>,
        9 runtime_fraction: Option<RuntimeFractionalPercent>,
        6 headers: Vec<HeaderMatcher>,
        7 query_parameters: Vec<QueryParameterMatcher>,
        8 grpc: Option<GrpcRouteMatchOptions>,
        11 tls_context: Option<TlsContextMatchOptions>,
    }
    oneof {
        path_specifier: RouteMatchPathSpecifier,
    }
    lacks ["path_match_policy" "cookies" "dynamic_metadata" "filter_state"]
    struct ConnectMatcher = "envoy.config.route.v3.RouteMatch.ConnectMatcher" {
    }
    struct GrpcRouteMatchOptions = "envoy.config.route.v3.RouteMatch.GrpcRouteMatchOptions" {
    }
    struct TlsContextMatchOptions = "envoy.config.route.v3.RouteMatch.TlsContextMatchOptions" {
        1 presented: Option<bool>,
        2 validated: Option<bool>,
    }
    struct HeaderMatcher = "envoy.config.route.v3.HeaderMatcher" {
        1 name: String = [Rule::MinLen(1)],
        8 invert_match: bool,
        14 treat_missing_header_as_empty: bool,
    }
    oneof {
        header_match_specifier: Option<HeaderMatcherHeaderMatchSpecifier>,
    }
    struct QueryParameterMatcher = "envoy.config.route.v3.QueryParameterMatcher" {
        1 name: String = [Rule::MinLen(1)],
    }
    oneof {
        query_parameter_match_specifier: Option<QueryParameterMatcherQueryParameterMatchSpecifier>,
    }
}

oneof! {
    Action {
        2 route: Route(Box<RouteAction>),
        3 redirect: Redirect(RedirectAction),
        7 direct_response: DirectResponse(DirectResponseAction),
    }
    RouteMatchPathSpecifier {
        1 prefix: Prefix(String),
        2 path: Path(String),
        10 safe_regex: SafeRegex(RegexMatcher) = [Rule::Required],
        12 connect_matcher: ConnectMatcher(ConnectMatcher),
        14 path_separated_prefix: PathSeparatedPrefix(String) = [Rule::PathSeparatedPrefix],
    }
    HeaderMatcherHeaderMatchSpecifier {
        4 exact_match: ExactMatch(String),
        11 safe_regex_match: SafeRegexMatch(RegexMatcher),
        6 range_match: RangeMatch(Int64Range),
        7 present_match: PresentMatch(bool),
        9 prefix_match: PrefixMatch(String) = [Rule::MinLen(1)],
        10 suffix_match: SuffixMatch(String) = [Rule::MinLen(1)],
        12 contains_match: ContainsMatch(String) = [Rule::MinLen(1)],
        13 string_match: StringMatch(StringMatcher),
    }
    QueryParameterMatcherQueryParameterMatchSpecifier {
        5 string_match: StringMatch(StringMatcher) = [Rule::Required],
        6 present_match: PresentMatch(bool),
    }
}

choice! {
    TlsRequirement = "envoy.config.route.v3.VirtualHost.TlsRequirementType" {
        None = 0 "NONE", ExternalOnly = 1 "EXTERNAL_ONLY", All = 2 "ALL",
    }
}
