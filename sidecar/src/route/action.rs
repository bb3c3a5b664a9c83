//! What becomes of a request that a route matched: it is forwarded, redirected or answered.

use super::Mutations;
use super::redirect::Redirect;
use super::retry::RetryPolicy;
use crate::access_log::Layout;
use crate::balance::hash_policy::HashPolicy;
use crate::config::core::{FractionalPercent, Metadata, RoutingPriority};
use crate::config::extension::Struct;
use crate::config::{route, route_action as config};
use crate::http::HeaderMap;
use crate::matcher::Rewrite;
use crate::random::Random;
use crate::source::{self, LONGEST, ReadFile, nanos};
use std::rc::Rc;
use std::time::Duration;

/// Envoy's timeout of a route that names none.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(15);

/// One of the three.
#[derive(Debug)]
pub enum Action {
    /// To a cluster.
    Forward(Box<Forward>),
    /// To another location.
    Redirect(Redirect),
    /// Answered by the proxy.
    Direct { status: u16, body: String, layout: Option<Layout> },
}

/// Which cluster.
#[derive(Debug)]
pub enum Choice {
    /// This one.
    Fixed(Rc<str>),
    /// That which a header names.
    Header(String),
    /// One of several, by weight.
    Weighted { entries: Vec<Weighted>, total: u64, random_header: Option<String> },
}

/// One of several clusters.
#[derive(Debug)]
pub struct Weighted {
    name: Rc<str>,
    header: String,
    weight: u64,
    metadata: Option<Struct>,
    /// Changes of request headers.
    pub request: Mutations,
    /// Changes of response headers.
    pub response: Mutations,
    /// The host that goes upstream.
    pub host: Option<String>,
    /// Filters' configuration.
    pub per_filter: super::PerFilter,
}

/// What the host becomes.
#[derive(Debug)]
pub enum HostRewrite {
    /// It stays.
    None,
    /// The endpoint's host name.
    Automatic,
    /// This.
    Literal(String),
    /// The value of a header.
    Header(String),
    /// What an expression makes of the path.
    Path(Rewrite),
}

impl PartialEq for HostRewrite {
    fn eq(&self, other: &HostRewrite) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

/// Where copies of requests go.
#[derive(Debug)]
pub struct Mirror {
    /// The cluster, or the header that names it.
    pub cluster: String,
    /// The header that names it.
    pub cluster_header: String,
    /// How many of the requests.
    pub fraction: Option<FractionalPercent>,
    /// Whether the host keeps its name, without `-shadow`.
    pub keeps_host: bool,
}

/// A forwarding route.
#[derive(Debug)]
pub struct Forward {
    /// Which cluster.
    pub cluster: Choice,
    /// Replaces the start of the path.
    pub prefix_rewrite: Option<String>,
    /// Rewrites the path.
    pub regex_rewrite: Option<Rewrite>,
    /// What the host becomes.
    pub host_rewrite: HostRewrite,
    /// Whether the old host goes into `x-forwarded-host`.
    pub appends_forwarded_host: bool,
    /// How long the response may take, all attempts together.
    pub timeout: Option<u64>,
    /// How long the stream may be silent, where the route says so.
    pub idle_timeout: Option<Option<u64>>,
    /// How long the stream may last.
    pub max_duration: Option<u64>,
    /// The longest time a client's `grpc-timeout` may make the stream last; nought: any.
    pub grpc_duration: Option<u64>,
    /// By how much it is shortened.
    pub grpc_offset: u64,
    /// The longest time a client may ask for in `grpc-timeout`, for the response.
    pub max_grpc_timeout: Option<Duration>,
    /// Which failures are tried again.
    pub retry: Option<RetryPolicy>,
    /// Where copies go.
    pub mirrors: Vec<Mirror>,
    /// How requests are hashed.
    pub hash: HashPolicy,
    metadata: Option<Struct>,
    /// Which of the cluster's circuit breakers counts.
    pub priority: RoutingPriority,
    /// The status where there is no such cluster.
    pub not_found: u16,
    /// Which upgrades are allowed here, over those of the connection manager.
    pub upgrades: Vec<(String, bool)>,
}

/// The cluster that was chosen.
#[derive(Clone, Debug)]
pub struct Chosen {
    /// Its name.
    pub name: Rc<str>,
    /// The entry of a weighted cluster.
    pub entry: Option<usize>,
}

fn subset(metadata: Option<&Metadata>) -> Option<Struct> {
    metadata.and_then(|it| it.filter_metadata.get("envoy.lb")).cloned()
}

impl Action {
    /// Compiles a configuration.
    pub fn new(
        action: &route::Action,
        host: &route::VirtualHost,
        read: ReadFile<'_>,
    ) -> Result<Action, String> {
        Ok(match action {
            route::Action::Route(it) => Action::Forward(Box::new(Forward::new(it, host)?)),
            route::Action::Redirect(it) => Action::Redirect(Redirect::new(it)?),
            route::Action::DirectResponse(it) => Action::Direct {
                status: it.status as u16,
                body: it.body.as_ref().map_or(Ok(String::new()), |it| source::text(it, read))?,
                layout: it.body_format.as_ref().map(|it| Layout::new(it, read)).transpose()?,
            },
        })
    }

