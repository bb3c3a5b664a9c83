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
        1 rules: Option<Rules>,
        6 rules_stat_prefix: String,
        2 shadow_rules: Option<Rules>,
        3 shadow_rules_stat_prefix: String,
        7 track_per_rule_stats: bool,
    }
    lacks ["matcher" "shadow_matcher"]
    struct RbacPerRoute = "envoy.extensions.filters.http.rbac.v3.RBACPerRoute" {
        2 rbac: Option<Rbac>,
    }
    struct NetworkRbac = "envoy.extensions.filters.network.rbac.v3.RBAC" {
        1 rules: Option<Rules>,
        2 shadow_rules: Option<Rules>,
        5 shadow_rules_stat_prefix: String,
        3 stat_prefix: String = [Rule::MinLen(1)],
        4 enforcement_type: EnforcementType,
    }
    lacks ["matcher" "shadow_matcher" "delay_deny"]
    struct Rules = "envoy.config.rbac.v3.RBAC" {
        1 action: RbacAction,
        2 policies: BTreeMap<String, Policy>,
    }
    lacks ["audit_logging_options"]
    struct Policy = "envoy.config.rbac.v3.Policy" {
        1 permissions: Vec<Permission> = [Rule::MinItems(1)],
        2 principals: Vec<Principal> = [Rule::MinItems(1)],
    }
    lacks ["condition" "checked_condition" "cel_config"]
    struct Permission = "envoy.config.rbac.v3.Permission" {
    }
    oneof {
        rule: PermissionRule,
    }
    lacks ["matcher" "uri_template" "sourced_metadata"]
    struct PermissionSet = "envoy.config.rbac.v3.Permission.Set" {
        1 rules: Vec<Permission> = [Rule::MinItems(1)],
    }
    struct Principal = "envoy.config.rbac.v3.Principal" {
    }
    oneof {
        identifier: PrincipalIdentifier,
    }
    lacks ["filter_state" "sourced_metadata" "custom"]
    struct PrincipalSet = "envoy.config.rbac.v3.Principal.Set" {
        1 ids: Vec<Principal> = [Rule::MinItems(1)],
    }
    struct Authenticated = "envoy.config.rbac.v3.Principal.Authenticated" {
        2 principal_name: Option<StringMatcher>,
    }
}

oneof! {
    PermissionRule {
        1 and_rules: AndRules(PermissionSet),
        2 or_rules: OrRules(PermissionSet),
        3 any: Any(bool) = [Rule::True],
        4 header: Header(HeaderMatcher),
        10 url_path: UrlPath(PathMatcher),
        5 destination_ip: DestinationIp(CidrRange),
        6 destination_port: DestinationPort(u32) = [Rule::Lte(65535.0)],
        11 destination_port_range: DestinationPortRange(Int32Range),
        7 metadata: Metadata(MetadataMatcher),
        8 not_rule: NotRule(Box<Permission>),
        9 requested_server_name: RequestedServerName(StringMatcher),
    }
    PrincipalIdentifier {
        1 and_ids: AndIds(PrincipalSet),
        2 or_ids: OrIds(PrincipalSet),
        3 any: Any(bool) = [Rule::True],
        4 authenticated: Authenticated(Authenticated),
        5 source_ip: SourceIp(CidrRange),
        10 direct_remote_ip: DirectRemoteIp(CidrRange),
        11 remote_ip: RemoteIp(CidrRange),
        6 header: Header(HeaderMatcher),
        9 url_path: UrlPath(PathMatcher),
        7 metadata: Metadata(MetadataMatcher),
        8 not_id: NotId(Box<Principal>),
    }
}

choice! {
    RbacAction = "envoy.config.rbac.v3.RBAC.Action" { Allow = 0 "ALLOW", Deny = 1 "DENY", Log = 2 "LOG", }
    EnforcementType = "envoy.extensions.filters.network.rbac.v3.RBAC.EnforcementType" {
        OneTimeOnFirstByte = 0 "ONE_TIME_ON_FIRST_BYTE", Continuous = 1 "CONTINUOUS",
    }
}
