//! Quotes: `\`, `'…'`, `"…"`, `$'…'`, and the texts in which only `$`, `` ` `` and `\` are special.
//!
//! Source: bash(1), "QUOTING".

use super::{Parser, Part, Result, Word};

/// Where a text that is read as if in double quotes ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Until {
    /// At the closing `"`.
    Quote,
    /// With the input; `"` is nothing special.
    Here,
    /// With the input; `"` is dropped.
    Arithmetic,
}

impl Parser {
    /// After `'`.
    pub(super) fn single_quoted(&mut self) -> Result<String> {
        let line = self.line;
        let mut text = String::new();
        loop {
            match self.bump() {
                None => return Err(self.unclosed('\'', line)),
                Some('\'') => return Ok(text),
                Some(c) => text.push(c),
            }
        }
    }

    /// After `"`.
    pub(super) fn double_quoted(&mut self) -> Result<Vec<Part>> {
        self.quoted_parts(Until::Quote)
    }

    pub(super) fn quoted_parts(&mut self, until: Until) -> Result<Vec<Part>> {
        let line = self.line;
        let mut parts = Vec::new();
        let mut text = String::new();
        loop {
            match self.peek() {
                None if until == Until::Quote => return Err(self.unclosed('"', line)),
                None => break,
                Some('"') if until == Until::Quote => {
                    self.bump();
                    break;
                }
                Some('"') if until == Until::Arithmetic => drop(self.bump()),
                Some('\\') => self.quoted_escape(until, &mut text),
                Some('$' | '`') => match self.expansion(true)? {
                    Some(part) => {
                        flush(&mut text, &mut parts);
                        parts.push(part);
                    }
                    None => text.extend(self.bump()),
                },
                Some(c) => {
                    text.push(c);
                    self.bump();
                }
            }
        }
        flush(&mut text, &mut parts);
        Ok(parts)
    }

    /// `\` inside double quotes keeps its meaning before `$`, `` ` ``, `"`, `\` and newline only.
    fn quoted_escape(&mut self, until: Until, text: &mut String) {
        self.bump();
        match self.peek() {
            Some('\n') => drop(self.bump()),
            Some(c @ ('$' | '`' | '\\')) => {
                text.push(c);
                self.bump();
            }
            Some('"') if until != Until::Here => {
                text.push('"');
                self.bump();
            }
            _ => text.push('\\'),
        }
    }

    /// After `$'`: the escapes of C.
    pub(super) fn ansi_quoted(&mut self) -> Result<String> {
        let line = self.line;
        let mut text = String::new();
        loop {
            match self.bump() {
                None => return Err(self.unclosed('\'', line)),
                Some('\'') => return Ok(text),
                Some('\\') => self.ansi_escape(&mut text),
                Some(c) => text.push(c),
            }
        }
    }

    fn ansi_escape(&mut self, text: &mut String) {
        let Some(c) = self.bump() else { return };
        let plain = match c {
            'a' => '\x07',
            'b' => '\x08',
            'e' | 'E' => '\x1b',
            'f' => '\x0c',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\x0b',
            '\\' | '\'' | '"' | '?' => c,
            'x' => return self.code(16, 2, 0, text),
            'u' => return self.code(16, 4, 0, text),
            'U' => return self.code(16, 8, 0, text),
            '0'..='7' => return self.code(8, 2, c.to_digit(8).unwrap_or(0), text),
            'c' => match self.bump() {
                Some(control) => char::from((control as u32 & 0x1f) as u8),
                None => return,
            },
            _ => {
                text.push('\\');
                c
            }
        };
        text.push(plain);
    }

    fn code(&mut self, base: u32, digits: usize, first: u32, text: &mut String) {
        let mut value = first;
        for _ in 0..digits {
            let Some(digit) = self.peek().and_then(|c| c.to_digit(base)) else { break };
            value = value * base + digit;
            self.bump();
        }
        text.extend(char::from_u32(value));
    }

    /// A raw text that is expanded as if in double quotes: arithmetic.
    pub(super) fn arithmetic_word(&self, raw: &str, line: u32) -> Result<Word> {
        let mut inner =
            Parser::new(raw, self.dialect, self.aliases.clone()).at_line(line).nested(self.depth + 1);
        inner.check_depth()?;
        let parts = vec![Part::Double(inner.quoted_parts(Until::Arithmetic)?)];
        Ok(Word { parts, source: raw.to_owned() })
    }

    pub(super) fn check_depth(&mut self) -> Result<()> {
        self.depth -= 1;
        self.enter()
    }
}

pub(super) fn flush(text: &mut String, parts: &mut Vec<Part>) {
    if !text.is_empty() {
        parts.push(Part::Quoted(std::mem::take(text)));
    }
}
