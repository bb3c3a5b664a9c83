//! `${…}`: a parameter and what is done with its value.
//!
//! Always: one that means nothing becomes [`Part::Bad`], which is an error only when it is expanded.
//! Source: bash(1), "Parameter Expansion".

use super::word::WordEnd;
use super::{Dialect, Index, Operation, Parameter, Parser, Part, ReplacePlace, Result, Word};
use std::rc::Rc;

impl Part {
    pub(super) fn plain_parameter(name: String) -> Part {
        Part::Parameter(Rc::new(Parameter::bare(name)))
    }
}

impl Parser {
    /// At `${`
    pub(super) fn braced_parameter(&mut self, in_quotes: bool) -> Result<Part> {
        let (start, line) = (self.at, self.line);
        self.enter()?;
        self.skip("${");
        let read = self.parameter(in_quotes)?;
        self.leave();
        if let Some(parameter) = read {
            return Ok(Part::Parameter(Rc::new(parameter)));
        }
        self.bad_parameter(start, line)
    }

    /// Skips to the `}` that closes it.
    fn bad_parameter(&mut self, start: usize, line: u32) -> Result<Part> {
        (self.at, self.line) = (start, line);
        self.skip("${");
        let mut open = 1;
        while open > 0 {
            match self.bump() {
                None => return Err(self.unclosed('}', line)),
                Some('{') => open += 1,
                Some('}') => open -= 1,
                Some('\'') => drop(self.single_quoted()?),
                Some('\\') => drop(self.bump()),
                Some(_) => {}
            }
        }
        Ok(Part::Bad(self.chars[start..self.at].iter().collect()))
    }

    /// After `${`; up to and with `}`. `None` where it means nothing.
    fn parameter(&mut self, in_quotes: bool) -> Result<Option<Parameter>> {
        let line = self.line;
        let length = self.peek() == Some('#')
            && self.peek_at(1).is_some_and(|c| c.is_ascii_alphanumeric() || "_@*?-$!#".contains(c))
            && !(matches!(self.peek_at(1), Some('-' | '?' | '#')) && self.peek_at(2) != Some('}'));
        let indirect = !length
            && self.peek() == Some('!')
            && self.peek_at(1).is_some_and(|c| {
                c.is_ascii_alphanumeric() || c == '_' || "#@*?".contains(c) && self.peek_at(2) == Some('}')
            })
            && self.dialect == Dialect::Bash;
        if length || indirect {
            self.bump();
        }
        let Some(name) = self.parameter_name() else { return Ok(None) };
        let index = self.subscript()?;
        if length {
            let parameter = Parameter { name, index, indirect, bare: false, operation: Operation::Length };
            return Ok(self.skip("}").then_some(parameter));
        }
        if indirect {
            let names = [("*}", true), ("@}", false)].into_iter().find(|(end, _)| self.skip(end));
            if let Some((_, joined)) = names {
                let operation = Operation::Names { joined };
                return Ok(Some(Parameter { name, index: None, indirect: false, bare: false, operation }));
            }
            if let Some(all @ (Index::All | Index::Joined)) = &index
                && self.looking_at("}")
            {
                self.bump();
                let operation = Operation::Keys { joined: matches!(all, Index::Joined) };
                return Ok(Some(Parameter { name, index: None, indirect: false, bare: false, operation }));
            }
        }
        let Some(operation) = self.operation(in_quotes)? else { return Ok(None) };
        if !self.skip("}") {
            return if self.peek().is_none() { Err(self.unclosed('}', line)) } else { Ok(None) };
        }
        Ok(Some(Parameter { name, index, indirect, bare: false, operation }))
    }

    fn parameter_name(&mut self) -> Option<String> {
        let first = self.peek()?;
        if first.is_ascii_digit() {
            let mut digits = String::new();
            while let Some(c) = self.peek().filter(char::is_ascii_digit) {
                digits.push(c);
                self.bump();
            }
            return Some(digits);
        }
        if "@*#?-$!".contains(first) {
            self.bump();
            return Some(first.to_string());
        }
        let name = self.name();
        (!name.is_empty()).then_some(name)
    }

