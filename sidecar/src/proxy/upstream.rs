//! Connections to hosts: how they come about, and what is sent and read on them (`lost` has their ends).

use super::health::Check;
#[cfg(feature = "tls")]
use super::retrying::Reset;
use super::slab::Key;
use super::wire::{Ending, Wire};
use super::{ConnId, Output, Proxy, Timer};
use crate::cluster::breaker::Resource;
use crate::cluster::host::Totals;
use crate::cluster::{Cluster, Protocol};
use crate::http1::Decoder;
use crate::http1::encode::{Case, Framing};
use crate::http2;
use crate::stats::Stats;
use crate::timer::TimerId;
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// Where an attempt stands: on which connection, and stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    /// It waits for a connection.
    Pending,
    Http1(Key),
    Http2(Key, u32),
}

/// What a connection is for.
pub(crate) enum Kind {
    Http1 {
        decoder: Box<Decoder>,
        stream: Option<Key>,
        framing: Framing,
        closes: bool,
        case: Case,
        has_trailers: bool,
    },
    Http2 {
        codec: Box<http2::Codec>,
        streams: BTreeMap<u32, Key>,
        most: usize,
    },
    /// The client's connection.
    Tcp(u32),
    Check(Box<Check>),
}

impl Kind {
    pub fn http1(cluster: &Cluster) -> Kind {
        let decoder = Box::new(Decoder::responses(cluster.limits));
        let (case, has_trailers) = (cluster.case, cluster.has_trailers);
        Kind::Http1 { decoder, stream: None, framing: Framing::Plain, closes: false, case, has_trailers }
    }

    pub fn http2(cluster: &Cluster) -> Kind {
        let settings = http2::Settings::new(&cluster.http2, &cluster.limits);
        let most = settings.max_concurrent_streams as usize;
        Kind::Http2 { codec: Box::new(http2::Codec::client(settings)), streams: BTreeMap::new(), most }
    }
}

/// A connection to a host.
pub(crate) struct Up {
    pub cluster: usize,
    pub host: u32,
    pub address: SocketAddr,
    pub local: Option<SocketAddr>,
    pub priority: usize,
    pub kind: Kind,
    pub wire: Wire,
    pub connect: Option<TimerId>,
    pub idle: Option<TimerId>,
    pub is_open: bool,
    pub requests: u32,
    /// Whether the host ended it, and whether a request was under way then.
    pub is_remote: bool,
    pub was_busy: bool,
}

impl Up {
    /// Requests under way.
    pub fn active(&self) -> usize {
        match &self.kind {
            Kind::Http1 { stream, .. } => usize::from(stream.is_some()),
            Kind::Http2 { streams, .. } => streams.len(),
            Kind::Tcp(_) | Kind::Check(_) => 1,
        }
    }

    /// Whether it takes another request.
    pub fn has_room(&self) -> bool {
        self.is_open
            && self.wire.end == Ending::Open
            && match &self.kind {
                Kind::Http1 { stream, closes, .. } => stream.is_none() && !closes,
                Kind::Http2 { codec, streams, most } => streams.len() < *most && !codec.is_going_away(),
                Kind::Tcp(_) | Kind::Check(_) => false,
            }
    }

    /// Takes a request off; whether it was there.
    pub fn forget_request(&mut self, link: Link) -> bool {
        match (&mut self.kind, link) {
            (Kind::Http1 { stream, .. }, Link::Http1(_)) => stream.take().is_some(),
            (Kind::Http2 { streams, .. }, Link::Http2(_, id)) => streams.remove(&id).is_some(),
            _ => false,
        }
    }
}

fn count_protocol(kind: &Kind, cluster: &Cluster, stats: &mut Stats) {
    match kind {
        Kind::Http1 { .. } => stats.inc(cluster.stats.upstream_cx_http1_total),
        Kind::Http2 { .. } => stats.inc(cluster.stats.upstream_cx_http2_total),
        Kind::Tcp(_) | Kind::Check(_) => {}
    }
}

impl Proxy {
    pub(super) fn up(&mut self, key: Key) -> Option<&mut Up> {
        self.ups.get_mut(key)
    }

