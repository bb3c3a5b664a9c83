//! jwt_authn: which requests must show which token, and whether theirs is good.
//!
//! The first rule that matches a request says what it requires. Always: all tokens that a provider finds must be good;
//! a token that was good is taken out of the request unless it is to be forwarded.
//! Differs from Envoy: keys stand in the configuration (no remote JWKS).
//! Sources: Envoy `filters/http/jwt_authn/{filter,authenticator,verifier,extractor}.cc`.

#[cfg(feature = "tls")]
mod key;
#[cfg(not(feature = "tls"))]
#[path = "no_key.rs"]
mod key;
#[cfg(feature = "tls-ring")]
mod signature;
#[cfg(all(feature = "tls-seeded", not(feature = "tls-ring")))]
#[path = "signature_seeded.rs"]
mod signature;
#[cfg(all(test, feature = "tls-ring"))]
mod tests;
mod token;

use self::key::Keys;
use self::token::Token;
use crate::balance::hash_policy::cookie_value;
use crate::config::extension::Struct;
use crate::config::jwt::{
    JwtAuthentication, JwtPerRoute, JwtPerRouteRequirementSpecifier, JwtProvider,
    JwtProviderJwksSourceSpecifier, JwtRequirement, JwtRequirementRequiresType as Requires,
    RequirementRuleRequirementType as RuleType,
};
use crate::http::headers::HeaderMap;
use crate::matcher::{HeaderMatcher, QueryMatcher, query_value};
use crate::route::Path;
use crate::source::{self, ReadFile};
use std::collections::BTreeMap;

/// The clocks may differ by so much where nothing is configured.
const SKEW_SECS: u64 = 60;
/// How much of the path the realm shows.
const LONGEST_REALM_PATH: usize = 256;
const MISSING: &str = "Jwt is missing";
const UNKNOWN_ISSUER: &str = "Jwt issuer is not configured";

/// The answer to a request that does not pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denied {
    pub status: u16,
    pub body: String,
    pub details: String,
    pub www_authenticate: Option<String>,
}

/// What a route says about tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PerRoute {
    Disabled,
    Requirement(String),
}

impl PerRoute {
    pub fn new(config: &JwtPerRoute) -> PerRoute {
        match &config.requirement_specifier {
            JwtPerRouteRequirementSpecifier::Disabled(_) => PerRoute::Disabled,
            JwtPerRouteRequirementSpecifier::RequirementName(name) => PerRoute::Requirement(name.clone()),
        }
    }
}

#[derive(Debug)]
struct Provider {
    name: String,
    config: JwtProvider,
    keys: Keys,
    audiences: Vec<String>,
}

#[derive(Debug)]
struct Rule {
    path: Path,
    ignores_case: bool,
    headers: Vec<HeaderMatcher>,
    query: Vec<QueryMatcher>,
    requirement: Option<JwtRequirement>,
}

impl Rule {
    fn matches(&self, headers: &HeaderMap) -> bool {
        let path = headers.get(":path").unwrap_or_default();
        self.path.matches(path, headers, self.ignores_case)
            && self.headers.iter().all(|it| it.matches(headers))
            && self.query.iter().all(|it| it.matches(path))
    }
}

/// The filter.
#[derive(Debug)]
pub struct Jwt {
    providers: Vec<Provider>,
    rules: Vec<Rule>,
    named: BTreeMap<String, JwtRequirement>,
    bypass_preflight: bool,
    strip_body: bool,
    pub stat_prefix: String,
}

/// Where a token was found.
struct Found {
    token: String,
    /// The header to take it out of.
    header: Option<String>,
}

