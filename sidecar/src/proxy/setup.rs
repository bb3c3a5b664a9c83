//! A proxy is made of its bootstrap: clusters with their members, listeners, the admin page.

use super::chain::{App, Chain, Listener};
use super::{Output, Proxy, Timer, names, xds};
use crate::cluster::members::{self, Member};
use crate::cluster::{Cluster, Protocol};
use crate::config::access_log as config_log;
use crate::config::bootstrap::Bootstrap;
use crate::config::cluster::{self as config, ClusterClusterDiscoveryType as Discovery, DiscoveryType};
use crate::config::extension::TransportSocketConfig;
use crate::config::hcm::HttpConnectionManager;
use crate::config::listener;
use crate::hcm::Settings;
use crate::hcm::settings::Surroundings;
use crate::random::Random;
use crate::source;
use crate::stats::Stats;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;

/// Parts the row of numbers for handshakes from the row for all else.
#[cfg(feature = "tls")]
const TLS_SEED: u64 = 0x7a1c_5eed_0f7a_11e5;

type ReadAll = Rc<dyn Fn(&str) -> Result<Vec<u8>, String>>;

impl Proxy {
    /// A proxy of a bootstrap; an error is Envoy's text for what is wrong with it. `read` reads files; `own_address` is
    /// this machine's, which stands for clients on the loopback; `now` is in nanoseconds since 1970.
    pub fn new(
        bootstrap: Bootstrap,
        read: ReadAll,
        seed: u64,
        now: u64,
        own_address: IpAddr,
    ) -> Result<Proxy, String> {
        #[cfg(feature = "tls")]
        return Proxy::with_cryptography(
            bootstrap,
            read,
            seed,
            now,
            own_address,
            crate::tls::Cryptography::BEST_REPEATED,
        );
        #[cfg(not(feature = "tls"))]
        Proxy::build(bootstrap, read, seed, now, own_address)
    }

    /// `new`, with a choice of cryptography: without one it is that whose bytes can be had again, if it is built in.
    #[cfg(feature = "tls")]
    pub fn with_cryptography(
        bootstrap: Bootstrap,
        read: ReadAll,
        seed: u64,
        now: u64,
        own_address: IpAddr,
        cryptography: crate::tls::Cryptography,
    ) -> Result<Proxy, String> {
        Proxy::build(bootstrap, read, seed, now, own_address, cryptography)
    }

    fn build(
        bootstrap: Bootstrap,
        read: ReadAll,
        seed: u64,
        now: u64,
        own_address: IpAddr,
        #[cfg(feature = "tls")] cryptography: crate::tls::Cryptography,
    ) -> Result<Proxy, String> {
        let node_cluster = bootstrap.node.as_ref().map_or(String::new(), |it| it.cluster.clone());
        let bootstrap = Rc::new(bootstrap);
        let mut proxy = Proxy {
            now,
            started: now,
            stats: Stats::default(),
            random: Random::new(seed),
            timers: Default::default(),
            output: VecDeque::new(),
            listeners: Vec::new(),
            clusters: Vec::new(),
            cluster_names: BTreeMap::new(),
            route_tables: BTreeMap::new(),
            downs: Vec::new(),
            ups: Default::default(),
            streams: Default::default(),
            unflushed: Vec::new(),
            resumed: Vec::new(),
            bootstrap: bootstrap.clone(),
            read_file: read,
            discovery: xds::Discovery::default(),
            is_failing_checks: false,
            is_draining: false,
            is_telling: false,
            connections: 0,
            own_address,
            date: (0, "".into()),
            node_cluster,
            node_id: bootstrap.node.as_ref().map_or(String::new(), |it| it.id.clone()),
            #[cfg(feature = "tls")]
            tls: crate::tls::Means {
                clock: crate::tls::Clock::default(),
                chance: crate::tls::Chance::new(seed ^ TLS_SEED),
                cryptography,
            },
        };
        #[cfg(feature = "tls")]
        proxy.tls.clock.set(now / super::SECOND);
        proxy.start_discovery()?;
        let resources = bootstrap.static_resources.clone().unwrap_or_default();
        let mut names = BTreeSet::new();
        for cluster in &resources.clusters {
            if !names.insert(&cluster.name) {
                return Err(format!("cluster manager: duplicate cluster '{}'", cluster.name));
            }
            proxy.add_cluster(cluster)?;
        }
        for listener in &resources.listeners {
            proxy.bring_listener(listener.clone(), None)?;
        }
        if let Some(address) = bootstrap.admin.as_ref().and_then(|it| it.address.as_ref()) {
            let logs = bootstrap.admin.as_ref().map_or(&[][..], |it| &it.access_log);
            proxy.add_admin(source::socket_address(address)?, logs)?;
        }
        proxy.discovery.is_set_up = true;
        proxy.warmed();
        Ok(proxy)
    }

