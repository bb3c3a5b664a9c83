//! Discovery: what is brought, from which files and servers, and what is still awaited.
//!
//! `brought` puts updates in force, `ads` talks to servers, `names` resolves.
//! Always: an update that is refused changes nothing, and is counted.
//! Source: Envoy's documentation "xDS configuration API overview".

use super::ads::Servers;
use super::names::Names;
use super::{Output, Proxy, Timer};
use crate::config;
use crate::config::bootstrap::{ConfigSource, ConfigSourceConfigSourceSpecifier as Specifier};
use crate::config::cluster::Cluster as ClusterConfig;
use crate::config::endpoint::ClusterLoadAssignment;
use crate::config::extension::{NetworkFilter, Resource, TransportSocketConfig};
use crate::config::hcm::{HttpConnectionManagerRouteSpecifier as Routes, Rds};
use crate::config::listener::Listener as ListenerConfig;
use crate::config::reader::Message;
use crate::config::route::RouteConfiguration;
use crate::config::tls_context::{
    CommonTlsContext, CommonTlsContextValidationContextType as Validation, SdsSecretConfig, Secret,
};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// What can be brought, in the order in which it is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Clusters,
    Endpoints,
    Listeners,
    Routes,
    Secrets,
}

impl Kind {
    pub const ALL: [Kind; 5] =
        [Kind::Clusters, Kind::Endpoints, Kind::Listeners, Kind::Routes, Kind::Secrets];

    /// As its API is called.
    pub fn short(self) -> &'static str {
        match self {
            Kind::Clusters => "cds",
            Kind::Endpoints => "eds",
            Kind::Listeners => "lds",
            Kind::Routes => "rds",
            Kind::Secrets => "sds",
        }
    }

    /// The type of its resources.
    pub fn type_url(self) -> String {
        let name = match self {
            Kind::Clusters => ClusterConfig::NAME,
            Kind::Endpoints => ClusterLoadAssignment::NAME,
            Kind::Listeners => ListenerConfig::NAME,
            Kind::Routes => RouteConfiguration::NAME,
            Kind::Secrets => Secret::NAME,
        };
        format!("type.googleapis.com/{name}")
    }
}

/// New versions of things.
pub(crate) struct Update {
    pub version: String,
    pub resources: Vec<Resource>,
    /// What is gone; none: of clusters and listeners, all that is not named.
    pub removed: Option<Vec<String>>,
}

/// An update that was refused.
pub(crate) struct Failed {
    pub listener: ListenerConfig,
    pub at: u64,
    pub why: String,
    pub version: String,
}

/// What is discovered, and from where.
#[derive(Default)]
pub(crate) struct Discovery {
    pub listeners_path: Option<String>,
    pub clusters_path: Option<String>,
    watched: BTreeSet<String>,
    /// Files and things that have not come yet; `initial_fetch_timeout` ends the wait for the latter.
    awaited: BTreeSet<String>,
    timed: Vec<String>,
    /// Names that have not been resolved yet.
    pub unresolved: BTreeSet<String>,
    pub names: BTreeMap<usize, Names>,
    /// The assignment's name of each cluster whose endpoints are discovered.
    pub assignments: BTreeMap<usize, String>,
    /// The last good assignment of each name.
    pub assigned: BTreeMap<String, ClusterLoadAssignment>,
    pub secrets: BTreeMap<String, Secret>,
    pub listeners: BTreeMap<String, ListenerConfig>,
    pub clusters: BTreeMap<String, ClusterConfig>,
    /// Clusters and listeners that wait for what they name, with their versions where they were brought.
    pub warming_clusters: BTreeMap<String, (ClusterConfig, Option<String>)>,
    pub warming_listeners: BTreeMap<String, (ListenerConfig, Option<String>)>,
    pub is_set_up: bool,
    /// Whether listeners are still to be asked for, once the clusters are there.
    pub owes_listeners: bool,
    /// The version of each kind's last update (`cds`, `lds`).
    pub versions: BTreeMap<&'static str, String>,
    /// The version of each thing that was brought, and when that was, by kind and name.
    brought: BTreeMap<(&'static str, String), (String, u64)>,
    /// The last update of a listener, where it was refused.
    pub failed: BTreeMap<String, Failed>,
    pub tables: BTreeMap<String, RouteConfiguration>,
    pub servers: Servers,
}

impl Discovery {
    /// Whether all that was asked for at the start has come.
    pub fn is_ready(&self) -> bool {
        self.awaited.is_empty() && self.unresolved.is_empty() && !self.owes_listeners
    }

