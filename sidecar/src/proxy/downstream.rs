//! Connections from clients: listener filters, TLS, and then HTTP or TCP.

use super::access::Entry;
use super::chain::{App, Chain, Facts, Guard, http_protocol};
use super::http1_down::Http1;
use super::http2_down::Http2Down;
use super::tcp::Tcp;
use super::wire::Wire;
use super::{ConnId, Proxy, Timer};
use crate::access_log::{Flag, Info};
use crate::config::hcm::CodecType;
use crate::hcm::Settings;
use crate::http::Connection;
use crate::http1::Decoder;
use crate::http1::encode::Framing;
use crate::timer::TimerId;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;

/// The bytes an HTTP/2 client begins with.
pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Listener filters look at so many bytes.
const LOOK_LIMIT: usize = 64 * 1024;

/// How far a connection has come.
pub(crate) enum State {
    /// Listener filters look at its first bytes.
    Inspecting,
    /// TLS is being set up.
    #[cfg(feature = "tls")]
    Handshaking,
    /// HTTP of one version or the other.
    Sniffing,
    Http1(Box<Http1>),
    Http2(Box<Http2Down>),
    Tcp(Box<Tcp>),
    /// It ends, and what comes is not read.
    Closing,
}

/// A client's connection.
pub(crate) struct Down {
    pub listener: usize,
    /// The one that accepted it.
    pub accepted_by: usize,
    pub facts: Rc<Connection>,
    pub chain: Option<Rc<Chain>>,
    pub state: State,
    pub wire: Wire,
    pub sniffed: Vec<u8>,
    pub transport: &'static str,
    pub protocols: Vec<String>,
    pub idle: Option<TimerId>,
    pub max_duration: Option<TimerId>,
    pub head: Option<TimerId>,
    pub drain: Option<TimerId>,
    pub looks: Option<TimerId>,
    pub requests: u32,
    pub started: u64,
    pub is_draining: bool,
    /// Whether a connection manager took it, whether its end came from the client, and whether a request was under way.
    pub is_http: bool,
    pub is_remote: bool,
    pub was_busy: bool,
    /// Whether access control was asked.
    pub is_guarded: bool,
    pub received: u64,
    /// What the listener's own access logs say of it, if it has any.
    pub entry: Option<Box<Entry>>,
}

impl Down {
    fn new(listener: usize, local: SocketAddr, remote: SocketAddr, id: u64, now: u64) -> Down {
        let facts = Connection {
            local,
            direct_remote: remote,
            remote,
            id,
            server_name: String::new(),
            alpn: String::new(),
            is_tls: false,
            tls_version: "",
            peer: None,
            local_uri_sans: Vec::new(),
        };
        Down {
            listener,
            accepted_by: listener,
            facts: Rc::new(facts),
            chain: None,
            state: State::Inspecting,
            wire: Wire::default(),
            sniffed: Vec::new(),
            transport: "raw_buffer",
            protocols: Vec::new(),
            idle: None,
            max_duration: None,
            head: None,
            drain: None,
            looks: None,
            requests: 0,
            started: now,
            is_draining: false,
            is_http: false,
            is_remote: false,
            was_busy: false,
            is_guarded: false,
            received: 0,
            entry: None,
        }
    }

    pub fn settings(&self) -> Option<&Rc<Settings>> {
        match &self.chain.as_ref()?.app {
            App::Http(settings) => Some(settings),
            _ => None,
        }
    }
}

impl Proxy {
    pub(super) fn down(&mut self, number: u32) -> Option<&mut Down> {
        self.downs.get_mut(number as usize)?.as_deref_mut()
    }

    /// The listener of an address: its own, or that of its port on any address.
    fn listener_for(&self, local: SocketAddr) -> Option<usize> {
        let find = |is_own: &dyn Fn(IpAddr) -> bool| {
            let fits =
                |it: &super::chain::Listener| it.address.port() == local.port() && is_own(it.address.ip());
            self.listeners.iter().position(|it| it.as_ref().is_some_and(fits))
        };
        find(&|ip| ip == local.ip()).or_else(|| find(&|ip| ip.is_unspecified()))
    }

