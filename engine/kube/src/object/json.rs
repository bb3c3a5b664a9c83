//! JSON text to tree and back, as Go's encoding/json writes it.
//!
//! Always: nesting deeper than `DEEPEST` is an error; what was written parses to the same tree.
//! A field that stands twice is noted by its path, and the last one counts.
//! Sources: RFC 8259; Go encoding/json (escapes `<`, `>`, `&` and the two line separators).

use super::value::{Map, Value};
use std::fmt::Write as _;

/// As deep as kube-apiserver lets a body nest, divided by what our stack bears.
pub const DEEPEST: usize = 128;

/// What was read, and the paths of fields that stood twice.
#[derive(Debug, Default)]
pub struct Parsed {
    pub value: Value,
    pub duplicates: Vec<String>,
}

pub fn parse(text: &str) -> Result<Value, String> {
    parse_noting(text).map(|it| it.value)
}

pub fn parse_noting(text: &str) -> Result<Parsed, String> {
    let mut reader = Reader { text, at: 0, path: String::new(), duplicates: Vec::new() };
    let value = reader.value(0)?;
    reader.blank();
    match reader.text[reader.at..].chars().next() {
        None => Ok(Parsed { value, duplicates: reader.duplicates }),
        Some(it) => Err(format!("invalid character {} after top-level value", quoted_char(it))),
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    path: String,
    duplicates: Vec<String>,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn blank(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn wrong(&self, place: &str) -> String {
        match self.text[self.at..].chars().next() {
            None => "unexpected end of JSON input".to_owned(),
            Some(it) => format!("invalid character {} {place}", quoted_char(it)),
        }
    }

    fn value(&mut self, depth: usize) -> Result<Value, String> {
        if depth > DEEPEST {
            return Err("exceeded max depth".to_owned());
        }
        self.blank();
        match self.peek() {
            Some(b'{') => self.map(depth),
            Some(b'[') => self.list(depth),
            Some(b'"') => self.string().map(Value::from),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => {
                for (word, value) in
                    [("true", Value::Bool(true)), ("false", Value::Bool(false)), ("null", Value::Null)]
                {
                    if self.text[self.at..].starts_with(word) {
                        self.at += word.len();
                        return Ok(value);
                    }
                }
                Err(self.wrong("looking for beginning of value"))
            }
        }
    }

    fn map(&mut self, depth: usize) -> Result<Value, String> {
        self.at += 1;
        let mut map = Map::default();
        self.blank();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(map.into());
        }
        loop {
            self.blank();
            if self.peek() != Some(b'"') {
                return Err(self.wrong("looking for beginning of object key string"));
            }
            let name = self.string()?;
            self.blank();
            if self.peek() != Some(b':') {
                return Err(self.wrong("after object key"));
            }
            self.at += 1;
            let length = self.path.len();
            if !self.path.is_empty() {
                self.path.push('.');
            }
            self.path.push_str(&name);
            let value = self.value(depth + 1)?;
            if map.insert(name, value).is_some() {
                self.duplicates.push(self.path.clone());
            }
            self.path.truncate(length);
            self.blank();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => break,
                _ => return Err(self.wrong("after object key:value pair")),
            }
        }
        self.at += 1;
        Ok(map.into())
    }

    fn list(&mut self, depth: usize) -> Result<Value, String> {
        self.at += 1;
        let mut items = Vec::new();
        self.blank();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Value::list(items));
        }
        loop {
            let length = self.path.len();
            write!(self.path, "[{}]", items.len()).expect("a String takes all");
            items.push(self.value(depth + 1)?);
            self.path.truncate(length);
            self.blank();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => break,
                _ => return Err(self.wrong("after array element")),
            }
        }
        self.at += 1;
        Ok(Value::list(items))
    }

    fn number(&mut self) -> Result<Value, String> {
        let start = self.at;
        while matches!(self.peek(), Some(b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9')) {
            self.at += 1;
        }
        let word = &self.text[start..self.at];
        if let Ok(number) = word.parse::<i64>() {
            return Ok(Value::Int(number));
        }
        word.parse::<f64>().map(Value::Float).map_err(|_| "invalid character in numeric literal".to_owned())
    }

    fn string(&mut self) -> Result<String, String> {
        self.at += 1;
        let mut text = String::new();
        loop {
            let rest = &self.text[self.at..];
            let Some(end) = rest.find(|it: char| it == '"' || it == '\\' || it < ' ') else {
                return Err("unexpected end of JSON input".to_owned());
            };
            text.push_str(&rest[..end]);
            self.at += end;
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(text);
                }
                Some(b'\\') => self.escape(&mut text)?,
                _ => return Err(self.wrong("in string literal")),
            }
        }
    }

    fn escape(&mut self, text: &mut String) -> Result<(), String> {
        self.at += 1;
        let it = self.peek();
        text.push(match it {
            Some(b'"' | b'\\' | b'/') => char::from(it.unwrap_or_default()),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode(text),
            _ => return Err(self.wrong("in string escape code")),
        });
        self.at += 1;
        Ok(())
    }

    fn unicode(&mut self, text: &mut String) -> Result<(), String> {
        let high = self.four_digits(self.at + 1)?;
        self.at += 5;
        let mut code = high;
        if (0xd800..0xdc00).contains(&high) && self.text[self.at..].starts_with("\\u") {
            let low = self.four_digits(self.at + 2)?;
            if (0xdc00..0xe000).contains(&low) {
                self.at += 6;
                code = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
            }
        }
        text.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
        Ok(())
    }

    fn four_digits(&self, at: usize) -> Result<u32, String> {
        let digits = self.text.get(at..at + 4).unwrap_or_default();
        let is_hex = digits.len() == 4 && digits.bytes().all(|it| it.is_ascii_hexdigit());
        if !is_hex {
            return Err("invalid character in \\u hexadecimal character escape".to_owned());
        }
        u32::from_str_radix(digits, 16).map_err(|error| error.to_string())
    }
}

