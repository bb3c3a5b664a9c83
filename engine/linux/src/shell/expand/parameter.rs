//! `${…}`: what is done with a parameter's value.
//!
//! Source: bash(1), "Parameter Expansion".

use super::Fields;
use super::value::Value;
use crate::shell::pattern::{Pattern, PatternChar};
use crate::shell::quoting::{quote, quote_double};
use crate::shell::syntax::{Dialect, Index, Operation, Parameter, ReplacePlace, Word};
use crate::shell::variables::{Content, Variable};
use crate::shell::{Failure, Shell};

/// Characters looked at in all for one `${x//pattern/with}`; beyond it the rest stays as it is.
const SEARCH_STEPS: usize = 50_000_000;

impl Shell {
    /// False where it is an empty `"$@"`.
    pub(super) async fn expand_parameter(
        &mut self,
        parameter: &Parameter,
        quoted: bool,
        fields: &mut Fields,
    ) -> Result<bool, Failure> {
        let (name, index) = match parameter.indirect {
            true => self.follow(parameter).await?,
            false => (parameter.name.clone(), None),
        };
        if let Some(target) = name.strip_prefix('&') {
            fields.expansion(target, quoted);
            return Ok(true);
        }
        let index = index.as_ref().or(parameter.index.as_ref().filter(|_| !parameter.indirect));
        let value = self.value_of(&name, index).await?;
        match &parameter.operation {
            Operation::Default { unless_empty, word } if !is_there(&value, *unless_empty) => {
                return self.expand_operand(word, quoted, fields).await;
            }
            Operation::Alternative { unless_empty, word } => {
                return match is_there(&value, *unless_empty) {
                    true => self.expand_operand(word, quoted, fields).await,
                    false => Ok(!matches!(value, Value::List { .. })),
                };
            }
            Operation::Assign { unless_empty, word } if !is_there(&value, *unless_empty) => {
                let text = self.operand_text(word, quoted, fields.splits()).await?;
                self.assign_default(&name, index, text.clone()).await?;
                fields.expansion(&text, quoted);
                return Ok(true);
            }
            Operation::Error { unless_empty, word } if !is_there(&value, *unless_empty) => {
                let said = self.operand_text(word, quoted, false).await?;
                let said = match (said.is_empty(), unless_empty) {
                    (false, _) => said,
                    (true, true) => "parameter null or not set".to_owned(),
                    (true, false) => "parameter not set".to_owned(),
                };
                self.complain_line(format!("{name}: {said}")).await;
                return Err(self.fatal(127));
            }
            Operation::Default { .. } | Operation::Assign { .. } | Operation::Error { .. } => {}
            Operation::Names { .. } | Operation::Keys { .. } => {}
            _ if value == Value::Unset && self.options.nounset => {
                let special = !name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
                let shown = match index {
                    _ if special => format!("${name}"),
                    Some(Index::Of(word)) => format!("{name}[{}]", word.source),
                    _ => name,
                };
                let words = match self.dialect {
                    Dialect::Bash => format!("{shown}: unbound variable"),
                    Dialect::Dash => format!("{}: parameter not set", shown.trim_start_matches('$')),
                };
                self.complain_line(words).await;
                return Err(self.fatal(127));
            }
            _ => {}
        }
        let value = self.operate(parameter, &name, index, value).await?;
        Ok(self.put_value(value, quoted, fields))
    }

    /// `${!name}`: the parameter that the value names.
    async fn follow(&mut self, parameter: &Parameter) -> Result<(String, Option<Index>), Failure> {
        // Of a reference, what it refers to is its name.
        if let Some(variable) = self.variables.get_direct(&parameter.name)
            && variable.reference
            && let Some(target) = variable.value()
        {
            return Ok((format!("&{target}"), None));
        }
        let value = self.value_of(&parameter.name, parameter.index.as_ref()).await?;
        let target = match value {
            Value::Scalar(target) => target,
            Value::List { items, .. } => items.join(" "),
            Value::Unset => String::new(),
        };
        if target.is_empty() {
            let name = &parameter.name;
            return Err(self.complain(format!("{name}: invalid indirect expansion")).await);
        }
        let Some((name, rest)) = target.split_once('[') else { return Ok((target, None)) };
        let index = match rest.strip_suffix(']').unwrap_or(rest) {
            "@" => Index::All,
            "*" => Index::Joined,
            text => Index::Of(Word::text(text)),
        };
        Ok((name.to_owned(), Some(index)))
    }

