//! Reading `s` and `y`.
//!
//! Source: sed.info, "The \"s\" Command"; the errors as GNU sed 4.9 words them.

use super::parse::Reader;
use super::program::{Action, Piece, Substitute};
use crate::regex::Regex;

impl Reader<'_> {
    pub(super) fn substitute(&mut self) -> Result<Action, String> {
        let unterminated = |reader: &Self| reader.fault("unterminated `s' command");
        let Some(delimiter) = self.bump().filter(|c| *c != '\n' && *c != '\\') else {
            return Err(unterminated(self));
        };
        let Some(pattern) = self.delimited(delimiter, true) else { return Err(unterminated(self)) };
        let Some(with) = self.replacement(delimiter) else { return Err(unterminated(self)) };
        let mut done = Substitute { regex: None, with, global: false, print: 0, number: 0, write: None };
        let mut ignore_case = false;
        loop {
            match self.peek() {
                Some('g') => {
                    if done.global {
                        self.at += 1;
                        return Err(self.fault("multiple `g' options to `s' command"));
                    }
                    done.global = true;
                }
                Some('p') => done.print += 1,
                Some('i' | 'I') => ignore_case = true,
                Some('m' | 'M' | 'e') => {
                    return Err("flags m, M, e of s: not simulated in vethlab".to_owned());
                }
                Some(c) if c.is_ascii_digit() => {
                    let number = self.number().unwrap_or(0);
                    if number == 0 {
                        return Err(self.fault("number option to `s' command may not be zero"));
                    }
                    done.number = number;
                    continue;
                }
                Some('w') => {
                    self.at += 1;
                    done.write = Some(self.file_name()?);
                    break;
                }
                None | Some('\n' | ';' | '}' | '#' | ' ' | '\t') => {
                    self.end_of_command().map_err(|_| self.fault("unknown option to `s'"))?;
                    break;
                }
                Some(_) => {
                    self.at += 1;
                    return Err(self.fault("unknown option to `s'"));
                }
            }
            self.at += 1;
        }
        done.regex = self.regex(&pattern, ignore_case)?;
        let groups = done.regex.as_ref().map_or(9, Regex::groups);
        for piece in &done.with {
            if let Piece::Group(group) = piece
                && *group > groups
            {
                return Err(self.fault(&format!("invalid reference \\{group} on `s' command's RHS")));
            }
        }
        Ok(Action::Substitute(Box::new(done)))
    }

    fn replacement(&mut self, delimiter: char) -> Option<Vec<Piece>> {
        let (mut pieces, mut text) = (Vec::new(), String::new());
        let flush = |text: &mut String, pieces: &mut Vec<Piece>| {
            if !text.is_empty() {
                pieces.push(Piece::Text(std::mem::take(text)));
            }
        };
        loop {
            let c = self.bump()?;
            match c {
                _ if c == delimiter => {
                    flush(&mut text, &mut pieces);
                    return Some(pieces);
                }
                '&' => {
                    flush(&mut text, &mut pieces);
                    pieces.push(Piece::Group(0));
                }
                '\\' => match self.bump()? {
                    digit @ '0'..='9' => {
                        flush(&mut text, &mut pieces);
                        pieces.push(Piece::Group(digit as usize - '0' as usize));
                    }
                    case @ ('U' | 'L' | 'u' | 'l' | 'E') => {
                        flush(&mut text, &mut pieces);
                        pieces.push(Piece::Case(case));
                    }
                    'n' => text.push('\n'),
                    other => text.push(self.escaped(other).unwrap_or(other)),
                },
                c => text.push(c),
            }
        }
    }

    pub(super) fn translate(&mut self) -> Result<Action, String> {
        let unterminated = |reader: &Self| reader.fault("unterminated `y' command");
        let Some(delimiter) = self.bump() else { return Err(unterminated(self)) };
        let mut sides = Vec::new();
        for _ in 0..2 {
            let Some(text) = self.delimited(delimiter, false) else { return Err(unterminated(self)) };
            let mut side = Vec::new();
            let mut chars = text.chars();
            while let Some(c) = chars.next() {
                side.push(match c {
                    '\\' => match chars.next() {
                        Some('n') => '\n',
                        Some('t') => '\t',
                        Some(other) => other,
                        None => '\\',
                    },
                    c => c,
                });
            }
            sides.push(side);
        }
        if sides[0].len() != sides[1].len() {
            return Err(self.fault("strings for `y' command are different lengths"));
        }
        self.end_of_command()?;
        Ok(Action::Translate(sides[0].iter().copied().zip(sides[1].iter().copied()).collect()))
    }
}
