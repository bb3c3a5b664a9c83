//! Servers of discovery: what is asked of them, and how their answers are acknowledged.
//!
//! A message is the JSON form of Envoy's `DiscoveryRequest`, `DiscoveryResponse` and their delta kinds; the driver carries
//! it. Always: each answer is met by one request, which takes it (its version and nonce) or refuses it (the version
//! before, its nonce, and why); clusters are asked for first, then endpoints, listeners, routes and secrets.
//! Differs from Envoy: bytes of gRPC are the driver's affair; REST is not simulated.
//! Source: Envoy's documentation "xDS REST and gRPC protocol".

use super::xds::{Kind, Update, secrets_of_cluster, secrets_of_listener, tables_of};
use super::{Output, Proxy, Timer};
use crate::config;
use crate::config::bootstrap::{
    ApiConfigSource, ApiType, ConfigSource, ConfigSourceConfigSourceSpecifier as Specifier,
    GrpcServiceTargetSpecifier as Target,
};
use crate::config::cluster::{ClusterClusterDiscoveryType as Found, DiscoveryType};
use crate::config::core::ApiVersion;
use crate::config::reader::Field;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// A lost stream is opened again after half a second at most.
const RECONNECT: u64 = 500_000_000;
/// `google.rpc.Code.INTERNAL`, which Envoy gives for what it refuses.
const INTERNAL: u32 = 13;

/// What is asked for of one kind.
#[derive(Default)]
struct Asked {
    /// By name; none: all there are.
    names: BTreeSet<String>,
    version: String,
    nonce: String,
    error: Option<String>,
    is_due: bool,
    /// Delta: names that the server has not been told of, those it is to forget, and the versions that are here.
    new: BTreeSet<String>,
    old: BTreeSet<String>,
    versions: BTreeMap<String, String>,
}

/// A stream to a server.
struct Server {
    cluster: String,
    is_delta: bool,
    /// One stream for one kind, where it is not the stream for all.
    only: Option<Kind>,
    /// Whether the node is told in the first message of the stream alone.
    tells_node_once: bool,
    has_told_node: bool,
    is_lost: bool,
    asked: BTreeMap<Kind, Asked>,
}

/// All of them.
#[derive(Default)]
pub(crate) struct Servers(Vec<Server>);

impl Server {
    /// The next request that is due.
    fn request(&mut self, node: &Value) -> Option<Value> {
        let (kind, asked) = self.asked.iter_mut().find(|it| it.1.is_due)?;
        asked.is_due = false;
        let mut fields = Map::new();
        let mut put = |name: &str, value: Value| drop(fields.insert(name.to_owned(), value));
        if !self.is_delta && !asked.version.is_empty() {
            put("version_info", asked.version.as_str().into());
        }
        if !(self.tells_node_once && self.has_told_node) {
            put("node", node.clone());
        }
        self.has_told_node = true;
        if self.is_delta {
            let is_first = asked.nonce.is_empty();
            if is_first && !asked.versions.is_empty() {
                put("initial_resource_versions", json!(asked.versions));
            }
            let (new, old) = (std::mem::take(&mut asked.new), std::mem::take(&mut asked.old));
            if !new.is_empty() {
                put("resource_names_subscribe", json!(new));
            }
            if !old.is_empty() && !is_first {
                put("resource_names_unsubscribe", json!(old));
            }
        } else if !asked.names.is_empty() {
            put("resource_names", json!(asked.names));
        }
        put("type_url", kind.type_url().into());
        if !asked.nonce.is_empty() {
            put("response_nonce", asked.nonce.as_str().into());
        }
        if let Some(why) = asked.error.take() {
            put("error_detail", json!({ "code": INTERNAL, "message": why }));
        }
        Some(fields.into())
    }

    /// A new stream knows of nothing.
    fn begin_anew(&mut self) {
        self.has_told_node = false;
        for asked in self.asked.values_mut() {
            asked.nonce.clear();
            asked.error = None;
            asked.new = asked.names.clone();
            asked.old.clear();
            asked.is_due = true;
        }
    }
}

/// What an answer of a server says.
struct Answer {
    kind: Kind,
    nonce: String,
    update: Result<Update, String>,
    /// Delta: the version of each resource.
    versions: BTreeMap<String, String>,
}

