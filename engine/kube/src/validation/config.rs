//! ConfigMaps and Secrets.
//!
//! Source: kubernetes `pkg/apis/core/validation` (ValidateConfigMap, ValidateSecret).

use super::name;
use crate::object::{Cause, Kind, Value};

const LARGEST: usize = 1024 * 1024;

pub fn validate(kind: Kind, object: &Value, causes: &mut Vec<Cause>) {
    let mut size = 0;
    for list in ["data", "binaryData"] {
        for (key, value) in object.get(list).fields() {
            if let Err(why) = name::config_key(key) {
                causes.push(Cause::invalid(format!("{list}[{key}]"), &**key, &why));
            }
            if list == "data" && object.get("binaryData").has(key) {
                let why = "duplicate of key present in binaryData";
                causes.push(Cause::invalid(format!("data[{key}]"), &**key, why));
            }
            size += value.as_str().len();
        }
    }
    if size > LARGEST {
        causes.push(Cause::too_long(if kind == Kind::Secret { "data" } else { "" }, LARGEST));
    }
    if kind == Kind::Secret {
        let needed: &[&str] = match object.str("type") {
            "kubernetes.io/tls" => &["tls.crt", "tls.key"],
            "kubernetes.io/dockerconfigjson" => &[".dockerconfigjson"],
            "kubernetes.io/ssh-auth" => &["ssh-privatekey"],
            _ => &[],
        };
        for key in needed.iter().filter(|key| !object.get("data").has(key)) {
            causes.push(Cause::required(format!("data[{key}]"), ""));
        }
    }
}

pub fn update(kind: Kind, before: &Value, after: &Value, causes: &mut Vec<Cause>) {
    if kind == Kind::Secret && before.get("type") != after.get("type") {
        causes.push(Cause::invalid("type", after.get("type"), "field is immutable"));
    }
    if before.is_true("immutable") {
        if !after.is_true("immutable") {
            causes.push(Cause::forbidden("immutable", "field is immutable when `immutable` is set"));
        }
        for list in ["data", "binaryData"] {
            if before.get(list) != after.get(list) {
                causes.push(Cause::forbidden(list, "field is immutable when `immutable` is set"));
            }
        }
    }
}
