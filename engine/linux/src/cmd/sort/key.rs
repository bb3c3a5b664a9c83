//! The part of a line that `sort -k` looks at.

use super::compare::{How, is_blank};
use crate::cmd::tool::quoted;

/// `-k 2.3,4n`: fields and characters counted from 0; no end is the line's.
#[derive(Clone, Debug, PartialEq)]
pub struct Key {
    pub from: (usize, usize),
    /// The last field, and how many of its characters (0: all).
    pub to: Option<(usize, usize)>,
    pub how: How,
    pub own: bool,
}

/// The error is what `sort` says.
pub fn parse(text: &str) -> Result<Key, String> {
    let invalid = |words: &str, rest: &str| format!("{words}: invalid field specification {}", quoted(rest));
    let number = |rest: &str, words: &str| -> Result<(usize, usize), String> {
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        match &rest[..end] {
            "" => Err(format!("{words}: invalid count at start of {}", quoted(rest))),
            digits => Ok((digits.parse().unwrap_or(usize::MAX), end)),
        }
    };
    let mut key = Key { from: (0, 0), to: None, how: How::default(), own: false };
    let (field, taken) = number(text, "invalid number at field start")?;
    if field == 0 {
        return Err(invalid("field number is zero", text));
    }
    let mut rest = &text[taken..];
    let mut character = 1;
    if let Some(after) = rest.strip_prefix('.') {
        let (value, taken) = number(after, "invalid number after '.'")?;
        if value == 0 {
            return Err(invalid("character offset is zero", text));
        }
        (character, rest) = (value, &after[taken..]);
    }
    key.from = (field - 1, character - 1);
    let letters = |rest: &str, how: &mut How, end: bool| {
        let mut taken = 0;
        for letter in rest.chars() {
            match letter {
                'b' if end => how.blanks.1 = true,
                'b' => how.blanks.0 = true,
                letter if how.set(letter) => {}
                _ => break,
            }
            taken += 1;
        }
        taken
    };
    let taken = letters(rest, &mut key.how, false);
    key.own |= taken > 0;
    rest = &rest[taken..];
    if let Some(after) = rest.strip_prefix(',') {
        let (field, taken) = number(after, "invalid number after ','")?;
        if field == 0 {
            return Err(invalid("field number is zero", text));
        }
        rest = &after[taken..];
        let mut count = 0;
        if let Some(after) = rest.strip_prefix('.') {
            let (value, taken) = number(after, "invalid number after '.'")?;
            (count, rest) = (value, &after[taken..]);
        }
        key.to = Some((field - 1, count));
        let taken = letters(rest, &mut key.how, true);
        key.own |= taken > 0;
        rest = &rest[taken..];
    }
    if rest.is_empty() { Ok(key) } else { Err(invalid("stray character in field spec", text)) }
}

impl Key {
    /// The part of a line that this key looks at.
    pub fn part<'a>(&self, line: &'a [u8], separator: Option<u8>, how: &How) -> &'a [u8] {
        let skip_blanks = |mut at: usize| {
            while line.get(at).is_some_and(is_blank) {
                at += 1;
            }
            at
        };
        // Where that field begins; the line's end where there is none.
        let field = |count: usize| {
            let mut at = 0;
            for _ in 0..count {
                if at >= line.len() {
                    break;
                }
                match separator {
                    Some(separator) => {
                        let next = line[at..].iter().position(|byte| *byte == separator);
                        at = next.map_or(line.len(), |next| at + next + 1);
                    }
                    None => {
                        at = skip_blanks(at);
                        while line.get(at).is_some_and(|byte| !is_blank(byte)) {
                            at += 1;
                        }
                    }
                }
            }
            at
        };
        let mut start = field(self.from.0);
        if how.blanks.0 {
            start = skip_blanks(start);
        }
        let start = start.saturating_add(self.from.1).min(line.len());
        let end = match self.to {
            None => line.len(),
            Some((last, 0)) => match separator {
                Some(_) => {
                    let next = field(last + 1);
                    let ended = next > 0 && line.get(next - 1) == separator.as_ref() && next > field(last);
                    if ended { next - 1 } else { next }
                }
                None => field(last + 1),
            },
            Some((last, count)) => {
                let mut at = field(last);
                if how.blanks.1 {
                    at = skip_blanks(at);
                }
                at.saturating_add(count).min(line.len())
            }
        };
        &line[start..end.max(start)]
    }
}
