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
        1 name: String,
        2 address: Option<Address>,
        28 stat_prefix: String,
        3 filter_chains: Vec<FilterChain>,
        4 use_original_dst: Option<bool>,
        25 default_filter_chain: Option<FilterChain>,
        5 per_connection_buffer_limit_bytes: Option<u32>,
        6 metadata: Option<Metadata>,
        9 listener_filters: Vec<ListenerFilter>,
        15 listener_filters_timeout: Option<Duration>,
        17 continue_on_listener_filters_timeout: bool,
        10 transparent: Option<bool>,
        16 traffic_direction: TrafficDirection,
        29 enable_reuse_port: Option<bool>,
        22 access_log: Vec<AccessLog>,
        24 tcp_backlog_size: Option<u32>,
        26 bind_to_port: Option<bool>,
    }
    lacks [
        "additional_addresses" "fcds_config" "filter_chain_matcher" "deprecated_v1" "drain_type" "freebind"
        "socket_options" "tcp_fast_open_queue_length" "udp_listener_config" "api_listener"
        "connection_balance_config" "reuse_port" "max_connections_to_accept_per_socket_event"
        "internal_listener" "enable_mptcp" "ignore_global_conn_limit" "bypass_overload_manager"
        "tcp_keepalive"
    ]
    struct FilterChain = "envoy.config.listener.v3.FilterChain" {
        1 filter_chain_match: Option<FilterChainMatch>,
        3 filters: Vec<Filter>,
        5 metadata: Option<Metadata>,
        6 transport_socket: Option<TransportSocket>,
        9 transport_socket_connect_timeout: Option<Duration>,
        7 name: String,
    }
    lacks ["use_proxy_proto"]
    struct FilterChainMatch = "envoy.config.listener.v3.FilterChainMatch" {
        8 destination_port: Option<u32> = [Rule::Range(1.0, 65535.0)],
        3 prefix_ranges: Vec<CidrRange>,
        4 address_suffix: String,
        5 suffix_len: Option<u32>,
        13 direct_source_prefix_ranges: Vec<CidrRange>,
        12 source_type: ConnectionSourceType,
        6 source_prefix_ranges: Vec<CidrRange>,
        7 source_ports: Vec<u32>,
        11 server_names: Vec<String>,
        9 transport_protocol: String,
        10 application_protocols: Vec<String>,
    }
    struct Filter = "envoy.config.listener.v3.Filter" {
        1 name: String = [Rule::MinLen(1)],
    }
    oneof {
        config_type: Option<FilterConfigType>,
    }
    lacks ["config_discovery"]
    struct ListenerFilter = "envoy.config.listener.v3.ListenerFilter" {
        1 name: String = [Rule::MinLen(1)],
    }
    oneof {
        config_type: Option<ListenerFilterConfigType>,
    }
    lacks ["config_discovery" "filter_disabled"]
}

oneof! {
    FilterConfigType {
        4 typed_config: TypedConfig(NetworkFilter),
    }
    ListenerFilterConfigType {
        3 typed_config: TypedConfig(ListenerFilterConfig),
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
