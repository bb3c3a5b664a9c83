//! Matchers compiled from configuration: of texts, header fields, query parameters and address ranges.
//!
//! Used by routing and by the filters. Always: a regular expression matches the whole value; a missing header matches
//! only where the configuration says so.
//! Differs from Envoy: expressions run on the `regex` crate, whose syntax is that of RE2 in all but rare corners.
//! Sources: Envoy `matchers.cc`, `header_utility.cc`, `config_utility.cc`.

use crate::config::core::{CidrRange, FractionalPercent, RegexMatcher, StringMatcherMatchPattern as Pattern};
use crate::config::core::{
    DenominatorType, DoubleMatcherMatchPattern, ListMatcherMatchPattern, MetadataMatcher as MetadataConfig,
    PathMatcher as PathConfig, PathMatcherRule, PathSegmentSegment, RegexMatchAndSubstitute,
    StringMatcher as StringConfig, ValueMatcher as ValueConfig, ValueMatcherMatchPattern as ValuePattern,
};
use crate::config::extension::Struct;
use crate::config::route::{HeaderMatcher as HeaderConfig, HeaderMatcherHeaderMatchSpecifier as Specifier};
use crate::config::route::{
    QueryParameterMatcher, QueryParameterMatcherQueryParameterMatchSpecifier as QuerySpecifier,
};
use crate::http::headers::HeaderMap;
use ipnet::IpNet;
use regex::bytes::Regex;
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Compiles an expression that must match a whole value; an error is RE2's text for it.
pub fn whole_regex(pattern: &str) -> Result<Regex, String> {
    // Compiled alone first: a stray parenthesis must not be closed by the frame.
    compile(pattern)?;
    compile(&format!(r"\A(?:{pattern})\z"))
}

fn compile(pattern: &str) -> Result<Regex, String> {
    Regex::new(pattern).map_err(|error| re2_complaint(pattern, &error.to_string()))
}

fn re2_complaint(pattern: &str, error: &str) -> String {
    let complaint = error.lines().rev().find_map(|it| it.strip_prefix("error: ")).unwrap_or(error);
    match complaint {
        "unclosed group" => format!("missing ): {pattern}"),
        "unopened group" => format!("unexpected ): {pattern}"),
        "unclosed character class" => {
            format!("missing ]: {}", pattern.rsplit_once('[').map_or(pattern, |it| it.1))
        }
        "repetition operator missing expression" => "no argument for repetition operator: *".to_owned(),
        "incomplete escape sequence, reached end of pattern prematurely" => "trailing \\".to_owned(),
        other => format!("{other}: {pattern}"),
    }
}

/// Replaces what an expression matches, with RE2's `\1` for a group.
#[derive(Debug, Clone)]
pub struct Rewrite {
    pattern: Regex,
    substitution: Vec<u8>,
}

impl Rewrite {
    pub fn new(config: &RegexMatchAndSubstitute) -> Result<Rewrite, String> {
        let mut substitution = Vec::new();
        let mut letters = config.substitution.chars();
        while let Some(letter) = letters.next() {
            match letter {
                '$' => substitution.extend(b"$$"),
                '\\' => match letters.next() {
                    Some(digit) if digit.is_ascii_digit() => {
                        substitution.extend(format!("${{{digit}}}").bytes())
                    }
                    Some('\\') => substitution.push(b'\\'),
                    _ => return Err("invalid substitution string in regex rewrite".to_owned()),
                },
                other => substitution.extend(other.to_string().bytes()),
            }
        }
        Ok(Rewrite { pattern: compile(&config.pattern.regex)?, substitution })
    }

    pub fn apply(&self, text: &[u8]) -> Vec<u8> {
        self.pattern.replace_all(text, self.substitution.as_slice()).into_owned()
    }
}

#[derive(Debug, Clone)]
enum Text {
    Exact(Vec<u8>),
    Prefix(Vec<u8>),
    Suffix(Vec<u8>),
    Contains(Vec<u8>),
    Regex(Regex),
}

/// A test of one text.
#[derive(Debug, Clone)]
pub struct StringMatcher {
    text: Text,
    ignore_case: bool,
}

