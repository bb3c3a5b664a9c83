//! Cross-origin resource sharing: the answer to a preflight, and what a simple request's response says.
//!
//! Policies stand at the route and above it; a field that the nearest does not set is the next one's.
//! Sources: Envoy `cors_filter.cc`, `router/config_impl.cc` (`CorsPolicyImpl`).

use crate::config::core::RuntimeFractionalPercent;
use crate::config::http_filter::CorsPolicy as Config;
use crate::http::headers::HeaderMap;
use crate::matcher::StringMatcher;
use crate::random::Random;

/// A compiled policy.
#[derive(Debug, Clone)]
pub struct CorsPolicy {
    origins: Vec<StringMatcher>,
    methods: String,
    headers: String,
    expose: String,
    max_age: String,
    credentials: Option<bool>,
    private_network: Option<bool>,
    forward_not_matching: Option<bool>,
    enabled: Option<RuntimeFractionalPercent>,
    shadow: Option<RuntimeFractionalPercent>,
}

impl CorsPolicy {
    pub fn new(config: &Config) -> Result<CorsPolicy, String> {
        Ok(CorsPolicy {
            origins: config
                .allow_origin_string_match
                .iter()
                .map(StringMatcher::new)
                .collect::<Result<_, _>>()?,
            methods: config.allow_methods.clone(),
            headers: config.allow_headers.clone(),
            expose: config.expose_headers.clone(),
            max_age: config.max_age.clone(),
            credentials: config.allow_credentials,
            private_network: config.allow_private_network_access,
            forward_not_matching: config.forward_not_matching_preflights,
            enabled: config.filter_enabled.clone(),
            shadow: config.shadow_enabled.clone(),
        })
    }
}

/// What the filter found of a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Request {
    /// Whether the origin is allowed: to be counted as `origin_valid` or `origin_invalid`. None is no such request.
    pub origin: Option<bool>,
    /// The origin that the response shall name.
    pub respond_to: Option<Vec<u8>>,
}

/// The policies that are in force for a request, nearest first.
#[derive(Debug, Clone, Copy)]
pub struct Cors<'p>(pub &'p [&'p CorsPolicy]);

impl Cors<'_> {
    /// Judges a request; then its answer, if it is a preflight that the proxy answers itself.
    pub fn request(&self, headers: &HeaderMap, random: &mut Random) -> (Request, Option<HeaderMap>) {
        let mut drawn = |it: &RuntimeFractionalPercent| it.default_value.holds(random.draw());
        let Some(first) = self.0.first() else { return Default::default() };
        let enabled = first.enabled.as_ref().is_none_or(&mut drawn);
        let shadow = first.shadow.as_ref().is_some_and(&mut drawn);
        let Some(origin) = headers.get("origin").filter(|it| !it.is_empty() && (enabled || shadow)) else {
            return Default::default();
        };
        let allowed = self.allows(origin);
        let mut request = Request { origin: Some(allowed), respond_to: None };
        if !enabled {
            return (request, None);
        }
        request.respond_to = allowed.then(|| origin.to_vec());
        let asked = headers.get("access-control-request-method").unwrap_or_default();
        let preflight = headers.get(":method") == Some(b"OPTIONS") && !asked.is_empty();
        if !preflight || (!allowed && self.flag(|it| it.forward_not_matching).unwrap_or(true)) {
            return (request, None);
        }
        let answer = self.answer(headers, allowed.then_some(origin), asked);
        (request, Some(answer))
    }

    fn allows(&self, origin: &[u8]) -> bool {
        let origins = self.0.iter().map(|it| &it.origins).find(|it| !it.is_empty());
        origins.is_some_and(|all| all.iter().any(|it| it.matches(b"*") || it.matches(origin)))
    }

    fn text(&self, part: impl Fn(&CorsPolicy) -> &str) -> &str {
        self.0.iter().map(|it| part(it)).find(|it| !it.is_empty()).unwrap_or_default()
    }

    fn flag(&self, part: impl Fn(&CorsPolicy) -> Option<bool>) -> Option<bool> {
        self.0.iter().find_map(|it| part(it))
    }

    fn answer(&self, headers: &HeaderMap, origin: Option<&[u8]>, asked: &[u8]) -> HeaderMap {
        let mut answer = HeaderMap::new();
        answer.append(":status", "200");
        if let Some(origin) = origin {
            answer.append("access-control-allow-origin", origin);
        }
        if self.flag(|it| it.credentials) == Some(true) {
            answer.append("access-control-allow-credentials", "true");
        }
        let wanted = headers.get("access-control-request-headers").unwrap_or_default();
        let lists = [
            ("access-control-allow-methods", self.text(|it| &it.methods), asked),
            ("access-control-allow-headers", self.text(|it| &it.headers), wanted),
        ];
        for (name, list, requested) in lists {
            match list {
                "" => {}
                "*" => answer.append(name, requested),
                list => answer.append(name, list),
            }
        }
        let max_age = self.text(|it| &it.max_age);
        if !max_age.is_empty() {
            answer.append("access-control-max-age", max_age);
        }
        let private = headers.get("access-control-request-private-network") == Some(b"true");
        if private && self.flag(|it| it.private_network) == Some(true) {
            answer.append("access-control-allow-private-network", "true");
        }
        answer
    }

    /// Adds to a response, also to the answer of a preflight, what the client must see.
    pub fn decorate(&self, request: &Request, headers: &mut HeaderMap) {
        let Some(origin) = &request.respond_to else { return };
        headers.set("access-control-allow-origin", origin);
        if self.flag(|it| it.credentials) == Some(true) {
            headers.set("access-control-allow-credentials", "true");
        }
        let expose = self.text(|it| &it.expose);
        if !expose.is_empty() {
            headers.set("access-control-expose-headers", expose);
        }
    }
}
