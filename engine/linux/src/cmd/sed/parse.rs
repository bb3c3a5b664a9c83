//! Reading a sed script: addresses and commands.
//!
//! Source: sed.info, "sed scripts"; the errors as GNU sed 4.9 words them.

use super::program::{Action, Address, Program, Step};
use crate::regex::{Regex, Syntax};

/// Blocks inside one another.
const NESTING: usize = 100;

pub(super) struct Reader<'a> {
    pub(super) chars: Vec<char>,
    pub(super) at: usize,
    pub(super) name: &'a str,
    pub(super) extended: bool,
}

pub(super) fn parse(script: &[(String, String)], extended: bool) -> Result<Program, String> {
    let mut program = Program::default();
    let mut blocks: Vec<(usize, String)> = Vec::new();
    for (index, (name, text)) in script.iter().enumerate() {
        let mut reader = Reader { chars: text.chars().collect(), at: 0, name, extended };
        if index == 0 && (text == "#n" || text.starts_with("#n\n")) {
            program.quiet = true;
        }
        reader.program(&mut program, &mut blocks)?;
    }
    if let Some((_, place)) = blocks.last() {
        return Err(format!("{place}: unmatched `{{'"));
    }
    for step in &program.steps {
        if let Action::Branch(label) | Action::BranchIf(label) | Action::BranchUnless(label) = &step.action
            && !label.is_empty()
            && !program.labels.iter().any(|(known, _)| known == label)
        {
            return Err(format!("can't find label for jump to `{label}'"));
        }
    }
    Ok(program)
}

