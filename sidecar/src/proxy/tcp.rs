//! tcp_proxy: bytes both ways between a client and a host.
//!
//! Source: Envoy's documentation "TCP proxy".

use super::downstream::State;
use super::slab::Key;
use super::upstream::Kind;
use super::wire::Ending;
use super::{ConnId, Proxy, Timer};
use crate::access_log::{self, AccessLog, Flag, Info, Subject};
use crate::balance::Choice;
use crate::config::cluster::{ClusterClusterDiscoveryType, DiscoveryType};
use crate::config::extension::Struct;
use crate::config::tcp as config;
use crate::hcm::settings::Surroundings;
use crate::http::{Connection, HeaderMap};
use crate::source::timeout;
use crate::stats::stats;
use crate::timer::TimerId;
use std::rc::Rc;
use std::time::Duration;

stats! {
    /// Stats of a TCP proxy.
    TcpStats {
        downstream_cx_total downstream_cx_no_route downstream_cx_tx_bytes_total downstream_cx_rx_bytes_total
        idle_timeout max_downstream_connection_duration
    } {
    }
}

const HOUR: Duration = Duration::from_secs(3600);
/// So many bytes are read ahead of the upstream connection.
const EARLY_LIMIT: usize = 64 * 1024;

/// A compiled TCP proxy.
pub struct TcpSettings {
    stats: TcpStats,
    clusters: Vec<(String, u64, Option<Struct>)>,
    total: u64,
    metadata: Option<Struct>,
    idle: Option<u64>,
    max_duration: Option<u64>,
    attempts: u32,
    logs: Vec<AccessLog>,
}

impl TcpSettings {
    /// Compiles a configuration.
    pub fn new(config: &config::TcpProxy, around: &mut Surroundings<'_>) -> Result<TcpSettings, String> {
        use config::TcpProxyClusterSpecifier as Specifier;
        let lb = |it: &Option<crate::config::core::Metadata>| {
            it.as_ref().and_then(|it| it.filter_metadata.get("envoy.lb")).cloned()
        };
        let clusters: Vec<_> = match &config.cluster_specifier {
            Specifier::Cluster(name) => vec![(name.clone(), 1, None)],
            Specifier::WeightedClusters(it) => it
                .clusters
                .iter()
                .map(|it| (it.name.clone(), u64::from(it.weight), lb(&it.metadata_match)))
                .collect(),
        };
        Ok(TcpSettings {
            stats: TcpStats::new(around.stats, &format!("tcp.{}.", config.stat_prefix)),
            total: clusters.iter().map(|it| it.1).sum(),
            clusters,
            metadata: lb(&config.metadata_match),
            idle: timeout(config.idle_timeout, Some(HOUR)),
            max_duration: timeout(config.max_downstream_connection_duration, None),
            attempts: config.max_connect_attempts.unwrap_or(1),
            logs: access_log::all(&config.access_log, around.read)?,
        })
    }
}

/// A connection that is carried.
pub(crate) struct Tcp {
    settings: Rc<TcpSettings>,
    pub info: Info,
    cluster: Option<usize>,
    metadata: Option<Struct>,
    up: Option<Key>,
    is_open: bool,
    early: Vec<u8>,
    attempts: u32,
    down_ended: bool,
    up_ended: bool,
    idle: Option<TimerId>,
    max_duration: Option<TimerId>,
    is_logged: bool,
}

impl Tcp {
    /// The connection to the host.
    pub fn upstream(&self) -> Option<ConnId> {
        self.up.map(|it| ConnId::opened(it.index))
    }
}

impl Proxy {
    fn tcp(&mut self, number: u32) -> Option<&mut Tcp> {
        match &mut self.down(number)?.state {
            State::Tcp(it) => Some(it),
            _ => None,
        }
    }

