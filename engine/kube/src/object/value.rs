//! An API object as a tree: what stands in the store, on the wire and in a controller's hand.
//!
//! Always: the fields of a map are sorted by name, as kubectl prints them, so two equal trees print alike.
//! Branches are shared: a clone costs one count, and a thousand Pods of one template hold one spec between them; so are
//! short texts, by `word`.
//! Differs from Kubernetes: Go keeps a struct per kind; here the kind's schema says what may stand where.

use super::word;
use std::fmt;
use std::ops::{Index, IndexMut};
use std::rc::Rc;

#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    #[default]
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Rc<str>),
    List(Rc<Vec<Value>>),
    Map(Rc<Map>),
}

/// What is not there reads as this.
pub const NULL: &Value = &Value::Null;

/// Fields by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Map {
    fields: Vec<(Rc<str>, Value)>,
}

impl Map {
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.find(name).ok().map(|at| &self.fields[at].1)
    }

    pub fn get_mut(&mut self, name: &str) -> Option<&mut Value> {
        self.find(name).ok().map(|at| &mut self.fields[at].1)
    }

    pub fn insert(&mut self, name: impl AsRef<str>, value: Value) -> Option<Value> {
        match self.find(name.as_ref()) {
            Ok(at) => Some(std::mem::replace(&mut self.fields[at].1, value)),
            Err(at) => {
                self.fields.insert(at, (word::name(name.as_ref()), value));
                None
            }
        }
    }

    pub fn remove(&mut self, name: &str) -> Option<Value> {
        self.find(name).ok().map(|at| self.fields.remove(at).1)
    }

    pub fn entry(&mut self, name: &str) -> &mut Value {
        let at = self.find(name).unwrap_or_else(|at| {
            self.fields.insert(at, (word::name(name), Value::Null));
            at
        });
        &mut self.fields[at].1
    }

    pub fn iter(&self) -> impl Iterator<Item = (&Rc<str>, &Value)> {
        self.fields.iter().map(|(name, value)| (name, value))
    }

    pub fn retain(&mut self, mut keep: impl FnMut(&str, &mut Value) -> bool) {
        self.fields.retain_mut(|(name, value)| keep(name, value));
    }

    pub fn len(&self) -> usize {
        self.fields.len()
    }

    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    fn find(&self, name: &str) -> Result<usize, usize> {
        self.fields.binary_search_by(|(it, _)| (**it).cmp(name))
    }
}

impl FromIterator<(Rc<str>, Value)> for Map {
    fn from_iter<I: IntoIterator<Item = (Rc<str>, Value)>>(fields: I) -> Map {
        let mut map = Map::default();
        for (name, value) in fields {
            map.insert(name, value);
        }
        map
    }
}

impl Value {
    pub fn map() -> Value {
        Value::Map(Rc::default())
    }

    pub fn list(items: Vec<Value>) -> Value {
        Value::List(Rc::new(items))
    }

    pub fn text(text: &str) -> Value {
        Value::Text(word::text(text))
    }

    /// The field of that name; `NULL` if there is none or this is no map.
    pub fn get(&self, name: &str) -> &Value {
        match self {
            Value::Map(map) => map.get(name).unwrap_or(NULL),
            _ => NULL,
        }
    }

    /// Follows names from map to map, as in `object.at(&["spec", "template"])`.
    pub fn at(&self, path: &[&str]) -> &Value {
        path.iter().fold(self, |value, name| value.get(name))
    }

    pub fn at_mut(&mut self, path: &[&str]) -> &mut Value {
        path.iter().fold(self, |value, name| &mut value[*name])
    }

    pub fn has(&self, name: &str) -> bool {
        matches!(self, Value::Map(map) if map.get(name).is_some())
    }

    /// The text; empty if this is none.
    pub fn as_str(&self) -> &str {
        match self {
            Value::Text(text) => text,
            _ => "",
        }
    }

    /// The text of a field; empty if it is missing.
    pub fn str(&self, name: &str) -> &str {
        self.get(name).as_str()
    }

    pub fn as_int(&self) -> Option<i64> {
        match self {
            Value::Int(number) => Some(*number),
            Value::Float(number) if number.fract() == 0.0 && number.abs() < 9e15 => Some(*number as i64),
            _ => None,
        }
    }