    /// The names of the clusters it may use, as far as the configuration names them.
    pub fn clusters(&self) -> Vec<&str> {
        let Action::Forward(forward) = self else { return Vec::new() };
        let mut names: Vec<&str> = match &forward.cluster {
            Choice::Fixed(name) => vec![name],
            Choice::Header(_) => Vec::new(),
            Choice::Weighted { entries, .. } => entries.iter().map(|it| &*it.name).collect(),
        };
        names.extend(forward.mirrors.iter().map(|it| it.cluster.as_str()));
        names.retain(|it| !it.is_empty());
        names
    }
}

impl Weighted {
    fn new(config: &config::ClusterWeight) -> Result<Weighted, String> {
        let host = config.host_rewrite_specifier.as_ref();
        Ok(Weighted {
            name: config.name.as_str().into(),
            header: config.cluster_header.clone(),
            weight: u64::from(config.weight.unwrap_or(0)),
            metadata: subset(config.metadata_match.as_ref()),
            request: Mutations::new(&config.request_headers_to_add, &config.request_headers_to_remove)?,
            response: Mutations::new(&config.response_headers_to_add, &config.response_headers_to_remove)?,
            host: host.map(|config::ClusterWeightHostRewriteSpecifier::HostRewriteLiteral(it)| it.clone()),
            per_filter: super::per_filter(&config.typed_per_filter_config)?,
        })
    }
}

impl Choice {
    fn new(config: &config::RouteActionClusterSpecifier) -> Result<Choice, String> {
        use config::RouteActionClusterSpecifier as Kind;
        Ok(match config {
            Kind::Cluster(name) => Choice::Fixed(name.as_str().into()),
            Kind::ClusterHeader(name) => Choice::Header(name.to_ascii_lowercase()),
            Kind::WeightedClusters(it) => {
                let entries = it.clusters.iter().map(Weighted::new).collect::<Result<Vec<_>, _>>()?;
                let total = entries.iter().map(|it| it.weight).sum();
                if total == 0 {
                    return Err("Sum of weights in the weighted_cluster must be greater than 0.".to_owned());
                }
                let header = it.random_value_specifier.as_ref();
                let random_header =
                    header.map(|config::WeightedClusterRandomValueSpecifier::HeaderName(it)| it.clone());
                Choice::Weighted { entries, total, random_header }
            }
        })
    }
}

impl Forward {
    fn new(config: &config::RouteAction, host: &route::VirtualHost) -> Result<Forward, String> {
        use config::RouteActionHostRewriteSpecifier as Host;
        let retry = config.retry_policy.as_ref().or(host.retry_policy.as_ref());
        let own = &config.request_mirror_policies;
        let mirrors = if own.is_empty() { &host.request_mirror_policies } else { own };
        let max = config.max_stream_duration.as_ref();
        Ok(Forward {
            cluster: Choice::new(&config.cluster_specifier)?,
            prefix_rewrite: (!config.prefix_rewrite.is_empty()).then(|| config.prefix_rewrite.clone()),
            regex_rewrite: config.regex_rewrite.as_ref().map(Rewrite::new).transpose()?,
            host_rewrite: match &config.host_rewrite_specifier {
                Some(Host::HostRewriteLiteral(it)) if !it.is_empty() => HostRewrite::Literal(it.clone()),
                Some(Host::AutoHostRewrite(true)) => HostRewrite::Automatic,
                Some(Host::HostRewriteHeader(it)) if !it.is_empty() => HostRewrite::Header(it.clone()),
                Some(Host::HostRewritePathRegex(it)) => HostRewrite::Path(Rewrite::new(it)?),
                _ => HostRewrite::None,
            },
            appends_forwarded_host: config.append_x_forwarded_host,
            // A route that limits its streams has no other timeout, whatever it says.
            timeout: source::timeout(config.timeout, Some(DEFAULT_TIMEOUT)).filter(|_| max.is_none()),
            idle_timeout: config.idle_timeout.map(|it| Some(nanos(it)).filter(|it| *it > 0)),
            max_duration: max.and_then(|it| it.max_stream_duration).map(nanos).filter(|it| *it > 0),
            grpc_duration: max.and_then(|it| it.grpc_timeout_header_max).map(nanos),
            grpc_offset: max.and_then(|it| it.grpc_timeout_header_offset).map_or(0, nanos),
            max_grpc_timeout: config.max_grpc_timeout,
            retry: retry.map(RetryPolicy::new).transpose()?,
            mirrors: mirrors
                .iter()
                .map(|it| Mirror {
                    cluster: it.cluster.clone(),
                    cluster_header: it.cluster_header.clone(),
                    fraction: it.runtime_fraction.as_ref().map(|it| it.default_value.clone()),
                    keeps_host: it.disable_shadow_host_suffix_append,
                })
                .collect(),
            hash: HashPolicy::new(&config.hash_policy)?,
            metadata: subset(config.metadata_match.as_ref()),
            priority: config.priority,
            not_found: match config.cluster_not_found_response_code {
                config::ClusterNotFoundResponseCode::ServiceUnavailable => 503,
                config::ClusterNotFoundResponseCode::NotFound => 404,
                config::ClusterNotFoundResponseCode::InternalServerError => 500,
            },
            upgrades: config
                .upgrade_configs
                .iter()
                .map(|it| (it.upgrade_type.to_ascii_lowercase(), it.enabled != Some(false)))
                .collect(),
        })
    }