fn answer(text: &str, is_delta: bool) -> Option<Answer> {
    let message: Value = serde_json::from_str(text).unwrap_or_default();
    let member = |name: &str| message.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let kind = Kind::ALL.into_iter().find(|it| it.type_url() == member("type_url"))?;
    let items = message.get("resources").and_then(Value::as_array).cloned().unwrap_or_default();
    let mut versions = BTreeMap::new();
    let (resources, version, removed) = if is_delta {
        let resources: Vec<Value> = items
            .into_iter()
            .map(|mut it| {
                let text = |name: &str| it[name].as_str().unwrap_or_default().to_owned();
                versions.insert(text("name"), text("version"));
                it.get_mut("resource").map_or(Value::Null, Value::take)
            })
            .collect();
        let removed = message.get("removed_resources").and_then(Value::as_array).cloned().unwrap_or_default();
        let removed = removed.iter().filter_map(Value::as_str).map(str::to_owned).collect();
        (resources, member("system_version_info"), Some(removed))
    } else {
        (items, member("version_info"), None)
    };
    let whole = json!({ "version_info": version, "resources": resources }).to_string();
    let update = config::discovery(&whole, true).map_err(|it| it.to_string());
    let update = update.map(|it| Update { version: it.version_info, resources: it.resources, removed });
    Some(Answer { kind, nonce: member("nonce"), update, versions })
}

impl Proxy {
    /// Asks a server for a thing by name, or for all of its kind. Whether that is new.
    pub(super) fn subscribe(
        &mut self,
        kind: Kind,
        name: &str,
        source: &ConfigSource,
    ) -> Result<bool, String> {
        let (api, only) = match &source.config_source_specifier {
            Specifier::Ads(_) => {
                let dynamic = self.bootstrap.dynamic_resources.as_ref();
                let api = dynamic.and_then(|it| it.ads_config.clone());
                (api.ok_or("ads: the bootstrap has no dynamic_resources.ads_config")?, None)
            }
            Specifier::ApiConfigSource(api) => (api.clone(), Some(kind)),
            Specifier::Path(_) | Specifier::PathConfigSource(_) => return Ok(false),
        };
        let (cluster, is_delta) = self.server_of(&api)?;
        let servers = &mut self.discovery.servers.0;
        let at =
            servers.iter().position(|it| it.cluster == cluster && it.only == only && it.is_delta == is_delta);
        let at = at.unwrap_or_else(|| {
            servers.push(Server {
                cluster,
                is_delta,
                only,
                tells_node_once: api.set_node_on_first_message_only || is_delta,
                has_told_node: false,
                is_lost: false,
                asked: BTreeMap::new(),
            });
            servers.len() - 1
        });
        let asked = servers[at].asked.entry(kind);
        if name.is_empty() {
            let is_new = matches!(&asked, std::collections::btree_map::Entry::Vacant(_));
            asked.or_default().is_due |= is_new;
            return Ok(is_new);
        }
        let asked = asked.or_default();
        let is_new = asked.names.insert(name.to_owned());
        if is_new {
            asked.is_due = true;
            asked.old.remove(name);
            asked.new.insert(name.to_owned());
        }
        Ok(is_new)
    }

    /// The cluster of a server, and whether it is asked for what changed alone.
    fn server_of(&self, api: &ApiConfigSource) -> Result<(String, bool), String> {
        if api.transport_api_version != ApiVersion::V3 {
            return Err("V2 (and AUTO) xDS transport protocol versions are deprecated".to_owned());
        }
        let is_delta = match api.api_type {
            ApiType::Grpc => false,
            ApiType::DeltaGrpc => true,
            other => return Err(format!("api_type: {}: not simulated in vethlab; use GRPC", other.word())),
        };
        let Some(service) = api.grpc_services.first().filter(|_| api.grpc_services.len() == 1) else {
            return Err(
                "envoy::config::core::v3::ConfigSource must have a single gRPC service specified".to_owned()
            );
        };
        let Target::EnvoyGrpc(grpc) = &service.target_specifier;
        let own = self.bootstrap.static_resources.iter().flat_map(|it| &it.clusters);
        let is_eds = Some(Found::Type(DiscoveryType::Eds));
        let mut own = own.filter(|it| it.cluster_discovery_type != is_eds);
        if !own.any(|it| it.name == grpc.cluster_name) {
            return Err(format!(
                "envoy::config::core::v3::ConfigSource must have a statically defined non-EDS cluster: '{}' does not \
                 exist, was added via api, or is an EDS cluster",
                grpc.cluster_name
            ));
        }
        Ok((grpc.cluster_name.clone(), is_delta))
    }

    /// Hands all requests that are due to the driver.
    pub(super) fn send_discovery(&mut self) {
        if self.discovery.servers.0.iter().all(|it| it.is_lost || it.asked.values().all(|it| !it.is_due)) {
            return;
        }
        let mut node = self.bootstrap.node.clone().unwrap_or_default().json();
        node["user_agent_name"] = "envoy".into();
        for (at, server) in self.discovery.servers.0.iter_mut().enumerate().filter(|it| !it.1.is_lost) {
            while let Some(request) = server.request(&node) {
                self.output.push_back(Output::Discovery {
                    server: at as u32,
                    cluster: server.cluster.clone(),
                    is_delta: server.is_delta,
                    request: request.to_string(),
                });
            }
        }
    }

