//! Walks tokens by line and by block, and says where it stands when something is wrong there.
//!
//! Always: every error begins with `FILE:LINE - Error during parsing:`.
//! Source: coredns/caddy `caddyfile/dispenser.go`.

use super::corefile::Token;

#[derive(Clone, Debug)]
pub struct Dispenser {
    file: String,
    tokens: Vec<Token>,
    /// Index of the current token and one; zero before the first.
    cursor: usize,
    nesting: usize,
}

impl Dispenser {
    pub fn new(file: &str, tokens: Vec<Token>) -> Dispenser {
        Dispenser { file: file.to_owned(), tokens, cursor: 0, nesting: 0 }
    }

    pub fn token(&self) -> Option<&Token> {
        self.tokens.get(self.cursor.checked_sub(1)?)
    }

    /// The current token's text; empty before the first and behind the last.
    pub fn value(&self) -> &str {
        self.token().map_or("", |token| token.text.as_str())
    }

    pub fn file(&self) -> &str {
        match self.token() {
            Some(token) if !token.file.is_empty() => &token.file,
            _ => &self.file,
        }
    }

    /// Goes on to the next token, wherever it is.
    pub fn next(&mut self) -> bool {
        if self.cursor < self.tokens.len() {
            self.cursor += 1;
            return true;
        }
        false
    }

    pub fn back(&mut self) {
        self.cursor = self.cursor.saturating_sub(1);
    }

    /// Goes on to the next token, if it is on the same line.
    pub fn next_arg(&mut self) -> bool {
        let Some(next) = self.tokens.get(self.cursor) else { return false };
        let is_same_line = match self.token() {
            None => true,
            Some(token) => token.file == next.file && end_line(token) == next.line,
        };
        self.cursor += usize::from(is_same_line);
        is_same_line
    }

    /// In a loop: each line of the block that opens on this one, standing on its first token.
    pub fn next_block(&mut self) -> bool {
        if self.nesting > 0 {
            if !self.next() {
                return false;
            }
            if self.value() == "}" {
                self.nesting -= 1;
                return false;
            }
            return true;
        }
        if !self.next_arg() {
            return false;
        }
        if self.value() != "{" {
            self.back();
            return false;
        }
        if !self.next() || self.value() == "}" {
            return false;
        }
        self.nesting += 1;
        true
    }

    /// The rest of the line, up to an opening brace.
    pub fn remaining_args(&mut self) -> Vec<String> {
        let mut args = Vec::new();
        while self.next_arg() {
            if self.value() == "{" {
                self.back();
                break;
            }
            args.push(self.value().to_owned());
        }
        args
    }

    /// Whether the current token begins a line.
    pub fn is_new_line(&self) -> bool {
        let Some(before) = self.cursor.checked_sub(2).and_then(|index| self.tokens.get(index)) else {
            return true;
        };
        self.token().is_some_and(|token| before.file != token.file || end_line(before) < token.line)
    }

    /// Puts tokens in the place of the current one and the one before it, and stands ahead of them. How many tokens
    /// there are then.
    pub fn splice(&mut self, tokens: Vec<Token>) -> usize {
        let start = self.cursor.saturating_sub(2);
        let end = self.cursor.min(self.tokens.len());
        self.tokens.splice(start..end, tokens);
        self.cursor = start;
        self.tokens.len()
    }

    pub fn error(&self, what: &str) -> String {
        format!("{}:{} - Error during parsing: {what}", self.file(), self.line())
    }

    pub fn arg_error(&self) -> String {
        match self.value() {
            "{" => self.error("Unexpected token '{', expecting argument"),
            value => self.error(&format!("Wrong argument count or unexpected line ending after '{value}'")),
        }
    }

    pub fn syntax_error(&self, expected: &str) -> String {
        let (file, line, value) = (self.file(), self.line(), self.value());
        format!("{file}:{line} - Syntax error: Unexpected token '{value}', expecting '{expected}'")
    }

    fn line(&self) -> usize {
        self.token().map_or(0, |token| token.line)
    }
}

/// The line on which a token ends.
fn end_line(token: &Token) -> usize {
    token.line + token.text.matches('\n').count()
}
