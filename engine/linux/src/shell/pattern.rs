//! Patterns of the shell: `*`, `?`, `[…]`, and with `extglob` `?(…)`, `*(…)`, `+(…)`, `@(…)`, `!(…)`.
//!
//! Always: matching takes time in proportion to the text and the pattern, whatever they are.
//! Differs from bash: collating symbols and equivalence classes match nothing; the locale is C.
//! Source: bash(1), "Pattern Matching".

use std::collections::{BTreeMap, BTreeSet};

/// Parentheses inside one another in one pattern; deeper ones are plain text.
const NESTING: usize = 20;

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    Char(char),
    Any,
    Set(Set),
    /// Goes on at both places without reading.
    Split(usize, usize),
    Jump(usize),
    /// Goes on wherever the inner pattern does not match.
    Unless(Vec<State>),
    End,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Set {
    negated: bool,
    ranges: Vec<(char, char)>,
    classes: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    pieces: Vec<Piece>,
    states: Vec<State>,
    ignore_case: bool,
}

/// A character of a pattern, and whether it was quoted (then it stands for itself).
pub type PatternChar = (char, bool);

/// `[:alpha:]` and its like, in the C locale.
pub fn in_class(c: char, class: &str) -> bool {
    match class {
        "alpha" => c.is_ascii_alphabetic(),
        "digit" => c.is_ascii_digit(),
        "alnum" => c.is_ascii_alphanumeric(),
        "upper" => c.is_ascii_uppercase(),
        "lower" => c.is_ascii_lowercase(),
        "space" => c.is_ascii_whitespace() || c == '\x0b',
        "blank" => c == ' ' || c == '\t',
        "punct" => c.is_ascii_punctuation(),
        "print" => (' '..='~').contains(&c),
        "graph" => c.is_ascii_graphic(),
        "cntrl" => c.is_ascii_control(),
        "xdigit" => c.is_ascii_hexdigit(),
        "word" => c.is_ascii_alphanumeric() || c == '_',
        _ => false,
    }
}

impl Set {
    fn contains(&self, c: char) -> bool {
        let inside = self.ranges.iter().any(|(low, high)| (*low..=*high).contains(&c))
            || self.classes.iter().any(|class| in_class(c, class));
        inside != self.negated
    }
}

/// Is anything in it more than itself?
pub fn is_pattern(chars: &[PatternChar], extended: bool) -> bool {
    let open = |at: usize| matches!(chars.get(at), Some(('(', false)));
    let bracket = chars.contains(&(']', false));
    chars.iter().enumerate().any(|(at, (c, quoted))| {
        !quoted
            && match c {
                '*' | '?' => true,
                '[' => bracket,
                '+' | '@' | '!' => extended && open(at + 1),
                _ => false,
            }
    })
}

impl Pattern {
    pub fn new(chars: &[PatternChar], extended: bool) -> Pattern {
        let pieces = pieces(chars, extended, 0);
        let states = Compiler::compile(&pieces, false);
        Pattern { pieces, states, ignore_case: false }
    }

    /// From text in which `\` quotes.
    pub fn parse(text: &str, extended: bool) -> Pattern {
        let mut chars = Vec::new();
        let mut rest = text.chars();
        while let Some(c) = rest.next() {
            match c {
                '\\' => chars.push((rest.next().unwrap_or('\\'), true)),
                _ => chars.push((c, false)),
            }
        }
        Pattern::new(&chars, extended)
    }

    pub fn ignoring_case(mut self, ignore: bool) -> Pattern {
        self.ignore_case = ignore;
        self
    }

    pub fn matches(&self, text: &str) -> bool {
        let chars: Vec<char> = text.chars().collect();
        self.run(&self.states).prefixes(&chars, &mut |length| length < chars.len()) == Some(chars.len())
    }

    fn run<'a>(&self, states: &'a [State]) -> Run<'a> {
        Run { states, ignore_case: self.ignore_case }
    }

    /// The length of the shortest or the longest start of `text` that matches.
    pub fn prefix(&self, text: &[char], longest: bool) -> Option<usize> {
        self.run(&self.states).prefixes(text, &mut |_| longest)
    }

    /// The length of the shortest or the longest end of `text` that matches.
    pub fn suffix(&self, text: &[char], longest: bool) -> Option<usize> {
        let states = Compiler::compile(&self.pieces, true);
        let reversed: Vec<char> = text.iter().rev().copied().collect();
        self.run(&states).prefixes(&reversed, &mut |_| longest)
    }
}

/// One way of reading: the states of a pattern, forwards or backwards.
struct Run<'a> {
    states: &'a [State],
    ignore_case: bool,
}

