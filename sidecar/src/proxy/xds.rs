//! Discovery: listeners, routes, clusters, endpoints and secrets that come from files, and names that are resolved.
//!
//! Always: an update that is refused changes nothing, and is counted.
//! Source: Envoy's documentation "xDS configuration API overview".

use super::{Output, Proxy, Timer};
use crate::cluster::members::{self, Member};
use crate::config::bootstrap::{ConfigSource, ConfigSourceConfigSourceSpecifier as Specifier};
use crate::config::cluster::Cluster as ClusterConfig;
use crate::config::extension::{DiscoveryResponse, NetworkFilter, Resource};
use crate::config::hcm::HttpConnectionManagerRouteSpecifier as Routes;
use crate::config::listener::Listener as ListenerConfig;
use crate::config::tls_context::Secret;
use crate::config::{self};
use crate::route::RouteTable;
use crate::source::nanos;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;

/// The members of a cluster that are names, and what was found for them.
pub(crate) struct Names {
    pub members: Vec<Member>,
    pub found: BTreeMap<String, Vec<IpAddr>>,
    pub is_logical: bool,
}

/// What is discovered, and from where.
#[derive(Default)]
pub(crate) struct Discovery {
    pub listeners_path: Option<String>,
    pub clusters_path: Option<String>,
    pub watched: BTreeSet<String>,
    /// Files that have not come yet.
    pub awaited: BTreeSet<String>,
    /// Names that have not been resolved yet.
    pub unresolved: BTreeSet<String>,
    pub names: BTreeMap<usize, Names>,
    /// The assignment's name of each cluster whose endpoints are discovered.
    pub assignments: BTreeMap<usize, String>,
    pub wanted_tables: BTreeSet<String>,
    pub secrets: BTreeMap<String, Secret>,
    pub listeners: BTreeMap<String, ListenerConfig>,
    pub clusters: BTreeMap<String, ClusterConfig>,
    pub is_set_up: bool,
    /// The version of each kind's last update (`cds`, `lds`).
    pub versions: BTreeMap<&'static str, String>,
    /// The version of each thing that was brought, and when that was, by kind and name.
    brought: BTreeMap<(&'static str, String), (String, u64)>,
    /// The last update of a listener, where it was refused.
    pub failed: BTreeMap<String, Failed>,
    pub tables: BTreeMap<String, config::route::RouteConfiguration>,
}

/// An update that was refused.
pub(crate) struct Failed {
    pub listener: ListenerConfig,
    pub at: u64,
    pub why: String,
    pub version: String,
}

impl Discovery {
    /// Whether all that was asked for at the start has come.
    pub fn is_ready(&self) -> bool {
        self.awaited.is_empty() && self.unresolved.is_empty()
    }

    /// Keeps the version of what was brought.
    fn note(&mut self, kind: &'static str, name: &str, version: &str, at: u64) {
        self.brought.insert((kind, name.to_owned()), (version.to_owned(), at));
    }

    /// Its version, and when it came.
    pub fn version(&self, kind: &'static str, name: &str) -> (&str, u64) {
        let found = self.brought.get(&(kind, name.to_owned()));
        found.map_or(("", 0), |it| (&it.0, it.1))
    }
}

impl Discovery {
    /// An entry of the configuration's dump: what was brought, with its version and time.
    pub fn brought(
        &self,
        kind: &'static str,
        name: &str,
        field: &str,
        value: serde_json::Value,
    ) -> serde_json::Value {
        let (version, at) = self.version(kind, name);
        serde_json::json!({ "version_info": version, field: value, "last_updated": super::admin::timestamp(at) })
    }
}

/// The file of a source; none if it is not a file.
pub(crate) fn path(source: &ConfigSource) -> Option<&str> {
    match &source.config_source_specifier {
        Specifier::Path(path) => Some(path),
        Specifier::PathConfigSource(it) => Some(&it.path),
        Specifier::ApiConfigSource(_) | Specifier::Ads(_) => None,
    }
}

/// The files from which a listener's routes come.
pub(crate) fn paths_of_routes(listener: &ListenerConfig) -> Vec<String> {
    let chains = listener.filter_chains.iter().chain(&listener.default_filter_chain);
    let managers = chains.flat_map(|it| &it.filters).filter_map(|it| match it.typed() {
        Some(NetworkFilter::HttpConnectionManager(it)) => Some(it),
        _ => None,
    });
    let sources = managers.filter_map(|it| match &it.route_specifier {
        Routes::Rds(it) => it.config_source.as_ref(),
        Routes::RouteConfig(_) => None,
    });
    sources.filter_map(path).map(str::to_owned).collect()
}

const DNS_REFRESH: u64 = 5_000_000_000;

impl Proxy {
    /// Asks for the files that the bootstrap names.
    pub(super) fn start_discovery(&mut self) {
        let dynamic = self.bootstrap.dynamic_resources.clone().unwrap_or_default();
        let file = |source: &Option<ConfigSource>| source.as_ref().and_then(path).map(str::to_owned);
        self.discovery.clusters_path = file(&dynamic.cds_config);
        self.discovery.listeners_path = file(&dynamic.lds_config);
        let both = [self.discovery.clusters_path.clone(), self.discovery.listeners_path.clone()];
        both.into_iter().flatten().for_each(|it| self.watch(&it));
    }

