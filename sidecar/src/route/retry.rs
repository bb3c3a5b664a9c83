//! Retry policies: which failures are tried again, how often, and after how long.
//!
//! Source: Envoy's documentation "HTTP routing", retry semantics; router filter, `x-envoy-retry-on`.

use crate::config::extension::RetryHostPredicateConfig;
use crate::config::route_action as config;
use crate::http::HeaderMap;
use crate::matcher::HeaderMatcher;
use crate::random::Random;
use crate::source::nanos;

const MILLISECOND: u64 = 1_000_000;
const SECOND: u64 = 1_000_000_000;
/// Envoy's base interval where none is configured.
const BASE_INTERVAL: u64 = 25 * MILLISECOND;

/// One word of `retry_on`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum On {
    FiveXx,
    GatewayError,
    ConnectFailure,
    EnvoyRateLimited,
    Retriable4xx,
    RefusedStream,
    StatusCodes,
    Headers,
    Reset,
    ResetBeforeRequest,
    Http3PostConnectFailure,
    Cancelled,
    DeadlineExceeded,
    ResourceExhausted,
    Unavailable,
    Internal,
}

const WORDS: &[(&str, On)] = &[
    ("5xx", On::FiveXx),
    ("gateway-error", On::GatewayError),
    ("connect-failure", On::ConnectFailure),
    ("envoy-ratelimited", On::EnvoyRateLimited),
    ("retriable-4xx", On::Retriable4xx),
    ("refused-stream", On::RefusedStream),
    ("retriable-status-codes", On::StatusCodes),
    ("retriable-headers", On::Headers),
    ("reset", On::Reset),
    ("reset-before-request", On::ResetBeforeRequest),
    ("http3-post-connect-failure", On::Http3PostConnectFailure),
    ("cancelled", On::Cancelled),
    ("deadline-exceeded", On::DeadlineExceeded),
    ("resource-exhausted", On::ResourceExhausted),
    ("unavailable", On::Unavailable),
    ("internal", On::Internal),
];

/// How an attempt failed before there was a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// No connection came about.
    Connect,
    /// The upstream refused the stream.
    Refused,
    /// The stream or its connection was reset. `is_sent`: the request had been written.
    Reset { is_sent: bool },
    /// `per_try_timeout` passed.
    PerTryTimeout,
}

/// A compiled policy.
#[derive(Clone, Debug)]
pub struct RetryPolicy {
    on: u32,
    /// How often a request is tried again.
    pub retries: u32,
    /// How long one attempt may take.
    pub per_try_timeout: Option<u64>,
    /// How long one attempt may be silent.
    pub per_try_idle: Option<u64>,
    codes: Vec<u16>,
    base: u64,
    max: u64,
    rate_limited: Vec<(String, config::ResetHeaderFormat)>,
    rate_limited_max: u64,
    /// Whether hosts that were tried are avoided, and how often another is asked for.
    pub avoids_previous: Option<u32>,
    retriable_headers: Vec<HeaderMatcher>,
    request_headers: Vec<HeaderMatcher>,
}

fn words(list: &str) -> u32 {
    let bit = |word: &str| WORDS.iter().find(|it| it.0 == word.trim()).map_or(0, |it| 1 << it.1 as u32);
    list.split(',').map(bit).fold(0, |all, it| all | it)
}

impl RetryPolicy {
    /// Compiles a configuration.
    pub fn new(config: &config::RetryPolicy) -> Result<RetryPolicy, String> {
        let back_off = config.retry_back_off.as_ref();
        let base = back_off.map_or(BASE_INTERVAL, |it| nanos(it.base_interval).max(MILLISECOND));
        let max = back_off.and_then(|it| it.max_interval).map_or(base * 10, nanos);
        if max < base {
            return Err(
                "retry_policy.max_interval must greater than or equal to the base_interval".to_owned()
            );
        }
        let limited = config.rate_limited_retry_back_off.as_ref();
        let is_previous = |it: &config::RetryHostPredicate| {
            let Some(config::RetryHostPredicateConfigType::TypedConfig(kind)) = &it.config_type else {
                return false;
            };
            matches!(kind, RetryHostPredicateConfig::PreviousHosts(_))
        };
        let avoids = config.retry_host_predicate.iter().any(is_previous);
        Ok(RetryPolicy {
            on: words(&config.retry_on),
            retries: config.num_retries.unwrap_or(1),
            per_try_timeout: config.per_try_timeout.map(nanos).filter(|it| *it > 0),
            per_try_idle: config.per_try_idle_timeout.map(nanos).filter(|it| *it > 0),
            codes: config.retriable_status_codes.iter().map(|it| *it as u16).collect(),
            base,
            max,
            rate_limited: limited.map_or(Vec::new(), |it| {
                it.reset_headers.iter().map(|it| (it.name.clone(), it.format)).collect()
            }),
            rate_limited_max: limited.and_then(|it| it.max_interval).map_or(300 * SECOND, nanos),
            avoids_previous: avoids.then(|| config.host_selection_retry_max_attempts.clamp(1, 100) as u32),
            retriable_headers: HeaderMatcher::all(&config.retriable_headers)?,
            request_headers: HeaderMatcher::all(&config.retriable_request_headers)?,
        })
    }

