//! A compiled route configuration: virtual hosts by domain.

use super::index::Index;
use super::{Asked, Mutations, PerFilter, Route};
use crate::config::route as config;
use crate::http::HeaderMap;
use crate::random::Random;
use crate::source::ReadFile;
use std::collections::BTreeMap;
use std::rc::Rc;

/// A virtual host: domains and their routes.
#[derive(Debug)]
pub struct VirtualHost {
    /// Its name.
    pub name: Rc<str>,
    routes: Vec<Rc<Route>>,
    index: Option<Index>,
    /// Whether only TLS will do: for all, or for external clients.
    pub require_tls: config::TlsRequirement,
    /// Whether `x-envoy-attempt-count` is sent upstream.
    pub counts_attempts: bool,
    /// Whether it is sent downstream.
    pub counts_attempts_in_response: bool,
    request: Mutations,
    response: Mutations,
    /// Filters' configuration for this virtual host.
    pub per_filter: PerFilter,
}

/// A route configuration.
#[derive(Debug)]
pub struct RouteTable {
    /// Its name.
    pub name: String,
    hosts: Vec<Rc<VirtualHost>>,
    exact: BTreeMap<String, usize>,
    /// Endings (`*.example.com` without the star), longest first.
    endings: Vec<(String, usize)>,
    /// Beginnings (`example.*`), longest first.
    beginnings: Vec<(String, usize)>,
    any: Option<usize>,
    ignores_port: bool,
    is_most_specific_last: bool,
    request: Mutations,
    response: Mutations,
    /// Filters' configuration for the whole table.
    pub per_filter: PerFilter,
}

/// What a request met.
#[derive(Clone, Debug)]
pub struct Met {
    /// The table.
    pub table: Rc<RouteTable>,
    /// The virtual host.
    pub host: Rc<VirtualHost>,
    /// The route.
    pub route: Rc<Route>,
}

impl VirtualHost {
    /// The first route that matches.
    fn route(&self, asked: &Asked<'_>, random: &mut Random) -> Option<&Rc<Route>> {
        let Some(index) = &self.index else { return self.routes.iter().find(|it| it.matches(asked, random)) };
        let places = index.candidates(asked.headers.get(":path").unwrap_or_default());
        places.into_iter().map(|at| &self.routes[at as usize]).find(|it| it.matches(asked, random))
    }
}

impl RouteTable {
    /// Compiles a configuration; an error is Envoy's text for it. `knows` tells whether a cluster exists.
    pub fn new(
        config: &config::RouteConfiguration,
        knows: Option<&dyn Fn(&str) -> bool>,
        read: ReadFile<'_>,
    ) -> Result<RouteTable, String> {
        let mut table = RouteTable {
            name: config.name.clone(),
            hosts: Vec::new(),
            exact: BTreeMap::new(),
            endings: Vec::new(),
            beginnings: Vec::new(),
            any: None,
            ignores_port: config.ignore_port_in_host_matching,
            is_most_specific_last: config.most_specific_header_mutations_wins,
            request: Mutations::new(&config.request_headers_to_add, &config.request_headers_to_remove)?,
            response: Mutations::new(&config.response_headers_to_add, &config.response_headers_to_remove)?,
            per_filter: super::per_filter(&config.typed_per_filter_config)?,
        };
        for host in &config.virtual_hosts {
            table.add(host, &config.request_mirror_policies, read)?;
        }
        table.endings.sort_by_key(|it| std::cmp::Reverse(it.0.len()));
        table.beginnings.sort_by_key(|it| std::cmp::Reverse(it.0.len()));
        let routes = table.hosts.iter().flat_map(|it| &it.routes);
        let unknown =
            routes.flat_map(|it| it.action.clusters()).find(|it| knows.is_some_and(|knows| !knows(it)));
        match unknown {
            Some(name) => Err(format!("route: unknown cluster '{name}'")),
            None => Ok(table),
        }
    }

