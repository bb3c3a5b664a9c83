//! `/config_dump`: the configuration in force, and where each part of it came from.
//!
//! Always: private keys are shown as `[redacted]`. A part that discovery brought has its version; what was refused last
//! stands beside what it was to replace.
//! Differs from Envoy: the node does not list extensions; a mask is not held against fields that are unset.
//! Source: envoy.admin.v3 (config_dump), Envoy `source/server/admin/config_dump_handler.cc`.

use super::{JSON, Page, TEXT, is_flag, pretty, unescaped};
use crate::access_log::time;
use crate::balance::Health;
use crate::cluster::{Cluster, Host};
use crate::config::cluster::{ClusterClusterDiscoveryType as Discovery, DiscoveryType};
use crate::config::extension::NetworkFilter;
use crate::config::hcm::HttpConnectionManagerRouteSpecifier as Routes;
use crate::config::reader::{Field, Message, typed};
use crate::proxy::Proxy;
use regex::Regex;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// A part of the dump: the message's name, its fields that are lists and their items' names, and other fields.
struct Kind {
    name: &'static str,
    lists: &'static [(&'static str, &'static str)],
    others: &'static [&'static str],
}

const KINDS: [Kind; 7] = [
    Kind { name: "BootstrapConfigDump", lists: &[], others: &["bootstrap", "last_updated"] },
    Kind {
        name: "ClustersConfigDump",
        lists: &[
            ("static_clusters", "StaticCluster"),
            ("dynamic_active_clusters", "DynamicCluster"),
            ("dynamic_warming_clusters", "DynamicCluster"),
        ],
        others: &["version_info"],
    },
    Kind {
        name: "EndpointsConfigDump",
        lists: &[
            ("static_endpoint_configs", "StaticEndpointConfig"),
            ("dynamic_endpoint_configs", "DynamicEndpointConfig"),
        ],
        others: &[],
    },
    Kind {
        name: "ListenersConfigDump",
        lists: &[("static_listeners", "StaticListener"), ("dynamic_listeners", "DynamicListener")],
        others: &["version_info"],
    },
    Kind {
        name: "ScopedRoutesConfigDump",
        lists: &[
            ("inline_scoped_route_configs", "InlineScopedRouteConfigs"),
            ("dynamic_scoped_route_configs", "DynamicScopedRouteConfigs"),
        ],
        others: &[],
    },
    Kind {
        name: "RoutesConfigDump",
        lists: &[
            ("static_route_configs", "StaticRouteConfig"),
            ("dynamic_route_configs", "DynamicRouteConfig"),
        ],
        others: &[],
    },
    Kind {
        name: "SecretsConfigDump",
        lists: &[
            ("static_secrets", "StaticSecret"),
            ("dynamic_active_secrets", "DynamicSecret"),
            ("dynamic_warming_secrets", "DynamicSecret"),
        ],
        others: &[],
    },
];

const ENDPOINTS: usize = 2;

type Fields = Map<String, Value>;

