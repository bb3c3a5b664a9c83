//! Text to tree: YAML as Envoy's loader understands it, and JSON.
//!
//! Stands ahead of `reader`, which turns the tree into typed configuration.
//! Always: a scalar is resolved as yaml-cpp does for Envoy (`yes` is true, `0x10` is 16, a float stays a string until
//! a field asks for a number); quoted and block scalars are strings; the last of two equal keys wins; nesting and
//! aliases are bounded.
//! Differs from Envoy: syntax errors are libyaml's words, not yaml-cpp's; a position is one in the file itself, where
//! Envoy counts in the JSON that it made of the file.
//! Sources: Envoy `ValueUtil::loadFromYaml`; yaml-cpp `convert<bool>`, `convert<int64_t>`.

use libyaml_safer::{Event, EventData, Parser, ScalarStyle};
use std::collections::BTreeMap;

/// Deeper nesting is refused, as protobuf's JSON parser does.
const DEEPEST: usize = 100;
/// An alias may not blow a document up beyond this many nodes.
const MOST_NODES: usize = 1_000_000;

/// Where a node begins; line and column count from one. A JSON document carries none (all zero).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Mark {
    pub line: u64,
    pub column: u64,
    pub offset: u64,
}

/// A part of a document and where it stands.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Node {
    pub mark: Mark,
    pub value: Value,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub enum Value {
    #[default]
    Null,
    Bool(bool),
    Number(f64),
    String(String),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
}

impl Node {
    /// The entry of a mapping.
    pub fn get(&self, key: &str) -> Option<&Node> {
        let Value::Map(entries) = &self.value else { return None };
        entries.iter().find(|(name, _)| name == key).map(|(_, node)| node)
    }

    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// As a free-form `google.protobuf.Struct` value.
    pub fn to_json(&self) -> serde_json::Value {
        match &self.value {
            Value::Null => serde_json::Value::Null,
            Value::Bool(it) => (*it).into(),
            Value::Number(it) if it.fract() == 0.0 && it.abs() < 9e15 => (*it as i64).into(),
            Value::Number(it) => (*it).into(),
            Value::String(it) => it.clone().into(),
            Value::List(items) => items.iter().map(Node::to_json).collect::<Vec<_>>().into(),
            Value::Map(entries) => serde_json::Value::Object(
                entries.iter().map(|(key, it)| (key.clone(), it.to_json())).collect(),
            ),
        }
    }
}

/// One document of YAML; what follows the first is not read.
pub fn parse(text: &str) -> Result<Node, String> {
    // The scanner does not bear a block of text that ends with the input.
    let text = format!("{text}\n");
    let mut bytes = text.as_bytes();
    let mut parser = Parser::new();
    parser.set_input_string(&mut bytes);
    let mut reader = Reader { parser, anchors: BTreeMap::new(), nodes: 0 };
    loop {
        match reader.next()?.data {
            EventData::StreamStart { .. } => {}
            EventData::DocumentStart { .. } => {
                let first = reader.next()?;
                return reader.node(first, 0);
            }
            _ => return Ok(Node::default()),
        }
    }
}

/// A document of JSON.
pub fn parse_json(text: &str) -> Result<Node, String> {
    let value: serde_json::Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    Ok(from_json(value))
}

fn from_json(value: serde_json::Value) -> Node {
    let value = match value {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(it) => Value::Bool(it),
        serde_json::Value::Number(it) => Value::Number(it.as_f64().unwrap_or_default()),
        serde_json::Value::String(it) => Value::String(it),
        serde_json::Value::Array(items) => Value::List(items.into_iter().map(from_json).collect()),
        serde_json::Value::Object(map) => {
            Value::Map(map.into_iter().map(|(key, it)| (key, from_json(it))).collect())
        }
    };
    Node { mark: Mark::default(), value }
}

struct Reader<'r, 'b> {
    parser: Parser<&'b mut &'r [u8]>,
    anchors: BTreeMap<String, (Node, usize)>,
    nodes: usize,
}

impl Reader<'_, '_> {
    fn next(&mut self) -> Result<Event, String> {
        self.parser.parse().map_err(|error| format!("yaml: {error}"))
    }

