//! Server-side apply and `managedFields`: who set which field, and what happens when two want one.
//!
//! Always: a set of fields is a tree in the form of `fieldsV1` (`f:name`, `k:{"name":"x"}`, `v:"x"`, `.`).
//! Differs from Kubernetes: writes of the cluster's own controllers are not noted, so that a thousand Pods stay small.
//! Sources: structured-merge-diff; kubernetes.io "Server-Side Apply".

use super::Options;
use crate::object;
use crate::object::patch::structure_of;
use crate::object::schema::{Field, ListType, Struct, Type, schema};
use crate::object::{Kind, Map, Status, Time, Value, json};

/// Fields that belong to nobody: the server's own.
const NOT_OWNED: &[&str] = &[
    "name",
    "namespace",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "managedFields",
    "selfLink",
    "generateName",
];

/// The fields an object sets.
pub fn fields_of(kind: Kind, object: &Value) -> Value {
    let its = kind.resource().type_id().map(|id| schema().get(id));
    let mut object = object.clone();
    let fields = object.fields_mut();
    fields.remove("apiVersion");
    fields.remove("kind");
    if let Some(metadata) = fields.get_mut("metadata") {
        NOT_OWNED.iter().for_each(|name| {
            metadata.remove(name);
        });
        if metadata.is_empty() {
            fields.remove("metadata");
        }
    }
    map_set(its, &object)
}

fn map_set(its: Option<&'static Struct>, value: &Value) -> Value {
    let mut set = Map::default();
    for (name, item) in value.fields() {
        let field = its.and_then(|it| it.field(name));
        set.insert(format!("f:{name}"), field_set(field, item));
    }
    set.into()
}

fn field_set(field: Option<&'static Field>, value: &Value) -> Value {
    let is_atomic = field.is_some_and(|it| it.atomic);
    match (value, field.map(|it| (&it.kind, &it.list))) {
        (Value::Map(map), kind) if !is_atomic => {
            let inner = kind.and_then(|(kind, _)| structure_of(kind));
            let mut set = map_set(inner, value);
            if !map.is_empty() && matches!(kind, Some((Type::Map(_), _))) {
                set.set(".", Value::map());
            }
            set
        }
        (Value::List(items), Some((kind, ListType::Map(keys)))) => {
            let mut set = object!({".": {}});
            for item in items.iter() {
                let mut inner = map_set(structure_of(kind), item);
                inner.set(".", Value::map());
                set.set(&key_of(keys, item), inner);
            }
            set
        }
        (Value::List(items), Some((_, ListType::Set))) => {
            let mut set = object!({".": {}});
            items.iter().for_each(|item| set.set(&format!("v:{}", json::compact(item)), Value::map()));
            set
        }
        _ => Value::map(),
    }
}

fn key_of(keys: &[&str], item: &Value) -> String {
    let mut key = Value::map();
    for name in keys {
        let value = item.get(name).clone();
        let is_missing_protocol = value.is_null() && *name == "protocol";
        if is_missing_protocol {
            key.set(name, "TCP");
        } else if !value.is_null() {
            key.set(name, value);
        }
    }
    format!("k:{}", json::compact(&key))
}

/// The value a path element leads to.
fn step<'a>(value: &'a Value, element: &str) -> &'a Value {
    match element.split_once(':') {
        Some(("f", name)) => value.get(name),
        Some(("k", key)) => {
            let key = json::parse(key).unwrap_or_default();
            let is_it = |item: &&Value| {
                key.fields().all(|(name, wanted)| {
                    item.get(name) == wanted || item.get(name).is_null() && wanted.as_str() == "TCP"
                })
            };
            value.items().iter().find(is_it).unwrap_or(object::NULL)
        }
        Some(("v", text)) => {
            let wanted = json::parse(text).unwrap_or_default();
            value.items().iter().find(|it| **it == wanted).unwrap_or(object::NULL)
        }
        _ => value,
    }
}

/// Every leaf of a set as a path of elements.
fn leaves(set: &Value, path: &mut Vec<String>, visit: &mut dyn FnMut(&[String])) {
    if set.is_empty() {
        visit(path);
        return;
    }
    for (element, inner) in set.fields() {
        if &**element == "." {
            if set.len() == 1 {
                visit(path);
            }
            continue;
        }
        path.push(element.to_string());
        leaves(inner, path, visit);
        path.pop();
    }
}

