//! Tree to typed configuration, with protobuf's JSON rules and its words for what is wrong.
//!
//! `message!`, `choice!` and `any!` (in `schema`) make a `Field` of every type; `Reader` knows where in the document
//! it stands. Always: the whole document is read before it is judged, so that what is said first is what Envoy says
//! first: a value that cannot be parsed, then an unknown field, then one that vethlab lacks, then a failed constraint.
//! Differs from Envoy: its messages end with the whole document as JSON; ours do not.
//! Sources: protobuf `json/internal/parser.cc`; protoc-gen-validate; Envoy `MessageUtil::loadFromJson`, each message
//! compared with what Envoy 1.40 prints.

use super::yaml::{Mark, Node, Value};
use serde_json::Value as Json;
use std::fmt;

/// Why a configuration was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The field, as in `static_resources.clusters[0].connect_timeout`; empty when it is the document as a whole.
    pub path: String,
    /// Envoy's message.
    pub message: String,
}

impl Refused {
    /// A refusal that names what is wrong itself, as Envoy's own checks do.
    pub fn new(message: impl Into<String>) -> Self {
        Refused { path: String::new(), message: message.into() }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Refused {}

/// A value of a configuration field.
pub trait Field: Sized + Default {
    fn read(reader: &mut Reader, node: &Node) -> Result<Self, Refused>;
    /// The type as protobuf calls it: `string`, `message google.protobuf.Duration`.
    fn kind() -> String;
    /// What a constraint compares: length of a text, number of items, the number itself. `None` when unset.
    fn measure(&self) -> Option<f64> {
        None
    }
    /// The text itself, for constraints on words.
    fn is_text(&self) -> Option<&str> {
        None
    }
    /// As protobuf's JSON writes it.
    fn json(&self) -> Json;
    /// Whether protobuf's JSON leaves it out.
    fn is_unset(&self) -> bool {
        false
    }
}

/// Whether a message's JSON has a field.
pub fn is_shown<T: Field>(field: &T, rules: &[Rule]) -> bool {
    !field.is_unset() || rules.iter().any(|it| matches!(it, Rule::Required))
}

/// An object of fields, in the order of their numbers.
pub fn object(mut fields: Vec<(u32, &'static str, Json)>) -> Json {
    fields.sort_by_key(|it| it.0);
    Json::Object(fields.into_iter().map(|(_, name, value)| (name.to_owned(), value)).collect())
}

/// An object that names its type, as JSON has an Any.
pub fn typed(name: &str, value: Json) -> Json {
    let mut all = serde_json::Map::new();
    all.insert("@type".to_owned(), format!("type.googleapis.com/{name}").into());
    if let Json::Object(fields) = value {
        all.extend(fields);
    }
    Json::Object(all)
}

/// A constraint on one field (protoc-gen-validate).
#[derive(Debug, Clone, Copy)]
pub enum Rule {
    Required,
    MinLen(u32),
    MinItems(u32),
    MaxItems(u32),
    Gt(f64),
    Gte(f64),
    Lte(f64),
    /// Both ends included.
    Range(f64, f64),
    /// `[low, high)`.
    Half(f64, f64),
    /// `(low, high]`.
    Above(f64, f64),
    /// A duration greater than nought.
    Positive,
    /// A duration of at least this many seconds.
    AtLeastSecs(f64),
    In(&'static [&'static str]),
    /// A flag that may only be true.
    True,
    /// `^[^?#]+[^?#/]$`
    PathSeparatedPrefix,
}

impl Rule {
    fn broken<T: Field>(self, value: &T, seen: bool) -> Option<String> {
        if let Rule::Required = self {
            return (!seen).then(|| "value is required".to_owned());
        }
        if let Some(text) = value.is_text() {
            match self {
                Rule::In(list) if !list.contains(&text) => {
                    return Some(format!("value must be in list [{}]", list.join(" ")));
                }
                Rule::PathSeparatedPrefix
                    if text.len() < 2 || text.contains(['?', '#']) || text.ends_with('/') =>
                {
                    return Some("value does not match regex pattern \"^[^?#]+[^?#/]$\"".to_owned());
                }
                _ => {}
            }
        }
        let size = value.measure()?;
        let wrong = match self {
            Rule::MinLen(n) if size < n.into() => format!("value length must be at least {n} characters"),
            Rule::MinItems(n) if size < n.into() => format!("value must contain at least {n} item(s)"),
            Rule::MaxItems(n) if size > n.into() => format!("value must contain no more than {n} item(s)"),
            Rule::Gt(n) if size <= n => format!("value must be greater than {n}"),
            Rule::Gte(n) if size < n => format!("value must be greater than or equal to {n}"),
            Rule::Lte(n) if size > n => format!("value must be less than or equal to {n}"),
            Rule::Range(low, high) if size < low || size > high => {
                format!("value must be inside range [{low}, {high}]")
            }
            Rule::Half(low, high) if size < low || size >= high => {
                format!("value must be inside range [{low}, {high})")
            }
            Rule::Above(low, high) if size <= low || size > high => {
                format!("value must be inside range ({low}, {high}]")
            }
            Rule::Positive if size <= 0.0 => "value must be greater than 0s".to_owned(),
            Rule::AtLeastSecs(n) if size < n => format!("value must be greater than or equal to {n}s"),
            Rule::True if size != 1.0 => "value must equal 1".to_owned(),
            _ => return None,
        };
        Some(wrong)
    }
}

struct Step {
    /// The last part of the type's name.
    message: &'static str,
    field: String,
    index: Option<usize>,
    /// Below an Any, whose constraints are reported on their own.
    any: bool,
    kind: String,
}

/// Where in the document one stands, and what was found wrong so far.
pub struct Reader {
    root: &'static str,
    path: Vec<Step>,
    mark: Mark,
    /// The message about to be read stands in an Any, beside its `@type`.
    typed: bool,
    unknown: Option<Refused>,
    lacking: Option<Refused>,
    invalid: Option<Refused>,
}

impl Reader {
    /// Reads a whole message out of a document.
    pub fn whole<T: Message>(node: &Node) -> Result<T, Refused> {
        let mut reader = Reader {
            root: T::NAME,
            path: Vec::new(),
            mark: node.mark,
            typed: false,
            unknown: None,
            lacking: None,
            invalid: None,
        };
        let read = T::read(&mut reader, node)?;
        match reader.unknown.or(reader.lacking).or(reader.invalid) {
            Some(refused) => Err(refused),
            None => Ok(read),
        }
    }

    fn dotted(&self) -> String {
        let mut path = String::new();
        for step in &self.path {
            if !path.is_empty() {
                path.push('.');
            }
            path.push_str(&step.field);
            if let Some(index) = step.index {
                path.push_str(&format!("[{index}]"));
            }
            if step.any {
                path.push_str(".<any>");
            }
        }
        path
    }

    fn invalid_json(&self, why: &str) -> String {
        let mut text = format!("INVALID_ARGUMENT: invalid JSON in {}", self.root);
        if let Some(last) = self.path.last() {
            text.push_str(&format!(" @ {}: {}", self.dotted(), last.kind));
        }
        let Mark { line, column, offset } = self.mark;
        if line > 0 {
            text.push_str(&format!(", near {line}:{column} (offset {offset})"));
        }
        format!("{text}: {why}")
    }

    fn refuse(&self, message: String) -> Refused {
        Refused { path: self.dotted().replace(".<any>", ""), message }
    }

    /// A value that is not what its field takes.
    pub fn mismatch(&self, why: &str) -> Refused {
        self.refuse(format!("Unable to parse JSON as proto ({})", self.invalid_json(why)))
    }

    /// As `mismatch`, for the two messages of protobuf that name no place.
    pub fn unplaced(&self, why: &str) -> Refused {
        self.refuse(format!("Unable to parse JSON as proto (INVALID_ARGUMENT: {why})"))
    }

    /// A second field of a oneof.
    pub fn taken(&mut self, message: &'static str, field: &str, before: &str) -> Refused {
        let field = field.to_owned();
        self.path.push(Step { message, field, index: None, any: false, kind: "string".to_owned() });
        self.mismatch(&format!("'{before}' has already been set (either directly or as part of a oneof)"))
    }

    fn unknown(&mut self, why: String) {
        let message = format!("Protobuf message (type {} reason {why}) has unknown fields", self.root);
        let refused = self.refuse(message);
        self.unknown.get_or_insert(refused);
    }

    pub fn unknown_field(&mut self, key: &str, mark: Mark) {
        self.mark = mark;
        self.unknown(self.invalid_json(&format!("no such field: '{key}'")));
    }

    fn unknown_enum(&mut self, word: &str) {
        self.unknown(format!("INVALID_ARGUMENT: unknown enum value: '{word}'"));
    }

    /// A thing that Envoy has and vethlab has not.
    pub fn not_simulated(&mut self, what: &str) {
        let place = self.dotted();
        let place = if place.is_empty() { what.to_owned() } else { format!("{place}.{what}") };
        let refused = self.refuse(format!("{}: not simulated in vethlab", place.replace(".<any>", "")));
        self.lacking.get_or_insert(refused);
    }

    /// An extension that cannot stand where it stands.
    pub fn unregistered(&mut self, name: &str, url: &str) {
        let refused = self
            .refuse(format!("Didn't find a registered implementation for '{name}' with type URL: '{url}'"));
        self.invalid.get_or_insert(refused);
    }

    /// A constraint that fails for the message one stands in; `what` is protoc-gen-validate's phrase for the field.
    fn violated(&mut self, what: String) {
        let from = self.path.iter().rposition(|it| it.any).map_or(0, |it| it + 1);
        let mut text = String::new();
        for step in &self.path[from..] {
            let index = step.index.map(|it| format!("[{it}]")).unwrap_or_default();
            let field = pascal(&step.field);
            text.push_str(&format!(
                "{}ValidationError.{field}{index}: embedded message failed validation | caused by ",
                step.message
            ));
        }
        let refused = self.refuse(format!("Proto constraint validation failed ({text}{what})"));
        self.invalid.get_or_insert(refused);
    }

    /// A check of Envoy's own that fails, in Envoy's words.
    pub fn wrong(&mut self, message: String) {
        let refused = self.refuse(message);
        self.invalid.get_or_insert(refused);
    }

    pub fn check<T: Field>(&mut self, message: &str, field: &str, value: &T, seen: bool, rules: &[Rule]) {
        for rule in rules {
            if let Some(wrong) = rule.broken(value, seen) {
                self.violated(format!("{message}ValidationError.{}: {wrong}", pascal(field)));
            }
        }
    }

    pub fn missing_choice(&mut self, group: &str) {
        self.violated(format!("field: \"{group}\", reason: is required"));
    }

    /// Reads one member of a message.
    pub fn member<T: Field>(
        &mut self,
        message: &'static str,
        field: &str,
        node: &Node,
    ) -> Result<T, Refused> {
        self.path.push(Step { message, field: field.to_owned(), index: None, any: false, kind: T::kind() });
        self.mark = node.mark;
        let read = T::read(self, node)?;
        self.path.pop();
        Ok(read)
    }

    /// Reads one item of a list.
    pub fn item<T: Field>(&mut self, index: usize, node: &Node) -> Result<T, Refused> {
        if let Some(step) = self.path.last_mut() {
            step.index = Some(index);
        }
        self.mark = node.mark;
        let read = T::read(self, node)?;
        if let Some(step) = self.path.last_mut() {
            step.index = None;
        }
        Ok(read)
    }

    /// The type that an Any names; `None` for an empty one.
    pub fn type_url<'n>(&self, node: &'n Node) -> Result<Option<&'n str>, Refused> {
        let entries = self.entries(node)?;
        if entries.is_empty() {
            return Ok(None);
        }
        let Some(url) = node.get("@type").and_then(Node::as_str) else {
            return Err(
                self.mismatch("in legacy mode, missing @type in Any is only allowed for an empty object")
            );
        };
        match url.rsplit_once('/') {
            Some((host, name)) if !host.is_empty() => Ok(Some(name)),
            _ => {
                Err(self
                    .unplaced(&format!("@type must contain at least one / and a nonempty host; got: {url}")))
            }
        }
    }

