//! Updates are put in force: clusters, endpoints, listeners, routes and secrets that discovery brought.
//!
//! Always: a thing that cannot be put in force leaves the one before it in force, and the answer says why.
//! Differs from Envoy: a cluster is replaced with all its connections, also where only a little of it changed.
//! Source: Envoy `cds_api_helper.cc`, `lds_api.cc`, `eds.cc`, `rds_impl.cc`, `sds_api.cc`.

use super::Proxy;
use super::xds::{Failed, Kind, Update, path, secrets_of_cluster, secrets_of_listener, tables_of};
use crate::cluster::members;
use crate::config;
use crate::config::check;
use crate::config::cluster::{Cluster as ClusterConfig, ClusterClusterDiscoveryType as Found, DiscoveryType};
use crate::config::endpoint::ClusterLoadAssignment;
use crate::config::extension::{NetworkFilter, Resource};
use crate::config::hcm::HttpConnectionManagerRouteSpecifier as Routes;
use crate::config::listener::Listener as ListenerConfig;
use crate::route::RouteTable;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

type Done = Result<(), String>;

/// What is no longer named, of what there is.
fn gone<T>(removed: Option<Vec<String>>, wanted: &BTreeMap<String, T>, there: Vec<&String>) -> Vec<String> {
    removed.unwrap_or_else(|| there.into_iter().filter(|it| !wanted.contains_key(*it)).cloned().collect())
}

fn all_or(errors: Vec<String>, what: &str) -> Done {
    if errors.is_empty() {
        Ok(())
    } else {
        Err(format!("Error adding/updating {what}(s) {}", errors.join("\n")))
    }
}

impl Proxy {
    pub(super) fn count_update(&mut self, prefix: &str, is_good: bool) {
        self.stats.count(&format!("{prefix}update_attempt"));
        self.stats.count(&format!("{prefix}{}", if is_good { "update_success" } else { "update_rejected" }));
    }

    pub(super) fn clusters_brought(&mut self, update: Update) -> Done {
        self.discovery.has_come(Kind::Clusters, "");
        let mut wanted = BTreeMap::new();
        for resource in update.resources {
            match resource {
                Resource::Cluster(it) => drop(wanted.insert(it.name.clone(), *it)),
                _ => {
                    self.count_update("cluster_manager.cds.", false);
                    return Err("a resource of another type".to_owned());
                }
            }
        }
        let there = self.discovery.clusters.keys().chain(self.discovery.warming_clusters.keys()).collect();
        for name in gone(update.removed, &wanted, there) {
            self.discovery.warming_clusters.remove(&name);
            if self.discovery.clusters.remove(&name).is_some() {
                self.remove_cluster(&name);
            }
        }
        let mut errors = Vec::new();
        for (name, cluster) in wanted {
            if self.discovery.clusters.get(&name) == Some(&cluster) {
                continue;
            }
            if let Err(why) = self.bring_cluster(cluster, Some(update.version.clone())) {
                errors.push(format!("{name}: {why}"));
            }
        }
        if errors.is_empty() {
            self.discovery.versions.insert("cds", update.version);
        }
        self.count_update("cluster_manager.cds.", errors.is_empty());
        all_or(errors, "cluster")
    }

    /// Puts a cluster in force, or has it wait for its endpoints and secrets. A version: it was brought.
    pub(super) fn bring_cluster(&mut self, cluster: ClusterConfig, version: Option<String>) -> Done {
        check::cluster(&cluster).map_err(|it| it.message)?;
        let is_there = self.want_secrets(&secrets_of_cluster(&cluster))? & self.want_endpoints(&cluster)?;
        let name = cluster.name.clone();
        if !is_there {
            self.discovery.warming_clusters.insert(name, (cluster, version));
            return Ok(());
        }
        self.discovery.warming_clusters.remove(&name);
        self.add_cluster(&cluster)?;
        if let Some(version) = version {
            self.discovery.note(Kind::Clusters, &name, &version, self.now);
            self.discovery.clusters.insert(name, cluster);
        }
        Ok(())
    }

    /// Asks for the endpoints of a cluster that discovers them; whether they are there or not waited for any longer.
    fn want_endpoints(&mut self, cluster: &ClusterConfig) -> Result<bool, String> {
        if cluster.cluster_discovery_type != Some(Found::Type(DiscoveryType::Eds)) {
            return Ok(true);
        }
        let eds = cluster.eds_cluster_config.clone().unwrap_or_default();
        let name = if eds.service_name.is_empty() { cluster.name.clone() } else { eds.service_name };
        self.want(Kind::Endpoints, &name, eds.eds_config.as_ref())?;
        Ok(self.discovery.assigned.contains_key(&name) || !self.discovery.awaits(Kind::Endpoints, &name))
    }

