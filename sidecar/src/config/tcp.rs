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
        1 stat_prefix: String = [Rule::MinLen(1)],
        9 metadata_match: Option<Metadata>,
        8 idle_timeout: Option<Duration>,
        5 access_log: Vec<AccessLog>,
        7 max_connect_attempts: Option<u32> = [Rule::Gte(1.0)],
        13 max_downstream_connection_duration: Option<Duration> = [Rule::AtLeastSecs(0.001)],
        15 access_log_flush_interval: Option<Duration> = [Rule::AtLeastSecs(0.001)],
        16 flush_access_log_on_connected: bool,
        17 access_log_options: Option<TcpAccessLogOptions>,
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
        1 clusters: Vec<TcpClusterWeight> = [Rule::MinItems(1)],
    }
    struct TcpClusterWeight = "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.WeightedCluster.ClusterWeight" {
        1 name: String = [Rule::MinLen(1)],
        2 weight: u32 = [Rule::Gte(1.0)],
        3 metadata_match: Option<Metadata>,
    }
    struct TcpAccessLogOptions = "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.TcpAccessLogOptions" {
        1 access_log_flush_interval: Option<Duration> = [Rule::AtLeastSecs(0.001)],
        2 flush_access_log_on_connected: bool,
        3 flush_access_log_on_start: bool,
    }
    struct ConnectionLimit = "envoy.extensions.filters.network.connection_limit.v3.ConnectionLimit" {
        1 stat_prefix: String = [Rule::MinLen(1)],
        2 max_connections: Option<u64> = [Rule::Gte(1.0)],
        3 delay: Option<Duration>,
    }
    lacks ["runtime_enabled"]
}

oneof! {
    TcpProxyClusterSpecifier {
        2 cluster: Cluster(String),
        10 weighted_clusters: WeightedClusters(TcpWeightedCluster),
    }
}
