//! Connections to hosts, shared by requests: HTTP/1 one after the other, HTTP/2 side by side.
//!
//! Source: Envoy's documentation "Connection pooling".

use super::retrying::Reset;
use super::router::Attempt;
use super::slab::Key;
use super::upstream::{Kind, Link};
use super::wire::Ending;
use super::{ConnId, Proxy, Timer};
use crate::cluster::breaker::Resource;
use crate::cluster::{Cluster, Protocol};
use crate::http2::Code;
use crate::stats::Stats;
use std::net::SocketAddr;

impl Cluster {
    /// The host of an address that a client named itself.
    pub(crate) fn original_host(&mut self, address: SocketAddr, stats: &mut Stats) -> u32 {
        if let Some(id) = self.by_address.get(&address).copied() {
            if let Some(host) = self.hosts.get_mut(&id) {
                host.is_used = true;
            }
            return id;
        }
        let id = self.next_host;
        self.next_host += 1;
        let seen = crate::balance::Host { id, address: address.to_string(), weight: 1, ..Default::default() };
        self.hosts.insert(id, crate::cluster::Host::new(address, seen, crate::balance::Health::Healthy));
        self.by_address.insert(address, id);
        self.refresh(stats);
        id
    }
}

impl Proxy {
    /// Whether requests of this stream go over HTTP/2.
    fn is_http2(&mut self, key: Key, cluster: usize) -> bool {
        let is_down = self.stream(key).is_some_and(|it| it.info.protocol == Some("HTTP/2"));
        match self.cluster(cluster).map(|it| &it.protocol) {
            Some(Protocol::Http2) => true,
            Some(Protocol::SameAsDownstream) => is_down,
            _ => false,
        }
    }

    /// Finds a connection to a host for a request, or makes one.
    pub(super) fn pool_request(&mut self, key: Key, id: usize, host: u32) {
        let is_http2 = self.is_http2(key, id);
        // Where ALPN decides, a host may have connections of both kinds.
        let is_automatic = self.cluster(id).is_some_and(|it| it.protocol == Protocol::Automatic);
        let shared = match self.cluster(id).and_then(|it| it.hosts.get(&host)) {
            Some(it) if is_http2 || is_automatic => it.shared.clone(),
            _ => Vec::new(),
        };
        let mut ready = shared.into_iter().find(|up| self.ups.get(*up).is_some_and(|it| it.has_room()));
        if ready.is_none() && !is_http2 {
            ready = self.cluster(id).and_then(|it| it.hosts.get_mut(&host)?.idle.pop());
        }
        if let Some(up) = ready {
            return self.attach(up, key);
        }
        let priority = self.stream(key).and_then(|it| it.router.as_ref()).map_or(0, |it| it.priority);
        let Some(Some(cluster)) = self.clusters.get_mut(id) else { return };
        if !cluster.breakers[priority].allows(Resource::Pending) {
            self.stats.inc(cluster.stats.upstream_rq_pending_overflow);
            return self.attempt_failed(key, Reset::Overflow, "");
        }
        cluster.breakers[priority].add(Resource::Pending, &mut self.stats);
        self.stats.inc(cluster.stats.upstream_rq_pending_total);
        self.stats.inc(cluster.stats.upstream_rq_pending_active);
        let Some(it) = cluster.hosts.get_mut(&host) else { return };
        it.pending.push_back(key);
        let address = it.address;
        if let Some(stream) = self.streams.get_mut(key) {
            stream.info.upstream = Some(address);
        }
        let enough = if is_http2 { it.connecting > 0 } else { it.connecting as usize >= it.pending.len() };
        if !enough {
            self.pool_connect(id, host, priority, is_http2);
        }
    }

    /// Makes a connection for requests, if there may be one more; a host without any always gets one.
    fn pool_connect(&mut self, id: usize, host: u32, priority: usize, is_http2: bool) {
        let Some(Some(cluster)) = self.clusters.get_mut(id) else { return };
        let has_none = cluster.hosts.get(&host).is_none_or(|it| it.connections == 0);
        if !cluster.breakers[priority].allows(Resource::Connections) {
            self.stats.inc(cluster.stats.upstream_cx_overflow);
            if !has_none {
                return;
            }
        }
        let kind = if is_http2 { Kind::http2(cluster) } else { Kind::http1(cluster) };
        if let Some(it) = cluster.hosts.get_mut(&host) {
            it.connecting += 1;
        }
        self.connect(id, host, priority, kind, None);
    }

