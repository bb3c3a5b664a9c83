//! How connections to hosts end, and what that means for the requests on them and for those that wait.

use super::health::Outcome;
use super::retrying::Reset;
use super::slab::Key;
use super::upstream::{Kind, Link, Up};
use super::wire::Ending;
use super::{ConnId, Output, Proxy};
use crate::cluster::Cluster;
use crate::cluster::breaker::Resource;
use crate::stats::Stats;

/// Counts a connection that is gone: whose doing it was, and whether a request was under way.
fn count_end(up: &Up, cluster: &mut Cluster, stats: &mut Stats) {
    if matches!(up.kind, Kind::Check(_)) {
        return;
    }
    let counts = &cluster.stats;
    stats.dec(counts.upstream_cx_active);
    stats.inc(counts.upstream_cx_destroy);
    let (ended, ended_busy) = if up.is_remote {
        (counts.upstream_cx_destroy_remote, counts.upstream_cx_destroy_remote_with_active_rq)
    } else {
        (counts.upstream_cx_destroy_local, counts.upstream_cx_destroy_local_with_active_rq)
    };
    stats.inc(ended);
    if up.was_busy || (up.is_open && matches!(up.kind, Kind::Tcp(_))) {
        stats.inc(counts.upstream_cx_destroy_with_active_rq);
        stats.inc(ended_busy);
    }
    cluster.breakers[up.priority].sub(Resource::Connections, stats);
}

impl Proxy {
    pub(super) fn up_failed(&mut self, number: u32, reason: &str) {
        let Some(key) = self.ups.key_at(number) else { return };
        if let Some(up) = self.up(key) {
            up.is_remote = true;
        }
        self.up_lost(key, Reset::RemoteConnectionFailure, &format!("delayed connect error: {reason}"), "");
    }

    pub(super) fn connect_timeout(&mut self, key: Key) {
        let Some(up) = self.up(key) else { return };
        up.connect = None;
        let id = up.cluster;
        if let Some(cluster) = self.cluster(id) {
            let stat = cluster.stats.upstream_cx_connect_timeout;
            self.stats.inc(stat);
        }
        self.output.push_back(Output::Reset(ConnId::opened(key.index)));
        self.up_lost(key, Reset::ConnectionTimeout, "", "");
    }

    /// A connection did not come about, or went: all that waits for it is told, and it is forgotten. What the driver is
    /// to do with it is said before: its number may stand for another one at once.
    pub(super) fn up_lost(&mut self, key: Key, reset: Reset, why: &str, transport: &str) {
        let Some(up) = self.ups.get_mut(key) else { return };
        let (id, host, was_open, priority) = (up.cluster, up.host, up.is_open, up.priority);
        let is_http2 = matches!(up.kind, Kind::Http2 { .. });
        up.was_busy |= was_open && up.active() > 0;
        let mut lost: Vec<(Key, Link)> = Vec::new();
        let mut tcp = None;
        let mut check = None;
        match &mut up.kind {
            Kind::Http1 { stream, .. } => lost.extend(stream.map(|it| (it, Link::Http1(key)))),
            Kind::Http2 { streams, .. } => {
                lost.extend(streams.iter().map(|(id, it)| (*it, Link::Http2(key, *id))))
            }
            Kind::Tcp(down) => tcp = Some(*down),
            Kind::Check(it) => check = Some((it.index, it.is_done)),
        }
        if !was_open
            && check.is_none()
            && let Some(cluster) = self.cluster(id)
        {
            let stat = cluster.stats.upstream_cx_connect_fail;
            self.stats.inc(stat);
            self.count_host(id, host, |it| it.connect_failures += 1);
        }
        for (stream, link) in &lost {
            let priority =
                self.streams.get(*stream).and_then(|it| it.router.as_ref()).map_or(0, |it| it.priority);
            self.release(key, *link, priority);
            if is_http2 {
                self.count_stream_reset(id, Some(reset));
            }
        }
        self.forget_up(key.index);
        for (stream, _) in lost {
            self.attempt_failed(stream, reset, why);
        }
        match (tcp, check) {
            (Some(down), _) => {
                self.tcp_up_lost(down, was_open, reset == Reset::ConnectionTimeout, why, transport)
            }
            (_, Some((index, is_done))) if !is_done => self.check_failed(id, host, index, Outcome::Silent),
            (None, None) if !was_open => self.fail_pending(id, host, reset, why, transport),
            (None, None) => self.replace_connection(id, host, priority, is_http2),
            _ => {}
        }
    }

