//! Listeners as they run, and which of their filter chains a connection gets.
//!
//! A chain is found criterion by criterion, as Envoy does: of those left, the ones that name the connection's own value
//! most specifically stay, else the ones that name none.
//! Source: envoy.config.listener.v3.FilterChainMatch.

use super::tcp::TcpSettings;
use crate::access_log::AccessLog;
use crate::config::extension::{ListenerFilterConfig, NetworkFilter, TransportSocketConfig};
use crate::config::listener as config;
use crate::hcm::Settings;
use crate::hcm::settings::Surroundings;
use crate::matcher::cidr;
use crate::source;
use crate::stats::Stat;
use ipnet::IpNet;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;

/// What a connection says before a chain is chosen for it.
pub struct Facts<'a> {
    /// Where it is to go.
    pub local: SocketAddr,
    /// Where it comes from.
    pub remote: SocketAddr,
    /// The server name of a ClientHello.
    pub server_name: &'a str,
    /// "tls" or "raw_buffer".
    pub transport: &'a str,
    /// Application protocols.
    pub protocols: &'a [String],
}

/// What runs on a connection.
pub enum App {
    /// The connection manager.
    Http(Rc<Settings>),
    /// A TCP proxy.
    Tcp(Rc<TcpSettings>),
    /// Nothing: it is closed.
    Nothing,
}

/// A filter ahead of the last one.
pub enum Guard {
    /// Access control.
    Rbac(crate::filter::rbac::NetworkRbac),
    /// So many connections, and the gauge that counts them.
    Limit { max: u64, active: Stat, limited: Stat },
}

#[derive(Default)]
struct Match {
    port: Option<u16>,
    destinations: Vec<IpNet>,
    server_names: Vec<String>,
    transport: String,
    protocols: Vec<String>,
    direct_sources: Vec<IpNet>,
    source: config::ConnectionSourceType,
    sources: Vec<IpNet>,
    source_ports: Vec<u32>,
}

/// A filter chain.
pub struct Chain {
    /// Its name.
    pub name: Rc<str>,
    matching: Match,
    /// TLS towards the client.
    #[cfg(feature = "tls")]
    pub tls: Option<crate::tls::Acceptor>,
    /// Filters ahead of the last.
    pub guards: Vec<Guard>,
    /// The last.
    pub app: App,
    /// Under a connection manager the listener's counts of its answers: of all, and of each hundred codes.
    pub answers: Option<Rc<[Stat; 6]>>,
}

/// What listener filters look at.
#[derive(Clone, Copy, Debug, Default)]
pub struct Looks {
    /// The original destination.
    pub original_dst: bool,
    /// A ClientHello.
    pub tls: bool,
    /// The first bytes of HTTP.
    pub http: bool,
}

/// A listener.
pub struct Listener {
    /// Its configuration.
    pub config: config::Listener,
    /// Its address.
    pub address: SocketAddr,
    /// Its filter chains, the default one last.
    pub chains: Vec<Rc<Chain>>,
    has_default: bool,
    /// Its listener filters.
    pub looks: Looks,
    /// How long they may look.
    pub looks_timeout: Option<u64>,
    /// Whether the driver listens for it.
    pub is_bound: bool,
    /// Whether it was stopped for good by a drain.
    pub is_stopped: bool,
    /// Its own access logs: a line for each connection that ends.
    pub logs: Rc<[AccessLog]>,
    /// `listener.ADDRESS.`
    pub prefix: String,
}

fn nets(all: &[crate::config::core::CidrRange]) -> Result<Vec<IpNet>, String> {
    all.iter().map(cidr).collect()
}

impl Match {
    fn new(config: Option<&config::FilterChainMatch>) -> Result<Match, String> {
        let Some(it) = config else { return Ok(Match::default()) };
        Ok(Match {
            port: it.destination_port.map(|it| it as u16),
            destinations: nets(&it.prefix_ranges)?,
            server_names: it.server_names.iter().map(|it| it.to_ascii_lowercase()).collect(),
            transport: it.transport_protocol.clone(),
            protocols: it.application_protocols.clone(),
            direct_sources: nets(&it.direct_source_prefix_ranges)?,
            source: it.source_type,
            sources: nets(&it.source_prefix_ranges)?,
            source_ports: it.source_ports.clone(),
        })
    }
}

/// How specifically a list of ranges names an address: none where it does not, nought where it is empty.
fn within(nets: &[IpNet], ip: IpAddr) -> Option<usize> {
    if nets.is_empty() {
        return Some(0);
    }
    nets.iter().filter(|it| it.contains(&ip)).map(|it| usize::from(it.prefix_len()) + 1).max()
}

