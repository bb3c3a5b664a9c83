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
        name: String,
        virtual_hosts: Vec<VirtualHost>,
        internal_only_headers: Vec<String>,
        response_headers_to_add: Vec<HeaderValueOption> = [Rule::MaxItems(1000)],
        response_headers_to_remove: Vec<String>,
        request_headers_to_add: Vec<HeaderValueOption> = [Rule::MaxItems(1000)],
        request_headers_to_remove: Vec<String>,
        most_specific_header_mutations_wins: bool,
        validate_clusters: Option<bool>,
        max_direct_response_body_size_bytes: Option<u32>,
        request_mirror_policies: Vec<RequestMirrorPolicy>,
        ignore_port_in_host_matching: bool,
        ignore_path_parameters_in_path_matching: bool,
        typed_per_filter_config: BTreeMap<String, PerFilterConfig>,
        metadata: Option<Metadata>,
    }
    lacks ["vhds" "cluster_specifier_plugins" "vhost_header"]
    struct VirtualHost = "envoy.config.route.v3.VirtualHost" {
        name: String = [Rule::MinLen(1)],
        domains: Vec<String> = [Rule::MinItems(1)],
        routes: Vec<Route>,
        require_tls: TlsRequirement,
        request_headers_to_add: Vec<HeaderValueOption> = [Rule::MaxItems(1000)],
        request_headers_to_remove: Vec<String>,
        response_headers_to_add: Vec<HeaderValueOption> = [Rule::MaxItems(1000)],
        response_headers_to_remove: Vec<String>,
        typed_per_filter_config: BTreeMap<String, PerFilterConfig>,
        include_request_attempt_count: bool,
        include_attempt_count_in_response: bool,
        retry_policy: Option<RetryPolicy>,
        include_is_timeout_retry_header: bool,
        per_request_buffer_limit_bytes: Option<u32>,
        request_mirror_policies: Vec<RequestMirrorPolicy>,
        metadata: Option<Metadata>,
    }
    lacks [
        "matcher" "virtual_clusters" "rate_limits" "cors" "retry_policy_typed_config" "hedge_policy"
        "request_body_buffer_limit"
    ]
    struct Route = "envoy.config.route.v3.Route" {
        name: String,
        r#match: RouteMatch = [Rule::Required],
        metadata: Option<Metadata>,
        decorator: Option<Decorator>,
        typed_per_filter_config: BTreeMap<String, PerFilterConfig>,
        request_headers_to_add: Vec<HeaderValueOption> = [Rule::MaxItems(1000)],
        request_headers_to_remove: Vec<String>,
        response_headers_to_add: Vec<HeaderValueOption> = [Rule::MaxItems(1000)],
        response_headers_to_remove: Vec<String>,
        per_request_buffer_limit_bytes: Option<u32>,
        stat_prefix: String,
    }
    oneof {
        action: Action,
    }
    lacks ["filter_action" "non_forwarding_action" "tracing" "request_body_buffer_limit"]
    struct Decorator = "envoy.config.route.v3.Decorator" {
        operation: String = [Rule::MinLen(1)],
        propagate: Option<bool>,
    }
    struct RouteMatch = "envoy.config.route.v3.RouteMatch" {
        case_sensitive: Option<bool>,
        runtime_fraction: Option<RuntimeFractionalPercent>,
        headers: Vec<HeaderMatcher>,
        query_parameters: Vec<QueryParameterMatcher>,
        grpc: Option<GrpcRouteMatchOptions>,
        tls_context: Option<TlsContextMatchOptions>,
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
        presented: Option<bool>,
        validated: Option<bool>,
    }
    struct HeaderMatcher = "envoy.config.route.v3.HeaderMatcher" {
        name: String = [Rule::MinLen(1)],
        invert_match: bool,
        treat_missing_header_as_empty: bool,
    }
    oneof {
        header_match_specifier: Option<HeaderMatcherHeaderMatchSpecifier>,
    }
    struct QueryParameterMatcher = "envoy.config.route.v3.QueryParameterMatcher" {
        name: String = [Rule::MinLen(1)],
    }
    oneof {
        query_parameter_match_specifier: Option<QueryParameterMatcherQueryParameterMatchSpecifier>,
    }
}

oneof! {
    Action {
        route: Route(Box<RouteAction>),
        redirect: Redirect(RedirectAction),
        direct_response: DirectResponse(DirectResponseAction),
    }
    RouteMatchPathSpecifier {
        prefix: Prefix(String),
        path: Path(String),
        safe_regex: SafeRegex(RegexMatcher) = [Rule::Required],
        connect_matcher: ConnectMatcher(ConnectMatcher),
        path_separated_prefix: PathSeparatedPrefix(String) = [Rule::PathSeparatedPrefix],
    }
    HeaderMatcherHeaderMatchSpecifier {
        exact_match: ExactMatch(String),
        safe_regex_match: SafeRegexMatch(RegexMatcher),
        range_match: RangeMatch(Int64Range),
        present_match: PresentMatch(bool),
        prefix_match: PrefixMatch(String) = [Rule::MinLen(1)],
        suffix_match: SuffixMatch(String) = [Rule::MinLen(1)],
        contains_match: ContainsMatch(String) = [Rule::MinLen(1)],
        string_match: StringMatch(StringMatcher),
    }
    QueryParameterMatcherQueryParameterMatchSpecifier {
        string_match: StringMatch(StringMatcher) = [Rule::Required],
        present_match: PresentMatch(bool),
    }
}

choice! {
    TlsRequirement = "envoy.config.route.v3.VirtualHost.TlsRequirementType" {
        None = 0 "NONE", ExternalOnly = 1 "EXTERNAL_ONLY", All = 2 "ALL",
    }
}
