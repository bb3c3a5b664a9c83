//! What may stand in an object, beyond its types: the API server's rules, in its words.
//!
//! Always: all faults of an object are told at once, in the order the API server tells them.
//! Differs from Kubernetes: rules of kinds and fields that no lesson needs are missing; what is here says what the
//! real one says. Sources: kubernetes `pkg/apis/*/validation`.

mod apps;
mod config;
mod gateway;
mod meta;
pub mod name;
mod network;
mod pod;
mod service;

use crate::object::{Cause, Kind, Value};

/// Faults of an object that is to be made.
pub fn create(kind: Kind, object: &Value) -> Vec<Cause> {
    let mut causes = meta::validate(kind, object);
    of_kind(kind, object, &mut causes);
    causes
}

/// Faults of a change.
pub fn update(kind: Kind, before: &Value, after: &Value, part: &str) -> Vec<Cause> {
    let mut causes = meta::validate(kind, after);
    if !part.is_empty() {
        return causes;
    }
    match kind {
        Kind::Pod => pod::update(before, after, &mut causes),
        Kind::Service => {
            of_kind(kind, after, &mut causes);
            service::update(before, after, &mut causes);
        }
        Kind::Deployment | Kind::ReplicaSet | Kind::DaemonSet | Kind::StatefulSet | Kind::Job => {
            of_kind(kind, after, &mut causes);
            apps::update(kind, before, after, &mut causes);
        }
        Kind::ConfigMap | Kind::Secret => {
            of_kind(kind, after, &mut causes);
            config::update(kind, before, after, &mut causes);
        }
        Kind::EndpointSlice => {
            of_kind(kind, after, &mut causes);
            if before.get("addressType") != after.get("addressType") {
                let value = after.get("addressType").clone();
                causes.push(Cause::invalid("addressType", value, "field is immutable"));
            }
        }
        _ => of_kind(kind, after, &mut causes),
    }
    causes
}

fn of_kind(kind: Kind, object: &Value, causes: &mut Vec<Cause>) {
    match kind {
        Kind::Pod => pod::validate(&object["spec"], "spec", true, causes),
        Kind::Service => service::validate(&object["spec"], causes),
        Kind::Deployment | Kind::ReplicaSet | Kind::DaemonSet | Kind::StatefulSet | Kind::Job => {
            apps::validate(kind, object, causes);
        }
        Kind::ConfigMap | Kind::Secret => config::validate(kind, object, causes),
        Kind::NetworkPolicy => network::policy(&object["spec"], causes),
        Kind::Ingress => network::ingress(&object["spec"], causes),
        Kind::IngressClass => network::class(&object["spec"], causes),
        Kind::EndpointSlice => network::slice(object, causes),
        Kind::Gateway | Kind::GatewayClass | Kind::HTTPRoute => {
            gateway::validate(kind, &object["spec"], causes)
        }
        Kind::Node => meta::taints(object.at(&["spec", "taints"]), causes),
        _ => {}
    }
}

/// What the API server warns of, though it takes the object.
pub fn warnings(kind: Kind, object: &Value) -> Vec<String> {
    if kind == Kind::Service { service::warnings(&object["spec"]) } else { Vec::new() }
}
