//! Arithmetic of `$((…))`, `((…))`, `let`, subscripts: 64-bit, wrapping, with C's operators.
//!
//! Always: an expression ends, however it is nested ([`NESTING`]) and whatever its variables hold.
//! Source: bash(1), "ARITHMETIC EVALUATION"; the errors as bash 5.2's expr.c words them.

/// Parentheses, and variables whose values are expressions, inside one another.
const NESTING: usize = 40;

/// What an expression reads and changes.
pub trait Scope {
    /// The value of a variable or of an array's element; `Err` says why it has none (`set -u`).
    fn value(&mut self, name: &str, index: Option<&str>) -> Result<Option<String>, String>;
    fn assign(&mut self, name: &str, index: Option<&str>, value: i64) -> Result<(), String>;
}

/// Evaluates; an error reads as bash prints it after its own name.
pub fn evaluate(text: &str, scope: &mut dyn Scope) -> Result<i64, String> {
    evaluate_nested(text, scope, 0)
}

fn evaluate_nested(text: &str, scope: &mut dyn Scope, depth: usize) -> Result<i64, String> {
    let mut reader = Evaluator { text, at: 0, last: 0, token: Token::End, scope, skipping: false, depth };
    if depth > NESTING {
        return Err(reader.fault("expression recursion level exceeded"));
    }
    reader.advance()?;
    if reader.token == Token::End {
        return Ok(0);
    }
    let value = reader.comma()?;
    if reader.token != Token::End {
        return Err(reader.fault("syntax error in expression"));
    }
    Ok(value)
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Number(i64),
    Name(String, Option<String>),
    Operator(&'static str),
    End,
}

/// Longest first.
const OPERATORS: &[&str] = &[
    "<<=", ">>=", "**", "++", "--", "<<", ">>", "<=", ">=", "==", "!=", "&&", "||", "+=", "-=", "*=", "/=",
    "%=", "&=", "^=", "|=", "+", "-", "*", "/", "%", "<", ">", "!", "~", "&", "^", "|", "?", ":", "=", "(",
    ")", ",",
];

/// Binary operators by how tightly they bind, loosest first.
const LEVELS: &[&[&str]] = &[
    &["||"],
    &["&&"],
    &["|"],
    &["^"],
    &["&"],
    &["==", "!="],
    &["<=", ">=", "<", ">"],
    &["<<", ">>"],
    &["+", "-"],
    &["*", "/", "%"],
];

struct Evaluator<'a> {
    text: &'a str,
    at: usize,
    /// Where the last token begins, for errors.
    last: usize,
    token: Token,
    scope: &'a mut dyn Scope,
    /// On the side of `&&`, `||`, `?:` that is not taken.
    skipping: bool,
    depth: usize,
}