    async fn expand_operand(
        &mut self,
        word: &Word,
        quoted: bool,
        fields: &mut Fields,
    ) -> Result<bool, Failure> {
        let before = fields.split_text;
        fields.split_text = fields.splits();
        let text = word.parts.first().and_then(|part| match part {
            crate::shell::syntax::Part::Text(text) if text.starts_with('~') && !quoted => Some(text.clone()),
            _ => None,
        });
        let result = match text {
            Some(text) => {
                let mut parts = self.tildes(&text, word.parts.len() == 1, false);
                parts.extend_from_slice(&word.parts[1..]);
                self.expand_parts(&parts, quoted, fields).await
            }
            None => self.expand_parts(&word.parts, quoted, fields).await,
        };
        fields.split_text = before;
        result.map(|something| something || !quoted)
    }

    async fn operand_text(&mut self, word: &Word, quoted: bool, _split: bool) -> Result<String, Failure> {
        let mut inner = Fields::whole();
        self.expand_parts(&word.parts, quoted, &mut inner).await?;
        Ok(inner.text())
    }

    async fn assign_default(
        &mut self,
        name: &str,
        index: Option<&Index>,
        text: String,
    ) -> Result<(), Failure> {
        let named = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        if !named {
            let shown =
                if name.starts_with(|c: char| c.is_ascii_digit()) { format!("${name}") } else { name.into() };
            return Err(self.complain(format!("{shown}: cannot assign in this way")).await);
        }
        match index {
            Some(Index::Of(word)) => {
                let key = self.subscript_key(name, word).await?;
                super::value::set_element(self.variables.entry(name), key, text);
                Ok(())
            }
            _ => self.set_variable(name, text).await,
        }
    }

    fn put_value(&mut self, value: Value, quoted: bool, fields: &mut Fields) -> bool {
        match value {
            Value::Unset => true,
            Value::Scalar(text) => {
                fields.expansion(&text, quoted);
                true
            }
            Value::List { items, joined: true } if quoted || !fields.splits() => {
                fields.expansion(&items.join(&self.joiner()), quoted);
                true
            }
            Value::List { items, .. } => {
                let something = !items.is_empty();
                for (index, item) in items.iter().enumerate() {
                    match (index, quoted, fields.splits()) {
                        (0, _, _) => {}
                        (_, true, true) => fields.break_field(),
                        (_, false, true) => fields.end_field(),
                        (_, _, false) => fields.expansion(" ", true),
                    }
                    fields.expansion(item, quoted);
                    if quoted {
                        fields.mark_quoted();
                    }
                }
                something
            }
        }
    }

    async fn operate(
        &mut self,
        parameter: &Parameter,
        name: &str,
        index: Option<&Index>,
        value: Value,
    ) -> Result<Value, Failure> {
        match &parameter.operation {
            Operation::Length => Ok(Value::Scalar(match value {
                Value::Unset => "0".to_owned(),
                Value::Scalar(text) => text.chars().count().to_string(),
                Value::List { items, .. } => items.len().to_string(),
            })),
            Operation::RemovePrefix { longest, pattern } => {
                let pattern = self.pattern(pattern).await?;
                Ok(each(value, |text| remove_prefix(text, &pattern, *longest)))
            }
            Operation::RemoveSuffix { longest, pattern } => {
                let pattern = self.pattern(pattern).await?;
                Ok(each(value, |text| remove_suffix(text, &pattern, *longest)))
            }
            Operation::Replace { place, pattern, with } => {
                let chars = self.expand_pattern(pattern).await?;
                let mut with = self.expand_pattern(with).await?;
                if !self.options.patsub_replacement {
                    with.iter_mut().for_each(|(_, quoted)| *quoted = true);
                }
                if chars.is_empty() && matches!(place, ReplacePlace::First | ReplacePlace::All) {
                    return Ok(value);
                }
                let pattern = Pattern::new(&chars, self.options.extglob);
                Ok(each(value, |text| replace(text, &pattern, *place, &with)))
            }
            Operation::Substring { offset, length } => {
                self.substring(value, name, offset, length.as_ref()).await
            }
            Operation::Case { upper, all, pattern } => {
                let pattern = match pattern {
                    Some(word) => Some(self.pattern(word).await?),
                    None => None,
                };
                Ok(each(value, |text| change_case(text, *upper, *all, pattern.as_ref())))
            }
            Operation::Transform(letter) => self.transform(*letter, name, index, value).await,
            Operation::Names { joined } => {
                let all = self.variables.all();
                let names = all.iter().filter(|(key, it)| key.starts_with(name) && it.content.is_some());
                Ok(Value::List { items: names.map(|(key, _)| (*key).clone()).collect(), joined: *joined })
            }
            Operation::Keys { joined } => {
                let items = self.variables.get(name).map_or_else(Vec::new, Variable::keys);
                Ok(Value::List { items, joined: *joined })
            }
            _ => Ok(value),
        }
    }

