//! Go templates, the forms people use with kubectl: fields, range, if/else, with, variables, printf, index, len, eq….
//!
//! Differs from Go: no `define`, `block` or `template`; pipelines pass the value on as the last argument.
//! Source: Go's text/template.

use crate::object::{Value, json};
use linux::base64;

/// Templates may not nest deeper.
const DEEPEST: usize = 64;

#[derive(Clone, Debug)]
enum Node {
    Text(String),
    Show(Vec<Vec<String>>),
    Set(String, Vec<Vec<String>>),
    /// `range`, `if` or `with`: names, pipeline, body, else.
    Block(&'static str, Vec<String>, Vec<Vec<String>>, Vec<Node>, Vec<Node>),
}

#[derive(Debug)]
pub struct Template {
    pub text: String,
    nodes: Vec<Node>,
}

enum Piece {
    Text(String),
    Action(String),
}

impl Template {
    pub fn parse(text: &str) -> Result<Template, String> {
        let mut pieces = pieces(text)?.into_iter();
        let (nodes, end) = nodes(&mut pieces, 0)?;
        if end.is_some() {
            return Err("1: unexpected {{end}}".to_owned());
        }
        Ok(Template { text: text.to_owned(), nodes })
    }

    pub fn run(&self, root: &Value) -> Result<String, String> {
        let mut run = Run { out: String::new(), variables: vec![("$".to_owned(), root.clone())] };
        run.nodes(&self.nodes, root)?;
        Ok(run.out)
    }
}

fn pieces(text: &str) -> Result<Vec<Piece>, String> {
    let mut all = Vec::new();
    let mut rest = text;
    let mut trim = false;
    while let Some(open) = rest.find("{{") {
        let mut before = &rest[..open];
        if trim {
            before = before.trim_start();
        }
        let inner = &rest[open + 2..];
        let close = inner.find("}}").ok_or("1: unclosed action")?;
        let mut action = &inner[..close];
        if let Some(it) = action.strip_prefix("- ") {
            before = before.trim_end();
            action = it;
        }
        trim = action.ends_with(" -");
        action = action.strip_suffix(" -").unwrap_or(action);
        all.push(Piece::Text(before.to_owned()));
        if !action.trim().starts_with("/*") {
            all.push(Piece::Action(action.trim().to_owned()));
        }
        rest = &inner[close + 2..];
    }
    all.push(Piece::Text(if trim { rest.trim_start() } else { rest }.to_owned()));
    Ok(all)
}

type Ended = (Vec<Node>, Option<String>);

fn nodes(pieces: &mut std::vec::IntoIter<Piece>, depth: usize) -> Result<Ended, String> {
    if depth > DEEPEST {
        return Err("1: exceeded maximum template depth".to_owned());
    }
    let mut all = Vec::new();
    while let Some(piece) = pieces.next() {
        let action = match piece {
            Piece::Text(text) => {
                all.push(Node::Text(text));
                continue;
            }
            Piece::Action(action) => action,
        };
        let (word, rest) = action.split_once(char::is_whitespace).unwrap_or((&action, ""));
        match word {
            "end" | "else" => return Ok((all, Some(action))),
            "range" | "if" | "with" => all.push(block(word, rest, pieces, depth)?),
            _ => match action.split_once(":=") {
                Some((name, value)) if name.trim().starts_with('$') => {
                    all.push(Node::Set(name.trim().to_owned(), pipeline(value)?));
                }
                _ => all.push(Node::Show(pipeline(&action)?)),
            },
        }
    }
    if depth > 0 { Err("1: unexpected EOF".to_owned()) } else { Ok((all, None)) }
}

fn block(
    word: &str,
    rest: &str,
    pieces: &mut std::vec::IntoIter<Piece>,
    depth: usize,
) -> Result<Node, String> {
    let name = if word == "range" {
        "range"
    } else if word == "if" {
        "if"
    } else {
        "with"
    };
    let (names, rest) = match rest.split_once(":=") {
        Some((names, rest)) => (names.split(',').map(|it| it.trim().to_owned()).collect(), rest),
        None => (Vec::new(), rest),
    };
    let (body, end) = nodes(pieces, depth + 1)?;
    let other = match end.as_deref() {
        Some("else") => nodes(pieces, depth + 1)?.0,
        Some(end) if end.starts_with("else if") => vec![block("if", &end[7..], pieces, depth + 1)?],
        _ => Vec::new(),
    };
    Ok(Node::Block(name, names, pipeline(rest)?, body, other))
}

/// Commands parted by `|`, each a list of words; what stands in parentheses is one word.
fn pipeline(text: &str) -> Result<Vec<Vec<String>>, String> {
    let mut commands = vec![Vec::new()];
    let mut word = String::new();
    let (mut depth, mut quote) = (0usize, None);
    for it in text.chars() {
        match (it, quote) {
            (it, Some(open)) => {
                word.push(it);
                if it == open && !word.ends_with("\\\"") {
                    quote = None;
                }
            }
            ('"' | '`', None) => {
                quote = Some(it);
                word.push(it);
            }
            (it, None) => {
                depth = match it {
                    '(' => depth + 1,
                    ')' => depth.checked_sub(1).ok_or("1: unexpected right paren")?,
                    _ => depth,
                };
                let ends = depth == 0 && (it.is_whitespace() || it == '|');
                if !ends {
                    word.push(it);
                } else {
                    if !word.is_empty() {
                        commands.last_mut().expect("begins with one").push(std::mem::take(&mut word));
                    }
                    if it == '|' {
                        commands.push(Vec::new());
                    }
                }
            }
        }
    }
    if !word.is_empty() {
        commands.last_mut().expect("begins with one").push(word);
    }
    if depth > 0 || quote.is_some() {
        return Err("1: unclosed left paren".to_owned());
    }
    if commands.iter().any(Vec::is_empty) {
        return Err("1: missing value for command".to_owned());
    }
    Ok(commands)
}

struct Run {
    out: String,
    variables: Vec<(String, Value)>,
}

impl Run {
    fn nodes(&mut self, nodes: &[Node], here: &Value) -> Result<(), String> {
        let scope = self.variables.len();
        for node in nodes {
            match node {
                Node::Text(text) => self.out.push_str(text),
                Node::Show(commands) => {
                    let value = self.pipeline(commands, here, 0)?;
                    self.out.push_str(&shown(&value));
                }
                Node::Set(name, commands) => {
                    let value = self.pipeline(commands, here, 0)?;
                    self.variables.push((name.clone(), value));
                }
                Node::Block(word, names, commands, body, other) => {
                    let value = self.pipeline(commands, here, 0)?;
                    self.block(word, names, &value, (body, other), here)?;
                }
            }
        }
        self.variables.truncate(scope);
        Ok(())
    }