    /// Has a file read, now and whenever it changes.
    pub(super) fn watch(&mut self, path: &str) {
        if self.discovery.watched.insert(path.to_owned()) {
            self.discovery.awaited.insert(path.to_owned());
            self.output.push_back(Output::Watch(path.to_owned()));
        }
    }

    /// All secrets there are: static ones, those of files, and those of the files that a context names.
    pub(super) fn secrets(&self) -> BTreeMap<String, Secret> {
        let of_bootstrap = self.bootstrap.static_resources.iter().flat_map(|it| &it.secrets);
        let mut secrets: BTreeMap<String, Secret> =
            of_bootstrap.map(|it| (it.name.clone(), it.clone())).collect();
        secrets.extend(self.discovery.secrets.clone());
        secrets
    }

    fn count_update(&mut self, prefix: &str, is_good: bool) {
        self.stats.count(&format!("{prefix}update_attempt"));
        self.stats.count(&format!("{prefix}{}", if is_good { "update_success" } else { "update_rejected" }));
    }

    /// A file has (new) contents.
    pub(super) fn file_changed(&mut self, path: &str, contents: &[u8]) {
        let text = String::from_utf8_lossy(contents);
        let is_json = path.ends_with(".json");
        let (is_cds, is_lds) = (
            self.discovery.clusters_path.as_deref() == Some(path),
            self.discovery.listeners_path.as_deref() == Some(path),
        );
        let response = config::discovery(&text, is_json).map_err(|it| it.to_string());
        match response {
            Ok(response) if is_lds => self.listeners_discovered(response),
            Ok(response) if is_cds => self.clusters_discovered(response),
            Ok(response) => self.others_discovered(path, response),
            Err(_) if is_lds => self.count_update("listener_manager.lds.", false),
            Err(_) if is_cds => self.count_update("cluster_manager.cds.", false),
            Err(_) => self.refuse_others(path),
        }
        self.discovery.awaited.remove(path);
        self.bind_when_ready();
    }

    fn refuse_others(&mut self, path: &str) {
        let names: Vec<String> = self
            .discovery
            .assignments
            .keys()
            .copied()
            .collect::<Vec<_>>()
            .into_iter()
            .filter_map(|id| {
                let cluster = self.clusters.get(id)?.as_ref()?;
                let own =
                    cluster.config.eds_cluster_config.as_ref()?.eds_config.as_ref().and_then(self::path)?;
                (own == path).then(|| cluster.prefix.clone())
            })
            .collect();
        names.iter().for_each(|it| self.count_update(it, false));
        let prefixes = self.rds_prefixes(None, Some(path));
        prefixes.iter().for_each(|it| self.count_update(it, false));
    }

    fn listeners_discovered(&mut self, response: DiscoveryResponse) {
        let mut wanted = BTreeMap::new();
        for resource in response.resources {
            match resource {
                Resource::Listener(it) => drop(wanted.insert(it.name.clone(), *it)),
                _ => return self.count_update("listener_manager.lds.", false),
            }
        }
        let gone: Vec<String> =
            self.discovery.listeners.keys().filter(|it| !wanted.contains_key(*it)).cloned().collect();
        for name in gone {
            self.remove_listener(&name);
            self.discovery.listeners.remove(&name);
        }
        let mut is_good = true;
        for (name, listener) in wanted {
            if self.discovery.listeners.get(&name) == Some(&listener) {
                continue;
            }
            match self.add_listener(&listener) {
                Ok(()) => {
                    self.discovery.note("lds", &name, &response.version_info, self.now);
                    self.discovery.failed.remove(&name);
                    self.discovery.listeners.insert(name, listener);
                }
                Err(why) => {
                    is_good = false;
                    let version = response.version_info.clone();
                    self.discovery.failed.insert(name, Failed { listener, at: self.now, why, version });
                }
            }
        }
        if is_good {
            self.discovery.versions.insert("lds", response.version_info);
        }
        self.count_update("listener_manager.lds.", is_good);
    }

