//! Changes of headers that a configuration asks for, on requests and responses.

use crate::access_log::{Format, Subject};
use crate::config::core::{HeaderAppendAction, HeaderValueOption};
use crate::http::HeaderMap;

#[derive(Clone, Debug)]
struct Addition {
    name: String,
    value: Format,
    action: HeaderAppendAction,
    keeps_empty: bool,
}

/// What is removed first, and added then.
#[derive(Clone, Debug, Default)]
pub struct Mutations {
    remove: Vec<String>,
    add: Vec<Addition>,
}

/// Requests call it `:authority`.
fn field_name(name: &str) -> String {
    let name = name.to_ascii_lowercase();
    if name == "host" { ":authority".to_owned() } else { name }
}

impl Mutations {
    /// Compiles lists of a configuration.
    pub fn new(add: &[HeaderValueOption], remove: &[String]) -> Result<Mutations, String> {
        let addition = |it: &HeaderValueOption| {
            let name = field_name(&it.header.key);
            let action = match it.append {
                Some(false) => HeaderAppendAction::OverwriteIfExistsOrAdd,
                _ => it.append_action,
            };
            Ok(Addition {
                name,
                value: Format::omitting(&it.header.value)?,
                action,
                keeps_empty: it.keep_empty_value,
            })
        };
        for name in remove {
            if name.starts_with(':') || name.eq_ignore_ascii_case("host") {
                return Err(format!(":-prefixed or host headers may not be removed: {name}"));
            }
        }
        Ok(Mutations {
            remove: remove.iter().map(|it| it.to_ascii_lowercase()).collect(),
            add: add.iter().map(addition).collect::<Result<_, String>>()?,
        })
    }

    /// Whether there is nothing to change.
    pub fn is_empty(&self) -> bool {
        self.remove.is_empty() && self.add.is_empty()
    }

    /// The values, as they are about a subject.
    pub fn evaluate(&self, subject: &Subject<'_>) -> Vec<Vec<u8>> {
        let value = |it: &Addition| {
            let mut out = Vec::new();
            it.value.write(subject, &mut out);
            out
        };
        self.add.iter().map(value).collect()
    }

    /// Removes and adds; `values` are those of `evaluate`.
    pub fn apply(&self, values: &[Vec<u8>], headers: &mut HeaderMap) {
        for name in &self.remove {
            headers.remove(name);
        }
        for (it, value) in self.add.iter().zip(values) {
            if value.is_empty() && !it.keeps_empty {
                continue;
            }
            let is_there = headers.contains(&it.name);
            match it.action {
                HeaderAppendAction::AppendIfExistsOrAdd => headers.append(&it.name, value),
                HeaderAppendAction::AddIfAbsent if !is_there => headers.append(&it.name, value),
                HeaderAppendAction::OverwriteIfExistsOrAdd => headers.set(&it.name, value),
                HeaderAppendAction::OverwriteIfExists if is_there => headers.set(&it.name, value),
                HeaderAppendAction::AddIfAbsent | HeaderAppendAction::OverwriteIfExists => {}
            }
        }
    }
}
