//! A cluster as it runs: its hosts and their health, its limits and counts.
//!
//! `proxy` asks it for hosts and tells it of every connection and request. Always: a host keeps its number as long as
//! its address is a member.

pub mod breaker;
pub mod host;
pub mod members;

pub use breaker::Breakers;
pub use host::Host;

use crate::balance::{Balancer, Choice};
use crate::config::cluster as config;
use crate::config::extension::ProtocolOptions;
use crate::config::protocol::{self, Http2ProtocolOptions};
use crate::http1::Limits;
use crate::http1::encode::Case;
use crate::source::{nanos, timeout};
use crate::stats::{Stat, Stats, stats};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

stats! {
    /// Stats of a cluster.
    ClusterStats {
        upstream_cx_total upstream_cx_http1_total upstream_cx_http2_total upstream_cx_connect_fail
        upstream_cx_connect_timeout upstream_cx_connect_attempts_exceeded upstream_cx_overflow
        upstream_cx_none_healthy upstream_cx_idle_timeout upstream_cx_protocol_error upstream_cx_destroy
        upstream_cx_destroy_local upstream_cx_destroy_remote upstream_cx_destroy_with_active_rq
        upstream_cx_destroy_local_with_active_rq upstream_cx_destroy_remote_with_active_rq
        upstream_cx_max_requests upstream_cx_close_notify upstream_cx_rx_bytes_total upstream_cx_tx_bytes_total
        upstream_rq_total upstream_rq_pending_total upstream_rq_pending_overflow upstream_rq_active_overflow upstream_rq_pending_failure_eject
        upstream_rq_cancelled upstream_rq_timeout upstream_rq_per_try_timeout upstream_rq_per_try_idle_timeout
        upstream_rq_max_duration_reached upstream_rq_maintenance_mode upstream_rq_rx_reset upstream_rq_tx_reset
        upstream_rq_retry upstream_rq_retry_success upstream_rq_retry_overflow upstream_rq_retry_limit_exceeded
        upstream_rq_retry_backoff_exponential upstream_rq_retry_backoff_ratelimited upstream_rq_completed
        membership_change update_attempt update_success update_failure update_rejected update_empty update_no_rebuild
        lb_recalculate_zone_structures lb_healthy_panic lb_subsets_selected lb_subsets_fallback
        original_dst_host_invalid
    } {
        upstream_cx_active upstream_cx_rx_bytes_buffered upstream_cx_tx_bytes_buffered upstream_rq_active
        upstream_rq_pending_active membership_total membership_healthy membership_degraded membership_excluded
        max_host_weight lb_subsets_active
    }
}

/// The protocol of upstream connections.
#[derive(Clone, Debug, PartialEq)]
pub enum Protocol {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2.
    Http2,
    /// That of the client.
    SameAsDownstream,
    /// What ALPN says.
    Automatic,
}