    fn clusters_discovered(&mut self, response: DiscoveryResponse) {
        let mut wanted = BTreeMap::new();
        for resource in response.resources {
            match resource {
                Resource::Cluster(it) => drop(wanted.insert(it.name.clone(), *it)),
                _ => return self.count_update("cluster_manager.cds.", false),
            }
        }
        let gone: Vec<String> =
            self.discovery.clusters.keys().filter(|it| !wanted.contains_key(*it)).cloned().collect();
        for name in gone {
            self.remove_cluster(&name);
            self.discovery.clusters.remove(&name);
        }
        let mut is_good = true;
        for (name, cluster) in wanted {
            if self.discovery.clusters.get(&name) == Some(&cluster) {
                continue;
            }
            match self.add_cluster(&cluster) {
                Ok(_) => {
                    self.discovery.note("cds", &name, &response.version_info, self.now);
                    self.discovery.clusters.insert(name, cluster);
                }
                Err(_) => is_good = false,
            }
        }
        if is_good {
            self.discovery.versions.insert("cds", response.version_info);
        }
        self.count_update("cluster_manager.cds.", is_good);
    }

    fn others_discovered(&mut self, path: &str, response: DiscoveryResponse) {
        let mut has_secrets = false;
        for resource in response.resources {
            match resource {
                Resource::ClusterLoadAssignment(it) => self.assign(&it),
                Resource::RouteConfiguration(it) => self.table_discovered(&it, &response.version_info),
                Resource::Secret(it) => {
                    self.discovery.note("sds", &it.name, &response.version_info, self.now);
                    self.discovery.secrets.insert(it.name.clone(), *it);
                    has_secrets = true;
                }
                _ => return self.refuse_others(path),
            }
        }
        if has_secrets {
            self.secrets_discovered();
        }
    }

    /// New secrets: what uses them is made anew.
    fn secrets_discovered(&mut self) {
        let listeners: Vec<ListenerConfig> =
            self.listeners.iter().flatten().filter(|it| !it.is_admin()).map(|it| it.config.clone()).collect();
        for listener in
            listeners.iter().filter(|it| it.filter_chains.iter().any(|it| it.transport_socket.is_some()))
        {
            let name = format!(
                "listener_manager.{}",
                if self.add_listener(listener).is_ok() {
                    "listener_modified"
                } else {
                    "listener_create_failure"
                }
            );
            self.stats.count(&name);
        }
    }

    /// The endpoints of the clusters of an assignment.
    fn assign(&mut self, assignment: &config::endpoint::ClusterLoadAssignment) {
        let ids: Vec<usize> = self
            .discovery
            .assignments
            .iter()
            .filter(|it| *it.1 == assignment.cluster_name)
            .map(|it| *it.0)
            .collect();
        for id in ids {
            let Some(prefix) = self.cluster(id).map(|it| it.prefix.clone()) else { continue };
            let members = members::of_assignment(assignment).ok().and_then(|members| {
                let found = members.into_iter().map(|it| Some((members::at(&it)?, it)));
                found.collect::<Option<Vec<_>>>()
            });
            self.count_update(&prefix, members.is_some());
            let Some(members) = members else { continue };
            if let Some(policy) = &assignment.policy
                && let Some(cluster) = self.cluster(id)
            {
                cluster.balancer.set_policy(policy.overprovisioning_factor, policy.weighted_priority_health);
            }
            self.set_members(id, &members);
        }
    }

    /// `http.PREFIX.rds.NAME.` of the connection managers that use a table, or a file.
    fn rds_prefixes(&self, table: Option<&str>, file: Option<&str>) -> BTreeSet<String> {
        let mut prefixes = BTreeSet::new();
        for listener in self.listeners.iter().flatten() {
            let chains = listener.config.filter_chains.iter().chain(&listener.config.default_filter_chain);
            for filter in chains.flat_map(|it| &it.filters) {
                if let Some(NetworkFilter::HttpConnectionManager(it)) = filter.typed()
                    && let Routes::Rds(rds) = &it.route_specifier
                    && table.is_none_or(|table| table == rds.route_config_name)
                    && file.is_none_or(|file| rds.config_source.as_ref().and_then(path) == Some(file))
                {
                    prefixes.insert(format!("http.{}.rds.{}.", it.stat_prefix, rds.route_config_name));
                }
            }
        }
        prefixes
    }

    fn table_discovered(&mut self, table: &config::route::RouteConfiguration, version: &str) {
        let read = self.read_file.clone();
        let names = &self.cluster_names;
        let knows = |name: &str| names.contains_key(name);
        let checks = table.validate_clusters == Some(true);
        let compiled = RouteTable::new(table, if checks { Some(&knows) } else { None }, &*read);
        for prefix in self.rds_prefixes(Some(&table.name), None) {
            self.count_update(&prefix, compiled.is_ok());
        }
        if let Ok(compiled) = compiled {
            self.route_tables.insert(table.name.clone(), Rc::new(compiled));
            self.discovery.note("rds", &table.name, version, self.now);
            self.discovery.tables.insert(table.name.clone(), table.clone());
        }
    }