impl StringMatcher {
    pub fn new(config: &StringConfig) -> Result<StringMatcher, String> {
        let lower =
            |it: &String| if config.ignore_case { it.to_ascii_lowercase() } else { it.clone() }.into_bytes();
        let text = match &config.match_pattern {
            Pattern::Exact(it) => Text::Exact(lower(it)),
            Pattern::Prefix(it) => Text::Prefix(lower(it)),
            Pattern::Suffix(it) => Text::Suffix(lower(it)),
            Pattern::Contains(it) => Text::Contains(lower(it)),
            Pattern::SafeRegex(_) if config.ignore_case => {
                return Err("ignore_case has no effect for safe_regex.".to_owned());
            }
            Pattern::SafeRegex(it) => Text::Regex(whole_regex(&it.regex)?),
        };
        Ok(StringMatcher { text, ignore_case: config.ignore_case })
    }

    fn regex(config: &RegexMatcher) -> Result<StringMatcher, String> {
        Ok(StringMatcher { text: Text::Regex(whole_regex(&config.regex)?), ignore_case: false })
    }

    fn plain(text: Text) -> StringMatcher {
        StringMatcher { text, ignore_case: false }
    }

    pub fn matches(&self, value: &[u8]) -> bool {
        if let Text::Regex(regex) = &self.text {
            return regex.is_match(value);
        }
        if self.ignore_case {
            return self.matches_plain(&value.to_ascii_lowercase());
        }
        self.matches_plain(value)
    }

    fn matches_plain(&self, value: &[u8]) -> bool {
        match &self.text {
            Text::Exact(it) => value == it,
            Text::Prefix(it) => value.starts_with(it),
            Text::Suffix(it) => value.ends_with(it),
            Text::Contains(it) => it.is_empty() || value.windows(it.len()).any(|part| part == it),
            Text::Regex(regex) => regex.is_match(value),
        }
    }
}

#[derive(Debug, Clone)]
enum HeaderTest {
    Present(bool),
    Range(i64, i64),
    Text(StringMatcher),
}

/// A test of one header field; of several values one must fit.
#[derive(Debug, Clone)]
pub struct HeaderMatcher {
    name: String,
    test: HeaderTest,
    invert: bool,
    missing_is_empty: bool,
}

impl HeaderMatcher {
    pub fn new(config: &HeaderConfig) -> Result<HeaderMatcher, String> {
        let plain = |text| HeaderTest::Text(StringMatcher::plain(text));
        let test = match &config.header_match_specifier {
            None => HeaderTest::Present(true),
            Some(Specifier::PresentMatch(it)) => HeaderTest::Present(*it),
            Some(Specifier::RangeMatch(it)) => HeaderTest::Range(it.start, it.end),
            Some(Specifier::StringMatch(it)) => HeaderTest::Text(StringMatcher::new(it)?),
            Some(Specifier::SafeRegexMatch(it)) => HeaderTest::Text(StringMatcher::regex(it)?),
            Some(Specifier::ExactMatch(it)) => plain(Text::Exact(it.clone().into_bytes())),
            Some(Specifier::PrefixMatch(it)) => plain(Text::Prefix(it.clone().into_bytes())),
            Some(Specifier::SuffixMatch(it)) => plain(Text::Suffix(it.clone().into_bytes())),
            Some(Specifier::ContainsMatch(it)) => plain(Text::Contains(it.clone().into_bytes())),
        };
        Ok(HeaderMatcher {
            name: config.name.to_ascii_lowercase(),
            test,
            invert: config.invert_match,
            missing_is_empty: config.treat_missing_header_as_empty,
        })
    }

    pub fn matches(&self, headers: &HeaderMap) -> bool {
        let is_there = headers.contains(&self.name);
        if let HeaderTest::Present(wanted) = self.test {
            let present = is_there || self.missing_is_empty;
            return (present == wanted) != self.invert;
        }
        if !is_there && !self.missing_is_empty {
            return false;
        }
        let fits = |value: &[u8]| match &self.test {
            HeaderTest::Present(_) => true,
            HeaderTest::Range(start, end) => {
                let number = std::str::from_utf8(value).ok().and_then(|it| it.trim().parse::<i64>().ok());
                number.is_some_and(|it| (*start..*end).contains(&it))
            }
            HeaderTest::Text(matcher) => matcher.matches(value),
        };
        let matched = if is_there { headers.get_all(&self.name).any(fits) } else { fits(b"") };
        matched != self.invert
    }

    /// Compiles a list, all of which must match.
    pub fn all(configs: &[HeaderConfig]) -> Result<Vec<HeaderMatcher>, String> {
        configs.iter().map(HeaderMatcher::new).collect()
    }
}

/// A test of one query parameter, as it stands in the path (not decoded); its first value counts.
#[derive(Debug, Clone)]
pub struct QueryMatcher {
    name: String,
    present: bool,
    value: Option<StringMatcher>,
}