fn paths(set: &Value) -> Vec<Vec<String>> {
    let mut all = Vec::new();
    if !set.is_empty() {
        leaves(set, &mut Vec::new(), &mut |path| all.push(path.to_vec()));
    }
    all
}

fn holds(set: &Value, path: &[String]) -> bool {
    let mut at = set;
    for element in path {
        if !at.has(element) {
            return false;
        }
        at = at.get(element);
    }
    true
}

fn value_at<'a>(object: &'a Value, path: &[String]) -> &'a Value {
    path.iter().fold(object, |value, element| step(value, element))
}

fn take_out(set: &mut Value, path: &[String]) {
    let Some((first, rest)) = path.split_first() else { return };
    if !set.has(first) {
        return;
    }
    if rest.is_empty() {
        set.remove(first);
        return;
    }
    take_out(&mut set[first.as_str()], rest);
    let is_bare = set.get(first).is_empty() || set.get(first).len() == 1 && set.get(first).has(".");
    if is_bare {
        set.remove(first);
    }
}

fn put_in(set: &mut Value, path: &[String]) {
    let Some((first, rest)) = path.split_first() else { return };
    if !set.has(first) {
        set.set(first, Value::map());
    }
    put_in(&mut set[first.as_str()], rest);
}

/// A path as a message shows it: `.spec.containers[name="web"].image`.
fn shown(path: &[String]) -> String {
    let one = |element: &String| match element.split_once(':') {
        Some(("f", name)) => format!(".{name}"),
        Some(("k", key)) => {
            let key = json::parse(key).unwrap_or_default();
            let parts: Vec<String> = key.fields().map(|(name, value)| format!("{name}={value}")).collect();
            format!("[{}]", parts.join(","))
        }
        Some((_, text)) => format!("[={text}]"),
        None => String::new(),
    };
    path.iter().map(one).collect()
}

fn entry(options: &Options, kind: Kind, operation: &str, part: &str, now: Time, set: Value) -> Value {
    let mut entry = object!({
        "manager": (options.manager.as_str()), "operation": operation, "apiVersion": (kind.resource().api_version()),
        "time": (now.rfc3339()), "fieldsType": "FieldsV1", "fieldsV1": set
    });
    if !part.is_empty() {
        entry.set("subresource", part);
    }
    entry
}

fn is_of(entry: &Value, options: &Options, operation: &str, part: &str) -> bool {
    entry.str("manager") == options.manager
        && entry.str("operation") == operation
        && entry.str("subresource") == part
}

/// Notes who wrote what by a create, update or patch.
pub fn note_update(kind: Kind, before: &Value, after: &mut Value, options: &Options, part: &str, now: Time) {
    if options.manager.is_empty() {
        return;
    }
    let set = fields_of(kind, after);
    let mut changed = Value::map();
    for path in paths(&set) {
        if value_at(before, &path) != value_at(after, &path) {
            put_in(&mut changed, &path);
        }
    }
    let mut entries = before["metadata"]["managedFields"].items().to_vec();
    for entry in &mut entries {
        let gone: Vec<Vec<String>> = paths(entry.get("fieldsV1"))
            .into_iter()
            .filter(|path| !holds(&set, path) || holds(&changed, path))
            .collect();
        gone.iter().for_each(|path| take_out(&mut entry["fieldsV1"], path));
    }
    if !changed.is_empty() {
        match entries.iter_mut().find(|it| is_of(it, options, "Update", part)) {
            Some(entry) => {
                paths(&changed).iter().for_each(|path| put_in(&mut entry["fieldsV1"], path));
                entry.set("time", now.rfc3339());
            }
            None => entries.push(entry(options, kind, "Update", part, now, changed)),
        }
    }
    entries.retain(|it| !it.get("fieldsV1").is_empty());
    if entries.is_empty() {
        after["metadata"].remove("managedFields");
    } else {
        after["metadata"].set("managedFields", entries);
    }
}

