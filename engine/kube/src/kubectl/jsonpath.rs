//! JSONPath as kubectl speaks it: templates of text and `{…}`, ranges, filters, recursive descent.
//!
//! Always: the words of an error are client-go's. Source: client-go `util/jsonpath`; kubernetes.io "JSONPath Support".

use crate::object::{Value, json};

/// Steps may go no deeper, whatever a template says.
const MOST_FOUND: usize = 100_000;

#[derive(Clone, Debug, PartialEq)]
enum Node {
    Text(String),
    Range(Vec<Step>, Vec<Node>),
    Path(Vec<Step>),
}

#[derive(Clone, Debug, PartialEq)]
enum Step {
    Field(String),
    All,
    Index(i64),
    Slice(Option<i64>, Option<i64>, i64),
    Descend,
    Union(Vec<Step>),
    Filter(Box<Operand>, String, Option<Operand>),
    Root,
    Here,
}

#[derive(Clone, Debug, PartialEq)]
enum Operand {
    Path(Vec<Step>),
    Literal(Value),
}

/// A template, ready to run.
#[derive(Debug)]
pub struct Template {
    nodes: Vec<Node>,
}

impl Template {
    pub fn parse(text: &str) -> Result<Template, String> {
        let mut reader = Reader { text, at: 0 };
        let nodes = reader.nodes(false)?;
        Ok(Template { nodes })
    }

    /// What the template prints for an object. A missing key is an error unless `allow_missing`.
    pub fn run(&self, root: &Value, allow_missing: bool) -> Result<String, String> {
        let mut out = String::new();
        let run = Run { root, allow_missing };
        run.nodes(&self.nodes, root, &mut out)?;
        Ok(out)
    }

    /// The values the first path finds, for sorting and columns.
    pub fn find(&self, root: &Value) -> Result<Vec<Value>, String> {
        let run = Run { root, allow_missing: true };
        match self.nodes.first() {
            Some(Node::Path(steps)) => run.path(steps, root),
            _ => Ok(Vec::new()),
        }
    }
}

/// `x.y`, `.x.y` and `{.x.y}` mean the same where one path is wanted.
pub fn relaxed(text: &str) -> Result<String, String> {
    let inner = text.strip_prefix('{').and_then(|it| it.strip_suffix('}')).unwrap_or(text);
    if inner.is_empty() || text.starts_with('{') != text.ends_with('}') {
        let words = "unexpected path string, expected a 'name1.name2' or '.name1.name2' or '{name1.name2}' or \
                     '{.name1.name2}'";
        return Err(words.to_owned());
    }
    let dot = if inner.starts_with('.') || inner.starts_with('[') { "" } else { "." };
    Ok(format!("{{{dot}{inner}}}"))
}

struct Run<'a> {
    root: &'a Value,
    allow_missing: bool,
}

