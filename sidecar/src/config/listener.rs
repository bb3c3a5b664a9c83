//! A listener: one address, the filters that look at a connection first, and the filter chains one of which gets it.
//!
//! Sources: envoy.config.listener.v3.

use super::access_log::AccessLog;
use super::core::{Address, CidrRange, Metadata, TrafficDirection, TransportSocket};
use super::extension::{ListenerFilterConfig, NetworkFilter};
use super::reader::Rule;
use super::schema::{choice, message, oneof};
use std::time::Duration;

message! {
    struct Listener = "envoy.config.listener.v3.Listener" {
        name: String,
        address: Option<Address>,
        stat_prefix: String,
        filter_chains: Vec<FilterChain>,
        use_original_dst: Option<bool>,
        default_filter_chain: Option<FilterChain>,
        per_connection_buffer_limit_bytes: Option<u32>,
        metadata: Option<Metadata>,
        listener_filters: Vec<ListenerFilter>,
        listener_filters_timeout: Option<Duration>,
        continue_on_listener_filters_timeout: bool,
        transparent: Option<bool>,
        traffic_direction: TrafficDirection,
        enable_reuse_port: Option<bool>,
        access_log: Vec<AccessLog>,
        tcp_backlog_size: Option<u32>,
        bind_to_port: Option<bool>,
    }
    lacks [
        "additional_addresses" "fcds_config" "filter_chain_matcher" "deprecated_v1" "drain_type" "freebind"
        "socket_options" "tcp_fast_open_queue_length" "udp_listener_config" "api_listener"
        "connection_balance_config" "reuse_port" "max_connections_to_accept_per_socket_event"
        "internal_listener" "enable_mptcp" "ignore_global_conn_limit" "bypass_overload_manager"
        "tcp_keepalive"
    ]
    struct FilterChain = "envoy.config.listener.v3.FilterChain" {
        filter_chain_match: Option<FilterChainMatch>,
        filters: Vec<Filter>,
        metadata: Option<Metadata>,
        transport_socket: Option<TransportSocket>,
        transport_socket_connect_timeout: Option<Duration>,
        name: String,
    }
    lacks ["use_proxy_proto"]
    struct FilterChainMatch = "envoy.config.listener.v3.FilterChainMatch" {
        destination_port: Option<u32> = [Rule::Range(1.0, 65535.0)],
        prefix_ranges: Vec<CidrRange>,
        address_suffix: String,
        suffix_len: Option<u32>,
        direct_source_prefix_ranges: Vec<CidrRange>,
        source_type: ConnectionSourceType,
        source_prefix_ranges: Vec<CidrRange>,
        source_ports: Vec<u32>,
        server_names: Vec<String>,
        transport_protocol: String,
        application_protocols: Vec<String>,
    }
    struct Filter = "envoy.config.listener.v3.Filter" {
        name: String = [Rule::MinLen(1)],
    }
    oneof {
        config_type: Option<FilterConfigType>,
    }
    lacks ["config_discovery"]
    struct ListenerFilter = "envoy.config.listener.v3.ListenerFilter" {
        name: String = [Rule::MinLen(1)],
    }
    oneof {
        config_type: Option<ListenerFilterConfigType>,
    }
    lacks ["config_discovery" "filter_disabled"]
}

oneof! {
    FilterConfigType {
        typed_config: TypedConfig(NetworkFilter),
    }
    ListenerFilterConfigType {
        typed_config: TypedConfig(ListenerFilterConfig),
    }
}

choice! {
    ConnectionSourceType = "envoy.config.listener.v3.FilterChainMatch.ConnectionSourceType" {
        Any = 0 "ANY", SameIpOrLoopback = 1 "SAME_IP_OR_LOOPBACK", External = 2 "EXTERNAL",
    }
}

impl Filter {
    /// What stands in `typed_config`.
    pub fn typed(&self) -> Option<&NetworkFilter> {
        self.config_type.as_ref().map(|FilterConfigType::TypedConfig(it)| it)
    }
}

impl ListenerFilter {
    /// What stands in `typed_config`.
    pub fn typed(&self) -> Option<&ListenerFilterConfig> {
        self.config_type.as_ref().map(|ListenerFilterConfigType::TypedConfig(it)| it)
    }
}
