//! What is known of a request (or of a TCP connection) once it is over: what access logs and formatters print.

use crate::http::Connection;
use std::borrow::Cow;
use std::net::SocketAddr;
use std::rc::Rc;

/// Why a request did not simply succeed. The words are Envoy's; `Flag::NAMES` has them in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flag {
    /// LH.
    FailedLocalHealthCheck,
    /// UH.
    NoHealthyUpstream,
    /// UT.
    UpstreamRequestTimeout,
    /// LR.
    LocalReset,
    /// UR.
    UpstreamRemoteReset,
    /// UF.
    UpstreamConnectionFailure,
    /// UC.
    UpstreamConnectionTermination,
    /// UO.
    UpstreamOverflow,
    /// NR.
    NoRouteFound,
    /// DI.
    DelayInjected,
    /// FI.
    FaultInjected,
    /// RL.
    RateLimited,
    /// DC.
    DownstreamConnectionTermination,
    /// URX.
    UpstreamRetryLimitExceeded,
    /// SI.
    StreamIdleTimeout,
    /// DPE.
    DownstreamProtocolError,
    /// UMSDR.
    UpstreamMaxStreamDurationReached,
    /// DT.
    DurationTimeout,
    /// UPE.
    UpstreamProtocolError,
    /// NC.
    NoClusterFound,
    /// DR.
    DownstreamRemoteReset,
}

impl Flag {
    const NAMES: &'static [(Flag, &'static str, &'static str)] = &[
        (Flag::FailedLocalHealthCheck, "LH", "FailedLocalHealthCheck"),
        (Flag::NoHealthyUpstream, "UH", "NoHealthyUpstream"),
        (Flag::UpstreamRequestTimeout, "UT", "UpstreamRequestTimeout"),
        (Flag::LocalReset, "LR", "LocalReset"),
        (Flag::UpstreamRemoteReset, "UR", "UpstreamRemoteReset"),
        (Flag::UpstreamConnectionFailure, "UF", "UpstreamConnectionFailure"),
        (Flag::UpstreamConnectionTermination, "UC", "UpstreamConnectionTermination"),
        (Flag::UpstreamOverflow, "UO", "UpstreamOverflow"),
        (Flag::NoRouteFound, "NR", "NoRouteFound"),
        (Flag::DelayInjected, "DI", "DelayInjected"),
        (Flag::FaultInjected, "FI", "FaultInjected"),
        (Flag::RateLimited, "RL", "RateLimited"),
        (Flag::DownstreamConnectionTermination, "DC", "DownstreamConnectionTermination"),
        (Flag::UpstreamRetryLimitExceeded, "URX", "UpstreamRetryLimitExceeded"),
        (Flag::StreamIdleTimeout, "SI", "StreamIdleTimeout"),
        (Flag::DownstreamProtocolError, "DPE", "DownstreamProtocolError"),
        (Flag::UpstreamMaxStreamDurationReached, "UMSDR", "UpstreamMaxStreamDurationReached"),
        (Flag::DurationTimeout, "DT", "DurationTimeout"),
        (Flag::UpstreamProtocolError, "UPE", "UpstreamProtocolError"),
        (Flag::NoClusterFound, "NC", "NoClusterFound"),
        (Flag::DownstreamRemoteReset, "DR", "DownstreamRemoteReset"),
    ];

    /// The flag of a short name, as the configuration's filters use it.
    pub fn named(short: &str) -> Option<Flag> {
        Flag::NAMES.iter().find(|it| it.1 == short).map(|it| it.0)
    }
}

/// A set of flags, in the order in which they were set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// The numbers of the flags, each one more than itself and in `BITS` bits, the last one lowest.
    order: u128,
}

/// So many bits hold the number of any flag.
const BITS: u32 = 5;

impl Flags {
    /// Adds one.
    pub fn set(&mut self, flag: Flag) {
        if !self.has(flag) {
            self.order = self.order << BITS | (flag as u128 + 1);
        }
    }

    /// Whether it is set.
    pub fn has(self, flag: Flag) -> bool {
        self.iter().any(|it| it == flag)
    }

    /// Whether none is.
    pub fn is_empty(self) -> bool {
        self.order == 0
    }