impl Jwt {
    pub fn new(config: &JwtAuthentication, read: ReadFile<'_>) -> Result<Jwt, String> {
        let mut providers = Vec::new();
        for (name, it) in &config.providers {
            let JwtProviderJwksSourceSpecifier::LocalJwks(jwks) = &it.jwks_source_specifier;
            providers.push(Provider {
                name: name.clone(),
                keys: Keys::parse(&source::bytes(jwks, read)?),
                audiences: it.audiences.iter().map(|it| bare(it)).collect(),
                config: it.clone(),
            });
        }
        let mut rules = Vec::new();
        for rule in &config.rules {
            let matching = &rule.r#match;
            let requirement = match &rule.requirement_type {
                None => None,
                Some(RuleType::Requires(it)) => Some(it.clone()),
                Some(RuleType::RequirementName(name)) => {
                    let found = config.requirement_map.get(name).cloned();
                    Some(found.ok_or_else(|| {
                        format!("Wrong requirement_name: {name}. It should be in {{requirement_map}}")
                    })?)
                }
            };
            rules.push(Rule {
                path: Path::new(&matching.path_specifier)?,
                ignores_case: matching.case_sensitive == Some(false),
                headers: HeaderMatcher::all(&matching.headers)?,
                query: matching.query_parameters.iter().map(QueryMatcher::new).collect::<Result<_, _>>()?,
                requirement,
            });
        }
        let jwt = Jwt {
            providers,
            rules,
            named: config.requirement_map.clone(),
            bypass_preflight: config.bypass_cors_preflight,
            strip_body: config.strip_failure_response,
            stat_prefix: config.stat_prefix.clone(),
        };
        let all = jwt.rules.iter().filter_map(|it| it.requirement.as_ref()).chain(jwt.named.values());
        all.into_iter().try_for_each(|it| jwt.check(it))?;
        Ok(jwt)
    }

    /// Every provider that a requirement names must be there.
    fn check(&self, requirement: &JwtRequirement) -> Result<(), String> {
        let known = |name: &str| match self.provider(name) {
            Some(_) => Ok(()),
            None => Err(format!("Required provider ['{name}'] is not configured.")),
        };
        match &requirement.requires_type {
            Some(Requires::ProviderName(name)) => known(name),
            Some(Requires::ProviderAndAudiences(it)) => known(&it.provider_name),
            Some(Requires::RequiresAny(it)) => it.requirements.iter().try_for_each(|it| self.check(it)),
            Some(Requires::RequiresAll(it)) => it.requirements.iter().try_for_each(|it| self.check(it)),
            _ => Ok(()),
        }
    }

    fn provider(&self, name: &str) -> Option<&Provider> {
        self.providers.iter().find(|it| it.name == name)
    }

    /// Judges a request at `now` (seconds since 1970). What passes may lose its token and gain headers, and leaves
    /// metadata (of `envoy.filters.http.jwt_authn`).
    pub fn verify(
        &self,
        headers: &mut HeaderMap,
        route: Option<&PerRoute>,
        now: u64,
    ) -> Result<Struct, Denied> {
        let mut metadata = Struct::new();
        let present = |name: &str| headers.get(name).is_some_and(|it| !it.is_empty());
        let preflight = headers.get(":method") == Some(b"OPTIONS")
            && present("origin")
            && present("access-control-request-method");
        if self.bypass_preflight && preflight {
            return Ok(metadata);
        }
        let requirement = match route {
            Some(PerRoute::Disabled) => None,
            Some(PerRoute::Requirement(name)) => match self.named.get(name) {
                Some(it) => Some(it),
                None => return Err(self.wrong_route(name)),
            },
            None => self.rules.iter().find(|it| it.matches(headers)).and_then(|it| it.requirement.as_ref()),
        };
        let Some(requirement) = requirement else { return Ok(metadata) };
        let realm = realm(headers);
        self.judge(requirement, headers, now, &mut metadata).map_err(|why| self.denied(&why, &realm))?;
        Ok(metadata)
    }

    fn wrong_route(&self, name: &str) -> Denied {
        let why = format!(
            "Wrong requirement_name: {name}. It should be one of [{}]",
            self.named.keys().cloned().collect::<Vec<_>>().join(",")
        );
        let body = if self.strip_body { String::new() } else { format!("Failed JWT authentication: {why}") };
        Denied { status: 403, body, details: details(&why), www_authenticate: None }
    }

