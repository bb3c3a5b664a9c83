//! What a parameter's name stands for before anything is done with it: variables, positional and special ones.
//!
//! Source: bash(1), "PARAMETERS", "Shell Variables".

use crate::shell::arithmetic::{self, Scope};
use crate::shell::syntax::{Dialect, Index, Word};
use crate::shell::variables::{Content, ELEMENTS, Variable};
use crate::shell::{Failure, Shell};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::shell) enum Value {
    Unset,
    Scalar(String),
    /// `$@`, `${a[@]}`; joined: `$*`, `${a[*]}`.
    List {
        items: Vec<String>,
        joined: bool,
    },
}

impl Shell {
    pub(in crate::shell) async fn value_of(
        &mut self,
        name: &str,
        index: Option<&Index>,
    ) -> Result<Value, Failure> {
        let list = |items: Vec<String>, joined: bool| Value::List { items, joined };
        match name {
            "@" => return Ok(list(self.positional.clone(), false)),
            "*" => return Ok(list(self.positional.clone(), true)),
            _ => {}
        }
        let Some(index) = index else {
            return Ok(self.scalar(name).map_or(Value::Unset, Value::Scalar));
        };
        self.refresh(name);
        match index {
            Index::All | Index::Joined => {
                let items = self.variables.get(name).map_or_else(Vec::new, Variable::values);
                Ok(list(items, matches!(index, Index::Joined)))
            }
            Index::Of(word) => {
                let element = self.element(name, word).await?;
                Ok(element.map_or(Value::Unset, Value::Scalar))
            }
        }
    }

    async fn element(&mut self, name: &str, index: &Word) -> Result<Option<String>, Failure> {
        let key = self.subscript_key(name, index).await?;
        Ok(self.variables.get(name).and_then(|variable| element(variable, &key)))
    }

    /// A subscript as the array takes it: text for an associative one, else the number that it comes to.
    pub(in crate::shell) async fn subscript_key(&mut self, name: &str, index: &Word) -> Result<Key, Failure> {
        let text = self.expand_text(index).await?;
        self.key(name, &text).await
    }

    pub(in crate::shell) async fn key(&mut self, name: &str, text: &str) -> Result<Key, Failure> {
        if matches!(
            self.variables.get(name).and_then(|it| it.content.as_ref()),
            Some(Content::Associative(_))
        ) {
            return Ok(Key::Text(text.to_owned()));
        }
        let number = self.evaluate(text).await?;
        match self.from_end(name, number) {
            Some(index) => Ok(Key::Number(index)),
            None => Err(self.complain(format!("{name}[{text}]: bad array subscript")).await),
        }
    }

    /// A negative index counts from the end.
    fn from_end(&self, name: &str, number: i64) -> Option<u64> {
        if let Ok(index) = u64::try_from(number) {
            return Some(index);
        }
        let last = match self.variables.get(name)?.content.as_ref()? {
            Content::Indexed(elements) => *elements.keys().next_back()?,
            _ => 0,
        };
        (last + 1).checked_sub(number.unsigned_abs())
    }

    /// Variables that change by themselves.
    fn dynamic(&mut self, name: &str) -> Option<String> {
        if let Some(elements) = self.kept_array(name) {
            return elements.into_iter().next();
        }
        Some(match name {
            "_" => self.last_argument.clone(),
            "BASH_COMMAND" => self.command_text.clone(),
            "BASHOPTS" => self.options.shopt_on().join(":"),
            "SHELLOPTS" => self.options.set_on().join(":"),
            "DIRSTACK" => self.sys_directory(),
            "RANDOM" => self.random.next().to_string(),
            "SRANDOM" => self.random.next_u32().to_string(),
            "LINENO" => self.line.to_string(),
            "SECONDS" => {
                let passed = self.clock.since(self.started).as_secs() as i64;
                self.seconds.saturating_add(passed).to_string()
            }
            "EPOCHSECONDS" => self.realtime.as_secs().to_string(),
            "EPOCHREALTIME" => format!("{}.{:06}", self.realtime.as_secs(), self.realtime.subsec_micros()),
            "BASHPID" => self.own_pid.to_string(),
            "BASH_SUBSHELL" => self.subshell.to_string(),
            _ => return None,
        })
    }