    fn block(
        &mut self,
        word: &str,
        names: &[String],
        value: &Value,
        (body, other): (&[Node], &[Node]),
        here: &Value,
    ) -> Result<(), String> {
        if !is_true(value) {
            return self.nodes(other, here);
        }
        let scope = self.variables.len();
        match word {
            "range" => {
                let items: Vec<(Value, Value)> = match value {
                    Value::Map(map) => {
                        map.iter().map(|(name, it)| (Value::from(&**name), it.clone())).collect()
                    }
                    list => list
                        .items()
                        .iter()
                        .enumerate()
                        .map(|(at, it)| (Value::from(at), it.clone()))
                        .collect(),
                };
                for (key, item) in items {
                    match names {
                        [name] => self.variables.push((name.clone(), item.clone())),
                        [one, two] => {
                            self.variables.push((one.clone(), key));
                            self.variables.push((two.clone(), item.clone()));
                        }
                        _ => {}
                    }
                    self.nodes(body, &item)?;
                    self.variables.truncate(scope);
                }
            }
            _ => {
                if let [name] = names {
                    self.variables.push((name.clone(), value.clone()));
                }
                self.nodes(body, if word == "with" { value } else { here })?;
            }
        }
        self.variables.truncate(scope);
        Ok(())
    }

    fn pipeline(&self, commands: &[Vec<String>], here: &Value, depth: usize) -> Result<Value, String> {
        if depth > DEEPEST {
            return Err("exceeded maximum template depth".to_owned());
        }
        let mut passed: Option<Value> = None;
        for words in commands {
            let Some((first, rest)) = words.split_first() else { continue };
            let mut arguments = Vec::new();
            for word in rest {
                arguments.push(self.word(word, here, depth)?);
            }
            arguments.extend(passed.take());
            let is_function = first.starts_with(|it: char| it.is_ascii_alphabetic())
                && !matches!(first.as_str(), "true" | "false" | "nil");
            passed =
                Some(if is_function { call(first, &arguments)? } else { self.word(first, here, depth)? });
        }
        Ok(passed.unwrap_or_default())
    }

