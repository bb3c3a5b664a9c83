//! The functions that awk has of itself.

use super::program::Expression;
use super::run::Runner;
use super::value::Value;
use crate::cmd::{Exit, printf};

pub(super) const NAMES: &[&str] = &[
    "atan2", "close", "cos", "exp", "fflush", "gsub", "index", "int", "length", "log", "match", "rand",
    "sin", "split", "sprintf", "sqrt", "srand", "strftime", "sub", "substr", "system", "systime", "tolower",
    "toupper",
];

impl Runner {
    pub(super) async fn builtin(&mut self, name: &str, arguments: &[Expression]) -> Result<Value, Exit> {
        match name {
            "sub" | "gsub" => return self.substitute(name == "gsub", arguments).await,
            "split" => return self.split_into(arguments).await,
            "match" => return self.match_in(arguments).await,
            "length" => return self.length(arguments).await,
            _ => {}
        }
        let mut values = Vec::new();
        for argument in arguments {
            values.push(self.value(argument).await?);
        }
        let format = self.get("CONVFMT").text("%.6g");
        let text = |index: usize| values.get(index).map(|value| value.text(&format)).unwrap_or_default();
        let number = |index: usize| values.get(index).map_or(0.0, Value::number);
        Ok(match name {
            "atan2" => Value::Number(number(0).atan2(number(1))),
            "cos" => Value::Number(number(0).cos()),
            "sin" => Value::Number(number(0).sin()),
            "exp" => Value::Number(number(0).exp()),
            "log" => Value::Number(number(0).ln()),
            "sqrt" => Value::Number(number(0).sqrt()),
            "int" => Value::Number(number(0).trunc()),
            "rand" => Value::Number((self.random.next_u64() >> 11) as f64 / (1_u64 << 53) as f64),
            "srand" => {
                let old = self.seed;
                self.seed =
                    if values.is_empty() { self.sys.realtime().await.as_secs() as f64 } else { number(0) };
                self.random = sim::Rng::stream(self.seed.to_bits(), "awk");
                Value::Number(old)
            }
            "index" => {
                let (text, part) = (text(0), text(1));
                let at = text.find(&part).map_or(0, |at| text[..at].chars().count() + 1);
                Value::Number(at as f64)
            }
            "substr" => Value::Text(substr(&text(0), number(1), values.get(2).map(Value::number))),
            "tolower" => Value::Text(text(0).to_lowercase()),
            "toupper" => Value::Text(text(0).to_uppercase()),
            "sprintf" => Value::Text(self.sprintf(&values)),
            "system" => Value::Number(self.system(&text(0)).await),
            "close" => Value::Number(self.close(&text(0)).await),
            "fflush" => {
                self.flush().await;
                Value::Number(0.0)
            }
            "systime" => Value::Number(self.sys.realtime().await.as_secs() as f64),
            _ => {
                let seconds =
                    if values.len() > 1 { number(1) } else { self.sys.realtime().await.as_secs() as f64 };
                let format = if values.is_empty() { "%c".to_owned() } else { text(0) };
                Value::Text(
                    crate::calendar::Date::from_signed(seconds.clamp(-1e11, 1e11) as i64, 0).format(&format),
                )
            }
        })
    }

    pub(super) fn sprintf(&mut self, values: &[Value]) -> String {
        let Some((format, rest)) = values.split_first() else { return String::new() };
        let format = format.text("%.6g");
        let mut pieces = String::new();
        let mut values = rest.iter();
        let mut left = format.as_str();
        while let Some(at) = left.find('%') {
            pieces.push_str(&left[..at]);
            let after = &left[at + 1..];
            let end = after.find(|c: char| !"-+ #0123456789.*hlL".contains(c)).unwrap_or(after.len());
            let Some(letter) = after[end..].chars().next() else {
                pieces.push_str(&left[at..]);
                return pieces;
            };
            let (spec, after) = (&after[..end], &after[end + letter.len_utf8()..]);
            left = after;
            if letter == '%' {
                pieces.push('%');
                continue;
            }
            let mut spec = spec.to_owned();
            while let Some(star) = spec.find('*') {
                let width = values.next().map_or(0.0, Value::number);
                spec.replace_range(star..=star, &(width as i64).to_string());
            }
            pieces.push_str(&self.one(&spec, letter, values.next().unwrap_or(&Value::Unset)));
        }
        pieces + left
    }

