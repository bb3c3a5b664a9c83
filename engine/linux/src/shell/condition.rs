//! `[[ … ]]`: conditions, their patterns and regular expressions.
//!
//! Source: bash(1), "CONDITIONAL EXPRESSIONS".

use super::pattern::Pattern;
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
                Condition::Word(word) => Ok(!self.expand_text(word).await?.is_empty()),
                Condition::Not(inner) => Ok(!self.condition(inner).await?),
                Condition::And(a, b) => Ok(self.condition(a).await? && self.condition(b).await?),
                Condition::Or(a, b) => Ok(self.condition(a).await? || self.condition(b).await?),
                Condition::Unary(operator, word) => self.unary(operator, word).await,
                Condition::Binary(left, operator, right) => self.binary(left, operator, right).await,
            }
        })
    }

    async fn unary(&mut self, operator: &str, word: &Word) -> Result<bool, Failure> {
        let text = self.expand_text(word).await?;
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
        match operator {
            "=" | "==" | "!=" => {
                let chars = self.expand_pattern(right).await?;
                let pattern = Pattern::new(&chars, true).ignoring_case(self.options.nocasematch);
                Ok(pattern.matches(&left) == (operator != "!="))
            }
            "=~" => self.matches_regex(&left, right).await,
            "<" => Ok(left < self.expand_text(right).await?),
            ">" => Ok(left > self.expand_text(right).await?),
            "-nt" | "-ot" | "-ef" => {
                let right = self.expand_text(right).await?;
                Ok(test::compare_files(&self.sys, &left, operator, &right).await)
            }
            _ => {
                let right = self.expand_text(right).await?;
                let (left, right) = (self.number(&left).await?, self.number(&right).await?);
                Ok(test::compare(left, operator, right))
            }
        }
    }

    async fn number(&mut self, text: &str) -> Result<i64, Failure> {
        match super::arithmetic::evaluate(text, self) {
            Ok(value) => Ok(value),
            Err(words) => Err(self.complain(format!("[[: {words}")).await),
        }
    }

    /// Quoted parts of the expression stand for themselves; the groups go into `BASH_REMATCH`.
    async fn matches_regex(&mut self, text: &str, right: &Word) -> Result<bool, Failure> {
        let mut pattern = String::new();
        for (c, quoted) in self.expand_pattern(right).await? {
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
