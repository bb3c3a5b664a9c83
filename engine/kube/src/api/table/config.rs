//! Rows of Namespaces, ConfigMaps, Secrets, roles, Leases, Events, and of kinds without columns of their own.
//!
//! Source: kubernetes `printers.go`.

use super::{age, name};
use crate::object::time::age as shown_age;
use crate::object::{Time, Value};

pub fn plain(it: &Value, now: Time) -> Vec<Value> {
    vec![name(it), age(it, now)]
}

pub fn namespace(it: &Value, now: Time) -> Vec<Value> {
    vec![name(it), it["status"].get("phase").clone(), age(it, now)]
}

pub fn config_map(it: &Value, now: Time) -> Vec<Value> {
    let count = it.get("data").len() + it.get("binaryData").len();
    vec![name(it), Value::from(count), age(it, now)]
}

pub fn secret(it: &Value, now: Time) -> Vec<Value> {
    vec![name(it), it.get("type").clone(), Value::from(it.get("data").len()), age(it, now)]
}

pub fn role(it: &Value, _: Time) -> Vec<Value> {
    vec![name(it), Value::from(it["metadata"].str("creationTimestamp"))]
}

pub fn binding(it: &Value, now: Time) -> Vec<Value> {
    let role = it.get("roleRef");
    let of = |kind: &str| {
        let named = it.get("subjects").items().iter().filter(|it| it.str("kind") == kind);
        let shown = named.map(|it| match it.str("namespace") {
            namespace if kind == "ServiceAccount" => format!("{namespace}/{}", it.str("name")),
            _ => it.str("name").to_owned(),
        });
        Value::from(shown.collect::<Vec<_>>().join(", "))
    };
    let role = Value::from(format!("{}/{}", role.str("kind"), role.str("name")));
    vec![name(it), role, age(it, now), of("User"), of("Group"), of("ServiceAccount")]
}

pub fn lease(it: &Value, now: Time) -> Vec<Value> {
    vec![name(it), Value::from(it["spec"].str("holderIdentity")), age(it, now)]
}

pub fn event(it: &Value, now: Time) -> Vec<Value> {
    let since = |text: &str| Time::parse(text).map(|then| shown_age(now.0 - then.0));
    let first = since(it.str("firstTimestamp"));
    let series = it.get("series");
    let first = first.or_else(|| since(it.str("eventTime"))).unwrap_or_else(|| "<unknown>".to_owned());
    let last = if series.is_map() {
        format!(
            "{} (x{} over {first})",
            since(series.str("lastObservedTime")).unwrap_or_default(),
            series.int("count")
        )
    } else {
        match since(it.str("lastTimestamp")) {
            Some(last) if it.int("count") > 1 => format!("{last} (x{} over {first})", it.int("count")),
            Some(last) => last,
            None => first.clone(),
        }
    };
    let involved = it.get("involvedObject");
    let target = if involved.str("name").is_empty() {
        involved.str("kind").to_lowercase()
    } else {
        format!("{}/{}", involved.str("kind").to_lowercase(), involved.str("name"))
    };
    let component = match it.at(&["source", "component"]).as_str() {
        "" => it.str("reportingComponent"),
        text => text,
    };
    let host = match it.at(&["source", "host"]).as_str() {
        "" if it.at(&["source", "component"]).is_empty() => it.str("reportingInstance"),
        text => text,
    };
    let source = if host.is_empty() { component.to_owned() } else { format!("{component}, {host}") };
    let count = if series.is_map() { series.int("count") } else { it.int("count").max(1) };
    vec![
        Value::from(last),
        Value::from(it.str("type")),
        Value::from(it.str("reason")),
        Value::from(target),
        Value::from(involved.str("fieldPath")),
        Value::from(source),
        Value::from(it.str("message").trim()),
        Value::from(first),
        Value::from(count),
        name(it),
    ]
}
