//! Words: runs of characters, quotes and expansions up to a blank or an operator.
//!
//! Source: bash(1), "EXPANSION".

use super::quote::Until;
use super::{Dialect, List, Parser, Part, Result, Word};
use std::rc::Rc;

/// What ends a word besides blanks and operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WordEnd {
    Plain,
    /// Inside `${…}`: `}`, and `/` where a pattern is read.
    Brace {
        slash: bool,
    },
    /// A regular expression of `[[ =~ ]]`: parentheses and `|` belong to it.
    Regex,
    /// A subscript: `]`.
    Bracket,
    /// A pattern of `[[ == ]]`: like a word, but `(`…`)` of extended patterns belong to it.
    Pattern,
    /// The offset of `${name:offset:length}`.
    Colon,
}

impl Parser {
    pub(super) fn word(&mut self) -> Result<Word> {
        self.word_until(WordEnd::Plain, false)
    }

    pub(super) fn word_until(&mut self, end: WordEnd, in_quotes: bool) -> Result<Word> {
        let mut reader = Reader { parts: Vec::new(), text: String::new() };
        let (mut parentheses, start) = (0_u32, self.at);
        let mut brackets = 0_u32;
        while let Some(c) = self.peek() {
            if parentheses == 0 && brackets == 0 && self.ends_word(c, end) {
                break;
            }
            match c {
                '[' if end == WordEnd::Bracket => {
                    brackets += 1;
                    reader.text.extend(self.bump());
                }
                ']' if brackets > 0 => {
                    brackets -= 1;
                    reader.text.extend(self.bump());
                }
                '(' if matches!(end, WordEnd::Regex | WordEnd::Pattern | WordEnd::Colon) => {
                    parentheses += 1;
                    reader.text.extend(self.bump());
                }
                ')' if parentheses > 0 => {
                    parentheses -= 1;
                    reader.text.extend(self.bump());
                }
                '\\' => self.word_escape(in_quotes, &mut reader),
                '\'' if !in_quotes || end == (WordEnd::Brace { slash: true }) => {
                    self.bump();
                    let text = self.single_quoted()?;
                    reader.push(Part::Quoted(text));
                }
                '"' => {
                    self.bump();
                    let parts = self.double_quoted()?;
                    reader.push(Part::Double(parts));
                }
                '<' | '>' if self.peek_at(1) == Some('(') && end == WordEnd::Plain => {
                    let part = self.process_substitution()?;
                    reader.push(part);
                }
                '$' | '`' => match self.expansion(in_quotes)? {
                    Some(part) => reader.push(part),
                    None => reader.text.extend(self.bump()),
                },
                _ => reader.text.extend(self.bump()),
            }
        }
        if brackets > 0 {
            return Err(self.unclosed(']', self.line));
        }
        if parentheses > 0 {
            return Err(self.unclosed(')', self.line));
        }
        reader.flush();
        let source = self.chars[start..self.at].iter().collect();
        Ok(Word { parts: reader.parts, source })
    }

    /// At a backslash: the character after it stands for itself; in quotes, only those that are special there.
    fn word_escape(&mut self, in_quotes: bool, reader: &mut Reader) {
        self.bump();
        match self.peek() {
            Some('\n') => drop(self.bump()),
            Some(next) if !in_quotes || "$`\"\\}".contains(next) => {
                self.bump();
                reader.push(Part::Quoted(next.to_string()));
            }
            None if !in_quotes => reader.text.push('\\'),
            _ => reader.push(Part::Quoted("\\".to_owned())),
        }
    }

    fn ends_word(&self, c: char, end: WordEnd) -> bool {
        match end {
            WordEnd::Plain | WordEnd::Pattern => match c {
                ' ' | '\t' | '\n' | ';' | '&' | ')' => true,
                '|' => true,
                '(' => end == WordEnd::Plain,
                '<' | '>' => self.peek_at(1) != Some('(') || self.dialect == Dialect::Dash,
                _ => false,
            },
            WordEnd::Regex => matches!(c, ' ' | '\t' | '\n' | ')' | '&' | ';'),
            WordEnd::Brace { slash } => c == '}' || (slash && c == '/'),
            WordEnd::Bracket => c == ']',
            WordEnd::Colon => c == ':' || c == '}',
        }
    }

    /// At `$` or `` ` ``: the expansion, or `None` where the character stands for itself.
    pub(super) fn expansion(&mut self, in_quotes: bool) -> Result<Option<Part>> {
        if self.peek() == Some('`') {
            return self.backquoted(in_quotes).map(Some);
        }
        let Some(next) = self.peek_at(1) else { return Ok(None) };
        match next {
            '(' if self.peek_at(2) == Some('(') => {
                if let Some(part) = self.arithmetic_expansion()? {
                    return Ok(Some(part));
                }
                self.substitution().map(Some)
            }
            '(' => self.substitution().map(Some),
            '{' => self.braced_parameter(in_quotes).map(Some),
            '[' if self.dialect == Dialect::Bash => self.old_arithmetic().map(Some),
            '\'' if !in_quotes && self.dialect == Dialect::Bash => {
                self.skip("$'");
                self.ansi_quoted().map(|text| Some(Part::Quoted(text)))
            }
            '"' if !in_quotes && self.dialect == Dialect::Bash => {
                self.skip("$\"");
                self.double_quoted().map(|parts| Some(Part::Double(parts)))
            }
            '@' | '*' | '#' | '?' | '-' | '$' | '!' | '0'..='9' => {
                self.bump();
                self.bump();
                Ok(Some(Part::plain_parameter(next.to_string())))
            }
            'a'..='z' | 'A'..='Z' | '_' => {
                self.bump();
                let name = self.name();
                Ok(Some(Part::plain_parameter(name)))
            }
            _ => Ok(None),
        }
    }

