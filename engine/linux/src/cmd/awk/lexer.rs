//! An awk program as tokens.
//!
//! Always: `/` begins an expression or divides, by what stands before it.

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Number(f64),
    Text(String),
    Regex(String),
    Name(String),
    /// A name with `(` right after it.
    Call(String),
    Keyword(&'static str),
    Operator(&'static str),
    Newline,
    End,
}

const KEYWORDS: &[&str] = &[
    "BEGIN", "END", "function", "func", "if", "else", "while", "for", "do", "break", "continue", "next",
    "nextfile", "exit", "return", "delete", "in", "getline", "print", "printf",
];

/// Longest first.
const OPERATORS: &[&str] = &[
    "**=", "&&", "||", "==", "<=", ">=", "!=", "++", "--", "+=", "-=", "*=", "/=", "%=", "^=", ">>", "**",
    "{", "}", "(", ")", "[", "]", ";", ",", "+", "-", "*", "/", "%", "^", "!", ">", "<", "|", "?", ":", "~",
    "$", "=",
];

pub(super) struct Lexer {
    chars: Vec<char>,
    at: usize,
    pub line: usize,
    /// The last token could end an operand, so `/` divides.
    after_operand: bool,
}

impl Lexer {
    pub fn new(text: &str) -> Lexer {
        Lexer { chars: text.chars().collect(), at: 0, line: 1, after_operand: false }
    }

    fn peek(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    pub fn next(&mut self) -> Result<Token, String> {
        let token = self.read()?;
        self.after_operand = match &token {
            Token::Number(_) | Token::Text(_) | Token::Regex(_) | Token::Name(_) => true,
            Token::Operator(operator) => matches!(*operator, ")" | "]" | "$" | "++" | "--"),
            _ => false,
        };
        Ok(token)
    }

    fn read(&mut self) -> Result<Token, String> {
        loop {
            match (self.peek(0), self.peek(1)) {
                (Some(' ' | '\t' | '\r'), _) => self.at += 1,
                (Some('\\'), Some('\n')) => {
                    self.at += 2;
                    self.line += 1;
                }
                (Some('#'), _) => {
                    while self.peek(0).is_some_and(|c| c != '\n') {
                        self.at += 1;
                    }
                }
                _ => break,
            }
        }
        let Some(c) = self.peek(0) else { return Ok(Token::End) };
        match c {
            '\n' => {
                self.at += 1;
                self.line += 1;
                Ok(Token::Newline)
            }
            '"' => self.text(),
            '/' if !self.after_operand => self.regex(),
            '0'..='9' => Ok(self.number()),
            '.' if self.peek(1).is_some_and(|c| c.is_ascii_digit()) => Ok(self.number()),
            'a'..='z' | 'A'..='Z' | '_' => Ok(self.name()),
            _ => {
                let rest: String = self.chars[self.at..].iter().take(3).collect();
                match OPERATORS.iter().find(|operator| rest.starts_with(**operator)) {
                    Some(operator) => {
                        self.at += operator.len();
                        Ok(Token::Operator(match *operator {
                            "**" => "^",
                            "**=" => "^=",
                            operator => operator,
                        }))
                    }
                    None => Err(format!("line {}: unexpected character '{c}'", self.line)),
                }
            }
        }
    }

    fn number(&mut self) -> Token {
        let start = self.at;
        let digits = |lexer: &mut Self| {
            while lexer.peek(0).is_some_and(|c| c.is_ascii_digit()) {
                lexer.at += 1;
            }
        };
        digits(self);
        if self.peek(0) == Some('.') {
            self.at += 1;
            digits(self);
        }
        if matches!(self.peek(0), Some('e' | 'E')) {
            let before = self.at;
            self.at += 1;
            if matches!(self.peek(0), Some('+' | '-')) {
                self.at += 1;
            }
            if self.peek(0).is_some_and(|c| c.is_ascii_digit()) {
                digits(self);
            } else {
                self.at = before;
            }
        }
        let text: String = self.chars[start..self.at].iter().collect();
        Token::Number(text.parse().unwrap_or(0.0))
    }

    fn name(&mut self) -> Token {
        let start = self.at;
        while self.peek(0).is_some_and(|c| c.is_ascii_alphanumeric() || c == '_') {
            self.at += 1;
        }
        let name: String = self.chars[start..self.at].iter().collect();
        if let Some(keyword) = KEYWORDS.iter().find(|keyword| **keyword == name) {
            return Token::Keyword(if *keyword == "func" { "function" } else { keyword });
        }
        if self.peek(0) == Some('(') || super::builtin::NAMES.contains(&name.as_str()) {
            return Token::Call(name);
        }
        Token::Name(name)
    }

    fn text(&mut self) -> Result<Token, String> {
        self.at += 1;
        let mut text = String::new();
        loop {
            match self.peek(0) {
                None | Some('\n') => {
                    return Err(format!("line {}: runaway string constant \"{text} ...", self.line));
                }
                Some('"') => {
                    self.at += 1;
                    return Ok(Token::Text(text));
                }
                Some('\\') => {
                    self.at += 1;
                    self.escape(&mut text);
                }
                Some(c) => {
                    text.push(c);
                    self.at += 1;
                }
            }
        }
    }

    fn escape(&mut self, text: &mut String) {
        let Some(c) = self.peek(0) else { return };
        self.at += 1;
        match c {
            'n' => text.push('\n'),
            't' => text.push('\t'),
            'r' => text.push('\r'),
            'a' => text.push('\x07'),
            'b' => text.push('\x08'),
            'f' => text.push('\x0c'),
            'v' => text.push('\x0b'),
            '\\' | '"' | '/' => text.push(c),
            '\n' => self.line += 1,
            '0'..='7' => {
                let mut code = c.to_digit(8).unwrap_or(0);
                for _ in 0..2 {
                    let Some(digit) = self.peek(0).and_then(|c| c.to_digit(8)) else { break };
                    code = code * 8 + digit;
                    self.at += 1;
                }
                text.extend(char::from_u32(code & 255));
            }
            c => text.extend(['\\', c]),
        }
    }

    fn regex(&mut self) -> Result<Token, String> {
        self.at += 1;
        let (mut text, mut in_set) = (String::new(), false);
        loop {
            match self.peek(0) {
                None | Some('\n') => {
                    return Err(format!("line {}: runaway regular expression /{text} ...", self.line));
                }
                Some('/') if !in_set => {
                    self.at += 1;
                    return Ok(Token::Regex(text));
                }
                Some('\\') => {
                    self.at += 1;
                    match self.peek(0) {
                        Some('/') => text.push('/'),
                        Some('"') => text.push('"'),
                        Some(c) => text.extend(['\\', c]),
                        None => {}
                    }
                    self.at += 1;
                }
                Some(c) => {
                    in_set = match c {
                        '[' => true,
                        ']' => false,
                        _ => in_set,
                    };
                    text.push(c);
                    self.at += 1;
                }
            }
        }
    }
}
