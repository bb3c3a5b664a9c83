//! Fault injection: delays first, then aborts, each by its own chance.
//!
//! Always: nothing happens to requests that its headers or cluster leave out; a percentage in a header can only lower
//! the configured one.
//! Differs from Envoy: no runtime keys, no response rate limit.
//! Sources: Envoy `fault_filter.cc`, `filters/common/fault/fault_config.cc`.

use crate::config::core::FractionalPercent;
use crate::config::http_filter::{FaultAbortErrorType, FaultDelayFaultDelaySecifier, HttpFault};
use crate::http::headers::HeaderMap;
use crate::matcher::HeaderMatcher;
use crate::random::Random;
use crate::source::LONGEST;

#[derive(Debug, Clone, Copy)]
enum Delay {
    Fixed(u64),
    /// Milliseconds in `x-envoy-fault-delay-request`.
    Header,
}

/// What a request is aborted with. A gRPC status comes with HTTP status 200.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Abort {
    pub status: u16,
    pub grpc: Option<u32>,
}

#[derive(Debug, Clone, Copy)]
enum AbortBy {
    Fixed(Abort),
    /// `x-envoy-fault-abort-request`, or `…-abort-grpc-request`.
    Header,
}

/// What is done to a request: the delay in nanoseconds, then the abort.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Injected {
    pub delay: Option<u64>,
    pub abort: Option<Abort>,
}

#[derive(Debug, Clone)]
pub struct Fault {
    delay: Option<(Delay, FractionalPercent)>,
    abort: Option<(AbortBy, FractionalPercent)>,
    headers: Vec<HeaderMatcher>,
    cluster: String,
    /// How many may be under way at once.
    pub max_active: Option<u32>,
}

impl Fault {
    pub fn new(config: &HttpFault) -> Result<Fault, String> {
        let delay = config.delay.as_ref().map(|it| {
            let delay = match &it.fault_delay_secifier {
                FaultDelayFaultDelaySecifier::FixedDelay(it) => Delay::Fixed(crate::source::nanos(*it)),
                FaultDelayFaultDelaySecifier::HeaderDelay(_) => Delay::Header,
            };
            (delay, it.percentage.clone().unwrap_or_default())
        });
        let abort = config.abort.as_ref().map(|it| {
            let abort = match &it.error_type {
                FaultAbortErrorType::HttpStatus(it) => {
                    AbortBy::Fixed(Abort { status: *it as u16, grpc: None })
                }
                FaultAbortErrorType::GrpcStatus(it) => AbortBy::Fixed(Abort { status: 200, grpc: Some(*it) }),
                FaultAbortErrorType::HeaderAbort(_) => AbortBy::Header,
            };
            (abort, it.percentage.clone().unwrap_or_default())
        });
        Ok(Fault {
            delay,
            abort,
            headers: HeaderMatcher::all(&config.headers)?,
            cluster: config.upstream_cluster.clone(),
            max_active: config.max_active_faults,
        })
    }

    /// What to do to a request that a route sends to `cluster`.
    pub fn decide(&self, headers: &HeaderMap, cluster: &str, random: &mut Random) -> Injected {
        let elsewhere = !self.cluster.is_empty() && self.cluster != cluster;
        if elsewhere || !self.headers.iter().all(|it| it.matches(headers)) {
            return Injected::default();
        }
        let number = |name: &str| headers.get_str(name).and_then(|it| it.parse::<u64>().ok());
        let mut falls = |percent: &FractionalPercent, name: &str| {
            let capped = number(name)
                .map_or(percent.numerator, |it| percent.numerator.min(it.min(u32::MAX.into()) as u32));
            FractionalPercent { numerator: capped, ..percent.clone() }.holds(random.draw())
        };
        let mut injected = Injected::default();
        if let Some((delay, percent)) = &self.delay {
            let (nanos, header) = match delay {
                Delay::Fixed(nanos) => (Some(*nanos), ""),
                Delay::Header => {
                    let millis = number("x-envoy-fault-delay-request");
                    (
                        millis.map(|it| it.saturating_mul(1_000_000).min(LONGEST)),
                        "x-envoy-fault-delay-request-percentage",
                    )
                }
            };
            injected.delay = nanos.filter(|it| *it > 0 && falls(percent, header));
        }
        if let Some((abort, percent)) = &self.abort {
            let (abort, header) = match abort {
                AbortBy::Fixed(abort) => (Some(*abort), ""),
                AbortBy::Header => {
                    let status = number("x-envoy-fault-abort-request").filter(|it| (200..600).contains(it));
                    let grpc =
                        number("x-envoy-fault-abort-grpc-request").and_then(|it| u32::try_from(it).ok());
                    let by_status = status.map(|it| Abort { status: it as u16, grpc: None });
                    let by_grpc = grpc.map(|it| Abort { status: 200, grpc: Some(it) });
                    (by_status.or(by_grpc), "x-envoy-fault-abort-request-percentage")
                }
            };
            injected.abort = abort.filter(|_| falls(percent, header));
        }
        injected
    }
}