    /// A variable's name, as far as it goes.
    pub(super) fn name(&mut self) -> String {
        let mut name = String::new();
        while let Some(c) = self.peek().filter(|c| c.is_ascii_alphanumeric() || *c == '_') {
            name.push(c);
            self.bump();
        }
        name
    }

    /// At `$(`
    fn substitution(&mut self) -> Result<Part> {
        self.skip("$(");
        self.parenthesised().map(Part::Substitution)
    }

    fn process_substitution(&mut self) -> Result<Part> {
        let reading = self.bump() == Some('<');
        self.bump();
        let list = self.parenthesised()?;
        Ok(Part::Process { reading, list })
    }

    /// Commands up to the `)` that closes them.
    fn parenthesised(&mut self) -> Result<Rc<List>> {
        self.enter()?;
        let here = std::mem::take(&mut self.here);
        let list = match self.list(&[]) {
            Ok(list) => list,
            Err(error) if error.fault == super::Fault::EndOfFile => {
                return Err(self.unclosed(')', error.line));
            }
            Err(error) => return Err(error),
        };
        self.blanks();
        match self.peek() {
            Some(')') => drop(self.bump()),
            None => {
                let line = self.line + u32::from(self.chars.last() != Some(&'\n'));
                return Err(self.unclosed(')', line));
            }
            Some(_) => return Err(self.unexpected()),
        }
        self.here = here;
        self.leave();
        Ok(Rc::new(list))
    }

    /// At `` ` ``: the text up to the next one, with `\` before `$`, `` ` `` and `\` taken away.
    fn backquoted(&mut self, in_quotes: bool) -> Result<Part> {
        let line = self.line;
        self.bump();
        let mut text = String::new();
        loop {
            match self.bump() {
                None => return Err(self.unclosed('`', line)),
                Some('`') => return Ok(Part::Backquoted(text)),
                Some('\\') => match self.peek() {
                    Some(c @ ('$' | '`' | '\\')) => {
                        self.bump();
                        text.push(c);
                    }
                    Some('"') if in_quotes => {
                        self.bump();
                        text.push('"');
                    }
                    _ => text.push('\\'),
                },
                Some(c) => text.push(c),
            }
        }
    }

    /// At `$((`: `None` (and nothing read) where it turns out to be `$( (`.
    fn arithmetic_expansion(&mut self) -> Result<Option<Part>> {
        let (start, line) = (self.at, self.line);
        self.skip("$((");
        match self.until_double_parenthesis(line)? {
            Some(raw) => Ok(Some(Part::Arithmetic(Rc::new(self.arithmetic_word(&raw, line)?)))),
            None => {
                (self.at, self.line) = (start, line);
                Ok(None)
            }
        }
    }

    /// Inside `((`: the text up to `))`; `None` where a single `)` closes more than was opened.
    pub(super) fn until_double_parenthesis(&mut self, line: u32) -> Result<Option<String>> {
        let (mut raw, mut open) = (String::new(), 0_u32);
        while let Some(c) = self.bump() {
            match c {
                '(' => open += 1,
                ')' if open > 0 => open -= 1,
                ')' if self.peek() == Some(')') => {
                    self.bump();
                    return Ok(Some(raw));
                }
                ')' => return Ok(None),
                '\\' if self.peek() == Some('\n') => {
                    self.bump();
                    continue;
                }
                _ => {}
            }
            raw.push(c);
        }
        Err(self.unclosed(')', line))
    }

    /// At `$[`: the old form of `$((…))`.
    fn old_arithmetic(&mut self) -> Result<Part> {
        let line = self.line;
        self.skip("$[");
        let (mut raw, mut open) = (String::new(), 0_u32);
        loop {
            match self.bump() {
                None => return Err(self.unclosed(']', line)),
                Some(']') if open == 0 => break,
                Some(c) => {
                    open = match c {
                        '[' => open + 1,
                        ']' => open - 1,
                        _ => open,
                    };
                    raw.push(c);
                }
            }
        }
        Ok(Part::Arithmetic(Rc::new(self.arithmetic_word(&raw, line)?)))
    }

    /// A text without a script around it, as if in double quotes: a prompt, a here-document's body.
    pub fn quoted_text(&mut self) -> Result<Word> {
        Ok(Word { parts: vec![Part::Double(self.quoted_parts(Until::Here)?)], source: String::new() })
    }
}

struct Reader {
    parts: Vec<Part>,
    text: String,
}

impl Reader {
    fn push(&mut self, part: Part) {
        self.flush();
        self.parts.push(part);
    }

    fn flush(&mut self) {
        if !self.text.is_empty() {
            self.parts.push(Part::Text(std::mem::take(&mut self.text)));
        }
    }
}