    async fn pattern(&mut self, word: &Word) -> Result<Pattern, Failure> {
        let chars = self.expand_pattern(word).await?;
        Ok(Pattern::new(&chars, self.options.extglob))
    }

    /// An offset or a length; what is wrong with it is said of the parameter.
    async fn offset_of(&mut self, name: &str, text: &str) -> Result<i64, Failure> {
        match crate::shell::arithmetic::evaluate(text, self) {
            Ok(value) => Ok(value),
            Err(words) => Err(self.complain(format!("{name}: {words}")).await),
        }
    }

    async fn substring(
        &mut self,
        value: Value,
        name: &str,
        offset: &Word,
        length: Option<&Word>,
    ) -> Result<Value, Failure> {
        let offset = self.expand_text(offset).await?;
        let offset = self.offset_of(name, &offset).await?;
        let length = match length {
            Some(word) => {
                let text = self.expand_text(word).await?;
                Some((self.offset_of(name, &text).await?, text))
            }
            None => None,
        };
        let (mut items, list): (Vec<String>, Option<bool>) = match value {
            Value::Unset => return Ok(Value::Unset),
            Value::Scalar(text) => (text.chars().map(String::from).collect(), None),
            Value::List { items, joined } => (items, Some(joined)),
        };
        if list.is_some() && matches!(name, "@" | "*") {
            items.insert(0, self.name.clone());
        }
        let count = items.len() as i64;
        let start = if offset < 0 { count.saturating_add(offset) } else { offset };
        let end = match &length {
            None => count,
            Some((length, text)) if *length < 0 => {
                let end = count.saturating_add(*length);
                if list.is_some() || end < start {
                    return Err(self.complain(format!("{text}: substring expression < 0")).await);
                }
                end
            }
            Some((length, _)) => start.saturating_add(*length).min(count),
        };
        let range = if start < 0 || start > count {
            0..0
        } else {
            start as usize..end.max(start).min(count) as usize
        };
        let taken = items.get(range).unwrap_or_default();
        Ok(match list {
            None => Value::Scalar(taken.concat()),
            Some(joined) => Value::List { items: taken.to_vec(), joined },
        })
    }

    async fn transform(
        &mut self,
        letter: char,
        name: &str,
        index: Option<&Index>,
        value: Value,
    ) -> Result<Value, Failure> {
        Ok(match letter {
            'U' => each(value, |text| text.to_uppercase()),
            'L' => each(value, |text| text.to_lowercase()),
            'u' => each(value, |text| change_case(text, Some(true), false, None)),
            'Q' => each(value, quote),
            'E' => {
                each(value, |text| crate::shell::escape::expand(text, crate::shell::escape::Style::Ansi).0)
            }
            'P' => {
                let mut done = Vec::new();
                let (items, joined) = match value {
                    Value::Unset => return Ok(Value::Unset),
                    Value::Scalar(text) => (vec![text], None),
                    Value::List { items, joined } => (items, Some(joined)),
                };
                for item in items {
                    done.push(self.decode_prompt(&item).await);
                }
                match joined {
                    None => Value::Scalar(done.concat()),
                    Some(joined) => Value::List { items: done, joined },
                }
            }
            'a' => match self.variables.get(name) {
                Some(variable) => Value::Scalar(variable.flags()),
                None => Value::Unset,
            },
            'A' => match (self.variables.get(name), index) {
                (Some(Variable { content: Some(Content::Scalar(text)), .. }), _)
                    if self.variables.get(name).is_some_and(|it| it.flags().is_empty()) =>
                {
                    Value::Scalar(format!("{name}={}", quote(text)))
                }
                (Some(variable), _) => {
                    Value::Scalar(crate::shell::builtin::declaration(name, variable, true))
                }
                (None, _) => Value::Unset,
            },
            _ => match self.variables.get(name).filter(|_| matches!(index, Some(Index::All | Index::Joined)))
            {
                Some(variable) => {
                    let pairs = variable.keys().into_iter().zip(variable.values());
                    let pairs: Vec<String> =
                        pairs.map(|(key, value)| format!("{key} {}", quote_double(&value))).collect();
                    Value::Scalar(pairs.join(" "))
                }
                None => each(value, quote),
            },
        })
    }
}

