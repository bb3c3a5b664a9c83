//! Assignments: to a variable, to an element, to an array.
//!
//! Always: `set -x` shows one before it is made.
//! Source: bash(1), "PARAMETERS", "Arrays".

use super::expand::{Key, set_element};
use super::syntax::{Assignment, Value, Word};
use super::variables::Content;
use super::{Failure, Shell};
use std::collections::BTreeMap;

impl Shell {
    /// Makes an assignment; `name=(…)` makes an array.
    pub(super) async fn assign(&mut self, assignment: &Assignment) -> Result<(), Failure> {
        let name = &assignment.name;
        match (&assignment.value, &assignment.index) {
            (Value::Scalar(word), None) => {
                let text = self.expand_value(word).await?;
                self.trace_assignment(assignment, Some(&text)).await;
                self.assign_text(name, text, assignment.append).await
            }
            (Value::Scalar(word), Some(index)) => {
                let text = self.expand_value(word).await?;
                self.trace_assignment(assignment, Some(&text)).await;
                let index = self.expand_text(index).await?;
                if index.is_empty() {
                    let words = format!("{name}[]: bad array subscript");
                    return Err(self.complain(words).await);
                }
                self.assign_element(name, &index, text, assignment.append).await
            }
            (Value::Array(elements), _) => {
                let elements = self.expand_elements(elements).await?;
                self.trace_assignment(assignment, None).await;
                self.assign_array(name, elements, assignment.append).await
            }
        }
    }

    /// The elements of `(a b [5]=c)`.
    pub(super) async fn expand_elements(
        &mut self,
        elements: &[(Option<Word>, Word)],
    ) -> Result<Vec<(Option<String>, String)>, Failure> {
        let mut all = Vec::new();
        for (index, word) in elements {
            match index {
                Some(index) => {
                    let index = self.expand_text(index).await?;
                    all.push((Some(index), self.expand_value(word).await?));
                }
                None => all.extend(self.expand_word(word).await?.into_iter().map(|text| (None, text))),
            }
        }
        Ok(all)
    }

    pub(super) async fn assign_text(
        &mut self,
        name: &str,
        text: String,
        append: bool,
    ) -> Result<(), Failure> {
        if !append {
            return self.set_variable(name, text).await;
        }
        let variable = self.variables.get(name);
        let (integer, old) = variable
            .map_or((false, String::new()), |it| (it.integer, it.value().unwrap_or_default().to_owned()));
        let text = match integer {
            true => format!("({old:0>1})+({text})"),
            false => old + &text,
        };
        self.set_variable(name, text).await
    }

    pub(super) async fn assign_element(
        &mut self,
        name: &str,
        index: &str,
        text: String,
        append: bool,
    ) -> Result<(), Failure> {
        if self.variables.get(name).is_some_and(|variable| variable.readonly) {
            return self.set_variable(name, text).await;
        }
        let key = self.key(name, index).await?;
        let old = self.variables.get(name).and_then(|variable| super::expand::element(variable, &key));
        let text = match (append, self.variables.get(name).is_some_and(|variable| variable.integer)) {
            (_, true) => self.evaluate(&text).await?.to_string(),
            (true, _) => old.unwrap_or_default() + &text,
            _ => text,
        };
        set_element(self.variables.entry(name), key, text);
        Ok(())
    }

    pub(super) async fn assign_array(
        &mut self,
        name: &str,
        elements: Vec<(Option<String>, String)>,
        append: bool,
    ) -> Result<(), Failure> {
        if self.variables.get(name).is_some_and(|variable| variable.readonly) {
            return self.set_variable(name, String::new()).await;
        }
        let associative = matches!(
            self.variables.get(name).and_then(|it| it.content.as_ref()),
            Some(Content::Associative(_))
        );
        let variable = self.variables.entry(name);
        if !append {
            variable.content = Some(match associative {
                true => Content::Associative(BTreeMap::new()),
                false => Content::Indexed(BTreeMap::new()),
            });
        }
        if associative {
            return self.assign_pairs(name, elements).await;
        }
        let mut next = variable.indexed().keys().next_back().map_or(0, |last| last + 1);
        let integer = self.variables.get(name).is_some_and(|variable| variable.integer);
        for (index, text) in elements {
            if let Some(index) = index
                && let Key::Number(number) = self.key(name, &index).await?
            {
                next = number;
            }
            let text = if integer { self.evaluate(&text).await?.to_string() } else { text };
            set_element(self.variables.entry(name), Key::Number(next), text);
            next += 1;
        }
        Ok(())
    }

    /// `declare -A a=([k]=v)`, or keys and values in turn.
    async fn assign_pairs(
        &mut self,
        name: &str,
        elements: Vec<(Option<String>, String)>,
    ) -> Result<(), Failure> {
        let mut key: Option<String> = None;
        for (index, text) in elements {
            match (index, key.take()) {
                (Some(index), _) => set_element(self.variables.entry(name), Key::Text(index), text),
                (None, Some(known)) => set_element(self.variables.entry(name), Key::Text(known), text),
                (None, None) => key = Some(text),
            }
        }
        if let Some(key) = key {
            set_element(self.variables.entry(name), Key::Text(key), String::new());
        }
        Ok(())
    }
}
