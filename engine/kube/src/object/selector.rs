//! Selectors: which objects a Service, a ReplicaSet or `kubectl -l` means.
//!
//! Always: an empty selector matches everything, a missing one nothing.
//! Sources: apimachinery `labels`, `fields`.

use super::value::Value;

#[derive(Clone, Debug, PartialEq)]
enum Operator {
    In,
    NotIn,
    Exists,
    DoesNotExist,
    Greater,
    Less,
}

#[derive(Clone, Debug, PartialEq)]
struct Requirement {
    key: String,
    operator: Operator,
    values: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Selector {
    requirements: Vec<Requirement>,
}

impl Selector {
    /// Reads `app=web,tier!=db,env in (a,b),!old`. The error is apimachinery's.
    pub fn parse(text: &str) -> Result<Selector, String> {
        let mut reader = Reader { text, at: 0 };
        let mut requirements = Vec::new();
        reader.blank();
        while !reader.rest().is_empty() {
            requirements.push(reader.requirement()?);
            reader.blank();
            if reader.rest().is_empty() {
                break;
            }
            if !reader.take(",") {
                let word = reader.word_shown();
                return Err(format!("found '{word}', expected: ',' or 'end of string'"));
            }
            reader.blank();
            if reader.rest().is_empty() {
                return Err("found '', expected: identifier after ','".to_owned());
            }
        }
        Ok(Selector { requirements })
    }

    /// Of a map of labels, as Services have it.
    pub fn of_map(map: &Value) -> Selector {
        let one = |(key, value): (&std::rc::Rc<str>, &Value)| Requirement {
            key: key.to_string(),
            operator: Operator::In,
            values: vec![value.as_str().to_owned()],
        };
        Selector { requirements: map.fields().map(one).collect() }
    }

    /// Of `matchLabels` and `matchExpressions`.
    pub fn of(selector: &Value) -> Selector {
        let mut all = Selector::of_map(selector.get("matchLabels"));
        all.requirements.extend(Selector::of_expressions(selector.get("matchExpressions")).requirements);
        all
    }

    /// Of `matchExpressions` alone, or of a node affinity's, which may compare numbers.
    pub fn of_expressions(expressions: &Value) -> Selector {
        let one = |it: &Value| {
            let operator = match it.str("operator") {
                "In" => Operator::In,
                "NotIn" => Operator::NotIn,
                "Exists" => Operator::Exists,
                "Gt" => Operator::Greater,
                "Lt" => Operator::Less,
                _ => Operator::DoesNotExist,
            };
            let values = it.get("values").items().iter().map(|it| it.as_str().to_owned()).collect();
            Requirement { key: it.str("key").to_owned(), operator, values }
        };
        Selector { requirements: expressions.items().iter().map(one).collect() }
    }

    pub fn matches(&self, labels: &Value) -> bool {
        self.requirements.iter().all(|it| it.matches(labels))
    }

