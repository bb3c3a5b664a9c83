//! An upstream cluster: how its endpoints are found, chosen among, watched and limited.
//!
//! Sources: envoy.config.cluster.v3.

use super::bootstrap::ConfigSource;
use super::core::{BindConfig, Metadata, Percent, RoutingPriority, RuntimeDouble, TransportSocket};
use super::endpoint::ClusterLoadAssignment;
use super::extension::{ProtocolOptions, Struct};
use super::health_check::HealthCheck;
use super::protocol::{Http1ProtocolOptions, Http2ProtocolOptions, HttpProtocolOptions};
use super::reader::Rule;
use super::schema::{choice, message, oneof};
use std::collections::BTreeMap;
use std::time::Duration;

message! {
    struct Cluster = "envoy.config.cluster.v3.Cluster" {
        1 name: String = [Rule::MinLen(1)],
        28 alt_stat_name: String,
        3 eds_cluster_config: Option<EdsClusterConfig>,
        4 connect_timeout: Option<Duration> = [Rule::Positive],
        5 per_connection_buffer_limit_bytes: Option<u32>,
        6 lb_policy: LbPolicy,
        33 load_assignment: Option<ClusterLoadAssignment>,
        8 health_checks: Vec<HealthCheck>,
        9 max_requests_per_connection: Option<u32>,
        10 circuit_breakers: Option<CircuitBreakers>,
        29 common_http_protocol_options: Option<HttpProtocolOptions>,
        13 http_protocol_options: Option<Http1ProtocolOptions>,
        14 http2_protocol_options: Option<Http2ProtocolOptions>,
        36 typed_extension_protocol_options: BTreeMap<String, ProtocolOptions>,
        16 dns_refresh_rate: Option<Duration>,
        39 respect_dns_ttl: bool,
        17 dns_lookup_family: DnsLookupFamily,
        54 wait_for_warm_on_init: Option<bool>,
        19 outlier_detection: Option<OutlierDetection>,
        20 cleanup_interval: Option<Duration> = [Rule::Positive],
        21 upstream_bind_config: Option<BindConfig>,
        22 lb_subset_config: Option<LbSubsetConfig>,
        27 common_lb_config: Option<CommonLbConfig>,
        24 transport_socket: Option<TransportSocket>,
        25 metadata: Option<Metadata>,
        31 close_connections_on_host_health_failure: bool,
        32 ignore_health_on_host_removal: bool,
        51 connection_pool_per_downstream_connection: bool,
    }
    oneof {
        cluster_discovery_type: Option<ClusterClusterDiscoveryType>,
        lb_config: Option<ClusterLbConfig>,
    }
    lacks [
        "transport_socket_matches" "transport_socket_matcher" "cluster_type"
        "upstream_http_protocol_options" "dns_jitter" "dns_failure_refresh_rate" "dns_resolvers"
        "use_tcp_for_dns_lookups" "dns_resolution_config" "typed_dns_resolver_config" "protocol_selection"
        "upstream_connection_options" "filters" "load_balancing_policy" "lrs_server"
        "lrs_report_endpoint_metrics" "track_timeout_budgets" "upstream_config" "track_cluster_stats"
        "preconnect_policy"
    ]
    struct EdsClusterConfig = "envoy.config.cluster.v3.Cluster.EdsClusterConfig" {
        1 eds_config: Option<ConfigSource>,
        2 service_name: String,
    }
    struct RingHashLbConfig = "envoy.config.cluster.v3.Cluster.RingHashLbConfig" {
        1 minimum_ring_size: Option<u64> = [Rule::Lte(8388608.0)],
        3 hash_function: HashFunction,
        4 maximum_ring_size: Option<u64> = [Rule::Lte(8388608.0)],
    }
    struct MaglevLbConfig = "envoy.config.cluster.v3.Cluster.MaglevLbConfig" {
        1 table_size: Option<u64> = [Rule::Lte(5000011.0)],
    }
    struct OriginalDstLbConfig = "envoy.config.cluster.v3.Cluster.OriginalDstLbConfig" {
        1 use_http_header: bool,
        2 http_header_name: String,
        3 upstream_port_override: Option<u32> = [Rule::Lte(65535.0)],
    }
    lacks ["metadata_key"]
    struct LeastRequestLbConfig = "envoy.config.cluster.v3.Cluster.LeastRequestLbConfig" {
        1 choice_count: Option<u32> = [Rule::Gte(2.0)],
        2 active_request_bias: Option<RuntimeDouble>,
    }
    lacks ["slow_start_config"]
    struct RoundRobinLbConfig = "envoy.config.cluster.v3.Cluster.RoundRobinLbConfig" {
    }
    lacks ["slow_start_config"]
    struct CommonLbConfig = "envoy.config.cluster.v3.Cluster.CommonLbConfig" {
        1 healthy_panic_threshold: Option<Percent>,
        4 update_merge_window: Option<Duration>,
        6 close_connections_on_host_set_change: bool,
        7 consistent_hashing_lb_config: Option<ConsistentHashingLbConfig>,
    }
    oneof {
        locality_config_specifier: Option<CommonLbConfigLocalityConfigSpecifier>,
    }
    lacks ["ignore_new_hosts_until_first_hc" "override_host_status"]
    struct ZoneAwareLbConfig = "envoy.config.cluster.v3.Cluster.CommonLbConfig.ZoneAwareLbConfig" {
        1 routing_enabled: Option<Percent>,
        2 min_cluster_size: Option<u64>,
        3 fail_traffic_on_panic: bool,
    }
    struct LocalityWeightedLbConfig = "envoy.config.cluster.v3.Cluster.CommonLbConfig.LocalityWeightedLbConfig" {
    }
    struct ConsistentHashingLbConfig = "envoy.config.cluster.v3.Cluster.CommonLbConfig.ConsistentHashingLbConfig" {
        1 use_hostname_for_hashing: bool,
    }
    lacks ["hash_balance_factor"]
    struct LbSubsetConfig = "envoy.config.cluster.v3.Cluster.LbSubsetConfig" {
        1 fallback_policy: LbSubsetFallbackPolicy,
        2 default_subset: Option<Struct>,
        3 subset_selectors: Vec<LbSubsetSelector>,
        4 locality_weight_aware: bool,
        7 list_as_any: bool,
    }
    lacks ["scale_locality_weight" "panic_mode_any" "metadata_fallback_policy"]
    struct LbSubsetSelector = "envoy.config.cluster.v3.Cluster.LbSubsetConfig.LbSubsetSelector" {
        1 keys: Vec<String>,
        4 single_host_per_subset: bool,
        2 fallback_policy: LbSubsetSelectorFallbackPolicy,
        3 fallback_keys_subset: Vec<String>,
    }
    struct CircuitBreakers = "envoy.config.cluster.v3.CircuitBreakers" {
        1 thresholds: Vec<Thresholds>,
        2 per_host_thresholds: Vec<Thresholds>,
    }
    struct Thresholds = "envoy.config.cluster.v3.CircuitBreakers.Thresholds" {
        1 priority: RoutingPriority,
        2 max_connections: Option<u32>,
        3 max_pending_requests: Option<u32>,
        4 max_requests: Option<u32>,
        5 max_retries: Option<u32>,
        8 retry_budget: Option<RetryBudget>,
        6 track_remaining: bool,
        7 max_connection_pools: Option<u32>,
    }
    struct RetryBudget = "envoy.config.cluster.v3.CircuitBreakers.Thresholds.RetryBudget" {
        1 budget_percent: Option<Percent>,
        2 min_retry_concurrency: Option<u32>,
    }
    struct OutlierDetection = "envoy.config.cluster.v3.OutlierDetection" {
        1 consecutive_5xx: Option<u32>,
        2 interval: Option<Duration> = [Rule::Positive],
        3 base_ejection_time: Option<Duration> = [Rule::Positive],
        4 max_ejection_percent: Option<u32> = [Rule::Lte(100.0)],
        5 enforcing_consecutive_5xx: Option<u32> = [Rule::Lte(100.0)],
        6 enforcing_success_rate: Option<u32> = [Rule::Lte(100.0)],
        7 success_rate_minimum_hosts: Option<u32>,
        8 success_rate_request_volume: Option<u32>,
        9 success_rate_stdev_factor: Option<u32>,
        10 consecutive_gateway_failure: Option<u32>,
        11 enforcing_consecutive_gateway_failure: Option<u32> = [Rule::Lte(100.0)],
        12 split_external_local_origin_errors: bool,
        13 consecutive_local_origin_failure: Option<u32>,
        14 enforcing_consecutive_local_origin_failure: Option<u32> = [Rule::Lte(100.0)],
        15 enforcing_local_origin_success_rate: Option<u32> = [Rule::Lte(100.0)],
        16 failure_percentage_threshold: Option<u32> = [Rule::Lte(100.0)],
        17 enforcing_failure_percentage: Option<u32> = [Rule::Lte(100.0)],
        18 enforcing_failure_percentage_local_origin: Option<u32> = [Rule::Lte(100.0)],
        19 failure_percentage_minimum_hosts: Option<u32>,
        20 failure_percentage_request_volume: Option<u32>,
        21 max_ejection_time: Option<Duration> = [Rule::Positive],
        22 max_ejection_time_jitter: Option<Duration>,
        23 successful_active_health_check_uneject_host: Option<bool>,
        25 always_eject_one_host: Option<bool>,
    }
    lacks ["monitors"]
}

