//! What is well-formed and still wrong, in Envoy's words: clusters whose parts do not go together, filter chains that
//! end wrongly or match the same connections.
//!
//! Called for each listener and cluster, of the bootstrap or of discovery. What needs other objects (a route's cluster)
//! is checked where those are known; what a part can say of itself, where that part is compiled.
//! Sources: Envoy `upstream_impl.cc`, `cluster_manager_impl.cc`, `listener_impl.cc`, `filter_chain_manager_impl.cc`,
//! `config/utility.h` (`validateTerminalFilters`); compared with Envoy 1.40.

use super::Refused;
use super::bootstrap::{Bootstrap, StaticResources};
use super::cluster::{Cluster, ClusterClusterDiscoveryType, ClusterLbConfig, DiscoveryType, LbPolicy};
use super::core::{AddressAddress, CidrRange};
use super::endpoint::LbEndpointHostIdentifier;
use super::extension::{HttpFilterConfig, NetworkFilter, ProtocolOptions, TransportSocketConfig};
use super::hcm::{HttpConnectionManager, HttpFilterConfigType};
use super::http_filter::Router;
use super::listener::{FilterChain, FilterChainMatch, FilterConfigType, Listener, ListenerFilterConfigType};
use super::protocol::{
    ExplicitHttpConfigProtocolConfig as Explicit, UpstreamHttp, UpstreamHttpUpstreamProtocolOptions as Spoken,
};
use super::rbac::EnforcementType;
use crate::matcher::cidr;
use std::collections::BTreeSet;
use std::net::IpAddr;

type Checked = Result<(), Refused>;

fn refuse(message: impl Into<String>) -> Checked {
    Err(Refused::new(message))
}

/// All that stands in a bootstrap.
pub fn resources(all: &StaticResources) -> Checked {
    let mut names = BTreeSet::new();
    for it in &all.clusters {
        cluster(it)?;
        if !names.insert(&it.name) {
            return refuse(format!("cluster manager: duplicate cluster '{}'", it.name));
        }
    }
    for (index, it) in all.listeners.iter().enumerate() {
        listener(it)?;
        let same = |other: &&Listener| {
            other.name != it.name && other.address == it.address && it.bind_to_port != Some(false)
        };
        if let (Some(_), Some(AddressAddress::SocketAddress(address))) =
            (all.listeners[..index].iter().find(same), it.address.as_ref().map(|it| &it.address))
        {
            let super::core::SocketAddressPortSpecifier::PortValue(port) = &address.port_specifier;
            return refuse(format!(
                "error adding listener: '{}' has duplicate address '{}:{port}' as existing listener, to check if the \
                 listener has duplicated addresses with other listeners or 'enable_reuse_port' is set to 'false' for the \
                 listener",
                it.name, address.address
            ));
        }
    }
    Ok(())
}