    /// Clusters that have waited for something go into force, if nothing more is missing.
    pub(super) fn warm_clusters(&mut self) {
        for (cluster, version) in std::mem::take(&mut self.discovery.warming_clusters).into_values() {
            if self.bring_cluster(cluster, version).is_err() {
                self.stats.count("cluster_manager.cds.update_rejected");
            }
        }
    }

    pub(super) fn listeners_brought(&mut self, update: Update) -> Done {
        self.discovery.has_come(Kind::Listeners, "");
        let mut wanted = BTreeMap::new();
        for resource in update.resources {
            match resource {
                Resource::Listener(it) => drop(wanted.insert(it.name.clone(), *it)),
                _ => {
                    self.count_update("listener_manager.lds.", false);
                    return Err("a resource of another type".to_owned());
                }
            }
        }
        let there = self.discovery.listeners.keys().chain(self.discovery.warming_listeners.keys()).collect();
        for name in gone(update.removed, &wanted, there) {
            self.discovery.warming_listeners.remove(&name);
            self.discovery.failed.remove(&name);
            if self.discovery.listeners.remove(&name).is_some() {
                self.remove_listener(&name);
            }
        }
        let mut errors = Vec::new();
        for (name, listener) in wanted {
            if self.discovery.listeners.get(&name) == Some(&listener) {
                continue;
            }
            match self.bring_listener(listener.clone(), Some(update.version.clone())) {
                Ok(()) => drop(self.discovery.failed.remove(&name)),
                Err(why) => {
                    errors.push(format!("{name}: {why}"));
                    let version = update.version.clone();
                    self.discovery.failed.insert(name, Failed { listener, at: self.now, why, version });
                }
            }
        }
        if errors.is_empty() {
            self.discovery.versions.insert("lds", update.version);
        }
        self.count_update("listener_manager.lds.", errors.is_empty());
        all_or(errors, "listener")
    }

    /// Puts a listener in force, or has it wait for its secrets and routes. A version: it was brought.
    pub(super) fn bring_listener(&mut self, listener: ListenerConfig, version: Option<String>) -> Done {
        check::listener(&listener).map_err(|it| it.message)?;
        let mut is_there = self.want_secrets(&secrets_of_listener(&listener))?;
        for rds in tables_of(&listener) {
            let name = &rds.route_config_name;
            self.want(Kind::Routes, name, rds.config_source.as_ref())?;
            is_there &= self.route_tables.contains_key(name) || !self.discovery.awaits(Kind::Routes, name);
        }
        let mut name = listener.name.clone();
        if !is_there {
            if name.is_empty() {
                name = format!("#{}", self.discovery.warming_listeners.len());
            }
            self.discovery.warming_listeners.insert(name, (listener, version));
            return Ok(());
        }
        self.discovery.warming_listeners.remove(&name);
        self.add_listener(&listener)?;
        if let Some(version) = version {
            self.discovery.note(Kind::Listeners, &name, &version, self.now);
            self.discovery.listeners.insert(name, listener);
        }
        Ok(())
    }

    /// Listeners that have waited for something go into force, if nothing more is missing.
    pub(super) fn warm_listeners(&mut self) {
        for (name, (listener, version)) in std::mem::take(&mut self.discovery.warming_listeners) {
            let brought = version.clone().unwrap_or_default();
            if let Err(why) = self.bring_listener(listener.clone(), version) {
                self.stats.count("listener_manager.listener_create_failure");
                let failed = Failed { listener, at: self.now, why, version: brought };
                self.discovery.failed.insert(name, failed);
            }
        }
    }

    /// Endpoints, routes and secrets.
    pub(super) fn others_brought(&mut self, update: Update) -> Done {
        let mut errors = Vec::new();
        let mut secrets = BTreeSet::new();
        for resource in update.resources {
            let done = match resource {
                Resource::ClusterLoadAssignment(it) => self.assignment_brought(it, &update.version),
                Resource::RouteConfiguration(it) => self.table_brought(&it, &update.version),
                Resource::Secret(it) => {
                    secrets.insert(it.name.clone());
                    self.discovery.has_come(Kind::Secrets, &it.name);
                    self.discovery.note(Kind::Secrets, &it.name, &update.version, self.now);
                    self.count_update(&format!("sds.{}.", it.name), true);
                    self.discovery.secrets.insert(it.name.clone(), *it);
                    Ok(())
                }
                _ => return Err("a resource of another type".to_owned()),
            };
            errors.extend(done.err());
        }
        if !secrets.is_empty() {
            self.secrets_brought(&secrets);
        }
        if errors.is_empty() { Ok(()) } else { Err(errors.join("\n")) }
    }