impl Run<'_> {
    fn nodes(&self, nodes: &[Node], here: &Value, out: &mut String) -> Result<(), String> {
        for node in nodes {
            match node {
                Node::Text(text) => out.push_str(text),
                Node::Path(steps) => {
                    let found = self.path(steps, here)?;
                    let words: Vec<String> = found.iter().map(shown).collect();
                    out.push_str(&words.join(" "));
                }
                Node::Range(steps, inner) => {
                    for item in self.path(steps, here)? {
                        self.nodes(inner, &item, out)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn path(&self, steps: &[Step], here: &Value) -> Result<Vec<Value>, String> {
        let mut found = vec![here.clone()];
        let mut descended = false;
        for step in steps {
            if *step == Step::Descend {
                let mut all = Vec::new();
                found.iter().for_each(|it| descend(it, &mut all));
                found = all;
                descended = true;
                continue;
            }
            let mut next = Vec::new();
            for value in &found {
                self.step(step, value, descended, &mut next)?;
            }
            descended = false;
            if next.len() > MOST_FOUND {
                return Err("too many results".to_owned());
            }
            found = next;
        }
        Ok(found)
    }

    fn step(&self, step: &Step, value: &Value, lenient: bool, out: &mut Vec<Value>) -> Result<(), String> {
        match step {
            Step::Root => out.push(self.root.clone()),
            Step::Here => out.push(value.clone()),
            Step::Field(name) => match value {
                Value::Map(map) => match map.get(name) {
                    Some(it) => out.push(it.clone()),
                    None if lenient || self.allow_missing => {}
                    None => return Err(format!("{name} is not found")),
                },
                _ if lenient || self.allow_missing => {}
                _ => return Err(format!("{name} is not found")),
            },
            Step::All => match value {
                Value::List(items) => out.extend(items.iter().cloned()),
                Value::Map(map) => out.extend(map.iter().map(|(_, it)| it.clone())),
                _ => {}
            },
            Step::Index(at) => {
                let length = i64::try_from(value.len()).unwrap_or(0);
                if !matches!(value, Value::List(_)) {
                    return if lenient || value.is_null() {
                        Ok(())
                    } else {
                        Err("is not array or slice".to_owned())
                    };
                }
                let index = if *at < 0 { at + length } else { *at };
                match usize::try_from(index).ok().and_then(|it| value.items().get(it)) {
                    Some(it) => out.push(it.clone()),
                    None if self.allow_missing => {}
                    None => return Err(format!("array index out of bounds: index {at}, length {length}")),
                }
            }
            Step::Slice(from, to, by) => {
                let length = i64::try_from(value.len()).unwrap_or(0);
                let place = |at: i64| if at < 0 { (at + length).max(0) } else { at.min(length) };
                let (from, to) = (place(from.unwrap_or(0)), place(to.unwrap_or(length)));
                let mut at = from;
                while at < to {
                    out.extend(usize::try_from(at).ok().and_then(|it| value.items().get(it)).cloned());
                    at += (*by).max(1);
                }
            }
            Step::Union(steps) => {
                for step in steps {
                    self.step(step, value, true, out)?;
                }
            }
            Step::Filter(left, operator, right) => {
                for item in value.items() {
                    if self.holds(left, operator, right.as_ref(), item)? {
                        out.push(item.clone());
                    }
                }
            }
            Step::Descend => {}
        }
        Ok(())
    }

    fn holds(
        &self,
        left: &Operand,
        operator: &str,
        right: Option<&Operand>,
        item: &Value,
    ) -> Result<bool, String> {
        let value = |operand: &Operand| match operand {
            Operand::Literal(it) => Ok(Some(it.clone())),
            Operand::Path(steps) => {
                let quiet = Run { root: self.root, allow_missing: true };
                quiet.path(steps, item).map(|found| found.into_iter().next())
            }
        };
        let left = value(left)?;
        let Some(right) = right else { return Ok(left.is_some()) };
        let (Some(left), Some(right)) = (left, value(right)?) else { return Ok(false) };
        let order = match (&left, &right) {
            (Value::Text(one), Value::Text(two)) => one.partial_cmp(two),
            (Value::Bool(one), Value::Bool(two)) => one.partial_cmp(two),
            (one, two) => one.as_int().zip(two.as_int()).and_then(|(one, two)| one.partial_cmp(&two)),
        };
        Ok(match operator {
            "==" => left == right,
            "!=" => left != right,
            "<" => order.is_some_and(|it| it.is_lt()),
            ">" => order.is_some_and(|it| it.is_gt()),
            "<=" => order.is_some_and(|it| it.is_le()),
            _ => order.is_some_and(|it| it.is_ge()),
        })
    }
}

fn descend(value: &Value, out: &mut Vec<Value>) {
    out.push(value.clone());
    match value {
        Value::Map(map) => map.iter().for_each(|(_, it)| descend(it, out)),
        Value::List(items) => items.iter().for_each(|it| descend(it, out)),
        _ => {}
    }
}

/// A value as a template prints it: texts bare, the rest as JSON.
pub fn shown(value: &Value) -> String {
    match value {
        Value::Text(text) => text.to_string(),
        other => json::compact(other),
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn nodes(&mut self, inside: bool) -> Result<Vec<Node>, String> {
        let mut nodes = Vec::new();
        loop {
            let rest = self.rest();
            let Some(open) = rest.find('{') else {
                if inside {
                    return Err("unterminated range".to_owned());
                }
                nodes.push(Node::Text(rest.to_owned()));
                self.at = self.text.len();
                return Ok(nodes);
            };
            if open > 0 {
                nodes.push(Node::Text(rest[..open].to_owned()));
            }
            self.at += open + 1;
            let inner = self.action()?;
            let inner = inner.trim();
            if inner == "end" {
                return if inside { Ok(nodes) } else { Err("not in range, nothing to end".to_owned()) };
            }
            if let Some(path) = inner.strip_prefix("range ") {
                let steps = path_of(path.trim())?;
                nodes.push(Node::Range(steps, self.nodes(true)?));
            } else if inner.starts_with('"') || inner.starts_with('\'') {
                nodes.push(Node::Text(unquoted(inner)));
            } else {
                nodes.push(Node::Path(path_of(inner)?));
            }
        }
    }

    /// The text up to the brace that closes this action.
    fn action(&mut self) -> Result<String, String> {
        let mut quote = None;
        let mut escaped = false;
        let rest = self.rest();
        for (at, it) in rest.char_indices() {
            match (it, quote) {
                _ if escaped => escaped = false,
                ('\\', _) => escaped = true,
                ('"' | '\'', None) => quote = Some(it),
                (it, Some(open)) if it == open => quote = None,
                ('}', None) => {
                    let inner = rest[..at].to_owned();
                    self.at += at + 1;
                    return Ok(inner);
                }
                _ => {}
            }
        }
        Err("unclosed action".to_owned())
    }
}

fn unquoted(text: &str) -> String {
    let inner = text.trim_matches(|it| it == '"' || it == '\'');
    inner.replace("\\n", "\n").replace("\\t", "\t").replace("\\\"", "\"").replace("\\\\", "\\")
}

fn path_of(text: &str) -> Result<Vec<Step>, String> {
    let mut steps = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix("..") {
            steps.push(Step::Descend);
            rest = after;
            if !rest.starts_with(['[', '.']) {
                rest = field(rest, &mut steps);
            }
        } else if let Some(after) = rest.strip_prefix('.') {
            rest = if after.starts_with('[') || after.is_empty() { after } else { field(after, &mut steps) };
        } else if let Some(after) = rest.strip_prefix('$') {
            steps.push(Step::Root);
            rest = after;
        } else if let Some(after) = rest.strip_prefix('@') {
            steps.push(Step::Here);
            rest = after;
        } else if rest.starts_with('[') {
            let end = closing(rest)?;
            steps.push(bracket(&rest[1..end])?);
            rest = &rest[end + 1..];
        } else if steps.is_empty() && rest.starts_with(|it: char| it.is_ascii_alphabetic()) {
            // A bare word is no path: client-go takes it for an identifier.
            return Err(format!("unrecognized identifier {}", rest.split(['.', ' ']).next().unwrap_or(rest)));
        } else {
            return Err(format!(
                "unrecognized character in action: U+{:04X} '{}'",
                u32::from(first(rest)),
                first(rest)
            ));
        }
    }
    Ok(steps)
}

fn first(text: &str) -> char {
    text.chars().next().unwrap_or(' ')
}

fn field<'a>(rest: &'a str, steps: &mut Vec<Step>) -> &'a str {
    let mut name = String::new();
    let mut escaped = false;
    let mut end = rest.len();
    for (at, it) in rest.char_indices() {
        if escaped {
            name.push(it);
            escaped = false;
        } else if it == '\\' {
            escaped = true;
        } else if matches!(it, '.' | '[' | ' ' | ')' | '=' | '!' | '<' | '>') {
            end = at;
            break;
        } else {
            name.push(it);
        }
    }
    steps.push(if name == "*" { Step::All } else { Step::Field(name) });
    &rest[end..]
}

fn closing(text: &str) -> Result<usize, String> {
    let (mut depth, mut quote) = (0, None);
    for (at, it) in text.char_indices() {
        match (it, quote) {
            ('"' | '\'', None) => quote = Some(it),
            (it, Some(open)) if it == open => quote = None,
            ('[', None) => depth += 1,
            (']', None) => {
                depth -= 1;
                if depth == 0 {
                    return Ok(at);
                }
            }
            _ => {}
        }
    }
    Err("unterminated array".to_owned())
}

fn bracket(inner: &str) -> Result<Step, String> {
    let inner = inner.trim();
    if let Some(filter) = inner.strip_prefix("?(").and_then(|it| it.strip_suffix(')')) {
        return filter_of(filter);
    }
    if inner == "*" {
        return Ok(Step::All);
    }
    if inner.starts_with('\'') || inner.starts_with('"') {
        let names: Vec<Step> = inner.split(',').map(|it| Step::Field(unquoted(it.trim()))).collect();
        return Ok(if names.len() == 1 { names[0].clone() } else { Step::Union(names) });
    }
    let number = |it: &str| it.trim().parse::<i64>().ok();
    let parts: Vec<&str> = inner.split(':').collect();
    if parts.len() > 1 {
        let by = parts.get(2).and_then(|it| number(it)).unwrap_or(1);
        return Ok(Step::Slice(number(parts[0]), number(parts[1]), by));
    }
    let all: Option<Vec<Step>> = inner.split(',').map(|it| number(it).map(Step::Index)).collect();
    match all {
        Some(mut all) if all.len() == 1 => Ok(all.remove(0)),
        Some(all) if !all.is_empty() => Ok(Step::Union(all)),
        _ => Err(format!("invalid array index {inner}")),
    }
}

fn filter_of(text: &str) -> Result<Step, String> {
    for operator in ["==", "!=", "<=", ">=", "<", ">"] {
        if let Some((left, right)) = text.split_once(operator) {
            let right = operand(right.trim())?;
            return Ok(Step::Filter(Box::new(operand(left.trim())?), operator.to_owned(), Some(right)));
        }
    }
    Ok(Step::Filter(Box::new(operand(text.trim())?), "exists".to_owned(), None))
}

fn operand(text: &str) -> Result<Operand, String> {
    if text.starts_with('@') || text.starts_with('$') || text.starts_with('.') {
        return path_of(text).map(Operand::Path);
    }
    if text.starts_with('"') || text.starts_with('\'') {
        return Ok(Operand::Literal(Value::from(unquoted(text))));
    }
    json::parse(text).map(Operand::Literal).map_err(|_| format!("unrecognized identifier {text}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object;

    #[test]
    fn a_template_prints_as_kubectls() {
        let list = object!({"items": [
            {"name": "a", "ip": "1", "labels": {"x.y": "z"}}, {"name": "b", "ip": "2", "ports": [80, 81]}
        ]});
        for (template, want) in [
            ("{.items[*].name}", "a b"),
            ("{range .items[*]}{.name}{\"\\t\"}{.ip}{\"\\n\"}{end}", "a\t1\nb\t2\n"),
            ("{.items[?(@.name==\"b\")].ip}", "2"),
            ("{.items[0].labels.x\\.y}", "z"),
            ("{..name}", "a b"),
            ("{.items[-1:].ports}", "[80,81]"),
            ("{.items[1]['name','ip']}", "b 2"),
        ] {
            let found = Template::parse(template).and_then(|it| it.run(&list, true));
            assert_eq!(found.as_deref(), Ok(want), "{template}");
        }
        let missing = Template::parse("{.nope}").and_then(|it| it.run(&list, false));
        assert_eq!(missing, Err("nope is not found".to_owned()));
    }
}