fn named(patterns: &[String], name: &str) -> Option<usize> {
    if patterns.is_empty() {
        return Some(0);
    }
    let fits = |it: &&String| match it.strip_prefix('*') {
        Some(ending) => name.len() > ending.len() && name.ends_with(ending),
        None => *it == name,
    };
    patterns.iter().filter(fits).map(|it| if it.starts_with('*') { it.len() } else { usize::MAX }).max()
}

fn is_or_unset(is_unset: bool, fits: bool) -> Option<usize> {
    if is_unset { Some(0) } else { fits.then_some(1) }
}

impl Chain {
    /// How specifically each criterion names the connection, in the order in which they decide.
    fn scores(&self, facts: &Facts<'_>) -> [Option<usize>; 9] {
        let it = &self.matching;
        let is_local = facts.remote.ip() == facts.local.ip() || facts.remote.ip().is_loopback();
        let source = match it.source {
            config::ConnectionSourceType::Any => Some(0),
            config::ConnectionSourceType::SameIpOrLoopback => is_local.then_some(1),
            config::ConnectionSourceType::External => (!is_local).then_some(1),
        };
        [
            is_or_unset(it.port.is_none(), it.port == Some(facts.local.port())),
            within(&it.destinations, facts.local.ip()),
            named(&it.server_names, facts.server_name),
            is_or_unset(it.transport.is_empty(), it.transport == facts.transport),
            is_or_unset(it.protocols.is_empty(), it.protocols.iter().any(|it| facts.protocols.contains(it))),
            within(&it.direct_sources, facts.remote.ip()),
            source,
            within(&it.sources, facts.remote.ip()),
            is_or_unset(
                it.source_ports.is_empty(),
                it.source_ports.contains(&u32::from(facts.remote.port())),
            ),
        ]
    }
}

impl Listener {
    /// Compiles a configuration; an error is Envoy's text for it.
    pub fn new(
        config: &config::Listener,
        around: &mut Surroundings<'_>,
        #[cfg(feature = "tls")] tls: &dyn Fn(
            &crate::config::tls_context::DownstreamTlsContext,
        ) -> Result<crate::tls::Acceptor, String>,
    ) -> Result<Listener, String> {
        let address = config.address.as_ref().ok_or("error adding listener: address is required")?;
        let address = source::socket_address(address)?;
        let mut looks = Looks { original_dst: config.use_original_dst == Some(true), ..Looks::default() };
        for filter in &config.listener_filters {
            match filter.typed() {
                Some(ListenerFilterConfig::OriginalDst(_)) => looks.original_dst = true,
                Some(ListenerFilterConfig::TlsInspector(_)) => looks.tls = true,
                Some(ListenerFilterConfig::HttpInspector(_)) => looks.http = true,
                _ => return Err(format!("Didn't find a registered implementation for '{}'", filter.name)),
            }
        }
        let mut chains = Vec::new();
        let stat_name =
            if config.stat_prefix.is_empty() { address.to_string() } else { config.stat_prefix.clone() };
        let prefix = format!("listener.{}.", stat_name.replace(':', "_"));
        for chain in config.filter_chains.iter().chain(&config.default_filter_chain) {
            chains.push(Rc::new(Listener::chain(
                chain,
                &prefix,
                around,
                #[cfg(feature = "tls")]
                tls,
            )?));
        }
        if chains.is_empty() {
            return Err(format!("error adding listener '{address}': no filter chains specified"));
        }
        Ok(Listener {
            address,
            chains,
            has_default: config.default_filter_chain.is_some(),
            looks,
            looks_timeout: source::timeout(
                config.listener_filters_timeout,
                Some(std::time::Duration::from_secs(15)),
            ),
            is_bound: false,
            is_stopped: false,
            logs: crate::access_log::all(&config.access_log, around.read)?.into(),
            prefix,
            config: config.clone(),
        })
    }

    fn chain(
        config: &config::FilterChain,
        prefix: &str,
        around: &mut Surroundings<'_>,
        #[cfg(feature = "tls")] tls: &dyn Fn(
            &crate::config::tls_context::DownstreamTlsContext,
        ) -> Result<crate::tls::Acceptor, String>,
    ) -> Result<Chain, String> {
        let (mut guards, mut app, mut answers) = (Vec::new(), App::Nothing, None);
        for filter in &config.filters {
            match filter.typed() {
                Some(NetworkFilter::HttpConnectionManager(it)) => {
                    let settings = Settings::new(it, around)?;
                    let name = |it| format!("{prefix}{}downstream_rq_{it}", settings.prefix);
                    let counted = ["completed", "1xx", "2xx", "3xx", "4xx", "5xx"];
                    answers = Some(Rc::new(counted.map(|it| around.stats.counter(&name(it)))));
                    app = App::Http(Rc::new(settings));
                }
                Some(NetworkFilter::TcpProxy(it)) => app = App::Tcp(Rc::new(TcpSettings::new(it, around)?)),
                Some(NetworkFilter::Rbac(it)) => {
                    guards.push(Guard::Rbac(crate::filter::rbac::NetworkRbac::new(it)?))
                }
                Some(NetworkFilter::ConnectionLimit(it)) => {
                    let prefix = format!("connection_limit.{}.", it.stat_prefix);
                    guards.push(Guard::Limit {
                        max: it.max_connections.unwrap_or(u64::MAX),
                        active: around.stats.gauge(&format!("{prefix}active_connections")),
                        limited: around.stats.counter(&format!("{prefix}limited_connections")),
                    });
                }
                _ => return Err(format!("Didn't find a registered implementation for '{}'", filter.name)),
            }
        }
        #[cfg(feature = "tls")]
        let socket = match config.transport_socket.as_ref().map(|it| it.typed()) {
            Some(Some(TransportSocketConfig::DownstreamTls(it))) => Some(tls(it)?),
            Some(Some(TransportSocketConfig::RawBuffer(_))) | None => None,
            Some(_) => return Err("transport_socket: no downstream transport socket".to_owned()),
        };
        #[cfg(not(feature = "tls"))]
        if !matches!(
            config.transport_socket.as_ref().map(|it| it.typed()),
            None | Some(Some(TransportSocketConfig::RawBuffer(_)))
        ) {
            return Err("transport_socket: TLS is not built in".to_owned());
        }
        Ok(Chain {
            name: config.name.as_str().into(),
            matching: Match::new(config.filter_chain_match.as_ref())?,
            #[cfg(feature = "tls")]
            tls: socket,
            guards,
            app,
            answers,
        })
    }

    /// The chain of a connection; none if no one is for it.
    pub fn find(&self, facts: &Facts<'_>) -> Option<&Rc<Chain>> {
        let (own, default) = self.chains.split_at(self.chains.len() - usize::from(self.has_default));
        let scores: Vec<_> = own.iter().map(|it| it.scores(facts)).collect();
        let mut left: Vec<usize> = (0..own.len()).collect();
        for criterion in 0..9 {
            let best = left.iter().filter_map(|at| scores[*at][criterion]).max();
            left.retain(|at| scores[*at][criterion].is_some() && scores[*at][criterion] == best);
        }
        left.first().map(|at| &own[*at]).or(default.first())
    }
}

