//! `expr`: evaluate an expression. Source: expr(1), coreutils.
//! ```transcript
//! host# expr 2 + 3 \* 4; expr abc : 'a\(.\)'
//! 14
//! b
//! ```

use super::{Args, Command, Exit};
use crate::regex::{Regex, Syntax};
use crate::sys::Sys;

pub const EXPR: Command = Command {
    name: "expr",
    path: "/usr/bin/expr",
    man: "expr(1)",
    run: |sys, args| Box::pin(expr(sys, args)),
};

/// Parentheses inside one another.
const NESTING: usize = 60;
const LEVELS: &[&[&str]] =
    &[&["|"], &["&"], &["<", "<=", "=", "==", "!=", ">=", ">"], &["+", "-"], &["*", "/", "%"], &[":"]];

async fn expr(sys: Sys, args: Args) -> Exit {
    let words = args.rest();
    if words.is_empty() {
        sys.eprint("expr: missing operand\nTry 'expr --help' for more information.\n").await;
        return Exit(2);
    }
    let mut reader = Reader { words, at: 0, depth: 0 };
    let value = reader.level(0).and_then(|value| match words.get(reader.at) {
        None => Ok(value),
        Some(word) => Err(format!("syntax error: unexpected argument '{word}'")),
    });
    match value {
        Ok(value) => {
            sys.print(format!("{value}\n")).await;
            Exit(u8::from(is_null(&value)))
        }
        Err(words) => {
            sys.eprint(format!("expr: {words}\n")).await;
            Exit(2)
        }
    }
}

fn is_null(value: &str) -> bool {
    let digits = value.strip_prefix('-').unwrap_or(value);
    value.is_empty() || !digits.is_empty() && digits.chars().all(|c| c == '0')
}

struct Reader<'a> {
    words: &'a [String],
    at: usize,
    depth: usize,
}

impl Reader<'_> {
    fn next(&mut self) -> Result<String, String> {
        let word = self.words.get(self.at).cloned();
        self.at += 1;
        word.ok_or_else(|| {
            let last = self.words.last().cloned().unwrap_or_default();
            format!("syntax error: missing argument after '{last}'")
        })
    }

    fn level(&mut self, level: usize) -> Result<String, String> {
        let Some(operators) = LEVELS.get(level) else { return self.primary() };
        let mut left = self.level(level + 1)?;
        while let Some(operator) =
            self.words.get(self.at).filter(|word| operators.contains(&word.as_str())).cloned()
        {
            self.at += 1;
            let right = self.level(level + 1)?;
            left = apply(&left, &operator, &right)?;
        }
        Ok(left)
    }

    fn primary(&mut self) -> Result<String, String> {
        let word = self.next()?;
        match word.as_str() {
            "(" => {
                self.depth += 1;
                if self.depth > NESTING {
                    return Err("syntax error: nested too deeply".to_owned());
                }
                let value = self.level(0)?;
                self.depth -= 1;
                match self.words.get(self.at) {
                    Some(close) if close == ")" => self.at += 1,
                    Some(other) => return Err(format!("syntax error: expecting ')' instead of '{other}'")),
                    None => {
                        let last = self.words.last().cloned().unwrap_or_default();
                        return Err(format!("syntax error: expecting ')' after '{last}'"));
                    }
                }
                Ok(value)
            }
            ")" => Err("syntax error: unexpected ')'".to_owned()),
            "length" if self.at < self.words.len() => Ok(self.primary()?.chars().count().to_string()),
            "match" if self.at + 1 < self.words.len() => {
                let (text, pattern) = (self.primary()?, self.primary()?);
                matched(&text, &pattern)
            }
            "index" if self.at + 1 < self.words.len() => {
                let (text, set) = (self.primary()?, self.primary()?);
                Ok(text.chars().position(|c| set.contains(c)).map_or(0, |at| at + 1).to_string())
            }
            "substr" if self.at + 2 < self.words.len() => {
                let (text, start, length) = (self.primary()?, self.primary()?, self.primary()?);
                let (Ok(start @ 1..), Ok(length)) = (start.parse::<usize>(), length.parse::<usize>()) else {
                    return Ok(String::new());
                };
                Ok(text.chars().skip(start - 1).take(length).collect())
            }
            "+" if self.at < self.words.len() => self.next(),
            _ => Ok(word),
        }
    }
}

fn apply(left: &str, operator: &str, right: &str) -> Result<String, String> {
    let numbers = || left.parse::<i64>().ok().zip(right.parse::<i64>().ok());
    let text = |holds: bool| Ok(u8::from(holds).to_string());
    match operator {
        "|" => Ok(if is_null(left) { if is_null(right) { "0" } else { right } } else { left }.to_owned()),
        "&" => Ok(if is_null(left) || is_null(right) { "0" } else { left }.to_owned()),
        ":" => matched(left, right),
        "+" | "-" | "*" | "/" | "%" => {
            let (a, b) = numbers().ok_or("non-integer argument")?;
            if b == 0 && matches!(operator, "/" | "%") {
                return Err("division by zero".to_owned());
            }
            let value = match operator {
                "+" => a.checked_add(b),
                "-" => a.checked_sub(b),
                "*" => a.checked_mul(b),
                "/" => a.checked_div(b),
                _ => a.checked_rem(b),
            };
            Ok(value.ok_or("Numerical result out of range")?.to_string())
        }
        _ => {
            let order = match numbers() {
                Some((a, b)) => a.cmp(&b),
                None => left.cmp(right),
            };
            match operator {
                "<" => text(order.is_lt()),
                "<=" => text(order.is_le()),
                ">" => text(order.is_gt()),
                ">=" => text(order.is_ge()),
                "!=" => text(order.is_ne()),
                _ => text(order.is_eq()),
            }
        }
    }
}

/// At the start only; group 1, or how many characters matched.
fn matched(text: &str, pattern: &str) -> Result<String, String> {
    let regex =
        Regex::new(&format!("^{}", pattern.strip_prefix('^').unwrap_or(pattern)), Syntax::Basic, false)?;
    let chars: Vec<char> = text.chars().collect();
    let found = regex.find_at(&chars, 0);
    Ok(match (found, regex.groups()) {
        (Some(found), 0) => (found.end - found.start).to_string(),
        (Some(found), _) => match found.groups.first().copied().flatten() {
            Some((start, end)) => chars[start..end].iter().collect(),
            None => String::new(),
        },
        (None, 0) => "0".to_owned(),
        (None, _) => String::new(),
    })
}