impl QueryMatcher {
    pub fn new(config: &QueryParameterMatcher) -> Result<QueryMatcher, String> {
        let (present, value) = match &config.query_parameter_match_specifier {
            None => (true, None),
            Some(QuerySpecifier::PresentMatch(it)) => (*it, None),
            Some(QuerySpecifier::StringMatch(it)) => (true, Some(StringMatcher::new(it)?)),
        };
        Ok(QueryMatcher { name: config.name.clone(), present, value })
    }

    pub fn matches(&self, path: &[u8]) -> bool {
        let found = query_value(path, self.name.as_bytes());
        match (&self.value, found) {
            (Some(matcher), Some(value)) => matcher.matches(value),
            (Some(_), None) => false,
            (None, found) => found.is_some() == self.present,
        }
    }
}

/// The first value of a query parameter of a path; empty where there is no `=`.
pub fn query_value<'p>(path: &'p [u8], name: &[u8]) -> Option<&'p [u8]> {
    let path = path.split(|it| *it == b'#').next().unwrap_or_default();
    let question = path.iter().position(|it| *it == b'?')?;
    path[question + 1..].split(|it| *it == b'&').find_map(|pair| {
        let equals = pair.iter().position(|it| *it == b'=');
        let (key, value) = equals.map_or((pair, &pair[pair.len()..]), |at| (&pair[..at], &pair[at + 1..]));
        (key == name).then_some(value)
    })
}

/// A test of a path without its query and fragment.
#[derive(Debug, Clone)]
pub struct PathMatcher(StringMatcher);

impl PathMatcher {
    pub fn new(config: &PathConfig) -> Result<PathMatcher, String> {
        let PathMatcherRule::Path(it) = &config.rule;
        Ok(PathMatcher(StringMatcher::new(it)?))
    }

    pub fn matches(&self, path: &[u8]) -> bool {
        let end = path.iter().position(|it| matches!(it, b'?' | b'#')).unwrap_or(path.len());
        self.0.matches(&path[..end])
    }
}

#[derive(Debug, Clone)]
enum ValueTest {
    Null,
    Range(f64, f64),
    Number(f64),
    Text(StringMatcher),
    Flag(bool),
    Present(bool),
    /// Some item of a list.
    Item(Box<ValueTest>),
    Or(Vec<ValueTest>),
}

impl ValueTest {
    fn new(config: &ValueConfig) -> Result<ValueTest, String> {
        Ok(match &config.match_pattern {
            ValuePattern::NullMatch(_) => ValueTest::Null,
            ValuePattern::DoubleMatch(it) => match &it.match_pattern {
                DoubleMatcherMatchPattern::Range(it) => ValueTest::Range(it.start, it.end),
                DoubleMatcherMatchPattern::Exact(it) => ValueTest::Number(*it),
            },
            ValuePattern::StringMatch(it) => ValueTest::Text(StringMatcher::new(it)?),
            ValuePattern::BoolMatch(it) => ValueTest::Flag(*it),
            ValuePattern::PresentMatch(it) => ValueTest::Present(*it),
            ValuePattern::ListMatch(it) => {
                let ListMatcherMatchPattern::OneOf(it) = &it.match_pattern;
                ValueTest::Item(Box::new(ValueTest::new(it)?))
            }
            ValuePattern::OrMatch(it) => {
                ValueTest::Or(it.value_matchers.iter().map(ValueTest::new).collect::<Result<_, _>>()?)
            }
        })
    }

    fn matches(&self, value: Option<&Value>) -> bool {
        match (self, value) {
            (ValueTest::Null, Some(Value::Null)) => true,
            (ValueTest::Range(start, end), Some(Value::Number(it))) => {
                it.as_f64().is_some_and(|it| (*start..*end).contains(&it))
            }
            (ValueTest::Number(wanted), Some(Value::Number(it))) => it.as_f64() == Some(*wanted),
            (ValueTest::Text(matcher), Some(Value::String(it))) => matcher.matches(it.as_bytes()),
            (ValueTest::Flag(wanted), Some(Value::Bool(it))) => wanted == it,
            (ValueTest::Present(wanted), it) => *wanted == it.is_some(),
            (ValueTest::Item(test), Some(Value::Array(items))) => {
                items.iter().any(|it| test.matches(Some(it)))
            }
            (ValueTest::Or(tests), it) => tests.iter().any(|test| test.matches(it)),
            _ => false,
        }
    }
}

/// A test of what a filter left about a request.
#[derive(Debug, Clone)]
pub struct MetadataMatcher {
    filter: String,
    path: Vec<String>,
    test: ValueTest,
    invert: bool,
}