    pub(super) fn start_tcp(&mut self, number: u32, settings: Rc<TcpSettings>) {
        let now = self.now;
        self.stats.inc(settings.stats.downstream_cx_total);
        let mut drawn = self.random.below(settings.total);
        let chosen = settings.clusters.iter().find(|it| match drawn.checked_sub(it.1) {
            Some(left) => {
                drawn = left;
                false
            }
            None => true,
        });
        let name = chosen.map_or("", |it| it.0.as_str());
        let cluster = self.cluster_named(name);
        let mut metadata = settings.metadata.clone();
        if let Some(own) = chosen.and_then(|it| it.2.clone()) {
            metadata.get_or_insert_default().extend(own);
        }
        let duration =
            settings.max_duration.map(|it| self.timers.set(now + it, Timer::TcpMaxDuration(number)));
        let Some(down) = self.down(number) else { return };
        let Some(chain) = &down.chain else { return };
        let mut info = Info::new(down.started, &down.facts, &chain.name);
        info.cluster = cluster.map(|_| name.into());
        let early = std::mem::take(&mut down.sniffed);
        let tcp = Tcp {
            settings: settings.clone(),
            info,
            cluster,
            metadata,
            up: None,
            is_open: false,
            early,
            attempts: 0,
            down_ended: false,
            up_ended: false,
            idle: None,
            max_duration: duration,
            is_logged: false,
        };
        down.state = State::Tcp(Box::new(tcp));
        self.note_chain(number);
        if cluster.is_none() {
            self.stats.inc(settings.stats.downstream_cx_no_route);
            return self.tcp_fail(number, Flag::NoClusterFound);
        }
        self.tcp_connect(number);
    }

    fn tcp_connect(&mut self, number: u32) {
        let Some(facts) = self.down(number).map(|it| it.facts.clone()) else { return };
        let Some(tcp) = self.tcp(number) else { return };
        let Some(id) = tcp.cluster else { return };
        let most = tcp.settings.attempts;
        if tcp.attempts >= most {
            if let Some(cluster) = self.cluster(id) {
                let stat = cluster.stats.upstream_cx_connect_attempts_exceeded;
                self.stats.inc(stat);
            }
            return self.tcp_fail(number, Flag::UpstreamRetryLimitExceeded);
        }
        let metadata = tcp.metadata.clone();
        let Some(Some(cluster)) = self.clusters.get_mut(id) else { return };
        if !cluster.breakers[0].allows(crate::cluster::breaker::Resource::Connections) {
            self.stats.inc(cluster.stats.upstream_cx_overflow);
            return self.tcp_fail(number, Flag::UpstreamOverflow);
        }
        let is_original = matches!(
            &cluster.config.cluster_discovery_type,
            Some(ClusterClusterDiscoveryType::Type(DiscoveryType::OriginalDst))
        );
        let host = if is_original {
            super::router::original_dst(cluster.config.lb_config.as_ref(), &HeaderMap::new(), facts.local)
                .map(|address| cluster.original_host(address, &mut self.stats))
        } else {
            let hash = crate::balance::hash::xx64(facts.direct_remote.ip().to_string().as_bytes());
            cluster.choose(
                &Choice { hash: Some(hash), metadata: metadata.as_ref(), ..Choice::default() },
                &mut self.stats,
            )
        };
        self.note_host(number, id, host);
        let Some(host) = host else { return self.tcp_fail(number, Flag::NoHealthyUpstream) };
        let address = self.cluster(id).and_then(|it| it.hosts.get(&host)).map(|it| it.address);
        if let Some(Some(cluster)) = self.clusters.get(id) {
            self.stats.inc(cluster.stats.upstream_rq_pending_total);
        }
        let up = self.connect(id, host, 0, Kind::Tcp(number), None);
        if let Some(tcp) = self.tcp(number) {
            tcp.attempts += 1;
            tcp.info.attempts = tcp.attempts;
            tcp.info.upstream = address;
            tcp.up = up;
        }
    }

    /// Envoy has not read what came before the upstream was there; a socket that is closed with bytes unread resets.
    fn tcp_fail(&mut self, number: u32, flag: Flag) {
        let Some(tcp) = self.tcp(number) else { return };
        tcp.info.flags.set(flag);
        let how = if tcp.early.is_empty() { Ending::Close } else { Ending::Reset };
        self.end(ConnId::accepted(number), how);
    }

