//! iproute2's JSON: streamed, in the order of printing, with a pretty form of its own.
//!
//! Always: balanced opens and closes give valid JSON; names may repeat, as the real tool lets them.
//! Differs from serde_json's pretty form: `[ {`, `},{` and lists of words on one line.

/// What stands behind a name.
#[derive(Clone, Copy, Debug)]
pub enum Value<'a> {
    Text(&'a str),
    Signed(i64),
    Unsigned(u64),
    Bool(bool),
    Null,
    /// Written as it is: `0.00`.
    Raw(&'a str),
}

macro_rules! value_from {
    ($($from:ty => $variant:ident as $into:ty),*) => {
        $(impl From<$from> for Value<'_> {
            fn from(value: $from) -> Self { Value::$variant(<$into>::from(value)) }
        })*
    };
}
value_from!(u8 => Unsigned as u64, u16 => Unsigned as u64, u32 => Unsigned as u64, u64 => Unsigned as u64,
            i32 => Signed as i64, bool => Bool as bool);

impl<'a> From<&'a str> for Value<'a> {
    fn from(value: &'a str) -> Self {
        Value::Text(value)
    }
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(value: &'a String) -> Self {
        Value::Text(value)
    }
}

/// A stream under way.
#[derive(Debug)]
pub struct Json {
    out: String,
    depth: usize,
    pretty: bool,
    /// A comma is due before the next thing.
    comma: bool,
}

impl Json {
    pub fn new(pretty: bool) -> Json {
        Json { out: String::new(), depth: 0, pretty, comma: false }
    }

    pub fn take(&mut self) -> String {
        std::mem::take(&mut self.out)
    }

    fn separate(&mut self) {
        if self.comma {
            self.out.push(',');
        }
        self.comma = true;
    }

    fn end_line(&mut self) {
        if self.pretty {
            self.out.push('\n');
            self.out.push_str(&"    ".repeat(self.depth));
        }
    }

    fn quoted(&mut self, text: &str) {
        self.out.push('"');
        for letter in text.chars() {
            match letter {
                '\t' => self.out.push_str("\\t"),
                '\n' => self.out.push_str("\\n"),
                '\r' => self.out.push_str("\\r"),
                '\x0c' => self.out.push_str("\\f"),
                '\x08' => self.out.push_str("\\b"),
                '\\' => self.out.push_str("\\\\"),
                '"' => self.out.push_str("\\\""),
                other => self.out.push(other),
            }
        }
        self.out.push('"');
    }

    pub fn name(&mut self, name: &str) {
        self.separate();
        self.end_line();
        self.comma = false;
        self.quoted(name);
        self.out.push_str(if self.pretty { ": " } else { ":" });
    }

    pub fn value(&mut self, value: Value<'_>) {
        self.separate();
        match value {
            Value::Text(text) => self.quoted(text),
            Value::Signed(number) => self.out.push_str(&number.to_string()),
            Value::Unsigned(number) => self.out.push_str(&number.to_string()),
            Value::Bool(flag) => self.out.push_str(if flag { "true" } else { "false" }),
            Value::Null => self.out.push_str("null"),
            Value::Raw(text) => self.out.push_str(text),
        }
    }

    fn begin(&mut self, bracket: char) {
        self.separate();
        self.out.push(bracket);
        self.depth += 1;
        self.comma = false;
    }

    fn end(&mut self, bracket: char) {
        self.depth = self.depth.saturating_sub(1);
        if self.comma {
            self.end_line();
        }
        self.out.push(bracket);
        self.comma = true;
    }

    pub fn open_object(&mut self) {
        self.begin('{');
    }

    pub fn close_object(&mut self) {
        self.end('}');
    }

    pub fn open_array(&mut self) {
        self.begin('[');
        if self.pretty {
            self.out.push(' ');
        }
    }

    pub fn close_array(&mut self) {
        if self.pretty && self.comma {
            self.out.push(' ');
        }
        self.comma = false;
        self.end(']');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two_routes(pretty: bool) -> String {
        let mut json = Json::new(pretty);
        json.open_array();
        for (dst, flag) in [("default", false), ("10.0.0.0/8", true)] {
            json.open_object();
            json.name("dst");
            json.value(dst.into());
            json.name("flags");
            json.open_array();
            if flag {
                json.value("linkdown".into());
                json.value("onlink".into());
            }
            json.close_array();
            json.close_object();
        }
        json.close_array();
        json.take()
    }

    #[test]
    fn the_plain_form_has_no_blanks() {
        assert_eq!(
            two_routes(false),
            r#"[{"dst":"default","flags":[]},{"dst":"10.0.0.0/8","flags":["linkdown","onlink"]}]"#
        );
    }

    #[test]
    fn the_pretty_form_is_iproute2s_own() {
        let expected = r#"[ {
        "dst": "default",
        "flags": [ ]
    },{
        "dst": "10.0.0.0/8",
        "flags": [ "linkdown","onlink" ]
    } ]"#;
        assert_eq!(two_routes(true), expected);
    }
}
