//! The endpoints of a cluster, by priority and locality.
//!
//! Sources: envoy.config.endpoint.v3.

use super::core::{Address, HealthStatus, Locality, Metadata};
use super::reader::Rule;
use super::schema::{message, oneof};

message! {
    struct ClusterLoadAssignment = "envoy.config.endpoint.v3.ClusterLoadAssignment" {
        1 cluster_name: String = [Rule::MinLen(1)],
        2 endpoints: Vec<LocalityLbEndpoints>,
        4 policy: Option<LoadAssignmentPolicy>,
    }
    lacks ["named_endpoints"]
    struct LoadAssignmentPolicy = "envoy.config.endpoint.v3.ClusterLoadAssignment.Policy" {
        3 overprovisioning_factor: Option<u32> = [Rule::Gt(0.0)],
        6 weighted_priority_health: bool,
    }
    lacks ["drop_overloads" "endpoint_stale_after"]
    struct LocalityLbEndpoints = "envoy.config.endpoint.v3.LocalityLbEndpoints" {
        1 locality: Option<Locality>,
        9 metadata: Option<Metadata>,
        2 lb_endpoints: Vec<LbEndpoint>,
        3 load_balancing_weight: Option<u32> = [Rule::Gte(1.0)],
        5 priority: u32 = [Rule::Lte(128.0)],
        6 proximity: Option<u32>,
    }
    lacks ["load_balancer_endpoints" "leds_cluster_locality_config"]
    struct LbEndpoint = "envoy.config.endpoint.v3.LbEndpoint" {
        2 health_status: HealthStatus,
        3 metadata: Option<Metadata>,
        4 load_balancing_weight: Option<u32> = [Rule::Gte(1.0)],
    }
    oneof {
        host_identifier: Option<LbEndpointHostIdentifier>,
    }
    lacks ["endpoint_name"]
    struct Endpoint = "envoy.config.endpoint.v3.Endpoint" {
        1 address: Option<Address>,
        2 health_check_config: Option<EndpointHealthCheckConfig>,
        3 hostname: String,
    }
    lacks ["additional_addresses"]
    struct EndpointHealthCheckConfig = "envoy.config.endpoint.v3.Endpoint.HealthCheckConfig" {
        1 port_value: u32 = [Rule::Lte(65535.0)],
        2 hostname: String,
        3 address: Option<Address>,
        4 disable_active_health_check: bool,
    }
}

oneof! {
    LbEndpointHostIdentifier {
        1 endpoint: Endpoint(Endpoint),
    }
}
