//! Values of awk: numbers, texts, and texts from input that look like numbers.

use crate::cmd::printf;
use std::cmp::Ordering;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Unset,
    Number(f64),
    Text(String),
    /// From input; compared as a number where it looks like one.
    Input(String),
}

impl Value {
    pub fn number(&self) -> f64 {
        match self {
            Value::Unset => 0.0,
            Value::Number(number) => *number,
            Value::Text(text) | Value::Input(text) => leading_number(text).0,
        }
    }

    /// Whole numbers as such, others by `CONVFMT`.
    pub fn text(&self, format: &str) -> String {
        match self {
            Value::Unset => String::new(),
            Value::Number(number) => number_text(*number, format),
            Value::Text(text) | Value::Input(text) => text.clone(),
        }
    }

    pub fn is_true(&self) -> bool {
        match self {
            Value::Unset => false,
            Value::Number(number) => *number != 0.0,
            Value::Text(text) => !text.is_empty(),
            Value::Input(text) => match numeric(text) {
                Some(number) => number != 0.0,
                None => !text.is_empty(),
            },
        }
    }

    fn as_number(&self) -> Option<f64> {
        match self {
            Value::Unset => Some(0.0),
            Value::Number(number) => Some(*number),
            Value::Text(_) => None,
            Value::Input(text) => numeric(text),
        }
    }

    /// As numbers where both are, else as texts.
    pub fn compare(&self, other: &Value, format: &str) -> Ordering {
        match (self.as_number(), other.as_number()) {
            (Some(a), Some(b)) => a.partial_cmp(&b).unwrap_or(Ordering::Equal),
            _ => self.text(format).as_bytes().cmp(other.text(format).as_bytes()),
        }
    }
}

pub(super) fn number_text(number: f64, format: &str) -> String {
    if number.fract() == 0.0 && number.abs() < 1e16 {
        return format!("{}", number as i64);
    }
    printf::format(format, &[format!("{number:e}")], std::time::Duration::ZERO).text
}

/// The number a text begins with, and how long that is.
fn leading_number(text: &str) -> (f64, usize) {
    let trimmed = text.trim_start();
    let skipped = text.len() - trimmed.len();
    let bytes = trimmed.as_bytes();
    let digits = |mut at: usize| {
        while bytes.get(at).is_some_and(u8::is_ascii_digit) {
            at += 1;
        }
        at
    };
    let start = usize::from(matches!(bytes.first(), Some(b'+' | b'-')));
    let mut end = digits(start);
    let mut seen = end > start;
    if bytes.get(end) == Some(&b'.') {
        let after = digits(end + 1);
        seen |= after > end + 1;
        end = after;
    }
    if !seen {
        return (0.0, 0);
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        let after = digits(end + 1 + sign);
        if after > end + 1 + sign {
            end = after;
        }
    }
    (trimmed[..end].parse().unwrap_or(0.0), skipped + end)
}

/// The number that the whole text is.
fn numeric(text: &str) -> Option<f64> {
    let (number, length) = leading_number(text);
    (length > 0 && text[length..].trim().is_empty()).then_some(number)
}
