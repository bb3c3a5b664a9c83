//! The hash of a pod template: the letters between a ReplicaSet's name and its Pods' last five.
//!
//! Always: two templates that mean the same get the same hash as in a real cluster, because what is hashed is the text
//! Go's spew prints of the decoded struct, with every field of every type in Go's order.
//! Sources: kubernetes `pkg/controller/controller_utils.go` (ComputeHash), `pkg/util/hash`, go-spew `format.go`.

use super::schema::{Field, Struct, Type, schema};
use super::value::Value;
use std::fmt::Write as _;

const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// The hash of a pod template, as a label's value; `collisions` counts names that were taken.
pub fn of_template(template: &Value, collisions: Option<i64>) -> String {
    let id = schema().find("core.PodTemplateSpec").expect("the schema has templates");
    let mut text = String::new();
    structure(&mut text, schema().get(id), template);
    let mut hash = fnv32a(0x811c_9dc5, text.as_bytes());
    if let Some(count) = collisions {
        // The count's eight bytes, little end first; four of them hold the number.
        let number = u32::try_from(count).unwrap_or(0);
        let mut bytes = [0u8; 8];
        bytes[..4].copy_from_slice(&number.to_le_bytes());
        hash = fnv32a(hash, &bytes);
    }
    safe(&hash.to_string())
}

