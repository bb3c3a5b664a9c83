//! Role-based access control: whether some policy lets a request, or a connection, pass.
//!
//! ALLOW lets pass what a policy matches, DENY what none matches, LOG everything. Shadow rules decide nothing and are
//! counted. Always: policies are tried in the order of their names; a principal is a URI name of the peer's certificate,
//! then a DNS name, then the subject.
//! Differs from Envoy: no CEL conditions, no matcher trees; metadata is what jwt_authn left.
//! Sources: Envoy `source/extensions/filters/common/rbac/{engine_impl,matchers}.cc`, `filters/http/rbac/rbac_filter.cc`.

use crate::config::extension::Struct;
use crate::config::rbac::{
    NetworkRbac as NetworkConfig, Permission as PermissionConfig, PermissionRule, Policy as PolicyConfig,
    Principal as PrincipalConfig, PrincipalIdentifier, Rbac as Config, RbacAction, Rules,
};
use crate::http::connection::Connection;
use crate::http::headers::HeaderMap;
use crate::matcher::{HeaderMatcher, MetadataMatcher, PathMatcher, StringMatcher, cidr};
use ipnet::IpNet;
use std::collections::BTreeMap;

/// What is known when a decision is made.
#[derive(Clone, Copy)]
pub struct Facts<'a> {
    pub headers: &'a HeaderMap,
    pub connection: &'a Connection,
    /// Metadata of the request by filter.
    pub metadata: &'a BTreeMap<String, Struct>,
}

#[derive(Debug, Clone)]
enum Test {
    Any,
    All(Vec<Test>),
    Some(Vec<Test>),
    Not(Box<Test>),
    Header(HeaderMatcher),
    Path(PathMatcher),
    Metadata(MetadataMatcher),
    DestinationIp(IpNet),
    DestinationPort(std::ops::Range<u32>),
    ServerName(StringMatcher),
    /// A peer that showed a certificate of this name, or any TLS at all.
    Authenticated(Option<StringMatcher>),
    DirectRemoteIp(IpNet),
    RemoteIp(IpNet),
}

impl Test {
    fn permission(config: &PermissionConfig) -> Result<Test, String> {
        let all =
            |rules: &[PermissionConfig]| rules.iter().map(Test::permission).collect::<Result<Vec<_>, _>>();
        Ok(match &config.rule {
            PermissionRule::AndRules(it) => Test::All(all(&it.rules)?),
            PermissionRule::OrRules(it) => Test::Some(all(&it.rules)?),
            PermissionRule::Any(_) => Test::Any,
            PermissionRule::Header(it) => Test::Header(HeaderMatcher::new(it)?),
            PermissionRule::UrlPath(it) => Test::Path(PathMatcher::new(it)?),
            PermissionRule::DestinationIp(it) => Test::DestinationIp(cidr(it)?),
            PermissionRule::DestinationPort(it) => Test::DestinationPort(*it..*it + 1),
            PermissionRule::DestinationPortRange(it) => {
                let (start, end) = (it.start, it.end);
                let bound = |it: i32| u32::try_from(it).ok().filter(|it| *it <= 65_536);
                let from = bound(start).ok_or_else(|| format!("range start {start} is out of bounds"))?;
                let to = bound(end).ok_or_else(|| format!("range end {end} is out of bounds"))?;
                if from >= to {
                    return Err(format!(
                        "range start {start} cannot be greater or equal than range end {end}"
                    ));
                }
                Test::DestinationPort(from..to)
            }
            PermissionRule::Metadata(it) => Test::Metadata(MetadataMatcher::new(it)?),
            PermissionRule::NotRule(it) => Test::Not(Box::new(Test::permission(it)?)),
            PermissionRule::RequestedServerName(it) => Test::ServerName(StringMatcher::new(it)?),
        })
    }

    fn principal(config: &PrincipalConfig) -> Result<Test, String> {
        let all = |ids: &[PrincipalConfig]| ids.iter().map(Test::principal).collect::<Result<Vec<_>, _>>();
        Ok(match &config.identifier {
            PrincipalIdentifier::AndIds(it) => Test::All(all(&it.ids)?),
            PrincipalIdentifier::OrIds(it) => Test::Some(all(&it.ids)?),
            PrincipalIdentifier::Any(_) => Test::Any,
            PrincipalIdentifier::Authenticated(it) => {
                Test::Authenticated(it.principal_name.as_ref().map(StringMatcher::new).transpose()?)
            }
            PrincipalIdentifier::SourceIp(it) | PrincipalIdentifier::RemoteIp(it) => {
                Test::RemoteIp(cidr(it)?)
            }
            PrincipalIdentifier::DirectRemoteIp(it) => Test::DirectRemoteIp(cidr(it)?),
            PrincipalIdentifier::Header(it) => Test::Header(HeaderMatcher::new(it)?),
            PrincipalIdentifier::UrlPath(it) => Test::Path(PathMatcher::new(it)?),
            PrincipalIdentifier::Metadata(it) => Test::Metadata(MetadataMatcher::new(it)?),
            PrincipalIdentifier::NotId(it) => Test::Not(Box::new(Test::principal(it)?)),
        })
    }

