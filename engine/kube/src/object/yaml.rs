//! YAML to tree and back, as sigs.k8s.io/yaml does it: YAML 1.1 words, sorted keys, lines of 80.
//!
//! Stands on a port of libyaml, the same that go-yaml was ported from: errors and line folding are alike.
//! Always: a key that stands twice takes the last value; nesting is bounded; aliases are bounded in size.
//! Sources: go-yaml v2 (`resolve.go`, `encode.go`, `decode.go` for how a line of an error is counted).

use super::json;
use super::value::{Map, Value};
use libyaml_safer::{Emitter, Error, ErrorKind, Event, EventData, Parser, ScalarStyle};
use libyaml_safer::{Encoding, MappingStyle, SequenceStyle};
use std::collections::BTreeMap;

/// An alias may not blow a document up beyond this many nodes.
const MOST_NODES: usize = 200_000;

/// The documents of a text; empty ones are left out. An error reads as kubectl prints it: `yaml: line 4: …`.
pub fn parse_all(text: &str) -> Result<Vec<Value>, String> {
    documents(text).into_iter().filter(|it| !is_blank(it)).map(|it| parse(&it)).collect()
}

/// Splits at lines of `---`, as the reader of kubectl does before it parses.
pub fn documents(text: &str) -> Vec<String> {
    let mut documents = vec![String::new()];
    for line in text.split_inclusive('\n') {
        let last = documents.last_mut().expect("begins with one");
        if line.trim_end() == "---" || line.starts_with("--- ") {
            documents.push(String::new());
        } else {
            last.push_str(line);
        }
    }
    documents
}

fn is_blank(text: &str) -> bool {
    text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#'))
}

/// One document.
pub fn parse(text: &str) -> Result<Value, String> {
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
            _ => return Ok(Value::Null),
        }
    }
}

struct Reader<'r, 'b> {
    parser: Parser<&'b mut &'r [u8]>,
    anchors: BTreeMap<String, (Value, usize)>,
    nodes: usize,
}

impl Reader<'_, '_> {
    fn next(&mut self) -> Result<Event, String> {
        self.parser.parse().map_err(|error| complaint(&error))
    }

    fn node(&mut self, event: Event, depth: usize) -> Result<Value, String> {
        self.nodes += 1;
        if depth > json::DEEPEST || self.nodes > MOST_NODES {
            return Err("yaml: document contains excessive aliasing".to_owned());
        }
        let before = self.nodes;
        let (anchor, value) = match event.data {
            EventData::Alias { anchor } => {
                let Some((value, size)) = self.anchors.get(&anchor).cloned() else {
                    return Err(format!("yaml: unknown anchor '{anchor}' referenced"));
                };
                self.nodes += size;
                return Ok(value);
            }
            EventData::Scalar { anchor, tag, value, style, .. } => {
                let is_text = style != ScalarStyle::Plain || tag.as_deref() == Some("tag:yaml.org,2002:str");
                (anchor, if is_text { Value::from(value) } else { resolve(&value) })
            }
            EventData::SequenceStart { anchor, .. } => (anchor, self.sequence(depth)?),
            EventData::MappingStart { anchor, .. } => (anchor, self.mapping(depth)?),
            _ => return Ok(Value::Null),
        };
        if let Some(anchor) = anchor {
            self.anchors.insert(anchor, (value.clone(), self.nodes - before + 1));
        }
        Ok(value)
    }

    fn sequence(&mut self, depth: usize) -> Result<Value, String> {
        let mut items = Vec::new();
        loop {
            let event = self.next()?;
            if matches!(event.data, EventData::SequenceEnd) {
                return Ok(Value::list(items));
            }
            items.push(self.node(event, depth + 1)?);
        }
    }