oneof! {
    ClusterClusterDiscoveryType {
        2 r#type: Type(DiscoveryType),
    }
    ClusterLbConfig {
        23 ring_hash_lb_config: RingHashLbConfig(RingHashLbConfig),
        52 maglev_lb_config: MaglevLbConfig(MaglevLbConfig),
        34 original_dst_lb_config: OriginalDstLbConfig(OriginalDstLbConfig),
        37 least_request_lb_config: LeastRequestLbConfig(LeastRequestLbConfig),
        56 round_robin_lb_config: RoundRobinLbConfig(RoundRobinLbConfig),
    }
    CommonLbConfigLocalityConfigSpecifier {
        2 zone_aware_lb_config: ZoneAwareLbConfig(ZoneAwareLbConfig),
        3 locality_weighted_lb_config: LocalityWeightedLbConfig(LocalityWeightedLbConfig),
    }
}

choice! {
    DiscoveryType = "envoy.config.cluster.v3.Cluster.DiscoveryType" {
        Static = 0 "STATIC", StrictDns = 1 "STRICT_DNS", LogicalDns = 2 "LOGICAL_DNS", Eds = 3 "EDS",
        OriginalDst = 4 "ORIGINAL_DST",
    }
    LbPolicy = "envoy.config.cluster.v3.Cluster.LbPolicy" {
        RoundRobin = 0 "ROUND_ROBIN", LeastRequest = 1 "LEAST_REQUEST", RingHash = 2 "RING_HASH",
        Random = 3 "RANDOM", Maglev = 5 "MAGLEV", ClusterProvided = 6 "CLUSTER_PROVIDED",
        LoadBalancingPolicyConfig = 7 "LOAD_BALANCING_POLICY_CONFIG",
    }
    DnsLookupFamily = "envoy.config.cluster.v3.Cluster.DnsLookupFamily" {
        Auto = 0 "AUTO", V4Only = 1 "V4_ONLY", V6Only = 2 "V6_ONLY", V4Preferred = 3 "V4_PREFERRED",
        All = 4 "ALL",
    }
    HashFunction = "envoy.config.cluster.v3.Cluster.RingHashLbConfig.HashFunction" {
        XxHash = 0 "XX_HASH", MurmurHash2 = 1 "MURMUR_HASH_2",
    }
    LbSubsetFallbackPolicy = "envoy.config.cluster.v3.Cluster.LbSubsetConfig.LbSubsetFallbackPolicy" {
        NoFallback = 0 "NO_FALLBACK", AnyEndpoint = 1 "ANY_ENDPOINT", DefaultSubset = 2 "DEFAULT_SUBSET",
    }
    LbSubsetSelectorFallbackPolicy = "envoy.config.cluster.v3.Cluster.LbSubsetConfig.LbSubsetSelector.LbSubsetSelectorFallbackPolicy" {
        NotDefined = 0 "NOT_DEFINED", NoFallback = 1 "NO_FALLBACK", AnyEndpoint = 2 "ANY_ENDPOINT",
        DefaultSubset = 3 "DEFAULT_SUBSET", KeysSubset = 4 "KEYS_SUBSET",
    }
}