    fn matches(&self, facts: &Facts<'_>) -> bool {
        let connection = facts.connection;
        match self {
            Test::Any => true,
            Test::All(tests) => tests.iter().all(|it| it.matches(facts)),
            Test::Some(tests) => tests.iter().any(|it| it.matches(facts)),
            Test::Not(test) => !test.matches(facts),
            Test::Header(matcher) => matcher.matches(facts.headers),
            Test::Path(matcher) => facts.headers.get(":path").is_some_and(|it| matcher.matches(it)),
            Test::Metadata(matcher) => matcher.matches(facts.metadata),
            Test::DestinationIp(net) => net.contains(&connection.local.ip()),
            Test::DestinationPort(range) => range.contains(&connection.local.port().into()),
            Test::ServerName(matcher) => matcher.matches(connection.server_name.as_bytes()),
            Test::Authenticated(name) => is_principal(connection, name.as_ref()),
            Test::DirectRemoteIp(net) => net.contains(&connection.direct_remote.ip()),
            Test::RemoteIp(net) => net.contains(&connection.remote.ip()),
        }
    }
}

fn is_principal(connection: &Connection, name: Option<&StringMatcher>) -> bool {
    let Some(name) = name else { return connection.is_tls };
    let peer = connection.peer.clone().unwrap_or_default();
    let mut names = peer.uri_sans.iter().chain(&peer.dns_sans).chain([&peer.subject]);
    connection.is_tls && names.any(|it| name.matches(it.as_bytes()))
}

#[derive(Debug, Clone)]
struct Policy {
    name: String,
    permissions: Vec<Test>,
    principals: Vec<Test>,
}

impl Policy {
    fn new(name: &str, config: &PolicyConfig) -> Result<Policy, String> {
        Ok(Policy {
            name: name.to_owned(),
            permissions: config.permissions.iter().map(Test::permission).collect::<Result<_, _>>()?,
            principals: config.principals.iter().map(Test::principal).collect::<Result<_, _>>()?,
        })
    }

    fn matches(&self, facts: &Facts<'_>) -> bool {
        self.permissions.iter().any(|it| it.matches(facts))
            && self.principals.iter().any(|it| it.matches(facts))
    }
}

#[derive(Debug, Clone)]
struct Engine {
    action: RbacAction,
    policies: Vec<Policy>,
}

impl Engine {
    fn new(config: &Rules) -> Result<Engine, String> {
        let policies =
            config.policies.iter().map(|(name, it)| Policy::new(name, it)).collect::<Result<_, _>>()?;
        Ok(Engine { action: config.action, policies })
    }

    fn decide(&self, facts: &Facts<'_>) -> Verdict {
        let matched = self.policies.iter().find(|it| it.matches(facts));
        let allowed = match self.action {
            RbacAction::Allow => matched.is_some(),
            RbacAction::Deny => matched.is_none(),
            RbacAction::Log => true,
        };
        let policy = matched.map_or_else(|| "none".to_owned(), |it| it.name.clone());
        Verdict { allowed, policy }
    }
}

/// A decision, and the policy that matched (`none` when none did).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    pub allowed: bool,
    pub policy: String,
}

impl Verdict {
    /// The details of a refusal, without white space.
    pub fn details(&self) -> String {
        let policy: String =
            self.policy.chars().map(|it| if it.is_whitespace() { '_' } else { it }).collect();
        format!("rbac_access_denied_matched_policy[{policy}]")
    }
}

/// The HTTP filter, of the listener or of a route.
#[derive(Debug, Clone)]
pub struct Rbac {
    rules: Option<Engine>,
    shadow: Option<Engine>,
    /// Between `rbac.` and the names of the counters.
    pub stat_prefix: String,
    pub shadow_stat_prefix: String,
}

impl Rbac {
    pub fn new(config: &Config) -> Result<Rbac, String> {
        Ok(Rbac {
            rules: config.rules.as_ref().map(Engine::new).transpose()?,
            shadow: config.shadow_rules.as_ref().map(Engine::new).transpose()?,
            stat_prefix: config.rules_stat_prefix.clone(),
            shadow_stat_prefix: config.shadow_rules_stat_prefix.clone(),
        })
    }

    /// The decision, where there are rules, and that of the shadow rules, where there are some.
    pub fn decide(&self, facts: &Facts<'_>) -> (Option<Verdict>, Option<Verdict>) {
        (self.rules.as_ref().map(|it| it.decide(facts)), self.shadow.as_ref().map(|it| it.decide(facts)))
    }
}

/// The network filter: what it is asked is known before the first byte.
#[derive(Debug, Clone)]
pub struct NetworkRbac {
    rules: Option<Engine>,
    shadow: Option<Engine>,
    pub stat_prefix: String,
}

impl NetworkRbac {
    pub fn new(config: &NetworkConfig) -> Result<NetworkRbac, String> {
        Ok(NetworkRbac {
            rules: config.rules.as_ref().map(Engine::new).transpose()?,
            shadow: config.shadow_rules.as_ref().map(Engine::new).transpose()?,
            stat_prefix: config.stat_prefix.clone(),
        })
    }

    /// As for requests; a test of headers matches nothing.
    pub fn decide(&self, connection: &Connection) -> (Option<Verdict>, Option<Verdict>) {
        let (headers, metadata) = (HeaderMap::new(), BTreeMap::new());
        let facts = Facts { headers: &headers, connection, metadata: &metadata };
        (self.rules.as_ref().map(|it| it.decide(&facts)), self.shadow.as_ref().map(|it| it.decide(&facts)))
    }
}