    fn denied(&self, why: &str, realm: &str) -> Denied {
        let error = if why == MISSING { "" } else { ", error=\"invalid_token\"" };
        Denied {
            status: if why == "Audiences in Jwt are not allowed" { 403 } else { 401 },
            body: if self.strip_body { String::new() } else { why.to_owned() },
            details: details(why),
            www_authenticate: (!self.strip_body).then(|| format!("Bearer realm=\"{realm}\"{error}")),
        }
    }

    fn judge(
        &self,
        requirement: &JwtRequirement,
        headers: &mut HeaderMap,
        now: u64,
        metadata: &mut Struct,
    ) -> Result<(), String> {
        match &requirement.requires_type {
            None => Ok(()),
            Some(Requires::ProviderName(name)) => self.by_provider(name, None, headers, now, metadata),
            Some(Requires::ProviderAndAudiences(it)) => {
                let audiences: Vec<String> = it.audiences.iter().map(|it| bare(it)).collect();
                self.by_provider(&it.provider_name, Some(&audiences), headers, now, metadata)
            }
            Some(Requires::RequiresAll(it)) => {
                it.requirements.iter().try_for_each(|it| self.judge(it, headers, now, metadata))
            }
            Some(Requires::RequiresAny(it)) => {
                let mut worst = None;
                for one in &it.requirements {
                    match self.judge(one, headers, now, metadata) {
                        Ok(()) => return Ok(()),
                        // That a token is missing elsewhere says less than what is wrong with one that is there.
                        Err(why) if worst.is_none() || (why != MISSING && why != UNKNOWN_ISSUER) => {
                            worst = Some(why)
                        }
                        Err(_) => {}
                    }
                }
                worst.map_or(Ok(()), Err)
            }
            Some(Requires::AllowMissing(_)) => match self.by_any(headers, now, metadata) {
                Err(why) if why != MISSING => Err(why),
                _ => Ok(()),
            },
            Some(Requires::AllowMissingOrFailed(_)) => {
                self.by_any(headers, now, metadata).unwrap_or_default();
                Ok(())
            }
        }
    }

    fn by_provider(
        &self,
        name: &str,
        audiences: Option<&[String]>,
        headers: &mut HeaderMap,
        now: u64,
        metadata: &mut Struct,
    ) -> Result<(), String> {
        let Some(provider) = self.provider(name) else { return Err(UNKNOWN_ISSUER.to_owned()) };
        let tokens = provider.find(headers);
        if tokens.is_empty() {
            return Err(MISSING.to_owned());
        }
        for found in tokens.iter().rev() {
            let token = Token::parse(&found.token)?;
            if !provider.config.issuer.is_empty() && token.iss != provider.config.issuer {
                return Err(UNKNOWN_ISSUER.to_owned());
            }
            provider.accept(&token, found, audiences, headers, now, metadata)?;
        }
        Ok(())
    }

    /// Tokens of whichever provider issued them.
    fn by_any(&self, headers: &mut HeaderMap, now: u64, metadata: &mut Struct) -> Result<(), String> {
        let mut all: Vec<Found> = Vec::new();
        for found in self.providers.iter().flat_map(|it| it.find(headers)) {
            if !all.iter().any(|it| it.token == found.token) {
                all.push(found);
            }
        }
        let mut outcome = if all.is_empty() { Err(MISSING.to_owned()) } else { Ok(()) };
        for found in all.iter().rev() {
            let one = Token::parse(&found.token).and_then(|token| {
                let issuer = |it: &&Provider| it.config.issuer == token.iss;
                let provider = self.providers.iter().find(issuer);
                let provider =
                    provider.or_else(|| self.providers.iter().find(|it| it.config.issuer.is_empty()));
                let provider = provider.ok_or_else(|| UNKNOWN_ISSUER.to_owned())?;
                provider.accept(&token, found, None, headers, now, metadata)
            });
            outcome = outcome.and(one);
        }
        outcome
    }
}