impl Reader<'_> {
    pub(super) fn fault(&self, words: &str) -> String {
        format!("{}, char {}: {words}", self.name, self.at)
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    pub(super) fn bump(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += 1;
        Some(c)
    }

    fn blanks(&mut self) {
        while self.peek().is_some_and(|c| c == ' ' || c == '\t') {
            self.at += 1;
        }
    }

    fn program(&mut self, program: &mut Program, blocks: &mut Vec<(usize, String)>) -> Result<(), String> {
        loop {
            while self.peek().is_some_and(|c| c.is_whitespace() || c == ';') {
                self.at += 1;
            }
            if self.peek().is_none() {
                return Ok(());
            }
            if self.peek() == Some('#') {
                while self.peek().is_some_and(|c| c != '\n') {
                    self.at += 1;
                }
                continue;
            }
            let first = self.address()?;
            let mut second = None;
            self.blanks();
            if first.is_some() && self.peek() == Some(',') {
                self.at += 1;
                self.blanks();
                second = self.second_address()?;
                if second.is_none() {
                    self.at += 1;
                    return Err(self.fault("unexpected `,'"));
                }
            }
            self.blanks();
            let mut negated = false;
            while self.peek() == Some('!') {
                negated = true;
                self.at += 1;
                self.blanks();
            }
            self.command(program, blocks, Step { first, second, negated, action: Action::Label })?;
        }
    }

    pub(super) fn number(&mut self) -> Option<usize> {
        let start = self.at;
        while self.peek().is_some_and(|c| c.is_ascii_digit()) {
            self.at += 1;
        }
        self.chars[start..self.at].iter().collect::<String>().parse().ok()
    }

    fn address(&mut self) -> Result<Option<Address>, String> {
        match self.peek() {
            Some('$') => {
                self.at += 1;
                Ok(Some(Address::Last))
            }
            Some(c) if c.is_ascii_digit() => {
                let line = self.number().unwrap_or(0);
                if self.peek() == Some('~') {
                    self.at += 1;
                    let step = self.number().unwrap_or(0);
                    return Ok(Some(Address::Step(line, step)));
                }
                if line == 0 && self.peek() != Some(',') {
                    self.at += 1;
                    return Err(self.fault("invalid usage of line address 0"));
                }
                Ok(Some(Address::Line(line)))
            }
            Some('/') => {
                self.at += 1;
                self.match_address('/').map(Some)
            }
            Some('\\') => {
                self.at += 1;
                let Some(delimiter) = self.bump() else {
                    return Err(self.fault("unexpected end of script"));
                };
                self.match_address(delimiter).map(Some)
            }
            _ => Ok(None),
        }
    }

    fn second_address(&mut self) -> Result<Option<Address>, String> {
        match self.peek() {
            Some('+') => {
                self.at += 1;
                Ok(self.number().map(Address::Plus))
            }
            Some('~') => {
                self.at += 1;
                Ok(self.number().map(Address::Multiple))
            }
            _ => self.address(),
        }
    }

    fn match_address(&mut self, delimiter: char) -> Result<Address, String> {
        let Some(pattern) = self.delimited(delimiter, true) else {
            return Err(self.fault("unterminated address regex"));
        };
        let mut ignore_case = false;
        while let Some(flag @ ('I' | 'M')) = self.peek() {
            if flag == 'M' {
                return Err("flag M of an address: not simulated in vethlab".to_owned());
            }
            ignore_case = true;
            self.at += 1;
        }
        Ok(Address::Match(self.regex(&pattern, ignore_case)?))
    }

    pub(super) fn regex(&self, pattern: &str, ignore_case: bool) -> Result<Option<Regex>, String> {
        if pattern.is_empty() {
            return Ok(None);
        }
        let syntax = if self.extended { Syntax::Extended } else { Syntax::Basic };
        if self.extended && pattern.starts_with(['*', '+', '?']) {
            return Err(self.fault("Invalid preceding regular expression"));
        }
        Regex::new(pattern, syntax, ignore_case).map(Some).map_err(|words| self.fault(&words))
    }

    /// A character by the escape of GNU sed that begins with this letter.
    pub(super) fn escaped(&mut self, letter: char) -> Option<char> {
        let (radix, digits) = match letter {
            'a' => return Some('\x07'),
            'f' => return Some('\x0c'),
            'r' => return Some('\r'),
            't' => return Some('\t'),
            'v' => return Some('\x0b'),
            'd' => (10, 3),
            'o' => (8, 3),
            'x' => (16, 2),
            _ => return None,
        };
        let mut value = None;
        for _ in 0..digits {
            let Some(digit) = self.peek().and_then(|it| it.to_digit(radix)) else { break };
            self.bump();
            value = Some(value.unwrap_or(0) * radix + digit);
        }
        value.and_then(|value| char::from_u32(value & 0xff))
    }

    /// Up to the delimiter; `None` where it does not come. In an expression `[…]` hides it.
    pub(super) fn delimited(&mut self, delimiter: char, is_regex: bool) -> Option<String> {
        let (mut text, mut in_set) = (String::new(), false);
        loop {
            let c = self.bump()?;
            match c {
                '\\' => {
                    let next = self.bump()?;
                    match next {
                        _ if next == delimiter && !(is_regex && ".*[]^$+?(){}|".contains(next)) => {
                            text.push(next)
                        }
                        'n' if is_regex => text.push_str("\\n"),
                        '\n' if is_regex => text.push('\n'),
                        _ if is_regex => match self.escaped(next) {
                            // What an escape makes stands for itself.
                            Some(made) if !in_set && ".*[]^$+?(){}|\\".contains(made) => {
                                text.extend(['\\', made])
                            }
                            Some(made) => text.push(made),
                            None => text.extend(['\\', next]),
                        },
                        _ => text.extend(['\\', next]),
                    }
                }
                '[' if is_regex && !in_set => {
                    in_set = true;
                    text.push(c);
                    if self.peek() == Some('^') {
                        text.extend(self.bump());
                    }
                    if self.peek() == Some(']') {
                        text.extend(self.bump());
                    }
                }
                ']' if in_set => {
                    in_set = false;
                    text.push(c);
                }
                _ if c == delimiter && !in_set => return Some(text),
                '\n' if is_regex => return None,
                _ => text.push(c),
            }
        }
    }

    fn command(
        &mut self,
        program: &mut Program,
        blocks: &mut Vec<(usize, String)>,
        mut step: Step,
    ) -> Result<(), String> {
        let Some(letter) = self.bump() else { return Err(self.fault("missing command")) };
        let simple = match letter {
            'd' => Some(Action::Delete),
            'D' => Some(Action::DeleteFirst),
            'p' => Some(Action::Print),
            'P' => Some(Action::PrintFirst),
            'n' => Some(Action::Next),
            'N' => Some(Action::NextAppend),
            'h' => Some(Action::Hold),
            'H' => Some(Action::HoldAppend),
            'g' => Some(Action::Get),
            'G' => Some(Action::GetAppend),
            'x' => Some(Action::Exchange),
            '=' => Some(Action::LineNumber),
            'z' => Some(Action::Zap),
            _ => None,
        };
        step.action = match (letter, simple) {
            (_, Some(action)) => {
                self.end_of_command()?;
                action
            }
            ('l', _) => {
                self.blanks();
                self.number();
                self.end_of_command()?;
                Action::List
            }
            ('q' | 'Q', _) => {
                if step.second.is_some() {
                    return Err(self.fault("command only uses one address"));
                }
                self.blanks();
                let code = self.number().unwrap_or(0);
                self.end_of_command()?;
                Action::Quit(code as u8, letter == 'q')
            }
            ('{' | '}' | ':', _) => self.structure(letter, program, blocks, &step)?,
            ('b', _) => Action::Branch(self.label(true)),
            ('t', _) => Action::BranchIf(self.label(true)),
            ('T', _) => Action::BranchUnless(self.label(true)),
            ('a', _) => Action::Append(self.text()?),
            ('i', _) => Action::Insert(self.text()?),
            ('c', _) => Action::Change(self.text()?),
            ('r', _) => Action::Read(self.file_name()?),
            ('w', _) => Action::Write(self.file_name()?),
            ('s', _) => self.substitute()?,
            ('y', _) => self.translate()?,
            ('e' | 'F' | 'W' | 'R' | 'v', _) => return Err(format!("{letter}: not simulated in vethlab")),
            ('#', _) => return Err(self.fault("comments don't accept any addresses")),
            (',', _) => return Err(self.fault("unexpected `,'")),
            (';' | '\n', _) => return Err(self.fault("missing command")),
            (other, _) => return Err(self.fault(&format!("unknown command: `{other}'"))),
        };
        program.steps.push(step);
        Ok(())
    }

    /// `{`, `}` and labels.
    fn structure(
        &mut self,
        letter: char,
        program: &mut Program,
        blocks: &mut Vec<(usize, String)>,
        step: &Step,
    ) -> Result<Action, String> {
        Ok(match letter {
            '{' => {
                if blocks.len() >= NESTING {
                    return Err(self.fault("more blocks inside one another than vethlab simulates"));
                }
                blocks.push((program.steps.len(), format!("{}, char 0", self.name)));
                Action::Block(0)
            }
            '}' => {
                if step.first.is_some() {
                    return Err(self.fault("} doesn't want any addresses"));
                }
                let Some((open, _)) = blocks.pop() else { return Err(self.fault("unexpected `}'")) };
                program.steps[open].action = Action::Block(program.steps.len());
                self.end_of_command()?;
                Action::EndBlock
            }
            _ => {
                if step.first.is_some() {
                    return Err(self.fault(": doesn't want any addresses"));
                }
                let label = self.label(false);
                if label.is_empty() {
                    return Err(self.fault("\":\" lacks a label"));
                }
                program.labels.push((label, program.steps.len()));
                Action::Label
            }
        })
    }

    pub(super) fn end_of_command(&mut self) -> Result<(), String> {
        self.blanks();
        match self.peek() {
            None | Some('\n' | ';' | '}' | '#') => Ok(()),
            Some(_) => {
                self.at += 1;
                Err(self.fault("extra characters after command"))
            }
        }
    }

    /// Up to a `;` or a blank; of `:label`, GNU sed takes a `}` in.
    fn label(&mut self, brace_ends: bool) -> String {
        self.blanks();
        let start = self.at;
        while self.peek().is_some_and(|c| c != ';' && !c.is_whitespace() && !(brace_ends && c == '}')) {
            self.at += 1;
        }
        self.chars[start..self.at].iter().collect()
    }

    pub(super) fn file_name(&mut self) -> Result<String, String> {
        self.blanks();
        let start = self.at;
        while self.peek().is_some_and(|c| c != '\n') {
            self.at += 1;
        }
        if start == self.at {
            return Err(self.fault("missing filename in r/R/w/W commands"));
        }
        Ok(self.chars[start..self.at].iter().collect())
    }

    /// The text of `a`, `i`, `c`: after `\` and a newline, or on the same line.
    fn text(&mut self) -> Result<String, String> {
        self.blanks();
        if self.peek().is_none() {
            return Err(self.fault("expected \\ after `a', `c' or `i'"));
        }
        if self.peek() == Some('\\') {
            self.at += 1;
            let rest = self.at;
            self.blanks();
            if self.peek() == Some('\n') {
                self.at += 1;
            } else if self.peek().is_some() {
                // On the same line the backslash keeps the blanks after it.
                self.at = rest;
            } else if self.peek().is_none() {
                return Err(self.fault("expected \\ after `a', `c' or `i'"));
            }
        }
        let mut text = String::new();
        while let Some(c) = self.bump() {
            match c {
                '\n' => break,
                '\\' => match self.bump() {
                    Some(c) => text.push(c),
                    None => break,
                },
                c => text.push(c),
            }
        }
        Ok(text + "\n")
    }
}