    pub(super) fn accepted(
        &mut self,
        number: u32,
        listener: u32,
        local: SocketAddr,
        remote: SocketAddr,
        original_dst: Option<SocketAddr>,
    ) {
        let mut at = listener as usize;
        let Some(Some(found)) = self.listeners.get(at) else {
            self.output.push_back(super::Output::Reset(ConnId::accepted(number)));
            return;
        };
        let mut local = local;
        let mut looks = found.looks;
        if looks.original_dst
            && let Some(original) = original_dst
        {
            local = original;
        }
        if found.config.use_original_dst == Some(true) {
            at = self.listener_for(local).unwrap_or(at);
            if let Some(Some(other)) = self.listeners.get(at) {
                looks = other.looks;
            }
        }
        let Some(Some(found)) = self.listeners.get(at) else { return };
        let (timeout, prefix) = (found.looks_timeout, found.prefix.clone());
        let logs = found.logs.clone();
        self.connections += 1;
        self.stats.count(&format!("{prefix}downstream_cx_total"));
        let active = self.stats.gauge(&format!("{prefix}downstream_cx_active"));
        self.stats.add(active, 1);
        let mut down = Down::new(at, local, remote, self.connections, self.now);
        down.accepted_by = listener as usize;
        if !logs.is_empty() {
            down.entry = Some(Box::new(Entry { info: Info::new(self.now, &down.facts, &"".into()), logs }));
        }
        let place = number as usize;
        if self.downs.len() <= place {
            self.downs.resize_with(place + 1, || None);
        }
        self.downs[place] = Some(Box::new(down));
        if looks.tls || looks.http {
            let timer = timeout.map(|it| self.timers.set(self.now + it, Timer::ListenerFilters(number)));
            if let Some(down) = self.down(number) {
                down.looks = timer;
            }
        } else {
            self.choose_chain(number);
        }
    }

    /// Listener filters look at what has come; once they have seen enough, the chain is chosen.
    fn inspect(&mut self, number: u32) {
        let Some(down) = self.downs.get_mut(number as usize).and_then(|it| it.as_deref_mut()) else { return };
        let Some(Some(listener)) = self.listeners.get(down.listener) else { return };
        let looks = listener.looks;
        #[cfg(feature = "tls")]
        if looks.tls {
            match crate::tls::inspect(&down.sniffed) {
                crate::tls::Inspect::More if down.sniffed.len() < LOOK_LIMIT => return,
                crate::tls::Inspect::Tls { server_name: sni, alpn } => {
                    let mut facts = (*down.facts).clone();
                    facts.server_name = sni.to_ascii_lowercase();
                    down.facts = Rc::new(facts);
                    down.transport = "tls";
                    down.protocols = alpn;
                }
                _ => {}
            }
        }
        if looks.http && down.transport != "tls" {
            match http_protocol(&down.sniffed) {
                None if down.sniffed.len() < LOOK_LIMIT => return,
                Some(Some(protocol)) => down.protocols = vec![protocol.to_owned()],
                _ => {}
            }
        }
        self.choose_chain(number);
    }

    pub(super) fn listener_filters_timeout(&mut self, number: u32) {
        let Some(down) = self.down(number) else { return };
        down.looks = None;
        let at = down.listener;
        let continues = self
            .listeners
            .get(at)
            .and_then(Option::as_ref)
            .map(|it| (it.config.continue_on_listener_filters_timeout, it.prefix.clone()));
        match continues {
            Some((true, _)) => self.choose_chain(number),
            Some((false, prefix)) => {
                self.stats.count(&format!("{prefix}downstream_pre_cx_timeout"));
                self.close_down(number);
            }
            None => self.close_down(number),
        }
    }

    fn choose_chain(&mut self, number: u32) {
        let Some(down) = self.downs.get_mut(number as usize).and_then(|it| it.as_deref_mut()) else { return };
        self.timers.cancel(&mut down.looks);
        let Some(Some(listener)) = self.listeners.get(down.listener) else { return };
        let facts = Facts {
            local: down.facts.local,
            remote: down.facts.direct_remote,
            server_name: &down.facts.server_name,
            transport: down.transport,
            protocols: &down.protocols,
        };
        let Some(chain) = listener.find(&facts).cloned() else {
            let name = format!("{}no_filter_chain_match", listener.prefix);
            if let Some(entry) = &mut down.entry {
                entry.info.flags.set(Flag::NoRouteFound);
                entry.info.details = "filter_chain_not_found".into();
            }
            self.stats.count(&name);
            self.close_down(number);
            return;
        };
        down.chain = Some(chain.clone());
        #[cfg(feature = "tls")]
        if let Some(acceptor) = &chain.tls {
            down.wire.tls = Some(Box::new(acceptor.accept()));
            down.state = State::Handshaking;
            let first = std::mem::take(&mut down.sniffed);
            if !first.is_empty() {
                self.down_data(number, &first);
            }
            return;
        }
        self.start_app(number);
    }

