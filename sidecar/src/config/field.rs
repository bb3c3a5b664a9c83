//! Numbers, words, durations, lists and maps, read and written as protobuf's JSON has them.
//!
//! Called by the messages of `schema`. Always: a number may stand as text; a duration is `1.5s` and never negative;
//! a single value stands for a list of one.
//! Sources: protobuf `json/internal/lexer.cc`, `parser.cc`; what Envoy 1.40 prints.

use super::reader::{Field, Reader, Refused};
use super::yaml::{Node, Value};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::time::Duration;

impl Field for bool {
    fn read(reader: &mut Reader, node: &Node) -> Result<Self, Refused> {
        match &node.value {
            Value::Bool(it) => Ok(*it),
            _ => Err(reader.mismatch("expected 'true' or 'false'")),
        }
    }
    fn kind() -> String {
        "bool".to_owned()
    }
    fn measure(&self) -> Option<f64> {
        Some(f64::from(u8::from(*self)))
    }
    fn json(&self) -> Json {
        (*self).into()
    }
    fn is_unset(&self) -> bool {
        !self
    }
}

impl Field for String {
    fn read(reader: &mut Reader, node: &Node) -> Result<Self, Refused> {
        node.as_str().map(str::to_owned).ok_or_else(|| reader.unexpected(node, '"'))
    }
    fn kind() -> String {
        "string".to_owned()
    }
    fn measure(&self) -> Option<f64> {
        Some(self.chars().count() as f64)
    }
    fn is_text(&self) -> Option<&str> {
        Some(self)
    }
    fn json(&self) -> Json {
        self.as_str().into()
    }
    fn is_unset(&self) -> bool {
        self.is_empty()
    }
}

fn number(reader: &Reader, node: &Node, low: f64, high: f64) -> Result<f64, Refused> {
    let number = match &node.value {
        Value::Number(it) => *it,
        Value::String(text) => {
            text.parse::<f64>().map_err(|_| reader.mismatch(&format!("invalid number: '{text}'")))?
        }
        _ => return Err(reader.mismatch("expected number or string")),
    };
    if number.fract() != 0.0 {
        return Err(reader.mismatch("expected integer, but JSON number had fractional part"));
    }
    if !(low..=high).contains(&number) {
        return Err(reader.mismatch("JSON number out of range for int"));
    }
    Ok(number)
}

macro_rules! integer {
    ($($ty:ty = $kind:literal $shown:expr),*) => {$(
        impl Field for $ty {
            fn read(reader: &mut Reader, node: &Node) -> Result<Self, Refused> {
                // The large ones are exact as text, as protobuf's JSON writes them.
                if let Value::String(text) = &node.value && let Ok(exact) = text.parse() {
                    return Ok(exact);
                }
                Ok(number(reader, node, <$ty>::MIN as f64, <$ty>::MAX as f64)? as $ty)
            }
            fn kind() -> String {
                $kind.to_owned()
            }
            fn measure(&self) -> Option<f64> {
                Some(*self as f64)
            }
            fn json(&self) -> Json {
                $shown(*self)
            }
            fn is_unset(&self) -> bool {
                *self == 0
            }
        }
    )*};
}
// Numbers of 64 bits are text in protobuf's JSON.
integer!(
    u32 = "uint32" Json::from,
    u64 = "uint64" |it: u64| Json::from(it.to_string()),
    i32 = "int32" Json::from,
    i64 = "int64" |it: i64| Json::from(it.to_string())
);

impl Field for f64 {
    fn read(reader: &mut Reader, node: &Node) -> Result<Self, Refused> {
        match &node.value {
            Value::Number(it) => Ok(*it),
            Value::String(text) => {
                text.parse().map_err(|_| reader.mismatch("non-number characters in quoted number"))
            }
            _ => Err(reader.mismatch("expected number or string")),
        }
    }
    fn kind() -> String {
        "double".to_owned()
    }
    fn measure(&self) -> Option<f64> {
        Some(*self)
    }
    fn json(&self) -> Json {
        if self.fract() == 0.0 && self.abs() < 1e15 { (*self as i64).into() } else { (*self).into() }
    }
    fn is_unset(&self) -> bool {
        *self == 0.0
    }
}

