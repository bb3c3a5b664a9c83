//! Configuration of the network filters that carry bytes: tcp_proxy and connection_limit.
//!
//! Sources: envoy.extensions.filters.network.{tcp_proxy,connection_limit}.v3.

use super::access_log::AccessLog;
use super::core::Metadata;
use super::reader::Rule;
use super::schema::{message, oneof};
use std::time::Duration;

message! {
    struct TcpProxy = "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy" {
        stat_prefix: String = [Rule::MinLen(1)],
        metadata_match: Option<Metadata>,
        idle_timeout: Option<Duration>,
        access_log: Vec<AccessLog>,
        max_connect_attempts: Option<u32> = [Rule::Gte(1.0)],
        max_downstream_connection_duration: Option<Duration> = [Rule::AtLeastSecs(0.001)],
        access_log_flush_interval: Option<Duration> = [Rule::AtLeastSecs(0.001)],
        flush_access_log_on_connected: bool,
        access_log_options: Option<TcpAccessLogOptions>,
    }
    oneof {
        cluster_specifier: TcpProxyClusterSpecifier,
    }
    lacks [
        "on_demand" "downstream_idle_timeout" "upstream_idle_timeout" "backoff_options" "hash_policy"
        "tunneling_config" "max_downstream_connection_duration_jitter_percentage" "proxy_protocol_tlvs"
        "upstream_connect_mode" "max_early_data_bytes"
    ]
    struct TcpWeightedCluster = "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.WeightedCluster" {
        clusters: Vec<TcpClusterWeight> = [Rule::MinItems(1)],
    }
    struct TcpClusterWeight = "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.WeightedCluster.ClusterWeight" {
        name: String = [Rule::MinLen(1)],
        weight: u32 = [Rule::Gte(1.0)],
        metadata_match: Option<Metadata>,
    }
    struct TcpAccessLogOptions = "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.TcpAccessLogOptions" {
        access_log_flush_interval: Option<Duration> = [Rule::AtLeastSecs(0.001)],
        flush_access_log_on_connected: bool,
        flush_access_log_on_start: bool,
    }
    struct ConnectionLimit = "envoy.extensions.filters.network.connection_limit.v3.ConnectionLimit" {
        stat_prefix: String = [Rule::MinLen(1)],
        max_connections: Option<u64> = [Rule::Gte(1.0)],
        delay: Option<Duration>,
    }
    lacks ["runtime_enabled"]
}

oneof! {
    TcpProxyClusterSpecifier {
        cluster: Cluster(String),
        weighted_clusters: WeightedClusters(TcpWeightedCluster),
    }
}