    /// Guards are asked, and the application begins.
    pub(super) fn start_app(&mut self, number: u32) {
        let Some(down) = self.down(number) else { return };
        let Some(chain) = down.chain.clone() else { return };
        for guard in &chain.guards {
            let allowed = match guard {
                // Asked once the first bytes are there.
                Guard::Rbac(_) => true,
                Guard::Limit { max, active, limited } => {
                    let allowed = self.stats.value(*active) < *max;
                    self.stats.inc(if allowed { *active } else { *limited });
                    allowed
                }
            };
            if !allowed {
                if let App::Tcp(settings) = &chain.app {
                    self.tcp_never(number, settings);
                }
                self.close_down(number);
                return;
            }
        }
        match &chain.app {
            App::Nothing => self.close_down(number),
            App::Tcp(settings) => self.start_tcp(number, settings.clone()),
            App::Http(settings) => self.start_http(number, settings.clone()),
        }
    }

    fn start_http(&mut self, number: u32, settings: Rc<Settings>) {
        self.stats.inc(settings.stats.downstream_cx_total);
        self.stats.inc(settings.stats.downstream_cx_active);
        let duration = settings
            .times
            .max_duration
            .map(|it| self.timers.set(self.now + it, Timer::DownMaxDuration(number)));
        let Some(down) = self.down(number) else { return };
        down.max_duration = duration;
        down.state = State::Sniffing;
        down.is_http = true;
        let looked_at = down.sniffed.len() as u64;
        self.stats.add(settings.stats.downstream_cx_rx_bytes_total, looked_at);
        self.set_down_idle(number);
        if let Some(down) = self.down(number)
            && (down.facts.is_tls || settings.codec != CodecType::Auto || !down.sniffed.is_empty())
        {
            self.sniff(number, settings);
        }
    }

    /// Decides for one version of HTTP as soon as that can be told.
    fn sniff(&mut self, number: u32, settings: Rc<Settings>) {
        let Some(down) = self.down(number) else { return };
        let seen = &down.sniffed;
        let is_http2 = match settings.codec {
            CodecType::Http2 => true,
            CodecType::Auto if down.facts.alpn == "h2" => true,
            CodecType::Auto if down.facts.alpn.is_empty() => {
                if seen.is_empty() || (seen.len() < PREFACE.len() && PREFACE.starts_with(seen)) {
                    return;
                }
                seen.starts_with(PREFACE)
            }
            _ => false,
        };
        let first = std::mem::take(&mut down.sniffed);
        if is_http2 {
            self.start_http2(number, &settings);
        } else {
            let http1 = Http1 {
                decoder: Decoder::requests(settings.limits),
                stream: None,
                held: Vec::new(),
                closes: false,
                ends_at_once: false,
                framing: Framing::Plain,
                ends_by_close: false,
            };
            down.state = State::Http1(Box::new(http1));
            self.stats.inc(settings.stats.downstream_cx_http1_total);
            self.stats.inc(settings.stats.downstream_cx_http1_active);
        }
        if !first.is_empty() {
            self.down_bytes(number, &first);
        }
    }

    pub(super) fn down_data(&mut self, number: u32, bytes: &[u8]) {
        let Some(down) = self.down(number) else { return };
        down.received += bytes.len() as u64;
        #[cfg(feature = "tls")]
        if let Some(tls) = &mut down.wire.tls {
            let mut plain = Vec::new();
            let result = tls.read(bytes, &mut plain);
            let (is_closed, is_open) = (tls.peer_closed(), !tls.is_handshaking());
            self.touch(ConnId::accepted(number));
            if let Err(reason) = result {
                return self.tls_failed(number, &reason);
            }
            if is_open && matches!(self.down(number).map(|it| &it.state), Some(State::Handshaking)) {
                self.handshaken(number);
            }
            if !plain.is_empty() {
                self.down_plain(number, &plain);
            }
            if is_closed {
                self.down_ended(number);
            }
            return;
        }
        self.down_plain(number, bytes);
    }

    /// Bytes without TLS, as they come.
    pub(super) fn down_plain(&mut self, number: u32, bytes: &[u8]) {
        if let Some(settings) = self.down(number).and_then(|it| it.settings()) {
            let stat = settings.stats.downstream_cx_rx_bytes_total;
            self.stats.add(stat, bytes.len() as u64);
        }
        self.down_bytes(number, bytes);
    }

    fn down_bytes(&mut self, number: u32, bytes: &[u8]) {
        if !self.is_guarded(number, bytes) {
            return;
        }
        let Some(down) = self.down(number) else { return };
        match &mut down.state {
            State::Inspecting => {
                down.sniffed.extend_from_slice(bytes);
                self.inspect(number);
            }
            #[cfg(feature = "tls")]
            State::Handshaking => {}
            State::Sniffing => {
                down.sniffed.extend_from_slice(bytes);
                if let Some(settings) = down.settings().cloned() {
                    self.sniff(number, settings);
                }
            }
            State::Http1(_) => self.down_http1(number, bytes),
            State::Http2(_) => self.down_http2(number, bytes),
            State::Tcp(_) => self.tcp_from_down(number, bytes),
            State::Closing => {}
        }
    }
}
