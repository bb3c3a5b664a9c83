//! Expansion: from the words of a script to the fields that a command gets.
//!
//! In bash's order: braces, then tilde, parameters, `$(…)` and arithmetic from left to right, then splitting at
//! `IFS`, then pathnames; quotes go last.
//! Always: what was quoted is neither split nor a pattern.
//! Source: bash(1), "EXPANSION".

mod brace;
mod field;
mod parameter;
mod pathname;
mod substitution;
mod value;

pub(super) use field::{Field, Fields};
pub(super) use value::{Key, element, set_element};

use super::pattern::PatternChar;
use super::syntax::{Dialect, Part, Word};
use super::{Failure, Shell};
use std::future::Future;
use std::pin::Pin;

type Expanded<'a, T> = Pin<Box<dyn Future<Output = Result<T, Failure>> + 'a>>;

/// Expansions inside one another (`${a:-${b:-…}}`); the parser bounds what is written, this what is computed.
const NESTING: usize = 60;

impl Shell {
    /// Everything: one word may become none, one or many.
    pub(super) async fn expand_word(&mut self, word: &Word) -> Result<Vec<String>, Failure> {
        let mut words = Vec::new();
        for word in self.braces(word) {
            let mut fields = Fields::splitting(self.separators());
            self.tilde_parts(&word, false, &mut fields).await?;
            for field in fields.finish() {
                self.pathnames(field, &mut words).await?;
            }
        }
        Ok(words)
    }

    pub(super) async fn expand_words(&mut self, words: &[Word]) -> Result<Vec<String>, Failure> {
        let mut all = Vec::new();
        for word in words {
            all.extend(self.expand_word(word).await?);
        }
        Ok(all)
    }

    /// One text, neither split nor a pathname: a value, a subject of `case`, a here-string.
    pub(super) async fn expand_text(&mut self, word: &Word) -> Result<String, Failure> {
        let mut fields = Fields::whole();
        self.tilde_parts(word, false, &mut fields).await?;
        Ok(fields.text())
    }

    /// The same for the right side of an assignment, where `~` counts after each `:` too.
    pub(super) async fn expand_value(&mut self, word: &Word) -> Result<String, Failure> {
        let mut fields = Fields::whole();
        self.tilde_parts(word, true, &mut fields).await?;
        Ok(fields.text())
    }

    /// A pattern: its characters, and which of them were quoted.
    pub(super) async fn expand_pattern(&mut self, word: &Word) -> Result<Vec<PatternChar>, Failure> {
        let mut fields = Fields::whole();
        self.tilde_parts(word, false, &mut fields).await?;
        Ok(fields.chars())
    }

    fn separators(&self) -> String {
        match self.variables.get("IFS").and_then(|variable| variable.value()) {
            Some(separators) => separators.to_owned(),
            None => " \t\n".to_owned(),
        }
    }

    async fn tilde_parts(&mut self, word: &Word, assigned: bool, fields: &mut Fields) -> Result<(), Failure> {
        match word.parts.as_slice() {
            [Part::Text(first), rest @ ..] if first.contains('~') => {
                let mut parts = self.tildes(first, rest.is_empty(), assigned);
                parts.extend_from_slice(rest);
                self.expand_parts(&parts, false, fields).await?;
            }
            parts => drop(self.expand_parts(parts, false, fields).await?),
        }
        Ok(())
    }

    /// Replaces `~` and `~user` at the start (and after `:` in an assignment).
    fn tildes(&self, text: &str, alone: bool, assigned: bool) -> Vec<Part> {
        let mut parts = Vec::new();
        let pieces: Vec<&str> = if assigned { text.split(':').collect() } else { vec![text] };
        let count = pieces.len();
        for (index, piece) in pieces.into_iter().enumerate() {
            if index > 0 {
                parts.push(Part::Text(":".to_owned()));
            }
            let end = piece.find('/').unwrap_or(piece.len());
            let whole = end < piece.len() || alone || index + 1 < count;
            match piece.strip_prefix('~').filter(|_| whole).and_then(|_| self.home_of(&piece[1..end])) {
                Some(home) => {
                    parts.push(Part::Quoted(home));
                    parts.push(Part::Text(piece[end..].to_owned()));
                }
                None => parts.push(Part::Text(piece.to_owned())),
            }
        }
        parts
    }

    fn home_of(&self, user: &str) -> Option<String> {
        let variable = |name: &str| self.variables.get(name).and_then(|it| it.value()).map(str::to_owned);
        match user {
            "" => Some(variable("HOME").unwrap_or_else(|| "/root".to_owned())),
            "+" => variable("PWD"),
            "-" => variable("OLDPWD"),
            "root" => Some("/root".to_owned()),
            _ => None,
        }
    }

    /// Expands parts into `fields`. False where they are but an empty `"$@"`, which leaves nothing, not even a field.
    pub(super) fn expand_parts<'a>(
        &'a mut self,
        parts: &'a [Part],
        quoted: bool,
        fields: &'a mut Fields,
    ) -> Expanded<'a, bool> {
        Box::pin(async move {
            self.nesting += 1;
            if self.nesting > NESTING {
                self.nesting -= 1;
                return Err(self.complain("expansions nested too deeply").await);
            }
            let mut something = parts.is_empty();
            for part in parts {
                match self.expand_part(part, quoted, fields).await {
                    Ok(more) => something |= more,
                    Err(failure) => {
                        self.nesting -= 1;
                        return Err(failure);
                    }
                }
            }
            self.nesting -= 1;
            Ok(something)
        })
    }

    async fn expand_part(&mut self, part: &Part, quoted: bool, fields: &mut Fields) -> Result<bool, Failure> {
        match part {
            Part::Text(text) => fields.text_part(text, quoted),
            Part::Quoted(text) => fields.push(text, true),
            Part::Double(parts) => {
                let something = self.expand_parts(parts, true, fields).await?;
                if something {
                    fields.mark_quoted();
                }
                return Ok(something);
            }
            Part::Parameter(parameter) => return self.expand_parameter(parameter, quoted, fields).await,
            Part::Substitution(list) => {
                let text = self.substitute(list.clone()).await?;
                fields.expansion(&text, quoted);
            }
            Part::Backquoted(text) => {
                let text = self.substitute_text(text).await?;
                fields.expansion(&text, quoted);
            }
            Part::Arithmetic(word) => {
                let text = self.expand_text(word).await?;
                let value = self.evaluate(&text).await?;
                fields.expansion(&value.to_string(), quoted);
            }
            Part::Process { reading, list } => {
                let path = self.process_substitution(*reading, list.clone()).await?;
                fields.push(&path, true);
            }
            Part::Bad(text) => {
                let words = match self.dialect {
                    Dialect::Bash => format!("{text}: bad substitution"),
                    Dialect::Dash => "Bad substitution".to_owned(),
                };
                return Err(self.complain(words).await);
            }
        }
        Ok(true)
    }
}