/// A cluster on its own.
pub fn cluster(cluster: &Cluster) -> Checked {
    let discovery = match &cluster.cluster_discovery_type {
        Some(ClusterClusterDiscoveryType::Type(it)) => *it,
        None => DiscoveryType::Static,
    };
    let original = discovery == DiscoveryType::OriginalDst;
    if original && cluster.lb_policy != LbPolicy::ClusterProvided {
        return refuse(format!(
            "cluster: LB policy {} is not valid for Cluster type ORIGINAL_DST. Only 'CLUSTER_PROVIDED' is allowed with \
             cluster type 'ORIGINAL_DST'",
            cluster.lb_policy.word()
        ));
    }
    if !original && cluster.lb_policy == LbPolicy::ClusterProvided {
        return refuse(format!(
            "cluster manager: cluster provided LB specified but cluster '{}' did not provide one. Check cluster \
             documentation.",
            cluster.name
        ));
    }
    if original && cluster.load_assignment.is_some() {
        return refuse("ORIGINAL_DST clusters must have no load assignment configured");
    }
    let eds = cluster.eds_cluster_config.as_ref().and_then(|it| it.eds_config.as_ref());
    if discovery == DiscoveryType::Eds && eds.is_none() {
        return refuse("cannot create an EDS cluster without an EDS config");
    }
    endpoints(cluster, discovery)?;
    simulated(cluster)?;
    match (&cluster.lb_config, cluster.lb_policy) {
        (Some(ClusterLbConfig::MaglevLbConfig(it)), LbPolicy::Maglev)
            if !is_prime(it.table_size.unwrap_or(65_537)) =>
        {
            return refuse("The table size of maglev must be prime number");
        }
        (Some(ClusterLbConfig::RingHashLbConfig(it)), LbPolicy::RingHash) => {
            let (least, most) =
                (it.minimum_ring_size.unwrap_or(1024), it.maximum_ring_size.unwrap_or(8_388_608));
            if least > most {
                return refuse(format!(
                    "ring hash: minimum_ring_size ({least}) > maximum_ring_size ({most})"
                ));
            }
        }
        _ => {}
    }
    let Some(socket) = &cluster.transport_socket else { return Ok(()) };
    let super::core::TransportSocketConfigType::TypedConfig(config) = match &socket.config_type {
        Some(it) => it,
        None => return unregistered(&socket.name, ""),
    };
    match config {
        TransportSocketConfig::DownstreamTls(_) => {
            unregistered(&socket.name, "envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext")
        }
        other => other.misplaced().map_or(Ok(()), |url| unregistered(&socket.name, url)),
    }
}

/// What Envoy would act on and this proxy does not.
fn simulated(cluster: &Cluster) -> Checked {
    let thresholds = cluster.circuit_breakers.iter().flat_map(|it| &it.thresholds);
    let common = cluster.common_lb_config.as_ref();
    let asked = [
        (
            "health_checks.reuse_connection",
            cluster.health_checks.iter().any(|it| it.reuse_connection == Some(true)),
        ),
        (
            "circuit_breakers.per_host_thresholds",
            cluster.circuit_breakers.as_ref().is_some_and(|it| !it.per_host_thresholds.is_empty()),
        ),
        (
            "circuit_breakers.thresholds.max_connection_pools",
            thresholds.into_iter().any(|it| it.max_connection_pools.is_some()),
        ),
        ("wait_for_warm_on_init", cluster.wait_for_warm_on_init == Some(false)),
        ("close_connections_on_host_health_failure", cluster.close_connections_on_host_health_failure),
        ("connection_pool_per_downstream_connection", cluster.connection_pool_per_downstream_connection),
        (
            "common_lb_config.close_connections_on_host_set_change",
            common.is_some_and(|it| it.close_connections_on_host_set_change),
        ),
        (
            // Health is told to the balancer at once, as with a window of 0.
            "common_lb_config.update_merge_window",
            common.and_then(|it| it.update_merge_window).is_some_and(|it| !it.is_zero()),
        ),
        (
            "upstream_bind_config.freebind",
            cluster.upstream_bind_config.as_ref().is_some_and(|it| it.freebind == Some(true)),
        ),
    ];
    let place = format!("cluster '{}'", cluster.name);
    none_asked(&place, &asked)?;
    none_asked(&place, &[("respect_dns_ttl", cluster.respect_dns_ttl)])?;
    cluster.typed_extension_protocol_options.values().try_for_each(|it| match it {
        ProtocolOptions::Http(it) => simulated_upstream(&place, it),
        ProtocolOptions::Other(_) | ProtocolOptions::Unset => Ok(()),
    })
}