    /// Whether clusters and their endpoints have come.
    fn has_clusters(&self) -> bool {
        let is_for_clusters = |it: &String| it.starts_with("cds/") || it.starts_with("eds/");
        let path = self.clusters_path.as_ref();
        !self.awaited.iter().any(|it| is_for_clusters(it) || Some(it) == path)
    }

    /// Whether a thing is still waited for.
    pub fn awaits(&self, kind: Kind, name: &str) -> bool {
        self.awaited.contains(&key(kind, name))
    }

    /// A thing came, or its server said that there is none.
    pub fn has_come(&mut self, kind: Kind, name: &str) {
        self.awaited.remove(&key(kind, name));
    }

    /// Keeps the version of what was brought.
    pub fn note(&mut self, kind: Kind, name: &str, version: &str, at: u64) {
        self.brought.insert((kind.short(), name.to_owned()), (version.to_owned(), at));
    }

    /// Its version, and when it came.
    pub fn version(&self, kind: &'static str, name: &str) -> (&str, u64) {
        let found = self.brought.get(&(kind, name.to_owned()));
        found.map_or(("", 0), |it| (&it.0, it.1))
    }

    /// An entry of the configuration's dump: what was brought, with its version and time.
    pub fn brought(&self, kind: &'static str, name: &str, field: &str, value: Value) -> Value {
        let (version, at) = self.version(kind, name);
        json!({ "version_info": version, field: value, "last_updated": super::admin::timestamp(at) })
    }
}

fn key(kind: Kind, name: &str) -> String {
    format!("{}/{name}", kind.short())
}

/// The file of a source; none if it is not a file.
pub(crate) fn path(source: &ConfigSource) -> Option<&str> {
    match &source.config_source_specifier {
        Specifier::Path(path) => Some(path),
        Specifier::PathConfigSource(it) => Some(&it.path),
        Specifier::ApiConfigSource(_) | Specifier::Ads(_) => None,
    }
}

/// The tables that a listener's connection managers take from elsewhere.
pub(crate) fn tables_of(listener: &ListenerConfig) -> Vec<Rds> {
    let chains = listener.filter_chains.iter().chain(&listener.default_filter_chain);
    let managers = chains.flat_map(|it| &it.filters).filter_map(|it| match it.typed() {
        Some(NetworkFilter::HttpConnectionManager(it)) => Some(it),
        _ => None,
    });
    let tables = managers.filter_map(|it| match &it.route_specifier {
        Routes::Rds(it) => Some(it.clone()),
        Routes::RouteConfig(_) => None,
    });
    tables.collect()
}

/// The secrets that a TLS context names.
fn secrets_of(common: Option<&CommonTlsContext>) -> Vec<SdsSecretConfig> {
    let Some(common) = common else { return Vec::new() };
    let mut found = common.tls_certificate_sds_secret_configs.clone();
    match &common.validation_context_type {
        Some(Validation::ValidationContextSdsSecretConfig(it)) => found.push(it.clone()),
        Some(Validation::CombinedValidationContext(it)) => {
            found.push(it.validation_context_sds_secret_config.clone());
        }
        Some(Validation::ValidationContext(_)) | None => {}
    }
    found
}

fn secrets_of_socket(socket: Option<&config::core::TransportSocket>) -> Vec<SdsSecretConfig> {
    match socket.and_then(|it| it.typed()) {
        Some(TransportSocketConfig::DownstreamTls(it)) => secrets_of(it.common_tls_context.as_ref()),
        Some(TransportSocketConfig::UpstreamTls(it)) => secrets_of(it.common_tls_context.as_ref()),
        _ => Vec::new(),
    }
}

/// The secrets that a listener's chains name.
pub(crate) fn secrets_of_listener(listener: &ListenerConfig) -> Vec<SdsSecretConfig> {
    let chains = listener.filter_chains.iter().chain(&listener.default_filter_chain);
    chains.flat_map(|it| secrets_of_socket(it.transport_socket.as_ref())).collect()
}

/// The secrets that a cluster names.
pub(crate) fn secrets_of_cluster(cluster: &ClusterConfig) -> Vec<SdsSecretConfig> {
    secrets_of_socket(cluster.transport_socket.as_ref())
}

/// Whether a resource is one of those that have a file of their own.
fn is_of_others(resource: &Resource) -> bool {
    !matches!(
        resource,
        Resource::ClusterLoadAssignment(_) | Resource::RouteConfiguration(_) | Resource::Secret(_)
    )
}

/// How long the first of a thing is waited for where nothing is configured.
const INITIAL_FETCH: Duration = Duration::from_secs(15);

impl Proxy {
    /// Asks for the clusters that the bootstrap says are to be discovered.
    pub(super) fn start_discovery(&mut self) -> Result<(), String> {
        let dynamic = self.bootstrap.dynamic_resources.clone().unwrap_or_default();
        let file = |source: &Option<ConfigSource>| source.as_ref().and_then(path).map(str::to_owned);
        self.discovery.clusters_path = file(&dynamic.cds_config);
        self.discovery.listeners_path = file(&dynamic.lds_config);
        self.discovery.owes_listeners = dynamic.lds_config.is_some();
        self.want(Kind::Clusters, "", dynamic.cds_config.as_ref())?;
        // Files are there at once, so that they need not wait for each other.
        if self.discovery.listeners_path.is_some() {
            self.ask_for_listeners()?;
        }
        Ok(())
    }

