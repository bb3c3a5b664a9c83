//! Reading a regular expression: from its text to a tree.

use super::{Side, Syntax};
use crate::shell::pattern::in_class;

/// Groups inside one another; deeper ones are refused.
const NESTING: u32 = 100;
/// RE_DUP_MAX
const MOST: u32 = 32_767;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Node {
    Char(char),
    Any,
    Set(Set),
    LineStart,
    LineEnd,
    WordStart,
    WordEnd,
    WordEdge,
    NoWordEdge,
    Back(usize),
    Sequence(Vec<Node>),
    Alternatives(Vec<Node>),
    Group(usize, Box<Node>),
    Repeat(Box<Node>, u32, Option<u32>),
    /// The same, as few as will do.
    Lazy(Box<Node>, u32, Option<u32>),
    /// `\K`: the match begins here.
    Keep,
    Look(Box<Node>, Side, bool),
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Set {
    pub negated: bool,
    ranges: Vec<(char, char)>,
    classes: Vec<String>,
}

impl Set {
    pub fn contains(&self, c: char) -> bool {
        let inside = self.ranges.iter().any(|(low, high)| (*low..=*high).contains(&c))
            || self.classes.iter().any(|class| in_class(c, class));
        inside != self.negated
    }

    pub fn class(class: &str, negated: bool) -> Set {
        Set { negated, ranges: Vec::new(), classes: vec![class.to_owned()] }
    }
}

/// The tree, and how many groups it has.
pub(super) fn parse(pattern: &str, syntax: Syntax) -> Result<(Node, usize), String> {
    if syntax == Syntax::Fixed {
        return Ok((Node::Sequence(pattern.chars().map(Node::Char).collect()), 0));
    }
    let chars = pattern.chars().collect();
    let (extended, perl) = (syntax != Syntax::Basic, syntax == Syntax::Perl);
    let mut reader = Reader { chars, at: 0, extended, perl, groups: 0, closed: 0, depth: 0 };
    let node = reader.alternatives().map_err(|words| if perl { in_perl(words) } else { words })?;
    if reader.at < reader.chars.len() {
        return Err("Unmatched ) or \\)".to_owned());
    }
    Ok((node, reader.groups))
}

/// The words of PCRE2 for what glibc says.
fn in_perl(words: String) -> String {
    let same = match words.as_str() {
        "Unmatched ( or \\(" => "missing closing parenthesis",
        "Unmatched ) or \\)" => "unmatched closing parenthesis",
        "Unmatched [, [^, [:, [., or [=" => "missing terminating ] for character class",
        "Trailing backslash" => "\\ at end of pattern",
        "Invalid preceding regular expression" => "quantifier does not follow a repeatable item",
        "Invalid back reference" => "reference to non-existent subpattern",
        _ => return words,
    };
    same.to_owned()
}

/// A group that begins with `(?`.
enum Special {
    Plain,
    Named,
    Look(Side, bool),
}

struct Reader {
    chars: Vec<char>,
    at: usize,
    extended: bool,
    perl: bool,
    groups: usize,
    closed: usize,
    depth: u32,
}

impl Reader {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    /// That operator: with a backslash in a basic expression, without one in an extended one.
    fn looking_at(&self, operator: char) -> bool {
        match self.extended {
            true => self.peek(0) == Some(operator),
            false => self.peek(0) == Some('\\') && self.peek(1) == Some(operator),
        }
    }

    fn take(&mut self, operator: char) -> bool {
        let found = self.looking_at(operator);
        if found {
            self.at += if self.extended { 1 } else { 2 };
        }
        found
    }

    fn alternatives(&mut self) -> Result<Node, String> {
        let mut branches = vec![self.sequence()?];
        while self.take('|') {
            branches.push(self.sequence()?);
        }
        Ok(if branches.len() == 1 { branches.remove(0) } else { Node::Alternatives(branches) })
    }

    fn sequence(&mut self) -> Result<Node, String> {
        let mut nodes: Vec<Node> = Vec::new();
        while self.at < self.chars.len() {
            let closes = self.looking_at(')') && (self.depth > 0 || !self.extended);
            if self.looking_at('|') || closes {
                break;
            }
            if self.looking_at(')') {
                return Err("Unmatched ) or \\)".to_owned());
            }
            let start = nodes.is_empty() || !self.extended && nodes == [Node::LineStart];
            if let Some(repeat) = self.repeat(start)? {
                let lazy = self.perl && self.take('?');
                // At the start there is nothing to repeat.
                if let Some(last) = nodes.pop().map(Box::new) {
                    nodes.push(match lazy {
                        true => Node::Lazy(last, repeat.0, repeat.1),
                        false => Node::Repeat(last, repeat.0, repeat.1),
                    });
                }
                continue;
            }
            let node = self.atom(nodes.is_empty())?;
            nodes.push(node);
        }
        Ok(if nodes.len() == 1 { nodes.remove(0) } else { Node::Sequence(nodes) })
    }

    /// `*`, `+`, `?`, `{m,n}`, if one stands here.
    fn repeat(&mut self, start: bool) -> Result<Option<(u32, Option<u32>)>, String> {
        if self.peek(0) == Some('*') {
            if start && !self.extended {
                return Ok(None);
            }
            self.at += 1;
            return Ok(Some((0, None)));
        }
        if start && !self.extended {
            return Ok(None);
        }
        if self.take('+') {
            return Ok(Some((1, None)));
        }
        if self.take('?') {
            return Ok(Some((0, Some(1))));
        }
        if !self.looking_at('{') {
            return Ok(None);
        }
        if self.extended && !self.is_interval() {
            return Ok(None);
        }
        if start {
            return Err("Invalid preceding regular expression".to_owned());
        }
        self.take('{');
        self.interval().map(Some)
    }

    /// `{` is plain text in an extended expression where no interval follows.
    fn is_interval(&self) -> bool {
        let rest: String = self.chars[self.at + 1..].iter().take_while(|c| **c != '}').collect();
        let closed = self.chars[self.at + 1..].contains(&'}');
        closed && !rest.is_empty() && rest.chars().all(|c| c.is_ascii_digit() || c == ',') && rest != ","
            || rest == "," && closed
    }

    fn interval(&mut self) -> Result<(u32, Option<u32>), String> {
        let least = self.number();
        let most = match self.peek(0) {
            Some(',') => {
                self.at += 1;
                self.number().map(Some).unwrap_or(None)
            }
            _ => Some(least.ok_or_else(|| match self.peek(0) {
                None => "Unmatched \\{".to_owned(),
                Some(_) => "Invalid content of \\{\\}".to_owned(),
            })?),
        };
        let closed = match self.extended {
            true => self.take('}'),
            false => self.take('}'),
        };
        if !closed {
            let end = self.at >= self.chars.len();
            return Err(if end { "Unmatched \\{" } else { "Invalid content of \\{\\}" }.to_owned());
        }
        let least = least.unwrap_or(0);
        if most.is_some_and(|most| most < least) {
            return Err("Invalid content of \\{\\}".to_owned());
        }
        if least > MOST || most.is_some_and(|most| most > MOST) {
            return Err("Regular expression too big".to_owned());
        }
        Ok((least, most))
    }

    fn number(&mut self) -> Option<u32> {
        let mut value = None;
        while let Some(digit) = self.peek(0).and_then(|c| c.to_digit(10)) {
            value = Some(value.unwrap_or(0_u32).saturating_mul(10).saturating_add(digit));
            self.at += 1;
        }
        value
    }

    fn atom(&mut self, first: bool) -> Result<Node, String> {
        if self.take('(') {
            return self.group();
        }
        let c = self.chars[self.at];
        self.at += 1;
        Ok(match c {
            '.' => Node::Any,
            '[' => Node::Set(self.set()?),
            '^' if self.extended || first => Node::LineStart,
            '$' if self.extended || self.ends_branch() => Node::LineEnd,
            '\\' => return self.escape(),
            c => Node::Char(c),
        })
    }

    fn ends_branch(&self) -> bool {
        self.at >= self.chars.len() || self.looking_at(')') || self.looking_at('|')
    }

    fn group(&mut self) -> Result<Node, String> {
        self.depth += 1;
        if self.depth > NESTING {
            return Err("Regular expression too big".to_owned());
        }
        let special = if self.perl && self.peek(0) == Some('?') { Some(self.special()?) } else { None };
        let captures = matches!(special, None | Some(Special::Named));
        self.groups += usize::from(captures);
        let index = self.groups;
        let inner = self.alternatives()?;
        if !self.take(')') {
            return Err("Unmatched ( or \\(".to_owned());
        }
        self.depth -= 1;
        self.closed = self.closed.max(index);
        Ok(match special {
            None | Some(Special::Named) => Node::Group(index, Box::new(inner)),
            Some(Special::Plain) => inner,
            Some(Special::Look(side, negated)) => Node::Look(Box::new(inner), side, negated),
        })
    }

    /// What follows `(?`.
    fn special(&mut self) -> Result<Special, String> {
        let rest: String = self.chars[self.at..].iter().take(4).collect();
        let known = [
            ("?:", Special::Plain),
            ("?=", Special::Look(Side::Ahead, false)),
            ("?!", Special::Look(Side::Ahead, true)),
            ("?<=", Special::Look(Side::Behind, false)),
            ("?<!", Special::Look(Side::Behind, true)),
            ("?P<", Special::Named),
            ("?<", Special::Named),
        ];
        let Some((text, special)) = known.into_iter().find(|(text, _)| rest.starts_with(text)) else {
            let shown: String = rest.chars().take(2).collect();
            return Err(format!("({shown}: not simulated in vethlab"));
        };
        self.at += text.len();
        if matches!(special, Special::Named) {
            while self.peek(0).is_some_and(|c| c != '>') {
                self.at += 1;
            }
            self.at += usize::from(self.peek(0).is_some());
        }
        Ok(special)
    }

    fn escape(&mut self) -> Result<Node, String> {
        let Some(c) = self.peek(0) else { return Err("Trailing backslash".to_owned()) };
        self.at += 1;
        Ok(match c {
            'd' | 'D' if self.perl => Node::Set(Set::class("digit", c == 'D')),
            'h' if self.perl => Node::Set(Set::class("blank", false)),
            'K' if self.perl => Node::Keep,
            '<' | '>' | '`' | '\'' if self.perl => Node::Char(c),
            'w' => Node::Set(Set::class("word", false)),
            'W' => Node::Set(Set::class("word", true)),
            's' => Node::Set(Set::class("space", false)),
            'S' => Node::Set(Set::class("space", true)),
            'b' => Node::WordEdge,
            'B' => Node::NoWordEdge,
            '<' => Node::WordStart,
            '>' => Node::WordEnd,
            '`' => Node::LineStart,
            '\'' => Node::LineEnd,
            'n' => Node::Char('\n'),
            't' => Node::Char('\t'),
            '1'..='9' => {
                let group = c as usize - '0' as usize;
                if group > self.groups {
                    return Err("Invalid back reference".to_owned());
                }
                Node::Back(group)
            }
            c => Node::Char(c),
        })
    }

    /// After `[`.
    fn set(&mut self) -> Result<Set, String> {
        const UNMATCHED: &str = "Unmatched [, [^, [:, [., or [=";
        let mut set = Set::default();
        if self.peek(0) == Some('^') {
            set.negated = true;
            self.at += 1;
        }
        let first = self.at;
        loop {
            let c = self.peek(0).ok_or(UNMATCHED)?;
            if c == ']' && self.at > first {
                self.at += 1;
                return Ok(set);
            }
            if c == '[' && self.peek(1) == Some(':') {
                let rest: String = self.chars[self.at + 2..].iter().collect();
                let end = rest.find(":]").ok_or(UNMATCHED)?;
                let class = &rest[..end];
                if !CLASSES.contains(&class) {
                    return Err("Invalid character class name".to_owned());
                }
                set.classes.push(class.to_owned());
                self.at += 2 + class.chars().count() + 2;
                continue;
            }
            self.at += 1;
            let c = match (self.perl && c == '\\', self.peek(0)) {
                (true, Some(escaped)) => {
                    self.at += 1;
                    let class = match escaped {
                        'd' => "digit",
                        'w' => "word",
                        's' => "space",
                        _ => "",
                    };
                    if !class.is_empty() {
                        set.classes.push(class.to_owned());
                        continue;
                    }
                    match escaped {
                        'n' => '\n',
                        't' => '\t',
                        other => other,
                    }
                }
                _ => c,
            };
            if self.peek(0) == Some('-') && self.peek(1).is_some_and(|c| c != ']') {
                let high = self.peek(1).ok_or(UNMATCHED)?;
                if high < c {
                    return Err("Invalid range end".to_owned());
                }
                set.ranges.push((c, high));
                self.at += 2;
            } else {
                set.ranges.push((c, c));
            }
        }
    }
}

const CLASSES: &[&str] = &[
    "alpha", "digit", "alnum", "upper", "lower", "space", "blank", "punct", "print", "graph", "cntrl",
    "xdigit",
];
