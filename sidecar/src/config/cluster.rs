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
        name: String = [Rule::MinLen(1)],
        alt_stat_name: String,
        eds_cluster_config: Option<EdsClusterConfig>,
        connect_timeout: Option<Duration> = [Rule::Positive],
        per_connection_buffer_limit_bytes: Option<u32>,
        lb_policy: LbPolicy,
        load_assignment: Option<ClusterLoadAssignment>,
        health_checks: Vec<HealthCheck>,
        max_requests_per_connection: Option<u32>,
        circuit_breakers: Option<CircuitBreakers>,
        common_http_protocol_options: Option<HttpProtocolOptions>,
        http_protocol_options: Option<Http1ProtocolOptions>,
        http2_protocol_options: Option<Http2ProtocolOptions>,
        typed_extension_protocol_options: BTreeMap<String, ProtocolOptions>,
        dns_refresh_rate: Option<Duration>,
        respect_dns_ttl: bool,
        dns_lookup_family: DnsLookupFamily,
        wait_for_warm_on_init: Option<bool>,
        outlier_detection: Option<OutlierDetection>,
        cleanup_interval: Option<Duration> = [Rule::Positive],
        upstream_bind_config: Option<BindConfig>,
        lb_subset_config: Option<LbSubsetConfig>,
        common_lb_config: Option<CommonLbConfig>,
        transport_socket: Option<TransportSocket>,
        metadata: Option<Metadata>,
        close_connections_on_host_health_failure: bool,
        ignore_health_on_host_removal: bool,
        connection_pool_per_downstream_connection: bool,
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
        eds_config: Option<ConfigSource>,
        service_name: String,
    }
    struct RingHashLbConfig = "envoy.config.cluster.v3.Cluster.RingHashLbConfig" {
        minimum_ring_size: Option<u64> = [Rule::Lte(8388608.0)],
        hash_function: HashFunction,
        maximum_ring_size: Option<u64> = [Rule::Lte(8388608.0)],
    }
    struct MaglevLbConfig = "envoy.config.cluster.v3.Cluster.MaglevLbConfig" {
        table_size: Option<u64> = [Rule::Lte(5000011.0)],
    }
    struct OriginalDstLbConfig = "envoy.config.cluster.v3.Cluster.OriginalDstLbConfig" {
        use_http_header: bool,
        http_header_name: String,
        upstream_port_override: Option<u32> = [Rule::Lte(65535.0)],
    }
    lacks ["metadata_key"]
    struct LeastRequestLbConfig = "envoy.config.cluster.v3.Cluster.LeastRequestLbConfig" {
        choice_count: Option<u32> = [Rule::Gte(2.0)],
        active_request_bias: Option<RuntimeDouble>,
    }
    lacks ["slow_start_config"]
    struct RoundRobinLbConfig = "envoy.config.cluster.v3.Cluster.RoundRobinLbConfig" {
    }
    lacks ["slow_start_config"]
    struct CommonLbConfig = "envoy.config.cluster.v3.Cluster.CommonLbConfig" {
        healthy_panic_threshold: Option<Percent>,
        update_merge_window: Option<Duration>,
        close_connections_on_host_set_change: bool,
        consistent_hashing_lb_config: Option<ConsistentHashingLbConfig>,
    }
    oneof {
        locality_config_specifier: Option<CommonLbConfigLocalityConfigSpecifier>,
    }
    lacks ["ignore_new_hosts_until_first_hc" "override_host_status"]
    struct ZoneAwareLbConfig = "envoy.config.cluster.v3.Cluster.CommonLbConfig.ZoneAwareLbConfig" {
        routing_enabled: Option<Percent>,
        min_cluster_size: Option<u64>,
        fail_traffic_on_panic: bool,
    }
    struct LocalityWeightedLbConfig = "envoy.config.cluster.v3.Cluster.CommonLbConfig.LocalityWeightedLbConfig" {
    }
    struct ConsistentHashingLbConfig = "envoy.config.cluster.v3.Cluster.CommonLbConfig.ConsistentHashingLbConfig" {
        use_hostname_for_hashing: bool,
    }
    lacks ["hash_balance_factor"]
    struct LbSubsetConfig = "envoy.config.cluster.v3.Cluster.LbSubsetConfig" {
        fallback_policy: LbSubsetFallbackPolicy,
        default_subset: Option<Struct>,
        subset_selectors: Vec<LbSubsetSelector>,
        locality_weight_aware: bool,
        list_as_any: bool,
    }
    lacks ["scale_locality_weight" "panic_mode_any" "metadata_fallback_policy"]
    struct LbSubsetSelector = "envoy.config.cluster.v3.Cluster.LbSubsetConfig.LbSubsetSelector" {
        keys: Vec<String>,
        single_host_per_subset: bool,
        fallback_policy: LbSubsetSelectorFallbackPolicy,
        fallback_keys_subset: Vec<String>,
    }
    struct CircuitBreakers = "envoy.config.cluster.v3.CircuitBreakers" {
        thresholds: Vec<Thresholds>,
        per_host_thresholds: Vec<Thresholds>,
    }
    struct Thresholds = "envoy.config.cluster.v3.CircuitBreakers.Thresholds" {
        priority: RoutingPriority,
        max_connections: Option<u32>,
        max_pending_requests: Option<u32>,
        max_requests: Option<u32>,
        max_retries: Option<u32>,
        retry_budget: Option<RetryBudget>,
        track_remaining: bool,
        max_connection_pools: Option<u32>,
    }
    struct RetryBudget = "envoy.config.cluster.v3.CircuitBreakers.Thresholds.RetryBudget" {
        budget_percent: Option<Percent>,
        min_retry_concurrency: Option<u32>,
    }
    struct OutlierDetection = "envoy.config.cluster.v3.OutlierDetection" {
        consecutive_5xx: Option<u32>,
        interval: Option<Duration> = [Rule::Positive],
        base_ejection_time: Option<Duration> = [Rule::Positive],
        max_ejection_percent: Option<u32> = [Rule::Lte(100.0)],
        enforcing_consecutive_5xx: Option<u32> = [Rule::Lte(100.0)],
        enforcing_success_rate: Option<u32> = [Rule::Lte(100.0)],
        success_rate_minimum_hosts: Option<u32>,
        success_rate_request_volume: Option<u32>,
        success_rate_stdev_factor: Option<u32>,
        consecutive_gateway_failure: Option<u32>,
        enforcing_consecutive_gateway_failure: Option<u32> = [Rule::Lte(100.0)],
        split_external_local_origin_errors: bool,
        consecutive_local_origin_failure: Option<u32>,
        enforcing_consecutive_local_origin_failure: Option<u32> = [Rule::Lte(100.0)],
        enforcing_local_origin_success_rate: Option<u32> = [Rule::Lte(100.0)],
        failure_percentage_threshold: Option<u32> = [Rule::Lte(100.0)],
        enforcing_failure_percentage: Option<u32> = [Rule::Lte(100.0)],
        enforcing_failure_percentage_local_origin: Option<u32> = [Rule::Lte(100.0)],
        failure_percentage_minimum_hosts: Option<u32>,
        failure_percentage_request_volume: Option<u32>,
        max_ejection_time: Option<Duration> = [Rule::Positive],
        max_ejection_time_jitter: Option<Duration>,
        successful_active_health_check_uneject_host: Option<bool>,
        always_eject_one_host: Option<bool>,
    }
    lacks ["monitors"]
}

oneof! {
    ClusterClusterDiscoveryType {
        r#type: Type(DiscoveryType),
    }
    ClusterLbConfig {
        ring_hash_lb_config: RingHashLbConfig(RingHashLbConfig),
        maglev_lb_config: MaglevLbConfig(MaglevLbConfig),
        original_dst_lb_config: OriginalDstLbConfig(OriginalDstLbConfig),
        least_request_lb_config: LeastRequestLbConfig(LeastRequestLbConfig),
        round_robin_lb_config: RoundRobinLbConfig(RoundRobinLbConfig),
    }
    CommonLbConfigLocalityConfigSpecifier {
        zone_aware_lb_config: ZoneAwareLbConfig(ZoneAwareLbConfig),
        locality_weighted_lb_config: LocalityWeightedLbConfig(LocalityWeightedLbConfig),
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
