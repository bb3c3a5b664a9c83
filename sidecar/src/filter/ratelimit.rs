//! local_ratelimit: a bucket of tokens in the proxy itself.
//!
//! Always: the bucket begins full and fills without steps, at `tokens_per_fill` per `fill_interval`.
//! Differs from Envoy: no descriptors.
//! Sources: Envoy `local_ratelimit.cc`, `filters/common/local_ratelimit/local_ratelimit_impl.cc`
//! (`RateLimitTokenBucket`).

use crate::config::core::{FractionalPercent, RuntimeFractionalPercent};
use crate::config::http_filter::{LocalRateLimit, XRateLimitHeadersRfcVersion};
use crate::http::headers::HeaderMap;
use crate::random::Random;
use crate::route::mutation::Mutations;
use crate::source::nanos;
use std::cell::Cell;

const SECOND: u64 = 1_000_000_000;
/// A faster filling is refused.
const FASTEST_FILL: u64 = SECOND / 20;

#[derive(Debug, Clone)]
struct Bucket {
    most: f64,
    tokens: Cell<f64>,
    /// When `tokens` was right.
    at: Cell<Option<u64>>,
    per_nano: f64,
}

impl Bucket {
    fn fill(&self, now: u64) {
        let before = self.at.replace(Some(now)).unwrap_or(now);
        let more = now.saturating_sub(before) as f64 * self.per_nano;
        self.tokens.set((self.tokens.get() + more).min(self.most));
    }

    fn take(&self, now: u64) -> bool {
        self.fill(now);
        let left = self.tokens.get() - 1.0;
        if left >= 0.0 {
            self.tokens.set(left);
        }
        left >= 0.0
    }
}

/// What is to be counted of a request, and whether it is refused (`enforced`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Decision {
    pub enabled: bool,
    pub limited: bool,
    pub enforced: bool,
}

#[derive(Debug, Clone)]
pub struct RateLimit {
    bucket: Option<Bucket>,
    enabled: FractionalPercent,
    enforced: FractionalPercent,
    tells_limits: bool,
    /// The status of a refusal, RESOURCE_EXHAUSTED for a gRPC client where asked for.
    pub status: u16,
    pub is_resource_exhausted: bool,
    pub stat_prefix: String,
    /// What a refusal's headers get.
    pub response: Mutations,
    /// What a request's headers get that would have been refused.
    pub not_enforced: Mutations,
    /// Whether each downstream connection has its own bucket: then the caller clones this per connection.
    pub per_connection: bool,
}

impl RateLimit {
    pub fn new(config: &LocalRateLimit) -> Result<RateLimit, String> {
        let percent = |it: &Option<RuntimeFractionalPercent>| {
            it.as_ref().map(|it| it.default_value.clone()).unwrap_or_default()
        };
        let bucket = config.token_bucket.as_ref().map(|it| {
            let interval = nanos(it.fill_interval);
            if interval < FASTEST_FILL {
                return Err("local rate limit token bucket fill timer must be >= 50ms".to_owned());
            }
            let per_nano = f64::from(it.tokens_per_fill.unwrap_or(1)) / interval as f64;
            let most = f64::from(it.max_tokens);
            Ok(Bucket { most, tokens: Cell::new(most), at: Cell::new(None), per_nano })
        });
        let status = config.status.as_ref().map_or(429, |it| it.code.number());
        Ok(RateLimit {
            bucket: bucket.transpose()?,
            enabled: percent(&config.filter_enabled),
            enforced: percent(&config.filter_enforced),
            tells_limits: config.enable_x_ratelimit_headers == XRateLimitHeadersRfcVersion::DraftVersion03,
            // Envoy takes no status below 400 for a refusal.
            status: if status < 400 { 429 } else { status as u16 },
            is_resource_exhausted: config.rate_limited_as_resource_exhausted,
            stat_prefix: config.stat_prefix.clone(),
            response: Mutations::new(&config.response_headers_to_add, &[])?,
            not_enforced: Mutations::new(&config.request_headers_to_add_when_not_enforced, &[])?,
            per_connection: config.local_rate_limit_per_downstream_connection,
        })
    }

    /// Takes a token for a request at `now` (nanoseconds).
    pub fn decide(&self, now: u64, random: &mut Random) -> Decision {
        if !self.enabled.holds(random.draw()) {
            return Decision::default();
        }
        let limited = self.bucket.as_ref().is_some_and(|it| !it.take(now));
        let enforced = limited && self.enforced.holds(random.draw());
        Decision { enabled: true, limited, enforced }
    }

    /// Adds `x-ratelimit-…` to a response, where asked for.
    pub fn tell_limits(&self, headers: &mut HeaderMap) {
        let (true, Some(bucket)) = (self.tells_limits, &self.bucket) else { return };
        let left = bucket.tokens.get().floor();
        let reset =
            if left > 0.0 { 0.0 } else { (1.0 - bucket.tokens.get()) / bucket.per_nano / SECOND as f64 };
        headers.set("x-ratelimit-limit", format!("{}", bucket.most));
        headers.set("x-ratelimit-remaining", format!("{left}"));
        headers.set("x-ratelimit-reset", format!("{}", reset.ceil()));
    }
}