impl Evaluator<'_> {
    fn fault(&self, words: &str) -> String {
        let token = self.text.get(self.last..).unwrap_or_default();
        let expression = self.text.trim_start();
        format!("{expression}: {words} (error token is \"{token}\")")
    }

    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn advance(&mut self) -> Result<(), String> {
        let blank = self.rest().len() - self.rest().trim_start().len();
        self.at += blank;
        let Some(first) = self.rest().chars().next() else {
            self.token = Token::End;
            return Ok(());
        };
        self.last = self.at;
        if first.is_ascii_digit() {
            let end = self.rest().find(|c: char| !(c.is_ascii_alphanumeric() || "#@_".contains(c)));
            let digits = &self.rest()[..end.unwrap_or(self.rest().len())];
            let (length, value) = (digits.len(), number(digits));
            // Of a wrong number nothing else is shown.
            let wrong = |words| format!("{digits}: {words} (error token is \"{digits}\")");
            self.token = Token::Number(value.map_err(wrong)?);
            self.at += length;
        } else if first.is_ascii_alphabetic() || first == '_' {
            let end = self.rest().find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
            let name = self.rest()[..end.unwrap_or(self.rest().len())].to_owned();
            self.at += name.len();
            let index = self.subscript()?;
            self.token = Token::Name(name, index);
        } else if let Some(operator) = OPERATORS.iter().find(|it| self.rest().starts_with(**it)) {
            self.at += operator.len();
            self.token = Token::Operator(operator);
        } else {
            let after_operand = matches!(self.token, Token::Number(_) | Token::Name(..));
            let fault = if after_operand { "invalid arithmetic operator" } else { "operand expected" };
            return Err(self.fault(&format!("syntax error: {fault}")));
        }
        Ok(())
    }

    fn subscript(&mut self) -> Result<Option<String>, String> {
        if !self.rest().starts_with('[') {
            return Ok(None);
        }
        let mut open = 0;
        for (offset, c) in self.rest().char_indices() {
            open += i32::from(c == '[') - i32::from(c == ']');
            if open == 0 {
                let index = self.rest()[1..offset].to_owned();
                self.at += offset + 1;
                return Ok(Some(index));
            }
        }
        Err(self.fault("bad array subscript"))
    }

    fn deeper(&mut self) -> Result<(), String> {
        self.depth += 1;
        if self.depth > NESTING { Err(self.fault("expression recursion level exceeded")) } else { Ok(()) }
    }

    fn take(&mut self, operator: &str) -> Result<bool, String> {
        let found = matches!(&self.token, Token::Operator(it) if *it == operator);
        if found {
            self.advance()?;
        }
        Ok(found)
    }

    fn comma(&mut self) -> Result<i64, String> {
        let mut value = self.assignment()?;
        while self.take(",")? {
            value = self.assignment()?;
        }
        Ok(value)
    }

    fn assignment(&mut self) -> Result<i64, String> {
        self.deeper()?;
        let start = (self.at, self.last, self.token.clone());
        if let Token::Name(name, index) = self.token.clone() {
            self.advance()?;
            if let Token::Operator(operator) = self.token
                && let Some(binary) = operator.strip_suffix('=')
                && !matches!(operator, "==" | "!=" | "<=" | ">=")
            {
                self.advance()?;
                let right = self.assignment()?;
                let value = match binary {
                    "" => right,
                    _ => {
                        let left = self.variable(&name, index.as_deref())?;
                        self.apply(binary, left, right)?
                    }
                };
                self.store(&name, index.as_deref(), value)?;
                self.depth -= 1;
                return Ok(value);
            }
            (self.at, self.last, self.token) = start;
        }
        let value = self.ternary()?;
        if let Token::Operator(operator) = self.token
            && operator.ends_with('=')
            && !matches!(operator, "==" | "!=" | "<=" | ">=")
        {
            return Err(self.fault("attempted assignment to non-variable"));
        }
        self.depth -= 1;
        Ok(value)
    }

    fn ternary(&mut self) -> Result<i64, String> {
        let check = self.binary(0)?;
        if !self.take("?")? {
            return Ok(check);
        }
        if self.token == Token::End || self.token == Token::Operator(":") {
            return Err(self.fault("expression expected"));
        }
        let before = self.skipping;
        self.skipping = before || check == 0;
        let yes = self.comma()?;
        if !self.take(":")? {
            return Err(self.fault("`:' expected for conditional expression"));
        }
        if self.token == Token::End {
            return Err(self.fault("expression expected"));
        }
        self.skipping = before || check != 0;
        let no = self.assignment()?;
        self.skipping = before;
        Ok(if check != 0 { yes } else { no })
    }

    fn binary(&mut self, level: usize) -> Result<i64, String> {
        let Some(operators) = LEVELS.get(level) else { return self.power() };
        let mut left = self.binary(level + 1)?;
        loop {
            let Token::Operator(operator) = self.token else { return Ok(left) };
            if !operators.contains(&operator) {
                return Ok(left);
            }
            self.advance()?;
            let before = self.skipping;
            self.skipping |= operator == "&&" && left == 0 || operator == "||" && left != 0;
            let right = self.binary(level + 1);
            self.skipping = before;
            left = self.apply(operator, left, right?)?;
        }
    }

    fn power(&mut self) -> Result<i64, String> {
        let base = self.unary()?;
        if !self.take("**")? {
            return Ok(base);
        }
        self.deeper()?;
        let exponent = self.power()?;
        self.depth -= 1;
        if exponent < 0 {
            return Err(self.fault("exponent less than 0"));
        }
        Ok(wrapping_power(base, exponent))
    }

    fn unary(&mut self) -> Result<i64, String> {
        let Token::Operator(operator) = self.token else { return self.postfix() };
        match operator {
            "!" | "~" | "-" | "+" => {
                self.advance()?;
                self.deeper()?;
                let value = self.unary()?;
                self.depth -= 1;
                Ok(match operator {
                    "!" => i64::from(value == 0),
                    "~" => !value,
                    "-" => value.wrapping_neg(),
                    _ => value,
                })
            }
            "++" | "--" => {
                self.advance()?;
                let Token::Name(name, index) = self.token.clone() else {
                    // Before a number they are two signs.
                    self.deeper()?;
                    let value = self.unary()?;
                    self.depth -= 1;
                    return Ok(value);
                };
                self.advance()?;
                let step = if operator == "++" { 1 } else { -1 };
                let value = self.variable(&name, index.as_deref())?.wrapping_add(step);
                self.store(&name, index.as_deref(), value)?;
                Ok(value)
            }
            _ => self.postfix(),
        }
    }

    fn postfix(&mut self) -> Result<i64, String> {
        match self.token.clone() {
            Token::Number(value) => {
                self.advance()?;
                Ok(value)
            }
            Token::Name(name, index) => {
                self.advance()?;
                let value = self.variable(&name, index.as_deref())?;
                let step = match self.token {
                    Token::Operator("++") => 1,
                    Token::Operator("--") => -1,
                    _ => return Ok(value),
                };
                self.advance()?;
                self.store(&name, index.as_deref(), value.wrapping_add(step))?;
                Ok(value)
            }
            Token::Operator("(") => {
                self.advance()?;
                let value = self.comma()?;
                if !self.take(")")? {
                    return Err(self.fault("missing `)'"));
                }
                Ok(value)
            }
            _ => Err(self.fault("syntax error: operand expected")),
        }
    }

    fn variable(&mut self, name: &str, index: Option<&str>) -> Result<i64, String> {
        if self.skipping {
            return Ok(0);
        }
        match self.scope.value(name, index)? {
            None => Ok(0),
            Some(text) => match number(text.trim()) {
                Ok(value) => Ok(value),
                Err(_) => evaluate_nested(&text, self.scope, self.depth + 1),
            },
        }
    }

    fn store(&mut self, name: &str, index: Option<&str>, value: i64) -> Result<(), String> {
        if self.skipping { Ok(()) } else { self.scope.assign(name, index, value) }
    }

    fn apply(&self, operator: &str, left: i64, right: i64) -> Result<i64, String> {
        if right == 0 && matches!(operator, "/" | "%") {
            return if self.skipping { Ok(0) } else { Err(self.zero_fault()) };
        }
        Ok(match operator {
            "||" => i64::from(left != 0 || right != 0),
            "&&" => i64::from(left != 0 && right != 0),
            "|" => left | right,
            "^" => left ^ right,
            "&" => left & right,
            "==" => i64::from(left == right),
            "!=" => i64::from(left != right),
            "<=" => i64::from(left <= right),
            ">=" => i64::from(left >= right),
            "<" => i64::from(left < right),
            ">" => i64::from(left > right),
            "<<" => left.wrapping_shl(right as u32),
            ">>" => left.wrapping_shr(right as u32),
            "+" => left.wrapping_add(right),
            "-" => left.wrapping_sub(right),
            "*" => left.wrapping_mul(right),
            "/" => left.wrapping_div(right),
            _ => left.wrapping_rem(right),
        })
    }

    /// bash points at the divisor.
    fn zero_fault(&self) -> String {
        let before = self.text.get(..self.at).unwrap_or_default();
        let before = if self.token == Token::End { before } else { &self.text[..self.last] };
        let start = before.rfind(['/', '%', '=']).map_or(0, |at| at + 1);
        let token = self.text[start..].trim_start();
        format!("{}: division by 0 (error token is \"{token}\")", self.text.trim_start())
    }
}

