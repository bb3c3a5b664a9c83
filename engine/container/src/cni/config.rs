//! Configurations as plugins read them: JSON whose faults are told in the words of Go's decoder.
//!
//! Always: a field of another type than wanted is refused by name; one that nobody knows is passed over.
//! Differs from Go: names of fields count letter by letter; a number is named by its first letter only.
//! Source: Go's `encoding/json`.

use serde_json::Value;

pub fn parse(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| {
        if error.is_eof() {
            return "unexpected end of JSON input".to_owned();
        }
        let line = text.lines().nth(error.line().saturating_sub(1)).unwrap_or_default();
        let letter = line.get(error.column().saturating_sub(1)..).and_then(|rest| rest.chars().next());
        let letter = letter.unwrap_or(' ');
        let words = error.to_string();
        let place = if words.starts_with("expected value") || words.starts_with("expected ident") {
            "looking for beginning of value"
        } else if words.starts_with("expected `:`") {
            "after object key"
        } else if words.starts_with("expected `,` or `}`") {
            "after object key:value pair"
        } else if words.starts_with("expected `,` or `]`") {
            "after array element"
        } else if words.starts_with("key must be a string") {
            "looking for beginning of object key string"
        } else if words.starts_with("trailing characters") {
            "after top-level value"
        } else {
            "in string literal"
        };
        format!("invalid character '{letter}' {place}")
    })
}

/// The fields of an object, each read as a type of Go's.
#[derive(Clone, Copy)]
pub struct Fields<'a> {
    /// The Go type that the object is read into.
    of: &'static str,
    object: &'a Value,
}

impl<'a> Fields<'a> {
    pub fn new(of: &'static str, object: &'a Value) -> Result<Fields<'a>, String> {
        match object {
            Value::Object(_) | Value::Null => Ok(Fields { of, object }),
            other => {
                let found = kind(other);
                Err(format!("json: cannot unmarshal {found} into Go value of type {of}"))
            }
        }
    }

    pub fn get(&self, name: &str) -> Option<&'a Value> {
        self.object.get(name).filter(|value| !value.is_null())
    }

    fn typed<T>(
        &self,
        name: &str,
        wanted: &str,
        read: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Result<Option<T>, String> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let (found, of) = (kind(value), self.of);
        let wrong =
            || format!("json: cannot unmarshal {found} into Go struct field {of}.{name} of type {wanted}");
        read(value).map(Some).ok_or_else(wrong)
    }

    pub fn text(&self, name: &str) -> Result<String, String> {
        Ok(self.typed(name, "string", |it| it.as_str().map(str::to_owned))?.unwrap_or_default())
    }

    pub fn flag(&self, name: &str) -> Result<Option<bool>, String> {
        self.typed(name, "bool", Value::as_bool)
    }

    pub fn number(&self, name: &str) -> Result<i64, String> {
        Ok(self.typed(name, "int", Value::as_i64)?.unwrap_or_default())
    }

    pub fn list(&self, name: &str, wanted: &str) -> Result<&'a [Value], String> {
        Ok(self.typed(name, wanted, |it| it.as_array().map(Vec::as_slice))?.unwrap_or_default())
    }

    /// Strings, if the list is there.
    pub fn texts(&self, name: &str) -> Result<Option<Vec<String>>, String> {
        self.typed(name, "[]string", |it| {
            it.as_array()?.iter().map(|item| item.as_str().map(str::to_owned)).collect()
        })
    }

    /// An object within this one.
    pub fn object(&self, name: &str, of: &'static str) -> Result<Fields<'a>, String> {
        let value = self.typed(name, of, |it| it.is_object().then_some(it))?;
        Ok(Fields { of, object: value.unwrap_or(&Value::Null) })
    }
}

/// As Go's decoder names it.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// What all configurations have.
#[derive(Clone, Debug, Default)]
pub struct NetConf {
    pub value: Value,
    pub version: String,
    pub name: String,
    pub ipam: String,
    /// Absent where nothing of it is set.
    pub dns: Option<Value>,
}

impl NetConf {
    pub fn parse(text: &str) -> Result<NetConf, String> {
        let value = parse(text)?;
        let fields = Fields::new("NetConf", &value)?;
        let dns = fields.object("dns", "types.DNS")?;
        let mut set = serde_json::Map::new();
        for name in ["nameservers", "domain", "search", "options"] {
            if let Some(value) = dns.get(name) {
                set.insert(name.to_owned(), value.clone());
            }
        }
        Ok(NetConf {
            version: fields.text("cniVersion")?,
            name: fields.text("name")?,
            ipam: fields.object("ipam", "types.IPAM")?.text("type")?,
            dns: (!set.is_empty()).then_some(Value::Object(set)),
            value: value.clone(),
        })
    }

    pub fn fields(&self) -> Fields<'_> {
        Fields { of: "NetConf", object: &self.value }
    }

    /// What the plugin before this one answered.
    pub fn previous(&self) -> Option<&Value> {
        self.fields().get("prevResult")
    }
}

/// `K=V;K=V` of CNI_ARGS: the value of a key among those a plugin knows; an unknown one is refused unless the list says
/// IgnoreUnknown.
pub fn argument(arguments: &str, known: &str) -> Result<Option<String>, String> {
    if arguments.is_empty() {
        return Ok(None);
    }
    let (mut found, mut unknown, mut ignores) = (None, Vec::new(), false);
    for pair in arguments.split(';') {
        let Some((key, value)) = pair.split_once('=').filter(|(_, value)| !value.contains('=')) else {
            return Err(format!("ARGS: invalid pair \"{pair}\""));
        };
        match key {
            "IgnoreUnknown" => ignores = matches!(value, "1" | "true"),
            key if key == known => found = Some(value.to_owned()),
            key => unknown.push(format!("\"{key}\"")),
        }
    }
    if !unknown.is_empty() && !ignores {
        return Err(format!("ARGS: unknown args [{}]", unknown.join(" ")));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_told_in_gos_words() {
        assert_eq!(parse("{"), Err("unexpected end of JSON input".to_owned()));
        assert_eq!(parse("x"), Err("invalid character 'x' looking for beginning of value".to_owned()));
        assert_eq!(parse("{\"a\" 1}"), Err("invalid character '1' after object key".to_owned()));
        let wrong = NetConf::parse("{\"name\":7}").map(|conf| conf.name);
        assert_eq!(
            wrong,
            Err("json: cannot unmarshal number into Go struct field NetConf.name of type string".to_owned())
        );
    }

    #[test]
    fn an_unknown_argument_is_refused_unless_the_list_forgives_it() {
        assert_eq!(argument("IP=10.0.0.9", "IP"), Ok(Some("10.0.0.9".to_owned())));
        assert_eq!(argument("A=1;B=2", "IP"), Err("ARGS: unknown args [\"A\" \"B\"]".to_owned()));
        assert_eq!(argument("IgnoreUnknown=1;A=1", "IP"), Ok(None));
        assert_eq!(argument("A", "IP"), Err("ARGS: invalid pair \"A\"".to_owned()));
    }
}