    /// Takes a request out of the queue of a host.
    fn unqueue(&mut self, key: Key, id: usize, host: u32) -> bool {
        let priority = self.stream(key).and_then(|it| it.router.as_ref()).map_or(0, |it| it.priority);
        let Some(Some(cluster)) = self.clusters.get_mut(id) else { return false };
        let Some(it) = cluster.hosts.get_mut(&host) else { return false };
        let Some(at) = it.pending.iter().position(|it| *it == key) else { return false };
        it.pending.remove(at);
        cluster.breakers[priority].sub(Resource::Pending, &mut self.stats);
        self.stats.dec(cluster.stats.upstream_rq_pending_active);
        true
    }

    /// Requests that wait for this host get its connection.
    pub(super) fn serve_pending(&mut self, up: Key) {
        loop {
            let Some(it) = self.ups.get(up) else { return };
            let (id, host) = (it.cluster, it.host);
            if !it.has_room() {
                return;
            }
            let Some(key) = self.cluster(id).and_then(|it| it.hosts.get(&host)?.pending.front().copied())
            else {
                break;
            };
            self.unqueue(key, id, host);
            self.attach(up, key);
        }
        self.park(up);
    }

    /// A connection without a request goes to the others that wait for one.
    fn park(&mut self, up: Key) {
        let Some(it) = self.ups.get(up) else { return };
        let (id, host, is_http1) = (it.cluster, it.host, matches!(it.kind, Kind::Http1 { .. }));
        let Some(Some(cluster)) = self.clusters.get_mut(id) else { return };
        let idle = cluster.idle_timeout;
        let Some(it) = cluster.hosts.get_mut(&host) else { return };
        if is_http1 && !it.idle.contains(&up) {
            it.idle.push(up);
        }
        let now = self.now;
        if let Some(it) = self.ups.get_mut(up)
            && it.active() == 0
        {
            match idle {
                Some(idle) => self.timers.put_off(&mut it.idle, now + idle, Timer::UpIdle(up)),
                None => self.timers.cancel(&mut it.idle),
            }
        }
    }

    /// A connection gets a request.
    fn attach(&mut self, up: Key, key: Key) {
        let Some(it) = self.ups.get_mut(up) else { return };
        let (id, host, address, local) = (it.cluster, it.host, it.address, it.local);
        let Some(stream) = self.streams.get_mut(key) else { return self.park(up) };
        stream.info.upstream = Some(address);
        stream.info.upstream_local = local;
        let priority = stream.router.as_ref().map_or(0, |it| it.priority);
        let Some(Some(cluster)) = self.clusters.get_mut(id) else { return };
        if !cluster.breakers[priority].allows(Resource::Requests) {
            self.stats.inc(cluster.stats.upstream_rq_active_overflow);
            self.park(up);
            return self.attempt_failed(key, Reset::Overflow, "");
        }
        cluster.breakers[priority].add(Resource::Requests, &mut self.stats);
        cluster.change_active(host, true);
        if let Some(it) = cluster.hosts.get_mut(&host) {
            it.totals.requests += 1;
        }
        self.stats.inc(cluster.stats.upstream_rq_total);
        self.stats.inc(cluster.stats.upstream_rq_active);
        self.note_serve(up, key);
        // The response before may have left it unread.
        self.set_paused(ConnId::opened(up.index), false);
        let Some(link) = self.up_begin(up, key) else { return };
        if let Some(attempt) =
            self.stream(key).and_then(|it| it.router.as_mut()).and_then(|it| it.attempt.as_mut())
        {
            attempt.link = link;
        }
        self.start_per_try(key);
        self.up_send_request(link, key);
    }

    /// The request on a connection is over; the connection serves others if it can.
    pub(super) fn detach(&mut self, link: Link, key: Key, is_reusable: bool) {
        let up = match link {
            Link::Pending => return,
            Link::Http1(up) | Link::Http2(up, _) => up,
        };
        let priority = self.stream(key).and_then(|it| it.router.as_ref()).map_or(0, |it| it.priority);
        if let Some(router) = self.stream(key).and_then(|it| it.router.as_mut()) {
            router.attempt = None;
        }
        self.release(up, link, priority);
        if is_reusable {
            self.up_reuse(up);
        }
    }

