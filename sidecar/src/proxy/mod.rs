//! The proxy: inputs in, outputs out. It owns every connection, request and cluster.
//!
//! Called by a driver, which moves bytes and knows the time. Each file beside this one holds one part of its work.
//! Always: after each `handle` the driver calls `poll` until `Wait`; a connection that was closed is never named again.

mod access;
mod admin;
mod ads;
mod brought;
mod chain;
mod closing;
mod downstream;
mod exchange;
mod filters;
mod flow;
mod guard;
mod health;
mod http1_down;
mod http2_down;
mod http2_up;
mod lost;
mod names;
mod note;
mod outlier;
mod pool;
mod reply;
mod request;
mod response;
mod retrying;
mod router;
mod setup;
mod shadow;
pub mod slab;
mod stream;
mod tcp;
mod upstream;
mod wire;
mod xds;

use crate::access_log::{Sink, time};
use crate::cluster::Cluster;
use crate::config::bootstrap::Bootstrap;
use crate::random::Random;
use crate::route::RouteTable;
use crate::stats::Stats;
use crate::timer::Timers;
use chain::Listener;
use downstream::Down;
pub use note::Part;
use slab::{Key, Slab};
use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use stream::Stream;
use upstream::Up;
use wire::{Ending, Wire};

/// A connection. The driver numbers those it accepts, the proxy those it asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConnId(u32);

impl ConnId {
    /// One that the driver accepted, by its own number; the number is free again once the connection is closed.
    pub fn accepted(number: u32) -> ConnId {
        ConnId(number << 1)
    }

    fn opened(number: u32) -> ConnId {
        ConnId((number << 1) | 1)
    }

    /// The number, and whether the driver gave it.
    pub fn parts(self) -> (u32, bool) {
        (self.0 >> 1, self.0 & 1 == 0)
    }
}