impl Provider {
    fn find(&self, headers: &HeaderMap) -> Vec<Found> {
        let config = &self.config;
        let default =
            config.from_headers.is_empty() && config.from_params.is_empty() && config.from_cookies.is_empty();
        let mut places: Vec<(String, String)> = config
            .from_headers
            .iter()
            .map(|it| (it.name.to_ascii_lowercase(), it.value_prefix.clone()))
            .collect();
        let mut params = config.from_params.clone();
        if default {
            places.push(("authorization".to_owned(), "Bearer ".to_owned()));
            params.push("access_token".to_owned());
        }
        let mut found = Vec::new();
        for (name, prefix) in places {
            let value =
                headers.get_joined(&name).and_then(|it| String::from_utf8(it).ok()).unwrap_or_default();
            if let Some(at) = value.find(&prefix).filter(|_| !value.is_empty()) {
                let token = token_in(&value[at + prefix.len()..]);
                found.push(Found { token: token.to_owned(), header: Some(name) });
            }
        }
        let path = headers.get(":path").unwrap_or_default();
        let cookies = config.from_cookies.iter().filter_map(|it| cookie_value(headers, it.as_bytes()));
        let others = params.iter().filter_map(|it| query_value(path, it.as_bytes())).chain(cookies);
        let text = |it: &[u8]| String::from_utf8_lossy(it).into_owned();
        found.extend(others.filter(|it| !it.is_empty()).map(|it| Found { token: text(it), header: None }));
        found
    }

    fn accept(
        &self,
        token: &Token,
        found: &Found,
        audiences: Option<&[String]>,
        headers: &mut HeaderMap,
        now: u64,
        metadata: &mut Struct,
    ) -> Result<(), String> {
        let config = &self.config;
        let skew = if config.clock_skew_seconds > 0 { config.clock_skew_seconds.into() } else { SKEW_SECS };
        token.check_time(now, skew)?;
        let audiences = audiences.unwrap_or(&self.audiences);
        if !audiences.is_empty() && !token.aud.iter().any(|it| audiences.contains(&bare(it))) {
            return Err("Audiences in Jwt are not allowed".to_owned());
        }
        self.keys.verify(token)?;
        if !config.forward_payload_header.is_empty() {
            let mut payload = token.payload_text.clone();
            while config.pad_forward_payload_header && !payload.len().is_multiple_of(4) {
                payload.push('=');
            }
            headers.append(&config.forward_payload_header, payload);
        }
        for it in &config.claim_to_headers {
            if let Some(value) = token.claim(&it.claim_name) {
                headers.append(&it.header_name, value);
            }
        }
        if let (false, Some(header)) = (config.forward, &found.header) {
            headers.remove(header);
        }
        for (key, value) in
            [(&config.header_in_metadata, &token.header), (&config.payload_in_metadata, &token.payload)]
        {
            if !key.is_empty() {
                metadata.insert(key.clone(), value.clone().into());
            }
        }
        Ok(())
    }
}

/// The first run of letters that a token may have.
fn token_in(value: &str) -> &str {
    let is_letter = |it: char| it.is_ascii_alphanumeric() || matches!(it, '=' | '-' | '_' | '+' | '/' | '.');
    let value = value.trim_start_matches(|it| !is_letter(it));
    &value[..value.find(|it| !is_letter(it)).unwrap_or(value.len())]
}

/// An audience without its scheme and the slash at its end.
fn bare(audience: &str) -> String {
    let it =
        audience.strip_prefix("https://").or_else(|| audience.strip_prefix("http://")).unwrap_or(audience);
    it.strip_suffix('/').unwrap_or(it).to_owned()
}

fn details(why: &str) -> String {
    let why: String = why.chars().map(|it| if it.is_whitespace() { '_' } else { it }).collect();
    format!("jwt_authn_access_denied{{{why}}}")
}

/// The address that the client asked for.
fn realm(headers: &HeaderMap) -> String {
    let text = |name: &str| headers.get(name).map(|it| String::from_utf8_lossy(it).into_owned());
    let path = text("x-envoy-original-path").or_else(|| text(":path")).unwrap_or_default();
    let path: String = path.chars().take(LONGEST_REALM_PATH).collect();
    let scheme = text("x-forwarded-proto").or_else(|| text(":scheme")).unwrap_or_default();
    format!("{scheme}://{}{path}", text(":authority").unwrap_or_default())
}