    /// Counts something of a host for the admin page.
    pub(super) fn count_host(&mut self, id: usize, host: u32, count: impl FnOnce(&mut Totals)) {
        if let Some(host) = self.cluster(id).and_then(|it| it.hosts.get_mut(&host)) {
            count(&mut host.totals);
        }
    }

    /// Asks for a connection to a host.
    pub(super) fn connect(
        &mut self,
        id: usize,
        host: u32,
        priority: usize,
        kind: Kind,
        to: Option<SocketAddr>,
    ) -> Option<Key> {
        let Some(Some(cluster)) = self.clusters.get_mut(id) else { return None };
        let it = cluster.hosts.get_mut(&host)?;
        it.connections += 1;
        it.totals.connections += 1;
        let address = to.unwrap_or(it.address);
        let client = match &kind {
            Kind::Tcp(down) => Some(*down),
            Kind::Check(_) => None,
            Kind::Http1 { .. } | Kind::Http2 { .. } => {
                it.pending.back().and_then(|key| self.streams.get(*key)?.owner.down())
            }
        };
        let timeout = cluster.connect_timeout;
        let from = cluster
            .config
            .upstream_bind_config
            .as_ref()
            .and_then(|it| it.source_address.as_ref()?.address.parse().ok());
        // Checks have connections of their own, which do not count.
        let is_check = matches!(kind, Kind::Check(_));
        if !is_check {
            self.stats.inc(cluster.stats.upstream_cx_total);
            self.stats.inc(cluster.stats.upstream_cx_active);
            cluster.breakers[priority].add(Resource::Connections, &mut self.stats);
        }
        if cluster.protocol != Protocol::Automatic {
            count_protocol(&kind, cluster, &mut self.stats);
        }
        let up = Up {
            cluster: id,
            host,
            address,
            local: None,
            priority,
            kind,
            wire: Wire::default(),
            connect: None,
            idle: None,
            is_open: false,
            requests: 0,
            is_remote: false,
            was_busy: false,
        };
        let key = self.ups.insert(up);
        let timer = self.timers.set(self.now + timeout, Timer::Connect(key));
        if let Some(up) = self.up(key) {
            up.connect = Some(timer);
        }
        let client = client.map(ConnId::accepted);
        self.output.push_back(Output::Connect { conn: ConnId::opened(key.index), to: address, from, client });
        Some(key)
    }

    pub(super) fn up_opened(&mut self, number: u32, local: SocketAddr) {
        let Some(key) = self.ups.key_at(number) else { return };
        let Some(up) = self.ups.get_mut(key) else { return };
        up.local = Some(local);
        #[cfg(feature = "tls")]
        {
            let Some(Some(cluster)) = self.clusters.get(up.cluster) else { return };
            if cluster.lacks_secrets {
                const REASON: &str = "TLS_error:|Secret is not supplied by SDS:TLS_error_end";
                self.output.push_back(Output::Close(ConnId::opened(number)));
                self.up_lost(key, Reset::RemoteConnectionFailure, "", REASON);
                return;
            }
            if let Some(connector) = cluster.tls.clone() {
                let hostname = cluster.hosts.get(&up.host).map_or("", |it| &it.seen.hostname);
                let alpn: Option<&[&str]> = match (&up.kind, &cluster.protocol) {
                    (Kind::Http2 { .. }, _) => Some(&["h2"]),
                    (Kind::Http1 { .. }, Protocol::Automatic) if !connector.has_alpn() => {
                        Some(&["h2", "http/1.1"])
                    }
                    _ => None,
                };
                match connector.connect(hostname, alpn) {
                    Ok(session) => {
                        up.wire.tls = Some(Box::new(session));
                        self.touch(ConnId::opened(number));
                    }
                    Err(reason) => {
                        self.output.push_back(Output::Close(ConnId::opened(number)));
                        self.up_lost(key, Reset::RemoteConnectionFailure, "", &reason);
                    }
                }
                return;
            }
        }
        self.up_ready(key);
    }