fn wrapping_power(base: i64, exponent: i64) -> i64 {
    let (mut result, mut base, mut exponent) = (1_i64, base, exponent);
    while exponent > 0 {
        if exponent & 1 == 1 {
            result = result.wrapping_mul(base);
        }
        base = base.wrapping_mul(base);
        exponent >>= 1;
    }
    result
}

/// A constant: decimal, `0` octal, `0x` hexadecimal, `base#digits`.
fn number(text: &str) -> Result<i64, &'static str> {
    if text.is_empty() || !text.starts_with(|c: char| c.is_ascii_digit()) {
        return Err("invalid number");
    }
    let (base, digits) = match text.split_once('#') {
        Some((base, digits)) => {
            let base: u32 = base.parse().map_err(|_| "invalid arithmetic base")?;
            if !(2..=64).contains(&base) {
                return Err("invalid arithmetic base");
            }
            (base, digits)
        }
        None => match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
            Some(digits) => (16, digits),
            None if text.len() > 1 && text.starts_with('0') => (8, &text[1..]),
            None => (10, text),
        },
    };
    if digits.is_empty() && base != 16 {
        return Err("invalid integer constant");
    }
    digits.chars().try_fold(0_i64, |value, c| {
        let digit = match c {
            '0'..='9' => c as u32 - '0' as u32,
            'a'..='z' => c as u32 - 'a' as u32 + 10,
            'A'..='Z' if base <= 36 => c as u32 - 'A' as u32 + 10,
            'A'..='Z' => c as u32 - 'A' as u32 + 36,
            '@' => 62,
            '_' => 63,
            _ => return Err("invalid number"),
        };
        if digit >= base {
            return Err("value too great for base");
        }
        Ok(value.wrapping_mul(i64::from(base)).wrapping_add(i64::from(digit)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    impl Scope for BTreeMap<String, String> {
        fn value(&mut self, name: &str, _: Option<&str>) -> Result<Option<String>, String> {
            Ok(self.get(name).cloned())
        }
        fn assign(&mut self, name: &str, _: Option<&str>, value: i64) -> Result<(), String> {
            self.insert(name.to_owned(), value.to_string());
            Ok(())
        }
    }

    fn value(text: &str) -> Result<i64, String> {
        let mut scope: BTreeMap<String, String> =
            [("x", "7"), ("y", "x+1"), ("loop", "loop")].map(|(n, v)| (n.to_owned(), v.to_owned())).into();
        evaluate(text, &mut scope)
    }

    #[test]
    fn operators_bind_as_in_c() {
        for (text, wanted) in [
            ("1+2*3", 7),
            ("(1+2)*3", 9),
            ("2**3**2", 512),
            ("-2**2", 4),
            ("7/2", 3),
            ("-7%3", -1),
            ("1<2&&3>2", 1),
            ("0||0", 0),
            ("1?2:3", 2),
            ("x=3,x+1", 4),
            ("x+=2", 9),
            ("x++ + x", 15),
            ("y", 8),
            ("0x1f", 31),
            ("010", 8),
            ("2#101", 5),
            ("1<<4|1", 17),
            ("!5", 0),
            ("~0", -1),
            ("0 && 1/0", 0),
            ("", 0),
            ("9223372036854775807+1", i64::MIN),
            ("-9223372036854775808/-1", i64::MIN),
        ] {
            assert_eq!(value(text), Ok(wanted), "{text}");
        }
    }

    #[test]
    fn errors_are_worded_as_bash_words_them() {
        for (text, wanted) in [
            ("1/0", "1/0: division by 0 (error token is \"0\")"),
            ("1+", "1+: syntax error: operand expected (error token is \"+\")"),
            ("2 3", "2 3: syntax error in expression (error token is \"3\")"),
            ("08", "08: value too great for base (error token is \"08\")"),
            ("(1", "(1: missing `)' (error token is \"1\")"),
            ("1=2", "1=2: attempted assignment to non-variable (error token is \"=2\")"),
        ] {
            assert_eq!(value(text), Err(wanted.to_owned()));
        }
        assert!(value("loop").is_err_and(|words| words.contains("recursion")));
        assert!(value(&"(".repeat(10_000)).is_err());
        assert!(value(&"-".repeat(10_000)).is_err());
    }
}
