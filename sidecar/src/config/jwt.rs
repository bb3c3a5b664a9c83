//! Configuration of jwt_authn: providers of keys, and which requests must show which token.
//!
//! Sources: envoy.extensions.filters.http.jwt_authn.v3.

use super::core::DataSource;
use super::extension::Empty;
use super::reader::Rule;
use super::route::RouteMatch;
use super::schema::{message, oneof};
use std::collections::BTreeMap;

message! {
    struct JwtAuthentication = "envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication" {
        1 providers: BTreeMap<String, JwtProvider>,
        2 rules: Vec<RequirementRule>,
        4 bypass_cors_preflight: bool,
        5 requirement_map: BTreeMap<String, JwtRequirement>,
        6 strip_failure_response: bool,
        7 stat_prefix: String,
    }
    lacks ["filter_state_rules"]
    struct JwtProvider = "envoy.extensions.filters.http.jwt_authn.v3.JwtProvider" {
        1 issuer: String,
        2 audiences: Vec<String>,
        5 forward: bool,
        6 from_headers: Vec<JwtHeader>,
        7 from_params: Vec<String>,
        13 from_cookies: Vec<String>,
        8 forward_payload_header: String,
        11 pad_forward_payload_header: bool,
        9 payload_in_metadata: String,
        14 header_in_metadata: String,
        10 clock_skew_seconds: u32,
        12 jwt_cache_config: Option<JwtCacheConfig>,
        15 claim_to_headers: Vec<JwtClaimToHeader>,
    }
    oneof {
        jwks_source_specifier: JwtProviderJwksSourceSpecifier,
    }
    lacks [
        "subjects" "require_expiration" "max_lifetime" "remote_jwks" "normalize_payload_in_metadata"
        "failed_status_in_metadata" "clear_route_cache"
    ]
    struct JwtCacheConfig = "envoy.extensions.filters.http.jwt_authn.v3.JwtCacheConfig" {
        1 jwt_cache_size: u32,
        2 jwt_max_token_size: u32,
    }
    struct JwtHeader = "envoy.extensions.filters.http.jwt_authn.v3.JwtHeader" {
        1 name: String = [Rule::MinLen(1)],
        2 value_prefix: String,
    }
    struct ProviderWithAudiences = "envoy.extensions.filters.http.jwt_authn.v3.ProviderWithAudiences" {
        1 provider_name: String,
        2 audiences: Vec<String>,
    }
    struct JwtRequirement = "envoy.extensions.filters.http.jwt_authn.v3.JwtRequirement" {
    }
    oneof {
        requires_type: Option<JwtRequirementRequiresType>,
    }
    lacks ["extract_only_without_validation"]
    struct JwtRequirementOrList = "envoy.extensions.filters.http.jwt_authn.v3.JwtRequirementOrList" {
        1 requirements: Vec<JwtRequirement> = [Rule::MinItems(2)],
    }
    struct JwtRequirementAndList = "envoy.extensions.filters.http.jwt_authn.v3.JwtRequirementAndList" {
        1 requirements: Vec<JwtRequirement> = [Rule::MinItems(2)],
    }
    struct RequirementRule = "envoy.extensions.filters.http.jwt_authn.v3.RequirementRule" {
        1 r#match: RouteMatch = [Rule::Required],
    }
    oneof {
        requirement_type: Option<RequirementRuleRequirementType>,
    }
    struct JwtPerRoute = "envoy.extensions.filters.http.jwt_authn.v3.PerRouteConfig" {
    }
    oneof {
        requirement_specifier: JwtPerRouteRequirementSpecifier,
    }
    struct JwtClaimToHeader = "envoy.extensions.filters.http.jwt_authn.v3.JwtClaimToHeader" {
        1 header_name: String = [Rule::MinLen(1)],
        2 claim_name: String = [Rule::MinLen(1)],
    }
}

oneof! {
    JwtProviderJwksSourceSpecifier {
        4 local_jwks: LocalJwks(DataSource),
    }
    JwtRequirementRequiresType {
        1 provider_name: ProviderName(String),
        2 provider_and_audiences: ProviderAndAudiences(ProviderWithAudiences),
        3 requires_any: RequiresAny(JwtRequirementOrList),
        4 requires_all: RequiresAll(JwtRequirementAndList),
        5 allow_missing_or_failed: AllowMissingOrFailed(Empty),
        6 allow_missing: AllowMissing(Empty),
    }
    RequirementRuleRequirementType {
        2 requires: Requires(JwtRequirement),
        3 requirement_name: RequirementName(String) = [Rule::MinLen(1)],
    }
    JwtPerRouteRequirementSpecifier {
        1 disabled: Disabled(bool) = [Rule::True],
        2 requirement_name: RequirementName(String) = [Rule::MinLen(1)],
    }
}