impl Chain {
    /// A chain for every connection.
    pub fn plain(app: App) -> Chain {
        Chain {
            name: "".into(),
            matching: Match::default(),
            #[cfg(feature = "tls")]
            tls: None,
            guards: Vec::new(),
            app,
            answers: None,
        }
    }
}

impl Listener {
    /// The listener of the admin page.
    pub fn plain(address: SocketAddr, chain: Chain) -> Listener {
        Listener {
            config: config::Listener::default(),
            address,
            chains: vec![Rc::new(chain)],
            has_default: false,
            looks: Looks::default(),
            looks_timeout: None,
            is_bound: false,
            is_stopped: false,
            logs: Rc::new([]),
            prefix: "listener.admin.".to_owned(),
        }
    }

    /// Whether it is that of the admin page.
    pub fn is_admin(&self) -> bool {
        self.chains.iter().any(|it| matches!(&it.app, App::Http(settings) if settings.is_admin))
    }
}

/// What the first bytes say of HTTP: none yet, or the protocol if it is one.
pub fn http_protocol(bytes: &[u8]) -> Option<Option<&'static str>> {
    if bytes.len() < super::downstream::PREFACE.len() && super::downstream::PREFACE.starts_with(bytes) {
        return None;
    }
    if bytes.starts_with(super::downstream::PREFACE) {
        return Some(Some("h2c"));
    }
    let Some(end) = memchr::memchr(b'\n', bytes) else {
        let can_be =
            bytes.iter().take_while(|it| **it != b' ').all(u8::is_ascii_uppercase) && bytes.len() < 8192;
        return if can_be { None } else { Some(None) };
    };
    let line = bytes[..end].strip_suffix(b"\r").unwrap_or(&bytes[..end]);
    let method = line.split(|it| *it == b' ').next().unwrap_or_default();
    const METHODS: [&[u8]; 9] =
        [b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"CONNECT", b"OPTIONS", b"TRACE", b"PATCH"];
    Some(match () {
        _ if !METHODS.contains(&method) => None,
        _ if line.ends_with(b" HTTP/1.1") => Some("http/1.1"),
        _ if line.ends_with(b" HTTP/1.0") => Some("http/1.0"),
        _ => None,
    })
}
