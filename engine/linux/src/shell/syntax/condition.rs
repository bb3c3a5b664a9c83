//! `[[ … ]]`: conditions with their own grammar.
//!
//! Source: bash(1), "CONDITIONAL EXPRESSIONS".

use super::word::WordEnd;
use super::{Condition, Parser, Result, SyntaxError, Word};

const BINARY: &[&str] =
    &["==", "=", "!=", "=~", "<", ">", "-eq", "-ne", "-lt", "-le", "-gt", "-ge", "-nt", "-ot", "-ef"];
const UNARY: &[&str] = &[
    "-a", "-b", "-c", "-d", "-e", "-f", "-g", "-h", "-k", "-p", "-r", "-s", "-t", "-u", "-w", "-x", "-G",
    "-L", "-N", "-O", "-S", "-z", "-n", "-o", "-v", "-R",
];

impl Parser {
    /// After `[[`, up to and with `]]`.
    pub(super) fn conditional(&mut self) -> Result<Condition> {
        let condition = self.condition_or()?;
        self.newlines()?;
        if self.plain_word().is_some_and(|(word, _)| word == "]]") {
            self.skip("]]");
            return Ok(condition);
        }
        Err(self.condition_fault(
            "unexpected token `{}', conditional binary operator expected",
            "syntax error near",
        ))
    }

    fn condition_or(&mut self) -> Result<Condition> {
        let mut left = self.condition_and()?;
        while self.condition_operator("||")? {
            left = Condition::Or(Box::new(left), Box::new(self.condition_and()?));
        }
        Ok(left)
    }

    fn condition_and(&mut self) -> Result<Condition> {
        let mut left = self.condition_term()?;
        while self.condition_operator("&&")? {
            left = Condition::And(Box::new(left), Box::new(self.condition_term()?));
        }
        Ok(left)
    }

    fn condition_operator(&mut self, wanted: &str) -> Result<bool> {
        self.newlines()?;
        Ok(self.take_operator(wanted))
    }

    fn condition_term(&mut self) -> Result<Condition> {
        self.enter()?;
        self.newlines()?;
        let term = self.condition_primary()?;
        self.leave();
        Ok(term)
    }

    fn condition_primary(&mut self) -> Result<Condition> {
        let plain = self.plain_word().map(|(word, _)| word);
        match plain.as_deref() {
            Some("!") => {
                self.skip("!");
                return Ok(Condition::Not(Box::new(self.condition_term()?)));
            }
            Some("]]") | None if self.peek() == Some(']') || self.peek().is_none() => {
                // bash says nothing of a condition that is not there.
                return Err(self.condition_fault("", ""));
            }
            Some(operator) if UNARY.contains(&operator) => {
                let operator = operator.to_owned();
                let start = (self.at, self.line);
                self.skip(&operator);
                self.blanks();
                let binary = self.plain_word().is_some_and(|(word, _)| BINARY.contains(&word.as_str()));
                let ends =
                    self.plain_word().is_some_and(|(word, _)| word == "]]") || self.operator().is_some();
                if !binary && !ends {
                    return Ok(Condition::Unary(operator, self.word_until(WordEnd::Pattern, false)?));
                }
                if ends {
                    return Err(
                        self.condition_fault("unexpected argument `{}' to conditional unary operator", "")
                    );
                }
                (self.at, self.line) = start;
            }
            _ => {}
        }
        if self.take_operator("(") {
            let inner = self.condition_or()?;
            self.newlines()?;
            if !self.take_operator(")") {
                return Err(self.condition_fault("unexpected token `{}', expected `)'", ""));
            }
            return Ok(Condition::Group(Box::new(inner)));
        }
        if self.operator().is_some() {
            return Err(self.condition_fault("unexpected token `{}' in conditional command", ""));
        }
        let left = self.word()?;
        self.condition_binary(left)
    }

    fn condition_binary(&mut self, left: Word) -> Result<Condition> {
        self.blanks();
        let plain = self.plain_word().map(|(word, _)| word);
        let operator = match (plain, self.operator()) {
            (Some(word), _) if BINARY.contains(&word.as_str()) => word,
            (Some(word), _) if word == "]]" => return Ok(Condition::Word(left)),
            (None, Some(operator @ ("<" | ">"))) => operator.to_owned(),
            (None, Some("&&" | "||" | ")")) => return Ok(Condition::Word(left)),
            _ if self.peek().is_none() || self.peek() == Some('\n') => {
                return Err(
                    self.condition_fault("unexpected token `{}', conditional binary operator expected", "")
                );
            }
            _ => return Err(self.condition_fault("conditional binary operator expected", "")),
        };
        self.skip(&operator);
        self.blanks();
        if self.plain_word().is_some_and(|(word, _)| word == "]]") || self.peek().is_none() {
            return Err(self.condition_fault("unexpected argument `{}' to conditional binary operator", ""));
        }
        let end = if operator == "=~" { WordEnd::Regex } else { WordEnd::Pattern };
        let right = self.word_until(end, false)?;
        Ok(Condition::Binary(left, operator, right))
    }

    fn condition_fault(&mut self, words: &str, _near: &str) -> SyntaxError {
        self.blanks();
        let token = match self.plain_word() {
            Some((word, _)) => word,
            None => match self.operator() {
                Some("\n") | None => "newline".to_owned(),
                Some(operator) => operator.to_owned(),
            },
        };
        self.fault(super::Fault::Condition(words.replace("{}", &token)), self.line)
    }
}