    fn iter(self) -> impl Iterator<Item = Flag> {
        let places = (u128::BITS / BITS) as usize;
        let number = move |place: usize| (self.order >> (place as u32 * BITS)) as usize & ((1 << BITS) - 1);
        (0..places).rev().filter_map(move |it| Some(Flag::NAMES[number(it).checked_sub(1)?].0))
    }

    /// The names, joined by commas; `-` for none.
    pub fn text(self, is_long: bool) -> Cow<'static, str> {
        let name = |it: Flag| if is_long { Flag::NAMES[it as usize].2 } else { Flag::NAMES[it as usize].1 };
        let mut names = self.iter().map(name);
        let Some(first) = names.next() else { return Cow::Borrowed("-") };
        match names.next() {
            None => Cow::Borrowed(first),
            Some(second) => {
                let rest: Vec<&str> = [first, second].into_iter().chain(names).collect();
                Cow::Owned(rest.join(","))
            }
        }
    }
}

/// What is known. Times are nanoseconds since 1970.
#[derive(Clone, Debug)]
pub struct Info {
    /// When the first byte was read, or the connection accepted.
    pub start: u64,
    /// "HTTP/1.1" and the like; none for TCP.
    pub protocol: Option<&'static str>,
    /// The status; nought when there was none.
    pub code: u16,
    /// Why it was not 200.
    pub flags: Flags,
    /// The response code details.
    pub details: Cow<'static, str>,
    /// Why the connection was closed.
    pub termination: Cow<'static, str>,
    /// Why the upstream's TLS failed.
    pub transport_failure: Cow<'static, str>,
    /// Why TLS with the client failed.
    pub downstream_failure: Cow<'static, str>,
    /// Body bytes from the client.
    pub received: u64,
    /// Body bytes to the client.
    pub sent: u64,
    /// The endpoint that was chosen.
    pub upstream: Option<SocketAddr>,
    /// Our end of the connection to it.
    pub upstream_local: Option<SocketAddr>,
    /// The cluster that was chosen.
    pub cluster: Option<Rc<str>>,
    /// The route's name.
    pub route: Option<Rc<str>>,
    /// The virtual host's name.
    pub virtual_host: Option<Rc<str>>,
    /// How often an upstream was tried.
    pub attempts: u32,
    /// The client's address, as `x-forwarded-for` and its trust say.
    pub remote: SocketAddr,
    /// The connection.
    pub connection: Rc<Connection>,
    /// The name of the filter chain.
    pub filter_chain: Rc<str>,
    /// Whether the health_check filter answered it.
    pub is_health_check: bool,
    /// Last byte of the request read.
    pub request_end: Option<u64>,
    /// First byte of the response from upstream.
    pub response_start: Option<u64>,
    /// Last byte of the response from upstream.
    pub response_end: Option<u64>,
}

impl Info {
    /// Of something that begins now.
    pub fn new(start: u64, connection: &Rc<Connection>, filter_chain: &Rc<str>) -> Info {
        Info {
            start,
            protocol: None,
            code: 0,
            flags: Flags::default(),
            details: Cow::Borrowed(""),
            termination: Cow::Borrowed(""),
            transport_failure: Cow::Borrowed(""),
            downstream_failure: Cow::Borrowed(""),
            received: 0,
            sent: 0,
            upstream: None,
            upstream_local: None,
            cluster: None,
            route: None,
            virtual_host: None,
            attempts: 0,
            remote: connection.remote,
            connection: connection.clone(),
            filter_chain: filter_chain.clone(),
            is_health_check: false,
            request_end: None,
            response_start: None,
            response_end: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_told_in_the_order_in_which_they_were_set() {
        let mut flags = Flags::default();
        assert_eq!(flags.text(false), "-");
        for flag in
            [Flag::UpstreamRetryLimitExceeded, Flag::UpstreamConnectionFailure, Flag::DownstreamRemoteReset]
        {
            flags.set(flag);
            flags.set(flag);
        }
        assert_eq!(flags.text(false), "URX,UF,DR");
        assert!(flags.has(Flag::UpstreamConnectionFailure) && !flags.has(Flag::FailedLocalHealthCheck));
        for (at, flag) in Flag::NAMES.iter().enumerate() {
            assert_eq!(flag.0 as usize, at, "{} has another's place", flag.1);
        }
    }
}