    /// The number in a field; zero if it is missing.
    pub fn int(&self, name: &str) -> i64 {
        self.get(name).as_int().unwrap_or(0)
    }

    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Value::Bool(it) => Some(*it),
            _ => None,
        }
    }

    pub fn is_true(&self, name: &str) -> bool {
        self.get(name).as_bool() == Some(true)
    }

    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    pub fn is_map(&self) -> bool {
        matches!(self, Value::Map(_))
    }

    /// Nothing, an empty text, list or map: what `omitempty` leaves out.
    pub fn is_empty(&self) -> bool {
        match self {
            Value::Null => true,
            Value::Text(text) => text.is_empty(),
            Value::List(items) => items.is_empty(),
            Value::Map(map) => map.is_empty(),
            _ => false,
        }
    }

    pub fn items(&self) -> &[Value] {
        match self {
            Value::List(items) => items,
            _ => &[],
        }
    }

    /// The items, to change them; what is no list becomes one.
    pub fn items_mut(&mut self) -> &mut Vec<Value> {
        if !matches!(self, Value::List(_)) {
            *self = Value::list(Vec::new());
        }
        match self {
            Value::List(items) => Rc::make_mut(items),
            _ => unreachable!("made a list above"),
        }
    }

    pub fn push(&mut self, item: impl Into<Value>) {
        self.items_mut().push(item.into());
    }

    pub fn fields(&self) -> impl Iterator<Item = (&Rc<str>, &Value)> {
        let map = match self {
            Value::Map(map) => Some(map),
            _ => None,
        };
        map.into_iter().flat_map(|map| map.iter())
    }

    /// The fields, to change them; what is no map becomes one.
    pub fn fields_mut(&mut self) -> &mut Map {
        if !matches!(self, Value::Map(_)) {
            *self = Value::map();
        }
        match self {
            Value::Map(map) => Rc::make_mut(map),
            _ => unreachable!("made a map above"),
        }
    }

    pub fn set(&mut self, name: &str, value: impl Into<Value>) {
        self.fields_mut().insert(name, value.into());
    }

    pub fn remove(&mut self, name: &str) -> Option<Value> {
        if !self.has(name) {
            return None;
        }
        self.fields_mut().remove(name)
    }

    /// How many fields or items.
    pub fn len(&self) -> usize {
        match self {
            Value::List(items) => items.len(),
            Value::Map(map) => map.len(),
            _ => 0,
        }
    }

    /// Go's word for what this is, as its decoder complains.
    pub fn go_kind(&self) -> &'static str {
        match self {
            Value::Null => "null",
            Value::Bool(_) => "bool",
            Value::Int(_) | Value::Float(_) => "number",
            Value::Text(_) => "string",
            Value::List(_) => "array",
            Value::Map(_) => "object",
        }
    }

    pub fn same_place(&self, other: &Value) -> bool {
        match (self, other) {
            (Value::Map(one), Value::Map(two)) => Rc::ptr_eq(one, two),
            (Value::List(one), Value::List(two)) => Rc::ptr_eq(one, two),
            _ => false,
        }
    }
}

impl Index<&str> for Value {
    type Output = Value;
    fn index(&self, name: &str) -> &Value {
        self.get(name)
    }
}

/// Makes the field, and the map around it, where there is none.
impl IndexMut<&str> for Value {
    fn index_mut(&mut self, name: &str) -> &mut Value {
        self.fields_mut().entry(name)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::text(text)
    }
}
impl From<String> for Value {
    fn from(text: String) -> Value {
        Value::text(&text)
    }
}
impl From<&String> for Value {
    fn from(text: &String) -> Value {
        Value::text(text)
    }
}
impl From<Rc<str>> for Value {
    fn from(text: Rc<str>) -> Value {
        Value::Text(text)
    }
}
impl From<bool> for Value {
    fn from(it: bool) -> Value {
        Value::Bool(it)
    }
}
impl From<i64> for Value {
    fn from(it: i64) -> Value {
        Value::Int(it)
    }
}
impl From<i32> for Value {
    fn from(it: i32) -> Value {
        Value::Int(it.into())
    }
}
impl From<u32> for Value {
    fn from(it: u32) -> Value {
        Value::Int(it.into())
    }
}
impl From<usize> for Value {
    fn from(it: usize) -> Value {
        Value::Int(i64::try_from(it).unwrap_or(i64::MAX))
    }
}
impl From<Vec<Value>> for Value {
    fn from(items: Vec<Value>) -> Value {
        Value::list(items)
    }
}
impl From<Map> for Value {
    fn from(map: Map) -> Value {
        Value::Map(Rc::new(map))
    }
}
impl From<&Value> for Value {
    fn from(value: &Value) -> Value {
        value.clone()
    }
}

/// Compact JSON.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&super::json::compact(self))
    }
}

/// A tree as it is written in JSON: `object!({"kind": "Pod", "spec": {"containers": [c]}})`.
#[macro_export]
macro_rules! object {
    ({ $($name:literal : $value:tt),* $(,)? }) => {{
        #[allow(unused_mut)]
        let mut map = $crate::object::Map::default();
        $( map.insert($name, $crate::object!($value)); )*
        $crate::object::Value::from(map)
    }};
    ([ $($item:tt),* $(,)? ]) => { $crate::object::Value::list(vec![ $( $crate::object!($item) ),* ]) };
    (null) => { $crate::object::Value::Null };
    ($value:expr) => { $crate::object::Value::from($value) };
}