    fn add(
        &mut self,
        config: &config::VirtualHost,
        mirrors: &[crate::config::route_action::RequestMirrorPolicy],
        read: ReadFile<'_>,
    ) -> Result<(), String> {
        let at = self.hosts.len();
        for domain in &config.domains {
            let domain = domain.to_ascii_lowercase();
            let duplicate = if domain == "*" {
                if self.any.replace(at).is_some() {
                    return Err(format!("Only a single wildcard domain is permitted in route {}", self.name));
                }
                false
            } else if let Some(ending) = domain.strip_prefix('*') {
                let is_there = self.endings.iter().any(|it| it.0 == ending);
                self.endings.push((ending.to_owned(), at));
                is_there
            } else if let Some(beginning) = domain.strip_suffix('*') {
                let is_there = self.beginnings.iter().any(|it| it.0 == beginning);
                self.beginnings.push((beginning.to_owned(), at));
                is_there
            } else {
                self.exact.insert(domain.clone(), at).is_some()
            };
            if duplicate {
                return Err(format!(
                    "Only unique values for domains are permitted. Duplicate entry of domain {domain} in route {}",
                    self.name
                ));
            }
        }
        let mut with_mirrors = config.clone();
        if with_mirrors.request_mirror_policies.is_empty() {
            with_mirrors.request_mirror_policies = mirrors.to_vec();
        }
        let routes = config.routes.iter().map(|it| Route::new(it, &with_mirrors, read).map(Rc::new));
        let routes = routes.collect::<Result<Vec<_>, String>>()?;
        self.hosts.push(Rc::new(VirtualHost {
            name: config.name.as_str().into(),
            index: Index::new(&routes),
            routes,
            require_tls: config.require_tls,
            counts_attempts: config.include_request_attempt_count,
            counts_attempts_in_response: config.include_attempt_count_in_response,
            request: Mutations::new(&config.request_headers_to_add, &config.request_headers_to_remove)?,
            response: Mutations::new(&config.response_headers_to_add, &config.response_headers_to_remove)?,
            per_filter: super::per_filter(&config.typed_per_filter_config)?,
        }));
        Ok(())
    }

    /// The virtual host of a `Host`: exact, then the longest ending, the longest beginning, any.
    pub fn host(&self, authority: &[u8]) -> Option<&Rc<VirtualHost>> {
        if self.exact.is_empty() && self.endings.is_empty() && self.beginnings.is_empty() {
            return self.any.map(|at| &self.hosts[at]);
        }
        let lower = String::from_utf8_lossy(authority).to_ascii_lowercase();
        let name = if self.ignores_port { without_port(&lower) } else { &lower };
        let found = self.exact.get(name).copied();
        let ends = |it: &&(String, usize)| name.len() > it.0.len() && name.ends_with(&it.0);
        let begins = |it: &&(String, usize)| name.len() > it.0.len() && name.starts_with(&it.0);
        let found = found.or_else(|| self.endings.iter().find(ends).map(|it| it.1));
        let found = found.or_else(|| self.beginnings.iter().find(begins).map(|it| it.1));
        found.or(self.any).map(|at| &self.hosts[at])
    }

    /// The first route of the request's virtual host that matches.
    pub fn meet(self: &Rc<Self>, asked: &Asked<'_>, random: &mut Random) -> Option<Met> {
        let host = self.host(asked.headers.get(":authority").unwrap_or_default())?;
        let route = host.route(asked, random)?;
        Some(Met { table: self.clone(), host: host.clone(), route: route.clone() })
    }

    /// Names of all virtual hosts, for `/config_dump`.
    pub fn host_names(&self) -> impl Iterator<Item = &str> {
        self.hosts.iter().map(|it| &*it.name)
    }
}