/// What the object becomes when `options.manager` applies `config`, or who is in the way.
pub fn apply(
    kind: Kind,
    live: &Value,
    config: &Value,
    options: &Options,
    now: Time,
) -> Result<Value, Status> {
    let wanted = fields_of(kind, config);
    let mut entries = live["metadata"]["managedFields"].items().to_vec();
    let mut conflicts: Vec<(String, Vec<String>)> = Vec::new();
    for other in entries.iter_mut().filter(|it| !is_of(it, options, "Apply", "")) {
        let mut fields = Vec::new();
        for path in paths(&wanted) {
            let is_theirs = holds(other.get("fieldsV1"), &path);
            if is_theirs && value_at(live, &path) != value_at(config, &path) {
                if options.force {
                    take_out(&mut other["fieldsV1"], &path);
                } else {
                    fields.push(shown(&path));
                }
            }
        }
        if !fields.is_empty() {
            let part = other.str("subresource");
            let part = if part.is_empty() { String::new() } else { format!(" with subresource \"{part}\"") };
            conflicts.push((
                format!("\"{}\"{part} using {}", other.str("manager"), other.str("apiVersion")),
                fields,
            ));
        }
    }
    if !conflicts.is_empty() {
        return Err(refusal(&conflicts));
    }
    let mut merged = live.clone();
    overlay(kind, &mut merged, config);
    let mine = entries.iter().find(|it| is_of(it, options, "Apply", "")).map(|it| it.get("fieldsV1").clone());
    for path in paths(&mine.unwrap_or_default()).iter().filter(|path| !holds(&wanted, path)) {
        let is_shared =
            entries.iter().any(|it| !is_of(it, options, "Apply", "") && holds(it.get("fieldsV1"), path));
        if !is_shared {
            delete(&mut merged, path);
        }
    }
    entries.retain(|it| !is_of(it, options, "Apply", "") && !it.get("fieldsV1").is_empty());
    entries.push(entry(options, kind, "Apply", "", now, wanted));
    merged["metadata"].set("managedFields", entries);
    Ok(merged)
}

fn refusal(conflicts: &[(String, Vec<String>)]) -> Status {
    let count: usize = conflicts.iter().map(|(_, fields)| fields.len()).sum();
    let one = |(who, fields): &(String, Vec<String>)| match &fields[..] {
        [field] => format!("conflict with {who}: {field}"),
        fields => {
            let list: Vec<String> = fields.iter().map(|it| format!("- {it}")).collect();
            format!("conflicts with {who}:\n{}", list.join("\n"))
        }
    };
    let all: Vec<String> = conflicts.iter().map(one).collect();
    let s = if count == 1 { "" } else { "s" };
    let mut status =
        Status::new(409, "Conflict", format!("Apply failed with {count} conflict{s}: {}", all.join("\n")));
    for (who, fields) in conflicts {
        status.causes.extend(fields.iter().map(|field| object::Cause {
            reason: "FieldManagerConflict",
            field: field.clone(),
            message: format!("conflict with {who}"),
        }));
    }
    status
}

fn overlay(kind: Kind, live: &mut Value, config: &Value) {
    overlay_map(kind.resource().type_id().map(|id| schema().get(id)), live, config);
}

fn overlay_map(its: Option<&'static Struct>, live: &mut Value, config: &Value) {
    for (name, item) in config.fields() {
        let field = its.and_then(|it| it.field(name));
        let inner = field.and_then(|it| structure_of(&it.kind));
        match (item, field.map(|it| &it.list)) {
            (Value::Map(_), _) if !field.is_some_and(|it| it.atomic) && live.get(name).is_map() => {
                overlay_map(inner, &mut live[&**name], item);
            }
            (Value::List(items), Some(ListType::Map(keys))) => {
                for item in items.iter() {
                    let key = key_of(keys, item);
                    let place = live.get(name).items().iter().position(|it| key_of(keys, it) == key);
                    match place {
                        Some(at) => overlay_map(inner, &mut live[&**name].items_mut()[at], item),
                        None => live[&**name].push(item.clone()),
                    }
                }
            }
            (Value::List(items), Some(ListType::Set)) => {
                for item in items
                    .iter()
                    .filter(|it| !live.get(name).items().contains(it))
                    .cloned()
                    .collect::<Vec<_>>()
                {
                    live[&**name].push(item);
                }
            }
            _ => live.set(name, item),
        }
    }
}

fn delete(value: &mut Value, path: &[String]) {
    let Some((first, rest)) = path.split_first() else { return };
    let Some((what, text)) = first.split_once(':') else { return };
    if what == "f" {
        if rest.is_empty() {
            value.remove(text);
        } else if value.has(text) {
            delete(&mut value[text], rest);
        }
        return;
    }
    let found = step(value, first).clone();
    let Some(at) = value.items().iter().position(|it| *it == found) else { return };
    if rest.is_empty() {
        value.items_mut().remove(at);
    } else {
        delete(&mut value.items_mut()[at], rest);
    }
}
