//! `describe` of kinds without a description of their own: the tree, in words.

use super::{Text, config};
use crate::kubectl::jsonpath::shown;
use crate::object::Value;

pub fn describe(out: &mut Text, object: &Value) {
    config::head(out, object);
    let mut object = object.clone();
    object["metadata"].remove("managedFields");
    for name in ["name", "namespace", "labels", "annotations"] {
        object["metadata"].remove(name);
    }
    // Groups of letters in capitals are one word: `apiVersion` is `API Version`.
    let fields: Vec<(String, Value)> =
        object.fields().map(|(name, it)| (name.to_string(), it.clone())).collect();
    write_fields(out, 0, fields);
}

fn write_fields(out: &mut Text, level: usize, mut fields: Vec<(String, Value)>) {
    fields.sort_by_key(|it| words(&it.0));
    for (name, value) in fields {
        let label = words(&name);
        match &value {
            Value::Map(map) => {
                out.line(level, format!("{label}:"));
                let inner = map.iter().map(|(name, it)| (name.to_string(), it.clone())).collect();
                write_fields(out, level + 1, inner);
            }
            Value::List(items) => {
                out.line(level, format!("{label}:"));
                list(out, level + 1, items);
            }
            other => out.field(level, &label, plain(other)),
        }
    }
}

fn plain(value: &Value) -> String {
    if value.is_null() { "<nil>".to_owned() } else { shown(value) }
}

fn list(out: &mut Text, level: usize, items: &[Value]) {
    for item in items {
        match item {
            Value::Map(map) => {
                let inner = map.iter().map(|(name, it)| (name.to_string(), it.clone())).collect();
                write_fields(out, level, inner);
            }
            Value::List(items) => list(out, level + 1, items),
            other => out.line(level, plain(other)),
        }
    }
}

/// `gatewayClassName` → `Gateway Class Name`; `apiVersion` → `API Version`.
fn words(name: &str) -> String {
    const UPPER: [&str; 14] =
        ["API", "CIDR", "DNS", "HTTP", "ID", "IP", "IPs", "TLS", "TTL", "UID", "URI", "URL", "CPU", "JSON"];
    if name.contains(['.', '/', '-']) {
        return name.to_owned();
    }
    let mut parts: Vec<String> = vec![String::new()];
    let letters: Vec<char> = name.chars().collect();
    for (at, letter) in letters.iter().enumerate() {
        let before_is_lower = at > 0 && !letters[at - 1].is_uppercase();
        let after_is_lower = letters.get(at + 1).is_some_and(|it| it.is_lowercase());
        if letter.is_uppercase() && at > 0 && (before_is_lower || after_is_lower) {
            parts.push(String::new());
        }
        parts.last_mut().expect("begins with one").push(*letter);
    }
    let titled = parts.into_iter().map(|part| {
        if let Some(word) = UPPER.iter().find(|it| it.eq_ignore_ascii_case(&part)) {
            return (*word).to_owned();
        }
        let mut letters = part.chars();
        letters
            .next()
            .map_or(String::new(), |first| first.to_uppercase().collect::<String>() + letters.as_str())
    });
    titled.collect::<Vec<_>>().join(" ")
}