impl Met {
    /// Changes of the request's headers, in the order in which they are made. `weighted` comes from the cluster's entry.
    pub fn request_mutations<'a>(
        &'a self,
        weighted: Option<&'a Mutations>,
    ) -> impl Iterator<Item = &'a Mutations> {
        self.ordered([
            weighted,
            Some(&self.route.request),
            Some(&self.host.request),
            Some(&self.table.request),
        ])
    }

    /// Changes of the response's headers.
    pub fn response_mutations<'a>(
        &'a self,
        weighted: Option<&'a Mutations>,
    ) -> impl Iterator<Item = &'a Mutations> {
        self.ordered([
            weighted,
            Some(&self.route.response),
            Some(&self.host.response),
            Some(&self.table.response),
        ])
    }

    fn ordered<'a>(&self, mut levels: [Option<&'a Mutations>; 4]) -> impl Iterator<Item = &'a Mutations> {
        if self.table.is_most_specific_last {
            levels.reverse();
        }
        levels.into_iter().flatten()
    }

    /// A filter's configuration, the most specific first.
    pub fn per_filter(&self, name: &str) -> Option<&crate::filter::PerRoute> {
        let route = self.route.per_filter.get(name);
        route.or_else(|| self.host.per_filter.get(name)).or_else(|| self.table.per_filter.get(name))
    }
}

impl Met {
    /// The CORS policies under a filter's name, the most specific first.
    pub fn cors(&self, name: &str) -> Vec<&crate::filter::cors::CorsPolicy> {
        let levels = [&self.route.per_filter, &self.host.per_filter, &self.table.per_filter];
        let found = levels.into_iter().filter_map(|it| it.get(name));
        found
            .filter_map(|it| if let crate::filter::PerRoute::Cors(policy) = it { Some(policy) } else { None })
            .collect()
    }
}

/// A host without its port; an IPv6 address keeps its brackets.
pub fn without_port(host: &str) -> &str {
    match host.rfind(':') {
        Some(at) if !host[at..].contains(']') && host[at + 1..].bytes().all(|it| it.is_ascii_digit()) => {
            &host[..at]
        }
        _ => host,
    }
}

/// The query string of a path, from its question mark on.
pub fn query(headers: &HeaderMap) -> &[u8] {
    let path = headers.get(":path").unwrap_or_default();
    path.iter().position(|it| *it == b'?').map_or(&[], |at| &path[at..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;
    use crate::http::Connection;
    use proptest::prelude::*;

    fn connection() -> Connection {
        let address = "10.0.0.1:80".parse().expect("an address");
        Connection {
            local: address,
            direct_remote: address,
            remote: address,
            id: 1,
            server_name: String::new(),
            alpn: String::new(),
            is_tls: false,
            tls_version: "",
            peer: None,
            local_uri_sans: Vec::new(),
        }
    }

    proptest! {
        #[test]
        fn a_long_table_meets_the_route_that_asking_one_by_one_finds(
            matches in proptest::collection::vec((0..5usize, "[ab/]{0,3}"), 16..40),
            paths in proptest::collection::vec("/[ab/]{0,4}", 8),
        ) {
            let routes: String = matches.iter().map(|(kind, text)| {
                let (kind, more, end) = [
                    ("prefix", "", ""),
                    ("path", "", ""),
                    ("path_separated_prefix", "", "c"),
                    ("prefix", "case_sensitive: false, ", ""),
                    ("safe_regex", "", ""),
                ][*kind];
                let text = format!("/{text}{end}");
                let text = if kind == "safe_regex" { format!("{{regex: '{text}.*'}}") } else { format!("'{text}'") };
                format!("{{match: {{{more}{kind}: {text}}}, direct_response: {{status: 200}}}}, ")
            }).collect();
            let yaml = format!("virtual_hosts: [{{name: v, domains: ['*'], routes: [{routes}]}}]");
            let config: crate::config::route::RouteConfiguration =
                config::message(&config::tree(&yaml, false).expect("valid YAML")).expect("a table");
            let table = RouteTable::new(&config, None, &|_| Err(String::new())).expect("compiles");
            let (host, connection) = (&table.hosts[0], connection());
            prop_assert!(host.index.is_some());
            for path in paths {
                let headers: HeaderMap = [(":path", path)].into_iter().collect();
                let asked = Asked { headers: &headers, connection: &connection };
                let slow = host.routes.iter().find(|it| it.matches(&asked, &mut Random::new(1)));
                let fast = host.route(&asked, &mut Random::new(1));
                prop_assert_eq!(slow.map(Rc::as_ptr), fast.map(Rc::as_ptr));
            }
        }
    }
}