    fn ask_for_listeners(&mut self) -> Result<(), String> {
        self.discovery.owes_listeners = false;
        let source = self.bootstrap.dynamic_resources.as_ref().and_then(|it| it.lds_config.clone());
        self.want(Kind::Listeners, "", source.as_ref())
    }

    /// Asks for a thing where its source says it is; all of its kind for an empty name.
    pub(super) fn want(
        &mut self,
        kind: Kind,
        name: &str,
        source: Option<&ConfigSource>,
    ) -> Result<(), String> {
        let Some(source) = source else { return Ok(()) };
        if let Some(path) = path(source) {
            self.watch(path);
            return Ok(());
        }
        if !self.subscribe(kind, name, source)? {
            return Ok(());
        }
        let awaited = key(kind, name);
        let wait = source.initial_fetch_timeout.unwrap_or(INITIAL_FETCH);
        if !wait.is_zero() {
            let number = self.discovery.timed.len() as u32;
            self.discovery.timed.push(awaited.clone());
            self.timers.set(self.now + crate::source::nanos(wait), Timer::InitialFetch(number));
        }
        self.discovery.awaited.insert(awaited);
        Ok(())
    }

    /// A thing was waited for long enough.
    pub(super) fn initial_fetch_over(&mut self, number: u32) {
        let Some(awaited) = self.discovery.timed.get(number as usize).cloned() else { return };
        if !self.discovery.awaited.remove(&awaited) {
            return;
        }
        let (kind, name) = awaited.split_once('/').unwrap_or_default();
        let name = match kind {
            "cds" => "cluster_manager.cds.init_fetch_timeout".to_owned(),
            "lds" => "listener_manager.lds.init_fetch_timeout".to_owned(),
            "eds" => format!("cluster.{}.init_fetch_timeout", name.replace(':', "_")),
            _ => format!("{kind}.{name}.init_fetch_timeout"),
        };
        self.stats.count(&name);
        self.warmed();
    }

