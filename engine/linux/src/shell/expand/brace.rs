//! Brace expansion: `a{b,c}d`, `{1..5}`, `{a..e..2}`.
//!
//! Always: at most [`WORDS`] words come of one; where it would be more, the braces stay as they are.
//! Source: bash(1), "Brace Expansion".

use crate::shell::Shell;
use crate::shell::syntax::{Dialect, Parameter, Part, Word};
use std::rc::Rc;

/// Words that one word may become.
const WORDS: usize = 20_000;
/// Braces inside one another.
const NESTING: usize = 20;

/// A character that may be special, or a part that is opaque.
#[derive(Clone, Debug)]
enum Piece {
    Char(char),
    Part(Part),
}

impl Shell {
    pub(super) fn braces(&self, word: &Word) -> Vec<Word> {
        let special = |part: &Part| matches!(part, Part::Text(text) if text.contains('{'));
        if self.dialect == Dialect::Dash || !self.options.braceexpand || !word.parts.iter().any(special) {
            return vec![word.clone()];
        }
        let mut pieces = Vec::new();
        for part in &word.parts {
            match part {
                Part::Text(text) => pieces.extend(text.chars().map(Piece::Char)),
                part => pieces.push(Piece::Part(part.clone())),
            }
        }
        match expand(&pieces, 0) {
            Some(words) => words.into_iter().map(to_word).collect(),
            None => vec![word.clone()],
        }
    }
}

fn to_word(pieces: Vec<Piece>) -> Word {
    let mut parts: Vec<Part> = Vec::new();
    for piece in pieces {
        // `$x{a,b}` is `$xa $xb`: what follows a bare name belongs to it.
        if let (Piece::Char(c), Some(Part::Parameter(parameter))) = (&piece, parts.last_mut())
            && c.is_ascii_alphanumeric()
            && parameter.bare
        {
            let name = format!("{}{c}", parameter.name);
            *parameter = Rc::new(Parameter::bare(name));
            continue;
        }
        match (piece, parts.last_mut()) {
            (Piece::Char(c), Some(Part::Text(text))) => text.push(c),
            (Piece::Char(c), _) => parts.push(Part::Text(c.to_string())),
            (Piece::Part(part), _) => parts.push(part),
        }
    }
    Word { parts, source: String::new() }
}

fn is(pieces: &[Piece], at: usize, wanted: char) -> bool {
    matches!(pieces.get(at), Some(Piece::Char(c)) if *c == wanted)
}

/// `None` where it would be too many.
fn expand(pieces: &[Piece], depth: usize) -> Option<Vec<Vec<Piece>>> {
    if depth > NESTING {
        return Some(vec![pieces.to_vec()]);
    }
    let mut from = 0;
    while let Some(open) = (from..pieces.len()).find(|at| is(pieces, *at, '{')) {
        let Some((choices, close)) = choices(pieces, open, depth) else {
            from = open + 1;
            continue;
        };
        let tails = expand(&pieces[close + 1..], depth)?;
        let choices = choices?;
        if choices.len().checked_mul(tails.len())? > WORDS {
            return None;
        }
        let mut words = Vec::new();
        for choice in &choices {
            for tail in &tails {
                words.push([&pieces[..open], choice, tail].concat());
            }
        }
        return Some(words);
    }
    Some(vec![pieces.to_vec()])
}

type Choices = Option<Vec<Vec<Piece>>>;

/// At `{`: the words between it and its `}`, and where that is. `None` where it is not a brace expression.
fn choices(pieces: &[Piece], open: usize, depth: usize) -> Option<(Choices, usize)> {
    // `${` never comes here: it is a part. `{}` is no expression.
    let (mut level, mut commas) = (0, Vec::new());
    let mut close = None;
    for at in open..pieces.len() {
        match &pieces[at] {
            Piece::Char('{') => level += 1,
            Piece::Char('}') => {
                level -= 1;
                if level == 0 {
                    close = Some(at);
                    break;
                }
            }
            Piece::Char(',') if level == 1 => commas.push(at),
            _ => {}
        }
    }
    let close = close?;
    if commas.is_empty() {
        let inner: Option<String> = pieces[open + 1..close]
            .iter()
            .map(|piece| match piece {
                Piece::Char(c) => Some(*c),
                Piece::Part(_) => None,
            })
            .collect();
        let range = range(&inner?)?;
        return Some((Some(range), close));
    }
    commas.push(close);
    let mut start = open + 1;
    let mut words = Vec::new();
    for comma in commas {
        match expand(&pieces[start..comma], depth + 1) {
            Some(expanded) if words.len() + expanded.len() <= WORDS => words.extend(expanded),
            _ => return Some((None, close)),
        }
        start = comma + 1;
    }
    Some((Some(words), close))
}

/// `1..5`, `a..e`, `01..10`, each with `..step`.
fn range(text: &str) -> Option<Vec<Vec<Piece>>> {
    let parts: Vec<&str> = text.split("..").collect();
    let (first, last, step) = match parts.as_slice() {
        [first, last] => (*first, *last, 0),
        [first, last, step] => (*first, *last, step.parse::<i64>().ok()?),
        _ => return None,
    };
    let step = step.unsigned_abs().max(1);
    let numbers = |from: i64, to: i64| -> Option<Vec<i64>> {
        let count = from.abs_diff(to) / step;
        if count >= WORDS as u64 {
            return None;
        }
        let step = i64::try_from(step).ok()?;
        let sign = if from <= to { 1 } else { -1 };
        Some((0..=count as i64).map(|index| from + sign * index * step).collect())
    };
    let pieces = |text: String| text.chars().map(Piece::Char).collect();
    if let (Ok(from), Ok(to)) = (first.parse::<i64>(), last.parse::<i64>()) {
        let padded = |text: &str| {
            let digits = text.trim_start_matches(['-', '+']);
            digits.len() > 1 && digits.starts_with('0')
        };
        let width = if padded(first) || padded(last) { first.len().max(last.len()) } else { 0 };
        return Some(numbers(from, to)?.into_iter().map(|n| pieces(format!("{n:0width$}"))).collect());
    }
    let letter = |text: &str| match text.as_bytes() {
        [byte] if byte.is_ascii_alphabetic() => Some(i64::from(*byte)),
        _ => None,
    };
    let (from, to) = (letter(first)?, letter(last)?);
    let word = |code: i64| pieces(u8::try_from(code).map_or(' ', char::from).to_string());
    Some(numbers(from, to)?.into_iter().map(word).collect())
}