    /// A server answered, or its stream broke.
    pub(super) fn discovered(&mut self, at: u32, text: Option<&str>) {
        let Some(server) = self.discovery.servers.0.get_mut(at as usize) else { return };
        let Some(text) = text else {
            server.is_lost = true;
            server.begin_anew();
            let wait = self.random.below(RECONNECT);
            self.timers.set(self.now + wait, Timer::Reconnect(at));
            return self.set_connected(false);
        };
        let Some(answer) = answer(text, server.is_delta) else { return };
        let (kind, is_delta) = (answer.kind, server.is_delta);
        if !server.asked.contains_key(&kind) {
            return;
        }
        self.set_connected(true);
        let version = answer.update.as_ref().map_or(String::new(), |it| it.version.clone());
        let removed = answer.update.as_ref().ok().and_then(|it| it.removed.clone()).unwrap_or_default();
        let done = match answer.update {
            Ok(update) => self.take_update(kind, update, &removed),
            Err(why) => {
                self.refuse_update(kind);
                Err(why)
            }
        };
        let Some(server) = self.discovery.servers.0.get_mut(at as usize) else { return };
        let Some(asked) = server.asked.get_mut(&kind) else { return };
        asked.nonce = answer.nonce;
        asked.is_due = true;
        match done {
            Ok(()) => {
                asked.version = version;
                if is_delta {
                    asked.versions.extend(answer.versions);
                    removed.iter().for_each(|it| drop(asked.versions.remove(it)));
                }
            }
            Err(why) => asked.error = Some(why),
        }
        self.prune();
        self.warmed();
    }

    fn take_update(&mut self, kind: Kind, update: Update, removed: &[String]) -> Result<(), String> {
        match kind {
            Kind::Clusters => self.clusters_brought(update),
            Kind::Listeners => self.listeners_brought(update),
            Kind::Endpoints | Kind::Routes | Kind::Secrets => {
                removed.iter().for_each(|it| self.discovery.has_come(kind, it));
                self.others_brought(update)
            }
        }
    }

    /// Counts an update that could not be read.
    fn refuse_update(&mut self, kind: Kind) {
        match kind {
            Kind::Clusters => self.count_update("cluster_manager.cds.", false),
            Kind::Listeners => self.count_update("listener_manager.lds.", false),
            Kind::Routes => {
                let prefixes = self.rds_prefixes(None, None);
                prefixes.iter().for_each(|it| self.count_update(it, false));
            }
            Kind::Endpoints | Kind::Secrets => {}
        }
    }

    /// Asks no longer for what nothing uses.
    fn prune(&mut self) {
        let discovery = &self.discovery;
        let mut used: BTreeMap<Kind, BTreeSet<String>> = BTreeMap::new();
        let mut uses = |kind: Kind, name: &str| {
            used.entry(kind).or_default().insert(name.to_owned());
        };
        discovery.assignments.values().for_each(|it| uses(Kind::Endpoints, it));
        let running = self.clusters.iter().flatten().map(|it| &*it.config);
        for cluster in running.chain(discovery.warming_clusters.values().map(|it| &it.0)) {
            let service = cluster.eds_cluster_config.as_ref().map_or("", |it| &it.service_name);
            uses(Kind::Endpoints, if service.is_empty() { &cluster.name } else { service });
            secrets_of_cluster(cluster).iter().for_each(|it| uses(Kind::Secrets, &it.name));
        }
        let running = self.listeners.iter().flatten().map(|it| &it.config);
        for listener in running.chain(discovery.warming_listeners.values().map(|it| &it.0)) {
            tables_of(listener).iter().for_each(|it| uses(Kind::Routes, &it.route_config_name));
            secrets_of_listener(listener).iter().for_each(|it| uses(Kind::Secrets, &it.name));
        }
        for server in &mut self.discovery.servers.0 {
            for (kind, asked) in &mut server.asked {
                let used = used.get(kind);
                let gone: Vec<String> = asked
                    .names
                    .iter()
                    .filter(|it| used.is_none_or(|used| !used.contains(*it)))
                    .cloned()
                    .collect();
                for name in gone {
                    asked.names.remove(&name);
                    asked.new.remove(&name);
                    asked.versions.remove(&name);
                    asked.old.insert(name);
                    asked.is_due = true;
                }
            }
        }
    }

    /// A lost stream is opened again.
    pub(super) fn reconnect(&mut self, at: u32) {
        if let Some(server) = self.discovery.servers.0.get_mut(at as usize) {
            server.is_lost = false;
        }
        self.send_discovery();
    }

    fn set_connected(&mut self, is_connected: bool) {
        let stat = self.stats.gauge("control_plane.connected_state");
        self.stats.set(stat, is_connected.into());
    }
}