fn fnv32a(start: u32, bytes: &[u8]) -> u32 {
    bytes.iter().fold(start, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

/// Digits as letters that make no words.
pub fn safe(text: &str) -> String {
    text.bytes().map(|it| char::from(LETTERS[usize::from(it) % LETTERS.len()])).collect()
}

/// The hash of any bytes, as controller revisions are named.
pub fn of_bytes(bytes: &[u8]) -> String {
    // FNV-1, where templates have FNV-1a.
    let hash =
        bytes.iter().fold(0x811c_9dc5_u32, |hash, byte| hash.wrapping_mul(0x0100_0193) ^ u32::from(*byte));
    safe(&hash.to_string())
}

fn package(structure: &Struct) -> &'static str {
    if structure.name == "IntOrString" { "intstr" } else { "v1" }
}

fn structure(text: &mut String, its: &'static Struct, value: &Value) {
    write!(text, "({}.{})", package(its), its.name).expect("a String takes all");
    fields(text, &its.fields, value);
}

fn fields(text: &mut String, all: &'static [Field], value: &Value) {
    text.push('{');
    let mut at = 0;
    while at < all.len() {
        let field = &all[at];
        if at > 0 {
            text.push(' ');
        }
        match field.inlined {
            Some((name, _)) => {
                let end = all[at..].iter().position(|it| it.inlined.is_none_or(|(its, _)| its != name));
                let end = end.map_or(all.len(), |it| at + it);
                write!(text, "{name}:(v1.{name})").expect("a String takes all");
                inlined(text, &all[at..end], value);
                at = end;
            }
            None => {
                text.push_str(&field.go_name);
                text.push(':');
                item(text, field, value.get(field.name));
                at += 1;
            }
        }
    }
    text.push('}');
}

fn inlined(text: &mut String, part: &'static [Field], value: &Value) {
    text.push('{');
    for (at, field) in part.iter().enumerate() {
        if at > 0 {
            text.push(' ');
        }
        text.push_str(&field.go_name);
        text.push(':');
        item(text, field, value.get(field.name));
    }
    text.push('}');
}

fn item(text: &mut String, field: &'static Field, value: &Value) {
    let star = if field.pointer { "*" } else { "" };
    if field.pointer {
        if value.is_null() {
            write!(text, "(*{})<nil>", type_name(&field.kind, &field.go_type)).expect("a String takes all");
            return;
        }
        write!(text, "({star}{})", type_name(&field.kind, &field.go_type)).expect("a String takes all");
        bare(text, &field.kind, &field.go_type, value);
        return;
    }
    write!(text, "({})", type_name(&field.kind, &field.go_type)).expect("a String takes all");
    bare(text, &field.kind, &field.go_type, value);
}

/// A type as `%T` prints it.
fn type_name(kind: &Type, go: &str) -> String {
    match kind {
        Type::Text => match go {
            "types.UID" => "types.UID".to_owned(),
            _ => "string".to_owned(),
        },
        Type::Word { name, .. } => format!("v1.{name}"),
        Type::Bool => "bool".to_owned(),
        Type::Int32 => "int32".to_owned(),
        Type::Int64 => "int64".to_owned(),
        Type::Float => "float64".to_owned(),
        Type::Bytes => "[]uint8".to_owned(),
        Type::Time => "v1.Time".to_owned(),
        Type::MicroTime => "v1.MicroTime".to_owned(),
        Type::Quantity => "resource.Quantity".to_owned(),
        Type::IntOrString => "intstr.IntOrString".to_owned(),
        Type::Any => "runtime.RawExtension".to_owned(),
        Type::Struct(id) => {
            let its = schema().get(*id);
            format!("{}.{}", package(its), its.name)
        }
        Type::List(item) => format!("[]{}", type_name(item, go.trim_start_matches("[]"))),
        Type::Map(_) if !go.starts_with("map[") => format!("v1.{}", go.trim_start_matches("[]")),
        Type::Map(item) => {
            let (key, rest) = go.trim_start_matches("map[").split_once(']').unwrap_or(("string", "string"));
            let key = if key == "string" { "string".to_owned() } else { format!("v1.{key}") };
            format!("map[{key}]{}", type_name(item, rest))
        }
    }
}

/// A value without its type.
fn bare(text: &mut String, kind: &'static Type, go: &str, value: &Value) {
    match kind {
        Type::Text | Type::Word { .. } => text.push_str(value.as_str()),
        Type::Bool => write!(text, "{}", value.as_bool() == Some(true)).expect("a String takes all"),
        Type::Int32 | Type::Int64 => {
            write!(text, "{}", value.as_int().unwrap_or(0)).expect("a String takes all")
        }
        Type::Float => text.push_str(&super::json::float(value.as_int().unwrap_or(0) as f64)),
        Type::Struct(id) => fields(text, &schema().get(*id).fields, value),
        Type::Time | Type::MicroTime => {
            text.push_str("{Time:(time.Time){wall:(uint64)0 ext:(int64)0 loc:(*time.Location)<nil>}}")
        }
        Type::Quantity => quantity(text, value.as_str()),
        Type::IntOrString => {
            let (word, number, name) = match value {
                Value::Int(it) => (0, *it, ""),
                other => (1, 0, other.as_str()),
            };
            write!(text, "{{Type:(intstr.Type){word} IntVal:(int32){number} StrVal:(string){name}}}")
                .expect("a String takes all");
        }
        Type::List(_) | Type::Bytes | Type::Any if value.is_null() => text.push_str("<nil>"),
        Type::Map(_) if value.is_null() => text.push_str("<nil>"),
        Type::List(inner) => list(text, inner, go.trim_start_matches("[]"), value),
        Type::Map(inner) => {
            let rest = go.trim_start_matches("map[").split_once(']').map_or("resource.Quantity", |it| it.1);
            text.push_str("map[");
            for (at, (name, it)) in value.fields().enumerate() {
                if at > 0 {
                    text.push(' ');
                }
                write!(text, "{name}:").expect("a String takes all");
                bare(text, inner, rest, it);
            }
            text.push(']');
        }
        Type::Bytes | Type::Any => text.push_str(value.as_str()),
    }
}

fn list(text: &mut String, inner: &'static Type, go: &str, value: &Value) {
    text.push('[');
    for (at, it) in value.items().iter().enumerate() {
        if at > 0 {
            text.push(' ');
        }
        bare(text, inner, go, it);
    }
    text.push(']');
}

/// A quantity's inner fields: number, scale, the text it was read from (kept for decimal ones only), its family.
/// Source: apimachinery `resource.ParseQuantity`.
fn quantity(text: &mut String, shown: &str) {
    let split = shown.find(|it: char| it.is_ascii_alphabetic()).unwrap_or(shown.len());
    let (digits, suffix) = shown.split_at(split);
    let places = digits.split_once('.').map_or(0, |it| it.1.len());
    let number: i64 = digits.replace('.', "").parse().unwrap_or(0);
    let (factor, scale, family) = match suffix {
        "Ki" => (1 << 10, 0, "BinarySI"),
        "Mi" => (1 << 20, 0, "BinarySI"),
        "Gi" => (1 << 30, 0, "BinarySI"),
        "Ti" => (1 << 40, 0, "BinarySI"),
        "n" => (1, -9, "DecimalSI"),
        "u" => (1, -6, "DecimalSI"),
        "m" => (1, -3, "DecimalSI"),
        "k" => (1, 3, "DecimalSI"),
        "M" => (1, 6, "DecimalSI"),
        "G" => (1, 9, "DecimalSI"),
        _ => (1_i64, 0, "DecimalSI"),
    };
    let value = number.saturating_mul(factor);
    let scale = scale - i32::try_from(places).unwrap_or(0);
    let kept = if family == "DecimalSI" { shown } else { "" };
    write!(
        text,
        "{{i:(resource.int64Amount){{value:(int64){value} scale:(resource.Scale){scale}}} \
         d:(resource.infDecAmount){{Dec:(*inf.Dec)<nil>}} s:(string){kept} Format:(resource.Format){family}}}"
    )
    .expect("a String takes all");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::json;

    #[test]
    fn a_template_hashes_as_in_a_recorded_cluster() {
        let template = r#"{"metadata":{"labels":{"app":"web"}},"spec":{"containers":[{"image":"nginx:1.27",
            "imagePullPolicy":"IfNotPresent","name":"nginx","ports":[{"containerPort":80,"name":"http","protocol":"TCP"}],
            "readinessProbe":{"failureThreshold":3,"httpGet":{"path":"/","port":"http","scheme":"HTTP"},"periodSeconds":10,
            "successThreshold":1,"timeoutSeconds":1},"resources":{"limits":{"memory":"128Mi"},
            "requests":{"cpu":"100m","memory":"64Mi"}},"terminationMessagePath":"/dev/termination-log",
            "terminationMessagePolicy":"File"}],"dnsPolicy":"ClusterFirst","restartPolicy":"Always",
            "schedulerName":"default-scheduler","securityContext":{},"terminationGracePeriodSeconds":30}}"#;
        assert_eq!(of_template(&json::parse(template).expect("JSON"), None), "66db4c9dcf");
        let template = r#"{"metadata":{"labels":{"app":"agent"}},"spec":{"containers":[{"image":"busybox:1.36",
            "imagePullPolicy":"IfNotPresent","name":"agent","resources":{},"terminationMessagePath":"/dev/termination-log",
            "terminationMessagePolicy":"File"}],"dnsPolicy":"ClusterFirst","nodeSelector":{"kubernetes.io/os":"linux"},
            "restartPolicy":"Always","schedulerName":"default-scheduler","securityContext":{},
            "terminationGracePeriodSeconds":30}}"#;
        assert_eq!(of_template(&json::parse(template).expect("JSON"), None), "86b69cdc98");
    }
}