    fn one(&self, spec: &str, letter: char, value: &Value) -> String {
        let argument = match letter {
            'd' | 'i' | 'o' | 'x' | 'X' | 'u' => format!("{}", value.number().clamp(-9.2e18, 9.2e18) as i64),
            'e' | 'E' | 'f' | 'F' | 'g' | 'G' => format!("{:e}", value.number()),
            'c' => match value {
                Value::Number(code) => char::from_u32(*code as u32).map(String::from).unwrap_or_default(),
                value => value.text("%.6g").chars().take(1).collect(),
            },
            's' => value.text("%.6g"),
            other => return format!("%{spec}{other}"),
        };
        let format = format!("%{spec}{letter}");
        // The argument may look like an escape or an option; the format holds neither.
        printf::format(&format, &[argument], std::time::Duration::ZERO).text
    }

    async fn length(&mut self, arguments: &[Expression]) -> Result<Value, Exit> {
        if let [Expression::Variable(name)] = arguments
            && let Some(length) = self.array_length(name)
        {
            return Ok(Value::Number(length as f64));
        }
        let text = match arguments.first() {
            Some(argument) => {
                let format = self.get("CONVFMT").text("%.6g");
                self.value(argument).await?.text(&format)
            }
            None => self.whole(),
        };
        Ok(Value::Number(text.chars().count() as f64))
    }

    async fn split_into(&mut self, arguments: &[Expression]) -> Result<Value, Exit> {
        let [text, Expression::Variable(array), rest @ ..] = arguments else { return Ok(Value::Number(0.0)) };
        let text = self.value(text).await?.text("%.6g");
        let separator = match rest.first() {
            None => self.get("FS"),
            Some(Expression::Regex(pattern)) if pattern.chars().count() == 1 => {
                Value::Text(format!("({pattern})"))
            }
            Some(Expression::Regex(pattern)) => Value::Text(pattern.to_string()),
            Some(separator) => self.value(separator).await?,
        };
        let parts = self.split(&text, &separator);
        self.clear_array(array);
        let count = parts.len();
        for (index, part) in parts.into_iter().enumerate() {
            self.set_element(array, (index + 1).to_string(), Value::Input(part));
        }
        Ok(Value::Number(count as f64))
    }

    async fn match_in(&mut self, arguments: &[Expression]) -> Result<Value, Exit> {
        let [text, pattern, ..] = arguments else { return Ok(Value::Number(0.0)) };
        let text = self.value(text).await?.text("%.6g");
        let regex = self.pattern(pattern).await?;
        let chars: Vec<char> = text.chars().collect();
        let (start, length) = match regex.find_at(&chars, 0) {
            Some(found) => (found.start as f64 + 1.0, (found.end - found.start) as f64),
            None => (0.0, -1.0),
        };
        self.set("RSTART", Value::Number(start));
        self.set("RLENGTH", Value::Number(length));
        Ok(Value::Number(start))
    }

    async fn substitute(&mut self, all: bool, arguments: &[Expression]) -> Result<Value, Exit> {
        let [pattern, with, rest @ ..] = arguments else { return Ok(Value::Number(0.0)) };
        let regex = self.pattern(pattern).await?;
        let with = self.value(with).await?.text("%.6g");
        let whole = Expression::Field(Box::new(Expression::Number(0.0)));
        let target = rest.first().unwrap_or(&whole);
        let text = self.value(target).await?.text("%.6g");
        let chars: Vec<char> = text.chars().collect();
        let mut found = regex.find_all(&chars);
        if !all {
            found.truncate(1);
        }
        if found.is_empty() {
            return Ok(Value::Number(0.0));
        }
        let (mut out, mut at) = (String::new(), 0);
        for one in &found {
            out.extend(&chars[at..one.start]);
            let mut replacement = with.chars().peekable();
            while let Some(c) = replacement.next() {
                match c {
                    '\\' if matches!(replacement.peek(), Some('&' | '\\')) => out.extend(replacement.next()),
                    '&' => out.extend(&chars[one.start..one.end]),
                    c => out.push(c),
                }
            }
            at = one.end;
        }
        out.extend(&chars[at..]);
        self.assign(target, Value::Text(out)).await?;
        Ok(Value::Number(found.len() as f64))
    }
}

/// Characters from `start` (counted from 1), as POSIX rounds.
fn substr(text: &str, start: f64, length: Option<f64>) -> String {
    let start = if start.is_nan() { 0.0 } else { start.round() };
    let end = match length {
        Some(length) if length.is_nan() => start,
        Some(length) => start + length.round(),
        None => f64::INFINITY,
    };
    let inside = |(index, _): &(usize, char)| {
        let place = *index as f64 + 1.0;
        place >= start && place < end
    };
    text.chars().enumerate().filter(inside).map(|(_, c)| c).collect()
}