    /// The policy of one request: that of the route, with what the request's own headers ask for.
    pub fn of_request(route: Option<&RetryPolicy>, headers: &HeaderMap) -> Option<RetryPolicy> {
        const ASKS: [&str; 2] = ["x-envoy-retry-on", "x-envoy-retry-grpc-on"];
        let asked = ASKS.iter().filter_map(|it| headers.get_str(it)).map(words).fold(0, |all, it| all | it);
        let mut policy = match route {
            Some(policy) => policy.clone(),
            None if asked == 0 => return None,
            None => RetryPolicy::new(&config::RetryPolicy::default()).ok()?,
        };
        if !policy.request_headers.is_empty() && !policy.request_headers.iter().any(|it| it.matches(headers))
        {
            policy.on = 0;
        }
        policy.on |= asked;
        if let Some(retries) = headers.get_str("x-envoy-max-retries").and_then(|it| it.parse().ok()) {
            policy.retries = retries;
        }
        if let Some(codes) = headers.get_str("x-envoy-retriable-status-codes") {
            policy.codes.extend(codes.split(',').filter_map(|it| it.trim().parse::<u16>().ok()));
        }
        (policy.on != 0).then_some(policy)
    }

    fn has(&self, on: On) -> bool {
        self.on & (1 << on as u32) != 0
    }

    /// Whether a response is worth another attempt.
    pub fn wants_after_response(&self, headers: &HeaderMap) -> bool {
        let status: u16 = headers.get_str(":status").and_then(|it| it.parse().ok()).unwrap_or(0);
        if headers.contains("x-envoy-ratelimited") && !self.has(On::EnvoyRateLimited) {
            return false;
        }
        let grpc: Option<u32> = headers.get_str("grpc-status").and_then(|it| it.parse().ok());
        (self.has(On::FiveXx) && (500..600).contains(&status))
            || (self.has(On::GatewayError) && (502..=504).contains(&status))
            || (self.has(On::Retriable4xx) && status == 409)
            || (self.has(On::EnvoyRateLimited) && headers.contains("x-envoy-ratelimited"))
            || (self.has(On::StatusCodes) && self.codes.contains(&status))
            || (self.has(On::Headers) && self.retriable_headers.iter().any(|it| it.matches(headers)))
            || grpc.is_some_and(|status| {
                (status == 1 && self.has(On::Cancelled))
                    || (status == 4 && self.has(On::DeadlineExceeded))
                    || (status == 8 && self.has(On::ResourceExhausted))
                    || (status == 13 && self.has(On::Internal))
                    || (status == 14 && self.has(On::Unavailable))
            })
    }

    /// Whether a failure is worth another attempt.
    pub fn wants_after_failure(&self, failure: Failure) -> bool {
        let is_reset = self.has(On::Reset) || self.has(On::FiveXx) || self.has(On::GatewayError);
        match failure {
            Failure::Connect => is_reset || self.has(On::ConnectFailure) || self.has(On::ResetBeforeRequest),
            Failure::Refused => is_reset || self.has(On::RefusedStream),
            Failure::Reset { is_sent } => is_reset || (!is_sent && self.has(On::ResetBeforeRequest)),
            Failure::PerTryTimeout => {
                self.has(On::FiveXx) || self.has(On::GatewayError) || self.has(On::Reset)
            }
        }
    }

    /// How long to wait before retry number `retry` (from nought): exponential, with full jitter.
    pub fn back_off(&self, retry: u32, random: &mut Random) -> u64 {
        let ceiling = self.base.saturating_mul(1 << retry.min(30)).min(self.max);
        random.below((ceiling / MILLISECOND).max(1)) * MILLISECOND
    }

    /// How long the upstream asks to wait, where such a header counts.
    pub fn asked_back_off(&self, headers: &HeaderMap, now: u64) -> Option<u64> {
        let wait = self.rate_limited.iter().find_map(|(name, format)| {
            let value: u64 = headers.get_str(name)?.trim().parse().ok()?;
            match format {
                config::ResetHeaderFormat::Seconds => value.checked_mul(SECOND),
                config::ResetHeaderFormat::UnixTimestamp => value.checked_mul(SECOND)?.checked_sub(now),
            }
        })?;
        (wait <= self.rate_limited_max).then_some(wait)
    }
}