/// As `none_asked`, for how a cluster speaks HTTP.
fn simulated_upstream(place: &str, http: &UpstreamHttp) -> Checked {
    let upstream = http.upstream_http_protocol_options.clone().unwrap_or_default();
    let http2 = match &http.upstream_protocol_options {
        Spoken::ExplicitHttpConfig(it) => match &it.protocol_config {
            Explicit::Http2ProtocolOptions(it) => Some(it),
            Explicit::HttpProtocolOptions(_) => None,
        },
        Spoken::UseDownstreamProtocolConfig(it) => it.http2_protocol_options.as_ref(),
        Spoken::AutoConfig(it) => it.http2_protocol_options.as_ref(),
    };
    let asked = [
        ("auto_sni", upstream.auto_sni),
        ("auto_san_validation", upstream.auto_san_validation),
        ("override_auto_sni_header", !upstream.override_auto_sni_header.is_empty()),
        ("connection_keepalive", http2.is_some_and(|it| it.connection_keepalive.is_some())),
        ("max_outbound_frames", http2.is_some_and(|it| it.max_outbound_frames.is_some())),
    ];
    none_asked(place, &asked)
}

/// Refuses the first field that Envoy would act on and this proxy does not.
fn none_asked(place: &str, fields: &[(&str, bool)]) -> Checked {
    match fields.iter().find(|(_, is_asked)| *is_asked) {
        Some((field, _)) => refuse(format!("{place}: {field}: not simulated in vethlab")),
        None => Ok(()),
    }
}

/// As `none_asked`, for a connection manager.
fn simulated_manager(hcm: &HttpConnectionManager) -> Checked {
    let scheme = hcm.scheme_header_transformation.as_ref();
    let asked = [
        ("scheme_header_transformation.match_upstream", scheme.is_some_and(|it| it.match_upstream)),
        ("access_log_flush_interval", hcm.access_log_flush_interval.is_some()),
        ("flush_access_log_on_new_request", hcm.flush_access_log_on_new_request),
        ("stream_flush_timeout", hcm.stream_flush_timeout.is_some()),
        (
            "represent_ipv4_remote_address_as_ipv4_mapped_ipv6",
            hcm.represent_ipv4_remote_address_as_ipv4_mapped_ipv6,
        ),
        (
            "http_protocol_options.allow_absolute_url",
            hcm.http_protocol_options.as_ref().is_some_and(|it| it.allow_absolute_url == Some(false)),
        ),
        (
            "http2_protocol_options.connection_keepalive",
            hcm.http2_protocol_options.as_ref().is_some_and(|it| it.connection_keepalive.is_some()),
        ),
        (
            "http2_protocol_options.max_outbound_frames",
            hcm.http2_protocol_options.as_ref().is_some_and(|it| it.max_outbound_frames.is_some()),
        ),
    ];
    none_asked(&format!("http_connection_manager '{}'", hcm.stat_prefix), &asked)
}

/// As `none_asked`, for the router.
fn simulated_router(router: &Router) -> Checked {
    let asked = [
        ("dynamic_stats", router.dynamic_stats == Some(false)),
        ("upstream_log", !router.upstream_log.is_empty()),
        ("respect_expected_rq_timeout", router.respect_expected_rq_timeout),
        ("suppress_grpc_request_failure_code_stats", router.suppress_grpc_request_failure_code_stats),
    ];
    none_asked("envoy.filters.http.router", &asked)
}

/// What stands in the bootstrap beside its resources.
pub fn bootstrap(bootstrap: &Bootstrap) -> Checked {
    let admin = bootstrap.admin.as_ref();
    none_asked("admin", &[("access_log_path", admin.is_some_and(|it| !it.access_log_path.is_empty()))])
}

fn unregistered(name: &str, url: &str) -> Checked {
    refuse(format!("Didn't find a registered implementation for '{name}' with type URL: '{url}'"))
}

fn endpoints(cluster: &Cluster, discovery: DiscoveryType) -> Checked {
    let localities = cluster.load_assignment.as_ref().map(|it| it.endpoints.as_slice()).unwrap_or_default();
    if discovery == DiscoveryType::LogicalDns
        && (localities.len() != 1 || localities[0].lb_endpoints.len() != 1)
    {
        return refuse(
            "LOGICAL_DNS clusters must have a single locality_lb_endpoint and a single lb_endpoint",
        );
    }
    if discovery != DiscoveryType::Static {
        return Ok(());
    }
    for endpoint in localities.iter().flat_map(|it| &it.lb_endpoints) {
        let Some(LbEndpointHostIdentifier::Endpoint(endpoint)) = &endpoint.host_identifier else { continue };
        let Some(AddressAddress::SocketAddress(it)) = endpoint.address.as_ref().map(|it| &it.address) else {
            continue;
        };
        if it.address.parse::<IpAddr>().is_err() {
            return refuse(format!(
                "malformed IP address: {}. Consider setting resolver_name or setting cluster type to 'STRICT_DNS' or \
                 'LOGICAL_DNS'",
                it.address
            ));
        }
    }
    Ok(())
}