/// `2026-01-02T03:04:05.678Z`
pub(in crate::proxy) fn timestamp(nanos: u64) -> String {
    let mut out = Vec::new();
    time::write(nanos, "", &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

fn whole<T: Message>(message: &T) -> Value {
    typed(T::NAME, message.json())
}

/// Puts a list under its name, if there is anything in it.
fn put(fields: &mut Fields, name: &str, items: Vec<Value>) {
    if !items.is_empty() {
        fields.insert(name.to_owned(), items.into());
    }
}

/// What of private keys is shown.
fn redact(value: &mut Value) {
    const HIDDEN: &str = "[redacted]";
    match value {
        Value::Array(all) => all.iter_mut().for_each(redact),
        Value::Object(fields) => {
            for (name, value) in fields.iter_mut() {
                match value {
                    Value::Object(source) if name == "private_key" => {
                        source.values_mut().for_each(|it| *it = HIDDEN.into())
                    }
                    other => redact(other),
                }
            }
        }
        _ => {}
    }
}

impl Proxy {
    /// The page.
    pub(super) fn config_dump(&self, path: &[u8]) -> Page {
        let query = |name: &str| unescaped(path, name).filter(|it| !it.is_empty());
        let names = match query("name_regex").map(|it| Regex::new(&format!("^(?:{it})$"))) {
            None => None,
            Some(Ok(names)) => Some(names),
            Some(Err(why)) => return (400, format!("Error while parsing name_regex: {why}"), TEXT),
        };
        let dumps = self.dumps(is_flag(path, "include_eds"), names.as_ref());
        let mask = query("mask");
        let configs = match query("resource") {
            Some(resource) => one_resource(dumps, &resource, mask.as_deref()),
            None => masked(dumps, mask.as_deref()),
        };
        match configs {
            Ok(configs) => {
                let mut page = Fields::new();
                put(&mut page, "configs", configs);
                (200, pretty(&page.into()), JSON)
            }
            Err((status, why)) => (status, why, "text/plain"),
        }
    }

    /// The fields of each part, by its place in `KINDS`.
    fn dumps(&self, has_endpoints: bool, names: Option<&Regex>) -> Vec<(usize, Fields)> {
        let fits = |name: &str| names.is_none_or(|it| it.is_match(name));
        let mut dumps = vec![(0, self.bootstrap_dump()), (1, self.clusters_dump(&fits))];
        if has_endpoints {
            dumps.push((ENDPOINTS, self.endpoints_dump(&fits)));
        }
        dumps.extend([(3, self.listeners_dump(&fits)), (4, Fields::new()), (5, self.routes_dump(&fits))]);
        dumps.push((6, self.secrets_dump(&fits)));
        for (_, fields) in &mut dumps {
            fields.values_mut().for_each(redact);
        }
        dumps
    }

    fn bootstrap_dump(&self) -> Fields {
        let mut bootstrap = self.bootstrap.json();
        if let Some(node) = bootstrap
            .as_object_mut()
            .and_then(|it| it.entry("node").or_insert_with(|| Fields::new().into()).as_object_mut())
        {
            node.insert("user_agent_name".to_owned(), "envoy".into());
            node.insert("user_agent_build_version".to_owned(), super::build_version());
        }
        let mut fields = Fields::new();
        fields.insert("bootstrap".to_owned(), bootstrap);
        fields.insert("last_updated".to_owned(), timestamp(self.started).into());
        fields
    }

    fn clusters_dump(&self, fits: &dyn Fn(&str) -> bool) -> Fields {
        let mut fields = Fields::new();
        let discovery = &self.discovery;
        if let Some(version) = discovery.versions.get("cds") {
            fields.insert("version_info".to_owned(), version.as_str().into());
        }
        let at = timestamp(self.started);
        let own: BTreeMap<&str, Value> = self
            .bootstrap
            .static_resources
            .iter()
            .flat_map(|it| &it.clusters)
            .filter(|it| fits(&it.name))
            .map(|it| (it.name.as_str(), json!({ "cluster": whole(it), "last_updated": at })))
            .collect();
        put(&mut fields, "static_clusters", own.into_values().collect());
        let brought = discovery.clusters.iter().filter(|it| fits(it.0));
        let brought = brought.map(|(name, it)| discovery.brought("cds", name, "cluster", whole(it)));
        put(&mut fields, "dynamic_active_clusters", brought.collect());
        let warming = discovery.warming_clusters.iter().filter(|it| fits(it.0));
        let warming =
            warming.map(|(_, (it, version))| json!({ "version_info": version, "cluster": whole(it) }));
        put(&mut fields, "dynamic_warming_clusters", warming.collect());
        fields
    }

    fn listeners_dump(&self, fits: &dyn Fn(&str) -> bool) -> Fields {
        let mut fields = Fields::new();
        let discovery = &self.discovery;
        if let Some(version) = discovery.versions.get("lds") {
            fields.insert("version_info".to_owned(), version.as_str().into());
        }
        let at = timestamp(self.started);
        let own = self.bootstrap.static_resources.iter().flat_map(|it| &it.listeners);
        let own = own.filter(|it| fits(&it.name));
        let own = own.map(|it| json!({ "listener": whole(it), "last_updated": at }));
        put(&mut fields, "static_listeners", own.collect());
        let mut brought: BTreeMap<&str, Value> = BTreeMap::new();
        for (name, it) in discovery.listeners.iter().filter(|it| fits(it.0)) {
            let state = discovery.brought("lds", name, "listener", whole(it));
            brought.insert(name, json!({ "name": name, "active_state": state }));
        }
        for (name, (it, version)) in discovery.warming_listeners.iter().filter(|it| fits(it.0)) {
            let entry = brought.entry(name).or_insert_with(|| json!({ "name": name }));
            entry["warming_state"] = json!({ "version_info": version, "listener": whole(it) });
        }
        for (name, failed) in discovery.failed.iter().filter(|it| fits(it.0)) {
            let entry = brought.entry(name).or_insert_with(|| json!({ "name": name }));
            entry["error_state"] = json!({
                "failed_configuration": whole(&failed.listener),
                "last_update_attempt": timestamp(failed.at),
                "details": failed.why,
                "version_info": failed.version,
            });
        }
        put(&mut fields, "dynamic_listeners", brought.into_values().collect());
        fields
    }

    fn routes_dump(&self, fits: &dyn Fn(&str) -> bool) -> Fields {
        let at = timestamp(self.started);
        let mut own = Vec::new();
        for listener in self.listeners.iter().flatten().filter(|it| !it.is_admin()) {
            let chains = listener.config.filter_chains.iter().chain(&listener.config.default_filter_chain);
            for filter in chains.flat_map(|it| &it.filters) {
                if let Some(NetworkFilter::HttpConnectionManager(it)) = filter.typed()
                    && let Routes::RouteConfig(table) = &it.route_specifier
                    && fits(&table.name)
                {
                    own.push(json!({ "route_config": whole(table), "last_updated": at }));
                }
            }
        }
        let mut fields = Fields::new();
        put(&mut fields, "static_route_configs", own);
        let discovery = &self.discovery;
        let brought = discovery.tables.iter().filter(|it| fits(it.0));
        let brought = brought.map(|(name, it)| discovery.brought("rds", name, "route_config", whole(it)));
        put(&mut fields, "dynamic_route_configs", brought.collect());
        fields
    }

    fn secrets_dump(&self, fits: &dyn Fn(&str) -> bool) -> Fields {
        let mut fields = Fields::new();
        let own = self.bootstrap.static_resources.iter().flat_map(|it| &it.secrets);
        let own = own.filter(|it| fits(&it.name));
        let own = own.map(|it| json!({ "name": it.name, "secret": whole(it) }));
        put(&mut fields, "static_secrets", own.collect());
        let brought = self.discovery.secrets.iter().filter(|it| fits(it.0)).map(|(name, it)| {
            let version = self.discovery.version("sds", name);
            json!({
                "name": name,
                "version_info": version.0,
                "last_updated": timestamp(version.1),
                "secret": whole(it),
            })
        });
        put(&mut fields, "dynamic_active_secrets", brought.collect());
        fields
    }

    fn endpoints_dump(&self, fits: &dyn Fn(&str) -> bool) -> Fields {
        let (mut own, mut brought) = (Vec::new(), Vec::new());
        for cluster in self.cluster_names.values().filter_map(|id| self.clusters.get(*id)?.as_ref()) {
            let is_eds = cluster.config.cluster_discovery_type == Some(Discovery::Type(DiscoveryType::Eds));
            let service = cluster.config.eds_cluster_config.as_ref().map_or("", |it| &it.service_name);
            let name = if service.is_empty() { &cluster.name } else { service };
            if fits(name) {
                let to = if is_eds { &mut brought } else { &mut own };
                to.push(json!({ "endpoint_config": assignment(cluster, name) }));
            }
        }
        let mut fields = Fields::new();
        put(&mut fields, "static_endpoint_configs", own);
        put(&mut fields, "dynamic_endpoint_configs", brought);
        fields
    }
}

/// The hosts of a cluster as an assignment would have them.
fn assignment(cluster: &Cluster, name: &str) -> Value {
    type Place<'a> = (u32, &'a str, &'a str, &'a str);
    let mut places: BTreeMap<Place<'_>, Vec<&Host>> = BTreeMap::new();
    for host in cluster.hosts.values().filter(|it| !it.is_removed) {
        let (region, zone, sub_zone) = &host.seen.locality;
        places.entry((host.seen.priority, region, zone, sub_zone)).or_default().push(host);
    }
    let endpoints: Vec<Value> = places
        .into_iter()
        .map(|((priority, region, zone, sub_zone), hosts)| {
            let mut fields = Fields::new();
            fields.insert("locality".to_owned(), locality(region, zone, sub_zone));
            fields.insert("lb_endpoints".to_owned(), hosts.iter().map(|it| endpoint(it)).collect());
            let weight = hosts.first().map_or(0, |it| it.seen.locality_weight);
            fields.insert("load_balancing_weight".to_owned(), weight.into());
            if priority > 0 {
                fields.insert("priority".to_owned(), priority.into());
            }
            fields.into()
        })
        .collect();
    let policy = cluster.config.load_assignment.as_ref().and_then(|it| it.policy.as_ref());
    let factor = policy.and_then(|it| it.overprovisioning_factor).unwrap_or(140);
    let mut fields = Fields::new();
    fields.insert("cluster_name".to_owned(), name.into());
    put(&mut fields, "endpoints", endpoints);
    fields.insert("policy".to_owned(), json!({ "overprovisioning_factor": factor }));
    typed("envoy.config.endpoint.v3.ClusterLoadAssignment", fields.into())
}

/// A locality without its empty parts.
pub(super) fn locality(region: &str, zone: &str, sub_zone: &str) -> Value {
    let parts = [("region", region), ("zone", zone), ("sub_zone", sub_zone)];
    let parts = parts.iter().filter(|it| !it.1.is_empty());
    Value::Object(parts.map(|(name, value)| ((*name).to_owned(), (*value).into())).collect())
}

/// An address as `socket_address`.
pub(super) fn address(at: std::net::SocketAddr) -> Value {
    json!({ "socket_address": { "address": at.ip().to_string(), "port_value": at.port() } })
}

fn endpoint(host: &Host) -> Value {
    let mut inner = Fields::new();
    inner.insert("address".to_owned(), address(host.address));
    let mut check = Fields::new();
    if host.check_address.port() != host.address.port() {
        check.insert("port_value".to_owned(), host.check_address.port().into());
    }
    inner.insert("health_check_config".to_owned(), check.into());
    if !host.seen.hostname.is_empty() {
        inner.insert("hostname".to_owned(), host.seen.hostname.as_str().into());
    }
    let status = match host.health() {
        Health::Healthy => "HEALTHY",
        Health::Degraded => "DEGRADED",
        Health::Unhealthy => "UNHEALTHY",
    };
    let mut fields = Fields::new();
    fields.insert("endpoint".to_owned(), inner.into());
    fields.insert("health_status".to_owned(), status.into());
    if !host.seen.metadata.is_empty() {
        let metadata = json!({ "filter_metadata": { "envoy.lb": host.seen.metadata } });
        fields.insert("metadata".to_owned(), metadata);
    }
    fields.insert("load_balancing_weight".to_owned(), host.seen.weight.into());
    fields.into()
}

/// A status and its text.
type Refusal = (u16, String);

fn of_admin(name: &str, fields: Fields) -> Value {
    typed(&format!("envoy.admin.v3.{name}"), fields.into())
}

/// All parts, of each only what a mask names.
fn masked(dumps: Vec<(usize, Fields)>, mask: Option<&str>) -> Result<Vec<Value>, Refusal> {
    let Some(mask) = mask else {
        return Ok(dumps.into_iter().map(|(at, fields)| of_admin(KINDS[at].name, fields)).collect());
    };
    let mut kept = Vec::new();
    for (at, fields) in dumps {
        let kind = &KINDS[at];
        let knows = |path: &str| {
            let (first, rest) = path.split_once('.').map_or((path, None), |it| (it.0, Some(it.1)));
            let is_list = kind.lists.iter().any(|it| it.0 == first);
            (is_list && rest.is_none()) || kind.others.contains(&first)
        };
        if mask.split(',').all(knows) {
            kept.push(of_admin(kind.name, trimmed(&fields, mask)));
        }
    }
    if kept.is_empty() {
        return Err((400, format!("FieldMask {mask} could not be successfully applied to any configs.")));
    }
    Ok(kept)
}

/// The items of one list, of each only what a mask names.
fn one_resource(
    dumps: Vec<(usize, Fields)>,
    resource: &str,
    mask: Option<&str>,
) -> Result<Vec<Value>, Refusal> {
    if KINDS.iter().any(|it| it.others.contains(&resource)) {
        return Err((400, format!("{resource} is not a repeated field. Use ?mask to get only this field")));
    }
    for (at, mut fields) in dumps {
        let kind = &KINDS[at];
        let Some((_, item)) = kind.lists.iter().find(|it| it.0 == resource) else { continue };
        let Some(Value::Array(items)) = fields.remove(resource) else { return Ok(Vec::new()) };
        let name = format!("{}.{item}", kind.name);
        const FIELDS: [&str; 10] = [
            "cluster",
            "listener",
            "name",
            "active_state",
            "error_state",
            "route_config",
            "secret",
            "endpoint_config",
            "version_info",
            "last_updated",
        ];
        if let Some(mask) = mask
            && !mask.split(',').all(|it| FIELDS.contains(&it.split('.').next().unwrap_or_default()))
        {
            let paths: String = mask.split(',').map(|it| format!("paths: \"{it}\"\n")).collect();
            return Err((
                400,
                format!("FieldMask goo.gle/debugproto   \n{paths} could not be successfully used."),
            ));
        }
        let shown = items.into_iter().filter_map(|it| match it {
            Value::Object(fields) => {
                let fields = mask.map_or(fields.clone(), |mask| trimmed(&fields, mask));
                Some(of_admin(&name, fields))
            }
            _ => None,
        });
        return Ok(shown.collect());
    }
    Err((404, format!("{resource} not found in config dump")))
}

/// What a mask leaves of an object: the fields that its paths name, and the types of what they lead through.
fn trimmed(fields: &Fields, mask: &str) -> Fields {
    let mut kept = Fields::new();
    for (name, value) in fields {
        let inner: Vec<&str> = mask
            .split(',')
            .filter_map(|path| match path.strip_prefix(name.as_str())? {
                "" => Some(""),
                rest => rest.strip_prefix('.'),
            })
            .collect();
        if name == "@type" || inner.contains(&"") {
            kept.insert(name.clone(), value.clone());
        } else if let (Value::Object(within), false) = (value, inner.is_empty()) {
            kept.insert(name.clone(), trimmed(within, &inner.join(",")).into());
        }
    }
    kept
}