/// A character as Go's `%q` of a rune shows it.
fn quoted_char(it: char) -> String {
    match it {
        '\'' => r"'\''".to_owned(),
        '"' => "'\"'".to_owned(),
        '\n' => r"'\n'".to_owned(),
        '\t' => r"'\t'".to_owned(),
        it => format!("'{it}'"),
    }
}

/// One line, no blanks.
pub fn compact(value: &Value) -> String {
    let mut text = String::new();
    write_value(&mut text, value, None, 0);
    text
}

/// Indented by `step` blanks a level.
pub fn pretty(value: &Value, step: usize) -> String {
    let mut text = String::new();
    write_value(&mut text, value, Some(step), 0);
    text
}

fn line(text: &mut String, step: Option<usize>, level: usize) {
    if let Some(step) = step {
        text.push('\n');
        text.extend(std::iter::repeat_n(' ', step * level));
    }
}

fn write_value(text: &mut String, value: &Value, step: Option<usize>, level: usize) {
    match value {
        Value::Null => text.push_str("null"),
        Value::Bool(it) => text.push_str(if *it { "true" } else { "false" }),
        Value::Int(it) => write!(text, "{it}").expect("a String takes all"),
        Value::Float(it) => text.push_str(&float(*it)),
        Value::Text(it) => quote(text, it),
        Value::List(items) if items.is_empty() => text.push_str("[]"),
        Value::List(items) => {
            text.push('[');
            for (number, item) in items.iter().enumerate() {
                if number > 0 {
                    text.push(',');
                }
                line(text, step, level + 1);
                write_value(text, item, step, level + 1);
            }
            line(text, step, level);
            text.push(']');
        }
        Value::Map(map) if map.is_empty() => text.push_str("{}"),
        Value::Map(map) => {
            text.push('{');
            for (number, (name, value)) in map.iter().enumerate() {
                if number > 0 {
                    text.push(',');
                }
                line(text, step, level + 1);
                quote(text, name);
                text.push_str(if step.is_some() { ": " } else { ":" });
                write_value(text, value, step, level + 1);
            }
            line(text, step, level);
            text.push('}');
        }
    }
}

/// A float as Go writes it: no exponent between 1e-6 and 1e21.
pub fn float(number: f64) -> String {
    if !number.is_finite() {
        return "null".to_owned();
    }
    let size = number.abs();
    if size != 0.0 && !(1e-6..1e21).contains(&size) {
        return format!("{number:e}").replace("e-", "e-0").replace("e-0", "e-");
    }
    format!("{number}")
}

/// Appends the text in double quotes.
pub fn quote(text: &mut String, it: &str) {
    text.push('"');
    for it in it.chars() {
        match it {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            '\u{8}' => text.push_str("\\b"),
            '\u{c}' => text.push_str("\\f"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                write!(text, "\\u{:04x}", u32::from(it)).expect("a String takes all");
            }
            it if it < ' ' => write!(text, "\\u{:04x}", u32::from(it)).expect("a String takes all"),
            it => text.push(it),
        }
    }
    text.push('"');
}