    /// Adds a cluster, or puts it in the place of one of the same name.
    pub(super) fn add_cluster(&mut self, config: &config::Cluster) -> Result<usize, String> {
        crate::config::check::cluster(config).map_err(|it| it.message)?;
        let seed = self.random.draw();
        let mut cluster = Cluster::new(config, seed, &mut self.stats);
        cluster.lacks_secrets = !self.want_secrets(&xds::secrets_of_cluster(config))?;
        #[cfg(feature = "tls")]
        if !cluster.lacks_secrets {
            cluster.tls = self.connector(config)?;
        }
        #[cfg(not(feature = "tls"))]
        if !matches!(
            config.transport_socket.as_ref().map(|it| it.typed()),
            None | Some(Some(TransportSocketConfig::RawBuffer(_)))
        ) {
            return Err("transport_socket: TLS is not built in".to_owned());
        }
        #[cfg(feature = "tls")]
        let has_alpn = cluster.tls.is_some() || cluster.lacks_secrets;
        #[cfg(not(feature = "tls"))]
        let has_alpn = false;
        if cluster.protocol == Protocol::Automatic && !has_alpn {
            return Err(format!(
                "ALPN configured for cluster {} which has a non-ALPN transport socket",
                config.name
            ));
        }
        let members = config.load_assignment.as_ref().map_or(Ok(Vec::new()), members::of_assignment)?;
        // One that takes another's place gets a number of its own: timers and answers for the other are for nobody.
        if let Some(id) = self.cluster_names.get(config.name.as_str()).copied() {
            self.forget_cluster(id);
        }
        self.clusters.push(Some(Box::new(cluster)));
        let id = self.clusters.len() - 1;
        self.cluster_names.insert(config.name.as_str().into(), id);
        self.discover_members(id, config, members)?;
        self.start_outliers(id);
        let active = self.stats.gauge("cluster_manager.active_clusters");
        self.stats.set(active, self.cluster_names.len() as u64);
        Ok(id)
    }

    /// Finds the members of a cluster in the way of its kind.
    fn discover_members(
        &mut self,
        id: usize,
        config: &config::Cluster,
        members: Vec<Member>,
    ) -> Result<(), String> {
        let kind = match config.cluster_discovery_type {
            Some(Discovery::Type(kind)) => kind,
            None => DiscoveryType::Static,
        };
        match kind {
            DiscoveryType::Static => {
                let mut found = Vec::new();
                for member in members {
                    let Some(address) = members::at(&member) else {
                        return Err(format!(
                            "malformed IP address: {}. Consider setting resolver_name or setting cluster type to 'STRICT_DNS' or 'LOGICAL_DNS'",
                            member.name.0
                        ));
                    };
                    found.push((address, member));
                }
                self.set_members(id, &found);
            }
            DiscoveryType::StrictDns | DiscoveryType::LogicalDns => {
                let is_logical = kind == DiscoveryType::LogicalDns;
                self.discovery.names.insert(id, names::Names { members, found: BTreeMap::new(), is_logical });
                self.resolve(id);
            }
            DiscoveryType::Eds => {
                self.set_members(id, &[]);
                let eds = config.eds_cluster_config.clone().unwrap_or_default();
                let name = if eds.service_name.is_empty() { config.name.clone() } else { eds.service_name };
                self.want(xds::Kind::Endpoints, &name, eds.eds_config.as_ref())?;
                self.assign(id, &name);
                self.discovery.assignments.insert(id, name);
            }
            DiscoveryType::OriginalDst => {
                self.set_members(id, &[]);
                self.timers.set(self.now + 5 * super::SECOND, Timer::Cleanup(id));
            }
        }
        Ok(())
    }

