//! A Node's row.
//!
//! Source: kubernetes `printers.go`, `printNode`.

use super::{age, name, or_none};
use crate::object::{Time, Value};

const ROLE: &str = "node-role.kubernetes.io/";

pub fn row(node: &Value, now: Time) -> Vec<Value> {
    let info = node.at(&["status", "nodeInfo"]);
    let kernel = match (info.str("kernelVersion"), info.str("architecture")) {
        ("", _) => "<unknown>".to_owned(),
        (version, "") => version.to_owned(),
        (version, architecture) => format!("{version} ({architecture})"),
    };
    let or_unknown = |text: &str| Value::from(if text.is_empty() { "<unknown>" } else { text });
    vec![
        name(node),
        Value::from(status(node)),
        Value::from(roles(node)),
        age(node, now),
        Value::from(info.str("kubeletVersion")),
        or_none(address(node, "InternalIP")),
        or_none(address(node, "ExternalIP")),
        or_unknown(info.str("osImage")),
        Value::from(kernel),
        or_unknown(info.str("containerRuntimeVersion")),
    ]
}

fn status(node: &Value) -> String {
    let ready = node.at(&["status", "conditions"]).items().iter().find(|it| it.str("type") == "Ready");
    let mut text = match ready.map(|it| it.str("status")) {
        Some("True") => "Ready",
        Some(_) => "NotReady",
        None => "Unknown",
    }
    .to_owned();
    if node["spec"].is_true("unschedulable") {
        text += ",SchedulingDisabled";
    }
    text
}

fn roles(node: &Value) -> String {
    let labels = node["metadata"].get("labels");
    let mut roles: Vec<&str> = labels
        .fields()
        .filter_map(|(key, value)| match key.strip_prefix(ROLE) {
            Some(role) if !role.is_empty() => Some(role),
            _ if &**key == "kubernetes.io/role" && !value.as_str().is_empty() => Some(value.as_str()),
            _ => None,
        })
        .collect();
    roles.sort_unstable();
    if roles.is_empty() { "<none>".to_owned() } else { roles.join(",") }
}

fn address<'a>(node: &'a Value, kind: &str) -> &'a str {
    let all = node.at(&["status", "addresses"]).items();
    all.iter().find(|it| it.str("type") == kind).map_or("", |it| it.str("address"))
}
