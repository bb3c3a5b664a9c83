//! Names, labels, annotations and owners of any object; taints of a Node.
//!
//! Source: apimachinery `api/validation/objectmeta.go`.

use super::name;
use crate::object::{Cause, Kind, Value};

const MOST_ANNOTATIONS: usize = 256 * 1024;

pub fn validate(kind: Kind, object: &Value) -> Vec<Cause> {
    let metadata = object.get("metadata");
    let mut causes = Vec::new();
    let is_name = rule(kind);
    let name = metadata.str("name");
    if let Err(why) = is_name(name) {
        causes.push(Cause::invalid("metadata.name", name, &why));
    }
    for (key, value) in metadata.get("labels").fields() {
        label(key, value.as_str(), "metadata.labels", &mut causes);
    }
    let mut size = 0;
    for (key, value) in metadata.get("annotations").fields() {
        if let Err(why) = name::qualified_name(&key.to_lowercase()) {
            causes.push(Cause::invalid("metadata.annotations", &**key, &why));
        }
        size += key.len() + value.as_str().len();
    }
    if size > MOST_ANNOTATIONS {
        causes.push(Cause::too_long("metadata.annotations", MOST_ANNOTATIONS));
    }
    let owners = metadata.get("ownerReferences").items();
    for (at, owner) in owners.iter().enumerate() {
        for field in ["apiVersion", "kind", "name", "uid"] {
            if owner.str(field).is_empty() {
                let path = format!("metadata.ownerReferences[{at}].{field}");
                let what = if field == "apiVersion" { "version" } else { field };
                causes.push(Cause::invalid(path, "", &format!("{what} must not be empty")));
            }
        }
    }
    causes
}

fn rule(kind: Kind) -> fn(&str) -> Result<(), String> {
    match kind {
        Kind::Namespace | Kind::Service => name::dns1123_label,
        Kind::IPAddress => |text| match text.parse::<std::net::IpAddr>() {
            Ok(_) => Ok(()),
            Err(_) => Err("must be a valid IP address in canonical form".to_owned()),
        },
        Kind::Role | Kind::ClusterRole | Kind::RoleBinding | Kind::ClusterRoleBinding => name::path_segment,
        _ => name::dns1123_subdomain,
    }
}

/// One label, where its map stands at `path`.
pub fn label(key: &str, value: &str, path: &str, causes: &mut Vec<Cause>) {
    if let Err(why) = name::qualified_name(key) {
        causes.push(Cause::invalid(path, key, &why));
    }
    if let Err(why) = name::label_value(value) {
        causes.push(Cause::invalid(path, value, &why));
    }
}

/// A `matchLabels`/`matchExpressions` selector.
pub fn selector(selector: &Value, path: &str, causes: &mut Vec<Cause>) {
    for (key, value) in selector.get("matchLabels").fields() {
        label(key, value.as_str(), &format!("{path}.matchLabels"), causes);
    }
    for (at, it) in selector.get("matchExpressions").items().iter().enumerate() {
        let path = format!("{path}.matchExpressions[{at}]");
        let has_values = !it.get("values").is_empty();
        match it.str("operator") {
            "In" | "NotIn" if !has_values => {
                let detail = "must be specified when `operator` is 'In' or 'NotIn'";
                causes.push(Cause::required(format!("{path}.values"), detail));
            }
            "Exists" | "DoesNotExist" if has_values => {
                let detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
                causes.push(Cause::forbidden(format!("{path}.values"), detail));
            }
            "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
            other => {
                causes.push(Cause::invalid(
                    format!("{path}.operator"),
                    other,
                    "not a valid selector operator",
                ));
            }
        }
        if let Err(why) = name::qualified_name(it.str("key")) {
            causes.push(Cause::invalid(format!("{path}.key"), it.str("key"), &why));
        }
    }
}

pub fn taints(taints: &Value, causes: &mut Vec<Cause>) {
    for (at, taint) in taints.items().iter().enumerate() {
        let path = format!("metadata.taints[{at}]");
        if let Err(why) = name::qualified_name(taint.str("key")) {
            causes.push(Cause::invalid(format!("{path}.key"), taint.str("key"), &why));
        }
        if let Err(why) = name::label_value(taint.str("value")) {
            causes.push(Cause::invalid(format!("{path}.value"), taint.str("value"), &why));
        }
        const EFFECTS: [&str; 3] = ["NoSchedule", "PreferNoSchedule", "NoExecute"];
        if !EFFECTS.contains(&taint.str("effect")) {
            causes.push(Cause::unsupported(format!("{path}.effect"), taint.str("effect"), &EFFECTS));
        }
    }
}

/// A whole number from 1 to 65535.
pub fn port(number: i64, path: impl Into<String>, causes: &mut Vec<Cause>) {
    if !(1..=65_535).contains(&number) {
        causes.push(Cause::invalid(path, number, "must be between 1 and 65535, inclusive"));
    }
}

/// A port by number or name.
pub fn port_or_name(value: &Value, path: &str, causes: &mut Vec<Cause>) {
    match value {
        Value::Int(number) => port(*number, path, causes),
        other => {
            if let Err(why) = name::port_name(other.as_str()) {
                causes.push(Cause::invalid(path, other.as_str(), &why));
            }
        }
    }
}

pub fn not_negative(value: &Value, path: impl Into<String>, causes: &mut Vec<Cause>) {
    if let Some(number) = value.as_int().filter(|it| *it < 0) {
        causes.push(Cause::invalid(path, number, "must be greater than or equal to 0"));
    }
}

/// One of a few words; `required` when empty.
pub fn word(value: &str, words: &[&str], path: impl Into<String>, causes: &mut Vec<Cause>) {
    let path = path.into();
    if value.is_empty() {
        causes.push(Cause::required(path, ""));
    } else if !words.contains(&value) {
        causes.push(Cause::unsupported(path, value, words));
    }
}