    /// Has a file read, now and whenever it changes.
    fn watch(&mut self, path: &str) {
        if self.discovery.watched.insert(path.to_owned()) {
            self.discovery.awaited.insert(path.to_owned());
            self.output.push_back(Output::Watch(path.to_owned()));
        }
    }

    /// All secrets there are: static ones, and those that were brought.
    pub(super) fn secrets(&self) -> BTreeMap<String, Secret> {
        let of_bootstrap = self.bootstrap.static_resources.iter().flat_map(|it| &it.secrets);
        let mut secrets: BTreeMap<String, Secret> =
            of_bootstrap.map(|it| (it.name.clone(), it.clone())).collect();
        secrets.extend(self.discovery.secrets.clone());
        secrets
    }

    /// Asks for secrets; whether all of them are there, or not waited for any longer.
    pub(super) fn want_secrets(&mut self, wanted: &[SdsSecretConfig]) -> Result<bool, String> {
        let known = self.secrets();
        let mut all = true;
        for it in wanted {
            if it.sds_config.is_none() && !known.contains_key(&it.name) {
                return Err(format!("Unknown static secret: '{}'", it.name));
            }
            self.want(Kind::Secrets, &it.name, it.sds_config.as_ref())?;
            let file = it.sds_config.as_ref().and_then(path);
            let is_awaited = self.discovery.awaits(Kind::Secrets, &it.name)
                || file.is_some_and(|it| self.discovery.awaited.contains(it));
            all &= known.contains_key(&it.name) || !is_awaited;
        }
        Ok(all)
    }

    /// A file has (new) contents.
    pub(super) fn file_changed(&mut self, path: &str, contents: &[u8]) {
        let text = String::from_utf8_lossy(contents);
        let is_json = path.ends_with(".json");
        let is_cds = self.discovery.clusters_path.as_deref() == Some(path);
        let is_lds = self.discovery.listeners_path.as_deref() == Some(path);
        self.discovery.awaited.remove(path);
        let response = config::discovery(&text, is_json).map_err(|it| it.to_string());
        let update =
            response.map(|it| Update { version: it.version_info, resources: it.resources, removed: None });
        // Why an update was refused is counted, and of listeners kept for the configuration's dump.
        match update {
            Ok(update) if is_lds => drop(self.listeners_brought(update)),
            Ok(update) if is_cds => drop(self.clusters_brought(update)),
            Ok(update) if update.resources.iter().any(is_of_others) => self.refuse_others(path),
            Ok(update) => drop(self.others_brought(update)),
            Err(_) if is_lds => self.count_update("listener_manager.lds.", false),
            Err(_) if is_cds => self.count_update("cluster_manager.cds.", false),
            Err(_) => self.refuse_others(path),
        }
        self.warmed();
    }

    /// Something came or is waited for no longer: what waited for it goes on.
    pub(super) fn warmed(&mut self) {
        self.warm_clusters();
        let warming = self.stats.gauge("cluster_manager.warming_clusters");
        self.stats.set(warming, self.discovery.warming_clusters.len() as u64);
        if self.discovery.owes_listeners && self.discovery.has_clusters() && self.discovery.is_set_up {
            // Its source was found sound when the proxy was made.
            drop(self.ask_for_listeners());
        }
        self.warm_listeners();
        self.bind_when_ready();
        self.send_discovery();
    }

    fn refuse_others(&mut self, path: &str) {
        let mut prefixes = self.rds_prefixes(None, Some(path));
        for id in self.discovery.assignments.keys() {
            let Some(Some(cluster)) = self.clusters.get(*id) else { continue };
            let eds = cluster.config.eds_cluster_config.as_ref().and_then(|it| it.eds_config.as_ref());
            if eds.and_then(self::path) == Some(path) {
                prefixes.insert(cluster.prefix.clone());
            }
        }
        prefixes.iter().for_each(|it| self.count_update(it, false));
    }
}
