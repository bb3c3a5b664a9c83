//! Patches: strategic merge, merge (RFC 7386) and JSON patch (RFC 6902).
//!
//! Always: how lists merge stands in the schema's table; what a patch does not name stays.
//! Sources: apimachinery `strategicpatch`, kubernetes.io "Update API objects in place".

use super::schema::{Field, Struct, Type, schema};
use super::value::Value;
use std::rc::Rc;

/// Changes `value` as the patch says; null removes.
pub fn merge(value: &mut Value, patch: &Value) {
    let Value::Map(fields) = patch else {
        *value = patch.clone();
        return;
    };
    if !value.is_map() {
        *value = Value::map();
    }
    for (name, item) in fields.iter() {
        if item.is_null() {
            value.remove(name);
        } else {
            merge(&mut value[&**name], item);
        }
    }
}

/// The struct behind a field, or behind the items of its list.
pub fn structure_of(kind: &Type) -> Option<&'static Struct> {
    match kind {
        Type::Struct(id) => Some(schema().get(*id)),
        Type::List(item) | Type::Map(item) => structure_of(item),
        _ => None,
    }
}

/// Changes `value`, of the given type, as a strategic merge patch says.
pub fn strategic(its: Option<&'static Struct>, value: &mut Value, patch: &Value) -> Result<(), String> {
    match patch.str("$patch") {
        "" | "merge" => {}
        "replace" => {
            *value = without_directives(patch);
            return Ok(());
        }
        "delete" => {
            *value = Value::map();
            return Ok(());
        }
        other => return Err(format!("Unknown patch type: {other}")),
    }
    if let Value::List(kept) = patch.get("$retainKeys") {
        let kept: Vec<&str> = kept.iter().map(Value::as_str).collect();
        value.fields_mut().retain(|name, _| kept.contains(&name));
    }
    for (name, item) in patch.fields() {
        if let Some(list) = name.strip_prefix("$deleteFromPrimitiveList/") {
            value[list].items_mut().retain(|it| !item.items().contains(it));
        } else if name.starts_with('$') {
            continue;
        } else if item.is_null() {
            value.remove(name);
        } else {
            let field = its.and_then(|it| it.field(name));
            field_merge(field, &mut value[&**name], item, patch.get(&format!("$setElementOrder/{name}")))?;
        }
    }
    for (name, order) in patch.fields() {
        if let Some(list) =
            name.strip_prefix("$setElementOrder/").filter(|list| !patch.has(list) && value.has(list))
        {
            let key = its.and_then(|it| it.field(list)).and_then(|it| it.merge_key);
            sort_by(value[list].items_mut(), order.items(), key);
        }
    }
    Ok(())
}

fn field_merge(
    field: Option<&'static Field>,
    value: &mut Value,
    patch: &Value,
    order: &Value,
) -> Result<(), String> {
    let inner = field.and_then(|it| structure_of(&it.kind));
    let is_list = field.is_some_and(|it| matches!(it.kind, Type::List(_)));
    match patch {
        Value::Map(_) if is_list => Err("expected list of maps".to_owned()),
        Value::Map(_) => {
            let its = field.filter(|it| matches!(it.kind, Type::Struct(_))).and(inner);
            if !value.is_map() {
                *value = Value::map();
            }
            strategic(its, value, patch)
        }
        Value::List(items) => match field.filter(|it| it.patch_merge) {
            Some(field) => list_merge(field, inner, value, items, order),
            None => {
                *value = Value::list(items.iter().map(without_directives).collect());
                Ok(())
            }
        },
        other => {
            *value = other.clone();
            Ok(())
        }
    }
}

fn list_merge(
    field: &'static Field,
    inner: Option<&'static Struct>,
    value: &mut Value,
    items: &[Value],
    order: &Value,
) -> Result<(), String> {
    if items.iter().any(|it| it.str("$patch") == "replace" && it.len() == 1) {
        let kept = items.iter().filter(|it| it.str("$patch") != "replace");
        *value = Value::list(kept.map(without_directives).collect());
        return Ok(());
    }
    let Some(key) = field.merge_key else {
        for item in items {
            if !value.items().contains(item) {
                value.push(item.clone());
            }
        }
        sort_by(value.items_mut(), order.items(), None);
        return Ok(());
    };
    for item in items {
        let its = item.get(key);
        if its.is_null() {
            return Err(format!("map: {item} does not contain declared merge key: {key}"));
        }
        let place = value.items().iter().position(|it| it.get(key) == its);
        match (item.str("$patch"), place) {
            ("delete", Some(at)) => {
                value.items_mut().remove(at);
            }
            ("delete", None) => {}
            (_, Some(at)) => strategic(inner, &mut value.items_mut()[at], item)?,
            (_, None) => {
                let mut fresh = Value::map();
                strategic(inner, &mut fresh, item)?;
                value.push(fresh);
            }
        }
    }
    sort_by(value.items_mut(), order.items(), Some(key));
    Ok(())
}