    /// A parameter as one text; of an array, element 0.
    pub(in crate::shell) fn scalar(&mut self, name: &str) -> Option<String> {
        match name {
            "?" => return Some(self.status.to_string()),
            "#" => return Some(self.positional.len().to_string()),
            "$" => return Some(self.pid.to_string()),
            "!" => return self.last_background.map(|pid| pid.to_string()),
            "-" => return Some(self.option_letters()),
            "0" => return Some(self.name.clone()),
            "@" => return Some(self.positional.join(" ")),
            "*" => return Some(self.positional.join(&self.joiner())),
            _ => {}
        }
        if let Ok(number) = name.parse::<usize>() {
            return self.positional.get(number.checked_sub(1)?).cloned();
        }
        if let Some(value) = self.dynamic(name) {
            return Some(value);
        }
        self.variables.get(name).and_then(Variable::value).map(str::to_owned)
    }

    /// What joins `"$*"`: the first character of `IFS`.
    pub(in crate::shell) fn joiner(&self) -> String {
        match self.variables.get("IFS").and_then(Variable::value) {
            Some(separators) => separators.chars().take(1).collect(),
            None => " ".to_owned(),
        }
    }

    /// Evaluates arithmetic; an error is printed.
    pub(in crate::shell) async fn evaluate(&mut self, text: &str) -> Result<i64, Failure> {
        match arithmetic::evaluate(text, self) {
            Ok(value) => Ok(value),
            Err(words) if words.ends_with("unbound variable") => {
                self.complain_line(words).await;
                Err(self.fatal(127))
            }
            Err(words) if self.dialect == Dialect::Dash => {
                let fault =
                    if words.contains("division by 0") { "division by zero" } else { "expecting primary" };
                let words = format!("arithmetic expression: {fault}: \"{}\"", text.trim());
                Err(self.complain(words).await)
            }
            Err(words) => Err(self.complain(words).await),
        }
    }

    fn sys_directory(&self) -> String {
        self.variables.get("PWD").and_then(Variable::value).unwrap_or_default().to_owned()
    }
}

/// A place in an array.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::shell) enum Key {
    Number(u64),
    Text(String),
}

pub(in crate::shell) fn element(variable: &Variable, key: &Key) -> Option<String> {
    match (variable.content.as_ref()?, key) {
        (Content::Indexed(elements), Key::Number(index)) => elements.get(index).cloned(),
        (Content::Associative(elements), Key::Text(key)) => elements.get(key).cloned(),
        (Content::Scalar(text), Key::Number(0)) => Some(text.clone()),
        _ => None,
    }
}

pub(in crate::shell) fn set_element(variable: &mut Variable, key: Key, text: String) {
    let text = variable.fold(text);
    match (&mut variable.content, key) {
        (Some(Content::Associative(elements)), Key::Text(key)) => {
            if elements.len() < ELEMENTS || elements.contains_key(&key) {
                elements.insert(key, text);
            }
        }
        (_, Key::Number(index)) => {
            let elements = variable.indexed();
            if elements.len() < ELEMENTS || elements.contains_key(&index) {
                elements.insert(index, text);
            }
        }
        (_, Key::Text(_)) => {}
    }
}

impl Scope for Shell {
    fn value(&mut self, name: &str, index: Option<&str>) -> Result<Option<String>, String> {
        let value = match index {
            None => self.scalar(name),
            Some(index) => {
                let key = self.arithmetic_key(name, index)?;
                self.variables.get(name).and_then(|variable| element(variable, &key))
            }
        };
        if value.is_none() && self.options.nounset {
            return Err(format!("{name}: unbound variable"));
        }
        Ok(value)
    }

    fn assign(&mut self, name: &str, index: Option<&str>, value: i64) -> Result<(), String> {
        if self.variables.get(name).is_some_and(|variable| variable.readonly) {
            return Err(format!("{name}: readonly variable"));
        }
        match index {
            None => {
                self.variables.entry(name).set(value.to_string());
                self.environment_changed |= self.variables.get(name).is_some_and(|it| it.exported);
            }
            Some(index) => {
                let key = self.arithmetic_key(name, index)?;
                set_element(self.variables.entry(name), key, value.to_string());
            }
        }
        Ok(())
    }
}

impl Shell {
    fn arithmetic_key(&mut self, name: &str, index: &str) -> Result<Key, String> {
        if matches!(
            self.variables.get(name).and_then(|it| it.content.as_ref()),
            Some(Content::Associative(_))
        ) {
            return Ok(Key::Text(index.to_owned()));
        }
        self.nesting += 1;
        let number = match self.nesting < 60 {
            true => arithmetic::evaluate(index, self),
            false => Err("expression recursion level exceeded".to_owned()),
        };
        self.nesting -= 1;
        self.from_end(name, number?)
            .map(Key::Number)
            .ok_or_else(|| format!("{name}[{index}]: bad array subscript"))
    }
}