fn is_prime(number: u64) -> bool {
    number >= 2 && (2..).take_while(|it| it * it <= number).all(|it| !number.is_multiple_of(it))
}

/// A listener on its own.
pub fn listener(listener: &Listener) -> Checked {
    let Some(address) = &listener.address else {
        return refuse(format!("error adding listener named '{}': address is necessary", listener.name));
    };
    let AddressAddress::SocketAddress(address) = &address.address else { return Ok(()) };
    let super::core::SocketAddressPortSpecifier::PortValue(port) = &address.port_specifier;
    if address.address.parse::<IpAddr>().is_err() {
        return refuse(format!("malformed IP address: {}", address.address));
    }
    let place = format!("error adding listener '{}:{port}'", address.address);
    if listener.filter_chains.is_empty() && listener.default_filter_chain.is_none() {
        return refuse(format!("{place}: no filter chains specified"));
    }
    for it in &listener.listener_filters {
        let misplaced = match &it.config_type {
            None => Some(""),
            Some(ListenerFilterConfigType::TypedConfig(config)) => config.misplaced(),
        };
        misplaced.map_or(Ok(()), |url| unregistered(&it.name, url))?;
    }
    let asked = [
        ("transparent", listener.transparent == Some(true)),
        ("tcp_backlog_size", listener.tcp_backlog_size.is_some()),
    ];
    none_asked(&format!("listener '{}'", listener.name), &asked)?;
    for chain in listener.filter_chains.iter().chain(&listener.default_filter_chain) {
        let matching = chain.filter_chain_match.as_ref();
        if matching.is_some_and(|it| !it.address_suffix.is_empty() || it.suffix_len.is_some()) {
            return refuse(format!("{place}: filter chain '{}' contains unimplemented fields", chain.name));
        }
        let asked = [("transport_socket_connect_timeout", chain.transport_socket_connect_timeout.is_some())];
        none_asked(&format!("listener '{}'", listener.name), &asked)?;
        filter_chain(chain)?;
    }
    matches(&listener.filter_chains, &place)
}

fn filter_chain(chain: &FilterChain) -> Checked {
    for (index, it) in chain.filters.iter().enumerate() {
        let Some(FilterConfigType::TypedConfig(config)) = &it.config_type else {
            return unregistered(&it.name, "");
        };
        let (kind, ends) = match config {
            NetworkFilter::HttpConnectionManager(hcm) => {
                simulated_manager(hcm)?;
                http_filters(hcm)?;
                ("envoy.filters.network.http_connection_manager", true)
            }
            NetworkFilter::TcpProxy(_) => ("envoy.filters.network.tcp_proxy", true),
            NetworkFilter::Rbac(rbac) => {
                let asked = [("enforcement_type", rbac.enforcement_type == EnforcementType::Continuous)];
                none_asked("envoy.filters.network.rbac", &asked)?;
                ("envoy.filters.network.rbac", false)
            }
            NetworkFilter::ConnectionLimit(_) => ("envoy.filters.network.connection_limit", false),
            NetworkFilter::Other(url) => return unregistered(&it.name, url),
            NetworkFilter::Unset => return unregistered(&it.name, ""),
        };
        terminal(&it.name, kind, "network", ends, index + 1 == chain.filters.len())?;
    }
    Ok(())
}