    fn mapping(&mut self, depth: usize) -> Result<Value, String> {
        let mut map = Map::default();
        loop {
            let event = self.next()?;
            if matches!(event.data, EventData::MappingEnd) {
                return Ok(map.into());
            }
            let is_merge = matches!(&event.data,
                EventData::Scalar { value, style: ScalarStyle::Plain, .. } if value == "<<");
            let name = match self.node(event, depth + 1)? {
                Value::Text(text) => text.to_string(),
                other => json::compact(&other),
            };
            let next = self.next()?;
            let value = self.node(next, depth + 1)?;
            if is_merge {
                for (name, value) in
                    value.fields().filter(|(name, _)| map.get(name).is_none()).collect::<Vec<_>>()
                {
                    map.insert(name.clone(), value.clone());
                }
            } else {
                map.insert(name, value);
            }
        }
    }
}

/// go-yaml counts lines from the mark before; a scanner's mark counts one more.
fn complaint(error: &Error) -> String {
    let (problem, context) = (error.problem_mark().map(|it| it.line), error.context_mark().map(|it| it.line));
    let is_scanner = error.kind() == ErrorKind::Scanner;
    let line = match (problem, context) {
        (Some(line), _) if line != 0 => line + u64::from(is_scanner),
        (_, Some(line)) if line != 0 => line,
        _ => 0,
    };
    let place = if line == 0 { String::new() } else { format!("line {line}: ") };
    format!("yaml: {place}{}", error.problem())
}

/// What a plain word means in YAML 1.1.
fn resolve(word: &str) -> Value {
    match word {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "y" | "Y" | "n" | "N" => return Value::text(word),
        "yes" | "Yes" | "YES" | "on" | "On" | "ON" | "true" | "True" | "TRUE" => return Value::Bool(true),
        "no" | "No" | "NO" | "off" | "Off" | "OFF" | "false" | "False" | "FALSE" => {
            return Value::Bool(false);
        }
        _ => {}
    }
    number(word).unwrap_or_else(|| Value::text(word))
}

fn number(word: &str) -> Option<Value> {
    let first = *word.as_bytes().first()?;
    if !first.is_ascii_digit() && !matches!(first, b'+' | b'-' | b'.') {
        return None;
    }
    let plain = word.replace('_', "");
    let (sign, digits) = match plain.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, plain.strip_prefix('+').unwrap_or(&plain)),
    };
    let based =
        |radix: u32, digits: &str| i64::from_str_radix(digits, radix).ok().map(|it| Value::Int(sign * it));
    if let Some(hex) = digits.strip_prefix("0x") {
        return based(16, hex);
    }
    if let Some(binary) = digits.strip_prefix("0b") {
        return based(2, binary);
    }
    if let Some(octal) = digits.strip_prefix("0o") {
        return based(8, octal);
    }
    let is_digits = !digits.is_empty() && digits.bytes().all(|it| it.is_ascii_digit());
    if is_digits && digits.len() > 1 && digits.starts_with('0') && digits.bytes().all(|it| it < b'8') {
        return based(8, digits);
    }
    if is_digits && let Ok(number) = digits.parse::<i64>() {
        return Some(Value::Int(sign * number));
    }
    let shape = |it: u8| it.is_ascii_digit() || matches!(it, b'.' | b'e' | b'E' | b'+' | b'-');
    let is_float = digits.bytes().all(shape) && digits.bytes().any(|it| it.is_ascii_digit());
    let number = if is_float { plain.parse::<f64>().ok()? } else { return None };
    // JSON has one kind of number: what is whole is an integer there.
    let is_whole = number.fract() == 0.0 && number.abs() < 1e15;
    Some(if is_whole { Value::Int(number as i64) } else { Value::Float(number) })
}

/// The document as kubectl prints it.
pub fn print(value: &Value) -> String {
    let mut out = Vec::new();
    let mut emitter = Emitter::new();
    emitter.set_output_string(&mut out);
    emitter.set_unicode(true);
    let mut events = vec![Event::stream_start(Encoding::Utf8), Event::document_start(None, &[], true)];
    write(value, &mut events);
    events.push(Event::document_end(true));
    events.push(Event::stream_end());
    for event in events {
        emitter.emit(event).expect("a Vec takes all and the events are in order");
    }
    drop(emitter);
    String::from_utf8_lossy(&out).into_owned()
}

