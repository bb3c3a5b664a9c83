//! From the JSON of a request to an object of its kind: types checked, unknown fields named, empty ones dropped.
//!
//! Always: what comes out is as Go would write the struct it read: `omitempty` fields are gone, others are there.
//! Sources: Go encoding/json's texts, apimachinery strict decoding.

use super::kind::Kind;
use super::quantity::Quantity;
use super::schema::{Field, Struct, Type, schema};
use super::time::Time;
use super::value::{Map, Value};

#[derive(Debug, Default)]
pub struct Decoded {
    pub value: Value,
    /// Paths of fields the kind does not have.
    pub unknown: Vec<String>,
}

/// Reads an object of a kind. An error is the text Go's decoder gives, without a prefix.
pub fn decode(kind: Kind, value: &Value) -> Result<Decoded, String> {
    let Some(id) = kind.resource().type_id() else {
        return Ok(Decoded { value: value.clone(), unknown: Vec::new() });
    };
    let structure = schema().get(id);
    let mut decoder = Decoder::default();
    let mut map = decoder.structure(structure, value, true)?;
    let fields = map.fields_mut();
    for name in ["apiVersion", "kind"] {
        fields.insert(name, value.get(name).clone());
    }
    Ok(Decoded { value: map, unknown: decoder.unknown })
}

#[derive(Default)]
struct Decoder {
    unknown: Vec<String>,
    /// With indices, for unknown fields.
    path: String,
    /// Without, as Go names a field.
    names: Vec<&'static str>,
}

impl Decoder {
    fn structure(
        &mut self,
        structure: &'static Struct,
        value: &Value,
        is_root: bool,
    ) -> Result<Value, String> {
        let mut map = Map::default();
        for (name, item) in value.fields() {
            if is_root && matches!(&**name, "apiVersion" | "kind") {
                continue;
            }
            let length = self.path.len();
            if !self.path.is_empty() {
                self.path.push('.');
            }
            self.path.push_str(name);
            match structure.field(name) {
                None => self.unknown.push(self.path.clone()),
                Some(field) => {
                    self.names.push(field.name);
                    let item = self.value(structure, field, &field.kind, item)?;
                    let keeps = match item {
                        Value::Null => false,
                        Value::Map(_) if field.pointer || matches!(field.kind, Type::Struct(_)) => true,
                        Value::List(ref items) => !items.is_empty() || field.always,
                        Value::Map(ref map) => !map.is_empty() || field.always,
                        _ if field.pointer => true,
                        ref other => field.always || !is_zero(other),
                    };
                    if keeps {
                        map.insert(field.name, item);
                    }
                    self.names.pop();
                }
            }
            self.path.truncate(length);
        }
        fill(structure, &mut map);
        Ok(map.into())
    }

    fn value(
        &mut self,
        owner: &'static Struct,
        field: &'static Field,
        kind: &'static Type,
        value: &Value,
    ) -> Result<Value, String> {
        let wrong = |what: &str| {
            let go = if std::ptr::eq(kind, &field.kind) { full_go_type(field) } else { go_name(kind) };
            let path = self.names.join(".");
            format!("json: cannot unmarshal {what} into Go struct field {}.{path} of type {go}", owner.name)
        };
        Ok(match (kind, value) {
            (_, Value::Null) | (Type::Any, _) => value.clone(),
            (Type::Text | Type::Word { .. }, Value::Text(_)) => value.clone(),
            (Type::Bytes, Value::Text(text)) => {
                linux::base64::decode_lines(text)
                    .map_err(|at| format!("illegal base64 data at input byte {at}"))?;
                value.clone()
            }
            (Type::Time | Type::MicroTime, Value::Text(text)) => time(text, kind)?,
            (Type::Bool, Value::Bool(_)) => value.clone(),
            (Type::Int32, Value::Int(number)) if i32::try_from(*number).is_ok() => value.clone(),
            (Type::Int64, Value::Int(_)) => value.clone(),
            (Type::Int32 | Type::Int64, Value::Int(_) | Value::Float(_)) => {
                return Err(wrong(&format!("number {value}")));
            }
            (Type::Float, Value::Int(_) | Value::Float(_)) => value.clone(),
            (Type::IntOrString, Value::Int(_) | Value::Text(_)) => value.clone(),
            (Type::Quantity, Value::Int(_) | Value::Float(_) | Value::Text(_)) => {
                let text = if let Value::Text(text) = value { text.to_string() } else { value.to_string() };
                Value::from(Quantity::parse(&text)?.to_string())
            }
            (Type::Struct(id), Value::Map(_)) => self.structure(schema().get(*id), value, false)?,
            (Type::List(item), Value::List(items)) => {
                let mut out = Vec::with_capacity(items.len());
                for (number, it) in items.iter().enumerate() {
                    let length = self.path.len();
                    self.path.push_str(&format!("[{number}]"));
                    let it = self.value(owner, field, item, it)?;
                    out.push(if it.is_null() { zero(item) } else { it });
                    self.path.truncate(length);
                }
                Value::list(out)
            }
            (Type::Map(item), Value::Map(map)) => {
                let mut out = Map::default();
                for (name, it) in map.iter() {
                    let it = self.value(owner, field, item, it)?;
                    out.insert(name.clone(), if it.is_null() { zero(item) } else { it });
                }
                out.into()
            }
            (_, other) => return Err(wrong(other.go_kind())),
        })
    }
}