    /// A connection whose protocol was left to ALPN speaks what was agreed on: HTTP/1 but for `h2`.
    #[cfg(feature = "tls")]
    fn settle_protocol(&mut self, key: Key) {
        let Some(up) = self.ups.get_mut(key) else { return };
        let Some(Some(cluster)) = self.clusters.get(up.cluster) else { return };
        if cluster.protocol != Protocol::Automatic || !matches!(up.kind, Kind::Http1 { .. }) {
            return;
        }
        if up.wire.tls.as_ref().is_some_and(|it| it.alpn() == "h2") {
            up.kind = Kind::http2(cluster);
        }
        count_protocol(&up.kind, cluster, &mut self.stats);
    }

    /// The connection can be used.
    fn up_ready(&mut self, key: Key) {
        #[cfg(feature = "tls")]
        self.settle_protocol(key);
        let Some(up) = self.ups.get_mut(key) else { return };
        up.is_open = true;
        self.timers.cancel(&mut up.connect);
        let (id, host) = (up.cluster, up.host);
        let (is_http1, is_http2) =
            (matches!(up.kind, Kind::Http1 { .. }), matches!(up.kind, Kind::Http2 { .. }));
        let tcp = if let Kind::Tcp(down) = up.kind { Some(down) } else { None };
        if is_http1 || is_http2 {
            if let Some(it) = self.cluster(id).and_then(|it| it.hosts.get_mut(&host)) {
                it.connecting = it.connecting.saturating_sub(1);
                if is_http2 {
                    it.shared.push(key);
                }
            }
            self.touch(ConnId::opened(key.index));
            self.http2_up_flush(key);
            self.serve_pending(key);
        } else if let Some(down) = tcp {
            self.tcp_up_ready(down, key);
        } else {
            self.check_ready(key);
        }
    }

    pub(super) fn up_data(&mut self, number: u32, bytes: &[u8]) {
        let Some(key) = self.ups.key_at(number) else { return };
        let Some(up) = self.ups.get_mut(key) else { return };
        if up.wire.end != Ending::Open && !matches!(up.kind, Kind::Tcp(_)) {
            return;
        }
        let (id, is_check) = (up.cluster, matches!(up.kind, Kind::Check(_)));
        if let Some(Some(cluster)) = self.clusters.get(id)
            && !is_check
        {
            self.stats.add(cluster.stats.upstream_cx_rx_bytes_total, bytes.len() as u64);
        }
        #[cfg(feature = "tls")]
        if let Some(tls) = self.ups.get_mut(key).and_then(|it| it.wire.tls.as_mut()) {
            let mut plain = Vec::new();
            let result = tls.read(bytes, &mut plain);
            let (is_closed, is_set_up) = (tls.peer_closed(), !tls.is_handshaking());
            let was_open = self.ups.get(key).is_some_and(|it| it.is_open);
            self.touch(ConnId::opened(number));
            if let Err(reason) = result {
                self.up_tls_failed(key, &reason, was_open);
                return;
            }
            if is_set_up && !was_open {
                let name = self.cluster(id).map(|it| format!("{}ssl.handshake", it.prefix));
                name.iter().for_each(|it| self.stats.count(it));
                self.up_ready(key);
            }
            if !plain.is_empty() {
                self.up_plain(key, &plain);
            }
            if is_closed {
                self.up_ended(number);
            }
            return;
        }
        self.up_plain(key, bytes);
    }

    fn up_plain(&mut self, key: Key, bytes: &[u8]) {
        match self.up(key).map(|it| &it.kind) {
            Some(Kind::Http1 { .. }) => self.up_http1(key, bytes),
            Some(Kind::Http2 { .. }) => self.up_http2(key, bytes),
            Some(Kind::Tcp(down)) => {
                let down = *down;
                self.tcp_from_up(down, bytes);
            }
            Some(Kind::Check(_)) => self.check_data(key, bytes),
            None => {}
        }
    }

    pub(super) fn count_up_sent(&mut self, number: u32, sent: u64) {
        let Some(key) = self.ups.key_at(number) else { return };
        let own = self.ups.get(key).filter(|it| !matches!(it.kind, Kind::Check(_)));
        let Some(id) = own.map(|it| it.cluster) else { return };
        if let Some(cluster) = self.cluster(id) {
            let stat = cluster.stats.upstream_cx_tx_bytes_total;
            self.stats.add(stat, sent);
        }
    }
}