    pub fn is_empty(&self) -> bool {
        self.requirements.is_empty()
    }
}

impl Requirement {
    fn matches(&self, labels: &Value) -> bool {
        let has = labels.has(&self.key);
        let value = labels.str(&self.key);
        let is_in = has && self.values.iter().any(|it| it == value);
        let compare = |than: fn(i64, i64) -> bool| {
            let sides = value.parse().ok().zip(self.values.first().and_then(|it| it.parse().ok()));
            has && sides.is_some_and(|(one, two)| than(one, two))
        };
        match self.operator {
            Operator::In => is_in,
            Operator::NotIn => !is_in,
            Operator::Exists => has,
            Operator::DoesNotExist => !has,
            Operator::Greater => compare(|one, two| one > two),
            Operator::Less => compare(|one, two| one < two),
        }
    }
}

/// A selector as tables and describe print it; `<none>` if empty. Sources: `labels.FormatLabels`, `FormatLabelSelector`.
pub fn shown(selector: &Value) -> String {
    let mut parts: Vec<String> = selector
        .get("matchLabels")
        .fields()
        .map(|(key, value)| format!("{key}={}", value.as_str()))
        .collect();
    for it in selector.get("matchExpressions").items() {
        let key = it.str("key");
        let mut values: Vec<&str> = it.get("values").items().iter().map(Value::as_str).collect();
        values.sort_unstable();
        let values = values.join(",");
        parts.push(match it.str("operator") {
            "In" => format!("{key} in ({values})"),
            "NotIn" => format!("{key} notin ({values})"),
            "Exists" => key.to_owned(),
            _ => format!("!{key}"),
        });
    }
    parts.sort_by(|one, two| key_of(one).cmp(key_of(two)));
    if parts.is_empty() { "<none>".to_owned() } else { parts.join(",") }
}

fn key_of(part: &str) -> &str {
    let part = part.trim_start_matches('!');
    part.split(['=', ' ']).next().unwrap_or(part)
}

/// A map as `a=1,b=2`; `<none>` if empty.
pub fn labels_shown(labels: &Value) -> String {
    let parts: Vec<String> =
        labels.fields().map(|(key, value)| format!("{key}={}", value.as_str())).collect();
    if parts.is_empty() { "<none>".to_owned() } else { parts.join(",") }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn blank(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    fn take(&mut self, sign: &str) -> bool {
        let is_there = self.rest().starts_with(sign);
        if is_there {
            self.at += sign.len();
        }
        is_there
    }

    fn word(&mut self) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|it: char| it.is_whitespace() || "=!,()<>".contains(it)).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    /// The next word or sign, for a message.
    fn word_shown(&mut self) -> String {
        let word = self.word();
        if !word.is_empty() {
            return word.to_owned();
        }
        self.rest().chars().take(1).collect()
    }

    fn requirement(&mut self) -> Result<Requirement, String> {
        self.blank();
        let negated = self.rest().starts_with('!') && self.take("!");
        self.blank();
        let key = self.word().to_owned();
        if key.is_empty() {
            let found = self.word_shown();
            return Err(format!("found '{found}', expected: !, identifier, or 'end of string'"));
        }
        crate::validation::name::qualified_name(&key)
            .map_err(|why| format!("key: Invalid value: \"{key}\": {why}"))?;
        self.blank();
        let one = |operator, values| Ok(Requirement { key: key.clone(), operator, values });
        if negated {
            return one(Operator::DoesNotExist, Vec::new());
        }
        if self.rest().is_empty() || self.rest().starts_with(',') {
            return one(Operator::Exists, Vec::new());
        }
        let signs: [(&str, Operator); 5] = [
            ("==", Operator::In),
            ("!=", Operator::NotIn),
            ("=", Operator::In),
            (">", Operator::Greater),
            ("<", Operator::Less),
        ];
        for (sign, operator) in signs {
            if self.take(sign) {
                self.blank();
                let value = self.word().to_owned();
                crate::validation::name::label_value(&value)
                    .map_err(|why| format!("values[0][{key}]: Invalid value: \"{value}\": {why}"))?;
                return one(operator, vec![value]);
            }
        }
        let word = self.word_shown();
        let operator = match word.as_str() {
            "in" => Operator::In,
            "notin" => Operator::NotIn,
            _ => return Err(format!("found '{word}', expected: in, notin, =, ==, !=, gt, lt")),
        };
        one(operator, self.values()?)
    }

    fn values(&mut self) -> Result<Vec<String>, String> {
        self.blank();
        if !self.take("(") {
            let found = self.word_shown();
            return Err(format!("found '{found}' expected: '('"));
        }
        let mut values = Vec::new();
        loop {
            self.blank();
            values.push(self.word().to_owned());
            self.blank();
            if self.take(")") {
                return Ok(values);
            }
            if !self.take(",") {
                let found = self.word_shown();
                return Err(format!("found '{found}', expected: ',' or ')'"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object;

    #[test]
    fn a_selector_chooses_by_labels() {
        let labels = object!({"app": "web", "tier": "front"});
        for (text, want) in [
            ("app=web", true),
            ("app!=web,app", false),
            ("tier in (front, back)", true),
            ("!old", true),
            ("tier notin (front)", false),
        ] {
            assert_eq!(Selector::parse(text).map(|it| it.matches(&labels)), Ok(want), "{text}");
        }
        assert!(Selector::parse("app=web,").is_err());
    }
}
