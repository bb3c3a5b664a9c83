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
        providers: BTreeMap<String, JwtProvider>,
        rules: Vec<RequirementRule>,
        bypass_cors_preflight: bool,
        requirement_map: BTreeMap<String, JwtRequirement>,
        strip_failure_response: bool,
        stat_prefix: String,
    }
    lacks ["filter_state_rules"]
    struct JwtProvider = "envoy.extensions.filters.http.jwt_authn.v3.JwtProvider" {
        issuer: String,
        audiences: Vec<String>,
        forward: bool,
        from_headers: Vec<JwtHeader>,
        from_params: Vec<String>,
        from_cookies: Vec<String>,
        forward_payload_header: String,
        pad_forward_payload_header: bool,
        payload_in_metadata: String,
        header_in_metadata: String,
        clock_skew_seconds: u32,
        jwt_cache_config: Option<JwtCacheConfig>,
        claim_to_headers: Vec<JwtClaimToHeader>,
    }
    oneof {
        jwks_source_specifier: JwtProviderJwksSourceSpecifier,
    }
    lacks [
        "subjects" "require_expiration" "max_lifetime" "remote_jwks" "normalize_payload_in_metadata"
        "failed_status_in_metadata" "clear_route_cache"
    ]
    struct JwtCacheConfig = "envoy.extensions.filters.http.jwt_authn.v3.JwtCacheConfig" {
        jwt_cache_size: u32,
        jwt_max_token_size: u32,
    }
    struct JwtHeader = "envoy.extensions.filters.http.jwt_authn.v3.JwtHeader" {
        name: String = [Rule::MinLen(1)],
        value_prefix: String,
    }
    struct ProviderWithAudiences = "envoy.extensions.filters.http.jwt_authn.v3.ProviderWithAudiences" {
        provider_name: String,
        audiences: Vec<String>,
    }
    struct JwtRequirement = "envoy.extensions.filters.http.jwt_authn.v3.JwtRequirement" {
    }
    oneof {
        requires_type: Option<JwtRequirementRequiresType>,
    }
    lacks ["extract_only_without_validation"]
    struct JwtRequirementOrList = "envoy.extensions.filters.http.jwt_authn.v3.JwtRequirementOrList" {
        requirements: Vec<JwtRequirement> = [Rule::MinItems(2)],
    }
    struct JwtRequirementAndList = "envoy.extensions.filters.http.jwt_authn.v3.JwtRequirementAndList" {
        requirements: Vec<JwtRequirement> = [Rule::MinItems(2)],
    }
    struct RequirementRule = "envoy.extensions.filters.http.jwt_authn.v3.RequirementRule" {
        r#match: RouteMatch = [Rule::Required],
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
        header_name: String = [Rule::MinLen(1)],
        claim_name: String = [Rule::MinLen(1)],
    }
}

oneof! {
    JwtProviderJwksSourceSpecifier {
        local_jwks: LocalJwks(DataSource),
    }
    JwtRequirementRequiresType {
        provider_name: ProviderName(String),
        provider_and_audiences: ProviderAndAudiences(ProviderWithAudiences),
        requires_any: RequiresAny(JwtRequirementOrList),
        requires_all: RequiresAll(JwtRequirementAndList),
        allow_missing_or_failed: AllowMissingOrFailed(Empty),
        allow_missing: AllowMissing(Empty),
    }
    RequirementRuleRequirementType {
        requires: Requires(JwtRequirement),
        requirement_name: RequirementName(String) = [Rule::MinLen(1)],
    }
    JwtPerRouteRequirementSpecifier {
        disabled: Disabled(bool) = [Rule::True],
        requirement_name: RequirementName(String) = [Rule::MinLen(1)],
    }
}
