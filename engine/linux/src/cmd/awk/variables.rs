//! What an awk program holds: variables, arrays, the fields of the record.
//!
//! Always: `$0` and the fields agree; arrays and records are bounded.
//! Source: POSIX.1-2017, awk, "Variables and Special Variables".

use super::program::Expression;
use super::run::{Local, Runner};
use super::value::Value;
use crate::cmd::Exit;
use crate::regex::{Regex, Syntax};

/// Steps between two system calls.
const STEPS: u32 = 200;
/// Elements of one array; further ones are not stored.
const ELEMENTS: usize = 200_000;
/// Fields of one record.
const FIELDS: usize = 30_000;

impl Runner {
    pub(super) fn count_record(&mut self) {
        for name in ["NR", "FNR"] {
            let number = self.get(name).number() + 1.0;
            self.set(name, Value::Number(number));
        }
    }

    pub(super) fn get(&self, name: &str) -> Value {
        match self.locals.last().and_then(|locals| locals.get(name)) {
            Some(Local::Value(value)) => value.clone(),
            Some(Local::Array(_)) => Value::Unset,
            None => self.variables.get(name).cloned().unwrap_or(Value::Unset),
        }
    }

    pub(super) fn set(&mut self, name: &str, value: Value) {
        match self.locals.last_mut().and_then(|locals| locals.get_mut(name)) {
            Some(local) => *local = Local::Value(value),
            None => {
                if name == "NF" {
                    return self.set_field_count(value.number());
                }
                self.variables.insert(name.to_owned(), value);
            }
        }
    }

    pub(super) fn format(&self) -> String {
        self.get("CONVFMT").text("%.6g")
    }

    /// The name under which an array is kept.
    pub(super) fn array_name(&mut self, name: &str) -> String {
        self.temporary += 1;
        let fresh = format!("\0{}", self.temporary);
        match self.locals.last_mut().and_then(|locals| locals.get_mut(name)) {
            Some(Local::Array(target)) => target.clone(),
            Some(local) => {
                *local = Local::Array(fresh.clone());
                fresh
            }
            None => name.to_owned(),
        }
    }

    /// An element; asking makes it.
    pub(super) fn element(&mut self, name: &str, key: &str) -> Value {
        let name = self.array_name(name);
        let array = self.arrays.entry(name).or_default();
        if let Some((_, value)) = array.elements.get(key) {
            return value.clone();
        }
        if array.elements.len() < ELEMENTS {
            array.next += 1;
            array.elements.insert(key.to_owned(), (array.next, Value::Unset));
        }
        Value::Unset
    }

    pub(super) fn set_element(&mut self, name: &str, key: String, value: Value) {
        let name = self.array_name(name);
        let array = self.arrays.entry(name).or_default();
        let room = array.elements.len() < ELEMENTS;
        match array.elements.get_mut(&key) {
            Some(element) => element.1 = value,
            None if room => {
                array.next += 1;
                array.elements.insert(key, (array.next, value));
            }
            None => {}
        }
    }

    pub(super) fn clear_array(&mut self, name: &str) {
        let name = self.array_name(name);
        self.arrays.entry(name).or_default().elements.clear();
    }

    pub(super) fn array_length(&mut self, name: &str) -> Option<usize> {
        let local = matches!(self.locals.last().and_then(|locals| locals.get(name)), Some(Local::Array(_)));
        if !local && !self.arrays.contains_key(name) {
            return None;
        }
        let name = self.array_name(name);
        self.arrays.get(&name).map(|array| array.elements.len())
    }

    pub(super) fn set_record(&mut self, record: String) {
        self.record = record;
        self.stale = false;
        self.fields = self.split(&self.record.clone(), &self.get("FS"));
        let count = self.fields.len() as f64;
        self.variables.insert("NF".to_owned(), Value::Number(count));
    }

    pub(super) fn set_field_count(&mut self, count: f64) {
        let count = (count.max(0.0) as usize).min(FIELDS);
        self.fields.resize(count, String::new());
        self.stale = true;
        self.variables.insert("NF".to_owned(), Value::Number(count as f64));
    }

    pub(super) fn whole(&mut self) -> String {
        if std::mem::take(&mut self.stale) {
            self.record = self.fields.join(&self.get("OFS").text("%.6g"));
        }
        self.record.clone()
    }

    pub(super) fn field(&mut self, index: f64) -> Value {
        if index == 0.0 {
            return Value::Input(self.whole());
        }
        match self.fields.get(index as usize - usize::from(index >= 1.0)) {
            Some(text) if index >= 1.0 => Value::Input(text.clone()),
            _ => Value::Unset,
        }
    }

    pub(super) fn set_field(&mut self, index: f64, text: String) {
        if index == 0.0 {
            return self.set_record(text);
        }
        let index = index as usize;
        if index > FIELDS {
            return;
        }
        if self.fields.len() < index {
            self.fields.resize(index, String::new());
            self.variables.insert("NF".to_owned(), Value::Number(index as f64));
        }
        self.fields[index - 1] = text;
        self.stale = true;
    }

    /// Splits by a separator: a blank means runs of blanks, one character itself, else an expression.
    pub(super) fn split(&mut self, text: &str, separator: &Value) -> Vec<String> {
        let separator = separator.text("%.6g");
        if text.is_empty() {
            return Vec::new();
        }
        if separator == " " {
            return text.split([' ', '\t', '\n']).filter(|it| !it.is_empty()).map(str::to_owned).collect();
        }
        if separator.is_empty() {
            return text.chars().map(String::from).collect();
        }
        if separator.chars().count() == 1 && separator != "\\" {
            return text.split(&separator).map(str::to_owned).collect();
        }
        let Some(regex) = self.regex(&separator) else { return vec![text.to_owned()] };
        let chars: Vec<char> = text.chars().collect();
        let (mut parts, mut at) = (Vec::new(), 0);
        for found in regex.find_all(&chars).into_iter().filter(|found| found.end > found.start) {
            parts.push(chars[at..found.start].iter().collect());
            at = found.end;
        }
        parts.push(chars[at..].iter().collect());
        parts
    }

    pub(super) fn regex(&mut self, pattern: &str) -> Option<Regex> {
        if let Some(regex) = self.regexes.get(pattern) {
            return Some(regex.clone());
        }
        let regex = Regex::new(pattern, Syntax::Extended, false).ok()?;
        if self.regexes.len() < 200 {
            self.regexes.insert(pattern.to_owned(), regex.clone());
        }
        Some(regex)
    }

    /// The pattern that an expression stands for: a regular expression itself, or its text.
    pub(super) async fn pattern(&mut self, expression: &Expression) -> Result<Regex, Exit> {
        let text = match expression {
            Expression::Regex(text) => text.to_string(),
            expression => self.value(expression).await?.text("%.6g"),
        };
        match self.regex(&text) {
            Some(regex) => Ok(regex),
            None => {
                self.sys.eprint(format!("awk: regular expression compile failed ({text})\n")).await;
                Err(Exit(2))
            }
        }
    }

    pub(super) async fn step(&mut self) {
        self.steps += 1;
        if self.steps >= STEPS {
            self.steps = 0;
            self.sys.yield_now().await;
        }
    }
}