    pub(super) fn subscript(&mut self) -> Result<Option<Index>> {
        if self.peek() != Some('[') || self.dialect == Dialect::Dash {
            return Ok(None);
        }
        let line = self.line;
        self.bump();
        if self.skip("@]") {
            return Ok(Some(Index::All));
        }
        if self.skip("*]") {
            return Ok(Some(Index::Joined));
        }
        let word = self.word_until(WordEnd::Bracket, false)?;
        if !self.skip("]") {
            return Err(self.unclosed(']', line));
        }
        Ok(Some(Index::Of(word)))
    }

    fn operation(&mut self, in_quotes: bool) -> Result<Option<Operation>> {
        let bash = self.dialect == Dialect::Bash;
        let Some(first) = self.peek() else { return Ok(Some(Operation::None)) };
        if first == '}' {
            return Ok(Some(Operation::None));
        }
        let unless_empty = first == ':' && self.peek_at(1).is_some_and(|c| "-=?+".contains(c));
        if unless_empty {
            self.bump();
        }
        if let Some(sign) = self.peek().filter(|c| "-=?+".contains(*c)) {
            self.bump();
            let word = self.word_until(WordEnd::Brace { slash: false }, in_quotes)?;
            return Ok(Some(match sign {
                '-' => Operation::Default { unless_empty, word },
                '=' => Operation::Assign { unless_empty, word },
                '?' => Operation::Error { unless_empty, word },
                _ => Operation::Alternative { unless_empty, word },
            }));
        }
        match first {
            '#' | '%' => {
                self.bump();
                let longest = self.peek() == Some(first);
                if longest {
                    self.bump();
                }
                let pattern = self.word_until(WordEnd::Brace { slash: false }, false)?;
                Ok(Some(match first {
                    '#' => Operation::RemovePrefix { longest, pattern },
                    _ => Operation::RemoveSuffix { longest, pattern },
                }))
            }
            '/' if bash => self.replace(in_quotes).map(Some),
            ':' if bash => {
                self.bump();
                let offset = self.word_until(WordEnd::Colon, true)?;
                let length = if self.skip(":") { Some(self.word_until(WordEnd::Colon, true)?) } else { None };
                Ok(Some(Operation::Substring { offset, length }))
            }
            '^' | ',' | '~' if bash => {
                self.bump();
                let all = self.peek() == Some(first);
                if all {
                    self.bump();
                }
                let pattern = self.word_until(WordEnd::Brace { slash: false }, false)?;
                let pattern = (!pattern.parts.is_empty()).then_some(pattern);
                let upper = (first != '~').then_some(first == '^');
                Ok(Some(Operation::Case { upper, all, pattern }))
            }
            '@' if bash => {
                self.bump();
                let Some(letter) = self.peek().filter(|c| "UuLQEPAKak".contains(*c)) else { return Ok(None) };
                self.bump();
                Ok(Some(Operation::Transform(letter)))
            }
            _ => Ok(None),
        }
    }

    fn replace(&mut self, in_quotes: bool) -> Result<Operation> {
        self.bump();
        let place = match self.peek() {
            Some('/') => ReplacePlace::All,
            Some('#') => ReplacePlace::Start,
            Some('%') => ReplacePlace::End,
            _ => ReplacePlace::First,
        };
        if place != ReplacePlace::First {
            self.bump();
        }
        let pattern = self.word_until(WordEnd::Brace { slash: true }, false)?;
        let with = match self.skip("/") {
            true => self.word_until(WordEnd::Brace { slash: false }, in_quotes)?,
            false => Word::default(),
        };
        Ok(Operation::Replace { place, pattern, with })
    }
}