/// What happened outside.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// A client connected. `original_dst`: where to, before a redirect.
    Accepted {
        conn: ConnId,
        listener: u32,
        local: SocketAddr,
        remote: SocketAddr,
        original_dst: Option<SocketAddr>,
    },
    /// A connection that was asked for is there; `local` is our end.
    Opened { conn: ConnId, local: SocketAddr },
    /// A connection that was asked for did not come about: "Connection refused".
    Failed { conn: ConnId, reason: &'a str },
    /// Bytes came.
    Data(ConnId, &'a [u8]),
    /// The peer sends no more.
    Ended(ConnId),
    /// The connection is gone.
    Closed { conn: ConnId, is_reset: bool },
    /// Many bytes wait to be sent.
    Blocked(ConnId),
    /// Few do.
    Drained(ConnId),
    /// The answer to `Resolve`; none for a name that could not be resolved.
    Resolved { name: &'a str, addresses: &'a [IpAddr] },
    /// A watched file has (new) contents.
    File { path: &'a str, contents: &'a [u8] },
    /// A server of discovery answered on the stream that `Output::Discovery` named; none: the stream is gone.
    Discovery { server: u32, response: Option<&'a str> },
    /// Time has passed.
    Time,
}

/// What is to be done outside.
#[derive(Debug)]
pub enum Output {
    /// Listen here.
    Listen { listener: u32, address: SocketAddr },
    /// Listen no more.
    Unlisten(u32),
    /// Connect; `from` is the address to bind to, `client` whose request it is for.
    Connect { conn: ConnId, to: SocketAddr, from: Option<IpAddr>, client: Option<ConnId> },
    /// Send.
    Send(ConnId, Vec<u8>),
    /// End our direction, once all is sent.
    End(ConnId),
    /// Close, once all is sent.
    Close(ConnId),
    /// Close at once.
    Reset(ConnId),
    /// Read no more.
    Pause(ConnId),
    /// Read again.
    Resume(ConnId),
    /// Look a name up.
    Resolve(String),
    /// Read this file, and again whenever it changes.
    Watch(String),
    /// Something was decided about what a client's connection brought; told only after `tell_decisions`.
    Note { conn: ConnId, part: Part, words: String },
    /// A connection that is there works for that client from now on; told only after `tell_decisions`.
    Serve { conn: ConnId, client: ConnId },
    /// Send a `DiscoveryRequest`, or a `DeltaDiscoveryRequest`, in its JSON form on the stream of this number to the
    /// hosts of a cluster.
    Discovery { server: u32, cluster: String, is_delta: bool, request: String },
    /// Write a line of an access log.
    Log { sink: Sink, line: Vec<u8> },
    /// All is done until an input, or until this time.
    Wait(Option<u64>),
}

/// What a timer is for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Timer {
    ListenerFilters(u32),
    DownIdle(u32),
    DownMaxDuration(u32),
    DownDrain(u32),
    DelayedClose(u32),
    Head(u32),
    StreamIdle(Key),
    StreamMaxDuration(Key),
    RequestTimeout(Key),
    Delay(Key),
    RouteTimeout(Key),
    PerTry(Key),
    PerTryIdle(Key),
    BackOff(Key),
    Connect(Key),
    UpIdle(Key),
    TcpIdle(u32),
    TcpMaxDuration(u32),
    HealthCheck { cluster: usize, host: u32, check: usize },
    HealthTimeout(Key),
    Outliers(usize),
    Resolve(usize),
    Cleanup(usize),
    InitialFetch(u32),
    Reconnect(u32),
}

/// A proxy.
pub struct Proxy {
    pub(crate) now: u64,
    started: u64,
    pub(crate) stats: Stats,
    pub(crate) random: Random,
    pub(crate) timers: Timers<Timer>,
    output: VecDeque<Output>,
    listeners: Vec<Option<Listener>>,
    /// By number, which no other cluster ever gets.
    pub(crate) clusters: Vec<Option<Box<Cluster>>>,
    cluster_names: BTreeMap<Rc<str>, usize>,
    route_tables: BTreeMap<String, Rc<RouteTable>>,
    downs: Vec<Option<Box<Down>>>,
    ups: Slab<Up>,
    streams: Slab<Stream>,
    /// Connections with something to send, or to close.
    unflushed: Vec<ConnId>,
    /// Downstream connections whose held bytes may be read now.
    resumed: Vec<u32>,
    bootstrap: Rc<Bootstrap>,
    read_file: Rc<dyn Fn(&str) -> Result<Vec<u8>, String>>,
    discovery: xds::Discovery,
    is_failing_checks: bool,
    is_draining: bool,
    is_telling: bool,
    connections: u64,
    /// This machine's address, which stands for clients on the loopback.
    own_address: IpAddr,
    date: (u64, Rc<str>),
    node_cluster: String,
    node_id: String,
    #[cfg(feature = "tls")]
    tls: crate::tls::Means,
}

const SECOND: u64 = 1_000_000_000;

impl Proxy {
    /// Takes an input in at a time: nanoseconds since 1970, never less than before.
    pub fn handle(&mut self, now: u64, input: Input<'_>) {
        self.now = self.now.max(now);
        #[cfg(feature = "tls")]
        self.tls.clock.set(self.now / SECOND);
        match input {
            Input::Accepted { conn, listener, local, remote, original_dst } => {
                self.accepted(conn.parts().0, listener, local, remote, original_dst);
            }
            Input::Opened { conn, local } => self.up_opened(conn.parts().0, local),
            Input::Failed { conn, reason } => self.up_failed(conn.parts().0, reason),
            Input::Data(conn, bytes) => match conn.parts() {
                (number, true) => self.down_data(number, bytes),
                (number, false) => self.up_data(number, bytes),
            },
            Input::Ended(conn) => match conn.parts() {
                (number, true) => self.down_ended(number),
                (number, false) => self.up_ended(number),
            },
            Input::Closed { conn, is_reset } => match conn.parts() {
                (number, true) => self.down_closed(number),
                (number, false) => self.up_closed(number, is_reset),
            },
            Input::Blocked(conn) => self.set_blocked(conn, true),
            Input::Drained(conn) => self.set_blocked(conn, false),
            Input::Resolved { name, addresses } => self.resolved(name, addresses),
            Input::File { path, contents } => self.file_changed(path, contents),
            Input::Discovery { server, response } => self.discovered(server, response),
            Input::Time => {}
        }
        self.run_timers();
        while let Some(number) = self.resumed.pop() {
            self.resume_down(number);
        }
    }

    /// The next thing to do.
    pub fn poll(&mut self) -> Output {
        while self.output.is_empty() {
            let Some(conn) = self.unflushed.pop() else { return Output::Wait(self.timers.next_at()) };
            self.flush(conn);
        }
        self.output.pop_front().unwrap_or(Output::Wait(None))
    }

    fn wire(&mut self, conn: ConnId) -> Option<&mut Wire> {
        match conn.parts() {
            (number, true) => self.downs.get_mut(number as usize)?.as_mut().map(|it| &mut it.wire),
            (number, false) => {
                let key = self.ups.key_at(number)?;
                self.ups.get_mut(key).map(|it| &mut it.wire)
            }
        }
    }

    /// Lists a connection for flushing.
    pub(crate) fn touch(&mut self, conn: ConnId) {
        if let Some(wire) = self.wire(conn)
            && !std::mem::replace(&mut wire.is_listed, true)
        {
            self.unflushed.push(conn);
        }
    }

    /// Ends a connection once its bytes are out.
    pub(crate) fn end(&mut self, conn: ConnId, how: Ending) {
        if let Some(wire) = self.wire(conn)
            && (wire.end == Ending::Open || how == Ending::Reset || how == Ending::Close)
        {
            wire.end = how;
            self.touch(conn);
        }
    }

    fn flush(&mut self, conn: ConnId) {
        let Some(wire) = self.wire(conn) else { return };
        wire.is_listed = false;
        let (bytes, end) = (wire.take(), wire.end);
        let sent = bytes.len() as u64;
        if !bytes.is_empty() && end != Ending::Reset {
            self.output.push_back(Output::Send(conn, bytes));
            self.count_sent(conn, sent);
        }
        match end {
            Ending::Open => {}
            Ending::HalfClose => self.output.push_back(Output::End(conn)),
            Ending::Close | Ending::Reset => {
                let output = if end == Ending::Close { Output::Close(conn) } else { Output::Reset(conn) };
                match conn.parts() {
                    // What is told of a client's end comes ahead of it.
                    (number, true) => {
                        self.forget_down(number);
                        self.output.push_back(output);
                    }
                    (number, false) => {
                        self.output.push_back(output);
                        self.forget_up(number);
                    }
                }
            }
        }
    }

    /// Stops or starts reading.
    pub(crate) fn set_paused(&mut self, conn: ConnId, paused: bool) {
        let Some(wire) = self.wire(conn) else { return };
        if wire.is_paused != paused {
            wire.is_paused = paused;
            self.output.push_back(if paused { Output::Pause(conn) } else { Output::Resume(conn) });
        }
    }

    fn run_timers(&mut self) {
        while let Some(timer) = self.timers.pop(self.now) {
            match timer {
                Timer::ListenerFilters(down) => self.listener_filters_timeout(down),
                Timer::DownIdle(down) => self.down_idle(down),
                Timer::DownMaxDuration(down) => self.down_max_duration(down),
                Timer::DownDrain(down) => self.down_drained(down),
                Timer::DelayedClose(down) => self.delayed_close(down),
                Timer::Head(down) => self.head_timeout(down),
                Timer::StreamIdle(key) => self.stream_idle(key),
                Timer::StreamMaxDuration(key) => self.stream_max_duration(key),
                Timer::RequestTimeout(key) => self.request_timeout(key),
                Timer::Delay(key) => self.delay_over(key),
                Timer::RouteTimeout(key) => self.route_timeout(key),
                Timer::PerTry(key) | Timer::PerTryIdle(key) => self.per_try_timeout(key),
                Timer::BackOff(key) => self.back_off_over(key),
                Timer::Connect(key) => self.connect_timeout(key),
                Timer::UpIdle(key) => self.up_idle(key),
                Timer::TcpIdle(down) => self.tcp_idle(down),
                Timer::TcpMaxDuration(down) => self.tcp_max_duration(down),
                Timer::HealthCheck { cluster, host, check } => self.health_check(cluster, host, check),
                Timer::HealthTimeout(key) => self.health_timeout(key),
                Timer::Outliers(cluster) => self.outlier_interval(cluster),
                Timer::Resolve(cluster) => self.resolve(cluster),
                Timer::Cleanup(cluster) => self.cleanup(cluster),
                Timer::InitialFetch(number) => self.initial_fetch_over(number),
                Timer::Reconnect(server) => self.reconnect(server),
            }
        }
    }

    pub(crate) fn cluster(&mut self, id: usize) -> Option<&mut Cluster> {
        self.clusters.get_mut(id)?.as_deref_mut()
    }

    pub(crate) fn cluster_named(&self, name: &str) -> Option<usize> {
        self.cluster_names.get(name).copied()
    }

    /// `Date`, made once a second.
    pub(crate) fn date(&mut self) -> Rc<str> {
        if self.date.0 != self.now / SECOND {
            self.date = (self.now / SECOND, time::http_date(self.now).into());
        }
        self.date.1.clone()
    }
}
