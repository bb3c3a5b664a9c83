//! Hides what chance decides: MAC addresses, times, ports, ids.
//!
//! Rules apply in the order of their file, each to what the one before left. A `#` in a replacement is a number for a
//! value, counted from 1 by first appearance in the recording, so that equal values stay recognisably equal.
//! Always: both sides go through the same rules; a rule forgives nothing but the text that it names.
//! Source: the head of `normalisers.toml`; `record.py` (`Normaliser`).

use regex::Regex;
use std::collections::{BTreeMap, BTreeSet};

/// All rules of a `normalisers.toml`.
#[derive(Debug)]
pub struct Rules(Vec<Rule>);

#[derive(Debug)]
struct Rule {
    name: String,
    group: Option<String>,
    pattern: Regex,
    replace: String,
    /// A value that one of these matches at its start stays.
    keep: Vec<Regex>,
    /// Whose numbers it shares.
    key: String,
    drop: bool,
}

impl Rules {
    pub fn parse(text: &str) -> Result<Rules, String> {
        let table: toml::Table = text.parse().map_err(|error| format!("{error}"))?;
        let rules = table.get("normaliser").and_then(toml::Value::as_array).ok_or("no [[normaliser]]")?;
        rules.iter().map(Rule::read).collect::<Result<_, _>>().map(Rules)
    }

    fn knows(&self, name: &str) -> bool {
        self.0.iter().any(|rule| rule.name == name || rule.group.as_deref() == Some(name))
    }
}

impl Rule {
    fn read(table: &toml::Value) -> Result<Rule, String> {
        let text = |key: &str| table.get(key).and_then(toml::Value::as_str).map(str::to_owned);
        let name = text("name").ok_or("a normaliser without a name")?;
        let need = |key: &str| text(key).ok_or(format!("{name}: no {key}"));
        let regex = |pattern: &str| Regex::new(pattern).map_err(|error| format!("{name}: {error}"));
        let keep = table.get("keep").and_then(toml::Value::as_array).into_iter().flatten();
        let keep = keep.filter_map(toml::Value::as_str).map(|it| regex(&format!("^(?:{it})")));
        Ok(Rule {
            group: text("group"),
            pattern: regex(&need("pattern")?)?,
            replace: text("replace").unwrap_or_default(),
            keep: keep.collect::<Result<_, _>>()?,
            key: text("key").unwrap_or(name.clone()),
            drop: table.get("drop").and_then(toml::Value::as_bool).unwrap_or(false),
            name,
        })
    }

    /// `number` gives what stands for a value.
    fn apply(&self, text: &str, number: &mut dyn FnMut(&str, &str) -> String) -> String {
        let (mut out, mut end) = (String::new(), 0);
        let group = usize::from(self.pattern.captures_len() > 1);
        for captures in self.pattern.captures_iter(text) {
            let Some(value) = captures.get(group) else { continue };
            if self.keep.iter().any(|keep| keep.is_match(value.as_str())) {
                continue;
            }
            out.push_str(&text[end..value.start()]);
            if self.replace.contains('#') {
                out.push_str(&self.replace.replace('#', &number(&self.key, value.as_str())));
            } else {
                out.push_str(&self.replace);
            }
            end = value.end();
        }
        out + &text[end..]
    }
}

/// The numbers given so far, per rule.
#[derive(Clone, Debug, Default)]
pub struct Numbers(BTreeMap<String, BTreeMap<String, usize>>);

impl Numbers {
    pub fn get(&self, key: &str, value: &str) -> Option<usize> {
        self.0.get(key)?.get(value).copied()
    }

    /// The value that has this number.
    pub fn value(&self, key: &str, number: usize) -> Option<&str> {
        self.0.get(key)?.iter().find(|(_, it)| **it == number).map(|(value, _)| value.as_str())
    }

    pub fn set(&mut self, key: &str, value: &str, number: usize) {
        self.0.entry(key.to_owned()).or_default().insert(value.to_owned(), number);
    }

