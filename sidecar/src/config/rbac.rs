//! Configuration of role-based access control: policies of permissions and principals, for HTTP and for connections.
//!
//! Sources: envoy.config.rbac.v3, envoy.extensions.filters.{http,network}.rbac.v3.

use super::core::{CidrRange, Int32Range, MetadataMatcher, PathMatcher, StringMatcher};
use super::reader::Rule;
use super::route::HeaderMatcher;
use super::schema::{choice, message, oneof};
use std::collections::BTreeMap;

message! {
    struct Rbac = "envoy.extensions.filters.http.rbac.v3.RBAC" {
        rules: Option<Rules>,
        rules_stat_prefix: String,
        shadow_rules: Option<Rules>,
        shadow_rules_stat_prefix: String,
        track_per_rule_stats: bool,
    }
    lacks ["matcher" "shadow_matcher"]
    struct RbacPerRoute = "envoy.extensions.filters.http.rbac.v3.RBACPerRoute" {
        rbac: Option<Rbac>,
    }
    struct NetworkRbac = "envoy.extensions.filters.network.rbac.v3.RBAC" {
        rules: Option<Rules>,
        shadow_rules: Option<Rules>,
        shadow_rules_stat_prefix: String,
        stat_prefix: String = [Rule::MinLen(1)],
        enforcement_type: EnforcementType,
    }
    lacks ["matcher" "shadow_matcher" "delay_deny"]
    struct Rules = "envoy.config.rbac.v3.RBAC" {
        action: RbacAction,
        policies: BTreeMap<String, Policy>,
    }
    lacks ["audit_logging_options"]
    struct Policy = "envoy.config.rbac.v3.Policy" {
        permissions: Vec<Permission> = [Rule::MinItems(1)],
        principals: Vec<Principal> = [Rule::MinItems(1)],
    }
    lacks ["condition" "checked_condition" "cel_config"]
    struct Permission = "envoy.config.rbac.v3.Permission" {
    }
    oneof {
        rule: PermissionRule,
    }
    lacks ["matcher" "uri_template" "sourced_metadata"]
    struct PermissionSet = "envoy.config.rbac.v3.Permission.Set" {
        rules: Vec<Permission> = [Rule::MinItems(1)],
    }
    struct Principal = "envoy.config.rbac.v3.Principal" {
    }
    oneof {
        identifier: PrincipalIdentifier,
    }
    lacks ["filter_state" "sourced_metadata" "custom"]
    struct PrincipalSet = "envoy.config.rbac.v3.Principal.Set" {
        ids: Vec<Principal> = [Rule::MinItems(1)],
    }
    struct Authenticated = "envoy.config.rbac.v3.Principal.Authenticated" {
        principal_name: Option<StringMatcher>,
    }
}

oneof! {
    PermissionRule {
        and_rules: AndRules(PermissionSet),
        or_rules: OrRules(PermissionSet),
        any: Any(bool) = [Rule::True],
        header: Header(HeaderMatcher),
        url_path: UrlPath(PathMatcher),
        destination_ip: DestinationIp(CidrRange),
        destination_port: DestinationPort(u32) = [Rule::Lte(65535.0)],
        destination_port_range: DestinationPortRange(Int32Range),
        metadata: Metadata(MetadataMatcher),
        not_rule: NotRule(Box<Permission>),
        requested_server_name: RequestedServerName(StringMatcher),
    }
    PrincipalIdentifier {
        and_ids: AndIds(PrincipalSet),
        or_ids: OrIds(PrincipalSet),
        any: Any(bool) = [Rule::True],
        authenticated: Authenticated(Authenticated),
        source_ip: SourceIp(CidrRange),
        direct_remote_ip: DirectRemoteIp(CidrRange),
        remote_ip: RemoteIp(CidrRange),
        header: Header(HeaderMatcher),
        url_path: UrlPath(PathMatcher),
        metadata: Metadata(MetadataMatcher),
        not_id: NotId(Box<Principal>),
    }
}

choice! {
    RbacAction = "envoy.config.rbac.v3.RBAC.Action" { Allow = 0 "ALLOW", Deny = 1 "DENY", Log = 2 "LOG", }
    EnforcementType = "envoy.extensions.filters.network.rbac.v3.RBAC.EnforcementType" {
        OneTimeOnFirstByte = 0 "ONE_TIME_ON_FIRST_BYTE", Continuous = 1 "CONTINUOUS",
    }
}