impl Run<'_> {
    /// Calls `more` with the length of each start that matches, in growing order, until it says false;
    /// answers the last one called with.
    fn prefixes(&self, text: &[char], more: &mut dyn FnMut(usize) -> bool) -> Option<usize> {
        let mut last = None;
        let mut now = BTreeSet::new();
        let mut later: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
        self.reach(0, text, 0, &mut now, &mut later);
        for at in 0..=text.len() {
            if at > 0
                && let Some(states) = later.remove(&at)
            {
                states.into_iter().for_each(|state| self.reach(state, text, at, &mut now, &mut later));
            }
            if now.iter().any(|state| self.states[*state] == State::End) {
                last = Some(at);
                if !more(at) {
                    return last;
                }
            }
            let Some(c) = text.get(at) else { break };
            if now.is_empty() && later.is_empty() {
                break;
            }
            let mut next = BTreeSet::new();
            for state in now {
                if self.reads(state, *c) {
                    self.reach(state + 1, text, at + 1, &mut next, &mut later);
                }
            }
            now = next;
        }
        last
    }

    fn reads(&self, state: usize, c: char) -> bool {
        let other = |c: char| if c.is_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() };
        match &self.states[state] {
            State::Char(wanted) => *wanted == c || self.ignore_case && *wanted == other(c),
            State::Any => true,
            State::Set(set) => set.contains(c) || self.ignore_case && set.contains(other(c)),
            _ => false,
        }
    }

    /// Adds `state` and all that it leads to without reading.
    fn reach(
        &self,
        state: usize,
        text: &[char],
        at: usize,
        into: &mut BTreeSet<usize>,
        later: &mut BTreeMap<usize, BTreeSet<usize>>,
    ) {
        let mut open = vec![state];
        while let Some(state) = open.pop() {
            if !into.insert(state) {
                continue;
            }
            match &self.states[state] {
                State::Split(a, b) => open.extend([*a, *b]),
                State::Jump(to) => open.push(*to),
                State::Unless(inner) => {
                    let rest = &text[at..];
                    let mut ends = BTreeSet::new();
                    let inner = Run { states: inner, ignore_case: self.ignore_case };
                    inner.prefixes(rest, &mut |length| ends.insert(length));
                    if !ends.contains(&0) {
                        open.push(state + 1);
                    }
                    for length in (1..=rest.len()).filter(|length| !ends.contains(length)) {
                        later.entry(at + length).or_default().insert(state + 1);
                    }
                }
                _ => {}
            }
        }
    }
}

/// A piece of a pattern, as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Char(char),
    Any,
    Star,
    Set(Set),
    /// The character before `(`, and the alternatives.
    Group(char, Vec<Vec<Piece>>),
}

fn pieces(chars: &[PatternChar], extended: bool, depth: usize) -> Vec<Piece> {
    let (mut found, mut at) = (Vec::new(), 0);
    while let Some((c, quoted)) = chars.get(at).copied() {
        let group = extended && !quoted && "?*+@!".contains(c) && chars.get(at + 1) == Some(&('(', false));
        if group
            && depth < NESTING
            && let Some((branches, end)) = branches(&chars[at + 2..])
        {
            let branches = branches.into_iter().map(|branch| pieces(branch, extended, depth + 1)).collect();
            found.push(Piece::Group(c, branches));
            at += 2 + end;
            continue;
        }
        at += 1;
        found.push(match c {
            _ if quoted => Piece::Char(c),
            '?' => Piece::Any,
            '*' => Piece::Star,
            '[' => match set(&chars[at..]) {
                Some((set, length)) => {
                    at += length;
                    Piece::Set(set)
                }
                None => Piece::Char('['),
            },
            _ => Piece::Char(c),
        });
    }
    found
}

struct Compiler {
    states: Vec<State>,
    /// From the end of the text to its start.
    backwards: bool,
}

impl Compiler {
    fn compile(pieces: &[Piece], backwards: bool) -> Vec<State> {
        let mut compiler = Compiler { states: Vec::new(), backwards };
        compiler.sequence(pieces);
        compiler.states.push(State::End);
        compiler.states
    }

    fn sequence(&mut self, pieces: &[Piece]) {
        match self.backwards {
            true => pieces.iter().rev().for_each(|piece| self.piece(piece)),
            false => pieces.iter().for_each(|piece| self.piece(piece)),
        }
    }

    fn piece(&mut self, piece: &Piece) {
        match piece {
            Piece::Char(c) => self.states.push(State::Char(*c)),
            Piece::Any => self.states.push(State::Any),
            Piece::Set(set) => self.states.push(State::Set(set.clone())),
            Piece::Star => {
                let here = self.states.len();
                self.states.extend([State::Split(here + 1, here + 3), State::Any, State::Jump(here)]);
            }
            Piece::Group('!', branches) => {
                let mut inner = Compiler { states: Vec::new(), backwards: self.backwards };
                inner.alternatives(branches);
                inner.states.push(State::End);
                self.states.push(State::Unless(inner.states));
            }
            Piece::Group(kind, branches) => self.group(*kind, branches),
        }
    }