    /// Takes a request off a connection's counts.
    pub(super) fn release(&mut self, up: Key, link: Link, priority: usize) {
        let Some(it) = self.ups.get_mut(up) else { return };
        if !it.forget_request(link) {
            return;
        }
        let (id, host) = (it.cluster, it.host);
        let Some(Some(cluster)) = self.clusters.get_mut(id) else { return };
        cluster.breakers[priority].sub(Resource::Requests, &mut self.stats);
        cluster.change_active(host, false);
        self.stats.dec(cluster.stats.upstream_rq_active);
    }

    /// An attempt is no longer wanted.
    pub(super) fn abandon(&mut self, key: Key, id: usize, attempt: &Attempt) {
        match attempt.link {
            Link::Pending => {
                if self.unqueue(key, id, attempt.host)
                    && let Some(cluster) = self.cluster(id)
                {
                    let stat = cluster.stats.upstream_rq_cancelled;
                    self.stats.inc(stat);
                }
            }
            Link::Http1(up) => {
                self.release(up, attempt.link, self.priority_of(key));
                if let Some(it) = self.ups.get_mut(up) {
                    it.was_busy = true;
                }
                self.end(ConnId::opened(up.index), Ending::Close);
                self.drop_from_pool(up);
            }
            Link::Http2(up, stream) => {
                self.release(up, attempt.link, self.priority_of(key));
                self.count_stream_reset(id, None);
                self.up_reset_stream(up, stream, Code::Cancel);
                self.up_reuse(up);
            }
        }
    }

    /// Counts that a stream of HTTP/2 was reset: by us, or because of what the host did. HTTP/1 has no such count.
    pub(super) fn count_stream_reset(&mut self, id: usize, reset: Option<Reset>) {
        let Some(cluster) = self.cluster(id) else { return };
        let stats = cluster.stats;
        match reset {
            None | Some(Reset::Protocol) => self.stats.inc(stats.upstream_rq_tx_reset),
            Some(Reset::Remote) => self.stats.inc(stats.upstream_rq_rx_reset),
            Some(Reset::RemoteRefused | Reset::Overflow) => {}
            Some(
                Reset::RemoteConnectionFailure | Reset::ConnectionTimeout | Reset::ConnectionTermination,
            ) => {
                self.stats.inc(stats.upstream_rq_pending_failure_eject);
            }
        }
    }

    fn priority_of(&self, key: Key) -> usize {
        self.streams.get(key).and_then(|it| it.router.as_ref()).map_or(0, |it| it.priority)
    }

    /// A connection serves no more requests.
    pub(super) fn drop_from_pool(&mut self, up: Key) {
        let Some(it) = self.ups.get(up) else { return };
        let (id, host) = (it.cluster, it.host);
        if let Some(it) = self.cluster(id).and_then(|it| it.hosts.get_mut(&host)) {
            it.idle.retain(|it| *it != up);
            it.shared.retain(|it| *it != up);
        }
    }

    /// A host's requests that wait, when no connection to it came about.
    pub(super) fn fail_pending(&mut self, id: usize, host: u32, reset: Reset, why: &str, transport: &str) {
        let waiting: Vec<Key> = self
            .cluster(id)
            .and_then(|it| it.hosts.get(&host))
            .map_or(Vec::new(), |it| it.pending.iter().copied().collect());
        let address = self.cluster(id).and_then(|it| it.hosts.get(&host)).map(|it| it.address);
        for key in waiting {
            self.unqueue(key, id, host);
            if let Some(cluster) = self.cluster(id) {
                let stat = cluster.stats.upstream_rq_pending_failure_eject;
                self.stats.inc(stat);
            }
            if let Some(stream) = self.stream(key) {
                stream.info.upstream = address;
                stream.info.transport_failure = transport.to_owned().into();
            }
            self.attempt_failed(key, reset, why);
        }
    }

    /// After a connection went: the next one for those that wait.
    pub(super) fn replace_connection(&mut self, id: usize, host: u32, priority: usize, is_http2: bool) {
        let Some(it) = self.cluster(id).and_then(|it| it.hosts.get(&host)) else { return };
        let wants = if is_http2 {
            it.connecting == 0 && !it.pending.is_empty()
        } else {
            (it.connecting as usize) < it.pending.len()
        };
        if wants {
            self.pool_connect(id, host, priority, is_http2);
        }
    }
}
