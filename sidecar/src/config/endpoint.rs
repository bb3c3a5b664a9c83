//! The endpoints of a cluster, by priority and locality.
//!
//! Sources: envoy.config.endpoint.v3.

use super::core::{Address, HealthStatus, Locality, Metadata};
use super::reader::Rule;
use super::schema::{message, oneof};

message! {
    struct ClusterLoadAssignment = "envoy.config.endpoint.v3.ClusterLoadAssignment" {
        cluster_name: String = [Rule::MinLen(1)],
        endpoints: Vec<LocalityLbEndpoints>,
        policy: Option<LoadAssignmentPolicy>,
    }
    lacks ["named_endpoints"]
    struct LoadAssignmentPolicy = "envoy.config.endpoint.v3.ClusterLoadAssignment.Policy" {
        overprovisioning_factor: Option<u32> = [Rule::Gt(0.0)],
        weighted_priority_health: bool,
    }
    lacks ["drop_overloads" "endpoint_stale_after"]
    struct LocalityLbEndpoints = "envoy.config.endpoint.v3.LocalityLbEndpoints" {
        locality: Option<Locality>,
        metadata: Option<Metadata>,
        lb_endpoints: Vec<LbEndpoint>,
        load_balancing_weight: Option<u32> = [Rule::Gte(1.0)],
        priority: u32 = [Rule::Lte(128.0)],
        proximity: Option<u32>,
    }
    lacks ["load_balancer_endpoints" "leds_cluster_locality_config"]
    struct LbEndpoint = "envoy.config.endpoint.v3.LbEndpoint" {
        health_status: HealthStatus,
        metadata: Option<Metadata>,
        load_balancing_weight: Option<u32> = [Rule::Gte(1.0)],
    }
    oneof {
        host_identifier: Option<LbEndpointHostIdentifier>,
    }
    lacks ["endpoint_name"]
    struct Endpoint = "envoy.config.endpoint.v3.Endpoint" {
        address: Option<Address>,
        health_check_config: Option<EndpointHealthCheckConfig>,
        hostname: String,
    }
    lacks ["additional_addresses"]
    struct EndpointHealthCheckConfig = "envoy.config.endpoint.v3.Endpoint.HealthCheckConfig" {
        port_value: u32 = [Rule::Lte(65535.0)],
        hostname: String,
        address: Option<Address>,
        disable_active_health_check: bool,
    }
}

oneof! {
    LbEndpointHostIdentifier {
        endpoint: Endpoint(Endpoint),
    }
}