    /// Reads the message inside an Any.
    pub fn inside_any<T: Message>(&mut self, node: &Node) -> Result<T, Refused> {
        if let Some(step) = self.path.last_mut() {
            step.any = true;
            step.kind = T::kind();
        }
        self.typed = true;
        T::read(self, node)
    }

    /// A value of another shape.
    pub fn unexpected(&self, node: &Node, wanted: char) -> Refused {
        let found = match &node.value {
            Value::Null => 'n',
            Value::Bool(true) => 't',
            Value::Bool(false) => 'f',
            Value::Number(it) => it.to_string().chars().next().unwrap_or('0'),
            Value::String(_) => '"',
            Value::List(_) => '[',
            Value::Map(_) => '{',
        };
        self.mismatch(&format!("unexpected character: '{found}'; expected '{wanted}'"))
    }

    /// Whether `@type` may stand beside the members; asked once by each message.
    pub fn take_typed(&mut self) -> bool {
        std::mem::take(&mut self.typed)
    }

    /// The entries of a mapping.
    pub fn entries<'n>(&self, node: &'n Node) -> Result<&'n [(String, Node)], Refused> {
        match &node.value {
            Value::Map(entries) => Ok(entries),
            _ => Err(self.unexpected(node, '{')),
        }
    }
}