/// The last filter of a chain must be one that ends it, and no other may.
fn terminal(name: &str, kind: &str, chain: &str, ends: bool, is_last: bool) -> Checked {
    match (ends, is_last) {
        (true, false) => refuse(format!(
            "Error: terminal filter named {name} of type {kind} must be the last filter in a {chain} filter chain."
        )),
        (false, true) => refuse(format!(
            "Error: non-terminal filter named {name} of type {kind} is the last filter in a {chain} filter chain."
        )),
        _ => Ok(()),
    }
}

fn http_filters(hcm: &HttpConnectionManager) -> Checked {
    for (index, it) in hcm.http_filters.iter().enumerate() {
        let Some(HttpFilterConfigType::TypedConfig(config)) = &it.config_type else {
            return unregistered(&it.name, "");
        };
        let kind = match config {
            HttpFilterConfig::Router(router) => {
                simulated_router(router)?;
                "router"
            }
            HttpFilterConfig::Rbac(rbac) => {
                none_asked(
                    "envoy.filters.http.rbac",
                    &[("track_per_rule_stats", rbac.track_per_rule_stats)],
                )?;
                "rbac"
            }
            HttpFilterConfig::Fault(_) => "fault",
            HttpFilterConfig::JwtAuthn(_) => "jwt_authn",
            HttpFilterConfig::LocalRateLimit(_) => "local_ratelimit",
            HttpFilterConfig::Cors(_) => "cors",
            HttpFilterConfig::HealthCheck(_) => "health_check",
            HttpFilterConfig::Other(url) => return unregistered(&it.name, url),
            HttpFilterConfig::Unset => return unregistered(&it.name, ""),
        };
        let is_last = index + 1 == hcm.http_filters.len();
        terminal(&it.name, &format!("envoy.filters.http.{kind}"), "http", kind == "router", is_last)?;
    }
    Ok(())
}

/// No two filter chains may match the same connections.
fn matches(chains: &[FilterChain], place: &str) -> Checked {
    for (index, chain) in chains.iter().enumerate() {
        let own = chain.filter_chain_match.clone().unwrap_or_default();
        for name in &own.server_names {
            if name.contains('*') && (!name.starts_with("*.") || name[2..].contains('*')) {
                return refuse(format!("{place}: partial wildcards are not supported in \"server_names\""));
            }
        }
        let ranges =
            own.prefix_ranges.iter().chain(&own.source_prefix_ranges).chain(&own.direct_source_prefix_ranges);
        ranges.into_iter().try_for_each(|it: &CidrRange| cidr(it).map(|_| ()).map_err(Refused::new))?;
        let before = chains[..index].iter().find(|it| {
            let other = it.filter_chain_match.clone().unwrap_or_default();
            overlaps(&own, &other)
        });
        match before {
            Some(it) if it.filter_chain_match.clone().unwrap_or_default() == own => {
                return refuse(format!(
                    "{place}: filter chain '{}' has the same matching rules defined as '{}'",
                    chain.name, it.name
                ));
            }
            Some(_) => {
                return refuse(format!(
                    "{place}: multiple filter chains with overlapping matching rules are defined"
                ));
            }
            None => {}
        }
    }
    Ok(())
}

/// Whether some connection is matched by both in the same way: each list shares an item, or both have none.
fn overlaps(a: &FilterChainMatch, b: &FilterChainMatch) -> bool {
    fn share<T: PartialEq>(a: &[T], b: &[T]) -> bool {
        (a.is_empty() && b.is_empty()) || a.iter().any(|it| b.contains(it))
    }
    a.destination_port == b.destination_port
        && a.transport_protocol == b.transport_protocol
        && a.source_type == b.source_type
        && share(&a.prefix_ranges, &b.prefix_ranges)
        && share(&a.source_prefix_ranges, &b.source_prefix_ranges)
        && share(&a.direct_source_prefix_ranges, &b.direct_source_prefix_ranges)
        && share(&a.source_ports, &b.source_ports)
        && share(&a.server_names, &b.server_names)
        && share(&a.application_protocols, &b.application_protocols)
}