    #[cfg(feature = "tls")]
    pub(super) fn connector(
        &self,
        config: &config::Cluster,
    ) -> Result<Option<Rc<crate::tls::Connector>>, String> {
        match config.transport_socket.as_ref().map(|it| it.typed()) {
            Some(Some(TransportSocketConfig::UpstreamTls(it))) => {
                let (read, secrets) = (self.read_file.clone(), self.secrets());
                let load = |it: &crate::config::core::DataSource| source::bytes(it, &*read);
                let secret = |name: &str| secrets.get(name).cloned();
                let sources = crate::tls::Sources { load: &load, secret: &secret };
                Ok(Some(Rc::new(crate::tls::Connector::new(it, &sources, self.tls.clone())?)))
            }
            Some(Some(TransportSocketConfig::RawBuffer(_))) | None => Ok(None),
            Some(_) => Err("transport_socket: no upstream transport socket".to_owned()),
        }
    }

    /// Makes these the members of a cluster, and looks after those that came and went.
    pub(super) fn set_members(&mut self, id: usize, members: &[(SocketAddr, Member)]) {
        let Some(Some(cluster)) = self.clusters.get_mut(id) else { return };
        let (new, gone) = cluster.set_members(members, &mut self.stats);
        for host in new {
            self.start_checks(id, host);
        }
        for host in gone {
            self.leave_host(id, host);
        }
    }

    /// A host is a member no more: its idle connections end, the others with their requests.
    pub(super) fn leave_host(&mut self, id: usize, host: u32) {
        let Some(it) = self.cluster(id).and_then(|it| it.hosts.get_mut(&host)) else { return };
        let idle = std::mem::take(&mut it.idle);
        let shared = std::mem::take(&mut it.shared);
        let is_gone = it.connections == 0 && it.pending.is_empty();
        for key in idle.into_iter().chain(shared) {
            if self.ups.get(key).is_some_and(|it| it.active() == 0) {
                self.end(super::ConnId::opened(key.index), super::Ending::Close);
            }
        }
        if is_gone && let Some(cluster) = self.cluster(id) {
            cluster.hosts.remove(&host);
        }
    }

    fn remove_cluster_hosts(&mut self, id: usize) {
        let hosts: Vec<u32> = self.cluster(id).map_or(Vec::new(), |it| it.hosts.keys().copied().collect());
        hosts.into_iter().for_each(|host| self.leave_host(id, host));
        let keys: Vec<_> = self
            .ups
            .keys()
            .into_iter()
            .filter(|key| self.ups.get(*key).is_some_and(|it| it.cluster == id))
            .collect();
        for key in keys {
            self.output.push_back(Output::Reset(super::ConnId::opened(key.index)));
            self.up_lost(key, super::retrying::Reset::ConnectionTermination, "", "");
        }
    }

    fn forget_cluster(&mut self, id: usize) {
        self.remove_cluster_hosts(id);
        self.clusters[id] = None;
        self.discovery.names.remove(&id);
        self.discovery.assignments.remove(&id);
    }

    /// Takes a cluster away.
    pub(super) fn remove_cluster(&mut self, name: &str) {
        let Some(id) = self.cluster_names.remove(name) else { return };
        let prefix = self.cluster(id).map(|it| it.prefix.clone());
        self.forget_cluster(id);
        prefix.iter().for_each(|it| self.stats.forget(it));
        let active = self.stats.gauge("cluster_manager.active_clusters");
        self.stats.set(active, self.cluster_names.len() as u64);
    }

    pub(super) fn compile_listener(&mut self, config: &listener::Listener) -> Result<Listener, String> {
        let read = self.read_file.clone();
        #[cfg(feature = "tls")]
        let (secrets, means) = (self.secrets(), self.tls.clone());
        #[cfg(feature = "tls")]
        let tls = |context: &crate::config::tls_context::DownstreamTlsContext| {
            let load = |it: &crate::config::core::DataSource| source::bytes(it, &*read);
            let secret = |name: &str| secrets.get(name).cloned();
            crate::tls::Acceptor::new(
                context,
                &crate::tls::Sources { load: &load, secret: &secret },
                means.clone(),
            )
        };
        let names = &self.cluster_names;
        let knows = |name: &str| names.contains_key(name);
        let mut around = Surroundings { read: &*read, knows: &knows, stats: &mut self.stats };
        Listener::new(
            config,
            &mut around,
            #[cfg(feature = "tls")]
            &tls,
        )
    }