fn write(value: &Value, events: &mut Vec<Event>) {
    let plain = |text: &str| Event::scalar(None, None, text, true, true, ScalarStyle::Plain);
    match value {
        Value::Null => events.push(plain("null")),
        Value::Bool(it) => events.push(plain(if *it { "true" } else { "false" })),
        Value::Int(it) => events.push(plain(&it.to_string())),
        Value::Float(it) => events.push(plain(&json::float(*it))),
        Value::Text(it) => events.push(scalar(it)),
        Value::List(items) => {
            let style = if items.is_empty() { SequenceStyle::Flow } else { SequenceStyle::Block };
            events.push(Event::sequence_start(None, None, true, style));
            items.iter().for_each(|item| write(item, events));
            events.push(Event::sequence_end());
        }
        Value::Map(map) => {
            let style = if map.is_empty() { MappingStyle::Flow } else { MappingStyle::Block };
            events.push(Event::mapping_start(None, None, true, style));
            for (name, value) in map.iter() {
                events.push(scalar(name));
                write(value, events);
            }
            events.push(Event::mapping_end());
        }
    }
}

fn scalar(text: &str) -> Event {
    let is_word = matches!(text, "y" | "Y" | "n" | "N" | "<<" | "=");
    let is_other = !matches!(resolve(text), Value::Text(_)) || is_word || is_time(text) || is_base60(text);
    let style = match () {
        () if is_other => ScalarStyle::DoubleQuoted,
        () if text.contains('\n') => ScalarStyle::Literal,
        () => ScalarStyle::Plain,
    };
    Event::scalar(None, None, text, true, true, style)
}

/// A time is a word of its own in YAML 1.1, so as text it is quoted.
fn is_time(text: &str) -> bool {
    let bytes = text.as_bytes();
    let is_date = bytes.len() >= 10
        && bytes[4] == b'-'
        && bytes[7] == b'-'
        && [0, 1, 2, 3, 5, 6, 8, 9].iter().all(|at| bytes[*at].is_ascii_digit());
    is_date && (bytes.len() == 10 || super::time::Time::parse(text).is_some())
}

/// Numbers of base 60 (`1:30`) are quoted for the sake of readers of YAML 1.1.
fn is_base60(text: &str) -> bool {
    let body = text.trim_start_matches(['-', '+']);
    let parts: Vec<&str> = body.split(':').collect();
    let is_number = |it: &&str| !it.is_empty() && it.bytes().all(|it| it.is_ascii_digit() || it == b'_');
    parts.len() > 1
        && parts[..parts.len() - 1].iter().all(is_number)
        && parts[1..]
            .iter()
            .all(|it| it.trim_end_matches(|it: char| it == '.' || it.is_ascii_digit()).is_empty())
        && parts[1..].iter().all(|it| it.split('.').next().is_some_and(|it| (1..=2).contains(&it.len())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_name_the_line_as_go_yaml_does() {
        let indent = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: x\n labels: {}\n";
        assert_eq!(parse(indent), Err("yaml: line 4: did not find expected key".to_owned()));
        let tab = "apiVersion: v1\nkind: Pod\nmetadata:\n\tname: x\n";
        let text = "yaml: line 4: found character that cannot start any token";
        assert_eq!(parse(tab), Err(text.to_owned()));
    }

    #[test]
    fn a_tree_prints_as_kubectl_does() {
        let text = "a: \"yes\"\nb:\n- 1\n- x: 2\n  z: \"2026-11-21T05:53:44Z\"\nc: {}\nd: |\n  one\n  two\n";
        let value = parse(text).expect("well formed");
        assert_eq!(print(&value), text);
        assert_eq!(parse("a: 1\na: on\n").map(|it| it.to_string()), Ok("{\"a\":true}".to_owned()));
    }
}
