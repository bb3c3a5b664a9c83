//! The file Envoy starts with, and where it finds the rest: static resources, or files and servers to watch.
//!
//! Sources: envoy.config.bootstrap.v3, envoy.config.core.v3 (config_source), envoy.service.discovery.v3.

use super::access_log::AccessLog;
use super::cluster::Cluster;
use super::core::{Address, ApiVersion, Locality};
use super::extension::Struct;
use super::listener::Listener;
use super::reader::Rule;
use super::schema::{choice, message, oneof};
use super::tls_context::Secret;
use std::time::Duration;

message! {
    struct Bootstrap = "envoy.config.bootstrap.v3.Bootstrap" {
        1 node: Option<Node>,
        2 static_resources: Option<StaticResources>,
        3 dynamic_resources: Option<DynamicResources>,
        12 admin: Option<Admin>,
    }
    lacks [
        "node_context_params" "cluster_manager" "hds_config" "flags_path" "stats_sinks"
        "deferred_stat_options" "stats_config" "stats_flush_interval" "stats_flush_on_admin"
        "stats_eviction_interval" "watchdog" "watchdogs" "tracing" "layered_runtime" "overload_manager"
        "enable_dispatcher_stats" "header_prefix" "stats_server_version_override" "use_tcp_for_dns_lookups"
        "dns_resolution_config" "typed_dns_resolver_config" "bootstrap_extensions" "fatal_actions"
        "config_sources" "default_config_source" "default_socket_interface" "certificate_provider_instances"
        "inline_headers" "perf_tracing_file_path" "default_regex_engine" "xds_delegate_extension"
        "xds_config_tracker_extension" "listener_manager" "application_log_config"
        "grpc_async_client_manager_config" "memory_allocator_manager"
    ]
    struct StaticResources = "envoy.config.bootstrap.v3.Bootstrap.StaticResources" {
        1 listeners: Vec<Listener>,
        2 clusters: Vec<Cluster>,
        3 secrets: Vec<Secret>,
    }
    struct DynamicResources = "envoy.config.bootstrap.v3.Bootstrap.DynamicResources" {
        1 lds_config: Option<ConfigSource>,
        2 cds_config: Option<ConfigSource>,
        3 ads_config: Option<ApiConfigSource>,
    }
    lacks ["lds_resources_locator" "cds_resources_locator"]
    struct Admin = "envoy.config.bootstrap.v3.Admin" {
        5 access_log: Vec<AccessLog>,
        1 access_log_path: String,
        2 profile_path: String,
        3 address: Option<Address>,
    }
    lacks ["socket_options" "ignore_global_conn_limit" "allow_paths"]
    struct Node = "envoy.config.core.v3.Node" {
        1 id: String,
        2 cluster: String,
        3 metadata: Option<Struct>,
        4 locality: Option<Locality>,
        6 user_agent_name: String,
        10 client_features: Vec<String>,
    }
    oneof {
        user_agent_version_type: Option<NodeUserAgentVersionType>,
    }
    lacks ["dynamic_parameters" "user_agent_build_version" "extensions" "listening_addresses"]
    struct ConfigSource = "envoy.config.core.v3.ConfigSource" {
        4 initial_fetch_timeout: Option<Duration>,
        6 resource_api_version: ApiVersion,
    }
    oneof {
        config_source_specifier: ConfigSourceConfigSourceSpecifier,
    }
    lacks ["authorities" "self"]
    struct PathConfigSource = "envoy.config.core.v3.PathConfigSource" {
        1 path: String = [Rule::MinLen(1)],
        2 watched_directory: Option<WatchedDirectory>,
    }
    struct WatchedDirectory = "envoy.config.core.v3.WatchedDirectory" {
        1 path: String = [Rule::MinLen(1)],
    }
    struct AggregatedConfigSource = "envoy.config.core.v3.AggregatedConfigSource" {
    }
    struct ApiConfigSource = "envoy.config.core.v3.ApiConfigSource" {
        1 api_type: ApiType,
        8 transport_api_version: ApiVersion,
        2 cluster_names: Vec<String>,
        4 grpc_services: Vec<GrpcService>,
        3 refresh_delay: Option<Duration>,
        5 request_timeout: Option<Duration> = [Rule::Positive],
        7 set_node_on_first_message_only: bool,
    }
    lacks ["rate_limit_settings" "config_validators"]
    struct GrpcService = "envoy.config.core.v3.GrpcService" {
        3 timeout: Option<Duration>,
    }
    oneof {
        target_specifier: GrpcServiceTargetSpecifier,
    }
    lacks ["google_grpc" "initial_metadata" "retry_policy"]
    struct EnvoyGrpc = "envoy.config.core.v3.GrpcService.EnvoyGrpc" {
        1 cluster_name: String = [Rule::MinLen(1)],
        2 authority: String,
    }
    lacks ["retry_policy" "max_receive_message_length" "skip_envoy_headers"]
}

oneof! {
    NodeUserAgentVersionType {
        7 user_agent_version: UserAgentVersion(String),
    }
    ConfigSourceConfigSourceSpecifier {
        1 path: Path(String),
        8 path_config_source: PathConfigSource(PathConfigSource),
        2 api_config_source: ApiConfigSource(ApiConfigSource),
        3 ads: Ads(AggregatedConfigSource),
    }
    GrpcServiceTargetSpecifier {
        1 envoy_grpc: EnvoyGrpc(EnvoyGrpc),
    }
}

choice! {
    ApiType = "envoy.config.core.v3.ApiConfigSource.ApiType" {
        DeprecatedAndUnavailableDoNotUse = 0 "DEPRECATED_AND_UNAVAILABLE_DO_NOT_USE", Rest = 1 "REST",
        Grpc = 2 "GRPC", DeltaGrpc = 3 "DELTA_GRPC", AggregatedGrpc = 5 "AGGREGATED_GRPC",
        AggregatedDeltaGrpc = 6 "AGGREGATED_DELTA_GRPC",
    }
}