    pub(super) fn tcp_up_ready(&mut self, number: u32, up: Key) {
        let local = self.ups.get(up).and_then(|it| it.local);
        let Some(tcp) = self.tcp(number) else { return };
        tcp.is_open = true;
        tcp.info.upstream_local = local;
        let early = std::mem::take(&mut tcp.early);
        let (id, ended) = (tcp.cluster, tcp.down_ended);
        if let Some(cluster) = id.and_then(|id| self.cluster(id)) {
            let (total, active) = (cluster.stats.upstream_rq_total, cluster.stats.upstream_rq_active);
            self.stats.inc(total);
            self.stats.inc(active);
        }
        self.set_paused(ConnId::accepted(number), false);
        self.tcp_count_received(number, early.len());
        self.tcp_forward(up, &early);
        if ended {
            self.end(ConnId::opened(up.index), Ending::HalfClose);
        }
        self.tcp_rearm(number);
    }

    /// A connection that a filter ahead closed at once: it is logged all the same.
    pub(super) fn tcp_never(&mut self, number: u32, settings: &TcpSettings) {
        let now = self.now;
        let Some(down) = self.down(number) else { return };
        let Some(chain) = &down.chain else { return };
        let info = Info::new(down.started, &down.facts, &chain.name);
        let none = HeaderMap::new();
        let subject =
            Subject { info: &info, request: &none, response: &none, trailers: &none, body: "", now };
        self.log_to(&settings.logs, &subject);
    }

    /// The client's first bytes were refused: they are counted, and go nowhere.
    pub(super) fn tcp_refused(&mut self, number: u32, received: u64, why: String) {
        if let Some(tcp) = self.tcp(number) {
            tcp.info.received += received;
            tcp.info.termination = why.into();
        }
    }

    fn tcp_forward(&mut self, up: Key, bytes: &[u8]) {
        if let Some(it) = self.ups.get_mut(up)
            && !bytes.is_empty()
        {
            it.wire.out.extend_from_slice(bytes);
            self.touch(ConnId::opened(up.index));
        }
    }

    pub(super) fn tcp_from_down(&mut self, number: u32, bytes: &[u8]) {
        let Some(tcp) = self.tcp(number) else { return };
        match tcp.up.filter(|_| tcp.is_open) {
            Some(up) => {
                self.tcp_count_received(number, bytes.len());
                self.tcp_forward(up, bytes);
                self.tcp_rearm(number);
            }
            None => {
                tcp.early.extend_from_slice(bytes);
                if tcp.early.len() > EARLY_LIMIT {
                    self.set_paused(ConnId::accepted(number), true);
                }
            }
        }
    }

    /// Envoy reads a client's bytes once there is somewhere for them to go, and counts them then.
    fn tcp_count_received(&mut self, number: u32, length: usize) {
        let Some(tcp) = self.tcp(number) else { return };
        tcp.info.received += length as u64;
        let stats = tcp.settings.stats;
        self.stats.add(stats.downstream_cx_rx_bytes_total, length as u64);
    }

    pub(super) fn tcp_from_up(&mut self, number: u32, bytes: &[u8]) {
        let Some(tcp) = self.tcp(number) else { return };
        tcp.info.sent += bytes.len() as u64;
        let stats = tcp.settings.stats;
        self.stats.add(stats.downstream_cx_tx_bytes_total, bytes.len() as u64);
        if let Some(down) = self.down(number) {
            down.wire.out.extend_from_slice(bytes);
        }
        self.touch(ConnId::accepted(number));
        self.tcp_rearm(number);
    }

    pub(super) fn tcp_down_ended(&mut self, number: u32) {
        let Some(tcp) = self.tcp(number) else { return };
        tcp.down_ended = true;
        let (up, is_open, both) = (tcp.up, tcp.is_open, tcp.up_ended);
        if both {
            return self.tcp_close(number);
        }
        if let Some(up) = up.filter(|_| is_open) {
            self.end(ConnId::opened(up.index), Ending::HalfClose);
        }
    }

    pub(super) fn tcp_up_ended(&mut self, number: u32) {
        let Some(tcp) = self.tcp(number) else { return };
        tcp.up_ended = true;
        if tcp.down_ended {
            let up = tcp.up;
            if let Some(up) = up.and_then(|it| self.up(it)) {
                up.is_remote = true;
            }
            return self.tcp_close(number);
        }
        self.end(ConnId::accepted(number), Ending::HalfClose);
    }