    /// Asks for the addresses of a cluster's names.
    pub(super) fn resolve(&mut self, id: usize) {
        let Some(names) = self.discovery.names.get(&id) else { return };
        let wanted: BTreeSet<String> = names.members.iter().map(|it| it.name.0.clone()).collect();
        let mut is_known = true;
        for name in wanted {
            if let Ok(ip) = name.parse::<IpAddr>() {
                if let Some(names) = self.discovery.names.get_mut(&id) {
                    names.found.insert(name, vec![ip]);
                }
                continue;
            }
            is_known = false;
            if self.discovery.names.get(&id).is_some_and(|it| !it.found.contains_key(&name)) {
                self.discovery.unresolved.insert(name.clone());
            }
            self.output.push_back(Output::Resolve(name));
        }
        if is_known {
            return self.members_resolved(id);
        }
        let rate = self.cluster(id).and_then(|it| it.config.dns_refresh_rate).map_or(DNS_REFRESH, nanos);
        self.timers.set(self.now + rate, Timer::Resolve(id));
    }

    /// A name was resolved, or could not be.
    pub(super) fn resolved(&mut self, name: &str, addresses: &[IpAddr]) {
        self.discovery.unresolved.remove(name);
        let ids: Vec<usize> = self
            .discovery
            .names
            .iter()
            .filter(|it| it.1.members.iter().any(|it| it.name.0 == name))
            .map(|it| *it.0)
            .collect();
        for id in ids {
            let family = self.cluster(id).map(|it| it.config.dns_lookup_family).unwrap_or_default();
            let mut kept = of_family(addresses, family);
            kept.sort();
            let Some(prefix) = self.cluster(id).map(|it| it.prefix.clone()) else { continue };
            self.stats.count(&format!("{prefix}update_attempt"));
            if addresses.is_empty() {
                self.stats.count(&format!("{prefix}update_failure"));
                continue;
            }
            self.stats.count(&format!("{prefix}update_success"));
            if let Some(names) = self.discovery.names.get_mut(&id) {
                names.found.insert(name.to_owned(), kept);
            }
            self.members_resolved(id);
        }
        self.bind_when_ready();
    }

    fn members_resolved(&mut self, id: usize) {
        let Some(names) = self.discovery.names.get(&id) else { return };
        let mut members: Vec<(SocketAddr, Member)> = Vec::new();
        for member in &names.members {
            let found = names.found.get(&member.name.0).map_or(&[][..], |it| it.as_slice());
            let count = if names.is_logical { 1 } else { found.len() };
            for ip in found.iter().take(count) {
                let mut member = member.clone();
                if member.seen.hostname.is_empty() {
                    member.seen.hostname = member.name.0.clone();
                }
                members.push((SocketAddr::new(*ip, member.name.1), member));
            }
        }
        self.set_members(id, &members);
    }

    /// Hosts that clients named and that nobody used since the last time are forgotten.
    pub(super) fn cleanup(&mut self, id: usize) {
        let now = self.now;
        let Some(Some(cluster)) = self.clusters.get_mut(id) else { return };
        let interval = cluster.config.cleanup_interval.map_or(5_000_000_000, nanos);
        let unused: Vec<u32> = cluster
            .hosts
            .iter()
            .filter(|(_, it)| !it.is_used && it.connections == 0 && it.pending.is_empty())
            .map(|it| *it.0)
            .collect();
        for host in &unused {
            if let Some(it) = cluster.hosts.remove(host) {
                cluster.by_address.remove(&it.address);
            }
        }
        cluster.hosts.values_mut().for_each(|it| it.is_used = it.active > 0);
        if !unused.is_empty() {
            cluster.refresh(&mut self.stats);
        }
        self.timers.set(now + interval, Timer::Cleanup(id));
    }
}

/// The addresses of the family that a cluster prefers.
fn of_family(addresses: &[IpAddr], family: config::cluster::DnsLookupFamily) -> Vec<IpAddr> {
    use config::cluster::DnsLookupFamily as Family;
    let four: Vec<IpAddr> = addresses.iter().copied().filter(IpAddr::is_ipv4).collect();
    let six: Vec<IpAddr> = addresses.iter().copied().filter(IpAddr::is_ipv6).collect();
    match family {
        Family::V4Only => four,
        Family::V6Only => six,
        Family::V4Preferred => {
            if four.is_empty() {
                six
            } else {
                four
            }
        }
        Family::Auto => {
            if six.is_empty() {
                four
            } else {
                six
            }
        }
        Family::All => addresses.to_vec(),
    }
}