    /// Its number; a new value gets the next.
    pub fn intern(&mut self, key: &str, value: &str) -> usize {
        let table = self.0.entry(key.to_owned()).or_default();
        let next = table.len() + 1;
        *table.entry(value.to_owned()).or_insert(next)
    }
}

/// The rules that one recording asks for.
#[derive(Debug)]
pub struct Normaliser<'a> {
    rules: &'a Rules,
    names: BTreeSet<String>,
}

impl<'a> Normaliser<'a> {
    /// `names` is the recording's `@norm`; the group `default` is always on.
    pub fn new(rules: &'a Rules, names: &str) -> Result<Normaliser<'a>, String> {
        let names: BTreeSet<String> =
            names.split_whitespace().chain(["default"]).map(str::to_owned).collect();
        match names.iter().find(|name| !rules.knows(name)) {
            Some(name) => Err(format!("unknown normaliser {name}")),
            None => Ok(Normaliser { rules, names }),
        }
    }

    /// `extra` are names of `% norm`. `None` where a rule drops the line.
    pub fn line(
        &self,
        text: &str,
        extra: &[String],
        number: &mut dyn FnMut(&str, &str) -> String,
    ) -> Option<String> {
        let is_on = |rule: &&Rule| {
            let by_group = rule.group.as_ref().is_some_and(|group| self.names.contains(group));
            by_group || self.names.contains(&rule.name) || extra.contains(&rule.name)
        };
        let mut text = text.to_owned();
        for rule in self.rules.0.iter().filter(is_on) {
            if rule.drop && rule.pattern.is_match(&text) {
                return None;
            }
            text = rule.apply(&text, number);
        }
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: &str = r##"
        [[normaliser]]
        name = "mac"
        group = "default"
        pattern = '\b((?:[0-9a-f]{2}:){2}[0-9a-f]{2})\b'
        replace = "<MAC:#>"
        keep = ['02:00']
        [[normaliser]]
        name = "same"
        key = "mac"
        pattern = 'mac=(\w+)'
        replace = "<MAC:#>"
        [[normaliser]]
        name = "ms"
        pattern = '\d+ms'
        replace = "<T>"
        [[normaliser]]
        name = "noise"
        pattern = '^noise'
        drop = true
    "##;

    fn normal(names: &str, extra: &[&str], lines: &[&str]) -> Vec<String> {
        let rules = Rules::parse(RULES).unwrap();
        let normaliser = Normaliser::new(&rules, names).unwrap();
        let extra: Vec<String> = extra.iter().map(|it| it.to_string()).collect();
        let mut numbers = Numbers::default();
        let mut number = |key: &str, value: &str| numbers.intern(key, value).to_string();
        lines.iter().filter_map(|line| normaliser.line(line, &extra, &mut number)).collect()
    }

    #[test]
    fn values_are_numbered_by_first_appearance_and_kept_ones_stay() {
        let lines = ["aa:bb:cc 11:22:33", "11:22:33 02:00:01 aa:bb:cc"];
        assert_eq!(normal("", &[], &lines), ["<MAC:1> <MAC:2>", "<MAC:2> 02:00:01 <MAC:1>"]);
    }

    #[test]
    fn a_key_shares_the_numbers_and_only_named_rules_are_on() {
        assert_eq!(normal("same ms", &[], &["aa:bb:cc mac=xyz 5ms"]), ["<MAC:1> mac=<MAC:2> <T>"]);
        assert_eq!(normal("", &["ms"], &["mac=xyz 5ms"]), ["mac=xyz <T>"]);
    }

    #[test]
    fn a_dropping_rule_takes_the_line_away() {
        assert_eq!(normal("noise", &[], &["noise 1", "2"]), ["2"]);
        assert_eq!(normal("", &[], &["noise 1"]), ["noise 1"]);
    }

    #[test]
    fn an_unknown_normaliser_is_an_error() {
        let rules = Rules::parse(RULES).unwrap();
        assert_eq!(Normaliser::new(&rules, "frob").unwrap_err(), "unknown normaliser frob");
    }
}
