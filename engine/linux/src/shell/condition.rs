//! `[[ … ]]`: conditions, their patterns and regular expressions.
//!
//! Source: bash(1), "CONDITIONAL EXPRESSIONS".

use super::pattern::{Pattern, PatternChar};
use super::syntax::{Condition, Word};
use super::variables::{Content, Variable};
use super::{Failure, Running, Shell};
use crate::cmd::test;
use crate::regex::{Regex, Syntax};
use std::collections::BTreeMap;

impl Shell {
    pub(super) fn condition<'a>(
        &'a mut self,
        condition: &'a Condition,
    ) -> Running<'a, Result<bool, Failure>> {
        Box::pin(async move {
            match condition {
                Condition::Word(word) => {
                    let text = self.expand_text(word).await?;
                    self.trace_condition(&format!("-n {}", shown(&text))).await;
                    Ok(!text.is_empty())
                }
                Condition::Group(inner) => self.condition(inner).await,
                Condition::Not(inner) => {
                    self.negated_condition = true;
                    let holds = self.condition(inner).await;
                    self.negated_condition = false;
                    Ok(!holds?)
                }
                Condition::And(a, b) => Ok(self.condition(a).await? && self.condition(b).await?),
                Condition::Or(a, b) => Ok(self.condition(a).await? || self.condition(b).await?),
                Condition::Unary(operator, word) => self.unary(operator, word).await,
                Condition::Binary(left, operator, right) => self.binary(left, operator, right).await,
            }
        })
    }

    async fn trace_condition(&mut self, text: &str) {
        let sign = if std::mem::take(&mut self.negated_condition) { "! " } else { "" };
        self.trace_plain(&format!("[[ {sign}{text} ]]")).await;
    }

    async fn unary(&mut self, operator: &str, word: &Word) -> Result<bool, Failure> {
        let text = self.expand_text(word).await?;
        self.trace_condition(&format!("{operator} {}", shown(&text))).await;
        Ok(match operator {
            "-z" => text.is_empty(),
            "-n" => !text.is_empty(),
            "-v" => self.is_set(&text).await,
            "-o" => self.options.by_name(&text).is_some_and(|on| *on),
            "-R" => self.variables.get_direct(&text).is_some_and(|variable| variable.reference),
            operator => test::file(&self.sys, operator, &text).await,
        })
    }

    pub(super) async fn is_set(&mut self, name: &str) -> bool {
        let Some((array, index)) = name.strip_suffix(']').and_then(|it| it.split_once('[')) else {
            return self.scalar(name).is_some();
        };
        if let "@" | "*" = index {
            return self.variables.get(array).is_some_and(|variable| !variable.values().is_empty());
        }
        let Ok(key) = self.key(array, index).await else { return false };
        self.variables.get(array).is_some_and(|variable| super::expand::element(variable, &key).is_some())
    }

    async fn binary(&mut self, left: &Word, operator: &str, right: &Word) -> Result<bool, Failure> {
        let left = self.expand_text(left).await?;
        if let "=" | "==" | "!=" | "=~" = operator {
            let chars = self.expand_pattern(right).await?;
            let right: String = chars
                .iter()
                .flat_map(|(c, quoted)| quoted.then_some('\\').into_iter().chain(std::iter::once(*c)))
                .collect();
            self.trace_condition(&format!("{} {operator} {}", shown(&left), shown(&right))).await;
            if operator == "=~" {
                return self.matches_regex(&left, chars);
            }
            let pattern = Pattern::new(&chars, true).ignoring_case(self.options.nocasematch);
            return Ok(pattern.matches(&left) == (operator != "!="));
        }
        let right = self.expand_text(right).await?;
        self.trace_condition(&format!("{} {operator} {}", shown(&left), shown(&right))).await;
        match operator {
            "<" => Ok(left < right),
            ">" => Ok(left > right),
            "-nt" | "-ot" | "-ef" => Ok(test::compare_files(&self.sys, &left, operator, &right).await),
            _ => match (self.number(&left).await, self.number(&right).await) {
                (Some(left), Some(right)) => Ok(test::compare(left, operator, right)),
                _ => Ok(false),
            },
        }
    }

    /// `None` where it means nothing: the condition does not hold then.
    async fn number(&mut self, text: &str) -> Option<i64> {
        match super::arithmetic::evaluate(text, self) {
            Ok(value) => Some(value),
            Err(words) => {
                self.complain_line(format!("[[: {words}")).await;
                None
            }
        }
    }

    /// Quoted parts of the expression stand for themselves; the groups go into `BASH_REMATCH`.
    fn matches_regex(&mut self, text: &str, right: Vec<PatternChar>) -> Result<bool, Failure> {
        let mut pattern = String::new();
        for (c, quoted) in right {
            if quoted && ".[]*^$\\+?{}|()".contains(c) {
                pattern.push('\\');
            }
            pattern.push(c);
        }
        let Ok(regex) = Regex::new(&pattern, Syntax::Extended, self.options.nocasematch) else {
            self.status = 2;
            return Ok(false);
        };
        let chars: Vec<char> = text.chars().collect();
        let found = regex.find_at(&chars, 0);
        let mut groups = BTreeMap::new();
        if let Some(found) = &found {
            let all = std::iter::once(Some((found.start, found.end))).chain(found.groups.iter().copied());
            for (index, range) in all.enumerate() {
                let text: String =
                    range.map(|(start, end)| chars[start..end].iter().collect()).unwrap_or_default();
                groups.insert(index as u64, text);
            }
        }
        *self.variables.global("BASH_REMATCH") =
            Variable { content: Some(Content::Indexed(groups)), ..Variable::default() };
        Ok(found.is_some())
    }
}

/// A word as `set -x` shows it in a condition.
fn shown(text: &str) -> &str {
    if text.is_empty() { "''" } else { text }
}
