//! Gateway API kinds: what their CustomResourceDefinitions demand.
//!
//! Differs from the real thing: only what must be there. Source: gateway-api v1 CRDs.

use crate::object::{Cause, Kind, Value};

pub fn validate(kind: Kind, spec: &Value, causes: &mut Vec<Cause>) {
    match kind {
        Kind::GatewayClass => required(spec, "controllerName", "spec", causes),
        Kind::Gateway => {
            required(spec, "gatewayClassName", "spec", causes);
            if spec.get("listeners").is_null() {
                causes.push(Cause::required("spec.listeners", ""));
            }
            for (at, listener) in spec.get("listeners").items().iter().enumerate() {
                let path = format!("spec.listeners[{at}]");
                for field in ["name", "port", "protocol"] {
                    required(listener, field, &path, causes);
                }
            }
        }
        _ => {
            for (at, parent) in spec.get("parentRefs").items().iter().enumerate() {
                required(parent, "name", &format!("spec.parentRefs[{at}]"), causes);
            }
        }
    }
}

fn required(map: &Value, field: &str, path: &str, causes: &mut Vec<Cause>) {
    if map.get(field).is_empty() {
        causes.push(Cause::required(format!("{path}.{field}"), ""));
    }
}