/// Puts items in the wanted order; those that are not in it keep their place behind their neighbour.
fn sort_by(items: &mut [Value], order: &[Value], key: Option<&str>) {
    if order.is_empty() {
        return;
    }
    let place = |item: &Value| {
        order.iter().position(|it| match key {
            Some(key) => it.get(key) == item.get(key),
            None => it == item,
        })
    };
    let mut last = 0;
    let mut ranked: Vec<(usize, bool, usize)> = Vec::new();
    for (at, item) in items.iter().enumerate() {
        let rank = place(item);
        last = rank.unwrap_or(last);
        ranked.push((last, rank.is_none(), at));
    }
    ranked.sort_unstable();
    let sorted: Vec<Value> = ranked.iter().map(|(_, _, at)| items[*at].clone()).collect();
    items.clone_from_slice(&sorted);
}

fn without_directives(value: &Value) -> Value {
    match value {
        Value::Map(map) => {
            let kept = map.iter().filter(|(name, it)| !name.starts_with('$') && !it.is_null());
            kept.map(|(name, it)| (Rc::clone(name), without_directives(it))).collect::<super::Map>().into()
        }
        Value::List(items) => Value::list(
            items.iter().filter(|it| it.str("$patch") != "delete").map(without_directives).collect(),
        ),
        other => other.clone(),
    }
}

/// Applies the operations of a JSON patch in order. Errors are evanphx/json-patch's.
pub fn json_patch(value: &mut Value, patch: &Value) -> Result<(), String> {
    for operation in patch.items() {
        let path = operation.str("path");
        let item = operation.get("value").clone();
        match operation.str("op") {
            "add" => add(value, path, item)?,
            "remove" => remove(value, path).map(|_| ())?,
            "replace" => {
                let place = place(value, path).ok_or_else(|| {
                    format!("replace operation does not apply: doc is missing key: {path}: missing value")
                })?;
                *place = item;
            }
            "move" => {
                let item = remove(value, operation.str("from"))?;
                add(value, path, item)?;
            }
            "copy" => {
                let from = operation.str("from");
                let item = place(value, from).cloned();
                let words = || {
                    format!("copy operation does not apply: doc is missing from path: {from}: missing value")
                };
                add(value, path, item.ok_or_else(words)?)?;
            }
            "test" => {
                if place(value, path).map(|it| &*it) != Some(&item) {
                    return Err(format!("testing value {path} failed: test failed"));
                }
            }
            other => return Err(format!("Unexpected kind: {other}")),
        }
    }
    Ok(())
}

fn words(path: &str) -> Vec<String> {
    path.split('/').skip(1).map(|it| it.replace("~1", "/").replace("~0", "~")).collect()
}

fn place<'a>(value: &'a mut Value, path: &str) -> Option<&'a mut Value> {
    let mut at = value;
    for word in words(path) {
        at = match at {
            Value::Map(_) if at.has(&word) => &mut at[word.as_str()],
            Value::List(_) => {
                let index: usize = word.parse().ok()?;
                at.items_mut().get_mut(index)?
            }
            _ => return None,
        };
    }
    Some(at)
}

fn parent<'a>(value: &'a mut Value, path: &str, what: &str) -> Result<(&'a mut Value, String), String> {
    let (parent, last) = path.rsplit_once('/').unwrap_or(("", path));
    let words = || format!("{what} operation does not apply: doc is missing path: \"{path}\": missing value");
    let last = last.replace("~1", "/").replace("~0", "~");
    place(value, parent).map(|it| (it, last)).ok_or_else(words)
}

fn add(value: &mut Value, path: &str, item: Value) -> Result<(), String> {
    if path.is_empty() {
        *value = item;
        return Ok(());
    }
    let (parent, last) = parent(value, path, "add")?;
    match parent {
        Value::List(_) if last == "-" => parent.push(item),
        Value::List(_) => {
            let index = last.parse().ok().filter(|at| *at <= parent.len());
            let words =
                || format!("add operation does not apply: doc is missing path: \"{path}\": missing value");
            parent.items_mut().insert(index.ok_or_else(words)?, item);
        }
        _ => parent.set(&last, item),
    }
    Ok(())
}

fn remove(value: &mut Value, path: &str) -> Result<Value, String> {
    let words = || format!("remove operation does not apply: doc is missing path: \"{path}\": missing value");
    let (parent, last) = parent(value, path, "remove")?;
    match parent {
        Value::List(_) => {
            let index = last.parse::<usize>().ok().filter(|at| *at < parent.len()).ok_or_else(words)?;
            Ok(parent.items_mut().remove(index))
        }
        _ => parent.remove(&last).ok_or_else(words),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object;
    use crate::object::Kind;

    #[test]
    fn containers_merge_by_name() {
        let its = Kind::Pod.resource().type_id().map(|id| schema().get(id));
        let mut pod =
            object!({"spec": {"containers": [{"name": "a", "image": "x", "tty": true}, {"name": "b"}]}});
        let patch = object!({"spec": {"containers": [{"name": "a", "image": "y"}, {"name": "b", "$patch": "delete"}]}});
        strategic(its, &mut pod, &patch).expect("well formed");
        assert_eq!(pod.to_string(), r#"{"spec":{"containers":[{"image":"y","name":"a","tty":true}]}}"#);
    }
}