    /// The host broke the connection off.
    pub(super) fn tcp_up_reset(&mut self, number: u32) {
        if let Some(tcp) = self.tcp(number).filter(|it| it.is_open) {
            tcp.info.flags.set(Flag::UpstreamRemoteReset);
        }
    }

    fn tcp_close(&mut self, number: u32) {
        if let Some(up) = self.tcp(number).and_then(|it| it.up) {
            self.end(ConnId::opened(up.index), Ending::Close);
        }
        self.end(ConnId::accepted(number), Ending::Close);
    }

    /// The connection to the host did not come about, or broke.
    pub(super) fn tcp_up_lost(
        &mut self,
        number: u32,
        was_open: bool,
        _is_timeout: bool,
        _why: &str,
        transport: &str,
    ) {
        let Some(tcp) = self.tcp(number) else { return };
        let host = tcp.up.take();
        let id = tcp.cluster;
        if was_open {
            tcp.up_ended = true;
            self.tcp_count_done(id);
            return self.end(ConnId::accepted(number), Ending::Close);
        }
        tcp.info.flags.set(Flag::UpstreamConnectionFailure);
        tcp.info.transport_failure = transport.to_owned().into();
        if let Some(cluster) = id.and_then(|id| self.cluster(id)) {
            let stat = cluster.stats.upstream_rq_pending_failure_eject;
            self.stats.inc(stat);
        }
        if let (Some(id), Some(_)) = (id, host)
            && let Some(address) = self.tcp(number).and_then(|it| it.info.upstream)
            && let Some(host) = self.cluster(id).and_then(|it| it.by_address.get(&address).copied())
        {
            self.outlier_result(id, host, 503, true);
        }
        self.tcp_connect(number);
    }

    fn tcp_count_done(&mut self, id: Option<usize>) {
        if let Some(cluster) = id.and_then(|id| self.cluster(id)) {
            let active = cluster.stats.upstream_rq_active;
            self.stats.dec(active);
        }
    }

    fn tcp_rearm(&mut self, number: u32) {
        let now = self.now;
        let Some(tcp) =
            self.downs.get_mut(number as usize).and_then(|it| it.as_deref_mut()).and_then(|it| match &mut it
                .state
            {
                State::Tcp(it) => Some(it),
                _ => None,
            })
        else {
            return;
        };
        if let Some(idle) = tcp.settings.idle {
            self.timers.put_off(&mut tcp.idle, now + idle, Timer::TcpIdle(number));
        }
    }

    pub(super) fn tcp_idle(&mut self, number: u32) {
        let Some(tcp) = self.tcp(number) else { return };
        tcp.idle = None;
        let stat = tcp.settings.stats.idle_timeout;
        self.stats.inc(stat);
        self.tcp_close(number);
    }

    pub(super) fn tcp_max_duration(&mut self, number: u32) {
        let Some(tcp) = self.tcp(number) else { return };
        tcp.max_duration = None;
        tcp.info.flags.set(Flag::DurationTimeout);
        let stat = tcp.settings.stats.max_downstream_connection_duration;
        self.stats.inc(stat);
        self.tcp_close(number);
    }

    /// The client is gone: so goes the connection to the host, and a line is logged.
    pub(super) fn tcp_forgotten(&mut self, number: u32, tcp: &mut Tcp, facts: &Rc<Connection>) {
        self.timers.cancel(&mut tcp.idle);
        self.timers.cancel(&mut tcp.max_duration);
        if let Some(up) = tcp.up.take() {
            if tcp.is_open {
                self.tcp_count_done(tcp.cluster);
            }
            self.end(ConnId::opened(up.index), Ending::Close);
        }
        if std::mem::replace(&mut tcp.is_logged, true) {
            return;
        }
        tcp.info.connection = facts.clone();
        self.note_end(number, &tcp.info);
        let settings = tcp.settings.clone();
        let none = HeaderMap::new();
        let subject = Subject {
            info: &tcp.info,
            request: &none,
            response: &none,
            trailers: &none,
            body: "",
            now: self.now,
        };
        self.log_to(&settings.logs, &subject);
    }
}
