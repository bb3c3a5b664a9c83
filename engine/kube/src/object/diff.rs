//! The patch that leads from one object to another: what `kubectl apply` and `kubectl edit` send.
//!
//! Always: applying the patch to `current` gives `modified`, but for fields somebody else set.
//! Differs from kubectl: `$setElementOrder` is sent only for lists that merge by key and change.
//! Sources: apimachinery `strategicpatch.CreateThreeWayMergePatch`, `jsonmergepatch`.

use super::patch::structure_of;
use super::schema::{Struct, Type};
use super::value::Value;
use crate::object;

/// What is to delete because it stood in `original` and is gone, and what is to set because it differs from `current`.
pub fn three_way(its: Option<&'static Struct>, original: &Value, modified: &Value, current: &Value) -> Value {
    let mut patch = Value::map();
    for (name, wanted) in modified.fields() {
        let field = its.and_then(|it| it.field(name));
        let inner = field.and_then(|it| structure_of(&it.kind));
        let (had, has) = (original.get(name), current.get(name));
        match (wanted, has) {
            (Value::Map(_), Value::Map(_)) => {
                let its = field.filter(|it| matches!(it.kind, Type::Struct(_))).and(inner);
                let part = three_way(its, had, wanted, has);
                if !part.is_empty() {
                    patch.set(name, part);
                    retain(field.is_some_and(|it| it.retain_keys), &mut patch[&**name], wanted);
                }
            }
            (Value::List(items), Value::List(_))
                if field.is_some_and(|it| it.patch_merge) && its.is_some() =>
            {
                let key = field.and_then(|it| it.merge_key);
                list(inner, key, name, (had, items, has), &mut patch);
            }
            _ if wanted != has => patch.set(name, wanted),
            _ => {}
        }
    }
    for (name, _) in original.fields().filter(|(name, _)| !modified.has(name) && current.has(name)) {
        patch.set(name, Value::Null);
    }
    patch
}

fn retain(wants: bool, patch: &mut Value, wanted: &Value) {
    if wants {
        let names = wanted.fields().map(|(name, _)| Value::from(&**name)).collect::<Vec<_>>();
        patch.set("$retainKeys", names);
    }
}

fn list(
    inner: Option<&'static Struct>,
    key: Option<&'static str>,
    name: &str,
    (had, wanted, has): (&Value, &[Value], &Value),
    patch: &mut Value,
) {
    let Some(key) = key else {
        let missing: Vec<Value> = wanted.iter().filter(|it| !has.items().contains(it)).cloned().collect();
        let gone: Vec<Value> = had
            .items()
            .iter()
            .filter(|it| !wanted.contains(it) && has.items().contains(it))
            .cloned()
            .collect();
        if !missing.is_empty() {
            patch.set(name, missing);
        }
        if !gone.is_empty() {
            patch.set(&format!("$deleteFromPrimitiveList/{name}"), gone);
        }
        return;
    };
    let find = |items: &[Value], its: &Value| {
        items.iter().find(|it| it.get(key) == its).cloned().unwrap_or_default()
    };
    let mut parts = Vec::new();
    for item in wanted {
        let its = item.get(key);
        let present = find(has.items(), its);
        if present.is_null() {
            parts.push(item.clone());
            continue;
        }
        let mut part = three_way(inner, &find(had.items(), its), item, &present);
        if !part.is_empty() {
            part.set(key, its);
            if inner.is_some_and(|it| it.name == "Volume") {
                retain(true, &mut part, item);
            }
            parts.push(part);
        }
    }
    for item in had.items() {
        let its = item.get(key);
        if find(wanted, its).is_null() && !find(has.items(), its).is_null() {
            let mut part = object!({"$patch": "delete"});
            part.set(key, its);
            parts.push(part);
        }
    }
    if parts.is_empty() {
        return;
    }
    let order: Vec<Value> = wanted
        .iter()
        .map(|it| {
            let mut entry = Value::map();
            entry.set(key, it.get(key));
            entry
        })
        .collect();
    patch.set(&format!("$setElementOrder/{name}"), order);
    patch.set(name, parts);
}

#[cfg(test)]
mod tests {
    use super::super::patch::strategic;
    use super::*;
    use crate::object::Kind;
    use crate::object::schema::schema;

    #[test]
    fn a_three_way_patch_removes_what_was_ours_and_leaves_what_was_not() {
        let its = Kind::Pod.resource().type_id().map(|id| schema().get(id));
        let original = object!({"metadata": {"labels": {"a": "1", "b": "2"}}});
        let modified = object!({"metadata": {"labels": {"a": "1"}}});
        let mut current = object!({"metadata": {"labels": {"a": "1", "b": "2", "c": "3"}}});
        let patch = three_way(its, &original, &modified, &current);
        assert_eq!(patch.to_string(), r#"{"metadata":{"labels":{"b":null}}}"#);
        strategic(its, &mut current, &patch).expect("well formed");
        assert_eq!(current.to_string(), r#"{"metadata":{"labels":{"a":"1","c":"3"}}}"#);
    }
}