fn is_there(value: &Value, unless_empty: bool) -> bool {
    match value {
        Value::Unset => false,
        Value::Scalar(text) => !(unless_empty && text.is_empty()),
        Value::List { items, .. } => match items.as_slice() {
            [] => false,
            [one] => !(unless_empty && one.is_empty()),
            _ => true,
        },
    }
}

fn each(value: Value, change: impl Fn(&str) -> String) -> Value {
    match value {
        Value::Unset => Value::Unset,
        Value::Scalar(text) => Value::Scalar(change(&text)),
        Value::List { items, joined } => {
            Value::List { items: items.iter().map(|item| change(item)).collect(), joined }
        }
    }
}

fn remove_prefix(text: &str, pattern: &Pattern, longest: bool) -> String {
    let chars: Vec<char> = text.chars().collect();
    let cut = pattern.prefix(&chars, longest).unwrap_or(0);
    chars[cut..].iter().collect()
}

fn remove_suffix(text: &str, pattern: &Pattern, longest: bool) -> String {
    let chars: Vec<char> = text.chars().collect();
    let cut = pattern.suffix(&chars, longest).unwrap_or(0);
    chars[..chars.len() - cut].iter().collect()
}

/// The replacement of one match: an unquoted `&` is what matched.
fn put_replacement(with: &[PatternChar], matched: &[char], into: &mut Vec<char>) {
    for (c, quoted) in with {
        match c {
            '&' if !quoted => into.extend(matched),
            c => into.push(*c),
        }
    }
}

fn replace(text: &str, pattern: &Pattern, place: ReplacePlace, with: &[PatternChar]) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut done = Vec::new();
    match place {
        ReplacePlace::Start => {
            let Some(length) = pattern.prefix(&chars, true) else { return text.to_owned() };
            put_replacement(with, &chars[..length], &mut done);
            done.extend(&chars[length..]);
        }
        ReplacePlace::End => {
            let Some(length) = pattern.suffix(&chars, true) else { return text.to_owned() };
            let start = chars.len() - length;
            done.extend(&chars[..start]);
            put_replacement(with, &chars[start..], &mut done);
        }
        ReplacePlace::First | ReplacePlace::All => {
            let (mut at, mut steps) = (0, 0);
            while at < chars.len() && steps < SEARCH_STEPS {
                steps += chars.len() - at;
                match pattern.prefix(&chars[at..], true).filter(|length| *length > 0) {
                    Some(length) => {
                        put_replacement(with, &chars[at..at + length], &mut done);
                        at += length;
                        if place == ReplacePlace::First {
                            break;
                        }
                    }
                    None => {
                        done.push(chars[at]);
                        at += 1;
                    }
                }
            }
            done.extend(&chars[at..]);
        }
    }
    done.into_iter().collect()
}

fn change_case(text: &str, upper: Option<bool>, all: bool, pattern: Option<&Pattern>) -> String {
    let change = |c: char| {
        let chosen = pattern.is_none_or(|pattern| pattern.matches(&c.to_string()));
        match (chosen, upper.unwrap_or(c.is_lowercase())) {
            (false, _) => c.to_string(),
            (true, true) => c.to_uppercase().to_string(),
            (true, false) => c.to_lowercase().to_string(),
        }
    };
    let mut chars = text.chars();
    match all {
        true => chars.map(change).collect(),
        false => chars.next().map(change).unwrap_or_default() + chars.as_str(),
    }
}
