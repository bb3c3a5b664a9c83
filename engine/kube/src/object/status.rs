//! What the API answers when it cannot do as asked: a `Status`, with the reason and words kubectl shows.
//!
//! Always: a person's mistake ends here as a value; the code, reason and text are the API server's own.
//! Sources: apimachinery `api/errors`, `util/validation/field`.

use super::kind::Kind;
use super::value::Value;
use crate::object;

/// One field that is wrong, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct Cause {
    pub reason: &'static str,
    pub field: String,
    pub message: String,
}

/// How long a bad value may be before it is cut, as `field.Error` does not; a guard for our own sake.
const LONGEST_SHOWN: usize = 16_384;

impl Cause {
    fn new(reason: &'static str, field: impl Into<String>, head: &str, detail: &str) -> Cause {
        let message = if detail.is_empty() { head.to_owned() } else { format!("{head}: {detail}") };
        Cause { reason, field: field.into(), message }
    }

    pub fn required(field: impl Into<String>, detail: &str) -> Cause {
        Cause::new("FieldValueRequired", field, "Required value", detail)
    }

    pub fn invalid(field: impl Into<String>, value: impl Into<Value>, detail: &str) -> Cause {
        let mut shown = shown(&value.into());
        if shown.len() > LONGEST_SHOWN {
            shown.truncate(shown.floor_char_boundary(LONGEST_SHOWN));
        }
        Cause::new("FieldValueInvalid", field, &format!("Invalid value: {shown}"), detail)
    }

    pub fn unsupported(field: impl Into<String>, value: impl Into<Value>, words: &[&str]) -> Cause {
        let mut words: Vec<String> = words.iter().map(|it| format!("\"{it}\"")).collect();
        words.sort();
        let detail = format!("supported values: {}", words.join(", "));
        Cause::new(
            "FieldValueNotSupported",
            field,
            &format!("Unsupported value: {}", shown(&value.into())),
            &detail,
        )
    }

    pub fn forbidden(field: impl Into<String>, detail: &str) -> Cause {
        Cause::new("FieldValueForbidden", field, "Forbidden", detail)
    }

    pub fn duplicate(field: impl Into<String>, value: impl Into<Value>) -> Cause {
        let head = format!("Duplicate value: {}", shown(&value.into()));
        Cause::new("FieldValueDuplicate", field, &head, "")
    }

    pub fn duplicate_shown(field: impl Into<String>, shown: &str) -> Cause {
        Cause::new("FieldValueDuplicate", field, &format!("Duplicate value: {shown}"), "")
    }

    pub fn not_found(field: impl Into<String>, value: impl Into<Value>) -> Cause {
        Cause::new("FieldValueNotFound", field, &format!("Not found: {}", shown(&value.into())), "")
    }

    pub fn too_long(field: impl Into<String>, most: usize) -> Cause {
        let detail = format!("may not be more than {most} bytes");
        Cause::new("FieldValueTooLong", field, "Too long", &detail)
    }

    pub fn text(&self) -> String {
        format!("{}: {}", self.field, self.message)
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        other => super::json::compact(other)
            .replace("\\u003c", "<")
            .replace("\\u003e", ">")
            .replace("\\u0026", "&"),
    }
}

/// What went wrong, in the API's own form.
#[derive(Clone, Debug, PartialEq)]
pub struct Status {
    pub code: u16,
    pub reason: &'static str,
    pub message: String,
    pub name: String,
    /// Of which this speaks, if of any.
    pub kind: Option<Kind>,
    pub causes: Vec<Cause>,
}

impl Status {
    pub fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Status {
        let (message, name) = (message.into(), String::new());
        Status { code, reason, message, name, kind: None, causes: Vec::new() }
    }

    fn about(mut self, kind: Kind, name: &str) -> Status {
        self.name = name.to_owned();
        self.kind = Some(kind);
        self
    }

    pub fn not_found(kind: Kind, name: &str) -> Status {
        let resource = kind.resource();
        let message = format!("{} \"{name}\" not found", resource.qualified());
        Status::new(404, "NotFound", message).about(kind, name)
    }

    pub fn already_exists(kind: Kind, name: &str) -> Status {
        let resource = kind.resource();
        let message = format!("{} \"{name}\" already exists", resource.qualified());
        Status::new(409, "AlreadyExists", message).about(kind, name)
    }

    /// Somebody else wrote the object since it was read.
    pub fn conflict(kind: Kind, name: &str) -> Status {
        let words =
            "the object has been modified; please apply your changes to the latest version and try again";
        Status::conflict_because(kind, name, words)
    }

    pub fn conflict_because(kind: Kind, name: &str, why: &str) -> Status {
        let resource = kind.resource();
        let message = format!("Operation cannot be fulfilled on {} \"{name}\": {why}", resource.qualified());
        Status::new(409, "Conflict", message).about(kind, name)
    }

    pub fn invalid(kind: Kind, name: &str, causes: Vec<Cause>) -> Status {
        let resource = kind.resource();
        let words: Vec<String> = causes.iter().map(Cause::text).collect();
        let list = if let [one] = &words[..] { one.clone() } else { format!("[{}]", words.join(", ")) };
        let dotted = if resource.group.is_empty() {
            resource.name.to_owned()
        } else {
            format!("{}.{}", resource.name, resource.group)
        };
        let message = format!("{dotted} \"{name}\" is invalid: {list}");
        let mut status = Status::new(422, "Invalid", message).about(kind, name);
        status.causes = causes;
        status
    }

    pub fn bad_request(message: impl Into<String>) -> Status {
        Status::new(400, "BadRequest", message)
    }

    pub fn forbidden(kind: Kind, name: &str, why: &str) -> Status {
        let resource = kind.resource();
        let about = if name.is_empty() { String::new() } else { format!(" \"{name}\"") };
        let message = format!("{}{about} is forbidden: {why}", resource.qualified());
        Status::new(403, "Forbidden", message).about(kind, name)
    }

    pub fn method_not_allowed(message: impl Into<String>) -> Status {
        Status::new(405, "MethodNotAllowed", message)
    }

    pub fn unsupported_media_type(message: impl Into<String>) -> Status {
        Status::new(415, "UnsupportedMediaType", message)
    }

    /// Of a path that nothing serves.
    pub fn no_such_path() -> Status {
        Status::new(404, "NotFound", "the server could not find the requested resource")
    }

    pub fn expired(message: impl Into<String>) -> Status {
        Status::new(410, "Expired", message)
    }

    pub fn to_value(&self) -> Value {
        let mut value = object!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": (self.message.as_str()), "reason": (self.reason), "code": (i64::from(self.code))
        });
        let group = self.kind.map_or("", |it| it.resource().group);
        // An invalid object is named by its kind, all else by the resource.
        let kind = self
            .kind
            .map_or("", |it| if self.reason == "Invalid" { it.name() } else { it.resource().plural });
        for (name, text) in [("name", self.name.as_str()), ("group", group), ("kind", kind)] {
            if !text.is_empty() {
                value["details"].set(name, text);
            }
        }
        for cause in &self.causes {
            value["details"]["causes"].push(object!({
                "reason": (cause.reason), "message": (cause.message.as_str()), "field": (cause.field.as_str())
            }));
        }
        value
    }
}