    /// New secrets: what uses them takes them up, and connections go on as they are.
    fn secrets_brought(&mut self, secrets: &BTreeSet<String>) {
        for at in 0..self.listeners.len() {
            let Some(Some(old)) = self.listeners.get(at) else { continue };
            let config = old.config.clone();
            if !secrets_of_listener(&config).iter().any(|it| secrets.contains(&it.name)) {
                continue;
            }
            let (is_bound, is_stopped) = (old.is_bound, old.is_stopped);
            match self.compile_listener(&config) {
                Ok(mut listener) => {
                    (listener.is_bound, listener.is_stopped) = (is_bound, is_stopped);
                    self.listeners[at] = Some(listener);
                }
                Err(_) => self.stats.count("listener_manager.listener_create_failure"),
            }
        }
        #[cfg(feature = "tls")]
        for id in 0..self.clusters.len() {
            let Some(config) = self.clusters[id].as_ref().map(|it| it.config.clone()) else { continue };
            if secrets_of_cluster(&config).iter().any(|it| secrets.contains(&it.name))
                && let Ok(connector) = self.connector(&config)
                && let Some(cluster) = self.cluster(id)
            {
                cluster.tls = connector;
                cluster.lacks_secrets = false;
            }
        }
    }

    /// The endpoints of the clusters of an assignment.
    fn assignment_brought(&mut self, assignment: ClusterLoadAssignment, version: &str) -> Done {
        let name = assignment.cluster_name.clone();
        self.discovery.has_come(Kind::Endpoints, &name);
        let members = members::of_assignment(&assignment)?;
        if let Some(bad) = members.iter().find(|it| members::at(it).is_none()) {
            let why = format!("malformed IP address: {}", bad.name.0);
            for prefix in self.eds_prefixes(&name) {
                self.count_update(&prefix, false);
            }
            return Err(why);
        }
        self.discovery.note(Kind::Endpoints, &name, version, self.now);
        self.discovery.assigned.insert(name.clone(), assignment);
        for prefix in self.eds_prefixes(&name) {
            self.count_update(&prefix, true);
        }
        let ids: Vec<usize> =
            self.discovery.assignments.iter().filter(|it| *it.1 == name).map(|it| *it.0).collect();
        ids.into_iter().for_each(|id| self.assign(id, &name));
        Ok(())
    }

    fn eds_prefixes(&self, name: &str) -> Vec<String> {
        let ids = self.discovery.assignments.iter().filter(|it| it.1 == name);
        ids.filter_map(|it| Some(self.clusters.get(*it.0)?.as_ref()?.prefix.clone())).collect()
    }

    /// Gives a cluster the endpoints that were brought under a name, if there are any yet.
    pub(super) fn assign(&mut self, id: usize, name: &str) {
        let Some(assignment) = self.discovery.assigned.get(name).cloned() else { return };
        let members = members::of_assignment(&assignment).unwrap_or_default();
        let members: Vec<_> = members.into_iter().filter_map(|it| Some((members::at(&it)?, it))).collect();
        if let Some(policy) = &assignment.policy
            && let Some(cluster) = self.cluster(id)
        {
            cluster.balancer.set_policy(policy.overprovisioning_factor, policy.weighted_priority_health);
        }
        self.set_members(id, &members);
    }

    /// `http.PREFIX.rds.NAME.` of the connection managers that use a table, or a file.
    pub(super) fn rds_prefixes(&self, table: Option<&str>, file: Option<&str>) -> BTreeSet<String> {
        let mut prefixes = BTreeSet::new();
        let warming = self.discovery.warming_listeners.values().map(|it| &it.0);
        for listener in self.listeners.iter().flatten().map(|it| &it.config).chain(warming) {
            let chains = listener.filter_chains.iter().chain(&listener.default_filter_chain);
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

    fn table_brought(&mut self, table: &config::route::RouteConfiguration, version: &str) -> Done {
        self.discovery.has_come(Kind::Routes, &table.name);
        let read = self.read_file.clone();
        let names = &self.cluster_names;
        let knows = |name: &str| names.contains_key(name);
        let checks = table.validate_clusters == Some(true);
        let compiled = RouteTable::new(table, if checks { Some(&knows) } else { None }, &*read);
        for prefix in self.rds_prefixes(Some(&table.name), None) {
            self.count_update(&prefix, compiled.is_ok());
        }
        self.route_tables.insert(table.name.clone(), Rc::new(compiled?));
        self.discovery.note(Kind::Routes, &table.name, version, self.now);
        self.discovery.tables.insert(table.name.clone(), table.clone());
        Ok(())
    }
}