    /// Adds a listener, or puts it in the place of one of the same name.
    pub(super) fn add_listener(&mut self, config: &listener::Listener) -> Result<(), String> {
        crate::config::check::listener(config).map_err(|it| it.message)?;
        let listener = self.compile_listener(config)?;
        let at = self.listeners.iter().position(|it| {
            it.as_ref().is_some_and(|it| !config.name.is_empty() && it.config.name == config.name)
        });
        match at {
            Some(at) => self.replace_listener(at, listener),
            None => {
                self.listeners.push(Some(listener));
                self.bind_when_ready();
            }
        }
        self.count_listeners();
        Ok(())
    }

    fn replace_listener(&mut self, at: usize, mut listener: Listener) {
        let old = self.listeners[at].take();
        let keeps_socket = old.as_ref().is_some_and(|it| it.is_bound && it.address == listener.address);
        listener.is_bound = keeps_socket;
        self.listeners[at] = Some(listener);
        if old.is_some_and(|it| it.is_bound) && !keeps_socket {
            self.output.push_back(Output::Unlisten(at as u32));
        }
        self.drain_connections_of(at);
        self.bind_when_ready();
    }

    /// Connections of a listener that changed or went are let go after their next response.
    pub(super) fn drain_connections_of(&mut self, at: usize) {
        let numbers: Vec<u32> = (0..self.downs.len() as u32)
            .filter(|it| self.downs[*it as usize].as_ref().is_some_and(|it| it.listener == at))
            .collect();
        numbers.into_iter().for_each(|it| self.drain_down(it));
    }

    /// Takes a listener away.
    pub(super) fn remove_listener(&mut self, name: &str) {
        let Some(at) =
            self.listeners.iter().position(|it| it.as_ref().is_some_and(|it| it.config.name == name))
        else {
            return;
        };
        let was_bound = self.listeners[at].as_ref().is_some_and(|it| it.is_bound);
        self.drain_connections_of(at);
        self.listeners[at] = None;
        if was_bound {
            self.output.push_back(Output::Unlisten(at as u32));
        }
        self.count_listeners();
    }

    fn count_listeners(&mut self) {
        let count = self.listeners.iter().flatten().filter(|it| !it.is_admin()).count() as u64;
        let active = self.stats.gauge("listener_manager.total_listeners_active");
        self.stats.set(active, count);
    }

    /// Once all that the first requests need is there, the listeners listen.
    pub(super) fn bind_when_ready(&mut self) {
        if !self.discovery.is_set_up {
            return;
        }
        let is_ready = self.discovery.is_ready();
        for at in 0..self.listeners.len() {
            let Some(Some(listener)) = self.listeners.get_mut(at) else { continue };
            let binds = listener.config.bind_to_port != Some(false) && (is_ready || listener.is_admin());
            if binds
                && !listener.is_bound
                && !listener.is_stopped
                && !(self.is_draining && !listener.is_admin())
            {
                listener.is_bound = true;
                let address = listener.address;
                self.output.push_back(Output::Listen { listener: at as u32, address });
            }
        }
    }

    fn add_admin(&mut self, address: SocketAddr, logs: &[config_log::AccessLog]) -> Result<(), String> {
        let read = self.read_file.clone();
        let knows = |_: &str| true;
        let mut around = Surroundings { read: &*read, knows: &knows, stats: &mut self.stats };
        let config = HttpConnectionManager {
            stat_prefix: "admin".to_owned(),
            access_log: logs.to_vec(),
            ..HttpConnectionManager::default()
        };
        let mut settings = Settings::new(&config, &mut around)?;
        settings.is_admin = true;
        let chain = Chain::plain(App::Http(Rc::new(settings)));
        self.listeners.push(Some(Listener::plain(address, chain)));
        Ok(())
    }
}