    /// Chooses the cluster of a request; none where the header that names it is missing.
    pub fn choose(&self, headers: &HeaderMap, random: &mut Random) -> Option<Chosen> {
        let named = |name: &str| headers.get_str(name).filter(|it| !it.is_empty()).map(Rc::from);
        match &self.cluster {
            Choice::Fixed(name) => Some(Chosen { name: name.clone(), entry: None }),
            Choice::Header(name) => Some(Chosen { name: named(name)?, entry: None }),
            Choice::Weighted { entries, total, random_header } => {
                let given = random_header.as_ref().and_then(|it| headers.get_str(it)?.parse::<u64>().ok());
                let mut drawn = given.unwrap_or_else(|| random.draw()) % total;
                let at = entries.iter().position(|it| match drawn.checked_sub(it.weight) {
                    Some(left) => {
                        drawn = left;
                        false
                    }
                    None => true,
                })?;
                let entry = &entries[at];
                let name = if entry.name.is_empty() { named(&entry.header)? } else { entry.name.clone() };
                Some(Chosen { name, entry: Some(at) })
            }
        }
    }

    /// How long the stream may last.
    pub fn duration(&self, is_grpc: bool, headers: &HeaderMap) -> Option<u64> {
        if is_grpc && let (Some(max), Some(asked)) = (self.grpc_duration, grpc_timeout(headers)) {
            let allowed = if max > 0 { asked.min(max) } else { asked };
            return Some(if self.grpc_offset < allowed { allowed - self.grpc_offset } else { allowed });
        }
        self.max_duration
    }

    /// The entry of a weighted cluster that was chosen.
    pub fn entry(&self, chosen: &Chosen) -> Option<&Weighted> {
        match &self.cluster {
            Choice::Weighted { entries, .. } => entries.get(chosen.entry?),
            _ => None,
        }
    }

    /// What an endpoint's metadata must hold.
    pub fn subset(&self, chosen: &Chosen) -> Option<Struct> {
        let own = self.entry(chosen).and_then(|it| it.metadata.as_ref());
        match (&self.metadata, own) {
            (None, None) => None,
            (route, own) => {
                let mut merged = route.clone().unwrap_or_default();
                merged.extend(own.into_iter().flatten().map(|(name, value)| (name.clone(), value.clone())));
                Some(merged)
            }
        }
    }
}

/// What a gRPC client allows, in nanoseconds.
pub fn grpc_timeout(headers: &HeaderMap) -> Option<u64> {
    let text = headers.get_str("grpc-timeout")?;
    let unit = match text.chars().last()? {
        'H' => 3600 * 1000 * 1_000_000,
        'M' => 60 * 1000 * 1_000_000,
        'S' => 1000 * 1_000_000,
        'm' => 1_000_000,
        'u' => 1000,
        'n' => 1,
        _ => return None,
    };
    text[..text.len() - 1].parse::<u64>().ok()?.checked_mul(unit).map(|it| it.min(LONGEST))
}