impl Field for Duration {
    fn read(reader: &mut Reader, node: &Node) -> Result<Self, Refused> {
        let Some(text) = node.as_str() else { return Err(reader.unexpected(node, '"')) };
        let (sign, digits) = match text.strip_prefix('-') {
            Some(rest) => (-1, rest),
            None => (1, text),
        };
        let whole: String = digits.chars().take_while(char::is_ascii_digit).collect();
        let Ok(secs) = whole.parse::<u64>() else {
            return Err(reader.mismatch("duration must start with an integer"));
        };
        let mut rest = &digits[whole.len()..];
        let mut nanos = 0;
        if let Some(after) = rest.strip_prefix('.') {
            let part: String = after.chars().take_while(char::is_ascii_digit).collect();
            if part.is_empty() || part.len() > 9 {
                return Err(reader.mismatch("duration had bad nanoseconds"));
            }
            nanos = format!("{part:0<9}").parse().unwrap_or(0);
            rest = &after[part.len()..];
        }
        if rest != "s" {
            return Err(reader.mismatch("duration must end with a single 's'"));
        }
        if secs > 315_576_000_000 {
            return Err(reader.mismatch("duration out of range"));
        }
        if sign < 0 && (secs > 0 || nanos > 0) {
            reader.wrong(format!("Invalid duration: Expected positive duration: seconds: -{secs}"));
        }
        Ok(Duration::new(secs, nanos))
    }
    fn kind() -> String {
        "message google.protobuf.Duration".to_owned()
    }
    fn measure(&self) -> Option<f64> {
        Some(self.as_secs_f64())
    }
    fn json(&self) -> Json {
        let (secs, nanos) = (self.as_secs(), self.subsec_nanos());
        let part = match nanos {
            0 => String::new(),
            it if it % 1_000_000 == 0 => format!(".{:03}", it / 1_000_000),
            it if it % 1_000 == 0 => format!(".{:06}", it / 1_000),
            it => format!(".{it:09}"),
        };
        format!("{secs}{part}s").into()
    }
}

impl<T: Field> Field for Option<T> {
    fn read(reader: &mut Reader, node: &Node) -> Result<Self, Refused> {
        T::read(reader, node).map(Some)
    }
    fn kind() -> String {
        match T::kind().as_str() {
            "bool" => "message google.protobuf.BoolValue".to_owned(),
            "uint32" => "message google.protobuf.UInt32Value".to_owned(),
            "uint64" => "message google.protobuf.UInt64Value".to_owned(),
            "double" => "message google.protobuf.DoubleValue".to_owned(),
            other => other.to_owned(),
        }
    }
    fn measure(&self) -> Option<f64> {
        self.as_ref().and_then(Field::measure)
    }
    fn json(&self) -> Json {
        self.as_ref().map_or(Json::Null, Field::json)
    }
    fn is_unset(&self) -> bool {
        self.is_none()
    }
}

impl<T: Field> Field for Box<T> {
    fn read(reader: &mut Reader, node: &Node) -> Result<Self, Refused> {
        T::read(reader, node).map(Box::new)
    }
    fn kind() -> String {
        T::kind()
    }
    fn json(&self) -> Json {
        T::json(self)
    }
    fn is_unset(&self) -> bool {
        T::is_unset(self)
    }
}

/// A list; protobuf's parser takes a single value for a list of one, and a list within the list as more of the same.
impl<T: Field> Field for Vec<T> {
    fn read(reader: &mut Reader, node: &Node) -> Result<Self, Refused> {
        let Value::List(items) = &node.value else { return Ok(vec![T::read(reader, node)?]) };
        items.iter().enumerate().map(|(index, it)| reader.item(index, it)).collect()
    }
    fn kind() -> String {
        T::kind()
    }
    fn measure(&self) -> Option<f64> {
        Some(self.len() as f64)
    }
    fn json(&self) -> Json {
        self.iter().map(Field::json).collect()
    }
    fn is_unset(&self) -> bool {
        self.is_empty()
    }
}

impl<T: Field> Field for BTreeMap<String, T> {
    fn read(reader: &mut Reader, node: &Node) -> Result<Self, Refused> {
        let mut map = BTreeMap::new();
        for (key, it) in reader.entries(node)? {
            map.insert(key.clone(), reader.member("", key, it)?);
        }
        Ok(map)
    }
    fn kind() -> String {
        T::kind()
    }
    fn json(&self) -> Json {
        Json::Object(self.iter().map(|(name, it)| (name.clone(), it.json())).collect())
    }
    fn is_unset(&self) -> bool {
        self.is_empty()
    }
}

/// `google.protobuf.Struct`.
impl Field for serde_json::Map<String, serde_json::Value> {
    fn read(reader: &mut Reader, node: &Node) -> Result<Self, Refused> {
        let entries = reader.entries(node)?;
        Ok(entries.iter().map(|(key, it)| (key.clone(), it.to_json())).collect())
    }
    fn kind() -> String {
        "message google.protobuf.Struct".to_owned()
    }
    fn json(&self) -> Json {
        Json::Object(self.clone())
    }
    fn is_unset(&self) -> bool {
        self.is_empty()
    }
}