/// A message type; made by `message!`.
pub trait Message: Field {
    const NAME: &'static str;
}

impl<T: Message> Message for Box<T> {
    const NAME: &'static str = T::NAME;
}

/// One of several fields of which a message takes at most one; made by `oneof!`.
pub trait Oneof: Sized {
    fn read_choice(
        reader: &mut Reader,
        message: &'static str,
        key: &str,
        node: &Node,
    ) -> Option<Result<(Self, &'static str), Refused>>;
    /// Number, name and value of the field that was chosen.
    fn json_choice(&self) -> (u32, &'static str, Json);
}

/// A oneof as a message holds it: as it is where it is required, else in an `Option`.
pub trait Slot: Sized {
    type Of: Oneof;
    fn settle(chosen: Option<Self::Of>, reader: &mut Reader, group: &str) -> Self;
    fn chosen(&self) -> Option<&Self::Of>;
}

impl<T: Oneof> Slot for Option<T> {
    type Of = T;
    fn settle(chosen: Option<T>, _: &mut Reader, _: &str) -> Self {
        chosen
    }
    fn chosen(&self) -> Option<&T> {
        self.as_ref()
    }
}

/// `snake_case` as `lowerCamelCase`, the other spelling that JSON may use.
pub fn is_spelling(key: &str, field: &str) -> bool {
    if key == field {
        return true;
    }
    if key.contains('_') || !field.contains('_') {
        return false;
    }
    let mut raise = false;
    let mut letters = key.chars();
    for letter in field.chars() {
        if letter == '_' {
            raise = true;
            continue;
        }
        let wanted = if raise { letter.to_ascii_uppercase() } else { letter };
        raise = false;
        if letters.next() != Some(wanted) {
            return false;
        }
    }
    letters.next().is_none()
}

/// The last part of a type's dotted name.
pub fn last_part(full: &'static str) -> &'static str {
    full.rsplit('.').next().unwrap_or(full)
}

/// A field's name without Rust's mark for keywords.
pub fn plain(field: &'static str) -> &'static str {
    field.strip_prefix("r#").unwrap_or(field)
}

fn pascal(field: &str) -> String {
    field
        .split('_')
        .map(|part| part.get(..1).unwrap_or("").to_ascii_uppercase() + part.get(1..).unwrap_or(""))
        .collect()
}

/// Reads an enum's word or number.
pub fn read_enum(reader: &mut Reader, node: &Node, words: &[(&str, i32)]) -> Result<Option<usize>, Refused> {
    match &node.value {
        Value::String(word) => {
            let found = words.iter().position(|(it, _)| it == word);
            if found.is_none() {
                reader.unknown_enum(word);
            }
            Ok(found)
        }
        Value::Number(number) => {
            let found = words.iter().position(|(_, it)| f64::from(*it) == *number);
            if found.is_none()
                && let Some(step) = reader.path.pop()
            {
                let field = format!("{}ValidationError.{}", step.message, pascal(&step.field));
                reader.violated(format!("{field}: value must be one of the defined enum values"));
                reader.path.push(step);
            }
            Ok(found)
        }
        _ => Err(reader.mismatch("expected number or string")),
    }
}
