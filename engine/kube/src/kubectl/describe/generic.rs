//! `describe` of kinds without a description of their own: the tree, in words.
//!
//! Source: kubectl `pkg/describe` (genericDescriber), fatih/camelcase for where a name parts.

use super::Text;
use crate::kubectl::gotemplate;
use crate::object::{Map, Value};

pub fn describe(out: &mut Text, object: &Value) {
    let metadata = object.get("metadata");
    out.field(0, "Name", metadata.str("name"));
    out.field(0, "Namespace", metadata.str("namespace"));
    out.labels("Labels", metadata.get("labels"));
    out.annotations("Annotations", metadata.get("annotations"));
    let mut object = object.clone();
    for name in ["managedFields", "name", "namespace", "labels", "annotations"] {
        object["metadata"].remove(name);
    }
    fields(out, 0, object.fields_mut());
}

fn fields(out: &mut Text, level: usize, map: &Map) {
    for (name, value) in map.iter() {
        let label = words(name);
        match value {
            Value::Map(map) => {
                out.line(level, format!("{label}:"));
                fields(out, level + 1, map);
            }
            Value::List(items) => {
                out.line(level, format!("{label}:"));
                for item in items.iter() {
                    match item {
                        Value::Map(map) => fields(out, level + 1, map),
                        other => out.line(level + 1, gotemplate::shown(other)),
                    }
                }
            }
            Value::Null => out.field(level, &label, "<nil>"),
            other => out.field(level, &label, gotemplate::shown(other)),
        }
    }
}

/// `gatewayClassName` → `Gateway Class Name`; `apiVersion` → `API Version`.
fn words(name: &str) -> String {
    const ACRONYMS: [&str; 4] = ["API", "URL", "UID", "GUID"];
    if name.chars().any(|it| !it.is_alphabetic() && it != '-') {
        return name.to_owned();
    }
    let is_upper = |part: &str| part.chars().all(|it| !it.is_alphabetic() || it.is_uppercase());
    let mut merged: Vec<String> = Vec::new();
    let mut parts = parts(name).into_iter().peekable();
    while let Some(mut part) = parts.next() {
        // Letters in capitals are one word with what follows.
        if part.len() > 1
            && is_upper(&part)
            && let Some(next) = parts.next_if(|next| next.starts_with(char::is_uppercase))
        {
            part += &next;
        }
        merged.push(part);
    }
    let titled = merged.into_iter().map(|part| {
        if ACRONYMS.contains(&part.to_uppercase().as_str()) {
            return part.to_uppercase();
        }
        let mut letters = part.chars();
        match letters.next().filter(|_| part.to_lowercase() == part) {
            Some(first) => first.to_uppercase().collect::<String>() + letters.as_str(),
            None => part,
        }
    });
    titled.collect::<Vec<_>>().join(" ")
}

/// Runs of small letters, of capitals, and of others; a last capital goes with the small letters behind it.
fn parts(name: &str) -> Vec<String> {
    let class = |letter: char| (letter.is_lowercase(), letter.is_uppercase());
    let mut parts: Vec<String> = Vec::new();
    for letter in name.chars() {
        match parts.last_mut().filter(|it| it.chars().last().is_some_and(|last| class(last) == class(letter)))
        {
            Some(part) => part.push(letter),
            None => parts.push(letter.to_string()),
        }
    }
    for at in 1..parts.len() {
        if parts[at].starts_with(char::is_lowercase) && parts[at - 1].starts_with(char::is_uppercase) {
            let capital = parts[at - 1].pop();
            capital.into_iter().for_each(|it| parts[at].insert(0, it));
        }
    }
    parts.retain(|it| !it.is_empty());
    parts
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn names_part_as_kubectl_parts_them() {
        for (name, shown) in [
            ("gatewayClassName", "Gateway Class Name"),
            ("apiVersion", "API Version"),
            ("uid", "UID"),
            ("ip", "Ip"),
            ("podCIDR", "Pod CIDR"),
            ("clusterIPs", "Cluster I Ps"),
            ("HTTPRoute", "HTTPRoute"),
            ("v1", "v1"),
        ] {
            assert_eq!(words(name), shown);
        }
    }
}