    fn group(&mut self, kind: char, branches: &[Vec<Piece>]) {
        let start = self.states.len();
        self.states.push(State::Jump(start + 1));
        self.alternatives(branches);
        let end = self.states.len();
        match kind {
            '?' => self.states[start] = State::Split(start + 1, end),
            '*' => {
                self.states[start] = State::Split(start + 1, end + 1);
                self.states.push(State::Jump(start));
            }
            '+' => self.states.push(State::Split(start + 1, end + 1)),
            _ => {}
        }
    }

    fn alternatives(&mut self, branches: &[Vec<Piece>]) {
        let mut ends = Vec::new();
        for (index, branch) in branches.iter().enumerate() {
            let split = self.states.len();
            let last = index + 1 == branches.len();
            if !last {
                self.states.push(State::Jump(0));
            }
            self.sequence(branch);
            if !last {
                ends.push(self.states.len());
                self.states.push(State::Jump(0));
                self.states[split] = State::Split(split + 1, self.states.len());
            }
        }
        let end = self.states.len();
        ends.into_iter().for_each(|at| self.states[at] = State::Jump(end));
    }
}

/// After `(`: the alternatives up to its `)`, and how many characters that took.
fn branches(chars: &[PatternChar]) -> Option<(Vec<&[PatternChar]>, usize)> {
    let (mut found, mut start, mut open) = (Vec::new(), 0, 0);
    for (at, (c, quoted)) in chars.iter().enumerate() {
        match c {
            _ if *quoted => {}
            '(' => open += 1,
            ')' if open == 0 => {
                found.push(&chars[start..at]);
                return Some((found, at + 1));
            }
            ')' => open -= 1,
            '|' if open == 0 => {
                found.push(&chars[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    None
}

/// After `[`: the set, and how many characters it took. `None` where no `]` closes it.
fn set(chars: &[PatternChar]) -> Option<(Set, usize)> {
    let mut set = Set { negated: false, ranges: Vec::new(), classes: Vec::new() };
    let mut at = 0;
    if let Some(('!' | '^', false)) = chars.first() {
        set.negated = true;
        at = 1;
    }
    let first = at;
    loop {
        let (c, quoted) = *chars.get(at)?;
        if c == ']' && !quoted && at > first {
            return Some((set, at + 1));
        }
        if c == '[' && !quoted && chars.get(at + 1) == Some(&(':', false)) {
            let rest = &chars[at + 2..];
            if let Some(end) = rest.windows(2).position(|pair| pair[0].0 == ':' && pair[1].0 == ']') {
                set.classes.push(rest[..end].iter().map(|(c, _)| *c).collect());
                at += 2 + end + 2;
                continue;
            }
        }
        let range = chars.get(at + 1) == Some(&('-', false))
            && chars.get(at + 2).is_some_and(|(c, quoted)| *c != ']' || *quoted);
        if range {
            set.ranges.push((c, chars[at + 2].0));
            at += 3;
        } else {
            set.ranges.push((c, c));
            at += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, text: &str) -> bool {
        Pattern::parse(pattern, true).matches(text)
    }

    #[test]
    fn stars_sets_and_quotes_match_as_in_bash() {
        for (pattern, yes, no) in [
            ("*.txt", "a.txt", "a.txt~"),
            ("a?c", "abc", "ac"),
            ("[a-c]x", "bx", "dx"),
            ("[!a-c]x", "dx", "bx"),
            ("[]x]", "]", "["),
            ("[[:digit:]]*", "1a", "a1"),
            ("\\*", "*", "a"),
            ("[a", "[a", "a"),
            ("", "", "a"),
            ("*", "", "\0never"),
            ("+(a|b)c", "abac", "c"),
            ("?(a)b", "b", "aab"),
            ("*(ab)", "abab", "aba"),
            ("@(a|b*)", "bcd", "cd"),
            ("!(a|b)", "c", "a"),
            ("*.!(c|h)", "x.o", "x.c"),
        ] {
            assert!(matches(pattern, yes), "{pattern} {yes}");
            assert!(no.starts_with('\0') || !matches(pattern, no), "{pattern} {no}");
        }
    }

    #[test]
    fn a_hostile_pattern_ends_soon() {
        let text = "a".repeat(3000);
        assert!(!matches(&"*a".repeat(200).replace("a*", "a*?"), &format!("{text}b")));
        assert!(!matches("*(*(*(a)))b", &text));
    }

    #[test]
    fn prefixes_are_found_short_and_long() {
        let text: Vec<char> = "a.b.c".chars().collect();
        let pattern = Pattern::parse("*.", false);
        assert_eq!((pattern.prefix(&text, false), pattern.prefix(&text, true)), (Some(2), Some(4)));
        let pattern = Pattern::parse(".*", false);
        assert_eq!((pattern.suffix(&text, false), pattern.suffix(&text, true)), (Some(2), Some(4)));
    }
}