fn time(text: &str, kind: &Type) -> Result<Value, String> {
    match (Time::parse(text), kind) {
        (Some(_), Type::MicroTime) => Ok(Value::text(text)),
        (Some(time), _) => Ok(Value::from(time.rfc3339())),
        (None, _) => {
            let layout = "2006-01-02T15:04:05Z07:00";
            Err(format!("parsing time \"{text}\" as \"{layout}\": cannot parse \"{text}\" as \"2006\""))
        }
    }
}

fn is_zero(value: &Value) -> bool {
    matches!(value, Value::Bool(false) | Value::Int(0)) || value.is_empty()
}

/// Fields that Go writes even when nobody set them.
fn fill(structure: &'static Struct, map: &mut Map) {
    for field in structure.fields.iter().filter(|field| field.always) {
        if map.get(field.name).is_some() {
            continue;
        }
        if field.name == "metadata" && structure.name == "PodTemplateSpec" {
            map.insert(field.name, Value::map());
            continue;
        }
        let value = if field.pointer || matches!(field.kind, Type::List(_) | Type::Map(_)) {
            Value::Null
        } else {
            zero(&field.kind)
        };
        map.insert(field.name, value);
    }
}

fn zero(kind: &Type) -> Value {
    match kind {
        Type::Text | Type::Word { .. } => Value::text(""),
        Type::Bool => Value::Bool(false),
        Type::Int32 | Type::Int64 | Type::Float | Type::IntOrString => Value::Int(0),
        Type::Quantity => Value::text("0"),
        Type::Struct(id) => {
            let mut map = Map::default();
            fill(schema().get(*id), &mut map);
            map.into()
        }
        Type::Bytes | Type::Time | Type::MicroTime | Type::Any | Type::List(_) | Type::Map(_) => Value::Null,
    }
}

/// A type as Go's decoder names it.
fn go_name(kind: &Type) -> String {
    match kind {
        Type::Text | Type::Bytes => "string".to_owned(),
        Type::Word { name, .. } => format!("v1.{name}"),
        Type::Bool => "bool".to_owned(),
        Type::Int32 => "int32".to_owned(),
        Type::Int64 => "int64".to_owned(),
        Type::Float => "float64".to_owned(),
        Type::Time => "v1.Time".to_owned(),
        Type::MicroTime => "v1.MicroTime".to_owned(),
        Type::Quantity => "resource.Quantity".to_owned(),
        Type::IntOrString => "int32".to_owned(),
        Type::Any => "runtime.RawExtension".to_owned(),
        Type::Struct(id) => schema().get(*id).go(),
        Type::List(item) => format!("[]{}", go_name(item)),
        Type::Map(item) => format!("map[string]{}", go_name(item)),
    }
}

fn full_go_type(field: &Field) -> String {
    match &field.kind {
        Type::Map(_) if !field.go_type.starts_with("map[") => format!("v1.{}", field.go_type),
        kind => go_name(kind),
    }
}