    pub(super) fn forget_up(&mut self, number: u32) {
        let Some(key) = self.ups.key_at(number) else { return };
        self.drop_from_pool(key);
        let Some(mut up) = self.ups.remove(key) else { return };
        self.timers.cancel(&mut up.connect);
        self.timers.cancel(&mut up.idle);
        if let Kind::Check(check) = &mut up.kind {
            self.timers.cancel(&mut check.timer);
        }
        let Some(Some(cluster)) = self.clusters.get_mut(up.cluster) else { return };
        count_end(&up, cluster, &mut self.stats);
        let Some(host) = cluster.hosts.get_mut(&up.host) else { return };
        host.connections = host.connections.saturating_sub(1);
        if !up.is_open && matches!(up.kind, Kind::Http1 { .. } | Kind::Http2 { .. }) {
            host.connecting = host.connecting.saturating_sub(1);
        }
        if host.is_removed && host.connections == 0 && host.pending.is_empty() {
            cluster.hosts.remove(&up.host);
        }
    }

    #[cfg(feature = "tls")]
    pub(super) fn up_tls_failed(&mut self, key: Key, reason: &str, was_open: bool) {
        use crate::tls::failure::Kind as Failed;
        let Some(up) = self.up(key) else { return };
        let kind = up.wire.tls.as_ref().and_then(|it| it.failure()).map(|it| it.kind);
        let id = up.cluster;
        let name = match kind {
            Some(Failed::VerifyError) => "fail_verify_error",
            Some(Failed::VerifySan) => "fail_verify_san",
            Some(Failed::VerifyCertHash) => "fail_verify_cert_hash",
            Some(Failed::VerifyNoCert) => "fail_verify_no_cert",
            Some(Failed::Connection) | None => "connection_error",
        };
        if let Some(cluster) = self.cluster(id) {
            let prefix = cluster.prefix.clone();
            self.stats.count(&format!("{prefix}ssl.{name}"));
            if name != "connection_error" {
                self.stats.count(&format!("{prefix}ssl.connection_error"));
            }
        }
        self.flush(ConnId::opened(key.index));
        let reset = if was_open { Reset::ConnectionTermination } else { Reset::RemoteConnectionFailure };
        self.output.push_back(Output::Close(ConnId::opened(key.index)));
        self.up_lost(key, reset, reason, reason);
    }

    /// The upstream does not speak HTTP as it should.
    pub(super) fn up_broken(&mut self, key: Key, _request: Option<Key>) {
        let Some(up) = self.up(key) else { return };
        let id = up.cluster;
        if let Some(cluster) = self.cluster(id) {
            let stat = cluster.stats.upstream_cx_protocol_error;
            self.stats.inc(stat);
        }
        self.output.push_back(Output::Close(ConnId::opened(key.index)));
        self.up_lost(key, Reset::Protocol, "", "");
    }

    /// The upstream sends no more.
    pub(super) fn up_ended(&mut self, number: u32) {
        let Some(key) = self.ups.key_at(number) else { return };
        let Some(up) = self.up(key) else { return };
        if let Kind::Tcp(down) = up.kind {
            return self.tcp_up_ended(down);
        }
        up.is_remote = true;
        match &mut up.kind {
            Kind::Tcp(_) => {}
            Kind::Http1 { decoder, stream, closes, .. } => {
                let request = *stream;
                *closes = true;
                match (decoder.finish(), request) {
                    (Ok(true), Some(request)) => {
                        self.up_response_done(key, request);
                        self.upstream_end(request, None);
                    }
                    (Err(_), Some(request)) => return self.up_broken(key, Some(request)),
                    _ => {}
                }
            }
            Kind::Http2 { .. } => {}
            Kind::Check(_) => self.check_ended(key),
        }
        if self.ups.get(key).is_some_and(|it| it.wire.end == Ending::Open) {
            self.output.push_back(Output::Close(ConnId::opened(number)));
            self.up_lost(key, Reset::ConnectionTermination, "", "");
        }
    }

    /// The connection is gone: for HTTP/1 as if the upstream had ended it, whatever it was in the middle of.
    pub(super) fn up_closed(&mut self, number: u32, is_reset: bool) {
        let Some(key) = self.ups.key_at(number) else { return };
        let Some(up) = self.up(key) else { return };
        up.is_remote = true;
        if let Kind::Tcp(down) = up.kind
            && is_reset
        {
            self.tcp_up_reset(down);
        } else if matches!(up.kind, Kind::Http1 { stream: Some(_), .. }) {
            self.up_ended(number);
        }
        self.up_lost(key, Reset::ConnectionTermination, "", "");
    }

    /// The timer of a connection without requests fired. It is left to run while there are some.
    pub(super) fn up_idle(&mut self, key: Key) {
        let Some(up) = self.up(key) else { return };
        up.idle = None;
        let (id, is_idle) = (up.cluster, up.active() == 0);
        if is_idle {
            if let Some(cluster) = self.cluster(id) {
                let stat = cluster.stats.upstream_cx_idle_timeout;
                self.stats.inc(stat);
            }
            self.drop_from_pool(key);
            self.end(ConnId::opened(key.index), Ending::Close);
        }
    }
}