impl MetadataMatcher {
    pub fn new(config: &MetadataConfig) -> Result<MetadataMatcher, String> {
        let key = |it: &crate::config::core::PathSegment| {
            let PathSegmentSegment::Key(key) = &it.segment;
            key.clone()
        };
        Ok(MetadataMatcher {
            filter: config.filter.clone(),
            path: config.path.iter().map(key).collect(),
            test: ValueTest::new(&config.value)?,
            invert: config.invert,
        })
    }

    pub fn matches(&self, metadata: &BTreeMap<String, Struct>) -> bool {
        let mut keys = self.path.iter();
        let first = keys.next().and_then(|key| metadata.get(&self.filter)?.get(key));
        let value = keys.try_fold(first, |value, key| value.map(|it| it.get(key))).flatten();
        self.test.matches(value) != self.invert
    }
}

/// An address range; without a length it is the address with no bits fixed, as protobuf's default has it.
pub fn cidr(config: &CidrRange) -> Result<IpNet, String> {
    let address: IpAddr = config
        .address_prefix
        .parse()
        .map_err(|_| format!("malformed IP address: {}", config.address_prefix))?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    let length = config.prefix_len.unwrap_or(0).min(most) as u8;
    IpNet::new(address, length).map(|net| net.trunc()).map_err(|error| error.to_string())
}

impl FractionalPercent {
    /// Whether a number drawn from all 64 bits falls within the fraction.
    pub fn holds(&self, drawn: u64) -> bool {
        let of = match self.denominator {
            DenominatorType::Hundred => 100,
            DenominatorType::TenThousand => 10_000,
            DenominatorType::Million => 1_000_000,
        };
        drawn % of < u64::from(self.numerator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;

    fn header(yaml: &str) -> HeaderMatcher {
        let node = config::tree(yaml, false).expect("valid YAML");
        HeaderMatcher::new(&config::message(&node).expect("a header matcher")).expect("compiles")
    }

    #[test]
    fn a_regex_must_match_the_whole_value() {
        let matcher = header("{name: x-a, string_match: {safe_regex: {regex: 'v[0-9]|w'}}}");
        for (value, wanted) in [("v1", true), ("w", true), ("v12", false), ("xv1", false), ("vw", false)] {
            assert_eq!(matcher.matches(&HeaderMap::from_iter([("x-a", value)])), wanted, "{value}");
        }
    }

    #[test]
    fn a_missing_header_matches_neither_a_test_nor_its_inversion() {
        let without = HeaderMap::new();
        assert!(!header("{name: x-a, string_match: {exact: b}}").matches(&without));
        assert!(!header("{name: x-a, string_match: {exact: b}, invert_match: true}").matches(&without));
        assert!(header("{name: x-a, present_match: true, invert_match: true}").matches(&without));
        assert!(header("{name: x-a, present_match: false}").matches(&without));
        let empty =
            "{name: x-a, string_match: {exact: b}, invert_match: true, treat_missing_header_as_empty: true}";
        assert!(header(empty).matches(&without));
    }

    #[test]
    fn values_of_one_name_are_matched_one_by_one_and_ranges_exclude_their_end() {
        let twice = HeaderMap::from_iter([("x-a", "b"), ("x-a", "c")]);
        assert!(header("{name: X-A, string_match: {exact: c}}").matches(&twice));
        assert!(!header("{name: X-A, string_match: {exact: 'b,c'}}").matches(&twice));
        let range = header("{name: x-n, range_match: {start: -10, end: 0}}");
        for (value, wanted) in [("-10", true), ("-1", true), ("0", false), ("x", false)] {
            assert_eq!(range.matches(&HeaderMap::from_iter([("x-n", value)])), wanted, "{value}");
        }
    }

    #[test]
    fn a_query_parameter_is_its_first_value() {
        assert_eq!(query_value(b"/p?a=1&b=2&a=3", b"a"), Some(&b"1"[..]));
        assert_eq!(query_value(b"/p?flag&b=2#a=1", b"flag"), Some(&b""[..]));
        assert_eq!(query_value(b"/p?b=2#a=1", b"a"), None);
        assert_eq!(query_value(b"/p", b"a"), None);
    }

    #[test]
    fn an_open_group_is_refused_in_the_words_of_re2() {
        assert_eq!(whole_regex("(").err().as_deref(), Some("missing ): ("));
        assert_eq!(whole_regex("a)(b").err().as_deref(), Some("unexpected ): a)(b"));
    }
}