/// A cluster.
pub struct Cluster {
    /// Its name.
    pub name: Rc<str>,
    /// Its configuration.
    pub config: Rc<config::Cluster>,
    /// `cluster.NAME.`
    pub prefix: String,
    /// Its stats.
    pub stats: ClusterStats,
    /// Its hosts by number.
    pub hosts: BTreeMap<u32, Host>,
    pub(crate) by_address: BTreeMap<SocketAddr, u32>,
    pub(crate) next_host: u32,
    pub(crate) balancer: Balancer,
    /// Its circuit breakers: of default and of high priority.
    pub breakers: [Breakers; 2],
    /// The protocol upstream.
    pub protocol: Protocol,
    /// Options of HTTP/2.
    pub http2: Http2ProtocolOptions,
    /// What an HTTP/1 response may have.
    pub limits: Limits,
    /// How HTTP/1 field names are written.
    pub case: Case,
    /// Whether HTTP/1 trailers pass.
    pub has_trailers: bool,
    /// TLS upstream.
    #[cfg(feature = "tls")]
    pub tls: Option<Rc<crate::tls::Connector>>,
    /// Whether TLS upstream waits for secrets: until they come no connection is made.
    pub lacks_secrets: bool,
    /// How long connecting may take.
    pub connect_timeout: u64,
    /// How long a connection is kept without requests.
    pub idle_timeout: Option<u64>,
    /// How many requests a connection carries; nought: any number.
    pub max_requests: u32,
    /// How many bytes of a request are kept for retries.
    pub buffer_limit: usize,
    /// What outlier detection has counted.
    pub outliers_ejected: u32,
    codes: BTreeMap<(&'static str, u16), Stat>,
    pub(crate) health_stats: Option<HealthStats>,
}

stats! {
    /// Stats of active health checks.
    HealthStats {
        attempt success failure passive_failure network_failure verify_cluster
    } {
        healthy degraded
    }
}

const DEFAULT_CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const HOUR: Duration = Duration::from_secs(3600);
const BUFFER_LIMIT: u32 = 1024 * 1024;

fn upstream_options(config: &config::Cluster) -> Option<&protocol::UpstreamHttp> {
    config.typed_extension_protocol_options.values().find_map(|it| match it {
        ProtocolOptions::Http(it) => Some(&**it),
        _ => None,
    })
}

impl Cluster {
    /// A cluster without hosts.
    pub fn new(config: &config::Cluster, seed: u64, stats: &mut Stats) -> Cluster {
        use protocol::ExplicitHttpConfigProtocolConfig as Explicit;
        use protocol::UpstreamHttpUpstreamProtocolOptions as Options;
        let name = if config.alt_stat_name.is_empty() { &config.name } else { &config.alt_stat_name };
        let prefix = format!("cluster.{}.", name.replace(':', "_"));
        let upstream = upstream_options(config);
        let common = upstream.and_then(|it| it.common_http_protocol_options.clone());
        let common = common.or(config.common_http_protocol_options.clone()).unwrap_or_default();
        let (protocol, http1, http2) = match upstream.map(|it| &it.upstream_protocol_options) {
            Some(Options::ExplicitHttpConfig(it)) => match &it.protocol_config {
                Explicit::HttpProtocolOptions(it) => (Protocol::Http1, Some(it.clone()), None),
                Explicit::Http2ProtocolOptions(it) => (Protocol::Http2, None, Some(it.clone())),
            },
            Some(Options::UseDownstreamProtocolConfig(it)) => (
                Protocol::SameAsDownstream,
                it.http_protocol_options.clone(),
                it.http2_protocol_options.clone(),
            ),
            Some(Options::AutoConfig(it)) => {
                (Protocol::Automatic, it.http_protocol_options.clone(), it.http2_protocol_options.clone())
            }
            None if config.http2_protocol_options.is_some() => {
                (Protocol::Http2, None, config.http2_protocol_options.clone())
            }
            None => (Protocol::Http1, config.http_protocol_options.clone(), None),
        };
        let http1 = http1.unwrap_or_default();
        let breakers = Breakers::both(config.circuit_breakers.as_ref(), &prefix, stats);
        Cluster {
            name: config.name.as_str().into(),
            stats: ClusterStats::new(stats, &prefix),
            hosts: BTreeMap::new(),
            by_address: BTreeMap::new(),
            next_host: 0,
            balancer: Balancer::new(config, seed),
            breakers,
            protocol,
            http2: http2.unwrap_or_default(),
            limits: Limits {
                head_bytes: common.max_response_headers_kb.unwrap_or(60) as usize * 1024,
                fields: common.max_headers_count.unwrap_or(100) as usize,
                ..Limits::default()
            },
            case: if http1.header_key_format.is_some() { Case::Proper } else { Case::Lower },
            has_trailers: http1.enable_trailers,
            #[cfg(feature = "tls")]
            tls: None,
            lacks_secrets: false,
            connect_timeout: nanos(config.connect_timeout.unwrap_or(DEFAULT_CONNECT_TIMEOUT)),
            idle_timeout: timeout(common.idle_timeout, Some(HOUR)),
            max_requests: common
                .max_requests_per_connection
                .or(config.max_requests_per_connection)
                .unwrap_or(0),
            buffer_limit: config.per_connection_buffer_limit_bytes.unwrap_or(BUFFER_LIMIT) as usize,
            outliers_ejected: 0,
            codes: BTreeMap::new(),
            health_stats: (!config.health_checks.is_empty())
                .then(|| HealthStats::new(stats, &format!("{prefix}health_check."))),
            config: Rc::new(config.clone()),
            prefix,
        }
    }

    /// Chooses a host, and counts what that meant.
    pub fn choose(&mut self, choice: &Choice<'_>, stats: &mut Stats) -> Option<u32> {
        let before = self.balancer.stats;
        let chosen = self.balancer.choose(choice);
        let after = self.balancer.stats;
        stats.add(self.stats.lb_healthy_panic, after.lb_healthy_panic - before.lb_healthy_panic);
        stats.add(self.stats.lb_subsets_selected, after.lb_subsets_selected - before.lb_subsets_selected);
        stats.add(self.stats.lb_subsets_fallback, after.lb_subsets_fallback - before.lb_subsets_fallback);
        if chosen.is_none() {
            stats.inc(self.stats.upstream_cx_none_healthy);
        }
        chosen
    }

    /// Counts the status of a response, or of an answer in its place. `who` asked: `internal.` or `external.`.
    pub fn count_code(&mut self, code: u16, who: &'static str, stats: &mut Stats) {
        self.count_code_as("", code, stats);
        self.count_code_as(who, code, stats);
    }

    /// Counts a status under a name of its own: that of a response which was retried under `retry.`.
    pub fn count_code_as(&mut self, kind: &'static str, code: u16, stats: &mut Stats) {
        // The key nought is that of all codes.
        for (slot, ending) in [(code, ""), (code / 100, "xx"), (0, "")] {
            let stat = *self.codes.entry((kind, slot)).or_insert_with(|| {
                let name = if slot == 0 { "completed".to_owned() } else { format!("{slot}{ending}") };
                stats.counter(&format!("{}{kind}upstream_rq_{name}", self.prefix))
            });
            stats.inc(stat);
        }
    }

    /// One more or one less request with a host.
    pub fn change_active(&mut self, host: u32, is_more: bool) {
        if let Some(it) = self.hosts.get_mut(&host) {
            it.active = if is_more { it.active + 1 } else { it.active.saturating_sub(1) };
            self.balancer.set_active(host, it.active);
        }
    }
}