    fn node(&mut self, event: Event, depth: usize) -> Result<Node, String> {
        let at = event.start_mark;
        let mark = Mark { line: at.line + 1, column: at.column + 1, offset: at.index };
        self.nodes += 1;
        if depth > DEEPEST || self.nodes > MOST_NODES {
            return Err("yaml: the document is nested too deeply or its aliases expand too far".to_owned());
        }
        let before = self.nodes;
        let (anchor, value) = match event.data {
            EventData::Alias { anchor } => {
                let Some((node, size)) = self.anchors.get(&anchor).cloned() else {
                    let (line, column) = (mark.line, mark.column);
                    return Err(format!(
                        "yaml-cpp: error at line {line}, column {column}: the referenced anchor is not defined: {anchor}"
                    ));
                };
                self.nodes += size;
                return Ok(Node { mark, ..node });
            }
            EventData::Scalar { anchor, value, style, .. } => (anchor, resolve(value, style)),
            EventData::SequenceStart { anchor, .. } => (anchor, self.list(depth)?),
            EventData::MappingStart { anchor, .. } => (anchor, self.map(depth)?),
            _ => return Ok(Node { mark, value: Value::Null }),
        };
        let node = Node { mark, value };
        if let Some(anchor) = anchor {
            self.anchors.insert(anchor, (node.clone(), self.nodes - before + 1));
        }
        Ok(node)
    }

    fn list(&mut self, depth: usize) -> Result<Value, String> {
        let mut items = Vec::new();
        loop {
            let event = self.next()?;
            if matches!(event.data, EventData::SequenceEnd) {
                return Ok(Value::List(items));
            }
            items.push(self.node(event, depth + 1)?);
        }
    }

    fn map(&mut self, depth: usize) -> Result<Value, String> {
        let mut entries: Vec<(String, Node)> = Vec::new();
        let mut at: BTreeMap<String, usize> = BTreeMap::new();
        loop {
            let event = self.next()?;
            let key = match event.data {
                EventData::MappingEnd => return Ok(Value::Map(entries)),
                EventData::Scalar { value, .. } => value,
                _ => return Err(format!("yaml: line {}: a key must be a scalar", event.start_mark.line + 1)),
            };
            let event = self.next()?;
            let node = self.node(event, depth + 1)?;
            match at.get(&key) {
                Some(index) => entries[*index].1 = node,
                None => {
                    at.insert(key.clone(), entries.len());
                    entries.push((key, node));
                }
            }
        }
    }
}

fn resolve(text: String, style: ScalarStyle) -> Value {
    if !matches!(style, ScalarStyle::Plain | ScalarStyle::Any) {
        return Value::String(text);
    }
    if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL") {
        return Value::Null;
    }
    if let Some(flag) = as_bool(&text) {
        return Value::Bool(flag);
    }
    match as_integer(&text) {
        Some(number) if i32::try_from(number).is_ok() => Value::Number(number as f64),
        Some(number) => Value::String(number.to_string()),
        None => Value::String(text),
    }
}

/// The words of YAML 1.1 in lower case, in capitals, or with a capital.
fn as_bool(text: &str) -> Option<bool> {
    let lower = text.to_ascii_lowercase();
    let capital = lower.get(..1)?.to_ascii_uppercase() + &lower[1..];
    if text != lower && text != lower.to_ascii_uppercase() && text != capital {
        return None;
    }
    match lower.as_str() {
        "y" | "yes" | "true" | "on" => Some(true),
        "n" | "no" | "false" | "off" => Some(false),
        _ => None,
    }
}

fn as_integer(text: &str) -> Option<i64> {
    let (sign, digits) = match text.as_bytes().first()? {
        b'-' => (-1, &text[1..]),
        b'+' => (1, &text[1..]),
        _ => (1, text),
    };
    let number = if let Some(hex) = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        i64::from_str_radix(hex, 16)
    } else if digits.len() > 1 && digits.starts_with('0') {
        i64::from_str_radix(digits, 8)
    } else if digits.bytes().all(|it| it.is_ascii_digit()) {
        digits.parse()
    } else {
        return None;
    };
    number.ok().map(|it| it * sign)
}