    fn word(&self, word: &str, here: &Value, depth: usize) -> Result<Value, String> {
        if let Some(inner) = word.strip_prefix('(') {
            let end = inner.rfind(')').ok_or("unclosed left paren")?;
            let value = self.pipeline(&pipeline(&inner[..end])?, here, depth + 1)?;
            return Ok(follow(&value, &inner[end + 1..]));
        }
        if word.starts_with('.') {
            return Ok(follow(here, word));
        }
        if word.starts_with('$') {
            let (name, path) = word.split_once('.').unwrap_or((word, ""));
            let found = self.variables.iter().rev().find(|(its, _)| its == name);
            let value = found.ok_or(format!("undefined variable: {name}"))?;
            return Ok(follow(&value.1, path));
        }
        if word.starts_with('`') {
            return Ok(Value::from(word.trim_matches('`')));
        }
        match word {
            "nil" => Ok(Value::Null),
            word => json::parse(word).map_err(|_| format!("function \"{word}\" not defined")),
        }
    }
}

fn follow(value: &Value, path: &str) -> Value {
    path.split('.').filter(|it| !it.is_empty()).fold(value.clone(), |at, name| at.get(name).clone())
}

fn is_true(value: &Value) -> bool {
    !(value.is_empty() || *value == Value::Bool(false) || value.as_int() == Some(0))
}

fn call(name: &str, arguments: &[Value]) -> Result<Value, String> {
    let first = arguments.first().cloned().unwrap_or_default();
    let second = arguments.get(1).cloned().unwrap_or_default();
    let order = || match (&first, &second) {
        (Value::Text(one), Value::Text(two)) => one.partial_cmp(two),
        (one, two) => one.as_int().zip(two.as_int()).and_then(|(one, two)| one.partial_cmp(&two)),
    };
    let words = || arguments.iter().map(shown).collect::<Vec<_>>();
    Ok(match name {
        "index" => arguments.get(1..).unwrap_or_default().iter().fold(first, |at, key| match key.as_int() {
            Some(index) => {
                usize::try_from(index).ok().and_then(|it| at.items().get(it)).cloned().unwrap_or_default()
            }
            None => at.get(key.as_str()).clone(),
        }),
        "len" => match &first {
            Value::Text(text) => Value::from(text.len()),
            other => Value::from(other.len()),
        },
        "eq" => Value::from(arguments.get(1..).unwrap_or_default().contains(&first)),
        "ne" => Value::from(first != second),
        "lt" => Value::from(order().is_some_and(|it| it.is_lt())),
        "le" => Value::from(order().is_some_and(|it| it.is_le())),
        "gt" => Value::from(order().is_some_and(|it| it.is_gt())),
        "ge" => Value::from(order().is_some_and(|it| it.is_ge())),
        "not" => Value::from(!is_true(&first)),
        "and" => arguments.iter().find(|it| !is_true(it)).or(arguments.last()).cloned().unwrap_or_default(),
        "or" => arguments.iter().find(|it| is_true(it)).or(arguments.last()).cloned().unwrap_or_default(),
        "exists" => Value::from(
            !arguments
                .get(1..)
                .unwrap_or_default()
                .iter()
                .fold(first, |at, key| at.get(key.as_str()).clone())
                .is_null(),
        ),
        "print" => Value::from(words().concat()),
        "println" => Value::from(words().join(" ") + "\n"),
        "printf" => Value::from(printf(first.as_str(), arguments.get(1..).unwrap_or_default())),
        "base64decode" => {
            let bytes = base64::decode_lines(first.as_str())
                .map_err(|at| format!("illegal base64 data at input byte {at}"))?;
            Value::from(String::from_utf8_lossy(&bytes).into_owned())
        }
        "html" | "js" | "urlquery" => first,
        _ => return Err(format!("1: function \"{name}\" not defined")),
    })
}

fn printf(format: &str, arguments: &[Value]) -> String {
    let mut out = String::new();
    let mut arguments = arguments.iter();
    let mut letters = format.chars();
    while let Some(letter) = letters.next() {
        if letter != '%' {
            out.push(letter);
            continue;
        }
        let mut width = String::new();
        let verb = letters.by_ref().find(|it| {
            let is_verb = it.is_ascii_alphabetic() || *it == '%';
            if !is_verb {
                width.push(*it);
            }
            is_verb
        });
        let text = match verb {
            Some('%') | None => {
                out.push('%');
                continue;
            }
            Some('q') => format!("{:?}", arguments.next().map(shown).unwrap_or_default()),
            Some(_) => arguments.next().map(shown).unwrap_or_default(),
        };
        // A width larger than a screen is a mistake; Go would fill it.
        let wide = width.trim_start_matches('-').parse::<usize>().unwrap_or(0).min(1000);
        out += &if width.starts_with('-') { format!("{text:<wide$}") } else { format!("{text:>wide$}") };
    }
    out
}

/// As Go's `%v` prints a decoded JSON value.
pub fn shown(value: &Value) -> String {
    match value {
        Value::Null => "<no value>".to_owned(),
        Value::Text(text) => text.to_string(),
        Value::List(items) => {
            let words: Vec<String> = items.iter().map(inner).collect();
            format!("[{}]", words.join(" "))
        }
        Value::Map(map) => {
            let words: Vec<String> = map.iter().map(|(name, it)| format!("{name}:{}", inner(it))).collect();
            format!("map[{}]", words.join(" "))
        }
        other => json::compact(other),
    }
}

fn inner(value: &Value) -> String {
    if value.is_null() { "<nil>".to_owned() } else { shown(value) }
}

/// As Go's `%#v` prints it.
pub fn go_syntax(value: &Value) -> String {
    match value {
        Value::Null => "interface {}(nil)".to_owned(),
        Value::List(items) => {
            format!("[]interface {{}}{{{}}}", items.iter().map(go_syntax).collect::<Vec<_>>().join(", "))
        }
        Value::Map(map) => {
            let words: Vec<String> = map
                .iter()
                .map(|(name, it)| format!("{}:{}", json::compact(&Value::from(&**name)), go_syntax(it)))
                .collect();
            format!("map[string]interface {{}}{{{}}}", words.join(", "))
        }
        other => json::compact(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object;

    #[test]
    fn common_templates_print() {
        let list = object!({"items": [{"name": "a", "n": 1, "m": {"k": "v"}}, {"name": "b", "n": 2}]});
        for (template, want) in [
            ("{{range .items}}{{.name}}{{\"\\n\"}}{{end}}", "a\nb\n"),
            ("{{range $i, $e := .items}}{{if $i}},{{end}}{{$e.name}}{{end}}", "a,b"),
            ("{{(index .items 0).name}} {{len .items}} {{index .items 0 \"m\" \"k\"}}", "a 2 v"),
            (
                "{{range .items}}{{if eq .name \"b\"}}{{printf \"%s=%d\" .name .n}}{{else}}-{{end}}{{end}}",
                "-b=2",
            ),
            ("{{.nope}} {{with .items}}{{len .}}{{end}}", "<no value> 2"),
        ] {
            assert_eq!(
                Template::parse(template).and_then(|it| it.run(&list)).as_deref(),
                Ok(want),
                "{template}"
            );
        }
    }
}
